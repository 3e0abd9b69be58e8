//! Bytes to UTF-8 text: what a file is encoded in, and a stream that decodes it.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use encoding_rs_io::DecodeReaderBytesBuilder;

/// What is decoded at once. As few calls as possible, and no more than stays in the processor's cache.
const BLOCK: usize = 1 << 16;

/// How the text of a file is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    Windows1252,
}

/// What a stream found out about its encoding while it was read.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// The bytes are no UTF-8 and nothing before them was more than ASCII.
    pub(super) is_not_utf8: Cell<bool>,
    /// A character could not be decoded.
    pub(super) has_replacement: Cell<bool>,
}

impl Encoding {
    /// The encoding of a file by its first bytes: a byte order mark, else zeros in every other
    /// byte, else UTF-8 where it is valid or was once, else the code page of Western Windows.
    pub(super) fn of(start: &[u8]) -> Self {
        if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(start) {
            return match encoding.name() {
                "UTF-16LE" => Self::Utf16Le,
                "UTF-16BE" => Self::Utf16Be,
                _ => Self::Utf8,
            };
        }
        let zeros =
            |parity| start.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
        if start.len() >= 4 && memchr::memchr(0, start).is_some() {
            if zeros(1) * 4 > start.len() {
                return Self::Utf16Le;
            }
            if zeros(0) * 4 > start.len() {
                return Self::Utf16Be;
            }
        }
        match std::str::from_utf8(start) {
            // A character that is cut off at the end is none that is wrong.
            Err(error) if error.error_len().is_some() => {
                let is_ascii = start[..error.valid_up_to()].is_ascii();
                if is_ascii { Self::Windows1252 } else { Self::Utf8 }
            }
            _ => Self::Utf8,
        }
    }

    /// The name that manifests show.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Windows1252 => "windows-1252",
        }
    }

    /// The text of `inner` in UTF-8. A file in UTF-8 passes as it is; `decoded` tells when that was
    /// wrong.
    ///
    /// # Errors
    /// None: a decoder without room for a character is not made.
    pub(super) fn stream(
        self,
        inner: Box<dyn Read>,
        decoded: &Rc<Decoded>,
    ) -> io::Result<Box<dyn Read>> {
        let encoding = match self {
            Self::Utf8 => {
                let decoded = Rc::clone(decoded);
                return Ok(Box::new(Utf8 { inner, decoded, tail: Vec::new(), has_more: false }));
            }
            Self::Utf16Le => encoding_rs::UTF_16LE,
            Self::Utf16Be => encoding_rs::UTF_16BE,
            Self::Windows1252 => encoding_rs::WINDOWS_1252,
        };
        let inner = DecodeReaderBytesBuilder::new()
            .encoding(Some(encoding))
            .build_with_buffer(inner, vec![0; BLOCK])?;
        Ok(Box::new(Transcoded { inner, decoded: Rc::clone(decoded), tail: Vec::new() }))
    }
}

/// Bytes that should be UTF-8.
struct Utf8 {
    inner: Box<dyn Read>,
    decoded: Rc<Decoded>,
    /// The start of a character at the end of the last block.
    tail: Vec<u8>,
    /// Whether a character beyond ASCII was seen.
    has_more: bool,
}

impl Read for Utf8 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        let block = &buffer[..got];
        if self.decoded.is_not_utf8.get() {
            return Ok(got);
        }
        let mut rest = block;
        // A character that the blocks cut in two is looked at by itself.
        while !self.tail.is_empty() {
            let Some((next, others)) = rest.split_first() else {
                if got == 0 {
                    self.decoded.is_not_utf8.set(!self.has_more);
                }
                return Ok(got);
            };
            self.tail.push(*next);
            match std::str::from_utf8(&self.tail) {
                Ok(_) => self.has_more = true,
                Err(error) if error.error_len().is_none() => {
                    rest = others;
                    continue;
                }
                Err(_) if !self.has_more => {
                    self.decoded.is_not_utf8.set(true);
                    return Ok(got);
                }
                // The byte after a wrong start may begin a character itself.
                Err(_) => {
                    self.tail.clear();
                    break;
                }
            }
            self.tail.clear();
            rest = others;
        }
        while let Err(error) = simdutf8::compat::from_utf8(rest) {
            let (valid, wrong) = rest.split_at(error.valid_up_to());
            self.has_more |= !valid.is_ascii();
            let Some(length) = error.error_len() else {
                self.tail = wrong.to_vec();
                return Ok(got);
            };
            if !self.has_more {
                self.decoded.is_not_utf8.set(true);
                return Ok(got);
            }
            rest = &wrong[length..];
        }
        self.has_more = self.has_more || !rest.is_ascii();
        Ok(got)
    }
}

/// Text that was decoded: a replacement character stands for bytes that were none.
struct Transcoded<R> {
    inner: R,
    decoded: Rc<Decoded>,
    tail: Vec<u8>,
}

const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

impl<R: Read> Read for Transcoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        let block = &buffer[..got];
        // The mark may lie across two blocks.
        self.tail.extend_from_slice(&block[..got.min(REPLACEMENT.len() - 1)]);
        if memchr::memmem::find(block, REPLACEMENT).is_some()
            || memchr::memmem::find(&self.tail, REPLACEMENT).is_some()
        {
            self.decoded.has_replacement.set(true);
        }
        self.tail = block[got.saturating_sub(REPLACEMENT.len() - 1)..].to_vec();
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (Encoding, String, bool, bool) {
        let encoding = Encoding::of(&bytes[..bytes.len().min(64)]);
        let decoded = Rc::new(Decoded::default());
        let mut stream =
            encoding.stream(Box::new(io::Cursor::new(bytes.to_vec())), &decoded).unwrap();
        let (mut text, mut block) = (Vec::new(), [0; 7]);
        loop {
            match stream.read(&mut block).unwrap() {
                0 => break,
                got => text.extend_from_slice(&block[..got]),
            }
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        (encoding, text, decoded.is_not_utf8.get(), decoded.has_replacement.get())
    }

    #[test]
    fn encodings_are_told_apart() {
        let text = "Größe;Möbel\r\n1;2\r\n";
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (encoding, decoded, _, is_broken) = read(&utf16);
        assert_eq!((encoding, decoded.as_str(), is_broken), (Encoding::Utf16Le, text, false));
        let marked: Vec<u8> = "\u{feff}a"
            .encode_utf16()
            .chain(text.encode_utf16())
            .flat_map(u16::to_be_bytes)
            .collect();
        assert_eq!((read(&marked).0, read(&marked).1), (Encoding::Utf16Be, format!("a{text}")));
        assert_eq!(read(text.as_bytes()).0, Encoding::Utf8);
        let western = read(b"Gr\xf6\xdfe;x\n");
        assert_eq!((western.0, western.1.as_str()), (Encoding::Windows1252, "Größe;x\n"));
    }

    #[test]
    fn what_comes_late_is_noticed() {
        let late = [&[b'a'; 100][..], b"\xf6"].concat();
        assert!(read(&late).2);
        // One wrong byte in real UTF-8 is a wrong cell, not another encoding.
        let damaged = ["ö".repeat(50).as_bytes(), b"\xf6 and more"].concat();
        assert_eq!((read(&damaged).0, read(&damaged).2), (Encoding::Utf8, false));
        let mut half: Vec<u8> = "\u{feff}ab".encode_utf16().flat_map(u16::to_le_bytes).collect();
        half.push(7);
        assert!(read(&half).3);
    }
}
