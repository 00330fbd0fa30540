//! Writes a sorted file. A crash leaves a file `*.new`, which the next start removes; a file that has its name is whole.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::store::embedded::sorted::filter::{self, Filter};
use crate::store::embedded::sorted::format::{self, BLOCK, Footer, Part};
use crate::store::embedded::sorted::{Error, path_of, unfinished};
use crate::store::embedded::tables;

/// After so many bytes they are synced: at the end little is left, so that no commit waits for a long sync.
const SYNC_EVERY: u64 = 4 << 20;

/// Bytes of a part, after which who writes may pause.
const PART: u64 = 256 << 10;

/// A file that is being written.
pub struct Writer {
    directory: PathBuf,
    path: PathBuf,
    ordinal: u64,
    file: BufWriter<fs::File>,
    /// Pairs of the block that is not closed yet.
    block: Vec<u8>,
    first: Vec<u8>,
    last: Vec<u8>,
    blocks: u64,
    synced: u64,
    told: u64,
    pairs: u64,
    index: Vec<u8>,
    /// First and last key of each table.
    tables: Vec<(Vec<u8>, Vec<u8>)>,
    filter: Filter,
}

impl Writer {
    /// Begins the file of an ordinal, with at most so many keys that are asked for singly.
    pub fn create(directory: &Path, ordinal: u64, single: usize) -> Result<Writer, Error> {
        let path = unfinished(directory, ordinal);
        let file = fs::File::create(&path).map_err(|error| Error::io(&path, &error))?;
        Ok(Writer {
            directory: directory.to_owned(),
            path,
            ordinal,
            file: BufWriter::with_capacity(1 << 20, file),
            block: Vec::with_capacity(2 * BLOCK),
            first: Vec::new(),
            last: Vec::new(),
            blocks: 0,
            synced: 0,
            told: 0,
            pairs: 0,
            index: Vec::new(),
            tables: Vec::new(),
            filter: Filter::with_room(single),
        })
    }

    /// Adds a pair; its key comes after all before it.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        debug_assert!(self.pairs == 0 || self.last.as_slice() < key);
        if self.block.is_empty() {
            self.first.clear();
            self.first.extend_from_slice(key);
            format::put_pair(&mut self.block, &[], key, value);
        } else {
            format::put_pair(&mut self.block, &self.last, key, value);
        }
        self.pairs += 1;
        if let Some(single) = tables::asked_singly(key) {
            self.filter.add(filter::hash(single));
        }
        match self.tables.last_mut() {
            Some((first, last)) if first.first() == key.first() => {
                last.clear();
                last.extend_from_slice(key);
            }
            Some(_) | None => self.tables.push((key.to_vec(), key.to_vec())),
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        if self.block.len() >= BLOCK {
            self.close_block()?;
        }
        Ok(())
    }

    /// Bytes that were written since this was asked last; 0 for less than [`PART`].
    pub fn part(&mut self) -> usize {
        let part = self.blocks - self.told;
        if part < PART {
            return 0;
        }
        self.told = self.blocks;
        part as usize
    }

    /// Syncs the file, gives it its name, and syncs the directory.
    pub fn finish(mut self) -> Result<(), Error> {
        if !self.block.is_empty() {
            self.close_block()?;
        }
        let mut index = Vec::with_capacity(self.index.len() + 1024);
        format::put_number(&mut index, self.tables.len() as u64);
        for (first, last) in &self.tables {
            format::put_bytes(&mut index, first);
            format::put_bytes(&mut index, last);
        }
        index.append(&mut self.index);
        let filter = self.filter.bytes();
        let footer = Footer {
            ordinal: self.ordinal,
            pairs: self.pairs,
            blocks: self.blocks,
            index: Part::of(&index),
            filter: Part::of(&filter),
        };
        for part in [&index, &filter, &footer.write()] {
            self.write(part)?;
        }
        self.sync()?;
        let named = path_of(&self.directory, self.ordinal);
        fs::rename(&self.path, &named).map_err(|error| Error::io(&named, &error))?;
        sync_directory(&self.directory)
    }

    fn close_block(&mut self) -> Result<(), Error> {
        let check = format::check(self.ordinal, self.blocks, &self.block);
        self.block.extend_from_slice(&check.to_le_bytes());
        let block = std::mem::take(&mut self.block);
        self.write(&block)?;
        format::put_number(&mut self.index, block.len() as u64);
        format::put_bytes(&mut self.index, &self.first);
        self.blocks += block.len() as u64;
        self.block = block;
        self.block.clear();
        if self.blocks - self.synced >= SYNC_EVERY {
            self.synced = self.blocks;
            self.sync()?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| Error::io(&self.path, &error))
    }

    fn sync(&mut self) -> Result<(), Error> {
        let flushed = self.file.flush();
        let synced = flushed.and_then(|()| self.file.get_ref().sync_data());
        synced.map_err(|error| Error::io(&self.path, &error))
    }
}

/// Makes the names in a directory durable.
pub fn sync_directory(directory: &Path) -> Result<(), Error> {
    let opened = fs::File::open(directory);
    let synced = opened.and_then(|opened| opened.sync_all());
    synced.map_err(|error| Error::io(directory, &error))
}
