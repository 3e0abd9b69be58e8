//! What a row says of its customer and of its partner beside the ids.

use super::intern::LocalInterner;
use super::layout::Recognised;
use super::records::Cells;
use super::row::{Rejection, cell, text};

/// The columns that describe; those that a file lacks are blank.
#[derive(Debug, Clone)]
pub(super) struct Describer {
    customer: [(Option<usize>, &'static str); 4],
    partner: [(Option<usize>, &'static str); 2],
}

impl Describer {
    pub(super) fn new(header: &Recognised<'_>) -> Self {
        let place = |field: &'static str| (header.column(field), field);
        Self {
            customer: ["segment", "customer_name", "customer_country", "industry"].map(place),
            partner: ["partner_name", "partner_country"].map(place),
        }
    }

    /// Appends all cells as they stand.
    pub(super) fn raw(&self, cells: &Cells<'_>, into: &mut Vec<u8>) {
        for (column, _) in self.customer.iter().chain(&self.partner) {
            into.extend_from_slice(&cell(cells, *column));
            into.push(0x1f);
        }
    }

    /// Segment, name, country and industry, interned.
    pub(super) fn customer(
        &self,
        cells: &Cells<'_>,
        intern: &mut LocalInterner<'_>,
    ) -> Result<[u32; 4], Rejection> {
        interned(&self.customer, cells, intern)
    }

    /// Name and country, interned.
    pub(super) fn partner(
        &self,
        cells: &Cells<'_>,
        intern: &mut LocalInterner<'_>,
    ) -> Result<[u32; 4], Rejection> {
        interned(&self.partner, cells, intern)
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
