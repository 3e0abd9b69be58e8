//! A progress bar on a terminal, none otherwise.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::options::Global;
use super::output::is_interactive;
use crate::ingest::Event;

/// The bar of an ingest, in bytes.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(global: &Global) -> Self {
        let is_shown = is_interactive() && !global.no_progress && !global.quiet;
        let target =
            if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = "{msg:24!} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(super) fn ingest(&self, event: &Event<'_>) {
        match event {
            Event::Start { files, bytes } => {
                self.0.set_length(*bytes);
                self.0.set_message(format!("reading {files} files"));
            }
            Event::File { uri, bytes } => {
                tracing::debug!(uri, bytes, "Read a file.");
                self.0.inc(*bytes);
            }
            Event::Delivery { delivery } => {
                tracing::info!(%delivery, "Ingested a delivery.");
                self.0.set_message(format!("delivery {delivery}"));
            }
        }
    }

    /// Says what goes on, for work of unknown length.
    pub(super) fn message(&self, text: &str) {
        self.0.set_message(text.to_owned());
        self.0.tick();
    }

    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
