//! Places in the journal: where a batch begins, where a record lies, where everything ends.

use crate::claims::commitment::Chain;
use crate::claims::entry::Position;
use crate::store::journal::format::HEADER;

/// A place behind a whole batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Ordinal of the segment.
    pub segment: u64,
    /// Offset in it, in bytes.
    pub offset: u64,
    /// Position of the last entry before it.
    pub position: Position,
    /// Running hash after that entry.
    pub chain: Chain,
}

impl Head {
    /// The place before everything.
    pub fn origin() -> Head {
        Head {
            segment: 1,
            offset: HEADER as u64,
            position: Position(0),
            chain: Chain::default(),
        }
    }
}

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Ordinal of the segment.
    pub segment: u64,
    /// Offset in it, in bytes.
    pub offset: u64,
    /// Length of the whole record in bytes.
    pub length: u32,
}

/// Where a batch begins, and the position of its first entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Ordinal of the segment.
    pub segment: u64,
    /// Offset in it, in bytes.
    pub offset: u64,
    /// Position of the first entry.
    pub first: Position,
}

impl Mark {
    /// The first batch of a segment.
    pub fn start(segment: u64, first: Position) -> Mark {
        Mark {
            segment,
            offset: HEADER as u64,
            first,
        }
    }
}
