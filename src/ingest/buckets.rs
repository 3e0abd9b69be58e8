//! Entries waiting to be collapsed, by delivery, dataset, month and shard. Memory is bounded: above
//! the budget the fullest bucket goes to a temporary file and comes back when it is taken.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
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

#[derive(Debug)]
pub(super) struct Buckets<E> {
    state: Mutex<State<E>>,
    budget: usize,
}

#[derive(Debug)]
struct State<E> {
    buckets: BTreeMap<BucketKey, Bucket<E>>,
    held: usize,
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

impl<E: Pod> Buckets<E> {
    /// Buckets that hold about `budget` bytes in memory.
    pub(super) fn new(budget: usize) -> Self {
        let state = State { buckets: BTreeMap::new(), held: 0, spill: None };
        Self { state: Mutex::new(state), budget }
    }

    /// Moves entries into a bucket.
    ///
    /// # Errors
    /// CS2002 when the temporary file cannot be written.
    pub(super) fn append(&self, key: BucketKey, entries: &mut Vec<E>) -> Result<()> {
        let mut state = self.lock();
        let empty = || Bucket { chunks: Vec::new(), held: 0, segments: Vec::new() };
        state.held += entries.len();
        let bucket = state.buckets.entry(key).or_insert_with(empty);
        bucket.held += entries.len();
        let room = Vec::with_capacity(entries.len());
        bucket.chunks.push(std::mem::replace(entries, room));
        while state.held * size_of::<E>() > self.budget {
            state.spill_fullest()?;
        }
        Ok(())
    }

    /// Takes a bucket out.
    ///
    /// # Errors
    /// CS2002 when the temporary file cannot be read back.
    pub(super) fn take(&self, key: BucketKey) -> Result<Vec<E>> {
        let mut state = self.lock();
        let Some(bucket) = state.buckets.remove(&key) else { return Ok(Vec::new()) };
        state.held -= bucket.held;
        let mut entries = bucket.chunks.concat();
        for (offset, count) in bucket.segments {
            let start = entries.len();
            entries.resize(start + count, E::zeroed());
            let file = state.spill.as_mut().ok_or_else(|| Error::bug("no spill file"))?;
            file.seek(SeekFrom::Start(offset)).map_err(spill_error)?;
            let target = bytemuck::must_cast_slice_mut(&mut entries[start..]);
            std::io::Read::read_exact(file, target).map_err(spill_error)?;
        }
        Ok(entries)
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
    fn spill_fullest(&mut self) -> Result<()> {
        let fullest = self.buckets.values_mut().max_by_key(|bucket| bucket.held);
        let Some(bucket) = fullest.filter(|bucket| bucket.held > 0) else {
            return Err(Error::bug("nothing to spill"));
        };
        let file = match &mut self.spill {
            Some(file) => file,
            none => none.insert(store::temporary_file()?),
        };
        let offset = file.seek(SeekFrom::End(0)).map_err(spill_error)?;
        for entries in bucket.chunks.drain(..) {
            file.write_all(bytemuck::must_cast_slice(&entries)).map_err(spill_error)?;
        }
        bucket.segments.push((offset, bucket.held));
        self.held -= bucket.held;
        bucket.held = 0;
        Ok(())
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
        let buckets: Buckets<u64> = Buckets::new(64);
        let month = Month::new(2026, 9).unwrap();
        let key = |shard| BucketKey { delivery: 0, dataset: 0, month, shard };
        for number in 0..100_u64 {
            buckets.append(key(u8::from(number % 3 == 0)), &mut vec![number]).unwrap();
        }
        assert!(buckets.lock().spill.is_some());
        let mut all: Vec<u64> = Vec::new();
        for (key, _) in buckets.sizes() {
            all.extend(buckets.take(key).unwrap());
        }
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        assert!(buckets.sizes().is_empty());
    }
}
