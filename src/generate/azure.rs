//! The Azure consumption export: each consumption once for each association of its subscription.

use super::customer::{Claim, Customer};
use super::files::Files;
use super::partner::Partner;
use super::stream::Stream;
use super::table::Row;
use super::text::{FINEST_DECIMALS, UNITS_PER_CENT, push_amount, push_day, push_guid, push_month};
use super::{Base, Delivery, Summary, dirty};
use crate::error::Result;

/// The columns in documented order.
pub(super) const HEADER: [&str; 38] = [
    "PGAMpnID",
    "SubscriptionId",
    "SubscriptionStartDate",
    "SubscriptionEndDate",
    "FirstUseDate",
    "SubscriptionState",
    "Month",
    "ServiceLevel1",
    "ServiceLevel2",
    "ServiceLevel3",
    "ServiceLevel4",
    "ServiceGroup2",
    "ServiceGroup3",
    "ServiceInfluencer",
    "ComputeOS",
    "ComputeCoreSoftware",
    "UsageUnits",
    "UsageQuantity",
    "CustomerName",
    "CustomerTenantId",
    "CustomerTpid",
    "CustomerSegment",
    "CustomerMarket",
    "MPNID",
    "PartnerName",
    "PartnerLocation",
    "PartnerAttributionType",
    "SalesChannel",
    "EnrollmentNumber",
    "IsACRDuplicateAtPGALevel",
    "ResellerID",
    "ResellerName",
    "IndustryName",
    "VerticalName",
    "EOU",
    "AdminType",
    "AssociationType",
    "ACR_USD",
];

/// Positions in [`HEADER`].
pub(super) mod column {
    pub(in crate::generate) const ACCOUNT: usize = 0;
    pub(in crate::generate) const SUBSCRIPTION: usize = 1;
    pub(in crate::generate) const SUBSCRIPTION_START: usize = 2;
    pub(in crate::generate) const FIRST_USE: usize = 4;
    pub(in crate::generate) const STATE: usize = 5;
    pub(in crate::generate) const MONTH: usize = 6;
    pub(in crate::generate) const PILLAR: usize = 7;
    pub(in crate::generate) const SERVICE: usize = 8;
    pub(in crate::generate) const OFFERING: usize = 9;
    pub(in crate::generate) const FEATURE: usize = 10;
    pub(in crate::generate) const USAGE_UNITS: usize = 16;
    pub(in crate::generate) const QUANTITY: usize = 17;
    pub(in crate::generate) const CUSTOMER_NAME: usize = 18;
    pub(in crate::generate) const TENANT: usize = 19;
    pub(in crate::generate) const PARENT: usize = 20;
    pub(in crate::generate) const SEGMENT: usize = 21;
    pub(in crate::generate) const CUSTOMER_MARKET: usize = 22;
    pub(in crate::generate) const LOCATION: usize = 23;
    pub(in crate::generate) const PARTNER_NAME: usize = 24;
    pub(in crate::generate) const PARTNER_MARKET: usize = 25;
    pub(in crate::generate) const ATTRIBUTION: usize = 26;
    pub(in crate::generate) const CHANNEL: usize = 27;
    pub(in crate::generate) const IS_DUPLICATE: usize = 29;
    pub(in crate::generate) const RESELLER: usize = 30;
    pub(in crate::generate) const RESELLER_NAME: usize = 31;
    pub(in crate::generate) const INDUSTRY: usize = 32;
    pub(in crate::generate) const VERTICAL: usize = 33;
    pub(in crate::generate) const SALES_AREA: usize = 34;
    pub(in crate::generate) const ROLE: usize = 35;
    pub(in crate::generate) const AMOUNT: usize = 37;
}

const PILLARS: [&str; 4] = ["Networking", "Databases", "Containers", "Identity"];
const FEATURES: [&str; 3] = ["Standard", "Premium", "Basic"];
/// The feature of the large consumption: no other line has it.
const LOAD_FEATURE: &str = "Reserved";
const USAGE_UNITS: [&str; 4] = ["GB", "1 Hour", "10K", "Units"];

/// Where a partner's services start in a list.
fn start(partner: &Partner) -> usize {
    usize::try_from(partner.index).unwrap_or(0) * 5
}

/// Writes the export of one delivery.
pub(super) fn write(base: &Base<'_>, delivery: &Delivery) -> Result<Summary> {
    let mut export = Export::new(base, delivery);
    for index in 0..base.settings.partners {
        let partner = Partner::draw(base.settings.seed, index);
        export.begin_partner(&partner);
        for number in 0..base.settings.tenants_per_partner {
            let Some(customer) = Customer::draw(base, &partner, number) else { continue };
            if customer.is_active(delivery.month) {
                export.write_customer(&partner, customer)?;
            }
        }
    }
    if delivery.is_dirty {
        dirty::write_azure(base, delivery, export.files.open()?)?;
    }
    export.files.finish()
}

struct Export<'a> {
    base: &'a Base<'a>,
    delivery: &'a Delivery,
    files: Files<'a>,
    row: Row,
}

impl<'a> Export<'a> {
    fn new(base: &'a Base<'a>, delivery: &'a Delivery) -> Self {
        let mut row = Row::new(HEADER.len());
        push_month(row.start(column::MONTH), delivery.month, delivery.has_dashes());
        row.set(column::STATE, "Active");
        Self { base, delivery, files: Files::new(base, delivery), row }
    }

    fn begin_partner(&mut self, partner: &Partner) {
        self.row.set_number(column::ACCOUNT, partner.account);
        self.row.set(column::PARTNER_NAME, &partner.name);
        self.row.set(column::PARTNER_MARKET, partner.place.country);
    }

    fn begin_customer(&mut self, customer: &Customer) {
        let row = &mut self.row;
        row.set(column::CUSTOMER_NAME, &customer.name);
        row.set_number(column::PARENT, customer.parent);
        let tenant = row.start(column::TENANT);
        if !customer.is_without_tenant {
            push_guid(tenant, customer.tenant);
        }
        row.set(column::SEGMENT, customer.azure_segment);
        row.set(column::CUSTOMER_MARKET, customer.place.country);
        row.set(column::SALES_AREA, customer.place.sales_area);
        row.set(column::INDUSTRY, customer.industry.0);
        row.set(column::VERTICAL, customer.industry.1);
        push_month(row.start(column::SUBSCRIPTION_START), customer.first, true);
        let mut first_use = customer.first.first_day();
        first_use.0 += 2;
        push_day(row.start(column::FIRST_USE), first_use, true);
    }

    fn write_customer(&mut self, partner: &Partner, mut customer: Customer) -> Result<()> {
        let month = self.delivery.month;
        let delivery_key = i64::from(self.delivery.number());
        let keys = [i64::from(partner.index), i64::from(customer.location), delivery_key];
        let mut noise = Stream::new(self.base.settings.seed, "azure", &keys);
        self.begin_customer(&customer);
        let subscriptions = [customer.details.guid(), customer.details.guid()];
        let offset = customer.details.position(64);
        let second_from = if customer.details.one_in(2) { customer.lines / 2 } else { u32::MAX };
        // Two of three lines are services that count.
        let scored_lines = customer.lines.saturating_mul(2).div_ceil(3);
        let scored = customer.scored_cents(month);
        for line in 0..customer.lines {
            let is_second = line > 0 && line >= second_from;
            let subscription = subscriptions[usize::from(is_second)];
            push_guid(self.row.start(column::SUBSCRIPTION), subscription);
            let (share, number, count) = if line < scored_lines {
                (scored, line, scored_lines)
            } else {
                (scored / 2, line - scored_lines, customer.lines - scored_lines)
            };
            self.begin_line(partner, &mut customer, line < scored_lines, number, offset);
            let weight = customer.details.between(600, 1_400);
            let exact = share * UNITS_PER_CENT / i64::from(count) * weight / 1_000
                * noise.between(970, 1_030)
                / 1_000
                + noise.between(0, UNITS_PER_CENT - 1);
            let decimals = 2 + noise.below(9);
            let amount = exact - exact % 10_i64.pow(FINEST_DECIMALS - decimals);
            push_amount(self.row.start(column::QUANTITY), amount / 3, 1);
            // Associations of one consumption agree, but for some cents now and then.
            let differs = noise.one_in(80);
            let difference = if differs { noise.between(1, 9) * UNITS_PER_CENT } else { 0 };
            self.write_claims(partner, &customer, amount, decimals, difference)?;
        }
        if noise.one_in(60) && customer.lines > 0 {
            // A credit on the last consumption, small against the customer's usage.
            let credit = (scored / 200).max(1) * UNITS_PER_CENT;
            push_amount(self.row.start(column::QUANTITY), -credit / 3, 1);
            self.write_claims(partner, &customer, -credit, 2, 0)?;
        }
        push_guid(self.row.start(column::SUBSCRIPTION), subscriptions[0]);
        self.write_load(partner, &customer)
    }

    /// Writes the large consumption that is not scored.
    fn write_load(&mut self, partner: &Partner, customer: &Customer) -> Result<()> {
        let month = self.delivery.month;
        let delivery_key = i64::from(self.delivery.number());
        let keys = [i64::from(partner.index), i64::from(customer.location), delivery_key];
        let mut noise = Stream::new(self.base.settings.seed, "load of a month", &keys);
        let vocabulary = &self.base.vocabulary;
        // Half of it is a service that some metric leaves out.
        let is_excluded = customer.location.is_multiple_of(2);
        let excluded = vocabulary.excluded_services.first().filter(|_| is_excluded);
        let others = &vocabulary.other_services;
        let service = excluded.or_else(|| others.get(start(partner) % others.len().max(1)));
        let service = service.map_or("", String::as_str);
        let row = &mut self.row;
        row.set(column::PILLAR, PILLARS[0]);
        row.set(column::SERVICE, service);
        row.set(column::OFFERING, service);
        row.set(column::FEATURE, LOAD_FEATURE);
        row.set(column::USAGE_UNITS, USAGE_UNITS[1]);
        let exact = customer.load_cents(month) * noise.between(990, 1_010) / 1_000;
        let amount = exact * UNITS_PER_CENT;
        push_amount(row.start(column::QUANTITY), amount / 3, 1);
        self.write_claims(partner, customer, amount, 2, 0)
    }

    fn begin_line(
        &mut self,
        partner: &Partner,
        customer: &mut Customer,
        is_scored: bool,
        line: u32,
        offset: usize,
    ) {
        let vocabulary = &self.base.vocabulary;
        let (scored, other) = partner.services();
        let (services, wanted) = if is_scored {
            (&vocabulary.scored_services, scored)
        } else {
            (&vocabulary.other_services, other)
        };
        // Few services a partner; a base with many lines a tenant spreads them over more.
        let wanted = wanted.max(self.base.settings.lines_per_tenant.saturating_sub(3));
        let count = usize::try_from(wanted).unwrap_or(usize::MAX).min(services.len()).max(1);
        let line = usize::try_from(line).unwrap_or(0);
        let at = start(partner) + (offset + line) % count;
        let service = services.get(at % services.len().max(1)).map_or("", String::as_str);
        let row = &mut self.row;
        row.set(column::PILLAR, customer.details.word(&PILLARS));
        row.set(column::SERVICE, service);
        row.set(column::OFFERING, service);
        // A service that comes again is another feature of it, not the same consumption.
        let round = line / count;
        let feature = row.start(column::FEATURE);
        feature.extend_from_slice(customer.details.word(&FEATURES).as_bytes());
        if round > 0 {
            feature.push(b' ');
            super::text::push_number(feature, u64::try_from(round).unwrap_or(0), 1);
        }
        row.set(column::USAGE_UNITS, customer.details.word(&USAGE_UNITS));
    }

    fn write_claims(
        &mut self,
        partner: &Partner,
        customer: &Customer,
        amount: i64,
        decimals: u32,
        difference: i64,
    ) -> Result<()> {
        let count = customer.claims.len();
        for step in 0..count {
            let at = if customer.is_reversed { count - 1 - step } else { step };
            self.begin_claim(partner, customer, &customer.claims[at]);
            let is_duplicate = step > 0;
            self.row.set(column::IS_DUPLICATE, if is_duplicate { "1" } else { "0" });
            let claimed = if is_duplicate { amount - difference } else { amount };
            push_amount(self.row.start(column::AMOUNT), claimed, decimals);
            self.files.open()?.write(&self.row)?;
        }
        Ok(())
    }

    fn begin_claim(&mut self, partner: &Partner, customer: &Customer, claim: &Claim) {
        let row = &mut self.row;
        let location = customer.location.wrapping_add(claim.location_step);
        row.set_number(column::LOCATION, partner.location(location));
        row.set(column::ATTRIBUTION, claim.names[usize::from(self.delivery.has_other_names())]);
        row.set(column::CHANNEL, claim.channel);
        row.set(column::ROLE, claim.role);
        if claim.has_reseller {
            row.set_number(column::RESELLER, partner.location(0));
            row.set(column::RESELLER_NAME, &partner.name);
        } else {
            row.start(column::RESELLER);
            row.start(column::RESELLER_NAME);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_fit_the_header() {
        assert_eq!(HEADER.len(), 38);
        for (at, name) in [
            (column::ACCOUNT, "PGAMpnID"),
            (column::MONTH, "Month"),
            (column::SERVICE, "ServiceLevel2"),
            (column::QUANTITY, "UsageQuantity"),
            (column::TENANT, "CustomerTenantId"),
            (column::LOCATION, "MPNID"),
            (column::ATTRIBUTION, "PartnerAttributionType"),
            (column::IS_DUPLICATE, "IsACRDuplicateAtPGALevel"),
            (column::ROLE, "AdminType"),
            (column::AMOUNT, "ACR_USD"),
        ] {
            assert_eq!(HEADER[at], name);
        }
    }
}
