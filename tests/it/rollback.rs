//! Earlier runs of a month come back, hold, and end.

use std::fs;
use std::time::Duration;

use crate::base::{Base, Place, capscore};
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
    assert_eq!(ended(restated.first(&facts, &tables, false)), 0);
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
    assert_eq!(run_in_state(&tables, "held"), old);
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

    // Nor with other limits of checks, which are part of a run's id and change no score.
    let job = place.path("job.toml");
    fs::write(&job, "[checks.months_missing]\nwarn = 99\n").unwrap();
    let judged = capscore().args(score).args(["--config", &place.text("job.toml")]).output();
    let told = judged.unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert!(month_tables(&tables) == first);

    // Forward by hand. What was gone back to is not held back for that.
    assert_eq!(roll_back(&new).0, Some(0));
    assert!(month_tables(&tables) == second);
    assert_eq!(run_in_state(&tables, "yes"), new);
    let retract = ["facts", "retract", "2026-11-02", "--facts", &facts];
    capscore().args(retract).assert().success();
    capscore().args(score).assert().success();
    assert!(month_tables(&tables) == first);
    assert_eq!(run_in_state(&tables, "yes"), old);

    // Other facts end it by themselves, and are said to.
    capscore().args(retract).arg("--undo").assert().success();
    capscore().args(score).assert().success();
    assert!(month_tables(&tables) == second);
    assert_eq!(roll_back(&old).0, Some(0));
    let third = Base::alike(&["1003"], 1);
    third.write(&place.path("third"), "2026-11-03");
    let ingest = ["ingest", "--input", &place.text("third"), "--facts", &facts];
    capscore().args(ingest).assert().success();
    let told = capscore().args(score).output().unwrap();
    assert!(String::from_utf8(told.stderr).unwrap().contains("moves on"));
    assert!(month_tables(&tables) != first && month_tables(&tables) != second);

    let (code, _) = roll_back("ffff");
    assert_eq!(code, Some(3));
}

#[test]
fn a_month_is_not_held_back_from_what_is_gone() {
    let restated = Restated::new(&["1001"], 3);
    let place = Place::new();
    let (facts, tables) = (place.text("facts"), place.text("tables"));
    assert_eq!(ended(restated.first(&facts, &tables, false)), 0);
    let old = run_in_state(&tables, "yes");
    assert_eq!(ended(restated.second(&facts, &tables)), 0);
    let (new, second) = (run_in_state(&tables, "yes"), month_tables(&tables));
    capscore().args(["runs", "rollback", &old, "--output", &tables]).assert().success();
    fs::remove_file(place.path("tables/_runs").join(&new).join("fact_metric_part.parquet"))
        .unwrap();
    let refused =
        capscore().args(["runs", "rollback", &new, "--output", &tables]).output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("score the month"));
    assert_eq!(ended(restated.second(&facts, &tables)), 0);
    assert!(month_tables(&tables) == second);
}

#[test]
fn what_is_kept_ends_with_a_vacuum() {
    let restated = Restated::new(&["1001"], 3);
    let place = Place::new();
    let (facts, tables) = (place.text("facts"), place.text("tables"));
    assert_eq!(ended(restated.first(&facts, &tables, false)), 0);
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

    // As if it had been long ago.
    let replaced = place.path("tables/_runs").join(&old).join("replaced.json");
    let long_ago = std::time::SystemTime::UNIX_EPOCH + Duration::from_hours(480_000);
    fs::File::options().write(true).open(replaced).unwrap().set_modified(long_ago).unwrap();
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
