//! The lines of one month collapsed into facts: each consumption once, its attributions as sets.

use hashbrown::HashMap;

use super::acr::AcrLine;
use super::collapse::attribution_sets;
use super::intern::Texts;
use crate::ids::{Attribution, AttributionSet};
use crate::money::Money;

/// Grain of the facts within one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct AcrKey {
    pub(super) partner: u32,
    pub(super) reseller: u32,
    pub(super) tenant: u32,
    pub(super) service: u32,
    pub(super) set: AttributionSet,
}

/// The facts of one month, and what became of each file's lines.
#[derive(Debug, Default)]
pub(super) struct AcrFacts {
    pub(super) amounts: HashMap<AcrKey, Money>,
    /// Per slot: used and repeated records and amounts.
    pub(super) files: HashMap<u32, Shares>,
    /// Per partner: keys whose attributions disagree.
    pub(super) disagreeing: HashMap<u32, i64>,
}

/// Used and repeated records of a file.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Shares {
    pub(super) used: u64,
    pub(super) repeated: u64,
    pub(super) amount_facts: Money,
    pub(super) amount_repeated: Money,
}

impl AcrFacts {
    /// Adds the lines of one shard; lines of slots that are not `is_live` do not count.
    pub(super) fn add(
        &mut self,
        mut lines: Vec<AcrLine>,
        texts: &Texts,
        blank: u32,
        is_live: &dyn Fn(u32) -> bool,
    ) {
        lines.retain(|line| is_live(line.file));
        lines.sort_unstable_by(|left, right| {
            let order =
                |line: &AcrLine| (line.key, line.attribution, line.claim, line.line, line.file);
            order(left).cmp(&order(right))
        });
        for consumption in lines.chunk_by(|left, right| left.key == right.key) {
            self.collapse(consumption, texts, blank);
        }
    }

    fn collapse(&mut self, lines: &[AcrLine], texts: &Texts, blank: u32) {
        let Some(first) = lines.first() else { return };
        let mut amounts: Vec<(Attribution, Money)> = Vec::new();
        // The winning claim, whose lines the facts hold.
        let mut winner: Option<(Money, &[AcrLine])> = None;
        for of_attribution in lines.chunk_by(|left, right| left.attribution == right.attribution) {
            let Some((largest, claim)) = largest_claim(of_attribution, texts, &|_| true) else {
                continue;
            };
            let index = usize::try_from(claim[0].attribution).unwrap_or(usize::MAX);
            let attribution = Attribution::from_index(index).unwrap_or(Attribution::OTHER);
            amounts.push((attribution, largest));
            if winner.is_none_or(|(amount, _)| largest > amount) {
                winner = Some((largest, claim));
            }
        }
        let disagrees = amounts.windows(2).any(|pair| pair[0].1 != pair[1].1);
        if disagrees {
            *self.disagreeing.entry(first.partner).or_default() += 1;
        }
        let fact = |reseller, set| AcrKey {
            partner: first.partner,
            reseller,
            tenant: first.tenant,
            service: first.service,
            set,
        };
        for (set, amount) in attribution_sets(&mut amounts) {
            *self.amounts.entry(fact(blank, set)).or_default() += amount;
        }
        self.share(lines, winner.map_or(&[], |(_, claim)| claim));
        self.credit_resellers(lines, texts, blank, &fact);
    }

    /// What each reseller named on a line would be credited: its own lines alone, the largest of
    /// its claims.
    fn credit_resellers(
        &mut self,
        lines: &[AcrLine],
        texts: &Texts,
        blank: u32,
        fact: &dyn Fn(u32, AttributionSet) -> AcrKey,
    ) {
        let mut resellers: Vec<u32> = Vec::new();
        for line in lines {
            let index = usize::try_from(line.attribution).unwrap_or(usize::MAX);
            let credits = Attribution::from_index(index).is_some_and(Attribution::credits_reseller);
            if line.reseller != blank && credits && !resellers.contains(&line.reseller) {
                resellers.push(line.reseller);
            }
        }
        for reseller in resellers {
            let of_reseller = |line: &AcrLine| {
                let index = usize::try_from(line.attribution).unwrap_or(usize::MAX);
                line.reseller == reseller
                    && Attribution::from_index(index).is_some_and(Attribution::credits_reseller)
            };
            if let Some((amount, _)) = largest_claim(lines, texts, &of_reseller) {
                let key = fact(reseller, Attribution::CSP_T2.set());
                *self.amounts.entry(key).or_default() += amount;
            }
        }
    }

    fn share(&mut self, lines: &[AcrLine], winner: &[AcrLine]) {
        let mut last: Option<(u32, u64)> = None;
        for line in lines {
            let identity = (line.claim, line.line);
            let is_repeat = last == Some(identity);
            last = Some(identity);
            let is_used =
                !is_repeat && winner.first().is_some_and(|first| first.claim == line.claim);
            let shares = self.files.entry(line.file).or_default();
            if is_used {
                shares.used += 1;
                shares.amount_facts += line.money();
            } else {
                shares.repeated += 1;
                shares.amount_repeated += line.money();
            }
        }
    }
}

/// The claim with the largest sum of distinct lines; at a tie the one whose text is smaller. Lines
/// are sorted by claim and line.
fn largest_claim<'a>(
    lines: &'a [AcrLine],
    texts: &Texts,
    counts: &dyn Fn(&AcrLine) -> bool,
) -> Option<(Money, &'a [AcrLine])> {
    let mut largest: Option<(Money, &[AcrLine])> = None;
    for claim in lines.chunk_by(|left, right| left.claim == right.claim) {
        let distinct = claim.chunk_by(|left, right| left.line == right.line);
        let mut of_claim =
            distinct.filter_map(|same| same.first().filter(|line| counts(line))).peekable();
        if of_claim.peek().is_none() {
            continue;
        }
        let amount: Money = of_claim.map(AcrLine::money).sum();
        let text = |claim: &[AcrLine]| claim.first().map(|line| texts.bytes(line.claim).to_vec());
        let is_better = largest.is_none_or(|(known, known_claim)| {
            amount > known || amount == known && text(claim) < text(known_claim)
        });
        if is_better {
            largest = Some((amount, claim));
        }
    }
    largest
}
