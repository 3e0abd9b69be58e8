//! A run that is killed anywhere leaves tables that open, and the next run ends with the bytes of
//! an undisturbed one.

use std::path::Path;
use std::process::{Command as Process, Stdio};

use crate::base::{Base, Place, capscore, published};
use crate::restated::{Restated, ended, kills};

fn base() -> Base {
    Base::alike(&["1001", "1002", "1003"], 40)
}

/// `CAPSCORE_TEST_KILLS` runs, 30 unless told.
#[test]
fn a_killed_run_is_completed_by_the_next() {
    let restated = Restated::new(&["1001", "1002", "1003"], 20);
    let place = Place::new();
    let (facts, tables) = (place.text("facts"), place.text("tables"));
    let kept = ["kept", "kept_delta"];
    for (name, has_delta) in kept.into_iter().zip([false, true]) {
        assert_eq!(ended(restated.first(&facts, &tables, has_delta)), 0);
        for folder in ["facts", "tables"] {
            copy_folder(&place.path(folder), &place.path(name).join(folder));
            std::fs::remove_dir_all(place.path(folder)).unwrap();
        }
    }
    restated.survives(kills(30), |has_delta| {
        for folder in ["facts", "tables"] {
            let _ = std::fs::remove_dir_all(place.path(folder));
            let kept = place.path(kept[usize::from(has_delta)]).join(folder);
            copy_folder(&kept, &place.path(folder));
        }
        (facts.clone(), tables.clone())
    });
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (source, target) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if source.is_dir() {
            copy_folder(&source, &target);
        } else {
            std::fs::copy(&source, &target).unwrap();
        }
    }
}

#[test]
fn a_publication_with_a_journal_is_rolled_forward() {
    let base = base();
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let expected = published(&place.path("tables"));
    // As if the run had been killed after its third move: the first files are new, the rest are
    // still staged.
    let staging = place.path("tables/_staging/attempt");
    let mut moves: Vec<&String> = expected.keys().collect();
    moves.sort();
    for name in moves.iter().skip(3) {
        let target = staging.join(name);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::rename(place.path("tables").join(name), target).unwrap();
    }
    std::fs::write(staging.join("journal.json"), serde_json::json!({ "moves": moves }).to_string())
        .unwrap();
    // One without a journal is forgotten.
    let half = place.path("tables/_staging/other/fact_area_score");
    std::fs::create_dir_all(&half).unwrap();
    std::fs::write(half.join("2026-09.parquet"), "half").unwrap();
    place.run().assert().success();
    assert!(published(&place.path("tables")) == expected);
    assert!(!place.path("tables/_staging").exists());
}

#[test]
fn two_runs_at_once_do_not_mix() {
    let base = base();
    let undisturbed = crate::base::run(&base);
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let run = || {
        Process::new(capscore().get_program())
            .args(["run", "--as-of", "2026-09", "--ruleset", "2023-12-01"])
            .args(["--input", &place.text("deliveries")])
            .args(["--facts", &place.text("facts"), "--output", &place.text("tables")])
            .env("CAPSCORE_PERSON_KEY", "test")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let (mut first, mut second) = (run(), run());
    let codes = [first.wait().unwrap().code().unwrap(), second.wait().unwrap().code().unwrap()];
    assert!(codes.contains(&0), "{codes:?}");
    assert!(codes.iter().all(|code| [0, 7].contains(code)), "{codes:?}");
    place.run().assert().success();
    assert!(published(&place.path("tables")) == published(&undisturbed.path("tables")));
}

/// A ledger entry is written under another name first: killed before it got its own, it is none.
#[test]
fn an_entry_without_its_name_is_none() {
    let place = Place::new();
    base().write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let expected = published(&place.path("tables"));
    let half = place.path("facts/ledger/0000000002.json#1");
    std::fs::write(half, "{\"sequence\": 2, \"deliv").unwrap();
    place.run().assert().success();
    assert!(published(&place.path("tables")) == expected);
}
