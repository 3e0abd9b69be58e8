//! Records of a file that do not convert: where they stand, and how many are too many.

use super::cells::Cells;
use super::decode::lines_after;
use super::encoding::Encoding;
use super::layout::Recognised;
use super::reader::{FileResult, FileTask};
use super::records::Place;
use super::row::Rejection;
use crate::error::{Code, Error, Result};
use crate::money::Money;

/// A file is abandoned when more rows than this are rejected.
const MOST_REJECTIONS: usize = 500_000;
/// Bytes of a rejected value that are kept.
const KEPT_VALUE: usize = 200;

/// A row of the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejected {
    pub(super) record: u64,
    pub(super) line: u64,
    pub(super) column: String,
    pub(super) reason: &'static str,
    pub(super) raw_value: Option<String>,
    pub(super) partner: Option<(String, bool)>,
}

/// What one reading collects beside its rows.
#[derive(Default)]
pub(super) struct Rejections {
    pub(super) rows: Vec<Rejected>,
    places: Vec<Place>,
    pub(super) amount: Money,
    /// Blank and totals lines.
    pub(super) blank: u64,
}

/// Fewer fields than the header, or more that are not blank.
pub(super) fn wrong_width(cells: &Cells<'_>, width: usize) -> Option<Rejection> {
    let extra = (width..cells.len()).any(|at| !cells.get(at).is_empty());
    (cells.len() < width || extra)
        .then(|| Rejection::new("", "field_count", format!("{} fields", cells.len()).as_bytes()))
}

/// Refuses a file with too many rejected rows or too much rejected money.
pub(super) fn check_limits(result: &FileResult, task: &FileTask) -> Result<()> {
    let rejected = result.record.quarantined;
    let allowed = (result.record.records / 200).max(10);
    let amount = result.tally.amount_rejected.0.abs();
    let all = result.tally.amount_accepted.0.abs() + amount;
    let too_many = rejected > allowed;
    if !too_many && amount * 100 <= all {
        return Ok(());
    }
    let first = result.rejected.first();
    let example = first.map(|row| {
        format!(
            "; the first: record {}, line {}, column {:?}: {}",
            row.record, row.line, row.column, row.reason
        )
    });
    let what = if too_many {
        format!(
            "{rejected} of {} records were rejected (allowed: {allowed})",
            result.record.records
        )
    } else {
        format!("{} of {} USD were rejected (allowed: 1 %)", Money(amount), Money(all))
    };
    Err(Error::new(
        Code::QuarantineLimit,
        format!("{}: {what}{}", task.uri, example.unwrap_or_default()),
    )
    .hint("run `capscore inspect` on the file; mend the export, or leave it out with --on-bad-file set-aside"))
}

impl Rejections {
    pub(super) fn add(
        &mut self,
        header: &Recognised<'_>,
        record: u64,
        place: Place,
        rejection: &Rejection,
        partner: Option<(String, bool, String)>,
        what: &str,
    ) -> Result<()> {
        if rejection.reason == "id_ruined" {
            let name = header.header_of(&rejection.field);
            // What is about a person is not shown.
            let text = if header.layout.is_private(&rejection.field) {
                format!("{what}, record {record}: {name} is no id any more")
            } else {
                let cell = String::from_utf8_lossy(&rejection.raw);
                format!("{what}, record {record}: {name} is {cell:?}, no id any more")
            };
            return Err(Error::new(Code::RuinedIds, text)
            .hint("a spreadsheet has rounded the ids: export the file again and do not save it from there"));
        }
        if self.rows.len() >= MOST_REJECTIONS {
            return Err(Error::new(
                Code::QuarantineLimit,
                format!("{what}: more than {MOST_REJECTIONS} records were rejected"),
            )
            .hint("run `capscore inspect` on the file"));
        }
        let is_private = header.layout.is_private(&rejection.field);
        let kept = &rejection.raw[..rejection.raw.len().min(KEPT_VALUE)];
        self.amount += Money(rejection.amount.0.abs());
        self.places.push(place);
        self.rows.push(Rejected {
            record,
            line: 0,
            column: if rejection.field.is_empty() {
                String::new()
            } else {
                header.header_of(&rejection.field)
            },
            reason: rejection.reason,
            raw_value: (!is_private).then(|| String::from_utf8_lossy(kept).into_owned()),
            partner: partner.map(|(id, is_account, _)| (id, is_account)),
        });
        Ok(())
    }

    /// Turns places into line numbers; only files with rejected rows pay for it.
    pub(super) fn find_lines(&mut self, task: &FileTask, encoding: Encoding) -> Result<()> {
        let after: Vec<u64> = self
            .places
            .iter()
            .filter_map(|place| match place {
                Place::After(position) => Some(*position),
                Place::Line(_) => None,
            })
            .collect();
        let found = if after.is_empty() {
            Vec::new()
        } else {
            lines_after(&task.source, encoding, &after, &task.uri)?
        };
        let mut found = found.into_iter();
        for (row, place) in self.rows.iter_mut().zip(&self.places) {
            row.line = match place {
                Place::Line(line) => *line,
                Place::After(_) => found.next().unwrap_or_default(),
            };
        }
        Ok(())
    }
}
