//! Reads what is committed: bodies by place, entries by position, all batches again for a replay.
//!
//! Works beside the writer and never looks behind what is committed: the caller says up to where. Every
//! record is checked as it is read; damage is an error that names file and offset, never other bytes.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::claims::entry::Position;
use crate::store::journal::format::{
    self, BODY_ID, BODY_PREFIX, BadRecord, Commit, HEAD, Kind, Record,
};
use crate::store::journal::scan::{self, Batch, Batches, Stop, Tail};
use crate::store::journal::segment::Segment;
use crate::store::journal::{Error, Head, Mark, Place};
use crate::store::{Body, BodyId};

/// The segments that exist, shared by the writer and all readers.
#[derive(Clone, Default)]
pub struct Reader {
    segments: Arc<RwLock<Vec<Arc<Segment>>>>,
}

impl Reader {
    /// The body at a place.
    pub fn body(&self, place: Place) -> Result<(BodyId, Body), Error> {
        let segment = self.segment(place.segment)?;
        let mut bytes = vec![0; place.length as usize];
        let read = segment.readable()?.read_exact_at(&mut bytes, place.offset);
        read.map_err(|source| segment.failed(&source))?;
        let record = Record::read(&bytes, place.offset, &segment.header.id)
            .map_err(|bad| segment.corrupt(place.offset, reason(bad)))?;
        let named = format::body_named(record.payload)
            .filter(|_| record.kind == Kind::Body && record.payload.len() >= BODY_PREFIX)
            .ok_or_else(|| segment.corrupt(place.offset, "there is no body here"))?;
        let mut salt = [0; 16];
        salt.copy_from_slice(&record.payload[BODY_ID..BODY_PREFIX]);
        let bytes = bytes::Bytes::from(bytes).slice(HEAD + BODY_PREFIX..);
        Ok((named, Body { bytes, salt }))
    }

    /// Canonical bytes of up to `most` entries after a position, up to a committed one; `mark` is the start
    /// of a batch at or before the first of them.
    pub fn entries(
        &self,
        mark: Mark,
        after: Position,
        upto: Position,
        most: usize,
    ) -> Result<Vec<(Position, Vec<u8>)>, Error> {
        let mut found = Vec::new();
        let mut next = mark;
        while found.len() < most && next.first <= upto {
            let segment = self.segment(next.segment)?;
            if next == Mark::start(next.segment, next.first) && segment.header.first != next.first {
                return Err(segment.corrupt(0, "the segment begins at another position"));
            }
            let mut walk = Walk::new(&segment, next)?;
            while found.len() < most && walk.first <= upto {
                let positions = walk.first.0..;
                let Some(entries) = walk.batch()? else { break };
                let positioned = positions.map(Position).zip(entries);
                found.extend(positioned.filter(|(position, _)| *position > after));
            }
            next = Mark::start(next.segment + 1, walk.first);
        }
        found.truncate(most);
        Ok(found)
    }

    /// Visits every batch from a place to another, checking records, commits and the chain.
    pub fn replay<E: From<Error>>(
        &self,
        from: Head,
        to: Head,
        mut visit: impl FnMut(&Batch<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut head = from;
        for ordinal in from.segment..=to.segment {
            let segment = self.segment(ordinal)?;
            let bytes = segment.bytes()?;
            let mut batches = if ordinal == from.segment {
                Batches::from(&bytes, &segment.header, from)
            } else {
                scan::follows(&head, &segment.header).map_err(|what| segment.corrupt(0, what))?;
                Batches::new(&bytes, &segment.header)
            };
            while batches.head() != to {
                match batches.step() {
                    Ok(batch) => visit(&batch)?,
                    Err(stop) => {
                        settled(&segment, &bytes, batches.head(), stop)?;
                        break;
                    }
                }
            }
            head = batches.head();
        }
        if head != to {
            return Err(Error::Diverged.into());
        }
        Ok(())
    }

    /// A segment that exists.
    pub fn segment(&self, ordinal: u64) -> Result<Arc<Segment>, Error> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        usize::try_from(ordinal)
            .ok()
            .and_then(|ordinal| segments.get(ordinal.checked_sub(1)?).cloned())
            .ok_or(Error::NoSegment(ordinal))
    }

    /// The last segment.
    pub fn last(&self) -> Option<Arc<Segment>> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.last().cloned()
    }

    /// Forgets the segments after one: they were made and never written to.
    pub fn truncate(&self, ordinal: u64) {
        let mut segments = self
            .segments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        segments.truncate(usize::try_from(ordinal).unwrap_or(usize::MAX));
    }

    /// Adds the next segment.
    pub fn add(&self, segment: Segment) {
        let mut segments = self
            .segments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        segments.push(Arc::new(segment));
    }
}

/// A segment that is not the last must end with a whole batch.
fn settled(segment: &Segment, bytes: &[u8], head: Head, stop: Stop) -> Result<(), Error> {
    match stop {
        Stop::End => Ok(()),
        Stop::Unreadable(at, what) => {
            match scan::judge(bytes, &segment.header, head.offset as usize, at) {
                Tail::Clean => Ok(()),
                Tail::Torn(_) | Tail::Corrupt => Err(segment.corrupt(at as u64, what)),
            }
        }
        Stop::Contradiction(at, what) => Err(segment.corrupt(at as u64, what)),
        Stop::Unsupported(at, what) => Err(segment.corrupt(at as u64, what)),
    }
}

fn reason(bad: BadRecord) -> &'static str {
    match bad {
        BadRecord::Unreadable(what) | BadRecord::Unsupported(what) => what,
    }
}

/// Reads the entries of a segment batch by batch from the start of one on, skipping bodies. A batch's commit
/// must name the same entries, so that what is skipped cannot hide any.
struct Walk<'a> {
    segment: &'a Segment,
    file: BufReader<File>,
    offset: u64,
    first: Position,
}

impl<'a> Walk<'a> {
    fn new(segment: &'a Segment, mark: Mark) -> Result<Walk<'a>, Error> {
        let mut file = BufReader::with_capacity(64 * 1024, segment.readable()?);
        file.seek(SeekFrom::Start(mark.offset))
            .map_err(|source| segment.failed(&source))?;
        Ok(Walk {
            segment,
            file,
            offset: mark.offset,
            first: mark.first,
        })
    }

    /// The entries of the next batch, or none where the segment's records end.
    fn batch(&mut self) -> Result<Option<Vec<Vec<u8>>>, Error> {
        let start = self.offset;
        let mut entries = Vec::new();
        while let Some(head) = self.head()? {
            let at = self.offset;
            let length = format::claimed_length(&head);
            if head[0] == Kind::Body.code() {
                self.skip(length)?;
                continue;
            }
            let bytes = self.rest(&head, length)?;
            let record = Record::read(&bytes, at, &self.segment.header.id)
                .map_err(|bad| self.segment.corrupt(at, reason(bad)))?;
            match record.kind {
                Kind::Entry => entries.push(record.payload.to_vec()),
                Kind::Commit => {
                    self.close(start, at, entries.len(), record.payload)?;
                    return Ok(Some(entries));
                }
                // Its code was looked at above.
                Kind::Body => {}
            }
        }
        if self.offset == start {
            return Ok(None);
        }
        Err(self
            .segment
            .corrupt(self.offset, "a batch without its commit"))
    }

    /// Checks a batch against its commit and goes on behind it.
    fn close(&mut self, start: u64, at: u64, entries: usize, payload: &[u8]) -> Result<(), Error> {
        let next = Position(self.first.0 + entries as u64);
        let same = |commit: &Commit| {
            commit.start == start && commit.first == self.first && commit.last.0 + 1 == next.0
        };
        if !Commit::read(payload).as_ref().is_some_and(same) {
            return Err(self.segment.corrupt(at, "a commit of other entries"));
        }
        self.first = next;
        Ok(())
    }

    /// The head of the next record, or none where nothing is written.
    fn head(&mut self) -> Result<Option<[u8; HEAD]>, Error> {
        let mut head = [0; HEAD];
        if self.segment.header.capacity < self.offset + HEAD as u64 {
            return Ok(None);
        }
        self.fill(&mut head)?;
        Ok((head[0] != 0).then_some(head))
    }

    fn rest(&mut self, head: &[u8], length: usize) -> Result<Vec<u8>, Error> {
        self.within(length)?;
        let mut bytes = vec![0; length];
        bytes[..HEAD].copy_from_slice(head);
        self.fill(&mut bytes[HEAD..])?;
        self.offset += length as u64;
        Ok(bytes)
    }

    fn skip(&mut self, length: usize) -> Result<(), Error> {
        self.within(length)?;
        let skipped = self.file.seek_relative((length - HEAD) as i64);
        self.offset += length as u64;
        skipped.map_err(|source| self.segment.failed(&source))
    }

    fn within(&self, length: usize) -> Result<(), Error> {
        if self.segment.header.capacity < self.offset + length as u64 {
            return Err(self.segment.corrupt(self.offset, "the record is cut off"));
        }
        Ok(())
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let read = self.file.read_exact(bytes);
        read.map_err(|source| self.segment.failed(&source))
    }
}
