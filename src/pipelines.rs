//! The declarative half of the product: rule packs, catalogs, source layouts and job files.
//!
//! They are embedded in the binary; a folder on disk with the same layout (`rules/`,
//! `windows/`, `catalogs/`, `sources/`, `jobs/`) replaces them file by file, and may add files.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use include_dir::{Dir, include_dir};
use serde::de::DeserializeOwned;

use crate::error::{Code, Error, Result};
use crate::store;

const HINT: &str = "mend the file; `capscore rules validate FILE` checks a rule pack";

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/pipelines");

/// One file: where it came from (for messages) and its text.
#[derive(Debug, Clone)]
pub struct PipelineFile {
    /// `rules/security.toml` when embedded, else the path on disk.
    pub origin: String,
    /// The TOML text.
    pub text: String,
}

impl PipelineFile {
    /// Reads the file into a type; a mistake is reported with file and line.
    ///
    /// # Errors
    /// CS5002.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        toml::from_str(&self.text).map_err(|error| {
            let at = error.span().map_or_else(|| self.origin.clone(), |span| self.place(&span));
            Error::new(Code::RulesInvalid, format!("{at}: {}", error.message())).hint(HINT)
        })
    }

    /// `file:line` of a span of the text.
    pub fn place(&self, span: &Range<usize>) -> String {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        format!("{}:{line}", self.origin)
    }

    /// A mistake at a span.
    pub fn mistake(&self, span: &Range<usize>, message: impl AsRef<str>) -> Error {
        Error::new(Code::RulesInvalid, format!("{}: {}", self.place(span), message.as_ref()))
            .hint(HINT)
    }
}

/// All pipeline files by their relative name (`rules/security.toml`).
#[derive(Debug, Clone)]
pub struct PipelineFiles(BTreeMap<String, PipelineFile>);

impl PipelineFiles {
    /// The embedded files alone.
    pub fn embedded() -> Self {
        let mut files = BTreeMap::new();
        collect(&EMBEDDED, &mut files);
        Self(files)
    }

    /// The embedded files, replaced and extended by those under `folder`.
    ///
    /// # Errors
    /// CS2001 when the folder or a file cannot be read.
    pub fn with_folder(folder: &Path) -> Result<Self> {
        let mut files = Self::embedded();
        for kind in ["rules", "windows", "catalogs", "sources", "jobs"] {
            for path in store::list_folder(&folder.join(kind))? {
                let is_toml = path.extension().is_some_and(|extension| extension == "toml");
                let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
                if is_toml {
                    files.0.insert(format!("{kind}/{name}"), read(&path)?);
                }
            }
        }
        Ok(files)
    }

    /// The files of a kind (`rules`, `catalogs`, `sources`, `jobs`), by name.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = (&str, &PipelineFile)> {
        let prefix = format!("{kind}/");
        self.0
            .iter()
            .filter(move |(name, _)| name.starts_with(&prefix))
            .map(|(name, file)| (name.as_str(), file))
    }

    /// A file by its relative name.
    ///
    /// # Errors
    /// CS5002 when there is none.
    pub fn get(&self, name: &str) -> Result<&PipelineFile> {
        self.0.get(name).ok_or_else(|| {
            Error::new(Code::RulesInvalid, format!("the pipeline file {name} is missing"))
                .hint(HINT)
        })
    }
}

/// Reads one file from disk.
///
/// # Errors
/// CS2001.
pub fn read(path: &Path) -> Result<PipelineFile> {
    let text = store::read_text(path).map_err(|error| error.hint("check the path of the file"))?;
    Ok(PipelineFile { origin: path.display().to_string(), text })
}

fn collect(dir: &Dir<'_>, files: &mut BTreeMap<String, PipelineFile>) {
    for file in dir.files() {
        let Some(text) = file.contents_utf8() else { continue };
        let name = file.path().to_string_lossy().replace('\\', "/");
        files.insert(name.clone(), PipelineFile { origin: name, text: text.to_owned() });
    }
    for child in dir.dirs() {
        collect(child, files);
    }
}
