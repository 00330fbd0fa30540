//! Forecasts of small years written by hand.

use super::year::least;
use super::*;
use crate::claims::agreement::Comparator;
use crate::claims::agreement::tests::{agreement, day, id};
use crate::claims::document::{Exclusions, Kind, Mode};
use crate::claims::id::{Amo, Destination, Finess};
use crate::claims::loss::Cause;
use crate::claims::standing::{Receipted, Standing};
use crate::claims::tally::{Cell, DayBasis, Lateness, PaperCell};
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
