//! Brings the live rows of a month that many ingests stored into one file. What no longer counts stays
//! where it is; files that nothing refers to any more are deleted by the next compaction, so that a
//! score that runs meanwhile still finds them.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{
    Column, DataFrame, IntoLazy, JoinArgs, JoinType, MaintainOrderJoin, SortMultipleOptions, col,
};

use super::ledger::{Ledger, LedgerEntry, fact_path, moves_path};
use super::leftovers::{entry_of, remove_leftovers};
use super::live::{Live, LiveUnit, MonthUnits};
use super::lock::lock;
use super::moves::{Move, Moves, moves_frame};
use super::schema::{COMPACTED_VERSION, FactTable, HASHED_BY_COLUMN, SNAPSHOT, TABLES};
use super::unit::{UnitKey, read_units};
use super::verify::{finished, hash_partners};
use crate::calendar::Month;
use crate::engine;
use crate::engine::bug;
use crate::error::{Code, Error, Result};
use crate::store::{Store, StoreLock};

/// What a compaction did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compaction {
    /// Months of datasets whose live rows lay in several files.
    pub months: usize,
    /// Fact files that held them.
    pub before: usize,
    /// Fact files that hold them now.
    pub after: usize,
    /// Files that earlier compactions made superfluous, and that are deleted now.
    pub deleted: usize,
    /// Files that this one made superfluous: the next one deletes them.
    pub superfluous: usize,
}

/// Live units of one month of a dataset.
type Scattered<'a> = ((&'a str, Option<Month>), Vec<&'a LiveUnit>);

/// Compacts the facts; `is_plan` only says what there is to do.
///
/// # Errors
/// CS2001, CS2002, CS6001, CS6003, CS6005.
pub fn compact(facts: &Store, is_plan: bool, attempt_id: &str) -> Result<Compaction> {
    if is_plan {
        let live = Live::read(facts)?;
        let deleted = unreferenced(facts, &live.ledger)?.len();
        let mut done = Compaction { deleted, ..Compaction::default() };
        for (_, units) in scattered(&live) {
            done.count(&units);
        }
        return Ok(done);
    }
    let lock = lock(facts, attempt_id)?;
    let live = Live::read(facts)?;
    let mut ledger = live.ledger.clone();
    remove_leftovers(facts, &ledger)?;
    let sequence = ledger.next_sequence();
    let mut done = Compaction::default();
    for path in unreferenced(facts, &ledger)? {
        lock.check()?;
        facts.delete(&path)?;
        done.deleted += 1;
    }
    let mut moves = Vec::new();
    for ((dataset, month), units) in scattered(&live) {
        done.count(&units);
        merge(facts, &lock, &units, (dataset, month, sequence))?;
        moves.extend(units.iter().map(|unit| Move { key: unit.key.clone(), from: unit.stored }));
    }
    if moves.is_empty() {
        return Ok(done);
    }
    write(facts, &lock, &moves_path(sequence), moves_frame(&moves)?)?;
    let entry = LedgerEntry {
        is_compaction: true,
        schema_version: COMPACTED_VERSION,
        ..LedgerEntry::without_files(sequence, attempt_id)
    };
    lock.confirm()?;
    ledger.append(facts, entry)?;
    done.superfluous = unreferenced(facts, &ledger)?.len();
    Ok(done)
}

impl Compaction {
    fn count(&mut self, units: &[&LiveUnit]) {
        let files: BTreeSet<(u64, &str)> = units
            .iter()
            .flat_map(|unit| unit.tables.iter().map(|table| (unit.stored, table.name)))
            .collect();
        let tables: BTreeSet<&str> = files.iter().map(|(_, table)| *table).collect();
        self.months += 1;
        self.before += files.len();
        self.after += tables.len();
    }
}

/// The months whose live rows lie in several files. Units that an old program stored stay where they
/// are: their hashes cannot be made again from other files.
fn scattered(live: &Live) -> impl Iterator<Item = Scattered<'_>> {
    let version = |sequence: u64| {
        let at = usize::try_from(sequence).unwrap_or(usize::MAX).wrapping_sub(1);
        live.ledger.entries.get(at).map_or(0, |entry| entry.schema_version)
    };
    let is_moved =
        move |unit: &&LiveUnit| !unit.tables.is_empty() && version(unit.stored) >= HASHED_BY_COLUMN;
    let months = live.months().map(move |MonthUnits { dataset, month, units }| {
        ((dataset, month), units.iter().filter(&is_moved).collect::<Vec<_>>())
    });
    months.filter(|(_, units)| units.windows(2).any(|pair| pair[0].stored != pair[1].stored))
}

/// Writes the rows of some units from all files of each table to one, once they prove to be those that
/// were ingested.
fn merge(
    facts: &Store,
    lock: &StoreLock,
    units: &[&LiveUnit],
    (dataset, month, sequence): (&str, Option<Month>, u64),
) -> Result<()> {
    let months = month.map_or_else(|| SNAPSHOT.to_owned(), |month| month.to_string());
    let mut hashers = BTreeMap::new();
    for table in TABLES {
        if let Some(rows) = merged(facts, table, units, (dataset, &months))? {
            hash_partners(&rows, table, &mut hashers)?;
            write(facts, lock, &fact_path(table, dataset, &months, sequence), rows)?;
        }
    }
    for unit in units {
        let UnitKey { partner_id, is_account, .. } = &unit.key;
        let hasher = hashers.get(&(partner_id.clone(), *is_account));
        if hasher.map(finished).as_ref() != Some(&unit.hash) {
            let text = format!(
                "{dataset} {months} of partner {partner_id}, stored by entry {}, holds other rows than were ingested",
                unit.stored
            );
            return Err(Error::new(Code::Damaged, text)
                .hint("nothing was compacted; see `capscore facts verify`"));
        }
    }
    Ok(())
}

/// The rows of some units from all files of a table, by partner.
fn merged(
    facts: &Store,
    table: &FactTable,
    units: &[&LiveUnit],
    (dataset, months): (&str, &str),
) -> Result<Option<DataFrame>> {
    let mut partners: BTreeMap<u64, Vec<&LiveUnit>> = BTreeMap::new();
    for unit in units.iter().filter(|unit| unit.tables.contains(table)) {
        partners.entry(unit.stored).or_default().push(unit);
    }
    let mut frames = Vec::new();
    for (stored, units) in partners {
        let path = fact_path(table, dataset, months, stored);
        let ids: Vec<&str> = units.iter().map(|unit| unit.key.partner_id.as_str()).collect();
        let kinds: Vec<bool> = units.iter().map(|unit| unit.key.is_account).collect();
        let columns =
            vec![Column::new("partner_id".into(), ids), Column::new("is_account".into(), kinds)];
        let keys = DataFrame::new(units.len(), columns).map_err(bug)?;
        let on = [col("partner_id"), col("is_account")];
        let mut options = JoinArgs::new(JoinType::Semi);
        options.maintain_order = MaintainOrderJoin::Left;
        let rows = engine::scan(&[facts.fetch(&path)?])?.join(keys.lazy(), on.clone(), on, options);
        frames.push(engine::collect(rows, &path)?);
    }
    let mut frames = frames.into_iter();
    let Some(mut merged) = frames.next() else { return Ok(None) };
    for frame in frames {
        merged.vstack_mut_owned(frame).map_err(bug)?;
    }
    // The rows of a unit stay in their order, which their hash is made of.
    let options = SortMultipleOptions::default().with_maintain_order(true);
    merged.sort(["partner_id", "is_account"], options).map(Some).map_err(bug)
}

fn write(facts: &Store, lock: &StoreLock, path: &str, frame: DataFrame) -> Result<()> {
    let file = facts.prepare(path)?;
    let metadata = vec![("capscore.facts_schema".to_owned(), super::SCHEMA_VERSION.to_string())];
    engine::write_parquet(frame, &file, super::ROW_GROUP_ROWS, metadata, path)?;
    lock.check()?;
    facts.sync(path)
}

/// Fact files that no unit of any delivery refers to.
fn unreferenced(facts: &Store, ledger: &Ledger) -> Result<Vec<String>> {
    let moves = Moves::read(facts, ledger)?;
    let mut referenced: BTreeSet<String> = BTreeSet::new();
    for entry in ledger.entries.iter().filter(|entry| entry.has_units()) {
        for unit in read_units(facts, entry.sequence)? {
            let month = unit.key.month.map_or_else(|| SNAPSHOT.to_owned(), |m| m.to_string());
            let stored = moves.stored(&unit);
            for table in unit.tables.iter() {
                referenced.insert(fact_path(table, &unit.key.dataset, &month, stored));
            }
        }
    }
    let mut found = Vec::new();
    for table in TABLES {
        for file in facts.list(table.name)? {
            // What no entry of the ledger wrote is not judged by it.
            let is_known = entry_of(&file.path).is_some_and(|at| at < ledger.next_sequence());
            if is_known && !referenced.contains(&file.path) {
                found.push(file.path);
            }
        }
    }
    Ok(found)
}
