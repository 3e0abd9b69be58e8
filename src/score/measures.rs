//! The aggregations of a scored month, each made once however many sentences measure the same.

use std::collections::HashMap;

use super::Input;
use super::measure::{
    ServiceAcr, TenantAcr, WorkloadSeats, service_acr, tenant_acr, workload_seats,
};
use super::partners::Partners;
use crate::error::Result;
use crate::ids::AttributionSet;
use crate::money::Money;
use crate::rules::{Customers, Measure, Unit, Window};

/// What identifies an aggregation: names, associations, window.
type Key = (Vec<String>, AttributionSet, Window);

/// The aggregations so far.
#[derive(Default)]
pub(super) struct Measures {
    acr: HashMap<Key, TenantAcr>,
    services: HashMap<Key, ServiceAcr>,
    seats: HashMap<Key, WorkloadSeats>,
}

/// What a sentence measures.
pub(super) enum Measured<'a> {
    Acr(&'a TenantAcr),
    Services(&'a ServiceAcr),
    Seats(&'a WorkloadSeats),
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
        let (services, associations, window) = (names.as_slice(), *associations, *window);
        let key = (names.clone(), associations, window);
        let months = (window, input.reference);
        match (sentence.measure, sentence.unit) {
            (Measure::Acr, Unit::Service) if !self.services.contains_key(&key) => {
                let acr = service_acr(&input.acr, services, associations, months, partners)?;
                self.services.insert(key, acr);
            }
            (Measure::Acr, Unit::Service) => {}
            (Measure::Acr, _) => {
                self.acr(services, associations, window, input, partners)?;
            }
            _ if !self.seats.contains_key(&key) => {
                let seats = workload_seats(&input.seats, services, associations, months, partners)?;
                self.seats.insert(key, seats);
            }
            _ => {}
        }
        if sentence.minimum_ttm.is_some() {
            self.acr(services, associations, Window::Ttm, input, partners)?;
        }
        Ok(())
    }

    /// What was prepared for a sentence.
    pub(super) fn get(&self, sentence: &Customers) -> Option<Measured<'_>> {
        let key = (sentence.names.clone(), sentence.associations, sentence.window);
        match (sentence.measure, sentence.unit) {
            (Measure::Acr, Unit::Service) => self.services.get(&key).map(Measured::Services),
            (Measure::Acr, _) => self.acr.get(&key).map(Measured::Acr),
            _ => self.seats.get(&key).map(Measured::Seats),
        }
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
    ) -> Result<&TenantAcr> {
        let key = (services.to_vec(), associations, window);
        if !self.acr.contains_key(&key) {
            let months = (window, input.reference);
            let acr = tenant_acr(&input.acr, services, associations, months, partners)?;
            self.acr.insert(key.clone(), acr);
        }
        self.acr.get(&key).ok_or_else(|| crate::error::Error::bug("an aggregation is missing"))
    }

    /// The total of trailing twelve months of what a sentence measures, per partner.
    pub(super) fn ttm_totals(&self, sentence: &Customers, partners: usize) -> Vec<Money> {
        let key = (sentence.names.clone(), sentence.associations, Window::Ttm);
        self.acr.get(&key).map_or_else(Vec::new, |acr| acr.totals(partners))
    }
}
