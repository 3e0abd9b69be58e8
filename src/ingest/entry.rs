//! The ledger entry of a delivery: the balance of its files, its units and its quarantine.

use polars::prelude::{Column, DataFrame};

use super::acr_facts::Shares;
use super::intern::Texts;
use super::layout::dataset_name;
use super::reader::FileResult;
use super::recorder::{Collapsed, Recorder};
use super::rejections::Rejected;
use super::writing::StoredUnit;
use crate::calendar::Day;
use crate::engine;
use crate::error::{Error, Result};
use crate::facts::{
    FileRecord, LedgerEntry, Unit, UnitKey, quarantine_path, units_frame, units_path,
};

impl Recorder<'_> {
    /// Writes the units and the quarantine of a delivery and gives its ledger entry.
    ///
    /// # Errors
    /// CS2002.
    pub(super) fn entry(
        &mut self,
        delivery: Day,
        sequence: u64,
        files: &[FileResult],
        collapsed: &[&Collapsed],
        texts: &Texts,
    ) -> Result<LedgerEntry> {
        let mut units = Vec::new();
        let mut records = Vec::new();
        for (at, file) in files.iter().enumerate() {
            let mut record = file.record.clone();
            if record.same_as.is_none() && record.set_aside.is_none() {
                let mut shares = Shares::default();
                for part in collapsed.iter().filter_map(|part| part.shares.get(&file.slot)) {
                    shares.used += part.used;
                    shares.repeated += part.repeated;
                    shares.amount_facts += part.amount_facts;
                    shares.amount_repeated += part.amount_repeated;
                }
                balance(&mut record, &shares, file)?;
                units_of(file, at, sequence, collapsed, texts, &mut units);
            }
            let unknown = file.tally.unknown_attributions.iter().cloned();
            self.summary.unknown_attributions.extend(unknown);
            records.push(record);
        }
        units.sort_by(|left, right| (&left.key, left.file).cmp(&(&right.key, right.file)));
        self.write_frame(&units_path(sequence), units_frame(&units)?)?;
        self.write_quarantine(sequence, files)?;
        self.summary.files.extend(records.iter().cloned());
        Ok(LedgerEntry {
            delivery: delivery.to_string(),
            files: records,
            ..LedgerEntry::without_files(sequence, &self.settings.attempt_id)
        })
    }

    fn write_quarantine(&self, sequence: u64, files: &[FileResult]) -> Result<()> {
        let rows: Vec<(usize, &FileResult, &Rejected)> = files
            .iter()
            .enumerate()
            .flat_map(|(at, file)| file.rejected.iter().map(move |row| (at, file, row)))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let text = |name: &str, values: Vec<&str>| Column::new(name.into(), values);
        let columns = vec![
            Column::new(
                "file".into(),
                rows.iter().map(|row| count(row.0 as u64)).collect::<Vec<_>>(),
            ),
            text("source_file", rows.iter().map(|row| row.1.record.uri.as_str()).collect()),
            Column::new(
                "record".into(),
                rows.iter().map(|row| count(row.2.record)).collect::<Vec<_>>(),
            ),
            Column::new(
                "line".into(),
                rows.iter().map(|row| count(row.2.line)).collect::<Vec<_>>(),
            ),
            text("dataset", rows.iter().map(|row| row.1.record.dataset.as_str()).collect()),
            text("column", rows.iter().map(|row| row.2.column.as_str()).collect()),
            text("reason", rows.iter().map(|row| row.2.reason).collect()),
            Column::new(
                "raw_value".into(),
                rows.iter().map(|row| row.2.raw_value.as_deref()).collect::<Vec<_>>(),
            ),
            Column::new(
                "partner_id".into(),
                rows.iter()
                    .map(|row| row.2.partner.as_ref().map(|partner| partner.0.as_str()))
                    .collect::<Vec<_>>(),
            ),
            Column::new(
                "is_account".into(),
                rows.iter()
                    .map(|row| row.2.partner.as_ref().map(|partner| partner.1))
                    .collect::<Vec<_>>(),
            ),
        ];
        let frame =
            DataFrame::new(rows.len(), columns).map_err(|error| Error::bug(error.to_string()))?;
        self.write_frame(&quarantine_path(sequence), frame)
    }

    fn write_frame(&self, path: &str, frame: DataFrame) -> Result<()> {
        let file = self.settings.facts.prepare(path)?;
        engine::write_parquet(frame, &file, 1 << 20, Vec::new(), path)?;
        self.lock.check()?;
        self.settings.facts.sync(path)
    }
}

fn units_of(
    file: &FileResult,
    at: usize,
    sequence: u64,
    collapsed: &[&Collapsed],
    texts: &Texts,
    units: &mut Vec<Unit>,
) {
    for ((partner, month), unit) in file.tally.units() {
        let (id, is_account) = texts.partner(partner);
        let partner = (id.to_owned(), is_account);
        let slice = (file.dataset, month);
        let of_slice = collapsed.iter().find(|collapsed| collapsed.slice == slice);
        let stored = of_slice.and_then(|collapsed| collapsed.units.get(&partner));
        let mut locations: Vec<String> =
            unit.locations.iter().map(|location| texts.text(*location).to_owned()).collect();
        locations.sort_unstable();
        // A unit of which no rule can use a row has no facts.
        let stored = stored
            .cloned()
            .unwrap_or_else(|| StoredUnit { stored: sequence, ..StoredUnit::default() });
        units.push(Unit {
            key: UnitKey {
                dataset: dataset_name(file.dataset).to_owned(),
                partner_id: partner.0.clone(),
                is_account,
                month,
            },
            file: at,
            rows: unit.rows,
            amount: unit.amount,
            locations,
            disagreeing: of_slice
                .and_then(|collapsed| collapsed.disagreeing.get(&partner))
                .copied()
                .unwrap_or_default(),
            tables: stored.tables,
            hash: stored.hash,
            stored: stored.stored,
        });
    }
}

/// Completes the balance of a file and proves it (contract §5).
fn balance(record: &mut FileRecord, shares: &Shares, file: &FileResult) -> Result<()> {
    let tally = &file.tally;
    record.used = shares.used;
    record.repeated = shares.repeated;
    record.amount_facts = shares.amount_facts.to_string();
    record.amount_repeated = shares.amount_repeated.to_string();
    let amounts = shares.amount_facts.0 + shares.amount_repeated.0 + tally.amount_not_used.0;
    let is_balanced = record.records == record.accepted + record.quarantined + record.skipped
        && record.accepted == record.used + record.repeated + record.not_used
        && tally.amount_accepted.0 == amounts;
    if is_balanced {
        return Ok(());
    }
    Err(Error::bug(format!(
        "{} does not balance: {} accepted, {} used, {} repeated, {} not used; {} USD accepted, {} in facts, {} repeated",
        record.uri,
        record.accepted,
        record.used,
        record.repeated,
        record.not_used,
        record.amount_accepted,
        record.amount_facts,
        record.amount_repeated
    )))
}
