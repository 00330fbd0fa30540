//! The operator's hand: the next attempt of a lot at another instant, and why an operator did what was done.

use crate::claims::delivery::State;
use crate::claims::entry::{Entry, Next, Position, Reason, Subject};
use crate::claims::id::{LotId, Name};
use crate::claims::time::Timestamp;
use crate::store::ledger::decide::Decider;
use crate::store::ledger::records;
use crate::store::{Body, Command, Conflict, Error, LotRecord, Named, Outcome};

impl Decider<'_, '_> {
    /// A command of an operator, and the reason beside what it does. What changes nothing needs none.
    pub(super) fn explain(&mut self, command: Command, reason: Body) -> Result<Outcome, Error> {
        let of = self.next;
        let (subject, actor) = steered(&command, of)?;
        let outcome = self.command(command)?;
        if self.next == of {
            return Ok(outcome);
        }
        self.push_with(reason, |reason| Entry::Explained {
            of,
            subject,
            actor,
            reason,
        })?;
        Ok(self.done())
    }

    /// The keys of all bodies are wrapped by another master key, for this reason.
    pub(super) fn rewrapped(
        &mut self,
        master: [u8; 8],
        actor: Name,
        reason: Body,
    ) -> Result<Outcome, Error> {
        self.push_with(reason, |reason| Entry::Rewrapped {
            master,
            actor,
            reason,
        })?;
        Ok(self.done())
    }

    /// The next attempt of a lot, or the question before it, at an instant: with the same id and bytes, as the
    /// delivery table has it.
    pub(super) fn retry(
        &mut self,
        lot: LotId,
        actor: Name,
        at: Timestamp,
    ) -> Result<Outcome, Error> {
        let Some(record) = records::lot(self.working, lot)? else {
            return Ok(Outcome::Conflict(Conflict::Unknown(Named::Lot)));
        };
        let Some(reason) = waits_for(&record) else {
            return Ok(Outcome::Conflict(Conflict::Delivery {
                lot,
                state: record.state,
            }));
        };
        // It is brought forward and never put off: a replay spreads what waits, and some of it may be due by now.
        let due = record.next.map_or(self.clock, |next| next.at);
        let next = Next {
            at: at.min(due).max(self.clock),
            reason,
        };
        if record.next != Some(next) {
            self.push(Entry::Retried { lot, actor, next })?;
        }
        Ok(self.done())
    }
}

/// What a lot that may be retried waits for then; none where no attempt and no question may come.
fn waits_for(lot: &LotRecord) -> Option<Reason> {
    if !lot.state.may_be_retried() {
        return None;
    }
    match lot.state {
        State::Due if lot.ask => Some(Reason::Doubt),
        State::Due => Some(Reason::Turn),
        State::InDoubt => Some(Reason::Doubt),
        State::Overdue => Some(Reason::Overdue),
        State::Sending | State::Taken | State::Answered | State::Void => None,
    }
}

/// What an operator's command is about, and whose it is. `next` is the position of its own entry.
fn steered(command: &Command, next: Position) -> Result<(Subject, Name), Error> {
    match command {
        Command::Cancel { document, caller } => Ok((Subject::Document(*document), caller.clone())),
        Command::Hand {
            document, actor, ..
        }
        | Command::Paper { document, actor } => Ok((Subject::Document(*document), actor.clone())),
        Command::Endpoint {
            endpoint, actor, ..
        }
        | Command::Rewind {
            endpoint, actor, ..
        } => Ok((Subject::Endpoint(endpoint.clone()), actor.clone())),
        Command::Retry { lot, actor, .. } => Ok((Subject::Lot(*lot), actor.clone())),
        Command::PlaceLegalHold { actor, .. } => Ok((Subject::LegalHold(next), actor.clone())),
        Command::LiftLegalHold { hold, actor } => Ok((Subject::LegalHold(*hold), actor.clone())),
        Command::Terms(_)
        | Command::Registry(_)
        | Command::Import(_)
        | Command::Configured { .. }
        | Command::Publish { .. }
        | Command::Admit { .. }
        | Command::TurnAway(_)
        | Command::Seal(_)
        | Command::Conclude(_)
        | Command::Receipts { .. }
        | Command::Declare { .. }
        | Command::Explain { .. }
        | Command::Close { .. }
        | Command::Notified { .. }
        | Command::Restored(_)
        | Command::Resume { .. }
        | Command::Anchor { .. }
        | Command::LoadFigures { .. }
        | Command::Reconcile { .. }
        | Command::Judge { .. }
        | Command::Evacuated(_)
        | Command::Founded(_)
        | Command::Rewrapped { .. }
        | Command::Lease(_)
        | Command::Unroute(_)
        | Command::Tick
        | Command::Restart
        | Command::SetBack { .. } => {
            Err(Error::Impossible("only what an operator does is explained"))
        }
    }
}
