//! Numbers, days and GUIDs as text, appended to a reused buffer: `format!` would allocate for each
//! field of millions of rows.

use crate::calendar::{Day, Month};

/// Decimals of the finest amount.
pub(super) const FINEST_DECIMALS: u32 = 10;
/// Units of the finest amount in one dollar.
pub(super) const UNITS_PER_DOLLAR: i64 = 10_000_000_000;
/// Units of the finest amount in one cent.
pub(super) const UNITS_PER_CENT: i64 = 100_000_000;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const HEX: [u8; 16] = *b"0123456789ABCDEF";

/// Appends a whole number, padded with zeros to `width` digits.
pub(super) fn push_number(buffer: &mut Vec<u8>, number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut rest = number;
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    let start = at.min(digits.len().saturating_sub(width.max(1)));
    buffer.extend_from_slice(&digits[start..]);
}

/// Appends an amount given in units of 10⁻¹⁰, with exactly `decimals` decimals (the digits beyond
/// them are cut off, so the caller makes them zero).
pub(super) fn push_amount(buffer: &mut Vec<u8>, units: i64, decimals: u32) {
    if units < 0 {
        buffer.push(b'-');
    }
    let (size, dollar) = (units.unsigned_abs(), UNITS_PER_DOLLAR.unsigned_abs());
    push_number(buffer, size / dollar, 1);
    if decimals == 0 {
        return;
    }
    buffer.push(b'.');
    let start = buffer.len();
    push_number(buffer, size % dollar, 10);
    buffer.truncate(start + usize::try_from(decimals.min(FINEST_DECIMALS)).unwrap_or(0));
}

/// Appends a day as `2026-09-01`, or as `20260901` without dashes.
pub(super) fn push_day(buffer: &mut Vec<u8>, day: Day, has_dashes: bool) {
    let month = day.month();
    push_number(buffer, u64::from(month.year().unsigned_abs()), 4);
    if has_dashes {
        buffer.push(b'-');
    }
    push_number(buffer, u64::from(month.month()), 2);
    if has_dashes {
        buffer.push(b'-');
    }
    push_number(buffer, u64::from(day.day_of_month()), 2);
}

/// Appends the first day of a month.
pub(super) fn push_month(buffer: &mut Vec<u8>, month: Month, has_dashes: bool) {
    push_day(buffer, month.first_day(), has_dashes);
}

/// Appends a month in words: `September 2026`, or `Sep-26` when it is not long.
pub(super) fn push_month_name(buffer: &mut Vec<u8>, month: Month, is_long: bool) {
    let at = usize::try_from(month.month()).unwrap_or(1).saturating_sub(1);
    let name = MONTHS.get(at).copied().unwrap_or_default().as_bytes();
    let year = u64::from(month.year().unsigned_abs());
    if is_long {
        buffer.extend_from_slice(name);
        buffer.push(b' ');
        push_number(buffer, year, 4);
    } else {
        buffer.extend(name.iter().take(3));
        buffer.push(b'-');
        push_number(buffer, year % 100, 2);
    }
}

/// Appends a GUID in upper case.
pub(super) fn push_guid(buffer: &mut Vec<u8>, bytes: [u8; 16]) {
    for (at, byte) in bytes.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            buffer.push(b'-');
        }
        buffer.push(HEX[usize::from(byte >> 4)]);
        buffer.push(HEX[usize::from(byte & 0x0F)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut buffer = Vec::new();
        push(&mut buffer);
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn numbers_are_exact() {
        assert_eq!(text(|buffer| push_number(buffer, 0, 1)), "0");
        assert_eq!(text(|buffer| push_number(buffer, 7, 3)), "007");
        assert_eq!(text(|buffer| push_number(buffer, u64::MAX, 1)), u64::MAX.to_string());
        assert_eq!(text(|buffer| push_amount(buffer, -12 * UNITS_PER_CENT, 2)), "-0.12");
        assert_eq!(text(|buffer| push_amount(buffer, 123_456_789_012, 10)), "12.3456789012");
        assert_eq!(text(|buffer| push_amount(buffer, 5 * UNITS_PER_DOLLAR, 0)), "5");
    }

    #[test]
    fn months_have_names() {
        let month = Month::new(2026, 9).unwrap();
        assert_eq!(text(|buffer| push_month_name(buffer, month, true)), "September 2026");
        assert_eq!(text(|buffer| push_month_name(buffer, month.plus(-8), false)), "Jan-26");
    }

    #[test]
    fn days_and_guids_have_their_spelling() {
        let day = Day::new(2026, 9, 1).unwrap();
        assert_eq!(text(|buffer| push_day(buffer, day, true)), "2026-09-01");
        assert_eq!(text(|buffer| push_day(buffer, day, false)), "20260901");
        let guid = text(|buffer| push_guid(buffer, [0xAB; 16]));
        assert_eq!(guid, "ABABABAB-ABAB-ABAB-ABAB-ABABABABABAB");
    }
}
