//! After the clock was ahead and is right again: the lots that it put off.

use crate::claims::entry::{Entry, Next};
use crate::claims::id::Name;
use crate::claims::time::Timestamp;
use crate::store::index::Index as _;
use crate::store::ledger::decide::Decider;
use crate::store::ledger::{keys, query, records};
use crate::store::{Error, LotRecord, Outcome, Waiting};

/// How many lots one command looks at; the next goes on behind them.
const PUT_OFF_AT_ONCE: usize = 256;

impl Decider<'_, '_> {
    /// What was put off by a clock that was ahead waits as long as its rule gave, from now. The lots that wait are looked at
    /// in the order of their keys, but only while the clock is behind the ledger. One that is put earlier stands before the
    /// place, so it is looked at once.
    pub(super) fn set_back(&mut self, after: Option<Waiting>) -> Result<Outcome, Error> {
        if self.at <= self.clock {
            return Ok(Outcome::LookedAt(None));
        }
        let actor = Name::parse("gateway").expect("a constant name");
        let from = after.map_or_else(keys::all_waits, |Waiting(key)| keys::after(&key));
        let to = keys::after(&keys::all_waits());
        let mut found = self.working.scan(&from, &to, PUT_OFF_AT_ONCE)?;
        for (key, _) in &found {
            let lot = records::known_lot(self.working, query::last_id(key)?)?;
            if let Some(next) = sooner(&lot, self.clock) {
                self.push(Entry::Retried {
                    lot: lot.sealed.lot,
                    actor: actor.clone(),
                    next,
                })?;
            }
        }
        let is_all = found.len() < PUT_OFF_AT_ONCE;
        let last = found.pop().filter(|_| !is_all);
        Ok(Outcome::LookedAt(last.map(|(key, _)| Waiting(key))))
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
