//! Units: what one delivery says of one partner in one month of one dataset. A unit is replaced
//! as a whole, so it is also what is live or superseded.

use polars::prelude::{
    Column, DataFrame, DataType, Int32Chunked, Int64Chunked, IntoColumn, IntoSeries, PolarsResult,
    polars_err,
};

use crate::calendar::{Day, Month};
use crate::engine;
use crate::error::{Code, Error, Result};
use crate::money::{MONEY_SCALE, Money};
use crate::store::Store;

use super::ledger::units_path;
use super::table_set::TableSet;

/// Whose month of which dataset; snapshots have no month.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitKey {
    /// The dataset.
    pub dataset: String,
    /// The partner as delivered.
    pub partner_id: String,
    /// Whether that is a global account.
    pub is_account: bool,
    /// The month.
    pub month: Option<Month>,
}

/// The share of one file in one unit of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Which unit.
    pub key: UnitKey,
    /// The file's index in the ledger entry.
    pub file: usize,
    /// Accepted records of the unit in this file.
    pub rows: i64,
    /// Sum of their amounts.
    pub amount: Money,
    /// Locations named in them, sorted.
    pub locations: Vec<String>,
    /// Consumptions of the whole unit whose attributions disagree on the amount.
    pub disagreeing: i64,
    /// The fact tables that hold rows of the whole unit.
    pub tables: TableSet,
    /// Hash of the whole unit's facts, over all files of the delivery.
    pub hash: String,
    /// The ledger entry whose fact files hold the rows (an earlier one when they were the same).
    pub stored: u64,
}

/// The units of an entry as a frame.
///
/// # Errors
/// CS9001.
pub fn units_frame(units: &[Unit]) -> Result<DataFrame> {
    let text = |name: &str, values: Vec<&str>| Column::new(name.into(), values);
    let amounts: Vec<i128> = units.iter().map(|unit| unit.amount.0).collect();
    let count = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    let locations: Vec<String> = units.iter().map(|unit| unit.locations.join(",")).collect();
    let tables: Vec<String> = units.iter().map(|unit| unit.tables.joined()).collect();
    let columns = vec![
        text("dataset", units.iter().map(|unit| unit.key.dataset.as_str()).collect()),
        text("partner_id", units.iter().map(|unit| unit.key.partner_id.as_str()).collect()),
        Column::new(
            "is_account".into(),
            units.iter().map(|unit| unit.key.is_account).collect::<Vec<_>>(),
        ),
        month_column(units.iter().map(|unit| unit.key.month))?,
        Column::new("file".into(), units.iter().map(|unit| count(unit.file)).collect::<Vec<_>>()),
        Column::new("rows".into(), units.iter().map(|unit| unit.rows).collect::<Vec<_>>()),
        money_column("amount", amounts)?,
        text("locations", locations.iter().map(String::as_str).collect()),
        Column::new(
            "disagreeing".into(),
            units.iter().map(|unit| unit.disagreeing).collect::<Vec<_>>(),
        ),
        text("tables", tables.iter().map(String::as_str).collect()),
        text("hash", units.iter().map(|unit| unit.hash.as_str()).collect()),
        Column::new(
            "stored".into(),
            units
                .iter()
                .map(|unit| i64::try_from(unit.stored).unwrap_or(i64::MAX))
                .collect::<Vec<_>>(),
        ),
    ];
    DataFrame::new(units.len(), columns).map_err(|error| Error::bug(error.to_string()))
}

/// The `month` column of some units.
pub(super) fn month_column(months: impl Iterator<Item = Option<Month>>) -> Result<Column> {
    let months: Int32Chunked = months.map(|month| month.map(|month| month.first_day().0)).collect();
    let months = months.with_name("month".into()).into_series();
    let months = months.cast(&DataType::Date).map(IntoColumn::into_column);
    months.map_err(|error| Error::bug(error.to_string()))
}

/// The units that the rows of a frame are about, by row.
pub(super) fn unit_key(frame: &DataFrame) -> PolarsResult<impl Fn(usize) -> UnitKey> {
    let dataset = frame.column("dataset")?.str()?;
    let partner = frame.column("partner_id")?.str()?;
    let is_account = frame.column("is_account")?.bool()?;
    let month = frame.column("month")?.date()?;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Ok(move |at| UnitKey {
        dataset: text(dataset.get(at)),
        partner_id: text(partner.get(at)),
        is_account: is_account.get(at).unwrap_or_default(),
        month: month.physical().get(at).map(|day| Day(day).month()),
    })
}

/// A `DECIMAL(38,10)` column from units of 10⁻¹⁰.
///
/// # Errors
/// CS9001.
pub fn money_column(name: &str, amounts: Vec<i128>) -> Result<Column> {
    use polars::prelude::Int128Chunked;
    Int128Chunked::from_vec(name.into(), amounts)
        .into_decimal(38, MONEY_SCALE)
        .map(|column| column.into_series().into_column())
        .map_err(|error| Error::bug(error.to_string()))
}

/// Reads the units of an entry.
///
/// # Errors
/// CS6005 when the file is damaged.
pub fn read_units(store: &Store, sequence: u64) -> Result<Vec<Unit>> {
    let path = store.fetch(&units_path(sequence))?;
    let damaged = |error: Box<dyn std::error::Error + Send + Sync>| {
        let what = store.uri_of(&units_path(sequence));
        Error::new(Code::Damaged, format!("the facts are damaged: {what} is missing or broken"))
            .because(error)
            .hint("restore it from a backup, or ingest all deliveries into new facts")
    };
    let frame = engine::scan(&[path])
        .and_then(|frame| engine::collect(frame, "the units of the facts"))
        .map_err(|error| damaged(Box::new(error)))?;
    read(&frame).map_err(|error| damaged(Box::new(error)))
}

fn read(frame: &DataFrame) -> PolarsResult<Vec<Unit>> {
    let key = unit_key(frame)?;
    let file = frame.column("file")?.i64()?;
    let rows = frame.column("rows")?.i64()?;
    let amount = frame.column("amount")?.decimal()?;
    let locations = frame.column("locations")?.str()?;
    let disagreeing = frame.column("disagreeing")?.i64()?;
    let tables = frame.column("tables")?.str()?;
    let hash = frame.column("hash")?.str()?;
    let stored = frame.column("stored")?.i64()?;
    let mut units = Vec::with_capacity(frame.height());
    // Neighbours mostly have rows in the same tables.
    let mut known: Option<(&str, TableSet)> = None;
    for at in 0..frame.height() {
        let list = |joined: Option<&str>| {
            let joined = joined.unwrap_or_default().split(',');
            joined.filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let names = tables.get(at).unwrap_or_default();
        let of_unit = match known {
            Some((same, of_unit)) if same == names => of_unit,
            _ => TableSet::parse(names)
                .ok_or_else(|| polars_err!(ComputeError: "there is no fact table {names}"))?,
        };
        known = Some((names, of_unit));
        let missing = |name: &str| polars_err!(ComputeError: "row {at} has no valid {name}");
        let known = |values: &Int64Chunked, name| values.get(at).ok_or_else(|| missing(name));
        let index = usize::try_from(known(file, "file")?).map_err(|_| missing("file"))?;
        let written = u64::try_from(known(stored, "stored")?).map_err(|_| missing("stored"))?;
        units.push(Unit {
            key: key(at),
            file: index,
            rows: known(rows, "rows")?,
            amount: Money(amount.physical().get(at).ok_or_else(|| missing("amount"))?),
            locations: list(locations.get(at)),
            tables: of_unit,
            disagreeing: known(disagreeing, "disagreeing")?,
            hash: hash.get(at).ok_or_else(|| missing("hash"))?.to_owned(),
            stored: written,
        });
    }
    Ok(units)
}
