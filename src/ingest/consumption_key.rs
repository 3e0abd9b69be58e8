//! The columns of a file that tell rows apart where distinct ones are added, and files that differ in
//! them.

use std::collections::HashSet;

use super::layout::{Family, Recognised};
use super::reader::FileResult;

/// The layout and the columns of a file by which distinct rows are told apart and added; none where
/// rows are not added.
pub(super) fn consumption_key(header: &Recognised<'_>) -> Vec<String> {
    let layout = header.layout;
    let is_added = match layout.family {
        Family::Acr | Family::Estimates | Family::Revenue | Family::Usage => true,
        Family::Seats => !layout.unpivot.is_empty(),
        _ => false,
    };
    if !is_added {
        return Vec::new();
    }
    let mut fields = header.fields.clone();
    fields.sort_unstable();
    fields.insert(0, layout.id.clone());
    fields
}

/// Notes files of one delivery that name the same months of a partner but tell rows apart by
/// different columns: what both hold may count twice.
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
