//! Exports to facts: discover deliveries, read each new file once, recognise, convert, collapse,
//! and append to the ledger.
//!
//! Any split of a delivery into files, and any order of files and rows, gives the same facts. A
//! delivery exists once its ledger entry does; an ingest that is killed before leaves files that
//! nobody names and that the next ingest overwrites.

mod acr;
mod acr_facts;
mod batch;
mod business;
mod cells;
mod collapse;
mod consumption_key;
mod credentials;
mod customers;
mod date_forms;
mod decode;
mod describe;
mod discover;
mod encoding;
mod enrolments;
mod entry;
mod estimate;
mod fact_rows;
mod formats;
mod identity;
mod inspect;
mod intake;
mod intern;
mod late;
mod layout;
mod layout_file;
mod locations;
mod memo;
mod memory;
mod number_forms;
mod packed;
mod person;
mod quotes;
mod reader;
mod recorder;
mod records;
mod rejections;
mod relations;
mod resellers;
mod row;
mod rows;
mod seats;
mod shared;
mod tally;
mod values;
mod waiting;
mod writing;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

pub use discover::{Found, FoundFile, Input, discover};
pub use inspect::{Inspection, inspect};
pub use layout::{Layout, Sources};
pub use person::PersonKey;

use crate::calendar::Day;
use crate::error::{Code, Error, Result};
use crate::facts::{self, Acceptance, FileRecord, Ledger, LedgerEntry, Live};
use crate::rules::Catalogs;
use crate::store::{Store, StoreLock};

use decode::Text;
use intake::take_in;
use reader::FileTask;

/// What to do with a file that does not match its contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBadFile {
    /// Stop: nothing of its delivery is ingested.
    Fail,
    /// Leave it out, with a warning.
    SetAside,
}

/// How to ingest.
#[derive(Debug)]
pub struct Settings<'a> {
    /// Folders or files.
    pub inputs: Vec<Input>,
    /// Where the facts live.
    pub facts: Store,
    /// What to do with bad files.
    pub on_bad_file: OnBadFile,
    /// Whether replacements that lose rows are taken.
    pub accept_drop: bool,
    /// Whether facts keep the names of customers.
    pub keeps_customer_names: bool,
    /// Files read at once.
    pub threads: usize,
    /// Bytes that waiting rows may take.
    pub memory: usize,
    /// The execution.
    pub attempt_id: String,
    /// Source layouts.
    pub sources: &'a Sources,
    /// Catalogs.
    pub catalogs: &'a Catalogs,
    /// The key of person hashes.
    pub person_key: &'a PersonKey,
}

/// Progress of an ingest.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// So many files and bytes will be read.
    Start {
        /// Files.
        files: usize,
        /// Bytes.
        bytes: u64,
    },
    /// One file was read.
    File {
        /// Where it is.
        uri: &'a str,
        /// Its bytes.
        bytes: u64,
    },
    /// One delivery is in the ledger.
    Delivery {
        /// Its date.
        delivery: Day,
    },
}

/// What an ingest did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files in the input.
    pub found: usize,
    /// Files that the ledger knew already.
    pub known: usize,
    /// The records of the files that were read.
    pub files: Vec<FileRecord>,
    /// Deliveries that were added to the ledger.
    pub deliveries: Vec<Day>,
    /// Attribution names that no catalog knows.
    pub unknown_attributions: BTreeSet<String>,
    /// Held replacements that were taken.
    pub accepted: usize,
}

/// So much of an object tells its header, packed or not.
const SNIFFED_BYTES: u64 = 1 << 20;

/// What an ingest would do: the files that it would read, by delivery, with their dataset.
#[derive(Debug, Default)]
pub struct Plan {
    /// Files in the input.
    pub found: usize,
    /// Files that the ledger knows already.
    pub known: usize,
    /// Files to read.
    pub deliveries: BTreeMap<Day, Vec<PlannedFile>>,
    /// Why some of what there is in the input cannot be listed.
    pub unlisted: Vec<Error>,
    /// Locations of files that were set aside and are no longer in the input.
    gone: Vec<String>,
}

/// One file that would be read.
#[derive(Debug, Clone)]
pub struct PlannedFile {
    /// The file.
    pub file: FoundFile,
    /// Its dataset, or why it cannot be read.
    pub dataset: std::result::Result<String, Arc<Error>>,
    /// Whether it is read again because another file of its delivery is new.
    pub is_reread: bool,
}

/// Finds out what is new.
///
/// # Errors
/// CS1003, CS2001, CS3001, CS6005.
pub fn plan(inputs: &[Input], ledger: &Ledger, sources: &Sources) -> Result<Plan> {
    let Found { deliveries, unlisted, roots } = discover(inputs)?;
    let mut records: HashMap<(Day, &str), (&FileRecord, bool)> = HashMap::new();
    for (entry, _, file) in ledger.files() {
        let is_retracted = ledger.retracted(entry).contains(file.dataset.as_str());
        records.insert((entry.day(), file.uri.as_str()), (file, is_retracted));
    }
    let mut plan = Plan { unlisted, ..Plan::default() };
    let there: HashSet<&str> =
        deliveries.values().flatten().map(|file| file.uri.as_str()).collect();
    let is_whole = plan.unlisted.is_empty();
    let is_below = |uri: &str| roots.iter().any(|root| uri.starts_with(root.as_str()));
    let is_gone = |uri: &str| is_whole && !there.contains(uri) && is_below(uri);
    let set_aside = ledger.files().filter(|(_, _, file)| file.set_aside.is_some());
    let uris: BTreeSet<&str> = set_aside.map(|(_, _, file)| file.uri.as_str()).collect();
    plan.gone = uris.into_iter().filter(|uri| is_gone(uri)).map(str::to_owned).collect();
    for (delivery, files) in deliveries {
        plan.found += files.len();
        let mut new = Vec::new();
        let mut known = Vec::new();
        for file in files {
            match records.get(&(delivery, file.uri.as_str())).copied() {
                // A file that was set aside is tried again: the layouts may know it by now.
                Some((record, is_retracted))
                    if record.etag == file.etag
                        && record.bytes == file.size
                        && record.is_distributor == file.is_distributor
                        && record.set_aside.is_none() =>
                {
                    plan.known += 1;
                    // What was retracted stays so, whatever comes beside it.
                    if !is_retracted {
                        known.push((file, record));
                    }
                }
                _ => new.push(file),
            }
        }
        let mut planned: Vec<PlannedFile> =
            new.into_iter().map(|file| PlannedFile::sniff(file, sources)).collect();
        let datasets: BTreeSet<String> =
            planned.iter().filter_map(|file| file.dataset.clone().ok()).collect();
        // A consumption can have lines in several files of its delivery: read them together.
        for (file, record) in known {
            if datasets.contains(&record.dataset) {
                let dataset = Ok(record.dataset.clone());
                planned.push(PlannedFile { file, dataset, is_reread: true });
            }
        }
        if !planned.is_empty() {
            planned.sort_by(|left, right| left.file.uri.cmp(&right.file.uri));
            plan.deliveries.insert(delivery, planned);
        }
    }
    Ok(plan)
}

impl PlannedFile {
    fn sniff(file: FoundFile, sources: &Sources) -> Self {
        let start = match file.source.member {
            // The archive was read to find its members.
            Some(_) => Ok(()),
            None => file.store.fetch_start(&file.path, SNIFFED_BYTES).map(|_| ()),
        };
        let sniffed =
            start.and_then(|()| Text::open(&file.source, None, &file.uri)).and_then(|text| {
                Ok(text.recognise(sources, &file.uri)?.recognised.layout.dataset.clone())
            });
        Self { file, dataset: sniffed.map_err(Arc::new), is_reread: false }
    }
}

/// Ingests what is new.
///
/// # Errors
/// CS1003, CS2001, CS2002, CS3001 to CS3009, CS4001, CS6001, CS6003, CS6005.
pub fn ingest(settings: &Settings<'_>, progress: &(dyn Fn(Event<'_>) + Sync)) -> Result<Summary> {
    let lock = facts::lock(&settings.facts, &settings.attempt_id)?;
    let ledger = Ledger::read(&settings.facts)?;
    facts::remove_leftovers(&settings.facts, &ledger)?;
    let plan = plan(&settings.inputs, &ledger, settings.sources)?;
    let summary = Summary { found: plan.found, known: plan.known, ..Summary::default() };
    refuse_bad_files(&plan, settings.on_bad_file)?;
    for error in plan.unlisted {
        if settings.on_bad_file == OnBadFile::Fail {
            let hint = "mend or remove it, or leave it out with --on-bad-file set-aside";
            return Err(error.hint(hint));
        }
        tracing::warn!(error = %error.report(), "What cannot be listed is left out.");
    }
    let mut ledger = ledger;
    if !plan.gone.is_empty() {
        let entry = LedgerEntry {
            gone: plan.gone,
            ..LedgerEntry::without_files(ledger.next_sequence(), &settings.attempt_id)
        };
        lock.confirm()?;
        ledger.append(&settings.facts, entry)?;
    }
    let files: Vec<&PlannedFile> = plan.deliveries.values().flatten().collect();
    progress(Event::Start {
        files: files.len(),
        bytes: files.iter().map(|file| file.file.size).sum(),
    });
    let (mut ledger, mut summary) =
        take_in(settings, &lock, ledger, summary, plan.deliveries, progress)?;
    if settings.accept_drop {
        summary.accepted = accept_held(settings, &lock, &mut ledger)?;
    }
    Ok(summary)
}

/// Takes every replacement that is held, also those of earlier ingests.
fn accept_held(settings: &Settings<'_>, lock: &StoreLock, ledger: &mut Ledger) -> Result<usize> {
    let mut count = 0;
    if ledger.entries.is_empty() {
        return Ok(count);
    }
    loop {
        let held = Live::read(&settings.facts)?.held;
        if held.is_empty() {
            return Ok(count);
        }
        count += held.len();
        let accepted = held
            .into_iter()
            .map(|held| Acceptance {
                dataset: held.dataset,
                account: held.account,
                month: held.month.map(|month| month.to_string()),
                delivery: held.delivery.to_string(),
            })
            .collect();
        let sequence = ledger.next_sequence();
        let entry =
            LedgerEntry { accepted, ..LedgerEntry::without_files(sequence, &settings.attempt_id) };
        lock.confirm()?;
        ledger.append(&settings.facts, entry)?;
    }
}

/// Stops before anything is read when a file is no export and bad files are not set aside.
fn refuse_bad_files(plan: &Plan, on_bad_file: OnBadFile) -> Result<()> {
    if on_bad_file == OnBadFile::SetAside {
        return Ok(());
    }
    let planned = plan.deliveries.values().flatten();
    let bad: Vec<&Error> =
        planned.filter_map(|file| file.dataset.as_ref().err().map(Arc::as_ref)).collect();
    let Some(first) = bad.first() else { return Ok(()) };
    let others = match bad.len() - 1 {
        0 => String::new(),
        1 => " (and 1 other bad file)".to_owned(),
        more => format!(" (and {more} other bad files)"),
    };
    let also = "leave bad files out with --on-bad-file set-aside";
    let hint = match first.hint_text() {
        None => also.to_owned(),
        Some(hint) => format!("{hint}; or {also}"),
    };
    let error = Error::new(first.code(), format!("{first}{others}")).hint(hint);
    Err(match std::error::Error::source(first) {
        None => error,
        Some(cause) => error.because(cause.to_string()),
    })
}

/// Whether an error of reading is the file's own fault, so that the file can be set aside: what it
/// holds, or that it cannot be opened. It is tried again by the next ingest.
fn is_file_fault(error: &Error) -> bool {
    matches!(error.code().exit_code(), 4 | 5) || error.code() == Code::StorageRead
}

/// A task of the reader for a planned file.
fn task(number: usize, delivery: usize, file: &FoundFile) -> FileTask {
    let number = u32::try_from(number).unwrap_or(u32::MAX / 2);
    FileTask {
        number,
        delivery,
        uri: file.uri.clone(),
        source: file.source.clone(),
        stored: Some((file.store.clone(), file.path.clone())),
        etag: file.etag.clone(),
        is_distributor: file.is_distributor,
        partner: file.partner.clone(),
        is_ingest: true,
    }
}
