//! What one file said: counts, amounts and units, filled while its rows are read.

use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};

use crate::calendar::Month;
use crate::money::Money;

/// Counts and amounts of one file.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) accepted: u64,
    pub(super) blank: u64,
    pub(super) not_used: BTreeMap<&'static str, u64>,
    pub(super) amount_accepted: Money,
    pub(super) amount_not_used: Money,
    pub(super) amount_rejected: Money,
    /// Of records that the export does not call duplicates; none without the flag.
    pub(super) amount_unflagged: Option<Money>,
    pub(super) digits_dropped: u64,
    pub(super) amount_cells: u64,
    pub(super) blank_amounts: u64,
    pub(super) months: Option<(Month, Month)>,
    pub(super) unknown_attributions: BTreeSet<String>,
    places: HashMap<(u32, Option<Month>), usize>,
    units: Vec<((u32, Option<Month>), UnitTally)>,
}

/// The share of a file in one unit.
#[derive(Debug, Default, Clone)]
pub(super) struct UnitTally {
    pub(super) rows: i64,
    pub(super) amount: Money,
    pub(super) locations: BTreeSet<u32>,
}

impl Tally {
    /// Counts an accepted row of a unit; `location` is an interned id.
    pub(super) fn accept(
        &mut self,
        partner: u32,
        month: Option<Month>,
        amount: Money,
        location: Option<u32>,
    ) {
        let unit = self.unit(partner, month, location);
        self.accept_in(unit, amount);
    }

    /// The place of a unit, which has rows of a location.
    pub(super) fn unit(
        &mut self,
        partner: u32,
        month: Option<Month>,
        location: Option<u32>,
    ) -> usize {
        let place = *self.places.entry((partner, month)).or_insert_with(|| {
            self.units.push(((partner, month), UnitTally::default()));
            self.units.len() - 1
        });
        self.units[place].1.locations.extend(location);
        place
    }

    /// Counts an accepted row of the unit at a place.
    pub(super) fn accept_in(&mut self, place: usize, amount: Money) {
        self.accepted += 1;
        self.amount_accepted += amount;
        let ((_, month), unit) = &mut self.units[place];
        if let Some(month) = *month {
            let (first, last) = self.months.unwrap_or((month, month));
            self.months = Some((first.min(month), last.max(month)));
        }
        unit.rows += 1;
        unit.amount += amount;
    }

    /// Marks the row just accepted as one that no rule can use.
    pub(super) fn not_used(&mut self, reason: &'static str, amount: Money) {
        *self.not_used.entry(reason).or_default() += 1;
        self.amount_not_used += amount;
    }

    /// Counts rows of customers and people who were erased: accepted, and of no use.
    pub(super) fn erased(&mut self, months: &BTreeSet<Month>, rows: u64, amount: Money) {
        if rows > 0 {
            for month in months {
                let (first, last) = self.months.unwrap_or((*month, *month));
                self.months = Some((first.min(*month), last.max(*month)));
            }
            self.accepted += rows;
            self.amount_accepted += amount;
            self.amount_not_used += amount;
            *self.not_used.entry("erased").or_default() += rows;
        }
    }

    /// The units of the file, in the order in which they came up.
    pub(super) fn units(&self) -> impl Iterator<Item = ((u32, Option<Month>), &UnitTally)> {
        self.units.iter().map(|(key, unit)| (*key, unit))
    }
}
