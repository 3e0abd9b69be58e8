//! The page for a partner manager: what a partner scores, which customers and people count, and
//! what is missing to the next point. Made from the published tables alone, so that it says what
//! everybody else reads.

mod amount;
mod assemble;
mod evidence;
mod layout;
mod page;
mod phrase;
mod read;
mod render;
mod sentence;

use std::collections::HashSet;

use polars::prelude::{col, lit};

pub use amount::Amount;
pub use page::{
    AreaPage, Customer, Implementation, MetricPage, Page, PartPage, PathScore, Person, Side,
};

use crate::calendar::Month;
use crate::commit::settled;
use crate::error::{Code, Error, Result};
use crate::store::Store;
use crate::tables::{DIM_PARTNER, FACT_AREA_SCORE, METRICS, PATHS};

use assemble::{Facts, Place};
use read::{Row, Rows, list, load};

/// What to explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The partner's id.
    pub partner: String,
    /// One area, or all.
    pub area: Option<String>,
    /// One metric, or all.
    pub metric: Option<String>,
    /// One customer tenant (its id or the start of it), or all.
    pub tenant: Option<String>,
    /// The scored month, or the newest one.
    pub month: Option<Month>,
}

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Plain text for a terminal.
    Text,
    /// Everything, for programs.
    Json,
    /// For a wiki or a mail.
    Markdown,
}

/// Reads the page of one partner and month.
///
/// # Errors
/// CS6001 while a publication is not complete, CS6004 when the output holds no such month, partner,
/// area or metric, CS6005 when a table is
/// missing or not as the contract says.
pub fn explain(output: &Store, query: &Query) -> Result<Page> {
    settled(output)?;
    let partner = query.partner.trim();
    let month = scored_month(output, query.month)?.to_string();
    let is_partner = col("partner_id").eq(lit(partner));
    let scores = load(output, &FACT_AREA_SCORE, &month, Some(is_partner.clone()))?;
    let described = load(output, &DIM_PARTNER, &month, Some(is_partner))?;
    if scores.is_empty() {
        return Err(unknown_partner(output, partner, &month, !described.is_empty()));
    }
    let partner_name = match described.iter().next() {
        Some(row) => row.optional_text("partner_name")?,
        None => None,
    };
    let areas = asked_areas(&scores, query.area.as_deref())?;
    let facts = Facts::load(output, &month, partner)?;
    let tenant = query.tenant.as_ref().map(|tenant| tenant.trim().to_lowercase());
    let mut pages = Vec::new();
    let mut metrics_seen = Vec::new();
    for area in areas {
        let mut page = area_page(&scores, &area)?;
        let place = Place { ruleset_id: &page.ruleset_id, area: &page.area, path: &page.path };
        let mut metrics = facts.metrics(&place, tenant.as_deref())?;
        let mut near = facts.near_implementations(&place, tenant.as_deref())?;
        if let Some(asked) = query.metric.as_deref() {
            metrics_seen.extend(metrics.iter().map(|metric| metric.metric.clone()));
            metrics.retain(|metric| metric.metric == asked);
            if metrics.is_empty() {
                continue;
            }
            // Implementations are about deployments and nothing else (contract §4).
            if asked != "deployments" {
                near.clear();
            }
        }
        page.metrics = metrics;
        page.near_implementations = near;
        pages.push(page);
    }
    if let (true, Some(asked)) = (pages.is_empty(), &query.metric) {
        let known = METRICS.into_iter().filter(|id| metrics_seen.iter().any(|seen| seen == id));
        let known: Vec<&str> = known.collect();
        return Err(Error::new(Code::NotFound, format!("no metric is called {asked:?} here"))
            .hint(format!("ask for one of {}", known.join(", "))));
    }
    Ok(Page { partner_id: partner.to_owned(), partner_name, month, tenant, areas: pages })
}

/// The months with scores, oldest first.
fn published_months(output: &Store) -> Result<Vec<Month>> {
    let prefix = format!("{}/", FACT_AREA_SCORE.name);
    let mut months: Vec<Month> = output
        .list(FACT_AREA_SCORE.name)?
        .iter()
        .filter_map(|entry| {
            let name = entry.path.strip_prefix(&prefix)?.strip_suffix(".parquet")?;
            Month::parse(name)
        })
        .collect();
    months.sort_unstable();
    Ok(months)
}

fn scored_month(output: &Store, asked: Option<Month>) -> Result<Month> {
    let months = published_months(output)?;
    let (Some(first), Some(last)) = (months.first(), months.last()) else {
        let text = format!("{} holds no scored month", output.uri());
        return Err(Error::new(Code::NotFound, text)
            .hint("check the output folder, or score a month first"));
    };
    match asked {
        None => Ok(*last),
        Some(month) if months.contains(&month) => Ok(month),
        Some(month) => {
            let text = format!("{} holds no scores of {month}", output.uri());
            let known = if first == last {
                format!("only {last} is scored")
            } else {
                format!("{} months from {first} to {last} are scored", months.len())
            };
            Err(Error::new(Code::NotFound, text).hint(format!("{known}; score the month first")))
        }
    }
}

/// The error for a partner without scores. Failures to find a better hint stay out of it: the
/// missing partner is what the user has to hear.
fn unknown_partner(output: &Store, partner: &str, month: &str, is_described: bool) -> Error {
    if is_described {
        let text = format!("the partner {partner} has no scores of {month}");
        return Error::new(Code::NotFound, text)
            .hint("ask for another month: partners without recent usage are not scored");
    }
    let close = load(output, &DIM_PARTNER, month, None)
        .and_then(|partners| close_ids(&partners, partner))
        .unwrap_or_default();
    let hint = match close.split_last() {
        None => "the table dim_partner lists all partners".to_owned(),
        Some((last, [])) => format!("did you mean {last}?"),
        Some((last, others)) => format!("did you mean {} or {last}?", others.join(", ")),
    };
    Error::new(Code::NotFound, format!("no partner has the id {partner:?}")).hint(hint)
}

/// Up to three ids whose id or name is like what was asked.
fn close_ids(partners: &Rows, asked: &str) -> Result<Vec<String>> {
    /// Below this two ids of seven digits share too little to be a slip of the fingers.
    const LEAST_LIKENESS: f64 = 0.7;
    let asked = asked.to_lowercase();
    let mut near: Vec<(f64, String)> = Vec::new();
    for row in partners.iter() {
        let id = row.text("partner_id")?;
        let name = row.text("partner_name")?.to_lowercase();
        let likeness = strsim::jaro(&id.to_lowercase(), &asked).max(strsim::jaro(&name, &asked));
        if likeness >= LEAST_LIKENESS {
            near.push((likeness, id));
        }
    }
    near.sort_by(|left, right| right.0.total_cmp(&left.0).then_with(|| left.1.cmp(&right.1)));
    near.truncate(3);
    Ok(near.into_iter().map(|(_, id)| id).collect())
}

/// The asked area, or all areas with scores, in order.
fn asked_areas(scores: &Rows, asked: Option<&str>) -> Result<Vec<String>> {
    let areas = scores.iter().map(|row| row.text("area")).collect::<Result<HashSet<_>>>()?;
    let mut areas: Vec<String> = areas.into_iter().collect();
    areas.sort_unstable();
    let Some(asked) = asked else {
        return Ok(areas);
    };
    if areas.iter().any(|area| area == asked) {
        return Ok(vec![asked.to_owned()]);
    }
    Err(Error::new(Code::NotFound, format!("no scored area is called {asked:?}"))
        .hint(format!("ask for one of {}", areas.join(", "))))
}

fn area_page(scores: &Rows, area: &str) -> Result<AreaPage> {
    let mut rows = Vec::new();
    for row in scores.iter() {
        if row.text("area")? == area {
            rows.push(row);
        }
    }
    let mut paths = rows.iter().map(path_score).collect::<Result<Vec<_>>>()?;
    let selected = paths.iter().position(|path| path.is_selected);
    let Some(row) = selected.and_then(|index| rows.get(index)) else {
        let text = format!("fact_area_score selects no path of the area {area}");
        return Err(Error::new(Code::Damaged, text).hint("score the month again"));
    };
    let page = AreaPage {
        area: area.to_owned(),
        ruleset_id: row.text("ruleset_id")?,
        path: row.text("path")?,
        selection_reason: row.text("selection_reason")?,
        max_points: row.required_amount("max_points")?,
        has_incentive_points: row.flag("has_incentive_points")?,
        coverage: row.text("coverage")?,
        missing_inputs: list(&row.text("missing_inputs")?),
        is_provisional: row.flag("is_provisional")?,
        run_id: row.text("run_id")?,
        flags: list(&row.text("flags")?),
        paths: Vec::new(),
        metrics: Vec::new(),
        near_implementations: Vec::new(),
    };
    paths.sort_by_key(|path| PATHS.iter().position(|id| *id == path.path));
    Ok(AreaPage { paths, ..page })
}

fn path_score(row: &Row<'_>) -> Result<PathScore> {
    Ok(PathScore {
        path: row.text("path")?,
        points: row.required_amount("points")?,
        points_x8400: row.required_integer("points_x8400")?,
        points_to_qualify: row.required_amount("points_to_qualify")?,
        blocking_metrics: list(&row.text("blocking_metrics")?),
        is_floor_met: row.flag("is_floor_met")?,
        is_qualified: row.flag("is_qualified")?,
        is_selected: row.flag("is_selected")?,
    })
}
