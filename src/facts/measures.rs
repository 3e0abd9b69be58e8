//! What fact tables measure, read from their files and from frames.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type};
use polars::prelude::DataFrame;

use super::verify::bug;
use crate::calendar::Day;
use crate::error::Result;
use crate::money::Money;

/// The measures of a fact table.
pub(super) trait FactMeasures: Copy + Send {
    /// The column that names what is measured.
    const NAME: &'static str;

    /// Of each row of a batch of a fact file; none when it is no such file.
    fn of_batch(batch: &RecordBatch) -> Option<Vec<Self>>;

    /// Of each row of a frame.
    ///
    /// # Errors
    /// CS9001.
    fn of_frame(frame: &DataFrame) -> Result<Vec<Self>>;
}

/// Azure consumed revenue.
impl FactMeasures for Money {
    const NAME: &'static str = "service";

    fn of_batch(batch: &RecordBatch) -> Option<Vec<Self>> {
        let amounts = batch.column_by_name("amount")?.as_primitive_opt::<Decimal128Type>()?;
        (amounts.null_count() == 0)
            .then(|| amounts.values().iter().map(|amount| Self(*amount)).collect())
    }

    fn of_frame(frame: &DataFrame) -> Result<Vec<Self>> {
        let amounts = frame.column("amount").and_then(|column| column.decimal()).map_err(bug)?;
        Ok(amounts.physical().iter().map(|amount| Self(amount.unwrap_or_default())).collect())
    }
}

/// Paid seats and active users, and when the association began where an export tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seats {
    /// Paid seats.
    pub paid: i64,
    /// Monthly active users.
    pub active: i64,
    /// The day that the association began.
    pub associated_on: Option<Day>,
}

impl FactMeasures for Seats {
    const NAME: &'static str = "workload";

    fn of_batch(batch: &RecordBatch) -> Option<Vec<Self>> {
        let count = |name: &str| {
            let column = batch.column_by_name(name)?.as_primitive_opt::<Int64Type>()?;
            (column.null_count() == 0).then(|| column.values())
        };
        let (paid, active) = (count("paid_seats")?, count("active_users")?);
        let days = batch.column_by_name("associated_on")?.as_primitive_opt::<Date32Type>()?;
        let counts = paid.iter().zip(active).zip(days.iter());
        Some(
            counts
                .map(|((paid, active), day)| Self {
                    paid: *paid,
                    active: *active,
                    associated_on: day.map(Day),
                })
                .collect(),
        )
    }

    fn of_frame(frame: &DataFrame) -> Result<Vec<Self>> {
        let count = |name: &str| frame.column(name).and_then(|column| column.i64()).map_err(bug);
        let (paid, active) = (count("paid_seats")?, count("active_users")?);
        let days = frame.column("associated_on").and_then(|column| column.date()).map_err(bug)?;
        let counts = paid.iter().zip(active.iter()).zip(days.physical().iter());
        Ok(counts
            .map(|((paid, active), day)| Self {
                paid: paid.unwrap_or_default(),
                active: active.unwrap_or_default(),
                associated_on: day.map(Day),
            })
            .collect())
    }
}
