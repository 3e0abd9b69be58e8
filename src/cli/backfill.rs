//! `capscore backfill`: many months from the facts.

use std::path::PathBuf;

use clap::Args;

use super::options::{
    Context, FactsOption, FormatOption, Global, OutputOption, ScoreOptions, parse_month,
};
use super::telemetry::{Done, Telemetry};
use super::{output, score};
use crate::error::{Code, Error, Result};
use crate::job::{self, AsOf};

/// Scores every month of a range that the facts have data of, each by the rules in force on its last
/// day, and publishes its tables. Months that are published already with the same facts and rules
/// are left alone. What a month lacks (such as a year before it) is stated in its coverage.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    facts: FactsOption,
    #[command(flatten)]
    output: OutputOption,
    /// First month
    #[arg(long, value_name = "YYYY-MM")]
    from: String,
    /// Last month
    #[arg(long, value_name = "YYYY-MM")]
    to: String,
    /// Rule pack that replaces or adds its area
    #[arg(long, value_name = "FILE")]
    ruleset_file: Option<PathBuf>,
    #[command(flatten)]
    format: FormatOption,
    #[command(flatten)]
    telemetry: Telemetry,
    /// Print what would be scored and written, and touch nothing
    #[arg(long)]
    plan: bool,
}

pub(super) fn run(global: &Global, arguments: Arguments) -> Result<()> {
    let context = Context::new(global)?;
    let (first, last) = (parse_month(&arguments.from)?, parse_month(&arguments.to)?);
    if first > last {
        let text = format!("--from {first} is after --to {last}");
        return Err(Error::new(Code::Usage, text).hint("give the earlier month first"));
    }
    let pipeline = context.pipeline(arguments.ruleset_file)?;
    // Past months are scored by the rules of their day, whatever a nightly job asks for.
    let options = ScoreOptions::of_format(arguments.format);
    let mut settings = context.score(&options, &arguments.facts, &arguments.output)?;
    settings.as_of = AsOf::Months(first, last);
    settings.ruleset = None;
    if arguments.plan {
        return output::print(&score::plan_text(&pipeline, &settings, false)?);
    }
    arguments.telemetry.observe("backfill", |attempt| {
        let scored = score::score(global, &pipeline, &settings, attempt)?;
        output::print(&job::score_text(&scored))?;
        Ok(Done { summary: None, scored })
    })
}
