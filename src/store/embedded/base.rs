//! What an index begins with: the state that a foundation holds, or nothing.
//!
//! An index knows on which foundation it was begun: under another one it holds what has gone, so it is built anew.
//! Puts what is read and decides nothing; a crash leaves an index that does not say how far it is, which is built anew.

use std::collections::BTreeMap;

use crate::claims::audit::Audit;
use crate::claims::entry::Position;
use crate::store::Error;
use crate::store::embedded::places;
use crate::store::index::{Changes, Index};
use crate::store::journal::foundation::Record;
use crate::store::journal::reader::Reader;
use crate::store::journal::{self, Mark};
use crate::store::ledger::{keys, records};
use crate::store::retention::Beginning;

/// So many pairs are put at once.
const AT_ONCE: usize = 1024;

/// Why a state was not put.
#[derive(Debug, thiserror::Error)]
pub enum Unlaid {
    /// The foundation is damaged.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The index took nothing.
    #[error(transparent)]
    Index(#[from] Error),
}

/// Puts into an index what it begins with; where there is no foundation, nothing.
pub fn lay(
    reader: &Reader,
    mut put: impl FnMut(Changes) -> Result<(), Error>,
) -> Result<(), Unlaid> {
    let Some(foundation) = reader.foundation() else {
        return Ok(());
    };
    if foundation.header.layout != u16::from(places::LAYOUT) {
        let what = "the foundation was written for another layout of the index";
        return Err(Error::Read(what.into()).into());
    }
    let mut changes = Changes::new();
    foundation.records(|record| {
        if let Record::State(key, value) = record {
            changes.insert(key.to_vec(), Some(value.to_vec()));
        }
        if changes.len() >= AT_ONCE {
            put(std::mem::take(&mut changes))?;
        }
        Ok::<(), Unlaid>(())
    })?;
    let end = foundation.end();
    let next = Position(end.position.0 + 1);
    places::record_archived(&mut changes, Mark::start(end.segment, next), end);
    changes.insert(places::base_key(), Some(end.chain.0.to_vec()));
    Ok(put(changes)?)
}

/// What the ledger begins with, if a foundation stands for its oldest entries.
pub fn beginning(reader: &Reader) -> Result<Option<Beginning>, Error> {
    let Some(foundation) = reader.foundation() else {
        return Ok(None);
    };
    let (mut second, mut registry) = (Vec::new(), BTreeMap::new());
    let mut anchor = None;
    let read = foundation.records(|record| {
        match record {
            Record::Second(part) => second.extend_from_slice(part),
            Record::State(key, value) if key.starts_with(&keys::centres()) => {
                registry.insert(records::read(&key[1..])?, records::read(value)?);
            }
            Record::State(key, value) if key == keys::last_anchor() => {
                anchor = Some(records::read(value)?);
            }
            Record::State(..) | Record::Entry(..) | Record::Segment(_) => {}
        }
        Ok::<(), Unlaid>(())
    });
    read.map_err(|bad| Error::Read(bad.to_string().into()))?;
    let audit = Audit::read(&second).map_err(|bad| Error::Read(bad.to_string().into()))?;
    let header = foundation.header;
    Ok(Some(Beginning {
        position: header.position,
        chain: header.chain,
        at: header.at,
        anchor,
        until: header.until,
        audit,
        registry,
    }))
}

/// Whether an index was begun on the foundation that counts.
pub fn fits(index: &dyn Index, reader: &Reader) -> Result<bool, Error> {
    let is = index.get(&places::base_key())?;
    let foundation = reader.foundation();
    let should = foundation.map(|foundation| foundation.header.chain.0.to_vec());
    Ok(is == should)
}
