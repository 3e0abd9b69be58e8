//! Invented customers: what they are called, how they are associated with their partner, and how
//! their usage goes over the months. Everything that stays the same for years is drawn from the
//! customer's own stream, so it is the same in each month and whatever the number of months.

use super::Base;
use super::partner::{Archetype, PLACES, Partner, Place};
use super::seats::Seats;
use super::stream::Stream;
use super::vocabulary::SEGMENTS;
use crate::calendar::Month;

const TRADES: [&str; 10] = [
    "Bakery",
    "Brewery",
    "Clinic",
    "Foundry",
    "Hotel",
    "Library",
    "Mill",
    "Nursery",
    "Print Shop",
    "Shipyard",
];
const FORMS: [&str; 4] = [", Inc.", " GmbH", " Ltd", " & Sons, LLC"];
const INDUSTRIES: [(&str, &str); 4] = [
    ("Retail", "Consumer Goods"),
    ("Manufacturing", "Discrete"),
    ("Education", "Primary"),
    ("Health", "Providers"),
];

/// One association of a customer with its partner, as an export spells it.
#[derive(Debug)]
pub(super) struct Claim {
    /// Two spellings; deliveries differ.
    pub(super) names: [&'static str; 2],
    /// The role (column `AdminType`).
    pub(super) role: &'static str,
    /// The sales channel.
    pub(super) channel: &'static str,
    /// Whether the row names the reseller.
    pub(super) has_reseller: bool,
    /// Added to the number of the customer's location.
    pub(super) location_step: u32,
}

const fn link(role: &'static str, location_step: u32) -> Claim {
    Claim {
        names: ["PartnerAdminLink", "Partner Admin Link"],
        role,
        channel: "Direct",
        has_reseller: false,
        location_step,
    }
}

const OWNER: Claim = link("Owner", 0);
const CONTRIBUTOR: Claim = link("Contributor", 0);
const READER: Claim = link("Reader", 0);
const SECOND_OWNER: Claim = link("Owner", 1);
const RECORD: Claim = Claim {
    names: ["DPOR", "Digital Partner of Record"],
    role: "",
    channel: "Direct",
    has_reseller: false,
    location_step: 0,
};
const TIER_ONE: Claim = Claim {
    names: ["CSP Tier 1", "CSP T1"],
    role: "",
    channel: "Direct/CSP",
    has_reseller: false,
    location_step: 0,
};
const TIER_TWO: Claim = Claim {
    names: ["CSP Tier 2", "CSP T2"],
    role: "",
    channel: "Indirect/CSP",
    has_reseller: true,
    location_step: 0,
};

/// The claims of customers whose usage counts for the partner's designation.
const LINKED: [&[Claim]; 6] = [
    &[OWNER],
    &[CONTRIBUTOR, TIER_TWO],
    &[OWNER, TIER_ONE],
    &[OWNER, RECORD],
    &[CONTRIBUTOR, SECOND_OWNER],
    &[OWNER, TIER_TWO, RECORD],
];
/// The claims of customers whose usage does not.
const UNLINKED: [&[Claim]; 3] = [&[RECORD], &[TIER_TWO], &[READER, TIER_TWO]];

/// The most claims of one customer.
pub(super) const MOST_CLAIMS: u64 = 3;

/// The course of a customer's usage.
struct Course {
    is_new: bool,
    first: Month,
    last: Option<Month>,
    /// Scored consumption in the base's last month, in cents.
    cents: i64,
    /// Growth a year, in thousandths.
    growth: i64,
}

/// A customer of a partner.
pub(super) struct Customer {
    /// The tenant's GUID.
    pub(super) tenant: [u8; 16],
    /// Rows carry only the top parent id.
    pub(super) is_without_tenant: bool,
    /// The top parent id.
    pub(super) parent: u64,
    /// Its name.
    pub(super) name: String,
    /// Its segment.
    pub(super) segment: &'static str,
    /// Its segment in the Azure export, which is outdated for a few.
    pub(super) azure_segment: &'static str,
    /// Industry and vertical.
    pub(super) industry: (&'static str, &'static str),
    /// Where it is.
    pub(super) place: &'static Place,
    /// The number of the partner's location that serves it.
    pub(super) location: u32,
    /// Its associations.
    pub(super) claims: &'static [Claim],
    /// The associations come in reverse order, so that the linked row is the flagged duplicate.
    pub(super) is_reversed: bool,
    /// The first month with usage.
    pub(super) first: Month,
    /// Services consumed each month.
    pub(super) lines: u32,
    /// Seats, if any.
    pub(super) seats: Option<Seats>,
    /// What else stays the same for years, drawn line by line.
    pub(super) details: Stream,
    newest: Month,
    last: Option<Month>,
    cents: i64,
    growth: i64,
    load: Load,
}

/// The monthly consumption of a service that is not scored and large beside the scored ones: it
/// decides how a partner's whole consumption grows.
struct Load {
    /// In the base's last month, in cents.
    cents: i64,
    /// Growth a year, in thousandths.
    growth: i64,
}

impl Customer {
    /// The customer with a number; `None` where the partner has none of that number.
    pub(super) fn draw(base: &Base<'_>, partner: &Partner, number: u32) -> Option<Self> {
        let settings = base.settings;
        if partner.archetype == Archetype::Skilled && number > 1 {
            return None;
        }
        let keys = [i64::from(partner.index), i64::from(number)];
        let mut stream = Stream::new(settings.seed, "customer", &keys);
        let course = Course::draw(base, partner, number, &mut stream);
        let serial =
            u64::from(partner.index) * u64::from(settings.tenants_per_partner) + u64::from(number);
        let tenant = stream.guid();
        let trade = stream.word(&TRADES);
        let form = stream.word(&FORMS);
        let is_linked = course.is_new || !stream.one_in(4);
        let claims: &'static [Claim] = if is_linked {
            LINKED[stream.position(LINKED.len())]
        } else {
            UNLINKED[stream.position(UNLINKED.len())]
        };
        let spread = i64::from(settings.lines_per_tenant / 3);
        let average = i64::from(settings.lines_per_tenant);
        let lines = stream.between(average - spread, average + spread);
        let is_without_tenant = stream.one_in(40) && number > 0 && !course.is_new;
        let seats =
            Seats::draw(partner, number, serial, course.is_new, settings.tenants_per_partner)
                .filter(|_| !is_without_tenant);
        let is_small = partner.is_small_customer(number);
        let drawn = stream.position(SEGMENTS.len());
        let is_outdated = serial % 17 == 11;
        Some(Self {
            tenant,
            is_without_tenant,
            parent: 7_000_000 + serial,
            name: format!("Example {trade} {serial:04}{form}"),
            segment: base.vocabulary.segment(is_small, drawn),
            azure_segment: base.vocabulary.segment(is_small != is_outdated, drawn),
            industry: INDUSTRIES[stream.position(INDUSTRIES.len())],
            // Most customers are in their partner's country.
            place: if stream.one_in(8) {
                &PLACES[stream.position(PLACES.len())]
            } else {
                partner.place
            },
            location: number,
            claims,
            is_reversed: number % 3 == 2,
            first: course.first,
            lines: u32::try_from(lines).unwrap_or(1),
            seats: seats.map(|seats| seats.at_random(&mut stream)),
            details: stream,
            newest: settings.last_month,
            last: course.last,
            cents: course.cents,
            growth: course.growth,
            load: Load::draw(settings.seed, partner, number, course.is_new),
        })
    }

    /// Whether it came within the last year of the base.
    pub(super) fn is_new(&self) -> bool {
        self.months_to(self.first) > -12
    }

    /// Whether the customer has usage in a month.
    pub(super) fn is_active(&self, month: Month) -> bool {
        self.first <= month && self.last.is_none_or(|last| month <= last)
    }

    /// Scored consumption of a month before noise, in cents.
    pub(super) fn scored_cents(&self, month: Month) -> i64 {
        self.of_month(self.grown(self.cents, self.growth, month), month)
    }

    /// Consumption of the large service that is not scored, before noise, in cents.
    pub(super) fn load_cents(&self, month: Month) -> i64 {
        self.of_month(self.grown(self.load.cents, self.load.growth, month), month)
    }

    /// Months from the base's last month to another one: 0 or negative.
    pub(super) fn months_to(&self, month: Month) -> i64 {
        i64::from(month.since(self.newest))
    }

    /// The first month is not a whole one.
    fn of_month(&self, cents: i64, month: Month) -> i64 {
        if month == self.first { cents * 6 / 10 } else { cents }
    }

    /// Paid seats of a month.
    pub(super) fn paid_seats(&self, seats: &Seats, month: Month) -> i64 {
        if seats.is_exact { seats.paid } else { self.grown(seats.paid, self.growth, month) }
    }

    fn grown(&self, newest: i64, growth: i64, month: Month) -> i64 {
        newest * (1000 + growth * self.months_to(month) / 12).max(100) / 1000
    }
}

impl Load {
    /// From a stream of its own, so that scored consumption does not depend on it.
    fn draw(seed: u64, partner: &Partner, number: u32, is_new: bool) -> Self {
        let keys = [i64::from(partner.index), i64::from(number)];
        let mut stream = Stream::new(seed, "load", &keys);
        // Old customers are large enough that new ones add some percents, and do not double it.
        let (low, high, growths) = match (partner.archetype, is_new) {
            (Archetype::Strong, false) => (6_000_000, 9_000_000, [30, 0, 60, -20, 100]),
            (Archetype::Strong, true) => (50_000, 200_000, [0; 5]),
            (Archetype::Near, false) => (300_000, 500_000, [20, -30, 0, 40, 10]),
            (Archetype::Near, true) => (20_000, 60_000, [0; 5]),
            (Archetype::Steady, _) => (100_000, 300_000, [0, 10, 30, 50, 80]),
            (Archetype::Shrinking, _) => (100_000, 300_000, [-200; 5]),
            (Archetype::Skilled, _) => (5_000, 20_000, [30; 5]),
            (Archetype::Beginner, false) => (100_000, 200_000, [50; 5]),
            (Archetype::Beginner, true) => (10_000, 60_000, [0; 5]),
        };
        let variant = usize::try_from(partner.variant).unwrap_or(0);
        Self {
            cents: stream.between(low, high),
            growth: growths.get(variant).copied().unwrap_or(0),
        }
    }
}

impl Course {
    fn draw(base: &Base<'_>, partner: &Partner, number: u32, stream: &mut Stream) -> Self {
        let customers = base.settings.tenants_per_partner;
        let newest = base.settings.last_month;
        let is_new = number >= customers.saturating_sub(partner.newcomers(customers));
        let least = if partner.archetype == Archetype::Beginner { 3 } else { 6 };
        // Old customers were there two years ago, so that both sides of a comparison are whole;
        // the first one always was, so that each month of its partner counts as delivered.
        let recent = stream.between(least, 11);
        let old = stream.between(24, 60);
        let back = match (is_new, number) {
            (true, _) => recent,
            (false, 0) => i64::from(base.settings.months).max(120),
            (false, _) => old,
        };
        let (low, high, growth) = match (partner.archetype, is_new) {
            (Archetype::Strong, true) => (250_000, 600_000, 0),
            (Archetype::Strong, false) => (50_000, 300_000, 200),
            // New customers below the deployment line, old ones above it on both sides.
            (Archetype::Near, true) => (60_000, 90_000, 0),
            (Archetype::Near, false) => (130_000, 200_000, 10),
            (Archetype::Steady, _) => (30_000, 200_000, 0),
            (Archetype::Shrinking, _) => (30_000, 200_000, -250),
            (Archetype::Skilled, _) => (3_000, 15_000, 0),
            (Archetype::Beginner, _) => (1_000, 8_000, 0),
        };
        let cents = stream.between(low, high);
        let left = stream.between(1, 10);
        let is_leaving = partner.loses(number);
        Self {
            is_new,
            first: earlier(newest, back),
            last: is_leaving.then(|| earlier(newest, left)),
            cents,
            growth,
        }
    }
}

fn earlier(month: Month, count: i64) -> Month {
    month.plus(-i32::try_from(count).unwrap_or(0))
}
