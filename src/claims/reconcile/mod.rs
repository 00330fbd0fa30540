//! Two counts of one centre laid side by side: the gateway's units and the caisse's figures.
//!
//! The official figure is the caisse's; ours is what the gateway can prove. Every difference gets exactly
//! one `Cause` of a closed list, with the months that it moves; what no evidence explains stays a residual
//! and is never spread over the causes. For every centre and month ours, plus all effects, plus the residual,
//! is theirs: this holds by construction, and a test asks for it.
//!
//! A month is compared as far as the figures reach in it: document by document where they name documents, by its
//! counts where they give counts alone. Nothing is said of a month outside those compared.
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

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::document::Kind;
use crate::claims::reconcile::bridge::{Bridge, Difference};
use crate::claims::reconcile::figures::{Class, DocumentRow, Figures, Month};
use crate::claims::reconcile::ours::Ours;

/// What laying two counts side by side gave for one centre.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Both counts of each month, and the steps between them.
    pub bridge: Bridge,
    /// How far the figures reached in each month.
    pub depths: BTreeMap<Month, Depth>,
    /// Every difference, in the order in which it was found.
    pub differences: Vec<Difference>,
}

/// How far the figures of a centre reach, in all or in one month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Document by document.
    Documents,
    /// By counts alone: a cause is named only where it explains a month's difference exactly.
    Counts,
    /// The figures do not name the centre.
    Absent,
}

/// Of which months the figures of a centre name documents, and of which they give counts.
struct Reach {
    documents: BTreeSet<Month>,
    counts: BTreeSet<Month>,
}

impl Depth {
    /// How far figures of one centre can be compared at most.
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

/// Lays the two counts of one centre side by side, over months of which the caisse gave figures of some centre: of
/// one that it does not name there it counts nothing.
///
/// The result depends on the arguments and on nothing else, not even on the order of units and rows.
pub fn reconcile(ours: &Ours, theirs: &Figures, months: &BTreeSet<Month>) -> Reconciliation {
    let reach = Reach::of(theirs);
    let mut result = Reconciliation {
        bridge: Bridge::ours(ours, months),
        depths: months
            .iter()
            .map(|month| (*month, reach.at(*month)))
            .collect(),
        differences: Vec::new(),
    };
    let months = months.iter().copied();
    let (by_counts, by_documents): (BTreeSet<_>, BTreeSet<_>) =
        months.partition(|month| reach.is_by_counts(*month));
    // Rows of one month may name units of another: these are explained, and the counts are compared without them.
    let left = documents::compare(ours, theirs, &by_documents, &mut result);
    counts::compare(ours, &left, theirs, &by_counts, &mut result);
    result.bridge.close(&reach.official(theirs), &ours.counting);
    result
}

impl Reach {
    fn of(theirs: &Figures) -> Reach {
        Reach {
            documents: theirs.documents.iter().map(DocumentRow::month).collect(),
            counts: theirs.counts.iter().map(|row| row.month).collect(),
        }
    }

    fn at(&self, month: Month) -> Depth {
        if self.documents.contains(&month) {
            Depth::Documents
        } else if self.counts.contains(&month) {
            Depth::Counts
        } else {
            Depth::Absent
        }
    }

    /// Where counts are given of other months, none of a month is a count of nothing.
    fn is_by_counts(&self, month: Month) -> bool {
        match self.at(month) {
            Depth::Documents => false,
            Depth::Counts => true,
            Depth::Absent => !self.counts.is_empty(),
        }
    }

    /// The caisse's own word on each month and class: its counts of a month where it gives any, its documents
    /// otherwise.
    fn official(&self, theirs: &Figures) -> Vec<(Month, Kind, Class, i64)> {
        let counts = theirs.counts.iter();
        let counts = counts.map(|row| (row.month, row.kind, row.class, row.count));
        let rows = theirs.documents.iter();
        let uncounted = rows.filter(|row| !self.counts.contains(&row.month()));
        let documents = uncounted.map(|row| (row.month(), row.kind, row.class, 1));
        counts.chain(documents).collect()
    }
}
