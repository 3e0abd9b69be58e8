//! The phases of a run in order: ingest, score, publish. Commands resolve their flags into the
//! settings here; nothing below reads flags or the environment.

mod attempt;
mod base;
mod business;
mod changes;
mod checks;
mod compared;
mod credentials;
mod data_checks;
mod dimension_tables;
mod enrolments;
mod feeding;
mod file;
mod history;
mod lineage;
mod metrics;
mod month;
mod outcome;
mod output_checks;
mod path_tests;
mod publishing;
mod queue;
mod record;
mod reference;
mod scoring;
mod summary;

use chrono::TimeDelta;

use crate::calendar::{Day, Month};
use crate::checks::{Limits, Severity};
use crate::commit::Lease;
use crate::error::{Code, Error, Result};
use crate::facts::{
    self, Compaction, ErasedRows, Erasure, Ledger, Live, Restatement, Verification,
};
use crate::ids::{Guid, RunId};
use crate::ingest::{self, OnBadFile, PersonKey, Sources};
use crate::publish::{self, Manifest, Retention};
use crate::rules::{Catalogs, Rules};
use crate::store::{Entry, Store};

pub use attempt::Attempt;
pub use changes::{AreaChange, Change, ChangeSettings, Changes, changes};
pub use file::{
    FailOnSetting, FormatSetting, InputSetting, JobFile, NamesSetting, OnBadFileSetting,
    ScopeSetting, ScopedInput,
};
pub use lineage::{RunState, run_event};
pub use metrics::metrics_text;
pub use queue::{ScorePlan, plan_score};
pub use reference::AsOf;
pub use scoring::Scored;
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

impl Pipeline {
    /// Hands over what tells these catalogs and rules from others.
    fn add_to(&self, add: &mut dyn FnMut(&str)) {
        for (name, hash) in &self.catalogs.hashes {
            add(name);
            add(hash);
        }
        for version in self.rules.packs.iter().flat_map(|pack| &pack.versions) {
            add(&version.hash);
        }
        for rule in self.rules.windows.all() {
            add(&rule.hash);
        }
    }
}

/// How to ingest.
#[derive(Debug, Clone)]
pub struct IngestSettings {
    /// Folders or files with exports.
    pub inputs: Vec<ingest::Input>,
    /// Where the facts live.
    pub facts: String,
    /// What to do with a bad file.
    pub on_bad_file: OnBadFile,
    /// Whether replacements that lose rows are taken.
    pub accept_drop: bool,
    /// Whether facts keep the names of customers.
    pub keeps_customer_names: bool,
    /// The secret of person keys, if given.
    pub person_secret: Option<String>,
    /// Files read at once.
    pub threads: usize,
    /// Bytes that waiting rows may take.
    pub memory: usize,
}

/// What a score may use of the machine.
#[derive(Debug, Clone, Copy)]
pub struct Resources {
    /// Ranges of partners that are scored at once.
    pub threads: usize,
    /// Bytes that rows of facts may take while they wait to be scored; more wait in a temporary file.
    pub memory: usize,
}

/// How to score and publish.
#[derive(Debug, Clone)]
pub struct ScoreSettings {
    /// Where the facts live.
    pub facts: String,
    /// Where the tables go.
    pub output: String,
    /// The reference month, or several.
    pub as_of: AsOf,
    /// The ruleset by name; none means the one in force on the last day of the month.
    pub ruleset: Option<String>,
    /// Which failed checks stop the publication.
    pub fail_on: Severity,
    /// From where on checks fail.
    pub limits: Limits,
    /// Whether Delta tables are made. Those that there are follow the published files in any case.
    pub has_delta: bool,
    /// What it may use of the machine.
    pub resources: Resources,
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
    guard_people(&facts, &person_key)?;
    let settings = ingest::Settings {
        inputs: settings.inputs.clone(),
        facts,
        on_bad_file: settings.on_bad_file,
        accept_drop: settings.accept_drop,
        keeps_customer_names: settings.keeps_customer_names,
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

/// By another key people are others than they were: whom somebody erased would come back.
///
/// # Errors
/// CS1001 for another key, where anybody was erased; CS2001, CS2002, CS6005.
fn guard_people(facts: &Store, key: &PersonKey) -> Result<()> {
    if key.is_of(facts)? {
        return Ok(());
    }
    if Ledger::read(facts)?.entries.iter().any(|entry| !entry.erased.is_empty()) {
        let text = "the key of people is another than that of the facts, and erased people would come back";
        return Err(Error::new(Code::Usage, text)
            .hint("set CAPSCORE_PERSON_KEY as it was set when the facts were begun"));
    }
    tracing::warn!(
        "The key of people is another than that of the facts: people who are delivered now are others than before."
    );
    Ok(())
}

/// What an ingest would read.
///
/// # Errors
/// Those of [`ingest::plan`].
pub fn plan_ingest(pipeline: &Pipeline, settings: &IngestSettings) -> Result<ingest::Plan> {
    // The facts may not exist yet: a plan makes nothing.
    let ledger = match Store::open_some(&settings.facts)? {
        Some(facts) => Ledger::read(&facts)?,
        None => Ledger::default(),
    };
    ingest::plan(&settings.inputs, &ledger, &pipeline.sources)
}

/// Scores the asked months from the facts and publishes them; months of their history that are
/// published and no longer agree with the facts are scored again. The last one is the newest.
///
/// # Errors
/// CS3002, CS4002, CS5001, CS5003, CS5004, CS6001, CS6002, CS6005, CS2001, CS2002.
pub fn score(
    pipeline: &Pipeline,
    settings: &ScoreSettings,
    attempt: &Attempt,
) -> Result<Vec<Scored>> {
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

/// Retracts a delivery, or one dataset of it, or takes that back.
///
/// # Errors
/// Those of [`facts::retract`].
pub fn retract(
    facts: &str,
    delivery: Day,
    dataset: Option<&str>,
    is_undone: bool,
    attempt: &Attempt,
) -> Result<()> {
    facts::retract(&Store::open(facts)?, delivery, dataset, is_undone, &attempt.id)
}

/// Erases customers (tenant ids) and people (ids, mail addresses or keys) from the facts.
///
/// # Errors
/// CS1001 for a customer that is no tenant id; those of [`facts::erase`].
pub fn erase(
    facts: &str,
    customers: &[String],
    people: &[String],
    person_secret: Option<&str>,
    attempt: &Attempt,
) -> Result<ErasedRows> {
    let facts = Store::open(facts)?;
    let person_key = match person_secret {
        Some(secret) => Some(PersonKey::from_secret(secret)),
        None => PersonKey::kept(&facts)?,
    };
    if person_key.is_none() && !people.is_empty() {
        return Err(Error::new(Code::Usage, "the key of people is not known")
            .hint("set CAPSCORE_PERSON_KEY as it is set for ingest"));
    }
    let tenant = |text: &String| match Guid::parse(text.trim().as_bytes()) {
        Some(guid) => Ok(guid.as_str().to_owned()),
        None if text.starts_with("tpid:") => Ok(text.clone()),
        None => Err(Error::new(Code::Usage, format!("{text:?} is no customer"))
            .hint("give the tenant id as dim_customer has it")),
    };
    let erasure = Erasure {
        tenants: customers.iter().map(tenant).collect::<Result<_>>()?,
        people: people
            .iter()
            .map(|person| {
                let keys = person_key.as_ref().map(|key| key.keys_of(person));
                let keys = keys.into_iter().flatten().chain(std::iter::once(person.clone()));
                (person.clone(), keys.collect())
            })
            .collect(),
    };
    facts::erase(&facts, &erasure, &attempt.id)
}

/// What the deliveries after one day and up to another changed.
///
/// # Errors
/// CS2001, CS6005.
pub fn restatements(facts: &str, from: Day, to: Day) -> Result<Vec<Restatement>> {
    facts::restatements(&Store::open(facts)?, from, to)
}

/// Compares the facts of a location with their ledger.
///
/// # Errors
/// CS2001, CS6005.
pub fn verify_facts(facts: &str) -> Result<Verification> {
    facts::verify(&Store::open(facts)?)
}

/// Brings the live rows of each month into one file; `is_plan` only says what there is to do.
///
/// # Errors
/// Those of [`facts::compact`].
pub fn compact(facts: &str, is_plan: bool, attempt: &Attempt) -> Result<Compaction> {
    facts::compact(&Store::open(facts)?, is_plan, &attempt.id)
}

/// Publishes the kept tables of an earlier run again; the run that they replaced. None when the run
/// is published already. Delta tables follow by [`mirror`].
///
/// # Errors
/// CS6001, CS6004, CS6005, CS2001, CS2002, CS2003.
pub fn roll_back(output: &str, run: &Manifest, attempt: &Attempt) -> Result<Option<RunId>> {
    let output = Store::open(output)?;
    let lease = Lease::take(&output, &attempt.id)?;
    let replaced = publish::roll_back(&output, &lease, run, &attempt.id)?;
    attempt.log_rollback(&output, run)?;
    Ok(replaced)
}

/// Brings the Delta tables of an output, if it has any, to the state of its published files.
///
/// # Errors
/// CS6001, CS6005, CS2001, CS2002, CS2003.
pub fn mirror(output: &str, attempt: &Attempt) -> Result<()> {
    let output = Store::open(output)?;
    let lease = Lease::take(&output, &attempt.id)?;
    if publish::has_delta(&output)? {
        publish::mirror(&output, &lease, attempt.started.timestamp_millis())?;
    }
    Ok(())
}

/// Deletes what the output keeps of the past for longer than some days; the files.
///
/// # Errors
/// CS1001 for more days than there are; CS6001, CS6005, CS2001, CS2002, CS2003.
pub fn vacuum(output: &str, days: u32, is_plan: bool, attempt: &Attempt) -> Result<Vec<Entry>> {
    let output = Store::open(output)?;
    let since =
        attempt.started.checked_sub_signed(TimeDelta::days(days.into())).ok_or_else(|| {
            Error::new(Code::Usage, format!("{days} days ago there was no day")).hint("give fewer")
        })?;
    // What was replaced today is older than none of today.
    let day = if days == 0 { Day(i32::MAX) } else { Day::from(since.date_naive()) };
    let retention = Retention { since: since.timestamp_millis(), day };
    if is_plan {
        return publish::obsolete(&output, retention);
    }
    let lease = Lease::take(&output, &attempt.id)?;
    // The lease may have completed a publication.
    if publish::has_delta(&output)? {
        publish::mirror(&output, &lease, attempt.started.timestamp_millis())?;
    }
    let files = publish::obsolete(&output, retention)?;
    publish::delete(&output, &lease, &files)?;
    Ok(files)
}

/// The months that a scored month reads: R−23 to R.
fn window(reference: Month) -> std::ops::RangeInclusive<Month> {
    reference.plus(-23)..=reference
}
