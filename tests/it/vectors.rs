//! The test vectors of the rules for Security `2023-12-01`, through files, facts, scoring and
//! published tables: one partner a vector, one base. "doc" marks numbers that Microsoft printed.

use std::sync::LazyLock;

use crate::base::{Base, Place, capscore, run};
use crate::tables::{find, one};

/// What a vector expects: metric (or `total`) → points in 1/8400.
struct Vector {
    name: &'static str,
    build: fn(&mut Base, &str),
    expect: &'static [(&'static str, i64)],
}

const NCA: &str = "net_customer_adds";
const INT: &str = "intermediate_certifications";
const UG: &str = "usage_growth";
const DEP: &str = "deployments";
const POINT: i64 = 8400;

/// Tenants with this security ACR in the last twelve months and in the twelve before.
fn azure(base: &mut Base, partner: &str, first: u32, amounts: &[(&str, &str)]) {
    for (at, (now, before)) in (first..).zip(amounts) {
        // The first and the last month of each window: one month off and the sums change.
        if *now != "0" {
            base.azure(partner, if at % 2 == 0 { 0 } else { 11 }, at, now);
        }
        if *before != "0" {
            base.azure(partner, if at % 2 == 0 { 12 } else { 23 }, at, before);
        }
    }
}

/// (paid, active) now and a year ago.
type Counts = ((i64, i64), (i64, i64));

/// Tenants with these counts of one workload.
fn seats(base: &mut Base, partner: &str, first: u32, counts: &[Counts]) {
    for (at, (now, before)) in (first..).zip(counts) {
        for (back, (paid, active)) in [(0, now), (12, before)] {
            if *paid > 0 {
                base.seats(partner, back, at, "Intune", *paid, *active);
            }
        }
    }
}

/// `new` tenants that came with a net add each, without activity and below 12,000 USD.
fn adds(base: &mut Base, partner: &str, azure_net: i32, seats_net: i32) {
    let tenants = |net: i32, first: u32| (first..).zip(0..net.abs());
    for (at, _) in tenants(azure_net, 100) {
        base.azure(partner, if azure_net > 0 { 3 } else { 15 }, at, "100");
    }
    for (at, _) in tenants(seats_net, 200) {
        base.seats(partner, if seats_net > 0 { 0 } else { 12 }, at, "Intune", 25, 0);
    }
}

/// `net` tenants with a deployment, half of them Azure; existed before without being deployed.
fn deployments(base: &mut Base, partner: &str, net: i32) {
    for at in 0..net.unsigned_abs() {
        let (now, before) = if net > 0 { (0, 12) } else { (12, 0) };
        if at % 2 == 0 {
            base.azure(partner, now, 300 + at, "12000");
            base.azure(partner, before, 300 + at, "11999.99");
        } else {
            base.seats(partner, now, 300 + at, "Intune", 100, 15);
            base.seats(partner, before, 300 + at, "Intune", 100, 14);
        }
    }
}

fn holders(base: &mut Base, partner: &str, steps: (u32, u32, u32)) {
    base.people(partner, "Azure Security Engineer Associate", steps.0);
    base.people(partner, "Security Operations Analyst", steps.1);
    base.people(partner, "Cybersecurity Architect Expert", steps.2);
}

const VECTORS: &[Vector] = &[
    Vector {
        name: "SE-01: net adds +3 and +4",
        build: |base, partner| adds(base, partner, 3, 4),
        expect: &[(NCA, 14 * POINT)],
    },
    Vector {
        name: "SE-02: net adds +6 and +7 are capped",
        build: |base, partner| adds(base, partner, 6, 7),
        expect: &[(NCA, 20 * POINT)],
    },
    Vector {
        name: "SE-03: a negative part takes nothing from the other",
        build: |base, partner| adds(base, partner, -2, 5),
        expect: &[(NCA, 10 * POINT)],
    },
    Vector {
        name: "net adds: 100 USD in twelve months and 25 seats are enough, a cent and a seat less are not",
        build: |base, partner| {
            azure(base, partner, 10, &[("100", "0"), ("99.99", "0"), ("99.9999999999", "0")]);
            seats(base, partner, 20, &[((25, 0), (0, 0)), ((24, 24), (0, 0)), ((25, 1), (24, 1))]);
        },
        expect: &[(NCA, 2 * POINT + 4 * POINT)],
    },
    Vector {
        name: "SE-08 doc: three people beside two of each prerequisite",
        build: |base, partner| holders(base, partner, (2, 2, 3)),
        expect: &[(INT, 20 * POINT)],
    },
    Vector {
        name: "SE-08 doc: two people are 13.33",
        build: |base, partner| holders(base, partner, (2, 2, 2)),
        expect: &[(INT, 112_000)],
    },
    Vector {
        name: "SE-08 doc: no holder of step 2",
        build: |base, partner| holders(base, partner, (2, 0, 2)),
        expect: &[(INT, 0)],
    },
    Vector {
        name: "SE-08 doc: one holder of step 1",
        build: |base, partner| holders(base, partner, (1, 2, 2)),
        expect: &[(INT, 0)],
    },
    Vector {
        name: "SE-10: seven people are capped at forty points",
        build: |base, partner| holders(base, partner, (2, 2, 7)),
        expect: &[(INT, 40 * POINT)],
    },
    Vector {
        name: "SC-200 alone does not count in step 3, SC-300 and SC-400 do",
        build: |base, partner| {
            holders(base, partner, (2, 4, 0));
            base.people(partner, "Identity and Access Administrator Associate", 1);
            // SC-400 retired on 2025-05-31: a year later it counts no more.
            base.people(partner, "Information Protection Administrator", 1);
        },
        expect: &[(INT, 56_000)],
    },
    Vector {
        name: "C-02: an expired AZ-500 does not count although it retired less than a year ago",
        build: |base, partner| {
            holders(base, partner, (1, 2, 2));
            let title = "Microsoft Certified: Azure Security Engineer Associate";
            base.training(partner, "expired", "Certification", title, "2025-08-01", "2026-09-29");
        },
        expect: &[(INT, 0)],
    },
    Vector {
        name: "a certificate counts on its last day",
        build: |base, partner| {
            holders(base, partner, (1, 2, 2));
            let title = "Microsoft Certified: Azure Security Engineer Associate";
            base.training(partner, "last day", "Certification", title, "2025-08-01", "2026-09-30");
        },
        expect: &[(INT, 112_000)],
    },
    Vector {
        name: "SE-12: four net deployments are 13.33",
        build: |base, partner| deployments(base, partner, 4),
        expect: &[(DEP, 112_000)],
    },
    Vector {
        name: "SE-12: six net deployments are twenty",
        build: |base, partner| deployments(base, partner, 6),
        expect: &[(DEP, 20 * POINT)],
    },
    Vector {
        name: "SE-12: a lost deployment earns nothing",
        build: |base, partner| deployments(base, partner, -1),
        expect: &[(DEP, 0)],
    },
    Vector {
        name: "SE-13: 60 of 400 seats active are 15 %",
        build: |base, partner| seats(base, partner, 10, &[((400, 60), (0, 0))]),
        expect: &[(DEP, 28_000), (NCA, 2 * POINT)],
    },
    Vector {
        name: "SE-13: 59 of 400 are not",
        build: |base, partner| seats(base, partner, 10, &[((400, 59), (0, 0))]),
        expect: &[(DEP, 0), (NCA, 2 * POINT)],
    },
    Vector {
        name: "deployments: 25 seats with 4 active count, 24 with all active do not",
        build: |base, partner| {
            seats(base, partner, 10, &[((25, 4), (0, 0)), ((24, 24), (0, 0)), ((25, 3), (0, 0))]);
        },
        expect: &[(DEP, 28_000)],
    },
    Vector {
        name: "SE-14 by the single path: 12,000.00 is a deployment, 11,999.99 is not",
        build: |base, partner| {
            azure(base, partner, 11, &[("12000.00", "0"), ("11999.99", "0")]);
        },
        expect: &[(DEP, 28_000)],
    },
    Vector {
        name: "SE-15: 9,000 USD and 700 users",
        build: |base, partner| {
            azure(base, partner, 10, &[("10000", "1000")]);
            seats(base, partner, 20, &[((2000, 1000), (2000, 300))]);
        },
        expect: &[(UG, 12 * POINT)],
    },
    Vector {
        name: "SE-17: 1,249.99 USD and 124 users earn nothing",
        build: |base, partner| {
            azure(base, partner, 10, &[("2249.99", "1000")]);
            seats(base, partner, 20, &[((200, 174), (200, 50))]);
        },
        expect: &[(UG, 0)],
    },
    Vector {
        name: "1,250 USD and 125 users earn a point each",
        build: |base, partner| {
            azure(base, partner, 10, &[("2250", "1000")]);
            seats(base, partner, 20, &[((200, 175), (200, 50))]);
        },
        expect: &[(UG, 2 * POINT)],
    },
    Vector {
        name: "usage growth looks at twelve months",
        build: |base, partner| azure(base, partner, 11, &[("2250", "1000")]),
        expect: &[(UG, POINT)],
    },
    Vector {
        name: "SE-18: a loss of 5,000 USD takes nothing from 1,500 users",
        build: |base, partner| {
            azure(base, partner, 10, &[("1000", "6000")]);
            seats(base, partner, 20, &[((2000, 1600), (2000, 100))]);
        },
        expect: &[(UG, 12 * POINT)],
    },
    Vector {
        name: "SE-19 doc: 25,000 USD",
        build: |base, partner| azure(base, partner, 10, &[("25000", "0")]),
        expect: &[(UG, 20 * POINT)],
    },
    Vector {
        name: "SE-19 doc: 2,500 users",
        build: |base, partner| seats(base, partner, 20, &[((3000, 2500), (0, 0))]),
        expect: &[(UG, 20 * POINT)],
    },
    Vector {
        name: "active users above the paid seats do not count, small tenants do",
        build: |base, partner| {
            seats(base, partner, 20, &[((100, 400), (0, 0)), ((24, 25), (0, 0))])
        },
        expect: &[(UG, 0)],
    },
    Vector {
        name: "small tenants count in usage growth",
        build: |base, partner| {
            seats(base, partner, 20, &[((101, 400), (0, 0)), ((24, 25), (0, 0))]);
            azure(base, partner, 10, &[("1249", "0"), ("1", "0")]);
        },
        expect: &[(UG, 2 * POINT)],
    },
    Vector {
        // 20 + 4 × 40/6 + 4 × 20/6 + 10
        name: "T-05: exactly seventy qualifies",
        build: |base, partner| {
            holders(base, partner, (2, 2, 4));
            deployments(base, partner, 4);
            adds(base, partner, 10, 0);
            // Growth of 1,000 by the adds and 0.02 by the deployments is there already.
            azure(base, partner, 50, &[("11499.98", "0")]);
        },
        expect: &[
            ("total", 70 * POINT),
            (NCA, 20 * POINT),
            (INT, 224_000),
            (DEP, 112_000),
            (UG, 10 * POINT),
        ],
    },
    Vector {
        name: "T-03: eighty points with a metric at zero do not qualify",
        build: |base, partner| {
            holders(base, partner, (2, 2, 6));
            adds(base, partner, 10, 0);
            seats(base, partner, 20, &[((20, 0), (0, 0))]);
            // Growth of 25,000 by tenants of less than 12,000 each.
            azure(base, partner, 50, &[("11000", "0"), ("11000", "0"), ("3000", "0")]);
        },
        expect: &[("total", 80 * POINT), (DEP, 0)],
    },
];

fn build(vectors: &[Vector]) -> Base {
    let mut base = Base::default();
    for (at, vector) in vectors.iter().enumerate() {
        let partner = partner_id(at);
        base.partner(&partner);
        (vector.build)(&mut base, &partner);
    }
    base
}

fn partner_id(at: usize) -> String {
    format!("{}", 1_000_000 + at)
}

static SCORED: LazyLock<Place> = LazyLock::new(|| run(&build(VECTORS)));

/// The vectors that a scored output does not meet.
fn failures(place: &Place) -> Vec<String> {
    let metrics = place.month_table("fact_metric_score");
    let areas = place.month_table("fact_area_score");
    let mut failures = Vec::new();
    for (at, vector) in VECTORS.iter().enumerate() {
        let partner = partner_id(at);
        let area = one(&areas, &[("partner_id", &partner)]);
        assert_eq!(area["coverage"], "complete", "{}: {area:?}", vector.name);
        for (metric, expected) in vector.expect {
            let points = if *metric == "total" {
                &area["points_x8400"]
            } else {
                &one(&metrics, &[("partner_id", &partner), ("metric", metric)])["points_x8400"]
            };
            if *points != expected.to_string() {
                failures.push(format!("{} {metric}: {points}, not {expected}", vector.name));
            }
        }
    }
    failures
}

#[test]
fn all_vectors_hold() {
    assert_eq!(failures(&SCORED), Vec::<String>::new());
}

#[test]
fn seventy_points_qualify_and_are_flagged_as_borderline() {
    let areas = SCORED.month_table("fact_area_score");
    let of = |name: &str| {
        let at = VECTORS.iter().position(|vector| vector.name.starts_with(name)).unwrap();
        one(&areas, &[("partner_id", &partner_id(at))]).clone()
    };
    let seventy = of("T-05");
    assert_eq!(seventy["points"], "70.0000");
    assert_eq!(seventy["is_qualified"], "true");
    // 69.88 with the figures that Partner Center prints.
    assert_eq!(seventy["flags"], "borderline_rounding");
    assert_eq!(seventy["points_to_qualify"], "0.0000");
    let gated = of("T-03");
    assert_eq!(gated["is_qualified"], "false");
    assert_eq!(gated["is_floor_met"], "false");
    assert_eq!(gated["blocking_metrics"], "deployments");
    assert_eq!(gated["flags"], "");
}

#[test]
fn evidence_re_adds_to_parts_and_parts_to_metrics() {
    let parts = SCORED.month_table("fact_metric_part");
    let metrics = SCORED.month_table("fact_metric_score");
    let evidence = SCORED.month_table("fact_customer_evidence");
    let number = |text: &String| text.replace('.', "").parse::<i64>().unwrap();
    for part in parts.iter().filter(|part| !part["evidence_key"].is_empty()) {
        let rows = find(
            &evidence,
            &[("partner_id", &part["partner_id"]), ("evidence_key", &part["evidence_key"])],
        );
        let added: i64 = rows.iter().map(|row| number(&row["contribution"])).sum();
        assert_eq!(added, number(&part["change_value"]), "{part:?}");
        if part["value_unit"] == "tenants" {
            for (counted, value) in
                [("is_counted_current", "current_value"), ("is_counted_baseline", "baseline_value")]
            {
                let rows = rows.iter().filter(|row| row[counted] == "true").count();
                assert_eq!(format!("{rows}.0000"), part[value], "{part:?}");
            }
        }
    }
    for metric in &metrics {
        let keys = [("partner_id", metric["partner_id"].as_str()), ("metric", &metric["metric"])];
        let points: i64 = find(&parts, &keys)
            .iter()
            .map(|part| part["points_x8400"].parse::<i64>().unwrap())
            .sum();
        assert_eq!(metric["uncapped_points_x8400"], points.to_string());
        let max = number(&metric["max_points"]) * POINT / 10_000;
        assert_eq!(metric["points_x8400"], points.min(max).to_string());
    }
}

/// Each of these changes of the pack must break a vector; `make mutate-rules` tries all of them.
#[test]
fn a_changed_number_of_the_pack_breaks_a_vector() {
    let pack = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/rules/security.toml"),
    )
    .unwrap();
    for (from, to) in [
        ("at_least_usd = \"100\"", "at_least_usd = \"100.01\""),
        ("at_least_usd = \"12000\"", "at_least_usd = \"12000.01\""),
        ("seats_min = 25", "seats_min = 26"),
        ("active_share = \"15/100\"", "active_share = \"151/1000\""),
        ("unit_size = \"1250\"", "unit_size = \"1250.01\""),
        ("unit_size = \"125\"", "unit_size = \"126\""),
        ("points_per_unit = \"2\"", "points_per_unit = \"3\""),
        ("points_per_unit = \"20/6\"", "points_per_unit = \"21/6\""),
        ("points_per_unit = \"40/6\"", "points_per_unit = \"41/6\""),
        ("people_needed = 2", "people_needed = 3"),
        ("cap_at_paid_seats = true", "cap_at_paid_seats = false"),
        ("    \"Sentinel\",\n", ""),
        ("    \"Intune\",\n", ""),
        (
            "specialist = [\"SC-100\", \"SC-300\", \"SC-400\"]",
            "specialist = [\"SC-100\", \"SC-400\"]",
        ),
        ("associations = [\"PAL\"]", "associations = [\"DPOR\"]"),
        ("associations = [\"CPOR\"]", "associations = [\"DPOR\"]"),
    ] {
        let mutated = pack.replace(from, to);
        assert_ne!(mutated, pack, "{from}");
        let place = Place::new();
        std::fs::write(place.path("pack.toml"), mutated).unwrap();
        capscore()
            .args(["score", "--as-of", crate::base::REFERENCE, "--ruleset", "2023-12-01"])
            .args(["--ruleset-file", &place.text("pack.toml")])
            .args(["--facts", &SCORED.text("facts"), "--output", &place.text("tables")])
            .assert()
            .success();
        assert!(!failures(&place).is_empty(), "{from} -> {to} is not noticed");
    }
}

#[test]
fn a_changed_rule_is_another_run() {
    let pack = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/rules/security.toml"),
    )
    .unwrap();
    let place = Place::new();
    let later = "[[version]]\nid = \"later\"\nlike = \"2023-12-01\"\n\
                 effective_from = 2024-06-01\nis_date_assumed = true\n";
    std::fs::write(place.path("pack.toml"), format!("{pack}\n{later}")).unwrap();
    let doubled = pack.replacen("points_per_unit = \"2\"", "points_per_unit = \"4\"", 1);
    std::fs::write(place.path("doubled.toml"), doubled).unwrap();
    let run_id = |arguments: &[&str]| {
        let mut score = capscore();
        score.args(["score", "--as-of", crate::base::REFERENCE, "--facts", &SCORED.text("facts")]);
        score.args(["--output", &place.text("tables")]).args(arguments).assert().success();
        let row = place.month_table("fact_area_score")[0].clone();
        (row["run_id"].clone(), row["ruleset_id"].clone())
    };
    let (file, doubled) = (place.text("pack.toml"), place.text("doubled.toml"));
    let old_rules = ["--ruleset", "2023-12-01"];
    let plain = run_id(&old_rules);
    let changed = run_id(&["--ruleset-file", &doubled, "--ruleset", "2023-12-01"]);
    let old = run_id(&["--ruleset-file", &file, "--ruleset", "2023-12-01"]);
    let new = run_id(&["--ruleset-file", &file, "--ruleset", "later"]);
    assert_ne!(plain.0, changed.0);
    assert_ne!(old.0, new.0);
    assert_eq!((old.1.as_str(), new.1.as_str()), ("2023-12-01", "later"));
    assert_eq!(run_id(&old_rules), plain);
}
