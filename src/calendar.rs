//! Months and days. A [`Month`] is what the programme counts in; a [`Day`] is a calendar day
//! without a zone. Both are small integers, so that they order, hash and travel in columns.

use std::fmt;

use bytemuck::{Pod, Zeroable};
use chrono::{Datelike, NaiveDate};

/// A calendar month, counted from January of year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct Month(i32);

/// A calendar day, counted from 1970-01-01 (the physical value of a `DATE` column).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Month {
    /// The month `month` (1–12) of `year`; `None` outside years 1900–2999.
    pub fn new(year: i32, month: u32) -> Option<Self> {
        if !(1900..3000).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        i32::try_from(month).ok().map(|month| Self(year * 12 + month - 1))
    }

    /// Parses `YYYY-MM`.
    pub fn parse(text: &str) -> Option<Self> {
        let [y1, y2, y3, y4, b'-', m1, m2] = text.as_bytes() else { return None };
        let year = number(&[*y1, *y2, *y3, *y4])?;
        Self::new(i32::try_from(year).ok()?, number(&[*m1, *m2])?)
    }

    /// The month `count` later (earlier when negative).
    #[must_use]
    pub fn plus(self, count: i32) -> Self {
        Self(self.0 + count)
    }

    /// Months from `earlier` to `self`.
    pub fn since(self, earlier: Self) -> i32 {
        self.0 - earlier.0
    }

    /// The calendar year.
    pub fn year(self) -> i32 {
        self.0.div_euclid(12)
    }

    /// The month of the year, 1–12.
    pub fn month(self) -> u32 {
        self.0.rem_euclid(12).unsigned_abs() + 1
    }

    /// The first day.
    pub fn first_day(self) -> Day {
        Day::new(self.year(), self.month(), 1).unwrap_or(Day(0))
    }

    /// The last day.
    pub fn last_day(self) -> Day {
        Day(self.plus(1).first_day().0 - 1)
    }

    /// All months from `first` to `last`, both included.
    pub fn range(first: Self, last: Self) -> impl DoubleEndedIterator<Item = Self> {
        (first.0..=last.0).map(Self)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}", self.year(), self.month())
    }
}

impl Day {
    /// The day `day` of `month` (1–12) of `year`; `None` when there is no such day or the year is
    /// outside 1900–2999.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        if !(1900..3000).contains(&year) {
            return None;
        }
        NaiveDate::from_ymd_opt(year, month, day).map(Self::from)
    }

    /// Parses `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Self> {
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
        let year = number(&[*y1, *y2, *y3, *y4])?;
        Self::new(i32::try_from(year).ok()?, number(&[*m1, *m2])?, number(&[*d1, *d2])?)
    }

    /// The month that holds the day.
    pub fn month(self) -> Month {
        let date = self.date();
        Month::new(date.year(), date.month()).unwrap_or(Month(0))
    }

    /// The day of the month, 1–31.
    pub fn day_of_month(self) -> u32 {
        self.date().day()
    }

    /// The same day `years` later; 29 February becomes 28 February where there is none.
    #[must_use]
    pub fn plus_years(self, years: i32) -> Self {
        let date = self.date();
        let year = date.year() + years;
        NaiveDate::from_ymd_opt(year, date.month(), date.day())
            .or_else(|| NaiveDate::from_ymd_opt(year, date.month(), 28))
            .map_or(self, Self::from)
    }

    fn date(self) -> NaiveDate {
        NaiveDate::from_epoch_days(self.0).unwrap_or_default()
    }
}

/// The number that a few digits write.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
    })
}

impl From<NaiveDate> for Day {
    fn from(date: NaiveDate) -> Self {
        Self(date.to_epoch_days())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.date().format("%Y-%m-%d"))
    }
}

/// The month of the day that was asked for last: the days of a table mostly are of one month.
#[derive(Debug)]
pub struct MonthMemo {
    last: (Day, Month),
}

impl Default for MonthMemo {
    fn default() -> Self {
        Self { last: (Day(0), Day(0).month()) }
    }
}

impl MonthMemo {
    /// The month that holds a day.
    pub fn of(&mut self, day: Day) -> Month {
        if self.last.0 != day {
            self.last = (day, day.month());
        }
        self.last.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_count_across_years() {
        let month = Month::parse("2026-01").unwrap();
        assert_eq!(month.plus(-1).to_string(), "2025-12");
        assert_eq!(month.plus(23).to_string(), "2027-12");
        assert_eq!(month.since(Month::parse("2024-02").unwrap()), 23);
        assert_eq!(month.first_day().to_string(), "2026-01-01");
        assert_eq!(Month::parse("2024-02").unwrap().last_day().to_string(), "2024-02-29");
    }

    #[test]
    fn only_exact_spellings_parse() {
        for text in ["2026-1", "26-01", "2026-13", "2026-00", "+026-01", "", "2026-01-01"] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
        for text in ["2026-02-30", "2026-2-03", "1899-12-31", "2026-02-03T"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_leap_day_has_an_anniversary() {
        assert_eq!(Day::parse("2024-02-29").unwrap().plus_years(1).to_string(), "2025-02-28");
    }
}
