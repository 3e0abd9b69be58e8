//! Secrets of stores do not reach logs, errors or manifests: messages of clients are cleaned of them.

use std::error::Error;
use std::fmt::Write as _;

/// Parts of names of environment variables that hold secrets.
const SECRET: [&str; 7] = ["HEADER", "KEY", "SECRET", "TOKEN", "SAS", "PASSWORD", "CREDENTIAL"];
const STORES: [&str; 5] = ["AWS_", "AZURE_", "GOOGLE_", "IDENTITY_", "MSI_"];
/// Query parameters that sign a request.
const SIGNATURES: [&str; 4] = ["sig=", "-Signature=", "-Token=", "-Credential="];
const HIDDEN: &str = "***";
/// Shorter values are no secrets, and would be found everywhere.
const SHORTEST: usize = 8;

/// An error and its causes as one text without secrets.
pub(super) fn redacted(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.to_string();
        // Many errors repeat their cause.
        if !text.contains(&inner) {
            let _ = write!(text, ": {inner}");
        }
        cause = error.source();
    }
    hidden(text)
}

/// A text without the secrets that the environment has.
pub(super) fn hidden(text: String) -> String {
    let secrets = std::env::vars().filter(|(name, value)| {
        STORES.iter().any(|store| name.starts_with(store))
            && SECRET.iter().any(|part| name.contains(part))
            && value.len() >= SHORTEST
    });
    without(text, secrets.map(|(_, value)| value))
}

fn without(mut text: String, secrets: impl Iterator<Item = String>) -> String {
    for secret in secrets {
        text = text.replace(&secret, HIDDEN);
    }
    for signature in SIGNATURES {
        let parts: Vec<&str> = text.split(signature).collect();
        let (first, rest) = parts.split_at(1);
        let is_end = |letter: char| letter == '&' || letter == '"' || letter.is_whitespace();
        let hidden = rest.iter().map(|part| {
            let end = part.find(is_end).unwrap_or(part.len());
            format!("{HIDDEN}{}", part.get(end..).unwrap_or_default())
        });
        let parts: Vec<String> =
            first.iter().map(|part| (*part).to_owned()).chain(hidden).collect();
        text = parts.join(signature);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_and_keys_are_hidden() {
        let text = "GET http://a/b?sv=1&sig=abc%2F&se=2 with key 0123456789 failed".to_owned();
        assert_eq!(
            without(text, ["0123456789".to_owned()].into_iter()),
            "GET http://a/b?sv=1&sig=***&se=2 with key *** failed"
        );
        assert_eq!(without("sig=a".to_owned(), std::iter::empty()), "sig=***");
        assert_eq!(without("plain".to_owned(), std::iter::empty()), "plain");
    }
}
