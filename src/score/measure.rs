//! What customers consume, per partner and tenant, both sides of a window, and what its neighbours
//! for consumption, seats and business applications share to add it up; everything after them works
//! on these few rows.

use std::sync::Arc;

use polars::prelude::{DataFrame, DataType, Expr, col, lit};

use crate::calendar::Month;
use crate::engine::bug;
use crate::error::Result;
use crate::facts::PartnerRange;
use crate::ids::AttributionSet;
use crate::money::Money;
use crate::rules::{CustomerResult, Customers, Window};

/// Amounts per partner and tenant (and workload), sorted so.
#[derive(Debug, Clone, Default)]
pub(super) struct Amounts {
    pub(super) partner: Vec<usize>,
    pub(super) tenant: Vec<Arc<str>>,
    /// Blank where an amount is of a tenant as a whole.
    pub(super) workload: Vec<String>,
    pub(super) current: Vec<Money>,
    pub(super) baseline: Vec<Money>,
    /// Whether any month of the baseline has an amount.
    pub(super) has_baseline: Vec<bool>,
    /// Whether there is something under other associations.
    pub(super) other_current: Vec<bool>,
    pub(super) other_baseline: Vec<bool>,
}

impl Amounts {
    /// The current amounts added per partner.
    pub(super) fn totals(&self, partners: usize) -> Vec<Money> {
        let mut totals = vec![Money::ZERO; partners];
        for (partner, amount) in self.partner.iter().zip(&self.current) {
            totals[*partner] += *amount;
        }
        totals
    }
}

/// The first and last months of both sides of a window at R.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sides {
    pub(super) current: (Month, Month),
    pub(super) baseline: (Month, Month),
}

impl Sides {
    pub(super) fn new(window: Window, reference: Month) -> Self {
        let first = reference.plus(1 - window.months());
        Self { current: (first, reference), baseline: (first.plus(-12), reference.plus(-12)) }
    }

    /// How far back the months of a sentence lie, as bits: bit n is R−n.
    pub(super) fn month_bits(sentence: &Customers, reference: Month) -> u32 {
        let sides = Self::new(sentence.window, reference);
        let has_baseline = sentence.result != CustomerResult::Count;
        std::iter::once(sides.current)
            .chain(has_baseline.then_some(sides.baseline))
            .flat_map(|(first, last)| Month::range(first, last))
            .filter_map(|month| u32::try_from(reference.since(month)).ok())
            .fold(0, |bits, back| bits | 1 << back)
    }
}

/// The rows of a range of partners, of a frame that is sorted by `partner_id`.
///
/// # Errors
/// CS9001.
pub fn of_partners(frame: &DataFrame, range: &PartnerRange) -> Result<DataFrame> {
    let partner = frame.column("partner_id").and_then(|column| column.str()).map_err(bug)?;
    let within = range.places(frame.height(), |at| partner.get(at).unwrap_or_default());
    Ok(frame.slice(i64::try_from(within.start).unwrap_or(i64::MAX), within.len()))
}

/// A literal day of a month's first day.
pub(super) fn month_literal(month: Month) -> Expr {
    lit(month.first_day().0).cast(DataType::Date)
}

pub(super) fn within((first, last): (Month, Month)) -> Expr {
    col("month").gt_eq(month_literal(first)).and(col("month").lt_eq(month_literal(last)))
}

/// Whether the attribution set of a row meets an eligible set.
pub(super) fn meets(eligible: AttributionSet) -> Expr {
    col("attributions").and(lit(eligible.0)).neq(lit(0))
}

/// Whether a name is in a list; an empty list means all names.
pub(super) fn listed(column: &str, names: &[String]) -> Expr {
    if names.is_empty() {
        return lit(true);
    }
    let names = polars::prelude::Column::new("names".into(), names);
    col(column).is_in(lit(names.take_materialized_series()).implode(true), false)
}

/// Whether `condition` holds anywhere.
pub(super) fn any_where(condition: Expr, name: &str) -> Expr {
    condition.cast(DataType::Int32).max().alias(name)
}

/// Azure consumed revenue per partner and service over all tenants, sorted so.
#[derive(Debug, Clone, Default)]
pub(super) struct ServiceAcr {
    pub(super) partner: Vec<usize>,
    pub(super) service: Vec<String>,
    pub(super) amount: Vec<Money>,
}

pub(super) fn texts(frame: &DataFrame, name: &str) -> Result<Vec<String>> {
    let column = frame.column(name).and_then(|column| column.str()).map_err(bug)?;
    Ok(column.iter().map(|text| text.unwrap_or_default().to_owned()).collect())
}

pub(super) fn amounts(frame: &DataFrame, name: &str) -> Result<Vec<Money>> {
    let column = frame.column(name).and_then(|column| column.decimal()).map_err(bug)?;
    Ok(column.physical().iter().map(|amount| Money(amount.unwrap_or_default())).collect())
}

pub(super) fn integers(frame: &DataFrame, name: &str) -> Result<Vec<i64>> {
    let column = frame.column(name).and_then(|column| column.i64()).map_err(bug)?;
    Ok(column.iter().map(Option::unwrap_or_default).collect())
}

/// Flags are the largest of zeros and ones: null where there was no row.
pub(super) fn flags(frame: &DataFrame, name: &str) -> Result<Vec<bool>> {
    let column = frame.column(name).and_then(|column| column.i32()).map_err(bug)?;
    Ok(column.iter().map(|flag| flag.unwrap_or_default() != 0).collect())
}
