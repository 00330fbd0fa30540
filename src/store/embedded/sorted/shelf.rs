//! The sorted files that count, as a whole: which they are, and what they say together.
//!
//! The tree has a record of each file that counts. A reader takes the files that count at one moment; a file that is
//! added or replaced meanwhile changes nothing that it says.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::claims::canon;
use crate::store::embedded::sorted::file::File;
use crate::store::embedded::sorted::merge::Merged;
use crate::store::embedded::sorted::{Error, path_of};

/// The files that count.
pub struct Shelf {
    directory: PathBuf,
    /// The newest first.
    live: ArcSwap<Vec<Shelved>>,
}

/// A file that counts.
#[derive(Clone)]
pub struct Shelved {
    /// The file.
    pub file: Arc<File>,
    /// Its record.
    pub record: Record,
}

/// What the tree says of a file that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its ordinal: its name.
    pub ordinal: u64,
    /// Of a key that is in several files, the file with the highest age says the value: the ordinal of the youngest
    /// file that it was merged of.
    pub age: u64,
    /// How often its pairs were merged.
    pub level: u8,
    /// Its length in bytes.
    pub length: u64,
}

canon::canon_struct! { Record { ordinal, age, level, length } }

impl Shelf {
    /// Opens the files that records name, and removes all others of the directory; makes it if there is none.
    pub fn open(directory: PathBuf, records: &[Record]) -> Result<Shelf, Error> {
        let failed = |error: io::Error| Error::io(&directory, &error);
        match fs::create_dir(&directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            Ok(()) | Err(_) => {}
        }
        let named: Vec<_> = records
            .iter()
            .map(|record| path_of(&directory, record.ordinal))
            .collect();
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if !named.contains(&path) {
                fs::remove_file(&path).map_err(|error| Error::io(&path, &error))?;
            }
        }
        Shelf::look(directory, records)
    }

    /// Opens the files that records name, and changes nothing.
    pub fn look(directory: PathBuf, records: &[Record]) -> Result<Shelf, Error> {
        let opened = records.iter().map(|record| {
            let file = File::open(&directory, record.ordinal)?;
            if file.length() != record.length {
                let path = path_of(&directory, record.ordinal);
                return Err(Error::damaged(
                    &path,
                    file.length(),
                    "it had another length",
                ));
            }
            Ok(Shelved {
                file: Arc::new(file),
                record: *record,
            })
        });
        let opened = opened.collect::<Result<Vec<_>, Error>>()?;
        let shelf = Shelf {
            directory,
            live: ArcSwap::default(),
        };
        shelf.put(opened);
        Ok(shelf)
    }

    /// Where the files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The files that count, the newest first.
    pub fn files(&self) -> Arc<Vec<Shelved>> {
        self.live.load_full()
    }

    /// An ordinal that no file has.
    pub fn next_ordinal(&self) -> u64 {
        let files = self.live.load();
        let ordinals = files.iter().map(|shelved| shelved.record.ordinal);
        ordinals.max().unwrap_or_default() + 1
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        for shelved in self.live.load().iter() {
            if let Some(value) = shelved.file.get(key)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Whether a key may be in a file; never no if it is.
    pub fn may_have(&self, key: &[u8]) -> bool {
        let files = self.live.load();
        files.iter().any(|shelved| shelved.file.may_have(key))
    }

    /// The pairs from a key on, if a file may have one before `to`.
    pub fn scan(&self, from: &[u8], to: &[u8]) -> Result<Option<Merged>, Error> {
        let files = self.live.load();
        let files = files.iter().map(|shelved| &shelved.file);
        let mut overlapping = files.filter(|file| file.overlaps(from, to)).peekable();
        if overlapping.peek().is_none() {
            return Ok(None);
        }
        Merged::new(overlapping, from).map(Some)
    }

    /// Counts a file, and others no more.
    pub fn replace(&self, others: &[Record], file: File, record: Record) {
        let mut files: Vec<_> = self.live.load().as_ref().clone();
        files.retain(|shelved| !others.contains(&shelved.record));
        files.push(Shelved {
            file: Arc::new(file),
            record,
        });
        self.put(files);
    }

    fn put(&self, mut files: Vec<Shelved>) {
        files.sort_by_key(|shelved| std::cmp::Reverse(shelved.record.age));
        self.live.store(Arc::new(files));
    }
}
