//! The qualification window of a partner in an area (rules §3.4, §3.5): from when until when a
//! qualifying month counts, and how the enrolment stands.

use crate::calendar::{Day, Month};
use crate::rules::{EnrolledUntil, WindowRule};

/// What the list of enrolments says of a partner and an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Enrolment {
    /// When the paid year ends.
    pub anniversary: Day,
    /// When it was renewed last; none in the first year.
    pub last_renewal: Option<Day>,
}

/// How a partner stands in an area on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    /// Not enrolled, or no longer.
    None,
    /// Within the paid year that ends on the anniversary and began on the other day.
    Enrolled { anniversary: Day, since: Day },
    /// Past the anniversary and still allowed to renew.
    RenewalDue { anniversary: Day, since: Day },
}

impl Membership {
    /// How an enrolment stands on a day. The year before the known one counts as well where a
    /// renewal tells of it; earlier years are not known.
    pub(super) fn new(enrolment: Enrolment, rule: &WindowRule, day: Day) -> Self {
        let Enrolment { anniversary, last_renewal } = enrolment;
        // A renewal after the listed anniversary began another year.
        let mut end = anniversary;
        while last_renewal.is_some_and(|renewal| renewal >= end) {
            end = end.plus_years(1);
        }
        let start = end.plus_years(-1);
        let (end, since) = match last_renewal {
            Some(renewal) if day < renewal => (start, start.plus_years(-1)),
            Some(renewal) => (end, renewal.min(start)),
            None => (end, start),
        };
        if day < since || day.0 > end.0 + rule.renewal_days {
            Self::None
        } else if day < end {
            Self::Enrolled { anniversary: end, since }
        } else {
            Self::RenewalDue { anniversary: end, since }
        }
    }

    /// The first and last day of the window that holds or follows a day.
    pub(super) fn window(self, rule: &WindowRule, day: Day) -> (Day, Day) {
        let first_of = |month: Month, back: i32| month.plus(-back).first_day();
        match (self, rule.previous_months) {
            (Self::None, Some(back)) => (first_of(day.month(), back), day),
            (Self::None, None) => (day, day),
            (Self::Enrolled { anniversary, .. } | Self::RenewalDue { anniversary, .. }, back) => {
                let start = back.map_or(anniversary, |back| first_of(anniversary.month(), back));
                let month_end = anniversary.month().last_day();
                let renewal = Day(anniversary.0 + rule.renewal_days);
                let end = match rule.enrolled_until {
                    EnrolledUntil::MonthEnd => month_end,
                    EnrolledUntil::Renewal => renewal,
                    EnrolledUntil::LaterOfBoth => month_end.max(renewal),
                };
                (start, end)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn rule(day_in_force: &str) -> WindowRule {
        let files = crate::pipelines::PipelineFiles::embedded();
        let catalogs = crate::rules::Catalogs::load(&files).unwrap();
        let rules = crate::rules::Rules::load(&files, &catalogs, &[]).unwrap();
        rules.windows.effective(day(day_in_force)).unwrap().clone()
    }

    fn window(today: &str, enrolment: Option<(&str, Option<&str>)>, rule: &WindowRule) -> String {
        let membership = enrolment.map_or(Membership::None, |(anniversary, renewal)| {
            let enrolment =
                Enrolment { anniversary: day(anniversary), last_renewal: renewal.map(day) };
            Membership::new(enrolment, rule, day(today))
        });
        let (start, end) = membership.window(rule, day(today));
        format!("{start} {end}")
    }

    /// Rules §14.8: W-01, W-02 and W-03 (doc).
    #[test]
    fn windows_are_those_of_the_vectors() {
        let newest = rule("2026-11-22");
        assert_eq!(window("2024-08-15", None, &newest), "2024-03-01 2024-08-15");
        assert_eq!(window("2026-01-10", None, &newest), "2025-08-01 2026-01-10");
        let enrolled = Some(("2024-08-15", None));
        assert_eq!(window("2024-07-31", enrolled, &newest), "2024-03-01 2024-09-14");
        assert_eq!(window("2024-07-31", enrolled, &rule("2023-12-31")), "2024-03-01 2024-08-31");
        // Before September 2023 a day, or the days to renew.
        let first = rule("2023-09-18");
        assert_eq!(window("2023-08-31", None, &first), "2023-08-31 2023-08-31");
        let enrolled = Some(("2023-08-15", None));
        assert_eq!(window("2023-08-31", enrolled, &first), "2023-08-15 2023-09-14");
    }

    #[test]
    fn an_enrolment_ends_with_the_days_to_renew() {
        let rule = rule("2026-11-22");
        let first_year = Enrolment { anniversary: day("2026-08-15"), last_renewal: None };
        let of = |enrolment: Enrolment, today: &str| Membership::new(enrolment, &rule, day(today));
        let (anniversary, since) = (day("2026-08-15"), day("2025-08-15"));
        assert_eq!(of(first_year, "2025-08-14"), Membership::None);
        assert_eq!(of(first_year, "2025-08-15"), Membership::Enrolled { anniversary, since });
        assert_eq!(of(first_year, "2026-08-14"), Membership::Enrolled { anniversary, since });
        assert_eq!(of(first_year, "2026-08-15"), Membership::RenewalDue { anniversary, since });
        assert_eq!(of(first_year, "2026-09-14"), Membership::RenewalDue { anniversary, since });
        assert_eq!(of(first_year, "2026-09-15"), Membership::None);
    }

    #[test]
    fn a_renewal_tells_of_the_year_before_and_starts_the_next() {
        let rule = rule("2026-11-22");
        // Renewed late, and the list still has the old anniversary.
        let late =
            Enrolment { anniversary: day("2026-08-15"), last_renewal: Some(day("2026-09-01")) };
        let of = |today: &str| Membership::new(late, &rule, day(today));
        let (before, after) = (day("2026-08-15"), day("2027-08-15"));
        let (began, renewed) = (day("2025-08-15"), day("2026-08-15"));
        assert_eq!(of("2025-08-14"), Membership::None);
        assert_eq!(of("2026-07-31"), Membership::Enrolled { anniversary: before, since: began });
        assert_eq!(of("2026-08-31"), Membership::RenewalDue { anniversary: before, since: began });
        assert_eq!(of("2026-09-30"), Membership::Enrolled { anniversary: after, since: renewed });
    }
}
