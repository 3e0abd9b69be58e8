//! Text to small integers, shared by all workers of an ingest. Entries of consumption then compare
//! and travel as integers; the text is looked up once, when facts are written.

use std::cmp::Ordering;
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, DictionaryArray, LargeStringArray, UInt32Array};
use arrow::datatypes::UInt32Type;
use hashbrown::HashMap;

use crate::error::{Error, Result};
use crate::facts::text_digest;

/// The shared table.
#[derive(Debug, Default)]
pub(super) struct Interner {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ids: HashMap<Box<[u8]>, u32>,
    texts: Vec<Arc<[u8]>>,
    /// Those that were asked for last.
    sorted: Arc<Texts>,
}

/// A worker's view of the table: most look-ups take no lock.
#[derive(Debug)]
pub(super) struct LocalInterner<'a> {
    shared: &'a Interner,
    known: Known,
}

/// Texts that a view has looked up.
pub(super) type Known = HashMap<Box<[u8]>, u32>;

/// All texts, by id.
#[derive(Debug, Default)]
pub(super) struct Texts {
    by_id: Vec<Arc<[u8]>>,
    /// Per id its place in the bytewise order of all texts.
    ranks: Vec<u32>,
    /// Per id its place in the order of partners.
    places: Vec<u32>,
    digests: Vec<[u8; 16]>,
    /// All of them as the values of a column.
    values: Option<ArrayRef>,
}

impl Interner {
    pub(super) fn local(&self) -> LocalInterner<'_> {
        self.local_with(Known::default())
    }

    /// A view that starts with what another one knew.
    pub(super) fn local_with(&self, known: Known) -> LocalInterner<'_> {
        LocalInterner { shared: self, known }
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
    pub(super) fn texts(&self) -> Arc<Texts> {
        let lock = || self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (texts, before) = {
            let state = lock();
            (state.texts.clone(), Arc::clone(&state.sorted))
        };
        if texts.len() == before.by_id.len() {
            return before;
        }
        let texts = Arc::new(Texts::new(texts, &before));
        lock().sorted = Arc::clone(&texts);
        texts
    }
}

impl LocalInterner<'_> {
    pub(super) fn into_known(self) -> Known {
        self.known
    }

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
    /// `texts` start with those that were sorted `before`.
    fn new(texts: Vec<Arc<[u8]>>, before: &Self) -> Self {
        let ranks =
            ranks_with(&before.ranks, texts.len(), |left, right| texts[left].cmp(&texts[right]));
        let places = ranks_with(&before.places, texts.len(), |left, right| {
            let order = |at: usize| (partner_of(&texts[at]), &texts[at]);
            order(left).cmp(&order(right))
        });
        let new = texts[before.digests.len()..].iter().map(|text| text_digest(text));
        let digests = before.digests.iter().copied().chain(new).collect();
        let values: LargeStringArray =
            texts.iter().map(|text| std::str::from_utf8(text).ok().or(Some(""))).collect();
        Self { by_id: texts, ranks, places, digests, values: Some(Arc::new(values)) }
    }

    pub(super) fn bytes(&self, id: u32) -> &[u8] {
        usize::try_from(id).ok().and_then(|at| self.by_id.get(at)).map_or(&[], |text| text)
    }

    /// The place of a text in the bytewise order of all: compares as the text does.
    pub(super) fn rank(&self, id: u32) -> u32 {
        usize::try_from(id).ok().and_then(|at| self.ranks.get(at)).copied().unwrap_or(u32::MAX)
    }

    /// The place of a partner in the order of their ids: compares as [`partner`](Self::partner) does.
    pub(super) fn place(&self, id: u32) -> u32 {
        usize::try_from(id).ok().and_then(|at| self.places.get(at)).copied().unwrap_or(u32::MAX)
    }

    /// A hash of the text.
    pub(super) fn digest(&self, id: u32) -> [u8; 16] {
        usize::try_from(id).ok().and_then(|at| self.digests.get(at)).copied().unwrap_or_default()
    }

    /// A column of texts.
    ///
    /// # Errors
    /// CS9001 for an id that was never given.
    pub(super) fn column(&self, ids: Vec<u32>) -> Result<ArrayRef> {
        let ids = UInt32Array::from(ids);
        let values = self.values.as_ref().ok_or_else(|| Error::bug("there are no texts"))?;
        let column = DictionaryArray::<UInt32Type>::try_new(ids, Arc::clone(values));
        Ok(Arc::new(column.map_err(|error| Error::bug(error.to_string()))?))
    }

    /// The text; only valid UTF-8 is ever interned for columns.
    pub(super) fn text(&self, id: u32) -> &str {
        std::str::from_utf8(self.bytes(id)).unwrap_or_default()
    }

    /// A partner as delivered: the first byte says whether the id is a global account.
    pub(super) fn partner(&self, id: u32) -> (&str, bool) {
        let (id, is_account) = partner_of(self.bytes(id));
        (std::str::from_utf8(id).unwrap_or_default(), is_account)
    }
}

fn partner_of(text: &[u8]) -> (&[u8], bool) {
    text.split_first().map_or((&[], false), |(kind, id)| (id, *kind == ACCOUNT))
}

/// Per text its place in an order, from the places of the first of them.
fn ranks_with(
    before: &[u32],
    count: usize,
    compare: impl Fn(usize, usize) -> Ordering,
) -> Vec<u32> {
    let mut order = vec![0; before.len()];
    for (id, rank) in before.iter().enumerate() {
        order[*rank as usize] = id;
    }
    let mut new: Vec<usize> = (before.len()..count).collect();
    new.sort_unstable_by(|left, right| compare(*left, *right));
    order.extend(new);
    // Two sorted runs, which are merged.
    order.sort_by(|left, right| compare(*left, *right));
    let mut ranks = vec![0; count];
    for (rank, id) in (0_u32..).zip(&order) {
        ranks[*id] = rank;
    }
    ranks
}

/// First byte of an interned global account id.
pub(super) const ACCOUNT: u8 = b'A';
/// First byte of an interned location id.
pub(super) const LOCATION: u8 = b'L';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_come_later_are_sorted_in() {
        let interner = Interner::default();
        let mut local = interner.local();
        let mut ids = Vec::new();
        for texts in
            [["L10", "A9", "", "zürich"], ["A10", "L9", "zz", "A9"], ["a", "", "L10", "L1"]]
        {
            ids.extend(texts.map(|text| (local.id(text.as_bytes()), text)));
            let sorted = interner.texts();
            let digest = |text: &str| text_digest(text.as_bytes());
            for (id, text) in &ids {
                assert_eq!(sorted.text(*id), *text);
                assert_eq!(sorted.digest(*id), digest(text));
                for (other, compared) in &ids {
                    let order = text.as_bytes().cmp(compared.as_bytes());
                    assert_eq!(sorted.rank(*id).cmp(&sorted.rank(*other)), order);
                    let partners = [text, compared].map(|text| partner_of(text.as_bytes()));
                    let order = partners[0].cmp(&partners[1]).then(order);
                    assert_eq!(sorted.place(*id).cmp(&sorted.place(*other)), order);
                }
            }
        }
        assert!(Arc::ptr_eq(&interner.texts(), &interner.texts()));
    }
}
