//! What can be asked of the ledger: commands, and what they are made of.
//!
//! Values alone; the decider says what becomes of them. Every command is safe to repeat.

use std::num::NonZeroU64;
use std::time::Duration;

use crate::claims::agreement::Agreement;
use crate::claims::custody::{Anchor, Restored};
use crate::claims::delivery;
use crate::claims::document::{Facts, Purpose};
use crate::claims::entry::{
    FiguresLoaded, Gate, Next, PaperRow, Position, Reconciled, Ruling, Sealed, TurnedAway,
};
use crate::claims::foundation::Founded;
use crate::claims::id::{Destination, Digest, DocumentId, EndpointName, Finess, LotId, Name};
use crate::claims::period::Period;
use crate::claims::receipt::Evidence;
use crate::claims::registry::{Centre, Registration};
use crate::claims::retention::{Evacuated, OnHold};
use crate::claims::routes::Routes;
use crate::claims::statement::Published;
use crate::claims::terms::Terms;
use crate::claims::time::{Day, Timestamp};
use crate::store::{Body, Waiting};

/// What can be asked of the ledger. Each is decided, written and synced as one.
#[derive(Clone)]
pub enum Command {
    /// Record the terms if they differ from those in force.
    Terms(Terms),
    /// Put versions of centres, all or none, without a word of who did: how tests and benches begin a ledger. No service
    /// asks for it.
    Registry(Vec<Centre>),
    /// Put versions of registrations as a person asks for it, with the reason; all or none.
    Import(Import),
    /// Put the versions of the configuration's file, unless these very ones were put by it last: what was changed since
    /// by other ways stays.
    Configured {
        /// All versions of the file, in its order.
        registrations: Vec<Registration>,
        /// Salt of the commitment to the reason, which is the ledger's own.
        salt: [u8; 16],
    },
    /// Publish a statement.
    Publish {
        /// What the ledger keeps of it, and so the commitment to its body.
        published: Published,
        /// Its canonical JSON.
        statement: Body,
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
    TurnAway(Vec<TurnedAway>),
    /// Seal open documents into a lot; the digest and length of its body are known.
    Seal(Sealed),
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
        /// The names under which it was known before: it also speaks of what was sent to these, and goes on where the
        /// first of them that has a cursor was, unless it has one of its own.
        formerly: Vec<EndpointName>,
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
        evidence: Body,
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
    /// Keep a caisse's figures; a file that is known changes nothing.
    LoadFigures {
        /// What the file says of itself, and the commitment to it.
        figures: FiguresLoaded,
        /// The file.
        file: Body,
    },
    /// Keep the result of a reconciliation.
    Reconcile {
        /// What was compared, and the commitment to the result.
        run: Reconciled,
        /// The result.
        result: Body,
    },
    /// Accept or dispute a line of a reconciliation.
    Judge {
        /// The reconciliation.
        run: Position,
        /// The line, from 1.
        line: u32,
        /// What is said.
        judgement: Ruling,
        /// Who.
        actor: Name,
        /// A comment.
        comment: Option<Body>,
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
        /// The names under which it was known before, where it would go on otherwise.
        formerly: Vec<EndpointName>,
        /// Who.
        actor: Name,
    },
    /// Record that the ledger up to here was made from a backup; what was on its way is in doubt.
    Restored(Restored),
    /// After a restore, let lots go again.
    Resume {
        /// Who.
        actor: Name,
        /// Why.
        reason: Body,
    },
    /// Write down the running hash after an entry, where the last one that was written is of an earlier day, or so many
    /// entries before.
    Anchor {
        /// The entry, and the hash.
        end: Anchor,
        /// From so many entries on.
        apart: NonZeroU64,
    },
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
        reason: Body,
    },
    /// A command of an operator, with the reason for it.
    Explain {
        /// Cancel, Hand, Paper, Endpoint, Rewind, Retry, PlaceLegalHold or LiftLegalHold.
        command: Box<Command>,
        /// The reason: a text.
        reason: Body,
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
        reason: Body,
    },
    /// Lease lots that are due: their attempts.
    Lease(Lease),
    /// No endpoint of this name is configured: of its lots that are due, those of which nothing can have arrived are void,
    /// and their documents open again: a bounded number, the rest by the next one. Not while an operator holds the endpoint.
    Unroute(EndpointName),
    /// Do what has become due by time alone: paper owed, lapsed, unsettled, receipts overdue, leases run out.
    Tick,
    /// After a start: every lot in `sending` is in doubt.
    Restart,
    /// The clock was set back, maybe before this start: what it put off while it was ahead waits no longer than its rule
    /// gives from now. A bounded number of lots is looked at; the answer says where the next command goes on.
    SetBack {
        /// Where the one before ended; none: from the beginning.
        after: Option<Waiting>,
    },
}

impl Command {
    /// Records what an endpoint's insurer gave out, for what the endpoint serves at present. Who comes under a former name
    /// is the same system: it speaks by the present one.
    pub fn receipts(
        endpoint: &EndpointName,
        routes: &Routes,
        items: Vec<Heard>,
        cursor: Option<Moved>,
    ) -> Command {
        let endpoint = routes.present(endpoint);
        Command::Receipts {
            endpoint: endpoint.clone(),
            purpose: routes.purpose(endpoint),
            destinations: routes.destinations(endpoint).to_vec(),
            formerly: routes.former(endpoint).to_vec(),
            items,
            cursor,
        }
    }
}

/// Registrations that a person hands in.
#[derive(Clone)]
pub struct Import {
    /// The versions; what is registered already changes nothing.
    pub registrations: Vec<Registration>,
    /// Who.
    pub actor: Name,
    /// SHA-256 of what was handed in.
    pub file: Digest,
    /// Why.
    pub reason: Body,
}

/// Whether documents of one post stand or fall together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unity {
    /// Each for itself.
    Each,
    /// All or none.
    Together,
    /// None, whatever stands for or against them: another one of the post cannot be admitted.
    Nothing,
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
    /// Bytes as posted, with a random salt.
    pub body: Body,
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// Codes of the warnings.
    pub warnings: Vec<Name>,
}

/// How far a lot had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stood {
    /// Where its delivery stood.
    pub state: delivery::State,
    /// How many of its documents had neither receipt nor settlement.
    pub unanswered: u32,
}

/// What came of an attempt, or of asking for the status.
#[derive(Clone, Debug)]
pub struct Conclusion {
    /// The lot.
    pub lot: LotId,
    /// The attempt it concludes; of asking: the last attempt.
    pub attempt: u32,
    /// Of asking: how the lot stood then. The answer says nothing about a lot that has moved since.
    pub asked: Option<Stood>,
    /// What happened.
    pub event: delivery::Event,
    /// When to do the next thing if the lot stays unfinished, and why.
    pub next: Next,
    /// Documents that the insurer names as refused, with its code.
    pub named: Vec<(DocumentId, Option<Name>)>,
    /// The insurer's words about them.
    pub words: Option<Body>,
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
    pub body: Body,
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

impl Lease {
    /// No attempt is given longer: a restart looks no further for what was being sent.
    pub const LONGEST: Duration = Duration::from_secs(3600);
}
