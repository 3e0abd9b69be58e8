//! One writer of the facts at a time.

use crate::error::{Code, Error, Result};
use crate::store::{Store, StoreLock, break_lock};

const LOCK: &str = "_lock";

/// Takes away the lease of a writer that was killed; who that was, if there is one. A lock on local
/// disk ends with its process.
///
/// # Errors
/// CS2001, CS2002, CS2003.
pub fn unlock(facts: &Store) -> Result<Option<String>> {
    break_lock(facts, LOCK)
}

/// Holds the facts for one writer.
///
/// # Errors
/// CS6001 when another process holds them, CS2002.
pub fn lock(facts: &Store, attempt_id: &str) -> Result<StoreLock> {
    let owner = format!("attempt {attempt_id}, process {}", std::process::id());
    StoreLock::take(facts, LOCK, &owner)?.map_err(|owner| {
        Error::new(Code::Locked, format!("the facts {} are in use by {owner}", facts.uri()))
            .hint("wait until that ingest has ended")
    })
}
