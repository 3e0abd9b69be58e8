//! `capscore explain`: the page for a partner manager.

use clap::{Args, ValueEnum};

use super::options::{Context, Global, OutputOption, parse_month};
use super::output;
use crate::error::Result;
use crate::explain::{self, Format, Query};
use crate::store::Store;

/// Explains the score of one partner from the published tables: the total, each metric with its
/// sentence, the customers on both sides with reasons, the people by step.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    output: OutputOption,
    /// The partner global account
    #[arg(short, long, value_name = "ID")]
    partner: String,
    /// One area only
    #[arg(long, value_name = "AREA")]
    area: Option<String>,
    /// One metric only
    #[arg(long, value_name = "METRIC")]
    metric: Option<String>,
    /// One customer tenant only
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// A published month [default: the newest]
    #[arg(long, value_name = "YYYY-MM")]
    as_of: Option<String>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: PageFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PageFormat {
    Text,
    Json,
    Md,
}

pub(super) fn run(global: &Global, arguments: Arguments) -> Result<()> {
    let context = Context::new(global)?;
    let output = Store::open(&context.output(&arguments.output)?)?;
    let query = Query {
        partner: arguments.partner,
        area: arguments.area,
        metric: arguments.metric,
        tenant: arguments.tenant,
        month: arguments.as_of.as_deref().map(parse_month).transpose()?,
    };
    let page = explain::explain(&output, &query)?;
    let format = match arguments.format {
        PageFormat::Text => Format::Text,
        PageFormat::Json => Format::Json,
        PageFormat::Md => Format::Markdown,
    };
    let mut text = page.render(format);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    output::print(&text)
}
