//! Live facts as frames: month ranges, credited to partner global accounts, with the names that
//! the caller's catalogs give.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use hashbrown::HashSet;
use polars::prelude::{
    Column, DataFrame, DataType, Expr, JoinArgs, JoinType, LazyFrame, UnionArgs, coalesce, col,
    cols, concat, lit, when,
};

use super::live::{Live, LiveUnit, MonthUnits};
use super::schema::{
    CREDENTIAL, ENROLMENT, FactTable, FactType, LOCATION, REVENUE, SNAPSHOT, USAGE,
};
use super::{fact_path, quarantine_path};
use crate::calendar::Month;
use crate::engine;
use crate::engine::bug;
use crate::error::{Code, Error, Result};
use crate::money::MONEY_SCALE;
use crate::parquet::{Footer, visit_dictionaries};
use crate::store;
use crate::workers::{Funnel, Workers};

/// Reads live facts.
#[derive(Debug, Clone, Copy)]
pub struct LiveFrames<'a> {
    pub(super) live: &'a Live,
}

impl<'a> LiveFrames<'a> {
    /// The frames of these live units.
    pub fn new(live: &'a Live) -> Self {
        Self { live }
    }

    /// Revenue of business applications of some months, over the units of one association.
    ///
    /// Columns: `month`, `partner_id` (account), `tenant_id`, `workload` (canonical),
    /// `attributions` (mask), `revenue` (`DECIMAL(38,10)`).
    ///
    /// # Errors
    /// CS9001.
    pub fn revenue(
        &self,
        months: &[Month],
        canonical: &dyn Fn(&str) -> String,
    ) -> Result<LazyFrame> {
        self.workloads(&REVENUE, months, canonical)
    }

    /// Usage of business applications of some months, by metric type.
    ///
    /// Columns: `month`, `partner_id` (account), `tenant_id`, `workload` (canonical),
    /// `attributions` (mask), `active_users`, `attributed_users`, `capacity`.
    ///
    /// # Errors
    /// CS9001.
    pub fn usage(&self, months: &[Month], canonical: &dyn Fn(&str) -> String) -> Result<LazyFrame> {
        self.workloads(&USAGE, months, canonical)
    }

    /// The rows of a table about workloads: each exporter's own, and what distributors credit to
    /// their resellers.
    fn workloads(
        self,
        table: &FactTable,
        months: &[Month],
        canonical: &dyn Fn(&str) -> String,
    ) -> Result<LazyFrame> {
        let is_wanted = |month: Month| months.contains(&month);
        let frame = self.table(table, &|month| month.is_some_and(is_wanted))?;
        let columns: Vec<Expr> = ["month", "partner_id", "tenant_id", "workload", "attributions"]
            .into_iter()
            .chain(measures(table))
            .map(col)
            .collect();
        let mut frame = self.rolled_up(frame)?.select(columns.clone());
        if self.live.has_distributor() {
            frame = joined(frame, self.credited_workloads(table, &is_wanted)?.select(columns))?;
        }
        renamed(frame, "workload", canonical)
    }

    /// Credentials.
    ///
    /// Columns: `partner_id` (account), `person_key`, `title` (as delivered), `earned_on`,
    /// `expires_on`, `is_expiry_known`.
    ///
    /// # Errors
    /// CS9001.
    pub fn credentials(&self) -> Result<LazyFrame> {
        self.credentials_of(&CREDENTIAL)
    }

    pub(super) fn credentials_of(self, table: &FactTable) -> Result<LazyFrame> {
        let frame = self.table(table, &|_| true)?;
        Ok(self.rolled_up(frame)?.select([
            col("partner_id"),
            col("person_key"),
            col("title"),
            col("earned_on"),
            col("expires_on"),
            col("is_expiry_known"),
        ]))
    }

    /// Locations: `location_id`, `account_id`, `name`, `account_name`, `country`.
    ///
    /// # Errors
    /// CS9001.
    pub fn locations(&self) -> Result<LazyFrame> {
        self.table(&LOCATION, &|_| true)
    }

    /// Enrolments: `partner_id` (account), `area` (as delivered), `anniversary_on`,
    /// `last_renewal_on`.
    ///
    /// # Errors
    /// CS9001.
    pub fn enrolments(&self) -> Result<LazyFrame> {
        let columns = ["partner_id", "area", "anniversary_on", "last_renewal_on"];
        Ok(self.rolled_up(self.table(&ENROLMENT, &|_| true)?)?.select(columns.map(col)))
    }

    /// The quarantine of some ledger entries, without the rows of other files than `files`.
    ///
    /// # Errors
    /// CS9001.
    pub fn quarantine(&self, files: &BTreeSet<(u64, usize)>) -> Result<Vec<(u64, DataFrame)>> {
        let mut frames = Vec::new();
        let mut wanted: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
        for (sequence, file) in files {
            wanted.entry(*sequence).or_default().push(i64::try_from(*file).unwrap_or(i64::MAX));
        }
        for (sequence, indexes) in wanted {
            let path = quarantine_path(sequence);
            if self.live.store.head(&path)?.is_none() {
                continue;
            }
            let keep =
                lit(Column::new("file".into(), indexes).take_materialized_series()).implode(true);
            let frame = engine::scan(&[self.live.store.fetch(&path)?])?
                .filter(col("file").is_in(keep, false));
            frames.push((sequence, engine::collect(frame, "the quarantine")?));
        }
        Ok(frames)
    }

    pub(super) fn table(
        self,
        table: &FactTable,
        keep: &dyn Fn(Option<Month>) -> bool,
    ) -> Result<LazyFrame> {
        self.units(table, &|unit| keep(unit.key.month))
    }

    /// The rows of the live units that `keep` selects.
    pub(super) fn units(
        self,
        table: &FactTable,
        keep: &dyn Fn(&LiveUnit) -> bool,
    ) -> Result<LazyFrame> {
        let mut whole: Vec<PathBuf> = Vec::new();
        let mut frames = Vec::new();
        for source in self.sources(table, keep)? {
            let path = source.local(self.live);
            let Some(live) = source.partners else {
                whole.push(path);
                continue;
            };
            let keys = DataFrame::new(
                live.len(),
                vec![
                    Column::new(
                        "partner_id".into(),
                        live.iter().map(|key| key.0).collect::<Vec<_>>(),
                    ),
                    Column::new(
                        "is_account".into(),
                        live.iter().map(|key| key.1).collect::<Vec<_>>(),
                    ),
                ],
            )
            .map_err(bug)?;
            let on = [col("partner_id"), col("is_account")];
            frames.push(engine::scan(&[path])?.join(
                engine::lazy(keys),
                on.clone(),
                on,
                JoinArgs::new(JoinType::Semi),
            ));
        }
        if !whole.is_empty() {
            frames.push(engine::scan(&whole)?);
        }
        if frames.is_empty() {
            return Ok(engine::lazy(empty(table)?));
        }
        concat(frames, UnionArgs::default()).map_err(bug)
    }

    /// The fact files that hold rows of the live units that `keep` selects, by dataset and month.
    pub(super) fn sources(
        self,
        table: &FactTable,
        keep: &dyn Fn(&LiveUnit) -> bool,
    ) -> Result<Vec<Source<'a>>> {
        let mut sources = Vec::new();
        let mut paths = Vec::new();
        for MonthUnits { dataset, month, units } in self.live.months() {
            let mut stored: BTreeMap<u64, Vec<(&str, bool)>> = BTreeMap::new();
            let has_rows = |unit: &&LiveUnit| unit.tables.contains(table);
            for unit in units.iter().filter(has_rows).filter(|unit| keep(unit)) {
                let partner = (unit.key.partner_id.as_str(), unit.key.is_account);
                stored.entry(unit.stored).or_default().push(partner);
            }
            let name = month.map_or_else(|| SNAPSHOT.to_owned(), |month| month.to_string());
            for (stored, live) in stored {
                let file = (dataset.to_owned(), month, stored);
                let is_whole = self.live.is_whole(table.name, &file, live.len());
                let partners = (!is_whole).then(|| live.into_iter().collect());
                let path = fact_path(table, dataset, &name, stored);
                paths.push(path.clone());
                sources.push(Source { path, dataset, partners });
            }
        }
        self.live.store.fetch_all(&paths)?;
        for source in &sources {
            let footer = source.open(self.live);
            let footer = footer.and_then(|file| Footer::read(file, &source.name(self.live)));
            footer.map_err(|error| source.damaged(self.live).because(error))?;
        }
        Ok(sources)
    }

    /// Reads the columns of a table from some of its files, several at once: `take` gets batches in
    /// any order, text as numbers and the dictionary that they mean.
    pub(super) fn visit(
        self,
        table: &FactTable,
        sources: &[Source<'_>],
        workers: &Workers,
        take: &mut (dyn FnMut(&Source<'_>, &RecordBatch) -> Result<()> + Send),
    ) -> Result<()> {
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        // Files are begun in their order.
        let sizes = vec![0; sources.len()];
        let most = workers.threads();
        let funnel =
            Funnel::new(most, |(at, batch): (usize, RecordBatch)| take(&sources[at], &batch));
        let read = |at: usize| {
            let source = &sources[at];
            let file = source.open(self.live)?;
            let mut hand_over = |batch| funnel.hand_over((at, batch));
            visit_dictionaries(file, &source.name(self.live), &columns, &mut hand_over)
        };
        workers.run(&sizes, read).map(drop)
    }

    /// Replaces the partner as delivered by its account.
    pub(super) fn rolled_up(self, frame: LazyFrame) -> Result<LazyFrame> {
        let is_account = when(col("is_account"));
        Ok(self
            .accounts_of(frame, "partner_id")?
            .with_column(
                is_account.then(col("partner_id")).otherwise(col("account")).alias("partner_id"),
            )
            .drop(cols(["account"])))
    }

    /// Adds the `account` that the location (or account) in a column belongs to.
    pub(super) fn accounts_of(self, frame: LazyFrame, column: &str) -> Result<LazyFrame> {
        let accounts = &self.live.accounts;
        let locations: Vec<&str> = accounts.keys().map(String::as_str).collect();
        let names: Vec<&str> = accounts.values().map(String::as_str).collect();
        let map = DataFrame::new(
            accounts.len(),
            vec![Column::new(column.into(), locations), Column::new("account".into(), names)],
        )
        .map_err(bug)?;
        let on = [col(column)];
        Ok(frame
            .join(engine::lazy(map), on.clone(), on, JoinArgs::new(JoinType::Left))
            .with_column(coalesce(&[col("account"), col(column)]).alias("account")))
    }
}

/// A fact file that the ledger names, with rows that are live.
pub(super) struct Source<'a> {
    path: String,
    pub(super) dataset: &'a str,
    /// The partners as delivered, and whether each is an account, whose rows are live; none when all
    /// are.
    partners: Option<HashSet<(&'a str, bool)>>,
}

impl Source<'_> {
    /// Whether rows of a partner are live.
    fn has(&self, partner_id: &str, is_account: bool) -> bool {
        self.partners.as_ref().is_none_or(|live| live.contains(&(partner_id, is_account)))
    }

    /// The accounts of partners as delivered, by whether each is one; none where it is not live.
    pub(super) fn accounts<'l>(
        &self,
        live: &'l Live,
        partners: &[&'l str],
    ) -> Vec<[Option<&'l str>; 2]> {
        let account = |partner: &'l str, is_account: bool| {
            self.has(partner, is_account).then(|| live.account_of(partner, is_account))
        };
        let both = |partner: &&'l str| [false, true].map(|is_account| account(partner, is_account));
        partners.iter().map(both).collect()
    }

    /// Where it is, for people.
    pub(super) fn name(&self, live: &Live) -> String {
        live.store.uri_of(&self.path)
    }

    /// Where it is on local disk: sources are fetched when they are listed.
    fn local(&self, live: &Live) -> PathBuf {
        live.store.local_path(&self.path)
    }

    pub(super) fn open(&self, live: &Live) -> Result<File> {
        store::open_file(&self.local(live))
    }

    /// It is not there, or not readable.
    pub(super) fn damaged(&self, live: &Live) -> Error {
        let what = self.name(live);
        Error::new(Code::Damaged, format!("the facts are damaged: {what} is missing or broken"))
            .hint("run again if the facts were compacted meanwhile; else restore it from a backup, or ingest all deliveries into new facts")
    }
}

/// The measures of a table about workloads.
pub(super) fn measures(table: &FactTable) -> impl Iterator<Item = &'static str> {
    let names = table.columns.iter().map(|column| column.name);
    names.skip_while(|name| *name != "attributions").skip(1)
}

fn joined(one: LazyFrame, other: LazyFrame) -> Result<LazyFrame> {
    concat([one, other], UnionArgs::default()).map_err(bug)
}

/// Replaces delivered names by the catalog's.
fn renamed(
    frame: LazyFrame,
    column: &str,
    canonical: &dyn Fn(&str) -> String,
) -> Result<LazyFrame> {
    let delivered =
        engine::collect(frame.clone().select([col(column).unique()]), "the delivered names")?;
    let mut names: Vec<&str> = delivered
        .column(column)
        .and_then(|names| names.str())
        .map_err(bug)?
        .iter()
        .flatten()
        .collect();
    names.sort_unstable();
    let known: Vec<String> = names.iter().map(|name| canonical(name)).collect();
    let map = DataFrame::new(
        names.len(),
        vec![Column::new(column.into(), names), Column::new("canonical".into(), known)],
    )
    .map_err(bug)?;
    let on = [col(column)];
    Ok(frame
        .join(engine::lazy(map), on.clone(), on, JoinArgs::new(JoinType::Left))
        .with_column(col("canonical").alias(column))
        .drop(cols(["canonical"])))
}

/// A frame of a fact table without rows.
fn empty(table: &FactTable) -> Result<DataFrame> {
    let columns = table
        .columns
        .iter()
        .map(|column| Column::new_empty(column.name.into(), &data_type(column.kind)))
        .collect();
    DataFrame::new(0, columns).map_err(bug)
}

/// The polars type of a fact column.
pub(super) fn data_type(kind: FactType) -> DataType {
    match kind {
        FactType::Text => DataType::String,
        FactType::Int64 => DataType::Int64,
        FactType::Mask => DataType::Int32,
        FactType::Boolean => DataType::Boolean,
        FactType::Date => DataType::Date,
        FactType::Money => DataType::Decimal(38, MONEY_SCALE),
    }
}
