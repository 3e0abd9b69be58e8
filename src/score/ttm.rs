//! `fact_acr_ttm`: Azure consumed revenue per tenant and scope over trailing twelve months.

use polars::prelude::{DataType, Expr, SortMultipleOptions, col, lit};

use super::consumption::Consumption;
use super::measure::{
    Sides, amounts, flags, integers, listed, meets, month_literal, sum_where, texts, within,
};
use super::partners::Partners;
use crate::calendar::Month;
use crate::engine;
use crate::error::Result;
use crate::ids::{Attribution, AttributionSet};
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
    let members: Vec<Attribution> = scope.associations.members().collect();
    let is_current = within(sides.current);
    let month = |month: Month| col("month").eq(month_literal(month));
    let seen = |attribution: &Attribution| -> Expr {
        meets(attribution.set()).and(is_current.clone()).cast(DataType::Int32).max()
    };
    let mut by_month = vec![col("amount").sum()];
    by_month.extend(members.iter().map(|member| seen(member).alias(member.as_str())));
    let has_amount = is_current.clone().and(col("amount").neq(lit(0)));
    let mut by_tenant = vec![
        sum_where(col("amount"), is_current.clone(), "ttm"),
        sum_where(col("amount"), within(sides.baseline), "prior"),
        sum_where(col("amount"), month(reference), "last_month"),
        sum_where(col("amount"), month(reference.plus(-12)), "last_year"),
        has_amount.cast(DataType::Int64).sum().alias("months"),
    ];
    by_tenant.extend(members.iter().map(|member| col(member.as_str()).max()));
    let frame = acr
        .rows(sides.baseline.0)?
        .filter(
            within((sides.baseline.0, sides.current.1))
                .and(meets(scope.associations))
                .and(listed("service", &scope.services)),
        )
        .group_by([col("partner_id"), col("tenant_id"), col("month")])
        .agg(by_month)
        .group_by([col("partner_id"), col("tenant_id")])
        .agg(by_tenant)
        .sort(["partner_id", "tenant_id"], SortMultipleOptions::default());
    let frame = engine::collect(frame, "trailing twelve months")?;
    let partner = partners.indexes(&frame)?;
    let tenant = texts(&frame, "tenant_id")?;
    let ttm = amounts(&frame, "ttm")?;
    let prior = amounts(&frame, "prior")?;
    let last_month = amounts(&frame, "last_month")?;
    let last_year = amounts(&frame, "last_year")?;
    let months = integers(&frame, "months")?;
    let members_seen =
        members.iter().map(|member| flags(&frame, member.as_str())).collect::<Result<Vec<_>>>()?;
    for at in 0..frame.height() {
        let attributions: AttributionSet = members
            .iter()
            .zip(&members_seen)
            .filter(|(_, seen)| seen[at])
            .map(|(member, _)| *member)
            .collect();
        rows.month(reference)
            .text(partners.ids()[partner[at]].as_str())
            .text(tenant[at].as_str())
            .text(scope.id.as_str())
            .money(ttm[at])
            .money(prior[at])
            .money(last_month[at])
            .money(last_year[at])
            .int(months[at])
            .text(attributions.sorted_text().as_str())
            .end();
    }
    Ok(())
}
