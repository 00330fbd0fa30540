//! By which document a number is known: the latest that has it, and the one with the same bytes.
//!
//! Claims and tests are numbered apart: a test must never be the answer to a claim, or shut it out, for that claim
//! would be lost.

use crate::claims::document::{Key, Purpose};
use crate::claims::id::{Digest, DocumentId};
use crate::store::index::Index;
use crate::store::ledger::{keys, records};
use crate::store::{DocumentRecord, Error};

/// The latest document of a number.
pub fn latest(
    index: &dyn Index,
    key: &Key,
    purpose: Purpose,
) -> Result<Option<DocumentRecord>, Error> {
    let found: Option<DocumentId> = records::load(index, &keys::latest(key, purpose))?;
    found
        .map(|id| records::known_document(index, id))
        .transpose()
}

/// The document of a number that has the bytes of this fingerprint: the latest, or one of the same number that it
/// replaced.
pub fn same(
    index: &dyn Index,
    key: &Key,
    purpose: Purpose,
    fingerprint: Digest,
) -> Result<Option<DocumentRecord>, Error> {
    match latest(index, key, purpose)? {
        Some(latest) => same_as(index, &latest, key, fingerprint),
        None => Ok(None),
    }
}

/// The same, where the latest document of the number is known.
pub fn same_as(
    index: &dyn Index,
    latest: &DocumentRecord,
    key: &Key,
    fingerprint: Digest,
) -> Result<Option<DocumentRecord>, Error> {
    let mut next = Some(latest.clone());
    while let Some(record) = next.filter(|record| record.received.facts.key == *key) {
        if record.received.fingerprint == fingerprint {
            return Ok(Some(record));
        }
        let replaces = record.received.replaces;
        next = replaces
            .map(|id| records::known_document(index, id))
            .transpose()?;
    }
    Ok(None)
}
