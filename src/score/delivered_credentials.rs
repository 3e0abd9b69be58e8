//! The credentials that exports tell of, as plain rows.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, LazyFrame, SortMultipleOptions};

use super::measure::of_partners;
use crate::calendar::{Day, Month, MonthMemo};
use crate::engine;
use crate::engine::bug;
use crate::error::Result;
use crate::facts::PartnerRange;
use crate::ids::FieldHasher;
use crate::rules::Certifications;

/// People by partner (account) and certification.
pub type Held = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// All credentials as plain rows, sorted by partner.
pub struct DeliveredCredentials {
    frame: DataFrame,
}

/// One credential of a person, as delivered.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeliveredCredential<'a> {
    pub(super) partner_id: &'a str,
    pub(super) person_key: &'a str,
    pub(super) title: &'a str,
    pub(super) earned_on: Day,
    pub(super) expires_on: Option<Day>,
    /// Whether its file has a column for the expiry.
    pub(super) is_expiry_known: bool,
}

impl DeliveredCredentials {
    /// Collects `partner_id`, `person_key`, `title`, `earned_on`, `expires_on`, `is_expiry_known`.
    ///
    /// # Errors
    /// CS9001.
    pub fn collect(credentials: &LazyFrame) -> Result<Self> {
        let frame = credentials.clone().sort(
            ["partner_id", "person_key", "title", "earned_on", "expires_on", "is_expiry_known"],
            SortMultipleOptions::default(),
        );
        Ok(Self { frame: engine::collect(frame, "credentials")? })
    }

    /// In their order.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn rows(&self) -> Result<impl Iterator<Item = DeliveredCredential<'_>>> {
        let text = |name: &str| self.frame.column(name).and_then(|column| column.str());
        let date = |name: &str| self.frame.column(name).and_then(|column| column.date());
        let partner_id = text("partner_id").map_err(bug)?;
        let person_key = text("person_key").map_err(bug)?;
        let title = text("title").map_err(bug)?;
        let earned_on = date("earned_on").map_err(bug)?.physical();
        let expires_on = date("expires_on").map_err(bug)?.physical();
        let is_known = self.frame.column("is_expiry_known").and_then(|column| column.bool());
        let is_known = is_known.map_err(bug)?;
        Ok((0..self.frame.height()).filter_map(move |at| {
            Some(DeliveredCredential {
                partner_id: partner_id.get(at)?,
                person_key: person_key.get(at)?,
                title: title.get(at)?,
                earned_on: Day(earned_on.get(at)?),
                expires_on: expires_on.get(at).map(Day),
                is_expiry_known: is_known.get(at)?,
            })
        }))
    }

    /// A hash of all that is known of the credentials of each month in which any was earned.
    ///
    /// # Errors
    /// CS9001.
    pub fn hashes(&self) -> Result<BTreeMap<Month, blake3::Hash>> {
        let mut hashers: BTreeMap<Month, FieldHasher> = BTreeMap::new();
        let mut months = MonthMemo::default();
        for row in self.rows()? {
            let hasher = hashers.entry(months.of(row.earned_on)).or_default();
            for text in [row.partner_id, row.person_key, row.title] {
                hasher.add_text(text);
            }
            hasher.add(row.earned_on.0);
            hasher.add_some(row.expires_on.map(|day| day.0));
            hasher.add(row.is_expiry_known);
        }
        Ok(hashers.into_iter().map(|(month, hasher)| (month, hasher.finish())).collect())
    }

    /// Those of the partners of a range.
    ///
    /// # Errors
    /// CS9001.
    pub fn of(&self, range: &PartnerRange) -> Result<Self> {
        Ok(Self { frame: of_partners(&self.frame, range)? })
    }

    /// The partners with a credential that was earned by a day.
    ///
    /// # Errors
    /// CS9001.
    pub(super) fn partners(&self, day: Day) -> Result<BTreeSet<String>> {
        let earned = self.rows()?.filter(|row| row.earned_on <= day);
        let mut partners: Vec<&str> = earned.map(|row| row.partner_id).collect();
        partners.dedup();
        Ok(partners.into_iter().map(str::to_owned).collect())
    }

    /// People by partner and certification, whose certificates are in force on a day.
    ///
    /// # Errors
    /// CS9001.
    pub fn held(&self, catalog: &Certifications, day: Day) -> Result<Held> {
        let mut held = Held::new();
        for row in self.rows()?.filter(|row| row.earned_on <= day) {
            let is_valid = row.expires_on.is_none_or(|last| last >= day);
            let found = catalog.by_title(row.title).filter(|_| is_valid);
            let Some(found) = found else { continue };
            held.entry(row.partner_id.to_owned())
                .or_default()
                .entry(found.certification.code.clone())
                .or_default()
                .insert(row.person_key.to_owned());
        }
        Ok(held)
    }
}
