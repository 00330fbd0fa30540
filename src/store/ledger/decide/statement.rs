//! Statements: each after the one that it was written after, and of a period that is closed.

use crate::claims::closing::Closed;
use crate::claims::entry::{Entry, Position};
use crate::claims::statement::Published;
use crate::claims::time::Timestamp;
use crate::store::ledger::decide::Decider;
use crate::store::ledger::{keys, records, statements};
use crate::store::{Body, Conflict, Error, Named, Outcome, WhichStatements};

impl Decider<'_, '_> {
    /// The answer's position is the statement's number; the same again is known by its digest.
    pub(super) fn publish(
        &mut self,
        published: Published,
        statement: Body,
    ) -> Result<Outcome, Error> {
        let which = WhichStatements::LastOf(published.centre);
        let last = statements::statements(self.working, which)?.pop();
        if let Some(known) = &last
            && known.published.digest == published.digest
        {
            return Ok(Outcome::Done(known.number));
        }
        if published.previous != last.map(|last| last.published.digest) {
            return Ok(Outcome::Conflict(Conflict::Stale));
        }
        if !self.is_closed(&published)? {
            return Ok(Outcome::Conflict(Conflict::Unknown(Named::Closing)));
        }
        if published.follows != self.last_of_period(&published)? {
            return Ok(Outcome::Conflict(Conflict::Stale));
        }
        let number = self.push_bound(Entry::Published(Box::new(published)), statement)?;
        Ok(Outcome::Done(number))
    }

    /// Whether the closing that a statement names closed its period for its centre, before what it counts.
    fn is_closed(&self, published: &Published) -> Result<bool, Error> {
        let found: Option<(Timestamp, Closed)> =
            records::load(self.working, &keys::closing(published.closing))?;
        let counted = published.closing..self.next;
        Ok(counted.contains(&published.position)
            && found.is_some_and(|(_, closed)| {
                closed.period == published.period && closed.covers(published.centre)
            }))
    }

    /// The last statement of the same period of its centre: a first one comes before all that correct it.
    fn last_of_period(&self, published: &Published) -> Result<Option<Position>, Error> {
        let which = WhichStatements::After {
            centre: Some(published.centre),
            after: published.closing,
            most: usize::MAX,
        };
        let known = statements::statements(self.working, which)?;
        let mut of_period = known.iter().rev();
        let last = of_period.find(|record| record.published.period == published.period);
        Ok(last.map(|record| record.number))
    }
}
