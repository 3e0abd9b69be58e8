//! Revenue and consumption value of business applications per partner, tenant and workload, R
//! against R−12 (contract §3, Seats; rules §7.4). Rows of one association are added; of the
//! eligible associations the largest counts.

use std::sync::Arc;

use polars::prelude::{
    DataFrame, Expr, LazyFrame, NULL, SortMultipleOptions, UnionArgs, col, concat, lit, when,
};

use super::measure::{
    Amounts, Sides, amounts, any_where, flags, integers, listed, meets, texts, within,
};
use super::partners::Partners;
use crate::calendar::Month;
use crate::engine;
use crate::engine::bug;
use crate::error::Result;
use crate::ids::AttributionSet;
use crate::money::Money;
use crate::rules::{Rate, UsageMeasure, Window};

/// Revenue of some workloads under some associations.
///
/// # Errors
/// CS9001.
pub(super) fn workload_revenue(
    revenue: &DataFrame,
    workloads: &[String],
    associations: AttributionSet,
    reference: Month,
    partners: &Partners,
) -> Result<Amounts> {
    if revenue.height() == 0 {
        return Ok(Amounts::default());
    }
    let rows = engine::lazy(revenue.clone())
        .filter(listed("workload", workloads))
        .with_columns([meets(associations).alias("is_eligible"), col("revenue").alias("value")]);
    let frame = engine::collect(both_sides(rows, reference), "revenue by workload")?;
    let (current, baseline) = (amounts(&frame, "current")?, amounts(&frame, "baseline")?);
    found(&frame, current, baseline, partners)
}

/// Use of the workloads of a rate card, times their rates.
///
/// # Errors
/// CS9001.
pub(super) fn consumption_value(
    usage: &DataFrame,
    rates: &[Rate],
    reference: Month,
    partners: &Partners,
) -> Result<Amounts> {
    if usage.height() == 0 {
        return Ok(Amounts::default());
    }
    let of_rate = |rate: &Rate| {
        let units = match rate.measure {
            UsageMeasure::ActiveUsers => "active_users",
            UsageMeasure::AttributedUsers => "attributed_users",
            UsageMeasure::Capacity => "capacity",
        };
        let rows = engine::lazy(usage.clone()).filter(listed("workload", &rate.workloads));
        rows.with_columns([
            meets(rate.associations).alias("is_eligible"),
            col(units).alias("value"),
        ])
    };
    let columns =
        || ["month", "partner_id", "tenant_id", "workload", "attributions", "is_eligible", "value"];
    let rows: Vec<LazyFrame> =
        rates.iter().map(|rate| of_rate(rate).select(columns().map(col))).collect();
    let rows = concat(rows, UnionArgs::default()).map_err(bug)?;
    let frame = engine::collect(both_sides(rows, reference), "consumption value by workload")?;
    let workloads = texts(&frame, "workload")?;
    let rate_of = |workload: &String| {
        let listed = rates.iter().find(|rate| rate.workloads.contains(workload));
        listed.map_or(Money::ZERO, |rate| rate.rate)
    };
    let valued = |name: &str| -> Result<Vec<Money>> {
        let units = integers(&frame, name)?;
        let values = units.iter().zip(&workloads);
        Ok(values
            .map(|(units, workload)| Money(rate_of(workload).0.saturating_mul((*units).into())))
            .collect())
    };
    let (current, baseline) = (valued("current")?, valued("baseline")?);
    found(&frame, current, baseline, partners)
}

/// `partner_id`, `tenant_id`, `workload`, `current`, `baseline`, `has_baseline`, `other_current`,
/// `other_baseline` of rows with `is_eligible` and a `value`, sorted.
fn both_sides(rows: LazyFrame, reference: Month) -> LazyFrame {
    let sides = Sides::new(Window::Month, reference);
    let is_current = || col("is_current");
    let is_eligible = || col("is_eligible");
    let largest = |condition: Expr, name: &str| {
        when(condition).then(col("value")).otherwise(lit(NULL)).max().alias(name)
    };
    let has_value = || col("value").neq(lit(0));
    let other =
        |side: Expr, name: &str| any_where(side.and(is_eligible().not()).and(has_value()), name);
    rows.filter(within(sides.current).or(within(sides.baseline)))
        .with_column(within(sides.current).alias("is_current"))
        .group_by([
            is_current(),
            col("partner_id"),
            col("tenant_id"),
            col("workload"),
            col("attributions"),
            is_eligible(),
        ])
        .agg([col("value").sum()])
        .group_by([col("partner_id"), col("tenant_id"), col("workload")])
        .agg([
            largest(is_current().and(is_eligible()), "current"),
            largest(is_current().not().and(is_eligible()), "baseline"),
            other(is_current(), "other_current"),
            other(is_current().not(), "other_baseline"),
        ])
        .filter(col("current").neq(lit(0)).or(col("baseline").neq(lit(0))))
        .sort(["partner_id", "tenant_id", "workload"], SortMultipleOptions::default())
}

fn found(
    frame: &DataFrame,
    current: Vec<Money>,
    baseline: Vec<Money>,
    partners: &Partners,
) -> Result<Amounts> {
    Ok(Amounts {
        partner: partners.indexes(frame)?,
        tenant: texts(frame, "tenant_id")?.into_iter().map(Arc::from).collect(),
        workload: texts(frame, "workload")?,
        has_baseline: baseline.iter().map(|amount| *amount != Money::ZERO).collect(),
        current,
        baseline,
        other_current: flags(frame, "other_current")?,
        other_baseline: flags(frame, "other_baseline")?,
    })
}
