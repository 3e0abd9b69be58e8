//! A published decimal: an integer of 10⁻⁴, exact in JSON and rounded only for people.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::rounding::round_half_away;

/// Units of one.
const ONE: i128 = 10_000;

/// A value of a `DECIMAL(19,4)` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Amount(pub i128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(ONE);

    /// A whole number.
    pub fn whole(count: i64) -> Self {
        Self(i128::from(count) * ONE)
    }

    /// With two decimals: `12,345.00`.
    pub fn money(self) -> String {
        let cents = round_half_away(self.0, 100);
        let (whole, fraction) = (cents.unsigned_abs() / 100, cents.unsigned_abs() % 100);
        format!("{}{}.{fraction:02}", sign(cents), grouped(whole))
    }

    /// With the decimals that matter: `3`, `0.6544`, `1,250.5`.
    pub fn short(self) -> String {
        let units = self.0.unsigned_abs();
        let (whole, fraction) = (units / ONE.unsigned_abs(), units % ONE.unsigned_abs());
        if fraction == 0 {
            return format!("{}{}", sign(self.0), grouped(whole));
        }
        let digits = format!("{fraction:04}");
        format!("{}{}.{}", sign(self.0), grouped(whole), digits.trim_end_matches('0'))
    }

    /// With at most two decimals, but never a rounded 0 for something: `13.33`, `0.0025`.
    pub fn brief(self) -> String {
        let rounded = Self(round_half_away(self.0, 100) * 100);
        if rounded == Self::ZERO { self.short() } else { rounded.short() }
    }
}

impl fmt::Display for Amount {
    /// All four decimals, no grouping: the form of the tables.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.0.unsigned_abs();
        let (whole, fraction) = (units / ONE.unsigned_abs(), units % ONE.unsigned_abs());
        write!(formatter, "{}{whole}.{fraction:04}", sign(self.0))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn sign(value: i128) -> &'static str {
    if value < 0 { "-" } else { "" }
}

/// Digits with a comma between thousands.
fn grouped(value: u128) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_grouped_digits() {
        assert_eq!(Amount(123_450_000).money(), "12,345.00");
        assert_eq!(Amount(-12_345_678_950).money(), "-1,234,567.90");
        assert_eq!(Amount(-10).money(), "0.00");
        assert_eq!(Amount(30_000).short(), "3");
        assert_eq!(Amount(6_544).short(), "0.6544");
        assert_eq!(Amount(12_505_000).short(), "1,250.5");
        assert_eq!(Amount(133_333).brief(), "13.33");
        assert_eq!(Amount(25).brief(), "0.0025");
        assert_eq!(Amount::ZERO.brief(), "0");
    }

    #[test]
    fn programs_read_all_decimals() {
        assert_eq!(Amount(-5).to_string(), "-0.0005");
        assert_eq!(Amount(123_450_000).to_string(), "12345.0000");
    }
}
