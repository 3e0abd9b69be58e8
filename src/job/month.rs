//! One month of the live facts, with all that is settled about it before the first number is
//! computed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashSet;

use super::Pipeline;
use super::base::{Base, RangeFacts};
use super::business::Business;
use super::credentials::{Credentials, are_credentials};
use super::enrolments::EnrolmentList;
use super::feeding::{Feeding, early_datasets, quarantined_partners};
use super::window;
use crate::calendar::Month;
use crate::error::{Code, Result};
use crate::facts::{Credit, Delivered, FactTable, Live, MonthUnits, PartnerRange};
use crate::ids::{FieldHasher, RunId};
use crate::rules::Version;
use crate::score::{self, MonthScores};
use crate::tables::CONTRACT_VERSION;
use crate::workers::Workers;

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

/// A month whose facts are read.
pub(super) struct OpenMonth<'a> {
    plan: &'a MonthPlan<'a>,
    base: &'a Base<'a>,
    business: &'a Business,
}

/// Months settled by the rules of their day, each once.
pub(super) struct Plans<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) live: &'a Live,
    pub(super) credentials: &'a Credentials,
    pub(super) enrolments: &'a EnrolmentList,
    /// What the dimensions describe, whatever the month.
    pub(super) state: String,
    workers: &'a Workers,
    known: BTreeMap<Month, Option<Arc<MonthPlan<'a>>>>,
}

impl<'a> Plans<'a> {
    pub(super) fn new(
        pipeline: &'a Pipeline,
        live: &'a Live,
        credentials: &'a Credentials,
        enrolments: &'a EnrolmentList,
        workers: &'a Workers,
    ) -> Self {
        let (state, known) = (state_of(live, pipeline), BTreeMap::new());
        Self { pipeline, live, credentials, enrolments, state, workers, known }
    }

    /// Some months by their own rules, in their order; without those when no rules were in force.
    ///
    /// # Errors
    /// CS2001, CS6005, CS9001.
    pub(super) fn in_force(
        &mut self,
        references: impl Iterator<Item = Month>,
    ) -> Result<Vec<Arc<MonthPlan<'a>>>> {
        let references: Vec<Month> = references.collect();
        let is_new = |month: &&Month| !self.known.contains_key(*month);
        let new: Vec<Month> = references.iter().filter(is_new).copied().collect();
        let plans = self.workers.run(&vec![0; new.len()], |at| {
            match self.pipeline.rules.effective(new[at].last_day()) {
                Ok(rules) => {
                    let Self { pipeline, live, credentials, .. } = *self;
                    MonthPlan::new(pipeline, live, credentials, new[at], rules).map(Some)
                }
                Err(error) if error.code() == Code::RulesetNotEffective => Ok(None),
                Err(error) => Err(error),
            }
        })?;
        self.known.extend(new.into_iter().zip(plans.into_iter().map(|plan| plan.map(Arc::new))));
        Ok(references.iter().filter_map(|month| self.known.get(month).cloned().flatten()).collect())
    }
}

/// A hash over what the dimension tables describe: all live facts, catalogs and rules.
fn state_of(live: &Live, pipeline: &Pipeline) -> String {
    let mut hasher = FieldHasher::default();
    hasher.add(live.content_hash(|_| true).to_hex());
    pipeline.add_to(&mut |text| hasher.add_text(text));
    hasher.add(env!("CARGO_PKG_VERSION"));
    hasher.finish().to_hex().chars().take(32).collect()
}

impl<'a> MonthPlan<'a> {
    /// Settles a month by given versions of the rules, and the areas that have none.
    ///
    /// # Errors
    /// CS2001, CS6005, CS9001.
    pub(super) fn new(
        pipeline: &'a Pipeline,
        live: &Live,
        credentials: &Credentials,
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
        plan.score_id = plan.hash(pipeline, live, credentials);
        Ok(plan)
    }

    /// What was delivered of the partners of a range, of the months and datasets that the score looks
    /// at.
    fn delivered_of<'s>(&'s self, live: &'s Live, range: &PartnerRange) -> Vec<&'s Delivered> {
        let credited = &self.credited[range.within(&self.credited, |fact| &fact.account)];
        let delivered = live.delivered_of(range).iter().chain(credited);
        delivered.filter(|fact| self.is_meant(&fact.dataset, fact.month)).collect()
    }

    fn is_meant(&self, dataset: &str, month: Option<Month>) -> bool {
        month.is_none_or(|month| window(self.reference).contains(&month))
            && self.feeding.datasets.contains(dataset)
    }

    fn hash(&self, pipeline: &Pipeline, live: &Live, credentials: &Credentials) -> String {
        let mut hasher = FieldHasher::default();
        hasher.add(self.reference);
        let reads = |of_month: &MonthUnits<'_>| {
            self.feeding.reads(of_month.dataset, of_month.month) && !are_credentials(of_month)
        };
        hasher.add(live.content_hash(reads).to_hex());
        credentials.add_until(self.reference, &mut hasher);
        for (dataset, month, partners) in live.delivered_hashes() {
            if self.is_meant(dataset, month) {
                hasher.add_text(dataset);
                hasher.add_some(month);
                hasher.add(partners.to_hex());
            }
        }
        hasher.add_text("credited");
        for fact in self.credited.iter().filter(|fact| self.is_meant(&fact.dataset, fact.month)) {
            hasher.add_text(&fact.account);
            hasher.add_text(&fact.dataset);
            hasher.add_some(fact.month);
        }
        let distributed = self.feeding.units(live).filter(|unit| unit.is_distributor);
        let mut add = |text: &str| hasher.add(text);
        add("partners");
        for partner in &self.usage_partners {
            add(partner);
        }
        add("distributors");
        if live.has_distributor() {
            add(live.locations_hash().to_hex().as_str());
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

    /// With the facts that it is scored from.
    pub(super) fn open(&'a self, base: &'a Base<'a>, business: &'a Business) -> OpenMonth<'a> {
        OpenMonth { plan: self, base, business }
    }

    /// The months of seats that the rules look at.
    pub(super) fn seat_months(&self) -> Vec<Month> {
        let back: BTreeSet<i32> =
            self.versions.iter().flat_map(|version| version.seat_months()).collect();
        back.into_iter().map(|back| self.reference.plus(-back)).collect()
    }
}

impl OpenMonth<'_> {
    /// Scores the partners of a range, with everything that is published about them.
    ///
    /// # Errors
    /// CS5004, CS9001.
    pub(super) fn score(&self, facts: &RangeFacts<'_>, run_id: &RunId) -> Result<score::Output> {
        score::score(&self.input(facts, run_id)?)
    }

    /// The totals of the partners of a range alone.
    ///
    /// # Errors
    /// CS5004, CS9001.
    pub(super) fn totals(&self, facts: &RangeFacts<'_>) -> Result<MonthScores> {
        // Totals name no run.
        let run_id = RunId::from_hash(&blake3::hash(self.plan.score_id.as_bytes()));
        score::totals(&self.input(facts, &run_id)?)
    }

    fn input<'i>(
        &'i self,
        facts: &'i RangeFacts<'i>,
        run_id: &'i RunId,
    ) -> Result<score::Input<'i>> {
        let Self { plan, base, business } = self;
        let [revenue, usage] = business.of(plan.reference, facts.range)?;
        let RangeFacts { range, acr, seats, segments, credentials } = facts;
        Ok(score::Input {
            range,
            reference: plan.reference,
            versions: &plan.versions,
            catalogs: &base.pipeline.catalogs,
            run_id,
            acr,
            seats,
            revenue,
            usage,
            credentials,
            segments,
            credited: plan.credit.customers_of(range)?,
            usage_partners: range.among(&plan.usage_partners).cloned().collect(),
            delivered: plan.delivered_of(base.live, range),
            early: &plan.early,
            quarantined: &plan.quarantined,
        })
    }
}

/// Partners credited with at least one live row of consumption, seats, revenue or usage in R−23…R.
pub(super) fn usage_partners(live: &Live, credit: &Credit, reference: Month) -> BTreeSet<String> {
    let is_usage = |table: &FactTable| USAGE_TABLES.contains(&table.name);
    let mut partners: HashSet<&str> =
        credit.resellers.iter().map(|(_, _, reseller)| reseller.as_str()).collect();
    let is_read = |month| window(reference).contains(&month);
    for of_month in live.months().filter(|of_month| of_month.month.is_some_and(is_read)) {
        let units = of_month.units.iter().filter(|unit| unit.tables.iter().any(is_usage));
        partners.extend(units.map(|unit| unit.account.as_str()));
    }
    partners.into_iter().map(str::to_owned).collect()
}
