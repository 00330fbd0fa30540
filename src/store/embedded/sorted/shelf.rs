//! The sorted files that count, as a whole: which they are, and what they say together.
//!
//! The tree has a record of each file that counts. A reader takes the files that count at one moment; a file that is
//! added or replaced meanwhile changes nothing that it says.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::claims::canon;
use crate::store::embedded::sorted::cache::Cache;
use crate::store::embedded::sorted::file::File;
use crate::store::embedded::sorted::merge::Merged;
use crate::store::embedded::sorted::writer::{Writer, sync_directory};
use crate::store::embedded::sorted::{Error, path_of, unfinished};
use crate::store::embedded::tables;

/// The files that count.
pub struct Shelf {
    directory: PathBuf,
    cache: Cache,
    /// The last number that was given out, as an ordinal or as an age.
    last: AtomicU64,
    /// The newest first.
    live: ArcSwap<Vec<Shelved>>,
    /// Files that count no more and may be there still.
    superseded: Mutex<Vec<Record>>,
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
    /// Of a key that is in several files, the file with the highest age says the value. What was changed after its age
    /// was given out, and it has all the same, stays in the tree above it; one that was merged has the highest age of
    /// what it was merged of.
    pub age: u64,
    /// How often its pairs were merged.
    pub level: u8,
    /// Its length in bytes.
    pub length: u64,
}

canon::canon_struct! { Record { ordinal, age, level, length } }

impl Record {
    /// That of a file.
    pub fn of(file: &File, age: u64, level: u8) -> Record {
        Record {
            ordinal: file.ordinal(),
            age,
            level,
            length: file.length(),
        }
    }
}

impl Shelf {
    /// Opens the files that records name, and removes all others of the directory; makes it if there is none.
    pub fn open(directory: PathBuf, records: &[Record], cache: Cache) -> Result<Shelf, Error> {
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
        Shelf::look(directory, records, cache)
    }

    /// Opens the files that records name, and changes nothing.
    pub fn look(directory: PathBuf, records: &[Record], cache: Cache) -> Result<Shelf, Error> {
        let opened = records.iter().map(|record| {
            let file = File::open(&directory, record.ordinal, cache.clone())?;
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
        let given = records
            .iter()
            .flat_map(|record| [record.ordinal, record.age]);
        let shelf = Shelf {
            directory,
            cache,
            last: AtomicU64::new(given.max().unwrap_or_default()),
            live: ArcSwap::default(),
            superseded: Mutex::default(),
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

    /// A number that no file has, as an ordinal or as an age, and that is above all given out before.
    pub fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Writes a file with at most `single` keys that are asked for singly. It does not count yet; nothing is left of
    /// one that fails.
    pub fn write<E: From<Error>>(
        &self,
        single: usize,
        fill: impl FnOnce(&mut Writer) -> Result<(), E>,
    ) -> Result<File, E> {
        let ordinal = self.next();
        let mut writer = Writer::create(&self.directory, ordinal, single)?;
        let filled = fill(&mut writer)
            .and_then(|()| Ok(writer.finish()?))
            .and_then(|()| Ok(File::open(&self.directory, ordinal, self.cache.clone())?));
        filled.inspect_err(|_| {
            // It may have its name already. What stays all the same is removed by the next start.
            let _ = fs::remove_file(unfinished(&self.directory, ordinal));
            let _ = fs::remove_file(path_of(&self.directory, ordinal));
        })
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

    /// The value of a key that `is_gone` does not hide. A trace goes when a merge has left the key out, after the files
    /// that were merged count no more: what was found in such files is looked for again.
    pub fn get_present<E: From<Error>>(
        &self,
        key: &[u8],
        is_gone: impl Fn() -> Result<bool, E>,
    ) -> Result<Option<Vec<u8>>, E> {
        loop {
            let files = self.files();
            let mut values = files.iter().map(|shelved| shelved.file.get(key));
            let found = values.find_map(Result::transpose).transpose()?;
            let Some(value) = found else {
                return Ok(None);
            };
            if is_gone()? {
                return Ok(None);
            }
            if self.counts(&files) {
                return Ok(Some(value));
            }
        }
    }

    /// Whether these files still are those that count.
    pub fn counts(&self, files: &Arc<Vec<Shelved>>) -> bool {
        Arc::ptr_eq(files, &self.live.load())
    }

    /// Whether a file that is newer than an age has another value for a key, among those that a filter knows by itself.
    pub fn has_newer(&self, age: u64, key: &[u8], value: &[u8]) -> Result<bool, Error> {
        if tables::asked_singly(key) != Some(key) {
            return Ok(false);
        }
        let files = self.live.load();
        // The newest first: the first that has it says it.
        for shelved in files.iter().take_while(|shelved| shelved.record.age > age) {
            if let Some(newer) = shelved.file.get(key)? {
                return Ok(newer != value);
            }
        }
        Ok(false)
    }

    /// Whether a key may be in a file; never no if it is.
    pub fn may_have(&self, key: &[u8]) -> bool {
        let files = self.live.load();
        files.iter().any(|shelved| shelved.file.may_have(key))
    }

    /// The pairs from a key on, if one of these files may have one before `to`.
    pub fn scan(files: &[Shelved], from: &[u8], to: &[u8]) -> Result<Option<Merged>, Error> {
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
        self.superseded().extend(others);
        files.push(Shelved {
            file: Arc::new(file),
            record,
        });
        self.put(files);
    }

    /// Removes the files that count no more. That they do not is durable.
    ///
    /// # Errors
    /// What the disk says; what stays is removed the next time, or by the next start.
    pub fn remove_superseded(&self) -> Result<(), Error> {
        let mut superseded = self.superseded();
        let mut removed = Ok(());
        superseded.retain(|record| {
            let path = path_of(&self.directory, record.ordinal);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    removed = Err(Error::io(&path, &error));
                    true
                }
                Ok(()) | Err(_) => false,
            }
        });
        drop(superseded);
        removed.and(sync_directory(&self.directory))
    }

    fn superseded(&self) -> MutexGuard<'_, Vec<Record>> {
        // A list of files is whole whoever panicked.
        self.superseded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, mut files: Vec<Shelved>) {
        files.sort_by_key(|shelved| std::cmp::Reverse(shelved.record.age));
        self.live.store(Arc::new(files));
    }
}
