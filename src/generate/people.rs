//! People and their credentials: a snapshot in each delivery of all that was earned so far. Each
//! person holds one step of one area; an area that shares a step with another has the same people.
//! People of metrics without prerequisites come last, so that they change no other person.

use super::partner::{Archetype, Partner};
use super::stream::Stream;
use super::table::{Row, Table};
use super::text::{push_day, push_month};
use super::vocabulary::{Step, is_current};
use super::{Base, Delivery, Summary};
use crate::calendar::Day;
use crate::error::Result;
use crate::rules::Certification;

const HEADER: [&str; 18] = [
    "PGAMpnId",
    "TrainingActivityId",
    "TrainingTitle",
    "TrainingType",
    "IndividualFirstName",
    "IndividualLastName",
    "Email",
    "CorpEmail",
    "TrainingCompletionDate",
    "ExpirationDate",
    "ActivationStatus",
    "Month",
    "IcMCP",
    "MCPID",
    "MpnId",
    "PartnerName",
    "PartnerCityLocation",
    "PartnerCountryLocation",
];

/// Positions in [`HEADER`].
mod column {
    pub(super) const ACCOUNT: usize = 0;
    pub(super) const ACTIVITY: usize = 1;
    pub(super) const TITLE: usize = 2;
    pub(super) const KIND: usize = 3;
    pub(super) const FIRST_NAME: usize = 4;
    pub(super) const LAST_NAME: usize = 5;
    pub(super) const MAIL: usize = 6;
    pub(super) const CORPORATE_MAIL: usize = 7;
    pub(super) const COMPLETED: usize = 8;
    pub(super) const EXPIRES: usize = 9;
    pub(super) const STATUS: usize = 10;
    pub(super) const MONTH: usize = 11;
    pub(super) const IS_PROFESSIONAL: usize = 12;
    pub(super) const PROFESSIONAL_ID: usize = 13;
    pub(super) const LOCATION: usize = 14;
    pub(super) const PARTNER_NAME: usize = 15;
    pub(super) const CITY: usize = 16;
    pub(super) const COUNTRY: usize = 17;
}

const FIRST_NAMES: [&str; 12] =
    ["Ana", "Bo", "Chidi", "Dilek", "Eva", "Farid", "Grace", "Hiro", "Ines", "Jan", "Kim", "Lea"];

/// Writes the export of one delivery.
pub(super) fn write(base: &Base<'_>, delivery: &Delivery) -> Result<Summary> {
    let order = (0..HEADER.len()).collect();
    let form = delivery.form(b',');
    let table = Table::create(&delivery.folder, "trainings.csv", &HEADER, order, form)?;
    let row = Row::new(HEADER.len());
    let mut export = Export { base, delivery, until: delivery.month.last_day(), table, row };
    for index in 0..base.settings.partners {
        export.write_partner(&Partner::draw(base.settings.seed, index))?;
    }
    export.table.finish()
}

struct Export<'a> {
    base: &'a Base<'a>,
    delivery: &'a Delivery,
    until: Day,
    table: Table,
    row: Row,
}

/// How long ago a credential was first earned, in months, and whether it is let expire.
struct Course {
    least_months: i64,
    most_months: i64,
    is_let_expire: bool,
}

impl Export<'_> {
    fn write_partner(&mut self, partner: &Partner) -> Result<()> {
        self.row.set_number(column::ACCOUNT, partner.account);
        self.row.set(column::PARTNER_NAME, &partner.name);
        self.row.set(column::CITY, partner.place.city);
        self.row.set(column::COUNTRY, partner.place.country);
        let base = self.base;
        let steps = &base.vocabulary.steps;
        let mut number = 0;
        for step in steps.iter().filter(|step| !step.is_lone) {
            self.write_step(partner, step, &mut number)?;
        }
        let mut stream = Stream::new(base.settings.seed, "others", &[i64::from(partner.index)]);
        for _ in 0..stream.below(3) {
            let mut person = self.begin_person(partner, number);
            number += 1;
            let course = Course { least_months: 12, most_months: 36, is_let_expire: true };
            if let Some(other) = person.pick(&base.vocabulary.other_certifications) {
                self.write_credential(&mut person, other, &course)?;
            }
        }
        if partner.index.is_multiple_of(3) {
            // A title that no catalog knows and that never expires.
            let mut person = self.begin_person(partner, number);
            let earned = Day(self.base.settings.last_month.first_day().0 - 2_000);
            let earned = Day(earned.0 - i32::try_from(person.below(900)).unwrap_or(0));
            self.row.set(column::ACTIVITY, "OLD-1");
            self.row.set(column::TITLE, "Microsoft Certified Professional");
            self.row.set(column::KIND, "Certification");
            self.write_completion(earned, None)?;
        }
        number += 1;
        for step in steps.iter().filter(|step| step.is_lone) {
            self.write_step(partner, step, &mut number)?;
        }
        Ok(())
    }

    /// Writes the people that hold a step; `number` is the next person's.
    fn write_step(&mut self, partner: &Partner, step: &Step, number: &mut u32) -> Result<()> {
        let first_day = self.base.settings.last_month.first_day();
        for ordinal in 0..holders(partner, step) {
            let mut stream = self.begin_person(partner, *number);
            *number += 1;
            let current: Vec<&Certification> =
                step.certifications.iter().filter(|known| is_current(known, first_day)).collect();
            let chosen = stream.pick(&current).copied();
            let Some(chosen) = chosen.or_else(|| step.certifications.first()) else { continue };
            self.write_credential(&mut stream, chosen, &course(partner, step, ordinal))?;
        }
        Ok(())
    }

    /// Fills in who a person is; the stream goes on with what the person has earned.
    fn begin_person(&mut self, partner: &Partner, number: u32) -> Stream {
        let keys = [i64::from(partner.index), i64::from(number)];
        let mut stream = Stream::new(self.base.settings.seed, "person", &keys);
        let name = stream.word(&FIRST_NAMES);
        let serial = format!("{:03}.{number:02}", partner.index);
        let lower = name.to_ascii_lowercase();
        let row = &mut self.row;
        row.set(column::FIRST_NAME, name);
        row.set(column::LAST_NAME, "Test");
        let has_mail = !stream.one_in(5);
        row.set(column::MAIL, "");
        if has_mail {
            row.set(column::MAIL, &format!("{lower}.{serial}@example.org"));
        }
        row.set(column::CORPORATE_MAIL, &format!("{lower}.test.{serial}@example.org"));
        row.set(column::IS_PROFESSIONAL, "1");
        row.set(column::PROFESSIONAL_ID, "");
        // A few people are known by their corporate mail only.
        if !stream.one_in(10) {
            let id = 990_000_000 + u64::from(partner.index) * 1_000 + u64::from(number);
            row.set_number(column::PROFESSIONAL_ID, id);
        }
        row.set_number(column::LOCATION, partner.location(number));
        stream
    }

    fn write_credential(
        &mut self,
        stream: &mut Stream,
        certification: &Certification,
        course: &Course,
    ) -> Result<()> {
        let settings = self.base.settings;
        let back = stream.between(course.least_months, course.most_months);
        let within = stream.below(27);
        let has_exam = stream.one_in(4);
        let is_endless = stream.one_in(12) && !course.is_let_expire;
        let month = settings.last_month.plus(-i32::try_from(back).unwrap_or(0));
        let mut earned = Day(month.first_day().0 + i32::try_from(within).unwrap_or(0));
        if let Some(retired_on) = certification.retired_on {
            earned = if is_current(certification, settings.last_month.first_day()) {
                earned.min(retired_on)
            } else {
                earned.min(Day(retired_on.0 - 30 - i32::try_from(within).unwrap_or(0)))
            };
        }
        let Certification { code, title, .. } = certification;
        if has_exam {
            self.row.set(column::ACTIVITY, &format!("{code}-EXAM"));
            self.row.set(column::TITLE, &format!("Exam {code}: {title}"));
            self.row.set(column::KIND, "Exam");
            self.write_completion(Day(earned.0 - 1), None)?;
        }
        self.row.set(column::ACTIVITY, &format!("{code}-CERT"));
        self.row.set(column::TITLE, &format!("Microsoft Certified: {title}"));
        self.row.set(column::KIND, "Certification");
        if is_endless {
            return self.write_completion(earned, None);
        }
        self.write_completion(earned, Some(earned.plus_years(1)))?;
        if course.is_let_expire {
            return Ok(());
        }
        let mut years = 1;
        while let Some(renewed) = renewal(earned.plus_years(years), certification.retired_on) {
            if renewed > self.until {
                break;
            }
            years += 1;
            self.write_completion(renewed, Some(earned.plus_years(years)))?;
        }
        Ok(())
    }

    /// Writes a completion, if the snapshot can know it.
    fn write_completion(&mut self, completed: Day, expires: Option<Day>) -> Result<()> {
        if completed > self.until {
            return Ok(());
        }
        let row = &mut self.row;
        push_day(row.start(column::COMPLETED), completed, true);
        match expires {
            Some(expires) => push_day(row.start(column::EXPIRES), expires, true),
            None => row.set(column::EXPIRES, "NA"),
        }
        let is_expired = expires.is_some_and(|expires| expires < self.until);
        row.set(column::STATUS, if is_expired { "Expired" } else { "Active" });
        push_month(row.start(column::MONTH), completed.month(), self.delivery.has_dashes());
        self.table.write(&self.row)
    }
}

/// The day on which a certification that is due is renewed: two weeks before, or on the day of
/// its retirement where that comes first; renewing is possible in the last half year only.
fn renewal(due: Day, retired_on: Option<Day>) -> Option<Day> {
    let usual = Day(due.0 - 14);
    match retired_on {
        Some(retired_on) if retired_on < usual => {
            (retired_on.0 >= due.0 - 180).then_some(retired_on)
        }
        _ => Some(usual),
    }
}

/// How many people of a partner hold a step.
fn holders(partner: &Partner, step: &Step) -> i64 {
    if step.is_lone {
        return lone_holders(partner, step);
    }
    if step.pack > 0 {
        return other_holders(partner, step);
    }
    match (partner.archetype, step.is_last) {
        (Archetype::Strong, _) => step.people + i64::from(partner.variant % 2),
        // Two shades are one person short.
        (Archetype::Near, true) if matches!(partner.variant, 2 | 4) => step.people - 1,
        (Archetype::Steady, true) => step.people / 2,
        (Archetype::Beginner, true) => i64::from(partner.variant.min(1)),
        (Archetype::Beginner, false) => step.people.min(1),
        (Archetype::Near | Archetype::Steady | Archetype::Shrinking | Archetype::Skilled, _) => {
            step.people
        }
    }
}

/// How many people of a partner hold a step of an area that the base is not made around: fewer, and
/// a partner that is strong in one such area may be weak in the next.
fn other_holders(partner: &Partner, step: &Step) -> i64 {
    let shade = i64::from((partner.variant + step.pack) % 5);
    let people = step.people;
    match (partner.archetype, step.is_last) {
        (Archetype::Strong, true) if shade == 4 => people * 4 / 5,
        (Archetype::Near, true) => people * (5 + shade) / 10,
        (Archetype::Steady, true) => people * (2 + shade % 3) / 10,
        // One person unlocks the paths that ask for no more.
        (Archetype::Steady, false) if partner.variant % 2 == 1 => people.min(1),
        (Archetype::Shrinking, true) => people * 2 / 5,
        (Archetype::Beginner, true) => shade.min(1),
        (Archetype::Beginner, false) if partner.variant == 0 => 0,
        (Archetype::Shrinking | Archetype::Beginner, false) => people.min(1),
        (Archetype::Strong | Archetype::Near | Archetype::Steady | Archetype::Skilled, _) => people,
    }
}

/// How many people of a partner hold a step that stands alone: where most customers are small, the
/// path that asks for fewer people is enough.
fn lone_holders(partner: &Partner, step: &Step) -> i64 {
    let shade = i64::from((partner.variant + step.pack) % 5);
    let people = if partner.has_large_customers() { step.people } else { step.fewest };
    let tenths = match partner.archetype {
        Archetype::Strong if shade == 4 => 8,
        Archetype::Strong | Archetype::Skilled => 10,
        Archetype::Near => 5 + shade,
        Archetype::Steady => 3 + shade % 3,
        // Less than one person of the few is none.
        Archetype::Shrinking => return people * 2 / 5,
        Archetype::Beginner => return shade.min(1),
    };
    (people * tenths + 9) / 10
}

fn course(partner: &Partner, step: &Step, ordinal: i64) -> Course {
    let is_shrinking = partner.archetype == Archetype::Shrinking;
    match (partner.archetype, step.is_last) {
        // All but one let it expire, which locks the step that earns points.
        (_, false) if is_shrinking && partner.variant.is_multiple_of(2) && ordinal > 0 => {
            Course { least_months: 20, most_months: 30, is_let_expire: true }
        }
        (Archetype::Beginner, _) => {
            Course { least_months: 2, most_months: 10, is_let_expire: false }
        }
        (_, true) => Course { least_months: 2, most_months: 30, is_let_expire: false },
        (_, false) => Course { least_months: 14, most_months: 40, is_let_expire: false },
    }
}
