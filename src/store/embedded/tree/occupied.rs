//! Which tables the tree may have keys of. Of the others it is not asked: that is dear, and while an index is built
//! anew the keys of most tables pass it by.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::store::embedded::tree::Fault;

/// The letters that tables have.
const LETTERS: usize = 128;

/// One flag for each table: never no if the tree has a key of it.
pub struct Occupied([AtomicBool; LETTERS]);

impl Occupied {
    /// Of a tree, as it is now.
    pub(super) fn of(db: &sled::Db) -> Result<Occupied, Fault> {
        let tables = Occupied(std::array::from_fn(|_| AtomicBool::new(false)));
        let mut from = Vec::new();
        while let Some(pair) = db.range(from.as_slice()..).next() {
            let (key, _) = pair?;
            let Some(letter) = key.first() else { break };
            tables.note(&key);
            let Some(next) = letter.checked_add(1) else {
                break;
            };
            from = vec![next];
        }
        Ok(tables)
    }

    /// The tree is to have a key.
    pub fn note(&self, key: &[u8]) {
        if let Some(flag) = self.flag(key)
            && !flag.load(Ordering::Relaxed)
        {
            flag.store(true, Ordering::Release);
        }
    }

    /// Whether the tree may have a key.
    pub fn may_have(&self, key: &[u8]) -> bool {
        self.flag(key)
            .is_none_or(|flag| flag.load(Ordering::Acquire))
    }

    /// Whether it may have any of a range.
    pub fn may_have_in(&self, from: &[u8], to: &[u8]) -> bool {
        let (first, last) = (from.first().unwrap_or(&0), to.first().unwrap_or(&0xff));
        let flags = self.0.get(usize::from(*first)..=usize::from(*last));
        flags.is_none_or(|flags| flags.iter().any(|flag| flag.load(Ordering::Acquire)))
    }

    fn flag(&self, key: &[u8]) -> Option<&AtomicBool> {
        self.0.get(usize::from(*key.first()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tree_has_is_known_when_it_opens_and_when_it_comes() {
        let directory = tempfile::TempDir::new().unwrap();
        let db = sled::open(directory.path()).unwrap();
        for key in [b"c1", b"c2", b"y1"] {
            db.insert(key, b"").unwrap();
        }
        let tables = Occupied::of(&db).unwrap();
        for (key, may) in [
            (&b"c9"[..], true),
            (b"y", true),
            (b"d1", false),
            (b"", true),
        ] {
            assert_eq!(tables.may_have(key), may, "{key:?}");
        }
        for (from, to, may) in [
            (&b"d1"[..], &b"e"[..], false),
            (b"d", b"y", true),
            (b"a", b"b9", false),
            (b"z", b"\xff", true),
            (b"", b"b", false),
        ] {
            assert_eq!(tables.may_have_in(from, to), may, "{from:?}..{to:?}");
        }
        tables.note(b"d5");
        assert!(tables.may_have(b"d1"));
        assert!(tables.may_have_in(b"d1", b"d2"));
    }
}
