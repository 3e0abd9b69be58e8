//! Logs on stderr: text for people, JSON lines for machines.

use tracing_subscriber::filter::LevelFilter;

use super::options::{ColorChoice, Global, LogFormat};
use super::output::is_interactive;

/// Starts logging; whether the log is JSON.
pub(super) fn start(global: &Global) -> bool {
    let level = match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let has_color = match global.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => is_interactive() && !global.no_color,
    };
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(has_color)
        .with_target(false);
    let is_json = match global.log_format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !is_interactive(),
    };
    // A second start in one process keeps the first.
    let _ = if is_json {
        tracing::subscriber::set_global_default(builder.json().flatten_event(true).finish())
    } else {
        tracing::subscriber::set_global_default(builder.finish())
    };
    is_json
}
