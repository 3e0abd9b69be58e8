//! Associations of business applications with a partner, as their two exports spell them. Which of
//! them count is told by the rule packs.

use super::stream::Stream;
use crate::ids::{Attribution, AttributionSet};

/// An association of an application.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bond {
    id: &'static str,
    /// Two spellings; deliveries differ.
    pub(super) names: [&'static str; 2],
}

const fn bond(id: &'static str, names: [&'static str; 2]) -> Bond {
    Bond { id, names }
}

static BONDS: [Bond; 8] = [
    bond("CPOR_OSA", ["CPOR OSA", "CPOR-OSA"]),
    bond("CPOR_OSU", ["CPOR OSU", "CPOR-OSU"]),
    bond("CPOR_REVREC", ["CPOR RevRec", "CPOR-RevRec"]),
    bond("CPOR_REVREC_PERFORMANCE", ["CPOR RevRec Performance", "CPOR-RevRec Performance"]),
    bond("CSP_T1", ["CSP T1", "CSP Tier 1"]),
    bond("CSP_T2", ["CSP T2", "CSP Tier 2"]),
    bond("DPOR", ["DPOR", "Digital Partner of Record"]),
    bond("PAL", ["PAL", "Partner Admin Link"]),
];

impl Bond {
    /// Whether a set of attributions has it.
    fn is_in(&self, set: AttributionSet) -> bool {
        Attribution::parse(self.id).is_some_and(|attribution| set.meets(attribution.set()))
    }
}

/// The associations of one application, the first one of `eligible`. Unless it has to count, one
/// in twelve has an association that does not, and one in four has a second one of any kind.
pub(super) fn draw(
    stream: &mut Stream,
    eligible: AttributionSet,
    has_to_count: bool,
) -> Vec<&'static Bond> {
    let (counted, others): (Vec<&'static Bond>, Vec<&'static Bond>) =
        BONDS.iter().partition(|bond| bond.is_in(eligible));
    let kind = stream.below(12);
    let counts = has_to_count || kind > 0 || others.is_empty();
    let wanted = if counts { counted } else { others };
    let first = stream.pick(&wanted).copied();
    let second = stream.pick(&BONDS).filter(|bond| (1..4).contains(&kind) && first != Some(*bond));
    first.into_iter().chain(second).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::PipelineFiles;
    use crate::rules::Catalogs;

    #[test]
    fn both_spellings_are_known() {
        let catalogs = Catalogs::load(&PipelineFiles::embedded()).unwrap();
        for bond in &BONDS {
            for name in bond.names {
                let found = catalogs.attributions.find(name, "").map(Attribution::as_str);
                assert_eq!(found, Some(bond.id), "{name}");
            }
        }
    }

    #[test]
    fn what_has_to_count_does() {
        let eligible = Attribution::parse("PAL").unwrap().set();
        let drawn = |has_to_count: bool| -> Vec<Vec<&'static Bond>> {
            let stream = |key: i64| Stream::new(1, "test", &[key]);
            (0..300).map(|key| draw(&mut stream(key), eligible, has_to_count)).collect()
        };
        assert!(drawn(true).iter().all(|bonds| bonds[0].is_in(eligible)));
        assert!(drawn(false).iter().any(|bonds| !bonds.iter().any(|bond| bond.is_in(eligible))));
        assert!(drawn(false).iter().any(|bonds| bonds.len() == 2 && bonds[0] != bonds[1]));
    }
}
