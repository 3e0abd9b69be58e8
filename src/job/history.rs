//! The totals of months: those of this attempt, those that are published by the same facts and
//! rules, and else computed.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use polars::prelude::{DataFrame, PolarsError, col};

use super::month::{Base, MonthPlan, assigned};
use crate::calendar::Month;
use crate::engine;
use crate::error::{Error, Result};
use crate::points::Points;
use crate::publish::published_score_id;
use crate::score::{MonthScores, PathScores};
use crate::store::Store;
use crate::tables::FACT_AREA_SCORE;

/// The totals of months by what they depend on.
pub(super) struct Scores<'a> {
    base: &'a Base<'a>,
    output: &'a Store,
    known: BTreeMap<String, MonthScores>,
    /// Area and partner that the path tests of a month assigned the tested path.
    assigned: BTreeMap<Month, BTreeSet<(String, String)>>,
}

impl<'a> Scores<'a> {
    pub(super) fn new(base: &'a Base<'a>, output: &'a Store) -> Self {
        Self { base, output, known: BTreeMap::new(), assigned: BTreeMap::new() }
    }

    /// Remembers the totals of a month that was scored.
    pub(super) fn keep(&mut self, plan: &MonthPlan<'_>, totals: MonthScores) {
        self.known.insert(plan.score_id.clone(), totals);
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
            let base = Base::of_months(self.base.pipeline, self.base.live, &missing);
            for month in missing {
                self.assigned.insert(month, assigned(&base, month)?);
            }
        }
        Ok(&self.assigned)
    }

    /// Runs a job, and finds the totals of some months beside it, as far as they are not known.
    ///
    /// # Errors
    /// What the job returns; CS2001, CS5004, CS6005, CS9001.
    pub(super) fn find_beside<T>(
        &mut self,
        plans: &[Rc<MonthPlan<'_>>],
        job: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        // A plan is shared by reference count, which no two threads may touch.
        let plans: Vec<&MonthPlan<'_>> = plans.iter().map(Rc::as_ref).collect();
        let unknown = plans.iter().filter(|plan| !self.known.contains_key(&plan.score_id));
        let unknown: Vec<&MonthPlan<'_>> = unknown.copied().collect();
        let (this, next) = (&*self, AtomicUsize::new(0));
        let find = || {
            let mut found = Vec::new();
            while let Some(plan) = unknown.get(next.fetch_add(1, Ordering::Relaxed)) {
                found.push((plan.score_id.clone(), this.find(plan)?));
            }
            Ok(found)
        };
        // All of them read the facts.
        self.base.load()?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let (done, found) = std::thread::scope(|scope| {
            let others = (threads - 1).min(unknown.len());
            let workers: Vec<_> = (0..others).map(|_| scope.spawn(find)).collect();
            let done = job();
            let mut found: Vec<Result<Vec<(String, MonthScores)>>> = vec![find()];
            let panicked = |_| Err(Error::bug("the scoring of a month panicked"));
            let others = workers.into_iter();
            found.extend(others.map(|worker| worker.join().unwrap_or_else(panicked)));
            (done, found)
        });
        let done = done?;
        for found in found {
            self.known.extend(found?);
        }
        Ok(done)
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

    fn find(&self, plan: &MonthPlan<'_>) -> Result<MonthScores> {
        let published = published_score_id(self.output, &plan.reference.to_string())?;
        if published.is_some_and(|id| id == plan.score_id) {
            self.published(plan.reference)
        } else {
            plan.totals(self.base)
        }
    }

    /// The totals of a published month.
    fn published(&self, month: Month) -> Result<MonthScores> {
        let path = FACT_AREA_SCORE.path(&month.to_string(), "");
        let columns = [
            "partner_id",
            "area",
            "path",
            "points_x8400",
            "is_qualified",
            "is_selected",
            "ruleset_id",
        ];
        let frame = engine::scan(&[self.output.fetch(&path)?])?.select(columns.map(col));
        read(&engine::collect(frame, "published scores")?, month)
    }
}

/// Rows of `fact_area_score`, sorted by partner, area and path, as totals.
fn read(frame: &DataFrame, month: Month) -> Result<MonthScores> {
    let bug = |error: PolarsError| Error::bug(error.to_string());
    let text = |name: &str| frame.column(name).and_then(|column| column.str()).map_err(bug);
    let flag = |name: &str| frame.column(name).and_then(|column| column.bool()).map_err(bug);
    let (partner, area, path) = (text("partner_id")?, text("area")?, text("path")?);
    let ruleset = text("ruleset_id")?;
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
                is_qualified: Vec::new(),
                is_selected: Vec::new(),
            });
            scores.paths.len() - 1
        });
        let path = &mut scores.paths[place];
        path.points.push(Points(points.get(at).unwrap_or_default()));
        path.is_qualified.push(qualified.get(at).unwrap_or_default());
        path.is_selected.push(selected.get(at).unwrap_or_default());
    }
    let partners = scores.partners.len();
    if scores.paths.iter().any(|path| path.points.len() != partners) {
        return Err(Error::bug(format!("fact_area_score of {month} lacks paths of some partners")));
    }
    Ok(scores)
}
