//! What a run tells at its end, in a few lines.

use std::fmt::Write as _;

use super::Scored;
use crate::checks::Severity;
use crate::ingest;

/// How many unknown columns of a file are named.
const NAMED: usize = 12;

/// What was ingested.
pub fn ingest_text(summary: &ingest::Summary) -> String {
    let mut text = String::new();
    let records: u64 = summary.files.iter().map(|file| file.records).sum();
    let rejected: u64 = summary.files.iter().map(|file| file.quarantined).sum();
    if summary.accepted > 0 {
        let _ = writeln!(text, "Accepted    {} replacements that were held", summary.accepted);
    }
    if summary.files.is_empty() {
        let _ = writeln!(text, "Ingested    nothing new: all {} files are known", summary.known);
        return text;
    }
    let _ = writeln!(
        text,
        "Ingested    {} files of {} deliveries, {records} records ({rejected} rejected); {} files were known",
        summary.files.len(),
        summary.deliveries.len(),
        summary.found - summary.files.len().min(summary.found),
    );
    for file in summary.files.iter().filter(|file| file.same_as.is_some()) {
        let first = file.same_as.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  repeated  {} has the content of {first}", file.uri);
    }
    for file in &summary.files {
        if let Some(reason) = &file.set_aside {
            let _ = writeln!(text, "  set aside {}: {reason}", file.uri);
        }
        if !file.unknown_columns.is_empty() {
            let named = file.unknown_columns.iter().take(NAMED).map(|name| match name.trim() {
                "" => "(no name)",
                name => name,
            });
            let mut columns = named.collect::<Vec<_>>().join(", ");
            if file.unknown_columns.len() > NAMED {
                let _ = write!(columns, ", … {} in all", file.unknown_columns.len());
            }
            let _ = writeln!(text, "  note      {}: unknown columns {columns}", file.uri);
        }
    }
    for name in &summary.unknown_attributions {
        let _ =
            writeln!(text, "  note      the attribution {name:?} is unknown and counts nowhere");
    }
    text
}

/// What was scored, and where it is: the newest month in full, the others in a line each.
pub fn score_text(months: &[Scored]) -> String {
    let mut text = String::new();
    let Some((newest, earlier)) = months.split_last() else { return text };
    for scored in earlier {
        let word = if scored.is_unchanged { "Unchanged" } else { "Scored" };
        let _ = write!(text, "{word:<11} {} as run {}", scored.reference, scored.run_id);
        let failed = scored.checks.iter().filter(|check| check.is_failed()).count();
        let _ = match failed {
            0 => writeln!(text),
            1 => writeln!(text, " (1 warning in its check_result)"),
            count => writeln!(text, " ({count} warnings in its check_result)"),
        };
    }
    add_month(&mut text, newest);
    text
}

fn add_month(text: &mut String, scored: &Scored) {
    if scored.is_unchanged {
        let _ = writeln!(
            text,
            "Unchanged   {} is published already as run {}; {}",
            scored.reference,
            scored.run_id,
            if scored.has_new_dimensions {
                "the tables about partners, customers and rules were written"
            } else {
                "no file was written"
            }
        );
        add_checks(text, scored);
        let _ = writeln!(text, "Tables      {}", scored.output);
        return;
    }
    let _ = writeln!(text, "Scored      {} as run {}", scored.reference, scored.run_id);
    let width =
        scored.areas.iter().map(|area| area.title.chars().count()).max().unwrap_or_default();
    for area in &scored.areas {
        let [complete, lower_bound, not_computable] = area.coverage;
        let _ = write!(
            text,
            "  {:<width$}  {} of {} partners qualified, {} within 10 points, median {} (rules {}",
            area.title,
            area.qualified,
            area.partners,
            area.within_ten,
            area.median().map_or_else(|| "unknown".to_owned(), |median| median.to_string()),
            area.ruleset_id
        );
        let _ = writeln!(
            text,
            "; {complete} complete, {lower_bound} lower bound, {not_computable} not computable)"
        );
    }
    let _ = writeln!(
        text,
        "Quarantine  {} records of the files that feed the month",
        scored.quarantined
    );
    add_checks(text, scored);
    let rows: u64 = scored.tables.iter().map(|(_, rows)| rows).sum();
    let _ = writeln!(
        text,
        "Tables      {}: {} tables, {rows} rows",
        scored.output,
        scored.tables.len()
    );
}

fn add_checks(text: &mut String, scored: &Scored) {
    for check in scored.checks.iter().filter(|check| check.is_failed()) {
        let word = if check.severity == Severity::Error { "Error" } else { "Warning" };
        let _ = writeln!(text, "{word:<11} {}: {}", check.id, check.message);
    }
}
