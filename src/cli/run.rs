//! `capscore run`: ingest, score, publish.

use clap::Args;

use super::lineage::LineageOption;
use super::options::{
    Context, FactsOption, Global, InputOptions, MetricsOption, OutputOption, ScoreOptions,
};
use super::{ingest, output, score};
use crate::error::Result;
use crate::ingest::Summary;
use crate::job::{self, Attempt, IngestSettings, Pipeline, RunState, ScoreSettings, Scored};
use crate::store::Store;

/// Ingests what is new in the input, scores the reference month of every partner, and publishes the
/// tables. Running it again when nothing changed writes nothing.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: InputOptions,
    #[command(flatten)]
    facts: FactsOption,
    #[command(flatten)]
    output: OutputOption,
    #[command(flatten)]
    score: ScoreOptions,
    #[command(flatten)]
    metrics: MetricsOption,
    #[command(flatten)]
    lineage: LineageOption,
    /// Print what would be read, scored and written, and touch nothing
    #[arg(long)]
    plan: bool,
}

pub(super) fn run(global: &Global, arguments: Arguments) -> Result<()> {
    let context = Context::new(global)?;
    let pipeline = context.pipeline(arguments.score.ruleset_file.clone())?;
    let score = context.score(&arguments.score, &arguments.facts, &arguments.output)?;
    let ingest = context.ingest(arguments.input, &arguments.facts)?;
    if let Some(id) = &score.ruleset {
        // An unknown ruleset stops the run before a night of reading.
        pipeline.rules.named(id)?;
    }
    if arguments.plan {
        output::print(&ingest::plan_text(&pipeline, &ingest)?)?;
        return output::print(&score::plan_text(&pipeline, &score, true)?);
    }
    let attempt = Attempt::start();
    let tell = |state: &RunState<'_>| arguments.lineage.tell(&attempt, state);
    tell(&RunState::Start)?;
    match execute(global, &pipeline, &ingest, &score, &attempt) {
        Ok((summary, scored)) => {
            output::print(&job::score_text(&scored))?;
            tell(&RunState::Complete(&summary, &scored))?;
            arguments.metrics.write(&attempt, Some(&summary), &scored)
        }
        Err(error) => {
            tell(&RunState::Fail(&error))?;
            Err(error)
        }
    }
}

fn execute(
    global: &Global,
    pipeline: &Pipeline,
    ingest: &IngestSettings,
    score: &ScoreSettings,
    attempt: &Attempt,
) -> Result<(Summary, Vec<Scored>)> {
    // An output that cannot be written stops the run before a night of reading.
    Store::create(&score.output)?;
    let summary = ingest::ingest(global, pipeline, ingest, attempt)?;
    output::print(&job::ingest_text(&summary))?;
    let scored = score::score(global, pipeline, score, attempt)?;
    Ok((summary, scored))
}
