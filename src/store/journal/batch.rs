//! What is handed to the journal to be made durable as one, and where it was put.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::store::journal::body;
use crate::store::journal::format::{COMMIT, HEAD};
use crate::store::journal::pack::Packed;
use crate::store::journal::place::{Head, Mark, Place};
use crate::store::{Body, BodyId};

/// What is to be made durable as one.
#[derive(Default)]
pub struct Batch {
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) bodies: Vec<(BodyId, Body, Option<Packed>)>,
    pub(super) bytes: usize,
}

impl Batch {
    /// Adds an entry by its canonical bytes.
    pub fn add_entry(&mut self, canonical: Vec<u8>) {
        self.bytes += HEAD + canonical.len();
        self.entries.push(canonical);
    }

    /// Adds a body, and its compressed form if that is smaller.
    pub fn add_body(&mut self, name: BodyId, body: Body, packed: Option<Packed>) {
        let length = packed
            .as_ref()
            .map_or(body.bytes.len(), |packed| packed.frame.len());
        self.bytes += body::FRAME + length;
        self.bodies.push((name, body, packed));
    }

    /// How many entries it has.
    pub fn entries(&self) -> usize {
        self.entries.len()
    }

    /// At most so many bytes does it take on disk.
    pub fn length(&self) -> usize {
        self.bytes + COMMIT
    }
}

impl Written {
    /// Its length on disk in bytes: a batch lies in one segment.
    pub fn length(&self) -> usize {
        usize::try_from(self.end.offset - self.start.offset).unwrap_or(usize::MAX)
    }
}

/// Where a batch was put.
#[derive(Debug)]
pub struct Written {
    /// Where it begins.
    pub start: Mark,
    /// Its bodies.
    pub bodies: Vec<(BodyId, Place)>,
    /// The place behind it.
    pub end: Head,
    /// How long the sync took.
    pub synced: Duration,
}

/// A batch that is laid out and still to be written.
pub struct Laid {
    pub(super) file: Arc<File>,
    pub(super) bytes: Vec<u8>,
    pub(super) written: Written,
}

/// A batch that was written, or not.
pub struct Tried {
    pub(super) laid: Laid,
    pub(super) came: io::Result<()>,
}

impl Laid {
    /// Where it will be once it is written.
    pub fn place(&self) -> &Written {
        &self.written
    }

    /// One write, one sync, on the thread that asks.
    pub fn write(mut self) -> Tried {
        let began = Instant::now();
        let written = self
            .file
            .write_all_at(&self.bytes, self.written.start.offset);
        let came = written.and_then(|()| self.file.sync_data());
        self.written.synced = began.elapsed();
        Tried { laid: self, came }
    }
}
