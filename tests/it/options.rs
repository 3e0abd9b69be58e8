//! Every named option of a rule pack: the default reading and the other one, on a partner for whom
//! they differ by rules §12.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use crate::base::{Azure, Base, Place, REFERENCE, capscore};
use crate::tables::one;

const POINT: i64 = 8400;

struct Case {
    option: &'static str,
    other: &'static str,
    area: &'static str,
    path: &'static str,
    /// A metric, or `selected`.
    metric: &'static str,
    build: fn(&mut Base, &str),
    /// What the default and the other reading give.
    expect: (i64, i64),
}

const NCA: &str = "net_customer_adds";
const INT: &str = "intermediate_certifications";
const UG: &str = "usage_growth";
const DEP: &str = "deployments";

macro_rules! cases {
    ($($option:literal = $other:literal, $area:literal, $path:literal, $metric:expr, $build:expr => $expect:expr;)*) => {
        const CASES: &[Case] = &[$(Case {
            option: $option, other: $other, area: $area, path: $path, metric: $metric,
            build: $build, expect: $expect,
        }),*];
    };
}

cases! {
    // AMB-01: four of six deployments, 4 × 20/6 or 4 × 3.3.
    "counted_points" = "printed", "security", "enterprise", DEP,
        |b, p| for tenant in 10..14 { b.azure(p, 3, tenant, "12000.01") }
        => (80 * POINT / 6, 132 * POINT / 10);
    // AMB-03: qualified last year too, and again: a gain only from nothing.
    "net_adds" = "zero_baseline", "infrastructure", "enterprise", NCA,
        |b, p| { b.azure(p, 0, 10, "1000"); b.azure(p, 12, 10, "250"); b.azure(p, 0, 11, "1000") }
        => (20 * POINT, 10 * POINT);
    // AMB-06: one customer in R, on the small-business side; another one months before.
    "path_customers" = "ttm", "infrastructure", "smb", "selected",
        |b, p| {
            b.azure(p, 0, 10, "5");
            let mut line = Azure::new(p, 7, 11, "5");
            "Enterprise Commercial".clone_into(&mut line.segment);
            b.azure.push(line.line());
        } => (1, 0);
    // AMB-07: 80 % growth; 1,100 USD in twelve months, 900 in R, 500 in R−12.
    "minimum_acr_of" = "current", "infrastructure", "enterprise", UG,
        |b, p| { b.azure(p, 0, 10, "900"); b.azure(p, 5, 10, "200"); b.azure(p, 12, 10, "500") }
        => (20 * POINT, 0);
    "minimum_acr_of" = "baseline", "infrastructure", "enterprise", UG,
        |b, p| { b.azure(p, 0, 10, "1500"); b.azure(p, 12, 10, "999.99") } => (20 * POINT, 0);
    // AMB-08.
    "no_baseline" = "maximum", "infrastructure", "enterprise", UG,
        |b, p| b.azure(p, 0, 10, "9000") => (0, 20 * POINT);
    // AMB-09: step two without step one.
    "prerequisites" = "in_order", "data_ai", "smb", INT,
        |b, p| b.people(p, "Azure Solutions Architect Expert", 1) => (4 * POINT, 0);
    // AMB-11: from 11,000 to 13,000 across the line of 12,000.
    "band_side" = "current", "security", "enterprise", UG,
        |b, p| { b.azure(p, 0, 10, "13000"); b.azure(p, 12, 10, "11000") } => (10 * POINT, POINT);
    // AMB-12: 130 and 140 users of two workloads.
    "protected_users" = "largest", "security", "enterprise", UG,
        |b, p| { b.seats(p, 0, 10, "Intune", 400, 130); b.seats(p, 0, 10, "Microsoft Defender for Identity", 400, 140) }
        => (2 * POINT, POINT);
    // AMB-13, vector SE-03: −2 and +5.
    "negative_parts" = "offset", "security", "enterprise", NCA,
        |b, p| {
            for tenant in 10..12 { b.azure(p, 15, tenant, "600") }
            for tenant in 20..25 { b.seats(p, 0, tenant, "Intune", 301, 0) }
        } => (10 * POINT, 6 * POINT);
    // AMB-14: 60 of 400 in one workload, none of 400 in the other.
    "active_share_of" = "tenant", "security", "enterprise", DEP,
        |b, p| { b.seats(p, 0, 10, "Intune", 400, 60); b.seats(p, 0, 10, "Microsoft Defender for Identity", 400, 0) }
        => (20 * POINT / 6, 0);
    // AMB-16: a pair above 5,000 only now and another only then, beside four in both months.
    "assigning_pairs" = "each_month", "business_applications", "enterprise", "selected",
        |b, p| {
            for (tenant, back) in [(10, 0), (10, 12), (11, 0), (11, 12), (12, 0), (12, 12), (13, 0), (13, 12), (14, 0), (15, 12)] {
                b.revenue(p, back, tenant, "Sales", "CSP Tier 1", "5000.01");
            }
        } => (0, 1);
    // AMB-17: small business has 80 points and nothing for customers, enterprise qualifies with less.
    "path_choice" = "highest_total", "security", "enterprise", "selected", conflict => (1, 0);
    // AMB-23: 12.9 %.
    "growth_increments" = "exact", "infrastructure", "enterprise", UG,
        |b, p| { b.azure(p, 0, 10, "56450"); b.azure(p, 12, 10, "50000") } => (12 * POINT, 129 * POINT / 10);
    "growth_increments" = "exact", "security", "smb", UG,
        |b, p| b.azure(p, 0, 10, "1125") => (POINT, 3 * POINT / 2);
    // AMB-25: three won, two lost.
    "lost_association" = "drop_both", "infrastructure", "enterprise", NCA,
        |b, p| {
            for tenant in 10..13 { b.azure(p, 0, tenant, "1000") }
            for tenant in 20..22 { b.azure(p, 12, tenant, "1000") }
        } => (10 * POINT, 30 * POINT);
    "lost_association" = "drop_both", "security", "enterprise", NCA,
        |b, p| {
            for tenant in 10..13 { b.seats(p, 0, tenant, "Intune", 301, 0) }
            for tenant in 20..22 { b.seats(p, 12, tenant, "Intune", 301, 0) }
        } => (2 * POINT, 6 * POINT);
    // AMB-28: 130 users in a workload of 400 seats, 120 in one of 250.
    "users_of" = "band", "security", "enterprise", UG,
        |b, p| { b.seats(p, 0, 10, "Intune", 400, 130); b.seats(p, 0, 10, "Microsoft Defender for Identity", 250, 120) }
        => (2 * POINT, POINT);
    // AMB-29, vector C-04: one by the new name, one with a single exam of the old one.
    "assumed_aliases" = "refuse", "infrastructure", "enterprise", INT,
        |b, p| {
            b.people(p, "Azure Administrator Associate", 2);
            b.people(p, "Windows Server Administrator Associate", 1);
            b.people(p, "AZ-800", 1);
        } => (4 * POINT, 0);
    // AMB-30: retired on 2026-06-30, expired on 2026-08-01.
    "retired_expiry" = "retirement", "data_ai", "enterprise", INT,
        |b, p| {
            b.people(p, "Azure Administrator Associate", 2);
            b.people(p, "Azure Solutions Architect Expert", 2);
            b.training(p, "expired", "Certification", "Azure AI Engineer Associate", "2025-08-01", "2026-08-01");
        } => (0, 4 * POINT);
}

fn conflict(base: &mut Base, partner: &str) {
    base.skilled(partner, 6);
    for number in 10..13 {
        base.azure(partner, 0, number, "6000");
        base.azure(partner, 12, number, "1000");
    }
    for number in 20..25 {
        base.seats(partner, 0, number, "Intune", 301, 301);
    }
    for number in 30..36 {
        base.seats(partner, 0, number, "Intune", 100, 100);
        base.seats(partner, 12, number, "Intune", 100, 0);
    }
}

fn partner_id(at: usize) -> String {
    format!("{}", 3000 + at)
}

static FACTS: LazyLock<Place> = LazyLock::new(|| {
    let mut base = Base::default();
    for (at, case) in CASES.iter().enumerate() {
        let partner = partner_id(at);
        base.partner(&partner);
        (case.build)(&mut base, &partner);
    }
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let mut ingest = capscore();
    ingest.args(["ingest", "--input", &place.text("deliveries"), "--facts", &place.text("facts")]);
    ingest.assert().success();
    place
});

/// The pack of an area by which the oldest version, and so all, says more.
fn pack(area: &str, more: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("pipelines/rules/{area}.toml"));
    let text = fs::read_to_string(file).unwrap();
    text.replacen("incentive_points = \"25\"\n", &format!("incentive_points = \"25\"\n{more}"), 1)
}

fn score(pack: Option<&str>) -> Place {
    let place = Place::new();
    let mut score = capscore();
    score.args(["score", "--as-of", REFERENCE, "--ruleset", "2026-08", "--facts"]);
    score.arg(FACTS.path("facts")).args(["--output", &place.text("tables")]);
    if let Some(pack) = pack {
        fs::write(place.path("pack.toml"), pack).unwrap();
        score.args(["--ruleset-file", &place.text("pack.toml")]);
    }
    score.assert().success();
    place
}

fn found(place: &Place, at: usize) -> i64 {
    let case = &CASES[at];
    let partner = partner_id(at);
    let key = [("partner_id", partner.as_str()), ("path", case.path)];
    if case.metric == "selected" {
        let rows = place.area_table("fact_area_score", case.area);
        return i64::from(one(&rows, &key)["is_selected"] == "true");
    }
    let rows = place.area_table("fact_metric_score", case.area);
    let row = one(&rows, &[key[0], key[1], ("metric", case.metric)]);
    row["points_x8400"].parse().unwrap()
}

#[test]
fn every_option_changes_what_it_says() {
    let default = score(None);
    for (at, case) in CASES.iter().enumerate() {
        let more = format!("[version.options]\n{} = \"{}\"\n", case.option, case.other);
        let other = score(Some(&pack(case.area, &more)));
        assert_eq!(
            (found(&default, at), found(&other, at)),
            case.expect,
            "{} = {}",
            case.option,
            case.other
        );
    }
}

#[test]
fn every_option_is_shown_and_tested() {
    let shown = capscore().args(["rules", "show", "2026-08"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let options: Vec<&str> = shown
        .lines()
        .skip_while(|line| !line.trim_start().starts_with("OPTION "))
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(options.len() >= 16, "{shown}");
    for option in options {
        assert!(CASES.iter().any(|case| case.option == option), "{option}");
    }
}

/// Seats of the month with the most (AMB-26) are a window, not an option.
#[test]
fn seats_of_twelve_months_are_those_of_the_fullest() {
    let mut base = Base::default();
    base.partner("1001");
    base.seats("1001", 5, 10, "Intune", 400, 0);
    base.seats("1001", 4, 10, "Intune", 300, 0);
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let text = pack("security", "");
    let (head, tail) = text.split_at(text.find("id = \"2025-sec\"").unwrap());
    let part = "measure = \"seats\"\nworkloads = \"security\"\nwindow = \"month\"";
    let tail = tail.replacen(part, &part.replace("\"month\"", "\"ttm\""), 1);
    fs::write(place.path("pack.toml"), format!("{head}{tail}")).unwrap();
    place.run_by("2026-08").args(["--ruleset-file", &place.text("pack.toml")]).assert().success();
    let rows = place.month_table("fact_metric_score");
    let points = |path| one(&rows, &[("path", path), ("metric", NCA)])["points_x8400"].clone();
    assert_eq!((points("enterprise"), points("smb")), ("16800".to_owned(), "0".to_owned()));
}

/// Vector C-04 warns, by the number of people that count by the assumed name.
#[test]
fn an_assumed_name_is_a_warning() {
    let place = score(None);
    let run = fs::read_dir(place.path("tables/_runs")).unwrap().next().unwrap().unwrap().path();
    let checks = crate::tables::read(&run.join("check_result.parquet"));
    let check = one(&checks, &[("check_id", "assumed_alias")]);
    assert_eq!((check["observed"].as_str(), check["is_failed"].as_str()), ("1.0000", "true"));
    assert!(check["message"].contains("AZ-800+AZ-801 (1 people)"), "{check:?}");
}

#[test]
fn packs_that_make_no_sense_are_refused_with_their_line() {
    let security = pack("security", "");
    let infrastructure = pack("infrastructure", "");
    for (text, from, to, expected) in [
        (
            &security,
            "incentive_points = \"25\"\n",
            "incentive_points = \"25\"\n[version.options]\nband_side = \"today\"\n",
            "\"today\" is none of per_side, current",
        ),
        (
            &security,
            "incentive_points = \"25\"\n",
            "incentive_points = \"25\"\n[version.options]\nbands = \"current\"\n",
            "there is no option \"bands\"",
        ),
        (
            &security,
            "seats_min = 25",
            "seats_min = 25\npromoted = true",
            "promoted needs an upper limit",
        ),
        (
            &security,
            "at_least_usd = \"100\"",
            "at_least_usd = \"100\"\nabove_usd = \"5\"",
            "exclude each other",
        ),
        (
            &security,
            "at_least_usd = \"100\"",
            "at_least_usd = \"100\"\nat_most_usd = \"5\"",
            "nothing lies between",
        ),
        (
            &security,
            "at_least_usd = \"100\"",
            "at_least_usd = \"100\"\nunit_size = \"5\"",
            "only growth in units has a unit_size",
        ),
        (&security, "unit_size = \"125\"", "unit_size = \"0\"", "must be above zero"),
        (
            &security,
            "cap_at_paid_seats = true\nresult = \"growth_units\"\nunit_size = \"125\"",
            "cap_at_paid_seats = true\nresult = \"net_count\"",
            "active users grow",
        ),
        (&security, "active_share = \"15/100\"", "active_share = \"115/100\"", "more than all"),
        (
            &security,
            "points_to_qualify = \"70\"",
            "points_to_qualify = \"101\"",
            "more points than there are",
        ),
        (
            &security,
            "metric_must_exceed = \"0\"",
            "metric_must_exceed = \"0\"\nmetric_must_reach = \"1\"",
            "give metric_must_exceed or metric_must_reach",
        ),
        (&security, "points_per_unit = \"40/6\"", "points_per_unit = \"41\"", "a unit earns"),
        (
            &security,
            "result = \"last_step\"",
            "result = \"prerequisite\"\npeople_needed = 0",
            "a step is",
        ),
        (&security, "\"SC-100\", \"SC-200\"", "\"SC-100\", \"SC-100\"", "listed twice"),
        (&infrastructure, "unit = \"service\"", "unit = \"tenant\"", "go together"),
        (
            &infrastructure,
            "result = \"growth_percent\"",
            "result = \"growth_units\"",
            "only growth in percent has a minimum",
        ),
        (
            &infrastructure,
            "smb_share_at_least = \"4/5\"",
            "smb_share_at_least = \"5/4\"",
            "more than all",
        ),
    ] {
        let place = Place::new();
        assert!(text.contains(from), "{from}");
        fs::write(place.path("pack.toml"), text.replacen(from, to, 1)).unwrap();
        let file = place.text("pack.toml");
        let output = capscore().args(["rules", "validate", &file]).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(8), "{to}: {message}");
        assert!(message.contains(expected) && message.contains("pack.toml:"), "{to}: {message}");
    }
}
