//! A store whose journal is recovered and whose index is not up yet: between the two, a gateway can say how far it is.
//!
//! It holds the lock, so nobody else has the store, and what an index that is built anew may take its time for comes
//! after it. Must never give out a store before every lot that was being sent is in doubt. A crash, and an observer that
//! breaks it off, leave an index that is applied up to some batch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::claims::entry::Position;
use crate::claims::time::Timestamp;
use crate::store::embedded::applier::Applier;
use crate::store::embedded::committer::{Committer, Request};
use crate::store::embedded::evacuate::Leaving;
use crate::store::embedded::overlay::Overlay;
use crate::store::embedded::state::State;
use crate::store::embedded::verify::scratch;
use crate::store::embedded::{Config, Embedded, OpenError, evacuate, last, replay, secret};
use crate::store::journal::{Entropy, Journal};
use crate::store::ledger::Secret;
use crate::store::{Command, Error, Observer};

/// A journal at hand, from which the index follows.
pub struct Recovered {
    config: Config,
    at: Timestamp,
    journal: Journal,
    secret: Secret,
    observer: Arc<dyn Observer>,
}

impl Recovered {
    /// Takes the lock of a directory and recovers its journal, or begins one. Takes as long as reading the last segment.
    /// Blocks.
    ///
    /// # Errors
    /// When somebody else has the store, or what was acknowledged cannot be told.
    pub fn open(
        config: &Config,
        at: Timestamp,
        mut entropy: Entropy,
        observer: Arc<dyn Observer>,
    ) -> Result<Recovered, OpenError> {
        let random: [[u8; 16]; 2] = [entropy(), entropy()];
        let masters = config.encryption.masters()?;
        let journal = Journal::open(&config.opening(&masters, at), entropy, &*observer)?;
        let secret = secret::open(&config.directory, journal.head().position, random)?;
        Ok(Recovered {
            config: config.clone(),
            at,
            journal,
            secret,
            observer,
        })
    }

    /// Brings the index up and puts every lot that was being sent in doubt. Takes as long as the index needs: building
    /// it anew reads the whole journal. The observer hears how far it is, and may break it off. Blocks.
    ///
    /// # Errors
    /// When the ledger cannot be followed, or [`OpenError::BrokenOff`].
    pub fn finish(mut self) -> Result<Embedded, OpenError> {
        let began = Instant::now();
        let (config, observer) = (&self.config, &self.observer);
        let (head, reader) = (self.journal.head(), self.journal.reader());
        let directory = &config.directory;
        scratch::remove_left_over(directory);
        let tree = replay::open(directory, config.sizes(), &reader, head, &**observer)?;
        let overlay = Arc::new(Overlay::new(tree, head, config.overlay_bytes));
        let state = Arc::new(State::applied(head.position));
        // What is damaged in the index may show only when it is read.
        let sound = |work: &mut dyn FnMut() -> Result<(), OpenError>| match work() {
            Err(_) if overlay.tree().is_broken() => {
                overlay.tree().abandon();
                let sizes = config.sizes();
                let tree = replay::rebuild(directory, sizes, &reader, head, &**observer)?;
                overlay.replace(tree, head);
                work()
            }
            done => done,
        };
        let (mut unfinished, mut leaving) = (self.journal.unfinished(), Leaving::new());
        sound(&mut || {
            let tree = overlay.tree();
            evacuate::finish(&tree, &reader, &mut unfinished, &mut leaving, &**observer)
        })?;
        let mut stamp = Timestamp::default();
        sound(&mut || {
            stamp = last::instant(|| overlay.view(), &reader, head)?;
            Ok(())
        })?;
        let mut committer = Committer::new(
            config,
            self.journal,
            overlay.clone(),
            state.clone(),
            self.secret,
            observer.clone(),
            stamp,
        );
        committer.look();
        sound(&mut || restart(&mut committer, self.at))?;
        let (rounds, wakes) = sync_channel(1);
        let applier = Applier {
            wakes: rounds.clone(),
            overlay,
            state: state.clone(),
            directory: directory.clone(),
            sizes: config.sizes(),
            resume: config.resume(),
            reader,
            observer: observer.clone(),
        };
        state.resumes(began.elapsed(), config.resume());
        let recorded = (head.position > Position(0)).then_some(stamp);
        let wakes = (rounds, wakes);
        Embedded::start(config, committer, applier, recorded, leaving, wakes)
    }
}

/// The first command of every start.
fn restart(committer: &mut Committer, at: Timestamp) -> Result<(), OpenError> {
    let (answer, mut answered) = oneshot::channel();
    let request = Request {
        at,
        command: Command::Restart,
        packed: BTreeMap::new(),
        answer,
        workers: None,
    };
    committer.batch(request, None)?;
    match answered.try_recv() {
        Ok(outcome) => Ok(outcome.map(|_| ())?),
        Err(_) => Err(Error::Impossible("a restart is always answered").into()),
    }
}
