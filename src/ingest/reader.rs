//! Reads one file: one pass over its bytes that decodes, checks the structure, converts, and hands
//! the rows to the shared buckets. A file that turns out to be written otherwise than it was taken
//! for starts again; what a given-up reading handed over belongs to a slot that does not count.

use std::collections::{BTreeMap, BTreeSet};

use super::business::BusinessRow;
use super::consumption_key::consumption_key;
use super::credentials::CredentialRow;
use super::decode::{Header, Text, Totals};
use super::describe::Description;
use super::encoding::Encoding;
use super::enrolments::EnrolmentRow;
use super::formats::{Contradiction, Formats};
use super::identity::repeating;
use super::layout::{CellType, Family, Recognised, dataset_index};
use super::locations::LocationRow;
use super::packed::Source;
use super::records::{Reading, Rules, Structure, visit_records};
use super::rejections::{Rejected, Rejections, check_limits, wrong_width};
use super::resellers::ResellerRow;
use super::row::Who;
use super::rows::Rows;
use super::shared::Shared;
use super::tally::Tally;
use super::values;
use crate::error::{Code, Error, Result};
use crate::facts::FileRecord;
use crate::money::Money;
use crate::store::Store;

/// How often a file is read: by the strict reader, by another encoding, by other forms of columns.
pub(super) const MOST_ATTEMPTS: u32 = 32;

/// One file to read.
#[derive(Debug, Clone)]
pub(super) struct FileTask {
    /// Place among the files of the batch.
    pub(super) number: u32,
    /// Index of the delivery in the batch.
    pub(super) delivery: usize,
    pub(super) uri: String,
    pub(super) source: Source,
    /// Where it is stored; none for an inspection.
    pub(super) stored: Option<(Store, String)>,
    pub(super) etag: String,
    pub(super) is_distributor: bool,
    /// Whose it is by its folder, for exports that do not say it.
    pub(super) partner: Option<String>,
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
    /// Names of resellers.
    pub(super) resellers: Vec<Description>,
    pub(super) credentials: Vec<CredentialRow>,
    pub(super) locations: Vec<LocationRow>,
    pub(super) enrolments: Vec<EnrolmentRow>,
    /// Resellers of subscriptions, and how often each is said.
    pub(super) sold: Vec<(ResellerRow, u64)>,
    pub(super) business: Vec<BusinessRow>,
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
    // An archive is shared by its members.
    let Some((store, path)) = task.stored.as_ref().filter(|_| task.source.member.is_none()) else {
        return read_local(shared, task);
    };
    store.fetch(path)?;
    let read = read_local(shared, task);
    store.release(path);
    read
}

fn read_local(shared: &Shared<'_>, task: &FileTask) -> Result<FileResult> {
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
    let Header { mut recognised, delimiter, needs_strict } =
        text.recognise(shared.sources, &task.uri)?;
    if !shared.keeps_customer_names {
        // Like a column that nobody knows: it tells lines apart, and ends here.
        recognised.columns.remove("customer_name");
    }
    if !recognised.layout.names_partner() {
        recognised.partner = Some(given_partner(task, &recognised)?);
    }
    let formats = formats.unwrap_or_else(|| Formats::new(&recognised, delimiter));
    let again = |reading, encoding, formats| {
        Ok(Attempt::Again(Hypotheses { reading, encoding: Some(encoding), formats: Some(formats) }))
    };
    if needs_strict && reading == Reading::Fast {
        return again(Reading::Strict, encoding, formats);
    }
    // What cells come to may be remembered where it tells nothing about how the file is written.
    let remembers = formats.are_plain(&repeating(&recognised));
    let mut rows = Rows::new(shared, &recognised, (delimiter, reading), remembers, task, slot);
    let who = Who::new(&recognised);
    let width = recognised.headers.len();
    let mut rejections = Rejections::default();
    let (mut erased, mut erased_months) = ((0, Money::ZERO), BTreeSet::new());
    let mut scratch = Vec::new();
    let (stream, finish) = text.into_parts();
    let rules = Rules { delimiter, reading, formats: &formats, width, what: &task.uri };
    let visited = visit_records(stream, rules, &mut |number, cells, place| {
        // Nearly every record names its month, and so is neither blank nor a totals line.
        let has_month = who.has_month(cells);
        let rejection = if !has_month && cells.is_blank() {
            rejections.blank += 1;
            None
        } else if let Some(rejection) = wrong_width(cells, width) {
            Some(rejection)
        } else if !has_month && who.is_totals_line(cells) {
            rejections.blank += 1;
            None
        } else if !shared.erased.is_empty()
            && rows.is_erased(cells, &who, &shared.erased, &mut scratch)
        {
            let amount = recognised.column("amount").map(|at| Money::parse(&cells.get(at)));
            erased.0 += 1;
            // A list has no months, whatever its rows say.
            if !recognised.layout.is_snapshot {
                erased_months.extend(who.month(cells));
            }
            erased.1 += amount.and_then(std::result::Result::ok).unwrap_or_default().0;
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
        Structure::Irregular => {
            rows.give_up(shared, remembers);
            return again(Reading::Strict, encoding, formats);
        }
        Structure::Contradicted { record } => {
            rows.give_up(shared, remembers);
            return match formats.revised() {
                Ok(formats) => again(reading, encoding, formats),
                Err(contradiction) => Err(two_forms(&recognised, &contradiction, record, task)),
            };
        }
    };
    let totals = finish.totals();
    if let Some((store, path)) = &task.stored
        && store.head(path)?.map(|entry| entry.etag).as_ref() != Some(&task.etag)
    {
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
        resellers: Vec::new(),
        credentials: Vec::new(),
        locations: Vec::new(),
        enrolments: Vec::new(),
        sold: Vec::new(),
        business: Vec::new(),
    };
    let lacks_expiry = rows.finish(&mut result, shared, remembers)?;
    result.tally.erased(&erased_months, erased.0, erased.1);
    if result.tally.amount_cells > 0 && result.tally.blank_amounts == result.tally.amount_cells {
        return Err(Error::new(
            Code::Redacted,
            format!(
                "{}: every {} is blank",
                task.uri,
                recognised.header_of(recognised.layout.amount_field())
            ),
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
    let unknown = result.tally.unknown_attributions.iter();
    let unknown = unknown.map(|name| ("attributions_unknown".to_owned(), format!("{name:?}")));
    result.record.assumptions.extend(unknown);
    result.tally.blank = rejections.blank;
    result.tally.amount_rejected = rejections.amount;
    result.rejected = rejections.rows;
    if task.is_ingest {
        check_limits(&result, task)?;
    }
    Ok(Attempt::Read(Box::new(result)))
}

/// The partner of an export that does not name any.
fn given_partner(task: &FileTask, header: &Recognised<'_>) -> Result<String> {
    let text = match &task.partner {
        Some(given) => match values::partner_id(given.as_bytes()) {
            Ok(partner) if !partner.is_empty() => return Ok(partner.into_owned()),
            _ => format!("{}: {given:?} is no partner id", task.uri),
        },
        None => format!("{}: the {} does not say whose it is", task.uri, header.layout.title),
    };
    Err(Error::new(Code::MissingColumn, text)
        .hint("put it into a folder that names the partner, e.g. 2026-10-21/partner=1000013"))
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
    let expected = header.layout.expected.iter();
    for field in expected.filter(|field| header.column(field).is_none()) {
        assumed.push(("columns_missing".to_owned(), header.header_of(field)));
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
        is_distributor: task.is_distributor,
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
        amount_rejected: Some(rejections.amount.to_string()),
        amount_unflagged: tally.amount_unflagged.map(|amount| amount.to_string()),
        amount_digits_dropped: tally.digits_dropped,
        unknown_columns: recognised.unknown.clone(),
        ..FileRecord::default()
    }
}
