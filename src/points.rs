//! Exact points: integers of 1/8400 point, in which every value of every rule version is whole
//! (20/6, 40/6, 15/7, 7.5, 0.0075 …).

use std::fmt;

use crate::rounding::round_half_away;

/// Units of one point.
pub const UNITS_PER_POINT: i64 = 8400;

/// Points in units of 1/8400 point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Points(pub i64);

impl Points {
    /// No points.
    pub const ZERO: Self = Self(0);

    /// Parses `20`, `7.5` or `40/6`; `None` when the value is no whole number of 1/8400 point.
    pub fn parse(text: &str) -> Option<Self> {
        let (numerator, denominator) = match text.split_once('/') {
            Some((numerator, denominator)) => (numerator.trim(), denominator.trim()),
            None => (text.trim(), "1"),
        };
        let (above, above_scale) = decimal(numerator)?;
        let (below, below_scale) = decimal(denominator)?;
        let scaled = above.checked_mul(UNITS_PER_POINT)?.checked_mul(below_scale)?;
        let divisor = below.checked_mul(above_scale)?;
        if divisor <= 0 || scaled % divisor != 0 {
            return None;
        }
        Some(Self(scaled / divisor))
    }

    /// The exact value, as a fraction where two decimals cannot hold it: `7.5`, `10/3`.
    pub fn exact(self) -> String {
        if self.0 * 100 % UNITS_PER_POINT == 0 {
            return self.to_string();
        }
        let (mut above, mut below) = (self.0.abs(), UNITS_PER_POINT);
        while below != 0 {
            (above, below) = (below, above % below);
        }
        format!("{}/{}", self.0 / above, UNITS_PER_POINT / above)
    }

    /// The value in units of 10⁻⁴ point, rounded half away from zero.
    pub fn published(self) -> i128 {
        round_half_away(i128::from(self.0) * 10_000, i128::from(UNITS_PER_POINT))
    }
}

fn decimal(text: &str) -> Option<(i64, i64)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || fraction.len() > 6 {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let scale = 10_i64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    Some((digits.parse().ok()?, scale))
}

impl std::iter::Sum for Points {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self(iter.map(|points| points.0).sum())
    }
}

impl fmt::Display for Points {
    /// For people: at most two decimals, rounded half away from zero.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = round_half_away(i128::from(self.0) * 100, i128::from(UNITS_PER_POINT));
        let sign = if hundredths < 0 { "-" } else { "" };
        let hundredths = hundredths.unsigned_abs();
        let (whole, fraction) = (hundredths / 100, hundredths % 100);
        match fraction {
            0 => write!(formatter, "{sign}{whole}"),
            _ if fraction % 10 == 0 => write!(formatter, "{sign}{whole}.{}", fraction / 10),
            _ => write!(formatter, "{sign}{whole}.{fraction:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_points_are_decimals_or_fractions() {
        for (text, exact) in
            [("20/6", "10/3"), ("7.5", "7.5"), ("3.33", "3.33"), ("0", "0"), ("40/6", "20/3")]
        {
            assert_eq!(Points::parse(text).unwrap().exact(), exact);
        }
    }

    #[test]
    fn rule_fractions_are_whole_units() {
        let units = |text: &str| Points::parse(text).map(|points| points.0);
        assert_eq!(units("20/6"), Some(28_000));
        assert_eq!(units("40/6"), Some(56_000));
        assert_eq!(units("15/7"), Some(18_000));
        assert_eq!(units("7.5"), Some(63_000));
        assert_eq!(units("0.0075"), Some(63));
        assert_eq!(units("70"), Some(588_000));
        assert_eq!(units("1/11"), None);
        assert_eq!(units("x"), None);
        assert_eq!(units("1/0"), None);
        assert_eq!(units("-1"), None);
    }

    #[test]
    fn people_read_two_decimals() {
        assert_eq!(Points(56_000).to_string(), "6.67");
        assert_eq!(Points(588_000).to_string(), "70");
        assert_eq!(Points(63_000).to_string(), "7.5");
        assert_eq!(Points(56_000).published(), 66_667);
    }
}
