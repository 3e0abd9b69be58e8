//! What rows say of their customers and of their partners beside the ids.

use hashbrown::HashSet;
use xxhash_rust::xxh3::xxh3_128;

use super::cells::Cells;
use super::intern::LocalInterner;
use super::layout::Recognised;
use super::row::{Partner, Rejection, cell, reseller, text};
use crate::calendar::Month;

/// What a row says of its customer or of its partner; interned texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Description {
    pub(super) month: Month,
    pub(super) partner: u32,
    /// The tenant, or the location.
    pub(super) subject: u32,
    pub(super) texts: [u32; 4],
}

/// What one row says of its partner, of no month yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartnerSaid {
    /// Name and country.
    texts: [u32; 4],
    /// Id and name.
    reseller: Option<(u32, u32)>,
    /// The id of no text.
    blank: u32,
}

/// Collects what the rows of one file say, each thing once. Columns that the file lacks are blank.
#[derive(Debug)]
pub(super) struct Describer {
    customer: [(Option<usize>, &'static str); 4],
    partner: [(Option<usize>, &'static str); 2],
    reseller: Option<usize>,
    reseller_name: Option<usize>,
    /// Hashes of what was kept: nearly every row says again what an earlier one said.
    known: HashSet<u128>,
    buffer: Vec<u8>,
    /// Segment, name, country and industry of customers.
    pub(super) customers: HashSet<Description>,
    /// Name and country of partners and their locations.
    pub(super) partners: HashSet<Description>,
    /// Names of resellers.
    pub(super) resellers: HashSet<Description>,
}

impl Describer {
    pub(super) fn new(header: &Recognised<'_>) -> Self {
        let place = |field: &'static str| (header.column(field), field);
        Self {
            customer: ["segment", "customer_name", "customer_country", "industry"].map(place),
            partner: ["partner_name", "partner_country"].map(place),
            reseller: header.column("reseller_id"),
            reseller_name: header.column("reseller_name"),
            known: HashSet::new(),
            buffer: Vec::new(),
            customers: HashSet::new(),
            partners: HashSet::new(),
            resellers: HashSet::new(),
        }
    }

    /// Keeps what a row says of its customer and its partner.
    pub(super) fn add(
        &mut self,
        cells: &Cells<'_>,
        intern: &mut LocalInterner<'_>,
        month: Month,
        partner: &Partner,
        tenant: u32,
    ) -> Result<(), Rejection> {
        let subject = partner.location.unwrap_or_else(|| intern.id(b""));
        self.buffer.clear();
        for number in [month.first_day().0.cast_unsigned(), partner.id, tenant, subject] {
            self.buffer.extend_from_slice(&number.to_le_bytes());
        }
        let columns = self.customer.iter().chain(&self.partner).map(|(column, _)| *column);
        for column in columns.chain([self.reseller, self.reseller_name]) {
            self.buffer.extend_from_slice(&cell(cells, column));
            self.buffer.push(0x1f);
        }
        let hash = xxh3_128(&self.buffer);
        if self.known.contains(&hash) {
            return Ok(());
        }
        let texts = self.customer(cells, intern)?;
        self.add_partner(cells, intern, month, partner)?;
        self.note_customer(month, partner.id, tenant, texts);
        self.known.insert(hash);
        Ok(())
    }

    /// What a row says of its customer.
    pub(super) fn customer(
        &self,
        cells: &Cells<'_>,
        intern: &mut LocalInterner<'_>,
    ) -> Result<[u32; 4], Rejection> {
        interned(&self.customer, cells, intern)
    }

    /// What a row says of its partner and of the reseller.
    pub(super) fn partner(
        &self,
        cells: &Cells<'_>,
        intern: &mut LocalInterner<'_>,
    ) -> Result<PartnerSaid, Rejection> {
        let id = reseller(cells, self.reseller)?;
        let name = cell(cells, self.reseller_name);
        let name = text(&name, "reseller_name")?;
        let is_named = !id.is_empty() && !name.is_empty();
        Ok(PartnerSaid {
            texts: interned(&self.partner, cells, intern)?,
            reseller: is_named.then(|| (intern.id(id.as_bytes()), intern.id(name.as_bytes()))),
            blank: intern.id(b""),
        })
    }

    /// Keeps what a row of an export without customers says.
    pub(super) fn add_partner(
        &mut self,
        cells: &Cells<'_>,
        intern: &mut LocalInterner<'_>,
        month: Month,
        partner: &Partner,
    ) -> Result<(), Rejection> {
        let said = self.partner(cells, intern)?;
        self.note_partner(month, partner, said);
        Ok(())
    }

    /// Keeps what a row said of its customer for a month.
    pub(super) fn note_customer(
        &mut self,
        month: Month,
        partner: u32,
        tenant: u32,
        texts: [u32; 4],
    ) {
        self.customers.insert(Description { month, partner, subject: tenant, texts });
    }

    /// Keeps what a row said of its partner for a month.
    pub(super) fn note_partner(&mut self, month: Month, partner: &Partner, said: PartnerSaid) {
        let PartnerSaid { texts, reseller, blank } = said;
        let subject = partner.location.unwrap_or(blank);
        let partner = partner.id;
        self.partners.insert(Description { month, partner, subject, texts });
        if let Some((subject, name)) = reseller {
            let texts = [name, blank, blank, blank];
            self.resellers.insert(Description { month, partner, subject, texts });
        }
    }
}

fn interned(
    columns: &[(Option<usize>, &'static str)],
    cells: &Cells<'_>,
    intern: &mut LocalInterner<'_>,
) -> Result<[u32; 4], Rejection> {
    let mut texts = [intern.id(b""); 4];
    for (slot, (column, field)) in texts.iter_mut().zip(columns) {
        let value = cell(cells, *column);
        *slot = intern.id(text(&value, field)?.as_bytes());
    }
    Ok(texts)
}
