//! What the files of an ingest share: texts and what readers remember; and what those of a batch do:
//! buckets, and which readings count.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::acr::AcrLine;
use super::intern::Interner;
use super::layout::{Recognised, Sources};
use super::person::PersonKey;
use super::reader::{FileTask, MOST_ATTEMPTS};
use super::records::Reading;
use super::relations::Memory;
use super::seats::SeatLine;
use super::waiting::Waiting;
use crate::buckets::Budget;
use crate::facts::Erased;
use crate::rules::Catalogs;

/// Memories of files with other columns than these are forgotten first.
const MOST_MEMORIES: usize = 16;
/// So many customers by association all memories keep together for files to come, some 100 MB.
const MOST_RELATIONS: usize = 1 << 19;

/// What an ingest learns from its files, whatever batch they are in: most say again what others said.
/// And the memory that all batches have for rows that wait.
pub(super) struct Learned {
    pub(super) intern: Interner,
    budget: Arc<Budget>,
    /// What readers converted before; one for each reader at work.
    memories: Mutex<Vec<Memory>>,
}

impl Learned {
    /// Nothing yet; rows that wait may take `memory` bytes.
    pub(super) fn new(memory: usize) -> Self {
        let intern = Interner::default();
        let budget = Arc::new(Budget::new(memory));
        Self { intern, budget, memories: Mutex::new(Vec::new()) }
    }

    pub(super) fn memory_of(&self, header: &Recognised<'_>, form: (u8, Reading)) -> Option<Memory> {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        let at = memories.iter().position(|memory| memory.fits(header, form))?;
        Some(memories.swap_remove(at))
    }

    pub(super) fn keep_memory(&self, mut memory: Memory) {
        memory.forget_many_texts();
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        memories.push(memory);
        let is_too_much = |memories: &[Memory]| {
            memories.len() > MOST_MEMORIES
                || memories.iter().map(Memory::relations).sum::<usize>() > MOST_RELATIONS
        };
        while is_too_much(&memories) {
            memories.remove(0);
        }
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
