//! The rows of one fact table in the making: columns that are sorted, hashed by partner, and written
//! as Parquet.

use std::cmp::Ordering;
use std::ops::Range;

use polars::prelude::{Column, DataFrame, DataType, Int32Chunked, IntoColumn, IntoSeries};

use super::intern::Texts;
use super::writing::Target;
use crate::engine;
use crate::error::{Error, Result};
use crate::facts::{FactTable, ROW_GROUP_ROWS, SNAPSHOT, fact_path, money_column, text_digest};

/// One column of a fact table.
#[derive(Debug)]
pub(super) enum Values {
    /// Interned texts.
    Text(Vec<u32>),
    /// Hashed keys of people.
    Person(Vec<String>),
    /// Attribution sets.
    Mask(Vec<i32>),
    Int64(Vec<i64>),
    Boolean(Vec<bool>),
    Date(Vec<Option<i32>>),
    Money(Vec<i128>),
}

/// The rows of one table: a partner each, and the columns beside it. The month is that of the file.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) partners: Vec<u32>,
    columns: Vec<Values>,
}

impl Values {
    /// An integer that compares as the value of a row does, where there is one.
    fn code(&self, row: usize, texts: &Texts) -> Option<u32> {
        match self {
            Self::Text(ids) => Some(texts.rank(ids[row])),
            Self::Mask(masks) => u32::try_from(masks[row]).ok(),
            _ => None,
        }
    }

    fn compare(&self, left: usize, right: usize, texts: &Texts) -> Ordering {
        match self {
            Self::Text(ids) => texts.rank(ids[left]).cmp(&texts.rank(ids[right])),
            Self::Person(keys) => keys[left].cmp(&keys[right]),
            Self::Mask(masks) => masks[left].cmp(&masks[right]),
            Self::Int64(counts) => counts[left].cmp(&counts[right]),
            Self::Boolean(flags) => flags[left].cmp(&flags[right]),
            Self::Date(days) => days[left].cmp(&days[right]),
            Self::Money(amounts) => amounts[left].cmp(&amounts[right]),
        }
    }

    /// Appends the values of some rows as bytes that are the same in every execution.
    fn encode(&self, rows: Range<usize>, texts: &Texts, into: &mut Vec<u8>) {
        fn extend<T: Copy, const N: usize>(
            into: &mut Vec<u8>,
            values: &[T],
            bytes: impl Fn(T) -> [u8; N],
        ) {
            for value in values {
                into.extend_from_slice(&bytes(*value));
            }
        }
        match self {
            Self::Text(ids) => extend(into, &ids[rows], |id| texts.digest(id)),
            Self::Person(keys) => {
                for key in &keys[rows] {
                    into.extend_from_slice(&text_digest(key.as_bytes()));
                }
            }
            Self::Mask(masks) => extend(into, &masks[rows], i32::to_le_bytes),
            Self::Int64(counts) => extend(into, &counts[rows], i64::to_le_bytes),
            Self::Boolean(flags) => extend(into, &flags[rows], |flag| [u8::from(flag)]),
            Self::Date(days) => {
                extend(into, &days[rows], |day| day.unwrap_or(i32::MIN).to_le_bytes());
            }
            Self::Money(amounts) => extend(into, &amounts[rows], i128::to_le_bytes),
        }
    }

    /// The values of some rows, in their order.
    fn take(&self, rows: &[usize]) -> Self {
        fn of<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
            rows.iter().map(|row| values[*row].clone()).collect()
        }
        match self {
            Self::Text(ids) => Self::Text(of(ids, rows)),
            Self::Person(keys) => Self::Person(of(keys, rows)),
            Self::Mask(masks) => Self::Mask(of(masks, rows)),
            Self::Int64(counts) => Self::Int64(of(counts, rows)),
            Self::Boolean(flags) => Self::Boolean(of(flags, rows)),
            Self::Date(dates) => Self::Date(of(dates, rows)),
            Self::Money(amounts) => Self::Money(of(amounts, rows)),
        }
    }

    fn column(&self, name: &str, texts: &Texts) -> Result<Column> {
        Ok(match self {
            Self::Text(ids) => texts.column(name, ids)?,
            Self::Person(keys) => Column::new(name.into(), keys),
            Self::Mask(masks) => Column::new(name.into(), masks),
            Self::Int64(counts) => Column::new(name.into(), counts),
            Self::Boolean(flags) => Column::new(name.into(), flags),
            Self::Date(dates) => days(name, dates.iter().copied())?,
            Self::Money(amounts) => money_column(name, amounts.clone())?,
        })
    }
}

impl Rows {
    /// Rows of partners; every column has a value for each.
    pub(super) fn new(partners: Vec<u32>, columns: Vec<Values>) -> Self {
        Self { partners, columns }
    }

    /// Appends the values of some rows as bytes that are the same in every execution.
    pub(super) fn encode(&self, rows: &Range<usize>, texts: &Texts, into: &mut Vec<u8>) {
        for column in &self.columns {
            column.encode(rows.clone(), texts, into);
        }
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
        let mut order: Vec<(u128, usize)> = (0..self.partners.len())
            .map(|row| {
                let mut codes = [texts.place(self.partners[row]), 0, 0, 0];
                // The first value without a code ends the key: rows that it does not tell apart
                // are compared whole.
                let coded = self.columns.iter().map_while(|column| column.code(row, texts));
                for (slot, code) in codes[1..].iter_mut().zip(coded) {
                    *slot = code;
                }
                (codes.into_iter().fold(0, |key, code| key << 32 | u128::from(code)), row)
            })
            .collect();
        order.sort_unstable_by(|(left_key, left), (right_key, right)| {
            left_key.cmp(right_key).then_with(|| {
                let values = self.columns.iter().map(|column| column.compare(*left, *right, texts));
                values.fold(Ordering::Equal, Ordering::then)
            })
        });
        let order: Vec<usize> = order.into_iter().map(|(_, row)| row).collect();
        self.take(&order);
    }

    /// Keeps the rows of some partners.
    pub(super) fn keep_partners(&mut self, is_kept: impl Fn(u32) -> bool) {
        let kept: Vec<usize> =
            self.by_partner().filter(|run| is_kept(self.partners[run.start])).flatten().collect();
        if kept.len() < self.partners.len() {
            self.take(&kept);
        }
    }

    fn take(&mut self, rows: &[usize]) {
        self.partners = rows.iter().map(|row| self.partners[*row]).collect();
        self.columns = self.columns.iter().map(|column| column.take(rows)).collect();
    }

    pub(super) fn write(
        &self,
        target: &Target<'_>,
        table: &FactTable,
        texts: &Texts,
    ) -> Result<()> {
        let month = target.month.map_or_else(|| SNAPSHOT.to_owned(), |month| month.to_string());
        let path = fact_path(table, target.dataset, &month, target.sequence);
        let frame = self.frame(target, table, texts)?;
        let file = target.facts.prepare(&path)?;
        let metadata =
            vec![("capscore.facts_schema".to_owned(), crate::facts::SCHEMA_VERSION.to_string())];
        engine::write_parquet(frame, &file, ROW_GROUP_ROWS, metadata, &path)?;
        // Whoever took the facts over writes files of the same names.
        target.lock.check()?;
        target.facts.sync(&path)
    }

    /// The columns in the order of the table: the month (where there is one), the partner, the rest.
    fn frame(&self, target: &Target<'_>, table: &FactTable, texts: &Texts) -> Result<DataFrame> {
        let mut columns = Vec::new();
        let mut values = self.columns.iter();
        for column in table.columns {
            let name = column.name;
            let of_partner = |run: Range<usize>| {
                std::iter::repeat_n(texts.partner(self.partners[run.start]), run.len())
            };
            let partners = || self.by_partner().flat_map(of_partner);
            columns.push(match name {
                "partner_id" => {
                    Column::new(name.into(), partners().map(|(id, _)| id).collect::<Vec<&str>>())
                }
                "is_account" => {
                    Column::new(name.into(), partners().map(|(_, is)| is).collect::<Vec<bool>>())
                }
                "month" => {
                    let month = target.month.map(|month| month.first_day().0);
                    days(name, std::iter::repeat_n(month, self.partners.len()))?
                }
                _ => {
                    let wrong = || Error::bug(format!("no values for the fact column {name}"));
                    values.next().ok_or_else(wrong)?.column(name, texts)?
                }
            });
        }
        DataFrame::new(self.partners.len(), columns).map_err(|error| Error::bug(error.to_string()))
    }
}

fn days(name: &str, days: impl Iterator<Item = Option<i32>>) -> Result<Column> {
    let days: Int32Chunked = days.collect();
    let days = days.with_name(name.into()).into_series();
    let days = days.cast(&DataType::Date).map_err(|error| Error::bug(error.to_string()))?;
    Ok(days.into_column())
}
