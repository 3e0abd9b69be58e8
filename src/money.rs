//! Exact money in US dollars: integers of 10⁻¹⁰ dollar. Nothing is rounded to cents before a
//! comparison; published amounts are rounded once, half away from zero, to four decimals.

use std::fmt;

use crate::rounding::round_half_away;

/// Decimals kept of an amount.
pub const MONEY_SCALE: usize = 10;

const UNIT: i128 = 10_i128.pow(10);
/// Amounts of one line at or above this (in dollars) are refused: the published type ends there.
const LINE_LIMIT: i128 = 10_i128.pow(13);

/// An amount in units of 10⁻¹⁰ US dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub i128);

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyError {
    /// Not a decimal number.
    NotANumber,
    /// Ten trillion dollars or more.
    OutOfRange,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Whether it can be a sum of amounts of an export: more is damage, and sums of it would overflow.
    pub fn is_plausible(self) -> bool {
        self.0.unsigned_abs() < (LINE_LIMIT * UNIT * 1_000_000).unsigned_abs()
    }

    /// Parses the amount of a line: `1834.5521`, `-0.5`, `.25`, `1E-05`. The flag is true when digits
    /// beyond the tenth decimal were dropped.
    ///
    /// # Errors
    /// [`MoneyError`] when the text is no number or too large.
    pub fn parse(text: &[u8]) -> Result<(Self, bool), MoneyError> {
        let (amount, dropped) = Self::parse_sum(text)?;
        if amount.0.unsigned_abs() >= (LINE_LIMIT * UNIT).unsigned_abs() {
            return Err(MoneyError::OutOfRange);
        }
        Ok((amount, dropped))
    }

    /// Parses a sum of amounts, as [`parse`](Self::parse) does, which may be larger than one of them.
    ///
    /// # Errors
    /// [`MoneyError`] when the text is no number or too large.
    pub fn parse_sum(text: &[u8]) -> Result<(Self, bool), MoneyError> {
        if let Some(plain) = parse_plain(text) {
            return Ok((plain, false));
        }
        let (mantissa, exponent) = split_exponent(text)?;
        let (negative, digits) = match mantissa.split_first() {
            Some((b'-', rest)) => (true, rest),
            Some((b'+', rest)) => (false, rest),
            _ => (false, mantissa),
        };
        let mut value: i128 = 0;
        let mut decimals: Option<i32> = None;
        let mut seen = false;
        for &byte in digits {
            match byte {
                b'0'..=b'9' => {
                    seen = true;
                    value = value
                        .checked_mul(10)
                        .and_then(|value| value.checked_add(i128::from(byte - b'0')))
                        .ok_or(MoneyError::OutOfRange)?;
                    if let Some(count) = &mut decimals {
                        *count += 1;
                    }
                }
                b'.' if decimals.is_none() => decimals = Some(0),
                _ => return Err(MoneyError::NotANumber),
            }
        }
        if !seen {
            return Err(MoneyError::NotANumber);
        }
        let shift = 10 - decimals.unwrap_or(0) + exponent;
        let (units, dropped) = scale(value, shift)?;
        Ok((Self(if negative { -units } else { units }), dropped))
    }

    /// Whole dollars.
    pub fn from_dollars(dollars: i64) -> Self {
        Self(i128::from(dollars) * UNIT)
    }

    /// The amount without what is less than a dollar.
    pub fn whole_dollars(self) -> i64 {
        i64::try_from(self.0 / UNIT).unwrap_or(i64::MAX)
    }

    /// An amount of units of 10⁻⁴ dollar.
    pub fn from_published(units: i128) -> Self {
        Self(units * 10_i128.pow(6))
    }

    /// The amount in units of 10⁻⁴ dollar, rounded half away from zero.
    pub fn published(self) -> i128 {
        round_half_away(self.0, 10_i128.pow(6))
    }
}

impl std::ops::Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::ops::AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self(iter.map(|money| money.0).sum())
    }
}

impl fmt::Display for Money {
    /// All digits that matter: `1834.5521`, `-0.5`, `12`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let units = self.0.unsigned_abs();
        let unit = UNIT.unsigned_abs();
        let (whole, fraction) = (units / unit, units % unit);
        if fraction == 0 {
            return write!(formatter, "{sign}{whole}");
        }
        let digits = format!("{fraction:010}");
        write!(formatter, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// The usual amount: at most 18 digits, at most ten of them decimals. None for anything else.
fn parse_plain(text: &[u8]) -> Option<Money> {
    const FACTORS: [i128; 11] = {
        let mut factors = [UNIT; 11];
        let mut decimals = 1;
        while decimals < factors.len() {
            factors[decimals] = factors[decimals - 1] / 10;
            decimals += 1;
        }
        factors
    };
    let (is_negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let (mut value, mut point) = (0_u64, None);
    for (at, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            value = value * 10 + u64::from(digit);
        } else if *byte == b'.' && point.is_none() && at > 0 {
            point = Some(at);
        } else {
            return None;
        }
    }
    let decimals = point.map_or(0, |point| digits.len() - point - 1);
    if digits.len() - usize::from(point.is_some()) > 18 {
        return None;
    }
    let units = i128::from(value) * FACTORS.get(decimals)?;
    (units < LINE_LIMIT * UNIT).then_some(Money(if is_negative { -units } else { units }))
}

fn split_exponent(text: &[u8]) -> Result<(&[u8], i32), MoneyError> {
    let Some(at) = text.iter().position(|byte| matches!(byte, b'e' | b'E')) else {
        return Ok((text, 0));
    };
    let (mantissa, exponent) = (&text[..at], &text[at + 1..]);
    if exponent.is_empty() || exponent.len() > 4 {
        return Err(MoneyError::NotANumber);
    }
    std::str::from_utf8(exponent)
        .ok()
        .and_then(|text| text.parse().ok())
        .map(|exponent| (mantissa, exponent))
        .ok_or(MoneyError::NotANumber)
}

fn scale(value: i128, shift: i32) -> Result<(i128, bool), MoneyError> {
    if value == 0 {
        return Ok((0, false));
    }
    let power = |count: u32| 10_i128.checked_pow(count);
    if shift >= 0 {
        power(shift.unsigned_abs())
            .and_then(|factor| value.checked_mul(factor))
            .map(|units| (units, false))
            .ok_or(MoneyError::OutOfRange)
    } else {
        Ok(match power(shift.unsigned_abs()) {
            Some(divisor) => (value / divisor, value % divisor != 0),
            None => (0, true),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(String, bool), MoneyError> {
        Money::parse(text.as_bytes()).map(|(money, dropped)| (money.to_string(), dropped))
    }

    #[test]
    fn numbers_are_read_exactly() {
        let kept = |text: &str| Ok((text.to_owned(), false));
        assert_eq!(parse("1834.5521"), kept("1834.5521"));
        assert_eq!(parse("-0.0000000001"), kept("-0.0000000001"));
        assert_eq!(parse(".5"), kept("0.5"));
        assert_eq!(parse("5."), kept("5"));
        assert_eq!(parse("1E-05"), kept("0.00001"));
        assert_eq!(parse("1.5e3"), kept("1500"));
        assert_eq!(parse("0.12345678905"), Ok(("0.123456789".to_owned(), true)));
        assert_eq!(parse("-0.12345678915"), Ok(("-0.1234567891".to_owned(), true)));
        assert_eq!(parse("1e-300"), Ok(("0".to_owned(), true)));
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "", "-", ".", "-.", "1.2.3", "1,000", "$5", " 1", "1 ", "nan", "inf", "0x10", "1e",
            "--1",
        ] {
            assert_eq!(parse(text), Err(MoneyError::NotANumber), "{text:?}");
        }
        assert_eq!(parse("10000000000000"), Err(MoneyError::OutOfRange));
        assert_eq!(parse("9999999999999.9999"), Ok(("9999999999999.9999".to_owned(), false)));
        assert_eq!(parse(&"9".repeat(60)), Err(MoneyError::OutOfRange));
        assert_eq!(parse("-10000000000000"), Err(MoneyError::OutOfRange));
        // A sum of lines may be more than one of them.
        let sum = Money::parse_sum(b"-10000000000000.5").map(|(sum, _)| sum.to_string());
        assert_eq!(sum, Ok("-10000000000000.5".to_owned()));
        assert_eq!(parse(&"9".repeat(18)), Err(MoneyError::OutOfRange));
    }

    #[test]
    fn publishing_rounds_half_away_from_zero() {
        let published = |text: &str| Money::parse(text.as_bytes()).unwrap().0.published();
        assert_eq!(published("0.00005"), 1);
        assert_eq!(published("-0.00005"), -1);
        assert_eq!(published("0.0000499999"), 0);
    }
}
