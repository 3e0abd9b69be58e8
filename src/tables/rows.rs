//! Rows of a published table, written value by value in the order of its columns, as a frame of
//! exactly the contract's types.

use polars::prelude::{
    BooleanChunkedBuilder, ChunkedBuilder, Column, DataFrame, DataType, Int32Type, Int64Type,
    Int128Chunked, Int128Type, IntoColumn, IntoSeries, PrimitiveChunkedBuilder,
    StringChunkedBuilder,
};

use super::{ColumnType, Table};
use crate::calendar::{Day, Month};
use crate::error::{Code, Error, Result};
use crate::money::Money;
use crate::points::Points;

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
    Text(StringChunkedBuilder),
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
                ColumnType::Text => Values::Text(StringChunkedBuilder::new(column.name.into(), 0)),
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
            Some(Values::Text(column)) => column.append_option(value.into()),
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
        let mut columns = Vec::new();
        for (values, column) in self.columns.into_iter().zip(self.table.columns) {
            columns.push(match values {
                Values::Text(builder) => builder.finish().into_series().into_column(),
                Values::Int64(builder) => builder.finish().into_series().into_column(),
                Values::Boolean(builder) => builder.finish().into_series().into_column(),
                Values::Date(builder) => {
                    let days = builder.finish().into_series();
                    days.cast(&DataType::Date).map_err(frame_error)?.into_column()
                }
                Values::Decimal(builder) => decimal_column(builder.finish(), column.kind)?,
            });
        }
        DataFrame::new(self.height, columns).map_err(frame_error)
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

fn decimal_column(values: Int128Chunked, kind: ColumnType) -> Result<Column> {
    let (precision, scale) = kind.decimal().unwrap_or((19, 4));
    let values = values.into_decimal(precision, scale).map_err(frame_error)?;
    Ok(values.into_series().into_column())
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
fn frame_error(error: polars::prelude::PolarsError) -> Error {
    Error::bug(error.to_string())
}
