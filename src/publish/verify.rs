//! Reads a staged file back with another library and holds it against the contract: columns,
//! types, encodings, nulls, order and uniqueness of keys, rows and sums.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, DynComparator, RecordBatch, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use arrow::util::display::array_value_to_string;
use polars::prelude::{DataFrame, DataType as FrameType};

use super::table_file::stored_type;
use crate::engine::bug;
use crate::error::{Code, Error, Result};
use crate::parquet::{Footer, visit_batches};
use crate::store;
use crate::tables::{Column, ColumnType, Table};

/// Encodings that every BI reader knows.
const ENCODINGS: [&str; 4] = ["PLAIN", "PLAIN_DICTIONARY", "RLE", "RLE_DICTIONARY"];

/// What a file must hold: rows, and the sum of each numeric column (booleans count as ones).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expected {
    rows: usize,
    sums: BTreeMap<String, i128>,
}

impl Expected {
    /// Of no rows.
    pub(super) fn none(table: &Table) -> Self {
        let is_summed =
            |column: &&Column| !matches!(column.kind, ColumnType::Text | ColumnType::Date);
        let summed = table.columns.iter().filter(is_summed);
        Self { rows: 0, sums: summed.map(|column| (column.name.to_owned(), 0)).collect() }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds the rows and sums of a frame.
    ///
    /// # Errors
    /// CS9001 when the frame does not have the table's columns.
    pub(super) fn add(&mut self, frame: &DataFrame, table: &Table) -> Result<()> {
        for column in table.columns {
            let values = frame.column(column.name).map_err(bug)?;
            let sum: i128 = match values.dtype() {
                FrameType::Int64 => {
                    let values = values.i64().map_err(bug)?;
                    values.iter().flatten().map(i128::from).sum()
                }
                FrameType::Boolean => {
                    let values = values.bool().map_err(bug)?;
                    values.iter().flatten().map(i128::from).sum()
                }
                FrameType::Decimal(_, _) => {
                    let values = values.decimal().map_err(bug)?;
                    values.physical().iter().flatten().sum()
                }
                _ => continue,
            };
            *self.sums.entry(column.name.to_owned()).or_default() += sum;
        }
        self.rows += frame.height();
        Ok(())
    }
}

/// Verifies a file.
///
/// # Errors
/// CS6002 with the table and what is wrong; CS2001, CS6005.
pub(super) fn verify(path: &Path, table: &Table, expected: &Expected) -> Result<()> {
    let wrong = |what: String| {
        Error::new(Code::VerifyFailed, format!("the written table {}: {what}", table.name))
            .hint("nothing was published; please report this")
    };
    let footer = Footer::read(store::open_file(path)?, table.name)?;
    let columns: Vec<String> = footer.columns().into_iter().map(|column| column.name).collect();
    if !columns.iter().map(String::as_str).eq(table.columns.iter().map(|column| column.name)) {
        return Err(wrong(format!("its columns are {}", columns.join(", "))));
    }
    let (encodings, compressions) = footer.encodings();
    if let Some(other) = encodings.iter().find(|encoding| !ENCODINGS.contains(&encoding.as_str())) {
        return Err(wrong(format!("it uses the encoding {other}")));
    }
    if compressions.iter().any(|compression| compression != "ZSTD") {
        return Err(wrong(format!("it uses the compressions {compressions:?}")));
    }
    if usize::try_from(footer.largest_row_group()).unwrap_or(usize::MAX) > table.row_group_rows {
        return Err(wrong(format!("a row group has {} rows", footer.largest_row_group())));
    }
    let mut found =
        Expected { rows: 0, sums: expected.sums.keys().map(|name| (name.clone(), 0)).collect() };
    let mut last_key = None;
    visit_batches(store::open_file(path)?, table.name, &mut |batch| {
        found.rows += batch.num_rows();
        for (column, values) in table.columns.iter().zip(batch.columns()) {
            check_column(column, values).map_err(&wrong)?;
            if let Some(sum) = found.sums.get_mut(column.name) {
                *sum += sum_of(values);
            }
        }
        check_keys(table, batch, &mut last_key).map_err(&wrong)
    })?;
    if found != *expected {
        let differs = expected
            .sums
            .iter()
            .find(|(name, sum)| found.sums.get(*name) != Some(sum))
            .map_or_else(|| "its rows".to_owned(), |(name, _)| format!("the sum of {name}"));
        return Err(wrong(format!("{differs} differ from what was scored")));
    }
    Ok(())
}

fn check_column(column: &Column, values: &ArrayRef) -> std::result::Result<(), String> {
    let found = values.data_type();
    let is_text = column.kind == ColumnType::Text && *found == DataType::Utf8;
    let fits = is_text || *found == stored_type(column.kind);
    if !fits {
        return Err(format!(
            "{} is {}, not {}",
            column.name,
            values.data_type(),
            column.kind.sql()
        ));
    }
    if !column.is_nullable && values.null_count() > 0 {
        return Err(format!("{} has nulls", column.name));
    }
    Ok(())
}

fn sum_of(values: &ArrayRef) -> i128 {
    match values.data_type() {
        DataType::Int64 => {
            values.as_primitive::<Int64Type>().iter().flatten().map(i128::from).sum()
        }
        DataType::Boolean => values.as_boolean().iter().flatten().map(i128::from).sum(),
        DataType::Decimal128(_, _) => {
            values.as_primitive::<Decimal128Type>().iter().flatten().sum()
        }
        _ => 0,
    }
}

/// Keys ascend, texts bytewise, so they are unique and sorted; `last` is the row before the batch.
fn check_keys(
    table: &Table,
    batch: &RecordBatch,
    last: &mut Option<RecordBatch>,
) -> std::result::Result<(), String> {
    if table.key.is_empty() || batch.num_rows() == 0 {
        return Ok(());
    }
    if let Some(last) = last.replace(batch.slice(batch.num_rows() - 1, 1)) {
        let is_before = ascends(table, &last, batch)?;
        if !is_before(0, 0) {
            return Err(misplaced(table, batch, 0));
        }
    }
    let is_before = ascends(table, batch, batch)?;
    match (1..batch.num_rows()).find(|row| !is_before(row - 1, *row)) {
        Some(row) => Err(misplaced(table, batch, row)),
        None => Ok(()),
    }
}

/// Whether the key of a row of one batch is less than that of a row of another.
fn ascends(
    table: &Table,
    left: &RecordBatch,
    right: &RecordBatch,
) -> std::result::Result<impl Fn(usize, usize) -> bool, String> {
    let column = |batch: &RecordBatch, name: &str| {
        batch.column_by_name(name).cloned().ok_or_else(|| format!("it has no column {name}"))
    };
    let mut compared: Vec<DynComparator> = Vec::new();
    for name in table.key {
        let (left, right) = (column(left, name)?, column(right, name)?);
        let of_column = make_comparator(&left, &right, SortOptions::default());
        compared.push(of_column.map_err(|error| error.to_string())?);
    }
    Ok(move |left, right| {
        let mut orders = compared.iter().map(|of_column| of_column(left, right));
        orders.find(|order| order.is_ne()) == Some(Ordering::Less)
    })
}

fn misplaced(table: &Table, batch: &RecordBatch, row: usize) -> String {
    let columns = table.key.iter().filter_map(|name| batch.column_by_name(name));
    let shown = columns.map(|column| array_value_to_string(column, row).unwrap_or_default());
    let shown = shown.collect::<Vec<_>>().join(" / ");
    format!("the key {shown} is out of order or there twice")
}
