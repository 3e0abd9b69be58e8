//! The only caller of polars' execution: always the streaming engine, and no polars error reaches
//! a user bare.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use polars::prelude::{
    CompatLevel, DataFrame, Engine, FileWriteFormat, IntoLazy, KeyValueMetadata, LazyFrame,
    ParquetCompression, ParquetWriteOptions, PlRefPath, PolarsError, ScanArgsParquet,
    SinkDestination, SinkTarget, StatisticsOptions, UnifiedSinkArgs,
};

use crate::error::{Code, Error, Result};

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
    written.map(|_| ()).map_err(|error| {
        Error::new(Code::StorageWrite, format!("cannot write {what}"))
            .because(error)
            .hint("check that the folder is writable and has room")
    })
}

/// A frame as the start of a query.
pub fn lazy(frame: DataFrame) -> LazyFrame {
    frame.lazy()
}
