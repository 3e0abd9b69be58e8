//! Erases customers and people from the facts, on their request: their rows leave every fact file,
//! and what later deliveries say of them is not taken in. The ledger keeps a hash of who was erased,
//! not who.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{BooleanChunked, Column, DataFrame, NewChunkedArray, PlSmallStr, col};

use super::ledger::{Ledger, LedgerEntry, fact_path, quarantine_path, units_path};
use super::leftovers::remove_leftovers;
use super::live::StoredMonth;
use super::lock::lock;
use super::moves::Moves;
use super::schema::{FactTable, SNAPSHOT, TABLES};
use super::table_set::TableSet;
use super::unit::{UnitKey, read_units, units_frame};
use super::verify::{finished, hash_partners};
use crate::engine;
use crate::engine::bug;
use crate::error::{Code, Error, Result};
use crate::store::Store;

/// Who is to be erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erasure {
    /// Customers: tenant ids as the facts hold them.
    pub tenants: BTreeSet<String>,
    /// People as somebody named them, and the keys that each may have.
    pub people: BTreeMap<String, Vec<String>>,
}

impl Erasure {
    /// Everybody as somebody named them, and what stands for each in the ledger.
    fn subjects(&self) -> impl Iterator<Item = (&str, Vec<String>)> {
        let tenants = self
            .tenants
            .iter()
            .map(|tenant| (tenant.as_str(), vec![digest("tenant", tenant.as_bytes())]));
        tenants.chain(self.people.iter().map(|(named, keys)| {
            let digests = keys.iter().map(|key| digest("person", key.as_bytes()));
            (named.as_str(), digests.collect())
        }))
    }

    /// The ids that a column of the facts has of them: none for other columns.
    fn ids(&self, column: &str) -> BTreeSet<&str> {
        match column {
            TENANT => self.tenants.iter().map(String::as_str).collect(),
            PERSON => self.people.values().flatten().map(String::as_str).collect(),
            _ => BTreeSet::new(),
        }
    }
}

/// The columns of the facts that name customers and people.
const TENANT: &str = "tenant_id";
const PERSON: &str = "person_key";

/// What an erasure removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ErasedRows {
    /// Fact files that were written anew.
    pub files: usize,
    /// Rows that are gone.
    pub rows: usize,
}

/// Hashes of everybody who was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased(BTreeSet<String>);

impl Erased {
    /// Everybody whom the ledger calls erased.
    pub fn of(ledger: &Ledger) -> Self {
        Self(ledger.entries.iter().flat_map(|entry| &entry.erased).cloned().collect())
    }

    /// Whether nobody was.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a customer was.
    pub fn has_tenant(&self, tenant: &[u8]) -> bool {
        self.0.contains(&digest("tenant", tenant))
    }

    /// Whether a person was.
    pub fn has_person(&self, key: &str) -> bool {
        self.0.contains(&digest("person", key.as_bytes()))
    }
}

/// Stands for somebody in the ledger.
fn digest(kind: &str, id: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in ["capscore erasure".as_bytes(), kind.as_bytes(), id] {
        hasher.update(part);
        hasher.update(&[0]);
    }
    finished(&hasher)
}

/// Erases customers and people: all of them, or nobody. The ledger says so first: an erasure that is
/// interrupted is completed by asking again.
///
/// # Errors
/// CS6004 when no row is about one of them; CS2001, CS2002, CS6001, CS6003, CS6005.
pub fn erase(facts: &Store, erasure: &Erasure, attempt_id: &str) -> Result<ErasedRows> {
    let lock = lock(facts, attempt_id)?;
    let mut ledger = Ledger::read(facts)?;
    remove_leftovers(facts, &ledger)?;
    let moves = Moves::read(facts, &ledger)?;
    // Whether rows are read from there now.
    let mut months: BTreeMap<StoredMonth, bool> = BTreeMap::new();
    let entries: Vec<u64> = ledger
        .entries
        .iter()
        .filter(|entry| entry.has_units())
        .map(|entry| entry.sequence)
        .collect();
    for sequence in &entries {
        for unit in read_units(facts, *sequence)? {
            // Also the files that a compaction left: they go with the next one only.
            for stored in moves.history(&unit) {
                let place = (unit.key.dataset.clone(), unit.key.month, stored);
                *months.entry(place).or_default() |= stored == moves.stored(&unit);
            }
        }
    }
    let known = Erased::of(&ledger);
    let mut sought: BTreeMap<&str, Vec<String>> = erasure
        .subjects()
        .filter(|(_, digests)| !digests.iter().all(|digest| known.0.contains(digest)))
        .collect();
    let digests: Vec<String> = sought.values().flatten().cloned().collect();
    for month in months.keys() {
        forget_found(facts, month, &mut sought)?;
    }
    for sequence in entries.iter().filter(|_| !digests.is_empty()) {
        for named in named_in_quarantine(facts, *sequence, erasure)? {
            sought.remove(named);
        }
    }
    if !sought.is_empty() {
        let named = sought.into_keys().collect::<Vec<_>>().join(", ");
        return Err(Error::new(Code::NotFound, format!("no row of the facts is about {named}: nobody was erased"))
            .hint("check the ids, or leave these out; a person with an MCP id is known by that alone, not by mail; and CAPSCORE_PERSON_KEY has to be as it is for ingest"));
    }
    if !digests.is_empty() {
        let entry = LedgerEntry {
            erased: digests,
            ..LedgerEntry::without_files(ledger.next_sequence(), attempt_id)
        };
        lock.confirm()?;
        ledger.append(facts, entry)?;
    }
    let mut erased = ErasedRows::default();
    let mut changed: BTreeMap<StoredMonth, Hashes> = BTreeMap::new();
    let mut left_behind = ErasedRows::default();
    for (month, is_read) in months {
        let counted = if is_read { &mut erased } else { &mut left_behind };
        let hashes = erase_month(facts, &month, erasure, counted)?;
        changed.insert(month, hashes);
    }
    for sequence in entries {
        erase_quarantine(facts, sequence, erasure)?;
        let mut units = read_units(facts, sequence)?;
        let mut is_changed = false;
        for unit in &mut units {
            let stored = moves.stored(unit);
            let UnitKey { dataset, partner_id, is_account, month } = unit.key.clone();
            let Some(hashes) = changed.get(&(dataset, month, stored)) else { continue };
            let found = hashes.get(&(partner_id, is_account));
            let (hash, tables) = found.cloned().unwrap_or_default();
            is_changed |= unit.hash != hash;
            unit.hash = hash;
            unit.tables = tables;
        }
        if is_changed {
            replace(facts, &units_path(sequence), units_frame(&units)?)?;
        }
    }
    Ok(erased)
}

/// Forgets whom rows of a stored month are about, of those who are sought.
fn forget_found(
    facts: &Store,
    month: &StoredMonth,
    sought: &mut BTreeMap<&str, Vec<String>>,
) -> Result<()> {
    if sought.is_empty() {
        return Ok(());
    }
    for (table, path) in files_of(facts, month)? {
        for (name, kind) in [(TENANT, "tenant"), (PERSON, "person")] {
            if sought.is_empty() || !table.columns.iter().any(|column| column.name == name) {
                continue;
            }
            let ids = engine::scan(&[facts.fetch(&path)?])?.select([col(name).unique()]);
            let ids = engine::collect(ids, &path)?;
            let ids = ids.column(name).and_then(|column| column.str()).map_err(bug)?;
            for id in ids.iter().flatten() {
                let found = digest(kind, id.as_bytes());
                sought.retain(|_, digests| !digests.contains(&found));
            }
        }
    }
    Ok(())
}

/// The files of a stored month, by table.
fn files_of(
    facts: &Store,
    (dataset, month, stored): &StoredMonth,
) -> Result<Vec<(&'static FactTable, String)>> {
    let month = month.map_or_else(|| SNAPSHOT.to_owned(), |month| month.to_string());
    let mut files = Vec::new();
    for table in TABLES.iter().copied() {
        let path = fact_path(table, dataset, &month, *stored);
        if facts.head(&path)?.is_some() {
            files.push((table, path));
        }
    }
    Ok(files)
}

/// The hash and the tables of each partner's rows.
type Hashes = BTreeMap<(String, bool), (String, TableSet)>;

/// Erases in the files of one stored month. Gives the hashes of what they hold, also when an earlier
/// erasure that was interrupted had written them.
fn erase_month(
    facts: &Store,
    month: &StoredMonth,
    erasure: &Erasure,
    erased: &mut ErasedRows,
) -> Result<Hashes> {
    let mut hashers: BTreeMap<(String, bool), blake3::Hasher> = BTreeMap::new();
    let mut tables: BTreeMap<(String, bool), TableSet> = BTreeMap::new();
    for (table, path) in files_of(facts, month)? {
        let frame = engine::collect(engine::scan(&[facts.fetch(&path)?])?, &path)?;
        let has = |name: &str| table.columns.iter().any(|column| column.name == name);
        let mut kept = vec![true; frame.height()];
        for (name, ids) in [TENANT, PERSON].map(|name| (name, erasure.ids(name))) {
            if !has(name) || ids.is_empty() {
                continue;
            }
            let column = frame.column(name).and_then(|column| column.str()).map_err(bug)?;
            for (kept, id) in kept.iter_mut().zip(column.iter()) {
                *kept &= !ids.contains(id.unwrap_or_default());
            }
        }
        let gone = kept.iter().filter(|kept| !**kept).count();
        let mask = BooleanChunked::from_slice(PlSmallStr::EMPTY, &kept);
        let frame = frame.filter(&mask).map_err(bug)?;
        let of_table = hash_partners(&frame, table, &mut hashers)?;
        for partner in of_table {
            tables.entry(partner).or_default().insert(table);
        }
        if gone > 0 {
            erased.rows += gone;
            erased.files += 1;
            replace(facts, &path, frame)?;
        }
    }
    let hashes = hashers.into_iter().map(|(partner, hasher)| {
        let tables = tables.remove(&partner).unwrap_or_default();
        (partner, (finished(&hasher), tables))
    });
    Ok(hashes.collect())
}

/// The customers that rejected values of an entry name.
fn named_in_quarantine<'e>(
    facts: &Store,
    sequence: u64,
    erasure: &'e Erasure,
) -> Result<Vec<&'e str>> {
    let path = quarantine_path(sequence);
    if erasure.tenants.is_empty() || facts.head(&path)?.is_none() {
        return Ok(Vec::new());
    }
    let frame = engine::scan(&[facts.fetch(&path)?])?.select([col("raw_value")]);
    let frame = engine::collect(frame, &path)?;
    let values = frame.column("raw_value").and_then(|column| column.str()).map_err(bug)?;
    let is_named = |tenant: &&String| {
        values.iter().flatten().any(|value| names(&value.to_lowercase(), tenant))
    };
    Ok(erasure.tenants.iter().filter(is_named).map(String::as_str).collect())
}

/// Whether a value in lower case names a customer.
fn names(value: &str, tenant: &str) -> bool {
    value.contains(tenant.trim_start_matches("tpid:"))
}

/// Blanks the rejected values of an entry that name an erased customer.
fn erase_quarantine(facts: &Store, sequence: u64, erasure: &Erasure) -> Result<()> {
    let path = quarantine_path(sequence);
    if facts.head(&path)?.is_none() {
        return Ok(());
    }
    let mut frame = engine::collect(engine::scan(&[facts.fetch(&path)?])?, &path)?;
    let values = frame.column("raw_value").and_then(|column| column.str()).map_err(bug)?;
    let is_named = |value: &str| {
        let value = value.to_lowercase();
        erasure.tenants.iter().any(|tenant| names(&value, tenant))
    };
    let kept: Vec<Option<&str>> =
        values.iter().map(|value| value.filter(|value| !is_named(value))).collect();
    if kept.iter().flatten().count() == values.iter().flatten().count() {
        return Ok(());
    }
    let kept = Column::new("raw_value".into(), kept);
    frame.with_column(kept).map_err(bug)?;
    replace(facts, &path, frame)
}

/// Writes a file anew: readers see the old one or the new.
fn replace(facts: &Store, path: &str, frame: DataFrame) -> Result<()> {
    let written = format!("{path}.new");
    let file = facts.prepare(&written)?;
    let metadata = vec![("capscore.facts_schema".to_owned(), super::SCHEMA_VERSION.to_string())];
    engine::write_parquet(frame, &file, super::ROW_GROUP_ROWS, metadata, &written)?;
    facts.sync(&written)?;
    facts.rename(&written, path)
}
