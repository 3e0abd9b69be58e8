//! Compacting the facts: fewer files, and nothing else changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::base::{Base, Place, capscore, month, published, stdout, tenant};
use crate::tables::read;

fn facts(place: &Place, arguments: &[&str]) -> String {
    stdout(&mut crate::base::facts(place, arguments))
}

/// All fact files of one month of consumption.
fn files(place: &Place, back: i32) -> Vec<PathBuf> {
    let folder = place.path("facts/acr/azure_usage").join(month(back));
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn last_entry(place: &Place) -> PathBuf {
    let entries = fs::read_dir(place.path("facts/ledger")).unwrap();
    entries.map(|entry| entry.unwrap().path()).max().unwrap()
}

/// The tables as they are made anew from the facts.
fn scored(place: &Place) -> BTreeMap<String, Vec<u8>> {
    if place.path("tables").exists() {
        fs::remove_dir_all(place.path("tables")).unwrap();
    }
    let mut score = capscore();
    score.args(["score", "--as-of", "2026-09", "--facts", &place.text("facts")]);
    score.args(["--output", &place.text("tables")]).assert().success();
    published(&place.path("tables"))
}

/// Three deliveries: both partners, a restatement of one month of the first, and a month of a third
/// that came late. The amounts of the first partner's newest month differ.
fn delivered() -> Place {
    let place = Place::new();
    let mut base = Base::alike(&["1001", "1002"], 3);
    base.write(&place.path("deliveries"), "2026-10-05");
    let mut restated = Base::default();
    for customer in 0..3 {
        restated.azure("1001", 0, customer, "700");
        restated.seats("1001", 0, customer, "Intune", 41, 30);
    }
    restated.write(&place.path("deliveries"), "2026-10-12");
    base = Base::alike(&["1003"], 3);
    base.write(&place.path("deliveries"), "2026-10-19");
    let mut ingest = capscore();
    ingest.args(["ingest", "--input", &place.text("deliveries"), "--facts", &place.text("facts")]);
    // The restatement holds fewer rows than what it replaces: the fillers are gone.
    ingest.arg("--accept-drop").assert().success();
    place
}

#[test]
fn a_compaction_changes_nothing_but_the_files() {
    let place = delivered();
    let before = scored(&place);
    let changes = facts(&place, &["diff", "2026-10-05", "2026-10-19"]);
    let listed = facts(&place, &["list"]);
    assert_eq!(files(&place, 0).len(), 3);
    let entries = fs::read_dir(place.path("facts/ledger")).unwrap().count();

    let told = facts(&place, &["compact", "--plan"]);
    assert!(told.contains("would become"), "{told}");
    assert_eq!(fs::read_dir(place.path("facts/ledger")).unwrap().count(), entries);
    assert_eq!(files(&place, 0).len(), 3);

    let told = facts(&place, &["compact"]);
    assert!(told.starts_with("Compacted"), "{told}");
    // What a score that runs meanwhile reads is still there.
    assert_eq!(files(&place, 0).len(), 4);
    facts(&place, &["verify"]);
    assert!(scored(&place) == before, "other tables");

    // The next compaction deletes what the first made superfluous. The month that was restated keeps
    // what was replaced: a retraction brings it back.
    let told = facts(&place, &["compact"]);
    assert!(told.starts_with("Compacted 0 files of 0 months to 0; deleted"), "{told}");
    assert_eq!(files(&place, 0).len(), 2);
    assert_eq!(files(&place, 1).len(), 1);
    assert_eq!(facts(&place, &["compact"]), "There is nothing to compact\n");
    facts(&place, &["verify"]);
    assert!(scored(&place) == before, "other tables");
    assert_eq!(facts(&place, &["diff", "2026-10-05", "2026-10-19"]), changes);
    assert_eq!(facts(&place, &["list"]), listed);
}

#[test]
fn what_was_replaced_comes_back_after_a_compaction() {
    let (place, untouched) = (delivered(), delivered());
    for _ in 0..2 {
        facts(&place, &["compact"]);
    }
    for place in [&place, &untouched] {
        facts(place, &["retract", "2026-10-12"]);
    }
    facts(&place, &["verify"]);
    assert!(scored(&place) == scored(&untouched), "other tables");
    // What lies together and what came back are brought together once more.
    facts(&place, &["compact"]);
    assert_eq!(facts(&place, &["verify"]).lines().count(), 1);
    assert!(scored(&place) == scored(&untouched), "other tables");
}

#[test]
fn what_a_compaction_moved_is_not_stored_again() {
    let place = delivered();
    for _ in 0..2 {
        facts(&place, &["compact"]);
    }
    let kept = (files(&place, 0), files(&place, 1));
    // The first delivery again, later: its older months are as they stand.
    let again = place.path("deliveries/2026-10-26");
    fs::create_dir_all(&again).unwrap();
    fs::copy(place.path("deliveries/2026-10-19/azure.csv"), again.join("azure.csv")).unwrap();
    let mut ingest = capscore();
    ingest.args(["ingest", "--input", &place.text("deliveries"), "--facts", &place.text("facts")]);
    ingest.assert().success();
    assert_eq!((files(&place, 0), files(&place, 1)), kept);
    facts(&place, &["verify"]);
    assert_eq!(facts(&place, &["compact"]), "There is nothing to compact\n");
}

#[test]
fn an_erasure_reaches_what_a_compaction_left_behind() {
    // Also what one that was killed before its entry left.
    for (compactions, is_cut_off) in [(1, false), (2, false), (1, true)] {
        let place = delivered();
        for _ in 0..compactions {
            facts(&place, &["compact"]);
        }
        if is_cut_off {
            fs::remove_file(last_entry(&place)).unwrap();
        }
        let gone = tenant(1);
        facts(&place, &["erase", "--customer", &gone]);
        facts(&place, &["verify"]);
        for file in (0..24).flat_map(|back| files(&place, back)) {
            assert!(read(&file).iter().all(|row| row["tenant_id"] != gone), "{}", file.display());
        }
        scored(&place);
        let rows = place.month_table("fact_acr_ttm");
        assert!(!rows.is_empty() && rows.iter().all(|row| row["tenant_id"] != gone));
    }
}

/// Without its ledger nothing says which files are needed.
#[test]
fn facts_without_their_ledger_are_left_alone() {
    let place = delivered();
    facts(&place, &["compact"]);
    fs::remove_dir_all(place.path("facts/ledger")).unwrap();
    let kept = files(&place, 0);
    for command in [
        vec!["facts", "compact"],
        vec!["facts", "erase", "--customer", "0bb1b2c3-0000-4000-8000-000000000001"],
        vec!["ingest", "--input", &place.text("deliveries")],
    ] {
        let mut refused = capscore();
        refused.args(command).args(["--facts", &place.text("facts")]);
        let output = refused.assert().code(1).get_output().stderr.clone();
        let told = String::from_utf8(output).unwrap();
        assert!(told.contains("CS6005") && told.contains("ledger"), "{told}");
        assert_eq!(files(&place, 0), kept);
    }
}

#[test]
fn rows_that_were_not_ingested_are_not_compacted() {
    let place = delivered();
    // A whole file, but that of another delivery.
    let files = files(&place, 0);
    fs::copy(&files[1], &files[2]).unwrap();
    let mut compact = capscore();
    compact.args(["facts", "compact", "--facts", &place.text("facts")]);
    let output = compact.assert().code(1).get_output().stderr.clone();
    let told = String::from_utf8(output).unwrap();
    assert!(told.contains(&format!("azure_usage {}", month(0))), "{told}");
    assert!(told.contains("nothing was compacted"), "{told}");
    assert_eq!(fs::read_dir(place.path("facts/ledger")).unwrap().count(), 3);
}

/// A compaction that is killed before its ledger entry has written files that nobody names.
#[test]
fn a_compaction_that_was_cut_off_did_not_happen() {
    let place = delivered();
    let before = scored(&place);
    facts(&place, &["compact"]);
    fs::remove_file(last_entry(&place)).unwrap();
    facts(&place, &["verify"]);
    assert!(scored(&place) == before, "other tables");
    // The next one starts anew, with the same number.
    facts(&place, &["compact"]);
    facts(&place, &["verify"]);
    assert!(scored(&place) == before, "other tables");
    // So does an ingest, which takes the number for itself.
    fs::remove_file(last_entry(&place)).unwrap();
    let mut base = Base::default();
    base.azure("1004", 0, 9, "5");
    base.write(&place.path("deliveries"), "2026-10-26");
    let mut ingest = capscore();
    ingest.args(["ingest", "--input", &place.text("deliveries"), "--facts", &place.text("facts")]);
    ingest.assert().success();
    facts(&place, &["verify"]);
    assert_eq!(files(&place, 1).len(), 2);
    facts(&place, &["compact"]);
    facts(&place, &["verify"]);
}
