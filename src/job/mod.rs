//! The phases of a run in order: ingest, score, publish. Commands resolve their flags into the
//! settings here; nothing below reads flags or the environment.

mod attempt;
mod checks;
mod feeding;
mod file;
mod record;
mod reference;
mod scoring;
mod summary;

use crate::calendar::Month;
use crate::checks::Severity;
use crate::error::Result;
use crate::facts::{Ledger, Live};
use crate::ingest::{self, OnBadFile, PersonKey, Sources};
use crate::rules::{Catalogs, Rules};
use crate::store::Store;

pub use attempt::Attempt;
pub use file::{FailOnSetting, JobFile, OnBadFileSetting};
pub use reference::AsOf;
pub use scoring::{ScorePlan, Scored, plan_score};
pub use summary::{ingest_text, score_text};

/// What all phases share.
#[derive(Debug)]
pub struct Pipeline {
    /// Source layouts.
    pub sources: Sources,
    /// Catalogs.
    pub catalogs: Catalogs,
    /// Rule packs.
    pub rules: Rules,
}

/// How to ingest.
#[derive(Debug, Clone)]
pub struct IngestSettings {
    /// Folders or files with exports.
    pub inputs: Vec<String>,
    /// Where the facts live.
    pub facts: String,
    /// What to do with a bad file.
    pub on_bad_file: OnBadFile,
    /// Whether replacements that lose rows are taken.
    pub accept_drop: bool,
    /// The secret of person keys, if given.
    pub person_secret: Option<String>,
    /// Files read at once.
    pub threads: usize,
    /// Bytes that waiting rows may take.
    pub memory: usize,
}

/// How to score and publish.
#[derive(Debug, Clone)]
pub struct ScoreSettings {
    /// Where the facts live.
    pub facts: String,
    /// Where the tables go.
    pub output: String,
    /// The reference month.
    pub as_of: AsOf,
    /// The ruleset by name; none means the one in force on the last day of the month.
    pub ruleset: Option<String>,
    /// Which failed checks stop the publication.
    pub fail_on: Severity,
}

/// Ingests what is new.
///
/// # Errors
/// Those of [`ingest::ingest`].
pub fn ingest(
    pipeline: &Pipeline,
    settings: &IngestSettings,
    attempt: &Attempt,
    progress: &(dyn Fn(ingest::Event<'_>) + Sync),
) -> Result<ingest::Summary> {
    let facts = Store::create(&settings.facts)?;
    let person_key = if let Some(secret) = &settings.person_secret {
        PersonKey::from_secret(secret)
    } else {
        tracing::warn!(
            "CAPSCORE_PERSON_KEY is not set: people get keys from a random secret kept with the facts."
        );
        PersonKey::of_facts(&facts)?
    };
    let settings = ingest::Settings {
        inputs: settings.inputs.clone(),
        facts,
        on_bad_file: settings.on_bad_file,
        accept_drop: settings.accept_drop,
        threads: settings.threads,
        memory: settings.memory,
        attempt_id: attempt.id.clone(),
        sources: &pipeline.sources,
        catalogs: &pipeline.catalogs,
        person_key: &person_key,
    };
    let summary = ingest::ingest(&settings, progress)?;
    tracing::info!(
        files = summary.files.len(),
        known = summary.known,
        deliveries = summary.deliveries.len(),
        "Ingest is complete."
    );
    Ok(summary)
}

/// What an ingest would read.
///
/// # Errors
/// Those of [`ingest::plan`].
pub fn plan_ingest(pipeline: &Pipeline, settings: &IngestSettings) -> Result<ingest::Plan> {
    // The facts may not exist yet: a plan makes nothing.
    let ledger = match Store::open(&settings.facts) {
        Ok(facts) => Ledger::read(&facts)?,
        Err(_) => Ledger::default(),
    };
    ingest::plan(&settings.inputs, &ledger, &pipeline.sources)
}

/// Scores a month from the facts and publishes it.
///
/// # Errors
/// CS3002, CS4002, CS5001, CS5003, CS5004, CS6001, CS6002, CS6005, CS2001, CS2002.
pub fn score(pipeline: &Pipeline, settings: &ScoreSettings, attempt: &Attempt) -> Result<Scored> {
    // What is wrong with the request is said before anything is made or waited for.
    if let Some(id) = &settings.ruleset {
        pipeline.rules.named(id)?;
    }
    Store::open(&settings.facts)?;
    scoring::score_and_publish(pipeline, settings, attempt)
}

/// Reads the live facts of a location.
///
/// # Errors
/// CS2001, CS6005.
pub fn live_facts(facts: &str) -> Result<Live> {
    Live::read(&Store::open(facts)?)
}

/// The months that a scored month reads: R−23 to R.
fn window(reference: Month) -> std::ops::RangeInclusive<Month> {
    reference.plus(-23)..=reference
}
