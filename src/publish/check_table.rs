//! `check_result`: the checks of a run as rows.

use polars::prelude::DataFrame;

use crate::checks::Check;
use crate::error::Result;
use crate::tables::{CHECK_RESULT, Rows};

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
