//! The embedded store's own keys in its index: ways from the index into the journal.
//!
//! | letter | key | value |
//! |---|---|---|
//! | `A` | – | layout of the index, and the place in the journal up to which it is applied |
//! | `B` | body | its place in the journal |
//! | `C` | segment | – (bodies were copied into it) |
//! | `D` | – | running hash at the end of the foundation that the index was begun on |
//! | `E` | complement of a position | where the batch begins whose first entry that is |
//! | `S` | ordinal | a sorted file that counts ([`crate::store::embedded::tree`]) |
//! | `T` | key | – (keys that are gone although a sorted file has them) |
//!
//! Not every batch has an `E`, only one about every 64 KiB: an entry is found by reading on from there.
//! Of a segment whose bodies are gone only its first batch has one: where the others begin now, it says itself.
//! The complement makes the last batch before a position the first key from there on.

use crate::claims::canon::{self, Canon, Take};
use crate::claims::commitment::Chain;
use crate::claims::entry::Position;
use crate::store::index::{Changes, Index};
use crate::store::journal::body;
use crate::store::journal::format;
use crate::store::journal::{Head, Mark, Place};
use crate::store::{BodyId, Error};

/// Layout of all keys and values of the index, the ledger's too. Whoever changes one of them, or what a fold
/// makes of an entry, counts this up: an index of another layout is built anew from the journal. A foundation holds
/// pairs of the layout that it was written in: from the first release on, whoever counts this up says here how those
/// are read.
pub const LAYOUT: u8 = 17;

/// About how far apart the marks are, in bytes of the journal.
const MARK_EVERY: u64 = 64 * 1024;

/// Adds what the index has to know of a batch in the journal.
pub fn record(changes: &mut Changes, start: Mark, bodies: &[(BodyId, Place)], end: Head) {
    for (name, place) in bodies {
        changes.insert(body_key(*name), Some(canon::bytes_of(&PlaceBytes(*place))));
    }
    if end.position < start.first && !bodies.is_empty() {
        changes.insert(copies_key(start.segment), Some(Vec::new()));
    }
    let crosses = start.offset / MARK_EVERY != end.offset / MARK_EVERY;
    let opens = start.offset == format::HEADER as u64;
    if crosses || opens {
        changes.insert(mark_key(start.first), Some(mark_value(start)));
    }
    changes.insert(applied_key(), Some(canon::bytes_of(&HeadBytes(end))));
}

/// Adds what the index has to know of a batch in the archive.
pub fn record_archived(changes: &mut Changes, start: Mark, end: Head) {
    if start.offset == format::HEADER as u64 {
        changes.insert(mark_key(start.first), Some(mark_value(start)));
    }
    changes.insert(applied_key(), Some(canon::bytes_of(&HeadBytes(end))));
}

/// Takes away where a body was.
pub fn forget_body(changes: &mut Changes, name: BodyId) {
    changes.insert(body_key(name), None);
}

/// Takes away the marks in a segment; of its batches the first positions are given, and whether they have no entry.
pub fn forget_marks(
    changes: &mut Changes,
    index: &dyn Index,
    segment: u64,
    batches: &[(Position, bool)],
) -> Result<(), Error> {
    for (first, _) in batches {
        let value = index.get(&mark_key(*first))?;
        let own = value.map(|value| read_mark(*first, &value)).transpose()?;
        // A batch without entries begins at the position of the next one, which may lie in the next segment.
        if own.is_some_and(|mark| mark.segment == segment) {
            changes.insert(mark_key(*first), None);
        }
    }
    Ok(())
}

/// After the marks in a segment were taken away: it keeps the one at its first entry, and is one without copies.
pub fn keep_first_mark(changes: &mut Changes, segment: u64, batches: &[(Position, bool)]) {
    if let Some((first, _)) = batches.iter().find(|(_, is_bare)| !is_bare) {
        let start = Mark::start(segment, *first);
        changes.insert(mark_key(*first), Some(mark_value(start)));
    }
    changes.insert(copies_key(segment), None);
}

/// Whether bodies were copied into a segment.
pub fn has_copies(index: &dyn Index, segment: u64) -> Result<bool, Error> {
    Ok(index.get(&copies_key(segment))?.is_some())
}

/// Whether a pair speaks of a segment that has no bodies any more, and may be left over from before.
pub fn is_left_over(key: &[u8], value: &[u8], is_archived: impl Fn(u64) -> bool) -> bool {
    let segment = match key.first() {
        Some(b'B') => read::<PlaceBytes>(value).map(|place| place.0.segment),
        Some(b'C') => read(&key[1..]),
        Some(b'E') if !value.ends_with(&canon::bytes_of(&(format::HEADER as u64))) => {
            read_mark(Position(0), value).map(|mark| mark.segment)
        }
        Some(_) | None => return false,
    };
    segment.is_ok_and(is_archived)
}

/// Up to where the index is applied, or none if it is empty.
pub fn applied(index: &dyn Index) -> Result<Option<Head>, Error> {
    let value = index.get(&applied_key())?;
    let head: Option<HeadBytes> = value.map(|bytes| read(&bytes)).transpose()?;
    Ok(head.map(|head| head.0))
}

/// Whether two places are one: an archived segment has the same entries at other offsets.
pub fn are_same(one: Head, other: Head, is_archived: impl Fn(u64) -> bool) -> bool {
    let place = |head: Head| (head.segment, head.position, head.chain);
    one == other || (place(one) == place(other) && is_archived(one.segment))
}

/// Whether a key's values say of two indexes that they are applied up to one place.
pub fn are_applied_alike(
    key: &[u8],
    one: &[u8],
    other: &[u8],
    is_archived: impl Fn(u64) -> bool,
) -> bool {
    let (Ok(HeadBytes(one)), Ok(HeadBytes(other))) = (read(one), read(other)) else {
        return false;
    };
    key == applied_key() && are_same(one, other, is_archived)
}

/// What one of these keys is about, for people; none if it is the ledger's.
pub fn subject(key: &[u8]) -> Option<&'static str> {
    match key.first()? {
        b'A' => Some("the place up to which the index is applied"),
        b'B' => Some("the place of a body"),
        b'C' => Some("that bodies were copied into a segment"),
        b'D' => Some("the foundation that it was begun on"),
        b'E' => Some("a mark in the journal"),
        _ => None,
    }
}

/// Where a body is.
pub fn body(index: &dyn Index, name: BodyId) -> Result<Option<Place>, Error> {
    let value = index.get(&body_key(name))?;
    let place: Option<PlaceBytes> = value.map(|bytes| read(&bytes)).transpose()?;
    Ok(place.map(|place| place.0))
}

/// A place at or before the entry of a position from where to read on.
pub fn mark(index: &dyn Index, position: Position) -> Result<Mark, Error> {
    let found = index.scan(&mark_key(position), b"F", 1)?;
    let Some((key, value)) = found.first() else {
        return Ok(Mark::start(1, Position(1)));
    };
    let complement: u64 = read(&key[1..])?;
    read_mark(Position(!complement), value)
}

fn read_mark(first: Position, value: &[u8]) -> Result<Mark, Error> {
    let mut from = Take::new(value);
    let malformed = |bad: canon::Malformed| Error::Read(bad.to_string().into());
    Ok(Mark {
        first,
        segment: u64::take(&mut from).map_err(malformed)?,
        offset: u64::take(&mut from).map_err(malformed)?,
    })
}

fn mark_value(mark: Mark) -> Vec<u8> {
    let segment = canon::bytes_of(&mark.segment);
    [segment, canon::bytes_of(&mark.offset)].concat()
}

/// The key of the running hash at the end of the foundation that the index was begun on.
pub fn base_key() -> Vec<u8> {
    b"D".to_vec()
}

/// The key of the place up to which the index is applied.
pub fn applied_key() -> Vec<u8> {
    b"A".to_vec()
}

/// The key of the place of a body.
pub fn body_key(name: BodyId) -> Vec<u8> {
    [b"B".as_slice(), &body::name_body(name)].concat()
}

/// The keys of the places of entries' bodies begin so.
pub fn entry_bodies() -> Vec<u8> {
    let mut key = body_key(BodyId::Entry(Position(0)));
    key.truncate(2);
    key
}

fn copies_key(segment: u64) -> Vec<u8> {
    [b"C".as_slice(), &segment.to_be_bytes()].concat()
}

fn mark_key(first: Position) -> Vec<u8> {
    [b"E".as_slice(), &(!first.0).to_be_bytes()].concat()
}

fn read<T: Canon>(bytes: &[u8]) -> Result<T, Error> {
    canon::value_of(bytes).map_err(|bad| Error::Read(bad.to_string().into()))
}

struct HeadBytes(Head);

impl Canon for HeadBytes {
    fn put(&self, out: &mut Vec<u8>) {
        LAYOUT.put(out);
        self.0.segment.put(out);
        self.0.offset.put(out);
        self.0.position.put(out);
        out.extend_from_slice(&self.0.chain.0);
    }

    fn take(from: &mut Take<'_>) -> Result<HeadBytes, canon::Malformed> {
        if u8::take(from)? != LAYOUT {
            return Err(canon::Malformed("layout"));
        }
        let mut head = Head {
            segment: Canon::take(from)?,
            offset: Canon::take(from)?,
            position: Canon::take(from)?,
            chain: Chain::default(),
        };
        head.chain.0.copy_from_slice(from.bytes(32)?);
        Ok(HeadBytes(head))
    }
}

struct PlaceBytes(Place);

impl Canon for PlaceBytes {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.segment.put(out);
        self.0.offset.put(out);
        self.0.length.put(out);
    }

    fn take(from: &mut Take<'_>) -> Result<PlaceBytes, canon::Malformed> {
        Ok(PlaceBytes(Place {
            segment: Canon::take(from)?,
            offset: Canon::take(from)?,
            length: Canon::take(from)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::id::DocumentId;
    use crate::store::memory::Map;

    #[test]
    fn places_are_found_again() {
        let mut index = Map::default();
        let name = BodyId::Document(DocumentId(5));
        let place = Place {
            segment: 2,
            offset: 300,
            length: 40,
        };
        let head = |offset, position| Head {
            segment: 2,
            offset,
            position: Position(position),
            chain: Chain([3; 32]),
        };
        // Begins, offset after: a segment's first batch, one within 64 KiB, one across, one within.
        for (first, start, end) in [
            (1, 128, 500),
            (4, 500, 900),
            (6, 900, 70_000),
            (9, 70_000, 70_100),
        ] {
            let start = Mark {
                segment: 2,
                offset: start,
                first: Position(first),
            };
            let mut changes = Changes::new();
            record(&mut changes, start, &[(name, place)], head(end, first + 1));
            index.apply(changes);
        }
        assert_eq!(applied(&index).unwrap(), Some(head(70_100, 10)));
        assert_eq!(body(&index, name).unwrap(), Some(place));
        assert_eq!(body(&index, BodyId::Entry(Position(5))).unwrap(), None);
        for (position, first, offset) in [(1, 1, 128), (5, 1, 128), (6, 6, 900), (99, 6, 900)] {
            let expected = Mark {
                segment: 2,
                offset,
                first: Position(first),
            };
            assert_eq!(mark(&index, Position(position)).unwrap(), expected);
        }
        let empty = Map::default();
        let origin = Mark::start(1, Position(1));
        assert_eq!(mark(&empty, Position(7)).unwrap(), origin);
        assert_eq!(applied(&empty).unwrap(), None);
    }
}
