//! Facts to published tables: pick R and the rules, find out whether the month is published
//! already, score, check, publish.

use std::collections::{BTreeMap, BTreeSet};

use super::checks::{
    assumed_alias, ledger_checks, reseller_ids_agree, resellers_ambiguous, services_unmapped,
    titles_unmatched,
};
use super::data_checks::{data_checks, segments_unknown};
use super::feeding::{Feeding, early_datasets, quarantined_partners};
use super::record::{manifest, quarantine};
use super::reference::reference_month;
use super::{Attempt, Pipeline, ScoreSettings, window};
use crate::calendar::Month;
use crate::checks::{Check, enforce};
use crate::commit::Lease;
use crate::error::Result;
use crate::facts::{Credit, Live, LiveFrames};
use crate::ids::RunId;
use crate::money::Money;
use crate::publish::{
    Publication, check_table, dictionary, published_run, published_state, read_manifest,
};
use crate::rules::{UNMAPPED, Version};
use crate::score::{self, AreaSummary, DimensionFacts, PartnerFacts, dimensions, rule_table};
use crate::store::Store;
use crate::tables::{
    CHECK_RESULT, CONTRACT_VERSION, DATA_DICTIONARY, DIM_CUSTOMER, DIM_PARTNER, DIM_RULE,
    QUARANTINE,
};

/// The fact tables whose rows make a partner one that is scored.
const USAGE_TABLES: [&str; 4] = ["acr", "seats", "revenue", "usage"];

/// What `score --plan` tells.
#[derive(Debug, Clone)]
pub struct ScorePlan {
    /// The reference month.
    pub reference: Month,
    /// The rulesets: area and id.
    pub rulesets: Vec<(String, String)>,
    /// The run that would be published.
    pub run_id: RunId,
    /// Whether it is published already.
    pub is_published: bool,
    /// Live units that the score reads.
    pub units: usize,
    /// Files that hold them.
    pub files: usize,
}

/// What a scoring did.
#[derive(Debug, Clone)]
pub struct Scored {
    /// The run.
    pub run_id: RunId,
    /// The reference month.
    pub reference: Month,
    /// Where the tables are.
    pub output: String,
    /// Whether the month was published already and nothing was written.
    pub is_unchanged: bool,
    /// Figures for people; empty when nothing was scored.
    pub areas: Vec<AreaSummary>,
    /// All checks; empty when nothing was scored.
    pub checks: Vec<Check>,
    /// Records rejected in the files that feed the month.
    pub quarantined: u64,
    /// Tables and rows written.
    pub tables: Vec<(String, u64)>,
}

/// Everything that is settled before the first number is computed.
pub(super) struct Prepared<'a> {
    pub(super) live: Live,
    pub(super) reference: Month,
    pub(super) held_back: Option<Check>,
    pub(super) versions: Vec<&'a Version>,
    pub(super) areas_without_rules: Vec<&'a str>,
    pub(super) feeding: Feeding,
    pub(super) credit: Credit,
    /// Partners with a live row of usage in the window.
    pub(super) usage_partners: BTreeSet<String>,
    pub(super) delivered: Vec<crate::facts::Delivered>,
    pub(super) early: BTreeSet<(String, String)>,
    pub(super) quarantined: BTreeSet<String>,
    pub(super) run_id: RunId,
    /// What the dimensions describe.
    pub(super) state: String,
}

/// Says what a scoring would do.
///
/// # Errors
/// As [`super::score`].
pub fn plan_score(pipeline: &Pipeline, settings: &ScoreSettings) -> Result<ScorePlan> {
    let prepared = prepare(pipeline, settings)?;
    let published = match Store::open(&settings.output) {
        Ok(output) => published_run(&output, &prepared.reference.to_string())?,
        Err(_) => None,
    };
    Ok(ScorePlan {
        reference: prepared.reference,
        rulesets: prepared
            .versions
            .iter()
            .map(|version| (version.area.clone(), version.id.clone()))
            .collect(),
        is_published: published.as_ref() == Some(&prepared.run_id),
        run_id: prepared.run_id,
        units: prepared.live.units.iter().filter(|unit| prepared.feeding.reads(unit)).count(),
        files: prepared.feeding.files.len(),
    })
}

fn prepare<'a>(pipeline: &'a Pipeline, settings: &ScoreSettings) -> Result<Prepared<'a>> {
    let live = Live::read(&Store::open(&settings.facts)?)?;
    // An unknown ruleset is an error whatever the facts hold.
    let named = settings.ruleset.as_deref().map(|id| pipeline.rules.named(id)).transpose()?;
    let (reference, held_back) = reference_month(settings.as_of, &live)?;
    let (versions, areas_without_rules) = match named {
        Some(named) => named,
        None => pipeline.rules.effective(reference.last_day())?,
    };
    let feeding = Feeding::new(&live, reference, &versions);
    let credit = Credit::of(&live, *window(reference).start(), reference)?;
    let credited = credit.delivered(&live);
    let delivered: Vec<_> = live
        .delivered()
        .into_iter()
        .chain(credited.iter().cloned())
        .filter(|fact| fact.month.is_none_or(|month| window(reference).contains(&month)))
        .filter(|fact| feeding.datasets.contains(&fact.dataset))
        .collect();
    let mut early = early_datasets(&live, &feeding);
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
    let usage_partners = usage_partners(&live, &credit, reference);
    let quarantined = quarantined_partners(&live, &feeding)?;
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(text.as_bytes());
        hasher.update(&[0]);
    };
    add(&reference.to_string());
    add(live.content_hash(|unit| feeding.reads(unit)).to_hex().as_str());
    for fact in &delivered {
        add(&fact.account);
        add(&fact.dataset);
        add(&fact.month.map(|month| month.to_string()).unwrap_or_default());
        add(if fact.is_own { "own" } else { "credited" });
    }
    add("partners");
    for partner in &usage_partners {
        add(partner);
    }
    add("distributors");
    if live.has_distributor() {
        for (location, account) in &live.accounts {
            add(location);
            add(account);
        }
    }
    for unit in live.units.iter().filter(|unit| unit.is_distributor && feeding.reads(unit)) {
        add(&unit.key.dataset);
        add(&unit.account);
        add(&unit.key.month.map(|month| month.to_string()).unwrap_or_default());
    }
    add("early");
    for (partner, dataset) in &early {
        add(partner);
        add(dataset);
    }
    add("quarantined");
    for partner in &quarantined {
        add(partner);
    }
    add("rules");
    for version in &versions {
        add(&version.area);
        add(&version.id);
        add(&version.hash);
    }
    for (name, hash) in &pipeline.catalogs.hashes {
        add(name);
        add(hash);
    }
    // The published results of checks say by which limits they were judged.
    for (check, limit) in &settings.limits.0 {
        add(check);
        add(&format!("{:?} {:?}", limit.warn, limit.error));
    }
    add(CONTRACT_VERSION);
    add(env!("CARGO_PKG_VERSION"));
    let run_id = RunId::from_hash(&hasher.finalize());
    let state = state_of(&live, pipeline);
    Ok(Prepared {
        live,
        reference,
        held_back,
        versions,
        areas_without_rules,
        feeding,
        credit,
        usage_partners,
        delivered,
        early,
        quarantined,
        run_id,
        state,
    })
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

pub(super) fn score_and_publish(
    pipeline: &Pipeline,
    settings: &ScoreSettings,
    attempt: &Attempt,
) -> Result<Scored> {
    let output = Store::create(&settings.output)?;
    // The facts are read under the lease: a run that waited publishes what is true now.
    let lease = Lease::take(&output, &attempt.id)?;
    let prepared = prepare(pipeline, settings)?;
    let month = prepared.reference.to_string();
    let is_published = published_run(&output, &month)?.as_ref() == Some(&prepared.run_id);
    let has_dimensions = [&DIM_PARTNER, &DIM_CUSTOMER, &DIM_RULE, &DATA_DICTIONARY]
        .iter()
        .map(|table| published_state(&output, table))
        .collect::<Result<Vec<_>>>()?
        .iter()
        .all(|state| state.as_deref() == Some(prepared.state.as_str()));
    let mut scored = Scored {
        run_id: prepared.run_id.clone(),
        reference: prepared.reference,
        output: output.uri().to_owned(),
        is_unchanged: is_published && has_dimensions,
        areas: Vec::new(),
        checks: Vec::new(),
        quarantined: prepared
            .feeding
            .files
            .iter()
            .filter_map(|(sequence, file)| prepared.live.file(*sequence, *file))
            .map(|file| file.quarantined)
            .sum(),
        tables: Vec::new(),
    };
    scored.checks = ledger_checks(
        &prepared.live,
        &prepared.feeding,
        &prepared.areas_without_rules,
        prepared.reference,
    );
    scored.checks.push(resellers_ambiguous(&prepared.credit));
    scored.checks.push(reseller_ids_agree(&prepared.credit));
    scored.checks.extend(prepared.held_back.clone());
    scored.checks.extend(data_checks(&prepared.live, &prepared.feeding));
    if scored.is_unchanged {
        judge(&mut scored.checks, settings);
        enforce(&scored.checks, settings.fail_on)?;
        tracing::info!(run_id = %scored.run_id, %month, "The month is published already.");
        scored.tables = read_manifest(&output, &scored.run_id)?
            .map(|manifest| manifest.outputs)
            .unwrap_or_default()
            .into_iter()
            .map(|file| (file.table, file.rows))
            .collect();
        attempt.log(&output, "unchanged", scored.run_id.as_str(), &month)?;
        return Ok(scored);
    }
    let mut publication =
        Publication::new(&output, &lease, &attempt.id, month.clone(), prepared.run_id.clone());
    if !is_published {
        let result = score_month(pipeline, &prepared)?;
        scored.checks.push(titles_unmatched(&result.unmatched_titles));
        scored.checks.push(services_unmapped(&unmapped_acr(pipeline, &prepared)?));
        scored.checks.push(assumed_alias(&result.assumed_aliases));
        let segments = LiveFrames::new(&prepared.live)
            .segment_names(prepared.reference.plus(-23), prepared.reference)?;
        scored.checks.push(segments_unknown(&segments, &pipeline.catalogs.segments));
        judge(&mut scored.checks, settings);
        enforce(&scored.checks, settings.fail_on)?;
        for (table, frame) in result.frames {
            publication.add(table, &frame, None)?;
        }
        publication.add(&QUARANTINE, &quarantine(&prepared)?, None)?;
        publication.add(&CHECK_RESULT, &check_table(&scored.checks)?, None)?;
        scored.areas = result.areas;
    }
    if !is_published || !has_dimensions {
        add_dimensions(pipeline, &prepared, &mut publication)?;
    }
    let files = publication.files();
    scored.tables = files.iter().map(|file| (file.table.clone(), file.rows)).collect();
    let manifest =
        (!is_published).then(|| manifest(pipeline, settings, &prepared, attempt, &scored, files));
    publication.commit(manifest.as_ref())?;
    tracing::info!(run_id = %scored.run_id, %month, tables = scored.tables.len(), "The month is published.");
    attempt.log(&output, "published", scored.run_id.as_str(), &month)?;
    Ok(scored)
}

/// Judges the checks by the limits of the job.
fn judge(checks: &mut Vec<Check>, settings: &ScoreSettings) {
    let judged = std::mem::take(checks).into_iter().map(|check| settings.limits.judge(check));
    checks.extend(judged);
}

fn score_month(pipeline: &Pipeline, prepared: &Prepared<'_>) -> Result<score::Output> {
    let frames = LiveFrames::new(&prepared.live);
    let reference = prepared.reference;
    let workloads = &pipeline.catalogs.workloads;
    score::score(&score::Input {
        reference,
        versions: &prepared.versions,
        catalogs: &pipeline.catalogs,
        run_id: &prepared.run_id,
        acr: frames.acr(reference.plus(-23), reference, &|name| pipeline.catalogs.service(name))?,
        seats: frames.seats(&seat_months(prepared), &|name| workloads.canonical(name))?,
        credentials: frames.credentials()?,
        segments: prepared.credit.share(frames.segments(reference.plus(-23), reference)?)?,
        usage_partners: prepared.usage_partners.clone(),
        delivered: &prepared.delivered,
        early: prepared.early.clone(),
        quarantined: prepared.quarantined.clone(),
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

/// Consumption of the month's window by meter categories that no catalog maps to a service.
fn unmapped_acr(pipeline: &Pipeline, prepared: &Prepared<'_>) -> Result<Vec<(String, Money)>> {
    let reference = prepared.reference;
    let by_name = LiveFrames::new(&prepared.live).acr_by_name(reference.plus(-23), reference)?;
    let is_unmapped = |(name, _): &(String, Money)| pipeline.catalogs.service(name) == UNMAPPED;
    Ok(by_name.into_iter().filter(is_unmapped).collect())
}

/// The months of seats that the rules look at.
fn seat_months(prepared: &Prepared<'_>) -> Vec<Month> {
    let reference = prepared.reference;
    let looks_at_twelve = prepared.versions.iter().any(|version| version.reads_seats_of_twelve());
    if looks_at_twelve {
        Month::range(reference.plus(-23), reference).collect()
    } else {
        vec![reference.plus(-12), reference]
    }
}

fn add_dimensions(
    pipeline: &Pipeline,
    prepared: &Prepared<'_>,
    publication: &mut Publication<'_>,
) -> Result<()> {
    let frames = LiveFrames::new(&prepared.live);
    let mut partners: BTreeMap<String, PartnerFacts> = BTreeMap::new();
    for unit in &prepared.live.units {
        let partner = partners.entry(unit.account.clone()).or_default();
        partner.is_exporter = true;
        if let Some(month) = unit.key.month {
            partner.add(month);
        }
    }
    let months = prepared.live.units.iter().filter_map(|unit| unit.key.month);
    if let (Some(first), Some(last)) = (months.clone().min(), months.max()) {
        for (reseller, (first, last)) in Credit::of(&prepared.live, first, last)?.months {
            let partner = partners.entry(reseller).or_default();
            partner.add(first);
            partner.add(last);
        }
    }
    let facts = DimensionFacts {
        customers: frames.customers()?,
        partner_names: frames.partner_names()?,
        locations: frames.locations()?,
        partners,
    };
    let dimensions = dimensions(facts, &pipeline.catalogs.segments)?;
    let versions: Vec<&Version> =
        pipeline.rules.packs.iter().flat_map(|pack| &pack.versions).collect();
    let state = Some(prepared.state.as_str());
    publication.add(&DIM_PARTNER, &dimensions.partners, state)?;
    publication.add(&DIM_CUSTOMER, &dimensions.customers, state)?;
    publication.add(&DIM_RULE, &rule_table(&versions)?, state)?;
    publication.add(&DATA_DICTIONARY, &dictionary()?, state)
}
