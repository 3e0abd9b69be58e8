//! A column of texts that repeat: each text is kept once, and a row is its number.

use hashbrown::DefaultHashBuilder;
use indexmap::IndexSet;
use polars::prelude::{ChunkFullNull, IdxCa, IntoSeries, NewChunkedArray, Series, StringChunked};

use super::rows::places_of;
use crate::error::{Error, Result};

/// The texts of the rows so far.
#[derive(Debug, Default)]
pub(super) struct TextColumn {
    texts: IndexSet<Box<str>, DefaultHashBuilder>,
    rows: Vec<u32>,
}

/// The number of an unknown text.
const UNKNOWN: u32 = u32::MAX;

impl TextColumn {
    /// Adds a row.
    pub(super) fn push(&mut self, text: Option<&str>) {
        let number = text.map_or(UNKNOWN, |text| {
            // Rows of one partner, of one part and of one reason stand together.
            let last = self.rows.last().copied().unwrap_or(UNKNOWN);
            if self.text(last) == Some(text) {
                return last;
            }
            let known = self.texts.get_index_of(text);
            let number = known.unwrap_or_else(|| self.texts.insert_full(text.into()).0);
            u32::try_from(number).unwrap_or(UNKNOWN)
        });
        self.rows.push(number);
    }

    fn text(&self, number: u32) -> Option<&str> {
        let text = usize::try_from(number).ok().and_then(|number| self.texts.get_index(number));
        text.map(|text| &**text)
    }

    /// The place of each row's text among all of them; unknown ones come first.
    pub(super) fn places(&self) -> Vec<u32> {
        let texts: Vec<Option<&str>> = self.texts.iter().map(|text| Some(&**text)).collect();
        let places = places_of(&texts);
        let place = |number: &u32| places.get(*number as usize).copied().unwrap_or_default();
        self.rows.iter().map(place).collect()
    }

    /// Some rows, in their order. The texts are not copied.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn take(self, name: &str, rows: &[u32]) -> Result<Series> {
        let height = rows.len();
        if self.texts.is_empty() {
            return Ok(StringChunked::full_null(name.into(), height).into_series());
        }
        let texts = self.texts.iter().map(|text| &**text);
        let texts = StringChunked::from_iter_values(name.into(), texts).into_series();
        let numbers = rows.iter().map(|row| self.rows[*row as usize]);
        let numbers: IdxCa = if self.rows.contains(&UNKNOWN) {
            numbers.map(|number| (number != UNKNOWN).then_some(number)).collect()
        } else {
            IdxCa::from_vec("".into(), numbers.collect())
        };
        texts.take(&numbers).map_err(|error| Error::bug(error.to_string()))
    }
}
