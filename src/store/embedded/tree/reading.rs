//! Reads the tree and its sorted files as one: what the tree has hides what a file has.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::store::Error;
use crate::store::embedded::sorted::merge::Merged;
use crate::store::embedded::sorted::shelf::{Shelf, Shelved};
use crate::store::embedded::tables;
use crate::store::embedded::tree::{FILES, Fault, GONE, Tree, gone_key};
use crate::store::index::{Index, Pairs};

impl Tree {
    /// Pairs of the tree and of sorted files in one order; what the tree has hides what a file has.
    fn unite(
        &self,
        tree: Pairs,
        shelved: &Arc<Vec<Shelved>>,
        mut files: Merged,
        to: &[u8],
        most: usize,
    ) -> Result<Pairs, Fault> {
        let mut tree = tree.into_iter().peekable();
        let mut united = Vec::new();
        while united.len() < most {
            let in_file = files.key().filter(|key| *key < to);
            let order = match (tree.peek(), in_file) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some((key, _)), Some(other)) => key.as_slice().cmp(other),
            };
            match order {
                std::cmp::Ordering::Less => united.extend(tree.next()),
                std::cmp::Ordering::Equal => {
                    files.step()?;
                    united.extend(tree.next());
                }
                std::cmp::Ordering::Greater => {
                    if let Some((key, value)) = files.step()?
                        && let Some(value) = self.still(shelved, &key, value)?
                    {
                        united.push((key, value));
                    }
                }
            }
        }
        Ok(united)
    }

    /// What a file said of a key that no trace hides. Where other files count meanwhile, its trace may have gone with
    /// it: they say it then.
    fn still(
        &self,
        shelved: &Arc<Vec<Shelved>>,
        key: &[u8],
        value: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, Fault> {
        if self.has_gone(key)? {
            return Ok(None);
        }
        if self.shelf.counts(shelved) {
            return Ok(Some(value));
        }
        self.shelf.get_present(key, || self.has_gone(key))
    }

    fn has_gone(&self, key: &[u8]) -> Result<bool, Fault> {
        Ok(self.some_gone.load(Ordering::Acquire) && self.db.contains_key(gone_key(key))?)
    }
}

impl Index for Tree {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.guarded(|db| {
            // The tree first: what leaves it is in a file that is seen by then.
            if self.occupied.may_have(key)
                && let Some(value) = db.get(key)?
            {
                return Ok(Some(value.to_vec()));
            }
            if !tables::may_leave(key) {
                return Ok(None);
            }
            self.shelf.get_present(key, || self.has_gone(key))
        })
    }

    fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error> {
        if from >= to || most == 0 {
            return Ok(Vec::new());
        }
        self.guarded(|db| {
            let pairs = if self.occupied.may_have_in(from, to) {
                scan(db, from, to, most)?
            } else {
                Pairs::new()
            };
            if !tables::may_leave_in(from, to) {
                return Ok(pairs);
            }
            // Behind the last of a full page nothing is asked for.
            let last = pairs.last().filter(|_| pairs.len() == most);
            let end = last.map(|(key, _)| [key.as_slice(), &[0]].concat());
            let to = end.as_deref().unwrap_or(to);
            let files = self.shelf.files();
            match Shelf::scan(&files, from, to)? {
                None => Ok(pairs),
                Some(merged) => self.unite(pairs, &files, merged, to, most),
            }
        })
    }
}

/// The tree without the sorted files.
pub struct Live<'a>(pub(super) &'a Tree);

impl Index for Live<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let value = self.0.guarded(|db| Ok(db.get(key)?))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error> {
        if from >= to {
            return Ok(Vec::new());
        }
        self.0.guarded(|db| scan(db, from, to, most))
    }
}

/// Which of these keys, given in order, the tree has. Where it has few of their tables, it is asked few times.
pub(super) fn present<'k>(
    db: &sled::Db,
    keys: impl Iterator<Item = &'k [u8]>,
) -> Result<Vec<&'k [u8]>, Fault> {
    let mut found = Vec::new();
    let mut next: Option<sled::IVec> = None;
    for key in keys {
        if next.as_deref().is_none_or(|next| next < key) {
            let Some(pair) = db.range(key..).next() else {
                break;
            };
            next = Some(pair?.0);
        }
        if next.as_deref() == Some(key) {
            found.push(key);
        }
    }
    Ok(found)
}

/// The pairs of the tree but those about the files.
fn scan(db: &sled::Db, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Fault> {
    let own = |key: &[u8]| matches!(key.first(), Some(&(FILES | GONE)));
    let pairs = db.range(from..to).filter(|pair| match pair {
        Ok((key, _)) => !own(key),
        Err(_) => true,
    });
    let pairs = pairs.take(most);
    pairs
        .map(|pair| {
            let (key, value) = pair?;
            Ok((key.to_vec(), value.to_vec()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::mover;
    use crate::store::embedded::tree::Sizes;
    use crate::store::index::Changes;
    use tempfile::TempDir;

    #[test]
    fn what_is_gone_stays_gone_for_who_reads_files_that_were_merged_meanwhile() {
        let directory = TempDir::new().unwrap();
        let sizes = Sizes {
            cache_bytes: 1 << 20,
            sorted_bytes: 1 << 20,
        };
        let tree = Tree::open(directory.path(), sizes).unwrap();
        let apply = |key: &[u8], value: Option<&[u8]>| {
            let changes = Changes::from([(key.to_vec(), value.map(<[u8]>::to_vec))]);
            tree.apply(std::iter::once(&changes)).unwrap();
        };
        apply(b"k1", Some(b"1"));
        mover::everything(&tree, &mut |_| true).unwrap();
        apply(b"k1", None);
        assert!(tree.has_gone(b"k1").unwrap());
        let before = tree.shelf.files();
        let seen = before[0].file.get(b"k1").unwrap().unwrap();
        for number in 0..8 {
            apply(&[b'B', number], Some(b"1"));
            mover::everything(&tree, &mut |_| true).unwrap();
        }
        mover::merge(&tree, &|_| false, &mut |_| true).unwrap();
        assert!(!tree.has_gone(b"k1").unwrap(), "its trace went with it");
        assert_eq!(tree.still(&before, b"k1", seen).unwrap(), None);
        assert_eq!(tree.get(b"k1").unwrap(), None);
    }
}
