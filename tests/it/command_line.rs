//! What a user meets at the command line: errors with codes, hints and exit codes, plans, reruns.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use assert_cmd::Command;

use crate::base::{AZURE_HEADER, Base, Place, capscore, published, run};

/// Runs a command that must fail with a code; nothing may have been published.
fn fails(place: &Place, command: &mut Command, exit: i32, code: &str, words: &[&str]) {
    let assert = command.assert().code(exit);
    let text = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(text.contains(&format!("error[{code}]: ")), "{text}");
    assert!(text.contains("\nhint: "), "{text}");
    for word in words {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    assert!(!text.contains("panicked"), "{text}");
    let tables = place.path("tables");
    if tables.is_dir() {
        let files = published(&tables);
        assert!(files.is_empty(), "{:?}", files.keys());
    }
}

fn small() -> Base {
    let mut base = Base::default();
    base.partner("1001");
    base
}

fn delivered(name: &str, content: &str) -> Place {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    fs::write(place.path("deliveries/2026-10-21").join(name), content).unwrap();
    place
}

#[test]
fn bad_files_are_refused_by_name() {
    let header = AZURE_HEADER.replace(",PartnerAttributionType", "");
    let place = delivered("trimmed.csv", &format!("{header}\n"));
    let words = ["trimmed.csv", "lacks the column PartnerAttributionType"];
    fails(&place, &mut place.run(), 4, "CS3004", &words);
    let place = delivered("notes.txt", "some notes\n");
    fails(&place, &mut place.run(), 4, "CS3003", &["notes.txt"]);
    let place = delivered("empty.csv", "");
    fails(&place, &mut place.run(), 4, "CS3003", &["empty.csv is empty"]);
    let place = delivered("wide.csv", "\u{feff}");
    fails(&place, &mut place.run(), 4, "CS3003", &["wide.csv"]);
    let place = delivered("cut.csv.gz", "");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(
        &mut packed,
        format!("{AZURE_HEADER}\n{}", "x".repeat(9000)).as_bytes(),
    )
    .unwrap();
    let packed = packed.finish().unwrap();
    fs::write(place.path("deliveries/2026-10-21/cut.csv.gz"), &packed[..packed.len() / 2]).unwrap();
    fails(&place, &mut place.run(), 4, "CS3005", &["cut.csv.gz"]);
    let line = small().azure[0].clone();
    let blank = line.strip_suffix("0.01").unwrap();
    let place = delivered("redacted.csv", &format!("{AZURE_HEADER}\n{blank}\n{blank}\n"));
    fails(&place, &mut place.run(), 4, "CS3009", &["ACR_USD is blank", "executive report viewer"]);
    let place = delivered("bad.csv", &format!("{AZURE_HEADER}\n{}", "1,2,3\n".repeat(11)));
    fails(
        &place,
        &mut place.run(),
        5,
        "CS4001",
        &["bad.csv: 11 of 11 records were rejected", "line 2"],
    );
}

#[test]
fn a_bad_file_can_be_set_aside() {
    let place = delivered("notes.txt", "some notes\n");
    let assert = place.run().args(["--on-bad-file", "set-aside"]).assert().success();
    let text = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    assert!(text.contains("set aside"), "{text}");
    assert!(text.contains("file_set_aside: 1 files were set aside"), "{text}");
    // Nor does one that cannot be opened stop the others: by its name it is in another folder.
    #[cfg(unix)]
    {
        let place = delivered("back\\slash.csv", "a,b\n1,2\n");
        let assert = place.run().args(["--on-bad-file", "set-aside"]).assert().success();
        let text = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
        assert!(text.contains("set aside") && text.contains("CS2001"), "{text}");
    }
    // A warning is enough to stop a publication that must be clean.
    let strict = Place::new();
    small().write(&strict.path("deliveries"), "2026-10-21");
    fs::write(strict.path("deliveries/2026-10-21/notes.txt"), "x\n").unwrap();
    let mut command = strict.run();
    command.args(["--on-bad-file", "set-aside", "--fail-on", "warn"]);
    fails(&strict, &mut command, 5, "CS4002", &["file_set_aside"]);
}

#[test]
fn an_empty_folder_is_no_delivery() {
    let place = Place::new();
    fs::create_dir_all(place.path("deliveries/2026-10")).unwrap();
    fs::write(place.path("deliveries/README.md"), "not an export").unwrap();
    fails(&place, &mut place.run(), 3, "CS3001", &[]);
    let place = Place::new();
    fails(&place, &mut place.run(), 3, "CS3001", &["there is nothing at"]);
}

#[test]
fn rules_are_checked_before_anything_is_read() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    fails(&place, &mut place.run_by("2023-12-02"), 8, "CS5001", &["did you mean 2023-12-01?"]);
    fs::write(place.path("pack.toml"), "area = \"security\"\ntitle = 7\n").unwrap();
    let pack = place.text("pack.toml");
    fails(&place, place.run().args(["--ruleset-file", &pack]), 8, "CS5002", &["pack.toml:2"]);
    assert!(!place.path("facts").exists());
    let early = Place::new();
    let mut base = Base::default();
    base.azure.push(
        crate::base::Azure {
            month: "2020-01".to_owned(),
            ..crate::base::Azure::new("1001", 0, 1, "1")
        }
        .line(),
    );
    base.write(&early.path("deliveries"), "2020-02");
    let mut run = capscore();
    run.args(["run", "--as-of", "2020-01", "--input", &early.text("deliveries")]);
    run.args(["--facts", &early.text("facts"), "--output", &early.text("tables")]);
    fails(&early, &mut run, 8, "CS5003", &["2020-01-31"]);
}

#[test]
fn usage_errors_have_exit_code_two() {
    let place = Place::new();
    fails(
        &place,
        capscore().args([
            "run",
            "--input",
            "ftp://host/x",
            "--facts",
            &place.text("f"),
            "--output",
            &place.text("o"),
        ]),
        2,
        "CS1003",
        &["ftp://"],
    );
    fails(&place, capscore().args(["score", "--facts", "x"]), 2, "CS1001", &["--output"]);
    let mut score = capscore();
    score.args(["score", "--as-of", "2026-9", "--facts", "x", "--output", "y"]);
    fails(&place, &mut score, 2, "CS1001", &["YYYY-MM"]);
    fails(&place, place.run().args(["--config", "nighty"]), 2, "CS1002", &["nightly"]);
    fails(&place, place.run().args(["--memory-limit", "much"]), 2, "CS1001", &["768MiB"]);
    fs::write(place.path("job.toml"), "facts = \"x\"\nouput = \"y\"\n").unwrap();
    fails(
        &place,
        place.run().args(["--config", &place.text("job.toml")]),
        2,
        "CS1002",
        &["job.toml:2", "ouput"],
    );
    capscore().arg("run").arg("--no-such-flag").assert().code(2);
    capscore().arg("--help").assert().success();
    capscore().arg("--version").assert().success();
}

#[test]
fn outputs_that_cannot_be_written_stop_the_run_before_it_reads() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    fs::write(place.path("tables"), "a file stands where the folder should be").unwrap();
    let assert = place.run().assert().code(1);
    let text = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(text.contains("error[CS2002]") && text.contains("hint: "), "{text}");
    assert!(!place.path("facts").exists());
}

#[test]
fn months_without_data_and_unknown_partners_are_said() {
    let place = run(&small());
    let mut score = capscore();
    score.args(["score", "--facts", &place.text("facts"), "--output", &place.text("other")]);
    let assert = score.args(["--as-of", "2026-12"]).assert().code(3);
    let text = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(
        text.contains("error[CS3002]") && text.contains("the newest month with data is 2026-09"),
        "{text}"
    );
    let assert = capscore()
        .args(["explain", "--output", &place.text("tables"), "--partner", "1002"])
        .assert()
        .code(3);
    let text = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(text.contains("error[CS6004]") && text.contains("1001"), "{text}");
}

/// Inode and change time of every file.
fn stamps(folder: &Path) -> Vec<(String, u64, i64)> {
    let mut stamps: Vec<(String, u64, i64)> = published(folder)
        .keys()
        .map(|name| {
            let meta = fs::metadata(folder.join(name)).unwrap();
            (name.clone(), meta.ino(), meta.ctime_nsec())
        })
        .collect();
    stamps.sort();
    stamps
}

#[test]
fn a_second_run_says_that_nothing_changed_and_rewrites_no_file() {
    let place = run(&small());
    let (tables, facts) = (stamps(&place.path("tables")), stamps(&place.path("facts")));
    let assert = place.run().assert().success();
    let text = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    assert!(text.contains("nothing new: all 5 files are known"), "{text}");
    assert!(text.contains("Unchanged   2026-09 is published already"), "{text}");
    assert_eq!(tables, stamps(&place.path("tables")));
    assert_eq!(facts, stamps(&place.path("facts")));
    // The execution itself is on record.
    assert_eq!(fs::read_dir(place.path("tables/_attempts")).unwrap().count(), 2);
}

#[test]
fn a_plan_touches_nothing() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    let assert = place.run().arg("--plan").assert().success();
    let text = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    assert!(text.contains("azure.csv  azure_usage"), "{text}");
    assert!(!place.path("facts").exists() && !place.path("tables").exists());
    place.run().assert().success();
    let before = (stamps(&place.path("tables")), stamps(&place.path("facts")));
    let assert = place.run().arg("--plan").assert().success();
    let text = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    assert!(
        text.contains("nothing: every file is known") && text.contains("is published already"),
        "{text}"
    );
    assert_eq!(before, (stamps(&place.path("tables")), stamps(&place.path("facts"))));
}

#[test]
fn a_damaged_output_is_published_again() {
    let place = run(&small());
    let before = published(&place.path("tables"));
    fs::remove_file(place.path("tables/fact_metric_part/2026-09.parquet")).unwrap();
    place.run().assert().success();
    assert!(before == published(&place.path("tables")));
    fs::write(place.path("tables/fact_area_score/2026-09.parquet"), "damaged").unwrap();
    place.run().assert().success();
    assert!(before == published(&place.path("tables")));
}

#[test]
fn a_locked_target_is_left_alone() {
    let place = run(&small());
    let lock = fs::OpenOptions::new().write(true).open(place.path("tables/_lock")).unwrap();
    lock.lock().unwrap();
    let assert = place.run().assert().code(7);
    let text = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(text.contains("error[CS6001]"), "{text}");
    lock.unlock().unwrap();
    place.run().assert().success();
    let lock = fs::OpenOptions::new().write(true).open(place.path("facts/_lock")).unwrap();
    lock.lock().unwrap();
    place.run().assert().code(7);
}

#[test]
fn job_files_and_the_environment_give_settings() {
    let place = Place::new();
    small().write(&place.path("deliveries"), "2026-10-21");
    let job = format!(
        "input = [{:?}]\nfacts = {:?}\noutput = {:?}\nas_of = \"2026-08\"\n",
        place.text("deliveries"),
        place.text("facts"),
        place.text("tables")
    );
    fs::write(place.path("job.toml"), job).unwrap();
    let config = place.text("job.toml");
    capscore().args(["run", "--config", &config]).assert().success();
    assert!(place.path("tables/fact_area_score/2026-08.parquet").exists());
    // The environment wins over the file, a flag over the environment.
    let mut command = capscore();
    command.args(["score", "--config", &config]).env("CAPSCORE_AS_OF", "2026-07");
    command.assert().success();
    assert!(place.path("tables/fact_area_score/2026-07.parquet").exists());
    command.args(["--as-of", "2026-06"]).assert().success();
    assert!(place.path("tables/fact_area_score/2026-06.parquet").exists());
}

#[test]
fn listings_show_what_there_is() {
    let place = run(&small());
    let print = |arguments: &[&str]| {
        let assert = capscore().args(arguments).assert().success();
        String::from_utf8(assert.get_output().stdout.clone()).unwrap()
    };
    assert!(print(&["rules", "list"]).contains("2023-12-01"));
    assert!(print(&["rules", "show", "2023-12-01"]).contains("at least 25 paid seats"));
    assert!(print(&["rules", "validate"]).contains("are valid"));
    assert!(print(&["schema", "list"]).contains("fact_customer_evidence/<YYYY-MM>.parquet"));
    assert!(print(&["schema", "show", "dim_partner"]).contains("location_ids"));
    for format in ["json", "markdown", "sql"] {
        assert!(print(&["schema", "export", "--format", format]).contains("points_x8400"));
    }
    let facts = print(&["facts", "list", "--facts", &place.text("facts")]);
    assert!(facts.contains("2024-10 to 2026-09"), "{facts}");
    let output = place.text("tables");
    let runs = print(&["runs", "list", "--output", &output]);
    let run_id = runs.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert!(print(&["runs", "show", &run_id[..8], "--output", &output]).contains(&run_id));
    assert!(print(&["completions", "bash"]).contains("capscore"));
    let file = place.text("deliveries/2026-10-21/azure.csv");
    let inspected = print(&["inspect", &file]);
    assert!(
        inspected.contains("azure_usage, layout A") && inspected.contains("24 accepted"),
        "{inspected}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&print(&["inspect", "--format", "json", &file])).unwrap();
    assert_eq!(json[0]["amount_usd"], "0.24");
    for format in ["text", "md", "json"] {
        let page =
            print(&["explain", "--output", &output, "--partner", "1001", "--format", format]);
        assert!(page.contains("1001"), "{page}");
    }
}

/// A run that ends well tells a collector; one that fails leaves what the last success told.
#[test]
fn metrics_are_those_of_the_last_success() {
    let place = Place::new();
    let mut base = small();
    for back in 0..24 {
        base.azure("1001", back, 1, "2000");
    }
    base.write(&place.path("deliveries"), "2026-10-21");
    let file = place.text("metrics/capscore.prom");
    let metrics = || fs::read_to_string(&file).unwrap();
    place.run().args(["--metrics-file", &file]).assert().success();
    let value = |text: &str, name: &str| -> i64 {
        let of_name = |line: &&str| line.split(' ').next() == Some(name);
        let line = text.lines().find(of_name).unwrap_or_else(|| panic!("{name} in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let first = metrics();
    assert!(value(&first, "capscore_last_success_timestamp_seconds") > 1_700_000_000);
    assert!(value(&first, "capscore_ingested_records") >= 24);
    assert_eq!(value(&first, "capscore_rejected_records"), 0);
    assert_eq!(value(&first, "capscore_scored_month{month=\"2026-09\"}"), 1);
    assert_eq!(value(&first, "capscore_partners{area=\"security\"}"), 1);
    assert_eq!(value(&first, "capscore_qualified_partners{area=\"security\"}"), 0);
    assert!(value(&first, "capscore_published_rows") > 0);
    for line in first.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(first.contains(&format!("# TYPE {name} gauge\n")), "{line}");
    }

    // Nothing is new: what is published is told all the same.
    place.run().args(["--metrics-file", &file]).assert().success();
    let second = metrics();
    assert_eq!(value(&second, "capscore_ingested_records"), 0);
    assert_eq!(value(&second, "capscore_partners{area=\"security\"}"), 1);
    let rows_name = "capscore_published_rows";
    assert_eq!(value(&second, rows_name), value(&first, rows_name));

    fs::write(place.path("deliveries/2026-10-21/other.csv"), "what,is,this\n1,2,3\n").unwrap();
    let events = place.text("events.ndjson");
    let lineage = ["--openlineage", events.as_str()];
    place.run().args(["--metrics-file", &file]).args(lineage).assert().code(4);
    assert_eq!(metrics(), second);

    // Catalogs of lineage are told of each run, how it ended and what it wrote.
    fs::remove_file(place.path("deliveries/2026-10-21/other.csv")).unwrap();
    place.run().args(lineage).assert().success();
    let events: Vec<serde_json::Value> = fs::read_to_string(events)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["eventType"].as_str()).collect();
    assert_eq!(kinds, ["START", "FAIL", "START", "COMPLETE"]);
    assert_eq!(events[0]["run"]["runId"], events[1]["run"]["runId"]);
    assert_ne!(events[1]["run"]["runId"], events[2]["run"]["runId"]);
    let message = &events[1]["run"]["facets"]["errorMessage"]["message"];
    assert!(message.as_str().unwrap().starts_with("CS3003: "), "{message}");
    let rows: i64 = events[3]["outputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|output| output["outputFacets"]["outputStatistics"]["rowCount"].as_i64().unwrap())
        .sum();
    assert_eq!(rows, value(&second, rows_name));
}
