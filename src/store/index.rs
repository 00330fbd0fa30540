//! Keys and values that the ledger's derived state is kept in, and a working copy to change them in.
//!
//! The decider reads through [`Working`]: its own changes first, then what it stands on. An index never
//! holds the only copy of anything: it can be rebuilt from the entries.

use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;
use std::ops::{self, Bound};

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

/// What becomes of a key: a value, or none where it goes.
pub type Change = Option<Vec<u8>>;

/// Changes of keys.
pub type Changes = BTreeMap<Vec<u8>, Change>;

/// An index and changes that are not in it yet.
pub struct Working<'a> {
    base: &'a dyn Index,
    changes: Changes,
    /// What was changed since the first savepoint.
    undo: Vec<Undo>,
    /// Whether there is a savepoint to come back to.
    is_saved: bool,
    /// Where a value is written before it is known how long it is.
    scratch: Vec<u8>,
}

/// How a change is taken back.
enum Undo {
    /// The key has the change that it had before, if any.
    Put(Vec<u8>, Option<Change>),
    /// These bytes go out of the value: it may be long, and is not copied for each of them.
    Cut(Vec<u8>, ops::Range<usize>),
}

/// A state of a working copy to come back to.
#[derive(Clone, Copy, Debug)]
pub struct Savepoint(usize);

impl<'a> Working<'a> {
    /// A working copy without changes.
    pub fn new(base: &'a dyn Index) -> Working<'a> {
        Working {
            base,
            changes: Changes::new(),
            undo: Vec::new(),
            is_saved: false,
            scratch: Vec::new(),
        }
    }

    /// Puts a value.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.change(key, Some(value));
    }

    /// Puts a value that is written here. Of many values that wait to be applied none takes more memory than it has bytes.
    pub fn write(&mut self, key: Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        self.scratch.clear();
        write(&mut self.scratch);
        let value = self.scratch.as_slice().to_vec();
        self.change(key, Some(value));
    }

    /// The value of a key, to be changed in place: what it stands on is read once, and no copy is made of what was
    /// changed already, unless there is a savepoint.
    pub fn slot(&mut self, key: Vec<u8>) -> Result<&mut Option<Vec<u8>>, Error> {
        match self.changes.entry(key) {
            btree_map::Entry::Occupied(changed) => {
                if self.is_saved {
                    let before = Some(changed.get().clone());
                    self.undo.push(Undo::Put(changed.key().clone(), before));
                }
                Ok(changed.into_mut())
            }
            btree_map::Entry::Vacant(vacant) => {
                let value = self.base.get(vacant.key())?;
                if self.is_saved {
                    self.undo.push(Undo::Put(vacant.key().clone(), None));
                }
                Ok(vacant.insert(value))
            }
        }
    }

    /// Puts bytes into the value of a key, which has none where there is no key: `place` says behind how many of its bytes.
    pub fn insert(
        &mut self,
        key: Vec<u8>,
        bytes: &[u8],
        place: impl FnOnce(&[u8]) -> Result<usize, Error>,
    ) -> Result<(), Error> {
        if let Some(Some(value)) = self.changes.get_mut(&key) {
            let at = put_in(value, bytes, place)?;
            if self.is_saved {
                self.undo.push(Undo::Cut(key, at..at + bytes.len()));
            }
            return Ok(());
        }
        put_in(self.slot(key)?.get_or_insert_default(), bytes, place)?;
        Ok(())
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.change(key, None);
    }

    fn change(&mut self, key: Vec<u8>, change: Change) {
        if !self.is_saved {
            self.changes.insert(key, change);
            return;
        }
        let before = self.changes.insert(key.clone(), change);
        self.undo.push(Undo::Put(key, before));
    }

    /// Makes changes that were decided elsewhere its own.
    pub fn absorb(&mut self, changes: Changes) {
        for (key, change) in changes {
            self.change(key, change);
        }
    }

    /// How many keys it changes.
    pub fn changed(&self) -> usize {
        self.changes.len()
    }

    /// The state so far, to come back to. Another one may be made before it is released: the inner one is done with first.
    pub fn savepoint(&mut self) -> Savepoint {
        self.is_saved = true;
        Savepoint(self.undo.len())
    }

    /// Forgets what changed since a savepoint, which is still there.
    pub fn roll_back(&mut self, to: Savepoint) {
        // Backwards: what a key had first is put back last.
        for undo in self.undo.drain(to.0..).rev() {
            match undo {
                Undo::Put(key, Some(change)) => {
                    self.changes.insert(key, change);
                }
                Undo::Put(key, None) => {
                    self.changes.remove(&key);
                }
                Undo::Cut(key, bytes) => {
                    if let Some(Some(value)) = self.changes.get_mut(&key) {
                        value.drain(bytes);
                    }
                }
            }
        }
    }

    /// Keeps what changed since the outermost savepoint: there is no way back any more.
    pub fn release(&mut self) {
        self.undo.clear();
        self.is_saved = false;
    }

    /// The changes, to be applied as one.
    pub fn into_changes(self) -> Changes {
        self.changes
    }
}

/// Puts bytes into a value, and says behind how many of its bytes.
fn put_in(
    value: &mut Vec<u8>,
    bytes: &[u8],
    place: impl FnOnce(&[u8]) -> Result<usize, Error>,
) -> Result<usize, Error> {
    let at = place(value)?;
    value.extend_from_slice(bytes);
    value[at..].rotate_right(bytes.len());
    Ok(at)
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
    fn what_changed_since_a_savepoint_is_taken_back_and_nothing_else() {
        let base: BTreeMap<Vec<u8>, Vec<u8>> =
            (0_u8..5).map(|key| (vec![key], vec![key])).collect();
        let mut working = Working::new(&base);
        working.put(vec![0], vec![10]);
        let outer = working.savepoint();
        working.put(vec![0], vec![11]);
        working.remove(vec![1]);
        working.write(vec![9], |out| out.push(99));
        let kept = working.changes.clone();
        let inner = working.savepoint();
        working.put(vec![0], vec![12]);
        *working.slot(vec![0]).unwrap() = Some(vec![13]);
        working.put(vec![1], vec![21]);
        *working.slot(vec![2]).unwrap() = None;
        working.remove(vec![9]);
        working.absorb([(vec![3], None)].into());
        // Into what stands below, was changed before and after the savepoint, and was taken away after it.
        for (key, at) in [(4, 1), (4, 0), (0, 1), (0, 0), (9, 0), (9, 1)] {
            let place = |value: &[u8]| Ok(at.min(value.len()));
            working.insert(vec![key], &[70, 71], place).unwrap();
        }
        assert_eq!(working.get(&[4]).unwrap().unwrap(), [70, 71, 4, 70, 71]);
        assert_eq!(working.get(&[0]).unwrap().unwrap(), [70, 71, 13, 70, 71]);
        assert_eq!(working.get(&[9]).unwrap().unwrap(), [70, 70, 71, 71]);
        working.roll_back(inner);
        assert_eq!(working.changes, kept);
        working.put(vec![4], vec![44]);
        working.roll_back(outer);
        assert_eq!(working.changes, [(vec![0], Some(vec![10]))].into());
        working.release();
        working.put(vec![7], vec![7]);
        assert!(working.undo.is_empty());
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
