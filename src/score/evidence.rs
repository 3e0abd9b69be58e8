//! Rows of `fact_customer_evidence`, `fact_implementation` and `fact_skilling_evidence`.

use super::customers::{Evidence, Measured};
use super::measure::Sides;
use super::partners::Partners;
use super::people::SkillingEvidence;
use super::seats::SeatCount;
use crate::calendar::Month;
use crate::money::Money;
use crate::rounding::round_half_away;
use crate::rules::{Customers, Measure};
use crate::tables::Rows;

/// Adds one row of customer evidence.
pub(super) fn add_customer(
    rows: &mut Rows,
    reference: Month,
    partners: &Partners,
    key: &str,
    sides: Sides,
    row: &Evidence<'_>,
) {
    let seats = match row.measured {
        Measured::Seats { current, baseline } => Some((current, baseline)),
        _ => None,
    };
    let amounts = |wanted: Measure| match row.measured {
        Measured::Amount { measure, current, baseline } if measure == wanted => {
            (Some(current), Some(baseline))
        }
        Measured::Service { current } if wanted == Measure::Acr => (Some(current), None),
        _ => (None, None),
    };
    let (acr, revenue) = (amounts(Measure::Acr), amounts(Measure::Revenue));
    let value = amounts(Measure::ConsumptionValue);
    let baseline = match row.measured {
        Measured::Service { .. } => None,
        _ => Some(row.baseline_month.map_or(sides.baseline, |month| (month, month))),
    };
    rows.month(reference)
        .text(partners.ids()[row.partner].as_str())
        .text(key)
        .text(row.tenant)
        .text(row.workload)
        .money(acr.0)
        .money(acr.1)
        .money(revenue.0)
        .money(revenue.1)
        .int(seats.map(|sides| sides.0.paid))
        .int(seats.map(|sides| sides.1.paid))
        .int(seats.map(|sides| sides.0.active))
        .int(seats.map(|sides| sides.1.active))
        .decimal(seats.and_then(|sides| ratio(sides.0)))
        .decimal(seats.and_then(|sides| ratio(sides.1)))
        .money(value.0)
        .money(value.1)
        .bool(row.current.is_counted)
        .bool(row.baseline.is_counted)
        .text(row.current.reason)
        .text(row.baseline.reason)
        .money(Money(row.adds.0.0 - row.adds.1.0))
        .month(sides.current.0)
        .month(sides.current.1)
        .month(baseline.map(|months| months.0))
        .month(baseline.map(|months| months.1))
        .end();
}

/// Adds the implementation of one row of seats, where it has seats or users now.
pub(super) fn add_implementation(
    rows: &mut Rows,
    reference: Month,
    partners: &Partners,
    (area, path): (&str, &str),
    sentence: &Customers,
    row: &Evidence<'_>,
) {
    let (Measured::Seats { current, .. }, Some(band), Some(share)) =
        (row.measured, sentence.seats, sentence.active_share)
    else {
        return;
    };
    if current == SeatCount::default() {
        return;
    }
    // All workloads of a promoted tenant pass the band test.
    let in_band = row.is_promoted || band.holds(current.paid);
    let is_active = share.holds(row.judged_share.unwrap_or(current));
    let seats_needed = i128::from(current.paid.max(band.min));
    let numerator = i128::from(share.numerator) * seats_needed;
    let denominator = i128::from(share.denominator);
    let users_needed = (numerator + denominator - 1).div_euclid(denominator);
    let users_short = (users_needed - i128::from(current.active)).max(0);
    rows.month(reference)
        .text(partners.ids()[row.partner].as_str())
        .text(area)
        .text(path)
        .text(row.tenant)
        .text(row.workload)
        .int(current.paid)
        .int(current.active)
        .decimal(ratio(current))
        .int(band.min)
        .int(band.max)
        .decimal(Some(round_half_away(
            i128::from(share.numerator) * 1_000_000,
            i128::from(share.denominator),
        )))
        .bool(in_band)
        .bool(is_active)
        .bool(in_band && is_active)
        .int(if in_band { 0 } else { (band.min - current.paid).max(0) })
        .int(i64::try_from(users_short).unwrap_or(i64::MAX))
        .end();
}

/// Adds one row of skilling evidence.
pub(super) fn add_skilling(
    rows: &mut Rows,
    reference: Month,
    partners: &Partners,
    (area, path, metric): (&str, &str, &str),
    row: &SkillingEvidence<'_>,
) {
    rows.month(reference)
        .text(partners.ids()[row.partner].as_str())
        .text(area)
        .text(path)
        .text(metric)
        .int(row.step)
        .text(row.person)
        .text(row.code)
        .day(row.earned_on)
        .day(row.expires_on)
        .day(row.counts_until)
        .bool(row.reason == "counted")
        .text(row.reason)
        .end();
}

/// Active users per paid seat in millionths; none without seats.
fn ratio(seats: SeatCount) -> Option<i128> {
    (seats.paid > 0)
        .then(|| round_half_away(i128::from(seats.active) * 1_000_000, i128::from(seats.paid)))
}
