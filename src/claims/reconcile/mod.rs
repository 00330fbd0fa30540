//! Two counts of one centre laid side by side: the gateway's units and the caisse's figures.
//!
//! The official figure is the caisse's; ours is what the gateway can prove. Every difference gets exactly
//! one [`Cause`] of a closed list, with the months that it moves; what no evidence explains stays a residual
//! and is never spread over the causes. For every centre and month ours, plus all effects, plus the residual,
//! is theirs: this holds by construction, and a test asks for it.
//!
//! Modes are compared as the classes of NOEMIE entity 102, which are coarser than our modes. Nothing here
//! changes a count.

pub mod figures;
pub mod cause;
pub mod bridge;
pub mod ours;
mod documents;
mod counts;

#[cfg(test)]
mod tests;

use crate::claims::reconcile::bridge::{Bridge, Difference};
use crate::claims::reconcile::figures::{Class, Figures, Months};
use crate::claims::reconcile::ours::Ours;

/// What laying two counts side by side gave for one centre.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Both counts of each month, and the steps between them.
    pub bridge: Bridge,
    /// Every difference, in the order in which it was found.
    pub differences: Vec<Difference>,
}

/// How the figures of a centre were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Document by document.
    Documents,
    /// By counts alone: a cause is named only where it explains a month's difference exactly.
    Counts,
    /// The figures do not name the centre.
    Absent,
}

impl Depth {
    /// How far figures of one centre can be compared.
    pub fn of(theirs: &Figures) -> Depth {
        if !theirs.documents.is_empty() {
            Depth::Documents
        } else if !theirs.counts.is_empty() {
            Depth::Counts
        } else {
            Depth::Absent
        }
    }

    /// The word used in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Depth::Documents => "documents",
            Depth::Counts => "counts",
            Depth::Absent => "absent",
        }
    }
}

/// Lays the two counts of one centre side by side, over whole months.
///
/// The result depends on the arguments and on nothing else, not even on the order of units and rows.
pub fn reconcile(ours: &Ours, theirs: &Figures, months: Months) -> Reconciliation {
    let mut result = Reconciliation {
        bridge: Bridge::ours(ours, months),
        ..Reconciliation::default()
    };
    match Depth::of(theirs) {
        Depth::Documents | Depth::Absent => documents::compare(ours, theirs, &mut result),
        Depth::Counts => counts::compare(ours, theirs, &mut result),
    }
    result.bridge.close(&official(theirs), &ours.counting);
    result
}

/// The caisse's own word on each month and class: its counts where it gives any, its documents otherwise.
fn official(theirs: &Figures) -> Vec<(figures::Month, crate::claims::document::Kind, Class, i64)> {
    if theirs.counts.is_empty() {
        let rows = theirs.documents.iter();
        rows.map(|row| (row.month(), row.kind, row.class, 1))
            .collect()
    } else {
        let rows = theirs.counts.iter();
        rows.map(|row| (row.month, row.kind, row.class, row.count))
            .collect()
    }
}
