//! Events of a run for catalogs of lineage, as the `OpenLineage` specification has them: one line of
//! JSON when it starts, one when it ends or is stopped.

use chrono::Utc;
use serde_json::{Value, json};

use super::attempt::instant;
use super::{Attempt, Scored};
use crate::error::Error;
use crate::ingest;

const PRODUCER: &str = concat!("capscore/", env!("CARGO_PKG_VERSION"));
const RUN_EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const STATISTICS: &str =
    "https://openlineage.io/spec/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json";
const MESSAGE: &str = "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json";
const NOMINAL: &str = "https://openlineage.io/spec/facets/1-0-1/NominalTimeRunFacet.json";

/// How a run stands.
pub enum RunState<'a> {
    /// It has begun.
    Start,
    /// It ended well: the files that it read, if it did, and the months that are published.
    Complete(Option<&'a ingest::Summary>, &'a [Scored]),
    /// A signal stopped it.
    Abort,
    /// It ended with an error.
    Fail(&'a Error),
}

/// One event of a run: the attempt is `OpenLineage`'s run, as each execution has one.
pub fn run_event(command: &str, attempt: &Attempt, state: &RunState<'_>) -> Value {
    let (kind, time) = match state {
        RunState::Start => ("START", attempt.started),
        RunState::Complete(..) => ("COMPLETE", Utc::now()),
        RunState::Abort => ("ABORT", Utc::now()),
        RunState::Fail(_) => ("FAIL", Utc::now()),
    };
    let mut event = json!({
        "eventType": kind,
        "eventTime": instant(time),
        "producer": PRODUCER,
        "schemaURL": RUN_EVENT,
        "run": {"runId": attempt.id, "facets": {}},
        "job": {"namespace": "capscore", "name": command},
        "inputs": [],
        "outputs": [],
    });
    match state {
        RunState::Start | RunState::Abort => {}
        RunState::Complete(summary, months) => {
            let files = summary.iter().flat_map(|summary| &summary.files);
            let read = files.map(|file| dataset(&file.uri));
            event["inputs"] = read.collect();
            event["outputs"] = months.iter().flat_map(outputs).collect();
            if let Some(newest) = months.last() {
                event["run"]["facets"]["nominalTime"] = json!({
                    "_producer": PRODUCER,
                    "_schemaURL": NOMINAL,
                    "nominalStartTime": format!("{}T00:00:00Z", newest.reference.first_day()),
                });
            }
        }
        RunState::Fail(error) => {
            event["run"]["facets"]["errorMessage"] = json!({
                "_producer": PRODUCER,
                "_schemaURL": MESSAGE,
                "message": format!("{}: {error}", error.code().as_str()),
                "programmingLanguage": "Rust",
            });
        }
    }
    event
}

/// The tables of a month with their rows.
fn outputs(scored: &Scored) -> impl Iterator<Item = Value> {
    scored.tables.iter().map(|(table, rows)| {
        let mut output = dataset(&format!("{}/{table}", scored.output));
        output["outputFacets"] = json!({"outputStatistics": {
            "_producer": PRODUCER,
            "_schemaURL": STATISTICS,
            "rowCount": rows,
        }});
        output
    })
}

/// Names of datasets by the specification: the store, and the place in it.
fn dataset(uri: &str) -> Value {
    let (namespace, name) = match uri.split_once("://") {
        Some((scheme, rest)) => {
            let (store, path) = rest.split_once('/').unwrap_or((rest, ""));
            (format!("{scheme}://{store}"), path)
        }
        None => ("file".to_owned(), uri),
    };
    json!({"namespace": namespace, "name": name})
}
