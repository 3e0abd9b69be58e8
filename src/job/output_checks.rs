//! Checks of what is about to be published against what the output says already. They depend on the
//! output and not on the facts and rules alone: a run tells of them, and no table has them.

use std::collections::BTreeMap;

use polars::prelude::col;

use crate::calendar::Month;
use crate::checks::Check;
use crate::engine;
use crate::engine::bug;
use crate::error::Result;
use crate::publish::published_score_id;
use crate::score::{AreaSummary, HISTORY_MONTHS, MonthScores};
use crate::store::Store;
use crate::tables::FACT_AREA_SCORE;

/// The largest share of scores, in percent, that may be lost without a word.
const MOST_LOST: i64 = 10;
const NOT_COMPUTABLE: &str = "not_computable";

/// Scores of the selected paths that the month had, or else the newest month before it, and that can
/// no longer be computed or are gone: facts that are not there, or exports that were forgotten.
///
/// # Errors
/// CS2001, CS9001.
pub(super) fn scores_lost(output: &Store, month: Month, areas: &[AreaSummary]) -> Result<Check> {
    let passed = |text: &str| Ok(Check::warn_above("scores_lost", 0, MOST_LOST, text));
    let mut months = (0..=HISTORY_MONTHS).map(|back| month.plus(-back));
    // One that is damaged is published again.
    let is_there = |month: &Month| {
        published_score_id(output, &month.to_string()).is_ok_and(|found| found.is_some())
    };
    let Some(published) = months.find(is_there) else { return passed("nothing was published") };
    let Ok(before) = computed(output, published) else {
        return passed("what was published cannot be read");
    };
    let mut lost: Vec<(i64, &str)> = Vec::new();
    for (area, before) in &before {
        let now = areas
            .iter()
            .find(|now| now.area == *area)
            .map_or(0, |now| i64::try_from(now.coverage[0] + now.coverage[1]).unwrap_or(i64::MAX));
        lost.push(((before - now).max(0), area));
    }
    lost.sort_unstable_by(|left, right| right.cmp(left));
    let (count, all) =
        (lost.iter().map(|(lost, _)| lost).sum::<i64>(), before.values().sum::<i64>());
    let Some((_, most)) = lost.first().filter(|_| count > 0) else {
        return passed("every score that was published can be computed");
    };
    let text = format!(
        "{count} of {all} scores that were published of {published} can no longer be computed or are gone, most of them of {most}"
    );
    Ok(Check::warn_above("scores_lost", count * 100 / all.max(1), MOST_LOST, text))
}

/// How many scores of the selected paths of a published month could be computed, by area.
fn computed(output: &Store, month: Month) -> Result<BTreeMap<String, i64>> {
    let columns = ["area", "is_selected", "coverage"].map(col);
    let frame = engine::scan(&[output.fetch(&path(month))?])?.select(columns);
    let frame = engine::collect(frame, "published scores")?;
    let text = |name: &str| frame.column(name).and_then(|column| column.str()).map_err(bug);
    let (areas, coverages) = (text("area")?, text("coverage")?);
    let selected = frame.column("is_selected").and_then(|column| column.bool()).map_err(bug)?;
    let mut counts = BTreeMap::new();
    for ((area, coverage), is_selected) in areas.iter().zip(coverages.iter()).zip(selected.iter()) {
        let is_computed = is_selected == Some(true) && coverage != Some(NOT_COMPUTABLE);
        *counts.entry(area.unwrap_or_default().to_owned()).or_default() += i64::from(is_computed);
    }
    Ok(counts)
}

fn path(month: Month) -> String {
    FACT_AREA_SCORE.path(&month.to_string(), "")
}

/// Published months whose scores are others than the histories say that were published just now. It
/// tells of other months than those, and stops none.
pub(super) fn published_months_differ(months: &BTreeMap<Month, i64>) -> Check {
    let rows = months.values().sum();
    let text = match months.first_key_value().filter(|_| rows > 0) {
        None => "published months say what the histories of later ones say".to_owned(),
        Some((first, _)) => format!(
            "{rows} scores of published months are others by today's facts and rules than in their own tables; score them again: capscore backfill --from {first} --to {}",
            months.last_key_value().map_or(*first, |(last, _)| *last)
        ),
    };
    Check::warn("published_months_differ", rows, text)
}

/// How many scores of some totals are others, or missing, in the other ones.
pub(super) fn differing(left: &MonthScores, right: &MonthScores) -> i64 {
    let mut count = 0;
    for path in &left.paths {
        let other =
            right.paths.iter().find(|other| (&other.area, &other.path) == (&path.area, &path.path));
        for (partner, points) in left.partners.iter().zip(&path.points) {
            let known = other.and_then(|other| {
                let at = right.partners.binary_search(partner).ok()?;
                other.points.get(at)
            });
            count += i64::from(known != Some(points));
        }
    }
    count
}
