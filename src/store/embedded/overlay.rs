//! What is journalled and not yet in the tree, and views that see both as one.
//!
//! The committer publishes the changes of a batch in the uppermost layer, or in a new one while a view holds that, and
//! joins layers when their views have gone; the applier moves layers into the tree, oldest first, and drops them. It
//! lets them gather first: what is changed again meanwhile is written once, and what came and went never. A view is the state after one whole batch for as
//! long as it lives: it keeps its layers, and the applier does not put later ones into the tree below it. Readers
//! wait for nobody, and the committer never waits for readers, only for room: the layers are bounded in number and
//! bytes.
//!
//! A tree that fails is not asked again: there is no room until another one, built from the journal, takes its
//! place. No lock here is held over IO. A crash loses the overlay; the journal has all of it.

use std::collections::{BTreeMap, HashSet, VecDeque, btree_map};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::claims::entry::Position;
use crate::store::Error;
use crate::store::embedded::sorted::filter::hash;
use crate::store::embedded::tree::Tree;
use crate::store::index::{Changes, Index, Pairs, merge};
use crate::store::journal::Head;

/// At most so many layers: every read looks through all of them.
const LAYERS: usize = 64;

/// Changes gather until there are more layers than this.
const GATHER_LAYERS: usize = 16;

/// Changes gather until they take this part of all that may wait: a start after a crash replays so many more, and the
/// tree takes them in one atomic batch.
const GATHER_PART: usize = 8;

/// A layer that nobody holds any more joins the one below it if it changes no more keys than this: that takes a
/// millisecond, and everybody waits for it.
const JOINED: usize = 2048;

/// Changes gather no longer than this.
const GATHER_FOR: Duration = Duration::from_secs(5);

/// Layers above a tree.
pub struct Overlay {
    limit: usize,
    inner: Mutex<Inner>,
    moved: Condvar,
    /// That of the head, for who asks for nothing else.
    position: AtomicU64,
}

struct Inner {
    tree: Tree,
    layers: VecDeque<Arc<Layer>>,
    /// Since when the oldest of them waits.
    since: Instant,
    bytes: usize,
    /// Of the last layer ever published.
    serial: u64,
    /// Behind the last layer ever published.
    head: Head,
    /// Serials at which views were taken, with their count.
    views: BTreeMap<u64, usize>,
    /// What is due to be applied stands above a view.
    held: bool,
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

/// The changes of a batch that is not durable yet: shown to nobody but who decides what follows it.
pub struct Pending(Arc<Layer>);

/// The changes of one batch, or of some that follow each other.
struct Layer {
    serial: u64,
    head: Head,
    bytes: usize,
    changes: Changes,
    /// Hashes of its keys: who looks for one key passes over the layers that have not changed it.
    hashes: HashSet<u64, Plain>,
}

/// A hash is its own hash.
type Plain = BuildHasherDefault<PlainHasher>;

#[derive(Default)]
struct PlainHasher(u64);

impl Hasher for PlainHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl Overlay {
    /// No layers above a tree that is applied up to a place; at most `limit` bytes of layers.
    pub fn new(tree: Tree, head: Head, limit: usize) -> Overlay {
        Overlay {
            limit,
            inner: Mutex::new(Inner {
                tree,
                layers: VecDeque::new(),
                since: Instant::now(),
                bytes: 0,
                serial: 0,
                head,
                views: BTreeMap::new(),
                held: false,
                end: End::Open,
            }),
            moved: Condvar::new(),
            position: AtomicU64::new(head.position.0),
        }
    }

    /// The state after the last published batch; it stays as it is.
    pub fn view(self: &Arc<Overlay>) -> View {
        self.view_of(&mut self.lock())
    }

    fn view_of(self: &Arc<Overlay>, inner: &mut Inner) -> View {
        let serial = inner.serial;
        *inner.views.entry(serial).or_default() += 1;
        View {
            overlay: self.clone(),
            tree: inner.tree.clone(),
            layers: inner.layers.iter().cloned().collect(),
            serial,
            head: inner.head,
        }
    }

    /// The changes of the batch that will be published next, once it is durable.
    pub fn pending(&self, changes: Changes, head: Head) -> Pending {
        let serial = self.lock().serial + 1;
        Pending(Arc::new(Layer::new(changes, serial, head)))
    }

    /// The state after a batch that is not durable yet.
    pub fn view_after(self: &Arc<Overlay>, pending: &Pending) -> View {
        let mut inner = self.lock();
        // What was published under the last view of this kind could not join then.
        inner.join();
        let mut view = self.view_of(&mut inner);
        drop(inner);
        view.head = pending.0.head;
        view.layers.push(pending.0.clone());
        view
    }

    /// The last entry that a view taken now would show. Never behind what an earlier view has shown.
    pub fn position(&self) -> Position {
        Position(self.position.load(Ordering::Acquire))
    }

    /// The place behind the last batch that is committed.
    pub fn head(&self) -> Head {
        self.lock().head
    }

    /// Whether there is room for one more layer, without waiting.
    pub fn has_room(&self) -> bool {
        let inner = self.lock();
        !matches!(inner.end, End::Failed(_))
            && !inner.tree.is_broken()
            && inner.has_room(self.limit)
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
            if inner.has_room(self.limit) {
                return Ok(());
            }
            inner = self.wait(inner);
        }
    }

    /// Makes a batch visible to every view from now on.
    pub fn publish(&self, changes: Changes, head: Head) {
        self.show(head, |inner, serial| {
            inner.join();
            let Some(last) = inner.layers.back_mut().and_then(Arc::get_mut) else {
                inner.push(Arc::new(Layer::new(changes, serial, head)));
                return;
            };
            let before = last.bytes;
            last.take_over(changes, serial, head);
            let after = last.bytes;
            inner.bytes = inner.bytes - before + after;
        });
    }

    /// The same for one that was pending: it is durable now, and no other one was published since it was made.
    pub fn publish_pending(&self, pending: Pending) {
        self.show(pending.0.head, |inner, serial| {
            debug_assert_eq!(pending.0.serial, serial, "batches are published in order");
            inner.push(pending.0);
        });
    }

    fn show(&self, head: Head, add: impl FnOnce(&mut Inner, u64)) {
        let mut inner = self.lock();
        inner.serial += 1;
        inner.head = head;
        self.position.store(head.position.0, Ordering::Release);
        let serial = inner.serial;
        let was_due = inner.is_due(self.limit);
        let was_empty = inner.layers.is_empty();
        add(&mut inner, serial);
        // The applier waits for the first layer until it is time for it, and wakes sooner for this alone.
        let wakes = was_empty || (!was_due && inner.is_due(self.limit));
        drop(inner);
        if wakes {
            self.moved.notify_all();
        }
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

    /// Waits for its end, so long at most.
    pub fn wait_for_end(&self, most: Duration) {
        let end = Instant::now() + most;
        let mut inner = self.lock();
        while matches!(inner.end, End::Open) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.moved.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Puts a tree that is applied up to a place where a broken one was. What was committed since stays above it.
    pub fn replace(&self, tree: Tree, head: Head) {
        let mut inner = self.lock();
        inner.tree = tree;
        // Not by position: a batch may have bodies alone.
        let behind = (head.segment, head.offset);
        inner
            .layers
            .retain(|layer| (layer.head.segment, layer.head.offset) > behind);
        inner.bytes = inner.layers.iter().map(|layer| layer.bytes).sum();
        drop(inner);
        self.moved.notify_all();
    }

    /// Moves layers into the tree until the overlay is closed and empty, or the tree fails; `applied` hears of the
    /// tree and every new position.
    pub fn apply_all(&self, mut applied: impl FnMut(&Tree, Position)) -> Ended {
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
                applied(&tree, layer.head.position);
            }
            inner.since = Instant::now();
            drop(inner);
            self.moved.notify_all();
        }
    }

    /// The tree, and the layers that no living view stands below; waits for some to be due, and ends when none will
    /// come.
    fn next_layers(&self) -> Result<(Tree, Vec<Arc<Layer>>), Ended> {
        let mut inner = self.lock();
        loop {
            if inner.tree.is_broken() {
                inner.tree.clone().abandon();
                let head = inner.head;
                drop(inner);
                // Who waits for room need not wait for another tree.
                self.moved.notify_all();
                return Err(Ended::Broken(head));
            }
            let is_due = inner.is_due(self.limit);
            if is_due {
                let free = inner.free();
                if !free.is_empty() {
                    return Ok((inner.tree.clone(), free));
                }
            }
            if inner.layers.is_empty() && !matches!(inner.end, End::Open) {
                let tree = inner.tree.clone();
                drop(inner);
                // What is not flushed is replayed.
                let _ = tree.flush();
                return Err(Ended::Closed);
            }
            inner.held = is_due;
            inner = if is_due || inner.layers.is_empty() {
                self.wait(inner)
            } else {
                let left = GATHER_FOR.saturating_sub(inner.since.elapsed());
                let waited = self.moved.wait_timeout(inner, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            };
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

impl Inner {
    fn has_room(&self, limit: usize) -> bool {
        self.layers.len() < LAYERS && self.bytes < limit
    }

    /// A layer above all others.
    fn push(&mut self, layer: Arc<Layer>) {
        if self.layers.is_empty() {
            self.since = Instant::now();
        }
        self.bytes += layer.bytes;
        self.layers.push_back(layer);
    }

    /// Whether layers are to be applied, if there are any: they have gathered enough, or no more of them come.
    fn is_due(&self, limit: usize) -> bool {
        !self.layers.is_empty()
            && (self.bytes >= limit / GATHER_PART
                || self.layers.len() > GATHER_LAYERS
                || !matches!(self.end, End::Open)
                || self.since.elapsed() >= GATHER_FOR)
    }

    /// Joins the uppermost layers that nobody holds. Each view leaves two of them behind, and there are hundreds a second:
    /// they would be applied for their number alone, and keys that each batch changes be written with each.
    fn join(&mut self) {
        while let [.., below, last] = self.layers.make_contiguous()
            && last.changes.len() <= JOINED
            && let (Some(below), Some(last)) = (Arc::get_mut(below), Arc::get_mut(last))
        {
            let before = below.bytes + last.bytes;
            below.take_over(std::mem::take(&mut last.changes), last.serial, last.head);
            self.bytes = self.bytes - before + below.bytes;
            self.layers.pop_back();
        }
    }

    /// The layers that no living view stands below.
    fn free(&self) -> Vec<Arc<Layer>> {
        let oldest = self.views.keys().next().copied().unwrap_or(u64::MAX);
        let layers = self.layers.iter();
        layers
            .take_while(|layer| layer.serial <= oldest)
            .cloned()
            .collect()
    }
}

impl Layer {
    fn new(changes: Changes, serial: u64, head: Head) -> Layer {
        let bytes = changes.iter().map(|(key, value)| key.len() + length(value));
        Layer {
            serial,
            head,
            bytes: bytes.sum(),
            hashes: changes.keys().map(|key| hash(key)).collect(),
            changes,
        }
    }

    /// Becomes the state after a later batch.
    fn take_over(&mut self, changes: Changes, serial: u64, head: Head) {
        self.serial = serial;
        self.head = head;
        for (key, value) in changes {
            self.bytes += length(&value);
            match self.changes.entry(key) {
                btree_map::Entry::Occupied(mut present) => {
                    self.bytes -= length(&present.insert(value));
                }
                btree_map::Entry::Vacant(place) => {
                    self.bytes += place.key().len();
                    self.hashes.insert(hash(place.key()));
                    place.insert(value);
                }
            }
        }
    }
}

fn length(value: &Option<Vec<u8>>) -> usize {
    value.as_ref().map_or(0, Vec::len)
}

/// The state after one whole batch.
pub struct View {
    overlay: Arc<Overlay>,
    tree: Tree,
    layers: Vec<Arc<Layer>>,
    serial: u64,
    head: Head,
}

impl View {
    /// The last entry that it shows.
    pub fn position(&self) -> Position {
        self.head.position
    }

    /// The place behind the last batch that it shows.
    pub fn head(&self) -> Head {
        self.head
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
        let hash = hash(key);
        let newest_first = self.layers.iter().rev();
        let mut changing = newest_first.filter(|layer| layer.hashes.contains(&hash));
        match changing.find_map(|layer| layer.changes.get(key)) {
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
        // First, so that the next batch finds the uppermost layer held by nobody, and a large one is not freed under
        // the lock.
        self.layers.clear();
        let mut inner = self.overlay.lock();
        if let Some(count) = inner.views.get_mut(&self.serial) {
            *count -= 1;
            if *count == 0 {
                inner.views.remove(&self.serial);
            }
        }
        let wakes = std::mem::take(&mut inner.held);
        drop(inner);
        if wakes {
            self.overlay.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::tree::Sizes;
    use tempfile::TempDir;

    const SMALL: Sizes = Sizes {
        cache_bytes: 1 << 20,
        sorted_bytes: 1 << 20,
    };

    fn published(overlay: &Overlay, position: u64, changes: &[(&[u8], Option<&[u8]>)]) {
        let changes = changes.iter();
        let changes = changes.map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec)));
        let head = Head {
            position: Position(position),
            ..Head::origin()
        };
        overlay.publish(changes.collect(), head);
    }

    fn layers(overlay: &Overlay) -> usize {
        overlay.lock().layers.len()
    }

    #[test]
    fn batches_gather_in_one_layer_but_above_a_view() {
        let directory = TempDir::new().unwrap();
        let tree = Tree::open(directory.path(), SMALL).unwrap();
        let overlay = Arc::new(Overlay::new(tree, Head::origin(), 1 << 20));
        published(
            &overlay,
            1,
            &[(b"comes", Some(b"1")), (b"goes", Some(b"1"))],
        );
        published(&overlay, 2, &[(b"comes", Some(b"22")), (b"goes", None)]);
        assert_eq!(layers(&overlay), 1);
        assert_eq!(overlay.lock().bytes, 5 + 2 + 4, "each key counts once");
        let view = overlay.view();
        published(&overlay, 3, &[(b"comes", Some(b"3"))]);
        published(&overlay, 4, &[(b"comes", Some(b"4"))]);
        assert_eq!(layers(&overlay), 2);
        assert_eq!(view.position(), Position(2));
        assert_eq!(view.get(b"comes").unwrap().unwrap(), b"22");
        assert_eq!(view.get(b"goes").unwrap(), None);
        assert_eq!(overlay.view().get(b"comes").unwrap().unwrap(), b"4");
        drop(view);
        overlay.close();
        let mut applied = Vec::new();
        let ended = overlay.apply_all(|_, position| applied.push(position));
        assert_eq!(ended, Ended::Closed);
        assert_eq!(applied, [Position(2), Position(4)]);
        let tree = overlay.tree();
        assert_eq!(tree.get(b"comes").unwrap().unwrap(), b"4");
        assert_eq!(tree.get(b"goes").unwrap(), None);
        assert_eq!((layers(&overlay), overlay.lock().bytes), (0, 0));
    }

    #[test]
    fn layers_are_joined_when_their_views_have_gone() {
        let directory = TempDir::new().unwrap();
        let tree = Tree::open(directory.path(), SMALL).unwrap();
        let overlay = Arc::new(Overlay::new(tree, Head::origin(), 1 << 20));
        published(&overlay, 1, &[(b"a", Some(b"1")), (b"b", Some(b"1"))]);
        let first = overlay.view();
        published(&overlay, 2, &[(b"a", Some(b"2"))]);
        let second = overlay.view();
        published(&overlay, 3, &[(b"b", None), (b"c", Some(b"3"))]);
        assert_eq!(layers(&overlay), 3);
        drop(second);
        published(&overlay, 4, &[(b"d", Some(b"4"))]);
        assert_eq!(layers(&overlay), 2, "but above a view that lives");
        assert_eq!(first.get(b"a").unwrap().unwrap(), b"1");
        assert_eq!(first.get(b"b").unwrap().unwrap(), b"1");
        drop(first);
        published(&overlay, 5, &[(b"d", Some(b"55"))]);
        assert_eq!(layers(&overlay), 1);
        // Four keys of one byte each; the second is gone, and the others have four bytes of values.
        assert_eq!(overlay.lock().bytes, 4 + 4);
        let view = overlay.view();
        let found = view.scan(b"a", b"z", 9).unwrap();
        let expected = [(b"a", &b"2"[..]), (b"c", b"3"), (b"d", b"55")];
        let expected = expected.map(|(key, value)| (key.to_vec(), value.to_vec()));
        assert_eq!(found, expected);
        assert_eq!(view.position(), Position(5));
        let large: Vec<_> = (0..=JOINED as u32).map(u32::to_be_bytes).collect();
        let changes: Vec<_> = large
            .iter()
            .map(|key| (&key[..], Some(&b"1"[..])))
            .collect();
        published(&overlay, 6, &changes);
        drop(view);
        published(&overlay, 7, &[(b"e", Some(b"7"))]);
        assert_eq!(layers(&overlay), 2, "what is large stays apart");
    }

    #[test]
    fn who_waits_for_room_does_not_wait_for_another_tree() {
        let directory = TempDir::new().unwrap();
        let tree = Tree::open(directory.path(), SMALL).unwrap();
        let overlay = Overlay::new(tree.clone(), Head::origin(), 8);
        published(&overlay, 1, &[(b"key", Some(&[0; 100]))]);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| overlay.wait_for_room());
            tree.fails(crate::store::embedded::tree::fault::Kind::Error);
            assert!(matches!(overlay.apply_all(|_, _| {}), Ended::Broken(_)));
            assert!(matches!(waits.join().unwrap(), Err(Error::Busy)));
        });
    }

    #[test]
    fn what_gathered_enough_is_applied_while_the_overlay_is_open() {
        let directory = TempDir::new().unwrap();
        let tree = Tree::open(directory.path(), SMALL).unwrap();
        let overlay = Arc::new(Overlay::new(tree, Head::origin(), 800));
        let (told, applied) = std::sync::mpsc::sync_channel(1);
        let applier = {
            let overlay = overlay.clone();
            std::thread::spawn(move || {
                overlay.apply_all(|_, position| told.send(position).unwrap())
            })
        };
        // Held back by a view first, so that the applier waits for it to go.
        let view = overlay.view();
        published(&overlay, 1, &[(b"key", Some(&[0; 100]))]);
        assert_eq!(view.get(b"key").unwrap(), None);
        drop(view);
        assert_eq!(applied.recv().unwrap(), Position(1));
        overlay.close();
        assert_eq!(applier.join().unwrap(), Ended::Closed);
    }
}
