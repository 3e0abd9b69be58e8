//! `capscore inspect`: what a file is.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};

use super::options::{Context, Global};
use super::output;
use crate::error::{Error, Result};
use crate::ingest::{self, Inspection};

/// Says for each file what export it is, by which columns, what an ingest would accept and reject,
/// and why. Reads the files; writes nothing.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Files to look at, on local disk or in object storage
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<()> {
    let pipeline = Context::new(global)?.pipeline(None)?;
    let mut inspections = Vec::new();
    let mut first_error = None;
    for file in &arguments.files {
        match ingest::inspect(file, &pipeline.sources, &pipeline.catalogs) {
            Ok(found) => inspections.extend(found),
            Err(error) if first_error.is_none() => first_error = Some(error),
            Err(error) => output::error(&error),
        }
    }
    let text = match arguments.format {
        Format::Text => inspections.iter().map(text).collect::<Vec<_>>().join("\n"),
        Format::Json => {
            let json = serde_json::to_string_pretty(&inspections)
                .map_err(|error| Error::bug("an inspection cannot be printed").because(error))?;
            format!("{json}\n")
        }
    };
    output::print(&text)?;
    first_error.map_or(Ok(()), Err)
}

fn text(inspection: &Inspection) -> String {
    let mut text = format!("{}\n", inspection.file);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    line(
        "export",
        &format!("{} ({}, layout {})", inspection.title, inspection.dataset, inspection.layout),
    );
    let delimiter = match inspection.delimiter.as_str() {
        "\\t" => "tabs",
        "," => "commas",
        ";" => "semicolons",
        other => other,
    };
    line("text", &format!("{}, separated by {delimiter}", inspection.encoding));
    if let Some((first, last)) = &inspection.months {
        line("months", &format!("{first} to {last}"));
    }
    line(
        "records",
        &format!(
            "{}: {} accepted, {} rejected, {} skipped",
            inspection.records, inspection.accepted, inspection.rejected, inspection.skipped
        ),
    );
    if let Some(amount) = &inspection.amount_usd {
        line("amount", &format!("{amount} USD accepted"));
    }
    let columns: Vec<String> = inspection
        .columns
        .iter()
        .map(|(field, header)| format!("{header} ({})", field.replace('_', " ")))
        .collect();
    line("columns", &columns.join(", "));
    if !inspection.unknown_columns.is_empty() {
        line("unknown", &inspection.unknown_columns.join(", "));
    }
    for (check, about) in &inspection.assumptions {
        line("assumed", &format!("{about}: {check}"));
    }
    for rejection in &inspection.rejections {
        let value = rejection.value.as_deref().map_or(String::new(), |value| format!(" {value:?}"));
        line(
            "rejected",
            &format!(
                "record {}, line {}, {}: {}{value}",
                rejection.record,
                rejection.line,
                if rejection.column.is_empty() { "whole record" } else { &rejection.column },
                rejection.reason
            ),
        );
    }
    text
}
