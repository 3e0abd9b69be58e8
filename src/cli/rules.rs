//! `capscore rules`: rule packs.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::options::{Context, Global, parse_month, today};
use super::output::{self, ListFormat, ListOption};
use crate::calendar::Day;
use crate::error::Result;
use crate::rules::{Change, Choice, Difference, Rules, Version, differences};

/// Rule packs: dated versions of the rules of each area.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Rule pack that replaces or adds its area
    #[arg(long, value_name = "FILE", global = true)]
    ruleset_file: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the rulesets with their dates
    List {
        #[command(flatten)]
        list: ListOption,
    },
    /// Show what a ruleset counts, by what options, and where that is published
    Show {
        /// A ruleset id
        id: String,
    },
    /// Check rule packs: the built-in ones, or the given files
    Validate {
        /// Rule packs
        files: Vec<PathBuf>,
    },
    /// Show what changed from one ruleset to another, area by area
    Diff {
        /// The earlier ruleset id
        before: String,
        /// The later ruleset id
        after: String,
    },
    /// Show which ruleset each area follows
    Effective {
        /// The month (its last day counts) or day; today if not given
        #[arg(long, value_name = "YYYY-MM[-DD]")]
        as_of: Option<String>,
        #[command(flatten)]
        list: ListOption,
    },
}

pub(super) fn run(global: &Global, arguments: Arguments) -> Result<()> {
    let context = Context::new(global)?;
    let pipeline = context.pipeline(arguments.ruleset_file)?;
    let rules = &pipeline.rules;
    match arguments.command {
        Command::List { list: option } => {
            list(rules.packs.iter().flat_map(|pack| &pack.versions), &option)
        }
        Command::Show { id } => show(&rules.named(&id)?),
        Command::Validate { files } => {
            let files: Vec<&std::path::Path> = files.iter().map(PathBuf::as_path).collect();
            let rules = Rules::load(&context.files, &pipeline.catalogs, &files)?;
            let versions: usize = rules.packs.iter().map(|pack| pack.versions.len()).sum();
            output::print(&format!(
                "{} rule packs with {versions} versions are valid\n",
                rules.packs.len()
            ))
        }
        Command::Diff { before, after } => diff(&rules.named(&before)?.0, &rules.named(&after)?.0),
        Command::Effective { as_of, list: option } => {
            let (versions, without) = rules.effective(day(as_of.as_deref())?)?;
            list(versions.into_iter(), &option)?;
            if option.format == ListFormat::Json {
                return Ok(());
            }
            output::print(&missing(&without))
        }
    }
}

/// A day, the last day of a month, or today.
fn day(text: Option<&str>) -> Result<Day> {
    match text.map(|text| Day::parse(text).ok_or(text)) {
        None => Ok(today()),
        Some(Ok(day)) => Ok(day),
        Some(Err(text)) => parse_month(text).map(super::super::calendar::Month::last_day),
    }
}

fn missing(areas: &[&str]) -> String {
    areas.iter().fold(String::new(), |mut text, area| {
        let _ = writeln!(text, "{area} has no rules yet on that day");
        text
    })
}

fn list<'v>(versions: impl Iterator<Item = &'v Version>, option: &ListOption) -> Result<()> {
    let mut table = output::table(&["RULESET", "AREA", "FROM", "TO", "DATE", "PATHS"]);
    for version in versions {
        table.add_row([
            version.id.clone(),
            version.area.clone(),
            version.effective_from.to_string(),
            version.effective_to.map(|day| day.to_string()).unwrap_or_default(),
            if version.is_date_assumed { "assumed" } else { "known" }.to_owned(),
            version.paths.join(", "),
        ]);
    }
    output::print_list(&table, option)
}

fn show((versions, without): &(Vec<&Version>, Vec<&str>)) -> Result<()> {
    for version in versions {
        output::print(&format!(
            "{} ({}) {}\n  in force   {} to {}{}\n  source     {}\n  qualify    {} points, every metric {}\n  path       {}\n\n",
            version.area_title,
            version.area,
            version.id,
            version.effective_from,
            version.effective_to.map_or_else(|| "today".to_owned(), |day| day.to_string()),
            if version.is_date_assumed { " (date assumed)" } else { "" },
            version.source_url,
            version.to_qualify,
            version.floor_text(),
            version.selection_text(),
        ))?;
        let mut table = output::table(&[
            "METRIC",
            "MAX",
            "PATH",
            "PART",
            "POINTS",
            "FOR",
            "COUNTS",
            "MONTHS",
            "ASSOCIATIONS",
            "SOURCE",
        ]);
        for path in &version.paths {
            for (metric, part) in version.parts_of(path) {
                let is_own_source = part.source_url != version.source_url;
                table.add_row([
                    metric.id.clone(),
                    metric.max_points.to_string(),
                    path.clone(),
                    part.id.clone(),
                    part.points_per_unit.exact(),
                    part.unit_text(),
                    part.threshold_text(),
                    part.window_text(),
                    part.associations_text(),
                    if is_own_source { part.source_url.clone() } else { "as above".to_owned() },
                ]);
            }
        }
        output::print_table(&table)?;
        output::print(&lists(version))?;
    }
    let mut options: Vec<(Vec<&str>, Vec<Choice>)> = Vec::new();
    for version in versions {
        let choices = version.options.list();
        match options.iter_mut().find(|(_, known)| *known == choices) {
            Some((areas, _)) => areas.push(&version.area),
            None => options.push((vec![&version.area], choices)),
        }
    }
    for (areas, choices) in options {
        output::print(&format!("Options of {}\n\n", areas.join(", ")))?;
        let mut table = output::table(&["OPTION", "IN FORCE", "OTHERWISE", "DECIDES"]);
        for choice in choices {
            let others = choice.words.iter().filter(|word| **word != choice.chosen);
            let is_default = choice.words.first() == Some(&choice.chosen);
            table.add_row([
                choice.name.to_owned(),
                format!("{}{}", choice.chosen, if is_default { "" } else { " (not the default)" }),
                others.copied().collect::<Vec<_>>().join(", "),
                choice.question.to_owned(),
            ]);
        }
        output::print_table(&table)?;
    }
    output::print(&missing(without))
}

/// The services, workloads and rates that parts name, each list once.
fn lists(version: &Version) -> String {
    let mut text = String::new();
    let mut known: Vec<Vec<String>> = Vec::new();
    for (metric, part) in version.paths.iter().flat_map(|path| version.parts_of(path)) {
        let names = part.names();
        if !names.is_empty() && !known.iter().any(|list| list == names) {
            let rates = part.rate_lines();
            let listed = if rates.is_empty() {
                names.join(", ")
            } else {
                format!("\n  {}", rates.join("\n  "))
            };
            let _ = writeln!(text, "{} {}: {listed}\n", metric.id, part.id);
            known.push(names.to_vec());
        }
    }
    text
}

fn diff(before: &[&Version], after: &[&Version]) -> Result<()> {
    for area in after {
        let Some(known) = before.iter().find(|version| version.area == area.area) else {
            output::print(&format!("{}: new, by {}\n\n", area.area_title, area.id))?;
            continue;
        };
        if known.id == area.id {
            output::print(&format!("{}: the same rules ({})\n\n", area.area_title, area.id))?;
            continue;
        }
        output::print(&note(known, area))?;
    }
    let is_gone = |version: &&&Version| after.iter().all(|area| area.area != version.area);
    for version in before.iter().filter(is_gone) {
        output::print(&format!("{}: no rules on that day\n\n", version.area_title))?;
    }
    Ok(())
}

/// The change note of one area.
fn note(before: &Version, after: &Version) -> String {
    let found = differences(before, after);
    let mut text = format!(
        "{}: {} → {}, in force from {}{}\n",
        after.area_title,
        before.id,
        after.id,
        after.effective_from,
        if after.is_date_assumed { " (date assumed)" } else { "" }
    );
    if found.is_empty() {
        text.push_str("  nothing that is scored changed\n");
    }
    let mut heading = (String::new(), String::new());
    for difference in found {
        let Difference { metric, part, paths, aspect, change } = difference;
        if (&metric, &part) != (&heading.0, &heading.1) {
            let metric = metric.replace('_', " ");
            let part = if part.is_empty() { String::new() } else { format!(", {part}") };
            let _ = writeln!(text, "  {metric}{part}");
        }
        let place =
            if paths.is_empty() { String::new() } else { format!(" ({})", paths.join(", ")) };
        let change = match change {
            Change::Value { before, after } if before.is_empty() => format!("new: {after}"),
            Change::Value { before, after } if after.is_empty() => format!("no longer: {before}"),
            Change::Value { before, after } => format!("{before} → {after}"),
            Change::List { added, removed } => {
                let signed = |sign: char, names: Vec<String>| {
                    names.into_iter().map(move |name| format!("{sign}{name}"))
                };
                signed('+', added).chain(signed('−', removed)).collect::<Vec<_>>().join(", ")
            }
        };
        let _ = writeln!(text, "    {aspect}{place}: {change}");
        heading = (metric, part);
    }
    text.push('\n');
    text
}
