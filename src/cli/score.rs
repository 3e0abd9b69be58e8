//! `capscore score`: facts to published tables.

use std::fmt::Write as _;

use clap::Args;

use super::options::{Context, FactsOption, Global, OutputOption, ScoreOptions};
use super::output;
use super::progress::Bar;
use super::telemetry::{Done, Telemetry};
use crate::error::{Code, Result};
use crate::job::{self, Attempt, Pipeline, ScorePlan, ScoreSettings, Scored};
use crate::tables;

/// Scores one month from the facts and publishes its tables. Nothing is written when the month is
/// published already with the same facts and rules. Of the five months before it, published ones
/// whose facts or rules changed since are scored again.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    facts: FactsOption,
    #[command(flatten)]
    output: OutputOption,
    #[command(flatten)]
    score: ScoreOptions,
    #[command(flatten)]
    telemetry: Telemetry,
    /// Print what would be scored and written, and touch nothing
    #[arg(long)]
    plan: bool,
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<()> {
    let context = Context::new(global)?;
    let pipeline = context.pipeline(arguments.score.ruleset_file.clone())?;
    let settings = context.score(&arguments.score, &arguments.facts, &arguments.output)?;
    if arguments.plan {
        return output::print(&plan_text(&pipeline, &settings, false)?);
    }
    arguments.telemetry.observe("score", |attempt| {
        let scored = score(global, &pipeline, &settings, attempt)?;
        output::print(&job::score_text(&scored))?;
        Ok(Done { summary: None, scored })
    })
}

/// Scores with a progress bar.
pub(super) fn score(
    global: &Global,
    pipeline: &Pipeline,
    settings: &ScoreSettings,
    attempt: &Attempt,
) -> Result<Vec<Scored>> {
    let bar = Bar::new(global);
    bar.message("scoring");
    let done = job::score(pipeline, settings, attempt);
    bar.end();
    done
}

/// What a scoring would do; an ingest before it may bring the first facts, or change what there is.
pub(super) fn plan_text(
    pipeline: &Pipeline,
    settings: &ScoreSettings,
    is_before_ingest: bool,
) -> Result<String> {
    let plans = match job::plan_score(pipeline, settings) {
        Ok(plans) => plans,
        Err(error)
            if is_before_ingest
                && matches!(error.code(), Code::StorageRead | Code::NoData | Code::NotFound) =>
        {
            return Ok("Would score the month that the ingest brings\n".to_owned());
        }
        Err(error) => return Err(error),
    };
    let months: String = plans.iter().map(|plan| month_text(plan, settings)).collect();
    if is_before_ingest {
        let text = "What is read may change the facts of these months, and bring others; as the facts are now:";
        return Ok(format!("{text}\n{months}"));
    }
    Ok(months)
}

fn month_text(plan: &ScorePlan, settings: &ScoreSettings) -> String {
    let rules: Vec<String> =
        plan.rulesets.iter().map(|(area, id)| format!("{area} by {id}")).collect();
    let mut text = format!("Would score {}: {}\n", plan.reference, rules.join(", "));
    let _ = writeln!(text, "  from      {} live units of {} files", plan.units, plan.files);
    if plan.is_published {
        let _ = writeln!(text, "  unchanged run {} is published already", plan.run_id);
        return text;
    }
    let _ = writeln!(text, "Would write run {} to {}", plan.run_id, settings.output);
    for table in tables::ALL {
        let path = table.path(&plan.reference.to_string(), plan.run_id.as_str());
        let _ = writeln!(text, "  {path}");
    }
    let _ = writeln!(text, "  _runs/{}/manifest.json", plan.run_id);
    text
}
