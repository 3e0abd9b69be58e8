//! The rows of one fact table in the making: columns that are sorted, hashed by partner, and written
//! as Parquet.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Int32Array, Int64Array,
    RecordBatch, StringArray, UInt32Array,
};
use arrow::datatypes::{DataType, UInt32Type};

use super::intern::Texts;
use super::person::person_text;
use super::writing::Target;
use crate::error::{Error, Result};
use crate::facts::{
    FactColumn, FactTable, FactType, ROW_GROUP_ROWS, SNAPSHOT, fact_path, text_digest,
};
use crate::parquet;
use crate::store;

/// How facts hold amounts: of the scale of `Money`.
const MONEY: DataType = DataType::Decimal128(38, 10);

/// One column of a fact table.
#[derive(Debug)]
pub(super) enum Values {
    /// Interned texts.
    Text(Vec<u32>),
    /// Hashed keys of people.
    Person(Vec<u128>),
    /// Attribution sets.
    Mask(Vec<i32>),
    Int64(Vec<i64>),
    Boolean(Vec<bool>),
    Date(Vec<Option<i32>>),
    Money(Vec<i128>),
}

/// The rows of one table: a partner each, and the columns beside it. The month is that of the file.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) partners: Vec<u32>,
    columns: Vec<Values>,
    is_sorted: bool,
}

impl Values {
    /// An integer that compares as the value of a row does, where there is one, and whether it is
    /// the same for the same values only.
    fn code(&self, row: usize, texts: &Texts) -> Option<(u32, bool)> {
        match self {
            Self::Text(ids) => Some((texts.rank(ids[row]), true)),
            Self::Mask(masks) => Some((u32::try_from(masks[row]).ok()?, true)),
            Self::Person(keys) => Some((u32::try_from(keys[row] >> 96).ok()?, false)),
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
                    into.extend_from_slice(&text_digest(person_text(*key).as_bytes()));
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

    fn into_column(self, texts: &Texts) -> Result<ArrayRef> {
        Ok(match self {
            Self::Text(ids) => texts.column(ids)?,
            Self::Person(keys) => {
                Arc::new(StringArray::from_iter_values(keys.into_iter().map(person_text)))
            }
            Self::Mask(masks) => Arc::new(Int32Array::from(masks)),
            Self::Int64(counts) => Arc::new(Int64Array::from(counts)),
            Self::Boolean(flags) => Arc::new(BooleanArray::from(flags)),
            Self::Date(days) => Arc::new(Date32Array::from(days)),
            Self::Money(amounts) => Arc::new(Decimal128Array::from(amounts).with_data_type(MONEY)),
        })
    }
}

impl Rows {
    /// Rows of partners; every column has a value for each.
    pub(super) fn new(partners: Vec<u32>, columns: Vec<Values>) -> Self {
        Self { partners, columns, is_sorted: false }
    }

    /// Rows that stand in the order in which they are stored.
    pub(super) fn in_order(partners: Vec<u32>, columns: Vec<Values>) -> Self {
        Self { partners, columns, is_sorted: true }
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
    /// their first values do.
    pub(super) fn sort(&mut self, texts: &Texts) {
        let keyed = |row: usize| {
            let mut codes = [texts.place(self.partners[row]), 0, 0, 0];
            // Rows that these do not tell apart are compared whole.
            for (slot, column) in codes[1..].iter_mut().zip(&self.columns) {
                let Some((code, is_exact)) = column.code(row, texts) else { break };
                *slot = code;
                if !is_exact {
                    break;
                }
            }
            (codes.into_iter().fold(0, |key, code| key << 32 | u128::from(code)), row)
        };
        let compare = |(left_key, left): &(u128, usize), (right_key, right): &(u128, usize)| {
            left_key.cmp(right_key).then_with(|| {
                let values = self.columns.iter().map(|column| column.compare(*left, *right, texts));
                values.fold(Ordering::Equal, Ordering::then)
            })
        };
        let rows = 0..self.partners.len();
        if self.is_sorted {
            let rows = rows.map(keyed);
            debug_assert!(rows.is_sorted_by(|left, right| compare(left, right).is_le()));
            return;
        }
        let mut order: Vec<(u128, usize)> = rows.map(keyed).collect();
        order.sort_by(compare);
        let order: Vec<usize> = order.into_iter().map(|(_, row)| row).collect();
        self.take(&order);
        self.is_sorted = true;
    }

    /// Keeps the rows of some partners.
    pub(super) fn keep_partners(&mut self, is_kept: impl Fn(u32) -> bool) {
        let is_kept = |run: &Range<usize>| is_kept(self.partners[run.start]);
        if self.by_partner().all(|run| is_kept(&run)) {
            return;
        }
        let kept: Vec<usize> = self.by_partner().filter(is_kept).flatten().collect();
        self.take(&kept);
    }

    fn take(&mut self, rows: &[usize]) {
        self.partners = rows.iter().map(|row| self.partners[*row]).collect();
        self.columns = self.columns.iter().map(|column| column.take(rows)).collect();
    }

    /// Writes a fact file and gives its path; it is not synced.
    pub(super) fn write(
        self,
        target: &Target<'_>,
        table: &FactTable,
        texts: &Texts,
    ) -> Result<String> {
        let month = target.month.map_or_else(|| SNAPSHOT.to_owned(), |month| month.to_string());
        let path = fact_path(table, target.dataset, &month, target.sequence);
        let batch = self.into_batch(target, table, texts)?;
        let file = store::create_file(&target.facts.prepare(&path)?)?;
        let schema = ("capscore.facts_schema".to_owned(), crate::facts::SCHEMA_VERSION.to_string());
        parquet::write(&batch, file, ROW_GROUP_ROWS, "partner_id", "month", schema, &path)?;
        Ok(path)
    }

    /// The columns in the order of the table: the month (where there is one), the partner, the rest.
    fn into_batch(
        mut self,
        target: &Target<'_>,
        table: &FactTable,
        texts: &Texts,
    ) -> Result<RecordBatch> {
        // Only days can be unknown; a column without nulls costs less to write and to read.
        let mut columns: Vec<(&str, ArrayRef, bool)> = Vec::new();
        let mut values = std::mem::take(&mut self.columns).into_iter();
        for FactColumn { name, kind } in table.columns {
            let column: ArrayRef = match *name {
                "partner_id" => self.partner_column(texts)?,
                "is_account" => {
                    let is_account = |run: Range<usize>| {
                        let (_, is_account) = texts.partner(self.partners[run.start]);
                        std::iter::repeat_n(is_account, run.len())
                    };
                    let flags: Vec<bool> = self.by_partner().flat_map(is_account).collect();
                    Arc::new(BooleanArray::from(flags))
                }
                "month" => {
                    let month = target.month.map(|month| month.first_day().0);
                    Arc::new(Date32Array::from(vec![month; self.partners.len()]))
                }
                _ => {
                    let wrong = || Error::bug(format!("no values for the fact column {name}"));
                    values.next().ok_or_else(wrong)?.into_column(texts)?
                }
            };
            columns.push((*name, column, *kind == FactType::Date));
        }
        RecordBatch::try_from_iter_with_nullable(columns)
            .map_err(|error| Error::bug(error.to_string()))
    }

    /// The partner of each row.
    fn partner_column(&self, texts: &Texts) -> Result<ArrayRef> {
        let mut ids = Vec::new();
        let mut rows: Vec<u32> = Vec::with_capacity(self.partners.len());
        for (number, run) in (0..).zip(self.by_partner()) {
            ids.push(texts.partner(self.partners[run.start]).0);
            rows.extend(std::iter::repeat_n(number, run.len()));
        }
        let ids: ArrayRef = Arc::new(StringArray::from_iter_values(ids));
        let column = DictionaryArray::<UInt32Type>::try_new(UInt32Array::from(rows), ids);
        Ok(Arc::new(column.map_err(|error| Error::bug(error.to_string()))?))
    }
}
