//! The index on disk: one `sled` tree. Everything in it can be computed again from the journal.
//!
//! `sled` may lose what it wrote last, and may panic at damaged files. So it is opened in a thread of its
//! own, what does not open is set aside as `index.bad` and built anew, no panic of it leaves this file, and each
//! group of changes is one atomic batch that contains the place in the journal it belongs to. Never holds a body,
//! and never a value beyond a few kB.
//!
//! A crash leaves what was flushed, and perhaps more: at most about [`FLUSH_EVERY`] bytes of changes are replayed.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::store::Error;
use crate::store::index::{Changes, Index, Pairs};

const NAME: &str = "index";
const SET_ASIDE: &str = "index.bad";
/// After so many bytes of changes sled writes its buffers out: that bounds what a start replays, some thousand
/// documents, and costs nothing while nothing happens. A timer of sled's own would never rest.
const FLUSH_EVERY: usize = 8 << 20;

/// The tree of a store's directory.
#[derive(Clone)]
pub struct Tree {
    db: sled::Db,
    /// Bytes of changes since the last flush.
    unflushed: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
    #[cfg(test)]
    fault: fault::Fault,
}

impl Tree {
    /// Opens the tree in a directory, or makes it; sets it aside first if it does not open.
    pub fn open(directory: &Path, cache_bytes: u64) -> Result<Tree, Error> {
        match attempt(directory, cache_bytes) {
            Ok(tree) => Ok(tree),
            Err(_) => Tree::anew(directory, cache_bytes),
        }
    }

    /// Opens a copy of the tree of a directory, made at a scratch path that this process owns.
    pub fn open_copy(directory: &Path, scratch: &Path, cache_bytes: u64) -> Result<Tree, Error> {
        copy(&directory.join(NAME), &scratch.join(NAME)).map_err(|error| read(&error))?;
        attempt(scratch, cache_bytes)
    }

    /// Sets the present tree aside and makes an empty one.
    pub fn anew(directory: &Path, cache_bytes: u64) -> Result<Tree, Error> {
        set_aside(directory).map_err(|error| read(&error))?;
        attempt(directory, cache_bytes)
    }

    /// Applies changes of several batches, oldest first, as one.
    pub fn apply<'a>(&self, layers: impl Iterator<Item = &'a Changes>) -> Result<(), Error> {
        let mut batch = sled::Batch::default();
        let mut bytes = 0;
        for (key, value) in layers.flatten() {
            bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            match value {
                Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        self.guarded(|db| db.apply_batch(batch))?;
        if self.unflushed.fetch_add(bytes, Ordering::Relaxed) + bytes >= FLUSH_EVERY {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes out what is buffered.
    pub fn flush(&self) -> Result<(), Error> {
        self.unflushed.store(0, Ordering::Relaxed);
        self.guarded(|db| db.flush()).map(|_| ())
    }

    /// Whether it failed once: then it is not asked again, but set aside.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Leaves a broken tree alone for good. It is never dropped, as that would write and may panic: its memory, at
    /// most the cache, is given up.
    pub fn abandon(self) {
        std::mem::forget(self);
    }

    fn guarded<T>(
        &self,
        work: impl FnOnce(&sled::Db) -> Result<T, sled::Error>,
    ) -> Result<T, Error> {
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
}

impl Index for Tree {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let value = self.guarded(|db| db.get(key))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error> {
        if from >= to {
            return Ok(Vec::new());
        }
        self.guarded(|db| {
            let pairs = db.range(from..to).take(most);
            pairs
                .map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec())))
                .collect()
        })
    }
}

fn attempt(directory: &Path, cache_bytes: u64) -> Result<Tree, Error> {
    let path = directory.join(NAME);
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(cache_bytes)
        .flush_every_ms(None);
    // A panic of sled at damaged files ends that thread only.
    let opened = std::thread::spawn(move || config.open()).join();
    match opened {
        Ok(Ok(db)) => Ok(Tree {
            db,
            unflushed: Arc::default(),
            broken: Arc::default(),
            #[cfg(test)]
            fault: fault::Fault::default(),
        }),
        Ok(Err(error)) => Err(read(&error)),
        Err(_) => Err(Error::Read("the index panicked while it was opened".into())),
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

fn set_aside(directory: &Path) -> io::Result<()> {
    let aside = directory.join(SET_ASIDE);
    // One is kept to look into; nothing in it is the only copy.
    match fs::remove_dir_all(&aside) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => fs::remove_file(&aside)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    match fs::rename(directory.join(NAME), aside) {
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
