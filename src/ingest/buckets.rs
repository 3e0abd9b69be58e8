//! Entries waiting to be collapsed, by delivery, dataset, month and shard. Memory is bounded: above
//! the budget of all batches the fullest bucket of the one that grows goes to a temporary file and
//! comes back when it is taken.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytemuck::Pod;

use crate::calendar::Month;
use crate::error::{Code, Error, Result};
use crate::store;

/// Which bucket. All lines of one consumption meet in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct BucketKey {
    pub(super) delivery: usize,
    pub(super) dataset: usize,
    pub(super) month: Month,
    pub(super) shard: u8,
}

/// How many shards a month has.
pub(super) const SHARDS: u8 = 32;

/// So many entries come back from disk together.
pub(super) const PIECE: usize = 64;

/// The memory that the waiting entries of all batches may take together.
#[derive(Debug)]
pub(super) struct Budget {
    most: usize,
    held: AtomicUsize,
}

impl Budget {
    /// Of so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { most, held: AtomicUsize::new(0) }
    }

    fn is_exceeded(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.most
    }
}

#[derive(Debug)]
pub(super) struct Buckets<'a, E> {
    state: Mutex<State<E>>,
    budget: &'a Budget,
}

#[derive(Debug)]
struct State<E> {
    buckets: BTreeMap<BucketKey, Bucket<E>>,
    spill: Option<File>,
}

#[derive(Debug)]
struct Bucket<E> {
    /// As they were handed over.
    chunks: Vec<Vec<E>>,
    /// Entries in all chunks.
    held: usize,
    /// Offset in the spill file and number of entries.
    segments: Vec<(u64, usize)>,
}

impl<'a, E: Pod> Buckets<'a, E> {
    /// Buckets that spill what exceeds the budget.
    pub(super) fn new(budget: &'a Budget) -> Self {
        let state = State { buckets: BTreeMap::new(), spill: None };
        Self { state: Mutex::new(state), budget }
    }

    /// Moves entries into a bucket.
    ///
    /// # Errors
    /// CS2002 when the temporary file cannot be written.
    pub(super) fn append(&self, key: BucketKey, entries: &mut Vec<E>) -> Result<()> {
        let mut state = self.lock();
        let empty = || Bucket { chunks: Vec::new(), held: 0, segments: Vec::new() };
        self.budget.held.fetch_add(size_of_val(entries.as_slice()), Ordering::Relaxed);
        let bucket = state.buckets.entry(key).or_insert_with(empty);
        bucket.held += entries.len();
        let room = Vec::with_capacity(entries.len());
        bucket.chunks.push(std::mem::replace(entries, room));
        // What others hold they spill themselves.
        while self.budget.is_exceeded() {
            let freed = state.spill_fullest()?;
            if freed == 0 {
                break;
            }
            self.budget.held.fetch_sub(freed, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Takes a bucket out, in pieces: as they were handed over, or of [`PIECE`] entries.
    ///
    /// # Errors
    /// CS2002 when the temporary file cannot be read back.
    pub(super) fn take(&self, key: BucketKey) -> Result<Vec<Vec<E>>> {
        let mut state = self.lock();
        let Some(bucket) = state.buckets.remove(&key) else { return Ok(Vec::new()) };
        self.budget.held.fetch_sub(bucket.held * size_of::<E>(), Ordering::Relaxed);
        let mut chunks = bucket.chunks;
        for (offset, count) in bucket.segments {
            let mut entries = vec![E::zeroed(); count];
            let file = state.spill.as_mut().ok_or_else(|| Error::bug("no spill file"))?;
            file.seek(SeekFrom::Start(offset)).map_err(spill_error)?;
            let target = bytemuck::must_cast_slice_mut(&mut entries);
            std::io::Read::read_exact(file, target).map_err(spill_error)?;
            chunks.extend(entries.chunks(PIECE).map(<[E]>::to_vec));
        }
        Ok(chunks)
    }

    /// The keys that hold entries, in order, and how many.
    pub(super) fn sizes(&self) -> Vec<(BucketKey, u64)> {
        let state = self.lock();
        let sizes = state.buckets.iter().map(|(key, bucket)| {
            let spilled: usize = bucket.segments.iter().map(|(_, count)| count).sum();
            (*key, (bucket.held + spilled) as u64)
        });
        sizes.collect()
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: Pod> State<E> {
    /// Writes the fullest bucket to the temporary file; the bytes that it held.
    fn spill_fullest(&mut self) -> Result<usize> {
        let fullest = self.buckets.values_mut().max_by_key(|bucket| bucket.held);
        let Some(bucket) = fullest.filter(|bucket| bucket.held > 0) else { return Ok(0) };
        let file = match &mut self.spill {
            Some(file) => file,
            none => none.insert(store::temporary_file()?),
        };
        let offset = file.seek(SeekFrom::End(0)).map_err(spill_error)?;
        for entries in bucket.chunks.drain(..) {
            file.write_all(bytemuck::must_cast_slice(&entries)).map_err(spill_error)?;
        }
        bucket.segments.push((offset, bucket.held));
        Ok(std::mem::take(&mut bucket.held) * size_of::<E>())
    }
}

fn spill_error(error: std::io::Error) -> Error {
    Error::new(Code::StorageWrite, "the temporary file of the ingest failed")
        .because(error)
        .hint("make room in the folder for temporary files, or set TMPDIR to another")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_from_disk() {
        let budget = Budget::new(64);
        let buckets: Buckets<'_, u64> = Buckets::new(&budget);
        let month = Month::new(2026, 9).unwrap();
        let key = |shard| BucketKey { delivery: 0, dataset: 0, month, shard };
        for number in 0..100_u64 {
            buckets.append(key(u8::from(number % 3 == 0)), &mut vec![number]).unwrap();
        }
        assert!(buckets.lock().spill.is_some());
        // Another batch does not make room for itself at their expense.
        let others: Buckets<'_, u64> = Buckets::new(&budget);
        others.append(key(0), &mut (0..9).collect()).unwrap();
        assert!(budget.held.load(Ordering::Relaxed) <= 64);
        assert_eq!(others.take(key(0)).unwrap().concat(), (0..9).collect::<Vec<_>>());
        let mut all: Vec<u64> = Vec::new();
        for (key, _) in buckets.sizes() {
            all.extend(buckets.take(key).unwrap().concat());
        }
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        assert!(buckets.sizes().is_empty());
        assert_eq!(budget.held.load(Ordering::Relaxed), 0);
    }
}
