//! Finds the files of an input and the delivery that each belongs to.

use std::collections::BTreeMap;
use std::path::Path;

use super::packed::Source;
use crate::calendar::{Day, Month};
use crate::error::{Code, Error, Result};
use crate::store::{Entry, Store};

/// One place with exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// A folder or a file.
    pub uri: String,
    /// Whether its exports are a distributor's: they credit resellers too.
    pub is_distributor: bool,
}

/// What there is in the inputs.
#[derive(Debug)]
pub struct Found {
    /// All files by delivery date, files by location.
    pub deliveries: BTreeMap<Day, Vec<FoundFile>>,
    /// Why some of what there is cannot be listed.
    pub unlisted: Vec<Error>,
    /// How the locations of the files of each folder begin.
    pub(super) roots: Vec<String>,
}

/// One file of the input.
#[derive(Debug, Clone)]
pub struct FoundFile {
    /// Where it is, for messages and records.
    pub uri: String,
    /// Where it is stored.
    pub store: Store,
    /// Its path there.
    pub path: String,
    /// The file on disk, or the member of an archive.
    pub source: Source,
    /// Bytes.
    pub size: u64,
    /// The store's change tag.
    pub etag: String,
    /// Whether its input is a distributor's.
    pub is_distributor: bool,
    /// The partner that a folder of its names.
    pub partner: Option<String>,
}

/// Finds the files of the inputs.
///
/// Names that start with `.` or `_` and `README*` are left out. The delivery date is the nearest
/// path segment above the file that is a date, else the day of its last change.
///
/// # Errors
/// CS1001 when a file belongs to two inputs that differ; CS1003, CS2001; CS3001 when there is no
/// file.
pub fn discover(inputs: &[Input]) -> Result<Found> {
    let mut deliveries: BTreeMap<Day, Vec<FoundFile>> = BTreeMap::new();
    let (mut unlisted, mut roots) = (Vec::new(), Vec::new());
    for Input { uri: input, is_distributor } in inputs {
        let (store, single) = match Store::open_input(input) {
            Err(error) if error.code() == Code::StorageRead => {
                return Err(Error::new(Code::NoDelivery, format!("there is nothing at {input}"))
                    .because(error)
                    .hint("check the location of the input"));
            }
            opened => opened?,
        };
        let entries = if let Some(name) = single {
            store.head(&name)?.into_iter().collect()
        } else {
            let (entries, others) = store.list_what_can_be("")?;
            unlisted.extend(others);
            roots.push(format!("{}/", store.identity_of("").trim_end_matches('/')));
            entries
        };
        for entry in entries.into_iter().filter(|entry| !is_ignored(&entry.path)) {
            let uri = store.identity_of(&entry.path);
            for source in sources_of(&store, &entry.path, &uri)? {
                let uri = match &source.member {
                    Some(member) => format!("{uri}/{}", member.place()),
                    None => uri.clone(),
                };
                let files = deliveries.entry(delivery_of(&uri, &entry)).or_default();
                files.push(FoundFile {
                    partner: partner_of(&uri),
                    store: store.clone(),
                    path: entry.path.clone(),
                    source,
                    uri,
                    size: entry.size,
                    etag: entry.etag.clone(),
                    is_distributor: *is_distributor,
                });
            }
        }
    }
    if deliveries.is_empty() && unlisted.is_empty() {
        let inputs: Vec<&str> = inputs.iter().map(|input| input.uri.as_str()).collect();
        return Err(Error::new(
            Code::NoDelivery,
            format!("no export was found in {}", inputs.join(", ")),
        )
        .hint("put the downloaded files into folders named by the day of the download, e.g. 2026-10-21"));
    }
    for files in deliveries.values_mut() {
        files.sort_by(|left, right| left.uri.cmp(&right.uri));
        // The same location can be named by two inputs.
        let differ = |pair: &&[FoundFile]| {
            pair[0].uri == pair[1].uri && pair[0].is_distributor != pair[1].is_distributor
        };
        if let Some(pair) = files.windows(2).find(differ) {
            let text =
                format!("{} is in an input of a partner and in one of a distributor", pair[0].uri);
            return Err(Error::new(Code::Usage, text).hint("give each folder one scope"));
        }
        files.dedup_by(|left, right| left.uri == right.uri);
    }
    Ok(Found { deliveries, unlisted, roots })
}

/// The exports in a file. An archive that cannot be read, or is empty, stays one file: reading it
/// says why it is refused.
fn sources_of(store: &Store, path: &str, uri: &str) -> Result<Vec<Source>> {
    let local = store.local_path(path);
    let file = vec![Source::file(local.clone())];
    // In object storage only the name tells without reading it.
    let is_archive = Path::new(path).extension().is_some_and(|end| end.eq_ignore_ascii_case("zip"));
    if store.is_remote() {
        if !is_archive {
            return Ok(file);
        }
        store.fetch(path)?;
    }
    Ok(match Source::all(local, uri) {
        Ok(members) if !members.is_empty() => members,
        _ => file,
    })
}

/// Whether a name says that a file is no export.
pub(super) fn is_ignored(path: &str) -> bool {
    path.split('/').any(|segment| {
        segment.starts_with('.') || segment.starts_with('_') || segment.starts_with("README")
    })
}

fn delivery_of(uri: &str, entry: &Entry) -> Day {
    let mut folders = uri.rsplit('/').skip(1);
    folders.find_map(segment_day).unwrap_or(entry.modified)
}

/// The partner that the nearest folder of the form `partner=1000013` names.
pub(super) fn partner_of(uri: &str) -> Option<String> {
    let mut folders = uri.rsplit('/').skip(1);
    folders.find_map(|folder| folder.strip_prefix("partner=")).map(str::to_owned)
}

/// `2026-10`, `2026-10-21` or `20261021`; a month means its first day.
fn segment_day(segment: &str) -> Option<Day> {
    if let Some(month) = Month::parse(segment) {
        return Some(month.first_day());
    }
    if segment.len() == 8 && segment.bytes().all(|byte| byte.is_ascii_digit()) {
        let (year, rest) = segment.split_at_checked(4)?;
        let (month, day) = rest.split_at_checked(2)?;
        return Day::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    }
    Day::parse(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_dated_folder_is_the_delivery() {
        let modified = Day::new(2020, 1, 1).unwrap();
        let entry = Entry { path: String::new(), size: 0, etag: String::new(), modified };
        let day = |uri: &str| delivery_of(uri, &entry).to_string();
        assert_eq!(day("in/2026-10/a.csv"), "2026-10-01");
        assert_eq!(day("in/2026-10/20261021/nl/a.csv"), "2026-10-21");
        assert_eq!(day("in/2026-10-21/a.csv"), "2026-10-21");
        assert_eq!(day("in/2026-13/2026-10.csv"), "2020-01-01");
    }

    #[test]
    fn the_nearest_folder_of_a_partner_names_it() {
        assert_eq!(partner_of("in/partner=1/2026-10/partner=2/a.csv").as_deref(), Some("2"));
        assert_eq!(partner_of("in/2026-10/partner=2.csv"), None);
    }

    #[test]
    fn hidden_files_and_readmes_are_no_exports() {
        for path in [".git/a.csv", "x/_tmp/a.csv", "README.md", "x/README"] {
            assert!(is_ignored(path), "{path}");
        }
        assert!(!is_ignored("x/a_b.csv"));
    }
}
