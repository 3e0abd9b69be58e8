//! The `parquet` crate of arrow-rs: the only reader of Parquet footers, an independent reader of what
//! polars wrote, and the writer of facts, whose texts it takes as numbers and their dictionary.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ProjectionMask, encode_arrow_schema};
use parquet::basic::{Compression, Encoding, LogicalType, Type, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData, RowGroupMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnPath;

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

    /// Rows of each row group.
    pub fn row_groups(&self) -> Vec<i64> {
        self.metadata.row_groups().iter().map(RowGroupMetaData::num_rows).collect()
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

/// Rows of one batch where columns are few and read as they are stored.
const BATCH_ROWS: usize = 131_072;

/// Reads some columns of a file batch by batch, text as numbers and the dictionary that they mean;
/// `what` names it.
///
/// # Errors
/// CS6005; what `visit` returns.
pub fn visit_dictionaries(
    file: File,
    what: &str,
    columns: &[&str],
    visit: &mut dyn FnMut(RecordBatch) -> Result<()>,
) -> Result<()> {
    let batches = dictionaries(file, columns).map_err(|error| damaged(what, error))?;
    for batch in batches {
        visit(batch.map_err(|error| damaged(what, error))?)?;
    }
    Ok(())
}

fn dictionaries(
    file: File,
    columns: &[&str],
) -> std::result::Result<ParquetRecordBatchReader, ParquetError> {
    let stored = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let fields = stored.schema().fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            field.as_ref().clone().with_data_type(coded.clone())
        }
        _ => field.as_ref().clone(),
    });
    let options =
        ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields.collect::<Vec<_>>())));
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(stored.metadata()), options)?;
    let wanted = ProjectionMask::columns(stored.parquet_schema(), columns.iter().copied());
    ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
        .with_projection(wanted)
        .with_batch_size(BATCH_ROWS)
        .build()
}

/// Reads one row group of a file batch by batch; `what` names it.
///
/// # Errors
/// CS6005; what `visit` returns.
pub fn visit_row_group(
    file: File,
    what: &str,
    row_group: usize,
    visit: &mut dyn FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    let batches = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.with_row_groups(vec![row_group]).build())
        .map_err(|error| damaged(what, error))?;
    for batch in batches {
        visit(&batch.map_err(|error| damaged(what, error))?)?;
    }
    Ok(())
}

/// The key-value entry of a file that tells readers the types of its columns.
pub fn schema_entry(schema: &Schema) -> (String, String) {
    (ARROW_SCHEMA_META_KEY.to_owned(), encode_arrow_schema(schema))
}

/// Writes a batch as Parquet: zstd, row groups of at most `row_group_rows`, a key-value entry, and
/// the least and greatest value of the column that the rows are `sorted_by`; `constant` is a column
/// with one value, and `what` names the file. Dictionaries are stored as plain text.
///
/// # Errors
/// CS2002.
pub fn write(
    batch: &RecordBatch,
    into: impl Write + Send,
    row_group_rows: usize,
    sorted_by: &str,
    constant: &str,
    (key, value): (String, String),
    what: &str,
) -> Result<()> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(row_group_rows))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_statistics_enabled(ColumnPath::from(sorted_by), EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(vec![KeyValue::new(key, value)]));
    for field in batch.schema().fields() {
        // Amounts hardly repeat, and a constant costs nothing once it is compressed.
        if field.name() == constant || matches!(field.data_type(), DataType::Decimal128(..)) {
            let column = ColumnPath::from(field.name().as_str());
            properties = properties.set_column_dictionary_enabled(column, false);
        }
    }
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true);
    let written =
        ArrowWriter::try_new_with_options(into, batch.schema(), options).and_then(|mut writer| {
            writer.write(batch)?;
            writer.close()
        });
    written.map(|_| ()).map_err(|error| {
        Error::new(Code::StorageWrite, format!("cannot write {what}"))
            .because(error)
            .hint("check that the folder is writable and has room")
    })
}

fn damaged(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Code::Damaged, format!("{what} is no readable Parquet file")).because(error)
}
