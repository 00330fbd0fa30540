//! Our side of a comparison: the units of one centre with every number of their line, and its paper.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::agreement::{Counting, PaperSheets};
use crate::claims::document::{Exclusions, Kind, Mode};
use crate::claims::id::{DocumentId, Number};
use crate::claims::place;
use crate::claims::reconcile::bridge::Count;
use crate::claims::reconcile::figures::Class;
use crate::claims::standing::{Receipted, Standing};
use crate::claims::tally::Lateness;
use crate::claims::time::Day;

/// What the gateway knows of one centre. Units outside the months asked for belong here too: the caisse may
/// count them inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    /// How the centre's agreement counts.
    pub counting: Counting,
    /// Its units, real documents only.
    pub units: Vec<Unit>,
    /// Declared paper sheets by day.
    pub paper: BTreeMap<Day, i64>,
}

/// One unit of account: a document and its replacements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// First document of the line.
    pub root: DocumentId,
    /// Its latest document.
    pub latest: DocumentId,
    /// Kind and numéro of every document of the line, the latest last.
    pub numbers: Vec<(Kind, Number)>,
    /// Kind of the latest.
    pub kind: Kind,
    /// Mode of the latest.
    pub mode: Mode,
    /// The root's own day, by the basis of the policy.
    pub day: Day,
    /// Standing of the latest.
    pub standing: Standing,
    /// Whether a positive receipt stands for the latest.
    pub receipted: Receipted,
    /// Whether it was late, as far as proven.
    pub late: Lateness,
    /// Last day in time, for kinds that have one.
    pub deadline: Option<Day>,
    /// Exclusions that apply.
    pub exclusions: Exclusions,
}

/// A policy whose numerator has some modes of a class and not the others: classes cannot be compared under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy's numerator splits class {}, and a caisse's figures know only the class", .0.as_str())]
pub struct SplitsClass(pub Class);

/// Whether figures by class can be compared under a policy.
///
/// # Errors
/// [`SplitsClass`], naming the class that has modes inside and outside the numerator.
pub fn comparable(counting: &Counting) -> Result<(), SplitsClass> {
    for kind in &counting.kinds {
        let classes = |inside: bool| -> BTreeSet<Class> {
            let modes = Mode::ALL.into_iter();
            let own = modes.filter(|mode| counting.numerator_modes.contains(mode) == inside);
            own.map(|mode| Class::of(*kind, mode)).collect()
        };
        if let Some(class) = classes(true).intersection(&classes(false)).next() {
            return Err(SplitsClass(*class));
        }
    }
    Ok(())
}

impl Ours {
    /// What so many declared sheets add.
    pub fn sheets(&self, sheets: i64) -> Count {
        match self.counting.paper_sheets {
            PaperSheets::Counted => Count::only_denominator(sheets),
            PaperSheets::NotCounted => Count::ZERO,
        }
    }
}

impl Unit {
    /// What the unit adds to our count, exactly as the rate counts it.
    pub fn count(&self, counting: &Counting) -> Count {
        if !self.is_counted(counting) {
            return Count::ZERO;
        }
        let transmitted = self.is_transmitted(counting);
        Count {
            numerator: i64::from(transmitted && counting.numerator_modes.contains(&self.mode)),
            denominator: 1,
        }
    }

    /// Whether it is in the denominator.
    pub fn is_counted(&self, counting: &Counting) -> bool {
        counting.kinds.contains(&self.kind)
            && self.standing != Standing::Cancelled
            && !self.is_excluded(counting)
    }

    /// Whether the policy leaves it out.
    pub fn is_excluded(&self, counting: &Counting) -> bool {
        self.exclusions.both(counting.exclusions) != Exclusions::NONE
    }

    /// Whether it counts as transmitted.
    pub fn is_transmitted(&self, counting: &Counting) -> bool {
        place::is_transmitted(counting, self.standing, self.receipted)
    }

    /// Whether its paper duplicate may be among the caisse's sheets that carry no number: we do not count it as transmitted.
    pub fn may_be_a_sheet(&self, counting: &Counting) -> bool {
        let has_duplicate =
            self.standing == Standing::OnPaper || self.receipted == Receipted::BothWays;
        has_duplicate && self.count(counting) == Count::only_denominator(1)
    }

    /// The class in which we expect the caisse to have it.
    pub fn class(&self) -> Class {
        Class::of(self.kind, self.mode)
    }
}
