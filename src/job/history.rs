//! The totals of months: those of this attempt, those that are published by the same facts and
//! rules, and else computed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use polars::prelude::{DataFrame, col};

use super::base::Base;
use super::business::Business;
use super::month::MonthPlan;
use super::output_checks::differing;
use super::path_tests::assigned;
use crate::calendar::Month;
use crate::engine;
use crate::engine::bug;
use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::points::Points;
use crate::publish::{PublishedMonth, published_month, published_score_id};
use crate::score::{Account, Coverage, MonthScores, PathScores};
use crate::store::Store;
use crate::tables::{FACT_AREA_SCORE, Table};
use crate::workers::in_order;

/// Totals of months by the `score_id` of the month.
pub(super) type Known = BTreeMap<String, MonthScores>;

/// The totals of months by what they depend on.
pub(super) struct Scores<'a> {
    base: &'a Base<'a>,
    output: &'a Store,
    known: Known,
    /// Months of histories that stay as they were published, and how many of their scores would be
    /// others.
    pub(super) differing: BTreeMap<Month, i64>,
    /// Area and partner that the path tests of a month assigned the tested path.
    assigned: BTreeMap<Month, BTreeSet<(String, String)>>,
}

impl<'a> Scores<'a> {
    pub(super) fn new(base: &'a Base<'a>, output: &'a Store, known: Known) -> Self {
        Self { base, output, known, differing: BTreeMap::new(), assigned: BTreeMap::new() }
    }

    /// Remembers the totals of a month that was scored.
    pub(super) fn keep(&mut self, plan: &MonthPlan<'_>, totals: MonthScores) {
        self.known.insert(plan.score_id.clone(), totals);
        self.differing.remove(&plan.reference);
    }

    /// Area and partner that the path tests of some months assigned the tested path, by month.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn assigned(
        &mut self,
        months: &BTreeSet<Month>,
    ) -> Result<&BTreeMap<Month, BTreeSet<(String, String)>>> {
        let missing = months.iter().filter(|month| !self.assigned.contains_key(*month));
        let missing: Vec<Month> = missing.copied().collect();
        if !missing.is_empty() {
            // Facts that are read already are not read again.
            let found = if missing.iter().all(|month| self.base.covers(*month)) {
                assigned(self.base, &missing)?
            } else {
                assigned(&Base::of_months(self.base, &missing), &missing)?
            };
            self.assigned.extend(found);
        }
        Ok(&self.assigned)
    }

    /// Scores a month, range by range of its partners, and hands their rows over in the order of the
    /// tables' keys; the totals of the months of its history are found beside it, as far as they are
    /// not known.
    ///
    /// # Errors
    /// What `take` returns; CS2001, CS2002, CS5004, CS6005, CS9001.
    pub(super) fn score(
        &mut self,
        month: &MonthPlan<'_>,
        before: &[Arc<MonthPlan<'_>>],
        run_id: &RunId,
        take: &mut (dyn FnMut(Vec<(&'static Table, DataFrame)>) -> Result<()> + Send),
    ) -> Result<Account> {
        let mut open = Vec::new();
        let mut stale = Vec::new();
        for plan in before {
            if self.known.contains_key(&plan.score_id) {
                continue;
            }
            let reference = plan.reference.to_string();
            let published = published_month(self.output, &reference)?;
            if matches!(published, PublishedMonth::ByDefault(_)) {
                stale.push(plan);
            }
            open.push(plan);
        }
        let base = self.base;
        let references: Vec<Month> =
            open.iter().map(|plan| plan.reference).chain([month.reference]).collect();
        let workloads = &base.pipeline.catalogs.workloads;
        let business = Business::read(base.live, workloads, &references, true)?;
        let month = month.open(base, &business);
        let job = |at: usize| {
            let facts = base.range(at)?;
            let output = month.score(&facts, run_id)?;
            let totals = open.iter().map(|plan| plan.open(base, &business).totals(&facts));
            Ok((output, totals.collect::<Result<Vec<_>>>()?))
        };
        let mut found: Option<(Account, Vec<MonthScores>)> = None;
        in_order(base.workers.threads(), base.ranges()?.len(), job, |(output, totals)| {
            take(output.frames)?;
            if let Some((account, known)) = &mut found {
                account.add(output.account);
                known.iter_mut().zip(totals).for_each(|(known, next)| known.add(next));
            } else {
                found = Some((output.account, totals));
            }
            Ok(())
        })?;
        let (account, totals) = found.ok_or_else(|| Error::bug("a base has no range"))?;
        self.known.extend(open.iter().map(|plan| plan.score_id.clone()).zip(totals));
        for plan in stale {
            // One that cannot be read says nothing.
            let Ok(published) = published(self.output, plan.reference) else { continue };
            let count = differing(&self.known[&plan.score_id], &published);
            if count > 0 {
                self.differing.insert(plan.reference, count);
            }
        }
        Ok(account)
    }

    /// The totals of some months that were found.
    ///
    /// # Errors
    /// CS9001 when they were not.
    pub(super) fn of(&self, plans: &[&MonthPlan<'_>]) -> Result<Vec<MonthScores>> {
        let known = |plan: &&MonthPlan<'_>| self.known.get(&plan.score_id).cloned();
        let missing = || Error::bug("the totals of a month are missing");
        plans.iter().map(|plan| known(plan).ok_or_else(missing)).collect()
    }
}

/// The totals of those of some months that are published by the same facts and rules.
///
/// # Errors
/// CS2001, CS6005.
pub(super) fn published_totals<'p>(
    output: &Store,
    plans: impl Iterator<Item = &'p MonthPlan<'p>>,
) -> Result<Known> {
    let mut known = Known::new();
    for plan in plans {
        let id = &plan.score_id;
        if known.contains_key(id)
            || published_score_id(output, &plan.reference.to_string())?.as_ref() != Some(id)
        {
            continue;
        }
        // One that cannot be read is computed.
        if let Ok(totals) = published(output, plan.reference) {
            known.insert(id.clone(), totals);
        }
    }
    Ok(known)
}

/// The totals of a published month.
fn published(output: &Store, month: Month) -> Result<MonthScores> {
    let path = FACT_AREA_SCORE.path(&month.to_string(), "");
    let columns = [
        "partner_id",
        "area",
        "path",
        "points_x8400",
        "coverage",
        "is_qualified",
        "is_selected",
        "ruleset_id",
    ];
    let frame = engine::scan(&[output.fetch(&path)?])?.select(columns.map(col));
    read(&engine::collect(frame, "published scores")?, month)
}

/// Rows of `fact_area_score`, sorted by partner, area and path, as totals.
fn read(frame: &DataFrame, month: Month) -> Result<MonthScores> {
    let text = |name: &str| frame.column(name).and_then(|column| column.str()).map_err(bug);
    let flag = |name: &str| frame.column(name).and_then(|column| column.bool()).map_err(bug);
    let (partner, area, path) = (text("partner_id")?, text("area")?, text("path")?);
    let (coverage, ruleset) = (text("coverage")?, text("ruleset_id")?);
    let points = frame.column("points_x8400").and_then(|column| column.i64()).map_err(bug)?;
    let (qualified, selected) = (flag("is_qualified")?, flag("is_selected")?);
    let mut scores = MonthScores { month, partners: Vec::new(), paths: Vec::new() };
    for at in 0..frame.height() {
        let id = partner.get(at).unwrap_or_default();
        if scores.partners.last().is_none_or(|last| last != id) {
            scores.partners.push(id.to_owned());
        }
        let of = (area.get(at).unwrap_or_default(), path.get(at).unwrap_or_default());
        let known =
            scores.paths.iter().position(|known| (known.area.as_str(), known.path.as_str()) == of);
        let place = known.unwrap_or_else(|| {
            scores.paths.push(PathScores {
                area: of.0.to_owned(),
                path: of.1.to_owned(),
                ruleset_id: ruleset.get(at).unwrap_or_default().to_owned(),
                points: Vec::new(),
                coverage: Vec::new(),
                is_qualified: Vec::new(),
                is_selected: Vec::new(),
            });
            scores.paths.len() - 1
        });
        let path = &mut scores.paths[place];
        let known = |what: &str| Error::bug(format!("fact_area_score of {month} has no {what}"));
        path.points.push(Points(points.get(at).ok_or_else(|| known("points"))?));
        let coverage = coverage.get(at).and_then(Coverage::parse);
        path.coverage.push(coverage.ok_or_else(|| known("coverage"))?);
        path.is_qualified.push(qualified.get(at).ok_or_else(|| known("is_qualified"))?);
        path.is_selected.push(selected.get(at).ok_or_else(|| known("is_selected"))?);
    }
    let partners = scores.partners.len();
    if scores.paths.iter().any(|path| path.points.len() != partners) {
        return Err(Error::bug(format!("fact_area_score of {month} lacks paths of some partners")));
    }
    Ok(scores)
}
