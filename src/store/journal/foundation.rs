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
//! | 72 | 4 | last day of the last month in which units are counted by month, in days since 1970-01-01 |
//! | 76 | 48 | zero |
//! | 124 | 4 | CRC32C of bytes 0 to 124 |
//!
//! Then records: kind (1), zero (3), length of the payload (4), CRC32C (4) of running hash, offset of the record (8),
//! its first 8 bytes, payload. So no record is valid in another foundation, or at another place.
//!
//! - `E` **entry**: its position (8), its canonical bytes. In order of position, before all others.
//! - `S` **state**: length of a key (4), the key, its value: what the first fold goes on with.
//! - `A` **second count**: a part of what the second count goes on with.
//! - `Z` **end**: how many records come before it (8). Nothing follows.
//!
//! The digest of the whole file is in the ledger, in an entry that is durable before the file has its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use crate::claims::entry::Position;
use crate::claims::id::Digest;
use crate::claims::time::{Day, Timestamp};
use crate::store::journal::format::{Chain, HEADER};
use crate::store::journal::{Error, Head, archive, segment};

const ENDING: &str = ".foundation";
const MAGIC: [u8; 8] = *b"BORDFOUN";
const VERSION: u16 = 1;
/// Length of a record's head.
const HEAD: usize = 12;

const ENTRY: u8 = b'E';
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
    /// The last day of the last month in which units are counted by month.
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
                Some(Record::State(..) | Record::Second(_)) | None => return Ok(found),
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

/// The files of an archive with an ending, and the two numbers in their names.
fn numbered(directory: &Path, ending: &str) -> Result<Vec<((u64, u64), PathBuf)>, Error> {
    let mut found = Vec::new();
    for path in archive::files(directory)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let numbers = name.strip_suffix(ending).and_then(segment::numbers);
        found.extend(numbers.map(|numbers| (numbers, path)));
    }
    Ok(found)
}

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

/// A walk over the records of a foundation.
struct Walk<'a> {
    foundation: &'a Foundation,
    file: BufReader<File>,
    length: u64,
    offset: u64,
    records: u64,
    payload: Vec<u8>,
}

impl<'a> Walk<'a> {
    fn new(foundation: &'a Foundation) -> Result<Walk<'a>, Error> {
        let fail = |source: io::Error| Error::io(&foundation.path, &source);
        let mut file = File::open(&foundation.path).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        file.seek(SeekFrom::Start(HEADER as u64)).map_err(fail)?;
        Ok(Walk {
            foundation,
            file: BufReader::with_capacity(1 << 16, file),
            length,
            offset: HEADER as u64,
            records: 0,
            payload: Vec::new(),
        })
    }

    /// The next record, or none at the end.
    fn step(&mut self) -> Result<Option<Record<'_>>, Error> {
        let at = self.offset;
        let corrupt = |what| self.foundation.corrupt(at, what);
        let mut head = [0; HEAD];
        if self.length < at + HEAD as u64 {
            return Err(corrupt("it is cut off"));
        }
        let fail = |source: io::Error| Error::io(&self.foundation.path, &source);
        self.file.read_exact(&mut head).map_err(fail)?;
        let length = u32_of(&head[4..]);
        let end = at + HEAD as u64 + u64::from(length);
        if self.length < end {
            return Err(corrupt("it is cut off"));
        }
        self.payload.resize(length as usize, 0);
        self.file.read_exact(&mut self.payload).map_err(fail)?;
        if crc(&self.foundation.header.chain, at, &head, &self.payload) != u32_of(&head[8..]) {
            return Err(corrupt("the record's checksum is wrong"));
        }
        let record = match (head[0], self.payload.split_at_checked(8)) {
            (ENTRY, Some((position, bytes))) => Record::Entry(Position(u64_of(position)), bytes),
            (STATE, _) => state(&self.payload).ok_or_else(|| corrupt("a pair is cut off"))?,
            (SECOND, _) => Record::Second(&self.payload),
            (END, Some((records, []))) if u64_of(records) == self.records => {
                if self.length > end {
                    return Err(corrupt("something follows its end"));
                }
                return Ok(None);
            }
            _ => return Err(corrupt("it is no record of a foundation")),
        };
        self.offset = end;
        self.records += 1;
        Ok(Some(record))
    }
}

fn state(payload: &[u8]) -> Option<Record<'_>> {
    let (length, rest) = payload.split_at_checked(4)?;
    let (key, value) = rest.split_at_checked(u32_of(length) as usize)?;
    Some(Record::State(key, value))
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
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            layout: 6,
            segment: 3,
            position: Position(40),
            chain: Chain([7; 32]),
            at: Timestamp::parse("2023-01-31T10:00:00Z").unwrap(),
            until: Day::parse("2023-01-31").unwrap(),
        }
    }

    fn written(directory: &Path) -> Foundation {
        let mut writer = Writer::create(directory, header()).unwrap();
        writer.entry(Position(2), b"two").unwrap();
        writer.entry(Position(9), b"nine").unwrap();
        writer.state(b"key", b"value").unwrap();
        writer.second(b"the second count").unwrap();
        let written = writer.finish().unwrap();
        assert!(newest(directory).unwrap().is_none(), "it has no name yet");
        let digest = written.digest;
        written.name().unwrap();
        let found = newest(directory).unwrap().unwrap();
        assert_eq!(found.digest().unwrap(), digest);
        found
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let found = written(directory.path());
        assert_eq!(found.header, header());
        assert_eq!(found.second().unwrap(), b"the second count");
        let entries = |after, most| found.entries(Position(after), most).unwrap();
        let (two, nine) = (
            (Position(2), b"two".to_vec()),
            (Position(9), b"nine".to_vec()),
        );
        assert_eq!(entries(0, 9), [two.clone(), nine.clone()]);
        assert_eq!(entries(0, 1), [two]);
        assert_eq!(entries(2, 9), [nine]);
        assert_eq!(entries(9, 9), []);
        let mut states = 0;
        let seen = found.records(|record| {
            if let Record::State(key, value) = record {
                assert_eq!((key, value), (&b"key"[..], &b"value"[..]));
                states += 1;
            }
            Ok::<(), Error>(())
        });
        assert_eq!((seen.is_ok(), states), (true, 1));
    }

    #[test]
    fn no_changed_and_no_missing_byte_passes() {
        let directory = tempfile::tempdir().unwrap();
        let path = written(directory.path()).path;
        let whole = fs::read(&path).unwrap();
        let passes = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            match newest(directory.path()) {
                Ok(found) => found.unwrap().second().is_ok(),
                Err(_) => false,
            }
        };
        assert!(passes(&whole));
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(!passes(&changed), "{at}");
            assert!(!passes(&whole[..at]), "{at}");
        }
        assert!(!passes(&[&whole[..], &[0]].concat()));
    }

    #[test]
    fn what_it_stands_for_is_removed_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let found = written(directory.path());
        let name = |ordinal: u64, ending: &str| {
            let name = format!("{ordinal:010}-{:020}{ending}", 1);
            directory.path().join(name)
        };
        for (ordinal, ending) in [(1, ENDING), (2, archive::ENDING), (3, archive::ENDING)] {
            fs::write(name(ordinal, ending), b"").unwrap();
        }
        let stays = name(4, archive::ENDING);
        fs::write(&stays, b"").unwrap();
        clear_before(directory.path(), &found).unwrap();
        let mut left: Vec<_> = archive::files(directory.path()).unwrap();
        left.sort_unstable();
        assert_eq!(left, [found.path.clone(), stays]);
    }
}
