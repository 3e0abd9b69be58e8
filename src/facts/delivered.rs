//! Which months of which datasets were delivered of whom: where nothing was, nothing is missing.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::ledger::FileRecord;
use super::live::Live;
use super::ranges::PartnerRange;
use crate::calendar::Month;
use crate::ids::FieldHasher;

/// A month of a dataset that a partner delivered: it lies between the first and last month of a
/// file that holds a live row of that partner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivered {
    /// The partner global account.
    pub account: String,
    /// The dataset.
    pub dataset: String,
    /// The month; none for snapshots.
    pub month: Option<Month>,
    /// Whether by an export of its own; else a distributor delivered the month and has rows of it.
    pub is_own: bool,
}

/// What partners' own exports delivered.
#[derive(Debug, Clone)]
pub(super) struct OwnDelivered {
    /// Sorted, each once.
    facts: Vec<Delivered>,
    /// A hash over the partners of each dataset and month.
    hashes: BTreeMap<(String, Option<Month>), blake3::Hash>,
}

impl OwnDelivered {
    fn new(facts: Vec<Delivered>) -> Self {
        let mut hashers: HashMap<(&str, Option<Month>), FieldHasher> = HashMap::new();
        for fact in &facts {
            let of_month = hashers.entry((&fact.dataset, fact.month)).or_default();
            of_month.add_text(&fact.account);
        }
        let hashes = hashers
            .into_iter()
            .map(|((dataset, month), hasher)| ((dataset.to_owned(), month), hasher.finish()))
            .collect();
        Self { facts, hashes }
    }
}

impl Live {
    fn own_delivered(&self) -> &OwnDelivered {
        self.delivered.get_or_init(|| OwnDelivered::new(self.delivered_by(|_| true)))
    }

    /// Every month that a partner's own export delivered of a dataset, sorted.
    pub fn delivered(&self) -> &[Delivered] {
        &self.own_delivered().facts
    }

    /// Each dataset and month of [`delivered`](Self::delivered), with a hash over its partners.
    pub fn delivered_hashes(&self) -> impl Iterator<Item = (&str, Option<Month>, &blake3::Hash)> {
        let hashes = self.own_delivered().hashes.iter();
        hashes.map(|((dataset, month), hash)| (dataset.as_str(), *month, hash))
    }

    /// What the partners of a range delivered themselves.
    pub fn delivered_of(&self, range: &PartnerRange) -> &[Delivered] {
        let all = self.delivered();
        &all[range.within(all, |fact| &fact.account)]
    }

    /// Every month that files of a kind delivered, as [`delivered`](Self::delivered).
    pub(super) fn delivered_by(&self, is_meant: impl Fn(&FileRecord) -> bool) -> Vec<Delivered> {
        let mut months: BTreeMap<(&str, &str), BTreeSet<Option<Month>>> = BTreeMap::new();
        for unit in &self.units {
            let files = || unit.files.iter().filter_map(|file| self.file(unit.sequence, *file));
            if !files().any(&is_meant) {
                continue;
            }
            let of_unit = months.entry((&unit.account, &unit.key.dataset)).or_default();
            of_unit.insert(unit.key.month);
            if unit.key.month.is_some() {
                for (first, last) in
                    files().filter(|file| is_meant(file)).filter_map(FileRecord::months)
                {
                    of_unit.extend(Month::range(first, last).map(Some));
                }
            }
        }
        let mut delivered = Vec::new();
        for ((account, dataset), months) in months {
            delivered.extend(months.into_iter().map(|month| Delivered {
                account: account.to_owned(),
                dataset: dataset.to_owned(),
                month,
                is_own: true,
            }));
        }
        delivered
    }
}
