//! The one way of rounding: half away from zero, as published decimals are.

/// `value / divisor`, rounded half away from zero; `divisor` is positive.
pub fn round_half_away(value: i128, divisor: i128) -> i128 {
    let half = divisor / 2;
    if value >= 0 { (value + half) / divisor } else { (value - half) / divisor }
}

#[cfg(test)]
mod tests {
    use super::round_half_away;

    #[test]
    fn halves_go_away_from_zero() {
        let rounded = [5, 4, 15, -5, -4, -15, 0].map(|value| round_half_away(value, 10));
        assert_eq!(rounded, [1, 0, 2, -1, 0, -2, 0]);
    }
}
