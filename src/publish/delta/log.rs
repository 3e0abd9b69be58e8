//! The log of one Delta table: the only file that knows the library behind it.

use std::collections::BTreeSet;
use std::sync::Arc;

use delta_kernel::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int64Array, StructArray,
};
use delta_kernel::arrow::datatypes::{DataType as ArrowType, Field, Fields};
use delta_kernel::committer::FileSystemCommitter;
use delta_kernel::engine::arrow_data::ArrowEngineData;
use delta_kernel::schema::{DataType, MetadataValue, SchemaRef, StructField, StructType};
use delta_kernel::snapshot::{Snapshot, SnapshotRef};
use delta_kernel::transaction::create_table::create_table;
use delta_kernel::transaction::{
    CommitResult, CommittedTransaction, Transaction, UpdateTableOperation,
};
use delta_kernel::{Engine, FileMeta, FilteredEngineData, KernelError, KernelResult};
use delta_kernel_default_engine::executor::tokio::TokioMultiThreadExecutor;
use delta_kernel_default_engine::parquet::DataFileMetadata;
use delta_kernel_default_engine::{DefaultEngineBuilder, build_add_file_metadata};
use url::Url;

use crate::calendar::Month;
use crate::error::{Code, Error, Result};
use crate::store::Store;
use crate::tables::{CONTRACT_VERSION, Column, ColumnType, Table};

const WRITER: &str = concat!("capscore/", env!("CARGO_PKG_VERSION"));
/// A checkpoint is written after so many commits.
const COMMITS_PER_CHECKPOINT: u64 = 10;
/// The column that files of a month are passed over by.
const MONTH_COLUMN: &str = "as_of_month";

/// A published file as a part of a Delta table.
#[derive(Debug)]
pub(super) struct Part {
    /// Its name in the folder of the table.
    pub(super) name: String,
    /// Its month, `YYYY-MM`; empty where a table has no months.
    pub(super) month: String,
    /// Its published path.
    pub(super) source: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// A table at one version.
pub(super) struct State {
    /// None before the first commit.
    snapshot: Option<SnapshotRef>,
    /// The paths of its whole files, as its log has them.
    pub(super) files: BTreeSet<String>,
    /// Those of files that another writer has struck rows from.
    pub(super) struck: BTreeSet<String>,
}

/// The version that a file of a log is about; none for other files, such as one that a killed commit
/// left behind.
fn version_of(name: &str) -> Option<u64> {
    let (version, kind) = name.split_once('.')?;
    let is_known = kind == "json" || kind.starts_with("checkpoint.") && !kind.contains('#');
    if version.len() != 20 || !is_known {
        return None;
    }
    version.parse().ok()
}

/// Whether a folder has the log of a Delta table.
///
/// # Errors
/// CS2001, CS2003.
pub(super) fn has_log(output: &Store, folder: &str) -> Result<bool> {
    Ok(!versions(output, folder)?.is_empty())
}

/// The versions that a log has commits or checkpoints of.
fn versions(output: &Store, folder: &str) -> Result<BTreeSet<u64>> {
    let entries = output.list(&format!("{folder}/_delta_log"))?;
    let name = |path: &str| path.rsplit('/').next().and_then(version_of);
    Ok(entries.iter().filter_map(|entry| name(&entry.path)).collect())
}

pub(super) struct Log<'a> {
    output: &'a Store,
    folder: &'a str,
    table: &'a Table,
    url: Url,
    engine: Arc<dyn Engine>,
}

impl<'a> Log<'a> {
    /// # Errors
    /// CS2001, CS2002, CS9001.
    pub(super) fn open(output: &'a Store, folder: &'a str, table: &'a Table) -> Result<Self> {
        let objects = output.objects_at(folder)?;
        let executor = Arc::new(TokioMultiThreadExecutor::new(objects.runtime));
        let engine = DefaultEngineBuilder::new(objects.client).with_task_executor(executor).build();
        Ok(Self { output, folder, table, url: objects.url, engine: Arc::new(engine) })
    }

    fn asked<T>(&self, make: impl FnMut() -> KernelResult<T>) -> Result<T> {
        self.output.asked(self.folder, make, |error| match error {
            KernelError::ObjectStore(error) => Some(error),
            _ => None,
        })
    }

    /// The table as it is now.
    ///
    /// # Errors
    /// CS2001, CS2002, CS2003.
    pub(super) fn state(&self) -> Result<State> {
        if !has_log(self.output, self.folder)? {
            return Ok(State { snapshot: None, files: BTreeSet::new(), struck: BTreeSet::new() });
        }
        let snapshot = self.snapshot()?;
        let (files, struck) = self.asked(|| self.files(&snapshot))?;
        if !has_columns(&snapshot.schema(), self.table) {
            let text = format!(
                "the Delta table {} has not the columns of contract {CONTRACT_VERSION}",
                self.output.uri_of(self.folder)
            );
            return Err(Error::new(Code::Damaged, text)
                .hint("remove its folder: the next run makes it anew"));
        }
        Ok(State { snapshot: Some(snapshot), files, struck })
    }

    fn snapshot(&self) -> Result<SnapshotRef> {
        self.asked(|| Snapshot::builder_for(self.url.as_str()).build(&*self.engine))
    }

    /// The paths of whole files, and of those with rows that are struck.
    fn files(&self, snapshot: &SnapshotRef) -> KernelResult<(BTreeSet<String>, BTreeSet<String>)> {
        let scan = Arc::clone(snapshot).scan_builder().build()?;
        let mut files = (BTreeSet::new(), BTreeSet::new());
        for batch in scan.scan_metadata(&*self.engine)? {
            files = batch?.visit_scan_files(files, |(whole, struck), file| {
                let paths = if file.dv_info.has_vector() { struck } else { whole };
                paths.insert(file.path);
            })?;
        }
        Ok(files)
    }

    /// The files of all versions that were current since an instant (milliseconds of 1970).
    ///
    /// # Errors
    /// CS2001, CS2002, CS2003.
    pub(super) fn files_since(&self, since: i64) -> Result<BTreeSet<String>> {
        let versions = versions(self.output, self.folder)?;
        let State { snapshot, mut files, struck } = self.state()?;
        files.extend(struck);
        let Some(mut snapshot) = snapshot else { return Ok(files) };
        // A version whose commit is gone cannot be opened: nobody needs its files.
        while self.asked(|| snapshot.get_timestamp(&*self.engine))? > since
            && let Some(version) = snapshot.version().checked_sub(1)
            && versions.contains(&version)
        {
            snapshot = self.asked(|| {
                let earlier = Snapshot::builder_for(self.url.as_str()).at_version(version);
                earlier.build(&*self.engine)
            })?;
            let (whole, struck) = self.asked(|| self.files(&snapshot))?;
            files.extend(whole);
            files.extend(struck);
        }
        Ok(files)
    }

    /// Commits the next version at an instant (milliseconds of 1970); false when another writer was
    /// faster.
    ///
    /// # Errors
    /// CS2001, CS2002, CS2003.
    pub(super) fn commit(
        &self,
        state: &State,
        added: &[&Part],
        removed: &BTreeSet<&str>,
        now: i64,
    ) -> Result<bool> {
        let committed = self.asked(|| match &state.snapshot {
            None => self.create(added, now),
            Some(snapshot) => self.replace(snapshot, added, removed, now),
        })?;
        let Some(committed) = committed else { return Ok(false) };
        if committed.post_commit_stats().commits_since_checkpoint >= COMMITS_PER_CHECKPOINT {
            let snapshot = match committed.post_commit_snapshot() {
                Some(snapshot) => Arc::clone(snapshot),
                None => self.snapshot()?,
            };
            self.asked(|| snapshot.checkpoint(&*self.engine, None))?;
        }
        Ok(true)
    }

    fn create(&self, added: &[&Part], now: i64) -> KernelResult<Option<CommittedTransaction>> {
        let transaction = create_table(&self.url, schema(self.table)?, WRITER, true)
            .build(&*self.engine, Box::new(FileSystemCommitter::new()));
        let mut transaction = match transaction {
            // Another writer was faster, or the last request was carried out without an answer.
            Err(KernelError::TableAlreadyExistsAtPath(_)) => return Ok(None),
            transaction => transaction?,
        };
        self.add(&mut transaction, added, now)?;
        committed(transaction.commit(&*self.engine)?)
    }

    fn replace(
        &self,
        snapshot: &SnapshotRef,
        added: &[&Part],
        removed: &BTreeSet<&str>,
        now: i64,
    ) -> KernelResult<Option<CommittedTransaction>> {
        let mut transaction = Arc::clone(snapshot)
            .update_table(UpdateTableOperation::Write, WRITER, true)
            .with_operation_parameters([("mode", Some("Overwrite"))])
            .build(&*self.engine, Box::new(FileSystemCommitter::new()))?;
        let scan = Arc::clone(snapshot).scan_builder().build()?;
        for batch in scan.scan_metadata(&*self.engine)? {
            transaction.remove_files(only(batch?.scan_files, removed)?);
        }
        self.add(&mut transaction, added, now)?;
        committed(transaction.commit(&*self.engine)?)
    }

    fn add<S>(
        &self,
        transaction: &mut Transaction<S>,
        parts: &[&Part],
        now: i64,
    ) -> KernelResult<()> {
        let context = transaction.write_state()?.write_context_builder().build()?;
        for part in parts {
            let meta = FileMeta::new(self.url.join(&part.name)?, now, part.bytes);
            let file = DataFileMetadata::new(meta, statistics(self.table, part));
            transaction.add_files(build_add_file_metadata(file, &context)?);
        }
        Ok(())
    }
}

/// None when another writer was faster.
fn committed<S>(result: CommitResult<S>) -> KernelResult<Option<CommittedTransaction>> {
    match result {
        CommitResult::Committed(committed) => Ok(Some(committed)),
        CommitResult::Conflicted(_) => Ok(None),
        CommitResult::Retryable(failed) => Err(failed.error),
    }
}

/// Of some files of a table those that are removed.
fn only(files: FilteredEngineData, removed: &BTreeSet<&str>) -> KernelResult<FilteredEngineData> {
    let (data, selected) = files.into_parts();
    let data = ArrowEngineData::try_from_engine_data(data)?;
    let batch = data.record_batch();
    let paths = batch
        .column_by_name("path")
        .ok_or_else(|| KernelError::generic("files without paths"))?
        .as_string::<i32>();
    let selected = (0..batch.num_rows())
        .map(|row| selected.get(row).copied().unwrap_or(true) && removed.contains(paths.value(row)))
        .collect();
    FilteredEngineData::try_new(data, selected)
}

/// The columns of a table as Delta has them. Its files hold nothing else, so that their own types
/// need not be asked; none is declared as required, which not every reader knows.
fn schema(table: &Table) -> KernelResult<SchemaRef> {
    let fields: Vec<StructField> = table.columns.iter().map(field).collect::<KernelResult<_>>()?;
    Ok(Arc::new(StructType::try_new(fields)?))
}

/// Whether a table has these columns, whatever it says of them.
fn has_columns(found: &StructType, table: &Table) -> bool {
    let Ok(wanted) = schema(table) else { return false };
    let shape = |schema: &StructType| -> Vec<(String, DataType)> {
        schema.fields().map(|field| (field.name().clone(), field.data_type().clone())).collect()
    };
    shape(found) == shape(&wanted)
}

fn field(column: &Column) -> KernelResult<StructField> {
    let kind = match column.kind {
        ColumnType::Text => DataType::STRING,
        ColumnType::Int64 => DataType::LONG,
        ColumnType::Boolean => DataType::BOOLEAN,
        ColumnType::Date => DataType::DATE,
        ColumnType::Amount => DataType::decimal(19, 4)?,
        ColumnType::Ratio => DataType::decimal(19, 6)?,
    };
    let comment = MetadataValue::String(column.meaning.to_owned());
    Ok(StructField::nullable(column.name, kind).with_metadata([("comment", comment)]))
}

/// What readers pass over files by: the rows, and the month where a table has months.
fn statistics(table: &Table, part: &Part) -> StructArray {
    let rows: ArrayRef = Arc::new(Int64Array::from_iter_values(i64::try_from(part.rows).ok()));
    let mut fields = vec![Field::new("numRecords", ArrowType::Int64, true)];
    let mut values = vec![rows];
    let month = Month::parse(&part.month).filter(|_| table.column(MONTH_COLUMN).is_some());
    if let Some(month) = month.filter(|_| part.rows > 0) {
        let mut add = |name: &str, value: ArrayRef| {
            let inner =
                Fields::from(vec![Field::new(MONTH_COLUMN, value.data_type().clone(), true)]);
            let nested = StructArray::new(inner, vec![value], None);
            fields.push(Field::new(name, nested.data_type().clone(), true));
            values.push(Arc::new(nested));
        };
        let day: ArrayRef = Arc::new(Date32Array::from_iter_values([month.first_day().0]));
        add("nullCount", Arc::new(Int64Array::from_iter_values([0])));
        add("minValues", Arc::clone(&day));
        add("maxValues", day);
    }
    fields.push(Field::new("tightBounds", ArrowType::Boolean, true));
    values.push(Arc::new(BooleanArray::from(vec![true])));
    StructArray::new(Fields::from(fields), values, None)
}
