//! `capscore completions`: completion scripts.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, output};
use crate::error::Result;

/// Prints a completion script, e.g. `capscore completions bash > /etc/bash_completion.d/capscore`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "capscore", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
