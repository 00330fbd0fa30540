//! Statements: each after the one that it was written after, and of a period that is closed.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::claims::canon::Canon as _;
use crate::claims::closing::Closed;
use crate::claims::entry::{Entry, Position};
use crate::claims::id::{Digest, Name};
use crate::claims::registry::{CONFIGURATION, Centre, Imported};
use crate::claims::statement::Published;
use crate::claims::time::Timestamp;
use crate::store::ledger::decide::{Decider, commitment};
use crate::store::ledger::{keys, records, statements};
use crate::store::{Body, BodyId, Conflict, Error, Import, Outcome, WhichStatements};

/// The reason of what the configuration's file put.
const FILE: &[u8] = b"the file of the configuration";

impl Decider<'_, '_> {
    /// The answer's position is the statement's number; the same again is known by its digest.
    pub(super) fn publish(
        &mut self,
        published: Published,
        bytes: Bytes,
        salt: [u8; 16],
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
            return Ok(Outcome::Conflict(Conflict::Unknown));
        }
        if published.follows != self.last_of_period(&published)? {
            return Ok(Outcome::Conflict(Conflict::Stale));
        }
        let published = Published {
            commitment: commitment(salt, Digest(Sha256::digest(&bytes).into())),
            ..published
        };
        let number = self.push(Entry::Published(Box::new(published)))?;
        self.bodies
            .push((BodyId::Entry(number), Body { bytes, salt }));
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

    /// Registrations that a person hands in, and why; what is registered already changes nothing.
    pub(super) fn import(&mut self, mut import: Import) -> Result<Outcome, Error> {
        let first = self.next;
        let changes = self.register(std::mem::take(&mut import.centres))?;
        if changes > 0 {
            self.imported(import, first, changes)?;
        }
        Ok(self.done())
    }

    /// Registrations of the configuration's file. It is written down also where they change nothing: from then on the
    /// file counts as put.
    pub(super) fn configured(
        &mut self,
        centres: Vec<Centre>,
        salt: [u8; 16],
    ) -> Result<Outcome, Error> {
        let actor = Name::parse(CONFIGURATION).expect("it is a name");
        let mut content = Vec::new();
        centres.put(&mut content);
        let file = Digest(Sha256::digest(content).into());
        if records::load(self.working, &keys::imported(&actor))? == Some(file) {
            return Ok(self.done());
        }
        let first = self.next;
        let changes = self.register(centres)?;
        let import = Import {
            centres: Vec::new(),
            actor,
            file,
            reason: Bytes::from_static(FILE),
            salt,
        };
        self.imported(import, first, changes)?;
        Ok(self.done())
    }

    /// Who put the versions from an entry on, so many, and why.
    fn imported(&mut self, import: Import, first: Position, changes: u64) -> Result<(), Error> {
        let imported = Imported {
            first,
            changes: u32::try_from(changes).unwrap_or(u32::MAX),
            actor: import.actor,
            file: import.file,
            reason: commitment(import.salt, Digest(Sha256::digest(&import.reason).into())),
        };
        let position = self.push(Entry::Imported(imported))?;
        let body = Body {
            bytes: import.reason,
            salt: import.salt,
        };
        self.bodies.push((BodyId::Entry(position), body));
        Ok(())
    }

    /// Puts versions of registrations that are not there as they are; says how many.
    pub(super) fn register(&mut self, centres: Vec<Centre>) -> Result<u64, Error> {
        let first = self.next;
        for centre in centres {
            if !records::centre(self.working, centre.finess)?.contains(&centre) {
                self.push(Entry::Registered(centre))?;
            }
        }
        Ok(self.next.0 - first.0)
    }
}
