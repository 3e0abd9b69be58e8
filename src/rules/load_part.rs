//! Reads the parts of a metric: sentences over customers and steps of skilling.

use super::load::Reader;
use super::options::CountedPoints;
use super::pack::Part;
use super::raw::RawPart;
use super::sentence::{People, Sentence, StepRole};
use crate::error::Result;
use crate::money::Money;
use crate::points::Points;
use crate::tables::step_of;

impl Reader<'_> {
    /// One part of a metric of at most `max` points; `earlier` are the parts above it.
    ///
    /// # Errors
    /// CS5002 with file and line.
    pub(super) fn part(
        &self,
        raw: &RawPart,
        all_paths: &[String],
        max: Points,
        earlier: &[Part],
    ) -> Result<Part> {
        let paths = match &raw.paths {
            None => all_paths.to_vec(),
            Some(paths) => {
                let known: Vec<&str> = all_paths.iter().map(String::as_str).collect();
                paths.iter().map(|path| self.one_of(path, &known)).collect::<Result<_>>()?
            }
        };
        let paths: Vec<String> = paths;
        if paths.is_empty() || (1..paths.len()).any(|at| paths[..at].contains(&paths[at])) {
            let text = "a part belongs to one or more paths, each named once";
            return Err(self.file.mistake(&raw.id.span(), text));
        }
        let sentence = if raw.measure.get_ref() == "people" {
            Sentence::People(self.people(raw, &paths, earlier)?)
        } else {
            Sentence::Customers(Box::new(self.customers(raw)?))
        };
        let is_prerequisite = raw.result.get_ref() == "prerequisite";
        let (given, ignored) = if is_prerequisite {
            let ignored = raw.points_per_unit.as_ref().or(raw.printed_points_per_unit.as_ref());
            (&raw.points_once, ignored)
        } else {
            (&raw.points_per_unit, raw.points_once.as_ref())
        };
        if let Some(ignored) = ignored {
            let text = "a prerequisite has points_once, everything else points_per_unit";
            return Err(self.file.mistake(&ignored.span(), text));
        }
        let Some(given) = given else {
            let word = if is_prerequisite { "points_once" } else { "points_per_unit" };
            return Err(self.file.mistake(&raw.id.span(), format!("the part lacks {word}")));
        };
        let exact = self.points(given)?;
        if exact < Points::ZERO || exact > max || exact == Points::ZERO && !is_prerequisite {
            let text = "a unit earns more than nothing and at most the metric";
            return Err(self.file.mistake(&given.span(), text));
        }
        let printed_points_per_unit = match &raw.printed_points_per_unit {
            Some(given) => match self.points(given)? {
                printed if printed > Points::ZERO && printed <= max => printed,
                _ => {
                    let text = "a unit earns more than nothing and at most the metric";
                    return Err(self.file.mistake(&given.span(), text));
                }
            },
            None => exact,
        };
        let points_per_unit = match self.options.counted_points {
            CountedPoints::Exact => exact,
            CountedPoints::Printed => printed_points_per_unit,
        };
        let unit_size = match &raw.unit_size {
            Some(size) => self.amount(size)?,
            None => Money::from_dollars(1),
        };
        if unit_size <= Money::ZERO {
            return Err(self.file.mistake(&raw.id.span(), "the unit size must be above zero"));
        }
        let datasets = self.datasets(&raw.datasets)?;
        let needs = match &raw.needs {
            Some(needs) => self.datasets(needs)?,
            None => datasets.clone(),
        };
        if datasets.is_empty()
            || needs.is_empty()
            || !needs.iter().all(|need| datasets.contains(need))
        {
            let text = "a part needs one or more of the datasets that feed it";
            return Err(self.file.mistake(&raw.id.span(), text));
        }
        Ok(Part {
            id: raw.id.get_ref().clone(),
            paths,
            sentence,
            points_per_unit,
            printed_points_per_unit,
            unit_size,
            datasets,
            needs,
            source_url: raw
                .source_url
                .clone()
                .or_else(|| self.raw.source_url.clone())
                .unwrap_or_default(),
        })
    }

    fn people(&self, raw: &RawPart, paths: &[String], earlier: &[Part]) -> Result<People> {
        self.refuse_foreign_words(raw)?;
        let mut step = 1;
        for part in earlier.iter().filter(|part| part.paths.iter().any(|path| paths.contains(path)))
        {
            if let Sentence::People(People { role: StepRole::Prerequisite { .. }, .. }) =
                &part.sentence
            {
                step += 1;
            } else {
                let text = "nothing follows the last step of a path";
                return Err(self.file.mistake(&raw.id.span(), text));
            }
        }
        // What is published of a step is found by its number.
        let number = step_of(raw.id.get_ref());
        if number.is_some_and(|number| number != step) || number.is_none() && step > 1 {
            let text = format!("step {step} of a path has the id {:?}", raw.id.get_ref());
            return Err(self.file.mistake(&raw.id.span(), text));
        }
        let Some(name) = &raw.certifications else {
            return Err(self.file.mistake(&raw.id.span(), "the part lacks certifications"));
        };
        let Some(listed) = self.raw.certifications.get(name.get_ref()) else {
            let text = format!("the version has no list of certifications {:?}", name.get_ref());
            return Err(self.file.mistake(&name.span(), text));
        };
        let mut certifications = Vec::new();
        for code in listed {
            if self.catalogs.certifications.get(code.get_ref()).is_none() {
                let text = format!("no certification is called {:?}", code.get_ref());
                return Err(self.file.mistake(&code.span(), text));
            }
            if certifications.contains(code.get_ref()) {
                return Err(self.file.mistake(&code.span(), "listed twice"));
            }
            certifications.push(code.get_ref().clone());
        }
        if certifications.is_empty() {
            return Err(self.file.mistake(&name.span(), "the list is empty: nobody could count"));
        }
        let role = match (raw.result.get_ref().as_str(), raw.people_needed) {
            ("prerequisite", Some(people_needed)) if people_needed > 0 => {
                StepRole::Prerequisite { people_needed }
            }
            ("last_step", None) => StepRole::Last,
            _ => {
                let text = "a step is a \"prerequisite\" with people_needed or a \"last_step\"";
                return Err(self.file.mistake(&raw.result.span(), text));
            }
        };
        Ok(People { step, certifications, role })
    }

    /// Refuses words that the measure of a part ignores.
    pub(super) fn refuse_foreign_words(&self, raw: &RawPart) -> Result<()> {
        const ACR: &[&str] = &["acr"];
        const AMOUNTS: &[&str] = &["acr", "revenue"];
        const LIMITED: &[&str] = &["acr", "revenue", "consumption_value"];
        const SEATS: &[&str] = &["seats", "active_users"];
        const USERS: &[&str] = &["active_users"];
        const WORKLOADS: &[&str] = &["seats", "active_users", "revenue"];
        const NAMED: &[&str] = &["acr", "seats", "active_users", "revenue"];
        const BANDED: &[&str] = &["acr", "seats", "active_users"];
        const CUSTOMERS: &[&str] =
            &["acr", "seats", "active_users", "revenue", "consumption_value"];
        const PEOPLE: &[&str] = &["people"];
        let known: Vec<&str> = CUSTOMERS.iter().chain(PEOPLE).copied().collect();
        self.one_of(&raw.measure, &known)?;
        let measure = raw.measure.get_ref().as_str();
        let words = [
            ("services", raw.services.is_some(), ACR),
            ("at_least_usd", raw.at_least_usd.is_some(), AMOUNTS),
            ("above_usd", raw.above_usd.is_some(), AMOUNTS),
            ("at_most_usd", raw.at_most_usd.is_some(), AMOUNTS),
            ("at_least_value", raw.at_least_value.is_some(), &["consumption_value"]),
            ("below_reason", raw.below_reason.is_some(), LIMITED),
            ("excluded", raw.excluded.is_some(), ACR),
            ("minimum_ttm_usd", raw.minimum_ttm_usd.is_some(), ACR),
            ("minimum_baseline", raw.minimum_baseline.is_some(), &["acr", "consumption_value"]),
            ("workloads", raw.workloads.is_some(), WORKLOADS),
            ("seats_min", raw.seats_min.is_some(), SEATS),
            ("seats_max", raw.seats_max.is_some(), SEATS),
            ("active_share", raw.active_share.is_some(), &["seats"]),
            ("associated_above_share", raw.associated_above_share.is_some(), &["seats"]),
            ("since_association", raw.since_association, USERS),
            ("cap_at_paid_seats", raw.cap_at_paid_seats, USERS),
            ("publish_implementations", raw.publish_implementations, &["seats"]),
            ("window", raw.window.is_some(), CUSTOMERS),
            ("unit", raw.unit.is_some(), CUSTOMERS),
            ("associations", !raw.associations.is_empty(), NAMED),
            ("promoted", raw.promoted, BANDED),
            ("unit_size", raw.unit_size.is_some(), BANDED),
            ("certifications", raw.certifications.is_some(), PEOPLE),
            ("people_needed", raw.people_needed.is_some(), PEOPLE),
            ("points_once", raw.points_once.is_some(), PEOPLE),
        ];
        for (word, is_given, measures) in words {
            if is_given && !measures.contains(&measure) {
                let text = format!("{word} means nothing for the measure {measure}");
                return Err(self.file.mistake(&raw.id.span(), text));
            }
        }
        Ok(())
    }
}
