//! `capscore generate`: a synthetic base.

use std::path::PathBuf;

use clap::Args;

use super::options::{Context, Global, parse_month};
use super::output;
use super::progress::Bar;
use crate::error::Result;
use crate::generate::{self, Settings};

/// Writes a synthetic base of exports: partners that grow, stand still and shrink, with plainly
/// invented names. The same options give the same bytes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Partners
    #[arg(long, value_name = "N", default_value_t = 30)]
    partners: u32,
    /// Customer tenants of a partner
    #[arg(long, value_name = "N", default_value_t = 8)]
    tenants_per_partner: u32,
    /// Azure services that a tenant consumes in a month, on average
    #[arg(long, value_name = "N", default_value_t = 3)]
    lines_per_tenant: u32,
    /// Months of data
    #[arg(long, value_name = "N", default_value_t = 38)]
    months: u32,
    /// Last month of data
    #[arg(long, value_name = "YYYY-MM", default_value = "2026-09")]
    last_month: String,
    /// What the invented numbers start from
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Put a few broken rows into one delivery
    #[arg(long)]
    dirty: bool,
    /// Azure usage rows of one file; more are split into several files
    #[arg(long, value_name = "N", default_value_t = 500_000)]
    rows_per_file: u64,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<()> {
    let pipeline = Context::new(global)?.pipeline(None)?;
    let settings = Settings {
        partners: arguments.partners,
        tenants_per_partner: arguments.tenants_per_partner,
        lines_per_tenant: arguments.lines_per_tenant,
        months: arguments.months,
        last_month: parse_month(&arguments.last_month)?,
        seed: arguments.seed,
        is_dirty: arguments.dirty,
        rows_per_file: arguments.rows_per_file,
        out: arguments.out.clone(),
    };
    let bar = Bar::new(global);
    let done = generate::generate(&settings, &pipeline.catalogs, &pipeline.rules, &mut |text| {
        bar.message(text);
    });
    bar.end();
    let summary = done?;
    output::print(&format!(
        "Generated   {} files, {} rows, {} in {}\n",
        summary.files,
        summary.rows,
        bytesize::ByteSize(summary.bytes),
        arguments.out.display()
    ))
}
