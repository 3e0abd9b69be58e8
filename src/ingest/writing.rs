//! Collapsed rows to fact files. Rows are sorted by their grain; each partner's rows of a month
//! are hashed, and a unit that an earlier delivery already stored is not stored again.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::acr_facts::{AcrFacts, AcrKey};
use super::credentials::CredentialRow;
use super::describe::Description;
use super::fact_rows::{Rows, Value};
use super::intern::Texts;
use super::locations::LocationRow;
use super::seats::{SeatFacts, SeatKey, SeatValues};
use crate::calendar::Month;
use crate::error::Result;
use crate::facts::{FactTable, TABLES};
use crate::ids::Attribution;
use crate::money::Money;
use crate::store::Store;

/// A partner as delivered.
pub(super) type PartnerText = (String, bool);

/// Where a month of facts goes.
pub(super) struct Target<'a> {
    pub(super) facts: &'a Store,
    pub(super) dataset: &'a str,
    pub(super) month: Option<Month>,
    pub(super) sequence: u64,
}

/// What is stored of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct StoredUnit {
    /// Hash of all its rows.
    pub(super) hash: String,
    /// The ledger entry whose files hold them.
    pub(super) stored: u64,
    /// The fact tables that hold them.
    pub(super) tables: BTreeSet<String>,
}

/// The rows of one month (or snapshot) of one dataset of one delivery.
#[derive(Default)]
pub(super) struct MonthRows {
    pub(super) acr: Vec<(AcrKey, Money)>,
    pub(super) seats: Vec<(SeatKey, SeatValues)>,
    pub(super) customers: Vec<Description>,
    pub(super) partners: Vec<Description>,
    pub(super) credentials: Vec<CredentialRow>,
    pub(super) locations: Vec<LocationRow>,
}

impl MonthRows {
    pub(super) fn of_acr(facts: AcrFacts) -> Self {
        Self { acr: facts.amounts.into_iter().collect(), ..Self::default() }
    }

    pub(super) fn of_seats(facts: SeatFacts) -> Self {
        Self { seats: facts.seats.into_iter().collect(), ..Self::default() }
    }

    /// Writes the rows of partners that `known` does not hold with the same hash.
    ///
    /// Returns for each partner what is stored of its unit.
    ///
    /// # Errors
    /// CS2002.
    pub(super) fn write(
        self,
        target: &Target<'_>,
        texts: &Texts,
        known: &dyn Fn(&PartnerText, &str) -> Option<u64>,
    ) -> Result<BTreeMap<PartnerText, StoredUnit>> {
        let tables = self.tables(target.month, texts);
        let mut hashers: BTreeMap<PartnerText, (blake3::Hasher, BTreeSet<String>)> =
            BTreeMap::new();
        for (table, rows) in &tables {
            for run in rows.by_partner() {
                let (partner, is_account) = texts.partner(rows.partners[run.start]);
                let (hasher, tables) = hashers.entry((partner.to_owned(), is_account)).or_default();
                tables.insert(table.name.to_owned());
                for row in run {
                    hasher.update(table.name.as_bytes());
                    for value in rows.values(row) {
                        value.hash(hasher, texts, &rows.people);
                    }
                }
            }
        }
        let mut units = BTreeMap::new();
        let mut kept: HashMap<PartnerText, bool> = HashMap::new();
        for (partner, (hasher, tables)) in hashers {
            let hash: String = hasher.finalize().to_hex().chars().take(32).collect();
            let stored = known(&partner, &hash);
            kept.insert(partner.clone(), stored.is_none());
            let stored = stored.unwrap_or(target.sequence);
            units.insert(partner, StoredUnit { hash, stored, tables });
        }
        for (table, mut rows) in tables {
            rows.keep_partners(|partner| {
                let (partner, is_account) = texts.partner(partner);
                kept.get(&(partner.to_owned(), is_account)).copied().unwrap_or_default()
            });
            if !rows.partners.is_empty() {
                rows.write(target, table, texts)?;
            }
        }
        Ok(units)
    }

    /// The rows of each table, sorted by all their values.
    fn tables(self, month: Option<Month>, texts: &Texts) -> Vec<(&'static FactTable, Rows)> {
        let month = Value::Date(month.map(|month| month.first_day().0));
        let mut acr = Rows::default();
        for (key, amount) in self.acr {
            acr.push(
                key.partner,
                [
                    month,
                    Value::Text(key.reseller),
                    Value::Text(key.tenant),
                    Value::Text(key.service),
                    Value::Mask(key.set.0),
                    Value::Money(amount.0),
                ],
            );
        }
        let mut seats = Rows::default();
        for (key, value) in self.seats {
            let index = usize::try_from(key.attribution).unwrap_or(usize::MAX);
            let attribution = Attribution::from_index(index).unwrap_or(Attribution::OTHER);
            seats.push(
                key.partner,
                [
                    month,
                    Value::Text(key.tenant),
                    Value::Text(key.workload),
                    Value::Mask(attribution.set().0),
                    Value::Int64(value.paid_seats),
                    Value::Int64(value.active_users),
                    Value::Date(value.associated_on),
                ],
            );
        }
        let mut customers = Rows::default();
        for ((partner, subject, segment), [name, country, industry]) in
            smallest(self.customers, texts, |texts| (texts[0], [texts[1], texts[2], texts[3]]))
        {
            customers.push(
                partner,
                [
                    month,
                    Value::Text(subject),
                    Value::Text(segment),
                    Value::Text(name),
                    Value::Text(country),
                    Value::Text(industry),
                ],
            );
        }
        let mut partners = Rows::default();
        for ((partner, subject, _), [name, country, _]) in
            smallest(self.partners, texts, |texts| (texts[3], [texts[0], texts[1], texts[2]]))
        {
            partners.push(
                partner,
                [month, Value::Text(subject), Value::Text(name), Value::Text(country)],
            );
        }
        let mut credentials = Rows::default();
        let mut people = Vec::new();
        for row in self.credentials {
            let person = people.len();
            people.push(row.person_key);
            credentials.push(
                row.partner,
                [
                    Value::Person(person),
                    Value::Text(row.title),
                    Value::Text(row.kind),
                    Value::Date(Some(row.earned_on)),
                    Value::Date(row.expires_on),
                    Value::Boolean(row.is_expiry_known),
                    Value::Text(row.status),
                ],
            );
        }
        credentials.people = people;
        let mut locations = Rows::default();
        for row in self.locations {
            locations.push(
                row.partner,
                [
                    Value::Text(row.location),
                    Value::Text(row.account),
                    Value::Text(row.name),
                    Value::Text(row.account_name),
                    Value::Text(row.country),
                ],
            );
        }
        let mut tables: Vec<(&'static FactTable, Rows)> = TABLES
            .iter()
            .copied()
            .zip([acr, seats, credentials, customers, partners, locations])
            .filter(|(_, rows)| !rows.partners.is_empty())
            .collect();
        for (_, rows) in &mut tables {
            rows.sort(texts);
        }
        tables
    }
}

/// Of all descriptions with one grain the bytewise smallest text of each column that is not blank.
fn smallest(
    described: Vec<Description>,
    texts: &Texts,
    split: impl Fn([u32; 4]) -> (u32, [u32; 3]),
) -> HashMap<(u32, u32, u32), [u32; 3]> {
    let mut smallest: HashMap<(u32, u32, u32), [u32; 3]> = HashMap::new();
    for row in described {
        let (grain, values) = split(row.texts);
        let slots = smallest.entry((row.partner, row.subject, grain)).or_insert(values);
        for (slot, value) in slots.iter_mut().zip(values) {
            let (known, new) = (texts.bytes(*slot), texts.bytes(value));
            if known.is_empty() || !new.is_empty() && new < known {
                *slot = value;
            }
        }
    }
    smallest
}
