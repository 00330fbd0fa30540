//! Reads the records of a foundation one after the other, each checked, up to its end.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use crate::claims::entry::Position;
use crate::store::journal::Error;
use crate::store::journal::format::HEADER;
use crate::store::journal::foundation::{
    END, ENTRY, Foundation, HEAD, Record, SECOND, SEGMENT, STATE, crc, u32_of, u64_of,
};

/// A walk over the records of a foundation.
pub(super) struct Walk<'a> {
    foundation: &'a Foundation,
    file: BufReader<File>,
    length: u64,
    /// Where the next record begins.
    pub(super) offset: u64,
    records: u64,
    payload: Vec<u8>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(foundation: &'a Foundation) -> Result<Walk<'a>, Error> {
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
    pub(super) fn step(&mut self) -> Result<Option<Record<'_>>, Error> {
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
            (SEGMENT, _) => segment_id(&self.payload).ok_or_else(|| corrupt("an id is none"))?,
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

fn segment_id(payload: &[u8]) -> Option<Record<'_>> {
    payload.try_into().ok().map(Record::Segment)
}

fn state(payload: &[u8]) -> Option<Record<'_>> {
    let (length, rest) = payload.split_at_checked(4)?;
    let (key, value) = rest.split_at_checked(u32_of(length) as usize)?;
    Some(Record::State(key, value))
}
