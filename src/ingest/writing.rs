//! Collapsed rows to fact files. Rows are sorted by their grain; each partner's rows of a month
//! are hashed, and a unit that an earlier delivery already stored is not stored again.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use polars::prelude::{Column, DataFrame, DataType, Int32Chunked, IntoColumn, IntoSeries};

use super::acr::Description;
use super::acr_facts::{AcrFacts, AcrKey};
use super::credentials::CredentialRow;
use super::intern::Texts;
use super::locations::LocationRow;
use super::seats::{SeatFacts, SeatKey, SeatValues};
use crate::calendar::Month;
use crate::engine;
use crate::error::{Error, Result};
use crate::facts::{FactTable, SNAPSHOT, TABLES, fact_path, money_column};
use crate::ids::Attribution;
use crate::money::Money;
use crate::store::Store;

/// Rows of one row group: partners are sorted, so a reader of few partners skips most groups.
const ROW_GROUP_ROWS: usize = 131_072;

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
            for row in &rows.rows {
                let (partner, is_account) = texts.partner(row.partner);
                let unit = hashers.entry((partner.to_owned(), is_account)).or_default();
                let (hasher, tables) = unit;
                if !tables.contains(table.name) {
                    tables.insert(table.name.to_owned());
                }
                hasher.update(table.name.as_bytes());
                for value in &row.values {
                    value.hash(hasher, texts, &rows.people);
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
            rows.rows.retain(|row| {
                let (partner, is_account) = texts.partner(row.partner);
                kept.get(&(partner.to_owned(), is_account)).copied().unwrap_or_default()
            });
            if !rows.rows.is_empty() {
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
            .filter(|(_, rows)| !rows.rows.is_empty())
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

/// One value of a fact row.
#[derive(Debug, Clone, Copy)]
enum Value {
    Text(u32),
    /// Index into the people of the table.
    Person(usize),
    Mask(i32),
    Int64(i64),
    Boolean(bool),
    Date(Option<i32>),
    Money(i128),
}

#[derive(Debug)]
struct Row {
    partner: u32,
    values: Vec<Value>,
}

#[derive(Debug, Default)]
struct Rows {
    rows: Vec<Row>,
    people: Vec<String>,
}

impl Value {
    fn hash(self, hasher: &mut blake3::Hasher, texts: &Texts, people: &[String]) {
        match self {
            Self::Text(id) => {
                hasher.update(texts.bytes(id));
                hasher.update(&[0]);
            }
            Self::Person(person) => {
                let key = people.get(person).map(String::as_str).unwrap_or_default();
                hasher.update(key.as_bytes());
            }
            Self::Mask(value) => {
                hasher.update(&value.to_le_bytes());
            }
            Self::Int64(value) => {
                hasher.update(&value.to_le_bytes());
            }
            Self::Boolean(value) => {
                hasher.update(&[u8::from(value)]);
            }
            Self::Date(value) => {
                hasher.update(&value.unwrap_or(i32::MIN).to_le_bytes());
            }
            Self::Money(value) => {
                hasher.update(&value.to_le_bytes());
            }
        }
    }
}

impl Rows {
    fn push<const N: usize>(&mut self, partner: u32, values: [Value; N]) {
        self.rows.push(Row { partner, values: values.to_vec() });
    }

    fn sort(&mut self, texts: &Texts) {
        let people = &self.people;
        let order = |left: &Value, right: &Value| match (left, right) {
            (Value::Text(left), Value::Text(right)) => texts.bytes(*left).cmp(texts.bytes(*right)),
            (Value::Person(left), Value::Person(right)) => {
                people.get(*left).cmp(&people.get(*right))
            }
            (Value::Mask(left), Value::Mask(right)) => left.cmp(right),
            (Value::Int64(left), Value::Int64(right)) => left.cmp(right),
            (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
            (Value::Date(left), Value::Date(right)) => left.cmp(right),
            (Value::Money(left), Value::Money(right)) => left.cmp(right),
            _ => std::cmp::Ordering::Equal,
        };
        self.rows.sort_unstable_by(|left, right| {
            let partners = texts.partner(left.partner).cmp(&texts.partner(right.partner));
            let values = left.values.iter().zip(&right.values);
            values.fold(partners, |known, (left, right)| known.then_with(|| order(left, right)))
        });
    }

    fn write(&self, target: &Target<'_>, table: &FactTable, texts: &Texts) -> Result<()> {
        let month = target.month.map_or_else(|| SNAPSHOT.to_owned(), |month| month.to_string());
        let path = fact_path(table, target.dataset, &month, target.sequence);
        let frame = self.frame(table, texts)?;
        let file = target.facts.prepare(&path)?;
        let metadata =
            vec![("capscore.facts_schema".to_owned(), crate::facts::SCHEMA_VERSION.to_string())];
        engine::write_parquet(frame, &file, ROW_GROUP_ROWS, metadata, &path)?;
        target.facts.sync(&path)
    }

    /// The columns in the order of the table: the month (where there is one), the partner, the rest.
    fn frame(&self, table: &FactTable, texts: &Texts) -> Result<DataFrame> {
        let mut columns = Vec::new();
        let mut next = 0;
        for column in table.columns {
            let name = column.name;
            if name == "partner_id" {
                let ids: Vec<&str> =
                    self.rows.iter().map(|row| texts.partner(row.partner).0).collect();
                columns.push(Column::new(name.into(), ids));
            } else if name == "is_account" {
                let kinds: Vec<bool> =
                    self.rows.iter().map(|row| texts.partner(row.partner).1).collect();
                columns.push(Column::new(name.into(), kinds));
            } else {
                columns.push(self.column(name, next, texts)?);
                next += 1;
            }
        }
        DataFrame::new(self.rows.len(), columns).map_err(|error| Error::bug(error.to_string()))
    }

    fn column(&self, name: &str, at: usize, texts: &Texts) -> Result<Column> {
        let values = || self.rows.iter().filter_map(|row| row.values.get(at));
        let wrong = || Error::bug(format!("the fact column {name} has another type"));
        let column = match values().next().ok_or_else(wrong)? {
            Value::Text(_) => Column::new(
                name.into(),
                values()
                    .map(|value| if let Value::Text(id) = value { texts.text(*id) } else { "" })
                    .collect::<Vec<&str>>(),
            ),
            Value::Person(_) => Column::new(
                name.into(),
                values()
                    .map(|value| match value {
                        Value::Person(person) => {
                            self.people.get(*person).map(String::as_str).unwrap_or_default()
                        }
                        _ => "",
                    })
                    .collect::<Vec<&str>>(),
            ),
            Value::Mask(_) => Column::new(
                name.into(),
                values()
                    .map(|value| if let Value::Mask(mask) = value { *mask } else { 0 })
                    .collect::<Vec<i32>>(),
            ),
            Value::Int64(_) => Column::new(
                name.into(),
                values()
                    .map(|value| if let Value::Int64(count) = value { *count } else { 0 })
                    .collect::<Vec<i64>>(),
            ),
            Value::Boolean(_) => Column::new(
                name.into(),
                values().map(|value| matches!(value, Value::Boolean(true))).collect::<Vec<bool>>(),
            ),
            Value::Date(_) => {
                let days: Int32Chunked = values()
                    .map(|value| if let Value::Date(day) = value { *day } else { None })
                    .collect();
                days.with_name(name.into())
                    .into_series()
                    .cast(&DataType::Date)
                    .map_err(|error| Error::bug(error.to_string()))?
                    .into_column()
            }
            Value::Money(_) => money_column(
                name,
                values()
                    .map(|value| if let Value::Money(amount) = value { *amount } else { 0 })
                    .collect(),
            )?,
        };
        Ok(column)
    }
}
