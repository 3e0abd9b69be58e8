//! `_data_dictionary`: the contract as rows.

use polars::prelude::DataFrame;

use crate::error::Result;
use crate::tables::{ALL, DATA_DICTIONARY, Rows};

/// One row per table and column.
///
/// # Errors
/// CS9001.
pub fn dictionary() -> Result<DataFrame> {
    let mut rows = Rows::new(&DATA_DICTIONARY);
    for table in ALL {
        for column in table.columns {
            rows.text(table.name)
                .text(column.name)
                .text(column.kind.sql())
                .text(column.unit)
                .text(column.meaning)
                .end();
        }
    }
    rows.finish()
}
