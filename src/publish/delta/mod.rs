//! Delta tables of what is published, for engines that read no plain Parquet files: one table a
//! folder of `delta/`, whose files are those that are published (the same bytes under a name that
//! never changes its content). A table is brought to the state of the published files by one commit,
//! whatever it was in before, so that a repetition finds nothing to do.

mod log;

use std::collections::{BTreeMap, BTreeSet};

use self::log::{Log, Part};
use super::{published_run, read_manifest};
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
    Ok(!output.list(&format!("{}/_delta_log", folder(&DATA_DICTIONARY)))?.is_empty())
}

/// Brings the Delta tables of an output to the state of its published files, one commit a table; the
/// tables that were not in it, with the months whose files changed. `now` is in milliseconds of 1970. Files of earlier states stay for
/// those who read them, until they are [`obsolete`](super::obsolete).
///
/// # Errors
/// CS2001, CS2002, CS2003; CS6001 when the lease is lost or others write without end; CS6005 when a
/// published month is not whole.
pub fn mirror(
    output: &Store,
    lease: &Lease,
    now: i64,
) -> Result<Vec<(&'static str, BTreeSet<String>)>> {
    let mut changed = Vec::new();
    for (name, parts) in published(output)? {
        let Some(table) = table(name) else { continue };
        let months = bring(output, lease, table, &parts, now)?;
        if !months.is_empty() {
            tracing::info!(table = name, "The Delta table is up to date.");
            changed.push((name, months));
        }
    }
    Ok(changed)
}

/// The published files of each table.
fn published(output: &Store) -> Result<BTreeMap<&'static str, Vec<Part>>> {
    let mut tables: BTreeMap<&'static str, Vec<Part>> = BTreeMap::new();
    for file in output.list(FACT_AREA_SCORE.name)? {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let Some(month) = name.strip_suffix(".parquet") else { continue };
        let run = match published_run(output, month)? {
            Some(run) => read_manifest(output, &run)?,
            None => None,
        };
        let Some(manifest) = run else {
            let text = format!("the published tables of {month} are not those of one run");
            let hint = format!("run `capscore score --as-of {month}` again");
            return Err(Error::new(Code::Damaged, text).hint(hint));
        };
        for file in manifest.outputs {
            let Some(table) = table(&file.table).filter(|table| table.layout != Layout::Whole)
            else {
                continue;
            };
            tables.entry(table.name).or_default().push(Part {
                name: format!("{month}-{}.parquet", digits(&file.content_hash)),
                month: month.to_owned(),
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
        tables.entry(table.name).or_default().push(Part {
            name: format!("{}.parquet", digits(&store::content_hash(&local)?)),
            month: String::new(),
            source,
            rows,
            bytes: entry.size,
        });
    }
    Ok(tables)
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
    for table in ALL {
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

/// Brings one table to the state of its published files; the months that changed.
fn bring(
    output: &Store,
    lease: &Lease,
    table: &Table,
    parts: &[Part],
    now: i64,
) -> Result<BTreeSet<String>> {
    let folder = folder(table);
    let log = Log::open(output, &folder, table)?;
    for _ in 0..MOST_CONFLICTS {
        let state = log.state()?;
        let missing: Vec<&Part> =
            parts.iter().filter(|part| !state.files.contains(&part.name)).collect();
        let wanted: BTreeSet<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        let obsolete: BTreeSet<&str> =
            state.files.iter().map(String::as_str).filter(|name| !wanted.contains(name)).collect();
        if missing.is_empty() && obsolete.is_empty() {
            return Ok(BTreeSet::new());
        }
        for part in &missing {
            let target = format!("{folder}/{}", part.name);
            if output.head(&target)?.map(|entry| entry.size) != Some(part.bytes) {
                output.copy(&part.source, &target)?;
            }
        }
        lease.confirm()?;
        if log.commit(&state, &missing, &obsolete, now)? {
            return Ok(missing.iter().map(|part| part.month.clone()).collect());
        }
        tracing::info!(table = table.name, "Another writer was faster: the table is read again.");
    }
    let text = format!("others write {} without end", output.uri_of(&folder));
    Err(Error::new(Code::Locked, text).hint("run again"))
}
