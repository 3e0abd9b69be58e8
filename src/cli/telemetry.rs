//! What a command tells systems that watch it: metrics when it ends well, and events of lineage.

use clap::Args;

use super::lineage::LineageOption;
use super::options::MetricsOption;
use super::{forget_interrupt, on_interrupt};
use crate::error::Result;
use crate::ingest::Summary;
use crate::job::{Attempt, RunState, Scored};

/// Whom a command tells about itself.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Telemetry {
    #[command(flatten)]
    metrics: MetricsOption,
    #[command(flatten)]
    lineage: LineageOption,
}

/// What a command came to.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// What it ingested, if it did.
    pub(super) summary: Option<Summary>,
    /// The months that it scored.
    pub(super) scored: Vec<Scored>,
}

impl Telemetry {
    /// Does the work of a command, and tells how it began and ended.
    ///
    /// # Errors
    /// Those of the work; CS1003, CS2002 when nobody can be told.
    pub(super) fn observe(
        &self,
        command: &'static str,
        work: impl FnOnce(&Attempt) -> Result<Done>,
    ) -> Result<()> {
        let attempt = Attempt::start();
        let tell = |state: &RunState<'_>| self.lineage.tell(command, &attempt, state);
        tell(&RunState::Start)?;
        let (told, stopped) = (self.lineage.clone(), attempt.clone());
        on_interrupt(move || {
            // The process ends: nobody is left to report to.
            let _ = told.tell(command, &stopped, &RunState::Abort);
        });
        let done = work(&attempt);
        forget_interrupt();
        match done {
            Ok(Done { summary, scored }) => {
                self.metrics.write(&attempt, summary.as_ref(), &scored)?;
                tell(&RunState::Complete(summary.as_ref(), &scored))
            }
            Err(error) => {
                // What went wrong first is what is told of the command.
                if let Err(untold) = tell(&RunState::Fail(&error)) {
                    let cause = untold.causes().join(": ");
                    tracing::warn!(error = %untold, cause, "The event of lineage was not written.");
                }
                Err(error)
            }
        }
    }
}
