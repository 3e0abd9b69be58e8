//! Rows of Azure consumed revenue: conversion of a record, and the collapse of the lines of one
//! consumption into facts.

use bytemuck::{Pod, Zeroable};
use hashbrown::HashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::buckets::{BucketKey, Buckets, SHARDS};
use super::describe::Describer;
use super::intern::LocalInterner;
use super::layout::{CellType, Recognised};
use super::records::Cells;
use super::row::{Rejection, Who, cell, text};
use super::tally::Tally;
use super::values;
use crate::calendar::Month;
use crate::error::Result;
use crate::ids::Attribution;
use crate::money::{Money, MoneyError};
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

/// Converts the records of one file.
pub(super) struct AcrReader<'a> {
    who: Who,
    service: Option<usize>,
    service_prefix: &'a str,
    attribution: Option<usize>,
    role: Option<usize>,
    location: Option<usize>,
    association: Option<usize>,
    reseller: Option<usize>,
    amount: Option<usize>,
    pub(super) describer: Describer,
    /// Columns of the consumption key, in the layout's order; the tenant and month are not among
    /// them.
    key: Vec<Option<usize>>,
    /// The other columns with a hash of their field, ordered by field.
    rest: Vec<(usize, u32, Option<CellType>)>,
    names: &'a AttributionNames,
    /// By name and role as delivered.
    attributions: HashMap<Box<[u8]>, Attribution>,
    intern: LocalInterner<'a>,
    blank: u32,
    lines: &'a Buckets<AcrLine>,
    pending: HashMap<BucketKey, Vec<AcrLine>>,
    delivery: usize,
    dataset: usize,
    file: u32,
    scratch: Vec<u8>,
    tenant: Vec<u8>,
    buffer: Vec<u8>,
    pub(super) tally: Tally,
}

const PENDING: usize = 512;

impl<'a> AcrReader<'a> {
    pub(super) fn new(
        header: &Recognised<'a>,
        names: &'a AttributionNames,
        mut intern: LocalInterner<'a>,
        lines: &'a Buckets<AcrLine>,
        delivery: usize,
        dataset: usize,
        file: u32,
    ) -> Self {
        let column = |field: &str| header.column(field);
        let key: Vec<Option<usize>> = header.layout.key.iter().map(|field| column(field)).collect();
        // Columns that the key or the conversion puts into the line's identity in canonical form.
        let canonical = ["month", "account_id", "tenant_id", "amount", "reseller_id"].map(column);
        let mut rest: Vec<(usize, &str)> = header
            .fields
            .iter()
            .enumerate()
            .filter(|(at, _)| !key.contains(&Some(*at)) && !canonical.contains(&Some(*at)))
            .map(|(at, field)| (at, field.as_str()))
            .collect();
        rest.sort_by_key(|(_, field)| *field);
        let fold = |hash: u64| u32::try_from(hash >> 32).unwrap_or_default();
        let blank = intern.id(b"");
        Self {
            who: Who::new(header),
            service: column("service"),
            service_prefix: header.layout.prefix_of("service"),
            attribution: column("attribution"),
            role: column("role"),
            location: column("location_id"),
            association: column("association_type"),
            reseller: column("reseller_id"),
            amount: column("amount"),
            describer: Describer::new(header),
            key,
            rest: rest
                .into_iter()
                .map(|(at, field)| {
                    (at, fold(xxh3_64(field.as_bytes())), header.layout.type_of(field))
                })
                .collect(),
            names,
            attributions: HashMap::new(),
            intern,
            blank,
            lines,
            pending: HashMap::new(),
            delivery,
            dataset,
            file,
            scratch: Vec::new(),
            tenant: Vec::new(),
            buffer: Vec::new(),
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
        let amount_cell = cell(cells, self.amount);
        self.tally.amount_cells += 1;
        let is_missing = values::is_blank(&amount_cell);
        self.tally.blank_amounts += u64::from(is_missing);
        if let Some(column) = self.amount {
            cells.watch(column, &amount_cell);
        }
        let (amount, is_dropped) = Money::parse(&amount_cell).map_err(|error| {
            let reason = match error {
                _ if is_missing => "amount_missing",
                MoneyError::NotANumber => "amount_invalid",
                MoneyError::OutOfRange => "amount_out_of_range",
            };
            Rejection::new("amount", reason, &amount_cell)
        })?;
        let month = self.who.month(cells)?;
        let partner = self.who.partner(cells, &mut self.intern, &mut self.scratch)?;
        self.who.tenant(cells, &mut self.tenant)?;
        let tenant = self.intern.id(&self.tenant);
        let service_cell = cell(cells, self.service);
        let service_name = text(&service_cell, "service")?;
        let service = if self.service_prefix.is_empty() || service_name.is_empty() {
            self.intern.id(service_name.as_bytes())
        } else {
            self.scratch.clear();
            self.scratch.extend_from_slice(self.service_prefix.as_bytes());
            self.scratch.extend_from_slice(service_name.as_bytes());
            self.intern.id(&self.scratch)
        };
        let reseller_cell = cell(cells, self.reseller);
        let reseller = match values::id(&reseller_cell) {
            Ok("-1" | "0") => self.blank,
            Ok(id) => self.intern.id(id.as_bytes()),
            Err(reason) => return Err(Rejection::new("reseller_id", reason, &reseller_cell)),
        };
        let attribution = self.attribution(cells)?;

        self.buffer.clear();
        self.buffer.extend_from_slice(&partner.id.to_le_bytes());
        self.buffer.extend_from_slice(&tenant.to_le_bytes());
        for column in &self.key {
            let value = cell(cells, *column);
            // A subscription is the same in upper and lower case.
            match crate::ids::Guid::parse(&value) {
                Some(guid) => self.buffer.extend_from_slice(guid.as_bytes()),
                None => self.buffer.extend_from_slice(&value),
            }
            self.buffer.push(0x1f);
        }
        let key = xxh3_128(&self.buffer);
        self.buffer.extend_from_slice(&amount.0.to_le_bytes());
        for (column, field, cell_type) in &self.rest {
            let value = cells.get(*column);
            if !value.is_empty() {
                self.buffer.extend_from_slice(&field.to_le_bytes());
                extend_canonical(&mut self.buffer, &value, *cell_type);
            }
        }
        self.buffer.extend_from_slice(&reseller.to_le_bytes());
        let line = xxh3_64(&self.buffer);

        let (role, association) = (cell(cells, self.role), cell(cells, self.association));
        self.scratch.clear();
        self.scratch.push(u8::try_from(attribution.index()).unwrap_or(u8::MAX));
        self.scratch.extend_from_slice(&cell(cells, self.location));
        self.scratch.push(0x1f);
        self.scratch.extend_from_slice(&role);
        self.scratch.push(0x1f);
        self.scratch.extend_from_slice(&association);
        let claim = self.intern.id(&self.scratch);

        self.describer.add(cells, &mut self.intern, month, &partner, tenant)?;
        self.tally.digits_dropped += u64::from(is_dropped);
        self.tally.accept(partner.id, Some(month), amount, partner.location);
        let halves = |value: u128| {
            let bytes = value.to_le_bytes();
            bytemuck::must_cast::<[u8; 16], [u64; 2]>(bytes)
        };
        let line = AcrLine {
            key: halves(key),
            line,
            amount: bytemuck::must_cast(amount.0.to_le_bytes()),
            partner: partner.id,
            tenant,
            service,
            reseller,
            claim,
            attribution: u32::try_from(attribution.index()).unwrap_or(u32::MAX),
            file: self.file,
            padding: 0,
        };
        Ok((month, line))
    }

    fn attribution(&mut self, cells: &Cells<'_>) -> std::result::Result<Attribution, Rejection> {
        let (name, role) = (cell(cells, self.attribution), cell(cells, self.role));
        self.scratch.clear();
        self.scratch.extend_from_slice(&name);
        self.scratch.push(0x1f);
        self.scratch.extend_from_slice(&role);
        if let Some(attribution) = self.attributions.get(self.scratch.as_slice()) {
            return Ok(*attribution);
        }
        let found = self.names.find(text(&name, "attribution")?, text(&role, "role")?);
        if found.is_none() {
            self.tally.unknown_attributions.insert(String::from_utf8_lossy(&name).into_owned());
        }
        let attribution = found.unwrap_or(Attribution::OTHER);
        self.attributions.insert(self.scratch.as_slice().into(), attribution);
        Ok(attribution)
    }

    fn push(&mut self, month: Month, line: AcrLine) -> Result<()> {
        let shard = u8::try_from(line.key[1] % u64::from(SHARDS)).unwrap_or_default();
        let key = BucketKey { delivery: self.delivery, dataset: self.dataset, month, shard };
        let pending = self.pending.entry(key).or_default();
        pending.push(line);
        if pending.len() >= PENDING {
            self.lines.append(key, pending)?;
        }
        Ok(())
    }

    /// Hands over the last lines.
    ///
    /// # Errors
    /// CS2002 when lines cannot be spilled.
    pub(super) fn finish(&mut self) -> Result<()> {
        for (key, mut lines) in self.pending.drain() {
            self.lines.append(key, &mut lines)?;
        }
        Ok(())
    }
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
    pub(super) fn money(&self) -> Money {
        Money(i128::from_le_bytes(bytemuck::must_cast(self.amount)))
    }
}
