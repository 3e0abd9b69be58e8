//! The path that a test of the customer base assigns to each partner (rules §4.1, §7.1).

use polars::prelude::{
    Column, DataFrame, DataType, JoinArgs, JoinType, LazyFrame, SortMultipleOptions, col, lit,
};

use super::Input;
use super::measure::{Amounts, bug, month_literal, texts};
use super::measures::Measures;
use super::partners::Partners;
use crate::calendar::Month;
use crate::engine;
use crate::error::Result;
use crate::money::Money;
use crate::rules::{Assignment, AssignmentTest, Segments, Window};

/// Which customers of which partner are on the small-business side, sorted.
#[derive(Debug, Default)]
pub(super) struct SmbCustomers(Vec<(usize, String)>);

impl SmbCustomers {
    /// Judges every customer by the segment of its newest month up to R that has one, as that
    /// partner's exports say it; at a tie the customer export wins over usage rows, and one row
    /// that is not on the small-business side is enough to leave it.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn new(
        segments: &LazyFrame,
        rules: &Segments,
        reference: Month,
        partners: &Partners,
    ) -> Result<Self> {
        let customer = [col("partner_id"), col("tenant_id")];
        let filled = segments
            .clone()
            .filter(col("segment").neq(lit("")).and(col("month").lt_eq(month_literal(reference))));
        let newest = filled.clone().group_by(customer.clone()).agg([col("month").max()]);
        let month = [col("partner_id"), col("tenant_id"), col("month")];
        let of_month =
            filled.join(newest, month.clone(), month.clone(), JoinArgs::new(JoinType::Semi));
        let best = of_month
            .clone()
            .group_by(customer.clone())
            .agg([col("is_customer_export").cast(DataType::Int32).max().alias("best")]);
        let frame = of_month
            .join(best, customer.clone(), customer.clone(), JoinArgs::new(JoinType::Inner))
            .filter(col("is_customer_export").cast(DataType::Int32).eq(col("best")));
        let names = engine::collect(frame.clone().select([col("segment").unique()]), "segments")?;
        let mut names = texts(&names, "segment")?;
        names.sort_unstable();
        let sides: Vec<i32> =
            names.iter().map(|segment| i32::from(rules.is_smb_side(segment).0)).collect();
        let map = DataFrame::new(
            names.len(),
            vec![Column::new("segment".into(), names), Column::new("is_smb".into(), sides)],
        )
        .map_err(bug)?;
        let on = [col("segment")];
        let frame = frame
            .join(engine::lazy(map), on.clone(), on, JoinArgs::new(JoinType::Left))
            .group_by(customer)
            .agg([col("is_smb").min()])
            .filter(col("is_smb").eq(lit(1)))
            .sort(["partner_id", "tenant_id"], SortMultipleOptions::default());
        let frame = engine::collect(frame, "segments of customers")?;
        let ids = texts(&frame, "partner_id")?;
        let tenants = texts(&frame, "tenant_id")?;
        let known = ids.into_iter().zip(tenants);
        Ok(Self(known.filter_map(|(id, tenant)| Some((partners.find(&id)?, tenant))).collect()))
    }

    fn contains(&self, partner: usize, tenant: &str) -> bool {
        self.0
            .binary_search_by(|(known, known_tenant)| {
                (*known, known_tenant.as_str()).cmp(&(partner, tenant))
            })
            .is_ok()
    }
}

/// The index of the assigned path among `paths`, per partner.
///
/// # Errors
/// CS9001.
pub(super) fn assigned_paths(
    assignment: &Assignment,
    paths: &[String],
    measures: &mut Measures,
    smb: &mut Option<SmbCustomers>,
    input: &Input<'_>,
    partners: &Partners,
) -> Result<Vec<usize>> {
    let place = |name: &String| paths.iter().position(|path| path == name).unwrap_or_default();
    let (assigned, otherwise) = (place(&assignment.path), place(&assignment.otherwise));
    let associations = assignment.associations;
    let passed = match &assignment.test {
        AssignmentTest::SmbShare { share, is_share_enough, customers, ttm_below } => {
            let smb = match smb {
                Some(smb) => smb,
                None => smb.insert(SmbCustomers::new(
                    &input.segments,
                    &input.catalogs.segments,
                    input.reference,
                    partners,
                )?),
            };
            let month = measures.acr(&[], associations, *customers, input, partners)?;
            let votes = votes(month, smb, partners.len());
            let ttm = match ttm_below {
                Some(_) => measures
                    .acr(&[], associations, Window::Ttm, input, partners)?
                    .totals(partners.len()),
                None => vec![Money::ZERO; partners.len()],
            };
            let passes = |((all, small), ttm): ((i64, i64), Money)| {
                let (left, right) = (small * share.denominator, all * share.numerator);
                let has_share = if *is_share_enough { left >= right } else { left > right };
                all > 0 && has_share && ttm_below.is_none_or(|limit| ttm < limit)
            };
            votes.into_iter().zip(ttm).map(passes).collect::<Vec<bool>>()
        }
        AssignmentTest::Pairs { needed, revenue_above, workloads, is_same_in_both } => {
            let revenue = measures.revenue(workloads, associations, input, partners)?;
            let mut pairs = vec![(0_i64, 0_i64); partners.len()];
            for at in 0..revenue.partner.len() {
                let now = revenue.current[at] > *revenue_above;
                let before = revenue.baseline[at] > *revenue_above;
                let both = !is_same_in_both || now && before;
                let (current, baseline) = &mut pairs[revenue.partner[at]];
                *current += i64::from(now && both);
                *baseline += i64::from(before && both);
            }
            let passes = |(now, before): (i64, i64)| now >= *needed && before >= *needed;
            pairs.into_iter().map(passes).collect()
        }
    };
    Ok(passed.into_iter().map(|passed| if passed { assigned } else { otherwise }).collect())
}

/// Customers with consumption above zero, and those of them on the small-business side.
fn votes(month: &Amounts, smb: &SmbCustomers, partners: usize) -> Vec<(i64, i64)> {
    let mut votes = vec![(0_i64, 0_i64); partners];
    for at in 0..month.partner.len() {
        if month.current[at] > Money::ZERO {
            let (all, small) = &mut votes[month.partner[at]];
            *all += 1;
            *small += i64::from(smb.contains(month.partner[at], &month.tenant[at]));
        }
    }
    votes
}
