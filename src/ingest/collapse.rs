//! One consumption counts once. The lines of one consumption come in under several claims
//! (attribution, location, role, association type); they leave as attribution sets with amounts,
//! such that for any eligible set the amounts of the sets that meet it add to exactly the largest
//! eligible amount (contract §3, design §4.5).

use crate::ids::{Attribution, AttributionSet};
use crate::money::Money;

/// Gives the sets and amounts of attributions with these amounts, one amount an attribution.
///
/// Sorted a₁ ≥ a₂ ≥ … (aₙ₊₁ = 0): the first k attributions as a set with aₖ − aₖ₊₁, zeros dropped
/// but for the set of all. Equal amounts throughout are one set.
pub(super) fn attribution_sets(
    amounts: &mut [(Attribution, Money)],
    mut give: impl FnMut(AttributionSet, Money),
) {
    amounts.sort_unstable_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(&right.0)));
    let mut set = AttributionSet::EMPTY;
    for (at, (attribution, amount)) in amounts.iter().enumerate() {
        set = set.with(*attribution);
        let next = amounts.get(at + 1).map_or(Money::ZERO, |(_, next)| *next);
        let difference = Money(amount.0 - next.0);
        // The whole set stays even at zero: it says who is associated.
        if difference != Money::ZERO || at + 1 == amounts.len() {
            give(set, difference);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attribution(name: &str) -> Attribution {
        Attribution::parse(name).unwrap()
    }

    fn sets(amounts: &[(&str, i64)]) -> Vec<(String, i128)> {
        let mut amounts: Vec<(Attribution, Money)> = amounts
            .iter()
            .map(|(name, amount)| (attribution(name), Money(i128::from(*amount))))
            .collect();
        let mut sets = Vec::new();
        attribution_sets(&mut amounts, |set, amount| sets.push((set.sorted_text(), amount.0)));
        sets
    }

    #[test]
    fn equal_amounts_are_one_set() {
        assert_eq!(sets(&[("PAL", 10), ("CSP_T2", 10)]), [("CSP_T2,PAL".to_owned(), 10)]);
        assert_eq!(sets(&[("PAL", 0), ("CSP_T2", 0)]), [("CSP_T2,PAL".to_owned(), 0)]);
    }

    #[test]
    fn differing_amounts_are_a_chain() {
        assert_eq!(
            sets(&[("CSP_T2", 7), ("PAL", 10), ("DPOR", -5)]),
            [
                ("PAL".to_owned(), 3),
                ("CSP_T2,PAL".to_owned(), 12),
                ("CSP_T2,DPOR,PAL".to_owned(), -5)
            ]
        );
    }

    proptest! {
        #[test]
        fn any_eligible_set_gets_its_largest_amount(
            amounts in proptest::collection::btree_map(0_usize..13, -50_i128..50, 1..8),
            eligible in 0_i32..(1 << 13),
        ) {
            let eligible = AttributionSet(eligible);
            let mut listed: Vec<(Attribution, Money)> = amounts
                .iter()
                .filter_map(|(at, amount)| Some((Attribution::from_index(*at)?, Money(*amount))))
                .collect();
            let expected = listed
                .iter()
                .filter(|(attribution, _)| attribution.set().meets(eligible))
                .map(|(_, amount)| amount.0)
                .max()
                .unwrap_or(0);
            let mut found = 0;
            attribution_sets(&mut listed, |set, amount| {
                found += if set.meets(eligible) { amount.0 } else { 0 };
            });
            prop_assert_eq!(found, expected);
        }
    }
}
