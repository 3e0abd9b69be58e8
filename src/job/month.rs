//! One month of the live facts, with all that is settled about it before the first number is
//! computed.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::OnceLock;

use super::Pipeline;
use super::feeding::{Feeding, early_datasets, quarantined_partners};
use super::window;
use crate::calendar::Month;
use crate::error::{Code, Error, Result};
use crate::facts::{Credit, Delivered, Live, LiveFrames};
use crate::ids::{FieldHasher, RunId};
use crate::money::Money;
use crate::rules::{Catalogs, Version};
use crate::score::{
    self, Consumption, DeliveredCredentials, MonthScores, SeatMonths, SegmentMonths,
};
use crate::tables::CONTRACT_VERSION;

/// The fact tables whose rows make a partner one that is scored.
const USAGE_TABLES: [&str; 4] = ["acr", "seats", "revenue", "usage"];

/// A month to be scored.
pub(super) struct MonthPlan<'a> {
    pub(super) reference: Month,
    pub(super) versions: Vec<&'a Version>,
    pub(super) areas_without_rules: Vec<&'a str>,
    pub(super) feeding: Feeding,
    pub(super) credit: Credit,
    /// Partners with a live row of usage in the window.
    usage_partners: BTreeSet<String>,
    /// What distributors delivered of others.
    credited: Vec<Delivered>,
    early: BTreeSet<(String, String)>,
    quarantined: BTreeSet<String>,
    /// Hash of everything that the scores of the month depend on.
    pub(super) score_id: String,
}

/// What all months of an attempt are scored from. The facts are read when the first month is scored:
/// an attempt that finds everything published reads none.
pub(super) struct Base<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) live: &'a Live,
    references: Vec<Month>,
    seat_months: Vec<Month>,
    facts: OnceLock<BaseFacts>,
}

/// The facts of a base.
struct BaseFacts {
    acr: Consumption,
    seats: SeatMonths,
    segments: SegmentMonths,
    credentials: DeliveredCredentials,
}

impl<'a> Base<'a> {
    /// For some months.
    pub(super) fn new(pipeline: &'a Pipeline, live: &'a Live, months: &[&MonthPlan<'_>]) -> Self {
        let references: Vec<Month> = months.iter().map(|plan| plan.reference).collect();
        let seats: BTreeSet<Month> = months.iter().flat_map(|plan| plan.seat_months()).collect();
        let seat_months = seats.into_iter().collect();
        Self { pipeline, live, references, seat_months, facts: OnceLock::new() }
    }

    /// For the tests of the path of some months, which look at no seats.
    pub(super) fn of_months(pipeline: &'a Pipeline, live: &'a Live, months: &[Month]) -> Self {
        let (references, facts) = (months.to_vec(), OnceLock::new());
        Self { pipeline, live, references, seat_months: Vec::new(), facts }
    }

    /// Consumption by service as delivered, in the window of a month.
    ///
    /// # Errors
    /// CS6005, CS9001.
    pub(super) fn acr_by_delivered_service(&self, reference: Month) -> Result<Vec<(&str, Money)>> {
        Ok(self.facts()?.acr.by_delivered_service(*window(reference).start(), reference))
    }

    /// Reads the facts, unless they were.
    ///
    /// # Errors
    /// CS6005, CS9001.
    pub(super) fn load(&self) -> Result<()> {
        self.facts().map(|_| ())
    }

    fn facts(&self) -> Result<&BaseFacts> {
        if let Some(facts) = self.facts.get() {
            return Ok(facts);
        }
        let facts = self.read()?;
        Ok(self.facts.get_or_init(|| facts))
    }

    fn read(&self) -> Result<BaseFacts> {
        let ends = self.references.iter().min().zip(self.references.iter().max());
        let (first, last) = ends.ok_or_else(|| Error::bug("no month is wanted"))?;
        let (first, last) = (first.plus(-23), *last);
        let frames = LiveFrames::new(self.live);
        let Catalogs { workloads, segments, .. } = &self.pipeline.catalogs;
        let service = |name: &str| self.pipeline.catalogs.service(name);
        let workload = |name: &str| workloads.canonical(name);
        let credit = Credit::of(self.live, first, last)?;
        let delivered = credit.share(frames.segments(first, last)?)?;
        Ok(BaseFacts {
            acr: Consumption::new(frames.acr(first, last)?, first, &service),
            seats: SeatMonths::new(frames.seats(&self.seat_months)?, &workload),
            segments: SegmentMonths::new(&delivered, segments)?,
            credentials: DeliveredCredentials::collect(&frames.credentials()?)?,
        })
    }
}

/// Months settled by the rules of their day, each once.
pub(super) struct Plans<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) live: &'a Live,
    /// What the dimensions describe, whatever the month.
    pub(super) state: String,
    known: BTreeMap<Month, Option<Rc<MonthPlan<'a>>>>,
}

impl<'a> Plans<'a> {
    pub(super) fn new(pipeline: &'a Pipeline, live: &'a Live) -> Self {
        Self { pipeline, live, state: state_of(live, pipeline), known: BTreeMap::new() }
    }

    /// A month by its own rules; none when no rules were in force.
    ///
    /// # Errors
    /// CS2001, CS6005, CS9001.
    pub(super) fn in_force(&mut self, reference: Month) -> Result<Option<Rc<MonthPlan<'a>>>> {
        if let Some(known) = self.known.get(&reference) {
            return Ok(known.clone());
        }
        let plan = match self.pipeline.rules.effective(reference.last_day()) {
            Ok(rules) => Some(Rc::new(MonthPlan::new(self.pipeline, self.live, reference, rules)?)),
            Err(error) if error.code() == Code::RulesetNotEffective => None,
            Err(error) => return Err(error),
        };
        self.known.insert(reference, plan.clone());
        Ok(plan)
    }
}

/// A hash over what the dimension tables describe: all live facts, catalogs and rules.
fn state_of(live: &Live, pipeline: &Pipeline) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(live.content_hash(|_| true).as_bytes());
    for (name, hash) in &pipeline.catalogs.hashes {
        hasher.update(name.as_bytes());
        hasher.update(hash.as_bytes());
    }
    for version in pipeline.rules.packs.iter().flat_map(|pack| &pack.versions) {
        hasher.update(version.hash.as_bytes());
    }
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    hasher.finalize().to_hex().chars().take(32).collect()
}

impl<'a> MonthPlan<'a> {
    /// Settles a month by given versions of the rules, and the areas that have none.
    ///
    /// # Errors
    /// CS2001, CS6005, CS9001.
    pub(super) fn new(
        pipeline: &'a Pipeline,
        live: &Live,
        reference: Month,
        (versions, areas_without_rules): (Vec<&'a Version>, Vec<&'a str>),
    ) -> Result<Self> {
        let feeding = Feeding::new(live, reference, &versions);
        let credit = Credit::of(live, *window(reference).start(), reference)?;
        let credited = credit.delivered(live);
        let mut early = early_datasets(live, &feeding);
        // What a distributor delivered early is early for the resellers whose month it is.
        let of_month = credited.iter().filter(|fact| fact.month == Some(reference));
        let credited_early: Vec<(String, String)> = of_month
            .filter(|fact| {
                credit.resellers.iter().any(|(exporter, dataset, reseller)| {
                    *dataset == fact.dataset
                        && *reseller == fact.account
                        && early.contains(&(exporter.clone(), dataset.clone()))
                })
            })
            .map(|fact| (fact.account.clone(), fact.dataset.clone()))
            .collect();
        early.extend(credited_early);
        let mut plan = Self {
            reference,
            usage_partners: usage_partners(live, &credit, reference),
            quarantined: quarantined_partners(live, &feeding)?,
            versions,
            areas_without_rules,
            feeding,
            credit,
            credited,
            early,
            score_id: String::new(),
        };
        plan.score_id = plan.hash(pipeline, live);
        Ok(plan)
    }

    /// What was delivered of the months and datasets that the score looks at.
    fn delivered<'s>(&'s self, live: &'s Live) -> impl Iterator<Item = &'s Delivered> {
        let is_meant = |fact: &&Delivered| {
            fact.month.is_none_or(|month| window(self.reference).contains(&month))
                && self.feeding.datasets.contains(&fact.dataset)
        };
        live.delivered().iter().chain(&self.credited).filter(is_meant)
    }

    fn hash(&self, pipeline: &Pipeline, live: &Live) -> String {
        let mut hasher = FieldHasher::default();
        hasher.add(self.reference);
        hasher.add(live.content_hash(|unit| self.feeding.reads(unit)).to_hex());
        for fact in self.delivered(live) {
            hasher.add_text(&fact.account);
            hasher.add_text(&fact.dataset);
            hasher.add_some(fact.month);
            hasher.add_text(if fact.is_own { "own" } else { "credited" });
        }
        let distributed = live.units.iter().filter(|unit| unit.is_distributor);
        let distributed = distributed.filter(|unit| self.feeding.reads(unit));
        let mut add = |text: &str| hasher.add(text);
        add("partners");
        for partner in &self.usage_partners {
            add(partner);
        }
        add("distributors");
        if live.has_distributor() {
            for (location, account) in &live.accounts {
                add(location);
                add(account);
            }
        }
        for unit in distributed {
            add(&unit.key.dataset);
            add(&unit.account);
            add(&unit.key.month.map(|month| month.to_string()).unwrap_or_default());
        }
        add("early");
        for (partner, dataset) in &self.early {
            add(partner);
            add(dataset);
        }
        add("quarantined");
        for partner in &self.quarantined {
            add(partner);
        }
        add("rules");
        for version in &self.versions {
            add(&version.area);
            add(&version.id);
            add(&version.hash);
        }
        for (name, hash) in &pipeline.catalogs.hashes {
            add(name);
            add(hash);
        }
        add(CONTRACT_VERSION);
        add(env!("CARGO_PKG_VERSION"));
        hasher.finish().to_hex().chars().take(32).collect()
    }

    /// Scores the month with everything that is published about it.
    ///
    /// # Errors
    /// CS5004, CS9001.
    pub(super) fn score(&self, base: &Base<'_>, run_id: &RunId) -> Result<score::Output> {
        score::score(&self.input(base, run_id)?)
    }

    /// The totals of the month alone.
    ///
    /// # Errors
    /// CS5004, CS9001.
    pub(super) fn totals(&self, base: &Base<'_>) -> Result<MonthScores> {
        // Totals name no run.
        let run_id = RunId::from_hash(&blake3::hash(self.score_id.as_bytes()));
        score::totals(&self.input(base, &run_id)?)
    }

    fn input<'i>(&'i self, base: &'i Base<'_>, run_id: &'i RunId) -> Result<score::Input<'i>> {
        let Base { pipeline, live, .. } = base;
        let BaseFacts { acr, seats, segments, credentials } = base.facts()?;
        let frames = LiveFrames::new(live);
        let workloads = &pipeline.catalogs.workloads;
        let workload = |name: &str| workloads.canonical(name);
        let year = [self.reference.plus(-12), self.reference];
        Ok(score::Input {
            reference: self.reference,
            versions: &self.versions,
            catalogs: &pipeline.catalogs,
            run_id,
            acr,
            seats,
            revenue: frames.revenue(&year, &workload)?,
            usage: frames.usage(&year, &workload)?,
            credentials,
            segments,
            usage_partners: self.usage_partners.clone(),
            delivered: self.delivered(live).collect(),
            early: self.early.clone(),
            quarantined: self.quarantined.clone(),
        })
    }

    /// The months of seats that the rules look at.
    fn seat_months(&self) -> Vec<Month> {
        let back: BTreeSet<i32> =
            self.versions.iter().flat_map(|version| version.seat_months()).collect();
        back.into_iter().map(|back| self.reference.plus(-back)).collect()
    }
}

/// Area and partner that the path tests of a month's rules assign the tested path; nobody when no
/// rules were in force.
///
/// # Errors
/// CS9001.
pub(super) fn assigned(base: &Base<'_>, reference: Month) -> Result<BTreeSet<(String, String)>> {
    let Base { pipeline, live, .. } = base;
    let BaseFacts { acr, seats, segments, credentials } = base.facts()?;
    let Ok((versions, _)) = pipeline.rules.effective(reference.last_day()) else {
        return Ok(BTreeSet::new());
    };
    let frames = LiveFrames::new(live);
    let credit = Credit::of(live, *window(reference).start(), reference)?;
    let workloads = &pipeline.catalogs.workloads;
    let workload = |name: &str| workloads.canonical(name);
    let year = [reference.plus(-12), reference];
    score::assigned(&score::Input {
        reference,
        versions: &versions,
        catalogs: &pipeline.catalogs,
        run_id: &RunId::from_hash(&blake3::hash(reference.to_string().as_bytes())),
        acr,
        seats,
        // No test looks at usage.
        usage: frames.usage(&[], &workload)?,
        revenue: frames.revenue(&year, &workload)?,
        credentials,
        segments,
        usage_partners: usage_partners(live, &credit, reference),
        delivered: Vec::new(),
        early: BTreeSet::new(),
        quarantined: BTreeSet::new(),
    })
}

/// Partners credited with at least one live row of consumption, seats, revenue or usage in R−23…R.
fn usage_partners(live: &Live, credit: &Credit, reference: Month) -> BTreeSet<String> {
    let is_usage = |table: &String| USAGE_TABLES.contains(&table.as_str());
    live.units
        .iter()
        .filter(|unit| unit.key.month.is_some_and(|month| window(reference).contains(&month)))
        .filter(|unit| unit.tables.iter().any(is_usage))
        .map(|unit| unit.account.clone())
        .chain(credit.resellers.iter().map(|(_, _, reseller)| reseller.clone()))
        .collect()
}
