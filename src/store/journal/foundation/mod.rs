//! A foundation: the file that stands for the oldest segments when the time of their proofs has passed.
//!
//! It lies in the archive, and is made whole before it counts. From the moment it has its name, the ledger begins behind
//! it: its segments are no more, whether their files are still there or not. It never changes; the next one takes its
//! place.
//!
//! # Format
//! Integers are big-endian. The header has 128 bytes:
//!
//! | offset | length | what |
//! |---|---|---|
//! | 0 | 8 | magic `BORDFOUN` |
//! | 8 | 2 | version of this format: 1 |
//! | 10 | 2 | layout of the pairs of the state |
//! | 12 | 4 | zero |
//! | 16 | 8 | ordinal of the last segment that it stands for |
//! | 24 | 8 | position of the last entry that it stands for |
//! | 32 | 32 | running hash after that entry |
//! | 64 | 8 | instant of that entry, in microseconds |
//! | 72 | 4 | last day of the month in which that entry was decided, in days since 1970-01-01 |
//! | 76 | 48 | zero |
//! | 124 | 4 | CRC32C of bytes 0 to 124 |
//!
//! Then records: kind (1), zero (3), length of the payload (4), CRC32C (4) of running hash, offset of the record (8),
//! its first 8 bytes, payload. So no record is valid in another foundation, or at another place.
//!
//! - `E` **entry**: its position (8), its canonical bytes. In order of position, before all others.
//! - `I` **segment**: the id of one that it stands for, or that the foundation before it stood for.
//! - `S` **state**: length of a key (4), the key, its value: what the first fold goes on with.
//! - `A` **second count**: a part of what the second count goes on with.
//! - `Z` **end**: how many records come before it (8). Nothing follows.
//!
//! The digest of the whole file is in the ledger, in an entry that is durable before the file has its name.

mod walk;
mod writer;

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use crate::claims::commitment::Chain;
use crate::claims::entry::Position;
use crate::claims::id::Digest;
use crate::claims::time::{Day, Timestamp};
use crate::store::journal::format::{HEADER, SegmentId};
use crate::store::journal::{Error, Head, archive, segment};

use walk::Walk;
pub use writer::{Writer, Written};

/// What the name of one ends with.
pub const ENDING: &str = ".foundation";
const MAGIC: [u8; 8] = *b"BORDFOUN";
const VERSION: u16 = 1;
/// Length of a record's head.
const HEAD: usize = 12;

const ENTRY: u8 = b'E';
const SEGMENT: u8 = b'I';
const STATE: u8 = b'S';
const SECOND: u8 = b'A';
const END: u8 = b'Z';

/// What a foundation says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Layout of the pairs of its state.
    pub layout: u16,
    /// Ordinal of the last segment that it stands for.
    pub segment: u64,
    /// The last entry that it stands for.
    pub position: Position,
    /// The running hash after that entry.
    pub chain: Chain,
    /// When that entry was decided.
    pub at: Timestamp,
    /// Of units up to this day some may have gone, and be in the counts alone; the last day of a month.
    pub until: Day,
}

/// A foundation's header and its file.
#[derive(Debug)]
pub struct Foundation {
    /// What it says of itself.
    pub header: Header,
    path: PathBuf,
    /// Where its entries lie; found when one is asked for.
    entries: OnceLock<Result<Vec<Entry>, Error>>,
}

/// Where an entry lies: its position, the offset of its record and the length of the payload.
type Entry = (Position, u64, u32);

/// A record of a foundation.
pub enum Record<'a> {
    /// An entry that stays.
    Entry(Position, &'a [u8]),
    /// The id of a segment that it stands for.
    Segment(SegmentId),
    /// A pair of the state.
    State(&'a [u8], &'a [u8]),
    /// A part of the second count.
    Second(&'a [u8]),
}

impl Foundation {
    fn open(path: PathBuf) -> Result<Foundation, Error> {
        let mut bytes = [0; HEADER];
        let mut file = File::open(&path).map_err(|source| Error::io(&path, &source))?;
        if let Err(source) = file.read_exact(&mut bytes) {
            return Err(match source.kind() {
                io::ErrorKind::UnexpectedEof => Error::corrupt(&path, 0, "the header is cut off"),
                _ => Error::io(&path, &source),
            });
        }
        Ok(Foundation {
            header: Header::read(&path, &bytes)?,
            path,
            entries: OnceLock::new(),
        })
    }

    /// The place where the ledger goes on behind it.
    pub fn end(&self) -> Head {
        Head {
            segment: self.header.segment + 1,
            offset: HEADER as u64,
            position: self.header.position,
            chain: self.header.chain,
        }
    }

    /// Visits every record, checked, up to its end.
    ///
    /// # Errors
    /// Any damage, also a missing end.
    pub fn records<E: From<Error>>(
        &self,
        mut visit: impl FnMut(Record<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut walk = Walk::new(self)?;
        while let Some(record) = walk.step()? {
            visit(record)?;
        }
        Ok(())
    }

    /// What the second count goes on with.
    ///
    /// # Errors
    /// Any damage.
    pub fn second(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.records(|record| {
            if let Record::Second(part) = record {
                bytes.extend_from_slice(part);
            }
            Ok::<(), Error>(())
        })?;
        Ok(bytes)
    }

    /// The ids of all segments that are no more since it or those before it were laid.
    ///
    /// # Errors
    /// Any damage.
    pub fn segments(&self) -> Result<Vec<SegmentId>, Error> {
        let mut ids = Vec::new();
        self.records(|record| {
            if let Record::Segment(id) = record {
                ids.push(id);
            }
            Ok::<(), Error>(())
        })?;
        Ok(ids)
    }

    /// Up to `most` of its entries after a position, in order.
    ///
    /// # Errors
    /// Any damage before the last of its entries.
    pub fn entries(&self, after: Position, most: usize) -> Result<Vec<(Position, Vec<u8>)>, Error> {
        let found = self.entries.get_or_init(|| self.find_entries());
        let entries = found.as_ref().map_err(Clone::clone)?;
        let from = entries.partition_point(|(position, ..)| *position <= after);
        let wanted = entries[from..].iter().take(most);
        let file = File::open(&self.path).map_err(|source| Error::io(&self.path, &source))?;
        let read = wanted.map(|(position, offset, length)| {
            let mut bytes = vec![0; HEAD + *length as usize];
            let read = file.read_exact_at(&mut bytes, *offset);
            read.map_err(|source| Error::io(&self.path, &source))?;
            let (head, payload) = bytes.split_at(HEAD);
            if crc(&self.header.chain, *offset, head, payload) != u32_of(&head[8..]) {
                return Err(self.corrupt(*offset, "the record's checksum is wrong"));
            }
            Ok((*position, payload[8..].to_vec()))
        });
        read.collect()
    }

    fn find_entries(&self) -> Result<Vec<Entry>, Error> {
        let mut walk = Walk::new(self)?;
        let mut found = Vec::new();
        loop {
            let offset = walk.offset;
            match walk.step()? {
                Some(Record::Entry(position, bytes)) => {
                    let length = u32::try_from(bytes.len() + 8);
                    let length =
                        length.map_err(|_| self.corrupt(offset, "an entry is too long"))?;
                    found.push((position, offset, length));
                }
                // Entries come before all others.
                Some(Record::Segment(_) | Record::State(..) | Record::Second(_)) | None => {
                    return Ok(found);
                }
            }
        }
    }

    /// SHA-256 of its file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn digest(&self) -> Result<Digest, Error> {
        let fail = |source: io::Error| Error::io(&self.path, &source);
        let mut file = File::open(&self.path).map_err(fail)?;
        let mut hash = Sha256::new();
        let mut part = vec![0; 1 << 16];
        loop {
            let read = file.read(&mut part).map_err(fail)?;
            if read == 0 {
                return Ok(Digest(hash.finalize().into()));
            }
            hash.update(&part[..read]);
        }
    }

    /// The error that names a place of damage in it.
    pub fn corrupt(&self, offset: u64, what: &'static str) -> Error {
        Error::corrupt(&self.path, offset, what)
    }
}

/// The foundation that counts in an archive: the one that stands for most.
///
/// # Errors
/// When its header is damaged, or a later version wrote it: nothing says then where the ledger begins.
pub fn newest(directory: &Path) -> Result<Option<Foundation>, Error> {
    let mut found = numbered(directory, ENDING)?;
    found.sort_unstable();
    let Some((numbers, path)) = found.pop() else {
        return Ok(None);
    };
    let foundation = Foundation::open(path)?;
    let header = &foundation.header;
    if (header.segment, header.position.0) != numbers {
        return Err(foundation.corrupt(0, "it is a copy of another foundation"));
    }
    Ok(Some(foundation))
}

/// Removes what a foundation stands for: archives, and the foundation before it.
///
/// # Errors
/// When the system refuses.
pub fn clear_before(directory: &Path, foundation: &Foundation) -> Result<(), Error> {
    let last = foundation.header.segment;
    let mut files = numbered(directory, archive::ENDING)?;
    files.retain(|((ordinal, _), _)| *ordinal <= last);
    let mut earlier = numbered(directory, ENDING)?;
    earlier.retain(|((ordinal, _), _)| *ordinal < last);
    files.append(&mut earlier);
    for (_, path) in &files {
        fs::remove_file(path).map_err(|source| Error::io(path, &source))?;
    }
    if files.is_empty() {
        return Ok(());
    }
    segment::sync_directory(directory)
}

/// The two numbers in the name of a file: ordinal and position.
type Numbers = (u64, u64);

/// The files of an archive with an ending, and the two numbers in their names.
fn numbered(directory: &Path, ending: &str) -> Result<Vec<(Numbers, PathBuf)>, Error> {
    let mut found = Vec::new();
    for path in archive::files(directory)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let numbers = name.strip_suffix(ending).and_then(segment::numbers);
        found.extend(numbers.map(|numbers| (numbers, path)));
    }
    Ok(found)
}

impl Header {
    fn write(&self) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        out[..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&VERSION.to_be_bytes());
        out[10..12].copy_from_slice(&self.layout.to_be_bytes());
        out[16..24].copy_from_slice(&self.segment.to_be_bytes());
        out[24..32].copy_from_slice(&self.position.0.to_be_bytes());
        out[32..64].copy_from_slice(&self.chain.0);
        out[64..72].copy_from_slice(&self.at.micros().to_be_bytes());
        out[72..76].copy_from_slice(&self.until.number().to_be_bytes());
        let crc = crc32c::crc32c(&out[..124]);
        out[124..].copy_from_slice(&crc.to_be_bytes());
        out
    }

    fn read(path: &Path, bytes: &[u8; HEADER]) -> Result<Header, Error> {
        let corrupt = |what| Error::corrupt(path, 0, what);
        if bytes[..8] != MAGIC {
            return Err(corrupt("the magic is wrong"));
        }
        if crc32c::crc32c(&bytes[..124]) != u32_of(&bytes[124..]) {
            return Err(corrupt("the header's checksum is wrong"));
        }
        let version = u16::from_be_bytes([bytes[8], bytes[9]]);
        if version != VERSION {
            return Err(Error::version(path, version));
        }
        let mut chain = Chain::default();
        chain.0.copy_from_slice(&bytes[32..64]);
        let until = Day::from_number(u32_of(&bytes[72..]).cast_signed());
        Ok(Header {
            layout: u16::from_be_bytes([bytes[10], bytes[11]]),
            segment: u64_of(&bytes[16..]),
            position: Position(u64_of(&bytes[24..])),
            chain,
            at: Timestamp::from_micros(u64_of(&bytes[64..]).cast_signed()),
            until: until.ok_or_else(|| corrupt("its last day is none"))?,
        })
    }
}

fn crc(chain: &Chain, offset: u64, head: &[u8], payload: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&chain.0);
    let crc = crc32c::crc32c_append(crc, &offset.to_be_bytes());
    let crc = crc32c::crc32c_append(crc, &head[..8]);
    crc32c::crc32c_append(crc, payload)
}

/// The number in the first four bytes, of which there are enough.
fn u32_of(bytes: &[u8]) -> u32 {
    bytes[..4]
        .iter()
        .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

/// The number in the first eight bytes, of which there are enough.
fn u64_of(bytes: &[u8]) -> u64 {
    bytes[..8]
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests;
