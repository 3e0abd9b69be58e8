//! Collapsed rows to fact files. Rows are sorted by their grain; each partner's rows of a month
//! are hashed, and a unit that an earlier delivery already stored is not stored again.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::acr_facts::AcrFacts;
use super::business::{Business, BusinessKey};
use super::credentials::CredentialRow;
use super::describe::Description;
use super::enrolments::EnrolmentRow;
use super::fact_rows::{Rows, Values};
use super::intern::Texts;
use super::locations::LocationRow;
use super::resellers::ResellerRow;
use super::seats::SeatFacts;
use crate::calendar::Month;
use crate::error::Result;
use crate::facts::{
    ACR, ACR_ESTIMATE, CREDENTIAL, CUSTOMER, ENROLMENT, FactTable, LISTED_CREDENTIAL, LOCATION,
    PARTNER_NAME, RESELLER_NAME, REVENUE, SEATS, TABLES, TENANT_RESELLER, TableSet, USAGE,
    finished,
};
use crate::store::Store;

/// A partner as delivered.
pub(super) type PartnerText = (String, bool);

/// Where a month of facts goes.
pub(super) struct Target<'a> {
    pub(super) facts: &'a Store,
    pub(super) dataset: &'a str,
    pub(super) month: Option<Month>,
    pub(super) sequence: u64,
}

/// What is stored of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct StoredUnit {
    /// Hash of all its rows.
    pub(super) hash: String,
    /// The ledger entry whose files hold them.
    pub(super) stored: u64,
    /// The fact tables that hold them.
    pub(super) tables: TableSet,
}

/// The rows of one month (or snapshot) of one dataset of one delivery.
#[derive(Default)]
pub(super) struct MonthRows {
    acr: Rows,
    estimates: Rows,
    seats: Rows,
    pub(super) customers: Vec<Description>,
    pub(super) partners: Vec<Description>,
    pub(super) resellers: Vec<Description>,
    pub(super) credentials: Vec<CredentialRow>,
    pub(super) listed_credentials: Vec<CredentialRow>,
    pub(super) locations: Vec<LocationRow>,
    pub(super) enrolments: Vec<EnrolmentRow>,
    pub(super) sold: Vec<ResellerRow>,
    pub(super) business: Vec<(BusinessKey, Business)>,
}

impl MonthRows {
    pub(super) fn of_acr(facts: AcrFacts, texts: &Texts) -> Self {
        Self { acr: facts.into_rows(texts), ..Self::default() }
    }

    pub(super) fn of_estimates(facts: AcrFacts, texts: &Texts) -> Self {
        Self { estimates: facts.into_rows(texts), ..Self::default() }
    }

    pub(super) fn of_seats(facts: SeatFacts) -> Self {
        Self { seats: facts.into_rows(), ..Self::default() }
    }

    /// Writes the rows of partners that `known` does not hold with the same hash.
    ///
    /// Returns for each partner what is stored of its unit, and the files, which are not synced.
    ///
    /// # Errors
    /// CS2002.
    pub(super) fn write(
        self,
        target: &Target<'_>,
        texts: &Texts,
        known: &dyn Fn(&PartnerText, &str) -> Option<u64>,
    ) -> Result<(BTreeMap<PartnerText, StoredUnit>, Vec<String>)> {
        let tables = self.tables(texts);
        let mut encoded = Vec::new();
        let mut hashers: BTreeMap<PartnerText, (blake3::Hasher, TableSet)> = BTreeMap::new();
        for (table, rows) in &tables {
            for run in rows.by_partner() {
                let (partner, is_account) = texts.partner(rows.partners[run.start]);
                let (hasher, tables) = hashers.entry((partner.to_owned(), is_account)).or_default();
                tables.insert(table);
                encoded.clear();
                encoded.extend_from_slice(table.name.as_bytes());
                rows.encode(&run, texts, &mut encoded);
                hasher.update(&encoded);
            }
        }
        let mut units = BTreeMap::new();
        let mut kept: HashMap<PartnerText, bool> = HashMap::new();
        for (partner, (hasher, tables)) in hashers {
            let hash = finished(&hasher);
            let stored = known(&partner, &hash);
            kept.insert(partner.clone(), stored.is_none());
            let stored = stored.unwrap_or(target.sequence);
            units.insert(partner, StoredUnit { hash, stored, tables });
        }
        let mut files = Vec::new();
        for (table, mut rows) in tables {
            rows.keep_partners(|partner| {
                let (partner, is_account) = texts.partner(partner);
                kept.get(&(partner.to_owned(), is_account)).copied().unwrap_or_default()
            });
            if !rows.partners.is_empty() {
                files.push(rows.write(target, table, texts)?);
            }
        }
        Ok((units, files))
    }

    /// The rows of each table, sorted by all their values.
    fn tables(self, texts: &Texts) -> Vec<(&'static FactTable, Rows)> {
        let Self { locations, .. } = &self;
        let (credentials, listed) = (people(&self.credentials), people(&self.listed_credentials));
        let locations = Rows::new(
            column(locations, |row| row.partner),
            vec![
                Values::Text(column(locations, |row| row.location)),
                Values::Text(column(locations, |row| row.account)),
                Values::Text(column(locations, |row| row.name)),
                Values::Text(column(locations, |row| row.account_name)),
                Values::Text(column(locations, |row| row.country)),
            ],
        );
        let enrolments = Rows::new(
            column(&self.enrolments, |row| row.partner),
            vec![
                Values::Text(column(&self.enrolments, |row| row.area)),
                Values::Date(column(&self.enrolments, |row| Some(row.anniversary_on))),
                Values::Date(column(&self.enrolments, |row| row.last_renewal_on)),
            ],
        );
        let customers =
            smallest(&self.customers, texts, |texts| (texts[0], [texts[1], texts[2], texts[3]]));
        let customers = Rows::new(
            column(&customers, |((partner, _, _), _)| *partner),
            vec![
                Values::Text(column(&customers, |((_, tenant, _), _)| *tenant)),
                Values::Text(column(&customers, |((_, _, segment), _)| *segment)),
                Values::Text(column(&customers, |(_, said)| said[0])),
                Values::Text(column(&customers, |(_, said)| said[1])),
                Values::Text(column(&customers, |(_, said)| said[2])),
            ],
        );
        let partners =
            smallest(&self.partners, texts, |texts| (texts[3], [texts[0], texts[1], texts[2]]));
        let partners = Rows::new(
            column(&partners, |((partner, _, _), _)| *partner),
            vec![
                Values::Text(column(&partners, |((_, location, _), _)| *location)),
                Values::Text(column(&partners, |(_, said)| said[0])),
                Values::Text(column(&partners, |(_, said)| said[1])),
            ],
        );
        let names = smallest(&self.resellers, texts, |said| (said[3], [said[0], said[3], said[3]]));
        let resellers = Rows::new(
            column(&names, |((partner, _, _), _)| *partner),
            vec![
                Values::Text(column(&names, |((_, reseller, _), _)| *reseller)),
                Values::Text(column(&names, |(_, said)| said[0])),
            ],
        );
        let sold = Rows::new(
            column(&self.sold, |row| row.partner),
            vec![
                Values::Text(column(&self.sold, |row| row.tenant)),
                Values::Text(column(&self.sold, |row| row.subscription)),
                Values::Text(column(&self.sold, |row| row.reseller)),
            ],
        );
        let (revenue, usage): (Vec<_>, Vec<_>) =
            self.business.iter().partition(|(_, values)| values.is_revenue);
        let revenue = Rows::new(
            column(&revenue, |(key, _)| key.partner),
            vec![
                Values::Text(column(&revenue, |(key, _)| key.tenant)),
                Values::Text(column(&revenue, |(key, _)| key.workload)),
                Values::Mask(column(&revenue, |(key, _)| key.attribution.set().0)),
                Values::Money(column(&revenue, |(_, values)| values.revenue.0)),
            ],
        );
        let usage = Rows::new(
            column(&usage, |(key, _)| key.partner),
            vec![
                Values::Text(column(&usage, |(key, _)| key.tenant)),
                Values::Text(column(&usage, |(key, _)| key.workload)),
                Values::Text(column(&usage, |(key, _)| key.metric_type)),
                Values::Mask(column(&usage, |(key, _)| key.attribution.set().0)),
                Values::Int64(column(&usage, |(_, values)| values.active_users)),
                Values::Int64(column(&usage, |(_, values)| values.attributed_users)),
                Values::Int64(column(&usage, |(_, values)| values.capacity)),
            ],
        );
        let tables = [
            (&ACR, self.acr),
            (&SEATS, self.seats),
            (&CREDENTIAL, credentials),
            (&CUSTOMER, customers),
            (&PARTNER_NAME, partners),
            (&LOCATION, locations),
            (&TENANT_RESELLER, sold),
            (&RESELLER_NAME, resellers),
            (&REVENUE, revenue),
            (&USAGE, usage),
            (&ENROLMENT, enrolments),
            (&ACR_ESTIMATE, self.estimates),
            (&LISTED_CREDENTIAL, listed),
        ];
        debug_assert_eq!(tables.len(), TABLES.len(), "a fact table is not written");
        let is_filled = |(_, rows): &(&FactTable, Rows)| !rows.partners.is_empty();
        let mut tables: Vec<(&'static FactTable, Rows)> =
            tables.into_iter().filter(is_filled).collect();
        for (_, rows) in &mut tables {
            rows.sort(texts);
        }
        tables
    }
}

fn people(rows: &[CredentialRow]) -> Rows {
    Rows::new(
        column(rows, |row| row.partner),
        vec![
            Values::Person(column(rows, |row| row.person_key)),
            Values::Text(column(rows, |row| row.title)),
            Values::Text(column(rows, |row| row.kind)),
            Values::Date(column(rows, |row| Some(row.earned_on))),
            Values::Date(column(rows, |row| row.expires_on)),
            Values::Boolean(column(rows, |row| row.is_expiry_known)),
            Values::Text(column(rows, |row| row.status)),
        ],
    )
}

fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// Partner, subject and a grain column with three texts.
type Said = ((u32, u32, u32), [u32; 3]);

/// Of all descriptions with one grain the bytewise smallest text of each column that is not blank.
fn smallest(
    described: &[Description],
    texts: &Texts,
    split: impl Fn([u32; 4]) -> (u32, [u32; 3]),
) -> Vec<Said> {
    let mut smallest: HashMap<(u32, u32, u32), [u32; 3]> = HashMap::new();
    for row in described {
        let (grain, values) = split(row.texts);
        let slots = smallest.entry((row.partner, row.subject, grain)).or_insert(values);
        for (slot, value) in slots.iter_mut().zip(values) {
            let is_blank = |id: u32| texts.bytes(id).is_empty();
            if is_blank(*slot) || !is_blank(value) && texts.rank(value) < texts.rank(*slot) {
                *slot = value;
            }
        }
    }
    smallest.into_iter().collect()
}
