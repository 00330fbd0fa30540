//! The decider: what a command does to the ledger, given all that happened before.
//!
//! A decision is a list of entries; each is folded as soon as it is decided, so that the next one sees it.
//! Every command is safe to repeat: what is done already is answered again and changes nothing.

mod admit;
mod ahead;
mod custody;
mod figures;
mod retention;
mod hand;
mod leave;
mod lots;
mod receipts;
mod registry;
mod statement;
mod timers;

use crate::claims::closing::Closed;
use crate::claims::entry::{Entry, Gate, PaperRow, Position, Stamped};
use crate::claims::id::{Digest, EndpointName, Finess, Name};
use crate::claims::registry::Centre;
use crate::claims::terms::Terms;
use crate::claims::time::{Day, Timestamp};
use crate::store::index::Working;
use crate::store::ledger::decide::leave::Way;
use crate::store::ledger::decide::receipts::Speaker;
use crate::store::ledger::keys;
use crate::store::ledger::{Decision, Instants, Known, Secret, fold, query, records};
use crate::store::{Body, BodyId, Closing, Command, Conflict, Error, Outcome};

/// Decides one command. `next` is the position of its first entry; what is known is of this index. After an error the
/// index may have half of its changes, and what is known of it as well: who goes on with them takes both back.
pub fn decide(
    working: &mut Working<'_>,
    known: &mut Known,
    next: Position,
    instants: Instants,
    command: Command,
    secret: &Secret,
) -> Result<Decision, Error> {
    let mut decider = Decider {
        working,
        known,
        next,
        at: instants.stamp,
        clock: instants.clock,
        secret,
        entries: Vec::new(),
        bodies: Vec::new(),
    };
    let outcome = decider.command(command)?;
    Ok(Decision {
        entries: decider.entries,
        bodies: decider.bodies,
        outcome,
    })
}

struct Decider<'w, 'b> {
    working: &'w mut Working<'b>,
    known: &'w mut Known,
    next: Position,
    /// The instant of the entries.
    at: Timestamp,
    /// What is due is due by it.
    clock: Timestamp,
    secret: &'w Secret,
    entries: Vec<Stamped>,
    bodies: Vec<(BodyId, Body)>,
}

impl Decider<'_, '_> {
    fn command(&mut self, command: Command) -> Result<Outcome, Error> {
        match command {
            Command::Terms(terms) => self.terms(terms),
            Command::Registry(centres) => self.register(centres),
            Command::Import(import) => self.import(import),
            Command::Configured {
                registrations,
                salt,
            } => self.configured(registrations, salt),
            Command::Publish {
                published,
                statement,
            } => self.publish(published, statement),
            Command::Admit {
                caller,
                documents,
                unity,
            } => self.admit(&caller, documents, unity),
            Command::TurnAway(posts) => {
                for post in posts {
                    self.push(Entry::TurnedAway(post))?;
                }
                Ok(self.done())
            }
            Command::Seal(sealed) => self.seal(sealed),
            Command::Conclude(conclusion) => self.conclude(conclusion),
            Command::Receipts {
                endpoint,
                purpose,
                destinations,
                formerly,
                items,
                cursor,
            } => {
                let speaker = Speaker {
                    endpoint,
                    purpose,
                    destinations,
                    formerly,
                };
                self.receipts(&speaker, items, cursor)
            }
            Command::Declare {
                centre,
                day,
                caller,
                rows,
            } => self.declare(centre, day, caller, rows),
            Command::Cancel { document, caller } => self.leave(document, &caller, Way::Cancelled),
            Command::Hand {
                document,
                actor,
                evidence,
            } => self.hand(document, &actor, evidence),
            Command::Paper { document, actor } => self.leave(document, &actor, Way::OnPaper),
            Command::Endpoint {
                endpoint,
                gate,
                actor,
            } => self.endpoint(endpoint, gate, actor),
            Command::LoadFigures { figures, file } => self.load_figures(figures, file),
            Command::Reconcile { run, result } => self.reconcile(run, result),
            Command::Judge {
                run,
                line,
                judgement,
                actor,
                comment,
            } => self.judge_line((run, line), judgement, actor, comment),
            Command::Retry { lot, actor, at } => self.retry(lot, actor, at),
            Command::Rewind {
                endpoint,
                formerly,
                actor,
            } => {
                for endpoint in std::iter::once(endpoint).chain(formerly) {
                    self.rewind(endpoint, actor.clone())?;
                }
                Ok(self.done())
            }
            Command::Restored(restored) => self.restored(restored),
            Command::Resume { actor, reason } => self.resume(actor, reason),
            Command::Anchor { end, apart } => self.anchor(end, apart),
            Command::Notified { target, upto } => {
                self.push(Entry::Notified { target, upto })?;
                Ok(self.done())
            }
            Command::PlaceLegalHold { on, review, actor } => {
                self.place_legal_hold(on, review, actor)
            }
            Command::LiftLegalHold { hold, actor } => self.lift_legal_hold(hold, actor),
            Command::Evacuated(evacuated) => self.evacuated(evacuated),
            Command::Founded(founded) => {
                self.push(Entry::Founded(Box::new(founded)))?;
                Ok(self.done())
            }
            Command::Rewrapped {
                master,
                actor,
                reason,
            } => self.rewrapped(master, actor, reason),
            Command::Explain { command, reason } => self.explain(*command, reason),
            Command::Close {
                period,
                centres,
                actor,
                policies,
                reason,
            } => {
                let closed = Closed {
                    period,
                    centres,
                    actor,
                    policies,
                    reason: reason.commitment(),
                };
                self.close(closed, reason)
            }
            Command::Lease(lease) => self.lease(&lease),
            Command::Unroute(endpoint) => self.unroute(&endpoint),
            Command::Tick => self.tick(),
            Command::Restart => self.restart(),
            Command::SetBack { after } => self.set_back(after),
        }
    }

    /// Decides an entry: it happened.
    fn push(&mut self, entry: Entry) -> Result<Position, Error> {
        let stamped = Stamped { at: self.at, entry };
        let position = self.next;
        fold::fold(self.working, self.known, position, &stamped)?;
        self.entries.push(stamped);
        self.next = Position(position.0 + 1);
        Ok(position)
    }

    /// Decides an entry that commits to a body of its own.
    fn push_with(
        &mut self,
        body: Body,
        entry: impl FnOnce(Digest) -> Entry,
    ) -> Result<Position, Error> {
        let position = self.push(entry(body.commitment()))?;
        self.bodies.push((BodyId::Entry(position), body));
        Ok(position)
    }

    /// Decides an entry that was made with the commitment to its body: to this one and no other.
    fn push_bound(&mut self, entry: Entry, body: Body) -> Result<Position, Error> {
        let promised = entry.committed().map(|committed| committed.commitment);
        if promised != Some(body.commitment()) {
            return Err(Error::Impossible("an entry commits to the body beside it"));
        }
        let position = self.push(entry)?;
        self.bodies.push((BodyId::Entry(position), body));
        Ok(position)
    }

    /// The position up to which everything is decided.
    fn done(&self) -> Outcome {
        Outcome::Done(Position(self.next.0.saturating_sub(1)))
    }

    fn terms(&mut self, terms: Terms) -> Result<Outcome, Error> {
        let present: Option<Terms> = records::load(self.working, &keys::terms())?;
        if present != Some(terms) {
            self.push(Entry::Terms(terms))?;
        }
        Ok(self.done())
    }

    fn declare(
        &mut self,
        centre: Finess,
        day: Day,
        caller: Name,
        rows: Vec<PaperRow>,
    ) -> Result<Outcome, Error> {
        if Centre::on(&records::centre(self.working, centre)?, day).is_none() {
            return Ok(Outcome::Conflict(Conflict::Centre(centre)));
        }
        let present: Option<Vec<PaperRow>> =
            records::load(self.working, &keys::paper(centre, day))?;
        if present.as_ref() != Some(&rows) {
            self.push(Entry::Declared {
                centre,
                day,
                caller,
                rows,
            })?;
        }
        Ok(self.done())
    }

    /// A period is closed once it has ended; what is closed already stays as it was frozen first.
    fn close(&mut self, closed: Closed, reason: Body) -> Result<Outcome, Error> {
        if closed.period.to().end() > self.at {
            return Err(Error::Impossible("a period is closed after its last day"));
        }
        let closings = query::closings(self.working)?;
        let includes = |closing: &Closing| closing.closed.includes(closed.period, &closed.centres);
        if !closings.iter().any(includes) {
            self.push_bound(Entry::Closed(Box::new(closed)), reason)?;
        }
        Ok(self.done())
    }

    fn endpoint(
        &mut self,
        endpoint: EndpointName,
        gate: Gate,
        actor: Name,
    ) -> Result<Outcome, Error> {
        if records::endpoint(self.working, &endpoint)?.gate != gate {
            self.push(Entry::Endpoint {
                endpoint,
                gate,
                actor,
            })?;
        }
        Ok(self.done())
    }
}
