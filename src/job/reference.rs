//! The reference month R.

use std::collections::BTreeMap;

use crate::calendar::{Day, Month};
use crate::checks::Check;
use crate::error::{Code, Error, Result};
use crate::facts::Live;

/// How the reference month is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// The last month that is settled and delivered, seen from a day.
    Auto(Day),
    /// This month.
    Month(Month),
}

/// Finds R. `auto` is the month before the day from the 20th on, else the one before that, but
/// never past the newest month that every monthly dataset seen in the three months before has
/// reached; the check names the dataset that holds R back.
///
/// # Errors
/// CS3002 when the facts have no data for the month.
pub(super) fn reference_month(as_of: AsOf, live: &Live) -> Result<(Month, Option<Check>)> {
    let Some(newest) = live.newest_month() else {
        return Err(Error::new(Code::NoData, "the facts hold no monthly data")
            .hint("ingest a delivery first: capscore ingest --input … --facts …"));
    };
    let day = match as_of {
        AsOf::Month(month) => {
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
    let settled = day.month().plus(if day.day_of_month() >= 20 { -1 } else { -2 });
    let candidate = settled.min(newest);
    let mut reached: BTreeMap<&str, Month> = BTreeMap::new();
    for unit in &live.units {
        let Some(month) = unit.key.month.filter(|month| *month <= candidate) else { continue };
        let slot = reached.entry(unit.key.dataset.as_str()).or_insert(month);
        *slot = month.max(*slot);
    }
    let recent = reached.iter().filter(|(_, month)| candidate.since(**month) <= 3);
    let (holding, reference) = recent
        .min_by_key(|(_, month)| **month)
        .map_or(("", candidate), |(name, month)| (*name, *month));
    let check = (reference < candidate).then(|| {
        Check::warn(
            "dataset_holds_back",
            i64::from(candidate.since(reference)),
            format!("{holding} reaches {reference} only, so {candidate} is not scored yet"),
        )
    });
    Ok((reference, check))
}
