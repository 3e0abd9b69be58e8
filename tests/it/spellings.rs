//! The same said in other ways, and what cannot be said for certain: amounts, people, partners, headers.

use std::fs;

use crate::base::{Base, Place, REFERENCE, TRAININGS_HEADER, capscore, month, tenant};
use crate::tables::{find, one};

/// Azure usage of one partner and month by lines of tenant and amount.
fn azure(delimiter: &str, amounts: &[&str]) -> String {
    let header = [
        "PGAMpnID",
        "SubscriptionId",
        "Month",
        "ServiceLevel2",
        "CustomerTenantId",
        "CustomerSegment",
        "MPNID",
        "PartnerAttributionType",
        "ACR_USD",
    ];
    let mut lines = vec![header.join(delimiter)];
    for (number, amount) in (10..).zip(amounts) {
        let subscription = format!("0aa1b2c3-0000-4000-8000-{number:012}");
        let (month, tenant) = (format!("{}-01", month(0)), tenant(number));
        let amount =
            if amount.contains(delimiter) { format!("\"{amount}\"") } else { (*amount).to_owned() };
        lines.push(
            ["1001", &subscription, &month, "Sentinel", &tenant, "SMB", "61001", "PAL", &amount]
                .join(delimiter),
        );
    }
    lines.join("\n") + "\n"
}

fn deliver(place: &Place, name: &str, text: &str) {
    let folder = place.path("deliveries/2026-10-21");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
}

/// Any cell of a column can tell which mark is the decimal one, wherever it stands: a file never comes
/// to another sum because of the order of its rows.
#[test]
fn one_cell_tells_the_decimal_mark_of_all() {
    for (delimiter, amounts, sum) in [
        (";", &["0.125", "0.250", "12"][..], "12.375"),
        ("\t", &["80,500", "0,125"], "80.625"),
        ("\t", &["80,500", "12 345,678"], "12426.178"),
        (";", &["12'345.678", "80.500"], "12426.178"),
        (";", &["12 345.678", "80.500"], "12426.178"),
        (",", &["(5)", "0,125"], "-4.875"),
        (",", &["1,234", "1,234.5"], "2468.5"),
    ] {
        let mut turned = amounts.to_vec();
        turned.reverse();
        for amounts in [amounts, &turned] {
            let place = Place::new();
            deliver(&place, "azure.csv", &azure(delimiter, amounts));
            place.run().assert().success();
            let manifest = place.manifest();
            assert_eq!(manifest["inputs"][0]["amount_accepted"], sum, "{amounts:?}");
            assert_eq!(place.check("decimal_mark_ambiguous"), None, "{amounts:?}");
        }
    }
}

/// A person is one person, however a spreadsheet or an export spells the id.
#[test]
fn a_person_is_one_in_any_spelling() {
    let row = |mcp: &str, mail: &str| {
        format!(
            "1001,ID,Microsoft Certified: Azure Security Engineer Associate,Certification,First,Last,,{mail},2025-01-01,NA,Active,2025-01-01,1,{mcp},61001,Test Partner,Town,Utopia"
        )
    };
    let rows = [
        row("990000001", ""),
        row("'990000001", ""),
        row("\"=\"\"990000001\"\"\"", ""),
        row("990000001.00", ""),
        row("990000001\u{a0}", ""),
        // Zeros are no id: the next thing that tells a person does.
        row("0", "a@example.org"),
        row("", "A@example.org\u{a0}"),
        row("0", "b@example.org"),
    ];
    let place = Place::new();
    deliver(&place, "azure.csv", &azure(",", &["1"]));
    deliver(&place, "trainings.csv", &format!("{TRAININGS_HEADER}\n{}\n", rows.join("\n")));
    place.run().assert().success();
    let evidence = place.month_table("fact_skilling_evidence");
    let mut people: Vec<&String> = evidence.iter().map(|row| &row["person_key"]).collect();
    people.sort_unstable();
    people.dedup();
    assert_eq!(people.len(), 3, "{evidence:?}");

    // Digits that a spreadsheet destroyed are those of nobody.
    let place = Place::new();
    deliver(&place, "azure.csv", &azure(",", &["1"]));
    let ruined = row("9.9E+08", "");
    deliver(&place, "trainings.csv", &format!("{TRAININGS_HEADER}\n{ruined}\n"));
    let error = place.run().assert().failure();
    let error = String::from_utf8_lossy(&error.get_output().stderr).into_owned();
    assert!(error.contains("CS3010") && !error.contains("9.9E"), "{error}");
}

/// A partner that is called by a GUID is one in any spelling of it.
#[test]
fn a_partner_is_one_in_any_spelling_of_its_id() {
    let id = "0cc1b2c3-0000-4000-8000-00000000000a";
    let text = azure(",", &["1", "2"]);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[1] = lines[1].replacen("1001", id, 1);
    lines[2] = lines[2].replacen("1001", &format!("{{{}}}", id.to_uppercase()), 1);
    let place = Place::new();
    deliver(&place, "azure.csv", &(lines.join("\n") + "\n"));
    place.run().assert().success();
    let scores = place.month_table("fact_area_score");
    assert!(!scores.is_empty() && scores.iter().all(|row| row["partner_id"] == id), "{scores:?}");
}

/// A month column in another language, or under its older name, is a month column.
#[test]
fn a_month_is_known_by_all_its_names() {
    for name in ["MonthKey", "M\u{ea}s", "Month (Mes)"] {
        let place = Place::new();
        deliver(
            &place,
            "azure.csv",
            &azure(",", &["1"]).replacen(",Month,", &format!(",{name},"), 1),
        );
        place.run().assert().success();
        assert_eq!(place.manifest()["inputs"][0]["accepted"], 1, "{name}");
    }
}

/// A cell over several lines may hold more commas than the file has columns.
#[test]
fn a_cell_of_many_lines_is_no_stray_quote() {
    let tags: String =
        (0..12).map(|at| format!("  \"\"tag{at}\"\": \"\"v\"\",\n")).collect::<Vec<_>>().concat();
    let text = azure(",", &["1", "2"]);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[0] += ",Tags";
    lines[1] += &format!(",\"{{\n{tags}}}\"");
    lines[2] += ",";
    let place = Place::new();
    deliver(&place, "azure.csv", &(lines.join("\n") + "\n"));
    place.run().assert().success();
    assert_eq!(place.manifest()["inputs"][0]["accepted"], 2);
}

/// A stray quote that swallows the next row is still found.
#[test]
fn a_stray_quote_does_not_swallow_rows() {
    // From one record to a later one, with nothing, a blank line, or a line of totals between them.
    for (last, between) in [(2, None), (2, Some("")), (3, None), (3, Some("")), (3, Some("Total"))]
    {
        let text = azure(",", &["1", "2", "3"]);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[1] = lines[1].replace("Sentinel", "\"Sentinel");
        lines[last] = lines[last].replace("Sentinel", "Sentinel\"");
        if let Some(line) = between {
            lines.insert(2, line.to_owned());
        }
        let place = Place::new();
        deliver(&place, "azure.csv", &(lines.join("\n") + "\n"));
        let assert = place.run().assert().failure();
        let error = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(error.contains("CS3005"), "{last} {between:?}: {error}");
    }
}

/// A delivery without rows leaves what was delivered, and is said.
#[test]
fn an_empty_file_is_said() {
    let place = Place::new();
    deliver(&place, "azure.csv", &azure(",", &["1"]));
    place.run().assert().success();
    assert_eq!(place.check("delivery_empty"), None);
    let folder = place.path("deliveries/2026-10-22");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("azure.csv"), azure(",", &[])).unwrap();
    fs::remove_dir_all(place.path("tables")).unwrap();
    place.run().assert().success();
    let (observed, message) = place.check("delivery_empty").unwrap();
    assert_eq!(observed, "1.0000");
    assert!(message.contains("azure_usage of 2026-10-22"), "{message}");
    assert_eq!(place.month_table("fact_area_score").len(), 1);
}

/// A later download that was filtered is taken while it keeps half of the rows, and is said.
#[test]
fn a_smaller_replacement_is_said() {
    for (amounts, observed) in [(&["1"; 8][..], None), (&["1"; 6], Some("40.0000"))] {
        let place = Place::new();
        deliver(&place, "azure.csv", &azure(",", &["1"; 10]));
        let folder = place.path("deliveries/2026-10-22");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("azure.csv"), azure(",", amounts)).unwrap();
        place.run().assert().success();
        let check = place.check("replacement_drop");
        assert_eq!(check.as_ref().map(|(observed, _)| observed.as_str()), observed, "{check:?}");
    }
}

/// A header of thousands of columns without a name takes no time.
#[test]
fn columns_without_names_are_taken() {
    let text = azure(",", &["1"]);
    let (header, row) = text.split_once('\n').unwrap();
    let blank = ",".repeat(60_000);
    let place = Place::new();
    deliver(&place, "azure.csv", &format!("{header}{blank}\n{}{blank}\n", row.trim_end()));
    place.run().assert().success();
    assert_eq!(place.manifest()["inputs"][0]["accepted"], 1);
}

/// Customers whose segment nobody says are no enterprise customers for certain: it is said.
#[test]
fn a_path_without_segments_is_said() {
    let mut base = Base::default();
    base.partner("1001");
    base.azure("1001", 0, 10, "700");
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let path = place.path("deliveries/2026-10-21/azure.csv");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("Small, Medium & Corporate Commercial", "")).unwrap();
    let run = |place: &Place| {
        let mut command = capscore();
        command.args(["run", "--as-of", REFERENCE, "--input", &place.text("deliveries")]);
        command.args(["--facts", &place.text("facts"), "--output", &place.text("tables")]);
        command.assert().success();
    };
    run(&place);
    let (observed, _) = place.check("segments_missing").unwrap();
    assert_ne!(observed, "0");
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    run(&place);
    assert_eq!(place.check("segments_missing"), None);
}

/// Seats of a dataset that only one side of a comparison has are no new customers.
#[test]
fn a_dataset_of_one_side_is_missing() {
    let ems = |back: i32| {
        format!(
            "1001,0aa1b2c3-0000-4000-8000-00000000000a,{}-01,E3,Paid,{},61001,CSP Tier 2,200,,,150,,",
            month(back),
            tenant(10)
        )
    };
    let score = |months: &[i32]| {
        let mut base = Base::default();
        base.partner("1001");
        base.ems.extend(months.iter().map(|back| ems(*back)));
        let place = Place::new();
        base.write(&place.path("deliveries"), "2026-10-21");
        place.run_by("2026-08").assert().success();
        let parts = place.area_table("fact_metric_part", "security");
        let adds = [("path", "enterprise"), ("metric", "net_customer_adds"), ("part", "m365")];
        let part = one(&parts, &adds).clone();
        (part["coverage"].clone(), part["missing_inputs"].clone(), place.check("partial_datasets"))
    };
    let every: Vec<i32> = (0..24).collect();
    let (coverage, missing, check) = score(&every);
    assert_eq!((coverage.as_str(), missing.as_str(), check), ("complete", "", None));
    let (coverage, missing, check) = score(&[0, 1, 2]);
    assert_eq!((coverage.as_str(), missing.as_str()), ("lower_bound", "ems_usage"));
    assert!(check.unwrap().1.contains("ems_usage (1)"));
}

/// A workload that nobody knows counts nowhere, and is said.
#[test]
fn an_unknown_workload_is_said() {
    let mut base = Base::default();
    base.partner("1001");
    base.seats("1001", 0, 10, "Seats of Tomorrow", 40, 30);
    base.revenue("1001", 0, 10, "Dynamics of Tomorrow", "CSP Tier 2", "150");
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    place.run_by("2026-08").assert().success();
    let (observed, message) = place.check("workloads_unknown").unwrap();
    assert_eq!(observed, "2.0000");
    for name in ["seats of tomorrow (1)", "dynamics of tomorrow (1)"] {
        assert!(message.contains(name), "{message}");
    }
}

/// Names of no service are no deployments.
#[test]
fn a_service_that_is_not_named_is_not_deployed() {
    let deployments = |services: &[&str]| {
        let mut base = Base::default();
        base.partner("1001");
        for (tenant, service) in (10..).zip(services) {
            let mut line = crate::base::Azure::new("1001", 0, tenant, "100");
            (*service).clone_into(&mut line.service);
            base.azure.push(line.line());
        }
        let place = Place::new();
        base.write(&place.path("deliveries"), "2026-10-21");
        place.run_by("2026-08").assert().success();
        let rows = place.area_table("fact_metric_score", "infrastructure");
        let found = find(&rows, &[("path", "enterprise"), ("metric", "deployments")]);
        found[0]["current_value"].clone()
    };
    let unnamed = ["Storage", "N/A", "none", "-", "Not applicable", "NULL"];
    assert_eq!(deployments(&unnamed), deployments(&unnamed[..1]));
}
