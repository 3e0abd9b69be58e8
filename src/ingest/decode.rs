//! A stored file as text: decodes it, counts lines, finds the delimiter.

use std::cell::{Cell, RefCell};
use std::io::{self, Cursor, Read};
use std::rc::Rc;

use memchr::memchr_iter;

use super::encoding::{Decoded, Encoding};
use super::layout::{Recognised, Sources};
use super::packed::read_full;
use super::packed::{Source, Stored};
use super::quotes::is_regular;
use super::records::unreadable;
use crate::error::{Code, Error, Result};

/// Delimiters that are tried on the header.
const DELIMITERS: [u8; 4] = *b",\t;|";
/// A header longer than this is none.
const LONGEST_HEADER: usize = 1 << 20;

/// How much of a file tells its encoding.
const START: usize = 1 << 16;

/// The text of one file, to be read once.
pub(super) struct Text {
    stream: Box<dyn Read>,
    stored: Rc<RefCell<Stored>>,
    lines: Rc<LineCount>,
    decoded: Rc<Decoded>,
    pub(super) encoding: Encoding,
    header: Vec<u8>,
}

#[derive(Default)]
struct LineCount {
    breaks: Cell<u64>,
    last: Cell<u8>,
    has_zero: Cell<bool>,
}

/// What is known of a file once its header is read.
pub(super) struct Header<'a> {
    pub(super) recognised: Recognised<'a>,
    pub(super) delimiter: u8,
    /// Whether lines end in a lone carriage return, or a quote stands inside a name, which only the
    /// strict reader knows.
    pub(super) needs_strict: bool,
}

/// What is known of a file once all of it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) content_hash: String,
    pub(super) bytes: u64,
    /// Lines of text, a last one without a line break included.
    pub(super) lines: u64,
}

impl Text {
    /// Opens a file and reads up to the end of its header; without an encoding it is found out.
    ///
    /// # Errors
    /// CS2001 when it cannot be opened, CS3005 when it cannot be decoded; `what` names it.
    pub(super) fn open(source: &Source, encoding: Option<Encoding>, what: &str) -> Result<Self> {
        let stored = Rc::new(RefCell::new(Stored::default()));
        let mut unpacked = source.unpacked(&stored, what)?;
        let mut start = vec![0; START];
        let got = read_full(&mut unpacked, &mut start).map_err(|error| unreadable(what, error))?;
        start.truncate(got);
        let encoding = encoding.unwrap_or_else(|| Encoding::of(&start));
        let decoded = Rc::new(Decoded::default());
        let text = encoding
            .stream(Box::new(Cursor::new(start).chain(unpacked)), &decoded)
            .map_err(|error| unreadable(what, error))?;
        let lines = Rc::new(LineCount::default());
        let mut stream = Counting { inner: text, lines: Rc::clone(&lines) };
        let mut header = Vec::new();
        let mut block = vec![0; 16 * 1024];
        while memchr::memchr(b'\n', &header).is_none() && header.len() < LONGEST_HEADER {
            let got = stream.read(&mut block).map_err(|error| unreadable(what, error))?;
            if got == 0 {
                break;
            }
            header.extend_from_slice(&block[..got]);
        }
        Ok(Self { stream: Box::new(stream), stored, lines, decoded, encoding, header })
    }

    /// Recognises the header.
    ///
    /// # Errors
    /// CS3003, CS3004, CS3006; `what` names the file.
    pub(super) fn recognise<'a>(&self, sources: &'a Sources, what: &str) -> Result<Header<'a>> {
        let text = self.header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.header);
        if text.trim_ascii().is_empty() {
            return Err(Error::new(Code::UnknownFile, format!("{what} is empty"))
                .hint("fetch it again, or remove it"));
        }
        let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        // A name in quotes may go on in the next line.
        let searched = if memchr::memchr(b'"', line).is_some() { text } else { line };
        // Of those that occur, the delimiter that gives the most known columns, then the most columns
        // at all. A reader costs more than a header, so only those are tried.
        let (delimiter, columns) = DELIMITERS
            .into_iter()
            .rev()
            .filter(|delimiter| {
                *delimiter == b',' || memchr::memchr(*delimiter, searched).is_some()
            })
            .map(|delimiter| (delimiter, header_fields(text, delimiter)))
            .max_by_key(|(_, columns)| (sources.known(columns), columns.len()))
            .unwrap_or_default();
        let recognised = sources.recognise(columns, what)?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let has_stray_quote = memchr::memchr(b'"', line).is_some()
            && !line.split(|byte| *byte == delimiter).all(is_regular);
        let needs_strict = memchr::memchr(b'\r', line).is_some() || has_stray_quote;
        Ok(Header { recognised, delimiter, needs_strict })
    }

    /// The text from its start, and what to ask when it was read.
    pub(super) fn into_parts(self) -> (impl Read, Finish) {
        let header = Cursor::new(self.header);
        let finish = Finish { stored: self.stored, lines: self.lines, decoded: self.decoded };
        (header.chain(self.stream), finish)
    }
}

/// Gives the totals after the stream has ended.
pub(super) struct Finish {
    stored: Rc<RefCell<Stored>>,
    lines: Rc<LineCount>,
    decoded: Rc<Decoded>,
}

impl Finish {
    /// Whether the text turned out not to be in the encoding that it was read in.
    pub(super) fn is_not_utf8(&self) -> bool {
        self.decoded.is_not_utf8.get()
    }

    /// Refuses text with characters that could not be decoded.
    ///
    /// # Errors
    /// CS3005.
    pub(super) fn check(&self, encoding: Encoding, what: &str) -> Result<()> {
        if self.lines.has_zero.get() {
            let text = format!("{what} has zero bytes inside its text");
            return Err(
                Error::new(Code::Undecodable, text).hint("the file is damaged: fetch it again")
            );
        }
        if !self.decoded.has_replacement.get() {
            return Ok(());
        }
        let text = format!("{what} has characters that are no {}", encoding.as_str());
        Err(Error::new(Code::Undecodable, text).hint("fetch it again, or save it as CSV UTF-8"))
    }

    pub(super) fn totals(&self) -> Totals {
        let stored = self.stored.borrow();
        let has_open_line = !matches!(self.lines.last.get(), b'\n' | 0);
        Totals {
            content_hash: format!("blake3:{}", stored.hasher.finalize().to_hex()),
            bytes: stored.bytes,
            lines: self.lines.breaks.get() + u64::from(has_open_line),
        }
    }
}

/// The lines on which some records start: `after` holds byte positions, ascending.
///
/// # Errors
/// CS2001, CS3005.
pub(super) fn lines_after(
    source: &Source,
    encoding: Encoding,
    after: &[u64],
    what: &str,
) -> Result<Vec<u64>> {
    let (mut stream, _) = Text::open(source, Some(encoding), what)?.into_parts();
    let mut block = vec![0; 1 << 16];
    let (mut position, mut line) = (0_u64, 1_u64);
    let mut found = Vec::with_capacity(after.len());
    while found.len() < after.len() {
        let got = stream.read(&mut block).map_err(|error| unreadable(what, error))?;
        if got == 0 {
            break;
        }
        let mut rest = &block[..got];
        while let Some(start) = after.get(found.len())
            && !rest.is_empty()
        {
            // Up to the position, then over blank lines.
            let ahead = usize::try_from(start.saturating_sub(position)).unwrap_or(usize::MAX);
            let is_there = ahead == 0;
            let passed = if is_there {
                rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count()
            } else {
                ahead.min(rest.len())
            };
            line += memchr_iter(b'\n', &rest[..passed]).count() as u64;
            position += passed as u64;
            rest = &rest[passed..];
            if is_there && !rest.is_empty() {
                found.push(line);
            }
        }
    }
    found.resize(after.len(), line);
    Ok(found)
}

fn header_fields(text: &[u8], delimiter: u8) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text);
    let mut record = csv::ByteRecord::new();
    match reader.read_byte_record(&mut record) {
        Ok(true) => {
            record.iter().map(|field| String::from_utf8_lossy(field).trim().to_owned()).collect()
        }
        _ => Vec::new(),
    }
}

struct Counting<R> {
    inner: R,
    lines: Rc<LineCount>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        let breaks = memchr_iter(b'\n', &buffer[..got]).count() as u64;
        self.lines.breaks.set(self.lines.breaks.get() + breaks);
        if memchr::memchr(0, &buffer[..got]).is_some() {
            self.lines.has_zero.set(true);
        }
        if let Some(last) = buffer[..got].last() {
            self.lines.last.set(*last);
        }
        Ok(got)
    }
}
