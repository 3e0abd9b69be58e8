//! What a run tells a monitoring system: the text format of Prometheus, for the node exporter's
//! textfile collector.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use polars::prelude::col;

use super::{Attempt, Scored};
use crate::checks::{Check, Severity};
use crate::engine;
use crate::engine::bug;
use crate::error::Result;
use crate::ingest;
use crate::store::Store;
use crate::tables::FACT_AREA_SCORE;

/// The metrics of a run that ended well. Gauges alone: a file of an earlier run is replaced, and a
/// run that fails leaves it, so that the time of the last success stays.
///
/// # Errors
/// CS2001, CS2003, CS9001.
pub fn metrics_text(
    attempt: &Attempt,
    summary: Option<&ingest::Summary>,
    months: &[Scored],
) -> Result<String> {
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, values: &[(String, i64)]| {
        if !values.is_empty() {
            let _ = writeln!(text, "# HELP capscore_{name} {help}");
            let _ = writeln!(text, "# TYPE capscore_{name} gauge");
        }
        for (labels, value) in values {
            let _ = writeln!(text, "capscore_{name}{labels} {value}");
        }
    };
    let one = |value: i64| [(String::new(), value)];
    let count = |value: u64| one(i64::try_from(value).unwrap_or(i64::MAX));
    let now = chrono::Utc::now();
    gauge("last_success_timestamp_seconds", "When a run last ended well.", &one(now.timestamp()));
    let duration = (now - attempt.started).num_milliseconds();
    gauge("last_duration_milliseconds", "How long it took.", &one(duration));
    if let Some(summary) = summary {
        let sum =
            |value: fn(&crate::facts::FileRecord) -> u64| summary.files.iter().map(value).sum();
        gauge("ingested_files", "Files that it read.", &count(summary.files.len() as u64));
        gauge("ingested_records", "Records in them.", &count(sum(|file| file.records)));
        gauge(
            "rejected_records",
            "Records that it rejected.",
            &count(sum(|file| file.quarantined)),
        );
    }
    if let Some(newest) = months.last() {
        let month = format!("{{month=\"{}\"}}", newest.reference);
        gauge("scored_month", "The newest month that is published.", &[(month, 1)]);
        let rows = newest.tables.iter().map(|(_, rows)| rows).sum();
        gauge("published_rows", "Rows of its tables.", &count(rows));
        let failed = |severity: Severity| {
            let is_meant = |check: &&Check| check.severity == severity && check.is_failed();
            let failed = newest.checks.iter().filter(is_meant);
            i64::try_from(failed.count()).unwrap_or(i64::MAX)
        };
        let checks = [Severity::Warn, Severity::Error]
            .map(|severity| (format!("{{severity=\"{}\"}}", severity.as_str()), failed(severity)));
        gauge("failed_checks", "Checks that failed, by severity.", &checks);
        let areas = areas(newest)?;
        let of = |value: fn(&(i64, i64)) -> i64| -> Vec<(String, i64)> {
            let label = |area: &String| format!("{{area=\"{area}\"}}");
            areas.iter().map(|(area, counts)| (label(area), value(counts))).collect()
        };
        gauge("partners", "Partners scored, by area.", &of(|(all, _)| *all));
        gauge("qualified_partners", "Partners that qualify, by area.", &of(|(_, yes)| *yes));
    }
    Ok(text)
}

/// Partners and those that qualify by their selected path, per area, as published.
fn areas(scored: &Scored) -> Result<BTreeMap<String, (i64, i64)>> {
    let output = Store::open(&scored.output)?;
    let path = output.fetch(&FACT_AREA_SCORE.path(&scored.reference.to_string(), ""))?;
    let rows = engine::scan(&[path])?.select(["area", "is_qualified", "is_selected"].map(col));
    let rows = engine::collect(rows, "published scores")?;
    let area = rows.column("area").and_then(|column| column.str()).map_err(bug)?;
    let flag = |name: &str| rows.column(name).and_then(|column| column.bool()).map_err(bug);
    let (qualified, selected) = (flag("is_qualified")?, flag("is_selected")?);
    let mut areas: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for ((area, qualified), selected) in area.iter().zip(qualified.iter()).zip(selected.iter()) {
        if selected == Some(true) {
            let counts = areas.entry(area.unwrap_or_default().to_owned()).or_default();
            counts.0 += 1;
            counts.1 += i64::from(qualified == Some(true));
        }
    }
    Ok(areas)
}
