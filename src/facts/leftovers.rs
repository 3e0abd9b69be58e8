//! What a killed writer of the facts leaves: files with the number of an entry that never came.

use super::ledger::{Ledger, units_path};
use crate::error::{Code, Error, Result};
use crate::store::{Entry, Store};

/// The number of the ledger entry that a file of the facts belongs to.
pub(super) fn entry_of(path: &str) -> Option<u64> {
    let stem = path.rsplit('/').next()?.strip_suffix(".parquet")?;
    (stem.len() == 10).then(|| stem.parse().ok())?
}

/// Deletes the files of a killed writer: nobody names them, but the next entry has their number.
///
/// # Errors
/// CS6005 when the ledger lacks entries that there were: a writer that is killed leaves the units of
/// one entry at most. CS2001, CS2002.
pub fn remove_leftovers(facts: &Store, ledger: &Ledger) -> Result<()> {
    let next = ledger.next_sequence();
    for file in whole(facts, ledger)? {
        // A file that an interrupted erasure wrote is none yet.
        let is_unfinished = file.path.ends_with(".parquet.new");
        if is_unfinished || entry_of(&file.path).is_some_and(|number| number >= next) {
            facts.delete(&file.path)?;
        }
    }
    Ok(())
}

/// The files of facts whose ledger lacks no entry.
///
/// # Errors
/// CS6005 when it does; CS2001.
pub(super) fn whole(facts: &Store, ledger: &Ledger) -> Result<Vec<Entry>> {
    let next = ledger.next_sequence();
    let files = facts.list("")?;
    let lost = files
        .iter()
        .filter_map(|file| entry_of(&file.path))
        .find(|number| *number > next && files.iter().any(|file| file.path == units_path(*number)));
    if let Some(number) = lost {
        let text = format!(
            "the ledger ends at entry {} but {} holds units of entry {number}",
            next - 1,
            facts.uri()
        );
        return Err(Error::new(Code::Damaged, text)
            .hint("restore the ledger from a backup: its entries are never deleted"));
    }
    Ok(files)
}
