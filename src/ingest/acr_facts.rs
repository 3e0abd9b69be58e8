//! The lines of one month collapsed into facts: each consumption once, its attributions as sets.

use std::ops::Range;

use hashbrown::{HashMap, HashSet};

use super::acr::AcrLine;
use super::collapse::attribution_sets;
use super::fact_rows::{Rows, Values};
use super::intern::Texts;
use crate::error::{Error, Result};
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
    /// Each fact of the exporter's view once, by shard; those of a customer stand together, in the
    /// order of their texts.
    shards: Vec<Vec<(AcrKey, Money)>>,
    customers: Vec<CustomerFacts>,
    /// Those of the shard at hand.
    own: Vec<(AcrKey, Money)>,
    /// The partners of whom a distributor's file has rows: of others nobody asks what resellers would
    /// be credited.
    distributors: HashSet<u32>,
    /// Each fact of a reseller once.
    resold: Vec<(AcrKey, Money)>,
    /// Per slot: used and repeated records and amounts.
    pub(super) files: HashMap<u32, Shares>,
    /// Per partner: keys whose attributions disagree.
    pub(super) disagreeing: HashMap<u32, i64>,
    /// Where the facts of the service at hand start, own and resold.
    start: (usize, usize),
}

/// Where the facts of a customer stand.
#[derive(Debug)]
struct CustomerFacts {
    /// Compare as its partner and it do.
    places: [u32; 2],
    shard: usize,
    facts: Range<usize>,
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
    /// No facts yet; `distributors` are the partners of whom a distributor's file has rows.
    pub(super) fn new(distributors: HashSet<u32>) -> Self {
        Self { distributors, ..Self::default() }
    }

    /// Adds the lines of one shard, which come in pieces; lines of slots that are not `is_live` do
    /// not count.
    ///
    /// # Errors
    /// CS9001 when a shard has more lines than can be numbered.
    pub(super) fn add(
        &mut self,
        lines: &[Vec<AcrLine>],
        texts: &Texts,
        blank: u32,
        is_live: &dyn Fn(u32) -> bool,
    ) -> Result<()> {
        // Lines are numbered by their piece and their place in it, so that no piece is copied.
        let longest = lines.iter().map(Vec::len).max().unwrap_or(1).next_power_of_two();
        let count: usize = lines.iter().map(Vec::len).sum();
        if u32::try_from(lines.len() * longest).is_err() {
            return Err(Error::bug("too many lines of some customers"));
        }
        // What is sorted is one integer a line: the places of its partner, customer and service, and
        // its own. The few lines of one service are then looked at together.
        let mut order: Vec<u128> = Vec::with_capacity(count);
        let mut last = (u32::MAX, false);
        let numbered = lines.iter().zip((0_u32..).step_by(longest));
        for (line, at) in numbered.flat_map(|(piece, first)| piece.iter().zip(first..)) {
            if last.0 != line.file {
                last = (line.file, is_live(line.file));
            }
            if last.1 {
                let service = (texts.rank(line.tenant), texts.rank(line.service));
                let places = [texts.place(line.partner), service.0, service.1, at];
                order.push(places.into_iter().fold(0, |key, place| key << 32 | u128::from(place)));
            }
        }
        order.sort_unstable();
        let mut together: Vec<AcrLine> = Vec::new();
        let mut amounts = Vec::new();
        self.own = Vec::with_capacity(order.len());
        for customer in order.chunk_by(|left, right| left >> 64 == right >> 64) {
            let start = self.own.len();
            for service in customer.chunk_by(|left, right| left >> 32 == right >> 32) {
                together.clear();
                together.extend(service.iter().map(|key| {
                    let number = place_at(*key, 0) as usize;
                    lines[number >> longest.trailing_zeros()][number & (longest - 1)]
                }));
                together.sort_unstable_by(|left, right| {
                    let order = |line: &AcrLine| {
                        (line.key, line.attribution, line.claim, line.line, line.file)
                    };
                    order(left).cmp(&order(right))
                });
                self.start = (self.own.len(), self.resold.len());
                for consumption in together.chunk_by(|left, right| left.key == right.key) {
                    self.collapse(consumption, texts, blank, &mut amounts);
                }
                self.own[self.start.0..].sort_unstable_by_key(|(key, _)| key.set);
            }
            self.customers.push(CustomerFacts {
                places: [96, 64].map(|at| place_at(customer[0], at)),
                shard: self.shards.len(),
                facts: start..self.own.len(),
            });
        }
        self.shards.push(std::mem::take(&mut self.own));
        Ok(())
    }

    /// All facts, each once, in the order in which they are stored: by partner, first those of the
    /// exporter's view, then those of its resellers.
    pub(super) fn into_rows(mut self, texts: &Texts) -> Rows {
        self.customers.sort_unstable_by_key(|customer| customer.places);
        self.resold.sort_by_cached_key(|(key, _)| {
            let places = [texts.place(key.partner), texts.rank(key.reseller)];
            (places, texts.rank(key.tenant), texts.rank(key.service), key.set)
        });
        let count = self.shards.iter().map(Vec::len).sum::<usize>() + self.resold.len();
        let mut partners = Vec::with_capacity(count);
        let [mut resellers, mut tenants, mut services] =
            [(); 3].map(|()| Vec::with_capacity(count));
        let (mut sets, mut amounts) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut add = |facts: &[(AcrKey, Money)]| {
            for (key, amount) in facts {
                partners.push(key.partner);
                resellers.push(key.reseller);
                tenants.push(key.tenant);
                services.push(key.service);
                sets.push(key.set.0);
                amounts.push(amount.0);
            }
        };
        let mut resold = self.resold.as_slice();
        for of_partner in self.customers.chunk_by(|left, right| left.places[0] == right.places[0]) {
            for CustomerFacts { shard, facts, .. } in of_partner {
                add(&self.shards[*shard][facts.clone()]);
            }
            let partner = of_partner[0].places[0];
            let end = resold.partition_point(|(key, _)| texts.place(key.partner) <= partner);
            add(&resold[..end]);
            resold = &resold[end..];
        }
        add(resold);
        let texts = [resellers, tenants, services].map(Values::Text);
        let columns = texts.into_iter().chain([Values::Mask(sets), Values::Money(amounts)]);
        Rows::in_order(partners, columns.collect())
    }

    fn collapse(
        &mut self,
        lines: &[AcrLine],
        texts: &Texts,
        blank: u32,
        amounts: &mut Vec<(Attribution, Money)>,
    ) {
        let Some(first) = lines.first() else { return };
        let fact = |reseller, set| AcrKey {
            partner: first.partner,
            reseller,
            tenant: first.tenant,
            service: first.service,
            set,
        };
        let is_distributed = self.distributors.contains(&first.partner);
        if lines.len() == 1 && !is_distributed {
            // As below, for the many consumptions of which there is nothing to compare.
            let (set, amount) = (first.attribution().set(), first.money());
            add_to(&mut self.own, self.start.0, fact(blank, set), amount);
            let shares = self.files.entry(first.file).or_default();
            shares.used += 1;
            shares.amount_facts += amount;
            return;
        }
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
        attribution_sets(amounts, |set, amount| {
            add_to(&mut self.own, self.start.0, fact(blank, set), amount);
        });
        self.share(lines, winner.map(|(_, claim)| claim));
        let credits =
            |line: &AcrLine| line.reseller != blank && line.attribution().credits_reseller();
        if is_distributed && lines.iter().any(credits) {
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
                add_to(&mut self.resold, self.start.1, key, amount);
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

/// The place that starts at a bit of an integer of four.
fn place_at(places: u128, bit: u32) -> u32 {
    u32::try_from(places >> bit & u128::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// Adds to the fact of a key among those from `start` on.
fn add_to(facts: &mut Vec<(AcrKey, Money)>, start: usize, key: AcrKey, amount: Money) {
    match facts[start..].iter_mut().find(|(known, _)| *known == key) {
        Some((_, sum)) => *sum += amount,
        None => facts.push((key, amount)),
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
