//! The archive: what is left of a segment when its bodies are gone.
//!
//! A file of the archive has the form of a segment, with the same id, ordinal, first position and running hashes, and
//! every entry as it was written; it has no body, and is as long as what is in it. It takes the place of the segment
//! for every reader. It never changes, and is removed only when a foundation stands for it.
//!
//! It gets its name only when it is whole and synced, so a crash leaves at most a file `*.new`, which the next start
//! removes. While segment and archive are both there, the segment counts: whether its bodies have ended, the ledger
//! says.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::claims::entry::Position;
use crate::store::journal::Error;
use crate::store::journal::format::{self, Commit, HEADER, Header};
use crate::store::journal::scan::{Batch, Batches};
use crate::store::journal::segment::{self, Form, Segment};

/// What the name of a file of the archive ends with.
pub const ENDING: &str = ".archive";
const NAME: &str = "archive";

/// The archive that belongs to a journal's directory: it lies beside it.
pub fn beside(journal: &Path) -> PathBuf {
    journal.with_file_name(NAME)
}

/// The entries of a segment, on their way into the archive.
pub struct Archive {
    header: Header,
    bytes: Vec<u8>,
    last: Position,
}

impl Archive {
    /// Of the segment with this header; nothing is in it yet.
    pub fn of(header: &Header) -> Archive {
        Archive {
            header: header.clone(),
            bytes: vec![0; HEADER],
            last: Position(header.first.0.saturating_sub(1)),
        }
    }

    /// Adds the entries of its next batch. One without entries leaves nothing.
    pub fn add(&mut self, batch: &Batch<'_>) {
        if batch.entries.is_empty() {
            return;
        }
        let start = self.bytes.len() as u64;
        for entry in &batch.entries {
            format::put_entry(&mut self.bytes, 0, &self.header.id, entry);
        }
        let commit = Commit {
            first: batch.first,
            last: batch.end.position,
            chain: batch.end.chain,
            start,
        };
        format::put_commit(&mut self.bytes, 0, &self.header.id, &commit);
        self.last = batch.end.position;
    }

    fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Makes it durable under its name, and reads it again: the segment goes on the strength of it.
    pub fn write(mut self, directory: &Path) -> Result<Segment, Error> {
        segment::make_directory(directory)?;
        self.header.capacity = self.length();
        self.bytes[..HEADER].copy_from_slice(&self.header.write());
        let path = directory.join(name(self.header.ordinal, self.header.first));
        let unfinished = path.with_extension("new");
        let fail = |source: io::Error| Error::io(&path, &source);
        let mut options = OpenOptions::new();
        let opened = options
            .create(true)
            .truncate(true)
            .write(true)
            .open(&unfinished);
        let mut file = opened.map_err(fail)?;
        file.write_all(&self.bytes).map_err(fail)?;
        file.sync_all().map_err(fail)?;
        fs::rename(&unfinished, &path).map_err(fail)?;
        segment::sync_directory(directory)?;
        let segment = Segment::open(path, Form::Archived)?;
        self.is_whole(&segment)?;
        Ok(segment)
    }

    /// Commits and chain are checked on the way.
    fn is_whole(&self, segment: &Segment) -> Result<(), Error> {
        let bytes = segment.bytes()?;
        let mut batches = Batches::new(&bytes, &segment.header);
        while batches.step().is_ok() {}
        let head = batches.head();
        if (head.offset, head.position) != (self.length(), self.last) {
            return Err(segment.corrupt(head.offset, "it is not as it was written"));
        }
        Ok(())
    }
}

fn name(ordinal: u64, first: Position) -> String {
    format!("{ordinal:010}-{:020}{ENDING}", first.0)
}

/// The files of an archive by ordinal; why one of them cannot be read.
///
/// # Errors
/// When the directory cannot be read, or a later version wrote a file.
pub fn list(directory: &Path) -> Result<BTreeMap<u64, Result<Segment, Error>>, Error> {
    let mut found = BTreeMap::new();
    for path in files(directory)? {
        let name = path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let Some((ordinal, first)) = name.strip_suffix(ENDING).and_then(segment::numbers) else {
            continue;
        };
        let opened = match Segment::open(path, Form::Archived) {
            Ok(segment) if (segment.header.ordinal, segment.header.first.0) != (ordinal, first) => {
                Err(segment.corrupt(0, "it is a copy of another archive"))
            }
            Err(error @ (Error::Version { .. } | Error::Io { .. })) => return Err(error),
            opened => opened,
        };
        found.insert(ordinal, opened);
    }
    Ok(found)
}

/// Removes what was never finished.
pub fn remove_unfinished(directory: &Path) -> Result<(), Error> {
    for path in files(directory)? {
        if path.extension().is_some_and(|ending| ending == "new") {
            fs::remove_file(&path).map_err(|source| Error::io(&path, &source))?;
        }
    }
    Ok(())
}

/// The files of an archive's directory; one that was never begun has none.
pub fn files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    match segment::files(directory) {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed,
    }
}
