//! The manifest of a run (contract §5): what it read, by which rules, and what it wrote.

use std::collections::BTreeMap;
use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::ids::RunId;
use crate::store::Store;

/// A run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// The run.
    pub run_id: String,
    /// The execution that published it.
    pub attempt_id: String,
    /// The version of the output contract.
    pub contract_version: String,
    /// The version of the program.
    pub program_version: String,
    /// When the execution started, UTC.
    pub started: String,
    /// When the tables were complete, UTC.
    pub finished: String,
    /// The reference month, `YYYY-MM`.
    pub as_of_month: String,
    /// The scoring options.
    pub options: BTreeMap<String, String>,
    /// The rule versions.
    pub rulesets: Vec<RulesetUsed>,
    /// The catalogs.
    pub catalogs: Vec<NamedHash>,
    /// The files that feed the month.
    pub inputs: Vec<InputFile>,
    /// The published files.
    pub outputs: Vec<OutputFile>,
    /// Failed checks.
    pub checks: ChecksSummary,
}

/// A rule version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RulesetUsed {
    /// The area.
    pub area: String,
    /// The version.
    pub ruleset_id: String,
    /// Hash of its text.
    pub hash: String,
}

/// A name and a hash.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NamedHash {
    /// The name.
    pub name: String,
    /// `blake3:<hex>`.
    pub hash: String,
}

/// One input file with its balance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InputFile {
    /// Where it was.
    pub uri: String,
    /// The delivery date.
    pub delivery: String,
    /// The dataset.
    pub dataset: String,
    /// The layout.
    pub layout: String,
    /// The encoding.
    pub encoding: String,
    /// The delimiter.
    pub delimiter: String,
    /// Bytes.
    pub bytes: u64,
    /// Hash of the bytes.
    pub content_hash: String,
    /// First accepted month.
    pub first_month: Option<String>,
    /// Last accepted month.
    pub last_month: Option<String>,
    /// Records.
    pub records: u64,
    /// Accepted ones.
    pub accepted: u64,
    /// Rejected ones.
    pub quarantined: u64,
    /// Blank and totals lines.
    pub skipped: u64,
    /// Accepted and in the facts.
    pub used: u64,
    /// Accepted and repeating others.
    pub repeated: u64,
    /// Accepted and of no use.
    pub not_used: u64,
    /// Why.
    pub not_used_reasons: BTreeMap<String, u64>,
    /// Amounts of accepted records.
    pub amount_accepted: String,
    /// … in the facts.
    pub amount_facts: String,
    /// … repeated.
    pub amount_repeated: String,
    /// … of no use.
    pub amount_not_used: String,
    /// Whether any of its rows counts.
    pub is_live: bool,
}

/// One published file.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct OutputFile {
    /// The table.
    pub table: String,
    /// The file, relative to the output.
    pub path: String,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// Hash of the bytes.
    pub content_hash: String,
}

/// How many checks failed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
pub struct ChecksSummary {
    /// Warnings.
    pub warn: usize,
    /// Errors.
    pub error: usize,
}

/// The manifest file of a run.
pub(super) fn path(run_id: &RunId) -> String {
    format!("_runs/{run_id}/manifest.json")
}

impl Manifest {
    pub(super) fn write(&self, mut target: impl Write) -> Result<()> {
        serde_json::to_writer_pretty(&mut target, self)
            .map_err(std::io::Error::from)
            .and_then(|()| target.write_all(b"\n"))
            .and_then(|()| target.flush())
            .map_err(|error| {
                Error::new(Code::StorageWrite, "cannot write the manifest")
                    .because(error)
                    .hint("make room where the tables go, and run again")
            })
    }
}

/// Reads the manifest of a run.
///
/// # Errors
/// CS2001, CS6005.
pub fn read_manifest(output: &Store, run_id: &RunId) -> Result<Option<Manifest>> {
    let Some(bytes) = output.read(&path(run_id))? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Error::new(Code::Damaged, format!("{} is damaged", output.uri_of(&path(run_id))))
            .because(error)
            .hint("restore it from a backup; or delete it, and publish the month again")
    })
}

/// All runs of an output, by month and time.
///
/// # Errors
/// CS2001, CS6005.
pub fn list_runs(output: &Store) -> Result<Vec<Manifest>> {
    let mut runs = Vec::new();
    for file in output.list("_runs")? {
        let mut parts = file.path.split('/').skip(1);
        if let (Some(run_id), Some("manifest.json")) = (parts.next(), parts.next())
            && let Some(run_id) = RunId::parse(run_id)
        {
            runs.extend(read_manifest(output, &run_id)?);
        }
    }
    runs.sort_by(|left, right| {
        (&left.as_of_month, &left.finished).cmp(&(&right.as_of_month, &right.finished))
    });
    Ok(runs)
}
