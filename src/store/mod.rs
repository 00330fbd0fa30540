//! The port to the ledger: one truth, one decider.
//!
//! # The contract
//! - **One decider.** [`Store::commit`] decides commands one after the other, each against the state that
//!   all earlier ones left. Nothing else changes that state.
//! - **Persist before you answer.** When `commit` returns `Ok`, the command's entries and bodies are on
//!   stable storage and are visible to every later call. When it returns an error, or never returns, the
//!   fate is unknown and the caller repeats the command: every command is safe to repeat.
//! - **All or nothing.** A command's entries are durable together or not at all.
//! - **A lease is durable first.** The `attempted` entry of a lot is on stable storage before
//!   [`Store::lease_due`] hands the lot out; on start every lot in `sending` becomes in doubt.
//! - **Derived state is a fold of entries.** Opening a store replays what its index has not applied.
//! - **A wake-up may be lost.** [`Store::watch`] is a hint; the due index is the truth.
//!
//! A crash at any point leaves a ledger that ends after some whole batch; nothing answered is missing.

pub mod listing;
pub mod change;
pub mod lanes;
pub mod index;
pub mod ledger;
pub mod journal;
pub mod custody;
pub mod embedded;
pub mod memory;
pub mod keeping;
pub mod traces;
#[cfg(test)]
mod contract;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use crate::claims::agreement::Agreement;
use crate::claims::closing::Closed;
use crate::claims::delivery::{self, Arrival};
use crate::claims::document::{Facts, Key, Purpose};
use crate::claims::entry::{
    Entry, Gate, Judgement, Next, OrphanCause, PaperRow, Position, Stamped,
};
use crate::claims::foundation::Founded;
use crate::claims::id::{Destination, Digest, DocumentId, EndpointName, Finess, LotId, Name};
use crate::claims::period::Period;
use crate::claims::receipt::Item;
use crate::claims::registry::Centre;
use crate::claims::retention::{Evacuated, OnHold};
use crate::claims::standing::{Course, Standing};
use crate::claims::statement::Published;
use crate::claims::tally::{Cell, Lateness, PaperCell};
use crate::claims::terms::Terms;
use crate::claims::time::{Day, Timestamp};
use crate::store::change::Changes;
use crate::store::journal::keys::{Rewrapped, Wrapping};
use crate::store::journal::scan::Damage;
use crate::store::keeping::Beginning;
use crate::store::listing::{Listed, Listing};

/// The ledger, its bodies and what is derived from them.
#[async_trait]
pub trait Store: Send + Sync {
    /// Decides a command at an instant, makes its entries and bodies durable, and answers.
    async fn commit(&self, at: Timestamp, command: Command) -> Result<Outcome, Error>;

    /// Leases up to `most` lots of one endpoint that are due at `at`: their attempts are durable. Centres come in
    /// turn, and of each the lot with the oldest legal deadline comes first.
    async fn lease_due(&self, at: Timestamp, lease: Lease) -> Result<Vec<Leased>, Error>;

    /// What is due at `at`, and when the next thing is.
    async fn due(&self, at: Timestamp, sealing: Sealing, most: usize) -> Result<Due, Error>;

    /// The bytes of a body, or none if it was never stored or is gone.
    async fn body(&self, body: BodyId) -> Result<Option<Body>, Error>;

    /// Entries after a position, in order, at most `most`.
    async fn entries(
        &self,
        after: Position,
        most: usize,
    ) -> Result<Vec<(Position, Stamped)>, Error>;

    /// What the ledger begins with, where a foundation stands for its oldest entries. Of those, [`Store::entries`] gives
    /// the ones that stay.
    async fn beginning(&self) -> Result<Option<Beginning>, Error> {
        Ok(None)
    }

    /// Up to this day, units of documents that have gone are counted on the first day of their month: what is asked for
    /// of that time is asked by month.
    fn monthly_until(&self) -> Option<Day> {
        None
    }

    /// One document and all that is known of it.
    async fn document(&self, find: Find) -> Result<Option<DocumentView>, Error>;

    /// One lot.
    async fn lot(&self, lot: LotId) -> Result<Option<LotRecord>, Error>;

    /// Documents in order of id after one, at most `most`; for scans.
    async fn documents(
        &self,
        after: Option<DocumentId>,
        most: usize,
    ) -> Result<Vec<DocumentRecord>, Error>;

    /// A page of a list of documents.
    async fn list(&self, listing: Listing) -> Result<Vec<Listed>, Error>;

    /// What the entries after a position changed about documents; at most `most` entries are looked at.
    async fn changes(&self, after: Position, most: usize) -> Result<Changes, Error>;

    /// How far each target of a webhook was told.
    async fn notified(&self) -> Result<BTreeMap<Name, Position>, Error>;

    /// Lots in order of id after one, at most `most`; for scans.
    async fn lots(&self, after: Option<LotId>, most: usize) -> Result<Vec<LotRecord>, Error>;

    /// Tallies of units and paper over days, as of now.
    async fn tallies(&self, query: TallyQuery) -> Result<Tallies, Error>;

    /// The tallies of all days of centres that an entry after a position speaks of, and which days those are,
    /// all as of one position. A store that cannot tell, or not cheaply, answers with everything.
    async fn tallies_since(&self, after: Position) -> Result<TalliesSince, Error> {
        let _ = after;
        let tallies = self.tallies(TallyQuery::everything()).await?;
        Ok(TalliesSince {
            tallies,
            covered: Covered::Everything,
        })
    }

    /// All closings of periods, in order of the ledger. Unless a store knows better, the whole ledger is read.
    async fn closings(&self) -> Result<Vec<Closing>, Error> {
        const PAGE: usize = 1_000;
        let (mut after, mut found) = (Position(0), Vec::new());
        loop {
            let entries = self.entries(after, PAGE).await?;
            let Some((last, _)) = entries.last() else {
                return Ok(found);
            };
            after = *last;
            found.extend(entries.into_iter().filter_map(Closing::of));
        }
    }

    /// Statements, in order of the ledger.
    async fn statements(&self, which: WhichStatements) -> Result<Vec<StatementRecord>, Error>;

    /// All versions of the registered centres.
    async fn centres(&self) -> Result<BTreeMap<Finess, Vec<Centre>>, Error>;

    /// Cursor and gate of every endpoint that has one.
    async fn endpoints(&self) -> Result<BTreeMap<EndpointName, EndpointRecord>, Error>;

    /// All lines of one centre, real documents only, in one state of the ledger.
    async fn lines(&self, centre: Finess) -> Result<Lines, Error>;

    /// The figures that were loaded, by digest.
    async fn figures(&self) -> Result<Vec<FiguresRecord>, Error>;

    /// All reconciliations, oldest first.
    async fn runs(&self) -> Result<Vec<RunRecord>, Error>;

    /// The last judgement on each line of a reconciliation that has one, in order.
    async fn judged(&self, run: Position) -> Result<Vec<JudgedRecord>, Error>;

    /// How many of these documents violate "nothing is stuck": unfinished, and in no index by which they
    /// would be found again. All are looked at in one state of the ledger; 0 in a store without defect.
    async fn stuck(&self, documents: Vec<DocumentId>) -> Result<u64, Error>;

    /// How many receipts and settlements are kept that match nothing.
    async fn orphans(&self) -> Result<u64, Error>;

    /// Bytes free where the ledger is written; none where nothing is written.
    async fn free_bytes(&self) -> Result<Option<u64>, Error>;

    /// Wraps the keys of all bodies by the next master key, durably, while everything goes on.
    async fn rewrap(&self, at: Timestamp) -> Result<Rewrapped, Error> {
        let _ = at;
        Ok(Rewrapped::NothingSealed)
    }

    /// How the keys of bodies are wrapped; none where bodies are not encrypted. No IO.
    fn wrapping(&self) -> Option<Wrapping> {
        None
    }

    /// How it is: no IO, no waiting; cheap enough for every request.
    fn health(&self) -> Health;

    /// The last position committed; changes wake the loops.
    fn watch(&self) -> watch::Receiver<Position>;
}

/// What can be asked of the ledger. Each is decided, written and synced as one.
#[derive(Clone)]
pub enum Command {
    /// Record the terms if they differ from those in force.
    Terms(Terms),
    /// Put versions of centres; a version equal to the present one changes nothing.
    Registry(Vec<Centre>),
    /// Put versions of centres as a person asks for it, with the reason; all or none.
    Import(Import),
    /// Publish a statement. The commitment is computed here.
    Publish {
        /// What the ledger keeps of it.
        published: Published,
        /// Its canonical JSON.
        bytes: Bytes,
        /// Salt of its commitment.
        salt: [u8; 16],
    },
    /// Admit documents.
    Admit {
        /// Who posts.
        caller: Name,
        /// Documents, in order.
        documents: Vec<Admission>,
        /// What happens when one of them cannot be admitted.
        unity: Unity,
    },
    /// Count posts that were turned away.
    TurnAway(Vec<crate::claims::entry::TurnedAway>),
    /// Seal open documents into a lot; the digest and length of its body are known.
    Seal(crate::claims::entry::Sealed),
    /// Record what came of an attempt or of asking.
    Conclude(Conclusion),
    /// Record receipts and settlements that an endpoint's insurer gave out, and move its cursor.
    Receipts {
        /// The endpoint polled, or the endpoint of the caller who pushed.
        endpoint: EndpointName,
        /// Whether this endpoint is one for real documents or one for tests: it speaks of no others.
        purpose: Purpose,
        /// The destinations that this endpoint serves. It also speaks of what was sent to itself before.
        destinations: Vec<Destination>,
        /// Items in order, each with its bytes as received.
        items: Vec<Heard>,
        /// How the cursor moves with them, when polled.
        cursor: Option<Moved>,
    },
    /// Declare a day's paper sheets.
    Declare {
        /// The centre.
        centre: Finess,
        /// The day.
        day: Day,
        /// Who.
        caller: Name,
        /// Rows; none is zero.
        rows: Vec<PaperRow>,
    },
    /// Cancel a document.
    Cancel {
        /// The document.
        document: DocumentId,
        /// Who.
        caller: Name,
    },
    /// Declare a document transmitted by hand, with evidence.
    Hand {
        /// The document.
        document: DocumentId,
        /// Who.
        actor: Name,
        /// The evidence: a text or file.
        evidence: Bytes,
        /// Salt of its commitment.
        salt: [u8; 16],
    },
    /// Confirm a paper duplicate.
    Paper {
        /// The document.
        document: DocumentId,
        /// Who.
        actor: Name,
    },
    /// Hold or release an endpoint.
    Endpoint {
        /// The endpoint.
        endpoint: EndpointName,
        /// Held or open.
        gate: Gate,
        /// Who.
        actor: Name,
    },
    /// Keep a caisse's figures; a file that is known changes nothing. The commitment is computed here.
    LoadFigures {
        /// What the file says of itself.
        figures: crate::claims::entry::FiguresLoaded,
        /// The file.
        file: Bytes,
        /// Salt of its commitment.
        salt: [u8; 16],
    },
    /// Keep the result of a reconciliation. The commitment is computed here.
    Reconcile {
        /// What was compared.
        run: crate::claims::entry::Reconciled,
        /// The result.
        result: Bytes,
        /// Salt of its commitment.
        salt: [u8; 16],
    },
    /// Accept or dispute a line of a reconciliation.
    Judge {
        /// The reconciliation.
        run: Position,
        /// The line, from 1.
        line: u32,
        /// What is said.
        judgement: Judgement,
        /// Who.
        actor: Name,
        /// A comment, and the salt of its commitment.
        comment: Option<(Bytes, [u8; 16])>,
    },
    /// The next attempt of a lot, or the question before it, at an instant.
    Retry {
        /// The lot.
        lot: LotId,
        /// Who.
        actor: Name,
        /// When; the past is now.
        at: Timestamp,
    },
    /// Ask an endpoint's receipts and settlements from the beginning again.
    Rewind {
        /// The endpoint.
        endpoint: EndpointName,
        /// Who.
        actor: Name,
    },
    /// Record that the ledger up to here was made from a backup; what was on its way is in doubt.
    Restored(crate::claims::custody::Restored),
    /// After a restore, let lots go again.
    Resume {
        /// Who.
        actor: Name,
        /// Why.
        reason: Bytes,
        /// Salt of its commitment.
        salt: [u8; 16],
    },
    /// Write down the running hash after an entry; once a day.
    Anchor(crate::claims::custody::Anchor),
    /// Record how far a webhook's target was told.
    Notified {
        /// Its name.
        target: Name,
        /// The last entry.
        upto: Position,
    },
    /// Place a legal hold. One like it that stands already changes nothing.
    PlaceLegalHold {
        /// What it stands on.
        on: OnHold,
        /// On this day somebody looks whether it is still needed.
        review: Day,
        /// Who.
        actor: Name,
    },
    /// Lift a legal hold. One that is lifted already stays so.
    LiftLegalHold {
        /// The entry that placed it.
        hold: Position,
        /// Who.
        actor: Name,
    },
    /// Record that a segment is cleared of bodies, unless a legal hold was placed since it was decided which.
    Evacuated(Evacuated),
    /// Record that a foundation is laid.
    Founded(Founded),
    /// Record that the keys of all bodies are wrapped by another master key. The commitment is computed here.
    Rewrapped {
        /// Its id.
        master: [u8; 8],
        /// Who ordered it.
        actor: Name,
        /// Why.
        reason: Bytes,
        /// Salt of the reason's commitment.
        salt: [u8; 16],
    },
    /// A command of an operator, with the reason for it.
    Explain {
        /// Cancel, Hand, Paper, Endpoint, Rewind, Retry, PlaceLegalHold or LiftLegalHold.
        command: Box<Command>,
        /// The reason: a text.
        reason: Bytes,
        /// Salt of its commitment.
        salt: [u8; 16],
    },
    /// Close a period that has ended: its rates are frozen. What a former closing includes changes nothing.
    Close {
        /// The period.
        period: Period,
        /// The centres; none named: all.
        centres: Vec<Finess>,
        /// Who.
        actor: Name,
        /// Every policy as it is now.
        policies: Vec<Agreement>,
        /// Why.
        reason: Bytes,
        /// Salt of its commitment.
        salt: [u8; 16],
    },
    /// Lease lots that are due: their attempts.
    Lease(Lease),
    /// Do what has become due by time alone: paper owed, lapsed, unsettled, receipts overdue, leases run out.
    Tick,
    /// After a start: every lot in `sending` is in doubt.
    Restart,
}

/// Registrations that a person hands in.
#[derive(Clone)]
pub struct Import {
    /// The versions; what is registered already changes nothing.
    pub centres: Vec<Centre>,
    /// Who.
    pub actor: Name,
    /// SHA-256 of what was handed in.
    pub file: Digest,
    /// Why.
    pub reason: Bytes,
    /// Salt of the reason's commitment.
    pub salt: [u8; 16],
}

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

/// Whether documents of one post stand or fall together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unity {
    /// Each for itself.
    Each,
    /// All or none.
    Together,
}

/// One document to be admitted, already found valid.
#[derive(Clone)]
pub struct Admission {
    /// A fresh id (UUID v7), used if the document is not known.
    pub document: DocumentId,
    /// Real or test.
    pub purpose: Purpose,
    /// The facts.
    pub facts: Facts,
    /// Bytes as posted.
    pub body: Bytes,
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// Salt of the commitment, random.
    pub salt: [u8; 16],
    /// Codes of the warnings.
    pub warnings: Vec<Name>,
}

/// What came of an attempt, or of asking for the status.
#[derive(Clone, Debug)]
pub struct Conclusion {
    /// The lot.
    pub lot: LotId,
    /// The attempt it concludes; of asking: the last attempt.
    pub attempt: u32,
    /// What happened.
    pub event: delivery::Event,
    /// When to do the next thing if the lot stays unfinished, and why.
    pub next: Next,
    /// Documents that the insurer names as refused, with its code.
    pub named: Vec<(DocumentId, Option<Name>)>,
    /// The insurer's words about them, and the salt of their commitment.
    pub words: Option<(Bytes, [u8; 16])>,
}

/// How an endpoint's cursor moves. From elsewhere it does not: it was set back meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// What was asked after; none: from the beginning.
    pub from: Option<Name>,
    /// What is asked after next.
    pub to: Name,
}

/// What came from an insurer, and its bytes as received.
#[derive(Clone)]
pub struct Heard {
    /// What it says, as far as it is evidence.
    pub evidence: Evidence,
    /// Its bytes, with its signature if it has one.
    pub bytes: Bytes,
    /// Salt of the commitment.
    pub salt: [u8; 16],
}

/// What came from an insurer, as far as it is evidence. Only an item moves anything; all else is kept as an orphan.
#[derive(Clone)]
pub enum Evidence {
    /// A receipt or settlement, signed where the endpoint's are.
    Item(Item),
    /// A receipt or settlement without the signature that it needs.
    Unproven(Item),
    /// A single one that cannot be read.
    Unreadable,
    /// A feed of which not even the items can be told apart.
    UnreadableFeed,
}

impl Evidence {
    /// The receipt or settlement, if it could be read.
    pub fn item(&self) -> Option<&Item> {
        match self {
            Evidence::Item(item) | Evidence::Unproven(item) => Some(item),
            Evidence::Unreadable | Evidence::UnreadableFeed => None,
        }
    }
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Done; the last position of its entries (the current one if nothing changed).
    Done(Position),
    /// One row a document, in order.
    Admitted(Vec<Admitted>),
    /// One row an item, in order.
    Heard(Vec<HeardOutcome>),
    /// The lots leased.
    Leased(Vec<Leased>),
    /// Not done: what stands against it.
    Conflict(Conflict),
}

/// What became of one document of a post.
#[derive(Clone, Debug, PartialEq)]
pub enum Admitted {
    /// Admitted: durable.
    Received {
        /// Its id.
        document: DocumentId,
        /// Its deadline.
        deadline: Option<Day>,
    },
    /// The same bytes under the same key were admitted before: the first answer again.
    Known {
        /// The id of then.
        document: DocumentId,
        /// Its deadline.
        deadline: Option<Day>,
        /// Its standing now.
        standing: Standing,
    },
    /// Not admitted.
    Refused(Conflict),
    /// Not admitted, because another document of the same post was not.
    WithTheOthers,
}

/// Why a command is not done (409).
#[derive(Clone, Debug, PartialEq)]
pub enum Conflict {
    /// The number is known with other content; the names of the facts that differ, never their values.
    OtherContent {
        /// The document of that number.
        document: DocumentId,
        /// Names of differing facts; empty when only the bytes differ.
        differs: Vec<&'static str>,
    },
    /// The standing does not allow it.
    Standing {
        /// The document.
        document: DocumentId,
        /// Its standing.
        standing: Standing,
    },
    /// The lot's delivery does not allow it: ask again after the attempt.
    Delivery {
        /// The lot.
        lot: LotId,
        /// Its state.
        state: delivery::State,
    },
    /// The replaced document is not known.
    ReplacedUnknown,
    /// The replaced document has been replaced already.
    ReplacedBefore(DocumentId),
    /// The FSE that a PJ supports is not known.
    SupportedUnknown,
    /// The centre is not registered, or closed, on the document's day.
    Centre(Finess),
    /// Nothing is known by this id.
    Unknown,
    /// The documents to be sealed are no longer as they were: look again.
    Stale,
}

/// What became of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeardOutcome {
    /// Recorded.
    Recorded,
    /// Recorded before with the same content; nothing changes.
    Known,
    /// Kept as an orphan.
    Orphan(OrphanCause),
    /// Kept as an orphan before for the same cause; nothing changes.
    OrphanAgain(OrphanCause),
}

/// How lots of an endpoint are leased.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The endpoint.
    pub endpoint: EndpointName,
    /// Until when the attempt must be concluded; after that the lot is in doubt.
    pub until: Timestamp,
    /// At most so many lots.
    pub most: usize,
}

/// A lot to be sent now.
#[derive(Clone, Debug, PartialEq)]
pub struct Leased {
    /// The lot.
    pub lot: LotRecord,
    /// Number of this attempt, from 1.
    pub attempt: u32,
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
    /// Whether timers are due: commit a [`Command::Tick`].
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
    pub age: std::time::Duration,
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

/// A body as stored.
#[derive(Clone)]
pub struct Body {
    /// The bytes.
    pub bytes: Bytes,
    /// The salt of its commitment.
    pub salt: [u8; 16],
}

/// How to find a document.
#[derive(Clone, Copy, Debug)]
pub enum Find {
    /// By our id.
    Id(DocumentId),
    /// The latest document of a key.
    Key(Key),
}

/// A document and all that is derived about it.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentRecord {
    /// Its admission.
    pub received: crate::claims::entry::Received,
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
    /// Start of the first attempt of the lot whose taking is proven.
    pub proven: Option<Timestamp>,
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
    pub sealed: crate::claims::entry::Sealed,
    /// Where its delivery stands.
    pub state: delivery::State,
    /// Whether anything of it can be with the insurer.
    pub arrival: Arrival,
    /// Attempts so far.
    pub attempts: u32,
    /// Start of the last attempt.
    pub attempted: Option<Timestamp>,
    /// Whether the insurer is to be asked before anything else.
    pub ask: bool,
    /// Whether a document of it went another way.
    pub diminished: bool,
    /// Documents without receipt or settlement yet.
    pub unanswered: u32,
    /// Next instant and reason, unless finished.
    pub next: Option<Next>,
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

/// Figures as they were loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiguresRecord {
    /// Their entry; the file is its body.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// What was loaded.
    pub figures: crate::claims::entry::FiguresLoaded,
}

/// A reconciliation as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// Its entry, by which it is named; the result is its body.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// What was compared.
    pub run: crate::claims::entry::Reconciled,
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
    pub judged: crate::claims::entry::Judged,
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
    /// Kind and number of each document that has its number still, the latest last.
    pub numbers: Vec<Key>,
    /// Last day in time, of the root.
    pub deadline: Option<Day>,
    /// The insurer's code of the refusal that stands.
    pub refusal: Option<Name>,
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
    fn of((position, stamped): (Position, Stamped)) -> Option<Closing> {
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

/// How a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether it can commit.
    pub state: Readiness,
    /// Entries journalled and not yet applied to the index.
    pub lag: u64,
    /// Commands waiting for the committer.
    pub waiting: usize,
    /// Last position committed.
    pub position: Position,
}

/// Whether a store can commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It cannot yet: it is being opened.
    Opening,
    /// It can.
    Ready,
    /// It can, but new documents should wait: answer 503.
    Shedding,
    /// The disk is filling up: it admits no documents. What is sent and heard is still recorded.
    LowOnDisk,
    /// It cannot, and will: its index is brought up from the journal, at the start or because it failed.
    Rebuilding {
        /// So much of it is there.
        percent: u8,
    },
    /// It cannot; the reason for people.
    Failed(&'static str),
}

/// How much room the disk of a store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Enough.
    Ample,
    /// Less than documents are admitted with.
    Low,
    /// Less than anything is written with.
    Full,
}

/// What a store tells its observer: facts, which `app` binds to telemetry.
pub trait Observer: Send + Sync {
    /// A batch was committed: entries, bodies' bytes, and how long the sync took.
    fn committed(&self, entries: usize, bytes: usize, sync: std::time::Duration);
    /// A write or a sync failed: nothing is acknowledged until the journal was opened anew and verified.
    fn sync_failed(&self);
    /// The journal was opened anew and verified after a failure: it goes on.
    fn reopened(&self) {}
    /// The disk has more or less room than before.
    fn room_changed(&self, _room: Room) {}
    /// Entries were replayed, at start or because the index failed.
    fn replayed(&self, entries: u64);
    /// While the store is opened: its index has the entries up to one, of as many as there are. Who does not want the
    /// store any more breaks it off; the next start goes on from there.
    fn opening(&self, _upto: Position, _of: Position) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    /// A place of the journal is damaged: found at the start.
    fn damaged(&self, _damage: &Damage) {}
    /// The journal's tail was torn and cut: bytes.
    fn tail_cut(&self, bytes: u64);
    /// An evacuation has done a step.
    fn evacuating(&self, _step: embedded::evacuate::Step) {}
    /// The index failed, at the start or while the store ran: it is set aside and built anew, and nothing is committed
    /// meanwhile.
    fn index_failed(&self);
    /// So many sorted files count, of so many bytes.
    fn sorted(&self, _files: usize, _bytes: u64) {}
    /// A sorted file could not be written: finished documents stay in the index until one can.
    fn sorted_failed(&self) {}
}

/// An observer that looks away.
pub struct Unobserved;

impl Observer for Unobserved {
    fn committed(&self, _entries: usize, _bytes: usize, _sync: std::time::Duration) {}
    fn sync_failed(&self) {}
    fn replayed(&self, _entries: u64) {}
    fn tail_cut(&self, _bytes: u64) {}
    fn index_failed(&self) {}
}

/// Why a store did not do as asked. Except for `Full` and `Impossible`, the fate of the command is unknown.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The store stopped: nothing can be committed any more.
    #[error("the store stopped: {0}")]
    Stopped(Arc<str>),
    /// Not now: too many commands wait, or the index is built anew.
    #[error("the store is busy: too many commands wait, or its index is built anew")]
    Busy,
    /// The disk has no room for it: nothing was done.
    #[error("the disk has no room for it")]
    Full,
    /// Reading failed.
    #[error("the store cannot read: {0}")]
    Read(Arc<str>),
    /// The gateway asked for what cannot be: its own defect.
    #[error("impossible command: {0}")]
    Impossible(&'static str),
}
