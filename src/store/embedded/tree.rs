//! The index on disk: one `sled` tree. Everything in it can be computed again from the journal.
//!
//! `sled` may lose what it wrote last, and may panic at damaged files. So it is opened in a thread of its
//! own, what does not open is set aside as `index.bad` and built anew, no panic of it leaves this file, and each
//! group of changes is one atomic batch that contains the place in the journal it belongs to. Never holds a body,
//! and never a value beyond a few kB.
//!
//! A crash leaves what was flushed, and perhaps more: at most about [`FLUSH_EVERY`] bytes of changes are replayed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::claims::canon;
use crate::store::Error;
use crate::store::embedded::sorted::file::File;
use crate::store::embedded::sorted::merge::Merged;
use crate::store::embedded::sorted::shelf::{Record, Shelf};
use crate::store::embedded::{sorted, tables};
use crate::store::index::{Changes, Index, Pairs};

const NAME: &str = "index";
const SET_ASIDE: &str = "index.bad";
const SORTED: &str = "sorted";
const SORTED_SET_ASIDE: &str = "sorted.bad";
/// After so many bytes of changes sled writes its buffers out: that bounds what a start replays, some thousand
/// documents, and costs nothing while nothing happens. A timer of sled's own would never rest.
const FLUSH_EVERY: usize = 8 << 20;
/// So many keys leave the tree in one batch: changes of the index wait no longer for them than for each other.
const LEAVE_AT_ONCE: usize = 256;

/// So many changes are applied as one when many are.
const LOAD_AT_ONCE: usize = 1024;

/// How often, and how long apart, is looked whether an earlier tree has let go of its file.
const LOOKS: u32 = 400;
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// The table of the sorted files that count.
const FILES: u8 = b'S';
/// The table of keys that are gone although a sorted file has them.
const GONE: u8 = b'T';

/// The tree of a store's directory, and the sorted files that its finished documents are in.
#[derive(Clone)]
pub struct Tree {
    db: sled::Db,
    /// Where its files are.
    path: PathBuf,
    shelf: Arc<Shelf>,
    /// Held while changes are written: what a key was before them is what it is.
    writing: Arc<Mutex<Writing>>,
    /// Whether any key is gone although a sorted file has it.
    some_gone: Arc<AtomicBool>,
    /// Bytes of changes since the last flush.
    unflushed: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
    #[cfg(test)]
    fault: fault::Fault,
}

#[derive(Default)]
struct Writing {
    /// While a file is written: keys that were removed since it was begun.
    removed: Option<BTreeSet<Vec<u8>>>,
}

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
    pub fn open(directory: &Path, cache_bytes: u64) -> Result<Tree, Error> {
        let db = attempt(directory, cache_bytes)?;
        let path = directory.join(NAME);
        Tree::with(db, path, |files| Shelf::open(directory.join(SORTED), files))
    }

    /// Opens a copy of the tree of a directory, made at a scratch path that this process owns, over the sorted files
    /// where they are.
    pub fn open_copy(directory: &Path, scratch: &Path, cache_bytes: u64) -> Result<Tree, Error> {
        copy(&directory.join(NAME), &scratch.join(NAME)).map_err(|error| read(&error))?;
        let db = attempt(scratch, cache_bytes)?;
        let path = scratch.join(NAME);
        Tree::with(db, path, |files| Shelf::look(directory.join(SORTED), files))
    }

    /// Sets the present tree and its sorted files aside and makes an empty one.
    pub fn anew(directory: &Path, cache_bytes: u64) -> Result<Tree, Error> {
        for (name, aside) in [(NAME, SET_ASIDE), (SORTED, SORTED_SET_ASIDE)] {
            let moved = set_aside(&directory.join(name), &directory.join(aside));
            moved.map_err(|error| read(&error))?;
        }
        Tree::open(directory, cache_bytes)
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
        shelf: impl FnOnce(&[Record]) -> Result<Shelf, sorted::Error>,
    ) -> Result<Tree, Error> {
        // What is damaged may panic when it is read.
        let records = catch_unwind(AssertUnwindSafe(|| records(&db)));
        let (files, some_gone) =
            records.unwrap_or_else(|_| Err(Error::Read("the index panicked".into())))?;
        let shelf = shelf(&files).map_err(|error| read(&error))?;
        Ok(Tree {
            db,
            path,
            shelf: Arc::new(shelf),
            writing: Arc::default(),
            some_gone: Arc::new(AtomicBool::new(some_gone)),
            unflushed: Arc::default(),
            broken: Arc::default(),
            #[cfg(test)]
            fault: fault::Fault::default(),
        })
    }

    /// Applies changes of several batches, oldest first, as one.
    pub fn apply<'a>(&self, layers: impl Iterator<Item = &'a Changes>) -> Result<(), Error> {
        self.write(layers.flatten())
    }

    /// Applies many changes in order of key, a part at a time: not as one.
    pub fn load<'a>(
        &self,
        changes: impl Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)>,
    ) -> Result<(), Error> {
        let mut changes = changes.peekable();
        while changes.peek().is_some() {
            self.write(changes.by_ref().take(LOAD_AT_ONCE))?;
        }
        Ok(())
    }

    /// Takes keys out of the tree, and forgets that they were gone: a file that will count says what they are.
    pub fn unload<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> Result<(), Error> {
        let some_gone = self.some_gone.load(Ordering::Relaxed);
        let mut keys = keys.peekable();
        while keys.peek().is_some() {
            let mut batch = sled::Batch::default();
            for key in keys.by_ref().take(LOAD_AT_ONCE) {
                batch.remove(key);
                if some_gone {
                    batch.remove(gone_key(key));
                }
            }
            self.guarded(|db| Ok(db.apply_batch(batch)?))?;
        }
        Ok(())
    }

    /// Whether there is no key in it.
    pub fn is_empty(&self) -> Result<bool, Error> {
        self.guarded(|db| Ok(db.is_empty()))
    }

    fn write<'a>(
        &self,
        changes: impl Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)>,
    ) -> Result<(), Error> {
        let mut batch = sled::Batch::default();
        let mut bytes = 0;
        let mut writing = self.writing();
        for (key, value) in changes {
            bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            match value {
                Some(value) => {
                    batch.insert(key.as_slice(), value.as_slice());
                    self.is_back(&mut writing, &mut batch, key);
                }
                None => {
                    batch.remove(key.as_slice());
                    self.is_gone(&mut writing, &mut batch, key);
                }
            }
        }
        self.guarded(|db| Ok(db.apply_batch(batch)?))?;
        drop(writing);
        self.count(bytes)
    }

    /// Writes out what is buffered.
    pub fn flush(&self) -> Result<(), Error> {
        self.unflushed.store(0, Ordering::Relaxed);
        self.guarded(|db| Ok(db.flush()?)).map(|_| ())
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

    /// The sorted files that count.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The tree without the sorted files.
    pub fn live(&self) -> Live<'_> {
        Live(self)
    }

    /// From now on it is noted which keys are removed, until [`Tree::shelve`]: pairs are read to be written into a file.
    pub fn begin_file(&self) {
        self.writing().removed = Some(BTreeSet::new());
    }

    /// No file is being written any more.
    pub fn end_file(&self) {
        self.writing().removed = None;
    }

    /// Counts a sorted file, and others that were merged into it no more. Nothing is found otherwise than before.
    pub fn shelve(&self, others: &[Record], file: File, record: Record) -> Result<(), Error> {
        let mut writing = self.writing();
        let mut batch = sled::Batch::default();
        batch.insert(file_key(record.ordinal), canon::bytes_of(&record));
        for other in others {
            batch.remove(file_key(other.ordinal));
        }
        self.guarded(|db| {
            for key in writing.removed.take().into_iter().flatten() {
                if file.get(&key)?.is_some() {
                    self.some_gone.store(true, Ordering::Release);
                    batch.insert(gone_key(&key), &[]);
                }
            }
            // Before the readers see the file: what it has and is gone must be gone for them too.
            Ok(db.apply_batch(batch)?)
        })?;
        self.shelf.replace(others, file, record);
        Ok(())
    }

    /// Makes durable which files count: after a power cut the tree is not older than now.
    pub fn settle(&self) -> Result<(), Error> {
        self.flush()?;
        // What sled calls a flush does not reach the disk.
        let synced = fs::File::open(self.path.join("db")).and_then(|file| file.sync_data());
        synced.map_err(|error| read(&error))
    }

    /// Takes pairs out of the tree that a file which counts has; what was changed meanwhile stays.
    pub fn leave(&self, pairs: &[(&[u8], &[u8])]) -> Result<(), Error> {
        for pairs in pairs.chunks(LEAVE_AT_ONCE) {
            let writing = self.writing();
            let mut batch = sled::Batch::default();
            let mut bytes = 0;
            self.guarded(|db| {
                for (key, value) in pairs {
                    if db.get(key)?.is_some_and(|present| present == *value) {
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

    fn count(&self, bytes: usize) -> Result<(), Error> {
        if self.unflushed.fetch_add(bytes, Ordering::Relaxed) + bytes >= FLUSH_EVERY {
            self.flush()?;
        }
        Ok(())
    }

    /// A key is put: it is gone no more.
    fn is_back(&self, writing: &mut Writing, batch: &mut sled::Batch, key: &[u8]) {
        if let Some(removed) = &mut writing.removed {
            removed.remove(key);
        }
        let may_be_gone = self.some_gone.load(Ordering::Relaxed) && tables::may_leave(key);
        if may_be_gone && self.shelf.may_have(key) {
            batch.remove(gone_key(key));
        }
    }

    /// A key is removed: where a file has it, or will have, it is gone all the same.
    fn is_gone(&self, writing: &mut Writing, batch: &mut sled::Batch, key: &[u8]) {
        if !tables::may_leave(key) {
            return;
        }
        if let Some(removed) = &mut writing.removed {
            removed.insert(key.to_vec());
        }
        if self.shelf.may_have(key) {
            self.some_gone.store(true, Ordering::Release);
            batch.insert(gone_key(key), &[]);
        }
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        // After a panic the tree is broken, and this is not looked at any more.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guarded<T>(&self, work: impl FnOnce(&sled::Db) -> Result<T, Fault>) -> Result<T, Error> {
        // A tree that panicked is broken: nobody looks at it again.
        let done = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            self.fault.strike()?;
            work(&self.db)
        }));
        let failed = match done {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => read(&error),
            Err(_) => Error::Read("the index panicked".into()),
        };
        self.broken.store(true, Ordering::Release);
        Err(failed)
    }

    /// Pairs of the tree and of sorted files in one order; what the tree has hides what a file has.
    fn unite(
        &self,
        tree: Pairs,
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
                        && !self.has_gone(&key)?
                    {
                        united.push((key, value));
                    }
                }
            }
        }
        Ok(united)
    }

    fn has_gone(&self, key: &[u8]) -> Result<bool, Fault> {
        Ok(self.some_gone.load(Ordering::Acquire) && self.db.contains_key(gone_key(key))?)
    }
}

impl Index for Tree {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.guarded(|db| {
            // The tree first: what leaves it is in a file that is seen by then.
            if let Some(value) = db.get(key)? {
                return Ok(Some(value.to_vec()));
            }
            if !tables::may_leave(key) {
                return Ok(None);
            }
            match self.shelf.get(key)? {
                Some(value) if !self.has_gone(key)? => Ok(Some(value)),
                Some(_) | None => Ok(None),
            }
        })
    }

    fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error> {
        if from >= to || most == 0 {
            return Ok(Vec::new());
        }
        self.guarded(|db| {
            let pairs = scan(db, from, to, most)?;
            if !tables::may_leave_in(from, to) {
                return Ok(pairs);
            }
            // Behind the last of a full page nothing is asked for.
            let last = pairs.last().filter(|_| pairs.len() == most);
            let end = last.map(|(key, _)| [key.as_slice(), &[0]].concat());
            let to = end.as_deref().unwrap_or(to);
            match self.shelf.scan(from, to)? {
                None => Ok(pairs),
                Some(files) => self.unite(pairs, files, to, most),
            }
        })
    }
}

/// The tree without the sorted files.
pub struct Live<'a>(&'a Tree);

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

/// The records of the files that count, and whether any key is gone although one of them has it.
fn records(db: &sled::Db) -> Result<(Vec<Record>, bool), Error> {
    let records = db.scan_prefix([FILES]).values().map(|value| {
        let value = value.map_err(|error| read(&error))?;
        canon::value_of(&value).map_err(|bad| read(&bad))
    });
    let records = records.collect::<Result<_, Error>>()?;
    let gone = db.scan_prefix([GONE]).next();
    gone.transpose()
        .map_err(|error| read(&error))
        .map(|gone| (records, gone.is_some()))
}

fn file_key(ordinal: u64) -> Vec<u8> {
    [&[FILES][..], &ordinal.to_be_bytes()].concat()
}

fn gone_key(key: &[u8]) -> Vec<u8> {
    [&[GONE], key].concat()
}

fn attempt(directory: &Path, cache_bytes: u64) -> Result<sled::Db, Error> {
    let path = directory.join(NAME);
    wait_until_free(&path.join("db"));
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(cache_bytes)
        .flush_every_ms(None);
    // A panic of sled at damaged files ends that thread only.
    let opened = std::thread::spawn(move || config.open()).join();
    match opened {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(error)) => Err(read(&error)),
        Err(_) => Err(Error::Read("the index panicked while it was opened".into())),
    }
}

/// Waits until the threads of an earlier tree of this process have let go of its file: sled ends them on its own
/// time, and a tree that cannot be locked would be taken for one that is damaged. No other process can have it: the
/// journal's lock is ours.
fn wait_until_free(file: &Path) {
    let Ok(file) = fs::File::open(file) else {
        return;
    };
    for _ in 0..LOOKS {
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_LOOKS),
            // What else there is to say of the file, sled says.
            Ok(()) | Err(fs::TryLockError::Error(_)) => return,
        }
    }
}

/// Copies a directory and what is in it; one that does not exist is empty.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn set_aside(path: &Path, aside: &Path) -> io::Result<()> {
    // One is kept to look into; nothing in it is the only copy.
    match fs::remove_dir_all(aside) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => fs::remove_file(aside)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    match fs::rename(path, aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn read(error: &dyn std::error::Error) -> Error {
    Error::Read(format!("index: {error}").into())
}

/// Failures of sled, made on purpose.
#[cfg(test)]
pub mod fault {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::Tree;

    /// What comes of the next use of a tree.
    #[derive(Clone, Default)]
    pub struct Fault(Arc<AtomicU8>);

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
            self.fault.0.store(kind as u8, Ordering::SeqCst);
        }
    }

    impl Fault {
        pub(super) fn strike(&self) -> Result<(), sled::Error> {
            match self.0.load(Ordering::SeqCst) {
                0 => Ok(()),
                1 => Err(sled::Error::Io(std::io::Error::other("injected"))),
                _ => panic!("injected"),
            }
        }
    }
}
