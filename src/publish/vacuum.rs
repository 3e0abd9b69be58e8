//! What the output keeps of the past, and how it ends: tables of replaced runs, which a rollback
//! needs, and files of Delta tables, which readers of earlier versions need.

use super::delta::unreferenced;
use super::rollback::kept_before;
use super::{list_runs, published_run};
use crate::calendar::Day;
use crate::commit::Lease;
use crate::error::Result;
use crate::store::{Entry, Store};

/// From when on the past is kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Milliseconds since 1970.
    pub since: i64,
    /// The day of that instant, UTC.
    pub day: Day,
}

/// The files that nobody needs who looks back as far as the retention.
///
/// # Errors
/// CS2001, CS2003, CS6005.
pub fn obsolete(output: &Store, retention: Retention) -> Result<Vec<Entry>> {
    let mut files = unreferenced(output, retention.since)?;
    // Who writes a Delta table too may not have committed what it wrote.
    files.retain(|file| file.modified < retention.day);
    files.extend(replaced(output, retention.day)?);
    Ok(files)
}

/// Deletes files that nobody needs; the lease makes sure that none is published meanwhile.
///
/// # Errors
/// CS2002, CS2003; CS6001 when the lease is lost.
pub fn delete(output: &Store, lease: &Lease, files: &[Entry]) -> Result<()> {
    lease.confirm()?;
    files.iter().try_for_each(|file| {
        lease.check()?;
        output.delete(&file.path)
    })
}

/// The kept tables of runs that were replaced before a day.
fn replaced(output: &Store, day: Day) -> Result<Vec<Entry>> {
    let mut files = Vec::new();
    for run in list_runs(output)? {
        let published = published_run(output, &run.as_of_month)?;
        if published.is_none_or(|published| published.as_str() != run.run_id) {
            files.extend(kept_before(output, &run, day)?);
        }
    }
    Ok(files)
}
