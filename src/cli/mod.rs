//! Flags and environment become settings here, once; the commands below never see the parser, and
//! nothing else reads either. Data goes to stdout, everything else to stderr.

mod backfill;
mod completions;
mod config;
mod diff;
mod explain;
mod facts;
mod generate;
mod ingest;
mod init;
mod inspect;
mod lineage;
mod logging;
mod options;
mod output;
mod places;
mod progress;
mod rules;
mod run;
mod runs;
mod schema;
mod score;
mod telemetry;

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::error::{Code, Error, Result};

/// Scores a whole base of Microsoft partners from Partner Center exports.
///
/// Reads the exports of one partner or of thousands, keeps typed facts of all months, scores every
/// partner by dated rules, and publishes Parquet tables with the score, how it was made, and which
/// customer counted and why.
#[derive(Debug, Parser)]
#[command(name = "capscore", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Start with: capscore run --input DELIVERIES --facts FACTS --output TABLES\n\
Exit codes: 0 ok, 1 other failure, 2 usage, 3 nothing to work on, 4 bad input, 5 quality limit,\n\
7 locked, 8 rules, 70 bug, 75 try again, 130/143 interrupted."
)]
struct Cli {
    #[command(flatten)]
    global: options::Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ingest new exports, score the month and publish its tables
    Run(run::Arguments),
    /// Take new exports into the facts
    Ingest(ingest::Arguments),
    /// Score a month from the facts and publish its tables
    Score(score::Arguments),
    /// Score past months from the facts and publish their tables
    Backfill(backfill::Arguments),
    /// Explain the score of one partner, from the published tables
    Explain(explain::Arguments),
    /// Tell why scores changed between two published months
    Diff(diff::Arguments),
    /// Say what a file is and what an ingest would make of it
    Inspect(inspect::Arguments),
    /// List, show, compare or validate rule packs
    Rules(rules::Arguments),
    /// List, show or export the schema of the published tables
    #[command(subcommand)]
    Schema(schema::Command),
    /// Look into the facts
    #[command(subcommand)]
    Facts(facts::Command),
    /// Look into the published runs
    #[command(subcommand)]
    Runs(runs::Command),
    /// Write a synthetic base of exports, the same bytes for the same seed
    Generate(generate::Arguments),
    /// Write a job file with all settings and what they mean
    Init(init::Arguments),
    /// Show the settings of a run and where each comes from
    #[command(subcommand)]
    Config(config::Command),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
}

/// Parses the command line, runs the command, prints what went wrong.
pub fn main() -> ExitCode {
    let parsed = Cli::command()
        .try_get_matches()
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // Nothing is left to report to when the terminal is gone.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let is_json = logging::start(&cli.global);
    let done = interrupts(is_json).and_then(|()| dispatch(cli, &matches));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error, is_json);
            ExitCode::from(error.code().exit_code())
        }
    }
}

/// Tells an error to people, or to who collects the log.
fn tell(error: &Error, is_json: bool) {
    if is_json {
        let (hint, cause) = (error.hint_text().unwrap_or_default(), error.causes().join(": "));
        tracing::error!(code = error.code().as_str(), cause, hint, "{error}");
    } else {
        output::error(error);
    }
}

fn dispatch(cli: Cli, matches: &ArgMatches) -> Result<()> {
    let global = cli.global;
    match cli.command {
        Command::Run(arguments) => run::run(&global, arguments),
        Command::Ingest(arguments) => ingest::run(&global, arguments),
        Command::Score(arguments) => score::run(&global, &arguments),
        Command::Backfill(arguments) => backfill::run(&global, arguments),
        Command::Explain(arguments) => explain::run(&global, arguments),
        Command::Diff(arguments) => diff::run(&global, arguments),
        Command::Inspect(arguments) => inspect::run(&global, &arguments),
        Command::Rules(arguments) => rules::run(&global, arguments),
        Command::Schema(command) => schema::run(&command),
        Command::Facts(command) => facts::run(&global, command),
        Command::Runs(command) => runs::run(&global, command),
        Command::Generate(arguments) => generate::run(&global, &arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Config(command) => config::run(&global, &command, matches),
        Command::Completions(arguments) => completions::run(&arguments),
    }
}

type Farewell = Box<dyn FnOnce() + Send>;

/// What is still to be told when a signal ends the process.
static FAREWELL: Mutex<Option<Farewell>> = Mutex::new(None);

fn on_interrupt(farewell: impl FnOnce() + Send + 'static) {
    *FAREWELL.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(farewell));
}

fn forget_interrupt() {
    *FAREWELL.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Ends the process with the scheduler's exit code on a signal. What was staged is completed or
/// forgotten by the next run, and locks end with the process.
fn interrupts(is_json: bool) -> Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Error::new(Code::Bug, "cannot listen for signals").because(error))?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let interrupted = Error::new(Code::Interrupted, "interrupted")
                .hint("run again: nothing is half-written");
            tell(&interrupted, is_json);
            let farewell = FAREWELL.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(farewell) = farewell {
                farewell();
            }
            #[expect(clippy::exit, reason = "a signal ends the process")]
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}
