//! One of the scored months that are compared: its tables, partner by partner.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use polars::prelude::{
    BooleanChunked, DataFrame, Int64Chunked, LazyFrame, SortMultipleOptions, StringChunked, col,
    lit,
};

use crate::engine;
use crate::engine::bug;
use crate::error::{Error, Result};
use crate::money::Money;
use crate::points::Points;
use crate::publish::RunTables;
use crate::rules::{Measure, Sentence, Version};
use crate::store::Store;
use crate::tables::{
    FACT_AREA_SCORE, FACT_CUSTOMER_EVIDENCE, FACT_METRIC_PART, FACT_METRIC_SCORE,
    FACT_SKILLING_EVIDENCE, Table, step_of,
};

/// The tables that tell why a score is what it is.
const TABLES: [&Table; 5] = [
    &FACT_AREA_SCORE,
    &FACT_METRIC_SCORE,
    &FACT_METRIC_PART,
    &FACT_CUSTOMER_EVIDENCE,
    &FACT_SKILLING_EVIDENCE,
];

/// A scored month.
pub(super) struct Side<'a> {
    /// The rules that it was scored by.
    pub(super) versions: Vec<&'a Version>,
    tables: Vec<PartnerRows>,
}

/// A table sorted by its key, with the rows of each partner.
struct PartnerRows {
    frame: DataFrame,
    rows: HashMap<String, Range<usize>>,
}

/// Area, path, metric and number of a step.
type StepPlace = (String, String, String, i64);
/// The amount of a row of a column.
type Amounts<'a> = Box<dyn Fn(usize) -> Option<Money> + 'a>;

/// The score of one area of one partner.
#[derive(Debug, Clone, Default)]
pub(super) struct AreaSide {
    /// The path that counts.
    pub(super) path: String,
    pub(super) is_qualified: bool,
    /// Points by path.
    pub(super) points: BTreeMap<String, Points>,
    /// By path and metric.
    pub(super) metrics: BTreeMap<(String, String), MetricSide>,
}

/// The score of one metric.
#[derive(Debug, Clone, Default)]
pub(super) struct MetricSide {
    pub(super) points: Points,
    pub(super) is_below_minimum: bool,
    pub(super) parts: Vec<PartSide>,
}

/// The values of one part and what counted on both sides.
#[derive(Debug, Clone, Default)]
pub(super) struct PartSide {
    pub(super) part: String,
    pub(super) unit: String,
    pub(super) is_computable: bool,
    pub(super) current: Money,
    pub(super) baseline: Money,
    /// What counted now: customer (and workload), service or person, with what it adds.
    pub(super) counted: BTreeMap<String, Money>,
    /// What counted a year ago.
    pub(super) counted_before: BTreeMap<String, Money>,
}

impl<'a> Side<'a> {
    /// A run whose tables are there; of one partner alone if asked.
    ///
    /// # Errors
    /// CS9001 when a table cannot be read.
    pub(super) fn of_run(
        output: &Store,
        run: &RunTables,
        versions: Vec<&'a Version>,
        partner: Option<&str>,
    ) -> Result<Self> {
        let frame = |table: &Table| engine::scan(&[output.fetch(&run.path(table))?]);
        Self::new(versions, partner, &frame)
    }

    /// A month that was scored just now.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn scored(
        frames: &[(&'static Table, DataFrame)],
        versions: Vec<&'a Version>,
        partner: Option<&str>,
    ) -> Result<Self> {
        let frame = |table: &Table| {
            let found = frames.iter().find(|(known, _)| known.name == table.name);
            let found = found.ok_or_else(|| Error::bug(format!("{} was not made", table.name)))?;
            Ok(engine::lazy(found.1.clone()))
        };
        Self::new(versions, partner, &frame)
    }

    fn new(
        versions: Vec<&'a Version>,
        partner: Option<&str>,
        frame: &dyn Fn(&Table) -> Result<LazyFrame>,
    ) -> Result<Self> {
        let mut tables = Vec::new();
        for table in TABLES {
            let mut rows = frame(table)?;
            if let Some(partner) = partner {
                rows = rows.filter(col("partner_id").eq(lit(partner)));
            }
            let rows = rows.sort(table.key.iter().copied(), SortMultipleOptions::default());
            tables.push(PartnerRows::new(engine::collect(rows, table.name)?)?);
        }
        Ok(Self { versions, tables })
    }

    /// The partners with scores, sorted.
    pub(super) fn partners(&self) -> Vec<&str> {
        let mut partners: Vec<&str> = self.tables[0].rows.keys().map(String::as_str).collect();
        partners.sort_unstable();
        partners
    }

    /// Whether a part counts users up to the paid seats.
    fn is_capped(&self, area: &str, (path, metric): &(String, String), part: &str) -> bool {
        let versions = self.versions.iter().filter(|version| version.area == area);
        let mut parts = versions.flat_map(|version| version.parts_of_metric(path, metric));
        parts.any(|known| {
            known.id == part
                && matches!(
                    &known.sentence,
                    Sentence::Customers(sentence)
                        if sentence.measure == Measure::ActiveUsers { capped: true }
                )
        })
    }

    /// The areas of one partner.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn areas(&self, partner: &str) -> Result<BTreeMap<String, AreaSide>> {
        let [scores, metrics, parts, evidence, skilling] = &self.tables[..] else {
            return Err(Error::bug("a side lacks tables"));
        };
        let mut areas: BTreeMap<String, AreaSide> = BTreeMap::new();
        let (area, path) = (scores.text("area")?, scores.text("path")?);
        let points = scores.int("points_x8400")?;
        let (selected, qualified) = (scores.flag("is_selected")?, scores.flag("is_qualified")?);
        for at in scores.of(partner) {
            let side = areas.entry(of(area, at)).or_default();
            side.points.insert(of(path, at), Points(points.get(at).unwrap_or_default()));
            if selected.get(at) == Some(true) {
                side.path = of(path, at);
                side.is_qualified = qualified.get(at) == Some(true);
            }
        }
        let (area, path) = (metrics.text("area")?, metrics.text("path")?);
        let (metric, flags) = (metrics.text("metric")?, metrics.text("flags")?);
        let points = metrics.int("points_x8400")?;
        for at in metrics.of(partner) {
            let Some(side) = areas.get_mut(&of(area, at)) else { continue };
            let is_below_minimum =
                flags.get(at).unwrap_or_default().split(',').any(|flag| flag == "below_minimum");
            let points = Points(points.get(at).unwrap_or_default());
            let score = MetricSide { points, is_below_minimum, parts: Vec::new() };
            side.metrics.insert((of(path, at), of(metric, at)), score);
        }
        let (area, path) = (parts.text("area")?, parts.text("path")?);
        let (metric, part) = (parts.text("metric")?, parts.text("part")?);
        let (unit, coverage) = (parts.text("value_unit")?, parts.text("coverage")?);
        let key = parts.text("evidence_key")?;
        let (current, baseline) = (parts.amount("current_value")?, parts.amount("baseline_value")?);
        let counted = counted_customers(evidence, partner)?;
        let people = counted_people(skilling, partner)?;
        for at in parts.of(partner) {
            let Some(side) = areas.get_mut(&of(area, at)) else { continue };
            let place = (of(path, at), of(metric, at));
            let Some(score) = side.metrics.get_mut(&place) else { continue };
            let (unit, part) = (of(unit, at), of(part, at));
            let (now, before) = if unit == "people" {
                let of_step = (of(area, at), place.0, place.1, step_of(&part).unwrap_or(1));
                (people.get(&of_step).cloned().unwrap_or_default(), BTreeMap::new())
            } else {
                let rows = counted.get(key.get(at).unwrap_or_default());
                let empty = Vec::new();
                let rows = rows.unwrap_or(&empty);
                let is_capped = self.is_capped(&of(area, at), &place, &part);
                (summed(rows, &unit, is_capped, true), summed(rows, &unit, is_capped, false))
            };
            score.parts.push(PartSide {
                part,
                unit,
                is_computable: coverage.get(at) != Some("not_computable"),
                current: current(at).unwrap_or_default(),
                baseline: baseline(at).unwrap_or_default(),
                counted: now,
                counted_before: before,
            });
        }
        Ok(areas)
    }
}

/// A row of evidence that counts on a side.
struct Counted {
    tenant: String,
    workload: String,
    /// What it measures now and a year ago; none where it does not count.
    amounts: [Option<Money>; 2],
    /// The same with users up to the paid seats.
    capped: [Option<Money>; 2],
}

/// By evidence key.
fn counted_customers(rows: &PartnerRows, partner: &str) -> Result<HashMap<String, Vec<Counted>>> {
    let (key, tenant) = (rows.text("evidence_key")?, rows.text("tenant_id")?);
    let workload = rows.text("workload")?;
    let sides = [
        CountedSide::new(rows, "current", "is_counted_current")?,
        CountedSide::new(rows, "baseline", "is_counted_baseline")?,
    ];
    let mut counted: HashMap<String, Vec<Counted>> = HashMap::new();
    for at in rows.of(partner) {
        counted.entry(of(key, at)).or_default().push(Counted {
            tenant: of(tenant, at),
            workload: of(workload, at),
            amounts: [sides[0].amount(at, false), sides[1].amount(at, false)],
            capped: [sides[0].amount(at, true), sides[1].amount(at, true)],
        });
    }
    Ok(counted)
}

/// The columns of one side of the evidence.
struct CountedSide<'a> {
    is_counted: &'a BooleanChunked,
    amounts: Vec<Amounts<'a>>,
    seats: &'a Int64Chunked,
    users: &'a Int64Chunked,
}

impl<'a> CountedSide<'a> {
    fn new(rows: &'a PartnerRows, side: &str, is_counted: &str) -> Result<Self> {
        let amounts = ["acr_usd", "revenue_usd", "consumption_value"];
        Ok(Self {
            is_counted: rows.flag(is_counted)?,
            amounts: amounts
                .iter()
                .map(|name| rows.amount(&format!("{side}_{name}")))
                .collect::<Result<_>>()?,
            seats: rows.int(&format!("{side}_paid_seats"))?,
            users: rows.int(&format!("{side}_active_users"))?,
        })
    }

    /// The amount of a row, else its users; none where it does not count.
    fn amount(&self, at: usize, is_capped: bool) -> Option<Money> {
        if self.is_counted.get(at) != Some(true) {
            return None;
        }
        let users = || {
            let (users, seats) = (self.users.get(at)?, self.seats.get(at)?);
            Some(Money::from_dollars(if is_capped { users.min(seats) } else { users }))
        };
        let amount = self.amounts.iter().find_map(|amount| amount(at));
        Some(amount.or_else(users).unwrap_or_default())
    }
}

/// What counts on a side by the thing that is counted: growth by customer, all else by the unit.
fn summed(
    rows: &[Counted],
    unit: &str,
    is_capped: bool,
    is_current: bool,
) -> BTreeMap<String, Money> {
    let mut sums = BTreeMap::new();
    for row in rows {
        let amounts = if is_capped { &row.capped } else { &row.amounts };
        let Some(amount) = amounts[usize::from(!is_current)] else { continue };
        let is_counted = matches!(unit, "tenants" | "tenant_workloads" | "services");
        let thing = match unit {
            "services" => row.workload.clone(),
            "tenant_workloads" => format!("{}/{}", row.tenant, row.workload),
            _ => row.tenant.clone(),
        };
        let slot: &mut Money = sums.entry(thing).or_default();
        if is_counted {
            *slot = Money::from_dollars(1);
        } else {
            *slot += amount;
        }
    }
    sums
}

/// People who count or wait for an earlier step, by area, path, metric and step.
fn counted_people(
    rows: &PartnerRows,
    partner: &str,
) -> Result<HashMap<StepPlace, BTreeMap<String, Money>>> {
    let (area, path, metric) = (rows.text("area")?, rows.text("path")?, rows.text("metric")?);
    let (person, reason) = (rows.text("person_key")?, rows.text("reason")?);
    let step = rows.int("step")?;
    let mut people: HashMap<_, BTreeMap<String, Money>> = HashMap::new();
    for at in rows.of(partner) {
        if matches!(reason.get(at), Some("counted" | "prerequisite_missing")) {
            let place =
                (of(area, at), of(path, at), of(metric, at), step.get(at).unwrap_or_default());
            people.entry(place).or_default().insert(of(person, at), Money::from_dollars(1));
        }
    }
    Ok(people)
}

impl PartnerRows {
    fn new(frame: DataFrame) -> Result<Self> {
        let mut rows: HashMap<String, Range<usize>> = HashMap::new();
        let partner = frame.column("partner_id").and_then(|column| column.str()).map_err(bug)?;
        for (at, id) in partner.iter().enumerate() {
            let id = id.unwrap_or_default();
            match rows.get_mut(id) {
                Some(known) => known.end = at + 1,
                None => {
                    rows.insert(id.to_owned(), at..at + 1);
                }
            }
        }
        Ok(Self { frame, rows })
    }

    fn of(&self, partner: &str) -> Range<usize> {
        self.rows.get(partner).cloned().unwrap_or_default()
    }

    fn text(&self, name: &str) -> Result<&StringChunked> {
        self.frame.column(name).and_then(|column| column.str()).map_err(bug)
    }

    fn int(&self, name: &str) -> Result<&Int64Chunked> {
        self.frame.column(name).and_then(|column| column.i64()).map_err(bug)
    }

    fn flag(&self, name: &str) -> Result<&BooleanChunked> {
        self.frame.column(name).and_then(|column| column.bool()).map_err(bug)
    }

    /// A decimal of four digits.
    fn amount(&self, name: &str) -> Result<Amounts<'_>> {
        let column = self.frame.column(name).and_then(|column| column.decimal()).map_err(bug)?;
        Ok(Box::new(|at| column.physical().get(at).map(Money::from_published)))
    }
}

fn of(column: &StringChunked, at: usize) -> String {
    column.get(at).unwrap_or_default().to_owned()
}
