//! Azure consumed revenue of all months that an attempt scores, added up by month, each sum once
//! however many months and sentences look at it: the scan of the facts is what costs.

use std::cell::RefCell;
use std::collections::HashMap;

use polars::prelude::{DataFrame, LazyFrame, NULL, col, lit, when};

use super::measure::{any_where, listed, meets};
use crate::calendar::Month;
use crate::engine;
use crate::error::{Error, Result};
use crate::ids::AttributionSet;

/// The services that count (empty means all) and the attributions that do.
type Key = (Vec<String>, AttributionSet);

/// Azure consumed revenue.
pub struct Consumption {
    rows: LazyFrame,
    /// The first month that the rows are complete from.
    first: Month,
    tenants: RefCell<HashMap<Key, DataFrame>>,
    services: RefCell<HashMap<Key, DataFrame>>,
}

impl Consumption {
    /// Of `month`, `partner_id`, `tenant_id`, `service`, `attributions`, `amount`, complete from the
    /// month `first`.
    pub fn new(rows: LazyFrame, first: Month) -> Self {
        Self { rows, first, tenants: RefCell::default(), services: RefCell::default() }
    }

    /// The rows themselves, which have to reach back to a month.
    ///
    /// # Errors
    /// CS9001 when they do not.
    pub(super) fn rows(&self, first: Month) -> Result<LazyFrame> {
        self.reach(first)?;
        Ok(self.rows.clone())
    }

    fn reach(&self, first: Month) -> Result<()> {
        if first < self.first {
            let text = format!("consumption of {first} is looked at and known from {}", self.first);
            return Err(Error::bug(text));
        }
        Ok(())
    }

    /// `partner_id`, `tenant_id`, `month`, `amount` (of eligible rows), `is_eligible` and `has_other`
    /// (0 or 1: whether there are eligible rows, and amounts under other attributions), complete from
    /// `first`.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn by_tenant(
        &self,
        services: &[String],
        associations: AttributionSet,
        first: Month,
    ) -> Result<LazyFrame> {
        self.reach(first)?;
        made_once(&self.tenants, services, associations, || {
            let eligible = meets(associations);
            let has_amount = col("amount").neq(lit(0));
            let amount = when(eligible.clone()).then(col("amount")).otherwise(lit(NULL));
            let frame = self
                .rows
                .clone()
                .filter(listed("service", services))
                .group_by([col("partner_id"), col("tenant_id"), col("month")])
                .agg([
                    amount.sum().alias("amount"),
                    any_where(eligible.clone(), "is_eligible"),
                    any_where(eligible.not().and(has_amount), "has_other"),
                ]);
            engine::collect(frame, "Azure consumed revenue by tenant")
        })
    }

    /// `partner_id`, `service`, `month`, `amount` of eligible rows, complete from `first`.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn by_service(
        &self,
        services: &[String],
        associations: AttributionSet,
        first: Month,
    ) -> Result<LazyFrame> {
        self.reach(first)?;
        made_once(&self.services, services, associations, || {
            let frame = self
                .rows
                .clone()
                .filter(meets(associations).and(listed("service", services)))
                .group_by([col("partner_id"), col("service"), col("month")])
                .agg([col("amount").sum()]);
            engine::collect(frame, "Azure consumed revenue by service")
        })
    }
}

fn made_once(
    known: &RefCell<HashMap<Key, DataFrame>>,
    services: &[String],
    associations: AttributionSet,
    make: impl FnOnce() -> Result<DataFrame>,
) -> Result<LazyFrame> {
    let key = (services.to_vec(), associations);
    if let Some(frame) = known.borrow().get(&key) {
        return Ok(engine::lazy(frame.clone()));
    }
    let frame = make()?;
    known.borrow_mut().insert(key, frame.clone());
    Ok(engine::lazy(frame))
}
