//! The only caller of polars' execution: always the streaming engine, and no polars error reaches
//! a user bare.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{
    CompatLevel, DataFrame, Engine, FileWriteFormat, IntoLazy, KeyValueMetadata, LazyFrame,
    ParquetCompression, ParquetWriteOptions, ParquetWriter, PlRefPath, PolarsError,
    ScanArgsParquet, SinkDestination, SinkTarget, StatisticsOptions, UnifiedSinkArgs,
};

use crate::error::{Code, Error, Result};

/// An error of the engine where there can be none: a column that is not there, or of another type.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub fn bug(error: PolarsError) -> Error {
    Error::bug(error.to_string())
}

/// Runs a query; `what` names it in messages.
///
/// # Errors
/// CS9001 when the engine fails.
pub fn collect(frame: LazyFrame, what: &str) -> Result<DataFrame> {
    #[expect(clippy::disallowed_methods, reason = "this is the wrapper")]
    let run = AssertUnwindSafe(|| {
        let result = frame.collect_with_engine(Engine::Streaming)?;
        Ok::<DataFrame, PolarsError>(result.unwrap_single())
    });
    let failed = |text: String| Error::bug(format!("the engine failed on {what}: {text}"));
    let started = Instant::now();
    match catch_unwind(run) {
        Ok(Ok(frame)) => {
            let milliseconds = started.elapsed().as_millis();
            tracing::trace!(what, rows = frame.height(), milliseconds, "A query ended.");
            Ok(frame)
        }
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed("a panic".to_owned())),
    }
}

/// A scan over Parquet files with the same columns.
///
/// # Errors
/// CS9001 when the plan cannot be made.
pub fn scan(paths: &[PathBuf]) -> Result<LazyFrame> {
    let paths: Vec<PlRefPath> =
        paths.iter().map(|path| PlRefPath::new(path.to_string_lossy().as_ref())).collect();
    let options = ScanArgsParquet { glob: false, ..ScanArgsParquet::default() };
    LazyFrame::scan_parquet_files(paths.into(), options)
        .map_err(|error| Error::bug(format!("cannot plan a scan: {error}")))
}

/// A Parquet file that is written frame by frame: zstd, statistics, row groups of exactly
/// `row_group_rows`, the last one of fewer. What it holds does not depend on how its rows were split
/// into frames.
pub struct ParquetFile<W: Write> {
    writer: BatchedWriter<W>,
    /// Rows that do not fill a row group yet.
    pending: DataFrame,
    row_group_rows: usize,
    what: &'static str,
}

impl<W: Write> ParquetFile<W> {
    /// Begins a file of rows like those of `frame`. The metadata should name the types as the key
    /// `ARROW:schema`, with plain strings: readers older or stricter than polars do not know its own
    /// string views. `what` names the file.
    ///
    /// # Errors
    /// CS2002.
    pub fn create(
        into: W,
        frame: &DataFrame,
        row_group_rows: usize,
        metadata: Vec<(String, String)>,
        what: &'static str,
    ) -> Result<Self> {
        let writer = ParquetWriter::new(into)
            .with_compression(ParquetCompression::Zstd(None))
            .with_statistics(StatisticsOptions::default())
            .with_key_value_metadata(Some(KeyValueMetadata::from_static(metadata)))
            .batched(frame.schema())
            .map_err(|error| not_written(what, Error::bug(error.to_string())))?;
        Ok(Self { writer, pending: frame.clear(), row_group_rows, what })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// CS2002.
    pub fn append(&mut self, frame: &DataFrame) -> Result<()> {
        let what = self.what;
        self.pending
            .vstack_mut(frame)
            .map_err(|error| Error::bug(format!("{what} has other columns: {error}")))?;
        while self.pending.height() >= self.row_group_rows {
            self.write_rows(self.row_group_rows)?;
        }
        Ok(())
    }

    /// Writes what is left, and the footer.
    ///
    /// # Errors
    /// CS2002.
    pub fn finish(mut self) -> Result<()> {
        if self.pending.height() > 0 {
            self.write_rows(self.pending.height())?;
        }
        let finished = self.writer.finish();
        finished.map(|_| ()).map_err(|error| not_written(self.what, Error::bug(error.to_string())))
    }

    fn write_rows(&mut self, rows: usize) -> Result<()> {
        let mut group = self.pending.slice(0, rows);
        group.rechunk_mut();
        self.pending = self.pending.slice(i64::try_from(rows).unwrap_or(i64::MAX), usize::MAX);
        let written = self.writer.write_batch(&group);
        written.map_err(|error| not_written(self.what, Error::bug(error.to_string())))
    }
}

fn not_written(what: &str, cause: Error) -> Error {
    Error::new(Code::StorageWrite, format!("cannot write {what}"))
        .because(cause)
        .hint("check that the folder is writable and has room")
}

/// Writes a frame as Parquet: zstd, statistics, row groups of at most `row_group_rows`, key-value
/// metadata; `what` names it.
///
/// Text is declared as plain strings: readers older or stricter than polars do not know its own
/// string views.
///
/// # Errors
/// CS2002.
pub fn write_parquet(
    frame: DataFrame,
    target: &Path,
    row_group_rows: usize,
    metadata: Vec<(String, String)>,
    what: &str,
) -> Result<()> {
    let options = ParquetWriteOptions {
        compression: ParquetCompression::Zstd(None),
        statistics: StatisticsOptions::default(),
        row_group_size: Some(row_group_rows),
        data_page_size: None,
        key_value_metadata: Some(KeyValueMetadata::from_static(metadata)),
        arrow_schema: None,
        compat_level: Some(CompatLevel::oldest()),
    };
    let target = SinkTarget::Path(PlRefPath::new(target.to_string_lossy().as_ref()));
    let written = frame
        .lazy()
        .sink(
            SinkDestination::File { target },
            FileWriteFormat::Parquet(Arc::new(options)),
            UnifiedSinkArgs::default(),
        )
        .map_err(|error| Error::bug(format!("cannot plan to write {what}: {error}")))
        .and_then(|sink| collect(sink, what));
    written.map(|_| ()).map_err(|error| not_written(what, error))
}

/// A frame as the start of a query.
pub fn lazy(frame: DataFrame) -> LazyFrame {
    frame.lazy()
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;
    use proptest::prelude::*;

    use super::*;
    use crate::parquet::Footer;

    fn written(frame: &DataFrame, cuts: &[usize]) -> (Vec<u8>, Vec<i64>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let into = crate::store::create_file(&path).unwrap();
        let metadata = vec![("key".to_owned(), "value".to_owned())];
        let mut file = ParquetFile::create(into, frame, 7, metadata, "a table").unwrap();
        let mut start = 0;
        for end in cuts.iter().copied().chain([frame.height()]) {
            file.append(&frame.slice(i64::try_from(start).unwrap(), end - start)).unwrap();
            start = end;
        }
        file.finish().unwrap();
        let footer = Footer::read(crate::store::open_file(&path).unwrap(), "a table").unwrap();
        assert_eq!(footer.rows(), i64::try_from(frame.height()).unwrap());
        assert_eq!(footer.value("key"), Some("value"));
        (std::fs::read(&path).unwrap(), footer.row_groups())
    }

    proptest! {
        #[test]
        fn a_file_does_not_depend_on_how_its_rows_came(
            texts in proptest::collection::vec(proptest::option::of("[a-c]{0,20}"), 0..60),
            mut cuts in proptest::collection::vec(0..60_usize, 0..5),
        ) {
            let numbers: Vec<i64> = (0..).take(texts.len()).collect();
            let frame = df!("text" => &texts, "number" => numbers).unwrap();
            for cut in &mut cuts {
                *cut = (*cut).min(texts.len());
            }
            cuts.sort_unstable();
            let (bytes, row_groups) = written(&frame, &cuts);
            prop_assert_eq!(&bytes, &written(&frame, &[]).0);
            let expected: Vec<i64> =
                texts.chunks(7).map(|rows| i64::try_from(rows.len()).unwrap()).collect();
            prop_assert_eq!(row_groups, expected);
        }
    }
}
