//! The test vectors of the rules for Business Applications (§14.7). "doc" marks numbers that
//! Microsoft printed. MCV is the monthly consumption value: 1,000 an active user of Business Central.

use std::fs;
use std::sync::LazyLock;

use crate::base::{Base, Place};
use crate::business_applications_associations as associations;
use crate::scorecard::Expect::{Area, Evidence, Metric, Part, Points, Selected};
use crate::scorecard::{
    ADV, DEP, ENT, INT, NCA, NOW, POINT, SMB, Scorecard, UG, Vector, evidence, pack_with, run_now,
    vectors,
};
use crate::tables::{Row, find, one};

pub const CENTRAL: &str = "Business Central";

/// Associations whose revenue counts, and those whose usage of Dynamics 365 counts.
const SOLD: [&str; 6] =
    ["CPOR RevRec", "CPOR OSA", "CPOR RevRec Performance", "CSP Tier 1", "CSP Tier 2", "DPOR"];
const USED: [&str; 4] = ["CPOR OSU", "CSP Tier 1", "CSP Tier 2", "DPOR"];

fn one_of<'a>(names: &[&'a str], tenant: u32) -> &'a str {
    names[usize::try_from(tenant).unwrap() % names.len()]
}

/// Tenants with this revenue of Business Central in R and a year ago.
fn revenue(base: &mut Base, partner: &str, rows: &[(&str, &str)]) {
    for (tenant, (now, before)) in (10..).zip(rows) {
        for (back, amount) in [(0, now), (12, before)] {
            if *amount != "0" {
                base.revenue(partner, back, tenant, CENTRAL, one_of(&SOLD, tenant), amount);
            }
        }
    }
}

/// `now` pairs with an amount in R, the first `before` of them a year ago too.
fn pairs(base: &mut Base, partner: &str, amount: &'static str, now: usize, before: usize) {
    let row = |at| (if at < now { amount } else { "0" }, if at < before { amount } else { "0" });
    revenue(base, partner, &(0..now.max(before)).map(row).collect::<Vec<_>>());
}

/// Tenants with these active users of Business Central in R and a year ago.
fn users(base: &mut Base, partner: &str, rows: &[(i64, i64)]) {
    for (tenant, (now, before)) in (10..).zip(rows) {
        for (back, count) in [(0, now), (12, before)] {
            if *count > 0 {
                let by = one_of(&USED, tenant);
                base.usage(partner, back, tenant, CENTRAL, by, [*count, 0, 0]);
            }
        }
    }
}

/// Profiles of Customer Insights a year ago, 0.2 each.
fn profiles(base: &mut Base, partner: &str, count: i64) {
    base.usage(partner, 12, 50, "Customer Insights", "PAL", [0, 0, count]);
}

/// Four pairs above 5,000 in R and in R−12, and a fifth with these amounts.
fn classified(base: &mut Base, partner: &str, now: &str, before: &str) {
    for (back, fifth) in [(0, now), (12, before)] {
        for (tenant, workload) in [(10, CENTRAL), (10, "Sales"), (10, "Finance"), (11, CENTRAL)] {
            base.revenue(partner, back, tenant, workload, "CSP Tier 1", "5000.01");
        }
        base.revenue(partner, back, 12, "Power Apps", "CPOR RevRec", fifth);
    }
}

fn intermediate(base: &mut Base, partner: &str, count: u32) {
    base.people(partner, "Business Central Functional Consultant", count);
}

fn advanced(base: &mut Base, partner: &str, count: u32) {
    base.people(partner, "Business Central Developer Associate", count);
}

/// Pairs of 500, 499.99, 250 and 249.99 USD.
fn around_the_thresholds(base: &mut Base, partner: &str) {
    revenue(base, partner, &[("500", "0"), ("499.99", "0"), ("250", "0"), ("249.99", "0")]);
}

vectors! {
    "BA-01 doc: 10 × 1,000 and 50,000 × 0.2", NOW, ENT, |b, p| {
        users(b, p, &[(10, 0)]);
        b.usage(p, 0, 50, "Customer Insights", "PAL", [0, 0, 50_000]);
    } => [
        Part(UG, "bizapps", "current_value", "20000.0000"),
        Evidence(UG, "bizapps", 10, CENTRAL, &[("reason_current", "counted"), ("current_consumption_value", "10000.0000")]),
        Evidence(UG, "bizapps", 50, "Customer Insights", &[("reason_current", "counted"), ("current_consumption_value", "10000.0000")]),
    ];
    "BA-02: 45 × 200 + 12 × 100 + 60 × 200", NOW, ENT, |b, p| {
        b.usage(p, 0, 10, "Power Apps", "PAL", [0, 45, 0]);
        b.usage(p, 0, 10, "Finance & Operations", "CPOR OSU", [12, 0, 0]);
        b.usage(p, 0, 10, "Common Data Service (Customer Engagement)", "DPOR", [60, 0, 0]);
    } => [
        Part(UG, "bizapps", "current_value", "22200.0000"),
        Part(UG, "bizapps", "value_unit", "percent"),
        Part(UG, "bizapps", "unit_size", "1.0000"),
    ];
    "BA-03: nine pairs now, six before: 3 × 3", NOW, ENT, |b, p| pairs(b, p, "1500", 9, 6) => [
        Points(NCA, 9 * POINT),
        Metric(NCA, "value_unit", "tenant_workloads"),
        Metric(NCA, "current_value", "9.0000"),
        Metric(NCA, "baseline_value", "6.0000"),
        Metric(NCA, "change_value", "3.0000"),
        Metric(NCA, "units_to_next_point", "1.0000"),
    ];
    "BA-04: four pairs now, five before", NOW, SMB, |b, p| pairs(b, p, "250", 4, 5) => [
        Points(NCA, 0),
        Metric(NCA, "change_value", "-1.0000"),
        // One to make up for the loss and one to gain.
        Metric(NCA, "units_to_next_point", "2.0000"),
    ];
    "BA-05: two workloads of one tenant, 2 × 3", NOW, ENT, |b, p| {
        b.revenue(p, 0, 10, CENTRAL, "CSP Tier 2", "1600");
        b.revenue(p, 0, 10, "Sales", "CSP Tier 2", "1700");
    } => [
        Points(NCA, 6 * POINT),
        Evidence(NCA, "bizapps", 10, CENTRAL, &[("reason_current", "counted"), ("current_revenue_usd", "1600.0000"), ("contribution", "1.0000")]),
        Evidence(NCA, "bizapps", 10, "Sales", &[("reason_current", "counted"), ("reason_baseline", "no_usage"), ("contribution", "1.0000")]),
    ];
    "six pairs more, 6 × 3, capped", NOW, ENT, |b, p| pairs(b, p, "1500", 6, 0) => [
        Points(NCA, 15 * POINT), Metric(NCA, "uncapped_points_x8400", "151200"), Metric(NCA, "units_to_next_point", "∅"),
    ];
    "BA-06: enterprise, 13 × 1", NOW, ENT, |b, p| intermediate(b, p, 13)
        => [Points(INT, 13 * POINT), Metric(INT, "current_value", "13.0000"), Metric(INT, "units_to_next_point", "1.0000")];
    "BA-06: enterprise, 25 × 1, capped", NOW, ENT, |b, p| intermediate(b, p, 25)
        => [Points(INT, 20 * POINT), Part(INT, "people", "points_x8400", "210000")];
    "BA-06: small business, 3 × 4", NOW, SMB, |b, p| intermediate(b, p, 3) => [Points(INT, 12 * POINT)];
    "BA-06: small business, 6 × 4, capped", NOW, SMB, |b, p| intermediate(b, p, 6) => [Points(INT, 20 * POINT)];
    "BA-07: enterprise, 15/7", NOW, ENT, |b, p| advanced(b, p, 1) => [Points(ADV, 18_000), Metric(ADV, "points", "2.1429")];
    "BA-07: enterprise, 45/7", NOW, ENT, |b, p| advanced(b, p, 3) => [Points(ADV, 54_000), Metric(ADV, "points", "6.4286")];
    "BA-07: enterprise, 7 × 15/7", NOW, ENT, |b, p| advanced(b, p, 7)
        => [Points(ADV, 15 * POINT), Metric(ADV, "units_to_next_point", "∅")];
    "BA-07: small business, 7.5", NOW, SMB, |b, p| advanced(b, p, 1) => [Points(ADV, 63_000)];
    "BA-07: small business, 3 × 7.5, capped", NOW, SMB, |b, p| advanced(b, p, 3)
        => [Points(ADV, 15 * POINT), Metric(ADV, "uncapped_points_x8400", "189000")];
    "BA-08: 65,000 from 52,000 is 25 %", NOW, ENT, |b, p| users(b, p, &[(65, 52)]) => [
        Points(UG, 25 * POINT),
        Part(UG, "bizapps", "current_value", "65000.0000"),
        Part(UG, "bizapps", "baseline_value", "52000.0000"),
        Part(UG, "bizapps", "increments", "25"),
        Part(UG, "bizapps", "remainder", "0.0000"),
        Metric(UG, "value_unit", "percent"),
        Metric(UG, "units_to_next_point", "1.0000"),
        Metric(UG, "flags", ""),
        Points("total", 25 * POINT), Area("has_incentive_points", "true"),
    ];
    "24 % are 24 points, one too few for incentives", NOW, ENT, |b, p| users(b, p, &[(62, 50)])
        => [Points("total", 24 * POINT), Area("has_incentive_points", "false")];
    "BA-08: 58,000 from 49 × 1,000 + 4,995 × 0.2 = 49,999", NOW, ENT, |b, p| {
        users(b, p, &[(58, 49)]);
        profiles(b, p, 4995);
    } => [
        Points(UG, 0),
        Part(UG, "bizapps", "baseline_value", "49999.0000"),
        Part(UG, "bizapps", "increments", "0"),
        Metric(UG, "flags", "below_minimum"),
        Metric(UG, "units_to_next_point", "∅"),
    ];
    "exactly 50,000 are enough: 55,000 is 10 %", NOW, ENT, |b, p| users(b, p, &[(55, 50)])
        => [Points(UG, 10 * POINT), Metric(UG, "flags", "")];
    "57,000 from 52,000 is 9.615384…%", NOW, ENT, |b, p| users(b, p, &[(57, 52)]) => [
        Points(UG, 9 * POINT), Part(UG, "bizapps", "remainder", "0.6153"), Metric(UG, "units_to_next_point", "0.3847"),
    ];
    "a loss of 2 % is 3 % away from a point", NOW, ENT, |b, p| users(b, p, &[(49, 50)])
        => [Points(UG, 0), Metric(UG, "change_value", "-1000.0000"), Metric(UG, "units_to_next_point", "3.0000")];
    "growth is that of the whole base: 66 from 55 is 20 %", NOW, ENT, |b, p| users(b, p, &[(20, 30), (45, 25), (1, 0)]) => [
        Points(UG, 20 * POINT),
        Evidence(UG, "bizapps", 10, CENTRAL, &[("reason_current", "counted"), ("reason_baseline", "counted"), ("contribution", "-10000.0000")]),
        Evidence(UG, "bizapps", 12, CENTRAL, &[("reason_baseline", "no_usage"), ("contribution", "1000.0000")]),
    ];
    "BA-09: 31,000 from 25,000 is 24 %", NOW, SMB, |b, p| users(b, p, &[(31, 25)]) => [Points(UG, 24 * POINT)];
    "BA-09: 40,000 from 25,000 is 60 %, capped", NOW, SMB, |b, p| users(b, p, &[(40, 25)]) => [
        Points(UG, 30 * POINT), Metric(UG, "uncapped_points_x8400", "504000"), Metric(UG, "units_to_next_point", "∅"),
    ];
    "24 × 1,000 + 4,999 × 0.2 = 24,999.8 is not enough", NOW, SMB, |b, p| {
        users(b, p, &[(40, 24)]);
        profiles(b, p, 4999);
    } => [Points(UG, 0), Part(UG, "bizapps", "baseline_value", "24999.8000"), Metric(UG, "flags", "below_minimum")];
    "BA-10: five pairs now, one of exactly 10,000, three before: 2 × 4", NOW, ENT,
        |b, p| users(b, p, &[(12, 12), (12, 12), (12, 12), (12, 0), (10, 0), (9, 0)])
        => [
            Points(DEP, 8 * POINT),
            Metric(DEP, "current_value", "5.0000"),
            Metric(DEP, "baseline_value", "3.0000"),
            Evidence(DEP, "bizapps", 14, CENTRAL, &[("reason_current", "counted"), ("current_consumption_value", "10000.0000")]),
            Evidence(DEP, "bizapps", 15, CENTRAL, &[("is_counted_current", "false"), ("reason_current", "below_threshold"), ("current_consumption_value", "9000.0000")]),
        ];
    "BA-12: 5 × 1,000 is a deployment, 4 × 1,000 is not", NOW, SMB, |b, p| users(b, p, &[(5, 0), (4, 0)]) => [
        Points(DEP, 4 * POINT),
        Metric(DEP, "value_unit", "tenant_workloads"),
        Evidence(DEP, "bizapps", 10, CENTRAL, &[("reason_current", "counted"), ("contribution", "1.0000")]),
        Evidence(DEP, "bizapps", 11, CENTRAL, &[("reason_current", "below_threshold"), ("contribution", "0.0000")]),
    ];
    "BA-12: 6 × 4, capped", NOW, SMB, |b, p| users(b, p, &[(5, 0); 6])
        => [Points(DEP, 20 * POINT), Metric(DEP, "uncapped_points_x8400", "201600")];
    "BA-13: one person with MB-310 and PL-300", NOW, SMB, |b, p| {
        for title in ["Finance", "Power BI Data Analyst Associate"] {
            b.training(p, "both", "Certification", &format!("Microsoft Certified: {title}"), "2025-01-01", "NA");
        }
    } => [Points(INT, 4 * POINT)];
    "C-03: one person by AB-400, one by PL-400 and AB-400: 2 × 4", NOW, SMB, |b, p| {
        for (person, title) in [("new", "AB-400"), ("old", "PL-400"), ("old", "AB-400")] {
            b.training(p, person, "Certification", title, "2025-01-01", "NA");
        }
    } => [Points(INT, 8 * POINT)];
    "BA-11: five pairs of more than 5,000 in both months", NOW, ENT, |b, p| classified(b, p, "5000.01", "5000.01")
        => [Selected("assigned_enterprise", ENT)];
    "BA-11: four pairs", NOW, SMB, |b, p| classified(b, p, "4999.99", "4999.99") => [Selected("assigned_smb", SMB)];
    "BA-11: one of five has exactly 5,000.00 in R", NOW, SMB, |b, p| classified(b, p, "5000.00", "5000.01")
        => [Selected("assigned_smb", SMB)];
    "BA-11: one of five has exactly 5,000.00 in R−12", NOW, SMB, |b, p| classified(b, p, "5000.01", "5000.00")
        => [Selected("assigned_smb", SMB)];
    "five pairs in each month, four of them the same (AMB-16)", NOW, SMB, |b, p| {
        classified(b, p, "5000.01", "1");
        b.revenue(p, 12, 13, CENTRAL, "DPOR", "5000.01");
    } => [Selected("assigned_smb", SMB)];
    "no revenue is small business", NOW, SMB, |_, _| {} => [
        Selected("assigned_smb", SMB), Points("total", 0), Area("points_to_qualify", "70.0000"),
    ];
    "one point is more than nothing: 1 of a person and 1 %", NOW, ENT, |b, p| {
        intermediate(b, p, 1);
        users(b, p, &[(101, 100)]);
    } => [
        Points(INT, POINT), Points(UG, POINT),
        Area("blocking_metrics", "net_customer_adds,advanced_certifications,deployments"),
    ];
    "exactly 70 points are 69.98 as printed: 4 × 3 + 20 + 7 × 15/7 + 3 (103,000 from 100,000) + 5 × 4", NOW, ENT, |b, p| {
        pairs(b, p, "1500", 4, 0);
        intermediate(b, p, 20);
        advanced(b, p, 7);
        users(b, p, &[(53, 100), (10, 0), (10, 0), (10, 0), (10, 0), (10, 0)]);
    } => [
        Points("total", 70 * POINT),
        Area("is_qualified", "true"), Area("flags", "borderline_rounding"),
    ];
    "all points: 5 × 3 + 5 × 4 + 2 × 7.5 + 30 (100 %) + 5 × 4", NOW, SMB, |b, p| {
        pairs(b, p, "250", 5, 0);
        intermediate(b, p, 5);
        advanced(b, p, 2);
        users(b, p, &[(5, 0), (5, 0), (5, 0), (5, 0), (5, 0), (25, 25)]);
    } => [
        Points("total", 100 * POINT),
        Area("is_qualified", "true"), Area("flags", ""), Area("ruleset_id", "2026-08"),
        Selected("assigned_smb", SMB),
    ];
    "small business counted from 500 USD in 2022", "2022-10", SMB, around_the_thresholds => [
        Points(NCA, 3 * POINT),
        Evidence(NCA, "bizapps", 10, CENTRAL, &[("reason_current", "counted")]),
        Evidence(NCA, "bizapps", 11, CENTRAL, &[("reason_current", "below_threshold")]),
    ];
    "small business counts from 250 USD since 2023", "2023-06", SMB, around_the_thresholds => [
        Points(NCA, 9 * POINT),
        Evidence(NCA, "bizapps", 12, CENTRAL, &[("reason_current", "counted")]),
        Evidence(NCA, "bizapps", 13, CENTRAL, &[("reason_current", "below_threshold")]),
    ];
    "PL-100 counts before December 2023", "2023-06", SMB, |b, p| b.people(p, "Power Platform App Maker Associate", 1)
        => [Points(INT, 4 * POINT)];
    "PL-100 does not count from then on", "2023-12-01", SMB, |b, p| b.people(p, "Power Platform App Maker Associate", 1)
        => [Points(INT, 0)];
}

static SCORED: LazyLock<Scorecard> = LazyLock::new(|| {
    let vectors: [&[Vector]; 2] = [VECTORS, associations::VECTORS];
    Scorecard::new("business_applications", &vectors)
});

/// [`Scorecard::failures_with`] of these vectors.
pub fn failures_with(pack: &str) -> Option<Vec<String>> {
    SCORED.failures_with(pack)
}

#[test]
fn all_vectors_hold() {
    assert_eq!(SCORED.failures(), Vec::<String>::new());
}

#[test]
fn evidence_parts_metrics_and_totals_add_up_by_every_ruleset() {
    for scored in SCORED.all() {
        scored.assert_adds_up();
    }
}

/// AMB-16, the other reading: five pairs in each month, whatever pairs they are.
#[test]
fn the_pairs_of_each_month_can_assign_the_path() {
    let place = Place::new();
    let pack = pack_with("business_applications", "assigning_pairs", "each_month");
    fs::write(place.path("pack.toml"), pack).unwrap();
    let scored = SCORED.score(NOW, &["--ruleset-file", &place.text("pack.toml")]);
    for (name, expected) in [
        ("five pairs in each month, four of them the same (AMB-16)", ENT),
        ("BA-11: five pairs of more than 5,000 in both months", ENT),
        ("BA-11: one of five has exactly 5,000.00 in R", SMB),
    ] {
        let partner = SCORED.partner(name);
        let row = one(&scored.areas, &[("partner_id", &partner), ("is_selected", "true")]);
        assert_eq!(row["path"], expected, "{name}");
    }
}

/// A partner without usage of R−12, and one without any export of business applications.
#[test]
fn what_was_not_delivered_is_not_computed() {
    let mut base = Base::default();
    base.partner("1001");
    base.partner("1002");
    base.business("1001");
    base.usage.clear();
    base.usage("1001", 0, 10, CENTRAL, "CSP Tier 1", [60, 0, 0]);
    base.revenue("1001", 0, 10, CENTRAL, "CSP Tier 1", "1500");
    let place = run_now(&base);
    let areas = place.area_table("fact_area_score", "business_applications");
    let metrics = place.area_table("fact_metric_score", "business_applications");
    let parts = place.area_table("fact_metric_part", "business_applications");
    let evidence = evidence(&place);
    let judged = |row: &Row| (row["coverage"].clone(), row["missing_inputs"].clone());
    let lost = |inputs: &str| ("not_computable".to_owned(), inputs.to_owned());
    let complete = ("complete".to_owned(), String::new());
    let both = "bizapps_revenue,bizapps_usage";
    for path in [ENT, SMB] {
        for (partner, of_area, of_adds) in [
            ("1001", lost("bizapps_usage"), complete.clone()),
            ("1002", lost(both), lost("bizapps_revenue")),
        ] {
            let keys = [("partner_id", partner), ("path", path)];
            assert_eq!(judged(one(&areas, &keys)), of_area);
            for (metric, expected) in [
                (NCA, of_adds),
                (INT, complete.clone()),
                (ADV, complete.clone()),
                (UG, lost("bizapps_usage")),
                (DEP, lost("bizapps_usage")),
            ] {
                let row = one(&metrics, &[keys[0], keys[1], ("metric", metric)]);
                assert_eq!(judged(row), expected, "{row:?}");
            }
            for metric in [UG, DEP] {
                let part = one(&parts, &[keys[0], keys[1], ("metric", metric)]);
                for (column, expected) in [
                    ("current_value", "∅"),
                    ("baseline_value", "∅"),
                    ("increments", "0"),
                    ("remainder", "∅"),
                    ("points_x8400", "0"),
                ] {
                    assert_eq!(part[column], expected, "{part:?}");
                }
                let key = part["evidence_key"].as_str();
                let rows = find(&evidence, &[("partner_id", partner), ("evidence_key", key)]);
                assert!(rows.is_empty(), "{rows:?}");
            }
        }
        let keys = [("partner_id", "1001"), ("path", path), ("metric", NCA)];
        assert_eq!(one(&metrics, &keys)["points_x8400"], (3 * POINT).to_string());
    }
}
