//! `dim_partner` and `dim_customer`: names and descriptions over all live facts. Of several values
//! that of the newest month that has one; on conflict the bytewise smallest.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use polars::prelude::{DataFrame, LazyFrame};

use super::measure::texts;
use crate::calendar::Month;
use crate::engine;
use crate::error::Result;
use crate::facts::{CustomerRow, PartnerRow};
use crate::rules::Segments;
use crate::tables::{DIM_CUSTOMER, DIM_PARTNER, Rows};

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

/// What is known of customers while rows about them are read, in any order.
pub struct CustomerNames<'a> {
    rules: &'a Segments,
    /// The place of each tenant in what is known.
    places: HashMap<String, usize>,
    known: Vec<KnownCustomer>,
}

#[derive(Default)]
struct KnownCustomer {
    name: Newest,
    segment: Newest,
    /// Whether all rows of the newest month with a segment are on the small-business side.
    is_smb: bool,
    country: Newest,
    industry: Newest,
}

/// A value of the newest month that has one, the bytewise smallest of them.
#[derive(Default)]
struct Newest(Option<(Month, String)>);

impl Newest {
    /// Adds a value; how its month stands to the newest one, if it is one.
    fn add(&mut self, month: Month, value: &str) -> Option<Ordering> {
        if value.is_empty() {
            return None;
        }
        let Some((newest, known)) = &mut self.0 else {
            self.0 = Some((month, value.to_owned()));
            return Some(Ordering::Greater);
        };
        let order = month.cmp(newest);
        if order.is_gt() || order.is_eq() && value < known.as_str() {
            *newest = month;
            value.clone_into(known);
        }
        Some(order)
    }

    fn value(&self) -> Option<&str> {
        self.0.as_ref().map(|(_, value)| value.as_str())
    }
}

impl<'a> CustomerNames<'a> {
    /// Nothing yet.
    pub fn new(rules: &'a Segments) -> Self {
        Self { rules, places: HashMap::new(), known: Vec::new() }
    }

    /// Adds what a row says.
    pub fn add(&mut self, row: &CustomerRow<'_>) {
        let place = if let Some(known) = self.places.get(row.tenant_id) {
            *known
        } else {
            self.known.push(KnownCustomer::default());
            self.places.insert(row.tenant_id.to_owned(), self.known.len() - 1);
            self.known.len() - 1
        };
        let known = &mut self.known[place];
        known.name.add(row.month, row.name);
        known.country.add(row.month, row.country);
        known.industry.add(row.month, row.industry);
        let is_smb = || self.rules.is_smb_side(row.segment).0;
        match known.segment.add(row.month, row.segment) {
            Some(Ordering::Greater) => known.is_smb = is_smb(),
            Some(Ordering::Equal) => known.is_smb = known.is_smb && is_smb(),
            Some(Ordering::Less) | None => {}
        }
    }

    /// `dim_customer`.
    ///
    /// # Errors
    /// CS9001.
    pub fn finish(self) -> Result<DataFrame> {
        let (without_segment, _) = self.rules.is_smb_side("");
        let mut tenants: Vec<(&String, &usize)> = self.places.iter().collect();
        tenants.sort_unstable();
        let mut rows = Rows::new(&DIM_CUSTOMER);
        for (tenant, place) in tenants {
            let known = &self.known[*place];
            let segment = known.segment.value();
            rows.text(tenant.as_str())
                .text(known.name.value())
                .text(segment)
                .bool(segment.map_or(without_segment, |_| known.is_smb))
                .text(known.country.value())
                .text(known.industry.value())
                .end();
        }
        rows.finish()
    }
}

/// The names of partners while rows about them are read, in any order.
#[derive(Default)]
pub struct PartnerNames(HashMap<String, Known>);

/// The best known name and country of one partner.
#[derive(Default)]
struct Known {
    account_name: Option<String>,
    country: Option<String>,
    /// Month, name and country of usage.
    usage: Option<(Month, String, String)>,
    locations: BTreeSet<String>,
}

impl PartnerNames {
    /// Adds what a row says.
    pub fn add(&mut self, row: &PartnerRow<'_>) {
        let PartnerRow { month, partner_id, location_id, name, country } = *row;
        let known = self.0.entry_ref(partner_id).or_default();
        if !known.locations.contains(location_id) {
            known.locations.insert(location_id.to_owned());
        }
        // Newest month, then the smaller name.
        let is_better = known.usage.as_ref().is_none_or(|(newest, of_newest, its_country)| {
            let said = (of_newest.as_str(), its_country.as_str());
            month.cmp(newest).then_with(|| said.cmp(&(name, country))).is_gt()
        });
        if !name.is_empty() && is_better {
            known.usage = Some((month, name.to_owned(), country.to_owned()));
        }
    }

    /// Adds `location_id`, `account_id`, `name`, `account_name` and `country` of locations.
    ///
    /// # Errors
    /// CS9001.
    pub fn add_locations(&mut self, locations: LazyFrame) -> Result<()> {
        let smaller = |slot: &mut Option<String>, value: &str| {
            if !value.is_empty() && slot.as_deref().is_none_or(|known| value < known) {
                *slot = Some(value.to_owned());
            }
        };
        let locations = engine::collect(locations, "locations")?;
        let column = |name: &str| texts(&locations, name);
        let (account, location) = (column("account_id")?, column("location_id")?);
        let (account_name, country) = (column("account_name")?, column("country")?);
        for at in 0..locations.height() {
            let partner = self.0.entry_ref(account[at].as_str()).or_default();
            smaller(&mut partner.account_name, &account_name[at]);
            smaller(&mut partner.country, &country[at]);
            partner.locations.insert(location[at].clone());
        }
        Ok(())
    }
}

/// `dim_partner`: every partner with a live unit or a credited row.
///
/// # Errors
/// CS9001.
pub fn partner_table(
    partners: &BTreeMap<String, PartnerFacts>,
    PartnerNames(known): &PartnerNames,
) -> Result<DataFrame> {
    let mut rows = Rows::new(&DIM_PARTNER);
    for (id, facts) in partners {
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
