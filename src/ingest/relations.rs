//! Who a row is about: the customer, and the partner with its association. Nearly every row repeats
//! what earlier ones said, so each of both and the two together are converted once and remembered by
//! the bytes of their cells.

use hashbrown::{HashMap, HashSet};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::cells::Cells;
use super::describe::{Describer, PartnerSaid};
use super::identity::{Group, Identity};
use super::intern::LocalInterner;
use super::layout::Recognised;
use super::memo::Memo;
use super::memory::{Memory, Memos};
use super::records::Reading;
use super::row::{Partner, Rejection, Who, cell, reseller, text};
use super::shared::Shared;
use super::tally::Tally;
use super::values;
use crate::calendar::Month;
use crate::ids::Attribution;
use crate::rules::AttributionNames;

/// Tell the partner's share of a key from the customer's.
const PARTNER_SEED: u64 = 0x70;
const TENANT_SEED: u64 = 0x74;

/// What a record says of the customer.
struct Customer {
    tenant: u32,
    /// Segment, name, country and industry.
    texts: [u32; 4],
    /// Its share in the identity of the consumption, and of the line.
    key: u64,
    line: u64,
}

/// What a record says of the partner, and how it is associated.
struct Association {
    partner: Partner,
    attribution: Attribution,
    claim: u32,
    reseller: u32,
    is_duplicate: bool,
    /// Its share in the identity of the consumption, and of the line.
    key: u64,
    line: u64,
    /// The attribution's name, where no catalog knows it.
    unknown: Option<String>,
    said: PartnerSaid,
}

/// What a record says of a customer and a partner.
pub(super) struct Relation {
    pub(super) tenant: u32,
    pub(super) partner: Partner,
    pub(super) attribution: Attribution,
    /// Attribution, location, role and type: lines of different claims are not added.
    pub(super) claim: u32,
    pub(super) reseller: u32,
    /// Whether the export says that another line has the same consumption.
    pub(super) is_duplicate: bool,
    /// Its share in the identity of the consumption, and of the line.
    pub(super) key: u64,
    pub(super) line: u64,
    /// Where both are kept.
    customer: usize,
    association: usize,
    /// The unit of the last month.
    unit: Option<(Month, usize)>,
}

/// What a record says of the service.
pub(super) struct Service {
    pub(super) name: u32,
    pub(super) key: u64,
}

/// What was converted before.
pub(super) struct Relatives {
    customers: Memo<Customer>,
    associations: Memo<Association>,
    relations: Memo<Relation>,
    pub(super) services: Memo<Service>,
}

impl Memos for Relatives {
    fn len(&self) -> usize {
        self.relations.len()
    }
}

/// Converts who the records of one file are about.
pub(super) struct Relations<'a> {
    pub(super) who: Who,
    attribution: Option<usize>,
    default_attribution: &'a str,
    role: Option<usize>,
    location: Option<usize>,
    association_type: Option<usize>,
    reseller: Option<usize>,
    duplicate: Option<usize>,
    of_customer: Identity,
    of_association: Identity,
    describer: Describer,
    pub(super) memory: Memory<Relatives>,
    names: &'a AttributionNames,
    pub(super) intern: LocalInterner<'a>,
    /// The unit of an association in a month.
    units: HashMap<(usize, Month), usize>,
    /// Customers that were noted for a partner and a month.
    noted: HashSet<(usize, u32, Month)>,
    scratch: Vec<u8>,
}

impl<'a> Relations<'a> {
    /// For the records of a file; `memory` is that of a file that was written alike.
    pub(super) fn new(
        header: &Recognised<'a>,
        shared: &'a Shared<'a>,
        form: (u8, Reading),
        memory: Option<Memory<Relatives>>,
    ) -> Self {
        let column = |field: &str| header.column(field);
        let of_customer = Identity::of(header, Some(Group::Customer));
        let of_association = Identity::of(header, Some(Group::Association));
        let new = || Relatives {
            customers: Memo::of(&of_customer.columns),
            associations: Memo::of(&of_association.columns),
            relations: Memo::of(&both(&of_customer.columns, &of_association.columns)),
            services: Memo::of(&Identity::of(header, Some(Group::Service)).columns),
        };
        let mut memory = memory.unwrap_or_else(|| Memory::new(header, form, new()));
        // The units are those of the file before.
        memory.memos.relations.values_mut().iter_mut().for_each(|relation| relation.unit = None);
        Self {
            who: Who::new(header),
            attribution: column("attribution"),
            default_attribution: header.layout.default_of("attribution").unwrap_or_default(),
            role: column("role"),
            location: column("location_id"),
            association_type: column("association_type"),
            reseller: column("reseller_id"),
            duplicate: column("duplicate_at_account"),
            of_customer,
            of_association,
            describer: Describer::new(header),
            names: &shared.catalogs.attributions,
            intern: shared.learned.intern.local_with(std::mem::take(&mut memory.texts)),
            memory,
            units: HashMap::new(),
            noted: HashSet::new(),
            scratch: Vec::new(),
        }
    }

    /// Who a record is about, as the place of a [`relation`](Self::relation).
    ///
    /// # Errors
    /// The cell that cannot be read.
    pub(super) fn find(&mut self, cells: &Cells<'_>) -> Result<usize, Rejection> {
        match self.memory.memos.relations.find(cells) {
            Ok(place) => Ok(place),
            Err(fingerprint) => {
                let relation = self.read(cells)?;
                Ok(self.memory.memos.relations.keep(fingerprint, relation))
            }
        }
    }

    /// What a record says of its customer and its partner.
    pub(super) fn relation(&self, place: usize) -> &Relation {
        self.memory.memos.relations.get(place)
    }

    /// The unit of an accepted record in a month; the first time, what it says of its customer and
    /// partner is kept for that month.
    pub(super) fn unit(&mut self, place: usize, month: Month, tally: &mut Tally) -> usize {
        let relation = self.memory.memos.relations.get_mut(place);
        if let Some((known, unit)) = relation.unit
            && known == month
        {
            return unit;
        }
        let customer = self.memory.memos.customers.get(relation.customer);
        let association = self.memory.memos.associations.get(relation.association);
        let partner = &relation.partner;
        if self.noted.insert((relation.customer, partner.id, month)) {
            self.describer.note_customer(month, partner.id, customer.tenant, customer.texts);
        }
        let unit = *self.units.entry((relation.association, month)).or_insert_with(|| {
            tally.unknown_attributions.extend(association.unknown.clone());
            self.describer.note_partner(month, partner, association.said);
            tally.unit(partner.id, Some(month), partner.location)
        });
        relation.unit = Some((month, unit));
        unit
    }

    fn read(&mut self, cells: &Cells<'_>) -> Result<Relation, Rejection> {
        let memory = &mut self.memory.memos;
        if memory.relations.is_full() || memory.customers.is_full() || memory.associations.is_full()
        {
            memory.relations.clear();
            memory.customers.clear();
            memory.associations.clear();
            self.units.clear();
            self.noted.clear();
        }
        let association = match self.memory.memos.associations.find(cells) {
            Ok(association) => association,
            Err(fingerprint) => {
                let association = self.read_association(cells)?;
                self.memory.memos.associations.keep(fingerprint, association)
            }
        };
        let customer = match self.memory.memos.customers.find(cells) {
            Ok(customer) => customer,
            Err(fingerprint) => {
                let customer = self.read_customer(cells)?;
                self.memory.memos.customers.keep(fingerprint, customer)
            }
        };
        let of_association = self.memory.memos.associations.get(association);
        let of_customer = self.memory.memos.customers.get(customer);
        Ok(Relation {
            tenant: of_customer.tenant,
            partner: of_association.partner,
            attribution: of_association.attribution,
            claim: of_association.claim,
            reseller: of_association.reseller,
            is_duplicate: of_association.is_duplicate,
            key: of_customer.key.wrapping_add(of_association.key),
            line: of_customer.line.wrapping_add(of_association.line),
            customer,
            association,
            unit: None,
        })
    }

    fn read_customer(&mut self, cells: &Cells<'_>) -> Result<Customer, Rejection> {
        self.who.tenant(cells, &mut self.scratch)?;
        let tenant = self.intern.id(&self.scratch);
        let key = xxh3_64_with_seed(&tenant.to_le_bytes(), TENANT_SEED);
        Ok(Customer {
            tenant,
            texts: self.describer.customer(cells, &mut self.intern)?,
            key: key.wrapping_add(self.of_customer.key(cells, &mut self.scratch)),
            line: self.of_customer.line(cells, &mut self.scratch),
        })
    }

    fn read_association(&mut self, cells: &Cells<'_>) -> Result<Association, Rejection> {
        let partner = self.who.partner(cells, &mut self.intern, &mut self.scratch)?;
        let reseller = self.intern.id(reseller(cells, self.reseller)?.as_bytes());
        let name = cell(cells, self.attribution);
        let name = match text(&name, "attribution")? {
            "" => self.default_attribution,
            name => name,
        };
        let role = cell(cells, self.role);
        let found = self.names.find(name, text(&role, "role")?);
        let attribution = found.unwrap_or(Attribution::OTHER);
        self.scratch.clear();
        self.scratch.push(u8::try_from(attribution.index()).unwrap_or(u8::MAX));
        self.scratch.extend_from_slice(&cell(cells, self.location));
        self.scratch.push(0x1f);
        self.scratch.extend_from_slice(&role);
        self.scratch.push(0x1f);
        self.scratch.extend_from_slice(&cell(cells, self.association_type));
        let claim = self.intern.id(&self.scratch);
        let key = xxh3_64_with_seed(&partner.id.to_le_bytes(), PARTNER_SEED);
        let line = self.of_association.line(cells, &mut self.scratch);
        Ok(Association {
            attribution,
            claim,
            reseller,
            is_duplicate: values::flag(&cell(cells, self.duplicate)),
            key: key.wrapping_add(self.of_association.key(cells, &mut self.scratch)),
            line: line.wrapping_add(xxh3_64(&reseller.to_le_bytes())),
            unknown: found.is_none().then(|| name.to_owned()),
            said: self.describer.partner(cells, &mut self.intern)?,
            partner,
        })
    }

    /// What the file said, and what the next one that is written alike may go on with.
    pub(super) fn into_parts(self) -> (Describer, Memory<Relatives>) {
        (self.describer, self.memory.with_texts(self.intern.into_known()))
    }
}

/// The columns of both groups, ascending.
fn both(left: &[usize], right: &[usize]) -> Vec<usize> {
    let mut columns = [left, right].concat();
    columns.sort_unstable();
    columns
}
