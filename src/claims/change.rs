//! A change of a document: what an entry of the ledger changed about it, as it is told to centres. A change holds ids,
//! facts of the number, standing and code; never a value of the document, never an insurer's text.

use crate::claims::document::{Key, Purpose};
use crate::claims::entry::Position;
use crate::claims::id::{DocumentId, Name};
use crate::claims::standing::Standing;
use crate::claims::time::Timestamp;

/// One entry changed one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The entry.
    pub position: Position,
    /// When it was decided.
    pub at: Timestamp,
    /// The document.
    pub document: DocumentId,
    /// Centre, kind and number.
    pub key: Key,
    /// Real or test.
    pub purpose: Purpose,
    /// What happened.
    pub what: What,
    /// The standing after it.
    pub standing: Standing,
    /// The insurer's code, where one was said.
    pub code: Option<Name>,
}

/// What changed a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// It was admitted.
    Admitted,
    /// Another document took its place.
    Replaced,
    /// It was sealed into a lot.
    Sealed,
    /// The insurer took its lot.
    Taken,
    /// Its lot is void: it is open again, or refused.
    Void,
    /// The insurer refused its content.
    Refused,
    /// A receipt.
    Receipt,
    /// A settlement.
    Settlement,
    /// Its centre or an operator cancelled it.
    Cancelled,
    /// It was transmitted by hand.
    ByHand,
    /// Its paper duplicate was sent.
    OnPaper,
    /// A paper duplicate is owed.
    PaperOwed,
    /// It lapsed.
    Lapsed,
    /// Its settlement did not come.
    Unsettled,
}

impl What {
    /// Everything that changes a document.
    pub const ALL: [What; 14] = [
        What::Admitted,
        What::Replaced,
        What::Sealed,
        What::Taken,
        What::Void,
        What::Refused,
        What::Receipt,
        What::Settlement,
        What::Cancelled,
        What::ByHand,
        What::OnPaper,
        What::PaperOwed,
        What::Lapsed,
        What::Unsettled,
    ];

    /// The word used in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Admitted => "admitted",
            What::Replaced => "replaced",
            What::Sealed => "sealed",
            What::Taken => "taken",
            What::Void => "void",
            What::Refused => "refused",
            What::Receipt => "receipt",
            What::Settlement => "settlement",
            What::Cancelled => "cancelled",
            What::ByHand => "by hand",
            What::OnPaper => "on paper",
            What::PaperOwed => "paper owed",
            What::Lapsed => "lapsed",
            What::Unsettled => "unsettled",
        }
    }
}
