//! Numbers as spreadsheets and people write them: decimal marks, groups, currencies, exponents.

/// Which decimal mark a number shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marks {
    None,
    Dot,
    Comma,
    /// `1,234` and `1.234`: thousands or thousandths.
    Either,
}

pub(super) fn marks(cell: &[u8]) -> Marks {
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
pub(super) fn number(cell: &str, decimal: char, group: char) -> Option<String> {
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
}
