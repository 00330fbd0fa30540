//! The embedded store: the journal is the truth, `sled` its index, one thread decides.
//!
//! ```text
//! commit() ──bounded queue──▶ committer ──one write, one sync──▶ journal
//!    ▲                           │ publishes the batch
//!    └───────── answer ──────────┤
//!                                ▼
//! reads ◀── view ◀────────── overlay ──▶ applier ──one atomic batch──▶ sled ──mover──▶ sorted files
//! ```
//! Must never answer before the sync, and never keep the only copy of anything outside the journal. Only the
//! store's secret is a file of its own; it is made with the first segment.
//!
//! # What a crash leaves behind
//! | crash | found at the next start |
//! |---|---|
//! | before the sync of a batch | nothing of it, or all of it; nothing of it was answered |
//! | after the sync, before the answer | all of it; the caller repeats and is answered as before |
//! | after the answer, before the index | all of it; the index is replayed from its own place on |
//! | while the index is written | an index applied up to some batch; or one that does not open: built anew |
//! | while the index is built anew | an index applied up to some batch: the rest is replayed |
//! | while finished documents leave it | keys in sled, or in a sorted file, or in both with one value (`mover`) |
//! | while a segment is evacuated | see [`evacuate`]; what was begun is ended or taken back |
//! | after a lease, before the attempt ended | a lot in `sending`: in doubt after the start, to be asked about |
//!
//! An index that fails at the start or while the store runs, in sled or in a sorted file, is set aside and built anew
//! from the journal: meanwhile nothing is committed or read, health says how far it is, and then the store goes on by
//! itself.
//!
//! An index that has seen more than the journal holds means that the journal lost entries: refused.

mod config;
mod port;
mod retention;
mod committer;
mod bodies;
mod ask;
mod custody;
pub mod encryption;
mod disk;
mod last;
pub mod recovered;
pub mod evacuate;
pub mod found;
mod overlay;
mod applier;
mod leaving;
mod mover;
mod places;
mod base;
mod replay;
pub mod repair;
mod secret;
pub mod trusted;
mod state;
mod tables;
mod sorted;
mod tree;
pub mod verify;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::claims::entry::Position;
use crate::claims::time::Timestamp;
use crate::store::embedded::applier::Applier;
use crate::store::embedded::committer::{Call, Committer};
use crate::store::embedded::evacuate::{Evacuator, Leaving};
use crate::store::embedded::mover::Mover;
use crate::store::embedded::overlay::Overlay;
use crate::store::embedded::recovered::Recovered;
use crate::store::embedded::state::State;
use crate::store::embedded::verify::Rest;
use crate::store::journal::keys::Keys;
use crate::store::journal::master;
use crate::store::journal::pack::{Compression, Packer};
use crate::store::journal::reader::Reader;
use crate::store::journal::{self, Entropy};
use crate::store::ledger::Secret;
use crate::store::{Body, BodyId, Error, Observer, Unobserved};

use ask::{entries, unreadable};
pub use config::Config;

/// Name of the journal's directory.
const JOURNAL: &str = "journal";

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal does not open: locked, damaged, of a later version, or the system refuses.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The file of the master key holds none.
    #[error(transparent)]
    Master(#[from] master::Error),
    /// The ledger cannot be followed.
    #[error(transparent)]
    Ledger(#[from] Error),
    /// An entry is whole but says nothing known: another version wrote it.
    #[error("entry {0} cannot be read")]
    Entry(u64),
    /// The journal ends before what the index has seen: it lost entries.
    #[error("the journal ends at entry {journal}, but the index has seen entry {index}")]
    JournalBehind {
        /// Last entry of the index.
        index: u64,
        /// Last entry of the journal.
        journal: u64,
    },
    /// The journal has entries, but the secret by which known documents are recognized is gone or damaged.
    #[error("the store's secret is missing or damaged")]
    Secret,
    /// The foundation cannot be read, or its state not be taken up.
    #[error(transparent)]
    Foundation(#[from] base::Unlaid),
    /// Whoever opened it wanted it no more. Nothing is lost: the next start goes on from there.
    #[error("it was told to end before it was open")]
    BrokenOff,
    /// A thread could not be started.
    #[error("no thread for the store: {0}")]
    Thread(std::io::Error),
}

/// The store. Dropping it commits what is queued, brings the index up and ends its threads.
pub struct Embedded {
    queue: Option<mpsc::Sender<Call>>,
    overlay: Arc<Overlay>,
    reader: Reader,
    packer: Arc<Packer>,
    /// The keys of the journal, and the file of the master key; none where nothing is encrypted.
    keys: Option<(Arc<Keys>, PathBuf)>,
    directory: PathBuf,
    /// By which known documents are recognized; none of a store that is only read.
    secret: Option<Secret>,
    position: watch::Receiver<Position>,
    state: Arc<State>,
    threads: Vec<JoinHandle<()>>,
    /// The instant of the last entry that was there when it was opened.
    recorded: Option<Timestamp>,
    /// How long a batch may take before intake should shed.
    patience: Duration,
    evacuator: Evacuator,
    /// One evacuation runs at a time.
    evacuating: tokio::sync::Mutex<()>,
    /// One question is answered at a time that reads many segments.
    reading: Arc<tokio::sync::Mutex<()>>,
    /// While it is there, the committer looks at the disk every so often.
    ticks: Option<SyncSender<()>>,
    /// While it is there, finished documents leave the index every so often.
    rounds: Option<SyncSender<()>>,
    /// Of a store that is only read: its lock, released last.
    _rest: Option<Rest>,
}

impl Embedded {
    /// Opens or begins the store of a directory: takes the lock, recovers the journal, brings the index up,
    /// and puts every lot that was being sent in doubt, at `at`. Blocks; call it outside of async code.
    pub fn open(
        config: &Config,
        at: Timestamp,
        entropy: Entropy,
        observer: Arc<dyn Observer>,
    ) -> Result<Embedded, OpenError> {
        Recovered::open(config, at, entropy, observer)?.finish()
    }

    fn start(
        config: &Config,
        mut committer: Committer,
        applier: Applier,
        recorded: Option<Timestamp>,
        leaving: Leaving,
        (rounds, wakes): (SyncSender<()>, Receiver<()>),
    ) -> Result<Embedded, OpenError> {
        let (overlay, state) = (applier.overlay.clone(), applier.state.clone());
        let position = committer.watch();
        let (sender, mut queue) = mpsc::channel(config.queue_commands.get());
        let every = Duration::try_from_secs_f64(config.look_seconds).unwrap_or(Duration::MAX);
        let (ticks, tick) = disk::ticker(every, sender.downgrade());
        let evacuator = Evacuator::new(
            applier.reader.clone(),
            overlay.clone(),
            config.directory.join(JOURNAL),
            applier.observer.clone(),
            leaving,
        );
        let mut store = Embedded {
            evacuator,
            evacuating: tokio::sync::Mutex::default(),
            reading: Arc::default(),
            queue: Some(sender),
            overlay: overlay.clone(),
            reader: applier.reader.clone(),
            packer: committer.packer(),
            keys: committer.keys().zip(config.encryption.master_key.clone()),
            directory: config.directory.clone(),
            secret: Some(committer.secret()),
            position,
            state: state.clone(),
            threads: Vec::new(),
            recorded,
            patience: config.patience(),
            ticks: None,
            rounds: None,
            _rest: None,
        };
        let mover = Mover {
            overlay: overlay.clone(),
            state: state.clone(),
            reader: applier.reader.clone(),
            observer: applier.observer.clone(),
            stay: Duration::from_secs(u64::from(config.finished_days) * 24 * 60 * 60),
            every: Duration::try_from_secs_f64(config.round_seconds).unwrap_or(Duration::MAX),
            pace: config.round_bytes_second,
        };
        let commits = {
            let (overlay, state) = (overlay.clone(), state.clone());
            move || {
                guarded("the journal failed", &state, || committer.run(&mut queue));
                // Only now: whoever finds the queue closed finds the reason too.
                drop(queue);
                overlay.close();
            }
        };
        let applies = move || {
            if let Some(error) = guarded("the index failed", &state, || applier.run()) {
                overlay.fail(error);
            }
        };
        store.ticks = Some(ticks);
        store.rounds = Some(rounds);
        store
            .threads
            .push(spawn("store-mover", move || mover.run(&wakes))?);
        store.threads.push(spawn("store-disk", tick)?);
        store.threads.push(spawn("store-applier", applies)?);
        store.threads.push(spawn("store-committer", commits)?);
        Ok(store)
    }

    /// A store at rest: it answers questions and takes no command.
    fn at_rest(directory: PathBuf, overlay: Overlay, position: Position, rest: Rest) -> Embedded {
        let overlay = Arc::new(overlay);
        let evacuator = Evacuator::new(
            rest.journal.reader().clone(),
            overlay.clone(),
            directory.join(JOURNAL),
            Arc::new(Unobserved),
            Leaving::new(),
        );
        Embedded {
            evacuator,
            evacuating: tokio::sync::Mutex::default(),
            reading: Arc::default(),
            queue: None,
            overlay,
            reader: rest.journal.reader().clone(),
            packer: Arc::new(Packer::new(Compression::Off)),
            keys: None,
            directory,
            secret: None,
            position: watch::Sender::new(position).subscribe(),
            state: Arc::new(State::applied(position)),
            threads: Vec::new(),
            recorded: None,
            patience: Duration::MAX,
            ticks: None,
            rounds: None,
            _rest: Some(rest),
        }
    }

    /// Makes bodies durable whose entries are in the ledger already: of segments that lost theirs.
    pub(in crate::store) async fn carry(&self, bodies: Vec<(BodyId, Body)>) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(|| self.state.error())?;
        if queue.send(Call::Carry { bodies, answer }).await.is_err() {
            return Err(self.state.error());
        }
        answered.await.unwrap_or_else(|_| Err(self.state.error()))
    }

    /// Whether a segment has lost its bodies.
    pub(in crate::store) fn is_archived(&self, segment: u64) -> bool {
        self.reader.is_archived(segment)
    }
}

/// Runs a thread's work; what ends it other than the end of work is the store's failure.
fn guarded(
    summary: &'static str,
    state: &State,
    work: impl FnOnce() -> Result<(), Error>,
) -> Option<Error> {
    // The work owns or locks what it changes and is never entered again after a panic.
    let error = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => error,
        Err(_) => Error::Stopped("a thread of the store panicked".into()),
    };
    state.fail(summary, error.clone());
    Some(error)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    let thread = std::thread::Builder::new().name(name.into());
    thread.spawn(work).map_err(OpenError::Thread)
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.queue = None;
        self.ticks = None;
        self.rounds = None;
        for thread in self.threads.drain(..).rev() {
            // A panic in it was recorded by the thread itself.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(in crate::store) use tests::copy;
#[cfg(test)]
pub use tests::moved::Moves;
