//! Rows of trainings, exams and certifications. Names and addresses of people end here: facts know
//! a person by a keyed hash only. Partners, people and certifications repeat from row to row: each is
//! converted once.

use super::cells::Cells;
use super::intern::LocalInterner;
use super::layout::{Family, Recognised};
use super::memo::Memo;
use super::memory::{Memory, Memos};
use super::person::{DIRECTORY, MCP, PersonKey, identity, person_text};
use super::records::Reading;
use super::row::{LastDay, Partner, Rejection, Who, cell, text};
use super::shared::Shared;
use super::tally::Tally;
use super::values;
use crate::money::Money;

/// One credential row, texts interned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct CredentialRow {
    pub(super) partner: u32,
    pub(super) person_key: u128,
    pub(super) title: u32,
    pub(super) kind: u32,
    /// Days since 1970.
    pub(super) earned_on: i32,
    pub(super) expires_on: Option<i32>,
    pub(super) is_expiry_known: bool,
    pub(super) status: u32,
}

/// What a record says of the credential, texts interned.
#[derive(Clone, Copy)]
struct Credential {
    title: u32,
    kind: u32,
    status: u32,
    /// Why no rule can use it, if none can.
    unused: Option<&'static str>,
}

/// What was converted before.
pub(super) struct People {
    partners: Memo<Partner>,
    /// Their keys.
    keys: Memo<u128>,
    credentials: Memo<Credential>,
}

impl Memos for People {
    fn len(&self) -> usize {
        self.keys.len()
    }
}

/// Converts the records of one file.
pub(super) struct CredentialReader<'a> {
    who: Who,
    earned_on: Option<usize>,
    expires_on: Option<usize>,
    title: Option<usize>,
    kind: Option<usize>,
    status: Option<usize>,
    memory: Memory<People>,
    earned: LastDay,
    expiry: LastDay,
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
        shared: &'a Shared<'a>,
        form: (u8, Reading),
        memory: Option<Memory<People>>,
    ) -> Self {
        let column = |field: &str| header.column(field);
        let columns = |fields: &[&str]| fields.iter().filter_map(|field| column(field)).collect();
        let ascending = |fields: &[&str]| {
            let mut columns: Vec<usize> = columns(fields);
            columns.sort_unstable();
            columns
        };
        let ladder = [
            (MCP, columns(&["mcp_id"])),
            (DIRECTORY, columns(&["directory_user_id"])),
            ("mail", columns(&["corporate_mail"])),
            ("private mail", columns(&["mail"])),
            ("name", columns(&["first_name", "last_name"])),
        ];
        let mut of_person: Vec<usize> = ladder.iter().flat_map(|rung| rung.1.clone()).collect();
        of_person.sort_unstable();
        let new = || People {
            partners: Memo::of(&ascending(&["account_id", "location_id"])),
            keys: Memo::of(&of_person),
            credentials: Memo::of(&ascending(&["title", "kind", "status"])),
        };
        let mut memory = memory.unwrap_or_else(|| Memory::new(header, form, new()));
        let texts = std::mem::take(&mut memory.texts);
        Self {
            who: Who::new(header),
            memory,
            earned: LastDay::default(),
            expiry: LastDay::default(),
            title: column("title"),
            kind: column("kind"),
            earned_on: column("earned_on"),
            expires_on: column("expires_on"),
            status: column("status"),
            is_listed: header.layout.family == Family::ListedCredentials,
            ladder,
            person_key: shared.person_key,
            intern: shared.learned.intern.local_with(texts),
            scratch: Vec::new(),
            rows: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Converts one record.
    pub(super) fn read(&mut self, cells: &Cells<'_>) -> Result<(), Rejection> {
        let partner = match self.memory.memos.partners.find(cells) {
            Ok(place) => place,
            Err(fingerprint) => {
                let partner = self.who.partner(cells, &mut self.intern, &mut self.scratch)?;
                self.memory.memos.partners.keep(fingerprint, partner)
            }
        };
        let credential = match self.memory.memos.credentials.look_up(cells) {
            Ok(place) => place,
            Err(fingerprint) => {
                let credential = self.credential(cells)?;
                self.memory.memos.credentials.keep(fingerprint, credential)
            }
        };
        let earned_on = self.earned.read(cells, self.earned_on, "earned_on")?;
        let earned_on = earned_on.ok_or_else(|| {
            Rejection::new("earned_on", "date_invalid", &cell(cells, self.earned_on))
        })?;
        let expires_on = self.expiry.read(cells, self.expires_on, "expires_on")?;
        let person = match self.memory.memos.keys.find(cells) {
            Ok(place) => place,
            Err(fingerprint) => {
                let key = self.person_key.hash(&self.person(cells)?);
                self.memory.memos.keys.keep(fingerprint, key)
            }
        };
        let People { partners, keys, credentials } = &self.memory.memos;
        let partner = partners.get(partner);
        let Credential { title, kind, status, unused } = *credentials.get(credential);
        self.tally.accept(partner.id, None, Money::ZERO, partner.location);
        if let Some(reason) = unused.filter(|_| !self.is_listed) {
            self.tally.not_used(reason, Money::ZERO);
            return Ok(());
        }
        self.rows.push(CredentialRow {
            partner: partner.id,
            person_key: *keys.get(person),
            title,
            kind,
            earned_on: earned_on.0,
            expires_on: expires_on.map(|day| day.0),
            is_expiry_known: self.expires_on.is_some(),
            status,
        });
        Ok(())
    }

    fn credential(&mut self, cells: &Cells<'_>) -> Result<Credential, Rejection> {
        let title_cell = cell(cells, self.title);
        let title = text(&title_cell, "title")?;
        if title.is_empty() {
            return Err(Rejection::new("title", "title_missing", b""));
        }
        let kind_cell = cell(cells, self.kind);
        let kind = text(&kind_cell, "kind")?;
        let status_cell = cell(cells, self.status);
        let status = text(&status_cell, "status")?;
        // No rule counts an exam or a module; a certification or an assessment may.
        let unused = match kind.to_ascii_lowercase().trim_end_matches('s') {
            "certification" | "assessment" => None,
            "exam" => Some("exam"),
            _ => Some("unknown_kind"),
        };
        Ok(Credential {
            title: self.intern.id(title.as_bytes()),
            kind: self.intern.id(kind.as_bytes()),
            status: self.intern.id(status.as_bytes()),
            unused,
        })
    }

    /// The first rung of the ladder that the row fills.
    fn person(&self, cells: &Cells<'_>) -> Result<Vec<u8>, Rejection> {
        for (rung, columns) in &self.ladder {
            let values: Vec<_> = columns.iter().map(|column| cells.get(*column)).collect();
            if values.iter().any(|value| !values::is_blank(value)) {
                if *rung == MCP {
                    let id = values::id(&values[0]);
                    let id = id.map_err(|reason| Rejection::new("mcp_id", reason, &values[0]))?;
                    // An id of zeros is none.
                    if id.bytes().all(|byte| byte == b'0') {
                        continue;
                    }
                }
                let values = values.iter().map(|value| String::from_utf8_lossy(value));
                return Ok(identity(rung, values));
            }
        }
        Err(Rejection::new("mcp_id", "person_missing", b""))
    }

    /// The key of a record's person, where it names one.
    pub(super) fn person_key(&self, cells: &Cells<'_>) -> Option<String> {
        self.person(cells).ok().map(|person| person_text(self.person_key.hash(&person)))
    }

    /// What the next file that is written alike may go on with.
    pub(super) fn into_memory(self) -> Memory<People> {
        self.memory.with_texts(self.intern.into_known())
    }

    /// Whether the file lacks the expiry column.
    pub(super) fn lacks_expiry(&self) -> bool {
        self.expires_on.is_none()
    }
}
