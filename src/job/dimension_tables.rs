//! The tables about partners, customers and rules, which belong to no month.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use super::base::Base;
use crate::error::Result;
use crate::facts::{Credit, LiveFrames};
use crate::publish::dictionary;
use crate::rules::Version;
use crate::score::{CustomerNames, PartnerFacts, PartnerNames, partner_table, rule_table};
use crate::tables::{DATA_DICTIONARY, DIM_CUSTOMER, DIM_PARTNER, DIM_RULE, Table};

/// The tables that describe what all months share. With `is_scored` the facts are read that a month is
/// scored from: both look at the same rows about customers.
pub(super) fn dimension_tables(
    base: &Base<'_>,
    is_scored: bool,
) -> Result<Vec<(&'static Table, DataFrame)>> {
    let pipeline = base.pipeline;
    let mut customers = CustomerNames::new(&pipeline.catalogs.segments);
    let of_customers = || {
        if is_scored {
            base.load(Some(&mut customers))
        } else {
            base.visit_customers(&mut |row| customers.add(row))
        }
    };
    let (partners, ()) = base.workers.both(|| partners(base), of_customers)?;
    let versions: Vec<&Version> =
        pipeline.rules.packs.iter().flat_map(|pack| &pack.versions).collect();
    Ok(vec![
        (&DIM_PARTNER, partners),
        (&DIM_CUSTOMER, customers.finish()?),
        (&DIM_RULE, rule_table(&versions)?),
        (&DATA_DICTIONARY, dictionary()?),
    ])
}

fn partners(base: &Base<'_>) -> Result<DataFrame> {
    let live = base.live;
    let frames = LiveFrames::new(live);
    let mut names = PartnerNames::default();
    names.add_locations(frames.locations()?)?;
    frames.visit_partners(base.workers, &mut |row| names.add(row))?;
    let mut partners: BTreeMap<String, PartnerFacts> = BTreeMap::new();
    for unit in &live.units {
        let partner = partners.entry(unit.account.clone()).or_default();
        partner.is_exporter = true;
        if let Some(month) = unit.key.month {
            partner.add(month);
        }
    }
    let months = live.units.iter().filter_map(|unit| unit.key.month);
    if let (Some(first), Some(last)) = (months.clone().min(), months.max()) {
        for (reseller, (first, last)) in Credit::of(live, first, last)?.months {
            let partner = partners.entry(reseller).or_default();
            partner.add(first);
            partner.add(last);
        }
    }
    partner_table(&partners, &names)
}
