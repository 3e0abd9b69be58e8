//! The arithmetic of parts and metrics (contract §6): whole increments, exact points, caps. Values
//! are in units of 10⁻¹⁰ of the part's unit, whether dollars, users or tenants.

use crate::money::Money;
use crate::points::Points;
use crate::rules::{
    CustomerResult, GrowthIncrements, NegativeParts, NoBaseline, Options, Part, Sentence, StepRole,
};

use super::partners::{Coverage, Covered, DatasetSet};

/// The result of one part for one partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartScore {
    pub(super) current: Option<Money>,
    pub(super) baseline: Option<Money>,
    pub(super) increments: i64,
    pub(super) remainder: Option<Money>,
    pub(super) points: Points,
    pub(super) covered: Covered,
    /// Why a growth in percent earns nothing, whatever it is.
    pub(super) obstacle: Option<Obstacle>,
    /// The net of the other reading of net adds.
    pub(super) other_net: Option<i64>,
    /// Whether something counted does not say when its association began.
    pub(super) is_start_unknown: bool,
    /// Whether the metric takes its points: false for the lesser of parts of which the best counts.
    pub(super) is_used: bool,
}

/// Why a growth in percent earns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Obstacle {
    /// The total of trailing twelve months is below the minimum.
    BelowMinimum,
    /// There is nothing a year ago to grow from.
    NoBaseline,
    /// Neither is there enough.
    Both,
}

impl Obstacle {
    /// What stands in the way, if anything does.
    fn of(is_small: bool, has_no_baseline: bool) -> Option<Self> {
        match (is_small, has_no_baseline) {
            (true, true) => Some(Self::Both),
            (true, false) => Some(Self::BelowMinimum),
            (false, true) => Some(Self::NoBaseline),
            (false, false) => None,
        }
    }

    /// Its flags of a metric.
    pub(super) fn flags(self) -> &'static [&'static str] {
        match self {
            Self::BelowMinimum => &["below_minimum"],
            Self::NoBaseline => &["no_baseline"],
            Self::Both => &["below_minimum", "no_baseline"],
        }
    }
}

/// The result of one metric for one partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MetricScore {
    pub(super) points: Points,
    pub(super) uncapped: Points,
    /// Points with the rounded figures that Partner Center prints.
    pub(super) printed: Points,
    pub(super) covered: Covered,
}

impl PartScore {
    /// A part that cannot be computed: no values, no points.
    pub(super) fn not_computable(covered: Covered) -> Self {
        Self {
            current: None,
            baseline: None,
            increments: 0,
            remainder: None,
            points: Points::ZERO,
            covered,
            obstacle: None,
            other_net: None,
            is_start_unknown: false,
            is_used: true,
        }
    }

    /// A part that compares two sides. Growth is measured in whole units; a shrinking part earns
    /// nothing and takes nothing from others, unless the version sets it against them.
    pub(super) fn net(
        part: &Part,
        options: Options,
        current: Money,
        baseline: Money,
        covered: Covered,
    ) -> Self {
        let change = current.0 - baseline.0;
        let growth = change.max(0);
        let increments = match options.negative_parts {
            NegativeParts::Clamp => growth / part.unit_size.0,
            NegativeParts::Offset => change / part.unit_size.0,
        };
        let is_counted = matches!(
            &part.sentence,
            Sentence::Customers(customers)
                if matches!(customers.result, CustomerResult::NetCount | CustomerResult::Count)
        );
        Self {
            current: Some(current),
            baseline: Some(baseline),
            increments: bounded(increments),
            remainder: (!is_counted).then(|| Money(growth % part.unit_size.0)),
            points: if options.growth_increments == GrowthIncrements::Exact && growth > 0 {
                share_of(part.points_per_unit, growth, part.unit_size.0)
            } else {
                times(part.points_per_unit, increments)
            },
            covered,
            obstacle: None,
            other_net: None,
            is_start_unknown: false,
            is_used: true,
        }
    }

    /// A part that counts what there is now.
    pub(super) fn count(part: &Part, current: Money, covered: Covered) -> Self {
        let counted = Self::net(part, Options::default(), current, Money::ZERO, covered);
        Self { baseline: None, ..counted }
    }

    /// Growth in whole percents of the baseline, of a metric of at most `max` points; `is_small`
    /// says whether there is less than the least that growth is scored from.
    pub(super) fn percent(
        part: &Part,
        options: Options,
        max: Points,
        (current, baseline): (Money, Money),
        is_small: bool,
        covered: Covered,
    ) -> Self {
        let obstacle = Obstacle::of(is_small, baseline <= Money::ZERO);
        let is_full = obstacle == Some(Obstacle::NoBaseline)
            && options.no_baseline == NoBaseline::Maximum
            && current > Money::ZERO;
        let growth = (current.0 - baseline.0).max(0);
        let (increments, remainder) = match obstacle {
            None => (growth * 100 / baseline.0, Some((growth * 100) % baseline.0)),
            Some(_) => (0, None),
        };
        // The fraction of a percent, cut after four digits.
        let cut = |rest: i128| Money(rest * 10_000 / baseline.0 * 1_000_000);
        Self {
            current: Some(current),
            baseline: Some(baseline),
            increments: bounded(increments),
            remainder: remainder.map(cut),
            points: if is_full {
                max
            } else if options.growth_increments == GrowthIncrements::Exact && obstacle.is_none() {
                share_of(part.points_per_unit, growth * 100, baseline.0)
            } else {
                times(part.points_per_unit, increments)
            },
            covered,
            obstacle,
            other_net: None,
            is_start_unknown: false,
            is_used: true,
        }
    }

    /// A step of a skilling metric: a prerequisite earns once, the last step for each person;
    /// `is_open` says whether the steps before it allow that.
    pub(super) fn step(part: &Part, people: i64, is_open: bool, covered: Covered) -> Self {
        let points = match &part.sentence {
            Sentence::People(step) => match step.role {
                StepRole::Prerequisite { people_needed } if is_open && people >= people_needed => {
                    part.points_per_unit
                }
                StepRole::Last if is_open => times(part.points_per_unit, i128::from(people)),
                _ => Points::ZERO,
            },
            Sentence::Customers(_) => Points::ZERO,
        };
        Self {
            current: Some(Money::from_dollars(people)),
            baseline: None,
            increments: people,
            remainder: None,
            points,
            covered,
            obstacle: None,
            other_net: None,
            is_start_unknown: false,
            is_used: true,
        }
    }

    pub(super) fn change(&self) -> Option<Money> {
        Some(Money(self.current?.0 - self.baseline?.0))
    }

    pub(super) fn is_computable(&self) -> bool {
        self.covered.coverage != Coverage::NotComputable
    }

    /// What is missing to the next increment.
    pub(super) fn missing_to_next(&self, part: &Part) -> Option<Money> {
        let (current, baseline) = (self.current?, self.baseline.unwrap_or_default());
        let change = Money(current.0 - baseline.0);
        let is_percent = part.value_unit() == "percent";
        if self.obstacle.is_some() {
            return None;
        }
        let missing = match self.remainder {
            _ if change < Money::ZERO && is_percent => {
                // In percent, rounded up to four digits.
                let loss = -change.0 * 100 * 10_000;
                let digits = (loss + baseline.0 - 1).div_euclid(baseline.0);
                Money(part.unit_size.0 + digits * 1_000_000)
            }
            _ if change < Money::ZERO => Money(part.unit_size.0 - change.0),
            Some(remainder) => Money(part.unit_size.0 - remainder.0),
            None => part.unit_size,
        };
        (part.points_per_unit > Points::ZERO).then_some(missing)
    }

    /// The points with the rounded figure that Partner Center prints for one increment.
    fn printed(&self, part: &Part) -> Points {
        let exact = part.points_per_unit.0;
        let is_earned_by_unit = exact > 0 && self.points.0 == exact.saturating_mul(self.increments);
        if is_earned_by_unit {
            times(part.printed_points_per_unit, i128::from(self.increments))
        } else {
            self.points
        }
    }
}

impl MetricScore {
    /// Adds the used parts and caps the sum. Parts that cannot be computed have no points.
    pub(super) fn add(max: Points, parts: &[(&Part, &PartScore)]) -> Self {
        let used = || parts.iter().filter(|(_, score)| score.is_used);
        let uncapped: Points = used().map(|(_, score)| score.points).sum();
        let printed: Points = used().map(|(part, score)| score.printed(part)).sum();
        Self {
            points: uncapped.clamp(Points::ZERO, max),
            uncapped,
            printed: printed.clamp(Points::ZERO, max),
            covered: Covered {
                coverage: joint(parts.iter().map(|(_, score)| score.covered.coverage)),
                missing: parts.iter().fold(DatasetSet::default(), |all, (_, score)| {
                    all.union(score.covered.missing)
                }),
                is_mixed: parts.iter().any(|(_, score)| score.covered.is_mixed),
            },
        }
    }
}

/// Of one partner's parts marks the best as the used one: the one with the most points, the first at
/// a tie (contract §6.5).
pub(super) fn use_best(scores: &mut [&mut PartScore]) {
    let most = scores.iter().map(|score| score.points).max();
    let best = scores.iter().position(|score| Some(score.points) == most);
    for (at, score) in scores.iter_mut().enumerate() {
        score.is_used = Some(at) == best;
    }
}

/// The coverage of a metric: of parts none of which, some of which or all of which can be computed.
fn joint(parts: impl Iterator<Item = Coverage>) -> Coverage {
    let parts: Vec<Coverage> = parts.collect();
    let lost = parts.iter().filter(|coverage| **coverage == Coverage::NotComputable).count();
    match lost {
        0 => parts.into_iter().max().unwrap_or(Coverage::Complete),
        _ if lost == parts.len() => Coverage::NotComputable,
        _ => Coverage::LowerBound,
    }
}

/// Points times a count; a count beyond all reason stops at the largest points.
fn times(points: Points, count: i128) -> Points {
    let product = i128::from(points.0).saturating_mul(count);
    Points(bounded(product))
}

/// Points times a fraction of a unit, cut to a whole 1/8400 point.
fn share_of(points: Points, amount: i128, unit: i128) -> Points {
    let share = i128::from(points.0).saturating_mul(amount) / unit;
    Points(bounded(share))
}

/// Numbers beyond all reason stop far from the ends, so that sums of them do not overflow.
fn bounded(number: i128) -> i64 {
    const MOST: i64 = i64::MAX / 1024;
    i64::try_from(number.clamp(i128::from(-MOST), i128::from(MOST))).unwrap_or(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_beyond_all_reason_stays_a_loss() {
        let most = bounded(i128::MAX);
        assert_eq!(times(Points(i64::MAX), i128::MIN), Points(-most));
        assert_eq!(share_of(Points(i64::MAX), i128::MIN, 1), Points(-most));
        assert!(most > 0 && most.checked_mul(1000).is_some());
        assert_eq!(times(Points(3), -2), Points(-6));
    }

    #[test]
    fn some_lost_parts_make_a_lower_bound() {
        use Coverage::{Complete, LowerBound, NotComputable};
        let of = |parts: &[Coverage]| joint(parts.iter().copied());
        assert_eq!(of(&[Complete, Complete]), Complete);
        assert_eq!(of(&[Complete, LowerBound]), LowerBound);
        assert_eq!(of(&[Complete, NotComputable]), LowerBound);
        assert_eq!(of(&[NotComputable, NotComputable]), NotComputable);
    }
}
