//! The catalogs: certifications, Azure services, Microsoft 365 workloads, attribution names and
//! customer segments, with their aliases. They turn delivered names into the names that rule packs
//! and tables use.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use toml::Spanned;

use super::pack::Scope;
use crate::calendar::Day;
use crate::error::Result;
use crate::ids::{Attribution, AttributionSet};
use crate::pipelines::{PipelineFile, PipelineFiles};

/// All catalogs, ready for look-ups.
#[derive(Debug, Clone)]
pub struct Catalogs {
    /// Certifications by code.
    pub certifications: Certifications,
    /// Azure services (`ServiceLevel2`).
    pub services: Names,
    /// Meter categories, folded, with their service.
    meters: HashMap<String, String>,
    /// Microsoft 365 and Business Applications workloads.
    pub workloads: Names,
    /// Spellings of attributions.
    pub attributions: AttributionNames,
    /// Segment rules.
    pub segments: Segments,
    /// Trailing-twelve-month views that exist whatever areas are scored.
    pub scopes: Vec<Scope>,
    /// The content of each catalog file: (name, hash), for the manifest.
    pub hashes: Vec<(String, String)>,
}

impl Catalogs {
    /// Loads and validates all catalogs.
    ///
    /// # Errors
    /// CS5002 with file and line.
    pub fn load(files: &PipelineFiles) -> Result<Self> {
        let hashes = files
            .of_kind("catalogs")
            .map(|(name, file)| (name.to_owned(), content_hash(&file.text)))
            .collect();
        let services = Names::load(files.get("catalogs/services.toml")?)?;
        Ok(Self {
            certifications: Certifications::load(files.get("catalogs/certifications.toml")?)?,
            meters: load_meters(files.get("catalogs/meters.toml")?, &services)?,
            services,
            workloads: Names::load(files.get("catalogs/workloads.toml")?)?,
            attributions: AttributionNames::load(files.get("catalogs/attributions.toml")?)?,
            segments: files.get("catalogs/segments.toml")?.parse()?,
            scopes: load_scopes(files.get("catalogs/scopes.toml")?)?,
            hashes,
        })
    }
}

/// What stands before a meter category in the facts (`pipelines/sources/azure_usage.toml`).
const METER: &str = "meter:";

/// The service of a meter category that no catalog knows.
pub const UNMAPPED: &str = "unmapped";

impl Catalogs {
    /// The service of a delivered name: the catalog's spelling, the delivered name folded to lower
    /// case, or [`UNMAPPED`] for a meter category that means none.
    pub fn service(&self, delivered: &str) -> String {
        match delivered.strip_prefix(METER) {
            None => self.services.canonical(delivered),
            Some(category) => {
                let known = self.meters.get(&fold(category));
                known.cloned().unwrap_or_else(|| UNMAPPED.to_owned())
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMeters {
    same: Vec<Spanned<String>>,
    #[serde(default)]
    meter: Vec<RawMeter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMeter {
    category: Spanned<String>,
    service: Spanned<String>,
}

fn load_meters(file: &PipelineFile, services: &Names) -> Result<HashMap<String, String>> {
    let raw: RawMeters = file.parse()?;
    let same = raw.same.iter().map(|name| (name, name));
    let other = raw.meter.iter().map(|meter| (&meter.category, &meter.service));
    let mut meters = HashMap::new();
    for (category, service) in same.chain(other) {
        let Some(known) = services.known(service.get_ref()) else {
            let text = format!("no service is called {:?}", service.get_ref());
            return Err(file.mistake(&service.span(), text));
        };
        if meters.insert(fold(category.get_ref()), known.to_owned()).is_some() {
            let text = format!("{:?} is listed twice", category.get_ref());
            return Err(file.mistake(&category.span(), text));
        }
    }
    Ok(meters)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScopes {
    scope: Vec<RawScope>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScope {
    id: String,
    associations: Vec<Spanned<String>>,
}

fn load_scopes(file: &PipelineFile) -> Result<Vec<Scope>> {
    let raw: RawScopes = file.parse()?;
    let mut scopes = Vec::new();
    for scope in raw.scope {
        let mut associations = AttributionSet::EMPTY;
        for name in &scope.associations {
            let Some(attribution) = Attribution::parse(name.get_ref()) else {
                let text = format!("no attribution is called {:?}", name.get_ref());
                return Err(file.mistake(&name.span(), text));
            };
            associations = associations.with(attribution);
        }
        let associations = associations.eligible();
        scopes.push(Scope { id: scope.id, services: Vec::new(), associations });
    }
    Ok(scopes)
}

/// `blake3:<hex>` of a text.
pub(super) fn content_hash(text: &str) -> String {
    format!("blake3:{}", blake3::hash(text.as_bytes()).to_hex())
}

/// Names of one kind with their aliases.
#[derive(Debug, Clone)]
pub struct Names {
    by_folded: HashMap<String, String>,
    names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNames {
    #[serde(default, alias = "service", alias = "workload")]
    entry: Vec<RawName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawName {
    name: Spanned<String>,
    #[serde(default)]
    aliases: Vec<Spanned<String>>,
}

impl Names {
    fn load(file: &PipelineFile) -> Result<Self> {
        let raw: RawNames = file.parse()?;
        let mut by_folded = HashMap::new();
        let mut names = Vec::new();
        for entry in &raw.entry {
            let name = entry.name.get_ref();
            names.push(name.clone());
            for spelling in std::iter::once(&entry.name).chain(&entry.aliases) {
                let known = by_folded.insert(fold(spelling.get_ref()), name.clone());
                if known.is_some() {
                    let text = format!("{:?} is listed twice", spelling.get_ref());
                    return Err(file.mistake(&spelling.span(), text));
                }
            }
        }
        Ok(Self { by_folded, names })
    }

    /// The catalog's spelling of a delivered name or alias, if it is known.
    pub fn known(&self, delivered: &str) -> Option<&str> {
        self.by_folded.get(&fold(delivered)).map(String::as_str)
    }

    /// The catalog's spelling, or the delivered name folded to lower case.
    pub fn canonical(&self, delivered: &str) -> String {
        let folded = fold(delivered);
        self.by_folded.get(&folded).cloned().unwrap_or(folded)
    }

    /// The names in catalog order, without aliases.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// Lower case, trimmed, runs of blanks as one.
fn fold(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for word in name.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().flat_map(char::to_lowercase));
    }
    folded
}

/// Lower case letters and digits only.
pub fn letters(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The certifications.
#[derive(Debug, Clone)]
pub struct Certifications {
    by_code: BTreeMap<String, Certification>,
    /// The code of a title, and whether that title is only assumed to be a newer name.
    by_title: HashMap<String, (String, bool)>,
}

/// The certification of a delivered title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TitleMatch<'a> {
    /// The certification.
    pub certification: &'a Certification,
    /// Whether the title is only assumed to be a newer name of it (AMB-29).
    pub is_assumed: bool,
}

/// One certification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certification {
    /// The key that packs and tables use.
    pub code: String,
    /// Its current title.
    pub title: String,
    /// The day of retirement, if it is retired.
    pub retired_on: Option<Day>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCertifications {
    certification: Vec<RawCertification>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCertification {
    code: Spanned<String>,
    title: String,
    #[serde(default)]
    other_titles: Vec<String>,
    #[serde(default)]
    other_codes: Vec<String>,
    /// Titles and exam numbers that no list names yet.
    #[serde(default)]
    assumed_titles: Vec<String>,
    retired_on: Option<Spanned<toml::value::Datetime>>,
}

impl Certifications {
    fn load(file: &PipelineFile) -> Result<Self> {
        let raw: RawCertifications = file.parse()?;
        let mut by_code = BTreeMap::new();
        let mut by_title = HashMap::new();
        for entry in raw.certification {
            let code = entry.code.get_ref().clone();
            let retired_on =
                entry.retired_on.as_ref().map(|date| parse_day(file, date)).transpose()?;
            let established = std::iter::once(&entry.title)
                .chain(&entry.other_titles)
                .chain(std::iter::once(&code))
                .chain(&entry.other_codes)
                .map(|title| (title, false));
            let assumed = entry.assumed_titles.iter().map(|title| (title, true));
            for (title, is_assumed) in established.chain(assumed) {
                let known = by_title.insert(letters(title), (code.clone(), is_assumed));
                if known.is_some_and(|known| known != (code.clone(), is_assumed)) {
                    let text = format!("the title {title:?} belongs to two certifications");
                    return Err(file.mistake(&entry.code.span(), text));
                }
            }
            let certification =
                Certification { code: code.clone(), title: entry.title, retired_on };
            if by_code.insert(code.clone(), certification).is_some() {
                let text = format!("the certification {code} is listed twice");
                return Err(file.mistake(&entry.code.span(), text));
            }
        }
        Ok(Self { by_code, by_title })
    }

    /// A certification by its code.
    pub fn get(&self, code: &str) -> Option<&Certification> {
        self.by_code.get(code)
    }

    /// All certifications by code.
    pub fn iter(&self) -> impl Iterator<Item = &Certification> {
        self.by_code.values()
    }

    /// The certification with a delivered title: all up to "Certified:" (or with a dash) is dropped,
    /// case and punctuation are ignored.
    pub fn by_title(&self, title: &str) -> Option<TitleMatch<'_>> {
        let after = |(at, mark): (usize, &str)| {
            let (lead, rest) = title.split_at_checked(at)?;
            let is_lead = lead.trim().to_lowercase().ends_with("certified");
            rest.strip_prefix(mark).filter(|_| is_lead)
        };
        let mut marks = title.match_indices([':', '-', '–', '—']);
        let plain = marks.find_map(after).unwrap_or(title);
        let (code, is_assumed) = self.by_title.get(&letters(plain))?;
        let certification = self.by_code.get(code)?;
        Some(TitleMatch { certification, is_assumed: *is_assumed })
    }
}

/// A day from a TOML date.
pub(super) fn parse_day(file: &PipelineFile, date: &Spanned<toml::value::Datetime>) -> Result<Day> {
    Day::parse(&date.get_ref().to_string())
        .ok_or_else(|| file.mistake(&date.span(), "a date without time is expected (2026-08-01)"))
}

/// Spellings of attributions.
#[derive(Debug, Clone)]
pub struct AttributionNames {
    by_name: HashMap<String, Attribution>,
    roles: Vec<(Attribution, String, Attribution)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAttributions {
    attribution: Vec<RawAttribution>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAttribution {
    id: Spanned<String>,
    names: Vec<Spanned<String>>,
    role_suffix: Option<String>,
    role_id: Option<Spanned<String>>,
}

impl AttributionNames {
    fn load(file: &PipelineFile) -> Result<Self> {
        let raw: RawAttributions = file.parse()?;
        let id_of = |id: &Spanned<String>| {
            Attribution::parse(id.get_ref()).ok_or_else(|| {
                file.mistake(&id.span(), format!("no attribution is called {:?}", id.get_ref()))
            })
        };
        let mut by_name = HashMap::new();
        let mut roles = Vec::new();
        for entry in &raw.attribution {
            let id = id_of(&entry.id)?;
            for name in &entry.names {
                if by_name.insert(letters(name.get_ref()), id).is_some() {
                    let text = format!("{:?} is listed twice", name.get_ref());
                    return Err(file.mistake(&name.span(), text));
                }
            }
            if let (Some(suffix), Some(role_id)) = (&entry.role_suffix, &entry.role_id) {
                roles.push((id, suffix.to_lowercase(), id_of(role_id)?));
            }
        }
        Ok(Self { by_name, roles })
    }

    /// The attribution of a delivered name and role; `None` when the name is unknown.
    pub fn find(&self, name: &str, role: &str) -> Option<Attribution> {
        let id = *self.by_name.get(&letters(name))?;
        let role = role.trim().to_lowercase();
        let by_role = self
            .roles
            .iter()
            .find(|(from, suffix, _)| *from == id && role.ends_with(suffix.as_str()));
        Some(by_role.map_or(id, |(_, _, to)| *to))
    }
}

/// Rules that put a delivered segment on a side.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segments {
    otherwise_smb_side: bool,
    segment: Vec<SegmentRule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SegmentRule {
    contains: Vec<String>,
    is_smb_side: bool,
}

impl Segments {
    /// Whether a segment is on the small-business side, and whether a rule said so.
    pub fn is_smb_side(&self, segment: &str) -> (bool, bool) {
        let segment = segment.to_lowercase();
        self.segment
            .iter()
            .find(|rule| rule.contains.iter().any(|word| segment.contains(&word.to_lowercase())))
            .map_or((self.otherwise_smb_side, false), |rule| (rule.is_smb_side, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogs() -> Catalogs {
        Catalogs::load(&PipelineFiles::embedded()).unwrap()
    }

    #[test]
    fn titles_ignore_case_punctuation_and_the_lead() {
        let certifications = catalogs().certifications;
        let code = |title: &str| {
            certifications.by_title(title).map(|found| found.certification.code.clone())
        };
        assert_eq!(
            code("AZ-500: Microsoft Certified - Azure Security Engineer Associate"),
            code("Microsoft Certified: azure security ENGINEER associate"),
        );
        assert_eq!(
            code("Microsoft Certified: azure security ENGINEER associate").as_deref(),
            Some("AZ-500")
        );
        assert_eq!(code("Security Operations Analyst Associate").as_deref(), Some("SC-200"));
        assert_eq!(code("AB-400").as_deref(), Some("PL-400"));
        assert_eq!(code("Microsoft Certified Professional"), None);
        assert_eq!(code("GitHub Certified: Agentic AI Developer").as_deref(), Some("GH-600"));
    }

    #[test]
    fn renamed_services_are_one_service() {
        let services = catalogs().services;
        assert_eq!(services.canonical(" security   CENTER"), "Microsoft Defender for Cloud");
        assert_eq!(services.canonical("Azure Defender"), "Microsoft Defender for Cloud");
        assert_eq!(services.canonical("Brand  New Service"), "brand new service");
    }

    #[test]
    fn a_reader_role_is_its_own_attribution() {
        let names = catalogs().attributions;
        let id = |name: &str, role: &str| names.find(name, role).map(Attribution::as_str);
        assert_eq!(id("PartnerAdminLink", ""), Some("PAL"));
        assert_eq!(id("Partner Admin Link (PAL)", "Owner"), Some("PAL"));
        assert_eq!(id("PartnerAdminLink", "Billing Reader"), Some("PAL_READER"));
        assert_eq!(id("CSP Tier2", "Reader"), Some("CSP_T2"));
        assert_eq!(id("something", ""), None);
    }

    #[test]
    fn the_first_segment_rule_wins() {
        let segments = catalogs().segments;
        assert_eq!(segments.is_smb_side("Small, Medium & Corporate Commercial"), (true, true));
        assert_eq!(segments.is_smb_side("Major Public Sector"), (false, true));
        assert_eq!(segments.is_smb_side("SMC Enterprise"), (false, true));
        assert_eq!(segments.is_smb_side("Odd"), (false, false));
    }
}
