//! The index on disk: one `sled` tree. Everything in it can be computed again from the journal.
//!
//! `sled` may lose what it wrote last, and may panic at damaged files. So it is opened in a thread of its
//! own, what does not open is set aside as `index.bad` and built anew, no panic of it leaves this file, and each
//! group of changes is one atomic batch that contains the place in the journal it belongs to. Never holds a body,
//! and never a value beyond a few kB.
//!
//! A crash leaves what was flushed, and perhaps more: at most about [`FLUSH_EVERY`] bytes of changes are replayed.

use std::collections::{BTreeMap, BTreeSet};
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

/// How often, and how long apart, is looked whether an earlier tree has let go of its file.
const LOOKS: u32 = 400;
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// The table of the sorted files that count.
const FILES: u8 = b'S';
/// The table of keys that are gone although a sorted file has them.
const GONE: u8 = b'T';

/// What bounds a tree.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Bytes of memory for its pages.
    pub cache_bytes: u64,
    /// From so many bytes on, changes of keys that may leave are written into a file.
    pub sorted_bytes: usize,
}

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
            Shelf::open(directory.join(SORTED), files)
        })
    }

    /// Opens a copy of the tree of a directory, made at a scratch path that this process owns, over the sorted files
    /// where they are.
    pub fn open_copy(directory: &Path, scratch: &Path, sizes: Sizes) -> Result<Tree, Error> {
        copy(&directory.join(NAME), &scratch.join(NAME)).map_err(|error| read(&error))?;
        let db = attempt(scratch, sizes)?;
        let path = scratch.join(NAME);
        Tree::with(db, path, sizes, |files| {
            Shelf::look(directory.join(SORTED), files)
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
        let (files, some_gone) =
            records.unwrap_or_else(|_| Err(Error::Read("the index panicked".into())))?;
        let shelf = shelf(&files).map_err(|error| read(&error))?;
        Ok(Tree {
            db,
            path,
            shelf: Arc::new(shelf),
            writing: Arc::default(),
            some_gone: Arc::new(AtomicBool::new(some_gone)),
            sorted_bytes: Arc::new(AtomicUsize::new(sizes.sorted_bytes)),
            unflushed: Arc::default(),
            broken: Arc::default(),
            #[cfg(test)]
            fault: fault::Fault::default(),
        })
    }

    /// Applies changes of several batches, oldest first, as one. Where they are many, those of keys that may leave are
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
            let value = value.as_deref().filter(|_| tables::may_leave(key))?;
            Some((key.as_slice(), value))
        });
        let bytes: usize = leaving
            .clone()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        if bytes < self.sorted_bytes.load(Ordering::Relaxed) || bytes == 0 {
            return self.write(changes, None);
        }
        let single = leaving
            .clone()
            .filter(|(key, _)| tables::asked_singly(key).is_some());
        let written = self.shelf.write(single.count(), |writer| {
            leaving
                .clone()
                .try_for_each(|(key, value)| writer.put(key, value))
        });
        // Without room for a file, they are the tree's as well.
        self.write(changes, written.ok())
    }

    /// Changes the tree as one: with a file, which counts from then on, what may leave is there alone.
    fn write(&self, changes: &[Change<'_>], file: Option<File>) -> Result<(), Error> {
        let mut batch = sled::Batch::default();
        let mut bytes = 0;
        let leaves = |key: &[u8]| file.is_some() && tables::may_leave(key);
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
            if let Some(record) = &record {
                batch.insert(file_key(record.ordinal), canon::bytes_of(record));
            }
            Ok(db.apply_batch(batch)?)
        })?;
        let Some((file, record)) = file.zip(record) else {
            drop(writing);
            return self.count(bytes);
        };
        // Whoever reads meanwhile has these changes above the tree.
        self.shelf.replace(&[], file, record);
        drop(writing);
        self.flush()
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

    /// Counts a file of what was read of the tree. Nothing is found otherwise than before.
    pub fn shelve(&self, file: File) -> Result<(), Error> {
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
        Ok(())
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
        let files = self.shelf.files();
        let rest = files
            .iter()
            .filter(|shelved| !others.contains(&shelved.record));
        self.guarded(|db| {
            for key in &without {
                if !rest.clone().any(|shelved| shelved.file.may_have(key)) {
                    batch.remove(gone_key(key));
                }
            }
            Ok(db.apply_batch(batch)?)
        })?;
        self.shelf.replace(others, file, record);
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

    /// Writes changes into a file from other many bytes on.
    #[cfg(test)]
    pub fn sorts_from(&self, bytes: usize) {
        self.sorted_bytes.store(bytes, Ordering::Relaxed);
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

/// Which of these keys, given in order, the tree has. Where it has few of their tables, it is asked few times.
fn present<'k>(
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

fn attempt(directory: &Path, sizes: Sizes) -> Result<sled::Db, Error> {
    let path = directory.join(NAME);
    wait_until_free(&path.join("db"));
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(sizes.cache_bytes)
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
