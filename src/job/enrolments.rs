//! Who is enrolled in which area, as the list of enrolments says.

use std::collections::{BTreeMap, BTreeSet};

use super::history::Scores;
use super::window;
use crate::calendar::{Day, Month};
use crate::checks::Check;
use crate::engine;
use crate::engine::bug;
use crate::error::{Error, Result};
use crate::facts::{Live, LiveFrames, MonthUnits};
use crate::ids::FieldHasher;
use crate::rules::{Assignment, Rules, Version, WindowRule};
use crate::score::{Enrolment, HISTORY_MONTHS, enrolled_since, months_before_history, standing};
use crate::tables::{COMPARED_DATASETS, SEGMENT_DATASET};

/// The live list of enrolments.
pub(super) struct EnrolmentList {
    /// By partner and area.
    by_area: BTreeMap<(String, String), Enrolment>,
    /// Delivered areas that no rule pack is for.
    unknown: BTreeSet<String>,
}

/// The enrolments and the rule of the window, as of a day.
pub(super) struct Enrolments<'a> {
    list: &'a EnrolmentList,
    pub(super) rule: &'a WindowRule,
    day: Day,
}

/// A year of an enrolment in an area whose path is kept until the next renewal.
struct Kept<'a> {
    /// Partner and area.
    key: &'a (String, String),
    /// The month in which the year began.
    since: Month,
    assignment: &'a Assignment,
}

impl EnrolmentList {
    /// Reads it. Of several rows of a partner and area the latest counts.
    ///
    /// # Errors
    /// CS2001, CS9001.
    pub(super) fn read(live: &Live, rules: &Rules) -> Result<Self> {
        let frame = engine::collect(LiveFrames::new(live).enrolments()?, "enrolments")?;
        let text = |name: &str| frame.column(name).and_then(|column| column.str()).map_err(bug);
        let date = |name: &str| frame.column(name).and_then(|column| column.date()).map_err(bug);
        let (partner, delivered) = (text("partner_id")?, text("area")?);
        let (anniversary, renewal) = (date("anniversary_on")?, date("last_renewal_on")?);
        let mut found = Self { by_area: BTreeMap::new(), unknown: BTreeSet::new() };
        for at in 0..frame.height() {
            let delivered = delivered.get(at).unwrap_or_default();
            let Some(pack) = rules.packs.iter().find(|pack| pack.is_called(delivered)) else {
                found.unknown.insert(delivered.to_owned());
                continue;
            };
            let enrolment = Enrolment {
                anniversary: Day(anniversary.physical().get(at).unwrap_or_default()),
                last_renewal: renewal.physical().get(at).map(Day),
            };
            let key = (partner.get(at).unwrap_or_default().to_owned(), pack.area.clone());
            let slot = found.by_area.entry(key).or_insert(enrolment);
            *slot = enrolment.max(*slot);
        }
        Ok(found)
    }
}

impl<'a> Enrolments<'a> {
    /// Those of a list on the last day of a month.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn of(list: &'a EnrolmentList, rules: &'a Rules, reference: Month) -> Result<Self> {
        let day = reference.last_day();
        let rule = rules.windows.effective(day);
        let rule = rule.ok_or_else(|| Error::bug("there is no rule of the window"))?;
        Ok(Self { list, rule, day })
    }

    /// By partner and area.
    pub(super) fn by_area(&self) -> &'a BTreeMap<(String, String), Enrolment> {
        &self.list.by_area
    }

    /// How many months before R windows look at more than the history has.
    pub(super) fn months_before_history(&self, reference: Month) -> i32 {
        let enrolments = self.by_area().values();
        let more = |enrolment: &Enrolment| months_before_history(*enrolment, self.rule, reference);
        enrolments.map(more).max().unwrap_or_default()
    }

    /// The path that each enrolled partner keeps until its next renewal (rules §3.5): the tested one
    /// if any of the six months up to the beginning of its year was assigned it.
    ///
    /// # Errors
    /// CS2001, CS6005, CS9001.
    pub(super) fn tracks(
        &self,
        rules: &Rules,
        scores: &mut Scores<'_>,
    ) -> Result<BTreeMap<(String, String), String>> {
        let kept = self.kept(rules);
        let assigned = scores.assigned(&tested(&kept))?;
        let track = |kept: &Kept<'_>| {
            let (partner, area) = kept.key;
            let pair = (area.clone(), partner.clone());
            let mut six = assigned.range(kept.since.plus(1 - HISTORY_MONTHS)..=kept.since);
            let is_any = six.any(|(_, assigned)| assigned.contains(&pair));
            if is_any { kept.assignment.path.clone() } else { kept.assignment.otherwise.clone() }
        };
        Ok(kept.iter().map(|kept| (kept.key.clone(), track(kept))).collect())
    }

    fn kept<'r>(&self, rules: &'r Rules) -> Vec<Kept<'r>>
    where
        'a: 'r,
    {
        let mut kept = Vec::new();
        for (key, enrolment) in self.by_area() {
            let packs = rules.packs.iter().filter(|pack| pack.area == key.1);
            let mut versions = packs.flat_map(|pack| &pack.versions);
            let in_force = versions.rfind(|version| version.effective_from <= self.day);
            let track = in_force.and_then(Version::enrolment_track);
            let began = enrolled_since(*enrolment, self.rule, self.day);
            if let (Some(assignment), Some(began)) = (track, began) {
                kept.push(Kept { key, since: began.month(), assignment });
            }
        }
        kept
    }

    /// Hashes all that the tables about the window depend on, but for the scores of their months.
    pub(super) fn hash(&self, rules: &Rules, live: &Live, hasher: &mut FieldHasher) {
        hasher.add_text(&self.rule.hash);
        for ((partner, area), enrolment) in self.by_area() {
            if let Some(standing) = standing(*enrolment, self.rule, self.day) {
                hasher.add_text(partner);
                hasher.add_text(area);
                hasher.add_text(&standing);
            }
        }
        let kept = self.kept(rules);
        for kept in &kept {
            hasher.add_text(&format!("{:?}", kept.assignment));
        }
        let tested = tested(&kept);
        let (Some(first), Some(last)) = (tested.first(), tested.last()) else { return };
        for month in &tested {
            hasher.add(month);
            let in_force = rules.effective(month.last_day()).ok();
            for version in in_force.iter().flat_map(|(versions, _)| versions) {
                hasher.add_text(&version.hash);
            }
        }
        // More than a test looks at: facts of years ago seldom change.
        let since = *window(*first).start();
        let is_seen = |month: Month| (since..=*last).contains(&month);
        let is_read = |of_month: &MonthUnits<'_>| {
            let is_segment = of_month.dataset == SEGMENT_DATASET;
            let is_read = |month| is_seen(month) || is_segment && month <= *last;
            of_month.month.is_some_and(is_read) && !COMPARED_DATASETS.contains(&of_month.dataset)
        };
        hasher.add(live.content_hash(is_read).to_hex());
        if live.has_distributor() {
            hasher.add(live.locations_hash().to_hex());
            let delivered = live.delivered_hashes();
            for (dataset, month, hash) in
                delivered.filter(|(_, month, _)| month.is_none_or(is_seen))
            {
                hasher.add_text(dataset);
                hasher.add_some(month);
                hasher.add(hash.to_hex());
            }
        }
    }

    /// Delivered areas that no rule pack is for.
    pub(super) fn unknown(&self) -> &BTreeSet<String> {
        &self.list.unknown
    }
}

/// The months whose path tests tell which path is kept: the six up to the beginning of a year.
fn tested(kept: &[Kept<'_>]) -> BTreeSet<Month> {
    let six = |kept: &Kept<'_>| Month::range(kept.since.plus(1 - HISTORY_MONTHS), kept.since);
    kept.iter().flat_map(six).collect()
}

/// Enrolments in areas that no rule pack is for.
pub(super) fn enrolment_areas_unknown(unknown: &BTreeSet<String>) -> Check {
    let areas: Vec<&str> = unknown.iter().map(String::as_str).collect();
    let message = if areas.is_empty() {
        "every enrolment is in a known area".to_owned()
    } else {
        format!("no rule pack is for the areas of enrolments {}", areas.join(", "))
    };
    let count = i64::try_from(areas.len()).unwrap_or(i64::MAX);
    Check::warn("enrolment_areas_unknown", count, message)
}
