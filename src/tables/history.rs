//! The tables about more months than the scored one: the score of six months, and the window in
//! which a qualifying month counts.

use super::ColumnType::{Amount, Boolean, Date, Int64, Text};
use super::column::{
    AREA, AS_OF, MONTH_ROWS, PARTNER, PATH, POINTS, POINTS_X8400, RULESET, col, opt,
};
use super::{Layout, Table};

/// Scores of R and the five months before it.
pub const FACT_MONTH_SCORE: Table = Table {
    name: "fact_month_score",
    layout: Layout::Month,
    row_group_rows: MONTH_ROWS,
    key: &["as_of_month", "partner_id", "area", "path", "score_month"],
    meaning: "the score of one month by the rules and facts of that month, R and five before it",
    columns: &[
        AS_OF,
        PARTNER,
        AREA,
        PATH,
        col("score_month", Date, "month", "the month that is scored"),
        POINTS,
        POINTS_X8400,
        col("is_qualified", Boolean, "", "whether the partner qualified by this path"),
        col("is_selected", Boolean, "", "whether this path was the one that counted"),
        RULESET,
        opt("coverage", Text, "", "how far to trust the points of that month"),
    ],
};

/// Why scores changed between two months, as `capscore diff` tells it; no run publishes it.
pub const FACT_CHANGE: Table = Table {
    name: "fact_change",
    layout: Layout::Whole,
    row_group_rows: MONTH_ROWS,
    key: &["as_of_month", "from_month", "partner_id", "area", "metric", "part", "cause"],
    meaning: "points that a partner gained or lost in an area for one cause; they add to the change",
    columns: &[
        AS_OF,
        col("from_month", Date, "month", "the month that R is compared with"),
        PARTNER,
        AREA,
        col("path", Text, "", "the path that counts at R"),
        col("metric", Text, "", "the metric, blank where the cause concerns the area"),
        col("part", Text, "", "the part, blank where the cause concerns the metric"),
        col(
            "cause",
            Text,
            "",
            "customers_gained, customers_lost, usage_changed, baseline_grew, baseline_shrank, \
             services_gained, services_lost, people_gained, people_lost, path_changed, \
             rules_changed, data_restated, coverage_changed, minimum_or_rounding, partner_new, \
             partner_gone",
        ),
        POINTS,
        POINTS_X8400,
        opt("unit_count", Int64, "", "how many customers, services or people it is about"),
    ],
};

/// The qualification window per partner and area.
pub const FACT_QUALIFICATION_WINDOW: Table = Table {
    name: "fact_qualification_window",
    layout: Layout::Month,
    row_group_rows: MONTH_ROWS,
    key: &["as_of_month", "partner_id", "area"],
    meaning: "from when until when a qualifying month counts for one partner and area",
    columns: &[
        AS_OF,
        PARTNER,
        AREA,
        col("window_start_date", Date, "day", "first day of the window"),
        col("window_end_date", Date, "day", "last day of the window"),
        col("months_scored", Int64, "months", "scored months whose last day lies in the window"),
        opt("best_month", Date, "month", "the first of them with the most points"),
        opt("best_points", Amount, "points", "the points of that month by its selected path"),
        opt("best_points_x8400", Int64, "1/8400 point", "the same, exact"),
        opt("first_qualified_month", Date, "month", "the first of them that qualified"),
        opt("last_qualified_month", Date, "month", "the last of them that qualified"),
        col("is_window_qualified", Boolean, "", "whether one of them qualified"),
        col("days_left", Int64, "days", "days from the last day of R to the end of the window"),
        col("status", Text, "", "in_progress, qualified, enrolled or renewal_due"),
        opt(
            "enrolment_track",
            Text,
            "",
            "the path that an enrolled partner keeps until its next renewal, where an area has that",
        ),
        opt("best_coverage", Text, "", "how far to trust the points of the best month"),
    ],
};
