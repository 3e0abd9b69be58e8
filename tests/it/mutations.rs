//! Ten million random bytes changed in good files: what partners without a changed line delivered is
//! taken in as it stands, or their file is refused; every record is counted. `make mutate-bytes`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::base::{AZURE_HEADER, Azure, Place, SEATS_HEADER, assert_balanced, capscore, tenant};
use crate::tables::read;

/// Files of one ingest.
const FILES: usize = 1_000;
/// Changed lines of one file, each in up to so many bytes. A file with more than ten rejected records
/// may be refused for that.
const CHANGED_LINES: usize = 10;
const CHANGES_OF_LINE: usize = 9;
const PARTNERS: usize = 30;
const LINES: usize = 2;

/// A good file, line by line; the partner of each line.
struct Good {
    header: &'static str,
    lines: Vec<(usize, String)>,
    partners: Vec<String>,
}

/// What was taken in of each partner: dataset, month, hash of the facts, rows and amount.
type Units = BTreeMap<String, BTreeSet<[String; 5]>>;

/// Ids so long that no few changed digits turn one into another.
fn partner_id(dice: &mut ChaCha8Rng) -> String {
    (0..18).map(|_| char::from(dice.random_range(b'1'..=b'9'))).collect()
}

/// A file of usage or of seats. One line holds nearly all of its money, so that a rejected one
/// among the others does not have it refused; it belongs to a partner of its own, and is never
/// changed.
fn good(dice: &mut ChaCha8Rng) -> Good {
    let partners: Vec<String> = (0..=PARTNERS).map(|_| partner_id(dice)).collect();
    let is_azure = dice.random_range(0..2) == 0;
    let mut lines = Vec::new();
    for (at, partner) in partners.iter().enumerate() {
        for number in 0..if at == PARTNERS { 1 } else { LINES } {
            let customer = u32::try_from(number).unwrap() + 10;
            lines.push((at, if is_azure {
                let amount = if at == PARTNERS { "90000000" } else { "1234.5" };
                let mut line = Azure::new(partner, i32::from(number > 0), customer, amount);
                line.location.clone_from(partner);
                line.line()
            } else {
                let (month, tenant) = (crate::base::month(0), tenant(customer));
                format!(
                    "{tenant},\"Test, Inc.\",Intune,20,40,claim,{partner},2024-01-05,CPOR,{month}-01"
                )
            }));
        }
    }
    Good { header: if is_azure { AZURE_HEADER } else { SEATS_HEADER }, lines, partners }
}

impl Good {
    fn text(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|(_, line)| line.as_str()).collect();
        format!("{}\n{}\n", self.header, lines.join("\n"))
    }

    /// Some bytes changed, and the partners of whom a line, or one beside it, was.
    fn changed(&self, dice: &mut ChaCha8Rng) -> Changed {
        let mut text = self.text().into_bytes();
        let mut touched = BTreeSet::new();
        let mut ends: Vec<usize> = Vec::new();
        ends.extend(text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|at| at.0));
        // Behind the header, before the last line, which holds the money.
        let (first, last) = (ends[0] + 1, ends[ends.len() - 2]);
        let mut places: Vec<usize> = Vec::new();
        for _ in 0..CHANGED_LINES {
            let place = dice.random_range(first..last);
            let line = ends.partition_point(|end| *end < place) - 1;
            let of_line = ends[line] + 1..(ends[line + 1] + 1).min(last);
            let count = dice.random_range(1..=CHANGES_OF_LINE);
            places.extend((0..count).map(|_| dice.random_range(of_line.clone())));
        }
        let changes = places.len();
        let keeps_structure = dice.random_range(0..4) > 0;
        // From the end, so that the places before stay where they are.
        places.sort_unstable();
        for at in places.into_iter().rev() {
            let line = ends.partition_point(|end| *end < at) - 1;
            for beside in line.saturating_sub(1)..=(line + 1).min(self.lines.len() - 1) {
                touched.insert(self.lines[beside].0);
            }
            match dice.random_range(0..5) {
                0 => text[at] = u8::try_from(dice.next_u32() % 256).unwrap(),
                1 => text[at] ^= 1 << dice.random_range(0..8),
                2 => text[at] = b"\",\n\r\t;0\0"[dice.random_range(0..8)],
                3 => {
                    text.remove(at);
                    continue;
                }
                _ => text.insert(at, b"\",\n9"[dice.random_range(0..4)]),
            }
            // A quote or a line break has nearly every file refused: most keep their structure.
            if keeps_structure && matches!(text[at], b'"' | b'\n' | b'\r' | 0) {
                text[at] = b'7';
            }
        }
        Changed { text, touched, changes }
    }
}

/// A file with changed bytes.
struct Changed {
    text: Vec<u8>,
    touched: BTreeSet<usize>,
    changes: usize,
}

/// Takes files in; the units of each partner, and the records of the files by their name.
fn ingest<'a>(files: impl Iterator<Item = &'a [u8]>) -> (Units, BTreeMap<String, Value>) {
    let place = Place::new();
    let folder = place.path("deliveries/2026-10-21");
    fs::create_dir_all(&folder).unwrap();
    for (at, text) in files.enumerate() {
        fs::write(folder.join(format!("{at}.csv")), text).unwrap();
    }
    let mut ingest = capscore();
    ingest.args(["ingest", "--on-bad-file", "set-aside", "--input", &place.text("deliveries")]);
    ingest.args(["--facts", &place.text("facts")]).timeout(Duration::from_secs(600));
    ingest.assert().success();
    let mut units = Units::new();
    for mut row in read(&place.path("facts/units/0000000001.parquet")) {
        let said = ["dataset", "month", "hash", "rows", "amount"];
        let said = said.map(|name| row.remove(name).unwrap());
        units.entry(row.remove("partner_id").unwrap()).or_default().insert(said);
    }
    let entry = fs::read(place.path("facts/ledger/0000000001.json")).unwrap();
    let entry: Value = serde_json::from_slice(&entry).unwrap();
    let records = entry["files"].as_array().unwrap().iter().map(|file| {
        let name = file["uri"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        (name, file.clone())
    });
    (units, records.collect())
}

/// What became of changed files.
#[derive(Default)]
struct Outcome {
    changes: usize,
    files: usize,
    refused: usize,
    quarantined: u64,
}

fn attack(seed: u64, files: usize, outcome: &mut Outcome) {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let good: Vec<Good> = (0..files).map(|_| good(&mut dice)).collect();
    let texts: Vec<String> = good.iter().map(Good::text).collect();
    let (expected, records) = ingest(texts.iter().map(String::as_bytes));
    assert!(
        records.values().all(|record| record["quarantined"] == 0 && record["set_aside"].is_null())
    );
    let changed: Vec<Changed> = good.iter().map(|file| file.changed(&mut dice)).collect();
    let (found, records) = ingest(changed.iter().map(|file| file.text.as_slice()));
    outcome.files += files;
    for (at, (file, Changed { touched, changes, .. })) in good.iter().zip(&changed).enumerate() {
        outcome.changes += changes;
        let what = format!("seed {seed}, file {at}");
        let record = &records[&format!("{at}.csv")];
        let is_refused = !record["set_aside"].is_null();
        outcome.refused += usize::from(is_refused);
        outcome.quarantined += record["quarantined"].as_u64().unwrap();
        if !is_refused {
            assert_balanced(record, &what);
        }
        for (partner, id) in file.partners.iter().enumerate() {
            if touched.contains(&partner) {
                continue;
            }
            let wanted = if is_refused { None } else { expected.get(id) };
            assert_eq!(found.get(id), wanted, "{what}, partner {id}: {record}");
        }
    }
}

#[test]
fn changed_bytes_touch_nobody_else() {
    let mut outcome = Outcome::default();
    attack(1, 200, &mut outcome);
    assert!(outcome.refused > 0 && outcome.refused < 200, "{} refused", outcome.refused);
    assert!(outcome.quarantined > 0);
}

/// As many as CAPSCORE_MUTATIONS says, from a seed that CAPSCORE_SEED gives.
#[test]
#[ignore = "takes half an hour: make mutate-bytes"]
fn mutate_bytes() {
    let number =
        |name: &str, usual: usize| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let wanted = number("CAPSCORE_MUTATIONS", 10_000_000);
    let first = number("CAPSCORE_SEED", 1_000) as u64;
    let (began, mut outcome) = (Instant::now(), Outcome::default());
    for seed in first.. {
        if outcome.changes >= wanted {
            break;
        }
        attack(seed, FILES, &mut outcome);
        if (seed - first) % 20 == 19 {
            eprintln!("{} bytes changed in {} s", outcome.changes, began.elapsed().as_secs());
        }
    }
    let Outcome { changes, files, refused, quarantined } = outcome;
    eprintln!(
        "{changes} bytes changed in {files} files: {refused} files refused, {quarantined} records rejected"
    );
}
