//! What the published tables promise of each other, on generated bases whose values lie on the
//! thresholds: evidence adds to parts, parts to metrics, metrics to areas, one path is selected, and
//! one more qualifying customer never costs a point.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::base::{Base, Place};
use crate::properties::{base_of, case, runner};
use crate::tables::Row;

const RULESETS: [&str; 4] = ["2023-12-01", "2025-03", "2026-05", "2026-08"];

fn run_by(base: &Base, ruleset: &str) -> Place {
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    place.run_by(ruleset).assert().success();
    place
}

/// All rows of a monthly table, whatever the area.
fn all(place: &Place, table: &str) -> Vec<Row> {
    crate::tables::read(
        &place.path("tables").join(format!("{table}/{}.parquet", crate::base::REFERENCE)),
    )
}

/// A number with up to 10 decimals as an integer; nothing for null.
fn number(text: &str) -> Option<i128> {
    if text == "∅" {
        return None;
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits: i128 = format!("{}{part:0<10}", whole.trim_start_matches('-')).parse().unwrap();
    Some(if text.starts_with('-') { -digits } else { digits })
}

fn key(row: &Row, columns: &[&str]) -> Vec<String> {
    columns.iter().map(|column| row[*column].clone()).collect()
}

fn x8400(row: &Row) -> i64 {
    row["points_x8400"].parse().unwrap()
}

/// What counted evidence rows add to on one side of a part.
fn counted(rows: &[&Row], side: &str, unit: &str) -> i128 {
    let is_counted = format!("is_counted_{side}");
    rows.iter()
        .filter(|row| row[&is_counted] == "true")
        .map(|row| {
            let value = |column: &str| number(&row[&format!("{side}_{column}")]).unwrap();
            match unit {
                "users" => value("active_users").min(value("paid_seats")),
                "usd" | "percent" => value("acr_usd"),
                _ => number("1").unwrap(),
            }
        })
        .sum()
}

fn balance(place: &Place) {
    let (areas, metrics) = (all(place, "fact_area_score"), all(place, "fact_metric_score"));
    let (parts, evidence) = (all(place, "fact_metric_part"), all(place, "fact_customer_evidence"));
    let skilling = all(place, "fact_skilling_evidence");
    let mut of_key: BTreeMap<Vec<String>, Vec<&Row>> = BTreeMap::new();
    for row in &evidence {
        of_key.entry(key(row, &["partner_id", "evidence_key"])).or_default().push(row);
    }
    let mut known_keys = 0;
    for part in &parts {
        let (current, baseline) = (number(&part["current_value"]), number(&part["baseline_value"]));
        if part["value_unit"] == "people" {
            let step = part["part"].trim_start_matches("step");
            let columns = ["partner_id", "area", "path", "metric"];
            let people = skilling
                .iter()
                .filter(|row| key(row, &columns) == key(part, &columns) && row["step"] == step)
                .filter(|row| ["counted", "prerequisite_missing"].contains(&row["reason"].as_str()))
                .count();
            assert_eq!(current, number(&people.to_string()), "{part:?}");
            continue;
        }
        let rows = of_key.get(&key(part, &["partner_id", "evidence_key"]));
        known_keys += usize::from(rows.is_some());
        let rows = rows.map_or(&[][..], Vec::as_slice);
        let Some(current) = current else {
            assert!(rows.is_empty(), "{part:?}");
            continue;
        };
        let unit = part["value_unit"].as_str();
        // Published amounts are rounded to four digits each.
        let slack = i128::try_from(rows.len() + 1).unwrap() * 500_000;
        let is_near = |left: i128, right: i128| (left - right).abs() <= slack;
        assert!(is_near(counted(rows, "current", unit), current), "{part:?}\n{rows:#?}");
        if let Some(baseline) = baseline {
            assert!(is_near(counted(rows, "baseline", unit), baseline), "{part:?}\n{rows:#?}");
        }
        let change: i128 = rows.iter().map(|row| number(&row["contribution"]).unwrap()).sum();
        assert!(is_near(change, current - baseline.unwrap_or_default()), "{part:?}\n{rows:#?}");
    }
    assert!(known_keys > 0);
    for metric in &metrics {
        let columns = ["partner_id", "area", "path", "metric"];
        let uncapped: i64 = parts
            .iter()
            .filter(|part| {
                key(part, &columns) == key(metric, &columns) && part["is_used"] == "true"
            })
            .map(x8400)
            .sum();
        assert_eq!(metric["uncapped_points_x8400"], uncapped.to_string(), "{metric:?}");
        let max = i64::try_from(number(&metric["max_points"]).unwrap() * 8400 / 10_000_000_000);
        assert_eq!(x8400(metric), uncapped.min(max.unwrap()), "{metric:?}");
        assert!(x8400(metric) >= 0, "{metric:?}");
    }
    let mut selected: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    for area in &areas {
        let columns = ["partner_id", "area", "path"];
        let total: i64 = metrics
            .iter()
            .filter(|metric| key(metric, &columns) == key(area, &columns))
            .map(x8400)
            .sum();
        assert_eq!(x8400(area), total, "{area:?}");
        assert!((0..=840_000).contains(&total), "{area:?}");
        *selected.entry(key(area, &columns[..2])).or_default() +=
            usize::from(area["is_selected"] == "true");
    }
    assert!(selected.values().all(|count| *count == 1), "{selected:?}");
}

#[test]
fn evidence_adds_to_parts_parts_to_metrics_metrics_to_areas() {
    runner(8)
        .run(&(case(), 0..RULESETS.len()), |(case, ruleset)| {
            balance(&run_by(&base_of(&case, |_| true), RULESETS[ruleset]));
            Ok(())
        })
        .unwrap();
}

#[test]
fn one_more_qualifying_tenant_never_costs_a_point() {
    runner(8)
        .run(&(case(), 0..RULESETS.len()), |(case, ruleset)| {
            let mut base = base_of(&case, |_| true);
            let before = run_by(&base, RULESETS[ruleset]);
            // Tenants that qualify on either path, in consumption or in seats.
            base.azure("1001", 0, 700, "12000.01");
            base.azure("1001", 0, 701, "1000");
            base.seats("1001", 0, 702, "Intune", 301, 301);
            base.seats("1001", 0, 703, "Intune", 25, 25);
            let after = run_by(&base, RULESETS[ruleset]);
            let columns = ["partner_id", "area", "path", "metric"];
            let points = |place: &Place| -> BTreeMap<Vec<String>, i64> {
                let rows = all(place, "fact_metric_score");
                rows.iter().map(|row| (key(row, &columns), x8400(row))).collect()
            };
            let (before, after) = (points(&before), points(&after));
            let mut gains = 0;
            for (metric, points) in &before {
                prop_assert!(
                    after[metric] >= *points,
                    "{:?}: {} to {}",
                    metric,
                    points,
                    after[metric]
                );
                gains += i64::from(after[metric] > *points);
            }
            prop_assert!(gains > 0);
            Ok(())
        })
        .unwrap();
}
