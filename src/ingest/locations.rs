//! Rows of the partner profile: which locations belong to which account.

use super::cells::Cells;
use super::intern::LocalInterner;
use super::layout::Recognised;
use super::row::{Rejection, Who, cell, text};
use super::tally::Tally;
use super::values;
use crate::money::Money;

/// One location row, texts interned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LocationRow {
    pub(super) partner: u32,
    pub(super) location: u32,
    pub(super) account: u32,
    pub(super) name: u32,
    pub(super) account_name: u32,
    pub(super) country: u32,
}

/// Converts the records of one file.
pub(super) struct LocationReader<'a> {
    who: Who,
    account: Option<usize>,
    location: Option<usize>,
    name: Option<usize>,
    account_name: Option<usize>,
    country: Option<usize>,
    intern: LocalInterner<'a>,
    scratch: Vec<u8>,
    pub(super) rows: Vec<LocationRow>,
    pub(super) tally: Tally,
}

impl<'a> LocationReader<'a> {
    pub(super) fn new(header: &Recognised<'_>, intern: LocalInterner<'a>) -> Self {
        let column = |field: &str| header.column(field);
        Self {
            who: Who::new(header),
            account: column("account_id"),
            location: column("location_id"),
            name: column("name"),
            account_name: column("account_name"),
            country: column("country"),
            intern,
            scratch: Vec::new(),
            rows: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Converts one record.
    pub(super) fn read(&mut self, cells: &Cells<'_>) -> Result<(), Rejection> {
        let partner = self.who.partner(cells, &mut self.intern, &mut self.scratch)?;
        let id = |column, field| {
            let text = cell(cells, column);
            values::id(&text)
                .map(str::to_owned)
                .map_err(|reason| Rejection::new(field, reason, &text))
        };
        let location = id(self.location, "location_id")?;
        if location.is_empty() {
            return Err(Rejection::new("location_id", "location_missing", b""));
        }
        let account = id(self.account, "account_id")?;
        let account = if account.is_empty() { location.clone() } else { account };
        let mut texts = [0; 3];
        for (slot, (column, field)) in texts.iter_mut().zip([
            (self.name, "name"),
            (self.account_name, "account_name"),
            (self.country, "country"),
        ]) {
            let value = cell(cells, column);
            *slot = self.intern.id(text(&value, field)?.as_bytes());
        }
        let [name, account_name, country] = texts;
        let location_id = self.intern.id(location.as_bytes());
        self.tally.accept(partner.id, None, Money::ZERO, Some(location_id));
        self.rows.push(LocationRow {
            partner: partner.id,
            location: location_id,
            account: self.intern.id(account.as_bytes()),
            name,
            account_name,
            country,
        });
        Ok(())
    }
}
