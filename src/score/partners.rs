//! The scored partners and what they delivered.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use super::measure::bug;
use crate::calendar::Month;
use crate::error::{Error, Result};
use crate::facts::Delivered;
use crate::rules::{CustomerResult, Part, Sentence};
use crate::tables;

use super::measure::Sides;

/// The scored partners in order; everything about a partner is at its index.
#[derive(Debug, Clone)]
pub(super) struct Partners {
    ids: Vec<String>,
    /// Per partner and dataset the delivered months.
    delivered: Vec<BTreeMap<String, Months>>,
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
pub(super) enum Coverage {
    Complete,
    LowerBound,
    NotComputable,
}

impl Coverage {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::LowerBound => "lower_bound",
            Self::NotComputable => "not_computable",
        }
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
        let place = |name: &String| tables::DATASETS.iter().position(|known| known == name);
        Self(datasets.filter_map(place).fold(0, |bits, at| bits | 1 << at))
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The names, sorted, joined by commas.
    pub(super) fn text(self) -> String {
        let listed = tables::DATASETS.iter().enumerate();
        let mut names: Vec<&str> =
            listed.filter(|(at, _)| self.0 & (1 << at) != 0).map(|(_, name)| *name).collect();
        names.sort_unstable();
        names.join(",")
    }
}

impl Partners {
    /// `ids` sorted; months outside R−31…R do not matter to any window.
    pub(super) fn new(ids: Vec<String>, delivered: &[&Delivered], reference: Month) -> Self {
        let mut of_partner: Vec<BTreeMap<String, Months>> = vec![BTreeMap::new(); ids.len()];
        for fact in delivered {
            let Ok(at) = ids.binary_search(&fact.account) else { continue };
            let bits = match fact.month {
                None => u32::MAX,
                Some(month) => u32::try_from(reference.since(month))
                    .ok()
                    .and_then(|back| 1_u32.checked_shl(back))
                    .unwrap_or(0),
            };
            let months = of_partner[at].entry(fact.dataset.clone()).or_default();
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

    /// Coverage of a part (contract §3): every month of its windows must have been delivered in a
    /// dataset that can feed it, and in all datasets that it needs to be complete. What a
    /// distributor delivers is all that CSP rules count, and less than others do; it is not
    /// compared with what the partner itself delivers.
    pub(super) fn covered(&self, partner: usize, part: &Part, reference: Month) -> Covered {
        let (needed, is_compared, is_csp_only) = match &part.sentence {
            Sentence::People(_) => (u32::MAX, false, false),
            Sentence::Customers(customers) => (
                Sides::month_bits(customers, reference),
                customers.result != CustomerResult::Count,
                customers.associations.is_csp_only(),
            ),
        };
        let months =
            |dataset: &String| self.delivered[partner].get(dataset).copied().unwrap_or_default();
        let (own, any) = part.datasets.iter().map(months).fold((0, 0), |(own, any), months| {
            (own | months.own & needed, any | (months.own | months.credited) & needed)
        });
        // One dataset's credited months must not stand against another's own ones either.
        let is_partly_credited = part.datasets.iter().map(months).any(|months| {
            let credited = months.credited & needed;
            credited != 0 && credited != needed
        });
        let is_mixed = is_compared && own != 0 && (own != any || is_partly_credited);
        let is_credit_enough = is_csp_only && !is_mixed;
        let is_missing = |dataset: &&String| {
            let Months { own, credited } = months(dataset);
            let full = if is_credit_enough { own | credited } else { own };
            full & needed != needed
        };
        let missing = DatasetSet::of(part.needs.iter().filter(is_missing));
        let coverage = if any != needed || is_mixed {
            Coverage::NotComputable
        } else if missing == DatasetSet::default() {
            Coverage::Complete
        } else {
            Coverage::LowerBound
        };
        Covered { coverage, missing, is_mixed }
    }
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
