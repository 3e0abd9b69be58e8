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
    /// Each fact once.
    pub(super) amounts: Vec<(AcrKey, Money)>,
    /// Per slot: used and repeated records and amounts.
    pub(super) files: HashMap<u32, Shares>,
    /// Per partner: keys whose attributions disagree.
    pub(super) disagreeing: HashMap<u32, i64>,
    /// Where those of the fact at hand start.
    start: usize,
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
        lines: &[AcrLine],
        texts: &Texts,
        blank: u32,
        is_live: &dyn Fn(u32) -> bool,
    ) {
        // Sorted by half of the key as small entries; the lines of one consumption, one or two
        // mostly, are then looked at together.
        let mut order: Vec<(u64, usize)> = Vec::with_capacity(lines.len());
        let mut last = (u32::MAX, false);
        for (at, line) in lines.iter().enumerate() {
            if last.0 != line.file {
                last = (line.file, is_live(line.file));
            }
            if last.1 {
                order.push((line.key[0], at));
            }
        }
        order.sort_unstable();
        let mut together: Vec<AcrLine> = Vec::new();
        let mut amounts = Vec::new();
        let mut fact = None;
        for run in order.chunk_by(|left, right| left.0 == right.0) {
            together.clear();
            together.extend(run.iter().map(|(_, at)| lines[*at]));
            together.sort_unstable_by(|left, right| {
                let order =
                    |line: &AcrLine| (line.key, line.attribution, line.claim, line.line, line.file);
                order(left).cmp(&order(right))
            });
            // The consumptions of one fact follow each other.
            let of_fact = |line: &AcrLine| line.key[0] >> 32;
            if together.first().map(of_fact) != fact {
                fact = together.first().map(of_fact);
                self.start = self.amounts.len();
            }
            for consumption in together.chunk_by(|left, right| left.key == right.key) {
                self.collapse(consumption, texts, blank, &mut amounts);
            }
        }
    }

    /// Adds to a fact of the lines at hand.
    fn add_amount(&mut self, key: AcrKey, amount: Money) {
        let known = self.amounts[self.start..].iter_mut().find(|(known, _)| *known == key);
        match known {
            Some((_, sum)) => *sum += amount,
            None => self.amounts.push((key, amount)),
        }
    }

    fn collapse(
        &mut self,
        lines: &[AcrLine],
        texts: &Texts,
        blank: u32,
        amounts: &mut Vec<(Attribution, Money)>,
    ) {
        let Some(first) = lines.first() else { return };
        amounts.clear();
        // The winning claim, whose lines the facts hold.
        let mut winner: Option<(Money, u32)> = None;
        for of_attribution in lines.chunk_by(|left, right| left.attribution == right.attribution) {
            let Some((largest, claim)) = largest_claim(of_attribution, texts, |_| true) else {
                continue;
            };
            amounts.push((of_attribution[0].attribution(), largest));
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
        attribution_sets(amounts, |set, amount| {
            self.add_amount(fact(blank, set), amount);
        });
        self.share(lines, winner.map(|(_, claim)| claim));
        let credits =
            |line: &AcrLine| line.reseller != blank && line.attribution().credits_reseller();
        if lines.iter().any(credits) {
            self.credit_resellers(lines, texts, &credits, &fact);
        }
    }

    /// What each reseller named on a line would be credited: its own lines alone, the largest of
    /// its claims.
    fn credit_resellers(
        &mut self,
        lines: &[AcrLine],
        texts: &Texts,
        credits: &dyn Fn(&AcrLine) -> bool,
        fact: &dyn Fn(u32, AttributionSet) -> AcrKey,
    ) {
        let mut resellers: Vec<u32> =
            lines.iter().filter(|line| credits(line)).map(|line| line.reseller).collect();
        resellers.sort_unstable();
        resellers.dedup();
        for reseller in resellers {
            let of_reseller = |line: &AcrLine| line.reseller == reseller && credits(line);
            if let Some((amount, _)) = largest_claim(lines, texts, of_reseller) {
                let key = fact(reseller, Attribution::CSP_T2.set());
                self.add_amount(key, amount);
            }
        }
    }

    fn share(&mut self, lines: &[AcrLine], winner: Option<u32>) {
        let mut last: Option<(u32, u64)> = None;
        for of_file in lines.chunk_by(|left, right| left.file == right.file) {
            let shares = self.files.entry(of_file[0].file).or_default();
            for line in of_file {
                let identity = (line.claim, line.line);
                let is_repeat = last == Some(identity);
                last = Some(identity);
                if !is_repeat && winner == Some(line.claim) {
                    shares.used += 1;
                    shares.amount_facts += line.money();
                } else {
                    shares.repeated += 1;
                    shares.amount_repeated += line.money();
                }
            }
        }
    }
}

/// The largest sum of distinct lines of a claim, and the claim; at a tie the one whose text is
/// smaller. Lines are sorted by claim and line.
fn largest_claim(
    lines: &[AcrLine],
    texts: &Texts,
    counts: impl Fn(&AcrLine) -> bool,
) -> Option<(Money, u32)> {
    let mut largest: Option<(Money, u32)> = None;
    for of_claim in lines.chunk_by(|left, right| left.claim == right.claim) {
        let distinct = of_claim.chunk_by(|left, right| left.line == right.line);
        let mut counted = distinct.map(|same| &same[0]).filter(|line| counts(line)).peekable();
        let Some(claim) = counted.peek().map(|line| line.claim) else { continue };
        let amount: Money = counted.map(AcrLine::money).sum();
        let is_better = largest.is_none_or(|(known, known_claim)| {
            amount > known || amount == known && texts.rank(claim) < texts.rank(known_claim)
        });
        if is_better {
            largest = Some((amount, claim));
        }
    }
    largest
}
