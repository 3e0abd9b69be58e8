//! The columns that several tables share, and how columns are written down.

use super::Column;
use super::ColumnType::{self, Amount, Date, Int64, Text};

pub(super) const AS_OF: Column = col(
    "as_of_month",
    Date,
    "month",
    "the reference month R: the last month that the score looks at",
);
pub(super) const PARTNER: Column = col("partner_id", Text, "", "the partner global account");
pub(super) const AREA: Column = col("area", Text, "", "the Solutions Partner area");
pub(super) const PATH: Column = col("path", Text, "", "the path that the row is scored by");
pub(super) const METRIC: Column = col("metric", Text, "", "the metric of the area");
pub(super) const PART: Column = col("part", Text, "", "the part of the metric");
pub(super) const POINTS: Column =
    col("points", Amount, "points", "points for people, rounded half-up");
pub(super) const POINTS_X8400: Column = col("points_x8400", Int64, "1/8400 point", "exact points");
pub(super) const COVERAGE: Column =
    col("coverage", Text, "", "complete, lower_bound or not_computable");
pub(super) const MISSING: Column =
    col("missing_inputs", Text, "", "datasets that would make the row complete");
pub(super) const VALUE_UNIT: Column = col("value_unit", Text, "", "the unit of the values");
pub(super) const CURRENT: Column =
    opt("current_value", Amount, "value_unit", "the value of the current window");
pub(super) const BASELINE: Column =
    opt("baseline_value", Amount, "value_unit", "the value of the same window a year earlier");
pub(super) const CHANGE: Column =
    opt("change_value", Amount, "value_unit", "current minus baseline");
pub(super) const RULESET: Column =
    col("ruleset_id", Text, "", "the rule version that this area used");

pub(super) const MONTH_ROWS: usize = 1_048_576;

pub(super) const fn col(
    name: &'static str,
    kind: ColumnType,
    unit: &'static str,
    meaning: &'static str,
) -> Column {
    Column { name, kind, is_nullable: false, unit, meaning }
}

pub(super) const fn opt(
    name: &'static str,
    kind: ColumnType,
    unit: &'static str,
    meaning: &'static str,
) -> Column {
    Column { name, kind, is_nullable: true, unit, meaning }
}
