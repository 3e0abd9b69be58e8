//! The sample base: the product against an independent recomputation in plain code, and both
//! against the files in `sample_data/expected`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::{Place, capscore};
use crate::recompute::{Recomputed, recompute, to_csv};
use crate::tables::{find, one};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data").join(name)
}

/// Money and counts of the oracle as the tables print them.
fn published(value: i128, is_money: bool) -> String {
    let units = if is_money {
        let half = 500_000;
        if value >= 0 { (value + half) / 1_000_000 } else { (value - half) / 1_000_000 }
    } else {
        value * 10_000
    };
    let sign = if units < 0 { "-" } else { "" };
    let units = units.unsigned_abs();
    format!("{sign}{}.{:04}", units / 10_000, units % 10_000)
}

/// Holds the published tables of a place against the oracle's reading of the deliveries.
pub fn compare(deliveries: &Path, place: &Place) -> Recomputed {
    let expected = recompute(deliveries, 2026, 9);
    let areas = place.month_table("fact_area_score");
    let metrics = place.month_table("fact_metric_score");
    let parts = place.month_table("fact_metric_part");
    let ttm = place.month_table("fact_acr_ttm");
    let scored: Vec<&String> = areas.iter().map(|row| &row["partner_id"]).collect();
    assert_eq!(scored, expected.partners.keys().collect::<Vec<_>>());
    let mut compared = 0;
    for (id, partner) in &expected.partners {
        let area = one(&areas, &[("partner_id", id)]);
        let is_complete = area["coverage"] == "complete";
        if is_complete {
            assert_eq!(area["points_x8400"], partner.points_x8400.to_string(), "{id}");
            assert_eq!(area["is_qualified"], partner.is_qualified.to_string(), "{id}");
        }
        for (metric, result) in &partner.metrics {
            let row = one(&metrics, &[("partner_id", id), ("metric", metric)]);
            if row["coverage"] == "complete" {
                assert_eq!(row["points_x8400"], result.points_x8400.to_string(), "{id} {metric}");
            }
            for (part, result) in &result.parts {
                let row = one(&parts, &[("partner_id", id), ("metric", metric), ("part", part)]);
                // What was not delivered is not computed; the oracle takes it as nothing.
                if row["coverage"] == "not_computable" {
                    continue;
                }
                compared += 1;
                let is_money = row["value_unit"] == "usd";
                let place = format!("{id} {metric} {part}: {row:?}");
                assert_eq!(row["current_value"], published(result.current, is_money), "{place}");
                let baseline =
                    result.baseline.map_or("∅".to_owned(), |value| published(value, is_money));
                assert_eq!(row["baseline_value"], baseline, "{place}");
                assert_eq!(row["increments"], result.increments.to_string(), "{place}");
                assert_eq!(row["points_x8400"], result.points_x8400.to_string(), "{place}");
            }
        }
        let rows = find(&ttm, &[("partner_id", id)]);
        for row in &rows {
            let key = (row["tenant_id"].clone(), row["scope"].clone());
            let expected = partner.ttm.get(&key).unwrap_or_else(|| panic!("{id} {key:?}"));
            for (column, value) in [
                ("ttm_usd", expected.ttm),
                ("prior_ttm_usd", expected.prior),
                ("last_month_usd", expected.last_month),
                ("same_month_last_year_usd", expected.same_month_last_year),
            ] {
                assert_eq!(row[column], published(value, true), "{id} {key:?} {column}");
            }
        }
        assert_eq!(rows.len(), partner.ttm.len(), "{id}");
    }
    assert!(compared > 0);
    expected
}

#[test]
fn the_sample_base_is_scored_as_the_oracle_says() {
    let place = Place::new();
    let mut command = capscore();
    command.args(["run", "--as-of", "2026-09", "--ruleset", "2023-12-01", "--input"]);
    command.arg(sample("deliveries"));
    command.args(["--facts", &place.text("facts"), "--output", &place.text("tables")]);
    command.assert().success();
    let expected = compare(&sample("deliveries"), &place);
    let file = sample("expected/security-2026-09.csv");
    let text = to_csv(&expected);
    if std::env::var_os("CAPSCORE_BLESS").is_some() {
        fs::create_dir_all(sample("expected")).unwrap();
        fs::write(&file, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), text, "{}", file.display());
    // Partners below, near and above the line, and a metric at zero, or the sample shows nothing.
    let areas = place.month_table("fact_area_score");
    let points = |row: &crate::tables::Row| row["points"].parse::<f64>().unwrap();
    assert!(areas.iter().any(|row| row["is_qualified"] == "true"));
    assert!(areas.iter().any(|row| (60.0..70.0).contains(&points(row))));
    assert!(areas.iter().any(|row| points(row) < 40.0));
    assert!(areas.iter().any(|row| !row["blocking_metrics"].is_empty()));
    // One dirty month. The oracle lets a blank workload pass as one that no rule knows; the
    // product rejects it.
    let rejected = expected.skipped.values().sum::<u64>() + 1;
    assert_eq!(rejected, 9);
    let manifest = place.manifest();
    let inputs = manifest["inputs"].as_array().unwrap();
    let quarantined: u64 = inputs.iter().map(|input| input["quarantined"].as_u64().unwrap()).sum();
    assert_eq!(quarantined, rejected);
}

#[test]
fn the_sample_base_is_what_its_seed_makes() {
    let place = Place::new();
    let arguments = "generate --partners 30 --tenants-per-partner 8 --lines-per-tenant 3 --months 38 --last-month 2026-09 --seed 1 --dirty --out";
    capscore().args(arguments.split(' ')).arg(place.path("made")).assert().success();
    let made = crate::base::published(&place.path("made/deliveries"));
    let kept = crate::base::published(&sample("deliveries"));
    assert_eq!(made.keys().collect::<Vec<_>>(), kept.keys().collect::<Vec<_>>());
    for (name, bytes) in &made {
        assert!(*bytes == kept[name], "{name}: run `make sample`");
    }
}
