//! A run that finds everything as the last one left it reads no facts; whatever is another than it was
//! makes it read them. To see which it does, the facts are made unreadable without leaving a trace.

use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;

use crate::base::{Base, Place, capscore, run};

fn small() -> Base {
    Base::alike(&["1001", "1002"], 4)
}

/// A run whose facts cannot be read any more.
fn ran() -> Place {
    let place = run(&small());
    spoil(&place.path("facts/units"));
    place
}

/// Makes files unreadable; their inodes, times and sizes stay as they are.
fn spoil(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let before = fs::metadata(&path).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&vec![b'x'; usize::try_from(before.len()).unwrap()], 0).unwrap();
        file.set_modified(before.modified().unwrap()).unwrap();
    }
}

/// Scores with flags; the exit code, and what was said.
fn score(place: &Place, flags: &[&str]) -> (i32, String) {
    let mut command = capscore();
    command.args(["score", "--facts", &place.text("facts"), "--output", &place.text("tables")]);
    let told = command.args(flags).output().unwrap();
    let text = [told.stdout, told.stderr].map(|text| String::from_utf8(text).unwrap());
    (told.status.code().unwrap(), text.concat())
}

const SAME: [&str; 4] = ["--as-of", "2026-09", "--ruleset", "2023-12-01"];

/// Whether the same score finds all as it was.
fn is_same(place: &Place) -> bool {
    let (code, text) = score(place, &SAME);
    assert!(code == 0 || text.contains("CS6005"), "{code} {text}");
    assert!(code != 0 || text.contains("is published already"), "{text}");
    code == 0
}

#[test]
fn nothing_new_reads_no_facts_and_tells_the_same_checks() {
    let place = Place::new();
    let mut base = small();
    // A warning that only a score finds.
    base.people("1001", "Underwater Basketry", 1);
    base.write(&place.path("deliveries"), "2026-10-21");
    let warnings = |text: Vec<u8>| -> Vec<String> {
        let text = String::from_utf8(text).unwrap();
        text.lines().filter(|line| line.starts_with("Warning")).map(str::to_owned).collect()
    };
    let first = warnings(place.run().output().unwrap().stdout);
    assert!(first.iter().any(|warning| warning.contains("titles_unmatched")), "{first:?}");
    spoil(&place.path("facts/units"));
    for _ in 0..2 {
        let told = place.run().output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        assert_eq!(warnings(told.stdout), first);
    }
    assert_eq!(fs::read_dir(place.path("tables/_attempts")).unwrap().count(), 3);
}

#[test]
fn what_is_asked_for_is_looked_at() {
    let place = ran();
    assert!(is_same(&place));
    let job = place.path("job.toml");
    fs::write(&job, "[checks.months_missing]\nwarn = 99\n").unwrap();
    let job = place.text("job.toml");
    for flags in [
        &["--as-of", "2026-08", "--ruleset", "2023-12-01"][..],
        &["--as-of", "2026-09"],
        &["--as-of", "2026-09", "--ruleset", "2023-12-01", "--fail-on", "warn"],
        &["--as-of", "2026-09", "--ruleset", "2023-12-01", "--format", "parquet,delta"],
        &["--as-of", "2026-09", "--ruleset", "2023-12-01", "--config", &job],
    ] {
        let (code, text) = score(&place, flags);
        assert!(code != 0 && text.contains("CS6005"), "{flags:?}: {code} {text}");
    }
    // None of them changed what is known.
    assert!(is_same(&place));
}

#[test]
fn rules_are_looked_at() {
    let place = ran();
    let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/rules/security.toml");
    let text = fs::read_to_string(pack).unwrap();
    let file = place.text("security.toml");
    let flags = [&SAME[..], &["--ruleset-file", &file]].concat();
    fs::write(&file, &text).unwrap();
    let (code, told) = score(&place, &flags);
    assert!(code == 0 && told.contains("is published already"), "{told}");
    let changed = text.replacen("points_per_unit = \"2\"", "points_per_unit = \"1\"", 1);
    assert_ne!(changed, text);
    fs::write(&file, changed).unwrap();
    let (code, told) = score(&place, &flags);
    assert!(code != 0 && told.contains("CS6005"), "{told}");

    // The rule of the window is in a file of its own.
    let windows =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/windows/qualification.toml");
    let text = fs::read_to_string(windows).unwrap();
    let changed = text.replace("renewal_days = 30", "renewal_days = 5");
    assert_ne!(changed, text);
    fs::create_dir_all(place.path("pipelines/windows")).unwrap();
    let folder = place.text("pipelines");
    let flags = [&SAME[..], &["--pipelines", &folder]].concat();
    for (text, expected) in [(&text, "is published already"), (&changed, "CS6005")] {
        fs::write(place.path("pipelines/windows/qualification.toml"), text).unwrap();
        let (_, told) = score(&place, &flags);
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn where_no_outcome_can_be_kept_a_run_goes_the_whole_way() {
    type Hinder = fn(&Path);
    let hinder: [Hinder; 2] = [
        |tables| fs::create_dir_all(tables.join("_outcome.json")).unwrap(),
        |tables| symlink(".", tables.join("loop")).unwrap(),
    ];
    for hinder in hinder {
        let place = Place::new();
        small().write(&place.path("deliveries"), "2026-10-21");
        fs::create_dir_all(place.path("tables")).unwrap();
        hinder(&place.path("tables"));
        for _ in 0..2 {
            place.run().assert().success();
        }
        spoil(&place.path("facts/units"));
        assert!(!is_same(&place));
    }
}

#[test]
fn the_ledger_and_the_published_files_are_looked_at() {
    let retracted = ran();
    let facts = retracted.text("facts");
    let retract = ["facts", "retract", "2026-10-21", "--dataset", "profile", "--facts", &facts];
    // To say what is retracted its units are not needed.
    let told = capscore().args(retract).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert!(!is_same(&retracted));

    // As an erasure does after it said so.
    let changed = ran();
    let units = fs::read_dir(changed.path("facts/units")).unwrap().next().unwrap().unwrap().path();
    fs::write(&units, fs::read(&units).unwrap()).unwrap();
    assert!(!is_same(&changed));

    let damaged = |damage: &dyn Fn(&Path)| {
        let place = ran();
        assert!(is_same(&place));
        damage(&place.path("tables"));
        !is_same(&place)
    };
    let table = "fact_area_score/2026-09.parquet";
    // As large as before.
    assert!(damaged(&|tables| {
        let mut bytes = fs::read(tables.join(table)).unwrap();
        bytes[100] ^= 1;
        fs::write(tables.join(table), bytes).unwrap();
    }));
    assert!(damaged(&|tables| fs::remove_file(tables.join(table)).unwrap()));
    assert!(damaged(&|tables| fs::write(tables.join("dim_rule.parquet"), "").unwrap()));
    assert!(damaged(&|tables| fs::remove_dir_all(tables.join("_runs")).unwrap()));
    assert!(damaged(&|tables| fs::write(tables.join("_outcome.json"), "{\"months\": [").unwrap()));
}
