//! The ledger's logic over any index: one decider, one fold, one set of questions.
//!
//! No IO of its own and no waiting: the implementations of [`crate::store::Store`] bring the index, make
//! decisions durable and publish them. [`decide`] turns a command into entries, [`fold`] applies an entry to
//! the index, and a replay is [`fold`] alone.

mod decide;
pub(in crate::store) mod retention;
pub(in crate::store) mod touched;
mod fold;
pub(in crate::store) mod change;
pub(in crate::store) mod custody;
pub(in crate::store) mod listing;
pub(in crate::store) mod keys;
mod bundle;
mod known;
mod turn;
pub(in crate::store) mod query;
pub(in crate::store) mod lines;
pub(in crate::store) mod statements;
pub(in crate::store) mod records;
pub(in crate::store) mod numbers;
#[cfg(test)]
mod scale;
#[cfg(test)]
mod tests;

use sha2::{Digest as _, Sha256};

use crate::claims::entry::Stamped;
use crate::claims::id::Digest;
use crate::claims::time::Timestamp;
use crate::store::{Body, BodyId, Outcome};

pub use decide::decide;
pub use fold::fold;
pub use known::Known;

/// The two instants of a command.
#[derive(Clone, Copy, Debug)]
pub struct Instants {
    /// Of its entries: never before that of an earlier entry, also after the clock was ahead for a while.
    pub stamp: Timestamp,
    /// By the clock of who gave it. What is due is due by this one, or whatever was stamped by a clock that was ahead
    /// would run every timer too early and put off whatever is to come at once.
    pub clock: Timestamp,
}

/// What a command does: entries and bodies to be made durable together, and the answer to give then.
pub struct Decision {
    /// Entries, already applied to the working copy, in order.
    pub entries: Vec<Stamped>,
    /// Bodies that the entries commit to.
    pub bodies: Vec<(BodyId, Body)>,
    /// The answer.
    pub outcome: Outcome,
}

/// The store's own secret, by which fingerprints are keyed: without it nobody can guess a document from its
/// fingerprint.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// From 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Secret {
        Secret(bytes)
    }

    /// The keyed digest of bytes whose SHA-256 is given (SHA-256 of key and digest: both of fixed length).
    pub fn fingerprint(&self, digest: Digest) -> Digest {
        Digest(
            Sha256::new()
                .chain_update(self.0)
                .chain_update(digest.0)
                .finalize()
                .into(),
        )
    }
}
