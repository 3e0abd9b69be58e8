//! What deliveries say of units, and which of it counts: deliveries are folded by their date, and one
//! that would lose rows of an earlier one is held back.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::ledger::{Acceptance, Ledger, LedgerEntry};
use super::live::{Held, LiveUnit, Replacements};
use super::unit::{Unit, UnitKey};
use crate::calendar::{Day, Month};
use crate::money::Money;

/// What one file of a delivery says of one unit.
pub(super) struct Said {
    unit: Unit,
    /// The partner global account that the unit belongs to.
    account: String,
    delivery: Day,
    sequence: u64,
}

/// What one delivery says of one account and month, over its partners as delivered.
#[derive(Default)]
struct Claim<'a> {
    /// Where what was said of each unit stands.
    units: Vec<Range<usize>>,
    /// The latest ledger entry before which none of it came.
    first_sequence: u64,
    rows: i64,
    amount: Money,
    locations: BTreeSet<&'a str>,
}

/// What a fold comes to.
pub(super) struct Folded {
    /// The units that are live.
    pub(super) units: Vec<LiveUnit>,
    /// Replacements that are held back.
    pub(super) held: Vec<Held>,
    /// What replacements replaced.
    pub(super) replaced: Replacements,
}

/// What was said of each dataset, in their order.
pub(super) fn by_dataset(said: Vec<Said>) -> Vec<Vec<Said>> {
    let mut found: BTreeMap<String, Vec<Said>> = BTreeMap::new();
    for said in said {
        match found.get_mut(&said.unit.key.dataset) {
            Some(of_dataset) => of_dataset.push(said),
            None => {
                found.insert(said.unit.key.dataset.clone(), vec![said]);
            }
        }
    }
    found.into_values().collect()
}

/// Takes what was said of each account and month in the order of their dates; of one date in the
/// order of the ledger, where a later entry replaces the units that it speaks of.
pub(super) fn fold(
    mut said: Vec<Said>,
    ledger: &Ledger,
    account: &dyn Fn(&UnitKey) -> String,
) -> Folded {
    for said in &mut said {
        said.account = account(&said.unit.key);
    }
    said.sort_by(|left, right| left.order().cmp(&right.order()));
    let mut judge = Judge::new(&said, ledger);
    let live: Vec<Range<usize>> =
        runs(0..said.len(), |left, right| said[left].month() == said[right].month())
            .flat_map(|of_month| judge.live(of_month))
            .collect();
    let (held, replaced) = (judge.held, judge.replaced);
    let units = live.into_iter().map(|unit| live_unit(&mut said[unit])).collect();
    Folded { units, held, replaced }
}

/// Decides which deliveries of a month count.
struct Judge<'a> {
    said: &'a [Said],
    ledger: &'a Ledger,
    last_erasure: u64,
    held: Vec<Held>,
    replaced: Replacements,
}

impl<'a> Judge<'a> {
    fn new(said: &'a [Said], ledger: &'a Ledger) -> Self {
        let erasures = ledger.entries.iter().filter(|entry| !entry.erased.is_empty());
        let last_erasure = erasures.map(|entry| entry.sequence).max().unwrap_or_default();
        Self { said, ledger, last_erasure, held: Vec::new(), replaced: Replacements::new() }
    }

    /// What is live of one account and month: where what was said of each unit stands.
    fn live(&mut self, of_month: Range<usize>) -> Vec<Range<usize>> {
        let said = self.said;
        let mut live: Option<(Day, Claim<'_>)> = None;
        let mut held: Vec<Held> = Vec::new();
        // Rows that the delivery which is live replaced.
        let mut before: Option<i64> = None;
        for of_day in runs(of_month, |left, right| said[left].delivery == said[right].delivery) {
            let mut units: BTreeMap<&UnitKey, Range<usize>> = BTreeMap::new();
            for of_entry in runs(of_day, |left, right| said[left].sequence == said[right].sequence)
            {
                for of_unit in
                    runs(of_entry, |left, right| said[left].unit.key == said[right].unit.key)
                {
                    units.insert(&said[of_unit.start].unit.key, of_unit);
                }
                let claim = Claim::new(said, units.values());
                let Some(first) = units.values().next().map(|unit| &said[unit.start]) else {
                    continue;
                };
                // Before an erasure there was more, and it is right that it is gone.
                let replaced =
                    live.as_ref().filter(|(_, claim)| claim.first_sequence >= self.last_erasure);
                let lost =
                    replaced.and_then(|(kept, current)| Some((*kept, claim.loses(current)?)));
                let is_accepted = lost.is_some() && self.is_accepted(first);
                if let Some((kept, reason)) = lost.filter(|_| !is_accepted) {
                    held.push(Held {
                        dataset: first.unit.key.dataset.clone(),
                        account: first.account.clone(),
                        month: first.unit.key.month,
                        delivery: first.delivery,
                        kept,
                        reason,
                    });
                } else {
                    // What was held before is replaced as well.
                    held.clear();
                    if live.as_ref().is_some_and(|(day, _)| *day < first.delivery) {
                        before = replaced.filter(|_| !is_accepted).map(|(_, claim)| claim.rows);
                    }
                    live = Some((first.delivery, claim));
                }
            }
        }
        self.held.extend(held);
        let Some((delivery, claim)) = live else { return Vec::new() };
        if let (Some(before), Some(unit)) = (before, claim.units.first()) {
            let key = &said[unit.start].unit.key;
            let rows = self.replaced.entry((key.dataset.clone(), key.month, delivery)).or_default();
            rows.0 += before;
            rows.1 += claim.rows;
        }
        claim.units
    }

    /// Whether somebody said that this may replace what is live.
    fn is_accepted(&self, said: &Said) -> bool {
        let acceptance = Acceptance {
            dataset: said.unit.key.dataset.clone(),
            account: said.account.clone(),
            month: said.unit.key.month.map(|month| month.to_string()),
            delivery: said.delivery.to_string(),
        };
        self.ledger.entries.iter().any(|entry| entry.accepted.contains(&acceptance))
    }
}

impl Said {
    /// Of an entry of the ledger.
    pub(super) fn new(unit: Unit, entry: &LedgerEntry) -> Self {
        let (delivery, sequence) = (entry.day(), entry.sequence);
        Self { unit, account: String::new(), delivery, sequence }
    }

    /// By account and month, then as they came.
    fn order(&self) -> impl Ord + '_ {
        let key = &self.unit.key;
        (
            self.month(),
            self.delivery,
            self.sequence,
            &key.partner_id,
            key.is_account,
            self.unit.file,
        )
    }

    /// Dataset, month and account.
    fn month(&self) -> (&str, Option<Month>, &str) {
        (&self.unit.key.dataset, self.unit.key.month, &self.account)
    }
}

impl<'a> Claim<'a> {
    fn new<'r>(said: &'a [Said], units: impl Iterator<Item = &'r Range<usize>>) -> Self {
        let mut claim = Self { first_sequence: u64::MAX, ..Self::default() };
        for unit in units {
            claim.units.push(unit.clone());
            for Said { unit, sequence, .. } in &said[unit.clone()] {
                claim.first_sequence = claim.first_sequence.min(*sequence);
                claim.rows += unit.rows;
                claim.amount += unit.amount;
                claim.locations.extend(unit.locations.iter().map(String::as_str));
            }
        }
        claim
    }

    /// What this replacement would lose of the live one.
    fn loses(&self, live: &Self) -> Option<String> {
        let lost: Vec<&str> = live.locations.difference(&self.locations).copied().collect();
        if !lost.is_empty() {
            return Some(format!("without location {}", lost.join(", ")));
        }
        if self.rows * 2 < live.rows {
            return Some(format!("{} rows instead of {}", self.rows, live.rows));
        }
        if live.amount > Money::ZERO && self.amount.0 * 2 < live.amount.0 {
            return Some(format!("{} USD instead of {}", self.amount, live.amount));
        }
        None
    }
}

/// A unit, of all that is said of it.
fn live_unit(said: &mut [Said]) -> LiveUnit {
    let files = said.iter().map(|said| said.unit.file).collect();
    let rows = said.iter().map(|said| said.unit.rows).sum();
    let amount = said.iter().map(|said| said.unit.amount).sum();
    let mut locations: Vec<String> =
        said.iter_mut().flat_map(|said| std::mem::take(&mut said.unit.locations)).collect();
    locations.sort_unstable();
    locations.dedup();
    let first = &mut said[0];
    let unit = &mut first.unit;
    LiveUnit {
        key: UnitKey {
            dataset: std::mem::take(&mut unit.key.dataset),
            partner_id: std::mem::take(&mut unit.key.partner_id),
            ..unit.key
        },
        account: std::mem::take(&mut first.account),
        delivery: first.delivery,
        sequence: first.sequence,
        files,
        hash: std::mem::take(&mut unit.hash),
        stored: unit.stored,
        tables: unit.tables,
        disagreeing: unit.disagreeing,
        rows,
        amount,
        is_distributor: false,
        locations,
    }
}

/// The runs of neighbours of a range that are alike.
pub(super) fn runs(
    range: Range<usize>,
    are_alike: impl Fn(usize, usize) -> bool,
) -> impl Iterator<Item = Range<usize>> {
    let mut start = range.start;
    std::iter::from_fn(move || {
        if start >= range.end {
            return None;
        }
        let from = start;
        start += 1;
        while start < range.end && are_alike(from, start) {
            start += 1;
        }
        Some(from..start)
    })
}
