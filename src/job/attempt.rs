//! One execution of a command: its id and its log in the output.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::Scored;
use crate::error::{Error, Result};
use crate::publish::Manifest;
use crate::store::Store;

/// One execution.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// A random id, ordered by time.
    pub id: String,
    /// When it started.
    pub started: DateTime<Utc>,
}

impl Attempt {
    /// Starts now.
    pub fn start() -> Self {
        Self { id: uuid::Uuid::now_v7().to_string(), started: Utc::now() }
    }

    /// Records in the output that the execution ran and what it did with each month.
    ///
    /// # Errors
    /// CS2002.
    pub fn log(&self, output: &Store, runs: &[Scored]) -> Result<()> {
        let outcome = |scored: &Scored| {
            if scored.is_unchanged { "unchanged" } else { "published" }
        };
        let months: Vec<_> = runs
            .iter()
            .map(|scored| {
                json!({
                    "as_of_month": scored.reference.to_string(),
                    "outcome": outcome(scored),
                    "run_id": scored.run_id.as_str(),
                })
            })
            .collect();
        self.write(output, &months)
    }

    /// Records in the output that somebody went back to a run.
    ///
    /// # Errors
    /// CS2002.
    pub fn log_rollback(&self, output: &Store, run: &Manifest) -> Result<()> {
        let month = json!({
            "as_of_month": run.as_of_month,
            "outcome": "rolled_back",
            "run_id": run.run_id,
        });
        self.write(output, &[month])
    }

    fn write(&self, output: &Store, months: &[Value]) -> Result<()> {
        let entry = json!({
            "attempt_id": self.id,
            "started": instant(self.started),
            "finished": instant(Utc::now()),
            "months": months,
            "program_version": env!("CARGO_PKG_VERSION"),
        });
        let text = serde_json::to_vec_pretty(&entry)
            .map_err(|error| Error::bug("an attempt cannot be written").because(error))?;
        output.write(&format!("_attempts/{}.json", self.id), text)
    }
}

/// An instant in UTC, to the microsecond.
pub(super) fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
