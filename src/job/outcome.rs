//! What the last attempt came to, kept beside the tables (decision 0024). As long as the facts, the
//! rules, what was asked for and the published files are as they were then, there is nothing to do,
//! and that is found out without reading the facts.

use serde::{Deserialize, Serialize};

use super::{Pipeline, ScoreSettings, Scored};
use crate::calendar::Month;
use crate::checks::Check;
use crate::error::{Error, Result};
use crate::facts::{Ledger, UNITS};
use crate::ids::{FieldHasher, RunId};
use crate::store::{Entry, Store};
use crate::tables::CONTRACT_VERSION;

const OUTCOME: &str = "_outcome.json";
/// What is written in the output and is none of the published files.
const NOT_PUBLISHED: [&str; 4] = [OUTCOME, "_attempts", "_lock", "_staging"];

/// All that a score depends on, but for the output: a hash.
pub(super) struct Circumstances(String);

#[derive(Serialize, Deserialize)]
struct Outcome {
    circumstances: String,
    /// The published files.
    output: String,
    months: Vec<MonthOutcome>,
}

#[derive(Serialize, Deserialize)]
struct MonthOutcome {
    month: String,
    run_id: String,
    checks: Vec<Check>,
    quarantined: u64,
    tables: Vec<(String, u64)>,
}

impl Circumstances {
    /// Of the facts with this ledger, and of the settings.
    ///
    /// # Errors
    /// CS2001, CS9001.
    pub(super) fn new(
        pipeline: &Pipeline,
        settings: &ScoreSettings,
        facts: &Store,
        ledger: &Ledger,
    ) -> Result<Self> {
        let mut hasher = FieldHasher::default();
        let entries = serde_json::to_string(&ledger.entries)
            .map_err(|error| Error::bug("the ledger cannot be hashed").because(error))?;
        hasher.add_text(&entries);
        // An erasure changes units after its entry.
        facts.list(UNITS)?.iter().for_each(|entry| add_file(&mut hasher, entry));
        pipeline.add_to(&mut |text| hasher.add_text(text));
        let ScoreSettings { as_of, ruleset, fail_on, limits, has_delta, .. } = settings;
        for text in [
            as_of.told(),
            ruleset.clone().unwrap_or_default(),
            fail_on.as_str().to_owned(),
            format!("{limits:?}"),
            has_delta.to_string(),
            CONTRACT_VERSION.to_owned(),
            env!("CARGO_PKG_VERSION").to_owned(),
        ] {
            hasher.add_text(&text);
        }
        Ok(Self(hasher.finish().to_hex().to_string()))
    }

    /// What the last attempt came to, if everything is as it left it. What cannot be read is found out
    /// anew.
    pub(super) fn outcome(&self, output: &Store) -> Option<Vec<Scored>> {
        let bytes = output.read(OUTCOME).ok()??;
        let kept: Outcome = serde_json::from_slice(&bytes).ok()?;
        if kept.circumstances != self.0 || kept.output != published(output).ok()? {
            return None;
        }
        let scored = |month: MonthOutcome| {
            Some(Scored {
                run_id: RunId::parse(&month.run_id)?,
                reference: Month::parse(&month.month)?,
                output: output.uri().to_owned(),
                is_unchanged: true,
                has_new_dimensions: false,
                areas: Vec::new(),
                checks: month.checks,
                quarantined: month.quarantined,
                tables: month.tables,
            })
        };
        kept.months.into_iter().map(scored).collect()
    }

    /// Keeps what an attempt came to in the months that were asked for. All is published by then:
    /// where it cannot be kept, the next attempt looks at everything.
    pub(super) fn keep(&self, output: &Store, wanted: &[Month], scored: &[Scored]) {
        if let Err(error) = self.write(output, wanted, scored) {
            tracing::debug!(%error, "The outcome is not kept.");
        }
    }

    fn write(&self, output: &Store, wanted: &[Month], scored: &[Scored]) -> Result<()> {
        let of_wanted = scored.iter().filter(|scored| wanted.contains(&scored.reference));
        let months = of_wanted.map(|scored| MonthOutcome {
            month: scored.reference.to_string(),
            run_id: scored.run_id.as_str().to_owned(),
            checks: scored.checks.clone(),
            quarantined: scored.quarantined,
            tables: scored.tables.clone(),
        });
        let outcome = Outcome {
            circumstances: self.0.clone(),
            output: published(output)?,
            months: months.collect(),
        };
        let text = serde_json::to_vec(&outcome)
            .map_err(|error| Error::bug("an outcome cannot be written").because(error))?;
        output.write(OUTCOME, text)
    }
}

/// A hash over the names, sizes and change tags of the published files.
fn published(output: &Store) -> Result<String> {
    let mut hasher = FieldHasher::default();
    let is_published = |path: &str| {
        let first = path.split('/').next().unwrap_or_default();
        !NOT_PUBLISHED.contains(&first)
    };
    for entry in output.list("")?.iter().filter(|entry| is_published(&entry.path)) {
        add_file(&mut hasher, entry);
    }
    Ok(hasher.finish().to_hex().to_string())
}

fn add_file(hasher: &mut FieldHasher, entry: &Entry) {
    hasher.add_text(&entry.path);
    hasher.add(entry.size);
    hasher.add_text(&entry.etag);
}
