//! The index on disk: one `sled` tree. Everything in it can be computed again from the journal.
//!
//! `sled` may lose what it wrote last, and may panic at damaged files. So it is opened in a thread of its
//! own, what does not open is set aside as `index.bad` and built anew, and each group of changes is one
//! atomic batch that contains the place in the journal it belongs to. Never holds a body, and never a value
//! beyond a few kB.

use std::fs;
use std::io;
use std::path::Path;

use crate::store::Error;
use crate::store::index::{Changes, Index};

const NAME: &str = "index";
const SET_ASIDE: &str = "index.bad";
/// How often sled writes its buffers out by itself, in milliseconds: bounds what a start replays.
const FLUSH_EVERY_MS: u64 = 200;

/// The tree of a store's directory.
#[derive(Clone)]
pub struct Tree(sled::Db);

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
        for (key, value) in layers.flatten() {
            match value {
                Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        self.0.apply_batch(batch).map_err(|error| read(&error))
    }

    /// Writes out what is buffered.
    pub fn flush(&self) -> Result<(), Error> {
        self.0.flush().map(|_| ()).map_err(|error| read(&error))
    }
}

impl Index for Tree {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let value = self.0.get(key).map_err(|error| read(&error))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        if from >= to {
            return Ok(Vec::new());
        }
        let pairs = self.0.range(from..to).take(most);
        pairs
            .map(|pair| match pair {
                Ok((key, value)) => Ok((key.to_vec(), value.to_vec())),
                Err(error) => Err(read(&error)),
            })
            .collect()
    }
}

fn attempt(directory: &Path, cache_bytes: u64) -> Result<Tree, Error> {
    let path = directory.join(NAME);
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(cache_bytes)
        .flush_every_ms(Some(FLUSH_EVERY_MS));
    // A panic of sled at damaged files ends that thread only.
    let opened = std::thread::spawn(move || config.open()).join();
    match opened {
        Ok(Ok(db)) => Ok(Tree(db)),
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
