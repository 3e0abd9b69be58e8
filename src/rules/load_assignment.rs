//! Reads the test that assigns a path.

use super::load::Reader;
use super::options::{AssigningPairs, PathCustomers};
use super::pack::{Assignment, AssignmentTest};
use super::raw::RawAssignment;
use super::sentence::Window;
use crate::error::Result;

impl Reader<'_> {
    /// The assignment of one of `paths`.
    ///
    /// # Errors
    /// CS5002 with file and line.
    pub(super) fn assignment(&self, raw: &RawAssignment, paths: &[String]) -> Result<Assignment> {
        let known: Vec<&str> = paths.iter().map(String::as_str).collect();
        let (path, otherwise) =
            (self.one_of(&raw.path, &known)?, self.one_of(&raw.otherwise, &known)?);
        if raw.associations.is_empty() {
            let text = "without associations nobody is a customer";
            return Err(self.file.mistake(&raw.path.span(), text));
        }
        if path == otherwise {
            let text = "the test assigns the same path either way";
            return Err(self.file.mistake(&raw.otherwise.span(), text));
        }
        Ok(Assignment {
            path,
            otherwise,
            associations: self.associations(&raw.associations)?,
            test: if raw.pairs_needed.is_some() { self.pairs(raw)? } else { self.smb_share(raw)? },
            has_enrolment_track: raw.enrolment_track,
        })
    }

    fn smb_share(&self, raw: &RawAssignment) -> Result<AssignmentTest> {
        let foreign = raw.revenue_above_usd.as_ref().or(raw.workloads.as_ref());
        if let Some(word) = foreign {
            let text = "a test of revenue needs pairs_needed";
            return Err(self.file.mistake(&word.span(), text));
        }
        let (share, is_share_enough) = match (&raw.smb_share_at_least, &raw.smb_share_above) {
            (Some(share), None) => (share, true),
            (None, Some(share)) => (share, false),
            _ => {
                let text = "give smb_share_at_least, smb_share_above or pairs_needed";
                return Err(self.file.mistake(&raw.path.span(), text));
            }
        };
        let ttm_below = raw.ttm_acr_below_usd.as_ref();
        Ok(AssignmentTest::SmbShare {
            share: self.share(share)?,
            is_share_enough,
            customers: match self.options.path_customers {
                PathCustomers::Month => Window::Month,
                PathCustomers::Ttm => Window::Ttm,
            },
            ttm_below: ttm_below.map(|amount| self.amount(amount)).transpose()?,
        })
    }

    fn pairs(&self, raw: &RawAssignment) -> Result<AssignmentTest> {
        let missing = |word: &str| {
            self.file.mistake(&raw.path.span(), format!("a test of pairs needs {word}"))
        };
        let foreign = [&raw.smb_share_at_least, &raw.smb_share_above, &raw.ttm_acr_below_usd];
        if let Some(word) = foreign.into_iter().flatten().next() {
            return Err(self.file.mistake(&word.span(), "a test of pairs has no such word"));
        }
        let needed = raw.pairs_needed.as_ref().ok_or_else(|| missing("pairs_needed"))?;
        if *needed.get_ref() < 1 {
            return Err(self.file.mistake(&needed.span(), "at least one pair is needed"));
        }
        let revenue = raw.revenue_above_usd.as_ref().ok_or_else(|| missing("revenue_above_usd"))?;
        if raw.workloads.is_none() {
            return Err(missing("workloads"));
        }
        Ok(AssignmentTest::Pairs {
            needed: *needed.get_ref(),
            revenue_above: self.limit_amount(Some(revenue))?.unwrap_or_default(),
            workloads: self.list(
                raw.workloads.as_ref(),
                &self.raw.workloads,
                &self.catalogs.workloads,
            )?,
            is_same_in_both: self.options.assigning_pairs == AssigningPairs::BothMonths,
        })
    }
}
