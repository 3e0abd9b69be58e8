//! Source layouts: what an export's header looks like. Recognition is by header alone, never by
//! file name; a new spelling is a line of TOML in `pipelines/sources/`.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::layout_file::RawSource;
use crate::error::{Code, Error, Result};
use crate::pipelines::PipelineFiles;
use crate::rules::letters;
use crate::tables;

/// What the rows of a dataset become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Azure consumed revenue.
    Acr,
    /// Paid seats and active users.
    Seats,
    /// Credentials of people.
    Credentials,
    /// Locations of partners.
    Locations,
    /// Customers and their segments.
    Customers,
    /// Subscriptions and their resellers.
    Resellers,
    /// Revenue by customer and workload.
    Revenue,
    /// Usage by customer and workload.
    Usage,
    /// Enrolments of partners in areas.
    Enrolments,
    /// What was billed for Azure, in place of consumed revenue.
    Estimates,
    /// Credentials as the membership page lists them.
    ListedCredentials,
}

impl Family {
    /// The fields that a layout must require for the conversion to work.
    pub(super) fn needed(self) -> &'static [&'static str] {
        match self {
            Self::Acr => &["month", "tenant_id", "service", "attribution", "amount"],
            Self::Seats => &["month", "tenant_id", "workload", "paid_seats", "active_users"],
            Self::Credentials | Self::ListedCredentials => &["title", "kind", "earned_on"],
            Self::Locations => &["location_id", "account_id"],
            Self::Customers => &["month", "tenant_id", "segment"],
            Self::Resellers => &["month", "subscription_id", "reseller_id"],
            Self::Revenue => &["month", "tenant_id", "workload", "attribution", "amount"],
            Self::Usage => &["month", "tenant_id", "workload", "attribution", "mau"],
            Self::Enrolments => &["area", "anniversary_date"],
            Self::Estimates => &["month", "tenant_id", "service"],
        }
    }
}

/// What the cells of a column are, where they are more than text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellType {
    /// A number: an amount or a count.
    Number,
    /// A day.
    Date,
    /// The first day of a month.
    Month,
}

/// All source layouts.
#[derive(Debug, Clone)]
pub struct Sources {
    layouts: Vec<Layout>,
}

/// One layout of one dataset.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The dataset.
    pub dataset: String,
    /// The export's name for people.
    pub title: String,
    /// What its rows become.
    pub family: Family,
    /// Whether the newest file replaces all earlier ones.
    pub is_snapshot: bool,
    /// The layout's id.
    pub id: String,
    /// Fields that identify one consumption, in order.
    pub key: Vec<String>,
    /// Columns that tell it from others, each by all of its names.
    pub(super) must_have: Vec<Vec<String>>,
    pub(super) must_not_have: Vec<String>,
    pub(super) required: Vec<Vec<String>>,
    /// Fields that rows are measured or told apart by: a file without one is taken, and that is said.
    pub expected: Vec<String>,
    pub(super) private: Vec<String>,
    pub(super) defaults: BTreeMap<String, String>,
    pub(super) types: BTreeMap<String, CellType>,
    pub(super) prefixes: BTreeMap<String, String>,
    /// Pairs of columns that are rows of their own.
    pub unpivot: Vec<Unpivot>,
    /// How the amount is computed, where no column holds it.
    pub estimate: Option<EstimateColumns>,
    /// Folded header → field.
    pub(super) aliases: BTreeMap<String, String>,
    /// Field → documented header.
    pub(super) documented: BTreeMap<String, String>,
}

/// A pair of columns with the seats and users of one workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpivot {
    /// The workload as the facts say it.
    pub workload: String,
    /// The field of its paid seats.
    pub paid_seats: String,
    /// The field of its active users.
    pub active_users: String,
}

/// What an amount is computed from: a cost in US dollars, before the share of it that was credited.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EstimateColumns {
    /// The fields of a cost and of its currency; the first in US dollars counts.
    pub costs: Vec<(String, String)>,
    /// The field of the credited share, and the number that means the whole of it.
    pub credits: BTreeMap<String, i64>,
}

/// A layout matched with a header.
#[derive(Debug, Clone)]
pub struct Recognised<'a> {
    /// The layout.
    pub layout: &'a Layout,
    /// The column of each field that the file has.
    pub columns: BTreeMap<&'a str, usize>,
    /// The field of each column, in the order of the file; unknown columns by their folded header.
    pub fields: Vec<String>,
    /// The headers as delivered.
    pub headers: Vec<String>,
    /// Headers that no alias knows.
    pub unknown: Vec<String>,
    /// What stands for each column in the identity of lines.
    seeds: Vec<u64>,
    /// Whose export it is by the folder that it is in, for layouts that do not say it.
    pub partner: Option<String>,
}

impl Sources {
    /// Loads and validates all layouts.
    ///
    /// # Errors
    /// CS5002 with file and line.
    pub fn load(files: &PipelineFiles) -> Result<Self> {
        let mut layouts = Vec::new();
        for (_, file) in files.of_kind("sources") {
            let raw: RawSource = file.parse()?;
            if !tables::DATASETS.contains(&raw.dataset.get_ref().as_str()) {
                let text = format!("no dataset is called {:?}", raw.dataset.get_ref());
                return Err(file.mistake(&raw.dataset.span(), text));
            }
            for layout in &raw.layout {
                layouts.push(Layout::load(file, &raw, layout)?);
            }
        }
        Ok(Self { layouts })
    }

    /// The layout of a header. Of several that fit, the one that knows most columns.
    ///
    /// # Errors
    /// CS3003 when none fits, CS3004 when a required column is missing, CS3006 when two columns
    /// mean the same; `what` names the file.
    pub fn recognise(&self, headers: Vec<String>, what: &str) -> Result<Recognised<'_>> {
        let folded: Vec<String> = headers.iter().map(|header| letters(header)).collect();
        let layout = self
            .layouts
            .iter()
            .filter(|layout| layout.must_have.iter().all(|names| has_any(&folded, names)))
            .filter(|layout| !layout.must_not_have.iter().any(|other| folded.contains(other)))
            .max_by_key(|layout| {
                folded.iter().filter(|header| layout.aliases.contains_key(*header)).count()
            });
        let Some(layout) = layout else { return Err(self.unknown(&headers, &folded, what)) };
        let mut columns: BTreeMap<&str, usize> = BTreeMap::new();
        let mut fields = Vec::new();
        let mut unknown = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        for (at, header) in folded.iter().enumerate() {
            let is_first = seen.insert(header);
            let Some((_, field)) = layout.aliases.get_key_value(header) else {
                unknown.push(headers[at].clone());
                // Two unknown columns may differ in punctuation alone.
                fields.push(headers[at].to_lowercase());
                continue;
            };
            if !is_first {
                // The very same header again: the first one counts, the other one is reported.
                unknown.push(format!("{} (again)", headers[at]));
                fields.push(format!("{} {at}", headers[at].to_lowercase()));
                continue;
            }
            if let Some(first) = columns.insert(field.as_str(), at) {
                return Err(Error::new(
                    Code::DuplicateColumn,
                    format!(
                        "{what}: the columns {} ({:?}) and {} ({:?}) are both the {}",
                        first + 1,
                        headers[first],
                        at + 1,
                        headers[at],
                        field.replace('_', " ")
                    ),
                )
                .hint("remove one of them"));
            }
            fields.push(field.clone());
        }
        for alternatives in &layout.required {
            if !alternatives.iter().any(|field| columns.contains_key(field.as_str())) {
                let names: Vec<&str> = alternatives
                    .iter()
                    .filter_map(|field| layout.documented.get(field))
                    .map(String::as_str)
                    .collect();
                return Err(Error::new(
                    Code::MissingColumn,
                    format!(
                        "{what}: the {} export lacks the column {}",
                        layout.title,
                        names.join(" or ")
                    ),
                )
                .hint("export again with this column, or with all columns"));
            }
        }
        let seeds = seeds(&fields);
        Ok(Recognised { layout, columns, fields, headers, unknown, seeds, partner: None })
    }

    /// How many of the headers some layout knows.
    pub(super) fn known(&self, headers: &[String]) -> usize {
        let is_known = |header: &&String| {
            let folded = letters(header);
            self.layouts.iter().any(|layout| layout.aliases.contains_key(&folded))
        };
        headers.iter().filter(is_known).count()
    }

    fn unknown(&self, headers: &[String], folded: &[String], what: &str) -> Error {
        let nearest = self
            .layouts
            .iter()
            .map(|layout| {
                let missing: Vec<&str> = layout
                    .must_have
                    .iter()
                    .filter(|names| !has_any(folded, names))
                    .filter_map(|names| Some(names.first()?.as_str()))
                    .collect();
                let known = folded.iter().filter(|header| layout.aliases.contains_key(*header));
                (known.count(), layout, missing)
            })
            .max_by_key(|(known, _, _)| *known);
        let mut listed: Vec<String> =
            headers.iter().take(8).map(|header| format!("{header:?}")).collect();
        if headers.len() > 8 {
            listed.push(format!("… {} in all", headers.len()));
        }
        let error = Error::new(
            Code::UnknownFile,
            format!("{what} is no export that capscore knows; its columns: {}", listed.join(", ")),
        );
        match nearest {
            Some((known, layout, missing)) if known > 2 => error.hint(format!(
                "it is nearest to {} but lacks {}; export again with all columns",
                layout.title,
                missing.join(", ")
            )),
            _ => error.hint(
                "move it out of the input, or give its name a leading `_` to have it ignored",
            ),
        }
    }
}

impl Layout {
    /// Whether the values of a field are about a person and never shown.
    pub fn is_private(&self, field: &str) -> bool {
        self.private.iter().any(|private| private == field)
    }

    /// Whether its rows say whose they are.
    pub fn names_partner(&self) -> bool {
        ["account_id", "location_id"].iter().any(|field| self.documented.contains_key(*field))
    }

    /// The field of the amount, or of the first cost that it is computed from.
    pub fn amount_field(&self) -> &str {
        let cost = self.estimate.as_ref().and_then(|estimate| estimate.costs.first());
        cost.map_or("amount", |(cost, _)| cost)
    }

    /// What the cells of a field are, where they are more than text.
    pub fn type_of(&self, field: &str) -> Option<CellType> {
        self.types.get(field).copied()
    }

    /// What stands before each value of a field in the facts, to tell its vocabulary.
    pub fn prefix_of(&self, field: &str) -> &str {
        self.prefixes.get(field).map(String::as_str).unwrap_or_default()
    }

    /// What a blank or missing field means, if the layout says so.
    pub fn default_of(&self, field: &str) -> Option<&str> {
        self.defaults.get(field).map(String::as_str)
    }
}

impl Recognised<'_> {
    /// The column of a field.
    pub fn column(&self, field: &str) -> Option<usize> {
        self.columns.get(field).copied()
    }

    /// What stands for a column in the identity of lines.
    pub(super) fn seed(&self, at: usize) -> u64 {
        self.seeds[at]
    }

    /// The delivered header of a field's column, or the documented one.
    pub fn header_of(&self, field: &str) -> String {
        match self.column(field) {
            Some(at) => self.headers[at].clone(),
            None => self.layout.documented.get(field).cloned().unwrap_or_else(|| field.to_owned()),
        }
    }
}

fn has_any(folded: &[String], names: &[String]) -> bool {
    names.iter().any(|name| folded.contains(name))
}

/// The hash of each field. Columns may have no name, or the same one: what they say must not be
/// exchanged.
fn seeds(fields: &[String]) -> Vec<u64> {
    let mut same: HashMap<&str, u64> = HashMap::new();
    let mut seeds = Vec::with_capacity(fields.len());
    for field in fields {
        let before = same.entry(field).or_default();
        seeds.push(xxh3_64_with_seed(field.as_bytes(), *before));
        *before += 1;
    }
    seeds
}

/// A number for a dataset, and back ([`dataset_name`]).
pub(super) fn dataset_index(dataset: &str) -> usize {
    tables::DATASETS.iter().position(|known| *known == dataset).unwrap_or(usize::MAX)
}

/// The dataset with a number.
pub(super) fn dataset_name(index: usize) -> &'static str {
    tables::DATASETS.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognise(headers: &[&str]) -> Result<(String, usize)> {
        let sources = Sources::load(&PipelineFiles::embedded())?;
        let headers = headers.iter().map(|&header| header.to_owned()).collect();
        let found = sources.recognise(headers, "a.csv")?;
        Ok((found.layout.dataset.clone(), found.unknown.len()))
    }

    #[test]
    fn headers_are_matched_without_case_and_punctuation() {
        let found = recognise(&[
            "\u{feff}customer tenant id",
            "Workload_Name",
            "MONTHLYACTIVEUSERS",
            "PaidAvailableUnits",
            "ClaimId",
            "mpnid",
            "Date",
            "Extra",
        ]);
        assert_eq!(found.unwrap(), ("cpor_m365".to_owned(), 1));
    }

    #[test]
    fn refusals_name_the_column() {
        let error =
            recognise(&["ClaimId", "WorkloadName", "PaidAvailableUnits", "MpnId"]).unwrap_err();
        assert_eq!(error.code(), Code::MissingColumn);
        assert!(error.report().contains("lacks the column Date"), "{}", error.report());
        let error = recognise(&["a", "b"]).unwrap_err();
        assert_eq!(error.code(), Code::UnknownFile);
        let error = recognise(&[
            "CustomerTenantId",
            "WorkloadName",
            "MAU",
            "MonthlyActiveUsers",
            "PaidAvailableUnits",
            "ClaimId",
            "MpnId",
            "Date",
        ]);
        assert_eq!(error.unwrap_err().code(), Code::DuplicateColumn);
    }
}
