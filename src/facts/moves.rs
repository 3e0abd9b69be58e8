//! Where the rows of units are after compactions. A compaction writes rows to new files and says so
//! in the ledger; what was written before stays as it is, so that nothing is in doubt at any moment.

use std::collections::HashMap;

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::ledger::{Ledger, moves_path};
use super::unit::{Unit, UnitKey, month_column, unit_key};
use crate::engine;
use crate::error::{Code, Error, Result};
use crate::store::Store;

/// The rows of one unit that a compaction wrote to its own files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Move {
    /// Whose rows.
    pub(super) key: UnitKey,
    /// The ledger entry whose files held them.
    pub(super) from: u64,
}

/// All compactions of a ledger.
#[derive(Debug, Clone, Default)]
pub struct Moves(HashMap<(UnitKey, u64), u64>);

impl Moves {
    /// Reads what the compactions of a ledger moved.
    ///
    /// # Errors
    /// CS6005 when a file is damaged.
    pub fn read(store: &Store, ledger: &Ledger) -> Result<Self> {
        let mut moves = HashMap::new();
        for entry in ledger.entries.iter().filter(|entry| entry.is_compaction) {
            let path = moves_path(entry.sequence);
            let damaged = |error: Box<dyn std::error::Error + Send + Sync>| {
                let what = store.uri_of(&path);
                let text = format!("the facts are damaged: {what} is missing or broken");
                Error::new(Code::Damaged, text)
                    .because(error)
                    .hint("restore it from a backup, or ingest all deliveries into new facts")
            };
            let frame = engine::scan(&[store.fetch(&path)?])
                .and_then(|frame| engine::collect(frame, "what a compaction moved"))
                .map_err(|error| damaged(Box::new(error)))?;
            for moved in moved(&frame).map_err(|error| damaged(Box::new(error)))? {
                moves.insert((moved.key, moved.from), entry.sequence);
            }
        }
        Ok(Self(moves))
    }

    /// The ledger entry whose files hold the rows of a unit now.
    pub fn stored(&self, unit: &Unit) -> u64 {
        let mut stored = unit.stored;
        if self.0.is_empty() {
            return stored;
        }
        // A compaction may move what an earlier one moved.
        while let Some(moved) = self.0.get(&(unit.key.clone(), stored)) {
            stored = *moved;
        }
        stored
    }

    /// All ledger entries whose files held the rows of a unit at some time, the present one last.
    pub(super) fn history(&self, unit: &Unit) -> Vec<u64> {
        let mut history = vec![unit.stored];
        if self.0.is_empty() {
            return history;
        }
        while let Some(moved) =
            history.last().and_then(|stored| self.0.get(&(unit.key.clone(), *stored)))
        {
            history.push(*moved);
        }
        history
    }
}

/// What a compaction moves, as a frame.
///
/// # Errors
/// CS9001.
pub(super) fn moves_frame(moves: &[Move]) -> Result<DataFrame> {
    let keys: Vec<&UnitKey> = moves.iter().map(|moved| &moved.key).collect();
    let text = |name: &str, values: Vec<&str>| Column::new(name.into(), values);
    let from = moves.iter().map(|moved| i64::try_from(moved.from).unwrap_or(i64::MAX));
    let columns = vec![
        text("dataset", keys.iter().map(|key| key.dataset.as_str()).collect()),
        text("partner_id", keys.iter().map(|key| key.partner_id.as_str()).collect()),
        Column::new("is_account".into(), keys.iter().map(|key| key.is_account).collect::<Vec<_>>()),
        month_column(keys.iter().map(|key| key.month))?,
        Column::new("from".into(), from.collect::<Vec<_>>()),
    ];
    DataFrame::new(moves.len(), columns).map_err(|error| Error::bug(error.to_string()))
}

fn moved(frame: &DataFrame) -> PolarsResult<Vec<Move>> {
    let key = unit_key(frame)?;
    let from = frame.column("from")?.i64()?;
    let moves = (0..frame.height()).map(|at| Move {
        key: key(at),
        from: u64::try_from(from.get(at).unwrap_or_default()).unwrap_or_default(),
    });
    Ok(moves.collect())
}
