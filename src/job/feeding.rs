//! What of the live facts a scored month reads.

use std::collections::{BTreeMap, BTreeSet};

use super::window;
use crate::calendar::{Day, Month};
use crate::engine::bug;
use crate::error::Result;
use crate::facts::{FileRecord, Live, LiveFrames, LiveUnit, PROFILE};
use crate::rules::Version;
use crate::tables::{RESELLER_DATASETS, SEGMENT_DATASET};

/// What a month's score reads.
#[derive(Debug, Clone)]
pub(super) struct Feeding {
    pub(super) reference: Month,
    pub(super) datasets: BTreeSet<String>,
    /// Ledger entry and index of each file that holds a live row.
    pub(super) files: BTreeSet<(u64, usize)>,
}

impl Feeding {
    pub(super) fn new(live: &Live, reference: Month, versions: &[&Version]) -> Self {
        let mut datasets: BTreeSet<String> = versions
            .iter()
            .flat_map(|version| &version.metrics)
            .flat_map(|metric| &metric.parts)
            .flat_map(|part| part.datasets.iter().cloned())
            .collect();
        // A path may be assigned by the segments of customers.
        if versions.iter().any(|version| version.reads_segments()) {
            datasets.insert(SEGMENT_DATASET.to_owned());
        }
        if live.has_distributor() {
            datasets.extend(RESELLER_DATASETS.map(str::to_owned));
        }
        let mut files = BTreeSet::new();
        let mut feeding = Self { reference, datasets, files: BTreeSet::new() };
        let mut last = None;
        for unit in feeding.units(live) {
            let of_unit = Some((unit.sequence, unit.files.as_slice()));
            // Neighbours mostly come from the same files.
            if last != of_unit {
                files.extend(unit.files.iter().map(|file| (unit.sequence, *file)));
                last = of_unit;
            }
        }
        // It says to which accounts the others belong.
        let profiles = live.months().filter(|of_month| of_month.dataset == PROFILE);
        for unit in profiles.flat_map(|of_month| of_month.units) {
            files.extend(unit.files.iter().map(|file| (unit.sequence, *file)));
        }
        feeding.files = files;
        feeding
    }

    /// The files that feed the month; of one that was overwritten in place, its newest content.
    pub(super) fn newest_files(&self, live: &Live) -> BTreeSet<(u64, usize)> {
        // Ledger entries ascend.
        let records = self.files.iter().filter_map(|(sequence, file)| {
            Some((live.file(*sequence, *file)?.uri.as_str(), (*sequence, *file)))
        });
        records.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// What is on record of the [`newest_files`](Self::newest_files).
    pub(super) fn newest_records<'a>(&self, live: &'a Live) -> Vec<&'a FileRecord> {
        let files = self.newest_files(live).into_iter();
        files.filter_map(|(sequence, file)| live.file(sequence, file)).collect()
    }

    /// Whether the score reads the units of a dataset and month. The partner profile is not among
    /// them: its effect is the account that each unit belongs to.
    pub(super) fn reads(&self, dataset: &str, month: Option<Month>) -> bool {
        // The segment of a customer is that of its newest month, however old.
        let reads = |month| {
            window(self.reference).contains(&month)
                || dataset == SEGMENT_DATASET && month <= self.reference
        };
        self.datasets.contains(dataset) && month.is_none_or(reads)
    }

    /// The units that the score reads.
    pub(super) fn units<'a>(&self, live: &'a Live) -> impl Iterator<Item = &'a LiveUnit> {
        let months = live.months().filter(|of_month| self.reads(of_month.dataset, of_month.month));
        months.flat_map(|of_month| of_month.units)
    }
}

/// Partners and datasets whose data of R was delivered before the 20th of the next month.
pub(super) fn early_datasets(live: &Live, feeding: &Feeding) -> BTreeSet<(String, String)> {
    let next = feeding.reference.plus(1).first_day();
    let settled = Day(next.0 + 19);
    let mut early = BTreeSet::new();
    let of_reference = live.months().filter(|of_month| {
        of_month.month == Some(feeding.reference) && feeding.reads(of_month.dataset, of_month.month)
    });
    for of_month in of_reference {
        let units = of_month.units.iter().filter(|unit| unit.delivery < settled);
        early.extend(units.map(|unit| (unit.account.clone(), unit.key.dataset.clone())));
    }
    early
}

/// Partners with a rejected record in a file that feeds the month.
pub(super) fn quarantined_partners(live: &Live, feeding: &Feeding) -> Result<BTreeSet<String>> {
    let mut partners = BTreeSet::new();
    for (_, frame) in LiveFrames::new(live).quarantine(&feeding.files)? {
        let partner = frame.column("partner_id").and_then(|column| column.str()).map_err(bug)?;
        let is_account =
            frame.column("is_account").and_then(|column| column.bool()).map_err(bug)?;
        for at in 0..frame.height() {
            if let Some(partner) = partner.get(at) {
                let is_account = is_account.get(at).unwrap_or_default();
                partners.insert(live.account_of(partner, is_account).to_owned());
            }
        }
    }
    Ok(partners)
}
