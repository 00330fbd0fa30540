//! Where the year of a centre ends at the present pace, and what it would take to reach a threshold.
//!
//! The method is the *mean method* (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed.,
//! §5.2): every coming month is forecast by the mean of the months so far, weighted by their documents, and the
//! spread is Student's 80 % interval of that mean over the months to come. It is chosen because most centres have
//! one year or less behind them, so a seasonal method has nothing to repeat, and because the share moves about a
//! level far more than along a slope: a drift fitted to a few months runs away from it. The coming number of
//! documents is the pace so far per working day times the working days that remain.
//!
//! Documents that wait for their receipt are forecast like coming ones: they would otherwise pull the last days
//! down. Counts are integers; shares are millionths, cut off; what a threshold needs is exact for the forecast
//! number of documents. A forecast is no statement of a rate.

use std::collections::BTreeMap;

use crate::claims::agreement::{Comparator, Counting, PaperSheets, Threshold};
use crate::claims::calendar::Calendar;
use crate::claims::document::{AgreementId, Mode};
use crate::claims::fraction::Fraction;
use crate::claims::period::Period;
use crate::claims::place::{Place, Transmitted, place};
use crate::claims::reconcile::bridge::Count;
use crate::claims::reconcile::figures::Month;
use crate::claims::standing::Standing;
use crate::claims::tally::{Cell, Counts};
use crate::claims::time::Day;

/// The unit of shares here: a whole is a million.
pub const WHOLE: i64 = 1_000_000;

/// The name of the method, in answers.
pub const METHOD: &str = "mean method, 80 % Student interval";

/// Student's 90th percentile in thousandths by degrees of freedom from 1: an 80 % interval on both sides.
const STUDENT: [i128; 11] = [
    3_078, 1_886, 1_638, 1_533, 1_476, 1_440, 1_415, 1_397, 1_383, 1_372, 1_363,
];

/// Where the year ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// Up to which day documents are counted.
    pub until: Day,
    /// The year so far.
    pub so_far: Count,
    /// Of these, waiting for their receipt.
    pub waiting: i64,
    /// Documents still to come.
    pub coming: i64,
    /// The share of coming documents that reach the numerator, in millionths.
    pub pace: i64,
    /// The year as it ends.
    pub end: Count,
    /// Where the year's share lies with 80 %, in millionths; none with fewer than two months of activity.
    pub spread: Option<(i64, i64)>,
    /// What each threshold needs.
    pub thresholds: Vec<Need>,
    /// What keeps documents out of the numerator, the dearest first: they sum to all that is missing.
    pub losses: Vec<Loss>,
}

/// What reaching one threshold needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The agreement or reference policy that sets it.
    pub policy: AgreementId,
    /// The threshold.
    pub threshold: Threshold,
    /// How many of the waiting and coming documents must reach the numerator.
    pub documents: i64,
    /// Whether and when it can no longer be reached.
    pub outlook: Outlook,
}

/// Whether a threshold can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// At the present pace it is.
    OnCourse,
    /// Not at the present pace, but if more documents are electronic from now on; after the end of this month no
    /// longer.
    PossibleUntil(Month),
    /// Not even if every coming document is.
    Impossible,
}

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
    /// A paper duplicate after a failed transmission.
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

/// The counts of one month.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    numerator: i64,
    /// Without those that wait.
    denominator: i64,
}

/// The forecast of a centre for the year of `until`; none where nothing was counted yet.
pub fn forecast(
    counting: &Counting,
    thresholds: &[(AgreementId, Threshold)],
    counts: &Counts,
    calendar: Calendar,
    until: Day,
) -> Option<Forecast> {
    let year = Year::of(counting, counts, until)?;
    let coming = coming(year.so_far.denominator, calendar, until);
    let open = coming + year.waiting;
    let pace = year.pace();
    let end = Count {
        numerator: year.so_far.numerator + share_of(pace, open),
        denominator: year.so_far.denominator + coming,
    };
    let spread = year.spread(open, end.denominator);
    let needs = thresholds.iter().map(|(policy, threshold)| {
        let (documents, outlook) = year.need(*threshold, end, open, (calendar, until));
        Need {
            policy: policy.clone(),
            threshold: *threshold,
            documents,
            outlook,
        }
    });
    Some(Forecast {
        until,
        so_far: year.so_far,
        waiting: year.waiting,
        coming,
        pace,
        end,
        spread,
        thresholds: needs.collect(),
        losses: year.losses(),
    })
}

/// The year so far.
struct Year {
    so_far: Count,
    waiting: i64,
    months: Vec<Seen>,
    losses: BTreeMap<Cause, i64>,
}

impl Year {
    fn of(counting: &Counting, counts: &Counts, until: Day) -> Option<Year> {
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
        (year.so_far.denominator > 0).then_some(year)
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
    fn pace(&self) -> i64 {
        let share = Fraction::new(self.so_far.numerator, self.known());
        share.map_or(0, |share| {
            millionths(share.numerator(), share.denominator())
        })
    }

    /// The interval of the year's share: that of the open documents, weighed against what is known.
    fn spread(&self, open: i64, end: i64) -> Option<(i64, i64)> {
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

    fn need(
        &self,
        threshold: Threshold,
        end: Count,
        open: i64,
        (calendar, until): (Calendar, Day),
    ) -> (i64, Outlook) {
        let least = least(threshold, end.denominator);
        let documents = (least - self.so_far.numerator).max(0);
        let outlook = if end.numerator >= least {
            Outlook::OnCourse
        } else if documents > open {
            Outlook::Impossible
        } else {
            Outlook::PossibleUntil(self.last_month(documents, open, (calendar, until)))
        };
        (documents, outlook)
    }

    /// The first month after whose end it is too late, if the present pace goes on until then.
    fn last_month(&self, documents: i64, open: i64, (calendar, until): (Calendar, Day)) -> Month {
        let year_end = Period::year_of(until).to();
        let whole = i64::from(calendar.working_days_between(until, year_end)).max(1);
        let mut month = Month::of(until);
        loop {
            let last = month
                .next()
                .first_day()
                .map_or(year_end, |first| first.plus_days(-1));
            let passed = i64::from(calendar.working_days_between(until, last));
            let gone = i64::try_from(i128::from(open) * i128::from(passed) / i128::from(whole));
            let gone = gone.unwrap_or(open);
            let reachable = share_of(self.pace(), gone) + (open - gone);
            if reachable < documents || last >= year_end {
                return month;
            }
            month = month.next();
        }
    }

    fn losses(&self) -> Vec<Loss> {
        let lost = self.losses.iter().filter(|(_, documents)| **documents != 0);
        let mut losses: Vec<Loss> = lost
            .map(|(cause, documents)| Loss {
                cause: *cause,
                documents: *documents,
            })
            .collect();
        losses.sort_by_key(|loss| (-loss.documents, loss.cause));
        losses
    }
}

/// What a unit is to the numerator.
#[derive(Clone, Copy)]
enum Fate {
    Counted,
    Waits,
    Lost(Cause),
}

impl Fate {
    /// None for a unit that is not in the denominator.
    fn of(counting: &Counting, cell: &Cell) -> Option<Fate> {
        let counted = match place(counting, cell) {
            Place::Elsewhere | Place::Cancelled | Place::Excluded(_) => return None,
            Place::Counted(counted) => counted,
        };
        match counted.transmitted {
            Transmitted::Numerator => return Some(Fate::Counted),
            Transmitted::Apart => return Some(Fate::Lost(Cause::Mode(cell.mode))),
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

impl Forecast {
    /// The year's share as it ends; what the metric shows.
    pub fn share(&self) -> Option<Fraction> {
        self.end.share()
    }
}

/// Documents to come by the end of the year: the pace so far per working day, for the working days that remain.
fn coming(so_far: i64, calendar: Calendar, until: Day) -> i64 {
    let year = Period::year_of(until);
    let passed = calendar
        .working_days_between(year.from().plus_days(-1), until)
        .max(1);
    let left = calendar.working_days_between(until, year.to());
    let coming = i128::from(so_far) * i128::from(left) / i128::from(passed);
    i64::try_from(coming).unwrap_or(i64::MAX)
}

/// The least numerator over a denominator that reaches a threshold; one more than all where none does.
fn least(threshold: Threshold, denominator: i64) -> i64 {
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

fn share_of(pace: i64, documents: i64) -> i64 {
    let part = i128::from(pace) * i128::from(documents) / i128::from(WHOLE);
    i64::try_from(part).unwrap_or(documents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::agreement::tests::{agreement, day, id};
    use crate::claims::document::{Exclusions, Kind};
    use crate::claims::id::{Amo, Destination, Finess};
    use crate::claims::standing::Receipted;
    use crate::claims::tally::{DayBasis, Lateness, PaperCell};
    use crate::claims::terms::{DayCount, Region};

    const CALENDAR: Calendar = Calendar {
        region: Region::Metropole,
        count: DayCount::Ouvres,
    };

    fn cell(text: &str, standing: Standing, mode: Mode) -> Cell {
        Cell {
            basis: DayBasis::Clock,
            centre: Finess::parse("750712184").unwrap(),
            day: day(text),
            kind: Kind::Fse,
            mode,
            destination: Destination::Amo(Amo::new("01", "751", "0000").unwrap()),
            standing,
            receipted: match standing {
                Standing::Paid => Receipted::Yes,
                _ => Receipted::No,
            },
            late: Lateness::Unproven,
            exclusions: Exclusions::NONE,
        }
    }

    fn at_least(upper: u32, lower: u32) -> Threshold {
        Threshold {
            comparator: Comparator::AtLeast,
            fraction: (upper, lower),
        }
    }

    fn of(counts: &Counts, threshold: Threshold, until: &str) -> Forecast {
        let policy = agreement("a", "2026-01-01");
        let thresholds = [(id("reference"), threshold)];
        let found = forecast(&policy.counting, &thresholds, counts, CALENDAR, day(until));
        found.unwrap()
    }

    /// `good` and `bad` documents in each month up to one.
    fn months(last: u32, good: i64, bad: i64) -> Counts {
        let mut counts = Counts::default();
        for month in 1..=last {
            let text = format!("2026-{month:02}-10");
            counts.add_units(cell(&text, Standing::Paid, Mode::Secured), good);
            counts.add_units(cell(&text, Standing::Refused, Mode::Secured), bad);
        }
        counts
    }

    #[test]
    fn an_even_year_ends_as_it_went() {
        let found = of(&months(6, 70, 30), at_least(7, 10), "2026-06-30");
        assert_eq!(
            found.so_far,
            Count {
                numerator: 420,
                denominator: 600
            }
        );
        assert_eq!(found.pace, 700_000);
        // 125 working days passed, 129 remain.
        assert_eq!(found.coming, 600 * 129 / 123);
        let (low, high) = found.spread.unwrap();
        assert!(
            low <= high && (695_000..=700_000).contains(&low),
            "{low} {high}"
        );
        assert!(
            found
                .losses
                .iter()
                .all(|loss| loss.cause == Cause::Refused && loss.documents == 180)
        );
    }

    #[test]
    fn what_a_threshold_needs_is_exact() {
        for (threshold, denominator, expected) in [
            (at_least(7, 10), 10, 7),
            (at_least(7, 10), 11, 8),
            (at_least(2, 3), 9, 6),
            (
                Threshold {
                    comparator: Comparator::MoreThan,
                    fraction: (2, 3),
                },
                9,
                7,
            ),
            (
                Threshold {
                    comparator: Comparator::MoreThan,
                    fraction: (2, 3),
                },
                10,
                7,
            ),
            (at_least(0, 1), 10, 0),
            (at_least(1, 1), 10, 10),
        ] {
            let found = least(threshold, denominator);
            assert_eq!(found, expected, "{threshold} of {denominator}");
            let reached = |n| threshold.is_reached_by(Fraction::new(n, denominator).unwrap());
            assert!(reached(found) && (found == 0 || !reached(found - 1)));
        }
    }

    #[test]
    fn the_outlook_by_table() {
        for (good, bad, until, expected) in [
            (80, 20, "2026-06-30", Outlook::OnCourse),
            (
                60,
                40,
                "2026-06-30",
                Outlook::PossibleUntil(Month::parse("2026-10").unwrap()),
            ),
            (10, 90, "2026-09-30", Outlook::Impossible),
        ] {
            let last = day(until).month();
            let found = of(&months(last, good, bad), at_least(7, 10), until);
            assert_eq!(
                found.thresholds[0].outlook, expected,
                "{good} {bad} {until}"
            );
        }
    }

    #[test]
    fn losses_sum_to_all_that_is_missing_and_the_dearest_is_first() {
        let mut counts = months(2, 50, 3);
        for (standing, mode, number) in [
            (Standing::InLot, Mode::Secured, 4),
            (Standing::OnPaper, Mode::Secured, 2),
            (Standing::ByHand, Mode::Secured, 1),
            (Standing::Cancelled, Mode::Secured, 9),
            (Standing::Paid, Mode::Degraded, 20),
        ] {
            counts.add_units(cell("2026-02-11", standing, mode), number);
        }
        let sheets = PaperCell {
            centre: Finess::parse("750712184").unwrap(),
            day: day("2026-02-11"),
            caisse: Some(Amo::new("01", "751", "0000").unwrap()),
        };
        counts.add_paper(sheets, 10);
        let found = of(&counts, at_least(7, 10), "2026-02-28");
        let causes: Vec<_> = found
            .losses
            .iter()
            .map(|loss| (loss.cause, loss.documents))
            .collect();
        let expected = [
            (Cause::Mode(Mode::Degraded), 20),
            (Cause::Paper, 10),
            (Cause::Refused, 6),
            (Cause::Unanswered, 4),
            (Cause::PaperDuplicate, 2),
            (Cause::ByHand, 1),
        ];
        assert_eq!(causes, expected);
        let lost: i64 = found.losses.iter().map(|loss| loss.documents).sum();
        assert_eq!(found.so_far.numerator + lost, found.so_far.denominator);
        assert_eq!(found.waiting, 4);
    }

    #[test]
    fn nothing_counted_is_no_forecast_and_one_month_has_no_spread() {
        let policy = agreement("a", "2026-01-01");
        let none = forecast(
            &policy.counting,
            &[],
            &Counts::default(),
            CALENDAR,
            day("2026-05-01"),
        );
        assert_eq!(none, None);
        assert_eq!(
            of(&months(1, 5, 5), at_least(7, 10), "2026-01-31").spread,
            None
        );
    }

    #[test]
    fn the_last_day_of_the_year_has_nothing_to_come() {
        let found = of(&months(12, 70, 30), at_least(7, 10), "2026-12-31");
        assert_eq!((found.coming, found.end), (0, found.so_far));
        assert_eq!(found.spread, Some((700_000, 700_000)));
        assert_eq!(found.thresholds[0].outlook, Outlook::OnCourse);
    }
}
