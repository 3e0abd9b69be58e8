//! Which units count. A pure function of the ledger: deliveries are folded by their date, never by
//! their arrival, so any order of arrival ends in the same live units.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::OnceLock;

use hashbrown::HashMap;

use super::claims::{Folded, Said, by_dataset, fold, runs};
use super::delivered::OwnDelivered;
use super::fact_path;
use super::ledger::{FileRecord, Ledger, LedgerEntry};
use super::moves::Moves;
use super::schema::{FactTable, LOCATION, SNAPSHOT};
use super::table_set::TableSet;
use super::unit::{Unit, UnitKey, read_units};
use crate::calendar::{Day, Month};
use crate::engine;
use crate::engine::bug;
use crate::error::Result;
use crate::ids::FieldHasher;
use crate::money::Money;
use crate::store::Store;
use crate::workers::{Workers, threads};

/// The dataset that says which locations belong to which account.
pub const PROFILE: &str = "profile";

/// The live units of a facts folder.
#[derive(Debug, Clone)]
pub struct Live {
    pub(super) store: Store,
    /// The ledger that it was folded from.
    pub ledger: Ledger,
    /// The live units, sorted by dataset, month, account, partner.
    pub units: Vec<LiveUnit>,
    /// Where those of each dataset and month are.
    months: Vec<Range<usize>>,
    /// Replacements that were held back.
    pub held: Vec<Held>,
    /// What the live replacements replaced.
    pub(crate) replaced: Replacements,
    /// The account of each location that a live Profile names.
    pub accounts: BTreeMap<String, String>,
    /// How many partners each fact file holds, by dataset, month and ledger entry.
    pub(super) stored_partners: HashMap<(StoredMonth, String), usize>,
    /// Every scored month looks at what was delivered; it is found out once.
    pub(super) delivered: OnceLock<OwnDelivered>,
    /// The same of the hashes of the units of each dataset and month.
    hashes: OnceLock<Vec<blake3::Hash>>,
    locations_hash: OnceLock<blake3::Hash>,
}

/// The live units of one dataset and month.
#[derive(Debug, Clone, Copy)]
pub struct MonthUnits<'a> {
    /// The dataset.
    pub dataset: &'a str,
    /// The month; none for snapshots.
    pub month: Option<Month>,
    /// The units, sorted by account and partner.
    pub units: &'a [LiveUnit],
}

/// One unit that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveUnit {
    /// Which unit, as delivered.
    pub key: UnitKey,
    /// The partner global account that it belongs to.
    pub account: String,
    /// When it was delivered.
    pub delivery: Day,
    /// The ledger entry that delivered it.
    pub sequence: u64,
    /// The files of that entry that hold rows of it.
    pub files: Vec<usize>,
    /// Hash of its facts.
    pub hash: String,
    /// The ledger entry whose fact files hold the rows.
    pub stored: u64,
    /// The fact tables that hold rows of it.
    pub tables: TableSet,
    /// Consumptions whose attributions disagree on the amount.
    pub disagreeing: i64,
    /// Accepted records.
    pub rows: i64,
    /// Sum of their amounts.
    pub amount: Money,
    /// Whether a distributor delivered it: its rows credit resellers too.
    pub is_distributor: bool,
    /// Locations named in it, sorted.
    pub locations: Vec<String>,
}

/// By dataset, month and delivery: rows that it replaced, and rows that stand in their place.
pub(super) type Replacements = BTreeMap<(String, Option<Month>, Day), (i64, i64)>;

/// A replacement that would lose rows, and was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The dataset.
    pub dataset: String,
    /// The partner global account.
    pub account: String,
    /// The month, none for snapshots.
    pub month: Option<Month>,
    /// The delivery that was held back.
    pub delivery: Day,
    /// The delivery that stays live.
    pub kept: Day,
    /// What it would lose.
    pub reason: String,
}

/// A month of a dataset in the fact files of one ledger entry.
pub(super) type StoredMonth = (String, Option<Month>, u64);

impl Live {
    /// Reads the ledger and folds it.
    ///
    /// # Errors
    /// CS6004 without facts; CS2001, CS6005 when the facts are damaged.
    pub fn read(store: &Store) -> Result<Self> {
        Self::fold(store, Ledger::read_some(store)?)
    }

    /// Folds a ledger that was read.
    ///
    /// # Errors
    /// CS2001, CS6005 when the facts are damaged.
    pub fn fold(store: &Store, ledger: Ledger) -> Result<Self> {
        Self::fold_until(store, ledger, None)
    }

    /// Reads the ledger and folds the deliveries up to a day.
    ///
    /// # Errors
    /// CS2001, CS6005 when the facts are damaged.
    pub fn read_until(store: &Store, last: Day) -> Result<Self> {
        Self::fold_until(store, Ledger::read_some(store)?, Some(last))
    }

    fn fold_until(store: &Store, ledger: Ledger, last: Option<Day>) -> Result<Self> {
        let moves = Moves::read(store, &ledger)?;
        let entries: Vec<&LedgerEntry> =
            ledger.entries.iter().filter(|entry| entry.has_units()).collect();
        let sizes = vec![0; entries.len()];
        let workers = Workers::new(threads())?;
        let read = workers.run(&sizes, |at| read_units(store, entries[at].sequence))?;
        let mut stored_partners: HashMap<(StoredMonth, String), usize> = HashMap::new();
        let mut profiles: Vec<Said> = Vec::new();
        let mut others: Vec<Said> = Vec::with_capacity(read.iter().map(Vec::len).sum());
        for (entry, units) in entries.into_iter().zip(read) {
            let retracted = ledger.retracted(entry);
            count_partners(&units, entry.sequence, &moves, &mut stored_partners);
            if last.is_some_and(|last| entry.day() > last) {
                continue;
            }
            for mut unit in units {
                if retracted.contains(unit.key.dataset.as_str()) {
                    continue;
                }
                unit.stored = moves.stored(&unit);
                let is_profile = unit.key.dataset == PROFILE;
                let said = Said::new(unit, entry);
                if is_profile { profiles.push(said) } else { others.push(said) }
            }
        }
        let mut live = Self {
            store: store.clone(),
            ledger,
            units: Vec::new(),
            months: Vec::new(),
            held: Vec::new(),
            replaced: Replacements::new(),
            accounts: BTreeMap::new(),
            stored_partners,
            delivered: OnceLock::new(),
            hashes: OnceLock::new(),
            locations_hash: OnceLock::new(),
        };
        live.take(profiles, &workers)?;
        live.accounts = live.read_accounts()?;
        live.take(others, &workers)?;
        for unit in &mut live.units {
            let files = unit.files.iter();
            let mut records = files.filter_map(|file| live.ledger.file(unit.sequence, *file));
            unit.is_distributor = records.any(|record| record.is_distributor);
        }
        live.units.sort_by(|left, right| left.order().cmp(&right.order()));
        let is_of_month =
            |left: usize, right: usize| live.units[left].month() == live.units[right].month();
        live.months = runs(0..live.units.len(), is_of_month).collect();
        Ok(live)
    }

    /// Whether a distributor delivered anything that is live.
    pub fn has_distributor(&self) -> bool {
        self.units.iter().any(|unit| unit.is_distributor)
    }

    /// The partner global account of a partner as delivered.
    pub fn account_of<'a>(&'a self, partner_id: &'a str, is_account: bool) -> &'a str {
        let known = if is_account { None } else { self.accounts.get(partner_id) };
        known.map_or(partner_id, String::as_str)
    }

    /// Takes what was said of all datasets: none depends on another.
    fn take(&mut self, said: Vec<Said>, workers: &Workers) -> Result<()> {
        let account = |key: &UnitKey| self.account_of(&key.partner_id, key.is_account).to_owned();
        let folded =
            workers.each(by_dataset(said), |said| Ok(fold(said, &self.ledger, &account)))?;
        for Folded { units, held, replaced } in folded {
            self.units.extend(units);
            self.held.extend(held);
            self.replaced.extend(replaced);
        }
        Ok(())
    }

    fn read_accounts(&self) -> Result<BTreeMap<String, String>> {
        let mut found: BTreeMap<String, (Day, String)> = BTreeMap::new();
        let mut deliveries: BTreeMap<u64, BTreeMap<(String, bool), Day>> = BTreeMap::new();
        let has_rows = |unit: &&LiveUnit| unit.tables.contains(&LOCATION);
        for unit in self.units.iter().filter(|unit| unit.key.dataset == PROFILE).filter(has_rows) {
            deliveries
                .entry(unit.stored)
                .or_default()
                .insert((unit.key.partner_id.clone(), unit.key.is_account), unit.delivery);
        }
        for (sequence, partners) in deliveries {
            let path = fact_path(&LOCATION, PROFILE, SNAPSHOT, sequence);
            let frame =
                engine::collect(engine::scan(&[self.store.fetch(&path)?])?, "the locations")?;
            let column =
                |name: &str| frame.column(name).and_then(|column| column.str()).map_err(bug);
            let (partner, location, account) =
                (column("partner_id")?, column("location_id")?, column("account_id")?);
            let is_account =
                frame.column("is_account").and_then(|column| column.bool()).map_err(bug)?;
            for at in 0..frame.height() {
                let (Some(partner), Some(location), Some(account)) =
                    (partner.get(at), location.get(at), account.get(at))
                else {
                    continue;
                };
                let exporter = (partner.to_owned(), is_account.get(at).unwrap_or_default());
                let Some(&delivery) = partners.get(&exporter) else { continue };
                if location.is_empty() || account.is_empty() {
                    continue;
                }
                // The newest Profile wins; of one date, the smaller account.
                let better = found.get(location).is_none_or(|(known, known_account)| {
                    (delivery, std::cmp::Reverse(account))
                        > (*known, std::cmp::Reverse(known_account.as_str()))
                });
                if better {
                    found.insert(location.to_owned(), (delivery, account.to_owned()));
                }
            }
        }
        Ok(found.into_iter().map(|(location, (_, account))| (location, account)).collect())
    }

    /// The record of a file of an entry.
    pub fn file(&self, sequence: u64, file: usize) -> Option<&FileRecord> {
        self.ledger.file(sequence, file)
    }

    /// The newest month with a live unit, of any dataset.
    pub fn newest_month(&self) -> Option<Month> {
        self.units.iter().filter_map(|unit| unit.key.month).max()
    }

    /// The live units by dataset and month, sorted.
    pub fn months(&self) -> impl Iterator<Item = MonthUnits<'_>> {
        self.months.iter().map(|of_month| {
            let units = &self.units[of_month.clone()];
            let (dataset, month) = units[0].month();
            MonthUnits { dataset, month, units }
        })
    }

    /// Each exporter (account) with a location that its rows name, whatever the export: such a location
    /// is no reseller.
    pub(super) fn locations(&self) -> BTreeSet<(&str, &str)> {
        let mut found = BTreeSet::new();
        for unit in &self.units {
            found.extend(unit.locations.iter().map(|at| (unit.account.as_str(), at.as_str())));
        }
        found
    }

    /// A hash over the locations of all exporters.
    pub fn locations_hash(&self) -> &blake3::Hash {
        self.locations_hash.get_or_init(|| {
            let mut hasher = FieldHasher::default();
            for (account, location) in self.locations() {
                hasher.add_text(account);
                hasher.add_text(location);
            }
            hasher.finish()
        })
    }

    /// A hash over the content of the live units of the datasets and months that `keep` selects.
    pub fn content_hash(&self, keep: impl Fn(&MonthUnits<'_>) -> bool) -> blake3::Hash {
        let hashes = self.hashes.get_or_init(|| self.months().map(MonthUnits::hash).collect());
        let mut hasher = FieldHasher::default();
        for (of_month, hash) in self.months().zip(hashes) {
            if keep(&of_month) {
                hasher.add_text(of_month.dataset);
                hasher.add_some(of_month.month);
                hasher.add(hash.to_hex());
            }
        }
        hasher.finish()
    }

    /// Whether a fact file holds only live units.
    pub(super) fn is_whole(&self, table: &str, month: &StoredMonth, live_partners: usize) -> bool {
        self.stored_partners.get(&(month.clone(), table.to_owned())) == Some(&live_partners)
    }
}

impl MonthUnits<'_> {
    /// Whether no row of them is in another table.
    pub fn has_only(&self, table: &FactTable) -> bool {
        self.units.iter().flat_map(|unit| unit.tables.iter()).all(|of| of.name == table.name)
    }

    /// A hash over the content of the units.
    fn hash(self) -> blake3::Hash {
        let mut hasher = FieldHasher::default();
        for unit in self.units {
            hasher.add_text(&unit.account);
            hasher.add_text(&unit.key.partner_id);
            hasher.add_text(&unit.hash);
        }
        hasher.finish()
    }
}

impl LiveUnit {
    fn order(&self) -> impl Ord + '_ {
        (self.month(), &self.account, &self.key.partner_id, self.key.is_account)
    }

    /// Dataset and month.
    fn month(&self) -> (&str, Option<Month>) {
        (&self.key.dataset, self.key.month)
    }
}

/// Counts the partners in each fact file that the units of an entry speak of. Files keep the rows that
/// a compaction moved.
fn count_partners(
    units: &[Unit],
    sequence: u64,
    moves: &Moves,
    counts: &mut HashMap<(StoredMonth, String), usize>,
) {
    let mut of_entry: HashMap<(&str, Option<Month>, u64, &str), usize> = HashMap::new();
    // What several files say of one unit stands together.
    for of_unit in units.chunk_by(|left, right| left.key == right.key) {
        let Some(unit) = of_unit.iter().find(|unit| unit.stored == sequence) else { continue };
        for stored in moves.history(unit) {
            for table in unit.tables.iter() {
                let file = (unit.key.dataset.as_str(), unit.key.month, stored, table.name);
                *of_entry.entry(file).or_default() += 1;
            }
        }
    }
    for ((dataset, month, stored, table), count) in of_entry {
        let file = ((dataset.to_owned(), month, stored), table.to_owned());
        *counts.entry(file).or_default() += count;
    }
}
