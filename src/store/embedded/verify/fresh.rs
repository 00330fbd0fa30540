//! The index that should be, folded anew while a store is checked: on disk, so that its memory does not follow the
//! store's size.
//!
//! It lies in the scratch directory of the check, and is removed with it; what a crash leaves the next check or start
//! removes. Nothing in it outlives the check.

use std::path::Path;

use crate::store::Error;
use crate::store::embedded::mover;
use crate::store::embedded::tree::{Sizes, Tree};
use crate::store::index::{Changes, Index, Pairs, merge};
use crate::store::journal::reader::Reader;

/// So many changes wait in memory before they are put into the tree together: some tens of MB. Tests see many.
const FULL: usize = if cfg!(test) { 1024 } else { 64 * 1024 };

/// A tree, and the last changes above it.
pub struct Fresh<'a> {
    tree: Tree,
    above: Changes,
    reader: &'a Reader,
}

impl<'a> Fresh<'a> {
    /// Makes an empty one in a directory that is not there yet.
    pub fn make(directory: &Path, sizes: Sizes, reader: &'a Reader) -> Result<Fresh<'a>, Error> {
        Ok(Fresh {
            tree: Tree::open(directory, sizes)?,
            above: Changes::new(),
            reader,
        })
    }

    /// Takes changes.
    pub fn apply(&mut self, changes: Changes) -> Result<(), Error> {
        self.above.extend(changes);
        if self.above.len() < FULL {
            return Ok(());
        }
        self.tree.apply(std::iter::once(&self.above))?;
        self.above.clear();
        let is_archived = |segment| self.reader.is_archived(segment);
        Ok(mover::merge(&self.tree, &is_archived, &mut |_| true)?)
    }
}

impl Index for Fresh<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.above.get(key) {
            Some(change) => Ok(change.clone()),
            None => self.tree.get(key),
        }
    }

    fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error> {
        merge(&self.tree, &[&self.above], from, to, most)
    }
}
