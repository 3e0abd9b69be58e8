//! Ranges of partners: any split of the base by partner gives the same tables, so a score looks at the
//! rows of some partners at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Range};

use hashbrown::HashMap;

use super::live::Live;

/// So many records of partners in one range: the rows of a range take some tens of megabytes.
const MOST_RECORDS: i64 = 1 << 19;
/// A partner without records takes as much room as so many of them: its scores have rows all the same.
const PARTNER_RECORDS: i64 = 1 << 8;
/// So many ranges at least, where there are as many partners: threads take one after another.
const LEAST_RANGES: i64 = 16;

/// All partners (accounts) from one on, up to the first one of the next range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartnerRange {
    pub(super) first: String,
    end: Option<String>,
}

impl PartnerRange {
    /// The ranges of a base: together they hold every partner once, in order.
    pub fn of_base(live: &Live) -> Vec<Self> {
        let mut records: HashMap<&str, i64> = HashMap::new();
        for unit in &live.units {
            *records.entry(unit.account.as_str()).or_insert(PARTNER_RECORDS) += unit.rows;
        }
        let records: BTreeMap<&str, i64> = records.into_iter().collect();
        let most = (records.values().sum::<i64>() / LEAST_RANGES).min(MOST_RECORDS);
        let mut ranges = vec![Self::default()];
        let mut held = 0;
        for (partner, records) in records {
            if held > 0 && held + records > most {
                if let Some(last) = ranges.last_mut() {
                    last.end = Some(partner.to_owned());
                }
                ranges.push(Self { first: partner.to_owned(), end: None });
                held = 0;
            }
            held += records;
        }
        ranges
    }

    /// The range with a partner, among those of a base.
    pub fn place_of(ranges: &[Self], partner: &str) -> usize {
        ranges.partition_point(|range| range.first.as_str() <= partner).saturating_sub(1)
    }

    /// Whether a partner is in the range.
    pub fn contains(&self, partner: &str) -> bool {
        self.first.as_str() <= partner && self.end.as_deref().is_none_or(|end| partner < end)
    }

    /// Those of some partners that are in the range.
    pub fn among<'s>(&'s self, partners: &'s BTreeSet<String>) -> impl Iterator<Item = &'s String> {
        let from = (Bound::Included(self.first.as_str()), Bound::Unbounded);
        partners.range::<str, _>(from).take_while(|partner| self.contains(partner))
    }

    /// Where the entries of the range's partners are, among entries sorted by partner.
    pub fn within<T>(&self, sorted: &[T], partner: impl Fn(&T) -> &str) -> Range<usize> {
        self.places(sorted.len(), |at| partner(&sorted[at]))
    }

    /// Where the places of the range's partners are, among some places sorted by partner.
    pub fn places<'s>(&self, places: usize, partner: impl Fn(usize) -> &'s str) -> Range<usize> {
        let before = |bound: &str| {
            let (mut low, mut high) = (0, places);
            while low < high {
                let middle = low.midpoint(high);
                if partner(middle) < bound {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            low
        };
        before(&self.first)..self.end.as_deref().map_or(places, before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partner_is_in_one_range() {
        let range = |first: &str, end: Option<&str>| PartnerRange {
            first: first.to_owned(),
            end: end.map(str::to_owned),
        };
        let ranges = [range("", Some("b")), range("b", Some("d")), range("d", None)];
        let partners = ["", "a", "az", "b", "c", "d", "e"];
        let mut placed = Vec::new();
        for (at, range) in ranges.iter().enumerate() {
            let within = range.within(&partners, |partner| partner);
            assert!(partners[within.clone()].iter().all(|partner| range.contains(partner)));
            placed.extend(partners[within].iter().map(|partner| (at, *partner)));
        }
        let all: BTreeSet<String> = partners.map(str::to_owned).into();
        let among = ranges.iter().flat_map(|range| range.among(&all));
        assert!(among.eq(&all));
        let expected = partners.map(|partner| (PartnerRange::place_of(&ranges, partner), partner));
        assert_eq!(placed, expected);
    }
}
