//! `capscore runs`: what was published.

use std::fmt::Write as _;

use clap::Subcommand;

use super::options::{Context, Global, OutputOption};
use super::output::{self, ListOption};
use crate::error::{Code, Error, Result};
use crate::job::{self, Attempt};
use crate::publish::{Manifest, is_held, is_kept, list_runs, published_run, verify_runs};
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the runs: published (yes, or held by a rollback), replaced and kept for one, or replaced
    List {
        #[command(flatten)]
        output: OutputOption,
        #[command(flatten)]
        list: ListOption,
    },
    /// Read all files of the published and kept runs, and prove that they are as they were written
    Verify {
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
    /// Publish the tables of an earlier run of a month again
    ///
    /// The tables of a run are kept when another one replaces them (`runs list` says of which). The
    /// run that is taken back is not published again by itself: later runs leave the month alone
    /// until its facts or rules change. Tables about partners, customers and rules
    /// belong to no month and stay as they are.
    Rollback {
        /// The run to go back to: its id, or its first digits
        run: String,
        #[command(flatten)]
        output: OutputOption,
    },
    /// Delete what is kept of the past: tables of replaced runs, files that Delta tables left behind
    ///
    /// Versions of Delta tables that were current within so many days stay readable. With 0 days
    /// everything goes that is not published, as it has to after an erasure.
    Vacuum {
        /// Keep what was replaced within so many days
        #[arg(long, default_value_t = 7, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(..=36_500))]
        days: u32,
        /// Print what would be deleted, and touch nothing
        #[arg(long)]
        plan: bool,
        #[command(flatten)]
        output: OutputOption,
    },
}

pub(super) fn run(global: &Global, command: Command) -> Result<()> {
    let context = Context::new(global)?;
    match command {
        Command::List { output, list: option } => {
            list(&Store::open(&context.output(&output)?)?, &option)
        }
        Command::Verify { output } => verify(&Store::open(&context.output(&output)?)?),
        Command::Unlock { output } => {
            let output = Store::open(&context.output(&output)?)?;
            output::print(&unlocked(output.uri(), crate::commit::unlock(&output)?))
        }
        Command::Show { run, output } => show(&Store::open(&context.output(&output)?)?, &run),
        Command::Rollback { run, output } => rollback(&context.output(&output)?, &run),
        Command::Vacuum { days, plan, output } => vacuum(&context.output(&output)?, days, plan),
    }
}

/// What came of taking a lease away.
pub(super) fn unlocked(uri: &str, owner: Option<String>) -> String {
    match owner {
        Some(owner) => format!("{uri} is no longer held by {owner}\n"),
        None => format!("Nobody holds {uri}\n"),
    }
}

fn list(output: &Store, option: &ListOption) -> Result<()> {
    crate::commit::settled(output)?;
    let mut table =
        output::table(&["RUN", "MONTH", "PUBLISHED", "RULESETS", "WARNINGS", "FINISHED"]);
    for run in list_runs(output)? {
        let published = published_run(output, &run.as_of_month)?;
        let state = match published.filter(|published| published.as_str() == run.run_id) {
            Some(published) if is_held(output, &run.as_of_month, &published)? => "held",
            Some(_) => "yes",
            None if is_kept(output, &run)? => "kept",
            None => "replaced",
        };
        let rulesets: Vec<String> = run
            .rulesets
            .iter()
            .map(|ruleset| format!("{} {}", ruleset.area, ruleset.ruleset_id))
            .collect();
        table.add_row([
            run.run_id,
            run.as_of_month,
            state.to_owned(),
            rulesets.join(", "),
            run.checks.warn.to_string(),
            run.finished,
        ]);
    }
    output::print_list(&table, option)
}

fn verify(output: &Store) -> Result<()> {
    let found = verify_runs(output)?;
    if found.problems.is_empty() {
        return output::print(&format!(
            "Verified {} files of {} runs: all are as they were written\n",
            found.files, found.runs
        ));
    }
    let named: Vec<&str> = found.problems.iter().take(5).map(String::as_str).collect();
    let text = format!("{} files are damaged: {}", found.problems.len(), named.join("; "));
    Err(Error::new(Code::Damaged, text)
        .hint("delete the damaged files of published runs and score their months again"))
}

fn show(output: &Store, run: &str) -> Result<()> {
    let text = serde_json::to_string_pretty(&named(output, run)?)
        .map_err(|error| Error::bug("a manifest cannot be printed").because(error))?;
    output::print(&format!("{text}\n"))
}

/// The run whose id starts with some digits.
fn named(output: &Store, run: &str) -> Result<Manifest> {
    let mut found = list_runs(output)?;
    found.retain(|known| known.run_id.starts_with(run));
    let what = if found.is_empty() { "no run starts" } else { "several runs start" };
    found.pop().filter(|_| found.is_empty()).ok_or_else(|| {
        Error::new(Code::NotFound, format!("{what} with {run:?}")).hint("run `capscore runs list`")
    })
}

fn rollback(output: &str, run: &str) -> Result<()> {
    let run = named(&Store::open(output)?, run)?;
    let attempt = Attempt::start();
    let replaced = job::roll_back(output, &run, &attempt)?;
    let (month, id) = (&run.as_of_month, &run.run_id);
    output::print(&match replaced {
        Some(replaced) => {
            format!("{month} is published as run {id} again, which run {replaced} had replaced\n")
        }
        None => format!("{month} is published as run {id}\n"),
    })?;
    job::mirror(output, &attempt)
}

fn vacuum(output: &str, days: u32, is_plan: bool) -> Result<()> {
    let files = job::vacuum(output, days, is_plan, &Attempt::start())?;
    let bytes: u64 = files.iter().map(|file| file.size).sum();
    let mut text = String::new();
    if is_plan {
        for file in &files {
            let _ = writeln!(text, "  {}", file.path);
        }
    }
    let word = if is_plan { "Would delete" } else { "Deleted" };
    let size = bytesize::ByteSize::b(bytes).display().iec();
    let _ =
        writeln!(text, "{word} {} files, {size}, replaced more than {days} days ago", files.len());
    output::print(&text)
}
