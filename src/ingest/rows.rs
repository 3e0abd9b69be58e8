//! The records of one file, converted by the reader of its family.

use super::acr::AcrReader;
use super::business::BusinessReader;
use super::cells::Cells;
use super::credentials::CredentialReader;
use super::customers::CustomerReader;
use super::describe::Describer;
use super::enrolments::EnrolmentReader;
use super::layout::{Family, Recognised, dataset_index};
use super::locations::LocationReader;
use super::reader::{FileResult, FileTask};
use super::records::Reading;
use super::resellers::ResellerReader;
use super::row::{Rejection, Who};
use super::seats::SeatReader;
use super::shared::{Learned, Shared};
use crate::error::Result;
use crate::facts::Erased;

/// The reader of a family at work.
pub(super) enum Rows<'a> {
    Acr(Box<AcrReader<'a>>),
    Seats(Box<SeatReader<'a>>),
    Credentials(Box<CredentialReader<'a>>),
    Locations(Box<LocationReader<'a>>),
    Customers(Box<CustomerReader<'a>>),
    Resellers(Box<ResellerReader<'a>>),
    Business(Box<BusinessReader<'a>>),
    Enrolments(Box<EnrolmentReader<'a>>),
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        shared: &'a Shared<'a>,
        header: &Recognised<'a>,
        form: (u8, Reading),
        remembers: bool,
        task: &FileTask,
        slot: u32,
    ) -> Self {
        let dataset = dataset_index(&header.layout.dataset);
        let learned = shared.learned;
        let relatives = || remembers.then(|| learned.relatives.take(header, form)).flatten();
        let people = || remembers.then(|| learned.people.take(header, form)).flatten();
        let intern = shared.learned.intern.local();
        match header.layout.family {
            Family::Acr | Family::Estimates => Rows::Acr(Box::new(AcrReader::new(
                header,
                shared,
                form,
                relatives(),
                task.delivery,
                dataset,
                slot,
            ))),
            Family::Seats => Rows::Seats(Box::new(SeatReader::new(
                header,
                shared,
                form,
                relatives(),
                task.delivery,
                dataset,
                slot,
            ))),
            Family::Credentials | Family::ListedCredentials => {
                Rows::Credentials(Box::new(CredentialReader::new(header, shared, form, people())))
            }
            Family::Locations => Rows::Locations(Box::new(LocationReader::new(header, intern))),
            Family::Customers => Rows::Customers(Box::new(CustomerReader::new(header, intern))),
            Family::Resellers => Rows::Resellers(Box::new(ResellerReader::new(header, intern))),
            Family::Revenue | Family::Usage => {
                Rows::Business(Box::new(BusinessReader::new(header, shared.catalogs, intern)))
            }
            Family::Enrolments => Rows::Enrolments(Box::new(EnrolmentReader::new(header, intern))),
        }
    }

    /// Whether a record is about somebody who was erased.
    pub(super) fn is_erased(
        &self,
        cells: &Cells<'_>,
        who: &Who,
        erased: &Erased,
        scratch: &mut Vec<u8>,
    ) -> bool {
        match self {
            Rows::Credentials(rows) => {
                rows.person_key(cells).is_some_and(|key| erased.has_person(&key))
            }
            Rows::Locations(_) | Rows::Enrolments(_) => false,
            _ => who.tenant(cells, scratch).is_ok() && erased.has_tenant(scratch),
        }
    }

    /// Converts one record; why it is rejected, if it is.
    pub(super) fn read(&mut self, cells: &Cells<'_>) -> Result<Option<Rejection>> {
        match self {
            Rows::Acr(rows) => rows.read(cells),
            Rows::Seats(rows) => rows.read(cells),
            Rows::Credentials(rows) => Ok(rows.read(cells).err()),
            Rows::Locations(rows) => Ok(rows.read(cells).err()),
            Rows::Customers(rows) => Ok(rows.read(cells).err()),
            Rows::Resellers(rows) => Ok(rows.read(cells).err()),
            Rows::Business(rows) => Ok(rows.read(cells).err()),
            Rows::Enrolments(rows) => Ok(rows.read(cells).err()),
        }
    }

    /// Drops what a reading said that does not count; what it learned goes on.
    pub(super) fn give_up(self, shared: &Shared<'_>, remembers: bool) {
        if !remembers {
            return;
        }
        let Learned { relatives, people, .. } = shared.learned;
        match self {
            Rows::Acr(rows) => relatives.keep(rows.into_parts().2),
            Rows::Seats(rows) => relatives.keep(rows.into_parts().2),
            Rows::Credentials(rows) => people.keep(rows.into_memory()),
            _ => {}
        }
    }

    /// Hands over what the file said; whether its credentials lack an expiry.
    ///
    /// # Errors
    /// CS2002 when lines cannot be spilled.
    pub(super) fn finish(
        self,
        result: &mut FileResult,
        shared: &Shared<'_>,
        remembers: bool,
    ) -> Result<bool> {
        let mut lacks_expiry = false;
        let mut described = None;
        match self {
            Rows::Acr(mut rows) => {
                rows.finish()?;
                let (describer, tally, memory) = rows.into_parts();
                // Nothing that is published knows the customers of estimates.
                described = (result.family == Some(Family::Acr)).then_some(describer);
                result.tally = tally;
                if remembers {
                    shared.learned.relatives.keep(memory);
                }
            }
            Rows::Seats(mut rows) => {
                rows.finish()?;
                let (describer, tally, memory) = rows.into_parts();
                described = Some(describer);
                result.tally = tally;
                if remembers {
                    shared.learned.relatives.keep(memory);
                }
            }
            Rows::Credentials(mut rows) => {
                lacks_expiry = rows.lacks_expiry();
                result.credentials = std::mem::take(&mut rows.rows);
                result.tally = std::mem::take(&mut rows.tally);
                if remembers {
                    shared.learned.people.keep(rows.into_memory());
                }
            }
            Rows::Customers(rows) => {
                described = Some(rows.describer);
                result.tally = rows.tally;
            }
            Rows::Locations(rows) => {
                result.locations = rows.rows;
                result.tally = rows.tally;
            }
            Rows::Business(rows) => {
                described = Some(rows.describer);
                result.business = rows.rows;
                result.tally = rows.tally;
            }
            Rows::Enrolments(rows) => {
                result.enrolments = rows.rows;
                result.tally = rows.tally;
            }
            Rows::Resellers(rows) => {
                described = Some(rows.describer);
                result.sold = rows.rows.into_iter().collect();
                result.tally = rows.tally;
            }
        }
        if let Some(Describer { customers, partners, resellers, .. }) = described {
            result.customers = customers.into_iter().collect();
            result.partners = partners.into_iter().collect();
            result.resellers = resellers.into_iter().collect();
        }
        Ok(lacks_expiry)
    }
}
