//! What the ledger knows of itself as a whole: restores, anchors, and how its keys are wrapped; and what is kept of
//! insurers' words that fit nothing, which after a restore is all that is known of the span that is lost.

use crate::claims::custody::{Anchor, Restored};
use crate::claims::entry::{OrphanCause, Position};
use crate::claims::id::{Digest, EndpointName, Name};
use crate::claims::time::Timestamp;
use crate::store::journal::master::{self, MasterId};

/// A restore of this ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestorationRecord {
    /// Its entry.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// From what, and what is lost.
    pub restored: Restored,
    /// When lots were let go again, and by which entry; none: they wait.
    pub resumed: Option<(Position, Timestamp)>,
}

impl RestorationRecord {
    /// Whether lots wait for a person.
    pub fn waits(&self) -> bool {
        self.resumed.is_none()
    }
}

/// An anchor, and where it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnchorRecord {
    /// The entry that holds it.
    pub entry: Position,
    /// When.
    pub at: Timestamp,
    /// Up to where, and the hash.
    pub anchor: Anchor,
}

/// What is kept of a receipt or settlement that fits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrphanRecord {
    /// Its entry; the bytes are its body.
    pub position: Position,
    /// When it came.
    pub at: Timestamp,
    /// Why it moves nothing.
    pub cause: OrphanCause,
}

/// By what an orphan is known: endpoint, the insurer's id of it, fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrphanName(pub EndpointName, pub Name, pub Digest);

/// An orphan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// By what it is known.
    pub name: OrphanName,
    /// What is kept of it.
    pub record: OrphanRecord,
}

/// How the data keys of a store are wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrapping {
    /// By which master key.
    pub master: MasterId,
    /// Since when.
    pub since: Timestamp,
    /// How many segments have a key.
    pub kept: usize,
    /// How many keys were forgotten.
    pub forgotten: usize,
}

/// What came of an order to wrap by the next master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrapped {
    /// They are wrapped so.
    Done(Wrapping),
    /// No body is encrypted.
    NothingSealed,
    /// There is no next master key.
    NoKey(master::Error),
}
