//! Sentences over people: who holds what, valid on the day, once per step (rules §8.7, contract §3
//! People and §6).

use std::collections::{BTreeMap, HashMap};

use super::delivered_credentials::{DeliveredCredential, DeliveredCredentials};
use super::partners::{Indexes, Partners};
use crate::calendar::Day;
use crate::error::Result;
use crate::rules::{
    AssumedAliases, Certifications, Metric, Options, Part, People, Prerequisites, RetiredExpiry,
    Sentence, StepRole, TitleMatch,
};

/// The credentials of all partners that were earned by the day.
#[derive(Debug)]
pub(super) struct Credentials {
    /// The day on which they are judged.
    day: Day,
    /// Sorted by partner and person.
    rows: Vec<Credential>,
    /// Titles that no certification has, with the number of rows.
    pub(super) unmatched: BTreeMap<String, i64>,
    /// Per partner: whether a row comes from a file without an expiry column.
    pub(super) expiry_unknown: Vec<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Credential {
    partner: usize,
    person: String,
    code: String,
    earned_on: Day,
    expires_on: Option<Day>,
    retired_on: Option<Day>,
    is_assumed: bool,
}

/// How a credential stands on the day.
#[derive(Debug, Clone, Copy)]
struct Judged<'a> {
    row: &'a Credential,
    state: State,
    counts_until: Option<Day>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Valid,
    Expired,
    Retired,
}

/// One row of skilling evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SkillingEvidence<'a> {
    pub(super) partner: usize,
    pub(super) step: i64,
    pub(super) person: &'a str,
    pub(super) code: &'a str,
    pub(super) earned_on: Day,
    pub(super) expires_on: Option<Day>,
    pub(super) counts_until: Option<Day>,
    pub(super) reason: &'static str,
    /// Whether the title is only assumed to be a newer name of the certification.
    pub(super) is_assumed: bool,
}

/// The steps of one metric over all partners.
#[derive(Debug, Default)]
pub(super) struct Steps<'a> {
    /// Per part of the metric and partner: people who hold the step.
    pub(super) people: Vec<Vec<i64>>,
    /// Per part of the metric and partner: whether the steps before it allow it to earn.
    pub(super) is_open: Vec<Vec<bool>>,
    pub(super) evidence: Vec<SkillingEvidence<'a>>,
}

/// Whether a part is a step.
fn step(part: &Part) -> Option<&People> {
    match &part.sentence {
        Sentence::People(people) => Some(people),
        Sentence::Customers(_) => None,
    }
}

impl Credentials {
    /// Matches titles and judges validity on the day.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn judged(
        delivered: &DeliveredCredentials,
        catalog: &Certifications,
        day: Day,
        partners: &Partners,
    ) -> Result<Self> {
        let mut by_title: HashMap<&str, Option<TitleMatch<'_>>> = HashMap::new();
        let mut credentials = Self {
            day,
            rows: Vec::new(),
            unmatched: BTreeMap::new(),
            expiry_unknown: vec![false; partners.len()],
        };
        let mut indexes = Indexes::new(partners);
        for row in delivered.rows()?.filter(|row| row.earned_on <= day) {
            let DeliveredCredential { person_key, title, earned_on, expires_on, .. } = row;
            let partner = indexes.of(row.partner_id)?;
            credentials.expiry_unknown[partner] |= !row.is_expiry_known;
            let Some(TitleMatch { certification, is_assumed }) =
                *by_title.entry(title).or_insert_with(|| catalog.by_title(title))
            else {
                *credentials.unmatched.entry(title.to_owned()).or_default() += 1;
                continue;
            };
            credentials.rows.push(Credential {
                partner,
                person: person_key.to_owned(),
                code: certification.code.clone(),
                earned_on,
                expires_on,
                retired_on: certification.retired_on,
                is_assumed,
            });
        }
        Ok(credentials)
    }

    /// The steps of a metric on one path.
    pub(super) fn steps(&self, parts: &[&Part], options: Options, partners: usize) -> Steps<'_> {
        let mut steps = Steps::default();
        let mut is_unlocked = vec![true; partners];
        for part in parts {
            let mut rows =
                step(part).map(|people| self.holders(people, options)).unwrap_or_default();
            let mut people = vec![0; partners];
            for row in rows.iter().filter(|row| row.reason == "counted") {
                people[row.partner] += 1;
            }
            match step(part).map(|people| people.role) {
                Some(StepRole::Prerequisite { people_needed }) => {
                    steps.is_open.push(match options.prerequisites {
                        Prerequisites::Independent => vec![true; partners],
                        Prerequisites::InOrder => is_unlocked.clone(),
                    });
                    for (is_unlocked, people) in is_unlocked.iter_mut().zip(&people) {
                        *is_unlocked &= *people >= people_needed;
                    }
                }
                // The last step: all prerequisites stand above it.
                Some(StepRole::Last) | None => {
                    for row in rows.iter_mut().filter(|row| row.reason == "counted") {
                        if !is_unlocked[row.partner] {
                            row.reason = "prerequisite_missing";
                        }
                    }
                    steps.is_open.push(is_unlocked.clone());
                }
            }
            steps.people.push(people);
            steps.evidence.extend(rows);
        }
        steps
    }

    /// The evidence of one step before its prerequisites are looked at.
    fn holders(&self, people: &People, options: Options) -> Vec<SkillingEvidence<'_>> {
        // One row a person and certification: valid first, then the latest.
        let mut best: BTreeMap<(usize, &str, &str), Judged<'_>> = BTreeMap::new();
        let is_believed =
            |row: &Credential| !row.is_assumed || options.assumed_aliases == AssumedAliases::Accept;
        for row in self
            .rows
            .iter()
            .filter(|row| people.certifications.contains(&row.code) && is_believed(row))
        {
            let row = row.judge(self.day, options.retired_expiry);
            let Judged { row: Credential { partner, person, code, .. }, .. } = row;
            let key = (*partner, person.as_str(), code.as_str());
            let slot = best.entry(key).or_insert(row);
            if row.preference() > slot.preference() {
                *slot = row;
            }
        }
        let mut evidence: Vec<SkillingEvidence<'_>> = Vec::with_capacity(best.len());
        let rows: Vec<Judged<'_>> = best.into_values().collect();
        for of_person in rows.chunk_by(|Judged { row: left, .. }, Judged { row: right, .. }| {
            left.partner == right.partner && left.person == right.person
        }) {
            // One row a person: the latest that still counts, then the smaller code.
            let counted = of_person
                .iter()
                .filter(|row| row.state == State::Valid)
                .max_by(|left, right| {
                    let until = |row: &Judged<'_>| row.counts_until.map_or(i32::MAX, |day| day.0);
                    until(left).cmp(&until(right)).then_with(|| right.row.code.cmp(&left.row.code))
                })
                .map(|row| row.row.code.as_str());
            evidence.extend(of_person.iter().map(|Judged { row, state, counts_until }| {
                SkillingEvidence {
                    partner: row.partner,
                    step: people.step,
                    person: &row.person,
                    code: &row.code,
                    earned_on: row.earned_on,
                    expires_on: row.expires_on,
                    counts_until: *counts_until,
                    is_assumed: row.is_assumed,
                    reason: match state {
                        State::Expired => "expired",
                        State::Retired => "retired",
                        State::Valid if counted == Some(row.code.as_str()) => "counted",
                        State::Valid => "already_counted",
                    },
                }
            }));
        }
        evidence
    }
}

impl Credential {
    /// Whether and until when the credential counts (rules §8.7).
    fn judge(&self, day: Day, retired_expiry: RetiredExpiry) -> Judged<'_> {
        let retirement_ends = self.retired_on.map(|retired| retired.plus_years(1));
        let counts_until = match (self.expires_on, retirement_ends) {
            (Some(expires), Some(ends)) => match retired_expiry {
                RetiredExpiry::Earlier => Some(expires.min(ends)),
                RetiredExpiry::Retirement => Some(ends),
            },
            (expires, ends) => expires.or(ends),
        };
        let is_over = counts_until.is_some_and(|until| day > until);
        let is_expired = self.expires_on.is_some_and(|expires| day > expires);
        let is_late = self.retired_on.is_some_and(|retired| self.earned_on > retired);
        let state = match (is_over, is_expired) {
            (true, true) => State::Expired,
            (true, false) => State::Retired,
            _ if is_late => State::Retired,
            _ => State::Valid,
        };
        Judged { row: self, state, counts_until }
    }
}

impl Judged<'_> {
    /// Valid first, then the latest last day (none is never), then the latest earned, then the
    /// established title.
    fn preference(&self) -> (bool, i32, Day, bool) {
        let until = self.counts_until.map_or(i32::MAX, |day| day.0);
        (self.state == State::Valid, until, self.row.earned_on, !self.row.is_assumed)
    }
}

/// The fewest completions of steps that raise the points of a metric below its maximum.
pub(super) fn completions_to_next_point(
    metric: &Metric,
    parts: &[&Part],
    people: &[i64],
    order: Prerequisites,
) -> Option<i64> {
    debug_assert_eq!(parts.len(), people.len(), "one count a part of {}", metric.id);
    let mut missing = 0;
    let mut cheapest: Option<i64> = None;
    let mut holders_of_last = 0;
    let mut last_earns = false;
    for (part, people) in parts.iter().zip(people) {
        match step(part).map(|step| step.role) {
            Some(StepRole::Prerequisite { people_needed }) if *people < people_needed => {
                missing += people_needed - people;
                if part.points_per_unit.0 > 0 {
                    let needed = match order {
                        Prerequisites::Independent => people_needed - people,
                        Prerequisites::InOrder => missing,
                    };
                    cheapest = Some(cheapest.map_or(needed, |known: i64| known.min(needed)));
                }
            }
            Some(StepRole::Last) => {
                holders_of_last += people;
                last_earns = part.points_per_unit.0 > 0;
            }
            _ => {}
        }
    }
    // Unlocking pays at once when somebody holds the last step already.
    let by_unlocking =
        last_earns.then(|| missing + i64::from(holders_of_last == 0 || missing == 0));
    match (cheapest, by_unlocking) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    }
}
