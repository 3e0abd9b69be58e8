//! What a run leaves on record beside its tables: the manifest and the quarantine.

use std::collections::BTreeMap;

use chrono::Utc;
use polars::prelude::{Column, DataFrame, DataType};

use super::attempt::instant;
use super::feeding::Feeding;
use super::queue::Prepared;
use super::scoring::Scored;
use super::{Attempt, Pipeline, ScoreSettings};
use crate::checks::failed;
use crate::engine::bug;
use crate::error::Result;
use crate::facts::{Live, LiveFrames};
use crate::ids::FieldHasher;
use crate::publish::{ChecksSummary, InputFile, Manifest, NamedHash, OutputFile, RulesetUsed};
use crate::tables::{CONTRACT_VERSION, QUARANTINE, Rows};

/// The rejected records of the files that feed the month. Of a file that was overwritten in place, and
/// whose earlier content still feeds it too, those of the newest: that is the file to look into.
///
/// # Errors
/// CS9001.
pub(super) fn quarantine(live: &Live, feeding: &Feeding) -> Result<DataFrame> {
    let mut rows = Rows::new(&QUARANTINE);
    for (_, frame) in LiveFrames::new(live).quarantine(&feeding.newest_files(live))? {
        let column = |name: &str| frame.column(name).map_err(bug);
        let text = |name: &str| column(name).and_then(|column: &Column| column.str().map_err(bug));
        let int = |name: &str| column(name).and_then(|column: &Column| column.i64().map_err(bug));
        let (source, dataset, at_column) =
            (text("source_file")?, text("dataset")?, text("column")?);
        let (reason, raw) = (text("reason")?, text("raw_value")?);
        let (record, line) = (int("record")?, int("line")?);
        for at in 0..frame.height() {
            rows.text(source.get(at).unwrap_or_default())
                .int(record.get(at).unwrap_or_default())
                .int(line.get(at).unwrap_or_default())
                .text(dataset.get(at).unwrap_or_default())
                .text(at_column.get(at).unwrap_or_default())
                .text(reason.get(at).unwrap_or_default())
                .text(raw.get(at))
                .end();
        }
    }
    rows.finish()
}

/// A hash of each row of a table, in an order that is not that of the rows.
///
/// # Errors
/// CS9001.
pub(super) fn hashed_rows(table: &DataFrame) -> Result<Vec<blake3::Hash>> {
    let mut columns = Vec::new();
    for column in table.columns() {
        let texts = column.cast(&DataType::String).map_err(bug)?;
        columns.push(texts.str().map_err(bug)?.clone());
    }
    let hash = |row: usize| {
        let mut hasher = FieldHasher::default();
        for texts in &columns {
            hasher.add_some(texts.get(row));
        }
        hasher.finish()
    };
    let mut hashes: Vec<blake3::Hash> = (0..table.height()).map(hash).collect();
    hashes.sort_unstable_by_key(|hash| *hash.as_bytes());
    Ok(hashes)
}

/// The manifest of a run that is about to be published.
pub(super) fn manifest(
    pipeline: &Pipeline,
    settings: &ScoreSettings,
    prepared: &Prepared<'_>,
    attempt: &Attempt,
    scored: &Scored,
    outputs: Vec<OutputFile>,
) -> Manifest {
    let (warn, error) = failed(&scored.checks);
    let options = BTreeMap::from([(
        "ruleset".to_owned(),
        settings.ruleset.clone().unwrap_or_else(|| "auto".to_owned()),
    )]);
    Manifest {
        run_id: scored.run_id.as_str().to_owned(),
        attempt_id: attempt.id.clone(),
        contract_version: CONTRACT_VERSION.to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        started: instant(attempt.started),
        finished: instant(Utc::now()),
        as_of_month: prepared.month.reference.to_string(),
        options,
        rulesets: prepared
            .month
            .versions
            .iter()
            .map(|version| RulesetUsed {
                area: version.area.clone(),
                ruleset_id: version.id.clone(),
                hash: version.hash.clone(),
            })
            .collect(),
        catalogs: pipeline
            .catalogs
            .hashes
            .iter()
            .map(|(name, hash)| NamedHash { name: name.clone(), hash: hash.clone() })
            .collect(),
        inputs: inputs(prepared),
        outputs,
        checks: ChecksSummary { warn, error },
    }
}

fn inputs(prepared: &Prepared<'_>) -> Vec<InputFile> {
    let mut inputs = Vec::new();
    for (sequence, index) in &prepared.month.feeding.files {
        let Some(file) = prepared.live.file(*sequence, *index).cloned() else { continue };
        let at = usize::try_from(sequence - 1).unwrap_or(usize::MAX);
        let delivery = prepared.live.ledger.entries.get(at).map(|entry| entry.delivery.clone());
        inputs.push(InputFile {
            uri: file.uri,
            delivery: delivery.unwrap_or_default(),
            dataset: file.dataset,
            layout: file.layout,
            encoding: file.encoding,
            delimiter: file.delimiter,
            bytes: file.bytes,
            content_hash: file.content_hash,
            first_month: file.first_month,
            last_month: file.last_month,
            records: file.records,
            accepted: file.accepted,
            quarantined: file.quarantined,
            skipped: file.skipped,
            used: file.used,
            repeated: file.repeated,
            not_used: file.not_used,
            not_used_reasons: file.not_used_reasons,
            amount_accepted: file.amount_accepted,
            amount_facts: file.amount_facts,
            amount_repeated: file.amount_repeated,
            amount_not_used: file.amount_not_used,
            is_live: true,
        });
    }
    inputs.sort_by(|left, right| (&left.delivery, &left.uri).cmp(&(&right.delivery, &right.uri)));
    inputs
}
