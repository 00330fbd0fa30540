//! A sorted file that is read. Many may read it at once; it stays readable after it was removed, until it is dropped.

use std::fs;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::embedded::sorted::cache::{Block, Cache};
use crate::store::embedded::sorted::filter::{self, Filter};
use crate::store::embedded::sorted::format::{self, CHECK, FOOTER, Footer, Pairs, Part};
use crate::store::embedded::sorted::{Error, path_of};
use crate::store::embedded::tables;

/// A file with its index and filter in memory.
pub struct File {
    path: PathBuf,
    file: fs::File,
    footer: Footer,
    length: u64,
    blocks: Blocks,
    /// First and last key of each table.
    tables: Vec<(Vec<u8>, Vec<u8>)>,
    filter: Filter,
    cache: Cache,
}

/// First keys of the blocks, one after the other, and where each block begins.
#[derive(Default)]
struct Blocks {
    keys: Vec<u8>,
    ends: Vec<u32>,
    offsets: Vec<u64>,
}

impl File {
    /// Opens the file of an ordinal and checks its footer, index and filter; blocks are checked when they are read, and
    /// kept in the cache.
    pub fn open(directory: &Path, ordinal: u64, cache: Cache) -> Result<File, Error> {
        let path = path_of(directory, ordinal);
        let failed = |error| Error::io(&path, &error);
        let file = fs::File::open(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let damaged = |offset, what| Error::damaged(&path, offset, what);
        let end = length.checked_sub(FOOTER as u64);
        let end = end.ok_or_else(|| damaged(0, "it is too short"))?;
        let mut footer = [0; FOOTER];
        file.read_exact_at(&mut footer, end).map_err(failed)?;
        let footer = Footer::read(&footer).map_err(|what| damaged(end, what))?;
        let parts = footer
            .blocks
            .saturating_add(footer.index.length + footer.filter.length);
        if footer.ordinal != ordinal || parts != end {
            return Err(damaged(end, "the footer of another file"));
        }
        let part = |part: Part, offset| {
            let mut bytes = vec![0; part.length as usize];
            file.read_exact_at(&mut bytes, offset).map_err(failed)?;
            if Part::of(&bytes) != part {
                return Err(damaged(offset, "the checksum of index or filter"));
            }
            Ok(bytes)
        };
        let index = part(footer.index, footer.blocks)?;
        let filter = part(footer.filter, footer.blocks + footer.index.length)?;
        let filter = Filter::read(&filter).ok_or_else(|| damaged(end, "half a filter"))?;
        let (tables, blocks) =
            read_index(&index, footer.blocks).map_err(|what| damaged(footer.blocks, what))?;
        Ok(File {
            path,
            file,
            footer,
            length,
            blocks,
            tables,
            filter,
            cache,
        })
    }

    /// How many pairs it has.
    #[cfg(test)]
    pub fn pairs(&self) -> u64 {
        self.footer.pairs
    }

    /// Bytes of memory that index and filter take.
    #[cfg(test)]
    pub fn memory(&self) -> usize {
        let Blocks {
            keys,
            ends,
            offsets,
        } = &self.blocks;
        let filter = self.footer.filter.length as usize;
        filter + keys.len() + std::mem::size_of_val(&ends[..]) + std::mem::size_of_val(&offsets[..])
    }

    /// Its ordinal: its name.
    pub fn ordinal(&self) -> u64 {
        self.footer.ordinal
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// How many keys that are asked for singly it has, rounded up.
    pub fn single(&self) -> usize {
        self.filter.room()
    }

    /// Whether it may have a key; never no if it has.
    pub fn may_have(&self, key: &[u8]) -> bool {
        match tables::asked_singly(key) {
            Some(single) => self.filter.may_have(filter::hash(single)),
            None => self.overlaps(key, &[key, &[0]].concat()),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        if !self.may_have(key) {
            return Ok(None);
        }
        let Some(number) = self.blocks.with(key) else {
            return Ok(None);
        };
        let block = self.kept_block(number)?;
        let mut pairs = Pairs::new(&block);
        while let Some(value) = self.read(number, pairs.step())? {
            if pairs.key() >= key {
                return Ok((pairs.key() == key).then(|| value.to_vec()));
            }
        }
        Ok(None)
    }

    /// Whether it may have keys of a range.
    pub fn overlaps(&self, from: &[u8], to: &[u8]) -> bool {
        let meets =
            |(first, last): &(Vec<u8>, Vec<u8>)| first.as_slice() < to && from <= last.as_slice();
        if !self.tables.iter().any(meets) {
            return false;
        }
        match tables::group_of(from, to) {
            Some(group) => self.filter.may_have(filter::hash(group)),
            None => true,
        }
    }

    /// Reads the pairs from a key on.
    pub fn cursor(self: &Arc<File>, from: &[u8]) -> Cursor {
        Cursor {
            file: self.clone(),
            next: self.blocks.with(from).unwrap_or(0),
            block: Block::default(),
            left: 0,
            key: Vec::new(),
            from: from.to_vec(),
        }
    }

    fn kept_block(&self, number: usize) -> Result<Block, Error> {
        let ordinal = self.footer.ordinal;
        self.cache.get(ordinal, number, || self.block(number))
    }

    fn block(&self, number: usize) -> Result<Vec<u8>, Error> {
        let Range { start, end } = self.blocks.range(number, self.footer.blocks);
        let mut bytes = vec![0; (end - start) as usize];
        let read = self.file.read_exact_at(&mut bytes, start);
        read.map_err(|error| Error::io(&self.path, &error))?;
        let pairs = bytes.len() - CHECK;
        let check = format::check(self.footer.ordinal, start, &bytes[..pairs]);
        if bytes[pairs..] != check.to_le_bytes() {
            return Err(Error::damaged(&self.path, start, "the checksum of a block"));
        }
        bytes.truncate(pairs);
        Ok(bytes)
    }

    fn read<T>(&self, number: usize, step: Result<T, &'static str>) -> Result<T, Error> {
        let start = self.blocks.range(number, self.footer.blocks).start;
        step.map_err(|what| Error::damaged(&self.path, start, what))
    }
}

/// A key and its value.
type Pair = (Vec<u8>, Vec<u8>);

/// A reading of a file in order of key.
pub struct Cursor {
    file: Arc<File>,
    /// The next block to be read.
    next: usize,
    block: Block,
    left: usize,
    key: Vec<u8>,
    from: Vec<u8>,
}

impl Cursor {
    /// The next pair, or none at the end of the file.
    pub fn step(&mut self) -> Result<Option<Pair>, Error> {
        loop {
            let mut pairs = Pairs::resume(&self.block, self.left, std::mem::take(&mut self.key));
            let number = self.next.saturating_sub(1);
            while let Some(value) = self.file.read(number, pairs.step())? {
                if pairs.key() >= self.from.as_slice() {
                    let value = value.to_vec();
                    self.left = pairs.left();
                    self.key = pairs.into_key();
                    return Ok(Some((self.key.clone(), value)));
                }
            }
            if self.next == self.file.blocks.offsets.len() {
                self.left = 0;
                return Ok(None);
            }
            // Of a short range the first block is most of it; who reads on is not kept in memory.
            self.block = if self.block.is_empty() {
                self.file.kept_block(self.next)?
            } else {
                Arc::new(self.file.block(self.next)?)
            };
            self.left = self.block.len();
            self.next += 1;
        }
    }
}

impl Blocks {
    fn first(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.keys[start as usize..self.ends[number] as usize]
    }

    /// The block that has a key, if any has.
    fn with(&self, key: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.first(middle) <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.checked_sub(1)
    }

    fn range(&self, number: usize, end: u64) -> Range<u64> {
        let end = self.offsets.get(number + 1).copied().unwrap_or(end);
        self.offsets.get(number).copied().unwrap_or(end)..end
    }
}

type Tables = Vec<(Vec<u8>, Vec<u8>)>;

fn read_index(mut index: &[u8], end: u64) -> Result<(Tables, Blocks), &'static str> {
    let from = &mut index;
    let mut tables = Tables::new();
    for _ in 0..format::take_length(from)? {
        let first = format::take_bytes(from)?.to_vec();
        tables.push((first, format::take_bytes(from)?.to_vec()));
    }
    let (mut blocks, mut offset) = (Blocks::default(), 0_u64);
    while !from.is_empty() {
        let length = format::take_length(from)?;
        if length <= CHECK {
            return Err("a block without pairs");
        }
        blocks.offsets.push(offset);
        offset += length as u64;
        blocks.keys.extend_from_slice(format::take_bytes(from)?);
        blocks.ends.push(blocks.keys.len() as u32);
    }
    blocks.keys.shrink_to_fit();
    if offset == end {
        Ok((tables, blocks))
    } else {
        Err("blocks beyond their part of the file")
    }
}
