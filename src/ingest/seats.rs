//! Rows of paid seats and active users. Of the rows of one partner, tenant, workload and
//! attribution the one with the most seats counts, then the most active users; both numbers come
//! from that row (contract §3).

use bytemuck::{Pod, Zeroable};
use hashbrown::HashMap;

use super::acr_facts::Shares;
use super::cells::Cells;
use super::describe::Describer;
use super::fact_rows::{Rows, Values};
use super::identity::WholeLine;
use super::intern::{LocalInterner, Texts};
use super::layout::Recognised;
use super::memo::Memo;
use super::memory::Memory;
use super::records::Reading;
use super::relations::{Relation, Relations, Relatives};
use super::row::{LastDay, LastMonth, Rejection, cell, text};
use super::shared::Shared;
use super::tally::Tally;
use super::values;
use super::waiting::{BucketKey, Waiting};
use crate::calendar::Month;
use crate::error::{Error, Result};
use crate::ids::Attribution;
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

/// Converts the records of one file.
pub(super) struct SeatReader<'a> {
    relations: Relations<'a>,
    measures: Vec<Measures<'a>>,
    catalog: &'a Names,
    free_or_paid: Option<usize>,
    /// What tells lines apart, where rows are added.
    line: Option<WholeLine>,
    associated_on: Option<usize>,
    last_month: LastMonth,
    last_start: LastDay,
    /// The id of no text.
    blank: u32,
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

/// A workload as delivered.
#[derive(Debug, Clone, Copy)]
struct Workload {
    id: u32,
    /// Whether the catalog knows it.
    is_known: bool,
}

impl Workload {
    fn of(name: &str, catalog: &Names, intern: &mut LocalInterner<'_>) -> Self {
        Self { id: intern.id(name.as_bytes()), is_known: catalog.known(name).is_some() }
    }
}

/// Customers have so many workloads at most, as a rule, and in the same order.
const TAKING_TURNS: usize = 16;

/// Which workload some columns are about.
enum About {
    /// The one that a cell names.
    Cell { column: Option<usize>, known: Box<Memo<Workload, TAKING_TURNS>> },
    /// Always the same.
    One(Workload),
}

impl SeatLine {
    /// The attributions that its fact is stored under.
    fn set(&self) -> i32 {
        let index = usize::try_from(self.attribution).unwrap_or(usize::MAX);
        Attribution::from_index(index).unwrap_or(Attribution::OTHER).set().0
    }
}

/// The columns of one workload, or of the one that a column names.
struct Measures<'a> {
    about: About,
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
        memory: Option<Memory<Relatives>>,
        delivery: usize,
        dataset: usize,
        file: u32,
    ) -> Self {
        let column = |field: &str| header.column(field);
        let is_wide = !header.layout.unpivot.is_empty();
        let mut relations = Relations::new(header, shared, form, memory);
        let (catalog, intern) = (&shared.catalogs.workloads, &mut relations.intern);
        let measures = if is_wide {
            let pairs = header.layout.unpivot.iter().map(|pair| Measures {
                about: About::One(Workload::of(&pair.workload, catalog, intern)),
                paid_seats: column(&pair.paid_seats),
                active_users: column(&pair.active_users),
                fields: (&pair.paid_seats, &pair.active_users),
            });
            pairs.collect()
        } else {
            let column_of_name = column("workload");
            let known = Box::new(Memo::of(column_of_name.as_slice()));
            vec![Measures {
                about: About::Cell { column: column_of_name, known },
                paid_seats: column("paid_seats"),
                active_users: column("active_users"),
                fields: ("paid_seats", "active_users"),
            }]
        };
        Self {
            blank: intern.id(b""),
            relations,
            measures,
            catalog,
            free_or_paid: column("free_or_paid"),
            line: is_wide.then(|| WholeLine::of(header)),
            associated_on: column("associated_on"),
            lines: &shared.seats,
            last_month: LastMonth::default(),
            last_start: LastDay::default(),
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
        for measures in &mut self.measures {
            let counted = measures.read(cells, self.catalog, &mut self.relations.intern)?;
            self.counts.extend(counted);
        }
        let associated_on = self.last_start.read(cells, self.associated_on, "associated_on")?;
        let associated_on = associated_on.map_or(i32::MAX, |day| day.0);
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
        let Relation { tenant, partner, attribution, .. } = self.relations.relation(relation);
        let location = partner.location.unwrap_or(self.blank);
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
            // A record that no rule can use is counted so already.
            is_first: u32::from(at == 0 && is_known),
            added,
        });
        self.pending[at].1.extend(lines);
        Ok(at)
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
        &mut self,
        cells: &Cells<'_>,
        catalog: &Names,
        intern: &mut LocalInterner<'_>,
    ) -> std::result::Result<Option<Counted>, Rejection> {
        let is_one = matches!(self.about, About::One(_));
        let count = |column, field: &str| {
            let text = cell(cells, column);
            if is_one && values::is_blank(&text) {
                return Ok(0);
            }
            values::count(&text).map_err(|reason| Rejection::new(field.to_owned(), reason, &text))
        };
        let Workload { id: workload, is_known } = match &mut self.about {
            About::One(workload) => *workload,
            About::Cell { column, known } => match known.find(cells) {
                Ok(place) => *known.get(place),
                Err(fingerprint) => {
                    let name = cell(cells, *column);
                    let name = text(&name, "workload")?;
                    if name.is_empty() {
                        return Err(Rejection::new("workload", "workload_missing", b""));
                    }
                    let place = known.keep(fingerprint, Workload::of(name, catalog, intern));
                    *known.get(place)
                }
            },
        };
        let paid_seats = count(self.paid_seats, self.fields.0)?;
        let active_users = count(self.active_users, self.fields.1)?;
        let is_nothing = is_one && paid_seats == 0 && active_users == 0;
        Ok((!is_nothing).then_some(Counted { workload, paid_seats, active_users, is_known }))
    }
}

/// Rows of paid subscriptions and products: distinct ones are added within a location.
fn added_up(lines: Vec<SeatLine>) -> Vec<SeatLine> {
    if lines.iter().all(|line| line.added == 0) {
        return lines;
    }
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
            associated_on: sum.associated_on.min(line.associated_on),
            ..sum
        });
        others.push(SeatLine { is_first: 0, ..sum });
    }
    others
}

/// The facts of one month, and what became of each file's rows.
#[derive(Debug, Default)]
pub(super) struct SeatFacts {
    /// Each fact once, in the order in which they are stored.
    facts: Vec<SeatLine>,
    pub(super) files: HashMap<u32, Shares>,
}

impl SeatFacts {
    /// Keeps the row with the most seats of each fact of a month, whose lines come in pieces; lines of
    /// slots that are not `is_live` do not count. Rows of workloads that are of no use are kept but
    /// are neither used nor repeated: their file counted them already.
    ///
    /// # Errors
    /// CS9001 when a month has more lines than can be numbered.
    pub(super) fn of(
        lines: &[Vec<SeatLine>],
        texts: &Texts,
        is_live: &dyn Fn(u32) -> bool,
        is_known: &mut dyn FnMut(u32) -> bool,
    ) -> Result<Self> {
        let mut facts = Self::default();
        let lines = live(lines, is_live);
        facts.share_added(&lines);
        let lines = added_up(lines);
        // What is sorted is one integer a line: the places of its partner, customer and workload, and
        // its own. The few lines of one workload are then looked at together.
        let mut order: Vec<u128> = Vec::with_capacity(lines.len());
        let last = u32::try_from(lines.len());
        last.map_err(|_| Error::bug("too many lines of seats in a month"))?;
        for (line, at) in lines.iter().zip(0_u32..) {
            let workload = (texts.rank(line.tenant), texts.rank(line.workload));
            let places = [texts.place(line.partner), workload.0, workload.1, at];
            order.push(places.into_iter().fold(0, |key, place| key << 32 | u128::from(place)));
        }
        order.sort_unstable();
        facts.facts.reserve(order.len());
        let mut together: Vec<SeatLine> = Vec::new();
        for workload in order.chunk_by(|left, right| left >> 32 == right >> 32) {
            let line_at = |key: &u128| lines[(key & u128::from(u32::MAX)) as usize];
            together.clear();
            together.extend(workload.iter().map(line_at));
            together.sort_unstable_by(|left, right| {
                left.set()
                    .cmp(&right.set())
                    .then(right.paid_seats.cmp(&left.paid_seats))
                    .then(right.active_users.cmp(&left.active_users))
                    .then(left.associated_on.cmp(&right.associated_on))
                    .then(left.file.cmp(&right.file))
            });
            for rows in together.chunk_by(|left, right| left.set() == right.set()) {
                facts.keep(rows, is_known);
            }
        }
        Ok(facts)
    }

    /// Keeps the first of the rows of one fact, which are sorted.
    fn keep(&mut self, rows: &[SeatLine], is_known: &mut dyn FnMut(u32) -> bool) {
        let Some(best) = rows.first() else { return };
        // Of several rows the earliest date is when the association began.
        let associated_on = rows.iter().map(|row| row.associated_on).min();
        let associated_on = associated_on.unwrap_or(best.associated_on);
        self.facts.push(SeatLine { associated_on, ..*best });
        if !is_known(best.workload) {
            return;
        }
        for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.is_first == 1) {
            let shares = self.files.entry(row.file).or_default();
            shares.used += u64::from(at == 0);
            shares.repeated += u64::from(at > 0);
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

    /// Whether the month has no seats.
    pub(super) fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// The rows of the facts: tenant, workload, attributions, paid seats, active users, and when the
    /// association began.
    pub(super) fn into_rows(self) -> Rows {
        fn column<T>(facts: &[SeatLine], value: impl Fn(&SeatLine) -> T) -> Vec<T> {
            facts.iter().map(value).collect()
        }
        let facts = self.facts.as_slice();
        let started = |fact: &SeatLine| Some(fact.associated_on).filter(|day| *day != i32::MAX);
        Rows::in_order(
            column(facts, |fact| fact.partner),
            vec![
                Values::Text(column(facts, |fact| fact.tenant)),
                Values::Text(column(facts, |fact| fact.workload)),
                Values::Mask(column(facts, SeatLine::set)),
                Values::Int64(column(facts, |fact| fact.paid_seats)),
                Values::Int64(column(facts, |fact| fact.active_users)),
                Values::Date(column(facts, started)),
            ],
        )
    }
}

/// The lines that count, of all pieces.
fn live(lines: &[Vec<SeatLine>], is_live: &dyn Fn(u32) -> bool) -> Vec<SeatLine> {
    let mut last = (u32::MAX, false);
    let mut counts = |line: &&SeatLine| {
        if last.0 != line.file {
            last = (line.file, is_live(line.file));
        }
        last.1
    };
    lines.iter().flatten().filter(|line| counts(line)).copied().collect()
}
