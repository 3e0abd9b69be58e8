//! The fact tables: columns and grain. A table is one file per dataset, month and delivery.

/// Changes when an older program can no longer read the files. Version 2 hashes units column by
/// column, so that they can be verified.
pub const SCHEMA_VERSION: u32 = 2;
/// The version of facts that were compacted: older programs do not know where the rows are.
pub(super) const COMPACTED_VERSION: u32 = 3;
/// The first version of the facts whose hashes can be made again from the files.
pub(super) const HASHED_BY_COLUMN: u32 = 2;
/// Rows of one row group: partners are sorted, so a reader of few partners skips most groups.
pub const ROW_GROUP_ROWS: usize = 131_072;
/// The month folder of snapshot datasets.
pub const SNAPSHOT: &str = "snapshot";

/// The type of a fact column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactType {
    /// UTF-8 text.
    Text,
    /// 64-bit signed integer.
    Int64,
    /// 32-bit bit mask of attributions ([`crate::ids::AttributionSet`]).
    Mask,
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// `DECIMAL(38,10)` US dollars.
    Money,
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct FactColumn {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: FactType,
}

/// One fact table.
#[derive(Debug, Clone, Copy)]
pub struct FactTable {
    /// Its name and folder.
    pub name: &'static str,
    /// Its columns, grain first.
    pub columns: &'static [FactColumn],
}

const fn col(name: &'static str, kind: FactType) -> FactColumn {
    FactColumn { name, kind }
}

use FactType::{Boolean, Date, Int64, Mask, Money, Text};

/// The partner as delivered: a global account where the row names one, else a location.
const PARTNER: FactColumn = col("partner_id", Text);
/// Whether `partner_id` is a global account.
const IS_ACCOUNT: FactColumn = col("is_account", Boolean);
const MONTH: FactColumn = col("month", Date);
const TENANT: FactColumn = col("tenant_id", Text);

/// Azure consumed revenue. `reseller_id` is `''` in the exporter's view, where every consumption
/// counts once over all its lines; rows of a reseller repeat what that reseller would be credited
/// and never add to the exporter's. Only the exports of distributors have them.
pub const ACR: FactTable = FactTable {
    name: "acr",
    columns: &[
        MONTH,
        PARTNER,
        IS_ACCOUNT,
        col("reseller_id", Text),
        TENANT,
        col("service", Text),
        col("attributions", Mask),
        col("amount", Money),
    ],
};

/// What was billed for Azure at list prices, as [`ACR`]: no score reads it.
pub const ACR_ESTIMATE: FactTable = FactTable { name: "acr_estimate", ..ACR };

/// Paid seats and active users of one workload under one attribution: the row with the most seats.
pub const SEATS: FactTable = FactTable {
    name: "seats",
    columns: &[
        MONTH,
        PARTNER,
        IS_ACCOUNT,
        TENANT,
        col("workload", Text),
        col("attributions", Mask),
        col("paid_seats", Int64),
        col("active_users", Int64),
        col("associated_on", Date),
    ],
};

/// Credentials of people. `is_expiry_known` is false when the export has no expiry column.
pub const CREDENTIAL: FactTable = FactTable {
    name: "credential",
    columns: &[
        PARTNER,
        IS_ACCOUNT,
        col("person_key", Text),
        col("title", Text),
        col("kind", Text),
        col("earned_on", Date),
        col("expires_on", Date),
        col("is_expiry_known", Boolean),
        col("status", Text),
    ],
};

/// Credentials as the membership page lists them, as [`CREDENTIAL`]: no score reads them.
pub const LISTED_CREDENTIAL: FactTable = FactTable { name: "listed_credential", ..CREDENTIAL };

/// What the exports say of customers.
pub const CUSTOMER: FactTable = FactTable {
    name: "customer",
    columns: &[
        MONTH,
        PARTNER,
        IS_ACCOUNT,
        TENANT,
        col("segment", Text),
        col("name", Text),
        col("country", Text),
        col("industry", Text),
    ],
};

/// What the usage exports say of partners.
pub const PARTNER_NAME: FactTable = FactTable {
    name: "partner",
    columns: &[
        MONTH,
        PARTNER,
        IS_ACCOUNT,
        col("location_id", Text),
        col("name", Text),
        col("country", Text),
    ],
};

/// Locations and their accounts.
pub const LOCATION: FactTable = FactTable {
    name: "location",
    columns: &[
        PARTNER,
        IS_ACCOUNT,
        col("location_id", Text),
        col("account_id", Text),
        col("name", Text),
        col("account_name", Text),
        col("country", Text),
    ],
};

/// Which reseller a distributor's export names for a subscription of a customer, if any. An export
/// may lack the customer: then the subscription tells it.
pub const TENANT_RESELLER: FactTable = FactTable {
    name: "tenant_reseller",
    columns: &[
        MONTH,
        PARTNER,
        IS_ACCOUNT,
        TENANT,
        col("subscription_id", Text),
        col("reseller_id", Text),
    ],
};

/// What the exports say of resellers.
pub const RESELLER_NAME: FactTable = FactTable {
    name: "reseller",
    columns: &[MONTH, PARTNER, IS_ACCOUNT, col("reseller_id", Text), col("name", Text)],
};

/// Revenue of business applications of one workload under one attribution, over subscriptions.
pub const REVENUE: FactTable = FactTable {
    name: "revenue",
    columns: &[
        MONTH,
        PARTNER,
        IS_ACCOUNT,
        TENANT,
        col("workload", Text),
        col("attributions", Mask),
        col("revenue", Money),
    ],
};

/// Usage of business applications of one workload and metric under one attribution, over
/// subscriptions and product groups.
pub const USAGE: FactTable = FactTable {
    name: "usage",
    columns: &[
        MONTH,
        PARTNER,
        IS_ACCOUNT,
        TENANT,
        col("workload", Text),
        col("metric_type", Text),
        col("attributions", Mask),
        col("active_users", Int64),
        col("attributed_users", Int64),
        col("capacity", Int64),
    ],
};

/// The areas that partners are enrolled in. `last_renewal_on` is none before the first renewal.
pub const ENROLMENT: FactTable = FactTable {
    name: "enrolment",
    columns: &[
        PARTNER,
        IS_ACCOUNT,
        col("area", Text),
        col("anniversary_on", Date),
        col("last_renewal_on", Date),
    ],
};

/// All fact tables.
pub const TABLES: &[&FactTable] = &[
    &ACR,
    &SEATS,
    &CREDENTIAL,
    &CUSTOMER,
    &PARTNER_NAME,
    &LOCATION,
    &TENANT_RESELLER,
    &RESELLER_NAME,
    &REVENUE,
    &USAGE,
    &ENROLMENT,
    &ACR_ESTIMATE,
    &LISTED_CREDENTIAL,
];

/// The columns of a quarantine file of the facts: those of the published table, and the file's
/// index in its ledger entry and the partner where the record names one.
pub const QUARANTINE_COLUMNS: &[FactColumn] = &[
    col("file", Int64),
    col("source_file", Text),
    col("record", Int64),
    col("line", Int64),
    col("dataset", Text),
    col("column", Text),
    col("reason", Text),
    col("raw_value", Text),
    col("partner_id", Text),
    col("is_account", Boolean),
];
