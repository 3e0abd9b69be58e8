//! The project itself: layers, names that belong into data, documented error codes, plans.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Every source file without its tests: (path below src, text).
fn production() -> Vec<(String, String)> {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    files.sort();
    files
        .into_iter()
        .filter(|path| !path.ends_with("tests.rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap().to_owned();
            (path.strip_prefix(root().join("src")).unwrap().display().to_string(), text)
        })
        .collect()
}

/// The layers of the architecture, highest first; a module uses lower ones only.
const LAYERS: &[&[&str]] = &[
    &["main", "cli"],
    &["job"],
    &["ingest", "score", "publish", "explain", "generate"],
    &["facts", "rules"],
    &["tables", "checks", "commit", "pipelines", "buckets"],
    &["engine", "parquet", "store"],
    &["calendar", "points", "money", "ids", "workers"],
    &["error", "rounding"],
];

#[test]
fn modules_use_lower_layers_only() {
    let layer: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(at, modules)| modules.iter().map(move |module| (*module, at)))
        .collect();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (path, text) in production() {
        let module = path.split(['/', '.']).next().unwrap().to_owned();
        if module == "lib" {
            continue;
        }
        let own = *layer.get(module.as_str()).unwrap_or_else(|| panic!("{module} is in no layer"));
        seen.insert(module.clone());
        for (at, rest) in text.match_indices("crate::").map(|(at, _)| (at, &text[at + 7..])) {
            let used: String = rest
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                .collect();
            assert!(!rest.starts_with('{'), "src/{path}: a use of several modules at once");
            let Some(other) = layer.get(used.as_str()) else { continue };
            if used != module && *other <= own {
                let line = text[..at].lines().count();
                wrong.push(format!("src/{path}:{line} {module} uses {used}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(seen.len() > 18, "{seen:?}");
}

/// A file is about one thing; who adds to a long one looks for the second thing in it.
#[test]
fn no_file_is_long() {
    const MOST: usize = 500;
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let long: Vec<String> = files
        .iter()
        .filter(|path| fs::read_to_string(path).unwrap().lines().count() > MOST)
        .map(|path| path.display().to_string())
        .collect();
    assert_eq!(long, Vec::<String>::new());
}

/// Every check can have a limit, or is told not to, and says in the docs what to do.
#[test]
fn every_check_is_documented() {
    let docs = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let mut seen = BTreeSet::new();
    for (path, text) in production() {
        for call in ["Check::warn(", "Check::warn_above("] {
            for rest in text.split(call).skip(1) {
                let argument = rest.trim_start();
                if let Some(id) = argument.strip_prefix('"').and_then(|id| id.split('"').next()) {
                    assert!(docs.contains(&format!("`{id}`")), "{id} of src/{path}");
                    // It tells of other months than those that are published.
                    let is_limited = capscore::checks::LIMITED.contains(&id);
                    assert_eq!(is_limited, id != "published_months_differ", "{id}");
                    seen.insert(id.to_owned());
                }
            }
        }
    }
    assert!(seen.len() > 25, "{seen:?}");
}

/// Names of areas, certifications, services and workloads, from the data files.
fn programme_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let packs = fs::read_dir(root().join("pipelines/rules")).unwrap();
    let packs: Vec<String> = packs
        .map(|file| format!("rules/{}", file.unwrap().file_name().to_str().unwrap()))
        .collect();
    let packs = packs.iter().map(|file| (file.as_str(), ["area", "title"].as_slice()));
    let catalogs = [
        ("catalogs/services.toml", ["name", "aliases"].as_slice()),
        ("catalogs/workloads.toml", ["name", "aliases"].as_slice()),
        ("catalogs/meters.toml", ["category"].as_slice()),
        (
            "catalogs/certifications.toml",
            ["code", "title", "other_titles", "other_codes", "assumed_titles"].as_slice(),
        ),
    ];
    for (file, keys) in packs.chain(catalogs) {
        let text = fs::read_to_string(root().join("pipelines").join(file)).unwrap();
        let before = names.len();
        for line in text.lines() {
            let Some((key, value)) = line.split_once(" = ") else { continue };
            if keys.contains(&key) {
                names.extend(value.split('"').skip(1).step_by(2).map(str::to_lowercase));
            }
        }
        assert!(names.len() > before, "{file} names nothing");
    }
    // Words of plain English that also name something.
    for word in ["finance", "functions", "retail", "storage", "customer service"] {
        names.remove(word);
    }
    names
}

#[test]
fn no_programme_name_stands_in_the_source() {
    let names = programme_names();
    assert!(names.contains("sentinel") && names.contains("az-500") && names.contains("security"));
    let mut found = Vec::new();
    for (path, text) in production() {
        for (number, line) in text.lines().enumerate() {
            // Code and its strings; prose of comments may say what it is about.
            let code = line.split("//").next().unwrap();
            for literal in code.split('"').skip(1).step_by(2) {
                let literal = literal.to_lowercase();
                if let Some(name) = names.iter().find(|name| contains_word(&literal, name)) {
                    found.push(format!("src/{path}:{} {name:?} in {line}", number + 1));
                }
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let is_letter = |letter: char| letter.is_alphanumeric();
        !text[..at].chars().next_back().is_some_and(is_letter)
            && !text[at + word.len()..].chars().next().is_some_and(is_letter)
    })
}

#[test]
fn every_error_code_is_documented() {
    let page = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    for code in capscore::error::Code::ALL {
        assert!(page.contains(code.as_str()), "docs/operations.md lacks {}", code.as_str());
    }
}

#[test]
fn only_the_wrappers_touch_what_they_wrap() {
    for (path, text) in production() {
        let uses = |what: &str| text.contains(what);
        assert!(!uses("object_store") || path.starts_with("store/"), "{path} uses object_store");
        // Object stores are configured by the environment, and a lease ends by the clock.
        let is_configured = ["store/remote.rs", "store/secrets.rs"].contains(&path.as_str());
        assert!(
            !uses("std::env") || path.starts_with("cli/") || is_configured,
            "{path} reads the environment"
        );
        assert!(!uses(".collect_with_engine(") || path == "engine.rs", "{path} runs queries");
        assert!(!uses("use parquet::") || path == "parquet.rs", "{path} reads footers");
        assert!(
            !uses("delta_kernel") || path == "publish/delta/log.rs",
            "{path} knows the library of Delta tables"
        );
        assert!(
            !uses("Utc::now")
                || path.starts_with("cli/")
                || path.starts_with("job/")
                || path == "store/lease.rs",
            "{path} reads the clock"
        );
    }
}
