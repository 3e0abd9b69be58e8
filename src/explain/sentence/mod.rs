//! Sentences: what a part counted and what one more would earn. Pure functions of small values.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::amount::Amount;
use super::page::{Customer, MetricPage, PartPage};
use super::phrase::{measure_name, points, quantity, unit_name};
use crate::points::Points;
use crate::tables::step_of;

/// What is missing to more points, and how many those are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gain {
    /// In the part's unit.
    pub needed: Amount,
    /// What it earns, as far as the metric has room.
    pub points: Points,
}

/// Things that count, of all that have the measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    /// Those that count.
    pub counted: usize,
    /// All.
    pub seen: usize,
}

/// A part that counts things.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted<'a> {
    /// What is counted.
    pub unit: &'a str,
    /// Now.
    pub now: Tally,
    /// How many counted a year ago and the difference; none where a year ago does not matter.
    pub net: Option<(usize, Amount)>,
    /// What is missing to more points.
    pub gain: Option<Gain>,
}

/// A part that measures growth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth<'a> {
    /// What grew.
    pub subject: &'a str,
    /// The unit of the values: `usd`, `users`, or another for bare numbers.
    pub unit: &'a str,
    /// A year ago.
    pub baseline: Amount,
    /// Now.
    pub current: Amount,
    /// The difference.
    pub change: Amount,
    /// What earns points.
    pub steps: Steps,
    /// What is missing to more points.
    pub gain: Option<Gain>,
}

/// What growth is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Steps {
    /// Whole units of a size.
    Units {
        /// How many.
        increments: i64,
        /// Of which size.
        size: Amount,
    },
    /// Whole percent of the value a year ago; none where there is no percentage.
    Percent {
        /// How many.
        increments: i64,
        /// What is left of a percent.
        remainder: Option<Amount>,
    },
}

/// A step of a skilling metric.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    /// The part's id, such as `step1`.
    pub part: &'a str,
    /// People who hold one of the certifications.
    pub people: Amount,
    /// The rule as published.
    pub threshold: &'a str,
    /// Whether people wait for an earlier step.
    pub is_locked: bool,
    /// What the step earned.
    pub earned: Points,
}

/// The sentence of a part; `customers` is all of its evidence.
pub(super) fn of_part(
    metric: &MetricPage,
    part: &PartPage,
    customers: &[Customer],
    units_for_max: Option<Amount>,
) -> String {
    let mut text = match part.value_unit.as_str() {
        _ if part.coverage == "not_computable" => not_computable(&part.missing_inputs),
        "people" => {
            let step = step_of(&part.part).unwrap_or(1);
            let is_locked = metric
                .people
                .iter()
                .any(|person| person.step == step && person.reason == "prerequisite_missing");
            step_sentence(&Step {
                part: &part.part,
                people: part.current_value.unwrap_or_default(),
                threshold: &part.threshold,
                is_locked,
                earned: Points(part.points_x8400),
            })
        }
        "usd" | "users" | "percent" => {
            growth_sentence(&growth(metric, part, customers, units_for_max))
        }
        unit => {
            let tally = |is_current: bool| tally(unit, customers, is_current);
            let net = part.change_value.map(|change| (tally(false).counted, change));
            let gain = gain(metric, part, units_for_max);
            counted_sentence(&Counted { unit, now: tally(true), net, gain })
        }
    };
    if !part.is_used {
        text.push_str(" (not used: another part of this metric earns as much or more)");
    }
    text
}

/// `Next point: …` of a metric.
pub(super) fn next_point(metric: &MetricPage) -> String {
    let has = |flag: &str| metric.flags.iter().any(|known| known == flag);
    if metric.points_x8400 >= metric.max_x8400() {
        return "at its maximum".to_owned();
    }
    if metric.coverage == "not_computable" {
        return "unknown: the metric cannot be computed".to_owned();
    }
    match metric.units_to_next_point {
        Some(units) => match metric.value_unit.as_str() {
            unit @ ("usd" | "percent") => format!("{} more", quantity(unit, units)),
            unit => format!("{} more {}", units.short(), unit_name(unit, units == Amount::ONE)),
        },
        None if has("no_baseline") => "there is no value a year ago to grow from".to_owned(),
        None if has("below_minimum") => {
            "there is less than the least that growth is measured from".to_owned()
        }
        None if metric.value_unit == "mixed" => "what each part above still needs".to_owned(),
        None => "unknown".to_owned(),
    }
}

/// `3 of 4 tenants count now, 1 counted a year ago: net 2; 1 more gives 2 points`.
pub(super) fn counted_sentence(part: &Counted<'_>) -> String {
    let Tally { counted, seen } = part.now;
    let mut text = if seen == 0 {
        format!("no {} counts now", unit_name(part.unit, true))
    } else {
        let verb = if counted == 1 { "counts" } else { "count" };
        format!("{counted} of {seen} {} {verb} now", unit_name(part.unit, seen == 1))
    };
    if let Some((then, net)) = part.net {
        let then = if then == 0 { "none".to_owned() } else { then.to_string() };
        let _ = write!(text, ", {then} counted a year ago: net {}", net.short());
    }
    push_gain(&mut text, part.unit, part.gain);
    text
}

/// `Azure consumed revenue grew from 12,345.00 to 15,000.00 USD (+2,655.00): 2 whole units of
/// 1,250.00; 1,095.00 USD more gives 1 point`.
pub(super) fn growth_sentence(part: &Growth<'_>) -> String {
    let number = |amount: Amount| {
        if part.unit == "users" { amount.short() } else { amount.money() }
    };
    let suffix = if part.unit == "usd" { " USD" } else { "" };
    let (from, to) = (number(part.baseline), number(part.current));
    let percent = match part.steps {
        Steps::Percent { increments, remainder: Some(remainder) } if part.change > Amount::ZERO => {
            format!(", {} %", Amount(Amount::whole(increments).0 + remainder.0).brief())
        }
        _ => String::new(),
    };
    let change = number(part.change);
    let mut text = match part.change.cmp(&Amount::ZERO) {
        std::cmp::Ordering::Greater => {
            format!("{} grew from {from} to {to}{suffix} (+{change}{percent})", part.subject)
        }
        std::cmp::Ordering::Less => {
            format!("{} fell from {from} to {to}{suffix} ({change})", part.subject)
        }
        std::cmp::Ordering::Equal => format!("{} stayed at {to}{suffix}", part.subject),
    };
    match part.steps {
        // Where every single unit earns, counting units says the change again.
        Steps::Units { size, .. } if size == Amount::ONE => {}
        Steps::Units { increments, size } => {
            let noun = if increments == 1 { "unit" } else { "units" };
            let _ = write!(text, ": {increments} whole {noun} of {}", number(size));
        }
        Steps::Percent { increments, remainder: Some(_) } => {
            let _ = write!(text, ": {increments} whole percent");
        }
        Steps::Percent { remainder: None, .. } => {}
    }
    let gain_unit = if matches!(part.steps, Steps::Percent { .. }) { "percent" } else { part.unit };
    push_gain(&mut text, gain_unit, part.gain);
    text
}

/// `Step 1: 2 people hold X or Y (2 needed)`.
pub(super) fn step_sentence(step: &Step<'_>) -> String {
    let title = match step_of(step.part) {
        Some(number) => format!("Step {number}: "),
        None => String::new(),
    };
    let people = quantity("people", step.people);
    let verb = if step.people == Amount::ONE { "holds" } else { "hold" };
    // The published texts of the two kinds of step; any other text is quoted as it is.
    let needed = step.threshold.strip_prefix("at least ").and_then(|rest| {
        rest.split_once(" people with ").or_else(|| rest.split_once(" person with "))
    });
    let last = step.threshold.strip_prefix("people with ");
    let mut text = match (needed, last) {
        (Some((count, codes)), _) => format!("{title}{people} {verb} {codes} ({count} needed)"),
        (None, Some(rest)) => {
            let codes = rest.split_once(", once").map_or(rest, |(codes, _)| codes);
            format!("{title}{people} {verb} {codes}")
        }
        (None, None) if step.threshold.is_empty() => format!("{title}{people}"),
        (None, None) => format!("{title}{people} (rule: {})", step.threshold),
    };
    if step.is_locked {
        text.push_str("; earns nothing until all earlier steps are met");
    } else if step.earned > Points::ZERO {
        let _ = write!(text, ": {}", points(step.earned));
    }
    text
}

fn not_computable(missing: &[String]) -> String {
    if missing.is_empty() {
        return "cannot be computed: its months are not all of one source".to_owned();
    }
    format!("cannot be computed without all months of {}", missing.join(" and "))
}

fn push_gain(text: &mut String, unit: &str, gain: Option<Gain>) {
    let Some(Gain { needed, points: earned }) = gain else {
        return;
    };
    let needed_text = match unit {
        "usd" => format!("{} USD", needed.money()),
        "percent" => format!("{} percent", needed.short()),
        _ => needed.short(),
    };
    let is_one = needed == Amount::ONE || matches!(unit, "usd" | "percent");
    let verb = if is_one { "gives" } else { "give" };
    let _ = write!(text, "; {needed_text} more {verb} {}", points(earned));
}

/// Distinct things of one side, and those of them that count.
fn tally(unit: &str, customers: &[Customer], is_current: bool) -> Tally {
    let mut counted = HashSet::new();
    let mut seen = HashSet::new();
    for customer in customers {
        let side = if is_current { &customer.current } else { &customer.baseline };
        // A tenant counts once whatever its workloads; a service has no tenant.
        let workload = if unit == "tenants" { "" } else { customer.workload.as_str() };
        let thing = (customer.tenant_id.as_str(), workload);
        if side.is_counted {
            counted.insert(thing);
        }
        if side.is_counted || side.has_measure() {
            seen.insert(thing);
        }
    }
    Tally { counted: counted.len(), seen: seen.len() }
}

fn growth(
    metric: &MetricPage,
    part: &PartPage,
    customers: &[Customer],
    units_for_max: Option<Amount>,
) -> Growth<'static> {
    let (subject, unit) = measure_name(&part.value_unit, customers);
    let steps = if part.value_unit == "percent" {
        Steps::Percent { increments: part.increments, remainder: part.remainder }
    } else {
        Steps::Units { increments: part.increments, size: part.unit_size }
    };
    Growth {
        subject,
        unit,
        baseline: part.baseline_value.unwrap_or_default(),
        current: part.current_value.unwrap_or_default(),
        change: part.change_value.unwrap_or_default(),
        steps,
        gain: gain(metric, part, units_for_max),
    }
}

/// What the next unit of a part earns. A part that is not used, a metric without room and growth
/// that cannot be measured have no next unit.
fn gain(metric: &MetricPage, part: &PartPage, units_for_max: Option<Amount>) -> Option<Gain> {
    let room = metric.max_x8400() - metric.points_x8400;
    let blocked = |flag: &str| matches!(flag, "no_baseline" | "below_minimum");
    if room <= 0 || !part.is_used || metric.flags.iter().any(|flag| blocked(flag)) {
        return None;
    }
    // The table has no points per unit; what was earned says it, else the rule's maximum does.
    let step = if part.increments > 0 && part.points_x8400 > 0 {
        part.points_x8400 / part.increments
    } else {
        let units = units_for_max.filter(|units| *units > Amount::ZERO)?;
        i64::try_from(i128::from(metric.max_x8400()) * Amount::ONE.0 / units.0).ok()?
    };
    let change = part.change_value.unwrap_or_default();
    let left = part.remainder.unwrap_or_default();
    let needed = match part.value_unit.as_str() {
        "percent" if change < Amount::ZERO => {
            let baseline = part.baseline_value.filter(|baseline| *baseline > Amount::ZERO)?;
            let lost = change.0.checked_abs()?.checked_mul(100 * Amount::ONE.0)?;
            Amount::ONE.0 + lost / baseline.0 + i128::from(lost % baseline.0 != 0)
        }
        _ if change < Amount::ZERO => part.unit_size.0 - change.0,
        "usd" | "users" | "percent" => part.unit_size.0 - left.0,
        _ => Amount::ONE.0,
    };
    Some(Gain { needed: Amount(needed), points: Points(step.min(room)) })
}

#[cfg(test)]
mod tests;
