//! What deliveries changed: the live months of each partner by what was delivered up to one day,
//! and up to a later one.

use std::collections::BTreeMap;

use super::live::Live;
use crate::calendar::{Day, Month};
use crate::error::Result;
use crate::money::Money;
use crate::store::Store;

/// A month of a partner that later deliveries brought, took away or restated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restatement {
    /// The dataset.
    pub dataset: String,
    /// The partner global account.
    pub account: String,
    /// The month; none for snapshots.
    pub month: Option<Month>,
    /// Records and their amount before; none when nothing was live.
    pub before: Option<(i64, Money)>,
    /// Records and their amount after; none when nothing is live any more.
    pub after: Option<(i64, Money)>,
}

/// Dataset, partner and month.
type Key = (String, String, Option<Month>);
/// What is live of one partner's month: records, amount, and the hashes of its units.
type State = (i64, Money, Vec<String>);

/// What the deliveries after `from` and up to `to` changed, sorted by dataset, partner and month.
///
/// # Errors
/// CS2001, CS6005.
pub fn restatements(facts: &Store, from: Day, to: Day) -> Result<Vec<Restatement>> {
    let mut before = states(facts, from)?;
    let mut changed = Vec::new();
    for (key, after) in states(facts, to)? {
        let known = before.remove(&key);
        if known.as_ref() != Some(&after) {
            changed.push((key, known, Some(after)));
        }
    }
    changed.extend(before.into_iter().map(|(key, state)| (key, Some(state), None)));
    changed.sort_by(|(left, ..), (right, ..)| left.cmp(right));
    let figures = |state: Option<State>| state.map(|(rows, amount, _)| (rows, amount));
    let restated = changed.into_iter().map(|((dataset, account, month), before, after)| {
        Restatement { dataset, account, month, before: figures(before), after: figures(after) }
    });
    Ok(restated.collect())
}

fn states(facts: &Store, until: Day) -> Result<BTreeMap<Key, State>> {
    let mut states: BTreeMap<Key, State> = BTreeMap::new();
    for unit in Live::read_until(facts, until)?.units {
        let key = (unit.key.dataset.clone(), unit.account.clone(), unit.key.month);
        let state = states.entry(key).or_default();
        state.0 += unit.rows;
        state.1 += unit.amount;
        state.2.push(unit.hash);
    }
    Ok(states)
}
