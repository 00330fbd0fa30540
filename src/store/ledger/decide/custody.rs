//! The ledger as a whole: what a restore means for everything that was on its way, and anchors.

use std::num::NonZeroU64;

use crate::claims::custody::{Anchor, Restored, Resumed};
use crate::claims::delivery::Event;
use crate::claims::entry::{Entry, Next, Position, Reason};
use crate::claims::id::{EndpointName, Name};
use crate::claims::time::Timestamp;
use crate::store::ledger::decide::Decider;
use crate::store::ledger::keys::Wait;
use crate::store::ledger::{custody, query, records};
use crate::store::{Body, Error, Outcome};

impl Decider<'_, '_> {
    /// The ledger was made from a backup: nobody knows what happened to its lots since, so each that is not finished
    /// is in doubt, and what insurers said is asked for from the beginning.
    pub(super) fn restored(&mut self, restored: Restored) -> Result<Outcome, Error> {
        if restored.position >= self.next {
            return Err(Error::Impossible("what is restored comes before its entry"));
        }
        let actor = restored.actor.clone();
        self.push(Entry::Restored(Box::new(restored)))?;
        let mut unfinished = Vec::new();
        for wait in Wait::ALL {
            let waiting = query::lots_waiting(self.working, wait, Timestamp::MAX, usize::MAX)?;
            unfinished.extend(waiting);
        }
        let next = Next {
            at: self.at,
            reason: Reason::Doubt,
        };
        for lot in unfinished {
            self.happens(&lot, Event::Restored, Some(next))?;
        }
        for endpoint in query::endpoints(self.working)?.into_keys() {
            self.rewind(endpoint, actor.clone())?;
        }
        Ok(self.done())
    }

    /// Lots may be sent again after a restore; where none wait, nothing changes.
    pub(super) fn resume(&mut self, actor: Name, reason: Body) -> Result<Outcome, Error> {
        if let Some(record) = custody::restoration(self.working)?
            && record.waits()
        {
            let restored = record.position;
            self.push_with(reason, |reason| {
                Entry::Resumed(Box::new(Resumed {
                    restored,
                    actor,
                    reason,
                }))
            })?;
        }
        Ok(self.done())
    }

    /// An endpoint is asked from the beginning again.
    pub(super) fn rewind(&mut self, endpoint: EndpointName, actor: Name) -> Result<(), Error> {
        if records::endpoint(self.working, &endpoint)?.cursor.is_some() {
            self.push(Entry::Rewound { endpoint, actor })?;
        }
        Ok(())
    }

    /// One anchor a day; what is anchored was decided before.
    pub(super) fn anchor(&mut self, end: Anchor, apart: NonZeroU64) -> Result<Outcome, Error> {
        if end.position >= self.next {
            return Err(Error::Impossible("an anchor is of an earlier entry"));
        }
        let is_due = match custody::last_anchor(self.working)? {
            None => end.position > Position(0),
            Some(last) => {
                let since = end.position.0.saturating_sub(last.anchor.position.0);
                since >= apart.get() || (since > 0 && last.at.day() < self.at.day())
            }
        };
        if is_due {
            self.push(Entry::Anchored(end))?;
        }
        Ok(self.done())
    }

    /// Whether lots wait for a person after a restore.
    pub(super) fn waits_for_resume(&self) -> Result<bool, Error> {
        Ok(custody::restoration(self.working)?.is_some_and(|record| record.waits()))
    }
}
