//! `capscore init`: a job file to begin with.

use std::path::PathBuf;

use clap::Args;

use super::output;
use crate::error::{Code, Error, Result};
use crate::store;

const JOB: &str = include_str!("init.toml");

/// Writes a job file with every setting, what it means, and what is done without it.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file to write; one that is there stays as it is
    #[arg(value_name = "FILE", default_value = "capscore.toml")]
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let file = &arguments.file;
    if file.exists() {
        return Err(Error::new(Code::Usage, format!("{} is there already", file.display()))
            .hint("name another file: capscore init FILE"));
    }
    store::replace_file(file, JOB.as_bytes())?;
    let name = file.display();
    output::print(&format!("Wrote {name}. Edit it, then: capscore run --config {name}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobFile;
    use crate::pipelines::PipelineFiles;

    #[test]
    fn the_job_is_one_with_and_without_its_comments() {
        let folder = tempfile::tempdir().unwrap();
        let is_name =
            |text: &str| text.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase());
        let is_setting =
            |rest: &&str| rest.split_once(" = ").is_some_and(|(name, _)| is_name(name));
        let whole: Vec<&str> = JOB
            .lines()
            .map(|line| match line {
                "# [checks]" => "[checks]",
                line => line.strip_prefix("# ").filter(is_setting).unwrap_or(line),
            })
            .collect();
        for text in [JOB.to_owned(), whole.join("\n")] {
            let path = folder.path().join("job.toml");
            store::replace_file(&path, text.as_bytes()).unwrap();
            let job = JobFile::read(path.to_str().unwrap(), &PipelineFiles::embedded()).unwrap();
            assert_eq!(job.facts.as_deref(), Some("facts"));
            assert_eq!(job.threads.is_some(), text != JOB);
            assert_eq!(job.checks.is_some(), text != JOB);
        }
    }
}
