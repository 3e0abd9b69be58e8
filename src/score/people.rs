//! Sentences over people: who holds what, valid on the day, once per step (rules §8.7, contract §3
//! People and §6).

use std::collections::{BTreeMap, HashMap};

use polars::prelude::{LazyFrame, SortMultipleOptions, col, lit};

use super::measure::{bug, texts};
use super::partners::Partners;
use crate::calendar::Day;
use crate::engine;
use crate::error::Result;
use crate::rules::{Certifications, Metric, Part, People, Sentence, StepRole};

/// The credentials of all partners that were earned by the day.
#[derive(Debug, Default)]
pub(super) struct Credentials {
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
    counts_until: Option<Day>,
    state: State,
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
}

/// The steps of one metric over all partners.
#[derive(Debug, Default)]
pub(super) struct Steps<'a> {
    /// Per part of the metric and partner: people who hold the step.
    pub(super) people: Vec<Vec<i64>>,
    /// Per partner: whether all prerequisites are met.
    pub(super) is_unlocked: Vec<bool>,
    pub(super) evidence: Vec<SkillingEvidence<'a>>,
}

/// The day's credentials as plain rows, and the ids of their partners.
pub(super) struct DeliveredCredentials {
    frame: polars::prelude::DataFrame,
}

impl DeliveredCredentials {
    /// Collects the credentials earned by `day`.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn collect(credentials: &LazyFrame, day: Day) -> Result<Self> {
        let frame = credentials
            .clone()
            .filter(col("earned_on").lt_eq(lit(day.0).cast(polars::prelude::DataType::Date)))
            .sort(
                ["partner_id", "person_key", "title", "earned_on", "expires_on"],
                SortMultipleOptions::default(),
            );
        Ok(Self { frame: engine::collect(frame, "credentials")? })
    }

    /// The partners with a credential.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn partners(&self) -> Result<Vec<String>> {
        let mut partners = texts(&self.frame, "partner_id")?;
        partners.dedup();
        Ok(partners)
    }

    /// Matches titles and judges validity on the day.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn judge(
        &self,
        catalog: &Certifications,
        day: Day,
        partners: &Partners,
    ) -> Result<Credentials> {
        let frame = &self.frame;
        let partner = partners.indexes(frame)?;
        let person = frame.column("person_key").and_then(|column| column.str()).map_err(bug)?;
        let title = frame.column("title").and_then(|column| column.str()).map_err(bug)?;
        let earned = frame.column("earned_on").and_then(|column| column.date()).map_err(bug)?;
        let expires = frame.column("expires_on").and_then(|column| column.date()).map_err(bug)?;
        let known =
            frame.column("is_expiry_known").and_then(|column| column.bool()).map_err(bug)?;
        let mut by_title: HashMap<&str, Option<&crate::rules::Certification>> = HashMap::new();
        let mut credentials =
            Credentials { expiry_unknown: vec![false; partners.len()], ..Credentials::default() };
        for (at, partner) in partner.into_iter().enumerate() {
            let title = title.get(at).unwrap_or_default();
            if known.get(at) == Some(false) {
                credentials.expiry_unknown[partner] = true;
            }
            let Some(certification) =
                *by_title.entry(title).or_insert_with(|| catalog.by_title(title))
            else {
                *credentials.unmatched.entry(title.to_owned()).or_default() += 1;
                continue;
            };
            let earned_on = Day(earned.physical().get(at).unwrap_or_default());
            let expires_on = expires.physical().get(at).map(Day);
            let retired = certification.retired_on;
            let retirement_ends = retired.map(|retired| retired.plus_years(1));
            let counts_until = match (expires_on, retirement_ends) {
                (Some(expires), Some(ends)) => Some(expires.min(ends)),
                (expires, ends) => expires.or(ends),
            };
            let state = if expires_on.is_some_and(|expires| day > expires) {
                State::Expired
            } else if retired.is_some_and(|retired| earned_on > retired)
                || retirement_ends.is_some_and(|ends| day > ends)
            {
                State::Retired
            } else {
                State::Valid
            };
            credentials.rows.push(Credential {
                partner,
                person: person.get(at).unwrap_or_default().to_owned(),
                code: certification.code.clone(),
                earned_on,
                expires_on,
                counts_until,
                state,
            });
        }
        Ok(credentials)
    }
}

/// Whether a part is a step.
fn step(part: &Part) -> Option<&People> {
    match &part.sentence {
        Sentence::People(people) => Some(people),
        Sentence::Customers(_) => None,
    }
}

impl Credentials {
    /// The steps of a metric on one path.
    pub(super) fn steps(&self, parts: &[&Part], partners: usize) -> Steps<'_> {
        let mut steps = Steps { is_unlocked: vec![true; partners], ..Steps::default() };
        let mut holders: Vec<Vec<SkillingEvidence<'_>>> = Vec::new();
        for part in parts {
            let rows = step(part).map(|people| self.holders(people)).unwrap_or_default();
            let mut people = vec![0; partners];
            for row in rows.iter().filter(|row| row.reason == "counted") {
                people[row.partner] += 1;
            }
            if let Some(People { role: StepRole::Prerequisite { people_needed }, .. }) = step(part)
            {
                for (is_unlocked, people) in steps.is_unlocked.iter_mut().zip(&people) {
                    *is_unlocked &= people >= people_needed;
                }
            }
            steps.people.push(people);
            holders.push(rows);
        }
        for (part, mut rows) in parts.iter().zip(holders) {
            if step(part).is_some_and(|people| people.role == StepRole::Last) {
                for row in rows.iter_mut().filter(|row| row.reason == "counted") {
                    if !steps.is_unlocked[row.partner] {
                        row.reason = "prerequisite_missing";
                    }
                }
            }
            steps.evidence.extend(rows);
        }
        steps
    }

    /// The evidence of one step before its prerequisites are looked at.
    fn holders(&self, people: &People) -> Vec<SkillingEvidence<'_>> {
        // One row a person and certification: valid first, then the latest.
        let mut best: BTreeMap<(usize, &str, &str), &Credential> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| people.certifications.contains(&row.code)) {
            let key = (row.partner, row.person.as_str(), row.code.as_str());
            let slot = best.entry(key).or_insert(row);
            if row.preference() > slot.preference() {
                *slot = row;
            }
        }
        let mut evidence: Vec<SkillingEvidence<'_>> = Vec::with_capacity(best.len());
        let rows: Vec<&Credential> = best.into_values().collect();
        for of_person in rows
            .chunk_by(|left, right| left.partner == right.partner && left.person == right.person)
        {
            // One row a person: the latest that still counts, then the smaller code.
            let counted = of_person
                .iter()
                .filter(|row| row.state == State::Valid)
                .max_by(|left, right| {
                    let until = |row: &Credential| row.counts_until.map_or(i32::MAX, |day| day.0);
                    until(left).cmp(&until(right)).then_with(|| right.code.cmp(&left.code))
                })
                .map(|row| row.code.as_str());
            evidence.extend(of_person.iter().map(|row| SkillingEvidence {
                partner: row.partner,
                step: people.step,
                person: &row.person,
                code: &row.code,
                earned_on: row.earned_on,
                expires_on: row.expires_on,
                counts_until: row.counts_until,
                reason: match row.state {
                    State::Expired => "expired",
                    State::Retired => "retired",
                    State::Valid if counted == Some(row.code.as_str()) => "counted",
                    State::Valid => "already_counted",
                },
            }));
        }
        evidence
    }
}

impl Credential {
    /// Valid first, then the latest last day (none is never), then the latest earned.
    fn preference(&self) -> (bool, i32, Day) {
        let until = self.counts_until.map_or(i32::MAX, |day| day.0);
        (self.state == State::Valid, until, self.earned_on)
    }
}

/// The fewest completions of steps that raise the points of a metric below its maximum.
pub(super) fn completions_to_next_point(
    metric: &Metric,
    parts: &[&Part],
    people: &[i64],
    is_unlocked: bool,
) -> Option<i64> {
    debug_assert_eq!(parts.len(), people.len(), "one count a part of {}", metric.id);
    if is_unlocked {
        return parts
            .iter()
            .any(|part| step(part).is_some_and(|p| p.role == StepRole::Last))
            .then_some(1);
    }
    let mut missing = 0;
    let mut cheapest: Option<i64> = None;
    let mut holders_of_last = 0;
    let mut last_earns = false;
    for (part, people) in parts.iter().zip(people) {
        match step(part).map(|step| step.role) {
            Some(StepRole::Prerequisite { people_needed }) if *people < people_needed => {
                missing += people_needed - people;
                if part.points_per_unit.0 > 0 {
                    let needed = people_needed - people;
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
    let by_unlocking = last_earns.then(|| missing + i64::from(holders_of_last == 0));
    match (cheapest, by_unlocking) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    }
}
