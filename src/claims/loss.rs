//! What keeps documents out of the numerator, cause by cause: all causes together are exactly what is missing.
//!
//! It judges by the same places as the rate. A document that waits for its receipt is missing as unanswered.

use std::collections::BTreeMap;

use crate::claims::agreement::{Counting, PaperSheets};
use crate::claims::document::Mode;
use crate::claims::place::{Place, Transmitted, place};
use crate::claims::rate::Slice;
use crate::claims::standing::Standing;
use crate::claims::tally::{Cell, Counts};
use crate::claims::time::Day;

/// Documents that are missing in the numerator for one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The cause.
    pub cause: Cause,
    /// How many.
    pub documents: i64,
}

/// Why a document is not in the numerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A declared paper sheet.
    Paper,
    /// A paper duplicate, after a failed transmission or beside a receipt.
    PaperDuplicate,
    /// Sent or to be sent, without a receipt.
    Unanswered,
    /// Refused and not replaced.
    Refused,
    /// Rejected, where the policy does not count it.
    Rejected,
    /// Sent by hand.
    ByHand,
    /// Transmitted in a mode that is not in the numerator.
    Mode(Mode),
}

/// What a unit is to the numerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in it.
    Counted,
    /// It may come into it: no receipt came yet.
    Waits,
    /// It is not, for this cause.
    Lost(Cause),
}

impl Fate {
    /// Of a unit; none for one that is not in the denominator.
    pub fn of(counting: &Counting, cell: &Cell) -> Option<Fate> {
        let counted = match place(counting, cell) {
            Place::Elsewhere | Place::Cancelled | Place::Excluded(_) => return None,
            Place::Counted(counted) => counted,
        };
        match counted.transmitted {
            Transmitted::Numerator => return Some(Fate::Counted),
            Transmitted::Apart => return Some(Fate::Lost(Cause::Mode(cell.mode))),
            // Also beside a receipt, where the policy counts it as paper.
            Transmitted::No if counted.mode == Slice::Paper => {
                return Some(Fate::Lost(Cause::PaperDuplicate));
            }
            Transmitted::No => {}
        }
        Some(match cell.standing {
            // A mode that never counts is lost whatever the answer.
            Standing::Open | Standing::InLot if !counting.numerator_modes.contains(&cell.mode) => {
                Fate::Lost(Cause::Mode(cell.mode))
            }
            Standing::Open | Standing::InLot => Fate::Waits,
            Standing::Refused | Standing::Lapsed => Fate::Lost(Cause::Refused),
            Standing::OnPaper => Fate::Lost(Cause::PaperDuplicate),
            Standing::ByHand => Fate::Lost(Cause::ByHand),
            Standing::Rejected => Fate::Lost(Cause::Rejected),
            Standing::Acknowledged
            | Standing::Paid
            | Standing::PartPaid
            | Standing::Unsettled
            | Standing::Cancelled
            | Standing::Replaced
            | Standing::Granted
            | Standing::Declined => Fate::Lost(Cause::Unanswered),
        })
    }
}

/// The causes over days, both included, the dearest first: they sum to the denominator without the numerator.
pub fn losses(counting: &Counting, counts: &Counts, days: (Day, Day)) -> Vec<Loss> {
    let mut lost: BTreeMap<Cause, i64> = BTreeMap::new();
    for (cell, number) in counts.units(counting.day_basis, days) {
        let cause = match Fate::of(counting, cell) {
            None | Some(Fate::Counted) => continue,
            Some(Fate::Waits) => Cause::Unanswered,
            Some(Fate::Lost(cause)) => cause,
        };
        *lost.entry(cause).or_default() += number;
    }
    for (cell, sheets) in counts.paper(days) {
        if cell.caisse.is_some() && counting.paper_sheets == PaperSheets::Counted {
            *lost.entry(Cause::Paper).or_default() += sheets;
        }
    }
    dearest_first(&lost)
}

/// Causes in order of what they cost; those that cost nothing are left out.
pub fn dearest_first(lost: &BTreeMap<Cause, i64>) -> Vec<Loss> {
    let lost = lost.iter().filter(|(_, documents)| **documents != 0);
    let mut losses: Vec<Loss> = lost
        .map(|(cause, documents)| Loss {
            cause: *cause,
            documents: *documents,
        })
        .collect();
    losses.sort_by_key(|loss| (-loss.documents, loss.cause));
    losses
}

impl Cause {
    /// The word used in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Paper => "paper",
            Cause::PaperDuplicate => "paper duplicate",
            Cause::Unanswered => "unanswered",
            Cause::Refused => "refused",
            Cause::Rejected => "rejected",
            Cause::ByHand => "by hand",
            Cause::Mode(mode) => match mode {
                Mode::Secured => "mode S",
                Mode::WithoutVitale => "mode F",
                Mode::Clear => "mode C",
                Mode::Degraded => "mode D",
                Mode::Online => "mode L",
                Mode::Sefi => "mode P",
                Mode::Unsecured => "mode N",
            },
        }
    }
}
