//! What of the live facts a scored month reads.

use std::collections::{BTreeMap, BTreeSet};

use super::window;
use crate::calendar::{Day, Month};
use crate::error::{Error, Result};
use crate::facts::{Live, LiveFrames, LiveUnit};
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
        let mut feeding = Self { reference, datasets, files: BTreeSet::new() };
        let units = live.units.iter().filter(|unit| feeding.reads(unit));
        let files = units.flat_map(|unit| unit.files.iter().map(|file| (unit.sequence, *file)));
        feeding.files = files.collect();
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

    /// Whether the score reads a unit. The partner profile is not among them: its effect is the
    /// account that each unit belongs to.
    pub(super) fn reads(&self, unit: &LiveUnit) -> bool {
        // The segment of a customer is that of its newest month, however old.
        let reads = |month| {
            window(self.reference).contains(&month)
                || unit.key.dataset == SEGMENT_DATASET && month <= self.reference
        };
        self.datasets.contains(&unit.key.dataset) && unit.key.month.is_none_or(reads)
    }
}

/// Partners and datasets whose data of R was delivered before the 20th of the next month.
pub(super) fn early_datasets(live: &Live, feeding: &Feeding) -> BTreeSet<(String, String)> {
    let next = feeding.reference.plus(1).first_day();
    let settled = Day(next.0 + 19);
    live.units
        .iter()
        .filter(|unit| feeding.reads(unit) && unit.key.month == Some(feeding.reference))
        .filter(|unit| unit.delivery < settled)
        .map(|unit| (unit.account.clone(), unit.key.dataset.clone()))
        .collect()
}

/// Partners with a rejected record in a file that feeds the month.
pub(super) fn quarantined_partners(live: &Live, feeding: &Feeding) -> Result<BTreeSet<String>> {
    let mut partners = BTreeSet::new();
    for (_, frame) in LiveFrames::new(live).quarantine(&feeding.files)? {
        let bug = |error: polars::prelude::PolarsError| Error::bug(error.to_string());
        let partner = frame.column("partner_id").and_then(|column| column.str()).map_err(bug)?;
        let is_account =
            frame.column("is_account").and_then(|column| column.bool()).map_err(bug)?;
        for at in 0..frame.height() {
            if let Some(partner) = partner.get(at) {
                partners.insert(live.account_of(partner, is_account.get(at).unwrap_or_default()));
            }
        }
    }
    Ok(partners)
}
