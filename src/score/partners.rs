//! The scored partners and what they delivered.

use polars::prelude::DataFrame;

use crate::calendar::Month;
use crate::engine::bug;
use crate::error::{Error, Result};
use crate::facts::Delivered;
use crate::rules::{CustomerResult, Customers, Part, Sentence};
use crate::tables;

use super::measure::Sides;

/// The scored partners in order; everything about a partner is at its index.
#[derive(Debug, Clone)]
pub(super) struct Partners {
    ids: Vec<String>,
    /// Per partner and dataset, in the order of the contract, the delivered months.
    delivered: Vec<[Months; tables::DATASETS.len()]>,
}

/// Delivered months: bit n is R−n; all bits for a snapshot.
#[derive(Debug, Clone, Copy, Default)]
struct Months {
    /// By the partner's own export.
    own: u32,
    /// Only through a distributor.
    credited: u32,
}

/// How much a number can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// Everything that it needs was delivered.
    Complete,
    /// Something that was not delivered could add to it.
    LowerBound,
    /// It lacks what it is made of.
    NotComputable,
}

impl Coverage {
    const ALL: [Self; 3] = [Self::Complete, Self::LowerBound, Self::NotComputable];

    /// The published word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::LowerBound => "lower_bound",
            Self::NotComputable => "not_computable",
        }
    }

    /// What a published word means.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|coverage| coverage.as_str() == text)
    }
}

/// The coverage of one part of one partner, and the datasets that would make it complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Covered {
    pub(super) coverage: Coverage,
    pub(super) missing: DatasetSet,
    /// Whether a comparison would mix months of the partner's own export with a distributor's.
    pub(super) is_mixed: bool,
}

/// A set of datasets, as bits in the order of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct DatasetSet(u32);

impl DatasetSet {
    pub(super) fn of<'a>(datasets: impl Iterator<Item = &'a String>) -> Self {
        Self::at(datasets.filter_map(|name| place_of(name)))
    }

    fn at(places: impl Iterator<Item = usize>) -> Self {
        Self(places.fold(0, |bits, at| bits | 1 << at))
    }

    /// Its datasets.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        self.places().map(|at| tables::DATASETS[at])
    }

    /// The places of its datasets among those of the contract.
    fn places(self) -> impl Iterator<Item = usize> + Clone {
        (0..tables::DATASETS.len()).filter(move |at| self.0 & (1 << at) != 0)
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The names, sorted, joined by commas.
    pub(super) fn text(self) -> String {
        let mut names: Vec<&str> = self.names().collect();
        names.sort_unstable();
        names.join(",")
    }
}

impl Partners {
    /// `ids` sorted; months outside R−31…R do not matter to any window.
    pub(super) fn new(ids: Vec<String>, delivered: &[&Delivered], reference: Month) -> Self {
        let mut of_partner = vec![<[Months; tables::DATASETS.len()]>::default(); ids.len()];
        for fact in delivered {
            let Ok(at) = ids.binary_search(&fact.account) else { continue };
            let Some(dataset) = place_of(&fact.dataset) else { continue };
            let bits = match fact.month {
                None => u32::MAX,
                Some(month) => u32::try_from(reference.since(month))
                    .ok()
                    .and_then(|back| 1_u32.checked_shl(back))
                    .unwrap_or(0),
            };
            let months = &mut of_partner[at][dataset];
            *(if fact.is_own { &mut months.own } else { &mut months.credited }) |= bits;
        }
        Self { ids, delivered: of_partner }
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn ids(&self) -> &[String] {
        &self.ids
    }

    pub(super) fn find(&self, id: &str) -> Option<usize> {
        self.ids.binary_search_by(|known| known.as_str().cmp(id)).ok()
    }

    /// The index of each row's partner in a frame sorted by partner.
    pub(super) fn indexes(&self, frame: &DataFrame) -> Result<Vec<usize>> {
        let column = frame.column("partner_id").and_then(|column| column.str()).map_err(bug)?;
        let mut indexes = Indexes::new(self);
        column.iter().map(|id| indexes.of(id.unwrap_or_default())).collect()
    }

    /// The datasets of a part over customers that some months of its windows have and others have not,
    /// by partner.
    pub(super) fn partial(
        &self,
        datasets: &[String],
        sentence: &Customers,
        reference: Month,
    ) -> impl Iterator<Item = DatasetSet> {
        let datasets = DatasetSet::of(datasets.iter());
        let needed = Sides::month_bits(sentence, reference);
        self.delivered.iter().map(move |delivered| partial(delivered, datasets, needed))
    }

    /// Coverage of a part of each partner (contract §3): every month of its windows must have been delivered in a
    /// dataset that can feed it, and in all datasets that it needs to be complete. What a
    /// distributor delivers is all that CSP rules count, and less than others do; it is not
    /// compared with what the partner itself delivers.
    pub(super) fn covered(&self, part: &Part, reference: Month) -> Vec<Covered> {
        let (needed, is_compared, is_csp_only) = match &part.sentence {
            Sentence::People(_) => (u32::MAX, false, false),
            Sentence::Customers(customers) => (
                Sides::month_bits(customers, reference),
                customers.result != CustomerResult::Count,
                customers.associations.is_csp_only(),
            ),
        };
        let datasets = DatasetSet::of(part.datasets.iter());
        let needs = DatasetSet::of(part.needs.iter());
        let of_partner = |delivered: &[Months; tables::DATASETS.len()]| {
            let mut feeding = datasets.places().map(|at| delivered[at]);
            let (own, any) = feeding.clone().fold((0, 0), |(own, any), months| {
                (own | months.own & needed, any | (months.own | months.credited) & needed)
            });
            // One dataset's credited months must not stand against another's own ones either.
            let is_partly_credited = feeding.any(|months| {
                let credited = months.credited & needed;
                credited != 0 && credited != needed
            });
            let is_mixed = is_compared && own != 0 && (own != any || is_partly_credited);
            let is_credit_enough = is_csp_only && !is_mixed;
            let is_missing = |at: &usize| {
                let Months { own, credited } = delivered[*at];
                let full = if is_credit_enough { own | credited } else { own };
                full & needed != needed
            };
            let missing = DatasetSet::at(needs.places().filter(is_missing));
            // What only some months of a comparison have changes the difference, needed or not.
            let missing = if is_compared {
                missing.union(partial(delivered, datasets, needed))
            } else {
                missing
            };
            let coverage = if any != needed || is_mixed {
                Coverage::NotComputable
            } else if missing == DatasetSet::default() {
                Coverage::Complete
            } else {
                Coverage::LowerBound
            };
            Covered { coverage, missing, is_mixed }
        };
        self.delivered.iter().map(of_partner).collect()
    }
}

/// The datasets of which some months of those that are needed were delivered, and not all.
fn partial(
    delivered: &[Months; tables::DATASETS.len()],
    datasets: DatasetSet,
    needed: u32,
) -> DatasetSet {
    let is_partial = |at: &usize| {
        let known = (delivered[*at].own | delivered[*at].credited) & needed;
        known != 0 && known != needed
    };
    DatasetSet::at(datasets.places().filter(is_partial))
}

/// The place of a dataset among those of the contract.
fn place_of(dataset: &str) -> Option<usize> {
    tables::DATASETS.iter().position(|known| *known == dataset)
}

/// The indexes of partners that are asked for in order.
pub(super) struct Indexes<'a> {
    partners: &'a Partners,
    last: Option<usize>,
}

impl<'a> Indexes<'a> {
    pub(super) fn new(partners: &'a Partners) -> Self {
        Self { partners, last: None }
    }

    /// The index of a partner.
    ///
    /// # Errors
    /// CS9001 when it is not scored.
    pub(super) fn of(&mut self, id: &str) -> Result<usize> {
        let index = match self.last {
            Some(index) if self.partners.ids[index] == id => index,
            _ => self
                .partners
                .find(id)
                .ok_or_else(|| Error::bug(format!("{id} is no scored partner")))?,
        };
        self.last = Some(index);
        Ok(index)
    }
}
