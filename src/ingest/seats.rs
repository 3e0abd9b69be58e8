//! Rows of paid seats and active users. Of the rows of one partner, tenant, workload and
//! attribution the one with the most seats counts, then the most active users; both numbers come
//! from that row (contract §3).

use std::borrow::Cow;

use bytemuck::{Pod, Zeroable};
use hashbrown::HashMap;

use super::acr_facts::Shares;
use super::describe::Describer;
use super::identity::WholeLine;
use super::intern::LocalInterner;
use super::layout::Recognised;
use super::records::{Cells, Reading};
use super::relations::{Memory, Relation, Relations};
use super::row::{LastMonth, Rejection, cell, text};
use super::shared::Shared;
use super::tally::Tally;
use super::values;
use super::waiting::{BucketKey, Waiting};
use crate::calendar::Month;
use crate::error::Result;
use crate::money::Money;
use crate::rules::Names;

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
    location: u32,
    /// Whether the line stands for its record in the balance: a record can have several.
    is_first: u32,
    /// Hash of all cells where rows are added, else 0.
    added: u64,
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
    relations: Relations<'a>,
    measures: Vec<Measures<'a>>,
    free_or_paid: Option<usize>,
    /// What tells lines apart, where rows are added.
    line: Option<WholeLine>,
    associated_on: Option<usize>,
    workloads: Workloads<'a>,
    last_month: LastMonth,
    /// What the record at hand says of its workloads.
    counts: Vec<Counted>,
    lines: &'a Waiting<SeatLine>,
    pending: Vec<(Month, Vec<SeatLine>)>,
    delivery: usize,
    dataset: usize,
    file: u32,
    scratch: Vec<u8>,
    tally: Tally,
}

/// The workloads of the catalog, and which of the delivered ones it knows.
struct Workloads<'a> {
    names: &'a Names,
    known: HashMap<u32, bool>,
}

impl Workloads<'_> {
    fn is_known(&mut self, id: u32, name: &str) -> bool {
        *self.known.entry(id).or_insert_with(|| self.names.known(name).is_some())
    }
}

/// The columns of one workload, or of the one that a column names.
struct Measures<'a> {
    workload: std::result::Result<Option<usize>, &'a str>,
    paid_seats: Option<usize>,
    active_users: Option<usize>,
    fields: (&'a str, &'a str),
}

const PENDING: usize = 512;

impl<'a> SeatReader<'a> {
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
        let is_wide = !header.layout.unpivot.is_empty();
        let measures = if is_wide {
            let pairs = header.layout.unpivot.iter().map(|pair| Measures {
                workload: Err(pair.workload.as_str()),
                paid_seats: column(&pair.paid_seats),
                active_users: column(&pair.active_users),
                fields: (&pair.paid_seats, &pair.active_users),
            });
            pairs.collect()
        } else {
            vec![Measures {
                workload: Ok(column("workload")),
                paid_seats: column("paid_seats"),
                active_users: column("active_users"),
                fields: ("paid_seats", "active_users"),
            }]
        };
        Self {
            relations: Relations::new(header, shared, form, memory),
            measures,
            free_or_paid: column("free_or_paid"),
            line: is_wide.then(|| WholeLine::of(header)),
            associated_on: column("associated_on"),
            workloads: Workloads { names: &shared.catalogs.workloads, known: HashMap::new() },
            lines: &shared.seats,
            last_month: LastMonth::default(),
            counts: Vec::new(),
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
            Ok(at) => {
                let key = self.key_of(self.pending[at].0);
                let pending = &mut self.pending[at].1;
                if pending.len() >= PENDING {
                    self.lines.append(key, pending)?;
                }
                Ok(None)
            }
            Err(rejection) => Ok(Some(rejection)),
        }
    }

    fn key_of(&self, month: Month) -> BucketKey {
        BucketKey { delivery: self.delivery, dataset: self.dataset, month, shard: 0 }
    }

    /// Where the lines of the record's month wait, its own among them.
    fn convert(&mut self, cells: &Cells<'_>) -> std::result::Result<usize, Rejection> {
        let month = self.last_month.read(cells, &self.relations.who)?;
        let relation = self.relations.find(cells)?;
        let is_free = cell(cells, self.free_or_paid).eq_ignore_ascii_case(b"free");
        self.counts.clear();
        for measures in &self.measures {
            if let Some(counted) =
                measures.read(cells, &mut self.workloads, &mut self.relations.intern)?
            {
                self.counts.push(counted);
            }
        }
        let associated_cell = cell(cells, self.associated_on);
        let associated_on = if values::is_blank(&associated_cell) {
            i32::MAX
        } else {
            values::day(&associated_cell)
                .map_err(|reason| Rejection::new("associated_on", reason, &associated_cell))?
                .0
        };
        let unit = self.relations.unit(relation, month, &mut self.tally);
        self.tally.accept_in(unit, Money::ZERO);
        // The facts keep it for a catalog that will know it; today no rule can use it.
        let is_known = self.counts.iter().any(|counted| counted.is_known);
        let known = self.pending.iter().position(|(known, _)| *known == month);
        let at = known.unwrap_or_else(|| {
            self.pending.push((month, Vec::new()));
            self.pending.len() - 1
        });
        if is_free || self.counts.is_empty() {
            self.tally.not_used(if is_free { "free" } else { "no_seats" }, Money::ZERO);
            return Ok(at);
        }
        if !is_known {
            self.tally.not_used("unknown_workload", Money::ZERO);
        }
        let line = self.line.as_ref();
        let added = line.map_or(0, |line| line.hash(cells, &mut self.scratch).max(1));
        let blank = self.relations.intern.id(b"");
        let Relation { tenant, partner, attribution, .. } = self.relations.relation(relation);
        let location = partner.location.unwrap_or(blank);
        let lines = self.counts.iter().enumerate().map(|(at, counted)| SeatLine {
            paid_seats: counted.paid_seats,
            active_users: counted.active_users,
            partner: partner.id,
            tenant: *tenant,
            workload: counted.workload,
            attribution: u32::try_from(attribution.index()).unwrap_or(u32::MAX),
            associated_on,
            file: self.file,
            location,
            is_first: u32::from(at == 0),
            added,
        });
        self.pending[at].1.extend(lines);
        Ok(at)
    }

    /// What the file said, and what the next one with the same columns may go on with.
    pub(super) fn into_parts(self) -> (Describer, Tally, Memory) {
        let (describer, memory) = self.relations.into_parts();
        (describer, self.tally, memory)
    }

    /// Hands over the last lines.
    ///
    /// # Errors
    /// CS2002 when lines cannot be spilled.
    pub(super) fn finish(&mut self) -> Result<()> {
        for (month, mut lines) in std::mem::take(&mut self.pending) {
            self.lines.append(self.key_of(month), &mut lines)?;
        }
        Ok(())
    }
}

/// Seats and users of one workload in one record.
struct Counted {
    workload: u32,
    paid_seats: i64,
    active_users: i64,
    is_known: bool,
}

impl Measures<'_> {
    /// The counts of a record; nothing where a workload with columns of its own has none.
    fn read(
        &self,
        cells: &Cells<'_>,
        workloads: &mut Workloads<'_>,
        intern: &mut LocalInterner<'_>,
    ) -> std::result::Result<Option<Counted>, Rejection> {
        let count = |column, field: &str| {
            let text = cell(cells, column);
            if self.workload.is_err() && values::is_blank(&text) {
                return Ok(0);
            }
            values::count(&text).map_err(|reason| Rejection::new(field.to_owned(), reason, &text))
        };
        let delivered = self.workload.map_or(Cow::Borrowed(&[][..]), |column| cell(cells, column));
        let name = match self.workload {
            Ok(_) => text(&delivered, "workload")?,
            Err(name) => name,
        };
        if name.is_empty() {
            return Err(Rejection::new("workload", "workload_missing", b""));
        }
        let workload = intern.id(name.as_bytes());
        let is_known = workloads.is_known(workload, name);
        let paid_seats = count(self.paid_seats, self.fields.0)?;
        let active_users = count(self.active_users, self.fields.1)?;
        let is_nothing = self.workload.is_err() && paid_seats == 0 && active_users == 0;
        Ok((!is_nothing).then_some(Counted { workload, paid_seats, active_users, is_known }))
    }
}

/// Rows of paid subscriptions and products: distinct ones are added within a location.
fn added_up(lines: Vec<SeatLine>) -> Vec<SeatLine> {
    let (mut rows, mut others): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| line.added != 0);
    let place = |line: &SeatLine| {
        (line.partner, line.tenant, line.workload, line.attribution, line.location)
    };
    rows.sort_unstable_by_key(|line| (place(line), line.added, line.file));
    for of_location in rows.chunk_by(|left, right| place(left) == place(right)) {
        let mut distinct = of_location.chunk_by(|left, right| left.added == right.added);
        let Some(first) = distinct.next().and_then(<[SeatLine]>::first) else { continue };
        let sum = distinct.filter_map(<[SeatLine]>::first).fold(*first, |sum, line| SeatLine {
            paid_seats: sum.paid_seats.saturating_add(line.paid_seats),
            active_users: sum.active_users.saturating_add(line.active_users),
            ..sum
        });
        others.push(SeatLine { is_first: 0, ..sum });
    }
    others
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
        is_known: &mut dyn FnMut(u32) -> bool,
    ) {
        lines.retain(|line| is_live(line.file));
        self.share_added(&lines);
        let mut lines = added_up(lines);
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
            // Of several rows the earliest date is when the association began.
            let associated_on = rows.iter().map(|row| row.associated_on).min();
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
                    associated_on: associated_on.filter(|day| *day != i32::MAX),
                },
            );
            if !is_known(best.workload) {
                continue;
            }
            for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.is_first == 1) {
                let shares = self.files.entry(row.file).or_default();
                if at == 0 {
                    shares.used += 1;
                } else {
                    shares.repeated += 1;
                }
            }
        }
    }

    /// Records of rows that are added: the first of identical ones is used.
    fn share_added(&mut self, lines: &[SeatLine]) {
        let mut rows: Vec<&SeatLine> =
            lines.iter().filter(|line| line.added != 0 && line.is_first == 1).collect();
        rows.sort_unstable_by_key(|line| (line.added, line.file));
        for same in rows.chunk_by(|left, right| left.added == right.added) {
            for (at, row) in same.iter().enumerate() {
                let shares = self.files.entry(row.file).or_default();
                shares.used += u64::from(at == 0);
                shares.repeated += u64::from(at > 0);
            }
        }
    }
}
