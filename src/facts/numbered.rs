//! Live facts with names as numbers: the base has millions of rows and thousands of names, and
//! scoring adds the rows up dozens of times (docs/decisions/0016).

use std::marker::PhantomData;
use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use hashbrown::HashMap;
use polars::prelude::{DataFrame, LazyFrame};

use super::LiveFrames;
use super::fact_batch::FactBatch;
use super::frames::Source;
use super::live::Live;
use super::measures::{FactMeasures, Packed, Seats};
use super::ranges::PartnerRange;
use super::schema::{ACR, FactTable, SEATS};
use crate::buckets::{Buckets, Budget};
use crate::calendar::{Day, Month, MonthMemo};
use crate::engine;
use crate::engine::bug;
use crate::error::Result;
use crate::ids::AttributionSet;
use crate::money::Money;
use crate::workers::Workers;

/// Rows of a table of some months: each exporter's own view, and what distributors credit to their
/// resellers. They wait by range of partners, those of large bases in a temporary file.
pub struct NumberedFacts<M> {
    /// Partner (account) and tenant, sorted.
    customers: Vec<(String, String)>,
    /// The place of each customer and name, by its number in the rows.
    customer_ranks: Vec<u32>,
    name_ranks: Vec<u32>,
    names: Vec<FactName>,
    waiting: Buckets<usize, WaitingRow>,
    ranges: Arc<[PartnerRange]>,
    measures: PhantomData<M>,
}

/// The rows of the partners of one range.
pub struct NumberedRows<'a, M> {
    /// Partner (account) and tenant, sorted.
    pub customers: &'a [(String, String)],
    /// Services or workloads of all ranges, sorted.
    pub names: &'a [FactName],
    /// As they were read: files in any order, the rows of each by customer and name as delivered.
    pub rows: Vec<NumberedRow<M>>,
}

/// Rows of a range that are handed over together.
const PENDING: usize = 1024;

/// A row as it waits, by the numbers of the texts as they were met.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct WaitingRow {
    customer: u32,
    name: u32,
    month: Month,
    attributions: i32,
    measures: Packed,
}

/// The name of a service or workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactName {
    /// As delivered.
    pub delivered: String,
    /// Whether its rows are what a distributor's export credits.
    pub is_credited: bool,
}

/// What is known of one customer, name and month under one set of attributions.
#[derive(Debug, Clone, Copy)]
pub struct NumberedRow<M> {
    /// Index of the customers.
    pub customer: u32,
    /// Index of the names.
    pub name: u32,
    /// When.
    pub month: Month,
    /// Under what.
    pub attributions: AttributionSet,
    /// How much.
    pub measures: M,
}

impl LiveFrames<'_> {
    /// Azure consumed revenue from `first` to `last`, by service.
    ///
    /// # Errors
    /// CS6005 when the facts are damaged; CS9001.
    pub fn acr(
        self,
        first: Month,
        last: Month,
        room: &Room,
        workers: &Workers,
    ) -> Result<NumberedFacts<Money>> {
        let is_wanted = |month: Month| (first..=last).contains(&month);
        let credited = |frames: Self| frames.credited_acr(&is_wanted);
        self.numbered(&ACR, &is_wanted, &credited, (room, workers))
    }

    /// Seats and active users of some months, by workload.
    ///
    /// # Errors
    /// CS6005 when the facts are damaged; CS9001.
    pub fn seats(
        self,
        months: &[Month],
        room: &Room,
        workers: &Workers,
    ) -> Result<NumberedFacts<Seats>> {
        let is_wanted = |month: Month| months.contains(&month);
        let credited = |frames: Self| frames.credited_workloads(&SEATS, &is_wanted);
        self.numbered(&SEATS, &is_wanted, &credited, (room, workers))
    }

    fn numbered<M: FactMeasures>(
        self,
        table: &FactTable,
        is_wanted: &dyn Fn(Month) -> bool,
        credited: &dyn Fn(Self) -> Result<LazyFrame>,
        (room, workers): (&Room, &Workers),
    ) -> Result<NumberedFacts<M>> {
        let sources = self.sources(table, &|unit| unit.key.month.is_some_and(is_wanted))?;
        let mut building = Building::new(room);
        self.visit(table, &sources, workers, &mut |source, batch| {
            let batch =
                FactBatch::<M>::new(batch, table).ok_or_else(|| source.damaged(self.live))?;
            building.add(&batch, source, self)
        })?;
        if self.live.has_distributor() {
            let frame = engine::collect(credited(self)?, "what distributors credit")?;
            building.add_credited::<M>(&frame)?;
        }
        building.finish()
    }
}

/// Texts by the order in which they were met.
#[derive(Default)]
struct Numbers {
    texts: Vec<String>,
    known: HashMap<String, u32>,
}

impl Numbers {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.known.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text.to_owned());
        self.known.insert(text.to_owned(), number);
        number
    }

    fn text(&self, number: u32) -> String {
        self.texts.get(number as usize).cloned().unwrap_or_default()
    }
}

/// Where the rows of a base wait, and by which ranges of partners.
#[derive(Debug)]
pub struct Room {
    /// The ranges.
    pub ranges: Arc<[PartnerRange]>,
    budget: Arc<Budget>,
}

impl Room {
    /// For the live facts of a base; rows that exceed `memory` bytes wait in a temporary file.
    pub fn new(live: &Live, memory: usize) -> Self {
        let budget = Arc::new(Budget::new(memory));
        Self { ranges: PartnerRange::of_base(live).into(), budget }
    }
}

/// Rows while they are read, in any order.
struct Building {
    partners: Numbers,
    tenants: Numbers,
    names: HashMap<FactName, u32>,
    customers: HashMap<(u32, u32), u32>,
    /// The range of each partner, by its number.
    places: Vec<usize>,
    ranges: Arc<[PartnerRange]>,
    waiting: Buckets<usize, WaitingRow>,
    /// Rows that are not handed over yet, by range.
    pending: Vec<Vec<WaitingRow>>,
}

impl Building {
    fn new(room: &Room) -> Self {
        Self {
            partners: Numbers::default(),
            tenants: Numbers::default(),
            names: HashMap::new(),
            customers: HashMap::new(),
            places: Vec::new(),
            ranges: Arc::clone(&room.ranges),
            waiting: Buckets::new(Arc::clone(&room.budget)),
            pending: vec![Vec::with_capacity(PENDING); room.ranges.len()],
        }
    }

    fn partner(&mut self, partner: &str) -> u32 {
        let number = self.partners.number(partner);
        if number as usize == self.places.len() {
            self.places.push(PartnerRange::place_of(&self.ranges, partner));
        }
        number
    }

    fn customer(&mut self, partner: u32, tenant: u32) -> u32 {
        let next = u32::try_from(self.customers.len()).unwrap_or(u32::MAX);
        *self.customers.entry((partner, tenant)).or_insert(next)
    }

    fn name(&mut self, delivered: &str, is_credited: bool) -> u32 {
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let name = FactName { delivered: delivered.to_owned(), is_credited };
        *self.names.entry(name).or_insert(next)
    }

    fn add<M: FactMeasures>(
        &mut self,
        batch: &FactBatch<'_, M>,
        source: &Source<'_>,
        frames: LiveFrames<'_>,
    ) -> Result<()> {
        let accounts = source.accounts(frames.live, &batch.partner.all);
        let partners: Vec<[Option<u32>; 2]> = accounts
            .into_iter()
            .map(|both| both.map(|account| account.map(|account| self.partner(account))))
            .collect();
        let tenants: Vec<u32> =
            batch.tenant.all.iter().map(|tenant| self.tenants.number(tenant)).collect();
        let names: Vec<u32> = batch.name.all.iter().map(|name| self.name(name, false)).collect();
        let is_own: Option<Vec<bool>> = batch
            .reseller
            .as_ref()
            .map(|reseller| reseller.all.iter().map(|name| name.is_empty()).collect());
        let is_resold = |row: usize| match (&batch.reseller, &is_own) {
            (Some(reseller), Some(is_own)) => !is_own[reseller.at(row)],
            _ => false,
        };
        let mut last: Option<(u32, u32, u32)> = None;
        let mut months = MonthMemo::default();
        for row in (0..batch.month.len()).filter(|row| !is_resold(*row)) {
            let of_partner = partners[batch.partner.at(row)];
            let Some(partner) = of_partner[usize::from(batch.is_account.value(row))] else {
                continue;
            };
            let tenant = tenants[batch.tenant.at(row)];
            let customer = match last {
                Some((known, of, customer)) if (known, of) == (partner, tenant) => customer,
                _ => self.customer(partner, tenant),
            };
            last = Some((partner, tenant, customer));
            let row = WaitingRow {
                customer,
                name: names[batch.name.at(row)],
                month: months.of(Day(batch.month[row])),
                attributions: batch.attributions[row],
                measures: batch.measures[row].pack(),
            };
            self.push(partner, row)?;
        }
        Ok(())
    }

    fn push(&mut self, partner: u32, row: WaitingRow) -> Result<()> {
        let range = self.places[partner as usize];
        let pending = &mut self.pending[range];
        pending.push(row);
        if pending.len() == PENDING { self.waiting.append(range, pending) } else { Ok(()) }
    }

    fn add_credited<M: FactMeasures>(&mut self, frame: &DataFrame) -> Result<()> {
        let text = |name: &str| frame.column(name).and_then(|column| column.str()).map_err(bug);
        let (partner, tenant, named) = (text("partner_id")?, text("tenant_id")?, text(M::NAME)?);
        let days = frame.column("month").and_then(|column| column.date()).map_err(bug)?.physical();
        let masks = frame.column("attributions").and_then(|column| column.i32()).map_err(bug)?;
        for (at, measures) in M::of_frame(frame)?.into_iter().enumerate() {
            let partner = self.partner(partner.get(at).unwrap_or_default());
            let tenant = self.tenants.number(tenant.get(at).unwrap_or_default());
            let row = WaitingRow {
                customer: self.customer(partner, tenant),
                name: self.name(named.get(at).unwrap_or_default(), true),
                month: Day(days.get(at).unwrap_or_default()).month(),
                attributions: masks.get(at).unwrap_or_default(),
                measures: measures.pack(),
            };
            self.push(partner, row)?;
        }
        Ok(())
    }

    /// Numbers everything in the order of its text: what the rows say does not depend on the order in
    /// which they were read.
    fn finish<M>(self) -> Result<NumberedFacts<M>> {
        let Self { partners, tenants, names, customers, ranges, waiting, mut pending, .. } = self;
        for (range, rows) in pending.iter_mut().enumerate() {
            waiting.append(range, rows)?;
        }
        let customers = customers.into_iter().map(|((partner, tenant), number)| {
            ((partners.text(partner), tenants.text(tenant)), number)
        });
        let (customers, customer_ranks) = ranked(customers);
        let (names, name_ranks) = ranked(names.into_iter());
        let measures = PhantomData;
        Ok(NumberedFacts {
            customers,
            customer_ranks,
            name_ranks,
            names,
            waiting,
            ranges,
            measures,
        })
    }
}

impl<M: FactMeasures> NumberedFacts<M> {
    /// The rows of the partners of one range, with its customers numbered from 0.
    ///
    /// # Errors
    /// CS2002 when the temporary file cannot be read back.
    pub fn range(&self, range: usize) -> Result<NumberedRows<'_, M>> {
        let within = self.ranges[range].within(&self.customers, |(partner, _)| partner);
        let first = u32::try_from(within.start).unwrap_or(u32::MAX);
        let numbered = |row: WaitingRow| NumberedRow {
            customer: self.customer_ranks[row.customer as usize] - first,
            name: self.name_ranks[row.name as usize],
            month: row.month,
            attributions: AttributionSet(row.attributions),
            measures: M::unpack(row.measures),
        };
        let waiting = self.waiting.copy(range)?;
        let rows = waiting.into_iter().map(numbered).collect();
        Ok(NumberedRows { customers: &self.customers[within], names: &self.names, rows })
    }
}

/// Keys in their order, and the rank of each number.
fn ranked<K: Ord>(numbered: impl Iterator<Item = (K, u32)>) -> (Vec<K>, Vec<u32>) {
    let mut sorted: Vec<(K, u32)> = numbered.collect();
    // They were mostly met in their order, which costs fewer comparisons of texts.
    sorted.sort_unstable_by_key(|(_, number)| *number);
    sorted.sort();
    let mut ranks = vec![0; sorted.len()];
    for (rank, (_, number)) in (0..).zip(&sorted) {
        ranks[*number as usize] = rank;
    }
    (sorted.into_iter().map(|(key, _)| key).collect(), ranks)
}
