//! Reads the parts of a metric: sentences over customers and steps of skilling.

use toml::Spanned;

use super::load::Reader;
use super::options::CountedPoints;
use super::pack::{
    CustomerResult, Customers, Limit, Measure, Part, People, SeatBand, Sentence, StepRole, Unit,
    Window,
};
use super::raw::RawPart;
use crate::error::Result;
use crate::money::Money;
use crate::points::Points;

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

    fn customers(&self, raw: &RawPart) -> Result<Customers> {
        self.refuse_foreign_words(raw)?;
        let missing =
            |word: &str| self.file.mistake(&raw.id.span(), format!("the part lacks {word}"));
        let window = raw.window.as_ref().ok_or_else(|| missing("window"))?;
        let unit = raw.unit.as_ref().ok_or_else(|| missing("unit"))?;
        let measure = match self.one_of(&raw.measure, &["acr", "seats", "active_users"])?.as_str() {
            "acr" => Measure::Acr,
            "seats" => Measure::Seats,
            _ => Measure::ActiveUsers { capped: raw.cap_at_paid_seats },
        };
        let names = if measure == Measure::Acr {
            self.list(raw.services.as_ref(), &self.raw.services, &self.catalogs.services)?
        } else {
            self.list(raw.workloads.as_ref(), &self.raw.workloads, &self.catalogs.workloads)?
        };
        let results = ["net_count", "growth_units", "count", "growth_percent"];
        let result = match self.one_of(&raw.result, &results)?.as_str() {
            "net_count" => CustomerResult::NetCount,
            "growth_units" => CustomerResult::GrowthUnits,
            "count" => CustomerResult::Count,
            _ => CustomerResult::GrowthPercent,
        };
        let reason = match &raw.below_reason {
            Some(reason) => self.one_of(reason, &["outside_band", "below_threshold"])?,
            None => "outside_band".to_owned(),
        };
        let amount = |text: &Option<Spanned<String>>| {
            let Some(text) = text else { return Ok(None) };
            match self.amount(text)? {
                amount if amount < Money::ZERO => {
                    Err(self.file.mistake(&text.span(), "a limit below zero limits nothing"))
                }
                amount => Ok(Some(amount)),
            }
        };
        let limit = Limit {
            at_least: amount(&raw.at_least_usd)?,
            above: amount(&raw.above_usd)?,
            at_most: amount(&raw.at_most_usd)?,
            reason,
        };
        let seats = match (raw.seats_min, raw.seats_max) {
            (Some(min), max) if min > 0 && max.is_none_or(|max| max >= min) => {
                Some(SeatBand { min, max })
            }
            (None, None) => None,
            _ => return Err(self.file.mistake(&raw.id.span(), "the seat band is empty")),
        };
        if raw.associations.is_empty() {
            return Err(missing("associations"));
        }
        let sentence = Customers {
            measure,
            names,
            window: match self.one_of(window, &["month", "either_of_two_months", "ttm"])?.as_str() {
                "month" => Window::Month,
                "either_of_two_months" => Window::EitherOfTwoMonths,
                _ => Window::Ttm,
            },
            unit: match self.one_of(unit, &["tenant", "tenant_workload", "service"])?.as_str() {
                "tenant" => Unit::Tenant,
                "tenant_workload" => Unit::TenantWorkload,
                _ => Unit::Service,
            },
            associations: self.associations(&raw.associations)?,
            excluded: self.list(
                raw.excluded.as_ref(),
                &self.raw.services,
                &self.catalogs.services,
            )?,
            limit,
            minimum_ttm: amount(&raw.minimum_ttm_usd)?,
            promoted: raw.promoted,
            options: self.options,
            seats,
            active_share: raw.active_share.as_ref().map(|share| self.share(share)).transpose()?,
            result,
            publish_implementations: raw.publish_implementations,
        };
        match nonsense(&sentence, raw) {
            Some(text) => Err(self.file.mistake(&raw.id.span(), text)),
            None => Ok(sentence),
        }
    }

    /// Refuses words that the measure of a part ignores.
    fn refuse_foreign_words(&self, raw: &RawPart) -> Result<()> {
        const ACR: &[&str] = &["acr"];
        const SEATS: &[&str] = &["seats", "active_users"];
        const CUSTOMERS: &[&str] = &["acr", "seats", "active_users"];
        const PEOPLE: &[&str] = &["people"];
        self.one_of(&raw.measure, &["acr", "seats", "active_users", "people"])?;
        let measure = raw.measure.get_ref().as_str();
        let words = [
            ("services", raw.services.is_some(), ACR),
            ("at_least_usd", raw.at_least_usd.is_some(), ACR),
            ("above_usd", raw.above_usd.is_some(), ACR),
            ("at_most_usd", raw.at_most_usd.is_some(), ACR),
            ("below_reason", raw.below_reason.is_some(), ACR),
            ("excluded", raw.excluded.is_some(), ACR),
            ("minimum_ttm_usd", raw.minimum_ttm_usd.is_some(), ACR),
            ("workloads", raw.workloads.is_some(), SEATS),
            ("seats_min", raw.seats_min.is_some(), SEATS),
            ("seats_max", raw.seats_max.is_some(), SEATS),
            ("active_share", raw.active_share.is_some(), &["seats"]),
            ("cap_at_paid_seats", raw.cap_at_paid_seats, &["active_users"]),
            ("publish_implementations", raw.publish_implementations, &["seats"]),
            ("window", raw.window.is_some(), CUSTOMERS),
            ("unit", raw.unit.is_some(), CUSTOMERS),
            ("associations", !raw.associations.is_empty(), CUSTOMERS),
            ("promoted", raw.promoted, CUSTOMERS),
            ("unit_size", raw.unit_size.is_some(), CUSTOMERS),
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

/// What makes no sense in a sentence over customers, each word being right by itself.
fn nonsense(sentence: &Customers, raw: &RawPart) -> Option<&'static str> {
    let Customers { measure, window, unit, limit, result, .. } = sentence;
    let is_acr = *measure == Measure::Acr;
    let is_users = matches!(measure, Measure::ActiveUsers { .. });
    let is_growth = matches!(result, CustomerResult::GrowthUnits | CustomerResult::GrowthPercent);
    let least = limit.at_least.or(limit.above);
    let has_upper_limit =
        limit.at_most.is_some() || sentence.seats.is_some_and(|band| band.max.is_some());
    let rules = [
        ((*unit == Unit::Service) != (*result == CustomerResult::Count), {
            "services are counted as they are now, and nothing else is: unit = \"service\" and result = \"count\" go together"
        }),
        (*unit == Unit::TenantWorkload && is_acr, "consumption has no workloads"),
        (*unit == Unit::Service && !is_acr, "only consumption has services"),
        (is_users != (is_growth && !is_acr), {
            "active users grow, seats are counted: a measure of users needs result = \"growth_units\""
        }),
        (*result == CustomerResult::GrowthPercent && !is_acr, {
            "growth in percent is measured in consumption"
        }),
        (is_growth && *window == Window::EitherOfTwoMonths, "growth compares one month or twelve"),
        (!is_acr && *window == Window::EitherOfTwoMonths, {
            "seats are those of one month, or of the month of twelve with the most"
        }),
        (raw.unit_size.is_some() && *result != CustomerResult::GrowthUnits, {
            "only growth in units has a unit_size"
        }),
        (sentence.minimum_ttm.is_some() && *result != CustomerResult::GrowthPercent, {
            "only growth in percent has a minimum"
        }),
        (!sentence.excluded.is_empty() && *unit != Unit::Service, {
            "only a count of services excludes some"
        }),
        (sentence.promoted && !has_upper_limit, {
            "promoted needs an upper limit to be promoted from"
        }),
        (sentence.promoted && *unit == Unit::Service, "services are not promoted"),
        (limit.at_least.is_some() && limit.above.is_some(), {
            "at_least_usd and above_usd exclude each other"
        }),
        (
            limit.at_most.is_some_and(|most| {
                least.is_some_and(|least| least > most || least == most && limit.above.is_some())
            }),
            { "nothing lies between the limits" },
        ),
    ];
    rules.into_iter().find(|(is_broken, _)| *is_broken).map(|(_, text)| text)
}
