//! One small file per quirk of real exports (tests/museum), and what becomes of each to the row:
//! `expected.csv` states what is accepted, rejected, skipped, assumed, or why a file is refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::base::capscore;

fn museum() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/museum")
}

/// The files of a folder and of those in it, by their place.
fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            files.extend(files_below(&path).into_iter().map(|file| format!("{name}/{file}")));
        } else {
            files.push(name.to_owned());
        }
    }
    files
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What an inspection found, by the columns of the table.
fn found(name: &str) -> BTreeMap<String, String> {
    let file = museum().join(name);
    let output = capscore().args(["inspect", "--format", "json"]).arg(file).output().unwrap();
    let mut found = BTreeMap::new();
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = message.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
        let code = code.unwrap_or_else(|| panic!("{name}: {message}")).0;
        found.insert("error".to_owned(), code.to_owned());
        return found;
    }
    let inspections: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(inspections.len(), 1, "{name}");
    let inspection = &inspections[0];
    for column in [
        "dataset",
        "layout",
        "encoding",
        "delimiter",
        "records",
        "accepted",
        "rejected",
        "skipped",
        "amount_usd",
    ] {
        found.insert(column.to_owned(), text(&inspection[column]));
    }
    let months = inspection["months"].as_array();
    let months = months.map(|months| months.iter().map(text).collect::<Vec<_>>().join(" "));
    found.insert("months".to_owned(), months.unwrap_or_default());
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for rejection in inspection["rejections"].as_array().unwrap() {
        *reasons.entry(text(&rejection["reason"])).or_default() += 1;
    }
    let reasons: Vec<String> =
        reasons.into_iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    found.insert("reasons".to_owned(), reasons.join("; "));
    let assumed: Vec<String> = inspection["assumptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| format!("{} {}", text(&pair[1]), text(&pair[0])))
        .collect();
    found.insert("assumed".to_owned(), assumed.join("; "));
    let unknown: Vec<String> =
        inspection["unknown_columns"].as_array().unwrap().iter().map(text).collect();
    found.insert("unknown_columns".to_owned(), unknown.join("; "));
    found
}

#[test]
fn every_file_of_the_museum_is_treated_as_its_table_says() {
    let mut reader = csv::Reader::from_path(museum().join("expected.csv")).unwrap();
    let headers = reader.headers().unwrap().clone();
    let mut failures = Vec::new();
    let mut listed = vec!["expected.csv".to_owned()];
    for record in reader.records() {
        let record = record.unwrap();
        let name = record[0].to_owned();
        let found = found(&name);
        for (column, expected) in headers.iter().zip(&record).skip(2) {
            let found = found.get(column).map_or("", String::as_str);
            if found != expected {
                failures.push(format!("{name}: {column} is {found:?}, not {expected:?}"));
            }
        }
        listed.push(name);
    }
    assert_eq!(failures, Vec::<String>::new());
    listed.sort();
    let mut files = files_below(&museum());
    files.sort();
    assert_eq!(files, listed, "each file has a row");
}
