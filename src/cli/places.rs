//! Where a run reads and writes: places that are given, that last, and that are apart.

use std::path::{Component, Path, PathBuf};

use crate::error::{Code, Error, Result};

/// The place that a flag, the environment, or the job file gives.
///
/// # Errors
/// CS1001 when none does; CS1003.
pub(super) fn location(flag: Option<&String>, job: Option<&String>, name: &str) -> Result<String> {
    let uri = flag.or(job).ok_or_else(|| {
        Error::new(Code::Usage, format!("the location of the {name} is missing")).hint(format!(
            "give --{name} URI, set CAPSCORE_{}, or write it into a job file",
            name.to_uppercase()
        ))
    })?;
    refuse_memory(uri)?;
    Ok(uri.clone())
}

/// What a command leaves in memory is gone when it ends.
///
/// # Errors
/// CS1003.
pub(super) fn refuse_memory(uri: &str) -> Result<()> {
    if !uri.to_ascii_lowercase().starts_with("memory:") {
        return Ok(());
    }
    Err(Error::new(Code::Scheme, "a location in memory ends with the command")
        .hint("give a folder or object storage"))
}

/// Facts, tables and exports lie apart: what one run writes is not what the next one reads.
///
/// # Errors
/// CS1001 when one of two places, by what it is and where, is in the other.
pub(super) fn refuse_overlap(one: (&str, &str), other: (&str, &str)) -> Result<()> {
    let (place, other_place) = (absolute(one.1), absolute(other.1));
    let (inner, outer) = if place.starts_with(&other_place) {
        (one, other)
    } else if other_place.starts_with(&place) {
        (other, one)
    } else {
        return Ok(());
    };
    let text = format!("the {} {} lies in the {} {}", inner.0, inner.1, outer.0, outer.1);
    Err(Error::new(Code::Usage, text)
        .hint("give exports, facts and tables a folder each, side by side"))
}

/// A place without detours; that of a store by its name and path.
fn absolute(uri: &str) -> PathBuf {
    let local = uri.strip_prefix("file://").unwrap_or(uri);
    if local.contains("://") {
        return PathBuf::from(local.trim_end_matches('/'));
    }
    let path = std::path::absolute(Path::new(local)).unwrap_or_else(|_| PathBuf::from(local));
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lie_apart() {
        let refused = |facts: &str, output: &str| {
            let places = [("input", "a/deliveries"), ("facts", facts), ("output", output)];
            let pairs = [(0, 1), (0, 2), (1, 2)];
            pairs.iter().any(|(one, other)| refuse_overlap(places[*one], places[*other]).is_err())
        };
        for (facts, output, is_refused) in [
            ("a/facts", "a/tables", false),
            ("a/deliveries2", "a/deliveries-tables", false),
            ("s3://b/facts", "s3://b/facts2", false),
            ("s3://b/facts", "s3://b/facts/tables", true),
            ("a/facts", "a/facts", true),
            ("a/facts", "a/./x/../facts/tables", true),
            ("a/deliveries/facts", "a/tables", true),
            ("a", "b", true),
        ] {
            assert_eq!(refused(facts, output), is_refused, "{facts} {output}");
        }
    }
}
