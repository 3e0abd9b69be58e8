//! Some deliveries at once: their files are read side by side, their months collapsed side by side,
//! and their ledger entries appended in the order of their dates.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap as FastMap;

use super::acr_facts::{AcrFacts, Shares};
use super::buckets::BucketKey;
use super::business::added_up;
use super::consumption_key::note_different_keys;
use super::credentials::CredentialRow;
use super::describe::Description;
use super::discover::partner_of;
use super::enrolments::EnrolmentRow;
use super::intern::Texts;
use super::late::forget_known_failures;
use super::layout::{Family, dataset_index, dataset_name};
use super::locations::LocationRow;
use super::reader::{FileResult, FileTask, read_file};
use super::resellers::ResellerRow;
use super::seats::SeatFacts;
use super::shared::Shared;
use super::writing::{MonthRows, PartnerText, StoredUnit, Target};
use super::{Event, OnBadFile, PlannedFile, Settings, Summary, is_file_fault, task};
use crate::calendar::{Day, Month};
use crate::error::{Error, Result};
use crate::facts::{Erased, FileRecord, Ledger, Moves, read_units};
use crate::money::Money;
use crate::store::StoreLock;

/// The month of a dataset, over all deliveries of the batch.
type Slice = (usize, Option<Month>);
/// Where the rows of a unit are stored, by partner, slice and hash.
type Stored = HashMap<(Slice, PartnerText), Vec<(String, u64)>>;

/// A batch with more bytes than this takes no further delivery. Its lines take about a fifth of that
/// in memory; at its end threads wait for the last file.
const MOST_BYTES: u64 = 768 << 20;

pub(super) struct Batch<'a> {
    pub(super) settings: &'a Settings<'a>,
    /// Holds the facts.
    pub(super) lock: &'a StoreLock,
    pub(super) shared: Shared<'a>,
    pub(super) deliveries: Vec<(Day, Vec<PlannedFile>)>,
    stored: Stored,
}

/// What the collapse of one slice gave for one delivery.
pub(super) struct Collapsed {
    pub(super) delivery: usize,
    pub(super) slice: Slice,
    pub(super) units: BTreeMap<PartnerText, StoredUnit>,
    pub(super) shares: FastMap<u32, Shares>,
    pub(super) disagreeing: BTreeMap<PartnerText, i64>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        settings: &'a Settings<'a>,
        lock: &'a StoreLock,
        ledger: &Ledger,
    ) -> Result<Self> {
        let shared = Shared::new(
            settings.sources,
            settings.catalogs,
            settings.person_key,
            Erased::of(ledger),
            settings.keeps_customer_names,
            settings.memory,
        );
        let mut stored: Stored = HashMap::new();
        let moves = Moves::read(&settings.facts, ledger)?;
        for entry in &ledger.entries {
            if !entry.has_units() {
                continue;
            }
            for unit in read_units(&settings.facts, entry.sequence)? {
                let stored_in = moves.stored(&unit);
                let slice = (dataset_index(&unit.key.dataset), unit.key.month);
                let partner = (unit.key.partner_id, unit.key.is_account);
                stored.entry((slice, partner)).or_default().push((unit.hash, stored_in));
            }
        }
        Ok(Self { settings, lock, shared, deliveries: Vec::new(), stored })
    }

    /// Whether one more delivery keeps the batch small.
    pub(super) fn has_room(&self) -> bool {
        let files = self.deliveries.iter().flat_map(|(_, files)| files);
        files.map(|file| file.file.size).sum::<u64>() < MOST_BYTES
    }

    pub(super) fn add(&mut self, delivery: Day, files: Vec<PlannedFile>) {
        self.deliveries.push((delivery, files));
    }

    /// Reads, collapses, writes and appends to the ledger.
    pub(super) fn run(
        self,
        ledger: &mut Ledger,
        summary: &mut Summary,
        progress: &(dyn Fn(Event<'_>) + Sync),
    ) -> Result<()> {
        let first_sequence = ledger.next_sequence();
        let (mut results, mut failure) = self.read(progress)?;
        let texts = self.shared.intern.texts();
        self.drop_repeated_files(&mut results, ledger);
        if let Some((delivery, error)) =
            self.refuse_partial_deliveries(&mut results, ledger, &texts)?
        {
            self.stop_at(delivery, &mut results);
            failure = Some(error);
        }
        forget_known_failures(&mut results, ledger);
        note_different_keys(&mut results);
        let collapsed = self.collapse(&results, first_sequence, &texts)?;
        for (at, (delivery, _)) in self.deliveries.iter().enumerate() {
            let files: Vec<FileResult> = std::mem::take(&mut results[at]);
            if files.is_empty() {
                continue;
            }
            let of_delivery: Vec<&Collapsed> =
                collapsed.iter().filter(|collapsed| collapsed.delivery == at).collect();
            let sequence = ledger.next_sequence();
            let entry = self.entry(*delivery, sequence, &files, &of_delivery, &texts, summary)?;
            self.lock.confirm()?;
            ledger.append(&self.settings.facts, entry)?;
            summary.deliveries.push(*delivery);
            progress(Event::Delivery { delivery: *delivery });
        }
        failure.map_or(Ok(()), Err)
    }

    /// Reads all files; per delivery the results by location. A file that fails stops its delivery
    /// and the later ones; it is told once those before it are in the ledger.
    fn read(
        &self,
        progress: &(dyn Fn(Event<'_>) + Sync),
    ) -> Result<(Vec<Vec<FileResult>>, Option<Error>)> {
        let planned = self
            .deliveries
            .iter()
            .enumerate()
            .flat_map(|(at, (_, files))| files.iter().map(move |file| (at, &file.file)));
        let tasks: Vec<(FileTask, u64)> = planned
            .enumerate()
            .map(|(number, (delivery, file))| (task(number, delivery, file), file.size))
            .collect();
        let sizes: Vec<u64> = tasks.iter().map(|(_, bytes)| *bytes).collect();
        let read = self.in_parallel(&sizes, |at| {
            let (task, bytes) = &tasks[at];
            let result = read_file(&self.shared, task);
            progress(Event::File { uri: &task.uri, bytes: *bytes });
            Ok(result)
        })?;
        let mut results: Vec<Vec<FileResult>> =
            self.deliveries.iter().map(|_| Vec::new()).collect();
        let mut failure: Option<(usize, Error)> = None;
        for ((task, bytes), result) in tasks.iter().zip(read) {
            match result {
                Ok(result) => results[task.delivery].push(result),
                Err(error)
                    if self.settings.on_bad_file == OnBadFile::SetAside
                        && is_file_fault(&error) =>
                {
                    results[task.delivery].push(set_aside(&task.uri, &task.etag, *bytes, &error));
                }
                // Files stand in the order of their delivery and location: the first failure is the
                // same in every run.
                Err(error) if failure.is_none() => failure = Some((task.delivery, error)),
                Err(_) => {}
            }
        }
        let Some((delivery, error)) = failure else { return Ok((results, None)) };
        self.stop_at(delivery, &mut results);
        Ok((results, Some(error)))
    }

    /// Forgets a delivery and those after it.
    fn stop_at(&self, delivery: usize, results: &mut [Vec<FileResult>]) {
        for result in results[delivery..].iter_mut().flat_map(std::mem::take) {
            self.shared.drop_slot(result.slot);
        }
    }

    /// A file with the content of another one of its delivery adds nothing. The same content in a
    /// later delivery is said anew: it may take back a restatement in between.
    fn drop_repeated_files(&self, results: &mut [Vec<FileResult>], ledger: &Ledger) {
        // The same bytes in the folders of two partners say something of each.
        let key =
            |day: Day, file: &FileRecord| (day, file.content_hash.clone(), partner_of(&file.uri));
        let mut seen = HashMap::new();
        // What stands at a location that is read anew no longer counts.
        let read: HashSet<(Day, &str)> = self
            .deliveries
            .iter()
            .flat_map(|(day, files)| files.iter().map(|file| (*day, file.file.uri.as_str())))
            .collect();
        for (entry, _, file) in ledger.files() {
            let is_read = read.contains(&(entry.day(), file.uri.as_str()))
                || ledger.retracted(entry).contains(file.dataset.as_str());
            if file.same_as.is_none() && file.set_aside.is_none() && !is_read {
                seen.insert(key(entry.day(), file), file.uri.clone());
            }
        }
        for (at, files) in results.iter_mut().enumerate() {
            let (delivery, _) = self.deliveries[at];
            for result in files.iter_mut().filter(|result| result.record.set_aside.is_none()) {
                let uri = result.record.uri.clone();
                let first =
                    seen.entry(key(delivery, &result.record)).or_insert_with(|| uri.clone());
                if *first != uri {
                    self.shared.drop_slot(result.slot);
                    let record =
                        FileRecord { same_as: Some(first.clone()), ..result.record.clone() };
                    *result = FileResult::without_rows(record, result.dataset, result.slot);
                }
            }
        }
    }

    /// Collapses the months of every dataset and writes their facts. Deliveries of one month are
    /// taken in order, so that what an earlier one stored is not stored again.
    fn collapse(
        &self,
        results: &[Vec<FileResult>],
        first_sequence: u64,
        texts: &Texts,
    ) -> Result<Vec<Collapsed>> {
        let mut sequences = Vec::new();
        let mut next = first_sequence;
        for files in results {
            sequences.push(next);
            next += u64::from(!files.is_empty());
        }
        let mut slices: BTreeMap<Slice, BTreeSet<usize>> = BTreeMap::new();
        for (key, _) in self.shared.acr.sizes().into_iter().chain(self.shared.seats.sizes()) {
            slices.entry((key.dataset, Some(key.month))).or_default().insert(key.delivery);
        }
        for (delivery, files) in results.iter().enumerate() {
            for file in files {
                let is_snapshot = !file.credentials.is_empty()
                    || !file.locations.is_empty()
                    || !file.enrolments.is_empty();
                if is_snapshot {
                    slices.entry((file.dataset, None)).or_default().insert(delivery);
                }
                let customers = file.customers.iter().map(|row| row.month);
                let months: BTreeSet<Month> =
                    customers.chain(file.sold.iter().map(|(row, _)| row.month)).collect();
                for month in months {
                    slices.entry((file.dataset, Some(month))).or_default().insert(delivery);
                }
            }
        }
        let slices: Vec<(Slice, BTreeSet<usize>)> = slices.into_iter().collect();
        let live = self.shared.live_slots();
        let mut lines: HashMap<Slice, u64> = HashMap::new();
        for (key, count) in self.shared.acr.sizes().into_iter().chain(self.shared.seats.sizes()) {
            *lines.entry((key.dataset, Some(key.month))).or_default() += count;
        }
        let sizes: Vec<u64> =
            slices.iter().map(|(slice, _)| lines.get(slice).copied().unwrap_or_default()).collect();
        let collapsed = self.in_parallel(&sizes, |at| {
            let (slice, deliveries) = &slices[at];
            let mut stored: HashMap<(PartnerText, String), u64> = HashMap::new();
            let mut collapsed = Vec::new();
            for delivery in deliveries {
                let sequence = sequences[*delivery];
                let target = Target {
                    facts: &self.settings.facts,
                    lock: self.lock,
                    dataset: dataset_name(slice.0),
                    month: slice.1,
                    sequence,
                };
                let slot_is_live = |slot: u32| live.get(&slot) == Some(&true);
                let (rows, mut done) =
                    self.month_rows(*slice, *delivery, &results[*delivery], texts, &slot_is_live)?;
                done.units = rows.write(&target, texts, &|partner, hash| {
                    self.known(*slice, partner, hash)
                        .or_else(|| stored.get(&(partner.clone(), hash.to_owned())).copied())
                })?;
                for (partner, unit) in &done.units {
                    stored.insert((partner.clone(), unit.hash.clone()), unit.stored);
                }
                collapsed.push(done);
            }
            Ok(collapsed)
        })?;
        Ok(collapsed.into_iter().flatten().collect())
    }

    fn known(&self, slice: Slice, partner: &PartnerText, hash: &str) -> Option<u64> {
        let stored = self.stored.get(&(slice, partner.clone()))?;
        stored.iter().find(|(known, _)| known == hash).map(|(_, at)| *at)
    }

    fn month_rows(
        &self,
        slice: Slice,
        delivery: usize,
        files: &[FileResult],
        texts: &Texts,
        is_live: &dyn Fn(u32) -> bool,
    ) -> Result<(MonthRows, Collapsed)> {
        let mut done = Collapsed {
            delivery,
            slice,
            units: BTreeMap::new(),
            shares: FastMap::new(),
            disagreeing: BTreeMap::new(),
        };
        let files: Vec<&FileResult> =
            files.iter().filter(|file| file.dataset == slice.0 && is_live(file.slot)).collect();
        let Some(month) = slice.1 else {
            return Ok((snapshot_rows(&files, &mut done.shares), done));
        };
        let blank = self.shared.intern.local().id(b"");
        let key = |shard| BucketKey { delivery, dataset: slice.0, month, shard };
        let described = |rows: &dyn Fn(&FileResult) -> &Vec<Description>| {
            let rows = files.iter().flat_map(|file| rows(file).iter().copied());
            rows.filter(|row| row.month == month).collect::<Vec<Description>>()
        };
        let mut acr = AcrFacts::default();
        for shard in 0..super::buckets::SHARDS {
            acr.add(&self.shared.acr.take(key(shard))?, texts, blank, is_live);
        }
        let mut seats = SeatFacts::default();
        let mut known: FastMap<u32, bool> = FastMap::new();
        let workloads = &self.settings.catalogs.workloads;
        let mut is_known = |workload| {
            let look_up = || workloads.known(texts.text(workload)).is_some();
            *known.entry(workload).or_insert_with(look_up)
        };
        seats.add(self.shared.seats.take(key(0))?, is_live, &mut is_known);
        for (partner, count) in &acr.disagreeing {
            let (id, is_account) = texts.partner(*partner);
            done.disagreeing.insert((id.to_owned(), is_account), *count);
        }
        done.shares = std::mem::take(&mut acr.files);
        done.shares.extend(std::mem::take(&mut seats.files));
        share_customers(&files, month, &mut done.shares);
        let is_estimate = files.iter().any(|file| file.family == Some(Family::Estimates));
        let mut rows = if is_estimate {
            MonthRows::of_estimates(acr)
        } else if seats.seats.is_empty() {
            MonthRows::of_acr(acr)
        } else {
            MonthRows::of_seats(seats)
        };
        rows.customers = described(&|file| &file.customers);
        rows.partners = described(&|file| &file.partners);
        rows.resellers = described(&|file| &file.resellers);
        let business = files.iter().map(|file| (file.slot, file.business.as_slice()));
        rows.business = added_up(business, month, &mut done.shares).into_iter().collect();
        rows.sold = share_sold(&files, month, &mut done.shares);
        Ok((rows, done))
    }

    /// Runs a job for each size on the threads of the ingest, large ones first, so that no thread
    /// waits long for the last one; results stand in the order of the sizes.
    fn in_parallel<T: Send>(
        &self,
        sizes: &[u64],
        job: impl Fn(usize) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(sizes[*at]));
        let next = AtomicUsize::new(0);
        let done: Mutex<BTreeMap<usize, Result<T>>> = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for _ in 0..self.settings.threads.clamp(1, sizes.len().max(1)) {
                scope.spawn(|| {
                    while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let result = job(at);
                        done.lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .insert(at, result);
                    }
                });
            }
        });
        let done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        done.into_values().collect()
    }
}

impl FileResult {
    fn without_rows(record: FileRecord, dataset: usize, slot: u32) -> Self {
        Self {
            record,
            dataset,
            family: None,
            slot,
            key: Vec::new(),
            tally: super::tally::Tally::default(),
            rejected: Vec::new(),
            customers: Vec::new(),
            partners: Vec::new(),
            resellers: Vec::new(),
            credentials: Vec::new(),
            locations: Vec::new(),
            enrolments: Vec::new(),
            sold: Vec::new(),
            business: Vec::new(),
        }
    }
}

pub(super) fn set_aside(uri: &str, etag: &str, bytes: u64, error: &Error) -> FileResult {
    let record = FileRecord {
        uri: uri.to_owned(),
        bytes,
        etag: etag.to_owned(),
        set_aside: Some(format!("{}: {error}", error.code().as_str())),
        amount_accepted: Money::ZERO.to_string(),
        amount_facts: Money::ZERO.to_string(),
        amount_repeated: Money::ZERO.to_string(),
        amount_not_used: Money::ZERO.to_string(),
        ..FileRecord::default()
    };
    FileResult::without_rows(record, usize::MAX, u32::MAX)
}

/// Counts the rows of customer exports: the first that says something is used, others repeat it.
fn share_customers(files: &[&FileResult], month: Month, shares: &mut FastMap<u32, Shares>) {
    let mut seen: HashSet<Description> = HashSet::new();
    for file in files.iter().filter(|file| file.family == Some(Family::Customers)) {
        let of_month = file.customers.iter().filter(|row| row.month == month);
        let new = of_month.filter(|row| seen.insert(**row)).count() as u64;
        let rows: i64 = file
            .tally
            .units()
            .filter(|((_, known), _)| *known == Some(month))
            .map(|(_, unit)| unit.rows)
            .sum();
        let shares = shares.entry(file.slot).or_default();
        shares.used += new;
        shares.repeated += u64::try_from(rows).unwrap_or_default().saturating_sub(new);
    }
}

/// Counts the rows of subscription exports: the first that names a reseller for a subscription is
/// used, others repeat it.
fn share_sold(
    files: &[&FileResult],
    month: Month,
    shares: &mut FastMap<u32, Shares>,
) -> Vec<ResellerRow> {
    let mut seen: HashSet<ResellerRow> = HashSet::new();
    for file in files.iter().filter(|file| file.family == Some(Family::Resellers)) {
        let shares = shares.entry(file.slot).or_default();
        for (row, times) in file.sold.iter().filter(|(row, _)| row.month == month) {
            let is_new = u64::from(seen.insert(*row));
            shares.used += is_new;
            shares.repeated += times - is_new;
        }
    }
    seen.into_iter().collect()
}

/// The rows of a snapshot over its files; a row that several files (or lines) repeat is one.
fn snapshot_rows(files: &[&FileResult], shares: &mut FastMap<u32, Shares>) -> MonthRows {
    let mut rows = MonthRows::default();
    let mut credentials: HashSet<CredentialRow> = HashSet::new();
    let mut locations: HashSet<LocationRow> = HashSet::new();
    let mut enrolments: HashSet<EnrolmentRow> = HashSet::new();
    for file in files {
        let shares = shares.entry(file.slot).or_default();
        let mut count = |is_new: bool| {
            if is_new {
                shares.used += 1;
            } else {
                shares.repeated += 1;
            }
        };
        for row in &file.credentials {
            count(credentials.insert(row.clone()));
        }
        for row in &file.locations {
            count(locations.insert(*row));
        }
        for row in &file.enrolments {
            count(enrolments.insert(*row));
        }
    }
    // All files of a dataset are of one family.
    if files.iter().any(|file| file.family == Some(Family::ListedCredentials)) {
        rows.listed_credentials.extend(credentials);
    } else {
        rows.credentials.extend(credentials);
    }
    rows.locations.extend(locations);
    rows.enrolments.extend(enrolments);
    rows
}
