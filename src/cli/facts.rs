//! `capscore facts`: what was ingested.

use std::collections::{BTreeMap, BTreeSet};

use clap::Subcommand;

use super::options::{Context, FactsOption, Global, person_secret};
use super::output::{self, ListOption};
use crate::calendar::{Day, Month};
use crate::error::{Code, Error, Result};
use crate::facts::Compaction;
use crate::job::{self, Attempt};
use crate::money::Money;
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the deliveries in the ledger and what of them counts
    List {
        #[command(flatten)]
        facts: FactsOption,
        #[command(flatten)]
        list: ListOption,
    },
    /// Take away the lease of an ingest that was killed, before it ends by itself after two minutes
    ///
    /// Only facts in object storage have a lease; the lock of a local folder ends with its process.
    /// Make sure that the ingest is dead.
    Unlock {
        #[command(flatten)]
        facts: FactsOption,
    },
    /// Take a wrong delivery back: it no longer counts, what it had replaced does again
    ///
    /// Nothing is deleted, and the files of the delivery stay known: correct them or move them away,
    /// or take the retraction back with --undo.
    Retract {
        /// Date of the delivery, as `capscore facts list` shows it
        #[arg(value_name = "YYYY-MM-DD")]
        delivery: String,
        /// Only this dataset of it
        #[arg(long, value_name = "DATASET")]
        dataset: Option<String>,
        /// Take an earlier retraction back
        #[arg(long)]
        undo: bool,
        #[command(flatten)]
        facts: FactsOption,
    },
    /// List what later deliveries changed, by dataset, partner and month
    Diff {
        /// Compare with what was delivered up to this day
        #[arg(value_name = "FROM")]
        from: String,
        /// What was delivered up to this day
        #[arg(value_name = "TO")]
        to: String,
        /// Only this partner
        #[arg(long, value_name = "ID")]
        partner: Option<String>,
        #[command(flatten)]
        facts: FactsOption,
        #[command(flatten)]
        list: ListOption,
    },
    /// Erase customers or people on their request: their rows leave the facts for good, and later
    /// deliveries do not bring them back
    ///
    /// Tables that were published before keep what they show until their month is scored again, and
    /// the exports themselves are yours to clean.
    Erase {
        /// Tenant id of a customer; several times for several
        #[arg(long, value_name = "TENANT")]
        customer: Vec<String>,
        /// MCP id, directory id, mail address or person key of a person
        #[arg(long, value_name = "PERSON")]
        person: Vec<String>,
        #[command(flatten)]
        facts: FactsOption,
    },
    /// Bring the live rows of each month that lie in several files into one
    ///
    /// Every ingest adds files: after many nights with late files and restatements a month lies in
    /// dozens of them. No figure changes, and what was replaced stays, so that `facts diff` and
    /// `facts retract` work as before. Files that are no longer needed are deleted by the next
    /// compaction: a score that runs meanwhile still finds them. Some times a year is enough.
    Compact {
        /// Say what there is to do, and do nothing
        #[arg(long)]
        plan: bool,
        #[command(flatten)]
        facts: FactsOption,
    },
    /// Read all facts and prove that they hold what was ingested
    Verify {
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
    is_retracted: bool,
}

pub(super) fn run(global: &Global, command: Command) -> Result<()> {
    let context = Context::new(global)?;
    match command {
        Command::List { facts, list: option } => list(&context, &facts, &option),
        Command::Unlock { facts } => {
            let facts = Store::open(&context.facts(&facts)?)?;
            output::print(&super::runs::unlocked(facts.uri(), crate::facts::unlock(&facts)?))
        }
        Command::Retract { delivery, dataset, undo, facts } => {
            let day = day(&delivery)?;
            let facts = context.facts(&facts)?;
            job::retract(&facts, day, dataset.as_deref(), undo, &Attempt::start())?;
            let what = dataset.map_or_else(String::new, |dataset| format!(" of {dataset}"));
            let verb = if undo { "counts again" } else { "no longer counts" };
            output::print(&format!("The delivery of {day}{what} {verb}; score the months anew\n"))
        }
        Command::Diff { from, to, partner, facts, list } => {
            let facts = context.facts(&facts)?;
            diff(&facts, day(&from)?, day(&to)?, partner.as_deref(), &list)
        }
        Command::Erase { customer, person, facts } => {
            if customer.is_empty() && person.is_empty() {
                return Err(Error::new(Code::Usage, "nobody is named")
                    .hint("give --customer TENANT or --person PERSON"));
            }
            let facts = context.facts(&facts)?;
            let secret = person_secret();
            let erased =
                job::erase(&facts, &customer, &person, secret.as_deref(), &Attempt::start())?;
            output::print(&format!(
                "Erased {} rows of {} files; score the months anew to have them leave the tables\n",
                erased.rows, erased.files
            ))
        }
        Command::Compact { plan, facts } => compact(&context.facts(&facts)?, plan),
        Command::Verify { facts } => verify(&context.facts(&facts)?),
    }
}

fn day(text: &str) -> Result<Day> {
    Day::parse(text).ok_or_else(|| {
        Error::new(Code::Usage, format!("the delivery is {text:?}"))
            .hint("give its date as `capscore facts list` shows it: YYYY-MM-DD")
    })
}

fn diff(facts: &str, from: Day, to: Day, partner: Option<&str>, option: &ListOption) -> Result<()> {
    let mut table = output::table(&[
        "DATASET",
        "PARTNER",
        "MONTH",
        "RECORDS BEFORE",
        "RECORDS AFTER",
        "USD BEFORE",
        "USD AFTER",
    ]);
    if from > to {
        return Err(Error::new(Code::Usage, format!("{from} is after {to}"))
            .hint("give the earlier day first"));
    }
    let restated = job::restatements(facts, from, to)?;
    for row in restated.iter().filter(|row| partner.is_none_or(|only| row.account == only)) {
        let records = |side: Option<(i64, Money)>| {
            side.map_or_else(String::new, |(records, _)| records.to_string())
        };
        let amount = |side: Option<(i64, Money)>| {
            side.filter(|(_, amount)| *amount != Money::ZERO)
                .map_or_else(String::new, |(_, amount)| amount.to_string())
        };
        table.add_row([
            row.dataset.clone(),
            row.account.clone(),
            row.month.map_or_else(|| "snapshot".to_owned(), |month| month.to_string()),
            records(row.before),
            records(row.after),
            amount(row.before),
            amount(row.after),
        ]);
    }
    output::print_list(&table, option)
}

fn compact(facts: &str, is_plan: bool) -> Result<()> {
    let done = job::compact(facts, is_plan, &Attempt::start())?;
    let Compaction { months, before, after, deleted, superfluous } = done;
    let text = match (is_plan, months, deleted) {
        (_, 0, 0) => "There is nothing to compact\n".to_owned(),
        (true, ..) => format!(
            "{before} files of {months} months would become {after}; {deleted} files that are no longer needed would be deleted\n"
        ),
        (false, ..) => format!(
            "Compacted {before} files of {months} months to {after}; deleted {deleted} that were no longer needed; {superfluous} go with the next compaction\n"
        ),
    };
    output::print(&text)
}

fn verify(facts: &str) -> Result<()> {
    let found = job::verify_facts(facts)?;
    if found.problems.is_empty() {
        let older = match found.unverified {
            0 => String::new(),
            units => format!("; {units} units of an older program can be read"),
        };
        return output::print(&format!(
            "Verified {} ledger entries, {} units in {} files: all rows are as ingested{older}\n",
            found.entries, found.units, found.files
        ));
    }
    let named: Vec<&str> = found.problems.iter().take(5).map(String::as_str).collect();
    Err(Error::new(
        Code::Damaged,
        format!("{} units or files are damaged: {}", found.problems.len(), named.join("; ")),
    )
    .hint("restore them from a backup, or ingest all deliveries into new facts"))
}

fn list(context: &Context<'_>, facts: &FactsOption, option: &ListOption) -> Result<()> {
    let live = job::live_facts(&context.facts(facts)?)?;
    let mut lines: BTreeMap<(Day, String), Line> = BTreeMap::new();
    for (entry, _, file) in live.ledger.files() {
        let is_retracted = live.ledger.retracted(entry).contains(file.dataset.as_str());
        if file.same_as.is_some() || file.set_aside.is_some() {
            continue;
        }
        let line = lines.entry((entry.day(), file.dataset.clone())).or_default();
        line.files += 1;
        line.is_retracted |= is_retracted;
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
        "STATE",
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
            if line.is_retracted { "retracted" } else { "" }.to_owned(),
        ]);
    }
    output::print_list(&table, option)
}
