//! The bytes of a segment. This page is the format; the code below only follows it.
//!
//! Integers are big-endian. A segment is a file of fixed length (its capacity), filled from the front; what
//! is not written yet is zero.
//!
//! # Header, 128 bytes
//! | offset | length | what |
//! |---|---|---|
//! | 0 | 8 | magic `BORDEREA` |
//! | 8 | 2 | version of this format: 1 |
//! | 10 | 2 | flags: 0 |
//! | 12 | 4 | zero |
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
//! | 1 | 1 | flags: 0; bit 0 is reserved for compressed, bit 1 for encrypted payloads |
//! | 2 | 2 | zero |
//! | 4 | 4 | length of the payload |
//! | 8 | 4 | CRC32C of: segment id, offset of the record in the file (8 bytes), bytes 0 to 8, payload |
//!
//! The id and the offset in the checksum mean that no record is valid anywhere but where it was written:
//! not in another segment, not moved or doubled in its own, and not inside a body that someone posted.
//!
//! - **Entry**: the canonical bytes of an entry. Its position is counted from the header.
//! - **Body**: 1 byte 1 (a document's) or 2 (an entry's), 16 bytes id or position, 16 bytes salt, the bytes.
//! - **Commit**, 64 bytes: position of the batch's first entry, of its last (first − 1 if it has none), the
//!   running hash after it, the offset of its first record, and a closing mark of 8 bytes without zeros.
//!
//! # Batch
//! Entries in order, then bodies, then one commit. A batch lies in one segment; one that is larger than a
//! segment gets a segment of its size. What has no commit after it does not exist.
//!
//! # Chain
//! h(0) is 32 zero bytes; h(n) = SHA-256(h(n−1) ‖ canonical bytes of entry n). It knows nothing of segments,
//! records or bodies, so any store of the same entries has the same hashes.

use sha2::{Digest as _, Sha256};

use crate::claims::entry::Position;
use crate::claims::id::DocumentId;
use crate::store::{Body, BodyId};

/// Version of the format that is written.
pub const VERSION: u16 = 1;
/// Length of a segment's header.
pub const HEADER: usize = 128;
/// Length of a record's head.
pub const HEAD: usize = 12;
/// Length of a whole commit record.
pub const COMMIT: usize = HEAD + COMMIT_PAYLOAD;
/// Length of a body's payload before its bytes.
pub const BODY_PREFIX: usize = BODY_ID + 16;
/// Length of the bytes that name a body.
pub const BODY_ID: usize = 17;
/// Last bytes of a commit, none of them zero: whether the end of a batch reached the disk.
pub const CLOSING: [u8; 8] = *b"\xC0MMITTED";

const MAGIC: [u8; 8] = *b"BORDEREA";
const COMMIT_PAYLOAD: usize = 64;

/// Random name of a segment.
pub type SegmentId = [u8; 16];

/// The running hash over entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain(pub [u8; 32]);

impl Chain {
    /// The hash after one more entry.
    pub fn after(self, entry: &[u8]) -> Chain {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(entry);
        Chain(hash.finalize().into())
    }
}

/// What a segment says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
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
        out[8..10].copy_from_slice(&VERSION.to_be_bytes());
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
        if version != VERSION || bytes[10..12] != [0, 0] {
            return Err(BadHeader::Version(version));
        }
        Ok(Header {
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
        if checksum(id, offset, &head[..8], &[payload]) != u32_at(head, 8) {
            return Err(BadRecord::Unreadable("the record's checksum is wrong"));
        }
        if head[1..4] != [0; 3] {
            return Err(BadRecord::Unsupported("flags"));
        }
        let kind = Kind::of(head[0]).ok_or(BadRecord::Unsupported("kind of record"))?;
        Ok(Record { kind, payload })
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
    put(out, base, id, Kind::Entry, &[entry]);
}

/// Appends the record of a body.
pub fn put_body(out: &mut Vec<u8>, base: u64, id: &SegmentId, name: BodyId, body: &Body) {
    let parts: [&[u8]; 3] = [&name_body(name), &body.salt, &body.bytes];
    put(out, base, id, Kind::Body, &parts);
}

/// Appends the record of a commit.
pub fn put_commit(out: &mut Vec<u8>, base: u64, id: &SegmentId, commit: &Commit) {
    let parts: [&[u8]; 5] = [
        &commit.first.0.to_be_bytes(),
        &commit.last.0.to_be_bytes(),
        &commit.chain.0,
        &commit.start.to_be_bytes(),
        &CLOSING,
    ];
    put(out, base, id, Kind::Commit, &parts);
}

fn put(out: &mut Vec<u8>, base: u64, id: &SegmentId, kind: Kind, parts: &[&[u8]]) {
    let offset = base + out.len() as u64;
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let length = u32::try_from(length).expect("the batch was measured before it is written");
    let mut head = [0; 8];
    head[0] = kind.code();
    head[4..].copy_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(&checksum(id, offset, &head, parts).to_be_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
}

fn checksum(id: &SegmentId, offset: u64, head: &[u8], parts: &[&[u8]]) -> u32 {
    let place = crc32c::crc32c_append(crc32c::crc32c(id), &offset.to_be_bytes());
    let head = crc32c::crc32c_append(place, head);
    parts
        .iter()
        .fold(head, |crc, part| crc32c::crc32c_append(crc, part))
}

/// The bytes that name a body.
pub fn name_body(name: BodyId) -> [u8; BODY_ID] {
    let (kind, number) = match name {
        BodyId::Document(document) => (1, document.0),
        BodyId::Entry(position) => (2, u128::from(position.0)),
    };
    let mut out = [kind; BODY_ID];
    out[1..].copy_from_slice(&number.to_be_bytes());
    out
}

/// Which body a body record holds.
pub fn body_named(payload: &[u8]) -> Option<BodyId> {
    let number = u128::from_be_bytes(payload.get(1..BODY_ID)?.try_into().ok()?);
    match payload[0] {
        1 => Some(BodyId::Document(DocumentId(number))),
        2 => Some(BodyId::Entry(Position(u64::try_from(number).ok()?))),
        _ => None,
    }
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
mod tests {
    use super::*;

    const ID: SegmentId = [7; 16];

    #[test]
    fn a_header_is_read_as_written_and_every_flipped_bit_is_seen() {
        let header = Header {
            id: ID,
            ordinal: 3,
            capacity: 4096,
            first: Position(17),
            chain: Chain([9; 32]),
        };
        let bytes = header.write();
        assert_eq!(Header::read(&bytes), Ok(header));
        for bit in 0..HEADER * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::read(&flipped).is_err(), "{bit}");
        }
    }

    #[test]
    fn a_record_is_valid_only_where_it_was_written() {
        let mut bytes = Vec::new();
        put_entry(&mut bytes, 128, &ID, b"entry");
        let expected = Record {
            kind: Kind::Entry,
            payload: b"entry",
        };
        assert_eq!(Record::read(&bytes, 128, &ID), Ok(expected));
        let wrong = Err(BadRecord::Unreadable("the record's checksum is wrong"));
        assert_eq!(Record::read(&bytes, 129, &ID), wrong);
        assert_eq!(Record::read(&bytes, 128, &[8; 16]), wrong);
    }

    #[test]
    fn records_of_a_later_version_are_told_from_damage() {
        for (byte, value, expected) in [(0, b'Z', "kind of record"), (1, 1, "flags")] {
            let mut bytes = Vec::new();
            put_entry(&mut bytes, 0, &ID, b"entry");
            bytes[byte] = value;
            let crc = checksum(&ID, 0, &bytes[..8], &[b"entry"]);
            bytes[8..12].copy_from_slice(&crc.to_be_bytes());
            assert_eq!(
                Record::read(&bytes, 0, &ID),
                Err(BadRecord::Unsupported(expected))
            );
        }
    }

    #[test]
    fn bodies_keep_their_names() {
        for name in [
            BodyId::Document(DocumentId(u128::MAX - 1)),
            BodyId::Entry(Position(u64::MAX)),
        ] {
            assert_eq!(body_named(&name_body(name)), Some(name));
        }
        assert_eq!(body_named(&[3; BODY_ID]), None);
        assert_eq!(body_named(&[1; 5]), None);
    }

    #[test]
    fn the_chain_is_sha256_of_hash_and_entry() {
        // Computed with coreutils: head -c 32 /dev/zero | cat - <(printf abc) | sha256sum
        let hex = |chain: Chain| {
            chain
                .0
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect::<String>()
        };
        assert_eq!(hex(Chain::default().after(b"abc")), CHAIN_OF_ABC);
    }

    const CHAIN_OF_ABC: &str = "365aa7d8f7f9402c4b9434502b4cc89ddb09fe50d7cd95b493b834c62d5a5370";
}
