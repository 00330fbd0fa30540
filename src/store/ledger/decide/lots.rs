//! Lots: sealed, leased, and what came of an attempt or of a question.

use crate::claims::delivery::{Event, State, Step};
use crate::claims::entry::{Delivery, Entry, Gate, Next, Reason, Sealed};
use crate::claims::id::EndpointName;
use crate::store::ledger::decide::Decider;
use crate::store::ledger::keys::Wait;
use crate::store::ledger::{query, records, turn};
use crate::store::{
    Body, BodyId, Conclusion, Conflict, Error, Lease, Leased, LotRecord, Named, Outcome,
};

/// How many lots lose their way by one command; the rest by the next.
const UNROUTED_AT_ONCE: usize = 256;

impl Decider<'_, '_> {
    pub(super) fn seal(&mut self, sealed: Sealed) -> Result<Outcome, Error> {
        if records::lot(self.working, sealed.lot)?.is_some() {
            return Ok(self.done());
        }
        for document in &sealed.documents {
            let Some(record) = records::document(self.working, *document)? else {
                return Ok(Outcome::Conflict(Conflict::Stale));
            };
            let group = record.group();
            let fits = group.centre == sealed.centre
                && group.destination == sealed.destination
                && group.purpose == sealed.purpose;
            if !record.is_sealable() || !fits {
                return Ok(Outcome::Conflict(Conflict::Stale));
            }
        }
        if sealed.documents.is_empty() {
            return Err(Error::Impossible("a lot has at least one document"));
        }
        self.push(Entry::Sealed(Box::new(sealed)))?;
        Ok(self.done())
    }

    pub(super) fn lease(&mut self, lease: &Lease) -> Result<Outcome, Error> {
        let mut leased = Vec::new();
        let is_held = records::endpoint(self.working, &lease.endpoint)?.gate == Gate::Held;
        if is_held || self.waits_for_resume()? {
            return Ok(Outcome::Leased(leased));
        }
        for id in turn::choose(self.working, &lease.endpoint, self.clock, lease.most)? {
            let lot = records::known_lot(self.working, id)?;
            let attempt = lot.attempts + 1;
            let next = Some(Next {
                at: lease.until,
                reason: Reason::Attempt,
            });
            self.deliver(Delivery {
                lot: id,
                event: Event::Leased,
                attempt,
                next,
                named: Vec::new(),
                words: None,
            })?;
            leased.push(Leased {
                lot: records::known_lot(self.working, id)?,
                attempt,
            });
        }
        Ok(Outcome::Leased(leased))
    }

    /// What never left an endpoint that is gone goes another way.
    pub(super) fn unroute(&mut self, endpoint: &EndpointName) -> Result<Outcome, Error> {
        if records::endpoint(self.working, endpoint)?.gate == Gate::Held {
            return Ok(self.done());
        }
        // What never left waits for its turn, or to be asked about, where a document of it went another way.
        let mut due = Vec::new();
        for wait in [Wait::Send, Wait::Ask] {
            let (clock, most) = (self.clock, UNROUTED_AT_ONCE);
            due.extend(query::waiting(self.working, wait, endpoint, clock, most)?);
        }
        for lot in due {
            match lot.step(Event::Unrouted) {
                Step::To(_) => {
                    self.happens(&lot, Event::Unrouted, None)?;
                }
                // The next attempt of it, or question about it, says that there is no endpoint.
                Step::Stay | Step::AskFirst | Step::Conflict | Step::Impossible(_) => {}
            }
        }
        Ok(self.done())
    }

    pub(super) fn conclude(&mut self, conclusion: Conclusion) -> Result<Outcome, Error> {
        let Some(lot) = records::lot(self.working, conclusion.lot)? else {
            return Ok(Outcome::Conflict(Conflict::Unknown(Named::Lot)));
        };
        let late = conclusion.event.ends_attempt()
            && (lot.state != State::Sending || lot.attempts != conclusion.attempt);
        // The answer to an older attempt, or to a question asked about it, says nothing about what came since.
        let outdated = late && lot.state == State::Sending;
        if outdated || asked_too_long_ago(&lot, &conclusion) {
            return Ok(Outcome::Conflict(Conflict::Delivery {
                lot: conclusion.lot,
                state: lot.state,
            }));
        }
        let words = conclusion.words.clone();
        let delivery = Delivery {
            lot: conclusion.lot,
            event: conclusion.event,
            attempt: conclusion.attempt,
            // What comes late is recorded and changes no date.
            next: (!late).then_some(self.after_attempt(&lot, &conclusion)),
            named: conclusion.named,
            words: words.as_ref().map(Body::commitment),
        };
        let position = self.next;
        self.deliver(delivery)?;
        if let Some(words) = words {
            self.bodies.push((BodyId::Entry(position), words));
        }
        Ok(self.done())
    }

    /// What comes next. Of a lot that is taken and of which a document went another way meanwhile: the question, now.
    fn after_attempt(&self, lot: &LotRecord, conclusion: &Conclusion) -> Next {
        if conclusion.event == Event::Taken && lot.ask {
            return Next {
                at: self.clock,
                reason: Reason::Doubt,
            };
        }
        conclusion.next
    }

    /// Records an event of a lot that nobody answered: no words, no documents named.
    pub(super) fn happens(
        &mut self,
        lot: &LotRecord,
        event: Event,
        next: Option<Next>,
    ) -> Result<Step, Error> {
        self.deliver(Delivery {
            lot: lot.sealed.lot,
            event,
            attempt: lot.attempts,
            next,
            named: Vec::new(),
            words: None,
        })
    }

    /// Records a delivery event that the table allows.
    fn deliver(&mut self, delivery: Delivery) -> Result<Step, Error> {
        let lot = records::known_lot(self.working, delivery.lot)?;
        let step = lot.step(delivery.event);
        match step {
            Step::To(_) | Step::Stay | Step::AskFirst => {
                self.push(Entry::Delivery(Box::new(delivery)))?;
                Ok(step)
            }
            Step::Conflict => Ok(step),
            Step::Impossible(why) => Err(Error::Impossible(why)),
        }
    }
}

/// Whether a question to the insurer is answered that is no longer open: the lot moved on since it was asked, or
/// the answer was recorded before.
fn asked_too_long_ago(lot: &LotRecord, conclusion: &Conclusion) -> bool {
    let waits = match lot.wait() {
        // A receipt that came meanwhile knows better than an answer that was on its way.
        Some((Wait::Ask, _)) => {
            let stands = conclusion.asked.is_none_or(|asked| asked == lot.stood());
            lot.attempts == conclusion.attempt && stands
        }
        Some((Wait::Send | Wait::SendHere | Wait::Time, _)) => false,
        // A finished lot moves no more: what is said of it is recorded.
        None => true,
    };
    conclusion.event.answers_question() && !waits
}
