//! A body in its record: named in clear, then compressed if that pays, then sealed under the segment's key.
//!
//! # Payload
//! | length | what | when |
//! |---|---|---|
//! | 17 | name: 1 byte 1 (a document's) or 2 (an entry's), 16 bytes id or position | always |
//! | 8 | number of the record: the nonce | sealed |
//! | 16 | salt of the body's commitment | always; sealed with what follows |
//! | 4 | length of the bytes | compressed |
//! | – | the bytes, or one zstd frame of them with the segment's dictionary | always |
//! | 16 | tag | sealed |
//!
//! # Seal
//! AES-256-GCM. The key is the segment's own, 32 random bytes, which lie wrapped in the key file
//! ([`keys`](crate::store::journal::keys)) and nowhere else. The nonce is the number of the record, 12 bytes
//! big-endian. Associated are the segment's id, the record's offset, bytes 0 to 8 of its head (so its flags and its
//! length) and the name: a sealed body is one body, of this name, at this place of this segment, or none.
//!
//! A number is never given twice under one key. While the journal runs, they are counted and a write that failed
//! gives none back. After a start it cannot be known which numbers lay in a tail that was cut, or in a copy of the
//! directory that went on elsewhere; so a start never seals under a key that it found: it begins a new segment, or
//! gives a new key to one that holds nothing yet.
//!
//! # What stays clear, and why
//! Entries: they hold nothing nominative, and whoever verifies the chain or counts the ledger must not need a key;
//! also after the bodies are gone. Names of bodies: they are ids and positions, and an index is built from them.
//! The salt does not: the commitment in the entry keeps the secret of a body that was purged only as long as nobody
//! has its salt. The checksum is over what lies on the disk, so damage is found without a key.

use std::sync::Arc;

use bytes::Bytes;
use ring::aead::{Aad, LessSafeKey, Nonce};

use crate::claims::entry::Position;
use crate::claims::id::DocumentId;
use crate::store::journal::format::{
    self, COMPRESSED, HEAD, Header, Kind, Record, SEALED, SegmentId,
};
use crate::store::journal::pack::{Packed, Packer};
use crate::store::{Body, BodyId};

/// At most so many bytes has a body's record beside the body's bytes.
pub const FRAME: usize = HEAD + NAME + NUMBER + SALT + LENGTH + TAG;
/// Length of the bytes that name a body.
pub const NAME: usize = 17;

const NUMBER: usize = 8;
const SALT: usize = 16;
const LENGTH: usize = 4;
const TAG: usize = 16;
const ASSOCIATED: usize = 16 + 8 + 8 + NAME;

/// Seals the bodies of one segment, each under a number of its own.
pub struct Seal {
    key: Arc<LessSafeKey>,
    given: u64,
}

/// What cannot be given out of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is not as it was written.
    Damaged(&'static str),
    /// It is sealed, and its key is not at hand.
    Sealed,
}

impl Seal {
    /// Seals under a key under which nothing was sealed yet.
    pub fn new(key: Arc<LessSafeKey>) -> Seal {
        Seal { key, given: 0 }
    }

    /// A number that was never given before.
    fn number(&mut self) -> u64 {
        self.given += 1;
        self.given
    }
}

/// Appends the record of a body to a batch that begins at `base` of the segment: the one copy of its bytes, or of
/// their compressed form, between socket and disk. They are sealed where they lie.
pub fn put(
    out: &mut Vec<u8>,
    base: u64,
    id: &SegmentId,
    name: BodyId,
    body: &Body,
    packed: Option<&Packed>,
    seal: Option<&mut Seal>,
) {
    let (mut flags, mut length) = (0, NAME + SALT);
    length += match packed {
        Some(packed) => {
            flags |= COMPRESSED;
            LENGTH + packed.frame.len()
        }
        None => body.bytes.len(),
    };
    if seal.is_some() {
        flags |= SEALED;
        length += NUMBER + TAG;
    }
    let start = format::begin_record(out, Kind::Body, flags, length);
    out.extend_from_slice(&name_body(name));
    let seal = seal.map(|seal| (seal.number(), &*seal.key));
    if let Some((number, _)) = seal {
        out.extend_from_slice(&number.to_be_bytes());
    }
    let clear = out.len();
    out.extend_from_slice(&body.salt);
    match packed {
        Some(packed) => {
            out.extend_from_slice(&packed.length.to_be_bytes());
            out.extend_from_slice(&packed.frame);
        }
        None => out.extend_from_slice(&body.bytes),
    }
    if let Some((number, key)) = seal {
        let associated = associated(id, base + start as u64, &out[start..]);
        let tag = key
            .seal_in_place_separate_tag(nonce(number), Aad::from(associated), &mut out[clear..])
            .expect("a batch is far below the 64 GiB that one nonce seals");
        out.extend_from_slice(tag.as_ref());
    }
    format::finish_record(out, start, base, id);
}

/// The body whose record these bytes are, at an offset of a segment. `key` is the segment's, if it is at hand.
///
/// # Errors
/// [`Unread`]; it never gives out other bytes than were written.
pub fn read(
    mut bytes: Vec<u8>,
    offset: u64,
    header: &Header,
    key: Option<&LessSafeKey>,
    packer: &Packer,
) -> Result<(BodyId, Body), Unread> {
    let record = Record::read(&bytes, offset, &header.id).map_err(|bad| match bad {
        format::BadRecord::Unreadable(what) | format::BadRecord::Unsupported(what) => {
            Unread::Damaged(what)
        }
    })?;
    let flags = record.flags;
    let name = named(&record).ok_or(Unread::Damaged("there is no body here"))?;
    let length = record.length();
    let (mut at, mut end) = (HEAD + NAME, length);
    if flags & SEALED != 0 {
        let key = key.ok_or(Unread::Sealed)?;
        at += NUMBER;
        end -= TAG;
        open(&mut bytes[..length], offset, header, key)
            .ok_or(Unread::Damaged("the seal is broken"))?;
    }
    let mut salt = [0; SALT];
    salt.copy_from_slice(&bytes[at..at + SALT]);
    at += SALT;
    let bytes = if flags & COMPRESSED != 0 {
        let length = u32::from_be_bytes(array(&bytes[at..at + LENGTH]));
        let frame = &bytes[at + LENGTH..end];
        let unpacked = packer.unpack(header.manner.dictionary, frame, length);
        Bytes::from(unpacked.map_err(Unread::Damaged)?)
    } else {
        Bytes::from(bytes).slice(at..end)
    };
    Ok((name, Body { bytes, salt }))
}

/// Opens the seal of a record in place.
fn open(bytes: &mut [u8], offset: u64, header: &Header, key: &LessSafeKey) -> Option<()> {
    let associated = associated(&header.id, offset, bytes);
    let sealed = HEAD + NAME + NUMBER;
    let number = u64::from_be_bytes(array(&bytes[sealed - NUMBER..sealed]));
    key.open_in_place(nonce(number), Aad::from(associated), &mut bytes[sealed..])
        .ok()
        .map(|_| ())
}

/// Which body a record holds, if its payload is long enough for what its flags promise.
pub fn named(record: &Record<'_>) -> Option<BodyId> {
    let mut least = NAME + SALT;
    if record.flags & SEALED != 0 {
        least += NUMBER + TAG;
    }
    if record.flags & COMPRESSED != 0 {
        least += LENGTH;
    }
    let is_body = record.kind == Kind::Body && record.payload.len() >= least;
    is_body.then(|| body_named(record.payload)).flatten()
}

/// The bytes that name a body.
pub fn name_body(name: BodyId) -> [u8; NAME] {
    let (kind, number) = match name {
        BodyId::Document(document) => (1, document.0),
        BodyId::Entry(position) => (2, u128::from(position.0)),
    };
    let mut out = [kind; NAME];
    out[1..].copy_from_slice(&number.to_be_bytes());
    out
}

/// Which body bytes name.
pub fn body_named(bytes: &[u8]) -> Option<BodyId> {
    let number = u128::from_be_bytes(bytes.get(1..NAME)?.try_into().ok()?);
    match bytes[0] {
        1 => Some(BodyId::Document(DocumentId(number))),
        2 => Some(BodyId::Entry(Position(u64::try_from(number).ok()?))),
        _ => None,
    }
}

/// What a seal is bound to: the place of the record, the first bytes of its head, and its name.
fn associated(id: &SegmentId, offset: u64, record: &[u8]) -> [u8; ASSOCIATED] {
    let mut out = [0; ASSOCIATED];
    out[..16].copy_from_slice(id);
    out[16..24].copy_from_slice(&offset.to_be_bytes());
    out[24..32].copy_from_slice(&record[..8]);
    out[32..].copy_from_slice(&record[HEAD..HEAD + NAME]);
    out
}

fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    out
}
