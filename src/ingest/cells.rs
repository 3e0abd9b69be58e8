//! The cells of a record: the bytes of the file as they stand, without quotes and blanks, in the plain
//! form, or several of them as one fingerprint.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use simd_csv::ZeroCopyByteRecord;
use xxhash_rust::xxh3::xxh3_128;

use super::formats::Formats;
use super::values::trim;

/// Odd, with its bits well spread.
const FINGERPRINT: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

/// One record.
pub(super) enum Cells<'a> {
    Fast { record: &'a ZeroCopyByteRecord<'a>, is_quoted: bool, formats: &'a Formats },
    Strict { record: &'a csv::ByteRecord, formats: &'a Formats },
}

/// The bytes of some cells.
#[derive(Default)]
pub(super) struct CellBytes {
    bytes: Vec<u8>,
    /// Where each run of them ends.
    ends: Vec<usize>,
}

impl Cells<'_> {
    /// Number of fields.
    pub(super) fn len(&self) -> usize {
        match self {
            Cells::Fast { record, .. } => record.len(),
            Cells::Strict { record, .. } => record.len(),
        }
    }

    /// A field without quotes and surrounding blanks, numbers and dates in the plain form; empty
    /// when there is none.
    #[inline]
    pub(super) fn get(&self, at: usize) -> Cow<'_, [u8]> {
        match self {
            Cells::Fast { record, is_quoted: false, formats } if formats.is_plain() => {
                Cow::Borrowed(trim(record.get(at).unwrap_or_default()))
            }
            Cells::Fast { formats, .. } | Cells::Strict { formats, .. } => {
                formats.canonical(at, self.raw(at))
            }
        }
    }

    /// Watches how a number is written, in whatever form.
    pub(super) fn watch(&self, at: usize, cell: &[u8]) {
        let (Cells::Fast { formats, .. } | Cells::Strict { formats, .. }) = self;
        formats.watch(at, cell);
    }

    /// A field as it stands, without quotes and surrounding blanks.
    pub(super) fn raw(&self, at: usize) -> Cow<'_, [u8]> {
        match self {
            Cells::Fast { record, is_quoted: false, .. } => {
                Cow::Borrowed(trim(record.get(at).unwrap_or_default()))
            }
            Cells::Fast { record, is_quoted: true, .. } => match record.unescape(at) {
                Some(Cow::Borrowed(cell)) => Cow::Borrowed(trim(cell)),
                Some(Cow::Owned(cell)) => Cow::Owned(trim(&cell).to_vec()),
                None => Cow::Borrowed(&[]),
            },
            Cells::Strict { record, .. } => Cow::Borrowed(trim(record.get(at).unwrap_or_default())),
        }
    }

    /// A 128-bit hash of runs of neighbouring cells.
    pub(super) fn fingerprint(&self, runs: &[RangeInclusive<usize>]) -> u128 {
        let mut sum = 0_u128;
        self.visit_runs(runs, |bytes| {
            sum = sum.wrapping_mul(FINGERPRINT).wrapping_add(xxh3_128(bytes));
            true
        });
        sum
    }

    /// Keeps the bytes of runs of neighbouring cells.
    pub(super) fn copy_to(&self, into: &mut CellBytes, runs: &[RangeInclusive<usize>]) {
        into.bytes.clear();
        into.ends.clear();
        self.visit_runs(runs, |bytes| {
            into.bytes.extend_from_slice(bytes);
            into.ends.push(into.bytes.len());
            true
        });
    }

    /// Whether runs of neighbouring cells have these bytes.
    #[inline]
    pub(super) fn are(&self, known: &CellBytes, runs: &[RangeInclusive<usize>]) -> bool {
        let (mut start, mut ends) = (0, known.ends.iter());
        self.visit_runs(runs, |bytes| {
            let Some(end) = ends.next() else { return false };
            let is_same = are_same(&known.bytes[start..*end], bytes);
            start = *end;
            is_same
        })
    }

    /// Visits the bytes of runs of neighbouring cells as they stand in the file, for as long as
    /// `visit` says; whether it saw all of them.
    #[inline]
    fn visit_runs(
        &self,
        runs: &[RangeInclusive<usize>],
        mut visit: impl FnMut(&[u8]) -> bool,
    ) -> bool {
        match self {
            Cells::Fast { record, .. } => {
                let text = record.as_slice();
                let start = |cell: &[u8]| cell.as_ptr().addr() - text.as_ptr().addr();
                runs.iter().all(|run| {
                    let first = record.get(*run.start()).unwrap_or_default();
                    let last = record.get(*run.end()).unwrap_or_default();
                    visit(&text[start(first)..start(last) + last.len()])
                })
            }
            Cells::Strict { record, .. } => {
                let mut columns = runs.iter().cloned().flatten();
                columns.all(|column| visit(record.get(column).unwrap_or_default()))
            }
        }
    }

    /// Whether a field is not blank.
    #[inline]
    pub(super) fn is_said(&self, at: usize) -> bool {
        match self {
            // Nearly always its first byte tells.
            Cells::Fast { record, .. }
                if record
                    .get(at)
                    .and_then(<[u8]>::first)
                    .is_some_and(u8::is_ascii_alphanumeric) =>
            {
                true
            }
            _ => !self.raw(at).is_empty(),
        }
    }

    /// Whether every cell is blank.
    pub(super) fn is_blank(&self) -> bool {
        (0..self.len()).all(|at| self.raw(at).is_empty())
    }
}

/// Whether two texts are the same. Most are short and the same: those are compared as integers.
#[inline]
fn are_same(left: &[u8], right: &[u8]) -> bool {
    fn have_same_ends<const N: usize>(left: &[u8], right: &[u8]) -> bool {
        left.first_chunk::<N>() == right.first_chunk::<N>()
            && left.last_chunk::<N>() == right.last_chunk::<N>()
    }
    left.len() == right.len()
        && match left.len() {
            0 => true,
            1..=3 => {
                have_same_ends::<1>(left, right) && left[left.len() / 2] == right[left.len() / 2]
            }
            4..=7 => have_same_ends::<4>(left, right),
            8..=16 => have_same_ends::<8>(left, right),
            _ => left == right,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_when_all_their_bytes_are() {
        for length in 0..40_u8 {
            let text: Vec<u8> = (0..length).collect();
            assert!(are_same(&text, &text.clone()), "{length}");
            assert!(!are_same(&text, &[text.as_slice(), b"x"].concat()), "{length}");
            for at in 0..text.len() {
                let mut other = text.clone();
                other[at] ^= 0x80;
                assert!(!are_same(&text, &other), "{length}, byte {at}");
            }
        }
    }
}
