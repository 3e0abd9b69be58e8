//! What stops somebody from going wrong without a word: requests that name nobody, facts that are not
//! there, an output that says two things, files that come and go.

use std::fs;

use assert_cmd::Command;
use serde_json::Value;

use crate::base::{Base, Place, capscore, month, tenant};
use crate::tables::{one, read};

fn small() -> Base {
    let mut base = Base::default();
    base.partner("1001");
    base.skilled("1001", 3);
    base.azure("1001", 0, 1, "5000");
    base
}

fn stderr(command: &mut Command, code: i32) -> String {
    let output = command.assert().code(code).get_output().stderr.clone();
    String::from_utf8_lossy(&output).into_owned()
}

fn stdout(command: &mut Command) -> String {
    let output = command.assert().success().get_output().stdout.clone();
    String::from_utf8_lossy(&output).into_owned()
}

fn facts(place: &Place, arguments: &[&str]) -> Command {
    let mut command = capscore();
    command.arg("facts").args(arguments).args(["--facts", &place.text("facts")]);
    command
}

fn entries(place: &Place) -> usize {
    fs::read_dir(place.path("facts/ledger")).unwrap().count()
}

fn score(place: &Place, month: &str) -> Command {
    let mut command = capscore();
    command.args(["score", "--facts", &place.text("facts"), "--output", &place.text("tables")]);
    command.args(["--as-of", month]);
    command
}

#[test]
fn an_erasure_of_somebody_unknown_changes_nothing() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let (before, known, unknown) = (entries(&place), tenant(1), tenant(77));
    let erase = ["erase", "--customer", &unknown];
    let message = stderr(&mut facts(&place, &erase), 3);
    assert!(message.contains(&unknown) && message.contains("nobody was erased"), "{message}");
    // Nor is one of several erased.
    let erase = ["erase", "--customer", &known, "--customer", &unknown, "--person", "typo@x.org"];
    let message = stderr(&mut facts(&place, &erase), 3);
    assert!(message.contains("typo@x.org") && !message.contains(&known), "{message}");
    assert_eq!(entries(&place), before);
    // Who comes later is taken in.
    let mut later = Base::default();
    later.azure("1001", 0, 77, "9");
    later.write(&place.path("deliveries"), "2026-10-28");
    place.run().args(["--accept-drop"]).assert().success();
    let rows = place.month_table("fact_acr_ttm");
    assert!(rows.iter().any(|row| row["tenant_id"] == unknown), "{rows:?}");
}

#[test]
fn only_what_was_retracted_is_taken_back() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let before = entries(&place);
    let message = stderr(&mut facts(&place, &["retract", "2026-10-21", "--undo"]), 3);
    assert!(message.contains("is not retracted"), "{message}");
    facts(&place, &["retract", "2026-10-21"]).assert().success();
    let message = stderr(&mut facts(&place, &["retract", "2026-10-21"]), 3);
    assert!(message.contains("is retracted already"), "{message}");
    assert_eq!(entries(&place), before + 1);
}

#[test]
fn facts_that_are_not_there_are_not_whole() {
    let place = Place::new();
    fs::create_dir_all(place.path("facts")).unwrap();
    for command in ["verify", "list", "compact"] {
        let message = stderr(&mut facts(&place, &[command]), 3);
        assert!(message.contains("there are no facts in"), "{command}: {message}");
    }
    assert_eq!(
        fs::read_dir(place.path("facts"))
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name() != "_lock" })
            .count(),
        0
    );
}

#[test]
fn a_file_that_was_set_aside_and_is_gone_is_forgotten() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    let bad = place.path("deliveries/2026-10-21/notes.txt");
    fs::write(&bad, "some notes\n").unwrap();
    let run = || stdout(place.run().args(["--on-bad-file", "set-aside"]));
    assert!(run().contains("file_set_aside: 1 files"));
    assert!(run().contains("file_set_aside: 1 files"));
    fs::remove_file(&bad).unwrap();
    let text = run();
    assert!(!text.contains("file_set_aside"), "{text}");
    let before = entries(&place);
    assert!(!run().contains("file_set_aside"));
    assert_eq!(entries(&place), before);
    // It is read again when it comes back.
    fs::write(&bad, "some notes\n").unwrap();
    assert!(run().contains("file_set_aside: 1 files"));
}

#[cfg(unix)]
#[test]
fn what_cannot_be_listed_stops_nothing_that_is_set_aside() {
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    let folder = place.path("deliveries/2026-10-21");
    std::os::unix::fs::symlink(&folder, folder.join("again")).unwrap();
    fs::write(folder.join(std::ffi::OsStr::from_bytes(b"caf\xe9.csv")), "a,b\n").unwrap();
    let message = stderr(&mut place.run(), 1);
    assert!(message.contains("CS2001") && message.contains("set-aside"), "{message}");
    let mut command = place.run();
    let output = command.args(["--on-bad-file", "set-aside"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert!(told.contains("UTF-8") && told.contains("again"), "{told}");
    // The link leads to no file twice.
    let files = place.manifest()["inputs"].as_array().unwrap().len();
    let names = fs::read_dir(&folder).unwrap().count() - 2;
    assert_eq!(files, names);
}

#[test]
fn a_base_is_not_written_over() {
    let place = Place::new();
    let generate = |partners: &str| {
        let mut command = capscore();
        command.args(["generate", "--partners", partners, "--months", "2", "--out"]);
        command.arg(place.path("base"));
        command
    };
    generate("3").assert().success();
    let message = stderr(&mut generate("2"), 2);
    assert!(message.contains("has deliveries already"), "{message}");
}

#[test]
fn formats_of_a_backfill_come_from_the_environment_too() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let mut backfill = capscore();
    backfill.args(["backfill", "--facts", &place.text("facts"), "--output", &place.text("other")]);
    backfill.args(["--from", "2026-09", "--to", "2026-09"]);
    backfill.env("CAPSCORE_FORMAT", "parquet,delta").assert().success();
    assert!(place.path("other/delta").exists());
}

#[test]
fn too_many_threads_are_refused() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    for threads in ["0", "1025", "99999"] {
        let message = stderr(place.run().args(["--threads", threads]), 2);
        assert!(message.contains("from 1 to 1024"), "{message}");
    }
    place.run().args(["--threads", "3"]).assert().success();
}

#[test]
fn a_plan_says_that_what_is_read_may_change_it() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let text = stdout(place.run().arg("--plan"));
    assert!(!text.contains("may change"), "{text}");
    let mut later = Base::default();
    later.azure("1001", 0, 1, "9");
    later.write(&place.path("deliveries"), "2026-10-28");
    let text = stdout(place.run().arg("--plan"));
    assert!(text.contains("may change the facts of these months"), "{text}");
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
    let mut backfill = capscore();
    backfill.args(["backfill", "--facts", &place.text("facts"), "--output", &place.text("tables")]);
    backfill.args(["--from", &month(8), "--to", &month(0)]);
    let text = stdout(&mut backfill);
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
    let mut backfill = capscore();
    backfill.args(["backfill", "--facts", &place.text("facts"), "--output", &place.text("tables")]);
    backfill.args(["--from", &month(8), "--to", &month(6)]);
    let text = stdout(&mut backfill);
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

/// Rows of business applications that no rule can use are told as those of seats are.
#[test]
fn unknown_workloads_of_business_applications_are_of_no_use() {
    let place = Place::new();
    let mut base = small();
    base.revenue("1001", 0, 3, "Odd", "CSP Tier 1", "90");
    base.revenue("1001", 0, 3, "Business Central", "CSP Tier 1", "70");
    base.write(&place.path("deliveries"), "2026-10-21");
    let ingest = ["ingest", "--input", &place.text("deliveries"), "--facts", &place.text("facts")];
    capscore().args(ingest).assert().success();
    let ledger = fs::read(place.path("facts/ledger/0000000001.json")).unwrap();
    let ledger: Value = serde_json::from_slice(&ledger).unwrap();
    let files = ledger["files"].as_array().unwrap();
    let file = files.iter().find(|file| file["dataset"] == "bizapps_revenue").unwrap();
    crate::base::assert_balanced(file, "revenue");
    assert_eq!(file["not_used_reasons"]["unknown_workload"], 1);
    assert_eq!((&file["used"], &file["amount_not_used"]), (&1.into(), &"90".into()));
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

#[test]
fn limits_stand_in_order() {
    let place = Place::new();
    let job = place.path("job.toml");
    for limit in ["{ warn = -1 }", "{ error = -5 }", "{ warn = 5, error = 1 }"] {
        fs::write(&job, format!("[checks]\nvolume_drop = {limit}\n")).unwrap();
        let message = stderr(place.run().args(["--config", &place.text("job.toml")]), 2);
        assert!(message.contains("are not in order"), "{limit}: {message}");
    }
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

#[test]
fn a_file_that_was_mended_in_place_is_no_longer_aside() {
    let place = Place::new();
    let base = small();
    base.write(&place.path("elsewhere"), "2026-10-21");
    let folder = place.path("deliveries");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("bad.csv");
    let dated = |day: u64| {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(day * 86_400);
        fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    };
    fs::write(&file, "a,b\n1,2\n").unwrap();
    dated(20_600);
    let run = || {
        let mut command = capscore();
        command.args(["ingest", "--input", &place.text("deliveries"), "--facts"]);
        command.args([&place.text("facts"), "--on-bad-file", "set-aside"]);
        command.assert().success();
        stdout(&mut score(&place, &month(0)))
    };
    fs::copy(place.path("elsewhere/2026-10-21/azure.csv"), folder.join("azure.csv")).unwrap();
    assert!(run().contains("file_set_aside"));
    fs::copy(place.path("elsewhere/2026-10-21/trainings.csv"), &file).unwrap();
    dated(20_604);
    let text = run();
    assert!(!text.contains("file_set_aside"), "{text}");
}

/// A customer whose only row was rejected is in the quarantine, and leaves it.
#[test]
fn who_is_named_by_rejected_rows_alone_is_erased_too() {
    let place = Place::new();
    let mut base = small();
    let gone = tenant(88);
    for number in 100..400 {
        base.azure("1001", 0, number, "1");
    }
    base.azure("1001", 0, 88, "1");
    let line = base.azure.pop().unwrap().replace(&gone, &format!("#{gone}"));
    base.azure.push(line);
    base.write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let holds = || {
        let files = fs::read_dir(place.path("facts/quarantine")).unwrap();
        let mut rows = files.flat_map(|file| read(&file.unwrap().path()));
        rows.any(|row| row["raw_value"].contains(&gone))
    };
    assert!(holds());
    facts(&place, &["erase", "--customer", &gone]).assert().success();
    assert!(!holds());
}
