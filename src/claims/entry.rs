//! The entries of the ledger: everything that ever happened, in one closed list.
//!
//! Entries are the ground state; standings, deliveries, tallies and rates are folds of them. An entry holds
//! nothing nominative by construction: documents, receipts and free texts are bodies, and the entry holds a
//! commitment to them (SHA-256 of a random salt and the SHA-256 of the bytes), so that what is forgotten
//! can no longer be guessed while the chain of entries still verifies.

use crate::claims::closing::Closed;
use crate::claims::custody::{Anchor, Restored, Resumed};
use crate::claims::delivery;
use crate::claims::document::{Facts, Kind, Purpose};
use crate::claims::foundation::Founded;
use crate::claims::id::{Amo, Destination, Digest, DocumentId, EndpointName, Finess, LotId, Name};
use crate::claims::receipt::{Answer, Part, PartOutcome, Verdict};
use crate::claims::registry::{Caisse, Centre, EndpointVersion, Gestionnaire, Imported};
use crate::claims::retention::{Evacuated, LegalHold};
use crate::claims::statement::Published;
use crate::claims::terms::Terms;
use crate::claims::time::{Day, Timestamp};

/// Place of an entry in the ledger, from 1; 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// How many percent of the entries up to another position come before this one, rounded down; at most 100.
    pub fn percent_of(self, end: Position) -> u8 {
        let percent = self.0.saturating_mul(100).checked_div(end.0).unwrap_or(100);
        percent.min(100) as u8
    }
}

/// An entry and the instant at which it was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// When.
    pub at: Timestamp,
    /// What.
    pub entry: Entry,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The terms changed; later timers are computed by these.
    Terms(Terms),
    /// A version of a centre's registration was put.
    Registered(Centre),
    /// A version of a gestionnaire's registration was put.
    GestionnaireRegistered(Gestionnaire),
    /// A version of a caisse's registration was put.
    CaisseRegistered(Caisse),
    /// A version of an endpoint's registration was put.
    EndpointRegistered(Box<EndpointVersion>),
    /// A document was admitted.
    Received(Box<Received>),
    /// A post was not admitted: counted by caller and day, outside the documents' account.
    TurnedAway(TurnedAway),
    /// Documents were gathered into a lot.
    Sealed(Box<Sealed>),
    /// The delivery of a lot moved, or a fact about it was recorded.
    Delivery(Box<Delivery>),
    /// A receipt of the lot's own insurer.
    Receipted(Box<Receipted>),
    /// A settlement of the document's own insurer.
    Settled(Box<Settled>),
    /// A receipt or settlement that names nothing known here, or another digest: kept and counted.
    Orphaned(Orphaned),
    /// A receipt or settlement from someone else than the lot's destination: nothing moves.
    Foreign(Orphaned),
    /// What was polled up to.
    Cursor {
        /// The endpoint.
        endpoint: EndpointName,
        /// The insurer's own cursor, passed back unchanged.
        cursor: Name,
    },
    /// A centre declared its paper sheets of a day, or none; the whole day is replaced.
    Declared {
        /// The centre.
        centre: Finess,
        /// The day.
        day: Day,
        /// Who declared.
        caller: Name,
        /// Sheets per caisse; an empty list is zero.
        rows: Vec<PaperRow>,
    },
    /// A document was cancelled by its centre.
    Cancelled {
        /// The document.
        document: DocumentId,
        /// Who.
        caller: Name,
    },
    /// An operator declared a document transmitted by hand.
    ByHand {
        /// The document.
        document: DocumentId,
        /// Who.
        actor: Name,
        /// Commitment to the evidence, a body.
        evidence: Digest,
    },
    /// A paper duplicate was confirmed (a fact).
    OnPaper {
        /// The document.
        document: DocumentId,
        /// Who.
        actor: Name,
    },
    /// The instant passed after which a paper duplicate is owed.
    PaperOwed {
        /// The document.
        document: DocumentId,
    },
    /// The 90th day after a refusal passed.
    Lapsed {
        /// The document.
        document: DocumentId,
    },
    /// The time passed in which a settlement was expected.
    Unsettled {
        /// The document.
        document: DocumentId,
    },
    /// An operator holds or releases an endpoint.
    Endpoint {
        /// The endpoint.
        endpoint: EndpointName,
        /// Held or open.
        gate: Gate,
        /// Who.
        actor: Name,
    },
    /// A caisse's figures were loaded.
    FiguresLoaded(Box<FiguresLoaded>),
    /// Figures were laid beside our own counts.
    Reconciled(Box<Reconciled>),
    /// A line of a reconciliation was accepted or disputed.
    Judged(Box<Judged>),
    /// An operator asked for the next attempt of a lot, or for the question before it, at another instant; or the gateway
    /// did, when its clock was right again.
    Retried {
        /// The lot.
        lot: LotId,
        /// Who.
        actor: Name,
        /// When it comes, and what for.
        next: Next,
    },
    /// A period was closed: its rates are frozen here.
    Closed(Box<Closed>),
    /// A statement of a centre's rate was published.
    Published(Box<Published>),
    /// Who put the registrations before it, and why.
    Imported(Imported),
    /// Why an operator did what an earlier entry says.
    Explained {
        /// The entry.
        of: Position,
        /// What it is about.
        subject: Subject,
        /// Who.
        actor: Name,
        /// Commitment to the reason, a body.
        reason: Digest,
    },
    /// An endpoint's receipts and settlements are asked for from the beginning again: its cursor is forgotten.
    Rewound {
        /// The endpoint.
        endpoint: EndpointName,
        /// Who.
        actor: Name,
    },
    /// The ledger was made from a backup.
    Restored(Box<Restored>),
    /// After a restore lots are sent again.
    Resumed(Box<Resumed>),
    /// The running hash after an earlier entry.
    Anchored(Anchor),
    /// A webhook's target was told of everything up to here.
    Notified {
        /// Its name in the configuration.
        target: Name,
        /// The last entry that it was told of, or that says nothing to it.
        upto: Position,
    },
    /// An operator placed a legal hold: what it stands on is kept.
    LegalHoldPlaced(Box<LegalHold>),
    /// An operator lifted a legal hold.
    LegalHoldLifted {
        /// The entry that placed it.
        hold: Position,
        /// Who.
        actor: Name,
    },
    /// A segment was cleared of the bodies that are past their time.
    Evacuated(Box<Evacuated>),
    /// A foundation was laid: it stands for the oldest entries, whose time has passed.
    Founded(Box<Founded>),
    /// An operator had the keys of all bodies wrapped by another master key.
    Rewrapped {
        /// Id of the master key from then on: a digest that says nothing of it.
        master: [u8; 8],
        /// Who.
        actor: Name,
        /// Commitment to the reason, a body.
        reason: Digest,
    },
}

/// What an operator's act is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A document.
    Document(DocumentId),
    /// A lot.
    Lot(LotId),
    /// An endpoint.
    Endpoint(EndpointName),
    /// A legal hold, by the entry that placed it.
    LegalHold(Position),
}

/// Whether an operator lets lots go to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Lots go.
    Open,
    /// Lots are held.
    Held,
}

/// An admission: every fact that any policy can count by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Our id.
    pub document: DocumentId,
    /// Real or test.
    pub purpose: Purpose,
    /// Who posted.
    pub caller: Name,
    /// The facts.
    pub facts: Facts,
    /// First document of its line; itself unless it replaces.
    pub root: DocumentId,
    /// The document that it replaces.
    pub replaces: Option<DocumentId>,
    /// For a PJ: the FSE that it supports.
    pub supports: Option<DocumentId>,
    /// Last day on which it can be transmitted in time, for kinds that have a deadline.
    pub deadline: Option<Day>,
    /// Bytes as posted.
    pub length: u32,
    /// Commitment to the bytes.
    pub commitment: Digest,
    /// Keyed digest of the bytes, by which the same document is known again after its body is gone.
    pub fingerprint: Digest,
    /// Codes of the warnings it was admitted with.
    pub warnings: Vec<Name>,
}

/// A post that was not admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnedAway {
    /// The centre in whose name it was posted, when it could be read.
    pub centre: Option<Finess>,
    /// The kind, when it could be read.
    pub kind: Option<Kind>,
    /// Who posted.
    pub caller: Name,
    /// Codes of the findings that refuse, without repeats.
    pub codes: Vec<Name>,
}

/// A lot as sealed: its documents and bytes never change again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Our id.
    pub lot: LotId,
    /// The one sender.
    pub centre: Finess,
    /// The one destination.
    pub destination: Destination,
    /// The endpoint that serves it.
    pub endpoint: EndpointName,
    /// Real or test; a lot never mixes them.
    pub purpose: Purpose,
    /// Its documents in order.
    pub documents: Vec<DocumentId>,
    /// SHA-256 of the whole body as sent.
    pub digest: Digest,
    /// Length of the whole body in bytes.
    pub length: u64,
    /// When it is first due.
    pub due: Timestamp,
    /// How its bytes came to be.
    pub form: delivery::Form,
}

/// Something that happened to the delivery of a lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The lot.
    pub lot: LotId,
    /// What happened.
    pub event: delivery::Event,
    /// Number of the attempt, from 1; 0 before the first.
    pub attempt: u32,
    /// The next instant at which something is to be done for the lot, unless it is finished.
    pub next: Option<Next>,
    /// Documents that the insurer names as refused, with its code.
    pub named: Vec<(DocumentId, Option<Name>)>,
    /// Commitment to the insurer's words about them, a body.
    pub words: Option<Digest>,
}

/// When something happens next, and why then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// Why an unfinished thing waits, for none may be stuck: a closed list, shown to people and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Waits until its lot is full or old enough.
    Sealing,
    /// A PJ waits for the receipt of its FSE.
    Fse,
    /// The lot waits for its turn.
    Turn,
    /// The endpoint could not be reached.
    Unreachable,
    /// The endpoint's TLS failed.
    Tls,
    /// The endpoint refused our identity (401, 403).
    Identity,
    /// The endpoint does not know the address (404, 405).
    Address,
    /// The endpoint asked to wait (408, 425, 429).
    Busy,
    /// The endpoint failed (5xx, or an answer that says nothing).
    Failing,
    /// The endpoint's breaker is open.
    Breaker,
    /// An operator holds the endpoint.
    HeldByHand,
    /// No route leads to the destination at present.
    NoRoute,
    /// An attempt is running; its lease runs out then.
    Attempt,
    /// The doubt about the last attempt is to be resolved.
    Doubt,
    /// The receipt is expected by then.
    Receipt,
    /// The receipt is overdue; the insurer is asked then.
    Overdue,
    /// The settlement is expected by then.
    Settlement,
    /// A replacement is expected; a paper duplicate is owed then.
    Replacement,
    /// The refused document lapses then.
    Lapse,
    /// The lot's bytes could not be read, or do not match their digest: a person must look.
    Unreadable,
    /// The endpoint takes no lots at this hour or on this day.
    Closed,
    /// The endpoint's certificate is revoked.
    Revoked,
    /// The list of what the endpoint's authority revoked is too old to say that its certificate is not.
    Unvouched,
    /// The endpoint does not accept the certificate that it is shown.
    OwnCertificate,
    /// The insurer says to have other bytes under the lot's id: a person must ask it.
    OtherBytes,
}

/// A receipt, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipted {
    /// The endpoint it came from.
    pub endpoint: EndpointName,
    /// The insurer's id of it.
    pub id: Name,
    /// The lot.
    pub lot: LotId,
    /// When it was issued.
    pub issued: Timestamp,
    /// The word on each document it speaks for, with the insurer's code.
    pub verdicts: Vec<(DocumentId, Verdict, Option<Name>)>,
    /// Commitment to the receipt as received, a body.
    pub commitment: Digest,
    /// Keyed digest of what it says, by which the same one is known again, however it was written.
    pub fingerprint: Digest,
}

/// A settlement, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The endpoint it came from.
    pub endpoint: EndpointName,
    /// The insurer's id of it.
    pub id: Name,
    /// The document.
    pub document: DocumentId,
    /// When it was issued.
    pub issued: Timestamp,
    /// What it says.
    pub content: SettledContent,
    /// Commitment to the settlement as received, a body.
    pub commitment: Digest,
    /// Keyed digest of what it says, by which the same one is known again, however it was written.
    pub fingerprint: Digest,
}

/// The two forms of a settlement, without texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettledContent {
    /// Per part: outcome, cents, code.
    Parts(Vec<(Part, PartOutcome, i64, Option<Name>)>),
    /// Answer to a prise en charge.
    Answer(Answer, Option<Name>),
}

/// A receipt or settlement that moves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphaned {
    /// Who brought it: the endpoint polled, or the endpoint of the caller.
    pub endpoint: EndpointName,
    /// The insurer's id of it.
    pub id: Name,
    /// Why it moves nothing.
    pub cause: OrphanCause,
    /// Commitment to it as received, a body.
    pub commitment: Digest,
    /// Keyed digest of what it says, by which the same one is known again, however it was written.
    pub fingerprint: Digest,
}

/// Why a receipt or settlement moves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrphanCause {
    /// The lot is not known here.
    UnknownLot,
    /// It was written for other bytes.
    OtherDigest,
    /// It names a document that is not in the lot, or not known here.
    UnknownDocument,
    /// The lot or document belongs to another destination.
    OtherDestination,
    /// It cannot be read.
    Unreadable,
    /// Its id was recorded before with other content: what was recorded first stands.
    OtherContent,
    /// A whole feed of which not even the items can be told apart.
    UnreadableFeed,
    /// It is not signed by the key that is agreed with the endpoint.
    Signature,
    /// Its document was spoken of so often that it can only be a fault of the insurer.
    TooMany,
}

impl OrphanCause {
    /// Every one.
    pub const ALL: [OrphanCause; 9] = [
        OrphanCause::UnknownLot,
        OrphanCause::OtherDigest,
        OrphanCause::UnknownDocument,
        OrphanCause::OtherDestination,
        OrphanCause::Unreadable,
        OrphanCause::OtherContent,
        OrphanCause::UnreadableFeed,
        OrphanCause::Signature,
        OrphanCause::TooMany,
    ];

    /// The word used in answers and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            OrphanCause::UnknownLot => "unknown lot",
            OrphanCause::OtherDigest => "other digest",
            OrphanCause::UnknownDocument => "unknown document",
            OrphanCause::OtherDestination => "other destination",
            OrphanCause::Unreadable => "unreadable",
            OrphanCause::OtherContent => "other content",
            OrphanCause::UnreadableFeed => "unreadable feed",
            OrphanCause::Signature => "signature",
            OrphanCause::TooMany => "too many",
        }
    }
}

/// A file of figures as loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiguresLoaded {
    /// SHA-256 of the file: its name from then on.
    pub digest: Digest,
    /// Who loaded it.
    pub caller: Name,
    /// The insurer whose figures they are, under the name of its endpoint; none when they are national.
    pub insurer: Option<EndpointName>,
    /// First day of the first month that they speak of.
    pub from: Day,
    /// First day of the last month that they speak of.
    pub last: Day,
    /// Rows that are counts.
    pub counts: u32,
    /// Rows that are documents.
    pub documents: u32,
    /// Commitment to the file, a body.
    pub commitment: Digest,
}

/// A reconciliation; the position of its entry is its name from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciled {
    /// The figures, by their digest.
    pub figures: Digest,
    /// First day compared.
    pub from: Day,
    /// Last day compared.
    pub to: Day,
    /// Who asked for it.
    pub actor: Name,
    /// Our counts are those of this position at least.
    pub position: Position,
    /// Centres compared.
    pub centres: u32,
    /// Differences found, numbered from 1.
    pub differences: u32,
    /// Commitment to the result, a body.
    pub commitment: Digest,
}

/// What a person says of one difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The reconciliation.
    pub run: Position,
    /// The number of the difference.
    pub line: u32,
    /// What is said.
    pub judgement: Ruling,
    /// Who.
    pub actor: Name,
    /// Commitment to the comment, a body.
    pub comment: Option<Digest>,
}

/// Whether a difference is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It is as found.
    Accepted,
    /// It is not.
    Disputed,
}

/// Paper sheets of one caisse on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaperRow {
    /// The caisse.
    pub caisse: Amo,
    /// Sheets sent on paper, without paper duplicates of documents known here.
    pub sheets: u32,
}
