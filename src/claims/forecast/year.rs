//! The year of a centre so far: what was counted by month, its pace, and what keeps documents out of the numerator.

use std::collections::BTreeMap;

use crate::claims::agreement::{Comparator, Counting, PaperSheets, Threshold};
use crate::claims::calendar::Calendar;
use crate::claims::forecast::{Outlook, WHOLE};
use crate::claims::fraction::Fraction;
use crate::claims::loss::{self, Cause, Fate, Loss};
use crate::claims::period::Period;
use crate::claims::reconcile::bridge::Count;
use crate::claims::reconcile::figures::Month;
use crate::claims::tally::Counts;
use crate::claims::time::Day;

/// Student's 90th percentile in thousandths by degrees of freedom from 1: an 80 % interval on both sides.
const STUDENT: [i128; 11] = [
    3_078, 1_886, 1_638, 1_533, 1_476, 1_440, 1_415, 1_397, 1_383, 1_372, 1_363,
];

/// The counts of one month.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    numerator: i64,
    /// Without those that wait.
    denominator: i64,
}

/// The year so far.
pub(super) struct Year {
    pub(super) so_far: Count,
    pub(super) waiting: i64,
    months: Vec<Seen>,
    losses: BTreeMap<Cause, i64>,
}

impl Year {
    /// The year up to a day; none where the fate of nothing is known.
    pub(super) fn of(counting: &Counting, counts: &Counts, until: Day) -> Option<Year> {
        let period = Period::year_to_date(until);
        let mut year = Year {
            so_far: Count::ZERO,
            waiting: 0,
            months: Vec::new(),
            losses: BTreeMap::new(),
        };
        let mut months: BTreeMap<Month, Seen> = BTreeMap::new();
        let days = (period.from(), period.to());
        for (cell, number) in counts.units(counting.day_basis, days) {
            let Some(fate) = Fate::of(counting, cell) else {
                continue;
            };
            let month = months.entry(Month::of(cell.day)).or_default();
            year.take(fate, *number, month);
        }
        for (cell, sheets) in counts.paper(days) {
            if cell.caisse.is_some() && counting.paper_sheets == PaperSheets::Counted {
                let month = months.entry(Month::of(cell.day)).or_default();
                year.take(Fate::Lost(Cause::Paper), *sheets, month);
            }
        }
        year.months = months
            .into_values()
            .filter(|month| month.denominator > 0)
            .collect();
        (year.known() > 0).then_some(year)
    }

    fn take(&mut self, fate: Fate, number: i64, month: &mut Seen) {
        self.so_far.denominator += number;
        match fate {
            Fate::Counted => {
                self.so_far.numerator += number;
                month.numerator += number;
                month.denominator += number;
            }
            Fate::Waits => {
                self.waiting += number;
                *self.losses.entry(Cause::Unanswered).or_default() += number;
            }
            Fate::Lost(cause) => {
                month.denominator += number;
                *self.losses.entry(cause).or_default() += number;
            }
        }
    }

    /// Documents whose fate is known.
    fn known(&self) -> i64 {
        self.so_far.denominator - self.waiting
    }

    /// The share of known documents that reached the numerator.
    pub(super) fn pace(&self) -> i64 {
        let share = Fraction::new(self.so_far.numerator, self.known());
        share.map_or(0, |share| {
            millionths(share.numerator(), share.denominator())
        })
    }

    /// The interval of the year's share: that of the open documents, weighed against what is known.
    pub(super) fn spread(&self, open: i64, end: i64) -> Option<(i64, i64)> {
        let months = i128::try_from(self.months.len())
            .ok()
            .filter(|months| *months >= 2)?;
        if open == 0 {
            let share = millionths(self.so_far.numerator, end);
            return Some((share, share));
        }
        let (pace, known) = (i128::from(self.pace()), i128::from(self.known()));
        let squares = self.months.iter().map(|month| {
            let gap = i128::from(millionths(month.numerator, month.denominator)) - pace;
            gap * gap * i128::from(month.denominator)
        });
        // The weighted variance of a month, and of the mean of the months to come against the mean so far:
        // s² (1/h + 1/T), where h months to come hold `open` documents at the size of those so far.
        let month = squares.sum::<i128>() / known * months / (months - 1);
        let variance = month * known / (i128::from(open) * months) + month / months;
        let degrees = usize::try_from(months - 2)
            .unwrap_or(0)
            .min(STUDENT.len() - 1);
        let width = variance.isqrt() * STUDENT[degrees] / 1_000;
        let ends = |pace: i128| {
            let pace = i64::try_from(pace.clamp(0, i128::from(WHOLE))).unwrap_or(WHOLE);
            millionths(self.so_far.numerator + share_of(pace, open), end)
        };
        Some((ends(pace - width), ends(pace + width)))
    }

    pub(super) fn need(
        &self,
        threshold: Threshold,
        end: Count,
        open: i64,
        left: (Calendar, Day, Day),
    ) -> (i64, Outlook) {
        let least = least(threshold, end.denominator);
        let documents = (least - self.so_far.numerator).max(0);
        let outlook = if end.numerator >= least {
            Outlook::OnCourse
        } else if documents > open {
            Outlook::Impossible
        } else {
            Outlook::PossibleUntil(self.last_month(documents, open, left))
        };
        (documents, outlook)
    }

    /// The first month after whose end it is too late, if the present pace goes on until then.
    fn last_month(
        &self,
        documents: i64,
        open: i64,
        (calendar, until, end): (Calendar, Day, Day),
    ) -> Month {
        let whole = i64::from(calendar.working_days_between(until, end)).max(1);
        let mut month = Month::of(until);
        loop {
            let last = month
                .next()
                .first_day()
                .map_or(end, |first| first.plus_days(-1).min(end));
            let passed = i64::from(calendar.working_days_between(until, last));
            let gone = i64::try_from(i128::from(open) * i128::from(passed) / i128::from(whole));
            let gone = gone.unwrap_or(open);
            let reachable = share_of(self.pace(), gone) + (open - gone);
            if reachable < documents || last >= end {
                return month;
            }
            month = month.next();
        }
    }

    pub(super) fn losses(&self) -> Vec<Loss> {
        loss::dearest_first(&self.losses)
    }
}

/// The least numerator over a denominator that reaches a threshold; one more than all where none does.
pub(super) fn least(threshold: Threshold, denominator: i64) -> i64 {
    let (upper, lower) = (
        i128::from(threshold.fraction.0),
        i128::from(threshold.fraction.1),
    );
    let whole = i128::from(denominator);
    if lower == 0 {
        return denominator + 1;
    }
    let least = match threshold.comparator {
        Comparator::AtLeast => (whole * upper + lower - 1) / lower,
        Comparator::MoreThan => whole * upper / lower + 1,
    };
    i64::try_from(least).unwrap_or(i64::MAX)
}

fn millionths(numerator: i64, denominator: i64) -> i64 {
    let share = i128::from(numerator) * i128::from(WHOLE) / i128::from(denominator.max(1));
    i64::try_from(share).unwrap_or(WHOLE)
}

pub(super) fn share_of(pace: i64, documents: i64) -> i64 {
    let part = i128::from(pace) * i128::from(documents) / i128::from(WHOLE);
    i64::try_from(part).unwrap_or(documents)
}
