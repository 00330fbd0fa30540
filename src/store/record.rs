//! What the ledger knows of documents, lots, endpoints and figures, as its index has it.
//!
//! All of it is a fold of entries: nothing here is the only copy of anything.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::closing::Closed;
use crate::claims::delivery::{self, Arrival};
use crate::claims::document::{Key, ReplacementReason};
use crate::claims::entry::{
    Entry, FiguresLoaded, Gate, Judged, Next, Position, Received, Reconciled, Sealed, Stamped,
};
use crate::claims::id::{Destination, DocumentId, EndpointName, Finess, LotId, Name};
use crate::claims::standing::{Course, Receipted};
use crate::claims::statement::Published;
use crate::claims::tally::{Cell, Lateness, PaperCell};
use crate::claims::time::{Day, Timestamp};

/// A document and all that is derived about it.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentRecord {
    /// Its admission.
    pub received: Received,
    /// Position of its admission.
    pub position: Position,
    /// When it was admitted.
    pub at: Timestamp,
    /// Standing and what insurers said.
    pub course: Course,
    /// The lot it is in, or was in last.
    pub lot: Option<LotId>,
    /// The document that replaced it.
    pub replaced_by: Option<DocumentId>,
    /// Start of the attempt whose taking is proven: the last one that had begun when the first proof came.
    pub proven: Option<Timestamp>,
    /// Whether its insurer said to have its lot. After a restore it may be said of a lot of which no attempt is known.
    pub said_taken: bool,
    /// Since when a paper duplicate is owed.
    pub paper_owed: Option<Timestamp>,
    /// When its standing last changed.
    pub since: Timestamp,
    /// When time alone changes something about it: paper owed, lapsed, unsettled.
    pub timer: Option<Timestamp>,
    /// The lot whose receipt or settlement speaks of it.
    pub answered_in: Option<LotId>,
    /// For a PJ: the FSE whose receipt it waits for.
    pub waits_for: Option<DocumentId>,
    /// Since when it may be sealed: its admission, or for a PJ the receipt of its FSE. When its lot is void and it is
    /// open again, it keeps its age.
    pub sealable_since: Timestamp,
}

/// A document with what is read from elsewhere: for people and programs that ask about one.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentView {
    /// Its record.
    pub record: DocumentRecord,
    /// Its lot, or its last.
    pub lot: Option<LotRecord>,
    /// Whether it was transmitted late, as far as proven.
    pub late: Lateness,
    /// Its next instant and reason, unless it is finished.
    pub next: Option<Next>,
    /// Positions of the entries about it, oldest first.
    pub history: Vec<Position>,
}

/// A lot and all that is derived about it.
#[derive(Clone, Debug, PartialEq)]
pub struct LotRecord {
    /// As sealed.
    pub sealed: Sealed,
    /// Where its delivery stands.
    pub state: delivery::State,
    /// Whether anything of it can be with the insurer.
    pub arrival: Arrival,
    /// Attempts so far.
    pub attempts: u32,
    /// Start of the last attempt of which anything can have left: the one that runs counts until it is known better.
    pub attempted: Option<Timestamp>,
    /// What `attempted` was before the last attempt began.
    pub attempted_before: Option<Timestamp>,
    /// Whether the insurer is to be asked before anything else.
    pub ask: bool,
    /// So often it was asked in vain since it last said how the lot stands, or an attempt began.
    pub asked: u32,
    /// Those of its documents that went another way.
    pub left: Vec<DocumentId>,
    /// Documents without receipt or settlement yet.
    pub unanswered: u32,
    /// Next instant and reason, unless finished.
    pub next: Option<Next>,
    /// The instant of the entry that said so.
    pub told: Timestamp,
    /// The oldest legal deadline of its documents, if one has any.
    pub deadline: Option<Day>,
}

/// Cursor and gate of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointRecord {
    /// What was polled up to.
    pub cursor: Option<Name>,
    /// Held or open.
    pub gate: Gate,
}

impl EndpointRecord {
    /// The gate of a system, by all its names: a hold under one of them holds what waits under each, until it is released
    /// under that name.
    pub fn gate_of<'a>(
        known: &BTreeMap<EndpointName, EndpointRecord>,
        mut system: impl Iterator<Item = &'a EndpointName>,
    ) -> Gate {
        let is_held = |name| {
            known
                .get(name)
                .is_some_and(|known| known.gate == Gate::Held)
        };
        match system.any(is_held) {
            true => Gate::Held,
            false => Gate::Open,
        }
    }
}

/// Figures as they were loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiguresRecord {
    /// Their entry; the file is its body.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// What was loaded.
    pub figures: FiguresLoaded,
}

/// A reconciliation as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// Its entry, by which it is named; the result is its body.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// What was compared.
    pub run: Reconciled,
}

/// A statement as it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRecord {
    /// Its entry, by which it is named; its canonical JSON is its body.
    pub number: Position,
    /// When.
    pub at: Timestamp,
    /// What the ledger keeps of it.
    pub published: Published,
}

/// The last judgement on a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedRecord {
    /// Its entry; the comment is its body.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// What was said.
    pub judged: Judged,
}

/// The lines of a centre, and up to which entry they are true.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    /// Up to here.
    pub position: Position,
    /// One for each unit of account, by root.
    pub lines: Vec<Line>,
}

/// One unit of account: a document and its replacements.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its three cells: the same but for the day.
    pub cells: [Cell; 3],
    /// First document.
    pub root: DocumentId,
    /// Latest document.
    pub latest: DocumentId,
    /// Its documents in the order in which they replaced each other, the latest last.
    pub documents: Vec<LineDocument>,
    /// Last day in time, of the root.
    pub deadline: Option<Day>,
    /// The insurer's code of the refusal that stands.
    pub refusal: Option<Name>,
}

/// One document of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineDocument {
    /// Its number.
    pub key: Key,
    /// To which insurer it goes.
    pub destination: Destination,
    /// Whether a positive receipt stands for it.
    pub receipted: Receipted,
    /// Why it was replaced; none of the latest.
    pub replaced: Option<ReplacementReason>,
}

/// Counts of units and paper sheets, and up to which entry they are true.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tallies {
    /// Up to here.
    pub position: Position,
    /// Units.
    pub units: BTreeMap<Cell, i64>,
    /// Paper sheets; 1 on the row without caisse of each declared day.
    pub paper: BTreeMap<PaperCell, i64>,
}

/// Tallies of the days that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct TalliesSince {
    /// The tallies of the covered days, and of no others; a cell that is not there is zero.
    pub tallies: Tallies,
    /// Which days those are.
    pub covered: Covered,
}

/// Which days tallies cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Covered {
    /// All of them.
    Everything,
    /// These days of these centres, by every basis, and their declared paper.
    Days(BTreeSet<(Finess, Day)>),
}

/// The closing of a period, where it is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Its entry: what is frozen is all up to it.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// What was closed.
    pub closed: Closed,
}

impl Closing {
    pub(super) fn of((position, stamped): (Position, Stamped)) -> Option<Closing> {
        let Entry::Closed(closed) = stamped.entry else {
            return None;
        };
        Some(Closing {
            position,
            at: stamped.at,
            closed: *closed,
        })
    }
}
