//! The embedded store's own keys in its index: ways from the index into the journal.
//!
//! | letter | key | value |
//! |---|---|---|
//! | `A` | – | layout of the index, and the place in the journal up to which it is applied |
//! | `B` | body | its place in the journal |
//! | `E` | complement of a position | where the batch begins whose first entry that is |
//! | `S` | ordinal | a sorted file that counts ([`crate::store::embedded::tree`]) |
//! | `T` | key | – (keys that are gone although a sorted file has them) |
//!
//! Not every batch has an `E`, only one about every 64 KiB: an entry is found by reading on from there.
//! The complement makes the last batch before a position the first key from there on.

use crate::claims::canon::{self, Canon, Take};
use crate::claims::entry::Position;
use crate::store::index::{Changes, Index};
use crate::store::journal::format::{self, Chain};
use crate::store::journal::{Head, Mark, Place};
use crate::store::{BodyId, Error};

/// Layout of all keys and values of the index, the ledger's too. Whoever changes one of them, or what a fold
/// makes of an entry, counts this up: an index of another layout is built anew from the journal.
const LAYOUT: u8 = 3;

/// About how far apart the marks are, in bytes of the journal.
const MARK_EVERY: u64 = 64 * 1024;

/// Adds what the index has to know of a batch in the journal.
pub fn record(changes: &mut Changes, start: Mark, bodies: &[(BodyId, Place)], end: Head) {
    for (name, place) in bodies {
        changes.insert(body_key(*name), Some(canon::bytes_of(&PlaceBytes(*place))));
    }
    let crosses = start.offset / MARK_EVERY != end.offset / MARK_EVERY;
    let opens = start.offset == format::HEADER as u64;
    if crosses || opens {
        let value = canon::bytes_of(&start.segment);
        let value = [value, canon::bytes_of(&start.offset)].concat();
        changes.insert(mark_key(start.first), Some(value));
    }
    changes.insert(applied_key(), Some(canon::bytes_of(&HeadBytes(end))));
}

/// Up to where the index is applied, or none if it is empty.
pub fn applied(index: &dyn Index) -> Result<Option<Head>, Error> {
    let value = index.get(&applied_key())?;
    let head: Option<HeadBytes> = value.map(|bytes| read(&bytes)).transpose()?;
    Ok(head.map(|head| head.0))
}

/// What one of these keys is about, for people; none if it is the ledger's.
pub fn subject(key: &[u8]) -> Option<&'static str> {
    match key.first()? {
        b'A' => Some("the place up to which the index is applied"),
        b'B' => Some("the place of a body"),
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
    let mut from = Take::new(value);
    let malformed = |bad: canon::Malformed| Error::Read(bad.to_string().into());
    Ok(Mark {
        first: Position(!complement),
        segment: u64::take(&mut from).map_err(malformed)?,
        offset: u64::take(&mut from).map_err(malformed)?,
    })
}

/// The range of the marks of a position and all before it.
pub fn marks_upto(position: Position) -> (Vec<u8>, Vec<u8>) {
    (mark_key(position), b"F".to_vec())
}

/// The key of the place up to which the index is applied.
pub fn applied_key() -> Vec<u8> {
    b"A".to_vec()
}

/// The key of a body.
pub fn body_key(name: BodyId) -> Vec<u8> {
    [b"B".as_slice(), &format::name_body(name)].concat()
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
