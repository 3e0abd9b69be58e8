//! The only reader of Parquet footers, and an independent reader of what polars wrote: the
//! `parquet` crate of arrow-rs.

use std::collections::BTreeSet;
use std::fs::File;

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding, LogicalType, Type};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::error::{Code, Error, Result};

/// What the footer of a file says.
#[derive(Debug)]
pub struct Footer {
    metadata: ParquetMetaData,
}

/// One column of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredColumn {
    /// Its name.
    pub name: String,
    /// How it is stored.
    pub physical: Type,
    /// What it means.
    pub logical: Option<LogicalType>,
}

impl Footer {
    /// Reads the footer of a file; `what` names it.
    ///
    /// # Errors
    /// CS6005 when it is no Parquet file.
    pub fn read(file: File, what: &str) -> Result<Self> {
        let reader = SerializedFileReader::new(file).map_err(|error| damaged(what, error))?;
        Ok(Self { metadata: reader.metadata().clone() })
    }

    /// Rows of the file.
    pub fn rows(&self) -> i64 {
        self.metadata.file_metadata().num_rows()
    }

    /// The largest row group.
    pub fn largest_row_group(&self) -> i64 {
        self.metadata
            .row_groups()
            .iter()
            .map(parquet::file::metadata::RowGroupMetaData::num_rows)
            .max()
            .unwrap_or(0)
    }

    /// A key-value entry.
    pub fn value(&self, key: &str) -> Option<&str> {
        let entries = self.metadata.file_metadata().key_value_metadata()?;
        entries.iter().find(|entry| entry.key == key)?.value.as_deref()
    }

    /// The columns in order.
    pub fn columns(&self) -> Vec<StoredColumn> {
        let schema = self.metadata.file_metadata().schema_descr();
        schema
            .columns()
            .iter()
            .map(|column| StoredColumn {
                name: column.path().string(),
                physical: column.physical_type(),
                logical: column.logical_type_ref().cloned(),
            })
            .collect()
    }

    /// All encodings of all pages, and all compressions.
    pub fn encodings(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let mut encodings = BTreeSet::new();
        let mut compressions = BTreeSet::new();
        for group in self.metadata.row_groups() {
            for column in group.columns() {
                encodings.extend(column.encodings().map(|encoding: Encoding| encoding.to_string()));
                let compression = match column.compression() {
                    Compression::ZSTD(_) => "ZSTD".to_owned(),
                    other => other.to_string(),
                };
                compressions.insert(compression);
            }
        }
        (encodings, compressions)
    }
}

/// Reads a file batch by batch; `what` names it.
///
/// # Errors
/// CS6005; what `visit` returns.
pub fn visit_batches(
    file: File,
    what: &str,
    visit: &mut dyn FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    let batches = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(|error| damaged(what, error))?;
    for batch in batches {
        visit(&batch.map_err(|error| damaged(what, error))?)?;
    }
    Ok(())
}

fn damaged(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Code::Damaged, format!("{what} is no readable Parquet file")).because(error)
}
