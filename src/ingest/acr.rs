//! Rows of Azure consumed revenue: conversion of a record into a line, as integers.

use bytemuck::{Pod, Zeroable};
use xxhash_rust::xxh3::xxh3_64;

use super::cells::Cells;
use super::describe::Describer;
use super::estimate::Estimate;
use super::identity::{Group, Identity};
use super::layout::Recognised;
use super::memory::Memory;
use super::records::Reading;
use super::relations::{Relations, Relatives, Service};
use super::row::{LastMonth, Rejection, amount, cell, text};
use super::shared::Shared;
use super::tally::Tally;
use super::waiting::{BucketKey, SHARDS, Waiting};
use crate::buckets::PIECE;
use crate::calendar::Month;
use crate::error::Result;
use crate::ids::Attribution;
use crate::money::Money;

/// One accepted line, as integers. Plain bytes, so that it can be spilled.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct AcrLine {
    /// Identifies the consumption among those of its partner, customer and service: a hash of the
    /// columns that tell consumptions apart.
    pub(super) key: u64,
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
/// customer, the association and the service ([`Relations`]). Per record there remain the month, the
/// numbers, and the columns that nobody knows.
pub(super) struct AcrReader<'a> {
    relations: Relations<'a>,
    service: Option<usize>,
    service_prefix: &'a str,
    has_duplicates: bool,
    amount: Option<usize>,
    /// Where no column holds the amount.
    estimate: Option<Estimate>,
    of_service: Identity,
    others: Identity,
    last_month: LastMonth,
    lines: &'a Waiting<AcrLine>,
    pending: Vec<(Month, Vec<Vec<AcrLine>>)>,
    delivery: usize,
    dataset: usize,
    file: u32,
    scratch: Vec<u8>,
    tally: Tally,
}

/// Lines of a shard that are handed over together. Those of all shards leave most of the processor's
/// cache to what the conversion looks up.
const PENDING: usize = PIECE;

impl<'a> AcrReader<'a> {
    pub(super) fn new(
        header: &Recognised<'a>,
        shared: &'a Shared<'a>,
        form: (u8, Reading),
        memory: Option<Memory<Relatives>>,
        delivery: usize,
        dataset: usize,
        file: u32,
    ) -> Self {
        Self {
            relations: Relations::new(header, shared, form, memory),
            service: header.column("service"),
            service_prefix: header.layout.prefix_of("service"),
            has_duplicates: header.column("duplicate_at_account").is_some(),
            amount: header.column("amount"),
            estimate: Estimate::new(header),
            of_service: Identity::of(header, Some(Group::Service)),
            others: Identity::of(header, None),
            last_month: LastMonth::default(),
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
        let month = self.last_month.read(cells, &self.relations.who)?;
        let relation = self.relations.find(cells)?;
        let service = match self.relations.memory.memos.services.look_up(cells) {
            Ok(service) => service,
            Err(fingerprint) => {
                let service = self.service(cells)?;
                self.relations.memory.memos.services.keep(fingerprint, service)
            }
        };
        let unit = self.relations.unit(relation, month, &mut self.tally);
        let relation = self.relations.relation(relation);
        let service = self.relations.memory.memos.services.get(service);
        self.tally.digits_dropped += u64::from(is_dropped);
        self.tally.accept_in(unit, amount);
        if self.has_duplicates {
            let unflagged = self.tally.amount_unflagged.get_or_insert(Money::ZERO);
            *unflagged += if relation.is_duplicate { Money::ZERO } else { amount };
        }
        let line = relation
            .line
            .wrapping_add(xxh3_64(&amount.0.to_le_bytes()))
            .wrapping_add(self.others.line(cells, &mut self.scratch));
        let line = AcrLine {
            key: relation.key.wrapping_add(service.key),
            line,
            amount: bytemuck::must_cast(amount.0.to_le_bytes()),
            partner: relation.partner.id,
            tenant: relation.tenant,
            service: service.name,
            reseller: relation.reseller,
            claim: relation.claim,
            attribution: u32::try_from(relation.attribution.index()).unwrap_or(u32::MAX),
            file: self.file,
            padding: 0,
        };
        Ok((month, line))
    }

    fn service(&mut self, cells: &Cells<'_>) -> std::result::Result<Service, Rejection> {
        let service_cell = cell(cells, self.service);
        let text = text(&service_cell, "service")?;
        self.scratch.clear();
        if !text.is_empty() {
            self.scratch.extend_from_slice(self.service_prefix.as_bytes());
            self.scratch.extend_from_slice(text.as_bytes());
        }
        let name = self.relations.intern.id(&self.scratch);
        Ok(Service { name, key: self.of_service.key(cells, &mut self.scratch) })
    }

    fn push(&mut self, month: Month, line: AcrLine) -> Result<()> {
        let known = self.pending.iter().position(|(known, _)| *known == month);
        let at = known.unwrap_or_else(|| {
            self.pending.push((month, vec![Vec::new(); usize::from(SHARDS)]));
            self.pending.len() - 1
        });
        let shard = shard_of(line.tenant);
        let pending = &mut self.pending[at].1[usize::from(shard)];
        pending.push(line);
        if pending.len() >= PENDING {
            let key = BucketKey { delivery: self.delivery, dataset: self.dataset, month, shard };
            self.lines.append(key, pending)?;
        }
        Ok(())
    }

    /// What the file said, and what the next one with the same columns may go on with.
    pub(super) fn into_parts(self) -> (Describer, Tally, Memory<Relatives>) {
        let (describer, memory) = self.relations.into_parts();
        (describer, self.tally, memory)
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

/// All lines of a customer meet in one shard.
fn shard_of(tenant: u32) -> u8 {
    // Numbers are given in turn: their products are spread evenly.
    let spread = u64::from(tenant.wrapping_mul(0x9e37_79b9));
    u8::try_from((spread * u64::from(SHARDS)) >> 32).unwrap_or_default()
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
