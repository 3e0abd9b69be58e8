//! Modern Work: growth since the association, and deployments that were above the share before
//! (contract §3, rules §6.2, AMB-15). R is 2026-09, so R−12 is 2025-09.

use crate::base::Base;
use crate::modern_work::{MAIL, months};
use crate::scorecard::Expect::{Evidence, Metric, Part, Points};
use crate::scorecard::{DEP, ENT, NCA, NOW, POINT, SMB, UG, vectors};

/// From 400 seats to 200 after the association in 2026-06.
fn shrunk(base: &mut Base, partner: &str) {
    for (back, paid, active) in [(12, 400, 20), (3, 400, 80), (0, 200, 110)] {
        base.associated(partner, back, 10, MAIL, paid, active, "2026-06-10");
    }
}

/// From 200 seats to 400 after the association in 2026-06; no row a year ago.
fn grown(base: &mut Base, partner: &str) {
    for (back, paid, active) in [(3, 200, 80), (0, 400, 110)] {
        base.associated(partner, back, 10, MAIL, paid, active, "2026-06-10");
    }
}

vectors! {
    "no row in the month of the association: the first later one, 110 - 50", NOW, ENT,
        |b, p| months(b, p, 400, "2026-03-10", &[(12, 20), (4, 50), (3, 70), (0, 110)])
        => [Points(UG, 60 * 252), Part(UG, "cpor", "baseline_value", "50.0000")];
    "no row before R since the association: nothing grew", NOW, ENT,
        |b, p| months(b, p, 400, "2026-07-10", &[(12, 20), (0, 110)])
        => [Points(UG, 0), Part(UG, "cpor", "current_value", "110.0000"), Part(UG, "cpor", "baseline_value", "110.0000")];
    "a pair without a row in R loses what it had in R−12: 250 - 100 - 100", NOW, ENT, |b, p| {
        b.seats(p, 12, 11, MAIL, 400, 100);
        b.associated(p, 4, 11, MAIL, 400, 60, "2026-05-01");
        months(b, p, 400, "2020-01-01", &[(12, 100), (0, 250)]);
    } => [
        Points(UG, 50 * 252),
        Evidence(UG, "cpor", 11, MAIL, &[
            ("reason_current", "no_usage"), ("reason_baseline", "counted"),
            ("baseline_active_users", "100"), ("contribution", "-100.0000"),
        ]),
        Metric(UG, "flags", ""),
    ];
    "an older association is measured from R−12", NOW, ENT,
        |b, p| months(b, p, 400, "2024-02-10", &[(12, 20), (6, 80), (0, 110)])
        => [Points(UG, 90 * 252)];
    "so is one that began in R−12", NOW, ENT,
        |b, p| months(b, p, 400, "2025-09-30", &[(12, 20), (11, 80), (0, 110)])
        => [Points(UG, 90 * 252)];
    "one that began in R−11 is measured from then", NOW, ENT,
        |b, p| months(b, p, 400, "2025-10-01", &[(12, 20), (11, 45), (0, 110)])
        => [Points(UG, 65 * 252)];
    "one that began in R did not grow yet", NOW, ENT,
        |b, p| months(b, p, 400, "2026-09-30", &[(12, 20), (3, 80), (0, 110)])
        => [Points(UG, 0), Evidence(UG, "cpor", 10, MAIL, &[("baseline_active_users", "110"), ("contribution", "0.0000")])];
    "the date is that of the row of R: 2026-06", NOW, ENT, |b, p| {
        months(b, p, 400, "2020-01-01", &[(12, 20), (3, 80)]);
        months(b, p, 400, "2026-06-30", &[(0, 110)]);
    } => [Points(UG, 30 * 252)];
    "the date is that of the row of R: 2020", NOW, ENT, |b, p| {
        months(b, p, 400, "2026-06-30", &[(12, 20), (3, 80)]);
        months(b, p, 400, "2020-01-01", &[(0, 110)]);
    } => [Points(UG, 90 * 252)];
    "of several dates in R the earliest, 2026-03: 110 - 30", NOW, ENT, |b, p| {
        months(b, p, 400, "2026-03-10", &[(6, 30), (3, 80)]);
        months(b, p, 400, "2026-06-10", &[(0, 110)]);
        months(b, p, 400, "2026-03-10", &[(0, 110)]);
    } => [Points(UG, 80 * 252)];
    "without a date growth is measured from R−12", NOW, ENT,
        |b, p| months(b, p, 400, "", &[(12, 20), (3, 80), (0, 110)])
        => [Points(UG, 90 * 252), Metric(UG, "flags", "association_start_unknown")];
    "a replaced value leaves its tenant in the band of a year ago: 260 - 50 - 41", NOW, ENT, |b, p| {
        months(b, p, 400, "2025-10-01", &[(12, 161), (11, 50), (0, 200)]);
        b.seats(p, 12, 10, "Intune", 100, 41);
        b.seats(p, 0, 10, "Intune", 100, 60);
    } => [Points(UG, 169 * 252), Evidence(UG, "cpor", 10, "Intune", &[("reason_baseline", "counted")])];
    "each workload has an association of its own: 110 - 80 and 60 - 10", NOW, ENT, |b, p| {
        months(b, p, 400, "2026-06-10", &[(12, 20), (3, 80), (0, 110)]);
        for (back, active) in [(12, 10), (3, 40), (0, 60)] {
            b.associated(p, back, 10, "Teams", 400, active, "2020-01-01");
        }
    } => [Points(UG, 80 * 252), Part(UG, "cpor", "baseline_value", "90.0000")];
    "outside the band in R neither side counts", NOW, ENT, shrunk => [
        Points(UG, 0),
        Part(UG, "cpor", "current_value", "0.0000"),
        Part(UG, "cpor", "baseline_value", "0.0000"),
        Evidence(UG, "cpor", 10, MAIL, &[
            ("is_counted_current", "false"), ("reason_current", "outside_band"), ("is_counted_baseline", "false"),
        ]),
    ];
    "inside the band in R the start is not tested: 110 - 80 from 400 seats", NOW, SMB, shrunk
        => [Points(UG, 30 * 504), Part(UG, "cpor", "baseline_value", "80.0000")];
    "inside the band in R the start is not tested: 110 - 80 from 200 seats", NOW, ENT, grown
        => [Points(UG, 30 * 252), Part(UG, "cpor", "baseline_value", "80.0000"), Points(NCA, 4 * POINT)];
    "a deployment at exactly 40 % when the association began is not left out, above it is", NOW, SMB, |b, p| {
        months(b, p, 100, "2026-05-10", &[(4, 40), (0, 60)]);
        b.associated(p, 4, 11, MAIL, 100, 41, "2026-05-10");
        b.associated(p, 0, 11, MAIL, 100, 60, "2026-05-10");
    } => [
        Points(DEP, 5 * POINT),
        Evidence(DEP, "cpor", 10, MAIL, &[("reason_current", "counted"), ("contribution", "1.0000")]),
        Evidence(DEP, "cpor", 11, MAIL, &[("is_counted_current", "false"), ("reason_current", "associated_above_share")]),
    ];
    "one whose date is after R is none of the last months: not left out", NOW, SMB,
        |b, p| months(b, p, 100, "2026-10-05", &[(4, 45), (0, 60)])
        => [Points(DEP, 5 * POINT), Evidence(DEP, "cpor", 10, MAIL, &[("reason_current", "counted")])];
    "one that began in R−11 is left out, one that began in R−12 counts on both sides", NOW, SMB, |b, p| {
        months(b, p, 100, "2025-10-01", &[(11, 45), (0, 60)]);
        b.associated(p, 12, 11, MAIL, 100, 45, "2025-09-30");
        b.associated(p, 0, 11, MAIL, 100, 60, "2025-09-30");
    } => [
        Points(DEP, 0),
        Part(DEP, "cpor", "current_value", "1.0000"),
        Evidence(DEP, "cpor", 10, MAIL, &[("reason_current", "associated_above_share")]),
        Evidence(DEP, "cpor", 11, MAIL, &[("reason_current", "counted"), ("reason_baseline", "counted")]),
    ];
    "above the share in the first row since the association", NOW, SMB,
        |b, p| months(b, p, 100, "2026-03-10", &[(4, 50), (0, 60)])
        => [Points(DEP, 0), Evidence(DEP, "cpor", 10, MAIL, &[("reason_current", "associated_above_share")])];
    "only the current side leaves it out: 0 - 1", NOW, SMB,
        |b, p| months(b, p, 100, "2026-05-10", &[(12, 50), (4, 45), (0, 60)])
        => [
            Part(DEP, "cpor", "change_value", "-1.0000"),
            Evidence(DEP, "cpor", 10, MAIL, &[("reason_current", "associated_above_share"), ("reason_baseline", "counted")]),
        ];
    "another workload of the tenant can be the deployment", NOW, SMB, |b, p| {
        months(b, p, 100, "2026-05-10", &[(4, 45), (0, 60)]);
        b.seats(p, 0, 10, "Teams", 50, 25);
    } => [
        Points(DEP, 5 * POINT),
        Evidence(DEP, "cpor", 10, "Teams", &[("reason_current", "counted"), ("contribution", "1.0000")]),
        Evidence(DEP, "cpor", 10, MAIL, &[("is_counted_current", "false"), ("reason_current", "counted_elsewhere")]),
    ];
}
