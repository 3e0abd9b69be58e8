//! The names that a base is made of. All of them come from the rule packs and catalogs, so a new
//! rule version changes the base without a change here.

use std::collections::BTreeSet;

use crate::calendar::{Day, Month};
use crate::error::{Code, Error, Result};
use crate::rules::{
    Catalogs, Certification, Measure, Metric, Names, Pack, Rules, Sentence, StepRole, Version,
};

/// Names for the rows of a base. One pack sets the scored ones: a base around one area shows more
/// than a thin spread over all of them.
pub(super) struct Vocabulary {
    /// Services that the pack counts in all of its versions.
    pub(super) scored_services: Vec<String>,
    /// The other services of the catalog.
    pub(super) other_services: Vec<String>,
    /// Workloads that the pack counts in all of its versions.
    pub(super) scored_workloads: Vec<String>,
    /// The other workloads of the catalog.
    pub(super) other_workloads: Vec<String>,
    /// The certification steps of all versions of the pack.
    pub(super) steps: Vec<Step>,
    /// Certifications that do not count at the end of the base.
    pub(super) other_certifications: Vec<Certification>,
}

/// One step of a skilling metric.
pub(super) struct Step {
    /// Whether it earns points for each person, rather than unlocking the step that does.
    pub(super) is_last: bool,
    /// People that fulfil it.
    pub(super) people: i64,
    /// The certifications of which one is enough.
    pub(super) certifications: Vec<Certification>,
}

impl Vocabulary {
    /// The names for a base that ends in `last_month`.
    ///
    /// # Errors
    /// CS5002 when there is no rule pack.
    pub(super) fn new(catalogs: &Catalogs, rules: &Rules, last_month: Month) -> Result<Self> {
        // A pack that declares a scope counts a list of its own, which is what has to be mixed
        // with other names.
        let has_scope = |pack: &&Pack| pack.versions.iter().any(|known| !known.scopes.is_empty());
        let pack = rules.packs.iter().find(has_scope).or(rules.packs.first()).ok_or_else(|| {
            Error::new(Code::RulesInvalid, "there is no rule pack to make a base for")
        })?;
        let (scored_services, other_services) = split(pack, &catalogs.services, true);
        let (scored_workloads, other_workloads) = split(pack, &catalogs.workloads, false);
        let steps = steps(pack, catalogs);
        let counts = |certification: &Certification| {
            is_current(certification, last_month.first_day())
                && steps.iter().any(|step| step.certifications.contains(certification))
        };
        let other_certifications =
            catalogs.certifications.iter().filter(|entry| !counts(entry)).cloned().collect();
        Ok(Self {
            scored_services,
            other_services,
            scored_workloads,
            other_workloads,
            steps,
            other_certifications,
        })
    }
}

/// Whether a certification can still be renewed, or could be in the half year before `day`.
pub(super) fn is_current(certification: &Certification, day: Day) -> bool {
    certification.retired_on.is_none_or(|retired_on| retired_on.0 >= day.0 - 180)
}

/// The names that all versions of a pack count, and the rest of the catalog.
fn split(pack: &Pack, names: &Names, is_service: bool) -> (Vec<String>, Vec<String>) {
    let lists: Vec<BTreeSet<&str>> = pack
        .versions
        .iter()
        .map(|version| listed(version, is_service))
        .filter(|list| !list.is_empty())
        .collect();
    let in_all = |name: &str| !lists.is_empty() && lists.iter().all(|list| list.contains(name));
    let in_any = |name: &str| lists.iter().any(|list| list.contains(name));
    let has_common = names.names().iter().any(|name| in_all(name));
    let is_scored = |name: &str| if has_common { in_all(name) } else { in_any(name) };
    let (scored, other): (Vec<String>, Vec<String>) =
        names.names().iter().cloned().partition(|name| is_scored(name));
    // A pack may count everything; then nothing is beside it, and the other way round.
    match (scored.is_empty(), other.is_empty()) {
        (true, _) => (other.clone(), other),
        (_, true) => (scored.clone(), scored),
        _ => (scored, other),
    }
}

fn listed(version: &Version, is_service: bool) -> BTreeSet<&str> {
    let parts = version.metrics.iter().flat_map(|metric| &metric.parts);
    let mut names = BTreeSet::new();
    for part in parts {
        if let Sentence::Customers(customers) = &part.sentence
            && (customers.measure == Measure::Acr) == is_service
        {
            names.extend(customers.names.iter().map(String::as_str));
        }
    }
    names
}

fn steps(pack: &Pack, catalogs: &Catalogs) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let metrics = pack.versions.iter().flat_map(|version| &version.metrics);
    for step in metrics.flat_map(|metric| steps_of(metric, catalogs)) {
        let same = |known: &&mut Step| {
            known.is_last == step.is_last && known.certifications == step.certifications
        };
        match steps.iter_mut().find(same) {
            Some(known) => known.people = known.people.max(step.people),
            None => steps.push(step),
        }
    }
    steps
}

fn steps_of(metric: &Metric, catalogs: &Catalogs) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in &metric.parts {
        let Sentence::People(people) = &part.sentence else { continue };
        let certifications = people
            .certifications
            .iter()
            .filter_map(|code| catalogs.certifications.get(code).cloned())
            .collect();
        let (is_last, needed) = match people.role {
            StepRole::Prerequisite { people_needed } => (false, people_needed),
            StepRole::Last => (true, part.units_for_max(metric.max_points).unwrap_or(1)),
        };
        steps.push(Step { is_last, people: needed, certifications });
    }
    steps
}
