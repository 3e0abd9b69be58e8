//! Proves that the facts are what was ingested: every file that the ledger names is there, can be
//! read, and holds the rows whose hash its unit has.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{Column, DataFrame};
use xxhash_rust::xxh3::xxh3_128;

use super::ledger::{Ledger, fact_path};
use super::live::StoredMonth;
use super::moves::Moves;
use super::schema::{FactTable, FactType, HASHED_BY_COLUMN, SNAPSHOT, TABLES};
use super::table_set::TableSet;
use super::unit::{UnitKey, read_units};
use crate::engine;
use crate::engine::bug;
use crate::error::Result;
use crate::store::Store;

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Ledger entries.
    pub entries: usize,
    /// Units whose rows were hashed.
    pub units: usize,
    /// Fact files that were read.
    pub files: usize,
    /// Units that an older program stored, whose hashes cannot be made again.
    pub unverified: usize,
    /// What is wrong, one sentence each.
    pub problems: Vec<String>,
}

/// The partner of a unit as delivered.
type Partner = (String, bool);

/// Reads all facts and compares them with the ledger.
///
/// # Errors
/// CS2001; CS6004 without facts; CS6005 when the ledger itself is damaged.
pub fn verify(facts: &Store) -> Result<Verification> {
    let ledger = Ledger::read_some(facts)?;
    let mut found = Verification { entries: ledger.entries.len(), ..Verification::default() };
    // What each stored month should hold, by whichever entries refer to it.
    let mut expected: BTreeMap<StoredMonth, BTreeMap<Partner, (String, TableSet)>> =
        BTreeMap::new();
    // Rows that a compaction moved are still in the files that they were in.
    let mut moved: BTreeSet<(StoredMonth, Partner)> = BTreeSet::new();
    let moves = Moves::read(facts, &ledger)?;
    for entry in ledger.entries.iter().filter(|entry| entry.has_units()) {
        match read_units(facts, entry.sequence) {
            Ok(units) => {
                for unit in units {
                    let mut history = moves.history(&unit);
                    let stored = history.pop().unwrap_or(unit.stored);
                    let UnitKey { dataset, partner_id, is_account, month } = unit.key;
                    for earlier in history {
                        let file = (dataset.clone(), month, earlier);
                        moved.insert((file, (partner_id.clone(), is_account)));
                    }
                    expected
                        .entry((dataset, month, stored))
                        .or_default()
                        .insert((partner_id, is_account), (unit.hash, unit.tables));
                }
            }
            Err(error) => found.problems.push(error.to_string()),
        }
    }
    for ((dataset, month, stored), partners) in expected {
        let months = month.map_or_else(|| SNAPSHOT.to_owned(), |month| month.to_string());
        let mut hashers: BTreeMap<Partner, blake3::Hasher> = BTreeMap::new();
        for table in TABLES {
            let is_there = partners.values().any(|(_, tables)| tables.contains(table));
            if !is_there {
                continue;
            }
            let path = fact_path(table, &dataset, &months, stored);
            let frame = engine::scan(&[facts.fetch(&path)?])
                .and_then(|frame| engine::collect(frame, &path));
            found.files += 1;
            match frame {
                Ok(frame) => {
                    hash_partners(&frame, table, &mut hashers)?;
                }
                Err(error) => {
                    found.problems.push(format!("{}: {error}", facts.uri_of(&path)));
                }
            }
        }
        let at = usize::try_from(stored).unwrap_or(usize::MAX).wrapping_sub(1);
        let version = ledger.entries.get(at).map_or(0, |entry| entry.schema_version);
        if version < HASHED_BY_COLUMN {
            found.unverified += partners.len();
            continue;
        }
        for (partner, (hash, tables)) in partners.into_iter().filter(|(_, (_, t))| !t.is_empty()) {
            found.units += 1;
            let rows = hashers.remove(&partner).map(|hasher| finished(&hasher));
            if rows.as_ref() != Some(&hash) {
                let (id, _) = partner;
                let tables = tables.joined();
                found.problems.push(format!(
                    "{dataset} {months} of partner {id}, stored by entry {stored}, holds other rows than were ingested ({tables})"
                ));
            }
        }
        let file = (dataset.clone(), month, stored);
        let others = hashers.into_keys();
        for (id, _) in others.filter(|other| !moved.contains(&(file.clone(), other.clone()))) {
            found.problems.push(format!(
                "{dataset} {months}, stored by entry {stored}, has rows of partner {id} that nobody delivered"
            ));
        }
    }
    Ok(found)
}

/// The published form of the hash of a unit.
pub fn finished(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex().chars().take(32).collect()
}

/// How a text counts for the hash of a unit.
pub fn text_digest(text: &[u8]) -> [u8; 16] {
    xxh3_128(text).to_le_bytes()
}

/// Adds the rows of each partner to its hash: the table's name, then column by column. Ingest does
/// the same before it writes them. Gives the partners of the table.
pub(super) fn hash_partners(
    frame: &DataFrame,
    table: &FactTable,
    hashers: &mut BTreeMap<Partner, blake3::Hasher>,
) -> Result<Vec<Partner>> {
    let ids = frame.column("partner_id").and_then(|column| column.str()).map_err(bug)?;
    let kinds = frame.column("is_account").and_then(|column| column.bool()).map_err(bug)?;
    let partner =
        |row: usize| (ids.get(row).unwrap_or_default(), kinds.get(row).unwrap_or_default());
    let mut partners = Vec::new();
    let mut start = 0;
    while start < frame.height() {
        let rows =
            (start..frame.height()).take_while(|row| partner(*row) == partner(start)).count();
        let mut encoded = table.name.as_bytes().to_vec();
        let is_value = |name: &str| !["month", "partner_id", "is_account"].contains(&name);
        for column in table.columns.iter().filter(|column| is_value(column.name)) {
            let values = frame.column(column.name).map_err(bug)?;
            let offset = i64::try_from(start).unwrap_or(i64::MAX);
            encode(&values.slice(offset, rows), column.kind, &mut encoded)?;
        }
        let (id, is_account) = partner(start);
        partners.push((id.to_owned(), is_account));
        hashers.entry((id.to_owned(), is_account)).or_default().update(&encoded);
        start += rows;
    }
    Ok(partners)
}

fn encode(values: &Column, kind: FactType, into: &mut Vec<u8>) -> Result<()> {
    match kind {
        FactType::Text => values
            .str()
            .map_err(bug)?
            .iter()
            .for_each(|text| into.extend(text_digest(text.unwrap_or_default().as_bytes()))),
        FactType::Int64 => values
            .i64()
            .map_err(bug)?
            .iter()
            .for_each(|count| into.extend(count.unwrap_or_default().to_le_bytes())),
        FactType::Mask => values
            .i32()
            .map_err(bug)?
            .iter()
            .for_each(|mask| into.extend(mask.unwrap_or_default().to_le_bytes())),
        FactType::Boolean => values
            .bool()
            .map_err(bug)?
            .iter()
            .for_each(|flag| into.push(u8::from(flag.unwrap_or_default()))),
        FactType::Date => values
            .date()
            .map_err(bug)?
            .physical()
            .iter()
            .for_each(|day| into.extend(day.unwrap_or(i32::MIN).to_le_bytes())),
        FactType::Money => values
            .decimal()
            .map_err(bug)?
            .physical()
            .iter()
            .for_each(|amount| into.extend(amount.unwrap_or_default().to_le_bytes())),
    }
    Ok(())
}
