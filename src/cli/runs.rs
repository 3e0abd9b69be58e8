//! `capscore runs`: what was published.

use clap::Subcommand;

use super::options::{Context, Global, OutputOption};
use super::output;
use crate::error::{Code, Error, Result};
use crate::ids::RunId;
use crate::publish::{list_runs, published_run};
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the runs; the one whose tables are published is marked
    List {
        #[command(flatten)]
        output: OutputOption,
    },
    /// Take away the lease of a run that was killed, before it ends by itself after two minutes
    ///
    /// Only an output in object storage has a lease; the lock of a local folder ends with its process.
    /// Make sure that the run is dead.
    Unlock {
        #[command(flatten)]
        output: OutputOption,
    },
    /// Show the manifest of a run
    Show {
        /// A run id, or its first digits
        run: String,
        #[command(flatten)]
        output: OutputOption,
    },
}

pub(super) fn run(global: &Global, command: Command) -> Result<()> {
    let context = Context::new(global)?;
    match command {
        Command::List { output } => list(&Store::open(&context.output(&output)?)?),
        Command::Unlock { output } => {
            let output = Store::open(&context.output(&output)?)?;
            output::print(&unlocked(output.uri(), crate::commit::unlock(&output)?))
        }
        Command::Show { run, output } => show(&Store::open(&context.output(&output)?)?, &run),
    }
}

/// What came of taking a lease away.
pub(super) fn unlocked(uri: &str, owner: Option<String>) -> String {
    match owner {
        Some(owner) => format!("{uri} is no longer held by {owner}\n"),
        None => format!("Nobody holds {uri}\n"),
    }
}

fn list(output: &Store) -> Result<()> {
    let mut table =
        output::table(&["RUN", "MONTH", "PUBLISHED", "RULESETS", "WARNINGS", "FINISHED"]);
    for run in list_runs(output)? {
        let published = published_run(output, &run.as_of_month)?;
        let is_published = published.as_ref().map(RunId::as_str) == Some(run.run_id.as_str());
        let rulesets: Vec<String> = run
            .rulesets
            .iter()
            .map(|ruleset| format!("{} {}", ruleset.area, ruleset.ruleset_id))
            .collect();
        table.add_row([
            run.run_id,
            run.as_of_month,
            if is_published { "yes" } else { "replaced" }.to_owned(),
            rulesets.join(", "),
            run.checks.warn.to_string(),
            run.finished,
        ]);
    }
    output::print_table(&table)
}

fn show(output: &Store, run: &str) -> Result<()> {
    let runs = list_runs(output)?;
    let found: Vec<_> = runs.iter().filter(|known| known.run_id.starts_with(run)).collect();
    let [manifest] = found[..] else {
        let what = if found.is_empty() { "no run starts" } else { "several runs start" };
        return Err(Error::new(Code::NotFound, format!("{what} with {run:?}"))
            .hint("run `capscore runs list`"));
    };
    let text = serde_json::to_string_pretty(manifest)
        .map_err(|error| Error::bug("a manifest cannot be printed").because(error))?;
    output::print(&format!("{text}\n"))
}
