//! `capscore ingest`: new exports into the facts.

use std::fmt::Write as _;

use clap::Args;

use super::options::{Context, FactsOption, Global, InputOptions};
use super::output;
use super::progress::Bar;
use super::telemetry::{Done, Telemetry};
use crate::error::Result;
use crate::ingest::{Plan, Summary};
use crate::job::{self, Attempt, IngestSettings, Pipeline};

/// Takes new exports into the facts. Known files are not read again; a file with the content of an
/// earlier one adds nothing; the newest delivery of a partner's month replaces earlier ones.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: InputOptions,
    #[command(flatten)]
    facts: FactsOption,
    #[command(flatten)]
    telemetry: Telemetry,
    /// Print what would be read, and touch nothing
    #[arg(long)]
    plan: bool,
}

pub(super) fn run(global: &Global, arguments: Arguments) -> Result<()> {
    let context = Context::new(global)?;
    let pipeline = context.pipeline(None)?;
    let settings = context.ingest(arguments.input, &arguments.facts)?;
    if arguments.plan {
        return output::print(&plan_text(&job::plan_ingest(&pipeline, &settings)?));
    }
    arguments.telemetry.observe("ingest", |attempt| {
        let summary = ingest(global, &pipeline, &settings, attempt)?;
        output::print(&job::ingest_text(&summary))?;
        Ok(Done { summary: Some(summary), scored: Vec::new() })
    })
}

/// Ingests with a progress bar.
pub(super) fn ingest(
    global: &Global,
    pipeline: &Pipeline,
    settings: &IngestSettings,
    attempt: &Attempt,
) -> Result<Summary> {
    let bar = Bar::new(global);
    let done = job::ingest(pipeline, settings, attempt, &|event| bar.ingest(&event));
    bar.end();
    done
}

/// What an ingest would read.
pub(super) fn plan_text(plan: &Plan) -> String {
    let mut text = format!("Would read  ({} files found, {} known)\n", plan.found, plan.known);
    if plan.deliveries.is_empty() {
        text.push_str("  nothing: every file is known\n");
    }
    for (delivery, files) in &plan.deliveries {
        for planned in files {
            let what = match &planned.dataset {
                Ok(dataset) if planned.is_reread => {
                    format!("{dataset}, again: another file of the delivery is new")
                }
                Ok(dataset) => dataset.clone(),
                Err(problem) => format!("error[{}]: {problem}", problem.code().as_str()),
            };
            let _ = writeln!(text, "  {delivery}  {}  {what}", planned.file.uri);
        }
    }
    for error in &plan.unlisted {
        let _ = writeln!(text, "  cannot list  {error}");
    }
    text
}
