//! What business applications there are: the names under which they are sold and used, what a unit
//! of their use is worth, and the limits on both. All of it comes from the rule packs, found by
//! what their parts measure.

use std::collections::{BTreeMap, BTreeSet};

use super::text::UNITS_PER_CENT;
use super::vocabulary::in_force;
use crate::calendar::Day;
use crate::ids::AttributionSet;
use crate::money::Money;
use crate::rules::{Customers, Measure, Rules, UsageMeasure, Version};

/// A workload whose use has a value.
pub(super) struct Rated {
    /// Its name.
    pub(super) workload: String,
    /// What of its use counts.
    pub(super) measure: UsageMeasure,
    /// The associations by which its use counts.
    pub(super) associations: AttributionSet,
    /// The value of one unit.
    rate: Money,
}

impl Rated {
    /// The whole units that come to a value, or to somewhat less; at least one.
    pub(super) fn units(&self, value: i64) -> i64 {
        let units = Money::from_dollars(value).0 / self.rate.0.max(1);
        i64::try_from(units).unwrap_or(i64::MAX).max(1)
    }
}

/// All that rule packs say of business applications.
pub(super) struct Offers {
    /// The workloads with a rate, by name.
    pub(super) rated: Vec<Rated>,
    /// The associations by which revenue counts.
    pub(super) associations: AttributionSet,
    /// Limits on the revenue of a month, in cents.
    pub(super) revenue_limits: Vec<i64>,
    /// Limits on the consumption value of a month.
    pub(super) value_limits: Vec<i64>,
    /// The names under which workloads are sold.
    sold: BTreeSet<String>,
    /// Those of them under which nothing is used.
    only_sold: Vec<String>,
}

impl Offers {
    /// What the rules in force on a day know.
    pub(super) fn new(rules: &Rules, day: Day) -> Self {
        let versions = rules.packs.iter().filter_map(|pack| in_force(pack, day));
        let sentences: Vec<&Customers> = versions.flat_map(Version::sentences).collect();
        let of = |measure: Measure| {
            sentences.iter().copied().filter(move |known| known.measure == measure)
        };
        let sold: BTreeSet<String> =
            of(Measure::Revenue).flat_map(|known| known.names.iter().cloned()).collect();
        // Parts of different paths repeat the card.
        let mut rated: BTreeMap<&str, Rated> = BTreeMap::new();
        for rate in of(Measure::ConsumptionValue).flat_map(|known| &known.rates) {
            for workload in &rate.workloads {
                rated.insert(
                    workload,
                    Rated {
                        workload: workload.clone(),
                        measure: rate.measure,
                        associations: rate.associations,
                        rate: rate.rate,
                    },
                );
            }
        }
        let is_used = |name: &&String| rated.contains_key(name.as_str());
        Self {
            associations: of(Measure::Revenue)
                .fold(AttributionSet::EMPTY, |all, known| all.union(known.associations)),
            revenue_limits: limits(of(Measure::Revenue), UNITS_PER_CENT),
            value_limits: limits(of(Measure::ConsumptionValue), 100 * UNITS_PER_CENT),
            only_sold: sold.iter().filter(|name| !is_used(name)).cloned().collect(),
            sold,
            rated: rated.into_values().collect(),
        }
    }

    /// What a workload is sold as: under its own name, or else under one that is only sold. Other
    /// numbers give other names, as long as there are enough.
    pub(super) fn sold_as<'a>(&'a self, rated: &'a Rated, number: usize) -> &'a str {
        if self.sold.contains(&rated.workload) {
            return &rated.workload;
        }
        self.only_sold.get(number % self.only_sold.len().max(1)).map_or("", String::as_str)
    }
}

/// The lower limits of some sentences, smallest first.
fn limits<'a>(sentences: impl Iterator<Item = &'a Customers>, unit: i64) -> Vec<i64> {
    let least = sentences.filter_map(|known| known.limit.at_least.or(known.limit.above));
    let limits: BTreeSet<i64> =
        least.filter_map(|limit| i64::try_from(limit.0 / i128::from(unit)).ok()).collect();
    limits.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Month;
    use crate::pipelines::PipelineFiles;
    use crate::rules::Catalogs;

    fn offers() -> Offers {
        let files = PipelineFiles::embedded();
        let catalogs = Catalogs::load(&files).unwrap();
        let rules = Rules::load(&files, &catalogs, &[]).unwrap();
        Offers::new(&rules, Month::new(2026, 9).unwrap().last_day())
    }

    #[test]
    fn packs_tell_what_is_sold_and_used() {
        let offers = offers();
        assert_eq!(offers.revenue_limits, [25_000, 150_000]);
        assert_eq!(offers.value_limits, [5_000, 10_000]);
        let units = |name: &str| {
            let rated = offers.rated.iter().find(|rated| rated.workload == name).unwrap();
            rated.units(5_000)
        };
        assert_eq!(units("Business Central"), 5);
        assert_eq!(units("Customer Insights"), 25_000);
    }

    #[test]
    fn a_customer_buys_nothing_twice() {
        let offers = offers();
        for start in 0..offers.rated.len() {
            let names: BTreeSet<&str> = (start..start + 8)
                .map(|at| offers.sold_as(&offers.rated[at % offers.rated.len()], at))
                .collect();
            assert_eq!(names.len(), 8);
        }
    }
}
