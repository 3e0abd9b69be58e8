//! Who is enrolled in which area, as the list of enrolments says.

use std::collections::{BTreeMap, BTreeSet};

use super::history::Scores;
use crate::calendar::{Day, Month};
use crate::checks::Check;
use crate::engine;
use crate::engine::bug;
use crate::error::{Error, Result};
use crate::facts::{Live, LiveFrames};
use crate::rules::{Assignment, Rules, Version, WindowRule};
use crate::score::{Enrolment, HISTORY_MONTHS, enrolled_since, months_before_history};

/// The enrolments and the rule of the window, as of a day.
pub(super) struct Enrolments {
    /// By partner and area.
    pub(super) by_area: BTreeMap<(String, String), Enrolment>,
    /// Delivered areas that no rule pack is for.
    unknown: BTreeSet<String>,
    pub(super) rule: WindowRule,
    day: Day,
}

impl Enrolments {
    /// Reads the live list of enrolments. Of several rows of a partner and area the latest counts.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn read(live: &Live, rules: &Rules, reference: Month) -> Result<Self> {
        let day = reference.last_day();
        let rule = rules.windows.effective(day).cloned();
        let rule = rule.ok_or_else(|| Error::bug("there is no rule of the window"))?;
        let frame = engine::collect(LiveFrames::new(live).enrolments()?, "enrolments")?;
        let text = |name: &str| frame.column(name).and_then(|column| column.str()).map_err(bug);
        let date = |name: &str| frame.column(name).and_then(|column| column.date()).map_err(bug);
        let (partner, delivered) = (text("partner_id")?, text("area")?);
        let (anniversary, renewal) = (date("anniversary_on")?, date("last_renewal_on")?);
        let mut found = Self { by_area: BTreeMap::new(), unknown: BTreeSet::new(), rule, day };
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

    /// How many months before R windows look at more than the history has.
    pub(super) fn months_before_history(&self, reference: Month) -> i32 {
        let enrolments = self.by_area.values();
        let more = |enrolment: &Enrolment| months_before_history(*enrolment, &self.rule, reference);
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
        let mut since: Vec<(&(String, String), Month, &Assignment)> = Vec::new();
        for (key, enrolment) in &self.by_area {
            let packs = rules.packs.iter().filter(|pack| pack.area == key.1);
            let mut versions = packs.flat_map(|pack| &pack.versions);
            let in_force = versions.rfind(|version| version.effective_from <= self.day);
            let track = in_force.and_then(Version::enrolment_track);
            let began = enrolled_since(*enrolment, &self.rule, self.day);
            if let (Some(track), Some(began)) = (track, began) {
                since.push((key, began.month(), track));
            }
        }
        let months: BTreeSet<Month> = since
            .iter()
            .flat_map(|(_, month, _)| Month::range(month.plus(1 - HISTORY_MONTHS), *month))
            .collect();
        let assigned = scores.assigned(&months)?;
        let track = |key: &(String, String), month: Month, assignment: &Assignment| {
            let (partner, area) = key;
            let pair = (area.clone(), partner.clone());
            let mut six = assigned.range(month.plus(1 - HISTORY_MONTHS)..=month);
            let is_any = six.any(|(_, assigned)| assigned.contains(&pair));
            if is_any { assignment.path.clone() } else { assignment.otherwise.clone() }
        };
        Ok(since
            .into_iter()
            .map(|(key, month, assignment)| (key.clone(), track(key, month, assignment)))
            .collect())
    }

    /// Everything that tables depend on, for the id of a run.
    pub(super) fn add_to(&self, add: &mut impl FnMut(&str)) {
        add(&self.rule.hash);
        for ((partner, area), enrolment) in &self.by_area {
            add(partner);
            add(area);
            add(&format!("{enrolment:?}"));
        }
        for area in &self.unknown {
            add(area);
        }
    }
}

/// Enrolments in areas that no rule pack is for.
pub(super) fn enrolment_areas_unknown(enrolments: &Enrolments) -> Check {
    let areas: Vec<&str> = enrolments.unknown.iter().map(String::as_str).collect();
    let message = if areas.is_empty() {
        "every enrolment is in a known area".to_owned()
    } else {
        format!("no rule pack is for the areas of enrolments {}", areas.join(", "))
    };
    let count = i64::try_from(areas.len()).unwrap_or(i64::MAX);
    Check::warn("enrolment_areas_unknown", count, message)
}
