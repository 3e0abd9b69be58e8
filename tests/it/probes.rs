//! What counts by which rules, one thing at a time: a partner a probe (one certification, one
//! service, one association, one amount at a threshold), scored by every ruleset in a month when it
//! was in force. What is expected is written down here from rules §4, §5, §8, §9, §10 and §15, not
//! read from the packs.

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use crate::base::{Azure, Base, Place, capscore, month, tenant};
use crate::tables::{self, Row, one};

const POINT: i64 = 8400;
const NCA: &str = "net_customer_adds";
const INT: &str = "intermediate_certifications";
const ADV: &str = "advanced_certifications";
const UG: &str = "usage_growth";
const DEP: &str = "deployments";
const AZURE_AREAS: [&str; 3] = ["data_ai", "digital_app_innovation", "infrastructure"];

/// Rulesets with a month in which each was in force.
const RULESETS: [(&str, &str); 7] = [
    ("2022-10", "2022-12"),
    ("2023-06", "2023-06"),
    ("2023-12-01", "2023-12"),
    ("2025-03", "2025-03"),
    ("2026-05", "2026-05"),
    ("2026-07", "2026-07"),
    ("2026-08", "2026-09"),
];

/// Area, metric, step, certification, first ruleset, first ruleset without it.
const CERTIFICATIONS: &[(&str, &str, u32, &str, &str, &str)] = &[
    ("data_ai", INT, 1, "AZ-104", "2022-10", ""),
    ("data_ai", INT, 2, "AZ-305", "2022-10", ""),
    ("data_ai", INT, 3, "DP-300", "2022-10", ""),
    ("data_ai", INT, 3, "AI-102", "2022-10", ""),
    ("data_ai", INT, 3, "DP-100", "2022-10", ""),
    ("data_ai", INT, 3, "PL-300", "2022-10", ""),
    ("data_ai", INT, 3, "DP-420", "2022-10", ""),
    ("data_ai", INT, 3, "DP-203", "2022-10", "2026-05"),
    ("data_ai", INT, 3, "MB-260", "2022-10", "2026-05"),
    ("data_ai", INT, 3, "DP-600", "2026-05", ""),
    ("data_ai", INT, 3, "DP-700", "2026-05", ""),
    ("data_ai", INT, 3, "DP-800", "2026-08", ""),
    ("data_ai", INT, 3, "AI-103", "2026-08", ""),
    ("data_ai", INT, 3, "AI-300", "2026-08", ""),
    ("data_ai", INT, 3, "DP-750", "2026-08", ""),
    ("digital_app_innovation", INT, 1, "AZ-104", "2022-10", ""),
    ("digital_app_innovation", INT, 2, "AZ-204", "2022-10", ""),
    ("digital_app_innovation", INT, 2, "PL-400", "2022-10", ""),
    ("digital_app_innovation", INT, 2, "AI-200", "2026-08", ""),
    ("digital_app_innovation", INT, 2, "GH-600", "2026-08", ""),
    ("digital_app_innovation", ADV, 1, "AZ-305", "2022-10", ""),
    ("digital_app_innovation", ADV, 2, "AZ-400", "2022-10", ""),
    ("digital_app_innovation", ADV, 2, "PL-600", "2022-10", ""),
    // Retired on 2023-07-31: counted for one more year.
    ("digital_app_innovation", ADV, 2, "AZ-220", "2022-10", "2025-03"),
    ("digital_app_innovation", ADV, 2, "GH-100", "2026-05", ""),
    ("digital_app_innovation", ADV, 2, "GH-200", "2026-05", ""),
    ("digital_app_innovation", ADV, 2, "GH-300", "2026-05", ""),
    ("digital_app_innovation", ADV, 2, "GH-500", "2026-05", ""),
    ("infrastructure", INT, 1, "AZ-104", "2022-10", ""),
    ("infrastructure", INT, 2, "AZ-700", "2022-10", ""),
    ("infrastructure", INT, 2, "AZ-800+AZ-801", "2022-10", ""),
    ("infrastructure", INT, 2, "AZ-600", "2022-10", "2025-03"),
    ("infrastructure", ADV, 1, "AZ-305", "2022-10", ""),
    ("infrastructure", ADV, 2, "AZ-140", "2022-10", ""),
    ("infrastructure", ADV, 2, "AZ-120", "2022-10", ""),
    ("security", INT, 1, "AZ-500", "2022-10", ""),
    ("security", INT, 1, "SC-500", "2026-08", ""),
    ("security", INT, 2, "SC-200", "2022-10", ""),
    // Retired on 2023-06-30.
    ("security", INT, 2, "MS-500", "2022-10", "2025-03"),
    ("security", INT, 3, "SC-100", "2022-10", ""),
    ("security", INT, 3, "SC-200", "2022-10", "2023-12-01"),
    ("security", INT, 3, "SC-300", "2022-10", ""),
    // Retired on 2025-05-31.
    ("security", INT, 3, "SC-400", "2022-10", "2026-07"),
    ("security", INT, 3, "SC-401", "2025-03", ""),
];

/// Services of Security by the old rules and by the new ones.
const SERVICES: &[(&str, bool, bool)] = &[
    ("Advanced Data Security", true, false),
    ("Advanced Threat Protection", true, false),
    ("Application Gateway", true, true),
    ("Azure Active Directory B2C", true, true),
    ("Azure AD Domain Services", true, true),
    ("Azure AD for External Identities", true, true),
    ("Azure Bastion", true, true),
    ("Azure DDOS Protection", true, true),
    ("Azure Defender", true, true),
    ("Azure Firewall", true, true),
    ("Azure Firewall Manager", true, true),
    ("Azure Front Door Service", true, true),
    ("Azure IoT Security", true, true),
    ("Key Vault", true, true),
    ("Network Watcher", true, false),
    ("Sentinel", true, true),
    ("Microsoft Entra", false, true),
    ("Microsoft Entra Verified ID", false, true),
    ("Microsoft Purview", false, true),
    ("Microsoft Security Copilot", false, true),
    ("Storage", false, false),
    ("Virtual Machines", false, false),
    ("Virtual Machines Licenses", false, false),
];

/// Microsoft 365 workloads of Security, likewise.
const WORKLOADS: &[(&str, bool, bool)] = &[
    ("Microsoft Entra ID P1", true, true),
    ("Microsoft Entra ID P2", true, false),
    ("Microsoft Defender for Office 365", true, true),
    ("Microsoft Defender for Endpoint P1", true, false),
    ("Microsoft Defender for Endpoint P2", true, true),
    ("Microsoft Defender for Identity", true, true),
    ("Microsoft Purview Information Protection", true, true),
    ("Intune", true, true),
    ("Teams", false, false),
];

/// Delivered names of associations: for the Azure areas, Security on Azure by the old and the new
/// rules, Security on Microsoft 365 by the old and the new rules.
const ASSOCIATIONS: &[(&str, [bool; 5])] = &[
    ("PartnerAdminLink", [true, true, true, false, false]),
    ("Digital Partner of Record", [true, false, false, false, false]),
    ("CSP Tier 1", [true, false, true, false, true]),
    ("CSP Tier 2", [true, false, true, false, true]),
    ("CPOR", [false, false, false, true, true]),
    ("TPOR", [false, false, false, false, false]),
];

/// One thing that a partner has.
#[derive(Debug, Clone, Copy)]
enum Probe {
    Certification(&'static str),
    /// Service, association, hundredths of a dollar now and a year ago, of one tenant.
    Azure(&'static str, &'static str, i64, i64),
    /// Workload, association, (paid, active) now and a year ago, of one tenant.
    Seats(&'static str, &'static str, (i64, i64), (i64, i64)),
}

fn probes() -> Vec<Probe> {
    let mut codes: Vec<&str> = CERTIFICATIONS.iter().map(|row| row.3).collect();
    codes.sort_unstable();
    codes.dedup();
    let mut probes: Vec<Probe> = codes.into_iter().map(Probe::Certification).collect();
    for (service, _, _) in SERVICES {
        probes.push(Probe::Azure(service, "PartnerAdminLink", 15_000_00, 0));
        probes.push(Probe::Azure(service, "PartnerAdminLink", 7_500_00, 0));
    }
    for (association, _) in ASSOCIATIONS {
        probes.push(Probe::Azure("Sentinel", association, 15_000_00, 0));
        probes.push(Probe::Azure("Sentinel", association, 7_500_00, 0));
        probes.push(Probe::Azure("Sentinel", association, 2_200_00, 2_000_00));
        probes.push(Probe::Seats("Intune", association, (400, 400), (0, 0)));
        probes.push(Probe::Seats("Intune", association, (100, 100), (0, 0)));
    }
    for amount in [1, 100_00, 500_00, 600_00, 750_00, 1_000_00, 1_250_00, 12_000_00] {
        for cents in [amount - 1, amount, amount + 1] {
            probes.push(Probe::Azure("Sentinel", "PartnerAdminLink", cents, 0));
        }
    }
    for (now, before) in [
        (1_010_00, 1_000_00),
        (1_009_99, 1_000_00),
        (1_000_00, 500_00),
        (999_99, 500_00),
        (1_300_00, 1_200_00),
        (13_000_00, 11_000_00),
        (13_000_00, 12_000_00),
        (13_000_00, 12_000_01),
        (0, 13_000_00),
    ] {
        probes.push(Probe::Azure("Sentinel", "PartnerAdminLink", now, before));
    }
    for (workload, _, _) in WORKLOADS {
        probes.push(Probe::Seats(workload, "CPOR", (400, 400), (0, 0)));
        probes.push(Probe::Seats(workload, "CPOR", (100, 100), (0, 0)));
    }
    for paid in [4, 5, 24, 25, 26, 300, 301, 302] {
        probes.push(Probe::Seats("Intune", "CPOR", (paid, paid), (0, 0)));
    }
    for (paid, active) in [(400, 59), (400, 60), (100, 14), (100, 15), (100, 16), (20, 3), (20, 2)]
    {
        probes.push(Probe::Seats("Intune", "CPOR", (paid, active), (0, 0)));
    }
    for (paid, active) in [
        (400, 124),
        (400, 125),
        (400, 126),
        (100, 49),
        (100, 50),
        (100, 51),
        (100, 200),
        (400, 600),
    ] {
        probes.push(Probe::Seats("Intune", "CPOR", (paid, active), (0, 0)));
    }
    for (now, before) in [
        ((310, 310), (290, 20)),
        ((310, 310), (301, 301)),
        ((310, 310), (4, 4)),
        ((400, 400), (400, 40)),
        ((100, 100), (100, 10)),
        ((0, 0), (400, 400)),
    ] {
        probes.push(Probe::Seats("Intune", "CPOR", now, before));
    }
    probes
}

fn is_in(ruleset: &str, since: &str, until: &str) -> bool {
    let place = |id: &str| RULESETS.iter().position(|(known, _)| *known == id);
    place(ruleset) >= place(since) && (until.is_empty() || place(ruleset) < place(until))
}

/// The points (or, of certifications, the people) of a part for a probe; anything that is not given
/// is nothing.
type Expected = BTreeMap<(&'static str, &'static str, &'static str, String), i64>;

fn expected(probe: Probe, ruleset: &'static str) -> Expected {
    let mut found = Expected::new();
    let has_small_business = is_in(ruleset, "2025-03", "");
    let azure_paths: &[&'static str] =
        if has_small_business { &["enterprise", "smb"] } else { &["enterprise"] };
    let security_paths: &[&'static str] =
        if has_small_business { &["enterprise", "smb"] } else { &["single"] };
    let counts = |names: &[(&str, bool, bool)], name: &str| {
        let row = names.iter().find(|row| row.0 == name).unwrap();
        if has_small_business { row.2 } else { row.1 }
    };
    let associated = |name: &str, old: usize, new: usize| {
        let row = ASSOCIATIONS.iter().find(|row| row.0 == name).unwrap();
        row.1[if has_small_business { new } else { old }]
    };
    let mut add = |area, path, metric, part: &str, points: i64| {
        if points > 0 {
            found.insert((area, path, metric, part.to_owned()), points);
        }
    };
    match probe {
        Probe::Certification(code) => {
            for (area, metric, step, known, since, until) in CERTIFICATIONS {
                if *known == code && is_in(ruleset, since, until) {
                    let paths = if *area == "security" { security_paths } else { azure_paths };
                    for path in paths {
                        add(area, path, metric, &format!("step{step}"), 1);
                    }
                }
            }
        }
        Probe::Azure(service, association, now, before) => {
            for area in AZURE_AREAS.into_iter().filter(|_| associated(association, 0, 0)) {
                for path in azure_paths {
                    let least = if *path == "smb" { 500_00 } else { 1_000_00 };
                    let net = i64::from(now >= least) - i64::from(before >= least);
                    add(area, path, NCA, "azure", 10 * POINT * net);
                    if before > 0 && now >= 1_000_00 {
                        add(area, path, UG, "azure", (now - before) * 100 / before * POINT);
                    }
                    if now > 0 && !service.starts_with("Virtual Machine") {
                        add(area, path, DEP, "azure", 2 * POINT);
                    }
                }
            }
            if !counts(SERVICES, service) || !associated(association, 1, 2) {
                return found;
            }
            for path in security_paths {
                let adds = |qualifies: &dyn Fn(i64) -> bool| {
                    i64::from(qualifies(now)) - i64::from(qualifies(before))
                };
                let least = if *path == "single" { 100_00 } else { 600_00 };
                let step = if *path == "smb" { 4 } else { 2 };
                add("security", path, NCA, "azure", step * POINT * adds(&|amount| amount >= least));
                let in_growth = |amount: i64| match *path {
                    "single" => true,
                    "enterprise" => amount > 12_000_00,
                    _ => amount <= 12_000_00,
                };
                // In the small-business band a year ago and above it now.
                let is_promoted =
                    *path == "smb" && now > 12_000_00 && (1..=12_000_00).contains(&before);
                let current = if in_growth(now) || is_promoted { now } else { 0 };
                let baseline = if in_growth(before) { before } else { 0 };
                let unit = if *path == "smb" { 750_00 } else { 1_250_00 };
                add("security", path, UG, "azure", (current - baseline) / unit * POINT);
                let deploys = |amount: i64| match *path {
                    "single" => amount >= 12_000_00,
                    "enterprise" => amount > 12_000_00,
                    _ => (750_00..=12_000_00).contains(&amount),
                };
                let is_promoted = *path == "smb" && now > 12_000_00 && deploys(before);
                let net = i64::from(deploys(now) || is_promoted) - i64::from(deploys(before));
                add("security", path, DEP, "azure", 20 * POINT / 6 * net);
            }
        }
        Probe::Seats(workload, association, now, before) => {
            if !counts(WORKLOADS, workload) || !associated(association, 3, 4) {
                return found;
            }
            for path in security_paths {
                let in_band = |(paid, _): (i64, i64)| match *path {
                    "single" => paid >= 25,
                    "enterprise" => paid > 300,
                    _ => (5..=300).contains(&paid),
                };
                let is_promoted = *path == "smb" && in_band(before) && now.0 > 300;
                let is_active = |(paid, active): (i64, i64)| active * 100 >= paid * 15 && paid > 0;
                let has = |is_now: bool, side| in_band(side) || is_now && is_promoted;
                let step = if *path == "smb" { 4 } else { 2 };
                let net = i64::from(has(true, now)) - i64::from(has(false, before));
                add("security", path, NCA, "m365", step * POINT * net);
                let deploys = |is_now, side| i64::from(has(is_now, side) && is_active(side));
                let net = deploys(true, now) - deploys(false, before);
                add("security", path, DEP, "m365", 20 * POINT / 6 * net);
                // By the old rules every tenant feeds the growth of users.
                let users = |is_now: bool, side: (i64, i64)| {
                    let counts = *path == "single" || has(is_now, side);
                    if counts { side.0.min(side.1) } else { 0 }
                };
                let unit = if *path == "smb" { 50 } else { 125 };
                add(
                    "security",
                    path,
                    UG,
                    "m365",
                    (users(true, now) - users(false, before)) / unit * POINT,
                );
            }
        }
    }
    found
}

fn dollars(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn add_probe(base: &mut Base, partner: &str, probe: Probe) {
    match probe {
        Probe::Certification(code) => {
            base.training(partner, "holder", "Certification", code, "2021-01-01", "NA");
        }
        Probe::Azure(service, association, now, before) => {
            for (back, cents) in [(0, now), (12, before)] {
                if cents > 0 {
                    let mut line = Azure::new(partner, back, 10, &dollars(cents));
                    service.clone_into(&mut line.service);
                    association.clone_into(&mut line.attribution);
                    base.azure.push(line.line());
                }
            }
        }
        Probe::Seats(workload, association, now, before) => {
            for (back, (paid, active)) in [(0, now), (12, before)] {
                if paid > 0 && association == "CPOR" {
                    base.seats(partner, back, 10, workload, paid, active);
                } else if paid > 0 {
                    base.office(partner, back, 10, workload, association, paid, active);
                }
            }
        }
    }
}

/// Partners for what is judged of a whole partner, by number from 9000.
fn add_totals(base: &mut Base) {
    // 24 and 25 points on the enterprise path of the Azure areas: two net customers, growth of 4 %
    // and 5 %.
    for (partner, each) in [("9000", "1049.99"), ("9001", "1050")] {
        base.partner(partner);
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
        base.partner(partner);
        for tenant in 10..20 {
            base.azure(partner, 3, tenant, each);
        }
    }
    // One point of usage growth.
    base.partner("9004");
    base.azure("9004", 0, 10, "1010");
    base.azure("9004", 12, 10, "1000");
    base.partner("9005");
    base.seats("9005", 0, 10, "Intune", 400, 225);
    base.seats("9005", 12, 10, "Intune", 400, 100);
    // One customer promoted, one new: one net customer on the small-business path, in seats and in
    // consumption.
    base.partner("9006");
    base.seats("9006", 0, 10, "Intune", 310, 310);
    base.seats("9006", 12, 10, "Intune", 290, 290);
    base.seats("9006", 0, 11, "Intune", 100, 100);
    // One workload in the band of small business lets the other one count.
    base.partner("9008");
    base.seats("9008", 0, 10, "Intune", 5, 5);
    base.seats("9008", 0, 10, "Microsoft Defender for Identity", 400, 400);
    base.partner("9007");
    base.azure("9007", 0, 10, "13000");
    base.azure("9007", 12, 10, "11000");
    base.azure("9007", 0, 11, "750");
    // The path test: four of five and 79 of 99 customers on the small-business side; 999,999.99 and
    // 1,000,000 USD in twelve months; customers by each association.
    for (partner, small, all) in [("9010", 4, 5), ("9011", 79, 99)] {
        base.partner(partner);
        customers(base, partner, small, all);
    }
    for (partner, amount) in [("9012", "999999.98"), ("9013", "999999.99")] {
        base.partner(partner);
        customers(base, partner, 1, 1);
        base.azure(partner, 11, 1000, amount);
    }
    for (partner, (association, _)) in (9014..).zip(ASSOCIATIONS) {
        let partner = partner.to_string();
        base.partner(&partner);
        let mut line = Azure::new(&partner, 0, 10, "1");
        (*association).clone_into(&mut line.attribution);
        base.azure.push(line.line());
    }
}

/// One holder of a certification of each last step, and `prerequisites` holders of each other step.
fn add_people(base: &mut Base, partner: &str, prerequisites: u32) {
    base.partner(partner);
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
fn check_people(metrics: &[Row], ruleset: &str, failures: &mut Vec<String>) {
    let mut check = |partner: &str, area: &str, path: &str, metric: &str, points: i64| {
        let key = [("partner_id", partner), ("area", area), ("path", path), ("metric", metric)];
        let found = &one(metrics, &key)["points_x8400"];
        if *found != points.to_string() {
            failures.push(format!("{ruleset} {key:?}: {found}, not {points}"));
        }
    };
    let has_small_business = is_in(ruleset, "2025-03", "");
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
fn add_uncovered(base: &mut Base, partner: &str, delivered: &str) {
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

/// How far the Microsoft 365 parts of Security are covered.
fn check_coverage(parts: &[Row], ruleset: &str, failures: &mut Vec<String>) {
    let needs_both = is_in(ruleset, "2025-03", "");
    let without_claims = ("lower_bound", "cpor_m365");
    let without_usage = if needs_both { ("lower_bound", "office_usage") } else { ("complete", "") };
    let without_both = if needs_both {
        ("lower_bound", "cpor_m365,office_usage")
    } else {
        ("lower_bound", "cpor_m365")
    };
    for (partner, expected) in
        [("9030", without_claims), ("9031", without_usage), ("9032", without_both)]
    {
        for row in parts.iter().filter(|row| {
            row["partner_id"] == partner && row["area"] == "security" && row["part"] == "m365"
        }) {
            let found = (row["coverage"].as_str(), row["missing_inputs"].as_str());
            if found != expected {
                failures.push(format!("{ruleset} {partner} {}: {found:?}", row["metric"]));
            }
        }
    }
}

/// The published views of consumption and of implementations.
fn check_views(ttm: &[Row], implementations: &[Row], ruleset: &str, failures: &mut Vec<String>) {
    let has_small_business = is_in(ruleset, "2025-03", "");
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

fn check_totals(areas: &[Row], ruleset: &str, failures: &mut Vec<String>) {
    let mut check = |partner: &str, area: &str, path: &str, column: &str, value: &str| {
        let row = one(areas, &[("partner_id", partner), ("area", area), ("path", path)]);
        if row[column] != value {
            let found = &row[column];
            failures
                .push(format!("{ruleset} {partner} {area} {path}: {column} {found}, not {value}"));
        }
    };
    let has_small_business = is_in(ruleset, "2025-03", "");
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

/// The facts of all probes, in a month when a ruleset was in force: (folder, partners).
static FACTS: LazyLock<Vec<Place>> = LazyLock::new(|| {
    let mut base = Base::default();
    for (at, probe) in probes().into_iter().enumerate() {
        let partner = format!("{}", 5000 + at);
        base.partner(&partner);
        add_probe(&mut base, &partner, probe);
    }
    add_totals(&mut base);
    add_uncovered(&mut base, "9030", "office_usage");
    add_uncovered(&mut base, "9031", "cpor_m365");
    add_uncovered(&mut base, "9032", "ems_usage");
    add_people(&mut base, "9020", 1);
    add_people(&mut base, "9021", 2);
    RULESETS
        .iter()
        .map(|(_, as_of)| {
            let mut moved = base.clone();
            for lines in [&mut moved.azure, &mut moved.seats, &mut moved.office, &mut moved.ems] {
                for line in lines {
                    *line = move_to(line, as_of);
                }
            }
            let place = Place::new();
            moved.write(&place.path("deliveries"), "2026-10-21");
            let mut ingest = capscore();
            ingest.args(["ingest", "--input", &place.text("deliveries")]);
            ingest.args(["--facts", &place.text("facts")]).assert().success();
            fs::remove_dir_all(place.path("deliveries")).unwrap();
            place
        })
        .collect()
});

/// A line with its month moved so far that the reference month becomes `as_of`.
fn move_to(line: &str, as_of: &str) -> String {
    let count = |month: &str| {
        month[..4].parse::<i32>().unwrap() * 12 + month[5..7].parse::<i32>().unwrap() - 1
    };
    let by = count(&month(0)) - count(as_of);
    for back in 0..24 {
        let from = format!("{}-01", month(back));
        if line.contains(&from) {
            return line.replacen(&from, &format!("{}-01", month(back + by)), 1);
        }
    }
    line.to_owned()
}

/// What a ruleset (with a pack in place of the built-in one of its area) makes of the probes, where
/// it is not what is expected; `None` when the pack is refused.
pub fn failures(at: usize, pack: Option<&str>) -> Option<Vec<String>> {
    let (ruleset, as_of) = RULESETS[at];
    let place = Place::new();
    let mut score = capscore();
    score.args(["score", "--as-of", as_of, "--ruleset", ruleset, "--facts"]);
    score.arg(FACTS[at].path("facts")).args(["--output", &place.text("tables")]);
    if let Some(pack) = pack {
        score.args(["--ruleset-file", pack]);
    }
    let output = score.output().unwrap();
    match output.status.code() {
        Some(0) => {}
        Some(8) => return None,
        _ => panic!("{output:?}"),
    }
    let read = |table: &str| {
        tables::read(&place.path("tables").join(table).join(format!("{as_of}.parquet")))
    };
    let mut found: BTreeMap<String, BTreeMap<(String, String, String, String), i64>> =
        BTreeMap::new();
    let mut failures = Vec::new();
    let parts = read("fact_metric_part");
    check_coverage(&parts, ruleset, &mut failures);
    let (ttm, implementations) = (read("fact_acr_ttm"), read("fact_implementation"));
    check_views(&ttm, &implementations, ruleset, &mut failures);
    for row in parts {
        let is_uncovered = ["9030", "9031", "9032"].contains(&row["partner_id"].as_str());
        if row["coverage"] != "complete" && !is_uncovered {
            failures.push(format!("{ruleset} {}: {}", row["metric"], row["coverage"]));
        }
        let value = if row["value_unit"] == "people" { "increments" } else { "points_x8400" };
        let value = row[value].parse::<i64>().unwrap();
        if value != 0 {
            let key = ["area", "path", "metric", "part"].map(|column| row[column].clone());
            let [area, path, metric, part] = key;
            let of_partner = found.entry(row["partner_id"].clone()).or_default();
            of_partner.insert((area, path, metric, part), value);
        }
    }
    for (number, probe) in probes().into_iter().enumerate() {
        let expected: BTreeMap<_, _> = expected(probe, ruleset)
            .into_iter()
            .map(|((area, path, metric, part), value)| {
                ((area.to_owned(), path.to_owned(), metric.to_owned(), part), value)
            })
            .collect();
        let found = found.remove(&format!("{}", 5000 + number)).unwrap_or_default();
        if found != expected {
            failures.push(format!("{ruleset} {probe:?}: {found:?}, not {expected:?}"));
        }
    }
    check_totals(&read("fact_area_score"), ruleset, &mut failures);
    check_people(&read("fact_metric_score"), ruleset, &mut failures);
    Some(failures)
}

pub fn count() -> usize {
    RULESETS.len()
}

#[test]
fn every_ruleset_counts_what_its_text_says() {
    for at in 0..count() {
        assert_eq!(failures(at, None), Some(Vec::new()));
    }
}
