//! Records and cells of a file. The fast reader is vectorised and hands out the bytes of the file;
//! it is right for every record whose quotes open, double inside or close a cell. One irregular
//! quote and the file is read again by the strict reader, which keeps stray quotes as text.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Read};
use std::ops::RangeInclusive;

use memchr::{memchr, memchr_iter, memchr2};
use simd_csv::{ZeroCopyByteRecord, ZeroCopyReaderBuilder};
use xxhash_rust::xxh3::xxh3_128;

use super::formats::Formats;
use super::values::trim;
use crate::error::{Code, Error, Result};

/// Stays in the processor's cache while the layers below look at it one after the other.
const BUFFER: usize = 1 << 17;
/// Odd, with its bits well spread.
const FINGERPRINT: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
/// A longer record means an unbalanced quote.
const LONGEST_RECORD: usize = 1 << 20;

/// Which reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Vectorised; gives up at the first irregular quote.
    Fast,
    /// Slower, tolerant of stray quotes.
    Strict,
}

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

/// Where a record starts: a byte position from which blank lines are still to be skipped, or a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    After(u64),
    Line(u64),
}

/// What a pass over the records found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Structure {
    /// All records were visited; the number of line breaks inside quotes.
    Whole { records: u64, inner_lines: u64 },
    /// The fast reader met an irregular quote: nothing that was visited counts.
    Irregular,
    /// A cell contradicts how its column was read: nothing that was visited counts.
    Contradicted { record: u64 },
}

/// How the records of a file are read.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) delimiter: u8,
    pub(super) reading: Reading,
    pub(super) formats: &'a Formats,
    /// Columns of the header.
    pub(super) width: usize,
    /// Names the file.
    pub(super) what: &'a str,
}

/// The text of a file, given out a block at a time. It ends in an error when a record grows beyond
/// all reason, before it fills the memory.
struct Bounded<'a, R> {
    inner: R,
    given: &'a Given,
}

/// Bytes given out since the last record was complete.
#[derive(Default)]
struct Given(Cell<usize>);

impl Given {
    /// Whether no record is that long.
    fn is_endless(&self) -> bool {
        self.0.get() > LONGEST_RECORD + 2 * BUFFER
    }

    fn add(&self, bytes: usize) {
        self.0.set(self.0.get() + bytes);
    }

    fn restart(&self) {
        self.0.set(0);
    }
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given.is_endless() {
            let text = "a line is longer than any record, or a quote is never closed";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let got = self.inner.read(buffer)?;
        self.given.add(got);
        Ok(got)
    }
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

/// Visits every record after the header; blank lines are no records.
///
/// # Errors
/// CS3005 when the input cannot be read or a quote is never closed; what `visit` returns.
pub(super) fn visit_records(
    input: impl Read,
    rules: Rules<'_>,
    visit: &mut dyn FnMut(u64, &Cells<'_>, Place) -> Result<()>,
) -> Result<Structure> {
    let given = Given::default();
    let input = Bounded { inner: input, given: &given };
    match rules.reading {
        Reading::Fast => visit_fast(input, rules, &given, visit),
        Reading::Strict => visit_strict(input, rules, &given, visit),
    }
}

fn visit_fast(
    input: impl Read,
    rules: Rules<'_>,
    given: &Given,
    visit: &mut dyn FnMut(u64, &Cells<'_>, Place) -> Result<()>,
) -> Result<Structure> {
    let Rules { delimiter, formats, width, what, .. } = rules;
    let failed = |error: simd_csv::Error| unreadable(what, error);
    let mut reader = ZeroCopyReaderBuilder::with_capacity(BUFFER)
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(input);
    let is_header_whole = match reader.byte_headers() {
        Ok(headers) => headers.len() == width,
        // A record without an end is left to the strict reader, which says where it starts.
        Err(_) if given.is_endless() => false,
        Err(error) => return Err(failed(error)),
    };
    if !is_header_whole {
        return Ok(Structure::Irregular);
    }
    let (mut records, mut inner_lines) = (0, 0);
    loop {
        let place = Place::After(reader.position());
        let record = match reader.read_byte_record() {
            Err(_) if given.is_endless() => return Ok(Structure::Irregular),
            read => read.map_err(failed)?,
        };
        let Some(record) = record else { break };
        given.restart();
        let bytes = record.as_slice();
        let Some(Quotes { is_quoted, inner_lines: inner }) = quotes(bytes, delimiter) else {
            return Ok(Structure::Irregular);
        };
        if is_quoted && bytes.len() > LONGEST_RECORD
            || inner > 0 && swallowed(record.iter(), record.len(), width, delimiter)
        {
            return Ok(Structure::Irregular);
        }
        inner_lines += inner;
        records += 1;
        visit(records, &Cells::Fast { record: &record, is_quoted, formats }, place)?;
        if formats.is_contradicted() {
            return Ok(Structure::Contradicted { record: records });
        }
    }
    Ok(Structure::Whole { records, inner_lines })
}

/// Whether a record over several lines looks as if a stray quote had swallowed its neighbours: it
/// lacks fields, or one of its cells holds a whole record, or the end of one and the beginning of
/// another. A cell of its own may have many lines, each with few delimiters.
fn swallowed<'a>(
    cells: impl Iterator<Item = &'a [u8]>,
    count: usize,
    width: usize,
    delimiter: u8,
) -> bool {
    let mut cells = cells.filter(|cell| memchr(b'\n', cell).is_some());
    let has_records = |cell: &[u8]| {
        let delimiters = |line: &[u8]| memchr_iter(delimiter, line).count();
        let mut lines = cell.split(|byte| *byte == b'\n').map(delimiters);
        let ends = lines.next().unwrap_or_default() + lines.next_back().unwrap_or_default();
        ends + 1 >= width || lines.any(|delimiters| delimiters + 1 >= width)
    };
    count != width || cells.any(has_records)
}

/// What the quotes of a record are.
#[derive(Default)]
struct Quotes {
    is_quoted: bool,
    /// Line breaks inside quotes.
    inner_lines: u64,
}

/// The quotes of a record, if each opens a cell, is doubled inside one, or closes one, and no
/// carriage return (which ends a line of an old spreadsheet) stands outside of them.
fn quotes(record: &[u8], delimiter: u8) -> Option<Quotes> {
    let mut found = Quotes::default();
    let mut at = 0;
    loop {
        // Where all cells are quoted, the next one starts at once.
        if record.get(at) != Some(&b'"') {
            let Some(next) = memchr2(b'"', b'\r', &record[at..]) else { return Some(found) };
            at += next;
        }
        if record[at] == b'\r' || at > 0 && record[at - 1] != delimiter {
            return None;
        }
        found.is_quoted = true;
        at += 1;
        loop {
            at += memchr2(b'"', b'\n', &record[at..])? + 1;
            if record[at - 1] == b'\n' {
                found.inner_lines += 1;
                continue;
            }
            match record.get(at) {
                Some(b'"') => at += 1,
                Some(byte) if *byte == delimiter => break,
                None => return Some(found),
                Some(_) => return None,
            }
        }
        at += 1;
    }
}

/// Whether every quote of a raw cell opens it, is doubled inside it, or closes it.
pub(super) fn is_regular(cell: &[u8]) -> bool {
    match cell {
        [b'"', inner @ .., b'"'] => {
            let mut quotes = memchr_iter(b'"', inner);
            while let Some(at) = quotes.next() {
                if quotes.next() != Some(at + 1) {
                    return false;
                }
            }
            true
        }
        other => memchr(b'"', other).is_none(),
    }
}

fn visit_strict(
    input: impl Read,
    rules: Rules<'_>,
    given: &Given,
    visit: &mut dyn FnMut(u64, &Cells<'_>, Place) -> Result<()>,
) -> Result<Structure> {
    let Rules { delimiter, formats, width, what, .. } = rules;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .buffer_capacity(BUFFER)
        .from_reader(input);
    let swallows = |records: u64, line: u64| {
        let place = format!("{what}, record {}, line {line}", records + 1);
        let text = format!("{place}: a stray quote swallows the following lines");
        Err(Error::new(Code::Undecodable, text).hint("mend the line or export the file again"))
    };
    match reader.byte_headers() {
        Ok(headers) if headers.len() == width => {}
        Ok(_) => return swallows(0, 1),
        Err(error) => return Err(unreadable(what, error)),
    }
    let mut record = csv::ByteRecord::new();
    let mut records = 0;
    loop {
        let start = reader.position().line();
        match reader.read_byte_record(&mut record) {
            Ok(true) => given.restart(),
            Ok(false) => break,
            Err(_) if given.is_endless() => {
                return swallows(records, start);
            }
            Err(error) => return Err(unreadable(what, error)),
        }
        let line = record.position().map_or(0, csv::Position::line);
        // Quotes are not sound in this file: one that holds a line break may hold other records.
        if memchr2(b'\n', b'\r', record.as_slice()).is_some()
            || record.as_slice().len() > LONGEST_RECORD
        {
            return swallows(records, line);
        }
        records += 1;
        visit(records, &Cells::Strict { record: &record, formats }, Place::Line(line))?;
        if formats.is_contradicted() {
            return Ok(Structure::Contradicted { record: records });
        }
    }
    Ok(Structure::Whole { records, inner_lines: 0 })
}

pub(super) fn unreadable(
    what: &str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::new(Code::Undecodable, format!("{what} cannot be read to its end"))
        .because(error)
        .hint("the file is damaged or cut off: fetch it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, reading: Reading) -> Result<(Structure, Vec<Vec<String>>)> {
        let mut rows = Vec::new();
        let formats = Formats::default();
        let rules = Rules { delimiter: b',', reading, formats: &formats, width: 3, what: "a.csv" };
        let structure = visit_records(text.as_bytes(), rules, &mut |_, cells, _| {
            let cell = |at| String::from_utf8_lossy(&cells.get(at)).into_owned();
            rows.push((0..cells.len()).map(cell).collect());
            Ok(())
        })?;
        Ok((structure, rows))
    }

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

    #[test]
    fn both_readers_agree_on_regular_files() {
        let text = "a,b,c\r\n1,\"x, \"\"y\"\"z\",3\r\n\r\n 4 ,,\"\"\r\n7,8";
        let fast = read(text, Reading::Fast).unwrap();
        assert_eq!(fast, read(text, Reading::Strict).unwrap());
        assert_eq!(fast.0, Structure::Whole { records: 3, inner_lines: 0 });
        assert_eq!(fast.1[0], ["1", "x, \"y\"z", "3"]);
        assert_eq!(fast.1[1], ["4", "", ""]);
        assert_eq!(fast.1[2], ["7", "8"]);
    }

    #[test]
    fn a_line_break_in_quotes_is_text_where_quotes_are_sound() {
        let text = "a,b,c\n1,\"x\ny\",3\n";
        let fast = read(text, Reading::Fast).unwrap();
        assert_eq!(fast.0, Structure::Whole { records: 1, inner_lines: 1 });
        assert_eq!(fast.1[0], ["1", "x\ny", "3"]);
        assert_eq!(read(text, Reading::Strict).unwrap_err().code(), Code::Undecodable);
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
        let text = format!("a,b,c\n1,\"x{}", "y,\n".repeat(2 << 20));
        assert_eq!(read(&text, Reading::Fast).unwrap().0, Structure::Irregular);
        let error = read(&text, Reading::Strict).unwrap_err();
        assert!(error.report().contains("record 1, line 2"), "{}", error.report());
    }

    #[test]
    fn a_stray_quote_is_text_and_loses_nothing() {
        let text = "a,b,c\n1,ab\"c,3\n4,5,6\n7,\"8\"x,9\n";
        assert_eq!(read(text, Reading::Fast).unwrap().0, Structure::Irregular);
        let (structure, rows) = read(text, Reading::Strict).unwrap();
        assert_eq!(structure, Structure::Whole { records: 3, inner_lines: 0 });
        assert_eq!(rows[0], ["1", "ab\"c", "3"]);
        assert_eq!(rows[1], ["4", "5", "6"]);
    }

    #[test]
    fn an_unclosed_quote_refuses_the_file() {
        let text = "a,b,c\n1,\"ab,3\n4,5,6\n7,8,9\n";
        assert_eq!(read(text, Reading::Fast).unwrap().0, Structure::Irregular);
        let error = read(text, Reading::Strict).unwrap_err();
        assert_eq!(error.code(), Code::Undecodable);
        assert!(error.report().contains("record 1, line 2"), "{}", error.report());
    }
}
