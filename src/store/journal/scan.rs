//! Reads a segment's bytes batch by batch, and judges what lies behind the last whole batch.
//!
//! A batch that was committed and is damaged is stepped over where what follows says which entries it had: if they
//! are all there, only bodies are lost; else there is a hole in the ledger.
//!
//! Must never give out a batch that is not exactly as it was committed, and must never call damage a torn
//! tail: only bytes that never reached the disk may be cut, since only then nothing was answered for them.
//!
//! # Torn or corrupt
//! A batch is written before it is synced, so a power cut leaves any of its sectors unwritten, in any order,
//! and unwritten sectors of a preallocated file are zero. A tail is *torn* when missing sectors explain the
//! first bad record: a sector of it is all zero, or the file is zero from somewhere inside it on. Everything
//! else is *corruption*: a bad record before a later batch (that one was only written after this one was
//! synced), a bad record whose bytes are all there, a valid record that contradicts its neighbours.
//! So any flipped bit in a committed batch, also in the last one, is told from a torn tail. What cannot be
//! told: damage in the last batch to a body that itself contains a whole sector of zeros, and a cut of
//! nothing but the very last byte, which no disk does.

use crate::claims::commitment::Chain;
use crate::claims::entry::Position;
use crate::store::BodyId;
use crate::store::journal::body;
use crate::store::journal::format::{
    self, BadRecord, CLOSING, COMMIT, Commit, HEAD, HEADER, Header, Kind, Record,
};
use crate::store::journal::{Head, Place};

/// Smallest unit that a disk writes or does not write.
const SECTOR: usize = 512;

/// One committed batch as it lies in its segment.
pub struct Batch<'a> {
    /// Position of the first entry.
    pub first: Position,
    /// Offset of its first record.
    pub start: u64,
    /// Canonical bytes of its entries, in order.
    pub entries: Vec<&'a [u8]>,
    /// Its bodies and where they are.
    pub bodies: Vec<(BodyId, Place)>,
    /// The place behind it.
    pub end: Head,
}

/// What is left of a batch that was committed and is not as it was written any more.
pub enum Remains<'a> {
    /// All its entries, which the chain proves, and the bodies that can be read.
    Entries(Batch<'a>, Damage),
    /// Neither: its entries cannot be told. The place behind it is known.
    Hole(Damage, Head),
}

/// A place where bytes are not as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Ordinal of the segment; 0 for a file that is none.
    pub segment: u64,
    /// The name of a file that is no segment.
    pub file: Option<String>,
    /// Offset in it, in bytes.
    pub offset: u64,
    /// What was found.
    pub what: &'static str,
    /// What is lost by it.
    pub lost: Lost,
}

impl Damage {
    /// Whether all that is lost lies before a position.
    pub fn is_before(&self, position: Position) -> bool {
        match &self.lost {
            Lost::Entries(_, last) => *last < position,
            Lost::Bodies(_) => true,
        }
    }
}

/// What a damage takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Entries from one position to another, and so the proof of every count that they are part of.
    Entries(Position, Position),
    /// No entry. Bodies that lay at these places; none if only a commit or unwritten bytes are damaged.
    Bodies(Vec<Place>),
}

/// Why there is no further batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The bytes end at a batch's end.
    End,
    /// From this offset on there is no readable record.
    Unreadable(usize, &'static str),
    /// A valid record contradicts those before it.
    Contradiction(usize, &'static str),
    /// A valid record is of a kind that is not known here.
    Unsupported(usize, &'static str),
}

/// What lies behind the last whole batch of the last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing.
    Clean,
    /// A batch that never was committed, up to this offset.
    Torn(usize),
    /// Damage.
    Corrupt,
}

/// Walks over the batches of one segment.
pub struct Batches<'a> {
    bytes: &'a [u8],
    header: &'a Header,
    head: Head,
}

impl<'a> Batches<'a> {
    /// From the first batch.
    pub fn new(bytes: &'a [u8], header: &'a Header) -> Batches<'a> {
        Batches::from(bytes, header, start_of(header))
    }

    /// From a place behind a batch.
    pub fn from(bytes: &'a [u8], header: &'a Header, head: Head) -> Batches<'a> {
        Batches {
            bytes,
            header,
            head,
        }
    }

    /// The place behind the last batch given out.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The next batch.
    pub fn step(&mut self) -> Result<Batch<'a>, Stop> {
        let start = self.head.offset;
        let mut batch = Batch {
            first: Position(self.head.position.0 + 1),
            start,
            entries: Vec::new(),
            bodies: Vec::new(),
            end: self.head,
        };
        loop {
            let (record, at) = self.record(batch.end.offset)?;
            batch.end.offset += record.length() as u64;
            match record.kind {
                Kind::Entry => {
                    batch.end.position.0 += 1;
                    batch.end.chain = batch.end.chain.after(record.payload);
                    batch.entries.push(record.payload);
                }
                Kind::Body => batch.bodies.push(self.body(&record, at)?),
                Kind::Commit => {
                    agrees(&record, &batch).map_err(|what| Stop::Contradiction(at, what))?;
                    self.head = batch.end;
                    return Ok(batch);
                }
            }
        }
    }

    /// Steps over a batch that was committed and in which nothing can be read at `bad`; none if nothing after it
    /// says where it ends.
    pub fn step_over(&mut self, bad: usize, what: &'static str) -> Option<Remains<'a>> {
        let start = self.head.offset;
        let (at, commit) = find_commit(self.bytes, self.header, bad)?;
        let first = Position(self.head.position.0 + 1);
        let own = commit.start == start;
        // A batch may have bodies alone: then its last position is before its first.
        if commit.start < start || commit.last.0 + 1 < first.0 || (own && commit.first != first) {
            return None;
        }
        let limit = if own {
            at
        } else {
            usize::try_from(commit.start).ok()?
        };
        let (mut batch, places) = self.remains(limit);
        let after = Head {
            segment: start_of(self.header).segment,
            offset: (at + COMMIT) as u64,
            position: commit.last,
            chain: commit.chain,
        };
        // Its own commit says which entries it had; or the next batch, whose running hash begins behind them.
        let proven = if own {
            batch.end = Head {
                offset: after.offset,
                ..batch.end
            };
            batch.end == after
        } else {
            batch.end.offset = commit.start;
            let mut next = Batches::from(self.bytes, self.header, batch.end);
            next.step().is_ok()
        };
        let damage = |lost| Damage {
            segment: after.segment,
            file: None,
            offset: bad as u64,
            what,
            lost,
        };
        if proven {
            self.head = batch.end;
            return Some(Remains::Entries(batch, damage(Lost::Bodies(places))));
        }
        self.head = after;
        let hole = damage(Lost::Entries(first, commit.last));
        Some(Remains::Hole(hole, after))
    }

    /// What can be read from the head to an offset, and the places where nothing can.
    fn remains(&self, limit: usize) -> (Batch<'a>, Vec<Place>) {
        let mut batch = Batch {
            first: Position(self.head.position.0 + 1),
            start: self.head.offset,
            entries: Vec::new(),
            bodies: Vec::new(),
            end: self.head,
        };
        let mut places = Vec::new();
        let mut at = usize::try_from(self.head.offset).unwrap_or(limit);
        while at < limit {
            let record = Record::read(&self.bytes[at..limit], at as u64, &self.header.id);
            let Ok(record) = record else {
                let next = self.next_record(at + 1, limit);
                places.push(Place {
                    segment: self.header.ordinal,
                    offset: at as u64,
                    length: u32::try_from(next - at).unwrap_or(u32::MAX),
                });
                at = next;
                continue;
            };
            match record.kind {
                Kind::Entry => {
                    // Behind a place that cannot be read it follows no entry that is known: the chain will say so.
                    batch.end.position.0 += 1;
                    batch.end.chain = batch.end.chain.after(record.payload);
                    batch.entries.push(record.payload);
                }
                Kind::Body => batch.bodies.extend(self.body(&record, at).ok()),
                Kind::Commit => {}
            }
            at += record.length();
        }
        (batch, places)
    }

    /// Where the next valid record begins, or the limit.
    fn next_record(&self, from: usize, limit: usize) -> usize {
        let begins = |at: &usize| {
            let bytes = &self.bytes[*at..limit];
            Kind::of(bytes[0]).is_some() && Record::read(bytes, *at as u64, &self.header.id).is_ok()
        };
        (from..limit).find(begins).unwrap_or(limit)
    }

    fn record(&self, offset: u64) -> Result<(Record<'a>, usize), Stop> {
        let at = usize::try_from(offset).map_err(|_| Stop::End)?;
        let rest = match self.bytes.get(at..) {
            Some([]) | None if offset == self.head.offset => return Err(Stop::End),
            Some(rest) => rest,
            None => return Err(Stop::Unreadable(at, "the record is cut off")),
        };
        match Record::read(rest, offset, &self.header.id) {
            Ok(record) => Ok((record, at)),
            Err(BadRecord::Unreadable(what)) => Err(Stop::Unreadable(at, what)),
            Err(BadRecord::Unsupported(what)) => Err(Stop::Unsupported(at, what)),
        }
    }

    fn body(&self, record: &Record<'_>, at: usize) -> Result<(BodyId, Place), Stop> {
        let name = body::named(record).ok_or(Stop::Contradiction(at, "a body without a name"))?;
        let length = u32::try_from(record.length())
            .map_err(|_| Stop::Contradiction(at, "a body is too long"))?;
        let place = Place {
            segment: self.header.ordinal,
            offset: at as u64,
            length,
        };
        Ok((name, place))
    }
}

/// The place before a segment's first batch.
pub fn start_of(header: &Header) -> Head {
    Head {
        segment: header.ordinal,
        offset: HEADER as u64,
        // The header's position is that of the next entry.
        position: Position(header.first.0.saturating_sub(1)),
        chain: header.chain,
    }
}

fn agrees(record: &Record<'_>, batch: &Batch<'_>) -> Result<(), &'static str> {
    let commit = Commit::read(record.payload).ok_or("a commit of another form")?;
    if commit.start != batch.start {
        return Err("a commit of another batch");
    }
    if commit.first != batch.first || commit.last != batch.end.position {
        return Err("a commit of other positions");
    }
    if commit.chain != batch.end.chain {
        return Err("the running hash differs");
    }
    Ok(())
}

/// Judges the bytes from `end` on, the end of the last whole batch, where no record could be read at `bad`.
pub fn judge(bytes: &[u8], header: &Header, end: usize, bad: usize) -> Tail {
    let written = written(bytes);
    if written <= end {
        return Tail::Clean;
    }
    let commit = find_commit(bytes, header, bad);
    if let Some((at, commit)) = commit
        && (commit.start != end as u64 || at + COMMIT < written)
    {
        return Tail::Corrupt;
    }
    let limit = commit.map_or(written, |(at, _)| at);
    let claimed = bytes
        .get(bad..)
        .map_or(HEAD, format::claimed_length)
        .saturating_add(bad);
    if bad >= written || hole(bytes, end, bad, claimed.min(limit)) {
        return Tail::Torn(written);
    }
    if commit.is_some() || claimed <= written || closed(bytes, claimed) {
        return Tail::Corrupt;
    }
    Tail::Torn(written)
}

/// Offset behind the last byte that is not zero. Whole sectors are compared: most of a segment is empty.
fn written(bytes: &[u8]) -> usize {
    let mut end = bytes.len();
    for chunk in bytes.rchunks(SECTOR) {
        if chunk != &[0; SECTOR][..chunk.len()] {
            break;
        }
        end -= chunk.len();
    }
    let last = bytes[..end].iter().rposition(|byte| *byte != 0);
    last.map_or(0, |last| last + 1)
}

/// The first valid commit record from `from` on. Nobody can forge one: its checksum needs the segment's id.
fn find_commit(bytes: &[u8], header: &Header, from: usize) -> Option<(usize, Commit)> {
    let head = format::commit_head();
    let mut at = from;
    loop {
        let rest = bytes.get(at..)?;
        at += rest.iter().position(|byte| *byte == head[0])?;
        let rest = &bytes[at..];
        if rest.starts_with(&head)
            && let Ok(record) = Record::read(rest, at as u64, &header.id)
            && let Some(commit) = Commit::read(record.payload)
        {
            return Some((at, commit));
        }
        at += 1;
    }
}

/// Whether a sector that touches `from..to` and belongs to the tail that begins at `end` is all zero.
fn hole(bytes: &[u8], end: usize, from: usize, to: usize) -> bool {
    let sectors = from / SECTOR..to.min(bytes.len()).div_ceil(SECTOR);
    sectors.into_iter().any(|sector| {
        let first = (sector * SECTOR).max(end);
        let after = ((sector + 1) * SECTOR).min(bytes.len());
        first < after && written(&bytes[first..after]) == 0
    })
}

/// Whether the closing mark stands before `after`, but for one byte.
fn closed(bytes: &[u8], after: usize) -> bool {
    let Some(mark) = after
        .checked_sub(CLOSING.len())
        .and_then(|at| bytes.get(at..after))
    else {
        return false;
    };
    let same = mark.iter().zip(CLOSING).filter(|(a, b)| **a == *b);
    same.count() + 1 >= CLOSING.len()
}

/// The running hash that a segment begins with must be the one that the segment before ended with.
pub fn follows(head: &Head, next: &Header) -> Result<(), &'static str> {
    let chain: Chain = next.chain;
    if next.first.0 != head.position.0 + 1 {
        return Err("the segment begins at another position than the one before it ended");
    }
    if chain != head.chain {
        return Err("the segment begins with another running hash than the one before it ended");
    }
    Ok(())
}
