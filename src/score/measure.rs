//! What customers consume, per partner and tenant, both sides of a window. Here and in its
//! neighbours for seats and business applications facts are aggregated, by the streaming engine;
//! everything after them works on these small frames.

use polars::prelude::{DataFrame, DataType, Expr, NULL, SortMultipleOptions, col, lit, when};

use super::consumption::Consumption;
use super::partners::Partners;
use crate::calendar::Month;
use crate::engine;
use crate::error::{Error, Result};
use crate::ids::AttributionSet;
use crate::money::{MONEY_SCALE, Money};
use crate::rules::{CustomerResult, Customers, Window};

/// Amounts per partner and tenant (and workload), sorted so.
#[derive(Debug, Clone, Default)]
pub(super) struct Amounts {
    pub(super) partner: Vec<usize>,
    pub(super) tenant: Vec<String>,
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

/// The sum of `value` where `condition` holds.
pub(super) fn sum_where(value: Expr, condition: Expr, name: &str) -> Expr {
    when(condition).then(value).otherwise(lit(NULL)).sum().alias(name)
}

/// Whether `condition` holds anywhere.
pub(super) fn any_where(condition: Expr, name: &str) -> Expr {
    condition.cast(DataType::Int32).max().alias(name)
}

/// Azure consumed revenue of some services under some associations.
///
/// # Errors
/// CS9001.
pub(super) fn tenant_acr(
    acr: &Consumption,
    services: &[String],
    associations: AttributionSet,
    (window, reference): (Window, Month),
    partners: &Partners,
) -> Result<Amounts> {
    let sides = Sides::new(window, reference);
    let (current, baseline) = (within(sides.current), within(sides.baseline));
    let has_amount = || col("amount").neq(lit(0));
    // Sums per month first: of two months the larger counts, and a baseline is nothing only when
    // each of its months is.
    let by_month = acr
        .by_tenant(services, associations, sides.baseline.0)?
        .filter(current.clone().or(baseline.clone()));
    let is_eligible = || col("is_eligible").eq(lit(1));
    let side = |months: Expr, name: &str| {
        let amount = when(months.and(is_eligible())).then(col("amount")).otherwise(lit(NULL));
        match window {
            Window::EitherOfTwoMonths => amount.max().alias(name),
            Window::Month | Window::Ttm => amount.sum().alias(name),
        }
    };
    let other = |months: Expr, name: &str| any_where(months.and(col("has_other").eq(lit(1))), name);
    let no_amount = || lit(0).cast(DataType::Decimal(38, MONEY_SCALE));
    let months = |months: Expr, name: &str| {
        months.and(is_eligible()).cast(DataType::Int32).sum().alias(name)
    };
    // Of two months one without a row is 0, and so larger than a credit in the other one.
    let settled = |name: &str, months: &str| {
        let has_absent = lit(window == Window::EitherOfTwoMonths).and(col(months).lt(lit(2)));
        when(has_absent.and(col(name).lt(lit(0))))
            .then(no_amount())
            .otherwise(col(name).fill_null(no_amount()))
            .alias(name)
    };
    let frame = by_month
        .group_by([col("partner_id"), col("tenant_id")])
        .agg([
            side(current.clone(), "current"),
            side(baseline.clone(), "baseline"),
            months(current.clone(), "current_months"),
            months(baseline.clone(), "baseline_months"),
            any_where(baseline.clone().and(is_eligible()).and(has_amount()), "has_baseline"),
            other(current, "other_current"),
            other(baseline, "other_baseline"),
        ])
        .with_columns([
            settled("current", "current_months"),
            settled("baseline", "baseline_months"),
        ])
        .filter(col("current").neq(lit(0)).or(col("baseline").neq(lit(0))))
        .sort(["partner_id", "tenant_id"], SortMultipleOptions::default());
    let frame = engine::collect(frame, "Azure consumed revenue by tenant")?;
    Ok(Amounts {
        partner: partners.indexes(&frame)?,
        tenant: texts(&frame, "tenant_id")?,
        workload: vec![String::new(); frame.height()],
        current: amounts(&frame, "current")?,
        baseline: amounts(&frame, "baseline")?,
        has_baseline: flags(&frame, "has_baseline")?,
        other_current: flags(&frame, "other_current")?,
        other_baseline: flags(&frame, "other_baseline")?,
    })
}

/// Azure consumed revenue per partner and service over all tenants, sorted so.
#[derive(Debug, Clone, Default)]
pub(super) struct ServiceAcr {
    pub(super) partner: Vec<usize>,
    pub(super) service: Vec<String>,
    pub(super) amount: Vec<Money>,
}

/// A service name that says nothing.
const NO_SERVICE: [&str; 3] = ["", "unknown", crate::rules::UNMAPPED];

/// Azure consumed revenue by service in the current side of a window.
///
/// # Errors
/// CS9001.
pub(super) fn service_acr(
    acr: &Consumption,
    services: &[String],
    associations: AttributionSet,
    (window, reference): (Window, Month),
    partners: &Partners,
) -> Result<ServiceAcr> {
    let months = Sides::new(window, reference).current;
    let named =
        NO_SERVICE.iter().fold(lit(true), |named, name| named.and(col("service").neq(lit(*name))));
    let frame = acr
        .by_service(services, associations, months.0)?
        .filter(within(months).and(named))
        .group_by([col("partner_id"), col("service")])
        .agg([col("amount").sum()])
        .filter(col("amount").neq(lit(0)))
        .sort(["partner_id", "service"], SortMultipleOptions::default());
    let frame = engine::collect(frame, "Azure consumed revenue by service")?;
    Ok(ServiceAcr {
        partner: partners.indexes(&frame)?,
        service: texts(&frame, "service")?,
        amount: amounts(&frame, "amount")?,
    })
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

#[expect(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
pub(super) fn bug(error: polars::prelude::PolarsError) -> Error {
    Error::bug(error.to_string())
}
