//! Scores a whole base of Microsoft partners: exports of Partner Center become facts
//! ([`ingest`], [`facts`]), facts become scores by dated rule packs ([`rules`], [`score`]), and scores
//! become published tables ([`tables`], [`publish`]). [`job`] runs these phases in order; [`cli`] is
//! the command line around it. Where each part stands is told by `docs/architecture.md`.

pub mod buckets;
pub mod calendar;
pub mod checks;
pub mod cli;
pub mod commit;
pub mod engine;
pub mod error;
pub mod explain;
pub mod facts;
pub mod generate;
pub mod ids;
pub mod ingest;
pub mod job;
pub mod money;
pub mod parquet;
pub mod pipelines;
pub mod points;
pub mod publish;
pub mod rounding;
pub mod rules;
pub mod score;
pub mod store;
pub mod tables;
pub mod workers;
