//! What changed between two versions of an area's rules, as a change note tells it.

use std::collections::BTreeSet;

use super::pack::{Assignment, AssignmentTest, Floor, Metric, Part, Pick, Selection, Version};
use super::sentence::{Customers, Rate, Sentence};
use crate::ids::AttributionSet;

/// One line of a change note.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The metric, `''` for the area as a whole.
    pub metric: String,
    /// The part of the metric, `''` for the metric as a whole.
    pub part: String,
    /// The paths of the later version for which it changed; empty when it is all of them.
    pub paths: Vec<String>,
    /// What changed (`associations`).
    pub aspect: &'static str,
    /// How.
    pub change: Change,
}

/// How something changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// One value became another; blank when there was or is none.
    Value {
        /// In the earlier version.
        before: String,
        /// In the later version.
        after: String,
    },
    /// Entries of a list came and went.
    List {
        /// New entries.
        added: Vec<String>,
        /// Entries that are gone.
        removed: Vec<String>,
    },
}

/// One aspect of a part or an area: a value or a list.
enum Aspect {
    Value(String),
    List(BTreeSet<String>),
}

type Aspects = Vec<(&'static str, Aspect)>;

/// What the rules of an area say otherwise in `after` than in `before`: the area first, then its
/// metrics and parts. A path that only `after` has is compared with the first path of `before`.
pub fn differences(before: &Version, after: &Version) -> Vec<Difference> {
    let mut found = Vec::new();
    add(&mut found, ("", ""), compare(&area(before), &area(after)));
    for metric in &after.metrics {
        let earlier = before.metrics.iter().find(|known| known.id == metric.id);
        let max =
            |points: Option<String>| vec![("points at most", text(points.unwrap_or_default()))];
        let was = earlier.map(|metric| metric.max_points.to_string());
        let is = Some(metric.max_points.to_string());
        add(&mut found, (&metric.id, ""), compare(&max(was), &max(is)));
        if let Some(earlier) = earlier {
            let unit = |metric: &Metric| {
                let pick = match metric.pick {
                    Pick::Sum => "all parts together",
                    Pick::Best => "the best part",
                };
                vec![("values in", text(metric.value_unit.as_str())), ("earned by", text(pick))]
            };
            add(&mut found, (&metric.id, ""), compare(&unit(earlier), &unit(metric)));
        }
        add_parts(&mut found, before, after, &metric.id);
    }
    for metric in &before.metrics {
        if after.metrics.iter().all(|known| known.id != metric.id) {
            let change =
                Change::Value { before: metric.max_points.to_string(), after: String::new() };
            add(&mut found, (&metric.id, ""), vec![("points at most", change)]);
        }
    }
    found
}

/// The parts of one metric, path by path; what changed on all paths alike is one difference.
fn add_parts(found: &mut Vec<Difference>, before: &Version, after: &Version, metric: &str) {
    let mut parts: Vec<&str> = Vec::new();
    for path in before.paths.iter().chain(&after.paths) {
        for version in [before, after] {
            for part in version.parts_of_metric(path, metric) {
                if !parts.contains(&part.id.as_str()) {
                    parts.push(&part.id);
                }
            }
        }
    }
    for id in parts {
        let start = found.len();
        for path in &after.paths {
            let like = if before.paths.contains(path) { Some(path) } else { before.paths.first() };
            let aspects = |version: &Version, path: &str| {
                version
                    .parts_of_metric(path, metric)
                    .find(|part| part.id == id)
                    .map(of_part)
                    .unwrap_or_default()
            };
            let was = like.map(|path| aspects(before, path)).unwrap_or_default();
            let changes = compare(&was, &aspects(after, path));
            for (aspect, change) in changes {
                let is_same =
                    |known: &&mut Difference| known.aspect == aspect && known.change == change;
                if let Some(known) = found[start..].iter_mut().find(is_same) {
                    known.paths.push(path.clone());
                } else {
                    found.push(Difference {
                        metric: metric.to_owned(),
                        part: id.to_owned(),
                        paths: vec![path.clone()],
                        aspect,
                        change,
                    });
                }
            }
        }
        for difference in &mut found[start..] {
            if difference.paths.len() == after.paths.len() {
                difference.paths.clear();
            }
        }
    }
}

fn add(
    found: &mut Vec<Difference>,
    (metric, part): (&str, &str),
    changes: Vec<(&'static str, Change)>,
) {
    for (aspect, change) in changes {
        found.push(Difference {
            metric: metric.to_owned(),
            part: part.to_owned(),
            paths: Vec::new(),
            aspect,
            change,
        });
    }
}

/// The aspects that differ, in the order of the later side.
fn compare(before: &Aspects, after: &Aspects) -> Vec<(&'static str, Change)> {
    let mut names: Vec<&'static str> = after.iter().map(|(name, _)| *name).collect();
    names.extend(
        before
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| after.iter().all(|(known, _)| known != name)),
    );
    let find = |aspects: &Aspects, name: &str| -> (String, BTreeSet<String>) {
        match aspects.iter().find(|(known, _)| *known == name) {
            Some((_, Aspect::Value(text))) => (text.clone(), BTreeSet::new()),
            Some((_, Aspect::List(list))) => (String::new(), list.clone()),
            None => Default::default(),
        }
    };
    names
        .into_iter()
        .filter_map(|name| {
            let ((before, was), (after, is)) = (find(before, name), find(after, name));
            if before != after {
                return Some((name, Change::Value { before, after }));
            }
            (was != is).then(|| {
                let gone =
                    |left: &BTreeSet<String>, right| left.difference(right).cloned().collect();
                (name, Change::List { added: gone(&is, &was), removed: gone(&was, &is) })
            })
        })
        .collect()
}

fn ids(associations: AttributionSet) -> Vec<String> {
    let text = associations.sorted_text();
    text.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

fn text(value: impl Into<String>) -> Aspect {
    Aspect::Value(value.into())
}

fn list(values: impl IntoIterator<Item = impl ToString>) -> Aspect {
    Aspect::List(values.into_iter().map(|value| value.to_string()).collect())
}

fn area(version: &Version) -> Aspects {
    let mut aspects = vec![
        ("paths", text(version.paths.join(", "))),
        ("the path that counts", text(version.selection_text())),
        ("to qualify", text(format!("{} points", version.to_qualify))),
        ("every metric", text(version.floor_text())),
        ("incentives", text(format!("{} points", version.incentive))),
        ("source", text(version.source_url.as_str())),
    ];
    for choice in version.options.list() {
        aspects.push((choice.name, text(choice.chosen)));
    }
    if let Selection::Assigned(assignment) = &version.selection {
        aspects.push(("customers of the path test", list(ids(assignment.associations))));
    }
    let scopes = version.scopes.iter().map(|scope| {
        let services = if scope.services.is_empty() { "all services" } else { "its services" };
        format!("{} ({services} under {})", scope.id, scope.associations.sorted_text())
    });
    aspects.push(("views of consumption", list(scopes)));
    aspects
}

fn of_part(part: &Part) -> Aspects {
    let points = format!("{} for {}", part.points_per_unit.exact(), part.unit_text());
    let mut aspects = match &part.sentence {
        Sentence::People(people) => vec![
            ("who counts", text(people.text("any of the certifications"))),
            ("certifications", list(&people.certifications)),
        ],
        Sentence::Customers(customers) => of_customers(part, customers),
    };
    aspects.push(("points", text(points)));
    if part.printed_points_per_unit != part.points_per_unit {
        aspects.push(("points as printed", text(part.printed_points_per_unit.exact())));
    }
    aspects.push(("fed by", list(&part.datasets)));
    aspects.push(("complete with", list(&part.needs)));
    aspects.push(("source", text(part.source_url.as_str())));
    aspects
}

fn of_customers(part: &Part, customers: &Customers) -> Aspects {
    vec![
        ("counts", text(part.threshold_text())),
        ("months", text(part.window_text())),
        ("associations", list(ids(customers.associations))),
        ("services or workloads", list(&customers.names)),
        ("rates", list(customers.rates.iter().map(Rate::text))),
        ("reason outside the limits", text(customers.limit.reason.replace('_', " "))),
        (
            "listed as implementations",
            text(if customers.publish_implementations { "yes" } else { "no" }),
        ),
    ]
}

impl Version {
    /// What every metric must earn, in words.
    pub fn floor_text(&self) -> String {
        match self.floor {
            Floor::Above(points) => format!("above {points}"),
            Floor::AtLeast(points) => format!("at least {points}"),
        }
    }

    /// How the path that counts is found, in words.
    pub fn selection_text(&self) -> String {
        match &self.selection {
            Selection::Single => "the only one".to_owned(),
            Selection::HigherTotal => {
                "all are scored: a qualifying one, else the higher total".to_owned()
            }
            Selection::Assigned(assignment) => assignment.text(),
        }
    }
}

impl Assignment {
    fn text(&self) -> String {
        let (path, otherwise) = (&self.path, &self.otherwise);
        match &self.test {
            AssignmentTest::SmbShare { share, is_share_enough, ttm_below, .. } => {
                let word = if *is_share_enough { "at least" } else { "more than" };
                let limit = ttm_below
                    .map(|limit| format!(" and less than {limit} USD is consumed in twelve months"))
                    .unwrap_or_default();
                format!(
                    "{path} if {word} {}/{} of the customers are on the small-business side{limit}, else {otherwise}",
                    share.numerator, share.denominator
                )
            }
            AssignmentTest::Pairs { needed, revenue_above, .. } => format!(
                "{path} if at least {needed} workloads of customers bring more than {revenue_above} USD each in R and in R-12, else {otherwise}"
            ),
        }
    }
}
