//! What fact tables measure, read from their files and from frames.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type};
use polars::prelude::DataFrame;

use crate::calendar::Day;
use crate::engine::bug;
use crate::error::Result;
use crate::money::Money;

/// The measures of a fact table.
pub trait FactMeasures: Copy + Send {
    /// The column that names what is measured.
    const NAME: &'static str;

    /// Of each row of a batch of a fact file; none when it is no such file.
    fn of_batch(batch: &RecordBatch) -> Option<Vec<Self>>;

    /// Of each row of a frame.
    ///
    /// # Errors
    /// CS9001.
    fn of_frame(frame: &DataFrame) -> Result<Vec<Self>>;

    /// As plain bytes.
    fn pack(self) -> Packed;

    /// From plain bytes.
    fn unpack(packed: Packed) -> Self;
}

/// Measures as plain bytes.
pub(super) type Packed = [u32; 5];

/// No day, as a number of days.
const NO_DAY: i32 = i32::MAX;

/// Azure consumed revenue.
impl FactMeasures for Money {
    const NAME: &'static str = "service";

    fn of_batch(batch: &RecordBatch) -> Option<Vec<Self>> {
        let amounts = batch.column_by_name("amount")?.as_primitive_opt::<Decimal128Type>()?;
        let is_sound = amounts.null_count() == 0
            && amounts.values().iter().all(|amount| Self(*amount).is_plausible());
        is_sound.then(|| amounts.values().iter().map(|amount| Self(*amount)).collect())
    }

    fn of_frame(frame: &DataFrame) -> Result<Vec<Self>> {
        let amounts = frame.column("amount").and_then(|column| column.decimal()).map_err(bug)?;
        Ok(amounts.physical().iter().map(|amount| Self(amount.unwrap_or_default())).collect())
    }

    fn pack(self) -> Packed {
        let [a, b, c, d]: [u32; 4] = bytemuck::must_cast(self.0);
        [a, b, c, d, 0]
    }

    fn unpack([a, b, c, d, _]: Packed) -> Self {
        Self(bytemuck::must_cast([a, b, c, d]))
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

    fn pack(self) -> Packed {
        let [a, b, c, d]: [u32; 4] = bytemuck::must_cast([self.paid, self.active]);
        let day = self.associated_on.map_or(NO_DAY, |day| day.0);
        [a, b, c, d, day.cast_unsigned()]
    }

    fn unpack([a, b, c, d, day]: Packed) -> Self {
        let [paid, active]: [i64; 2] = bytemuck::must_cast([a, b, c, d]);
        let day = day.cast_signed();
        Self { paid, active, associated_on: (day != NO_DAY).then_some(Day(day)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn measures_come_back_from_bytes(
            amount in any::<i128>(),
            (paid, active) in any::<(i64, i64)>(),
            day in proptest::option::of(-1_000_000..1_000_000),
        ) {
            prop_assert_eq!(Money::unpack(Money(amount).pack()), Money(amount));
            let seats = Seats { paid, active, associated_on: day.map(Day) };
            prop_assert_eq!(Seats::unpack(seats.pack()), seats);
        }
    }
}
