//! Published months of a history: which of them are published again, and that they then say what they
//! would say if all were scored for the first time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::base::{Azure, Base, Place, capscore, month, stdout};
use crate::guards::{score, small};
use crate::outputs::backfill;
use crate::tables::{Row, find, read};

const ENROLMENTS_HEADER: &str = "partner_id,area,anniversary_date,last_renewal_date";

/// Ingests what is new and scores R; which of some months are published again.
fn next(place: &Place, months: [i32; 2]) -> [bool; 2] {
    let mut ingest = capscore();
    ingest.args(["ingest", "--input", &place.text("deliveries")]);
    ingest.args(["--facts", &place.text("facts"), "--accept-drop"]).assert().success();
    let text = stdout(&mut score(place, &month(0)));
    months.map(|back| text.contains(&format!("Scored      {} as run", month(back))))
}

/// Publishes some partners' last months.
fn begin(base: &Base, first: i32) -> Place {
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    let mut ingest = capscore();
    ingest.args(["ingest", "--input", &place.text("deliveries")]);
    ingest.args(["--facts", &place.text("facts")]).assert().success();
    stdout(&mut backfill(&place, &month(first), &month(0)));
    place
}

fn enrol(place: &Place, date: &str, rows: &[&str]) {
    let folder = place.path("deliveries").join(date);
    fs::create_dir_all(&folder).unwrap();
    let text = format!("{ENROLMENTS_HEADER}\n{}\n", rows.join("\n"));
    fs::write(folder.join("enrolments.csv"), text).unwrap();
}

/// The run that is published for a month.
fn run_of(place: &Place, back: i32) -> String {
    let name = format!("tables/fact_area_score/{}.parquet", month(back));
    read(&place.path(&name))[0]["run_id"].clone()
}

fn manifest_of(place: &Place, run: &str) -> PathBuf {
    place.path("tables/_runs").join(run).join("manifest.json")
}

/// The rows of all tables of the months, without the runs that they belong to.
fn rows_of_months(place: &Place) -> BTreeMap<String, Vec<Row>> {
    let mut found = BTreeMap::new();
    for folder in fs::read_dir(place.path("tables")).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() || folder.file_name().unwrap().to_str().unwrap().starts_with('_') {
            continue;
        }
        for file in fs::read_dir(&folder).unwrap() {
            let file = file.unwrap().path();
            let mut rows = read(&file);
            rows.iter_mut().for_each(|row| drop(row.remove("run_id")));
            let name = file.strip_prefix(place.path("tables")).unwrap().display().to_string();
            found.insert(name, rows);
        }
    }
    found
}

/// Fails unless every published month is what it would be in an output without any.
fn assert_as_anew(place: &Place, first: i32) {
    let anew = Place::new();
    let mut command = capscore();
    command.args(["backfill", "--from", &month(first), "--to", &month(0)]);
    command.args(["--facts", &place.text("facts"), "--output", &anew.text("tables")]);
    stdout(&mut command);
    let (published, anew) = (rows_of_months(place), rows_of_months(&anew));
    assert!(published.keys().eq(anew.keys()), "{:?} {:?}", published.keys(), anew.keys());
    assert!(published.len() > 9 && published.values().any(|rows| !rows.is_empty()));
    for (file, rows) in &published {
        assert_eq!(rows, &anew[file], "{file}");
    }
}

/// Every delivery has a new list of all trainings of all time. A month is scored again when the list
/// says something else of what it looks at, and stands as it is when not.
#[test]
fn a_list_restates_the_months_of_which_it_says_something_else() {
    let mut base = small();
    let place = begin(&base, 1);
    let deliver = |list: &[String], date: &str| {
        let delivery = Base { trainings: list.to_vec(), ..Base::default() };
        delivery.write(&place.path("deliveries"), date);
        let published = next(&place, [1, 0]);
        assert_as_anew(&place, 1);
        published
    };
    let list = &mut base.trainings;
    let title = "Microsoft Certified: Azure Security Engineer Associate";
    let person = |partner: &str, name: &str, earned: &str| {
        let mut one = Base::default();
        one.training(partner, name, "Certification", title, earned, "NA");
        one.trainings.remove(0)
    };
    // The state of today, and who came since, are nothing to the month before.
    for line in list.iter_mut() {
        *line = line.replace(",Active,", ",Expired,");
    }
    assert_eq!(deliver(list, "2026-10-22"), [false, true]);
    list.push(person("1001", "september", "2026-09-10"));
    assert_eq!(deliver(list, "2026-10-23"), [false, true]);
    // Who was there already, is there no longer, or is known to stop.
    list.push(person("1001", "august", "2026-08-31"));
    assert_eq!(deliver(list, "2026-10-24"), [true, true]);
    list.pop();
    assert_eq!(deliver(list, "2026-10-25"), [true, true]);
    let at = list.iter().position(|line| line.contains(title)).unwrap();
    list[at] = list[at].replace(",NA,", ",2026-08-01,");
    assert_eq!(deliver(list, "2026-10-26"), [true, true]);
    // Another title of the same person, and another partner.
    list[at] = list[at].replace("Azure Security Engineer", "Azure Administrator");
    assert_eq!(deliver(list, "2026-10-27"), [true, true]);
    list.push(person("1002", "somebody", "2026-08-30"));
    assert_eq!(deliver(list, "2026-10-28"), [true, true]);
    // The same list once more, as a file of its own, of which the newest month tells.
    list.swap(0, 1);
    assert_eq!(deliver(list, "2026-10-29"), [false, true]);
    assert_eq!(next(&place, [1, 0]), [false, false]);
}

/// An enrolment is part of the window of every month that it reaches; a renewal later on is not.
#[test]
fn enrolments_restate_the_months_that_they_reach() {
    let place = begin(&small(), 2);
    enrol(&place, "2026-10-22", &["1001,data_ai,2027-02-10,"]);
    assert_eq!(next(&place, [2, 1]), [true, true]);
    assert_as_anew(&place, 2);
    // Its first year began after July.
    enrol(&place, "2026-10-23", &["1001,data_ai,2027-08-10,"]);
    assert_eq!(next(&place, [2, 1]), [true, true]);
    assert_as_anew(&place, 2);
    enrol(&place, "2026-10-24", &["1001,data_ai,2027-08-12,"]);
    assert_eq!(next(&place, [2, 1]), [false, true]);
    assert_as_anew(&place, 2);
    // Renewed after all of them.
    enrol(&place, "2027-08-24", &["1001,data_ai,2028-08-12,2027-08-12"]);
    assert_eq!(next(&place, [2, 1]), [false, false]);
    assert_as_anew(&place, 2);
}

/// The tables of a month tell of the months before it too: those that are not among the last six.
#[test]
fn a_month_before_the_history_restates_the_months_that_tell_of_it() {
    let place = begin(&small(), 8);
    let mut later = Base::default();
    later.azure("1001", 29, 77, "9000");
    later.write(&place.path("deliveries"), "2026-10-22");
    // The last month that sees it is the sixth before R: R does not tell of that month, the five
    // between do.
    assert_eq!(next(&place, [5, 1]), [true, true]);
    assert_eq!(next(&place, [1, 0]), [false, false]);
    stdout(&mut backfill(&place, &month(8), &month(0)));
    assert_as_anew(&place, 8);
}

/// Whose files are cut off or lost is published again, even where nothing is new for it.
#[test]
fn a_damaged_month_of_the_history_is_published_again() {
    let place = begin(&small(), 1);
    let table = |name: &str| place.path(&format!("tables/{name}/{}.parquet", month(1)));
    let cut = |file: &Path| {
        let bytes = fs::read(file).unwrap();
        fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
    };
    let harm: [(&str, &dyn Fn()); 6] = [
        ("2026-10-22", &|| cut(&table("fact_metric_part"))),
        ("2026-10-23", &|| cut(&table("fact_area_score"))),
        ("2026-10-24", &|| fs::remove_file(table("fact_customer_evidence")).unwrap()),
        ("2026-10-25", &|| fs::remove_file(table("fact_area_score")).unwrap()),
        ("2026-10-26", &|| fs::remove_file(manifest_of(&place, &run_of(&place, 1))).unwrap()),
        ("2026-10-27", &|| cut(&manifest_of(&place, &run_of(&place, 1)))),
    ];
    for (date, harm) in harm {
        harm();
        let mut later = Base::default();
        later.training("1001", date, "Exam", "Exam AZ-104", "2026-09-02", "NA");
        later.trainings.extend(small().trainings);
        later.write(&place.path("deliveries"), date);
        assert_eq!(next(&place, [1, 0]), [true, true], "{date}");
        assert_as_anew(&place, 1);
        // What is left of a damaged manifest stays for somebody to look at.
        let mut verify = capscore();
        let verified = verify.args(["runs", "verify", "--output", &place.text("tables")]).assert();
        assert_eq!(verified.get_output().status.success(), date != "2026-10-27");
    }
}

fn roll_back(place: &Place, run: &str) {
    let mut command = capscore();
    command.args(["runs", "rollback", run, "--output", &place.text("tables")]);
    command.assert().success();
}

/// A month that was taken back to its enrolments of before moves on with others.
#[test]
fn a_rollback_ends_when_the_enrolments_change() {
    let place = begin(&small(), 1);
    let runs = [0, 1].map(|back| run_of(&place, back));
    enrol(&place, "2026-10-22", &["1001,data_ai,2027-02-10,"]);
    assert_eq!(next(&place, [1, 0]), [true, true]);
    for run in &runs {
        roll_back(&place, run);
    }
    assert_eq!(next(&place, [1, 0]), [false, false]);
    assert_eq!([0, 1].map(|back| run_of(&place, back)), runs);
    enrol(&place, "2026-10-23", &["1001,data_ai,2027-03-10,"]);
    assert_eq!(next(&place, [1, 0]), [true, true]);
    assert_as_anew(&place, 1);
}

/// A month that was taken back stays so, even if a file of it is lost; the same rollback restores it.
#[test]
fn a_rollback_holds_where_a_file_is_lost() {
    let place = begin(&small(), 1);
    let (before, run) = (rows_of_months(&place), run_of(&place, 1));
    let mut later = Base::default();
    later.azure("1001", 1, 77, "9000");
    later.azure("1001", 1, 1, "4000");
    later.write(&place.path("deliveries"), "2026-10-22");
    assert_eq!(next(&place, [1, 0]), [true, true]);
    roll_back(&place, &run);
    let name = format!("fact_metric_score/{}.parquet", month(1));
    fs::remove_file(place.path("tables").join(&name)).unwrap();
    assert_eq!(next(&place, [1, 0]), [false, false]);
    assert_eq!(run_of(&place, 1), run);
    assert!(!rows_of_months(&place).contains_key(&name));
    roll_back(&place, &run);
    assert_eq!(rows_of_months(&place)[&name], before[&name]);
}

/// A location of a distributor is no reseller, whatever month tells that it is one.
#[test]
fn a_location_that_shows_later_restates_what_was_credited_to_it() {
    let sold = |back: i32, location: &str| {
        let line = Azure {
            attribution: "CSP Tier 1".to_owned(),
            role: String::new(),
            reseller: "7001".to_owned(),
            location: location.to_owned(),
            ..Azure::new("5000", back, 1, "700")
        };
        line.line()
    };
    let place = Place::new();
    let deliver = |date: &str, line: String| {
        let mut base = Base { azure: vec![line], ..Base::default() };
        base.profile.push("7001,Reseller,7777,Reseller Global,Town,Utopia,Location".to_owned());
        base.write(&place.path("deliveries"), date);
        let mut ingest = capscore();
        ingest.args(["ingest", "--scope", "distributor", "--input", &place.text("deliveries")]);
        ingest.args(["--facts", &place.text("facts")]).assert().success();
    };
    deliver("2026-10-21", sold(0, "65000"));
    stdout(&mut score(&place, &month(0)));
    let partners = || {
        let rows = place.all_areas("fact_acr_ttm");
        rows.iter().map(|row| row["partner_id"].clone()).collect::<BTreeSet<_>>()
    };
    assert!(partners().contains("7777"));
    // The export of another month names that reseller as the distributor's own.
    deliver("2026-11-21", sold(-1, "7001"));
    stdout(&mut score(&place, &month(0)));
    assert!(!partners().contains("7777"), "{:?}", partners());
}

/// A reseller's customer has the segment that a distributor tells while it credits the customer: what
/// it credits later is nothing to the months before.
#[test]
fn a_segment_is_shared_in_the_months_that_see_the_credit() {
    let mut sold = Base::default();
    sold.partner("5000");
    let mut line = |back: i32, reseller: &str| {
        let line = Azure {
            attribution: "CSP Tier 1".to_owned(),
            role: String::new(),
            reseller: reseller.to_owned(),
            ..Azure::new("5000", back, 1, "700")
        };
        sold.azure.push(line.line());
    };
    line(2, "");
    line(0, "7001");
    // What the reseller says itself has no segment.
    let own = Azure { segment: String::new(), ..Azure::new("7001", 1, 1, "40") };
    let own = Base { azure: vec![own.line()], ..Base::default() };
    let place = Place::new();
    sold.write(&place.path("sold"), "2026-10-21");
    own.write(&place.path("own"), "2026-10-21");
    for (folder, scope) in [("sold", "distributor"), ("own", "partner")] {
        let mut ingest = capscore();
        ingest.args(["ingest", "--scope", scope, "--input", &place.text(folder)]);
        ingest.args(["--facts", &place.text("facts")]).assert().success();
    }
    stdout(&mut score(&place, &month(0)));
    let alone = Place::new();
    let mut command = capscore();
    command.args(["score", "--as-of", &month(1), "--facts", &place.text("facts")]);
    stdout(command.args(["--output", &alone.text("tables")]));
    let told = place.all_areas("fact_month_score");
    let last = format!("{}-01", month(1));
    let scored = read(&alone.path(&format!("tables/fact_area_score/{}.parquet", month(1))));
    let of_reseller = find(&scored, &[("partner_id", "7001")]);
    assert!(!of_reseller.is_empty());
    for row in of_reseller {
        let path = [("area", row["area"].as_str()), ("path", row["path"].as_str())];
        let key = [("partner_id", "7001"), ("score_month", last.as_str()), path[0], path[1]];
        let [told] = find(&told, &key)[..] else { panic!("{key:?}") };
        for column in ["points_x8400", "is_selected", "ruleset_id"] {
            assert_eq!(told[column], row[column], "{key:?} {column}");
        }
    }
    // Now the credit is seen.
    let selected = |rows: &[Row], key: (&str, &str)| {
        let smb = [("partner_id", "7001"), ("area", "infrastructure"), ("path", "smb"), key];
        find(rows, &smb)[0]["is_selected"].clone()
    };
    assert_eq!(selected(&scored, ("path", "smb")), "false");
    let now = place.area_table("fact_area_score", "infrastructure");
    assert_eq!(selected(&now, ("path", "smb")), "true");
}
