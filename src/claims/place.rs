//! Where a unit stands in a rate: which of its cells it is in, under a policy.
//!
//! The rate sums by this and an explanation lists by it, so a figure and the documents behind it cannot drift
//! apart.

use crate::claims::agreement::{Counting, PaperDuplicate, PaperSheets, RejectedUnit};
use crate::claims::document::{Exclusions, Kind, Mode};
use crate::claims::rate::Slice;
use crate::claims::standing::{Receipted, Standing};
use crate::claims::tally::{Cell, Lateness};

/// Where a unit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Not in this rate: another kind, or another of its days.
    Elsewhere,
    /// Cancelled by its centre: beside the denominator.
    Cancelled,
    /// Left out for these reasons: beside the denominator.
    Excluded(Exclusions),
    /// In the denominator.
    Counted(Counted),
}

/// A unit of the denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Its part of the split by mode: paper, for a paper duplicate that the policy counts as paper.
    pub mode: Slice<Mode>,
    /// Whether it was transmitted, and whether in a mode of the numerator.
    pub transmitted: Transmitted,
}

/// Whether a unit of the denominator was transmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmitted {
    /// It was not, as far as is proven.
    No,
    /// It was, in a mode that is shown apart.
    Apart,
    /// It was, in a mode of the numerator.
    Numerator,
}

/// One cell of a rate, that can be opened to what is behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// All of the denominator.
    Denominator,
    /// The numerator.
    Numerator,
    /// The denominator without the numerator.
    Missing,
    /// A part of the split by mode.
    Mode(Slice<Mode>),
    /// A part of the split by kind.
    Kind(Slice<Kind>),
    /// A part of the split by standing.
    Standing(Slice<Standing>),
    /// A part of the split by lateness.
    Lateness(Slice<Lateness>),
    /// Beside it: cancelled.
    Cancelled,
    /// Beside it: excluded.
    Excluded,
    /// Transmitted by hand.
    ByHand,
    /// With a positive receipt and a paper duplicate.
    BothWays,
}

/// The place of a unit under a policy. A cancelled unit is cancelled even if it is also excluded.
pub fn place(counting: &Counting, cell: &Cell) -> Place {
    if cell.basis != counting.day_basis || !counting.kinds.contains(&cell.kind) {
        return Place::Elsewhere;
    }
    if cell.standing == Standing::Cancelled {
        return Place::Cancelled;
    }
    let reasons = cell.exclusions.both(counting.exclusions);
    if reasons != Exclusions::NONE {
        return Place::Excluded(reasons);
    }
    let is_paper = cell.standing == Standing::OnPaper || went_both_ways(cell);
    Place::Counted(Counted {
        mode: match counting.paper_duplicate {
            PaperDuplicate::Paper if is_paper => Slice::Paper,
            PaperDuplicate::Paper | PaperDuplicate::Electronic => Slice::Units(cell.mode),
        },
        transmitted: match is_transmitted(counting, cell.standing, cell.receipted) {
            false => Transmitted::No,
            true if counting.numerator_modes.contains(&cell.mode) => Transmitted::Numerator,
            true => Transmitted::Apart,
        },
    })
}

/// Whether a unit has a positive receipt and a paper duplicate.
pub fn went_both_ways(cell: &Cell) -> bool {
    cell.receipted == Receipted::BothWays
}

/// Whether a unit of the denominator was transmitted: on a positive receipt, and as the policy says of
/// paper duplicates and rejected units. An operator's word is no receipt.
pub fn is_transmitted(counting: &Counting, standing: Standing, receipted: Receipted) -> bool {
    let receipted = match receipted {
        Receipted::No => false,
        Receipted::Yes => true,
        Receipted::BothWays => match counting.paper_duplicate {
            PaperDuplicate::Paper => false,
            PaperDuplicate::Electronic => true,
        },
    };
    match standing {
        Standing::ByHand => false,
        Standing::Rejected => match counting.rejected {
            RejectedUnit::Transmitted => receipted,
            RejectedUnit::NotTransmitted => false,
        },
        Standing::Open
        | Standing::InLot
        | Standing::Acknowledged
        | Standing::Refused
        | Standing::Paid
        | Standing::PartPaid
        | Standing::Unsettled
        | Standing::OnPaper
        | Standing::Cancelled
        | Standing::Replaced
        | Standing::Lapsed
        | Standing::Granted
        | Standing::Declined => receipted,
    }
}

impl Member {
    /// Whether a unit is in it.
    pub fn holds(self, counting: &Counting, cell: &Cell) -> bool {
        let counted = match (self, place(counting, cell)) {
            (_, Place::Elsewhere) => return false,
            (Member::Cancelled, place) => return place == Place::Cancelled,
            (Member::Excluded, place) => return matches!(place, Place::Excluded(_)),
            (_, Place::Cancelled | Place::Excluded(_)) => return false,
            (_, Place::Counted(counted)) => counted,
        };
        match self {
            Member::Denominator => true,
            Member::Numerator => counted.transmitted == Transmitted::Numerator,
            Member::Missing => counted.transmitted != Transmitted::Numerator,
            Member::Mode(mode) => mode == counted.mode,
            Member::Kind(kind) => kind == Slice::Units(cell.kind),
            Member::Standing(standing) => standing == Slice::Units(cell.standing),
            Member::Lateness(late) => late == Slice::Units(cell.late),
            Member::ByHand => cell.standing == Standing::ByHand,
            Member::BothWays => went_both_ways(cell),
            Member::Cancelled | Member::Excluded => false,
        }
    }

    /// Whether declared paper sheets are in it, where the policy counts them.
    pub fn holds_sheets(self, counting: &Counting) -> bool {
        match counting.paper_sheets {
            PaperSheets::Counted => {}
            PaperSheets::NotCounted => return false,
        }
        match self {
            Member::Denominator | Member::Missing => true,
            Member::Mode(slice) => slice == Slice::Paper,
            Member::Kind(slice) => slice == Slice::Paper,
            Member::Standing(slice) => slice == Slice::Paper,
            Member::Lateness(slice) => slice == Slice::Paper,
            Member::Numerator
            | Member::Cancelled
            | Member::Excluded
            | Member::ByHand
            | Member::BothWays => false,
        }
    }

    /// Reads `numerator`, `missing`, `denominator`, `cancelled`, `excluded`, `by_hand`, `both_ways`, or a split
    /// and its part as in answers: `mode:S`, `kind:FSE`, `standing:refused`, `lateness:late`, `mode:paper`.
    pub fn parse(text: &str) -> Option<Member> {
        match text.split_once(':') {
            Some(("mode", part)) => Slice::parse(part, Mode::parse).map(Member::Mode),
            Some(("kind", part)) => Slice::parse(part, Kind::parse).map(Member::Kind),
            Some(("standing", part)) => {
                let parse = |part: &str| {
                    let mut all = Standing::ALL.into_iter();
                    all.find(|standing| standing.as_str() == part)
                };
                Slice::parse(part, parse).map(Member::Standing)
            }
            Some(("lateness", part)) => {
                let all = [Lateness::InTime, Lateness::Late, Lateness::Unproven];
                let parse = |part: &str| all.into_iter().find(|late| late.as_str() == part);
                Slice::parse(part, parse).map(Member::Lateness)
            }
            Some(_) => None,
            None => match text {
                "denominator" => Some(Member::Denominator),
                "numerator" => Some(Member::Numerator),
                "missing" => Some(Member::Missing),
                "cancelled" => Some(Member::Cancelled),
                "excluded" => Some(Member::Excluded),
                "by_hand" => Some(Member::ByHand),
                "both_ways" => Some(Member::BothWays),
                _ => None,
            },
        }
    }
}

impl<T> Slice<T> {
    fn parse(text: &str, unit: impl Fn(&str) -> Option<T>) -> Option<Slice<T>> {
        if text == "paper" {
            return Some(Slice::Paper);
        }
        unit(text).map(Slice::Units)
    }
}
