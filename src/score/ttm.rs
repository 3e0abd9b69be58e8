//! `fact_acr_ttm`: Azure consumed revenue per tenant and scope over trailing twelve months.

use super::consumption::{Consumption, Eligible};
use super::measure::Sides;
use super::partners::{Indexes, Partners};
use crate::calendar::Month;
use crate::error::Result;
use crate::ids::AttributionSet;
use crate::money::Money;
use crate::rules::{Scope, Window};
use crate::tables::{FACT_ACR_TTM, Rows};

/// Adds the rows of one scope: one per partner and tenant with any row that is eligible in
/// R−23…R.
///
/// # Errors
/// CS9001.
pub(super) fn add_scope(
    rows: &mut Rows,
    acr: &Consumption,
    scope: &Scope,
    reference: Month,
    partners: &Partners,
) -> Result<()> {
    debug_assert_eq!(FACT_ACR_TTM.columns.len(), 10);
    let sides = Sides::new(Window::Ttm, reference);
    let eligible = Eligible { services: &scope.services, associations: scope.associations };
    let range = (sides.baseline.0, sides.current.1);
    let mut indexes = Indexes::new(partners);
    acr.visit(eligible, range, &mut |customer, months| {
        let counted = months.iter().filter_map(|month| Some((month, month.amount()?)));
        if counted.clone().next().is_none() {
            return Ok(());
        }
        indexes.of(customer.partner)?;
        let is_current = |month: Month| month >= sides.current.0;
        let sum = |is_meant: &dyn Fn(Month) -> bool| -> Money {
            let meant = counted.clone().filter(|(month, _)| is_meant(month.month));
            meant.map(|(_, amount)| amount).sum()
        };
        let current = || counted.clone().filter(|(month, _)| is_current(month.month));
        let months = current().filter(|(_, amount)| *amount != Money::ZERO).count();
        let attributions =
            current().fold(AttributionSet::EMPTY, |all, (month, _)| all.union(month.attributions));
        rows.month(reference)
            .text(customer.partner)
            .text(&**customer.tenant)
            .text(scope.id.as_str())
            .money(sum(&is_current))
            .money(sum(&|month| !is_current(month)))
            .money(sum(&|month| month == reference))
            .money(sum(&|month| month == reference.plus(-12)))
            .int(i64::try_from(months).unwrap_or(i64::MAX))
            .text(attributions.and(scope.associations).sorted_text().as_str())
            .end();
        Ok(())
    })
}
