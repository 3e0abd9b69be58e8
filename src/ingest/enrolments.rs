//! Rows of the list of enrolments: which partner is enrolled in which area until when.

use super::cells::Cells;
use super::intern::LocalInterner;
use super::layout::Recognised;
use super::row::{Rejection, Who, cell, text};
use super::tally::Tally;
use super::values;
use crate::money::Money;

/// One enrolment, texts interned, days as days since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct EnrolmentRow {
    pub(super) partner: u32,
    pub(super) area: u32,
    pub(super) anniversary_on: i32,
    pub(super) last_renewal_on: Option<i32>,
}

/// Converts the records of one file.
pub(super) struct EnrolmentReader<'a> {
    who: Who,
    area: Option<usize>,
    anniversary: Option<usize>,
    last_renewal: Option<usize>,
    intern: LocalInterner<'a>,
    scratch: Vec<u8>,
    pub(super) rows: Vec<EnrolmentRow>,
    pub(super) tally: Tally,
}

impl<'a> EnrolmentReader<'a> {
    pub(super) fn new(header: &Recognised<'_>, intern: LocalInterner<'a>) -> Self {
        let column = |field: &str| header.column(field);
        Self {
            who: Who::new(header),
            area: column("area"),
            anniversary: column("anniversary_date"),
            last_renewal: column("last_renewal_date"),
            intern,
            scratch: Vec::new(),
            rows: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Converts one record.
    pub(super) fn read(&mut self, cells: &Cells<'_>) -> Result<(), Rejection> {
        let partner = self.who.partner(cells, &mut self.intern, &mut self.scratch)?;
        let area_cell = cell(cells, self.area);
        let area = text(&area_cell, "area")?;
        if area.is_empty() {
            return Err(Rejection::new("area", "area_missing", b""));
        }
        let day = |column, field| {
            let text = cell(cells, column);
            if values::is_blank(&text) {
                return Ok(None);
            }
            let day = values::day(&text);
            day.map(|day| Some(day.0)).map_err(|reason| Rejection::new(field, reason, &text))
        };
        let Some(anniversary_on) = day(self.anniversary, "anniversary_date")? else {
            return Err(Rejection::new("anniversary_date", "date_missing", b""));
        };
        let last_renewal_on = day(self.last_renewal, "last_renewal_date")?;
        self.tally.accept(partner.id, None, Money::ZERO, partner.location);
        self.rows.push(EnrolmentRow {
            partner: partner.id,
            area: self.intern.id(area.as_bytes()),
            anniversary_on,
            last_renewal_on,
        });
        Ok(())
    }
}
