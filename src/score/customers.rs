//! Sentences over customers: which rows count on each side, why, and what they add.

use super::measure::{SeatCount, ServiceAcr, TenantAcr, WorkloadSeats};
use crate::money::Money;
use crate::rules::{
    ActiveShareOf, Band, CustomerResult, Customers, Limit, LostAssociation, Measure,
    ProtectedUsers, Ratio, Reading, SeatBand, Unit, UsersOf, Window,
};

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
    /// Whether its tenant was in the band a year ago and is above it now.
    pub(super) is_promoted: bool,
    /// The seats and users whose share is judged, where it is not the row's own.
    pub(super) judged_share: Option<SeatCount>,
    /// What the row adds to the current and baseline value, in units of 10⁻¹⁰.
    pub(super) adds: (Money, Money),
}

/// The measured values of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measured {
    Acr { current: Money, baseline: Money },
    Service { current: Money },
    Seats { current: SeatCount, baseline: SeatCount },
}

/// Whether and why a row counts on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side<'a> {
    pub(super) is_counted: bool,
    pub(super) reason: &'a str,
}

const COUNTED: Side<'static> = Side { is_counted: true, reason: "counted" };
const PROMOTED: Side<'static> = Side { is_counted: true, reason: "promoted" };

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

impl Customers {
    /// Whether net adds can be told by a baseline of nothing too (rules §4.2).
    pub(super) fn has_two_readings(&self) -> bool {
        self.result == CustomerResult::NetCount && self.window == Window::EitherOfTwoMonths
    }

    /// Whether the baseline is judged by today's data: a customer that is gone has none, and is lost
    /// by what it was.
    fn judges_by_now(&self, is_gone: bool) -> bool {
        self.options.band_side == Band::Current && !is_gone && !self.has_two_readings()
    }

    /// Whether the baseline of a customer without an eligible association now is dropped.
    fn drops_lost(&self) -> bool {
        self.options.lost_association == LostAssociation::DropBoth
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
    let side = |amount: Money, judged: Money, has_other: bool| {
        if amount == Money::ZERO {
            Side::absent(has_other)
        } else if sentence.limit.holds(judged) {
            COUNTED
        } else {
            Side::not(&sentence.limit.reason)
        }
    };
    // Within the limits a year ago and above them now.
    let is_promoted = |current: Money, baseline: Money| {
        sentence.promoted
            && sentence.limit.holds(baseline)
            && baseline != Money::ZERO
            && sentence.limit.at_most.is_some_and(|most| current > most)
    };
    (0..acr.partner.len())
        .map(|at| {
            let (now, before) = (acr.current[at], acr.baseline[at]);
            let current = if is_promoted(now, before) {
                PROMOTED
            } else {
                side(now, now, acr.other_current[at])
            };
            let judged = if sentence.judges_by_now(now == Money::ZERO) { now } else { before };
            let is_dropped = now == Money::ZERO && sentence.drops_lost();
            let baseline = if is_dropped {
                Side::absent(acr.other_current[at])
            } else {
                side(before, judged, acr.other_baseline[at])
            };
            let add = |side: Side<'_>, amount| match sentence.result {
                _ if !side.is_counted => Money::ZERO,
                CustomerResult::NetCount | CustomerResult::Count => Money::from_dollars(1),
                CustomerResult::GrowthUnits | CustomerResult::GrowthPercent => amount,
            };
            let adds = match sentence.options.net_adds {
                // Only net adds of monthly amounts have two readings.
                _ if !sentence.has_two_readings() => (add(current, now), add(baseline, before)),
                Reading::BothSides => (add(current, now), add(baseline, before)),
                // A customer with any consumption a year ago is no gain; one that still qualifies
                // is no loss.
                Reading::ZeroBaseline => {
                    let gains = current.is_counted && !acr.has_baseline[at];
                    let loses = baseline.is_counted && !current.is_counted;
                    (count(gains), count(loses))
                }
            };
            Evidence {
                partner: acr.partner[at],
                tenant: &acr.tenant[at],
                workload: "",
                measured: Measured::Acr { current: now, baseline: before },
                current,
                baseline,
                is_promoted: false,
                judged_share: None,
                adds,
            }
        })
        .collect()
}

/// The net of the other reading of net adds, per partner: customers that qualify and had nothing a
/// year ago, minus those that qualified then and no longer do; or the difference of both sides.
pub(super) fn other_reading(
    sentence: &Customers,
    acr: &TenantAcr,
    evidence: &[Evidence<'_>],
    partners: usize,
) -> Vec<i64> {
    let mut nets = vec![0; partners];
    for (row, has_baseline) in evidence.iter().zip(&acr.has_baseline) {
        let (now, before) = (row.current.is_counted, row.baseline.is_counted);
        nets[row.partner] += match sentence.options.net_adds {
            Reading::BothSides => i64::from(now && !has_baseline) - i64::from(before && !now),
            Reading::ZeroBaseline => i64::from(now) - i64::from(before),
        };
    }
    nets
}

fn count(is_counted: bool) -> Money {
    if is_counted { Money::from_dollars(1) } else { Money::ZERO }
}

/// Evidence over services: those with consumption above zero count, unless they are excluded.
pub(super) fn service_evidence<'a>(
    sentence: &'a Customers,
    acr: &'a ServiceAcr,
) -> Vec<Evidence<'a>> {
    (0..acr.partner.len())
        .map(|at| {
            let amount = acr.amount[at];
            let current = if sentence.excluded.contains(&acr.service[at]) {
                Side::not("excluded_service")
            } else if sentence.limit.holds(amount) {
                COUNTED
            } else {
                Side::not(&sentence.limit.reason)
            };
            Evidence {
                partner: acr.partner[at],
                tenant: "",
                workload: &acr.service[at],
                measured: Measured::Service { current: amount },
                current,
                baseline: Side::not(""),
                is_promoted: false,
                judged_share: None,
                adds: (count(current.is_counted), Money::ZERO),
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
        let (now, before) = (&seats.current[rows.clone()], &seats.baseline[rows.clone()]);
        let tenant_is_promoted = sentence.promoted && is_promoted(sentence, now, before);
        let judged_share =
            (sentence.options.active_share_of == ActiveShareOf::Tenant).then(|| total(now));
        let current = Tenant {
            counts: now,
            judged: now,
            has_other: &seats.other_current[rows.clone()],
            is_promoted: tenant_is_promoted,
        };
        let is_gone = now.iter().all(|count| *count == SeatCount::default());
        let baseline = Tenant {
            counts: before,
            judged: if sentence.judges_by_now(is_gone) { now } else { before },
            has_other: &seats.other_baseline[rows.clone()],
            is_promoted: false,
        };
        let is_dropped = sentence.drops_lost() && is_gone;
        let current = current.sides(sentence);
        let baseline = if is_dropped { current.clone() } else { baseline.sides(sentence) };
        for (at, (current, baseline)) in rows.zip(current.into_iter().zip(baseline)) {
            let add = |side: Side<'_>, count: SeatCount| match sentence.result {
                _ if !side.is_counted => Money::ZERO,
                CustomerResult::NetCount | CustomerResult::Count => Money::from_dollars(1),
                CustomerResult::GrowthUnits | CustomerResult::GrowthPercent => {
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
                is_promoted: tenant_is_promoted,
                judged_share,
                adds: (add(current, seats.current[at]), add(baseline, seats.baseline[at])),
            });
        }
        start = end;
    }
    evidence
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
        Measure::Seats | Measure::Acr => count.paid,
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
    /// The counts that the band is judged by.
    judged: &'s [SeatCount],
    has_other: &'s [bool],
    is_promoted: bool,
}

impl Tenant<'_> {
    fn sides<'a>(&self, sentence: &'a Customers) -> Vec<Side<'a>> {
        let is_present = |at: usize| self.counts[at] != SeatCount::default();
        let in_own_band =
            |at: usize| sentence.seats.is_none_or(|band| band.holds(self.judged[at].paid));
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
        let qualifies = |at: usize| is_present(at) && in_band(at) && is_active(at);
        let rows = 0..self.counts.len();
        let has_own_band = rows.clone().any(|at| is_present(at) && in_own_band(at));
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
            excluded: Vec::new(),
            limit: Limit::default(),
            minimum_ttm: None,
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
        let has_other = vec![false; counts.len()];
        let names =
            ["counted", "counted_elsewhere", "outside_band", "below_active_share", "no_usage"];
        Tenant { counts, judged: counts, has_other: &has_other, is_promoted: false }
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
