//! Dated rule packs and catalogs: load, validate, pick by date.

mod catalog;
mod diff;
mod load;
mod load_assignment;
mod load_customers;
mod load_part;
mod options;
mod pack;
mod raw;
mod sentence;
mod windows;
mod wording;
mod words;

use std::path::Path;

pub use catalog::{
    AttributionNames, Catalogs, Certification, Certifications, Names, Segments, TitleMatch,
    UNMAPPED, letters,
};
pub use diff::{Change, Difference, differences};
pub use options::{
    ActiveShareOf, AssigningPairs, AssumedAliases, Band, Choice, CountedPoints, GrowthIncrements,
    LostAssociation, MinimumAcrOf, NegativeParts, NoBaseline, Options, PathChoice, PathCustomers,
    Prerequisites, ProtectedUsers, Reading, RetiredExpiry, UsersOf,
};
pub use pack::{
    Assignment, AssignmentTest, Floor, Metric, Pack, Part, Pick, Scope, Selection, Version,
};
pub use sentence::{
    CustomerResult, Customers, Limit, Measure, People, Rate, Ratio, SeatBand, Sentence, StepRole,
    Unit, UsageMeasure, Window,
};

pub use windows::{EnrolledUntil, WindowRule, Windows};

use crate::calendar::Day;
use crate::error::{Code, Error, Result};
use crate::pipelines::{self, PipelineFile, PipelineFiles};

/// All rule packs, one an area, by area, and the rules of the qualification window.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The packs.
    pub packs: Vec<Pack>,
    /// How long a qualifying month counts.
    pub windows: Windows,
}

impl Rules {
    /// Loads the packs of the pipeline files; `extra` packs replace those of their area.
    ///
    /// # Errors
    /// CS2001 when an extra file cannot be read, CS5002 when a pack is invalid.
    pub fn load(files: &PipelineFiles, catalogs: &Catalogs, extra: &[&Path]) -> Result<Self> {
        let mut packs: Vec<Pack> = Vec::new();
        let embedded = files.of_kind("rules").map(|(_, file)| file.clone());
        let added = extra.iter().map(|path| pipelines::read(path)).collect::<Result<Vec<_>>>()?;
        for (file, may_replace) in
            embedded.map(|file| (file, false)).chain(added.into_iter().map(|file| (file, true)))
        {
            Self::add(&mut packs, &file, catalogs, may_replace)?;
        }
        packs.sort_by(|left, right| left.area.cmp(&right.area));
        let windows = Windows::load(files.get("windows/qualification.toml")?)?;
        Ok(Self { packs, windows })
    }

    fn add(
        packs: &mut Vec<Pack>,
        file: &PipelineFile,
        catalogs: &Catalogs,
        may_replace: bool,
    ) -> Result<()> {
        let pack = load::load_pack(file, catalogs)?;
        if let Some(known) = packs.iter_mut().find(|known| known.area == pack.area) {
            if !may_replace {
                let text = format!("{}: the area {} has another pack", file.origin, pack.area);
                return Err(Error::new(Code::RulesInvalid, text)
                    .hint("keep one file an area; a pack given by --ruleset-file replaces it"));
            }
            *known = pack;
        } else {
            packs.push(pack);
        }
        Ok(())
    }

    /// The versions of one area each that are in force on a day; areas without one are listed in
    /// the second value.
    ///
    /// # Errors
    /// CS5003 when no area has a version in force.
    pub fn effective(&self, day: Day) -> Result<(Vec<&Version>, Vec<&str>)> {
        let mut versions = Vec::new();
        let mut without = Vec::new();
        for pack in &self.packs {
            match pack.versions.iter().rev().find(|version| version.effective_from <= day) {
                Some(version) => versions.push(version),
                None => without.push(pack.area.as_str()),
            }
        }
        if versions.is_empty() {
            return Err(Error::new(
                Code::RulesetNotEffective,
                format!("no rules are in force on {day}"),
            )
            .hint("run `capscore rules list` for the dates of each ruleset"));
        }
        Ok((versions, without))
    }

    /// The versions that `--ruleset id` means: for each area the newest one that starts no later
    /// than the ruleset `id`.
    ///
    /// # Errors
    /// CS5001 when no area has a version `id`.
    pub fn named(&self, id: &str) -> Result<(Vec<&Version>, Vec<&str>)> {
        let start = self
            .packs
            .iter()
            .flat_map(|pack| &pack.versions)
            .filter(|version| version.id == id)
            .map(|version| version.effective_from)
            .max();
        let Some(start) = start else {
            let close = self
                .packs
                .iter()
                .flat_map(|pack| &pack.versions)
                .max_by(|left, right| {
                    let likeness = |version: &Version| strsim::jaro(&version.id, id);
                    likeness(left).total_cmp(&likeness(right))
                })
                .map(|version| format!("did you mean {}? ", version.id))
                .unwrap_or_default();
            return Err(Error::new(Code::RulesetUnknown, format!("no ruleset is called {id:?}"))
                .hint(format!("{close}run `capscore rules list` to see all of them")));
        };
        self.effective(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Rules> {
        let files = PipelineFiles::embedded();
        let catalogs = Catalogs::load(&files)?;
        let file = PipelineFile { origin: "pack.toml".to_owned(), text: text.to_owned() };
        let windows = Windows::load(files.get("windows/qualification.toml")?)?;
        load::load_pack(&file, &catalogs).map(|pack| Rules { packs: vec![pack], windows })
    }

    fn embedded_text() -> String {
        PipelineFiles::embedded().get("rules/security.toml").unwrap().text.clone()
    }

    #[test]
    fn broken_packs_are_refused_with_their_line() {
        for (from, to, expected) in [
            ("max_points = \"40\"", "max_points = \"41\"", "add to 101 points"),
            ("\"SC-100\"", "\"SC-1000\"", "no certification is called \"SC-1000\""),
            ("\"Azure Bastion\"", "\"Azure Bastions\"", "no catalog lists \"Azure Bastions\""),
            ("[\"CPOR\"]", "[\"CPORX\"]", "no attribution is called \"CPORX\""),
            (
                "window = \"ttm\"",
                "window = \"year\"",
                "\"year\" is none of month, either_of_two_months, ttm",
            ),
            ("seats_min = 25", "seats_minimum = 25", "unknown field"),
            ("\"40/6\"", "\"40/11\"", "is no whole number of 1/8400 point"),
            ("\"15/100\"", "\"15 %\"", "is no ratio"),
            ("id = \"step2\"", "id = \"step9\"", "step 2 of a path has the id \"step9\""),
            ("id = \"step2\"", "id = \"second\"", "step 2 of a path has the id \"second\""),
        ] {
            let text = embedded_text().replacen(from, to, 1);
            let report = load(&text).unwrap_err().report();
            assert!(report.contains(expected), "{report}");
            let line = text.lines().position(|line| line.contains(to)).unwrap() + 1;
            // Sums are judged where the version stands.
            if !expected.starts_with("add") {
                assert!(report.contains(&format!("pack.toml:{line}: ")), "{report} {line}");
            }
        }
    }

    #[test]
    fn versions_are_picked_by_date_and_by_name() {
        let rules = load(&embedded_text()).unwrap();
        let day = |text: &str| Day::parse(text).unwrap();
        assert_eq!(rules.effective(day("2024-01-31")).unwrap().0[0].id, "2023-12-01");
        assert_eq!(
            rules.effective(day("2000-01-31")).unwrap_err().code(),
            Code::RulesetNotEffective
        );
        assert_eq!(rules.named("2023-12-02").unwrap_err().code(), Code::RulesetUnknown);
    }
}
