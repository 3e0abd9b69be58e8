//! A distributor's export credits the resellers that its rows name (contract §3).

use std::fs;

use assert_cmd::Command;

use crate::base::{Azure, Base, Business, Place, capscore, month, tenant};
use crate::tables::{Row, find, one, read};

const SUBSCRIPTIONS_HEADER: &str = "PGAMpnID,SubscriptionId,SubscriptionState,Month,IsAutoRenew,CustomerTenantId,MPNID,PartnerAttributionType,ResellerID,ResellerName,AvailableSeatsEOP,AvailableSeats";
const PERFORMANCE_HEADER: &str = "PGAMpnID,ResellerMpnID,ResellerName,ResellerMarket,IndirectProviderMpnID,IndirectProviderName,Month,Product,SubscriptionID,AvailableSeats";

/// The distributor 5000 and its lines for resellers.
fn base() -> Base {
    let mut base = Base::default();
    base.partner("5000");
    let mut sold = |back: i32, number: u32, reseller: &str, amount: &str| {
        let mut line = Azure::new("5000", back, number, amount);
        line.attribution = "CSP Tier 1".to_owned();
        line.role.clear();
        line.reseller = reseller.to_owned();
        base.azure.push(line.line());
    };
    sold(0, 1, "7001", "700");
    sold(12, 1, "7001", "300");
    // Direct sales: no reseller, one that was removed, and the distributor itself.
    for (number, reseller) in [(21, ""), (22, "-1"), (23, "0"), (24, "5000"), (25, "65000")] {
        sold(0, number, reseller, "1000");
    }
    sold(0, 3, "7002", "900");
    sold(1, 3, "7002", "800");
    base
}

fn subscription(number: u32, tenant_number: u32, reseller: &str, back: i32) -> String {
    format!(
        "5000,0aa1b2c3-0000-4000-8000-{number:012x},Active,{}-01,Yes,{},65000,CSP Tier 1,{reseller},Reseller {reseller},10,-2",
        month(back),
        tenant(tenant_number)
    )
}

fn run(place: &Place, scope: &str) -> Command {
    let mut command = place.run_by("2026-08");
    command.args(["--scope", scope]);
    command
}

fn checks(place: &Place) -> Vec<Row> {
    let run = fs::read_dir(place.path("tables/_runs")).unwrap().next().unwrap().unwrap().path();
    read(&run.join("check_result.parquet"))
}

fn partners(rows: &[Row]) -> Vec<&str> {
    let mut partners: Vec<&str> = rows.iter().map(|row| row["partner_id"].as_str()).collect();
    partners.dedup();
    partners
}

#[test]
fn rows_count_for_the_reseller_that_they_name() {
    let place = Place::new();
    base().write(&place.path("deliveries"), "2026-10-21");
    run(&place, "distributor").assert().success();
    let ttm = place.area_table("fact_acr_ttm", "");
    let of = |partner: &str| {
        let rows = find(&ttm, &[("partner_id", partner), ("scope", "all")]);
        rows.into_iter()
            .map(|row| {
                (row["tenant_id"].clone(), row["ttm_usd"].clone(), row["attributions"].clone())
            })
            .collect::<Vec<_>>()
    };
    let credited = |number, amount: &str| (tenant(number), amount.to_owned(), "CSP_T2".to_owned());
    assert_eq!(of("7001"), [credited(1, "700.0000")]);
    assert_eq!(of("7002"), [credited(3, "1700.0000")]);
    // The distributor keeps its own rows, all of them.
    assert_eq!(of("5000").len(), 7);
    assert_eq!(partners(&ttm), ["5000", "7001", "7002"]);
    // More than CSP would count for growth of usage: what the distributor knows is a lower bound.
    let parts = place.area_table("fact_metric_score", "infrastructure");
    let growth =
        one(&parts, &[("partner_id", "7001"), ("path", "enterprise"), ("metric", "usage_growth")]);
    assert_eq!(growth["coverage"], "lower_bound");
    assert_eq!(growth["missing_inputs"], "azure_usage");
    assert_eq!(
        (growth["current_value"].as_str(), growth["baseline_value"].as_str()),
        ("700.0000", "300.0000")
    );
    let dimension = place.whole_table("dim_partner");
    let kind = |partner: &str| one(&dimension, &[("partner_id", partner)])["account_kind"].clone();
    assert_eq!((kind("5000").as_str(), kind("7001").as_str()), ("exporter", "reseller"));
    assert_eq!(
        one(&dimension, &[("partner_id", "7001")])["first_month"],
        format!("{}-01", month(12))
    );
}

#[test]
fn a_partners_export_credits_nobody_else() {
    let place = Place::new();
    base().write(&place.path("deliveries"), "2026-10-21");
    run(&place, "partner").assert().success();
    assert_eq!(partners(&place.area_table("fact_acr_ttm", "")), ["5000"]);
    assert_eq!(partners(&place.whole_table("dim_partner")), ["5000"]);
    // Declared otherwise, the same files are read again.
    run(&place, "distributor").assert().success();
    assert_eq!(partners(&place.area_table("fact_acr_ttm", "")), ["5000", "7001", "7002"]);
}

#[test]
fn only_partners_of_a_distributors_file_have_rows_of_resellers() {
    let place = Place::new();
    let mut own = Base::default();
    own.partner("1001");
    let mut line = Azure::new("1001", 0, 9, "90");
    line.attribution = "CSP Tier 1".to_owned();
    line.reseller = "7009".to_owned();
    own.azure.push(line.line());
    own.write(&place.path("own"), "2026-10-05");
    base().write(&place.path("sold"), "2026-10-05");
    // Later the own export comes alone, and says the same.
    own.write(&place.path("own"), "2026-10-21");
    let inputs = format!(
        "input = [{:?}, {{ uri = {:?}, scope = \"distributor\" }}]\nfacts = {:?}\n",
        place.text("own"),
        place.text("sold"),
        place.text("facts")
    );
    fs::write(place.path("job.toml"), inputs).unwrap();
    let mut ingest = capscore();
    ingest.args(["ingest", "--config", &place.text("job.toml")]).assert().success();
    let folder = place.path("facts/acr/azure_usage").join(month(0));
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    let [only] = files.as_slice() else { panic!("the same unit was stored twice: {files:?}") };
    let rows = read(only);
    let resold: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| (row["partner_id"].as_str(), row["reseller_id"].as_str()))
        .filter(|(_, reseller)| !reseller.is_empty())
        .collect();
    assert!(rows.iter().any(|row| row["partner_id"] == "1001"));
    assert!(resold.contains(&("5000", "7001")), "{resold:?}");
    assert!(resold.iter().all(|(partner, _)| *partner == "5000"), "{resold:?}");
}

#[test]
fn what_a_reseller_delivers_itself_wins() {
    for is_first in [true, false] {
        let place = Place::new();
        let mut own = Base::default();
        own.azure("7002", 0, 4, "50");
        let (first, second) = ("2026-10-21", "2026-10-22");
        let (distributor, partner) = if is_first { (first, second) } else { (second, first) };
        base().write(&place.path("distributor"), distributor);
        own.write(&place.path("own"), partner);
        let mut job = String::new();
        for (key, value) in [("facts", "facts"), ("output", "tables")] {
            job += &format!("{key} = {:?}\n", place.text(value));
        }
        job += &format!(
            "input = [{:?}, {{ uri = {:?}, scope = \"distributor\" }}]\n",
            place.text("own"),
            place.text("distributor")
        );
        fs::write(place.path("job.toml"), job).unwrap();
        let mut command = crate::base::capscore();
        command.args(["run", "--as-of", "2026-09", "--ruleset", "2026-08"]);
        command.args(["--config", &place.text("job.toml")]).assert().success();
        let ttm = place.area_table("fact_acr_ttm", "");
        let tenants: Vec<(String, String)> =
            find(&ttm, &[("partner_id", "7002"), ("scope", "all")])
                .into_iter()
                .map(|row| (row["tenant_id"].clone(), row["ttm_usd"].clone()))
                .collect();
        // Its own September; August only the distributor has.
        let expected = [(tenant(3), "800.0000"), (tenant(4), "50.0000")];
        assert_eq!(tenants, expected.map(|(tenant, amount)| (tenant, amount.to_owned())));
        // Growth would compare the one's month with the other's.
        let metrics = place.area_table("fact_metric_score", "infrastructure");
        let growth =
            one(&metrics, &[("partner_id", "7002"), ("path", "smb"), ("metric", "usage_growth")]);
        assert_eq!(growth["coverage"], "not_computable");
        assert_eq!(growth["flags"], "mixed_sources");
        let areas = place.area_table("fact_area_score", "infrastructure");
        let area = one(&areas, &[("partner_id", "7002"), ("path", "smb")]);
        assert!(area["flags"].contains("mixed_sources"), "{area:?}");
    }
}

/// One consumption under two associations that credit a reseller is one, as it is for the exporter.
#[test]
fn business_applications_count_once_for_the_reseller() {
    let mut base = base();
    for back in [0, 12] {
        for attribution in ["CSP Tier 1", "TPOR"] {
            base.revenue("5000", back, 1, "Business Central", attribution, "200");
            base.usage("5000", back, 1, "Business Central", attribution, [3, 0, 0]);
        }
        // Another subscription of the same association is added.
        let more =
            Business { subscription: 9, ..Business::new("5000", back, 1, "Sales", "CSP T2") };
        base.revenue.push(more.revenue("30"));
        base.revenue("5000", back, 1, "Sales", "CSP T2", "70");
    }
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let details = [0, 12].map(|back| subscription(1, 1, "7001", back));
    let subscriptions = [SUBSCRIPTIONS_HEADER.to_owned(), details.join("\n")].join("\n");
    fs::write(place.path("deliveries/2026-10-21/subs.csv"), subscriptions).unwrap();
    run(&place, "distributor").assert().success();
    let evidence = place.area_table("fact_customer_evidence", "");
    let of = |partner: &str, key: &str, workload: &str| {
        let key = ("evidence_key", key);
        one(&evidence, &[("partner_id", partner), key, ("workload", workload)])
    };
    let adds = "business_applications.net_customer_adds.bizapps.enterprise";
    for partner in ["5000", "7001"] {
        let row = of(partner, adds, "Business Central");
        assert_eq!(row["current_revenue_usd"], "200.0000", "{partner}");
        assert_eq!(row["baseline_revenue_usd"], "200.0000", "{partner}");
        assert_eq!(of(partner, adds, "Sales")["current_revenue_usd"], "100.0000", "{partner}");
        let growth = "business_applications.usage_growth.bizapps.enterprise";
        let row = of(partner, growth, "Business Central");
        assert_eq!(row["current_consumption_value"], "3000.0000", "{partner}");
    }
}

#[test]
fn seats_count_for_the_reseller_of_the_customer() {
    let mut base = base();
    for number in [1, 4, 5, 6] {
        base.office("5000", 0, number, "Intune", "CSP Tier 1", 310, 300);
    }
    // A claim stays the distributor's.
    base.office("5000", 0, 1, "Exchange", "CPOR", 999, 999);
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let subscriptions = [
        SUBSCRIPTIONS_HEADER.to_owned(),
        subscription(1, 1, "7001", 0),
        subscription(1, 1, "7001", 0),
        subscription(2, 4, "7001", 0),
        subscription(3, 4, "7003", 0),
        subscription(5, 5, "-1", 0),
        subscription(6, 6, "", 0),
        // Other months say nothing of this one.
        subscription(7, 5, "7001", 1),
        subscription(8, 8, "7001", 12),
    ];
    fs::write(place.path("deliveries/2026-10-21/subs.csv"), subscriptions.join("\n")).unwrap();
    // The subscription tells the customer of a row without one.
    let performance = [
        PERFORMANCE_HEADER.to_owned(),
        format!(
            "5000,7004,Late Reseller,US,65000,Provider,{}-01,EMS,0aa1b2c3-0000-4000-8000-000000000006,10",
            month(0)
        ),
        format!(
            "5000,7005,Other Reseller,US,65000,Provider,{}-01,EMS,0aa1b2c3-0000-4000-8000-0000000000ff,10",
            month(0)
        ),
    ];
    fs::write(place.path("deliveries/2026-10-21/performance.csv"), performance.join("\n")).unwrap();
    run(&place, "distributor").assert().success();
    let evidence = place.area_table("fact_customer_evidence", "");
    let of = |partner: &str| {
        let mut rows: Vec<(String, String, String)> = evidence
            .iter()
            .filter(|row| row["partner_id"] == partner)
            .filter(|row| row["evidence_key"] == "security.net_customer_adds.m365.enterprise")
            .filter(|row| row["workload"] == "Intune")
            .map(|row| {
                let column = |name: &str| row[name].clone();
                (column("tenant_id"), column("current_paid_seats"), column("reason_current"))
            })
            .collect();
        rows.sort();
        rows
    };
    let counted = |number| (tenant(number), "310".to_owned(), "counted".to_owned());
    assert_eq!(of("7001"), [counted(1)]);
    assert_eq!(of("7003"), []);
    assert_eq!(of("7004"), [counted(6)]);
    assert_eq!(of("7005"), []);
    assert_eq!(of("5000").len(), 4);
    let checks = checks(&place);
    let check = one(&checks, &[("check_id", "resellers_ambiguous")]);
    assert_eq!((check["observed"].as_str(), check["is_failed"].as_str()), ("1.0000", "true"));
    assert!(check["message"].contains(&tenant(4)), "{check:?}");
    let dimension = place.whole_table("dim_partner");
    assert_eq!(one(&dimension, &[("partner_id", "7004")])["partner_name"], "Late Reseller");
    let manifest = place.manifest();
    let file = |dataset: &str| {
        let inputs = manifest["inputs"].as_array().unwrap();
        inputs.iter().find(|file| file["dataset"] == dataset).unwrap().clone()
    };
    let count = |name: &str| file("subscriptions")[name].as_u64().unwrap();
    // One row twice.
    assert_eq!(
        (count("accepted"), count("used"), count("repeated"), count("not_used")),
        (8, 7, 1, 0)
    );
}

#[test]
fn resellers_roll_up_to_their_accounts() {
    let mut base = base();
    base.profile.push("7001,Reseller,7777,Reseller Global,Town,Utopia,Location".to_owned());
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    run(&place, "distributor").assert().success();
    let ttm = place.area_table("fact_acr_ttm", "");
    assert_eq!(partners(&ttm), ["5000", "7002", "7777"]);
}

/// Without the subscription details of a year ago nobody knows whose customers these were then.
#[test]
fn seats_of_a_month_without_subscription_details_are_not_compared() {
    let mut base = base();
    for back in [0, 12] {
        base.office("5000", back, 1, "Intune", "CSP Tier 1", 310, 300);
    }
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let details = [SUBSCRIPTIONS_HEADER.to_owned(), subscription(1, 1, "7001", 0)];
    fs::write(place.path("deliveries/2026-10-21/subs.csv"), details.join("\n")).unwrap();
    run(&place, "distributor").assert().success();
    let parts = place.area_table("fact_metric_part", "security");
    let adds = [("partner_id", "7001"), ("path", "enterprise"), ("metric", "net_customer_adds")];
    let part = one(&parts, &[adds[0], adds[1], adds[2], ("part", "m365")]);
    assert_eq!((part["coverage"].as_str(), part["points"].as_str()), ("not_computable", "0.0000"));
}

/// Months that were taken in as a partner's own credit nobody, so nothing is compared with them.
#[test]
fn months_of_another_scope_are_not_compared() {
    let mut old = base();
    old.azure.retain(|line| !line.contains(&format!(",{}-01,", month(0))));
    let mut new = base();
    new.azure.retain(|line| line.contains(&format!(",{}-01,", month(0))));
    let place = Place::new();
    old.write(&place.path("old"), "2026-10-20");
    new.write(&place.path("new"), "2026-10-21");
    for (folder, scope) in [("old", "partner"), ("new", "distributor")] {
        let mut command = crate::base::capscore();
        command.args(["ingest", "--scope", scope, "--input", &place.text(folder)]);
        command.args(["--facts", &place.text("facts")]).assert().success();
    }
    let mut command = crate::base::capscore();
    command.args(["score", "--as-of", "2026-09", "--ruleset", "2026-08"]);
    command.args(["--facts", &place.text("facts"), "--output", &place.text("tables")]);
    command.assert().success();
    let metrics = place.area_table("fact_metric_score", "infrastructure");
    let growth = [("partner_id", "7001"), ("path", "smb"), ("metric", "usage_growth")];
    let growth = one(&metrics, &growth);
    assert_eq!(
        (growth["coverage"].as_str(), growth["points"].as_str()),
        ("not_computable", "0.0000")
    );
}

/// A location of the distributor is no reseller, also when no profile says whose it is.
#[test]
fn a_location_of_the_exporter_is_no_reseller() {
    let mut base = base();
    // Without a profile a claim of a location is that of a partner of its own.
    base.profile.clear();
    base.seats.clear();
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    run(&place, "distributor").assert().success();
    assert_eq!(partners(&place.whole_table("dim_partner")), ["5000", "7001", "7002"]);
}

/// One reseller under two ids of one consumption counts twice, which is said.
#[test]
fn a_reseller_with_two_ids_is_a_warning() {
    let mut base = base();
    base.profile.push("7001,Reseller,7777,Reseller Global,Town,Utopia,Location".to_owned());
    let mut line = Azure::new("5000", 0, 1, "700");
    line.attribution = "TPOR".to_owned();
    line.role.clear();
    line.reseller = "7777".to_owned();
    base.azure.push(line.line());
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    run(&place, "distributor").assert().success();
    let checks = checks(&place);
    assert_eq!(one(&checks, &[("check_id", "reseller_ids_agree")])["observed"], "1.0000");
}

/// A profile that moves a reseller's location to another account moves its credit.
#[test]
fn a_late_profile_moves_the_credit() {
    let mut base = base();
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    run(&place, "distributor").assert().success();
    base.azure.clear();
    base.profile.push("7001,Reseller,7002,Reseller Two,Town,Utopia,Location".to_owned());
    let late = Base { profile: base.profile, ..Base::default() };
    late.write(&place.path("deliveries"), "2026-10-22");
    run(&place, "distributor").assert().success();
    let ttm = place.area_table("fact_acr_ttm", "");
    assert_eq!(partners(&ttm), ["5000", "7002"]);
}
