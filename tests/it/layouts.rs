//! Other layouts of the same exports: what they become in a score.

use std::fs;

use crate::base::{Base, EMS_HEADER, Place, month, tenant};
use crate::tables::{find, one, read};

/// The system query of Azure usage: services are told by meter categories.
#[test]
fn meter_categories_stand_for_services() {
    let mut base = Base::default();
    base.partner("1001");
    base.azure.clear();
    let header = "PGAMpnId,SubscriptionId,Month,ServiceName,MeterCategory,UsageUnits,CustomerTenantId,MpnId,PartnerAttributionType,MonthlySubscriptionLevelACR,TotalACR";
    let mut lines = vec![header.to_owned()];
    for back in 0..24 {
        lines.push(format!(
            "1001,0aa1b2c3-0000-4000-8000-000000000001,{}-01,S,Bandwidth,GB,{},61001,TPOR,1,1",
            month(back),
            tenant(1)
        ));
    }
    for (number, meter, amount) in [(10, "key vault", "700"), (11, "Brand New Meter", "700.5")] {
        lines.push(format!(
            "1001,0aa1b2c3-0000-4000-8000-0000000000{number},{}-01,S,{meter},GB,{},61001,PAL,9999,{amount}",
            month(0),
            tenant(number)
        ));
    }
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    fs::write(place.path("deliveries/2026-10-21/query.csv"), lines.join("\n")).unwrap();
    place.run_by("2026-08").assert().success();
    let points = |area: &str, metric: &str| {
        let rows = place.area_table("fact_metric_score", area);
        let row = one(&rows, &[("path", "enterprise"), ("metric", metric)]);
        row["current_value"].clone()
    };
    // One of two customers by a security service; one service, as the other meter is none.
    let security = place.area_table("fact_metric_part", "security");
    let adds = [("path", "enterprise"), ("metric", "net_customer_adds"), ("part", "azure")];
    assert_eq!(one(&security, &adds)["current_value"], "1.0000");
    assert_eq!(points("infrastructure", "deployments"), "1.0000");
    assert_eq!(points("infrastructure", "usage_growth"), "1400.5000");
    let run = fs::read_dir(place.path("tables/_runs")).unwrap().next().unwrap().unwrap().path();
    let checks = read(&run.join("check_result.parquet"));
    let check = one(&checks, &[("check_id", "services_unmapped")]);
    // Bandwidth of 24 months, under an association that counts nowhere, and the new meter.
    assert!(check["message"].contains("Brand New Meter (700.5 USD)"), "{check:?}");
    assert!(check["message"].contains("724.5 USD"), "{check:?}");
}

/// Rows of paid subscriptions and products are added; a row that is there twice is one.
#[test]
fn wide_rows_of_enterprise_mobility_are_added() {
    let mut base = Base::default();
    base.partner("1001");
    let row = |sku: &str, kind: &str, location: &str, seats: &str| {
        format!(
            "1001,0aa1b2c3-0000-4000-8000-000000000001,{}-01,{sku},{kind},{},{location},CSP Tier 2,{seats}",
            month(0),
            tenant(10)
        )
    };
    let lines = [
        EMS_HEADER.to_owned(),
        row("E3", "Paid", "61001", "200,100,,50,20,"),
        row("E5", "Paid", "61001", "101,10,5,25,5,1"),
        row("E5", "Paid", "61001", "101,10,5,25,5,1"),
        row("Trial", "Free", "61001", "9000,9000,9000,1,1,1"),
        row("E3", "Paid", "69999", "300,1,,1,1,"),
    ];
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    fs::write(place.path("deliveries/2026-10-21/ems.csv"), lines.join("\n")).unwrap();
    place.run_by("2026-08").assert().success();
    let evidence = place.area_table("fact_customer_evidence", "");
    let seats: Vec<(String, String, String)> = find(&evidence, &[("tenant_id", &tenant(10))])
        .into_iter()
        .filter(|row| row["evidence_key"] == "security.net_customer_adds.m365.enterprise")
        .map(|row| {
            let column = |name: &str| row[name].clone();
            (column("workload"), column("current_paid_seats"), column("current_active_users"))
        })
        .collect();
    let expected = [
        ("Intune", "110", "25"),
        ("Microsoft Entra ID P1", "301", "75"),
        ("Microsoft Purview Information Protection", "5", "1"),
    ];
    let expected: Vec<(String, String, String)> = expected
        .into_iter()
        .map(|(name, paid, active)| (name.to_owned(), paid.to_owned(), active.to_owned()))
        .collect();
    assert_eq!(seats, expected);
    let manifest = place.manifest();
    let file = manifest["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .find(|file| file["dataset"] == "ems_usage")
        .unwrap();
    let count = |name: &str| file[name].as_u64().unwrap();
    assert_eq!((count("records"), count("accepted")), (5, 5));
    assert_eq!((count("used"), count("repeated"), count("not_used")), (3, 1, 1));
}

/// Distinct rows of a wide export and of business applications are added; the same row in other words
/// is one: another spelling of the month or of an id, another order of columns.
#[test]
fn a_row_in_other_words_is_one_row() {
    let mut base = Base::default();
    base.partner("1001");
    base.business("1001");
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let (iso, digits) = (format!("{}-01", month(0)), format!("{}01", month(0).replace('-', "")));
    let (tenant, subscription) = (tenant(10), "0aa1b2c3-0000-4000-8000-00000000000a");
    let write = |name: &str, columns: &[(&str, &str)]| {
        let line = |cells: Vec<&str>| cells.join(",");
        let header = line(columns.iter().map(|(header, _)| *header).collect());
        let row = line(columns.iter().map(|(_, cell)| *cell).collect());
        fs::write(
            place.path(&format!("deliveries/2026-10-21/{name}")),
            format!("{header}\n{row}\n"),
        )
        .unwrap();
    };
    let ems = |month, tenant| {
        [
            ("PGAMpnID", "1001"),
            ("MPNID", "61001"),
            ("SubscriptionId", subscription),
            ("Month", month),
            ("SKU", "E3"),
            ("FreeVsPaidSKU", "Paid"),
            ("CustomerTenantId", tenant),
            ("PartnerAttributionType", "CSP Tier 2"),
            ("AADPPaidAvailableUnits", "200"),
            ("IntunePaidAvailableUnits", ""),
            ("AzipPaidAvailableUnits", ""),
            ("AADPMonthlyActiveUsers", "100"),
            ("IntuneMonthlyActiveUsers", ""),
            ("AzipMonthlyActiveUsers", ""),
        ]
    };
    let upper = tenant.to_uppercase();
    write("ems_row.csv", &ems(&iso, &tenant));
    let mut turned = ems(&digits, &upper);
    turned.reverse();
    write("ems_turned.csv", &turned);
    let usage = |month, tenant| {
        [
            ("FiscalMonthName", month),
            ("GlobalPartnerID", "1001"),
            ("PartnerAssociationType", "CSP Tier 2"),
            ("CustomerTenantID", tenant),
            ("SubscriptionID", subscription),
            ("MetricType", "Paid"),
            ("Workload", "Business Central"),
            ("SkuGroup", "Essentials"),
            ("PAMAU", ""),
            ("MAC", ""),
            ("MAU", "7"),
        ]
    };
    write("usage_row.csv", &usage(&iso, &tenant));
    let mut turned = usage(&digits, &upper);
    turned.reverse();
    write("usage_turned.csv", &turned);
    place.run_by("2026-08").assert().success();
    let evidence = place.area_table("fact_customer_evidence", "");
    let of = |workload: &str| find(&evidence, &[("tenant_id", &tenant), ("workload", workload)]);
    let seats = of("Microsoft Entra ID P1");
    assert!(!seats.is_empty());
    assert!(seats.iter().all(|row| row["current_paid_seats"] == "200"), "{seats:?}");
    assert!(seats.iter().all(|row| row["current_active_users"] == "100"), "{seats:?}");
    let used = of("Business Central");
    assert!(!used.is_empty());
    // 1,000 an active user.
    assert!(used.iter().all(|row| row["current_consumption_value"] == "7000.0000"), "{used:?}");
    let manifest = place.manifest();
    let inputs = manifest["inputs"].as_array().unwrap();
    for dataset in ["ems_usage", "bizapps_usage"] {
        // Without the lines of the base itself.
        let is_row = |file: &&serde_json::Value| {
            let uri = file["uri"].as_str().unwrap();
            file["dataset"] == dataset && (uri.contains("_row") || uri.contains("_turned"))
        };
        let files = inputs.iter().filter(is_row);
        let sum = |name: &str| files.clone().map(|file| file[name].as_u64().unwrap()).sum::<u64>();
        assert_eq!((sum("used"), sum("repeated")), (1, 1), "{dataset}");
    }
    // The lines of the base have more columns; another order of the same is no difference.
    let (observed, message) = place.check("consumption_keys_differ").unwrap();
    assert_eq!(observed, "2.0000", "{message}");
    assert_eq!(message.matches("/usage.csv of ").count(), 2, "{message}");
}

/// What an export was not asked for is said: its cells are no zeros that somebody delivered.
#[test]
fn columns_that_matter_are_missed() {
    let mut base = Base::default();
    base.partner("1001");
    base.azure("1001", 0, 10, "100");
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let ems = format!(
        "PGAMpnID,MPNID,SubscriptionId,Month,CustomerTenantId,PartnerAttributionType,AADPPaidAvailableUnits,IntunePaidAvailableUnits,AzipPaidAvailableUnits,IntuneMonthlyActiveUsers,AzipMonthlyActiveUsers\n1001,61001,0aa1b2c3-0000-4000-8000-00000000000a,{}-01,{},CSP Tier 2,200,,,,\n",
        month(0),
        tenant(10)
    );
    fs::write(place.path("deliveries/2026-10-21/ems.csv"), ems).unwrap();
    place.run_by("2026-08").assert().success();
    let (observed, message) = place.check("columns_missing").unwrap();
    assert_eq!(observed, "2.0000");
    for header in ["FreeVsPaidSKU", "AADPMonthlyActiveUsers"] {
        assert!(message.contains(&format!("{header} of ")), "{message}");
    }
}

/// Rows of business applications are told apart by their subscription, which this file lacks; of the
/// other file's rows nobody can say whether they are the same.
#[test]
fn files_with_other_columns_are_a_warning_where_rows_are_added() {
    let mut base = Base::default();
    base.partner("1001");
    base.azure("1001", 0, 10, "100");
    base.revenue("1001", 0, 10, "Business Central", "CSP Tier 2", "150");
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let narrow = format!(
        "FiscalMonthName,GlobalPartnerID,PartnerAssociationType,CustomerTenantID,Workloads,AdjustedRevenueAmtCD\n{}-01,1001,CSP Tier 2,{},Business Central,150\n",
        month(0),
        tenant(10)
    );
    fs::write(place.path("deliveries/2026-10-21/narrow.csv"), narrow).unwrap();
    place.run_by("2026-08").assert().success();
    let (_, message) = place.check("consumption_keys_differ").unwrap();
    assert!(message.contains("narrow.csv") || message.contains("bizapps"), "{message}");
    let (observed, message) = place.check("columns_missing").unwrap();
    assert_eq!(observed, "1.0000");
    assert!(message.contains("SubscriptionId of bizapps_revenue"), "{message}");
}

/// Two files of one day that tell one consumption from another by different columns.
#[test]
fn different_keys_in_one_delivery_are_a_warning() {
    let mut base = Base::default();
    base.partner("1001");
    base.azure("1001", 0, 10, "100");
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let narrow = format!(
        "PGAMpnID,SubscriptionId,Month,ServiceLevel2,CustomerTenantId,MPNID,PartnerAttributionType,ACR_USD\n1001,0aa1b2c3-0000-4000-8000-00000000000a,{}-01,Sentinel,{},61001,PAL,100\n",
        month(0),
        tenant(10)
    );
    fs::write(place.path("deliveries/2026-10-21/narrow.csv"), narrow).unwrap();
    place.run().assert().success();
    let run = fs::read_dir(place.path("tables/_runs")).unwrap().next().unwrap().unwrap().path();
    let checks = read(&run.join("check_result.parquet"));
    let check = one(&checks, &[("check_id", "consumption_keys_differ")]);
    assert_eq!(check["is_failed"], "true");
    assert!(check["message"].contains("narrow.csv"), "{check:?}");
}
