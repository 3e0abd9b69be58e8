//! The score of six months and the window in which a qualifying month counts (rules §3.4, §3.5).

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use super::partners::Coverage;
use super::window::{Enrolment, Membership};
use crate::calendar::{Day, Month};
use crate::error::Result;
use crate::points::Points;
use crate::rules::WindowRule;
use crate::tables::{FACT_MONTH_SCORE, FACT_QUALIFICATION_WINDOW, Rows, Table};

/// How many months a history has: R and the five before it.
pub const HISTORY_MONTHS: i32 = 6;
/// How many months a window can reach back: from an anniversary at the end of a January, 30 days to
/// renew lead past the end of February.
const WINDOW_MONTHS: i32 = 7;

/// The totals of one month, all partners and paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthScores {
    /// The month.
    pub month: Month,
    /// The scored partners, sorted.
    pub partners: Vec<String>,
    /// The paths of the areas.
    pub paths: Vec<PathScores>,
}

/// The totals of one path of an area; everything about a partner is at its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathScores {
    /// The area.
    pub area: String,
    /// The path.
    pub path: String,
    /// The rule version.
    pub ruleset_id: String,
    /// The totals.
    pub points: Vec<Points>,
    /// How far to trust each.
    pub coverage: Vec<Coverage>,
    /// Whether each qualifies.
    pub is_qualified: Vec<bool>,
    /// Whether the path is the one that counts.
    pub is_selected: Vec<bool>,
}

impl MonthScores {
    /// Adds those of the next range of partners, of the same month by the same rules.
    pub fn add(&mut self, next: Self) {
        self.partners.extend(next.partners);
        for (path, next) in self.paths.iter_mut().zip(next.paths) {
            path.points.extend(next.points);
            path.coverage.extend(next.coverage);
            path.is_qualified.extend(next.is_qualified);
            path.is_selected.extend(next.is_selected);
        }
    }
}

/// A month of the window by its selected path.
struct ScoredMonth {
    month: Month,
    points: Points,
    coverage: Coverage,
    is_qualified: bool,
}

/// What the tables about six months are made of.
pub struct History<'a> {
    /// The scored month R.
    pub reference: Month,
    /// The areas that are scored at R.
    pub areas: Vec<&'a str>,
    /// The scores of R and of the months before it that have rules, oldest first; six of them are the
    /// history, and a window may reach back one more.
    pub months: &'a [MonthScores],
    /// Enrolments by partner and area.
    pub enrolments: &'a BTreeMap<(String, String), Enrolment>,
    /// The path that an enrolled partner keeps, by partner and area.
    pub tracks: &'a BTreeMap<(String, String), String>,
    /// The window rule in force on the last day of R.
    pub rule: &'a WindowRule,
}

/// The tables about six months, of the partners that are scored at R.
///
/// # Errors
/// CS9001.
pub fn history(history: &History<'_>) -> Result<Vec<(&'static Table, DataFrame)>> {
    let mut scores = Rows::new(&FACT_MONTH_SCORE);
    let mut windows = Rows::new(&FACT_QUALIFICATION_WINDOW);
    let partners = history.months.last().map_or(&[][..], |month| month.partners.as_slice());
    for partner in partners {
        let of_partner: Vec<(&MonthScores, usize)> = history
            .months
            .iter()
            .filter_map(|month| Some((month, month.partners.binary_search(partner).ok()?)))
            .collect();
        let first = history.reference.plus(1 - HISTORY_MONTHS);
        for (month, at) in of_partner.iter().filter(|(month, _)| month.month >= first) {
            for path in &month.paths {
                scores
                    .month(history.reference)
                    .text(partner.as_str())
                    .text(path.area.as_str())
                    .text(path.path.as_str())
                    .month(month.month)
                    .points(path.points[*at])
                    .int(path.points[*at].0)
                    .bool(path.is_qualified[*at])
                    .bool(path.is_selected[*at])
                    .text(path.ruleset_id.as_str())
                    .text(path.coverage[*at].as_str())
                    .end();
            }
        }
        for area in &history.areas {
            history.write_window(&mut windows, partner, area, &of_partner);
        }
    }
    Ok(vec![(&FACT_MONTH_SCORE, scores.finish()?), (&FACT_QUALIFICATION_WINDOW, windows.finish()?)])
}

impl History<'_> {
    fn write_window(
        &self,
        rows: &mut Rows,
        partner: &str,
        area: &str,
        months: &[(&MonthScores, usize)],
    ) {
        let day = self.reference.last_day();
        let key = (partner.to_owned(), area.to_owned());
        let membership = self
            .enrolments
            .get(&key)
            .map_or(Membership::None, |enrolment| Membership::new(*enrolment, self.rule, day));
        let (start, end) = membership.window(self.rule, day);
        // A month's score is that of its last day.
        let scored: Vec<ScoredMonth> = months
            .iter()
            .filter(|(month, _)| (start..=end).contains(&month.month.last_day()))
            .filter_map(|(month, at)| {
                let mut paths = month.paths.iter().filter(|path| path.area == area);
                let selected = paths.find(|path| path.is_selected[*at])?;
                Some(ScoredMonth {
                    month: month.month,
                    points: selected.points[*at],
                    coverage: selected.coverage[*at],
                    is_qualified: selected.is_qualified[*at],
                })
            })
            .collect();
        let most = scored.iter().map(|scored| scored.points).max();
        let best = scored.iter().find(|scored| Some(scored.points) == most);
        let mut qualified = scored.iter().filter(|scored| scored.is_qualified);
        let first = qualified.next().map(|scored| scored.month);
        let last = qualified.next_back().map(|scored| scored.month).or(first);
        let status = match membership {
            Membership::Enrolled { .. } => "enrolled",
            Membership::RenewalDue { .. } => "renewal_due",
            Membership::None if first.is_some() => "qualified",
            Membership::None => "in_progress",
        };
        rows.month(self.reference)
            .text(partner)
            .text(area)
            .day(start)
            .day(end)
            .int(i64::try_from(scored.len()).unwrap_or(i64::MAX))
            .month(best.map(|best| best.month))
            .decimal(best.map(|best| best.points.published()))
            .int(best.map(|best| best.points.0))
            .month(first)
            .month(last)
            .bool(first.is_some())
            .int(i64::from((end.0 - day.0).max(0)))
            .text(status)
            .text(self.tracks.get(&key).map(String::as_str))
            .text(best.map(|best| best.coverage.as_str()))
            .end();
    }
}

/// How many months before R a window looks at more than the history has: none, but for an enrolment
/// whose days to renew lead into another month.
pub fn months_before_history(enrolment: Enrolment, rule: &WindowRule, reference: Month) -> i32 {
    let day = reference.last_day();
    let (start, end) = Membership::new(enrolment, rule, day).window(rule, day);
    if start > day || end < day {
        return 0;
    }
    (reference.since(start.month()) + 1 - HISTORY_MONTHS).clamp(0, WINDOW_MONTHS - HISTORY_MONTHS)
}

/// What tells how an enrolment stands on a day: all that the tables of the day's month see of it. None
/// where it does not stand. Renewals that come later change nothing of it.
pub fn standing(enrolment: Enrolment, rule: &WindowRule, day: Day) -> Option<String> {
    match Membership::new(enrolment, rule, day) {
        Membership::None => None,
        // Of the beginning of the year its month counts.
        Membership::Enrolled { anniversary, since } => {
            Some(format!("enrolled {} {}", since.month(), anniversary))
        }
        Membership::RenewalDue { anniversary, since } => {
            Some(format!("renewal_due {} {}", since.month(), anniversary))
        }
    }
}

/// The first day of the enrolled year that a partner is in on a day, if it is.
pub fn enrolled_since(enrolment: Enrolment, rule: &WindowRule, day: Day) -> Option<Day> {
    match Membership::new(enrolment, rule, day) {
        Membership::None => None,
        Membership::Enrolled { since, .. } | Membership::RenewalDue { since, .. } => Some(since),
    }
}
