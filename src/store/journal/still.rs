//! A journal that nobody writes to while it is looked at: locked, and nothing of it changed.
//!
//! A torn tail stays, and so do files that were never finished. A crash leaves nothing behind.

use std::fs::File;
use std::path::Path;

use crate::store::journal::reader::Reader;
use crate::store::journal::{Error, Head, find_end, segment};

/// A journal at rest.
pub struct Still {
    reader: Reader,
    head: Head,
    segments: u64,
    torn_bytes: u64,
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
        let mut segments = 0;
        for segment in segment::list(directory)? {
            reader.add(segment);
            segments += 1;
        }
        let (head, torn) = match reader.last() {
            Some(last) => find_end(&last)?,
            None => (Head::origin(), 0),
        };
        Ok(Still {
            reader,
            head,
            segments,
            torn_bytes: torn as u64,
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

    /// Bytes of a batch that was never finished: the next start cuts them.
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }
}
