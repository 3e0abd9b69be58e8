//! A rule pack as its TOML text has it, with places for messages.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::options::RawOptions;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPack {
    pub(super) area: Spanned<String>,
    pub(super) title: String,
    pub(super) version: Vec<Spanned<RawVersion>>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVersion {
    pub(super) id: Spanned<String>,
    pub(super) effective_from: Spanned<toml::value::Datetime>,
    pub(super) is_date_assumed: bool,
    /// The version of the same file that everything not said here is taken from.
    pub(super) like: Option<Spanned<String>>,
    pub(super) source_url: Option<String>,
    pub(super) paths: Option<Vec<Spanned<String>>>,
    pub(super) selection: Option<Spanned<String>>,
    pub(super) assignment: Option<RawAssignment>,
    pub(super) points_to_qualify: Option<Spanned<String>>,
    pub(super) metric_must_exceed: Option<Spanned<String>>,
    pub(super) metric_must_reach: Option<Spanned<String>>,
    pub(super) incentive_points: Option<Spanned<String>>,
    /// Readings that differ from the defaults.
    #[serde(default)]
    pub(super) options: RawOptions,
    #[serde(default)]
    pub(super) services: Lists,
    #[serde(default)]
    pub(super) workloads: Lists,
    #[serde(default)]
    pub(super) certifications: Lists,
    pub(super) scope: Option<Vec<RawScope>>,
    /// The rate card.
    pub(super) rate: Option<Vec<RawRate>>,
    #[serde(default)]
    pub(super) metric: Vec<RawMetric>,
}

/// Named lists of a version.
pub(super) type Lists = BTreeMap<String, Vec<Spanned<String>>>;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAssignment {
    pub(super) path: Spanned<String>,
    pub(super) otherwise: Spanned<String>,
    pub(super) associations: Vec<Spanned<String>>,
    pub(super) smb_share_at_least: Option<Spanned<String>>,
    pub(super) smb_share_above: Option<Spanned<String>>,
    pub(super) ttm_acr_below_usd: Option<Spanned<String>>,
    pub(super) pairs_needed: Option<Spanned<i64>>,
    pub(super) revenue_above_usd: Option<Spanned<String>>,
    pub(super) workloads: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) enrolment_track: bool,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRate {
    pub(super) workloads: Vec<Spanned<String>>,
    pub(super) measure: Spanned<String>,
    pub(super) rate: Spanned<String>,
    pub(super) associations: Vec<Spanned<String>>,
}

impl RawVersion {
    /// This version with everything that it leaves to `base`: lists by name, metrics by id, the rest
    /// key by key.
    pub(super) fn over(&self, base: &Self) -> Self {
        let mut merged = self.clone();
        let fill = |own: &mut Lists, base: &Lists| {
            for (name, list) in base {
                own.entry(name.clone()).or_insert_with(|| list.clone());
            }
        };
        fill(&mut merged.services, &base.services);
        fill(&mut merged.workloads, &base.workloads);
        fill(&mut merged.certifications, &base.certifications);
        merged.source_url = merged.source_url.or_else(|| base.source_url.clone());
        merged.paths = merged.paths.or_else(|| base.paths.clone());
        merged.selection = merged.selection.or_else(|| base.selection.clone());
        merged.assignment = merged.assignment.or_else(|| base.assignment.clone());
        merged.points_to_qualify =
            merged.points_to_qualify.or_else(|| base.points_to_qualify.clone());
        if merged.metric_must_exceed.is_none() && merged.metric_must_reach.is_none() {
            merged.metric_must_exceed.clone_from(&base.metric_must_exceed);
            merged.metric_must_reach.clone_from(&base.metric_must_reach);
        }
        for (name, word) in &base.options {
            merged.options.entry(name.clone()).or_insert_with(|| word.clone());
        }
        merged.incentive_points = merged.incentive_points.or_else(|| base.incentive_points.clone());
        merged.scope = merged.scope.or_else(|| base.scope.clone());
        merged.rate = merged.rate.or_else(|| base.rate.clone());
        let mut metrics = base.metric.clone();
        for metric in merged.metric {
            match metrics.iter_mut().find(|known| known.id.get_ref() == metric.id.get_ref()) {
                Some(known) => *known = metric,
                None => metrics.push(metric),
            }
        }
        merged.metric = metrics;
        merged
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScope {
    pub(super) id: Spanned<String>,
    pub(super) services: Option<Spanned<String>>,
    pub(super) associations: Vec<Spanned<String>>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMetric {
    pub(super) id: Spanned<String>,
    pub(super) max_points: Spanned<String>,
    pub(super) value_unit: Spanned<String>,
    pub(super) pick: Option<Spanned<String>>,
    pub(super) part: Vec<RawPart>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of a pack by itself")]
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
    pub(super) at_least_value: Option<Spanned<String>>,
    pub(super) below_reason: Option<Spanned<String>>,
    pub(super) excluded: Option<Spanned<String>>,
    pub(super) minimum_ttm_usd: Option<Spanned<String>>,
    pub(super) minimum_baseline: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) promoted: bool,
    pub(super) seats_min: Option<i64>,
    pub(super) seats_max: Option<i64>,
    pub(super) active_share: Option<Spanned<String>>,
    pub(super) associated_above_share: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) since_association: bool,
    #[serde(default)]
    pub(super) cap_at_paid_seats: bool,
    #[serde(default)]
    pub(super) publish_implementations: bool,
    pub(super) certifications: Option<Spanned<String>>,
    pub(super) people_needed: Option<i64>,
    pub(super) points_once: Option<Spanned<String>>,
    pub(super) result: Spanned<String>,
    pub(super) unit_size: Option<Spanned<String>>,
    pub(super) points_per_unit: Option<Spanned<String>>,
    pub(super) printed_points_per_unit: Option<Spanned<String>>,
    pub(super) source_url: Option<String>,
}
