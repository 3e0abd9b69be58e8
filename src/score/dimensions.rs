//! `dim_partner` and `dim_customer`: names and descriptions over all live facts. Of several values
//! that of the newest month that has one; on conflict the bytewise smallest.

use std::collections::BTreeMap;

use polars::prelude::{
    Column, DataFrame, JoinArgs, JoinType, LazyFrame, SortMultipleOptions, col, lit,
};

use super::measure::{bug, texts};
use crate::calendar::Month;
use crate::engine;
use crate::error::Result;
use crate::rules::Segments;
use crate::tables::{DIM_CUSTOMER, DIM_PARTNER, Rows};

/// What the dimensions are made of.
pub struct DimensionFacts {
    /// `month`, `tenant_id`, `segment`, `name`, `country`, `industry`.
    pub customers: LazyFrame,
    /// `month`, `partner_id` (account), `location_id`, `name`, `country`.
    pub partner_names: LazyFrame,
    /// `location_id`, `account_id`, `name`, `account_name`, `country`.
    pub locations: LazyFrame,
    /// Every partner with a live unit or a credited row.
    pub partners: BTreeMap<String, PartnerFacts>,
}

/// What the units say of a partner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartnerFacts {
    /// First and last month of its monthly data.
    pub months: Option<(Month, Month)>,
    /// Whether it has exports of its own; else it is known as a distributor's reseller.
    pub is_exporter: bool,
}

impl PartnerFacts {
    /// Adds a month with data.
    pub fn add(&mut self, month: Month) {
        let (first, last) = self.months.unwrap_or((month, month));
        self.months = Some((first.min(month), last.max(month)));
    }
}

/// The dimension tables.
pub struct Dimensions {
    /// `dim_partner`.
    pub partners: DataFrame,
    /// `dim_customer`.
    pub customers: DataFrame,
}

/// Makes the dimension tables.
///
/// # Errors
/// CS9001.
pub fn dimensions(facts: DimensionFacts, segments: &Segments) -> Result<Dimensions> {
    Ok(Dimensions { customers: customers(&facts.customers, segments)?, partners: partners(facts)? })
}

fn customers(customers: &LazyFrame, segments: &Segments) -> Result<DataFrame> {
    let tenant = [col("tenant_id")];
    let mut frame = customers.clone().select([col("tenant_id")]).group_by(tenant.clone()).agg([]);
    for column in ["name", "segment", "country", "industry"] {
        let values = newest(customers, column).group_by(tenant.clone()).agg([col(column).min()]);
        frame = frame.join(values, tenant.clone(), tenant.clone(), JoinArgs::new(JoinType::Left));
    }
    // A tenant is on the small-business side if all rows of its newest month say so.
    let delivered = newest(customers, "segment");
    let mut names = texts(
        &engine::collect(delivered.clone().select([col("segment").unique()]), "segments")?,
        "segment",
    )?;
    names.sort_unstable();
    let sides: Vec<i32> =
        names.iter().map(|segment| i32::from(segments.is_smb_side(segment).0)).collect();
    let map = DataFrame::new(
        names.len(),
        vec![Column::new("segment".into(), names), Column::new("is_smb".into(), sides)],
    )
    .map_err(bug)?;
    let sides = delivered
        .join(engine::lazy(map), [col("segment")], [col("segment")], JoinArgs::new(JoinType::Left))
        .group_by(tenant.clone())
        .agg([col("is_smb").min()]);
    let frame = frame
        .join(sides, tenant.clone(), tenant, JoinArgs::new(JoinType::Left))
        .sort(["tenant_id"], SortMultipleOptions::default());
    let frame = engine::collect(frame, "customers")?;
    let (without_segment, _) = segments.is_smb_side("");
    let column = |name: &str| frame.column(name).and_then(|column| column.str()).map_err(bug);
    let (tenant, name, segment) = (column("tenant_id")?, column("name")?, column("segment")?);
    let (country, industry) = (column("country")?, column("industry")?);
    let is_smb = frame.column("is_smb").and_then(|column| column.i32()).map_err(bug)?;
    let mut rows = Rows::new(&DIM_CUSTOMER);
    for at in 0..frame.height() {
        rows.text(tenant.get(at).unwrap_or_default())
            .text(name.get(at))
            .text(segment.get(at))
            .bool(is_smb.get(at).map_or(without_segment, |is_smb| is_smb != 0))
            .text(country.get(at))
            .text(industry.get(at))
            .end();
    }
    rows.finish()
}

/// The rows of each tenant's newest month that has the column.
fn newest(customers: &LazyFrame, column: &str) -> LazyFrame {
    let filled = customers.clone().filter(col(column).neq(lit(""))).select([
        col("tenant_id"),
        col("month"),
        col(column),
    ]);
    let months = filled.clone().group_by([col("tenant_id")]).agg([col("month").max()]);
    let on = [col("tenant_id"), col("month")];
    filled.join(months, on.clone(), on, JoinArgs::new(JoinType::Semi))
}

/// The best known name and country of one partner.
#[derive(Default)]
struct Known {
    account_name: Option<String>,
    country: Option<String>,
    usage: Option<(i32, String, String)>,
    locations: std::collections::BTreeSet<String>,
}

fn partners(facts: DimensionFacts) -> Result<DataFrame> {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let smaller = |slot: &mut Option<String>, value: &str| {
        if !value.is_empty() && slot.as_deref().is_none_or(|known| value < known) {
            *slot = Some(value.to_owned());
        }
    };
    let locations = engine::collect(facts.locations, "locations")?;
    let column = |name: &str| texts(&locations, name);
    let (account, location) = (column("account_id")?, column("location_id")?);
    let (account_name, country) = (column("account_name")?, column("country")?);
    for at in 0..locations.height() {
        let partner = known.entry(account[at].clone()).or_default();
        smaller(&mut partner.account_name, &account_name[at]);
        smaller(&mut partner.country, &country[at]);
        partner.locations.insert(location[at].clone());
    }
    let names = engine::collect(
        facts
            .partner_names
            .group_by([
                col("partner_id"),
                col("location_id"),
                col("month"),
                col("name"),
                col("country"),
            ])
            .agg([])
            .sort(
                ["partner_id", "location_id", "month", "name", "country"],
                SortMultipleOptions::default(),
            ),
        "partner names",
    )?;
    let column = |name: &str| texts(&names, name);
    let (partner, location) = (column("partner_id")?, column("location_id")?);
    let (name, country) = (column("name")?, column("country")?);
    let month = names.column("month").and_then(|column| column.date()).map_err(bug)?;
    for at in 0..names.height() {
        let partner = known.entry(partner[at].clone()).or_default();
        partner.locations.insert(location[at].clone());
        if name[at].is_empty() {
            continue;
        }
        let month = month.physical().get(at).unwrap_or_default();
        // Newest month, then the smaller name.
        let is_better = partner.usage.as_ref().is_none_or(|(newest, known, known_country)| {
            month > *newest
                || month == *newest && (&name[at], &country[at]) < (known, known_country)
        });
        if is_better {
            partner.usage = Some((month, name[at].clone(), country[at].clone()));
        }
    }
    let mut rows = Rows::new(&DIM_PARTNER);
    for (id, facts) in &facts.partners {
        let nothing = Known::default();
        let partner = known.get(id).unwrap_or(&nothing);
        let usage = partner.usage.as_ref();
        let filled = |text: &'_ str| !text.is_empty();
        let name = partner.account_name.as_deref().or(usage.map(|usage| usage.1.as_str()));
        let country = partner.country.as_deref().or(usage.map(|usage| usage.2.as_str()));
        let locations: Vec<&str> =
            partner.locations.iter().map(String::as_str).filter(|id| filled(id)).collect();
        rows.text(id.as_str())
            .text(name)
            .text(country.filter(|country| filled(country)))
            .text(if facts.is_exporter { "exporter" } else { "reseller" })
            .text(locations.join(",").as_str())
            .month(facts.months.map(|months| months.0))
            .month(facts.months.map(|months| months.1))
            .end();
    }
    rows.finish()
}
