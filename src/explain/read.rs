//! Reading rows of published tables by column name and type.

use polars::prelude::{Column, DataFrame, Expr, LazyFrame, PolarsError};

use super::amount::Amount;
use crate::calendar::Day;
use crate::engine::{collect, scan};
use crate::error::{Code, Error, Result};
use crate::store::Store;
use crate::tables::Table;

/// Rows of one table.
pub(super) struct Rows {
    table: &'static str,
    frame: DataFrame,
}

/// One row.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    rows: &'a Rows,
    index: usize,
}

/// The rows of a table that `keep` accepts.
///
/// # Errors
/// CS6005 when the table is missing.
pub(super) fn load(output: &Store, table: &Table, month: &str, keep: Option<Expr>) -> Result<Rows> {
    let frame = open(output, table, month)?;
    Rows::collect(table, keep.into_iter().fold(frame, LazyFrame::filter))
}

/// A scan of one published table.
///
/// # Errors
/// CS6005 when the table is missing.
pub(super) fn open(output: &Store, table: &Table, month: &str) -> Result<LazyFrame> {
    let path = table.path(month, "");
    if output.head(&path)?.is_none() {
        let text = format!("{} is missing", output.uri_of(&path));
        return Err(Error::new(Code::Damaged, text).hint("score the month again"));
    }
    scan(&[output.fetch(&path)?])
}

/// The items of a text list.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

impl Rows {
    /// Runs a query over one table.
    pub(super) fn collect(table: &Table, query: LazyFrame) -> Result<Self> {
        Ok(Self { table: table.name, frame: collect(query, table.name)? })
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.frame.height() == 0
    }

    /// The rows in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.frame.height()).map(move |index| Row { rows: self, index })
    }
}

impl<'a> Row<'a> {
    /// A text, `''` for null.
    pub(super) fn text(&self, name: &str) -> Result<String> {
        Ok(self.optional_text(name)?.unwrap_or_default())
    }

    /// A text that may be null.
    pub(super) fn optional_text(&self, name: &str) -> Result<Option<String>> {
        let values = self.column(name)?.str().map_err(|error| self.damaged(name, error))?;
        Ok(values.get(self.index).map(str::to_owned))
    }

    /// A count that may be null.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>> {
        let values = self.column(name)?.i64().map_err(|error| self.damaged(name, error))?;
        Ok(values.get(self.index))
    }

    /// A count, 0 for null.
    pub(super) fn required_integer(&self, name: &str) -> Result<i64> {
        Ok(self.integer(name)?.unwrap_or_default())
    }

    /// A flag, false for null.
    pub(super) fn flag(&self, name: &str) -> Result<bool> {
        let values = self.column(name)?.bool().map_err(|error| self.damaged(name, error))?;
        Ok(values.get(self.index).unwrap_or_default())
    }

    /// A decimal of four places that may be null.
    pub(super) fn amount(&self, name: &str) -> Result<Option<Amount>> {
        let values = self.column(name)?.decimal().map_err(|error| self.damaged(name, error))?;
        Ok(values.physical().get(self.index).map(Amount))
    }

    /// A decimal of four places, 0 for null.
    pub(super) fn required_amount(&self, name: &str) -> Result<Amount> {
        Ok(self.amount(name)?.unwrap_or_default())
    }

    /// A day that may be null.
    pub(super) fn day(&self, name: &str) -> Result<Option<Day>> {
        let values = self.column(name)?.date().map_err(|error| self.damaged(name, error))?;
        Ok(values.physical().get(self.index).map(Day))
    }

    fn column(&self, name: &str) -> Result<&'a Column> {
        self.rows.frame.column(name).map_err(|error| self.damaged(name, error))
    }

    fn damaged(&self, name: &str, error: PolarsError) -> Error {
        let text = format!("{}.{name} is not as the contract says", self.rows.table);
        Error::new(Code::Damaged, text)
            .because(error)
            .hint("use the program version that published the output, or score the month again")
    }
}
