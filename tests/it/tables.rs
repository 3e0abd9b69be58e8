//! Reads published tables with the `parquet` crate of arrow-rs.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// One row: column → value as text, nulls as `∅`.
pub type Row = BTreeMap<String, String>;

/// All rows of a Parquet file.
pub fn read(path: &Path) -> Vec<Row> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let options = FormatOptions::default().with_null("∅");
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let schema = batch.schema();
        let columns: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
            .collect();
        for at in 0..batch.num_rows() {
            let row = schema
                .fields()
                .iter()
                .zip(&columns)
                .map(|(field, column)| (field.name().clone(), column.value(at).to_string()));
            rows.push(row.collect());
        }
    }
    rows
}

/// The rows whose columns have these values.
pub fn find<'a>(rows: &'a [Row], wanted: &[(&str, &str)]) -> Vec<&'a Row> {
    rows.iter().filter(|row| wanted.iter().all(|(column, value)| row[*column] == *value)).collect()
}

/// The only row whose columns have these values.
pub fn one<'a>(rows: &'a [Row], wanted: &[(&str, &str)]) -> &'a Row {
    let found = find(rows, wanted);
    assert_eq!(found.len(), 1, "{wanted:?}: {found:?}");
    found[0]
}
