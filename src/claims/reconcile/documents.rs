//! Document by document: each row of the caisse is matched with one unit of ours, by any number of its line.
//!
//! Three rounds, each over what the round before left: kind and number; number alone, because the caisse may
//! have recorded another kind; and paper without a number, which can only be counted.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::document::Kind;
use crate::claims::id::Number;
use crate::claims::reconcile::Reconciliation;
use crate::claims::reconcile::bridge::{Count, Difference, of_class};
use crate::claims::reconcile::cause::Cause;
use crate::claims::reconcile::figures::{DocumentRow, Figures, Month};
use crate::claims::reconcile::ours::{Ours, Unit};
use crate::claims::standing::Standing;
use crate::claims::tally::Lateness;

/// Compares one centre document by document; without rows every unit is one that the caisse does not have.
pub(super) fn compare(ours: &Ours, theirs: &Figures, result: &mut Reconciliation) {
    let matched = Matched::of(ours, theirs);
    let mut found = Found { ours, result };
    for (unit, rows) in ours.units.iter().zip(&matched.rows) {
        match rows.split_first() {
            None => found.missing_there(unit),
            Some((first, others)) => {
                found.on_both_sides(unit, first);
                for row in others {
                    found.there(Cause::Duplicate, Some(unit), row);
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    for row in &matched.strangers {
        let again = row
            .number
            .is_some_and(|number| !seen.insert((row.kind, number)));
        found.there(
            if again {
                Cause::Duplicate
            } else {
                Cause::UnknownToUs
            },
            None,
            row,
        );
    }
    found.sheets(&matched);
}

/// Which rows belong to which unit.
struct Matched<'a> {
    /// Rows of each unit, the one it is compared with first.
    rows: Vec<Vec<&'a DocumentRow>>,
    /// Electronic rows that belong to no unit.
    strangers: Vec<&'a DocumentRow>,
    /// Paper rows that belong to no unit.
    paper: Vec<&'a DocumentRow>,
}

impl<'a> Matched<'a> {
    fn of(ours: &Ours, theirs: &'a Figures) -> Matched<'a> {
        let mut exact: BTreeMap<(Kind, Number), usize> = BTreeMap::new();
        let mut loose: BTreeMap<Number, usize> = BTreeMap::new();
        for (index, unit) in ours.units.iter().enumerate() {
            for (kind, number) in &unit.numbers {
                exact.insert((*kind, *number), index);
                loose.entry(*number).or_insert(index);
            }
        }
        let mut rows: Vec<Vec<&DocumentRow>> = vec![Vec::new(); ours.units.len()];
        let mut left = Vec::new();
        for row in sorted(&theirs.documents) {
            let unit = row.number.and_then(|number| exact.get(&(row.kind, number)));
            match unit {
                Some(unit) => rows[*unit].push(row),
                None => left.push(row),
            }
        }
        let (mut strangers, mut paper) = (Vec::new(), Vec::new());
        for row in left {
            let unit = row.number.and_then(|number| loose.get(&number));
            match unit.filter(|unit| rows[**unit].is_empty()) {
                Some(unit) => rows[*unit].push(row),
                None if row.class.is_electronic() => strangers.push(row),
                None => paper.push(row),
            }
        }
        for (unit, rows) in ours.units.iter().zip(&mut rows) {
            rows.sort_by_key(|row| distance(unit, row));
        }
        Matched {
            rows,
            strangers,
            paper,
        }
    }
}

/// The order of the file must not matter.
fn sorted(rows: &[DocumentRow]) -> Vec<&DocumentRow> {
    let mut rows: Vec<&DocumentRow> = rows.iter().collect();
    rows.sort_by_key(|row| (row.number, row.kind, row.day, row.class, row.line));
    rows
}

/// How far a row is from being the latest document of the unit, as we have it.
fn distance(unit: &Unit, row: &DocumentRow) -> (bool, bool, bool, u32) {
    let latest = unit.numbers.last().map(|(_, number)| *number);
    (
        row.number != latest,
        row.class != unit.class(),
        row.month() != Month::of(unit.day),
        row.line,
    )
}

struct Found<'a> {
    ours: &'a Ours,
    result: &'a mut Reconciliation,
}

impl Found<'_> {
    /// We have it and the caisse does not.
    fn missing_there(&mut self, unit: &Unit) {
        let count = unit.count(&self.ours.counting);
        if count == Count::ZERO || unit.may_be_a_sheet(&self.ours.counting) {
            return;
        }
        let effects = vec![(Month::of(unit.day), count.reversed())];
        self.add(why_missing(unit), Some(unit), None, effects);
    }

    /// Both sides have it: first the month, then the count, then the time.
    fn on_both_sides(&mut self, unit: &Unit, row: &DocumentRow) {
        let counting = &self.ours.counting;
        let (mine, theirs) = (
            unit.count(counting),
            of_class(counting, row.kind, row.class),
        );
        let (here, there) = (Month::of(unit.day), row.month());
        if here != there && mine != Count::ZERO {
            let effects = vec![(here, mine.reversed()), (there, mine)];
            self.add(Cause::OtherPeriod, Some(unit), Some(row), effects);
        }
        let effects = vec![(there, theirs - mine)];
        if theirs != mine {
            let cause = why_other(unit, row, self.ours);
            self.add(cause, Some(unit), Some(row), effects);
        } else if unit.is_transmitted(counting) && row.class != unit.class() {
            // Another class in which the unit counts the same.
            self.add(Cause::OtherMode, Some(unit), Some(row), effects);
        }
        if mine != Count::ZERO && is_late_on_one_side(unit, row) {
            self.add(Cause::LateOnOneSide, Some(unit), Some(row), Vec::new());
        }
    }

    /// The caisse has it, and no unit is left to compare it with.
    fn there(&mut self, cause: Cause, unit: Option<&Unit>, row: &DocumentRow) {
        let count = of_class(&self.ours.counting, row.kind, row.class);
        self.add(cause, unit, Some(row), vec![(row.month(), count)]);
    }

    /// Paper: the caisse's sheets against declared sheets and paper duplicates that it did not name.
    fn sheets(&mut self, matched: &Matched<'_>) {
        let counting = &self.ours.counting;
        let mut months: BTreeMap<Month, (i64, Vec<&DocumentRow>)> = BTreeMap::new();
        for row in &matched.paper {
            if of_class(counting, row.kind, row.class) != Count::ZERO {
                months.entry(row.month()).or_default().1.push(row);
            }
        }
        for (unit, rows) in self.ours.units.iter().zip(&matched.rows) {
            if rows.is_empty() && unit.may_be_a_sheet(&self.ours.counting) {
                months.entry(Month::of(unit.day)).or_default().0 += 1;
            }
        }
        for (day, sheets) in &self.ours.paper {
            let counted = self.ours.sheets(*sheets).denominator;
            months.entry(Month::of(*day)).or_default().0 += counted;
        }
        for (month, (here, rows)) in months {
            self.sheets_of(month, here, &rows);
        }
    }

    /// Sheets cannot be told apart, so the difference of a month names none, unless all of them are new.
    fn sheets_of(&mut self, month: Month, here: i64, rows: &[&DocumentRow]) {
        let there = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        if here == 0 {
            for row in rows {
                self.there(Cause::PaperOnlyThere, None, row);
            }
            return;
        }
        let cause = match there.cmp(&here) {
            std::cmp::Ordering::Equal => return,
            std::cmp::Ordering::Greater => Cause::PaperOnlyThere,
            std::cmp::Ordering::Less => Cause::UnknownToThem,
        };
        self.result.add_counted(
            cause,
            (there - here).abs(),
            vec![(month, Count::only_denominator(there - here))],
        );
    }

    fn add(
        &mut self,
        cause: Cause,
        unit: Option<&Unit>,
        row: Option<&DocumentRow>,
        effects: Vec<(Month, Count)>,
    ) {
        let own = unit.and_then(|unit| unit.numbers.last().copied());
        let named = row.and_then(|row| Some((row.kind, row.number?)));
        self.result.add(Difference {
            cause,
            documents: 1,
            ours: unit.map(|unit| unit.latest),
            number: named.or(own),
            theirs: row.map(|row| (row.class, row.day, row.line)),
            effects,
        });
    }
}

impl Reconciliation {
    /// Records a difference and its step.
    pub(super) fn add(&mut self, difference: Difference) {
        self.bridge.step(difference.cause, &difference.effects);
        self.differences.push(difference);
    }

    /// Records a difference that names no document.
    pub(super) fn add_counted(
        &mut self,
        cause: Cause,
        documents: i64,
        effects: Vec<(Month, Count)>,
    ) {
        self.add(Difference {
            cause,
            documents,
            ours: None,
            number: None,
            theirs: None,
            effects,
        });
    }
}

/// Why the caisse does not have a unit that we count.
pub(super) fn why_missing(unit: &Unit) -> Cause {
    match unit.standing {
        Standing::Open | Standing::InLot => Cause::NotYetAnswered,
        Standing::Refused | Standing::Lapsed => Cause::Refused,
        Standing::Rejected => Cause::RejectedLater,
        Standing::Acknowledged
        | Standing::Paid
        | Standing::PartPaid
        | Standing::Unsettled
        | Standing::OnPaper
        | Standing::ByHand
        | Standing::Cancelled
        | Standing::Replaced
        | Standing::Granted
        | Standing::Declined => Cause::UnknownToThem,
    }
}

/// Why a unit that both sides have counts otherwise there.
fn why_other(unit: &Unit, row: &DocumentRow, ours: &Ours) -> Cause {
    if unit.is_excluded(&ours.counting) {
        return Cause::Excluded;
    }
    if !row.class.is_electronic() {
        return match unit.standing {
            // It was cancelled here, and went on paper.
            Standing::Cancelled => Cause::OtherRoute,
            Standing::Open
            | Standing::InLot
            | Standing::Acknowledged
            | Standing::Refused
            | Standing::Paid
            | Standing::PartPaid
            | Standing::Rejected
            | Standing::Unsettled
            | Standing::OnPaper
            | Standing::ByHand
            | Standing::Replaced
            | Standing::Lapsed
            | Standing::Granted
            | Standing::Declined => Cause::OtherMode,
        };
    }
    match unit.standing {
        Standing::InLot => Cause::NotYetAnswered,
        Standing::Refused | Standing::Lapsed => Cause::Refused,
        // What never left here came there without us.
        Standing::Open | Standing::ByHand | Standing::Cancelled => Cause::OtherRoute,
        Standing::Rejected if !unit.is_transmitted(&ours.counting) => Cause::RejectedLater,
        Standing::Rejected
        | Standing::Acknowledged
        | Standing::Paid
        | Standing::PartPaid
        | Standing::Unsettled
        | Standing::OnPaper
        | Standing::Replaced
        | Standing::Granted
        | Standing::Declined => Cause::OtherMode,
    }
}

/// Whether the caisse's own day of reception says otherwise than our proof about the deadline.
fn is_late_on_one_side(unit: &Unit, row: &DocumentRow) -> bool {
    let (Some(received), Some(deadline), true) =
        (row.received, unit.deadline, row.class.is_electronic())
    else {
        return false;
    };
    let late_there = received > deadline;
    match unit.late {
        Lateness::InTime => late_there,
        Lateness::Late => !late_there,
        Lateness::Unproven => false,
    }
}
