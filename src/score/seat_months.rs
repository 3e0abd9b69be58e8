//! Paid seats and active users of all months that an attempt scores, by customer, workload and month.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::customer_rows::{Customer, CustomerRows};
use super::seats::SeatCount;
use crate::calendar::{Day, Month};
use crate::error::Result;
use crate::facts::{NumberedRow, NumberedRows, Seats};
use crate::ids::AttributionSet;

/// Seats of some months and partners.
pub struct SeatMonths<'a> {
    customers: CustomerRows<'a>,
    /// Sorted by customer, workload and month; their names are indexes of the workloads.
    rows: Vec<NumberedRow<Seats>>,
    /// As the catalog names them, sorted.
    workloads: Vec<Arc<str>>,
    /// What sentences have asked for: the months before ask again.
    months: RefCell<HashMap<Asked, Rc<WorkloadMonths>>>,
}

/// Workloads, all where there are none, and associations.
type Asked = (Vec<String>, AttributionSet);

/// The months of some workloads of all customers.
#[derive(Debug, Default)]
struct WorkloadMonths {
    months: Vec<SeatMonth>,
    /// Place of the customer, workload, and where its months end; in order.
    ends: Vec<(usize, usize, usize)>,
}

/// What a customer has of a workload in a month.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeatMonth {
    pub(super) month: Month,
    /// Of the eligible rows the one with the most paid seats, then users (contract §3, Seats); none
    /// when there is none.
    pub(super) best: Option<SeatCount>,
    /// When the first of the eligible associations began.
    pub(super) associated_on: Option<Day>,
    /// Whether there are seats or users under other associations.
    pub(super) has_other: bool,
}

/// What looks at a workload of a customer and its months.
type Visit<'a> = dyn FnMut(Customer<'_>, &Arc<str>, &[SeatMonth]) -> Result<()> + 'a;

impl<'a> SeatMonths<'a> {
    /// Of all months that the versions look at, with the names that a catalog gives to workloads.
    pub fn new(facts: NumberedRows<'a, Seats>, canonical: &dyn Fn(&str) -> String) -> Self {
        let NumberedRows { customers, names, mut rows } = facts;
        let names: Vec<String> = names.iter().map(|name| canonical(&name.delivered)).collect();
        let mut workloads = names.clone();
        workloads.sort_unstable();
        workloads.dedup();
        let ranks: Vec<u32> = names
            .iter()
            .map(|name| workloads.partition_point(|known| known < name))
            .map(|rank| u32::try_from(rank).unwrap_or(u32::MAX))
            .collect();
        for row in &mut rows {
            row.name = ranks[row.name as usize];
        }
        // Files that are in order are merged.
        rows.sort_by_key(|row| (row.customer, row.name, row.month));
        let customers = CustomerRows::new(customers, &rows);
        let workloads = workloads.into_iter().map(Arc::from).collect();
        Self { customers, rows, workloads, months: RefCell::default() }
    }

    /// How many rows of a month each workload has, under any association.
    pub(super) fn rows_by_workload(&self, month: Month) -> Vec<(&str, i64)> {
        let mut rows = vec![0; self.workloads.len()];
        for row in self.rows.iter().filter(|row| row.month == month) {
            rows[row.name as usize] += 1;
        }
        self.workloads.iter().map(|name| &**name).zip(rows).filter(|(_, rows)| *rows > 0).collect()
    }

    /// Visits each workload of each customer, in order, with its months.
    ///
    /// # Errors
    /// What `visit` returns.
    pub(super) fn visit(
        &self,
        workloads: &[String],
        associations: AttributionSet,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        let known = self.workload_months(workloads, associations);
        let mut start = 0;
        for (customer, workload, end) in &known.ends {
            let months = &known.months[start..*end];
            start = *end;
            visit(self.customers.at(*customer), &self.workloads[*workload], months)?;
        }
        Ok(())
    }

    /// The months of some workloads of all customers.
    fn workload_months(
        &self,
        workloads: &[String],
        associations: AttributionSet,
    ) -> Rc<WorkloadMonths> {
        let mut known = self.months.borrow_mut();
        let months = known.entry((workloads.to_vec(), associations)).or_insert_with(|| {
            let is_listed = |name: &Arc<str>| {
                workloads.is_empty() || workloads.iter().any(|known| **known == **name)
            };
            let is_listed: Vec<bool> = self.workloads.iter().map(is_listed).collect();
            let mut found = WorkloadMonths::default();
            for (customer, (_, rows)) in self.customers.of(&self.rows).enumerate() {
                for of_workload in rows.chunk_by(|left, right| left.name == right.name) {
                    let workload = of_workload[0].name as usize;
                    if is_listed[workload] {
                        let start = found.months.len();
                        for row in of_workload {
                            SeatMonth::add(&mut found.months, start, row, associations);
                        }
                        found.ends.push((customer, workload, found.months.len()));
                    }
                }
            }
            Rc::new(found)
        });
        Rc::clone(months)
    }
}

impl SeatMonth {
    /// Adds a row to the months of a workload, those from `start` on, which are in order as the rows
    /// are.
    fn add(
        months: &mut Vec<Self>,
        start: usize,
        row: &NumberedRow<Seats>,
        associations: AttributionSet,
    ) {
        if months[start..].last().is_none_or(|last| last.month != row.month) {
            let month = row.month;
            months.push(Self { month, best: None, associated_on: None, has_other: false });
        }
        let Some(month) = months.last_mut() else { return };
        let Seats { paid, active, associated_on } = row.measures;
        let count = SeatCount { paid, active };
        if row.attributions.meets(associations) {
            month.best = month.best.max(Some(count));
            let known = month.associated_on.into_iter().chain(associated_on);
            month.associated_on = known.min();
        } else {
            month.has_other |= count.is_any();
        }
    }
}
