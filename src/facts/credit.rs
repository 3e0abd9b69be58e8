//! What a distributor's exports credit to its resellers (contract §3). Facts keep what was said;
//! who is credited is decided here, when they are read: a reseller's own export of a dataset and
//! month wins over what a distributor says of it, in whatever order they arrived.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{
    Column, DataFrame, DataType, Int32Chunked, JoinArgs, JoinType, LazyFrame, SortMultipleOptions,
    UnionArgs, UniqueKeepStrategy, col, cols, concat, lit,
};

use super::LiveFrames;
use super::delivered::Delivered;
use super::frames::measures;
use super::live::{Live, LiveUnit};
use super::ranges::PartnerRange;
use super::schema::{ACR, FactTable, REVENUE, SEATS, TENANT_RESELLER, USAGE};
use crate::calendar::{Day, Month};
use crate::engine;
use crate::engine::bug;
use crate::error::Result;
use crate::ids::{Attribution, AttributionSet};
use crate::tables::RESELLER_DATASETS;

/// The tables whose exports have no reseller: the customer tells it.
const WORKLOAD_TABLES: [&FactTable; 3] = [&SEATS, &REVENUE, &USAGE];

/// Who is credited through distributors, from one month to another.
#[derive(Debug, Clone, Default)]
pub struct Credit {
    /// Exporter, dataset and reseller of every credited row.
    pub resellers: BTreeSet<(String, String, String)>,
    /// Consumption of a customer's service that several ids of one reseller name: where they name the
    /// same consumption, it counts for each id.
    pub several_ids: i64,
    /// Exporter, month and customer whose resellers are several: nobody is credited.
    pub ambiguous: BTreeSet<(String, Month, String)>,
    /// First and last month of each reseller's rows.
    pub months: BTreeMap<String, (Month, Month)>,
    /// One row a credited customer and dataset: `exporter`, `dataset`, `partner_id` (the reseller),
    /// `tenant_id`.
    customers: Option<DataFrame>,
}

/// A customer that a distributor's exports credit to a reseller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreditedCustomer<'a> {
    /// The reseller's account.
    pub reseller: &'a str,
    /// The customer.
    pub tenant: &'a str,
    /// The distributor's account.
    pub exporter: &'a str,
}

impl Credit {
    /// Finds out who is credited; costs nothing where no distributor delivered.
    ///
    /// # Errors
    /// CS2001, CS9001.
    pub fn of(live: &Live, first: Month, last: Month) -> Result<Self> {
        if !live.has_distributor() {
            return Ok(Self::default());
        }
        let frames = LiveFrames::new(live);
        let months = |month: Month| (first..=last).contains(&month);
        let who = || ["exporter", "dataset", "partner_id", "tenant_id"].map(col);
        let of_month = |frame: LazyFrame| {
            frame.select(who().into_iter().chain([col("month")]).collect::<Vec<_>>())
        };
        let mut credited = vec![of_month(frames.credited_acr(&months)?)];
        for table in WORKLOAD_TABLES {
            credited.push(of_month(frames.credited_workloads(table, &months)?));
        }
        let credited = concat(credited, UnionArgs::default()).map_err(bug)?;
        let customers = credited
            .group_by(who())
            .agg([col("month").min().alias("first"), col("month").max().alias("last")])
            .sort(
                ["exporter", "dataset", "partner_id", "tenant_id"],
                SortMultipleOptions::default(),
            );
        let customers = engine::collect(customers, "resellers")?;
        let text = |name: &str| customers.column(name).and_then(|column| column.str()).map_err(bug);
        let (exporter, dataset, reseller) =
            (text("exporter")?, text("dataset")?, text("partner_id")?);
        let day = |name: &str| customers.column(name).and_then(|column| column.date()).map_err(bug);
        let (first, last) = (day("first")?.physical(), day("last")?.physical());
        let month_at = |column: &Int32Chunked, at| Day(column.get(at).unwrap_or_default()).month();
        let mut resellers = BTreeSet::new();
        let mut months_of: BTreeMap<String, (Month, Month)> = BTreeMap::new();
        for at in 0..customers.height() {
            let of = |column: &polars::prelude::StringChunked| {
                column.get(at).unwrap_or_default().to_owned()
            };
            let (first, last) = (month_at(first, at), month_at(last, at));
            let known = months_of.entry(of(reseller)).or_insert((first, last));
            *known = (known.0.min(first), known.1.max(last));
            resellers.insert((of(exporter), of(dataset), of(reseller)));
        }
        let ambiguous = frames.ambiguous_tenants(&months)?;
        let several_ids = frames.several_ids(&months)?;
        let customers = Some(customers);
        Ok(Self { resellers, ambiguous, several_ids, months: months_of, customers })
    }

    /// The months that distributors delivered of the resellers that they credit, where these have
    /// no export of their own. Seats and business applications of a month without subscription
    /// details credit nobody, so that month is not delivered.
    pub fn delivered(&self, live: &Live) -> Vec<Delivered> {
        if self.resellers.is_empty() {
            return Vec::new();
        }
        let own = live.delivered();
        let distributed = live.delivered_by(|file| file.is_distributor);
        let told: BTreeSet<(&str, Option<Month>)> = distributed
            .iter()
            .filter(|fact| RESELLER_DATASETS.contains(&fact.dataset.as_str()))
            .map(|fact| (fact.account.as_str(), fact.month))
            .collect();
        let is_of_workloads =
            |unit: &&LiveUnit| WORKLOAD_TABLES.iter().any(|table| unit.tables.contains(table));
        let of_workloads = live.units.iter().filter(is_of_workloads);
        let told_by_customer: BTreeSet<&str> =
            of_workloads.map(|unit| unit.key.dataset.as_str()).collect();
        let mut credited = BTreeSet::new();
        for fact in &distributed {
            let (exporter, dataset) = (&fact.account, &fact.dataset);
            let is_told = told.contains(&(exporter.as_str(), fact.month));
            if told_by_customer.contains(dataset.as_str()) && !is_told {
                continue;
            }
            let first = (exporter.clone(), dataset.clone(), String::new());
            let of_export = self
                .resellers
                .range(first..)
                .take_while(|(known, of, _)| known == exporter && of == dataset);
            for (_, _, reseller) in of_export {
                let of_reseller = Delivered { account: reseller.clone(), ..fact.clone() };
                if own.binary_search(&of_reseller).is_err() {
                    credited.insert(Delivered { is_own: false, ..of_reseller });
                }
            }
        }
        credited.into_iter().collect()
    }

    /// The customers credited to the resellers of a range, some more than once.
    ///
    /// # Errors
    /// CS9001.
    pub fn customers_of(&self, range: &PartnerRange) -> Result<Vec<CreditedCustomer<'_>>> {
        let Some(customers) = &self.customers else { return Ok(Vec::new()) };
        let text = |name: &str| customers.column(name).and_then(|column| column.str()).map_err(bug);
        let tenants = text("tenant_id")?.iter().zip(text("exporter")?.iter());
        let credited = text("partner_id")?.iter().zip(tenants);
        Ok(credited
            .filter(|(reseller, _)| reseller.is_some_and(|reseller| range.contains(reseller)))
            .filter_map(|(reseller, (tenant, exporter))| {
                Some(CreditedCustomer { reseller: reseller?, tenant: tenant?, exporter: exporter? })
            })
            .collect())
    }
}

impl LiveFrames<'_> {
    /// Consumption that counts for resellers, as CSP of the second tier.
    ///
    /// Columns: `month`, `exporter`, `dataset`, `partner_id` (the reseller's account), `tenant_id`,
    /// `service` (as delivered), `attributions`, `amount`.
    pub(super) fn credited_acr(self, months: &dyn Fn(Month) -> bool) -> Result<LazyFrame> {
        let frame = self.distributed(&ACR, months)?.filter(col("reseller_id").neq(lit("")));
        let columns = ["month", "exporter", "dataset", "partner_id", "tenant_id"];
        let measures = ["service", "attributions", "amount"];
        Ok(self
            .to_resellers(frame)?
            .select(columns.iter().chain(&measures).map(|name| col(*name)).collect::<Vec<_>>()))
    }

    /// Rows of a table about workloads that count for resellers: the export has no reseller, the
    /// customer tells it.
    ///
    /// Columns: `month`, `exporter`, `dataset`, `partner_id` (the reseller's account), `tenant_id`,
    /// `workload` (as delivered), `attributions`, the measures of the table.
    pub(super) fn credited_workloads(
        self,
        table: &FactTable,
        months: &dyn Fn(Month) -> bool,
    ) -> Result<LazyFrame> {
        let credits: AttributionSet = (0..)
            .map_while(Attribution::from_index)
            .filter(|attribution| attribution.credits_reseller())
            .collect();
        let frame = self
            .distributed(table, months)?
            .filter(col("attributions").and(lit(credits.0)).neq(lit(0)))
            .drop(cols(["partner_id"]))
            .with_column(lit(Attribution::CSP_T2.set().0).alias("attributions"));
        let on = [col("exporter"), col("month"), col("tenant_id")];
        let sold = self.resellers_of_tenants(months)?.filter(col("resellers").eq(lit(1)));
        let frame = frame.join(sold, on.clone(), on, JoinArgs::new(JoinType::Inner));
        let columns =
            ["month", "exporter", "dataset", "partner_id", "tenant_id", "workload", "attributions"];
        let columns: Vec<_> = columns.into_iter().chain(measures(table)).map(col).collect();
        let frame = self.without_own(frame)?;
        if table.name == SEATS.name {
            return Ok(frame.select(columns));
        }
        // The same consumption under several associations counts once, by the largest; now they are
        // one association, whose rows would be added.
        let is_measure = |name: &&str| measures(table).any(|measure| measure == *name);
        let grain = table.columns.iter().map(|column| column.name);
        let grain = grain.filter(|name| *name != "is_account" && !is_measure(name));
        let grain: Vec<_> = ["exporter", "dataset"].into_iter().chain(grain).map(col).collect();
        let largest: Vec<_> = measures(table).map(|name| col(name).max()).collect();
        Ok(frame.group_by(grain).agg(largest).select(columns))
    }

    fn several_ids(self, months: &dyn Fn(Month) -> bool) -> Result<i64> {
        let frame = self.distributed(&ACR, months)?.filter(col("reseller_id").neq(lit("")));
        let of = ["month", "exporter", "dataset", "account", "tenant_id", "service"].map(col);
        let several = self
            .accounts_of(frame, "reseller_id")?
            .group_by(of)
            .agg([col("reseller_id").n_unique().cast(DataType::Int64).alias("ids")])
            .filter(col("ids").gt(lit(1)));
        let several = engine::collect(several, "resellers of several ids")?;
        Ok(i64::try_from(several.height()).unwrap_or(i64::MAX))
    }

    fn ambiguous_tenants(
        self,
        months: &dyn Fn(Month) -> bool,
    ) -> Result<BTreeSet<(String, Month, String)>> {
        let frame = self
            .resellers_of_tenants(months)?
            .filter(col("resellers").gt(lit(1)))
            .sort(["exporter", "month", "tenant_id"], SortMultipleOptions::default());
        let frame = engine::collect(frame, "customers of several resellers")?;
        let text = |name: &str| frame.column(name).and_then(|column| column.str()).map_err(bug);
        let (exporter, tenant) = (text("exporter")?, text("tenant_id")?);
        let days = frame.column("month").and_then(|column| column.date()).map_err(bug)?;
        let mut found = BTreeSet::new();
        for at in 0..frame.height() {
            let day = Day(days.physical().get(at).unwrap_or_default());
            found.insert((
                exporter.get(at).unwrap_or_default().to_owned(),
                day.month(),
                tenant.get(at).unwrap_or_default().to_owned(),
            ));
        }
        Ok(found)
    }

    /// `exporter`, `month`, `tenant_id`, `partner_id` (the smallest of its resellers' accounts),
    /// `resellers` (how many).
    fn resellers_of_tenants(self, months: &dyn Fn(Month) -> bool) -> Result<LazyFrame> {
        let frame = self.distributed(&TENANT_RESELLER, months)?;
        let frame = self.accounts_of(frame, "reseller_id")?;
        // An export without the customer names it by the subscription.
        let direct = frame.clone().filter(col("reseller_id").eq(lit("")));
        let sold = frame.filter(col("reseller_id").neq(lit("")));
        let frame = concat([direct, self.without_locations(sold)?], UnionArgs::default());
        let frame = frame.map_err(bug)?;
        let on = [col("exporter"), col("month"), col("subscription_id")];
        let known = frame.clone().filter(col("tenant_id").neq(lit("")));
        let tenants = known
            .clone()
            .filter(col("subscription_id").neq(lit("")))
            .select([col("exporter"), col("month"), col("subscription_id"), col("tenant_id")])
            .unique(None, UniqueKeepStrategy::Any);
        let found = frame.filter(col("tenant_id").eq(lit(""))).drop(cols(["tenant_id"])).join(
            tenants,
            on.clone(),
            on,
            JoinArgs::new(JoinType::Inner),
        );
        let columns = || [col("exporter"), col("month"), col("tenant_id"), col("account")];
        let all = concat([known.select(columns()), found.select(columns())], UnionArgs::default())
            .map_err(bug)?;
        Ok(all
            .filter(col("account").neq(lit("")).and(col("account").neq(col("exporter"))))
            .group_by([col("exporter"), col("month"), col("tenant_id")])
            .agg([
                col("account").min().alias("partner_id"),
                col("account").n_unique().cast(DataType::Int64).alias("resellers"),
            ]))
    }

    /// The rows that distributors delivered, with the `exporter` (account) and the `dataset`.
    fn distributed(self, table: &FactTable, months: &dyn Fn(Month) -> bool) -> Result<LazyFrame> {
        let is_wanted = |unit: &LiveUnit| unit.is_distributor && unit.key.month.is_some_and(months);
        let datasets: BTreeSet<&str> = self
            .live
            .units
            .iter()
            .filter(|unit| is_wanted(unit))
            .map(|unit| unit.key.dataset.as_str())
            .collect();
        let mut frames = vec![self.distributed_of(table, "", &|_| false)?];
        for dataset in datasets {
            let of_dataset = |unit: &LiveUnit| is_wanted(unit) && unit.key.dataset == dataset;
            frames.push(self.distributed_of(table, dataset, &of_dataset)?);
        }
        concat(frames, UnionArgs::default()).map_err(bug)
    }

    fn distributed_of(
        self,
        table: &FactTable,
        dataset: &str,
        keep: &dyn Fn(&LiveUnit) -> bool,
    ) -> Result<LazyFrame> {
        Ok(self
            .rolled_up(self.units(table, keep)?)?
            .with_columns([col("partner_id").alias("exporter"), lit(dataset).alias("dataset")]))
    }

    /// Replaces the partner by the account of the reseller; the exporter's own lines are none of a
    /// reseller, nor are those of a reseller that delivered the month itself.
    fn to_resellers(self, frame: LazyFrame) -> Result<LazyFrame> {
        let frame = self
            .without_locations(self.accounts_of(frame, "reseller_id")?)?
            .filter(col("account").neq(col("exporter")))
            .with_column(col("account").alias("partner_id"));
        self.without_own(frame)
    }

    /// Drops the rows whose reseller is a location of the exporter itself, by any export.
    fn without_locations(self, frame: LazyFrame) -> Result<LazyFrame> {
        let known = self.live.locations();
        let column = |name: &str, values: Vec<&str>| Column::new(name.into(), values);
        let known = DataFrame::new(
            known.len(),
            vec![
                column("exporter", known.iter().map(|pair| pair.0).collect()),
                column("reseller_id", known.iter().map(|pair| pair.1).collect()),
            ],
        )
        .map_err(bug)?;
        let on = [col("exporter"), col("reseller_id")];
        Ok(frame.join(engine::lazy(known), on.clone(), on, JoinArgs::new(JoinType::Anti)))
    }

    fn without_own(self, frame: LazyFrame) -> Result<LazyFrame> {
        let own = self.live.delivered();
        let own: Vec<(&Delivered, Month)> =
            own.iter().filter_map(|fact| Some((fact, fact.month?))).collect();
        let text = |name: &str, values: Vec<&str>| Column::new(name.into(), values);
        let days: Vec<i32> = own.iter().map(|(_, month)| month.first_day().0).collect();
        let own = DataFrame::new(
            own.len(),
            vec![
                text("partner_id", own.iter().map(|(fact, _)| fact.account.as_str()).collect()),
                text("dataset", own.iter().map(|(fact, _)| fact.dataset.as_str()).collect()),
                Column::new("month".into(), days).cast(&DataType::Date).map_err(bug)?,
            ],
        )
        .map_err(bug)?;
        let on = [col("partner_id"), col("dataset"), col("month")];
        Ok(frame.join(engine::lazy(own), on.clone(), on, JoinArgs::new(JoinType::Anti)))
    }
}
