//! What a file is, without ingesting it.

use serde::Serialize;

use super::decode::Text;
use super::layout::Sources;
use super::packed::Source;
use super::person::PersonKey;
use super::reader::{FileTask, read_file};
use super::shared::{Learned, Shared};
use crate::error::{Code, Error, Result};
use crate::facts::Erased;
use crate::rules::Catalogs;
use crate::store::Store;

/// What a file is and what an ingest would make of it.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// The file.
    pub file: String,
    /// The dataset.
    pub dataset: String,
    /// The export's name.
    pub title: String,
    /// The layout.
    pub layout: String,
    /// The text encoding.
    pub encoding: String,
    /// `,`, `;`, `|` or `\t`.
    pub delimiter: String,
    /// First and last month, for monthly datasets.
    pub months: Option<(String, String)>,
    /// Records, blank and totals lines included.
    pub records: u64,
    /// Records that would be accepted.
    pub accepted: u64,
    /// Records that would be rejected.
    pub rejected: u64,
    /// Blank and totals lines.
    pub skipped: u64,
    /// The sum of accepted amounts, for datasets with money.
    pub amount_usd: Option<String>,
    /// Columns as field: header.
    pub columns: Vec<(String, String)>,
    /// Columns that no alias knows.
    pub unknown_columns: Vec<String>,
    /// What had to be taken for granted of how it is written: check id and column.
    pub assumptions: Vec<(String, String)>,
    /// The first rejected records.
    pub rejections: Vec<RejectedRecord>,
}

/// One rejected record.
#[derive(Debug, Clone, Serialize)]
pub struct RejectedRecord {
    /// 1 is the first record after the header.
    pub record: u64,
    /// The line in the file.
    pub line: u64,
    /// The column, `''` for the whole record.
    pub column: String,
    /// A stable reason code.
    pub reason: String,
    /// The value, unless the column is about a person.
    pub value: Option<String>,
}

const SHOWN_REJECTIONS: usize = 20;

/// Reads a file, or each member of an archive, as an ingest would.
///
/// # Errors
/// CS2001, CS3003 to CS3011, CS4001.
pub fn inspect(location: &str, sources: &Sources, catalogs: &Catalogs) -> Result<Vec<Inspection>> {
    let uri = location.to_owned();
    let (store, name) = Store::open_input(location)?;
    let Some(name) = name else {
        return Err(
            Error::new(Code::StorageRead, format!("{uri} is no file")).hint("give the files in it")
        );
    };
    let found = Source::all(store.fetch(&name)?, &uri)?;
    if found.is_empty() {
        return Err(Error::new(Code::Undecodable, format!("{uri} is an archive without a file"))
            .hint("fetch it again"));
    }
    found.into_iter().map(|source| inspect_source(source, &uri, sources, catalogs)).collect()
}

fn inspect_source(
    source: Source,
    archive: &str,
    sources: &Sources,
    catalogs: &Catalogs,
) -> Result<Inspection> {
    let uri = match &source.member {
        Some(member) => format!("{archive}/{}", member.place()),
        None => archive.to_owned(),
    };
    let person_key = PersonKey::from_secret("inspect");
    let learned = Learned::new(64 << 20);
    let shared = Shared::new(sources, catalogs, &person_key, &learned, Erased::default(), true);
    let header = Text::open(&source, None, &uri)?.recognise(sources, &uri)?.recognised;
    let columns = header
        .columns
        .iter()
        .map(|(field, at)| ((*field).to_owned(), header.headers[*at].clone()))
        .collect();
    let task = FileTask {
        number: 0,
        delivery: 0,
        partner: super::discover::partner_of(&uri),
        uri,
        source,
        stored: None,
        etag: String::new(),
        is_distributor: false,
        is_ingest: false,
    };
    let result = read_file(&shared, &task)?;
    let record = result.record;
    Ok(Inspection {
        file: task.uri,
        dataset: record.dataset,
        title: header.layout.title.clone(),
        layout: record.layout,
        encoding: record.encoding,
        delimiter: record.delimiter,
        months: record.first_month.zip(record.last_month),
        records: record.records,
        accepted: record.accepted,
        rejected: record.quarantined,
        skipped: record.skipped,
        amount_usd: (result.tally.amount_cells > 0).then_some(record.amount_accepted),
        columns,
        unknown_columns: record.unknown_columns,
        assumptions: record.assumptions,
        rejections: result
            .rejected
            .into_iter()
            .take(SHOWN_REJECTIONS)
            .map(|row| RejectedRecord {
                record: row.record,
                line: row.line,
                column: row.column,
                reason: row.reason.to_owned(),
                value: row.raw_value,
            })
            .collect(),
    })
}
