//! Files that come late, or again.

use std::collections::HashSet;

use super::OnBadFile;
use super::batch::{ReadBatch, set_aside};
use super::intern::Texts;
use super::layout::dataset_name;
use super::reader::FileResult;
use crate::error::{Code, Error, Result};
use crate::facts::{Ledger, UnitKey, read_units};

impl ReadBatch<'_> {
    /// A late file needs the other files of its delivery that speak of the same units: the lines
    /// of one consumption may be spread over them. Gives the first delivery that lacks some, with
    /// CS3008; where bad files are set aside, the late file is.
    ///
    /// # Errors
    /// CS6005.
    pub(super) fn refuse_partial_deliveries(
        &mut self,
        ledger: &Ledger,
        texts: &Texts,
    ) -> Result<Option<(usize, Error)>> {
        for (at, files) in self.results.iter_mut().enumerate() {
            let (delivery, _) = self.batch.deliveries[at];
            let read: HashSet<String> = files.iter().map(|file| file.record.uri.clone()).collect();
            let mut missing: Vec<(UnitKey, String)> = Vec::new();
            for entry in ledger.entries.iter().filter(|entry| entry.day() == delivery) {
                if !entry.has_units() {
                    continue;
                }
                let retracted = ledger.retracted(entry);
                for unit in read_units(&self.batch.settings.facts, entry.sequence)? {
                    if retracted.contains(unit.key.dataset.as_str()) {
                        continue;
                    }
                    let Some(file) = entry.files.get(unit.file) else { continue };
                    if !read.contains(&file.uri) {
                        missing.push((unit.key, file.uri.clone()));
                    }
                }
            }
            for file in files.iter_mut().filter(|_| !missing.is_empty()) {
                let keys: HashSet<UnitKey> = file
                    .tally
                    .units()
                    .map(|((partner, month), _)| {
                        let (id, is_account) = texts.partner(partner);
                        UnitKey {
                            dataset: dataset_name(file.dataset).to_owned(),
                            partner_id: id.to_owned(),
                            is_account,
                            month,
                        }
                    })
                    .collect();
                let Some((key, gone)) = missing.iter().find(|(key, _)| keys.contains(key)) else {
                    continue;
                };
                let error = Error::new(
                    Code::DeliveryIncomplete,
                    format!(
                        "{}, new in the delivery of {delivery}, has rows of partner {}, whose other file {gone} is no longer there",
                        file.record.uri, key.partner_id
                    ),
                )
                .hint("put the other file back, or give the new one a later delivery date");
                if self.batch.settings.on_bad_file == OnBadFile::Fail {
                    return Ok(Some((at, error)));
                }
                self.batch.shared.drop_slot(file.slot);
                let record = &file.record;
                *file = set_aside(&record.uri, &record.etag, record.bytes, &error);
            }
        }
        Ok(None)
    }
}

/// A file that was set aside is tried again in every run; when it fails as before, there is
/// nothing new to record.
pub(super) fn forget_known_failures(results: &mut [Vec<FileResult>], ledger: &Ledger) {
    let known: HashSet<(&str, &str, &str)> = ledger
        .files()
        .filter_map(|(_, _, file)| {
            Some((file.uri.as_str(), file.etag.as_str(), file.set_aside.as_deref()?))
        })
        .collect();
    for files in results.iter_mut() {
        files.retain(|file| match &file.record.set_aside {
            Some(reason) => {
                let failure =
                    (file.record.uri.as_str(), file.record.etag.as_str(), reason.as_str());
                !known.contains(&failure)
            }
            None => true,
        });
    }
}
