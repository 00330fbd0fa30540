//! A journal that nobody writes to while it is looked at: locked, and nothing of it changed.
//!
//! A torn tail stays, and so do files that were never finished. A crash leaves nothing behind.

use std::fs::File;
use std::path::Path;

use crate::store::journal::reader::Reader;
use crate::store::journal::recover::{add_all, find_end};
use crate::store::journal::scan::Damage;
use crate::store::journal::{Error, Head, segment};

/// The segments of a directory that nobody writes to, without its lock: those of a backup.
///
/// # Errors
/// When the directory or its last segment cannot be read.
pub fn survey(directory: &Path) -> Result<Reader, Error> {
    let reader = Reader::default();
    // What cannot be read is found again by who reads on to it.
    add_all(&reader, segment::list_all(directory)?);
    Ok(reader)
}

/// A journal at rest.
pub struct Still {
    reader: Reader,
    head: Head,
    segments: u64,
    torn_bytes: u64,
    damaged: Vec<Damage>,
    // Released last.
    _lock: File,
}

impl Still {
    /// Takes the lock and reads every header and the whole last segment.
    ///
    /// # Errors
    /// [`Error::Locked`] while somebody writes; damage in a header or in the last segment.
    pub fn open(directory: &Path) -> Result<Still, Error> {
        let lock = segment::lock(directory)?;
        let reader = Reader::default();
        let listed = segment::list_all(directory)?;
        let segments = listed.segments.len() as u64;
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

    /// Bytes of a batch that was never finished: the next start cuts them.
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }
}
