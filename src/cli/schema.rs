//! `capscore schema`: the published tables.

use std::fmt::Write as _;

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::output;
use crate::error::{Code, Error, Result};
use crate::tables::{self, ALL, CONTRACT_VERSION, Layout, Table};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the tables
    List,
    /// Show the columns of a table
    Show {
        /// A table
        table: String,
    },
    /// Print all tables as JSON, Markdown or SQL
    Export {
        /// The format
        #[arg(long, default_value = "json")]
        format: Format,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Json,
    Markdown,
    Sql,
}

pub(super) fn run(command: &Command) -> Result<()> {
    match command {
        Command::List => list(),
        Command::Show { table } => show(table),
        Command::Export { format: Format::Json } => export_json(),
        Command::Export { format: Format::Markdown } => output::print(&markdown()),
        Command::Export { format: Format::Sql } => output::print(&sql()),
    }
}

fn list() -> Result<()> {
    let mut table = output::table(&["TABLE", "FILES", "A ROW IS"]);
    for known in ALL {
        table.add_row([known.name, &files_of(known), known.meaning]);
    }
    output::print_table(&table)
}

fn files_of(table: &Table) -> String {
    match table.layout {
        Layout::Month => table.path("<YYYY-MM>", ""),
        Layout::Whole => table.path("", ""),
        Layout::Run => table.path("", "<run_id>"),
    }
}

fn show(name: &str) -> Result<()> {
    let Some(known) = tables::table(name) else {
        let close = ALL.iter().max_by(|left, right| {
            strsim::jaro(left.name, name).total_cmp(&strsim::jaro(right.name, name))
        });
        let hint = close.map_or("", |table| table.name);
        return Err(Error::new(Code::Usage, format!("no table is called {name:?}"))
            .hint(format!("did you mean {hint}? run `capscore schema list`")));
    };
    let mut table = output::table(&["COLUMN", "TYPE", "KEY", "NULL", "UNIT", "MEANING"]);
    for column in known.columns {
        table.add_row([
            column.name,
            column.kind.sql(),
            if known.key.contains(&column.name) { "key" } else { "" },
            if column.is_nullable { "null" } else { "" },
            column.unit,
            column.meaning,
        ]);
    }
    output::print_table(&table)
}

fn export_json() -> Result<()> {
    let tables: Vec<serde_json::Value> = ALL
        .iter()
        .map(|table| {
            let columns: Vec<serde_json::Value> = table
                .columns
                .iter()
                .map(|column| {
                    json!({
                        "name": column.name,
                        "type": column.kind.sql(),
                        "nullable": column.is_nullable,
                        "unit": column.unit,
                        "meaning": column.meaning,
                    })
                })
                .collect();
            json!({
                "name": table.name,
                "files": files_of(table),
                "key": table.key,
                "meaning": table.meaning,
                "columns": columns,
            })
        })
        .collect();
    let schema = json!({ "contract_version": CONTRACT_VERSION, "tables": tables });
    let text = serde_json::to_string_pretty(&schema)
        .map_err(|error| Error::bug("the schema cannot be printed").because(error))?;
    output::print(&format!("{text}\n"))
}

fn markdown() -> String {
    let mut text = format!("# Published tables (contract {CONTRACT_VERSION})\n");
    for table in ALL {
        let _ = write!(
            text,
            "\n## {}\n\nA row is {}. Files: `{}`. Key: {}.\n\n| column | type | null | unit | meaning |\n|---|---|---|---|---|\n",
            table.name,
            table.meaning,
            files_of(table),
            table.key.join(", ")
        );
        for column in table.columns {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                column.name,
                column.kind.sql(),
                if column.is_nullable { "yes" } else { "" },
                column.unit,
                column.meaning
            );
        }
    }
    text
}

fn sql() -> String {
    let mut text = String::new();
    for table in ALL {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                let null = if column.is_nullable { "" } else { " NOT NULL" };
                format!("    \"{}\" {}{null}", column.name, column.kind.sql())
            })
            .collect();
        let key: Vec<String> = table.key.iter().map(|key| format!("\"{key}\"")).collect();
        let _ = writeln!(
            text,
            "-- A row is {}.\nCREATE TABLE {} (\n{},\n    PRIMARY KEY ({})\n);\n",
            table.meaning,
            table.name,
            columns.join(",\n"),
            key.join(", ")
        );
    }
    text
}
