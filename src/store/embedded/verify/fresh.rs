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

/// Whether it may go on.
pub type GoesOn<'a> = dyn Fn() -> Result<(), Error> + Sync + 'a;

/// A tree, and the last changes above it.
pub struct Fresh<'a> {
    tree: Tree,
    above: Changes,
    /// Whether nothing is written meanwhile.
    gathers: bool,
    reader: &'a Reader,
    goes_on: &'a GoesOn<'a>,
}

impl<'a> Fresh<'a> {
    /// Makes an empty one in a directory that is not there yet, to be written to as long as it may go on.
    pub fn make(
        directory: &Path,
        sizes: Sizes,
        reader: &'a Reader,
        goes_on: &'a GoesOn<'a>,
    ) -> Result<Fresh<'a>, Error> {
        Ok(Fresh {
            tree: Tree::open(directory, sizes)?,
            above: Changes::new(),
            gathers: false,
            reader,
            goes_on,
        })
    }

    /// Takes changes.
    pub fn apply(&mut self, changes: Changes) -> Result<(), Error> {
        self.above.extend(changes);
        match self.gathers {
            true => Ok(()),
            false => self.settle(),
        }
    }

    /// Writes nothing until it is to settle: a view of the store lives, and commits would wait for what is written.
    pub fn gather(&mut self) {
        self.gathers = true;
    }

    /// Puts what waits into the tree when it is much, and merges its files.
    ///
    /// # Errors
    /// When it may not go on, or cannot be written.
    pub fn settle(&mut self) -> Result<(), Error> {
        self.gathers = false;
        if self.above.len() < FULL {
            return Ok(());
        }
        (self.goes_on)()?;
        self.tree.apply(std::iter::once(&self.above))?;
        self.above.clear();
        let is_archived = |segment| self.reader.is_archived(segment);
        let merged = mover::merge(&self.tree, &is_archived, &mut |_| (self.goes_on)().is_ok());
        // Told to stop, it says no more than that.
        (self.goes_on)()?;
        Ok(merged?)
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::store::embedded::tests::{config, open_config};
    use crate::store::{Space, Unobserved};

    fn some(of: u8) -> Changes {
        let keys = (0..FULL as u32 * 2).map(|number| [&[of][..], &number.to_be_bytes()].concat());
        keys.map(|key| (key, Some(b"value".to_vec()))).collect()
    }

    #[test]
    fn while_it_gathers_nothing_is_written_and_all_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let store = open_config(&config(directory.path()), std::sync::Arc::new(Unobserved));
        let reader = store.unwrap().reader.clone();
        let room = Mutex::new(Space::Ample);
        let goes_on = || match *room.lock().unwrap() {
            Space::Ample => Ok(()),
            Space::Low | Space::Full => Err(Error::Full),
        };
        let sizes = config(directory.path()).sizes();
        let made = directory.path().join("fresh");
        let mut fresh = Fresh::make(&made, sizes, &reader, &goes_on).unwrap();
        let all = |fresh: &Fresh<'_>| fresh.scan(&[0], &[9], usize::MAX).unwrap().len();
        let written = |fresh: &Fresh<'_>| fresh.tree.scan(&[0], &[9], usize::MAX).unwrap().len();
        fresh.gather();
        fresh.apply(some(1)).unwrap();
        assert_eq!((all(&fresh), written(&fresh)), (FULL * 2, 0));
        fresh.settle().unwrap();
        assert_eq!((all(&fresh), written(&fresh)), (FULL * 2, FULL * 2));
        fresh.apply(some(2)).unwrap();
        assert_eq!((all(&fresh), written(&fresh)), (FULL * 4, FULL * 4));
        // A disk that fills up is not filled any further.
        *room.lock().unwrap() = Space::Low;
        assert!(matches!(fresh.apply(some(3)), Err(Error::Full)));
        assert_eq!(written(&fresh), FULL * 4);
    }
}
