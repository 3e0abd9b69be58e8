//! One delimited text file of a delivery: header, column order, spelling, compression.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use csv::{QuoteStyle, Terminator, WriterBuilder};
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use super::Summary;
use super::text::push_number;
use crate::error::{Code, Error, Result};
use crate::store::create_file;

/// How a file is spelled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// Comma or tab.
    pub(super) delimiter: u8,
    /// Lines end in CR LF.
    pub(super) has_crlf: bool,
    /// The file starts with a UTF-8 byte order mark.
    pub(super) has_mark: bool,
    /// The file is gzip-compressed.
    pub(super) is_packed: bool,
}

/// The fields of one record, kept between records so that only what changes is written anew.
pub(super) struct Row {
    fields: Vec<Vec<u8>>,
}

impl Row {
    /// A row of `columns` blank fields.
    pub(super) fn new(columns: usize) -> Self {
        Self { fields: vec![Vec::new(); columns] }
    }

    /// Replaces a field.
    pub(super) fn set(&mut self, column: usize, text: &str) {
        self.start(column).extend_from_slice(text.as_bytes());
    }

    /// Replaces a field by a whole number.
    pub(super) fn set_number(&mut self, column: usize, number: u64) {
        push_number(self.start(column), number, 1);
    }

    /// Appends a whole number to a field.
    pub(super) fn append_number(&mut self, column: usize, number: u64) {
        push_number(&mut self.fields[column], number, 1);
    }

    /// Empties a field, to be filled by the caller.
    pub(super) fn start(&mut self, column: usize) -> &mut Vec<u8> {
        let field = &mut self.fields[column];
        field.clear();
        field
    }
}

/// A file that is being written.
pub(super) struct Table {
    writer: csv::Writer<Sink>,
    path: PathBuf,
    order: Vec<usize>,
    rows: u64,
}

impl Table {
    /// Creates the file (`.gz` is added when packed) and writes its header; `order` gives for each
    /// column of the file its position in `header`.
    pub(super) fn create(
        folder: &Path,
        name: &str,
        header: &[&str],
        order: Vec<usize>,
        form: Form,
    ) -> Result<Self> {
        let ending = if form.is_packed { ".gz" } else { "" };
        let path = folder.join(format!("{name}{ending}"));
        let file = Counted { inner: Box::new(create_file(&path)?), bytes: 0 };
        let mut sink = if form.is_packed {
            // No name and no time in the gzip header: the bytes depend on the rows alone.
            Sink::Packed(Box::new(GzBuilder::new().mtime(0).write(file, Compression::new(6))))
        } else {
            Sink::Plain(file)
        };
        if form.has_mark {
            sink.write_all("\u{FEFF}".as_bytes()).map_err(|error| failed(&path, error))?;
        }
        let ending = if form.has_crlf { Terminator::CRLF } else { Terminator::Any(b'\n') };
        let writer = WriterBuilder::new()
            .delimiter(form.delimiter)
            .terminator(ending)
            .quote_style(QuoteStyle::Necessary)
            // Records of a wrong length are written on purpose.
            .flexible(true)
            .buffer_capacity(1 << 16)
            .from_writer(sink);
        let mut table = Self { writer, path, order, rows: 0 };
        let mut names = Row::new(header.len());
        for (column, name) in header.iter().enumerate() {
            names.set(column, name);
        }
        table.write(&names)?;
        table.rows = 0;
        Ok(table)
    }

    /// Records written, without the header.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes a record in the file's column order.
    pub(super) fn write(&mut self, row: &Row) -> Result<()> {
        for &column in &self.order {
            let field = row.fields.get(column).map_or(&[][..], Vec::as_slice);
            self.writer.write_field(field).map_err(|error| failed(&self.path, error))?;
        }
        self.end_record()
    }

    /// Writes a damaged record: the last `missing` fields left out, `extra` ones added.
    pub(super) fn write_damaged(
        &mut self,
        row: &Row,
        missing: usize,
        extra: &[&str],
    ) -> Result<()> {
        let kept = self.order.len().saturating_sub(missing);
        for &column in self.order.iter().take(kept) {
            let field = row.fields.get(column).map_or(&[][..], Vec::as_slice);
            self.writer.write_field(field).map_err(|error| failed(&self.path, error))?;
        }
        for field in extra {
            self.writer.write_field(field).map_err(|error| failed(&self.path, error))?;
        }
        self.end_record()
    }

    fn end_record(&mut self) -> Result<()> {
        let ended = self.writer.write_record(None::<&[u8]>);
        ended.map_err(|error| failed(&self.path, error))?;
        self.rows += 1;
        Ok(())
    }

    /// Ends the file.
    pub(super) fn finish(self) -> Result<Summary> {
        let Self { writer, path, rows, .. } = self;
        let sink = writer.into_inner().map_err(|error| failed(&path, error.into_error()))?;
        let bytes = sink.finish().map_err(|error| failed(&path, error))?;
        Ok(Summary { files: 1, rows, bytes })
    }
}

enum Sink {
    Plain(Counted),
    Packed(Box<GzEncoder<Counted>>),
}

impl Sink {
    fn finish(self) -> io::Result<u64> {
        let mut file = match self {
            Self::Plain(file) => file,
            Self::Packed(encoder) => (*encoder).finish()?,
        };
        file.flush()?;
        Ok(file.bytes)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Packed(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            // The csv writer flushes once more than needed: a flushed gzip block would only cost
            // compression. `finish` writes everything.
            Self::Packed(_) => Ok(()),
        }
    }
}

/// A file that counts its bytes.
struct Counted {
    inner: Box<dyn Write>,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += u64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn failed(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Code::StorageWrite, format!("cannot write {}", path.display()))
        .because(error)
        .hint("check that the folder is writable and has room")
}
