//! Keeps the index: moves what is committed into it, and when it fails, builds another one from the journal.
//!
//! Nothing is lost when it fails, as nothing in it is the only copy. Meanwhile the store takes no command, since the
//! decider knows what is known by the index alone; it says how far the rebuild is, and goes on by itself after it.
//! Must never let a failed index be asked again. A crash meanwhile leaves an index that is applied up to some batch.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tokio::time::Instant;

use crate::store::embedded::overlay::{Ended, Overlay};
use crate::store::embedded::state::State;
use crate::store::embedded::tree::{Sizes, Tree};
use crate::store::embedded::{OpenError, mover, replay};
use crate::store::journal::Head;
use crate::store::journal::reader::Reader;
use crate::store::{Error, Observer, Space};

/// So often an index is built anew within [`REMEMBERED`]; each that failed keeps its memory. After that the trouble is
/// not the index's own, and a person must look.
const REBUILDS: usize = 3;

/// A failure that is older has nothing to do with the next one.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// What made an index fail may make the next one fail too: so long it is let pass before each further try.
const WAITS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_secs(60),
];

/// How often it is looked meanwhile whether the disk has room.
const LOOK: Duration = Duration::from_secs(1);

/// The one who writes the index.
pub struct Applier {
    /// What is to be applied.
    pub overlay: Arc<Overlay>,
    /// Where health is read.
    pub state: Arc<State>,
    /// Directory of the store.
    pub directory: PathBuf,
    /// What bounds the index.
    pub sizes: Sizes,
    /// For so long at most sending and receipts go first after a rebuild.
    pub resume: Duration,
    /// Reads the journal.
    pub reader: Reader,
    /// Wakes who merges sorted files.
    pub wakes: SyncSender<()>,
    /// Who hears of a rebuild.
    pub observer: Arc<dyn Observer>,
}

/// When the index failed, as far as it is remembered.
#[derive(Default)]
struct Failures(VecDeque<Instant>);

impl Failures {
    /// It failed: whether it is built anew once more.
    fn is_one_more(&mut self, at: Instant) -> bool {
        self.0
            .retain(|earlier| at.saturating_duration_since(*earlier) < REMEMBERED);
        self.0.push_back(at);
        self.0.len() <= REBUILDS
    }
}

impl Applier {
    /// Applies until the overlay is closed and empty; ends with an error when there can be no index.
    pub fn run(&self) -> Result<(), Error> {
        let mut failures = Failures::default();
        loop {
            let applied = |tree: &Tree, position| {
                self.state.set_applied(position);
                if tree.was_unsorted() {
                    self.observer.sorted_failed();
                }
                if mover::is_crowded(tree) {
                    // Who was woken and has not looked yet needs no second word.
                    let _ = self.wakes.try_send(());
                }
            };
            match self.overlay.apply_all(applied) {
                Ended::Closed => return Ok(()),
                Ended::Broken(_) if self.overlay.is_closed() => return Ok(()),
                Ended::Broken(head) if failures.is_one_more(Instant::now()) => {
                    self.rebuild(head)?
                }
                Ended::Broken(_) => {
                    self.observer.index_failed();
                    return Err(Error::Stopped("the index failed again and again".into()));
                }
            }
        }
    }

    fn rebuild(&self, head: Head) -> Result<(), Error> {
        let began = Instant::now();
        self.state.rebuilds(0);
        let rebuilt = self.tried(head).map(|tree| {
            self.state.set_applied(head.position);
            self.overlay.replace(tree, head);
        });
        self.state.resumes(began.elapsed(), self.resume);
        self.state.rebuilds_no_more();
        match rebuilt {
            Ok(()) => Ok(()),
            // Nobody waits for it; the next start goes on where this ended.
            Err(_) if self.overlay.is_closed() => Ok(()),
            Err(error) => Err(Error::Stopped(error.to_string().into())),
        }
    }

    /// Tries until there is a tree, or trying once more would not help.
    fn tried(&self, head: Head) -> Result<Tree, OpenError> {
        for wait in WAITS {
            self.observer.index_failed();
            match self.anew(head) {
                // The index's own trouble, and none of the journal.
                Err(OpenError::Ledger(_)) if !self.overlay.is_closed() => {}
                done => return done,
            }
            self.overlay.wait_for_end(wait);
            while self.state.room() != Space::Ample && !self.overlay.is_closed() {
                self.overlay.wait_for_end(LOOK);
            }
        }
        self.observer.index_failed();
        self.anew(head)
    }

    fn anew(&self, head: Head) -> Result<Tree, OpenError> {
        let broken = self.overlay.tree();
        // Whoever moves keys of the broken tree leaves off first: its directory becomes the new one's.
        let moving = broken.moving();
        let tree = Tree::anew(&self.directory, self.sizes)?;
        drop(moving);
        replay::replay(
            &tree,
            &self.reader,
            self.reader.begin(),
            head,
            |entries, upto| {
                if self.overlay.is_closed() {
                    return Err(Error::Stopped("it was closed".into()).into());
                }
                self.observer.replayed(entries);
                self.state.rebuilds(upto.percent_of(head.position));
                Ok(())
            },
        )?;
        Ok(tree)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_forgotten_after_a_day() {
        let (mut failures, begun) = (Failures::default(), Instant::now());
        let hour = Duration::from_secs(3600);
        for (hours, again) in [
            (0, true),
            (20, true),
            (24, true),
            // Those of the hours 20 and 24, and this one.
            (43, true),
            (43, false),
            (80, true),
        ] {
            assert_eq!(failures.is_one_more(begun + hour * hours), again, "{hours}");
        }
    }
}
