//! A journal that nobody writes to while it is looked at: locked, and nothing of it changed.
//!
//! A torn tail stays, and so do files that were never finished. A crash leaves nothing behind.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::store::journal::keys::{Keys, Shared};
use crate::store::journal::pack::{Compression, Packer};
use crate::store::journal::reader::Reader;
use crate::store::journal::recover::{self, add_all, find_end};
use crate::store::journal::scan::Damage;
use crate::store::journal::segment::Listed;
use crate::store::journal::{DIRECTORY, Error, Head, KeyFault, Opening, segment};

/// The segments of a directory that nobody writes to, without its lock: those of a backup.
///
/// # Errors
/// When the directory or its last segment cannot be read.
pub fn survey(directory: &Path) -> Result<Reader, Error> {
    survey_with(directory, None)
}

/// The same, with the keys of sealed bodies.
///
/// # Errors
/// As [`survey`].
pub fn survey_with(directory: &Path, keys: Option<Arc<Keys>>) -> Result<Reader, Error> {
    let mut listed = segment::list_all(directory)?;
    let reader = Reader::new(keys, Arc::new(Packer::new(Compression::Off)));
    let reader = reader.on(listed.foundation.take());
    // What cannot be read is found again by who reads on to it.
    add_all(&reader, listed);
    Ok(reader)
}

/// A journal at rest.
pub struct Still {
    reader: Reader,
    head: Head,
    segments: u64,
    torn_bytes: u64,
    damaged: Vec<Damage>,
    unfit: Option<KeyFault>,
    // Released last.
    _lock: File,
}

impl Still {
    /// Takes the lock and reads every header and the whole last segment. Bodies that are sealed are not opened.
    ///
    /// # Errors
    /// [`Error::Locked`] while somebody writes; damage in a header or in the last segment.
    pub fn open(directory: &Path) -> Result<Still, Error> {
        let lock = segment::lock(directory)?;
        let listed = segment::list_all(directory)?;
        Still::of(lock, listed, None, None)
    }

    /// The same of the store of a directory, with its keys. Of keys that do not fit it only says so: everything but
    /// the content of sealed bodies can be read without.
    ///
    /// # Errors
    /// As [`Still::open`].
    pub fn open_with(opening: &Opening<'_>) -> Result<Still, Error> {
        let directory = opening.directory.join(DIRECTORY);
        let lock = segment::lock(&directory)?;
        let listed = segment::list_all(&directory)?;
        // Nothing is drawn: nothing is sealed.
        let entropy: Shared = Arc::new(Mutex::new(Box::new(|| [0; 16])));
        match recover::keys(opening, &listed, &entropy) {
            Ok(keys) => Still::of(lock, listed, keys, None),
            Err(Error::Key(fault)) => Still::of(lock, listed, None, Some(fault)),
            Err(error) => Err(error),
        }
    }

    fn of(
        lock: File,
        mut listed: Listed,
        keys: Option<Arc<Keys>>,
        unfit: Option<KeyFault>,
    ) -> Result<Still, Error> {
        let reader = Reader::new(keys, Arc::new(Packer::new(Compression::Off)));
        let reader = reader.on(listed.foundation.take());
        let is_there = |segment: &&Result<_, Error>| !matches!(segment, Err(Error::Founded(_)));
        let segments = listed.segments.iter().filter(is_there).count() as u64;
        let damaged = add_all(&reader, listed);
        let (head, torn) = match reader.last() {
            Some(last) => {
                let ended = find_end(&last)?;
                (ended.head, ended.torn)
            }
            None => (Head::origin(), 0),
        };
        Ok(Still {
            reader,
            head,
            segments,
            torn_bytes: torn as u64,
            damaged,
            unfit,
            _lock: lock,
        })
    }

    /// The place behind the last batch.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Reads what is committed.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// How many segments there are.
    pub fn segments(&self) -> u64 {
        self.segments
    }

    /// Segments that cannot be read at all, and files that are none.
    pub fn damaged(&self) -> &[Damage] {
        &self.damaged
    }

    /// Why sealed bodies cannot be opened, if they cannot.
    pub fn unfit(&self) -> Option<KeyFault> {
        self.unfit
    }

    /// Bytes of a batch that was never finished: the next start cuts them.
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }
}
