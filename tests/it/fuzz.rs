//! Random damage to good files: an ingest refuses the file, or counts every record, and the figures
//! of partners without a changed byte stay what they were. `make fuzz` does it for a minute.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::base::{AZURE_HEADER, Azure, Base, Place, SEATS_HEADER, assert_balanced};
use crate::tables::Row;

const PARTNERS: u32 = 4;

fn base() -> Base {
    let mut base = Base::default();
    for partner in 1001..1001 + PARTNERS {
        let partner = partner.to_string();
        base.partner(&partner);
        for tenant in 0..12 {
            base.azure(&partner, i32::try_from(tenant % 3).unwrap(), 10 + tenant, "1234.5");
            let mut line = Azure::new(&partner, 12, 40 + tenant, "77.25");
            "Key Vault".clone_into(&mut line.service);
            base.azure.push(line.line());
            base.seats(&partner, 0, 10 + tenant, "Intune", 40, 20);
        }
    }
    base
}

/// Figures by partner: all rows of the tables of a month, without what names the run.
fn figures(place: &Place) -> BTreeMap<String, Vec<Row>> {
    let mut figures: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for table in ["fact_metric_part", "fact_customer_evidence", "fact_acr_ttm"] {
        for row in place.area_table(table, "security") {
            figures.entry(row["partner_id"].clone()).or_default().push(row);
        }
    }
    figures
}

/// Damages some bytes; says which partners own a damaged line.
fn damage(text: &mut Vec<u8>, dice: &mut ChaCha8Rng) -> Vec<String> {
    let mut touched = Vec::new();
    for _ in 0..dice.random_range(1..4) {
        let at = dice.random_range(0..text.len());
        // The lines from the one before: a lost line end joins two.
        let line = text[..at].iter().filter(|byte| **byte == b'\n').count();
        for line in line.saturating_sub(1)..line + 2 {
            touched.push(line);
        }
        match dice.random_range(0..4) {
            0 => text[at] = dice.random_range(0..=255),
            1 => text[at] = b"\",\n\r\t;0\0"[dice.random_range(0..8)],
            2 => drop(text.remove(at)),
            _ => text.insert(at, b"\",\n9"[dice.random_range(0..4)]),
        }
    }
    touched.sort_unstable();
    touched.into_iter().map(|line| line.to_string()).collect()
}

/// One damaged base; panics when a promise is broken.
fn attack(seed: u64, good: &BTreeMap<String, Vec<Row>>) {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let base = base();
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let (name, header, lines) = if dice.random_range(0..2) == 0 {
        ("azure.csv", AZURE_HEADER, &base.azure)
    } else {
        ("seats.csv", SEATS_HEADER, &base.seats)
    };
    let mut text = format!("{header}\n{}\n", lines.join("\n")).into_bytes();
    let touched = damage(&mut text, &mut dice);
    fs::write(place.path("deliveries/2026-10-21").join(name), &text).unwrap();
    let mut run = place.run();
    // Only a program that hangs takes that long, however busy the machine is.
    run.timeout(Duration::from_secs(600));
    let output = run.output().unwrap();
    let code = output.status.code();
    let message = String::from_utf8_lossy(&output.stderr);
    if matches!(code, Some(3..=5)) && message.contains("error[CS") {
        return;
    }
    assert_eq!(code, Some(0), "seed {seed}: {message}");
    let manifest = place.manifest();
    for file in manifest["inputs"].as_array().unwrap() {
        assert_balanced(file, &format!("seed {seed}"));
    }
    // Partners without a damaged line, of those that a line names by account or location.
    let damaged = |partner: &str| {
        touched.iter().any(|line| {
            let line: usize = line.parse().unwrap();
            line == 0
                || lines.get(line - 1).is_none_or(|line| line.contains(&format!("{partner},")))
        })
    };
    let found = figures(&place);
    for (partner, rows) in good.iter().filter(|(partner, _)| !damaged(partner)) {
        assert_eq!(found.get(partner), Some(rows), "seed {seed}: {partner}");
    }
}

fn good() -> BTreeMap<String, Vec<Row>> {
    figures(&crate::base::run(&base()))
}

#[test]
fn damage_is_refused_or_counted() {
    let good = good();
    for seed in 0..25 {
        attack(seed, &good);
    }
}

/// As long as CAPSCORE_FUZZ_SECONDS says, from a seed that the clock gives.
#[test]
#[ignore = "takes a minute: make fuzz"]
fn fuzz() {
    let seconds = std::env::var("CAPSCORE_FUZZ_SECONDS").map_or(60, |text| text.parse().unwrap());
    let start = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let (good, began) = (good(), Instant::now());
    let mut seed = start.as_secs();
    while began.elapsed() < Duration::from_secs(seconds) {
        attack(seed, &good);
        seed += 1;
    }
    eprintln!("{} damaged bases", seed - start.as_secs());
}
