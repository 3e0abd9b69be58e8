//! A rule pack as types: an area, its dated versions, their metrics, and the parts of a metric as
//! sentences in a small vocabulary (`docs/rule-packs.md`). The engine knows no area, certification,
//! service or workload by name: all of them come from here.

use std::collections::BTreeSet;

use super::catalog::letters;
use super::options::Options;
use super::sentence::{CustomerResult, Customers, Measure, Ratio, Sentence, Unit, Window};
use crate::calendar::Day;
use crate::ids::AttributionSet;
use crate::money::Money;
use crate::points::Points;

/// The rules of one area over time.
#[derive(Debug, Clone)]
pub struct Pack {
    /// The area's identifier in the tables.
    pub area: String,
    /// The area's name for people.
    pub title: String,
    /// The dated versions, oldest first.
    pub versions: Vec<Version>,
}

impl Pack {
    /// Whether a name in an export means the area: its identifier or title, by letters and digits.
    pub fn is_called(&self, name: &str) -> bool {
        let name = letters(name);
        letters(&self.area) == name || letters(&self.title) == name
    }
}

/// One dated version of an area's rules.
#[derive(Debug, Clone)]
pub struct Version {
    /// The area's identifier.
    pub area: String,
    /// The area's name for people.
    pub area_title: String,
    /// The ruleset id.
    pub id: String,
    /// First day in force.
    pub effective_from: Day,
    /// Last day in force, when a later version follows.
    pub effective_to: Option<Day>,
    /// Whether the first day is an assumption.
    pub is_date_assumed: bool,
    /// The page that states the rules.
    pub source_url: String,
    /// The paths that are scored, in order of preference at a tie.
    pub paths: Vec<String>,
    /// How one path is selected.
    pub selection: Selection,
    /// The total that qualifies.
    pub to_qualify: Points,
    /// What every metric must earn.
    pub floor: Floor,
    /// The chosen readings.
    pub options: Options,
    /// The total that earns incentives.
    pub incentive: Points,
    /// The trailing-twelve-month views that the version publishes beside the one of all services.
    pub scopes: Vec<Scope>,
    /// The metrics, in table order.
    pub metrics: Vec<Metric>,
    /// Hash of everything that the version says.
    pub hash: String,
}

/// How the selected path of a partner is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// There is only one path.
    Single,
    /// The qualifying path, else the one with the higher total, else the first.
    HigherTotal,
    /// The path that a test of the customer base assigns.
    Assigned(Assignment),
}

/// The path that a test of a partner's customers assigns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The path that is assigned when the test is passed.
    pub path: String,
    /// The path that is assigned otherwise.
    pub otherwise: String,
    /// The attributions that make a customer.
    pub associations: AttributionSet,
    /// What is tested.
    pub test: AssignmentTest,
    /// Whether an enrolled partner keeps the path of its enrolment: `path` if any of the six months
    /// was assigned it, else `otherwise`.
    pub has_enrolment_track: bool,
}

/// A test of a partner's customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssignmentTest {
    /// Enough customers are on the small-business side. Customers are tenants with eligible
    /// consumption above zero, one vote each; without any the test is failed.
    SmbShare {
        /// The share of customers on the small-business side.
        share: Ratio,
        /// Whether exactly that share is enough.
        is_share_enough: bool,
        /// The months in which a tenant with consumption is a customer.
        customers: Window,
        /// Consumption of the trailing twelve months must stay below this.
        ttm_below: Option<Money>,
    },
    /// Enough pairs of tenant and workload bring more than an amount in R and in R−12.
    Pairs {
        /// The pairs needed.
        needed: i64,
        /// The revenue that each must exceed.
        revenue_above: Money,
        /// The workloads that count.
        workloads: Vec<String>,
        /// Whether it is the same pairs that are counted in both months.
        is_same_in_both: bool,
    },
}

/// What every metric of a qualifying path must earn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// More than this.
    Above(Points),
    /// This or more.
    AtLeast(Points),
}

impl Floor {
    /// The limit itself.
    pub fn points(self) -> Points {
        match self {
            Self::Above(points) | Self::AtLeast(points) => points,
        }
    }

    /// Whether the points of a metric are enough.
    pub fn is_met_by(self, points: Points) -> bool {
        match self {
            Self::Above(limit) => points > limit,
            Self::AtLeast(limit) => points >= limit,
        }
    }
}

/// A published view of trailing-twelve-month consumption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The scope's identifier in the tables.
    pub id: String,
    /// The services that count; empty means all.
    pub services: Vec<String>,
    /// The attributions that count.
    pub associations: AttributionSet,
}

/// One metric of an area.
#[derive(Debug, Clone)]
pub struct Metric {
    /// The metric's identifier in the tables.
    pub id: String,
    /// The most points that it earns.
    pub max_points: Points,
    /// The unit of its values, `mixed` when its parts differ.
    pub value_unit: String,
    /// Which of its parts earn.
    pub pick: Pick,
    /// Its parts, in table order.
    pub parts: Vec<Part>,
}

/// Which parts of a metric earn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// All of them together.
    Sum,
    /// The one with the most points, the first at a tie.
    Best,
}

/// One part of a metric: a sentence and what a unit of its result earns.
#[derive(Debug, Clone)]
pub struct Part {
    /// The part's identifier in the tables.
    pub id: String,
    /// The paths that it belongs to.
    pub paths: Vec<String>,
    /// What is counted.
    pub sentence: Sentence,
    /// Points of one increment.
    pub points_per_unit: Points,
    /// The rounded figure that Partner Center prints for it.
    pub printed_points_per_unit: Points,
    /// What one increment is, in the part's unit (1 for counted parts).
    pub unit_size: Money,
    /// The datasets that can feed it.
    pub datasets: Vec<String>,
    /// The datasets without which it is a lower bound.
    pub needs: Vec<String>,
    /// The page that states the rule.
    pub source_url: String,
}

impl Version {
    /// The parts of one metric on one path, in table order.
    pub fn parts_of_metric<'a>(
        &'a self,
        path: &'a str,
        metric: &'a str,
    ) -> impl Iterator<Item = &'a Part> + 'a {
        self.parts_of(path).filter(move |(known, _)| known.id == metric).map(|(_, part)| part)
    }

    /// The metrics with the parts of one path.
    pub fn parts_of<'a>(
        &'a self,
        path: &'a str,
    ) -> impl Iterator<Item = (&'a Metric, &'a Part)> + 'a {
        self.metrics.iter().flat_map(move |metric| {
            metric
                .parts
                .iter()
                .filter(move |part| part.paths.iter().any(|known| known == path))
                .map(move |part| (metric, part))
        })
    }
}

impl Version {
    /// The sentences over customers.
    pub fn sentences(&self) -> impl Iterator<Item = &Customers> {
        self.metrics.iter().flat_map(|metric| &metric.parts).filter_map(|part| {
            match &part.sentence {
                Sentence::Customers(customers) => Some(customers.as_ref()),
                Sentence::People(_) => None,
            }
        })
    }

    /// Whether the path depends on the segments of customers.
    pub fn reads_segments(&self) -> bool {
        matches!(
            &self.selection,
            Selection::Assigned(Assignment { test: AssignmentTest::SmbShare { .. }, .. })
        )
    }

    /// The assignment that an enrolled partner keeps until its renewal, where the area has that.
    pub fn enrolment_track(&self) -> Option<&Assignment> {
        match &self.selection {
            Selection::Assigned(assignment) if assignment.has_enrolment_track => Some(assignment),
            _ => None,
        }
    }

    /// Which months of seats are read, counted back from R.
    pub fn seat_months(&self) -> BTreeSet<i32> {
        let mut months = BTreeSet::new();
        for sentence in self.sentences().filter(|sentence| sentence.measure.is_of_seats()) {
            let window = sentence.window.months();
            months.extend((0..window).chain(12..12 + window));
            if sentence.reads_association() {
                months.extend(0..=12);
            }
        }
        months
    }
}

impl Part {
    /// The unit of the part's values in the tables.
    pub fn value_unit(&self) -> &'static str {
        match &self.sentence {
            Sentence::People(_) => "people",
            Sentence::Customers(customers) => match (customers.result, customers.measure) {
                (CustomerResult::NetCount | CustomerResult::Count, _) => match customers.unit {
                    Unit::Tenant => "tenants",
                    Unit::TenantWorkload => "tenant_workloads",
                    Unit::Service => "services",
                },
                (CustomerResult::GrowthPercent, _) => "percent",
                (CustomerResult::GrowthUnits, Measure::Acr) => "usd",
                (CustomerResult::GrowthUnits, _) => "users",
            },
        }
    }

    /// The increments that earn the metric's maximum by this part alone, if a unit earns points.
    pub fn units_for_max(&self, max: Points) -> Option<i64> {
        let per_unit = self.points_per_unit.0;
        (per_unit > 0).then(|| max.0.div_euclid(per_unit) + i64::from(max.0 % per_unit != 0))
    }

    /// The services or workloads that count; empty means all, or that the part counts people.
    pub fn names(&self) -> &[String] {
        match &self.sentence {
            Sentence::Customers(customers) => &customers.names,
            Sentence::People(_) => &[],
        }
    }
}
