//! The export of all Microsoft 365 usage: the claimed seats of the CPOR export, suites with all of
//! their associations, and seats that the partner sells. Some customers have only sold ones.
//! Claimed seats are the same numbers in both exports, and sold ones never count as claimed, so
//! rules that count claims alone see no change.

use super::customer::Customer;
use super::partner::Partner;
use super::seats::{Usage, whole};
use super::stream::Stream;
use super::suites::Suite;
use super::table::{Row, Table};
use super::text::{push_guid, push_month};
use super::{Base, Delivery, Summary};
use crate::error::Result;

/// The columns in documented order.
const HEADER: [&str; 18] = [
    "PGAPartnerID",
    "CustomerTenantId",
    "CustomerTpid",
    "WorkloadName",
    "Month",
    "PaidAvailableUnits",
    "MonthlyActiveUsers",
    "CustomerName",
    "CustomerMarket",
    "CustomerSegment",
    "IndustryName",
    "VerticalName",
    "EOU",
    "PartnerID",
    "PartnerName",
    "PartnerLocation",
    "PartnerAttributionType",
    "IsDuplicateRowForPGA",
];

/// Positions in [`HEADER`].
mod column {
    pub(super) const ACCOUNT: usize = 0;
    pub(super) const TENANT: usize = 1;
    pub(super) const PARENT: usize = 2;
    pub(super) const WORKLOAD: usize = 3;
    pub(super) const MONTH: usize = 4;
    pub(super) const PAID: usize = 5;
    pub(super) const ACTIVE: usize = 6;
    pub(super) const CUSTOMER_NAME: usize = 7;
    pub(super) const CUSTOMER_MARKET: usize = 8;
    pub(super) const SEGMENT: usize = 9;
    pub(super) const INDUSTRY: usize = 10;
    pub(super) const VERTICAL: usize = 11;
    pub(super) const SALES_AREA: usize = 12;
    pub(super) const LOCATION: usize = 13;
    pub(super) const PARTNER_NAME: usize = 14;
    pub(super) const PARTNER_MARKET: usize = 15;
    pub(super) const ATTRIBUTION: usize = 16;
    pub(super) const IS_DUPLICATE: usize = 17;
}

const TIERS: [&str; 2] = ["CSP Tier 1", "CSP Tier 2"];

/// The export of one delivery.
pub(super) struct Office<'a> {
    base: &'a Base<'a>,
    delivery: &'a Delivery,
    table: Table,
    row: Row,
}

impl<'a> Office<'a> {
    /// Creates the file.
    pub(super) fn create(base: &'a Base<'a>, delivery: &'a Delivery) -> Result<Self> {
        let order = (0..HEADER.len()).collect();
        let form = delivery.form(b',');
        let table = Table::create(&delivery.folder, "office_usage.csv", &HEADER, order, form)?;
        let mut row = Row::new(HEADER.len());
        push_month(row.start(column::MONTH), delivery.month, delivery.has_dashes());
        Ok(Self { base, delivery, table, row })
    }

    /// Writes the seats of a customer: those that the CPOR export has, and those that are sold.
    pub(super) fn write_customer(
        &mut self,
        partner: &Partner,
        customer: &Customer,
        usages: &[Usage<'_>],
    ) -> Result<()> {
        self.begin_customer(partner, customer);
        let keys = [i64::from(partner.index), i64::from(customer.location)];
        let mut stream = Stream::new(self.base.settings.seed, "office", &keys);
        let is_repeated = stream.one_in(4);
        let sells_more = stream.one_in(3);
        let sold = Sold::draw(&mut stream);
        let is_claimed = customer.seats.as_ref().is_some_and(|seats| seats.is_claimed);
        if let Some(seats) = &customer.seats {
            for usage in usages {
                self.write(usage, seats.attribution(), false)?;
                if is_repeated && is_claimed {
                    self.write(usage, sold.tier, true)?;
                }
            }
        }
        if !is_claimed || sells_more {
            self.write_sold(customer, &sold)?;
        }
        Ok(())
    }

    /// Writes the suite of the customer that was written last, once for each association.
    pub(super) fn write_suite(&mut self, suite: &Suite, usages: &[Usage<'_>]) -> Result<()> {
        for usage in usages {
            for (step, association) in suite.associations.iter().enumerate() {
                self.write(usage, association, step > 0)?;
            }
        }
        Ok(())
    }

    /// Ends the file.
    pub(super) fn finish(self) -> Result<Summary> {
        self.table.finish()
    }

    fn begin_customer(&mut self, partner: &Partner, customer: &Customer) {
        let row = &mut self.row;
        row.set_number(column::ACCOUNT, partner.account);
        row.set_number(column::LOCATION, partner.location(customer.location));
        row.set(column::PARTNER_NAME, &partner.name);
        row.set(column::PARTNER_MARKET, partner.place.country);
        let tenant = row.start(column::TENANT);
        if !customer.is_without_tenant {
            push_guid(tenant, customer.tenant);
        }
        row.set_number(column::PARENT, customer.parent);
        row.set(column::CUSTOMER_NAME, &customer.name);
        row.set(column::CUSTOMER_MARKET, customer.place.country);
        row.set(column::SEGMENT, customer.segment);
        row.set(column::INDUSTRY, customer.industry.0);
        row.set(column::VERTICAL, customer.industry.1);
        row.set(column::SALES_AREA, customer.place.sales_area);
    }

    fn write_sold(&mut self, customer: &Customer, sold: &Sold) -> Result<()> {
        let vocabulary = &self.base.vocabulary;
        // After the workloads that are claimed, if there are enough of them.
        let offset =
            customer.seats.as_ref().map_or(sold.offset, |seats| seats.offset + seats.workloads);
        let scored = vocabulary.scored_workloads.iter().cycle().skip(offset);
        let scored = scored.take(sold.workloads.min(vocabulary.scored_workloads.len()));
        let other = vocabulary.other_workloads.iter().cycle().skip(sold.offset);
        let has_other = sold.has_other && !vocabulary.other_workloads.is_empty();
        let paid = sold.paid_seats(customer.months_to(self.delivery.month));
        let active = sold.activity.users(paid);
        for workload in scored.chain(other.take(usize::from(has_other))) {
            self.write(&Usage { workload, paid, active }, sold.tier, false)?;
        }
        Ok(())
    }

    fn write(&mut self, usage: &Usage<'_>, attribution: &str, is_duplicate: bool) -> Result<()> {
        let row = &mut self.row;
        row.set(column::WORKLOAD, usage.workload);
        row.set_number(column::PAID, whole(usage.paid));
        row.set_number(column::ACTIVE, whole(usage.active));
        row.set(column::ATTRIBUTION, attribution);
        row.set(column::IS_DUPLICATE, if is_duplicate { "1" } else { "0" });
        self.table.write(&self.row)
    }
}

/// Seats that a partner sells to a customer.
struct Sold {
    /// Paid seats in the base's last month.
    paid: i64,
    /// Seats added a year.
    added: i64,
    activity: Activity,
    /// The association.
    tier: &'static str,
    /// How many scored workloads.
    workloads: usize,
    /// Where they start in the list.
    offset: usize,
    /// Whether a workload that is not scored is sold as well.
    has_other: bool,
}

/// How many of the paid seats are active.
#[derive(Clone, Copy)]
enum Activity {
    /// The least users that are 15 % of the seats.
    Least,
    /// One user fewer.
    TooFew,
    /// More users than seats.
    Above,
    /// Per thousand seats.
    Share(i64),
}

impl Activity {
    fn users(self, paid: i64) -> i64 {
        let least = (paid * 15 + 99) / 100;
        match self {
            Self::Least => least,
            Self::TooFew => least - 1,
            Self::Above => paid * 11 / 10 + 1,
            Self::Share(share) => paid * share / 1_000,
        }
    }
}

impl Sold {
    fn draw(stream: &mut Stream) -> Self {
        // The limits of small and large customers are 5 and 300 seats.
        let (paid, added) = match stream.below(9) {
            0 => (stream.between(1, 4), 0),
            1 => (5, 0),
            2 => (300, 0),
            3 => (301, 0),
            4 => (stream.between(302, 900), 0),
            // At most 300 a year ago.
            5 => (stream.between(310, 340), stream.between(40, 80)),
            _ => (stream.between(20, 280), stream.between(0, 15)),
        };
        let share = stream.between(300, 900);
        let activity = match stream.below(8) {
            0 => Activity::Least,
            1 => Activity::TooFew,
            2 => Activity::Above,
            _ => Activity::Share(share),
        };
        Self {
            paid,
            added,
            activity,
            tier: stream.word(&TIERS),
            workloads: 1 + stream.position(2),
            offset: stream.position(64),
            has_other: stream.one_in(2),
        }
    }

    /// Paid seats so many months after the base's last month (before it, where negative).
    fn paid_seats(&self, months: i64) -> i64 {
        (self.paid + self.added * months / 12).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sold_seats_lie_on_both_sides_of_the_limits() {
        let sold: Vec<Sold> =
            (0..500).map(|key| Sold::draw(&mut Stream::new(1, "test", &[key]))).collect();
        for limit in [4, 5, 300, 301] {
            assert!(sold.iter().any(|sold| sold.paid == limit && sold.added == 0), "{limit}");
        }
        let crosses = |sold: &&Sold| sold.paid > 300 && sold.paid_seats(-12) <= 300;
        assert!(sold.iter().filter(crosses).count() > 20);
        for sold in sold.iter().filter(|sold| sold.paid > 300 && sold.added > 0) {
            assert!((5..=300).contains(&sold.paid_seats(-12)));
        }
    }

    #[test]
    fn activity_is_around_the_limit() {
        assert_eq!((Activity::Least.users(300), Activity::TooFew.users(300)), (45, 44));
        assert_eq!((Activity::Least.users(301), Activity::Above.users(10)), (46, 12));
        assert_eq!(Activity::Share(500).users(40), 20);
    }
}
