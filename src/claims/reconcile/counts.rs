//! By counts alone: for each month the caisse's number of each class against sets of our own units.
//!
//! A cause is named only where a whole set of units explains a month exactly: all that is unanswered, all that
//! was refused, all that was rejected, all of two neighbouring months exchanged. What is not explained exactly
//! stays a residual, because a part of a set would be a guess, and so would two sets at once: of small sets some
//! two nearly always add up to whatever is missing. What counts cannot tell is a number that the caisse rounded from
//! one that lacks a set of just that size: the set is named then.

use std::collections::BTreeMap;

use crate::claims::reconcile::Reconciliation;
use crate::claims::reconcile::bridge::{Count, of_class};
use crate::claims::reconcile::cause::Cause;
use crate::claims::reconcile::figures::{Class, Figures, Month};
use crate::claims::reconcile::ours::{Ours, Unit};
use crate::claims::standing::Standing;

/// Electronic documents of a month by class.
type ByClass = BTreeMap<Class, i64>;

/// Compares one centre by its counts.
pub(super) fn compare(ours: &Ours, theirs: &Figures, result: &mut Reconciliation) {
    let mut months = BTreeMap::new();
    for month in result.bridge.months.keys() {
        months.insert(*month, Side::of(ours, theirs, *month));
    }
    let knows_none = ours.units.is_empty() && ours.paper.is_empty();
    for (month, side) in &mut months {
        side.sheets(*month, ours, result);
        if knows_none {
            side.unknown_to_us(*month, result);
        } else {
            side.explain(*month, ours, result);
        }
    }
    exchanged(ours, &mut months, result);
    for (month, side) in &months {
        side.unknown_to_them(*month, ours, result);
    }
}

/// One month of both sides.
struct Side {
    /// Our units by what may have become of them there.
    sets: Vec<Set>,
    /// The caisse's electronic documents.
    theirs: ByClass,
    /// What our sets, as they were taken, make of it.
    expected: ByClass,
    /// Our sheets and the caisse's.
    sheets: (i64, i64),
    /// The caisse's count of its electronic documents.
    count: Count,
}

/// Units that one cause can explain together.
#[derive(Clone, Default)]
struct Set {
    /// The cause; none for what both sides count without question.
    cause: Option<Cause>,
    /// Whether the caisse has them, as long as nothing speaks against it.
    usual: There,
    ours: Count,
    classes: ByClass,
    theirs: Count,
}

/// Whether the caisse counts a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum There {
    #[default]
    Counted,
    NotCounted,
}

impl Side {
    fn of(ours: &Ours, theirs: &Figures, month: Month) -> Side {
        let mut side = Side {
            sets: Vec::new(),
            theirs: ByClass::new(),
            expected: ByClass::new(),
            sheets: (0, 0),
            count: Count::ZERO,
        };
        for row in theirs.counts.iter().filter(|row| row.month == month) {
            let count = of_class(&ours.counting, row.kind, row.class).times(row.count);
            if count == Count::ZERO {
                continue;
            }
            if row.class.is_electronic() {
                *side.theirs.entry(row.class).or_default() += row.count;
                side.count += count;
            } else {
                side.sheets.1 += row.count;
            }
        }
        for unit in ours
            .units
            .iter()
            .filter(|unit| Month::of(unit.day) == month)
        {
            side.take(unit, ours);
        }
        for (day, sheets) in &ours.paper {
            if Month::of(*day) == month {
                side.sheets.0 += ours.sheets(*sheets).denominator;
            }
        }
        side
    }

    fn take(&mut self, unit: &Unit, ours: &Ours) {
        let count = unit.count(&ours.counting);
        if count == Count::ZERO {
            return;
        }
        if unit.may_be_a_sheet(&ours.counting) {
            self.sheets.0 += 1;
            return;
        }
        let (cause, usual) = fate(unit.standing);
        let place = self.sets.iter().position(|set| set.cause == cause);
        let place = place.unwrap_or_else(|| {
            self.sets.push(Set {
                cause,
                usual,
                ..Set::default()
            });
            self.sets.len() - 1
        });
        let set = &mut self.sets[place];
        set.ours += count;
        set.theirs += of_class(&ours.counting, unit.kind, unit.class());
        *set.classes.entry(unit.class()).or_default() += 1;
    }

    fn sheets(&self, month: Month, ours: &Ours, result: &mut Reconciliation) {
        let (here, there) = self.sheets;
        let cause = if there > here {
            Cause::PaperOnlyThere
        } else {
            Cause::UnknownToThem
        };
        if there != here && ours.sheets(1) != Count::ZERO {
            let effect = Count::only_denominator(there - here);
            result.add_counted(cause, (there - here).abs(), vec![(month, effect)]);
        }
    }

    fn unknown_to_us(&mut self, month: Month, result: &mut Reconciliation) {
        let documents: i64 = self.theirs.values().sum();
        if documents != 0 {
            result.add_counted(Cause::UnknownToUs, documents, vec![(month, self.count)]);
        }
        self.expected = self.theirs.clone();
    }

    /// Takes the first assumption under which the month agrees; without one the usual assumption, and what is
    /// left stays.
    fn explain(&mut self, month: Month, ours: &Ours, result: &mut Reconciliation) {
        let usual: Vec<There> = self.sets.iter().map(|set| set.usual).collect();
        let assumptions = assumptions(&usual, &self.sets);
        let exact = assumptions
            .iter()
            .find(|assumption| self.expected_under(assumption) == self.theirs);
        let taken = exact.unwrap_or(&usual);
        for (set, there) in self.sets.iter().zip(taken) {
            let Some(cause) = set.cause else { continue };
            let effect = match there {
                There::Counted => set.theirs - set.ours,
                There::NotCounted => set.ours.reversed(),
            };
            if effect != Count::ZERO {
                result.add_counted(cause, set.size(), vec![(month, effect)]);
            }
        }
        self.expected = self.expected_under(taken);
        if exact.is_none() {
            self.other_mode(month, ours, result);
        }
    }

    fn expected_under(&self, assumption: &[There]) -> ByClass {
        let mut expected = ByClass::new();
        for (set, there) in self.sets.iter().zip(assumption) {
            match there {
                There::Counted => {
                    for (class, units) in &set.classes {
                        *expected.entry(*class).or_default() += units;
                    }
                }
                There::NotCounted => {}
            }
        }
        expected
    }

    /// The same number in all and other classes: the caisse recorded modes differently.
    fn other_mode(&mut self, month: Month, ours: &Ours, result: &mut Reconciliation) {
        let total = |classes: &ByClass| classes.values().sum::<i64>();
        if total(&self.theirs) != total(&self.expected) {
            return;
        }
        let moved = gap(&self.theirs, &self.expected);
        let documents = moved.values().filter(|number| **number > 0).sum();
        let effect = self.count - counted(ours, &self.expected);
        result.add_counted(Cause::OtherMode, documents, vec![(month, effect)]);
        self.expected = self.theirs.clone();
    }

    /// A month of which the caisse has nothing electronic.
    fn unknown_to_them(&self, month: Month, ours: &Ours, result: &mut Reconciliation) {
        let expected: i64 = self.expected.values().sum();
        if self.theirs.is_empty() && expected > 0 {
            let effect = counted(ours, &self.expected).reversed();
            result.add_counted(Cause::UnknownToThem, expected, vec![(month, effect)]);
        }
    }
}

impl Set {
    fn size(&self) -> i64 {
        self.classes.values().sum()
    }
}

/// What may have become of units of a standing, and whether the caisse then has them.
fn fate(standing: Standing) -> (Option<Cause>, There) {
    match standing {
        Standing::Open | Standing::InLot => (Some(Cause::NotYetAnswered), There::NotCounted),
        Standing::Refused | Standing::Lapsed => (Some(Cause::Refused), There::NotCounted),
        Standing::Rejected => (Some(Cause::RejectedLater), There::Counted),
        Standing::ByHand => (Some(Cause::OtherRoute), There::Counted),
        Standing::Acknowledged
        | Standing::Paid
        | Standing::PartPaid
        | Standing::Unsettled
        | Standing::OnPaper
        | Standing::Cancelled
        | Standing::Replaced
        | Standing::Granted
        | Standing::Declined => (None, There::Counted),
    }
}

/// The usual assumption, and then each that one set with a cause is otherwise than usual.
fn assumptions(usual: &[There], sets: &[Set]) -> Vec<Vec<There>> {
    let mut found = vec![usual.to_vec()];
    for (index, set) in sets.iter().enumerate() {
        if set.cause.is_some() {
            let mut other = usual.to_vec();
            other[index] = other[index].turned();
            found.push(other);
        }
    }
    found
}

impl There {
    fn turned(self) -> There {
        match self {
            There::Counted => There::NotCounted,
            There::NotCounted => There::Counted,
        }
    }
}

/// What one side has more of each class than the other.
fn gap(more: &ByClass, less: &ByClass) -> ByClass {
    let mut gap = more.clone();
    for (class, number) in less {
        *gap.entry(*class).or_default() -= number;
    }
    gap.retain(|_, number| *number != 0);
    gap
}

/// What is missing in one month, class by class, and too much in the next: counted in another period.
fn exchanged(ours: &Ours, months: &mut BTreeMap<Month, Side>, result: &mut Reconciliation) {
    let order: Vec<Month> = months.keys().copied().collect();
    for month in order {
        let next = month.next();
        let (Some(here), Some(there)) = (months.get(&month), months.get(&next)) else {
            continue;
        };
        let missing = gap(&here.expected, &here.theirs);
        let more = gap(&there.theirs, &there.expected);
        if missing.is_empty() || missing != more || missing.values().any(|number| *number < 0) {
            continue;
        }
        let count = counted(ours, &missing);
        let effects = vec![(month, count.reversed()), (next, count)];
        result.add_counted(Cause::OtherPeriod, missing.values().sum(), effects);
        for month in [month, next] {
            if let Some(side) = months.get_mut(&month) {
                side.expected = side.theirs.clone();
            }
        }
    }
}

/// What electronic documents of these classes add, of whichever kind the policy counts.
fn counted(ours: &Ours, classes: &ByClass) -> Count {
    let counting = &ours.counting;
    let mut count = Count::ZERO;
    for (class, units) in classes {
        let mut kinds = counting.kinds.iter().filter(|kind| class.fits(**kind));
        let one = kinds.next().map(|kind| of_class(counting, *kind, *class));
        count += one.unwrap_or_default().times(*units);
    }
    count
}
