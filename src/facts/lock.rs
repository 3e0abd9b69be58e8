//! One writer of the facts at a time.

use crate::error::{Code, Error, Result};
use crate::store::{FileLock, Store};

/// Holds the facts for one writer.
///
/// # Errors
/// CS6001 when another process holds them, CS2002.
pub fn lock(facts: &Store, attempt_id: &str) -> Result<FileLock> {
    let owner = format!("attempt {attempt_id}, process {}", std::process::id());
    FileLock::take(&facts.local_path("_lock"), &owner)?.map_err(|owner| {
        Error::new(Code::Locked, format!("the facts {} are in use by {owner}", facts.uri()))
            .hint("wait until that ingest has ended")
    })
}
