//! The rows of areas, metrics and parts, with their flags.

use super::area::{AreaScorer, Detail};
use super::part::{Obstacle, PartScore};
use super::partners::DatasetSet;
use super::total::{ScoredMetric, Total, alternative_points, select, units_to_next_point};
use super::{AreaSummary, PathScores};
use crate::money::Money;
use crate::points::Points;
use crate::rules::Version;

impl AreaScorer<'_> {
    /// Adds the rows of a metric and of its parts.
    pub(super) fn write_metric(
        &mut self,
        version: &Version,
        path: &str,
        scored: &ScoredMetric<'_>,
    ) {
        for partner in 0..self.partners.len() {
            let id = self.partners.ids()[partner].as_str();
            let score = &scored.scores[partner];
            let is_mixed = scored.metric.value_unit == "mixed";
            let is_stepped = scored.people.is_some() && scored.parts.len() > 1;
            let has_values = !is_mixed && !is_stepped;
            let sum = |value: fn(&PartScore) -> Option<Money>| {
                let used = scored.parts.iter().filter(|(_, scores, _)| scores[partner].is_used);
                let values: Vec<Money> =
                    used.filter_map(|(_, scores, _)| value(&scores[partner])).collect();
                (has_values && !values.is_empty()).then(|| values.into_iter().sum::<Money>())
            };
            let mut flags = Vec::new();
            if scored.people.is_some() && self.credentials.expiry_unknown[partner] {
                flags.push("expiry_unknown");
            }
            if score.points > Points::ZERO && score.points.0 < crate::points::UNITS_PER_POINT {
                flags.push("metric_below_one_point");
            }
            for (_, scores, _) in &scored.parts {
                let score = &scores[partner];
                flags.extend(score.obstacle.map(Obstacle::flags).unwrap_or_default());
                if score.is_used && score.is_start_unknown {
                    flags.push("association_start_unknown");
                }
            }
            if score.covered.is_mixed {
                flags.push("mixed_sources");
            }
            let alternative = alternative_points(scored, partner);
            if alternative.is_some_and(|points| points != score.points) {
                flags.push("disputed_baseline");
            }
            flags.sort_unstable();
            flags.dedup();
            self.metrics
                .month(self.input.reference)
                .text(id)
                .text(version.area.as_str())
                .text(path)
                .text(scored.metric.id.as_str())
                .points(score.points)
                .int(score.points.0)
                .points(scored.metric.max_points)
                .int(score.uncapped.0)
                .text(scored.metric.value_unit.as_str())
                .money(sum(|part| part.current))
                .money(sum(|part| part.baseline))
                .money(sum(PartScore::change))
                .money(units_to_next_point(scored, version.options.prerequisites, partner))
                .text(score.covered.coverage.as_str())
                .text(score.covered.missing.text().as_str())
                .text(flags.join(",").as_str())
                .int(alternative.map(|points| points.0))
                .end();
            for (part, scores, key) in &scored.parts {
                let score = &scores[partner];
                self.parts
                    .month(self.input.reference)
                    .text(id)
                    .text(version.area.as_str())
                    .text(path)
                    .text(scored.metric.id.as_str())
                    .text(part.id.as_str())
                    .text(part.value_unit())
                    .money(score.current)
                    .money(score.baseline)
                    .money(score.change())
                    .money(part.unit_size)
                    .int(score.increments)
                    .money(score.remainder)
                    .points(score.points)
                    .int(score.points.0)
                    .bool(score.is_used)
                    .text(score.covered.coverage.as_str())
                    .text(score.covered.missing.text().as_str())
                    .text(key.as_str())
                    .end();
            }
        }
    }

    /// Adds the rows of an area, all its paths, and sums them up for people.
    pub(super) fn write_areas(
        &mut self,
        version: &Version,
        totals: &[Vec<Total>],
        assigned: Option<&[usize]>,
    ) -> AreaSummary {
        let max: Points = version.metrics.iter().map(|metric| metric.max_points).sum();
        // An assigned path looks at the segments of customers too.
        let segments = version.reads_segments().then(|| crate::tables::SEGMENT_DATASET.to_owned());
        let datasets = DatasetSet::of(
            version
                .metrics
                .iter()
                .flat_map(|metric| &metric.parts)
                .flat_map(|part| &part.datasets)
                .chain(&segments),
        );
        let mut path_scores: Vec<PathScores> = version
            .paths
            .iter()
            .map(|path| PathScores {
                area: version.area.clone(),
                path: path.clone(),
                ruleset_id: version.id.clone(),
                points: Vec::new(),
                coverage: Vec::new(),
                is_qualified: Vec::new(),
                is_selected: Vec::new(),
            })
            .collect();
        let mut summary = AreaSummary {
            area: version.area.clone(),
            title: version.area_title.clone(),
            ruleset_id: version.id.clone(),
            partners: self.partners.len(),
            qualified: 0,
            within_ten: 0,
            points: Vec::with_capacity(self.partners.len()),
            coverage: [0; 3],
        };
        for partner in 0..self.partners.len() {
            let id = self.partners.ids()[partner].as_str();
            let of_partner: Vec<&Total> = totals.iter().map(|path| &path[partner]).collect();
            let assigned = assigned.map(|paths| paths[partner]);
            let (selected, reason, is_conflict) = select(version, &of_partner, assigned);
            let early = self.input.early.range((id.to_owned(), String::new())..);
            let is_early = early
                .take_while(|(early, _)| early == id)
                .any(|(_, dataset)| DatasetSet::of(std::iter::once(dataset)).meets(datasets));
            for (at, (path, total)) in version.paths.iter().zip(&of_partner).enumerate() {
                let is_qualified = total.is_qualified(version);
                path_scores[at].points.push(total.points);
                path_scores[at].coverage.push(total.covered.coverage);
                path_scores[at].is_qualified.push(is_qualified);
                path_scores[at].is_selected.push(at == selected);
                if self.detail == Detail::Totals {
                    continue;
                }
                let missing = Points((version.to_qualify.0 - total.points.0).max(0));
                let mut flags = Vec::new();
                if (total.points >= version.to_qualify) != (total.printed >= version.to_qualify) {
                    flags.push("borderline_rounding");
                }
                if total.covered.is_mixed {
                    flags.push("mixed_sources");
                }
                if is_conflict {
                    flags.push("path_conflict");
                }
                if self.input.quarantined.contains(id) {
                    flags.push("rows_quarantined");
                }
                if at == selected {
                    summary.count(total, is_qualified, missing);
                }
                self.areas
                    .month(self.input.reference)
                    .text(id)
                    .text(version.area.as_str())
                    .text(path.as_str())
                    .points(total.points)
                    .int(total.points.0)
                    .points(max)
                    .bool(at == selected)
                    .text(reason)
                    .bool(total.is_floor_met)
                    .bool(is_qualified)
                    .bool(total.points >= version.incentive)
                    .points(missing)
                    .text(total.blocking.join(",").as_str())
                    .text(total.covered.coverage.as_str())
                    .text(total.covered.missing.text().as_str())
                    .bool(is_early)
                    .text(version.id.as_str())
                    .text(self.input.run_id.as_str())
                    .text(flags.join(",").as_str())
                    .end();
            }
        }
        self.totals.extend(path_scores);
        summary
    }
}
