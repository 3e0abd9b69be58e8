//! Deliveries over time: superseding, held replacements, late files, snapshots, roll-up.

use std::fs;

use crate::base::{AZURE_HEADER, Azure, Base, Place, published, run};
use crate::tables::{find, one};

fn ttm_of(place: &Place, tenant: u32) -> Option<String> {
    let rows = place.month_table("fact_acr_ttm");
    let tenant = crate::base::tenant(tenant);
    let rows = find(&rows, &[("tenant_id", &tenant), ("scope", "security")]);
    rows.first().map(|row| row["ttm_usd"].clone())
}

fn usage(amounts: &[(u32, &str)]) -> Base {
    let mut base = Base::default();
    for (tenant, amount) in amounts {
        base.azure("1001", 0, *tenant, amount);
    }
    base
}

fn filled(amounts: &[(u32, &str)]) -> Base {
    let mut base = usage(amounts);
    base.partner("1001");
    base
}

#[test]
fn the_newest_delivery_wins_in_any_order_of_arrival() {
    let old = filled(&[(1, "500"), (2, "70")]);
    let new = usage(&[(1, "450"), (2, "75")]);
    let new = Base { azure: [new.azure, filler_of_reference()].concat(), ..Base::default() };
    let in_order = Place::new();
    old.write(&in_order.path("deliveries"), "2026-10-21");
    in_order.run().assert().success();
    assert_eq!(ttm_of(&in_order, 1).as_deref(), Some("500.0000"));
    new.write(&in_order.path("deliveries"), "2026-11-21");
    in_order.run().assert().success();
    assert_eq!(ttm_of(&in_order, 1).as_deref(), Some("450.0000"));
    let reversed = Place::new();
    new.write(&reversed.path("deliveries"), "2026-11-21");
    reversed.run().assert().success();
    old.write(&reversed.path("deliveries"), "2026-10-21");
    reversed.run().assert().success();
    let at_once = Place::new();
    old.write(&at_once.path("deliveries"), "2026-10-21");
    new.write(&at_once.path("deliveries"), "2026-11-21");
    at_once.run().assert().success();
    for other in [&reversed, &at_once] {
        let (left, right) = (in_order.path("tables"), other.path("tables"));
        assert_same_tables(&published(&left), &published(&right));
    }
}

fn filler_of_reference() -> Vec<String> {
    let mut filler = Azure::new("1001", 0, 900_000, "0.01");
    filler.service = "Storage".to_owned();
    vec![filler.line()]
}

/// The run's folder holds earlier runs as well: only the tables are compared.
fn assert_same_tables(
    left: &std::collections::BTreeMap<String, Vec<u8>>,
    right: &std::collections::BTreeMap<String, Vec<u8>>,
) {
    let tables = |files: &std::collections::BTreeMap<String, Vec<u8>>| {
        let mut files = files.clone();
        files.retain(|name, _| !name.starts_with("_runs"));
        files
    };
    let (left, right) = (tables(left), tables(right));
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    for (name, bytes) in &left {
        assert!(*bytes == right[name], "{name} differs");
    }
}

#[test]
fn a_replacement_that_loses_most_rows_is_held_until_it_is_accepted() {
    let place = Place::new();
    filled(&[(1, "500"), (2, "70"), (3, "80")]).write(&place.path("deliveries"), "2026-10-21");
    usage(&[(1, "600")]).write(&place.path("deliveries"), "2026-11-21");
    let output = place.run().assert().success();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert!(text.contains("replacement_held"), "{text}");
    assert!(text.contains("1001 2026-09: 1 rows instead of 4"), "{text}");
    assert_eq!(ttm_of(&place, 1).as_deref(), Some("500.0000"));

    let accepted = Place::new();
    filled(&[(1, "500"), (2, "70"), (3, "80")]).write(&accepted.path("deliveries"), "2026-10-21");
    accepted.run().assert().success();
    usage(&[(1, "600")]).write(&accepted.path("deliveries"), "2026-11-21");
    accepted.run().arg("--accept-drop").assert().success();
    assert_eq!(ttm_of(&accepted, 1).as_deref(), Some("600.0000"));
    assert_eq!(ttm_of(&accepted, 2), None);
}

#[test]
fn a_replacement_without_a_location_is_held() {
    let place = Place::new();
    let mut base = filled(&[(1, "500")]);
    let mut second = Azure::new("1001", 0, 2, "70");
    second.location = "6002".to_owned();
    base.azure.push(second.line());
    base.write(&place.path("deliveries"), "2026-10-21");
    let mut new = usage(&[(1, "501"), (2, "71")]);
    new.azure.extend(filler_of_reference());
    new.write(&place.path("deliveries"), "2026-11-21");
    let output = place.run().assert().success();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert!(text.contains("without location 6002"), "{text}");
    assert_eq!(ttm_of(&place, 1).as_deref(), Some("500.0000"));
}

#[test]
fn a_header_only_file_delivers_nothing_and_replaces_nothing() {
    let place = Place::new();
    filled(&[(1, "500")]).write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    fs::create_dir_all(place.path("deliveries/2026-11-21")).unwrap();
    fs::write(place.path("deliveries/2026-11-21/a.csv"), format!("{AZURE_HEADER}\n")).unwrap();
    place.run().assert().success();
    assert_eq!(ttm_of(&place, 1).as_deref(), Some("500.0000"));
}

#[test]
fn a_late_file_joins_its_delivery() {
    let both = Place::new();
    filled(&[(1, "500")]).write(&both.path("deliveries"), "2026-10-21");
    let mut late = Azure::new("1001", 0, 1, "510");
    late.attribution = "CSP Tier 2".to_owned();
    let late = format!("{AZURE_HEADER}\n{}\n", late.line());
    fs::write(both.path("deliveries/2026-10-21/late.csv"), &late).unwrap();
    both.run().assert().success();

    let place = Place::new();
    filled(&[(1, "500")]).write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    fs::write(place.path("deliveries/2026-10-21/late.csv"), &late).unwrap();
    place.run().assert().success();
    assert_same_tables(&published(&both.path("tables")), &published(&place.path("tables")));
    assert_eq!(ttm_of(&place, 1).as_deref(), Some("500.0000"));

    // Without the first file the claims of one consumption cannot be told apart any more.
    let partial = Place::new();
    filled(&[(1, "500")]).write(&partial.path("deliveries"), "2026-10-21");
    partial.run().assert().success();
    fs::remove_file(partial.path("deliveries/2026-10-21/azure.csv")).unwrap();
    fs::write(partial.path("deliveries/2026-10-21/late.csv"), &late).unwrap();
    let output = partial.run().assert().code(4);
    let text = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(text.contains("error[CS3008]"), "{text}");
}

#[test]
fn the_same_content_again_adds_nothing() {
    let place = Place::new();
    filled(&[(1, "500")]).write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let before = published(&place.path("tables"));
    fs::copy(
        place.path("deliveries/2026-10-21/azure.csv"),
        place.path("deliveries/2026-10-21/copy of azure.csv"),
    )
    .unwrap();
    let output = place.run().assert().success();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert!(text.contains("copy of azure.csv has the content of"), "{text}");
    assert!(text.contains("Unchanged"), "{text}");
    assert!(before == published(&place.path("tables")));
}

#[test]
fn an_earlier_file_again_at_a_later_date_takes_a_restatement_back() {
    let place = Place::new();
    let right = filled(&[(1, "500"), (2, "70")]);
    let mut wrong = usage(&[(1, "5000"), (2, "70")]);
    wrong.azure.extend(filler_of_reference());
    right.write(&place.path("deliveries"), "2026-10-21");
    wrong.write(&place.path("deliveries"), "2026-10-25");
    place.run().assert().success();
    assert_eq!(ttm_of(&place, 1).as_deref(), Some("5000.0000"));
    Base { azure: right.azure, ..Base::default() }.write(&place.path("deliveries"), "2026-10-28");
    place.run().arg("--accept-drop").assert().success();
    assert_eq!(ttm_of(&place, 1).as_deref(), Some("500.0000"));
}

#[test]
fn a_late_profile_rolls_locations_up() {
    let place = Place::new();
    let mut base = filled(&[(1, "500")]);
    base.profile.clear();
    base.write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    // The seats name the location only, so that it stands for itself.
    let partners = |place: &Place| -> Vec<String> {
        place.month_table("fact_area_score").iter().map(|row| row["partner_id"].clone()).collect()
    };
    assert_eq!(partners(&place), ["1001", "61001"]);
    let mut profile = Base::default();
    profile.profile.push("61001,A,1001,Account A,Town,Utopia,Location".to_owned());
    profile.write(&place.path("deliveries"), "2026-10-25");
    place.run().assert().success();
    assert_eq!(partners(&place), ["1001"]);
    let names = place.whole_table("dim_partner");
    assert_eq!(one(&names, &[("partner_id", "1001")])["partner_name"], "Account A");
    assert_eq!(one(&names, &[("partner_id", "1001")])["location_ids"], "61001");
}

#[test]
fn the_newest_trainings_replace_all_earlier_ones() {
    let place = Place::new();
    let mut base = filled(&[]);
    base.skilled("1001", 3);
    base.write(&place.path("deliveries"), "2026-10-21");
    let mut new = Base::default();
    new.training("1001", "filler", "Exam", "Exam AZ-104", "2020-01-01", "NA");
    new.skilled("1001", 1);
    new.write(&place.path("deliveries"), "2026-10-28");
    place.run().assert().success();
    let metrics = place.month_table("fact_metric_score");
    let row = one(&metrics, &[("metric", "intermediate_certifications")]);
    assert_eq!(row["points_x8400"], "56000");
}

#[test]
fn missing_months_and_datasets_are_said_and_not_guessed() {
    let mut base = Base::default();
    base.partner("1001");
    base.skilled("1001", 6);
    // A second partner lacks one month of usage, and has no trainings at all.
    for back in (0..24).filter(|back| *back != 7) {
        base.azure("1002", back, 5, "1000");
    }
    base.seats("1002", 0, 5, "Intune", 30, 30);
    base.seats("1002", 12, 5, "Intune", 20, 20);
    base.profile.push("61002,B,1002,B,Town,Utopia,Location".to_owned());
    // One file a month: a month lies between the first and last of a file only where one spans it.
    let place = Place::new();
    for back in 0..24 {
        let month = crate::base::month(back);
        let of_month = |lines: &[String]| -> Vec<String> {
            lines.iter().filter(|line| line.contains(&format!("{month}-01"))).cloned().collect()
        };
        let part =
            Base { azure: of_month(&base.azure), seats: of_month(&base.seats), ..Base::default() };
        part.write(&place.path("deliveries/2026-10-21"), &month.replace('-', "m"));
    }
    Base { azure: Vec::new(), seats: Vec::new(), ..base }
        .write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    let parts = place.month_table("fact_metric_part");
    let part = |partner: &str, metric: &str, part: &str| {
        one(&parts, &[("partner_id", partner), ("metric", metric), ("part", part)]).clone()
    };
    let azure = part("1002", "net_customer_adds", "azure");
    assert_eq!(azure["coverage"], "not_computable");
    assert_eq!(azure["missing_inputs"], "azure_usage");
    assert_eq!((azure["current_value"].as_str(), azure["points_x8400"].as_str()), ("∅", "0"));
    assert_eq!(part("1002", "net_customer_adds", "m365")["coverage"], "complete");
    assert_eq!(part("1002", "intermediate_certifications", "step1")["coverage"], "not_computable");
    assert_eq!(part("1001", "usage_growth", "azure")["coverage"], "complete");
    let metrics = place.month_table("fact_metric_score");
    let metric =
        |metric: &str| one(&metrics, &[("partner_id", "1002"), ("metric", metric)]).clone();
    assert_eq!(metric("net_customer_adds")["coverage"], "lower_bound");
    assert_eq!(metric("net_customer_adds")["points"], "2.0000");
    assert_eq!(metric("intermediate_certifications")["coverage"], "not_computable");
    let areas = place.month_table("fact_area_score");
    let area = one(&areas, &[("partner_id", "1002")]);
    assert_eq!(area["coverage"], "not_computable");
    assert_eq!(area["missing_inputs"], "azure_usage,trainings");
}

#[test]
fn deliveries_before_the_twentieth_are_provisional() {
    let provisional = |date: &str| {
        let place = Place::new();
        filled(&[]).write(&place.path("deliveries"), date);
        place.run().assert().success();
        place.month_table("fact_area_score")[0]["is_provisional"].clone()
    };
    assert_eq!(provisional("2026-10-19"), "true");
    assert_eq!(provisional("2026-10-20"), "false");
    assert_eq!(provisional("2026-10"), "true");
    assert_eq!(provisional("20261121"), "false");
}

#[test]
fn rejected_rows_are_kept_with_their_place() {
    let mut base = filled(&[(1, "500")]);
    let bad = Azure::new("1001", 0, 2, "12,5x").line().replace("12,5x", "\"12,5x\"");
    base.azure.insert(0, bad);
    base.azure.insert(2, Azure::new("1001", 0, 2, "1").line().replace("2026-09-01", "2026-13-01"));
    base.azure.push("a,b,c".to_owned());
    base.azure.push(String::new());
    let place = run(&base);
    let manifest = place.manifest();
    let run_id = manifest["run_id"].as_str().unwrap();
    let rows =
        crate::tables::read(&place.path("tables/_runs").join(run_id).join("quarantine.parquet"));
    let seen: Vec<(&str, &str, &str, &str, &str)> = rows
        .iter()
        .map(|row| {
            (
                row["record"].as_str(),
                row["line"].as_str(),
                row["column"].as_str(),
                row["reason"].as_str(),
                row["raw_value"].as_str(),
            )
        })
        .collect();
    let last = (base.azure.len() - 1).to_string();
    let last_line = base.azure.len().to_string();
    assert_eq!(
        seen,
        [
            ("1", "2", "ACR_USD", "amount_invalid", "12,5x"),
            ("3", "4", "Month", "month_invalid", "2026-13-01"),
            (last.as_str(), last_line.as_str(), "", "field_count", "3 fields"),
        ]
    );
    let areas = place.month_table("fact_area_score");
    assert_eq!(areas[0]["flags"], "rows_quarantined");
    let input = manifest["inputs"].as_array().unwrap()[0].clone();
    assert_eq!((&input["quarantined"], &input["skipped"]), (&3.into(), &1.into()));
    assert_eq!(ttm_of(&place, 1).as_deref(), Some("500.0000"));
}

#[test]
fn a_file_overwritten_in_place_is_judged_like_any_replacement() {
    // By its header alone it says nothing; by one row of many it is held.
    for (lines, is_held) in [(0, false), (1, true)] {
        let place = Place::new();
        filled(&[(1, "500"), (2, "70"), (3, "80")]).write(&place.path("deliveries"), "2026-10-21");
        place.run().assert().success();
        let azure = usage(&[(1, "9")]).azure;
        let text = format!("{AZURE_HEADER}\n{}", azure[..lines].join("\n"));
        fs::write(place.path("deliveries/2026-10-21/azure.csv"), text).unwrap();
        let assert = place.run().assert().success();
        let text = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
        assert_eq!(text.contains("Warning     replacement_held"), is_held, "{text}");
        assert_eq!(ttm_of(&place, 1).as_deref(), Some("500.0000"));
    }
}

/// What the earlier content of a file says of others stays, so that both contents feed the month.
#[test]
fn of_a_file_overwritten_in_place_the_newest_rejections_are_told() {
    let place = Place::new();
    filled(&[(1, "500")]).write(&place.path("deliveries"), "2026-10-21");
    for (partner, refused) in [("1002", "first"), ("1003", "second")] {
        let lines = ["9", refused].map(|amount| Azure::new(partner, 0, 5, amount).line());
        let text = format!("{AZURE_HEADER}\n{}\n", lines.join("\n"));
        fs::write(place.path("deliveries/2026-10-21/more.csv"), text).unwrap();
        place.run().assert().success();
    }
    let partners = place.month_table("fact_acr_ttm");
    for partner in ["1002", "1003"] {
        assert!(partners.iter().any(|row| row["partner_id"] == partner), "{partner}");
    }
    let run_id = &place.month_table("fact_area_score")[0]["run_id"];
    let rows =
        crate::tables::read(&place.path("tables/_runs").join(run_id).join("quarantine.parquet"));
    let refused: Vec<&str> = rows.iter().map(|row| row["raw_value"].as_str()).collect();
    assert_eq!(refused, ["second"]);
}

#[test]
fn files_of_a_delivery_may_swap_their_names() {
    let place = Place::new();
    filled(&[]).write(&place.path("deliveries"), "2026-10-21");
    let folder = place.path("deliveries/2026-10-21");
    let one = format!("{AZURE_HEADER}\n{}\n", usage(&[(1, "500")]).azure[0]);
    let two = format!("{AZURE_HEADER}\n{}\n", usage(&[(2, "70")]).azure[0]);
    fs::write(folder.join("one.csv"), &one).unwrap();
    fs::write(folder.join("two.csv"), &two).unwrap();
    place.run().assert().success();
    fs::write(folder.join("one.csv"), &two).unwrap();
    fs::write(folder.join("two.csv"), &one).unwrap();
    place.run().assert().success();
    assert_eq!(ttm_of(&place, 1).as_deref(), Some("500.0000"));
    assert_eq!(ttm_of(&place, 2).as_deref(), Some("70.0000"));
    // Rotated: the old content under another name, new content under the old one.
    fs::write(folder.join("one.csv"), format!("{AZURE_HEADER}\n{}\n", usage(&[(3, "8")]).azure[0]))
        .unwrap();
    fs::write(folder.join("three.csv"), &two).unwrap();
    place.run().assert().success();
    for (tenant, amount) in [(1, "500.0000"), (2, "70.0000"), (3, "8.0000")] {
        assert_eq!(ttm_of(&place, tenant).as_deref(), Some(amount));
    }
}

#[test]
fn a_held_replacement_can_be_accepted_later() {
    let place = Place::new();
    filled(&[(1, "500"), (2, "70"), (3, "80")]).write(&place.path("deliveries"), "2026-10-21");
    usage(&[(1, "600")]).write(&place.path("deliveries"), "2026-11-21");
    place.run().assert().success();
    // It stays a warning while nothing else changes, and stops a run that must be clean.
    let assert = place.run().assert().success();
    let text = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    assert!(text.contains("Unchanged") && text.contains("replacement_held"), "{text}");
    place.run().args(["--fail-on", "warn"]).assert().code(5);
    let assert = place.run().arg("--accept-drop").assert().success();
    let text = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    assert!(text.contains("Accepted    1 replacements"), "{text}");
    assert_eq!(ttm_of(&place, 1).as_deref(), Some("600.0000"));
    place.run().args(["--fail-on", "warn"]).assert().success();
}

#[test]
fn a_late_file_without_its_siblings_can_be_set_aside_and_does_not_block_others() {
    let place = Place::new();
    filled(&[(1, "500")]).write(&place.path("deliveries"), "2026-10-21");
    place.run().assert().success();
    fs::remove_file(place.path("deliveries/2026-10-21/azure.csv")).unwrap();
    let late = format!("{AZURE_HEADER}\n{}\n", usage(&[(1, "1")]).azure[0]);
    fs::write(place.path("deliveries/2026-10-21/late.csv"), late).unwrap();
    let mut newer = usage(&[(1, "501")]);
    newer.azure.extend(filler_of_reference());
    newer.write(&place.path("deliveries"), "2026-11-21");
    let set_aside = || place.run().args(["--on-bad-file", "set-aside"]).assert().success();
    let assert = set_aside();
    let text = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    assert!(text.contains("CS3008") && text.contains("file_set_aside"), "{text}");
    assert_eq!(ttm_of(&place, 1).as_deref(), Some("501.0000"));
    // Tried again, it fails as before: nothing new is recorded.
    let entries = fs::read_dir(place.path("facts/ledger")).unwrap().count();
    set_aside();
    assert_eq!(fs::read_dir(place.path("facts/ledger")).unwrap().count(), entries);
    // Once its sibling is back, it counts.
    filled(&[(1, "500")]).write(&place.path("deliveries"), "2026-10-21");
    set_aside();
    let ledger = fs::read_dir(place.path("facts/ledger")).unwrap().count();
    assert!(ledger > entries);
}

#[test]
fn damaged_facts_are_said_and_not_taken_for_nothing() {
    for table in ["acr/azure_usage/2026-08", "seats/cpor_m365/2026-09", "units"] {
        for is_missing in [true, false] {
            let place = run(&filled(&[(1, "500")]));
            let file = place.path("facts").join(table).join("0000000001.parquet");
            if is_missing {
                fs::remove_file(&file).unwrap();
            } else {
                let bytes = fs::read(&file).unwrap();
                fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
            }
            let mut score = crate::base::capscore();
            score.args(["score", "--as-of", "2026-09", "--facts", &place.text("facts")]);
            let assert = score.args(["--output", &place.text("other")]).assert().code(1);
            let text = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
            assert!(text.contains("error[CS6005]") && text.contains(table), "{text}");
        }
    }
}

#[test]
fn files_of_a_killed_ingest_do_not_count() {
    let place = run(&filled(&[(1, "500")]));
    let copy = |from: &str, to: &str| {
        let target = place.path("facts").join(to);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(place.path("facts").join(from), target).unwrap();
    };
    copy(
        "acr/azure_usage/2026-09/0000000001.parquet",
        "acr/azure_usage/2026-09/0000000002.parquet",
    );
    copy("units/0000000001.parquet", "units/0000000002.parquet");
    let mut trainings = Base::default();
    trainings.training("1001", "filler", "Exam", "Exam AZ-104", "2020-01-01", "NA");
    trainings.write(&place.path("deliveries"), "2026-11-21");
    place.run().assert().success();
    assert_eq!(ttm_of(&place, 1).as_deref(), Some("500.0000"));
    assert!(!place.path("facts/acr/azure_usage/2026-09/0000000002.parquet").exists());
}

#[test]
fn several_ids_of_one_account_are_a_warning() {
    let mut base = filled(&[(1, "500")]);
    let bare = Azure {
        partner: String::new(),
        location: "61001".to_owned(),
        ..Azure::new("1001", 0, 2, "70")
    };
    base.azure.push(bare.line());
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let assert = place.run().assert().success();
    let text = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    assert!(text.contains("Warning     account_ids_agree"), "{text}");
    assert_eq!(ttm_of(&place, 2).as_deref(), Some("70.0000"));
}

#[test]
fn old_line_ends_and_stray_quotes_lose_no_row() {
    let base = filled(&[(1, "500"), (2, "70"), (3, "80")]);
    let expected = run(&base);
    let text =
        |place: &Place| fs::read_to_string(place.path("deliveries/2026-10-21/azure.csv")).unwrap();
    let plain = text(&expected);
    let header_end = plain.find('\n').unwrap();
    for spelled in [
        plain.replace('\n', "\r"),
        format!("{}{}", &plain[..=header_end], plain[header_end + 1..].replace('\n', "\r")),
        plain.replacen('\n', "\r", 4),
        plain.replacen(",Open,", ",Op\"en,", 1),
    ] {
        let place = Place::new();
        base.write(&place.path("deliveries"), "2026-10-21");
        fs::write(place.path("deliveries/2026-10-21/azure.csv"), &spelled).unwrap();
        place.run().assert().success();
        assert_same_tables(&published(&expected.path("tables")), &published(&place.path("tables")));
    }
    // Two stray quotes that swallow the rows between them are refused.
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let lines: Vec<&str> = plain.lines().collect();
    let quoted = lines.iter().enumerate().map(|(at, line)| match at {
        3 => line.replacen(",Retail,", ",\"Retail,", 1),
        6 => line.replacen(",Retail,", ",Retail\",", 1),
        _ => (*line).to_owned(),
    });
    let quoted: Vec<String> = quoted.collect();
    fs::write(place.path("deliveries/2026-10-21/azure.csv"), quoted.join("\n")).unwrap();
    let assert = place.run().assert().code(4);
    let text = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(text.contains("error[CS3005]"), "{text}");
}

#[test]
fn sentinels_are_no_ids() {
    let mut base = filled(&[]);
    let line = Azure { partner: "Unknown".to_owned(), ..Azure::new("1001", 0, 1, "500") };
    base.azure.push(line.line().replace("6Unknown", "61001"));
    for (person, mcp) in [("a", "Unknown"), ("b", "unassigned"), ("c", "NULL")] {
        let title = "Microsoft Certified: Azure Security Engineer Associate";
        base.training("1001", person, "Certification", title, "2025-01-01", "NA");
        let last = base.trainings.pop().unwrap();
        base.trainings.push(last.replace(",1,,61001,", &format!(",1,{mcp},61001,")));
    }
    let place = run(&base);
    let areas = place.month_table("fact_area_score");
    assert_eq!(areas.len(), 1, "{areas:?}");
    let parts = place.month_table("fact_metric_part");
    let step = one(&parts, &[("metric", "intermediate_certifications"), ("part", "step1")]);
    assert_eq!(step["current_value"], "3.0000");
}
