//! Text to small integers, shared by all workers of an ingest. Entries of consumption then compare
//! and travel as integers; the text is looked up once, when facts are written.

use std::sync::Mutex;

use hashbrown::HashMap;

/// The shared table.
#[derive(Debug, Default)]
pub(super) struct Interner {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ids: HashMap<Box<[u8]>, u32>,
    texts: Vec<Box<[u8]>>,
}

/// A worker's view of the table: most look-ups take no lock.
#[derive(Debug)]
pub(super) struct LocalInterner<'a> {
    shared: &'a Interner,
    known: HashMap<Box<[u8]>, u32>,
}

/// All texts, by id.
#[derive(Debug)]
pub(super) struct Texts {
    texts: Vec<Box<[u8]>>,
    /// Per id its place in the bytewise order of all texts.
    ranks: Vec<u32>,
}

impl Interner {
    pub(super) fn local(&self) -> LocalInterner<'_> {
        LocalInterner { shared: self, known: HashMap::new() }
    }

    fn id(&self, text: &[u8]) -> u32 {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(id) = state.ids.get(text) {
            return *id;
        }
        // Four billion different texts do not fit in memory before they overflow the id.
        let id = u32::try_from(state.texts.len()).unwrap_or(u32::MAX);
        state.ids.insert(text.into(), id);
        state.texts.push(text.into());
        id
    }

    /// The texts so far.
    pub(super) fn texts(&self) -> Texts {
        let state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Texts::new(state.texts.clone())
    }
}

impl LocalInterner<'_> {
    pub(super) fn id(&mut self, text: &[u8]) -> u32 {
        if let Some(id) = self.known.get(text) {
            return *id;
        }
        let id = self.shared.id(text);
        self.known.insert(text.into(), id);
        id
    }
}

impl Texts {
    fn new(texts: Vec<Box<[u8]>>) -> Self {
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_unstable_by(|left, right| texts[*left].cmp(&texts[*right]));
        let mut ranks = vec![0; texts.len()];
        for (rank, id) in order.into_iter().enumerate() {
            ranks[id] = u32::try_from(rank).unwrap_or(u32::MAX);
        }
        Self { texts, ranks }
    }

    pub(super) fn bytes(&self, id: u32) -> &[u8] {
        usize::try_from(id).ok().and_then(|at| self.texts.get(at)).map_or(&[], |text| text)
    }

    /// The place of a text in the bytewise order of all: compares as the text does.
    pub(super) fn rank(&self, id: u32) -> u32 {
        usize::try_from(id).ok().and_then(|at| self.ranks.get(at)).copied().unwrap_or(u32::MAX)
    }

    /// The text; only valid UTF-8 is ever interned for columns.
    pub(super) fn text(&self, id: u32) -> &str {
        std::str::from_utf8(self.bytes(id)).unwrap_or_default()
    }

    /// A partner as delivered: the first byte says whether the id is a global account.
    pub(super) fn partner(&self, id: u32) -> (&str, bool) {
        match self.bytes(id).split_first() {
            Some((kind, id)) => (std::str::from_utf8(id).unwrap_or_default(), *kind == ACCOUNT),
            None => ("", false),
        }
    }
}

/// First byte of an interned global account id.
pub(super) const ACCOUNT: u8 = b'A';
/// First byte of an interned location id.
pub(super) const LOCATION: u8 = b'L';
