//! Our memory: typed, de-duplicated, aggregated monthly Parquet files, append-only, with a ledger.
//!
//! Facts keep what was said. Aliases, account roll-up and precedence are applied when facts are
//! read ([`Live`]), so that a late Profile or a new alias needs no raw file and no order of arrival.
//!
//! ```text
//! <facts>/ledger/0000000001.json                    one entry a delivery, created once
//! <facts>/units/0000000001.parquet                  what the delivery says of whom
//! <facts>/<table>/<dataset>/<month>/0000000001.parquet
//! <facts>/quarantine/0000000001.parquet
//! <facts>/moves/0000000002.parquet                  which rows a compaction moved
//! ```

mod claims;
mod compaction;
mod compared;
mod credit;
mod delivered;
mod erasure;
mod fact_batch;
mod frames;
mod ledger;
mod leftovers;
mod live;
mod lock;
mod measures;
mod moves;
mod numbered;
mod ranges;
mod restatement;
mod retraction;
mod schema;
mod table_set;
mod text_rows;
mod unit;
mod verify;

pub use compaction::{Compaction, compact};
pub use credit::{Credit, CreditedCustomer};
pub use delivered::Delivered;
pub use erasure::{Erased, ErasedRows, Erasure, erase};
pub use frames::LiveFrames;
pub use ledger::{
    Acceptance, FileRecord, Ledger, LedgerEntry, Retraction, UNITS, entry_path, fact_path,
    quarantine_path, units_path,
};
pub use leftovers::remove_leftovers;
pub use live::{Held, Live, LiveUnit, MonthUnits, PROFILE};
pub use lock::{lock, unlock};
pub use measures::Seats;
pub use moves::Moves;
pub use numbered::{FactName, NumberedFacts, NumberedRow, NumberedRows, Room};
pub use ranges::PartnerRange;
pub use restatement::{Restatement, restatements};
pub use retraction::retract;
pub use schema::{
    ACR, ACR_ESTIMATE, CREDENTIAL, CUSTOMER, ENROLMENT, FactColumn, FactTable, FactType,
    LISTED_CREDENTIAL, LOCATION, PARTNER_NAME, QUARANTINE_COLUMNS, RESELLER_NAME, REVENUE,
    ROW_GROUP_ROWS, SCHEMA_VERSION, SEATS, SNAPSHOT, TABLES, TENANT_RESELLER, USAGE,
};
pub use table_set::TableSet;
pub use text_rows::{CustomerRow, PartnerRow};
pub use unit::{Unit, UnitKey, money_column, read_units, units_frame};
pub use verify::{Verification, finished, text_digest, verify};
