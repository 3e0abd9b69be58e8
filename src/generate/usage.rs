//! The export of business applications usage: users or capacity, whichever the rate card counts,
//! and trials that count nowhere.

use super::apps::App;
use super::business::{Export, category};
use super::seats::whole;
use super::table::Row;
use crate::error::Result;
use crate::rules::UsageMeasure;

/// The columns in documented order.
pub(super) const HEADER: [&str; 17] = [
    "FiscalMonthName",
    "GlobalPartnerID",
    "PartnerName",
    "PartnerAssociationType",
    "CustomerID",
    "CustomerName",
    "CustomerTenantID",
    "CustomerTenantName",
    "SubscriptionID",
    "SubscriptionStartDate",
    "MetricType",
    "WorkloadCategory",
    "Workload",
    "SkuGroup",
    "PAMAU",
    "MAC",
    "MAU",
];

/// Positions in [`HEADER`] after those that both exports have.
mod column {
    pub(super) const KIND: usize = 10;
    pub(super) const CATEGORY: usize = 11;
    pub(super) const WORKLOAD: usize = 12;
    pub(super) const PRODUCT: usize = 13;
    pub(super) const ATTRIBUTED_USERS: usize = 14;
    pub(super) const CAPACITY: usize = 15;
    pub(super) const ACTIVE_USERS: usize = 16;
}

/// Product groups of the subscriptions of one application.
const PRODUCTS: [&str; 2] = [" Plan 1", " Plan 2"];
const TRIAL_PRODUCT: &str = " Trial";

/// Writes the use of an application of the customer whose row has begun.
pub(super) fn write(export: &mut Export, app: &App<'_>, units: i64) -> Result<()> {
    let row = &mut export.row;
    row.set(column::KIND, "Paid");
    row.set(column::CATEGORY, category(app.rated.measure));
    row.set(column::WORKLOAD, &app.rated.workload);
    export.write_shares(app, &app.usage_bonds, units, |row, number, share| {
        set_product(row, app, PRODUCTS[number % PRODUCTS.len()]);
        set_units(row, app.rated.measure, share);
    })?;
    let (Some(trial), Some(bond)) = (app.trial, app.usage_bonds.first()) else { return Ok(()) };
    export.row.set(column::KIND, "Trial");
    set_product(&mut export.row, app, TRIAL_PRODUCT);
    set_units(&mut export.row, app.rated.measure, units / 3 + 1);
    export.begin_subscription(trial, app.first);
    export.write(bond)
}

fn set_product(row: &mut Row, app: &App<'_>, ending: &str) {
    let product = row.start(column::PRODUCT);
    product.extend_from_slice(app.rated.workload.as_bytes());
    product.extend_from_slice(ending.as_bytes());
}

/// Fills in the measure that counts; where it is not the users, there are other users beside it.
fn set_units(row: &mut Row, measure: UsageMeasure, units: i64) {
    row.start(column::ATTRIBUTED_USERS);
    row.start(column::CAPACITY);
    let users = match measure {
        UsageMeasure::ActiveUsers => units,
        UsageMeasure::AttributedUsers => {
            row.set_number(column::ATTRIBUTED_USERS, whole(units));
            units * 3 / 2 + 2
        }
        UsageMeasure::Capacity => {
            row.set_number(column::CAPACITY, whole(units));
            units / 10_000 + 1
        }
    };
    row.set_number(column::ACTIVE_USERS, whole(users));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_fit_the_header() {
        for (at, name) in [
            (column::KIND, "MetricType"),
            (column::WORKLOAD, "Workload"),
            (column::PRODUCT, "SkuGroup"),
            (column::ATTRIBUTED_USERS, "PAMAU"),
            (column::CAPACITY, "MAC"),
            (column::ACTIVE_USERS, "MAU"),
        ] {
            assert_eq!(HEADER[at], name);
        }
    }
}
