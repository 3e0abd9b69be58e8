//! Exports that no score reads, compared with what the scores of a month read: bills with Azure
//! usage, the membership page's list of certificates with the trainings.

use std::collections::{BTreeMap, BTreeSet};

use super::feeding::Feeding;
use crate::calendar::Month;
use crate::checks::Check;
use crate::error::Result;
use crate::facts::{Live, LiveFrames};
use crate::money::Money;
use crate::rules::Certifications;
use crate::score::{DeliveredCredentials, Held};
use crate::tables::COMPARED_DATASETS;

/// How many examples a message names.
const NAMED: usize = 5;

/// The compared exports of a month.
pub(super) struct Compared<'a> {
    live: &'a Live,
    reference: Month,
}

impl<'a> Compared<'a> {
    pub(super) fn of(live: &'a Live, feeding: &Feeding) -> Self {
        Self { live, reference: feeding.reference }
    }

    fn has(&self, dataset: &str, month: Option<Month>) -> bool {
        COMPARED_DATASETS.contains(&dataset) && month.is_none_or(|month| month == self.reference)
    }

    /// The months of what is compared, none for snapshots.
    fn months(&self) -> impl Iterator<Item = Option<Month>> {
        let months = self.live.months().map(|of_month| (of_month.dataset, of_month.month));
        months.filter(|(dataset, month)| self.has(dataset, *month)).map(|(_, month)| month)
    }

    /// The checks, where there is something to compare.
    ///
    /// # Errors
    /// CS6005, CS9001.
    pub(super) fn checks(&self, catalog: &Certifications) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        let has_bills = self.months().any(|month| month.is_some());
        let has_lists = self.months().any(|month| month.is_none());
        let frames = LiveFrames::new(self.live);
        if has_bills {
            checks.push(self.billed_without_usage(&frames.billed_without_usage(self.reference)?));
        }
        if has_lists {
            let day = self.reference.last_day();
            let held = |frame| DeliveredCredentials::collect(&frame)?.held(catalog, day);
            let (trained, listed) =
                (held(frames.credentials()?)?, held(frames.listed_credentials()?)?);
            checks.push(skilling_lists_agree(&trained, &listed));
        }
        Ok(checks)
    }

    fn billed_without_usage(&self, billed: &[(String, Money)]) -> Check {
        let mut partners: BTreeMap<&str, Money> = BTreeMap::new();
        for (partner, amount) in billed {
            *partners.entry(partner).or_default() += *amount;
        }
        let mut listed: Vec<(&str, Money)> = partners.into_iter().collect();
        listed.sort_by_key(|(partner, amount)| (std::cmp::Reverse(*amount), *partner));
        let named =
            listed.iter().take(NAMED).map(|(partner, amount)| format!("{partner} ({amount})"));
        let named = named.collect::<Vec<_>>().join(", ");
        let text = if billed.is_empty() {
            format!("every customer who was billed for Azure in {} has usage", self.reference)
        } else {
            format!(
                "{} customers were billed for Azure in {} and have no usage there, \
                 by partner in USD: {named}",
                billed.len(),
                self.reference
            )
        };
        Check::warn("billed_without_usage", i64::try_from(billed.len()).unwrap_or(i64::MAX), text)
    }
}

/// Certifications of partners with both lists which are held by more people in one of them. People
/// have other keys there, so their number is compared.
fn skilling_lists_agree(trained: &Held, listed: &Held) -> Check {
    let mut differing = Vec::new();
    for (partner, listed) in listed {
        let Some(trained) = trained.get(partner) else { continue };
        let codes: BTreeSet<&String> = trained.keys().chain(listed.keys()).collect();
        for code in codes {
            let people =
                |held: &BTreeMap<String, BTreeSet<String>>| held.get(code).map_or(0, BTreeSet::len);
            let (trained, listed) = (people(trained), people(listed));
            if trained != listed {
                differing.push(format!("{partner} {code} ({trained}, {listed} on the page)"));
            }
        }
    }
    let text = if differing.is_empty() {
        "the membership page lists the certificates of the trainings export".to_owned()
    } else {
        let named = differing.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        format!("{} certificates are held by other numbers of people: {named}", differing.len())
    };
    Check::warn("skilling_lists_agree", i64::try_from(differing.len()).unwrap_or(i64::MAX), text)
}
