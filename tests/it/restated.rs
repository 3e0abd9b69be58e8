//! A month that is published, and a delivery that changes it: what readers may see at any moment
//! between.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command as Process, Stdio};
use std::time::Instant;

use capscore::store::Store;

use crate::base::{Base, Place, capscore};

pub type Files = BTreeMap<String, Vec<u8>>;

/// The Parquet files of a location, without those that are still staged.
pub fn files(uri: &str) -> Files {
    let store = Store::open(uri).unwrap();
    let entries = store.list("").unwrap().into_iter().map(|entry| entry.path);
    let paths: Vec<String> = entries
        .filter(|path| path.ends_with(".parquet") && !path.starts_with("_staging"))
        .collect();
    store.fetch_all(&paths).unwrap();
    paths
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(store.fetch(&path).unwrap()).unwrap()))
        .collect()
}

/// The files that each Delta table of an output consists of, by its log.
pub fn delta(uri: &str) -> BTreeMap<String, BTreeSet<String>> {
    let store = Store::open(uri).unwrap();
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in store.list("delta").unwrap() {
        let Some((table, commit)) = entry.path.split_once("/_delta_log/") else { continue };
        if !commit.ends_with(".json") {
            continue;
        }
        let files = tables.entry(table.to_owned()).or_default();
        for line in String::from_utf8(store.read(&entry.path).unwrap().unwrap()).unwrap().lines() {
            let action: serde_json::Value = serde_json::from_str(line).unwrap();
            if let Some(path) = action["add"]["path"].as_str() {
                files.insert(path.to_owned());
            }
            if let Some(path) = action["remove"]["path"].as_str() {
                files.remove(path);
            }
        }
    }
    tables
}

pub struct Restated {
    place: Place,
    old: (Files, BTreeMap<String, BTreeSet<String>>),
    new: (Files, BTreeMap<String, BTreeSet<String>>),
}

impl Restated {
    /// Customers of some partners, and an Azure month that is told otherwise later.
    pub fn new(partners: &[&str], tenants: u32) -> Self {
        let place = Place::new();
        Base::alike(partners, tenants).write(&place.path("first"), "2026-10-21");
        let mut later = Base::default();
        for partner in partners {
            for tenant in 0..tenants {
                later.azure(partner, 0, tenant, "1733.25");
            }
        }
        later.write(&place.path("second"), "2026-11-02");
        let mut restated = Self { place, old: Default::default(), new: Default::default() };
        let (facts, tables) = (restated.place.text("facts"), restated.place.text("tables"));
        assert_eq!(ended(restated.first(&facts, &tables, true)), 0);
        restated.old = (files(&tables), delta(&tables));
        assert_eq!(ended(restated.second(&facts, &tables)), 0);
        restated.new = (files(&tables), delta(&tables));
        assert!(restated.old.0.len() > 20, "{:?}", restated.old.0.keys());
        let changed = |table: &String| restated.old.1[table] != restated.new.1[table];
        assert!(restated.new.1.keys().filter(|table| changed(table)).count() > 3);
        restated
    }

    /// A run on the first delivery, with Delta tables or without.
    pub fn first(&self, facts: &str, output: &str, has_delta: bool) -> Process {
        let format = if has_delta { "parquet,delta" } else { "parquet" };
        let mut run = Process::new(capscore().get_program());
        run.args(["run", "--as-of", "2026-09", "--format", format])
            .args(["--input", &self.place.text("first"), "--facts", facts, "--output", output])
            .env("CAPSCORE_PERSON_KEY", "test")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        run
    }

    /// A run on both; Delta tables follow where there are some.
    pub fn second(&self, facts: &str, output: &str) -> Process {
        let mut run = self.first(facts, output, false);
        run.args(["--input", &self.place.text("second")]);
        run
    }

    /// What readers may see while a run on both is under way, or after it was killed.
    pub fn is_old_or_new(&self, output: &str, when: &str) {
        for (path, bytes) in files(output) {
            let known = |files: &Files| files.get(&path) == Some(&bytes);
            assert!(known(&self.old.0) || known(&self.new.0), "{path} {when}");
        }
        for (table, files) in delta(output) {
            assert!([&self.old.1[&table], &self.new.1[&table]].contains(&&files), "{table} {when}");
        }
    }

    /// What there is when a run on both has ended.
    pub fn is_new(&self, output: &str, has_delta: bool, when: &str) {
        let (mut expected, mut tables) = self.new.clone();
        if !has_delta {
            expected.retain(|path, _| !path.starts_with("delta/"));
            tables.clear();
        }
        let found = files(output);
        assert!(found.keys().eq(expected.keys()), "{:?} {when}", found.keys());
        assert!(found == expected, "{when}");
        assert_eq!(delta(output), tables, "{when}");
    }

    /// Runs on both deliveries are killed at points spread over the whole length of one, the next one
    /// completes each. `place` gives facts and tables of the first delivery, anew for each; every
    /// third has Delta tables.
    pub fn survives(&self, kills: u32, mut place: impl FnMut(bool) -> (String, String)) {
        let whole = [false, true].map(|has_delta| {
            let (facts, output) = place(has_delta);
            let started = Instant::now();
            assert_eq!(ended(self.second(&facts, &output)), 0);
            started.elapsed()
        });
        for kill in 0..kills {
            let has_delta = kill % 3 == 0;
            let (facts, output) = place(has_delta);
            let mut child = self.second(&facts, &output).spawn().unwrap();
            // Each point once, in no order: a test that is broken off has seen all phases.
            let point = (f64::from(kill * 37 % kills) + 0.5) / f64::from(kills);
            std::thread::sleep(whole[usize::from(has_delta)].mul_f64(point));
            let _ = child.kill();
            child.wait().unwrap();
            let when = format!("after kill {kill} of {kills}");
            unlock(&facts, &output);
            self.is_old_or_new(&output, &when);
            assert_eq!(ended(self.second(&facts, &output)), 0, "{when}");
            self.is_new(&output, has_delta, &when);
            if kill % 25 == 24 {
                eprintln!("{} of {kills} killed runs were completed", kill + 1);
            }
        }
    }
}

/// How many runs are killed.
pub fn kills(default: u32) -> u32 {
    std::env::var("CAPSCORE_TEST_KILLS").map_or(default, |kills| kills.parse().unwrap())
}

/// The exit code of a command; what it said of a failure is shown.
pub fn ended(mut command: Process) -> i32 {
    let ended = command.stderr(Stdio::piped()).output().unwrap();
    if !ended.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&ended.stderr));
    }
    ended.status.code().unwrap_or(-1)
}

pub fn status(mut child: Child) -> i32 {
    child.wait().unwrap().code().unwrap_or(-1)
}

/// Takes away the leases that a killed run left.
fn unlock(facts: &str, output: &str) {
    for (command, option, uri) in [("facts", "--facts", facts), ("runs", "--output", output)] {
        let _ = capscore().args([command, "unlock", option, uri]).output().unwrap();
    }
}
