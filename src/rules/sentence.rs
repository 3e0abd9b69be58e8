//! What a part of a metric counts, as a sentence in a small vocabulary: customers and what they use or
//! spend, or people and what they are certified for.

use super::options::Options;
use crate::ids::AttributionSet;
use crate::money::Money;

/// What a part counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sentence {
    /// Customers and what they consume or use.
    Customers(Box<Customers>),
    /// Certified people of one step.
    People(People),
}

/// A sentence over customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customers {
    /// What is measured per unit.
    pub measure: Measure,
    /// The services or workloads that count; empty means all.
    pub names: Vec<String>,
    /// What a unit of use is worth, for a measure of consumption value.
    pub rates: Vec<Rate>,
    /// The months that are measured; the baseline is the same window a year earlier.
    pub window: Window,
    /// What is counted or summed over.
    pub unit: Unit,
    /// The attributions that count.
    pub associations: AttributionSet,
    /// Services that never count.
    pub excluded: Vec<String>,
    /// Limits on the measured amount.
    pub limit: Limit,
    /// The least consumption of trailing twelve months that is scored at all.
    pub minimum_ttm: Option<Money>,
    /// The least of the whole base a year ago from which growth is scored.
    pub minimum_baseline: Option<Money>,
    /// Limits on paid seats.
    pub seats: Option<SeatBand>,
    /// The least share of active users.
    pub active_share: Option<Ratio>,
    /// A workload that was above this share when its association began, within the last twelve
    /// months, does not count now.
    pub associated_above: Option<Ratio>,
    /// Whether use from before an association began does not count as growth since.
    pub since_association: bool,
    /// Whether a customer that was within the limits a year ago and is above them now still counts.
    pub promoted: bool,
    /// The chosen readings.
    pub options: Options,
    /// What the result is.
    pub result: CustomerResult,
    /// Whether the current side is published as implementations.
    pub publish_implementations: bool,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Azure consumed revenue in US dollars.
    Acr,
    /// Paid seats.
    Seats,
    /// Active users, at most the paid seats where `capped`.
    ActiveUsers {
        /// Whether active users above the paid seats are left out.
        capped: bool,
    },
    /// Revenue in US dollars.
    Revenue,
    /// Use of business applications times the rate of its workload; not money.
    ConsumptionValue,
}

impl Measure {
    /// Whether it is told by paid seats and active users.
    pub fn is_of_seats(self) -> bool {
        matches!(self, Self::Seats | Self::ActiveUsers { .. })
    }

    /// What an amount of it is counted in, for people.
    pub(super) fn unit(self) -> &'static str {
        if self == Self::ConsumptionValue { "of consumption value" } else { "USD" }
    }
}

/// What a unit of use of some workloads is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// The workloads.
    pub workloads: Vec<String>,
    /// What of their use counts.
    pub measure: UsageMeasure,
    /// The value of one unit.
    pub rate: Money,
    /// The attributions that count.
    pub associations: AttributionSet,
}

/// What an export of business applications counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageMeasure {
    /// Monthly active users (MAU).
    ActiveUsers,
    /// Monthly active users attributed to the partner (PAMAU).
    AttributedUsers,
    /// Capacity (MAC).
    Capacity,
}

/// The months of a measure, counted back from the reference month R.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// R alone.
    Month,
    /// R−1 and R, whichever is larger.
    EitherOfTwoMonths,
    /// R−11 to R: amounts added, of seats the month with the most.
    Ttm,
}

impl Window {
    /// How many months the window has.
    pub fn months(self) -> i32 {
        match self {
            Self::Month => 1,
            Self::EitherOfTwoMonths => 2,
            Self::Ttm => 12,
        }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Customer tenants.
    Tenant,
    /// Pairs of tenant and workload.
    TenantWorkload,
    /// Services over the whole customer base.
    Service,
}

/// Limits on an amount; all given ones must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limit {
    /// At least this.
    pub at_least: Option<Money>,
    /// More than this.
    pub above: Option<Money>,
    /// At most this.
    pub at_most: Option<Money>,
    /// The reason of a unit outside the limits.
    pub reason: String,
}

/// A band of paid seats, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatBand {
    /// The least seats.
    pub min: i64,
    /// The most seats, if limited.
    pub max: Option<i64>,
}

/// An exact ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    /// Above the line.
    pub numerator: i64,
    /// Below the line, positive.
    pub denominator: i64,
}

/// What a sentence over customers gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerResult {
    /// Qualifying units now minus a year ago.
    NetCount,
    /// The measure now minus a year ago, in whole units.
    GrowthUnits,
    /// Qualifying units now.
    Count,
    /// The growth of the measure over a year, in whole percents.
    GrowthPercent,
}

/// A sentence over people: holders of any one of the certifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    /// The step's number within its metric, from 1.
    pub step: i64,
    /// The certification codes that count.
    pub certifications: Vec<String>,
    /// What the step does.
    pub role: StepRole,
}

/// What a step of a skilling metric does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepRole {
    /// Unlocks the last step when enough people hold it, and earns its points once.
    Prerequisite {
        /// People needed.
        people_needed: i64,
    },
    /// Earns points for each person once all prerequisites are met.
    Last,
}

impl Customers {
    /// Whether months between R−12 and R are looked at: those in which an association began.
    pub fn reads_association(&self) -> bool {
        self.since_association || self.associated_above.is_some()
    }
}
