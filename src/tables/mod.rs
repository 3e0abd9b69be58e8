//! The published contract as code: every table, column, type, key and meaning. Frames are shaped,
//! files are verified, and the data dictionary and schema pages are made from this module alone.

mod column;
mod dimension;
mod fact;
mod history;
mod rows;
mod run;
mod text_column;

pub use dimension::{DIM_CUSTOMER, DIM_PARTNER, DIM_RULE};
pub use fact::{
    FACT_ACR_TTM, FACT_AREA_SCORE, FACT_CUSTOMER_EVIDENCE, FACT_IMPLEMENTATION, FACT_METRIC_PART,
    FACT_METRIC_SCORE, FACT_SKILLING_EVIDENCE,
};
pub use history::{FACT_CHANGE, FACT_MONTH_SCORE, FACT_QUALIFICATION_WINDOW};
pub use rows::Rows;
pub use run::{CHECK_RESULT, DATA_DICTIONARY, QUARANTINE};

/// The version of the contract that these tables follow.
pub const CONTRACT_VERSION: &str = "1";

/// The dataset whose segments of customers win over those of usage rows.
pub const SEGMENT_DATASET: &str = "customers";
/// The datasets that tell which reseller a customer of a distributor bought from.
pub const RESELLER_DATASETS: [&str; 2] = ["reseller_performance", "subscriptions"];
/// The datasets that no score reads: they are compared with those that scores read.
pub const COMPARED_DATASETS: [&str; 3] = ["cost_management", "daily_usage", "skilling_download"];

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
/// The number of a step of skilling, by the id of its part; none for a part that is the only step.
pub fn step_of(part: &str) -> Option<i64> {
    part.strip_prefix("step")?.parse().ok()
}

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

/// A table by name; also the one that no run publishes.
pub fn table(name: &str) -> Option<&'static Table> {
    ALL.iter().copied().chain([&FACT_CHANGE]).find(|table| table.name == name)
}

/// Every table of a run.
pub const ALL: &[&Table] = &[
    &FACT_AREA_SCORE,
    &FACT_METRIC_SCORE,
    &FACT_METRIC_PART,
    &FACT_CUSTOMER_EVIDENCE,
    &FACT_SKILLING_EVIDENCE,
    &FACT_ACR_TTM,
    &FACT_IMPLEMENTATION,
    &FACT_MONTH_SCORE,
    &FACT_QUALIFICATION_WINDOW,
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
