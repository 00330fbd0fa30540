//! Reads a whole store and says where it contradicts itself: one at rest here, one at work in [`at_work`].
//!
//! Checked: every record's checksum, every commit and the chain, also of the archive; every body against the
//! commitment in its entry, also where it was copied to, and that none is missing in a segment that has its bodies,
//! nor of a document that is not finished; every record of the index against a fresh fold of the journal up to the
//! entry that the index has seen. At rest it takes the lock and changes nothing: no restart is decided, no torn tail
//! is cut, and the index is opened as a copy, because opening is a change. The copy and the fresh fold are in a
//! directory `verify.scratch` beside it, which takes about twice the room of the index; a crash leaves it behind, and
//! the next check or start removes it.

pub(super) mod at_work;
mod compare;
mod fresh;
pub(super) mod scratch;

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sha2::{Digest as _, Sha256};

use crate::claims::commitment::commitment;
use crate::claims::entry::{Position, Stamped};
use crate::claims::id::Digest;
use crate::claims::time::Timestamp;
use crate::store::custody::verified::{Compared, Part, Verified};
use crate::store::embedded::overlay::Overlay;
use crate::store::embedded::tree::Tree;
use crate::store::embedded::verify::compare::{Span, compare};
use crate::store::embedded::verify::fresh::Fresh;
use crate::store::embedded::verify::scratch::Scratch;
use crate::store::embedded::{Config, Embedded, OpenError, base, places, replay};
use crate::store::index::{Changes, Working};
use crate::store::journal::reader::{Piece, Reader};
use crate::store::journal::scan::{Batch, Damage, Lost};
use crate::store::journal::still::Still;
use crate::store::journal::{self, Head, KeyFault, Mark, Place};
use crate::store::ledger::{self, Known, query};
use crate::store::{BodyId, Error, Find};

/// Documents that are looked at together.
const PAGE: usize = 1_000;

/// The fresh fold, in it.
const FRESH: &str = "fresh";

/// Checks the store of a directory, and gives it out to be asked, if it can be asked. Blocks.
///
/// # Errors
/// When another process has it, or the system refuses. Damage is no error but a difference.
pub fn verify(config: &Config) -> Result<(Verified, Option<Embedded>), OpenError> {
    let masters = config.encryption.masters()?;
    let journal = match Still::open_with(&config.opening(&masters, Timestamp::default())) {
        Ok(journal) => journal,
        Err(error @ (journal::Error::Locked | journal::Error::Io { .. })) => {
            return Err(error.into());
        }
        Err(damage) => {
            let mut verified = Verified::default();
            verified.differ(Part::Journal, damage.to_string());
            return Ok((verified, None));
        }
    };
    let scratch = Scratch::make(&config.directory, scratch::CHECK)
        .map_err(|error| Error::Read(unmade(&error)))?;
    let reader = journal.reader();
    let archived =
        (reader.begin().segment..=reader.count()).filter(|ordinal| reader.is_archived(*ordinal));
    let mut verified = Verified {
        segments: journal.segments(),
        archived: archived.count() as u64,
        torn_bytes: journal.torn_bytes(),
        ..Verified::default()
    };
    match journal.unfit() {
        // Who checks need not have the key; how many bodies were not opened is said.
        None | Some(KeyFault::NoMaster) => {}
        Some(fault) => verified.differ(Part::Bodies, fault.to_string()),
    }
    for damage in journal.damaged() {
        let what = match &damage.file {
            Some(file) => format!("{file}: {}", damage.what),
            None => format!("segment {}: {}", damage.segment, damage.what),
        };
        verified.differ(Part::Journal, what);
    }
    let tree = match Tree::open_copy(&config.directory, scratch.path(), config.sizes()) {
        Ok(tree) => Some(tree),
        Err(error) => {
            verified.differ(Part::Index, format!("it does not open: {error}"));
            None
        }
    };
    let reader = journal.reader();
    let fresh = Fresh::make(&scratch.path().join(FRESH), config.sizes(), reader, &|| {
        Ok(())
    })?;
    let tail = Check::new(&mut verified, reader, tree.as_ref(), fresh).run(journal.head());
    let store = tree.zip(tail).map(|(tree, tail)| {
        let position = journal.head().position;
        let overlay = Overlay::new(tree, journal.head(), config.overlay_bytes);
        overlay.publish(tail, journal.head());
        let rest = Rest {
            journal,
            _scratch: scratch,
        };
        Embedded::at_rest(config.directory.clone(), overlay, position, rest)
    });
    Ok((verified, store))
}

/// One reading of the journal from its beginning to its end.
struct Check<'a> {
    verified: &'a mut Verified,
    reader: &'a Reader,
    tree: Option<&'a Tree>,
    /// Up to where the index is applied, as it says.
    applied: Option<Head>,
    /// The index that should be; none after an entry that could not be followed.
    fresh: Option<Fresh<'a>>,
    /// What the index has not seen yet, from the place on up to which it is applied.
    tail: Option<Working<'a>>,
}

impl<'a> Check<'a> {
    fn new(
        verified: &'a mut Verified,
        reader: &'a Reader,
        tree: Option<&'a Tree>,
        fresh: Fresh<'a>,
    ) -> Check<'a> {
        let applied = tree.and_then(|tree| match places::applied(tree) {
            Ok(applied) => Some(applied.unwrap_or(reader.begin())),
            Err(_) => {
                let what = "it is of another layout: the next start builds it anew";
                verified.differ(Part::Index, what.into());
                None
            }
        });
        Check {
            verified,
            reader,
            tree,
            applied,
            fresh: Some(fresh),
            tail: None,
        }
    }

    /// Reads up to a place. Gives what the index still has to see, if journal and index fit together.
    fn run(mut self, to: Head) -> Option<Changes> {
        self.founded();
        self.reached(self.reader.begin());
        if let Err(damage) = self.read(self.reader.begin(), to, || Ok::<(), journal::Error>(())) {
            self.unread(&damage);
            return None;
        }
        if let (Some(applied), None, Some(_)) = (self.applied, &self.verified.index, &self.fresh) {
            let (index, journal) = (applied.position.0, to.position.0);
            let what = if index > journal {
                format!("it has seen entry {index}, but the journal ends at entry {journal}")
            } else {
                format!("it was made of another journal than this, up to entry {index}")
            };
            self.verified.differ(Part::Index, what);
        }
        self.needed();
        self.proven();
        self.fresh?;
        self.tail.map(Working::into_changes)
    }

    /// Reads from one place to another, as long as it may go on.
    fn read<E: From<journal::Error>>(
        &mut self,
        from: Head,
        to: Head,
        goes_on: impl Fn() -> Result<(), E>,
    ) -> Result<(), E> {
        let reader = self.reader;
        // A journal that was never begun.
        if reader.last().is_none() || from == to {
            return Ok(());
        }
        reader.pieces(from, to, |piece| {
            match piece {
                Piece::Whole(batch) => self.batch(batch, &[]),
                Piece::Patched(batch, damage) => {
                    let what = reader.damaged(damage).to_string();
                    self.verified.differ(Part::Bodies, what);
                    match &damage.lost {
                        Lost::Bodies(places) => self.batch(batch, places),
                        Lost::Entries(..) => self.batch(batch, &[]),
                    }
                }
                Piece::Hole(damage) => self.hole(&reader.damaged(damage), damage),
            }
            goes_on()
        })
    }

    /// What could not be read ends the reading.
    fn unread(&mut self, damage: &journal::Error) {
        let what = format!("{damage}; nothing after it was read");
        self.verified.differ(Part::Journal, what);
    }

    /// What stands for the oldest segments is as it was written, and the fresh fold begins with it.
    fn founded(&mut self) {
        let Some(fresh) = &mut self.fresh else { return };
        if let Err(error) = base::lay(self.reader, |changes| fresh.apply(changes)) {
            self.verified.differ(Part::Journal, error.to_string());
            self.fresh = None;
            return;
        }
        let misfit = |tree: &&Tree| !matches!(base::fits(*tree, self.reader), Ok(true));
        if self.applied.is_some_and(|applied| applied.position.0 > 0)
            && self.tree.as_ref().is_some_and(misfit)
        {
            let what = "it was begun on another foundation: the next start builds it anew";
            self.verified.differ(Part::Index, what.into());
            self.applied = None;
        }
    }

    /// The digest that the ledger holds of the foundation is that of its file.
    fn proven(&mut self) {
        let (Some(foundation), Some(fresh)) = (self.reader.foundation(), &self.fresh) else {
            return;
        };
        let record = ledger::retention::foundations(fresh).map(|records| {
            let mut records = records.into_iter();
            records.find(|record| record.founded.segment == foundation.header.segment)
        });
        // One whose entry was cut off by a restore has none.
        if let Ok(Some(record)) = record
            && foundation.digest().ok() != Some(record.founded.digest)
        {
            let what = "the foundation is not the one that the ledger speaks of";
            self.verified.differ(Part::Journal, what.into());
        }
    }

    /// Every document that is not finished must have its body somewhere: it may have to be sent.
    fn needed(&mut self) {
        let Some(fresh) = &self.fresh else { return };
        let mut after = None;
        loop {
            let page = match query::documents(fresh, after, PAGE) {
                Ok(page) if page.is_empty() => return,
                Ok(page) => page,
                Err(error) => return self.verified.differ(Part::Index, error.to_string()),
            };
            for record in page {
                let document = record.received.document;
                after = Some(document);
                let finished = record
                    .standing()
                    .is_finished(record.received.facts.key.kind);
                let place = places::body(fresh, BodyId::Document(document));
                if !finished && matches!(place, Ok(None)) {
                    let what = format!("the body of document {document}, not finished, is gone");
                    self.verified.differ(Part::Bodies, what);
                }
            }
        }
    }

    /// Entries that cannot be read: what follows them cannot be added to what came before.
    fn hole(&mut self, error: &journal::Error, damage: &Damage) {
        let lost = match damage.lost {
            Lost::Entries(first, last) => format!("entries {} to {}", first.0, last.0),
            Lost::Bodies(_) => "no entry".into(),
        };
        let what = format!("{error}; {lost} cannot be read, and the counts cannot be proven");
        self.verified.differ(Part::Journal, what);
        self.fresh = None;
        self.tail = None;
    }

    fn batch(&mut self, batch: &Batch<'_>, unreadable: &[Place]) {
        self.verified.batches += 1;
        self.verified.entries += batch.entries.len() as u64;
        let mut entries = Vec::with_capacity(batch.entries.len());
        for (number, bytes) in (batch.first.0..).zip(&batch.entries) {
            match Stamped::read(bytes) {
                Ok(stamped) => entries.push((Position(number), stamped)),
                Err(_) => {
                    let what = format!("entry {number} cannot be read");
                    self.verified.differ(Part::Journal, what);
                    self.fresh = None;
                }
            }
        }
        self.bodies(batch, &entries);
        self.fold(batch, &entries, unreadable);
        self.reached(batch.end);
    }

    /// Bodies lie in the batch of the entries that commit to them, or in a later batch without entries. In the archive
    /// there are none.
    fn bodies(&mut self, batch: &Batch<'_>, entries: &[(Position, Stamped)]) {
        let promised = entries.iter();
        let promised =
            promised.filter_map(|(position, stamped)| BodyId::promised(*position, &stamped.entry));
        let mut promised: BTreeMap<BodyId, Digest> = promised.collect();
        for (name, place) in &batch.bodies {
            let body = match self.reader.body(*place) {
                Ok((_, body)) => body,
                Err(journal::Error::Purged(_)) => {
                    self.verified.purged += 1;
                    promised.remove(name);
                    continue;
                }
                Err(journal::Error::Key(_)) => {
                    self.verified.unopened += 1;
                    promised.remove(name);
                    continue;
                }
                Err(damage) => {
                    self.verified.differ(Part::Bodies, damage.to_string());
                    continue;
                }
            };
            self.verified.bodies += 1;
            self.verified.body_bytes += body.bytes.len() as u64;
            let digest = Digest(Sha256::digest(&body.bytes).into());
            let own = promised.remove(name);
            let said = match own.or_else(|| self.committed(*name)) {
                Some(committed) if committed == commitment(body.salt, digest) => continue,
                Some(_) => "has other bytes than its entry commits to",
                None if batch.entries.is_empty() && self.outlived(*name) => continue,
                None => "belongs to no entry",
            };
            let what = format!("the body of {} {said}", owner(*name));
            self.verified.differ(Part::Bodies, what);
        }
        let archived = self.reader.is_archived(batch.end.segment);
        for name in promised.keys().filter(|_| !archived) {
            let what = format!("the body of {} is missing", owner(*name));
            self.verified.differ(Part::Bodies, what);
        }
    }

    /// Whether a copied body may have outlived its proofs, which went with a foundation: it goes with its segment.
    fn outlived(&self, name: BodyId) -> bool {
        let Some(foundation) = self.reader.foundation() else {
            return false;
        };
        match name {
            BodyId::Entry(position) => position <= foundation.header.position,
            BodyId::Document(document) => self.fresh.as_ref().is_some_and(|fresh| {
                query::document(fresh, Find::Id(document)).is_ok_and(|found| found.is_none())
            }),
        }
    }

    /// What the entry of a copied body commits to.
    fn committed(&self, name: BodyId) -> Option<Digest> {
        let position = match name {
            BodyId::Entry(position) => position,
            BodyId::Document(document) => {
                let record = Find::Id(document);
                query::document(self.fresh.as_ref()?, record)
                    .ok()??
                    .record
                    .position
            }
        };
        let before = Position(position.0.checked_sub(1)?);
        let entries = if position <= self.reader.begin().position {
            self.reader.kept(before, 1).ok()?
        } else {
            let mark = places::mark(self.fresh.as_ref()?, position).ok()?;
            self.reader.entries(mark, before, position, 1).ok()?
        };
        let (_, bytes) = entries.first().filter(|(found, _)| *found == position)?;
        let stamped = Stamped::read(bytes).ok()?;
        let (promised, committed) = BodyId::promised(position, &stamped.entry)?;
        (promised == name).then_some(committed)
    }

    fn fold(&mut self, batch: &Batch<'_>, entries: &[(Position, Stamped)], unreadable: &[Place]) {
        let start = Mark {
            segment: batch.end.segment,
            offset: batch.start,
            first: batch.first,
        };
        let mut traces = Changes::new();
        let bodies = replay::bodies(batch, entries, unreadable);
        if self.reader.is_archived(start.segment) {
            places::record_archived(&mut traces, start, batch.end);
        } else {
            places::record(&mut traces, start, &bodies, batch.end);
        }
        if let Some(tail) = &mut self.tail {
            tail.absorb(traces.clone());
            if let Err(error) = follow(tail, entries) {
                let what = format!("what it has not seen cannot be added to it: {error}");
                self.verified.differ(Part::Index, what);
                self.tail = None;
            }
        }
        let Some(fresh) = &mut self.fresh else { return };
        let mut working = Working::new(fresh);
        working.absorb(traces);
        match follow(&mut working, entries) {
            Ok(()) => {
                if let Err(error) = fresh.apply(working.into_changes()) {
                    let what = format!("it cannot be compared: {error}");
                    self.verified.differ(Part::Index, what);
                    self.fresh = None;
                }
            }
            Err(error) => {
                let what = format!(
                    "entries {} to {} contradict those before them: {error}",
                    batch.first.0, batch.end.position.0
                );
                self.verified.differ(Part::Journal, what);
                self.fresh = None;
            }
        }
    }

    /// Compares the index with the fresh one where it should be the same.
    fn reached(&mut self, head: Head) {
        let (Some(tree), Some(fresh)) = (self.tree, &self.fresh) else {
            return;
        };
        let is_archived = |segment| self.reader.is_archived(segment);
        let is_here = |applied| places::are_same(applied, head, is_archived);
        if !self.applied.is_some_and(is_here) {
            return;
        }
        let verified = &mut *self.verified;
        // Only reads, from a copy that nobody writes to.
        let compared = catch_unwind(AssertUnwindSafe(|| {
            compare(tree, fresh, &Span::all(), verified, is_archived)
        }));
        match compared {
            Ok(Ok((records, _))) => {
                let position = head.position;
                self.verified.index = Some(Compared { position, records });
                self.tail = Some(Working::new(tree));
            }
            Ok(Err(error)) => self.verified.differ(Part::Index, error.to_string()),
            Err(_) => {
                let what = "its files are damaged: it panicked while it was read";
                self.verified.differ(Part::Index, what.into());
            }
        }
        // Compared once, whatever came of it.
        self.applied = None;
    }
}

fn follow(working: &mut Working<'_>, entries: &[(Position, Stamped)]) -> Result<(), Error> {
    let mut known = Known::default();
    for (position, stamped) in entries {
        ledger::fold(working, &mut known, *position, stamped)?;
    }
    Ok(())
}

fn owner(name: BodyId) -> String {
    match name {
        BodyId::Document(document) => format!("document {document}"),
        BodyId::Entry(position) => format!("entry {}", position.0),
    }
}

/// What a store at rest stands on, to be released after it.
pub(super) struct Rest {
    /// The journal, and with it the lock.
    pub(super) journal: Still,
    _scratch: Scratch,
}

fn unmade(error: &io::Error) -> std::sync::Arc<str> {
    format!("no room for a copy of the index: {error}").into()
}
