//! Rows of trainings, exams and certifications. Names and addresses of people end here: facts know
//! a person by a keyed hash only.

use super::intern::LocalInterner;
use super::layout::{Family, Recognised};
use super::person::{MCP, PersonKey, identity};
use super::records::Cells;
use super::row::{Rejection, Who, cell, text};
use super::tally::Tally;
use super::values;
use crate::money::Money;

/// One credential row, texts interned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct CredentialRow {
    pub(super) partner: u32,
    pub(super) person_key: String,
    pub(super) title: u32,
    pub(super) kind: u32,
    /// Days since 1970.
    pub(super) earned_on: i32,
    pub(super) expires_on: Option<i32>,
    pub(super) is_expiry_known: bool,
    pub(super) status: u32,
}

/// Converts the records of one file.
pub(super) struct CredentialReader<'a> {
    who: Who,
    title: Option<usize>,
    kind: Option<usize>,
    earned_on: Option<usize>,
    expires_on: Option<usize>,
    status: Option<usize>,
    /// Whether every row counts for something: the page lists nothing else.
    is_listed: bool,
    /// What identifies a person, best first.
    ladder: [(&'static str, Vec<usize>); 5],
    person_key: &'a PersonKey,
    intern: LocalInterner<'a>,
    scratch: Vec<u8>,
    pub(super) rows: Vec<CredentialRow>,
    pub(super) tally: Tally,
}

impl<'a> CredentialReader<'a> {
    pub(super) fn new(
        header: &Recognised<'_>,
        person_key: &'a PersonKey,
        intern: LocalInterner<'a>,
    ) -> Self {
        let column = |field: &str| header.column(field);
        let columns = |fields: &[&str]| fields.iter().filter_map(|field| column(field)).collect();
        Self {
            who: Who::new(header),
            title: column("title"),
            kind: column("kind"),
            earned_on: column("earned_on"),
            expires_on: column("expires_on"),
            status: column("status"),
            is_listed: header.layout.family == Family::ListedCredentials,
            ladder: [
                (MCP, columns(&["mcp_id"])),
                ("directory", columns(&["directory_user_id"])),
                ("mail", columns(&["corporate_mail"])),
                ("private mail", columns(&["mail"])),
                ("name", columns(&["first_name", "last_name"])),
            ],
            person_key,
            intern,
            scratch: Vec::new(),
            rows: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Converts one record.
    pub(super) fn read(&mut self, cells: &Cells<'_>) -> Result<(), Rejection> {
        let partner = self.who.partner(cells, &mut self.intern, &mut self.scratch)?;
        let title_cell = cell(cells, self.title);
        let title = text(&title_cell, "title")?;
        if title.is_empty() {
            return Err(Rejection::new("title", "title_missing", b""));
        }
        let earned_cell = cell(cells, self.earned_on);
        let earned_on = values::day(&earned_cell)
            .map_err(|reason| Rejection::new("earned_on", reason, &earned_cell))?;
        let expires_cell = cell(cells, self.expires_on);
        let expires_on = if values::is_blank(&expires_cell) {
            None
        } else {
            let day = values::day(&expires_cell);
            Some(day.map_err(|reason| Rejection::new("expires_on", reason, &expires_cell))?.0)
        };
        let person = self.person(cells)?;
        let kind_cell = cell(cells, self.kind);
        let kind = text(&kind_cell, "kind")?;
        let status_cell = cell(cells, self.status);
        let status = text(&status_cell, "status")?;
        self.tally.accept(partner.id, None, Money::ZERO, partner.location);
        // No rule counts an exam or a module; a certification or an assessment may.
        let unused = match kind.to_ascii_lowercase().trim_end_matches('s') {
            "certification" | "assessment" => None,
            "exam" => Some("exam"),
            _ => Some("unknown_kind"),
        };
        if let Some(reason) = unused.filter(|_| !self.is_listed) {
            self.tally.not_used(reason, Money::ZERO);
            return Ok(());
        }
        self.rows.push(CredentialRow {
            partner: partner.id,
            person_key: self.person_key.hash(&person),
            title: self.intern.id(title.as_bytes()),
            kind: self.intern.id(kind.as_bytes()),
            earned_on: earned_on.0,
            expires_on,
            is_expiry_known: self.expires_on.is_some(),
            status: self.intern.id(status.as_bytes()),
        });
        Ok(())
    }

    /// The first rung of the ladder that the row fills.
    fn person(&self, cells: &Cells<'_>) -> Result<Vec<u8>, Rejection> {
        for (rung, columns) in &self.ladder {
            let values: Vec<_> = columns.iter().map(|column| cells.get(*column)).collect();
            if values.iter().any(|value| !values::is_blank(value)) {
                let values = values.iter().map(|value| String::from_utf8_lossy(value));
                return Ok(identity(rung, values));
            }
        }
        Err(Rejection::new("mcp_id", "person_missing", b""))
    }

    /// The key of a record's person, where it names one.
    pub(super) fn person_key(&self, cells: &Cells<'_>) -> Option<String> {
        self.person(cells).ok().map(|person| self.person_key.hash(&person))
    }

    /// Whether the file lacks the expiry column.
    pub(super) fn lacks_expiry(&self) -> bool {
        self.expires_on.is_none()
    }
}
