//! Edges of the rules that a review found: credits in one of two months, obstacles together, old
//! segments, and the note of what changed between two rulesets.

use std::fs;

use crate::base::{Azure, Base, Place, capscore, tenant};
use crate::tables::{find, one};

/// Of two months one without a row is 0: a credit in the other one is no consumption.
#[test]
fn a_credit_beside_a_month_without_rows_is_nothing() {
    let mut base = Base::default();
    base.partner("1001");
    base.azure("1001", 0, 10, "-50");
    base.azure("1001", 0, 11, "-50");
    base.azure("1001", 1, 11, "-20");
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    place.run_by("2026-08").assert().success();
    let evidence = place.area_table("fact_customer_evidence", "");
    let row = |number| {
        let (tenant, key) = (tenant(number), "data_ai.net_customer_adds.azure.enterprise");
        find(&evidence, &[("tenant_id", &tenant), ("evidence_key", key)])
            .into_iter()
            .map(|row| row["current_acr_usd"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!((row(10), row(11)), (vec![], vec!["-20.0000".to_owned()]));
}

#[test]
fn growth_can_lack_a_baseline_and_the_minimum() {
    let mut base = Base::default();
    base.partner("1001");
    base.azure("1001", 0, 10, "500");
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    place.run_by("2026-08").assert().success();
    let rows = place.area_table("fact_metric_score", "infrastructure");
    let row = one(&rows, &[("path", "enterprise"), ("metric", "usage_growth")]);
    assert_eq!(row["flags"], "below_minimum,no_baseline");
}

/// The segment of a customer is that of its newest month, however old: a new word on it is another
/// run.
#[test]
fn an_old_segment_that_changes_makes_another_run() {
    let mut base = Base::default();
    base.partner("1001");
    let mut line = Azure::new("1001", 0, 10, "5");
    line.segment.clear();
    base.azure.push(line.line());
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let deliver = |date: &str, segment: &str| {
        let header = "PGAMpnID,CustomerTenantId,CustomerSegment,CustomerStatus,Product,Month,MPNId";
        let text =
            format!("{header}\n1001,{},{segment},Active,Azure,2024-01-01,61001\n", tenant(10));
        fs::create_dir_all(place.path("deliveries").join(date)).unwrap();
        fs::write(place.path("deliveries").join(date).join("customers.csv"), text).unwrap();
    };
    let reason = || {
        place.run_by("2026-08").assert().success();
        let rows = place.area_table("fact_area_score", "data_ai");
        one(&rows, &[("is_selected", "true")])["selection_reason"].clone()
    };
    deliver("2024-02-21", "SMB Commercial");
    assert_eq!(reason(), "assigned_smb");
    deliver("2026-11-01", "Enterprise Commercial");
    assert_eq!(reason(), "assigned_enterprise");
}

#[test]
fn the_note_between_two_rulesets_says_what_changed() {
    let diff = |before: &str, after: &str| {
        let output = capscore().args(["rules", "diff", before, after]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let note = diff("2023-12-01", "2026-08");
    for line in [
        "Security: 2023-12-01 → 2026-08, in force from 2026-08-01 (date assumed)",
        "    paths: single → enterprise, smb",
        "    counts: at least 100 USD → at least 600 USD",
        "    associations: +CSP, +CSP_T1, +CSP_T2",
        "    certifications: +SC-500",
        "    points (smb): 1 for each 1250 USD → 1 for each 750 USD",
        "    points (smb): 20/3 for each person → 8 for each person",
        "    counts (smb): at least 1000 USD → at least 500 USD",
    ] {
        assert!(note.lines().any(|known| known == line), "{line}\n{note}");
    }
    let note = diff("2026-05", "2026-07");
    assert!(note.contains("Security: the same rules (2026-05)"), "{note}");
    assert!(note.contains("less than 1000000 USD is consumed in twelve months"), "{note}");
    let output = capscore().args(["rules", "effective", "--as-of", "2024-01"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().any(|line| line.contains("2023-12-01") && line.contains("security")));
    assert!(text.lines().any(|line| line.contains("2023-06") && line.contains("data_ai")));
}
