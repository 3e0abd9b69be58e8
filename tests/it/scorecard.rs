//! Vectors of one area: one partner a vector, one base, scored once by every ruleset that a vector
//! names. Expected values are written in the digits of the published tables.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Base, Place, REFERENCE, capscore, run_by, tenant};
use crate::tables::{self, Row, find, one};

pub const POINT: i64 = 8400;
pub const NCA: &str = "net_customer_adds";
pub const INT: &str = "intermediate_certifications";
pub const ADV: &str = "advanced_certifications";
pub const UG: &str = "usage_growth";
pub const DEP: &str = "deployments";
pub const ENT: &str = "enterprise";
pub const SMB: &str = "smb";
pub const NOW: &str = "2026-08";

/// What a vector expects on its path.
pub enum Expect {
    /// Points of a metric, or of the `total`, in 1/8400.
    Points(&'static str, i64),
    /// A column of the area.
    Area(&'static str, &'static str),
    /// Metric, column, value.
    Metric(&'static str, &'static str, &'static str),
    /// Metric, part, column, value.
    Part(&'static str, &'static str, &'static str, &'static str),
    /// Metric, part, tenant, workload: columns and values of the row of evidence.
    Evidence(
        &'static str,
        &'static str,
        u32,
        &'static str,
        &'static [(&'static str, &'static str)],
    ),
    /// Metric, part, tenant: there is no row of evidence.
    NoEvidence(&'static str, &'static str, u32),
    /// Why which path counts.
    Selected(&'static str, &'static str),
}

pub struct Vector {
    pub name: &'static str,
    pub ruleset: &'static str,
    pub path: &'static str,
    pub build: fn(&mut Base, &str),
    pub expect: &'static [Expect],
}

/// Declares `VECTORS`: name, ruleset, path, what the partner delivers, what is expected.
macro_rules! vectors {
    ($($name:literal, $ruleset:expr, $path:expr, $build:expr => [$($expect:expr),* $(,)?];)*) => {
        pub const VECTORS: &[$crate::scorecard::Vector] = &[$($crate::scorecard::Vector {
            name: $name, ruleset: $ruleset, path: $path, build: $build, expect: &[$($expect),*],
        }),*];
    };
}
pub(crate) use vectors;

/// The tables of one area by one ruleset.
pub struct Scored {
    pub areas: Vec<Row>,
    pub metrics: Vec<Row>,
    pub parts: Vec<Row>,
    pub evidence: Vec<Row>,
    pub skilling: Vec<Row>,
}

pub struct Scorecard {
    area: &'static str,
    vectors: Vec<&'static Vector>,
    facts: Place,
    scored: BTreeMap<&'static str, Scored>,
}

impl Scorecard {
    /// Delivers and scores.
    pub fn new(area: &'static str, vectors: &[&'static [Vector]]) -> Self {
        let vectors: Vec<&'static Vector> = vectors.iter().copied().flatten().collect();
        let mut base = Base::default();
        for (at, vector) in vectors.iter().enumerate() {
            let partner = partner_id(at);
            base.ends(&partner);
            (vector.build)(&mut base, &partner);
        }
        let facts = Place::new();
        base.write(&facts.path("deliveries"), "2026-10-21");
        let mut ingest = capscore();
        ingest.args(["ingest", "--input", &facts.text("deliveries")]);
        ingest.args(["--facts", &facts.text("facts")]).assert().success();
        let mut card = Self { area, vectors, facts, scored: BTreeMap::new() };
        for ruleset in card.vectors.iter().map(|vector| vector.ruleset).collect::<Vec<_>>() {
            if !card.scored.contains_key(ruleset) {
                let scored = card.score(ruleset, &[]);
                card.scored.insert(ruleset, scored);
            }
        }
        card
    }

    /// Scores the base again, by other options or another pack.
    pub fn score(&self, ruleset: &str, more: &[&str]) -> Scored {
        self.try_score(ruleset, more).unwrap()
    }

    /// Nothing when a pack is refused: it makes no sense, or lacks the ruleset.
    fn try_score(&self, ruleset: &str, more: &[&str]) -> Option<Scored> {
        let place = Place::new();
        let mut score = capscore();
        score.args(["score", "--as-of", REFERENCE, "--ruleset", ruleset, "--facts"]);
        score.arg(self.facts.path("facts")).args(["--output", &place.text("tables")]).args(more);
        let output = score.output().unwrap();
        match output.status.code() {
            Some(0) => {}
            Some(8) => return None,
            _ => panic!("{output:?}"),
        }
        let of_area = |table| place.area_table(table, self.area);
        let parts = of_area("fact_metric_part");
        let mut evidence = of_area("fact_customer_evidence");
        // Evidence names no area; the parts name their evidence.
        let keys: BTreeSet<&String> = parts.iter().map(|part| &part["evidence_key"]).collect();
        evidence.retain(|row| keys.contains(&row["evidence_key"]));
        Some(Scored {
            areas: of_area("fact_area_score"),
            metrics: of_area("fact_metric_score"),
            parts,
            evidence,
            skilling: of_area("fact_skilling_evidence"),
        })
    }

    /// The partner of the vector with this name.
    pub fn partner(&self, name: &str) -> String {
        partner_id(self.vectors.iter().position(|vector| vector.name == name).unwrap())
    }

    /// What is not as its vector expects it.
    pub fn failures(&self) -> Vec<String> {
        let failures = |(ruleset, scored): (&&str, &Scored)| self.failures_of(ruleset, scored);
        self.scored.iter().flat_map(failures).collect()
    }

    /// The same with a pack file in place of the built-in pack, by the newest ruleset that has any
    /// failure; nothing when the pack is refused.
    pub fn failures_with(&self, pack: &str) -> Option<Vec<String>> {
        for ruleset in self.scored.keys().rev() {
            let scored = self.try_score(ruleset, &["--ruleset-file", pack])?;
            let failures = self.failures_of(ruleset, &scored);
            if !failures.is_empty() {
                return Some(failures);
            }
        }
        Some(Vec::new())
    }

    /// What is not as the vectors of a ruleset expect it.
    fn failures_of(&self, ruleset: &str, scored: &Scored) -> Vec<String> {
        let mut failures = Vec::new();
        let vectors = self.vectors.iter().enumerate();
        for (at, vector) in vectors.filter(|(_, vector)| vector.ruleset == ruleset) {
            for expect in vector.expect {
                let (what, found, expected) = scored.found(&partner_id(at), vector.path, expect);
                if found != expected {
                    failures.push(format!("{}: {what} is {found}, not {expected}", vector.name));
                }
            }
        }
        failures
    }

    /// The tables by every ruleset.
    pub fn all(&self) -> impl Iterator<Item = &Scored> {
        self.scored.values()
    }
}

pub fn partner_id(at: usize) -> String {
    format!("{}", 4_000_000 + at)
}

impl Scored {
    /// What is looked at, what it is, and what it should be.
    fn found(&self, partner: &str, path: &str, expect: &Expect) -> (String, String, String) {
        let on_path = [("partner_id", partner), ("path", path)];
        let area = || one(&self.areas, &on_path);
        let metric = |id| one(&self.metrics, &[on_path[0], on_path[1], ("metric", id)]);
        let part =
            |id, part| one(&self.parts, &[on_path[0], on_path[1], ("metric", id), ("part", part)]);
        let evidence = |id, of_part, customer| {
            let key = part(id, of_part)["evidence_key"].as_str();
            let customer = tenant(customer);
            find(&self.evidence, &[on_path[0], ("evidence_key", key), ("tenant_id", &customer)])
        };
        match expect {
            Expect::Points("total", points) => {
                ("total".to_owned(), area()["points_x8400"].clone(), points.to_string())
            }
            Expect::Points(id, points) => {
                ((*id).to_owned(), metric(id)["points_x8400"].clone(), points.to_string())
            }
            Expect::Area(column, value) => {
                ((*column).to_owned(), area()[*column].clone(), (*value).to_owned())
            }
            Expect::Metric(id, column, value) => {
                (format!("{id} {column}"), metric(id)[*column].clone(), (*value).to_owned())
            }
            Expect::Part(id, of_part, column, value) => {
                let found = part(id, of_part)[*column].clone();
                (format!("{id} {of_part} {column}"), found, (*value).to_owned())
            }
            Expect::Evidence(id, of_part, customer, workload, values) => {
                let what = format!("evidence of {id} {of_part} on {customer} {workload}");
                let mut rows = evidence(id, of_part, *customer);
                rows.retain(|row| row["workload"] == *workload);
                let shown = |value: &dyn Fn(&str, &str) -> String| {
                    let values: Vec<String> = values
                        .iter()
                        .map(|(column, expected)| format!("{column} {}", value(column, expected)))
                        .collect();
                    values.join(", ")
                };
                let found = match rows[..] {
                    [row] => shown(&|column, _| row[column].clone()),
                    _ => format!("{} rows", rows.len()),
                };
                (what, found, shown(&|_, expected| expected.to_owned()))
            }
            Expect::NoEvidence(id, of_part, customer) => {
                let what = format!("rows of evidence of {id} {of_part} on {customer}");
                (what, evidence(id, of_part, *customer).len().to_string(), "0".to_owned())
            }
            Expect::Selected(reason, path) => {
                let row = one(&self.areas, &[on_path[0], ("is_selected", "true")]);
                let found = format!("{} {}", row["selection_reason"], row["path"]);
                ("selected".to_owned(), found, format!("{reason} {path}"))
            }
        }
    }

    /// Holds rows of evidence against their part, parts against their metric and metrics against
    /// their area, on both paths of all partners, exactly.
    pub fn assert_adds_up(&self) {
        let mut of_key: BTreeMap<(&str, &str), Vec<&Row>> = BTreeMap::new();
        for row in &self.evidence {
            of_key.entry((&row["partner_id"], &row["evidence_key"])).or_default().push(row);
        }
        for part in &self.parts {
            let rows = of_key.get(&(part["partner_id"].as_str(), part["evidence_key"].as_str()));
            let rows = rows.map_or(&[][..], Vec::as_slice);
            if part["value_unit"] == "people" {
                assert_eq!(number(&part["current_value"]), Some(self.people(part)), "{part:?}");
                continue;
            }
            let sides = ["current", "baseline"].map(|side| {
                let is_counted = format!("is_counted_{side}");
                let rows = rows.iter().filter(|row| row[&is_counted] == "true");
                rows.map(|row| value(row, side, &part["value_unit"])).sum::<i64>()
            });
            let place = format!("{part:?}\n{rows:#?}");
            assert_eq!(number(&part["current_value"]), Some(sides[0]), "{place}");
            assert_eq!(number(&part["baseline_value"]), Some(sides[1]), "{place}");
            assert_eq!(number(&part["change_value"]), Some(sides[0] - sides[1]), "{place}");
            let added: i64 = rows.iter().filter_map(|row| number(&row["contribution"])).sum();
            assert_eq!(added, sides[0] - sides[1], "{place}");
        }
        for metric in &self.metrics {
            self.assert_is_sum_of_used_parts(metric);
        }
        for area in &self.areas {
            assert_eq!(area["coverage"], "complete", "{area:?}");
            let keys = [("partner_id", area["partner_id"].as_str()), ("path", &area["path"])];
            let metrics = find(&self.metrics, &keys);
            assert_eq!(metrics.len(), 5, "{area:?}");
            assert_eq!(area["points_x8400"], sum(&metrics, "points_x8400"), "{area:?}");
        }
    }

    fn assert_is_sum_of_used_parts(&self, metric: &Row) {
        let keys = ["partner_id", "path", "metric"].map(|column| (column, metric[column].as_str()));
        let mut parts = find(&self.parts, &keys);
        if parts.len() > 1 {
            // The better one; the first at a tie.
            let points = |row: &Row| row["points_x8400"].parse::<i64>().unwrap();
            let best = parts.iter().map(|row| points(row)).max().unwrap();
            let first = parts.iter().position(|row| points(row) == best).unwrap();
            for (at, part) in parts.iter().enumerate() {
                assert_eq!(part["is_used"], (at == first).to_string(), "{part:?}");
            }
        }
        parts.retain(|part| part["is_used"] == "true");
        assert_eq!(metric["uncapped_points_x8400"], sum(&parts, "points_x8400"), "{metric:?}");
        let uncapped: i64 = metric["uncapped_points_x8400"].parse().unwrap();
        let max = number(&metric["max_points"]).unwrap() / 10_000 * POINT;
        assert_eq!(metric["points_x8400"], uncapped.min(max).to_string(), "{metric:?}");
        for column in ["current_value", "baseline_value", "change_value"] {
            assert_eq!(metric[column], parts[0][column], "{metric:?}");
        }
    }

    /// The people of a skilling part by its evidence, in ten thousandths.
    fn people(&self, part: &Row) -> i64 {
        let keys = ["partner_id", "path", "metric"].map(|column| (column, part[column].as_str()));
        let counted = [keys[0], keys[1], keys[2], ("step", "1"), ("is_counted", "true")];
        i64::try_from(find(&self.skilling, &counted).len()).unwrap() * 10_000
    }
}

/// What a counted row is worth on a side, in ten thousandths.
fn value(row: &Row, side: &str, unit: &str) -> i64 {
    match unit {
        "users" => number(&row[&format!("{side}_active_users")]).unwrap() * 10_000,
        "percent" => number(&row[&format!("{side}_consumption_value")]).unwrap(),
        _ => 10_000,
    }
}

/// A number of a table without its point; nothing for null.
fn number(text: &str) -> Option<i64> {
    (text != "∅").then(|| text.replace('.', "").parse().unwrap())
}

fn sum(rows: &[&Row], column: &str) -> String {
    rows.iter().map(|row| row[column].parse::<i64>().unwrap()).sum::<i64>().to_string()
}

/// The pack of an area, by whose newest version an option has another word.
pub fn pack_with(area: &str, option: &str, word: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/rules");
    let text = std::fs::read_to_string(folder.join(format!("{area}.toml"))).unwrap();
    format!("{text}\n[version.options]\n{option} = \"{word}\"\n")
}

/// A base delivered on one day, scored by the newest rules.
pub fn run_now(base: &Base) -> Place {
    run_by(base, NOW)
}

/// All rows of customer evidence of a place.
pub fn evidence(place: &Place) -> Vec<Row> {
    tables::read(&place.path("tables/fact_customer_evidence").join(format!("{REFERENCE}.parquet")))
}
