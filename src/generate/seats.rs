//! Seats and active users of customers, and the export of claimed ones (CPOR), claimed suites among
//! them. The export of all Microsoft 365 usage (module `office`) repeats them with what is sold
//! beside them.

use super::customer::Customer;
use super::office::Office;
use super::partner::{Archetype, Partner};
use super::stream::Stream;
use super::suites::{CLAIM, Suite};
use super::table::{Row, Table};
use super::text::{push_day, push_guid, push_month};
use super::{Base, Delivery, Summary, dirty};
use crate::error::Result;

/// The columns in documented order.
pub(super) const HEADER: [&str; 10] = [
    "CustomerTenantId",
    "CustomerName",
    "WorkloadName",
    "MonthlyActiveUsers",
    "PaidAvailableUnits",
    "ClaimId",
    "MpnId",
    "DateAssociated",
    "PartnerAttributionType",
    "Date",
];

/// Positions in [`HEADER`].
pub(super) mod column {
    pub(in crate::generate) const TENANT: usize = 0;
    pub(in crate::generate) const CUSTOMER_NAME: usize = 1;
    pub(in crate::generate) const WORKLOAD: usize = 2;
    pub(in crate::generate) const ACTIVE: usize = 3;
    pub(in crate::generate) const PAID: usize = 4;
    pub(in crate::generate) const CLAIM: usize = 5;
    pub(in crate::generate) const LOCATION: usize = 6;
    pub(in crate::generate) const ASSOCIATED: usize = 7;
    pub(in crate::generate) const ATTRIBUTION: usize = 8;
    pub(in crate::generate) const MONTH: usize = 9;
}

/// Seats of a customer.
pub(super) struct Seats {
    /// Paid seats in the base's last month.
    pub(super) paid: i64,
    /// Active users per thousand paid seats.
    pub(super) active: i64,
    /// At a limit on purpose: no growth, no noise.
    pub(super) is_exact: bool,
    /// How many scored workloads.
    pub(super) workloads: usize,
    /// Where they start in the list.
    pub(super) offset: usize,
    /// Whether a workload that is not scored is used as well.
    pub(super) has_other: bool,
    /// Whether the partner has claimed the customer.
    pub(super) is_claimed: bool,
    /// The claim's number.
    pub(super) claim: u64,
}

impl Seats {
    /// Whether the customer has seats, and which kind; 0 stands for a number that
    /// [`Self::at_random`] fills in.
    pub(super) fn draw(
        partner: &Partner,
        number: u32,
        serial: u64,
        is_new: bool,
        customers: u32,
    ) -> Option<Self> {
        let from_end = customers.saturating_sub(number + 1);
        let has_seats = match partner.archetype {
            _ if number == 0 => true,
            Archetype::Near if is_new && partner.variant < 3 => from_end.is_multiple_of(2),
            _ if is_new => true,
            _ => number % 5 != 4,
        };
        if !has_seats {
            return None;
        }
        let mix = partner.index % 99 + number % 99;
        let (paid, active, is_exact) = if is_new {
            (0, 0, false)
        } else if mix % 7 == 3 {
            // One below, at and one above the least number of seats.
            (24 + i64::from(mix % 3), 400, true)
        } else if mix % 9 == 4 {
            // 15 % active to the user: one user fewer would be less.
            (20 * (2 + i64::from(mix % 4)), 150, true)
        } else if mix % 11 == 5 {
            // More active users than paid seats.
            (0, 1_100, false)
        } else {
            (0, 0, false)
        };
        Some(Self {
            paid,
            active,
            is_exact,
            workloads: 1,
            offset: 0,
            has_other: false,
            is_claimed: is_new || number == 0 || mix % 13 != 6,
            claim: 100_000 + serial,
        })
    }

    /// Fills in the numbers that are not at a limit.
    pub(super) fn at_random(mut self, stream: &mut Stream) -> Self {
        let paid = stream.between(40, 200);
        let active = stream.between(300, 800);
        if self.paid == 0 {
            self.paid = paid;
        }
        if self.active == 0 {
            self.active = active;
        }
        self.workloads = 2 + stream.position(2);
        self.offset = stream.position(64);
        self.has_other = stream.one_in(3);
        self
    }

    /// How the seats are associated with the partner.
    pub(super) fn attribution(&self) -> &'static str {
        if self.is_claimed { "CPOR" } else { "CSP Tier 2" }
    }
}

/// A workload of a customer in one month.
pub(super) struct Usage<'a> {
    /// The workload.
    pub(super) workload: &'a str,
    /// Paid seats.
    pub(super) paid: i64,
    /// Active users.
    pub(super) active: i64,
}

/// Writes the export of claimed seats and the one of all Microsoft 365 usage of one delivery.
pub(super) fn write(base: &Base<'_>, delivery: &Delivery) -> Result<Summary> {
    let settings = base.settings;
    let order = (0..HEADER.len()).collect();
    let form = delivery.form(b'\t');
    let mut table = Table::create(&delivery.folder, "cpor_m365_usage.tsv", &HEADER, order, form)?;
    let mut office = Office::create(base, delivery)?;
    let mut row = Row::new(HEADER.len());
    push_month(row.start(column::MONTH), delivery.month, true);
    for index in 0..settings.partners {
        let partner = Partner::draw(settings.seed, index);
        for number in 0..settings.tenants_per_partner {
            let Some(customer) = Customer::draw(base, &partner, number) else { continue };
            if !customer.is_active(delivery.month) {
                continue;
            }
            let usages = usages(base, delivery, &partner, &customer);
            row.set_number(column::LOCATION, partner.location(customer.location));
            begin_customer(&mut row, &customer);
            if let Some(seats) = &customer.seats {
                begin_seats(&mut row, &customer, seats);
                write_usages(&mut table, &mut row, &usages)?;
            }
            office.write_customer(&partner, &customer, &usages)?;
            let Some(suite) = Suite::draw(base, &partner, &customer) else { continue };
            let usages = suite.usages(base, &partner, &customer, delivery.month, &usages);
            if suite.is_claimed() {
                begin_suite(&mut row, &customer, &suite);
                write_usages(&mut table, &mut row, &usages)?;
            }
            office.write_suite(&suite, &usages)?;
        }
    }
    if delivery.is_dirty {
        dirty::write_seats(base, delivery, &mut table)?;
    }
    let mut written = table.finish()?;
    written.add(office.finish()?);
    Ok(written)
}

/// A count for a field; a negative one is 0.
pub(super) fn whole(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

fn write_usages(table: &mut Table, row: &mut Row, usages: &[Usage<'_>]) -> Result<()> {
    for usage in usages {
        row.set(column::WORKLOAD, usage.workload);
        row.set_number(column::PAID, whole(usage.paid));
        row.set_number(column::ACTIVE, whole(usage.active));
        table.write(row)?;
    }
    Ok(())
}

fn begin_customer(row: &mut Row, customer: &Customer) {
    let tenant = row.start(column::TENANT);
    push_guid(tenant, customer.tenant);
    // This export spells GUIDs in lower case, the Azure one in upper case.
    tenant.make_ascii_lowercase();
    row.set(column::CUSTOMER_NAME, &customer.name);
}

/// A suite is a claim of its own.
fn begin_suite(row: &mut Row, customer: &Customer, suite: &Suite) {
    row.set(column::CLAIM, "S-");
    row.append_number(column::CLAIM, customer.parent);
    push_day(row.start(column::ASSOCIATED), suite.associated, true);
    row.set(column::ATTRIBUTION, CLAIM);
}

fn begin_seats(row: &mut Row, customer: &Customer, seats: &Seats) {
    row.set(column::CLAIM, "C-");
    row.append_number(column::CLAIM, seats.claim);
    let mut associated = customer.first.first_day();
    associated.0 += 6;
    push_day(row.start(column::ASSOCIATED), associated, true);
    row.set(column::ATTRIBUTION, seats.attribution());
}

/// What a customer's seats come to in the month of a delivery.
fn usages<'a>(
    base: &'a Base<'_>,
    delivery: &Delivery,
    partner: &Partner,
    customer: &Customer,
) -> Vec<Usage<'a>> {
    let Some(seats) = &customer.seats else { return Vec::new() };
    let noise_keys =
        [i64::from(partner.index), i64::from(customer.location), i64::from(delivery.number())];
    let mut noise = Stream::new(base.settings.seed, "seats", &noise_keys);
    let paid = customer.paid_seats(seats, delivery.month);
    let vocabulary = &base.vocabulary;
    let scored = vocabulary.scored_workloads.iter().cycle().skip(seats.offset);
    // A list shorter than the wish gives each workload once.
    let scored = scored.take(seats.workloads.min(vocabulary.scored_workloads.len()));
    let other = vocabulary.other_workloads.iter().cycle().skip(seats.offset);
    let other = other.take(usize::from(seats.has_other && !vocabulary.other_workloads.is_empty()));
    scored
        .chain(other)
        .map(|workload| {
            let wobble = if seats.is_exact { 0 } else { noise.between(-10, 10) };
            Usage { workload, paid, active: paid * (seats.active + wobble) / 1_000 }
        })
        .collect()
}
