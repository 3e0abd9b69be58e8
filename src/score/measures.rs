//! The aggregations of a scored month, each made once however many sentences measure the same.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Input;
use super::business::{consumption_value, workload_revenue};
use super::consumption::Eligible;
use super::measure::{Amounts, ServiceAcr};
use super::partners::Partners;
use super::seats::{Wanted, WorkloadSeats, workload_seats};
use crate::error::Result;
use crate::ids::AttributionSet;
use crate::money::Money;
use crate::rules::{Customers, Measure, Rate, Unit, Window};

/// What identifies an aggregation: names, associations, window.
type Key = (Vec<String>, AttributionSet, Window);

/// The aggregations so far.
#[derive(Default)]
pub(super) struct Measures {
    acr: HashMap<Key, Amounts>,
    services: HashMap<Key, ServiceAcr>,
    /// Also by whether the begin of associations is told.
    seats: HashMap<(Key, bool), Vec<WorkloadSeats>>,
    revenue: HashMap<Key, Amounts>,
    /// By rate card.
    values: Vec<(Vec<Rate>, Amounts)>,
}

/// What a sentence measures.
pub(super) enum Measured<'a> {
    Amounts(&'a Amounts),
    Services(&'a ServiceAcr),
    Seats(&'a [WorkloadSeats]),
}

fn key(sentence: &Customers) -> Key {
    (sentence.names.clone(), sentence.associations, sentence.window)
}

impl Measures {
    /// Makes the aggregations that a sentence needs.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn prepare(
        &mut self,
        sentence: &Customers,
        input: &Input<'_>,
        partners: &Partners,
    ) -> Result<()> {
        let Customers { names, associations, window, .. } = sentence;
        let (names, associations, window) = (names.as_slice(), *associations, *window);
        match (sentence.measure, sentence.unit) {
            (Measure::Acr, Unit::Service) => {
                if let Entry::Vacant(slot) = self.services.entry(key(sentence)) {
                    let months = (window, input.reference);
                    let eligible = Eligible { services: names, associations };
                    slot.insert(input.acr.by_service(eligible, months, partners)?);
                }
            }
            (Measure::Acr, _) => {
                self.acr(names, associations, window, input, partners)?;
            }
            (Measure::Seats | Measure::ActiveUsers { .. }, _) => {
                let has_starts = sentence.reads_association();
                if let Entry::Vacant(slot) = self.seats.entry((key(sentence), has_starts)) {
                    let reference = input.reference;
                    let wanted =
                        Wanted { workloads: names, associations, window, reference, has_starts };
                    slot.insert(workload_seats(input.seats, wanted, partners)?);
                }
            }
            (Measure::Revenue, _) => {
                self.revenue(names, associations, input, partners)?;
            }
            (Measure::ConsumptionValue, _) => {
                if self.value(&sentence.rates).is_none() {
                    let (usage, rates) = (&input.usage, sentence.rates.as_slice());
                    let values = consumption_value(usage, rates, input.reference, partners)?;
                    self.values.push((sentence.rates.clone(), values));
                }
            }
        }
        if sentence.minimum_ttm.is_some() {
            self.acr(names, associations, Window::Ttm, input, partners)?;
        }
        Ok(())
    }

    /// What was prepared for a sentence.
    pub(super) fn get(&self, sentence: &Customers) -> Option<Measured<'_>> {
        let key = key(sentence);
        match (sentence.measure, sentence.unit) {
            (Measure::Acr, Unit::Service) => self.services.get(&key).map(Measured::Services),
            (Measure::Acr, _) => self.acr.get(&key).map(Measured::Amounts),
            (Measure::Seats | Measure::ActiveUsers { .. }, _) => {
                let seats = self.seats.get(&(key, sentence.reads_association()));
                seats.map(|seats| Measured::Seats(seats))
            }
            (Measure::Revenue, _) => self.revenue.get(&key).map(Measured::Amounts),
            (Measure::ConsumptionValue, _) => self.value(&sentence.rates).map(Measured::Amounts),
        }
    }

    fn value(&self, rates: &[Rate]) -> Option<&Amounts> {
        self.values.iter().find(|(known, _)| known == rates).map(|(_, values)| values)
    }

    /// Azure consumed revenue of some services by tenant.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn acr(
        &mut self,
        services: &[String],
        associations: AttributionSet,
        window: Window,
        input: &Input<'_>,
        partners: &Partners,
    ) -> Result<&Amounts> {
        let key = (services.to_vec(), associations, window);
        if !self.acr.contains_key(&key) {
            let months = (window, input.reference);
            let eligible = Eligible { services, associations };
            let acr = input.acr.by_tenant(eligible, months, partners)?;
            self.acr.insert(key.clone(), acr);
        }
        self.acr.get(&key).ok_or_else(|| crate::error::Error::bug("an aggregation is missing"))
    }

    /// Revenue of some workloads by tenant and workload, R against R−12.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn revenue(
        &mut self,
        workloads: &[String],
        associations: AttributionSet,
        input: &Input<'_>,
        partners: &Partners,
    ) -> Result<&Amounts> {
        let key = (workloads.to_vec(), associations, Window::Month);
        if !self.revenue.contains_key(&key) {
            let (revenue, reference) = (&input.revenue, input.reference);
            let amounts = workload_revenue(revenue, workloads, associations, reference, partners)?;
            self.revenue.insert(key.clone(), amounts);
        }
        self.revenue.get(&key).ok_or_else(|| crate::error::Error::bug("an aggregation is missing"))
    }

    /// The total of trailing twelve months of what a sentence measures, per partner.
    pub(super) fn ttm_totals(&self, sentence: &Customers, partners: usize) -> Vec<Money> {
        let key = (sentence.names.clone(), sentence.associations, Window::Ttm);
        self.acr.get(&key).map_or_else(Vec::new, |acr| acr.totals(partners))
    }
}
