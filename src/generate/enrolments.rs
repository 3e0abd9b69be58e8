//! The list of enrolments: which partners are enrolled in which areas, and when they renew. It is
//! no export but kept by hand, so a delivery has what was known at the end of its month.

use super::partner::Partner;
use super::stream::Stream;
use super::table::{Row, Table};
use super::text::push_day;
use super::{Base, Delivery, Summary};
use crate::calendar::Day;
use crate::error::Result;

/// The columns in documented order.
const HEADER: [&str; 4] = ["partner_id", "area", "anniversary_date", "last_renewal_date"];

/// Writes the list of one delivery.
pub(super) fn write(base: &Base<'_>, delivery: &Delivery) -> Result<Summary> {
    let until = delivery.month.last_day();
    let order = (0..HEADER.len()).collect();
    let form = delivery.form(b',');
    let mut table = Table::create(&delivery.folder, "enrolments.csv", &HEADER, order, form)?;
    let mut row = Row::new(HEADER.len());
    for index in 0..base.settings.partners {
        let Some(enrolment) = Enrolment::draw(base, index) else { continue };
        row.set_number(0, Partner::draw(base.settings.seed, index).account);
        let (anniversary, renewed) = enrolment.on(until);
        push_day(row.start(2), anniversary, true);
        row.start(3);
        if let Some(renewed) = renewed {
            push_day(row.start(3), renewed, true);
        }
        for (area, _) in enrolment.areas.iter().filter(|(_, since)| *since <= until) {
            row.set(1, area);
            table.write(&row)?;
        }
    }
    table.finish()
}

/// The enrolment of a partner. All of its areas share one anniversary.
struct Enrolment<'a> {
    /// The areas by name, with their first days.
    areas: Vec<(&'a str, Day)>,
    /// The first day of the first area.
    since: Day,
    /// Days from an anniversary to the renewal.
    delay: i32,
    /// The renewals after which it lapses, if it does.
    renewals: Option<i32>,
}

impl<'a> Enrolment<'a> {
    /// Half of the partners are enrolled, and some of them let it lapse in the base's last year.
    fn draw(base: &'a Base<'_>, index: u32) -> Option<Self> {
        let settings = base.settings;
        let mut stream = Stream::new(settings.seed, "enrolment", &[i64::from(index)]);
        if !stream.one_in(2) {
            return None;
        }
        let back = i32::try_from(stream.between(2, 40)).unwrap_or(2);
        let within = i32::try_from(stream.below(28)).unwrap_or(0);
        let since = Day(settings.last_month.plus(-back).first_day().0 + within);
        let delay = i32::try_from(stream.below(26)).unwrap_or(0);
        let is_lapsing = stream.one_in(4);
        // Anniversaries until the end of the base.
        let mut passed = 0;
        while since.plus_years(passed + 1) <= settings.last_month.last_day() {
            passed += 1;
        }
        let names = &base.vocabulary.areas;
        let wanted = 1 + stream.position(3);
        let mut joined = since;
        let mut areas = Vec::new();
        for at in stream.order(names.len()).into_iter().take(wanted) {
            areas.push((names[at].as_str(), joined));
            // Areas that qualify later join at no fee.
            joined.0 += i32::try_from(stream.between(0, 200)).unwrap_or(0);
        }
        areas.sort_unstable();
        let renewals = (is_lapsing && passed > 0).then_some(passed - 1);
        Some(Self { areas, since, delay, renewals })
    }

    /// The anniversary that is due on a day or next, and the last renewal.
    fn on(&self, day: Day) -> (Day, Option<Day>) {
        let mut years = 1;
        let mut last = None;
        while self.renewals.is_none_or(|renewals| years <= renewals) {
            let renewed = Day(self.since.plus_years(years).0 + self.delay);
            if renewed > day {
                break;
            }
            last = Some(renewed);
            years += 1;
        }
        (self.since.plus_years(years), last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn renewals_move_the_anniversary() {
        let since = day("2023-05-10");
        let mut enrolment = Enrolment { areas: Vec::new(), since, delay: 20, renewals: None };
        assert_eq!(enrolment.on(day("2024-05-29")), (day("2024-05-10"), None));
        let renewed = Some(day("2024-05-30"));
        assert_eq!(enrolment.on(day("2024-05-30")), (day("2025-05-10"), renewed));
        enrolment.renewals = Some(1);
        assert_eq!(enrolment.on(day("2026-09-30")), (day("2025-05-10"), renewed));
    }
}
