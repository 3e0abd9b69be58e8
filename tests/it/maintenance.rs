//! Looking after the facts: taking deliveries back, proving that nothing was lost, and limits of
//! checks.

use std::fs;

use assert_cmd::Command;

use crate::base::{Base, Place, capscore, facts, month, stderr};
use crate::tables::{one, read};

/// The consumption of tenant 1 in the reference month, as published.
fn consumption(place: &Place) -> String {
    place.run().assert().success();
    let rows = place.month_table("fact_acr_ttm");
    let tenant = crate::base::tenant(1);
    one(&rows, &[("tenant_id", &tenant), ("scope", "security")])["last_month_usd"].clone()
}

#[test]
fn a_retracted_delivery_gives_way_to_what_it_replaced() {
    let place = Place::new();
    for (date, amount) in [("2026-10-05", "1000"), ("2026-10-21", "2000")] {
        let mut base = Base::default();
        base.partner("1001");
        base.azure("1001", 0, 1, amount);
        base.write(&place.path("deliveries"), date);
    }
    assert_eq!(consumption(&place), "2000.0000");
    facts(&place, &["retract", "2026-10-21", "--dataset", "azure_usage"]).assert().success();
    // The files are still there and stay known.
    assert_eq!(consumption(&place), "1000.0000");
    let listed = facts(&place, &["list"]).assert().success().get_output().stdout.clone();
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let retracted: Vec<&str> = listed.lines().filter(|line| line.contains("retracted")).collect();
    assert_eq!(retracted.len(), 1, "{listed}");
    assert!(retracted[0].contains("azure_usage"), "{listed}");
    facts(&place, &["retract", "2026-10-21", "--dataset", "azure_usage", "--undo"])
        .assert()
        .success();
    assert_eq!(consumption(&place), "2000.0000");
    facts(&place, &["retract", "2026-10-21"]).assert().success();
    assert_eq!(consumption(&place), "1000.0000");
    // A corrected file at the same place counts.
    let file = place.path("deliveries/2026-10-21/azure.csv");
    let text = fs::read_to_string(&file).unwrap().replace(",2000", ",3000");
    fs::write(&file, text).unwrap();
    assert_eq!(consumption(&place), "3000.0000");
    // Retracted again: the same file under another name is new, beside the one that stays out.
    facts(&place, &["retract", "2026-10-21"]).assert().success();
    assert_eq!(consumption(&place), "1000.0000");
    fs::copy(&file, file.with_file_name("again.csv")).unwrap();
    assert_eq!(consumption(&place), "3000.0000");
    let message = stderr(&mut facts(&place, &["retract", "2026-10-22"]), 3);
    assert!(message.contains("2026-10-05, 2026-10-21"), "{message}");
    let message =
        stderr(&mut facts(&place, &["retract", "2026-10-21", "--dataset", "profiles"]), 3);
    assert!(message.contains("of profiles"), "{message}");
}

#[test]
fn damaged_facts_are_found() {
    let place = Place::new();
    let mut base = Base::default();
    base.partner("1001");
    base.skilled("1001", 3);
    base.azure("1001", 0, 1, "5");
    base.write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let verified = facts(&place, &["verify"]).assert().success().get_output().stdout.clone();
    let verified = String::from_utf8_lossy(&verified).into_owned();
    assert!(verified.contains("all rows are as ingested"), "{verified}");
    let file = |back: i32| {
        place.path("facts/acr/azure_usage").join(month(back)).join("0000000001.parquet")
    };
    let good = fs::read(file(0)).unwrap();
    // A whole file, but of another month.
    fs::copy(file(1), file(0)).unwrap();
    let message = stderr(&mut facts(&place, &["verify"]), 1);
    assert!(message.contains(&format!("azure_usage {} of partner 1001", month(0))), "{message}");
    fs::write(file(0), &good[..good.len() / 2]).unwrap();
    assert!(stderr(&mut facts(&place, &["verify"]), 1).contains(&month(0)));
    fs::remove_file(file(0)).unwrap();
    assert!(stderr(&mut facts(&place, &["verify"]), 1).contains(&month(0)));
    fs::write(file(0), good).unwrap();
    facts(&place, &["verify"]).assert().success();
}

fn run_by_job(place: &Place, checks: &str) -> Command {
    let job = format!(
        "input = [{:?}]\nfacts = {:?}\noutput = {:?}\n[checks]\n{checks}\n",
        place.text("deliveries"),
        place.text("facts"),
        place.text("tables")
    );
    fs::write(place.path("job.toml"), job).unwrap();
    let mut command = capscore();
    command.args(["run", "--as-of", "2026-09", "--ruleset", "2023-12-01"]);
    command.args(["--config", &place.text("job.toml")]);
    command
}

#[test]
fn limits_of_checks_stop_a_publication() {
    let place = Place::new();
    let mut base = Base::default();
    base.partner("1001");
    base.partner("1002");
    // What lies between the months of one file is delivered; between those of two files it is not.
    let of = |line: &str, back: i32| line.contains(&format!(",{}-01,", month(back)));
    base.azure.retain(|line| !of(line, 3));
    let azure = base.azure.extract_if(.., |line| (4..40).any(|back| of(line, back))).collect();
    let before = Base { azure, ..Base::default() };
    before.write(&place.path("deliveries"), "2026-10-20");
    // One partner has no seats any more, and most rows of the month are gone.
    let gone = format!("{}-01", month(0));
    base.seats.retain(|line| !(line.contains("61002") && line.ends_with(&gone)));
    base.write(&place.path("deliveries"), "2026-10-21");
    let message = stderr(&mut run_by_job(&place, "months_missing = { error = 0 }"), 5);
    assert!(message.contains(&format!("azure_usage {}", month(3))), "{message}");
    assert!(!place.path("tables/fact_area_score").exists());
    let checks = "months_missing = { error = 1 }\nusage_vanished = { warn = 5 }\nvolume_drop = { warn = 50, error = 80 }";
    run_by_job(&place, checks).assert().success();
    let run = fs::read_dir(place.path("tables/_runs")).unwrap().next().unwrap().unwrap().path();
    let checks = read(&run.join("check_result.parquet"));
    let row = |id: &str| {
        let row = one(&checks, &[("check_id", id)]);
        ["severity", "observed", "threshold", "is_failed"].map(|column| row[column].clone())
    };
    assert_eq!(row("months_missing"), ["warn", "1.0000", "0.0000", "true"]);
    assert_eq!(row("usage_vanished"), ["warn", "1.0000", "5.0000", "false"]);
    assert_eq!(row("volume_drop"), ["warn", "50.0000", "50.0000", "false"]);
    assert_eq!(row("dataset_behind"), ["warn", "0.0000", "0.0000", "false"]);
    assert_eq!(row("segments_unknown")[3], "false");
    let message = stderr(&mut run_by_job(&place, "month_missing = { warn = 0 }"), 2);
    assert!(message.contains("no check is called \"month_missing\""), "{message}");
    assert!(message.contains("months_missing"), "{message}");
}

/// The export's own flags say which lines repeat a consumption; so does the collapse.
#[test]
fn flags_of_duplicates_are_compared() {
    let check = |flag: &str| {
        let mut base = Base::default();
        base.partner("1001");
        let pal = crate::base::Azure::new("1001", 0, 1, "100");
        let mut csp = pal.clone();
        csp.attribution = "CSP Tier 1".to_owned();
        base.azure.push(pal.line());
        base.azure.push(csp.line().replace(",Direct,,0,", &format!(",Direct,,{flag},")));
        let place = crate::base::run(&base);
        let run = fs::read_dir(place.path("tables/_runs")).unwrap().next().unwrap().unwrap().path();
        let checks = read(&run.join("check_result.parquet"));
        one(&checks, &[("check_id", "duplicate_flags_agree")]).clone()
    };
    for flag in ["1", "True", "1.0"] {
        assert_eq!(check(flag)["is_failed"], "false");
    }
    let failed = check("0");
    assert_eq!(failed["is_failed"], "true");
    assert!(
        failed["message"].starts_with("200.24 USD by the exports' flags of duplicates, 100.24"),
        "{failed:?}"
    );
}

#[test]
fn who_is_erased_does_not_come_back() {
    let place = Place::new();
    let mut base = Base::default();
    base.partner("1001");
    base.skilled("1001", 3);
    for number in [1, 2] {
        base.azure("1001", 0, number, "1000");
        base.seats("1001", 0, number, "Intune", 50, 40);
    }
    base.write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let tenants = |place: &Place| {
        let mut tenants: Vec<String> = place
            .month_table("fact_customer_evidence")
            .iter()
            .map(|row| row["tenant_id"].clone())
            .collect();
        tenants.retain(|tenant| !tenant.is_empty());
        tenants.sort();
        tenants.dedup();
        tenants
    };
    let people = |place: &Place| {
        let mut keys: Vec<String> = place
            .month_table("fact_skilling_evidence")
            .iter()
            .map(|row| row["person_key"].clone())
            .collect();
        keys.sort();
        keys.dedup();
        keys.len()
    };
    let (gone, kept) = (crate::base::tenant(1), crate::base::tenant(2));
    assert!(tenants(&place).contains(&gone));
    let before = people(&place);
    let units = fs::read(place.path("facts/units/0000000001.parquet")).unwrap();
    let erase = ["erase", "--customer", &gone.to_uppercase(), "--person", "Person1@example.org"];
    facts(&place, &erase).assert().success();
    facts(&place, &["verify"]).assert().success();
    place.run().assert().success();
    assert!(!tenants(&place).contains(&gone) && tenants(&place).contains(&kept));
    assert_eq!(people(&place), before - 1);
    let dimension = place.whole_table("dim_customer");
    assert!(dimension.iter().all(|row| row["tenant_id"] != gone));
    // Nothing of them is left in any file of the facts.
    let mut files = Vec::new();
    let mut folders = vec![place.path("facts")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "parquet")) {
        if file.starts_with(place.path("facts/units")) {
            continue;
        }
        let rows = read(file);
        let holds = |row: &crate::tables::Row| row.values().any(|value| value == &gone);
        assert!(!rows.iter().any(holds), "{}", file.display());
    }
    // An erasure that was cut off before the units were written is completed by asking again.
    fs::write(place.path("facts/units/0000000001.parquet"), units).unwrap();
    facts(&place, &["verify"]).assert().code(1);
    facts(&place, &erase).assert().success();
    facts(&place, &["verify"]).assert().success();
    // The next download of the same two years says it all again.
    base.azure("1001", 0, 2, "7");
    base.write(&place.path("deliveries"), "2026-10-28");
    place.run().assert().success();
    assert!(!tenants(&place).contains(&gone) && tenants(&place).contains(&kept));
    assert_eq!(people(&place), before - 1);
    let ledger = fs::read_to_string(place.path("facts/ledger/0000000003.json")).unwrap();
    let ledger: serde_json::Value = serde_json::from_str(&ledger).unwrap();
    let file = |dataset: &str| {
        let files = ledger["files"].as_array().unwrap();
        files.iter().find(|file| file["dataset"] == dataset).unwrap().clone()
    };
    assert_eq!(file("azure_usage")["not_used_reasons"]["erased"], 1);
    assert_eq!(file("azure_usage")["amount_not_used"], "1000");
    assert_eq!(file("trainings")["not_used_reasons"]["erased"], 1);
    // Nothing was held back for being less than before.
    let listed = facts(&place, &["list"]).assert().success().get_output().stdout.clone();
    let listed = String::from_utf8_lossy(&listed).into_owned();
    for line in listed.lines().filter(|line| line.contains("2026-10-28")) {
        assert_eq!(line.split_whitespace().last(), Some("0"), "{listed}");
    }
    let nobody = facts(&place, &["erase", "--customer", &crate::base::tenant(77)]);
    assert!(stderr(&mut { nobody }, 3).contains("no row of the facts"));
    let mut no_key = facts(&place, &["erase", "--person", "someone@example.org"]);
    no_key.env_remove("CAPSCORE_PERSON_KEY");
    assert!(stderr(&mut no_key, 2).contains("CAPSCORE_PERSON_KEY"));
    assert!(!place.path("facts/person_key").exists());
    let message = stderr(&mut facts(&place, &["erase"]), 2);
    assert!(message.contains("nobody is named"), "{message}");
    stderr(&mut facts(&place, &["erase", "--customer", "Adatum"]), 2);
}

#[test]
fn restatements_are_listed_by_partner_and_month() {
    let place = Place::new();
    let deliver = |date: &str, amounts: &[(i32, &str)]| {
        let mut base = Base::default();
        for partner in ["1001", "1002"] {
            base.azure(partner, 5, 9, "1");
        }
        for (back, amount) in amounts {
            base.azure("1001", *back, 1, amount);
        }
        base.write(&place.path("deliveries"), date);
    };
    deliver("2026-10-05", &[(1, "100"), (0, "10")]);
    deliver("2026-10-21", &[(1, "150.5"), (0, "10"), (2, "3")]);
    let mut ingest = capscore();
    ingest.args(["ingest", "--input", &place.text("deliveries"), "--facts", &place.text("facts")]);
    ingest.assert().success();
    let list = |arguments: &[&str]| {
        let output = facts(&place, arguments).assert().success().get_output().stdout.clone();
        let output = String::from_utf8_lossy(&output).into_owned();
        output
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
    };
    let expected = [
        format!("azure_usage 1001 {} 1 3", month(2)),
        format!("azure_usage 1001 {} 1 1 100 150.5", month(1)),
    ];
    assert_eq!(list(&["diff", "2026-10-05", "2026-10-21"]), expected);
    assert_eq!(list(&["diff", "2026-10-05", "2026-10-21", "--partner", "1002"]).len(), 0);
    // Before the first delivery there was nothing.
    assert_eq!(list(&["diff", "2026-10-04", "2026-10-05"]).len(), 4);
    assert!(stderr(&mut facts(&place, &["diff", "2026-10", "2026-11"]), 2).contains("YYYY-MM-DD"));
}

#[test]
fn names_of_customers_end_at_ingest_where_asked() {
    let place = Place::new();
    let mut base = Base::default();
    base.partner("1001");
    base.azure("1001", 0, 1, "1000");
    base.write(&place.path("deliveries"), "2026-10-21");
    place.run().args(["--customer-names", "drop"]).assert().success();
    let customers = place.whole_table("dim_customer");
    assert!(!customers.is_empty());
    for customer in &customers {
        assert_eq!(customer["customer_name"], "∅");
        assert!(!customer["segment"].is_empty());
    }
}
