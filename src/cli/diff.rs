//! `capscore diff`: why scores changed between two months.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::options::{Context, Global, OutputOption};
use super::output;
use crate::error::{Error, Result};
use crate::job::{self, AreaChange, Change, ChangeSettings, Changes};
use crate::points::Points;
use crate::publish;

/// Tells why scores changed between two published months, or two runs of a month that are published
/// or kept: customers gained and lost, what counted a
/// year ago, people, changed paths and rules. The causes of a partner and area add to its change
/// exactly. With --facts, restated data and changed rules are told from the rest by scoring the
/// earlier month again.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    output: OutputOption,
    /// Earlier month, or a run of `capscore runs list`
    #[arg(long, value_name = "YYYY-MM|RUN")]
    from: String,
    /// Later month, or a run of `capscore runs list`
    #[arg(long, value_name = "YYYY-MM|RUN")]
    to: String,
    /// Facts to score the earlier month again
    #[arg(long, value_name = "URI")]
    facts: Option<String>,
    /// One partner only, with the customers, services and people that each cause is about
    #[arg(short, long, value_name = "ID")]
    partner: Option<String>,
    /// One area only
    #[arg(long, value_name = "AREA")]
    area: Option<String>,
    /// Rule pack that made one of the months
    #[arg(long, value_name = "FILE")]
    ruleset_file: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: ChangeFormat,
    /// Also write the causes as the table `fact_change` (Parquet)
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

/// So many things are named that a cause is about; JSON has all of them.
const NAMED: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ChangeFormat {
    Text,
    Json,
}

pub(super) fn run(global: &Global, arguments: Arguments) -> Result<()> {
    let context = Context::new(global)?;
    let pipeline = context.pipeline(arguments.ruleset_file)?;
    let is_one = arguments.partner.is_some();
    let changes = job::changes(
        &pipeline,
        &ChangeSettings {
            output: context.output(&arguments.output)?,
            from: arguments.from,
            to: arguments.to,
            facts: arguments.facts,
            partner: arguments.partner,
            area: arguments.area,
            resources: context.resources()?,
        },
    )?;
    if let Some(file) = &arguments.write {
        publish::write_changes(&changes.table()?, file)?;
    }
    match arguments.format {
        ChangeFormat::Text => output::print(&text(&changes, is_one)),
        ChangeFormat::Json => output::print(&json(&changes)?),
    }
}

/// What changed, the largest change of each area first.
fn text(changes: &Changes, is_one: bool) -> String {
    let mut text = format!("{} to {}\n", changes.from, changes.to);
    if changes.from == changes.to {
        text = format!("{}, run {} to run {}\n", changes.to, changes.runs[0], changes.runs[1]);
    }
    let mut areas: Vec<&str> = changes.areas.iter().map(|change| change.area.as_str()).collect();
    areas.sort_unstable();
    areas.dedup();
    for area in areas {
        let of_area: Vec<&AreaChange> =
            changes.areas.iter().filter(|change| change.area == area).collect();
        let count =
            |is: fn(&AreaChange) -> bool| of_area.iter().filter(|change| is(change)).count();
        let _ = writeln!(
            text,
            "\n{area}: {} up, {} down, {} unchanged; {} now qualify, {} no longer do",
            count(|change| change.points() > Points::ZERO),
            count(|change| change.points() < Points::ZERO),
            count(|change| change.points() == Points::ZERO),
            count(|change| change.is_qualified == (false, true)),
            count(|change| change.is_qualified == (true, false)),
        );
        // What changed no points is told of a single partner only.
        let is_told = |change: &&&AreaChange| {
            is_one || change.causes.iter().any(|cause| cause.points != Points::ZERO)
        };
        let mut changed: Vec<&&AreaChange> = of_area.iter().filter(is_told).collect();
        changed.sort_by(|left, right| {
            let size = |change: &AreaChange| std::cmp::Reverse(change.points().0.abs());
            size(left).cmp(&size(right)).then_with(|| left.partner.cmp(&right.partner))
        });
        for change in changed {
            add_partner(&mut text, change, is_one);
        }
    }
    text
}

fn add_partner(text: &mut String, change: &AreaChange, has_all: bool) {
    let side = |side: &Option<(Points, String)>| match side {
        Some((points, path)) => format!("{points} ({path})"),
        None => "not scored".to_owned(),
    };
    let _ = writeln!(
        text,
        "  {}  {} to {}: {}",
        change.partner,
        side(&change.before),
        side(&change.after),
        signed(change.points())
    );
    let told = change.causes.iter().filter(|cause| has_all || cause.points != Points::ZERO);
    for Change { metric, part, cause, points, count, about, .. } in told {
        let place = match (metric.as_str(), part.as_str()) {
            ("", _) => String::new(),
            (metric, "") => format!(" in {}", metric.replace('_', " ")),
            (metric, part) => format!(" in {} ({part})", metric.replace('_', " ")),
        };
        let count = count.filter(|count| *count > 0).map(|count| format!("{count} "));
        let cause = cause.replace('_', " ");
        let _ = writeln!(
            text,
            "    {:>7}  {}{cause}{place}",
            signed(*points),
            count.unwrap_or_default()
        );
        for name in about.iter().take(NAMED) {
            let _ = writeln!(text, "             {name}");
        }
        if about.len() > NAMED {
            let _ = writeln!(text, "             … and {} more", about.len() - NAMED);
        }
    }
}

fn signed(points: Points) -> String {
    if points > Points::ZERO { format!("+{points}") } else { points.to_string() }
}

fn json(changes: &Changes) -> Result<String> {
    let side = |side: &Option<(Points, String)>| {
        side.as_ref().map(|(points, path)| {
            serde_json::json!({
                "points_x8400": points.0, "path": path,
            })
        })
    };
    let areas: Vec<_> = changes
        .areas
        .iter()
        .map(|change| {
            let causes: Vec<_> = change
                .causes
                .iter()
                .map(|cause| {
                    serde_json::json!({
                        "metric": cause.metric,
                        "part": cause.part,
                        "cause": cause.cause,
                        "points_x8400": cause.points.0,
                        "unit_count": cause.count,
                        "about": cause.about,
                    })
                })
                .collect();
            serde_json::json!({
                "partner_id": change.partner,
                "area": change.area,
                "before": side(&change.before),
                "after": side(&change.after),
                "was_qualified": change.is_qualified.0,
                "is_qualified": change.is_qualified.1,
                "change_x8400": change.points().0,
                "causes": causes,
            })
        })
        .collect();
    let page = serde_json::json!({
        "from_month": changes.from.to_string(),
        "as_of_month": changes.to.to_string(),
        "from_run_id": changes.runs[0],
        "run_id": changes.runs[1],
        "changes": areas,
    });
    let text = serde_json::to_string_pretty(&page)
        .map_err(|error| Error::bug("changes cannot be written").because(error))?;
    Ok(text + "\n")
}
