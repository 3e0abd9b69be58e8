//! Takes a wrong delivery back. Nothing is deleted: a ledger entry says that what came before it no
//! longer counts, and another one takes that back.

use super::ledger::{FileRecord, Ledger, LedgerEntry, Retraction};
use super::leftovers::remove_leftovers;
use super::lock::lock;
use crate::calendar::Day;
use crate::error::{Code, Error, Result};
use crate::store::Store;

/// Retracts a delivery, or one dataset of it, or takes that back. Its files stay known: they are
/// read again only when they change.
///
/// # Errors
/// CS3001 when there is no such delivery, or nothing of it to retract or take back; CS2002, CS6001, CS6003, CS6005.
pub fn retract(
    facts: &Store,
    delivery: Day,
    dataset: Option<&str>,
    is_undone: bool,
    attempt_id: &str,
) -> Result<()> {
    let lock = lock(facts, attempt_id)?;
    let mut ledger = Ledger::read(facts)?;
    remove_leftovers(facts, &ledger)?;
    let of_day = || ledger.entries.iter().filter(|entry| entry.has_units());
    let is_there = of_day().any(|entry| {
        entry.day() == delivery
            && dataset.is_none_or(|only| entry.files.iter().any(|file| file.dataset == only))
    });
    if !is_there {
        let mut known: Vec<String> = of_day().map(|entry| entry.delivery.clone()).collect();
        known.sort_unstable();
        known.dedup();
        let what = dataset.map_or_else(String::new, |dataset| format!(" of {dataset}"));
        return Err(Error::new(
            Code::NoDelivery,
            format!("there is no delivery of {delivery}{what}"),
        )
        .hint(format!("the deliveries are {}", known.join(", "))));
    }
    let is_meant = |file: &FileRecord| dataset.is_none_or(|only| file.dataset == only);
    let mut states = of_day().filter(|entry| entry.day() == delivery).flat_map(|entry| {
        let retracted = ledger.retracted(entry);
        let files = entry.files.iter().filter(|file| is_meant(file));
        files.map(move |file| retracted.contains(file.dataset.as_str()))
    });
    if !states.any(|is_retracted| is_retracted == is_undone) {
        let what = dataset.map_or_else(String::new, |dataset| format!(" of {dataset}"));
        let state = if is_undone { "is not retracted" } else { "is retracted already" };
        let text = format!("the delivery of {delivery}{what} {state}");
        return Err(
            Error::new(Code::NoDelivery, text).hint("`capscore facts list` tells what counts")
        );
    }
    let retraction = Retraction {
        delivery: delivery.to_string(),
        dataset: dataset.map(str::to_owned),
        is_undone,
    };
    let entry = LedgerEntry {
        retracted: vec![retraction],
        ..LedgerEntry::without_files(ledger.next_sequence(), attempt_id)
    };
    lock.confirm()?;
    ledger.append(facts, entry)
}
