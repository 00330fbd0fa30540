//! The publication of a statement: what the ledger keeps of it, so that no later one can take its place.
//!
//! The statement itself is a body. The entry holds its digest and signature, so the chain of entries proves what
//! was said, also when the bytes are kept elsewhere. A statement is never rewritten: what comes later is said by
//! another one, which names the one that it follows.

use crate::claims::canon::canon_struct;
use crate::claims::entry::Position;
use crate::claims::id::{Digest, Finess, Name};
use crate::claims::period::Period;

/// A statement was published; the position of its entry is its number from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The centre.
    pub centre: Finess,
    /// The period, as it was closed.
    pub period: Period,
    /// The closing that froze the period.
    pub closing: Position,
    /// It was computed from all entries up to here.
    pub position: Position,
    /// SHA-256 of its canonical JSON, the body.
    pub digest: Digest,
    /// The digest of the centre's statement before, of whatever period; none on the first.
    pub previous: Option<Digest>,
    /// The number of the statement of the same period that it corrects.
    pub follows: Option<Position>,
    /// SHA-256 of the canonical form of the policy by which it was counted.
    pub policy: Digest,
    /// The public key that verifies it (Ed25519, RFC 8032).
    pub key: [u8; 32],
    /// The signature over the canonical JSON, as the detached JWS of the house has it.
    pub signature: [u8; 64],
    /// Who had it published.
    pub actor: Name,
    /// Commitment to the canonical JSON.
    pub commitment: Digest,
}

canon_struct! {
    Published {
        centre, period, closing, position, digest, previous, follows, policy, key, signature, actor, commitment,
    }
}
