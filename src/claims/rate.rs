//! The télétransmission rate: a function of cells, paper sheets and a policy, and of nothing else.
//!
//! The unit is the line; a unit counts as transmitted only on a positive receipt; paper is in
//! the denominator alone. Counts are integers and ratios exact fractions. Where there was no activity
//! there is no rate: neither 100 % nor 0 %.
//!
//! A rate is what the gateway can prove under the policy named beside it. The official figure is the
//! caisse's.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::agreement::{Agreement, Counting, PaperSheets, Role, Status, Threshold};
use crate::claims::document::{Exclusions, Kind, Mode};
use crate::claims::fraction::{Distance, Fraction};
use crate::claims::id::Finess;
use crate::claims::place::{Counted, Place, Transmitted, place, went_both_ways};
use crate::claims::registry::Category;
use crate::claims::standing::Standing;
use crate::claims::tally::{Cell, Lateness, PaperCell};
use crate::claims::time::Day;

/// CNAM's secured modes (S, F, C of the list IR_TCR_V): the secured rate is theirs under every policy.
pub const SECURED: [Mode; 3] = [Mode::Secured, Mode::WithoutVitale, Mode::Clear];

/// Counts under one policy and what they amount to. The default is that of nothing counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Transmitted units in the policy's numerator modes.
    pub numerator: i64,
    /// Transmitted units in the modes S, F and C.
    pub secured: i64,
    /// Transmitted units in any mode.
    pub electronic: i64,
    /// Units of the kinds that count, and paper sheets where the policy counts them.
    pub denominator: i64,
    /// Declared paper sheets in the denominator.
    pub paper_sheets: i64,
    /// Transmitted units by mode.
    pub transmitted: BTreeMap<Mode, i64>,
    /// The denominator, cut in four ways.
    pub splits: Splits,
    /// What is not in the denominator, and what is shown apart.
    pub beside: Beside,
    /// The excluded ones, by which of the policy's exclusions apply: the parts sum to them.
    pub excluded: BTreeMap<Exclusions, i64>,
    /// How many of the active days have a declaration of paper.
    pub coverage: PaperCoverage,
    /// The policy's threshold for the category.
    pub threshold: Option<Threshold>,
    /// What may be said.
    pub verdict: Verdict,
}

/// The denominator by mode, kind, standing and lateness: each sums to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Splits {
    /// By mode; a paper duplicate that the policy counts as paper is paper here.
    pub mode: BTreeMap<Slice<Mode>, i64>,
    /// By kind.
    pub kind: BTreeMap<Slice<Kind>, i64>,
    /// By standing.
    pub standing: BTreeMap<Slice<Standing>, i64>,
    /// By lateness.
    pub lateness: BTreeMap<Slice<Lateness>, i64>,
}

/// One part of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slice<T> {
    /// Units known here.
    Units(T),
    /// Paper.
    Paper,
}

/// Counts that stand beside the rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Cancelled by the centre: not in the denominator.
    pub cancelled: i64,
    /// Left out by the policy's exclusions: not in the denominator.
    pub excluded: i64,
    /// Transmitted by hand on an operator's word: in the denominator alone.
    pub by_hand: i64,
    /// Sent on paper, and with a positive receipt all the same: counted once, as the policy says.
    pub both_ways: i64,
}

/// Days of single centres with activity, and how many of them have a declaration of paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaperCoverage {
    /// Days with a unit that counts, excluded ones too, or with a sheet.
    pub active: i64,
    /// Those of them that are declared.
    pub declared: i64,
}

/// What may be said of a rate. In order of precedence: the first that holds is the verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Nothing to count: no rate.
    #[default]
    NoData,
    /// Fewer active days are declared than the policy asks: the denominator is not known.
    PaperUnknown,
    /// A sum over centres: the obligation, and so any verdict, is each centre's own (L162-34-1, R161-42 CSS).
    Aggregate,
    /// The policy is there to compare with, and gives no verdict.
    Reference,
    /// The threshold was not read in the agreement itself.
    Unconfirmed,
    /// The agreement sets no threshold for the category.
    NoThreshold,
    /// The threshold is reached.
    Reached,
    /// The threshold is not reached.
    NotReached,
}

/// Computes the rate of cells that the caller chose (centres and days), for a category, under a policy.
///
/// Cells of other bases and kinds than the policy's are passed over. A cancelled unit is cancelled even if
/// it is also excluded.
pub fn rate<'a>(
    policy: &Agreement,
    category: Category,
    units: impl IntoIterator<Item = (&'a Cell, &'a i64)>,
    paper: impl IntoIterator<Item = (&'a PaperCell, &'a i64)>,
) -> Rate {
    let mut count = Summing::default();
    for (cell, number) in units {
        count.unit(&policy.counting, cell, *number);
    }
    match policy.counting.paper_sheets {
        PaperSheets::Counted => {
            for (cell, number) in paper {
                count.paper(cell, *number);
            }
        }
        PaperSheets::NotCounted => {}
    }
    count.finish(policy, category)
}

#[derive(Default)]
struct Summing {
    numerator: i64,
    transmitted: BTreeMap<Mode, i64>,
    denominator: i64,
    paper_sheets: i64,
    splits: Splits,
    beside: Beside,
    excluded: BTreeMap<Exclusions, i64>,
    active: BTreeSet<(Finess, Day)>,
    declared: BTreeSet<(Finess, Day)>,
}

impl Summing {
    fn unit(&mut self, counting: &Counting, cell: &Cell, number: i64) {
        if number == 0 {
            return;
        }
        match place(counting, cell) {
            Place::Elsewhere => {}
            Place::Cancelled => self.beside.cancelled += number,
            Place::Excluded(reasons) => {
                self.active.insert((cell.centre, cell.day));
                self.beside.excluded += number;
                *self.excluded.entry(reasons).or_default() += number;
            }
            Place::Counted(counted) => {
                self.active.insert((cell.centre, cell.day));
                self.counted(cell, counted, number);
            }
        }
    }

    fn counted(&mut self, cell: &Cell, counted: Counted, number: i64) {
        self.denominator += number;
        self.splits.add(cell, counted.mode, number);
        match counted.transmitted {
            Transmitted::No => {}
            Transmitted::Apart => *self.transmitted.entry(cell.mode).or_default() += number,
            Transmitted::Numerator => {
                *self.transmitted.entry(cell.mode).or_default() += number;
                self.numerator += number;
            }
        }
        if cell.standing == Standing::ByHand {
            self.beside.by_hand += number;
        }
        if went_both_ways(cell) {
            self.beside.both_ways += number;
        }
    }

    fn paper(&mut self, cell: &PaperCell, number: i64) {
        let day = (cell.centre, cell.day);
        if cell.caisse.is_none() {
            self.declared.insert(day);
        } else if number != 0 {
            self.active.insert(day);
            self.paper_sheets += number;
            self.denominator += number;
            self.splits.add_sheets(number);
        }
    }

    fn finish(self, policy: &Agreement, category: Category) -> Rate {
        let declared = self.active.intersection(&self.declared).count();
        let coverage = PaperCoverage {
            active: count(self.active.len()),
            declared: count(declared),
        };
        let threshold = policy.threshold(category);
        let verdict = verdict(
            policy,
            threshold,
            (self.numerator, self.denominator),
            coverage,
        );
        let secured = SECURED.iter().filter_map(|mode| self.transmitted.get(mode));
        Rate {
            numerator: self.numerator,
            secured: secured.sum(),
            electronic: self.transmitted.values().sum(),
            denominator: self.denominator,
            paper_sheets: self.paper_sheets,
            transmitted: self.transmitted,
            splits: self.splits,
            beside: self.beside,
            excluded: self.excluded,
            coverage,
            threshold,
            verdict,
        }
    }
}

fn verdict(
    policy: &Agreement,
    threshold: Option<Threshold>,
    (numerator, denominator): (i64, i64),
    coverage: PaperCoverage,
) -> Verdict {
    let Some(rate) = Fraction::new(numerator, denominator) else {
        return Verdict::NoData;
    };
    if !is_covered(&policy.counting, coverage) {
        return Verdict::PaperUnknown;
    }
    match (policy.role, policy.status, threshold) {
        (Role::Reference, _, _) => Verdict::Reference,
        (Role::Agreement, Status::Unconfirmed, _) => Verdict::Unconfirmed,
        (Role::Agreement, Status::Confirmed, None) => Verdict::NoThreshold,
        (Role::Agreement, Status::Confirmed, Some(threshold)) => {
            if threshold.is_reached_by(rate) {
                Verdict::Reached
            } else {
                Verdict::NotReached
            }
        }
    }
}

/// Whether enough of the active days are declared.
fn is_covered(counting: &Counting, coverage: PaperCoverage) -> bool {
    match counting.paper_sheets {
        PaperSheets::NotCounted => true,
        PaperSheets::Counted => coverage.share().is_none_or(|share| {
            let distance = share.minus(counting.minimum_paper_coverage);
            distance.numerator() >= 0
        }),
    }
}

impl Splits {
    fn join(&mut self, part: &Splits) {
        join(&mut self.mode, &part.mode);
        join(&mut self.kind, &part.kind);
        join(&mut self.standing, &part.standing);
        join(&mut self.lateness, &part.lateness);
    }

    fn add(&mut self, cell: &Cell, mode: Slice<Mode>, number: i64) {
        *self.mode.entry(mode).or_default() += number;
        *self.kind.entry(Slice::Units(cell.kind)).or_default() += number;
        let standing = Slice::Units(cell.standing);
        *self.standing.entry(standing).or_default() += number;
        *self.lateness.entry(Slice::Units(cell.late)).or_default() += number;
    }

    fn add_sheets(&mut self, number: i64) {
        *self.mode.entry(Slice::Paper).or_default() += number;
        *self.kind.entry(Slice::Paper).or_default() += number;
        *self.standing.entry(Slice::Paper).or_default() += number;
        *self.lateness.entry(Slice::Paper).or_default() += number;
    }
}

fn join<K: Ord + Copy>(sums: &mut BTreeMap<K, i64>, part: &BTreeMap<K, i64>) {
    for (key, number) in part {
        *sums.entry(*key).or_default() += number;
    }
}

impl Rate {
    /// Adds the counts of other units under the same policy: of other centres, or of other days. Sums are
    /// added to sums; a ratio is never added to a ratio.
    pub fn join(&mut self, part: &Rate) {
        self.numerator += part.numerator;
        self.secured += part.secured;
        self.electronic += part.electronic;
        self.denominator += part.denominator;
        self.paper_sheets += part.paper_sheets;
        join(&mut self.transmitted, &part.transmitted);
        self.splits.join(&part.splits);
        join(&mut self.excluded, &part.excluded);
        self.beside.cancelled += part.beside.cancelled;
        self.beside.excluded += part.beside.excluded;
        self.beside.by_hand += part.beside.by_hand;
        self.beside.both_ways += part.beside.both_ways;
        self.coverage.active += part.coverage.active;
        self.coverage.declared += part.coverage.declared;
    }

    /// The rate of joined counts: without threshold, and with no verdict but that something is not known.
    #[must_use]
    pub fn aggregated(self, policy: &Agreement) -> Rate {
        let verdict = match Fraction::new(self.numerator, self.denominator) {
            None => Verdict::NoData,
            Some(_) if !is_covered(&policy.counting, self.coverage) => Verdict::PaperUnknown,
            Some(_) => Verdict::Aggregate,
        };
        Rate {
            threshold: None,
            verdict,
            ..self
        }
    }

    /// The policy's rate; none without activity.
    pub fn share(&self) -> Option<Fraction> {
        Fraction::new(self.numerator, self.denominator)
    }

    /// The secured rate (S, F, C); none without activity.
    pub fn secured_share(&self) -> Option<Fraction> {
        Fraction::new(self.secured, self.denominator)
    }

    /// The electronic rate (any mode with a positive receipt); none without activity.
    pub fn electronic_share(&self) -> Option<Fraction> {
        Fraction::new(self.electronic, self.denominator)
    }

    /// How far the rate lies above a threshold (below it when negative); none without activity.
    pub fn distance(&self, threshold: Threshold) -> Option<Distance> {
        Some(self.share()?.minus(threshold.share()?))
    }
}

impl PaperCoverage {
    /// The share of active days that are declared; none without an active day.
    pub fn share(self) -> Option<Fraction> {
        Fraction::new(self.declared, self.active)
    }
}

impl Verdict {
    /// The word used in answers and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::NoData => "no data",
            Verdict::PaperUnknown => "paper unknown",
            Verdict::Aggregate => "aggregate",
            Verdict::Reference => "reference",
            Verdict::Unconfirmed => "unconfirmed",
            Verdict::NoThreshold => "no threshold",
            Verdict::Reached => "reached",
            Verdict::NotReached => "not reached",
        }
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
