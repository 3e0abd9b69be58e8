//! `capscore facts`: what was ingested.

use std::collections::{BTreeMap, BTreeSet};

use clap::Subcommand;

use super::options::{Context, FactsOption, Global};
use super::output;
use crate::calendar::{Day, Month};
use crate::error::Result;
use crate::job;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the deliveries in the ledger and what of them counts
    List {
        #[command(flatten)]
        facts: FactsOption,
    },
}

/// What one delivery gives of one dataset.
#[derive(Default)]
struct Line {
    files: usize,
    records: u64,
    quarantined: u64,
    partners: BTreeSet<String>,
    months: Option<(Month, Month)>,
    live: usize,
    held: usize,
}

pub(super) fn run(global: &Global, command: Command) -> Result<()> {
    let Command::List { facts } = command;
    let context = Context::new(global)?;
    let live = job::live_facts(&context.facts(&facts)?)?;
    let mut lines: BTreeMap<(Day, String), Line> = BTreeMap::new();
    for (entry, _, file) in live.ledger.files() {
        if file.same_as.is_some() || file.set_aside.is_some() {
            continue;
        }
        let line = lines.entry((entry.day(), file.dataset.clone())).or_default();
        line.files += 1;
        line.records += file.records;
        line.quarantined += file.quarantined;
        if let Some((first, last)) = file.months() {
            let known = line.months.unwrap_or((first, last));
            line.months = Some((known.0.min(first), known.1.max(last)));
        }
    }
    for unit in &live.units {
        let line = lines.entry((unit.delivery, unit.key.dataset.clone())).or_default();
        line.live += 1;
        line.partners.insert(unit.account.clone());
    }
    for held in &live.held {
        lines.entry((held.delivery, held.dataset.clone())).or_default().held += 1;
    }
    let mut table = output::table(&[
        "DELIVERY",
        "DATASET",
        "FILES",
        "RECORDS",
        "REJECTED",
        "MONTHS",
        "LIVE PARTNERS",
        "LIVE UNITS",
        "HELD",
    ]);
    for ((delivery, dataset), line) in lines {
        table.add_row([
            delivery.to_string(),
            dataset,
            line.files.to_string(),
            line.records.to_string(),
            line.quarantined.to_string(),
            line.months.map_or_else(
                || "snapshot".to_owned(),
                |(first, last)| {
                    if first == last { first.to_string() } else { format!("{first} to {last}") }
                },
            ),
            line.partners.len().to_string(),
            line.live.to_string(),
            line.held.to_string(),
        ]);
    }
    output::print_table(&table)
}
