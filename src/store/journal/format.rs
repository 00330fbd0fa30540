//! The bytes of a segment. This page is the format; the code below only follows it.
//!
//! Integers are big-endian. A segment is a file of fixed length (its capacity), filled from the front; what
//! is not written yet is zero.
//!
//! # Header, 128 bytes
//! | offset | length | what |
//! |---|---|---|
//! | 0 | 8 | magic `BORDEREA` |
//! | 8 | 2 | version of this format: 2 |
//! | 10 | 2 | flags: bit 0 bodies are sealed under this segment's key; the others are zero |
//! | 12 | 4 | number of the dictionary that its bodies are compressed with; 0 none |
//! | 16 | 16 | id of the segment, random |
//! | 32 | 8 | ordinal of the segment, from 1, without gaps |
//! | 40 | 8 | capacity: length of the file |
//! | 48 | 8 | position of the first entry that comes after this header |
//! | 56 | 32 | running hash of all entries before it |
//! | 88 | 36 | zero |
//! | 124 | 4 | CRC32C of bytes 0 to 124 |
//!
//! # Record: 12 bytes and a payload
//! | offset | length | what |
//! |---|---|---|
//! | 0 | 1 | kind: `E` entry, `B` body, `C` commit; never zero, so that zero is "nothing written here" |
//! | 1 | 1 | flags, of bodies alone: bit 0 compressed, bit 1 sealed; the others are zero |
//! | 2 | 2 | zero |
//! | 4 | 4 | length of the payload |
//! | 8 | 4 | CRC32C of: segment id, offset of the record in the file (8 bytes), bytes 0 to 8, payload |
//!
//! The id and the offset in the checksum mean that no record is valid anywhere but where it was written:
//! not in another segment, not moved or doubled in its own, and not inside a body that someone posted.
//!
//! - **Entry**: the canonical bytes of an entry. Its position is counted from the header.
//! - **Body**: its name, and what [`body`](crate::store::journal::body) says of the rest.
//! - **Commit**, 64 bytes: position of the batch's first entry, of its last (first − 1 if it has none), the
//!   running hash after it, the offset of its first record, and a closing mark of 8 bytes without zeros.
//!
//! # Versions
//! Version 1 has no flags, neither in the header nor on a body. Its segments stay readable, and none is gone on
//! with: what comes after it goes into a new segment of version 2.
//!
//! # Batch
//! Entries in order, then bodies, then one commit. A batch lies in one segment; one that is larger than a
//! segment gets a segment of its size. What has no commit after it does not exist.
//!
//! The running hash in headers and commits is [`Chain`].

use crate::claims::commitment::Chain;
use crate::claims::entry::Position;

/// Version of the format that is written.
pub const VERSION: u16 = 2;
/// Length of a segment's header.
pub const HEADER: usize = 128;
/// Length of a record's head.
pub const HEAD: usize = 12;
/// Length of a whole commit record.
pub const COMMIT: usize = HEAD + COMMIT_PAYLOAD;
/// Flag of a body that is compressed.
pub const COMPRESSED: u8 = 1;
/// Flag of a body that is sealed.
pub const SEALED: u8 = 2;
/// Last bytes of a commit, none of them zero: whether the end of a batch reached the disk.
pub const CLOSING: [u8; 8] = *b"\xC0MMITTED";

const MAGIC: [u8; 8] = *b"BORDEREA";
const COMMIT_PAYLOAD: usize = 64;
const SEALED_BODIES: u16 = 1;

/// Random name of a segment.
pub type SegmentId = [u8; 16];

/// What a segment says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Of the format that it was written in.
    pub version: u16,
    /// How bodies lie in it.
    pub manner: Manner,
    /// Random.
    pub id: SegmentId,
    /// From 1, without gaps.
    pub ordinal: u64,
    /// Length of the file in bytes.
    pub capacity: u64,
    /// Position of the next entry.
    pub first: Position,
    /// Running hash before that entry.
    pub chain: Chain,
}

/// How bodies lie in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Whether they are sealed.
    pub bodies: Bodies,
    /// Number of the dictionary that they are compressed with, or 0.
    pub dictionary: u32,
}

/// Whether a segment's bodies can be read by whoever has the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// They can.
    Open,
    /// Only with the segment's key.
    Sealed,
}

/// Why a header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadHeader {
    /// It is not a header, or was changed.
    Corrupt(&'static str),
    /// It was written by a later version.
    Version(u16),
}

impl Header {
    /// Its bytes.
    pub fn write(&self) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        out[..8].copy_from_slice(&MAGIC);
        let flags = match self.manner.bodies {
            Bodies::Open => 0,
            Bodies::Sealed => SEALED_BODIES,
        };
        out[8..10].copy_from_slice(&self.version.to_be_bytes());
        out[10..12].copy_from_slice(&flags.to_be_bytes());
        out[12..16].copy_from_slice(&self.manner.dictionary.to_be_bytes());
        out[16..32].copy_from_slice(&self.id);
        out[32..40].copy_from_slice(&self.ordinal.to_be_bytes());
        out[40..48].copy_from_slice(&self.capacity.to_be_bytes());
        out[48..56].copy_from_slice(&self.first.0.to_be_bytes());
        out[56..88].copy_from_slice(&self.chain.0);
        let crc = crc32c::crc32c(&out[..124]);
        out[124..].copy_from_slice(&crc.to_be_bytes());
        out
    }

    /// Reads them.
    pub fn read(bytes: &[u8; HEADER]) -> Result<Header, BadHeader> {
        if bytes[..8] != MAGIC {
            return Err(BadHeader::Corrupt("the magic is wrong"));
        }
        if crc32c::crc32c(&bytes[..124]) != u32_at(bytes, 124) {
            return Err(BadHeader::Corrupt("the header's checksum is wrong"));
        }
        let version = u16::from_be_bytes([bytes[8], bytes[9]]);
        let dictionary = u32_at(bytes, 12);
        let bodies = match (version, u16::from_be_bytes([bytes[10], bytes[11]])) {
            (1 | VERSION, 0) => Bodies::Open,
            (VERSION, SEALED_BODIES) => Bodies::Sealed,
            _ => return Err(BadHeader::Version(version)),
        };
        if version == 1 && dictionary != 0 {
            return Err(BadHeader::Version(version));
        }
        Ok(Header {
            version,
            manner: Manner { bodies, dictionary },
            id: array_at(bytes, 16),
            ordinal: u64_at(bytes, 32),
            capacity: u64_at(bytes, 40),
            first: Position(u64_at(bytes, 48)),
            chain: Chain(array_at(bytes, 56)),
        })
    }
}

/// What closes a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Position of its first entry.
    pub first: Position,
    /// Position of its last entry; one less than the first if it has none.
    pub last: Position,
    /// Running hash after it.
    pub chain: Chain,
    /// Offset of its first record.
    pub start: u64,
}

impl Commit {
    /// Reads the payload of a commit record.
    pub fn read(payload: &[u8]) -> Option<Commit> {
        (payload.len() == COMMIT_PAYLOAD && payload[56..] == CLOSING).then(|| Commit {
            first: Position(u64_at(payload, 0)),
            last: Position(u64_at(payload, 8)),
            chain: Chain(array_at(payload, 16)),
            start: u64_at(payload, 48),
        })
    }
}

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An entry.
    Entry,
    /// A body.
    Body,
    /// The end of a batch.
    Commit,
}

impl Kind {
    /// First byte of its records.
    pub fn code(self) -> u8 {
        match self {
            Kind::Entry => b'E',
            Kind::Body => b'B',
            Kind::Commit => b'C',
        }
    }

    /// What records with this first byte hold.
    pub fn of(code: u8) -> Option<Kind> {
        [Kind::Entry, Kind::Body, Kind::Commit]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}

/// A record that is as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it holds.
    pub kind: Kind,
    /// How a body lies in it; zero of every other kind.
    pub flags: u8,
    /// That.
    pub payload: &'a [u8],
}

impl Record<'_> {
    /// Length on disk.
    pub fn length(&self) -> usize {
        HEAD + self.payload.len()
    }
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRecord {
    /// They were not written as they are.
    Unreadable(&'static str),
    /// They were written so, by a later version.
    Unsupported(&'static str),
}

impl<'a> Record<'a> {
    /// Reads the record at the front of `bytes`, which lie at `offset` of the segment `id`.
    pub fn read(bytes: &'a [u8], offset: u64, id: &SegmentId) -> Result<Record<'a>, BadRecord> {
        let cut = BadRecord::Unreadable("the record is cut off");
        let (head, rest) = bytes.split_at_checked(HEAD).ok_or(cut)?;
        if head[0] == 0 {
            return Err(BadRecord::Unreadable("no record begins here"));
        }
        let payload = rest.get(..u32_at(head, 4) as usize).ok_or(cut)?;
        if checksum(id, offset, &head[..8], payload) != u32_at(head, 8) {
            return Err(BadRecord::Unreadable("the record's checksum is wrong"));
        }
        let kind = Kind::of(head[0]).ok_or(BadRecord::Unsupported("kind of record"))?;
        let flags = head[1];
        let known = match kind {
            Kind::Body => COMPRESSED | SEALED,
            Kind::Entry | Kind::Commit => 0,
        };
        if flags & !known != 0 || head[2..4] != [0; 2] {
            return Err(BadRecord::Unsupported("flags"));
        }
        Ok(Record {
            kind,
            flags,
            payload,
        })
    }
}

/// Length on disk of the record whose head this is, whether the record is valid or not.
pub fn claimed_length(head: &[u8]) -> usize {
    if head.first() == Some(&Kind::Commit.code()) {
        return COMMIT;
    }
    match head.get(4..8) {
        Some(length) => HEAD.saturating_add(u32_at(length, 0) as usize),
        None => HEAD,
    }
}

/// First bytes of every commit record.
pub fn commit_head() -> [u8; 8] {
    let mut head = [0; 8];
    head[0] = Kind::Commit.code();
    head[4..].copy_from_slice(&(COMMIT_PAYLOAD as u32).to_be_bytes());
    head
}

/// Appends the record of an entry to a batch that begins at `base` of the segment.
pub fn put_entry(out: &mut Vec<u8>, base: u64, id: &SegmentId, entry: &[u8]) {
    let start = begin_record(out, Kind::Entry, 0, entry.len());
    out.extend_from_slice(entry);
    finish_record(out, start, base, id);
}

/// Appends the record of a commit.
pub fn put_commit(out: &mut Vec<u8>, base: u64, id: &SegmentId, commit: &Commit) {
    let start = begin_record(out, Kind::Commit, 0, COMMIT_PAYLOAD);
    out.extend_from_slice(&commit.first.0.to_be_bytes());
    out.extend_from_slice(&commit.last.0.to_be_bytes());
    out.extend_from_slice(&commit.chain.0);
    out.extend_from_slice(&commit.start.to_be_bytes());
    out.extend_from_slice(&CLOSING);
    finish_record(out, start, base, id);
}

/// Appends the head of a record whose payload will have this length; gives where it begins in `out`.
pub fn begin_record(out: &mut Vec<u8>, kind: Kind, flags: u8, payload: usize) -> usize {
    let start = out.len();
    let length = u32::try_from(payload).expect("the batch was measured before it is written");
    out.extend_from_slice(&[kind.code(), flags, 0, 0]);
    out.extend_from_slice(&length.to_be_bytes());
    // Its checksum comes when the payload is there.
    out.extend_from_slice(&[0; 4]);
    start
}

/// Puts the checksum into the record that begins at `start` of `out` and ends with it.
pub fn finish_record(out: &mut [u8], start: usize, base: u64, id: &SegmentId) {
    let (head, payload) = out[start..].split_at_mut(HEAD);
    let crc = checksum(id, base + start as u64, &head[..8], payload);
    head[8..].copy_from_slice(&crc.to_be_bytes());
}

fn checksum(id: &SegmentId, offset: u64, head: &[u8], payload: &[u8]) -> u32 {
    let place = crc32c::crc32c_append(crc32c::crc32c(id), &offset.to_be_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(place, head), payload)
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(array_at(bytes, at))
}

#[cfg(test)]
mod tests;
