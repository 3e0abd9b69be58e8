//! Why scores changed between two published months. Each change of a partner's points is told by
//! cause, and the causes add to it exactly.
//!
//! The way from one month to the other goes in steps: the earlier month as published, with today's
//! facts (where facts are given: what that changes is restated data), by the later month's rules
//! (changed rules), by the later month's path (changed path), and then metric by metric: what was
//! counted a year ago, what was lost, what changed, what was gained.

mod causes;
mod side;

use std::collections::BTreeSet;

use polars::prelude::DataFrame;

use super::base::Base;
use super::credentials::Credentials;
use super::history::{Known, Scores};
use super::month::MonthPlan;
use super::{Pipeline, Resources, live_facts};
use crate::calendar::Month;
use crate::commit::settled;
use crate::error::{Code, Error, Result};
use crate::ids::RunId;
use crate::points::Points;
use crate::publish::{Manifest, RunTables, list_runs, published_run, read_manifest};
use crate::rules::Version;
use crate::store::Store;
use crate::tables::{FACT_CHANGE, Rows, Table};
use crate::workers::Workers;

use side::Side;

/// What to compare.
#[derive(Debug, Clone)]
pub struct ChangeSettings {
    /// The published tables.
    pub output: String,
    /// A month or a run id (or its first digits).
    pub from: String,
    /// The same, of the later one.
    pub to: String,
    /// The facts, to tell restated data and changed rules from the rest.
    pub facts: Option<String>,
    /// One partner, or all.
    pub partner: Option<String>,
    /// One area, or all.
    pub area: Option<String>,
    /// What it may use of the machine.
    pub resources: Resources,
}

/// One cause of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The partner.
    pub partner: String,
    /// The area.
    pub area: String,
    /// The path that counts in the later month.
    pub path: String,
    /// The metric, blank where the cause concerns the area.
    pub metric: String,
    /// The part, blank where the cause concerns the metric.
    pub part: String,
    /// The cause.
    pub cause: &'static str,
    /// What it brought or took.
    pub points: Points,
    /// How many customers, services or people it is about.
    pub count: Option<i64>,
    /// What they are, where one partner was asked for: customers (and their workloads), services or the
    /// keys of people.
    pub about: Vec<String>,
}

/// The points of a partner in an area, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaChange {
    /// The partner.
    pub partner: String,
    /// The area.
    pub area: String,
    /// Points and path of the earlier month, if it was scored.
    pub before: Option<(Points, String)>,
    /// Points and path of the later month, if it is scored.
    pub after: Option<(Points, String)>,
    /// Whether it qualified before and qualifies after.
    pub is_qualified: (bool, bool),
    /// The causes, in the order of their steps.
    pub causes: Vec<Change>,
}

/// What changed between two months.
#[derive(Debug, Clone)]
pub struct Changes {
    /// The earlier month.
    pub from: Month,
    /// The later month; the same where two runs of it are compared.
    pub to: Month,
    /// The runs of both.
    pub runs: [String; 2],
    /// By partner and area; also those without a change.
    pub areas: Vec<AreaChange>,
}

impl AreaChange {
    /// The difference.
    pub fn points(&self) -> Points {
        let of = |side: &Option<(Points, String)>| side.as_ref().map_or(0, |(points, _)| points.0);
        Points(of(&self.after) - of(&self.before))
    }
}

impl Changes {
    /// The changes as rows of `fact_change`.
    ///
    /// # Errors
    /// CS9001.
    pub fn table(&self) -> Result<DataFrame> {
        let mut rows = Rows::new(&FACT_CHANGE);
        for change in self.areas.iter().flat_map(|area| &area.causes) {
            rows.month(self.to)
                .month(self.from)
                .text(change.partner.as_str())
                .text(change.area.as_str())
                .text(change.path.as_str())
                .text(change.metric.as_str())
                .text(change.part.as_str())
                .text(change.cause)
                .points(change.points)
                .int(change.points.0)
                .int(change.count)
                .end();
        }
        rows.finish()
    }
}

/// Compares two published months, or two runs whose tables are published or kept.
///
/// # Errors
/// CS1001 when both are the same run; CS6004 when a month is not published or the tables of a run are
/// not kept; CS6001 while a publication is not complete; CS5001 when the
/// rules of a run are not among the packs; those of scoring where facts are given.
pub fn changes(pipeline: &Pipeline, settings: &ChangeSettings) -> Result<Changes> {
    let output = Store::open(&settings.output)?;
    settled(&output)?;
    let (from, from_run, from_tables) = published(&output, &settings.from)?;
    let (to, to_run, to_tables) = published(&output, &settings.to)?;
    if from_run.run_id == to_run.run_id {
        return Err(Error::new(Code::Usage, format!("{from} is compared with itself"))
            .hint("give two months, or two runs of `capscore runs list`"));
    }
    let (before, after) = (versions(pipeline, &from_run)?, versions(pipeline, &to_run)?);
    let partner = settings.partner.as_deref();
    let mut steps = vec![("", Side::of_run(&output, &from_tables, before.clone(), partner)?)];
    if let Some(facts) = &settings.facts {
        let live = live_facts(facts)?;
        let credentials = Credentials::read(&live)?;
        let Resources { threads, memory } = settings.resources;
        let workers = Workers::new(threads)?;
        let rescored = |versions: &[&'_ Version]| -> Result<Side<'_>> {
            let found = versions
                .iter()
                .filter_map(|version| {
                    let packs = pipeline.rules.packs.iter();
                    packs
                        .flat_map(|pack| &pack.versions)
                        .find(|known| known.area == version.area && known.hash == version.hash)
                })
                .collect::<Vec<_>>();
            let rules = (found.clone(), Vec::new());
            let plan = MonthPlan::new(pipeline, &live, &credentials, from, rules)?;
            let base = Base::new(pipeline, &live, &credentials, &[&plan], &workers, memory);
            let run_id = RunId::from_hash(&blake3::hash(plan.score_id.as_bytes()));
            let mut tables: Vec<(&'static Table, DataFrame)> = Vec::new();
            let mut add = |frames: Vec<(&'static Table, DataFrame)>| {
                for (table, frame) in frames {
                    match tables.iter_mut().find(|(known, _)| known.name == table.name) {
                        Some((_, known)) => {
                            let added = known.vstack_mut(&frame).map(|_| ());
                            added.map_err(|error| Error::bug(error.to_string()))?;
                        }
                        None => tables.push((table, frame)),
                    }
                }
                Ok(())
            };
            Scores::new(&base, &output, Known::new()).score(&plan, &[], &run_id, &mut add)?;
            Side::scored(&tables, found, partner)
        };
        let rules = (before.clone(), Vec::new());
        let plan = MonthPlan::new(pipeline, &live, &credentials, from, rules)?;
        if from_tables.score_id(&output)?.as_deref() != Some(&plan.score_id) {
            steps.push(("data_restated", rescored(&before)?));
        }
        let ids = |versions: &[&Version]| -> BTreeSet<(String, String)> {
            let pair = |version: &&Version| (version.area.clone(), version.hash.clone());
            versions.iter().map(pair).collect()
        };
        if ids(&before) != ids(&after) {
            steps.push(("rules_changed", rescored(&after)?));
        }
    }
    let last = Side::of_run(&output, &to_tables, after, partner)?;
    let mut areas = causes::between(&steps, &last, partner.is_some())?;
    if let Some(asked) = &settings.area {
        areas.retain(|change| change.area == *asked);
    }
    if areas.is_empty() {
        let text = "neither month has scores of what was asked for";
        return Err(Error::new(Code::NotFound, text)
            .hint("see `capscore explain --help` for how to find a partner"));
    }
    let runs = [from_run.run_id, to_run.run_id];
    Ok(Changes { from, to, runs, areas })
}

/// The month that is meant, the run, and its tables.
fn published(output: &Store, asked: &str) -> Result<(Month, Manifest, RunTables)> {
    if let Some(month) = Month::parse(asked) {
        let run = match published_run(output, asked)? {
            Some(run_id) => read_manifest(output, &run_id)?,
            None => None,
        };
        let tables = run.as_ref().map(|run| RunTables::of(output, run)).transpose()?.flatten();
        return run.zip(tables).map(|(run, tables)| (month, run, tables)).ok_or_else(|| {
            Error::new(Code::NotFound, format!("{} holds no scores of {asked}", output.uri()))
                .hint(format!("score it first: capscore backfill --from {asked} --to {asked} …"))
        });
    }
    let runs = list_runs(output)?;
    let mut found = runs.into_iter().filter(|run| run.run_id.starts_with(asked));
    let (Some(run), None) = (found.next(), found.next()) else {
        return Err(Error::new(Code::NotFound, format!("no single run is called {asked:?}"))
            .hint("give a month, or a run of `capscore runs list`"));
    };
    let Some(tables) = RunTables::of(output, &run)? else {
        let text = format!("the tables of run {} are not kept any more", run.run_id);
        return Err(
            Error::new(Code::NotFound, text).hint("`capscore runs list` tells which runs are kept")
        );
    };
    let month = Month::parse(&run.as_of_month)
        .ok_or_else(|| Error::bug(format!("run {} is of no month", run.run_id)))?;
    Ok((month, run, tables))
}

/// The rules of a run.
fn versions<'a>(pipeline: &'a Pipeline, run: &Manifest) -> Result<Vec<&'a Version>> {
    let all = || pipeline.rules.packs.iter().flat_map(|pack| &pack.versions);
    run.rulesets
        .iter()
        .map(|used| {
            all().find(|known| known.area == used.area && known.hash == used.hash).ok_or_else(|| {
                let text = format!(
                    "the rules {} of {} that made run {} are not among the rule packs",
                    used.ruleset_id, used.area, run.run_id
                );
                Error::new(Code::RulesetUnknown, text)
                    .hint("give the same --ruleset-file or --pipelines as for that run, or score the month again")
            })
        })
        .collect()
}
