//! The one decider: takes what is ready, decides it in order, writes once, syncs once, answers all.
//!
//! There is no timer: while one batch is synced, the next one gathers by itself. Nothing is answered and
//! nothing becomes visible before the sync has returned, not even "known already", because what is known
//! may lie in the same batch. Must never decide against anything but the state after all earlier commands.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::claims::entry::Position;
use crate::claims::time::Timestamp;
use crate::store::embedded::overlay::Overlay;
use crate::store::embedded::state::State;
use crate::store::embedded::{Config, places};
use crate::store::index::{Remembered, Working};
use crate::store::journal::{Batch, Journal};
use crate::store::ledger::{self, Secret};
use crate::store::{Command, Error, Observer, Outcome};

/// A command and the way back.
pub struct Request {
    /// The instant at which it is decided.
    pub at: Timestamp,
    /// The command.
    pub command: Command,
    /// Where the answer goes; nobody may be listening any more.
    pub answer: oneshot::Sender<Result<Outcome, Error>>,
}

/// The owner of the journal.
pub struct Committer {
    journal: Journal,
    overlay: Arc<Overlay>,
    state: Arc<State>,
    secret: Secret,
    observer: Arc<dyn Observer>,
    position: watch::Sender<Position>,
    batch_commands: usize,
    batch_bytes: usize,
}

/// Commands that are decided and wait for the sync.
struct Gathering<'v> {
    working: Working<'v>,
    batch: Batch,
    answers: Vec<Answer>,
}

/// What will be answered once the batch is durable.
struct Answer {
    to: oneshot::Sender<Result<Outcome, Error>>,
    outcome: Result<Outcome, Error>,
}

impl Committer {
    /// Owns a journal; what it commits is published in the overlay.
    pub fn new(
        config: &Config,
        journal: Journal,
        overlay: Arc<Overlay>,
        state: Arc<State>,
        secret: Secret,
        observer: Arc<dyn Observer>,
    ) -> Committer {
        let position = watch::Sender::new(journal.head().position);
        Committer {
            journal,
            overlay,
            state,
            secret,
            observer,
            position,
            batch_commands: config.batch_commands.get(),
            batch_bytes: config.batch_bytes,
        }
    }

    /// The last position committed.
    pub fn watch(&self) -> watch::Receiver<Position> {
        self.position.subscribe()
    }

    /// Commits what comes until the queue is closed and empty, or the store fails.
    pub fn run(&mut self, queue: &mut mpsc::Receiver<Request>) -> Result<(), Error> {
        while let Some(first) = queue.blocking_recv() {
            self.batch(first, || queue.try_recv().ok())?;
        }
        Ok(())
    }

    /// Commits one batch: a request and those that are ready after it.
    pub fn batch(
        &mut self,
        first: Request,
        mut ready: impl FnMut() -> Option<Request>,
    ) -> Result<(), Error> {
        match self.overlay.wait_for_room() {
            Ok(()) => {}
            // The index is built anew, and what is known is not known meanwhile: who asks repeats.
            Err(Error::Busy) => {
                let _ = first.answer.send(Err(Error::Busy));
                return Ok(());
            }
            Err(error) => {
                let stopped = stopped(&error);
                self.state.fail("the index failed", stopped.clone());
                let _ = first.answer.send(Err(stopped.clone()));
                return Err(stopped);
            }
        }
        let view = self.overlay.view();
        let read = Remembered::new(&view);
        let mut gathering = Gathering {
            working: Working::new(&read),
            batch: Batch::default(),
            answers: Vec::new(),
        };
        let mut next = Some(first);
        while let Some(request) = next {
            self.decide(&mut gathering, request);
            let room = gathering.answers.len() < self.batch_commands
                && gathering.batch.length() < self.batch_bytes;
            next = if room { ready() } else { None };
        }
        self.conclude(gathering)
    }

    fn decide(&self, gathering: &mut Gathering<'_>, request: Request) {
        let next = self.journal.head().position.0 + gathering.batch.entries() as u64 + 1;
        let mut working = Working::new(&gathering.working);
        let decided = ledger::decide(
            &mut working,
            Position(next),
            request.at,
            request.command,
            &self.secret,
        );
        let changes = working.into_changes();
        // What was not decided changed nothing.
        let outcome = decided.map(|decision| {
            gathering.working.absorb(changes);
            for stamped in &decision.entries {
                gathering.batch.add_entry(stamped.canonical());
            }
            for (name, body) in decision.bodies {
                gathering.batch.add_body(name, body);
            }
            decision.outcome
        });
        let to = request.answer;
        gathering.answers.push(Answer { to, outcome });
    }

    /// Makes the batch durable, shows it, and answers.
    fn conclude(&mut self, gathering: Gathering<'_>) -> Result<(), Error> {
        let Gathering {
            working,
            batch,
            answers,
        } = gathering;
        let mut changes = working.into_changes();
        let written = if batch.entries() > 0 {
            self.journal.append(&batch).map(Some)
        } else {
            Ok(None)
        };
        let written = match written {
            Ok(written) => written,
            Err(error) => {
                self.observer.sync_failed();
                let stopped = stopped(&error);
                self.state.fail("the journal failed", stopped.clone());
                for answer in answers {
                    let _ = answer.to.send(Err(stopped.clone()));
                }
                return Err(stopped);
            }
        };
        if let Some(written) = written {
            places::record(&mut changes, written.start, &written.bodies, written.end);
            self.overlay.publish(changes, written.end);
            self.position.send_replace(written.end.position);
            self.observer
                .committed(batch.entries(), batch.length(), written.synced);
        }
        for answer in answers {
            // Who asked may have gone; the command is done all the same.
            let _ = answer.to.send(answer.outcome);
        }
        Ok(())
    }
}

fn stopped(error: &dyn std::error::Error) -> Error {
    Error::Stopped(error.to_string().into())
}
