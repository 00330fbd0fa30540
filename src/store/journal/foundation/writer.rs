//! Writes a foundation. A crash leaves a file `*.new`, which does not count; the next start removes it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::claims::entry::Position;
use crate::claims::id::Digest;
use crate::store::journal::format::SegmentId;
use crate::store::journal::foundation::{
    END, ENDING, ENTRY, HEAD, Header, SECOND, SEGMENT, STATE, crc,
};
use crate::store::journal::{Error, segment};

/// A foundation that is being written. Without [`Written::name`] it does not count.
pub struct Writer {
    header: Header,
    file: BufWriter<File>,
    path: PathBuf,
    hash: Sha256,
    offset: u64,
    records: u64,
}

/// A foundation that is whole and synced, and has no name yet.
pub struct Written {
    path: PathBuf,
    /// SHA-256 of the file.
    pub digest: Digest,
}

impl Writer {
    /// Begins one in an archive's directory.
    pub fn create(directory: &Path, header: Header) -> Result<Writer, Error> {
        segment::make_directory(directory)?;
        let name = format!("{:010}-{:020}{ENDING}", header.segment, header.position.0);
        let path = directory.join(name);
        let unfinished = path.with_extension("new");
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .truncate(true)
            .write(true)
            .open(unfinished);
        let mut writer = Writer {
            header,
            file: BufWriter::new(file.map_err(|source| Error::io(&path, &source))?),
            path,
            hash: Sha256::new(),
            offset: 0,
            records: 0,
        };
        writer.put(&header.write())?;
        Ok(writer)
    }

    /// Adds an entry that stays; all of them in order, before anything else.
    pub fn entry(&mut self, position: Position, canonical: &[u8]) -> Result<(), Error> {
        self.record(ENTRY, &[&position.0.to_be_bytes(), canonical])
    }

    /// Adds the id of a segment that it stands for.
    pub fn segment(&mut self, id: SegmentId) -> Result<(), Error> {
        self.record(SEGMENT, &[&id])
    }

    /// Adds a pair of the state.
    pub fn state(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let length = u32::try_from(key.len()).map_err(|_| Error::TooLarge(key.len()))?;
        self.record(STATE, &[&length.to_be_bytes(), key, value])
    }

    /// Adds what the second count goes on with.
    pub fn second(&mut self, bytes: &[u8]) -> Result<(), Error> {
        bytes
            .chunks(1 << 20)
            .try_for_each(|part| self.record(SECOND, &[part]))
    }

    /// Ends and syncs it.
    pub fn finish(mut self) -> Result<Written, Error> {
        let records = self.records.to_be_bytes();
        self.record(END, &[&records])?;
        let fail = |source: io::Error| Error::io(&self.path, &source);
        self.file.flush().map_err(fail)?;
        self.file.get_ref().sync_all().map_err(fail)?;
        Ok(Written {
            digest: Digest(self.hash.finalize().into()),
            path: self.path,
        })
    }

    fn record(&mut self, kind: u8, parts: &[&[u8]]) -> Result<(), Error> {
        let payload = parts.concat();
        let length = u32::try_from(payload.len()).map_err(|_| Error::TooLarge(payload.len()))?;
        let mut head = [0; HEAD];
        head[0] = kind;
        head[4..8].copy_from_slice(&length.to_be_bytes());
        let crc = crc(&self.header.chain, self.offset, &head, &payload);
        head[8..].copy_from_slice(&crc.to_be_bytes());
        self.records += 1;
        self.put(&head)?;
        self.put(&payload)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hash.update(bytes);
        self.offset += bytes.len() as u64;
        let written = self.file.write_all(bytes);
        written.map_err(|source| Error::io(&self.path, &source))
    }
}

impl Written {
    /// Removes it: it was never to count.
    pub fn remove(self) -> Result<(), Error> {
        let path = self.path.with_extension("new");
        fs::remove_file(&path).map_err(|source| Error::io(&path, &source))
    }

    /// Gives it its name, and makes that durable: from now on the ledger begins behind it.
    pub fn name(self) -> Result<(), Error> {
        let named = fs::rename(self.path.with_extension("new"), &self.path);
        named.map_err(|source| Error::io(&self.path, &source))?;
        match self.path.parent() {
            Some(directory) => segment::sync_directory(directory),
            None => Ok(()),
        }
    }
}
