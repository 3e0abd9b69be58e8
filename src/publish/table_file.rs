//! One published file while it is written, and what it must hold when it is read back.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use arrow::datatypes::{DataType, Field, Schema};
use polars::prelude::DataFrame;

use super::verify::{Expected, verify};
use crate::engine::ParquetFile;
use crate::error::Result;
use crate::parquet::schema_entry;
use crate::store;
use crate::tables::{Column, ColumnType, Table};

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

    pub(super) fn table(&self) -> &'static Table {
        self.table
    }

    /// Adds rows, which follow those before in the order of the table's key.
    ///
    /// # Errors
    /// CS2002; CS9001 when they do not have the table's columns.
    pub(super) fn append(&mut self, frame: &DataFrame) -> Result<()> {
        self.expected.add(frame, self.table)?;
        self.file.append(frame)
    }

    /// The rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.expected.rows() as u64
    }

    /// Ends the file and verifies it; where it is.
    ///
    /// # Errors
    /// CS2002, CS6002.
    pub(super) fn close(self) -> Result<PathBuf> {
        self.file.finish()?;
        verify(&self.target, self.table, &self.expected)?;
        Ok(self.target)
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
