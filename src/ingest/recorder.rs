//! What was read becomes facts: months are collapsed side by side, and the ledger entries of their
//! deliveries appended in the order of their dates.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use hashbrown::{HashMap as FastMap, HashSet as FastSet};

use super::acr_facts::{AcrFacts, Shares};
use super::batch::ReadBatch;
use super::business::added_up;
use super::consumption_key::note_different_keys;
use super::credentials::CredentialRow;
use super::describe::Description;
use super::enrolments::EnrolmentRow;
use super::intern::Texts;
use super::late::forget_known_failures;
use super::layout::{Family, dataset_index, dataset_name};
use super::locations::LocationRow;
use super::reader::FileResult;
use super::resellers::ResellerRow;
use super::seats::SeatFacts;
use super::waiting::{BucketKey, SHARDS};
use super::writing::{MonthRows, PartnerText, StoredUnit, Target};
use super::{Event, Settings, Summary};
use crate::calendar::Month;
use crate::error::Result;
use crate::facts::{Ledger, Moves, read_units};
use crate::store::StoreLock;
use crate::workers::Workers;

/// The month of a dataset, over all deliveries of the batch.
type Slice = (usize, Option<Month>);
/// Where the rows of a unit are stored, by partner, slice and hash.
type Stored = HashMap<(Slice, PartnerText), Vec<(String, u64)>>;

/// Takes batches into the facts, in order.
pub(super) struct Recorder<'a> {
    pub(super) settings: &'a Settings<'a>,
    /// Holds the facts.
    pub(super) lock: &'a StoreLock,
    pub(super) ledger: Ledger,
    pub(super) summary: Summary,
    stored: Stored,
    /// Wait for the disk or the network.
    syncing: Workers,
}

/// So many files at once are on their way to the disk or the network. It costs waiting, no work.
const SYNCING: usize = 8;

/// What the collapse of one slice gave for one delivery.
pub(super) struct Collapsed {
    pub(super) delivery: usize,
    pub(super) slice: Slice,
    pub(super) units: BTreeMap<PartnerText, StoredUnit>,
    pub(super) shares: FastMap<u32, Shares>,
    pub(super) disagreeing: BTreeMap<PartnerText, i64>,
    /// The files that were written.
    files: Vec<String>,
}

/// A batch whose facts are written, and not yet in the ledger.
pub(super) struct CollapsedBatch<'b> {
    pub(super) batch: ReadBatch<'b>,
    texts: Arc<Texts>,
    slices: Vec<Collapsed>,
}

impl<'a> Recorder<'a> {
    /// # Errors
    /// CS6005 when the facts are damaged.
    pub(super) fn new(
        settings: &'a Settings<'a>,
        lock: &'a StoreLock,
        ledger: Ledger,
        summary: Summary,
    ) -> Result<Self> {
        let mut stored = Stored::new();
        let moves = Moves::read(&settings.facts, &ledger)?;
        for entry in ledger.entries.iter().filter(|entry| entry.has_units()) {
            for unit in read_units(&settings.facts, entry.sequence)? {
                let stored_in = moves.stored(&unit);
                let slice = (dataset_index(&unit.key.dataset), unit.key.month);
                let partner = (unit.key.partner_id, unit.key.is_account);
                stored.entry((slice, partner)).or_default().push((unit.hash, stored_in));
            }
        }
        let syncing = Workers::new(SYNCING)?;
        Ok(Self { settings, lock, ledger, summary, stored, syncing })
    }

    /// Collapses and writes what was read.
    ///
    /// # Errors
    /// CS2002, CS3008, CS6005.
    pub(super) fn collapse<'b>(
        &self,
        mut batch: ReadBatch<'b>,
        workers: &Workers,
    ) -> Result<CollapsedBatch<'b>> {
        let texts = batch.batch.shared.learned.intern.texts();
        batch.drop_repeated_files(&self.ledger);
        if let Some((delivery, error)) = batch.refuse_partial_deliveries(&self.ledger, &texts)? {
            batch.stop_at(delivery, error);
        }
        forget_known_failures(&mut batch.results, &self.ledger);
        note_different_keys(&mut batch.results);
        let slices = self.slices(&batch, workers, &texts)?;
        Ok(CollapsedBatch { batch, texts, slices })
    }

    /// Appends the deliveries of a batch to the ledger, once their files are on the disk. Its thread
    /// mostly waits for the disk.
    ///
    /// # Errors
    /// What stopped the reading; CS2002, CS6005.
    pub(super) fn append(
        &mut self,
        collapsed: CollapsedBatch<'_>,
        progress: &(dyn Fn(Event<'_>) + Sync),
    ) -> Result<()> {
        let CollapsedBatch { batch, texts, slices } = collapsed;
        let written: Vec<&String> = slices.iter().flat_map(|slice| &slice.files).collect();
        self.syncing.run(&vec![0; written.len()], |at| {
            // Whoever took the facts over writes files of the same names.
            self.lock.check()?;
            self.settings.facts.sync(written[at])
        })?;
        for (at, ((delivery, _), files)) in
            batch.batch.deliveries.iter().zip(&batch.results).enumerate()
        {
            if files.is_empty() {
                continue;
            }
            let of_delivery: Vec<&Collapsed> =
                slices.iter().filter(|slice| slice.delivery == at).collect();
            let sequence = self.ledger.next_sequence();
            let entry = self.entry(*delivery, sequence, files, &of_delivery, &texts)?;
            self.lock.confirm()?;
            self.ledger.append(&self.settings.facts, entry)?;
            for Collapsed { slice, units, .. } in of_delivery {
                for (partner, unit) in units.iter().filter(|(_, unit)| unit.stored == sequence) {
                    let known = self.stored.entry((*slice, partner.clone())).or_default();
                    known.push((unit.hash.clone(), sequence));
                }
            }
            self.summary.deliveries.push(*delivery);
            progress(Event::Delivery { delivery: *delivery });
        }
        batch.failure.map_or(Ok(()), Err)
    }

    /// Collapses the months of every dataset and writes their facts. Deliveries of one month are
    /// taken in order, so that what an earlier one stored is not stored again.
    fn slices(
        &self,
        batch: &ReadBatch<'_>,
        workers: &Workers,
        texts: &Texts,
    ) -> Result<Vec<Collapsed>> {
        let (shared, results) = (&batch.batch.shared, &batch.results);
        let mut sequences = Vec::new();
        let mut next = self.ledger.next_sequence();
        for files in results {
            sequences.push(next);
            next += u64::from(!files.is_empty());
        }
        let mut slices: BTreeMap<Slice, BTreeSet<usize>> = BTreeMap::new();
        for (key, _) in shared.acr.sizes().into_iter().chain(shared.seats.sizes()) {
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
        let live = shared.live_slots();
        let mut lines: HashMap<Slice, u64> = HashMap::new();
        for (key, count) in shared.acr.sizes().into_iter().chain(shared.seats.sizes()) {
            *lines.entry((key.dataset, Some(key.month))).or_default() += count;
        }
        let sizes: Vec<u64> =
            slices.iter().map(|(slice, _)| lines.get(slice).copied().unwrap_or_default()).collect();
        let collapsed = workers.run(&sizes, |at| {
            let (slice, deliveries) = &slices[at];
            let mut stored: HashMap<(PartnerText, String), u64> = HashMap::new();
            let mut collapsed = Vec::new();
            for delivery in deliveries {
                let sequence = sequences[*delivery];
                let target = Target {
                    facts: &self.settings.facts,
                    dataset: dataset_name(slice.0),
                    month: slice.1,
                    sequence,
                };
                let slot_is_live = |slot: u32| live.get(&slot) == Some(&true);
                let (rows, mut done) =
                    self.month_rows(*slice, *delivery, batch, texts, &slot_is_live)?;
                (done.units, done.files) = rows.write(&target, texts, &|partner, hash| {
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
        batch: &ReadBatch<'_>,
        texts: &Texts,
        is_live: &dyn Fn(u32) -> bool,
    ) -> Result<(MonthRows, Collapsed)> {
        let mut done = Collapsed {
            delivery,
            slice,
            units: BTreeMap::new(),
            shares: FastMap::new(),
            disagreeing: BTreeMap::new(),
            files: Vec::new(),
        };
        let (shared, results) = (&batch.batch.shared, &batch.results);
        let files: Vec<&FileResult> = results[delivery]
            .iter()
            .filter(|file| file.dataset == slice.0 && is_live(file.slot))
            .collect();
        let Some(month) = slice.1 else {
            return Ok((snapshot_rows(&files, &mut done.shares), done));
        };
        let blank = shared.learned.intern.local().id(b"");
        let key = |shard| BucketKey { delivery, dataset: slice.0, month, shard };
        let described = |rows: &dyn Fn(&FileResult) -> &Vec<Description>| {
            let rows = files.iter().flat_map(|file| rows(file).iter().copied());
            rows.filter(|row| row.month == month).collect::<Vec<Description>>()
        };
        // As a live unit is a distributor's: by the files that have rows of it.
        let distributed = files.iter().filter(|file| file.record.is_distributor);
        let distributors = distributed
            .flat_map(|file| file.tally.units())
            .filter(|((_, of), _)| *of == Some(month))
            .map(|((partner, _), _)| partner);
        let mut acr = AcrFacts::new(distributors.collect());
        for shard in 0..SHARDS {
            acr.add(&shared.acr.take(key(shard))?, texts, blank, is_live)?;
        }
        let mut known: FastMap<u32, bool> = FastMap::new();
        let workloads = &self.settings.catalogs.workloads;
        let mut is_known = |workload| {
            let look_up = || workloads.known(texts.text(workload)).is_some();
            *known.entry(workload).or_insert_with(look_up)
        };
        let lines = shared.seats.take(key(0))?;
        let mut seats = SeatFacts::of(&lines, texts, is_live, &mut is_known)?;
        drop(lines);
        for (partner, count) in &acr.disagreeing {
            let (id, is_account) = texts.partner(*partner);
            done.disagreeing.insert((id.to_owned(), is_account), *count);
        }
        done.shares = std::mem::take(&mut acr.files);
        done.shares.extend(std::mem::take(&mut seats.files));
        share_customers(&files, month, &mut done.shares);
        let is_estimate = files.iter().any(|file| file.family == Some(Family::Estimates));
        let mut rows = if is_estimate {
            MonthRows::of_estimates(acr, texts)
        } else if seats.is_empty() {
            MonthRows::of_acr(acr, texts)
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
}

/// Counts the rows of customer exports: the first that says something is used, others repeat it.
fn share_customers(files: &[&FileResult], month: Month, shares: &mut FastMap<u32, Shares>) {
    let mut seen: FastSet<Description> = FastSet::new();
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
    let mut seen: FastSet<ResellerRow> = FastSet::new();
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
    let mut credentials: FastSet<CredentialRow> = FastSet::new();
    let mut locations: FastSet<LocationRow> = FastSet::new();
    let mut enrolments: FastSet<EnrolmentRow> = FastSet::new();
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
            count(credentials.insert(*row));
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
