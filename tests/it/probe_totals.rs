//! Partners who are judged as a whole: totals, paths, skilling of several steps, coverage, and views.
//! They have numbers from 9000 on.

use crate::base::{Azure, Base, month, tenant};
use crate::probe_consumption::AZURE_AREAS;
use crate::probe_lists::{ASSOCIATIONS, BUSINESS_ASSOCIATIONS};
use crate::probes::{Probe, has_small_business, is_in, probes};
use crate::scorecard::{ADV, DEP, INT, NCA, POINT, UG};
use crate::tables::{Row, one};

/// Partners of whose exports with seats only one was ever delivered.
pub const UNCOVERED: [(&str, &str); 3] =
    [("9030", "office_usage"), ("9031", "cpor_m365"), ("9032", "ems_usage")];

/// Partners of all exports.
pub fn add_totals(base: &mut Base) {
    // 24 and 25 points on the enterprise path of the Azure areas: two net customers, growth of 4 %
    // and 5 %.
    for (partner, each) in [("9000", "1049.99"), ("9001", "1050")] {
        base.ends(partner);
        for tenant in 10..12 {
            let mut line = Azure::new(partner, 0, tenant, each);
            "Virtual Machines".clone_into(&mut line.service);
            base.azure.push(line.line());
        }
        for tenant in 20..25 {
            base.azure(partner, 12, tenant, "400");
        }
    }
    // 24 and 25 points of Security by the old rules: ten customers, growth of 6,000 and 6,250 USD.
    for (partner, each) in [("9002", "600"), ("9003", "625")] {
        base.ends(partner);
        for tenant in 10..20 {
            base.azure(partner, 3, tenant, each);
        }
    }
    // One point of usage growth.
    base.ends("9004");
    base.azure("9004", 0, 10, "1010");
    base.azure("9004", 12, 10, "1000");
    base.ends("9005");
    base.seats("9005", 0, 10, "Intune", 400, 225);
    base.seats("9005", 12, 10, "Intune", 400, 100);
    // One customer promoted, one new: one net customer on the small-business path, in seats and in
    // consumption.
    base.ends("9006");
    base.seats("9006", 0, 10, "Intune", 310, 310);
    base.seats("9006", 12, 10, "Intune", 290, 290);
    base.seats("9006", 0, 11, "Intune", 100, 100);
    // One workload in the band of small business lets the other one count.
    base.ends("9008");
    base.seats("9008", 0, 10, "Intune", 5, 5);
    base.seats("9008", 0, 10, "Microsoft Defender for Identity", 400, 400);
    base.ends("9007");
    base.azure("9007", 0, 10, "13000");
    base.azure("9007", 12, 10, "11000");
    base.azure("9007", 0, 11, "750");
    // The path test: four of five and 79 of 99 customers on the small-business side; 999,999.99 and
    // 1,000,000 USD in twelve months; customers by each association.
    for (partner, small, all) in [("9010", 4, 5), ("9011", 79, 99)] {
        base.ends(partner);
        customers(base, partner, small, all);
    }
    for (partner, amount) in [("9012", "999999.98"), ("9013", "999999.99")] {
        base.ends(partner);
        customers(base, partner, 1, 1);
        base.azure(partner, 11, 1000, amount);
    }
    for (partner, (association, _)) in (9014..).zip(ASSOCIATIONS) {
        let partner = partner.to_string();
        base.ends(&partner);
        let mut line = Azure::new(&partner, 0, 10, "1");
        (*association).clone_into(&mut line.attribution);
        base.azure.push(line.line());
    }
    // Five pairs above 5,000 USD in both months, by each association.
    for (partner, (association, _)) in (9040..).zip(BUSINESS_ASSOCIATIONS) {
        let partner = partner.to_string();
        base.ends(&partner);
        for (tenant, back) in (10..15).flat_map(|tenant| [(tenant, 0), (tenant, 12)]) {
            base.revenue(&partner, back, tenant, "Sales", association, "5000.01");
        }
    }
}

/// One holder of a certification of each last step, and `prerequisites` holders of each other step.
pub fn add_people(base: &mut Base, partner: &str, prerequisites: u32) {
    base.ends(partner);
    let last = ["DP-300", "AZ-204", "AZ-400", "AZ-700", "AZ-140", "SC-100"];
    let first = ["AZ-104", "AZ-305", "AZ-500", "SC-200"];
    let counts = last.map(|code| (code, 1)).into_iter();
    for (code, count) in counts.chain(first.map(|code| (code, prerequisites))) {
        for person in 0..count {
            let person = format!("{code}-{person}");
            base.training(partner, &person, "Certification", code, "2021-01-01", "NA");
        }
    }
}

/// Skilling points of one and of two holders of each prerequisite.
pub fn check_people(metrics: &[Row], ruleset: &str, failures: &mut Vec<String>) {
    let mut check = |partner: &str, area: &str, path: &str, metric: &str, points: i64| {
        let key = [("partner_id", partner), ("area", area), ("path", path), ("metric", metric)];
        let found = &one(metrics, &key)["points_x8400"];
        if *found != points.to_string() {
            failures.push(format!("{ruleset} {key:?}: {found}, not {points}"));
        }
    };
    let has_small_business = has_small_business(ruleset);
    let azure = [
        ("data_ai", INT, 12),
        ("digital_app_innovation", INT, 8),
        ("digital_app_innovation", ADV, 8),
        ("infrastructure", INT, 8),
        ("infrastructure", ADV, 8),
    ];
    for (area, metric, small) in azure {
        check("9020", area, "enterprise", metric, 0);
        check("9021", area, "enterprise", metric, 4 * POINT);
        if has_small_business {
            check("9020", area, "smb", metric, small * POINT);
            check("9021", area, "smb", metric, small * POINT);
        }
    }
    if has_small_business {
        check("9006", "security", "smb", NCA, 4 * POINT);
        check("9006", "security", "smb", DEP, 20 * POINT / 6);
        check("9007", "security", "smb", DEP, 20 * POINT / 6);
        check("9008", "security", "smb", UG, 8 * POINT);
        // 2,000 and 750 USD more.
        check("9007", "security", "smb", UG, 3 * POINT);
    }
    let each = 40 * POINT / 6;
    if has_small_business {
        check("9020", "security", "enterprise", INT, 0);
        check("9021", "security", "enterprise", INT, each);
        check("9020", "security", "smb", INT, 16 * POINT);
        check("9021", "security", "smb", INT, 16 * POINT);
    } else if is_in(ruleset, "2023-12-01", "") {
        check("9020", "security", "single", INT, 0);
        check("9021", "security", "single", INT, each);
    } else {
        // One holder was enough, and SC-200 counted in the last step too.
        check("9020", "security", "single", INT, 2 * each);
        check("9021", "security", "single", INT, 3 * each);
    }
}

/// A partner of whose exports with seats only one was ever delivered.
pub fn add_uncovered(base: &mut Base, (partner, delivered): (&str, &str)) {
    base.training(partner, "filler", "Exam", "Exam AZ-104", "2020-01-01", "NA");
    let location = format!("6{partner},Test Partner,{partner},Test Partner,Town,Utopia,Location");
    base.profile.push(location);
    for back in 0..24 {
        let mut filler = Azure::new(partner, back, 900_000, "0.01");
        "TPOR".clone_into(&mut filler.attribution);
        base.azure.push(filler.line());
        match delivered {
            "cpor_m365" => base.seats(partner, back, 900_000, "Teams", 1, 1),
            "office_usage" => base.office(partner, back, 900_000, "Teams", "CSP Tier 2", 1, 1),
            _ => base.ems.push(format!(
                "{partner},S,{}-01,E3,Paid,{},6{partner},TPOR,1,,,1,,",
                month(back),
                tenant(900_000)
            )),
        }
    }
}

/// How far the parts that look at seats are covered.
pub fn check_coverage(parts: &[Row], ruleset: &str, failures: &mut Vec<String>) {
    for (partner, has_claims, has_usage) in
        [("9030", false, true), ("9031", true, false), ("9032", false, false)]
    {
        for row in parts.iter().filter(|row| {
            let is_of_seats = row["area"] == "security" && row["part"] == "m365"
                || row["area"] == "modern_work" && row["value_unit"] != "people";
            row["partner_id"] == partner && is_of_seats
        }) {
            // Security needs claims only, as long as it has one path.
            let needs_usage = row["area"] == "modern_work" || has_small_business(ruleset);
            let mut missing = Vec::new();
            missing.extend((!has_claims).then_some("cpor_m365"));
            missing.extend((needs_usage && !has_usage).then_some("office_usage"));
            let coverage = if missing.is_empty() { "complete" } else { "lower_bound" };
            let found = (row["coverage"].as_str(), row["missing_inputs"].as_str());
            if found != (coverage, missing.join(",").as_str()) {
                let (area, metric) = (&row["area"], &row["metric"]);
                failures.push(format!("{ruleset} {partner} {area} {metric}: {found:?}"));
            }
        }
    }
}

/// The published views of consumption and of implementations.
pub fn check_views(
    ttm: &[Row],
    implementations: &[Row],
    ruleset: &str,
    failures: &mut Vec<String>,
) {
    let has_small_business = has_small_business(ruleset);
    for (number, probe) in probes().into_iter().enumerate() {
        let partner = format!("{}", 5000 + number);
        match probe {
            Probe::Azure("Sentinel", association, 7_500_00, 0) => {
                let row = ASSOCIATIONS.iter().find(|row| row.0 == association).unwrap();
                let expected = row.1[if has_small_business { 2 } else { 1 }];
                let found = ttm
                    .iter()
                    .any(|row| row["partner_id"] == partner && row["scope"] == "security");
                if found != expected {
                    failures.push(format!("{ruleset} {probe:?}: a row of security is {found}"));
                }
            }
            Probe::Seats("Intune", "CPOR", (paid @ (400 | 100), active), (0, 0))
                if active == paid =>
            {
                let paths: Vec<&str> = implementations
                    .iter()
                    .filter(|row| row["partner_id"] == partner)
                    .map(|row| row["path"].as_str())
                    .collect();
                let expected = match (has_small_business, paid) {
                    (false, _) => vec!["single"],
                    (true, _) => vec!["enterprise", "smb"],
                };
                if paths != expected {
                    failures.push(format!("{ruleset} {probe:?}: implementations of {paths:?}"));
                }
            }
            _ => {}
        }
    }
}

fn customers(base: &mut Base, partner: &str, small: u32, all: u32) {
    for tenant in 0..all {
        let mut line = Azure::new(partner, 0, 1000 + tenant, "0.01");
        if tenant >= small {
            "Enterprise Commercial".clone_into(&mut line.segment);
        }
        base.azure.push(line.line());
    }
}

pub fn check_totals(areas: &[Row], ruleset: &str, failures: &mut Vec<String>) {
    let mut check = |partner: &str, area: &str, path: &str, column: &str, value: &str| {
        let row = one(areas, &[("partner_id", partner), ("area", area), ("path", path)]);
        if row[column] != value {
            let found = &row[column];
            failures
                .push(format!("{ruleset} {partner} {area} {path}: {column} {found}, not {value}"));
        }
    };
    let has_small_business = has_small_business(ruleset);
    let is_limited = has_small_business && !is_in(ruleset, "2026-07", "");
    for area in AZURE_AREAS {
        check("9000", area, "enterprise", "points_x8400", &(24 * POINT).to_string());
        check("9000", area, "enterprise", "has_incentive_points", "false");
        check("9001", area, "enterprise", "has_incentive_points", "true");
        check("9001", area, "enterprise", "points_to_qualify", "45.0000");
        // One point is more than nothing.
        let skilling = if area == "data_ai" { INT.to_owned() } else { format!("{INT},{ADV}") };
        let blocking = format!("{NCA},{skilling}");
        check("9004", area, "enterprise", "blocking_metrics", &blocking);
        if has_small_business {
            check("9010", area, "smb", "is_selected", "true");
            check("9011", area, "enterprise", "is_selected", "true");
            check("9012", area, "smb", "is_selected", "true");
            let selected = if is_limited { "enterprise" } else { "smb" };
            check("9013", area, selected, "is_selected", "true");
            for (partner, (_, counts)) in (9014..).zip(ASSOCIATIONS) {
                // Without a customer it is enterprise.
                let selected = if counts[0] { "smb" } else { "enterprise" };
                check(&partner.to_string(), area, selected, "is_selected", "true");
            }
        }
    }
    for (partner, (_, counts)) in (9040..).zip(BUSINESS_ASSOCIATIONS) {
        let selected = if counts[0] { "enterprise" } else { "smb" };
        let area = "business_applications";
        check(&partner.to_string(), area, selected, "is_selected", "true");
    }
    let path = if has_small_business { "enterprise" } else { "single" };
    check("9005", "security", path, "points_x8400", &POINT.to_string());
    check("9005", "security", path, "points_to_qualify", "69.0000");
    check("9005", "security", path, "blocking_metrics", &format!("{NCA},{INT},{DEP}"));
    if !has_small_business {
        check("9002", "security", "single", "points_x8400", &(24 * POINT).to_string());
        check("9002", "security", "single", "has_incentive_points", "false");
        check("9003", "security", "single", "has_incentive_points", "true");
    }
}
