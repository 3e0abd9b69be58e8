//! A stored file as bytes: hashes what is stored and unpacks gzip and zip.

use std::cell::RefCell;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::rc::Rc;

use flate2::CrcReader;
use flate2::read::{DeflateDecoder, MultiGzDecoder};

use super::records::unreadable;
use crate::error::{Code, Error, Result};
use crate::store;

/// Where the bytes of one export are: a file, or a member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file on disk.
    pub path: PathBuf,
    /// The member of an archive that it is.
    pub member: Option<Member>,
}

/// One file of a zip archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name in the archive.
    pub name: String,
    start: u64,
    packed: u64,
    size: u64,
    crc: u32,
    is_deflated: bool,
    /// 2 for the second member of the same name, and so on; else 0.
    copy: usize,
}

impl Member {
    /// Its place below the archive's.
    pub fn place(&self) -> String {
        match self.copy {
            0 => self.name.clone(),
            copy => format!("{}#{copy}", self.name),
        }
    }
}

/// What was read of the stored bytes.
#[derive(Default)]
pub(super) struct Stored {
    pub(super) hasher: blake3::Hasher,
    pub(super) bytes: u64,
}

/// Whether a file is a zip archive, by its first bytes.
fn is_zip(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
}

impl Source {
    /// A file that is no archive.
    pub fn file(path: PathBuf) -> Self {
        Self { path, member: None }
    }

    /// The exports in a file: itself, or the members of a zip archive.
    ///
    /// # Errors
    /// CS2001 when it cannot be opened, CS3005 when the archive cannot be read; `what` names it.
    pub fn all(path: PathBuf, what: &str) -> Result<Vec<Self>> {
        let mut file = store::open_file(&path)?;
        let mut start = [0; 4];
        let got = read_full(&mut file, &mut start).map_err(|error| unreadable(what, error))?;
        if !is_zip(&start[..got]) {
            return Ok(vec![Self::file(path)]);
        }
        let broken = |error: rawzip::Error| unreadable(what, error);
        let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
        let archive = rawzip::ZipArchive::from_file(file, &mut buffer).map_err(broken)?;
        let refused =
            |text: String, hint: &str| Err(Error::new(Code::Undecodable, text).hint(hint));
        let mut sources = Vec::new();
        let mut entries = archive.entries(&mut buffer);
        while let Some(entry) = entries.next_entry().map_err(broken)? {
            // Older tools write names in the code page of their system.
            let name = match entry.file_path().try_normalize() {
                Ok(path) => path.as_ref().to_owned(),
                Err(_) => String::from_utf8_lossy(entry.file_path().as_ref())
                    .replace('\\', "/")
                    .trim_start_matches(['/', '.'])
                    .to_owned(),
            };
            if name == "[Content_Types].xml" {
                return refused(format!("{what} is a workbook"), "save its sheet as CSV UTF-8");
            }
            let is_hidden = super::discover::is_ignored(&name);
            if entry.is_dir() || is_hidden {
                continue;
            }
            let is_deflated = match entry.compression_method() {
                rawzip::CompressionMethod::STORE => false,
                rawzip::CompressionMethod::DEFLATE => true,
                _ => {
                    let text = format!("{what}: {name} is packed by an unusual method");
                    return refused(text, "pack it again by the usual method, or unpack it");
                }
            };
            if entry.flags().is_encrypted() {
                let text = format!("{what}: {name} is encrypted");
                return refused(text, "unpack it with its password");
            }
            let found = archive.get_entry(entry.wayfinder()).map_err(broken)?;
            let (start, end) = found.compressed_data_range();
            let member = Member {
                start,
                packed: end.saturating_sub(start),
                size: entry.uncompressed_size_hint(),
                crc: entry.crc32(),
                is_deflated,
                name,
                copy: 0,
            };
            // Two members of one name are two exports.
            let same = |known: &&Self| {
                known.member.as_ref().is_some_and(|known| known.name == member.name)
            };
            let member = match sources.iter().filter(same).count() {
                0 => member,
                count => Member { copy: count + 1, ..member },
            };
            sources.push(Self { path: path.clone(), member: Some(member) });
        }
        Ok(sources)
    }

    /// Why an archive cannot be read as one file.
    fn refused(&self, what: &str) -> Error {
        match Self::all(self.path.clone(), what) {
            Err(error) => error,
            Ok(members) => {
                let text = format!("{what} is an archive of {} exports", members.len());
                Error::new(Code::Undecodable, text).hint("fetch it again, or unpack it")
            }
        }
    }

    /// The unpacked bytes; `stored` collects the hash and the number of those that are stored.
    pub(super) fn unpacked(
        &self,
        stored: &Rc<RefCell<Stored>>,
        what: &str,
    ) -> Result<Box<dyn Read>> {
        let mut file = store::open_file(&self.path)?;
        let stored = Rc::clone(stored);
        let Some(member) = &self.member else {
            let mut raw = Hashing { inner: file, stored };
            let mut magic = [0; 4];
            let got = read_full(&mut raw, &mut magic).map_err(|error| unreadable(what, error))?;
            let magic = magic.get(..got).unwrap_or_default().to_vec();
            let (is_packed, is_archive) = (magic.starts_with(&[0x1f, 0x8b]), is_zip(&magic));
            let start = Cursor::new(magic).chain(raw);
            return match (is_packed, is_archive) {
                (true, _) => Ok(Box::new(MultiGzDecoder::new(start))),
                (_, true) => Err(self.refused(what)),
                _ => Ok(Box::new(start)),
            };
        };
        file.seek(SeekFrom::Start(member.start)).map_err(|error| unreadable(what, error))?;
        let raw = Hashing { inner: file.take(member.packed), stored };
        let unpacked: Box<dyn Read> =
            if member.is_deflated { Box::new(DeflateDecoder::new(raw)) } else { Box::new(raw) };
        let inner = CrcReader::new(io::BufReader::new(unpacked));
        Ok(Box::new(Verified { inner, crc: member.crc, size: member.size }))
    }
}

pub(super) fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match input.read(&mut buffer[got..])? {
            0 => break,
            count => got += count,
        }
    }
    Ok(got)
}

struct Hashing<R> {
    inner: R,
    stored: Rc<RefCell<Stored>>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        let mut stored = self.stored.borrow_mut();
        stored.hasher.update(&buffer[..got]);
        stored.bytes += got as u64;
        Ok(got)
    }
}

/// A member whose length and checksum are compared at its end.
struct Verified<R: io::BufRead> {
    inner: CrcReader<R>,
    crc: u32,
    size: u64,
}

impl<R: io::BufRead> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        let sum = self.inner.crc();
        if got == 0 && !buffer.is_empty() && sum.sum() != self.crc {
            let text = format!("the checksum of {} bytes is wrong", self.size);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(got)
    }
}
