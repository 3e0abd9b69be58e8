//! The export of customers and their tenants: who they are and in which segment. It is up to date
//! where the segments of the Azure export are not.

use super::customer::Customer;
use super::partner::Partner;
use super::seats::whole;
use super::table::{Row, Table};
use super::text::{UNITS_PER_CENT, push_amount, push_guid, push_month, push_number};
use super::{Base, Delivery, Summary};
use crate::calendar::Month;
use crate::error::Result;

/// The columns in documented order.
const HEADER: [&str; 31] = [
    "PGAMpnID",
    "CustomerName",
    "CustomerTenantId",
    "CustomerTpid",
    "DUNSNumber",
    "CustomerSegment",
    "TopSegment",
    "CustomerMarket",
    "CustomerStatus",
    "CustomerTenantName",
    "CustomerTenantCountry",
    "TenantDomainName",
    "Product",
    "RawProductName",
    "SKU",
    "Month",
    "MPNId",
    "PartnerName",
    "PartnerLocation",
    "PartnerAttributionType",
    "SalesChannel",
    "IndustryName",
    "VerticalName",
    "EOU",
    "IsDuplicateRowForPGA",
    "AvailableSeats",
    "BilledRevenueUSD",
    "AzureConsumedRevenueUSD",
    "CPORRevenue",
    "CPORPaidSeats",
    "CPORActiveUsers",
];

/// Positions in [`HEADER`].
mod column {
    pub(super) const ACCOUNT: usize = 0;
    pub(super) const CUSTOMER_NAME: usize = 1;
    pub(super) const TENANT: usize = 2;
    pub(super) const PARENT: usize = 3;
    pub(super) const COMPANY: usize = 4;
    pub(super) const SEGMENT: usize = 5;
    pub(super) const TOP_SEGMENT: usize = 6;
    pub(super) const CUSTOMER_MARKET: usize = 7;
    pub(super) const STATUS: usize = 8;
    pub(super) const TENANT_NAME: usize = 9;
    pub(super) const TENANT_COUNTRY: usize = 10;
    pub(super) const DOMAIN: usize = 11;
    pub(super) const PRODUCT: usize = 12;
    pub(super) const RAW_PRODUCT: usize = 13;
    pub(super) const STOCK_UNIT: usize = 14;
    pub(super) const MONTH: usize = 15;
    pub(super) const LOCATION: usize = 16;
    pub(super) const PARTNER_NAME: usize = 17;
    pub(super) const PARTNER_MARKET: usize = 18;
    pub(super) const ATTRIBUTION: usize = 19;
    pub(super) const CHANNEL: usize = 20;
    pub(super) const INDUSTRY: usize = 21;
    pub(super) const VERTICAL: usize = 22;
    pub(super) const SALES_AREA: usize = 23;
    pub(super) const IS_DUPLICATE: usize = 24;
    pub(super) const SEATS: usize = 25;
    pub(super) const BILLED: usize = 26;
    pub(super) const CONSUMED: usize = 27;
    pub(super) const CLAIMED_REVENUE: usize = 28;
    pub(super) const CLAIMED_SEATS: usize = 29;
    pub(super) const CLAIMED_USERS: usize = 30;
}

/// A product as the export names it: product, raw name, stock-keeping unit.
const CONSUMPTION: [&str; 3] = ["Azure", "Azure plan", "Consumption"];
const SUBSCRIPTION: [&str; 3] = ["Cloud suite", "Example Cloud Suite", "Commercial"];

/// Writes the export of one delivery.
pub(super) fn write(base: &Base<'_>, delivery: &Delivery) -> Result<Summary> {
    let settings = base.settings;
    let order = (0..HEADER.len()).collect();
    let form = delivery.form(b',');
    let mut table = Table::create(&delivery.folder, "customers.csv", &HEADER, order, form)?;
    let mut row = Row::new(HEADER.len());
    push_month(row.start(column::MONTH), delivery.month, delivery.has_dashes());
    row.set(column::STATUS, "Active");
    row.set(column::IS_DUPLICATE, "0");
    for index in 0..settings.partners {
        let partner = Partner::draw(settings.seed, index);
        row.set_number(column::ACCOUNT, partner.account);
        row.set(column::PARTNER_NAME, &partner.name);
        row.set(column::PARTNER_MARKET, partner.place.country);
        for number in 0..settings.tenants_per_partner {
            let Some(customer) = Customer::draw(base, &partner, number) else { continue };
            if customer.is_active(delivery.month) {
                row.set_number(column::LOCATION, partner.location(customer.location));
                begin_customer(&mut row, &customer, delivery);
                begin_consumption(&mut row, &customer, delivery.month);
                table.write(&row)?;
                if begin_subscription(&mut row, &customer, delivery.month) {
                    table.write(&row)?;
                }
            }
        }
    }
    table.finish()
}

fn begin_customer(row: &mut Row, customer: &Customer, delivery: &Delivery) {
    row.set(column::CUSTOMER_NAME, &customer.name);
    row.set(column::TENANT_NAME, &customer.name);
    let tenant = row.start(column::TENANT);
    if !customer.is_without_tenant {
        push_guid(tenant, customer.tenant);
    }
    row.set_number(column::PARENT, customer.parent);
    row.set_number(column::COMPANY, 100_000_000 + customer.parent);
    row.set(column::SEGMENT, customer.segment);
    row.set(column::TOP_SEGMENT, customer.segment);
    row.set(column::CUSTOMER_MARKET, customer.place.country);
    row.set(column::TENANT_COUNTRY, customer.place.country);
    let domain = row.start(column::DOMAIN);
    domain.extend_from_slice(b"tenant");
    push_number(domain, customer.parent, 1);
    domain.extend_from_slice(b".example.org");
    if let Some(claim) = customer.claims.first() {
        row.set(column::ATTRIBUTION, claim.names[usize::from(delivery.has_other_names())]);
        row.set(column::CHANNEL, claim.channel);
    }
    row.set(column::INDUSTRY, customer.industry.0);
    row.set(column::VERTICAL, customer.industry.1);
    row.set(column::SALES_AREA, customer.place.sales_area);
}

fn begin_product(row: &mut Row, product: [&str; 3]) {
    row.set(column::PRODUCT, product[0]);
    row.set(column::RAW_PRODUCT, product[1]);
    row.set(column::STOCK_UNIT, product[2]);
}

/// Fills in what the customer consumes.
fn begin_consumption(row: &mut Row, customer: &Customer, month: Month) {
    begin_product(row, CONSUMPTION);
    let cents = customer.scored_cents(month) + customer.load_cents(month);
    for column in [column::BILLED, column::CONSUMED] {
        push_amount(row.start(column), cents * UNITS_PER_CENT, 2);
    }
    row.set(column::CLAIMED_REVENUE, "0.00");
    for column in [column::SEATS, column::CLAIMED_SEATS, column::CLAIMED_USERS] {
        row.set_number(column, 0);
    }
}

/// Fills in what the customer subscribes to; `false` where it has no seats.
fn begin_subscription(row: &mut Row, customer: &Customer, month: Month) -> bool {
    let Some(seats) = &customer.seats else { return false };
    begin_product(row, SUBSCRIPTION);
    let paid = customer.paid_seats(seats, month);
    let (claimed, users) =
        if seats.is_claimed { (paid, paid * seats.active / 1_000) } else { (0, 0) };
    // A seat is 20 USD a month.
    let price = 2_000 * UNITS_PER_CENT;
    push_amount(row.start(column::BILLED), paid * price, 2);
    row.set(column::CONSUMED, "0.00");
    push_amount(row.start(column::CLAIMED_REVENUE), claimed * price, 2);
    row.set_number(column::SEATS, whole(paid));
    row.set_number(column::CLAIMED_SEATS, whole(claimed));
    row.set_number(column::CLAIMED_USERS, whole(users));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_fit_the_header() {
        for (at, name) in [
            (column::ACCOUNT, "PGAMpnID"),
            (column::SEGMENT, "CustomerSegment"),
            (column::TENANT_COUNTRY, "CustomerTenantCountry"),
            (column::MONTH, "Month"),
            (column::LOCATION, "MPNId"),
            (column::ATTRIBUTION, "PartnerAttributionType"),
            (column::IS_DUPLICATE, "IsDuplicateRowForPGA"),
            (column::CLAIMED_USERS, "CPORActiveUsers"),
        ] {
            assert_eq!(HEADER[at], name);
        }
    }
}
