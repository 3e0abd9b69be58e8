//! `dim_rule`: the versions that were used, as rows.

use polars::prelude::DataFrame;

use crate::error::Result;
use crate::rules::Version;
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
                    .count(part.units_for_max(metric.max_points))
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
