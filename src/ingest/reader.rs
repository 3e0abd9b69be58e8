//! Reads one file: one pass over its bytes that decodes, checks the structure, converts, and hands
//! the rows to the shared buckets. A file that turns out to be written otherwise than it was taken
//! for starts again; what a given-up reading handed over belongs to a slot that does not count.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::acr::{AcrLine, AcrReader, Memory};
use super::buckets::Buckets;
use super::consumption_key::consumption_key;
use super::credentials::{CredentialReader, CredentialRow};
use super::customers::CustomerReader;
use super::decode::{Header, Text, Totals};
use super::describe::{Describer, Description};
use super::encoding::Encoding;
use super::formats::{Contradiction, Formats};
use super::intern::Interner;
use super::layout::{CellType, Family, Recognised, Sources, dataset_index};
use super::locations::{LocationReader, LocationRow};
use super::packed::Source;
use super::person::PersonKey;
use super::records::{Cells, Reading, Rules, Structure, visit_records};
use super::rejections::{Rejected, Rejections, check_limits, wrong_width};
use super::row::{Rejection, Who};
use super::seats::{SeatLine, SeatReader};
use super::tally::Tally;
use crate::error::{Code, Error, Result};
use crate::facts::FileRecord;
use crate::rules::Catalogs;
use crate::store;

/// How often a file is read: by the strict reader, by another encoding, by other forms of columns.
const MOST_ATTEMPTS: u32 = 32;
/// Memories of files with other columns than these are forgotten first.
const MOST_MEMORIES: usize = 16;

/// What all files of an ingest share.
pub(super) struct Shared<'a> {
    pub(super) sources: &'a Sources,
    pub(super) catalogs: &'a Catalogs,
    pub(super) person_key: &'a PersonKey,
    pub(super) intern: Interner,
    pub(super) acr: Buckets<AcrLine>,
    pub(super) seats: Buckets<SeatLine>,
    /// What readers converted before; one for each reader at work.
    memories: Mutex<Vec<Memory>>,
    /// Whether what a slot handed over counts.
    slots: Mutex<BTreeMap<u32, bool>>,
}

/// One file to read.
#[derive(Debug, Clone)]
pub(super) struct FileTask {
    /// Place among the files of the batch.
    pub(super) number: u32,
    /// Index of the delivery in the batch.
    pub(super) delivery: usize,
    pub(super) uri: String,
    pub(super) source: Source,
    pub(super) etag: String,
    /// Whether the file is taken in, so that its limits and its sameness are watched; an inspection
    /// shows what there is.
    pub(super) is_ingest: bool,
}

/// What one file gave.
pub(super) struct FileResult {
    pub(super) record: FileRecord,
    pub(super) dataset: usize,
    pub(super) family: Option<Family>,
    pub(super) slot: u32,
    /// The layout and the columns that tell one consumption from another; none for other families.
    pub(super) key: Vec<String>,
    pub(super) tally: Tally,
    pub(super) rejected: Vec<Rejected>,
    pub(super) customers: Vec<Description>,
    pub(super) partners: Vec<Description>,
    pub(super) credentials: Vec<CredentialRow>,
    pub(super) locations: Vec<LocationRow>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(
        sources: &'a Sources,
        catalogs: &'a Catalogs,
        person_key: &'a PersonKey,
        memory: usize,
    ) -> Self {
        Self {
            sources,
            catalogs,
            person_key,
            intern: Interner::default(),
            acr: Buckets::new(memory / 4 * 3),
            seats: Buckets::new(memory / 4),
            memories: Mutex::new(Vec::new()),
            slots: Mutex::new(BTreeMap::new()),
        }
    }

    fn memory_of(&self, header: &Recognised<'_>) -> Option<Memory> {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        let at = memories.iter().position(|memory| memory.fits(header))?;
        Some(memories.swap_remove(at))
    }

    fn keep_memory(&self, memory: Memory) {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        if memories.len() >= MOST_MEMORIES {
            memories.remove(0);
        }
        memories.push(memory);
    }

    /// The slot of a reading: the same in every execution, so that ties between identical lines
    /// of several files always end in the same file.
    fn slot(&self, task: &FileTask, attempt: u32) -> u32 {
        let number = task.number * MOST_ATTEMPTS + attempt;
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).insert(number, true);
        number
    }

    /// Forgets everything that a reading handed over.
    pub(super) fn drop_slot(&self, slot: u32) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).insert(slot, false);
    }

    pub(super) fn live_slots(&self) -> BTreeMap<u32, bool> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

enum Rows<'a> {
    Acr(Box<AcrReader<'a>>),
    Seats(Box<SeatReader<'a>>),
    Credentials(Box<CredentialReader<'a>>),
    Locations(Box<LocationReader<'a>>),
    Customers(Box<CustomerReader<'a>>),
}

impl<'a> Rows<'a> {
    fn new(
        shared: &'a Shared<'a>,
        header: &Recognised<'a>,
        is_plain: bool,
        task: &FileTask,
        slot: u32,
    ) -> Self {
        let dataset = dataset_index(&header.layout.dataset);
        let memory = is_plain.then(|| shared.memory_of(header)).flatten();
        let intern = shared.intern.local();
        let attributions = &shared.catalogs.attributions;
        match header.layout.family {
            Family::Acr => Rows::Acr(Box::new(AcrReader::new(
                header,
                attributions,
                &shared.intern,
                memory,
                &shared.acr,
                task.delivery,
                dataset,
                slot,
            ))),
            Family::Seats => Rows::Seats(Box::new(SeatReader::new(
                header,
                attributions,
                &shared.catalogs.workloads,
                intern,
                &shared.seats,
                task.delivery,
                dataset,
                slot,
            ))),
            Family::Credentials => Rows::Credentials(Box::new(CredentialReader::new(
                header,
                shared.person_key,
                intern,
            ))),
            Family::Locations => Rows::Locations(Box::new(LocationReader::new(header, intern))),
            Family::Customers => Rows::Customers(Box::new(CustomerReader::new(header, intern))),
        }
    }

    /// Converts one record; why it is rejected, if it is.
    fn read(&mut self, cells: &Cells<'_>) -> Result<Option<Rejection>> {
        match self {
            Rows::Acr(rows) => rows.read(cells),
            Rows::Seats(rows) => rows.read(cells),
            Rows::Credentials(rows) => Ok(rows.read(cells).err()),
            Rows::Locations(rows) => Ok(rows.read(cells).err()),
            Rows::Customers(rows) => Ok(rows.read(cells).err()),
        }
    }
}

/// How a file is taken to be written. The first guess is the usual one; what contradicts it has the
/// file read again.
struct Hypotheses {
    reading: Reading,
    /// The encoding, once it is certain.
    encoding: Option<Encoding>,
    /// The forms of its columns, once its header is known.
    formats: Option<Formats>,
}

/// What one reading came to.
enum Attempt {
    Read(Box<FileResult>),
    Again(Hypotheses),
}

/// Reads a file.
///
/// # Errors
/// CS2001, CS2002, CS3003 to CS3011, CS4001.
pub(super) fn read_file(shared: &Shared<'_>, task: &FileTask) -> Result<FileResult> {
    let mut hypotheses = Hypotheses { reading: Reading::Fast, encoding: None, formats: None };
    for attempt in 0..MOST_ATTEMPTS {
        let slot = shared.slot(task, attempt);
        let read = read_into(shared, task, hypotheses, slot);
        if !matches!(read, Ok(Attempt::Read(_))) {
            shared.drop_slot(slot);
        }
        match read? {
            Attempt::Read(result) => return Ok(*result),
            Attempt::Again(revised) => hypotheses = revised,
        }
    }
    Err(Error::new(Code::MixedForms, format!("{} is written in too many ways", task.uri))
        .hint("export it again, and do not save it in a spreadsheet"))
}

fn read_into(
    shared: &Shared<'_>,
    task: &FileTask,
    hypotheses: Hypotheses,
    slot: u32,
) -> Result<Attempt> {
    let Hypotheses { reading, encoding, formats } = hypotheses;
    let text = Text::open(&task.source, encoding, &task.uri)?;
    let encoding = text.encoding;
    let Header { recognised, delimiter, needs_strict } =
        text.recognise(shared.sources, &task.uri)?;
    let formats = formats.unwrap_or_else(|| Formats::new(&recognised, delimiter));
    let again = |reading, encoding, formats| {
        Ok(Attempt::Again(Hypotheses { reading, encoding: Some(encoding), formats: Some(formats) }))
    };
    if needs_strict && reading == Reading::Fast {
        return again(Reading::Strict, encoding, formats);
    }
    let mut rows = Rows::new(shared, &recognised, formats.is_plain(), task, slot);
    let who = Who::new(&recognised);
    let width = recognised.headers.len();
    let mut rejections = Rejections::default();
    let (stream, finish) = text.into_parts();
    let rules = Rules { delimiter, reading, formats: &formats, width, what: &task.uri };
    let visited = visit_records(stream, rules, &mut |number, cells, place| {
        let rejection = if cells.is_blank() {
            rejections.blank += 1;
            None
        } else if let Some(rejection) = wrong_width(cells, width) {
            Some(rejection)
        } else if who.is_totals_line(cells) {
            rejections.blank += 1;
            None
        } else {
            rows.read(cells)?
        };
        let Some(rejection) = rejection else { return Ok(()) };
        if let Some(column) = recognised.column(&rejection.field) {
            formats.note(column, &String::from_utf8_lossy(&cells.raw(column)));
        }
        let partner = who.partner_text(cells).ok();
        rejections.add(&recognised, number, place, &rejection, partner, &task.uri)
    });
    if finish.is_not_utf8() {
        // What was read so far was read wrongly, whatever came of it.
        return again(reading, Encoding::Windows1252, formats);
    }
    // A damaged text is said to be that, whatever its records came to.
    finish.check(encoding, &task.uri)?;
    let (records, inner_lines) = match visited? {
        Structure::Whole { records, inner_lines } => (records, inner_lines),
        Structure::Irregular => return again(Reading::Strict, encoding, formats),
        Structure::Contradicted { record } => {
            return match formats.revised() {
                Ok(formats) => again(reading, encoding, formats),
                Err(contradiction) => Err(two_forms(&recognised, &contradiction, record, task)),
            };
        }
    };
    let totals = finish.totals();
    if task.is_ingest && store::etag(&task.source.path)?.as_deref() != Some(task.etag.as_str()) {
        let text = format!("{} changed while it was read", task.uri);
        return Err(Error::new(Code::FileChanged, text).hint("run again once it is complete"));
    }
    let mut result = FileResult {
        record: FileRecord::default(),
        dataset: dataset_index(&recognised.layout.dataset),
        family: Some(recognised.layout.family),
        slot,
        key: consumption_key(&recognised),
        tally: Tally::default(),
        rejected: Vec::new(),
        customers: Vec::new(),
        partners: Vec::new(),
        credentials: Vec::new(),
        locations: Vec::new(),
    };
    let mut lacks_expiry = false;
    let mut described = None;
    match rows {
        Rows::Acr(mut rows) => {
            rows.finish()?;
            let (describer, tally, memory) = rows.into_parts();
            described = Some(describer);
            result.tally = tally;
            if formats.is_plain() {
                shared.keep_memory(memory);
            }
        }
        Rows::Seats(mut rows) => {
            rows.finish()?;
            described = Some(rows.describer);
            result.tally = rows.tally;
        }
        Rows::Credentials(rows) => {
            lacks_expiry = rows.lacks_expiry();
            result.credentials = rows.rows;
            result.tally = rows.tally;
        }
        Rows::Customers(rows) => {
            described = Some(rows.describer);
            result.tally = rows.tally;
        }
        Rows::Locations(rows) => {
            result.locations = rows.rows;
            result.tally = rows.tally;
        }
    }
    if let Some(Describer { customers, partners, .. }) = described {
        result.customers = customers.into_iter().collect();
        result.partners = partners.into_iter().collect();
    }
    if result.tally.amount_cells > 0 && result.tally.blank_amounts == result.tally.amount_cells {
        return Err(Error::new(
            Code::Redacted,
            format!("{}: every {} is blank", task.uri, recognised.header_of("amount")),
        )
        .hint("have it exported by someone with the executive report viewer role"));
    }
    rejections.find_lines(task, encoding)?;
    // A header takes at least one line; the blank lines are what no record explains.
    let blank_lines = totals.lines.saturating_sub(1 + records + inner_lines);
    result.record = FileRecord {
        encoding: encoding.as_str().to_owned(),
        lacks_expiry,
        assumptions: assumptions(&recognised, &formats, encoding),
        ..record_of(task, &recognised, delimiter, &totals, &result.tally, &rejections, blank_lines)
    };
    result.tally.blank = rejections.blank;
    result.tally.amount_rejected = rejections.amount;
    result.rejected = rejections.rows;
    if task.is_ingest {
        check_limits(&result, task)?;
    }
    Ok(Attempt::Read(Box::new(result)))
}

/// What had to be taken for granted of a file, as check id and what it is about.
fn assumptions(
    header: &Recognised<'_>,
    formats: &Formats,
    encoding: Encoding,
) -> Vec<(String, String)> {
    let mut assumed = Vec::new();
    for (check, cell_type) in [
        ("month_order_ambiguous", CellType::Month),
        ("date_order_ambiguous", CellType::Date),
        ("decimal_mark_ambiguous", CellType::Number),
    ] {
        for column in formats.assumed(cell_type) {
            assumed.push((check.to_owned(), header.headers[column].clone()));
        }
    }
    if encoding == Encoding::Windows1252 {
        assumed.push(("encoding_assumed".to_owned(), encoding.as_str().to_owned()));
    }
    assumed
}

/// A column that neither of two forms explains.
fn two_forms(
    header: &Recognised<'_>,
    contradiction: &Contradiction,
    record: u64,
    task: &FileTask,
) -> Error {
    let Contradiction { column, cell, .. } = contradiction;
    let name = header.headers.get(*column).map(String::as_str).unwrap_or_default();
    Error::new(
        Code::MixedForms,
        format!(
            "{}, record {record}: the column {name} is written in two ways; {cell:?} contradicts others",
            task.uri
        ),
    )
    .hint("export it again, and do not save it in a spreadsheet")
}

fn record_of(
    task: &FileTask,
    recognised: &Recognised<'_>,
    delimiter: u8,
    totals: &Totals,
    tally: &Tally,
    rejections: &Rejections,
    blank_lines: u64,
) -> FileRecord {
    let quarantined = rejections.rows.len() as u64;
    let skipped = rejections.blank + blank_lines;
    FileRecord {
        uri: task.uri.clone(),
        bytes: totals.bytes,
        etag: task.etag.clone(),
        content_hash: totals.content_hash.clone(),
        dataset: recognised.layout.dataset.clone(),
        layout: recognised.layout.id.clone(),
        delimiter: if delimiter == b'\t' {
            "\\t".to_owned()
        } else {
            char::from(delimiter).to_string()
        },
        first_month: tally.months.map(|(first, _)| first.to_string()),
        last_month: tally.months.map(|(_, last)| last.to_string()),
        records: tally.accepted + quarantined + skipped,
        accepted: tally.accepted,
        quarantined,
        skipped,
        not_used: tally.not_used.values().sum(),
        not_used_reasons: tally
            .not_used
            .iter()
            .map(|(reason, count)| ((*reason).to_owned(), *count))
            .collect::<BTreeMap<_, _>>(),
        amount_accepted: tally.amount_accepted.to_string(),
        amount_not_used: tally.amount_not_used.to_string(),
        amount_digits_dropped: tally.digits_dropped,
        unknown_columns: recognised.unknown.clone(),
        ..FileRecord::default()
    }
}
