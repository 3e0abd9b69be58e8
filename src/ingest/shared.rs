//! What the files of an ingest share: texts and what readers remember; and what those of a batch do:
//! buckets, and which readings count.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::acr::AcrLine;
use super::credentials::People;
use super::intern::Interner;
use super::layout::Sources;
use super::memory::Memories;
use super::person::PersonKey;
use super::reader::{FileTask, MOST_ATTEMPTS};
use super::relations::Relatives;
use super::seats::SeatLine;
use super::waiting::Waiting;
use crate::buckets::Budget;
use crate::facts::Erased;
use crate::rules::Catalogs;

/// What an ingest learns from its files, whatever batch they are in: most say again what others said.
/// And the memory that all batches have for rows that wait.
pub(super) struct Learned {
    pub(super) intern: Interner,
    budget: Arc<Budget>,
    pub(super) relatives: Memories<Relatives>,
    pub(super) people: Memories<People>,
}

impl Learned {
    /// Nothing yet; rows that wait may take `memory` bytes.
    pub(super) fn new(memory: usize) -> Self {
        let intern = Interner::default();
        let budget = Arc::new(Budget::new(memory));
        Self { intern, budget, relatives: Memories::default(), people: Memories::default() }
    }
}

/// What all files of a batch share.
pub(super) struct Shared<'a> {
    pub(super) sources: &'a Sources,
    pub(super) catalogs: &'a Catalogs,
    pub(super) person_key: &'a PersonKey,
    pub(super) learned: &'a Learned,
    pub(super) acr: Waiting<AcrLine>,
    pub(super) seats: Waiting<SeatLine>,
    /// Whether facts keep the names of customers.
    pub(super) keeps_customer_names: bool,
    /// Who is not taken in.
    pub(super) erased: Erased,
    /// Whether what a slot handed over counts.
    slots: Mutex<BTreeMap<u32, bool>>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(
        sources: &'a Sources,
        catalogs: &'a Catalogs,
        person_key: &'a PersonKey,
        learned: &'a Learned,
        erased: Erased,
        keeps_customer_names: bool,
    ) -> Self {
        Self {
            sources,
            catalogs,
            person_key,
            learned,
            acr: Waiting::new(Arc::clone(&learned.budget)),
            seats: Waiting::new(Arc::clone(&learned.budget)),
            erased,
            keeps_customer_names,
            slots: Mutex::new(BTreeMap::new()),
        }
    }

    /// The slot of a reading: the same in every execution, so that ties between identical lines
    /// of several files always end in the same file.
    pub(super) fn slot(&self, task: &FileTask, attempt: u32) -> u32 {
        let number = task.number * MOST_ATTEMPTS + attempt;
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).insert(number, true);
        number
    }

    /// Forgets everything that a reading handed over.
    pub(super) fn drop_slot(&self, slot: u32) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).insert(slot, false);
    }

    pub(super) fn live_slots(&self) -> BTreeMap<u32, bool> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
