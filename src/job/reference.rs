//! The reference month R.

use std::collections::BTreeMap;

use crate::calendar::{Day, Month};
use crate::checks::Check;
use crate::error::{Code, Error, Result};
use crate::facts::{Live, LiveUnit};
use crate::tables::COMPARED_DATASETS;

/// How the reference month is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// The last month that is settled and delivered, seen from a day.
    Auto(Day),
    /// This month.
    Month(Month),
    /// All months from the first to the last.
    Months(Month, Month),
}

impl AsOf {
    /// What is asked for, the same on all days that ask for the same months.
    pub(super) fn told(self) -> String {
        match self {
            Self::Auto(day) => format!("auto {}", settled(day)),
            Self::Month(month) => month.to_string(),
            Self::Months(first, last) => format!("{first} to {last}"),
        }
    }
}

/// The last month that is settled on a day.
fn settled(day: Day) -> Month {
    day.month().plus(if day.day_of_month() >= 20 { -1 } else { -2 })
}

/// The months to score.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// Oldest first.
    pub(super) months: Vec<Month>,
    /// Asked for, but the facts hold nothing of them.
    pub(super) without_data: Vec<Month>,
    /// Why R is not the month that could be.
    pub(super) held_back: Option<Check>,
}

/// The months that are asked for and that the facts have.
///
/// # Errors
/// CS3002 when the facts have no data for any of them.
pub(super) fn wanted_months(as_of: AsOf, live: &Live) -> Result<Wanted> {
    let AsOf::Months(first, last) = as_of else {
        let (month, held_back) = reference_month(as_of, live)?;
        return Ok(Wanted { months: vec![month], without_data: Vec::new(), held_back });
    };
    let has_data = |month: &Month| live.units.iter().any(|unit| unit.key.month == Some(*month));
    let (months, without_data): (Vec<Month>, Vec<Month>) =
        Month::range(first, last).partition(has_data);
    if months.is_empty() {
        return Err(Error::new(
            Code::NoData,
            format!("the facts hold no data from {first} to {last}"),
        )
        .hint("run `capscore facts list` to see which months were delivered"));
    }
    Ok(Wanted { months, without_data, held_back: None })
}

/// Finds R. `auto` is the month before the day from the 20th on, else the one before that, but
/// never past the newest month that every monthly dataset seen in the three months before has
/// reached (of those that scores read); the check names the dataset that holds R back, or says that
/// all of them do.
///
/// # Errors
/// CS3002 when the facts have no data for the month.
fn reference_month(as_of: AsOf, live: &Live) -> Result<(Month, Option<Check>)> {
    let Some(newest) = live.newest_month() else {
        return Err(Error::new(Code::NoData, "the facts hold no monthly data")
            .hint("ingest a delivery first: capscore ingest --input … --facts …"));
    };
    let day = match as_of {
        AsOf::Month(month) | AsOf::Months(_, month) => {
            if month > newest {
                return Err(Error::new(
                    Code::NoData,
                    format!("the facts hold no data for {month}"),
                )
                .hint(format!("the newest month with data is {newest}")));
            }
            let has_data = live.units.iter().any(|unit| unit.key.month == Some(month));
            if !has_data {
                return Err(Error::new(
                    Code::NoData,
                    format!("the facts hold no data for {month}"),
                )
                .hint("run `capscore facts list` to see which months were delivered"));
            }
            return Ok((month, None));
        }
        AsOf::Auto(day) => day,
    };
    let due = settled(day);
    let candidate = due.min(newest);
    let mut reached: BTreeMap<&str, Month> = BTreeMap::new();
    let is_read = |unit: &&LiveUnit| !COMPARED_DATASETS.contains(&unit.key.dataset.as_str());
    for unit in live.units.iter().filter(is_read) {
        let Some(month) = unit.key.month.filter(|month| *month <= candidate) else { continue };
        let slot = reached.entry(unit.key.dataset.as_str()).or_insert(month);
        *slot = month.max(*slot);
    }
    let recent = reached.iter().filter(|(_, month)| candidate.since(**month) <= 3);
    let (holding, reference) = recent
        .min_by_key(|(_, month)| **month)
        .map_or(("", candidate), |(name, month)| (*name, *month));
    let check = (reference < due).then(|| {
        let holding = if reference < candidate { holding } else { "every dataset" };
        Check::warn(
            "dataset_holds_back",
            i64::from(due.since(reference)),
            format!("{holding} reaches {reference} only, so {due} is not scored yet"),
        )
    });
    Ok((reference, check))
}
