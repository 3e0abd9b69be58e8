//! Deliveries on their way into the facts: while one batch is recorded, the files of the next ones are
//! read, so that no thread waits for the last file of a batch or for the ledger.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

use super::batch::{AT_ONCE, Batch, ReadBatch};
use super::reader::FileResult;
use super::recorder::Recorder;
use super::shared::Learned;
use super::{Event, PlannedFile, Settings, Summary};
use crate::calendar::Day;
use crate::error::{Error, Result};
use crate::facts::{Erased, Ledger};
use crate::store::StoreLock;
use crate::workers::{Desk, Workers};

/// A batch whose files are being read.
struct Reading<'a> {
    batch: Arc<Batch<'a>>,
    files: usize,
    results: Receiver<(usize, Result<FileResult>)>,
}

impl<'a> Reading<'a> {
    /// Hands the files of a batch out; none is begun once all is to stop.
    fn start<'s>(
        desk: &Desk<'_, 's>,
        batch: Batch<'a>,
        is_stopped: &'s AtomicBool,
        progress: &'s (dyn Fn(Event<'_>) + Sync),
    ) -> Self
    where
        'a: 's,
    {
        let (done, results) = channel();
        let batch = Arc::new(batch);
        let files = batch.files();
        let reading = Self { batch: Arc::clone(&batch), files: files.len(), results };
        for file in files {
            let (batch, done) = (Arc::clone(&batch), done.clone());
            desk.hand_out(move || {
                if !is_stopped.load(Ordering::Relaxed) {
                    // Nobody waits for it when another batch has failed.
                    let _ = done.send((file, batch.read(file, progress)));
                }
            });
        }
        reading
    }

    /// Waits until all its files are read.
    fn finish(self) -> Result<ReadBatch<'a>> {
        let results: BTreeMap<usize, Result<FileResult>> = self.results.iter().collect();
        if results.len() != self.files {
            return Err(Error::bug("a reader panicked"));
        }
        Ok(ReadBatch::new(self.batch, results.into_values().collect()))
    }
}

/// Takes deliveries in, in their order; gives what the ledger and the summary are then.
///
/// # Errors
/// CS1003, CS2001, CS2002, CS3003 to CS3011, CS4001, CS6001, CS6005.
pub(super) fn take_in(
    settings: &Settings<'_>,
    lock: &StoreLock,
    ledger: Ledger,
    summary: Summary,
    deliveries: BTreeMap<Day, Vec<PlannedFile>>,
    progress: &(dyn Fn(Event<'_>) + Sync),
) -> Result<(Ledger, Summary)> {
    if deliveries.is_empty() {
        return Ok((ledger, summary));
    }
    let workers = Workers::new(settings.threads)?;
    let (learned, erased) = (Learned::new(settings.memory), Erased::of(&ledger));
    let mut waiting = deliveries.into_iter().peekable();
    let is_stopped = AtomicBool::new(false);
    workers.managed(|desk| {
        let mut next = || {
            let batch = Batch::next(settings, &learned, &erased, &mut waiting)?;
            Some(Reading::start(desk, batch, &is_stopped, progress))
        };
        let stop = || is_stopped.store(true, Ordering::Relaxed);
        let mut readings: VecDeque<Reading<'_>> = (1..AT_ONCE).map_while(|_| next()).collect();
        // It reads what the facts hold while the first files are read.
        let recorder = Recorder::new(settings, lock, ledger, summary);
        let mut recorder = recorder.inspect_err(|_| stop())?;
        while let Some(reading) = readings.pop_front() {
            let batch = reading.finish().inspect_err(|_| stop())?;
            let is_last = batch.failure.is_some();
            if is_last {
                stop();
            }
            let (done, collapsed) = channel();
            let (given, workers) = (recorder, &workers);
            desk.hand_out_first(move || {
                let result = given.collapse(batch, workers);
                let _ = done.send(result.map(|batch| (given, batch)));
            });
            if !is_last {
                readings.extend(next());
            }
            let result = collapsed.recv().unwrap_or_else(|_| Err(Error::bug("a writer panicked")));
            let batch;
            (recorder, batch) = result.inspect_err(|_| stop())?;
            recorder.append(batch, progress).inspect_err(|_| stop())?;
        }
        Ok((recorder.ledger, recorder.summary))
    })
}
