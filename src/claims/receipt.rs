//! What insurers say back: receipts (ARL) and settlements (RSP).
//!
//! These values come from a document that an insurer wrote. Its free texts are content: they are kept as
//! bodies, shown to the centre unchanged, and never enter an entry.

use crate::claims::canon::{self, Canon, Malformed, Take};
use crate::claims::document::Cents;
use crate::claims::entry::OrphanCause;
use crate::claims::id::{Digest, DocumentId, LotId, Name};
use crate::claims::time::Timestamp;

/// Accusé de réception logique: the insurer's word on a lot and its documents.
#[derive(Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The insurer's id of this receipt, unique per endpoint.
    pub id: Name,
    /// The lot it answers.
    pub lot: LotId,
    /// The digest of the lot as the insurer received it.
    pub digest: Digest,
    /// When the insurer issued it.
    pub issued: Timestamp,
    /// The word on the lot as a whole.
    pub verdict: Verdict,
    /// The word on single documents; a document not listed has the lot's verdict when `whole`.
    pub documents: Vec<DocumentVerdict>,
    /// Whether documents not listed share the lot's verdict, or are yet to be answered.
    pub coverage: Coverage,
    /// The insurer's code on the lot.
    pub code: Option<Name>,
    /// The insurer's text on the lot: content.
    pub text: Option<String>,
}

/// Whether a receipt speaks for the documents that it does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// All documents of the lot; those not listed have the lot's verdict.
    Whole,
    /// Only the documents listed.
    Listed,
}

/// The insurer's word on one document of a receipt.
#[derive(Clone, PartialEq, Eq)]
pub struct DocumentVerdict {
    /// Our id, as sent in the manifest.
    pub document: DocumentId,
    /// The word.
    pub verdict: Verdict,
    /// The insurer's code.
    pub code: Option<Name>,
    /// The insurer's text: content.
    pub text: Option<String>,
}

/// Positive or negative receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// ARL +: conforms to the specification.
    Accepted,
    /// ARL −.
    Refused,
}

/// Retour RSP: what became of one document's payment, or the answer to a prise en charge.
#[derive(Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The insurer's id of this settlement, unique per endpoint.
    pub id: Name,
    /// Our id of the document.
    pub document: DocumentId,
    /// When the insurer issued it.
    pub issued: Timestamp,
    /// What it says.
    pub content: SettlementContent,
}

/// The two forms of a settlement.
#[derive(Clone, PartialEq, Eq)]
pub enum SettlementContent {
    /// Payment, per part.
    Parts(Vec<PartSettlement>),
    /// Answer to a demande de prise en charge.
    Answer {
        /// Granted or declined.
        answer: Answer,
        /// The insurer's code.
        code: Option<Name>,
        /// The insurer's text: content.
        text: Option<String>,
    },
}

/// What became of one part.
#[derive(Clone, PartialEq, Eq)]
pub struct PartSettlement {
    /// Which insurer's part.
    pub part: Part,
    /// Paid, rejected, deferred.
    pub outcome: PartOutcome,
    /// The amount paid, or refused.
    pub amount: Cents,
    /// The insurer's code.
    pub code: Option<Name>,
    /// The insurer's text: content.
    pub text: Option<String>,
}

/// The two parts of a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Part obligatoire.
    Amo,
    /// Part complémentaire.
    Amc,
}

/// What an insurer decided on a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartOutcome {
    /// Paid.
    Paid,
    /// Rejected.
    Rejected,
    /// Deferred: a decision will follow.
    Deferred,
}

/// Answer to a prise en charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// Granted.
    Granted,
    /// Declined.
    Declined,
}

/// One item of a feed: a receipt or a settlement.
#[derive(Clone, PartialEq, Eq)]
pub enum Item {
    /// ARL.
    Receipt(Receipt),
    /// RSP.
    Settlement(Settlement),
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

canon::canon_struct! {
    Receipt { id, lot, digest, issued, verdict, documents, coverage, code, text }
    DocumentVerdict { document, verdict, code, text }
    Settlement { id, document, issued, content }
    PartSettlement { part, outcome, amount, code, text }
}

canon::canon_enum! {
    Coverage { 1 => Whole, 2 => Listed }
    SettlementContent { 1 => Parts(parts), 2 => Answer { answer, code, text } }
    Item { 1 => Receipt(receipt), 2 => Settlement(settlement) }
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

impl Item {
    /// Everything that it says, as bytes: two items say the same when these are the same, however their XML was
    /// written.
    pub fn canonical(&self) -> Vec<u8> {
        canon::bytes_of(self)
    }

    /// The insurer's id of the item.
    pub fn id(&self) -> &Name {
        match self {
            Item::Receipt(receipt) => &receipt.id,
            Item::Settlement(settlement) => &settlement.id,
        }
    }
}

impl Part {
    /// Every one.
    pub const ALL: [Part; 2] = [Part::Amo, Part::Amc];

    /// The word used in answers and XML.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Amo => "amo",
            Part::Amc => "amc",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Part> {
        Part::ALL.into_iter().find(|part| part.as_str() == text)
    }
}

impl Verdict {
    /// Every one.
    pub const ALL: [Verdict; 2] = [Verdict::Accepted, Verdict::Refused];

    /// The word used in answers and XML.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::Refused => "refused",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Verdict> {
        Verdict::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == text)
    }
}

impl Coverage {
    /// Every one.
    pub const ALL: [Coverage; 2] = [Coverage::Whole, Coverage::Listed];

    /// The word used in XML.
    pub fn as_str(self) -> &'static str {
        match self {
            Coverage::Whole => "whole",
            Coverage::Listed => "listed",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Coverage> {
        Coverage::ALL
            .into_iter()
            .find(|coverage| coverage.as_str() == text)
    }
}

impl PartOutcome {
    /// Every one.
    pub const ALL: [PartOutcome; 3] = [
        PartOutcome::Paid,
        PartOutcome::Rejected,
        PartOutcome::Deferred,
    ];

    /// The word used in answers and XML.
    pub fn as_str(self) -> &'static str {
        match self {
            PartOutcome::Paid => "paid",
            PartOutcome::Rejected => "rejected",
            PartOutcome::Deferred => "deferred",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<PartOutcome> {
        PartOutcome::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }
}

impl Answer {
    /// Every one.
    pub const ALL: [Answer; 2] = [Answer::Granted, Answer::Declined];

    /// The word used in answers and XML.
    pub fn as_str(self) -> &'static str {
        match self {
            Answer::Granted => "granted",
            Answer::Declined => "declined",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Answer> {
        Answer::ALL
            .into_iter()
            .find(|answer| answer.as_str() == text)
    }
}

/// What became of one receipt or settlement that was heard.
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
