//! `check_result`: the checks of a run as rows.

use polars::prelude::{DataFrame, col};

use crate::checks::{Check, Severity};
use crate::engine;
use crate::engine::bug;
use crate::error::Result;
use crate::ids::RunId;
use crate::store::Store;
use crate::tables::{CHECK_RESULT, Rows};

/// What a count is multiplied with in a column of amounts.
const UNITS: i128 = 10_000;

/// One row per check.
///
/// # Errors
/// CS9001.
pub fn check_table(checks: &[Check]) -> Result<DataFrame> {
    let mut rows = Rows::new(&CHECK_RESULT);
    for check in checks {
        rows.text(check.id.as_ref())
            .text(check.severity.as_str())
            .count(check.observed)
            .count(check.threshold)
            .bool(check.is_failed())
            .text(check.message.as_str())
            .end();
    }
    rows.finish()
}

/// The checks of a run as they were published.
///
/// # Errors
/// CS2001, CS9001.
pub fn published_checks(output: &Store, run_id: &RunId) -> Result<Vec<Check>> {
    let path = output.fetch(&CHECK_RESULT.path("", run_id.as_str()))?;
    let columns = ["check_id", "severity", "observed", "threshold", "message"].map(col);
    let frame = engine::collect(engine::scan(&[path])?.select(columns), "published checks")?;
    let text = |name: &str| frame.column(name).and_then(|column| column.str()).map_err(bug);
    let number = |name: &str| frame.column(name).and_then(|column| column.decimal()).map_err(bug);
    let (id, severity, message) = (text("check_id")?, text("severity")?, text("message")?);
    let (observed, threshold) = (number("observed")?, number("threshold")?);
    let count =
        |value: Option<i128>| i64::try_from(value.unwrap_or_default() / UNITS).unwrap_or(i64::MAX);
    let rows = (0..frame.height()).map(|at| Check {
        id: id.get(at).unwrap_or_default().to_owned().into(),
        severity: match severity.get(at) {
            Some(text) if text == Severity::Error.as_str() => Severity::Error,
            _ => Severity::Warn,
        },
        observed: count(observed.physical().get(at)),
        threshold: count(threshold.physical().get(at)),
        message: message.get(at).unwrap_or_default().to_owned(),
    });
    Ok(rows.collect())
}
