//! Paid seats and active users per partner, tenant and workload, both sides of a window, and when
//! their associations began.

use std::cmp::Ordering;

use polars::prelude::{DataFrame, Expr, JoinArgs, JoinType, SortMultipleOptions, col, lit};

use super::measure::{
    Sides, any_where, bug, flags, integers, month_literal, sum_where, texts, within,
};
use super::partners::Partners;
use super::seat_months::{SeatMonths, best};
use crate::calendar::{Day, Month};
use crate::engine;
use crate::error::Result;
use crate::ids::AttributionSet;
use crate::rules::Window;

/// Seats of one workload of one tenant of one partner. Rows are sorted by partner, tenant and
/// workload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct WorkloadSeats {
    pub(super) partner: usize,
    pub(super) tenant: String,
    pub(super) workload: String,
    pub(super) current: SeatCount,
    pub(super) baseline: SeatCount,
    /// Whether there are seats or users of the workload under other associations.
    pub(super) has_other: (bool, bool),
    /// When the association of R began, where a sentence asks for it.
    pub(super) start: Start,
}

/// When an association began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Start {
    /// At R−12 or before, or there is none at R.
    #[default]
    Earlier,
    /// After R−12.
    Within(Began),
    /// No row of R tells.
    Unknown,
}

/// The first month with a row since an association began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Began {
    pub(super) month: Month,
    pub(super) count: SeatCount,
    /// Whether there are seats or users under other associations in that month.
    pub(super) has_other: bool,
}

/// Paid seats and active users of one side; zeros where there is no row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SeatCount {
    pub(super) paid: i64,
    pub(super) active: i64,
}

impl SeatCount {
    /// Whether there is nothing.
    pub(super) fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// Which seats are wanted.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The workloads; empty means all.
    pub(super) workloads: &'a [String],
    pub(super) associations: AttributionSet,
    pub(super) window: Window,
    pub(super) reference: Month,
}

fn grain() -> [Expr; 3] {
    [col("partner_id"), col("tenant_id"), col("workload")]
}

/// Seats of some workloads under some associations: of all rows of one side, partner, tenant and
/// workload the one with the most paid seats, then the most active users (contract §3, Seats).
///
/// # Errors
/// CS9001.
pub(super) fn workload_seats(
    seats: &SeatMonths,
    wanted: Wanted<'_>,
    partners: &Partners,
) -> Result<Vec<WorkloadSeats>> {
    let sides = Sides::new(wanted.window, wanted.reference);
    let is_current = || col("is_current");
    let is_baseline = || col("is_current").not();
    let has_seats = || col("paid_seats").gt(lit(0)).or(col("active_users").gt(lit(0)));
    let months = within(sides.current).or(within(sides.baseline));
    let rows = seats
        .by_workload(wanted.workloads, wanted.associations)?
        .filter(months)
        .with_column(within(sides.current).alias("is_current"));
    let eligible = rows.clone().filter(has_seats());
    let sides = best(eligible, is_current()).group_by(grain()).agg([
        sum_where(col("paid_seats"), is_current(), "current_paid"),
        sum_where(col("active_users"), is_current(), "current_active"),
        sum_where(col("paid_seats"), is_baseline(), "baseline_paid"),
        sum_where(col("active_users"), is_baseline(), "baseline_active"),
    ]);
    let others = rows.filter(col("has_other").eq(lit(1))).group_by(grain()).agg([
        any_where(is_current(), "other_current"),
        any_where(is_baseline(), "other_baseline"),
    ]);
    let frame = sides
        .join(others, grain(), grain(), JoinArgs::new(JoinType::Left))
        .sort(["partner_id", "tenant_id", "workload"], SortMultipleOptions::default());
    let frame = engine::collect(frame, "seats by tenant and workload")?;
    let current = counts(&frame, "current_paid", "current_active")?;
    let baseline = counts(&frame, "baseline_paid", "baseline_active")?;
    let has_other =
        flags(&frame, "other_current")?.into_iter().zip(flags(&frame, "other_baseline")?);
    let sides = current.into_iter().zip(baseline).zip(has_other);
    let rows = keys(&frame, partners)?.zip(sides);
    Ok(rows
        .map(|((partner, tenant, workload), ((current, baseline), has_other))| WorkloadSeats {
            partner,
            tenant,
            workload,
            current,
            baseline,
            has_other,
            start: Start::Earlier,
        })
        .collect())
}

/// [`workload_seats`] with when each association began. A workload whose association began after
/// R−12 has a row even if it has nothing at R nor at R−12.
///
/// # Errors
/// CS9001.
pub(super) fn associated_seats(
    seats: &SeatMonths,
    wanted: Wanted<'_>,
    partners: &Partners,
) -> Result<Vec<WorkloadSeats>> {
    let mut rows = workload_seats(seats, wanted, partners)?;
    let first = wanted.reference.plus(-11);
    let months = seats
        .by_workload(wanted.workloads, wanted.associations)?
        .filter(col("paid_seats").is_not_null());
    let order = ["partner_id", "tenant_id", "workload", "month"];
    let dates = months
        .clone()
        .filter(within((wanted.reference, wanted.reference)))
        .sort(order, SortMultipleOptions::default());
    let dates = engine::collect(dates, "dates of associations")?;
    let is_new = col("associated_on").gt_eq(month_literal(first));
    let since = months
        .filter(within((first, wanted.reference)))
        .join(
            engine::lazy(dates.clone()).filter(is_new),
            grain(),
            grain(),
            JoinArgs::new(JoinType::Semi),
        )
        .sort(order, SortMultipleOptions::default());
    let since = engine::collect(since, "seats since their association")?;

    let months = since.column("month").and_then(|column| column.date()).map_err(bug)?.physical();
    let months = months.iter().map(|day| Day(day.unwrap_or_default()).month());
    let mut since = keys(&since, partners)?
        .zip(months)
        .zip(counts(&since, "paid_seats", "active_users")?)
        .zip(flags(&since, "has_other")?)
        .map(|(((key, month), count), has_other)| (key, Began { month, count, has_other }))
        .peekable();
    let days = dates.column("associated_on").and_then(|column| column.date()).map_err(bug)?;
    let mut at = 0;
    let mut added = Vec::new();
    let others = flags(&dates, "has_other")?;
    for ((key, day), has_other) in keys(&dates, partners)?.zip(days.physical().iter()).zip(others) {
        let start = match day.map(|day| Day(day).month()) {
            None => Start::Unknown,
            Some(month) if month < first => continue,
            Some(month) => {
                while since.next_if(|(known, _)| *known < key).is_some() {}
                let mut began = None;
                while let Some((_, row)) = since.next_if(|(known, _)| *known == key) {
                    // A date after R is no month to begin in: R is the last one.
                    if began.is_none() && row.month >= month.min(wanted.reference) {
                        began = Some(Start::Within(row));
                    }
                }
                began.unwrap_or_default()
            }
        };
        while rows.get(at).is_some_and(|row| row.compare(&key) == Ordering::Less) {
            at += 1;
        }
        match rows.get_mut(at).filter(|row| row.compare(&key) == Ordering::Equal) {
            Some(row) => row.start = start,
            None if matches!(start, Start::Within(began) if !began.count.is_zero()) => {
                let (partner, tenant, workload) = key;
                added.push(WorkloadSeats {
                    has_other: (has_other, false),
                    partner,
                    tenant,
                    workload,
                    start,
                    ..Default::default()
                });
            }
            None => {}
        }
    }
    if !added.is_empty() {
        rows.extend(added);
        rows.sort_by(|left, right| {
            let key = |row: &WorkloadSeats| (row.partner, row.tenant.clone(), row.workload.clone());
            key(left).cmp(&key(right))
        });
    }
    Ok(rows)
}

impl WorkloadSeats {
    fn compare(&self, (partner, tenant, workload): &(usize, String, String)) -> Ordering {
        (self.partner, &self.tenant, &self.workload).cmp(&(*partner, tenant, workload))
    }
}

/// Partner, tenant and workload of each row of a sorted frame.
fn keys(
    frame: &DataFrame,
    partners: &Partners,
) -> Result<impl Iterator<Item = (usize, String, String)>> {
    let (partner, tenant) = (partners.indexes(frame)?, texts(frame, "tenant_id")?);
    let workload = texts(frame, "workload")?;
    Ok(partner
        .into_iter()
        .zip(tenant)
        .zip(workload)
        .map(|((partner, tenant), workload)| (partner, tenant, workload)))
}

fn counts(frame: &DataFrame, paid: &str, active: &str) -> Result<Vec<SeatCount>> {
    let (paid, active) = (integers(frame, paid)?, integers(frame, active)?);
    Ok(paid.into_iter().zip(active).map(|(paid, active)| SeatCount { paid, active }).collect())
}
