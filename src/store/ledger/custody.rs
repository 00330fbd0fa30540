//! Questions about the ledger as a whole: its restores, its anchors, and what insurers said that fits nothing.

use crate::claims::entry::Position;
use crate::store::Error;
use crate::store::custody::record::{AnchorRecord, Orphan, OrphanName, RestorationRecord};
use crate::store::index::Index;
use crate::store::ledger::{keys, records};

/// The last restore of this ledger.
pub fn restoration(index: &dyn Index) -> Result<Option<RestorationRecord>, Error> {
    records::load(index, &keys::restoration())
}

/// Anchors after one, by the entries that are anchored.
pub fn anchors(
    index: &dyn Index,
    after: Position,
    most: usize,
) -> Result<Vec<AnchorRecord>, Error> {
    let from = keys::after(&keys::anchor(after));
    let found = index.scan(&from, &keys::after(&keys::anchors()), most)?;
    found
        .iter()
        .map(|(_, value)| records::read(value))
        .collect()
}

/// Orphans after one, by endpoint, id and fingerprint.
pub fn kept_orphans(
    index: &dyn Index,
    after: Option<&OrphanName>,
    most: usize,
) -> Result<Vec<Orphan>, Error> {
    let from = after.map_or_else(keys::orphans, |OrphanName(endpoint, id, fingerprint)| {
        keys::after(&keys::orphan(endpoint, id, *fingerprint))
    });
    let found = index.scan(&from, &keys::after(&keys::orphans()), most)?;
    let orphan = |(key, value): &(Vec<u8>, Vec<u8>)| {
        let (endpoint, id, fingerprint) = records::read(&key[1..])?;
        Ok(Orphan {
            name: OrphanName(endpoint, id, fingerprint),
            record: records::read(value)?,
        })
    };
    found.iter().map(orphan).collect()
}

/// The anchor of the latest entry.
pub fn last_anchor(index: &dyn Index) -> Result<Option<AnchorRecord>, Error> {
    records::load(index, &keys::last_anchor())
}
