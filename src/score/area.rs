//! Scores one area: parts, metrics, totals, the gate and the selected path, for all partners.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::DataFrame;

use super::assignment::{SmbCustomers, assigned_paths};
use super::customers::{
    Evidence, Measured as MeasuredRow, amount_evidence, other_reading, service_evidence,
};
use super::evidence::{add_customer, add_implementation, add_skilling};
use super::measure::Sides;
use super::measures::{Measured, Measures};
use super::part::{MetricScore, Obstacle, PartScore, use_best};
use super::partners::{Coverage, Covered, DatasetSet, Partners};
use super::people::{Credentials, Steps};
use super::tenant_seats::seat_evidence;
use super::total::{ScoredMetric, Total, alternative_points, select, total, units_to_next_point};
use super::{AreaSummary, Input, MonthScores, PathScores};
use crate::error::Result;
use crate::money::Money;
use crate::points::Points;
use crate::rules::{
    CustomerResult, Customers, Metric, MinimumAcrOf, Part, Pick, Selection, Sentence, Version,
};
use crate::tables::{
    FACT_AREA_SCORE, FACT_CUSTOMER_EVIDENCE, FACT_IMPLEMENTATION, FACT_METRIC_PART,
    FACT_METRIC_SCORE, FACT_SKILLING_EVIDENCE, Rows, Table,
};

/// What is made of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// All tables.
    All,
    /// Totals alone.
    Totals,
}

/// Scores areas one after another and collects their rows.
pub(super) struct AreaScorer<'a> {
    input: &'a Input<'a>,
    partners: &'a Partners,
    credentials: &'a Credentials,
    detail: Detail,
    totals: Vec<PathScores>,
    measures: Measures,
    smb: Option<SmbCustomers<'a>>,
    /// Sentences whose evidence is written, with their keys.
    written: Vec<(Customers, Vec<String>, String)>,
    areas: Rows,
    metrics: Rows,
    parts: Rows,
    evidence: Rows,
    skilling: Rows,
    implementations: Rows,
    /// Partner, person and certification that count by an assumed name.
    assumed: BTreeSet<(usize, String, String)>,
    /// Datasets that only some months of a partner's comparisons have.
    partial: BTreeSet<(&'static str, usize)>,
}

impl<'a> AreaScorer<'a> {
    pub(super) fn new(
        input: &'a Input<'a>,
        partners: &'a Partners,
        credentials: &'a Credentials,
        detail: Detail,
    ) -> Self {
        Self {
            input,
            partners,
            credentials,
            detail,
            totals: Vec::new(),
            measures: Measures::default(),
            smb: None,
            written: Vec::new(),
            areas: Rows::new(&FACT_AREA_SCORE),
            metrics: Rows::new(&FACT_METRIC_SCORE),
            parts: Rows::new(&FACT_METRIC_PART),
            evidence: Rows::new(&FACT_CUSTOMER_EVIDENCE),
            skilling: Rows::new(&FACT_SKILLING_EVIDENCE),
            implementations: Rows::new(&FACT_IMPLEMENTATION),
            assumed: BTreeSet::new(),
            partial: BTreeSet::new(),
        }
    }

    /// The tables of all areas that were scored.
    pub(super) fn finish(self) -> Result<Vec<(&'static Table, DataFrame)>> {
        Ok(vec![
            (&FACT_AREA_SCORE, self.areas.finish()?),
            (&FACT_METRIC_SCORE, self.metrics.finish()?),
            (&FACT_METRIC_PART, self.parts.finish()?),
            (&FACT_CUSTOMER_EVIDENCE, self.evidence.finish()?),
            (&FACT_SKILLING_EVIDENCE, self.skilling.finish()?),
            (&FACT_IMPLEMENTATION, self.implementations.finish()?),
        ])
    }

    /// The totals of all areas that were scored.
    pub(super) fn totals(&mut self) -> MonthScores {
        MonthScores {
            month: self.input.reference,
            partners: self.partners.ids().to_vec(),
            paths: std::mem::take(&mut self.totals),
        }
    }

    /// How many people hold a certification that counts by each assumed name's code.
    pub(super) fn assumed_aliases(&self) -> BTreeMap<String, i64> {
        let mut people = BTreeMap::new();
        for (_, _, code) in &self.assumed {
            *people.entry(code.clone()).or_default() += 1;
        }
        people
    }

    /// How many partners are compared over months of which only some have a dataset, by dataset.
    pub(super) fn partial_datasets(&self) -> BTreeMap<&'static str, i64> {
        let mut partners = BTreeMap::new();
        for (dataset, _) in &self.partial {
            *partners.entry(*dataset).or_default() += 1;
        }
        partners
    }

    /// How many customers that a test of the path looked at have no segment.
    pub(super) fn without_segment(&self) -> i64 {
        let smb = self.smb.as_ref().map(SmbCustomers::without_segment).unwrap_or_default();
        i64::try_from(smb).unwrap_or(i64::MAX)
    }

    pub(super) fn score(&mut self, version: &Version) -> Result<AreaSummary> {
        let mut totals: Vec<Vec<Total>> = Vec::new();
        for path in &version.paths {
            let mut metrics = Vec::new();
            for metric in &version.metrics {
                let scored = self.metric(version, path, metric)?;
                if self.detail == Detail::All {
                    self.write_metric(version, path, &scored);
                }
                metrics.push(scored);
            }
            let of_partner = |partner| total(version, &metrics, partner);
            totals.push((0..self.partners.len()).map(of_partner).collect());
        }
        let assigned = self.assigned(version)?;
        Ok(self.write_areas(version, &totals, assigned.as_deref()))
    }

    /// The index of the assigned path per partner, where the version assigns one.
    fn assigned(&mut self, version: &Version) -> Result<Option<Vec<usize>>> {
        let Selection::Assigned(assignment) = &version.selection else { return Ok(None) };
        assigned_paths(
            assignment,
            &version.paths,
            &mut self.measures,
            &mut self.smb,
            self.input,
            self.partners,
        )
        .map(Some)
    }

    fn metric<'v>(
        &mut self,
        version: &'v Version,
        path: &'v str,
        metric: &'v Metric,
    ) -> Result<ScoredMetric<'v>> {
        let parts: Vec<&Part> = version.parts_of_metric(path, &metric.id).collect();
        let credentials = self.credentials;
        let has_steps = parts.iter().any(|part| matches!(part.sentence, Sentence::People(_)));
        let steps =
            has_steps.then(|| credentials.steps(&parts, version.options, self.partners.len()));
        if let (Some(steps), Detail::All) = (&steps, self.detail) {
            self.write_skilling(version, path, metric, &parts, steps);
        }
        let mut scored = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let (scores, key) = match &part.sentence {
                Sentence::Customers(sentence) => {
                    self.customers(version, path, metric, part, sentence)?
                }
                Sentence::People(_) => {
                    let people =
                        steps.as_ref().map(|steps| (&steps.people[at], &steps.is_open[at]));
                    (self.step(part, people), String::new())
                }
            };
            scored.push((*part, scores, key));
        }
        if metric.pick == Pick::Best {
            for partner in 0..self.partners.len() {
                let of_partner = scored.iter_mut().map(|(_, scores, _)| &mut scores[partner]);
                use_best(&mut of_partner.collect::<Vec<_>>());
            }
        }
        let scores = (0..self.partners.len())
            .map(|partner| {
                let of_partner: Vec<(&Part, &PartScore)> =
                    scored.iter().map(|(part, scores, _)| (*part, &scores[partner])).collect();
                MetricScore::add(metric.max_points, &of_partner)
            })
            .collect();
        let people = steps.map(|steps| steps.people);
        Ok(ScoredMetric { metric, parts: scored, scores, people })
    }

    fn step(&self, part: &Part, people: Option<(&Vec<i64>, &Vec<bool>)>) -> Vec<PartScore> {
        let covered = self.partners.covered(part, self.input.reference).into_iter().enumerate();
        covered
            .map(|(partner, covered)| match people {
                Some((people, is_open)) if covered.coverage != Coverage::NotComputable => {
                    PartScore::step(part, people[partner], is_open[partner], covered)
                }
                _ => PartScore::not_computable(covered),
            })
            .collect()
    }

    /// Scores a part over customers and writes its evidence, once for all parts that share the
    /// sentence.
    fn customers(
        &mut self,
        version: &Version,
        path: &str,
        metric: &Metric,
        part: &Part,
        sentence: &Customers,
    ) -> Result<(Vec<PartScore>, String)> {
        let (reference, options) = (self.input.reference, version.options);
        let sides = Sides::new(sentence.window, reference);
        self.measures.prepare(sentence, self.input, self.partners)?;
        let measured = self.measures.get(sentence);
        let evidence: Vec<Evidence<'_>> = match &measured {
            Some(Measured::Amounts(amounts)) => amount_evidence(sentence, amounts),
            Some(Measured::Services(acr)) => service_evidence(sentence, acr),
            Some(Measured::Seats(seats)) => seat_evidence(sentence, seats),
            None => Vec::new(),
        };
        let other_nets = match &measured {
            Some(Measured::Amounts(amounts)) if sentence.has_two_readings() => {
                Some(other_reading(sentence, amounts, &evidence, self.partners.len()))
            }
            _ => None,
        };
        let ttm = self.measures.ttm_totals(sentence, self.partners.len());
        let covered = self.partners.covered(part, reference);
        if self.detail == Detail::All && sentence.result != CustomerResult::Count {
            let partial = self.partners.partial(&part.datasets, sentence, reference);
            for (partner, datasets) in partial.enumerate() {
                if covered[partner].coverage != Coverage::NotComputable {
                    self.partial.extend(datasets.names().map(|dataset| (dataset, partner)));
                }
            }
        }
        let is_computable =
            |row: &&Evidence<'_>| covered[row.partner].coverage != Coverage::NotComputable;
        let mut sums = vec![(Money::ZERO, Money::ZERO); self.partners.len()];
        let mut base_totals = vec![Money::ZERO; self.partners.len()];
        let mut is_start_unknown = vec![false; self.partners.len()];
        for row in &evidence {
            sums[row.partner].0 += row.adds.0;
            sums[row.partner].1 += row.adds.1;
            is_start_unknown[row.partner] |= row.is_start_unknown;
            if let MeasuredRow::Amount { baseline, .. } = row.measured {
                base_totals[row.partner] += baseline;
            }
        }
        let known = self
            .written
            .iter()
            .find(|(known, datasets, _)| known == sentence && *datasets == part.datasets)
            .map(|(_, _, key)| key.clone());
        let key = if let Some(key) = known {
            key
        } else {
            // Named after the first part that tells it; the path only where there are several.
            let mut key = format!("{}.{}.{}", version.area, metric.id, part.id);
            if version.paths.len() > 1 {
                key = format!("{key}.{path}");
            }
            if self.detail == Detail::All {
                for row in evidence.iter().filter(is_computable) {
                    add_customer(&mut self.evidence, reference, self.partners, &key, sides, row);
                }
            }
            self.written.push((sentence.clone(), part.datasets.clone(), key.clone()));
            key
        };
        if sentence.publish_implementations && self.detail == Detail::All {
            for row in evidence.iter().filter(is_computable) {
                let place = (version.area.as_str(), path);
                add_implementation(
                    &mut self.implementations,
                    reference,
                    self.partners,
                    place,
                    sentence,
                    row,
                );
            }
        }
        let is_base_small = |partner: usize| {
            sentence.minimum_baseline.is_some_and(|least| base_totals[partner] < least)
        };
        let scores = covered
            .into_iter()
            .zip(sums)
            .enumerate()
            .map(|(partner, (covered, (current, baseline)))| match sentence.result {
                _ if covered.coverage == Coverage::NotComputable => {
                    PartScore::not_computable(covered)
                }
                CustomerResult::Count => PartScore::count(part, current, covered),
                CustomerResult::GrowthPercent => {
                    let total = match options.minimum_acr_of {
                        MinimumAcrOf::Ttm => ttm.get(partner).copied().unwrap_or_default(),
                        MinimumAcrOf::Current => current,
                        MinimumAcrOf::Baseline => baseline,
                    };
                    let is_small = sentence.minimum_ttm.is_some_and(|least| total < least)
                        || is_base_small(partner);
                    let values = (current, baseline);
                    let max = metric.max_points;
                    PartScore::percent(part, options, max, values, is_small, covered)
                }
                CustomerResult::NetCount if is_base_small(partner) => PartScore {
                    increments: 0,
                    points: Points::ZERO,
                    obstacle: Some(Obstacle::BelowMinimum),
                    ..PartScore::net(part, options, current, baseline, covered)
                },
                CustomerResult::NetCount | CustomerResult::GrowthUnits => PartScore {
                    other_net: other_nets.as_ref().map(|nets| nets[partner]),
                    is_start_unknown: is_start_unknown[partner],
                    ..PartScore::net(part, options, current, baseline, covered)
                },
            })
            .collect();
        Ok((scores, key))
    }

    fn write_skilling(
        &mut self,
        version: &Version,
        path: &str,
        metric: &Metric,
        parts: &[&Part],
        steps: &Steps<'_>,
    ) {
        let place = (version.area.as_str(), path, metric.id.as_str());
        let covered: Vec<Vec<Covered>> =
            parts.iter().map(|part| self.partners.covered(part, self.input.reference)).collect();
        let is_computable = |partner: usize| {
            covered.iter().all(|part| part[partner].coverage != Coverage::NotComputable)
        };
        for row in steps.evidence.iter().filter(|row| is_computable(row.partner)) {
            if row.is_assumed && row.reason == "counted" {
                let person = (row.partner, row.person.to_owned(), row.code.to_owned());
                self.assumed.insert(person);
            }
            add_skilling(&mut self.skilling, self.input.reference, self.partners, place, row);
        }
    }

    fn write_metric(&mut self, version: &Version, path: &str, scored: &ScoredMetric<'_>) {
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

    fn write_areas(
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
                    summary.points.push(total.points);
                    summary.qualified += usize::from(is_qualified);
                    let is_near = missing.0 > 0 && missing.0 <= 10 * crate::points::UNITS_PER_POINT;
                    summary.within_ten += usize::from(is_near);
                    summary.coverage[match total.covered.coverage {
                        Coverage::Complete => 0,
                        Coverage::LowerBound => 1,
                        Coverage::NotComputable => 2,
                    }] += 1;
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
