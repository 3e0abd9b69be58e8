//! What an output had before, what is kept of it, and what is told of it.

use std::fs;

use assert_cmd::Command;
use serde_json::Value;

use crate::base::{Base, Place, capscore, month, stderr, stdout, tenant};
use crate::guards::{score, small};
use crate::tables::{one, read};

pub fn backfill(place: &Place, first: &str, last: &str) -> Command {
    let mut command = capscore();
    command.args(["backfill", "--facts", &place.text("facts"), "--output", &place.text("tables")]);
    command.args(["--from", first, "--to", last]);
    command
}

/// Two runs of one month: the one that is published and the one that it replaced.
#[test]
fn runs_of_one_month_are_compared() {
    let place = Place::new();
    let mut base = small();
    for number in 10..16 {
        base.azure("1001", 0, number, "5000");
    }
    base.write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let mut later = Base::default();
    for number in 10..22 {
        later.azure("1001", 0, number, "5000");
    }
    later.azure("1001", 0, 1, "5000");
    later.write(&place.path("deliveries"), "2026-10-28");
    place.run().arg("--accept-drop").assert().success();
    let listed = stdout(capscore().args(["runs", "list", "--output", &place.text("tables")]));
    let run = |state: &str| {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let lines: Vec<Vec<String>> = listed.lines().map(words).collect();
        lines.iter().find(|line| line.get(2).is_some_and(|word| word == state)).unwrap()[0].clone()
    };
    let (old, new) = (run("kept"), run("yes"));
    let diff = |from: &str, to: &str| {
        let mut command = capscore();
        command.args(["diff", "--output", &place.text("tables"), "--format", "json"]);
        command.args(["--from", from, "--to", to, "--area", "security"]);
        command
    };
    let page: Value = serde_json::from_str(&stdout(&mut diff(&old[..9], &new))).unwrap();
    assert_eq!((&page["from_run_id"], &page["run_id"]), (&old.clone().into(), &new.clone().into()));
    let change = |page: &Value| page["changes"][0]["change_x8400"].as_i64().unwrap();
    // Six customers more, of four points each; the sum of the causes is the change.
    assert!(change(&page) > 0, "{page}");
    let causes = page["changes"][0]["causes"].as_array().unwrap();
    let sum: i64 = causes.iter().map(|cause| cause["points_x8400"].as_i64().unwrap()).sum();
    assert_eq!(sum, change(&page));
    // Asked for one partner, it names them.
    let page: Value =
        serde_json::from_str(&stdout(diff(&old, &new).args(["--partner", "1001"]))).unwrap();
    let gained: Vec<&Value> = page["changes"][0]["causes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|cause| cause["cause"] == "customers_gained")
        .flat_map(|cause| cause["about"].as_array().unwrap())
        .collect();
    let names: Vec<Value> = (16..22).map(|number| tenant(number).into()).collect();
    assert!(names.iter().all(|name| gained.contains(&name)), "{page}");
    let back: Value = serde_json::from_str(&stdout(&mut diff(&new, &old))).unwrap();
    assert_eq!(change(&back), -change(&page));
    let message = stderr(&mut diff(&new, &new), 2);
    assert!(message.contains("compared with itself"), "{message}");
    capscore()
        .args(["runs", "vacuum", "--days", "0", "--output", &place.text("tables")])
        .assert()
        .success();
    let message = stderr(&mut diff(&old, &new), 3);
    assert!(message.contains("not kept any more"), "{message}");
}

/// A publication that a killed run left half done has tables of two runs.
#[test]
fn nobody_explains_half_a_publication() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let explain = || {
        let mut command = capscore();
        command.args(["explain", "--output", &place.text("tables"), "--partner", "1001"]);
        command
    };
    explain().assert().success();
    let staging = place.path("tables/_staging/attempt");
    fs::create_dir_all(&staging).unwrap();
    fs::write(staging.join("journal.json"), r#"{"moves": []}"#).unwrap();
    let message = stderr(&mut explain(), 7);
    assert!(message.contains("half done"), "{message}");
    place.run().assert().success();
    explain().assert().success();
}

/// Facts that are not there, and an output that has seen better ones.
#[test]
fn scores_that_are_lost_are_told() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    // Of the whole base there is the newest month alone.
    let poor = Place::new();
    let mut base = small();
    let newest = format!("{}-01", month(0));
    base.azure.retain(|line| line.contains(&newest));
    base.seats.retain(|line| line.ends_with(&newest));
    base.write(&poor.path("deliveries"), "2026-10-21");
    let run = |job: &[&str]| {
        let mut command = capscore();
        command.args(["run", "--as-of", &month(0), "--ruleset", "2023-12-01"]);
        command.args(["--input", &poor.text("deliveries"), "--facts", &poor.text("facts")]);
        command.args(["--output", &place.text("tables")]).args(job);
        command
    };
    let text = stdout(&mut run(&[]));
    assert!(text.contains("scores_lost") && text.contains("can no longer be computed"), "{text}");
    // It depends on the output, so no table has it.
    let runs = fs::read_dir(place.path("tables/_runs")).unwrap();
    let checks = runs.map(|run| run.unwrap().path().join("check_result.parquet"));
    for file in checks.filter(|file| file.exists()) {
        assert!(read(&file).iter().all(|row| row["check_id"] != "scores_lost"));
    }
    // A limit of a job file stops it.
    let job = place.path("job.toml");
    fs::write(&job, "[checks]\nscores_lost = { error = 20 }\n").unwrap();
    place.run().assert().success();
    assert!(stderr(&mut run(&["--config", &place.text("job.toml")]), 5).contains("scores_lost"));
}

/// Months before the history are not scored again: that they say something else now is told.
#[test]
fn published_months_that_say_something_else_are_told() {
    let place = Place::new();
    let mut base = small();
    for back in 0..12 {
        base.azure("1001", back, 10, "5000");
    }
    base.write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let text = stdout(&mut backfill(&place, &month(8), &month(0)));
    assert!(!text.contains("published_months_differ"), "{text}");
    // A month that all of them read is told otherwise.
    let mut later = Base::default();
    for number in 10..40 {
        later.azure("1001", 8, number, "5000");
    }
    later.azure("1001", 8, 1, "5000");
    later.write(&place.path("deliveries"), "2026-11-02");
    let ingest = ["ingest", "--input", &place.text("deliveries"), "--facts", &place.text("facts")];
    capscore().args(ingest).arg("--accept-drop").assert().success();
    // Customers of a month are those of it or of the one before: of the months before those that are
    // scored again, two see what was restated.
    let text = stdout(&mut score(&place, &month(0)));
    assert!(text.contains("published_months_differ"), "{text}");
    let told = format!("capscore backfill --from {} --to {}", month(8), month(7));
    assert!(text.contains(&told), "{text}");
    let text = stdout(&mut backfill(&place, &month(8), &month(6)));
    assert!(!text.contains("published_months_differ"), "{text}");
}

/// A check that depends on the day belongs to the run that shows it.
#[test]
fn a_run_that_is_held_back_is_another_one() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    let input = ["--input", &place.text("deliveries"), "--facts", &place.text("facts")];
    capscore().arg("ingest").args(input).assert().success();
    let of = |month: &str, output: &str| {
        let mut command = capscore();
        command.args(["score", "--facts", &place.text("facts"), "--output", &place.text(output)]);
        stdout(command.args(["--as-of", month]));
        let run = fs::read_dir(place.path(output).join("_runs")).unwrap().next().unwrap();
        let path = run.unwrap().path();
        let checks = read(&path.join("check_result.parquet"));
        let is_held = checks.iter().any(|row| row["check_id"] == "dataset_holds_back");
        (path.file_name().unwrap().to_owned(), is_held)
    };
    let (asked, is_held) = of(&month(0), "asked");
    assert!(!is_held);
    let (by_day, is_held) = of("auto", "by_day");
    // The base ends in 2026-09, whatever the day is.
    assert_eq!(is_held, asked != by_day);
    assert_eq!(of("auto", "again").0, by_day);
}

#[test]
fn published_tables_are_proved() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let verify = || {
        let mut command = capscore();
        command.args(["runs", "verify", "--output", &place.text("tables")]);
        command
    };
    assert!(stdout(&mut verify()).contains("all are as they were written"));
    let file = place.path("tables/fact_metric_part").join(format!("{}.parquet", month(0)));
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let message = stderr(&mut verify(), 1);
    assert!(message.contains("CS6005") && message.contains("fact_metric_part"), "{message}");
    fs::remove_file(&file).unwrap();
    place.run().assert().success();
    verify().assert().success();
    fs::create_dir_all(place.path("none")).unwrap();
    // Also where the scores themselves do not say whose they are.
    let scores = place.path("tables/fact_area_score").join(format!("{}.parquet", month(0)));
    let good = fs::read(&scores).unwrap();
    for bytes in [&good[..100], &[]] {
        fs::write(&scores, bytes).unwrap();
        assert!(stderr(&mut verify(), 1).contains("fact_area_score"));
    }
    fs::remove_file(&scores).unwrap();
    assert!(stderr(&mut verify(), 1).contains("fact_area_score"));
    fs::write(&scores, good).unwrap();
    verify().assert().success();
    let mut none = capscore();
    none.args(["runs", "verify", "--output", &place.text("none")]);
    assert!(stderr(&mut none, 3).contains("holds no run"));
}

#[test]
fn lists_are_for_programs_too() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let list = |arguments: &[&str]| -> Vec<Value> {
        let mut command = capscore();
        let text = stdout(command.args(arguments).args(["--format", "json"]));
        serde_json::from_str(&text).unwrap()
    };
    let runs = list(&["runs", "list", "--output", &place.text("tables")]);
    assert_eq!((&runs[0]["month"], &runs[0]["published"]), (&month(0).into(), &"yes".into()));
    let facts = list(&["facts", "list", "--facts", &place.text("facts")]);
    let azure = facts.iter().find(|line| line["dataset"] == "azure_usage").unwrap();
    assert_eq!(azure["delivery"], "2026-10-21");
    assert_eq!(azure["live_partners"], "1");
    let rules = list(&["rules", "list"]);
    assert!(rules.iter().any(|rule| rule["ruleset"] == "2026-08" && rule["area"] == "security"));
    assert!(rules.len() > list(&["rules", "effective", "--as-of", "2026-09"]).len());
}

/// The tables about partners and customers are new, and the month is as it was: so are its checks.
#[test]
fn a_published_month_keeps_its_checks() {
    let place = Place::new();
    let mut base = small();
    base.seats("1001", 0, 10, "Odd Workload", 30, 10);
    base.write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let tables = |place: &Place| fs::read(place.path("tables/dim_customer.parquet")).unwrap();
    let before = tables(&place);
    // A month after R.
    let mut later = Base::default();
    later.azure("1001", -1, 99, "5");
    later.write(&place.path("deliveries"), "2026-11-21");
    let message = stderr(place.run().args(["--fail-on", "warn"]), 5);
    assert!(message.contains("workloads_unknown"), "{message}");
    assert!(tables(&place) == before);
    let text = stdout(&mut place.run());
    assert!(text.contains("workloads_unknown"), "{text}");
    assert!(text.contains("the tables about partners, customers and rules were written"), "{text}");
    assert!(tables(&place) != before);
    let text = stdout(&mut place.run());
    assert!(text.contains("no file was written"), "{text}");
}

/// What is published and cannot be read stops nobody from publishing anew.
#[test]
fn damaged_scores_are_published_again() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let scores = place.path("tables/fact_area_score").join(format!("{}.parquet", month(0)));
    let mut bytes = fs::read(&scores).unwrap();
    // The end of the file, which tells whose it is, stays as it is.
    let end = u32::from_le_bytes(*bytes[..bytes.len() - 4].last_chunk().unwrap()) as usize + 8;
    let data = bytes.len() - end;
    bytes[4..data].iter_mut().for_each(|byte| *byte ^= 0xff);
    fs::write(&scores, bytes).unwrap();
    let mut later = Base::default();
    later.azure("1001", 0, 1, "9000");
    later.write(&place.path("deliveries"), "2026-10-28");
    place.run().arg("--accept-drop").assert().success();
    assert!(!place.month_table("fact_area_score").is_empty());
}

/// All points of a metric by its last step, once those before it have given theirs (rules §4.5).
#[test]
fn rules_tell_what_the_last_step_of_skilling_takes() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let rules = place.whole_table("dim_rule");
    let units = |area: &str, part: &str| {
        let place = [("ruleset_id", "2026-08"), ("area", area), ("path", "smb")];
        let step = [("metric", "intermediate_certifications"), ("part", part)];
        one(&rules, &[place.as_slice(), &step].concat())["units_for_max"].clone()
    };
    let steps = |area: &str| {
        let of = |row: &&crate::tables::Row| {
            row["ruleset_id"] == "2026-08"
                && row["area"] == area
                && row["path"] == "smb"
                && row["metric"] == "intermediate_certifications"
        };
        let mut parts: Vec<String> =
            rules.iter().filter(of).map(|row| row["part"].clone()).collect();
        parts.sort();
        parts
    };
    for (area, last) in
        [("data_ai", "8.0000"), ("infrastructure", "4.0000"), ("security", "4.0000")]
    {
        let parts = steps(area);
        let (end, before) = parts.split_last().unwrap();
        assert_eq!(units(area, end), last, "{area}");
        for part in before {
            assert_eq!(units(area, part), "∅", "{area} {part}");
        }
    }
}

/// Equal ids mean equal tables, those about rejected records included.
#[test]
fn another_rejected_record_is_another_run() {
    let place = Place::new();
    let run_of = |tables: &str| {
        let mut command = capscore();
        command.args(["run", "--as-of", &month(0), "--input", &place.text("deliveries")]);
        command.args(["--facts", &place.text("facts"), "--output", &place.text(tables)]);
        stdout(&mut command);
        let runs = fs::read_dir(place.path(tables).join("_runs")).unwrap();
        let run = runs.map(|run| run.unwrap().path()).find(|run| run.is_dir()).unwrap();
        let rejected = read(&run.join("quarantine.parquet"));
        (run.file_name().unwrap().to_owned(), rejected)
    };
    let mut runs = Vec::new();
    for (tables, amount) in [("first", "abc"), ("second", "abd"), ("third", "abd")] {
        let mut base = small();
        base.azure("1001", 0, 2, amount);
        base.write(&place.path("deliveries"), "2026-10-21");
        runs.push(run_of(tables));
    }
    let [(first, of_first), (second, of_second), (third, of_third)] = runs.as_slice() else {
        unreachable!()
    };
    assert!(first != second && second == third);
    assert!(of_first != of_second && of_second == of_third);
    assert_eq!(of_first.len(), 1);
}

/// Of several months those before the one that failed are published, and the error names that one.
#[test]
fn a_month_that_fails_its_checks_is_named() {
    let place = Place::new();
    let mut base = small();
    // Two records of the same consumption that disagree, in one month.
    base.azure("1001", 0, 40, "10");
    let other = crate::base::Azure {
        attribution: "DPOR".to_owned(),
        ..crate::base::Azure::new("1001", 0, 40, "11")
    };
    base.azure.push(other.line());
    base.write(&place.path("deliveries"), "2026-10-21");
    let mut ingest = capscore();
    ingest.args(["ingest", "--input", &place.text("deliveries")]);
    ingest.args(["--facts", &place.text("facts")]).assert().success();
    fs::write(
        place.path("job.toml"),
        "[checks]\ndataset_behind = { error = 0 }\nattribution_amounts_agree = { error = 0 }\n",
    )
    .unwrap();
    let mut command = backfill(&place, &month(1), &month(0));
    let message = stderr(command.args(["--config", &place.text("job.toml")]), 5);
    let named = format!("checks of {} failed, which was not published", month(0));
    assert!(message.contains(&named), "{message}");
    assert!(message.contains("Months before the one that failed are published"), "{message}");
    assert!(place.path(&format!("tables/fact_area_score/{}.parquet", month(1))).exists());
    assert!(!place.path(&format!("tables/fact_area_score/{}.parquet", month(0))).exists());
    assert_eq!(fs::read_dir(place.path("tables/_attempts")).unwrap().count(), 1);
}
