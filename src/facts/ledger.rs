//! The ledger: one immutable JSON entry a delivery. Its conditional creation is the moment when a
//! delivery exists; files that no entry names do not count.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::leftovers::whole;
use super::schema::{COMPACTED_VERSION, FactTable, SCHEMA_VERSION};
use crate::calendar::{Day, Month};
use crate::error::{Code, Error, Result};
use crate::money::Money;
use crate::store::Store;

/// All entries, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The entries; entry n has sequence number n + 1.
    pub entries: Vec<LedgerEntry>,
}

/// What one ingest took from one delivery.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Position in the ledger, from 1.
    pub sequence: u64,
    /// The facts schema.
    pub schema_version: u32,
    /// The program that wrote it.
    pub program_version: String,
    /// The execution that wrote it.
    pub attempt_id: String,
    /// The delivery date (`YYYY-MM-DD`).
    pub delivery: String,
    /// The files, by location.
    pub files: Vec<FileRecord>,
    /// Replacements that lose rows and are taken nevertheless.
    #[serde(default)]
    pub accepted: Vec<Acceptance>,
    /// Deliveries that no longer count, as far as earlier entries brought them in.
    #[serde(default)]
    pub retracted: Vec<Retraction>,
    /// Hashes of customers and people whose rows are gone and are not taken in again.
    #[serde(default)]
    pub erased: Vec<String>,
    /// Locations of files that were set aside and are no longer there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// Whether it moved rows of earlier entries to files of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_compaction: bool,
}

/// A delivery that no longer counts, or does again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retraction {
    /// The delivery date (`YYYY-MM-DD`).
    pub delivery: String,
    /// Only this dataset of it.
    pub dataset: Option<String>,
    /// Whether an earlier retraction is taken back.
    pub is_undone: bool,
}

/// A replacement that loses rows and is taken nevertheless.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Acceptance {
    /// The dataset.
    pub dataset: String,
    /// The partner global account.
    pub account: String,
    /// The month (`YYYY-MM`), none for snapshots.
    pub month: Option<String>,
    /// The delivery date (`YYYY-MM-DD`).
    pub delivery: String,
}

/// One file of a delivery with its balance (contract §5).
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct FileRecord {
    /// Where it was, ending in its path below the input.
    pub uri: String,
    /// Bytes as stored.
    pub bytes: u64,
    /// The store's change tag.
    pub etag: String,
    /// `blake3:<hex>` of the stored bytes.
    pub content_hash: String,
    /// Whether its input was declared a distributor's: it credits resellers too.
    #[serde(default)]
    pub is_distributor: bool,
    /// The dataset.
    pub dataset: String,
    /// The layout of the dataset.
    pub layout: String,
    /// `utf-8`, `utf-16le`, `utf-16be`, `windows-1252`.
    pub encoding: String,
    /// The delimiter: `,`, `;`, `|` or tab as `\t`.
    pub delimiter: String,
    /// First month over all accepted rows, `YYYY-MM`.
    pub first_month: Option<String>,
    /// Last month over all accepted rows, `YYYY-MM`.
    pub last_month: Option<String>,
    /// Lines after the header, without line breaks inside quotes.
    pub records: u64,
    /// Records that were converted.
    pub accepted: u64,
    /// Records that were rejected.
    pub quarantined: u64,
    /// Blank and totals lines.
    pub skipped: u64,
    /// Accepted records that the facts hold.
    pub used: u64,
    /// Accepted records that repeat a consumption, a seat row or a person.
    pub repeated: u64,
    /// Accepted records that no rule can use.
    pub not_used: u64,
    /// Why they are of no use.
    pub not_used_reasons: BTreeMap<String, u64>,
    /// Sum of the amounts of accepted records, USD.
    pub amount_accepted: String,
    /// … of used ones.
    pub amount_facts: String,
    /// … of repeated ones.
    pub amount_repeated: String,
    /// … of those of no use.
    pub amount_not_used: String,
    /// … of rejected ones, where they can be read; without signs.
    #[serde(default)]
    pub amount_rejected: Option<String>,
    /// … of accepted records that the export's own flag does not call duplicates, where it has one.
    #[serde(default)]
    pub amount_unflagged: Option<String>,
    /// Accepted amounts with more than ten decimals.
    pub amount_digits_dropped: u64,
    /// Whether the file lacks a column that tells when credentials expire.
    pub lacks_expiry: bool,
    /// What had to be taken for granted of how it is written: check id and column.
    #[serde(default)]
    pub assumptions: Vec<(String, String)>,
    /// Columns that no alias knows.
    pub unknown_columns: Vec<String>,
    /// The location of an earlier file with the same content: this one added nothing.
    pub same_as: Option<String>,
    /// Why the file was set aside, if it was: it added nothing.
    pub set_aside: Option<String>,
}

impl FileRecord {
    /// The months from the first to the last accepted one.
    pub fn months(&self) -> Option<(Month, Month)> {
        let first = Month::parse(self.first_month.as_deref()?)?;
        Some((first, Month::parse(self.last_month.as_deref()?)?))
    }
}

impl LedgerEntry {
    /// An entry that brings no delivery.
    pub fn without_files(sequence: u64, attempt_id: &str) -> Self {
        Self {
            sequence,
            schema_version: SCHEMA_VERSION,
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            attempt_id: attempt_id.to_owned(),
            delivery: String::new(),
            files: Vec::new(),
            accepted: Vec::new(),
            retracted: Vec::new(),
            erased: Vec::new(),
            gone: Vec::new(),
            is_compaction: false,
        }
    }

    /// What of the entry cannot be read, where that would count as nothing.
    fn unreadable(&self) -> Option<String> {
        if !self.files.is_empty() && Day::parse(&self.delivery).is_none() {
            return Some(format!("{:?} is no day", self.delivery));
        }
        let amounts = self.files.iter().flat_map(|file| {
            let known = [
                &file.amount_accepted,
                &file.amount_facts,
                &file.amount_repeated,
                &file.amount_not_used,
            ];
            known.into_iter().chain(&file.amount_unflagged)
        });
        let mut unreadable = amounts
            .filter(|amount| !amount.is_empty() && Money::parse_sum(amount.as_bytes()).is_err());
        unreadable.next().map(|amount| format!("{amount:?} is no amount"))
    }

    /// The delivery date; of an entry without files, which has none, the first day there is.
    pub fn day(&self) -> Day {
        Day::parse(&self.delivery).unwrap_or(Day(0))
    }

    /// Whether any file of the entry added something.
    pub fn has_units(&self) -> bool {
        self.files.iter().any(|file| file.same_as.is_none() && file.set_aside.is_none())
    }
}

impl Ledger {
    /// Reads all entries.
    ///
    /// # Errors
    /// CS2001; CS6005 when an entry is damaged, missing or of a newer schema.
    pub fn read(store: &Store) -> Result<Self> {
        let mut entries: Vec<LedgerEntry> = Vec::new();
        for file in store.list("ledger")? {
            // A writer that was killed leaves its entry under a name that is not yet that of one.
            if file.path.rsplit('.').next() != Some("json") {
                continue;
            }
            let bytes = store.read(&file.path)?.unwrap_or_default();
            let entry: LedgerEntry = serde_json::from_slice(&bytes).map_err(|error| {
                damaged(format!("{} is damaged", store.uri_of(&file.path)))
                    .because(error)
                    .hint("restore it from a backup, or ingest all deliveries into new facts")
            })?;
            if let Some(what) = entry.unreadable() {
                let name = store.uri_of(&file.path);
                return Err(damaged(format!("{name} is damaged: {what}"))
                    .hint("restore it from a backup, or ingest all deliveries into new facts"));
            }
            if entry.schema_version > COMPACTED_VERSION {
                return Err(damaged(format!(
                    "{} was written by capscore {}, which is newer",
                    store.uri_of(&file.path),
                    entry.program_version
                ))
                .hint("use that version or a later one"));
            }
            let expected = entries.len() as u64 + 1;
            if entry.sequence != expected {
                return Err(damaged(format!(
                    "the ledger entry {expected} is missing from {}",
                    store.uri_of("ledger")
                ))
                .hint("restore the file from a backup: ledger entries are never deleted"));
            }
            entries.push(entry);
        }
        Ok(Self { entries })
    }

    /// Reads all entries, of facts that there have to be.
    ///
    /// # Errors
    /// CS6004 when there is none, CS6005 when there were some; those of [`read`](Self::read).
    pub fn read_some(store: &Store) -> Result<Self> {
        let ledger = Self::read(store)?;
        if ledger.entries.is_empty() {
            whole(store, &ledger)?;
            let text = format!("there are no facts in {}", store.uri());
            return Err(Error::new(Code::NotFound, text)
                .hint("check the folder of facts; `capscore ingest` begins new ones"));
        }
        Ok(ledger)
    }

    /// The record of a file of an entry.
    pub fn file(&self, sequence: u64, file: usize) -> Option<&FileRecord> {
        let at = usize::try_from(sequence.checked_sub(1)?).ok()?;
        self.entries.get(at)?.files.get(file)
    }

    /// The datasets of an entry that were retracted after it.
    pub fn retracted<'a>(&self, entry: &'a LedgerEntry) -> BTreeSet<&'a str> {
        let mut retracted = BTreeSet::new();
        let later = self.entries.iter().filter(|other| other.sequence > entry.sequence);
        for retraction in later.flat_map(|other| &other.retracted) {
            if retraction.delivery != entry.delivery {
                continue;
            }
            for file in &entry.files {
                let dataset = file.dataset.as_str();
                if retraction.dataset.as_deref().is_none_or(|only| only == dataset) {
                    if retraction.is_undone {
                        retracted.remove(dataset);
                    } else {
                        retracted.insert(dataset);
                    }
                }
            }
        }
        retracted
    }

    /// The sequence number of the next entry.
    pub fn next_sequence(&self) -> u64 {
        self.entries.len() as u64 + 1
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// CS2002; CS6003 when another ingest took the number first.
    pub fn append(&mut self, store: &Store, entry: LedgerEntry) -> Result<()> {
        let text = serde_json::to_vec_pretty(&entry)
            .map_err(|error| Error::bug("a ledger entry cannot be written").because(error))?;
        if !store.write_new(&entry_path(entry.sequence), text)? {
            return Err(Error::new(
                Code::LedgerConflict,
                format!("another ingest wrote to {} first", store.uri()),
            )
            .hint("run again: nothing was lost"));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// The file records that count: for each location and delivery the newest one; without files that
    /// were set aside and are gone or mended.
    pub fn files(&self) -> impl Iterator<Item = (&LedgerEntry, usize, &FileRecord)> {
        let mut newest: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        // When each location was last spoken of, whatever the delivery.
        let mut last: BTreeMap<&str, u64> = BTreeMap::new();
        for entry in &self.entries {
            last.extend(entry.gone.iter().map(|uri| (uri.as_str(), entry.sequence)));
            for file in &entry.files {
                newest.insert((entry.delivery.as_str(), file.uri.as_str()), entry.sequence);
                last.insert(file.uri.as_str(), entry.sequence);
            }
        }
        self.entries.iter().flat_map(move |entry| {
            let mut files = Vec::new();
            for (index, file) in entry.files.iter().enumerate() {
                let uri = file.uri.as_str();
                let is_newest =
                    newest.get(&(entry.delivery.as_str(), uri)) == Some(&entry.sequence);
                // It is no longer there, or was mended: without a dated folder that is another day.
                let is_over = last.get(uri).is_some_and(|last| *last > entry.sequence);
                let is_gone = file.set_aside.is_some() && is_over;
                if is_newest && !is_gone {
                    files.push((entry, index, file));
                }
            }
            files
        })
    }
}

fn damaged(message: String) -> Error {
    Error::new(Code::Damaged, message)
}

/// The file of an entry.
pub fn entry_path(sequence: u64) -> String {
    format!("ledger/{sequence:010}.json")
}

/// The folder of the units files.
pub const UNITS: &str = "units";

/// The units file of an entry.
pub fn units_path(sequence: u64) -> String {
    format!("{UNITS}/{sequence:010}.parquet")
}

/// What a compaction moved.
pub(super) fn moves_path(sequence: u64) -> String {
    format!("moves/{sequence:010}.parquet")
}

/// The quarantine file of an entry.
pub fn quarantine_path(sequence: u64) -> String {
    format!("quarantine/{sequence:010}.parquet")
}

/// A fact file of an entry; `month` is `YYYY-MM` or [`super::SNAPSHOT`].
pub fn fact_path(table: &FactTable, dataset: &str, month: &str, sequence: u64) -> String {
    format!("{}/{dataset}/{month}/{sequence:010}.parquet", table.name)
}
