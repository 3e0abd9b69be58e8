//! Where a run tells catalogs of lineage about itself: a file, or a service.

use std::path::Path;

use clap::Args;

use crate::error::{Code, Error, Result};
use crate::job::{Attempt, RunState, run_event};
use crate::store;

/// The path of the interface at a service that is named without one.
const INTERFACE: &str = "/api/v1/lineage";

#[derive(Debug, Clone, Default, Args)]
pub(super) struct LineageOption {
    /// Where to send an `OpenLineage` event when the run starts and one when it ends: a file, which
    /// gets a line of JSON each, or the http(s) URL of a service
    #[arg(long, value_name = "FILE|URL", env = "CAPSCORE_OPENLINEAGE")]
    openlineage: Option<String>,
}

impl LineageOption {
    /// Tells how a run stands. A service that does not take it is a warning: lineage is not what a
    /// run is for.
    ///
    /// # Errors
    /// CS1003 for a target that is neither a file nor a service, CS2002 for a file that cannot be
    /// written.
    pub(super) fn tell(
        &self,
        command: &str,
        attempt: &Attempt,
        state: &RunState<'_>,
    ) -> Result<()> {
        let Some(target) = &self.openlineage else { return Ok(()) };
        let event = run_event(command, attempt, state).to_string();
        let Some(url) = service(target)? else {
            return store::append_line(Path::new(target), &event);
        };
        if let Err(error) = store::post_json(&url, &event, token().as_deref()) {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, cause, "The event of lineage was not delivered.");
        }
        Ok(())
    }
}

/// The URL of a service; none for a file.
///
/// # Errors
/// CS1003 for another scheme.
fn service(target: &str) -> Result<Option<String>> {
    let Some((scheme, rest)) = target.split_once("://") else { return Ok(None) };
    let scheme = scheme.to_ascii_lowercase();
    if !["http", "https"].contains(&&*scheme) {
        let text = format!("lineage cannot go to {scheme}://");
        return Err(Error::new(Code::Scheme, text).hint("give a file, or an http(s) URL"));
    }
    let rest = rest.trim_end_matches('/');
    let interface = if rest.contains('/') { "" } else { INTERFACE };
    Ok(Some(format!("{scheme}://{rest}{interface}")))
}

/// The key of the service, where `OpenLineage`'s own clients look for it. Flags show in process lists.
fn token() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the command line is where settings are read")]
    std::env::var("OPENLINEAGE_API_KEY").ok().filter(|key| !key.is_empty())
}
