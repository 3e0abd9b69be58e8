//! Rows of paid seats and active users. Of the rows of one partner, tenant, workload and
//! attribution the one with the most seats counts, then the most active users; both numbers come
//! from that row (contract §3).

use bytemuck::{Pod, Zeroable};
use hashbrown::{HashMap, HashSet};

use super::acr::Description;
use super::acr_facts::Shares;
use super::buckets::{BucketKey, Buckets};
use super::describe::Describer;
use super::intern::LocalInterner;
use super::layout::Recognised;
use super::records::Cells;
use super::row::{Outcome, Rejection, Who, cell, text};
use super::tally::Tally;
use super::values;
use crate::calendar::Month;
use crate::error::Result;
use crate::ids::Attribution;
use crate::money::Money;
use crate::rules::{AttributionNames, Names};

/// One accepted row, as integers.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct SeatLine {
    paid_seats: i64,
    active_users: i64,
    partner: u32,
    tenant: u32,
    workload: u32,
    attribution: u32,
    /// Days since 1970, or `i32::MAX` when unknown: the earliest date wins a tie.
    associated_on: i32,
    file: u32,
}

/// Grain of the facts within one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SeatKey {
    pub(super) partner: u32,
    pub(super) tenant: u32,
    pub(super) workload: u32,
    pub(super) attribution: u32,
}

/// Measures of one fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeatValues {
    pub(super) paid_seats: i64,
    pub(super) active_users: i64,
    pub(super) associated_on: Option<i32>,
}

/// Converts the records of one file.
pub(super) struct SeatReader<'a> {
    who: Who,
    workload: Option<usize>,
    attribution: Option<usize>,
    default_attribution: &'a str,
    paid_seats: Option<usize>,
    active_users: Option<usize>,
    associated_on: Option<usize>,
    describer: Describer,
    attributions: &'a AttributionNames,
    workloads: &'a Names,
    intern: LocalInterner<'a>,
    lines: &'a Buckets<SeatLine>,
    pending: HashMap<BucketKey, Vec<SeatLine>>,
    delivery: usize,
    dataset: usize,
    file: u32,
    scratch: Vec<u8>,
    tenant: Vec<u8>,
    pub(super) customers: HashSet<Description>,
    pub(super) partners: HashSet<Description>,
    pub(super) tally: Tally,
}

const PENDING: usize = 512;

impl<'a> SeatReader<'a> {
    pub(super) fn new(
        header: &Recognised<'a>,
        attributions: &'a AttributionNames,
        workloads: &'a Names,
        intern: LocalInterner<'a>,
        lines: &'a Buckets<SeatLine>,
        delivery: usize,
        dataset: usize,
        file: u32,
    ) -> Self {
        let column = |field: &str| header.column(field);
        Self {
            who: Who::new(header),
            workload: column("workload"),
            attribution: column("attribution"),
            default_attribution: header.layout.default_of("attribution").unwrap_or_default(),
            paid_seats: column("paid_seats"),
            active_users: column("active_users"),
            associated_on: column("associated_on"),
            describer: Describer::new(header),
            attributions,
            workloads,
            intern,
            lines,
            pending: HashMap::new(),
            delivery,
            dataset,
            file,
            scratch: Vec::new(),
            tenant: Vec::new(),
            customers: HashSet::new(),
            partners: HashSet::new(),
            tally: Tally::default(),
        }
    }

    /// Converts one record.
    ///
    /// # Errors
    /// CS2002 when lines cannot be spilled.
    pub(super) fn read(&mut self, cells: &Cells<'_>) -> Result<Outcome> {
        if self.who.is_totals_line(cells) {
            return Ok(Outcome::Skipped);
        }
        match self.convert(cells) {
            Ok((month, line)) => {
                let key =
                    BucketKey { delivery: self.delivery, dataset: self.dataset, month, shard: 0 };
                let pending = self.pending.entry(key).or_default();
                pending.push(line);
                if pending.len() >= PENDING {
                    self.lines.append(key, pending)?;
                }
                Ok(Outcome::Accepted)
            }
            Err(rejection) => Ok(Outcome::Rejected(rejection)),
        }
    }

    fn convert(&mut self, cells: &Cells<'_>) -> std::result::Result<(Month, SeatLine), Rejection> {
        let month = self.who.month(cells)?;
        let partner = self.who.partner(cells, &mut self.intern, &mut self.scratch)?;
        self.who.tenant(cells, &mut self.tenant)?;
        let tenant = self.intern.id(&self.tenant);
        let workload_cell = cell(cells, self.workload);
        let workload_name = text(&workload_cell, "workload")?;
        if workload_name.is_empty() {
            return Err(Rejection::new("workload", "workload_missing", b""));
        }
        let workload = self.intern.id(workload_name.as_bytes());
        let count = |column, field| {
            let text = cell(cells, column);
            values::count(&text).map_err(|reason| Rejection::new(field, reason, &text))
        };
        let paid_seats = count(self.paid_seats, "paid_seats")?;
        let active_users = count(self.active_users, "active_users")?;
        let associated_cell = cell(cells, self.associated_on);
        let associated_on = if values::is_blank(&associated_cell) {
            i32::MAX
        } else {
            values::day(&associated_cell)
                .map_err(|reason| Rejection::new("associated_on", reason, &associated_cell))?
                .0
        };
        let attribution_cell = cell(cells, self.attribution);
        let delivered = text(&attribution_cell, "attribution")?;
        let name = if delivered.is_empty() { self.default_attribution } else { delivered };
        let attribution = self.attributions.find(name, "").unwrap_or_else(|| {
            self.tally.unknown_attributions.insert(name.to_owned());
            Attribution::OTHER
        });
        let texts = self.describer.customer(cells, &mut self.intern)?;
        self.customers.insert(Description { month, partner: partner.id, subject: tenant, texts });
        let texts = self.describer.partner(cells, &mut self.intern)?;
        let subject = partner.location.unwrap_or_else(|| self.intern.id(b""));
        self.partners.insert(Description { month, partner: partner.id, subject, texts });
        self.tally.accept(partner.id, Some(month), Money::ZERO, partner.location);
        // The facts keep it for a catalog that will know it; today no rule can use it.
        if self.workloads.known(workload_name).is_none() {
            self.tally.not_used("unknown_workload", Money::ZERO);
        }
        Ok((
            month,
            SeatLine {
                paid_seats,
                active_users,
                partner: partner.id,
                tenant,
                workload,
                attribution: u32::try_from(attribution.index()).unwrap_or(u32::MAX),
                associated_on,
                file: self.file,
            },
        ))
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

/// The facts of one month, and what became of each file's rows.
#[derive(Debug, Default)]
pub(super) struct SeatFacts {
    pub(super) seats: HashMap<SeatKey, SeatValues>,
    pub(super) files: HashMap<u32, Shares>,
}

impl SeatFacts {
    /// Keeps the row with the most seats of each fact. Rows of workloads that are of no use are
    /// kept but are neither used nor repeated: their file counted them already.
    pub(super) fn add(
        &mut self,
        mut lines: Vec<SeatLine>,
        is_live: &dyn Fn(u32) -> bool,
        is_known: &dyn Fn(u32) -> bool,
    ) {
        lines.retain(|line| is_live(line.file));
        let grain = |line: &SeatLine| (line.partner, line.tenant, line.workload, line.attribution);
        lines.sort_unstable_by(|left, right| {
            grain(left)
                .cmp(&grain(right))
                .then(right.paid_seats.cmp(&left.paid_seats))
                .then(right.active_users.cmp(&left.active_users))
                .then(left.associated_on.cmp(&right.associated_on))
                .then(left.file.cmp(&right.file))
        });
        for rows in lines.chunk_by(|left, right| grain(left) == grain(right)) {
            let Some(best) = rows.first() else { continue };
            let key = SeatKey {
                partner: best.partner,
                tenant: best.tenant,
                workload: best.workload,
                attribution: best.attribution,
            };
            self.seats.insert(
                key,
                SeatValues {
                    paid_seats: best.paid_seats,
                    active_users: best.active_users,
                    associated_on: (best.associated_on != i32::MAX).then_some(best.associated_on),
                },
            );
            if !is_known(best.workload) {
                continue;
            }
            for (at, row) in rows.iter().enumerate() {
                let shares = self.files.entry(row.file).or_default();
                if at == 0 {
                    shares.used += 1;
                } else {
                    shares.repeated += 1;
                }
            }
        }
    }
}
