//! Six months and the qualification window: what each month scores by the rules of its day, who
//! qualified when, how enrolments stand, and that past months are scored once and the same however
//! they are asked for.

use std::fs;
use std::path::Path;

use crate::base::{Azure, Base, Place, REFERENCE, capscore, published};
use crate::tables::{Row, find, one};

const ENROLMENTS_HEADER: &str = "partner_id,area,anniversary_date,last_renewal_date";

fn ingest(place: &Place) {
    let mut command = capscore();
    command.args(["ingest", "--input", &place.text("deliveries"), "--facts", &place.text("facts")]);
    command.assert().success();
}

/// `score` of R, or `backfill` of a range, into a folder.
fn publish(place: &Place, output: &str, months: &[&str]) -> String {
    let mut command = capscore();
    match months {
        [month] => command.args(["score", "--as-of", month]),
        [first, last] => command.args(["backfill", "--from", first, "--to", last]),
        _ => unreachable!(),
    };
    command.args(["--facts", &place.text("facts"), "--output", &place.text(output)]);
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn enrolled(place: &Place, rows: &[&str]) {
    let folder = place.path("deliveries/2026-10-21");
    fs::create_dir_all(&folder).unwrap();
    let text = format!("{ENROLMENTS_HEADER}\n{}\n", rows.join("\n"));
    fs::write(folder.join("enrolments.csv"), text).unwrap();
}

/// Full marks in one Azure area `back` months before R and in no other month: three customers that
/// came then, a fifth more consumption than a year before, five services, people.
fn qualifies_once(base: &mut Base, partner: &str, back: i32) {
    base.partner(partner);
    for tenant in 10..13 {
        base.azure(partner, back, tenant, "1000");
    }
    for service in ["Storage", "Key Vault", "Azure Bastion", "Azure Firewall"] {
        let line = Azure { service: service.to_owned(), ..Azure::new(partner, back, 10, "1") };
        base.azure.push(line.line());
    }
    // 3,004 now against 2,503: 20 %.
    for tenant in 20..26 {
        base.azure(partner, back + 12, tenant, "417.16");
    }
    base.people(partner, "Azure Administrator Associate", 2);
    base.people(partner, "Azure Solutions Architect Expert", 2);
    base.people(partner, "Azure Database Administrator Associate", 10);
}

fn window<'a>(rows: &'a [Row], partner: &str, area: &str) -> &'a Row {
    one(rows, &[("partner_id", partner), ("area", area)])
}

fn columns(row: &Row, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| row[*name].clone()).collect()
}

/// Rules §14.8, W-04: one qualifying month in the window is enough; W-01 and W-03 for the days.
#[test]
fn a_qualifying_month_counts_as_long_as_it_is_in_the_window() {
    let mut base = Base::default();
    qualifies_once(&mut base, "1001", 5);
    qualifies_once(&mut base, "1002", 6);
    qualifies_once(&mut base, "1003", 0);
    for partner in ["1004", "1005", "1006", "1007"] {
        qualifies_once(&mut base, partner, 3);
    }
    qualifies_once(&mut base, "1008", 6);
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    enrolled(
        &place,
        &[
            "1008,data_ai,2026-08-31,",
            "1004,data_ai,2027-02-10,",
            // By its title, renewed two months ago: the anniversary in the list is the old one.
            "1004,Modern Work,2026-07-20,2026-08-02",
            "1005,data_ai,2026-09-15,2025-09-20",
            "1006,data_ai,2026-08-30,",
            "1007,Elsewhere,2027-02-10,",
        ],
    );
    ingest(&place);
    publish(&place, "tables", &[REFERENCE]);
    let rows = place.area_table("fact_qualification_window", "data_ai");
    let days = ["window_start_date", "window_end_date", "months_scored", "days_left", "status"];
    let best = ["best_month", "best_points", "first_qualified_month", "last_qualified_month"];

    let row = window(&rows, "1001", "data_ai");
    assert_eq!(columns(row, &days), ["2026-04-01", "2026-09-30", "6", "0", "qualified"]);
    assert_eq!(columns(row, &best), ["2026-04-01", "100.0000", "2026-04-01", "2026-04-01"]);
    assert_eq!(row["best_points_x8400"], "840000");
    assert_eq!(row["is_window_qualified"], "true");
    // A month earlier is too early; the best month is then one that does not qualify.
    let row = window(&rows, "1002", "data_ai");
    assert_eq!(row["status"], "in_progress");
    assert_eq!(row["first_qualified_month"], "∅");
    assert_ne!(row["best_month"], "∅");
    let row = window(&rows, "1003", "data_ai");
    assert_eq!(columns(row, &best), ["2026-09-01", "100.0000", "2026-09-01", "2026-09-01"]);

    // Enrolled until 10 February: five months before that month, and 30 days to renew.
    let row = window(&rows, "1004", "data_ai");
    assert_eq!(columns(row, &days), ["2026-09-01", "2027-03-12", "1", "163", "enrolled"]);
    assert_eq!(row["is_window_qualified"], "false", "what it had in June does not count");
    let others = place.area_table("fact_qualification_window", "modern_work");
    let row = window(&others, "1004", "modern_work");
    assert_eq!(columns(row, &days), ["2027-02-01", "2027-08-19", "0", "323", "enrolled"]);
    // Past the anniversary, within 30 days of it: until 15 October.
    let row = window(&rows, "1005", "data_ai");
    assert_eq!(columns(row, &days), ["2026-04-01", "2026-10-15", "6", "15", "renewal_due"]);
    assert_eq!(row["is_window_qualified"], "true");
    // 31 days after the anniversary nothing is left of the enrolment.
    let row = window(&rows, "1006", "data_ai");
    assert_eq!(columns(row, &days), ["2026-04-01", "2026-09-30", "6", "0", "qualified"]);

    // Anniversary on 31 August: the days to renew end with September, and March is in the window.
    let row = window(&rows, "1008", "data_ai");
    assert_eq!(columns(row, &days), ["2026-03-01", "2026-09-30", "7", "0", "renewal_due"]);
    assert_eq!(columns(row, &best), ["2026-03-01", "100.0000", "2026-03-01", "2026-03-01"]);
    let scores = place.area_table("fact_month_score", "data_ai");
    let months = find(&scores, &[("partner_id", "1008"), ("is_selected", "true")]);
    assert_eq!(months.len(), 6, "the history has six months");

    let manifest = place.manifest();
    let run = manifest["run_id"].as_str().unwrap();
    let checks =
        crate::tables::read(&place.path(&format!("tables/_runs/{run}/check_result.parquet")));
    let check = one(&checks, &[("check_id", "enrolment_areas_unknown")]);
    assert_eq!(columns(check, &["is_failed", "severity"]), ["true", "warn"]);
    assert!(check["message"].contains("Elsewhere"), "{check:?}");
}

/// C-01: Microsoft 365 Fundamentals retired on 31 March 2026 and counts for a year more. W-02: the
/// window of a January reaches into the year before.
#[test]
fn dates_decide_on_the_last_day_of_the_month() {
    let mut base = Base::default();
    base.partner("1001");
    for back in [-6, -7] {
        base.azure("1001", back, 10, "1");
    }
    let title = "Microsoft 365 Certified: Fundamentals";
    base.training("1001", "early", "Certification", title, "2025-05-01", "NA");
    let place = Place::new();
    base.write(&place.path("deliveries"), "2027-05-21");
    ingest(&place);
    publish(&place, "tables", &["2027-03", "2027-04"]);
    for (month, points) in [("2027-03", "42000"), ("2027-04", "0")] {
        let file = place.path(&format!("tables/fact_metric_score/{month}.parquet"));
        let rows = crate::tables::read(&file);
        let metric = ("metric", "intermediate_certifications");
        let row = one(&rows, &[("area", "modern_work"), ("path", "smb"), metric]);
        assert_eq!(row["points_x8400"], points, "{month}");
    }
    publish(&place, "tables", &["2026-01"]);
    let file = place.path("tables/fact_qualification_window/2026-01.parquet");
    let rows = crate::tables::read(&file);
    let row = window(&rows, "1001", "modern_work");
    let days = ["window_start_date", "window_end_date"];
    assert_eq!(columns(row, &days), ["2025-08-01", "2026-01-31"]);
}

/// Each month by the rules in force then: the Azure areas have one path before March 2025, Security
/// has one until then too.
#[test]
fn the_history_has_every_path_of_each_month() {
    let mut base = Base::default();
    base.partner("1001");
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    ingest(&place);
    publish(&place, "tables", &["2025-04"]);
    let file = place.path("tables/fact_month_score/2025-04.parquet");
    let rows = crate::tables::read(&file);
    let paths = |area: &str, month: &str| -> Vec<String> {
        let found = find(&rows, &[("area", area), ("score_month", month)]);
        found.iter().map(|row| format!("{} {}", row["path"], row["ruleset_id"])).collect()
    };
    assert_eq!(paths("security", "2025-02-01"), ["single 2023-12-01"]);
    assert_eq!(paths("security", "2025-03-01"), ["enterprise 2025-sec", "smb 2025-sec"]);
    assert_eq!(paths("data_ai", "2025-02-01"), ["enterprise 2023-06"]);
    assert_eq!(paths("data_ai", "2025-04-01"), ["enterprise 2025-03", "smb 2025-03"]);
    let months = find(&rows, &[("area", "modern_work"), ("path", "smb")]);
    let months: Vec<&str> = months.iter().map(|row| row["score_month"].as_str()).collect();
    assert_eq!(
        months,
        ["2024-11-01", "2024-12-01", "2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01"]
    );
    let selected = find(&rows, &[("area", "modern_work"), ("is_selected", "true")]);
    assert_eq!(selected.len(), 6, "one path counts in each month");
}

/// PA-06: one month on the small-business path within the six at the beginning of the enrolled year
/// is enough, and later months do not matter.
#[test]
fn an_enrolled_partner_keeps_the_path_of_its_enrolment() {
    let mut base = Base::default();
    for partner in ["1001", "1002", "1003"] {
        base.partner(partner);
        // One large customer in every month.
        for back in 0..14 {
            let mut line = Azure::new(partner, back, 1, "50");
            "Enterprise Commercial".clone_into(&mut line.segment);
            base.azure.push(line.line());
        }
    }
    // Nine small ones in November 2025: within September to February. And in August, which is not.
    for (partner, back) in [("1001", 10), ("1002", 13), ("1002", 6)] {
        for tenant in 100..109 {
            base.azure(partner, back, tenant, "1");
        }
    }
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let rows = ["1001", "1002"].map(|partner| format!("{partner},infrastructure,2027-02-10,"));
    enrolled(&place, &rows.each_ref().map(String::as_str));
    ingest(&place);
    publish(&place, "tables", &[REFERENCE]);
    let rows = place.area_table("fact_qualification_window", "infrastructure");
    let track = |partner: &str| window(&rows, partner, "infrastructure")["enrolment_track"].clone();
    assert_eq!(track("1001"), "smb");
    assert_eq!(track("1002"), "enterprise");
    assert_eq!(track("1003"), "∅", "not enrolled");
    let others = place.area_table("fact_qualification_window", "security");
    assert_eq!(window(&others, "1001", "security")["enrolment_track"], "∅");
}

/// From the same facts a backfill of some months and then a run of the next give the same bytes as a
/// backfill of all of them.
#[test]
fn months_are_the_same_however_they_are_asked_for() {
    let mut base = Base::default();
    for (partner, back) in [("1001", 1), ("1002", 2)] {
        qualifies_once(&mut base, partner, back);
    }
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    enrolled(&place, &["1001,data_ai,2027-02-10,2026-02-11"]);
    ingest(&place);
    publish(&place, "all", &["2026-06", "2026-09"]);
    publish(&place, "some", &["2026-06", "2026-08"]);
    let next = publish(&place, "some", &["2026-09"]);
    assert!(next.starts_with("Scored      2026-09"), "only the new month is scored: {next}");
    publish(&place, "one", &["2026-09"]);
    let (all, some) = (published(&place.path("all")), published(&place.path("some")));
    assert_eq!(all.keys().collect::<Vec<_>>(), some.keys().collect::<Vec<_>>());
    for (path, bytes) in &all {
        assert!(some[path] == *bytes, "{path}");
    }
    // A month alone has the same history as one whose earlier months are published.
    for (path, bytes) in &published(&place.path("one")) {
        assert!(all[path] == *bytes, "{path}");
    }
    let again = publish(&place, "all", &["2026-06", "2026-09"]);
    assert_eq!(again.matches("Unchanged").count(), 4, "{again}");
}

/// A restatement of a month scores the published months that it changes again, and no others.
#[test]
fn published_months_of_the_history_follow_the_facts() {
    let mut base = Base::default();
    qualifies_once(&mut base, "1001", 1);
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    ingest(&place);
    publish(&place, "tables", &["2026-06", "2026-09"]);
    let before = published(&place.path("tables"));
    // July again, with one more customer.
    let mut later = Base::default();
    later.partner("1001");
    later.azure("1001", 2, 50, "700");
    let july = |line: &String| line.contains("2026-07");
    for lines in [&mut later.azure, &mut later.seats, &mut later.office] {
        lines.retain(july);
    }
    later.trainings.clear();
    later.profile.clear();
    later.write(&place.path("deliveries"), "2026-10-25");
    ingest(&place);
    let said = publish(&place, "tables", &["2026-09"]);
    assert!(said.contains("Scored      2026-07 as run"), "{said}");
    assert!(said.contains("Scored      2026-08 as run"), "{said}");
    assert!(!said.contains("2026-06"), "{said}");
    let after = published(&place.path("tables"));
    let scores = |month: &str| format!("fact_area_score/{month}.parquet");
    assert!(before[&scores("2026-06")] == after[&scores("2026-06")]);
    assert!(before[&scores("2026-07")] != after[&scores("2026-07")]);
    publish(&place, "fresh", &["2026-07", "2026-09"]);
    for (path, bytes) in &published(&place.path("fresh")) {
        assert!(after[path] == *bytes, "{path}");
    }
}

#[test]
fn a_backfill_scores_what_the_facts_have_and_says_what_they_lack() {
    let mut base = Base::default();
    base.partner("1001");
    base.trainings.clear();
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    ingest(&place);
    // The facts begin in October 2024: the first month has no year before it.
    let mut command = capscore();
    command.args(["backfill", "--from", "2024-08", "--to", "2024-10", "--facts"]);
    command.args([&place.text("facts"), "--output", &place.text("tables")]);
    let done = command.output().unwrap();
    assert!(done.status.success());
    let messages = String::from_utf8_lossy(&done.stderr).into_owned();
    for month in ["2024-08", "2024-09"] {
        assert!(messages.contains(month), "{messages}");
        assert!(!Path::new(&place.path("tables/fact_area_score")).join(month).exists());
    }
    let rows = crate::tables::read(&place.path("tables/fact_metric_score/2024-10.parquet"));
    let growth = find(&rows, &[("metric", "usage_growth")]);
    assert!(!growth.is_empty());
    for row in growth {
        assert_eq!(row["coverage"], "not_computable", "{row:?}");
        assert_eq!(row["current_value"], "∅", "{row:?}");
    }
    let refuse = |from: &str, to: &str, code: i32, text: &str| {
        let mut command = capscore();
        command.args(["backfill", "--from", from, "--to", to, "--facts", &place.text("facts")]);
        command.args(["--output", &place.text("other")]);
        let done = command.output().unwrap();
        assert_eq!(done.status.code(), Some(code), "{from} {to}");
        let messages = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(messages.contains(text), "{messages}");
    };
    refuse("2026-09", "2026-08", 2, "is after");
    refuse("2026-9", "2026-10", 2, "YYYY-MM");
    refuse("2024-01", "2024-09", 3, "no data");
}

/// A month that cannot be computed has points that say nothing, and says so wherever they are told.
#[test]
fn points_are_told_with_what_they_can_be_trusted() {
    let mut base = Base::default();
    base.partner("1001");
    base.skilled("1001", 3);
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    ingest(&place);
    publish(&place, "tables", &[REFERENCE]);
    publish(&place, "alone", &[&crate::base::month(5)]);
    let told = place.all_areas("fact_month_score");
    let alone = place.path(&format!("alone/fact_area_score/{}.parquet", crate::base::month(5)));
    let mut of_months = place.all_areas("fact_area_score");
    of_months.extend(crate::tables::read(&alone));
    let mut words = Vec::new();
    for row in &of_months {
        let key = [
            ("area", row["area"].as_str()),
            ("path", row["path"].as_str()),
            ("score_month", row["as_of_month"].as_str()),
        ];
        assert_eq!(one(&told, &key)["coverage"], row["coverage"], "{key:?}");
        words.push(row["coverage"].as_str());
    }
    assert!(words.contains(&"complete") && words.contains(&"not_computable"), "{words:?}");
    for window in place.all_areas("fact_qualification_window") {
        let best = [
            ("area", window["area"].as_str()),
            ("score_month", window["best_month"].as_str()),
            ("is_selected", "true"),
        ];
        assert_eq!(window["best_coverage"], one(&told, &best)["coverage"], "{window:?}");
    }
    // Alone it is neither near to qualify nor in the middle of anything.
    let text = publish(&place, "again", &[&crate::base::month(5)]);
    assert!(text.contains("0 within 10 points, median unknown"), "{text}");
}
