//! The live credentials, with what tells whether those that a month looks at are the same.

use std::collections::BTreeMap;

use crate::calendar::Month;
use crate::error::Result;
use crate::facts::{CREDENTIAL, Live, LiveFrames, MonthUnits};
use crate::ids::FieldHasher;
use crate::score::DeliveredCredentials;

/// All live credentials. An attempt reads them once: no month can be told from another without them.
pub(super) struct Credentials {
    pub(super) delivered: DeliveredCredentials,
    /// A hash of those that were earned in each month.
    earned: BTreeMap<Month, blake3::Hash>,
}

impl Credentials {
    /// # Errors
    /// CS2001, CS2002, CS6005, CS9001.
    pub(super) fn read(live: &Live) -> Result<Self> {
        let delivered = DeliveredCredentials::collect(&LiveFrames::new(live).credentials()?)?;
        let earned = delivered.hashes()?;
        Ok(Self { delivered, earned })
    }

    /// Tells what a month sees of them: nothing of those that were earned later.
    pub(super) fn add_until(&self, month: Month, hasher: &mut FieldHasher) {
        hasher.add_text("credentials");
        for (earned, hash) in self.earned.range(..=month) {
            hasher.add(earned);
            hasher.add(hash.to_hex());
        }
    }
}

/// Whether units have credentials alone, whose content [`Credentials`] knows better: a list says
/// everything of all time, and a month does not look at what was earned after it.
pub(super) fn are_credentials(units: &MonthUnits<'_>) -> bool {
    units.month.is_none() && units.has_only(&CREDENTIAL)
}
