//! The rows of one fact table in the making: sorted, hashed by partner, written as Parquet.

use std::cmp::Ordering;
use std::ops::Range;

use hashbrown::HashMap;
use polars::prelude::{Column, DataFrame, DataType, Int32Chunked, IntoColumn, IntoSeries};

use super::intern::Texts;
use super::writing::Target;
use crate::engine;
use crate::error::{Error, Result};
use crate::facts::{FactTable, SNAPSHOT, fact_path, money_column};

/// Rows of one row group: partners are sorted, so a reader of few partners skips most groups.
const ROW_GROUP_ROWS: usize = 131_072;

/// One value of a fact row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    Text(u32),
    /// Index into the people of the table.
    Person(usize),
    Mask(i32),
    Int64(i64),
    Boolean(bool),
    Date(Option<i32>),
    Money(i128),
}

/// The rows of one table: a partner each, and as many values each in one flat list.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) partners: Vec<u32>,
    width: usize,
    flat: Vec<Value>,
    pub(super) people: Vec<String>,
}

impl Value {
    /// An integer that compares as the value does, where there is one.
    fn code(self, texts: &Texts) -> Option<u32> {
        match self {
            Self::Text(id) => Some(texts.rank(id)),
            Self::Mask(mask) => u32::try_from(mask).ok(),
            _ => None,
        }
    }

    fn compare(self, other: Self, texts: &Texts, people: &[String]) -> Ordering {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => texts.rank(left).cmp(&texts.rank(right)),
            (Self::Person(left), Self::Person(right)) => people.get(left).cmp(&people.get(right)),
            (Self::Mask(left), Self::Mask(right)) => left.cmp(&right),
            (Self::Int64(left), Self::Int64(right)) => left.cmp(&right),
            (Self::Boolean(left), Self::Boolean(right)) => left.cmp(&right),
            (Self::Date(left), Self::Date(right)) => left.cmp(&right),
            (Self::Money(left), Self::Money(right)) => left.cmp(&right),
            _ => Ordering::Equal,
        }
    }

    pub(super) fn hash(self, hasher: &mut blake3::Hasher, texts: &Texts, people: &[String]) {
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
    pub(super) fn push<const N: usize>(&mut self, partner: u32, values: [Value; N]) {
        self.width = N;
        self.partners.push(partner);
        self.flat.extend(values);
    }

    pub(super) fn values(&self, row: usize) -> &[Value] {
        &self.flat[row * self.width..(row + 1) * self.width]
    }

    /// The rows of each partner, which stand together once they are sorted.
    pub(super) fn by_partner(&self) -> impl Iterator<Item = Range<usize>> {
        let mut start = 0;
        self.partners.chunk_by(|left, right| left == right).map(move |run| {
            let range = start..start + run.len();
            start = range.end;
            range
        })
    }

    /// Sorts by partner, then by all values. Most rows are told apart by integers that compare as
    /// their first texts do.
    pub(super) fn sort(&mut self, texts: &Texts) {
        let mut partners = self.partners.clone();
        partners.sort_unstable();
        partners.dedup();
        partners.sort_unstable_by_key(|partner| texts.partner(*partner));
        let places: HashMap<u32, u32> = partners.into_iter().zip(0..).collect();
        let mut order: Vec<(u128, usize)> = (0..self.partners.len())
            .map(|row| {
                let place = places.get(&self.partners[row]).copied().unwrap_or_default();
                let mut codes = [place, 0, 0, 0];
                let values = self.values(row);
                // A leading date is the month, the same in all rows. The first value without a code
                // ends the key: rows that it does not tell apart are compared whole.
                let skipped = usize::from(matches!(values.first(), Some(Value::Date(_))));
                let coded = values.iter().skip(skipped).map_while(|value| value.code(texts));
                for (slot, code) in codes[1..].iter_mut().zip(coded) {
                    *slot = code;
                }
                (codes.into_iter().fold(0, |key, code| key << 32 | u128::from(code)), row)
            })
            .collect();
        order.sort_unstable_by(|(left_key, left), (right_key, right)| {
            left_key.cmp(right_key).then_with(|| {
                let pairs = self.values(*left).iter().zip(self.values(*right));
                pairs.fold(Ordering::Equal, |known, (left, right)| {
                    known.then_with(|| left.compare(*right, texts, &self.people))
                })
            })
        });
        self.partners = order.iter().map(|(_, row)| self.partners[*row]).collect();
        self.flat = order.iter().flat_map(|(_, row)| self.values(*row).iter().copied()).collect();
    }

    /// Keeps the rows of some partners.
    pub(super) fn keep_partners(&mut self, is_kept: impl Fn(u32) -> bool) {
        let mut kept = Vec::new();
        for run in self.by_partner() {
            if is_kept(self.partners[run.start]) {
                kept.push(run);
            }
        }
        if kept.iter().map(Range::len).sum::<usize>() < self.partners.len() {
            let rows = || kept.iter().cloned().flatten();
            self.flat = rows().flat_map(|row| self.values(row).iter().copied()).collect();
            self.partners = rows().map(|row| self.partners[row]).collect();
        }
    }

    pub(super) fn write(
        &self,
        target: &Target<'_>,
        table: &FactTable,
        texts: &Texts,
    ) -> Result<()> {
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
                    self.partners.iter().map(|partner| texts.partner(*partner).0).collect();
                columns.push(Column::new(name.into(), ids));
            } else if name == "is_account" {
                let kinds: Vec<bool> =
                    self.partners.iter().map(|partner| texts.partner(*partner).1).collect();
                columns.push(Column::new(name.into(), kinds));
            } else {
                columns.push(self.column(name, next, texts)?);
                next += 1;
            }
        }
        DataFrame::new(self.partners.len(), columns).map_err(|error| Error::bug(error.to_string()))
    }

    fn column(&self, name: &str, at: usize, texts: &Texts) -> Result<Column> {
        let values = || self.flat.iter().skip(at).step_by(self.width.max(1));
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
