//! The tables of one run, published or kept: where they are, and whether they are as they were written.

use std::collections::BTreeMap;

use super::rollback::{is_kept, kept_path, replaceable};
use super::{
    Manifest, OutputFile, RUN_ID_KEY, SCORE_ID_KEY, list_runs, published_run, published_value,
    stored_value,
};
use crate::commit::settled;
use crate::error::{Code, Error, Result};
use crate::store::{self, Store};
use crate::tables::{FACT_AREA_SCORE, Layout, Table, table};

/// The tables of one run: as they are published, or as they are kept.
#[derive(Debug, Clone)]
pub struct RunTables {
    /// The run whose tables are kept; none of the one that is published.
    kept: Option<String>,
    month: String,
}

impl RunTables {
    /// Those of a run; none when they are there no more.
    ///
    /// # Errors
    /// CS2001, CS2003.
    pub fn of(output: &Store, manifest: &Manifest) -> Result<Option<Self>> {
        let month = manifest.as_of_month.clone();
        let published = published_run(output, &month)?;
        if published.is_some_and(|run| run.as_str() == manifest.run_id) {
            return Ok(Some(Self { kept: None, month }));
        }
        let kept = Some(manifest.run_id.clone());
        Ok(is_kept(output, manifest)?.then_some(Self { kept, month }))
    }

    /// Where a table of the run is.
    pub fn path(&self, table: &Table) -> String {
        match &self.kept {
            Some(run) => kept_path(run, table.name),
            None => table.path(&self.month, ""),
        }
    }

    /// What the scores of the run depend on.
    ///
    /// # Errors
    /// CS2001.
    pub fn score_id(&self, output: &Store) -> Result<Option<String>> {
        stored_value(output, &self.path(&FACT_AREA_SCORE), SCORE_ID_KEY)
    }
}

/// What a look at all files of the runs found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifiedRuns {
    /// Runs whose tables are published or kept.
    pub runs: usize,
    /// Files that were read.
    pub files: usize,
    /// Where a file is not as its manifest says.
    pub problems: Vec<String>,
}

/// Compares the tables of the published and the kept runs with their manifests.
///
/// # Errors
/// CS2001, CS2003; CS6001 while a publication is half done; CS6004 where nothing was published; CS6005
/// for a damaged manifest.
pub fn verify_runs(output: &Store) -> Result<VerifiedRuns> {
    settled(output)?;
    let mut found = VerifiedRuns::default();
    let runs = list_runs(output)?;
    if runs.is_empty() {
        let text = format!("{} holds no run", output.uri());
        return Err(Error::new(Code::NotFound, text).hint("check the output folder"));
    }
    // Where the scores of a month do not say whose they are, its newest run is the published one.
    let mut published: BTreeMap<String, String> =
        runs.iter().map(|run| (run.as_of_month.clone(), run.run_id.clone())).collect();
    for (month, run) in &mut published {
        if let Some(known) = published_value(output, month, RUN_ID_KEY)? {
            *run = known;
        }
    }
    for manifest in runs {
        let is_published = published.get(&manifest.as_of_month) == Some(&manifest.run_id);
        // Of a run whose tables were deleted none is left.
        let mut kept = 0;
        for (_, path, ..) in replaceable(&manifest).filter(|_| !is_published) {
            kept += usize::from(output.head(&path)?.is_some());
        }
        if !is_published && kept == 0 {
            continue;
        }
        found.runs += 1;
        let of_run = |file: &&OutputFile| {
            table(&file.table).is_some_and(|table| table.layout == Layout::Run)
        };
        let of_run = manifest.outputs.iter().filter(of_run);
        let mut files: Vec<(String, &str)> =
            of_run.map(|file| (file.path.clone(), file.content_hash.as_str())).collect();
        files.extend(replaceable(&manifest).map(|(path, kept, _, hash)| {
            (if is_published { path.to_owned() } else { kept }, hash)
        }));
        for (path, hash) in files {
            found.files += 1;
            if !is_whole(output, &path, hash)? {
                found.problems.push(format!("{path} of run {}", manifest.run_id));
            }
        }
    }
    Ok(found)
}

/// Whether a file is there and has the content that a manifest says.
///
/// # Errors
/// CS2001, CS2003.
pub(super) fn is_whole(output: &Store, path: &str, content_hash: &str) -> Result<bool> {
    Ok(output.head(path)?.is_some() && store::content_hash(&output.fetch(path)?)? == content_hash)
}
