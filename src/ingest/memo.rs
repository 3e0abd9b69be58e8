//! What a group of cells comes to, remembered by the bytes of the cells: an export repeats its
//! partners, customers and services on row after row.

use std::hash::{BuildHasherDefault, Hasher};
use std::ops::RangeInclusive;

use hashbrown::HashMap;

use super::cells::{CellBytes, Cells};

/// A memory larger than this starts anew: its columns do not repeat after all.
const MOST_ENTRIES: usize = 1 << 18;

/// The values of a group of columns by a 128-bit hash of the cells as they stand in the file; the last
/// `RECENT` groups that differ are compared before one is looked up.
pub(super) struct Memo<T, const RECENT: usize = 4> {
    /// The columns as runs of neighbours.
    runs: Vec<RangeInclusive<usize>>,
    places: HashMap<u128, u32, Hashed>,
    values: Vec<T>,
    /// The last groups that differ: rows of one customer stand together, and the associations of its
    /// consumptions take turns.
    recent: [Recent; RECENT],
    /// Which of them was the last one.
    at: usize,
    /// Groups so far.
    turn: u64,
}

/// A group that was met lately.
#[derive(Default)]
struct Recent {
    cells: CellBytes,
    /// Where its value is; none while it is not kept.
    place: Option<usize>,
    /// Which of the recent groups came after it.
    next: usize,
    /// When it was met last.
    turn: u64,
}

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

impl<T, const RECENT: usize> Memo<T, RECENT> {
    /// A memory of what these columns say; they stand in ascending order.
    pub(super) fn of(columns: &[usize]) -> Self {
        let runs = columns
            .chunk_by(|left, right| left + 1 == *right)
            .filter_map(|run| Some(*run.first()?..=*run.last()?))
            .collect();
        let recent = std::array::from_fn(|_| Recent::default());
        Self { runs, places: HashMap::default(), values: Vec::new(), recent, at: 0, turn: 0 }
    }

    /// Where the value of a record's cells is kept, else the fingerprint to keep it by.
    pub(super) fn find(&mut self, cells: &Cells<'_>) -> Result<usize, u128> {
        // Those that took turns go on to do so, and one that was repeated goes on as well.
        let likely = self.recent[self.at].next;
        let others = (0..RECENT).filter(|at| *at != likely);
        for at in std::iter::once(likely).chain(others) {
            if let Recent { cells: known, place: Some(place), .. } = &self.recent[at]
                && cells.are(known, &self.runs)
            {
                let place = *place;
                self.met(at);
                return Ok(place);
            }
        }
        let oldest = (0..RECENT).min_by_key(|at| self.recent[*at].turn).unwrap_or_default();
        let fingerprint = cells.fingerprint(&self.runs);
        let place = self.places.get(&fingerprint).map(|place| *place as usize);
        let recent = &mut self.recent[oldest];
        cells.copy_to(&mut recent.cells, &self.runs);
        (recent.place, recent.next) = (place, oldest);
        self.met(oldest);
        place.ok_or(fingerprint)
    }

    fn met(&mut self, at: usize) {
        self.turn += 1;
        self.recent[self.at].next = at;
        self.recent[at].turn = self.turn;
        self.at = at;
    }

    /// As [`find`](Self::find), of few cells that seldom say what those before them said.
    pub(super) fn look_up(&self, cells: &Cells<'_>) -> Result<usize, u128> {
        let fingerprint = cells.fingerprint(&self.runs);
        let found = self.places.get(&fingerprint);
        found.map(|place| *place as usize).ok_or(fingerprint)
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether keeping one more value forgets all others.
    pub(super) fn is_full(&self) -> bool {
        self.values.len() >= MOST_ENTRIES
    }

    /// Forgets all values.
    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.values.clear();
        self.recent.iter_mut().for_each(|recent| recent.place = None);
    }

    /// Keeps the value of the cells that were not found last.
    pub(super) fn keep(&mut self, fingerprint: u128, value: T) -> usize {
        if self.is_full() {
            self.clear();
        }
        let place = self.values.len();
        self.values.push(value);
        // Never more than the most entries.
        self.places.insert(fingerprint, u32::try_from(place).unwrap_or(u32::MAX));
        self.recent[self.at].place = Some(place);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ingest::formats::Formats;
    use crate::ingest::records::{Reading, Rules, visit_records};

    proptest! {
        #[test]
        fn a_memory_says_what_the_cells_say(
            rows in proptest::collection::vec((0..5_usize, 0..3_u8, 0..40_usize), 1..200),
            cleared in 0..200_u64,
        ) {
            let row = |(a, b, c): &(usize, u8, usize)| {
                format!("{},{b},{}\n", "x".repeat(*a), "y".repeat(*c % 7 * 7))
            };
            let text = format!("a,b,c\n{}", rows.iter().map(row).collect::<String>());
            let mut memo: Memo<String> = Memo::of(&[0, 2]);
            let formats = Formats::default();
            let (reading, what) = (Reading::Fast, "a.csv");
            let rules = Rules { delimiter: b',', reading, formats: &formats, width: 3, what };
            visit_records(text.as_bytes(), rules, &mut |number, cells, _| {
                if number == cleared {
                    memo.clear();
                }
                let said = format!("{:?} {:?}", cells.get(0), cells.get(2));
                let place = match memo.find(cells) {
                    Ok(place) => place,
                    // A record that is rejected leaves nothing behind.
                    Err(_) if number % 5 == 0 => return Ok(()),
                    Err(fingerprint) => memo.keep(fingerprint, said.clone()),
                };
                assert_eq!(memo.get(place), &said);
                assert_eq!(memo.look_up(cells), Ok(place));
                Ok(())
            })
            .unwrap();
        }
    }
}
