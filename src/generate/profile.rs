//! The profile export: which locations belong to which partner account.

use super::partner::Partner;
use super::table::{Row, Table};
use super::{Base, Delivery, Summary};
use crate::error::Result;

const HEADER: [&str; 7] =
    ["MPNId", "PartnerName", "PGA_MPNID", "PGA_PartnerName", "City", "Country", "AccountType"];

/// Writes the export of one delivery.
pub(super) fn write(base: &Base<'_>, delivery: &Delivery) -> Result<Summary> {
    let order = (0..HEADER.len()).collect();
    let form = delivery.form(b',');
    let mut table = Table::create(&delivery.folder, "profile.csv", &HEADER, order, form)?;
    let mut row = Row::new(HEADER.len());
    for index in 0..base.settings.partners {
        let partner = Partner::draw(base.settings.seed, index);
        row.set_number(0, partner.account);
        row.set(1, &partner.name);
        row.set_number(2, partner.account);
        row.set(3, &partner.name);
        row.set(4, partner.place.city);
        row.set(5, partner.place.country);
        row.set(6, "Global");
        table.write(&row)?;
        for (at, location) in partner.locations.iter().enumerate() {
            row.set_number(0, *location);
            row.set(1, &format!("{} Branch {}", partner.name, at + 1));
            row.set(6, "Location");
            table.write(&row)?;
        }
    }
    table.finish()
}
