//! Suites of customers: Microsoft 365 workloads that the area of the base does not count and other
//! areas do. Their use grows with the partner, some of them are associated only for a few months,
//! and some were above the line before. Claimed ones are in both exports of Microsoft 365 usage.

use super::Base;
use super::customer::Customer;
use super::partner::{Archetype, Partner};
use super::seats::Usage;
use super::stream::Stream;
use crate::calendar::{Day, Month};

/// The association of a claim.
pub(super) const CLAIM: &str = "CPOR";
const SMALL: [&[&str]; 6] = [
    &[CLAIM],
    &[CLAIM, "CSP Tier 2"],
    &[CLAIM],
    &["CSP Tier 1"],
    &[CLAIM, "CSP Tier 1"],
    &["CSP Tier 2"],
];
const LARGE: [&[&str]; 6] = [
    &[CLAIM],
    &[CLAIM, "DPOR"],
    &[CLAIM],
    &["DPOR"],
    &[CLAIM, "Digital Partner of Record"],
    // It counts nowhere beyond the limit of small customers.
    &["CSP Tier 1"],
];

/// The suite of a customer.
pub(super) struct Suite {
    /// How it is associated with the partner.
    pub(super) associations: &'static [&'static str],
    /// Since when.
    pub(super) associated: Day,
    /// The first month with rows: some customers have them from before the association.
    first: Month,
    /// How many workloads.
    workloads: usize,
    /// Where they start in the list.
    offset: usize,
    course: Course,
}

/// Seats and users in the base's last month, and how they got there.
struct Course {
    /// Paid seats.
    paid: i64,
    /// Seats added a year.
    added: i64,
    /// Active users per thousand paid seats.
    active: i64,
    /// What was added to that share a year.
    rise: i64,
    /// At a limit on purpose: no change, no noise.
    is_exact: bool,
}

impl Suite {
    /// The suite of a customer with seats, if it has one: old customers more seldom than new ones.
    pub(super) fn draw(base: &Base<'_>, partner: &Partner, customer: &Customer) -> Option<Self> {
        let number = customer.location;
        let is_new = customer.is_new();
        if customer.seats.is_none() || !is_new && number % 3 == 2 {
            return None;
        }
        let keys = [i64::from(partner.index), i64::from(number)];
        let mut stream = Stream::new(base.settings.seed, "suite", &keys);
        // Not by the segment of each: a path needs several such customers of one partner.
        let is_large = partner.has_large_customers() && number % 4 != 3;
        let mut course = Course::draw(partner, is_new, is_large, &mut stream);
        let listed = if is_large { LARGE } else { SMALL };
        let associations = listed[stream.position(listed.len())];
        let is_recent = stream.one_in(4) && !is_new && !course.is_exact;
        let has_earlier_rows = stream.one_in(2);
        let recently =
            base.settings.last_month.plus(-i32::try_from(stream.between(2, 10)).unwrap_or(2));
        let within = i32::try_from(stream.between(2, 20)).unwrap_or(2);
        let workloads = 2 + stream.position(2);
        let offset = stream.position(64);
        let month = if is_recent { recently } else { customer.first };
        if is_recent {
            // Use grows faster since the partner looks after it.
            course.rise += 250;
        }
        Some(Self {
            associations,
            associated: Day(month.first_day().0 + within),
            first: if is_recent && !has_earlier_rows { month } else { customer.first },
            workloads,
            offset,
            course,
        })
    }

    /// Whether the partner has claimed it.
    pub(super) fn is_claimed(&self) -> bool {
        self.associations.contains(&CLAIM)
    }

    /// What it comes to in a month: workloads that `taken` has are left out, so that no export says
    /// two things of one.
    pub(super) fn usages<'a>(
        &self,
        base: &'a Base<'_>,
        partner: &Partner,
        customer: &Customer,
        month: Month,
        taken: &[Usage<'_>],
    ) -> Vec<Usage<'a>> {
        if month < self.first {
            return Vec::new();
        }
        let months = customer.months_to(month);
        let keys = [i64::from(partner.index), i64::from(customer.location), months];
        let mut noise = Stream::new(base.settings.seed, "suite of a month", &keys);
        let names = &base.vocabulary.suite_workloads;
        let is_free = |name: &&String| taken.iter().all(|usage| usage.workload != name.as_str());
        let names = names.iter().cycle().skip(self.offset).take(names.len()).filter(is_free);
        names
            .take(self.workloads)
            .map(|workload| {
                let (paid, active) = self.course.at(months, noise.between(-15, 15));
                Usage { workload, paid, active }
            })
            .collect()
    }
}

impl Course {
    fn draw(partner: &Partner, is_new: bool, is_large: bool, stream: &mut Stream) -> Self {
        let kind = stream.below(8);
        // Limits of seats in several areas, 40 % active to the user where that is possible.
        let limit = stream.pick(&[10, 11, 300, 301]).copied().unwrap_or(300);
        // Small a year ago, large now.
        let (outgrown, added) = (stream.between(305, 330), stream.between(40, 70));
        let (low, high) = match (partner.archetype, is_large) {
            (Archetype::Beginner, _) => (8, 45),
            (Archetype::Skilled, _) => (15, 60),
            (_, true) => (310, 700),
            (_, false) => (60, 280),
        };
        let paid = stream.between(low, high);
        // Growth of seats beside that of their use.
        let more = stream.between(0, paid / 12);
        let ((low, high), (least, most)) = match (partner.archetype, is_new) {
            (Archetype::Strong, true) => ((500, 800), (500, 800)),
            (Archetype::Strong, false) => ((450, 650), (0, 120)),
            (Archetype::Near, true) => ((430, 650), (400, 800)),
            (Archetype::Near, false) => ((380, 550), (40, 240)),
            (Archetype::Steady, _) => ((350, 600), (-20, 60)),
            (Archetype::Shrinking, _) => ((200, 400), (-250, -80)),
            (Archetype::Skilled, _) => ((300, 500), (0, 80)),
            (Archetype::Beginner, _) => ((250, 500), (0, 300)),
        };
        let (active, rise) = (stream.between(low, high), stream.between(least, most));
        let can_outgrow = !matches!(partner.archetype, Archetype::Beginner | Archetype::Skilled);
        match kind {
            0 if !is_new => Self { paid: limit, added: 0, active: 400, rise: 0, is_exact: true },
            1 if !is_new && can_outgrow => {
                Self { paid: outgrown, added, active, rise, is_exact: false }
            }
            // More active users than paid seats.
            2 if is_new => Self { paid, added: 0, active: 1_100, rise, is_exact: false },
            _ => Self { paid, added: more, active, rise, is_exact: false },
        }
    }

    /// Paid seats and active users so many months after the base's last month (before it, where
    /// negative); `wobble` is in thousandths of the seats.
    fn at(&self, months: i64, wobble: i64) -> (i64, i64) {
        let paid = (self.paid + self.added * months / 12).max(1);
        let wobble = if self.is_exact { 0 } else { wobble };
        let share = (self.active + self.rise * months / 12).max(20) + wobble;
        (paid, paid * share / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn courses(index: u32, is_new: bool) -> Vec<Course> {
        let partner = Partner::draw(1, index);
        let stream = |key: i64| Stream::new(1, "test", &[key]);
        (0..300).map(|key| Course::draw(&partner, is_new, false, &mut stream(key))).collect()
    }

    #[test]
    fn seats_lie_on_both_sides_of_the_limits() {
        let courses = courses(2, false);
        for limit in [10, 11, 300, 301] {
            assert!(courses.iter().any(|course| course.is_exact && course.paid == limit));
        }
        let outgrows = |course: &&Course| course.paid > 300 && course.at(-12, 0).0 <= 300;
        assert!(courses.iter().filter(outgrows).count() > 10);
        let exact = Course { paid: 300, added: 0, active: 400, rise: 0, is_exact: true };
        assert_eq!((exact.at(0, 9), exact.at(-12, -9)), ((300, 120), (300, 120)));
    }

    #[test]
    fn use_grows_after_the_association_of_a_strong_partner() {
        let courses = courses(0, true);
        // Between six and eleven months ago; two in five of the seats is a line of some area.
        let share = |course: &Course, months: i64| {
            let (paid, active) = course.at(months, 0);
            active * 10 >= paid * 4
        };
        assert!(courses.iter().all(|course| share(course, 0)));
        assert!(courses.iter().any(|course| share(course, -8)));
        assert!(courses.iter().filter(|course| !share(course, -8)).count() > 150);
    }
}
