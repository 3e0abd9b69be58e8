//! Generated bases: few tenants and values on the thresholds of all areas, so that lines meet in one
//! consumption, one seat or one pair.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::base::{Azure, Base, Business};

/// What one line of usage may be.
fn azure_line() -> impl Strategy<Value = (u32, Azure)> {
    let amounts = prop::sample::select(vec![
        "100",
        "99.99",
        "500",
        "600",
        "599.99",
        "750",
        "1000",
        "999.99",
        "12000.01",
        "0.01",
        "-50",
        "12000",
        "11999.99",
        "1250",
        "0",
        "33.3333333333",
    ]);
    let attributions = prop::sample::select(vec![
        "PartnerAdminLink",
        "CSP Tier 2",
        "Digital Partner of Record",
        "Something new",
    ]);
    let services = prop::sample::select(vec!["Sentinel", "Azure Sentinel", "Key Vault", "Storage"]);
    (0_u32..3, 0_i32..26, 1_u32..5, amounts, attributions, services, prop::bool::ANY, 0_u32..3)
        .prop_map(|(partner, back, tenant, amount, attribution, service, is_reader, reseller)| {
            let mut line = Azure::new(&partner_id(partner), back - 1, tenant, amount);
            attribution.clone_into(&mut line.attribution);
            service.clone_into(&mut line.service);
            if is_reader {
                "Reader".clone_into(&mut line.role);
            }
            if reseller > 0 {
                line.reseller = format!("{}", 7000 + reseller);
            }
            (partner, line)
        })
}

/// The association of seats, and the day on which it began; without one the line is of the export
/// that tells none.
type Bond = (&'static str, Option<&'static str>);

#[derive(Debug, Clone)]
struct SeatLine {
    partner: u32,
    back: i32,
    tenant: u32,
    workload: &'static str,
    bond: Bond,
    paid: i64,
    active: i64,
}

fn seat_line() -> impl Strategy<Value = SeatLine> {
    let workloads = prop::sample::select(vec![
        "Intune",
        "Microsoft Defender for Identity",
        "Teams",
        "Teams Premium",
        "Brand New",
    ]);
    // Before R−12, in it, in R−11, within a year, in R, after it, and never told.
    let bonds = prop::sample::select(vec![
        ("CPOR", Some("2020-01-01")),
        ("CPOR", Some("2020-01-01")),
        ("CPOR", Some("2025-09-30")),
        ("CPOR", Some("2025-10-01")),
        ("CPOR", Some("2026-05-10")),
        ("CPOR", Some("2026-09-30")),
        ("CPOR", Some("2026-10-05")),
        ("CPOR", Some("")),
        ("DPOR", Some("2026-05-10")),
        ("CSP Tier 1", Some("2026-05-10")),
        ("DPOR", None),
        ("CSP Tier 1", None),
        ("CSP Tier 2", None),
    ]);
    let seats =
        prop::sample::select(vec![0_i64, 4, 5, 10, 11, 24, 25, 26, 100, 300, 300, 301, 301, 1000]);
    // Anything, or a user more or less than the share of Modern Work.
    let uses = prop_oneof![(0_i64..160).prop_map(Use::Users), (-1_i64..2).prop_map(Use::FromShare)];
    (0_u32..3, months(), 1_u32..5, workloads, bonds, seats, uses).prop_map(
        |(partner, back, tenant, workload, bond, paid, uses)| SeatLine {
            partner,
            back,
            tenant,
            workload,
            bond,
            paid,
            active: match uses {
                Use::Users(users) => users,
                Use::FromShare(more) => ((paid * 2 + 4) / 5 + more).max(0),
            },
        },
    )
}

/// Active users, or how many more than reach 40 % of the seats.
#[derive(Debug, Clone)]
enum Use {
    Users(i64),
    FromShare(i64),
}

/// How far back: mostly R and R−12, which are compared.
fn months() -> impl Strategy<Value = i32> {
    prop_oneof![prop::sample::select(vec![0, 12]), 0_i32..14]
}

/// A line of revenue (an amount) or of usage (three counts) of business applications.
#[derive(Debug, Clone)]
enum BusinessLine {
    Revenue(Business, &'static str),
    Usage(Business, [i64; 3]),
}

fn business_line() -> impl Strategy<Value = (u32, BusinessLine)> {
    let sold = prop::sample::select(vec!["Business Central", "Power Apps", "Sales", "Brand New"]);
    let sellers = prop::sample::select(vec!["CSP Tier 1", "CPOR RevRec", "DPOR", "CPOR", "PAL"]);
    let amounts = prop::sample::select(vec![
        "249.99", "250", "499.99", "500", "1499.99", "1500", "5000", "5000.01", "0", "-300",
    ]);
    let revenue = (place(), sold, sellers, amounts).prop_map(
        |((partner, back, tenant, subscription), workload, by, amount)| {
            let line = Business::new(&partner_id(partner), back, tenant, workload, by);
            (partner, BusinessLine::Revenue(Business { subscription, ..line }, amount))
        },
    );
    let used = prop::sample::select(vec![
        "Business Central",
        "Contact Center",
        "Power App",
        "Portals",
        "Customer Insights Partner",
    ]);
    let users = prop::sample::select(vec!["CPOR OSU", "CSP Tier 2", "PAL", "CPOR"]);
    // By rates of 1,000, 200, 100 and 0.2 these lie around 5,000, 10,000, 25,000 and 50,000.
    let counts = || prop::sample::select(vec![0_i64, 4, 5, 9, 10, 24, 25, 26, 49, 50, 51, 100]);
    let profiles = prop::sample::select(vec![0_i64, 24_999, 25_000, 49_999, 50_000, 125_000]);
    let kinds = prop::sample::select(vec!["Paid", "Paid", "Paid", "Trial"]);
    let usage = (place(), used, users, (counts(), counts(), profiles), kinds).prop_map(
        |((partner, back, tenant, subscription), workload, by, (mau, pamau, mac), kind)| {
            let line = Business::new(&partner_id(partner), back, tenant, workload, by);
            let line = Business { subscription, metric_type: kind.to_owned(), ..line };
            (partner, BusinessLine::Usage(line, [mau, pamau, mac]))
        },
    );
    prop_oneof![revenue, usage]
}

/// Partner, month, tenant and subscription of a line of business applications.
fn place() -> impl Strategy<Value = (u32, i32, u32, u32)> {
    (0_u32..3, months(), 1_u32..5, 1_u32..4)
}

/// A base and how it will be cut up.
#[derive(Clone)]
pub struct Case {
    azure: Vec<(u32, Azure)>,
    seats: Vec<SeatLine>,
    business: Vec<(u32, BusinessLine)>,
    people: Vec<(u32, usize)>,
    pub order: u64,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (_, line) in &self.azure {
            writeln!(formatter, "{}", line.line())?;
        }
        writeln!(formatter, "{:?}", self.seats)?;
        writeln!(formatter, "{:?} {:?} {}", self.business, self.people, self.order)
    }
}

pub fn case() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(azure_line(), 1..60),
        prop::collection::vec(seat_line(), 1..60),
        prop::collection::vec(business_line(), 0..40),
        prop::collection::vec((0_u32..3, 0..TITLES.len()), 0..16),
        any::<u64>(),
    )
        .prop_map(|(azure, seats, business, people, order)| Case {
            azure,
            seats,
            business,
            people,
            order,
        })
}

const TITLES: [&str; 12] = [
    "Azure Security Engineer Associate",
    "Security Operations Analyst",
    "Cybersecurity Architect Expert",
    "Identity and Access Administrator",
    "Information Protection Administrator",
    "Microsoft Certified Professional",
    "Azure Administrator Associate",
    "Power Platform Developer Associate",
    "Teams Administrator Associate",
    "Enterprise Administrator Expert",
    "Business Central Functional Consultant",
    "Power Platform Solution Architect Expert",
];

fn partner_id(partner: u32) -> String {
    format!("{}", 1001 + partner)
}

/// The base with the lines of the partners that `keep` selects.
pub fn base_of(case: &Case, keep: impl Fn(u32) -> bool) -> Base {
    let mut base = Base::default();
    for partner in (0..3).filter(|partner| keep(*partner)) {
        base.partner(&partner_id(partner));
        base.business(&partner_id(partner));
    }
    for (_, line) in case.azure.iter().filter(|(partner, _)| keep(*partner)) {
        base.azure.push(line.line());
    }
    for line in case.seats.iter().filter(|line| keep(line.partner)) {
        let SeatLine { back, tenant, workload, bond: (by, date), paid, active, .. } = *line;
        let partner = partner_id(line.partner);
        match date {
            Some(date) => {
                base.dated(&partner, back, tenant, workload, by, (paid, active), date);
            }
            None => base.office(&partner, back, tenant, workload, by, paid, active),
        }
    }
    for (_, line) in case.business.iter().filter(|(partner, _)| keep(*partner)) {
        match line {
            BusinessLine::Revenue(line, amount) => base.revenue.push(line.revenue(amount)),
            BusinessLine::Usage(line, [mau, pamau, mac]) => {
                base.usage.push(line.usage(*mau, *pamau, *mac));
            }
        }
    }
    for (at, (partner, title)) in case.people.iter().enumerate() {
        if keep(*partner) {
            let person = format!("person{}", at % 7);
            let partner = partner_id(*partner);
            let title = TITLES[*title];
            base.training(&partner, &person, "Certification", title, "2025-03-01", "NA");
        }
    }
    base
}

/// Cases without shrinking into many slow runs.
pub fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    })
}
