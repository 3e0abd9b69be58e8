//! Azure consumed revenue of all months that an attempt scores, added up for a window as a sentence
//! asks for it: one pass over rows that lie by customer and month.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::customer_rows::{Customer, CustomerRows};
use super::measure::{Amounts, ServiceAcr, Sides};
use super::partners::{Indexes, Partners};
use crate::calendar::Month;
use crate::error::{Error, Result};
use crate::facts::{FactName, NumberedRow, NumberedRows};
use crate::ids::AttributionSet;
use crate::money::Money;
use crate::rules::Window;

/// Service names that say nothing.
const NO_SERVICE: [&str; 10] = [
    "",
    "-",
    "n/a",
    "na",
    "none",
    "not applicable",
    "null",
    "unassigned",
    "unknown",
    crate::rules::UNMAPPED,
];

/// Azure consumed revenue of some partners.
pub struct Consumption<'a> {
    customers: CustomerRows<'a>,
    rows: Vec<NumberedRow<Money>>,
    delivered: &'a [FactName],
    /// The catalog's names of the services.
    services: Vec<String>,
    /// The first month that the rows are complete from; none when there is nothing older.
    first: Option<Month>,
    /// What sentences have asked for: the months before ask again.
    months: RefCell<HashMap<Asked, Rc<CustomerMonths>>>,
}

/// Services and associations, as [`Eligible`].
type Asked = (Vec<String>, AttributionSet);

/// Which consumption counts.
#[derive(Clone, Copy)]
pub(super) struct Eligible<'a> {
    /// The services; none means all.
    pub(super) services: &'a [String],
    /// The associations.
    pub(super) associations: AttributionSet,
}

/// The months of all customers that have a row of some services.
#[derive(Debug, Default)]
struct CustomerMonths {
    /// Of the customers in order.
    months: Vec<CustomerMonth>,
    /// Where those of each customer end.
    ends: Vec<usize>,
}

/// What one customer consumed in one month.
#[derive(Debug, Clone, Copy)]
pub(super) struct CustomerMonth {
    /// Of eligible rows; zero when there are none.
    amount: Money,
    pub(super) month: Month,
    /// Whether there are eligible rows.
    is_eligible: bool,
    /// Whether there are amounts under other attributions.
    pub(super) has_other: bool,
    /// The attributions of the eligible rows.
    pub(super) attributions: AttributionSet,
}

/// One side of a window while its months are added.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    amount: Option<Money>,
    months: i32,
    has_amount: bool,
    has_other: bool,
}

impl Side {
    fn add(&mut self, window: Window, of: CustomerMonth) {
        self.has_other |= of.has_other;
        let Some(amount) = of.amount() else { return };
        self.months += 1;
        self.has_amount |= amount != Money::ZERO;
        self.amount = Some(match (window, self.amount) {
            (_, None) => amount,
            (Window::EitherOfTwoMonths, Some(known)) => known.max(amount),
            (Window::Month | Window::Ttm, Some(known)) => known + amount,
        });
    }

    /// Of two months one without a row is 0, and so larger than a credit in the other one.
    fn settled(self, window: Window) -> Money {
        let amount = self.amount.unwrap_or_default();
        let has_absent = window == Window::EitherOfTwoMonths && self.months < 2;
        if has_absent { amount.max(Money::ZERO) } else { amount }
    }
}

impl<'a> Consumption<'a> {
    /// Of rows that are complete from the month `first`, with the names that a catalog gives to
    /// services.
    pub fn new(
        facts: NumberedRows<'a, Money>,
        first: Option<Month>,
        canonical: &dyn Fn(&str) -> String,
    ) -> Self {
        let NumberedRows { customers, names, mut rows } = facts;
        // Files that are in order are merged.
        rows.sort_by_key(|row| (row.customer, row.month));
        let services = names.iter().map(|name| canonical(&name.delivered)).collect();
        let customers = CustomerRows::new(customers, &rows);
        let months = RefCell::default();
        Self { customers, rows, delivered: names, services, first, months }
    }

    /// The exporters' own consumption from one month to another by service as delivered, sorted.
    pub fn by_delivered_service(&self, first: Month, last: Month) -> Vec<(&'a str, Money)> {
        let mut amounts = vec![None; self.delivered.len()];
        for row in self.rows.iter().filter(|row| (first..=last).contains(&row.month)) {
            *amounts[row.name as usize].get_or_insert(Money::ZERO) += row.measures;
        }
        let delivered: &'a [FactName] = self.delivered;
        let own = delivered.iter().zip(amounts).filter(|(name, _)| !name.is_credited);
        own.filter_map(|(name, amount)| Some((name.delivered.as_str(), amount?))).collect()
    }

    fn reach(&self, first: Month) -> Result<()> {
        if let Some(known) = self.first.filter(|known| first < *known) {
            let text = format!("consumption of {first} is looked at and known from {known}");
            return Err(Error::bug(text));
        }
        Ok(())
    }

    /// Whether each service counts.
    fn listed(&self, services: &[String]) -> Vec<bool> {
        let is_listed = |name| services.is_empty() || services.contains(name);
        self.services.iter().map(is_listed).collect()
    }

    /// Visits every customer with its months from `first` to `last` that have a row of the services.
    ///
    /// # Errors
    /// CS9001 when the rows do not reach back to `first`.
    pub(super) fn visit(
        &self,
        eligible: Eligible<'_>,
        (first, last): (Month, Month),
        visit: &mut dyn FnMut(Customer<'_>, &[CustomerMonth]) -> Result<()>,
    ) -> Result<()> {
        self.reach(first)?;
        let known = self.customer_months(eligible);
        let mut start = 0;
        for (customer, end) in self.customers.all().zip(&known.ends) {
            let months = &known.months[start..*end];
            start = *end;
            let from = months.partition_point(|known| known.month < first);
            let until = months.partition_point(|known| known.month <= last);
            if from < until {
                visit(customer, &months[from..until])?;
            }
        }
        Ok(())
    }

    /// The months of all customers that have a row of the services.
    fn customer_months(&self, eligible: Eligible<'_>) -> Rc<CustomerMonths> {
        let key = (eligible.services.to_vec(), eligible.associations);
        let mut known = self.months.borrow_mut();
        let months = known.entry(key).or_insert_with(|| {
            let is_listed = self.listed(eligible.services);
            let mut found = CustomerMonths::default();
            for (_, rows) in self.customers.of(&self.rows) {
                let start = found.months.len();
                for row in rows.iter().filter(|row| is_listed[row.name as usize]) {
                    CustomerMonth::add(&mut found.months, start, row, eligible.associations);
                }
                found.ends.push(found.months.len());
            }
            Rc::new(found)
        });
        Rc::clone(months)
    }

    /// By customer, both sides of a window at R.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn by_tenant(
        &self,
        eligible: Eligible<'_>,
        (window, reference): (Window, Month),
        partners: &Partners,
    ) -> Result<Amounts> {
        let sides = Sides::new(window, reference);
        let is_in = |(first, last): (Month, Month), month| (first..=last).contains(&month);
        let mut found = Amounts::default();
        let mut indexes = Indexes::new(partners);
        let range = (sides.baseline.0, sides.current.1);
        self.visit(eligible, range, &mut |customer, months| {
            let (mut current, mut baseline) = (Side::default(), Side::default());
            for month in months {
                if is_in(sides.current, month.month) {
                    current.add(window, *month);
                } else if is_in(sides.baseline, month.month) {
                    baseline.add(window, *month);
                }
            }
            let (now, before) = (current.settled(window), baseline.settled(window));
            if now == Money::ZERO && before == Money::ZERO {
                return Ok(());
            }
            found.partner.push(indexes.of(customer.partner)?);
            found.tenant.push(Arc::clone(customer.tenant));
            found.workload.push(String::new());
            found.current.push(now);
            found.baseline.push(before);
            found.has_baseline.push(baseline.has_amount);
            found.other_current.push(current.has_other);
            found.other_baseline.push(baseline.has_other);
            Ok(())
        })?;
        Ok(found)
    }

    /// By partner and service, in the current side of a window at R.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn by_service(
        &self,
        eligible: Eligible<'_>,
        (window, reference): (Window, Month),
        partners: &Partners,
    ) -> Result<ServiceAcr> {
        let (first, last_month) = Sides::new(window, reference).current;
        self.reach(first)?;
        let is_listed = self.listed(eligible.services);
        // Names of one catalog name, and names that say nothing.
        let mut named: Vec<&str> = self.services.iter().map(String::as_str).collect();
        named.sort_unstable();
        named.dedup();
        let place = |name: &String| {
            let is_named = !NO_SERVICE.contains(&name.as_str());
            is_named.then(|| named.partition_point(|known| *known < name.as_str()))
        };
        let places: Vec<Option<usize>> = self
            .services
            .iter()
            .zip(is_listed)
            .map(|(name, is_listed)| place(name).filter(|_| is_listed))
            .collect();
        let mut found = ServiceAcr::default();
        let mut sums = vec![Money::ZERO; named.len()];
        let mut take = |partner: usize, sums: &mut [Money]| {
            for (service, sum) in named.iter().zip(sums) {
                let amount = std::mem::take(sum);
                if amount != Money::ZERO {
                    found.partner.push(partner);
                    found.service.push((*service).to_owned());
                    found.amount.push(amount);
                }
            }
        };
        let mut indexes = Indexes::new(partners);
        let mut last = None;
        for (customer, rows) in self.customers.of(&self.rows) {
            let counted = within(rows, first, last_month).iter().filter_map(|row| {
                let place = places[row.name as usize]?;
                row.attributions.meets(eligible.associations).then_some((place, row.measures))
            });
            let mut counted = counted.peekable();
            if counted.peek().is_none() {
                continue;
            }
            let partner = indexes.of(customer.partner)?;
            if let Some(last) = last.replace(partner).filter(|last| *last != partner) {
                take(last, &mut sums);
            }
            counted.for_each(|(place, amount)| sums[place] += amount);
        }
        if let Some(last) = last {
            take(last, &mut sums);
        }
        Ok(found)
    }
}

impl CustomerMonth {
    /// Of eligible rows, none when there are none.
    pub(super) fn amount(&self) -> Option<Money> {
        self.is_eligible.then_some(self.amount)
    }

    /// Adds a row to the months of a customer, those from `start` on, which are in order as the rows
    /// are.
    fn add(
        months: &mut Vec<Self>,
        start: usize,
        row: &NumberedRow<Money>,
        associations: AttributionSet,
    ) {
        if months[start..].last().is_none_or(|last| last.month != row.month) {
            months.push(Self {
                amount: Money::ZERO,
                month: row.month,
                is_eligible: false,
                has_other: false,
                attributions: AttributionSet::EMPTY,
            });
        }
        let Some(month) = months.last_mut() else { return };
        if row.attributions.meets(associations) {
            month.is_eligible = true;
            month.amount += row.measures;
            month.attributions = month.attributions.union(row.attributions);
        } else {
            month.has_other |= row.measures != Money::ZERO;
        }
    }
}

/// The rows of one customer from one month to another.
fn within(rows: &[NumberedRow<Money>], first: Month, last: Month) -> &[NumberedRow<Money>] {
    let from = rows.partition_point(|row| row.month < first);
    let until = rows.partition_point(|row| row.month <= last);
    rows.get(from..until).unwrap_or_default()
}
