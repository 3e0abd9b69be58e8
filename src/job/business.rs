//! Revenue and usage of business applications of the months that are scored: few rows, read once for
//! all of them.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, LazyFrame, SortMultipleOptions};

use crate::calendar::Month;
use crate::engine;
use crate::engine::bug;
use crate::error::{Error, Result};
use crate::facts::{Live, LiveFrames, PartnerRange};
use crate::rules::Names;
use crate::score::of_partners;

/// Revenue and usage of some months, each month sorted by partner.
pub(super) struct Business {
    revenue: BTreeMap<Month, DataFrame>,
    usage: BTreeMap<Month, DataFrame>,
}

impl Business {
    /// Reads what the scores of some reference months look at: R and R−12; no usage where nothing looks
    /// at it.
    ///
    /// # Errors
    /// CS6005 when the facts are damaged; CS9001.
    pub(super) fn read(
        live: &Live,
        workloads: &Names,
        references: &[Month],
        has_usage: bool,
    ) -> Result<Self> {
        let months: BTreeSet<Month> =
            references.iter().flat_map(|reference| [reference.plus(-12), *reference]).collect();
        let months: Vec<Month> = months.into_iter().collect();
        let of_usage = if has_usage { &months[..] } else { &[] };
        let canonical = |name: &str| workloads.canonical(name);
        let frames = LiveFrames::new(live);
        Ok(Self {
            revenue: by_month(frames.revenue(&months, &canonical)?, &months)?,
            usage: by_month(frames.usage(of_usage, &canonical)?, &months)?,
        })
    }

    /// Revenue and usage of the partners of a range, of R−12 and then of R.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn of(&self, reference: Month, range: &PartnerRange) -> Result<[DataFrame; 2]> {
        let of_range = |months: &BTreeMap<Month, DataFrame>| {
            let of_month = |month: Month| {
                let frame = months.get(&month);
                of_partners(frame.ok_or_else(|| Error::bug("a month was not read"))?, range)
            };
            of_month(reference.plus(-12))?.vstack(&of_month(reference)?).map_err(bug)
        };
        Ok([of_range(&self.revenue)?, of_range(&self.usage)?])
    }
}

/// The rows of each month, sorted by partner.
fn by_month(frame: LazyFrame, months: &[Month]) -> Result<BTreeMap<Month, DataFrame>> {
    let sorted = frame.sort(["month", "partner_id"], SortMultipleOptions::default());
    let frame = engine::collect(sorted, "revenue and usage")?;
    let days = frame.column("month").and_then(|column| column.date()).map_err(bug)?.physical();
    let days: Vec<i32> = days.iter().map(Option::unwrap_or_default).collect();
    let of_month = |month: &Month| {
        let day = month.first_day().0;
        let start = days.partition_point(|known| *known < day);
        let rows = days[start..].partition_point(|known| *known == day);
        (*month, frame.slice(i64::try_from(start).unwrap_or(i64::MAX), rows))
    };
    Ok(months.iter().map(of_month).collect())
}
