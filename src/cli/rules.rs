//! `capscore rules`: rule packs.

use std::path::PathBuf;

use clap::Subcommand;

use super::options::{Context, Global};
use super::output;
use crate::error::{Code, Error, Result};
use crate::rules::{Rules, Version};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the rulesets with their dates
    List,
    /// Show the metrics and parts of a ruleset
    Show {
        /// A ruleset id
        id: String,
    },
    /// Check rule packs: the built-in ones, or the given files
    Validate {
        /// Rule packs
        files: Vec<PathBuf>,
    },
}

pub(super) fn run(global: &Global, command: Command) -> Result<()> {
    let context = Context::new(global)?;
    let pipeline = context.pipeline(None)?;
    match command {
        Command::List => list(&pipeline.rules),
        Command::Show { id } => show(&pipeline.rules, &id),
        Command::Validate { files } => {
            let files: Vec<&std::path::Path> = files.iter().map(PathBuf::as_path).collect();
            let rules = Rules::load(&context.files, &pipeline.catalogs, &files)?;
            let versions: usize = rules.packs.iter().map(|pack| pack.versions.len()).sum();
            output::print(&format!(
                "{} rule packs with {versions} versions are valid\n",
                rules.packs.len()
            ))
        }
    }
}

fn list(rules: &Rules) -> Result<()> {
    let mut table = output::table(&["RULESET", "AREA", "FROM", "TO", "DATE", "PATHS"]);
    for version in rules.packs.iter().flat_map(|pack| &pack.versions) {
        table.add_row([
            version.id.clone(),
            version.area.clone(),
            version.effective_from.to_string(),
            version.effective_to.map(|day| day.to_string()).unwrap_or_default(),
            if version.is_date_assumed { "assumed" } else { "known" }.to_owned(),
            version.paths.join(", "),
        ]);
    }
    output::print_table(&table)
}

fn show(rules: &Rules, id: &str) -> Result<()> {
    let versions: Vec<&Version> = rules
        .packs
        .iter()
        .flat_map(|pack| &pack.versions)
        .filter(|version| version.id == id)
        .collect();
    if versions.is_empty() {
        // The lookup by name has the hint with the nearest id.
        return Err(rules.named(id).err().unwrap_or_else(|| {
            Error::new(Code::RulesetUnknown, format!("no ruleset is called {id:?}"))
        }));
    }
    for version in versions {
        output::print(&format!(
            "{} ({}) {}\n  in force   {} to {}{}\n  source     {}\n  qualify    {} points, every metric above {}\n\n",
            version.area_title,
            version.area,
            version.id,
            version.effective_from,
            version.effective_to.map_or_else(|| "today".to_owned(), |day| day.to_string()),
            if version.is_date_assumed { " (date assumed)" } else { "" },
            version.source_url,
            version.to_qualify,
            version.metric_must_exceed,
        ))?;
        let mut table = output::table(&[
            "METRIC",
            "MAX",
            "PATH",
            "PART",
            "UNIT",
            "POINTS PER UNIT",
            "COUNTS",
            "MONTHS",
        ]);
        for path in &version.paths {
            for (metric, part) in version.parts_of(path) {
                table.add_row([
                    metric.id.clone(),
                    metric.max_points.to_string(),
                    path.clone(),
                    part.id.clone(),
                    format!("{} {}", part.unit_size, part.value_unit()),
                    part.points_per_unit.to_string(),
                    part.threshold_text(),
                    part.window_text(),
                ]);
            }
        }
        output::print_table(&table)?;
    }
    Ok(())
}
