//! The tables of a run, and the data dictionary.

use super::ColumnType::{Amount, Boolean, Int64, Text};
use super::column::{MONTH_ROWS, col, opt};
use super::{Layout, Table};

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
