//! Every place that facts and tables can be keeps the same promises: local folders in every test
//! run, object stores by `make test-stores`, which starts them and names them in
//! `CAPSCORE_TEST_STORES` (one `name=uri` a word; each URI an empty folder).

use std::process::{Child, Command as Process, Stdio};

use capscore::error::Code;
use capscore::store::{Store, StoreLock, break_lock};

use crate::base::{Base, Place, capscore};
use crate::restated::{Files, Restated, ended, files, kills, status};

/// Larger than one part of an upload or a download.
const LARGE: usize = 20 << 20;

fn remote_stores() -> Vec<(String, String)> {
    let named = std::env::var("CAPSCORE_TEST_STORES").expect("make test-stores names the stores");
    let stores: Vec<(String, String)> = named
        .split_whitespace()
        .map(|store| store.split_once('=').unwrap())
        .map(|(name, uri)| (name.to_owned(), uri.to_owned()))
        .collect();
    assert!(!stores.is_empty());
    stores
}

#[test]
fn a_local_folder_conforms() {
    let place = Place::new();
    conforms(&place.text("store"));
}

#[test]
fn a_store_in_memory_conforms() {
    conforms("memory:///conformance");
}

#[test]
#[ignore = "needs servers: make test-stores"]
fn object_stores_conform() {
    for (name, uri) in remote_stores() {
        eprintln!("{name}");
        conforms(&format!("{uri}/conformance"));
    }
}

fn large(seed: u8) -> Vec<u8> {
    (0..LARGE).map(|at| u8::try_from(at % 251).unwrap().wrapping_add(seed)).collect()
}

fn paths(store: &Store, folder: &str) -> Vec<String> {
    store.list(folder).unwrap().into_iter().map(|entry| entry.path).collect()
}

/// The suite: what every store promises to the layers above it.
fn conforms(uri: &str) {
    let store = Store::create(uri).unwrap();
    // Nothing there is no error where nothing may be.
    assert_eq!(store.read("a/none.txt").unwrap(), None);
    assert_eq!(store.head("a/none.txt").unwrap(), None);
    assert_eq!(paths(&store, "a"), Vec::<String>::new());
    store.delete("a/none.txt").unwrap();
    store.delete_folder("a").unwrap();

    // Small files.
    store.write("a/one.txt", b"one".to_vec()).unwrap();
    store.write("a/b/two words.txt", b"two".to_vec()).unwrap();
    store.write("ab.txt", b"other".to_vec()).unwrap();
    assert_eq!(paths(&store, "a"), ["a/b/two words.txt", "a/one.txt"]);
    assert_eq!(paths(&store, ""), ["a/b/two words.txt", "a/one.txt", "ab.txt"]);
    assert_eq!(store.read("a/one.txt").unwrap(), Some(b"one".to_vec()));
    let before = store.head("a/one.txt").unwrap().unwrap();
    assert_eq!((before.path.as_str(), before.size), ("a/one.txt", 3));
    assert_eq!(std::fs::read(store.fetch("a/one.txt").unwrap()).unwrap(), b"one");
    store.write("a/one.txt", b"uno".to_vec()).unwrap();
    let after = store.head("a/one.txt").unwrap().unwrap();
    assert_ne!(before.etag, after.etag, "a change of the same size is a change");
    assert_eq!(std::fs::read(store.fetch("a/one.txt").unwrap()).unwrap(), b"uno");

    // Another handle sees it, and what one wrote the other one fetches anew.
    let other = Store::open(uri).unwrap();
    assert_eq!(std::fs::read(other.fetch("a/one.txt").unwrap()).unwrap(), b"uno");
    store.write("a/one.txt", b"een".to_vec()).unwrap();
    assert_eq!(std::fs::read(other.fetch("a/one.txt").unwrap()).unwrap(), b"een");

    // Large files go in parts and come in parts.
    for seed in [0, 7] {
        std::fs::write(store.prepare("large/file.bin").unwrap(), large(seed)).unwrap();
        store.sync("large/file.bin").unwrap();
        let found = std::fs::read(other.fetch("large/file.bin").unwrap()).unwrap();
        assert!(found == large(seed), "seed {seed}");
        assert_eq!(other.head("large/file.bin").unwrap().unwrap().size, LARGE as u64);
    }
    // The start of one is there alone or with the rest.
    let start = std::fs::read(other.fetch_start("large/file.bin", 1000).unwrap()).unwrap();
    assert!(start.len() >= 1000 && start[..] == large(7)[..start.len()]);
    other.release("large/file.bin");
    assert!(std::fs::read(other.fetch("large/file.bin").unwrap()).unwrap() == large(7));
    other.fetch_all(&["large/file.bin".to_owned(), "a/one.txt".to_owned()]).unwrap();

    // One file takes the place of another.
    store.rename("large/file.bin", "a/one.txt").unwrap();
    assert_eq!(store.head("large/file.bin").unwrap(), None);
    assert!(std::fs::read(other.fetch("a/one.txt").unwrap()).unwrap() == large(7));

    // What a console keeps for a folder is no file.
    if store.is_remote() {
        store.write("a/2026-10-21", Vec::new()).unwrap();
        assert_eq!(paths(&store, "a"), ["a/b/two words.txt", "a/one.txt"]);
        store.delete("a/2026-10-21").unwrap();
    }

    // An input is a folder or a file.
    let (folder, file) = Store::open_input(&format!("{uri}/a/b")).unwrap();
    assert_eq!((paths(&folder, ""), file), (vec!["two words.txt".to_owned()], None));
    let (folder, file) = Store::open_input(&format!("{uri}/a/one.txt")).unwrap();
    assert_eq!(file.as_deref(), Some("one.txt"));
    assert!(folder.head("one.txt").unwrap().is_some());
    let error = Store::open_input(&format!("{uri}/nothing")).unwrap_err();
    assert_eq!(error.code(), Code::StorageRead);

    store.delete_folder("a").unwrap();
    assert_eq!(paths(&store, "a"), Vec::<String>::new());
    assert!(store.head("ab.txt").unwrap().is_some());

    // Only one creates.
    assert!(store.write_new("once.txt", b"first".to_vec()).unwrap());
    assert!(!other.write_new("once.txt", b"second".to_vec()).unwrap());
    assert_eq!(store.read("once.txt").unwrap(), Some(b"first".to_vec()));
    for round in 0..5 {
        let path = format!("race/{round}.txt");
        let won: usize = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..4_u8)
                .map(|racer| {
                    let path = &path;
                    scope.spawn(move || {
                        let own = Store::open(uri).unwrap();
                        usize::from(own.write_new(path, vec![racer]).unwrap())
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).sum()
        });
        assert_eq!(won, 1, "round {round}");
    }

    // One holds a lock.
    let held = StoreLock::take(&store, "_lock", "one").unwrap().unwrap();
    held.check().unwrap();
    held.confirm().unwrap();
    let owner = StoreLock::take(&other, "_lock", "two").unwrap().unwrap_err();
    assert!(owner.contains("one"), "{owner}");
    if store.is_remote() {
        // Whose lease was taken away knows it when it asks, and leaves the next one's alone.
        assert!(break_lock(&other, "_lock").unwrap().unwrap().contains("one"));
        assert_eq!(held.confirm().unwrap_err().code(), Code::Locked);
        let next = StoreLock::take(&other, "_lock", "two").unwrap().unwrap();
        drop(held);
        next.confirm().unwrap();
        assert!(StoreLock::take(&store, "_lock", "three").unwrap().is_err());
    } else {
        drop(held);
    }
    drop(StoreLock::take(&other, "_lock", "two").unwrap().unwrap());
    assert_eq!(break_lock(&store, "_lock").unwrap(), None);
}

#[test]
fn locations_without_a_store_or_with_a_secret_are_refused() {
    for (uri, text) in [
        ("ftp://host/folder", "ftp:// is not supported"),
        ("az://container/folder?sig=abcdefgh", "has a query"),
        ("https://account.blob.core.windows.net/container/x?sv=1&sig=abcdefgh", "has a query"),
        ("s3://user:abcdefgh@bucket/folder", "a password"),
    ] {
        for error in [Store::open(uri).unwrap_err(), Store::open_input(uri).unwrap_err()] {
            assert_eq!(error.code(), Code::Scheme, "{uri}");
            let report = error.report();
            assert!(report.contains(text), "{report}");
            assert!(!report.contains("abcdefgh"), "{report}");
        }
    }
}

#[test]
fn nothing_that_is_to_last_is_kept_in_memory() {
    for options in [
        ["runs", "list", "--output", "memory:///tables"].as_slice(),
        &["facts", "list", "--facts", "memory:///facts"],
        &["ingest", "--input", "memory:///deliveries", "--facts", "facts"],
    ] {
        let told = capscore().args(options).output().unwrap();
        assert_eq!(told.status.code(), Some(2), "{options:?}");
        assert!(String::from_utf8(told.stderr).unwrap().contains("CS1003"), "{options:?}");
    }
}

/// A store that nobody answers for is one to ask later, and its key stays secret.
#[test]
fn a_store_that_does_not_answer_is_temporary() {
    let output = capscore()
        .args(["runs", "list", "--output", "az://container/tables"])
        .env("AZURE_STORAGE_ACCOUNT_NAME", "account")
        .env("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0LXRoYXQtbm9ib2R5LXNlZXM=")
        .env("AZURE_STORAGE_ENDPOINT", "http://127.0.0.1:1")
        .env("AZURE_ALLOW_HTTP", "true")
        .env("CAPSCORE_STORE_PATIENCE_SECONDS", "1")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(75), "{told}");
    assert!(told.contains("CS2003"), "{told}");
    assert!(!told.contains("c2VjcmV0"), "{told}");
}

fn base() -> Base {
    Base::alike(&["1001", "1002"], 6)
}

/// A run on local deliveries with facts and tables at a store.
fn run(deliveries: &str, facts: &str, output: &str) -> Process {
    let mut run = Process::new(capscore().get_program());
    run.args(["run", "--as-of", "2026-09", "--input", deliveries, "--facts", facts])
        .args(["--output", output, "--format", "parquet,delta"])
        .env("CAPSCORE_PERSON_KEY", "test")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    run
}

/// Local deliveries, and the tables that they give on local disk.
fn undisturbed() -> (Place, Files) {
    let place = Place::new();
    base().write(&place.path("deliveries"), "2026-10-21");
    let (deliveries, facts, tables) =
        (place.text("deliveries"), place.text("facts"), place.text("tables"));
    assert!(run(&deliveries, &facts, &tables).status().unwrap().success());
    let expected = files(&tables);
    assert!(expected.len() > 10, "{:?}", expected.keys());
    (place, expected)
}

#[test]
#[ignore = "needs servers: make test-stores"]
fn tables_in_an_object_store_are_those_on_local_disk() {
    let (place, expected) = undisturbed();
    for (name, uri) in remote_stores() {
        eprintln!("{name}");
        let (facts, tables) = (format!("{uri}/e2e/facts"), format!("{uri}/e2e/tables"));
        let deliveries = place.text("deliveries");
        assert_eq!(status(run(&deliveries, &facts, &tables).spawn().unwrap()), 0, "{name}");
        assert!(files(&tables) == expected, "{name}");
        // Nothing is new the second time, and nothing changes.
        assert_eq!(status(run(&deliveries, &facts, &tables).spawn().unwrap()), 0, "{name}");
        assert!(files(&tables) == expected, "{name}");

        // Deliveries come from the store as well. Their location is told in the quarantine alone.
        let input = Store::create(&format!("{uri}/e2e/deliveries")).unwrap();
        let local = Store::open(&deliveries).unwrap();
        for path in paths(&local, "") {
            input.write(&path, local.read(&path).unwrap().unwrap()).unwrap();
        }
        let (facts, tables) = (format!("{uri}/e2e/facts2"), format!("{uri}/e2e/tables2"));
        let input = format!("{uri}/e2e/deliveries");
        assert_eq!(status(run(&input, &facts, &tables).spawn().unwrap()), 0, "{name}");
        assert!(files(&tables) == expected, "{name}");
    }
}

#[test]
#[ignore = "needs servers: make test-stores"]
fn facts_in_an_object_store_can_be_compacted() {
    let place = Place::new();
    base().write(&place.path("deliveries"), "2026-10-21");
    Base::alike(&["1003"], 3).write(&place.path("deliveries"), "2026-10-28");
    for (name, uri) in remote_stores() {
        eprintln!("{name}");
        let folder = |kind: &str| format!("{uri}/compaction/{kind}");
        let (deliveries, facts) = (place.text("deliveries"), folder("facts"));
        assert_eq!(status(run(&deliveries, &facts, &folder("before")).spawn().unwrap()), 0);
        let fact_files = || files(&format!("{facts}/acr")).len();
        let scattered = fact_files();
        // The first leaves the files that it made superfluous to the second.
        for left in [scattered * 3 / 2, scattered / 2] {
            capscore().args(["facts", "compact", "--facts", &facts]).assert().success();
            assert_eq!(fact_files(), left, "{name}");
            capscore().args(["facts", "verify", "--facts", &facts]).assert().success();
        }
        assert_eq!(status(run(&deliveries, &facts, &folder("after")).spawn().unwrap()), 0);
        assert!(files(&folder("after")) == files(&folder("before")), "{name}");
    }
}

#[test]
#[ignore = "needs servers: make test-stores"]
fn of_two_runs_on_one_store_one_waits_for_another_day() {
    let (place, expected) = undisturbed();
    for (name, uri) in remote_stores() {
        let (facts, tables) = (format!("{uri}/two/facts"), format!("{uri}/two/tables"));
        let deliveries = place.text("deliveries");
        let mut refused = 0;
        for _ in 0..3 {
            Store::create(&facts).unwrap().delete_folder("").unwrap();
            Store::create(&tables).unwrap().delete_folder("").unwrap();
            let runs: Vec<Child> =
                (0..2).map(|_| run(&deliveries, &facts, &tables).spawn().unwrap()).collect();
            let ended: Vec<i32> = runs.into_iter().map(status).collect();
            assert!(ended.contains(&0), "{name}: {ended:?}");
            assert!(ended.iter().all(|code| [0, 7].contains(code)), "{name}: {ended:?}");
            refused += ended.iter().filter(|code| **code == 7).count();
            assert!(files(&tables) == expected, "{name}");
        }
        assert!(refused > 0, "{name}: no run met the other one");
    }
}

/// One request of ten fails, in seven ways; `CAPSCORE_TEST_FAULTY_RUNS` runs (one unless told).
#[test]
#[ignore = "needs servers: make test-stores"]
fn a_store_with_faults_gives_the_same_tables() {
    let (place, expected) = undisturbed();
    let faulty = std::env::var("CAPSCORE_TEST_FAULTY").unwrap();
    let (_, uri) = remote_stores().swap_remove(0);
    let input = Store::create(&format!("{uri}/faulty/deliveries")).unwrap();
    let local = Store::open(&place.text("deliveries")).unwrap();
    for path in paths(&local, "") {
        input.write(&path, local.read(&path).unwrap().unwrap()).unwrap();
    }
    let rounds = std::env::var("CAPSCORE_TEST_FAULTY_RUNS").map_or(1, |runs| runs.parse().unwrap());
    for round in 0..rounds {
        let (facts, tables) =
            (format!("{uri}/faulty/{round}/facts"), format!("{uri}/faulty/{round}/tables"));
        let mut run = run(&format!("{uri}/faulty/deliveries"), &facts, &tables);
        let ended = run.env("AZURE_STORAGE_ENDPOINT", &faulty).stderr(Stdio::inherit()).status();
        assert!(ended.unwrap().success(), "round {round}");
        assert!(files(&tables) == expected, "round {round}");
    }
}

/// `CAPSCORE_TEST_KILLS` runs (8 unless told) on the first store are killed anywhere.
#[test]
#[ignore = "needs servers: make test-stores"]
fn a_run_on_a_store_that_is_killed_is_completed_by_the_next() {
    let restated = Restated::new(&["1001", "1002"], 6);
    let (_, uri) = remote_stores().swap_remove(0);
    let (facts, tables) = (format!("{uri}/killed/facts"), format!("{uri}/killed/tables"));
    restated.survives(kills(8), |has_delta| {
        Store::create(&facts).unwrap().delete_folder("").unwrap();
        Store::create(&tables).unwrap().delete_folder("").unwrap();
        assert_eq!(ended(restated.first(&facts, &tables, has_delta)), 0);
        (facts.clone(), tables.clone())
    });
}
