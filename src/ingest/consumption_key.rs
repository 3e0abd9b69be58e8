//! The columns of a file that tell one consumption from another, and files that differ in them.

use std::collections::HashSet;

use super::layout::{Family, Recognised};
use super::reader::FileResult;

/// The layout and the columns of a file that tell one consumption from another; none where it holds
/// no consumption.
pub(super) fn consumption_key(header: &Recognised<'_>) -> Vec<String> {
    if !matches!(header.layout.family, Family::Acr | Family::Estimates) {
        return Vec::new();
    }
    let fields = header.layout.key.iter().filter(|field| header.column(field).is_some());
    std::iter::once(&header.layout.id).chain(fields).cloned().collect()
}

/// Notes files of one delivery that name the same months of a partner but tell one consumption
/// from another by different columns: what both hold may count twice.
pub(super) fn note_different_keys(results: &mut [Vec<FileResult>]) {
    for files in results {
        let mut noted: Vec<(usize, String)> = Vec::new();
        for (at, file) in files.iter().enumerate().filter(|(_, file)| !file.key.is_empty()) {
            let units: HashSet<_> = file.tally.units().map(|(unit, _)| unit).collect();
            let other = files[..at].iter().find(|other| {
                other.dataset == file.dataset
                    && !other.key.is_empty()
                    && other.key != file.key
                    && other.tally.units().any(|(unit, _)| units.contains(&unit))
            });
            if let Some(other) = other {
                noted.push((at, other.record.uri.clone()));
            }
        }
        for (at, other) in noted {
            let record = &mut files[at].record;
            record.assumptions.push(("consumption_keys_differ".to_owned(), other));
        }
    }
}
