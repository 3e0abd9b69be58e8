//! Live facts with names as numbers: the base has millions of rows and thousands of names, and
//! scoring adds the rows up dozens of times (docs/decisions/0016).

use std::collections::HashMap;
use std::sync::Mutex;

use arrow::array::{Array, AsArray, BooleanArray, DictionaryArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int32Type};
use polars::prelude::{DataFrame, LazyFrame};
use rayon::slice::ParallelSliceMut;

use super::LiveFrames;
use super::frames::Source;
use super::measures::{FactMeasures, Seats};
use super::schema::{ACR, FactTable, SEATS};
use super::verify::bug;
use crate::calendar::{Day, Month};
use crate::engine;
use crate::error::{Error, Result};
use crate::ids::AttributionSet;
use crate::money::Money;
use crate::parquet::visit_dictionaries;

/// Rows of a table of some months: each exporter's own view, and what distributors credit to their
/// resellers.
pub struct NumberedFacts<M> {
    /// Partner (account) and tenant, sorted.
    pub customers: Vec<(String, String)>,
    /// Services or workloads, sorted.
    pub names: Vec<FactName>,
    /// Sorted by customer and month.
    pub rows: Vec<NumberedRow<M>>,
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
    pub fn acr(self, first: Month, last: Month) -> Result<NumberedFacts<Money>> {
        let is_wanted = |month: Month| (first..=last).contains(&month);
        let credited = |frames: Self| frames.credited_acr(&is_wanted);
        self.numbered(&ACR, &is_wanted, &credited)
    }

    /// Seats and active users of some months, by workload.
    ///
    /// # Errors
    /// CS6005 when the facts are damaged; CS9001.
    pub fn seats(self, months: &[Month]) -> Result<NumberedFacts<Seats>> {
        let is_wanted = |month: Month| months.contains(&month);
        let credited = |frames: Self| frames.credited_workloads(&SEATS, &is_wanted);
        self.numbered(&SEATS, &is_wanted, &credited)
    }

    fn numbered<M: FactMeasures>(
        self,
        table: &FactTable,
        is_wanted: &dyn Fn(Month) -> bool,
        credited: &dyn Fn(Self) -> Result<LazyFrame>,
    ) -> Result<NumberedFacts<M>> {
        let sources = self.sources(table, &|unit| unit.key.month.is_some_and(is_wanted))?;
        // The rows are most of what a score holds: no room for more than there are.
        let rows = Vec::with_capacity(sources.iter().map(|source| source.rows).sum());
        let building = Mutex::new(Building { rows, ..Building::default() });
        let work = Mutex::new(sources.iter());
        let next = || work.lock().ok().and_then(|mut work| work.next());
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let panicked = || Error::bug("a reader of facts panicked");
        std::thread::scope(|scope| {
            let read = || {
                while let Some(source) = next() {
                    self.read(table, source, &building)?;
                }
                Ok(())
            };
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(read)).collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(panicked())))
        })?;
        let mut building = building.into_inner().map_err(|_| panicked())?;
        if self.live.has_distributor() {
            let frame = engine::collect(credited(self)?, "what distributors credit")?;
            building.add_credited(&frame, M::NAME)?;
        }
        Ok(building.finish())
    }

    fn read<M: FactMeasures>(
        self,
        table: &FactTable,
        source: &Source<'_>,
        building: &Mutex<Building<M>>,
    ) -> Result<()> {
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let file = source.open(self.live)?;
        visit_dictionaries(file, &source.name(self.live), &columns, &mut |batch| {
            let batch =
                FactBatch::<M>::new(batch, table).ok_or_else(|| source.damaged(self.live))?;
            let mut building =
                building.lock().map_err(|_| Error::bug("a reader of facts panicked"))?;
            building.add(&batch, source, self);
            Ok(())
        })
    }
}

/// Columns of one batch of a fact file.
struct FactBatch<'a, M> {
    month: &'a [i32],
    partner: Names<'a>,
    is_account: &'a BooleanArray,
    /// Where the table tells resellers: rows of one repeat what the exporter's own say.
    reseller: Option<Names<'a>>,
    tenant: Names<'a>,
    name: Names<'a>,
    attributions: &'a [i32],
    measures: Vec<M>,
}

/// A column of text as its dictionary and the place of each row in it.
struct Names<'a> {
    all: Vec<&'a str>,
    rows: &'a [i32],
}

impl<'a> Names<'a> {
    /// None when a row has no text.
    fn new(column: &'a DictionaryArray<Int32Type>) -> Option<Self> {
        let values = column.values().as_string_opt::<i32>()?;
        let rows = column.keys();
        (rows.null_count() == 0).then(|| Self {
            all: values.iter().map(Option::unwrap_or_default).collect(),
            rows: rows.values(),
        })
    }

    fn at(&self, row: usize) -> usize {
        usize::try_from(self.rows[row]).unwrap_or_default()
    }
}

impl<'a, M: FactMeasures> FactBatch<'a, M> {
    /// None when the batch is not what a fact file holds.
    fn new(batch: &'a RecordBatch, table: &FactTable) -> Option<Self> {
        let column =
            |name: &str| batch.column_by_name(name).filter(|known| known.null_count() == 0);
        let names = |name: &str| Names::new(column(name)?.as_dictionary_opt()?);
        let has_reseller = table.columns.iter().any(|column| column.name == "reseller_id");
        Some(Self {
            month: column("month")?.as_primitive_opt::<Date32Type>()?.values(),
            partner: names("partner_id")?,
            is_account: column("is_account")?.as_boolean_opt()?,
            reseller: if has_reseller { Some(names("reseller_id")?) } else { None },
            tenant: names("tenant_id")?,
            name: names(M::NAME)?,
            attributions: column("attributions")?.as_primitive_opt::<Int32Type>()?.values(),
            measures: M::of_batch(batch)?,
        })
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

/// Rows while they are read, in any order.
struct Building<M> {
    partners: Numbers,
    tenants: Numbers,
    names: HashMap<FactName, u32>,
    customers: HashMap<(u32, u32), u32>,
    rows: Vec<NumberedRow<M>>,
}

impl<M> Default for Building<M> {
    fn default() -> Self {
        Self {
            partners: Numbers::default(),
            tenants: Numbers::default(),
            names: HashMap::new(),
            customers: HashMap::new(),
            rows: Vec::new(),
        }
    }
}

impl<M: FactMeasures> Building<M> {
    fn customer(&mut self, partner: u32, tenant: u32) -> u32 {
        let next = u32::try_from(self.customers.len()).unwrap_or(u32::MAX);
        *self.customers.entry((partner, tenant)).or_insert(next)
    }

    fn name(&mut self, delivered: &str, is_credited: bool) -> u32 {
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let name = FactName { delivered: delivered.to_owned(), is_credited };
        *self.names.entry(name).or_insert(next)
    }

    fn add(&mut self, batch: &FactBatch<'_, M>, source: &Source<'_>, frames: LiveFrames<'_>) {
        // The account of each partner as delivered, by whether it is one; none when it is not live.
        let mut account = |partner: &str, is_account: bool| {
            let account = || frames.live.account_of(partner, is_account);
            source.has(partner, is_account).then(|| self.partners.number(&account()))
        };
        let partners: Vec<[Option<u32>; 2]> = batch
            .partner
            .all
            .iter()
            .map(|partner| [false, true].map(|is_account| account(partner, is_account)))
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
            self.rows.push(NumberedRow {
                customer,
                name: names[batch.name.at(row)],
                month: Day(batch.month[row]).month(),
                attributions: AttributionSet(batch.attributions[row]),
                measures: batch.measures[row],
            });
        }
    }

    fn add_credited(&mut self, frame: &DataFrame, name: &str) -> Result<()> {
        let text = |name: &str| frame.column(name).and_then(|column| column.str()).map_err(bug);
        let (partner, tenant, named) = (text("partner_id")?, text("tenant_id")?, text(name)?);
        let days = frame.column("month").and_then(|column| column.date()).map_err(bug)?.physical();
        let masks = frame.column("attributions").and_then(|column| column.i32()).map_err(bug)?;
        for (at, measures) in M::of_frame(frame)?.into_iter().enumerate() {
            let partner = self.partners.number(partner.get(at).unwrap_or_default());
            let tenant = self.tenants.number(tenant.get(at).unwrap_or_default());
            let row = NumberedRow {
                customer: self.customer(partner, tenant),
                name: self.name(named.get(at).unwrap_or_default(), true),
                month: Day(days.get(at).unwrap_or_default()).month(),
                attributions: AttributionSet(masks.get(at).unwrap_or_default()),
                measures,
            };
            self.rows.push(row);
        }
        Ok(())
    }

    /// Numbers everything in the order of its text: what the rows say does not depend on the order in
    /// which they were read.
    fn finish(self) -> NumberedFacts<M> {
        let Self { partners, tenants, names, customers, mut rows } = self;
        let customers = customers.into_iter().map(|((partner, tenant), number)| {
            ((partners.text(partner), tenants.text(tenant)), number)
        });
        let (customers, customer_ranks) = ranked(customers);
        let (names, name_ranks) = ranked(names.into_iter());
        for row in &mut rows {
            row.customer = customer_ranks[row.customer as usize];
            row.name = name_ranks[row.name as usize];
        }
        rows.par_sort_unstable_by_key(|row| (row.customer, row.month));
        NumberedFacts { customers, names, rows }
    }
}

/// Keys in their order, and the rank of each number.
fn ranked<K: Ord>(numbered: impl Iterator<Item = (K, u32)>) -> (Vec<K>, Vec<u32>) {
    let mut sorted: Vec<(K, u32)> = numbered.collect();
    sorted.sort_unstable();
    let mut ranks = vec![0; sorted.len()];
    for (rank, (_, number)) in (0..).zip(&sorted) {
        ranks[*number as usize] = rank;
    }
    (sorted.into_iter().map(|(key, _)| key).collect(), ranks)
}
