//! What a crash left of evacuations is ended or taken back, and what an index forgets of a segment without bodies.

use crate::store::embedded::evacuate::{Leaving, Step};
use crate::store::embedded::tree::Tree;
use crate::store::embedded::{OpenError, places, unreadable};
use crate::store::index::{Changes, Index};
use crate::store::journal::reader::Reader;
use crate::store::journal::segment::Segment;
use crate::store::journal::{self, Unfinished};
use crate::store::ledger::retention;
use crate::store::{BodyId, Error, Observer};

/// So many keys are read of one state of the index.
const LOOKED_UP: usize = 256;

/// Ends or takes back what a crash left of evacuations. The index is up. What the disk does not let go is given back: it is
/// tried again by the next run, and tells there; documents are admitted and sent all the same.
///
/// # Errors
/// When the index or the journal fails. What was ended has left `unfinished` by then: with another index it goes on.
pub fn finish(
    tree: &Tree,
    reader: &Reader,
    unfinished: &mut Unfinished,
    leaving: &mut Leaving,
    observer: &dyn Observer,
) -> Result<(), OpenError> {
    leaving.extend(unfinished.keys.drain(..).map(|ordinal| (ordinal, None)));
    while let Some(archived) = unfinished.archives.last() {
        let ended = ending(tree, reader, archived)?;
        let Some(archived) = unfinished.archives.pop().filter(|_| ended) else {
            continue;
        };
        let ordinal = archived.header.ordinal;
        let segment = reader.segment(ordinal)?;
        reader.archive(archived);
        if remove(reader, observer, ordinal, Some(&segment)).is_err() {
            leaving.insert(ordinal, Some(segment));
        }
    }
    Ok(())
}

/// Whether the archive of a segment is to take its place: then the index has forgotten its bodies.
fn ending(tree: &Tree, reader: &Reader, archived: &Segment) -> Result<bool, OpenError> {
    let ordinal = archived.header.ordinal;
    if retention::evacuation(tree, ordinal)?.is_none() {
        // One that stays is written over by the next evacuation of its segment.
        let _ = archived.remove();
        return Ok(false);
    }
    let mut inside = Vec::new();
    let read = reader.batches(ordinal, |batch| {
        inside.extend(batch.bodies.iter().map(|(name, _)| *name));
        Ok::<(), journal::Error>(())
    });
    match read {
        Ok(()) => {}
        // Nothing damaged is removed: a person was told, and the next start looks again.
        Err(error) if error.is_of_one_segment() => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    let changes = forget(|| tree.clone(), reader, ordinal, &inside)?;
    tree.apply(std::iter::once(&changes))?;
    Ok(true)
}

/// Removes the file of a segment whose archive took its place, if it is there still, and forgets its key.
pub fn remove(
    reader: &Reader,
    observer: &dyn Observer,
    ordinal: u64,
    segment: Option<&Segment>,
) -> Result<(), journal::Error> {
    if let Some(segment) = segment {
        segment.remove()?;
        observer.evacuating(Step::Removed);
    }
    reader.forget_key(ordinal)?;
    observer.evacuating(Step::Forgotten);
    Ok(())
}

/// What an index has to forget of a segment whose bodies are gone. It is looked at again and again, never for long.
pub fn forget<I: Index>(
    look: impl Fn() -> I,
    reader: &Reader,
    ordinal: u64,
    gone: &[BodyId],
) -> Result<Changes, Error> {
    let mut batches = Vec::new();
    let read = reader.batches(ordinal, |batch| {
        batches.push((batch.first, batch.entries.is_empty()));
        Ok::<(), journal::Error>(())
    });
    read.map_err(unreadable)?;
    let mut changes = Changes::new();
    for names in gone.chunks(LOOKED_UP) {
        let index = look();
        for name in names {
            if places::body(&index, *name)?.is_some_and(|place| place.segment == ordinal) {
                places::forget_body(&mut changes, *name);
            }
        }
    }
    for batches in batches.chunks(LOOKED_UP) {
        places::forget_marks(&mut changes, &look(), ordinal, batches)?;
    }
    places::keep_first_mark(&mut changes, ordinal, &batches);
    Ok(changes)
}
