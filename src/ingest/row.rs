//! What the conversion of one record gives, and the parts that several families share.

use std::borrow::Cow;

use super::cells::Cells;
use super::intern::{ACCOUNT, LOCATION, LocalInterner};
use super::layout::{CellType, Recognised};
use super::tally::Tally;
use super::values::{self, Reason};
use crate::calendar::{Day, Month};
use crate::ids::Guid;
use crate::money::{Money, MoneyError};

/// Why a record was rejected.
#[derive(Debug)]
pub(super) struct Rejection {
    /// The field; `''` for the whole record.
    pub(super) field: Cow<'static, str>,
    /// A stable code.
    pub(super) reason: Reason,
    /// The cell.
    pub(super) raw: Vec<u8>,
    /// The row's amount, where it can be read.
    pub(super) amount: Money,
}

impl Rejection {
    pub(super) fn new(field: impl Into<Cow<'static, str>>, reason: Reason, raw: &[u8]) -> Self {
        Self { field: field.into(), reason, raw: raw.to_vec(), amount: Money::ZERO }
    }
}

/// The columns of the partner, the customer and the month.
#[derive(Debug, Clone)]
pub(super) struct Who {
    month: Option<usize>,
    /// Whether rows are of single days.
    is_daily: bool,
    /// The partner of all rows, where the layout names none.
    given: Option<String>,
    account: Option<usize>,
    location: Option<usize>,
    tenant: Option<usize>,
    tpid: Option<usize>,
    /// What a record without any of these may still be about.
    others: [Option<usize>; 5],
}

/// The month of the record before, by its cell: nearly all records of a file name the same.
#[derive(Debug, Default)]
pub(super) struct LastMonth {
    cell: Vec<u8>,
    month: Option<Month>,
}

impl LastMonth {
    /// The month of a record.
    ///
    /// # Errors
    /// The cell that is none.
    pub(super) fn read(&mut self, cells: &Cells<'_>, who: &Who) -> Result<Month, Rejection> {
        let raw = who.month.map(|at| cells.raw(at)).unwrap_or_default();
        match self.month {
            Some(month) if self.cell == *raw => Ok(month),
            _ => {
                let month = who.month(cells)?;
                (self.cell, self.month) = (raw.into_owned(), Some(month));
                Ok(month)
            }
        }
    }
}

/// The day of the record before, by its cell.
#[derive(Debug, Default)]
pub(super) struct LastDay {
    cell: Vec<u8>,
    day: Option<Day>,
}

impl LastDay {
    /// The day that a cell names; none where it is blank.
    ///
    /// # Errors
    /// The cell that is none.
    pub(super) fn read(
        &mut self,
        cells: &Cells<'_>,
        column: Option<usize>,
        field: &'static str,
    ) -> Result<Option<Day>, Rejection> {
        let Some(column) = column else { return Ok(None) };
        let raw = cells.raw(column);
        if self.cell == *raw && self.day.is_some() {
            return Ok(self.day);
        }
        let text = cells.get(column);
        if values::is_blank(&text) {
            return Ok(None);
        }
        let day = values::day(&text).map_err(|reason| Rejection::new(field, reason, &text))?;
        (self.cell, self.day) = (raw.into_owned(), Some(day));
        Ok(self.day)
    }
}

/// The partner of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Partner {
    /// The partner as delivered: the account, else the location.
    pub(super) id: u32,
    /// The location, where the row names one.
    pub(super) location: Option<u32>,
}

impl Who {
    pub(super) fn new(header: &Recognised<'_>) -> Self {
        Self {
            month: header.column("month"),
            is_daily: header.layout.type_of("month") == Some(CellType::Date),
            given: header.partner.clone(),
            account: header.column("account_id"),
            location: header.column("location_id"),
            tenant: header.column("tenant_id"),
            tpid: header.column("tpid"),
            others: ["title", "kind", "earned_on", "area", "anniversary_date"]
                .map(|field| header.column(field)),
        }
    }

    /// Whether a record says when.
    #[inline]
    pub(super) fn has_month(&self, cells: &Cells<'_>) -> bool {
        self.month.is_some_and(|at| cells.is_said(at))
    }

    /// Whether a record names no month, partner, customer, certificate or enrolment: a totals line.
    pub(super) fn is_totals_line(&self, cells: &Cells<'_>) -> bool {
        [self.month, self.account, self.location, self.tenant, self.tpid]
            .iter()
            .chain(&self.others)
            .all(|column| cell(cells, *column).is_empty())
    }

    /// The month of a record.
    pub(super) fn month(&self, cells: &Cells<'_>) -> Result<Month, Rejection> {
        let text = cell(cells, self.month);
        let month =
            if self.is_daily { values::day(&text).map(Day::month) } else { values::month(&text) };
        month.map_err(|reason| Rejection::new("month", reason, &text))
    }

    /// The partner of a record as text: the id, whether it is an account, and the location.
    pub(super) fn partner_text(
        &self,
        cells: &Cells<'_>,
    ) -> Result<(String, bool, String), Rejection> {
        if let Some(given) = &self.given {
            return Ok((given.clone(), false, given.clone()));
        }
        let account = cell(cells, self.account);
        let account = values::partner_id(&account)
            .map_err(|reason| Rejection::new("account_id", reason, &account))?;
        let location = cell(cells, self.location);
        let location = values::partner_id(&location)
            .map_err(|reason| Rejection::new("location_id", reason, &location))?;
        if account.is_empty() && location.is_empty() {
            let field = if self.account.is_some() { "account_id" } else { "location_id" };
            return Err(Rejection::new(field, "partner_missing", b""));
        }
        let location = location.into_owned();
        Ok(match account.into_owned() {
            account if account.is_empty() => (location.clone(), false, location),
            account => (account, true, location),
        })
    }

    /// The partner of a record, interned.
    pub(super) fn partner(
        &self,
        cells: &Cells<'_>,
        intern: &mut LocalInterner<'_>,
        scratch: &mut Vec<u8>,
    ) -> Result<Partner, Rejection> {
        let location = match &self.given {
            Some(given) => Cow::Borrowed(given.as_bytes()),
            None => cell(cells, self.location),
        };
        let account = cell(cells, self.account);
        let account = values::partner_id(&account)
            .map_err(|reason| Rejection::new("account_id", reason, &account))?;
        let location = values::partner_id(&location)
            .map_err(|reason| Rejection::new("location_id", reason, &location))?;
        scratch.clear();
        if !account.is_empty() {
            scratch.push(ACCOUNT);
            scratch.extend_from_slice(account.as_bytes());
        } else if location.is_empty() {
            let field = if self.account.is_some() { "account_id" } else { "location_id" };
            return Err(Rejection::new(field, "partner_missing", b""));
        } else {
            scratch.push(LOCATION);
            scratch.extend_from_slice(location.as_bytes());
        }
        let id = intern.id(scratch);
        let location = (!location.is_empty()).then(|| intern.id(location.as_bytes()));
        Ok(Partner { id, location })
    }

    /// The customer of a record: the tenant id, else `tpid:<id>`, written to `into`.
    pub(super) fn tenant(&self, cells: &Cells<'_>, into: &mut Vec<u8>) -> Result<(), Rejection> {
        into.clear();
        let tenant = cell(cells, self.tenant);
        if !values::is_blank(&tenant) {
            let Some(guid) = Guid::parse(&tenant) else {
                return Err(Rejection::new("tenant_id", "tenant_invalid", &tenant));
            };
            into.extend_from_slice(guid.as_bytes());
            return Ok(());
        }
        let tpid = cell(cells, self.tpid);
        let id = values::id(&tpid).map_err(|reason| Rejection::new("tpid", reason, &tpid))?;
        if id.is_empty() {
            return Err(Rejection::new("tenant_id", "customer_missing", &tenant));
        }
        into.extend_from_slice(b"tpid:");
        into.extend_from_slice(id.as_bytes());
        Ok(())
    }
}

/// The reseller of a record; blank where the line was sold directly or its reseller was removed.
pub(super) fn reseller(cells: &Cells<'_>, column: Option<usize>) -> Result<String, Rejection> {
    let text = cell(cells, column);
    match values::id(&text) {
        Ok("-1" | "0") => Ok(String::new()),
        Ok(id) => Ok(id.to_owned()),
        Err(reason) => Err(Rejection::new("reseller_id", reason, &text)),
    }
}

/// The amount of a record, and whether digits beyond the tenth decimal were dropped.
pub(super) fn amount(
    cells: &Cells<'_>,
    column: Option<usize>,
    tally: &mut Tally,
) -> Result<(Money, bool), Rejection> {
    let text = cell(cells, column);
    tally.amount_cells += 1;
    if let Some(column) = column {
        cells.watch(column, &text);
    }
    Money::parse(&text).map_err(|error| {
        let is_missing = values::is_blank(&text);
        tally.blank_amounts += u64::from(is_missing);
        let reason = match error {
            _ if is_missing => "amount_missing",
            MoneyError::NotANumber => "amount_invalid",
            MoneyError::OutOfRange => "amount_out_of_range",
        };
        Rejection::new("amount", reason, &text)
    })
}

/// The cell of a column; empty without one.
pub(super) fn cell<'a>(cells: &'a Cells<'_>, column: Option<usize>) -> Cow<'a, [u8]> {
    column.map_or(Cow::Borrowed(&[]), |at| cells.get(at))
}

/// A text cell that facts keep: valid UTF-8.
pub(super) fn text<'a>(cell: &'a [u8], field: &'static str) -> Result<&'a str, Rejection> {
    std::str::from_utf8(cell).map_err(|_| Rejection::new(field, "text_invalid", cell))
}
