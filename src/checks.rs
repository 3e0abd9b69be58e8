//! Checks: what was observed against a limit, with a severity.

use crate::error::{Code, Error, Result};

/// How bad a failed check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which check.
    pub id: &'static str,
    /// How bad its failure is.
    pub severity: Severity,
    /// What was observed, a count.
    pub observed: i64,
    /// The largest count that passes.
    pub threshold: i64,
    /// One sentence.
    pub message: String,
}

impl Check {
    /// A warning when `observed` is above zero.
    pub fn warn(id: &'static str, observed: i64, message: impl Into<String>) -> Self {
        Self { id, severity: Severity::Warn, observed, threshold: 0, message: message.into() }
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

/// Stops a publication when a check of this severity or worse failed.
///
/// # Errors
/// CS4002.
pub fn enforce(checks: &[Check], fail_on: Severity) -> Result<()> {
    let bad: Vec<&Check> =
        checks.iter().filter(|check| check.is_failed() && check.severity >= fail_on).collect();
    if bad.is_empty() {
        return Ok(());
    }
    let listed: Vec<String> =
        bad.iter().map(|check| format!("{}: {}", check.id, check.message)).collect();
    Err(Error::new(Code::CheckFailed, format!("checks failed: {}", listed.join("; ")))
        .hint("nothing was published; mend the data, or accept warnings with --fail-on error"))
}
