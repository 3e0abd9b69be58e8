//! What a group of cells comes to, remembered by the bytes of the cells: an export repeats its
//! partners, customers and services on row after row.

use std::hash::{BuildHasherDefault, Hasher};
use std::ops::RangeInclusive;

use hashbrown::HashMap;

use super::records::{CellBytes, Cells};

/// A memory larger than this starts anew: its columns do not repeat after all.
const MOST_ENTRIES: usize = 1 << 18;

/// The values of a group of columns by a 128-bit hash of the cells as they stand in the file.
pub(super) struct Memo<T> {
    /// The columns as runs of neighbours.
    runs: Vec<RangeInclusive<usize>>,
    places: HashMap<u128, u32, Hashed>,
    values: Vec<T>,
    /// The cells of the last two groups that differ, and their places: rows of one customer stand
    /// together, and attributions of one consumption take turns.
    last: [(CellBytes, usize); 2],
    /// Which of them is the older one.
    oldest: usize,
    /// Which of them the next cells are likely to be.
    likely: usize,
}

/// The place of no value.
const NOWHERE: usize = usize::MAX;

/// A fingerprint is a hash already.
type Hashed = BuildHasherDefault<Fingerprint>;

#[derive(Default)]
struct Fingerprint(u64);

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, fingerprint: u128) {
        let [low, high]: [u64; 2] = bytemuck::must_cast(fingerprint.to_le_bytes());
        self.0 = low ^ high;
    }
}

impl<T> Memo<T> {
    /// A memory of what these columns say; they stand in ascending order.
    pub(super) fn of(columns: &[usize]) -> Self {
        let runs = columns
            .chunk_by(|left, right| left + 1 == *right)
            .filter_map(|run| Some(*run.first()?..=*run.last()?))
            .collect();
        let last = std::array::from_fn(|_| (CellBytes::default(), NOWHERE));
        Self { runs, places: HashMap::default(), values: Vec::new(), last, oldest: 0, likely: 0 }
    }

    /// Where the value of a record's cells is kept, else the fingerprint to keep it by.
    pub(super) fn find(&mut self, cells: &Cells<'_>) -> Result<usize, u128> {
        for at in [self.likely, 1 - self.likely] {
            let (known, place) = &self.last[at];
            if *place != NOWHERE && cells.are(known, &self.runs) {
                // Those that took turns go on to do so, and one that was repeated goes on as well.
                self.likely = if at == self.oldest { 1 - at } else { at };
                self.oldest = 1 - at;
                return Ok(*place);
            }
        }
        let (known, place) = &mut self.last[self.oldest];
        cells.copy_to(known, &self.runs);
        let fingerprint = cells.fingerprint(&self.runs);
        let found = self.places.get(&fingerprint);
        *place = found.map_or(NOWHERE, |place| *place as usize);
        self.likely = self.oldest;
        self.oldest = 1 - self.oldest;
        if *place == NOWHERE { Err(fingerprint) } else { Ok(*place) }
    }

    /// As [`find`](Self::find), of few cells that seldom say what those before them said.
    pub(super) fn look_up(&self, cells: &Cells<'_>) -> Result<usize, u128> {
        let fingerprint = cells.fingerprint(&self.runs);
        let found = self.places.get(&fingerprint);
        found.map(|place| *place as usize).ok_or(fingerprint)
    }

    /// Whether keeping one more value forgets all others.
    pub(super) fn is_full(&self) -> bool {
        self.values.len() >= MOST_ENTRIES
    }

    /// Forgets all values.
    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.values.clear();
        self.last.iter_mut().for_each(|(_, place)| *place = NOWHERE);
    }

    /// Keeps a value.
    pub(super) fn keep(&mut self, fingerprint: u128, value: T) -> usize {
        if self.is_full() {
            self.clear();
        }
        let place = self.values.len();
        self.values.push(value);
        // Never more than the most entries.
        self.places.insert(fingerprint, u32::try_from(place).unwrap_or(u32::MAX));
        place
    }

    pub(super) fn get(&self, place: usize) -> &T {
        &self.values[place]
    }

    pub(super) fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    pub(super) fn get_mut(&mut self, place: usize) -> &mut T {
        &mut self.values[place]
    }
}
