//! The index on disk: one `sled` tree. Everything in it can be computed again from the journal.
//!
//! `sled` may lose what it wrote last, and may panic at damaged files. So it is opened in a thread of its
//! own, what does not open is set aside as `index.bad` and built anew, no panic of it leaves this file, and each
//! group of changes is one atomic batch that contains the place in the journal it belongs to. Never holds a body,
//! and never a value beyond a few kB.
//!
//! A crash leaves what was flushed, and perhaps more: at most about [`FLUSH_EVERY`] bytes of changes are replayed.

mod occupied;
mod opening;
pub mod reading;
mod shelving;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::claims::canon;
use crate::store::Error;
use crate::store::embedded::leaving::Leaving;
use crate::store::embedded::sorted::cache::Cache;
use crate::store::embedded::sorted::file::File;
use crate::store::embedded::sorted::shelf::{Record, Shelf};
use crate::store::embedded::tree::occupied::Occupied;
use crate::store::embedded::tree::opening::{attempt, copy, set_aside};
use crate::store::embedded::tree::reading::{Live, present};
use crate::store::embedded::{sorted, tables};
use crate::store::index::{Changes, Pairs};

const NAME: &str = "index";
const SET_ASIDE: &str = "index.bad";
const SORTED: &str = "sorted";
const SORTED_SET_ASIDE: &str = "sorted.bad";
/// After so many bytes of changes sled writes its buffers out: that bounds what a start replays, some thousand
/// documents, and costs nothing while nothing happens. A timer of sled's own would never rest.
const FLUSH_EVERY: usize = 8 << 20;
/// This part of the memory is for blocks of sorted files.
const BLOCKS_PART: u64 = 6;
/// The table of the sorted files that count.
const FILES: u8 = b'S';
/// The table of keys that are gone although a sorted file has them.
const GONE: u8 = b'T';

/// What bounds a tree.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Bytes of memory for its pages and for blocks of its files.
    pub cache_bytes: u64,
    /// From so many bytes on, changes of keys that may leave are written into a file.
    pub sorted_bytes: usize,
}

impl Sizes {
    /// Bytes of memory for the pages of `sled`.
    fn pages(&self) -> u64 {
        self.cache_bytes - self.cache_bytes / BLOCKS_PART
    }

    /// Memory for the blocks of the sorted files.
    fn blocks(&self) -> Cache {
        Cache::with_room(self.cache_bytes / BLOCKS_PART)
    }
}

/// The tree of a store's directory, and the sorted files that its finished documents are in.
#[derive(Clone)]
pub struct Tree {
    db: sled::Db,
    /// Where its files are.
    path: PathBuf,
    shelf: Arc<Shelf>,
    occupied: Arc<Occupied>,
    /// Held while changes are written: what a key was before them is what it is.
    writing: Arc<Mutex<Writing>>,
    /// Held while keys leave for a file, and while files are merged.
    moving: Arc<Mutex<()>>,
    /// Whether any key is gone although a sorted file has it.
    some_gone: Arc<AtomicBool>,
    /// A file could not be written, and nobody was told yet.
    unsorted: Arc<AtomicBool>,
    /// As in [`Sizes`].
    sorted_bytes: Arc<AtomicUsize>,
    /// Bytes of changes since the last flush.
    unflushed: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
    #[cfg(test)]
    fault: fault::Fault,
}

#[derive(Default)]
struct Writing {
    /// While a file is written of what the tree has.
    begun: Option<Begun>,
}

struct Begun {
    /// The age of the file: what is written past the tree meanwhile is newer.
    age: u64,
    /// Keys that were removed since.
    removed: BTreeSet<Vec<u8>>,
}

/// A key with what becomes of it.
type Change<'a> = (&'a Vec<u8>, &'a Option<Vec<u8>>);

/// Why the index failed.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Tree(#[from] sled::Error),
    #[error(transparent)]
    Sorted(#[from] sorted::Error),
}

impl Tree {
    /// Opens the tree in a directory, or makes it.
    ///
    /// # Errors
    /// When the tree or a sorted file that it names does not open: [`Tree::anew`] sets both aside.
    pub fn open(directory: &Path, sizes: Sizes) -> Result<Tree, Error> {
        let db = attempt(directory, sizes)?;
        let path = directory.join(NAME);
        Tree::with(db, path, sizes, |files| {
            Shelf::open(directory.join(SORTED), files, sizes.blocks())
        })
    }

    /// Opens a copy of the tree of a directory, made at a scratch path that this process owns, over the sorted files
    /// where they are.
    pub fn open_copy(directory: &Path, scratch: &Path, sizes: Sizes) -> Result<Tree, Error> {
        copy(&directory.join(NAME), &scratch.join(NAME)).map_err(|error| read(&error))?;
        let db = attempt(scratch, sizes)?;
        let path = scratch.join(NAME);
        Tree::with(db, path, sizes, |files| {
            Shelf::look(directory.join(SORTED), files, sizes.blocks())
        })
    }

    /// Sets the present tree and its sorted files aside and makes an empty one.
    pub fn anew(directory: &Path, sizes: Sizes) -> Result<Tree, Error> {
        for (name, aside) in [(NAME, SET_ASIDE), (SORTED, SORTED_SET_ASIDE)] {
            let moved = set_aside(&directory.join(name), &directory.join(aside));
            moved.map_err(|error| read(&error))?;
        }
        Tree::open(directory, sizes)
    }

    /// Removes the tree of a directory and its sorted files, also those that were set aside. Nobody has it open.
    pub fn remove(directory: &Path) -> Result<(), Error> {
        for name in [NAME, SET_ASIDE, SORTED, SORTED_SET_ASIDE] {
            match fs::remove_dir_all(directory.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(read(&error)),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn with(
        db: sled::Db,
        path: PathBuf,
        sizes: Sizes,
        shelf: impl FnOnce(&[Record]) -> Result<Shelf, sorted::Error>,
    ) -> Result<Tree, Error> {
        // What is damaged may panic when it is read.
        let records = catch_unwind(AssertUnwindSafe(|| records(&db)));
        let (files, some_gone, occupied) =
            records.unwrap_or_else(|_| Err(Error::Read("the index panicked".into())))?;
        let shelf = shelf(&files).map_err(|error| read(&error))?;
        Ok(Tree {
            db,
            path,
            shelf: Arc::new(shelf),
            occupied: Arc::new(occupied),
            writing: Arc::default(),
            moving: Arc::default(),
            some_gone: Arc::new(AtomicBool::new(some_gone)),
            sorted_bytes: Arc::new(AtomicUsize::new(sizes.sorted_bytes)),
            unsorted: Arc::default(),
            unflushed: Arc::default(),
            broken: Arc::default(),
            #[cfg(test)]
            fault: fault::Fault::default(),
        })
    }

    /// Applies changes of several batches, oldest first, as one. Where they are many, those of keys that leave at once are
    /// written into a sorted file at once, which costs a tenth of the tree.
    pub fn apply<'a>(&self, layers: impl Iterator<Item = &'a Changes>) -> Result<(), Error> {
        let layers: Vec<_> = layers.collect();
        match layers[..] {
            [layer] => self.put(&layer.iter().collect::<Vec<_>>()),
            _ => {
                let mut united = BTreeMap::new();
                united.extend(layers.into_iter().flatten());
                self.put(&united.into_iter().collect::<Vec<_>>())
            }
        }
    }

    /// Whether there is no key in it.
    pub fn is_empty(&self) -> Result<bool, Error> {
        self.guarded(|db| Ok(db.is_empty()))
    }

    fn put(&self, changes: &[Change<'_>]) -> Result<(), Error> {
        let leaving = changes.iter().filter_map(|(key, value)| {
            let value = value.as_deref().filter(|_| tables::leaves_at_once(key))?;
            Some((key.as_slice(), value))
        });
        let mut leaving: Vec<_> = leaving.collect();
        let bytes: usize = leaving
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        if bytes < self.sorted_bytes.load(Ordering::Relaxed) || bytes == 0 {
            return self.write(changes, &[], None);
        }
        // A record that cannot be read: the tree is damaged.
        let along = self.along(changes).inspect_err(|_| self.give_up())?;
        leaving.extend(
            along
                .iter()
                .map(|(key, value)| (key.as_slice(), value.as_slice())),
        );
        leaving.sort_unstable();
        let single = leaving
            .iter()
            .filter(|(key, _)| tables::asked_singly(key).is_some());
        let written = self.shelf.write(single.count(), |writer| {
            leaving
                .iter()
                .try_for_each(|(key, value)| writer.put(key, value))
        });
        match written {
            Ok(file) => self.write(changes, &along, Some(file)),
            // Without room for a file, they are the tree's as well; the applier tells it.
            Err(_) => {
                self.unsorted.store(true, Ordering::Release);
                self.write(changes, &[], None)
            }
        }
    }

    /// What the tree has of the documents and lots that are changed, but the keys that are changed themselves.
    fn along(&self, changes: &[Change<'_>]) -> Result<Pairs, Error> {
        let records = changes.iter().map(|(key, _)| key.as_slice());
        let records = records.filter(|key| tables::is_record(key));
        let records = self.guarded(|db| present(db, records))?;
        let mut leaving = Leaving::default();
        for record in records {
            leaving.own(&self.live(), record)?;
        }
        let mut along = leaving.into_pairs();
        along.retain(|key, _| {
            changes
                .binary_search_by(|(changed, _)| changed.cmp(&key))
                .is_err()
        });
        Ok(along.into_iter().collect())
    }

    /// Changes the tree as one: with a file, which counts from then on, what may leave is there alone, and so are the
    /// pairs that go along.
    fn write(
        &self,
        changes: &[Change<'_>],
        along: &[(Vec<u8>, Vec<u8>)],
        file: Option<File>,
    ) -> Result<(), Error> {
        let mut batch = sled::Batch::default();
        let mut bytes = 0;
        let leaves = |key: &[u8]| file.is_some() && tables::leaves_at_once(key);
        let mut writing = self.writing();
        // What is written now is newer than what any file has whose age was given out before.
        let record = file
            .as_ref()
            .map(|file| Record::of(file, self.shelf.next(), 0));
        self.guarded(|db| {
            let going = changes
                .iter()
                .filter(|(key, value)| value.is_none() || leaves(key));
            let mut going = present(db, going.map(|(key, _)| key.as_slice()))?
                .into_iter()
                .peekable();
            for (key, value) in changes {
                let (key, value) = (key.as_slice(), value.as_deref());
                match value.filter(|_| !leaves(key)) {
                    Some(value) => {
                        bytes += key.len() + value.len();
                        self.occupied.note(key);
                        batch.insert(key, value);
                    }
                    None if going.next_if_eq(&key).is_some() => batch.remove(key),
                    None => {}
                }
                match value {
                    Some(_) => self.is_back(db, &mut writing, &mut batch, key)?,
                    None => self.is_gone(&mut writing, &mut batch, key)?,
                }
            }
            for (key, _) in along {
                batch.remove(key.as_slice());
            }
            if let Some(record) = &record {
                batch.insert(file_key(record.ordinal), canon::bytes_of(record));
            }
            Ok(())
        })?;
        let has_file = record.is_some();
        // Before its keys leave the tree: at no moment is one in neither. Whoever reads meanwhile has the changes above
        // both, and what goes along is the same in both.
        if let Some((file, record)) = file.zip(record) {
            self.shelf.replace(&[], file, record);
        }
        self.guarded(|db| Ok(db.apply_batch(batch)?))?;
        #[cfg(test)]
        self.fault.look(self);
        drop(writing);
        if has_file {
            self.flush_far()
        } else {
            self.count(bytes)
        }
    }

    /// Writes out what is buffered.
    pub fn flush(&self) -> Result<(), Error> {
        self.unflushed.store(0, Ordering::Relaxed);
        self.guarded(|db| Ok(db.flush()?)).map(|_| ())
    }

    /// The same, and to the disk where that succeeds: what a power cut takes all the same is replayed.
    fn flush_far(&self) -> Result<(), Error> {
        self.flush()?;
        let _ = self.sync();
        Ok(())
    }

    /// Whether a file could not be written since this was asked last: what it would have had went into the tree.
    pub fn was_unsorted(&self) -> bool {
        self.unsorted.swap(false, Ordering::AcqRel)
    }

    /// Whether it failed once: then it is not asked again, but set aside.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// A file of it is damaged: it counts as failed.
    pub fn give_up(&self) {
        self.broken.store(true, Ordering::Release);
    }

    /// Leaves a broken tree alone for good. It is never dropped, as that would write and may panic: its memory, at
    /// most the cache, is given up.
    pub fn abandon(self) {
        std::mem::forget(self);
    }

    /// Whoever moves keys or merges files holds this: one at a time. A file has its age from before it is read, so files
    /// of that time, older and newer ones, must not become one while it is written: it would come between them.
    pub fn moving(&self) -> MutexGuard<'_, ()> {
        // It guards no value.
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sorted files that count.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The tree without the sorted files.
    pub fn live(&self) -> Live<'_> {
        Live(self)
    }

    /// Writes changes into a file from other many bytes on.
    #[cfg(test)]
    pub fn sorts_from(&self, bytes: usize) {
        self.sorted_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Makes durable which files count, once what counts is flushed: after a power cut the tree is not older than now, if it
    /// opens. What sled calls a flush does not reach the disk.
    ///
    /// # Errors
    /// What the disk says. The tree goes on: no more than its age after a power cut is in question.
    pub fn sync(&self) -> Result<(), sorted::Error> {
        let path = self.path.join("db");
        fs::File::open(&path)
            .and_then(|file| file.sync_data())
            .map_err(|error| sorted::Error::io(&path, &error))
    }

    fn count(&self, bytes: usize) -> Result<(), Error> {
        if self.unflushed.fetch_add(bytes, Ordering::Relaxed) + bytes >= FLUSH_EVERY {
            self.flush_far()?;
        }
        Ok(())
    }

    /// A key is put: it is gone no more.
    fn is_back(
        &self,
        db: &sled::Db,
        writing: &mut Writing,
        batch: &mut sled::Batch,
        key: &[u8],
    ) -> Result<(), Fault> {
        if !tables::is_traced(key) {
            return Ok(());
        }
        if let Some(begun) = &mut writing.begun {
            begun.removed.remove(key);
        }
        if self.some_gone.load(Ordering::Relaxed) && self.shelf.may_have(key) {
            let gone = gone_key(key);
            if db.contains_key(&gone)? {
                batch.remove(gone);
            }
        }
        Ok(())
    }

    /// A key is removed: where a file has it, or will have, it is gone all the same.
    fn is_gone(
        &self,
        writing: &mut Writing,
        batch: &mut sled::Batch,
        key: &[u8],
    ) -> Result<(), Fault> {
        if !tables::is_traced(key) {
            return Ok(());
        }
        if let Some(begun) = &mut writing.begun {
            begun.removed.insert(key.to_vec());
        }
        if self.shelf.get(key)?.is_some() {
            self.some_gone.store(true, Ordering::Release);
            batch.insert(gone_key(key), &[]);
        }
        Ok(())
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        // After a panic the tree is broken, and this is not looked at any more.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guarded<T>(&self, work: impl FnOnce(&sled::Db) -> Result<T, Fault>) -> Result<T, Error> {
        // Of changes that failed half way it may have some: it is not asked again, by nobody.
        if self.is_broken() {
            return Err(broken());
        }
        // A tree that panicked is broken: nobody looks at it again.
        let done = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            self.fault.strike()?;
            work(&self.db)
        }));
        let failed = match done {
            Ok(Ok(_)) if self.is_broken() => return Err(broken()),
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => read(&error),
            Err(_) => Error::Read("the index panicked".into()),
        };
        self.broken.store(true, Ordering::Release);
        Err(failed)
    }
}

/// The records of the files that count, whether any key is gone although one of them has it, and the tables of the
/// tree.
fn records(db: &sled::Db) -> Result<(Vec<Record>, bool, Occupied), Error> {
    let records = db.scan_prefix([FILES]).values().map(|value| {
        let value = value.map_err(|error| read(&error))?;
        canon::value_of(&value).map_err(|bad| read(&bad))
    });
    let records = records.collect::<Result<_, Error>>()?;
    let gone = db.scan_prefix([GONE]).next();
    let gone = gone.transpose().map_err(|error| read(&error))?;
    let occupied = Occupied::of(db).map_err(|error| read(&error))?;
    Ok((records, gone.is_some(), occupied))
}

fn file_key(ordinal: u64) -> Vec<u8> {
    [&[FILES][..], &ordinal.to_be_bytes()].concat()
}

fn gone_key(key: &[u8]) -> Vec<u8> {
    [&[GONE], key].concat()
}

fn broken() -> Error {
    Error::Read("the index failed".into())
}

fn read(error: &dyn std::error::Error) -> Error {
    Error::Read(format!("index: {error}").into())
}

/// Failures of sled, made on purpose.
#[cfg(test)]
pub mod fault {
    use std::sync::atomic::{AtomicU8, Ordering};
    use std::sync::{Arc, Mutex};

    use super::Tree;

    /// What comes of the next use of a tree, and who looks at it just after a batch.
    #[derive(Clone, Default)]
    pub struct Fault {
        kind: Arc<AtomicU8>,
        look: Arc<Mutex<Option<Look>>>,
    }

    type Look = Box<dyn Fn(&Tree) + Send>;

    /// How it fails.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Kind {
        /// With an error of the system.
        Error = 1,
        /// With a panic.
        Panic = 2,
    }

    impl Tree {
        /// Fails from now on, whoever uses it.
        pub fn fails(&self, kind: Kind) {
            self.fault.kind.store(kind as u8, Ordering::SeqCst);
        }

        /// Has somebody look from now on, in the moment after each batch.
        pub fn is_looked_at(&self, look: impl Fn(&Tree) + Send + 'static) {
            *self.fault.look.lock().unwrap() = Some(Box::new(look));
        }
    }

    impl Fault {
        pub(super) fn strike(&self) -> Result<(), sled::Error> {
            match self.kind.load(Ordering::SeqCst) {
                0 => Ok(()),
                1 => Err(sled::Error::Io(std::io::Error::other("injected"))),
                _ => panic!("injected"),
            }
        }

        pub(super) fn look(&self, tree: &Tree) {
            if let Some(look) = &*self.look.lock().unwrap() {
                look(tree);
            }
        }
    }
}
