//! Table frames → sorted, verified Parquet files in the output, replaced as one publication.

mod check_table;
mod delta;
mod dictionary;
mod manifest;
mod rollback;
mod run_tables;
mod table_file;
mod vacuum;
mod verify;

use std::path::Path;

use polars::prelude::{DataFrame, DataType, SortMultipleOptions};

pub use check_table::{check_table, published_checks};
pub use delta::{has_delta, mirror};
pub use dictionary::dictionary;
pub use manifest::{
    ChecksSummary, InputFile, Manifest, NamedHash, OutputFile, RulesetUsed, list_runs,
    read_manifest,
};

pub use rollback::{Standing, is_held, is_kept, roll_back, standing};
pub use run_tables::{RunTables, VerifiedRuns, verify_runs};
pub use vacuum::{Retention, delete, obsolete};

use crate::commit::{Lease, Staging};
use crate::engine::bug;
use crate::error::{Code, Error, Result};
use crate::ids::RunId;
use crate::parquet::Footer;
use crate::store::{self, Store};
use crate::tables::{
    CONTRACT_VERSION, FACT_AREA_SCORE, FACT_CHANGE, FACT_MONTH_SCORE, Layout, Table,
};
use crate::workers::Workers;

use table_file::{ClosedFile, TableFile};

/// Key of the run in the key-value metadata of a file.
const RUN_ID_KEY: &str = "capscore.run_id";
const CONTRACT_KEY: &str = "capscore.contract_version";
/// Key of what the scores of a month depend on.
const SCORE_ID_KEY: &str = "capscore.score_id";
/// Key of what all tables of a month depend on.
const HISTORY_ID_KEY: &str = "capscore.history_id";
/// Key of the state of the facts and rules that a dimension describes.
const STATE_KEY: &str = "capscore.state";

/// One publication being written.
pub struct Publication<'a> {
    output: &'a Store,
    /// Tables to which rows are added yet. They are closed before the staging forgets them.
    open: Vec<TableFile>,
    staging: Staging<'a>,
    month: String,
    run_id: RunId,
    dependencies: Dependencies,
    files: Vec<OutputFile>,
}

/// What tells whether the tables of a month would be the same today.
#[derive(Debug, Clone)]
pub struct Dependencies {
    /// Hash of everything that the scores of the month depend on.
    pub score_id: String,
    /// Hash of everything that its tables depend on, those about the months before it included.
    pub history_id: String,
}

impl<'a> Publication<'a> {
    /// Starts a publication; `month` is `YYYY-MM`.
    pub fn new(
        output: &'a Store,
        lease: &'a Lease,
        attempt_id: &str,
        month: String,
        run_id: RunId,
        dependencies: Dependencies,
    ) -> Self {
        let staging = Staging::new(output, lease, attempt_id);
        let (files, open) = (Vec::new(), Vec::new());
        Self { output, open, staging, month, run_id, dependencies, files }
    }

    /// Sorts, writes and verifies one table. `state` names what a table describes that belongs to
    /// no run.
    ///
    /// # Errors
    /// CS2002, CS6002.
    pub fn add(
        &mut self,
        table: &'static Table,
        frame: &DataFrame,
        state: Option<&str>,
    ) -> Result<()> {
        let frame = if is_sorted(frame, table)? { frame.clone() } else { sorted(frame, table)? };
        let mut file = self.create(table, &frame, state)?;
        file.append(&frame)?;
        let file = file.close()?;
        file.verify()?;
        self.files.push(self.output_file(&file)?);
        Ok(())
    }

    /// Adds rows to a table of the run; they are in the order of its key, and follow those that were
    /// added before. [`finish`](Self::finish) ends the table.
    ///
    /// # Errors
    /// CS2002.
    pub fn append(&mut self, table: &'static Table, frame: &DataFrame) -> Result<()> {
        if let Some(file) = self.open.iter_mut().find(|file| file.is_of(table)) {
            return file.append(frame);
        }
        let mut file = self.create(table, frame, None)?;
        file.append(frame)?;
        self.open.push(file);
        Ok(())
    }

    /// Ends and verifies the tables that rows were added to, several at once.
    ///
    /// # Errors
    /// CS2002, CS6002.
    pub fn finish(&mut self, workers: &Workers) -> Result<()> {
        let closed = workers.each(std::mem::take(&mut self.open), |file| {
            let file = file.close()?;
            Ok((self.output_file(&file)?, file))
        })?;
        let (files, closed): (Vec<OutputFile>, Vec<ClosedFile>) = closed.into_iter().unzip();
        ClosedFile::verify_all(&closed, workers)?;
        self.files.extend(files);
        Ok(())
    }

    fn create(
        &mut self,
        table: &'static Table,
        frame: &DataFrame,
        state: Option<&str>,
    ) -> Result<TableFile> {
        let target = self.staging.stage(&self.path(table))?;
        let mut metadata = vec![(CONTRACT_KEY.to_owned(), CONTRACT_VERSION.to_owned())];
        if let Some(state) = state {
            metadata.push((STATE_KEY.to_owned(), state.to_owned()));
        } else {
            metadata.push((RUN_ID_KEY.to_owned(), self.run_id.as_str().to_owned()));
            let Dependencies { score_id, history_id } = &self.dependencies;
            metadata.push((SCORE_ID_KEY.to_owned(), score_id.clone()));
            metadata.push((HISTORY_ID_KEY.to_owned(), history_id.clone()));
        }
        TableFile::create(table, frame, target, metadata)
    }

    /// Where a table is published.
    fn path(&self, table: &Table) -> String {
        table.path(&self.month, self.run_id.as_str())
    }

    /// A written table, as the manifest lists it.
    fn output_file(&self, file: &ClosedFile) -> Result<OutputFile> {
        let (table, path) = (file.table.name.to_owned(), self.path(file.table));
        let bytes = store::size(&file.target)?;
        let content_hash = store::content_hash(&file.target)?;
        Ok(OutputFile { table, path, rows: file.rows(), bytes, content_hash })
    }

    /// The files so far, as the manifest lists them.
    pub fn files(&self) -> Vec<OutputFile> {
        self.files.clone()
    }

    /// Replaces the published files; the manifest comes last. The tables of a run that is replaced
    /// are kept.
    ///
    /// # Errors
    /// CS2001, CS2002, CS2003, CS6005; CS6001 when the output is no longer held.
    pub fn commit(mut self, manifest: Option<&Manifest>) -> Result<()> {
        if let Some(manifest) = manifest {
            rollback::keep(self.output, &self.month, self.run_id.as_str())?;
            let path = manifest::path(&self.run_id);
            let mut target = store::create_file(&self.staging.stage(&path)?)?;
            manifest.write(&mut target)?;
        }
        self.staging.commit()
    }
}

/// Whether the rows stand in the order of the table's key already; false where it takes more than a
/// look to tell.
fn is_sorted(frame: &DataFrame, table: &Table) -> Result<bool> {
    // Whether a row is told from the one before it by the columns so far.
    let mut is_told = vec![false; frame.height()];
    for name in table.key {
        let column = frame.column(name).map_err(bug)?;
        let is_ordered = match column.dtype() {
            DataType::String => ascend(column.str().map_err(bug)?.iter(), &mut is_told),
            DataType::Int64 => ascend(column.i64().map_err(bug)?.iter(), &mut is_told),
            DataType::Date => ascend(column.date().map_err(bug)?.physical().iter(), &mut is_told),
            _ => false,
        };
        if !is_ordered {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether each value that is not told from the one before it follows or equals it; tells those apart
/// that differ.
fn ascend<T: PartialOrd>(values: impl Iterator<Item = T>, is_told: &mut [bool]) -> bool {
    let mut last = None;
    values.zip(is_told).all(|(value, is_told)| {
        let is_ordered = *is_told || last.as_ref().is_none_or(|last| *last <= value);
        *is_told |= last.as_ref().is_some_and(|last| *last != value);
        last = Some(value);
        is_ordered
    })
}

fn sorted(frame: &DataFrame, table: &Table) -> Result<DataFrame> {
    frame
        .sort(table.key.iter().copied(), SortMultipleOptions::default())
        .map_err(|error| Error::bug(error.to_string()))
}

/// Writes the causes of changes as a file of their own.
///
/// # Errors
/// CS2002, CS6002.
pub fn write_changes(frame: &DataFrame, target: &Path) -> Result<()> {
    let frame = sorted(frame, &FACT_CHANGE)?;
    let metadata = vec![(CONTRACT_KEY.to_owned(), CONTRACT_VERSION.to_owned())];
    let mut file = TableFile::create(&FACT_CHANGE, &frame, target.to_owned(), metadata)?;
    file.append(&frame)?;
    file.close()?.verify()
}

/// The run that is published for a month, if its files are all there.
///
/// # Errors
/// CS2001.
pub fn published_run(output: &Store, month: &str) -> Result<Option<RunId>> {
    let Some(run_id) = named_run(output, month)? else { return Ok(None) };
    let Some(manifest) = read_manifest(output, &run_id)? else { return Ok(None) };
    for file in &manifest.outputs {
        // Tables of no run change with later runs.
        let is_of_run =
            crate::tables::table(&file.table).is_some_and(|table| table.layout != Layout::Whole);
        if is_of_run && output.head(&file.path)?.map(|entry| entry.size) != Some(file.bytes) {
            return Ok(None);
        }
    }
    Ok(Some(run_id))
}

/// A value in the metadata of the scores of a month.
fn published_value(output: &Store, month: &str, key: &str) -> Result<Option<String>> {
    stored_value(output, &FACT_AREA_SCORE.path(month, ""), key)
}

/// A value in the metadata of a file, where there is one.
fn stored_value(output: &Store, path: &str, key: &str) -> Result<Option<String>> {
    if output.head(path)?.is_none() {
        return Ok(None);
    }
    let file = store::open_file(&output.fetch(path)?)?;
    // A damaged file is published again.
    Ok(Footer::read(file, path).ok().and_then(|footer| footer.value(key).map(str::to_owned)))
}

/// What the published scores of a month depend on.
///
/// # Errors
/// CS2001.
pub fn published_score_id(output: &Store, month: &str) -> Result<Option<String>> {
    published_value(output, month, SCORE_ID_KEY)
}

/// How a month is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishedMonth {
    /// Not at all.
    None,
    /// By rules that somebody asked for.
    ByRequest,
    /// By the rules of its day, with what its tables depend on; older programs did not write that.
    ByDefault(Option<String>),
    /// By the rules of its day, as far as anything tells, with files that are missing or cut off.
    Damaged,
}

/// How a month is published.
///
/// # Errors
/// CS2001, CS2003.
pub fn published_month(output: &Store, month: &str) -> Result<PublishedMonth> {
    if !has_tables(output, month)? {
        return Ok(PublishedMonth::None);
    }
    let is_whole = undamaged(published_run(output, month))?.is_some();
    let manifest = if let Some(run) = named_run(output, month)? {
        undamaged(read_manifest(output, &run))?
    } else {
        // Whose the files are is lost: they are those of the newest run.
        let runs = undamaged(list_runs(output))?;
        runs.into_iter().rfind(|manifest| manifest.as_of_month == month)
    };
    // A lost manifest tells nothing.
    let asked = manifest.as_ref().and_then(|manifest| manifest.options.get("ruleset"));
    Ok(match asked.map(String::as_str) {
        Some("auto") if is_whole => {
            PublishedMonth::ByDefault(published_value(output, month, HISTORY_ID_KEY)?)
        }
        Some("auto") | None => PublishedMonth::Damaged,
        Some(_) => PublishedMonth::ByRequest,
    })
}

/// Whether tables of a month are there, as two of them tell: one may be lost.
fn has_tables(output: &Store, month: &str) -> Result<bool> {
    let is_there = |table: &Table| Ok(output.head(&table.path(month, ""))?.is_some());
    Ok(is_there(&FACT_AREA_SCORE)? || is_there(&FACT_MONTH_SCORE)?)
}

/// The run whose scores are published for a month, as they say themselves, whether the files are all
/// there or not.
///
/// # Errors
/// CS2001, CS2003.
pub fn named_run(output: &Store, month: &str) -> Result<Option<RunId>> {
    Ok(published_value(output, month, RUN_ID_KEY)?.and_then(|id| RunId::parse(&id)))
}

/// What was read, and nothing where it is damaged.
///
/// # Errors
/// All but CS6005.
pub fn undamaged<T: Default>(read: Result<T>) -> Result<T> {
    match read {
        Err(error) if error.code() == Code::Damaged => Ok(T::default()),
        read => read,
    }
}

/// What a published table of no run describes.
///
/// # Errors
/// CS2001.
pub fn published_state(output: &Store, table: &Table) -> Result<Option<String>> {
    stored_value(output, &table.path("", ""), STATE_KEY)
}
