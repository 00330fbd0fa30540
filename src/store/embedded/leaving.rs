//! What leaves the tree together: a document or a lot with all keys that are its own.
//!
//! So whoever looks for what may leave finds it by the records alone: where the tree has any key of a document or lot
//! that may leave, it has its record.

use std::collections::BTreeMap;

use crate::store::embedded::places;
use crate::store::index::Index;
use crate::store::ledger::{keys, records};
use crate::store::listing::Book;
use crate::store::{BodyId, DocumentRecord, Error, LotRecord};

/// So many bytes of pairs are enough for a file.
const FILE_BYTES: usize = 16 << 20;

/// Pairs on their way from the tree into a file.
#[derive(Default)]
pub struct Leaving {
    pairs: BTreeMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
}

impl Leaving {
    /// The pairs, in order of key.
    pub fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.pairs
            .iter()
            .map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// The pairs, for good.
    pub fn into_pairs(self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.pairs
    }

    /// How many bytes they have.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether they are enough for a file.
    pub fn is_full(&self) -> bool {
        self.bytes >= FILE_BYTES
    }

    /// What is a document's or lot's own, by the key of its record; nothing for a record that is not there.
    pub fn own(&mut self, live: &dyn Index, key: &[u8]) -> Result<(), Error> {
        match key.first() {
            Some(b'd') => match records::load(live, key)? {
                Some(record) => self.document(live, &record),
                None => Ok(()),
            },
            Some(b'l') => match records::load(live, key)? {
                Some(record) => self.lot(live, &record),
                None => Ok(()),
            },
            Some(_) | None => Ok(()),
        }
    }

    /// A document with its number, history, lists and supports, and the place of its body.
    pub fn document(&mut self, live: &dyn Index, record: &DocumentRecord) -> Result<(), Error> {
        let received = &record.received;
        let id = received.document;
        let number = keys::latest(&received.facts.key, received.purpose);
        // A number that was used again is the later document's.
        if records::load(live, &number)? == Some(id) {
            self.take(live, number)?;
        }
        for book in Book::holding(record) {
            self.take(live, keys::listed(book, record.place()))?;
        }
        if let Some(fse) = received.supports {
            self.take(live, keys::supporting(fse, id))?;
        }
        self.prefix(live, &keys::supporting_of(id))?;
        self.prefix(live, &keys::document_histories(id))?;
        self.take(live, places::body_key(BodyId::Document(id)))?;
        self.take(live, keys::document(id))
    }

    /// A lot with its history.
    pub fn lot(&mut self, live: &dyn Index, lot: &LotRecord) -> Result<(), Error> {
        self.prefix(live, &keys::lot_histories(lot.sealed.lot))?;
        self.take(live, keys::lot(lot.sealed.lot))
    }

    fn prefix(&mut self, live: &dyn Index, prefix: &[u8]) -> Result<(), Error> {
        self.add(live.scan(prefix, &keys::after(prefix), usize::MAX)?);
        Ok(())
    }

    fn take(&mut self, live: &dyn Index, key: Vec<u8>) -> Result<(), Error> {
        if let Some(value) = live.get(&key)? {
            self.add(vec![(key, value)]);
        }
        Ok(())
    }

    /// Adds pairs.
    pub fn add(&mut self, pairs: Vec<(Vec<u8>, Vec<u8>)>) {
        for (key, value) in pairs {
            self.bytes += key.len() + value.len();
            self.pairs.insert(key, value);
        }
    }
}
