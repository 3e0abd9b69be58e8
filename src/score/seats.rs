//! Paid seats and active users per partner, tenant and workload, both sides of a window, and when
//! their associations began.

use std::sync::Arc;

use super::measure::Sides;
use super::partners::{Indexes, Partners};
use super::seat_months::{SeatMonth, SeatMonths};
use crate::calendar::{Day, Month};
use crate::error::Result;
use crate::ids::AttributionSet;
use crate::rules::Window;

/// Seats of one workload of one tenant of one partner. Rows are sorted by partner, tenant and
/// workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WorkloadSeats {
    pub(super) partner: usize,
    pub(super) tenant: Arc<str>,
    pub(super) workload: Arc<str>,
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
    /// Whether its date is after R: nothing grew yet, and it is no association of the last months.
    pub(super) is_after: bool,
}

/// Paid seats and active users of one side; zeros where there is no row. The larger one has more
/// paid seats, then more active users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SeatCount {
    pub(super) paid: i64,
    pub(super) active: i64,
}

impl SeatCount {
    /// Whether there are seats or users.
    pub(super) fn is_any(self) -> bool {
        self.paid > 0 || self.active > 0
    }

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
    /// Whether it matters when associations began.
    pub(super) has_starts: bool,
}

/// Seats of some workloads under some associations: of all rows of one side, partner, tenant and
/// workload the one with the most paid seats, then the most active users (contract §3, Seats). Where
/// starts are wanted, a workload whose association began after R−12 has a row even if it has nothing
/// at R nor at R−12.
///
/// # Errors
/// CS9001.
pub(super) fn workload_seats(
    seats: &SeatMonths,
    wanted: Wanted<'_>,
    partners: &Partners,
) -> Result<Vec<WorkloadSeats>> {
    let sides = Sides::new(wanted.window, wanted.reference);
    let mut found = Vec::new();
    let mut indexes = Indexes::new(partners);
    seats.visit(wanted.workloads, wanted.associations, &mut |customer, workload, months| {
        let current = Side::of(months, sides.current);
        let baseline = Side::of(months, sides.baseline);
        let start =
            if wanted.has_starts { start(months, wanted.reference) } else { Start::Earlier };
        let has_seats = current.count.or(baseline.count).is_some();
        let has_begun = matches!(start, Start::Within(began) if began.count.is_any());
        if has_seats || has_begun {
            found.push(WorkloadSeats {
                partner: indexes.of(customer.partner)?,
                tenant: Arc::clone(customer.tenant),
                workload: Arc::clone(workload),
                current: current.count.unwrap_or_default(),
                baseline: baseline.count.unwrap_or_default(),
                has_other: (current.has_other, baseline.has_other),
                start,
            });
        }
        Ok(())
    })?;
    Ok(found)
}

/// One side of a window.
struct Side {
    /// None when there are neither seats nor users.
    count: Option<SeatCount>,
    has_other: bool,
}

impl Side {
    fn of(months: &[SeatMonth], (first, last): (Month, Month)) -> Self {
        let months = || months.iter().filter(|month| (first..=last).contains(&month.month));
        Self {
            count: months().filter_map(|month| month.best).filter(|count| count.is_any()).max(),
            has_other: months().any(|month| month.has_other),
        }
    }
}

/// When the association of R began, from the months that have eligible rows.
fn start(months: &[SeatMonth], reference: Month) -> Start {
    let first = reference.plus(-11);
    let counted = months.iter().filter_map(|month| Some((month, month.best?)));
    let Some((now, _)) = counted.clone().find(|(month, _)| month.month == reference) else {
        return Start::Earlier;
    };
    match now.associated_on.map(Day::month) {
        None => Start::Unknown,
        Some(began) if began < first => Start::Earlier,
        // A date after R is no month to begin in: R is the last one.
        Some(began) => counted
            .filter(|(month, _)| (began.min(reference)..=reference).contains(&month.month))
            .map(|(month, count)| Began {
                month: month.month,
                count,
                has_other: month.has_other,
                is_after: began > reference,
            })
            .next()
            .map_or(Start::Earlier, Start::Within),
    }
}
