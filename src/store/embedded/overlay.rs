//! What is journalled and not yet in the tree, and views that see both as one.
//!
//! The committer publishes a layer of changes a batch; the applier moves layers into the tree, oldest first,
//! and drops them. A view is the state after one whole batch for as long as it lives: it keeps its layers,
//! and the applier does not put later ones into the tree below it. Readers wait for nobody, and the
//! committer never waits for readers, only for room: the layers are bounded in number and bytes.
//!
//! A tree that fails is not asked again: there is no room until another one, built from the journal, takes its
//! place. No lock here is held over IO. A crash loses the overlay; the journal has all of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::claims::entry::Position;
use crate::store::Error;
use crate::store::embedded::tree::Tree;
use crate::store::index::{Changes, Index, Pairs, merge};
use crate::store::journal::Head;

/// At most so many layers: every read looks through all of them.
const LAYERS: usize = 64;

/// Layers above a tree.
pub struct Overlay {
    limit: usize,
    inner: Mutex<Inner>,
    moved: Condvar,
}

struct Inner {
    tree: Tree,
    layers: VecDeque<Arc<Layer>>,
    bytes: usize,
    /// Of the last layer ever published.
    serial: u64,
    /// Behind the last layer ever published.
    head: Head,
    /// Serials at which views were taken, with their count.
    views: BTreeMap<u64, usize>,
    end: End,
}

enum End {
    Open,
    /// No more layers come; those that are there are still to be applied.
    Closed,
    /// There is no tree any more, and there will be none.
    Failed(Error),
}

/// Why no more layers are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The overlay is closed and empty.
    Closed,
    /// The tree failed: one that is applied up to here takes its place.
    Broken(Head),
}

/// The changes of one batch.
pub struct Layer {
    serial: u64,
    position: Position,
    bytes: usize,
    changes: Changes,
}

impl Overlay {
    /// No layers above a tree that is applied up to a place; at most `limit` bytes of layers.
    pub fn new(tree: Tree, head: Head, limit: usize) -> Overlay {
        Overlay {
            limit,
            inner: Mutex::new(Inner {
                tree,
                layers: VecDeque::new(),
                bytes: 0,
                serial: 0,
                head,
                views: BTreeMap::new(),
                end: End::Open,
            }),
            moved: Condvar::new(),
        }
    }

    /// The state after the last published batch; it stays as it is.
    pub fn view(self: &Arc<Overlay>) -> View {
        let mut inner = self.lock();
        let serial = inner.serial;
        *inner.views.entry(serial).or_default() += 1;
        View {
            overlay: self.clone(),
            tree: inner.tree.clone(),
            layers: inner.layers.iter().cloned().collect(),
            serial,
            position: inner.head.position,
        }
    }

    /// The last entry that a view taken now would show. Never behind what an earlier view has shown.
    pub fn position(&self) -> Position {
        self.head().position
    }

    /// The place behind the last batch that is committed.
    pub fn head(&self) -> Head {
        self.lock().head
    }

    /// Waits until there is room for one more layer. While the tree is built anew, there is none, and nobody waits:
    /// [`Error::Busy`].
    pub fn wait_for_room(&self) -> Result<(), Error> {
        let mut inner = self.lock();
        loop {
            if let End::Failed(error) = &inner.end {
                return Err(error.clone());
            }
            if inner.tree.is_broken() {
                return Err(Error::Busy);
            }
            if inner.layers.len() < LAYERS && inner.bytes < self.limit {
                return Ok(());
            }
            inner = self.wait(inner);
        }
    }

    /// Makes a batch visible to every view from now on.
    pub fn publish(&self, changes: Changes, head: Head) {
        let bytes = changes
            .iter()
            .map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len))
            .sum();
        let mut inner = self.lock();
        inner.serial += 1;
        inner.bytes += bytes;
        inner.head = head;
        let layer = Layer {
            serial: inner.serial,
            position: head.position,
            bytes,
            changes,
        };
        inner.layers.push_back(Arc::new(layer));
        drop(inner);
        self.moved.notify_all();
    }

    /// Says that no more layers come.
    pub fn close(&self) {
        let mut inner = self.lock();
        if matches!(inner.end, End::Open) {
            inner.end = End::Closed;
        }
        drop(inner);
        self.moved.notify_all();
    }

    /// Says that there will never be room again.
    pub fn fail(&self, error: Error) {
        self.lock().end = End::Failed(error);
        self.moved.notify_all();
    }

    /// Has the applier look whether the tree failed.
    pub fn look(&self) {
        // Under the lock, so that the applier does not begin to wait in between.
        drop(self.lock());
        self.moved.notify_all();
    }

    /// Whether it was closed: nobody waits for a tree any more.
    pub fn is_closed(&self) -> bool {
        !matches!(self.lock().end, End::Open)
    }

    /// Puts a tree that is applied up to a place where a broken one was. What was committed since stays above it.
    pub fn replace(&self, tree: Tree, head: Head) {
        let mut inner = self.lock();
        inner.tree = tree;
        inner.layers.retain(|layer| layer.position > head.position);
        inner.bytes = inner.layers.iter().map(|layer| layer.bytes).sum();
        drop(inner);
        self.moved.notify_all();
    }

    /// Moves layers into the tree until the overlay is closed and empty, or the tree fails; `applied` hears every new
    /// position.
    pub fn apply_all(&self, mut applied: impl FnMut(Position)) -> Ended {
        loop {
            let (tree, layers) = match self.next_layers() {
                Ok(next) => next,
                Err(ended) => return ended,
            };
            if tree
                .apply(layers.iter().map(|layer| &layer.changes))
                .is_err()
            {
                // Broken: the next look finds it so.
                continue;
            }
            let mut inner = self.lock();
            for layer in &layers {
                inner.layers.pop_front();
                inner.bytes -= layer.bytes;
                applied(layer.position);
            }
            drop(inner);
            self.moved.notify_all();
        }
    }

    /// The tree, and the layers that no living view stands below; waits for some, and ends when none will come.
    fn next_layers(&self) -> Result<(Tree, Vec<Arc<Layer>>), Ended> {
        let mut inner = self.lock();
        loop {
            if inner.tree.is_broken() {
                inner.tree.clone().abandon();
                return Err(Ended::Broken(inner.head));
            }
            let oldest = inner.views.keys().next().copied().unwrap_or(u64::MAX);
            let layers = inner.layers.iter();
            let free: Vec<_> = layers
                .take_while(|layer| layer.serial <= oldest)
                .cloned()
                .collect();
            if !free.is_empty() {
                return Ok((inner.tree.clone(), free));
            }
            if inner.layers.is_empty() && !matches!(inner.end, End::Open) {
                let tree = inner.tree.clone();
                drop(inner);
                // What is not flushed is replayed.
                let _ = tree.flush();
                return Err(Ended::Closed);
            }
            inner = self.wait(inner);
        }
    }

    /// The tree at present.
    pub fn tree(&self) -> Tree {
        self.lock().tree.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics between two changes that belong together.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, inner: MutexGuard<'a, Inner>) -> MutexGuard<'a, Inner> {
        self.moved
            .wait(inner)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state after one whole batch.
pub struct View {
    overlay: Arc<Overlay>,
    tree: Tree,
    layers: Vec<Arc<Layer>>,
    serial: u64,
    position: Position,
}

impl View {
    /// The last entry that it shows.
    pub fn position(&self) -> Position {
        self.position
    }

    /// What the tree says; when it fails, the applier is told.
    fn told<T>(&self, said: Result<T, Error>) -> Result<T, Error> {
        if said.is_err() {
            self.overlay.look();
        }
        said
    }
}

impl Index for View {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let mut newest_first = self.layers.iter().rev();
        match newest_first.find_map(|layer| layer.changes.get(key)) {
            Some(change) => Ok(change.clone()),
            None => self.told(self.tree.get(key)),
        }
    }

    fn scan(&self, from: &[u8], to: &[u8], most: usize) -> Result<Pairs, Error> {
        let newest_first = self.layers.iter().rev().map(|layer| &layer.changes);
        let layers: Vec<&Changes> = newest_first.collect();
        self.told(merge(&self.tree, &layers, from, to, most))
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let mut inner = self.overlay.lock();
        if let Some(count) = inner.views.get_mut(&self.serial) {
            *count -= 1;
            if *count == 0 {
                inner.views.remove(&self.serial);
            }
        }
        drop(inner);
        self.overlay.moved.notify_all();
    }
}
