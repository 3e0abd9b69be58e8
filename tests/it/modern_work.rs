//! The test vectors of the rules for Modern Work (§14.6, T-06 and T-07). "doc" marks numbers that
//! Microsoft printed. Points of an active user in 1/8400: 30/1000 = 252 and 30/4000 = 63 on the
//! enterprise path, 30/500 = 504 and 30/2000 = 126 on the other.

use std::fs;
use std::sync::LazyLock;

use crate::base::{Base, Place};
use crate::scorecard::Expect::{Area, Evidence, Metric, NoEvidence, Part, Points, Selected};
use crate::scorecard::{
    ADV, DEP, ENT, INT, NCA, NOW, POINT, SMB, Scorecard, UG, Vector, pack_with, vectors,
};
use crate::tables::one;
use crate::{modern_work_association, modern_work_tenants};

/// A workload that all metrics count.
pub const MAIL: &str = "Exchange Online";

/// Paid seats and active users; nothing where there are no seats.
pub type Seats = (i64, i64);

/// Tenants from `first` on with these seats of one workload, in R and a year ago.
pub fn tenants(base: &mut Base, partner: &str, first: u32, by: &str, rows: &[(Seats, Seats)]) {
    for (tenant, (now, before)) in (first..).zip(rows) {
        for (back, (paid, active)) in [(0, now), (12, before)] {
            // Any tier counts, also an unknown one.
            let tiers = ["CSP Tier 1", "CSP Tier 2", "CSP"];
            match by {
                _ if *paid == 0 => {}
                "CPOR" => base.seats(partner, back, tenant, MAIL, *paid, *active),
                "CSP" => {
                    let tier = tiers[usize::try_from(tenant % 3).unwrap()];
                    base.office(partner, back, tenant, MAIL, tier, *paid, *active);
                }
                _ => base.office(partner, back, tenant, MAIL, by, *paid, *active),
            }
        }
    }
}

/// So many tenants that are there for the first time.
pub fn new(seats: Seats, count: usize) -> Vec<(Seats, Seats)> {
    vec![(seats, (0, 0)); count]
}

/// One row a month: how far back, and active users of so many paid seats.
pub fn months(base: &mut Base, partner: &str, paid: i64, associated: &str, rows: &[(i32, i64)]) {
    for (back, active) in rows {
        base.associated(partner, *back, 10, MAIL, paid, *active, associated);
    }
}

fn holders(base: &mut Base, partner: &str, intermediate: u32, advanced: u32) {
    base.people(partner, "Microsoft 365 Fundamentals", intermediate);
    base.people(partner, "Enterprise Administrator Expert", advanced);
}

/// T-07: enterprise 2 × 4 + 5 + 7.5 + 30 + 5 × 5, small business 0 + 10 + 15 + 30 + 5 × 5.
fn conflict(base: &mut Base, partner: &str) {
    holders(base, partner, 2, 1);
    // Enterprise: two new tenants with 800 users; three from 25 to 50 %, 300 users more: 1,100.
    tenants(base, partner, 30, "CPOR", &new((400, 400), 2));
    tenants(base, partner, 40, "CPOR", &[((400, 200), (400, 100)); 3]);
    // Small business: five that were there, from 20 to 70 %: 5 × 125 users.
    tenants(base, partner, 50, "CPOR", &[((250, 175), (250, 50)); 5]);
}

vectors! {
    "MW-01 doc: by DPOR 2,000 × 63 = 15 points, by CPOR 1,500 × 252 = 45, capped", NOW, ENT, |b, p| {
        tenants(b, p, 10, "DPOR", &[((3000, 2500), (3000, 500))]);
        tenants(b, p, 20, "CPOR", &[((2000, 1700), (2000, 200))]);
    } => [
        Points(UG, 30 * POINT),
        Metric(UG, "uncapped_points_x8400", "378000"),
        Part(UG, "cpor", "points_x8400", "378000"),
        Part(UG, "cpor", "is_used", "true"),
        Part(UG, "dpor", "points_x8400", "126000"),
        Part(UG, "dpor", "is_used", "false"),
        Metric(UG, "value_unit", "users"),
        Metric(UG, "current_value", "1700.0000"),
        Metric(UG, "baseline_value", "200.0000"),
        Metric(UG, "units_to_next_point", "∅"),
        // The unknown start of the association by DPOR is that of the part that is not used.
        Metric(UG, "flags", ""),
    ];
    "MW-02 doc: by CSP 1,000 × 126 = 15 points, by CPOR 1,000 × 504 = 60, capped", NOW, SMB, |b, p| {
        tenants(b, p, 10, "CSP", &[((300, 250), (300, 50)); 5]);
        tenants(b, p, 20, "CPOR", &[((300, 250), (300, 50)); 5]);
    } => [
        Points(UG, 30 * POINT),
        Part(UG, "cpor", "points_x8400", "504000"),
        Part(UG, "csp", "points_x8400", "126000"),
        Part(UG, "csp", "is_used", "false"),
    ];
    "MW-03: by CPOR 120 × 252 = 3.6 points, by DPOR 900 × 63 = 6.75", NOW, ENT, |b, p| {
        tenants(b, p, 10, "DPOR", &[((2000, 1000), (2000, 100))]);
        tenants(b, p, 20, "CPOR", &[((400, 320), (400, 200))]);
    } => [
        Points(UG, 56_700),
        Part(UG, "cpor", "points_x8400", "30240"),
        Part(UG, "cpor", "is_used", "false"),
        Part(UG, "dpor", "is_used", "true"),
        Metric(UG, "current_value", "1000.0000"),
        Metric(UG, "baseline_value", "100.0000"),
        Metric(UG, "change_value", "900.0000"),
        Metric(UG, "units_to_next_point", "1.0000"),
        // This export has no date of the association.
        Metric(UG, "flags", "association_start_unknown"),
    ];
    "MW-04: by CPOR 50 users less, by CSP one more, 1 × 126", NOW, SMB, |b, p| {
        tenants(b, p, 10, "CSP", &[((100, 10), (100, 9))]);
        tenants(b, p, 20, "CPOR", &[((100, 10), (100, 60))]);
    } => [
        Points(UG, 126),
        Metric(UG, "flags", "association_start_unknown,metric_below_one_point"),
        Part(UG, "cpor", "points_x8400", "0"),
        Part(UG, "cpor", "change_value", "-50.0000"),
        Part(UG, "csp", "change_value", "1.0000"),
        // More than nothing is enough for the gate.
        Area("blocking_metrics", "net_customer_adds,intermediate_certifications,advanced_certifications,deployments"),
        // By CPOR 60 of 100 were active and are no more; 1 + 1 deployments to the next point.
        Part(DEP, "cpor", "change_value", "-1.0000"),
        Metric(DEP, "units_to_next_point", "2.0000"),
    ];
    "MW-05 doc: by DPOR 4 × 2.5, by CPOR 3 × 5", NOW, ENT, |b, p| {
        tenants(b, p, 10, "DPOR", &[((400, 160), (400, 159)); 4]);
        tenants(b, p, 20, "CPOR", &[((400, 160), (400, 159)); 3]);
    } => [
        Points(DEP, 15 * POINT),
        Part(DEP, "cpor", "is_used", "true"),
        Part(DEP, "dpor", "points_x8400", "84000"),
        Part(DEP, "dpor", "is_used", "false"),
        Metric(DEP, "value_unit", "tenants"),
        Metric(DEP, "current_value", "3.0000"),
    ];
    "MW-06 doc: by CSP 4 × 2.5, by CPOR 4 × 5", NOW, SMB, |b, p| {
        tenants(b, p, 10, "CSP", &[((100, 40), (100, 39)); 4]);
        tenants(b, p, 20, "CPOR", &[((100, 40), (100, 39)); 4]);
    } => [Points(DEP, 20 * POINT), Part(DEP, "csp", "points_x8400", "84000"), Part(DEP, "csp", "is_used", "false")];
    "MW-07: by CSP 7 × 2.5, by CPOR none", NOW, SMB,
        |b, p| tenants(b, p, 10, "CSP", &[((100, 40), (100, 39)); 7])
        => [Points(DEP, 147_000), Part(DEP, "csp", "is_used", "true"), Part(DEP, "cpor", "is_used", "false")];
    "MW-08 doc: 9 of 21 and 18 of 45 (40 % exactly) are active, 8 of 21 are not", NOW, SMB,
        |b, p| tenants(b, p, 10, "CPOR", &[((21, 9), (0, 0)), ((21, 8), (0, 0)), ((45, 18), (0, 0))])
        => [
            Points(DEP, 10 * POINT),
            Evidence(DEP, "cpor", 10, MAIL, &[("reason_current", "counted"), ("current_active_ratio", "0.428571"), ("reason_baseline", "no_usage")]),
            Evidence(DEP, "cpor", 11, MAIL, &[("reason_current", "below_active_share"), ("contribution", "0.0000")]),
            Evidence(DEP, "cpor", 12, MAIL, &[("reason_current", "counted"), ("current_active_ratio", "0.400000")]),
        ];
    "MW-09: enterprise, five now and two before: 3 × 4", NOW, ENT, |b, p| {
        tenants(b, p, 10, "DPOR", &[((301, 0), (301, 0)), ((301, 0), (0, 0)), ((301, 0), (0, 0))]);
        tenants(b, p, 20, "CPOR", &[((301, 0), (301, 0)), ((301, 0), (0, 0))]);
    } => [
        Points(NCA, 12 * POINT),
        Metric(NCA, "current_value", "5.0000"),
        Metric(NCA, "baseline_value", "2.0000"),
        Metric(NCA, "units_to_next_point", "1.0000"),
    ];
    "MW-09: small business, eight now and one before: 7 × 2", NOW, SMB, |b, p| {
        tenants(b, p, 10, "CSP", &new((11, 0), 5));
        tenants(b, p, 20, "CPOR", &new((300, 0), 3));
        tenants(b, p, 30, "CPOR", &[((0, 0), (50, 0))]);
    } => [Points(NCA, 14 * POINT), Part(NCA, "m365", "change_value", "7.0000")];
    "MW-09: small business, 12 × 2, capped", NOW, SMB, |b, p| tenants(b, p, 10, "CSP", &new((100, 0), 12))
        => [
            Points(NCA, 20 * POINT),
            Metric(NCA, "uncapped_points_x8400", "201600"),
            Metric(NCA, "units_to_next_point", "∅"),
        ];
    "MW-10: enterprise, 3 × 2.5 and 1 × 7.5", NOW, ENT, |b, p| holders(b, p, 3, 1) => [
        Points(INT, 63_000),
        Points(ADV, 63_000),
        Part(INT, "people", "current_value", "3.0000"),
        Part(INT, "people", "increments", "3"),
        Part(INT, "people", "baseline_value", "∅"),
        Metric(INT, "units_to_next_point", "1.0000"),
        Metric(INT, "value_unit", "people"),
    ];
    "MW-10: small business, 1 × 5 and 1 × 15", NOW, SMB, |b, p| holders(b, p, 1, 1) => [
        Points(INT, 5 * POINT),
        Points(ADV, 15 * POINT),
        Metric(ADV, "units_to_next_point", "∅"),
    ];
    "MW-11 doc: of 10, 11, 300 and 301 seats the last are enterprise", NOW, ENT,
        |b, p| tenants(b, p, 10, "CPOR", &[((10, 0), (0, 0)), ((11, 0), (0, 0)), ((300, 0), (0, 0)), ((301, 0), (0, 0))])
        => [
            Points(NCA, 4 * POINT),
            Evidence(NCA, "m365", 12, MAIL, &[("reason_current", "outside_band")]),
            Evidence(NCA, "m365", 13, MAIL, &[("reason_current", "counted"), ("contribution", "1.0000")]),
        ];
    "MW-11 doc: of 10, 11, 300 and 301 seats two are small business", NOW, SMB,
        |b, p| tenants(b, p, 10, "CPOR", &[((10, 0), (0, 0)), ((11, 0), (0, 0)), ((300, 0), (0, 0)), ((301, 0), (0, 0))])
        => [
            Points(NCA, 4 * POINT),
            Evidence(NCA, "m365", 10, MAIL, &[("reason_current", "outside_band")]),
            Evidence(NCA, "m365", 11, MAIL, &[("reason_current", "counted")]),
            Evidence(NCA, "m365", 12, MAIL, &[("reason_current", "counted")]),
            Evidence(NCA, "m365", 13, MAIL, &[("reason_current", "outside_band")]),
        ];
    "MW-12 doc: 45 of 100 active when the association began in M-5, now 60", NOW, SMB,
        |b, p| months(b, p, 100, "2026-05-10", &[(4, 45), (3, 50), (0, 60)])
        => [
            Points(DEP, 0),
            Part(DEP, "cpor", "current_value", "0.0000"),
            Evidence(DEP, "cpor", 10, MAIL, &[("is_counted_current", "false"), ("reason_current", "associated_above_share"), ("reason_baseline", "no_usage")]),
            // It is a customer all the same, and its growth since then counts: 15 × 504.
            Points(NCA, 2 * POINT),
            Points(UG, 7560),
        ];
    "MW-13: the association began in M-4 with 80 users, 110 now: 30 × 252", NOW, ENT,
        |b, p| months(b, p, 400, "2026-06-15", &[(12, 20), (3, 80), (0, 110)])
        => [
            Points(UG, 7560),
            Part(UG, "cpor", "current_value", "110.0000"),
            Part(UG, "cpor", "baseline_value", "80.0000"),
            Evidence(UG, "cpor", 10, MAIL, &[("current_active_users", "110"), ("baseline_active_users", "80"), ("contribution", "30.0000")]),
            Metric(UG, "flags", "metric_below_one_point"),
        ];
    "T-06: 8 × 2 + 2 × 5 + 15 + 300 × 504 (18) + 3 × 5 = 74", NOW, SMB, |b, p| {
        holders(b, p, 2, 1);
        // Three of eight new tenants reach 40 %; 3 × 40 + 5 × 36 users.
        tenants(b, p, 10, "CPOR", &new((100, 40), 3));
        tenants(b, p, 20, "CPOR", &new((100, 36), 5));
    } => [
        Points("total", 74 * POINT),
        Points(NCA, 16 * POINT), Points(INT, 10 * POINT), Points(ADV, 15 * POINT),
        Points(UG, 18 * POINT), Points(DEP, 15 * POINT),
        Area("is_qualified", "true"), Area("flags", ""), Selected("higher_total", SMB),
    ];
    "T-07: small business has 80 points and no new customer", NOW, SMB, conflict => [
        Points("total", 80 * POINT),
        Points(NCA, 0), Points(INT, 10 * POINT), Points(ADV, 15 * POINT),
        Points(UG, 30 * POINT), Points(DEP, 25 * POINT),
        Area("is_qualified", "false"), Area("blocking_metrics", "net_customer_adds"),
        Area("is_selected", "false"),
    ];
    "T-07: enterprise qualifies with 75.5", NOW, ENT, conflict => [
        Points("total", 634_200),
        Points(NCA, 8 * POINT), Points(INT, 5 * POINT), Points(ADV, 63_000),
        Points(UG, 30 * POINT), Points(DEP, 25 * POINT),
        Area("is_qualified", "true"), Area("flags", "path_conflict"),
        Selected("qualifying_path", ENT),
    ];
    "nothing anywhere is a tie of paths and of associations", NOW, ENT, |_, _| {} => [
        Points("total", 0),
        Selected("tie_enterprise", ENT),
        Part(UG, "cpor", "is_used", "true"), Part(UG, "dpor", "is_used", "false"),
        Part(DEP, "cpor", "is_used", "true"), Part(DEP, "dpor", "is_used", "false"),
        Metric(UG, "change_value", "0.0000"),
        NoEvidence(UG, "cpor", 10),
        Area("points_to_qualify", "70.0000"), Area("has_incentive_points", "false"),
    ];
    "from 25 points on there are incentives: 4 × 5 + 4 × 504 users (0.24)", NOW, SMB,
        |b, p| tenants(b, p, 10, "CPOR", &[((100, 40), (100, 39)); 4])
        => [Points("total", 20 * POINT + 2016), Area("has_incentive_points", "false")];
    "from 25 points on there are incentives: 5 × 5 + 5 × 504 users (0.3)", NOW, SMB,
        |b, p| tenants(b, p, 10, "CPOR", &[((100, 40), (100, 39)); 5])
        => [Points("total", 25 * POINT + 2520), Area("has_incentive_points", "true")];
}

static SCORED: LazyLock<Scorecard> = LazyLock::new(|| {
    let vectors: [&[Vector]; 3] =
        [VECTORS, modern_work_tenants::VECTORS, modern_work_association::VECTORS];
    Scorecard::new("modern_work", &vectors)
});

/// [`Scorecard::failures_with`] of these vectors.
pub fn failures_with(pack: &str) -> Option<Vec<String>> {
    SCORED.failures_with(pack)
}

#[test]
fn all_vectors_hold() {
    assert_eq!(SCORED.failures(), Vec::<String>::new());
}

#[test]
fn evidence_parts_metrics_and_totals_add_up_by_every_ruleset() {
    for scored in SCORED.all() {
        scored.assert_adds_up();
    }
}

/// AMB-17, taken literally: the higher total is selected although it does not qualify.
#[test]
fn the_highest_total_can_be_chosen_whatever_qualifies() {
    let place = Place::new();
    fs::write(place.path("pack.toml"), pack_with("modern_work", "path_choice", "highest_total"))
        .unwrap();
    let scored = SCORED.score(NOW, &["--ruleset-file", &place.text("pack.toml")]);
    let partner = SCORED.partner("T-07: enterprise qualifies with 75.5");
    let row = one(&scored.areas, &[("partner_id", &partner), ("is_selected", "true")]);
    assert_eq!(row["path"], SMB);
    assert_eq!(row["selection_reason"], "higher_total");
    assert_eq!(row["points"], "80.0000");
    assert_eq!(row["is_qualified"], "false");
    assert_eq!(row["flags"], "");
}
