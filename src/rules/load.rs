//! Reads a rule pack from TOML and refuses it, with file and line, when it does not hold together.

use super::catalog::{Catalogs, content_hash, parse_day};
use super::options::Options;
use super::pack::{Floor, Metric, Pack, Part, Pick, Scope, Selection, Version};
use super::raw::{RawMetric, RawPack, RawScope, RawVersion};
use super::sentence::{People, Sentence, StepRole};
use crate::calendar::Day;
use crate::error::Result;
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
    for (at, version) in raw.version.iter().enumerate() {
        let own = version.get_ref();
        let id = own.id.get_ref();
        if id.trim().is_empty() {
            return Err(file.mistake(&own.id.span(), "a version needs an id"));
        }
        if raw.version[..at].iter().any(|known| known.get_ref().id.get_ref() == id) {
            return Err(file.mistake(&own.id.span(), format!("{id} is there twice")));
        }
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
        let options = Options::load(file, &resolved.options)?;
        let reader = Reader { file, catalogs, raw: resolved, options };
        versions.push((own.get_ref(), reader.version(&area, &raw.title)?));
    }
    versions.sort_by_key(|(_, version)| version.effective_from);
    for pair in versions.windows(2) {
        let [(_, earlier), (raw_later, later)] = pair else { continue };
        if earlier.effective_from == later.effective_from {
            let text = format!("{} and {} start on the same day", earlier.id, later.id);
            return Err(file.mistake(&raw_later.effective_from.span(), text));
        }
    }
    let mut versions: Vec<Version> = versions.into_iter().map(|(_, version)| version).collect();
    for at in 1..versions.len() {
        versions[at - 1].effective_to = Some(Day(versions[at].effective_from.0 - 1));
    }
    Ok(Pack { area, title: raw.title, versions })
}

/// Reads one version.
pub(super) struct Reader<'a> {
    pub(super) file: &'a PipelineFile,
    pub(super) catalogs: &'a Catalogs,
    pub(super) raw: &'a RawVersion,
    pub(super) options: Options,
}

impl Reader<'_> {
    fn version(&self, area: &str, title: &str) -> Result<Version> {
        let raw = self.raw;
        let listed = self.given(raw.paths.as_ref(), "paths")?;
        let paths: Vec<String> = listed.iter().map(|path| path.get_ref().clone()).collect();
        for (at, path) in listed.iter().enumerate() {
            self.one_of(path, &tables::PATHS)?;
            if paths[..at].contains(path.get_ref()) {
                return Err(self.file.mistake(&path.span(), "listed twice"));
            }
        }
        if paths.windows(2).any(|pair| pair[0] != tables::PATHS[0] && pair[1] == tables::PATHS[0]) {
            let text = format!("{} stands first: it wins a tie", tables::PATHS[0]);
            return Err(self.file.mistake(&raw.id.span(), text));
        }
        let selection = self.selection(&paths)?;
        if let (Some(assignment), false) =
            (&raw.assignment, matches!(selection, Selection::Assigned(_)))
        {
            let text = "the selection assigns no path";
            return Err(self.file.mistake(&assignment.path.span(), text));
        }
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
        if !metrics.is_sorted_by(|left: &Metric, right| order(&left.id) < order(&right.id)) {
            let text = format!(
                "the metrics stand once each in this order: {}",
                tables::METRICS.join(", ")
            );
            return Err(self.file.mistake(&raw.id.span(), text));
        }
        let scopes = raw.scope.as_deref().unwrap_or_default();
        for (at, scope) in scopes.iter().enumerate() {
            let id = scope.id.get_ref();
            let is_taken = self.catalogs.scopes.iter().any(|known| known.id == *id);
            if is_taken || scopes[..at].iter().any(|known| known.id.get_ref() == id) {
                let text = format!("there is another scope {id:?}");
                return Err(self.file.mistake(&scope.id.span(), text));
            }
        }
        let given = self.given(raw.points_to_qualify.as_ref(), "points_to_qualify")?;
        let to_qualify = self.points(given)?;
        if to_qualify > total {
            return Err(self.file.mistake(&given.span(), "more points than there are"));
        }
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
            to_qualify,
            options: self.options,
            floor: self.floor(to_qualify)?,
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

    /// What every metric must earn: `metric_must_exceed` or `metric_must_reach`.
    fn floor(&self, to_qualify: Points) -> Result<Floor> {
        let (floor, given) = match (&self.raw.metric_must_exceed, &self.raw.metric_must_reach) {
            (Some(given), None) => (Floor::Above(self.points(given)?), given),
            (None, Some(given)) => (Floor::AtLeast(self.points(given)?), given),
            _ => {
                let text = "give metric_must_exceed or metric_must_reach";
                return Err(self.file.mistake(&self.raw.id.span(), text));
            }
        };
        if floor.points() > to_qualify {
            return Err(self.file.mistake(&given.span(), "more than qualifies"));
        }
        Ok(floor)
    }

    pub(super) fn given<'v, T>(&self, value: Option<&'v T>, word: &str) -> Result<&'v T> {
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
        let max_points = self.points(&raw.max_points)?;
        let pick = match &raw.pick {
            None => Pick::Sum,
            Some(word) => match self.one_of(word, &["sum", "best"])?.as_str() {
                "best" => Pick::Best,
                _ => Pick::Sum,
            },
        };
        let mut parts: Vec<Part> = Vec::new();
        for part in &raw.part {
            let part = self.part(part, paths, max_points, &parts)?;
            parts.push(part);
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
            let of_people = |part: &&Part| matches!(part.sentence, Sentence::People(_));
            let is_last = |part: &Part| {
                matches!(part.sentence, Sentence::People(People { role: StepRole::Last, .. }))
            };
            let on_path = || parts.iter().filter(|part| part.paths.contains(path));
            if on_path().any(|part| of_people(&part)) && !on_path().next_back().is_some_and(is_last)
            {
                let text = format!("the path {path} has steps but no last_step");
                return Err(self.file.mistake(&raw.id.span(), text));
            }
            if ids.len() != count || count == 0 {
                let text = format!("the path {path} needs one or more parts with different ids");
                return Err(self.file.mistake(&raw.id.span(), text));
            }
        }
        if pick == Pick::Best
            && parts.iter().any(|part| matches!(part.sentence, Sentence::People(_)))
        {
            let text = "steps of people belong together: none is better than the others";
            return Err(self.file.mistake(&raw.id.span(), text));
        }
        let mut units: Vec<&str> = parts.iter().map(Part::value_unit).collect();
        units.sort_unstable();
        units.dedup();
        let unit = if let [unit] = units[..] { unit } else { "mixed" };
        if raw.value_unit.get_ref() != unit {
            let text = format!("the parts are counted in {unit}");
            return Err(self.file.mistake(&raw.value_unit.span(), text));
        }
        Ok(Metric {
            id: raw.id.get_ref().clone(),
            max_points,
            value_unit: raw.value_unit.get_ref().clone(),
            pick,
            parts,
        })
    }
}
