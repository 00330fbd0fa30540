//! Reads what is committed: bodies by place, entries by position, all batches again for a replay.
//!
//! Works beside the writer and never looks behind what is committed: the caller says up to where. Every
//! record is checked as it is read; damage is an error that names file and offset, never other bytes.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::claims::entry::Position;
use crate::store::journal::body::{self, Unread};
use crate::store::journal::format::{self, BadRecord, Commit, HEAD, Kind, Record};
use crate::store::journal::foundation::Foundation;
use crate::store::journal::keys::{Held, Keys};
use crate::store::journal::pack::Packer;
use crate::store::journal::scan::{self, Batch, Batches, Damage, Lost, Remains, Stop, Tail};
use crate::store::journal::segment::{Form, Segment};
use crate::store::journal::{Error, Head, KeyFault, Mark, Place};
use crate::store::{Body, BodyId};

/// The segments that exist, shared by the writer and all readers.
#[derive(Clone)]
pub struct Reader {
    segments: Arc<RwLock<Vec<Opened>>>,
    foundation: Option<Arc<Foundation>>,
    keys: Option<Arc<Keys>>,
    packer: Arc<Packer>,
}

/// A segment, or why it cannot be read.
type Opened = Result<Arc<Segment>, Error>;

/// A piece of the journal.
pub enum Piece<'a> {
    /// A batch as it was committed.
    Whole(&'a Batch<'a>),
    /// A batch of which bodies cannot be read; its entries are proven.
    Patched(&'a Batch<'a>, &'a Damage),
    /// Entries that cannot be read.
    Hole(&'a Damage),
}

impl Reader {
    /// Reads no segment yet; opens bodies with these keys.
    pub fn new(keys: Option<Arc<Keys>>, packer: Arc<Packer>) -> Reader {
        Reader {
            segments: Arc::default(),
            foundation: None,
            keys,
            packer,
        }
    }

    /// The same on a foundation.
    pub fn on(self, foundation: Option<Foundation>) -> Reader {
        Reader {
            foundation: foundation.map(Arc::new),
            ..self
        }
    }

    /// What stands for the oldest segments.
    pub fn foundation(&self) -> Option<&Arc<Foundation>> {
        self.foundation.as_ref()
    }

    /// The place where the ledger begins: behind the foundation, if there is one.
    pub fn begin(&self) -> Head {
        let foundation = self.foundation.as_ref();
        foundation.map_or(Head::origin(), |foundation| foundation.end())
    }

    /// Canonical bytes of up to `most` entries after a position that a foundation keeps.
    pub fn kept(&self, after: Position, most: usize) -> Result<Vec<(Position, Vec<u8>)>, Error> {
        match &self.foundation {
            Some(foundation) if after < foundation.header.position => {
                foundation.entries(after, most)
            }
            Some(_) | None => Ok(Vec::new()),
        }
    }

    /// Forgets the key of a segment that lost its bodies: none of them is read again, from no copy.
    pub fn forget_key(&self, ordinal: u64) -> Result<(), Error> {
        let segment = self.segment(ordinal)?;
        let keys = self.keys.as_ref();
        keys.map_or(Ok(()), |keys| keys.forget(segment.header.id))
    }

    /// The body at a place.
    ///
    /// # Errors
    /// [`Error::Archived`] when the bodies of its segment are gone, [`Error::Purged`] when its key was forgotten,
    /// [`Error::Key`] when no key is at hand; damage.
    pub fn body(&self, place: Place) -> Result<(BodyId, Body), Error> {
        let (segment, file) = self.opened(place.segment, Segment::readable)?;
        if segment.form == Form::Archived {
            return Err(Error::Archived(place.segment));
        }
        let mut bytes = vec![0; place.length as usize];
        let read = file.read_exact_at(&mut bytes, place.offset);
        read.map_err(|source| segment.failed(&source))?;
        let held = match &self.keys {
            Some(keys) => keys.of(&segment.header.id),
            None => Held::Unknown,
        };
        let (key, without) = match held {
            Held::Kept(key) => (Some(key), Error::Key(KeyFault::NoMaster)),
            Held::Forgotten => (None, Error::Purged(place.segment)),
            Held::Unknown => (None, Error::Key(KeyFault::NoMaster)),
        };
        let opened = body::read(
            bytes,
            place.offset,
            &segment.header,
            key.as_deref(),
            &self.packer,
        );
        opened.map_err(|unread| match unread {
            Unread::Damaged(what) => segment.corrupt(place.offset, what),
            Unread::Sealed => without,
        })
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
            let (segment, file) = self.opened(next.segment, Segment::readable)?;
            if next == Mark::start(next.segment, next.first) && segment.header.first != next.first {
                return Err(segment.corrupt(0, "the segment begins at another position"));
            }
            if segment.form == Form::Archived {
                // The mark is of the time when it had bodies.
                next = segment.mark(Position(after.0 + 1));
            }
            let mut walk = Walk::new(&segment, file, next)?;
            while found.len() < most && walk.first <= upto {
                let positions = walk.first.0..;
                let (start, first) = (walk.offset, walk.first);
                let read = match walk.batch() {
                    Err(Error::Corrupt { .. }) => walk.again(start, first)?,
                    read => read?,
                };
                let Some(entries) = read else { break };
                let positioned = positions.map(Position).zip(entries);
                found.extend(positioned.filter(|(position, _)| *position > after));
            }
            next = Mark::start(next.segment + 1, walk.first);
        }
        found.truncate(most);
        Ok(found)
    }

    /// Visits every batch from a place to another, checking records, commits and the chain. Bodies that cannot
    /// be read are passed over; entries that cannot be read are an error.
    pub fn replay<E: From<Error>>(
        &self,
        from: Head,
        to: Head,
        mut visit: impl FnMut(&Batch<'_>, &[Place]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.pieces(from, to, |piece| match piece {
            Piece::Whole(batch) => visit(batch, &[]),
            Piece::Patched(batch, damage) => match &damage.lost {
                Lost::Bodies(places) => visit(batch, places),
                Lost::Entries(..) => Err(self.damaged(damage).into()),
            },
            Piece::Hole(damage) => Err(self.damaged(damage).into()),
        })
    }

    /// Visits everything from a place to another, also where it is damaged.
    pub fn pieces<E: From<Error>>(
        &self,
        from: Head,
        to: Head,
        mut visit: impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut head = from;
        for ordinal in from.segment..=to.segment {
            // One that cannot be read is a hole up to the next one that can.
            let (segment, bytes) = match self.opened(ordinal, Segment::remains) {
                Ok(opened) => opened,
                Err(Error::Io { file, source }) => return Err(Error::Io { file, source }.into()),
                Err(_) if ordinal < to.segment => continue,
                Err(error) => return Err(error.into()),
            };
            if ordinal != from.segment {
                if let Some(hole) = gap(&head, &segment)? {
                    visit(Piece::Hole(&hole))?;
                }
                head = scan::start_of(&segment.header);
            } else if segment.form == Form::Archived {
                head = find(&segment, &bytes, head)?.ok_or(Error::Diverged)?;
            }
            let mut batches = Batches::from(&bytes, &segment.header, head);
            while batches.head() != to {
                match batches.step() {
                    Ok(batch) => visit(Piece::Whole(&batch))?,
                    Err(stop) => match past(&segment, &bytes, &mut batches, stop)? {
                        Some(Remains::Entries(batch, damage)) => {
                            visit(Piece::Patched(&batch, &damage))?
                        }
                        Some(Remains::Hole(damage, _)) => visit(Piece::Hole(&damage))?,
                        None => break,
                    },
                }
            }
            head = batches.head();
        }
        if head != to {
            return Err(Error::Diverged.into());
        }
        Ok(())
    }

    /// Whether a place is one behind a batch of this journal.
    pub fn has(&self, place: Head) -> Result<bool, Error> {
        let (segment, bytes) = match self.opened(place.segment, Segment::remains) {
            Ok(opened) => opened,
            Err(Error::NoSegment(_) | Error::Founded(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        if segment.form == Form::Archived {
            return Ok(find(&segment, &bytes, place)?.is_some());
        }
        let mut batches = Batches::new(&bytes, &segment.header);
        while batches.head() != place {
            match batches.step() {
                Ok(_) => {}
                Err(stop) => {
                    if past(&segment, &bytes, &mut batches, stop)?.is_none() {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// Visits every batch of a segment that another one follows, checking records, commits and the chain.
    ///
    /// # Errors
    /// Any damage: what is damaged is not to be moved.
    pub fn batches<E: From<Error>>(
        &self,
        ordinal: u64,
        mut visit: impl FnMut(&Batch<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (segment, bytes) = self.opened(ordinal, Segment::bytes)?;
        let mut batches = Batches::new(&bytes, &segment.header);
        loop {
            match batches.step() {
                Ok(batch) => visit(&batch)?,
                Err(stop) => match past(&segment, &bytes, &mut batches, stop)? {
                    None => break,
                    Some(Remains::Entries(_, damage) | Remains::Hole(damage, _)) => {
                        return Err(segment.corrupt(damage.offset, damage.what).into());
                    }
                },
            }
        }
        let next = self.segment(ordinal + 1)?;
        scan::follows(&batches.head(), &next.header)
            .map_err(|what| segment.corrupt(batches.head().offset, what))?;
        Ok(())
    }

    /// Whether the bodies of a segment are gone, or all of it, because a foundation stands for it.
    pub fn is_archived(&self, ordinal: u64) -> bool {
        match self.segment(ordinal) {
            Ok(segment) => segment.form == Form::Archived,
            Err(Error::Founded(_)) => true,
            Err(_) => false,
        }
    }

    /// How many segments there are.
    pub fn count(&self) -> u64 {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.len() as u64
    }

    /// Puts the archive of a segment in its place. Who reads the segment reads it to the end.
    pub fn archive(&self, archived: Segment) {
        let mut segments = self
            .segments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let at = usize::try_from(archived.header.ordinal).unwrap_or(usize::MAX);
        if let Some(place) = at.checked_sub(1).and_then(|at| segments.get_mut(at)) {
            *place = Ok(Arc::new(archived));
        }
    }

    /// A segment and what is read of its file. Its file may be removed just then, because its archive took its place:
    /// then that is read.
    fn opened<T>(
        &self,
        ordinal: u64,
        read: impl Fn(&Segment) -> Result<T, Error>,
    ) -> Result<(Arc<Segment>, T), Error> {
        let segment = self.segment(ordinal)?;
        match read(&segment) {
            Ok(read) => Ok((segment, read)),
            Err(error) => {
                let now = self.segment(ordinal)?;
                if Arc::ptr_eq(&now, &segment) {
                    return Err(error);
                }
                let read = read(&now)?;
                Ok((now, read))
            }
        }
    }

    /// The error of a damage.
    pub fn damaged(&self, damage: &Damage) -> Error {
        match self.segment(damage.segment) {
            Ok(segment) => segment.corrupt(damage.offset, damage.what),
            Err(error) => error,
        }
    }

    /// A segment that exists.
    pub fn segment(&self, ordinal: u64) -> Result<Arc<Segment>, Error> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        usize::try_from(ordinal)
            .ok()
            .and_then(|ordinal| segments.get(ordinal.checked_sub(1)?).cloned())
            .unwrap_or(Err(Error::NoSegment(ordinal)))
    }

    /// The last segment.
    pub fn last(&self) -> Option<Arc<Segment>> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.last().and_then(|last| last.clone().ok())
    }

    /// Forgets the segments after one: they were made and never written to.
    pub fn truncate(&self, ordinal: u64) {
        let mut segments = self
            .segments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        segments.truncate(usize::try_from(ordinal).unwrap_or(usize::MAX));
    }

    /// Adds the next segment, or why it cannot be read.
    pub fn add(&self, segment: Result<Segment, Error>) {
        let mut segments = self
            .segments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        segments.push(segment.map(Arc::new));
    }
}

/// The place in an archived segment behind the entry of a place that the segment had before.
fn find(segment: &Segment, bytes: &[u8], place: Head) -> Result<Option<Head>, Error> {
    let mut batches = Batches::new(bytes, &segment.header);
    loop {
        let head = batches.head();
        if (head.position, head.chain) == (place.position, place.chain) {
            return Ok(Some(head));
        }
        if let Err(stop) = batches.step()
            && past(segment, bytes, &mut batches, stop)?.is_none()
        {
            return Ok(None);
        }
    }
}

/// Goes on behind what cannot be read, if anything follows it in this segment.
fn past<'a>(
    segment: &Segment,
    bytes: &[u8],
    batches: &mut Batches<'a>,
    stop: Stop,
) -> Result<Option<Remains<'a>>, Error> {
    match stop {
        Stop::End => Ok(None),
        Stop::Unreadable(at, what) => {
            let end = batches.head().offset as usize;
            match scan::judge(bytes, &segment.header, end, at) {
                Tail::Clean => Ok(None),
                // Whether it was a whole batch, the next segment says.
                Tail::Torn(_) | Tail::Corrupt => Ok(batches.step_over(at, what)),
            }
        }
        Stop::Contradiction(at, what) | Stop::Unsupported(at, what) => {
            Err(segment.corrupt(at as u64, what))
        }
    }
}

/// The entries between a place and the segment that follows it, if there are any.
fn gap(head: &Head, next: &Segment) -> Result<Option<Damage>, Error> {
    let Err(what) = scan::follows(head, &next.header) else {
        return Ok(None);
    };
    if next.header.first.0 <= head.position.0 + 1 {
        return Err(next.corrupt(0, what));
    }
    let last = Position(next.header.first.0 - 1);
    Ok(Some(Damage {
        segment: head.segment,
        file: None,
        offset: head.offset,
        what: "what followed here is missing",
        lost: Lost::Entries(Position(head.position.0 + 1), last),
    }))
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
    fn new(segment: &'a Segment, file: File, mark: Mark) -> Result<Walk<'a>, Error> {
        let mut file = BufReader::with_capacity(64 * 1024, file);
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

    /// The entries of a batch in which something cannot be read: proven by the chain, or not given out.
    fn again(&mut self, start: u64, first: Position) -> Result<Option<Vec<Vec<u8>>>, Error> {
        let bytes = self.segment.remains()?;
        let mut batches = Batches::new(&bytes, &self.segment.header);
        loop {
            let before = batches.head();
            let batch = match batches.step() {
                Ok(batch) => batch,
                Err(stop) => match past(self.segment, &bytes, &mut batches, stop)? {
                    Some(Remains::Entries(batch, _)) => batch,
                    Some(Remains::Hole(damage, _)) if damage.is_before(first) => continue,
                    Some(Remains::Hole(damage, _)) => {
                        return Err(self.segment.corrupt(damage.offset, damage.what));
                    }
                    None => return Err(self.segment.corrupt(start, "no batch begins here")),
                },
            };
            if (before.offset, batch.first) == (start, first) {
                self.first = Position(batch.end.position.0 + 1);
                self.offset = batch.end.offset;
                let place = SeekFrom::Start(self.offset);
                let moved = self.file.seek(place);
                moved.map_err(|source| self.segment.failed(&source))?;
                let entries = batch.entries.iter().map(|entry| entry.to_vec());
                return Ok(Some(entries.collect()));
            }
        }
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
