//! The path that tests of the customer base assign to partners in months whose scores are not asked for:
//! an enrolment keeps that of its beginning (rules §3.5).

use std::collections::{BTreeMap, BTreeSet};

use super::base::{Base, RangeFacts};
use super::business::Business;
use super::month::usage_partners;
use super::window;
use crate::calendar::Month;
use crate::error::Result;
use crate::facts::Credit;
use crate::ids::RunId;
use crate::rules::Version;
use crate::score;
use crate::workers::in_order;

/// Area and partner that the path tests of the rules of some months assign the tested path, by month;
/// nobody where no rules were in force.
///
/// # Errors
/// CS2002, CS6005, CS9001.
pub(super) fn assigned(
    base: &Base<'_>,
    months: &[Month],
) -> Result<BTreeMap<Month, BTreeSet<(String, String)>>> {
    let mut tested = Vec::new();
    // No test looks at usage.
    let workloads = &base.pipeline.catalogs.workloads;
    let business = Business::read(base.live, workloads, months, false)?;
    for reference in months {
        if let Ok((versions, _)) = base.pipeline.rules.effective(reference.last_day()) {
            tested.push(TestedMonth::new(base, *reference, versions)?);
        }
    }
    let of_range = |at: usize| {
        let facts = base.range(at)?;
        tested
            .iter()
            .map(|month| month.assigned(base, &business, &facts))
            .collect::<Result<Vec<_>>>()
    };
    let mut found: BTreeMap<Month, BTreeSet<(String, String)>> =
        months.iter().map(|month| (*month, BTreeSet::new())).collect();
    if tested.is_empty() {
        return Ok(found);
    }
    in_order(base.workers.threads(), base.ranges()?.len(), of_range, |of_months| {
        for (month, assigned) in tested.iter().zip(of_months) {
            found.entry(month.reference).or_default().extend(assigned);
        }
        Ok(())
    })?;
    Ok(found)
}

/// A month with what the tests of the path look at.
struct TestedMonth<'a> {
    reference: Month,
    versions: Vec<&'a Version>,
    usage_partners: BTreeSet<String>,
    credit: Credit,
}

impl<'a> TestedMonth<'a> {
    fn new(base: &Base<'a>, reference: Month, versions: Vec<&'a Version>) -> Result<Self> {
        let credit = Credit::of(base.live, *window(reference).start(), reference)?;
        let usage_partners = usage_partners(base.live, &credit, reference);
        Ok(Self { reference, versions, usage_partners, credit })
    }

    /// Area and partner of those of a range.
    fn assigned(
        &self,
        base: &Base<'_>,
        business: &Business,
        facts: &RangeFacts<'_>,
    ) -> Result<BTreeSet<(String, String)>> {
        let RangeFacts { range, acr, seats, segments, credentials } = facts;
        let reference = self.reference;
        let [revenue, usage] = business.of(reference, range)?;
        score::assigned(&score::Input {
            range,
            reference,
            versions: &self.versions,
            catalogs: &base.pipeline.catalogs,
            run_id: &RunId::from_hash(&blake3::hash(reference.to_string().as_bytes())),
            acr,
            seats,
            revenue,
            usage,
            credentials,
            segments,
            credited: self.credit.customers_of(range)?,
            usage_partners: range.among(&self.usage_partners).cloned().collect(),
            delivered: Vec::new(),
            early: &BTreeSet::new(),
            quarantined: &BTreeSet::new(),
        })
    }
}
