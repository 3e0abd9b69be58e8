//! The path that a test of the customer base assigns to each partner (rules §4.1, §7.1).

use polars::prelude::{
    Column, DataFrame, JoinArgs, JoinType, LazyFrame, SortMultipleOptions, col, lit,
};

use super::Input;
use super::measure::{Amounts, bug, flags, texts};
use super::measures::Measures;
use super::partners::Partners;
use crate::calendar::{Day, Month};
use crate::engine;
use crate::error::Result;
use crate::facts::PartnerRange;
use crate::money::Money;
use crate::rules::{Assignment, AssignmentTest, Segments, Window};

/// What the exports say of the segments of customers, month by month.
pub struct SegmentMonths {
    /// Partner and tenant, sorted, and where their months end.
    customers: Vec<(String, String, usize)>,
    /// Of each customer in order.
    months: Vec<SegmentMonth>,
}

/// What an export says of a customer in a month.
#[derive(Clone, Copy)]
struct SegmentMonth {
    month: Month,
    is_customer_export: bool,
    /// Whether no row of it leaves the small-business side.
    is_smb: bool,
}

impl SegmentMonths {
    /// Of `month`, `partner_id`, `tenant_id`, `segment`, `is_customer_export`.
    ///
    /// # Errors
    /// CS9001.
    pub fn new(segments: &LazyFrame, rules: &Segments) -> Result<Self> {
        let filled = segments.clone().filter(col("segment").neq(lit("")));
        let names = filled.clone().select([col("segment").unique()]);
        let mut names = texts(&engine::collect(names, "segments")?, "segment")?;
        names.sort_unstable();
        let sides: Vec<i32> =
            names.iter().map(|segment| i32::from(rules.is_smb_side(segment).0)).collect();
        let map = DataFrame::new(
            names.len(),
            vec![Column::new("segment".into(), names), Column::new("is_smb".into(), sides)],
        )
        .map_err(bug)?;
        let on = [col("segment")];
        let grain = ["partner_id", "tenant_id", "month", "is_customer_export"];
        let frame = filled
            .join(engine::lazy(map), on.clone(), on, JoinArgs::new(JoinType::Left))
            .group_by(grain.map(col))
            .agg([col("is_smb").min()])
            .sort(grain, SortMultipleOptions::default());
        let frame = engine::collect(frame, "segments of customers")?;
        let text = |name: &str| frame.column(name).and_then(|column| column.str()).map_err(bug);
        let (partners, tenants) = (text("partner_id")?, text("tenant_id")?);
        let month = frame.column("month").and_then(|column| column.date()).map_err(bug)?.physical();
        let exported = frame.column("is_customer_export").and_then(|column| column.bool());
        let exported = exported.map_err(bug)?;
        let is_smb = flags(&frame, "is_smb")?;
        let mut customers: Vec<(String, String, usize)> = Vec::new();
        let mut months = Vec::with_capacity(frame.height());
        for (at, is_smb) in is_smb.into_iter().enumerate() {
            let partner = partners.get(at).unwrap_or_default();
            let tenant = tenants.get(at).unwrap_or_default();
            months.push(SegmentMonth {
                month: Day(month.get(at).unwrap_or_default()).month(),
                is_customer_export: exported.get(at) == Some(true),
                is_smb,
            });
            match customers.last_mut().filter(|last| last.0 == partner && last.1 == tenant) {
                Some((_, _, end)) => *end = months.len(),
                None => customers.push((partner.to_owned(), tenant.to_owned(), months.len())),
            }
        }
        Ok(Self { customers, months })
    }

    /// Each customer of some partners, as partner and tenant, with its months in order.
    fn of_customers(
        &self,
        range: &PartnerRange,
    ) -> impl Iterator<Item = (&str, &str, &[SegmentMonth])> {
        let within = range.within(&self.customers, |(partner, _, _)| partner);
        let before = within.start.checked_sub(1).and_then(|before| self.customers.get(before));
        let mut start = before.map_or(0, |(_, _, end)| *end);
        self.customers[within].iter().map(move |(partner, tenant, end)| {
            let months = self.months.get(start..*end).unwrap_or_default();
            start = *end;
            (partner.as_str(), tenant.as_str(), months)
        })
    }
}

/// Which customers of which partner are on the small-business side, sorted.
#[derive(Debug, Default)]
pub(super) struct SmbCustomers<'a>(Vec<(usize, &'a str)>);

impl<'a> SmbCustomers<'a> {
    /// Judges every customer by the segment of its newest month up to R that has one, as that
    /// partner's exports say it; at a tie the customer export wins over usage rows, and one row
    /// that is not on the small-business side is enough to leave it. Usage rows older than the
    /// window of R say nothing of it.
    pub(super) fn new(input: &Input<'a>, partners: &Partners) -> Self {
        let reference = input.reference;
        let is_known = |row: &&SegmentMonth| {
            row.month <= reference && (row.is_customer_export || row.month >= reference.plus(-23))
        };
        let mut found = Vec::new();
        for (partner, tenant, months) in input.segments.of_customers(input.range) {
            let newest = months
                .iter()
                .filter(is_known)
                .max_by_key(|row| (row.month, row.is_customer_export));
            if newest.is_some_and(|row| row.is_smb)
                && let Some(partner) = partners.find(partner)
            {
                found.push((partner, tenant));
            }
        }
        Self(found)
    }

    fn contains(&self, partner: usize, tenant: &str) -> bool {
        self.0.binary_search(&(partner, tenant)).is_ok()
    }
}

/// The index of the assigned path among `paths`, per partner.
///
/// # Errors
/// CS9001.
pub(super) fn assigned_paths<'a>(
    assignment: &Assignment,
    paths: &[String],
    measures: &mut Measures,
    smb: &mut Option<SmbCustomers<'a>>,
    input: &Input<'a>,
    partners: &Partners,
) -> Result<Vec<usize>> {
    let place = |name: &String| paths.iter().position(|path| path == name).unwrap_or_default();
    let (assigned, otherwise) = (place(&assignment.path), place(&assignment.otherwise));
    let associations = assignment.associations;
    let passed = match &assignment.test {
        AssignmentTest::SmbShare { share, is_share_enough, customers, ttm_below } => {
            let smb = smb.get_or_insert_with(|| SmbCustomers::new(input, partners));
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
fn votes(month: &Amounts, smb: &SmbCustomers<'_>, partners: usize) -> Vec<(i64, i64)> {
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
