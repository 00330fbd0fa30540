//! Legal holds, and the end of bodies that are past their time.

use crate::claims::entry::{Entry, Position};
use crate::claims::id::Name;
use crate::claims::registry::Centre;
use crate::claims::retention::{Evacuated, LegalHold, OnHold};
use crate::claims::time::Day;
use crate::store::ledger::decide::Decider;
use crate::store::ledger::{keys, records, retention};
use crate::store::{Conflict, Error, Named, Outcome};

impl Decider<'_, '_> {
    /// A hold on what is known; the same by whomever, with the same day of review, stands once.
    pub(super) fn place_legal_hold(
        &mut self,
        on: OnHold,
        review: Day,
        actor: Name,
    ) -> Result<Outcome, Error> {
        if let Some(conflict) = self.unknown(&on)? {
            return Ok(Outcome::Conflict(conflict));
        }
        let standing = retention::legal_holds(self.working)?.into_iter();
        let mut standing = standing.filter(|record| record.lifted.is_none());
        if !standing.any(|record| record.hold.on == on && record.hold.review == review) {
            let hold = LegalHold { on, review, actor };
            self.push(Entry::LegalHoldPlaced(Box::new(hold)))?;
        }
        Ok(self.done())
    }

    pub(super) fn lift_legal_hold(
        &mut self,
        hold: Position,
        actor: Name,
    ) -> Result<Outcome, Error> {
        let Some(record) = retention::legal_hold(self.working, hold)? else {
            return Ok(Outcome::Conflict(Conflict::Unknown(Named::LegalHold)));
        };
        if record.lifted.is_none() {
            self.push(Entry::LegalHoldLifted { hold, actor })?;
        }
        Ok(self.done())
    }

    /// Bodies end by an entry. A hold that was placed after it was decided which may stand on one of them: then it is
    /// to be decided again.
    pub(super) fn evacuated(&mut self, evacuated: Evacuated) -> Result<Outcome, Error> {
        if retention::evacuation(self.working, evacuated.segment)?.is_some() {
            return Ok(self.done());
        }
        let holds = retention::legal_holds(self.working)?;
        if holds
            .last()
            .is_some_and(|last| last.position > evacuated.seen)
        {
            return Ok(Outcome::Conflict(Conflict::Stale));
        }
        self.push(Entry::Evacuated(Box::new(evacuated)))?;
        Ok(self.done())
    }

    fn unknown(&self, on: &OnHold) -> Result<Option<Conflict>, Error> {
        Ok(match on {
            OnHold::Document(document) => match records::document(self.working, *document)? {
                Some(_) => None,
                None => Some(Conflict::Unknown(Named::Document)),
            },
            OnHold::Centre { centre, .. } => {
                let versions: Option<Vec<Centre>> =
                    records::load(self.working, &keys::centre(*centre))?;
                match versions {
                    Some(_) => None,
                    None => Some(Conflict::Centre(*centre)),
                }
            }
        })
    }
}
