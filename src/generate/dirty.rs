//! The bad rows of a dirty delivery: the same text for each seed, so that tests can name them.

use super::partner::PLACES;
use super::table::{Row, Table};
use super::text::push_month;
use super::{Base, Delivery, azure, seats};
use crate::error::Result;

const TENANT: &str = "0BAD0000-0000-4000-8000-000000000001";
const SUBSCRIPTION: &str = "0BAD0000-0000-4000-8000-0000000000FF";
const ACCOUNT: u64 = 1_000_000;
const LOCATION: u64 = 6_000_001;
const CUSTOMER_NAME: &str = "Example Dirty Data, Inc.";

/// Writes six bad rows into the Azure export.
pub(super) fn write_azure(base: &Base<'_>, delivery: &Delivery, table: &mut Table) -> Result<()> {
    use azure::column;
    let changes: [&[(usize, &str)]; 4] = [
        &[(column::AMOUNT, "12,5x")],
        &[(column::MONTH, "2026-13-01")],
        &[(column::TENANT, ""), (column::PARENT, "")],
        &[(column::ACCOUNT, ""), (column::LOCATION, "")],
    ];
    for change in changes {
        let mut row = good_azure_row(base, delivery);
        for (column, text) in change {
            row.set(*column, text);
        }
        table.write(&row)?;
    }
    let row = good_azure_row(base, delivery);
    table.write_damaged(&row, 1, &[])?;
    table.write_damaged(&row, 0, &["spilled", "text"])
}

/// Writes three bad rows into the export of claimed seats.
pub(super) fn write_seats(base: &Base<'_>, delivery: &Delivery, table: &mut Table) -> Result<()> {
    use seats::column;
    let changes = [
        (column::PAID, "many"),
        (column::WORKLOAD, ""),
        (column::TENANT, "0bad0000-0000-4000-8000"),
    ];
    for (column, text) in changes {
        let mut row = Row::new(seats::HEADER.len());
        row.set(column::TENANT, &TENANT.to_ascii_lowercase());
        row.set(column::CUSTOMER_NAME, CUSTOMER_NAME);
        row.set(column::WORKLOAD, first(&base.vocabulary.scored_workloads));
        row.set_number(column::ACTIVE, 31);
        row.set_number(column::PAID, 120);
        row.set(column::CLAIM, "C-99999");
        row.set_number(column::LOCATION, LOCATION);
        row.set(column::ASSOCIATED, "2023-11-14");
        row.set(column::ATTRIBUTION, "CPOR");
        push_month(row.start(column::MONTH), delivery.month, true);
        row.set(column, text);
        table.write(&row)?;
    }
    Ok(())
}

fn good_azure_row(base: &Base<'_>, delivery: &Delivery) -> Row {
    use azure::column;
    let mut row = Row::new(azure::HEADER.len());
    let service = first(&base.vocabulary.scored_services);
    row.set_number(column::ACCOUNT, ACCOUNT);
    row.set(column::SUBSCRIPTION, SUBSCRIPTION);
    row.set(column::STATE, "Active");
    push_month(row.start(column::MONTH), delivery.month, delivery.has_dashes());
    row.set(column::SERVICE, service);
    row.set(column::OFFERING, service);
    row.set(column::USAGE_UNITS, "GB");
    row.set(column::QUANTITY, "1.5");
    row.set(column::CUSTOMER_NAME, CUSTOMER_NAME);
    row.set(column::TENANT, TENANT);
    row.set(column::PARENT, "7999999");
    row.set(column::SEGMENT, "SMB Commercial");
    row.set(column::CUSTOMER_MARKET, PLACES[0].country);
    row.set_number(column::LOCATION, LOCATION);
    row.set(column::PARTNER_NAME, "Sample Partner 000");
    row.set(column::PARTNER_MARKET, PLACES[0].country);
    row.set(column::ATTRIBUTION, "PartnerAdminLink");
    row.set(column::CHANNEL, "Direct");
    row.set(column::IS_DUPLICATE, "0");
    row.set(column::ROLE, "Owner");
    row.set(column::AMOUNT, "12.50");
    row
}

fn first(names: &[String]) -> &str {
    names.first().map_or("", String::as_str)
}
