//! Entries that wait in buckets until they are worked on. Memory is bounded: above a budget, which
//! several collections of buckets may share, the fullest bucket of the one that grows goes to a
//! temporary file, and is read back when it is asked for.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytemuck::Pod;

use crate::error::{Code, Error, Result};
use crate::store;

/// So many entries come back from disk together.
pub const PIECE: usize = 64;

/// The memory that waiting entries may take together.
#[derive(Debug)]
pub struct Budget {
    most: usize,
    held: AtomicUsize,
}

impl Budget {
    /// Of so many bytes.
    pub fn new(most: usize) -> Self {
        Self { most, held: AtomicUsize::new(0) }
    }

    fn is_exceeded(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.most
    }
}

/// Entries by the key of their bucket.
#[derive(Debug)]
pub struct Buckets<K, E> {
    state: Mutex<State<K, E>>,
    budget: Arc<Budget>,
}

#[derive(Debug)]
struct State<K, E> {
    buckets: BTreeMap<K, Bucket<E>>,
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

impl<K: Copy + Ord, E: Pod> Buckets<K, E> {
    /// Buckets that spill what exceeds the budget.
    pub fn new(budget: Arc<Budget>) -> Self {
        let state = State { buckets: BTreeMap::new(), spill: None };
        Self { state: Mutex::new(state), budget }
    }

    /// Moves entries into a bucket.
    ///
    /// # Errors
    /// CS2002 when the temporary file cannot be written.
    pub fn append(&self, key: K, entries: &mut Vec<E>) -> Result<()> {
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
    pub fn take(&self, key: K) -> Result<Vec<Vec<E>>> {
        let mut state = self.lock();
        let Some(bucket) = state.buckets.remove(&key) else { return Ok(Vec::new()) };
        self.budget.held.fetch_sub(bucket.held * size_of::<E>(), Ordering::Relaxed);
        let mut chunks = bucket.chunks;
        for (offset, count) in bucket.segments {
            let mut entries = vec![E::zeroed(); count];
            read(state.spill.as_mut(), offset, &mut entries)?;
            chunks.extend(entries.chunks(PIECE).map(<[E]>::to_vec));
        }
        Ok(chunks)
    }

    /// The entries of a bucket, which stay in it.
    ///
    /// # Errors
    /// CS2002 when the temporary file cannot be read back.
    pub fn copy(&self, key: K) -> Result<Vec<E>> {
        let mut guard = self.lock();
        let State { buckets, spill } = &mut *guard;
        let Some(bucket) = buckets.get(&key) else { return Ok(Vec::new()) };
        let spilled = bucket.segments.iter().map(|(_, count)| count).sum::<usize>();
        let mut entries = vec![E::zeroed(); spilled];
        let mut rest = entries.as_mut_slice();
        for (offset, count) in &bucket.segments {
            let (segment, others) = rest.split_at_mut(*count);
            read(spill.as_mut(), *offset, segment)?;
            rest = others;
        }
        entries.reserve_exact(bucket.held);
        bucket.chunks.iter().for_each(|chunk| entries.extend_from_slice(chunk));
        Ok(entries)
    }

    /// The keys that hold entries, in order, and how many.
    pub fn sizes(&self) -> Vec<(K, u64)> {
        let state = self.lock();
        let sizes = state.buckets.iter().map(|(key, bucket)| {
            let spilled: usize = bucket.segments.iter().map(|(_, count)| count).sum();
            (*key, (bucket.held + spilled) as u64)
        });
        sizes.collect()
    }

    fn lock(&self) -> MutexGuard<'_, State<K, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Ord, E: Pod> State<K, E> {
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

/// Reads entries back from the temporary file.
fn read<E: Pod>(spill: Option<&mut File>, offset: u64, entries: &mut [E]) -> Result<()> {
    let file = spill.ok_or_else(|| Error::bug("no temporary file"))?;
    file.seek(SeekFrom::Start(offset)).map_err(spill_error)?;
    file.read_exact(bytemuck::must_cast_slice_mut(entries)).map_err(spill_error)
}

fn spill_error(error: std::io::Error) -> Error {
    Error::new(Code::StorageWrite, "a temporary file failed")
        .because(error)
        .hint("make room in the folder for temporary files, or set TMPDIR to another")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_from_disk() {
        let budget = Arc::new(Budget::new(64));
        let buckets: Buckets<bool, u64> = Buckets::new(Arc::clone(&budget));
        for number in 0..100_u64 {
            buckets.append(number % 3 == 0, &mut vec![number]).unwrap();
        }
        assert!(buckets.lock().spill.is_some());
        // Another collection does not make room for itself at their expense.
        let others: Buckets<bool, u64> = Buckets::new(Arc::clone(&budget));
        others.append(true, &mut (0..9).collect()).unwrap();
        assert!(budget.held.load(Ordering::Relaxed) <= 64);
        assert_eq!(others.copy(true).unwrap(), (0..9).collect::<Vec<_>>());
        assert_eq!(others.take(true).unwrap().concat(), (0..9).collect::<Vec<_>>());
        assert!(others.copy(true).unwrap().is_empty());
        let mut all: Vec<u64> = Vec::new();
        for (key, count) in buckets.sizes() {
            let mut copy = buckets.copy(key).unwrap();
            assert_eq!(copy.len() as u64, count);
            let mut taken = buckets.take(key).unwrap().concat();
            copy.sort_unstable();
            taken.sort_unstable();
            assert_eq!(copy, taken);
            all.extend(taken);
        }
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        assert!(buckets.sizes().is_empty());
        assert_eq!(budget.held.load(Ordering::Relaxed), 0);
    }
}
