//! What the ledger heard from insurers, counted apart: each receipt and settlement is taken once, and an orphan is
//! kept once for each cause until it is taken.

use std::collections::{BTreeMap, BTreeSet};

use bordereau::claims::entry::{Entry, OrphanCause};
use bordereau::claims::id::{Digest, EndpointName, Name};

/// Everything that came from insurers.
#[derive(Default)]
pub struct Returns {
    taken: BTreeSet<(Kind, EndpointName, Name)>,
    orphans: BTreeMap<(EndpointName, Name, Digest), OrphanCause>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Receipt,
    Settlement,
}

impl Returns {
    /// How many orphans there are.
    pub fn orphans(&self) -> u64 {
        self.orphans.len() as u64
    }

    /// Takes one entry; the law that it breaks, if it does.
    pub fn hear(&mut self, entry: &Entry) -> Result<(), String> {
        let (kind, endpoint, id, fingerprint) = match entry {
            Entry::Receipted(item) => (Kind::Receipt, &item.endpoint, &item.id, item.fingerprint),
            Entry::Settled(item) => (Kind::Settlement, &item.endpoint, &item.id, item.fingerprint),
            Entry::Orphaned(orphan) | Entry::Foreign(orphan) => {
                let key = (
                    orphan.endpoint.clone(),
                    orphan.id.clone(),
                    orphan.fingerprint,
                );
                let before = self.orphans.insert(key, orphan.cause);
                if before == Some(orphan.cause) {
                    return Err(format!("orphan {} is kept twice", orphan.id));
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        let fitting = (endpoint.clone(), id.clone(), fingerprint);
        self.orphans.remove(&fitting);
        match self.taken.insert((kind, endpoint.clone(), id.clone())) {
            true => Ok(()),
            false => Err(format!("{id} of {endpoint} is taken twice")),
        }
    }
}
