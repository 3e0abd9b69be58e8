//! Checks: what was observed against a limit, with a severity.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calendar::Month;
use crate::error::{Code, Error, Result};

/// How bad a failed check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Reported; stops nothing unless asked.
    Warn,
    /// Nothing is published.
    Error,
}

impl Severity {
    /// The published word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which check.
    pub id: Cow<'static, str>,
    /// How bad its failure is.
    pub severity: Severity,
    /// What was observed, a count.
    pub observed: i64,
    /// The largest count that passes.
    pub threshold: i64,
    /// One sentence.
    pub message: String,
}

/// From where on a check fails, by its id; others fail as they do by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits(pub BTreeMap<String, Limit>);

/// The largest values that pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limit {
    /// Above it the check is a warning.
    pub warn: Option<i64>,
    /// Above it the check is an error.
    pub error: Option<i64>,
}

impl Limits {
    /// A check by its limit, if there is one.
    pub fn judge(&self, check: Check) -> Check {
        let (severity, threshold) = match self.0.get(check.id.as_ref()).copied().unwrap_or_default()
        {
            Limit { error: Some(error), .. } if check.observed > error => (Severity::Error, error),
            Limit { warn: Some(warn), .. } => (Severity::Warn, warn),
            // What is no error yet may still be the warning that it is by itself.
            Limit { .. } => return check,
        };
        Check { severity, threshold, ..check }
    }
}

/// The checks that a limit can be set for.
pub const LIMITED: [&str; 37] = [
    "account_ids_agree",
    "amount_digits_dropped",
    "area_without_rules",
    "assumed_alias",
    "attribution_amounts_agree",
    "attributions_unknown",
    "billed_without_usage",
    "columns_missing",
    "consumption_keys_differ",
    "dataset_behind",
    "dataset_holds_back",
    "date_order_ambiguous",
    "decimal_mark_ambiguous",
    "delivery_empty",
    "duplicate_flags_agree",
    "encoding_assumed",
    "enrolment_areas_unknown",
    "file_set_aside",
    "month_order_ambiguous",
    "months_missing",
    "partial_datasets",
    "reject_share_amount",
    "reject_share_rows",
    "replacement_drop",
    "replacement_held",
    "reseller_ids_agree",
    "resellers_ambiguous",
    "rows_quarantined",
    "scores_lost",
    "segments_missing",
    "segments_unknown",
    "services_unmapped",
    "skilling_lists_agree",
    "titles_unmatched",
    "usage_vanished",
    "volume_drop",
    "workloads_unknown",
];

impl Check {
    /// A warning when `observed` is above zero.
    pub fn warn(id: &'static str, observed: i64, message: impl Into<String>) -> Self {
        Self::warn_above(id, observed, 0, message)
    }

    /// A warning when `observed` is above `threshold`.
    pub fn warn_above(
        id: &'static str,
        observed: i64,
        threshold: i64,
        message: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            severity: Severity::Warn,
            observed,
            threshold,
            message: message.into(),
        }
    }

    /// Whether the check failed.
    pub fn is_failed(&self) -> bool {
        self.observed > self.threshold
    }
}

/// Failed checks: warnings and errors.
pub fn failed(checks: &[Check]) -> (usize, usize) {
    let of = |severity| {
        checks.iter().filter(|check| check.is_failed() && check.severity == severity).count()
    };
    (of(Severity::Warn), of(Severity::Error))
}

/// Stops the publication of a month when a check of this severity or worse failed.
///
/// # Errors
/// CS4002.
pub fn enforce(month: Month, checks: &[Check], fail_on: Severity) -> Result<()> {
    let bad: Vec<&Check> =
        checks.iter().filter(|check| check.is_failed() && check.severity >= fail_on).collect();
    if bad.is_empty() {
        return Ok(());
    }
    let listed: Vec<String> =
        bad.iter().map(|check| format!("{}: {}", check.id, check.message)).collect();
    let text = format!("checks of {month} failed, which was not published: {}", listed.join("; "));
    Err(Error::new(Code::CheckFailed, text)
        .hint("mend the data, set limits in a job file, or accept warnings with --fail-on error"))
}
