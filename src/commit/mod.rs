//! Publishing several files as one step: stage, journal, replace. A crash at any moment leaves each
//! file old or new; the next run completes a publication whose journal was written and forgets one
//! whose journal was not.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::store::{Store, StoreLock, break_lock};

const STAGING: &str = "_staging";
const JOURNAL: &str = "journal.json";
const LOCK: &str = "_lock";

/// The only writer of a target while it lives.
#[derive(Debug)]
pub struct Lease {
    lock: StoreLock,
}

impl Lease {
    /// Makes sure that the target is still held, as far as that is known without asking.
    ///
    /// # Errors
    /// CS6001 when it is not.
    pub fn check(&self) -> Result<()> {
        self.lock.check()
    }

    /// Makes sure that the target is still held, and that its store says so.
    ///
    /// # Errors
    /// CS6001 when it is not, or the store cannot be asked.
    pub fn confirm(&self) -> Result<()> {
        self.lock.confirm()
    }

    /// Takes the target for one attempt and completes what a killed attempt left.
    ///
    /// # Errors
    /// CS6001 when another attempt holds the target; CS2001, CS2002.
    pub fn take(target: &Store, attempt_id: &str) -> Result<Self> {
        let owner = format!("attempt {attempt_id}, process {}", std::process::id());
        let lock = StoreLock::take(target, LOCK, &owner)?.map_err(|owner| {
            Error::new(Code::Locked, format!("{} is being published by {owner}", target.uri()))
                .hint("wait until that run has ended, or publish to another output")
        })?;
        recover(target)?;
        Ok(Self { lock })
    }
}

/// Takes away the lease of an attempt that was killed; who that was, if there is one. A lock on local
/// disk ends with its process.
///
/// # Errors
/// CS2001, CS2002, CS2003.
pub fn unlock(target: &Store) -> Result<Option<String>> {
    break_lock(target, LOCK)
}

/// The moves of a publication, in order; the last one makes it visible as a whole.
#[derive(Debug, Serialize, Deserialize)]
struct Journal {
    moves: Vec<String>,
}

/// A publication in the making.
#[derive(Debug)]
pub struct Staging<'a> {
    target: &'a Store,
    lease: &'a Lease,
    folder: String,
    moves: Vec<String>,
    /// Those of the moves whose files another library writes.
    written: Vec<String>,
    /// Whether the next run has to complete what this one does not.
    is_journaled: bool,
}

impl<'a> Staging<'a> {
    /// An empty staging folder for an attempt; the lease is what makes it safe.
    pub fn new(target: &'a Store, lease: &'a Lease, attempt_id: &str) -> Self {
        let folder = format!("{STAGING}/{attempt_id}");
        let (moves, written) = (Vec::new(), Vec::new());
        Self { target, lease, folder, moves, written, is_journaled: false }
    }

    /// Where to write the staged file of a published path.
    ///
    /// # Errors
    /// CS2002.
    pub fn stage(&mut self, path: &str) -> Result<PathBuf> {
        self.moves.push(path.to_owned());
        self.written.push(path.to_owned());
        self.target.prepare(&self.staged(path))
    }

    /// Stages a copy of another file of the target.
    ///
    /// # Errors
    /// CS2001, CS2002, CS2003.
    pub fn stage_copy(&mut self, from: &str, path: &str) -> Result<()> {
        self.moves.push(path.to_owned());
        self.target.copy(from, &self.staged(path))
    }

    /// The staged file of a published path, relative to the target.
    pub fn staged(&self, path: &str) -> String {
        format!("{}/{path}", self.folder)
    }

    /// Replaces the published files by the staged ones, in the order of staging.
    ///
    /// # Errors
    /// CS2002; CS6001 when the target is no longer held. After the journal is written the next run
    /// completes the replacement.
    pub fn commit(mut self) -> Result<()> {
        for path in &self.written {
            self.target.sync(&self.staged(path))?;
        }
        self.lease.confirm()?;
        let journal = serde_json::to_vec(&Journal { moves: std::mem::take(&mut self.moves) })
            .map_err(|error| Error::bug("a journal cannot be written").because(error))?;
        // A store that answers with an error may have written it.
        self.is_journaled = true;
        self.target.write(&format!("{}/{JOURNAL}", self.folder), journal)?;
        complete(self.target, &self.folder, false)
    }
}

impl Drop for Staging<'_> {
    /// Forgets what was staged and is not to be published. What cannot be deleted the next run deletes.
    fn drop(&mut self) {
        if !self.is_journaled && !self.moves.is_empty() {
            let _ = self.target.delete_folder(&self.folder);
        }
    }
}

/// Carries out a journal as far as it has not been, and removes the staging folder.
fn complete(target: &Store, folder: &str, is_recovery: bool) -> Result<()> {
    let name = format!("{folder}/{JOURNAL}");
    let Some(bytes) = target.read(&name)? else { return target.delete_folder(folder) };
    let journal: Journal = serde_json::from_slice(&bytes).map_err(|error| {
        Error::new(Code::Damaged, format!("{} is damaged", target.uri_of(&name)))
            .because(error)
            .hint("publish again after removing the folder _staging from the output")
    })?;
    for path in &journal.moves {
        let staged = format!("{folder}/{path}");
        if target.head(&staged)?.is_some() {
            target.rename(&staged, path)?;
        } else if !is_recovery {
            // Somebody else cleaned up: after a crash only, a missing file was moved before it.
            let text = format!("{} is gone", target.uri_of(&staged));
            return Err(Error::new(Code::Locked, text).hint("run again"));
        }
    }
    target.delete_folder(folder)
}

/// So often a reader looks again, and waits so long before it does.
const LOOKS: (u32, Duration) = (10, Duration::from_millis(200));

/// Waits until no publication is half done, as its tables would be those of two runs.
///
/// # Errors
/// CS6001 when one stays so: the attempt was killed, or takes long. CS2001.
pub fn settled(target: &Store) -> Result<()> {
    let is_journal = |path: &str| path.ends_with(&format!("/{JOURNAL}"));
    for look in 0..LOOKS.0 {
        if !target.list(STAGING)?.iter().any(|entry| is_journal(&entry.path)) {
            return Ok(());
        }
        if look + 1 < LOOKS.0 {
            std::thread::sleep(LOOKS.1);
        }
    }
    let text = format!("a publication in {} is half done: tables are of two runs", target.uri());
    Err(Error::new(Code::Locked, text)
        .hint("wait, or score again: the next run completes what a killed one left"))
}

/// Completes or forgets what killed attempts left.
fn recover(target: &Store) -> Result<()> {
    let prefix = format!("{STAGING}/");
    let mut attempts: Vec<String> = target
        .list(STAGING)?
        .iter()
        .filter_map(|entry| entry.path.strip_prefix(&prefix)?.split('/').next().map(str::to_owned))
        .collect();
    attempts.dedup();
    for attempt in attempts {
        tracing::info!(attempt, "Completing a publication that was interrupted.");
        complete(target, &format!("{STAGING}/{attempt}"), true)?;
    }
    target.delete_folder(STAGING)
}
