//! The journal: entries and bodies in append-only segment files. It is the truth; all else is derived.
//!
//! One writer, which holds the directory's lock. A batch is one write and one `fdatasync`; when
//! [`Journal::append`] returns `Ok` it is on stable storage. It never writes over a committed byte, never
//! repeats a failed write or sync (the pages may be lost although a later sync succeeds: the journal stops until
//! [`Journal::reopen`] has cut off what was not acknowledged), and never gives out bytes that it has not checked.
//! The form of the files is described in `format`, that of bodies in `body`, that of their keys in `keys`.
//! A start never seals bodies under a key that it found: the next batch begins a new segment with a new key, and
//! what the last one did not fill is given back to the disk.
//!
//! A small batch that comes to sectors nobody wrote to takes zeros along for those behind it, half a MiB at most. Written
//! over, a sector is synced without its file system noting that it is written now: a third less for each sync, or better.
//!
//! # What a crash leaves behind
//! | crash | found at the next start |
//! |---|---|
//! | while a segment is made | a file `*.new`: removed |
//! | after it got its name, before it got its key or its first batch | an empty last segment: used, with a new key |
//! | while the key file is replaced | the old one or the new one, and perhaps `keys.new`: removed |
//! | while a batch is written or synced | a torn tail: cut, reported; or the whole batch: kept |
//! | after the sync, before the answer | the whole batch; the caller repeats and finds it |
//! | while a torn tail is cut | the rest of the torn tail: cut |
//! | while an archive is written | a file `*.new` in the archive: removed |
//! | while a segment is evacuated | segment and archive: the ledger says which counts |
//! | while a foundation is written | a file `*.new` in the archive: removed |
//! | after a foundation got its name | the archives that it stands for: removed |
//!
//! # Damage
//! Anything else that is found is damage. It is named by file and byte, counted, and never repaired or removed:
//! whoever puts back a copy of the file has healed it. Where what follows says which entries a batch had, it is
//! stepped over: if only bodies are unreadable, nothing of the ledger is lost; entries that are unreadable are a
//! hole, behind which the chain goes on and the ledger can no longer be followed from its beginning. Where nothing
//! says what was acknowledged (the header or the end of the last segment), the journal does not open.

mod error;
pub mod format;
pub mod body;
pub mod pack;
pub mod master;
pub mod keys;
mod place;
mod batch;
pub mod scan;
pub mod segment;
pub mod archive;
pub mod foundation;
pub mod reader;
mod recover;
pub mod still;

pub use batch::{Batch, Laid, Tried, Written};
pub use error::{Error, KeyFault};
pub use place::{Head, Mark, Place};

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::claims::entry::Position;
use crate::claims::time::Timestamp;
use crate::store::Observer;
use crate::store::journal::body::Seal;
use crate::store::journal::format::{Bodies, Commit, HEADER, Header, Manner, SegmentId, VERSION};
use crate::store::journal::keys::{Keys, Shared};
use crate::store::journal::master::Master;
use crate::store::journal::pack::{Compression, Packer};
use crate::store::journal::reader::Reader;
use crate::store::journal::recover::{add_all, cut, find_end};
use crate::store::journal::segment::Segment;

/// Gives the random ids and keys of segments; they must be unpredictable (16 bytes of the system's randomness).
pub type Entropy = Box<dyn FnMut() -> [u8; 16] + Send>;

const DIRECTORY: &str = "journal";

/// So far ahead of small batches zeros are written, in bytes. Where a batch is a quarter of it, they cost what they gain.
const AHEAD: u64 = 512 * 1024;

/// How a journal is opened.
pub struct Opening<'a> {
    /// Directory of the store; the journal is `journal` in it, the key file `keys`.
    pub directory: &'a Path,
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// What becomes of new bodies.
    pub bodies: Bodies,
    /// Master keys at hand: the present one, then the next one while it is changed.
    pub masters: &'a [Master],
    /// Whether bodies are compressed.
    pub compression: Compression,
    /// Now.
    pub at: Timestamp,
}

/// The one writer.
pub struct Journal {
    directory: PathBuf,
    segment_bytes: u64,
    /// How new bodies lie.
    manner: Manner,
    entropy: Shared,
    keys: Option<Arc<Keys>>,
    packer: Arc<Packer>,
    reader: Reader,
    segment: Arc<Segment>,
    file: Arc<File>,
    head: Head,
    /// Up to here the present segment was written to since it was opened, zeros too.
    zeroed: u64,
    /// Seals what goes into the present segment; none before the first batch of a start, and where nothing is sealed.
    seal: Option<Seal>,
    buffer: Vec<u8>,
    /// How many bytes were to be written last: where that failed, so many are not to be trusted.
    reach: usize,
    course: Course,
    reserved: bool,
    unfinished: Unfinished,
    // Released last.
    _lock: File,
}

/// Whether the next batch can be laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// It can.
    Open,
    /// Not before the last one is written.
    Writing,
    /// Not before the journal is opened anew.
    Stopped,
}

/// What a start finds of evacuations that did not come to their end.
#[derive(Default)]
pub struct Unfinished {
    /// Archives whose segments are still there.
    pub archives: Vec<Segment>,
    /// Ordinals of archived segments whose keys could not be forgotten.
    pub keys: Vec<u64>,
}

impl Journal {
    /// Opens the journal of a directory, or begins one: takes the lock, checks every header, the keys and the
    /// whole last segment, and cuts a torn tail.
    pub fn open(
        opening: &Opening<'_>,
        entropy: Entropy,
        observer: &dyn Observer,
    ) -> Result<Journal, Error> {
        let directory = opening.directory.join(DIRECTORY);
        let lock = segment::lock(&directory)?;
        segment::remove_unfinished(&directory)?;
        archive::remove_unfinished(&archive::beside(&directory))?;
        Keys::remove_unfinished(opening.directory)?;
        let entropy: Shared = Arc::new(Mutex::new(entropy));
        let mut listed = segment::list_all(&directory)?;
        if let Some(foundation) = &listed.foundation {
            foundation::clear_before(&archive::beside(&directory), foundation)?;
        }
        let archives = std::mem::take(&mut listed.unfinished);
        let keys = recover::keys(opening, &listed, &entropy)?;
        let unforgotten = keys
            .as_ref()
            .map(|keys| recover::forget_archived(keys, &listed));
        let unfinished = Unfinished {
            archives,
            keys: unforgotten.unwrap_or_default(),
        };
        let packer = Arc::new(Packer::new(opening.compression));
        let manner = Manner {
            bodies: opening.bodies,
            dictionary: packer.dictionary(),
        };
        let foundation = listed.foundation.take();
        let reader = Reader::new(keys.clone(), packer.clone()).on(foundation);
        let mut damaged = add_all(&reader, listed);
        if reader.last().is_none() {
            let capacity = opening.segment_bytes;
            let header = begin(&Head::origin(), 1, capacity, manner, draw(&entropy));
            reader.add(Ok(Segment::create(&directory, &header)?.0));
        }
        let segment = reader.last().ok_or(Error::NoSegment(1))?;
        let file = Arc::new(segment.writable()?);
        let ended = find_end(&segment)?;
        cut(&segment, &file, &ended, observer)?;
        let head = ended.head;
        damaged.extend(ended.damaged);
        for damage in &damaged {
            observer.damaged(damage);
        }
        Ok(Journal {
            directory,
            segment_bytes: opening.segment_bytes,
            manner,
            entropy,
            keys,
            packer,
            reader,
            segment,
            file,
            head,
            zeroed: 0,
            seal: None,
            buffer: Vec::new(),
            reach: 0,
            course: Course::Open,
            reserved: false,
            unfinished,
            _lock: lock,
        })
    }

    /// Whether the master keys at hand fit the key file of a directory; looks without the lock and changes nothing.
    ///
    /// # Errors
    /// [`Error::Key`].
    pub fn check_keys(directory: &Path, masters: &[Master]) -> Result<(), Error> {
        // Nothing is drawn: nothing is sealed.
        let entropy: Shared = Arc::new(Mutex::new(Box::new(|| [0; 16])));
        Keys::open(directory, masters, entropy).map(|_| ())
    }

    /// Makes a batch durable. After any error nothing more is written: the fate of the batch is unknown until
    /// the journal is opened anew.
    pub fn append(&mut self, batch: &Batch) -> Result<Written, Error> {
        let laid = self.lay_out(batch)?;
        self.end(laid.write())
    }

    /// Lays a batch out behind the last one, to be written by whoever has the time: what is given out is to be written,
    /// and to come back to [`end`](Journal::end), before the next one is laid out. After any error nothing more is
    /// written until the journal is opened anew.
    pub fn lay_out(&mut self, batch: &Batch) -> Result<Laid, Error> {
        if self.course != Course::Open {
            return Err(Error::Stopped);
        }
        let length = batch.length();
        if u32::try_from(length).is_err() {
            return Err(Error::TooLarge(length));
        }
        // Only a whole success takes this back.
        self.course = Course::Stopped;
        self.find_place(length)?;
        let written = self.put(batch);
        let zeros = self.zeros();
        self.buffer.resize(self.buffer.len() + zeros, 0);
        self.reach = self.buffer.len();
        self.course = Course::Writing;
        Ok(Laid {
            file: self.file.clone(),
            bytes: std::mem::take(&mut self.buffer),
            written,
        })
    }

    /// What came of writing. After any error nothing more is written: the fate of the batch is unknown until the journal
    /// is opened anew.
    pub fn end(&mut self, tried: Tried) -> Result<Written, Error> {
        let Tried { laid, came } = tried;
        self.buffer = laid.bytes;
        self.course = Course::Stopped;
        came.map_err(|source| self.segment.failed(&source))?;
        self.head = laid.written.end;
        self.course = Course::Open;
        Ok(laid.written)
    }

    /// What was laid out does not come back: nobody knows what of it was written.
    pub fn lost(&mut self) -> Error {
        self.course = Course::Stopped;
        Error::Stopped
    }

    /// Begins a new segment, although the present one has room. After any error nothing more is written until the
    /// journal is opened anew.
    pub fn begin_segment(&mut self) -> Result<(), Error> {
        if self.course != Course::Open {
            return Err(Error::Stopped);
        }
        self.course = Course::Stopped;
        self.roll(0)?;
        self.course = Course::Open;
        Ok(())
    }

    /// Whether a write or sync failed, so that nothing more is written until it is opened anew.
    pub fn is_stopped(&self) -> bool {
        self.course == Course::Stopped
    }

    /// Opens it anew after a failed write or sync, at the place behind the last batch that was acknowledged.
    ///
    /// What of the failed batch reached the disk is not known, and the pages that should have carried it may be
    /// gone although a later sync succeeds. So it is not synced again: it is written over with zeros, which is
    /// what unwritten bytes are, and nothing of it was answered. Then the whole segment is read from the disk
    /// again and must end at that place. A segment that was made and never written to is removed.
    pub fn reopen(&mut self) -> Result<(), Error> {
        self.course = Course::Stopped;
        segment::remove_unfinished(&self.directory)?;
        segment::remove_after(&self.directory, self.head.segment)?;
        self.reader.truncate(self.head.segment);
        self.segment = self.reader.segment(self.head.segment)?;
        self.file = Arc::new(self.segment.writable()?);
        self.zeroed = 0;
        self.erase()
            .map_err(|source| self.segment.failed(&source))?;
        let ended = find_end(&self.segment)?;
        if ended.head != self.head || ended.torn > 0 {
            return Err(Error::Diverged);
        }
        self.course = Course::Open;
        Ok(())
    }

    /// Zeros over what may have been written behind the head, synced, and no longer in the page cache.
    fn erase(&self) -> io::Result<()> {
        let room = self.segment.header.capacity - self.head.offset;
        let length = usize::try_from(room).map_or(self.reach, |room| room.min(self.reach));
        self.file.write_all_at(&vec![0; length], self.head.offset)?;
        self.file.sync_data()?;
        // Only advice: where it is not taken, what is read is what was read before.
        let _ = rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::DontNeed);
        Ok(())
    }

    /// Sees to it that there is a segment's room set aside for when the disk is full.
    pub fn reserve(&mut self) -> Result<(), Error> {
        segment::reserve(&self.directory, self.segment_bytes)?;
        self.reserved = true;
        Ok(())
    }

    /// What was still there when it was opened.
    pub fn unfinished(&mut self) -> Unfinished {
        std::mem::take(&mut self.unfinished)
    }

    /// Whether it is still set aside.
    pub fn has_reserve(&self) -> bool {
        self.reserved
    }

    /// The place behind the last batch.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Reads what is committed.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Compresses bodies as this journal does, on the thread of whoever posts them.
    pub fn packer(&self) -> Arc<Packer> {
        self.packer.clone()
    }

    /// The keys of its segments; none where nothing was ever sealed.
    pub fn keys(&self) -> Option<Arc<Keys>> {
        self.keys.clone()
    }

    /// Sees to it that the present segment takes a batch of this length, in the present form and under a key of this
    /// start.
    fn find_place(&mut self, length: usize) -> Result<(), Error> {
        let header = &self.segment.header;
        let in_form = header.version == VERSION && header.manner == self.manner;
        let has_room = self.head.offset + length as u64 <= header.capacity;
        let is_empty = self.head.offset == HEADER as u64;
        match self.manner.bodies {
            Bodies::Open if in_form && has_room => Ok(()),
            Bodies::Sealed if in_form && has_room && self.seal.is_some() => Ok(()),
            Bodies::Sealed if in_form && has_room && is_empty => {
                self.seal = self.seal(&header.id)?;
                Ok(())
            }
            Bodies::Open | Bodies::Sealed => self.roll(length),
        }
    }

    /// A seal under a new key for a segment that holds nothing; none where nothing is sealed.
    fn seal(&self, id: &SegmentId) -> Result<Option<Seal>, Error> {
        match (self.manner.bodies, &self.keys) {
            (Bodies::Sealed, Some(keys)) => Ok(Some(Seal::new(keys.give(*id)?))),
            (Bodies::Sealed, None) => Err(Error::Key(KeyFault::NoMaster)),
            (Bodies::Open, _) => Ok(None),
        }
    }

    fn roll(&mut self, length: usize) -> Result<(), Error> {
        let capacity = self.segment_bytes.max((HEADER + length) as u64);
        let ordinal = self.head.segment + 1;
        let header = begin(
            &self.head,
            ordinal,
            capacity,
            self.manner,
            draw(&self.entropy),
        );
        let (segment, file) = match Segment::create(&self.directory, &header) {
            Err(error) if error.is_no_room() => {
                self.reserved = false;
                Segment::of_reserve(&self.directory, header)?
            }
            created => created?,
        };
        // Only now: a key without a segment would be kept for ever.
        let seal = self.seal(&segment.header.id)?;
        self.reader.add(Ok(segment));
        self.segment = self.reader.segment(ordinal)?;
        segment::give_back(&self.file, self.head.offset);
        self.seal = seal;
        self.file = Arc::new(file);
        self.zeroed = 0;
        self.head.segment = ordinal;
        self.head.offset = HEADER as u64;
        Ok(())
    }

    /// Puts the batch's bytes into the buffer: the one copy of a body between socket and disk.
    fn put(&mut self, batch: &Batch) -> Written {
        let base = self.head.offset;
        let id = &self.segment.header.id;
        let first = Position(self.head.position.0 + 1);
        let mut end = self.head;
        self.buffer.clear();
        for entry in &batch.entries {
            format::put_entry(&mut self.buffer, base, id, entry);
            end.chain = end.chain.after(entry);
            end.position.0 += 1;
        }
        let mut bodies = Vec::with_capacity(batch.bodies.len());
        for (name, body, packed) in &batch.bodies {
            let before = self.buffer.len();
            let seal = self.seal.as_mut();
            body::put(
                &mut self.buffer,
                base,
                id,
                *name,
                body,
                packed.as_ref(),
                seal,
            );
            let place = Place {
                segment: end.segment,
                offset: base + before as u64,
                length: (self.buffer.len() - before) as u32,
            };
            bodies.push((*name, place));
        }
        let commit = Commit {
            first,
            last: end.position,
            chain: end.chain,
            start: base,
        };
        format::put_commit(&mut self.buffer, base, id, &commit);
        end.offset += self.buffer.len() as u64;
        Written {
            start: Mark {
                segment: end.segment,
                offset: base,
                first,
            },
            bodies,
            end,
            synced: std::time::Duration::ZERO,
        }
    }

    /// How many zeros go along behind what is laid out, where they help the next batches: they are what was there.
    fn zeros(&mut self) -> usize {
        let length = self.buffer.len() as u64;
        let end = self.head.offset + length;
        if end <= self.zeroed {
            return 0;
        }
        self.zeroed = zeros_until(end, length, self.segment.header.capacity);
        usize::try_from(self.zeroed - end).unwrap_or_default()
    }
}

/// Up to where zeros are written behind a batch of a length that ends at `end`.
fn zeros_until(end: u64, length: u64, capacity: u64) -> u64 {
    if length > AHEAD / 4 {
        return end;
    }
    // To a multiple, so that the sectors that are shared with what follows are written once.
    ((end + AHEAD) / AHEAD * AHEAD).clamp(end, capacity.max(end))
}

/// The header of a segment that follows a place.
fn begin(head: &Head, ordinal: u64, capacity: u64, manner: Manner, id: SegmentId) -> Header {
    Header {
        version: VERSION,
        manner,
        id,
        ordinal,
        capacity: capacity.max(HEADER as u64),
        first: Position(head.position.0 + 1),
        chain: head.chain,
    }
}

fn draw(entropy: &Shared) -> [u8; 16] {
    (entropy.lock().unwrap_or_else(PoisonError::into_inner))()
}

#[cfg(test)]
mod tests;
