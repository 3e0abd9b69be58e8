//! Earlier runs of a month. The tables of a run are kept beside its manifest when another run
//! replaces them, and brought back from there.

use std::io::Write;

use serde_json::json;

use super::{Manifest, published_run, read_manifest};
use crate::calendar::Day;
use crate::commit::{Lease, Staging};
use crate::error::{Code, Error, Result};
use crate::ids::RunId;
use crate::store::{self, Store};
use crate::tables::{Layout, table};

/// The tables of a run that others replace: (published path, kept path, bytes, hash).
pub(super) fn replaceable(manifest: &Manifest) -> impl Iterator<Item = (&str, String, u64, &str)> {
    let files = manifest.outputs.iter();
    let files =
        files.filter(|file| table(&file.table).is_some_and(|table| table.layout == Layout::Month));
    files.map(|file| {
        let kept = format!("_runs/{}/{}.parquet", manifest.run_id, file.table);
        (file.path.as_str(), kept, file.bytes, file.content_hash.as_str())
    })
}

fn marker(run: &str) -> String {
    format!("_runs/{run}/rolled_back.json")
}

/// The day on which a run was taken back, if it was.
///
/// # Errors
/// CS2001, CS2003.
pub(super) fn rolled_back_on(output: &Store, run: &str) -> Result<Option<Day>> {
    Ok(output.head(&marker(run))?.map(|entry| entry.modified))
}

/// Whether a run was taken back, so that it is not published again by itself.
///
/// # Errors
/// CS2001, CS2003.
pub fn is_rolled_back(output: &Store, run: &RunId) -> Result<bool> {
    Ok(rolled_back_on(output, run.as_str())?.is_some())
}

/// Whether the tables of a replaced run are still there.
///
/// # Errors
/// CS2001, CS2003.
pub fn is_kept(output: &Store, manifest: &Manifest) -> Result<bool> {
    for (_, kept, bytes, _) in replaceable(manifest) {
        if output.head(&kept)?.map(|entry| entry.size) != Some(bytes) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Keeps the tables of the run that is published for a month, before they are replaced. What is
/// published is whole and stays so while the lease is held: a repetition changes nothing.
///
/// # Errors
/// CS2001, CS2002, CS2003, CS6005.
pub(super) fn keep(output: &Store, month: &str) -> Result<()> {
    let Some(run) = published_run(output, month)? else { return Ok(()) };
    let Some(manifest) = read_manifest(output, &run)? else { return Ok(()) };
    for (published, kept, bytes, _) in replaceable(&manifest) {
        if output.head(&kept)?.map(|entry| entry.size) != Some(bytes) {
            output.copy(published, &kept)?;
        }
    }
    Ok(())
}

/// Publishes the kept tables of a run again; the run that they replace, if there is one, is not
/// published again by itself.
///
/// # Errors
/// CS6004 when the tables of the run are not kept; CS2001, CS2002, CS2003, CS6001, CS6005.
pub fn roll_back(
    output: &Store,
    lease: &Lease,
    manifest: &Manifest,
    attempt_id: &str,
) -> Result<Option<RunId>> {
    let published = published_run(output, &manifest.as_of_month)?;
    if published.as_ref().map(RunId::as_str) == Some(manifest.run_id.as_str()) {
        return Ok(None);
    }
    let mut staging = Staging::new(output, lease, attempt_id);
    for (target, kept, _, hash) in replaceable(manifest) {
        let is_whole =
            output.head(&kept)?.is_some() && store::content_hash(&output.fetch(&kept)?)? == hash;
        if !is_whole {
            let text = format!("the tables of run {} are not kept any more", manifest.run_id);
            return Err(Error::new(Code::NotFound, text)
                .hint("score the month again; `capscore runs list` tells which runs are kept"));
        }
        staging.stage_copy(&kept, target)?;
    }
    keep(output, &manifest.as_of_month)?;
    output.delete(&marker(&manifest.run_id))?;
    if let Some(replaced) = &published {
        let note = json!({ "attempt_id": attempt_id, "by_run": manifest.run_id });
        let path = marker(replaced.as_str());
        let mut file = store::create_file(&staging.stage(&path)?)?;
        let written = serde_json::to_writer_pretty(&mut file, &note)
            .map_err(std::io::Error::from)
            .and_then(|()| file.flush());
        written.map_err(|error| {
            Error::new(Code::StorageWrite, "cannot note what was rolled back").because(error)
        })?;
    }
    staging.commit()?;
    Ok(published)
}
