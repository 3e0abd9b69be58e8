//! The published contract as code: every table, column, type, key and meaning. Frames are shaped,
//! files are verified, and the data dictionary and schema pages are made from this module alone.

mod rows;

pub use rows::Rows;

/// The version of the contract that these tables follow.
pub const CONTRACT_VERSION: &str = "1";

/// Paths, in order.
pub const PATHS: [&str; 3] = ["enterprise", "smb", "single"];
/// Metrics, in order.
pub const METRICS: [&str; 5] = [
    "net_customer_adds",
    "intermediate_certifications",
    "advanced_certifications",
    "usage_growth",
    "deployments",
];
/// Units of metric values.
pub const VALUE_UNITS: [&str; 8] =
    ["tenants", "tenant_workloads", "services", "people", "percent", "usd", "users", "mixed"];
/// Dataset ids.
pub const DATASETS: [&str; 15] = [
    "azure_usage",
    "cpor_m365",
    "office_usage",
    "ems_usage",
    "trainings",
    "customers",
    "profile",
    "subscriptions",
    "reseller_performance",
    "bizapps_revenue",
    "bizapps_usage",
    "daily_usage",
    "cost_management",
    "skilling_download",
    "enrolments",
];

/// The type of a published column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    Text,
    /// 64-bit signed integer.
    Int64,
    /// True or false.
    Boolean,
    /// A day; months are their first day.
    Date,
    /// `DECIMAL(19,4)`: money, points, values.
    Amount,
    /// `DECIMAL(19,6)`: ratios.
    Ratio,
}

impl ColumnType {
    /// The type as it is written in SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Text => "VARCHAR",
            Self::Int64 => "BIGINT",
            Self::Boolean => "BOOLEAN",
            Self::Date => "DATE",
            Self::Amount => "DECIMAL(19,4)",
            Self::Ratio => "DECIMAL(19,6)",
        }
    }

    /// Precision and scale of a decimal type.
    pub fn decimal(self) -> Option<(usize, usize)> {
        match self {
            Self::Amount => Some((19, 4)),
            Self::Ratio => Some((19, 6)),
            _ => None,
        }
    }
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
    /// Whether it may be null.
    pub is_nullable: bool,
    /// Its unit, or `''`.
    pub unit: &'static str,
    /// What it says.
    pub meaning: &'static str,
}

/// Where the files of a table stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `<table>/<YYYY-MM>.parquet`: one file a scored month.
    Month,
    /// `<table>.parquet`: one file.
    Whole,
    /// `_runs/<run_id>/<table>.parquet`: one file a run.
    Run,
}

/// One table.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Where its files stand.
    pub layout: Layout,
    /// The most rows of one row group.
    pub row_group_rows: usize,
    /// The columns that identify a row, in sort order; empty where rows have no key.
    pub key: &'static [&'static str],
    /// The columns.
    pub columns: &'static [Column],
    /// What a row is.
    pub meaning: &'static str,
}

impl Table {
    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The file of this table, relative to the output.
    pub fn path(&self, month: &str, run_id: &str) -> String {
        match self.layout {
            Layout::Month => format!("{}/{month}.parquet", self.name),
            Layout::Whole => format!("{}.parquet", self.name),
            Layout::Run => format!("_runs/{run_id}/{}.parquet", self.name),
        }
    }
}

/// A table by name.
pub fn table(name: &str) -> Option<&'static Table> {
    ALL.iter().copied().find(|table| table.name == name)
}

const fn col(
    name: &'static str,
    kind: ColumnType,
    unit: &'static str,
    meaning: &'static str,
) -> Column {
    Column { name, kind, is_nullable: false, unit, meaning }
}

const fn opt(
    name: &'static str,
    kind: ColumnType,
    unit: &'static str,
    meaning: &'static str,
) -> Column {
    Column { name, kind, is_nullable: true, unit, meaning }
}

use ColumnType::{Amount, Boolean, Date, Int64, Ratio, Text};

const AS_OF: Column = col(
    "as_of_month",
    Date,
    "month",
    "the reference month R: the last month that the score looks at",
);
const PARTNER: Column = col("partner_id", Text, "", "the partner global account");
const AREA: Column = col("area", Text, "", "the Solutions Partner area");
const PATH: Column = col("path", Text, "", "the path that the row is scored by");
const METRIC: Column = col("metric", Text, "", "the metric of the area");
const PART: Column = col("part", Text, "", "the part of the metric");
const POINTS: Column = col("points", Amount, "points", "points for people, rounded half-up");
const POINTS_X8400: Column = col("points_x8400", Int64, "1/8400 point", "exact points");
const COVERAGE: Column = col("coverage", Text, "", "complete, lower_bound or not_computable");
const MISSING: Column =
    col("missing_inputs", Text, "", "datasets that would make the row complete");
const VALUE_UNIT: Column = col("value_unit", Text, "", "the unit of the values");
const CURRENT: Column =
    opt("current_value", Amount, "value_unit", "the value of the current window");
const BASELINE: Column =
    opt("baseline_value", Amount, "value_unit", "the value of the same window a year earlier");
const CHANGE: Column = opt("change_value", Amount, "value_unit", "current minus baseline");
const RULESET: Column = col("ruleset_id", Text, "", "the rule version that this area used");

const MONTH_ROWS: usize = 1_048_576;

/// Scores per partner, area and path.
pub const FACT_AREA_SCORE: Table = Table {
    name: "fact_area_score",
    layout: Layout::Month,
    row_group_rows: MONTH_ROWS,
    key: &["as_of_month", "partner_id", "area", "path"],
    meaning: "the score of one partner in one area by one path",
    columns: &[
        AS_OF,
        PARTNER,
        AREA,
        PATH,
        POINTS,
        POINTS_X8400,
        col("max_points", Amount, "points", "the most points of the area"),
        col(
            "is_selected",
            Boolean,
            "",
            "whether this path is the one that counts; exactly one per partner and area",
        ),
        col("selection_reason", Text, "", "why the selected path was selected"),
        col("is_floor_met", Boolean, "", "whether every metric earned more than zero"),
        col(
            "is_qualified",
            Boolean,
            "",
            "whether the partner qualifies by this path: points at the line and the floor met",
        ),
        col("has_incentive_points", Boolean, "", "whether the points reach the incentive line"),
        col(
            "points_to_qualify",
            Amount,
            "points",
            "points that are missing to the line, 0 when it is reached",
        ),
        col("blocking_metrics", Text, "", "metrics that earned nothing"),
        COVERAGE,
        MISSING,
        col(
            "is_provisional",
            Boolean,
            "",
            "whether a monthly dataset that fed R was delivered before the 20th of the next month",
        ),
        RULESET,
        col("run_id", Text, "", "the run that made the row"),
        col(
            "flags",
            Text,
            "",
            "borderline_rounding, path_conflict, mixed_sources, rows_quarantined",
        ),
    ],
};

/// Scores per metric.
pub const FACT_METRIC_SCORE: Table = Table {
    name: "fact_metric_score",
    layout: Layout::Month,
    row_group_rows: MONTH_ROWS,
    key: &["as_of_month", "partner_id", "area", "path", "metric"],
    meaning: "the points of one metric",
    columns: &[
        AS_OF,
        PARTNER,
        AREA,
        PATH,
        METRIC,
        POINTS,
        POINTS_X8400,
        col("max_points", Amount, "points", "the most points of the metric"),
        col("uncapped_points_x8400", Int64, "1/8400 point", "points before the cap at the maximum"),
        VALUE_UNIT,
        CURRENT,
        BASELINE,
        CHANGE,
        opt(
            "units_to_next_point",
            Amount,
            "value_unit",
            "the least that is missing to more points",
        ),
        COVERAGE,
        MISSING,
        col(
            "flags",
            Text,
            "",
            "no_baseline, below_minimum, metric_below_one_point, disputed_baseline, association_start_unknown, expiry_unknown, mixed_sources",
        ),
        opt(
            "alternative_points_x8400",
            Int64,
            "1/8400 point",
            "points by the other reading of net adds",
        ),
    ],
};

/// Scores per part of a metric.
pub const FACT_METRIC_PART: Table = Table {
    name: "fact_metric_part",
    layout: Layout::Month,
    row_group_rows: MONTH_ROWS,
    key: &["as_of_month", "partner_id", "area", "path", "metric", "part"],
    meaning: "the points of one part of a metric",
    columns: &[
        AS_OF,
        PARTNER,
        AREA,
        PATH,
        METRIC,
        PART,
        VALUE_UNIT,
        CURRENT,
        BASELINE,
        CHANGE,
        col("unit_size", Amount, "value_unit", "what one increment is"),
        col("increments", Int64, "", "whole units that earn points"),
        opt("remainder", Amount, "value_unit", "what is left above the last increment"),
        POINTS,
        POINTS_X8400,
        col(
            "is_used",
            Boolean,
            "",
            "whether the part feeds the metric (false for the losing one of a best-of)",
        ),
        COVERAGE,
        MISSING,
        col("evidence_key", Text, "", "joins fact_customer_evidence; '' for skilling"),
    ],
};

/// Which customer counted and why, both sides.
pub const FACT_CUSTOMER_EVIDENCE: Table = Table {
    name: "fact_customer_evidence",
    layout: Layout::Month,
    row_group_rows: 262_144,
    key: &["as_of_month", "partner_id", "evidence_key", "tenant_id", "workload"],
    meaning: "one customer (and workload) of one part, with both sides",
    columns: &[
        AS_OF,
        PARTNER,
        col("evidence_key", Text, "", "joins fact_metric_part"),
        col("tenant_id", Text, "", "the customer tenant, '' where the part counts services"),
        col("workload", Text, "", "the workload or service, '' where the part is not about one"),
        opt("current_acr_usd", Amount, "USD", "Azure consumed revenue in the current window"),
        opt("baseline_acr_usd", Amount, "USD", "Azure consumed revenue in the baseline window"),
        opt("current_revenue_usd", Amount, "USD", "revenue in the current window"),
        opt("baseline_revenue_usd", Amount, "USD", "revenue in the baseline window"),
        opt("current_paid_seats", Int64, "seats", "paid seats now"),
        opt("baseline_paid_seats", Int64, "seats", "paid seats a year ago"),
        opt("current_active_users", Int64, "users", "active users now"),
        opt("baseline_active_users", Int64, "users", "active users a year ago"),
        opt("current_active_ratio", Ratio, "", "active users per paid seat now"),
        opt("baseline_active_ratio", Ratio, "", "active users per paid seat a year ago"),
        opt("current_consumption_value", Amount, "", "monthly consumption value now"),
        opt("baseline_consumption_value", Amount, "", "monthly consumption value a year ago"),
        col("is_counted_current", Boolean, "", "whether the row counts now"),
        col("is_counted_baseline", Boolean, "", "whether the row counted a year ago"),
        col("reason_current", Text, "", "why it counts now or not"),
        col("reason_baseline", Text, "", "why it counted a year ago or not"),
        col("contribution", Amount, "value_unit", "what the row adds to the part's change"),
        opt("current_from_month", Date, "month", "first month of the current window"),
        opt("current_to_month", Date, "month", "last month of the current window"),
        opt("baseline_from_month", Date, "month", "first month of the baseline window"),
        opt("baseline_to_month", Date, "month", "last month of the baseline window"),
    ],
};

/// Which credential counted and why.
pub const FACT_SKILLING_EVIDENCE: Table = Table {
    name: "fact_skilling_evidence",
    layout: Layout::Month,
    row_group_rows: MONTH_ROWS,
    key: &[
        "as_of_month",
        "partner_id",
        "area",
        "path",
        "metric",
        "step",
        "person_key",
        "certification",
    ],
    meaning: "one credential of one person in one step",
    columns: &[
        AS_OF,
        PARTNER,
        AREA,
        PATH,
        METRIC,
        col("step", Int64, "", "the step of the metric, from 1"),
        col("person_key", Text, "", "keyed hash of the person, never a name or address"),
        col("certification", Text, "", "the certification's code"),
        col("earned_on", Date, "day", "the day it was earned"),
        opt("expires_on", Date, "day", "the last day before it expires, null when it does not"),
        opt("counts_until", Date, "day", "the last day it can count, null when there is none"),
        col("is_counted", Boolean, "", "whether it counts"),
        col(
            "reason",
            Text,
            "",
            "counted, expired, retired, prerequisite_missing or already_counted",
        ),
    ],
};

/// Trailing-twelve-month Azure consumed revenue per tenant.
pub const FACT_ACR_TTM: Table = Table {
    name: "fact_acr_ttm",
    layout: Layout::Month,
    row_group_rows: MONTH_ROWS,
    key: &["as_of_month", "partner_id", "tenant_id", "scope"],
    meaning: "Azure consumed revenue of one tenant in one scope",
    columns: &[
        AS_OF,
        PARTNER,
        col("tenant_id", Text, "", "the customer tenant"),
        col("scope", Text, "", "all, or a scope that a rule pack declares"),
        col("ttm_usd", Amount, "USD", "R-11 to R"),
        col("prior_ttm_usd", Amount, "USD", "R-23 to R-12"),
        col("last_month_usd", Amount, "USD", "R"),
        col("same_month_last_year_usd", Amount, "USD", "R-12"),
        col("months_with_usage", Int64, "months", "months of R-11 to R with an amount"),
        col("attributions", Text, "", "attributions seen in R-11 to R"),
    ],
};

/// Microsoft 365 implementations.
pub const FACT_IMPLEMENTATION: Table = Table {
    name: "fact_implementation",
    layout: Layout::Month,
    row_group_rows: MONTH_ROWS,
    key: &["as_of_month", "partner_id", "area", "path", "tenant_id", "workload"],
    meaning: "one Microsoft 365 workload of one tenant against the seat and activity rules",
    columns: &[
        AS_OF,
        PARTNER,
        AREA,
        PATH,
        col("tenant_id", Text, "", "the customer tenant"),
        col("workload", Text, "", "the workload"),
        col("paid_seats", Int64, "seats", "paid seats in R"),
        col("active_users", Int64, "users", "active users in R"),
        opt("active_ratio", Ratio, "", "active users per paid seat"),
        col("seat_minimum", Int64, "seats", "least paid seats"),
        opt("seat_maximum", Int64, "seats", "most paid seats, null without a limit"),
        col("active_ratio_required", Ratio, "", "least share of active users"),
        col("is_seat_eligible", Boolean, "", "whether the paid seats are in the band"),
        col("is_active_eligible", Boolean, "", "whether enough users are active"),
        col("is_eligible", Boolean, "", "whether both hold"),
        col("seats_short", Int64, "seats", "paid seats missing to the minimum"),
        col("active_users_short", Int64, "users", "active users missing to the share"),
    ],
};

/// Partners.
pub const DIM_PARTNER: Table = Table {
    name: "dim_partner",
    layout: Layout::Whole,
    row_group_rows: MONTH_ROWS,
    key: &["partner_id"],
    meaning: "one partner global account",
    columns: &[
        PARTNER,
        opt("partner_name", Text, "", "the account's name"),
        opt("country", Text, "", "the account's country"),
        col(
            "account_kind",
            Text,
            "",
            "exporter, or reseller when known only through a distributor",
        ),
        col("location_ids", Text, "", "locations seen"),
        opt("first_month", Date, "month", "first month with data"),
        opt("last_month", Date, "month", "last month with data"),
    ],
};

/// Customers.
pub const DIM_CUSTOMER: Table = Table {
    name: "dim_customer",
    layout: Layout::Whole,
    row_group_rows: MONTH_ROWS,
    key: &["tenant_id"],
    meaning: "one customer tenant",
    columns: &[
        col("tenant_id", Text, "", "the customer tenant"),
        opt("customer_name", Text, "", "the customer's name, null when names are dropped"),
        opt("segment", Text, "", "the segment as delivered"),
        col("is_smb_side", Boolean, "", "whether the segment is on the small-business side"),
        opt("country", Text, "", "the customer's country"),
        opt("industry", Text, "", "the customer's industry"),
    ],
};

/// The rules that were used.
pub const DIM_RULE: Table = Table {
    name: "dim_rule",
    layout: Layout::Whole,
    row_group_rows: MONTH_ROWS,
    key: &["ruleset_id", "area", "path", "metric", "part"],
    meaning: "one part of one rule version",
    columns: &[
        RULESET,
        AREA,
        PATH,
        METRIC,
        PART,
        col("max_points", Amount, "points", "the most points of the metric"),
        VALUE_UNIT,
        col("unit_size", Amount, "value_unit", "what one increment is"),
        opt(
            "units_for_max",
            Amount,
            "value_unit",
            "increments that earn the maximum by this part alone",
        ),
        col("threshold_text", Text, "", "what qualifies"),
        col("window_text", Text, "", "which months are measured"),
        col("associations", Text, "", "attributions that count"),
        col("source_url", Text, "", "the page that states the rule"),
        col("effective_from", Date, "day", "first day in force"),
        opt("effective_to", Date, "day", "last day in force"),
        col("is_date_assumed", Boolean, "", "whether the first day is an assumption"),
    ],
};

/// Rejected records.
pub const QUARANTINE: Table = Table {
    name: "quarantine",
    layout: Layout::Run,
    row_group_rows: MONTH_ROWS,
    key: &["source_file", "record"],
    meaning: "one rejected record of a file that feeds the month",
    columns: &[
        col("source_file", Text, "", "the file"),
        col("record", Int64, "", "1 is the first record after the header"),
        col("line", Int64, "", "the line where the record starts, 1 is the first of the file"),
        col("dataset", Text, "", "the dataset"),
        col("column", Text, "", "the column that was not accepted, '' for the whole record"),
        col("reason", Text, "", "a stable reason code"),
        opt("raw_value", Text, "", "the first 200 bytes; never of a person column"),
    ],
};

/// Results of checks.
pub const CHECK_RESULT: Table = Table {
    name: "check_result",
    layout: Layout::Run,
    row_group_rows: MONTH_ROWS,
    key: &["check_id", "message"],
    meaning: "the result of one check",
    columns: &[
        col("check_id", Text, "", "the check"),
        col("severity", Text, "", "warn or error"),
        opt("observed", Amount, "", "what was observed"),
        opt("threshold", Amount, "", "the limit"),
        col("is_failed", Boolean, "", "whether the check failed"),
        col("message", Text, "", "one sentence"),
    ],
};

/// This dictionary.
pub const DATA_DICTIONARY: Table = Table {
    name: "_data_dictionary",
    layout: Layout::Whole,
    row_group_rows: MONTH_ROWS,
    key: &["table", "column"],
    meaning: "one column of one table",
    columns: &[
        col("table", Text, "", "the table"),
        col("column", Text, "", "the column"),
        col("type", Text, "", "the SQL type"),
        col("unit", Text, "", "the unit"),
        col("meaning", Text, "", "what the column says"),
    ],
};

/// Every table.
pub const ALL: &[&Table] = &[
    &FACT_AREA_SCORE,
    &FACT_METRIC_SCORE,
    &FACT_METRIC_PART,
    &FACT_CUSTOMER_EVIDENCE,
    &FACT_SKILLING_EVIDENCE,
    &FACT_ACR_TTM,
    &FACT_IMPLEMENTATION,
    &DIM_PARTNER,
    &DIM_CUSTOMER,
    &DIM_RULE,
    &QUARANTINE,
    &CHECK_RESULT,
    &DATA_DICTIONARY,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_columns_and_names_are_unique() {
        for table in ALL {
            for key in table.key {
                assert!(table.column(key).is_some(), "{}.{key}", table.name);
            }
            let mut names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), table.columns.len(), "{}", table.name);
        }
    }
}
