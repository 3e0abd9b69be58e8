//! Sentences over customers: which rows count on each side, why, and what they add.

use super::measure::{SeatCount, TenantAcr, WorkloadSeats};
use crate::money::Money;
use crate::rules::{CustomerResult, Customers, Limit, Measure, Ratio, SeatBand, Unit};

/// One row of evidence: a customer, or a customer's workload, with both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Evidence<'a> {
    pub(super) partner: usize,
    pub(super) tenant: &'a str,
    /// `''` where the part is not about workloads.
    pub(super) workload: &'a str,
    pub(super) measured: Measured,
    pub(super) current: Side<'a>,
    pub(super) baseline: Side<'a>,
    /// What the row adds to the current and baseline value, in units of 10⁻¹⁰.
    pub(super) adds: (Money, Money),
}

/// The measured values of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measured {
    Acr { current: Money, baseline: Money },
    Seats { current: SeatCount, baseline: SeatCount },
}

/// Whether and why a row counts on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side<'a> {
    pub(super) is_counted: bool,
    pub(super) reason: &'a str,
}

const COUNTED: Side<'static> = Side { is_counted: true, reason: "counted" };

impl<'a> Side<'a> {
    fn not(reason: &'a str) -> Self {
        Self { is_counted: false, reason }
    }

    /// A side without an eligible measure.
    fn absent(has_other: bool) -> Self {
        Self::not(if has_other { "not_associated" } else { "no_usage" })
    }
}

impl Limit {
    fn holds(&self, amount: Money) -> bool {
        self.at_least.is_none_or(|limit| amount >= limit)
            && self.above.is_none_or(|limit| amount > limit)
            && self.at_most.is_none_or(|limit| amount <= limit)
    }
}

impl SeatBand {
    /// Whether paid seats lie in the band.
    pub(super) fn holds(&self, paid: i64) -> bool {
        paid >= self.min && self.max.is_none_or(|max| paid <= max)
    }
}

impl Ratio {
    /// Whether active users reach the share of paid seats; there is no share without seats.
    pub(super) fn holds(&self, seats: SeatCount) -> bool {
        seats.paid > 0
            && i128::from(seats.active) * i128::from(self.denominator)
                >= i128::from(seats.paid) * i128::from(self.numerator)
    }
}

/// Evidence over consumption: tenants whose amount is within the limits count.
pub(super) fn acr_evidence<'a>(sentence: &'a Customers, acr: &'a TenantAcr) -> Vec<Evidence<'a>> {
    let side = |amount: Money, has_other: bool| {
        if amount == Money::ZERO {
            Side::absent(has_other)
        } else if sentence.limit.holds(amount) {
            COUNTED
        } else {
            Side::not(&sentence.limit.reason)
        }
    };
    (0..acr.partner.len())
        .map(|at| {
            let current = side(acr.current[at], acr.other_current[at]);
            let baseline = side(acr.baseline[at], acr.other_baseline[at]);
            let add = |side: Side<'_>, amount| match sentence.result {
                _ if !side.is_counted => Money::ZERO,
                CustomerResult::NetCount => Money::from_dollars(1),
                CustomerResult::GrowthUnits => amount,
            };
            Evidence {
                partner: acr.partner[at],
                tenant: &acr.tenant[at],
                workload: "",
                measured: Measured::Acr { current: acr.current[at], baseline: acr.baseline[at] },
                current,
                baseline,
                adds: (add(current, acr.current[at]), add(baseline, acr.baseline[at])),
            }
        })
        .collect()
}

/// Evidence over seats. Where tenants are counted, exactly one row of a counted tenant and side
/// counts: of the qualifying ones the most paid seats, then active users, then the name
/// (contract §6.8).
pub(super) fn seat_evidence<'a>(
    sentence: &'a Customers,
    seats: &'a WorkloadSeats,
) -> Vec<Evidence<'a>> {
    let mut evidence = Vec::with_capacity(seats.partner.len());
    let mut start = 0;
    while start < seats.partner.len() {
        let is_same = |at: usize| {
            seats.partner[at] == seats.partner[start] && seats.tenant[at] == seats.tenant[start]
        };
        let end =
            (start..seats.partner.len()).find(|at| !is_same(*at)).unwrap_or(seats.partner.len());
        let rows = start..end;
        let current = tenant_sides(
            sentence,
            &seats.current[rows.clone()],
            &seats.other_current[rows.clone()],
        );
        let baseline = tenant_sides(
            sentence,
            &seats.baseline[rows.clone()],
            &seats.other_baseline[rows.clone()],
        );
        for (at, (current, baseline)) in rows.zip(current.into_iter().zip(baseline)) {
            let add = |side: Side<'_>, count: SeatCount| match sentence.result {
                _ if !side.is_counted => Money::ZERO,
                CustomerResult::NetCount => Money::from_dollars(1),
                CustomerResult::GrowthUnits => {
                    Money::from_dollars(measured(sentence.measure, count))
                }
            };
            evidence.push(Evidence {
                partner: seats.partner[at],
                tenant: &seats.tenant[at],
                workload: &seats.workload[at],
                measured: Measured::Seats {
                    current: seats.current[at],
                    baseline: seats.baseline[at],
                },
                current,
                baseline,
                adds: (add(current, seats.current[at]), add(baseline, seats.baseline[at])),
            });
        }
        start = end;
    }
    evidence
}

fn measured(measure: Measure, count: SeatCount) -> i64 {
    match measure {
        Measure::ActiveUsers { capped: true } => count.active.min(count.paid),
        Measure::ActiveUsers { capped: false } => count.active,
        Measure::Seats | Measure::Acr => count.paid,
    }
}

/// One side of the workloads of one tenant.
fn tenant_sides<'a>(
    sentence: &'a Customers,
    counts: &[SeatCount],
    has_other: &[bool],
) -> Vec<Side<'a>> {
    let is_present = |count: SeatCount| count != SeatCount::default();
    let in_band = |count: SeatCount| sentence.seats.is_none_or(|band| band.holds(count.paid));
    let is_active = |count: SeatCount| sentence.active_share.is_none_or(|share| share.holds(count));
    let qualifies = |count: SeatCount| is_present(count) && in_band(count) && is_active(count);
    let tenant_in_band = counts.iter().any(|count| is_present(*count) && in_band(*count));
    // Rows are in the order of their names: the first of the largest wins a tie.
    let best = counts
        .iter()
        .enumerate()
        .filter(|(_, count)| qualifies(**count))
        .max_by_key(|(at, count)| (count.paid, count.active, std::cmp::Reverse(*at)))
        .map(|(at, _)| at);
    counts
        .iter()
        .zip(has_other)
        .enumerate()
        .map(|(at, (count, has_other))| {
            if !is_present(*count) {
                return Side::absent(*has_other);
            }
            match (sentence.unit, sentence.result) {
                // The band is a test of the tenant: all its workloads count.
                (Unit::TenantWorkload, CustomerResult::GrowthUnits) if tenant_in_band => COUNTED,
                (Unit::TenantWorkload, CustomerResult::NetCount) if qualifies(*count) => COUNTED,
                (Unit::Tenant, _) if best == Some(at) => COUNTED,
                (Unit::Tenant, _) if best.is_some() => Side::not("counted_elsewhere"),
                _ if !in_band(*count) => Side::not("outside_band"),
                _ => Side::not("below_active_share"),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(paid: i64, active: i64) -> SeatCount {
        SeatCount { paid, active }
    }

    fn sentence(unit: Unit, result: CustomerResult) -> Customers {
        Customers {
            measure: Measure::Seats,
            names: Vec::new(),
            window: crate::rules::Window::Month,
            unit,
            associations: crate::ids::AttributionSet::EMPTY,
            limit: Limit::default(),
            seats: Some(SeatBand { min: 25, max: None }),
            active_share: Some(Ratio { numerator: 15, denominator: 100 }),
            result,
            publish_implementations: false,
        }
    }

    fn reasons(counts: &[SeatCount]) -> Vec<&'static str> {
        let sentence = sentence(Unit::Tenant, CustomerResult::NetCount);
        let others = vec![false; counts.len()];
        let names =
            ["counted", "counted_elsewhere", "outside_band", "below_active_share", "no_usage"];
        tenant_sides(&sentence, counts, &others)
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
