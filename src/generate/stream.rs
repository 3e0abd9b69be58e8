//! Random streams: one for each (seed, purpose, keys), independent of all others, so that any
//! customer in any month is drawn alone and a base of any size needs the same memory.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A source of random integers. Own arithmetic instead of `rand`'s distributions: those may change
/// between releases, and a base must keep its bytes.
pub(super) struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of a purpose and its keys.
    pub(super) fn new(seed: u64, purpose: &str, keys: &[i64]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.update(purpose.as_bytes());
        for key in keys {
            hasher.update(&key.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// A number below `count`; 0 when `count` is 0.
    pub(super) fn below(&mut self, count: u32) -> u32 {
        let product = u64::from(self.0.next_u32()) * u64::from(count);
        u32::try_from(product >> 32).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included; `low` when the range is empty.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::from(self.below(u32::try_from(high - low + 1).unwrap_or(0)))
    }

    /// True once in `count` draws.
    pub(super) fn one_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }

    /// A position in a list of `length` entries.
    pub(super) fn position(&mut self, length: usize) -> usize {
        let count = u32::try_from(length).unwrap_or(u32::MAX);
        usize::try_from(self.below(count)).unwrap_or(0)
    }

    /// One of the entries; `None` when there are none.
    pub(super) fn pick<'a, T>(&mut self, entries: &'a [T]) -> Option<&'a T> {
        let at = self.position(entries.len());
        entries.get(at)
    }

    /// One of the words.
    pub(super) fn word(&mut self, words: &[&'static str]) -> &'static str {
        self.pick(words).copied().unwrap_or_default()
    }

    /// The bytes of a random (version 4) GUID.
    pub(super) fn guid(&mut self) -> [u8; 16] {
        let mut bytes = [0_u8; 16];
        self.0.fill_bytes(&mut bytes);
        bytes[6] = (bytes[6] & 0x0F) | 0x40;
        bytes[8] = (bytes[8] & 0x3F) | 0x80;
        bytes
    }

    /// The positions below `length` in random order.
    pub(super) fn order(&mut self, length: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..length).collect();
        for at in (1..length).rev() {
            let other = self.position(at + 1);
            order.swap(at, other);
        }
        order
    }
}
