//! Forecasts of small years written by hand.

use super::year::least;
use super::*;
use crate::claims::agreement::Comparator;
use crate::claims::agreement::tests::{agreement, day, id};
use crate::claims::document::{Exclusions, Kind, Mode};
use crate::claims::id::{Amo, Destination, Finess, Name};
use crate::claims::loss::Cause;
use crate::claims::registry::{Category, Centre};
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

/// All of 2026.
fn whole() -> Working {
    Working {
        first: day("2026-01-01"),
        last: day("2026-12-31"),
    }
}

fn at_least(upper: u32, lower: u32) -> Threshold {
    Threshold {
        comparator: Comparator::AtLeast,
        fraction: (upper, lower),
    }
}

fn of(counts: &Counts, threshold: Threshold, until: &str) -> Forecast {
    within(counts, threshold, whole(), until).unwrap()
}

fn within(
    counts: &Counts,
    threshold: Threshold,
    working: Working,
    until: &str,
) -> Option<Forecast> {
    let policy = agreement("a", "2026-01-01");
    let thresholds = [(id("reference"), threshold)];
    forecast(
        &policy.counting,
        &thresholds,
        counts,
        (CALENDAR, working),
        day(until),
    )
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
    let half = at_least(1, 2);
    let none = within(&Counts::default(), half, whole(), "2026-05-01");
    assert_eq!(none, None);
    let mut waiting = Counts::default();
    waiting.add_units(cell("2026-01-02", Standing::InLot, Mode::Secured), 50);
    assert_eq!(within(&waiting, half, whole(), "2026-01-02"), None);
    waiting.add_units(cell("2026-01-02", Standing::Paid, Mode::Secured), 1);
    let answered = within(&waiting, half, whole(), "2026-01-02").unwrap();
    assert_eq!((answered.pace, answered.waiting), (WHOLE, 50));
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

fn version(from: &str, until: Option<&str>) -> Centre {
    Centre {
        finess: Finess::parse("750712184").unwrap(),
        name: "Centre".into(),
        category: Category::Medical,
        gestionnaire: Name::parse("750000028").unwrap(),
        caisse: Amo::new("01", "751", "0000").unwrap(),
        region: Region::Metropole,
        agreement: id("a"),
        from: day(from),
        until: until.map(day),
    }
}

#[test]
fn a_centre_works_from_its_beginning_to_its_end() {
    let counting = agreement("a", "2026-01-01").counting;
    let on = |days: &[&str]| {
        let mut counts = Counts::default();
        for text in days {
            counts.add_units(cell(text, Standing::Paid, Mode::Secured), 1);
        }
        counts
    };
    let open = || vec![version("2020-01-01", None)];
    let year = ("2026-01-01", "2026-12-31");
    for (what, versions, active, expected) in [
        (
            "there before",
            open(),
            on(&["2025-03-02", "2026-02-03"]),
            year,
        ),
        (
            "the gateway began within the year",
            open(),
            on(&["2026-09-03", "2026-09-04"]),
            ("2026-09-03", year.1),
        ),
        ("nothing yet", open(), on(&[]), year),
        (
            "registered within the year",
            vec![version("2026-09-01", None)],
            on(&["2026-09-20"]),
            ("2026-09-01", year.1),
        ),
        (
            "another category within the year",
            vec![version("2020-01-01", None), version("2026-05-01", None)],
            on(&["2025-03-02"]),
            year,
        ),
        (
            "closes within the year",
            vec![
                version("2020-01-01", None),
                version("2026-05-01", Some("2026-10-31")),
            ],
            on(&["2025-03-02"]),
            (year.0, "2026-10-31"),
        ),
        (
            "closed before",
            vec![version("2020-01-01", Some("2025-10-31"))],
            on(&["2025-03-02", "2026-01-05"]),
            (year.0, "2025-10-31"),
        ),
    ] {
        let found = Working::in_year(&versions, &counting, &active, day("2026-09-30"));
        let (first, last) = expected;
        let expected = Working {
            first: day(first),
            last: day(last),
        };
        assert_eq!(found, expected, "{what}");
    }
}

/// 500 of 1 000 in its first month: the months before say nothing of its pace.
#[test]
fn a_centre_that_began_in_september_is_not_slow() {
    let mut counts = Counts::default();
    counts.add_units(cell("2026-09-10", Standing::Paid, Mode::Secured), 500);
    counts.add_units(cell("2026-09-10", Standing::Refused, Mode::Secured), 500);
    let began = Working {
        first: day("2026-09-01"),
        ..whole()
    };
    let found = within(&counts, at_least(7, 10), began, "2026-09-30").unwrap();
    // 22 working days passed, 64 remain.
    assert_eq!(found.coming, 1_000 * 64 / 22);
    assert!(matches!(
        found.thresholds[0].outlook,
        Outlook::PossibleUntil(_)
    ));

    let ends = Working {
        last: day("2026-10-31"),
        ..began
    };
    let found = within(&counts, at_least(7, 10), ends, "2026-09-30").unwrap();
    assert_eq!(found.coming, 1_000 * 22 / 22);
    let october = Month::parse("2026-10").unwrap();
    let needed = (found.thresholds[0].documents, found.thresholds[0].outlook);
    assert_eq!(needed, (900, Outlook::PossibleUntil(october)));

    let gone = Working {
        last: day("2026-09-15"),
        ..began
    };
    let found = within(&counts, at_least(7, 10), gone, "2026-09-30").unwrap();
    assert_eq!((found.coming, found.end), (0, found.so_far));
}
