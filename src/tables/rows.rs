//! Rows of a published table, written value by value in the order of its columns, as a frame of
//! exactly the contract's types in the order of its key.

use polars::prelude::{
    BooleanChunkedBuilder, ChunkedBuilder, DataFrame, DataType, IdxCa, Int32Type, Int64Type,
    Int128Chunked, Int128Type, IntoColumn, IntoSeries, NewChunkedArray, PrimitiveChunkedBuilder,
    Series,
};

use super::text_column::TextColumn;
use super::{ColumnType, Table};
use crate::calendar::{Day, Month};
use crate::engine::bug;
use crate::error::{Code, Error, Result};
use crate::money::Money;
use crate::points::Points;

/// A column whose rows are complete.
enum Collected {
    Text(TextColumn),
    Series(Series),
}

/// The largest magnitude of a `DECIMAL(19,…)`.
const LARGEST_DECIMAL: i128 = 10_i128.pow(19) - 1;

/// Collects the rows of one table.
pub struct Rows {
    table: &'static Table,
    columns: Vec<Values>,
    at: usize,
    height: usize,
    mistake: Option<String>,
    too_large: Option<&'static str>,
}

enum Values {
    Text(TextColumn),
    Int64(PrimitiveChunkedBuilder<Int64Type>),
    Boolean(BooleanChunkedBuilder),
    Date(PrimitiveChunkedBuilder<Int32Type>),
    Decimal(PrimitiveChunkedBuilder<Int128Type>),
}

impl Rows {
    /// No rows yet.
    pub fn new(table: &'static Table) -> Self {
        let columns = table
            .columns
            .iter()
            .map(|column| match column.kind {
                ColumnType::Text => Values::Text(TextColumn::default()),
                ColumnType::Int64 => {
                    Values::Int64(PrimitiveChunkedBuilder::new(column.name.into(), 0))
                }
                ColumnType::Boolean => {
                    Values::Boolean(BooleanChunkedBuilder::new(column.name.into(), 0))
                }
                ColumnType::Date => {
                    Values::Date(PrimitiveChunkedBuilder::new(column.name.into(), 0))
                }
                ColumnType::Amount | ColumnType::Ratio => {
                    Values::Decimal(PrimitiveChunkedBuilder::new(column.name.into(), 0))
                }
            })
            .collect();
        Self { table, columns, at: 0, height: 0, mistake: None, too_large: None }
    }

    /// A text.
    pub fn text<'a>(&mut self, value: impl Into<Option<&'a str>>) -> &mut Self {
        match self.next() {
            Some(Values::Text(column)) => column.push(value.into()),
            _ => self.wrong_type("text"),
        }
        self
    }

    /// A count.
    pub fn int(&mut self, value: impl Into<Option<i64>>) -> &mut Self {
        match self.next() {
            Some(Values::Int64(column)) => column.append_option(value.into()),
            _ => self.wrong_type("integer"),
        }
        self
    }

    /// True or false.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        match self.next() {
            Some(Values::Boolean(column)) => column.append_value(value),
            _ => self.wrong_type("boolean"),
        }
        self
    }

    /// A day.
    pub fn day(&mut self, value: impl Into<Option<Day>>) -> &mut Self {
        match self.next() {
            Some(Values::Date(column)) => column.append_option(value.into().map(|day| day.0)),
            _ => self.wrong_type("date"),
        }
        self
    }

    /// A month, as its first day.
    pub fn month(&mut self, value: impl Into<Option<Month>>) -> &mut Self {
        self.day(value.into().map(Month::first_day))
    }

    /// Points for people.
    pub fn points(&mut self, value: Points) -> &mut Self {
        self.decimal(Some(value.published()))
    }

    /// Money, rounded to the published decimals.
    pub fn money(&mut self, value: impl Into<Option<Money>>) -> &mut Self {
        self.decimal(value.into().map(Money::published))
    }

    /// A whole number in an amount column.
    pub fn count(&mut self, value: impl Into<Option<i64>>) -> &mut Self {
        self.decimal(value.into().map(|count| i128::from(count) * 10_000))
    }

    /// A decimal in units of the column's last digit.
    pub fn decimal(&mut self, value: Option<i128>) -> &mut Self {
        let name = self.table.columns.get(self.at).map_or("", |column| column.name);
        if value.is_some_and(|value| value.abs() > LARGEST_DECIMAL) {
            self.too_large = Some(name);
        }
        match self.next() {
            Some(Values::Decimal(column)) => column.append_option(value),
            _ => self.wrong_type("decimal"),
        }
        self
    }

    /// Ends a row.
    pub fn end(&mut self) {
        if self.at != self.columns.len() {
            self.mistake = Some(format!("a row of {} has {} values", self.table.name, self.at));
        }
        self.at = 0;
        self.height += 1;
    }

    /// The rows as a frame.
    ///
    /// # Errors
    /// CS5004 when an amount does not fit its type, CS9001 when a value had another type.
    pub fn finish(self) -> Result<DataFrame> {
        if let Some(column) = self.too_large {
            return Err(Error::new(
                Code::NumberTooLarge,
                format!("{}.{column} holds a number of more than 19 digits", self.table.name),
            )
            .hint("look for absurd amounts with `capscore inspect`; retract the delivery"));
        }
        if let Some(mistake) = self.mistake {
            return Err(Error::bug(mistake));
        }
        let table = self.table;
        let collected = self.columns.into_iter().zip(table.columns).map(|(values, column)| {
            Ok(Collected::Series(match values {
                Values::Text(texts) => return Ok(Collected::Text(texts)),
                Values::Int64(builder) => builder.finish().into_series(),
                Values::Boolean(builder) => builder.finish().into_series(),
                Values::Date(builder) => {
                    builder.finish().into_series().cast(&DataType::Date).map_err(bug)?
                }
                Values::Decimal(builder) => decimal_series(builder.finish(), column.kind)?,
            }))
        });
        let collected = collected.collect::<Result<Vec<Collected>>>()?;
        let order = order(table, &collected, self.height)?;
        let mut columns = Vec::with_capacity(collected.len());
        for (collected, column) in collected.into_iter().zip(table.columns) {
            let series = match collected {
                Collected::Text(texts) => texts.take(column.name, &order)?,
                Collected::Series(series) => {
                    series.take(&IdxCa::from_slice("".into(), &order)).map_err(bug)?
                }
            };
            columns.push(series.into_column());
        }
        DataFrame::new(self.height, columns).map_err(bug)
    }

    fn next(&mut self) -> Option<&mut Values> {
        let column = self.columns.get_mut(self.at);
        self.at += 1;
        column
    }

    fn wrong_type(&mut self, given: &str) {
        let column =
            self.table.columns.get(self.at.saturating_sub(1)).map_or("", |column| column.name);
        self.mistake = Some(format!("{}.{column} is no {given}", self.table.name));
    }
}

/// The rows in the order of the table's key. A value counts as its place among all values of its
/// column, and the places of a row are one integer; where they do not fit, the rows stay as they came.
fn order(table: &Table, columns: &[Collected], height: usize) -> Result<Vec<u32>> {
    let mut keys: Vec<(u128, u32)> = (0..).take(height).map(|row| (0, row)).collect();
    let mut bits = 0;
    for name in table.key {
        let at = table.columns.iter().position(|column| column.name == *name);
        let column = at.and_then(|at| columns.get(at));
        let places = match column.ok_or_else(|| Error::bug(format!("no key column {name}")))? {
            Collected::Text(texts) => texts.places(),
            Collected::Series(series) => {
                let values = series.cast(&DataType::Int64).map_err(bug)?;
                places_of(&values.i64().map_err(bug)?.iter().collect::<Vec<_>>())
            }
        };
        let most = places.iter().copied().max().unwrap_or_default();
        let width = u32::BITS - most.leading_zeros();
        bits += width;
        for ((key, _), place) in keys.iter_mut().zip(places) {
            *key = *key << width | u128::from(place);
        }
    }
    if bits <= u128::BITS {
        // What is written of one sentence is in order.
        keys.sort_by_key(|(key, _)| *key);
    } else {
        keys.sort_unstable_by_key(|(_, row)| *row);
    }
    Ok(keys.into_iter().map(|(_, row)| row).collect())
}

/// The place of each value among all of them; unknown ones come first.
pub(super) fn places_of<T: Ord>(values: &[Option<T>]) -> Vec<u32> {
    let mut known: Vec<&T> = values.iter().flatten().collect();
    known.sort_unstable();
    known.dedup();
    let place = |value: &T| known.partition_point(|known| *known <= value);
    let places = values.iter().map(|value| value.as_ref().map_or(0, place));
    places.map(|place| u32::try_from(place).unwrap_or(u32::MAX)).collect()
}

fn decimal_series(values: Int128Chunked, kind: ColumnType) -> Result<Series> {
    let (precision, scale) = kind.decimal().unwrap_or((19, 4));
    Ok(values.into_decimal(precision, scale).map_err(bug)?.into_series())
}

#[cfg(test)]
mod tests {
    use super::super::Layout;
    use super::super::column::{col, opt};
    use super::*;

    static TABLE: Table = Table {
        name: "example",
        layout: Layout::Month,
        row_group_rows: 10,
        key: &["name", "day", "number"],
        meaning: "",
        columns: &[
            col("number", ColumnType::Int64, "", ""),
            opt("name", ColumnType::Text, "", ""),
            col("day", ColumnType::Date, "", ""),
            opt("amount", ColumnType::Amount, "", ""),
        ],
    };

    #[test]
    fn rows_come_in_the_order_of_the_key() {
        let names = [Some("b"), None, Some("a longer name than fits"), Some(""), Some("\u{e4}")];
        let mut expected = Vec::new();
        let mut rows = Rows::new(&TABLE);
        for at in 0..200_i32 {
            // Every combination once, in no order.
            let at = at * 77 % 200;
            let name = names.iter().copied().cycle().nth((at % 5).unsigned_abs() as usize).unwrap();
            let number = i64::from(3 - at / 5 % 8);
            let day = Day(-(at / 40));
            let amount = (at % 3 > 0).then(|| i128::from(at));
            rows.int(number).text(name).day(day).decimal(amount).end();
            expected.push((name.map(str::to_owned), day.0, number, amount));
        }
        expected.sort();
        let frame = rows.finish().unwrap();
        let found: Vec<_> = (0..frame.height())
            .map(|at| {
                let name = frame.column("name").unwrap().str().unwrap().get(at);
                let day = frame.column("day").unwrap().date().unwrap().physical().get(at);
                let number = frame.column("number").unwrap().i64().unwrap().get(at);
                let amount = frame.column("amount").unwrap().decimal().unwrap().physical().get(at);
                (name.map(str::to_owned), day.unwrap(), number.unwrap(), amount)
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_table_without_rows_or_texts_has_its_columns() {
        let frame = Rows::new(&TABLE).finish().unwrap();
        assert_eq!((frame.height(), frame.width()), (0, 4));
        let mut rows = Rows::new(&TABLE);
        rows.int(1).text(None).day(Day(0)).decimal(None).end();
        assert_eq!(rows.finish().unwrap().column("name").unwrap().null_count(), 1);
    }
}
