//! Options that several commands share, and their resolution: flag, then environment, then job
//! file, then default.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};

use super::places::{location, refuse_memory, refuse_overlap};
use crate::calendar::{Day, Month};
use crate::checks::Severity;
use crate::error::{Code, Error, Result};
use crate::ingest::{Input, OnBadFile, Sources, Summary};
use crate::job::{
    self, AsOf, Attempt, FailOnSetting, FormatSetting, IngestSettings, InputSetting, JobFile,
    NamesSetting, OnBadFileSetting, Pipeline, Resources, ScopeSetting, ScopedInput, ScoreSettings,
    Scored,
};
use crate::pipelines::PipelineFiles;
use crate::rules::{Catalogs, Rules};
use crate::store;
use crate::workers::threads;

/// More are never of use, and a system may give them only after minutes.
const MOST_THREADS: usize = 1024;

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// Text on a terminal, JSON lines otherwise.
    Auto,
    /// Text.
    Text,
    /// JSON lines.
    Json,
}

/// Whether logs have colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which failed checks stop a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// Warnings and errors.
    Warn,
    /// Errors only.
    Error,
}

/// What to do with a file that is no valid export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum BadFile {
    /// Stop.
    Fail,
    /// Leave the file out, with a warning.
    SetAside,
}

/// Whose exports an input holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum InputScope {
    /// Of partners: a row counts for the partner that it names.
    Partner,
    /// Of a distributor: a row that names a reseller counts for that one too.
    Distributor,
}

/// What becomes of the names of customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CustomerNames {
    /// Facts and tables have them.
    Keep,
    /// They end at ingest: tables know customers by id.
    Drop,
}

/// A published format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// Plain Parquet files, which are always there.
    Parquet,
    /// Delta tables of the same files below `delta/`.
    Delta,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// Job file with the settings of a run: a path, or `nightly`, `monthly`
    #[arg(short, long, global = true, env = "CAPSCORE_CONFIG", value_name = "FILE")]
    pub(super) config: Option<String>,
    /// Folder whose rules/, windows/, catalogs/, sources/ and jobs/ replace or extend the built-in
    /// ones
    #[arg(long, global = true, env = "CAPSCORE_PIPELINES", value_name = "DIR")]
    pub(super) pipelines: Option<PathBuf>,
    /// More log lines (-v, -vv, -vvv)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Only errors in the log
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Format of the log on stderr
    #[arg(
        long,
        global = true,
        env = "CAPSCORE_LOG_FORMAT",
        default_value = "auto",
        value_name = "FORMAT"
    )]
    pub(super) log_format: LogFormat,
    /// No progress bar
    #[arg(long, global = true)]
    pub(super) no_progress: bool,
    /// Colours in the log
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(super) color: ColorChoice,
    /// No colours, as <https://no-color.org> asks
    #[arg(long, global = true, hide = true, env = "NO_COLOR", value_parser = clap::builder::FalseyValueParser::new(), action = clap::ArgAction::SetTrue)]
    pub(super) no_color: bool,
    /// Files read, or ranges of partners scored, at once [default: the number of processors]
    #[arg(long, global = true, env = "CAPSCORE_THREADS", value_name = "N")]
    pub(super) threads: Option<usize>,
    /// Memory to stay within, e.g. 768MiB: rows that wait go to disk above a third of it, or a twelfth
    /// when they wait to be scored [default: 768MiB]
    #[arg(long, global = true, env = "CAPSCORE_MEMORY_LIMIT", value_name = "SIZE")]
    pub(super) memory_limit: Option<String>,
    /// Which failed checks stop a publication [default: error]
    #[arg(long, global = true, env = "CAPSCORE_FAIL_ON", value_name = "SEVERITY")]
    pub(super) fail_on: Option<FailOn>,
}

/// Where a run that ends well tells a monitoring system about itself.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct MetricsOption {
    /// File for the metrics of the run in Prometheus' text format, replaced when it ends well
    #[arg(long, value_name = "FILE", env = "CAPSCORE_METRICS_FILE")]
    metrics_file: Option<PathBuf>,
}

impl MetricsOption {
    /// Writes the metrics if they are asked for.
    ///
    /// # Errors
    /// CS2001, CS2002, CS2003, CS9001.
    pub(super) fn write(
        &self,
        attempt: &Attempt,
        summary: Option<&Summary>,
        months: &[Scored],
    ) -> Result<()> {
        let Some(path) = &self.metrics_file else { return Ok(()) };
        let text = job::metrics_text(attempt, summary, months)?;
        store::replace_file(path, text.as_bytes())
    }
}

/// Where exports come from.
#[derive(Debug, Args)]
pub(super) struct InputOptions {
    /// Folder (or file) with exports; give it several times for several folders. Each file belongs
    /// to the delivery that its nearest dated folder names (2026-10, 2026-10-21, 20261021)
    #[arg(short, long, value_name = "URI", env = "CAPSCORE_INPUT", value_delimiter = ';')]
    input: Vec<String>,
    /// Whose exports the inputs are: a distributor's rows also count for the reseller that they name,
    /// unless that one delivered the month itself [default: partner]
    #[arg(long, value_name = "SCOPE", env = "CAPSCORE_SCOPE")]
    scope: Option<InputScope>,
    /// What to do with a file that is no valid export [default: fail]
    #[arg(long, value_name = "WHAT")]
    on_bad_file: Option<BadFile>,
    /// Whether facts and tables have the names of customers [default: keep]
    #[arg(long, value_name = "WHAT", env = "CAPSCORE_CUSTOMER_NAMES")]
    customer_names: Option<CustomerNames>,
    /// Take replacements that lose a location, or more than half of the rows or of the amount
    #[arg(long)]
    accept_drop: bool,
}

/// Where the facts are.
#[derive(Debug, Args)]
pub(super) struct FactsOption {
    /// Folder of the facts: the memory of everything ingested
    #[arg(short, long, value_name = "URI", env = "CAPSCORE_FACTS")]
    facts: Option<String>,
}

/// Where the tables are.
#[derive(Debug, Args)]
pub(super) struct OutputOption {
    /// Folder of the published tables
    #[arg(short, long, value_name = "URI", env = "CAPSCORE_OUTPUT")]
    output: Option<String>,
}

/// What to score.
#[derive(Debug, Default, Args)]
pub(super) struct ScoreOptions {
    /// Reference month: YYYY-MM, or auto for the last month that is settled (from the 20th of the
    /// next month on) and delivered [default: auto]
    #[arg(long, value_name = "MONTH", env = "CAPSCORE_AS_OF")]
    as_of: Option<String>,
    /// Ruleset: an id of `capscore rules list`, or auto for the rules in force on the last day of
    /// the month [default: auto]
    #[arg(long, value_name = "ID", env = "CAPSCORE_RULESET")]
    ruleset: Option<String>,
    /// Rule pack that replaces or adds its area
    #[arg(long, value_name = "FILE")]
    pub(super) ruleset_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) format: FormatOption,
}

impl ScoreOptions {
    /// Nothing asked for but formats.
    pub(super) fn of_format(format: FormatOption) -> Self {
        Self { format, ..Self::default() }
    }
}

/// What is published beside the Parquet files.
#[derive(Debug, Default, Args)]
pub(super) struct FormatOption {
    /// Formats to publish: parquet, or parquet,delta for Delta tables below delta/ too. Delta tables
    /// that are there follow what is published in any case [default: parquet]
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', env = "CAPSCORE_FORMAT")]
    format: Vec<OutputFormat>,
}

/// The job file and the pipeline files of an invocation.
pub(super) struct Context<'a> {
    global: &'a Global,
    pub(super) files: PipelineFiles,
    job: JobFile,
}

impl<'a> Context<'a> {
    /// Reads the pipeline files and the job file.
    ///
    /// # Errors
    /// CS1002, CS2001.
    pub(super) fn new(global: &'a Global) -> Result<Self> {
        let files = match &global.pipelines {
            None => PipelineFiles::embedded(),
            Some(folder) if folder.is_dir() => PipelineFiles::with_folder(folder)?,
            Some(folder) => {
                let text = format!("there is no folder {}", folder.display());
                return Err(Error::new(Code::Usage, text).hint("correct --pipelines"));
            }
        };
        let job = match &global.config {
            Some(name) => JobFile::read(name, &files)?,
            None => JobFile::default(),
        };
        Ok(Self { global, files, job })
    }

    /// What the job file says, as it says it.
    ///
    /// # Errors
    /// CS1002, CS2001.
    pub(super) fn job_settings(&self) -> Result<toml::Table> {
        match &self.global.config {
            Some(name) => JobFile::find(name, &self.files)?.parse(),
            None => Ok(toml::Table::new()),
        }
    }

    /// Loads layouts, catalogs and rule packs; `extra` replaces or adds an area.
    ///
    /// # Errors
    /// CS2001, CS5002.
    pub(super) fn pipeline(&self, ruleset_file: Option<PathBuf>) -> Result<Pipeline> {
        let catalogs = Catalogs::load(&self.files)?;
        let extra = ruleset_file.or_else(|| self.job.ruleset_file.as_ref().map(PathBuf::from));
        let extra: Vec<&std::path::Path> = extra.iter().map(PathBuf::as_path).collect();
        let rules = Rules::load(&self.files, &catalogs, &extra)?;
        Ok(Pipeline { sources: Sources::load(&self.files)?, catalogs, rules })
    }

    /// # Errors
    /// CS1001 when no location is given.
    pub(super) fn facts(&self, option: &FactsOption) -> Result<String> {
        location(option.facts.as_ref(), self.job.facts.as_ref(), "facts")
    }

    /// # Errors
    /// CS1001 when no location is given.
    pub(super) fn output(&self, option: &OutputOption) -> Result<String> {
        location(option.output.as_ref(), self.job.output.as_ref(), "output")
    }

    /// Number of files read, or ranges of partners scored, at once.
    ///
    /// # Errors
    /// CS1001 for none, and for more than any machine has.
    pub(super) fn threads(&self) -> Result<usize> {
        match self.global.threads.or(self.job.threads) {
            Some(threads) if !(1..=MOST_THREADS).contains(&threads) => {
                let text = format!("--threads must be from 1 to {MOST_THREADS}");
                Err(Error::new(Code::Usage, text).hint("leave it out to use every processor"))
            }
            Some(threads) => Ok(threads),
            None => Ok(threads()),
        }
    }

    /// # Errors
    /// CS1001, CS1002.
    pub(super) fn ingest(
        &self,
        input: InputOptions,
        facts: &FactsOption,
    ) -> Result<IngestSettings> {
        let of_job = self.job.input.iter().flatten().map(|input| match input {
            InputSetting::Uri(uri) => (uri.clone(), ScopeSetting::Partner),
            InputSetting::Scoped(ScopedInput { uri, scope }) => (uri.clone(), *scope),
        });
        let inputs: Vec<(String, ScopeSetting)> = if input.input.is_empty() {
            of_job.collect()
        } else {
            input.input.into_iter().map(|uri| (uri, ScopeSetting::Partner)).collect()
        };
        inputs.iter().try_for_each(|(uri, _)| refuse_memory(uri))?;
        let inputs: Vec<Input> = inputs
            .into_iter()
            .map(|(uri, scope)| Input {
                uri,
                is_distributor: match input.scope {
                    Some(scope) => scope == InputScope::Distributor,
                    None => scope == ScopeSetting::Distributor,
                },
            })
            .collect();
        if inputs.is_empty() {
            return Err(Error::new(Code::Usage, "the location of the input is missing")
                .hint("give --input URI, set CAPSCORE_INPUT, or write it into a job file"));
        }
        let on_bad_file = match (input.on_bad_file, self.job.on_bad_file) {
            (Some(BadFile::SetAside), _) | (None, Some(OnBadFileSetting::SetAside)) => {
                OnBadFile::SetAside
            }
            _ => OnBadFile::Fail,
        };
        let facts = self.facts(facts)?;
        for input in &inputs {
            refuse_overlap(("input", &input.uri), ("folder of facts", &facts))?;
        }
        Ok(IngestSettings {
            inputs,
            facts,
            on_bad_file,
            accept_drop: input.accept_drop || self.job.accept_drop.unwrap_or_default(),
            keeps_customer_names: match (input.customer_names, self.job.customer_names) {
                (Some(names), _) => names == CustomerNames::Keep,
                (None, names) => names != Some(NamesSetting::Drop),
            },
            person_secret: person_secret(),
            threads: self.threads()?,
            memory: self.memory()? / 3,
        })
    }

    /// # Errors
    /// CS1001.
    pub(super) fn resources(&self) -> Result<Resources> {
        Ok(Resources { threads: self.threads()?, memory: self.memory()? / 12 })
    }

    fn memory(&self) -> Result<usize> {
        let given = self.global.memory_limit.as_ref().or(self.job.memory_limit.as_ref());
        let Some(text) = given else { return Ok(768 << 20) };
        let size: ByteSize =
            text.parse().map_err(|_| wrong_setting("memory_limit", text, "a size like 768MiB"))?;
        usize::try_from(size.as_u64())
            .ok()
            .filter(|bytes| *bytes >= 16 << 20)
            .ok_or_else(|| wrong_setting("memory_limit", text, "at least 16MiB"))
    }

    /// # Errors
    /// CS1001, CS1002.
    pub(super) fn score(
        &self,
        options: &ScoreOptions,
        facts: &FactsOption,
        output: &OutputOption,
    ) -> Result<ScoreSettings> {
        let as_of = options.as_of.as_deref().or(self.job.as_of.as_deref()).unwrap_or("auto");
        let as_of = match as_of {
            "auto" => AsOf::Auto(today()),
            text => AsOf::Month(
                Month::parse(text)
                    .ok_or_else(|| wrong_setting("as_of", text, "YYYY-MM or auto"))?,
            ),
        };
        let ruleset = options.ruleset.as_ref().or(self.job.ruleset.as_ref());
        let fail_on = match (self.global.fail_on, self.job.fail_on) {
            (Some(FailOn::Warn), _) | (None, Some(FailOnSetting::Warn)) => Severity::Warn,
            _ => Severity::Error,
        };
        let (facts, output) = (self.facts(facts)?, self.output(output)?);
        refuse_overlap(("folder of facts", &facts), ("folder of tables", &output))?;
        Ok(ScoreSettings {
            facts,
            output,
            as_of,
            ruleset: ruleset.filter(|id| id.as_str() != "auto").cloned(),
            fail_on,
            limits: self.job.limits(),
            has_delta: self.has_delta(&options.format.format)?,
            resources: self.resources()?,
        })
    }

    /// Whether Delta tables are asked for.
    fn has_delta(&self, formats: &[OutputFormat]) -> Result<bool> {
        let of_job = self.job.format.iter().flatten().map(|format| match format {
            FormatSetting::Parquet => OutputFormat::Parquet,
            FormatSetting::Delta => OutputFormat::Delta,
        });
        let formats = if formats.is_empty() { of_job.collect() } else { formats.to_vec() };
        if !formats.is_empty() && !formats.contains(&OutputFormat::Parquet) {
            let text = "the Parquet files are published in any format";
            return Err(Error::new(Code::Usage, text).hint("give --format parquet,delta"));
        }
        Ok(formats.contains(&OutputFormat::Delta))
    }
}

fn wrong_setting(name: &str, given: &str, expected: &str) -> Error {
    Error::new(Code::Usage, format!("{name} is {given:?}")).hint(format!("give {expected}"))
}

/// A month given on the command line.
///
/// # Errors
/// CS1001.
pub(super) fn parse_month(text: &str) -> Result<Month> {
    Month::parse(text).ok_or_else(|| wrong_setting("the month", text, "YYYY-MM"))
}

pub(super) fn today() -> Day {
    Day::from(chrono::Utc::now().date_naive())
}

/// The secret of person keys. It is read from the environment only: flags show in process lists.
pub(super) fn person_secret() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the command line is where settings are read")]
    std::env::var("CAPSCORE_PERSON_KEY").ok().filter(|secret| !secret.is_empty())
}
