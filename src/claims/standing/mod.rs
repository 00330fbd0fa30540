//! The standing of a document: its table, every cell, and the fold of what insurers said about it.
//!
//! Between two acts the standing is the fold of receipts and settlements by (instant of issue, id),
//! whatever their order of arrival. [`Course`] keeps what was heard so that a late word is put in its place.
//! An act closes what was heard before it: those words no longer fold, and are kept so that one heard again
//! is known again. Only beside a refusal of a lot do the words from before its sealing count again: what is with the
//! insurer already is refused there rightly, and stands as it was said. A cell that the table does not name follows one rule: a command is a conflict, an insurer's
//! word is recorded, contradicts and moves nothing, and only an act of the gateway itself can be impossible.
//! A paper duplicate is a fact and never a conflict: where it moves nothing it is recorded beside what stands.

mod course;

use crate::claims::document::Kind;
use crate::claims::receipt::{Answer, Part, PartOutcome, Verdict};

pub use course::{Course, Expected, Heard, Position, Said};

/// Where a document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Admitted, in no lot.
    Open,
    /// In a lot that is neither answered nor void; how far is read from the lot's delivery.
    InLot,
    /// ARL + (or implied by a settlement).
    Acknowledged,
    /// ARL −, or its content was refused.
    Refused,
    /// Every expected part is paid.
    Paid,
    /// Some parts paid, the others rejected.
    PartPaid,
    /// Every expected part is rejected.
    Rejected,
    /// Acknowledged, and nothing was heard of its payment for long.
    Unsettled,
    /// A paper duplicate was sent.
    OnPaper,
    /// An operator gave evidence of another transmission.
    ByHand,
    /// Cancelled by its centre.
    Cancelled,
    /// Another document of its line took its place.
    Replaced,
    /// Refused and not replaced in 90 days.
    Lapsed,
    /// The prise en charge was granted.
    Granted,
    /// The prise en charge was declined.
    Declined,
}

/// Whether a positive receipt stands for a document: what the numerator asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Receipted {
    /// No positive receipt.
    #[default]
    No,
    /// A positive receipt, or a settlement that implies one.
    Yes,
    /// That, and a confirmed paper duplicate, whichever came first: counted once, as the policy says.
    BothWays,
}

/// Whether a paper duplicate was confirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Duplicate {
    /// None was.
    #[default]
    No,
    /// One was, in whatever standing.
    Confirmed,
}

/// What an insurer can say about a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// A receipt.
    Receipt(Verdict),
    /// The content was refused in the answer to the lot, or by its status.
    ContentRefused,
    /// What became of one part.
    Settled(Part, PartOutcome),
    /// The answer to a prise en charge.
    Answered(Answer),
}

/// What a word does to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// The standing may have moved.
    Applied,
    /// Recorded; it repeats what is known.
    Recorded,
    /// Recorded beside a paper duplicate: listed as "both ways".
    BothWays,
    /// Recorded and listed: it contradicts what stands.
    Contradicts,
}

/// What the gateway, the centre or an operator does to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// It is sealed into a lot.
    Sealed,
    /// Its lot became void without its fault.
    LotVoided,
    /// The centre cancels it (and the delivery table allows it).
    Cancelled,
    /// An operator declares it transmitted by hand.
    ByHand,
    /// A paper duplicate is confirmed.
    DuplicateConfirmed,
    /// A replacement of it was admitted.
    ReplacementAdmitted,
    /// Nothing was heard of its payment for the time that the terms name.
    UnsettledPassed,
    /// The 90th day after its refusal has passed.
    LapsePassed,
}

/// Why an act is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The command is answered 409 with the standing.
    Conflict,
    /// The gateway raised what cannot be: its own defect, with the reason why.
    Impossible(&'static str),
}

impl Standing {
    /// Every standing.
    pub const ALL: [Standing; 15] = [
        Standing::Open,
        Standing::InLot,
        Standing::Acknowledged,
        Standing::Refused,
        Standing::Paid,
        Standing::PartPaid,
        Standing::Rejected,
        Standing::Unsettled,
        Standing::OnPaper,
        Standing::ByHand,
        Standing::Cancelled,
        Standing::Replaced,
        Standing::Lapsed,
        Standing::Granted,
        Standing::Declined,
    ];

    /// The word used in answers, labels and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Open => "open",
            Standing::InLot => "in lot",
            Standing::Acknowledged => "acknowledged",
            Standing::Refused => "refused",
            Standing::Paid => "paid",
            Standing::PartPaid => "part paid",
            Standing::Rejected => "rejected",
            Standing::Unsettled => "unsettled",
            Standing::OnPaper => "on paper",
            Standing::ByHand => "by hand",
            Standing::Cancelled => "cancelled",
            Standing::Replaced => "replaced",
            Standing::Lapsed => "lapsed",
            Standing::Granted => "granted",
            Standing::Declined => "declined",
        }
    }

    /// Whether nothing more is to be done for a document of this kind.
    pub fn is_finished(self, kind: Kind) -> bool {
        match self {
            Standing::Open | Standing::InLot | Standing::Refused => false,
            // For a PJ the receipt is all that is expected.
            Standing::Acknowledged => match kind {
                Kind::Pj => true,
                Kind::Fse | Kind::Dre | Kind::Pec => false,
            },
            Standing::Paid
            | Standing::PartPaid
            | Standing::Rejected
            | Standing::Unsettled
            | Standing::OnPaper
            | Standing::ByHand
            | Standing::Cancelled
            | Standing::Replaced
            | Standing::Lapsed
            | Standing::Granted
            | Standing::Declined => true,
        }
    }

    /// What an act does: the acts' half of the table. The delivery table must have allowed it before.
    pub fn after(self, act: Act) -> Result<Standing, Refusal> {
        match self {
            Standing::Open => open(act),
            Standing::InLot => in_lot(act),
            Standing::Acknowledged => acknowledged(act),
            Standing::Refused => refused(act),
            Standing::Rejected | Standing::Declined | Standing::Cancelled | Standing::Lapsed => {
                replaceable(self, act)
            }
            Standing::Paid
            | Standing::PartPaid
            | Standing::Unsettled
            | Standing::OnPaper
            | Standing::ByHand
            | Standing::Replaced
            | Standing::Granted => closed(self, act),
        }
    }
}

const NOT_OPEN: Refusal = Refusal::Impossible("only an open document is sealed");
const IN_NO_LOT: Refusal = Refusal::Impossible("an open document is in no lot");
const NOT_AWAITED: Refusal =
    Refusal::Impossible("only an acknowledged document awaits its settlement");
const NOT_REFUSED: Refusal = Refusal::Impossible("only a refused document lapses");

fn open(act: Act) -> Result<Standing, Refusal> {
    match act {
        Act::Sealed => Ok(Standing::InLot),
        Act::Cancelled => Ok(Standing::Cancelled),
        Act::ByHand => Ok(Standing::ByHand),
        Act::DuplicateConfirmed => Ok(Standing::OnPaper),
        Act::ReplacementAdmitted => Err(Refusal::Conflict),
        Act::LotVoided => Err(IN_NO_LOT),
        Act::UnsettledPassed => Err(NOT_AWAITED),
        Act::LapsePassed => Err(NOT_REFUSED),
    }
}

fn in_lot(act: Act) -> Result<Standing, Refusal> {
    match act {
        Act::LotVoided => Ok(Standing::Open),
        Act::Cancelled => Ok(Standing::Cancelled),
        Act::ByHand => Ok(Standing::ByHand),
        Act::DuplicateConfirmed => Ok(Standing::OnPaper),
        Act::ReplacementAdmitted => Err(Refusal::Conflict),
        Act::Sealed => Err(NOT_OPEN),
        Act::UnsettledPassed => Err(NOT_AWAITED),
        Act::LapsePassed => Err(NOT_REFUSED),
    }
}

fn acknowledged(act: Act) -> Result<Standing, Refusal> {
    match act {
        Act::UnsettledPassed => Ok(Standing::Unsettled),
        // A fact, recorded beside the receipt.
        Act::LotVoided | Act::DuplicateConfirmed => Ok(Standing::Acknowledged),
        Act::Cancelled | Act::ByHand | Act::ReplacementAdmitted => Err(Refusal::Conflict),
        Act::Sealed => Err(NOT_OPEN),
        Act::LapsePassed => Err(NOT_REFUSED),
    }
}

fn refused(act: Act) -> Result<Standing, Refusal> {
    match act {
        Act::ReplacementAdmitted => Ok(Standing::Replaced),
        Act::DuplicateConfirmed => Ok(Standing::OnPaper),
        Act::Cancelled => Ok(Standing::Cancelled),
        Act::LapsePassed => Ok(Standing::Lapsed),
        Act::LotVoided => Ok(Standing::Refused),
        Act::ByHand => Err(Refusal::Conflict),
        Act::Sealed => Err(NOT_OPEN),
        Act::UnsettledPassed => Err(NOT_AWAITED),
    }
}

/// Finished, and a replacement may take its place.
fn replaceable(standing: Standing, act: Act) -> Result<Standing, Refusal> {
    match act {
        Act::ReplacementAdmitted => Ok(Standing::Replaced),
        Act::Sealed
        | Act::LotVoided
        | Act::Cancelled
        | Act::ByHand
        | Act::DuplicateConfirmed
        | Act::UnsettledPassed
        | Act::LapsePassed => closed(standing, act),
    }
}

/// Finished: nothing that is done here moves it.
fn closed(standing: Standing, act: Act) -> Result<Standing, Refusal> {
    match act {
        // It left the lot another way before; the lot's end does not touch it. A duplicate is a fact, recorded beside
        // what ended it.
        Act::LotVoided | Act::DuplicateConfirmed => Ok(standing),
        Act::Cancelled | Act::ByHand | Act::ReplacementAdmitted => Err(Refusal::Conflict),
        Act::Sealed => Err(NOT_OPEN),
        Act::UnsettledPassed => Err(NOT_AWAITED),
        Act::LapsePassed => Err(NOT_REFUSED),
    }
}

impl Word {
    /// Whether it refuses the document.
    fn is_refusal(self) -> bool {
        match self {
            Word::Receipt(Verdict::Refused) | Word::ContentRefused => true,
            Word::Receipt(Verdict::Accepted) | Word::Settled(..) | Word::Answered(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
