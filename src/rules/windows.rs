//! How long a qualifying month counts: the dated rules of the qualification window (rules §3.5).

use serde::Deserialize;
use toml::Spanned;

use super::catalog::{content_hash, parse_day};
use crate::calendar::Day;
use crate::error::Result;
use crate::pipelines::PipelineFile;

/// The rules of the window, oldest first.
#[derive(Debug, Clone)]
pub struct Windows {
    rules: Vec<WindowRule>,
}

/// One dated version of the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRule {
    /// The version.
    pub id: String,
    /// First day in force.
    pub effective_from: Day,
    /// Whether the first day is an assumption.
    pub is_date_assumed: bool,
    /// The page that states it.
    pub source_url: String,
    /// Months before the current one; none where only the current day counts.
    pub previous_months: Option<i32>,
    /// Days after the anniversary in which an enrolment can be renewed.
    pub renewal_days: i32,
    /// Where the window of an enrolled partner ends.
    pub enrolled_until: EnrolledUntil,
    /// Hash of what it says.
    pub hash: String,
}

/// Where the window of an enrolled partner ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrolledUntil {
    /// The last day of the anniversary's month.
    MonthEnd,
    /// The last day to renew.
    Renewal,
    /// Whichever is later.
    LaterOfBoth,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWindows {
    #[serde(default)]
    window: Vec<RawWindow>,
}

/// A history has the current month and so many before it.
const MOST_PREVIOUS_MONTHS: i32 = 5;
/// The most days to renew.
const MOST_RENEWAL_DAYS: i32 = 30;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWindow {
    id: Spanned<String>,
    effective_from: Spanned<toml::value::Datetime>,
    is_date_assumed: bool,
    source_url: String,
    previous_months: Option<Spanned<i32>>,
    renewal_days: Spanned<i32>,
    enrolled_until: EnrolledUntil,
}

impl Windows {
    /// All rules, oldest first.
    pub fn all(&self) -> &[WindowRule] {
        &self.rules
    }

    /// Reads the rules.
    ///
    /// # Errors
    /// CS5002 with file and line.
    pub(super) fn load(file: &PipelineFile) -> Result<Self> {
        let raw: RawWindows = file.parse()?;
        let mut rules: Vec<WindowRule> = Vec::new();
        for raw in raw.window {
            let effective_from = parse_day(file, &raw.effective_from)?;
            if rules.last().is_some_and(|last| last.effective_from >= effective_from) {
                let text = "windows stand in the order of their days";
                return Err(file.mistake(&raw.effective_from.span(), text));
            }
            let limits = [
                (raw.previous_months.as_ref(), MOST_PREVIOUS_MONTHS),
                (Some(&raw.renewal_days), MOST_RENEWAL_DAYS),
            ];
            for (count, most) in limits {
                if let Some(count) = count.filter(|count| !(0..=most).contains(count.get_ref())) {
                    let text = format!("give a number from 0 to {most}");
                    return Err(file.mistake(&count.span(), text));
                }
            }
            if rules.iter().any(|rule| rule.id == *raw.id.get_ref()) {
                return Err(file.mistake(&raw.id.span(), "the window is there twice"));
            }
            let mut rule = WindowRule {
                id: raw.id.into_inner(),
                effective_from,
                is_date_assumed: raw.is_date_assumed,
                source_url: raw.source_url,
                previous_months: raw.previous_months.map(Spanned::into_inner),
                renewal_days: raw.renewal_days.into_inner(),
                enrolled_until: raw.enrolled_until,
                hash: String::new(),
            };
            rule.hash = content_hash(&format!("{rule:?}"));
            rules.push(rule);
        }
        if rules.is_empty() {
            let text = "there is no [[window]]: how long a qualifying month counts is not said";
            return Err(file.mistake(&(0..0), text));
        }
        Ok(Self { rules })
    }

    /// The rule in force on a day; before the first one that one.
    pub fn effective(&self, day: Day) -> Option<&WindowRule> {
        let in_force = self.rules.iter().rev().find(|rule| rule.effective_from <= day);
        in_force.or_else(|| self.rules.first())
    }
}
