//! The steps from one scored month to another and what each is worth.

use std::collections::{BTreeMap, BTreeSet};

use super::side::{AreaSide, MetricSide, PartSide, Side};
use super::{AreaChange, Change};
use crate::error::Result;
use crate::money::Money;
use crate::points::Points;
use crate::rules::Version;
use crate::score::{PartValue, metric_points};

/// The changes of every partner and area from the first of the steps, each with the cause of what it
/// changed, to the last side; with what each is about, where `names` says so.
///
/// # Errors
/// CS9001.
pub(super) fn between(
    steps: &[(&'static str, Side<'_>)],
    last: &Side<'_>,
    names: bool,
) -> Result<Vec<AreaChange>> {
    let Some(((_, first), others)) = steps.split_first() else { return Ok(Vec::new()) };
    let mut partners: BTreeSet<&str> = first.partners().into_iter().collect();
    partners.extend(last.partners());
    let mut changes = Vec::new();
    for partner in partners {
        let published = first.areas(partner)?;
        let mut sides = Vec::new();
        for (cause, side) in others {
            sides.push((*cause, side.areas(partner)?));
        }
        let after = last.areas(partner)?;
        let areas: BTreeSet<&String> = published.keys().chain(after.keys()).collect();
        for area in areas {
            let mut way = Way { partner, area, names, path: String::new(), causes: Vec::new() };
            let (was, is) = (published.get(area), after.get(area));
            way.path = is.or(was).map(|side| side.path.clone()).unwrap_or_default();
            match (was, is) {
                (Some(was), Some(is)) => {
                    let mut from = was;
                    let mut rules = version(first, area);
                    for ((cause, rescored), (_, side)) in sides.iter().zip(others) {
                        // A partner that the rescored month does not know keeps its score.
                        if let Some(next) = rescored.get(area) {
                            way.add("", "", cause, selected(next).0 - selected(from).0, None);
                            (from, rules) = (next, version(side, area));
                        }
                    }
                    way.go_on_to(from, is, rules, version(last, area));
                }
                (None, Some(is)) => way.add("", "", "partner_new", selected(is).0, None),
                (Some(was), None) => way.add("", "", "partner_gone", -selected(was).0, None),
                (None, None) => {}
            }
            changes.push(AreaChange {
                partner: partner.to_owned(),
                area: area.clone(),
                before: was.map(|side| (selected(side), side.path.clone())),
                after: is.map(|side| (selected(side), side.path.clone())),
                is_qualified: (
                    was.is_some_and(|side| side.is_qualified),
                    is.is_some_and(|side| side.is_qualified),
                ),
                causes: way.causes,
            });
        }
    }
    Ok(changes)
}

fn version<'a>(side: &Side<'a>, area: &str) -> Option<&'a Version> {
    side.versions.iter().find(|version| version.area == area).copied()
}

/// The points of the path that counts.
fn selected(side: &AreaSide) -> Points {
    side.points.get(&side.path).copied().unwrap_or_default()
}

/// The causes found so far for one partner and area.
struct Way<'a> {
    partner: &'a str,
    area: &'a str,
    /// Whether causes name what they are about.
    names: bool,
    path: String,
    causes: Vec<Change>,
}

impl Way<'_> {
    /// Adds a cause; one that brought nothing is told only if it is about something.
    fn add(
        &mut self,
        metric: &str,
        part: &str,
        cause: &'static str,
        points: i64,
        about: Option<&[&str]>,
    ) {
        if points == 0 && about.is_none_or(<[_]>::is_empty) {
            return;
        }
        let named = about.filter(|_| self.names).unwrap_or_default();
        self.causes.push(Change {
            partner: self.partner.to_owned(),
            area: self.area.to_owned(),
            path: self.path.clone(),
            metric: metric.to_owned(),
            part: part.to_owned(),
            cause,
            points: Points(points),
            count: about.map(|about| i64::try_from(about.len()).unwrap_or(i64::MAX)),
            about: named.iter().map(|name| (*name).to_owned()).collect(),
        });
    }

    /// From a month to the later one.
    fn go_on_to(
        &mut self,
        from: &AreaSide,
        to: &AreaSide,
        before: Option<&Version>,
        after: Option<&Version>,
    ) {
        let path = to.path.clone();
        let (Some(before), Some(after), Some(on_path)) = (before, after, from.points.get(&path))
        else {
            // The path did not exist by the rules of then.
            self.add("", "", "rules_changed", selected(to).0 - selected(from).0, None);
            return;
        };
        self.add("", "", "path_changed", on_path.0 - selected(from).0, None);
        for metric in &after.metrics {
            let place = (path.clone(), metric.id.clone());
            let nothing = MetricSide::default();
            let was = from.metrics.get(&place).unwrap_or(&nothing);
            let is = to.metrics.get(&place).unwrap_or(&nothing);
            let change = is.points.0 - was.points.0;
            let coverage = |side: &MetricSide| -> Vec<bool> {
                side.parts.iter().map(|part| part.is_computable).collect()
            };
            if text_of(before, &path, &metric.id) != text_of(after, &path, &metric.id) {
                self.add(&metric.id, "", "rules_changed", change, None);
            } else if coverage(was) != coverage(is) {
                self.add(&metric.id, "", "coverage_changed", change, None);
            } else {
                self.metric(after, &metric.id, was, is);
            }
        }
        for metric in before
            .metrics
            .iter()
            .filter(|metric| after.metrics.iter().all(|known| known.id != metric.id))
        {
            let was = from.metrics.get(&(path.clone(), metric.id.clone()));
            let points = was.map_or(0, |was| was.points.0);
            self.add(&metric.id, "", "rules_changed", -points, None);
        }
    }

    /// The steps of one metric by the same rules: part by part what was counted a year ago, then
    /// what is counted now.
    fn metric(&mut self, rules: &Version, metric: &str, was: &MetricSide, is: &MetricSide) {
        let path = self.path.clone();
        let mut values: Vec<PartValue> =
            was.parts.iter().map(|part| value(part, was.is_below_minimum)).collect();
        let mut points = metric_points(rules, &path, metric, &values);
        let start = points;
        for (at, (then, now)) in was.parts.iter().zip(&is.parts).enumerate() {
            for step in steps(then, now) {
                values[at].current.0 += step.current.0;
                values[at].baseline.0 += step.baseline.0;
                let next = metric_points(rules, &path, metric, &values);
                self.add(metric, &now.part, step.cause, next.0 - points.0, Some(&step.about));
                points = next;
            }
        }
        // Whether growth is scored at all depends on more than the values; published values are
        // rounded to four digits.
        let rest = (is.points.0 - was.points.0) - (points.0 - start.0);
        self.add(metric, "", "minimum_or_rounding", rest, None);
    }
}

/// Everything that the rules say of a metric on a path.
fn text_of(version: &Version, path: &str, metric: &str) -> String {
    let known = version.metrics.iter().find(|known| known.id == metric);
    let earns = known.map(|known| (known.max_points, known.pick));
    let parts: Vec<_> = version
        .parts_of_metric(path, metric)
        .map(|part| {
            let mut part = part.clone();
            // The same sentence for other paths is no change of this one.
            part.paths.clear();
            part.source_url.clear();
            part
        })
        .collect();
    format!("{earns:?} {parts:?}")
}

fn value(part: &PartSide, is_below_minimum: bool) -> PartValue {
    PartValue { current: part.current, baseline: part.baseline, is_below_minimum }
}

/// One step of a part: what changes, and what it is about.
struct Step<'a> {
    cause: &'static str,
    current: Money,
    baseline: Money,
    about: Vec<&'a str>,
}

/// The steps of a part; the last of each side ends exactly at the published value.
fn steps<'a>(was: &'a PartSide, is: &'a PartSide) -> Vec<Step<'a>> {
    let (gained, lost) = match is.unit.as_str() {
        "people" => ("people_gained", "people_lost"),
        "services" => ("services_gained", "services_lost"),
        _ => ("customers_gained", "customers_lost"),
    };
    let mut steps = Vec::new();
    let baseline = compare(&was.counted_before, &is.counted_before);
    let total = is.baseline.0 - was.baseline.0;
    let fewer = -baseline.lost.0.0 + baseline.less.0.0;
    for (cause, change, about) in [
        ("baseline_shrank", fewer, [baseline.lost.1, baseline.less.1].concat()),
        ("baseline_grew", total - fewer, [baseline.gained.1, baseline.more.1].concat()),
    ] {
        steps.push(Step { cause, current: Money::ZERO, baseline: Money(change), about });
    }
    let current = compare(&was.counted, &is.counted);
    let total = is.current.0 - was.current.0;
    let changed = current.less.0.0 + current.more.0.0;
    for (cause, change, about) in [
        (lost, -current.lost.0.0, current.lost.1),
        ("usage_changed", changed, [current.less.1, current.more.1].concat()),
        (gained, total + current.lost.0.0 - changed, current.gained.1),
    ] {
        steps.push(Step { cause, current: Money(change), baseline: Money::ZERO, about });
    }
    steps.retain(|step| {
        step.current != Money::ZERO || step.baseline != Money::ZERO || !step.about.is_empty()
    });
    steps
}

/// What two sets of things differ in: amounts and the things.
#[derive(Default)]
struct Comparison<'a> {
    lost: (Money, Vec<&'a str>),
    gained: (Money, Vec<&'a str>),
    /// Things in both that add less, as a negative amount.
    less: (Money, Vec<&'a str>),
    more: (Money, Vec<&'a str>),
}

fn compare<'a>(
    was: &'a BTreeMap<String, Money>,
    is: &'a BTreeMap<String, Money>,
) -> Comparison<'a> {
    let mut found = Comparison::default();
    for (thing, before) in was {
        let slot = match is.get(thing) {
            None => {
                found.lost.0 += *before;
                found.lost.1.push(thing);
                continue;
            }
            Some(now) if now < before => &mut found.less,
            Some(now) if now > before => &mut found.more,
            Some(_) => continue,
        };
        slot.0.0 += is[thing].0 - before.0;
        slot.1.push(thing);
    }
    for (thing, amount) in is.iter().filter(|(thing, _)| !was.contains_key(*thing)) {
        found.gained.0 += *amount;
        found.gained.1.push(thing);
    }
    found
}
