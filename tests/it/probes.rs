//! What counts by which rules, one thing at a time: a partner a probe (one certification, one
//! service, one association, one amount at a threshold), scored by every ruleset in a month when it
//! was in force. What is expected is written down from rules §4 to §10 and §15, not read from the
//! packs.

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use crate::base::{Azure, Base, Place, capscore, month};
use crate::probe_lists::CERTIFICATIONS;
use crate::probe_seats::{Seats, Sides};
use crate::probe_totals as totals;
use crate::tables;
use crate::{probe_business, probe_consumption, probe_seats};

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

/// One thing that a partner has.
#[derive(Debug, Clone, Copy)]
pub enum Probe {
    Certification(&'static str),
    /// Service, association, hundredths of a dollar now and a year ago, of one tenant.
    Azure(&'static str, &'static str, i64, i64),
    /// Workload, association, seats now and a year ago, of one tenant.
    Seats(&'static str, &'static str, Seats, Seats),
    /// Association that began four months ago, seats then and now, of one tenant.
    Begun(&'static str, Seats, Seats),
    /// Workload, hundredths of a dollar now, of a tenant each association.
    Revenue(&'static str, i64),
    /// Workload, used now by a tenant each association.
    Usage(&'static str),
}

/// The workload of probes that are not about one.
const ANY_WORKLOAD: &str = "Intune";

pub fn probes() -> Vec<Probe> {
    let mut codes: Vec<&str> = CERTIFICATIONS.iter().map(|row| row.3).collect();
    codes.sort_unstable();
    codes.dedup();
    let mut probes: Vec<Probe> = codes.into_iter().map(Probe::Certification).collect();
    probes.extend(probe_consumption::probes());
    probes.extend(probe_seats::probes());
    probes.extend(probe_business::probes());
    probes
}

/// Whether a ruleset is one from `since` on and before `until`.
pub fn is_in(ruleset: &str, since: &str, until: &str) -> bool {
    let place = |id: &str| RULESETS.iter().position(|(known, _)| *known == id);
    place(ruleset) >= place(since) && (until.is_empty() || place(ruleset) < place(until))
}

/// Whether the Azure areas and Security have two paths.
pub fn has_small_business(ruleset: &str) -> bool {
    is_in(ruleset, "2025-03", "")
}

pub fn azure_paths(ruleset: &str) -> &'static [&'static str] {
    if has_small_business(ruleset) { &["enterprise", "smb"] } else { &["enterprise"] }
}

pub fn security_paths(ruleset: &str) -> &'static [&'static str] {
    if has_small_business(ruleset) { &["enterprise", "smb"] } else { &["single"] }
}

/// By area, path, metric and part: the points; of certifications the people, and of consumption
/// value, which grows from nothing here, the value itself. Anything that is not given is nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expected(BTreeMap<[String; 4], i64>);

impl Expected {
    pub fn add(&mut self, area: &str, path: &str, metric: &str, part: &str, value: i64) {
        if value > 0 {
            self.0.insert([area, path, metric, part].map(str::to_owned), value);
        }
    }
}

fn expected(probe: Probe, ruleset: &str) -> Expected {
    let mut found = Expected::default();
    match probe {
        Probe::Certification(code) => {
            let rows = CERTIFICATIONS.iter().filter(|row| row.3 == code);
            for (area, metric, part, ..) in rows.filter(|row| is_in(ruleset, row.4, row.5)) {
                let paths = match *area {
                    "security" => security_paths(ruleset),
                    "modern_work" | "business_applications" => &["enterprise", "smb"],
                    _ => azure_paths(ruleset),
                };
                for path in paths {
                    found.add(area, path, metric, part, 1);
                }
            }
        }
        Probe::Azure(service, association, now, before) => {
            probe_consumption::expect(&mut found, ruleset, (service, association), (now, before));
        }
        Probe::Seats(workload, association, now, before) => {
            let sides = Sides { now, before, begun: None };
            probe_seats::expect(&mut found, ruleset, (workload, association), sides);
        }
        Probe::Begun(association, then, now) => {
            let sides = Sides { now, before: (0, 0), begun: Some(then) };
            probe_seats::expect(&mut found, ruleset, (ANY_WORKLOAD, association), sides);
        }
        Probe::Revenue(workload, cents) => {
            probe_business::expect_revenue(&mut found, ruleset, workload, cents);
        }
        Probe::Usage(workload) => probe_business::expect_usage(&mut found, ruleset, workload),
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
        Probe::Begun(association, then, now) => {
            let day = format!("{}-10", month(4));
            for (back, seats) in [(4, then), (0, now)] {
                base.dated(partner, back, 10, ANY_WORKLOAD, association, seats, &day);
            }
        }
        Probe::Revenue(workload, cents) => {
            probe_business::add_revenue(base, partner, workload, &dollars(cents));
        }
        Probe::Usage(workload) => probe_business::add_usage(base, partner, workload),
    }
}

fn partner_id(at: usize) -> String {
    format!("{}", 5000 + at)
}

/// The facts of all probes, for each ruleset in a month when it was in force.
static FACTS: LazyLock<Vec<Place>> = LazyLock::new(|| {
    let mut base = Base::default();
    for (at, probe) in probes().into_iter().enumerate() {
        base.ends(&partner_id(at));
        add_probe(&mut base, &partner_id(at), probe);
    }
    totals::add_totals(&mut base);
    for uncovered in totals::UNCOVERED {
        totals::add_uncovered(&mut base, uncovered);
    }
    totals::add_people(&mut base, "9020", 1);
    totals::add_people(&mut base, "9021", 2);
    RULESETS
        .iter()
        .map(|(_, as_of)| {
            let mut moved = base.clone();
            let Base { azure, seats, office, ems, revenue, usage, .. } = &mut moved;
            for line in [azure, seats, office, ems, revenue, usage].into_iter().flatten() {
                *line = move_to(line, as_of);
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

/// A line with all days of the last two years moved so far that the reference month becomes `as_of`.
fn move_to(line: &str, as_of: &str) -> String {
    let months = |day: &str| {
        let (year, month) = (day.get(..4)?.parse::<i32>().ok()?, day.get(5..7)?);
        Some(year * 12 + month.parse::<i32>().ok()? - 1)
    };
    let reference = months(&month(0)).unwrap();
    let by = reference - months(as_of).unwrap();
    let moved = |cell: &str| {
        let is_day = cell.len() == 10 && cell.bytes().filter(|byte| *byte == b'-').count() == 2;
        let back = months(cell).map(|count| reference - count);
        match back.filter(|back| is_day && (0..24).contains(back)) {
            Some(back) => format!("{}{}", month(back + by), &cell[7..]),
            None => cell.to_owned(),
        }
    };
    line.split(',').map(moved).collect::<Vec<_>>().join(",")
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
    let mut found: BTreeMap<String, Expected> = BTreeMap::new();
    let mut failures = Vec::new();
    let parts = read("fact_metric_part");
    totals::check_coverage(&parts, ruleset, &mut failures);
    let (ttm, implementations) = (read("fact_acr_ttm"), read("fact_implementation"));
    totals::check_views(&ttm, &implementations, ruleset, &mut failures);
    for row in parts {
        if totals::UNCOVERED.iter().any(|(partner, _)| row["partner_id"] == *partner) {
            continue;
        }
        if row["coverage"] != "complete" {
            failures.push(format!("{ruleset} {}: {}", row["metric"], row["coverage"]));
            continue;
        }
        let [area, path, metric, part] =
            ["area", "path", "metric", "part"].map(|column| row[column].as_str());
        let value = match (row["value_unit"].as_str(), area) {
            ("people", _) => &row["increments"],
            ("percent", probe_business::AREA) => &row["current_value"],
            _ => &row["points_x8400"],
        };
        let value = value.replace('.', "").parse().unwrap();
        let of_partner = found.entry(row["partner_id"].clone()).or_default();
        of_partner.add(area, path, metric, part, value);
    }
    for (at, probe) in probes().into_iter().enumerate() {
        let expected = expected(probe, ruleset);
        let found = found.remove(&partner_id(at)).unwrap_or_default();
        if found != expected {
            failures.push(format!("{ruleset} {probe:?}: {found:?}, not {expected:?}"));
        }
    }
    totals::check_totals(&read("fact_area_score"), ruleset, &mut failures);
    totals::check_people(&read("fact_metric_score"), ruleset, &mut failures);
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
