//! An independent recomputation of the Security scores of rules version `2023-12-01` (single path).
//!
//! It is the oracle that the product is compared with: written from `rules.md`, `contract.md` and
//! `exports.md` alone, sharing no code with the crate, slow and plain on purpose. Section marks:
//! R = rules.md, C = contract.md, E = exports.md, D = design.md.
//!
//! Input: AzureUsage layout A, CPOR M365 usage (and CPOR rows of OfficeUsage), TrainingCompletions
//! and Profile, in delivery folders. Not here: distributor scope, coverage, held replacements.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

// ------------------------------------------------------------------------------ what comes out

#[derive(Debug, Default, PartialEq)]
pub struct Recomputed {
    pub partners: BTreeMap<String, Partner>,
    /// Bad rows per read file (path below the folder, `/` between segments), zeros included.
    pub skipped: BTreeMap<String, u64>,
    /// Blank and totals lines per read file (C §5: these are not quarantined).
    pub footers: BTreeMap<String, u64>,
    /// Files of no dataset that Security reads.
    pub ignored: BTreeSet<String>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Partner {
    pub points_x8400: i64,
    pub is_qualified: bool,
    pub metrics: BTreeMap<String, MetricResult>,
    /// By (tenant, scope `all` or `security`): every tenant with an eligible row in R−23…R.
    pub ttm: BTreeMap<(String, String), Ttm>,
}

#[derive(Debug, Default, PartialEq)]
pub struct MetricResult {
    pub points_x8400: i64,
    pub parts: BTreeMap<String, PartResult>,
}

/// Values in the part's own unit: usd in 1e-10 USD, everything else as plain integers.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct PartResult {
    pub current: i128,
    pub baseline: Option<i128>,
    pub increments: i64,
    pub points_x8400: i64,
}

/// In 1e-10 USD.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Ttm {
    pub ttm: i128,
    pub prior: i128,
    pub last_month: i128,
    pub same_month_last_year: i128,
}

// ---------------------------------------------------------------------- the rules, as constants

/// One US dollar (C §1: amounts are exact to 10 decimals).
const USD: i128 = 10_000_000_000;
/// One point (R §3.2.6).
const POINT: i64 = 8_400;

/// R §9.1, column "Older", under every name that R §9.1, E §5.5 and C §3 "Names" give a service.
/// Not in this version: Microsoft Entra, Entra Verified ID, Purview, Security Copilot.
const SECURITY_SERVICES: &[&str] = &[
    "advanced data security | advanced threat protection | application gateway | azure bastion",
    "azure active directory b2c | azure ad b2c",
    "azure active directory domain services | azure ad domain services | azure ad ds",
    "microsoft entra domain services | entra domain services",
    "azure active directory for external identities | azure ad for external identities",
    "microsoft entra id for external identities | entra id for external identities",
    "azure ddos protection | azure firewall | azure firewall manager | azure front door service",
    "azure iot security | key vault | network watcher",
    "azure defender | security center | microsoft defender for cloud",
    "sentinel | azure sentinel | microsoft sentinel",
];

/// R §9.3, line "Older"; renames of E §5.4; C §3 "Names": Endpoint without a plan is P2, Azure AD
/// Premium without a plan is Entra ID P1. One workload a line, without a leading "Microsoft".
/// "Defender for Endpoints (any)": the older list takes plan 1 too.
const SECURITY_WORKLOADS: &[&str] = &[
    "entra id p1 | azure active directory premium | azure active directory premium p1 \
        | azure ad premium | azure ad premium p1",
    "entra id p2 | azure active directory premium p2 | azure ad premium p2",
    "defender for office 365",
    "defender for endpoint p2 | defender for endpoint plan 2 | defender for endpoint \
        | defender for endpoints",
    "defender for endpoint p1 | defender for endpoint plan 1",
    "defender for identity | aatp",
    "purview information protection | information protection | azure information protection",
    "intune",
];

/// Code, titles (certifications.csv, lower case), retirement date (R §16 [retirement]).
const CERTIFICATIONS: &[(&str, &str, Option<Date>)] = &[
    ("AZ-500", "azure security engineer associate", Some((2026, 8, 31))),
    ("SC-200", "security operations analyst | security operations analyst associate", None),
    ("MS-500", "security administrator associate", Some((2023, 6, 30))),
    ("SC-100", "cybersecurity architect expert", None),
    (
        "SC-300",
        "identity and access administrator | identity and access administrator associate",
        None,
    ),
    (
        "SC-400",
        "information protection administrator | information protection administrator associate \
            | information protection and compliance administrator associate",
        Some((2025, 5, 31)),
    ),
];

/// R §16, override of Security `2023-12-01`; "to 30 Jun 2024" of MS-500 is retirement + 1 year.
const STEPS: [(&str, &[&str]); 3] = [
    ("step1", &["AZ-500"]),
    ("step2", &["SC-200", "MS-500"]),
    ("step3", &["SC-100", "SC-300", "SC-400"]),
];

// ------------------------------------------------------------------------------ the computation

/// What the live rows say of one partner.
#[derive(Default)]
struct Inputs {
    /// (tenant, scope) → month → 1e-10 USD.
    acr: BTreeMap<(String, String), BTreeMap<Month, i128>>,
    /// (month, tenant, workload) → (PAU, MAU) of the winning row.
    seats: BTreeMap<(Month, String, String), (i128, i128)>,
    /// People per step.
    people: [BTreeSet<String>; 3],
}

/// Scores every partner of the folder at the reference month R = `year`-`month`.
pub fn recompute(deliveries: &Path, year: i32, month: u32) -> Recomputed {
    let r = month_number(year, month);
    let window = r - 23..=r;
    let day: Date = (year, month, days_in_month(year, month));
    let mut out = Recomputed::default();

    let mut paths = Vec::new();
    list_files(deliveries, &mut paths);
    paths.sort();

    // Profile first: it decides who a location belongs to (C §3 "Partner").
    let mut profile_rows = Vec::new();
    for path in &paths {
        let file = read_file(deliveries, path);
        if file.dataset == Dataset::Profile {
            read_profile(&file, &mut out, &mut profile_rows);
        }
    }
    let mut account_of_location: BTreeMap<String, String> = BTreeMap::new();
    for (location, account) in live(profile_rows, |row: &(String, String)| row.1.clone()) {
        account_of_location.insert(location, account);
    }

    let (mut azure, mut seats, mut credentials) = (Vec::new(), Vec::new(), Vec::new());
    for path in &paths {
        let file = read_file(deliveries, path);
        match file.dataset {
            Dataset::Azure => read_azure(&file, &account_of_location, &mut out, &mut azure),
            Dataset::Cpor | Dataset::Office => {
                read_seats(&file, &account_of_location, &mut out, &mut seats);
            }
            Dataset::Trainings => {
                read_trainings(&file, &account_of_location, &mut out, &mut credentials);
            }
            Dataset::Profile => {}
            Dataset::NotRead => {
                out.ignored.insert(file.name.clone());
            }
        }
    }
    // Rows outside R−23…R are of no interest, and replace nothing inside it.
    azure.retain(|(_, row): &(Date, AzureRow)| window.contains(&row.month));
    seats.retain(|(_, row): &(Date, SeatRow)| window.contains(&row.month));

    // D §4.7: the newest delivery that has rows for a unit replaces it whole.
    let azure = live(azure, |row: &AzureRow| (row.partner.clone(), row.month));
    let seats = live(seats, |row: &SeatRow| (row.dataset, row.partner.clone(), row.month));
    let credentials = live(credentials, |row: &CredentialRow| row.partner.clone());

    // C §3 "Partner": scored is who has a live row of ACR or seats in R−23…R, or a credential
    // earned by the last day of R.
    let mut inputs: BTreeMap<String, Inputs> = BTreeMap::new();
    add_acr(&azure, &mut inputs);
    add_seats(&seats, &mut inputs);
    add_people(&credentials, day, &mut inputs);

    for (partner_id, input) in inputs {
        out.partners.insert(partner_id, score(&input, r));
    }
    out
}

/// C §3 "One consumption counts once".
fn add_acr(rows: &[AzureRow], inputs: &mut BTreeMap<String, Inputs>) {
    // key → attribution → claim → line → amount; a line that is there already is the same line.
    type Lines = BTreeMap<String, i128>;
    type Claims = BTreeMap<Attribution, BTreeMap<Claim, Lines>>;
    let mut consumptions: BTreeMap<(String, Month, String, String, String), Claims> =
        BTreeMap::new();
    for row in rows {
        inputs.entry(row.partner.clone()).or_default();
        let key = (
            row.partner.clone(),
            row.month,
            row.tenant.clone(),
            row.service.clone(),
            row.rest_of_key.clone(),
        );
        consumptions
            .entry(key)
            .or_default()
            .entry(row.attribution)
            .or_default()
            .entry(row.claim.clone())
            .or_default()
            .insert(row.line.clone(), row.amount);
    }

    for ((partner, month, tenant, service, _), claims) in consumptions {
        // An attribution's amount: the largest of its claims, a claim being the sum of its lines.
        let mut amounts: BTreeMap<Attribution, i128> = BTreeMap::new();
        for (attribution, claims) in claims {
            let sums = claims.values().map(|lines| lines.values().sum());
            amounts.insert(attribution, sums.max().unwrap());
        }
        // The metric's amount: the largest of the eligible attributions that are there.
        let amount_under = |eligible: &[Attribution]| -> Option<i128> {
            let is_eligible = |attribution: &&Attribution| eligible.contains(attribution);
            amounts.keys().filter(is_eligible).map(|attribution| amounts[attribution]).max()
        };
        use Attribution::{Csp, CspT1, CspT2, Dpor, Pal};
        let input = inputs.get_mut(&partner).unwrap();
        let mut add = |scope: &str, amount: i128| {
            let key = (tenant.clone(), scope.to_string());
            *input.acr.entry(key).or_default().entry(month).or_default() += amount;
        };
        // C §4 fact_acr_ttm: `all` = eligible for the Azure areas (R §10.2, first line).
        if let Some(amount) = amount_under(&[Pal, Dpor, CspT1, CspT2, Csp]) {
            add("all", amount);
        }
        // R §10.2 last lines: before `2025-sec` Security Azure is PAL only; services of R §9.1.
        if named_in(SECURITY_SERVICES, &fold(&service)).is_some()
            && let Some(amount) = amount_under(&[Pal])
        {
            add("security", amount);
        }
    }
}

/// C §3 "Seats": one row's PAU and MAU together, the row with the most PAU, then MAU.
fn add_seats(rows: &[SeatRow], inputs: &mut BTreeMap<String, Inputs>) {
    for row in rows {
        let input = inputs.entry(row.partner.clone()).or_default();
        // Security M365 is CPOR only (R §10.2), and bare CPOR (C §3 "Attribution").
        if row.attribution != Attribution::Cpor {
            continue;
        }
        if let Some(workload) = security_workload(&row.workload) {
            let key = (row.month, row.tenant.clone(), workload.to_string());
            let best = input.seats.entry(key).or_insert((row.pau, row.mau));
            *best = (*best).max((row.pau, row.mau));
        }
    }
}

/// C §3 "People": a person holds a certification if any one of its rows satisfies R §8.7.
fn add_people(rows: &[CredentialRow], day: Date, inputs: &mut BTreeMap<String, Inputs>) {
    for row in rows {
        // Certification and Assessment count, Exam never.
        let kind = fold(&row.kind);
        let is_kind = kind.starts_with("certification") || kind.starts_with("assessment");
        if !is_kind || row.earned > day {
            continue;
        }
        let input = inputs.entry(row.partner.clone()).or_default();
        let Some((code, retired)) = certification(&row.title) else {
            continue;
        };
        if !certificate_counts(row.earned, row.expires, retired, day) {
            continue;
        }
        for (step, (_, codes)) in STEPS.iter().enumerate() {
            if codes.contains(&code) {
                input.people[step].insert(row.person.clone());
            }
        }
    }
}

/// R §8.7.
fn certificate_counts(
    earned: Date,
    expires: Option<Date>,
    retired: Option<Date>,
    day: Date,
) -> bool {
    let is_earned = earned <= day;
    let is_unexpired = expires.is_none_or(|expires| day <= expires);
    let is_unretired = retired.is_none_or(|retired| {
        let a_year_later = (retired.0 + 1, retired.1, retired.2);
        earned <= retired && day <= a_year_later
    });
    is_earned && is_unexpired && is_unretired
}

fn score(input: &Inputs, r: Month) -> Partner {
    let mut partner = Partner::default();

    // Windows (C §6.11): TTM = R−11…R, prior TTM = R−23…R−12, base month = R−12.
    for (key, months) in &input.acr {
        let sum = |from: Month, to: Month| months.range(from..=to).map(|(_, amount)| amount).sum();
        let ttm = Ttm {
            ttm: sum(r - 11, r),
            prior: sum(r - 23, r - 12),
            last_month: sum(r, r),
            same_month_last_year: sum(r - 12, r - 12),
        };
        partner.ttm.insert(key.clone(), ttm);
    }
    let is_security = |(key, _): &(&(String, String), &Ttm)| key.1 == "security";
    let ttms: Vec<Ttm> = partner.ttm.iter().filter(is_security).map(|(_, t)| t.clone()).collect();

    // Tenants at or above a security ACR, on both sides.
    let tenants_from = |threshold: i128| {
        let current = ttms.iter().filter(|tenant| tenant.ttm >= threshold).count();
        let baseline = ttms.iter().filter(|tenant| tenant.prior >= threshold).count();
        (current as i128, baseline as i128)
    };
    // Tenants with at least one eligible workload that passes the test, in a month.
    let tenants_in = |month: Month, passes: fn(i128, i128) -> bool| {
        let mut tenants = BTreeSet::new();
        for ((row_month, tenant, _), (pau, mau)) in &input.seats {
            if *row_month == month && passes(*pau, *mau) {
                tenants.insert(tenant);
            }
        }
        tenants.len() as i128
    };
    let tenants_with = |passes| (tenants_in(r, passes), tenants_in(r - 12, passes));

    // Net customer adds (R §15.1): 2 points each; Azure ≥ $100 in the TTM, M365 ≥ 25 paid seats.
    let azure = net_part(tenants_from(100 * USD), 1, 2 * POINT);
    let m365 = net_part(tenants_with(|pau, _| pau >= 25), 1, 2 * POINT);
    partner.add_metric("net_customer_adds", 20, [("azure", azure), ("m365", m365)]);

    // Deployments (R §15.1): 20/6 points each; Azure ≥ $12,000 in the TTM, M365 ≥ 25 paid seats
    // and ≥ 15 % active in the same workload (AMB-14).
    let azure = net_part(tenants_from(12_000 * USD), 1, 20 * POINT / 6);
    let active = tenants_with(|pau, mau| pau >= 25 && mau * 100 >= pau * 15);
    let m365 = net_part(active, 1, 20 * POINT / 6);
    partner.add_metric("deployments", 20, [("azure", azure), ("m365", m365)]);

    // Usage growth (R §15.1, §16): 1 point per whole $1,250 of security ACR and per 125 protected
    // users; every tenant, every eligible workload, no band. Users = Σ min(MAU, PAU) (AMB-12).
    let current = ttms.iter().map(|tenant| tenant.ttm).sum();
    let baseline = ttms.iter().map(|tenant| tenant.prior).sum();
    let azure = net_part((current, baseline), 1_250 * USD, POINT);
    let users = |month: Month| -> i128 {
        let rows = input.seats.iter().filter(|(key, _)| key.0 == month);
        rows.map(|(_, (pau, mau))| *pau.min(mau)).sum()
    };
    let m365 = net_part((users(r), users(r - 12)), 125, POINT);
    partner.add_metric("usage_growth", 20, [("azure", azure), ("m365", m365)]);

    // Skilling (R §15.1 "from 1 Dec 2023", C §6): two people in step 1 and two in step 2 (no points
    // of their own) unlock 40/6 points a person of step 3. Locked, the people still show.
    let people = |step: usize| input.people[step].len() as i64;
    let is_unlocked = people(0) >= 2 && people(1) >= 2;
    let last_each = if is_unlocked { 40 * POINT / 6 } else { 0 };
    let steps = [(0, 0), (1, 0), (2, last_each)].map(|(step, points_each)| {
        let part = PartResult {
            current: i128::from(people(step)),
            baseline: None,
            increments: people(step),
            points_x8400: people(step) * points_each,
        };
        (STEPS[step].0, part)
    });
    partner.add_metric("intermediate_certifications", 40, steps);

    // R §3.3: the gate.
    let points: Vec<i64> = partner.metrics.values().map(|metric| metric.points_x8400).collect();
    partner.points_x8400 = points.iter().sum();
    partner.is_qualified = partner.points_x8400 >= 70 * POINT && points.iter().all(|p| *p > 0);
    partner
}

impl Partner {
    /// R §5.2, C §6.5: parts are clamped one by one, added, and the sum is capped.
    fn add_metric<const N: usize>(&mut self, name: &str, max: i64, parts: [(&str, PartResult); N]) {
        let parts = parts.map(|(part_name, part)| (part_name.to_string(), part));
        let sum: i64 = parts.iter().map(|(_, part)| part.points_x8400).sum();
        let points_x8400 = sum.min(max * POINT);
        let parts = BTreeMap::from(parts);
        self.metrics.insert(name.to_string(), MetricResult { points_x8400, parts });
    }
}

/// C §6.2, §6.3: whole increments of a change that is not negative; uncapped.
fn net_part(sides: (i128, i128), unit: i128, points_each: i64) -> PartResult {
    let (current, baseline) = sides;
    let increments = i64::try_from((current - baseline).max(0) / unit).unwrap();
    let points_x8400 = increments * points_each;
    PartResult { current, baseline: Some(baseline), increments, points_x8400 }
}

/// One sorted line per partner × metric × part; `*` for a metric's and a partner's own line.
pub fn to_csv(result: &Recomputed) -> String {
    let mut lines = BTreeSet::new();
    for (partner_id, partner) in &result.partners {
        lines.insert(format!("{partner_id},*,*,,,,{}", partner.points_x8400));
        for (metric_name, metric) in &partner.metrics {
            let points = metric.points_x8400;
            lines.insert(format!("{partner_id},{metric_name},*,,,,{points}"));
            for (part_name, part) in &metric.parts {
                let is_usd = metric_name == "usage_growth" && part_name == "azure";
                let show = |v: i128| if is_usd { usd(v) } else { v.to_string() };
                let (current, baseline) = (show(part.current), part.baseline.map(show));
                let (baseline, increments) = (baseline.unwrap_or_default(), part.increments);
                let points = part.points_x8400;
                let key = format!("{partner_id},{metric_name},{part_name}");
                lines.insert(format!("{key},{current},{baseline},{increments},{points}"));
            }
        }
    }
    let header = "partner_id,metric,part,current_value,baseline_value,increments,points_x8400";
    let lines: Vec<String> = lines.into_iter().collect();
    format!("{header}\n{}\n", lines.join("\n"))
}

/// An exact decimal without trailing zeros.
fn usd(amount: i128) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let (whole, fraction) = (amount.abs() / USD, amount.abs() % USD);
    let text = format!("{sign}{whole}.{fraction:010}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

// ------------------------------------------------------------------------- rows of each dataset

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Dataset {
    Azure,
    Cpor,
    Office,
    Trainings,
    Profile,
    NotRead,
}

/// Only what Security and the TTM tables tell apart. `Other` takes PAL readers too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Attribution {
    Pal,
    Dpor,
    Csp,
    CspT1,
    CspT2,
    Cpor,
    Other,
}

/// Location, role, association type; the attribution is the map above it.
type Claim = (String, String, String);

struct AzureRow {
    partner: String,
    month: Month,
    tenant: String,
    service: String,
    rest_of_key: String,
    attribution: Attribution,
    claim: Claim,
    line: String,
    amount: i128,
}

struct SeatRow {
    dataset: Dataset,
    partner: String,
    month: Month,
    tenant: String,
    workload: String,
    attribution: Attribution,
    pau: i128,
    mau: i128,
}

struct CredentialRow {
    partner: String,
    person: String,
    title: String,
    kind: String,
    earned: Date,
    expires: Option<Date>,
}

/// Rows with their delivery date.
type Rows<T> = Vec<(Date, T)>;

/// Keeps the rows of the newest delivery of each unit.
fn live<T, U: Ord>(rows: Rows<T>, unit_of: impl Fn(&T) -> U) -> Vec<T> {
    let mut newest: BTreeMap<U, Date> = BTreeMap::new();
    for (delivery, row) in &rows {
        let newest_of_unit = newest.entry(unit_of(row)).or_insert(*delivery);
        *newest_of_unit = (*newest_of_unit).max(*delivery);
    }
    let is_live = |delivery: &Date, row: &T| newest[&unit_of(row)] == *delivery;
    rows.into_iter().filter(|(delivery, row)| is_live(delivery, row)).map(|(_, row)| row).collect()
}

/// C §3: the columns of one consumption's key in layout A, besides month, partner and tenant.
const KEY_COLUMNS: &str = "servicelevel1 servicelevel2 servicelevel3 servicelevel4 servicegroup2 \
    servicegroup3 serviceinfluencer computeos computecoresoftware usageunits";

type Accounts = BTreeMap<String, String>;

fn read_azure(file: &File, accounts: &Accounts, out: &mut Recomputed, rows: &mut Rows<AzureRow>) {
    let keys = "month customertenantid customertpid subscriptionid";
    each_record(file, keys, out, |cells| {
        let named = attribution(cells.get(&["partnerattributiontype"]));
        let (mut attribution, role_in_name) = named;
        let admin_type = cells.get(&["admintype"]);
        let role = if admin_type.is_empty() { role_in_name.as_str() } else { admin_type };
        // C §3 "Attribution": a role ending in reader is PAL_READER, eligible nowhere.
        if attribution == Attribution::Pal
            && (fold(role).ends_with("reader") || role_in_name.ends_with("reader"))
        {
            attribution = Attribution::Other;
        }
        // Subscription GUIDs arrive in either case (E §5.1).
        let subscription = cells.get(&["subscriptionid"]).to_lowercase();
        let mut rest_of_key = format!("subscriptionid={subscription}\u{1f}");
        for column in KEY_COLUMNS.split(' ') {
            if cells.has(column) {
                rest_of_key += &format!("{column}={}\u{1f}", cells.get(&[column]));
            }
        }
        let row = AzureRow {
            partner: partner(cells, accounts)?,
            month: parse_month(cells.get(&["month"]))?,
            tenant: tenant(cells)?,
            service: cells.get(&["servicelevel2"]).to_string(),
            rest_of_key,
            attribution,
            claim: (
                cells.get(MPN).to_string(),
                role.to_string(),
                cells.get(&["associationtype"]).to_string(),
            ),
            line: cells.line(),
            amount: parse_decimal(cells.get(&["acrusd"]))?,
        };
        rows.push((file.delivery, row));
        Some(())
    });
}

fn read_seats(file: &File, accounts: &Accounts, out: &mut Recomputed, rows: &mut Rows<SeatRow>) {
    let keys = "date month customertenantid customertpid workloadname";
    each_record(file, keys, out, |cells| {
        // The CPOR export without its attribution column is still CPOR.
        let is_bare_cpor_file =
            file.dataset == Dataset::Cpor && !cells.has("partnerattributiontype");
        let attribution = if is_bare_cpor_file {
            Attribution::Cpor
        } else {
            attribution(cells.get(&["partnerattributiontype"])).0
        };
        let row = SeatRow {
            dataset: file.dataset,
            partner: partner(cells, accounts)?,
            month: parse_month(cells.get(&["date", "month"]))?,
            tenant: tenant(cells)?,
            workload: cells.get(&["workloadname", "workload"]).to_string(),
            attribution,
            pau: parse_count(cells.get(&["paidavailableunits"]))?,
            mau: parse_count(cells.get(&["monthlyactiveusers"]))?,
        };
        rows.push((file.delivery, row));
        Some(())
    });
}

fn read_trainings(
    file: &File,
    accounts: &Accounts,
    out: &mut Recomputed,
    rows: &mut Rows<CredentialRow>,
) {
    each_record(file, "trainingtitle trainingcompletiondate", out, |cells| {
        let expiry = cells.get(&["expirationdate"]);
        let row = CredentialRow {
            partner: partner(cells, accounts)?,
            person: person(cells)?,
            title: cells.get(&["trainingtitle"]).to_string(),
            kind: cells.get(&["trainingtype"]).to_string(),
            earned: parse_date(cells.get(&["trainingcompletiondate"]))?,
            // C §3 "People", E Q-30: a blank or NA expiry is no expiry.
            expires: if is_null(expiry) { None } else { Some(parse_date(expiry)?) },
        };
        rows.push((file.delivery, row));
        Some(())
    });
}

fn read_profile(file: &File, out: &mut Recomputed, rows: &mut Rows<(String, String)>) {
    each_record(file, "", out, |cells| {
        let location = id(cells.get(MPN))?;
        let account = id(cells.get(PGA)).unwrap_or_else(|| location.clone());
        rows.push((file.delivery, (location, account)));
        Some(())
    });
}

/// C §3 "Partner": PGAMpnID, else the location mapped through Profile, else the location.
fn partner(cells: &Cells, accounts: &Accounts) -> Option<String> {
    if let Some(account) = id(cells.get(PGA)) {
        return Some(account);
    }
    let location = id(cells.get(MPN))?;
    Some(accounts.get(&location).cloned().unwrap_or(location))
}

/// C §3 "Customer", E Q-14: the GUID in lower case, else `tpid:<id>`; a broken GUID is a bad row.
fn tenant(cells: &Cells) -> Option<String> {
    let text = cells.get(&["customertenantid"]);
    if is_null(text) {
        return id(cells.get(&["customertpid"])).map(|tpid| format!("tpid:{tpid}"));
    }
    let text = text.trim_start_matches('{').trim_end_matches('}').to_lowercase();
    let hex: String = text.chars().filter(|letter| *letter != '-').collect();
    if hex.len() != 32 || !hex.chars().all(|letter| letter.is_ascii_hexdigit()) {
        return None;
    }
    let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    let dashed = format!("{a}-{b}-{c}-{d}-{e}");
    (text == dashed || text == hex).then_some(dashed)
}

/// C §3 "People": per row MCPID, else AADUserId, else corporate mail, else mail, else names.
fn person(cells: &Cells) -> Option<String> {
    if let Some(mcpid) = id(cells.get(&["mcpid", "mcid"])) {
        return Some(format!("mcpid {mcpid}"));
    }
    for column in ["aaduserid", "corpemail", "email"] {
        if let Some(text) = id(cells.get(&[column])) {
            return Some(format!("{column} {}", text.to_lowercase()));
        }
    }
    // Names keep words such as "None" or "Others" (E Q-27: "keep as text for names").
    let (first, last) = (cells.get(&["individualfirstname"]), cells.get(&["individuallastname"]));
    let name = fold(&format!("{first} {last}"));
    (!name.is_empty()).then(|| format!("name {name}"))
}

/// E §5.2; the second value is the role that the name itself carries (`PAL.Reader`).
fn attribution(text: &str) -> (Attribution, String) {
    let dropped = [' ', '.', '-', '(', ')'];
    let name: String = text.to_lowercase().chars().filter(|c| !dropped.contains(c)).collect();
    let plain = match name.as_str() {
        "digitalpartnerofrecord" | "dpor" => Attribution::Dpor,
        "cspt1" | "csptier1" => Attribution::CspT1,
        "cspt2" | "csptier2" => Attribution::CspT2,
        "csp" => Attribution::Csp,
        "cpor" | "claimingpartnerofrecord" => Attribution::Cpor,
        _ => Attribution::Other,
    };
    for pal in ["partneradminlinkpal", "partneradminlink", "pal"] {
        if let Some(role) = name.strip_prefix(pal) {
            return (Attribution::Pal, role.to_string());
        }
    }
    (plain, String::new())
}

/// Which of the lists of names, `a | b | c` each, has this name.
fn named_in(lists: &[&'static str], name: &str) -> Option<&'static str> {
    let has_name = |list: &&&str| list.split('|').any(|known| known.trim() == name);
    lists.iter().find(has_name).copied()
}

/// C §3 "Names": case and blanks folded. The workload goes by its whole list of names.
fn security_workload(text: &str) -> Option<&'static str> {
    let name = fold(text);
    named_in(SECURITY_WORKLOADS, name.strip_prefix("microsoft ").unwrap_or(&name))
}

/// C §3 "People": titles without a leading "… Certified:", case and punctuation ignored.
fn certification(title: &str) -> Option<(&'static str, Option<Date>)> {
    let letters = |text: &str| text.replace(|c: char| !c.is_alphanumeric(), "");
    let lower = title.to_lowercase();
    let bare = lower.split_once("certified:").map_or(lower.as_str(), |(_, rest)| rest);
    for (code, titles, retired) in CERTIFICATIONS {
        if titles.split('|').any(|known| letters(known) == letters(bare)) {
            return Some((code, *retired));
        }
    }
    None
}

// ---------------------------------------------------------------------------- values from cells

/// Year, month, day.
type Date = (i32, u32, u32);
/// Months since year 0.
type Month = i32;

fn month_number(year: i32, month: u32) -> Month {
    year * 12 + i32::try_from(month).unwrap() - 1
}

fn days_in_month(year: i32, month: u32) -> u32 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Lower case, blanks trimmed and collapsed.
fn fold(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// E Q-27.
fn is_null(text: &str) -> bool {
    let nulls = "na | n/a | null | none | - | unknown | not applicable | unassigned | others";
    let folded = fold(text);
    folded.is_empty() || nulls.split(" | ").any(|null| null == folded)
}

/// Ids are text; an integer that a spreadsheet turned into `6034453.0` is taken back (E Q-39).
fn id(text: &str) -> Option<String> {
    if is_null(text) {
        return None;
    }
    let whole = text
        .trim()
        .strip_suffix(".0")
        .filter(|digits| !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_digit()));
    Some(whole.unwrap_or(text.trim()).to_string())
}

/// `2026-09-14`, `20260914`, either with a time behind it.
fn parse_date(text: &str) -> Option<Date> {
    let text = text.trim().split(['T', ' ']).next()?;
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let has_dashes = text.len() == 10 && text.get(4..5)? == "-" && text.get(7..8)? == "-";
    if digits.len() != 8 || !(text.len() == 8 || has_dashes) {
        return None;
    }
    let (year, month, day) =
        (digits[..4].parse().ok()?, digits[4..6].parse().ok()?, digits[6..].parse().ok()?);
    let is_real = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    is_real.then_some((year, month, day))
}

/// A date key on the first of a month (E Q-08), or a bare `202609`, `2026-09`.
fn parse_month(text: &str) -> Option<Month> {
    let text = text.trim();
    let with_day = match text.len() {
        6 => format!("{text}01"),
        7 => format!("{text}-01"),
        _ => text.to_string(),
    };
    let (year, month, day) = parse_date(&with_day)?;
    (day == 1).then(|| month_number(year, month))
}

/// 1e-10 units, digits behind the tenth dropped. Takes `1,234.56` and `1E-05` (E Q-10).
fn parse_decimal(text: &str) -> Option<i128> {
    let text = text.trim();
    let (sign, number) = text.strip_prefix('-').map_or((1, text), |number| (-1, number));
    let (number, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    // A comma in the whole part stands before three digits.
    if whole.split(',').skip(1).any(|group| group.len() != 3) || whole.starts_with(',') {
        return None;
    }
    let digits = whole.replace(',', "") + fraction;
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let value: i128 = digits.parse().ok()?;
    let shift = 10 + exponent.parse::<i32>().ok()? - i32::try_from(fraction.len()).ok()?;
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    let value = if shift >= 0 { value.checked_mul(power)? } else { value / power };
    Some(sign * value)
}

/// A whole number that is not negative.
fn parse_count(text: &str) -> Option<i128> {
    let value = parse_decimal(text)?;
    (value >= 0 && value % USD == 0).then_some(value / USD)
}

// ------------------------------------------------------------------------------------- files

/// Names of the partner columns (E §9), normalised.
const PGA: &[&str] = &["pgampnid", "pgapartnerid"];
const MPN: &[&str] = &["mpnid", "partnerid"];

struct File {
    name: String,
    delivery: Date,
    dataset: Dataset,
    /// Normalised (E §7.4: lower case, letters and digits only).
    header: Vec<String>,
    /// Trimmed cells, as many as the line has.
    records: Vec<Vec<String>>,
}

struct Cells<'a> {
    header: &'a [String],
    record: &'a [String],
}

impl Cells<'_> {
    fn has(&self, column: &str) -> bool {
        self.header.iter().any(|name| name == column)
    }

    /// The cell of the first of these columns that the file has; `""` if it has none.
    fn get(&self, columns: &[&str]) -> &str {
        let place = columns.iter().find_map(|column| self.header.iter().position(|h| h == column));
        place.map_or("", |place| self.record[place].as_str())
    }

    /// The whole line, whatever the column order (C §3: "identical in every cell").
    fn line(&self) -> String {
        let mut cells: Vec<String> = self
            .header
            .iter()
            .zip(self.record)
            .map(|(name, cell)| format!("{name}={cell}"))
            .collect();
        cells.sort();
        cells.join("\u{1f}")
    }
}

/// Gives every well-formed record to `take`, which says `None` of a bad one; counts the others.
fn each_record(
    file: &File,
    key_columns: &str,
    out: &mut Recomputed,
    mut take: impl FnMut(&Cells) -> Option<()>,
) {
    let (mut skipped, mut footers) = (0, 0);
    let width = file.header.len();
    for record in &file.records {
        if record.iter().all(String::is_empty) {
            footers += 1;
            continue;
        }
        // D §4.4: fewer fields are bad; more are bad unless the extra ones are empty.
        if record.len() < width || record[width..].iter().any(|cell| !cell.is_empty()) {
            skipped += 1;
            continue;
        }
        let cells = Cells { header: &file.header, record };
        // E Q-22: a totals line has no key at all, and no partner.
        let has_key = key_columns.split(' ').any(|column| !cells.get(&[column]).is_empty());
        if !has_key && cells.get(PGA).is_empty() && cells.get(MPN).is_empty() {
            footers += 1;
        } else if take(&cells).is_none() {
            skipped += 1;
        }
    }
    out.skipped.insert(file.name.clone(), skipped);
    out.footers.insert(file.name.clone(), footers);
}

/// D §4.1: names that start with `.` or `_` and `README*` are ignored.
fn list_files(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with(['.', '_']) || name.starts_with("README") {
            continue;
        }
        if path.is_dir() {
            list_files(&path, paths);
        } else {
            paths.push(path);
        }
    }
}

fn read_file(root: &Path, path: &Path) -> File {
    let below = path.strip_prefix(root).unwrap();
    let segments: Vec<&str> = below.iter().map(|segment| segment.to_str().unwrap()).collect();
    // D §4.1: the nearest segment above the file that is a date; a month means its first day.
    let mut folders = segments[..segments.len() - 1].iter().rev();
    let delivery = folders
        .find_map(|name| parse_date(name).or_else(|| parse_date(&format!("{name}-01"))))
        .unwrap_or_else(|| panic!("{}: no delivery date above it", below.display()));

    let mut bytes = fs::read(path).unwrap();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).unwrap();
        bytes = plain;
    }
    let text = String::from_utf8(bytes).unwrap();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);

    // E Q-01: the delimiter is sniffed from the header line.
    let first_line = text.lines().next().unwrap_or("");
    let delimiter = if first_line.contains('\t') { b'\t' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records: Vec<Vec<String>> = Vec::new();
    for record in reader.records() {
        records.push(record.unwrap().iter().map(|cell| cell.trim().to_string()).collect());
    }
    let first = if records.is_empty() { Vec::new() } else { records.remove(0) };
    let header: Vec<String> = first
        .iter()
        .map(|name| name.to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric()).collect())
        .collect();

    // E §7.4: the header says what it is, never the file name.
    let has = |columns: &[&str]| columns.iter().all(|column| header.iter().any(|h| h == column));
    let dataset = if has(&["servicelevel2", "month", "acrusd"]) {
        Dataset::Azure
    } else if has(&["claimid", "workloadname", "paidavailableunits"]) {
        Dataset::Cpor
    } else if has(&["workloadname", "paidavailableunits", "monthlyactiveusers"]) {
        Dataset::Office
    } else if has(&["trainingtitle", "trainingcompletiondate"]) {
        Dataset::Trainings
    } else if has(&["pgapartnername"]) && (has(&["hierarchylevel"]) || has(&["accounttype"])) {
        Dataset::Profile
    } else {
        Dataset::NotRead
    };
    File { name: segments.join("/"), delivery, dataset, header, records }
}

// ------------------------------------------------------------------------------- its own tests

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const T1: &str = "0bb1b2c3-0000-4000-8000-000000000001";
    const T2: &str = "0bb1b2c3-0000-4000-8000-000000000002";
    const AZURE: &str = "PGAMpnID,MPNID,Month,ServiceLevel2,UsageQuantity,CustomerTenantId,\
        CustomerTpid,PartnerAttributionType,AdminType,ACR_USD\n";
    const CPOR: &str = "CustomerTenantId\tWorkloadName\tMonthlyActiveUsers\tPaidAvailableUnits\t\
        ClaimId\tMpnId\tDateAssociated\tPartnerAttributionType\tDate\n";
    const TRAININGS: &str = "PGAMpnId,TrainingTitle,TrainingType,TrainingCompletionDate,\
        ExpirationDate,MCPID,CorpEmail,MpnId\n";

    fn folder(files: &[(&str, String)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn at(files: &[(&str, String)]) -> Recomputed {
        recompute(folder(files).path(), 2026, 9)
    }

    fn part(result: &Recomputed, metric: &str, part: &str) -> (i128, Option<i128>, i64) {
        let part = &result.partners["1"].metrics[metric].parts[part];
        (part.current, part.baseline, part.points_x8400)
    }

    fn seats(tenant: &str, workload: &str, mau: u32, pau: u32, date: &str) -> String {
        format!("{tenant}\t{workload}\t{mau}\t{pau}\tC-1\t1\t2023-11-14\tCPOR\t{date}\n")
    }

    /// Each of `people` holds the certification of its step.
    fn trainings(people: [u32; 3]) -> String {
        let titles = [
            "Azure Security Engineer Associate",
            "Security Operations Analyst Associate",
            "Cybersecurity Architect Expert",
        ];
        let mut text = TRAININGS.to_string();
        for (step, title) in titles.iter().enumerate() {
            for person in 0..people[step] {
                text += &format!(
                    "1,Microsoft Certified: {title},Certification,2025-01-02,NA,{person},,9\n"
                );
            }
        }
        text
    }

    #[test]
    fn one_consumption_counts_once_with_its_largest_claim() {
        let line = |quantity: u32, location: u32, attribution: &str, amount: &str| {
            format!("1,{location},20260901,Key Vault,{quantity},{T1},,{attribution},,{amount}\n")
        };
        let a = AZURE.to_string()
            + &line(1, 91, "PartnerAdminLink", "100")
            + &line(2, 91, "PAL", "50.0000000001")
            + &line(1, 92, "PAL.Owner", "120")
            + &line(3, 91, "PAL.Reader", "9999")
            + &line(1, 93, "CSP Tier 1", "400")
            + &line(1, 93, "TPOR", "7777");
        // The first line again, in another column order and file of the same delivery.
        let b = format!(
            "ACR_USD,PGAMpnID,MPNID,Month,ServiceLevel2,UsageQuantity,CustomerTenantId,\
             CustomerTpid,PartnerAttributionType,AdminType\n\
             100,1,91,20260901,Key Vault,1,{T1},,PartnerAdminLink,\n"
        );
        let result = at(&[("2026-10/a.csv", a), ("2026-10/b/b.csv", b)]);
        let ttm = |scope: &str| &result.partners["1"].ttm[&(T1.to_string(), scope.to_string())];
        assert_eq!(ttm("security").ttm, 150 * USD + 1);
        assert_eq!(ttm("all").ttm, 400 * USD);
        assert_eq!((ttm("all").last_month, ttm("all").prior), (400 * USD, 0));
        assert_eq!(ttm("all").same_month_last_year, 0);
        assert_eq!(part(&result, "net_customer_adds", "azure"), (1, Some(0), 2 * POINT));
    }

    #[test]
    fn skilling_vector_se_08() {
        for (people, points) in [
            ([2, 2, 3], 20 * POINT),
            ([2, 2, 2], 40 * POINT / 3),
            ([2, 0, 2], 0),
            ([1, 2, 2], 0),
            ([2, 2, 7], 40 * POINT),
        ] {
            let text = trainings(people).replace("2025-01-02", "2026-08-31");
            let result = at(&[("2026-10/t.csv", text)]);
            let metric = &result.partners["1"].metrics["intermediate_certifications"];
            assert_eq!(metric.points_x8400, points, "{people:?}");
            assert_eq!(metric.parts["step3"].increments, i64::from(people[2]));
        }
    }

    #[test]
    fn certificates_count_by_their_dates() {
        // Counted in step 3: 1, 3 and a@x (one person, two spellings of the address).
        let rows = "\
1,SC-300,Certification,2025-01-01,,0,,9
1,Identity and Access Administrator,Certification,2025-01-01,,1,,9
1,identity and access administrator,Exam,2025-01-01,,2,,9
1,Microsoft Certified: Identity and Access-Administrator,Certification,2026-09-30,,3,,9
1,Cybersecurity Architect Expert,Certification,2026-10-01,,4,,9
1,Cybersecurity Architect Expert,Certification,2025-01-01,2026-09-30,,A@x,9
1,Cybersecurity Architect Expert,Certification,2025-01-01,N/A,NULL,a@X,9
1,Cybersecurity Architect Expert,Certification,2025-01-01,2026-09-29,6,,9
1,Azure Security Engineer Associate,Certification,2026-09-01,,7,,9
";
        let result = at(&[("2026-10/t.csv", TRAININGS.to_string() + rows)]);
        assert_eq!(part(&result, "intermediate_certifications", "step3"), (3, None, 0));
        assert_eq!(part(&result, "intermediate_certifications", "step1"), (0, None, 0));
        let counts = |earned, day| certificate_counts(earned, None, Some((2025, 5, 31)), day);
        assert!(counts((2025, 5, 31), (2026, 5, 31)));
        assert!(!counts((2025, 5, 31), (2026, 6, 30)));
        assert!(!counts((2025, 6, 1), (2025, 6, 30)));
    }

    /// Vector T-05: 20 + 80/3 + 40/3 + 10 is 70 exactly.
    #[test]
    fn seventy_points_exactly_qualify() {
        let mut azure = AZURE.to_string();
        for tenant in [T1, T2] {
            azure += &format!("1,9,2025-10-01,Azure Defender,1,{tenant},,PAL,Owner,6250\n");
        }
        let mut cpor = CPOR.to_string();
        for n in 0..10 {
            let tenant = format!("{{0BB1B2C3-0000-4000-8000-0000000000{n:02}}}");
            cpor +=
                &seats(&tenant, "Microsoft Intune", if n < 4 { 4 } else { 3 }, 25, "2026-09-01");
        }
        let result = at(&[
            ("2026-10-20/a.csv", azure),
            ("2026-10-20/c.tsv", cpor),
            ("2026-10-20/t.csv", trainings([2, 2, 4])),
        ]);
        let partner = &result.partners["1"];
        assert_eq!((partner.points_x8400, partner.is_qualified), (70 * POINT, true));
        assert_eq!(part(&result, "deployments", "m365"), (4, Some(0), 40 * POINT / 3));
        assert_eq!(part(&result, "usage_growth", "m365"), (34, Some(0), 0));
        let text = to_csv(&result);
        assert!(text.starts_with("partner_id,metric,part,current_value"));
        assert!(text.contains("\n1,*,*,,,,588000\n1,deployments,*,,,,112000\n"), "{text}");
        assert!(text.contains("\n1,net_customer_adds,*,,,,168000\n"), "{text}");
        assert!(text.contains("\n1,usage_growth,azure,12500,0,10,84000\n"), "{text}");
        assert!(text.ends_with("\n1,usage_growth,m365,34,0,0,0\n"), "{text}");
    }

    #[test]
    fn seats_take_one_row_and_only_bare_cpor() {
        let (now, then) = ("2026-09-01", "20250901");
        let text = CPOR.to_string()
            + &seats(T1, "Azure Active Directory Premium", 90, 80, now)
            + &seats(T1, "Microsoft Entra ID P1", 15, 100, now)
            + &seats(T1, "Microsoft Defender for Endpoints", 30, 24, now)
            + &seats(T1, "Microsoft Defender for Cloud Apps", 900, 900, now)
            + &seats(T2, "AATP", 14, 100, now)
            + &seats(T2, "Intune", 500, 500, now).replace("CPOR", "CPOR OSU")
            + &seats(T2, "Intune", 9, 8, then);
        let result = at(&[("2026-10/c.tsv", text)]);
        assert_eq!(part(&result, "net_customer_adds", "m365"), (2, Some(0), 4 * POINT));
        assert_eq!(part(&result, "deployments", "m365"), (1, Some(0), 20 * POINT / 6));
        assert_eq!(part(&result, "usage_growth", "m365"), (15 + 24 + 14, Some(8), 0));
    }

    #[test]
    fn bad_rows_accounts_and_newer_deliveries() {
        // Two good rows of August, one of September that is replaced, then seven bad ones and a
        // totals line. The first row has no account: Profile gives it.
        let old = "\
,91,20260901,Sentinel,1,,77,CSP,,5
1,91,20260801,Sentinel,1,,77,CSP,,2.5
1,91,2026-08-01,Sentinel,1,{0BB1B2C3-0000-4000-8000-000000000001},77,CSP,,6
1,91,20260899,Sentinel,1,,77,CSP,,1
1,91,20260902,Sentinel,1,,77,CSP,,1
1,91,20260901,Sentinel,1,not-a-guid,77,CSP,,1
1,91,20260901,Sentinel,1,NULL,,CSP,,1
,,20260901,Sentinel,1,,77,CSP,,1
1,91,20260901,Sentinel,1,,77,CSP,,12.3x
1,91,20260901
,,,,,,,,,99
";
        let old = format!("\u{feff}{AZURE}{old}").replace('\n', "\r\n");
        let new = format!("{AZURE}1,91,20260901,Sentinel,1,,77,CSP,,7\n");
        let profile = "MPNId,PGA_MPNID,PGA_PartnerName,AccountType\n91,1,Fabrikam,Location\n";
        let base = folder(&[
            ("2026-09/a.csv", old),
            ("2026-09/_hidden.csv", "x".into()),
            ("2026-09/other.csv", "a,b\n1,2\n".into()),
            ("2026-10-03/p.csv", profile.into()),
        ]);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(new.as_bytes()).unwrap();
        fs::write(base.path().join("2026-10-03/a.gz"), gz.finish().unwrap()).unwrap();

        let result = recompute(base.path(), 2026, 9);
        assert_eq!(result.partners.keys().collect::<Vec<_>>(), ["1"]);
        let ttm = |tenant: &str| &result.partners["1"].ttm[&(tenant.into(), "all".into())];
        assert_eq!((ttm("tpid:77").ttm, ttm("tpid:77").last_month), (95 * USD / 10, 7 * USD));
        assert_eq!(ttm(T1).ttm, 6 * USD);
        assert_eq!((result.skipped["2026-09/a.csv"], result.footers["2026-09/a.csv"]), (7, 1));
        assert_eq!(result.skipped["2026-10-03/a.gz"], 0);
        assert_eq!(result.ignored, BTreeSet::from(["2026-09/other.csv".to_string()]));
    }

    #[test]
    fn values() {
        assert_eq!(parse_decimal("1,234.56"), Some(123_456 * USD / 100));
        assert_eq!(parse_decimal("-1E-05"), Some(-100_000));
        assert_eq!(parse_decimal("0.00000000019"), Some(1));
        assert!(
            ["", "-", "1.2.3", "1,23", "x", "NaN", "1 2"]
                .iter()
                .all(|t| parse_decimal(t).is_none())
        );
        assert_eq!((usd(-USD / 4), usd(100 * USD)), ("-0.25".to_string(), "100".to_string()));
        assert_eq!(parse_month("2024-02-30"), None);
        assert_eq!(parse_month("2026-09"), Some(month_number(2026, 9)));
        assert_eq!(
            (parse_count("24.0"), parse_count("24.5"), parse_count("-1")),
            (Some(24), None, None)
        );
    }
}
