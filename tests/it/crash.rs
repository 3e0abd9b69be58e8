//! A run that is killed anywhere leaves tables that open, and the next run ends with the bytes of
//! an undisturbed one.

use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use crate::base::{Base, Place, capscore, published};

fn base() -> Base {
    let mut base = Base::default();
    for partner in ["1001", "1002", "1003"] {
        base.partner(partner);
        base.skilled(partner, 4);
        for tenant in 0..40 {
            for back in 0..24 {
                base.azure(partner, back, tenant, "612.345678");
            }
            base.seats(partner, 0, tenant, "Intune", 40, 30);
        }
    }
    base
}

#[test]
fn a_killed_run_is_completed_by_the_next() {
    let base = base();
    let undisturbed = Place::new();
    base.write(&undisturbed.path("deliveries"), "2026-10-21");
    let started = Instant::now();
    undisturbed.run().assert().success();
    let whole = started.elapsed();
    let expected = published(&undisturbed.path("tables"));
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let program = capscore().get_program().to_owned();
    // Kills spread over the length of a run, on one and the same target.
    let kills = 40;
    for kill in 0..kills {
        if kill % 8 == 0 {
            // Start over, so that each phase is hit early and late.
            for folder in ["facts", "tables"] {
                let _ = std::fs::remove_dir_all(place.path(folder));
            }
        }
        let mut child = Process::new(&program)
            .args(["run", "--as-of", "2026-09", "--ruleset", "2023-12-01"])
            .args(["--input", &place.text("deliveries")])
            .args(["--facts", &place.text("facts"), "--output", &place.text("tables")])
            .env("CAPSCORE_PERSON_KEY", "test")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(
            u64::try_from(whole.as_micros()).unwrap() * (kill + 1) / (kills + 1),
        ));
        let _ = child.kill();
        child.wait().unwrap();
        let tables = place.path("tables");
        if tables.is_dir() {
            for (name, bytes) in published(&tables) {
                // Staged files may be half-written; published ones never are.
                if !name.starts_with("_staging") {
                    assert!(expected.get(&name) == Some(&bytes), "{name} after kill {kill}");
                }
            }
        }
        if kill % 4 == 3 {
            place.run().assert().success();
            let found = published(&tables);
            assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
            assert!(found == expected, "after kill {kill}");
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
