//! Identifiers: attributions and sets of them, tenant ids, run ids.

use std::fmt;
use std::io::Write;

/// How a customer is associated with a partner. The order is that of the published contract and
/// gives each one its bit in an [`AttributionSet`]; facts on disk hold these bits, so the order
/// never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attribution(u8);

const NAMES: [&str; 13] = [
    "PAL",
    "PAL_READER",
    "DPOR",
    "CSP_T1",
    "CSP_T2",
    "CSP",
    "CPOR",
    "CPOR_OSA",
    "CPOR_OSU",
    "CPOR_REVREC",
    "CPOR_REVREC_PERFORMANCE",
    "TPOR",
    "OTHER",
];

impl Attribution {
    /// A name that no catalog knows: eligible nowhere.
    pub const OTHER: Self = Self(12);
    /// A reseller's row in a distributor's export counts as this one.
    pub const CSP_T2: Self = Self(4);
    const CSP: Self = Self(5);
    const CSP_T1: Self = Self(3);

    /// The attribution with a contract name.
    pub fn parse(name: &str) -> Option<Self> {
        let at = NAMES.iter().position(|known| *known == name)?;
        u8::try_from(at).ok().map(Self)
    }

    /// The attribution with an index in contract order.
    pub fn from_index(index: usize) -> Option<Self> {
        (index < NAMES.len()).then_some(())?;
        u8::try_from(index).ok().map(Self)
    }

    /// Whether no rule may count it: a reader's link, the transacting partner, anything unknown.
    pub fn is_never_eligible(self) -> bool {
        ["PAL_READER", "TPOR", "OTHER"].contains(&self.as_str())
    }

    /// The contract name.
    pub fn as_str(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// Its index in contract order.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The set of only this one.
    pub fn set(self) -> AttributionSet {
        AttributionSet(1 << self.0)
    }

    /// Whether a line with this attribution belongs to its reseller, where it names one.
    pub fn credits_reseller(self) -> bool {
        matches!(self.as_str(), "CSP" | "CSP_T1" | "CSP_T2" | "TPOR")
    }
}

/// A set of attributions as a bit mask: bit n is the n-th name of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AttributionSet(pub i32);

impl AttributionSet {
    /// No attribution.
    pub const EMPTY: Self = Self(0);

    /// The set with one more member.
    #[must_use]
    pub fn with(self, attribution: Attribution) -> Self {
        Self(self.0 | attribution.set().0)
    }

    /// Everything in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the sets share a member.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The set as an eligibility filter: `CSP`, whose tier is unknown, is eligible wherever both
    /// tiers are.
    #[must_use]
    pub fn eligible(self) -> Self {
        let tiers = Attribution::CSP_T1.set().union(Attribution::CSP_T2.set());
        if self.0 & tiers.0 == tiers.0 { self.with(Attribution::CSP) } else { self }
    }

    /// Whether every member is a CSP attribution.
    pub fn is_csp_only(self) -> bool {
        let csp = Attribution::CSP_T1.set().with(Attribution::CSP_T2).with(Attribution::CSP);
        self.0 & !csp.0 == 0
    }

    /// The members in contract order.
    pub fn members(self) -> impl Iterator<Item = Attribution> {
        (0..NAMES.len())
            .filter(move |bit| self.0 & (1 << bit) != 0)
            .filter_map(Attribution::from_index)
    }

    /// The members' names, sorted bytewise, joined by commas.
    pub fn sorted_text(self) -> String {
        let mut names: Vec<&str> = self.members().map(Attribution::as_str).collect();
        names.sort_unstable();
        names.join(",")
    }
}

impl FromIterator<Attribution> for AttributionSet {
    fn from_iter<I: IntoIterator<Item = Attribution>>(members: I) -> Self {
        members.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// A GUID in canonical text: 36 characters, lower case. Braces and upper case are accepted, and 32
/// hexadecimal digits without dashes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Guid([u8; 36]);

impl Guid {
    /// Parses trimmed text.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = match text {
            [b'{', inner @ .., b'}'] => inner,
            other => other,
        };
        let mut canonical = [b'-'; 36];
        match text.len() {
            36 => {
                for (at, (slot, &byte)) in canonical.iter_mut().zip(text).enumerate() {
                    if matches!(at, 8 | 13 | 18 | 23) {
                        if byte != b'-' {
                            return None;
                        }
                    } else {
                        *slot = hex(byte)?;
                    }
                }
            }
            32 => {
                let slots = (0..36).filter(|at| !matches!(at, 8 | 13 | 18 | 23));
                for (at, &byte) in slots.zip(text) {
                    canonical[at] = hex(byte)?;
                }
            }
            _ => return None,
        }
        Some(Self(canonical))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The canonical text as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn hex(byte: u8) -> Option<u8> {
    byte.is_ascii_hexdigit().then(|| byte.to_ascii_lowercase())
}

/// The identity of a scored month: the first 32 hexadecimal digits of a hash over everything that
/// the result depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

/// A hash of many short fields, each ended by a zero byte: they are gathered before they are hashed.
#[derive(Debug, Default)]
pub struct FieldHasher {
    hasher: blake3::Hasher,
    waiting: Vec<u8>,
}

/// So many bytes are hashed together.
const HASHED_BYTES: usize = 1 << 14;

impl FieldHasher {
    /// Adds a field that is text.
    pub fn add_text(&mut self, field: &str) {
        self.waiting.extend_from_slice(field.as_bytes());
        self.waiting.push(0);
        self.flush();
    }

    /// Adds a field as it is written.
    pub fn add(&mut self, field: impl fmt::Display) {
        // Writing to memory never fails.
        let _ = write!(self.waiting, "{field}\0");
        self.flush();
    }

    /// Hashes what waits, once it is enough.
    fn flush(&mut self) {
        if self.waiting.len() >= HASHED_BYTES {
            self.hasher.update(&self.waiting);
            self.waiting.clear();
        }
    }

    /// Adds a field that may be missing: it is blank then.
    pub fn add_some(&mut self, field: Option<impl fmt::Display>) {
        match field {
            Some(field) => self.add(field),
            None => self.add(""),
        }
    }

    /// The hash of all fields.
    pub fn finish(mut self) -> blake3::Hash {
        self.hasher.update(&self.waiting);
        self.hasher.finalize()
    }
}

impl RunId {
    /// The id of a finished hash.
    pub fn from_hash(hash: &blake3::Hash) -> Self {
        Self(hash.to_hex().chars().take(32).collect())
    }

    /// Parses 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 32 && text.bytes().all(is_hex)).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> AttributionSet {
        names.iter().filter_map(|name| Attribution::parse(name)).collect()
    }

    #[test]
    fn csp_of_unknown_tier_needs_both_tiers() {
        assert!(set(&["CSP_T1", "CSP_T2"]).eligible().meets(set(&["CSP"])));
        assert!(!set(&["CSP_T1"]).eligible().meets(set(&["CSP"])));
        assert!(!set(&["PAL"]).eligible().meets(set(&["CSP", "PAL_READER"])));
    }

    #[test]
    fn sets_print_sorted() {
        assert_eq!(set(&["PAL", "CSP_T2"]).sorted_text(), "CSP_T2,PAL");
        assert_eq!(AttributionSet::EMPTY.sorted_text(), "");
    }

    #[test]
    fn guids_have_one_spelling() {
        let expected = "0bb1b2c3-0000-4000-8000-0000000000a1";
        for text in [
            "0BB1B2C3-0000-4000-8000-0000000000A1",
            "{0bb1b2c3-0000-4000-8000-0000000000a1}",
            "0bb1b2c300004000800000000000000000a1".get(..0).unwrap_or(""),
            "0bb1b2c3000040008000 0000000000a1",
        ] {
            let parsed = Guid::parse(text.as_bytes());
            if text.len() >= 36 {
                assert_eq!(parsed.as_ref().map(Guid::as_str), Some(expected));
            } else {
                assert!(parsed.is_none(), "{text:?}");
            }
        }
        let bare = Guid::parse(b"0bb1b2c30000400080000000000000a1");
        assert_eq!(bare.as_ref().map(Guid::as_str), Some(expected));
        assert!(Guid::parse(b"0bb1b2c3_0000-4000-8000-0000000000a1").is_none());
    }
}
