//! After the clock was ahead and is right again: the lots that it put off.

use crate::claims::entry::{Entry, Next};
use crate::claims::id::Name;
use crate::claims::time::Timestamp;
use crate::store::ledger::decide::Decider;
use crate::store::ledger::keys::Wait;
use crate::store::ledger::query;
use crate::store::{Error, LotRecord, Outcome};

impl Decider<'_, '_> {
    /// What was put off by a clock that was ahead waits as long as its rule gave, from now. All lots that wait are looked
    /// at, but only while the clock is behind the ledger.
    pub(super) fn set_back(&mut self) -> Result<Outcome, Error> {
        if self.at <= self.clock {
            return Ok(self.done());
        }
        let actor = Name::parse("gateway").expect("a constant name");
        for wait in Wait::ALL {
            for lot in query::lots_waiting(self.working, wait, Timestamp::MAX, usize::MAX)? {
                if let Some(next) = sooner(&lot, self.clock) {
                    self.push(Entry::Retried {
                        lot: lot.sealed.lot,
                        actor: actor.clone(),
                        next,
                    })?;
                }
            }
        }
        Ok(self.done())
    }
}

/// Its next instant by the clock that is right. None where the clock was ahead by no more than the wait: then the lot
/// waits less than twice as long, and what the right clock told while it is still behind the ledger is left alone.
fn sooner(lot: &LotRecord, clock: Timestamp) -> Option<Next> {
    let next = lot.next?;
    let (wait, ahead) = (next.at.since(lot.told), lot.told.since(clock));
    let is_of_that_clock = next.at >= lot.told && ahead > wait;
    is_of_that_clock.then(|| Next {
        at: clock + wait,
        ..next
    })
}
