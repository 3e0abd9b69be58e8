//! Some deliveries at once: their files are read side by side.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::iter::Peekable;
use std::sync::Arc;

use super::discover::partner_of;
use super::reader::{FileResult, FileTask, read_file};
use super::shared::{Learned, Shared};
use super::{Event, OnBadFile, PlannedFile, Settings, is_file_fault, task};
use crate::calendar::Day;
use crate::error::{Error, Result};
use crate::facts::{Erased, FileRecord, Ledger};
use crate::money::Money;

/// A batch with more bytes than this takes no further delivery. Its lines take about a fifth of that
/// in memory, and [`AT_ONCE`] batches are in memory at once.
const MOST_BYTES: u64 = 256 << 20;
/// Batches that are read or recorded at once.
pub(super) const AT_ONCE: usize = 3;

/// Deliveries to read.
pub(super) struct Batch<'a> {
    pub(super) settings: &'a Settings<'a>,
    pub(super) shared: Shared<'a>,
    pub(super) deliveries: Vec<(Day, Vec<PlannedFile>)>,
    /// Their files, by delivery and location, and the bytes of each.
    tasks: Vec<(FileTask, u64)>,
}

/// Deliveries whose files were read.
pub(super) struct ReadBatch<'a> {
    pub(super) batch: Arc<Batch<'a>>,
    /// Per delivery what its files gave, by location.
    pub(super) results: Vec<Vec<FileResult>>,
    /// Why the deliveries after those with results were not taken.
    pub(super) failure: Option<Error>,
}

impl<'a> Batch<'a> {
    /// The next deliveries that are waiting, without what was `erased`; none when none is.
    pub(super) fn next(
        settings: &'a Settings<'a>,
        learned: &'a Learned,
        erased: &Erased,
        waiting: &mut Peekable<impl Iterator<Item = (Day, Vec<PlannedFile>)>>,
    ) -> Option<Self> {
        let mut deliveries: Vec<(Day, Vec<PlannedFile>)> = vec![waiting.next()?];
        let mut bytes: u64 = 0;
        while let Some((_, files)) = deliveries.last() {
            bytes += files.iter().map(|file| file.file.size).sum::<u64>();
            let Some(delivery) = waiting.next_if(|_| bytes < MOST_BYTES) else { break };
            deliveries.push(delivery);
        }
        let shared = Shared::new(
            settings.sources,
            settings.catalogs,
            settings.person_key,
            learned,
            erased.clone(),
            settings.keeps_customer_names,
        );
        let planned = deliveries
            .iter()
            .enumerate()
            .flat_map(|(at, (_, files))| files.iter().map(move |file| (at, &file.file)));
        let tasks = planned
            .enumerate()
            .map(|(number, (delivery, file))| (task(number, delivery, file), file.size))
            .collect();
        Some(Self { settings, shared, deliveries, tasks })
    }

    /// Its files, the largest first, so that none is waited for long at the end.
    pub(super) fn files(&self) -> Vec<usize> {
        let mut files: Vec<usize> = (0..self.tasks.len()).collect();
        files.sort_by_key(|at| Reverse(self.tasks[*at].1));
        files
    }

    /// Reads a file.
    ///
    /// # Errors
    /// As [`read_file`].
    pub(super) fn read(
        &self,
        file: usize,
        progress: &(dyn Fn(Event<'_>) + Sync),
    ) -> Result<FileResult> {
        let (task, bytes) = &self.tasks[file];
        let result = read_file(&self.shared, task);
        progress(Event::File { uri: &task.uri, bytes: *bytes });
        result
    }
}

impl<'a> ReadBatch<'a> {
    /// A batch and what its files gave. A file that failed stops its delivery and the later ones; it
    /// is told once those before it are in the ledger.
    pub(super) fn new(batch: Arc<Batch<'a>>, read: Vec<Result<FileResult>>) -> Self {
        let mut results: Vec<Vec<FileResult>> =
            batch.deliveries.iter().map(|_| Vec::new()).collect();
        let mut failure: Option<(usize, Error)> = None;
        for ((task, bytes), result) in batch.tasks.iter().zip(read) {
            match result {
                Ok(result) => results[task.delivery].push(result),
                Err(error)
                    if batch.settings.on_bad_file == OnBadFile::SetAside
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
        let mut read = Self { batch, results, failure: None };
        if let Some((delivery, error)) = failure {
            read.stop_at(delivery, error);
        }
        read
    }

    /// Forgets a delivery and those after it.
    pub(super) fn stop_at(&mut self, delivery: usize, because: Error) {
        for result in self.results[delivery..].iter_mut().flat_map(std::mem::take) {
            self.batch.shared.drop_slot(result.slot);
        }
        self.failure = Some(because);
    }

    /// A file with the content of another one of its delivery adds nothing. The same content in a
    /// later delivery is said anew: it may take back a restatement in between.
    pub(super) fn drop_repeated_files(&mut self, ledger: &Ledger) {
        // The same bytes in the folders of two partners say something of each.
        let key =
            |day: Day, file: &FileRecord| (day, file.content_hash.clone(), partner_of(&file.uri));
        let mut seen = HashMap::new();
        // What stands at a location that is read anew no longer counts.
        let read: HashSet<(Day, &str)> = self
            .batch
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
        for (at, files) in self.results.iter_mut().enumerate() {
            let (delivery, _) = self.batch.deliveries[at];
            for result in files.iter_mut().filter(|result| result.record.set_aside.is_none()) {
                let uri = result.record.uri.clone();
                let first =
                    seen.entry(key(delivery, &result.record)).or_insert_with(|| uri.clone());
                if *first != uri {
                    self.batch.shared.drop_slot(result.slot);
                    let record =
                        FileRecord { same_as: Some(first.clone()), ..result.record.clone() };
                    *result = FileResult::without_rows(record, result.dataset, result.slot);
                }
            }
        }
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
