//! Puts into the tree what was folded of many entries: finished documents straight into a sorted file, all else in order
//! of key, which is the fastest.
//!
//! The key that says up to where the index is applied is taken away before and put last: a crash in between leaves an
//! index without it, which is built anew.

use std::collections::HashSet;
use std::ops::Bound;

use crate::claims::entry::Entry;
use crate::store::Error;
use crate::store::embedded::mover::{self, Leaving};
use crate::store::embedded::tree::Tree;
use crate::store::embedded::{places, tables};
use crate::store::index::{Changes, Index, Pairs};
use crate::store::ledger::{keys, records};
use crate::store::{DocumentRecord, LotRecord};

/// Changes of fewer keys are applied as one: most starts have no more.
const FEW: usize = 4 * 1024;

/// Changes of a span of entries.
#[derive(Default)]
pub struct Load {
    /// The changes.
    pub changes: Changes,
    /// Documents and lots that began within the span: below it nothing is known of them.
    pub born: HashSet<tables::Id>,
}

impl Load {
    /// Notes what begins with an entry. What is not noted costs a look below, and nothing else.
    pub fn note(&mut self, entry: &Entry) {
        if let Entry::Received(received) = entry {
            self.born.insert(received.document.0.to_be_bytes());
        } else if let Entry::Sealed(sealed) = entry {
            self.born.insert(sealed.lot.0.to_be_bytes());
        }
    }

    /// Puts all of it into a tree.
    pub fn put(&self, tree: &Tree) -> Result<(), Error> {
        if self.changes.len() < FEW {
            return tree.apply(std::iter::once(&self.changes));
        }
        let applied = places::applied_key();
        let leaving = self.leaving()?;
        tree.unload(std::iter::once(applied.as_slice()))?;
        let changes = self.changes.iter().filter(|(key, _)| **key != applied);
        let staying = changes.filter(|(key, value)| {
            !leaving.has(key) && (value.is_some() || self.may_be_below(key))
        });
        tree.load(staying)?;
        let left = leaving.keys().filter(|key| self.may_be_below(key));
        tree.unload(left.map(Vec::as_slice))?;
        leaving.shelve(tree, &mut |_| true)?;
        mover::merge(tree, &mut |_| true)?;
        tree.load(self.changes.get_key_value(&applied).into_iter())
    }

    /// Whether the tree can have had a key before.
    fn may_be_below(&self, key: &[u8]) -> bool {
        let is_born = |id| self.born.contains(id);
        !tables::written_once(key) && !tables::owner(key).is_some_and(is_born)
    }

    /// What is finished at the end of the span, as far as it changed within it.
    fn leaving(&self) -> Result<Leaving, Error> {
        let given = Given(&self.changes);
        let mut leaving = Leaving::default();
        for (_, value) in given.range(&keys::documents(), &keys::after(&keys::documents())) {
            let record: DocumentRecord = records::read(value)?;
            if record
                .standing()
                .is_finished(record.received.facts.key.kind)
            {
                leaving.document(&given, &record)?;
            }
        }
        for (_, value) in given.range(&keys::lots(), &keys::after(&keys::lots())) {
            let record: LotRecord = records::read(value)?;
            if record.wait().is_none() {
                leaving.lot(&given, &record)?;
            }
        }
        for table in keys::heard() {
            leaving.add(given.scan(&table, &keys::after(&table), usize::MAX)?);
        }
        Ok(leaving.unless_few())
    }
}

/// Changes as an index of what they put.
struct Given<'a>(&'a Changes);

impl<'a> Given<'a> {
    fn range(&self, from: &[u8], to: &[u8]) -> impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)> {
        let range = (Bound::Included(from), Bound::Excluded(to));
        let changes = self.0.range::<[u8], _>(range);
        changes.filter_map(|(key, value)| Some((key, value.as_ref()?)))
    }
}

impl Index for Given<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.get(key).cloned().flatten())
    }

    fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error> {
        if from >= to {
            return Ok(Vec::new());
        }
        let pairs = self.range(from, to).take(most);
        Ok(pairs
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}
