//! Metrics to totals: the gate, the selected path, and what is missing to the next point.

use super::part::{MetricScore, PartScore};
use super::partners::{Coverage, Covered, DatasetSet};
use super::people::completions_to_next_point;
use crate::money::Money;
use crate::points::Points;
use crate::rules::{Metric, Part, PathChoice, Prerequisites, Selection, Version};

/// One metric of one path over all partners.
pub(super) struct ScoredMetric<'v> {
    pub(super) metric: &'v Metric,
    pub(super) parts: Vec<(&'v Part, Vec<PartScore>, String)>,
    pub(super) scores: Vec<MetricScore>,
    /// Skilling: people of each step.
    pub(super) people: Option<Vec<Vec<i64>>>,
}

/// The total of one path of one partner.
pub(super) struct Total {
    pub(super) points: Points,
    pub(super) printed: Points,
    pub(super) is_floor_met: bool,
    pub(super) blocking: Vec<String>,
    pub(super) covered: Covered,
}

impl Total {
    pub(super) fn is_qualified(&self, version: &Version) -> bool {
        self.points >= version.to_qualify && self.is_floor_met
    }
}

/// The total of one path of one partner.
pub(super) fn total(version: &Version, metrics: &[ScoredMetric<'_>], partner: usize) -> Total {
    let scores: Vec<(&str, &MetricScore)> =
        metrics.iter().map(|scored| (scored.metric.id.as_str(), &scored.scores[partner])).collect();
    let coverage = scores.iter().map(|(_, score)| score.covered.coverage).max();
    let missing = scores
        .iter()
        .fold(DatasetSet::default(), |all, (_, score)| all.union(score.covered.missing));
    Total {
        points: scores.iter().map(|(_, score)| score.points).sum(),
        printed: scores.iter().map(|(_, score)| score.printed).sum(),
        is_floor_met: scores.iter().all(|(_, score)| version.floor.is_met_by(score.points)),
        blocking: scores
            .iter()
            .filter(|(_, score)| !version.floor.is_met_by(score.points))
            .map(|(id, _)| (*id).to_owned())
            .collect(),
        covered: Covered {
            coverage: coverage.unwrap_or(Coverage::Complete),
            missing,
            is_mixed: scores.iter().any(|(_, score)| score.covered.is_mixed),
        },
    }
}

/// The selected path, why, and whether a path with a higher total was passed over because only
/// another one qualifies.
pub(super) fn select(
    version: &Version,
    totals: &[&Total],
    assigned: Option<usize>,
) -> (usize, &'static str, bool) {
    if version.selection == Selection::Single {
        return (0, "only_path", false);
    }
    if let Some(assigned) = assigned {
        let path = version.paths.get(assigned).map_or("", String::as_str);
        let reason = if path == "smb" { "assigned_smb" } else { "assigned_enterprise" };
        return (assigned, reason, false);
    }
    let highest = totals.iter().map(|total| total.points).max().unwrap_or_default();
    let first_highest = totals.iter().position(|total| total.points == highest).unwrap_or_default();
    let is_tie = totals.iter().filter(|total| total.points == highest).count() > 1;
    let qualifying: Vec<usize> =
        (0..totals.len()).filter(|at| totals[*at].is_qualified(version)).collect();
    if version.options.path_choice == PathChoice::PreferQualifying
        && let [only] = qualifying[..]
        && (totals[only].points < highest || is_tie)
    {
        return (only, "qualifying_path", totals[only].points < highest);
    }
    if is_tie {
        return (first_highest, "tie_enterprise", false);
    }
    (first_highest, "higher_total", false)
}

/// The least that raises the points of a metric (contract §6.6).
pub(super) fn units_to_next_point(
    scored: &ScoredMetric<'_>,
    order: Prerequisites,
    partner: usize,
) -> Option<Money> {
    let score = &scored.scores[partner];
    let is_mixed = scored.metric.value_unit == "mixed";
    if is_mixed || score.points >= scored.metric.max_points {
        return None;
    }
    let is_computable = |(_, scores, _): &&(&Part, Vec<PartScore>, String)| {
        scores[partner].is_computable() && scores[partner].is_used
    };
    let Some(people) = &scored.people else {
        return scored
            .parts
            .iter()
            .filter(is_computable)
            .filter_map(|(part, scores, _)| scores[partner].missing_to_next(part))
            .min();
    };
    if !scored.parts.iter().all(|part| is_computable(&part)) {
        return None;
    }
    let parts: Vec<&Part> = scored.parts.iter().map(|(part, _, _)| *part).collect();
    let people: Vec<i64> = people.iter().map(|people| people[partner]).collect();
    completions_to_next_point(scored.metric, &parts, &people, order).map(Money::from_dollars)
}

/// The points of net adds by the other reading, where a metric has one and can be computed.
pub(super) fn alternative_points(scored: &ScoredMetric<'_>, partner: usize) -> Option<Points> {
    let mut points = None;
    for (part, scores, _) in &scored.parts {
        let net = scores[partner].other_net?.max(0);
        let earned = Points(part.points_per_unit.0.saturating_mul(net));
        points = Some(Points(points.map_or(0, |known: Points| known.0) + earned.0));
    }
    points.map(|points| points.min(scored.metric.max_points))
}
