//! Receipts and settlements as evidence: what an insurer's bytes say, and whether they are signed where its endpoint has
//! keys. Handed in or asked for, alone or in a feed, they are read and verified here only.
//!
//! It keeps and refuses nothing: what cannot be read goes back with its findings.

use crate::claims::finding::Finding;
use crate::claims::id::EndpointName;
use crate::claims::receipt::{Evidence, Item};
use crate::formats::jws::Keyring;
use crate::formats::xml::{Limits, Part, Reader};

/// Reads what one endpoint's insurer says.
pub struct Hearing<'a> {
    /// The endpoint.
    pub endpoint: &'a EndpointName,
    /// Reads the XML.
    pub reader: &'a Reader,
    /// Caps on what is read.
    pub limits: &'a Limits,
    /// The keys of the endpoints whose receipts are signed.
    pub keys: &'a Keyring,
}

impl Hearing<'_> {
    /// What a receipt or settlement says that came alone.
    ///
    /// # Errors
    /// The findings, when it cannot be read.
    pub fn alone(&self, bytes: &[u8]) -> Result<Evidence, Vec<Finding>> {
        let read = self.reader.read_item(bytes, self.limits);
        let item = read.value.ok_or(read.findings)?;
        let part = self.reader.alone(bytes);
        let signed = part.as_ref().map_or(bytes, |part| part.of(bytes));
        let jws = part.as_ref().and_then(|part| part.signature(bytes));
        Ok(self.proven(item, signed, jws))
    }

    /// What an item of a feed says, given the bytes of the feed.
    ///
    /// # Errors
    /// The findings, when it cannot be read.
    pub fn of_feed(&self, feed: &[u8], part: &Part) -> Result<Evidence, Vec<Finding>> {
        let read = self.reader.read_feed_item(feed, part, self.limits);
        let item = read.value.ok_or(read.findings)?;
        Ok(self.proven(item, part.of(feed), part.signature(feed)))
    }

    /// Where the endpoint has keys, only what it signed is evidence.
    fn proven(&self, item: Item, signed: &[u8], jws: Option<&str>) -> Evidence {
        match self.keys.verify(self.endpoint, signed, jws) {
            Ok(()) => Evidence::Item(item),
            Err(_fault) => Evidence::Unproven(item),
        }
    }
}
