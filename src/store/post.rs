//! Telling a service something by HTTP.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};

use super::remote::{refuse_secrets, runtime};
use super::secrets::redacted;
use crate::error::{Code, Error, Result};

/// A service that is not there may not hold up a run.
const TIMEOUT: Duration = Duration::from_secs(5);
const MOST_REPETITIONS: usize = 2;

/// Posts a JSON document, with a bearer token if there is one.
///
/// # Errors
/// CS1003 for a URL with a query, a user or a password; CS2003 when the service does not take it.
pub fn post_json(url: &str, json: &str, token: Option<&str>) -> Result<()> {
    let url = refuse_secrets(url)?;
    if !url.username().is_empty() {
        return Err(Error::new(Code::Scheme, "a URL has a user name in it")
            .hint("give the key by the environment"));
    }
    let failed = |error: &reqwest::Error| {
        Error::new(Code::StorageBusy, format!("{url} does not take the document"))
            .because(redacted(error))
            .hint("check the URL and the network")
    };
    // What is posted elsewhere than it was meant to is lost.
    let client = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build();
    let client = client.map_err(|error| failed(&error))?;
    let send = || async {
        let mut request =
            client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(json.to_owned());
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        request.send().await?.error_for_status()
    };
    let is_temporary = |error: &reqwest::Error| {
        let refused = |status: StatusCode| {
            status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS
        };
        !error.status().is_some_and(refused)
    };
    let schedule = ExponentialBuilder::default().with_max_times(MOST_REPETITIONS).with_jitter();
    // The timer of the runtime is there when this runs in it.
    let sent = runtime()?.block_on(async {
        send.retry(schedule).sleep(tokio::time::sleep).when(is_temporary).await
    });
    let status = sent.map_err(|error| failed(&error.without_url()))?.status();
    if status.is_success() {
        return Ok(());
    }
    Err(Error::new(Code::StorageBusy, format!("{url} answers {status}")).hint("check the URL"))
}
