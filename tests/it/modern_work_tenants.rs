//! Modern Work: which tenants, workloads and associations count, by which rules, and which part of
//! a metric is used.

use crate::base::Base;
use crate::modern_work::{MAIL, new, tenants};
use crate::scorecard::Expect::{Evidence, Metric, NoEvidence, Part, Points};
use crate::scorecard::{ADV, DEP, ENT, INT, NCA, NOW, POINT, SMB, UG, vectors};

/// From 300 seats, 119 of them active, to 301 with 121 active (39.7 and 40.2 %).
fn promoted(base: &mut Base, partner: &str) {
    base.seats(partner, 12, 10, "Teams", 300, 119);
    base.seats(partner, 0, 10, "Teams", 301, 121);
}

/// Paid seats and active users of a workload in R alone.
fn now(base: &mut Base, partner: &str, workload: &str, paid: i64, active: i64) {
    base.seats(partner, 0, 10, workload, paid, active);
}

vectors! {
    "Teams Premium is used (200 × 252) and deployed, and adds no customer", NOW, ENT,
        |b, p| now(b, p, "Teams Premium", 400, 200)
        => [
            Points(NCA, 0), NoEvidence(NCA, "m365", 10),
            Points(UG, 50_400), Evidence(UG, "cpor", 10, "Teams Premium", &[("reason_current", "counted")]),
            Points(DEP, 5 * POINT),
        ];
    "Copilot counts", NOW, ENT, |b, p| now(b, p, "M365 Copilot", 400, 160)
        => [Points(NCA, 4 * POINT), Points(DEP, 5 * POINT)];
    "Copilot did not count in 2023", "2023-06", ENT, |b, p| now(b, p, "M365 Copilot", 400, 160)
        => [Points(NCA, 0), Points(UG, 0), Points(DEP, 0), NoEvidence(DEP, "cpor", 10)];
    "older names of workloads", "2023-06", ENT, |b, p| {
        now(b, p, "Yammer", 301, 121);
        b.seats(p, 0, 11, "ProPlus", 301, 121);
    } => [
        Points(NCA, 8 * POINT),
        Evidence(NCA, "m365", 10, "Viva Engage", &[("reason_current", "counted")]),
        Evidence(NCA, "m365", 11, "Microsoft 365 Apps", &[("reason_current", "counted")]),
    ];
    "CPOR and DPOR at one tenant are one customer, with the seats of the larger row", NOW, ENT, |b, p| {
        b.seats(p, 0, 10, "Teams", 400, 10);
        b.office(p, 0, 10, "Teams", "DPOR", 450, 5);
        b.office(p, 0, 10, MAIL, "DPOR", 350, 0);
    } => [
        Points(NCA, 4 * POINT),
        Evidence(NCA, "m365", 10, "Teams", &[
            ("reason_current", "counted"), ("current_paid_seats", "450"),
            ("current_active_users", "5"), ("contribution", "1.0000"),
        ]),
        Evidence(NCA, "m365", 10, MAIL, &[
            ("is_counted_current", "false"), ("reason_current", "counted_elsewhere"), ("contribution", "0.0000"),
        ]),
        // Each association by itself: 10 × 252 and 5 × 63.
        Part(UG, "cpor", "points_x8400", "2520"),
        Part(UG, "dpor", "points_x8400", "315"),
        Points(UG, 2520),
    ];
    "CPOR and CSP at one tenant are one customer", NOW, SMB, |b, p| {
        b.seats(p, 0, 10, "Teams", 50, 10);
        b.office(p, 0, 10, "Teams", "CSP Tier 1", 60, 5);
        b.office(p, 0, 10, MAIL, "CSP Tier 2", 20, 0);
    } => [Points(NCA, 2 * POINT), Evidence(NCA, "m365", 10, "Teams", &[("current_paid_seats", "60")])];
    "CSP and subtypes of CPOR do not count for enterprise", NOW, ENT, |b, p| {
        b.office(p, 0, 10, "Teams", "CSP Tier 1", 400, 400);
        b.office(p, 0, 11, "Teams", "CPOR OSU", 400, 400);
        b.office(p, 0, 12, "Teams", "TPOR", 400, 400);
    } => [
        Points("total", 0),
        NoEvidence(NCA, "m365", 10), NoEvidence(UG, "cpor", 11), NoEvidence(DEP, "dpor", 12),
    ];
    "DPOR does not count for small business", NOW, SMB, |b, p| b.office(p, 0, 10, "Teams", "DPOR", 100, 100)
        => [Points("total", 0), NoEvidence(NCA, "m365", 10)];
    "a claim that became a CSP subscription is lost for enterprise", NOW, ENT, |b, p| {
        b.seats(p, 12, 10, "Teams", 400, 100);
        b.office(p, 0, 10, "Teams", "CSP Tier 1", 400, 100);
    } => [
        Part(NCA, "m365", "change_value", "-1.0000"),
        Metric(NCA, "units_to_next_point", "2.0000"),
        Evidence(NCA, "m365", 10, "Teams", &[
            ("reason_current", "not_associated"), ("reason_baseline", "counted"), ("contribution", "-1.0000"),
        ]),
        Part(UG, "cpor", "change_value", "-100.0000"),
        // 100 users to make up for and one to gain.
        Metric(UG, "units_to_next_point", "101.0000"),
    ];
    "from 300 seats to 301 is a gain for enterprise: 121 × 252 users", NOW, ENT, promoted => [
        Points(NCA, 4 * POINT),
        Evidence(NCA, "m365", 10, "Teams", &[
            ("reason_current", "counted"), ("reason_baseline", "outside_band"), ("contribution", "1.0000"),
        ]),
        Points(DEP, 5 * POINT),
        Points(UG, 30_492),
        Evidence(UG, "cpor", 10, "Teams", &[
            ("reason_current", "counted"), ("reason_baseline", "outside_band"), ("contribution", "121.0000"),
        ]),
    ];
    "from 300 seats to 301 is promoted in small business: (121 - 119) × 504 users", NOW, SMB, promoted => [
        Points(NCA, 0),
        Part(NCA, "m365", "current_value", "1.0000"),
        Part(NCA, "m365", "baseline_value", "1.0000"),
        Evidence(NCA, "m365", 10, "Teams", &[
            ("is_counted_current", "true"), ("reason_current", "promoted"),
            ("is_counted_baseline", "true"), ("reason_baseline", "counted"), ("contribution", "0.0000"),
        ]),
        Points(DEP, 5 * POINT),
        Evidence(DEP, "cpor", 10, "Teams", &[("reason_current", "promoted"), ("reason_baseline", "below_active_share")]),
        Points(UG, 1008),
        Evidence(UG, "cpor", 10, "Teams", &[
            ("reason_current", "promoted"), ("reason_baseline", "counted"), ("contribution", "2.0000"),
        ]),
    ];
    "nobody was promoted in 2023", "2023-06", SMB, promoted => [
        Points(NCA, 0),
        Part(NCA, "m365", "change_value", "-1.0000"),
        Evidence(NCA, "m365", 10, "Teams", &[
            ("is_counted_current", "false"), ("reason_current", "outside_band"), ("reason_baseline", "counted"),
        ]),
        Points(DEP, 0),
        Part(UG, "cpor", "change_value", "-119.0000"),
    ];
    "all workloads of a promoted tenant pass the band: 2 of 5 seats are active", NOW, SMB, |b, p| {
        b.seats(p, 12, 10, "Teams", 300, 0);
        b.seats(p, 0, 10, "Teams", 301, 0);
        b.seats(p, 0, 10, MAIL, 5, 2);
    } => [
        Points(DEP, 5 * POINT),
        Evidence(DEP, "cpor", 10, MAIL, &[("reason_current", "promoted"), ("contribution", "1.0000")]),
        Evidence(DEP, "cpor", 10, "Teams", &[("reason_current", "counted_elsewhere"), ("contribution", "0.0000")]),
    ];
    "band and activity are judged in the same workload", NOW, ENT, |b, p| {
        b.seats(p, 0, 10, "Teams", 301, 120);
        b.seats(p, 0, 10, MAIL, 300, 300);
    } => [
        Points(DEP, 0),
        Evidence(DEP, "cpor", 10, "Teams", &[("reason_current", "below_active_share")]),
        Evidence(DEP, "cpor", 10, MAIL, &[("reason_current", "outside_band")]),
    ];
    "users of all workloads of a tenant in the band count: 50 × 252", NOW, ENT, |b, p| {
        b.seats(p, 0, 10, "Teams", 400, 30);
        b.seats(p, 0, 10, MAIL, 50, 20);
    } => [Points(UG, 12_600), Evidence(UG, "cpor", 10, MAIL, &[("reason_current", "counted"), ("contribution", "20.0000")])];
    "users above the paid seats count: 500 × 252", NOW, ENT, |b, p| now(b, p, "Teams", 350, 500)
        => [Points(UG, 15 * POINT)];
    "a tie of the associations: 100 × 252 and 400 × 63", NOW, ENT, |b, p| {
        tenants(b, p, 10, "DPOR", &[((2000, 500), (2000, 100))]);
        tenants(b, p, 20, "CPOR", &[((400, 200), (400, 100))]);
    } => [
        Points(UG, 25_200),
        Part(UG, "cpor", "is_used", "true"),
        Part(UG, "dpor", "points_x8400", "25200"), Part(UG, "dpor", "is_used", "false"),
        Metric(UG, "current_value", "200.0000"), Metric(UG, "baseline_value", "100.0000"),
        Metric(UG, "change_value", "100.0000"), Metric(UG, "flags", ""),
    ];
    "growth by DPOR (1,000 × 63) and deployments by CPOR (2 × 5)", NOW, ENT, |b, p| {
        tenants(b, p, 10, "DPOR", &[((10_000, 1000), (10_000, 0))]);
        tenants(b, p, 20, "CPOR", &[((301, 121), (301, 120)); 2]);
    } => [
        Points(UG, 63_000), Part(UG, "dpor", "is_used", "true"), Part(UG, "cpor", "is_used", "false"),
        Points(DEP, 10 * POINT), Part(DEP, "cpor", "is_used", "true"), Part(DEP, "dpor", "is_used", "false"),
    ];
    "six deployments by CPOR are capped, the part is not", NOW, ENT, |b, p| tenants(b, p, 10, "CPOR", &new((301, 301), 6))
        => [Points(DEP, 25 * POINT), Part(DEP, "cpor", "points_x8400", "252000")];
    "a person counts once a metric, in both metrics", NOW, SMB, |b, p| {
        for title in ["Teams Administrator", "Endpoint Administrator", "Enterprise Administrator Expert"] {
            b.training(p, "all", "Certification", title, "2025-01-01", "NA");
        }
    } => [Points(INT, 5 * POINT), Points(ADV, 15 * POINT)];
    "the assessment counts for a year after its retirement", NOW, ENT, |b, p| {
        let title = "Teams Meetings and Meeting Rooms Technical Assessment";
        b.training(p, "in time", "Assessment", title, "2026-06-15", "NA");
        b.training(p, "late", "Assessment", title, "2026-06-16", "NA");
    } => [Points(ADV, 63_000)];
    "MS-721 was advanced too in 2026-05", "2026-05", ENT,
        |b, p| b.people(p, "Collaboration Communications Systems Engineer", 1)
        => [Points(INT, 21_000), Points(ADV, 63_000)];
    "MS-721 is intermediate only", NOW, ENT,
        |b, p| b.people(p, "Collaboration Communications Systems Engineer", 1)
        => [Points(INT, 21_000), Points(ADV, 0)];
}
