//! What happens to a ledger as a whole: it is anchored day by day, and it may be made again from a backup.
//!
//! After a restore the gateway does not know what happened in the span that is lost. So everything that was on its way
//! is in doubt, what insurers say is heard from the beginning, and nothing is sent before a person has looked.

use crate::claims::canon::canon_struct;
use crate::claims::commitment::Chain;
use crate::claims::entry::Position;
use crate::claims::id::{Digest, Name};
use crate::claims::time::Timestamp;

/// The ledger up to here was made from a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// SHA-256 of the backup's manifest.
    pub backup: Digest,
    /// When the backup was made.
    pub taken: Timestamp,
    /// The last entry that was restored.
    pub position: Position,
    /// The instant of that entry: from then on until the restore nothing is known.
    pub since: Timestamp,
    /// The last entry that is known to have been there; more may have been.
    pub known: Position,
    /// Who restored it.
    pub actor: Name,
}

/// After a restore: lots may be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// The entry of the restore.
    pub restored: Position,
    /// Who.
    pub actor: Name,
    /// Commitment to the reason, a body.
    pub reason: Digest,
}

/// The running hash of the ledger after an entry, written down in the ledger itself and shown outside of it: whoever
/// keeps one can prove later that nothing before it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The entry.
    pub position: Position,
    /// The running hash after it.
    pub chain: Chain,
}

canon_struct! {
    Restored { backup, taken, position, since, known, actor }
    Resumed { restored, actor, reason }
    Anchor { position, chain }
}
