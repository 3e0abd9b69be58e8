//! What tells consumptions, and lines of one consumption, apart: sums of hashes of columns. A sum, so
//! that the order of the columns in the file does not matter; by groups of columns, so that the share
//! of a group that repeats is worked out once.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::cells::Cells;
use super::layout::{CellType, Recognised};
use super::values;
use crate::ids::Guid;
use crate::money::Money;

/// A group of columns that repeats on row after row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// The customer and its subscription.
    Customer,
    /// The partner, and how it is associated with the customer.
    Association,
    /// What was consumed.
    Service,
}

/// Fields of customers, also where a layout tells consumptions apart by them.
const CUSTOMER: [&str; 7] = [
    "subscription_id",
    "tenant_id",
    "tpid",
    "segment",
    "customer_name",
    "customer_country",
    "industry",
];

/// Fields of partners and associations.
const ASSOCIATION: [&str; 13] = [
    "account_id",
    "location_id",
    "partner_name",
    "partner_country",
    "partner_location",
    "attribution",
    "role",
    "association_type",
    "channel",
    "reseller_id",
    "reseller_name",
    "duplicate_at_account",
    "duplicate_at_location",
];

/// The columns of a group, or those of none, and their share in what is told apart.
#[derive(Debug, Default)]
pub(super) struct Identity {
    /// All columns, ascending.
    pub(super) columns: Vec<usize>,
    /// Those that identify the consumption.
    key: Vec<KeyColumn>,
    /// Those that tell lines of one consumption apart.
    rest: Vec<RestColumn>,
}

#[derive(Debug)]
struct KeyColumn {
    at: usize,
    /// Its place in the key.
    place: u64,
    cell_type: Option<CellType>,
}

#[derive(Debug)]
struct RestColumn {
    at: usize,
    /// Hash of its field.
    seed: u64,
    cell_type: Option<CellType>,
}

/// The group of a column; none for numbers, months, and what nobody knows.
fn group_of(header: &Recognised<'_>, at: usize) -> Option<Group> {
    let field = header.fields[at].as_str();
    if header.column(field) != Some(at) {
        return None;
    }
    let is_key = header.layout.key.iter().any(|key| key == field);
    let is_single =
        matches!(header.layout.type_of(field), Some(CellType::Number | CellType::Month));
    if ASSOCIATION.contains(&field) {
        Some(Group::Association)
    } else if CUSTOMER.contains(&field) {
        Some(Group::Customer)
    } else if is_key || field == "service" {
        // The customer's subscriptions are as many as its services are few.
        Some(Group::Service)
    } else {
        // Where lines are told apart, what they say of the subscription repeats as well.
        let tells_lines = !header.layout.key.is_empty();
        (tells_lines && !is_single).then_some(Group::Customer)
    }
}

/// The columns that are converted by groups.
pub(super) fn repeating(header: &Recognised<'_>) -> Vec<usize> {
    (0..header.fields.len()).filter(|at| group_of(header, *at).is_some()).collect()
}

impl Identity {
    /// The columns of a group, or those of none.
    pub(super) fn of(header: &Recognised<'_>, group: Option<Group>) -> Self {
        // Columns that the conversion puts into the line's identity in canonical form.
        let canonical = ["month", "account_id", "tenant_id", "amount", "reseller_id"]
            .map(|field| header.column(field));
        let mut identity = Self::default();
        for (at, field) in header.fields.iter().enumerate() {
            if group_of(header, at) != group {
                continue;
            }
            identity.columns.push(at);
            let cell_type = header.layout.type_of(field);
            let is_known = header.column(field) == Some(at);
            let place = header.layout.key.iter().position(|key| key == field);
            if let Some(place) = place.filter(|_| is_known) {
                identity.key.push(KeyColumn { at, place: place as u64 + 1, cell_type });
            } else if !canonical.contains(&Some(at)) {
                identity.rest.push(RestColumn { at, seed: header.seed(at), cell_type });
            }
        }
        identity
    }

    /// The share of these columns in the identity of a consumption. A blank cell and a missing
    /// column are the same.
    pub(super) fn key(&self, cells: &Cells<'_>, scratch: &mut Vec<u8>) -> u64 {
        self.key.iter().fold(0, |sum, KeyColumn { at, place, cell_type }| {
            let value = cells.get(*at);
            if value.is_empty() {
                return sum;
            }
            scratch.clear();
            extend_value(scratch, &value, *cell_type);
            sum.wrapping_add(xxh3_64_with_seed(scratch, *place))
        })
    }

    /// The share of these columns in the identity of a line.
    pub(super) fn line(&self, cells: &Cells<'_>, scratch: &mut Vec<u8>) -> u64 {
        self.rest.iter().fold(0, |sum, column| {
            let value = cells.get(column.at);
            if value.is_empty() {
                return sum;
            }
            scratch.clear();
            extend_canonical(scratch, &value, column.cell_type);
            sum.wrapping_add(xxh3_64_with_seed(scratch, column.seed))
        })
    }
}

/// What tells lines apart that are the same in every cell: all columns, by what they say.
#[derive(Debug)]
pub(super) struct WholeLine(Vec<RestColumn>);

impl WholeLine {
    /// Of all columns of a file.
    pub(super) fn of(header: &Recognised<'_>) -> Self {
        let columns = header.fields.iter().enumerate().map(|(at, field)| {
            let cell_type = header.layout.type_of(field);
            RestColumn { at, seed: header.seed(at), cell_type }
        });
        Self(columns.collect())
    }

    /// The same for lines that say the same, in whatever order of columns. A blank cell and a missing
    /// column are the same.
    pub(super) fn hash(&self, cells: &Cells<'_>, scratch: &mut Vec<u8>) -> u64 {
        self.0.iter().fold(0, |sum, RestColumn { at, seed, cell_type }| {
            let value = cells.get(*at);
            if value.is_empty() {
                return sum;
            }
            scratch.clear();
            extend_value(scratch, &value, *cell_type);
            sum.wrapping_add(xxh3_64_with_seed(scratch, *seed))
        })
    }
}

/// Appends a cell as [`extend_canonical`] does, and ids by their value too: they are the same in upper
/// and lower case.
fn extend_value(buffer: &mut Vec<u8>, cell: &[u8], cell_type: Option<CellType>) {
    match Guid::parse(cell) {
        Some(guid) => buffer.extend_from_slice(guid.as_bytes()),
        None => extend_canonical(buffer, cell, cell_type),
    }
}

/// Appends a cell as it counts for the identity of a line: numbers and dates by their value.
fn extend_canonical(buffer: &mut Vec<u8>, cell: &[u8], cell_type: Option<CellType>) {
    match cell_type {
        Some(CellType::Number) => {
            if let Ok((number, false)) = Money::parse(cell) {
                return buffer.extend_from_slice(&number.0.to_le_bytes());
            }
        }
        Some(CellType::Date | CellType::Month) => {
            if let Ok(day) = values::day(cell) {
                return buffer.extend_from_slice(&day.0.to_le_bytes());
            }
        }
        None => {}
    }
    buffer.extend_from_slice(cell);
}
