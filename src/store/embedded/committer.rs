//! The one decider: takes what is ready, decides it in order, writes once, syncs once, answers all.
//!
//! There is no timer: while one batch is synced, the next one gathers by itself. Nothing is answered and
//! nothing becomes visible before the sync has returned, not even "known already", because what is known
//! may lie in the same batch. Must never decide against anything but the state after all earlier commands.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, oneshot, watch};

use crate::claims::entry::Position;
use crate::claims::time::Timestamp;
use crate::store::embedded::disk::Disk;
use crate::store::embedded::evacuate::Meanwhile;
use crate::store::embedded::overlay::Overlay;
use crate::store::embedded::state::State;
use crate::store::embedded::{Config, places};
use crate::store::index::{Changes, Working};
use crate::store::journal::keys::Keys;
use crate::store::journal::pack::{self, Packer};
use crate::store::journal::{self, Batch, Journal};
use crate::store::ledger::{self, Instants, Known, Secret};
use crate::store::{Body, BodyId, Command, Conflict, Error, Observer, Outcome, Space};

/// What the committer is asked.
pub enum Call {
    /// To commit a command.
    Commit(Request),
    /// To copy bodies into the current segment: their entries are elsewhere.
    Carry {
        /// Names and bytes.
        bodies: Vec<(BodyId, Body)>,
        /// Where the answer goes.
        answer: oneshot::Sender<Result<(), Error>>,
    },
    /// To commit the end of bodies.
    Clear {
        /// The command.
        request: Request,
        /// What the index forgets with it.
        beside: Changes,
        /// What was said since they were judged makes them be judged anew.
        meanwhile: Meanwhile,
    },
    /// To begin a new segment: one that is written to is not cleared.
    Roll {
        /// Where the answer goes.
        answer: oneshot::Sender<Result<(), Error>>,
    },
    /// To look at the disk: how much room it has, and whether a journal that failed can be opened anew.
    Look,
}

/// Bodies by name, compressed; none is left as it is.
pub type Packed = BTreeMap<BodyId, Option<pack::Packed>>;

/// A command and the way back.
pub struct Request {
    /// The instant at which it is decided.
    pub at: Timestamp,
    /// The command.
    pub command: Command,
    /// Bodies of it that were compressed already, or found not worth it.
    pub packed: Packed,
    /// Where the answer goes; nobody may be listening any more.
    pub answer: oneshot::Sender<Result<Outcome, Error>>,
    /// Where who asks runs: see [`workers`].
    pub workers: Option<Handle>,
}

/// The runtime of whoever asks, if threads of its own drive it: there the answers of a batch are given out together.
pub fn workers() -> Option<Handle> {
    let handle = Handle::try_current().ok();
    handle.filter(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// Compresses the documents of a command, on the thread of whoever asks: the committer would be the one for all.
pub fn pack(packer: &Packer, command: &Command) -> Packed {
    let Command::Admit { documents, .. } = command else {
        return Packed::new();
    };
    let packed = documents.iter().map(|admission| {
        let name = BodyId::Document(admission.document);
        (name, packer.pack(&admission.body.bytes))
    });
    packed.collect()
}

/// The owner of the journal.
pub struct Committer {
    journal: Journal,
    packer: Arc<Packer>,
    overlay: Arc<Overlay>,
    state: Arc<State>,
    secret: Secret,
    /// Terms and centres as of the last entry decided.
    known: Known,
    observer: Arc<dyn Observer>,
    position: watch::Sender<Position>,
    disk: Disk,
    /// What the index forgets with the next batch.
    beside: Changes,
    /// The last instant of the ledger; entries never go back behind it, whatever the clock does.
    last: Timestamp,
    batch_commands: usize,
    batch_bytes: usize,
}

/// Commands that are decided and wait for the sync.
struct Gathering<'v> {
    working: Working<'v>,
    batch: Batch,
    answers: Answers,
}

/// What will be answered once the batch is durable.
struct Answer {
    to: oneshot::Sender<Result<Outcome, Error>>,
    outcome: Result<Outcome, Error>,
}

/// Answers of a batch. They go to whom they belong at the end of this, wherever and however it ends.
#[derive(Default)]
struct Answers {
    waiting: Vec<Answer>,
    workers: Option<Handle>,
}

impl Answers {
    /// Gives them out. To wake a worker that sleeps costs this thread more than all the rest of an answer: the runtime
    /// is woken once and wakes its own tasks.
    fn give(mut self) {
        match self.workers.take() {
            Some(workers) if self.waiting.len() > 1 => {
                drop(workers.spawn(async move { drop(self) }))
            }
            Some(_) | None => drop(self),
        }
    }

    /// Nothing of the batch happened.
    fn refuse(mut self, error: &Error) {
        for answer in &mut self.waiting {
            answer.outcome = Err(error.clone());
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for answer in self.waiting.drain(..) {
            // Who asked may have gone; the command is done all the same.
            let _ = answer.to.send(answer.outcome);
        }
    }
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
        last: Timestamp,
    ) -> Committer {
        let position = watch::Sender::new(journal.head().position);
        Committer {
            packer: journal.packer(),
            journal,
            overlay,
            state,
            secret,
            known: Known::default(),
            observer,
            position,
            disk: Disk::new(config),
            beside: Changes::new(),
            last,
            batch_commands: config.batch_commands.get(),
            batch_bytes: config.batch_bytes,
        }
    }

    /// By which known documents are recognized.
    pub fn secret(&self) -> Secret {
        self.secret.clone()
    }

    /// Compresses as the journal does.
    pub fn packer(&self) -> Arc<Packer> {
        self.packer.clone()
    }

    /// The keys of the journal.
    pub fn keys(&self) -> Option<Arc<Keys>> {
        self.journal.keys()
    }

    /// The last position committed.
    pub fn watch(&self) -> watch::Receiver<Position> {
        self.position.subscribe()
    }

    /// Commits what comes until the queue is closed and empty, or the index fails.
    pub fn run(&mut self, queue: &mut mpsc::Receiver<Call>) -> Result<(), Error> {
        // Another call than a commit, met while a batch gathered: it is done after the batch.
        let mut met = None;
        while let Some(call) = met.take().or_else(|| queue.blocking_recv()) {
            // Whatever it is, who comes now waits for it.
            self.timed(|committer| {
                match call {
                    Call::Look => committer.look(),
                    Call::Carry { bodies, answer } => {
                        let done = committer.carry(bodies);
                        // Who asked may have gone; the bodies are there twice.
                        let _ = answer.send(done);
                    }
                    Call::Roll { answer } => {
                        let done = committer.roll();
                        // Who asked may have gone; the segment has begun.
                        let _ = answer.send(done);
                    }
                    Call::Clear {
                        request,
                        beside,
                        meanwhile,
                    } => committer.clear(request, beside, meanwhile)?,
                    Call::Commit(first) => {
                        let ready = || match queue.try_recv().ok()? {
                            Call::Commit(request) => Some(request),
                            other => {
                                met = Some(other);
                                None
                            }
                        };
                        committer.batch(first, ready)?;
                    }
                }
                Ok::<(), Error>(())
            })?;
        }
        Ok(())
    }

    /// Says how long a call takes while it does: a disk that hangs is told by nothing else.
    fn timed<T>(&mut self, work: impl FnOnce(&mut Committer) -> T) -> T {
        self.state.batch_begins();
        let done = work(self);
        self.state.batch_ended();
        done
    }

    /// Commits the end of bodies, unless something was said just now of a document of theirs.
    fn clear(
        &mut self,
        request: Request,
        beside: Changes,
        mut meanwhile: Meanwhile,
    ) -> Result<(), Error> {
        let stale = match meanwhile.is_spoken_of(|| self.overlay.view()) {
            Ok(false) => {
                self.beside = beside;
                self.batch(request, || None)?;
                self.beside.clear();
                return Ok(());
            }
            Ok(true) => Ok(Outcome::Conflict(Conflict::Stale)),
            Err(error) => Err(error),
        };
        // Who asked may have gone; nothing has ended.
        let _ = request.answer.send(stale);
        Ok(())
    }

    /// Makes bodies durable in the current segment, and shows them there.
    fn carry(&mut self, bodies: Vec<(BodyId, Body)>) -> Result<(), Error> {
        self.overlay.wait_for_room()?;
        if self.journal.is_stopped() {
            return Err(self.state.error());
        }
        if self.state.room() == Space::Full {
            return Err(Error::Full);
        }
        let mut batch = Batch::default();
        for (name, body) in bodies {
            let packed = self.packer.pack(&body.bytes);
            batch.add_body(name, body, packed);
        }
        match self.journal.append(&batch) {
            Ok(written) => {
                let mut changes = Changes::new();
                places::record(&mut changes, written.start, &written.bodies, written.end);
                self.overlay.publish(changes, written.end);
                Ok(())
            }
            Err(error) => {
                self.failed(&error, Answers::default());
                Err(stopped(&error))
            }
        }
    }

    /// Begins a new segment. Where there is little room the present one goes on: nothing is lost by that.
    fn roll(&mut self) -> Result<(), Error> {
        if self.journal.is_stopped() {
            return Err(self.state.error());
        }
        if self.state.room() != Space::Ample {
            return Ok(());
        }
        self.journal.begin_segment().map_err(|error| {
            self.failed(&error, Answers::default());
            stopped(&error)
        })
    }

    /// Looks how much room the disk has, and opens a journal that failed anew.
    pub fn look(&mut self) {
        if self.journal.is_stopped() {
            self.reopen();
        }
        let before = self.state.room();
        let mut room = self.disk.room(before);
        if room == Space::Ample
            && let Err(error) = self.journal.reserve()
            && error.is_no_room()
        {
            // Then the room that is left is the reserve.
            room = Space::Low;
        }
        self.set_room(room);
    }

    /// After a failed write or sync: what was not acknowledged is cut off, and what was is verified.
    fn reopen(&mut self) {
        match self.journal.reopen() {
            Ok(()) => {
                self.state.resume();
                self.observer.reopened();
            }
            Err(error) => self.state.pause(summary(&error), stopped(&error)),
        }
    }

    fn set_room(&self, room: Space) {
        if self.state.set_room(room) != room {
            self.observer.room_changed(room);
        }
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
        let mut gathering = Gathering {
            working: Working::new(&view),
            batch: Batch::default(),
            answers: Answers::default(),
        };
        let mut next = Some(first);
        while let Some(request) = next {
            self.decide(&mut gathering, request);
            let room = gathering.answers.waiting.len() < self.batch_commands
                && gathering.batch.length() < self.batch_bytes;
            next = if room { ready() } else { None };
        }
        let Gathering {
            working,
            batch,
            answers,
        } = gathering;
        let changes = working.into_changes();
        // While it is held, what is published cannot join the layer that it stands on.
        drop(view);
        self.conclude(changes, batch, answers);
        Ok(())
    }

    fn decide(&mut self, gathering: &mut Gathering<'_>, mut request: Request) {
        if let Err(error) = self.takes(&request.command) {
            let _ = request.answer.send(Err(error));
            return;
        }
        // Two entries of one instant are in order all the same: by position.
        let stamp = self.last.max(request.at);
        let next = self.journal.head().position.0 + gathering.batch.entries() as u64 + 1;
        // What a restart puts in doubt is asked about later; without it nothing could even be read until there is room.
        let writes =
            self.state.room() != Space::Full || matches!(request.command, Command::Restart);
        let savepoint = gathering.working.savepoint();
        let decided = ledger::decide(
            &mut gathering.working,
            &mut self.known,
            Position(next),
            Instants {
                stamp,
                clock: request.at,
            },
            request.command,
            &self.secret,
        );
        let decided = decided.and_then(|decision| match writes || decision.entries.is_empty() {
            true => Ok(decision),
            false => Err(Error::Full),
        });
        if decided.is_err() {
            // What was not decided changed nothing.
            gathering.working.roll_back(savepoint);
            self.known.forget();
        }
        gathering.working.release();
        let outcome = decided.map(|decision| {
            if !decision.entries.is_empty() {
                // Only what is written tells the time: a clock that leapt for a moment is not kept for a question.
                self.last = stamp;
            }
            for stamped in &decision.entries {
                gathering.batch.add_entry(stamped.canonical());
            }
            for (name, body) in decision.bodies {
                let packed = match request.packed.remove(&name) {
                    Some(packed) => packed,
                    // Named by its position, which nobody knew before: an insurer's receipt, an operator's reason.
                    None => self.packer.pack(&body.bytes),
                };
                gathering.batch.add_body(name, body, packed);
            }
            decision.outcome
        });
        let to = request.answer;
        gathering.answers.waiting.push(Answer { to, outcome });
        let before = gathering.answers.workers.take();
        gathering.answers.workers = request.workers.or(before);
    }

    /// Makes the batch durable, shows it, and answers.
    fn conclude(&mut self, mut changes: Changes, batch: Batch, answers: Answers) {
        let entries = batch.entries();
        let written = if entries > 0 {
            self.journal.append(&batch).map(Some)
        } else {
            Ok(None)
        };
        // Before the answers, so that a body is freed by who made it, which costs less than from here.
        drop(batch);
        let written = match written {
            Ok(written) => written,
            Err(error) => {
                self.failed(&error, answers);
                return;
            }
        };
        if let Some(written) = written {
            changes.append(&mut self.beside);
            places::record(&mut changes, written.start, &written.bodies, written.end);
            self.overlay.publish(changes, written.end);
            self.position.send_replace(written.end.position);
            self.observer
                .committed(entries, written.length(), written.synced);
            if !self.journal.has_reserve() && self.state.room() == Space::Ample {
                self.set_room(Space::Low);
            }
        }
        answers.give();
    }

    /// Whether a command is decided at all.
    fn takes(&self, command: &Command) -> Result<(), Error> {
        if self.journal.is_stopped() {
            return Err(self.state.error());
        }
        match self.state.room() {
            Space::Ample => Ok(()),
            Space::Low if matches!(command, Command::Admit { .. }) => Err(Error::Full),
            Space::Low => Ok(()),
            // Only what would be written is refused.
            Space::Full => Ok(()),
        }
    }

    /// Nothing of the batch is acknowledged, and nothing more is until the journal was opened anew.
    fn failed(&mut self, error: &journal::Error, answers: Answers) {
        // Nor did anything of it happen.
        self.known.forget();
        let full = error.is_no_room();
        if !full {
            self.observer.sync_failed();
        }
        let stopped = stopped(error);
        self.state.pause(summary(error), stopped.clone());
        answers.refuse(&stopped);
        self.reopen();
        if full && !self.journal.is_stopped() {
            // Until the next look, which tells better.
            self.set_room(Space::Low);
        }
    }
}

fn summary(error: &journal::Error) -> &'static str {
    if error.is_no_room() {
        "the disk is full"
    } else {
        "the journal failed"
    }
}

fn stopped(error: &dyn std::error::Error) -> Error {
    Error::Stopped(error.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_whatever_becomes_of_the_runtime_that_gives_them_out() {
        let runtime = || {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(1).build().unwrap()
        };
        let (alive, gone) = (runtime(), runtime());
        let gone_handle = gone.handle().clone();
        drop(gone);
        for workers in [None, Some(alive.handle().clone()), Some(gone_handle)] {
            for count in [1, 5] {
                let mut answers = Answers {
                    waiting: Vec::new(),
                    workers: workers.clone(),
                };
                let mut asked = Vec::new();
                for _ in 0..count {
                    let (to, answered) = oneshot::channel();
                    let outcome = Ok(Outcome::Done(Position(7)));
                    answers.waiting.push(Answer { to, outcome });
                    asked.push(answered);
                }
                // Who has gone keeps nobody else from an answer.
                asked.remove(0);
                answers.give();
                for answered in asked {
                    let outcome = alive.block_on(answered).unwrap().unwrap();
                    assert_eq!(outcome, Outcome::Done(Position(7)));
                }
            }
        }
        let (to, answered) = oneshot::channel();
        let outcome = Ok(Outcome::Done(Position(7)));
        let answers = Answers {
            waiting: vec![Answer { to, outcome }],
            workers: None,
        };
        answers.refuse(&Error::Full);
        assert!(matches!(alive.block_on(answered), Ok(Err(Error::Full))));
    }

    #[tokio::test]
    async fn a_runtime_that_one_thread_drives_is_not_asked_to_give_answers_out() {
        assert!(workers().is_none());
    }
}
