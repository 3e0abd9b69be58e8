//! From rows of the published tables to the metrics, parts, customers and people of a page.

use std::collections::{HashMap, HashSet};

use polars::prelude::{col, lit};

use super::amount::Amount;
use super::evidence::customers;
use super::page::{Customer, Implementation, MetricPage, PartPage, Person};
use super::read::{Row, Rows, list, load, open};
use super::sentence;
use crate::calendar::Day;
use crate::error::Result;
use crate::store::Store;
use crate::tables::{
    DIM_CUSTOMER, DIM_RULE, FACT_CUSTOMER_EVIDENCE, FACT_IMPLEMENTATION, FACT_METRIC_PART,
    FACT_METRIC_SCORE, FACT_SKILLING_EVIDENCE, METRICS,
};

/// The rule version, area and path that rows are wanted of.
pub(super) struct Place<'a> {
    /// The rule version.
    pub ruleset_id: &'a str,
    /// The area.
    pub area: &'a str,
    /// The path.
    pub path: &'a str,
}

/// The published rows of one partner and month.
pub(super) struct Facts {
    metrics: Rows,
    parts: Rows,
    people: Rows,
    implementations: Rows,
    /// By ruleset, area, path, metric and part.
    rules: HashMap<[String; 5], Rule>,
    /// Customers by evidence key.
    evidence: HashMap<String, Vec<Customer>>,
    /// Customer names by tenant.
    names: HashMap<String, String>,
}

/// What `dim_rule` says of a part.
struct Rule {
    threshold: String,
    window: String,
    associations: Vec<String>,
    units_for_max: Option<Amount>,
}

impl Facts {
    /// Reads everything about one partner and month.
    pub(super) fn load(output: &Store, month: &str, partner: &str) -> Result<Self> {
        let is_partner = || Some(col("partner_id").eq(lit(partner)));
        let evidence = load(output, &FACT_CUSTOMER_EVIDENCE, month, is_partner())?;
        // Only the names of this partner's customers: a distributor's base has millions.
        let tenants = open(output, &FACT_CUSTOMER_EVIDENCE, month)?
            .filter(col("partner_id").eq(lit(partner)))
            .select([col("tenant_id")]);
        let named = open(output, &DIM_CUSTOMER, month)?
            .select([col("tenant_id"), col("customer_name")])
            .semi_join(tenants, col("tenant_id"), col("tenant_id"));
        let names = names(&Rows::collect(&DIM_CUSTOMER, named)?)?;
        Ok(Self {
            metrics: load(output, &FACT_METRIC_SCORE, month, is_partner())?,
            parts: load(output, &FACT_METRIC_PART, month, is_partner())?,
            people: load(output, &FACT_SKILLING_EVIDENCE, month, is_partner())?,
            implementations: load(output, &FACT_IMPLEMENTATION, month, is_partner())?,
            rules: rules(&load(output, &DIM_RULE, month, None)?)?,
            evidence: customers(&evidence, &names)?,
            names,
        })
    }

    /// The metrics of one area and path, in table order; evidence of `tenant` alone if given.
    pub(super) fn metrics(
        &self,
        place: &Place<'_>,
        tenant: Option<&str>,
    ) -> Result<Vec<MetricPage>> {
        let mut pages = Vec::new();
        for row in self.metrics.iter() {
            if place.holds(&row)? {
                pages.push(self.metric(place, &row, tenant)?);
            }
        }
        pages.sort_by_key(|page| METRICS.iter().position(|id| *id == page.metric));
        Ok(pages)
    }

    fn metric(&self, place: &Place<'_>, row: &Row<'_>, tenant: Option<&str>) -> Result<MetricPage> {
        let metric = row.text("metric")?;
        let mut people = Vec::new();
        for person in self.people.iter() {
            if place.holds(&person)? && person.text("metric")? == metric {
                people.push(self::person(&person)?);
            }
        }
        people.sort_by(|left, right| {
            let order = |person: &Person| (person.step, !person.is_counted);
            order(left)
                .cmp(&order(right))
                .then_with(|| left.certification.cmp(&right.certification))
                .then_with(|| left.person_key.cmp(&right.person_key))
        });
        let mut page = MetricPage {
            points: row.required_amount("points")?,
            points_x8400: row.required_integer("points_x8400")?,
            max_points: row.required_amount("max_points")?,
            value_unit: row.text("value_unit")?,
            units_to_next_point: row.amount("units_to_next_point")?,
            next_point: String::new(),
            coverage: row.text("coverage")?,
            missing_inputs: list(&row.text("missing_inputs")?),
            flags: list(&row.text("flags")?),
            alternative_points_x8400: row.integer("alternative_points_x8400")?,
            parts: Vec::new(),
            people,
            metric,
        };
        page.next_point = sentence::next_point(&page);
        for part in self.parts.iter() {
            if place.holds(&part)? && part.text("metric")? == page.metric {
                let part = self.part(place, &page, &part, tenant)?;
                page.parts.push(part);
            }
        }
        if tenant.is_some() {
            page.people.clear();
        }
        Ok(page)
    }

    fn part(
        &self,
        place: &Place<'_>,
        metric: &MetricPage,
        row: &Row<'_>,
        tenant: Option<&str>,
    ) -> Result<PartPage> {
        let part = row.text("part")?;
        let key = [place.ruleset_id, place.area, place.path, metric.metric.as_str(), part.as_str()];
        let rule = self.rules.get(&key.map(str::to_owned));
        let evidence = self.evidence.get(&row.text("evidence_key")?);
        let customers = evidence.map(Vec::as_slice).unwrap_or_default();
        let mut page = PartPage {
            part,
            sentence: String::new(),
            value_unit: row.text("value_unit")?,
            current_value: row.amount("current_value")?,
            baseline_value: row.amount("baseline_value")?,
            change_value: row.amount("change_value")?,
            unit_size: row.required_amount("unit_size")?,
            increments: row.required_integer("increments")?,
            remainder: row.amount("remainder")?,
            points: row.required_amount("points")?,
            points_x8400: row.required_integer("points_x8400")?,
            is_used: row.flag("is_used")?,
            coverage: row.text("coverage")?,
            missing_inputs: list(&row.text("missing_inputs")?),
            threshold: rule.map(|rule| rule.threshold.clone()).unwrap_or_default(),
            window: rule.map(|rule| rule.window.clone()).unwrap_or_default(),
            associations: rule.map(|rule| rule.associations.clone()).unwrap_or_default(),
            customers: Vec::new(),
        };
        // The sentence is about all customers, also where the page shows one of them.
        let units_for_max = rule.and_then(|rule| rule.units_for_max);
        page.sentence = sentence::of_part(metric, &page, customers, units_for_max);
        page.customers =
            customers.iter().filter(|one| is_asked(&one.tenant_id, tenant)).cloned().collect();
        Ok(page)
    }

    /// Workloads that do not count yet and whose tenant does not count by another one, nearest
    /// first.
    pub(super) fn near_implementations(
        &self,
        place: &Place<'_>,
        tenant: Option<&str>,
    ) -> Result<Vec<Implementation>> {
        let mut counting = HashSet::new();
        let mut near = Vec::new();
        for row in self.implementations.iter() {
            if !place.holds(&row)? {
                continue;
            }
            let tenant_id = row.text("tenant_id")?;
            if row.flag("is_eligible")? {
                counting.insert(tenant_id);
                continue;
            }
            let one = Implementation {
                customer_name: self.names.get(&tenant_id).cloned(),
                tenant_id,
                workload: row.text("workload")?,
                paid_seats: row.required_integer("paid_seats")?,
                active_users: row.required_integer("active_users")?,
                seats_short: row.required_integer("seats_short")?,
                active_users_short: row.required_integer("active_users_short")?,
            };
            // A row above the largest band is short of nothing: more seats would not help.
            if one.seats_short + one.active_users_short > 0 && is_asked(&one.tenant_id, tenant) {
                near.push(one);
            }
        }
        near.retain(|one| !counting.contains(&one.tenant_id));
        near.sort_by(|left, right| {
            let short = |one: &Implementation| one.seats_short + one.active_users_short;
            short(left)
                .cmp(&short(right))
                .then_with(|| left.tenant_id.cmp(&right.tenant_id))
                .then_with(|| left.workload.cmp(&right.workload))
        });
        Ok(near)
    }
}

impl Place<'_> {
    fn holds(&self, row: &Row<'_>) -> Result<bool> {
        Ok(row.text("area")? == self.area && row.text("path")? == self.path)
    }
}

/// Whether a tenant is the asked one; the start of its id is enough, as pages show no more.
fn is_asked(tenant_id: &str, asked: Option<&str>) -> bool {
    asked.is_none_or(|asked| !asked.is_empty() && tenant_id.to_lowercase().starts_with(asked))
}

fn names(rows: &Rows) -> Result<HashMap<String, String>> {
    let mut names = HashMap::new();
    for row in rows.iter() {
        if let Some(name) = row.optional_text("customer_name")? {
            names.insert(row.text("tenant_id")?, name);
        }
    }
    Ok(names)
}

fn rules(rows: &Rows) -> Result<HashMap<[String; 5], Rule>> {
    let mut rules = HashMap::new();
    for row in rows.iter() {
        let key = [
            row.text("ruleset_id")?,
            row.text("area")?,
            row.text("path")?,
            row.text("metric")?,
            row.text("part")?,
        ];
        let rule = Rule {
            threshold: row.text("threshold_text")?,
            window: row.text("window_text")?,
            associations: list(&row.text("associations")?),
            units_for_max: row.amount("units_for_max")?,
        };
        rules.insert(key, rule);
    }
    Ok(rules)
}

fn person(row: &Row<'_>) -> Result<Person> {
    let text = |day: Option<Day>| day.map(|day| day.to_string());
    Ok(Person {
        step: row.required_integer("step")?,
        person_key: row.text("person_key")?,
        certification: row.text("certification")?,
        earned_on: text(row.day("earned_on")?),
        expires_on: text(row.day("expires_on")?),
        counts_until: text(row.day("counts_until")?),
        is_counted: row.flag("is_counted")?,
        reason: row.text("reason")?,
    })
}
