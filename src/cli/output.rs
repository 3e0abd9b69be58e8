//! What the user reads: data on stdout, messages on stderr.

use std::io::{IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};

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
