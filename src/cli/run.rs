//! `capscore run`: ingest, score, publish.

use clap::Args;

use super::options::{Context, FactsOption, Global, InputOptions, OutputOption, ScoreOptions};
use super::places::refuse_overlap;
use super::telemetry::{Done, Telemetry};
use super::{ingest, output, score};
use crate::error::Result;
use crate::job;
use crate::store::Store;

/// Ingests what is new in the input, scores the reference month of every partner, and publishes the
/// tables. Running it again when nothing changed writes nothing.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    options: RunOptions,
    /// Print what would be read, scored and written, and touch nothing
    #[arg(long)]
    plan: bool,
}

/// The settings of a run.
#[derive(Debug, Args)]
pub(super) struct RunOptions {
    #[command(flatten)]
    input: InputOptions,
    #[command(flatten)]
    facts: FactsOption,
    #[command(flatten)]
    output: OutputOption,
    #[command(flatten)]
    score: ScoreOptions,
    #[command(flatten)]
    telemetry: Telemetry,
}

pub(super) fn run(global: &Global, arguments: Arguments) -> Result<()> {
    let RunOptions { input, facts, output: tables, score, telemetry } = arguments.options;
    let context = Context::new(global)?;
    let pipeline = context.pipeline(score.ruleset_file.clone())?;
    let score = context.score(&score, &facts, &tables)?;
    let ingest = context.ingest(input, &facts)?;
    for input in &ingest.inputs {
        refuse_overlap(("input", &input.uri), ("folder of tables", &score.output))?;
    }
    if let Some(id) = &score.ruleset {
        // An unknown ruleset stops the run before a night of reading.
        pipeline.rules.named(id)?;
    }
    if arguments.plan {
        let plan = job::plan_ingest(&pipeline, &ingest)?;
        output::print(&ingest::plan_text(&plan))?;
        return output::print(&score::plan_text(&pipeline, &score, !plan.deliveries.is_empty())?);
    }
    telemetry.observe("run", |attempt| {
        // An output that cannot be written stops the run before a night of reading.
        Store::create(&score.output)?;
        let summary = ingest::ingest(global, &pipeline, &ingest, attempt)?;
        output::print(&job::ingest_text(&summary))?;
        let scored = score::score(global, &pipeline, &score, attempt)?;
        output::print(&job::score_text(&scored))?;
        Ok(Done { summary: Some(summary), scored })
    })
}
