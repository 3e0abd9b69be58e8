//! The tables about partners, customers and rules, which belong to no month.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use super::month::Base;
use crate::error::Result;
use crate::facts::{Credit, Live, LiveFrames};
use crate::publish::dictionary;
use crate::rules::Version;
use crate::score::{CustomerNames, DimensionFacts, PartnerFacts, dimensions, rule_table};
use crate::tables::{DATA_DICTIONARY, DIM_CUSTOMER, DIM_PARTNER, DIM_RULE, Table};

/// The tables that describe what all months share.
pub(super) fn dimension_tables(
    base: &Base<'_>,
    live: &Live,
) -> Result<Vec<(&'static Table, DataFrame)>> {
    let pipeline = base.pipeline;
    let frames = LiveFrames::new(live);
    let mut customers = CustomerNames::new(&pipeline.catalogs.segments);
    frames.visit_customers(&|_, _| true, base.workers, &mut |row| customers.add(row))?;
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
    let facts = DimensionFacts {
        customers,
        partner_names: frames.partner_names()?,
        locations: frames.locations()?,
        partners,
    };
    let dimensions = dimensions(facts)?;
    let versions: Vec<&Version> =
        pipeline.rules.packs.iter().flat_map(|pack| &pack.versions).collect();
    Ok(vec![
        (&DIM_PARTNER, dimensions.partners),
        (&DIM_CUSTOMER, dimensions.customers),
        (&DIM_RULE, rule_table(&versions)?),
        (&DATA_DICTIONARY, dictionary()?),
    ])
}
