//! `capscore config`: the settings of a run, and where each comes from.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Subcommand};

use super::options::{Context, Global, person_secret};
use super::output;
use super::run::RunOptions;
use crate::error::{Error, Result};
use crate::workers::threads;

/// Looks at settings.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print each setting of a run, its value, and where it comes from
    Show(Box<Arguments>),
}

/// Takes the flags of `capscore run` and prints what holds: a flag wins over the environment, that over
/// the job file, and that over the default. Nothing is read or written but the job file.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    options: RunOptions,
}

/// Settings as job files and flags call them, and what holds without them.
const SETTINGS: [(&str, &str); 20] = [
    ("config", ""),
    ("pipelines", "built-in"),
    ("input", ""),
    ("scope", "partner"),
    ("facts", ""),
    ("output", ""),
    ("as_of", "auto"),
    ("ruleset", "auto"),
    ("ruleset_file", ""),
    ("on_bad_file", "fail"),
    ("accept_drop", "false"),
    ("customer_names", "keep"),
    ("format", "parquet"),
    ("fail_on", "error"),
    ("checks", ""),
    ("threads", ""),
    ("memory_limit", "768MiB"),
    ("metrics_file", ""),
    ("openlineage", ""),
    ("log_format", "auto"),
];

pub(super) fn run(global: &Global, command: &Command, matches: &ArgMatches) -> Result<()> {
    let Command::Show(_) = command;
    let given = ["config", "show"]
        .iter()
        .try_fold(matches, |matches, name| matches.subcommand_matches(name))
        .ok_or_else(|| Error::bug("config show was given and was not"))?;
    let context = Context::new(global)?;
    let job = context.job_settings()?;
    let mut table = output::table(&["SETTING", "VALUE", "FROM"]);
    for (name, default) in SETTINGS {
        let (value, from) = if let Some(found) = given_value(given, name) {
            found
        } else if let Some(value) = job.get(name) {
            (
                value.to_string(),
                format!("job file {}", global.config.as_deref().unwrap_or_default()),
            )
        } else if name == "threads" {
            (threads().to_string(), "default".to_owned())
        } else {
            (default.to_owned(), if default.is_empty() { "" } else { "default" }.to_owned())
        };
        table.add_row([name, value.as_str(), from.as_str()]);
    }
    let secret = if person_secret().is_some() { ("(set)", "environment") } else { ("", "") };
    table.add_row(["person key", secret.0, secret.1]);
    output::print_table(&table)
}

/// What a flag or the environment gives, and which of them.
fn given_value(given: &ArgMatches, name: &str) -> Option<(String, String)> {
    if given.try_contains_id(name).is_err() {
        return None;
    }
    let from = match given.value_source(name)? {
        ValueSource::CommandLine => format!("flag --{}", name.replace('_', "-")),
        ValueSource::EnvVariable => format!("environment CAPSCORE_{}", name.to_uppercase()),
        _ => return None,
    };
    let values = given.get_raw(name)?.map(|value| value.to_string_lossy().into_owned());
    Some((values.collect::<Vec<_>>().join("; "), from))
}
