//! Puts into the index what was folded of many entries: what may leave the tree straight into a sorted file, which costs
//! a tenth of the tree, and the rest in order of key.
//!
//! The key that says up to where the index is applied is taken away before and put last: a crash in between leaves an
//! index without it, which is built anew. Changes of few keys are applied as one instead.

use std::collections::HashSet;

use crate::claims::entry::Entry;
use crate::store::Error;
use crate::store::embedded::mover;
use crate::store::embedded::tree::Tree;
use crate::store::embedded::{places, tables};
use crate::store::index::Changes;

/// Changes of so many keys are gathered: about 30 MB of memory. Tests see many loads.
pub const FULL: usize = if cfg!(test) { 4 * 1024 } else { 128 * 1024 };

/// Changes of a span of entries.
pub struct Load {
    /// The changes.
    pub changes: Changes,
    below: Below,
    /// Documents and lots that began within the span: below it nothing is known of them.
    born: HashSet<tables::Id>,
}

/// What lies below a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Below {
    /// Nothing, or loads that were full: no key that may leave lies in the tree.
    Loads,
    /// A tree that was at work.
    Tree,
}

impl Load {
    /// Without changes.
    pub fn new(below: Below) -> Load {
        Load {
            changes: Changes::new(),
            below,
            born: HashSet::new(),
        }
    }

    /// Notes what begins with an entry. What is not noted costs a look below, and nothing else.
    pub fn note(&mut self, entry: &Entry) {
        if let Entry::Received(received) = entry {
            self.born.insert(received.document.0.to_be_bytes());
        } else if let Entry::Sealed(sealed) = entry {
            self.born.insert(sealed.lot.0.to_be_bytes());
        }
    }

    /// Puts all of it into a tree and its files.
    pub fn put(&self, tree: &Tree) -> Result<(), Error> {
        if self.changes.len() < FULL {
            return tree.apply(std::iter::once(&self.changes));
        }
        let applied = places::applied_key();
        tree.unload(std::iter::once(applied.as_slice()))?;
        let staying = self.changes.iter().filter(|(key, value)| match value {
            Some(_) => !tables::may_leave(key) && **key != applied,
            None => self.may_be_below(key),
        });
        tree.load(staying)?;
        let leaving = self.changes.iter().filter_map(|(key, value)| {
            let value = value.as_deref().filter(|_| tables::may_leave(key))?;
            Some((key.as_slice(), value))
        });
        // What the tree says of these keys, it says no more.
        let left = leaving.clone().filter(|(key, _)| match self.below {
            Below::Tree => self.may_be_below(key),
            // Only that one of them was gone.
            Below::Loads => tables::is_removed(key) && self.may_be_below(key),
        });
        tree.unload(left.map(|(key, _)| key))?;
        mover::shelve(tree, leaving, &mut |_| true)?;
        mover::merge(tree, &mut |_| true)?;
        tree.load(self.changes.get_key_value(&applied).into_iter())
    }

    /// Whether a key can have been there before the span.
    fn may_be_below(&self, key: &[u8]) -> bool {
        let is_born = |id| self.born.contains(id);
        !tables::written_once(key) && !tables::owner(key).is_some_and(is_born)
    }
}
