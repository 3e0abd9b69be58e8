//! How the numbers and dates of a column are written. A column starts with the plain form (digits, a
//! dot, ISO dates); the first cell that contradicts it has the file read again by the other form, a
//! second contradiction refuses the file. No cell is judged by itself.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use super::layout::{CellType, Recognised};
use super::values;
use crate::calendar::Day;

/// How the cells of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Text, or numbers and dates in the plain form.
    Plain,
    /// `1,234.56`
    DecimalDot,
    /// `1.234,56`
    DecimalComma,
    /// `9/30/2026`
    MonthFirst,
    /// `30/9/2026`
    DayFirst,
}

/// The forms of all columns of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Formats {
    types: Vec<Option<CellType>>,
    columns: Vec<Format>,
    /// Forms that a column was read by already.
    tried: Vec<(usize, Format)>,
    is_plain: bool,
    /// A cell that the form of its column cannot be.
    contradiction: RefCell<Option<Contradiction>>,
    /// Cells of each column that only one form explains, and cells that two explain.
    evident: Vec<Cell<bool>>,
    ambiguous: Vec<Cell<bool>>,
}

/// A cell that asks for another form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contradiction {
    pub(super) column: usize,
    pub(super) cell: String,
    instead: Format,
}

impl Formats {
    /// The first guess: plain, with a decimal comma where semicolons separate.
    pub(super) fn new(header: &Recognised<'_>, delimiter: u8) -> Self {
        let types: Vec<Option<CellType>> =
            header.fields.iter().map(|field| header.layout.type_of(field)).collect();
        let columns: Vec<Format> = types
            .iter()
            .map(|cell_type| match cell_type {
                Some(CellType::Number) if delimiter == b';' => Format::DecimalComma,
                _ => Format::Plain,
            })
            .collect();
        Self::of(types, columns, Vec::new())
    }

    fn of(types: Vec<Option<CellType>>, columns: Vec<Format>, tried: Vec<(usize, Format)>) -> Self {
        let flags = || vec![Cell::new(false); columns.len()];
        Self {
            is_plain: columns.iter().all(|format| *format == Format::Plain),
            contradiction: RefCell::new(None),
            evident: flags(),
            ambiguous: flags(),
            types,
            columns,
            tried,
        }
    }

    /// Whether the cells of these columns count as they stand.
    pub(super) fn are_plain(&self, columns: &[usize]) -> bool {
        columns.iter().all(|at| self.columns.get(*at) == Some(&Format::Plain))
    }

    /// Whether every cell counts as it stands.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// A cell in the plain form. One that its column's form cannot explain stays as it is.
    #[inline]
    pub(super) fn canonical<'c>(&self, column: usize, cell: Cow<'c, [u8]>) -> Cow<'c, [u8]> {
        if self.is_plain { cell } else { self.canonical_of(column, cell) }
    }

    fn canonical_of<'c>(&self, column: usize, cell: Cow<'c, [u8]>) -> Cow<'c, [u8]> {
        let format = self.columns.get(column).copied().unwrap_or(Format::Plain);
        if format == Format::Plain || values::is_blank(&cell) {
            return cell;
        }
        let text = String::from_utf8_lossy(&cell);
        let is_date = self.types[column] == Some(CellType::Date);
        let Some(plain) = plain(&text, format).filter(|_| !(is_date && lacks_day(&text))) else {
            self.note(column, &text);
            return cell;
        };
        if self.types[column] == Some(CellType::Number) {
            self.watch(column, &cell);
        } else {
            let other = match format {
                Format::DayFirst => Format::MonthFirst,
                _ => Format::DayFirst,
            };
            let is_month = self.types[column] == Some(CellType::Month);
            match self::plain(&text, other) {
                Some(day) if day == plain => {}
                // A month key has day 1: one that would not by the other order tells.
                Some(day) if !is_month || day.ends_with("-01") => self.ambiguous[column].set(true),
                _ => self.evident[column].set(true),
            }
        }
        Cow::Owned(plain.into_bytes())
    }

    /// Watches whether a number shows which of its marks is the decimal one.
    pub(super) fn watch(&self, column: usize, cell: &[u8]) {
        let (Some(evident), Some(ambiguous)) =
            (self.evident.get(column), self.ambiguous.get(column))
        else {
            return;
        };
        if evident.get() {
            return;
        }
        let has_comma = self.columns.get(column) == Some(&Format::DecimalComma);
        match marks(cell) {
            Marks::None => {}
            Marks::Either => ambiguous.set(true),
            shown if (shown == Marks::Comma) == has_comma => evident.set(true),
            Marks::Dot | Marks::Comma => self.note(column, &String::from_utf8_lossy(cell)),
        }
    }

    /// Notes that a cell was refused: it may be right by another form.
    pub(super) fn note(&self, column: usize, cell: &str) {
        let format = self.columns.get(column).copied().unwrap_or(Format::Plain);
        let Some(Some(cell_type)) = self.types.get(column) else { return };
        let mut noted = self.contradiction.borrow_mut();
        if noted.is_some() {
            return;
        }
        if let Some(instead) = otherwise(cell, format, *cell_type) {
            *noted = Some(Contradiction { column, cell: cell.to_owned(), instead });
        }
    }

    /// Whether a cell asked for another form.
    pub(super) fn is_contradicted(&self) -> bool {
        self.contradiction.borrow().is_some()
    }

    /// The forms for the next reading.
    ///
    /// # Errors
    /// The contradiction, when the column was read by that form already.
    pub(super) fn revised(self) -> Result<Self, Contradiction> {
        let Self { types, mut columns, mut tried, contradiction, .. } = self;
        let Some(contradiction) = contradiction.into_inner() else {
            return Ok(Self::of(types, columns, tried));
        };
        let Contradiction { column, instead, .. } = contradiction;
        if tried.contains(&(column, instead)) {
            return Err(contradiction);
        }
        tried.push((column, columns[column]));
        columns[column] = instead;
        Ok(Self::of(types, columns, tried))
    }

    /// Columns of a type whose form no cell proves although some need it.
    pub(super) fn assumed(&self, wanted: CellType) -> Vec<usize> {
        (0..self.columns.len())
            .filter(|at| self.types[*at] == Some(wanted))
            .filter(|at| self.ambiguous[*at].get() && !self.evident[*at].get())
            .collect()
    }
}

/// The form by which a refused cell would be right.
fn otherwise(cell: &str, format: Format, cell_type: CellType) -> Option<Format> {
    match cell_type {
        CellType::Number => match (format, marks(cell.as_bytes())) {
            (Format::DecimalComma, Marks::Comma) | (Format::DecimalDot, Marks::Dot) => None,
            (_, Marks::Comma) if plain(cell, Format::DecimalComma).is_some() => {
                Some(Format::DecimalComma)
            }
            (Format::DecimalDot, _) => None,
            _ => plain(cell, Format::DecimalDot).map(|_| Format::DecimalDot),
        },
        CellType::Date | CellType::Month => {
            let by = |order| {
                plain(cell, order)
                    .filter(|day| match cell_type {
                        CellType::Date => !lacks_day(cell),
                        _ => day.ends_with("-01"),
                    })
                    .map(|_| order)
            };
            [Format::MonthFirst, Format::DayFirst]
                .into_iter()
                .filter(|order| *order != format)
                .find_map(by)
        }
    }
}

/// A cell in the plain form, if it can be read by a form.
fn plain(cell: &str, format: Format) -> Option<String> {
    match format {
        Format::Plain => Some(cell.to_owned()),
        Format::DecimalDot => number(cell, '.', ','),
        Format::DecimalComma => number(cell, ',', '.'),
        Format::MonthFirst | Format::DayFirst => date(cell, format).map(|day| day.to_string()),
    }
}

/// Which decimal mark a number shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marks {
    None,
    Dot,
    Comma,
    /// `1,234` and `1.234`: thousands or thousandths.
    Either,
}

fn marks(cell: &[u8]) -> Marks {
    let mut last = None;
    let (mut dots, mut commas) = (0, 0);
    for at in memchr::memchr2_iter(b'.', b',', cell) {
        last = Some(at);
        if cell[at] == b'.' { dots += 1 } else { commas += 1 }
    }
    let Some(last) = last else { return Marks::None };
    let is_dot = cell[last] == b'.';
    let (decimal, grouping) =
        if is_dot { (Marks::Dot, Marks::Comma) } else { (Marks::Comma, Marks::Dot) };
    let (same, others) = if is_dot { (dots, commas) } else { (commas, dots) };
    if same > 1 {
        return grouping;
    }
    if others > 0 {
        return decimal;
    }
    let (before, after) = cell.split_at(last);
    let digits = |text: &[u8]| text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let leads_with_zero = before.iter().find(|byte| byte.is_ascii_digit()) == Some(&b'0');
    let has_exponent = after.iter().any(|byte| matches!(byte, b'e' | b'E'));
    let is_group = digits(after) == 3 && (1..=3).contains(&digits(before));
    if is_group && !leads_with_zero && !has_exponent { Marks::Either } else { decimal }
}

/// A number with thousands in groups of three, a dollar sign, or in parentheses for below zero.
fn number(cell: &str, decimal: char, group: char) -> Option<String> {
    let text = cell.trim();
    let (is_negative, text) = match text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        Some(inner) => (true, inner.trim()),
        None => match text.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => (true, rest.trim()),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        },
    };
    let text = text.strip_prefix("US").unwrap_or(text);
    let text = text.strip_prefix('$').or_else(|| text.strip_suffix('$')).unwrap_or(text).trim();
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) if !is_negative => (true, rest),
        _ => (is_negative, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once(decimal).unwrap_or((mantissa, ""));
    let is_group = |letter: char| {
        letter == group || matches!(letter, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’')
    };
    let groups: Vec<&str> = whole.split(is_group).collect();
    let mut separators = whole.chars().filter(|letter| is_group(*letter));
    // `0.125` has no thousands, and `12 345,678` one kind of separator between them.
    let mut is_grouped = || {
        let first = separators.next();
        separators.all(|other| Some(other) == first)
            && !groups[0].starts_with('0')
            && (1..=3).contains(&groups[0].len())
            && groups[1..].iter().all(|group| group.len() == 3)
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let are_groups =
        groups.iter().all(|group| digits(group)) && (groups.len() == 1 || is_grouped());
    let is_fraction = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let is_exponent = exponent.is_none_or(|exponent| {
        groups.len() == 1 && digits(exponent.trim_start_matches(['+', '-']))
    });
    if !are_groups || !is_fraction || !is_exponent {
        return None;
    }
    let sign = if is_negative { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    let exponent = exponent.map(|exponent| format!("E{exponent}")).unwrap_or_default();
    Some(format!("{sign}{}{point}{fraction}{exponent}", groups.concat()))
}

/// First and last Excel serial that is taken for a day: 2000-01-01 and 2099-12-31.
const SERIALS: std::ops::RangeInclusive<i32> = 36_526..=73_050;
/// The day with Excel serial 0, from 1970-01-01.
const SERIAL_ZERO: i32 = -25_569;
fn date(cell: &str, order: Format) -> Option<Day> {
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
fn lacks_day(text: &str) -> bool {
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
    fn numbers_are_read_by_the_marks_of_their_column() {
        let dot = |text: &str| number(text, '.', ',');
        let comma = |text: &str| number(text, ',', '.');
        for (text, plain) in [
            ("1,234.56", "1234.56"),
            ("34,801.8", "34801.8"),
            ("$0.08", "0.08"),
            ("($1,234.50)", "-1234.50"),
            ("-12.5", "-12.5"),
            ("1E-05", "1E-05"),
            ("1 234.5", "1234.5"),
            ("0.1999968000511991808131", "0.1999968000511991808131"),
        ] {
            assert_eq!(dot(text).as_deref(), Some(plain), "{text}");
        }
        for (text, plain) in [("1.234,56", "1234.56"), ("12,5", "12.5"), ("1\u{a0}234,5", "1234.5")]
        {
            assert_eq!(comma(text).as_deref(), Some(plain), "{text}");
        }
        for text in [
            "12,5",
            "1,23,456",
            "1,2345",
            "€ 5",
            "1.2.3",
            "abc",
            "",
            "5%",
            "1,234E5",
            "--5",
            "0,125",
            "-0,125",
            "12 345,678",
            "1'234,567.8",
        ] {
            assert_eq!(dot(text), None, "{text}");
        }
        for text in ["12.5", "0.125", "12'345.678", "12 345.678"] {
            assert_eq!(comma(text), None, "{text}");
        }
    }

    #[test]
    fn a_mark_is_evident_or_not() {
        for (text, expected) in [
            ("1,234.56", Marks::Dot),
            ("1.234,56", Marks::Comma),
            ("1,234,567", Marks::Dot),
            ("1.234.567", Marks::Comma),
            ("1,234", Marks::Either),
            ("123.456", Marks::Either),
            ("0.125", Marks::Dot),
            ("1234.567", Marks::Dot),
            ("12,5", Marks::Comma),
            ("12", Marks::None),
        ] {
            assert_eq!(marks(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_day_is_not_told_by_a_month_and_two_digits() {
        for (text, is_month) in
            [("14-Sep", true), ("Sep-26", true), ("26 Sep", true), ("1-Sep", false)]
        {
            let by = |cell_type| otherwise(text, Format::Plain, cell_type).is_some();
            assert_eq!((by(CellType::Month), by(CellType::Date)), (is_month, false), "{text}");
        }
        for text in ["Sep 2026", "14 Sep 2026", "14-Sep-26"] {
            assert!(otherwise(text, Format::Plain, CellType::Date).is_some(), "{text}");
        }
    }

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
