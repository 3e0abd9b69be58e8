//! Words for codes, units and flags.

use std::fmt::Write as _;

use super::amount::Amount;
use super::page::{AreaPage, Customer, Implementation, MetricPage, PathScore};
use crate::points::Points;

/// `usage_growth` → `Usage growth`.
pub(super) fn title(code: &str) -> String {
    let mut letters = code.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect::<String>().replace('_', " "),
        None => String::new(),
    }
}

/// `1 point`, `6.67 points`.
pub(super) fn points(value: Points) -> String {
    let noun = if value == Points(8400) { "point" } else { "points" };
    format!("{value} {noun}")
}

/// A unit as a noun, singular for `is_one`.
pub(super) fn unit_name(unit: &str, is_one: bool) -> &'static str {
    match (unit, is_one) {
        ("tenants", true) => "tenant",
        ("tenants", false) => "tenants",
        ("tenant_workloads", true) => "customer workload",
        ("tenant_workloads", false) => "customer workloads",
        ("services", true) => "service",
        ("services", false) => "services",
        ("people", true) => "person",
        ("people", false) => "people",
        ("users", true) => "active user",
        ("users", false) => "active users",
        ("percent", _) => "percent",
        ("usd", _) => "USD",
        (_, true) => "unit",
        (_, false) => "units",
    }
}

/// An amount with its unit: `1,095.00 USD`, `1 tenant`.
pub(super) fn quantity(unit: &str, amount: Amount) -> String {
    let number = if unit == "usd" { amount.money() } else { amount.short() };
    format!("{number} {}", unit_name(unit, amount == Amount::ONE))
}

/// What a growth part measures and the unit of its values, told from the evidence where the part
/// itself counts in percent.
pub(super) fn measure_name(
    value_unit: &str,
    customers: &[Customer],
) -> (&'static str, &'static str) {
    let has = |column: fn(&Customer) -> bool| customers.iter().any(column);
    match value_unit {
        "users" => ("Active users", "users"),
        _ if has(|one| one.current.revenue_usd.is_some()) => ("Revenue", "usd"),
        _ if has(|one| one.current.consumption_value.is_some()) => {
            ("Monthly consumption value", "value")
        }
        "usd" => ("Azure consumed revenue", "usd"),
        _ if has(|one| one.current.acr_usd.is_some()) => ("Azure consumed revenue", "usd"),
        _ => ("The measured value", "value"),
    }
}

/// A reason of the evidence tables.
pub(super) fn reason(code: &str) -> String {
    let text = match code {
        "counted" => "yes",
        "promoted" => "yes: outgrew the band, still counts",
        "counted_elsewhere" => "counts by another workload",
        "associated_above_share" => "already active when the association began",
        "excluded_service" => "a service that does not count",
        "outside_band" => "outside the limits",
        "below_active_share" => "too few active users",
        "below_threshold" => "below the threshold",
        "not_associated" => "used, but no eligible association",
        "no_usage" => "no usage",
        "expired" => "expired",
        "retired" => "the certification is retired",
        "prerequisite_missing" => "an earlier step is not met",
        "already_counted" => "the person counts by another one",
        other => return other.replace('_', " "),
    };
    text.to_owned()
}

/// Why a path was selected.
pub(super) fn selection(code: &str) -> String {
    let text = match code {
        "only_path" => "the only path",
        "assigned_enterprise" | "assigned_smb" => "assigned to the partner",
        "qualifying_path" => "the path that qualifies",
        "higher_total" => "the higher total",
        "tie_enterprise" => "first of equal totals",
        other => return other.replace('_', " "),
    };
    text.to_owned()
}

/// A flag of an area.
pub(super) fn area_flag(code: &str) -> String {
    let text = match code {
        "borderline_rounding" => {
            "the exact total and the total of rounded figures lie on different sides of the line"
        }
        "path_conflict" => "another path has more points but does not qualify",
        "mixed_sources" => {
            "some months come from the partner's own export, others from a distributor's"
        }
        "rows_quarantined" => "records of this partner were rejected and are not in the score",
        other => return other.replace('_', " "),
    };
    text.to_owned()
}

/// A flag of a metric.
pub(super) fn metric_flag(code: &str, metric: &MetricPage) -> String {
    let text = match code {
        "no_baseline" => "there was no usage a year ago, so that growth cannot be measured",
        "below_minimum" => "there is less than the least that this metric measures growth from",
        "metric_below_one_point" => "earns less than one point: some pages ask for a whole one",
        "disputed_baseline" => {
            return match metric.alternative_points_x8400 {
                Some(other) => {
                    format!("the other reading of the rule gives {}", points(Points(other)))
                }
                None => "the other reading of the rule gives different points".to_owned(),
            };
        }
        "association_start_unknown" => "the start of an association is not known",
        "expiry_unknown" => "expiry dates were not delivered: every certification counts as valid",
        "mixed_sources" => {
            "some months come from the partner's own export, others from a distributor's"
        }
        other => return other.replace('_', " "),
    };
    text.to_owned()
}

/// `Total 56.67 of 100 points — not qualified: 13.33 points short`.
pub(super) fn headline(path: &PathScore, max_points: Amount) -> String {
    let short = path.points_to_qualify;
    // A total just below the line must not be printed as the line.
    let total = if short > Amount::ZERO && short < Amount(100) {
        path.points.short()
    } else {
        Points(path.points_x8400).to_string()
    };
    let mut text = format!("Total {total} of {} points — ", max_points.short());
    if path.is_qualified {
        text.push_str("qualified");
        return text;
    }
    let mut missing = Vec::new();
    if short > Amount::ZERO {
        let noun = if short == Amount::ONE { "point" } else { "points" };
        missing.push(format!("{} {noun} short", short.brief()));
    }
    if !path.is_floor_met {
        let metrics: Vec<String> = path.blocking_metrics.iter().map(|id| title(id)).collect();
        missing.push(format!("no points in {}", metrics.join(", ")));
    }
    text.push_str("not qualified");
    if !missing.is_empty() {
        text.push_str(": ");
        text.push_str(&missing.join(" and "));
    }
    text
}

/// What is known to be missing in the data of an area, if anything.
pub(super) fn data_notes(area: &AreaPage) -> Vec<String> {
    let mut notes = Vec::new();
    if area.is_provisional {
        notes.push("Provisional: data of the month was delivered early and may change".to_owned());
    }
    if let Some(note) = coverage_note(&area.coverage, &area.missing_inputs) {
        notes.push(note);
    }
    notes
}

/// What a coverage other than complete means.
pub(super) fn coverage_note(coverage: &str, missing: &[String]) -> Option<String> {
    let mut text = match coverage {
        "lower_bound" => "Data is incomplete: the points are a lower bound".to_owned(),
        "not_computable" => "Data is missing: part of this cannot be computed".to_owned(),
        _ => return None,
    };
    if !missing.is_empty() {
        let _ = write!(text, "; missing: {}", missing.join(", "));
    }
    Some(text)
}

/// The customer's name with the start of its id, or the whole id.
pub(super) fn customer_name(tenant_id: &str, name: Option<&str>) -> String {
    match name.map(str::trim).filter(|name| !name.is_empty()) {
        // A GUID is known by its start; another id is short.
        Some(name) if tenant_id.len() == 36 => format!("{name} ({})", start(tenant_id, 8)),
        Some(name) => format!("{name} ({tenant_id})"),
        None => tenant_id.to_owned(),
    }
}

/// The first characters of a text.
pub(super) fn start(text: &str, count: usize) -> String {
    text.chars().take(count).collect()
}

/// `Contoso (0a1b2c3d), workload W: 2 seats and 1 active user short`.
pub(super) fn implementation(one: &Implementation) -> String {
    let count = |number: i64, singular: &str| {
        let plural = if number == 1 { "" } else { "s" };
        (number > 0).then(|| format!("{number} {singular}{plural}"))
    };
    let missing: Vec<String> =
        [count(one.seats_short, "seat"), count(one.active_users_short, "active user")]
            .into_iter()
            .flatten()
            .collect();
    let customer = customer_name(&one.tenant_id, one.customer_name.as_deref());
    format!("{customer}, workload {}: {} short", one.workload, missing.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_never_rounds_up_to_the_line() {
        let path = PathScore {
            path: "single".to_owned(),
            points: Amount(566_667),
            points_x8400: 476_000,
            points_to_qualify: Amount(133_333),
            blocking_metrics: Vec::new(),
            is_floor_met: true,
            is_qualified: false,
            is_selected: true,
        };
        let hundred = Amount::whole(100);
        assert_eq!(
            headline(&path, hundred),
            "Total 56.67 of 100 points — not qualified: 13.33 points short"
        );
        let close = PathScore {
            points: Amount(699_975),
            points_x8400: 587_979,
            points_to_qualify: Amount(25),
            blocking_metrics: vec!["usage_growth".to_owned()],
            is_floor_met: false,
            ..path.clone()
        };
        assert_eq!(
            headline(&close, hundred),
            "Total 69.9975 of 100 points — not qualified: 0.0025 points short \
             and no points in Usage growth"
        );
        let done = PathScore { is_qualified: true, points_to_qualify: Amount::ZERO, ..path };
        assert_eq!(headline(&done, hundred), "Total 56.67 of 100 points — qualified");
    }

    #[test]
    fn implementations_say_what_is_short() {
        let mut one = Implementation {
            tenant_id: "0a1b2c3d-0000-4000-8000-000000000001".to_owned(),
            customer_name: Some("Contoso".to_owned()),
            workload: "W".to_owned(),
            paid_seats: 23,
            active_users: 3,
            seats_short: 2,
            active_users_short: 1,
        };
        let text = "Contoso (0a1b2c3d), workload W: 2 seats and 1 active user short";
        assert_eq!(implementation(&one), text);
        one.seats_short = 0;
        one.customer_name = None;
        assert_eq!(
            implementation(&one),
            "0a1b2c3d-0000-4000-8000-000000000001, workload W: 1 active user short"
        );
    }
}
