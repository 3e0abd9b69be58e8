//! Bills and the membership page's list of certificates: no score reads them, checks compare them
//! with what scores read.

use std::fs;
use std::path::Path;

use crate::base::{Base, Place, REFERENCE, run, tenant};
use crate::tables::{Row, one, read};

const PARTNER: &str = "1000001";

/// Writes a file of a delivery, in the folder of the partner.
fn deliver(place: &Place, day: &str, name: &str, text: &str) {
    deliver_of(place, PARTNER, day, name, text);
}

fn deliver_of(place: &Place, partner: &str, day: &str, name: &str, text: &str) {
    let folder = place.path("deliveries").join(day).join(format!("partner={partner}"));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
}

/// What Cost Management says was billed for tenants in the scored month, at list prices.
fn bills(rows: &[(u32, &str)]) -> String {
    let mut text = "date,customerTenantId,SubscriptionId,meterCategory,costInBillingCurrency,\
                    paygCostInUsd\n"
        .to_owned();
    for (number, amount) in rows {
        let tenant = tenant(*number);
        text.push_str(&format!("09/14/2026,{tenant},{tenant},Storage,1,{amount}\n"));
    }
    text
}

/// The scores without the name of the run, and the checks of that run.
fn outcome(place: &Place) -> (Vec<Vec<Row>>, Vec<Row>) {
    let tables = ["fact_area_score", "fact_metric_part", "fact_customer_evidence", "fact_acr_ttm"];
    let mut scores: Vec<Vec<Row>> = tables.iter().map(|table| place.all_areas(table)).collect();
    let run_id = scores[0][0]["run_id"].clone();
    for row in scores.iter_mut().flatten() {
        row.remove("run_id");
    }
    let run = place.path("tables/_runs").join(run_id);
    (scores, read(&run.join("check_result.parquet")))
}

fn message<'a>(checks: &'a [Row], id: &str) -> (&'a str, &'a str) {
    let check = one(checks, &[("check_id", id)]);
    (&check["observed"], &check["message"])
}

#[test]
fn bills_are_compared_and_never_scored() {
    let place = run(&Base::alike(&[PARTNER], 3));
    let (scores, checks) = outcome(&place);
    assert!(checks.iter().all(|check| check["check_id"] != "billed_without_usage"));

    // Customers 0 and 1 have usage, 70 and 71 have none; months before the scored one do not matter.
    let billed = bills(&[(0, "5000"), (1, "1"), (70, "12.5"), (70, "0.25"), (71, "3")]);
    let before = bills(&[(72, "9")]).replace("09/14", "08/31");
    deliver(
        &place,
        "2026-10-22",
        "costs.csv",
        &format!("{billed}{}", &before[before.find('\n').unwrap() + 1..]),
    );
    place.run().assert().success();
    let (again, checks) = outcome(&place);
    assert_eq!(again, scores);
    let (observed, text) = message(&checks, "billed_without_usage");
    assert_eq!(observed, "2.0000");
    assert!(text.contains(&format!("billed for Azure in {REFERENCE}")), "{text}");
    assert!(text.ends_with(&format!("{PARTNER} (15.75)")), "{text}");

    // The same bills from the billing workspace never add: the larger export counts, which is now
    // that of customer 70. The partner's location stands for its account.
    let tenant = tenant(70);
    let daily = format!(
        "MpnId,CustomerId,UsageDate,MeterCategory,EntitlementId,PricingPreTaxTotal,PricingCurrency,\
         PartnerEarnedCreditPercentage\n\
         6{PARTNER},{tenant},9/30/2026,Storage,{tenant},17,USD,15\n"
    );
    deliver(&place, "2026-10-23", "daily.csv", &daily);
    place.run().assert().success();
    let (again, checks) = outcome(&place);
    assert_eq!(again, scores);
    let (observed, text) = message(&checks, "billed_without_usage");
    assert_eq!(observed, "2.0000");
    assert!(text.ends_with(&format!("{PARTNER} (23)")), "{text}");
}

/// Files of several partners may be alike to the last byte but for their folder.
#[test]
fn the_folder_tells_the_partner_of_equal_lines() {
    let other = "1000002";
    let place = run(&Base::alike(&[PARTNER, other], 1));
    deliver(&place, "2026-10-22", "costs.csv", &bills(&[(70, "12.5")]));
    deliver_of(&place, other, "2026-10-22", "costs.csv", &bills(&[(70, "12.5")]));
    place.run().assert().success();
    let (_, checks) = outcome(&place);
    let (observed, text) = message(&checks, "billed_without_usage");
    assert_eq!(observed, "2.0000");
    assert!(text.ends_with(&format!("{PARTNER} (12.5), {other} (12.5)")), "{text}");
}

#[test]
fn the_membership_page_is_compared_with_the_trainings() {
    let mut base = Base::alike(&[PARTNER], 1);
    base.people(PARTNER, "Azure Network Engineer Associate", 2);
    let place = run(&base);
    let (scores, _) = outcome(&place);
    let page = |people: &[&str]| {
        let mut text = "Individual name,Certification name,Certification type,Solution area,\
                        Completion date,Expiry date\n"
            .to_owned();
        for person in people {
            text.push_str(&format!(
                "{person},Azure Network Engineer Associate,Intermediate,Infrastructure,\
                 22 Aug 2026,22 Aug 2027\n"
            ));
        }
        text
    };
    let differing = |day: &str, people: &[&str]| {
        deliver(&place, day, "skilling.csv", &page(people));
        place.run().assert().success();
        let (again, checks) = outcome(&place);
        assert_eq!(again, scores);
        let (_, text) = message(&checks, "skilling_lists_agree");
        text.contains("AZ-700")
    };
    assert!(!differing("2026-10-22", &["Ana Test", "Bo Test"]));
    assert!(differing("2026-10-23", &["Ana Test"]));
    assert!(!names_in(&place.path("facts"), "Ana Test"));
}

/// Whether any file below a folder holds a text.
fn names_in(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return names_in(&path, text);
        }
        let bytes = fs::read(&path).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn an_export_without_a_partner_needs_a_folder_that_names_one() {
    let place = run(&Base::alike(&[PARTNER], 1));
    let folder = place.path("deliveries/2026-10-22");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("costs.csv"), bills(&[(1, "1")])).unwrap();
    let failed = place.run().assert().failure();
    let text = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
    assert!(text.contains("CS3004"), "{text}");
    assert!(text.contains("does not say whose it is"), "{text}");
    assert!(text.contains("partner=1000013"), "{text}");
}
