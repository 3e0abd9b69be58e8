//! What was converted before: files that are written alike go on with it, one after the other.

use std::sync::{Mutex, PoisonError};

use super::intern::Known;
use super::layout::Recognised;
use super::records::Reading;

/// Memories of files with other columns than these are forgotten first.
const MOST_MEMORIES: usize = 16;
/// So many groups of cells all memories of a kind keep together for files to come, some 100 MB.
const MOST_GROUPS: usize = 1 << 19;
/// So many texts a memory keeps for the next file.
const MOST_TEXTS: usize = 1 << 20;

/// The groups of cells that files of one kind repeat, and what they come to.
pub(super) trait Memos {
    /// How many groups are known of the kind that there are most of.
    fn len(&self) -> usize;
}

/// What one reader converted.
pub(super) struct Memory<T> {
    /// What cells mean beside their own text: [`meaning`].
    header: Vec<String>,
    /// The bytes of cells mean the same only by the same delimiter and reader.
    form: (u8, Reading),
    pub(super) texts: Known,
    pub(super) memos: T,
}

/// What the readers of one kind converted before; one memory for each reader at work.
pub(super) struct Memories<T>(Mutex<Vec<Memory<T>>>);

impl<T> Default for Memories<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Memory<T> {
    pub(super) fn new(header: &Recognised<'_>, form: (u8, Reading), memos: T) -> Self {
        let header = meaning(header).cloned().collect();
        Self { header, form, texts: Known::default(), memos }
    }

    /// With the texts that a reader has looked up.
    pub(super) fn with_texts(self, texts: Known) -> Self {
        Self { texts, ..self }
    }

    /// Whether a file with this header and form may go on with it.
    fn fits(&self, header: &Recognised<'_>, form: (u8, Reading)) -> bool {
        self.form == form && self.header.iter().eq(meaning(header))
    }
}

impl<T: Memos> Memories<T> {
    /// A memory that a file with this header and form may go on with.
    pub(super) fn take(&self, header: &Recognised<'_>, form: (u8, Reading)) -> Option<Memory<T>> {
        let mut memories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = memories.iter().position(|memory| memory.fits(header, form))?;
        Some(memories.swap_remove(at))
    }

    /// Keeps a memory for the next file.
    pub(super) fn keep(&self, mut memory: Memory<T>) {
        // Of a base with very many texts they are looked up again.
        if memory.texts.len() > MOST_TEXTS {
            memory.texts = Known::default();
        }
        let mut memories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memories.push(memory);
        let is_too_much = |memories: &[Memory<T>]| {
            memories.len() > MOST_MEMORIES
                || memories.iter().map(|memory| memory.memos.len()).sum::<usize>() > MOST_GROUPS
        };
        while is_too_much(&memories) {
            memories.remove(0);
        }
    }
}

/// The layout, the fields of the columns, and the partner whose file it is where no cell says so.
fn meaning<'h>(header: &'h Recognised<'_>) -> impl Iterator<Item = &'h String> {
    [&header.layout.dataset, &header.layout.id]
        .into_iter()
        .chain(&header.fields)
        .chain(&header.partner)
}
