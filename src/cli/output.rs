//! What the user reads: data on stdout, messages on stderr.

use std::io::{IsTerminal, Write};

use clap::{Args, ValueEnum};
use comfy_table::{Cell, ContentArrangement, Row, Table, presets};
use serde_json::Value;

use crate::error::{Code, Error, Result};

/// Prints data. A reader that went away (`| head`) is no failure.
///
/// # Errors
/// CS2002 when stdout cannot be written.
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::new(Code::StorageWrite, "cannot write to stdout").because(error)),
    }
}

/// Prints an error with its hint.
pub(super) fn error(error: &Error) {
    // Nothing is left to report to when stderr is gone.
    let _ = writeln!(std::io::stderr().lock(), "{}", error.report());
}

/// A table without borders.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec());
    table
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ListFormat {
    /// Columns for people.
    Text,
    /// An array of objects, whose values are the texts of the columns.
    Json,
}

/// How to print a list.
#[derive(Debug, Args)]
pub(super) struct ListOption {
    /// How to print it
    #[arg(long = "format", value_name = "FORMAT", default_value = "text")]
    pub(super) format: ListFormat,
}

/// Prints a table as it was asked for.
///
/// # Errors
/// CS2002 when stdout cannot be written.
pub(super) fn print_list(table: &Table, option: &ListOption) -> Result<()> {
    if option.format == ListFormat::Text {
        return print_table(table);
    }
    let texts = |row: &Row| -> Vec<String> { row.cell_iter().map(Cell::content).collect() };
    let name = |title: &String| title.to_lowercase().replace(' ', "_");
    let names: Vec<String> =
        table.header().map(texts).unwrap_or_default().iter().map(name).collect();
    let object = |row: &Row| -> serde_json::Map<String, Value> {
        names.iter().cloned().zip(texts(row).into_iter().map(Value::String)).collect()
    };
    let rows: Vec<_> = table.row_iter().map(object).collect();
    let text = serde_json::to_string_pretty(&rows)
        .map_err(|error| Error::bug("a list cannot be printed").because(error))?;
    print(&format!("{text}\n"))
}

/// Prints a table.
///
/// # Errors
/// CS2002 when stdout cannot be written.
pub(super) fn print_table(table: &Table) -> Result<()> {
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    print(&format!("{}\n", lines.join("\n")))
}

/// Whether messages go to a person.
pub(super) fn is_interactive() -> bool {
    std::io::stderr().is_terminal()
}
