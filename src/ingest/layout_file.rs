//! The files in `pipelines/sources/` that layouts are read from.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::layout::{CellType, EstimateColumns, Family, Layout, Unpivot};
use crate::error::Result;
use crate::pipelines::PipelineFile;
use crate::rules::letters;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    pub(super) dataset: Spanned<String>,
    pub(super) title: String,
    pub(super) family: Family,
    #[serde(default)]
    pub(super) is_snapshot: bool,
    pub(super) layout: Vec<RawLayout>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLayout {
    id: Spanned<String>,
    must_have: Vec<String>,
    #[serde(default)]
    must_not_have: Vec<String>,
    required: Vec<Spanned<String>>,
    #[serde(default)]
    expected: Vec<Spanned<String>>,
    #[serde(default)]
    key: Vec<Spanned<String>>,
    #[serde(default)]
    private: Vec<Spanned<String>>,
    columns: BTreeMap<String, Vec<Spanned<String>>>,
    #[serde(default)]
    defaults: BTreeMap<String, String>,
    #[serde(default)]
    types: BTreeMap<Spanned<String>, CellType>,
    #[serde(default)]
    prefixes: BTreeMap<String, String>,
    #[serde(default)]
    unpivot: Vec<RawUnpivot>,
    estimate: Option<Spanned<EstimateColumns>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUnpivot {
    workload: String,
    paid_seats: Spanned<String>,
    active_users: Spanned<String>,
}

impl Layout {
    /// A layout of a source, checked.
    ///
    /// # Errors
    /// CS5002 with file and line.
    pub(super) fn load(file: &PipelineFile, source: &RawSource, raw: &RawLayout) -> Result<Self> {
        let mut aliases = BTreeMap::new();
        let mut documented = BTreeMap::new();
        for (field, spellings) in &raw.columns {
            for spelling in spellings {
                if aliases.insert(letters(spelling.get_ref()), field.clone()).is_some() {
                    let text = format!("{:?} is listed twice", spelling.get_ref());
                    return Err(file.mistake(&spelling.span(), text));
                }
            }
            if let Some(first) = spellings.first() {
                documented.insert(field.clone(), first.get_ref().clone());
            }
        }
        let split = |text: &Spanned<String>| -> Result<Vec<String>> {
            let fields: Vec<String> =
                text.get_ref().split('|').map(|field| field.trim().to_owned()).collect();
            match fields.iter().find(|field| !raw.columns.contains_key(*field)) {
                Some(field) => Err(file.mistake(&text.span(), format!("no column {field:?}"))),
                None => Ok(fields),
            }
        };
        let required = raw.required.iter().map(split).collect::<Result<Vec<_>>>()?;
        // Columns of single workloads stand for those of any.
        let is_wide = !raw.unpivot.is_empty();
        let is_unpivoted = |field| ["workload", "paid_seats", "active_users"].contains(field);
        for needed in source.family.needed().iter().filter(|field| !is_wide || !is_unpivoted(field))
        {
            let is_required =
                required.iter().any(|fields| fields.iter().any(|field| field == needed));
            if !is_required {
                let text = format!("the layout must require {needed}");
                return Err(file.mistake(&raw.id.span(), text));
            }
        }
        if let Some(estimate) = &raw.estimate {
            let EstimateColumns { costs, credits } = estimate.get_ref();
            let mut named = costs.iter().flat_map(|(cost, currency)| [cost, currency]);
            let is_unknown = |field: &&String| !raw.columns.contains_key(*field);
            if let Some(field) = named.find(is_unknown).or_else(|| credits.keys().find(is_unknown))
            {
                return Err(file.mistake(&estimate.span(), format!("no column {field:?}")));
            }
            if costs.is_empty() || credits.values().any(|whole| *whole < 1) {
                let text = "an estimate needs a cost, and credits of a positive whole";
                return Err(file.mistake(&estimate.span(), text));
            }
        } else if source.family == Family::Estimates
            && !required.iter().any(|fields| fields.iter().any(|field| field == "amount"))
        {
            let text = "the layout must require amount, or say how to estimate it";
            return Err(file.mistake(&raw.id.span(), text));
        }
        let mut unpivot = Vec::new();
        for pair in &raw.unpivot {
            split(&pair.paid_seats)?;
            split(&pair.active_users)?;
            unpivot.push(Unpivot {
                workload: pair.workload.clone(),
                paid_seats: pair.paid_seats.get_ref().clone(),
                active_users: pair.active_users.get_ref().clone(),
            });
        }
        let mut types = BTreeMap::new();
        for (field, cell_type) in &raw.types {
            split(field)?;
            types.insert(field.get_ref().clone(), *cell_type);
        }
        let singles = |listed: &[Spanned<String>]| -> Result<Vec<String>> {
            listed.iter().map(&split).map(|fields| fields.map(|fields| fields.join(""))).collect()
        };
        Ok(Self {
            dataset: source.dataset.get_ref().clone(),
            title: source.title.clone(),
            family: source.family,
            is_snapshot: source.is_snapshot,
            id: raw.id.get_ref().clone(),
            key: singles(&raw.key)?,
            must_have: raw.must_have.iter().map(|header| names_of(header, &aliases)).collect(),
            must_not_have: raw.must_not_have.iter().map(|header| letters(header)).collect(),
            required,
            expected: singles(&raw.expected)?,
            private: singles(&raw.private)?,
            defaults: raw.defaults.clone(),
            types,
            prefixes: raw.prefixes.clone(),
            unpivot,
            estimate: raw.estimate.as_ref().map(|estimate| estimate.get_ref().clone()),
            aliases,
            documented,
        })
    }
}

/// All names of the column of a header, its own first.
fn names_of(header: &str, aliases: &BTreeMap<String, String>) -> Vec<String> {
    let header = letters(header);
    let field = aliases.get(&header);
    let others = aliases.iter().filter(|(name, of)| Some(*of) == field && **name != header);
    let others = others.map(|(name, _)| name.clone());
    std::iter::once(header.clone()).chain(others).collect()
}
