//! The exports of business applications: revenue and usage by customer, subscription, workload and
//! association. Every third customer has such applications, and both exports are about the same
//! ones. Neither export tells a location of the partner.

use super::apps::App;
use super::bonds::Bond;
use super::customer::Customer;
use super::partner::Partner;
use super::stream::Stream;
use super::table::{Row, Table};
use super::text::{push_guid, push_month, push_month_name, push_number};
use super::{Base, Delivery, Summary, revenue, usage};
use crate::calendar::Month;
use crate::error::Result;
use crate::rules::UsageMeasure;

/// Positions of the columns with which both exports begin.
mod column {
    pub(super) const MONTH: usize = 0;
    pub(super) const ACCOUNT: usize = 1;
    pub(super) const PARTNER_NAME: usize = 2;
    pub(super) const ATTRIBUTION: usize = 3;
    pub(super) const PARENT: usize = 4;
    pub(super) const CUSTOMER_NAME: usize = 5;
    pub(super) const TENANT: usize = 6;
    pub(super) const TENANT_NAME: usize = 7;
    pub(super) const SUBSCRIPTION: usize = 8;
    pub(super) const SUBSCRIPTION_START: usize = 9;
}

/// Writes both exports of one delivery.
pub(super) fn write(base: &Base<'_>, delivery: &Delivery) -> Result<Summary> {
    let settings = base.settings;
    let mut sold = Export::create(delivery, "bizapps_revenue.csv", &revenue::HEADER)?;
    let mut used = Export::create(delivery, "bizapps_usage.csv", &usage::HEADER)?;
    for index in 0..settings.partners {
        let partner = Partner::draw(settings.seed, index);
        for number in 0..settings.tenants_per_partner {
            if !partner.has_applications(number) {
                continue;
            }
            let Some(customer) = Customer::draw(base, &partner, number) else { continue };
            if !customer.is_active(delivery.month) {
                continue;
            }
            sold.begin_customer(&partner, &customer);
            used.begin_customer(&partner, &customer);
            let keys = [i64::from(index), i64::from(number), i64::from(delivery.number())];
            let mut noise = Stream::new(settings.seed, "applications of a month", &keys);
            for app in App::draw_all(base, &partner, &customer) {
                if let Some(figures) = app.figures(&customer, delivery.month, &mut noise) {
                    revenue::write(&mut sold, &app, &customer, figures.cents)?;
                    usage::write(&mut used, &app, figures.units)?;
                }
            }
        }
    }
    let mut written = sold.table.finish()?;
    written.add(used.table.finish()?);
    Ok(written)
}

/// One of the two exports.
pub(super) struct Export {
    /// The row that is filled in.
    pub(super) row: Row,
    table: Table,
    has_other_names: bool,
}

impl Export {
    fn create(delivery: &Delivery, name: &str, header: &[&str]) -> Result<Self> {
        let order = (0..header.len()).collect();
        let table = Table::create(&delivery.folder, name, header, order, delivery.form(b','))?;
        let mut row = Row::new(header.len());
        push_month_name(row.start(column::MONTH), delivery.month, delivery.has_dashes());
        Ok(Self { row, table, has_other_names: delivery.has_other_names() })
    }

    fn begin_customer(&mut self, partner: &Partner, customer: &Customer) {
        let row = &mut self.row;
        row.set_number(column::ACCOUNT, partner.account);
        row.set(column::PARTNER_NAME, &partner.name);
        row.set_number(column::PARENT, customer.parent);
        row.set(column::CUSTOMER_NAME, &customer.name);
        let tenant = row.start(column::TENANT);
        if !customer.is_without_tenant {
            push_guid(tenant, customer.tenant);
        }
        let name = row.start(column::TENANT_NAME);
        name.extend_from_slice(b"tenant");
        push_number(name, customer.parent, 1);
        name.extend_from_slice(b".example.org");
    }

    /// Fills in a subscription.
    pub(super) fn begin_subscription(&mut self, subscription: [u8; 16], first: Month) {
        push_guid(self.row.start(column::SUBSCRIPTION), subscription);
        push_month(self.row.start(column::SUBSCRIPTION_START), first, true);
    }

    /// Writes the row under an association.
    pub(super) fn write(&mut self, bond: &Bond) -> Result<()> {
        self.row.set(column::ATTRIBUTION, bond.names[usize::from(self.has_other_names)]);
        self.table.write(&self.row)
    }

    /// Writes what an application comes to: for each association all of its subscriptions, but a
    /// second association knows the first subscription alone. `fill` fills in the share of one.
    pub(super) fn write_shares(
        &mut self,
        app: &App<'_>,
        bonds: &[&'static Bond],
        amount: i64,
        fill: impl Fn(&mut Row, usize, i64),
    ) -> Result<()> {
        for (step, bond) in bonds.iter().enumerate() {
            let known = if step > 0 { 1 } else { app.subscriptions.len() };
            let shares = app.shares(amount);
            for (number, (subscription, share)) in
                app.subscriptions.iter().zip(shares).take(known).enumerate()
            {
                self.begin_subscription(*subscription, app.first);
                fill(&mut self.row, number, share);
                self.write(bond)?;
            }
        }
        Ok(())
    }
}

/// The kind of an application: not the name of a real product family.
pub(super) fn category(measure: UsageMeasure) -> &'static str {
    match measure {
        UsageMeasure::ActiveUsers => "Suite",
        UsageMeasure::AttributedUsers | UsageMeasure::Capacity => "Platform",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_fit_both_headers() {
        for (at, name) in [
            (column::MONTH, "FiscalMonthName"),
            (column::ACCOUNT, "GlobalPartnerID"),
            (column::PARTNER_NAME, "PartnerName"),
            (column::ATTRIBUTION, "PartnerAssociationType"),
            (column::PARENT, "CustomerID"),
            (column::CUSTOMER_NAME, "CustomerName"),
            (column::TENANT, "CustomerTenantID"),
            (column::TENANT_NAME, "CustomerTenantName"),
            (column::SUBSCRIPTION, "SubscriptionId"),
            (column::SUBSCRIPTION_START, "SubscriptionStartDate"),
        ] {
            // The exports differ in the case of one of them.
            assert!(revenue::HEADER[at].eq_ignore_ascii_case(name), "{name}");
            assert!(usage::HEADER[at].eq_ignore_ascii_case(name), "{name}");
        }
    }
}
