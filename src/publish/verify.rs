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
use crate::parquet::{Footer, visit_row_group};
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

/// What one row group of a file holds.
pub(super) struct RowGroup {
    found: Expected,
    /// Its first and its last row, of which each key is looked at.
    ends: Option<(RecordBatch, RecordBatch)>,
}

/// Verifies what the footer of a file says; the rows of each row group.
///
/// # Errors
/// CS6002 with the table and what is wrong; CS2001, CS6005.
pub(super) fn verify_footer(path: &Path, table: &Table) -> Result<Vec<u64>> {
    let wrong = |what: String| refused(table, &what);
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
    let mut groups = Vec::new();
    for rows in footer.row_groups() {
        if usize::try_from(rows).unwrap_or(usize::MAX) > table.row_group_rows {
            return Err(wrong(format!("a row group has {rows} rows")));
        }
        groups.push(u64::try_from(rows).unwrap_or_default());
    }
    Ok(groups)
}

/// Reads a row group of a file and verifies its columns and keys.
///
/// # Errors
/// CS6002 with the table and what is wrong; CS2001, CS6005.
pub(super) fn verify_row_group(path: &Path, table: &Table, row_group: usize) -> Result<RowGroup> {
    let wrong = |what: String| refused(table, &what);
    let (mut found, mut first, mut last) = (Expected::none(table), None, None);
    visit_row_group(store::open_file(path)?, table.name, row_group, &mut |batch| {
        found.rows += batch.num_rows();
        for (column, values) in table.columns.iter().zip(batch.columns()) {
            check_column(column, values).map_err(wrong)?;
            if let Some(sum) = found.sums.get_mut(column.name) {
                *sum += sum_of(values);
            }
        }
        if batch.num_rows() > 0 {
            first.get_or_insert_with(|| batch.slice(0, 1));
        }
        check_keys(table, batch, &mut last).map_err(wrong)
    })?;
    Ok(RowGroup { found, ends: first.zip(last) })
}

/// Verifies that the row groups of a file, in their order, are together what was written.
///
/// # Errors
/// CS6002 with the table and what is wrong.
pub(super) fn verify_whole(groups: &[RowGroup], table: &Table, expected: &Expected) -> Result<()> {
    let mut found = Expected::none(table);
    let mut last = None;
    for group in groups {
        found.rows += group.found.rows;
        for (name, sum) in &group.found.sums {
            *found.sums.entry(name.clone()).or_default() += sum;
        }
        if let Some((first_row, last_row)) = &group.ends {
            check_keys(table, first_row, &mut last).map_err(|what| refused(table, &what))?;
            last = Some(last_row.clone());
        }
    }
    if found != *expected {
        let differs = expected
            .sums
            .iter()
            .find(|(name, sum)| found.sums.get(*name) != Some(sum))
            .map_or_else(|| "its rows".to_owned(), |(name, _)| format!("the sum of {name}"));
        return Err(refused(table, &format!("{differs} differ from what was scored")));
    }
    Ok(())
}

fn refused(table: &Table, what: &str) -> Error {
    Error::new(Code::VerifyFailed, format!("the written table {}: {what}", table.name))
        .hint("the month was not published; please report this")
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

/// Keys ascend, texts bytewise, so they are unique and sorted; `last` is the row before the batch, and
/// then its last one.
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

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field, Schema};
    use polars::prelude::{Column as Values, DataType as FrameType};

    use super::*;
    use crate::engine::ParquetFile;
    use crate::parquet::schema_entry;
    use crate::publish::table_file::TableFile;
    use crate::tables::{CHECK_RESULT, DATA_DICTIONARY};

    /// One row a check.
    fn rows(checks: &[Option<&str>], is_failed: bool) -> DataFrame {
        let texts = |text: &'static str| vec![text; checks.len()];
        let amounts = Values::new("observed".into(), vec![1_i128; checks.len()]);
        let amounts = amounts.cast(&FrameType::Decimal(19, 4)).unwrap();
        let columns = vec![
            Values::new("check_id".into(), checks),
            Values::new("severity".into(), texts("warn")),
            amounts.clone(),
            amounts.with_name("threshold".into()),
            Values::new("is_failed".into(), vec![is_failed; checks.len()]),
            Values::new("message".into(), texts("")),
        ];
        DataFrame::new(checks.len(), columns).unwrap()
    }

    fn verified(path: &Path, table: &Table, expected: &Expected) -> Result<()> {
        let groups = verify_footer(path, table)?.len();
        let groups = (0..groups).map(|group| verify_row_group(path, table, group));
        verify_whole(&groups.collect::<Result<Vec<_>>>()?, table, expected)
    }

    fn told(result: Result<impl Sized>) -> String {
        result.err().map(|error| format!("{} {error}", error.code().as_str())).unwrap_or_default()
    }

    /// Writes and verifies frames as publishing does; what was refused.
    fn written(frames: &[DataFrame]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("table.parquet");
        let mut file = TableFile::create(&CHECK_RESULT, &frames[0], target, Vec::new()).unwrap();
        for frame in frames {
            file.append(frame).unwrap();
        }
        told(file.close().and_then(|file| file.verify()))
    }

    #[test]
    fn a_table_is_refused_that_is_not_as_the_contract_says() {
        assert_eq!(written(&[rows(&[Some("a"), Some("b")], true), rows(&[Some("c")], true)]), "");
        let refused = |frames: &[DataFrame], what: &str| {
            let text = written(frames);
            assert!(text.starts_with("CS6002") && text.contains(what), "{text}");
        };
        refused(&[rows(&[Some("a"), None], true)], "check_id has nulls");
        refused(&[rows(&[Some("b"), Some("a")], true)], "out of order or there twice");
        refused(&[rows(&[Some("a"), Some("a")], true)], "out of order or there twice");
        // Also where the rows are far apart: in two batches of a reader.
        let many: Vec<String> = (0..5000).map(|number| format!("{number:06}")).collect();
        let many: Vec<Option<&str>> = many.iter().map(|id| Some(id.as_str())).collect();
        for last in 1022..1027 {
            let (first, next) = (&many[..last], &many[last - 1..]);
            refused(&[rows(first, true), rows(next, true)], "out of order or there twice");
        }
        // No frame has to be of a type that readers of the table expect.
        let number = Values::new("message".into(), vec![7_i64; 1]);
        let mut other = rows(&[Some("a")], true);
        other.with_column(number).unwrap();
        refused(&[other], "message is Int64");
    }

    #[test]
    fn a_table_is_refused_that_is_not_what_was_scored() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("table.parquet");
        let frame = rows(&[Some("a"), Some("b")], true);
        let mut file =
            TableFile::create(&CHECK_RESULT, &frame, target.clone(), Vec::new()).unwrap();
        file.append(&frame).unwrap();
        file.close().unwrap().verify().unwrap();
        let against = |frames: &[DataFrame], table: &Table| {
            let mut expected = Expected::none(&CHECK_RESULT);
            for frame in frames {
                expected.add(frame, &CHECK_RESULT).unwrap();
            }
            told(verified(&target, table, &expected))
        };
        assert_eq!(against(std::slice::from_ref(&frame), &CHECK_RESULT), "");
        let other = rows(&[Some("a"), Some("b")], false);
        assert!(against(&[other], &CHECK_RESULT).contains("the sum of is_failed differ"));
        let more = rows(&[Some("c")], false);
        let text = against(&[frame.clone(), more], &CHECK_RESULT);
        assert!(text.contains("differ from what was scored"), "{text}");
        assert!(against(&[frame], &DATA_DICTIONARY).contains("its columns are check_id, severity"));
    }

    /// Older readers know no string views.
    #[test]
    fn a_table_is_refused_whose_texts_are_views() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("table.parquet");
        let frame = rows(&[Some("a")], true);
        let field = |column: &Column| match column.kind {
            ColumnType::Text => Field::new(column.name, DataType::Utf8View, true),
            kind => Field::new(column.name, stored_type(kind), true),
        };
        let schema = Schema::new(CHECK_RESULT.columns.iter().map(field).collect::<Vec<_>>());
        let into = store::create_file(&target).unwrap();
        let metadata = vec![schema_entry(&schema)];
        let mut file = ParquetFile::create(into, &frame, 100, metadata, "check_result").unwrap();
        file.append(&frame).unwrap();
        file.finish().unwrap();
        let mut expected = Expected::none(&CHECK_RESULT);
        expected.add(&frame, &CHECK_RESULT).unwrap();
        let text = told(verified(&target, &CHECK_RESULT, &expected));
        assert!(text.contains("check_id is Utf8View"), "{text}");
    }
}
