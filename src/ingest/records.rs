//! Records and cells of a file. The fast reader is vectorised and hands out the bytes of the file;
//! it is right for every record whose quotes open, double inside or close a cell. One irregular
//! quote and the file is read again by the strict reader, which keeps stray quotes as text.

use std::cell::Cell;
use std::io::{self, Read};

use memchr::memchr2;
use simd_csv::ZeroCopyReaderBuilder;

use super::cells::Cells;
use super::formats::Formats;
use super::quotes::{Quotes, quotes, swallowed};
use crate::error::{Code, Error, Result};

/// Stays in the processor's cache while the layers below look at it one after the other.
const BUFFER: usize = 1 << 17;

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
