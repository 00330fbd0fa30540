//! Sorted files are counted, and others that were merged into them no more; what they have leaves the tree.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use crate::claims::canon;
use crate::store::Error;
use crate::store::embedded::sorted::file::File;
use crate::store::embedded::sorted::shelf::Record;
use crate::store::embedded::tree::{Begun, GONE, Tree, file_key, gone_key};

/// So many keys leave the tree in one batch: changes of the index wait no longer for them than for each other.
const LEAVE_AT_ONCE: usize = 256;

impl Tree {
    /// Pairs are read to be written into a file: from now on it is noted which keys are removed, until the file counts.
    pub fn begin_file(&self) {
        let mut writing = self.writing();
        writing.begun = Some(Begun {
            age: self.shelf.next(),
            removed: BTreeSet::new(),
        });
    }

    /// No file is being written any more.
    pub fn end_file(&self) {
        self.writing().begun = None;
    }

    /// Counts a file of what was read of the tree, and gives its age. Nothing is found otherwise than before.
    pub fn shelve(&self, file: File) -> Result<u64, Error> {
        let mut writing = self.writing();
        let begun = writing.begun.take();
        let age = begun
            .as_ref()
            .map_or_else(|| self.shelf.next(), |begun| begun.age);
        let record = Record::of(&file, age, 0);
        let mut batch = sled::Batch::default();
        batch.insert(file_key(record.ordinal), canon::bytes_of(&record));
        self.guarded(|db| {
            for key in begun.into_iter().flat_map(|begun| begun.removed) {
                if file.get(&key)?.is_some() {
                    self.some_gone.store(true, Ordering::Release);
                    batch.insert(gone_key(&key), &[]);
                }
            }
            // Before the readers see the file: what it has and is gone must be gone for them too.
            Ok(db.apply_batch(batch)?)
        })?;
        self.shelf.replace(&[], file, record);
        Ok(age)
    }

    /// Counts a file that others were merged into, and these no more. Of keys that were gone it may have nothing: those
    /// are forgotten where no other file has them.
    pub fn supersede(
        &self,
        others: &[Record],
        file: File,
        without: Vec<Vec<u8>>,
    ) -> Result<(), Error> {
        let youngest = others.iter().map(|other| other.age).max();
        let level = others.iter().map(|other| other.level).max();
        let age = youngest.unwrap_or(file.ordinal());
        let record = Record::of(&file, age, level.unwrap_or_default().saturating_add(1));
        let writing = self.writing();
        let mut batch = sled::Batch::default();
        batch.insert(file_key(record.ordinal), canon::bytes_of(&record));
        for other in others {
            batch.remove(file_key(other.ordinal));
        }
        // Before a trace goes, so that whoever misses it finds that other files count.
        self.shelf.replace(others, file, record);
        let files = self.shelf.files();
        let rest = files.iter().filter(|shelved| shelved.record != record);
        self.guarded(|db| {
            for key in &without {
                if !rest.clone().any(|shelved| shelved.file.may_have(key)) {
                    batch.remove(gone_key(key));
                }
            }
            Ok(db.apply_batch(batch)?)
        })?;
        drop(writing);
        Ok(())
    }

    /// The first key from one on that is gone although a file has it.
    pub fn next_gone(&self, from: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        if !self.some_gone.load(Ordering::Acquire) {
            return Ok(None);
        }
        self.guarded(|db| {
            let next = db.range(gone_key(from)..vec![GONE + 1]).next();
            Ok(next.transpose()?.map(|(key, _)| key[1..].to_vec()))
        })
    }

    /// Takes pairs out of the tree that a file of an age has, which counts. What was changed meanwhile stays, and so
    /// does what was changed twice before it was read: of these a newer file has the first change, which would win.
    pub fn leave(&self, age: u64, pairs: &[(&[u8], &[u8])]) -> Result<(), Error> {
        for pairs in pairs.chunks(LEAVE_AT_ONCE) {
            let writing = self.writing();
            let mut batch = sled::Batch::default();
            let mut bytes = 0;
            self.guarded(|db| {
                for (key, value) in pairs {
                    let is_same = db.get(key)?.is_some_and(|present| present == *value);
                    if is_same && !self.shelf.has_newer(age, key, value)? {
                        bytes += key.len();
                        batch.remove(*key);
                    }
                }
                Ok(db.apply_batch(batch)?)
            })?;
            drop(writing);
            self.count(bytes)?;
        }
        Ok(())
    }
}
