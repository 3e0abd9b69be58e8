//! The quotes of a record: whether each opens a cell, is doubled inside one, or closes one.

use memchr::{memchr, memchr_iter, memchr2};

/// Whether a record over several lines looks as if a stray quote had swallowed its neighbours: it
/// lacks fields, or one of its cells holds a whole record, or the end of one and the beginning of
/// another. A cell of its own may have many lines, each with few delimiters.
pub(super) fn swallowed<'a>(
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
pub(super) struct Quotes {
    pub(super) is_quoted: bool,
    /// Line breaks inside quotes.
    pub(super) inner_lines: u64,
}

/// The quotes of a record, if each opens a cell, is doubled inside one, or closes one, and no
/// carriage return (which ends a line of an old spreadsheet) stands outside of them.
pub(super) fn quotes(record: &[u8], delimiter: u8) -> Option<Quotes> {
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
