//! Registrations that are put: all of them or none, with who put them and why.
//!
//! What would come of them is looked at as a whole first, so that nothing is ever registered that does not hold
//! together.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::claims::canon::Canon as _;
use crate::claims::entry::{Entry, Position};
use crate::claims::id::{Digest, Name};
use crate::claims::registry::{CONFIGURATION, Centre, Imported, Registration};
use crate::store::ledger::decide::Decider;
use crate::store::ledger::{keys, query, records};
use crate::store::{Body, Conflict, Error, Import, Outcome};

/// The reason of what the configuration's file put.
const FILE: &[u8] = b"the file of the configuration";

impl Decider<'_, '_> {
    /// Centres of which nobody asks who put them; what is registered already changes nothing.
    pub(super) fn register(&mut self, centres: Vec<Centre>) -> Result<Outcome, Error> {
        let registrations = centres.into_iter().map(Registration::Centre).collect();
        let Some(changed) = self.changed(registrations)? else {
            return Ok(Outcome::Conflict(Conflict::Registry));
        };
        for registration in changed {
            self.push(registration.entry())?;
        }
        Ok(self.done())
    }

    /// Registrations that a person hands in, and why; what is registered already changes nothing.
    pub(super) fn import(&mut self, mut import: Import) -> Result<Outcome, Error> {
        let Some(changed) = self.changed(std::mem::take(&mut import.registrations))? else {
            return Ok(Outcome::Conflict(Conflict::Registry));
        };
        if !changed.is_empty() {
            self.put(changed, import)?;
        }
        Ok(self.done())
    }

    /// Registrations of the configuration's file. It is written down also where they change nothing: from then on the
    /// file counts as put.
    pub(super) fn configured(
        &mut self,
        registrations: Vec<Registration>,
        salt: [u8; 16],
    ) -> Result<Outcome, Error> {
        let actor = Name::parse(CONFIGURATION).expect("it is a name");
        let mut content = Vec::new();
        registrations.put(&mut content);
        let file = Digest(Sha256::digest(content).into());
        if records::load(self.working, &keys::imported(&actor))? == Some(file) {
            return Ok(self.done());
        }
        let Some(changed) = self.changed(registrations)? else {
            return Ok(Outcome::Conflict(Conflict::Registry));
        };
        let import = Import {
            registrations: Vec::new(),
            actor,
            file,
            reason: Body {
                bytes: Bytes::from_static(FILE),
                salt,
            },
        };
        self.put(changed, import)?;
        Ok(self.done())
    }

    /// The versions that are not registered so; none at all if the registry that came of them would not hold together.
    fn changed(
        &self,
        registrations: Vec<Registration>,
    ) -> Result<Option<Vec<Registration>>, Error> {
        let mut registry = query::registry(self.working)?;
        let mut changed = registrations;
        changed.retain(|registration| registry.put(registration));
        let holds = changed.is_empty() || registry.flaws().is_empty();
        Ok(holds.then_some(changed))
    }

    /// Puts versions, and after them who did and why.
    fn put(&mut self, changed: Vec<Registration>, import: Import) -> Result<(), Error> {
        let first = self.next;
        let changes = changed.len();
        for registration in changed {
            self.push(registration.entry())?;
        }
        self.imported(import, first, changes)
    }

    /// Who put the versions from an entry on, so many, and why.
    fn imported(&mut self, import: Import, first: Position, changes: usize) -> Result<(), Error> {
        self.push_with(import.reason, |reason| {
            Entry::Imported(Imported {
                first,
                changes: u32::try_from(changes).unwrap_or(u32::MAX),
                actor: import.actor,
                file: import.file,
                reason,
            })
        })?;
        Ok(())
    }
}
