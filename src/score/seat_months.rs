//! Paid seats and active users of all months that an attempt scores, month by month, each selection
//! made once however many months and sentences look at it.

use std::cell::RefCell;
use std::collections::HashMap;

use polars::prelude::{
    DataFrame, DataType, Expr, JoinArgs, JoinType, LazyFrame, NULL, UnionArgs, col, concat, lit,
};

use super::measure::{bug, listed, meets};
use crate::engine;
use crate::error::Result;
use crate::ids::AttributionSet;

/// The workloads that count (empty means all) and the attributions that do.
type Key = (Vec<String>, AttributionSet);

/// Seats of some months.
pub struct SeatMonths {
    rows: LazyFrame,
    known: RefCell<HashMap<Key, DataFrame>>,
}

impl SeatMonths {
    /// Of `month`, `partner_id`, `tenant_id`, `workload`, `attributions`, `paid_seats`,
    /// `active_users`, `associated_on`: all months that the versions look at.
    pub fn new(rows: LazyFrame) -> Self {
        Self { rows, known: RefCell::default() }
    }

    /// `month`, `partner_id`, `tenant_id`, `workload`, and of the eligible rows `paid_seats` and
    /// `active_users` of the row with the most seats, then users (contract §3, Seats), null where
    /// there is none; the earliest `associated_on`; `has_other` (1 or null): whether there are seats
    /// or users under other associations.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn by_workload(
        &self,
        workloads: &[String],
        associations: AttributionSet,
    ) -> Result<LazyFrame> {
        let key = (workloads.to_vec(), associations);
        if let Some(frame) = self.known.borrow().get(&key) {
            return Ok(engine::lazy(frame.clone()));
        }
        let rows = self.rows.clone().filter(listed("workload", workloads));
        let eligible = rows.clone().filter(meets(associations));
        let has_seats = col("paid_seats").gt(lit(0)).or(col("active_users").gt(lit(0)));
        let no_count = |name: &str| lit(NULL).cast(DataType::Int64).alias(name);
        let no_date = || lit(NULL).cast(DataType::Date).alias("associated_on");
        let no_other = || lit(NULL).cast(DataType::Int32).alias("has_other");
        let [month, partner, tenant, workload] = grain();
        let columns =
            |measures: [Expr; 4]| -> Vec<Expr> { grain().into_iter().chain(measures).collect() };
        let best = best(eligible.clone(), col("month")).select(columns([
            col("paid_seats"),
            col("active_users"),
            no_date(),
            no_other(),
        ]));
        let dates = eligible.group_by(grain()).agg([col("associated_on").min()]).select(columns([
            no_count("paid_seats"),
            no_count("active_users"),
            col("associated_on"),
            no_other(),
        ]));
        let others =
            rows.filter(meets(associations).not().and(has_seats)).group_by(grain()).agg([]).select(
                columns([
                    no_count("paid_seats"),
                    no_count("active_users"),
                    no_date(),
                    lit(1).cast(DataType::Int32).alias("has_other"),
                ]),
            );
        let frame = concat([best, dates, others], UnionArgs::default())
            .map_err(bug)?
            .group_by([month, partner, tenant, workload])
            .agg([
                col("paid_seats").max(),
                col("active_users").max(),
                col("associated_on").min(),
                col("has_other").max(),
            ]);
        let frame = engine::collect(frame, "seats by month")?;
        self.known.borrow_mut().insert(key, frame.clone());
        Ok(engine::lazy(frame))
    }
}

fn grain() -> [Expr; 4] {
    [col("month"), col("partner_id"), col("tenant_id"), col("workload")]
}

/// Of the rows of each partner, tenant, workload and `side` the one with the most paid seats, then
/// active users. Two group-bys instead of a sort within groups: both run in the streaming engine.
pub(super) fn best(rows: LazyFrame, side: Expr) -> LazyFrame {
    let [_, partner, tenant, workload] = grain();
    let of_side = [side, partner, tenant, workload];
    let with_seats: Vec<Expr> = of_side.iter().cloned().chain([col("paid_seats")]).collect();
    let most = rows.clone().group_by(of_side).agg([col("paid_seats").max()]);
    rows.join(most, with_seats.clone(), with_seats.clone(), JoinArgs::new(JoinType::Semi))
        .group_by(with_seats)
        .agg([col("active_users").max()])
}
