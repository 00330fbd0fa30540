//! Keys and values that the ledger's derived state is kept in, and a working copy to change them in.
//!
//! The decider reads through [`Working`]: its own changes first, then what it stands on. An index never
//! holds the only copy of anything: it can be rebuilt from the entries.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::store::Error;

/// Keys with their values, in order of key.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Ordered keys and values: `sled`, a map in memory, or either below an overlay.
pub trait Index: Send + Sync {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// Up to `most` pairs with `from <= key < to`, in order of key.
    fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error>;
}

/// Changes of keys: a value, or none where the key goes.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// An index and changes that are not in it yet.
pub struct Working<'a> {
    base: &'a dyn Index,
    changes: Changes,
}

impl<'a> Working<'a> {
    /// A working copy without changes.
    pub fn new(base: &'a dyn Index) -> Working<'a> {
        Working {
            base,
            changes: Changes::new(),
        }
    }

    /// Puts a value.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.changes.insert(key, Some(value));
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }

    /// Makes changes that were decided above this copy its own.
    pub fn absorb(&mut self, changes: Changes) {
        self.changes.extend(changes);
    }

    /// The changes so far, to come back to with [`Working::restore`].
    pub fn checkpoint(&self) -> Changes {
        self.changes.clone()
    }

    /// Forgets what changed since the checkpoint.
    pub fn restore(&mut self, checkpoint: Changes) {
        self.changes = checkpoint;
    }

    /// The changes, to be applied as one.
    pub fn into_changes(self) -> Changes {
        self.changes
    }
}

impl Index for Working<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.changes.get(key) {
            Some(change) => Ok(change.clone()),
            None => self.base.get(key),
        }
    }

    fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error> {
        merge(self.base, &self.changes, from, to, most)
    }
}

/// Scans a base below changes.
pub fn merge(
    base: &dyn Index,
    changes: &Changes,
    from: &[u8],
    to: &[u8],
    most: usize,
) -> Result<Pairs, Error> {
    if from >= to {
        return Ok(Vec::new());
    }
    let changed: Vec<_> = changes
        .range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)))
        .collect();
    let removed = changed.iter().filter(|(_, value)| value.is_none()).count();
    // Enough of the base to fill the page even if every removed key is in it.
    let below = base.scan(from, to, most.saturating_add(removed))?;
    let mut merged: BTreeMap<Vec<u8>, Option<Vec<u8>>> = below
        .into_iter()
        .map(|(key, value)| (key, Some(value)))
        .collect();
    // Beyond the last key that the base gave out, a change may hide behind keys not read.
    let complete = merged.len() < most.saturating_add(removed);
    let last = if complete {
        None
    } else {
        merged.keys().next_back().cloned()
    };
    for (key, value) in changed {
        if last.as_ref().is_none_or(|last| key <= last) {
            merged.insert(key.clone(), value.clone());
        }
    }
    let present = merged
        .into_iter()
        .filter_map(|(key, value)| value.map(|value| (key, value)));
    Ok(present.take(most).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Index for BTreeMap<Vec<u8>, Vec<u8>> {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
            Ok(BTreeMap::get(self, key).cloned())
        }

        fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error> {
            let range = self.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
            Ok(range
                .take(most)
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect())
        }
    }

    #[test]
    fn changes_hide_what_they_stand_on() {
        let base: BTreeMap<Vec<u8>, Vec<u8>> = (0_u8..10)
            .map(|number| (vec![number], vec![number]))
            .collect();
        let mut working = Working::new(&base);
        working.remove(vec![0]);
        working.remove(vec![1]);
        working.put(vec![2], vec![22]);
        working.put(vec![2, 5], vec![25]);
        for most in 0..10 {
            let keys: Vec<_> = working
                .scan(&[0], &[5], most)
                .unwrap()
                .into_iter()
                .map(|(_, value)| value)
                .collect();
            let all = [vec![22], vec![25], vec![3], vec![4]];
            assert_eq!(keys, all[..most.min(4)], "{most}");
        }
        assert_eq!(working.get(&[1]).unwrap(), None);
        assert_eq!(working.get(&[2]).unwrap(), Some(vec![22]));
    }
}
