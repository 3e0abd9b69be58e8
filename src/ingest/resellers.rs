//! Rows of subscription exports: which reseller a customer of a distributor bought from.

use hashbrown::HashMap;

use super::cells::Cells;
use super::describe::Describer;
use super::intern::LocalInterner;
use super::layout::Recognised;
use super::row::{Rejection, Who, cell, reseller, text};
use super::tally::Tally;
use super::values;
use crate::calendar::Month;
use crate::ids::Guid;
use crate::money::Money;

/// The reseller of one subscription in one month; interned texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ResellerRow {
    pub(super) month: Month,
    pub(super) partner: u32,
    /// Blank where the export lacks the customer.
    pub(super) tenant: u32,
    pub(super) subscription: u32,
    /// Blank where there is none: the row still says whose the subscription is.
    pub(super) reseller: u32,
}

/// Converts the records of one file.
pub(super) struct ResellerReader<'a> {
    who: Who,
    subscription: Option<usize>,
    reseller: Option<usize>,
    has_tenant: bool,
    pub(super) describer: Describer,
    intern: LocalInterner<'a>,
    scratch: Vec<u8>,
    /// How often each is said.
    pub(super) rows: HashMap<ResellerRow, u64>,
    pub(super) tally: Tally,
}

impl<'a> ResellerReader<'a> {
    pub(super) fn new(header: &Recognised<'_>, intern: LocalInterner<'a>) -> Self {
        Self {
            who: Who::new(header),
            subscription: header.column("subscription_id"),
            reseller: header.column("reseller_id"),
            has_tenant: header.column("tenant_id").is_some(),
            describer: Describer::new(header),
            intern,
            scratch: Vec::new(),
            rows: HashMap::new(),
            tally: Tally::default(),
        }
    }

    /// Converts one record.
    pub(super) fn read(&mut self, cells: &Cells<'_>) -> Result<(), Rejection> {
        let month = self.who.month(cells)?;
        let partner = self.who.partner(cells, &mut self.intern, &mut self.scratch)?;
        self.scratch.clear();
        if self.has_tenant {
            self.who.tenant(cells, &mut self.scratch)?;
        }
        let tenant = self.intern.id(&self.scratch);
        let reseller = reseller(cells, self.reseller)?;
        let subscription = cell(cells, self.subscription);
        let subscription = match Guid::parse(&subscription) {
            Some(guid) => self.intern.id(guid.as_bytes()),
            None if values::is_blank(&subscription) => self.intern.id(b""),
            None => self.intern.id(text(&subscription, "subscription_id")?.as_bytes()),
        };
        if self.has_tenant {
            self.describer.add(cells, &mut self.intern, month, &partner, tenant)?;
        } else {
            self.describer.add_partner(cells, &mut self.intern, month, &partner)?;
        }
        self.tally.accept(partner.id, Some(month), Money::ZERO, partner.location);
        let reseller = self.intern.id(reseller.as_bytes());
        let row = ResellerRow { month, partner: partner.id, tenant, subscription, reseller };
        *self.rows.entry(row).or_default() += 1;
        Ok(())
    }
}
