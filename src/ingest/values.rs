//! Cells to values. Blank sentinels are blank; everything else converts exactly or is refused with
//! a stable reason.

use std::borrow::Cow;

use crate::calendar::{Day, Month};
use crate::ids::Guid;

/// Why a cell was refused: a stable code of the quarantine table.
pub(super) type Reason = &'static str;

/// Whether a cell of an id, date or number says nothing.
pub(super) fn is_blank(cell: &[u8]) -> bool {
    const SENTINELS: [&[u8]; 9] =
        [b"", b"-", b"na", b"n/a", b"null", b"none", b"unknown", b"unassigned", b"others"];
    SENTINELS.iter().any(|sentinel| cell.eq_ignore_ascii_case(sentinel))
        || cell.eq_ignore_ascii_case(b"not applicable")
}

/// A month key: the first day of a month as `20260901`, `2026-09-01` (also with a midnight time),
/// or the bare month `202609`, `2026-09`.
pub(super) fn month(cell: &[u8]) -> Result<Month, Reason> {
    let text = std::str::from_utf8(cell).map_err(|_| "month_invalid")?;
    let bare = match text.len() {
        6 if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.split_at_checked(4).and_then(|(year, month)| number_month(year, month))
        }
        7 => Month::parse(text),
        _ => None,
    };
    if let Some(month) = bare {
        return Ok(month);
    }
    let day = day(cell).map_err(|_| "month_invalid")?;
    // A date inside a month means a daily file: its rows are not months.
    if day.day_of_month() == 1 { Ok(day.month()) } else { Err("month_not_first_day") }
}

fn number_month(year: &str, month: &str) -> Option<Month> {
    Month::new(year.parse().ok()?, month.parse().ok()?)
}

/// A day as `20260901` or `2026-09-01`, also followed by a time.
pub(super) fn day(cell: &[u8]) -> Result<Day, Reason> {
    let text = std::str::from_utf8(cell).map_err(|_| "date_invalid")?;
    let parsed = if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let (year, rest) = text.split_at_checked(4).ok_or("date_invalid")?;
        let (month, day) = rest.split_at_checked(2).ok_or("date_invalid")?;
        match (year.parse(), month.parse(), day.parse()) {
            (Ok(year), Ok(month), Ok(day)) => Day::new(year, month, day),
            _ => None,
        }
    } else {
        let (date, time) = match text.split_at_checked(10) {
            Some((date, time)) => (date, time),
            None => (text, ""),
        };
        if is_time(time) { Day::parse(date) } else { None }
    };
    parsed.ok_or("date_invalid")
}

/// `''`, `T00:00:00`, ` 12:30`, `T00:00:00.000Z`.
fn is_time(text: &str) -> bool {
    let mut bytes = text.bytes();
    match bytes.next() {
        None => true,
        Some(b'T' | b' ') => {
            text.len() >= 6 && bytes.all(|byte| byte.is_ascii_digit() || b":.Z+-".contains(&byte))
        }
        Some(_) => false,
    }
}

/// A count of seats or users: a whole number, at least zero, also written `12.0`.
pub(super) fn count(cell: &[u8]) -> Result<i64, Reason> {
    let text = std::str::from_utf8(cell).map_err(|_| "number_invalid")?;
    let whole = match text.split_once('.') {
        // Three zeros could be thousands.
        Some((whole, "0" | "00")) => whole,
        Some(_) => return Err("number_invalid"),
        None => text,
    };
    if whole.is_empty() || whole.len() > 15 || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        let is_negative = whole
            .strip_prefix('-')
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
        return Err(if is_negative { "number_negative" } else { "number_invalid" });
    }
    whole.parse().map_err(|_| "number_invalid")
}

/// A flag as `1`, `True`, `Yes`, `Y`, `1.0`; anything else is none.
pub(super) fn flag(cell: &[u8]) -> bool {
    const TRUE: [&[u8]; 6] = [b"1", b"true", b"yes", b"y", b"1.0", b"1,0"];
    TRUE.iter().any(|text| cell.eq_ignore_ascii_case(text))
}

/// A partner or reseller id as text: blank for a sentinel, without the `.0` that spreadsheets add.
///
/// # Errors
/// `id_ruined` for an id in scientific notation (a spreadsheet destroyed its digits), `id_invalid`
/// for one with control characters or a comma (ids are joined by commas in lists).
pub(super) fn id(cell: &[u8]) -> Result<&str, Reason> {
    if is_blank(cell) {
        return Ok("");
    }
    let text = std::str::from_utf8(cell).map_err(|_| "id_invalid")?;
    if text.chars().any(|letter| letter.is_control() || letter == ',') {
        return Err("id_invalid");
    }
    // A spreadsheet marks text with an apostrophe or as a formula and turns numbers into decimals;
    // copied text brings blanks that nobody sees.
    let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{200b}');
    let text = text.strip_prefix("=\"").and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let text = text.strip_prefix('\'').unwrap_or(text);
    let text = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => {
            whole
        }
        _ => text,
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_ruined = text.split_once(['E', 'e']).is_some_and(|(mantissa, exponent)| {
        digits(&mantissa.replace('.', "")) && digits(exponent.trim_start_matches('+'))
    });
    if is_ruined { Err("id_ruined") } else { Ok(text) }
}

/// The id of a partner: digits, or a GUID in its canonical spelling.
///
/// # Errors
/// Those of [`id`]; `id_invalid` for anything else.
pub(super) fn partner_id(cell: &[u8]) -> Result<Cow<'_, str>, Reason> {
    let text = id(cell)?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Cow::Borrowed(text));
    }
    match Guid::parse(text.as_bytes()) {
        Some(guid) => Ok(Cow::Owned(guid.as_str().to_owned())),
        None => Err("id_invalid"),
    }
}

/// Trimmed of ASCII blanks.
pub(super) fn trim(cell: &[u8]) -> &[u8] {
    cell.trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_two_spellings_and_one_day() {
        let read = |text: &str| month(text.as_bytes()).map(|month| month.to_string());
        let september = Ok("2026-09".to_owned());
        for text in ["20260901", "2026-09-01", "2026-09-01T00:00:00.000Z", "202609", "2026-09"] {
            assert_eq!(read(text), september, "{text}");
        }
        assert_eq!(read("20260902"), Err("month_not_first_day"));
        for text in ["2026-13-01", "2026-00", "9/1/2026", "", "20260931", "2026-09-01x", "²⁰²⁶⁰⁹"]
        {
            assert_eq!(read(text), Err("month_invalid"), "{text}");
        }
    }

    #[test]
    fn counts_are_whole() {
        assert_eq!(count(b"25"), Ok(25));
        assert_eq!(count(b"25.00"), Ok(25));
        assert_eq!(count(b"-3"), Err("number_negative"));
        for text in ["25.5", "many", "", "1,000", "-", "25.", "9999999999999999"] {
            assert_eq!(count(text.as_bytes()), Err("number_invalid"), "{text}");
        }
    }

    #[test]
    fn ids_survive_spreadsheets_or_are_refused() {
        assert_eq!(id(b"6034453.0"), Ok("6034453"));
        assert_eq!(id(b"0012"), Ok("0012"));
        assert_eq!(id(b"'1000"), Ok("1000"));
        for blank in ["N/A", "unknown", "Unassigned", "OTHERS", "null", "Not Applicable", ""] {
            assert_eq!(id(blank.as_bytes()), Ok(""), "{blank}");
        }
        assert_eq!(id(b"6.03445E+06"), Err("id_ruined"));
        assert_eq!(id(b"1,2"), Err("id_invalid"));
        assert_eq!(id(b"E5"), Ok("E5"));
    }
}
