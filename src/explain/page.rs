//! The page as data. Its JSON form is for programs, so that codes stay codes and nothing is cut;
//! the sentences for people stand beside them.

use serde::Serialize;

use super::amount::Amount;

/// Everything about one partner and month.
#[derive(Debug, Clone, Serialize)]
pub struct Page {
    /// The partner's id.
    pub partner_id: String,
    /// The partner's name, if known.
    pub partner_name: Option<String>,
    /// The scored month, `YYYY-MM`.
    pub month: String,
    /// The customer that the evidence is limited to, if any.
    pub tenant: Option<String>,
    /// The areas, in order.
    pub areas: Vec<AreaPage>,
}

/// One area, by its selected path.
#[derive(Debug, Clone, Serialize)]
pub struct AreaPage {
    /// The area.
    pub area: String,
    /// The rule version.
    pub ruleset_id: String,
    /// The selected path, which the metrics below are of.
    pub path: String,
    /// Why that path was selected.
    pub selection_reason: String,
    /// The most points.
    pub max_points: Amount,
    /// Whether the points reach the incentive line.
    pub has_incentive_points: bool,
    /// How complete the data is.
    pub coverage: String,
    /// Datasets that would make it complete.
    pub missing_inputs: Vec<String>,
    /// Whether data of the month may still change.
    pub is_provisional: bool,
    /// The run that made the scores.
    pub run_id: String,
    /// Flags of the area.
    pub flags: Vec<String>,
    /// All scored paths.
    pub paths: Vec<PathScore>,
    /// The metrics of the selected path.
    pub metrics: Vec<MetricPage>,
    /// Implementations that do not count yet, nearest first.
    pub near_implementations: Vec<Implementation>,
}

/// The total of one path.
#[derive(Debug, Clone, Serialize)]
pub struct PathScore {
    /// The path.
    pub path: String,
    /// Its points.
    pub points: Amount,
    /// Its exact points, in 1/8400.
    pub points_x8400: i64,
    /// Points missing to the line.
    pub points_to_qualify: Amount,
    /// Metrics that earn nothing.
    pub blocking_metrics: Vec<String>,
    /// Whether every metric earns something.
    pub is_floor_met: bool,
    /// Whether it qualifies.
    pub is_qualified: bool,
    /// Whether it is the one that counts.
    pub is_selected: bool,
}

/// One metric.
#[derive(Debug, Clone, Serialize)]
pub struct MetricPage {
    /// The metric.
    pub metric: String,
    /// Its points.
    pub points: Amount,
    /// Its exact points, in 1/8400.
    pub points_x8400: i64,
    /// The most points.
    pub max_points: Amount,
    /// The unit of its values.
    pub value_unit: String,
    /// The least that is missing to more points.
    pub units_to_next_point: Option<Amount>,
    /// The same for people.
    pub next_point: String,
    /// How complete the data is.
    pub coverage: String,
    /// Datasets that would make it complete.
    pub missing_inputs: Vec<String>,
    /// Flags of the metric.
    pub flags: Vec<String>,
    /// Points by the other reading of the rule, in 1/8400.
    pub alternative_points_x8400: Option<i64>,
    /// Its parts.
    pub parts: Vec<PartPage>,
    /// Credentials, for a skilling metric.
    pub people: Vec<Person>,
}

impl MetricPage {
    /// The most exact points, in 1/8400.
    pub fn max_x8400(&self) -> i64 {
        // Maxima are short decimals, so that this division leaves nothing.
        i64::try_from(self.max_points.0 * 8400 / 10_000).unwrap_or(i64::MAX)
    }
}

/// One part of a metric.
#[derive(Debug, Clone, Serialize)]
pub struct PartPage {
    /// The part.
    pub part: String,
    /// What it says, for people.
    pub sentence: String,
    /// The unit of its values.
    pub value_unit: String,
    /// The value now.
    pub current_value: Option<Amount>,
    /// The value a year ago.
    pub baseline_value: Option<Amount>,
    /// The difference.
    pub change_value: Option<Amount>,
    /// What one increment is.
    pub unit_size: Amount,
    /// Whole units.
    pub increments: i64,
    /// What is left above the last unit.
    pub remainder: Option<Amount>,
    /// Its points.
    pub points: Amount,
    /// Its exact points, in 1/8400.
    pub points_x8400: i64,
    /// Whether it feeds the metric.
    pub is_used: bool,
    /// How complete the data is.
    pub coverage: String,
    /// Datasets that would make it complete.
    pub missing_inputs: Vec<String>,
    /// What qualifies.
    pub threshold: String,
    /// Which months are measured.
    pub window: String,
    /// Attributions that count.
    pub associations: Vec<String>,
    /// Its customers, those that count first.
    pub customers: Vec<Customer>,
}

/// One customer (and workload) of a part.
#[derive(Debug, Clone, Serialize)]
pub struct Customer {
    /// The tenant, `''` where services are counted.
    pub tenant_id: String,
    /// Its name, if known.
    pub customer_name: Option<String>,
    /// The workload or service, or `''`.
    pub workload: String,
    /// The current window.
    pub current: Side,
    /// The window a year earlier.
    pub baseline: Side,
    /// What the row adds to the part's change.
    pub contribution: Amount,
}

/// One side of a customer.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Side {
    /// Azure consumed revenue.
    pub acr_usd: Option<Amount>,
    /// Revenue.
    pub revenue_usd: Option<Amount>,
    /// Monthly consumption value.
    pub consumption_value: Option<Amount>,
    /// Paid seats.
    pub paid_seats: Option<i64>,
    /// Active users.
    pub active_users: Option<i64>,
    /// First month of the window.
    pub from_month: Option<String>,
    /// Last month of the window.
    pub to_month: Option<String>,
    /// Whether it counts.
    pub is_counted: bool,
    /// Why, as a code; `''` on a side that the metric does not look at.
    pub reason: String,
}

impl Side {
    /// Whether the side has an eligible measure, counted or not.
    pub fn has_measure(&self) -> bool {
        !matches!(self.reason.as_str(), "" | "no_usage" | "not_associated")
    }
}

/// One credential of one person in one step.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    /// The step, from 1.
    pub step: i64,
    /// The keyed hash of the person.
    pub person_key: String,
    /// The certification.
    pub certification: String,
    /// The day it was earned.
    pub earned_on: Option<String>,
    /// The last day before it expires.
    pub expires_on: Option<String>,
    /// The last day it can count.
    pub counts_until: Option<String>,
    /// Whether it counts.
    pub is_counted: bool,
    /// Why, as a code.
    pub reason: String,
}

/// A workload of a tenant that does not count yet.
#[derive(Debug, Clone, Serialize)]
pub struct Implementation {
    /// The tenant.
    pub tenant_id: String,
    /// Its name, if known.
    pub customer_name: Option<String>,
    /// The workload.
    pub workload: String,
    /// Paid seats now.
    pub paid_seats: i64,
    /// Active users now.
    pub active_users: i64,
    /// Paid seats missing.
    pub seats_short: i64,
    /// Active users missing.
    pub active_users_short: i64,
}
