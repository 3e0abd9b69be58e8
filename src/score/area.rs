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
use super::partners::{Coverage, Covered, Partners};
use super::people::{Credentials, Steps};
use super::tenant_seats::seat_evidence;
use super::total::{ScoredMetric, Total, total};
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
    pub(super) input: &'a Input<'a>,
    pub(super) partners: &'a Partners,
    pub(super) credentials: &'a Credentials,
    pub(super) detail: Detail,
    pub(super) totals: Vec<PathScores>,
    measures: Measures,
    smb: Option<SmbCustomers<'a>>,
    /// Sentences whose evidence is written, with their keys.
    written: Vec<(Customers, Vec<String>, String)>,
    pub(super) areas: Rows,
    pub(super) metrics: Rows,
    pub(super) parts: Rows,
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
}
