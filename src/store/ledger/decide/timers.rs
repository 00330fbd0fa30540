//! Timers: what becomes of lots and documents by time alone, and by a restart.

use crate::claims::delivery::{Event, State};
use crate::claims::entry::{Entry, Next, Reason};
use crate::claims::id::{DocumentId, Name};
use crate::store::index::Index as _;
use crate::store::ledger::decide::Decider;
use crate::store::ledger::keys::{self, Wait};
use crate::store::ledger::{bundle, query, records};
use crate::store::{Error, Lease, Outcome};

/// How many timers one tick does; the rest is due at once after it.
const TIMERS_AT_ONCE: usize = 256;

impl Decider<'_, '_> {
    pub(super) fn tick(&mut self) -> Result<Outcome, Error> {
        for lot in query::lots_waiting(self.working, Wait::Time, self.clock, TIMERS_AT_ONCE)? {
            let (event, reason) = match lot.state {
                State::Sending => (Event::NoAnswer, Reason::Doubt),
                State::Taken => (Event::ExpectedBy, Reason::Overdue),
                State::Due | State::InDoubt | State::Overdue | State::Answered | State::Void => {
                    return Err(Error::Impossible(
                        "only a running attempt and a taken lot wait for time alone",
                    ));
                }
            };
            self.happens(&lot, event, self.at_once(reason))?;
        }
        let system = Name::parse("gateway").expect("a constant name");
        let due = self.working.scan(
            &keys::timers(),
            &keys::timers_until(self.clock),
            TIMERS_AT_ONCE,
        )?;
        let mut documents = Vec::new();
        for (_, bundle) in &due {
            documents.extend_from_slice(bundle::items(bundle)?);
        }
        for id in documents.into_iter().take(TIMERS_AT_ONCE) {
            self.timer(DocumentId(u128::from_be_bytes(id)), &system)?;
        }
        Ok(self.done())
    }

    /// After a start no attempt runs: what was being sent is in doubt. Of what waits for time only the lots are looked
    /// at that a lease may hold, and not all that wait for a receipt; any other ends with its lease.
    pub(super) fn restart(&mut self) -> Result<Outcome, Error> {
        let until = self.at.max(self.clock) + Lease::LONGEST;
        for lot in query::lots_waiting(self.working, Wait::Time, until, usize::MAX)? {
            if lot.state == State::Sending {
                self.happens(&lot, Event::NoAnswer, self.at_once(Reason::Doubt))?;
            }
        }
        Ok(self.done())
    }

    fn timer(&mut self, document: DocumentId, system: &Name) -> Result<(), Error> {
        let record = records::known_document(self.working, document)?;
        let terms = records::terms(self.working)?;
        let region = records::region(self.working, &record.received.facts)?;
        let Some(limit) = record.time_limit(region, &terms) else {
            return Ok(());
        };
        match limit.reason {
            Reason::Replacement => {
                self.push(Entry::PaperOwed { document })?;
            }
            Reason::Lapse => {
                self.push(Entry::Lapsed { document })?;
                self.supporting_share_fate(system, document)?;
            }
            Reason::Settlement => {
                self.push(Entry::Unsettled { document })?;
            }
            Reason::Sealing
            | Reason::Fse
            | Reason::Turn
            | Reason::Unreachable
            | Reason::Tls
            | Reason::Identity
            | Reason::Address
            | Reason::Busy
            | Reason::Failing
            | Reason::Breaker
            | Reason::HeldByHand
            | Reason::NoRoute
            | Reason::Attempt
            | Reason::Doubt
            | Reason::Receipt
            | Reason::Overdue
            | Reason::Unreadable
            | Reason::Closed
            | Reason::Revoked
            | Reason::Unvouched
            | Reason::OwnCertificate
            | Reason::OtherBytes => {
                return Err(Error::Impossible("a document's timer is one of three"));
            }
        }
        Ok(())
    }

    fn at_once(&self, reason: Reason) -> Option<Next> {
        Some(Next {
            at: self.clock,
            reason,
        })
    }
}
