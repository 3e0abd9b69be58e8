//! Reads sentences over customers.

use toml::Spanned;

use super::load::Reader;
use super::raw::RawPart;
use super::sentence::{
    CustomerResult, Customers, Limit, Measure, Rate, SeatBand, Unit, UsageMeasure, Window,
};
use crate::error::Result;
use crate::ids::AttributionSet;
use crate::money::Money;

impl Reader<'_> {
    /// The sentence of a part over customers.
    ///
    /// # Errors
    /// CS5002 with file and line.
    pub(super) fn customers(&self, raw: &RawPart) -> Result<Customers> {
        self.refuse_foreign_words(raw)?;
        let missing =
            |word: &str| self.file.mistake(&raw.id.span(), format!("the part lacks {word}"));
        let window = raw.window.as_ref().ok_or_else(|| missing("window"))?;
        let unit = raw.unit.as_ref().ok_or_else(|| missing("unit"))?;
        let measure = match self.one_of(&raw.measure, &MEASURES)?.as_str() {
            "acr" => Measure::Acr,
            "seats" => Measure::Seats,
            "active_users" => Measure::ActiveUsers { capped: raw.cap_at_paid_seats },
            "revenue" => Measure::Revenue,
            _ => Measure::ConsumptionValue,
        };
        let results = ["net_count", "growth_units", "count", "growth_percent"];
        let result = match self.one_of(&raw.result, &results)?.as_str() {
            "net_count" => CustomerResult::NetCount,
            "growth_units" => CustomerResult::GrowthUnits,
            "count" => CustomerResult::Count,
            _ => CustomerResult::GrowthPercent,
        };
        let (names, rates, associations) = self.what_counts(raw, measure)?;
        let sentence = Customers {
            measure,
            names,
            rates,
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
            associations,
            excluded: self.list(
                raw.excluded.as_ref(),
                &self.raw.services,
                &self.catalogs.services,
            )?,
            limit: self.limit(raw)?,
            minimum_ttm: self.limit_amount(raw.minimum_ttm_usd.as_ref())?,
            minimum_baseline: self.limit_amount(raw.minimum_baseline.as_ref())?,
            promoted: raw.promoted,
            options: self.options,
            seats: match (raw.seats_min, raw.seats_max) {
                (Some(min), max) if min > 0 && max.is_none_or(|max| max >= min) => {
                    Some(SeatBand { min, max })
                }
                (None, None) => None,
                _ => return Err(self.file.mistake(&raw.id.span(), "the seat band is empty")),
            },
            active_share: raw.active_share.as_ref().map(|share| self.share(share)).transpose()?,
            associated_above: raw
                .associated_above_share
                .as_ref()
                .map(|share| self.share(share))
                .transpose()?,
            since_association: raw.since_association,
            result,
            publish_implementations: raw.publish_implementations,
        };
        match nonsense(&sentence, raw) {
            Some(text) => Err(self.file.mistake(&raw.id.span(), text)),
            None => Ok(sentence),
        }
    }

    /// The services or workloads of a part, their rates, and the attributions that count.
    fn what_counts(
        &self,
        raw: &RawPart,
        measure: Measure,
    ) -> Result<(Vec<String>, Vec<Rate>, AttributionSet)> {
        let lacks =
            |word: &str| self.file.mistake(&raw.id.span(), format!("the part lacks {word}"));
        if measure == Measure::ConsumptionValue {
            let rates = self.rates()?;
            if rates.is_empty() {
                let text = "consumption has no value without a [[version.rate]]";
                return Err(self.file.mistake(&raw.measure.span(), text));
            }
            let mut names: Vec<String> =
                rates.iter().flat_map(|rate| rate.workloads.iter().cloned()).collect();
            names.sort_unstable();
            let all =
                rates.iter().fold(AttributionSet::EMPTY, |all, rate| all.union(rate.associations));
            return Ok((names, rates, all));
        }
        if raw.associations.is_empty() {
            return Err(lacks("associations"));
        }
        let names = if measure == Measure::Acr {
            self.list(raw.services.as_ref(), &self.raw.services, &self.catalogs.services)?
        } else {
            self.list(raw.workloads.as_ref(), &self.raw.workloads, &self.catalogs.workloads)?
        };
        Ok((names, Vec::new(), self.associations(&raw.associations)?))
    }

    /// The rate card of the version.
    fn rates(&self) -> Result<Vec<Rate>> {
        let mut rates: Vec<Rate> = Vec::new();
        for raw in self.raw.rate.as_deref().unwrap_or_default() {
            let mut workloads = Vec::new();
            for name in &raw.workloads {
                let Some(known) = self.catalogs.workloads.known(name.get_ref()) else {
                    let text = format!("no catalog lists {:?}", name.get_ref());
                    return Err(self.file.mistake(&name.span(), text));
                };
                let is_known = |listed: &[String]| listed.iter().any(|listed| listed == known);
                if is_known(&workloads) || rates.iter().any(|rate| is_known(&rate.workloads)) {
                    return Err(self.file.mistake(&name.span(), "the workload has another rate"));
                }
                workloads.push(known.to_owned());
            }
            let rate = self.amount(&raw.rate)?;
            if workloads.is_empty() || raw.associations.is_empty() || rate <= Money::ZERO {
                let text = "a rate is above zero and has workloads and associations";
                return Err(self.file.mistake(&raw.rate.span(), text));
            }
            let measures = ["active_users", "attributed_users", "capacity"];
            rates.push(Rate {
                workloads,
                measure: match self.one_of(&raw.measure, &measures)?.as_str() {
                    "active_users" => UsageMeasure::ActiveUsers,
                    "attributed_users" => UsageMeasure::AttributedUsers,
                    _ => UsageMeasure::Capacity,
                },
                rate,
                associations: self.associations(&raw.associations)?,
            });
        }
        Ok(rates)
    }

    fn limit(&self, raw: &RawPart) -> Result<Limit> {
        Ok(Limit {
            at_least: self
                .limit_amount(raw.at_least_usd.as_ref().or(raw.at_least_value.as_ref()))?,
            above: self.limit_amount(raw.above_usd.as_ref())?,
            at_most: self.limit_amount(raw.at_most_usd.as_ref())?,
            reason: match &raw.below_reason {
                Some(reason) => self.one_of(reason, &["outside_band", "below_threshold"])?,
                None => "outside_band".to_owned(),
            },
        })
    }

    pub(super) fn limit_amount(&self, text: Option<&Spanned<String>>) -> Result<Option<Money>> {
        let Some(text) = text else { return Ok(None) };
        match self.amount(text)? {
            amount if amount < Money::ZERO => {
                Err(self.file.mistake(&text.span(), "a limit below zero limits nothing"))
            }
            amount => Ok(Some(amount)),
        }
    }
}

/// The measures of customers.
const MEASURES: [&str; 5] = ["acr", "seats", "active_users", "revenue", "consumption_value"];

/// What makes no sense in a sentence over customers, each word being right by itself.
fn nonsense(sentence: &Customers, raw: &RawPart) -> Option<&'static str> {
    let Customers { measure, window, unit, limit, result, .. } = sentence;
    let is_acr = *measure == Measure::Acr;
    let is_users = matches!(measure, Measure::ActiveUsers { .. });
    let is_value = *measure == Measure::ConsumptionValue;
    let is_business = is_value || *measure == Measure::Revenue;
    let is_percent = *result == CustomerResult::GrowthPercent;
    let is_growth = is_percent || *result == CustomerResult::GrowthUnits;
    let least = limit.at_least.or(limit.above);
    let has_upper_limit =
        limit.at_most.is_some() || sentence.seats.is_some_and(|band| band.max.is_some());
    let rules = [
        ((*unit == Unit::Service) != (*result == CustomerResult::Count), {
            "services are counted as they are now, and nothing else is: unit = \"service\" and result = \"count\" go together"
        }),
        (*unit == Unit::TenantWorkload && is_acr, "consumption has no workloads"),
        (*unit == Unit::Service && !is_acr, "only consumption has services"),
        (is_business && *unit != Unit::TenantWorkload, {
            "revenue and consumption value are counted by workload of a customer: unit = \"tenant_workload\""
        }),
        (is_users != (is_growth && measure.is_of_seats()), {
            "active users grow, seats are counted: a measure of users needs result = \"growth_units\""
        }),
        (is_percent && !is_acr && !is_value, "growth in percent is measured in consumption"),
        (*measure == Measure::Revenue && is_growth, "revenue is counted, its growth is not"),
        (is_value && *result == CustomerResult::GrowthUnits, {
            "consumption value grows in percent"
        }),
        (is_growth && *window == Window::EitherOfTwoMonths, "growth compares one month or twelve"),
        (!is_acr && *window == Window::EitherOfTwoMonths, {
            "seats are those of one month, or of the month of twelve with the most"
        }),
        (
            is_business && *window != Window::Month,
            "revenue and consumption value are those of one month",
        ),
        (sentence.reads_association() && *window != Window::Month, {
            "what an association changes is told of one month"
        }),
        (raw.unit_size.is_some() && *result != CustomerResult::GrowthUnits, {
            "only growth in units has a unit_size"
        }),
        (sentence.minimum_ttm.is_some() && !is_percent, "only growth in percent has a minimum"),
        (sentence.minimum_baseline.is_some() && !is_percent && !is_value, {
            "only growth in percent and consumption value have a minimum_baseline"
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
