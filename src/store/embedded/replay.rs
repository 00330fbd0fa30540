//! Brings the index up to the journal: folds what the journal has and the index has not.
//!
//! Starts where the index says that it is applied. An index that does not fit to the journal is built anew
//! from the beginning; an index that has seen more than the journal has means that the journal lost entries,
//! and nothing is opened then. A crash during a replay leaves an index that is applied up to some batch.

use std::path::Path;

use crate::claims::entry::{Position, Stamped};
use crate::store::embedded::tree::Tree;
use crate::store::embedded::verify::promise;
use crate::store::embedded::{OpenError, places};
use crate::store::index::{Changes, Working};
use crate::store::journal::reader::Reader;
use crate::store::journal::scan::Batch;
use crate::store::journal::{Head, Mark, Place};
use crate::store::{BodyId, Error, Observer, ledger};

/// After so many entries the changes are applied.
const ENTRIES_AT_ONCE: u64 = 512;

/// Opens the tree of a directory and brings it up to a place in the journal.
pub fn open(
    directory: &Path,
    cache_bytes: u64,
    reader: &Reader,
    to: Head,
    observer: &dyn Observer,
) -> Result<Tree, OpenError> {
    let tree = Tree::open(directory, cache_bytes)?;
    let from = match places::applied(&tree) {
        Ok(applied) => applied.unwrap_or(Head::origin()),
        // A damaged place is a damaged index.
        Err(_) => return rebuild(tree, directory, cache_bytes, reader, to, observer),
    };
    if from.position > to.position {
        return Err(OpenError::JournalBehind {
            index: from.position.0,
            journal: to.position.0,
        });
    }
    match replay(&tree, reader, from, to, told(observer)) {
        Ok(()) => Ok(tree),
        // The index fits, the journal is damaged: nothing that is built anew would get further.
        Err(OpenError::Journal(error)) if reader.has(from)? => Err(error.into()),
        Err(_) if from != Head::origin() => {
            rebuild(tree, directory, cache_bytes, reader, to, observer)
        }
        Err(error) => Err(error),
    }
}

fn rebuild(
    tree: Tree,
    directory: &Path,
    cache_bytes: u64,
    reader: &Reader,
    to: Head,
    observer: &dyn Observer,
) -> Result<Tree, OpenError> {
    drop(tree);
    let tree = Tree::anew(directory, cache_bytes)?;
    replay(&tree, reader, Head::origin(), to, told(observer))?;
    Ok(tree)
}

/// Tells an observer how many entries were applied.
fn told(observer: &dyn Observer) -> impl FnMut(u64, Position) -> Result<(), OpenError> {
    move |entries, _| {
        observer.replayed(entries);
        Ok(())
    }
}

/// Brings a tree from one place to another. `applied` hears how many entries were applied and up to where, and may
/// end it.
pub fn replay(
    tree: &Tree,
    reader: &Reader,
    from: Head,
    to: Head,
    mut applied: impl FnMut(u64, Position) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    if from == to {
        // The same position after the same entries: no segment needs to be read.
        return Ok(());
    }
    let mut working = Working::new(tree);
    let mut waiting = 0;
    reader.replay(from, to, |batch, unreadable| {
        let entries = fold(&mut working, batch)?;
        let mut traces = Changes::new();
        let start = Mark {
            segment: batch.end.segment,
            offset: batch.start,
            first: batch.first,
        };
        let bodies = bodies(batch, &entries, unreadable);
        if reader.is_archived(start.segment) {
            places::record_archived(&mut traces, start, batch.end);
        } else {
            places::record(&mut traces, start, &bodies, batch.end);
        }
        working.absorb(traces);
        waiting += batch.entries.len() as u64;
        if waiting >= ENTRIES_AT_ONCE {
            apply(tree, &mut working)?;
            applied(waiting, batch.end.position)?;
            waiting = 0;
        }
        Ok::<(), OpenError>(())
    })?;
    apply(tree, &mut working)?;
    if waiting > 0 {
        applied(waiting, to.position)?;
    }
    Ok(())
}

/// The bodies of a batch and where they are. One that an entry commits to and that is not among those that can be
/// read lies where nothing can: it is unreadable, which is not the same as gone.
pub fn bodies(
    batch: &Batch<'_>,
    entries: &[(Position, Stamped)],
    unreadable: &[Place],
) -> Vec<(BodyId, Place)> {
    let mut bodies = batch.bodies.clone();
    if let Some(place) = unreadable.first() {
        let promised = entries.iter();
        let promised = promised.filter_map(|(position, stamped)| promise(*position, stamped));
        for (body, _) in promised {
            if batch.bodies.iter().all(|(name, _)| *name != body) {
                bodies.push((body, *place));
            }
        }
    }
    bodies
}

fn fold(
    working: &mut Working<'_>,
    batch: &Batch<'_>,
) -> Result<Vec<(Position, Stamped)>, OpenError> {
    let mut entries = Vec::with_capacity(batch.entries.len());
    for (number, entry) in (batch.first.0..).zip(&batch.entries) {
        let stamped = Stamped::read(entry).map_err(|_| OpenError::Entry(number))?;
        ledger::fold(working, Position(number), &stamped)?;
        entries.push((Position(number), stamped));
    }
    Ok(entries)
}

fn apply<'a>(tree: &'a Tree, working: &mut Working<'a>) -> Result<(), Error> {
    let changes = std::mem::replace(working, Working::new(tree)).into_changes();
    tree.apply(std::iter::once(&changes))
}
