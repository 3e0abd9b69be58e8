//! The test vectors of the rules for the three Azure areas and for Security on two paths: one
//! partner a vector, one base, scored by every ruleset that a vector names. "doc" marks numbers that
//! Microsoft printed.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::base::{Azure, Base, Place, REFERENCE, capscore};
use crate::tables::{self, Row, one};

/// What a vector expects of a metric (or of the `total`, or by the `alternative` reading).
enum Expect {
    Points(&'static str, i64),
    Flag(&'static str, &'static str),
    Selected(&'static str, &'static str),
}

struct Vector {
    name: &'static str,
    ruleset: &'static str,
    area: &'static str,
    path: &'static str,
    build: fn(&mut Base, &str),
    expect: &'static [Expect],
}

use Expect::{Flag, Points, Selected};

const NCA: &str = "net_customer_adds";
const INT: &str = "intermediate_certifications";
const ADV: &str = "advanced_certifications";
const UG: &str = "usage_growth";
const DEP: &str = "deployments";
const POINT: i64 = 8400;
const ENT: &str = "enterprise";
const SMB: &str = "smb";
const NOW: &str = "2026-08";

/// The tenants of rules §14.1: M-1, M-2, M-13, M-14.
const TENANTS: [[&str; 4]; 6] = [
    ["900", "1200", "0", "0"],
    ["1000", "400", "250", "0"],
    ["1500", "1500", "1300", "1100"],
    ["200", "300", "1700", "1800"],
    ["2600", "2500", "0", "0"],
    ["999.99", "999.99", "0", "0"],
];

fn amounts(base: &mut Base, partner: &str, rows: &[[&str; 4]]) {
    for (tenant, months) in (10..).zip(rows) {
        for (back, amount) in [0, 1, 12, 13].into_iter().zip(months) {
            if *amount != "0" {
                let mut line = Azure::new(partner, back, tenant, amount);
                // Any of the four associations counts.
                let names = ["CSP Tier 1", "CSP Tier 2", "Digital Partner of Record", "PAL"];
                names[usize::try_from(tenant % 4).unwrap()].clone_into(&mut line.attribution);
                base.azure.push(line.line());
            }
        }
    }
}

fn adds(base: &mut Base, partner: &str, net: i32) {
    for tenant in 0..net.unsigned_abs() {
        base.azure(partner, if net > 0 { 1 } else { 13 }, 50 + tenant, "1000");
    }
}

/// ACR of R and of R−12 of one tenant, and in the months between.
fn growth(base: &mut Base, partner: &str, now: &str, before: &str, between: &str) {
    for (back, amount) in [(0, now), (12, before), (5, between)] {
        if amount != "0" {
            base.azure(partner, back, 70, amount);
        }
    }
}

fn services(base: &mut Base, partner: &str, names: &[(&str, i32, &str)]) {
    for (tenant, (service, back, amount)) in (80..).zip(names) {
        let line =
            Azure { service: (*service).to_owned(), ..Azure::new(partner, *back, tenant, amount) };
        base.azure.push(line.line());
    }
}

fn people(base: &mut Base, partner: &str, steps: &[(&str, u32)]) {
    for (title, count) in steps {
        base.people(partner, title, *count);
    }
}

/// `smb` of `all` customers in R on the small-business side, and consumption of twelve months.
fn customers(base: &mut Base, partner: &str, smb: u32, all: u32, ttm: &str) {
    for tenant in 0..all {
        let mut line = Azure::new(partner, 0, 1000 + tenant, "0.01");
        if tenant >= smb {
            "Enterprise Commercial".clone_into(&mut line.segment);
        }
        base.azure.push(line.line());
    }
    base.azure(partner, 11, 1000, ttm);
}

const ADMINISTRATOR: &str = "Azure Administrator Associate";
const ARCHITECT: &str = "Azure Solutions Architect Expert";
const NETWORK: &str = "Azure Network Engineer Associate";
const DATABASE: &str = "Azure Database Administrator Associate";
const DEVOPS: &str = "DevOps Engineer Expert";

fn security(base: &mut Base, partner: &str, rows: &[(&str, &str)]) {
    for (tenant, (now, before)) in (10..).zip(rows) {
        for (back, amount) in [(3, now), (15, before)] {
            if *amount != "0" {
                base.azure(partner, back, tenant, amount);
            }
        }
    }
}

/// Paid seats and active users.
type Seats = (i64, i64);

/// (paid, active) of one workload now and a year ago, some by CPOR and some by CSP.
fn seats(base: &mut Base, partner: &str, rows: &[(Seats, Seats)]) {
    for (tenant, (now, before)) in (200..).zip(rows) {
        for (back, (paid, active)) in [(0, now), (12, before)] {
            if *paid == 0 {
                continue;
            }
            if tenant % 2 == 0 {
                base.seats(partner, back, tenant, "Intune", *paid, *active);
            } else {
                base.office(partner, back, tenant, "Intune", "CSP Tier 1", *paid, *active);
            }
        }
    }
}

/// New tenants: with 600 USD of security services, and with so many paid seats.
fn security_adds(base: &mut Base, partner: &str, azure: i32, m365: usize, paid: i64) {
    for tenant in 0..azure.unsigned_abs() {
        base.azure(partner, if azure > 0 { 3 } else { 15 }, 100 + tenant, "600");
    }
    seats(base, partner, &vec![((paid, 0), (0, 0)); m365]);
}

fn holders(base: &mut Base, partner: &str, steps: (u32, u32, u32)) {
    base.people(partner, "Azure Security Engineer Associate", steps.0.div_ceil(2));
    base.people(partner, "Cloud and AI Security Engineer Associate", steps.0 / 2);
    base.people(partner, "Security Operations Analyst", steps.1);
    base.people(partner, "Information Security Administrator", steps.2);
}

/// Exactly 70 points, 20 + 4 × 40/6 + 20/6 + 20, which are 69.98 as printed. `last` people hold
/// nothing but a certification of the last step.
fn seventy(base: &mut Base, partner: &str, last: u32, is_in_seats: bool) {
    base.skilled(partner, last);
    security_adds(base, partner, 10, 0, 0);
    base.seats(partner, 0, 300, "Intune", 3000, 3000);
    base.seats(partner, 12, 300, "Intune", 3000, 500);
    if is_in_seats {
        base.seats(partner, 0, 301, "Intune", 400, 60);
        base.seats(partner, 12, 301, "Intune", 400, 59);
    } else {
        base.azure(partner, 3, 302, "12000.01");
        base.azure(partner, 15, 302, "11999.99");
    }
}

/// Exactly 70 points of small business, 20 + 40 + 3 × 20/6, which are 69.9 as printed. A tenant that
/// shrinks leaves no growth.
fn small_seventy(base: &mut Base, partner: &str, is_in_seats: bool) {
    base.skilled(partner, 4);
    security_adds(base, partner, 5, 0, 0);
    security(base, partner, &[("750", "12000")]);
    if is_in_seats {
        seats(base, partner, &[((100, 15), (100, 14)); 3]);
    } else {
        for tenant in 300..303 {
            base.azure(partner, 3, tenant, "750");
            base.azure(partner, 15, tenant, "749.99");
        }
    }
}

macro_rules! vectors {
    ($($name:literal, $ruleset:expr, $area:literal, $path:expr, $build:expr => [$($expect:expr),*];)*) => {
        const VECTORS: &[Vector] = &[$(Vector {
            name: $name, ruleset: $ruleset, area: $area, path: $path, build: $build,
            expect: &[$($expect),*],
        }),*];
    };
}

vectors! {
    "NCA-01", NOW, "infrastructure", ENT, |b, p| amounts(b, p, &TENANTS)
        => [Points(NCA, 20 * POINT), Points("alternative", 10 * POINT), Flag(NCA, "disputed_baseline")];
    "NCA-01 in Data & AI", NOW, "data_ai", ENT, |b, p| amounts(b, p, &TENANTS) => [Points(NCA, 20 * POINT)];
    "NCA-01 in 2022", "2022-10", "digital_app_innovation", ENT, |b, p| amounts(b, p, &TENANTS) => [Points(NCA, 20 * POINT)];
    "NCA-03", NOW, "infrastructure", SMB, |b, p| amounts(b, p, &TENANTS)
        => [Points(NCA, 30 * POINT), Points("alternative", 20 * POINT)];
    "NCA-05 doc", NOW, "infrastructure", ENT, |b, p| adds(b, p, 1) => [Points(NCA, 10 * POINT)];
    "NCA-06 five", NOW, "infrastructure", ENT, |b, p| adds(b, p, 5) => [Points(NCA, 30 * POINT)];
    "NCA-06 minus two", NOW, "infrastructure", ENT, |b, p| adds(b, p, -2) => [Points(NCA, 0)];
    "NCA-07: the months are R, R-1, R-12 and R-13", NOW, "infrastructure", ENT,
        |b, p| for back in [2, 11, 14, 23] { b.azure(p, back, 90, "5000") } => [Points(NCA, 0)];
    "UG-01", NOW, "infrastructure", ENT, |b, p| growth(b, p, "56000", "50000", "0") => [Points(UG, 12 * POINT)];
    "UG-02", NOW, "data_ai", SMB, |b, p| growth(b, p, "56450", "50000", "0") => [Points(UG, 12 * POINT)];
    "UG-03", NOW, "infrastructure", ENT, |b, p| growth(b, p, "50499", "50000", "0") => [Points(UG, 0)];
    "UG-04", NOW, "infrastructure", ENT, |b, p| growth(b, p, "47000", "50000", "0") => [Points(UG, 0)];
    "UG-05", NOW, "infrastructure", ENT, |b, p| growth(b, p, "61000", "50000", "0") => [Points(UG, 20 * POINT)];
    "UG-06", NOW, "infrastructure", ENT, |b, p| growth(b, p, "80", "60", "760")
        => [Points(UG, 0), Flag(UG, "below_minimum")];
    "usage of exactly 1,000 USD in twelve months is scored", NOW, "infrastructure", ENT,
        |b, p| growth(b, p, "80", "60", "920") => [Points(UG, 20 * POINT)];
    "UG-07", NOW, "infrastructure", ENT, |b, p| growth(b, p, "9000", "0", "0")
        => [Points(UG, 0), Flag(UG, "no_baseline")];
    "DEP-01", NOW, "infrastructure", ENT, |b, p| services(b, p, &[("Virtual Machines", 0, "9"), ("Storage", 3, "9"), ("Key Vault", 11, "9"), ("Virtual Machine Licenses", 0, "9")])
        => [Points(DEP, 4 * POINT)];
    "DEP-02", NOW, "infrastructure", SMB, |b, p| services(b, p, &[("Storage", 0, "1"), ("Key Vault", 0, "1"), ("Load Balancer", 0, "1"), ("Sentinel", 0, "1"), ("Functions", 0, "1"), ("Logic Apps", 0, "1"), ("Brand New", 0, "1")])
        => [Points(DEP, 10 * POINT)];
    "DEP-03: at two tenants, under two names", NOW, "infrastructure", ENT, |b, p| services(b, p, &[("Azure Sentinel", 0, "1"), ("Sentinel", 0, "1"), ("", 0, "5"), ("Unknown", 0, "5")])
        => [Points(DEP, 2 * POINT)];
    "DEP-04", NOW, "infrastructure", ENT, |b, p| services(b, p, &[("SQL Database", 2, "40.00"), ("SQL Database", 1, "-40.00"), ("Storage", 12, "9")])
        => [Points(DEP, 0)];
    "SK-01 doc", NOW, "infrastructure", ENT, |b, p| people(b, p, &[(ADMINISTRATOR, 2), (NETWORK, 2)]) => [Points(INT, 8 * POINT)];
    "SK-03 doc", NOW, "infrastructure", ENT, |b, p| people(b, p, &[(ADMINISTRATOR, 1), (NETWORK, 2)]) => [Points(INT, 0)];
    "SK-04 doc (2,2)", NOW, "infrastructure", SMB, |b, p| people(b, p, &[(ADMINISTRATOR, 2), (NETWORK, 2)]) => [Points(INT, 12 * POINT)];
    "SK-04 doc (1,2)", NOW, "infrastructure", SMB, |b, p| people(b, p, &[(ADMINISTRATOR, 1), (NETWORK, 2)]) => [Points(INT, 12 * POINT)];
    "SK-04 doc (0,2)", NOW, "infrastructure", SMB, |b, p| people(b, p, &[(NETWORK, 2)]) => [Points(INT, 0)];
    "SK-05 doc (2,2)", NOW, "digital_app_innovation", ENT, |b, p| people(b, p, &[(ARCHITECT, 2), (DEVOPS, 2)]) => [Points(ADV, 8 * POINT)];
    "SK-05 doc (1,2)", NOW, "digital_app_innovation", ENT, |b, p| people(b, p, &[(ARCHITECT, 1), (DEVOPS, 2)]) => [Points(ADV, 0)];
    "SK-06 doc (2,2)", NOW, "digital_app_innovation", SMB, |b, p| people(b, p, &[(ARCHITECT, 2), (DEVOPS, 2)]) => [Points(ADV, 12 * POINT)];
    "SK-06 doc (0,2)", NOW, "digital_app_innovation", SMB, |b, p| people(b, p, &[(DEVOPS, 2)]) => [Points(ADV, 0)];
    "SK-07 (3,7)", NOW, "infrastructure", ENT, |b, p| people(b, p, &[(ADMINISTRATOR, 3), (NETWORK, 7)]) => [Points(INT, 20 * POINT)];
    "SK-07 (1,4)", NOW, "infrastructure", SMB, |b, p| people(b, p, &[(ADMINISTRATOR, 1), (NETWORK, 4)]) => [Points(INT, 20 * POINT)];
    "SK-07 (1,0)", NOW, "infrastructure", SMB, |b, p| people(b, p, &[(ADMINISTRATOR, 1)]) => [Points(INT, 4 * POINT)];
    "SK-07 (1,5)", NOW, "infrastructure", SMB, |b, p| people(b, p, &[(ADMINISTRATOR, 1), (NETWORK, 5)]) => [Points(INT, 20 * POINT)];
    "SK-08: one person with two certifications", NOW, "infrastructure", ENT, |b, p| {
        people(b, p, &[(ADMINISTRATOR, 2)]);
        b.training(p, "both", "Certification", NETWORK, "2025-01-01", "NA");
        b.training(p, "both", "Certification", "Windows Server Administrator Associate", "2025-01-01", "NA");
    } => [Points(INT, 4 * POINT)];
    "SK-09 doc (2,2,3)", NOW, "data_ai", ENT, |b, p| people(b, p, &[(ADMINISTRATOR, 2), (ARCHITECT, 2), (DATABASE, 3)]) => [Points(INT, 12 * POINT)];
    "SK-09 doc (2,0,2)", NOW, "data_ai", ENT, |b, p| people(b, p, &[(ADMINISTRATOR, 2), (DATABASE, 2)]) => [Points(INT, 0)];
    "SK-09 doc (1,2,2)", NOW, "data_ai", ENT, |b, p| people(b, p, &[(ADMINISTRATOR, 1), (ARCHITECT, 2), (DATABASE, 2)]) => [Points(INT, 0)];
    "SK-10 doc (2,2,3)", NOW, "data_ai", SMB, |b, p| people(b, p, &[(ADMINISTRATOR, 2), (ARCHITECT, 2), (DATABASE, 3)]) => [Points(INT, 20 * POINT)];
    "SK-10 doc (2,0,2)", NOW, "data_ai", SMB, |b, p| people(b, p, &[(ADMINISTRATOR, 2), (DATABASE, 2)]) => [Points(INT, 4 * POINT)];
    "SK-10 doc (0,0,2)", NOW, "data_ai", SMB, |b, p| people(b, p, &[(DATABASE, 2)]) => [Points(INT, 0)];
    "SK-11 (2,2,12)", NOW, "data_ai", ENT, |b, p| people(b, p, &[(ADMINISTRATOR, 2), (ARCHITECT, 2), (DATABASE, 12)]) => [Points(INT, 40 * POINT)];
    "SK-11 (1,1,8)", NOW, "data_ai", SMB, |b, p| people(b, p, &[(ADMINISTRATOR, 1), (ARCHITECT, 1), (DATABASE, 8)]) => [Points(INT, 40 * POINT)];
    "SK-11 (1,1,9)", NOW, "data_ai", SMB, |b, p| people(b, p, &[(ADMINISTRATOR, 1), (ARCHITECT, 1), (DATABASE, 9)]) => [Points(INT, 40 * POINT)];
    "SK-11 (0,1,5)", NOW, "data_ai", SMB, |b, p| people(b, p, &[(ARCHITECT, 1), (DATABASE, 5)]) => [Points(INT, 4 * POINT)];
    "SK-12 doc: five people are twenty", NOW, "digital_app_innovation", ENT, |b, p| people(b, p, &[(ADMINISTRATOR, 2), ("Azure Developer Associate", 5)]) => [Points(INT, 20 * POINT)];
    "PA-01", "2025-03", "infrastructure", SMB, |b, p| customers(b, p, 4, 5, "999999.94") => [Selected("assigned_smb", SMB)];
    "PA-02", "2025-03", "infrastructure", ENT, |b, p| customers(b, p, 19, 20, "999999.80") => [Selected("assigned_enterprise", ENT)];
    "PA-03", "2025-03", "data_ai", ENT, |b, p| customers(b, p, 799, 1000, "499990") => [Selected("assigned_enterprise", ENT)];
    "PA-04", "2026-07", "digital_app_innovation", SMB, |b, p| customers(b, p, 17, 20, "5000000") => [Selected("assigned_smb", SMB)];
    "PA-05 4/5", NOW, "infrastructure", SMB, |b, p| customers(b, p, 4, 5, "5000000") => [Selected("assigned_smb", SMB)];
    "PA-05 799/1,000", "2026-07", "infrastructure", ENT, |b, p| customers(b, p, 799, 1000, "1") => [Selected("assigned_enterprise", ENT)];
    "PA-05 no customers", NOW, "infrastructure", ENT, |_, _| {} => [Selected("assigned_enterprise", ENT)];
    "T-01", NOW, "infrastructure", ENT, |b, p| {
        adds(b, p, 2);
        people(b, p, &[(ADMINISTRATOR, 2), (NETWORK, 4), (ARCHITECT, 2), ("Azure Virtual Desktop Specialty", 3)]);
        // The four adds of R-1 and 14 % of growth, and four services.
        growth(b, p, "11400", "10000", "0");
        services(b, p, &[("Storage", 5, "1"), ("Key Vault", 5, "1"), ("Functions", 5, "1")]);
    } => [Points("total", 70 * POINT)];
    "T-04", NOW, "data_ai", SMB, |b, p| {
        adds(b, p, 3);
        people(b, p, &[(ADMINISTRATOR, 1), (ARCHITECT, 1), (DATABASE, 3)]);
        growth(b, p, "11000", "10000", "0");
        services(b, p, &[("Storage", 5, "1"), ("Key Vault", 5, "1"), ("Functions", 5, "1"), ("Logic Apps", 5, "1")]);
    } => [Points("total", 70 * POINT)];
    "SE-01", NOW, "security", ENT, |b, p| security_adds(b, p, 3, 4, 301) => [Points(NCA, 14 * POINT)];
    "SE-02 ENT", NOW, "security", ENT, |b, p| security_adds(b, p, 6, 7, 301) => [Points(NCA, 20 * POINT)];
    "SE-02 SMB +1 +2", NOW, "security", SMB, |b, p| security_adds(b, p, 1, 2, 300) => [Points(NCA, 12 * POINT)];
    "SE-02 SMB +4 +3", NOW, "security", SMB, |b, p| security_adds(b, p, 4, 3, 5) => [Points(NCA, 20 * POINT)];
    "SE-03", NOW, "security", ENT, |b, p| security_adds(b, p, -2, 5, 301) => [Points(NCA, 10 * POINT)];
    "SE-04", NOW, "security", ENT, |b, p| security(b, p, &[("640", "580"), ("450", "900"), ("5000", "5000")]) => [Points(NCA, 0)];
    "net adds by 600 USD and not 599.99", "2025-sec", "security", SMB, |b, p| security(b, p, &[("600", "599.99"), ("599.99", "0")]) => [Points(NCA, 4 * POINT)];
    "SE-05", NOW, "security", SMB, |b, p| seats(b, p, &[((310, 0), (290, 0)), ((5, 0), (4, 0)), ((4, 0), (20, 0))]) => [Points(NCA, 0)];
    "SE-05: only a promoted tenant stays", NOW, "security", SMB, |b, p| seats(b, p, &[((310, 0), (310, 0)), ((310, 0), (4, 0)), ((6, 0), (0, 0))]) => [Points(NCA, 4 * POINT)];
    "SE-06", NOW, "security", ENT, |b, p| seats(b, p, &[((310, 0), (290, 0)), ((280, 0), (320, 0)), ((305, 0), (305, 0))]) => [Points(NCA, 0)];
    "SE-07 doc: on the enterprise path", NOW, "security", ENT, |b, p| {
        b.seats(p, 0, 10, "Azure Active Directory Premium", 500, 0);
        b.seats(p, 0, 10, "Intune", 40, 0);
    } => [Points(NCA, 2 * POINT)];
    "SE-07 doc: and on the other", NOW, "security", SMB, |b, p| {
        b.seats(p, 0, 10, "Azure Active Directory Premium", 500, 0);
        b.seats(p, 0, 10, "Intune", 40, 0);
    } => [Points(NCA, 4 * POINT)];
    "SE-08 doc (2,2,3)", NOW, "security", ENT, |b, p| holders(b, p, (2, 2, 3)) => [Points(INT, 20 * POINT)];
    "SE-08 doc (2,2,2)", NOW, "security", ENT, |b, p| holders(b, p, (2, 2, 2)) => [Points(INT, 112_000)];
    "SE-08 doc (1,2,2)", NOW, "security", ENT, |b, p| holders(b, p, (1, 2, 2)) => [Points(INT, 0)];
    "before SC-500 counts", "2026-05", "security", ENT, |b, p| holders(b, p, (2, 2, 3)) => [Points(INT, 0)];
    "SE-09 doc (2,2,3)", NOW, "security", SMB, |b, p| holders(b, p, (2, 2, 3)) => [Points(INT, 32 * POINT)];
    "SE-09 doc (2,2,2)", NOW, "security", SMB, |b, p| holders(b, p, (2, 2, 2)) => [Points(INT, 24 * POINT)];
    "SE-09 doc (2,0,2)", NOW, "security", SMB, |b, p| holders(b, p, (2, 0, 2)) => [Points(INT, 4 * POINT)];
    "SE-09 doc (0,0,2)", NOW, "security", SMB, |b, p| holders(b, p, (0, 0, 2)) => [Points(INT, 0)];
    "SE-10 ENT (2,2,7)", NOW, "security", ENT, |b, p| holders(b, p, (2, 2, 7)) => [Points(INT, 40 * POINT)];
    "SE-10 SMB (1,1,1)", NOW, "security", SMB, |b, p| holders(b, p, (1, 1, 1)) => [Points(INT, 16 * POINT)];
    "SE-10 SMB (1,1,4)", NOW, "security", SMB, |b, p| holders(b, p, (1, 1, 4)) => [Points(INT, 40 * POINT)];
    "SE-11 doc", "2023-06", "security", "single", |b, p| {
        people(b, p, &[("Azure Security Engineer Associate", 1), ("Security Operations Analyst", 1)]);
    } => [Points(INT, 56_000)];
    "SE-13 ENT", NOW, "security", ENT, |b, p| seats(b, p, &[((400, 60), (0, 0)), ((400, 59), (0, 0)), ((300, 300), (0, 0))]) => [Points(DEP, 28_000)];
    "SE-13 SMB", NOW, "security", SMB, |b, p| seats(b, p, &[((20, 3), (0, 0)), ((5, 1), (0, 0)), ((4, 4), (0, 0)), ((301, 301), (0, 0))]) => [Points(DEP, 56_000)];
    "a promoted tenant needs its activity", NOW, "security", SMB, |b, p| seats(b, p, &[((400, 60), (300, 0)), ((400, 59), (300, 0))]) => [Points(DEP, 28_000)];
    "SE-14 ENT", NOW, "security", ENT, |b, p| security(b, p, &[("12000.00", "0"), ("12000.01", "0")]) => [Points(DEP, 28_000)];
    "SE-14 SMB", NOW, "security", SMB, |b, p| security(b, p, &[("12000.00", "0"), ("12000.01", "0"), ("750.00", "0"), ("749.99", "0")]) => [Points(DEP, 56_000)];
    "a promoted spender stays a deployment", NOW, "security", SMB, |b, p| security(b, p, &[("12000.01", "750"), ("900", "0")]) => [Points(DEP, 28_000)];
    "SE-15", NOW, "security", ENT, |b, p| {
        security(b, p, &[("22000", "13000")]);
        seats(b, p, &[((2000, 1000), (2000, 300))]);
    } => [Points(UG, 12 * POINT)];
    "SE-16", NOW, "security", SMB, |b, p| {
        security(b, p, &[("10000", "1000")]);
        seats(b, p, &[((200, 175), (200, 0)), ((200, 175), (200, 0)), ((200, 175), (200, 0)), ((200, 175), (200, 0))]);
    } => [Points(UG, 20 * POINT)];
    "SMB growth by 750 USD and 50 users", NOW, "security", SMB, |b, p| {
        security(b, p, &[("2499.99", "1000"), ("12000.01", "0")]);
        seats(b, p, &[((200, 99), (200, 0)), ((4, 4), (4, 0)), ((301, 301), (0, 0))]);
    } => [Points(UG, 2 * POINT)];
    "SE-17", NOW, "security", ENT, |b, p| {
        security(b, p, &[("14249.99", "13000")]);
        seats(b, p, &[((400, 174), (400, 50))]);
    } => [Points(UG, 0)];
    "SE-18", NOW, "security", ENT, |b, p| {
        security(b, p, &[("13000", "18000")]);
        seats(b, p, &[((2000, 1600), (2000, 100))]);
    } => [Points(UG, 12 * POINT)];
    "SE-19 doc", NOW, "security", ENT, |b, p| security(b, p, &[("25000", "0")]) => [Points(UG, 20 * POINT)];
    "a DPOR does not count for Security", NOW, "security", ENT, |b, p| {
        let mut line = Azure::new(p, 0, 10, "25000");
        "DPOR".clone_into(&mut line.attribution);
        b.azure.push(line.line());
    } => [Points(UG, 0), Points(NCA, 0), Points(DEP, 0)];
    "T-08: the higher total is selected", NOW, "security", SMB, |b, p| holders(b, p, (2, 2, 3)) => [Selected("higher_total", SMB)];
    "T-05 in 2023", "2023-06", "security", "single", |b, p| seventy(b, p, 2, false)
        => [Points("total", 70 * POINT), Flag("total", "borderline_rounding")];
    "T-05 in 2023, in seats", "2023-06", "security", "single", |b, p| seventy(b, p, 2, true)
        => [Points("total", 70 * POINT), Flag("total", "borderline_rounding")];
    "T-05 since December 2023", "2023-12-01", "security", "single", |b, p| seventy(b, p, 4, false)
        => [Points("total", 70 * POINT), Flag("total", "borderline_rounding")];
    "T-05 ENT", NOW, "security", ENT, |b, p| seventy(b, p, 4, false)
        => [Points("total", 70 * POINT), Flag("total", "borderline_rounding")];
    "T-05 ENT, in seats", NOW, "security", ENT, |b, p| seventy(b, p, 4, true)
        => [Points("total", 70 * POINT), Flag("total", "borderline_rounding")];
    "T-05 SMB", NOW, "security", SMB, |b, p| small_seventy(b, p, false)
        => [Points("total", 70 * POINT), Flag("total", "borderline_rounding")];
    "T-05 SMB, in seats", NOW, "security", SMB, |b, p| small_seventy(b, p, true)
        => [Points("total", 70 * POINT), Flag("total", "borderline_rounding")];
    "nothing anywhere is a tie", NOW, "security", ENT, |_, _| {} => [Selected("tie_enterprise", ENT)];
}

fn partner_id(at: usize) -> String {
    format!("{}", 2_000_000 + at)
}

static FACTS: LazyLock<Place> = LazyLock::new(|| {
    let mut base = Base::default();
    for (at, vector) in VECTORS.iter().enumerate() {
        let partner = partner_id(at);
        base.ends(&partner);
        (vector.build)(&mut base, &partner);
    }
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let mut ingest = capscore();
    ingest.args(["ingest", "--input", &place.text("deliveries"), "--facts", &place.text("facts")]);
    ingest.assert().success();
    place
});

/// The tables of one ruleset.
struct Scored {
    areas: Vec<Row>,
    metrics: Vec<Row>,
}

fn score(ruleset: &str, extra: &[&str]) -> Option<Scored> {
    let place = Place::new();
    let mut score = capscore();
    score.args(["score", "--as-of", REFERENCE, "--ruleset", ruleset, "--facts"]);
    score.arg(FACTS.path("facts")).args(["--output", &place.text("tables")]).args(extra);
    let output = score.output().unwrap();
    match output.status.code() {
        Some(0) => {}
        // A pack that makes no sense, or without this ruleset.
        Some(8) => return None,
        _ => panic!("{output:?}"),
    }
    let read = |table: &str| {
        tables::read(&place.path("tables").join(table).join(format!("{REFERENCE}.parquet")))
    };
    Some(Scored { areas: read("fact_area_score"), metrics: read("fact_metric_score") })
}

fn failures(ruleset: &str, scored: &Scored) -> Vec<String> {
    let mut failures = Vec::new();
    for (at, vector) in VECTORS.iter().enumerate().filter(|(_, vector)| vector.ruleset == ruleset) {
        let partner = partner_id(at);
        let key = [("partner_id", partner.as_str()), ("area", vector.area)];
        let on_path = [key[0], key[1], ("path", vector.path)];
        let metric = |metric: &str| {
            one(&scored.metrics, &[on_path[0], on_path[1], on_path[2], ("metric", metric)]).clone()
        };
        for expect in vector.expect {
            let (found, expected) = match expect {
                Points("total", points) => {
                    (one(&scored.areas, &on_path)["points_x8400"].clone(), points.to_string())
                }
                Points("alternative", points) => {
                    (metric(NCA)["alternative_points_x8400"].clone(), points.to_string())
                }
                Points(name, points) => (metric(name)["points_x8400"].clone(), points.to_string()),
                Flag("total", flag) => {
                    (one(&scored.areas, &on_path)["flags"].clone(), (*flag).to_owned())
                }
                Flag(name, flag) => (metric(name)["flags"].clone(), (*flag).to_owned()),
                Selected(reason, path) => {
                    let row = one(&scored.areas, &[key[0], key[1], ("is_selected", "true")]);
                    let found = format!("{} {}", row["selection_reason"], row["path"]);
                    (found, format!("{reason} {path}"))
                }
            };
            if found != expected {
                failures.push(format!("{}: {found}, not {expected}", vector.name));
            }
        }
    }
    failures
}

/// The rulesets that the vectors of an area name, or those of any area.
fn rulesets(area: Option<&str>) -> BTreeSet<&'static str> {
    let vectors = VECTORS.iter().filter(|vector| area.is_none_or(|area| vector.area == area));
    vectors.map(|vector| vector.ruleset).collect()
}

/// What is not as the vectors of an area expect it when a pack file takes the place of its built-in
/// pack, by the newest ruleset that has any failure; nothing when the pack is refused.
pub fn failures_with(area: &str, pack: &str) -> Option<Vec<String>> {
    for ruleset in rulesets(Some(area)).into_iter().rev() {
        let failures = failures(ruleset, &score(ruleset, &["--ruleset-file", pack])?);
        if !failures.is_empty() {
            return Some(failures);
        }
    }
    Some(Vec::new())
}

#[test]
fn all_vectors_hold() {
    let mut all = Vec::new();
    for ruleset in rulesets(None) {
        all.extend(failures(ruleset, &score(ruleset, &[]).unwrap()));
    }
    assert_eq!(all, Vec::<String>::new());
}

#[test]
fn exactly_one_path_is_selected_and_points_stay_in_bounds() {
    let scored = score(NOW, &[]).unwrap();
    for rows in scored.areas.chunk_by(|left, right| {
        (&left["partner_id"], &left["area"]) == (&right["partner_id"], &right["area"])
    }) {
        assert_eq!(rows.iter().filter(|row| row["is_selected"] == "true").count(), 1, "{rows:?}");
        assert_eq!(rows.len(), 2);
    }
    let number = |text: &String| text.replace('.', "").parse::<i64>().unwrap();
    for row in &scored.metrics {
        let points = row["points_x8400"].parse::<i64>().unwrap();
        assert!(points >= 0 && points <= number(&row["max_points"]) * POINT / 10_000, "{row:?}");
    }
}
