//! What becomes of a command: done, or what stands against it.
//!
//! An answer that is an [`Outcome`] is final; an [`Error`](crate::store::Error) leaves the fate unknown.

use crate::claims::delivery;
use crate::claims::entry::Position;
use crate::claims::id::{DocumentId, Finess, LotId};
use crate::claims::receipt::HeardOutcome;
use crate::claims::standing::Standing;
use crate::claims::time::Day;
use crate::store::{DocumentRecord, Error, LotRecord};

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
    /// So far the lots that wait were looked at; none: all of them.
    LookedAt(Option<Waiting>),
    /// Not done: what stands against it.
    Conflict(Conflict),
}

impl Outcome {
    /// Of a command that is done or not.
    ///
    /// # Errors
    /// [`Error::Impossible`], here and below: the answer of a command of another kind.
    pub fn done(self) -> Result<Result<Position, Conflict>, Error> {
        match self {
            Outcome::Done(position) => Ok(Ok(position)),
            Outcome::Conflict(conflict) => Ok(Err(conflict)),
            Outcome::Admitted(_)
            | Outcome::Heard(_)
            | Outcome::Leased(_)
            | Outcome::LookedAt(_) => Err(ANOTHER),
        }
    }

    /// Of an admission.
    ///
    /// # Errors
    /// As [`Outcome::done`].
    pub fn admitted(self) -> Result<Vec<Admitted>, Error> {
        match self {
            Outcome::Admitted(rows) => Ok(rows),
            Outcome::Done(_)
            | Outcome::Heard(_)
            | Outcome::Leased(_)
            | Outcome::LookedAt(_)
            | Outcome::Conflict(_) => Err(ANOTHER),
        }
    }

    /// Of receipts.
    ///
    /// # Errors
    /// As [`Outcome::done`].
    pub fn heard(self) -> Result<Vec<HeardOutcome>, Error> {
        match self {
            Outcome::Heard(rows) => Ok(rows),
            Outcome::Done(_)
            | Outcome::Admitted(_)
            | Outcome::Leased(_)
            | Outcome::LookedAt(_)
            | Outcome::Conflict(_) => Err(ANOTHER),
        }
    }

    /// Of a lease.
    ///
    /// # Errors
    /// As [`Outcome::done`].
    pub fn leased(self) -> Result<Vec<Leased>, Error> {
        match self {
            Outcome::Leased(leased) => Ok(leased),
            Outcome::Done(_)
            | Outcome::Admitted(_)
            | Outcome::Heard(_)
            | Outcome::LookedAt(_)
            | Outcome::Conflict(_) => Err(ANOTHER),
        }
    }

    /// Of a look at lots that wait.
    ///
    /// # Errors
    /// As [`Outcome::done`].
    pub fn looked_at(self) -> Result<Option<Waiting>, Error> {
        match self {
            Outcome::LookedAt(place) => Ok(place),
            Outcome::Done(_)
            | Outcome::Admitted(_)
            | Outcome::Heard(_)
            | Outcome::Leased(_)
            | Outcome::Conflict(_) => Err(ANOTHER),
        }
    }
}

/// A place among the lots that wait: a key of the index, which means something to the store alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting(pub(in crate::store) Vec<u8>);

const ANOTHER: Error = Error::Impossible("the answer is of a command of another kind");

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

impl Admitted {
    /// A document that was admitted before.
    pub fn known(record: &DocumentRecord) -> Admitted {
        Admitted::Known {
            document: record.received.document,
            deadline: record.received.deadline,
            standing: record.standing(),
        }
    }
}

/// What a command names and nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A document, by its id.
    Document,
    /// A lot, by its id.
    Lot,
    /// A legal hold, by its entry.
    LegalHold,
    /// Figures of a caisse, by their digest.
    Figures,
    /// A line of a reconciliation.
    Line,
    /// A closing, by its entry.
    Closing,
}

/// Why a command is not done (409).
#[derive(Clone, Debug, PartialEq)]
pub enum Conflict {
    /// The number is known with other content; the names of the facts that differ, never their values.
    OtherContent {
        /// The document of that number.
        document: DocumentId,
        /// Names of differing facts; empty when the ledger keeps none that differs.
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
    /// The registry that would come of it does not hold together.
    Registry,
    /// What is named is not known.
    Unknown(Named),
    /// The documents to be sealed are no longer as they were: look again.
    Stale,
}

/// A lot to be sent now.
#[derive(Clone, Debug, PartialEq)]
pub struct Leased {
    /// The lot.
    pub lot: LotRecord,
    /// Number of this attempt, from 1.
    pub attempt: u32,
}
