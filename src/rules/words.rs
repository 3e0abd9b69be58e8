//! Reads the words of a rule pack: names from lists and catalogs, amounts, points, ratios.

use toml::Spanned;

use super::catalog::Names;
use super::load::Reader;
use super::raw::Lists;
use super::sentence::Ratio;
use crate::error::Result;
use crate::ids::{Attribution, AttributionSet};
use crate::money::Money;
use crate::points::Points;
use crate::tables;

impl Reader<'_> {
    pub(super) fn list(
        &self,
        name: Option<&Spanned<String>>,
        lists: &Lists,
        catalog: &Names,
    ) -> Result<Vec<String>> {
        let Some(name) = name else { return Ok(Vec::new()) };
        let Some(list) = lists.get(name.get_ref()) else {
            let text = format!("the version has no list {:?}", name.get_ref());
            return Err(self.file.mistake(&name.span(), text));
        };
        if list.is_empty() {
            return Err(self.file.mistake(&name.span(), "the list is empty: nothing could count"));
        }
        let mut names = Vec::new();
        for entry in list {
            let Some(known) = catalog.known(entry.get_ref()) else {
                let text = format!("no catalog lists {:?}", entry.get_ref());
                return Err(self.file.mistake(&entry.span(), text));
            };
            names.push(known.to_owned());
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    pub(super) fn associations(&self, listed: &[Spanned<String>]) -> Result<AttributionSet> {
        let mut set = AttributionSet::EMPTY;
        for name in listed {
            let Some(attribution) = Attribution::parse(name.get_ref()) else {
                let text = format!("no attribution is called {:?}", name.get_ref());
                return Err(self.file.mistake(&name.span(), text));
            };
            if attribution.is_never_eligible() {
                let text = format!("{} is eligible nowhere", attribution.as_str());
                return Err(self.file.mistake(&name.span(), text));
            }
            set = set.with(attribution);
        }
        Ok(set.eligible())
    }

    pub(super) fn datasets(&self, listed: &[Spanned<String>]) -> Result<Vec<String>> {
        listed.iter().map(|dataset| self.one_of(dataset, &tables::DATASETS)).collect()
    }

    pub(super) fn one_of(&self, word: &Spanned<String>, known: &[&str]) -> Result<String> {
        if known.contains(&word.get_ref().as_str()) {
            return Ok(word.get_ref().clone());
        }
        let text = format!("{:?} is none of {}", word.get_ref(), known.join(", "));
        Err(self.file.mistake(&word.span(), text))
    }

    pub(super) fn points(&self, text: &Spanned<String>) -> Result<Points> {
        Points::parse(text.get_ref()).ok_or_else(|| {
            let message = format!("{:?} is no whole number of 1/8400 point", text.get_ref());
            self.file.mistake(&text.span(), message)
        })
    }

    pub(super) fn amount(&self, text: &Spanned<String>) -> Result<Money> {
        if let Ok((amount, false)) = Money::parse(text.get_ref().as_bytes()) {
            Ok(amount)
        } else {
            let message = format!("{:?} is no amount", text.get_ref());
            Err(self.file.mistake(&text.span(), message))
        }
    }

    /// A ratio between nothing and all.
    pub(super) fn share(&self, text: &Spanned<String>) -> Result<Ratio> {
        let share = self.ratio(text)?;
        if share.numerator > share.denominator {
            let message = format!("the share {} is more than all", text.get_ref());
            return Err(self.file.mistake(&text.span(), message));
        }
        Ok(share)
    }

    fn ratio(&self, text: &Spanned<String>) -> Result<Ratio> {
        let parsed = text.get_ref().split_once('/').and_then(|(numerator, denominator)| {
            Some((numerator.trim().parse().ok()?, denominator.trim().parse().ok()?))
        });
        match parsed {
            Some((numerator, denominator)) if numerator >= 0 && denominator > 0 => {
                Ok(Ratio { numerator, denominator })
            }
            _ => {
                let message = format!("{:?} is no ratio like \"15/100\"", text.get_ref());
                Err(self.file.mistake(&text.span(), message))
            }
        }
    }
}
