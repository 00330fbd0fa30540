//! Keys and values that the ledger's derived state is kept in, and a working copy to change them in.
//!
//! The decider reads through [`Working`]: its own changes first, then what it stands on. An index never
//! holds the only copy of anything: it can be rebuilt from the entries.

use std::collections::{BTreeMap, HashMap, btree_map};
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};

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
    /// Where a value is written before it is known how long it is.
    scratch: Vec<u8>,
}

impl<'a> Working<'a> {
    /// A working copy without changes.
    pub fn new(base: &'a dyn Index) -> Working<'a> {
        Working {
            base,
            changes: Changes::new(),
            scratch: Vec::new(),
        }
    }

    /// Puts a value.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.changes.insert(key, Some(value));
    }

    /// Puts a value that is written here. Of many values that wait to be applied none takes more memory than it has bytes.
    pub fn write(&mut self, key: Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        self.scratch.clear();
        write(&mut self.scratch);
        self.changes
            .insert(key, Some(self.scratch.as_slice().to_vec()));
    }

    /// The value of a key, to be changed in place: what it stands on is read once, and no copy is made of what was
    /// changed already.
    pub fn slot(&mut self, key: Vec<u8>) -> Result<&mut Option<Vec<u8>>, Error> {
        match self.changes.entry(key) {
            btree_map::Entry::Occupied(changed) => Ok(changed.into_mut()),
            btree_map::Entry::Vacant(vacant) => {
                let value = self.base.get(vacant.key())?;
                Ok(vacant.insert(value))
            }
        }
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }

    /// Makes changes that were decided above this copy its own.
    pub fn absorb(&mut self, changes: Changes) {
        self.changes.extend(changes);
    }

    /// How many keys it changes.
    pub fn changed(&self) -> usize {
        self.changes.len()
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
        merge(self.base, &[&self.changes], from, to, most)
    }
}

/// An index that does not change, and what was read of it by key: a batch asks for the same centre, terms, group and
/// cells with each of its documents.
pub struct Remembered<'a> {
    base: &'a dyn Index,
    read: Mutex<HashMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl<'a> Remembered<'a> {
    /// Nothing is read yet.
    pub fn new(base: &'a dyn Index) -> Remembered<'a> {
        Remembered {
            base,
            read: Mutex::default(),
        }
    }
}

impl Index for Remembered<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        // What is in the map is whole whoever panicked.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = read.get(key) {
            return Ok(value.clone());
        }
        let value = self.base.get(key)?;
        read.insert(key.to_vec(), value.clone());
        Ok(value)
    }

    fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error> {
        self.base.scan(from, to, most)
    }
}

/// Scans a base below layers of changes, the newest layer first. Reads no more than it gives out and what is hidden
/// among that: neither the rest of the range below nor that of a layer.
pub fn merge(
    base: &dyn Index,
    layers: &[&Changes],
    from: &[u8],
    to: &[u8],
    most: usize,
) -> Result<Pairs, Error> {
    if from >= to || most == 0 {
        return Ok(Vec::new());
    }
    let range = (Bound::Included(from), Bound::Excluded(to));
    let layers = layers.iter();
    let mut above = Above(
        layers
            .map(|layer| layer.range::<[u8], _>(range).peekable())
            .collect(),
    );
    let mut merged = Vec::new();
    let (mut start, mut page) = (from.to_vec(), most);
    loop {
        let below = base.scan(&start, to, page)?;
        let is_last = below.len() < page;
        if let Some((last, _)) = below.last() {
            start.clone_from(last);
            start.push(0);
        }
        for (key, value) in below {
            above.before(&key, &mut merged, most);
            if merged.len() == most {
                return Ok(merged);
            }
            match above.at(&key) {
                None => merged.push((key, value)),
                Some(Some(changed)) => merged.push((key, changed.clone())),
                Some(None) => {}
            }
        }
        if is_last {
            above.before(to, &mut merged, most);
            return Ok(merged);
        }
        if merged.len() == most {
            return Ok(merged);
        }
        // Keys of this page were hidden: the more there are, the larger is the next one.
        page = page.saturating_mul(2).min(LARGEST_PAGE.max(most));
    }
}

/// How many keys are read at once to find those that no change hides.
const LARGEST_PAGE: usize = 1024;

type Range<'a> = Peekable<btree_map::Range<'a, Vec<u8>, Option<Vec<u8>>>>;

/// What is left of the layers above a base, the newest first.
struct Above<'a>(Vec<Range<'a>>);

impl<'a> Above<'a> {
    /// Gives out the values of all keys before one, until there are `most`.
    fn before(&mut self, end: &[u8], out: &mut Pairs, most: usize) {
        while out.len() < most {
            let keys = self.0.iter_mut().filter_map(|layer| layer.peek());
            let next = keys.map(|(key, _)| *key).min();
            let Some(key) = next.filter(|key| key.as_slice() < end) else {
                return;
            };
            if let Some(Some(value)) = self.at(key) {
                out.push((key.clone(), value.clone()));
            }
        }
    }

    /// The newest change of a key before which nothing is left.
    fn at(&mut self, key: &[u8]) -> Option<&'a Option<Vec<u8>>> {
        let mut newest = None;
        for layer in &mut self.0 {
            if let Some((_, change)) = layer.next_if(|(next, _)| next.as_slice() == key) {
                newest = newest.or(Some(change));
            }
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Index for BTreeMap<Vec<u8>, Vec<u8>> {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
            Ok(BTreeMap::get(self, key).cloned())
        }

        fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error> {
            if from >= to {
                return Ok(Vec::new());
            }
            let range = self.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
            Ok(range
                .take(most)
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect())
        }
    }

    /// A map that gives out no more than it is asked for, and counts it.
    struct Pages(BTreeMap<Vec<u8>, Vec<u8>>, std::sync::atomic::AtomicUsize);

    impl Index for Pages {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
            Index::get(&self.0, key)
        }

        fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error> {
            let found = self.0.scan(from, to, most)?;
            self.1
                .fetch_add(found.len(), std::sync::atomic::Ordering::Relaxed);
            Ok(found)
        }
    }

    #[test]
    fn any_layers_look_like_what_they_make_when_applied() {
        // Numbers that look random: keys of two bytes from a small range, so that layers meet often.
        let mut seed = 7_u32;
        let mut random = move |below: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) % below
        };
        for _ in 0..300 {
            let key = |random: &mut dyn FnMut(u32) -> u32| vec![0, random(40) as u8];
            let mut base = BTreeMap::new();
            for _ in 0..random(30) {
                base.insert(key(&mut random), vec![0]);
            }
            let mut layers = Vec::new();
            let mut applied = base.clone();
            for layer in 1..=random(4) {
                let mut changes = Changes::new();
                for _ in 0..random(20) {
                    let value = (random(2) == 0).then(|| vec![layer as u8]);
                    changes.insert(key(&mut random), value);
                }
                for (key, value) in &changes {
                    match value {
                        Some(value) => applied.insert(key.clone(), value.clone()),
                        None => applied.remove(key),
                    };
                }
                layers.push(changes);
            }
            let newest_first: Vec<&Changes> = layers.iter().rev().collect();
            let (from, to) = (key(&mut random), key(&mut random));
            for most in [0, 1, 2, 5, usize::MAX] {
                let expected = applied.scan(&from, &to, most).unwrap();
                let found = merge(&base, &newest_first, &from, &to, most).unwrap();
                assert_eq!(found, expected, "{from:?}..{to:?}, {most}");
            }
        }
    }

    #[test]
    fn a_scan_reads_what_it_gives_out_and_what_is_hidden_among_it() {
        let keys = (0..10_000_u32).map(|number| number.to_be_bytes().to_vec());
        let base = Pages(
            keys.map(|key| (key, vec![])).collect(),
            std::sync::atomic::AtomicUsize::new(0),
        );
        for (hidden, given) in [(0_u32, 1), (100, 1), (1000, 10), (5000, 100)] {
            let mut working = Working::new(&base);
            for number in (0..hidden).chain(9_000..10_000) {
                working.remove(number.to_be_bytes().to_vec());
            }
            base.1.store(0, std::sync::atomic::Ordering::Relaxed);
            let found = working.scan(&[0], &[1], given).unwrap();
            assert_eq!(found.len(), given);
            assert_eq!(found[0].0, hidden.to_be_bytes());
            let read = base.1.load(std::sync::atomic::Ordering::Relaxed);
            let most = 3 * (hidden as usize + given);
            assert!(read <= most, "{read} for {given} behind {hidden}");
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
        for (key, expected) in [
            (0, None),
            (2, Some(vec![22])),
            (9, Some(vec![9])),
            (99, None),
        ] {
            assert_eq!(working.slot(vec![key]).unwrap(), &expected);
        }
        *working.slot(vec![9]).unwrap() = None;
        assert_eq!(working.get(&[9]).unwrap(), None);
    }
}
