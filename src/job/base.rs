//! The facts that months are scored from, read once for all months of an attempt and handed over range
//! by range of partners.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::Pipeline;
use super::credentials::Credentials;
use super::month::MonthPlan;
use super::window;
use crate::calendar::Month;
use crate::error::{Error, Result};
use crate::facts::{CustomerRow, Live, LiveFrames, NumberedFacts, PartnerRange, Room, Seats};
use crate::money::Money;
use crate::score::{
    Consumption, CustomerNames, DeliveredCredentials, SeatMonths, SegmentMonths, SegmentRows,
};
use crate::tables::{RESELLER_DATASETS, SEGMENT_DATASET};
use crate::workers::Workers;

/// What all months of an attempt are scored from. The facts are read when the first month is scored:
/// an attempt that finds everything published reads none of usage.
pub(super) struct Base<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) live: &'a Live,
    credentials: &'a Credentials,
    pub(super) workers: &'a Workers,
    /// Bytes that rows of facts may take while they wait to be scored.
    memory: usize,
    references: Vec<Month>,
    seat_months: Vec<Month>,
    facts: OnceLock<BaseFacts>,
}

/// The facts of a base.
struct BaseFacts {
    room: Room,
    /// The first month that consumption is complete from; none when there is nothing older.
    complete_from: Option<Month>,
    acr: NumberedFacts<Money>,
    seats: NumberedFacts<Seats>,
    segments: SegmentMonths,
}

/// The facts of the partners of one range.
pub(super) struct RangeFacts<'a> {
    pub(super) range: &'a PartnerRange,
    pub(super) acr: Consumption<'a>,
    pub(super) seats: SeatMonths<'a>,
    pub(super) segments: &'a SegmentMonths,
    pub(super) credentials: DeliveredCredentials,
}

impl<'a> Base<'a> {
    /// For some months.
    pub(super) fn new(
        pipeline: &'a Pipeline,
        live: &'a Live,
        credentials: &'a Credentials,
        months: &[&MonthPlan<'_>],
        workers: &'a Workers,
        memory: usize,
    ) -> Self {
        let references: Vec<Month> = months.iter().map(|plan| plan.reference).collect();
        let seats: BTreeSet<Month> = months.iter().flat_map(|plan| plan.seat_months()).collect();
        let seat_months = seats.into_iter().collect();
        let facts = OnceLock::new();
        Self { pipeline, live, credentials, workers, memory, references, seat_months, facts }
    }

    /// Whether it has all that the tests of the path of a month look at: no seats.
    pub(super) fn covers(&self, month: Month) -> bool {
        let Some((first, last)) = self.window() else { return false };
        let is_back_enough =
            || self.complete_from(first).is_none_or(|first| first <= *window(month).start());
        month <= last && is_back_enough()
    }

    /// The first and the last month that are read.
    fn window(&self) -> Option<(Month, Month)> {
        let (first, last) = self.references.iter().min().zip(self.references.iter().max())?;
        Some((*window(*first).start(), *last))
    }

    fn complete_from(&self, first: Month) -> Option<Month> {
        let mut months = self.live.months().filter_map(|of_month| of_month.month);
        months.any(|month| month < first).then_some(first)
    }

    /// For the tests of the path of some months, which look at no seats.
    pub(super) fn of_months(base: &Self, months: &[Month]) -> Self {
        let Self { pipeline, live, credentials, workers, memory, .. } = *base;
        let (references, seat_months) = (months.to_vec(), Vec::new());
        let facts = OnceLock::new();
        Self { pipeline, live, credentials, workers, memory, references, seat_months, facts }
    }

    /// The ranges of partners, in order.
    ///
    /// # Errors
    /// CS2002, CS6005, CS9001.
    pub(super) fn ranges(&self) -> Result<&[PartnerRange]> {
        Ok(&self.facts()?.room.ranges)
    }

    /// The facts of the partners of one range.
    ///
    /// # Errors
    /// CS2002, CS6005, CS9001.
    pub(super) fn range(&self, at: usize) -> Result<RangeFacts<'_>> {
        let BaseFacts { room, complete_from, acr, seats, segments } = self.facts()?;
        let range = &room.ranges[at];
        let catalogs = &self.pipeline.catalogs;
        let service = |name: &str| catalogs.service(name);
        let workload = |name: &str| catalogs.workloads.canonical(name);
        Ok(RangeFacts {
            range,
            acr: Consumption::new(acr.range(at)?, *complete_from, &service),
            seats: SeatMonths::new(seats.range(at)?, &workload),
            segments,
            credentials: self.credentials.delivered.of(range)?,
        })
    }

    /// The segments of customers that a month looks at, sorted.
    ///
    /// # Errors
    /// CS2002, CS6005, CS9001.
    pub(super) fn segment_names(&self, reference: Month) -> Result<BTreeSet<&str>> {
        Ok(self.facts()?.segments.names(reference))
    }

    /// Reads the facts, unless that is done, and tells `names` of all customers.
    ///
    /// # Errors
    /// CS2002, CS6005, CS9001.
    pub(super) fn load(&self, names: Option<&mut CustomerNames<'_>>) -> Result<()> {
        match (self.facts.get(), names) {
            (None, names) => {
                let facts = self.read(names)?;
                self.facts.get_or_init(|| facts);
            }
            (Some(_), Some(names)) => self.visit_customers(&mut |row| names.add(row))?,
            (Some(_), None) => {}
        }
        Ok(())
    }

    /// Reads what is said of customers in all months.
    ///
    /// # Errors
    /// CS6005, CS9001.
    pub(super) fn visit_customers(
        &self,
        take: &mut (dyn FnMut(&CustomerRow<'_>) + Send),
    ) -> Result<()> {
        LiveFrames::new(self.live).visit_customers(&|_, _| true, self.workers, take)
    }

    fn facts(&self) -> Result<&BaseFacts> {
        self.load(None)?;
        self.facts.get().ok_or_else(|| Error::bug("facts that were read are not there"))
    }

    fn read(&self, mut names: Option<&mut CustomerNames<'_>>) -> Result<BaseFacts> {
        let (first, last) = self.window().ok_or_else(|| Error::bug("no month is wanted"))?;
        let frames = LiveFrames::new(self.live);
        let workers = self.workers;
        let has_segments = |dataset: &str, month| {
            let since = if dataset == SEGMENT_DATASET { month } else { first };
            (since..=last).contains(&month) && !RESELLER_DATASETS.contains(&dataset)
        };
        let has_names = names.is_some();
        let segments = || {
            let mut segments = SegmentRows::new(&self.pipeline.catalogs.segments);
            let keep = |dataset: &str, month| has_names || has_segments(dataset, month);
            frames.visit_customers(&keep, workers, &mut |row| {
                if has_segments(row.dataset, row.month) {
                    segments.add(row);
                }
                if let Some(names) = &mut names {
                    names.add(row);
                }
            })?;
            Ok(segments.finish())
        };
        let room = Room::new(self.live, self.memory);
        // Each is added up by one thread at a time.
        let (segments, (acr, seats)) = workers.both(segments, || {
            workers.both(
                || frames.acr(first, last, &room, workers),
                || frames.seats(&self.seat_months, &room, workers),
            )
        })?;
        let complete_from = self.complete_from(first);
        Ok(BaseFacts { room, complete_from, acr, seats, segments })
    }
}
