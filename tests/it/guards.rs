//! What stops somebody from going wrong without a word: requests that name nobody, facts that are not
//! there, files that come and go.

use std::fs;

use assert_cmd::Command;
use serde_json::Value;

use crate::base::{Base, Place, capscore, facts, month, stderr, stdout, tenant};
use crate::tables::read;

pub fn small() -> Base {
    let mut base = Base::default();
    base.partner("1001");
    base.skilled("1001", 3);
    base.azure("1001", 0, 1, "5000");
    base
}

fn entries(place: &Place) -> usize {
    fs::read_dir(place.path("facts/ledger")).unwrap().count()
}

pub fn score(place: &Place, month: &str) -> Command {
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
fn limits_stand_in_order() {
    let place = Place::new();
    let job = place.path("job.toml");
    for limit in ["{ warn = -1 }", "{ error = -5 }", "{ warn = 5, error = 1 }"] {
        fs::write(&job, format!("[checks]\nvolume_drop = {limit}\n")).unwrap();
        let message = stderr(place.run().args(["--config", &place.text("job.toml")]), 2);
        assert!(message.contains("are not in order"), "{limit}: {message}");
    }
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

/// A plan of what nobody can look at is no plan, and what collects logs gets the cause.
#[test]
fn what_cannot_be_looked_at_is_an_error_with_its_cause() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    let plan = |facts: &str| {
        let mut command = capscore();
        command.args(["ingest", "--plan", "--input", &place.text("deliveries")]);
        command.args(["--facts", facts]);
        command
    };
    plan(&place.text("none yet")).assert().success();
    let message = stderr(&mut plan("ftp://somewhere/facts"), 2);
    assert!(message.contains("CS1003"), "{message}");
    fs::write(place.path("file"), "no folder").unwrap();
    let file = place.text("file/facts");
    let message = stderr(plan(&file).env("CAPSCORE_LOG_FORMAT", "json"), 1);
    let line: Value = serde_json::from_str(message.trim()).unwrap();
    assert_eq!(line["code"], "CS2001");
    assert!(line["cause"].as_str().unwrap().contains("os error"), "{line}");
    assert!(!line["hint"].as_str().unwrap().is_empty());
}
