//! The order of a page: headings, sentences and tables, the same for text and Markdown.

use super::amount::Amount;
use super::page::{AreaPage, Customer, MetricPage, Page, PartPage, Person, Side};
use super::phrase::{
    area_flag, coverage_note, customer_name, data_notes, headline, implementation, metric_flag,
    points, reason, selection, start, title,
};
use crate::points::Points;

/// Rows of a table that people read.
const MOST_ROWS: usize = 20;
/// Implementations that people read.
const MOST_IMPLEMENTATIONS: usize = 5;

/// A piece of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    /// The heading of an area.
    Title(String),
    /// The heading of a section.
    Heading(String),
    /// A sentence.
    Line(String),
    /// A point of a list.
    Item(String),
    /// A table.
    Table(Grid),
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Grid {
    /// The names of the columns and whether they hold numbers.
    pub header: Vec<(String, bool)>,
    /// The cells.
    pub rows: Vec<Vec<String>>,
}

/// What the customers of a part are measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Acr,
    Revenue,
    Consumption,
    Seats,
}

/// The page in pieces.
pub(super) fn blocks(page: &Page) -> Vec<Block> {
    let mut blocks = Vec::new();
    for area in &page.areas {
        let partner = match &page.partner_name {
            Some(name) => format!("{name} ({})", page.partner_id),
            None => page.partner_id.clone(),
        };
        blocks.push(Block::Title(format!(
            "{partner} — {} — {} — rules {}",
            area.area, page.month, area.ruleset_id
        )));
        area_blocks(area, &mut blocks);
        for metric in &area.metrics {
            metric_blocks(metric, page.tenant.as_deref(), &mut blocks);
        }
        implementation_blocks(area, &mut blocks);
    }
    blocks
}

fn area_blocks(area: &AreaPage, blocks: &mut Vec<Block>) {
    if let Some(path) = area.paths.iter().find(|path| path.is_selected) {
        blocks.push(Block::Line(headline(path, area.max_points)));
    }
    if area.paths.len() > 1 {
        let paths: Vec<String> = area
            .paths
            .iter()
            .map(|path| {
                let total = points(Points(path.points_x8400));
                if path.is_selected {
                    let why = selection(&area.selection_reason);
                    format!("[{}] {total} (selected: {why})", path.path)
                } else {
                    format!("{} {total}", path.path)
                }
            })
            .collect();
        blocks.push(Block::Line(format!("Paths: {}", paths.join("; "))));
    } else {
        blocks.push(Block::Line(format!("Path: {}", area.path)));
    }
    blocks.extend(data_notes(area).into_iter().map(Block::Line));
    blocks.extend(area.flags.iter().map(|flag| Block::Line(format!("Note: {}", area_flag(flag)))));
}

fn metric_blocks(metric: &MetricPage, tenant: Option<&str>, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading(format!(
        "{}: {} of {}",
        title(&metric.metric),
        Points(metric.points_x8400),
        points(Points(metric.max_x8400()))
    )));
    for part in &metric.parts {
        // A step says its own number and its rule.
        if part.value_unit == "people" {
            blocks.push(Block::Item(part.sentence.clone()));
            continue;
        }
        blocks.push(Block::Item(format!("{}: {}", part.part, part.sentence)));
        if let Some(rule) = rule_text(part) {
            blocks.push(Block::Item(format!("{} rule: {rule}", part.part)));
        }
    }
    let notes = coverage_note(&metric.coverage, &metric.missing_inputs).into_iter();
    let flags = metric.flags.iter().map(|flag| format!("Note: {}", metric_flag(flag, metric)));
    blocks.extend(notes.chain(flags).map(Block::Line));
    blocks.push(Block::Line(format!("Next point: {}", metric.next_point)));
    for part in &metric.parts {
        let has_no_tenants = matches!(part.value_unit.as_str(), "people" | "services");
        if !part.customers.is_empty() {
            let count = part.customers.len();
            let noun = if part.value_unit == "services" { "Services" } else { "Customers" };
            blocks.push(Block::Line(format!("{noun}, part {} ({count}):", part.part)));
            limited(customer_grid(&part.customers), blocks);
        } else if let (Some(tenant), false) = (tenant, has_no_tenants) {
            let text = format!(
                "No customer {tenant} has usage in {} under an association that counts there.",
                part.part
            );
            blocks.push(Block::Line(text));
        }
    }
    if !metric.people.is_empty() {
        blocks.push(Block::Line(format!("Certifications ({}):", metric.people.len())));
        limited(people_grid(&metric.people), blocks);
    }
}

fn implementation_blocks(area: &AreaPage, blocks: &mut Vec<Block>) {
    if area.near_implementations.is_empty() {
        return;
    }
    blocks.push(Block::Heading("Closest to a deployment".to_owned()));
    for one in area.near_implementations.iter().take(MOST_IMPLEMENTATIONS) {
        blocks.push(Block::Item(implementation(one)));
    }
    if let Some(text) = more(area.near_implementations.len(), MOST_IMPLEMENTATIONS) {
        blocks.push(Block::Line(text));
    }
}

fn rule_text(part: &PartPage) -> Option<String> {
    let associations = if part.associations.is_empty() {
        String::new()
    } else {
        format!("associations {}", part.associations.join(", "))
    };
    let texts = [part.threshold.clone(), part.window.clone(), associations];
    let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// The table with its first rows and a line about the others.
fn limited(mut grid: Grid, blocks: &mut Vec<Block>) {
    let all = grid.rows.len();
    grid.rows.truncate(MOST_ROWS);
    blocks.push(Block::Table(grid));
    if let Some(text) = more(all, MOST_ROWS) {
        blocks.push(Block::Line(text));
    }
}

fn more(all: usize, shown: usize) -> Option<String> {
    let hidden = all.checked_sub(shown).filter(|hidden| *hidden > 0)?;
    Some(format!("… and {hidden} more (use --metric/--tenant or --format json)"))
}

fn customer_grid(customers: &[Customer]) -> Grid {
    let measure = measure(customers);
    let unit = match measure {
        Measure::Acr | Measure::Revenue => " (USD)",
        Measure::Consumption => "",
        Measure::Seats => " (seats / active)",
    };
    let has_tenant = customers.iter().any(|one| !one.tenant_id.is_empty());
    let has_workload = customers.iter().any(|one| !one.workload.is_empty());
    let has_baseline = customers.iter().any(|one| !one.baseline.reason.is_empty());
    let columns = [
        (has_tenant, "Customer".to_owned(), false),
        (has_workload, if has_tenant { "Workload" } else { "Service" }.to_owned(), false),
        (true, format!("Now{unit}"), true),
        (has_baseline, format!("A year ago{unit}"), true),
        (true, "Counts now".to_owned(), false),
        (has_baseline, "Counted a year ago".to_owned(), false),
    ];
    let cells_of = |one: &Customer| -> Vec<String> {
        let cells = [
            customer_name(&one.tenant_id, one.customer_name.as_deref()),
            one.workload.clone(),
            value(&one.current, measure),
            value(&one.baseline, measure),
            counts(one.current.is_counted, &one.current.reason),
            counts(one.baseline.is_counted, &one.baseline.reason),
        ];
        let shown = cells.into_iter().zip(&columns).filter(|(_, (is_shown, _, _))| *is_shown);
        shown.map(|(cell, _)| cell).collect()
    };
    let rows = customers.iter().map(cells_of).collect();
    let header = columns
        .into_iter()
        .filter_map(|(is_shown, name, is_number)| is_shown.then_some((name, is_number)))
        .collect();
    Grid { header, rows }
}

fn measure(customers: &[Customer]) -> Measure {
    let has = |column: fn(&Side) -> bool| {
        customers.iter().any(|one| column(&one.current) || column(&one.baseline))
    };
    if has(|side| side.acr_usd.is_some()) {
        Measure::Acr
    } else if has(|side| side.consumption_value.is_some()) {
        Measure::Consumption
    } else if has(|side| side.revenue_usd.is_some()) {
        Measure::Revenue
    } else {
        Measure::Seats
    }
}

fn value(side: &Side, measure: Measure) -> String {
    let money = |amount: Option<Amount>| amount.map_or("–".to_owned(), Amount::money);
    let count = |count: Option<i64>| count.map(|count| Amount::whole(count).short());
    match measure {
        Measure::Acr => money(side.acr_usd),
        Measure::Revenue => money(side.revenue_usd),
        Measure::Consumption => money(side.consumption_value),
        Measure::Seats => match (count(side.paid_seats), count(side.active_users)) {
            (None, None) => "–".to_owned(),
            (seats, users) => {
                let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
                format!("{} / {}", or_dash(seats), or_dash(users))
            }
        },
    }
}

/// Whether a row counts and, if not, why.
fn counts(is_counted: bool, code: &str) -> String {
    match (is_counted, code) {
        (_, "") => String::new(),
        (true, _) => reason(code),
        (false, _) => format!("no: {}", reason(code)),
    }
}

fn people_grid(people: &[Person]) -> Grid {
    let has_steps = people.iter().any(|person| person.step != 1);
    let columns = ["Step", "Person", "Certification", "Earned", "Counts until", "Counts"];
    let skipped = usize::from(!has_steps);
    let header = columns.into_iter().skip(skipped).map(|name| (name.to_owned(), false)).collect();
    let rows = people
        .iter()
        .map(|person| {
            let cells = [
                person.step.to_string(),
                start(&person.person_key, 8),
                person.certification.clone(),
                person.earned_on.clone().unwrap_or_default(),
                person.counts_until.clone().unwrap_or_else(|| "always".to_owned()),
                counts(person.is_counted, &person.reason),
            ];
            cells.into_iter().skip(skipped).collect()
        })
        .collect();
    Grid { header, rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(number: usize) -> Customer {
        let side = |is_counted: bool, reason: &str| Side {
            paid_seats: Some(1_200),
            active_users: Some(30),
            is_counted,
            reason: reason.to_owned(),
            ..Side::default()
        };
        Customer {
            tenant_id: format!("tenant-{number}"),
            customer_name: None,
            workload: "W".to_owned(),
            current: side(true, "counted"),
            baseline: side(false, "outside_band"),
            contribution: Amount::ONE,
        }
    }

    #[test]
    fn long_tables_end_in_a_line_about_the_rest() {
        let customers: Vec<Customer> = (0..55).map(customer).collect();
        let mut blocks = Vec::new();
        limited(customer_grid(&customers), &mut blocks);
        let [Block::Table(grid), Block::Line(rest)] = &blocks[..] else {
            panic!("{blocks:?}");
        };
        assert_eq!(grid.rows.len(), 20);
        assert_eq!(
            grid.rows[0],
            ["tenant-0", "W", "1,200 / 30", "1,200 / 30", "yes", "no: outside the limits"]
        );
        assert_eq!(rest, "… and 35 more (use --metric/--tenant or --format json)");
    }

    #[test]
    fn columns_without_content_are_left_out() {
        let mut service = customer(1);
        service.tenant_id = String::new();
        service.baseline = Side::default();
        let grid = customer_grid(&[service]);
        let names: Vec<&str> = grid.header.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Service", "Now (seats / active)", "Counts now"]);
    }
}
