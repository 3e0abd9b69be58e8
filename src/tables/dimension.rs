//! The dimension tables: what describes all live facts and rules.

use super::ColumnType::{Amount, Boolean, Date, Text};
use super::column::{AREA, METRIC, MONTH_ROWS, PART, PARTNER, PATH, RULESET, VALUE_UNIT, col, opt};
use super::{Layout, Table};

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
