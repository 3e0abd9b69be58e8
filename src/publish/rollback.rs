//! Earlier runs of a month. The tables of a run are kept beside its manifest when another run
//! replaces them, and brought back from there. What was taken back is held back from then on.

use std::io::Write;

use serde::{Deserialize, Serialize};

use super::run_tables::is_whole;
use super::{
    Dependencies, HISTORY_ID_KEY, Manifest, SCORE_ID_KEY, named_run, published_run,
    published_value, read_manifest, undamaged,
};
use crate::calendar::Day;
use crate::commit::{Lease, Staging};
use crate::error::{Code, Error, Result};
use crate::ids::RunId;
use crate::store::{self, Store};
use crate::tables::{Layout, table};

/// What a rollback says of a month: it stands as long as the run does that it published.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Hold {
    /// The run that was brought back.
    run_id: String,
    /// Those that are not published again by themselves.
    held_back: Vec<HeldBack>,
}

/// A run that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "they are ids")]
struct HeldBack {
    run_id: String,
    /// What the scores of the month depend on.
    score_id: String,
    /// What its tables depend on; other runs with the same have the same tables. Older programs did not
    /// write it.
    #[serde(default)]
    history_id: Option<String>,
}

impl HeldBack {
    fn has(&self, of: &Dependencies) -> bool {
        let Self { score_id, history_id, .. } = self;
        history_id.as_ref().map_or(*score_id == of.score_id, |id| *id == of.history_id)
    }
}

/// How a month stands to what would be published now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has gone back.
    Free,
    /// Somebody went back from what would be published: the month stays.
    Held,
    /// Somebody went back from another result than what would be published.
    Released,
}

fn hold_path(month: &str) -> String {
    format!("_runs/{month}.hold.json")
}

/// The hold of a month whose run is published, if there is one.
fn hold(output: &Store, month: &str, published: &RunId) -> Result<Option<Hold>> {
    let path = hold_path(month);
    let Some(bytes) = output.read(&path)? else { return Ok(None) };
    let hold: Hold = serde_json::from_slice(&bytes).map_err(|error| {
        Error::new(Code::Damaged, format!("{} is damaged", output.uri_of(&path)))
            .because(error)
            .hint("remove it: the month is then published as its facts and rules say")
    })?;
    let stands = hold.run_id == published.as_str() && !hold.held_back.is_empty();
    Ok(stands.then_some(hold))
}

/// How a month with a published run stands to tables that would be published now.
///
/// # Errors
/// CS2001, CS2003, CS6005.
pub fn standing(
    output: &Store,
    month: &str,
    published: &RunId,
    wanted: &Dependencies,
) -> Result<Standing> {
    let Some(hold) = hold(output, month, published)? else { return Ok(Standing::Free) };
    let is_held = hold.held_back.iter().any(|held| held.has(wanted));
    Ok(if is_held { Standing::Held } else { Standing::Released })
}

/// Whether a month stands as somebody went back to it.
///
/// # Errors
/// CS2001, CS2003, CS6005.
pub fn is_held(output: &Store, month: &str, published: &RunId) -> Result<bool> {
    Ok(hold(output, month, published)?.is_some())
}

/// The tables of a run that others replace: (published path, kept path, bytes, hash).
pub(super) fn replaceable(manifest: &Manifest) -> impl Iterator<Item = (&str, String, u64, &str)> {
    let files = manifest.outputs.iter();
    let files =
        files.filter(|file| table(&file.table).is_some_and(|table| table.layout == Layout::Month));
    files.map(|file| {
        let kept = kept_path(&manifest.run_id, &file.table);
        (file.path.as_str(), kept, file.bytes, file.content_hash.as_str())
    })
}

/// What tells by its age when a run was replaced last.
fn replaced_path(run: &str) -> String {
    format!("_runs/{run}/replaced.json")
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

/// Where a table of a run is kept.
pub(super) fn kept_path(run: &str, table: &str) -> String {
    format!("_runs/{run}/{table}.parquet")
}

/// The kept tables of a run that was replaced before a day.
///
/// # Errors
/// CS2001, CS2003.
pub(super) fn kept_before(
    output: &Store,
    manifest: &Manifest,
    day: Day,
) -> Result<Vec<store::Entry>> {
    let replaced = output.head(&replaced_path(&manifest.run_id))?;
    let mut files = Vec::new();
    if replaced.is_some_and(|replaced| replaced.modified < day) {
        for (_, kept, ..) in replaceable(manifest) {
            files.extend(output.head(&kept)?);
        }
    }
    Ok(files)
}

/// Keeps the tables of the run that is published for a month, before another one replaces them. What
/// is published is whole and stays so while the lease is held: a repetition changes nothing.
///
/// # Errors
/// CS2001, CS2002, CS2003, CS6005.
pub(super) fn keep(output: &Store, month: &str, by_run: &str) -> Result<()> {
    let Some(run) = undamaged(published_run(output, month))? else { return Ok(()) };
    let Some(manifest) = read_manifest(output, &run)? else { return Ok(()) };
    let note = serde_json::json!({ "by_run": by_run }).to_string();
    output.write(&replaced_path(&manifest.run_id), note.into_bytes())?;
    for (published, kept, bytes, _) in replaceable(&manifest) {
        if output.head(&kept)?.map(|entry| entry.size) != Some(bytes) {
            output.copy(published, &kept)?;
        }
    }
    Ok(())
}

/// Publishes the kept tables of a run again; the run that they replaced. None when the run is
/// published already. What is gone back from is held back; what is gone back to is not any more.
///
/// # Errors
/// CS6004 when the tables of the run are not kept; CS2001, CS2002, CS2003, CS6001, CS6005.
pub fn roll_back(
    output: &Store,
    lease: &Lease,
    manifest: &Manifest,
    attempt_id: &str,
) -> Result<Option<RunId>> {
    let month = &manifest.as_of_month;
    // Of a damaged month the scores may still tell whose they are.
    let replaced = named_run(output, month)?;
    let published = published_run(output, month)?;
    if published.as_ref().is_some_and(|id| id.as_str() == manifest.run_id) {
        return Ok(None);
    }
    let mut next = match &replaced {
        Some(replaced) => hold(output, month, replaced)?.unwrap_or_default(),
        None => Hold::default(),
    };
    let is_forward = next.held_back.iter().any(|held| held.run_id == manifest.run_id);
    next.held_back.retain(|held| held.run_id != manifest.run_id);
    for (_, kept, _, hash) in replaceable(manifest) {
        if !is_whole(output, &kept, hash)? {
            return Err(not_kept(output, manifest, is_forward.then_some(&next))?);
        }
    }
    keep(output, month, &manifest.run_id)?;
    next.run_id.clone_from(&manifest.run_id);
    if let Some(replaced) = replaced.as_ref().filter(|_| !is_forward) {
        next.held_back.push(HeldBack {
            run_id: replaced.as_str().to_owned(),
            score_id: published_value(output, month, SCORE_ID_KEY)?.unwrap_or_default(),
            history_id: published_value(output, month, HISTORY_ID_KEY)?,
        });
    }
    let mut staging = Staging::new(output, lease, attempt_id);
    for (target, kept, ..) in replaceable(manifest) {
        staging.stage_copy(&kept, target)?;
    }
    let mut file = store::create_file(&staging.stage(&hold_path(month))?)?;
    file.write_all(&text(&next)?).and_then(|()| file.flush()).map_err(|error| {
        Error::new(Code::StorageWrite, "cannot note what was rolled back")
            .because(error)
            .hint("check that the output is writable and has room")
    })?;
    drop(file);
    staging.commit()?;
    Ok(replaced)
}

/// The tables of a run are gone. Where the month was held back from it, it is not any more (`left` is
/// what remains): it can be published anew.
fn not_kept(output: &Store, manifest: &Manifest, left: Option<&Hold>) -> Result<Error> {
    let text = format!("the tables of run {} are not kept any more", manifest.run_id);
    let error = Error::new(Code::NotFound, text);
    let Some(left) = left else {
        return Ok(error.hint("`capscore runs list` tells which runs are kept"));
    };
    output.write(&hold_path(&manifest.as_of_month), self::text(left)?)?;
    Ok(error.hint("it is no longer held back: score the month to publish it anew"))
}

fn text(hold: &Hold) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(hold)
        .map_err(|error| Error::bug("a rollback cannot be noted").because(error))
}
