//! A rule pack as its TOML text has it, with places for messages.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPack {
    pub(super) area: Spanned<String>,
    pub(super) title: String,
    pub(super) version: Vec<Spanned<RawVersion>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVersion {
    pub(super) id: Spanned<String>,
    pub(super) effective_from: Spanned<toml::value::Datetime>,
    pub(super) is_date_assumed: bool,
    pub(super) source_url: String,
    pub(super) paths: Vec<Spanned<String>>,
    pub(super) selection: Spanned<String>,
    pub(super) points_to_qualify: Spanned<String>,
    pub(super) metric_must_exceed: Spanned<String>,
    pub(super) incentive_points: Spanned<String>,
    #[serde(default)]
    pub(super) services: BTreeMap<String, Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) workloads: BTreeMap<String, Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) scope: Vec<RawScope>,
    pub(super) metric: Vec<RawMetric>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScope {
    pub(super) id: Spanned<String>,
    pub(super) services: Option<Spanned<String>>,
    pub(super) associations: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMetric {
    pub(super) id: Spanned<String>,
    pub(super) max_points: Spanned<String>,
    pub(super) value_unit: Spanned<String>,
    pub(super) part: Vec<RawPart>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPart {
    pub(super) id: Spanned<String>,
    pub(super) paths: Option<Vec<Spanned<String>>>,
    pub(super) measure: Spanned<String>,
    pub(super) services: Option<Spanned<String>>,
    pub(super) workloads: Option<Spanned<String>>,
    pub(super) window: Option<Spanned<String>>,
    pub(super) unit: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) associations: Vec<Spanned<String>>,
    pub(super) datasets: Vec<Spanned<String>>,
    pub(super) needs: Option<Vec<Spanned<String>>>,
    pub(super) at_least_usd: Option<Spanned<String>>,
    pub(super) above_usd: Option<Spanned<String>>,
    pub(super) at_most_usd: Option<Spanned<String>>,
    pub(super) below_reason: Option<Spanned<String>>,
    pub(super) seats_min: Option<i64>,
    pub(super) seats_max: Option<i64>,
    pub(super) active_share: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) cap_at_paid_seats: bool,
    #[serde(default)]
    pub(super) publish_implementations: bool,
    pub(super) certifications: Option<Vec<Spanned<String>>>,
    pub(super) people_needed: Option<i64>,
    pub(super) points_once: Option<Spanned<String>>,
    pub(super) result: Spanned<String>,
    pub(super) unit_size: Option<Spanned<String>>,
    pub(super) points_per_unit: Option<Spanned<String>>,
    pub(super) printed_points_per_unit: Option<Spanned<String>>,
    pub(super) source_url: Option<String>,
}
