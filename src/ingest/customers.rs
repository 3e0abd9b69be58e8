//! Rows of the customer export: what a customer is called and which segment it is in.

use super::cells::Cells;
use super::describe::Describer;
use super::intern::LocalInterner;
use super::layout::Recognised;
use super::row::{Rejection, Who};
use super::tally::Tally;
use crate::money::Money;

/// Converts the records of one file.
pub(super) struct CustomerReader<'a> {
    who: Who,
    pub(super) describer: Describer,
    intern: LocalInterner<'a>,
    scratch: Vec<u8>,
    tenant: Vec<u8>,
    pub(super) tally: Tally,
}

impl<'a> CustomerReader<'a> {
    pub(super) fn new(header: &Recognised<'_>, intern: LocalInterner<'a>) -> Self {
        Self {
            who: Who::new(header),
            describer: Describer::new(header),
            intern,
            scratch: Vec::new(),
            tenant: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Converts one record.
    pub(super) fn read(&mut self, cells: &Cells<'_>) -> Result<(), Rejection> {
        let month = self.who.month(cells)?;
        let partner = self.who.partner(cells, &mut self.intern, &mut self.scratch)?;
        self.who.tenant(cells, &mut self.tenant)?;
        let tenant = self.intern.id(&self.tenant);
        self.describer.add(cells, &mut self.intern, month, &partner, tenant)?;
        self.tally.accept(partner.id, Some(month), Money::ZERO, partner.location);
        Ok(())
    }
}
