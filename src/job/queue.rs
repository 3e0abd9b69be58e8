//! The months that an attempt scores, in order, each with the rules and facts that it is made of.

use std::sync::Arc;

use super::checks::{ledger_checks, reseller_ids_agree, resellers_ambiguous};
use super::compared::Compared;
use super::credentials::Credentials;
use super::data_checks::data_checks;
use super::enrolments::{EnrolmentList, Enrolments};
use super::month::{MonthPlan, Plans};
use super::record::{hashed_rows, quarantine};
use super::reference::{Wanted, wanted_months};
use super::{Pipeline, ScoreSettings};
use crate::calendar::Month;
use crate::checks::Check;
use crate::error::{Error, Result};
use crate::facts::{Live, MonthUnits};
use crate::ids::{FieldHasher, RunId};
use crate::publish::{
    Dependencies, PublishedMonth, Standing, named_run, published_month, published_run, standing,
    undamaged,
};
use crate::score::HISTORY_MONTHS;
use crate::store::Store;
use crate::workers::Workers;

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

/// Everything that is settled about a run before the first number is computed.
pub(super) struct Prepared<'a> {
    pub(super) live: &'a Live,
    pub(super) month: Arc<MonthPlan<'a>>,
    /// The months before it that belong to its history, oldest first.
    pub(super) before: Vec<Arc<MonthPlan<'a>>>,
    pub(super) enrolments: Enrolments<'a>,
    /// Hash of everything that the tables of the month depend on, but for what is told of deliveries.
    pub(super) history_id: String,
    /// The checks that need no scoring.
    pub(super) checks: Vec<Check>,
    pub(super) run_id: RunId,
    /// What the dimensions describe.
    pub(super) state: String,
}

impl Prepared<'_> {
    /// What tells whether published tables of the month are those of today.
    pub(super) fn dependencies(&self) -> Dependencies {
        let (score_id, history_id) = (self.month.score_id.clone(), self.history_id.clone());
        Dependencies { score_id, history_id }
    }
}

/// Says what a scoring would do, month by month.
///
/// # Errors
/// As [`super::score`].
pub fn plan_score(pipeline: &Pipeline, settings: &ScoreSettings) -> Result<Vec<ScorePlan>> {
    let live = Live::read(&Store::open(&settings.facts)?)?;
    let output = Store::open_some(&settings.output)?;
    let wanted = wanted_months(settings.as_of, &live)?;
    let workers = Workers::new(settings.resources.threads)?;
    let credentials = Credentials::read(&live)?;
    let enrolments = EnrolmentList::read(&live, &pipeline.rules)?;
    let mut plans = Plans::new(pipeline, &live, &credentials, &enrolments, &workers);
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
pub(super) fn standing_run(output: &Store, prepared: &Prepared<'_>) -> Result<Option<RunId>> {
    let month = prepared.month.reference.to_string();
    let is_whole = undamaged(published_run(output, &month))?.is_some();
    let Some(published) = named_run(output, &month)? else { return Ok(None) };
    if is_whole && published == prepared.run_id {
        return Ok(Some(published));
    }
    Ok(match standing(output, &month, &published, &prepared.dependencies())? {
        Standing::Free => None,
        Standing::Held if is_whole => Some(published),
        Standing::Held => {
            tracing::warn!(
                %month, run_id = %published,
                "The month was rolled back, and files of it are missing or damaged: `capscore runs rollback` to the same run restores them."
            );
            Some(published)
        }
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
    let Plans { pipeline, live, credentials, .. } = *plans;
    let month = match &settings.ruleset {
        Some(id) => {
            let rules = pipeline.rules.named(id)?;
            Some(Arc::new(MonthPlan::new(pipeline, live, credentials, reference, rules)?))
        }
        None => plans.in_force(std::iter::once(reference))?.pop(),
    };
    let Some(month) = month else {
        return Err(pipeline.rules.effective(reference.last_day()).err().unwrap_or_else(|| {
            Error::bug(format!("the rules of {reference} are in force and are not"))
        }));
    };
    let MonthHistory { before, enrolments, history_id } = month_history(plans, &month)?;
    let mut hasher = FieldHasher::default();
    let mut add = |text: &str| hasher.add(text);
    add(&history_id);
    for area in enrolments.unknown() {
        add(area);
    }
    // The tables depend on less: what is told of the deliveries on all that they hold.
    let feeds = |of_month: &MonthUnits<'_>| month.feeding.reads(of_month.dataset, of_month.month);
    add(live.content_hash(feeds).to_hex().as_str());
    // The published results of checks say by which limits they were judged.
    for (check, limit) in &settings.limits.0 {
        add(check);
        add(&format!("{:?} {:?}", limit.warn, limit.error));
    }
    // What holds a dataset back is told of the month that was asked for.
    let held_back = wanted.held_back.as_ref().filter(|_| wanted.months.contains(&reference));
    let checks = checks_without_scores(pipeline, live, &month, held_back)?;
    for Check { id, observed, threshold, message, .. } in &checks {
        add(id);
        add(&format!("{observed} {threshold}"));
        add(message);
    }
    // What else tells of rejected records are counts.
    for rejected in hashed_rows(&quarantine(live, &month.feeding)?)? {
        add(rejected.to_hex().as_str());
    }
    let run_id = RunId::from_hash(&hasher.finish());
    let state = plans.state.clone();
    Ok(Prepared { live, month, before, enrolments, history_id, checks, run_id, state })
}

/// The checks of a month that need no scoring.
fn checks_without_scores(
    pipeline: &Pipeline,
    live: &Live,
    month: &MonthPlan<'_>,
    held_back: Option<&Check>,
) -> Result<Vec<Check>> {
    let MonthPlan { feeding, credit, areas_without_rules, reference, .. } = month;
    let mut checks = ledger_checks(live, feeding, areas_without_rules, *reference);
    checks.push(resellers_ambiguous(credit));
    checks.push(reseller_ids_agree(credit));
    checks.extend(held_back.cloned());
    checks.extend(Compared::of(live, feeding).checks(&pipeline.catalogs.certifications)?);
    checks.extend(data_checks(live, feeding));
    Ok(checks)
}

/// What the tables of a month tell of other months.
struct MonthHistory<'a> {
    /// The months before it that belong to its history, oldest first.
    before: Vec<Arc<MonthPlan<'a>>>,
    enrolments: Enrolments<'a>,
    history_id: String,
}

fn month_history<'a>(plans: &mut Plans<'a>, month: &MonthPlan<'_>) -> Result<MonthHistory<'a>> {
    let Plans { pipeline, live, .. } = *plans;
    let reference = month.reference;
    let enrolments = Enrolments::of(plans.enrolments, &pipeline.rules, reference)?;
    // Each earlier month by the rules in force then, whatever is asked of R.
    let first = reference.plus(1 - HISTORY_MONTHS - enrolments.months_before_history(reference));
    let before = plans.in_force(Month::range(first, reference.plus(-1)))?;
    let mut hasher = FieldHasher::default();
    for plan in before.iter().map(Arc::as_ref).chain([month]) {
        hasher.add(plan.reference);
        hasher.add_text(&plan.score_id);
    }
    enrolments.hash(&pipeline.rules, live, &mut hasher);
    let history_id = hasher.finish().to_hex().chars().take(32).collect();
    Ok(MonthHistory { before, enrolments, history_id })
}

/// The wanted months, each after the months of its history that have to be scored again.
pub(super) fn queue<'a>(
    plans: &mut Plans<'a>,
    settings: &ScoreSettings,
    wanted: &Wanted,
    output: Option<&Store>,
) -> Result<Vec<Prepared<'a>>> {
    let mut queue: Vec<Prepared<'a>> = Vec::new();
    for month in &wanted.months {
        let prepared = prepare(plans, settings, *month, wanted)?;
        let stale = match output {
            Some(output) => stale_months(plans, &prepared, settings, output)?,
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
/// and rules say, or whose files are damaged. None where a ruleset is asked for: that is an experiment with one month.
fn stale_months<'a>(
    plans: &mut Plans<'a>,
    prepared: &Prepared<'a>,
    settings: &ScoreSettings,
    output: &Store,
) -> Result<Vec<Month>> {
    let mut stale = Vec::new();
    for plan in prepared.before.iter().filter(|_| settings.ruleset.is_none()) {
        let is_stale = match published_month(output, &plan.reference.to_string())? {
            PublishedMonth::None | PublishedMonth::ByRequest => false,
            PublishedMonth::Damaged => true,
            PublishedMonth::ByDefault(published) => {
                published != Some(month_history(plans, plan)?.history_id)
            }
        };
        if is_stale {
            stale.push(plan.reference);
        }
    }
    Ok(stale)
}
