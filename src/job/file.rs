//! Job files: the settings of a run as TOML, for schedulers. Flags and the environment win over
//! them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::checks::{LIMITED, Limit, Limits};
use crate::error::{Code, Error, Result};
use crate::pipelines::{self, PipelineFile, PipelineFiles};

/// The settings that a job file may give; what it leaves out has a default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobFile {
    /// Folders or files with exports.
    pub input: Option<Vec<InputSetting>>,
    /// Where the facts live.
    pub facts: Option<String>,
    /// Where the tables go.
    pub output: Option<String>,
    /// `YYYY-MM` or `auto`.
    pub as_of: Option<String>,
    /// A ruleset id or `auto`.
    pub ruleset: Option<String>,
    /// A rule pack that replaces or adds an area.
    pub ruleset_file: Option<String>,
    /// What to do with a bad file.
    pub on_bad_file: Option<OnBadFileSetting>,
    /// Whether replacements that lose rows are taken.
    pub accept_drop: Option<bool>,
    /// Whether facts and tables have the names of customers.
    pub customer_names: Option<NamesSetting>,
    /// What is published; `"parquet"` has to be among it.
    pub format: Option<Vec<FormatSetting>>,
    /// Which failed checks stop a publication.
    pub fail_on: Option<FailOnSetting>,
    /// From where on a check is a warning or an error, by its id.
    pub checks: Option<BTreeMap<String, LimitSetting>>,
    /// Files read at once.
    pub threads: Option<usize>,
    /// Memory for waiting rows, e.g. `256MiB`.
    pub memory_limit: Option<String>,
}

/// `{ warn = 0, error = 100 }`: the largest values that pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSetting {
    /// Above it the check is a warning.
    pub warn: Option<i64>,
    /// Above it the check is an error: nothing is published.
    pub error: Option<i64>,
}

/// `"deliveries"`, or `{ uri = "deliveries", scope = "distributor" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum InputSetting {
    /// The exports of partners.
    Uri(String),
    /// With a scope.
    Scoped(ScopedInput),
}

/// A place with exports and whose they are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopedInput {
    /// A folder or a file.
    pub uri: String,
    /// Whose exports they are.
    #[serde(default)]
    pub scope: ScopeSetting,
}

/// `partner` or `distributor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScopeSetting {
    /// A row counts for the partner that it names.
    #[default]
    Partner,
    /// A row that names a reseller counts for that one too.
    Distributor,
}

/// `fail` or `set-aside`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBadFileSetting {
    /// Stop.
    Fail,
    /// Leave the file out.
    SetAside,
}

/// `keep` or `drop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamesSetting {
    /// Facts have them.
    Keep,
    /// They end at ingest.
    Drop,
}

/// `parquet` or `delta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FormatSetting {
    /// Plain Parquet files.
    Parquet,
    /// Delta tables of the same files.
    Delta,
}

/// `warn` or `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailOnSetting {
    /// Warnings and errors.
    Warn,
    /// Errors only.
    Error,
}

impl JobFile {
    /// Reads a job file: a path, or the name of one that comes with the program.
    ///
    /// # Errors
    /// CS1002 with file and line.
    pub fn read(name: &str, files: &PipelineFiles) -> Result<Self> {
        Self::parse(&Self::find(name, files)?)
    }

    /// The file of a job: at a path, or one that comes with the program.
    ///
    /// # Errors
    /// CS1002 when there is none.
    pub fn find(name: &str, files: &PipelineFiles) -> Result<PipelineFile> {
        let built_in = files.get(&format!("jobs/{name}.toml")).ok().cloned();
        match built_in {
            Some(file) => Ok(file),
            None => pipelines::read(Path::new(name)).map_err(|error| {
                let known: Vec<&str> = files
                    .of_kind("jobs")
                    .filter_map(|(name, _)| name.strip_prefix("jobs/")?.strip_suffix(".toml"))
                    .collect();
                Error::new(Code::Config, format!("there is no job file {name}"))
                    .because(error)
                    .hint(format!("give a path, or one of {}", known.join(", ")))
            }),
        }
    }

    fn parse(file: &PipelineFile) -> Result<Self> {
        let job: Self = toml::from_str(&file.text).map_err(|error| {
            let at = error.span().map_or_else(|| file.origin.clone(), |span| file.place(&span));
            Error::new(Code::Config, format!("{at}: {}", error.message()))
                .hint("see pipelines/jobs/ for the settings of a job file")
        })?;
        for (id, LimitSetting { warn, error }) in job.checks.iter().flatten() {
            if !LIMITED.contains(&id.as_str()) {
                let text = format!("{}: no check is called {id:?}", file.origin);
                return Err(Error::new(Code::Config, text)
                    .hint(format!("the checks are {}", LIMITED.join(", "))));
            }
            let is_upside_down = warn.zip(*error).is_some_and(|(warn, error)| warn > error);
            if is_upside_down
                || warn.is_some_and(|limit| limit < 0)
                || error.is_some_and(|limit| limit < 0)
            {
                let text = format!("{}: the limits of {id:?} are not in order", file.origin);
                return Err(Error::new(Code::Config, text).hint(
                    "limits are 0 or more, and that of an error is not below that of a warning",
                ));
            }
        }
        Ok(job)
    }

    /// The limits of checks.
    pub fn limits(&self) -> Limits {
        let limit = |setting: &LimitSetting| Limit { warn: setting.warn, error: setting.error };
        let given = self.checks.iter().flatten();
        Limits(given.map(|(id, setting)| (id.clone(), limit(setting))).collect())
    }
}
