//! Rows of the customer export: what a customer is called and which segment it is in.

use hashbrown::HashSet;

use super::acr::Description;
use super::describe::Describer;
use super::intern::LocalInterner;
use super::layout::Recognised;
use super::records::Cells;
use super::row::{Outcome, Rejection, Who};
use super::tally::Tally;
use crate::money::Money;

/// Converts the records of one file.
pub(super) struct CustomerReader<'a> {
    who: Who,
    describer: Describer,
    intern: LocalInterner<'a>,
    scratch: Vec<u8>,
    tenant: Vec<u8>,
    pub(super) customers: HashSet<Description>,
    pub(super) partners: HashSet<Description>,
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
            customers: HashSet::new(),
            partners: HashSet::new(),
            tally: Tally::default(),
        }
    }

    /// Converts one record.
    pub(super) fn read(&mut self, cells: &Cells<'_>) -> Outcome {
        if self.who.is_totals_line(cells) {
            return Outcome::Skipped;
        }
        match self.convert(cells) {
            Ok(()) => Outcome::Accepted,
            Err(rejection) => Outcome::Rejected(rejection),
        }
    }

    fn convert(&mut self, cells: &Cells<'_>) -> Result<(), Rejection> {
        let month = self.who.month(cells)?;
        let partner = self.who.partner(cells, &mut self.intern, &mut self.scratch)?;
        self.who.tenant(cells, &mut self.tenant)?;
        let tenant = self.intern.id(&self.tenant);
        let customer = self.describer.customer(cells, &mut self.intern)?;
        let named = self.describer.partner(cells, &mut self.intern)?;
        self.customers.insert(Description {
            month,
            partner: partner.id,
            subject: tenant,
            texts: customer,
        });
        let subject = partner.location.unwrap_or_else(|| self.intern.id(b""));
        self.partners.insert(Description { month, partner: partner.id, subject, texts: named });
        self.tally.accept(partner.id, Some(month), Money::ZERO, partner.location);
        Ok(())
    }
}
