//! Reads a rule pack from TOML and refuses it, with file and line, when it does not hold together.

use toml::Spanned;

use super::catalog::{Catalogs, Names, content_hash, parse_day};
use super::pack::{
    Assignment, Band, CustomerResult, Customers, Limit, Measure, Metric, Pack, Part, People, Ratio,
    Reading, Scope, SeatBand, Selection, Sentence, StepRole, Unit, Version, Window,
};
use super::raw::{RawAssignment, RawMetric, RawPack, RawPart, RawScope, RawVersion};
use crate::calendar::Day;
use crate::error::Result;
use crate::ids::{Attribution, AttributionSet};
use crate::money::Money;
use crate::pipelines::PipelineFile;
use crate::points::{Points, UNITS_PER_POINT};
use crate::tables;

/// Reads a pack and checks it against the catalogs.
///
/// # Errors
/// CS5002 with file and line: unknown words, names that no catalog knows, metrics that do not add
/// to 100 points, versions that start on the same day.
pub(super) fn load_pack(file: &PipelineFile, catalogs: &Catalogs) -> Result<Pack> {
    let raw: RawPack = file.parse()?;
    let area = raw.area.get_ref().clone();
    if area.is_empty() || !area.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
        return Err(file.mistake(&raw.area.span(), "an area is written in small letters and _"));
    }
    let mut versions = Vec::new();
    let mut merged: Vec<RawVersion> = Vec::new();
    for version in &raw.version {
        let own = version.get_ref();
        let resolved = match &own.like {
            None => own.clone(),
            Some(like) => {
                let base = merged.iter().find(|known| known.id.get_ref() == like.get_ref());
                let Some(base) = base else {
                    let text = format!("no version {:?} stands above this one", like.get_ref());
                    return Err(file.mistake(&like.span(), text));
                };
                own.over(base)
            }
        };
        merged.push(resolved);
    }
    for (own, resolved) in raw.version.iter().zip(&merged) {
        let reader = Reader { file, catalogs, raw: resolved };
        versions.push((own.get_ref(), reader.version(&area, &raw.title)?));
    }
    versions.sort_by_key(|(_, version)| version.effective_from);
    for pair in versions.windows(2) {
        let [(_, earlier), (raw_later, later)] = pair else { continue };
        if earlier.effective_from == later.effective_from {
            let text = format!("{} and {} start on the same day", earlier.id, later.id);
            return Err(file.mistake(&raw_later.effective_from.span(), text));
        }
        if earlier.id == later.id {
            return Err(file.mistake(&raw_later.id.span(), format!("{} is there twice", later.id)));
        }
    }
    let mut versions: Vec<Version> = versions.into_iter().map(|(_, version)| version).collect();
    for at in 1..versions.len() {
        versions[at - 1].effective_to = Some(Day(versions[at].effective_from.0 - 1));
    }
    Ok(Pack { area, title: raw.title, versions })
}

struct Reader<'a> {
    file: &'a PipelineFile,
    catalogs: &'a Catalogs,
    raw: &'a RawVersion,
}

impl Reader<'_> {
    fn version(&self, area: &str, title: &str) -> Result<Version> {
        let raw = self.raw;
        let listed = self.given(raw.paths.as_ref(), "paths")?;
        let paths: Vec<String> = listed.iter().map(|path| path.get_ref().clone()).collect();
        for path in listed {
            self.one_of(path, &tables::PATHS)?;
        }
        let selection = self.selection(&paths)?;
        let mut metrics = Vec::new();
        for metric in &raw.metric {
            metrics.push(self.metric(metric, &paths)?);
        }
        let total: Points = metrics.iter().map(|metric| metric.max_points).sum();
        if total.0 != 100 * UNITS_PER_POINT {
            let text =
                format!("the metrics of {} add to {total} points, not 100", raw.id.get_ref());
            return Err(self.file.mistake(&raw.id.span(), text));
        }
        let order = |id: &str| tables::METRICS.iter().position(|known| *known == id);
        if !metrics.is_sorted_by_key(|metric| order(&metric.id)) {
            let text = format!("the metrics stand in this order: {}", tables::METRICS.join(", "));
            return Err(self.file.mistake(&raw.id.span(), text));
        }
        let scopes = raw.scope.as_deref().unwrap_or_default();
        let mut version = Version {
            area: area.to_owned(),
            area_title: title.to_owned(),
            id: raw.id.get_ref().clone(),
            effective_from: parse_day(self.file, &raw.effective_from)?,
            effective_to: None,
            is_date_assumed: raw.is_date_assumed,
            source_url: self.given(raw.source_url.as_ref(), "source_url")?.clone(),
            paths,
            selection,
            to_qualify: self
                .points(self.given(raw.points_to_qualify.as_ref(), "points_to_qualify")?)?,
            metric_must_exceed: self
                .points(self.given(raw.metric_must_exceed.as_ref(), "metric_must_exceed")?)?,
            incentive: self
                .points(self.given(raw.incentive_points.as_ref(), "incentive_points")?)?,
            scopes: scopes.iter().map(|scope| self.scope(scope)).collect::<Result<_>>()?,
            metrics,
            hash: String::new(),
        };
        // What a version says, not how it is written: comments and `like` make no difference.
        version.hash = content_hash(&format!("{version:?}"));
        Ok(version)
    }

    fn given<'v, T>(&self, value: Option<&'v T>, word: &str) -> Result<&'v T> {
        value.ok_or_else(|| {
            let text = format!("the version {} lacks {word}", self.raw.id.get_ref());
            self.file.mistake(&self.raw.id.span(), text)
        })
    }

    fn selection(&self, paths: &[String]) -> Result<Selection> {
        let word = self.given(self.raw.selection.as_ref(), "selection")?;
        match (word.get_ref().as_str(), paths.len()) {
            ("single", 1) => Ok(Selection::Single),
            ("higher_total", 2..) => Ok(Selection::HigherTotal),
            ("assigned", 2..) => {
                let raw = self.given(self.raw.assignment.as_ref(), "assignment")?;
                Ok(Selection::Assigned(self.assignment(raw, paths)?))
            }
            (other, count) => {
                let text = format!("the selection {other:?} does not fit {count} paths");
                Err(self.file.mistake(&word.span(), text))
            }
        }
    }

    fn assignment(&self, raw: &RawAssignment, paths: &[String]) -> Result<Assignment> {
        let known: Vec<&str> = paths.iter().map(String::as_str).collect();
        let (share, is_share_enough) = match (&raw.smb_share_at_least, &raw.smb_share_above) {
            (Some(share), None) => (share, true),
            (None, Some(share)) => (share, false),
            _ => {
                let text = "give smb_share_at_least or smb_share_above";
                return Err(self.file.mistake(&raw.path.span(), text));
            }
        };
        Ok(Assignment {
            path: self.one_of(&raw.path, &known)?,
            otherwise: self.one_of(&raw.otherwise, &known)?,
            associations: self.associations(&raw.associations)?,
            smb_share: self.ratio(share)?,
            is_share_enough,
            ttm_below: raw
                .ttm_acr_below_usd
                .as_ref()
                .map(|amount| self.amount(amount))
                .transpose()?,
        })
    }

    fn scope(&self, raw: &RawScope) -> Result<Scope> {
        Ok(Scope {
            id: raw.id.get_ref().clone(),
            services: self.list(
                raw.services.as_ref(),
                &self.raw.services,
                &self.catalogs.services,
            )?,
            associations: self.associations(&raw.associations)?,
        })
    }

    fn metric(&self, raw: &RawMetric, paths: &[String]) -> Result<Metric> {
        self.one_of(&raw.id, &tables::METRICS)?;
        self.one_of(&raw.value_unit, &tables::VALUE_UNITS)?;
        let mut parts = Vec::new();
        let mut step = 0;
        for part in &raw.part {
            let is_step = part.measure.get_ref() == "people";
            step += i64::from(is_step);
            parts.push(self.part(part, step, paths)?);
        }
        for path in paths {
            let mut ids: Vec<&str> = parts
                .iter()
                .filter(|part: &&Part| part.paths.contains(path))
                .map(|part| part.id.as_str())
                .collect();
            let count = ids.len();
            ids.sort_unstable();
            ids.dedup();
            if ids.len() != count || count == 0 {
                let text = format!("the path {path} needs one or more parts with different ids");
                return Err(self.file.mistake(&raw.id.span(), text));
            }
        }
        Ok(Metric {
            id: raw.id.get_ref().clone(),
            max_points: self.points(&raw.max_points)?,
            value_unit: raw.value_unit.get_ref().clone(),
            parts,
        })
    }

    fn part(&self, raw: &RawPart, step: i64, all_paths: &[String]) -> Result<Part> {
        let paths = match &raw.paths {
            None => all_paths.to_vec(),
            Some(paths) => {
                let known: Vec<&str> = all_paths.iter().map(String::as_str).collect();
                paths.iter().map(|path| self.one_of(path, &known)).collect::<Result<_>>()?
            }
        };
        let sentence = if raw.measure.get_ref() == "people" {
            Sentence::People(self.people(raw, step)?)
        } else {
            Sentence::Customers(Box::new(self.customers(raw)?))
        };
        let is_prerequisite = matches!(
            &sentence,
            Sentence::People(People { role: StepRole::Prerequisite { .. }, .. })
        );
        let given = if is_prerequisite { &raw.points_once } else { &raw.points_per_unit };
        let Some(given) = given else {
            let word = if is_prerequisite { "points_once" } else { "points_per_unit" };
            return Err(self.file.mistake(&raw.id.span(), format!("the part lacks {word}")));
        };
        let points_per_unit = self.points(given)?;
        let printed_points_per_unit = match &raw.printed_points_per_unit {
            Some(printed) => self.points(printed)?,
            None => points_per_unit,
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

    fn people(&self, raw: &RawPart, step: i64) -> Result<People> {
        if raw.window.is_some() || raw.unit.is_some() || !raw.associations.is_empty() {
            let text = "window, unit and associations mean nothing for people";
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
            certifications.push(code.get_ref().clone());
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
        if measure != Measure::Acr && window.get_ref() != "month" {
            let text = "seats and users are counted in one month: the window must be \"month\"";
            return Err(self.file.mistake(&window.span(), text));
        }
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
            text.as_ref().map(|text| self.amount(text)).transpose()
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
        Ok(Customers {
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
            band: match self.word(raw.band.as_ref(), "per_side", &["per_side", "current"])?.as_str()
            {
                "per_side" => Band::PerSide,
                _ => Band::Current,
            },
            reading: match self
                .word(raw.reading.as_ref(), "both_sides", &["both_sides", "zero_baseline"])?
                .as_str()
            {
                "both_sides" => Reading::BothSides,
                _ => Reading::ZeroBaseline,
            },
            seats,
            active_share: raw.active_share.as_ref().map(|share| self.ratio(share)).transpose()?,
            result,
            publish_implementations: raw.publish_implementations,
        })
    }

    /// Refuses words that the measure of a part ignores.
    fn refuse_foreign_words(&self, raw: &RawPart) -> Result<()> {
        let is_acr = raw.measure.get_ref() == "acr";
        let words = [
            ("services", raw.services.is_some(), is_acr),
            ("at_least_usd", raw.at_least_usd.is_some(), is_acr),
            ("above_usd", raw.above_usd.is_some(), is_acr),
            ("at_most_usd", raw.at_most_usd.is_some(), is_acr),
            ("below_reason", raw.below_reason.is_some(), is_acr),
            ("excluded", raw.excluded.is_some(), is_acr),
            ("minimum_ttm_usd", raw.minimum_ttm_usd.is_some(), is_acr),
            ("workloads", raw.workloads.is_some(), !is_acr),
            ("seats_min", raw.seats_min.is_some(), !is_acr),
            ("seats_max", raw.seats_max.is_some(), !is_acr),
            ("active_share", raw.active_share.is_some(), !is_acr),
            ("cap_at_paid_seats", raw.cap_at_paid_seats, !is_acr),
            ("publish_implementations", raw.publish_implementations, !is_acr),
            ("certifications", raw.certifications.is_some(), false),
            ("people_needed", raw.people_needed.is_some(), false),
            ("points_once", raw.points_once.is_some(), false),
        ];
        match words.into_iter().find(|(_, is_given, belongs)| *is_given && !belongs) {
            Some((word, _, _)) => {
                let text =
                    format!("{word} means nothing for the measure {}", raw.measure.get_ref());
                Err(self.file.mistake(&raw.id.span(), text))
            }
            None => Ok(()),
        }
    }

    fn list(
        &self,
        name: Option<&Spanned<String>>,
        lists: &std::collections::BTreeMap<String, Vec<Spanned<String>>>,
        catalog: &Names,
    ) -> Result<Vec<String>> {
        let Some(name) = name else { return Ok(Vec::new()) };
        let Some(list) = lists.get(name.get_ref()) else {
            let text = format!("the version has no list {:?}", name.get_ref());
            return Err(self.file.mistake(&name.span(), text));
        };
        let mut names = Vec::new();
        for entry in list {
            let Some(known) = catalog.known(entry.get_ref()) else {
                let text = format!("no catalog lists {:?}", entry.get_ref());
                return Err(self.file.mistake(&entry.span(), text));
            };
            names.push(known.to_owned());
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    fn associations(&self, listed: &[Spanned<String>]) -> Result<AttributionSet> {
        let mut set = AttributionSet::EMPTY;
        for name in listed {
            let Some(attribution) = Attribution::parse(name.get_ref()) else {
                let text = format!("no attribution is called {:?}", name.get_ref());
                return Err(self.file.mistake(&name.span(), text));
            };
            set = set.with(attribution);
        }
        Ok(set.eligible())
    }

    fn datasets(&self, listed: &[Spanned<String>]) -> Result<Vec<String>> {
        listed.iter().map(|dataset| self.one_of(dataset, &tables::DATASETS)).collect()
    }

    /// A word with a default.
    fn word(
        &self,
        word: Option<&Spanned<String>>,
        default: &str,
        known: &[&str],
    ) -> Result<String> {
        word.map_or_else(|| Ok(default.to_owned()), |word| self.one_of(word, known))
    }

    fn one_of(&self, word: &Spanned<String>, known: &[&str]) -> Result<String> {
        if known.contains(&word.get_ref().as_str()) {
            return Ok(word.get_ref().clone());
        }
        let text = format!("{:?} is none of {}", word.get_ref(), known.join(", "));
        Err(self.file.mistake(&word.span(), text))
    }

    fn points(&self, text: &Spanned<String>) -> Result<Points> {
        Points::parse(text.get_ref()).ok_or_else(|| {
            let message = format!("{:?} is no whole number of 1/8400 point", text.get_ref());
            self.file.mistake(&text.span(), message)
        })
    }

    fn amount(&self, text: &Spanned<String>) -> Result<Money> {
        if let Ok((amount, false)) = Money::parse(text.get_ref().as_bytes()) {
            Ok(amount)
        } else {
            let message = format!("{:?} is no amount", text.get_ref());
            Err(self.file.mistake(&text.span(), message))
        }
    }

    fn ratio(&self, text: &Spanned<String>) -> Result<Ratio> {
        let parsed = text.get_ref().split_once('/').and_then(|(numerator, denominator)| {
            Some((numerator.trim().parse().ok()?, denominator.trim().parse().ok()?))
        });
        match parsed {
            Some((numerator, denominator)) if numerator >= 0 && denominator > 0 => {
                Ok(Ratio { numerator, denominator })
            }
            _ => {
                let message = format!("{:?} is no ratio like \"15/100\"", text.get_ref());
                Err(self.file.mistake(&text.span(), message))
            }
        }
    }
}
