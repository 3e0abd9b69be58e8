//! Sentences over seats: which workloads of a tenant count on each side, why, and what they add.

use smallvec::SmallVec;

use super::customers::{COUNTED, Evidence, Measured, PROMOTED, Side};
use super::seats::{Began, SeatCount, Start, WorkloadSeats};
use crate::money::Money;
use crate::rules::{
    ActiveShareOf, CustomerResult, Customers, Measure, ProtectedUsers, SeatBand, Unit, UsersOf,
};

/// Evidence over seats. Where tenants are counted, exactly one row of a counted tenant and side
/// counts: of the qualifying ones the most paid seats, then active users, then the name
/// (contract §6.8).
pub(super) fn seat_evidence<'a>(
    sentence: &'a Customers,
    seats: &'a [WorkloadSeats],
) -> Vec<Evidence<'a>> {
    let mut evidence = Vec::with_capacity(seats.len());
    for rows in
        seats.chunk_by(|left, right| left.partner == right.partner && left.tenant == right.tenant)
    {
        add_tenant(&mut evidence, sentence, rows);
    }
    evidence
}

/// One value a workload of a tenant: few have more, and there are very many tenants.
type PerWorkload<T> = SmallVec<[T; 8]>;

/// Adds the evidence of the workloads of one tenant of one partner.
fn add_tenant<'a>(
    evidence: &mut Vec<Evidence<'a>>,
    sentence: &'a Customers,
    rows: &'a [WorkloadSeats],
) {
    // What an association that began since then had at R−12 does not matter.
    let is_replaced =
        |row: &WorkloadSeats| sentence.since_association && matches!(row.start, Start::Within(..));
    let now: PerWorkload<SeatCount> = rows.iter().map(|row| row.current).collect();
    // The band is that of R−12 all the same.
    let year_ago: PerWorkload<SeatCount> = rows.iter().map(|row| row.baseline).collect();
    let before: PerWorkload<SeatCount> = rows
        .iter()
        .map(|row| if is_replaced(row) { SeatCount::default() } else { row.baseline })
        .collect();
    let is_gone = now.iter().all(|count| count.is_zero());
    let is_promoted = sentence.promoted && is_promoted(sentence, &now, &year_ago);
    let current = Tenant {
        counts: &now,
        banded: &now,
        judged: &now,
        has_other: rows.iter().map(|row| row.has_other.0).collect(),
        is_left_out: rows.iter().map(|row| is_left_out(sentence, row)).collect(),
        is_promoted,
    };
    let baseline = Tenant {
        counts: &before,
        banded: &year_ago,
        judged: if sentence.judges_by_now(is_gone) { &now } else { &year_ago },
        has_other: rows.iter().map(|row| row.has_other.1).collect(),
        is_left_out: SmallVec::from_elem(false, rows.len()),
        is_promoted: false,
    };
    let passes_now = current.is_in_band(sentence);
    let now_sides = current.sides(sentence);
    let is_dropped = sentence.drops_lost() && is_gone;
    let then_sides = if is_dropped { now_sides.clone() } else { baseline.sides(sentence) };
    let judged_share =
        (sentence.options.active_share_of == ActiveShareOf::Tenant).then(|| total(&now));
    let sides = rows.iter().zip(now_sides.into_iter().zip(then_sides));
    let found = sides.map(|(row, (current, then))| {
        // It counts on both sides if its tenant passes the band at R (contract §3).
        let (then, count, baseline_month) = match row.start {
            Start::Within(Began { month, count, has_other, .. }) if sentence.since_association => {
                let is_gone = row.current.is_zero();
                let is_counted = if is_gone { passes_now } else { current.is_counted };
                let side = if count.is_zero() {
                    Side::absent(has_other)
                } else if is_counted {
                    COUNTED
                } else {
                    Side::not(if is_gone { "outside_band" } else { current.reason })
                };
                (side, count, Some(month))
            }
            _ => (then, row.baseline, None),
        };
        let add = |side: Side<'_>, count: SeatCount| match sentence.result {
            _ if !side.is_counted => Money::ZERO,
            CustomerResult::NetCount | CustomerResult::Count => Money::from_dollars(1),
            CustomerResult::GrowthUnits | CustomerResult::GrowthPercent => {
                Money::from_dollars(measured(sentence.measure, count))
            }
        };
        Evidence {
            partner: row.partner,
            tenant: &row.tenant,
            workload: &row.workload,
            measured: Measured::Seats { current: row.current, baseline: count },
            current,
            baseline: then,
            is_promoted,
            judged_share,
            baseline_month,
            is_start_unknown: sentence.since_association
                && current.is_counted
                && row.start == Start::Unknown,
            adds: (add(current, row.current), add(then, count)),
        }
    });
    // What was replaced by nothing leaves nothing to tell.
    evidence.extend(found.filter(|row| match row.measured {
        Measured::Seats { current, baseline } => !current.is_zero() || !baseline.is_zero(),
        _ => true,
    }));
}

/// Whether a workload was above the share when its association began, within the last months.
fn is_left_out(sentence: &Customers, row: &WorkloadSeats) -> bool {
    match (sentence.associated_above, row.start) {
        (Some(share), Start::Within(began)) => !began.is_after && share.is_exceeded(began.count),
        _ => false,
    }
}

/// Seats and users of all workloads of a tenant.
fn total(counts: &[SeatCount]) -> SeatCount {
    counts.iter().fold(SeatCount::default(), |all, count| SeatCount {
        paid: all.paid + count.paid,
        active: all.active + count.active,
    })
}

fn measured(measure: Measure, count: SeatCount) -> i64 {
    match measure {
        Measure::ActiveUsers { capped: true } => count.active.min(count.paid),
        Measure::ActiveUsers { capped: false } => count.active,
        _ => count.paid,
    }
}

/// Whether a tenant had a workload in the band a year ago and has one above it now.
fn is_promoted(sentence: &Customers, now: &[SeatCount], before: &[SeatCount]) -> bool {
    let Some(band @ SeatBand { max: Some(max), .. }) = sentence.seats else { return false };
    before.iter().any(|count| band.holds(count.paid)) && now.iter().any(|count| count.paid > max)
}

/// One side of the workloads of one tenant, in the order of their names.
struct Tenant<'s> {
    counts: &'s [SeatCount],
    /// What there is that can be in the band.
    banded: &'s [SeatCount],
    /// The counts that the band is judged by.
    judged: &'s [SeatCount],
    has_other: PerWorkload<bool>,
    /// Workloads that do not count whatever they have.
    is_left_out: PerWorkload<bool>,
    is_promoted: bool,
}

impl Tenant<'_> {
    fn is_present(&self, at: usize) -> bool {
        !self.counts[at].is_zero()
    }

    fn is_in_own_band(&self, sentence: &Customers, at: usize) -> bool {
        sentence.seats.is_none_or(|band| band.holds(self.judged[at].paid))
    }

    /// Whether a workload of the tenant is in the band.
    fn has_own_band(&self, sentence: &Customers) -> bool {
        let mut rows = 0..self.counts.len();
        rows.any(|at| !self.banded[at].is_zero() && self.is_in_own_band(sentence, at))
    }

    /// Whether the tenant passes the band test, by a workload in the band or by promotion.
    fn is_in_band(&self, sentence: &Customers) -> bool {
        self.is_promoted || self.has_own_band(sentence)
    }

    fn sides<'a>(&self, sentence: &'a Customers) -> PerWorkload<Side<'a>> {
        let is_present = |at: usize| self.is_present(at);
        let in_own_band = |at: usize| self.is_in_own_band(sentence, at);
        // All workloads of a promoted tenant pass the band test.
        let in_band = |at: usize| self.is_promoted || in_own_band(at);
        let all = total(self.counts);
        let is_active = |at: usize| {
            let judged = match sentence.options.active_share_of {
                ActiveShareOf::AnyWorkload => self.counts[at],
                ActiveShareOf::Tenant => all,
            };
            sentence.active_share.is_none_or(|share| share.holds(judged))
        };
        let qualifies =
            |at: usize| is_present(at) && in_band(at) && is_active(at) && !self.is_left_out[at];
        let rows = 0..self.counts.len();
        let has_own_band = self.has_own_band(sentence);
        // The first of the largest wins a tie: rows stand in the order of their names.
        let best = rows.clone().filter(|at| qualifies(*at)).max_by_key(|at| {
            (self.counts[*at].paid, self.counts[*at].active, std::cmp::Reverse(*at))
        });
        let most_users = rows
            .clone()
            .filter(|at| sentence.options.users_of == UsersOf::Tenant || in_band(*at))
            .max_by_key(|at| {
                (measured(sentence.measure, self.counts[*at]), std::cmp::Reverse(*at))
            });
        let counted = |is_by_promotion: bool| if is_by_promotion { PROMOTED } else { COUNTED };
        rows.map(|at| {
            if !is_present(at) {
                return Side::absent(self.has_other[at]);
            }
            match (sentence.unit, sentence.result) {
                (Unit::TenantWorkload, CustomerResult::GrowthUnits)
                    if has_own_band || self.is_promoted =>
                {
                    match (sentence.options.users_of, sentence.options.protected_users) {
                        (UsersOf::Band, _) if !in_band(at) => Side::not("outside_band"),
                        (_, ProtectedUsers::Largest) if most_users != Some(at) => {
                            Side::not("counted_elsewhere")
                        }
                        _ => counted(!has_own_band),
                    }
                }
                (Unit::TenantWorkload, CustomerResult::NetCount) if qualifies(at) => {
                    counted(!in_own_band(at))
                }
                (Unit::Tenant, _) if best == Some(at) => counted(!in_own_band(at)),
                (Unit::Tenant, _) if best.is_some() => Side::not("counted_elsewhere"),
                _ if self.is_left_out[at] => Side::not("associated_above_share"),
                _ if !in_band(at) => Side::not("outside_band"),
                _ => Side::not("below_active_share"),
            }
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Limit, Ratio};

    fn count(paid: i64, active: i64) -> SeatCount {
        SeatCount { paid, active }
    }

    fn sentence(unit: Unit, result: CustomerResult) -> Customers {
        Customers {
            measure: Measure::Seats,
            names: Vec::new(),
            rates: Vec::new(),
            window: crate::rules::Window::Month,
            unit,
            associations: crate::ids::AttributionSet::EMPTY,
            excluded: Vec::new(),
            limit: Limit::default(),
            minimum_ttm: None,
            minimum_baseline: None,
            associated_above: None,
            since_association: false,
            promoted: false,
            options: crate::rules::Options::default(),
            seats: Some(SeatBand { min: 25, max: None }),
            active_share: Some(Ratio { numerator: 15, denominator: 100 }),
            result,
            publish_implementations: false,
        }
    }

    fn reasons(counts: &[SeatCount]) -> Vec<&'static str> {
        let sentence = sentence(Unit::Tenant, CustomerResult::NetCount);
        let names =
            ["counted", "counted_elsewhere", "outside_band", "below_active_share", "no_usage"];
        let none: PerWorkload<bool> = SmallVec::from_elem(false, counts.len());
        let (has_other, is_left_out) = (none.clone(), none);
        let banded = counts;
        Tenant { counts, banded, judged: counts, has_other, is_left_out, is_promoted: false }
            .sides(&sentence)
            .iter()
            .map(|side| names.into_iter().find(|name| *name == side.reason).unwrap_or("?"))
            .collect()
    }

    #[test]
    fn one_row_of_a_counted_tenant_counts() {
        assert_eq!(
            reasons(&[count(30, 3), count(40, 6), count(40, 6), count(10, 10), count(0, 0)]),
            ["counted_elsewhere", "counted", "counted_elsewhere", "counted_elsewhere", "no_usage"]
        );
    }

    #[test]
    fn seats_and_activity_are_judged_in_the_same_workload() {
        // 25 seats and exactly 15 % pass; 24 seats and 14 % do not.
        assert_eq!(reasons(&[count(100, 15)]), ["counted"]);
        assert_eq!(reasons(&[count(100, 14)]), ["below_active_share"]);
        assert_eq!(
            reasons(&[count(24, 24), count(100, 1)]),
            ["outside_band", "below_active_share"]
        );
        assert_eq!(reasons(&[count(0, 7)]), ["outside_band"]);
    }
}
