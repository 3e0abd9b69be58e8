//! The names that a base is made of. All of them come from the rule packs and catalogs, so a new
//! rule version changes the base without a change here.

use std::collections::BTreeSet;

use super::offers::Offers;
use crate::calendar::{Day, Month};
use crate::error::{Code, Error, Result};
use crate::rules::{
    Catalogs, Certification, Measure, Names, Pack, Part, Rules, Sentence, StepRole, Version,
};

/// Segments as the exports spell them; the catalog says on which side each is.
pub(super) const SEGMENTS: [&str; 4] = [
    "Small, Medium & Corporate Commercial",
    "Major Commercial",
    "Enterprise Commercial",
    "SMB Commercial",
];

/// Names for the rows of a base. One pack sets the scored ones: a base around one area shows more
/// than a thin spread over all of them. Suites and business applications are what other packs count
/// beside it; certifications and what is left out come from all packs.
pub(super) struct Vocabulary {
    /// Services that the pack counts in all of its versions.
    pub(super) scored_services: Vec<String>,
    /// Services that no version of the pack counts.
    pub(super) other_services: Vec<String>,
    /// Workloads that the pack counts in all of its versions.
    pub(super) scored_workloads: Vec<String>,
    /// Workloads with seats that no version of the pack counts.
    pub(super) other_workloads: Vec<String>,
    /// Those of them that another pack counts at the end of the base.
    pub(super) suite_workloads: Vec<String>,
    /// Business applications.
    pub(super) offers: Offers,
    /// The areas of all packs.
    pub(super) areas: Vec<String>,
    /// Services that a metric of some pack leaves out.
    pub(super) excluded_services: Vec<String>,
    /// The certification steps of all packs, those of the pack first.
    pub(super) steps: Vec<Step>,
    /// Certifications that do not count at the end of the base.
    pub(super) other_certifications: Vec<Certification>,
    small_segments: Vec<&'static str>,
    large_segments: Vec<&'static str>,
}

/// One step of a skilling metric.
pub(super) struct Step {
    /// The number of its pack, 0 for the one that sets the scored names.
    pub(super) pack: u32,
    /// Whether it earns points for each person, rather than unlocking the step that does.
    pub(super) is_last: bool,
    /// People that fulfil it on the path that asks for most of them.
    pub(super) people: i64,
    /// People that fulfil it on the path that asks for fewest.
    pub(super) fewest: i64,
    /// Whether it stands alone: no step of its metric has to be met before.
    pub(super) is_lone: bool,
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
        let (scored_services, other_services) = split(pack, catalogs.services.names(), true);
        let workloads = with_seats(rules, &catalogs.workloads);
        let (scored_workloads, other_workloads) = split(pack, &workloads, false);
        let excluded_services = excluded(rules, &other_services);
        let last_day = last_month.last_day();
        let steps = steps(pack, rules, catalogs, last_month.first_day());
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
            suite_workloads: suite(pack, rules, &workloads, last_day),
            other_workloads,
            offers: Offers::new(rules, last_day),
            areas: rules.packs.iter().map(|pack| pack.area.clone()).collect(),
            excluded_services,
            steps,
            other_certifications,
            small_segments: segments(catalogs, true),
            large_segments: segments(catalogs, false),
        })
    }

    /// One of the segments on a side.
    pub(super) fn segment(&self, is_small: bool, drawn: usize) -> &'static str {
        let names = if is_small { &self.small_segments } else { &self.large_segments };
        names.get(drawn % names.len().max(1)).copied().unwrap_or_default()
    }
}

/// Whether a certification can still be renewed, or could be in the half year before `day`.
pub(super) fn is_current(certification: &Certification, day: Day) -> bool {
    certification.retired_on.is_none_or(|retired_on| retired_on.0 >= day.0 - 180)
}

/// The version of a pack that is in force on a day, or else its first one.
pub(super) fn in_force(pack: &Pack, day: Day) -> Option<&Version> {
    let in_force = pack.versions.iter().rev().find(|version| version.effective_from <= day);
    in_force.or(pack.versions.first())
}

/// All workloads but business applications: those that packs count, though never by seats.
fn with_seats(rules: &Rules, names: &Names) -> Vec<String> {
    let sentences =
        || rules.packs.iter().flat_map(|pack| &pack.versions).flat_map(Version::sentences);
    let counts = |name: &String, has_seats: bool| {
        sentences()
            .filter(|known| known.measure != Measure::Acr)
            .filter(|known| known.measure.is_of_seats() == has_seats)
            .any(|known| known.names.contains(name))
    };
    let is_with_seats = |name: &&String| counts(name, true) || !counts(name, false);
    names.names().iter().filter(is_with_seats).cloned().collect()
}

/// The workloads with seats that other packs count on a day and the main pack in no version.
fn suite(main: &Pack, rules: &Rules, names: &[String], day: Day) -> Vec<String> {
    let own: BTreeSet<&str> =
        main.versions.iter().flat_map(|version| listed(version, false)).collect();
    let versions = rules.packs.iter().filter_map(|pack| in_force(pack, day));
    let counted: BTreeSet<&str> = versions.flat_map(|version| listed(version, false)).collect();
    let is_suite = |name: &&String| counted.contains(name.as_str()) && !own.contains(name.as_str());
    names.iter().filter(is_suite).cloned().collect()
}

/// The names that all versions of a pack count, and those that none does. What only some versions
/// count is in neither list, so that the same business shows in all of them.
fn split(pack: &Pack, names: &[String], is_service: bool) -> (Vec<String>, Vec<String>) {
    let lists: Vec<BTreeSet<&str>> = pack
        .versions
        .iter()
        .map(|version| listed(version, is_service))
        .filter(|list| !list.is_empty())
        .collect();
    let in_all = |name: &str| !lists.is_empty() && lists.iter().all(|list| list.contains(name));
    let in_any = |name: &str| lists.iter().any(|list| list.contains(name));
    let has_common = names.iter().any(|name| in_all(name));
    let is_scored = |name: &str| if has_common { in_all(name) } else { in_any(name) };
    let scored: Vec<String> = names.iter().filter(|name| is_scored(name)).cloned().collect();
    let other: Vec<String> = names.iter().filter(|name| !in_any(name)).cloned().collect();
    // A pack may count everything; then nothing is beside it, and the other way round.
    match (scored.is_empty(), other.is_empty()) {
        (true, _) => (other.clone(), other),
        (_, true) => (scored.clone(), scored),
        _ => (scored, other),
    }
}

fn listed(version: &Version, is_service: bool) -> BTreeSet<&str> {
    let is_kind = |measure: Measure| {
        if is_service { measure == Measure::Acr } else { measure.is_of_seats() }
    };
    let sentences = version.sentences().filter(|known| is_kind(known.measure));
    sentences.flat_map(|known| &known.names).map(String::as_str).collect()
}

/// Services that some sentence leaves out, of those that the main pack does not count.
fn excluded(rules: &Rules, others: &[String]) -> Vec<String> {
    let versions = rules.packs.iter().flat_map(|pack| &pack.versions);
    let parts = versions.flat_map(|version| &version.metrics).flat_map(|metric| &metric.parts);
    let mut names: BTreeSet<&String> = BTreeSet::new();
    for part in parts {
        if let Sentence::Customers(customers) = &part.sentence {
            names.extend(customers.excluded.iter().filter(|name| others.contains(name)));
        }
    }
    names.into_iter().cloned().collect()
}

/// The known segments on one side, or all of them where that side has none.
fn segments(catalogs: &Catalogs, is_small: bool) -> Vec<&'static str> {
    let is_on_side = |name: &&str| catalogs.segments.is_smb_side(name).0 == is_small;
    let names: Vec<&'static str> = SEGMENTS.into_iter().filter(is_on_side).collect();
    if names.is_empty() { SEGMENTS.to_vec() } else { names }
}

/// The steps of the main pack, then those of the others; a step that packs share is one. Packs
/// that measure consumption go before others, so that these change nobody's people.
fn steps(main: &Pack, rules: &Rules, catalogs: &Catalogs, day: Day) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (consuming, others): (Vec<&Pack>, Vec<&Pack>) =
        rules.packs.iter().filter(|pack| pack.area != main.area).partition(|pack| {
            let mut sentences = pack.versions.iter().flat_map(Version::sentences);
            sentences.any(|known| known.measure == Measure::Acr)
        });
    let packs = std::iter::once(main).chain(consuming).chain(others);
    let listed: Vec<(u32, ListedStep<'_>)> = (0_u32..)
        .zip(packs)
        .flat_map(|(number, pack)| listed_steps(pack).into_iter().map(move |step| (number, step)))
        .collect();
    let elsewhere: BTreeSet<&str> = listed
        .iter()
        .filter(|(_, step)| !step.is_lone)
        .flat_map(|(_, step)| step.lists.iter().copied().flatten())
        .map(String::as_str)
        .collect();
    for (number, listed) in listed {
        let mut step = listed.into_step(number, catalogs, day);
        if step.is_lone {
            // Its people would hold the other steps as well.
            step.leave_out(&elsewhere, day);
        }
        let same = |known: &&mut Step| {
            known.is_last == step.is_last && known.certifications == step.certifications
        };
        match steps.iter_mut().find(same) {
            Some(known) => {
                known.people = known.people.max(step.people);
                known.fewest = known.fewest.min(step.fewest);
            }
            None => steps.push(step),
        }
    }
    steps
}

/// A step as the versions and paths of a pack list it.
struct ListedStep<'a> {
    metric: &'a str,
    part: &'a str,
    is_last: bool,
    is_lone: bool,
    people: i64,
    fewest: i64,
    lists: Vec<&'a [String]>,
}

fn listed_steps(pack: &Pack) -> Vec<ListedStep<'_>> {
    let mut steps: Vec<ListedStep<'_>> = Vec::new();
    let metrics = pack.versions.iter().flat_map(|version| &version.metrics);
    for (metric, part) in
        metrics.flat_map(|metric| metric.parts.iter().map(move |part| (metric, part)))
    {
        let Sentence::People(people) = &part.sentence else { continue };
        let needed = match people.role {
            StepRole::Prerequisite { people_needed } => people_needed,
            StepRole::Last => part.units_for_max(metric.max_points).unwrap_or(1),
        };
        let is_lone = metric.parts.iter().all(is_last_step);
        let codes = people.certifications.as_slice();
        let known =
            steps.iter_mut().find(|known| known.metric == metric.id && known.part == part.id);
        if let Some(known) = known {
            known.is_lone &= is_lone;
            known.people = known.people.max(needed);
            known.fewest = known.fewest.min(needed);
            known.lists.push(codes);
        } else {
            steps.push(ListedStep {
                metric: &metric.id,
                part: &part.id,
                is_last: is_last_step(part),
                is_lone,
                people: needed,
                fewest: needed,
                lists: vec![codes],
            });
        }
    }
    steps
}

fn is_last_step(part: &Part) -> bool {
    matches!(&part.sentence, Sentence::People(people) if people.role == StepRole::Last)
}

impl ListedStep<'_> {
    /// With the certifications that count in all versions, so that a person counts whichever
    /// version is asked; where none of them is current, with those of the newest version.
    fn into_step(self, pack: u32, catalogs: &Catalogs, day: Day) -> Step {
        let find = |code: &String| catalogs.certifications.get(code).cloned();
        let in_all = |code: &&String| self.lists.iter().all(|list| list.contains(code));
        let first = self.lists.first().copied().unwrap_or_default();
        let common: Vec<Certification> = first.iter().filter(in_all).filter_map(find).collect();
        let newest = self.lists.last().copied().unwrap_or_default();
        let certifications = if common.iter().any(|known| is_current(known, day)) {
            common
        } else {
            newest.iter().filter_map(find).collect()
        };
        Step {
            pack,
            is_last: self.is_last,
            people: self.people,
            fewest: self.fewest,
            is_lone: self.is_lone,
            certifications,
        }
    }
}

impl Step {
    /// Leaves certifications out, unless no other one is current.
    fn leave_out(&mut self, codes: &BTreeSet<&str>, day: Day) {
        let is_other = |known: &&Certification| !codes.contains(known.code.as_str());
        let others: Vec<Certification> =
            self.certifications.iter().filter(is_other).cloned().collect();
        if others.iter().any(|known| is_current(known, day)) {
            self.certifications = others;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::PipelineFiles;

    #[test]
    fn names_come_from_all_packs() {
        let files = PipelineFiles::embedded();
        let catalogs = Catalogs::load(&files).unwrap();
        let rules = Rules::load(&files, &catalogs, &[]).unwrap();
        let last_month = Month::new(2026, 9).unwrap();
        let vocabulary = Vocabulary::new(&catalogs, &rules, last_month).unwrap();
        let mut packs: Vec<u32> = vocabulary.steps.iter().map(|step| step.pack).collect();
        assert!(packs.is_sorted());
        packs.dedup();
        assert!(packs.len() > 1);
        for step in &vocabulary.steps {
            let is_current = |known| is_current(known, last_month.first_day());
            assert!(step.certifications.iter().any(is_current));
        }
        assert!(!vocabulary.excluded_services.is_empty());
        assert!(vocabulary.areas.len() > 4);
        let mut lone = vocabulary.steps.iter().filter(|step| step.is_lone);
        assert!(lone.any(|step| step.fewest < step.people));
        for drawn in 0..SEGMENTS.len() {
            for is_small in [false, true] {
                let segment = vocabulary.segment(is_small, drawn);
                assert_eq!(catalogs.segments.is_smb_side(segment), (is_small, true));
            }
        }
    }
}
