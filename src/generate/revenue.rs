//! The export of business applications revenue.

use super::apps::App;
use super::business::{Export, category};
use super::customer::Customer;
use super::text::{UNITS_PER_CENT, push_amount};
use crate::error::Result;

/// The columns in documented order.
pub(super) const HEADER: [&str; 14] = [
    "FiscalMonthName",
    "GlobalPartnerID",
    "PartnerName",
    "PartnerAssociationType",
    "CustomerID",
    "CustomerName",
    "CustomerTenantID",
    "CustomerTenantName",
    "SubscriptionId",
    "SubscriptionStartDate",
    "Country",
    "WorkloadCategory",
    "Workloads",
    "AdjustedRevenueAmtCD",
];

/// Positions in [`HEADER`] after those that both exports have.
mod column {
    pub(super) const COUNTRY: usize = 10;
    pub(super) const CATEGORY: usize = 11;
    pub(super) const WORKLOAD: usize = 12;
    pub(super) const AMOUNT: usize = 13;
}

/// Writes the revenue of an application of the customer whose row has begun.
pub(super) fn write(
    export: &mut Export,
    app: &App<'_>,
    customer: &Customer,
    cents: i64,
) -> Result<()> {
    let row = &mut export.row;
    row.set(column::COUNTRY, customer.place.country);
    row.set(column::CATEGORY, category(app.rated.measure));
    row.set(column::WORKLOAD, app.sold_as);
    export.write_shares(app, &app.revenue_bonds, cents, |row, _, share| {
        push_amount(row.start(column::AMOUNT), share * UNITS_PER_CENT, 2);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_fit_the_header() {
        for (at, name) in [
            (column::COUNTRY, "Country"),
            (column::CATEGORY, "WorkloadCategory"),
            (column::WORKLOAD, "Workloads"),
            (column::AMOUNT, "AdjustedRevenueAmtCD"),
        ] {
            assert_eq!(HEADER[at], name);
        }
    }
}
