//! Facts to published tables: pick the months and their rules, find out what is published already,
//! score, check, publish.

use std::collections::BTreeMap;
use std::sync::Arc;

use polars::prelude::DataFrame;

use super::checks::{
    assumed_alias, ledger_checks, partial_datasets, reseller_ids_agree, resellers_ambiguous,
    services_unmapped, titles_unmatched, workloads_unknown,
};
use super::compared::Compared;
use super::data_checks::{data_checks, segments_missing, segments_unknown};
use super::enrolments::{Enrolments, enrolment_areas_unknown};
use super::history::Scores;
use super::month::{Base, MonthPlan, Plans};
use super::outcome::Circumstances;
use super::output_checks::{published_months_differ, scores_lost};
use super::record::{manifest, quarantine};
use super::reference::{Wanted, wanted_months};
use super::{Attempt, Pipeline, Resources, ScoreSettings};
use crate::calendar::Month;
use crate::checks::{Check, enforce};
use crate::commit::Lease;
use crate::error::{Error, Result};
use crate::facts::{Credit, Ledger, Live, LiveFrames};
use crate::ids::{FieldHasher, RunId};
use crate::money::Money;
use crate::publish::{
    Publication, Standing, check_table, dictionary, has_delta, is_published_by_default, mirror,
    published_checks, published_run, published_score_id, published_state, read_manifest, standing,
};
use crate::rules::{UNMAPPED, Version};
use crate::score::{
    AreaSummary, CustomerNames, DimensionFacts, HISTORY_MONTHS, History, PartnerFacts, dimensions,
    history, rule_table,
};
use crate::store::Store;
use crate::tables::{
    CHECK_RESULT, DATA_DICTIONARY, DIM_CUSTOMER, DIM_PARTNER, DIM_RULE, QUARANTINE, Table,
};
use crate::workers::Workers;

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

/// What `score --plan` tells.
#[derive(Debug, Clone)]
pub struct ScorePlan {
    /// The reference month.
    pub reference: Month,
    /// The rulesets: area and id.
    pub rulesets: Vec<(String, String)>,
    /// The run that would be published.
    pub run_id: RunId,
    /// Whether it is published already.
    pub is_published: bool,
    /// Live units that the score reads.
    pub units: usize,
    /// Files that hold them.
    pub files: usize,
}

/// What a scoring did.
#[derive(Debug, Clone)]
pub struct Scored {
    /// The run.
    pub run_id: RunId,
    /// The reference month.
    pub reference: Month,
    /// Where the tables are.
    pub output: String,
    /// Whether the run was published already.
    pub is_unchanged: bool,
    /// Whether the tables about what all months share were written although it was.
    pub has_new_dimensions: bool,
    /// Figures for people; empty when nothing was scored.
    pub areas: Vec<AreaSummary>,
    /// All checks; those of the scores of an unchanged month as they were published.
    pub checks: Vec<Check>,
    /// Records rejected in the files that feed the month.
    pub quarantined: u64,
    /// Tables and rows written.
    pub tables: Vec<(String, u64)>,
}

/// Everything that is settled about a run before the first number is computed.
pub(super) struct Prepared<'a> {
    pub(super) live: &'a Live,
    pub(super) month: Arc<MonthPlan<'a>>,
    /// The months before it that belong to its history, oldest first.
    before: Vec<Arc<MonthPlan<'a>>>,
    enrolments: Enrolments,
    held_back: Option<Check>,
    compared: Vec<Check>,
    pub(super) run_id: RunId,
    /// What the dimensions describe.
    state: String,
}

/// Says what a scoring would do, month by month.
///
/// # Errors
/// As [`super::score`].
pub fn plan_score(pipeline: &Pipeline, settings: &ScoreSettings) -> Result<Vec<ScorePlan>> {
    let live = Live::read(&Store::open(&settings.facts)?)?;
    let output = Store::open(&settings.output).ok();
    let wanted = wanted_months(settings.as_of, &live)?;
    let workers = Workers::new(settings.resources.threads)?;
    let mut plans = Plans::new(pipeline, &live, &workers);
    let months = queue(&mut plans, settings, &wanted, output.as_ref())?;
    let mut told = Vec::new();
    for prepared in months {
        let MonthPlan { reference, versions, feeding, .. } = &*prepared.month;
        let published = match &output {
            Some(output) => standing_run(output, &prepared)?,
            None => None,
        };
        told.push(ScorePlan {
            reference: *reference,
            rulesets: versions
                .iter()
                .map(|version| (version.area.clone(), version.id.clone()))
                .collect(),
            is_published: published.is_some(),
            units: feeding.units(&live).count(),
            files: feeding.files.len(),
            run_id: published.unwrap_or(prepared.run_id),
        });
    }
    Ok(told)
}

/// The published run of a month, if it is to stand: it is the run that would be published, or somebody
/// went back from what would be published.
fn standing_run(output: &Store, prepared: &Prepared<'_>) -> Result<Option<RunId>> {
    let month = prepared.month.reference.to_string();
    let Some(published) = published_run(output, &month)? else { return Ok(None) };
    if published == prepared.run_id {
        return Ok(Some(published));
    }
    Ok(match standing(output, &month, &published, &prepared.month.score_id)? {
        Standing::Free => None,
        Standing::Held => Some(published),
        Standing::Released => {
            tracing::warn!(
                %month,
                "The month was rolled back; its facts or rules changed since, and it moves on."
            );
            None
        }
    })
}

fn prepare<'a>(
    plans: &mut Plans<'a>,
    settings: &ScoreSettings,
    reference: Month,
    wanted: &Wanted,
) -> Result<Prepared<'a>> {
    let (pipeline, live) = (plans.pipeline, plans.live);
    let month = match &settings.ruleset {
        Some(id) => {
            Some(Arc::new(MonthPlan::new(pipeline, live, reference, pipeline.rules.named(id)?)?))
        }
        None => plans.in_force(std::iter::once(reference))?.pop(),
    };
    let Some(month) = month else {
        return Err(pipeline.rules.effective(reference.last_day()).err().unwrap_or_else(|| {
            Error::bug(format!("the rules of {reference} are in force and are not"))
        }));
    };
    let enrolments = Enrolments::read(live, &pipeline.rules, reference)?;
    // Each earlier month by the rules in force then, whatever is asked of R.
    let first = reference.plus(1 - HISTORY_MONTHS - enrolments.months_before_history(reference));
    let before = plans.in_force(Month::range(first, reference.plus(-1)))?;
    let mut hasher = FieldHasher::default();
    let mut add = |text: &str| hasher.add(text);
    for plan in before.iter().chain(std::iter::once(&month)) {
        add(&plan.reference.to_string());
        add(&plan.score_id);
    }
    enrolments.add_to(&mut add);
    // The published results of checks say by which limits they were judged.
    for (check, limit) in &settings.limits.0 {
        add(check);
        add(&format!("{:?} {:?}", limit.warn, limit.error));
    }
    let compared = Compared::of(live, &month.feeding);
    compared.add_to(&mut add);
    if let Some(check) = &wanted.held_back {
        add(&check.message);
    }
    let run_id = RunId::from_hash(&hasher.finish());
    let held_back = wanted.held_back.clone();
    let state = plans.state.clone();
    let compared = compared.checks(&pipeline.catalogs.certifications)?;
    Ok(Prepared { live, month, before, enrolments, held_back, compared, run_id, state })
}

/// Scores and publishes the wanted months, oldest first. Published months of the history of the
/// last one that no longer agree with the facts or rules are scored again before it.
pub(super) fn score_and_publish(
    pipeline: &Pipeline,
    settings: &ScoreSettings,
    attempt: &Attempt,
) -> Result<Vec<Scored>> {
    let output = Store::create(&settings.output)?;
    // The facts are read under the lease: a run that waited publishes what is true now.
    let lease = Lease::take(&output, &attempt.id)?;
    let facts = Store::open(&settings.facts)?;
    let ledger = Ledger::read(&facts)?;
    let circumstances = Circumstances::new(pipeline, settings, &facts, &ledger)?;
    if let Some(known) = circumstances.outcome(&output) {
        for Scored { run_id, reference, .. } in &known {
            tracing::info!(%run_id, month = %reference, "The month is published already.");
        }
        attempt.log(&output, &known)?;
        return Ok(known);
    }
    let live = Live::fold(&facts, ledger)?;
    let wanted = wanted_months(settings.as_of, &live)?;
    for month in &wanted.without_data {
        tracing::warn!(%month, "The facts hold no data for the month: it is not scored.");
    }
    let Resources { threads, memory } = settings.resources;
    let workers = Workers::new(threads)?;
    let mut plans = Plans::new(pipeline, &live, &workers);
    let queue = queue(&mut plans, settings, &wanted, Some(&output))?;
    let months: Vec<&MonthPlan<'_>> = queue
        .iter()
        .flat_map(|prepared| prepared.before.iter().chain([&prepared.month]))
        .map(Arc::as_ref)
        .collect();
    let base = Base::new(pipeline, &live, &months, &workers, memory);
    let mut scores = Scores::new(&base, &output);
    let publishing = Publishing { base: &base, settings, output: &output, attempt };
    let mut done: Vec<Scored> = Vec::new();
    let mut published = Ok(());
    for prepared in &queue {
        match publishing.publish(&lease, prepared, &mut scores) {
            Ok(scored) => done.push(scored),
            Err(error) => {
                published = Err(error);
                break;
            }
        }
    }
    if let Some((newest, _)) = done.split_last_mut() {
        newest.checks.push(published_months_differ(&scores.differing));
    }
    // Months before one that failed are published: who reads Delta sees them too.
    let mirrored = if settings.has_delta || has_delta(&output)? {
        mirror(&output, &lease, attempt.started.timestamp_millis())
    } else {
        Ok(())
    };
    published.and(mirrored)?;
    attempt.log(&output, &done)?;
    // Who took a month back is told so each time.
    let is_held = done.iter().zip(&queue).any(|(scored, due)| scored.run_id != due.run_id);
    if !is_held && wanted.without_data.is_empty() {
        circumstances.keep(&output, &wanted.months, &done);
    }
    Ok(done)
}

/// The wanted months, each after the months of its history that have to be scored again.
fn queue<'a>(
    plans: &mut Plans<'a>,
    settings: &ScoreSettings,
    wanted: &Wanted,
    output: Option<&Store>,
) -> Result<Vec<Prepared<'a>>> {
    let mut queue: Vec<Prepared<'a>> = Vec::new();
    for month in &wanted.months {
        let prepared = prepare(plans, settings, *month, wanted)?;
        let stale = match output {
            Some(output) => stale_months(&prepared, settings, output)?,
            None => Vec::new(),
        };
        for month in stale.into_iter().filter(|month| !wanted.months.contains(month)) {
            if queue.iter().all(|queued| queued.month.reference != month) {
                tracing::info!(%month, "The month is scored again: its facts or rules changed.");
                queue.push(prepare(plans, settings, month, wanted)?);
            }
        }
        queue.push(prepared);
    }
    Ok(queue)
}

/// The months of a history that are published by the rules of their day and no longer as their facts
/// and rules say. None where a ruleset is asked for: that is an experiment with one month.
fn stale_months(
    prepared: &Prepared<'_>,
    settings: &ScoreSettings,
    output: &Store,
) -> Result<Vec<Month>> {
    let mut stale = Vec::new();
    for plan in prepared.before.iter().filter(|_| settings.ruleset.is_none()) {
        let month = plan.reference.to_string();
        let published = published_score_id(output, &month)?;
        if published.is_some_and(|id| id != plan.score_id)
            && is_published_by_default(output, &month)?
        {
            stale.push(plan.reference);
        }
    }
    Ok(stale)
}

/// What all publications of an attempt share.
struct Publishing<'a> {
    base: &'a Base<'a>,
    settings: &'a ScoreSettings,
    output: &'a Store,
    attempt: &'a Attempt,
}

impl Publishing<'_> {
    /// Publishes a month, unless its run is published already, and the tables about what all months
    /// share, unless they are.
    fn publish(
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
            prepared.month.score_id.clone(),
        );
        let dimension_tables = || {
            let tables = (!has_dimensions).then(|| dimension_tables(self.base, prepared.live));
            tables.transpose().map(Option::unwrap_or_default)
        };
        if let Some(run_id) = standing {
            self.restate(prepared, run_id, &mut scored)?;
            scored.has_new_dimensions = !has_dimensions;
            if has_dimensions {
                tracing::info!(run_id = %scored.run_id, %month, "The month is published already.");
                return Ok(scored);
            }
            for (table, frame) in dimension_tables()? {
                publication.add(table, &frame, Some(&prepared.state))?;
            }
            publication.commit(None)?;
            tracing::info!(%month, "The month is published already; its dimensions are new.");
            return Ok(scored);
        }
        let (tables, ()) = self.base.workers.both(dimension_tables, || self.base.load())?;
        for (table, frame) in tables {
            publication.add(table, &frame, Some(&prepared.state))?;
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
        enforce(&scored.checks, self.settings.fail_on)?;
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
        scored.checks.push(enrolment_areas_unknown(&prepared.enrolments));
        judge(&mut scored.checks, settings);
        let mut of_output = vec![scores_lost(output, plan.reference, &account.areas)?];
        judge(&mut of_output, settings);
        enforce(&[scored.checks.as_slice(), of_output.as_slice()].concat(), settings.fail_on)?;
        scores.keep(plan, account.totals);
        for (table, frame) in self.history(prepared, scores)? {
            publication.add(table, &frame, None)?;
        }
        publication.add(&QUARANTINE, &quarantine(prepared)?, None)?;
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
        let (live, plan) = (prepared.live, &prepared.month);
        let MonthPlan { feeding, credit, areas_without_rules, reference, .. } = &**plan;
        let files = feeding.newest_files(live);
        let records = files.iter().filter_map(|(sequence, file)| live.file(*sequence, *file));
        let mut checks = ledger_checks(live, feeding, areas_without_rules, *reference);
        checks.push(resellers_ambiguous(credit));
        checks.push(reseller_ids_agree(credit));
        checks.extend(prepared.held_back.clone());
        checks.extend(prepared.compared.iter().cloned());
        checks.extend(data_checks(live, feeding));
        Scored {
            run_id: prepared.run_id.clone(),
            reference: *reference,
            output: self.output.uri().to_owned(),
            is_unchanged: false,
            has_new_dimensions: false,
            areas: Vec::new(),
            checks,
            quarantined: records.map(|file| file.quarantined).sum(),
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
            enrolments: &prepared.enrolments.by_area,
            tracks: &tracks,
            rule: &prepared.enrolments.rule,
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

/// The tables that describe what all months share.
fn dimension_tables(base: &Base<'_>, live: &Live) -> Result<Vec<(&'static Table, DataFrame)>> {
    let pipeline = base.pipeline;
    let frames = LiveFrames::new(live);
    let mut customers = CustomerNames::new(&pipeline.catalogs.segments);
    frames.visit_customers(&|_, _| true, base.workers, &mut |row| customers.add(row))?;
    let mut partners: BTreeMap<String, PartnerFacts> = BTreeMap::new();
    for unit in &live.units {
        let partner = partners.entry(unit.account.clone()).or_default();
        partner.is_exporter = true;
        if let Some(month) = unit.key.month {
            partner.add(month);
        }
    }
    let months = live.units.iter().filter_map(|unit| unit.key.month);
    if let (Some(first), Some(last)) = (months.clone().min(), months.max()) {
        for (reseller, (first, last)) in Credit::of(live, first, last)?.months {
            let partner = partners.entry(reseller).or_default();
            partner.add(first);
            partner.add(last);
        }
    }
    let facts = DimensionFacts {
        customers,
        partner_names: frames.partner_names()?,
        locations: frames.locations()?,
        partners,
    };
    let dimensions = dimensions(facts)?;
    let versions: Vec<&Version> =
        pipeline.rules.packs.iter().flat_map(|pack| &pack.versions).collect();
    Ok(vec![
        (&DIM_PARTNER, dimensions.partners),
        (&DIM_CUSTOMER, dimensions.customers),
        (&DIM_RULE, rule_table(&versions)?),
        (&DATA_DICTIONARY, dictionary()?),
    ])
}
