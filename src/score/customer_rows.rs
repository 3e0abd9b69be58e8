//! The customers of numbered rows, and where the rows of each lie.

use std::sync::Arc;

use crate::facts::NumberedRow;

/// Customers in order.
pub(super) struct CustomerRows<'c> {
    customers: &'c [(String, String)],
    tenants: Vec<Arc<str>>,
    /// Where the rows of each customer begin, and where the last ones end.
    starts: Vec<usize>,
}

/// A customer of a partner.
#[derive(Clone, Copy)]
pub(super) struct Customer<'a> {
    pub(super) partner: &'a str,
    pub(super) tenant: &'a Arc<str>,
}

impl<'c> CustomerRows<'c> {
    /// Of partners and tenants in order, and rows in the order of their customers.
    pub(super) fn new<M>(customers: &'c [(String, String)], rows: &[NumberedRow<M>]) -> Self {
        let starts = (0..=customers.len())
            .map(|customer| rows.partition_point(|row| (row.customer as usize) < customer))
            .collect();
        let tenants = customers.iter().map(|(_, tenant)| Arc::from(tenant.as_str())).collect();
        Self { customers, tenants, starts }
    }

    /// The customer at a place.
    pub(super) fn at(&self, place: usize) -> Customer<'_> {
        Customer { partner: &self.customers[place].0, tenant: &self.tenants[place] }
    }

    /// Each customer.
    pub(super) fn all(&self) -> impl Iterator<Item = Customer<'_>> {
        let customers = self.customers.iter().zip(&self.tenants);
        customers.map(|((partner, _), tenant)| Customer { partner, tenant })
    }

    /// Each customer with its rows.
    pub(super) fn of<'a, M>(
        &'a self,
        rows: &'a [NumberedRow<M>],
    ) -> impl Iterator<Item = (Customer<'a>, &'a [NumberedRow<M>])> {
        self.all()
            .zip(self.starts.windows(2))
            .map(|(customer, ends)| (customer, rows.get(ends[0]..ends[1]).unwrap_or_default()))
    }
}
