//! Live facts that no score reads: they are compared with those that scores read.

use polars::prelude::{
    DataType, JoinArgs, JoinType, LazyFrame, SortMultipleOptions, UnionArgs, col, concat, lit,
};

use super::LiveFrames;
use super::measures::FactMeasures;
use super::schema::{ACR, ACR_ESTIMATE, LISTED_CREDENTIAL};
use crate::calendar::Month;
use crate::engine;
use crate::engine::bug;
use crate::error::Result;
use crate::money::{MONEY_SCALE, Money};
use crate::tables::COMPARED_DATASETS;

impl LiveFrames<'_> {
    /// What partners (accounts) were billed in a month, at list prices, for customers of whom they
    /// have no Azure consumed revenue in it; sorted by partner and customer. Of several exports of
    /// bills the one with the largest amount counts.
    ///
    /// # Errors
    /// CS6005, CS9001.
    pub fn billed_without_usage(&self, month: Month) -> Result<Vec<(String, Money)>> {
        let of_month = |table, is_wanted: &dyn Fn(&str) -> bool| -> Result<LazyFrame> {
            let frame = self.units(table, &|unit| {
                unit.key.month == Some(month) && is_wanted(&unit.key.dataset)
            })?;
            // Rows of a reseller repeat what the exporter's own say.
            self.rolled_up(frame.filter(col("reseller_id").eq(lit(""))))
        };
        let who = || [col("partner_id"), col("tenant_id")];
        let mut billed = Vec::new();
        for dataset in COMPARED_DATASETS {
            let amount = col("amount").sum().cast(DataType::Decimal(38, MONEY_SCALE));
            let frame = of_month(&ACR_ESTIMATE, &|known| known == dataset)?;
            billed.push(frame.group_by(who()).agg([amount]));
        }
        let billed = concat(billed, UnionArgs::default())
            .map_err(bug)?
            .group_by(who())
            .agg([col("amount").max()])
            .join(of_month(&ACR, &|_| true)?, who(), who(), JoinArgs::new(JoinType::Anti))
            .sort(["partner_id", "tenant_id"], SortMultipleOptions::default());
        let billed = engine::collect(billed, "bills without usage")?;
        let partners = billed.column("partner_id").and_then(|column| column.str()).map_err(bug)?;
        let partners = partners.iter().map(|partner| partner.unwrap_or_default().to_owned());
        Ok(partners.zip(Money::of_frame(&billed)?).collect())
    }

    /// Credentials as the membership page lists them, as [`credentials`](Self::credentials).
    ///
    /// # Errors
    /// CS9001.
    pub fn listed_credentials(&self) -> Result<LazyFrame> {
        self.credentials_of(&LISTED_CREDENTIAL)
    }
}
