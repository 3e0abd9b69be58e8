//! `dim_rule`: the versions that were used, as rows.

use polars::prelude::DataFrame;

use crate::error::Result;
use crate::points::Points;
use crate::rules::{Metric, Part, Sentence, StepRole, Version};
use crate::tables::{DIM_RULE, Rows};

/// One row per version, path, metric and part.
///
/// # Errors
/// CS9001.
pub fn rule_table(versions: &[&Version]) -> Result<DataFrame> {
    let mut rows = Rows::new(&DIM_RULE);
    for version in versions {
        for path in &version.paths {
            for (metric, part) in version.parts_of(path) {
                rows.text(version.id.as_str())
                    .text(version.area.as_str())
                    .text(path.as_str())
                    .text(metric.id.as_str())
                    .text(part.id.as_str())
                    .points(metric.max_points)
                    .text(part.value_unit())
                    .money(part.unit_size)
                    .count(units_for_max(version, path, metric, part))
                    .text(part.threshold_text().as_str())
                    .text(part.window_text().as_str())
                    .text(part.associations_text().as_str())
                    .text(part.source_url.as_str())
                    .day(version.effective_from)
                    .day(version.effective_to)
                    .bool(version.is_date_assumed)
                    .end();
            }
        }
    }
    rows.finish()
}

/// How many units give all points of a metric by a part; of steps the last one alone, once those before
/// it have given theirs.
fn units_for_max<'a>(
    version: &'a Version,
    path: &'a str,
    metric: &'a Metric,
    part: &Part,
) -> Option<i64> {
    let Sentence::People(step) = &part.sentence else {
        return part.units_for_max(metric.max_points);
    };
    if !matches!(step.role, StepRole::Last) {
        return None;
    }
    let is_before = |other: &&Part| {
        matches!(&other.sentence, Sentence::People(step)
            if matches!(step.role, StepRole::Prerequisite { .. }))
    };
    let before = version.parts_of_metric(path, &metric.id).filter(is_before);
    let before: Points = before.map(|part| part.points_per_unit).sum();
    part.units_for_max(Points(metric.max_points.0 - before.0))
}
