//! Settings from all sides, and what a run tells those who watch it.

use std::fs;

use crate::base::{Base, Place, REFERENCE, capscore};

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// A base with one title that nobody knows.
fn place() -> Place {
    let mut base = Base::default();
    base.partner("1001");
    base.azure("1001", 0, 10, "700");
    base.people("1001", "Holder of Nothing", 1);
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    place
}

#[test]
fn a_job_file_is_begun_and_shown() {
    let place = Place::new();
    let file = place.text("job.toml");
    capscore().args(["init", &file]).assert().success();
    let again = capscore().args(["init", &file]).assert().code(2);
    assert!(text(&again.get_output().stderr).contains("CS1001"));

    let shown = capscore()
        .args(["config", "show", "--config", &file, "--as-of", "2026-03"])
        .env("CAPSCORE_FACTS", "elsewhere")
        .assert()
        .success();
    let shown = text(&shown.get_output().stdout);
    let line = |name: &str| {
        let found = shown.lines().find(|line| line.split_whitespace().next() == Some(name));
        found.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("as_of"), "as_of 2026-03 flag --as-of");
    assert_eq!(line("facts"), "facts elsewhere environment CAPSCORE_FACTS");
    assert_eq!(line("output"), format!("output \"tables\" job file {file}"));
    assert_eq!(line("memory_limit"), "memory_limit 768MiB default");
    // Only whether there is a secret.
    assert_eq!(line("person"), "person key (set) environment");
}

#[test]
fn places_inside_each_other_are_refused() {
    let place = place();
    for (facts, output) in [
        ("deliveries/facts", "tables"),
        ("facts", "deliveries/tables"),
        ("facts", "facts/tables"),
        ("facts", "facts"),
    ] {
        let mut command = capscore();
        command.args(["run", "--as-of", REFERENCE, "--input", &place.text("deliveries")]);
        command.args(["--facts", &place.text(facts), "--output", &place.text(output)]);
        let refused = command.assert().code(2);
        assert!(text(&refused.get_output().stderr).contains("CS1001"), "{facts} {output}");
        assert!(!place.path(facts).exists() && !place.path(output).exists());
    }
}

/// Another key would bring erased people back.
#[test]
fn another_key_is_noticed() {
    let place = place();
    place.run().assert().success();
    let deliver = |date: &str| {
        let mut base = Base::default();
        base.people("1001", "Azure Security Engineer Associate", 2);
        base.write(&place.path("deliveries"), date);
    };
    deliver("2026-10-22");
    let warned = place.run().env("CAPSCORE_PERSON_KEY", "another").assert().success();
    assert!(text(&warned.get_output().stderr).contains("The key of people is another"));

    let mut erase = capscore();
    erase.args(["facts", "erase", "--facts", &place.text("facts")]);
    erase.args(["--customer", &crate::base::tenant(10)]).assert().success();
    deliver("2026-10-23");
    let refused = place.run().env("CAPSCORE_PERSON_KEY", "another").assert().code(2);
    assert!(text(&refused.get_output().stderr).contains("CS1001"));
    place.run().assert().success();
}

/// A base that nobody delivers to any more holds `auto` back as a whole.
#[test]
fn a_stale_base_is_said() {
    let place = place();
    let run = |place: &Place| {
        let mut command = capscore();
        command.args(["run", "--input", &place.text("deliveries")]);
        command.args(["--facts", &place.text("facts"), "--output", &place.text("tables")]);
        command
    };
    run(&place).assert().success();
    let (observed, message) = place.check("dataset_holds_back").unwrap();
    assert_ne!(observed, "0.0000");
    assert!(message.starts_with("every dataset reaches 2026-09 only"), "{message}");
}

#[test]
fn a_warning_stands_as_long_as_it_is_published() {
    let place = place();
    place.run().assert().success();
    assert!(place.check("titles_unmatched").is_some());
    // The month is published and unchanged: what was found when it was scored still holds.
    for _ in 0..2 {
        let refused = place.run().args(["--fail-on", "warn"]).assert().code(5);
        assert!(text(&refused.get_output().stderr).contains("titles_unmatched"));
    }
    let unchanged = place.run().assert().success();
    assert!(text(&unchanged.get_output().stdout).contains("titles_unmatched"));
}

#[test]
fn every_command_that_scores_or_ingests_can_be_watched() {
    let place = place();
    let [deliveries, facts, output] =
        ["deliveries", "facts", "tables"].map(|name| place.text(name));
    let commands = [
        vec!["ingest", "--input", &deliveries, "--facts", &facts],
        vec!["score", "--facts", &facts, "--output", &output, "--as-of", REFERENCE],
        vec![
            "backfill", "--facts", &facts, "--output", &output, "--from", "2026-08", "--to",
            "2026-08",
        ],
    ];
    for command in commands {
        let (metrics, events) = (place.text("metrics"), place.path("events"));
        let mut run = capscore();
        run.args(&command).args(["--metrics-file", &metrics]);
        run.arg("--openlineage").arg(&events).assert().success();
        let metrics = fs::read_to_string(metrics).unwrap();
        assert!(metrics.contains("capscore_last_success_timestamp_seconds"), "{command:?}");
        if command[0] == "score" {
            let run = fs::read_dir(place.path("tables/_runs")).unwrap().next().unwrap().unwrap();
            let checks = crate::tables::read(&run.path().join("check_result.parquet"));
            let failed = checks.iter().filter(|check| check["is_failed"] == "true").count();
            assert!(failed > 0 && failed < checks.len());
            let line = format!("capscore_failed_checks{{severity=\"warn\"}} {failed}\n");
            assert!(metrics.contains(&line), "{metrics}");
        }
        let events: Vec<serde_json::Value> = fs::read_to_string(&events)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let kinds: Vec<&str> =
            events.iter().rev().take(2).map(|event| event["eventType"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["COMPLETE", "START"]);
        assert_eq!(events.last().unwrap()["job"]["name"], command[0]);
    }
}
