//! Questions to the ledger, and what its answers are named by.
//!
//! A question changes nothing and needs no lease.

use std::fmt;

use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::claims::commitment::commitment;
use crate::claims::document::{Key, Purpose};
use crate::claims::entry::{Entry, Position, Received};
use crate::claims::id::{Destination, Digest, DocumentId, EndpointName, Finess};
use crate::claims::time::{Day, Timestamp};
use crate::store::LotRecord;

/// Which statements are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichStatements {
    /// The one of this number.
    Numbered(Position),
    /// Those after a number, of one centre or of all.
    After {
        /// The centre; none: all.
        centre: Option<Finess>,
        /// The number.
        after: Position,
        /// At most so many.
        most: usize,
    },
    /// The last one of a centre.
    LastOf(Finess),
    /// The last one.
    Last,
    /// The first one that each key signed.
    FirstByKey,
}

/// Work that needs no lease.
#[derive(Clone, Debug, Default)]
pub struct Due {
    /// Open documents to be sealed together.
    pub groups: Vec<Group>,
    /// Lots to ask their insurer about.
    pub asks: Vec<LotRecord>,
    /// Endpoints that have lots due.
    pub endpoints: Vec<EndpointName>,
    /// Those of them that have lots due of which nothing can have arrived: where one is gone, commit a
    /// [`Command::Unroute`](crate::store::Command::Unroute).
    pub unsent: Vec<EndpointName>,
    /// Whether timers are due: commit a [`Command::Tick`](crate::store::Command::Tick).
    pub timers: bool,
    /// When the next thing after `at` is due, if anything waits.
    pub next: Option<Timestamp>,
}

/// When open documents are gathered into a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// As soon as there are so many, and never more in one lot.
    pub documents: u32,
    /// As soon as they have so many bytes, and never more in one lot (but one document always fits).
    pub bytes: u64,
    /// When the oldest has waited so long.
    pub age: Duration,
}

/// Open documents of one centre for one destination, oldest first.
#[derive(Clone, Debug)]
pub struct Group {
    /// The sender.
    pub centre: Finess,
    /// The destination.
    pub destination: Destination,
    /// Real or test.
    pub purpose: Purpose,
    /// Ids and lengths.
    pub documents: Vec<(DocumentId, u32)>,
}

/// Names a body: bytes that belong to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BodyId {
    /// A document as posted.
    Document(DocumentId),
    /// The body that the entry at a position commits to (receipts, settlements, evidence).
    Entry(Position),
}

impl BodyId {
    /// The body that the entry at a position commits to, and the commitment.
    pub fn promised(position: Position, entry: &Entry) -> Option<(BodyId, Digest)> {
        let committed = entry.committed()?;
        let id = if let Entry::Received(received) = entry {
            BodyId::Document(received.document)
        } else {
            BodyId::Entry(position)
        };
        Some((id, committed.commitment))
    }
}

/// A body as stored.
#[derive(Clone)]
pub struct Body {
    /// The bytes.
    pub bytes: Bytes,
    /// The salt of its commitment.
    pub salt: [u8; 16],
}

/// Its length alone: what it holds may be of a patient.
impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Body({} bytes)", self.bytes.len())
    }
}

impl Body {
    /// What an entry says of it.
    pub fn commitment(&self) -> Digest {
        commitment(self.salt, Digest(Sha256::digest(&self.bytes).into()))
    }
}

/// A document as it is carried.
#[derive(Clone)]
pub struct Carried {
    /// What was recorded when it came.
    pub received: Received,
    /// Its bytes as posted.
    pub body: Body,
}

/// How to find a document.
#[derive(Clone, Copy, Debug)]
pub enum Find {
    /// By our id.
    Id(DocumentId),
    /// The latest document of a key: claims and tests are numbered apart.
    Key(Key, Purpose),
}

/// Which tallies.
#[derive(Clone, Copy, Debug)]
pub struct TallyQuery {
    /// One centre, or all.
    pub centre: Option<Finess>,
    /// First day.
    pub from: Day,
    /// Last day.
    pub to: Day,
}

impl TallyQuery {
    /// Every centre and every day that can be asked for.
    pub fn everything() -> TallyQuery {
        let day = |year, month, day| Day::new(year, month, day).expect("a day of the calendar");
        TallyQuery {
            centre: None,
            from: day(1900, 1, 1),
            to: day(9999, 12, 30),
        }
    }
}
