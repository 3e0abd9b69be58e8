//! One month on its way to the output: what is published already stands, all else is scored, checked and
//! published.

use std::collections::BTreeMap;
use std::sync::Arc;

use polars::prelude::DataFrame;

use super::base::Base;
use super::checks::{
    assumed_alias, partial_datasets, services_unmapped, titles_unmatched, workloads_unknown,
};
use super::data_checks::{segments_missing, segments_unknown};
use super::dimension_tables::dimension_tables;
use super::enrolments::enrolment_areas_unknown;
use super::history::Scores;
use super::month::MonthPlan;
use super::output_checks::scores_lost;
use super::queue::{Prepared, standing_run};
use super::record::{manifest, quarantine};
use super::scoring::Scored;
use super::{Attempt, Pipeline, ScoreSettings};
use crate::checks::{Check, enforce};
use crate::commit::Lease;
use crate::error::Result;
use crate::ids::RunId;
use crate::money::Money;
use crate::publish::{Publication, check_table, published_checks, published_state, read_manifest};
use crate::rules::UNMAPPED;
use crate::score::{History, history};
use crate::store::Store;
use crate::tables::{
    CHECK_RESULT, DATA_DICTIONARY, DIM_CUSTOMER, DIM_PARTNER, DIM_RULE, QUARANTINE, Table,
};

/// The checks that only a scoring makes: of an unchanged month they are as they were published.
const CHECKS_OF_SCORES: [&str; 8] = [
    "assumed_alias",
    "enrolment_areas_unknown",
    "partial_datasets",
    "segments_missing",
    "segments_unknown",
    "services_unmapped",
    "titles_unmatched",
    "workloads_unknown",
];

/// What all publications of an attempt share.
pub(super) struct Publishing<'a> {
    pub(super) base: &'a Base<'a>,
    pub(super) settings: &'a ScoreSettings,
    pub(super) output: &'a Store,
    pub(super) attempt: &'a Attempt,
}

impl Publishing<'_> {
    /// Publishes a month, unless its run is published already, and the tables about what all months
    /// share, unless they are.
    pub(super) fn publish(
        &self,
        lease: &Lease,
        prepared: &Prepared<'_>,
        scores: &mut Scores<'_>,
    ) -> Result<Scored> {
        let month = prepared.month.reference.to_string();
        let standing = standing_run(self.output, prepared)?;
        let has_dimensions = self.has_dimensions(&prepared.state)?;
        let mut scored = self.scored(prepared);
        let mut publication = Publication::new(
            self.output,
            lease,
            &self.attempt.id,
            month.clone(),
            prepared.run_id.clone(),
            prepared.dependencies(),
        );
        if let Some(run_id) = standing {
            self.restate(prepared, run_id, &mut scored)?;
            scored.has_new_dimensions = !has_dimensions;
            if has_dimensions {
                tracing::info!(run_id = %scored.run_id, %month, "The month is published already.");
                return Ok(scored);
            }
            for (table, frame) in dimension_tables(self.base, false)? {
                publication.add(table, &frame, Some(&prepared.state))?;
            }
            publication.commit(None)?;
            tracing::info!(%month, "The month is published already; its dimensions are new.");
            return Ok(scored);
        }
        if !has_dimensions {
            for (table, frame) in dimension_tables(self.base, true)? {
                publication.add(table, &frame, Some(&prepared.state))?;
            }
        }
        self.publish_month(prepared, scores, publication, &mut scored)?;
        tracing::info!(run_id = %scored.run_id, %month, tables = scored.tables.len(), "The month is published.");
        Ok(scored)
    }

    /// What is told of a month whose run is published: its checks as they are now, or as they were
    /// where only a scoring makes them.
    fn restate(&self, prepared: &Prepared<'_>, run_id: RunId, scored: &mut Scored) -> Result<()> {
        if run_id != prepared.run_id {
            tracing::warn!(
                month = %scored.reference, held_back = %prepared.run_id,
                "The month was rolled back: it stays so until its facts or rules change."
            );
        }
        let published = published_checks(self.output, &run_id)?;
        let of_scores = |check: &Check| CHECKS_OF_SCORES.contains(&check.id.as_ref());
        scored.checks.extend(published.into_iter().filter(of_scores));
        judge(&mut scored.checks, self.settings);
        enforce(scored.reference, &scored.checks, self.settings.fail_on)?;
        let manifest = read_manifest(self.output, &run_id)?;
        let outputs = manifest.map(|manifest| manifest.outputs).unwrap_or_default();
        scored.tables = outputs.into_iter().map(|file| (file.table, file.rows)).collect();
        scored.is_unchanged = true;
        scored.run_id = run_id;
        Ok(())
    }

    /// Scores a month, checks it, and publishes all that is told of it.
    fn publish_month(
        &self,
        prepared: &Prepared<'_>,
        scores: &mut Scores<'_>,
        mut publication: Publication<'_>,
        scored: &mut Scored,
    ) -> Result<()> {
        let Self { base, settings, output, attempt } = self;
        let (pipeline, plan) = (base.pipeline, &prepared.month);
        let mut add = |frames: Vec<(&'static Table, DataFrame)>| {
            frames.iter().try_for_each(|(table, frame)| publication.append(table, frame))
        };
        let account = scores.score(plan, &prepared.before, &prepared.run_id, &mut add)?;
        publication.finish(base.workers)?;
        scored.checks.push(titles_unmatched(&account.unmatched_titles));
        scored.checks.push(services_unmapped(&unmapped_acr(pipeline, account.services)));
        scored.checks.push(assumed_alias(&account.assumed_aliases));
        let segments = base.segment_names(plan.reference)?;
        scored.checks.push(workloads_unknown(&account.unknown_workloads));
        scored.checks.push(partial_datasets(&account.partial_datasets));
        scored.checks.push(segments_missing(account.without_segment));
        scored.checks.push(segments_unknown(&segments, &pipeline.catalogs.segments));
        scored.checks.push(enrolment_areas_unknown(prepared.enrolments.unknown()));
        judge(&mut scored.checks, settings);
        let mut of_output = vec![scores_lost(output, plan.reference, &account.areas)?];
        judge(&mut of_output, settings);
        let all = [scored.checks.as_slice(), of_output.as_slice()].concat();
        enforce(plan.reference, &all, settings.fail_on)?;
        scores.keep(plan, account.totals);
        for (table, frame) in self.history(prepared, scores)? {
            publication.add(table, &frame, None)?;
        }
        publication.add(&QUARANTINE, &quarantine(prepared.live, &plan.feeding)?, None)?;
        publication.add(&CHECK_RESULT, &check_table(&scored.checks)?, None)?;
        scored.areas = account.areas;
        let files = publication.files();
        scored.tables = files.iter().map(|file| (file.table.clone(), file.rows)).collect();
        let manifest = manifest(pipeline, settings, prepared, attempt, scored, files);
        publication.commit(Some(&manifest))?;
        scored.checks.extend(of_output);
        Ok(())
    }

    fn has_dimensions(&self, state: &str) -> Result<bool> {
        for table in [&DIM_PARTNER, &DIM_CUSTOMER, &DIM_RULE, &DATA_DICTIONARY] {
            if published_state(self.output, table)?.as_deref() != Some(state) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The account of a run with the checks that need no scoring.
    fn scored(&self, prepared: &Prepared<'_>) -> Scored {
        let MonthPlan { feeding, reference, .. } = &*prepared.month;
        let records = feeding.newest_records(prepared.live);
        Scored {
            run_id: prepared.run_id.clone(),
            reference: *reference,
            output: self.output.uri().to_owned(),
            is_unchanged: false,
            has_new_dimensions: false,
            areas: Vec::new(),
            checks: prepared.checks.clone(),
            quarantined: records.iter().map(|file| file.quarantined).sum(),
            tables: Vec::new(),
        }
    }

    /// The tables about the six months up to R.
    fn history(
        &self,
        prepared: &Prepared<'_>,
        scores: &mut Scores<'_>,
    ) -> Result<Vec<(&'static Table, DataFrame)>> {
        let plans: Vec<&MonthPlan<'_>> =
            prepared.before.iter().chain([&prepared.month]).map(Arc::as_ref).collect();
        let months = scores.of(&plans)?;
        let tracks = prepared.enrolments.tracks(&self.base.pipeline.rules, scores)?;
        history(&History {
            reference: prepared.month.reference,
            areas: prepared.month.versions.iter().map(|version| version.area.as_str()).collect(),
            months: &months,
            enrolments: prepared.enrolments.by_area(),
            tracks: &tracks,
            rule: prepared.enrolments.rule,
        })
    }
}

/// Judges the checks by the limits of the job.
fn judge(checks: &mut Vec<Check>, settings: &ScoreSettings) {
    let judged = std::mem::take(checks).into_iter().map(|check| settings.limits.judge(check));
    checks.extend(judged);
}

/// Consumption of the month's window by meter categories that no catalog maps to a service.
fn unmapped_acr(pipeline: &Pipeline, services: BTreeMap<String, Money>) -> Vec<(String, Money)> {
    let is_unmapped = |name: &String| pipeline.catalogs.service(name) == UNMAPPED;
    services.into_iter().filter(|(name, _)| is_unmapped(name)).collect()
}
