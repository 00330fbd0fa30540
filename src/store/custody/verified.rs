//! What a check of a whole store found: what was read, and where it contradicts itself.

use crate::claims::entry::Position;

/// At most so many differences are kept to be told; the rest is only counted.
pub const TOLD: usize = 1_000;

/// What was read, and what differs.
#[derive(Debug, Default)]
pub struct Verified {
    /// Segments of the journal, archived ones too.
    pub segments: u64,
    /// Those whose bodies are gone.
    pub archived: u64,
    /// Batches read.
    pub batches: u64,
    /// Entries read.
    pub entries: u64,
    /// Bodies read.
    pub bodies: u64,
    /// Their bytes.
    pub body_bytes: u64,
    /// Encrypted bodies of which only the checksum was checked, because no master key was given.
    pub unopened: u64,
    /// Bodies whose key was forgotten: they are gone as they should be.
    pub purged: u64,
    /// Bytes of a batch that was never finished; nothing was answered for it, and it is no difference.
    pub torn_bytes: u64,
    /// The index, if it could be compared.
    pub index: Option<Compared>,
    /// What differs, the first [`TOLD`].
    pub differences: Vec<Difference>,
    /// How many differences there are.
    pub differing: u64,
}

/// An index that was compared with a fresh fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Up to which entry it was applied.
    pub position: Position,
    /// How many records were compared.
    pub records: u64,
}

/// One place where a store contradicts itself; named by ids, centres, days and cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which part.
    pub part: Part,
    /// What, for people.
    pub what: String,
}

/// A part of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Segments, records, commits, chain, entries.
    Journal,
    /// Bodies and their commitments.
    Bodies,
    /// The index.
    Index,
}

impl Part {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Journal => "journal",
            Part::Bodies => "bodies",
            Part::Index => "index",
        }
    }
}

impl Verified {
    /// Whether nothing differs.
    pub fn holds(&self) -> bool {
        self.differing == 0
    }

    /// Notes a difference.
    pub(in crate::store) fn differ(&mut self, part: Part, what: String) {
        self.differing += 1;
        if self.differences.len() < TOLD {
            self.differences.push(Difference { part, what });
        }
    }
}
