//! Brings the index up to the journal: folds what the journal has and the index has not.
//!
//! Starts where the index says that it is applied. An index that does not fit to the journal is built anew
//! from the beginning; an index that has seen more than the journal has means that the journal lost entries,
//! and nothing is opened then. A crash during a replay leaves an index that is applied up to some batch.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use crate::claims::entry::{Position, Stamped};
use crate::claims::time::Timestamp;
use crate::store::embedded::mover;
use crate::store::embedded::tree::{Sizes, Tree};
use crate::store::embedded::{OpenError, base, places, sorted};
use crate::store::index::{Changes, Index, Pairs, Working, merge};
use crate::store::journal::reader::Reader;
use crate::store::journal::scan::Batch;
use crate::store::journal::{Head, Mark, Place};
use crate::store::ledger::{self, Known};
use crate::store::{BodyId, Error, Observer};

/// So many batches are read ahead.
const READ_AHEAD: usize = 16;

/// After so many loads what is long past leaves the tree, as in a gateway that runs.
const ROUND: usize = if cfg!(test) { 4 } else { 32 };

/// What is so old then is long past.
const STAY: Duration = Duration::from_secs(30 * 24 * 3600);

/// Changes of so many keys are gathered: about 30 MB of memory. Tests see many.
const FULL: usize = if cfg!(test) { 4 * 1024 } else { 128 * 1024 };

/// Opens the tree of a directory and brings it up to a place in the journal.
pub fn open(
    directory: &Path,
    sizes: Sizes,
    reader: &Reader,
    to: Head,
    observer: &dyn Observer,
) -> Result<Tree, OpenError> {
    let anew = || rebuild(directory, sizes, reader, to, observer);
    let Ok(mut tree) = Tree::open(directory, sizes) else {
        return anew();
    };
    if matches!(places::applied(&tree), Ok(Some(_))) && !base::fits(&tree, reader)? {
        // It holds what has gone: nothing of it is set aside.
        drop(tree);
        Tree::remove(directory)?;
        tree = Tree::open(directory, sizes)?;
    }
    let applied = places::applied(&tree).and_then(|applied| match applied {
        Some(applied) => Ok(applied),
        None if tree.is_empty()? => Ok(reader.begin()),
        None => Err(Error::Read(
            "index: it does not say where it is applied".into(),
        )),
    });
    let Ok(from) = applied else {
        // A damaged place is a damaged index.
        drop(tree);
        return anew();
    };
    if from.position > to.position {
        return Err(OpenError::JournalBehind {
            index: from.position.0,
            journal: to.position.0,
        });
    }
    go_on(observer, from.position, to)?;
    match replay(&tree, reader, from, to, told(observer, to)) {
        Ok(()) => Ok(tree),
        Err(OpenError::BrokenOff) => Err(OpenError::BrokenOff),
        // A later version wrote it: whatever index is built anew meets it too.
        Err(OpenError::Entry(number)) => Err(OpenError::Entry(number)),
        // The index fits, the journal is damaged: nothing that is built anew would get further.
        Err(OpenError::Journal(error)) if reader.has(from)? => Err(error.into()),
        Err(_) if from != reader.begin() => {
            drop(tree);
            anew()
        }
        Err(error) => Err(error),
    }
}

/// Sets aside what failed and builds the tree anew, up to a place in the journal.
pub fn rebuild(
    directory: &Path,
    sizes: Sizes,
    reader: &Reader,
    to: Head,
    observer: &dyn Observer,
) -> Result<Tree, OpenError> {
    observer.index_failed();
    go_on(observer, Position(0), to)?;
    let tree = Tree::anew(directory, sizes)?;
    replay(&tree, reader, reader.begin(), to, told(observer, to))?;
    Ok(tree)
}

/// Tells an observer how many entries were applied, and ends when it wants no more.
fn told(observer: &dyn Observer, to: Head) -> impl FnMut(u64, Position) -> Result<(), OpenError> {
    move |entries, upto| {
        observer.replayed(entries);
        go_on(observer, upto, to)
    }
}

fn go_on(observer: &dyn Observer, upto: Position, to: Head) -> Result<(), OpenError> {
    match observer.opening(upto, to.position) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(OpenError::BrokenOff),
    }
}

/// Brings a tree from one place to another. `applied` hears how many entries were applied and up to where, and may
/// end it. One thread reads, checks and decodes, this one folds, and a third one puts into the tree what was folded.
pub fn replay(
    tree: &Tree,
    reader: &Reader,
    from: Head,
    to: Head,
    applied: impl FnMut(u64, Position) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    if from == reader.begin() {
        base::lay(reader, |changes| tree.apply(std::iter::once(&changes)))?;
    }
    if from == to {
        // The same position after the same entries: no segment needs to be read.
        return Ok(());
    }
    let (sender, batches) = sync_channel(READ_AHEAD);
    let (loads, loading) = sync_channel(0);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let read = scope.spawn(move || read(reader, from, to, &sender));
        let ended = &ended;
        let loaded = scope.spawn(move || put_all(tree, reader, &loading, ended));
        // Takes its ends of both channels with it: nobody waits for it after that.
        let folded = fold_all(tree, batches, loads, applied);
        ended.store(true, Ordering::Relaxed);
        let (read, loaded) = (joined(read), joined(loaded));
        // Who feeds one that failed ends with it; the one that failed knows why.
        loaded.and(folded).and(read)
    })
}

/// A batch as it is folded.
struct Decoded {
    entries: Vec<(Position, Stamped)>,
    /// What the index has to know of where it is.
    traces: Changes,
    upto: Position,
}

/// Changes on their way into the tree.
struct Load {
    changes: Arc<Changes>,
    /// The instant of the last entry that they are of.
    at: Option<Timestamp>,
    /// Those before them, which nobody reads any more: whoever has the time gives their memory back.
    past: Arc<Changes>,
}

/// Reads the journal from one place to another, and hands over what it has checked.
fn read(
    reader: &Reader,
    from: Head,
    to: Head,
    batches: &SyncSender<Decoded>,
) -> Result<(), OpenError> {
    reader.replay(from, to, |batch, unreadable| {
        let mut entries = Vec::with_capacity(batch.entries.len());
        for (number, entry) in (batch.first.0..).zip(&batch.entries) {
            let stamped = Stamped::read(entry).map_err(|_| OpenError::Entry(number))?;
            entries.push((Position(number), stamped));
        }
        let start = Mark {
            segment: batch.end.segment,
            offset: batch.start,
            first: batch.first,
        };
        let mut traces = Changes::new();
        let bodies = bodies(batch, &entries, unreadable);
        if reader.is_archived(start.segment) {
            places::record_archived(&mut traces, start, batch.end);
        } else {
            places::record(&mut traces, start, &bodies, batch.end);
        }
        let upto = batch.end.position;
        let decoded = Decoded {
            entries,
            traces,
            upto,
        };
        batches.send(decoded).map_err(|_| gone())
    })
}

/// Folds what is read, and hands over the changes of many batches at once.
fn fold_all(
    tree: &Tree,
    batches: Receiver<Decoded>,
    loads: SyncSender<Load>,
    mut applied: impl FnMut(u64, Position) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let mut known = Known::default();
    let mut below = Under {
        tree,
        loading: Arc::default(),
    };
    loop {
        let mut working = Working::new(&below);
        let (mut entries, mut upto, mut at) = (0, None, None);
        while working.changed() < FULL {
            let Ok(batch) = batches.recv() else { break };
            for (position, stamped) in &batch.entries {
                ledger::fold(&mut working, &mut known, *position, stamped)?;
            }
            working.absorb(batch.traces);
            entries += batch.entries.len() as u64;
            at = batch.entries.last().map(|(_, stamped)| stamped.at).or(at);
            upto = Some(batch.upto);
        }
        let Some(upto) = upto else { return Ok(()) };
        let changes = Arc::new(working.into_changes());
        let past = std::mem::replace(&mut below.loading, changes.clone());
        // Taken when the changes before these are in the tree.
        let load = Load { changes, at, past };
        loads.send(load).map_err(|_| gone())?;
        applied(entries, upto)?;
    }
}

fn put_all(
    tree: &Tree,
    reader: &Reader,
    loads: &Receiver<Load>,
    ended: &AtomicBool,
) -> Result<(), OpenError> {
    let is_archived = |segment| reader.is_archived(segment);
    let mut goes_on = |_| !ended.load(Ordering::Relaxed);
    for (number, load) in (1..).zip(loads) {
        let Load { changes, at, past } = load;
        drop(past);
        tree.apply(std::iter::once(&*changes))?;
        if let Some(at) = at.filter(|_| number % ROUND == 0) {
            let least = mover::LEAST_BYTES;
            tidied(mover::round(tree, at - STAY, least, &mut goes_on))?;
        }
        if tree.shelf().files().len() >= mover::MANY {
            tidied(mover::merge(tree, &is_archived, &mut goes_on))?;
        }
    }
    Ok(())
}

/// What only makes the tree smaller may wait until the store runs: no start fails by it, or takes longer for it.
fn tidied(moved: Result<(), mover::Ended>) -> Result<(), Error> {
    match moved {
        Ok(()) | Err(mover::Ended::Stopped | mover::Ended::Sorted(sorted::Error::Io { .. })) => {
            Ok(())
        }
        Err(
            error @ (mover::Ended::Index(_) | mover::Ended::Sorted(sorted::Error::Damaged { .. })),
        ) => Err(error.into()),
    }
}

fn joined(thread: ScopedJoinHandle<'_, Result<(), OpenError>>) -> Result<(), OpenError> {
    let panicked = |_| Err(Error::Read("a thread of the replay panicked".into()).into());
    thread.join().unwrap_or_else(panicked)
}

fn gone() -> OpenError {
    Error::Stopped("the replay ended".into()).into()
}

/// A tree, and the changes that are on their way into it.
struct Under<'a> {
    tree: &'a Tree,
    loading: Arc<Changes>,
}

impl Index for Under<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.loading.get(key) {
            Some(change) => Ok(change.clone()),
            None => self.tree.get(key),
        }
    }

    fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error> {
        merge(self.tree, &[&self.loading], from, to, most)
    }
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
        let promised =
            promised.filter_map(|(position, stamped)| BodyId::promised(*position, &stamped.entry));
        for (body, _) in promised {
            if batch.bodies.iter().all(|(name, _)| *name != body) {
                bodies.push((body, *place));
            }
        }
    }
    bodies
}
