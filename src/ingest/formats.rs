//! How the numbers and dates of a column are written. A column starts with the plain form (digits, a
//! dot, ISO dates); the first cell that contradicts it has the file read again by the other form, a
//! second contradiction refuses the file. No cell is judged by itself.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use super::date_forms::{date, lacks_day};
use super::layout::{CellType, Recognised};
use super::number_forms::{Marks, marks, number};
use super::values;

/// How the cells of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Text, or numbers and dates in the plain form.
    Plain,
    /// `1,234.56`
    DecimalDot,
    /// `1.234,56`
    DecimalComma,
    /// `9/30/2026`
    MonthFirst,
    /// `30/9/2026`
    DayFirst,
}

/// The forms of all columns of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Formats {
    types: Vec<Option<CellType>>,
    columns: Vec<Format>,
    /// Forms that a column was read by already.
    tried: Vec<(usize, Format)>,
    is_plain: bool,
    /// A cell that the form of its column cannot be.
    contradiction: RefCell<Option<Contradiction>>,
    /// Cells of each column that only one form explains, and cells that two explain.
    evident: Vec<Cell<bool>>,
    ambiguous: Vec<Cell<bool>>,
}

/// A cell that asks for another form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contradiction {
    pub(super) column: usize,
    pub(super) cell: String,
    instead: Format,
}

impl Formats {
    /// The first guess: plain, with a decimal comma where semicolons separate.
    pub(super) fn new(header: &Recognised<'_>, delimiter: u8) -> Self {
        let types: Vec<Option<CellType>> =
            header.fields.iter().map(|field| header.layout.type_of(field)).collect();
        let columns: Vec<Format> = types
            .iter()
            .map(|cell_type| match cell_type {
                Some(CellType::Number) if delimiter == b';' => Format::DecimalComma,
                _ => Format::Plain,
            })
            .collect();
        Self::of(types, columns, Vec::new())
    }

    fn of(types: Vec<Option<CellType>>, columns: Vec<Format>, tried: Vec<(usize, Format)>) -> Self {
        let flags = || vec![Cell::new(false); columns.len()];
        Self {
            is_plain: columns.iter().all(|format| *format == Format::Plain),
            contradiction: RefCell::new(None),
            evident: flags(),
            ambiguous: flags(),
            types,
            columns,
            tried,
        }
    }

    /// Whether the cells of these columns count as they stand.
    pub(super) fn are_plain(&self, columns: &[usize]) -> bool {
        columns.iter().all(|at| self.columns.get(*at) == Some(&Format::Plain))
    }

    /// Whether every cell counts as it stands.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// A cell in the plain form. One that its column's form cannot explain stays as it is.
    #[inline]
    pub(super) fn canonical<'c>(&self, column: usize, cell: Cow<'c, [u8]>) -> Cow<'c, [u8]> {
        if self.is_plain { cell } else { self.canonical_of(column, cell) }
    }

    fn canonical_of<'c>(&self, column: usize, cell: Cow<'c, [u8]>) -> Cow<'c, [u8]> {
        let format = self.columns.get(column).copied().unwrap_or(Format::Plain);
        if format == Format::Plain || values::is_blank(&cell) {
            return cell;
        }
        let text = String::from_utf8_lossy(&cell);
        let is_date = self.types[column] == Some(CellType::Date);
        let Some(plain) = plain(&text, format).filter(|_| !(is_date && lacks_day(&text))) else {
            self.note(column, &text);
            return cell;
        };
        if self.types[column] == Some(CellType::Number) {
            self.watch(column, &cell);
        } else {
            let other = match format {
                Format::DayFirst => Format::MonthFirst,
                _ => Format::DayFirst,
            };
            let is_month = self.types[column] == Some(CellType::Month);
            match self::plain(&text, other) {
                Some(day) if day == plain => {}
                // A month key has day 1: one that would not by the other order tells.
                Some(day) if !is_month || day.ends_with("-01") => self.ambiguous[column].set(true),
                _ => self.evident[column].set(true),
            }
        }
        Cow::Owned(plain.into_bytes())
    }

    /// Watches whether a number shows which of its marks is the decimal one.
    pub(super) fn watch(&self, column: usize, cell: &[u8]) {
        let (Some(evident), Some(ambiguous)) =
            (self.evident.get(column), self.ambiguous.get(column))
        else {
            return;
        };
        if evident.get() {
            return;
        }
        let has_comma = self.columns.get(column) == Some(&Format::DecimalComma);
        match marks(cell) {
            Marks::None => {}
            Marks::Either => ambiguous.set(true),
            shown if (shown == Marks::Comma) == has_comma => evident.set(true),
            Marks::Dot | Marks::Comma => self.note(column, &String::from_utf8_lossy(cell)),
        }
    }

    /// Notes that a cell was refused: it may be right by another form.
    pub(super) fn note(&self, column: usize, cell: &str) {
        let format = self.columns.get(column).copied().unwrap_or(Format::Plain);
        let Some(Some(cell_type)) = self.types.get(column) else { return };
        let mut noted = self.contradiction.borrow_mut();
        if noted.is_some() {
            return;
        }
        if let Some(instead) = otherwise(cell, format, *cell_type) {
            *noted = Some(Contradiction { column, cell: cell.to_owned(), instead });
        }
    }

    /// Whether a cell asked for another form.
    pub(super) fn is_contradicted(&self) -> bool {
        self.contradiction.borrow().is_some()
    }

    /// The forms for the next reading.
    ///
    /// # Errors
    /// The contradiction, when the column was read by that form already.
    pub(super) fn revised(self) -> Result<Self, Contradiction> {
        let Self { types, mut columns, mut tried, contradiction, .. } = self;
        let Some(contradiction) = contradiction.into_inner() else {
            return Ok(Self::of(types, columns, tried));
        };
        let Contradiction { column, instead, .. } = contradiction;
        if tried.contains(&(column, instead)) {
            return Err(contradiction);
        }
        tried.push((column, columns[column]));
        columns[column] = instead;
        Ok(Self::of(types, columns, tried))
    }

    /// Columns of a type whose form no cell proves although some need it.
    pub(super) fn assumed(&self, wanted: CellType) -> Vec<usize> {
        (0..self.columns.len())
            .filter(|at| self.types[*at] == Some(wanted))
            .filter(|at| self.ambiguous[*at].get() && !self.evident[*at].get())
            .collect()
    }
}

/// The form by which a refused cell would be right.
fn otherwise(cell: &str, format: Format, cell_type: CellType) -> Option<Format> {
    match cell_type {
        CellType::Number => match (format, marks(cell.as_bytes())) {
            (Format::DecimalComma, Marks::Comma) | (Format::DecimalDot, Marks::Dot) => None,
            (_, Marks::Comma) if plain(cell, Format::DecimalComma).is_some() => {
                Some(Format::DecimalComma)
            }
            (Format::DecimalDot, _) => None,
            _ => plain(cell, Format::DecimalDot).map(|_| Format::DecimalDot),
        },
        CellType::Date | CellType::Month => {
            let by = |order| {
                plain(cell, order)
                    .filter(|day| match cell_type {
                        CellType::Date => !lacks_day(cell),
                        _ => day.ends_with("-01"),
                    })
                    .map(|_| order)
            };
            [Format::MonthFirst, Format::DayFirst]
                .into_iter()
                .filter(|order| *order != format)
                .find_map(by)
        }
    }
}

/// A cell in the plain form, if it can be read by a form.
fn plain(cell: &str, format: Format) -> Option<String> {
    match format {
        Format::Plain => Some(cell.to_owned()),
        Format::DecimalDot => number(cell, '.', ','),
        Format::DecimalComma => number(cell, ',', '.'),
        Format::MonthFirst | Format::DayFirst => date(cell, format).map(|day| day.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_not_told_by_a_month_and_two_digits() {
        for (text, is_month) in
            [("14-Sep", true), ("Sep-26", true), ("26 Sep", true), ("1-Sep", false)]
        {
            let by = |cell_type| otherwise(text, Format::Plain, cell_type).is_some();
            assert_eq!((by(CellType::Month), by(CellType::Date)), (is_month, false), "{text}");
        }
        for text in ["Sep 2026", "14 Sep 2026", "14-Sep-26"] {
            assert!(otherwise(text, Format::Plain, CellType::Date).is_some(), "{text}");
        }
    }
}
