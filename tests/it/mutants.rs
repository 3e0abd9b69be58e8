//! Mutants of the rule packs: each number and each entry of a list changed in turn. A change that
//! neither a vector nor a probe notices says that they do not hold the pack.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use crate::base::Place;
use crate::{business_applications, modern_work, newer_vectors, probes};

/// The packs, each with the vectors of its area: what a pack file in its place makes fail.
const PACKS: [(&str, fn(&str) -> Option<Vec<String>>); 6] = [
    ("data_ai", |pack| newer_vectors::failures_with("data_ai", pack)),
    ("digital_app_innovation", |pack| newer_vectors::failures_with("digital_app_innovation", pack)),
    ("infrastructure", |pack| newer_vectors::failures_with("infrastructure", pack)),
    ("security", |pack| newer_vectors::failures_with("security", pack)),
    ("modern_work", modern_work::failures_with),
    ("business_applications", business_applications::failures_with),
];

/// Changes that no vector and no probe can notice, and why.
const EXPLAINED: &[(&str, &str)] = &[
    (
        "without Security Center",
        "an older name of Microsoft Defender for Cloud, as Azure Defender is",
    ),
    (
        "without Azure Defender",
        "an older name of Microsoft Defender for Cloud, as Security Center is",
    ),
    ("above_usd = \"0\" -> \"0.01\"", "one cent is no whole increment of growth"),
    ("enrolment_track = false", "probes enrol nobody; the tests of the history look at the track"),
];

fn text_of(pack: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/rules");
    fs::read_to_string(folder.join(format!("{pack}.toml"))).unwrap()
}

/// Changes every number and every entry of a list of every pack in turn: `make mutate-rules` lists
/// the changes that neither a vector nor a probe notices. Vectors of the pack's own area are tried
/// first: they notice most. `CAPSCORE_MUTATE_EVERY=25` tries every 25th.
#[test]
#[ignore = "takes minutes: make mutate-rules"]
fn mutate_rules() {
    let every = std::env::var("CAPSCORE_MUTATE_EVERY");
    let every: usize = every.map_or(1, |every| every.parse().unwrap());
    let all: Vec<(String, String, fn(&str) -> Option<Vec<String>>)> = PACKS
        .into_iter()
        .flat_map(|(pack, vectors)| {
            let mutants = mutants(&text_of(pack)).into_iter();
            mutants.map(move |(what, mutated)| (format!("{pack}: {what}"), mutated, vectors))
        })
        .step_by(every)
        .collect();
    let tried = all.len();
    let work = Mutex::new(all.into_iter());
    let unnoticed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((what, mutated, vectors)) = { work.lock().unwrap().next() } {
                    let is_explained = EXPLAINED.iter().any(|(known, _)| what.contains(known));
                    if !is_explained && !is_noticed(&mutated, vectors) {
                        eprintln!("not noticed: {what}");
                        unnoticed.lock().unwrap().push(what);
                    }
                }
            });
        }
    });
    let unnoticed = unnoticed.into_inner().unwrap();
    assert!(unnoticed.is_empty(), "{} of {tried} are not noticed: {unnoticed:#?}", unnoticed.len());
}

fn is_noticed(mutated: &str, vectors: fn(&str) -> Option<Vec<String>>) -> bool {
    let place = Place::new();
    fs::write(place.path("pack.toml"), mutated).unwrap();
    let file = place.text("pack.toml");
    // A pack that is refused is noticed.
    let has_failed = |found: Option<Vec<String>>| found.is_none_or(|found| !found.is_empty());
    has_failed(vectors(&file))
        || (0..probes::count()).rev().any(|at| has_failed(probes::failures(at, Some(&file))))
}

/// Each number of the pack a little larger, each entry of a list left out, each `true` false.
fn mutants(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut mutants = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let mut add = |what: String, line: String| {
            let mut mutated: Vec<&str> = lines.clone();
            mutated[at] = &line;
            mutants.push((format!("line {}{what}", at + 1), mutated.join("\n")));
        };
        let (key, value) = line.split_once(" = ").unwrap_or(("", line));
        if key.is_empty() && line.starts_with("    \"") || value.starts_with('[') {
            let entries: Vec<&str> = value.split('"').skip(1).step_by(2).collect();
            for left_out in 0..entries.len() {
                add(format!(" without {}", entries[left_out]), without(line, &entries, left_out));
            }
        } else if let Some(larger) = larger(key, value) {
            add(format!(": {line} -> {larger}"), format!("{key} = {larger}"));
        } else if value == "true" && key != "is_date_assumed" {
            add(format!(": {key} = false"), format!("{key} = false"));
        }
    }
    mutants
}

/// A list, or a line of one, without one of its entries.
fn without(line: &str, entries: &[&str], left_out: usize) -> String {
    let kept = entries.iter().enumerate().filter(|(at, _)| *at != left_out);
    let kept: Vec<String> = kept.map(|(_, entry)| format!("\"{entry}\"")).collect();
    match line.split_once('[') {
        Some((head, _)) => format!("{head}[{}]", kept.join(", ")),
        None if kept.is_empty() => String::new(),
        None => format!("    {},", kept.join(", ")),
    }
}

/// Amounts grow by a hundredth, other numbers by one in their last digit; nothing for what is no
/// number.
fn larger(key: &str, value: &str) -> Option<String> {
    let number = value.trim_matches('"');
    let quoted =
        |number: String| if value.starts_with('"') { format!("\"{number}\"") } else { number };
    if let Some((above, below)) = number.split_once('/') {
        let (above, below) = (above.parse::<i64>().ok()?, below.parse::<i64>().ok()?);
        return Some(quoted(format!("{}/{below}", above + 1)));
    }
    if let Some((whole, digits)) = number.split_once('.') {
        let all: i64 = format!("{whole}{digits}").parse().ok()?;
        let larger = (all + 1).to_string();
        let larger = format!("{larger:0>width$}", width = whole.len() + digits.len());
        let (whole, digits) = larger.split_at(larger.len() - digits.len());
        return Some(quoted(format!("{whole}.{digits}")));
    }
    let whole: i64 = number.parse().ok()?;
    let is_amount = ["_usd", "_value"].iter().any(|end| key.ends_with(end))
        || ["unit_size", "minimum_baseline", "rate"].contains(&key);
    Some(quoted(if is_amount { format!("{whole}.01") } else { (whole + 1).to_string() }))
}

/// A mutant that is no TOML would be refused, and so pass for noticed.
#[test]
fn mutants_are_toml_and_differ() {
    let mut keys = BTreeSet::new();
    for (pack, _) in PACKS {
        let text = text_of(pack);
        let original: toml::Table = toml::from_str(&text).unwrap();
        let mutants = mutants(&text);
        assert!(mutants.len() > 100, "{pack}: {}", mutants.len());
        for (what, mutated) in mutants {
            let table = toml::from_str::<toml::Table>(&mutated);
            let table = table.unwrap_or_else(|error| panic!("{pack} {what}: {error}"));
            assert_ne!(table, original, "{pack} {what}");
            let changed = what.split_once(": ").and_then(|(_, change)| change.split_once(" = "));
            keys.extend(changed.map(|(key, _)| key.to_owned()));
        }
    }
    for key in [
        "active_share",
        "associated_above_share",
        "at_least_usd",
        "at_least_value",
        "incentive_points",
        "max_points",
        "minimum_baseline",
        "pairs_needed",
        "points_per_unit",
        "points_to_qualify",
        "printed_points_per_unit",
        "promoted",
        "rate",
        "revenue_above_usd",
        "seats_max",
        "seats_min",
        "since_association",
        "unit_size",
    ] {
        assert!(keys.contains(key), "{key}: {keys:?}");
    }
}
