//! Rows of Azure consumed revenue: conversion of a record, and the collapse of the lines of one
//! consumption into facts.

use bytemuck::{Pod, Zeroable};
use hashbrown::HashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128, xxh3_128_with_seed};

use super::buckets::{BucketKey, Buckets, SHARDS};
use super::describe::{Described, Describer};
use super::estimate::Estimate;
use super::intern::{Known, LocalInterner};
use super::layout::{CellType, Recognised};
use super::memo::Memo;
use super::records::{Cells, Reading};
use super::row::{Partner, Rejection, Who, amount, cell, reseller, text};
use super::shared::Shared;
use super::tally::Tally;
use super::values;
use crate::calendar::Month;
use crate::error::Result;
use crate::ids::Attribution;
use crate::money::Money;
use crate::rules::AttributionNames;

/// One accepted line, as integers. Plain bytes, so that it can be spilled.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct AcrLine {
    /// 128-bit hash of the columns that identify the consumption.
    pub(super) key: [u64; 2],
    /// Hash of all cells.
    pub(super) line: u64,
    amount: [u64; 2],
    pub(super) partner: u32,
    pub(super) tenant: u32,
    pub(super) service: u32,
    pub(super) reseller: u32,
    pub(super) claim: u32,
    pub(super) attribution: u32,
    /// Slot of the file.
    pub(super) file: u32,
    padding: u32,
}

/// Converts the records of one file. Nearly every record repeats what earlier ones said of the
/// partner, the customer and the association, and of the service: both are converted once and
/// remembered by the bytes of their cells. Per record there remain the month, the numbers, and the
/// columns that nobody knows.
pub(super) struct AcrReader<'a> {
    who: Who,
    month: Option<usize>,
    service: Option<usize>,
    service_prefix: &'a str,
    attribution: Option<usize>,
    default_attribution: &'a str,
    role: Option<usize>,
    location: Option<usize>,
    association: Option<usize>,
    reseller: Option<usize>,
    duplicate: Option<usize>,
    amount: Option<usize>,
    /// Where no column holds the amount.
    estimate: Option<Estimate>,
    describer: Describer,
    memory: Memory,
    /// The columns of each group that identify the consumption, with their place in the key.
    relation_key: Vec<KeyColumn>,
    service_key: Vec<KeyColumn>,
    /// The columns of each group, and of none, that tell lines of one consumption apart.
    relation_rest: Vec<RestColumn>,
    other_rest: Vec<RestColumn>,
    /// The last month, by its cell.
    last_month: (Vec<u8>, Option<Month>),
    /// The unit of a relation in a month.
    units: HashMap<(usize, Month), usize>,
    names: &'a AttributionNames,
    intern: LocalInterner<'a>,
    lines: &'a Buckets<AcrLine>,
    pending: Vec<(Month, Vec<Vec<AcrLine>>)>,
    delivery: usize,
    dataset: usize,
    file: u32,
    scratch: Vec<u8>,
    tally: Tally,
}

/// What was converted before. Files that are written alike share it, one after the other.
pub(super) struct Memory {
    /// What cells mean beside their own text: [`Memory::meaning`].
    header: Vec<String>,
    /// The bytes of cells mean the same only by the same delimiter and reader.
    form: (u8, Reading),
    relations: Memo<Relation>,
    services: Memo<Service>,
    texts: Known,
}

impl Memory {
    /// The layout, the fields of the columns, and the partner whose file it is where no cell says so.
    fn meaning<'h>(header: &'h Recognised<'_>) -> impl Iterator<Item = &'h String> {
        std::iter::once(&header.layout.id).chain(&header.fields).chain(&header.partner)
    }

    /// Whether a file with this header and form may go on with it.
    pub(super) fn fits(&self, header: &Recognised<'_>, form: (u8, Reading)) -> bool {
        self.form == form && self.header.iter().eq(Self::meaning(header))
    }
}

/// A column that identifies the consumption.
struct KeyColumn {
    at: usize,
    /// Its place in the key.
    place: u64,
    cell_type: Option<CellType>,
}

/// A column that is part of a line's identity beside the key.
struct RestColumn {
    at: usize,
    /// Hash of its field.
    seed: u64,
    cell_type: Option<CellType>,
}

/// What a record says of partner, customer and association.
struct Relation {
    partner: Partner,
    tenant: u32,
    reseller: u32,
    claim: u32,
    attribution: u32,
    key: u128,
    line: u64,
    described: Described,
    /// Whether the export says that another line has the same consumption.
    is_duplicate: bool,
    /// The attribution's name, where no catalog knows it.
    unknown: Option<String>,
    /// The unit of the last month.
    unit: Option<(Month, usize)>,
}

/// What a record says of the service.
struct Service {
    name: u32,
    key: u128,
}

const PENDING: usize = 512;

/// Whether a field is about partner, customer or association, also where a layout tells
/// consumptions apart by it.
fn is_relation(field: &str) -> bool {
    const FIELDS: [&str; 16] = [
        "subscription_id",
        "account_id",
        "location_id",
        "partner_name",
        "partner_country",
        "tenant_id",
        "tpid",
        "segment",
        "customer_name",
        "customer_country",
        "industry",
        "attribution",
        "role",
        "association_type",
        "reseller_id",
        "reseller_name",
    ];
    FIELDS.contains(&field)
}

impl<'a> AcrReader<'a> {
    pub(super) fn new(
        header: &Recognised<'a>,
        shared: &'a Shared<'a>,
        form: (u8, Reading),
        memory: Option<Memory>,
        delivery: usize,
        dataset: usize,
        file: u32,
    ) -> Self {
        let column = |field: &str| header.column(field);
        // Columns that the key or the conversion puts into the line's identity in canonical form.
        let canonical = ["month", "account_id", "tenant_id", "amount", "reseller_id"].map(column);
        let (mut relation, mut service) = (Vec::new(), Vec::new());
        let (mut relation_key, mut service_key) = (Vec::new(), Vec::new());
        let (mut relation_rest, mut other_rest) = (Vec::new(), Vec::new());
        for (at, field) in header.fields.iter().enumerate() {
            let is_known = header.column(field) == Some(at);
            let cell_type = header.layout.type_of(field);
            let is_single = matches!(cell_type, Some(CellType::Number | CellType::Month));
            let place = header.layout.key.iter().position(|key| key == field);
            let is_key = is_known && place.is_some();
            let rest = RestColumn { at, seed: header.seed(at), cell_type };
            // The customer's subscriptions are as many as its services are few.
            let is_service = is_known && (is_key || field == "service") && !is_relation(field);
            let is_relation = is_known && !is_service && (is_key || !is_single);
            if is_service {
                service.push(at);
            } else if is_relation {
                relation.push(at);
            }
            if let Some(place) = place.filter(|_| is_known) {
                let key = if is_service { &mut service_key } else { &mut relation_key };
                key.push(KeyColumn { at, place: place as u64 + 1, cell_type });
            } else if is_relation && !canonical.contains(&Some(at)) {
                relation_rest.push(rest);
            } else if !is_relation && !canonical.contains(&Some(at)) {
                other_rest.push(rest);
            }
        }
        let mut memory = memory.unwrap_or_else(|| Memory {
            header: Memory::meaning(header).cloned().collect(),
            form,
            relations: Memo::of(&relation),
            services: Memo::of(&service),
            texts: Known::default(),
        });
        // Units are those of the file before.
        memory.relations.values_mut().iter_mut().for_each(|relation| relation.unit = None);
        let intern = shared.intern.local_with(std::mem::take(&mut memory.texts));
        Self {
            who: Who::new(header),
            month: column("month"),
            service: column("service"),
            service_prefix: header.layout.prefix_of("service"),
            attribution: column("attribution"),
            default_attribution: header.layout.default_of("attribution").unwrap_or_default(),
            role: column("role"),
            location: column("location_id"),
            association: column("association_type"),
            reseller: column("reseller_id"),
            duplicate: column("duplicate_at_account"),
            amount: column("amount"),
            estimate: Estimate::new(header),
            describer: Describer::new(header),
            memory,
            relation_key,
            service_key,
            relation_rest,
            other_rest,
            last_month: (Vec::new(), None),
            units: HashMap::new(),
            names: &shared.catalogs.attributions,
            intern,
            lines: &shared.acr,
            pending: Vec::new(),
            delivery,
            dataset,
            file,
            scratch: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Converts one record.
    ///
    /// # Errors
    /// CS2002 when lines cannot be spilled.
    pub(super) fn read(&mut self, cells: &Cells<'_>) -> Result<Option<Rejection>> {
        match self.convert(cells) {
            Ok((month, line)) => {
                self.push(month, line)?;
                Ok(None)
            }
            Err(mut rejection) => {
                if let Ok((amount, _)) = Money::parse(&cell(cells, self.amount)) {
                    rejection.amount = amount;
                }
                Ok(Some(rejection))
            }
        }
    }

    fn convert(&mut self, cells: &Cells<'_>) -> std::result::Result<(Month, AcrLine), Rejection> {
        let (amount, is_dropped) = match &self.estimate {
            None => amount(cells, self.amount, &mut self.tally)?,
            Some(estimate) => estimate.amount(cells, &mut self.tally)?,
        };
        let month = self.month(cells)?;
        let at = match self.memory.relations.find(cells) {
            Ok(at) => at,
            Err(fingerprint) => {
                let relation = self.relation(cells)?;
                if self.memory.relations.is_full() {
                    self.units.clear();
                }
                self.memory.relations.keep(fingerprint, relation)
            }
        };
        let service = match self.memory.services.find(cells) {
            Ok(service) => service,
            Err(fingerprint) => {
                let service = self.service(cells)?;
                self.memory.services.keep(fingerprint, service)
            }
        };
        let unit = self.unit(at, month);
        let (relation, service) =
            (self.memory.relations.get(at), self.memory.services.get(service));
        let mut line = relation.line.wrapping_add(xxh3_64(&amount.0.to_le_bytes()));
        line = line.wrapping_add(rest_hash(cells, &self.other_rest, &mut self.scratch));
        self.tally.digits_dropped += u64::from(is_dropped);
        self.tally.accept_in(unit, amount);
        if self.duplicate.is_some() {
            let unflagged = self.tally.amount_unflagged.get_or_insert(Money::ZERO);
            *unflagged += if relation.is_duplicate { Money::ZERO } else { amount };
        }
        let key = relation.key.wrapping_add(service.key);
        let line = AcrLine {
            key: bytemuck::must_cast(key.to_le_bytes()),
            line,
            amount: bytemuck::must_cast(amount.0.to_le_bytes()),
            partner: relation.partner.id,
            tenant: relation.tenant,
            service: service.name,
            reseller: relation.reseller,
            claim: relation.claim,
            attribution: relation.attribution,
            file: self.file,
            padding: 0,
        };
        Ok((month, line))
    }

    fn month(&mut self, cells: &Cells<'_>) -> std::result::Result<Month, Rejection> {
        let raw = self.month.map(|at| cells.raw(at)).unwrap_or_default();
        if let (known, Some(month)) = &self.last_month
            && **known == *raw
        {
            return Ok(*month);
        }
        let month = self.who.month(cells)?;
        self.last_month = (raw.into_owned(), Some(month));
        Ok(month)
    }

    fn relation(&mut self, cells: &Cells<'_>) -> std::result::Result<Relation, Rejection> {
        let partner = self.who.partner(cells, &mut self.intern, &mut self.scratch)?;
        self.who.tenant(cells, &mut self.scratch)?;
        let tenant = self.intern.id(&self.scratch);
        let reseller = self.intern.id(reseller(cells, self.reseller)?.as_bytes());
        let name = cell(cells, self.attribution);
        let name = match text(&name, "attribution")? {
            "" => self.default_attribution,
            name => name,
        };
        let found = self.names.find(name, text(&cell(cells, self.role), "role")?);
        let unknown = found.is_none().then(|| name.to_owned());
        let attribution = found.unwrap_or(Attribution::OTHER);
        let (role, association) = (cell(cells, self.role), cell(cells, self.association));
        self.scratch.clear();
        self.scratch.push(u8::try_from(attribution.index()).unwrap_or(u8::MAX));
        self.scratch.extend_from_slice(&cell(cells, self.location));
        self.scratch.push(0x1f);
        self.scratch.extend_from_slice(&role);
        self.scratch.push(0x1f);
        self.scratch.extend_from_slice(&association);
        let claim = self.intern.id(&self.scratch);
        let mut whose = [0; 8];
        whose[..4].copy_from_slice(&partner.id.to_le_bytes());
        whose[4..].copy_from_slice(&tenant.to_le_bytes());
        let key = xxh3_128(&whose).wrapping_add(key_hash(cells, &self.relation_key));
        let rest = rest_hash(cells, &self.relation_rest, &mut self.scratch);
        Ok(Relation {
            described: self.describer.read(cells, &mut self.intern)?,
            partner,
            tenant,
            reseller,
            claim,
            attribution: u32::try_from(attribution.index()).unwrap_or(u32::MAX),
            is_duplicate: values::flag(&cell(cells, self.duplicate)),
            unknown,
            key,
            line: rest.wrapping_add(xxh3_64(&reseller.to_le_bytes())),
            unit: None,
        })
    }

    fn service(&mut self, cells: &Cells<'_>) -> std::result::Result<Service, Rejection> {
        let service_cell = cell(cells, self.service);
        let text = text(&service_cell, "service")?;
        let name = if self.service_prefix.is_empty() || text.is_empty() {
            self.intern.id(text.as_bytes())
        } else {
            self.scratch.clear();
            self.scratch.extend_from_slice(self.service_prefix.as_bytes());
            self.scratch.extend_from_slice(text.as_bytes());
            self.intern.id(&self.scratch)
        };
        Ok(Service { name, key: key_hash(cells, &self.service_key) })
    }

    /// The unit of a relation in a month; the first time, what it says of its customer and partner
    /// is kept for that month.
    fn unit(&mut self, at: usize, month: Month) -> usize {
        let relation = self.memory.relations.get_mut(at);
        if let Some((known, unit)) = relation.unit
            && known == month
        {
            return unit;
        }
        let unit = *self.units.entry((at, month)).or_insert_with(|| {
            self.tally.unknown_attributions.extend(relation.unknown.clone());
            self.describer.note(month, &relation.partner, relation.tenant, relation.described);
            self.tally.unit(relation.partner.id, Some(month), relation.partner.location)
        });
        relation.unit = Some((month, unit));
        unit
    }

    fn push(&mut self, month: Month, line: AcrLine) -> Result<()> {
        let known = self.pending.iter().position(|(known, _)| *known == month);
        let at = known.unwrap_or_else(|| {
            self.pending.push((month, vec![Vec::new(); usize::from(SHARDS)]));
            self.pending.len() - 1
        });
        let shard = u8::try_from(line.key[1] % u64::from(SHARDS)).unwrap_or_default();
        let pending = &mut self.pending[at].1[usize::from(shard)];
        pending.push(line);
        if pending.len() >= PENDING {
            let key = BucketKey { delivery: self.delivery, dataset: self.dataset, month, shard };
            self.lines.append(key, pending)?;
        }
        Ok(())
    }

    /// What the file said, and what the next one with the same columns may go on with.
    pub(super) fn into_parts(self) -> (Describer, Tally, Memory) {
        let memory = Memory { texts: self.intern.into_known(), ..self.memory };
        (self.describer, self.tally, memory)
    }

    /// Hands over the last lines.
    ///
    /// # Errors
    /// CS2002 when lines cannot be spilled.
    pub(super) fn finish(&mut self) -> Result<()> {
        for (month, shards) in self.pending.drain(..) {
            for (shard, mut lines) in (0..SHARDS).zip(shards) {
                let key =
                    BucketKey { delivery: self.delivery, dataset: self.dataset, month, shard };
                if !lines.is_empty() {
                    self.lines.append(key, &mut lines)?;
                }
            }
        }
        Ok(())
    }
}

/// The share of some columns in the identity of a consumption: a sum, so that the order of the
/// columns in the file does not matter. A blank cell and a missing column are the same.
fn key_hash(cells: &Cells<'_>, columns: &[KeyColumn]) -> u128 {
    columns.iter().fold(0, |sum, KeyColumn { at, place, cell_type }| {
        let value = cells.get(*at);
        if value.is_empty() {
            return sum;
        }
        // A subscription is the same in upper and lower case.
        let mut canonical = Vec::new();
        match crate::ids::Guid::parse(&value) {
            Some(guid) => canonical.extend_from_slice(guid.as_bytes()),
            None => extend_canonical(&mut canonical, &value, *cell_type),
        }
        sum.wrapping_add(xxh3_128_with_seed(&canonical, *place))
    })
}

/// The share of some columns in the identity of a line: a sum as well.
fn rest_hash(cells: &Cells<'_>, columns: &[RestColumn], scratch: &mut Vec<u8>) -> u64 {
    columns.iter().fold(0, |sum, column| {
        let value = cells.get(column.at);
        if value.is_empty() {
            return sum;
        }
        scratch.clear();
        extend_canonical(scratch, &value, column.cell_type);
        sum.wrapping_add(xxh3_64_with_seed(scratch, column.seed))
    })
}

/// Appends a cell as it counts for the identity of a line: numbers and dates by their value.
fn extend_canonical(buffer: &mut Vec<u8>, cell: &[u8], cell_type: Option<CellType>) {
    match cell_type {
        Some(CellType::Number) => {
            if let Ok((number, false)) = Money::parse(cell) {
                return buffer.extend_from_slice(&number.0.to_le_bytes());
            }
        }
        Some(CellType::Date | CellType::Month) => {
            if let Ok(day) = values::day(cell) {
                return buffer.extend_from_slice(&day.0.to_le_bytes());
            }
        }
        None => {}
    }
    buffer.extend_from_slice(cell);
}

impl AcrLine {
    pub(super) fn attribution(&self) -> Attribution {
        let index = usize::try_from(self.attribution).unwrap_or(usize::MAX);
        Attribution::from_index(index).unwrap_or(Attribution::OTHER)
    }

    pub(super) fn money(&self) -> Money {
        Money(i128::from_le_bytes(bytemuck::must_cast(self.amount)))
    }
}
