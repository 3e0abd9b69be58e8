//! Tests through the public path: real files in, published tables read back by another library.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::inconsistent_digit_grouping,
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::allow_attributes,
    clippy::print_stderr,
    clippy::type_complexity,
    reason = "tests"
)]

mod balances;
mod base;
mod business_applications;
mod business_applications_associations;
mod cases;
mod changes;
mod collapse;
mod command_line;
mod compaction;
mod compared;
mod crash;
mod deliveries;
mod delta;
mod distributor;
mod edges;
mod fuzz;
mod golden;
mod guards;
mod history;
mod layouts;
mod lineage;
mod maintenance;
mod modern_work;
mod modern_work_association;
mod modern_work_tenants;
mod museum;
mod mutants;
mod mutations;
mod newer_vectors;
mod options;
mod outcome;
mod outputs;
mod probe_business;
mod probe_consumption;
mod probe_lists;
mod probe_seats;
mod probe_totals;
mod probes;
mod project;
mod properties;
mod published_months;
#[allow(dead_code, reason = "the oracle computes more than is compared")]
mod recompute;
mod restated;
mod rollback;
mod scorecard;
mod settings;
mod spellings;
mod stores;
mod tables;
mod vectors;
