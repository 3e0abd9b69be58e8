//! `capscore diff`: every change of a score is told by causes that add to it exactly.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::{Base, Place, capscore};
use crate::tables::Row;

fn run(arguments: &[&str]) -> std::process::Output {
    capscore().args(arguments).output().unwrap()
}

fn succeed(arguments: &[&str]) -> String {
    let done = run(arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// A base as facts, with some months published.
fn published(base: &Base, first: &str, last: &str) -> Place {
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    ingest(&place);
    let (facts, output) = (place.text("facts"), place.text("tables"));
    succeed(&["backfill", "--from", first, "--to", last, "--facts", &facts, "--output", &output]);
    place
}

fn ingest(place: &Place) {
    succeed(&["ingest", "--input", &place.text("deliveries"), "--facts", &place.text("facts")]);
}

fn diff(place: &Place, from: &str, to: &str, more: &[&str]) -> Vec<Value> {
    let output = place.text("tables");
    let mut arguments = vec!["diff", "--output", &output, "--from", from, "--to", to];
    arguments.extend(["--format", "json"]);
    arguments.extend(more);
    let page: Value = serde_json::from_str(&succeed(&arguments)).unwrap();
    page["changes"].as_array().unwrap().clone()
}

fn x8400(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

/// The selected points by partner and area.
fn selected(place: &Place, month: &str) -> BTreeMap<(String, String), i64> {
    let file = place.path(&format!("tables/fact_area_score/{month}.parquet"));
    let rows: Vec<Row> = crate::tables::read(&file);
    rows.iter()
        .filter(|row| row["is_selected"] == "true")
        .map(|row| {
            let points = row["points_x8400"].parse().unwrap();
            ((row["partner_id"].clone(), row["area"].clone()), points)
        })
        .collect()
}

/// The causes of each partner and area add to the difference of the published scores.
fn assert_adds_up(place: &Place, from: &str, to: &str, changes: &[Value]) {
    let (before, after) = (selected(place, from), selected(place, to));
    let mut seen = 0;
    for change in changes {
        let text = |name: &str| change[name].as_str().unwrap().to_owned();
        let key = (text("partner_id"), text("area"));
        let points = |scores: &BTreeMap<(String, String), i64>| scores.get(&key).copied();
        let expected = points(&after).unwrap_or_default() - points(&before).unwrap_or_default();
        let causes = change["causes"].as_array().unwrap();
        let sum: i64 = causes.iter().map(|cause| x8400(&cause["points_x8400"])).sum();
        assert_eq!(sum, expected, "{change:#}");
        assert_eq!(x8400(&change["change_x8400"]), expected, "{change:#}");
        seen += 1;
    }
    let all: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    assert_eq!(seen, all.len());
}

/// The causes of one partner and area that brought or took points: metric, part, cause, points,
/// count.
fn causes(changes: &[Value], partner: &str, area: &str) -> Vec<String> {
    let of = |change: &&Value| change["partner_id"] == partner && change["area"] == area;
    let change = changes.iter().find(of).unwrap();
    let told = change["causes"].as_array().unwrap().iter();
    told.filter(|cause| cause["points_x8400"] != 0)
        .map(|cause| {
            let text = |name: &str| cause[name].as_str().unwrap().to_owned();
            format!(
                "{} {} {} {} {}",
                text("metric"),
                text("part"),
                text("cause"),
                cause["points_x8400"],
                cause["unit_count"]
            )
        })
        .collect()
}

#[test]
fn each_cause_is_worth_what_it_changed() {
    let mut base = Base::default();
    base.partner("1001");
    // A customer that comes in R, one that leaves, and one of a year ago that leaves the baseline.
    base.seats("1001", 0, 10, "Intune", 50, 0);
    base.seats("1001", 1, 11, "Intune", 50, 0);
    base.seats("1001", 0, 12, "Intune", 50, 0);
    base.seats("1001", 1, 12, "Intune", 50, 0);
    base.seats("1001", 13, 13, "Intune", 50, 0);
    base.seats("1001", 0, 14, "Intune", 50, 0);
    // Two more people, of which one came in R.
    base.people("1001", "Microsoft 365 Fundamentals", 1);
    base.training(
        "1001",
        "late",
        "Certification",
        "Microsoft 365 Certified: Teams Administrator Associate",
        "2026-09-12",
        "NA",
    );
    let place = published(&base, "2026-08", "2026-09");
    let changes = diff(&place, "2026-08", "2026-09", &[]);
    assert_adds_up(&place, "2026-08", "2026-09", &changes);
    // Net adds at 2 points each on the path of 11 to 300 seats: in August 2 − 1, in September 3 − 0;
    // people at 5 points each.
    assert_eq!(
        causes(&changes, "1001", "modern_work"),
        [
            "net_customer_adds m365 baseline_shrank 16800 1",
            "net_customer_adds m365 customers_lost -16800 1",
            "net_customer_adds m365 customers_gained 33600 2",
            "intermediate_certifications people people_gained 42000 1",
        ]
    );
}

#[test]
fn rules_paths_and_restated_data_are_told_apart() {
    let mut base = Base::default();
    base.partner("1001");
    // The path of small customers counts in both months.
    base.people("1001", "Microsoft 365 Fundamentals", 1);
    // Counts by the rules of August 2026 and no earlier ones.
    base.people("1001", "Azure Administrator Associate", 2);
    base.people("1001", "Azure Solutions Architect Expert", 2);
    base.people("1001", "SQL AI Developer Associate", 3);
    let place = published(&base, "2026-07", "2026-08");
    let facts = place.text("facts");
    let with_facts = ["--facts", facts.as_str()];
    let changes = diff(&place, "2026-07", "2026-08", &with_facts);
    assert_adds_up(&place, "2026-07", "2026-08", &changes);
    let of_rules = causes(&changes, "1001", "data_ai");
    assert_eq!(of_rules, ["  rules_changed 100800 null"]);
    // Without the facts it is the metric whose rules changed.
    let changes = diff(&place, "2026-07", "2026-08", &[]);
    assert_adds_up(&place, "2026-07", "2026-08", &changes);
    let of_metric = causes(&changes, "1001", "data_ai");
    assert_eq!(of_metric, ["intermediate_certifications  rules_changed 100800 null"]);

    // July is delivered again with a customer more; the tables stay as they are.
    let mut later = Base::default();
    later.partner("1001");
    later.seats("1001", 2, 60, "Intune", 50, 0);
    later.azure.clear();
    later.office.clear();
    later.trainings.clear();
    later.profile.clear();
    later.seats.retain(|line| line.contains("2026-07"));
    later.write(&place.path("deliveries"), "2026-10-25");
    ingest(&place);
    let changes = diff(&place, "2026-07", "2026-08", &with_facts);
    assert_adds_up(&place, "2026-07", "2026-08", &changes);
    let restated = causes(&changes, "1001", "modern_work");
    // The customer is in July now, and not in August.
    assert_eq!(
        restated,
        ["  data_restated 16800 null", "net_customer_adds m365 customers_lost -16800 1"]
    );
}

/// On a base of all exports, between months of different rules and between neighbours.
#[test]
fn causes_add_up_on_a_whole_base() {
    let place = Place::new();
    let deliveries = place.text("");
    succeed(&[
        "generate",
        "--partners",
        "6",
        "--tenants-per-partner",
        "5",
        "--lines-per-tenant",
        "2",
        "--months",
        "27",
        "--last-month",
        "2026-09",
        "--seed",
        "7",
        "--out",
        &deliveries,
    ]);
    ingest(&place);
    let (facts, output) = (place.text("facts"), place.text("tables"));
    for month in ["2026-04", "2026-08", "2026-09"] {
        succeed(&[
            "backfill", "--from", month, "--to", month, "--facts", &facts, "--output", &output,
        ]);
    }
    let table = place.text("fact_change.parquet");
    for (from, to) in [("2026-04", "2026-09"), ("2026-08", "2026-09"), ("2026-09", "2026-04")] {
        for more in [&[][..], &["--facts", &facts][..]] {
            let more: Vec<&str> = more.iter().copied().chain(["--write", &table]).collect();
            let changes = diff(&place, from, to, &more);
            assert_adds_up(&place, from, to, &changes);
            let rows = crate::tables::read(&place.path("fact_change.parquet"));
            let all: usize =
                changes.iter().map(|change| change["causes"].as_array().unwrap().len()).sum();
            assert_eq!(rows.len(), all);
            let sum: i64 = rows.iter().map(|row| row["points_x8400"].parse::<i64>().unwrap()).sum();
            let change: i64 = changes.iter().map(|change| x8400(&change["change_x8400"])).sum();
            assert_eq!(sum, change);
        }
    }
    let text = succeed(&["diff", "--output", &output, "--from", "2026-08", "--to", "2026-09"]);
    assert!(text.starts_with("2026-08 to 2026-09\n"), "{text}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let mut base = Base::default();
    base.partner("1001");
    let place = published(&base, "2026-08", "2026-09");
    let output = place.text("tables");
    let refuse = |from: &str, to: &str, more: &[&str], code: i32, text: &str| {
        let mut arguments = vec!["diff", "--output", &output, "--from", from, "--to", to];
        arguments.extend(more);
        let done = run(&arguments);
        assert_eq!(done.status.code(), Some(code), "{from} {to}");
        let messages = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(messages.contains(text) && messages.contains("hint:"), "{messages}");
    };
    refuse("2026-08", "2026-08", &[], 2, "compared with itself");
    refuse("2026-07", "2026-08", &[], 3, "holds no scores of 2026-07");
    refuse("2026-08", "ffffffff", &[], 3, "no single run");
    refuse("2026-08", "2026-09", &["--partner", "999"], 3, "what was asked for");
    // A run by its first digits is the month that it published.
    let runs = succeed(&["runs", "list", "--output", &output]);
    let run = runs.lines().find(|line| line.contains("2026-08")).unwrap();
    let run = run.split_whitespace().next().unwrap();
    succeed(&["diff", "--output", &output, "--from", &run[..10], "--to", "2026-09"]);
}
