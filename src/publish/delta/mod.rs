//! Delta tables of what is published, for engines that read no plain Parquet files: one table a
//! folder of `delta/`, whose files are those that are published (the same bytes under a name that
//! never changes its content). A table is brought to the state of the published files by one commit,
//! whatever it was in before, so that a repetition finds nothing to do.

mod log;

use std::collections::{BTreeMap, BTreeSet};

use self::log::{Log, Part};
use super::{published_run, read_manifest};
use crate::calendar::Month;
use crate::commit::Lease;
use crate::error::{Code, Error, Result};
use crate::parquet::Footer;
use crate::store::{self, Entry, Store};
use crate::tables::{ALL, DATA_DICTIONARY, FACT_AREA_SCORE, Layout, Table, table};

/// How often a commit is tried that another writer was faster with.
const MOST_CONFLICTS: usize = 10;
/// Digits of the hash of its content in the name of a file.
const HASH_DIGITS: usize = 16;

/// The folder of a Delta table.
fn folder(table: &Table) -> String {
    // Readers pass over names that start with an underscore.
    format!("delta/{}", table.name.trim_start_matches('_'))
}

/// Whether an output has Delta tables.
///
/// # Errors
/// CS2001, CS2003.
pub fn has_delta(output: &Store) -> Result<bool> {
    log::has_log(output, &folder(&DATA_DICTIONARY))
}

/// What is published.
#[derive(Default)]
struct Published {
    /// The files of each table.
    tables: BTreeMap<&'static str, Vec<Part>>,
    /// Months whose files are not those of one run, `YYYY-MM`.
    damaged: Vec<String>,
}

/// Brings the Delta tables of an output to the state of its published files, one commit a table; `now`
/// is in milliseconds of 1970. Files of earlier states stay for those who read them, until they are
/// [`obsolete`](super::obsolete).
///
/// # Errors
/// CS2001, CS2002, CS2003; CS6001 when the lease is lost or others write without end; CS6005 when a
/// published month is not whole, after all others were brought there.
pub fn mirror(output: &Store, lease: &Lease, now: i64) -> Result<()> {
    let Published { tables, damaged } = published(output)?;
    for (name, parts) in tables {
        let Some(table) = table(name) else { continue };
        if bring(output, lease, table, &parts, &damaged, now)? {
            tracing::info!(table = name, "The Delta table is up to date.");
        }
    }
    let Some(month) = damaged.first() else { return Ok(()) };
    let text = format!("the published tables of {month} are not those of one run");
    let hint = format!("run `capscore score --as-of {month}` again");
    Err(Error::new(Code::Damaged, text).hint(hint))
}

/// The published files of each table. Tables of runs have no column that tells their months apart.
fn published(output: &Store) -> Result<Published> {
    let mut found = Published::default();
    for file in output.list(FACT_AREA_SCORE.name)? {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let Some(month) = name.strip_suffix(".parquet").and_then(Month::parse) else { continue };
        let month = month.to_string();
        let manifest = match published_run(output, &month)? {
            Some(run) => read_manifest(output, &run)?,
            None => None,
        };
        let Some(manifest) = manifest.filter(|manifest| manifest.as_of_month == month) else {
            found.damaged.push(month);
            continue;
        };
        for file in manifest.outputs {
            let table = table(&file.table).filter(|table| table.layout == Layout::Month);
            let Some(table) = table else { continue };
            found.tables.entry(table.name).or_default().push(Part {
                name: format!("{month}-{}.parquet", digits(&file.content_hash)),
                month: month.clone(),
                source: file.path,
                rows: file.rows,
                bytes: file.bytes,
            });
        }
    }
    for table in ALL.iter().filter(|table| table.layout == Layout::Whole) {
        let source = table.path("", "");
        let Some(entry) = output.head(&source)? else { continue };
        let local = output.fetch(&source)?;
        let rows = Footer::read(store::open_file(&local)?, &source)?.rows().unsigned_abs();
        found.tables.entry(table.name).or_default().push(Part {
            name: format!("{}.parquet", digits(&store::content_hash(&local)?)),
            month: String::new(),
            source,
            rows,
            bytes: entry.size,
        });
    }
    Ok(found)
}

/// The files below `delta/` that no version of a table needs which was current since an instant.
///
/// # Errors
/// CS2001, CS2003.
pub(super) fn unreferenced(output: &Store, since: i64) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    if !has_delta(output)? {
        return Ok(found);
    }
    for table in ALL.iter().filter(|table| table.layout != Layout::Run) {
        let folder = folder(table);
        let needed = Log::open(output, &folder, table)?.files_since(since)?;
        for entry in output.list(&folder)? {
            let Some(name) = entry.path.strip_prefix(&format!("{folder}/")) else { continue };
            // Folders that start so are of the format, and of those who write it.
            if !name.starts_with('_') && !needed.contains(name) {
                found.push(entry);
            }
        }
    }
    Ok(found)
}

fn digits(hash: &str) -> &str {
    let hex = hash.rsplit(':').next().unwrap_or_default();
    hex.get(..HASH_DIGITS).unwrap_or(hex)
}

/// Brings one table to the state of its published files; false when it was in it.
fn bring(
    output: &Store,
    lease: &Lease,
    table: &Table,
    parts: &[Part],
    damaged: &[String],
    now: i64,
) -> Result<bool> {
    let folder = folder(table);
    let prefix = format!("{folder}/");
    let log = Log::open(output, &folder, table)?;
    for _ in 0..MOST_CONFLICTS {
        let stored = output.list(&folder)?;
        let stored: BTreeMap<&str, u64> = stored
            .iter()
            .filter_map(|entry| Some((entry.path.strip_prefix(&prefix)?, entry.size)))
            .collect();
        // Also one that the log has, and somebody has deleted.
        for part in parts.iter().filter(|part| stored.get(&*part.name) != Some(&part.bytes)) {
            output.copy(&part.source, &format!("{prefix}{}", part.name))?;
        }
        let state = log.state()?;
        let missing: Vec<&Part> =
            parts.iter().filter(|part| !state.files.contains(&part.name)).collect();
        let wanted: BTreeSet<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        // What a month has that is not whole stays as it is.
        let is_left = |name: &str| damaged.iter().any(|month| name.starts_with(&**month));
        let obsolete: BTreeSet<&str> = state
            .files
            .iter()
            .map(String::as_str)
            .filter(|name| !wanted.contains(name))
            .chain(state.struck.iter().map(String::as_str))
            .filter(|name| !is_left(name))
            .collect();
        if missing.is_empty() && obsolete.is_empty() {
            return Ok(false);
        }
        lease.confirm()?;
        if log.commit(&state, &missing, &obsolete, now)? {
            return Ok(true);
        }
        tracing::info!(table = table.name, "Another writer was faster: the table is read again.");
    }
    let text = format!("others write {} without end", output.uri_of(&folder));
    Err(Error::new(Code::Locked, text).hint("run again"))
}
