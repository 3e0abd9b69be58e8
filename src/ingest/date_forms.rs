//! Days as spreadsheets and people write them: serials, three numbers, months in words.

use super::formats::Format;
use super::values;
use crate::calendar::Day;

/// First and last Excel serial that is taken for a day: 2000-01-01 and 2099-12-31.
const SERIALS: std::ops::RangeInclusive<i32> = 36_526..=73_050;

/// The day with Excel serial 0, from 1970-01-01.
const SERIAL_ZERO: i32 = -25_569;

/// The day that a cell names, in whatever way; `order` tells day and month apart.
pub(super) fn date(cell: &str, order: Format) -> Option<Day> {
    let text = cell.trim();
    if let Ok(day) = values::day(text.as_bytes()) {
        return Some(day);
    }
    if let Ok(month) = values::month(text.as_bytes()) {
        return Some(month.first_day());
    }
    let whole = text.strip_suffix(".0").unwrap_or(text);
    if let Ok(serial) = whole.parse::<i32>() {
        return SERIALS.contains(&serial).then_some(Day(serial + SERIAL_ZERO));
    }
    if let Some(day) = parts(text, order) {
        return Some(day);
    }
    named(text)
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A day or a month with the month in words: `1 Sep 2026`, `1-Sep-26`, `Sep 1, 2026`, `Sep-26`.
fn named(text: &str) -> Option<Day> {
    let mut month = None;
    let mut numbers: Vec<&str> = Vec::new();
    for part in text.split([' ', '-', ',', '/', '.']).filter(|part| !part.is_empty()) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            numbers.push(part);
            continue;
        }
        let word = part.to_lowercase();
        let found = (3..=9).contains(&word.len()).then(|| {
            MONTHS
                .iter()
                .position(|name| *name == word || word.len() <= 4 && name.starts_with(&word))
        });
        if month.is_some() {
            return None;
        }
        month = Some(found.flatten()?);
    }
    let month = u32::try_from(month? + 1).ok()?;
    let (day, year) = match numbers[..] {
        // `01-Sep` is a day of a year that the spreadsheet kept to itself; of other days only a month
        // and a year are meant where months are.
        ["1" | "01"] if text.starts_with(numbers[0]) => return None,
        [year] => ("1", year),
        // The year is the last one, unless it stands first with four digits.
        [year, day] if year.len() == 4 => (day, year),
        [day, year] => (day, year),
        _ => return None,
    };
    let year: i32 = match year.len() {
        2 => century(year.parse().ok()?),
        4 => year.parse().ok().filter(|year| *year >= 1900)?,
        _ => return None,
    };
    if day.len() > 2 {
        return None;
    }
    Day::new(year, month, day.parse().ok()?)
}

/// Whether a day is written as a month in words and two digits: the year, or the day of any year.
pub(super) fn lacks_day(text: &str) -> bool {
    let numbers =
        text.split(|letter: char| !letter.is_ascii_digit()).filter(|part| !part.is_empty());
    let is_short = numbers.clone().all(|number| number.len() <= 2);
    text.contains(char::is_alphabetic) && is_short && numbers.count() == 1
}

/// The year of two digits: none is further ahead than certificates reach.
fn century(year: i32) -> i32 {
    if year < 70 { 2000 + year } else { 1900 + year }
}

/// Three numbers, with a time after them or not.
fn parts(text: &str, order: Format) -> Option<Day> {
    let (date, time) = text.split_once(' ').unwrap_or((text, ""));
    let is_time = time.bytes().all(|byte| {
        byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b' ' | b'A' | b'P' | b'M')
    });
    let separator = ['/', '.', '-'].into_iter().find(|mark| date.contains(*mark))?;
    let numbers: Vec<i32> = date
        .split(separator)
        .map(|part| part.parse().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit())))
        .collect::<Option<_>>()?;
    let [first, second, year] = numbers[..] else { return None };
    let year = if date.len() - date.rfind(separator)? == 3 { century(year) } else { year };
    let (month, day) = if order == Format::DayFirst { (second, first) } else { (first, second) };
    if !is_time || year < 1900 {
        return None;
    }
    Day::new(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_by_the_order_of_their_column() {
        let read = |text: &str, order| date(text, order).map(|day| day.to_string());
        for (text, expected) in [
            ("9/30/2026", "2026-09-30"),
            ("9/1/2026 12:00:00 AM", "2026-09-01"),
            ("9/1/26", "2026-09-01"),
            ("22 Aug 2021", "2021-08-22"),
            ("Sep-26", "2026-09-01"),
            ("May 2026", "2026-05-01"),
            ("Sep 2026", "2026-09-01"),
            ("Sept-2026", "2026-09-01"),
            ("1-Sep-26", "2026-09-01"),
            ("Sep 1, 2026", "2026-09-01"),
            ("2026 Sep", "2026-09-01"),
            ("September 2026", "2026-09-01"),
            ("1-Sep-2026", "2026-09-01"),
            ("1-Sep-99", "1999-09-01"),
            ("9/1/99", "1999-09-01"),
            ("46266", "2026-09-01"),
            ("2026-09-01T00:00:00Z", "2026-09-01"),
            ("20260901", "2026-09-01"),
        ] {
            assert_eq!(read(text, Format::MonthFirst).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(read("30.9.2026", Format::DayFirst).as_deref(), Some("2026-09-30"));
        assert_eq!(read("1/9/2026", Format::DayFirst).as_deref(), Some("2026-09-01"));
        for text in [
            "30/9/2026",
            "2/30/2026",
            "9/1",
            "12345",
            "99999",
            "someday",
            "9/1/2026x",
            "Sep",
            "1 Sep 02026",
            "Sep Oct 2026",
            "32 Sep 2026",
            "01-Sep",
            "1 Sep",
        ] {
            assert_eq!(read(text, Format::MonthFirst), None, "{text}");
        }
    }
}
