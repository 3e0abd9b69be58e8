//! Business applications of customers: what they are sold as and used as, by which associations,
//! and how their revenue and use go over the months. A customer draws them from a stream of its
//! own, so that a base has the same other exports with and without them.

use super::Base;
use super::bonds::{self, Bond};
use super::customer::Customer;
use super::offers::{Offers, Rated};
use super::partner::{Archetype, Partner};
use super::stream::Stream;
use crate::calendar::Month;

/// An application of a customer.
pub(super) struct App<'a> {
    /// What it is used as.
    pub(super) rated: &'a Rated,
    /// What it is sold as.
    pub(super) sold_as: &'a str,
    /// Its subscriptions, one or two.
    pub(super) subscriptions: Vec<[u8; 16]>,
    /// A subscription that nobody pays for, in the export of usage alone.
    pub(super) trial: Option<[u8; 16]>,
    /// The associations of its revenue.
    pub(super) revenue_bonds: Vec<&'static Bond>,
    /// The associations of its use.
    pub(super) usage_bonds: Vec<&'static Bond>,
    /// Its first month.
    pub(super) first: Month,
    last: Option<Month>,
    course: Course,
}

/// Revenue and use in the base's last month, and how they got there.
struct Course {
    cents: i64,
    units: i64,
    /// Growth a year, in thousandths.
    growth: i64,
    /// At a limit on purpose: no growth, no noise.
    is_exact: bool,
}

/// What an application comes to in a month.
pub(super) struct Figures {
    /// Revenue, in cents.
    pub(super) cents: i64,
    /// Units of use, in what the rate card counts.
    pub(super) units: i64,
}

/// How many applications a customer has and how they go.
struct Plan {
    /// Applications in all.
    count: u32,
    /// Of them, those that came within the last year of the base.
    added: u32,
    /// Of them, those that went within it.
    dropped: u32,
    /// Growth a year, in thousandths.
    growth: i64,
    /// Least and most revenue of one in the base's last month, in cents.
    cents: (i64, i64),
    /// Least and most consumption value of one in that month.
    value: (i64, i64),
    /// Whether some may lie at a limit.
    has_exact: bool,
}

impl<'a> App<'a> {
    /// The applications of a customer, at most eight; none where the rules know none.
    pub(super) fn draw_all(
        base: &'a Base<'_>,
        partner: &Partner,
        customer: &Customer,
    ) -> Vec<Self> {
        let offers = &base.vocabulary.offers;
        let plan = Plan::of(partner, customer);
        let keys = [i64::from(partner.index), i64::from(customer.location)];
        let mut stream = Stream::new(base.settings.seed, "applications", &keys);
        let start = stream.position(offers.rated.len());
        (0..plan.count)
            .filter_map(|number| {
                let at = start + usize::try_from(number).unwrap_or(0);
                let rated = offers.rated.get(at % offers.rated.len().max(1))?;
                let mix = partner.index % 99 + customer.location % 99 + number;
                let is_exact = plan.has_exact && mix % 5 == 3;
                let course = Course::draw(&plan, offers, rated, is_exact, mix, &mut stream);
                let subscriptions = 1 + u32::from(stream.one_in(3));
                let subscriptions = (0..subscriptions).map(|_| stream.guid()).collect();
                let has_trial = stream.one_in(8);
                let trial = stream.guid();
                // Within the last year, but not in its last month.
                let back = -i32::try_from(stream.between(1, 10)).unwrap_or(1);
                let within = base.settings.last_month.plus(back);
                let is_added = number >= plan.count - plan.added;
                Some(Self {
                    rated,
                    sold_as: offers.sold_as(rated, at),
                    subscriptions,
                    trial: has_trial.then_some(trial),
                    revenue_bonds: bonds::draw(&mut stream, offers.associations, is_exact),
                    usage_bonds: bonds::draw(&mut stream, rated.associations, is_exact),
                    first: if is_added { within } else { customer.first },
                    last: (number < plan.dropped).then_some(within),
                    course,
                })
            })
            .collect()
    }

    /// What it comes to in a month, if it is there. Draws the same from `noise` in any case.
    pub(super) fn figures(
        &self,
        customer: &Customer,
        month: Month,
        noise: &mut Stream,
    ) -> Option<Figures> {
        let Course { cents, units, growth, is_exact } = self.course;
        let wobbles = [noise.between(970, 1_030), noise.between(970, 1_030)];
        if month < self.first || self.last.is_some_and(|last| month > last) {
            return None;
        }
        if is_exact {
            return Some(Figures { cents, units });
        }
        let grown = (1_000 + growth * customer.months_to(month) / 12).max(100);
        // The first month is not a whole one.
        let grown = if month == self.first { grown * 6 / 10 } else { grown };
        let of_month = |newest: i64, wobble: i64| (newest * grown * wobble + 500_000) / 1_000_000;
        Some(Figures { cents: of_month(cents, wobbles[0]), units: of_month(units, wobbles[1]) })
    }

    /// The shares of its subscriptions in an amount.
    pub(super) fn shares(&self, amount: i64) -> [i64; 2] {
        if self.subscriptions.len() < 2 {
            return [amount, 0];
        }
        let first = amount * 6 / 10;
        [first, amount - first]
    }
}

impl Course {
    fn draw(
        plan: &Plan,
        offers: &Offers,
        rated: &Rated,
        is_exact: bool,
        mix: u32,
        stream: &mut Stream,
    ) -> Self {
        let cents = stream.between(plan.cents.0, plan.cents.1);
        let units = rated.units(stream.between(plan.value.0, plan.value.1));
        if !is_exact {
            return Self { cents, units, growth: plan.growth, is_exact };
        }
        // At a limit or just below it.
        let below = i64::from(mix / 5 % 2);
        let limit = |limits: &[i64]| {
            let at = usize::try_from(mix / 10).unwrap_or(0) % limits.len().max(1);
            limits.get(at).copied()
        };
        Self {
            cents: limit(&offers.revenue_limits).map_or(cents, |limit| limit - below),
            units: limit(&offers.value_limits).map_or(units, |limit| rated.units(limit) - below),
            growth: 0,
            is_exact,
        }
    }
}

impl Plan {
    fn of(partner: &Partner, customer: &Customer) -> Self {
        let is_large = !partner.is_small_customer(customer.location);
        let variant = partner.variant;
        // One customer of a steady partner buys more.
        let bought = if customer.location < 3 { variant % 3 } else { 0 };
        let shade = |growths: [i64; 5]| {
            growths.get(usize::try_from(variant).unwrap_or(0)).copied().unwrap_or(0)
        };
        let (count, added, dropped, growth) = match (partner.archetype, customer.is_new()) {
            (Archetype::Strong, true) => (4, 0, 0, 0),
            (Archetype::Strong, false) => (6, 1, 0, 150),
            (Archetype::Near, true) => (2 + variant % 2, 0, 0, 0),
            (Archetype::Near, false) => (6, variant % 2, 0, shade([60, 20, 100, -20, 40])),
            (Archetype::Steady, _) => (5, bought, 0, shade([50, 120, 180, 220, 80])),
            (Archetype::Shrinking, _) => (4, 0, 1 + variant % 2, -250),
            (Archetype::Skilled, _) => (3, 0, 0, 40),
            (Archetype::Beginner, _) => (2, 0, 0, 100),
        };
        let (cents, value) = match (partner.archetype, is_large) {
            (Archetype::Skilled, _) => ((20_000, 90_000), (2_000, 4_500)),
            (Archetype::Beginner, _) => ((10_000, 60_000), (900, 4_000)),
            (_, true) => ((650_000, 1_500_000), (9_000, 18_000)),
            (_, false) => ((30_000, 300_000), (4_600, 9_000)),
        };
        Self {
            // Large customers have enough of them for their partner to count as large.
            count: count + u32::from(is_large),
            added,
            dropped,
            growth,
            cents,
            value,
            has_exact: !is_large && partner.archetype != Archetype::Beginner,
        }
    }
}
