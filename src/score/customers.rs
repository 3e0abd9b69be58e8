//! Sentences over customers: which rows count on each side, why, and what they add.

use super::measure::{Amounts, ServiceAcr};
use super::seats::SeatCount;
use crate::calendar::Month;
use crate::money::Money;
use crate::rules::{
    Band, CustomerResult, Customers, Limit, LostAssociation, Measure, Ratio, Reading, SeatBand,
    Window,
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
    /// The month that the baseline is of, where it is not the window's.
    pub(super) baseline_month: Option<Month>,
    /// Whether the row counts now and does not say when its association began.
    pub(super) is_start_unknown: bool,
    /// What the row adds to the current and baseline value, in units of 10⁻¹⁰.
    pub(super) adds: (Money, Money),
}

/// The measured values of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measured {
    Amount { measure: Measure, current: Money, baseline: Money },
    Service { current: Money },
    Seats { current: SeatCount, baseline: SeatCount },
}

/// Whether and why a row counts on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side<'a> {
    pub(super) is_counted: bool,
    pub(super) reason: &'a str,
}

pub(super) const COUNTED: Side<'static> = Side { is_counted: true, reason: "counted" };
pub(super) const PROMOTED: Side<'static> = Side { is_counted: true, reason: "promoted" };

impl<'a> Side<'a> {
    pub(super) fn not(reason: &'a str) -> Self {
        Self { is_counted: false, reason }
    }

    /// A side without an eligible measure.
    pub(super) fn absent(has_other: bool) -> Self {
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
    pub(super) fn judges_by_now(&self, is_gone: bool) -> bool {
        self.options.band_side == Band::Current && !is_gone && !self.has_two_readings()
    }

    /// Whether the baseline of a customer without an eligible association now is dropped.
    pub(super) fn drops_lost(&self) -> bool {
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
    /// Whether active users are above the share of paid seats; nothing is above it without seats.
    pub(super) fn is_exceeded(&self, seats: SeatCount) -> bool {
        seats.paid > 0
            && i128::from(seats.active) * i128::from(self.denominator)
                > i128::from(seats.paid) * i128::from(self.numerator)
    }

    /// Whether active users reach the share of paid seats; there is no share without seats.
    pub(super) fn holds(&self, seats: SeatCount) -> bool {
        seats.paid > 0
            && i128::from(seats.active) * i128::from(self.denominator)
                >= i128::from(seats.paid) * i128::from(self.numerator)
    }
}

/// Evidence over amounts: tenants (and workloads) whose amount is within the limits count.
pub(super) fn amount_evidence<'a>(
    sentence: &'a Customers,
    amounts: &'a Amounts,
) -> Vec<Evidence<'a>> {
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
    (0..amounts.partner.len())
        .map(|at| {
            let (now, before) = (amounts.current[at], amounts.baseline[at]);
            let current = if is_promoted(now, before) {
                PROMOTED
            } else {
                side(now, now, amounts.other_current[at])
            };
            let judged = if sentence.judges_by_now(now == Money::ZERO) { now } else { before };
            let is_dropped = now == Money::ZERO && sentence.drops_lost();
            let baseline = if is_dropped {
                Side::absent(amounts.other_current[at])
            } else {
                side(before, judged, amounts.other_baseline[at])
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
                    let gains = current.is_counted && !amounts.has_baseline[at];
                    let loses = baseline.is_counted && !current.is_counted;
                    (count(gains), count(loses))
                }
            };
            Evidence {
                partner: amounts.partner[at],
                tenant: &amounts.tenant[at],
                workload: &amounts.workload[at],
                measured: Measured::Amount {
                    measure: sentence.measure,
                    current: now,
                    baseline: before,
                },
                current,
                baseline,
                is_promoted: false,
                judged_share: None,
                baseline_month: None,
                is_start_unknown: false,
                adds,
            }
        })
        .collect()
}

/// The net of the other reading of net adds, per partner: customers that qualify and had nothing a
/// year ago, minus those that qualified then and no longer do; or the difference of both sides.
pub(super) fn other_reading(
    sentence: &Customers,
    amounts: &Amounts,
    evidence: &[Evidence<'_>],
    partners: usize,
) -> Vec<i64> {
    let mut nets = vec![0; partners];
    for (row, has_baseline) in evidence.iter().zip(&amounts.has_baseline) {
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
    amounts: &'a ServiceAcr,
) -> Vec<Evidence<'a>> {
    (0..amounts.partner.len())
        .map(|at| {
            let amount = amounts.amount[at];
            let current = if sentence.excluded.contains(&amounts.service[at]) {
                Side::not("excluded_service")
            } else if sentence.limit.holds(amount) {
                COUNTED
            } else {
                Side::not(&sentence.limit.reason)
            };
            Evidence {
                partner: amounts.partner[at],
                tenant: "",
                workload: &amounts.service[at],
                measured: Measured::Service { current: amount },
                current,
                baseline: Side::not(""),
                is_promoted: false,
                judged_share: None,
                baseline_month: None,
                is_start_unknown: false,
                adds: (count(current.is_counted), Money::ZERO),
            }
        })
        .collect()
}
