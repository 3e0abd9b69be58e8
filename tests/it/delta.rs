//! Delta tables are brought to the state of the published files, whatever state they were in.

use std::fs;
use std::path::PathBuf;

use crate::base::{Place, capscore};
use crate::restated::{Restated, delta, ended};

const TABLE: &str = "delta/fact_area_score";

/// A month that is published as Delta too, and how to score it again.
struct Published {
    restated: Restated,
    place: Place,
}

impl Published {
    fn new() -> Self {
        let published = Self { restated: Restated::new(&["1001"], 3), place: Place::new() };
        assert_eq!(
            ended(published.restated.first(&published.facts(), &published.tables(), true)),
            0
        );
        published
    }

    fn facts(&self) -> String {
        self.place.text("facts")
    }

    fn tables(&self) -> String {
        self.place.text("tables")
    }

    fn again(&self) -> std::process::Output {
        let (facts, tables) = (self.facts(), self.tables());
        capscore()
            .args(["score", "--as-of", "2026-09", "--facts", &facts, "--output", &tables])
            .output()
            .unwrap()
    }

    fn file(&self) -> PathBuf {
        let name = delta(&self.tables())[TABLE].iter().next().unwrap().clone();
        self.place.path("tables").join(TABLE).join(name)
    }
}

#[test]
fn a_file_that_was_deleted_comes_back() {
    let published = Published::new();
    let before = delta(&published.tables());
    let bytes = fs::read(published.file()).unwrap();
    fs::remove_file(published.file()).unwrap();
    assert!(published.again().status.success());
    assert_eq!(delta(&published.tables()), before);
    assert!(fs::read(published.file()).unwrap() == bytes);
}

#[test]
fn what_others_commit_does_not_stay() {
    let published = Published::new();
    let before = delta(&published.tables());
    // As if somebody had compacted the table: another file stands for the one that there was.
    let ours = published.file();
    let theirs = ours.with_file_name("part-00000-theirs.snappy.parquet");
    fs::copy(&ours, &theirs).unwrap();
    let size = fs::metadata(&ours).unwrap().len();
    let name = ours.file_name().unwrap().to_str().unwrap();
    let commit = [
        serde_json::json!({"commitInfo": {"timestamp": 1, "operation": "OPTIMIZE"}}),
        serde_json::json!({"remove": {"path": name, "deletionTimestamp": 1, "dataChange": false}}),
        serde_json::json!({"add": {
            "path": "part-00000-theirs.snappy.parquet", "partitionValues": {}, "size": size,
            "modificationTime": 1, "dataChange": false,
        }}),
    ];
    let lines: Vec<String> = commit.iter().map(ToString::to_string).collect();
    let log = published.place.path("tables").join(TABLE).join("_delta_log");
    fs::write(log.join("00000000000000000001.json"), lines.join("\n")).unwrap();
    assert_ne!(delta(&published.tables()), before);
    assert!(published.again().status.success());
    assert_eq!(delta(&published.tables()), before);
    assert!(log.join("00000000000000000002.json").exists());
}

#[test]
fn files_of_no_month_and_halves_of_commits_are_passed_over() {
    let published = Published::new();
    let before = delta(&published.tables());
    let scores = published.place.path("tables/fact_area_score");
    fs::copy(scores.join("2026-09.parquet"), scores.join("2026-09.backup.parquet")).unwrap();
    assert!(published.again().status.success());
    assert_eq!(delta(&published.tables()), before);

    // A first commit that was killed before it got its name.
    let log = published.place.path("tables").join(TABLE).join("_delta_log");
    let first = log.join("00000000000000000000.json");
    fs::rename(&first, log.join("00000000000000000000.json#1")).unwrap();
    assert!(published.again().status.success());
    assert!(first.exists());
    assert_eq!(delta(&published.tables())[TABLE], before[TABLE]);
}

#[test]
fn a_damaged_month_does_not_hold_up_the_others() {
    let published = Published::new();
    let (facts, tables) = (published.facts(), published.tables());
    let before = delta(&tables);
    let of_september = published.file();
    let damaged = published.place.path("tables/fact_metric_score/2026-09.parquet");
    fs::remove_file(&damaged).unwrap();
    let august = capscore()
        .args(["score", "--as-of", "2026-08", "--facts", &facts, "--output", &tables])
        .output()
        .unwrap();
    assert_eq!(august.status.code(), Some(1));
    assert!(String::from_utf8(august.stderr).unwrap().contains("--as-of 2026-09"));
    let after = delta(&tables);
    assert_eq!(after[TABLE].len(), before[TABLE].len() + 1);
    assert!(after[TABLE].is_superset(&before[TABLE]));
    assert!(of_september.exists());
    // What the message says mends it.
    assert!(published.again().status.success());
    assert!(damaged.exists());
    assert_eq!(delta(&tables), after);
}
