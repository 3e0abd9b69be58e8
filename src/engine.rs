//! The only caller of polars' execution: always the streaming engine, and no polars error reaches
//! a user bare.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use polars::prelude::{
    DataFrame, Engine, IntoLazy, KeyValueMetadata, LazyFrame, ParquetCompression, ParquetWriter,
    PlRefPath, PolarsError, ScanArgsParquet, StatisticsOptions,
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
    match catch_unwind(run) {
        Ok(Ok(frame)) => Ok(frame),
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
/// metadata.
///
/// # Errors
/// CS2002.
pub fn write_parquet(
    frame: &mut DataFrame,
    target: impl Write,
    row_group_rows: usize,
    metadata: Vec<(String, String)>,
    what: &str,
) -> Result<()> {
    ParquetWriter::new(target)
        .with_compression(ParquetCompression::Zstd(None))
        .with_statistics(StatisticsOptions::default())
        .with_row_group_size(Some(row_group_rows))
        .with_key_value_metadata(Some(KeyValueMetadata::from_static(metadata)))
        .finish(frame)
        .map(|_| ())
        .map_err(|error| {
            Error::new(Code::StorageWrite, format!("cannot write {what}: {error}"))
                .hint("check that the folder is writable and has room")
        })
}

/// A frame as the start of a query.
pub fn lazy(frame: DataFrame) -> LazyFrame {
    frame.lazy()
}
