//! Takes finished documents, and what was counted on days long past, out of the tree into sorted files, and merges
//! these: so the tree follows what is live, and not the history.
//!
//! Where a key lies says nothing about it. So each step may be cut off, and what changes meanwhile stays as it is:
//!
//! | crash | found at the next start |
//! |---|---|
//! | while a file is written | a file that the tree does not name: removed |
//! | before the tree names it | the same |
//! | while its keys leave the tree | keys in both, with one value: the next round takes them along again |
//! | before the files that were merged are removed | files that the tree does not name: removed |
//!
//! Files that were merged are removed only when the tree that no longer names them is synced: a power cut gives back no
//! tree that would miss one. All of it runs on a thread of its own, a part at a time with pauses. Must never hold a
//! view, nor the tree for longer than a small batch.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::time::Instant;

use crate::claims::id::DocumentId;
use crate::claims::time::{Day, Timestamp};
use crate::store::embedded::leaving::Leaving;
use crate::store::embedded::overlay::Overlay;
use crate::store::embedded::sorted;
use crate::store::embedded::sorted::merge::Merged;
use crate::store::embedded::sorted::shelf::{Record, Shelved};
use crate::store::embedded::sorted::writer::Writer;
use crate::store::embedded::state::State;
use crate::store::embedded::tree::Tree;
use crate::store::embedded::tree::reading::Live;
use crate::store::embedded::{last, places, tables};
use crate::store::index::Index;
use crate::store::journal::reader::Reader;
use crate::store::ledger::{keys, listing, query};
use crate::store::{Error, Observer, Space};

/// So many records are looked at in one step.
const PAGE: usize = 256;
/// So many files of one level are merged into one of the next: a key that is not there is looked for in fewer than
/// this many filters for each level, and a pair is written once for each.
const FAN: usize = 8;

/// With so many files it is not waited between two parts of a merge: each makes all reads dearer.
pub const MANY: usize = 40;

/// A round writes no file for fewer bytes than this: they wait in the tree for more.
pub const LEAST_BYTES: usize = 256 << 10;

/// The one who moves, on a thread of its own.
pub struct Mover {
    /// Where the tree is found, also after it was built anew.
    pub overlay: Arc<Overlay>,
    /// Where it is told how full the disk is.
    pub state: Arc<State>,
    /// Reads the journal.
    pub reader: Reader,
    /// Who hears what became of a round.
    pub observer: Arc<dyn Observer>,
    /// How long a document stays after it was finished.
    pub stay: Duration,
    /// Between two rounds.
    pub every: Duration,
    /// Bytes that are read or written in a second, about.
    pub pace: NonZeroU64,
}

impl Mover {
    /// Makes rounds, and merges when it is told that there are many files, until nobody can tell it any more.
    pub fn run(&self, wakes: &Receiver<()>) {
        let runs = |wait| {
            !matches!(
                wakes.recv_timeout(wait),
                Err(RecvTimeoutError::Disconnected)
            )
        };
        let is_archived = |segment| self.reader.is_archived(segment);
        self.tell();
        let mut rounded = Instant::now();
        loop {
            let left = self.every.saturating_sub(rounded.elapsed());
            let is_due = match wakes.recv_timeout(left) {
                Ok(()) => false,
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if is_due {
                rounded = Instant::now();
            }
            // A tree gives back no room to the disk: what little there is is for the journal.
            if self.state.room() != Space::Ample {
                continue;
            }
            let tree = self.overlay.tree();
            let mut pause = |bytes: usize| {
                let micros = match tree.shelf().files().len() {
                    MANY.. => 0,
                    _ => (bytes as u64).saturating_mul(1_000_000) / self.pace,
                };
                !tree.is_broken() && runs(Duration::from_micros(micros))
            };
            let mut moved = Ok(());
            if is_due {
                let before = self.before();
                moved = before.and_then(|before| round(&tree, before, LEAST_BYTES, &mut pause));
            }
            match moved.and_then(|()| merge(&tree, &is_archived, &mut pause)) {
                Ok(()) | Err(Ended::Stopped) => {}
                // A tree that failed is replaced by the applier; the next round goes on with that one.
                Err(Ended::Index(_)) => self.overlay.look(),
                Err(Ended::Sorted(sorted::Error::Damaged { .. })) => {
                    tree.give_up();
                    self.overlay.look();
                }
                Err(Ended::Sorted(sorted::Error::Io { .. })) => self.observer.sorted_failed(),
            }
            self.tell();
        }
    }

    fn tell(&self) {
        let files = self.overlay.tree().shelf().files();
        let bytes = files.iter().map(|shelved| shelved.record.length).sum();
        self.observer.sorted(files.len(), bytes);
    }

    /// What was finished before this instant of the ledger leaves.
    fn before(&self) -> Result<Timestamp, Ended> {
        // The view has it, and perhaps more.
        let head = self.overlay.head();
        let last = last::instant(|| self.overlay.view(), &self.reader, head);
        let last = last.map_err(|error| Error::Read(error.to_string().into()))?;
        Ok(last - self.stay)
    }
}

/// Pauses after a part of the work, of so many bytes; says whether to go on.
pub type Pause<'a> = dyn FnMut(usize) -> bool + 'a;

/// Whether the bodies of a segment are gone: where they were is left out when files are merged.
pub type Archived<'a> = dyn Fn(u64) -> bool + 'a;

/// What ends a round.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// It was told to stop.
    #[error("stopped")]
    Stopped,
    /// The index failed.
    #[error(transparent)]
    Index(#[from] Error),
    /// A file could not be written.
    #[error(transparent)]
    Sorted(#[from] sorted::Error),
}

impl From<Ended> for Error {
    fn from(ended: Ended) -> Error {
        match ended {
            Ended::Index(error) => error,
            Ended::Stopped | Ended::Sorted(_) => Error::Read(format!("index: {ended}").into()),
        }
    }
}

/// One round over the tree: what was finished before an instant leaves it; nothing is written for less than
/// `least_bytes` of pairs.
pub fn round(
    tree: &Tree,
    before: Timestamp,
    least_bytes: usize,
    pause: &mut Pause<'_>,
) -> Result<(), Ended> {
    let _moving = tree.moving();
    if tree.is_broken() {
        return Err(Ended::Stopped);
    }
    let mut round = Round {
        tree,
        leaving: Leaving::default(),
        pause,
    };
    tree.begin_file();
    let done = round.all(before, least_bytes);
    tree.end_file();
    done
}

/// Merges files until no level has too many. What was removed meanwhile is left out.
pub fn merge(tree: &Tree, is_archived: &Archived<'_>, pause: &mut Pause<'_>) -> Result<(), Ended> {
    loop {
        let _moving = tree.moving();
        // Then its directory is another one's.
        if tree.is_broken() {
            return Err(Ended::Stopped);
        }
        let Some(files) = crowded(&tree.shelf().files()) else {
            return Ok(());
        };
        merge_files(tree, &files, is_archived, pause)?;
    }
}

/// One round that takes along whatever may leave, finished or not: wherever a key lies, nothing is found otherwise.
#[cfg(test)]
pub fn everything(tree: &Tree, pause: &mut Pause<'_>) -> Result<(), Ended> {
    let _moving = tree.moving();
    let mut round = Round {
        tree,
        leaving: Leaving::default(),
        pause,
    };
    tree.begin_file();
    for letter in 0..u8::MAX {
        if tables::may_leave(&[letter]) {
            round.table(&[letter], &[letter + 1], |_| true)?;
        }
    }
    if round.leaving.bytes() > 0 {
        round.write()?;
    }
    tree.end_file();
    Ok(())
}

struct Round<'a, 'p> {
    tree: &'a Tree,
    leaving: Leaving,
    pause: &'a mut Pause<'p>,
}

impl Round<'_, '_> {
    fn all(&mut self, before: Timestamp, least_bytes: usize) -> Result<(), Ended> {
        self.lots()?;
        self.documents(before)?;
        self.days(before.day())?;
        self.heard()?;
        if self.leaving.bytes() >= least_bytes.max(1) {
            self.write()?;
        }
        Ok(())
    }

    /// Lots that are finished, of which no document lies in the tree any more.
    fn lots(&mut self) -> Result<(), Ended> {
        let live = self.tree.live();
        let mut after = None;
        loop {
            let lots = listing::lots(&live, after, PAGE)?;
            let Some(last) = lots.last() else {
                return Ok(());
            };
            after = Some(last.sealed.lot);
            for lot in &lots {
                if lot.wait().is_none() && !any_live(&live, &lot.sealed.documents)? {
                    self.leaving.lot(&live, lot)?;
                }
            }
            self.stepped(lots.len())?;
        }
    }

    /// Documents that are finished.
    fn documents(&mut self, before: Timestamp) -> Result<(), Ended> {
        let live = self.tree.live();
        let mut after = None;
        loop {
            let documents = query::documents(&live, after, PAGE)?;
            let Some(last) = documents.last() else {
                return Ok(());
            };
            after = Some(last.received.document);
            for record in &documents {
                let kind = record.received.facts.key.kind;
                if record.standing().is_finished(kind) && record.since <= before {
                    self.leaving.document(&live, record)?;
                }
            }
            self.stepped(documents.len())?;
        }
    }

    /// What is counted by day, of days before one. What changes of it after that is the tree's again.
    fn days(&mut self, before: Day) -> Result<(), Ended> {
        for table in tables::by_day() {
            let is_past = |key: &[u8]| keys::day_of(key).is_some_and(|day| day < before);
            self.table(&[table], &[table + 1], is_past)?;
        }
        Ok(())
    }

    /// What is known of receipts and settlements: asked for once, to find that it is new. And where the bodies of
    /// entries are.
    fn heard(&mut self) -> Result<(), Ended> {
        for table in keys::heard().into_iter().chain([places::entry_bodies()]) {
            self.table(&table, &keys::after(&table), |_| true)?;
        }
        Ok(())
    }

    /// The pairs of a range whose keys leave.
    fn table(
        &mut self,
        from: &[u8],
        to: &[u8],
        leaves: impl Fn(&[u8]) -> bool,
    ) -> Result<(), Ended> {
        let mut from = from.to_vec();
        loop {
            let mut pairs = self.tree.live().scan(&from, to, PAGE)?;
            let Some((last, _)) = pairs.last() else {
                return Ok(());
            };
            from = [last.as_slice(), &[0]].concat();
            let count = pairs.len();
            pairs.retain(|(key, _)| leaves(key));
            self.leaving.add(pairs);
            self.stepped(count)?;
        }
    }

    fn stepped(&mut self, records: usize) -> Result<(), Ended> {
        if self.leaving.is_full() {
            self.write()?;
        }
        // About what a record is long.
        paused(self.pause, records * 512)
    }

    /// Writes what was gathered into a file, and takes it out of the tree.
    fn write(&mut self) -> Result<(), Ended> {
        let leaving = std::mem::take(&mut self.leaving);
        let Some(age) = shelve(self.tree, leaving.pairs(), self.pause)? else {
            return Ok(());
        };
        let pairs: Vec<_> = leaving.pairs().collect();
        for part in pairs.chunks(PAGE) {
            self.tree.leave(age, part)?;
            paused(self.pause, part.len() * 64)?;
        }
        self.tree.begin_file();
        Ok(())
    }
}

/// Writes pairs, in order of key, into a file that counts from then on, and gives its age; nothing where there are
/// none.
pub fn shelve<'a>(
    tree: &Tree,
    pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    pause: &mut Pause<'_>,
) -> Result<Option<u64>, Ended> {
    if pairs.clone().next().is_none() {
        return Ok(None);
    }
    let single = pairs
        .clone()
        .filter(|(key, _)| tables::asked_singly(key).is_some());
    let file = tree.shelf().write(single.count(), |writer| {
        for (key, value) in pairs {
            writer.put(key, value)?;
            paced(pause, writer)?;
        }
        Ok::<_, Ended>(())
    })?;
    Ok(Some(tree.shelve(file)?))
}

fn any_live(live: &Live<'_>, documents: &[DocumentId]) -> Result<bool, Error> {
    for document in documents {
        if live.get(&keys::document(*document))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether there are files to be merged.
pub fn is_crowded(tree: &Tree) -> bool {
    crowded(&tree.shelf().files()).is_some()
}

/// The oldest files of a level that has enough to be merged: one after the other in age, the newest first.
fn crowded(newest_first: &[Shelved]) -> Option<Vec<Shelved>> {
    let mut levels = newest_first.chunk_by(|a, b| a.record.level == b.record.level);
    let crowd = levels.find(|files| files.len() >= FAN)?;
    Some(crowd[crowd.len() - FAN..].to_vec())
}

fn merge_files(
    tree: &Tree,
    files: &[Shelved],
    is_archived: &Archived<'_>,
    pause: &mut Pause<'_>,
) -> Result<(), Ended> {
    let shelf = tree.shelf();
    let single = files.iter().map(|shelved| shelved.file.single()).sum();
    let mut merged = Merged::new(files.iter().map(|shelved| &shelved.file), &[])?;
    let mut gone = Gone::new(tree)?;
    let mut without = Vec::new();
    let file = shelf.write(single, |writer| {
        while let Some((key, value)) = merged.step()? {
            if gone.has(&key)? {
                without.push(key);
            } else if !places::is_left_over(&key, &value, is_archived) {
                writer.put(&key, &value)?;
                paced(pause, writer)?;
            }
        }
        Ok::<_, Ended>(())
    })?;
    let others: Vec<Record> = files.iter().map(|shelved| shelved.record).collect();
    tree.supersede(&others, file, without)?;
    tree.flush()?;
    tree.sync()?;
    shelf.remove_superseded()?;
    Ok(())
}

/// The keys that are gone although a file has them, read along with a merge.
struct Gone<'t> {
    tree: &'t Tree,
    next: Option<Vec<u8>>,
}

impl Gone<'_> {
    fn new(tree: &Tree) -> Result<Gone<'_>, Error> {
        let next = tree.next_gone(&[])?;
        Ok(Gone { tree, next })
    }

    /// Whether a key is gone; it comes after all that were asked for before.
    fn has(&mut self, key: &[u8]) -> Result<bool, Error> {
        if self.next.as_deref().is_some_and(|next| next < key) {
            self.next = self.tree.next_gone(key)?;
        }
        Ok(self.next.as_deref() == Some(key))
    }
}

/// Pauses when another part of a file was written.
fn paced(pause: &mut Pause<'_>, writer: &mut Writer) -> Result<(), Ended> {
    match writer.part() {
        0 => Ok(()),
        bytes => paused(pause, bytes),
    }
}

fn paused(pause: &mut Pause<'_>, bytes: usize) -> Result<(), Ended> {
    if pause(bytes) {
        Ok(())
    } else {
        Err(Ended::Stopped)
    }
}
