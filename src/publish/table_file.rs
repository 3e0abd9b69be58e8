//! One published file while it is written, and what it must hold when it is read back.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use arrow::datatypes::{DataType, Field, Schema};
use polars::prelude::DataFrame;

use super::verify::{Expected, RowGroup, verify_footer, verify_row_group, verify_whole};
use crate::engine::ParquetFile;
use crate::error::Result;
use crate::parquet::schema_entry;
use crate::store;
use crate::tables::{Column, ColumnType, Table};
use crate::workers::Workers;

/// A file of a table.
pub(super) struct TableFile {
    table: &'static Table,
    target: PathBuf,
    file: ParquetFile<BufWriter<File>>,
    expected: Expected,
}

impl TableFile {
    /// Begins the file of a table whose rows are like those of `frame`.
    ///
    /// # Errors
    /// CS2002.
    pub(super) fn create(
        table: &'static Table,
        frame: &DataFrame,
        target: PathBuf,
        mut metadata: Vec<(String, String)>,
    ) -> Result<Self> {
        metadata.push(schema_entry(&schema(table)));
        let into = store::create_file(&target)?;
        let file = ParquetFile::create(into, frame, table.row_group_rows, metadata, table.name)?;
        Ok(Self { table, target, file, expected: Expected::none(table) })
    }

    /// Whether it is the file of a table.
    pub(super) fn is_of(&self, table: &Table) -> bool {
        self.table.name == table.name
    }

    /// Adds rows, which follow those before in the order of the table's key.
    ///
    /// # Errors
    /// CS2002; CS9001 when they do not have the table's columns.
    pub(super) fn append(&mut self, frame: &DataFrame) -> Result<()> {
        self.expected.add(frame, self.table)?;
        self.file.append(frame)
    }

    /// Ends the file and verifies its footer.
    ///
    /// # Errors
    /// CS2002, CS6002.
    pub(super) fn close(self) -> Result<ClosedFile> {
        let Self { table, target, file, expected } = self;
        file.finish()?;
        let row_groups = verify_footer(&target, table)?;
        Ok(ClosedFile { table, target, expected, row_groups })
    }
}

/// A file of a table that is written.
pub(super) struct ClosedFile {
    pub(super) table: &'static Table,
    pub(super) target: PathBuf,
    expected: Expected,
    /// The rows of each.
    row_groups: Vec<u64>,
}

impl ClosedFile {
    /// The rows.
    pub(super) fn rows(&self) -> u64 {
        self.expected.rows() as u64
    }

    /// Verifies it.
    ///
    /// # Errors
    /// CS6002.
    pub(super) fn verify(&self) -> Result<()> {
        let row_groups = (0..self.row_groups.len()).map(|at| self.row_group(at));
        self.verify_whole(&row_groups.collect::<Result<Vec<_>>>()?)
    }

    /// Verifies several, their row groups at once.
    ///
    /// # Errors
    /// CS6002.
    pub(super) fn verify_all(files: &[Self], workers: &Workers) -> Result<()> {
        let places: Vec<(&Self, usize, u64)> = files
            .iter()
            .flat_map(|file| {
                file.row_groups.iter().enumerate().map(move |(at, rows)| (file, at, *rows))
            })
            .collect();
        let sizes: Vec<u64> = places.iter().map(|(_, _, rows)| *rows).collect();
        let read = workers.run(&sizes, |at| {
            let (file, row_group, _) = places[at];
            file.row_group(row_group)
        })?;
        let mut read = read.as_slice();
        for file in files {
            let (of_file, others) = read.split_at(file.row_groups.len());
            file.verify_whole(of_file)?;
            read = others;
        }
        Ok(())
    }

    fn row_group(&self, at: usize) -> Result<RowGroup> {
        verify_row_group(&self.target, self.table, at)
    }

    fn verify_whole(&self, row_groups: &[RowGroup]) -> Result<()> {
        verify_whole(row_groups, self.table, &self.expected)
    }
}

/// The types of a table for readers.
fn schema(table: &Table) -> Schema {
    let field = |column: &Column| Field::new(column.name, stored_type(column.kind), true);
    Schema::new(table.columns.iter().map(field).collect::<Vec<_>>())
}

/// The type that readers find in a file.
pub(super) fn stored_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::Text => DataType::LargeUtf8,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Date => DataType::Date32,
        ColumnType::Amount => DataType::Decimal128(19, 4),
        ColumnType::Ratio => DataType::Decimal128(19, 6),
    }
}
