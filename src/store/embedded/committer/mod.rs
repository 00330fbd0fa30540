//! The one decider: takes what is ready, decides it in order, writes once, syncs once, answers all.
//!
//! There is no timer: while one batch is synced, the next one gathers by itself, and where that pays it is decided
//! meanwhile ([`ahead`]). Nothing is answered and nothing becomes visible before the sync has returned, not even "known
//! already", because what is known may lie in the same batch. Must never decide against anything but the state after all
//! earlier commands.

mod ahead;
mod answers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

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
use crate::store::journal::{self, Batch, Journal, Laid, Tried, Written};
use crate::store::ledger::{self, Instants, Known, Secret};
use crate::store::{Body, BodyId, Command, Conflict, Error, Observer, Outcome, Space};

use ahead::{Flight, Load, Next, Pace, Writer};
use answers::Answers;
pub use answers::workers;

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

/// Where calls come from.
pub struct Inbox<'q> {
    queue: &'q mut mpsc::Receiver<Call>,
    /// Another call than a commit, met while a batch gathered: it is done after the batch.
    met: Option<Call>,
}

impl<'q> Inbox<'q> {
    fn of(queue: &'q mut mpsc::Receiver<Call>) -> Inbox<'q> {
        Inbox { queue, met: None }
    }

    /// A call that is there already.
    fn ready(&mut self) -> Option<Call> {
        self.queue.try_recv().ok()
    }

    /// The request of a call; any other call ends the batch.
    fn request(&mut self, call: Call) -> Option<Request> {
        match call {
            Call::Commit(request) => Some(request),
            other => {
                self.met = Some(other);
                None
            }
        }
    }
}

/// The owner of the journal.
pub struct Committer {
    /// The batch on its way; before the thread that writes it, and that before the journal.
    flight: Option<Flight>,
    writer: Option<Writer>,
    pace: Pace,
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
    /// The last entry before them.
    after: Position,
    working: Working<'v>,
    batch: Batch,
    answers: Answers,
    /// How long it took to decide them.
    decided: Duration,
    /// Of the batch that was on its way when the first of them was decided.
    beside: Load,
}

/// What was gathered stands on a batch that failed.
struct Fallen(Error);

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
            flight: None,
            writer: None,
            pace: Pace::default(),
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
        let mut inbox = Inbox::of(queue);
        while let Some(call) = self.next(&mut inbox) {
            // Whatever it is, who comes now waits for it.
            if self.flight.is_none() {
                self.state.batch_begins();
            }
            self.take(call, &mut inbox)?;
            if self.flight.is_none() {
                self.state.batch_ended();
            }
        }
        Ok(())
    }

    /// The next call; meanwhile a batch on its way is answered as soon as it is written. None when no more come and all is
    /// written.
    fn next(&mut self, inbox: &mut Inbox<'_>) -> Option<Call> {
        if let Some(call) = inbox.met.take() {
            return Some(call);
        }
        match self.either(inbox) {
            Some(Next::Call(Some(call))) => return Some(call),
            // What follows has no part in what became of it.
            Some(Next::Call(None)) => drop(self.land()),
            Some(Next::Written(tried)) => drop(self.landed(tried)),
            None => {}
        }
        self.state.batch_ended();
        inbox.queue.blocking_recv()
    }

    /// Waits for a call or the end of the batch on its way; none if none is.
    fn either(&mut self, inbox: &mut Inbox<'_>) -> Option<Next> {
        let (flight, writer) = (self.flight.as_mut()?, self.writer.as_ref()?);
        Some(writer.next(flight, inbox.queue))
    }

    fn take(&mut self, call: Call, inbox: &mut Inbox<'_>) -> Result<(), Error> {
        if let Call::Commit(first) = call {
            return self.batch(first, Some(inbox));
        }
        // What follows has no part in what became of it.
        let _ = self.land();
        match call {
            Call::Commit(_) => {}
            Call::Look => self.look(),
            Call::Carry { bodies, answer } => {
                let done = self.carry(bodies);
                // Who asked may have gone; the bodies are there twice.
                let _ = answer.send(done);
            }
            Call::Roll { answer } => {
                let done = self.roll();
                // Who asked may have gone; the segment has begun.
                let _ = answer.send(done);
            }
            Call::Clear {
                request,
                beside,
                meanwhile,
            } => self.clear(request, beside, meanwhile)?,
        }
        Ok(())
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
                self.batch(request, None)?;
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
    pub fn batch(&mut self, first: Request, inbox: Option<&mut Inbox<'_>>) -> Result<(), Error> {
        if !self.overlay.has_room() {
            // Nobody's answer waits for room for others. What follows has no part in what became of them.
            let _ = self.land();
        }
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
        let view = match &self.flight {
            Some(flight) => self.overlay.view_after(&flight.pending),
            None => self.overlay.view(),
        };
        let mut gathering = Gathering {
            after: view.position(),
            working: Working::new(&view),
            batch: Batch::default(),
            answers: Answers::default(),
            decided: Duration::ZERO,
            beside: self
                .flight
                .as_ref()
                .map_or_else(Load::default, |flight| flight.own),
        };
        let gathered = self.gather(&mut gathering, first, inbox);
        let Gathering {
            working,
            batch,
            answers,
            decided,
            beside,
            after: _,
        } = gathering;
        if let Err(Fallen(error)) = gathered {
            answers.refuse(&error);
            return Ok(());
        }
        let own = Load {
            commands: answers.len(),
            decided,
        };
        let changes = working.into_changes();
        // While it is held, what is published cannot join the layer that it stands on.
        drop(view);
        self.conclude(changes, batch, answers, own, own.with(beside));
        Ok(())
    }

    /// Decides a request and those that come while there is time.
    fn gather(
        &mut self,
        gathering: &mut Gathering<'_>,
        first: Request,
        mut inbox: Option<&mut Inbox<'_>>,
    ) -> Result<(), Fallen> {
        let mut next = Some(first);
        while let Some(request) = next {
            let began = Instant::now();
            self.decide(gathering, request);
            gathering.decided += began.elapsed();
            let is_full = gathering.answers.len() >= self.batch_commands
                || gathering.batch.length() >= self.batch_bytes;
            next = match &mut inbox {
                Some(inbox) if !is_full => self.more(gathering.answers.len(), inbox)?,
                Some(_) | None => None,
            };
        }
        // One at a time is on its way.
        self.land()
    }

    /// The next request of a batch of so many; none when it is to be written.
    fn more(&mut self, count: usize, inbox: &mut Inbox<'_>) -> Result<Option<Request>, Fallen> {
        loop {
            if let Some(tried) = self.flight.as_mut().and_then(Flight::try_end) {
                self.landed(tried)?;
            }
            if self.flight.is_none() && count >= self.pace.enough() {
                return Ok(None);
            }
            if let Some(call) = inbox.ready() {
                return Ok(inbox.request(call));
            }
            match self.either(inbox) {
                Some(Next::Written(tried)) => self.landed(tried)?,
                Some(Next::Call(Some(call))) => return Ok(inbox.request(call)),
                Some(Next::Call(None)) | None => return Ok(None),
            }
        }
    }

    /// Waits for the end of the batch on its way.
    fn land(&mut self) -> Result<(), Fallen> {
        let (Some(flight), Some(writer)) = (&mut self.flight, &self.writer) else {
            return Ok(());
        };
        let tried = writer.wait(flight);
        self.landed(tried)
    }

    /// The batch on its way is written, or not.
    fn landed(&mut self, tried: Option<Tried>) -> Result<(), Fallen> {
        let Some(flight) = self.flight.take() else {
            return Ok(());
        };
        // Who waits now waits for the next one.
        self.state.batch_begins();
        let written = match tried {
            Some(tried) => self.journal.end(tried),
            None => {
                // Another one is started with the next batch.
                self.writer = None;
                Err(self.journal.lost())
            }
        };
        match written {
            Ok(written) => {
                self.overlay.publish_pending(flight.pending);
                self.written(&written, flight.entries, flight.load);
                flight.answers.give();
                Ok(())
            }
            Err(error) => {
                self.failed(&error, flight.answers);
                Err(Fallen(stopped(&error)))
            }
        }
    }

    fn decide(&mut self, gathering: &mut Gathering<'_>, mut request: Request) {
        if let Err(error) = self.takes(&request.command) {
            let _ = request.answer.send(Err(error));
            return;
        }
        // Two entries of one instant are in order all the same: by position.
        let stamp = self.last.max(request.at);
        let next = gathering.after.0 + gathering.batch.entries() as u64 + 1;
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
        gathering
            .answers
            .add(request.answer, outcome, request.workers);
    }

    /// Makes the batch durable, shows it, and answers: at once, or when it has landed.
    fn conclude(
        &mut self,
        changes: Changes,
        batch: Batch,
        answers: Answers,
        own: Load,
        load: Load,
    ) {
        let entries = batch.entries();
        if entries == 0 {
            answers.give();
            return;
        }
        let laid = self.journal.lay_out(&batch);
        // Before the answers, so that a body is freed by who made it, which costs less than from here.
        drop(batch);
        match laid {
            Ok(laid) => self.send(laid, changes, answers, entries, own, load),
            Err(error) => self.failed(&error, answers),
        }
    }

    /// Has a batch written: by the other thread where that pays, or here.
    fn send(
        &mut self,
        laid: Laid,
        mut changes: Changes,
        answers: Answers,
        entries: usize,
        own: Load,
        load: Load,
    ) {
        let written = laid.place();
        let end = written.end;
        changes.append(&mut self.beside);
        places::record(&mut changes, written.start, &written.bodies, end);
        if self.pace.is_ahead() && self.writer.is_none() {
            self.writer = Writer::start();
        }
        if let Some(writer) = &self.writer
            && self.pace.is_ahead()
        {
            self.flight = Some(Flight {
                done: writer.write(laid),
                pending: self.overlay.pending(changes, end),
                answers,
                entries,
                own,
                load,
            });
            return;
        }
        match self.journal.end(laid.write()) {
            Ok(written) => {
                self.overlay.publish(changes, end);
                self.written(&written, entries, load);
                answers.give();
            }
            Err(error) => self.failed(&error, answers),
        }
    }

    /// A batch is durable and shown.
    fn written(&mut self, written: &Written, entries: usize, load: Load) {
        self.pace.learn(load, written.synced);
        self.position.send_replace(written.end.position);
        self.observer
            .committed(entries, written.length(), written.synced);
        if !self.journal.has_reserve() && self.state.room() == Space::Ample {
            self.set_room(Space::Low);
        }
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
mod tests;
