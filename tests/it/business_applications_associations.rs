//! Business Applications: whose revenue and usage count, by which measure, and why rows do not.

use crate::base::{Base, Business};
use crate::business_applications::CENTRAL;
use crate::scorecard::Expect::{Evidence, Metric, NoEvidence, Part, Points, Selected};
use crate::scorecard::{DEP, ENT, NCA, NOW, POINT, SMB, UG, vectors};

/// A row of R of tenant 10 that belongs to a subscription.
fn of_subscription(partner: &str, subscription: u32, by: &str) -> Business {
    Business { subscription, ..Business::new(partner, 0, 10, CENTRAL, by) }
}

/// Four pairs above 5,000 in both months, and a fifth of another kind.
fn classified(base: &mut Base, partner: &str, workload: &str, by: &str) {
    for back in [0, 12] {
        for tenant in 10..14 {
            base.revenue(partner, back, tenant, CENTRAL, "CSP Tier 1", "6000");
        }
        base.revenue(partner, back, 14, workload, by, "6000");
    }
}

/// 60 users of Contact Center and 100 of Portals.
fn newer_rates(base: &mut Base, partner: &str) {
    base.usage(partner, 0, 10, "Contact Center", "CPOR OSU", [60, 0, 0]);
    base.usage(partner, 0, 11, "Portals", "PAL", [0, 100, 0]);
}

vectors! {
    "revenue of a bare CPOR, of CPOR OSU, PAL and TPOR does not count", NOW, ENT, |b, p| {
        for (tenant, by) in (10..).zip(["CPOR", "CPOR OSU", "PAL", "TPOR"]) {
            b.revenue(p, 0, tenant, CENTRAL, by, "9000");
        }
    } => [
        Points(NCA, 0),
        NoEvidence(NCA, "bizapps", 10), NoEvidence(NCA, "bizapps", 11),
        NoEvidence(NCA, "bizapps", 12), NoEvidence(NCA, "bizapps", 13),
    ];
    "revenue of each of the others counts: 7 pairs less 3", NOW, ENT, |b, p| {
        let names = ["CPOR RevRec", "CPOR OSA", "CPOR RevRec Performance", "CSP Tier 1", "CSP Tier 2", "CSP", "DPOR"];
        for (tenant, by) in (10..).zip(names) {
            b.revenue(p, 0, tenant, CENTRAL, by, "1500");
            if tenant < 13 {
                b.revenue(p, 12, tenant, CENTRAL, by, "1500");
            }
        }
    } => [Points(NCA, 12 * POINT), Metric(NCA, "current_value", "7.0000")];
    "revenue of Power Platform and Customer Insights counts by the same associations", NOW, ENT, |b, p| {
        b.revenue(p, 0, 10, "Power Apps", "CSP Tier 1", "1500");
        b.revenue(p, 0, 10, "Customer Insights", "DPOR", "1500");
        b.revenue(p, 0, 10, "Power BI", "PAL", "1500");
    } => [Points(NCA, 6 * POINT)];
    "a workload in no list does not count", NOW, ENT, |b, p| b.revenue(p, 0, 10, "Some New Product", "CSP Tier 1", "9000")
        => [Points(NCA, 0), NoEvidence(NCA, "bizapps", 10)];
    "1,500.00 counts, 1,499.99 does not; lost and re-associated customers: 1 - 3", NOW, ENT, |b, p| {
        for (tenant, now, by, before) in [
            (10, "1500.00", "CSP Tier 1", "0"),
            (11, "1499.99", "CSP Tier 1", "1500"),
            (12, "2000", "PAL", "1500"),
            (13, "0", "", "1500"),
        ] {
            if now != "0" {
                b.revenue(p, 0, tenant, CENTRAL, by, now);
            }
            if before != "0" {
                b.revenue(p, 12, tenant, CENTRAL, "CSP Tier 1", before);
            }
        }
    } => [
        Points(NCA, 0),
        Metric(NCA, "current_value", "1.0000"),
        Metric(NCA, "baseline_value", "3.0000"),
        Metric(NCA, "units_to_next_point", "3.0000"),
        Evidence(NCA, "bizapps", 10, CENTRAL, &[("reason_current", "counted"), ("reason_baseline", "no_usage"), ("contribution", "1.0000")]),
        Evidence(NCA, "bizapps", 11, CENTRAL, &[
            ("current_revenue_usd", "1499.9900"), ("baseline_revenue_usd", "1500.0000"),
            ("reason_current", "below_threshold"), ("reason_baseline", "counted"), ("contribution", "-1.0000"),
        ]),
        Evidence(NCA, "bizapps", 12, CENTRAL, &[("reason_current", "not_associated"), ("reason_baseline", "counted")]),
        Evidence(NCA, "bizapps", 13, CENTRAL, &[("reason_current", "no_usage"), ("reason_baseline", "counted")]),
    ];
    "revenue of subscriptions is added within an association, the largest counts: 900 + 600", NOW, ENT, |b, p| {
        b.revenue.push(of_subscription(p, 1, "CSP Tier 2").revenue("900"));
        b.revenue.push(of_subscription(p, 2, "CSP Tier 2").revenue("600"));
        b.revenue.push(of_subscription(p, 3, "CPOR RevRec").revenue("1400"));
        b.revenue.push(of_subscription(p, 4, "CPOR").revenue("9000"));
    } => [
        Points(NCA, 3 * POINT),
        Evidence(NCA, "bizapps", 10, CENTRAL, &[("reason_current", "counted"), ("current_revenue_usd", "1500.0000")]),
    ];
    "two associations with 1,400 each are not 2,800", NOW, ENT, |b, p| {
        b.revenue.push(of_subscription(p, 1, "CSP Tier 2").revenue("1400"));
        b.revenue.push(of_subscription(p, 1, "DPOR").revenue("1400"));
    } => [Points(NCA, 0), Evidence(NCA, "bizapps", 10, CENTRAL, &[("current_revenue_usd", "1400.0000")])];
    "usage of Dynamics 365 counts by CPOR OSU, CSP and DPOR: 5 × 10,000", NOW, ENT, |b, p| {
        let names = ["CPOR OSU", "CSP", "CSP Tier 1", "CSP Tier 2", "DPOR", "CPOR", "CPOR RevRec", "CPOR OSA", "CPOR RevRec Performance", "PAL"];
        for (tenant, by) in (10..).zip(names) {
            b.usage(p, 0, tenant, CENTRAL, by, [10, 0, 0]);
        }
    } => [
        Points(DEP, 20 * POINT),
        Metric(DEP, "current_value", "5.0000"),
        Part(UG, "bizapps", "current_value", "50000.0000"),
        NoEvidence(DEP, "bizapps", 15), NoEvidence(DEP, "bizapps", 16), NoEvidence(DEP, "bizapps", 17),
        NoEvidence(DEP, "bizapps", 18), NoEvidence(DEP, "bizapps", 19), NoEvidence(UG, "bizapps", 19),
    ];
    // 50 × 200 + 25 × 200 + 25 × 200 + 100 × 100 + 50,000 × 0.2
    "usage of Power Platform and Customer Insights counts by PAL: 40,000", NOW, ENT, |b, p| {
        for (tenant, workload, counts) in [
            (10, "Power Apps", [0, 50, 0]),
            (11, "Power Automate", [0, 25, 0]),
            (12, "Power BI", [0, 25, 0]),
            (13, "Portals", [0, 100, 0]),
            (14, "Customer Insights Partner", [0, 0, 50_000]),
        ] {
            b.usage(p, 0, tenant, workload, "PAL", counts);
            for by in ["CPOR OSU", "CSP Tier 1", "DPOR"] {
                b.usage(p, 0, tenant + 10, workload, by, counts);
            }
        }
    } => [
        Part(UG, "bizapps", "current_value", "40000.0000"),
        // Power Apps, Portals and Customer Insights have 10,000 each.
        Points(DEP, 12 * POINT),
        NoEvidence(UG, "bizapps", 20), NoEvidence(UG, "bizapps", 21), NoEvidence(UG, "bizapps", 22),
        NoEvidence(UG, "bizapps", 23), NoEvidence(UG, "bizapps", 24),
    ];
    "MAU, PAMAU or MAC as the workload has it: 48 × 200 + 15,000 × 0.2 + 7 × 1,000", NOW, SMB, |b, p| {
        b.usage(p, 0, 10, "Power Apps", "PAL", [130, 48, 900]);
        b.usage(p, 0, 11, "Customer Insights", "PAL", [900, 800, 15_000]);
        b.usage(p, 0, 12, CENTRAL, "CPOR OSU", [7, 900, 900]);
    } => [
        Part(UG, "bizapps", "current_value", "19600.0000"),
        Evidence(UG, "bizapps", 10, "Power Apps", &[("current_consumption_value", "9600.0000")]),
        Evidence(UG, "bizapps", 11, "Customer Insights", &[("current_consumption_value", "3000.0000")]),
        Evidence(UG, "bizapps", 12, CENTRAL, &[("current_consumption_value", "7000.0000")]),
    ];
    "other measures of a workload are nothing", NOW, SMB, |b, p| {
        b.usage(p, 0, 10, "Power Apps", "PAL", [130, 0, 900]);
        b.usage(p, 0, 11, "Customer Insights", "PAL", [900, 800, 0]);
        b.usage(p, 0, 12, CENTRAL, "CPOR OSU", [0, 900, 900]);
    } => [
        Part(UG, "bizapps", "current_value", "0.0000"),
        NoEvidence(UG, "bizapps", 10), NoEvidence(UG, "bizapps", 11), NoEvidence(UG, "bizapps", 12),
    ];
    "usage of subscriptions is added within an association, the largest counts: 3 + 4", NOW, SMB, |b, p| {
        for (subscription, by, users) in [(1, "CPOR OSU", 3), (2, "CPOR OSU", 4), (3, "CSP Tier 1", 6), (4, "CSP Tier 2", 6), (5, "CPOR", 99)] {
            b.usage.push(of_subscription(p, subscription, by).usage(users, 0, 0));
        }
    } => [
        Points(DEP, 4 * POINT),
        Evidence(DEP, "bizapps", 10, CENTRAL, &[("reason_current", "counted"), ("current_consumption_value", "7000.0000")]),
    ];
    "product groups of a subscription are added: 3 + 2", NOW, SMB, |b, p| for (product, users) in [("Essentials", 3), ("Premium", 2)] {
        let line = Business { product: product.to_owned(), ..of_subscription(p, 1, "CPOR OSU") };
        b.usage.push(line.usage(users, 0, 0));
    } => [Points(DEP, 4 * POINT)];
    "trials are not used", NOW, SMB, |b, p| {
        let trial = Business { metric_type: "Trial".to_owned(), ..of_subscription(p, 1, "CPOR OSU") };
        b.usage.push(trial.usage(50, 0, 0));
        let trial = Business { product: "Business Central Trial".to_owned(), ..of_subscription(p, 2, "CPOR OSU") };
        b.usage.push(trial.usage(50, 0, 0));
        b.usage.push(of_subscription(p, 3, "CPOR OSU").usage(4, 0, 0));
    } => [
        Part(UG, "bizapps", "current_value", "4000.0000"),
        Points(DEP, 0),
        Evidence(DEP, "bizapps", 10, CENTRAL, &[("reason_current", "below_threshold"), ("current_consumption_value", "4000.0000")]),
    ];
    "two spellings are one workload: (30 + 20) × 200", NOW, ENT, |b, p| {
        for (subscription, workload, users) in [(1, "Power App", 30), (2, "POWER  APPS", 20)] {
            let line = Business { subscription, ..Business::new(p, 0, 10, workload, "PAL") };
            b.usage.push(line.usage(0, users, 0));
        }
    } => [
        Points(DEP, 4 * POINT),
        Evidence(DEP, "bizapps", 10, "Power Apps", &[("current_consumption_value", "10000.0000")]),
    ];
    "a deployment that is lost: 9,000 from 10,000, and one under another association", NOW, ENT, |b, p| {
        for (tenant, by, users) in [(10, "CPOR OSU", 9), (11, "CPOR", 20)] {
            b.usage(p, 12, tenant, CENTRAL, "CPOR OSU", [10, 0, 0]);
            b.usage(p, 0, tenant, CENTRAL, by, [users, 0, 0]);
        }
    } => [
        Metric(DEP, "change_value", "-2.0000"),
        Metric(DEP, "units_to_next_point", "3.0000"),
        Evidence(DEP, "bizapps", 10, CENTRAL, &[
            ("current_consumption_value", "9000.0000"), ("baseline_consumption_value", "10000.0000"),
            ("reason_current", "below_threshold"), ("reason_baseline", "counted"), ("contribution", "-1.0000"),
        ]),
        Evidence(DEP, "bizapps", 11, CENTRAL, &[("reason_current", "not_associated"), ("contribution", "-1.0000")]),
    ];
    "rates of Contact Center (60 × 200) and Portals (100 × 100)", NOW, ENT, newer_rates
        => [Part(UG, "bizapps", "current_value", "22000.0000"), Points(DEP, 8 * POINT)];
    "there were none in 2023", "2023-06", ENT, newer_rates => [
        Part(UG, "bizapps", "current_value", "0.0000"), Points(DEP, 0),
        NoEvidence(UG, "bizapps", 10), NoEvidence(UG, "bizapps", 11),
    ];
    "five workloads of associations that count are enterprise", NOW, ENT, |b, p| classified(b, p, "Power BI", "CPOR OSA")
        => [Selected("assigned_enterprise", ENT)];
    "a bare CPOR does not assign the path", NOW, SMB, |b, p| classified(b, p, CENTRAL, "CPOR")
        => [Selected("assigned_smb", SMB)];
    "nor does a workload in no list", NOW, SMB, |b, p| classified(b, p, "Some New Product", "CSP Tier 1")
        => [Selected("assigned_smb", SMB)];
    "revenue of two subscriptions makes one pair: 2 × 2,500.01", NOW, ENT, |b, p| {
        classified(b, p, CENTRAL, "CPOR");
        for back in [0, 12] {
            for subscription in 1..3 {
                let line = Business { subscription, ..Business::new(p, back, 20, CENTRAL, "DPOR") };
                b.revenue.push(line.revenue("2500.01"));
            }
        }
    } => [Selected("assigned_enterprise", ENT)];
}
