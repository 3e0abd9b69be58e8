//! Earlier runs of a month come back, hold, and end.

use std::fs;

use crate::base::{Place, capscore};
use crate::restated::{Restated, ended, files};

/// The files of the month tables, without what is kept of other runs.
fn month_tables(output: &str) -> crate::restated::Files {
    let mut found = files(output);
    found.retain(|path, _| path.starts_with("fact_"));
    assert!(found.len() > 5);
    found
}

fn runs(output: &str) -> String {
    let listed = capscore().args(["runs", "list", "--output", output]).output().unwrap();
    String::from_utf8(listed.stdout).unwrap()
}

/// The id of the run of September that is listed in a state.
fn run_in_state(output: &str, state: &str) -> String {
    let text = runs(output);
    let mut found = text.lines().filter(|line| line.split_whitespace().nth(2) == Some(state));
    let line = found.next().unwrap_or_else(|| panic!("no {state} in {text}"));
    assert!(found.next().is_none(), "{text}");
    line.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_rollback_holds_until_facts_change() {
    let restated = Restated::new(&["1001", "1002"], 4);
    let place = Place::new();
    let (facts, tables) = (place.text("facts"), place.text("tables"));
    assert_eq!(ended(restated.first(&facts, &tables)), 0);
    let first = month_tables(&tables);
    let old = run_in_state(&tables, "yes");
    assert_eq!(ended(restated.second(&facts, &tables)), 0);
    let second = month_tables(&tables);
    assert!(first != second);
    let new = run_in_state(&tables, "yes");
    assert_eq!(run_in_state(&tables, "kept"), old);

    let roll_back = |run: &str| {
        let told =
            capscore().args(["runs", "rollback", run, "--output", &tables]).output().unwrap();
        (told.status.code(), String::from_utf8(told.stdout).unwrap())
    };
    let (code, told) = roll_back(&old[..8]);
    assert_eq!(code, Some(0));
    assert!(told.contains(&old) && told.contains(&new), "{told}");
    assert!(month_tables(&tables) == first);
    assert_eq!(run_in_state(&tables, "kept"), new);
    // A second time there is nothing to do.
    assert_eq!(roll_back(&old).0, Some(0));
    assert!(month_tables(&tables) == first);

    // The same facts would give the run that was taken back: it does not come back by itself.
    let score = ["score", "--facts", &facts, "--output", &tables, "--as-of", "2026-09"];
    let told = capscore().args(score).output().unwrap();
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success() && text.contains(&format!("already as run {old}")), "{text}");
    assert!(String::from_utf8(told.stderr).unwrap().contains("rolled back"));
    assert!(month_tables(&tables) == first);
    let plan = capscore().args(score).arg("--plan").output().unwrap();
    assert!(String::from_utf8(plan.stdout).unwrap().contains("is published already"));

    // Forward again, by hand; and from then on by itself.
    assert_eq!(roll_back(&new).0, Some(0));
    assert!(month_tables(&tables) == second);
    assert_eq!(roll_back(&old).0, Some(0));
    capscore().args(["facts", "retract", "2026-11-02", "--facts", &facts]).assert().success();
    // Without the second delivery the facts are those of the first again.
    capscore().args(score).assert().success();
    assert!(month_tables(&tables) == first);
    assert_eq!(run_in_state(&tables, "yes"), old);

    let (code, _) = roll_back("ffff");
    assert_eq!(code, Some(3));
}

#[test]
fn what_is_kept_ends_with_a_vacuum() {
    let restated = Restated::new(&["1001"], 3);
    let place = Place::new();
    let (facts, tables) = (place.text("facts"), place.text("tables"));
    assert_eq!(ended(restated.first(&facts, &tables)), 0);
    assert_eq!(ended(restated.second(&facts, &tables)), 0);
    let old = run_in_state(&tables, "kept");
    let kept = place.path("tables/_runs").join(&old).join("fact_area_score.parquet");
    let vacuum = |options: &[&str]| {
        let told = capscore()
            .args(["runs", "vacuum", "--output", &tables])
            .args(options)
            .output()
            .unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8(told.stdout).unwrap()
    };
    // It was replaced today.
    assert!(vacuum(&[]).starts_with("Deleted 0 files"));
    assert!(kept.exists());

    // As if the published run were of long ago.
    let new = run_in_state(&tables, "yes");
    let manifest = place.path("tables/_runs").join(&new).join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let finished = value["finished"].as_str().unwrap();
    fs::write(&manifest, text.replace(finished, "2020-01-02T03:04:05.000000Z")).unwrap();
    let before = month_tables(&tables);
    let plan = vacuum(&["--plan"]);
    assert!(plan.contains(&format!("_runs/{old}/fact_area_score.parquet")), "{plan}");
    assert!(kept.exists());
    assert!(!vacuum(&[]).starts_with("Deleted 0 files"));
    assert!(!kept.exists());
    assert!(month_tables(&tables) == before);
    assert_eq!(run_in_state(&tables, "replaced"), old);
    let refused =
        capscore().args(["runs", "rollback", &old, "--output", &tables]).output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("not kept any more"));
    assert!(month_tables(&tables) == before);
}
