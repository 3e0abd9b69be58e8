//! Facts to published tables: pick the months and their rules, find out what is published already,
//! score, check, publish.

use std::sync::Arc;

use super::base::Base;
use super::credentials::Credentials;
use super::enrolments::EnrolmentList;
use super::history::{Scores, published_totals};
use super::month::{MonthPlan, Plans};
use super::outcome::Circumstances;
use super::output_checks::published_months_differ;
use super::publishing::Publishing;
use super::queue::queue;
use super::reference::wanted_months;
use super::{Attempt, Pipeline, Resources, ScoreSettings};
use crate::calendar::Month;
use crate::checks::Check;
use crate::commit::Lease;
use crate::error::Result;
use crate::facts::{Ledger, Live};
use crate::ids::RunId;
use crate::publish::{has_delta, mirror};
use crate::score::AreaSummary;
use crate::store::Store;
use crate::workers::Workers;

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
    let credentials = Credentials::read(&live)?;
    let enrolments = EnrolmentList::read(&live, &pipeline.rules)?;
    let mut plans = Plans::new(pipeline, &live, &credentials, &enrolments, &workers);
    let queue = queue(&mut plans, settings, &wanted, Some(&output))?;
    let before = || queue.iter().flat_map(|prepared| &prepared.before).map(Arc::as_ref);
    let known = published_totals(&output, before())?;
    // No facts are needed for totals that are published.
    let is_open = |plan: &&MonthPlan<'_>| !known.contains_key(&plan.score_id);
    let scored = queue.iter().map(|prepared| prepared.month.as_ref());
    let months: Vec<&MonthPlan<'_>> = before().filter(is_open).chain(scored).collect();
    let base = Base::new(pipeline, &live, &credentials, &months, &workers, memory);
    let mut scores = Scores::new(&base, &output, known);
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
    if let Err(error) = published {
        if !done.is_empty() {
            let months: Vec<String> =
                done.iter().map(|scored| scored.reference.to_string()).collect();
            tracing::warn!(
                months = months.join(", "),
                "Months before the one that failed are published."
            );
            attempt.log(&output, &done)?;
        }
        return Err(error);
    }
    mirrored?;
    attempt.log(&output, &done)?;
    // Who took a month back is told so each time.
    let is_held = done.iter().zip(&queue).any(|(scored, due)| scored.run_id != due.run_id);
    if !is_held && wanted.without_data.is_empty() {
        circumstances.keep(&output, &wanted.months, &done);
    }
    Ok(done)
}
