//! The key of the hash that people are known by.

use std::fmt;

use uuid::Uuid;

use super::values;
use crate::error::{Code, Error, Result};
use crate::ids::Guid;
use crate::store::Store;

const KEY_FILE: &str = "person_key";
/// What tells the key that the facts were made with from others.
const MARK_FILE: &str = "person_key_mark";
/// The rung of the ladder with the ids of certified professionals.
pub(super) const MCP: &str = "mcp";
/// The rung with the ids of users of a directory.
pub(super) const DIRECTORY: &str = "directory";

/// What a person is told by: the rung of the ladder and what stands on it.
pub(super) fn identity(rung: &str, values: impl Iterator<Item = impl AsRef<str>>) -> Vec<u8> {
    let mut identity = rung.as_bytes().to_vec();
    for value in values {
        identity.push(0x1f);
        identity.extend_from_slice(spelled(rung, value.as_ref()).as_bytes());
    }
    identity
}

/// What stands on a rung, as every export and spreadsheet would spell it.
fn spelled(rung: &str, value: &str) -> String {
    let value = value.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{200b}');
    match Guid::parse(value.as_bytes()) {
        Some(guid) if rung == DIRECTORY => guid.as_str().to_owned(),
        _ if rung == MCP => values::id(value.as_bytes()).unwrap_or(value).to_lowercase(),
        _ => value.to_lowercase(),
    }
}

/// A secret; never printed.
#[derive(Clone)]
pub struct PersonKey([u8; 32]);

impl fmt::Debug for PersonKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PersonKey(***)")
    }
}

impl PersonKey {
    /// The key of a secret text.
    pub fn from_secret(secret: &str) -> Self {
        Self(blake3::derive_key("capscore 2026 person key", secret.as_bytes()))
    }

    /// The random key kept with the facts, if there is one.
    ///
    /// # Errors
    /// CS2001, CS6005 when the file is damaged.
    pub fn kept(facts: &Store) -> Result<Option<Self>> {
        if let Some(kept) = facts.read(KEY_FILE)? {
            let kept = String::from_utf8_lossy(&kept);
            if kept.trim().len() != 64 {
                let text = format!("{} is damaged", facts.uri_of(KEY_FILE));
                return Err(Error::new(Code::Damaged, text)
                    .hint("restore it: people of new deliveries would get other keys"));
            }
            return Ok(Some(Self::from_secret(kept.trim())));
        }
        Ok(None)
    }

    /// The random key kept with the facts; made at its first use.
    ///
    /// # Errors
    /// CS2001, CS2002, CS6005 when the file is damaged.
    pub fn of_facts(facts: &Store) -> Result<Self> {
        if let Some(kept) = Self::kept(facts)? {
            return Ok(kept);
        }
        // Two random UUIDs: 244 bits from the system's generator.
        let text = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        if facts.write_new(KEY_FILE, text.clone().into_bytes())? {
            return Ok(Self::from_secret(&text));
        }
        // Another first ingest made it meanwhile.
        Self::kept(facts)?.ok_or_else(|| Error::bug("the key of the facts is there and is not"))
    }

    /// Whether the facts were made with this key, as far as that is known; the first key is remembered
    /// by its mark.
    ///
    /// # Errors
    /// CS2001, CS2002.
    pub fn is_of(&self, facts: &Store) -> Result<bool> {
        let mark =
            blake3::keyed_hash(&self.0, b"mark").to_hex().chars().take(16).collect::<String>();
        match facts.read(MARK_FILE)? {
            Some(known) => Ok(known == mark.as_bytes()),
            None => facts.write_new(MARK_FILE, mark.into_bytes()).map(|_| true),
        }
    }

    /// The keys that a person may have in the facts, by an id or a mail address.
    pub fn keys_of(&self, text: &str) -> Vec<String> {
        let of =
            |rung: &&str| person_text(self.hash(&identity(rung, std::iter::once(text.trim()))));
        [MCP, DIRECTORY, "mail", "private mail"].iter().map(of).collect()
    }

    /// The published key of a person as a number, which compares as its text does.
    pub(super) fn hash(&self, identity: &[u8]) -> u128 {
        let hash = blake3::keyed_hash(&self.0, identity);
        hash.as_bytes().first_chunk().map_or(0, |start| u128::from_be_bytes(*start))
    }
}

/// The published key of a person.
pub(super) fn person_text(key: u128) -> String {
    format!("{key:032x}")
}
