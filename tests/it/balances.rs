//! What the published tables promise of each other, on generated bases whose values lie on the
//! thresholds: evidence adds to parts, parts to metrics, metrics to areas, one path is selected, and
//! one more qualifying customer never costs a point.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::base::{Place, run_by};
use crate::cases::{base_of, case, runner};
use crate::tables::{Row, one};

const RULESETS: [&str; 4] = ["2023-12-01", "2025-03", "2026-05", "2026-08"];

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
fn counted(rows: &[&Row], side: &str, part: &Row) -> i128 {
    let is_counted = format!("is_counted_{side}");
    rows.iter()
        .filter(|row| row[&is_counted] == "true")
        .map(|row| {
            let value = |column: &str| number(&row[&format!("{side}_{column}")]).unwrap();
            match (part["area"].as_str(), part["value_unit"].as_str()) {
                ("security", "users") => value("active_users").min(value("paid_seats")),
                (_, "users") => value("active_users"),
                ("business_applications", "percent") => value("consumption_value"),
                (_, "usd" | "percent") => value("acr_usd"),
                // Tenants, workloads of tenants and services count one each.
                _ => number("1").unwrap(),
            }
        })
        .sum()
}

fn balance(place: &Place) {
    let all = |table| place.all_areas(table);
    let (areas, metrics) = (all("fact_area_score"), all("fact_metric_score"));
    let (parts, evidence) = (all("fact_metric_part"), all("fact_customer_evidence"));
    let skilling = all("fact_skilling_evidence");
    let mut of_key: BTreeMap<Vec<String>, Vec<&Row>> = BTreeMap::new();
    for row in &evidence {
        of_key.entry(key(row, &["partner_id", "evidence_key"])).or_default().push(row);
    }
    let mut known_keys = 0;
    for part in &parts {
        let (current, baseline) = (number(&part["current_value"]), number(&part["baseline_value"]));
        if part["value_unit"] == "people" {
            // Without prerequisites there is one step, whose part is called people.
            let step = match part["part"].as_str() {
                "people" => "1",
                step => step.trim_start_matches("step"),
            };
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
        // Published amounts are rounded to four digits each.
        let slack = i128::try_from(rows.len() + 1).unwrap() * 500_000;
        let is_near = |left: i128, right: i128| (left - right).abs() <= slack;
        assert!(is_near(counted(rows, "current", part), current), "{part:?}\n{rows:#?}");
        if let Some(baseline) = baseline {
            assert!(is_near(counted(rows, "baseline", part), baseline), "{part:?}\n{rows:#?}");
        }
        let change: i128 = rows.iter().map(|row| number(&row["contribution"]).unwrap()).sum();
        assert!(is_near(change, current - baseline.unwrap_or_default()), "{part:?}\n{rows:#?}");
    }
    assert!(known_keys > 0);
    for metric in &metrics {
        let columns = ["partner_id", "area", "path", "metric"];
        let of_metric: Vec<&Row> =
            parts.iter().filter(|part| key(part, &columns) == key(metric, &columns)).collect();
        let used: Vec<&Row> =
            of_metric.iter().copied().filter(|part| part["is_used"] == "true").collect();
        if used.len() < of_metric.len() {
            // The better part, the first at a tie.
            let best = of_metric.iter().map(|part| x8400(part)).max();
            let first = of_metric.iter().find(|part| Some(x8400(part)) == best);
            assert_eq!(first.map(|part| &part["part"]), Some(&used[0]["part"]), "{metric:?}");
            assert_eq!(used.len(), 1, "{metric:?}");
        }
        let uncapped: i64 = used.iter().map(|part| x8400(part)).sum();
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
    let scored: BTreeSet<&String> = areas.iter().map(|area| &area["area"]).collect();
    assert_eq!(scored.len(), 6, "{scored:?}");
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
            // Tenants that qualify on either path, in consumption or in seats, by each association.
            base.azure("1001", 0, 700, "12000.01");
            base.azure("1001", 0, 701, "1000");
            base.seats("1001", 0, 702, "Intune", 301, 301);
            base.seats("1001", 0, 703, "Intune", 25, 25);
            base.office("1001", 0, 704, "Teams", "DPOR", 301, 121);
            base.office("1001", 0, 705, "Teams", "CSP Tier 2", 11, 5);
            base.revenue("1001", 0, 706, "Sales", "CSP Tier 1", "1500");
            base.usage("1001", 0, 706, "Business Central", "CPOR OSU", [10, 0, 0]);
            base.usage("1001", 0, 707, "Power Apps", "PAL", [0, 50, 0]);
            // These were there a year ago and are no gain, but make the partner enterprise. That
            // costs nothing either: both paths are scored whichever is assigned.
            for (tenant, back) in (710..715).flat_map(|tenant| [(tenant, 0), (tenant, 12)]) {
                base.revenue("1001", back, tenant, "Sales", "CSP Tier 1", "5000.01");
            }
            let after = run_by(&base, RULESETS[ruleset]);
            let columns = ["partner_id", "area", "path", "metric"];
            let points = |place: &Place| -> BTreeMap<Vec<String>, i64> {
                let rows = place.all_areas("fact_metric_score");
                rows.iter().map(|row| (key(row, &columns), x8400(row))).collect()
            };
            let business = after.area_table("fact_area_score", "business_applications");
            let selected = one(&business, &[("partner_id", "1001"), ("is_selected", "true")]);
            prop_assert_eq!(&selected["path"], "enterprise");
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
