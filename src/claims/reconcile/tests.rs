//! Every cause by table, document by document and by counts; and the bridge sums whatever both sides say.

mod reach;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::claims::agreement::tests::{agreement, day};
use crate::claims::agreement::{PaperSheets, RejectedUnit};
use crate::claims::document::{Exclusion, Exclusions, Kind, Mode};
use crate::claims::id::{DocumentId, Number};
use crate::claims::period::Period;
use crate::claims::reconcile::bridge::Count;
use crate::claims::reconcile::cause::Cause;
use crate::claims::reconcile::figures::{Class, CountRow, DocumentRow, Figures, Month, Months};
use crate::claims::reconcile::ours::{Ours, SplitsClass, Unit, comparable};
use crate::claims::reconcile::{Reconciliation, reconcile};
use crate::claims::standing::{Receipted, Standing};
use crate::claims::tally::Lateness;

/// What each cause explains.
pub(super) type Causes = Vec<(Cause, Count)>;

pub(super) fn year() -> BTreeSet<Month> {
    let year = Months::of(Period::year_of(day("2026-06-15"))).unwrap();
    year.each().collect()
}

pub(super) fn number(n: u32) -> Number {
    Number::parse(&format!("{n:09}")).unwrap()
}

/// Acknowledged, secured, in time, on 10 March.
pub(super) fn unit(n: u32) -> Unit {
    Unit {
        root: DocumentId(n.into()),
        latest: DocumentId(n.into()),
        numbers: vec![(Kind::Fse, number(n))],
        kind: Kind::Fse,
        mode: Mode::Secured,
        day: day("2026-03-10"),
        standing: Standing::Acknowledged,
        receipted: Receipted::Yes,
        late: Lateness::InTime,
        deadline: Some(day("2026-03-20")),
        exclusions: Exclusions::NONE,
        elsewhere: None,
    }
}

pub(super) fn standing(n: u32, standing: Standing, receipted: Receipted) -> Unit {
    Unit {
        standing,
        receipted,
        ..unit(n)
    }
}

/// As the caisse would have [`unit`].
pub(super) fn row(n: u32) -> DocumentRow {
    DocumentRow {
        number: Some(number(n)),
        kind: Kind::Fse,
        day: day("2026-03-10"),
        class: Class::Fse,
        received: None,
        line: n,
    }
}

fn paper_row(line: u32) -> DocumentRow {
    DocumentRow {
        number: None,
        class: Class::Paper,
        ..row(line)
    }
}

pub(super) fn ours(units: Vec<Unit>) -> Ours {
    Ours {
        counting: agreement("a", "2026-01-01").counting,
        units,
        paper: BTreeMap::new(),
    }
}

pub(super) fn documents(rows: Vec<DocumentRow>) -> Figures {
    Figures {
        documents: rows,
        ..Figures::default()
    }
}

pub(super) fn counts(rows: &[(&str, Class, i64)]) -> Figures {
    let rows = rows.iter().map(|(month, class, count)| CountRow {
        month: Month::parse(month).unwrap(),
        kind: Kind::Fse,
        class: *class,
        count: *count,
    });
    Figures {
        counts: rows.collect(),
        ..Figures::default()
    }
}

pub(super) fn count(numerator: i64, denominator: i64) -> Count {
    Count {
        numerator,
        denominator,
    }
}

/// Causes with what they change in the year, and the residual.
pub(super) fn found(result: &Reconciliation) -> (Vec<(Cause, Count)>, Count) {
    for (month, span) in &result.bridge.months {
        assert!(span.sums(), "{month}: {span:?}");
    }
    let total = result.bridge.total();
    assert!(total.sums());
    // Differences that move nothing have no step.
    let steps = result.differences.iter().map(|difference| {
        let inside = difference
            .effects
            .iter()
            .filter(|(m, _)| year().contains(m));
        let sum = inside.fold(Count::ZERO, |sum, (_, effect)| sum + *effect);
        (difference.cause, sum)
    });
    (steps.collect(), total.residual)
}

#[test]
fn each_difference_of_one_document_has_its_cause() {
    use Receipted::{No, Yes};
    let at = |text: &str, row: DocumentRow| DocumentRow {
        day: day(text),
        ..row
    };
    let class = |class, row: DocumentRow| DocumentRow { class, ..row };
    let cases: Vec<(&str, Vec<Unit>, Vec<DocumentRow>, Causes)> = vec![
        ("both agree", vec![unit(1)], vec![row(1)], vec![]),
        (
            "sent, no answer, not there",
            vec![standing(1, Standing::InLot, No)],
            vec![],
            vec![(Cause::NotYetAnswered, count(0, -1))],
        ),
        (
            "sent, no answer, and there",
            vec![standing(1, Standing::InLot, No)],
            vec![row(1)],
            vec![(Cause::NotYetAnswered, count(1, 0))],
        ),
        (
            "refused, not there",
            vec![standing(1, Standing::Refused, No)],
            vec![],
            vec![(Cause::Refused, count(0, -1))],
        ),
        (
            "refused, and counted there",
            vec![standing(1, Standing::Lapsed, No)],
            vec![row(1)],
            vec![(Cause::Refused, count(1, 0))],
        ),
        (
            "refused, then on paper there: both count it alike",
            vec![standing(1, Standing::Refused, No)],
            vec![class(Class::Paper, row(1))],
            vec![],
        ),
        (
            "rejected, and no longer there",
            vec![standing(1, Standing::Rejected, Yes)],
            vec![],
            vec![(Cause::RejectedLater, count(-1, -1))],
        ),
        (
            "counted in April there",
            vec![unit(1)],
            vec![at("2026-04-01", row(1))],
            vec![(Cause::OtherPeriod, count(0, 0))],
        ),
        (
            "counted in January of the next year there",
            vec![unit(1)],
            vec![at("2027-01-02", row(1))],
            vec![(Cause::OtherPeriod, count(-1, -1))],
        ),
        (
            "ours of December before, counted in January there",
            vec![Unit {
                day: day("2025-12-31"),
                ..unit(1)
            }],
            vec![at("2026-01-02", row(1))],
            vec![(Cause::OtherPeriod, count(1, 1))],
        ),
        (
            "secured here, dégradé there",
            vec![unit(1)],
            vec![class(Class::B2, row(1))],
            vec![(Cause::OtherMode, count(-1, 0))],
        ),
        (
            "F and S are one class",
            vec![Unit {
                mode: Mode::WithoutVitale,
                ..unit(1)
            }],
            vec![row(1)],
            vec![],
        ),
        (
            "dégradé here, paper there: the rate is the same, the class is not",
            vec![Unit {
                mode: Mode::Degraded,
                ..unit(1)
            }],
            vec![class(Class::Paper, row(1))],
            vec![(Cause::OtherMode, count(0, 0))],
        ),
        (
            "a DRE of its number there is that of the same care, and no FSE",
            vec![unit(1)],
            vec![DocumentRow {
                kind: Kind::Dre,
                class: Class::Dre,
                ..row(1)
            }],
            vec![
                (Cause::UnknownToThem, count(-1, -1)),
                (Cause::UnknownToUs, count(0, 0)),
            ],
        ),
        (
            "recorded as a PJ there: it leaves their count",
            vec![
                Unit {
                    root: DocumentId(0),
                    kind: Kind::Pec,
                    numbers: vec![(Kind::Pec, number(1))],
                    ..unit(1)
                },
                unit(1),
            ],
            vec![DocumentRow {
                kind: Kind::Pj,
                ..row(1)
            }],
            vec![(Cause::OtherMode, count(-1, -1))],
        ),
        (
            "in time here, received late there",
            vec![unit(1)],
            vec![DocumentRow {
                received: Some(day("2026-03-21")),
                ..row(1)
            }],
            vec![(Cause::LateOnOneSide, count(0, 0))],
        ),
        (
            "late on both sides",
            vec![Unit {
                late: Lateness::Late,
                ..unit(1)
            }],
            vec![DocumentRow {
                received: Some(day("2026-03-21")),
                ..row(1)
            }],
            vec![],
        ),
        (
            "paper that was not declared",
            vec![unit(1)],
            vec![row(1), paper_row(2)],
            vec![(Cause::PaperOnlyThere, count(0, 1))],
        ),
        (
            "counted twice there, under two numbers of one line",
            vec![Unit {
                numbers: vec![(Kind::Fse, number(1)), (Kind::Fse, number(2))],
                ..unit(2)
            }],
            vec![row(1), row(2)],
            vec![(Cause::Duplicate, count(1, 1))],
        ),
        (
            "unknown here, and twice there",
            vec![unit(3)],
            vec![row(3), row(1), row(1)],
            vec![
                (Cause::UnknownToUs, count(1, 1)),
                (Cause::Duplicate, count(1, 1)),
            ],
        ),
        (
            "by hand here, and there",
            vec![standing(1, Standing::ByHand, No)],
            vec![row(1)],
            vec![(Cause::OtherRoute, count(1, 0))],
        ),
        (
            "cancelled here, and there",
            vec![standing(1, Standing::Cancelled, No)],
            vec![row(1)],
            vec![(Cause::OtherRoute, count(1, 1))],
        ),
        (
            "never sealed here, and there",
            vec![standing(1, Standing::Open, No)],
            vec![row(1)],
            vec![(Cause::OtherRoute, count(1, 0))],
        ),
        (
            "acknowledged here, and not there",
            vec![unit(1)],
            vec![],
            vec![(Cause::UnknownToThem, count(-1, -1))],
        ),
        (
            "paper duplicate, on both sides",
            vec![standing(1, Standing::OnPaper, No)],
            vec![class(Class::Paper, row(1))],
            vec![],
        ),
        (
            "paper duplicate, among sheets without number there",
            vec![standing(1, Standing::OnPaper, No)],
            vec![paper_row(9)],
            vec![],
        ),
        (
            "paper duplicate here, electronic there",
            vec![standing(1, Standing::OnPaper, No)],
            vec![row(1)],
            vec![(Cause::OtherMode, count(1, 0))],
        ),
    ];
    for (what, units, rows, expected) in cases {
        let result = reconcile(&ours(units), &documents(rows), &year());
        assert_eq!(found(&result), (expected, Count::ZERO), "{what}");
    }
}

#[test]
fn an_excluded_unit_that_the_caisse_counts_is_named_so() {
    let mut ours = ours(vec![Unit {
        exclusions: Exclusions::NONE.with(Exclusion::StateMedicalAid),
        ..unit(1)
    }]);
    ours.counting.exclusions = Exclusions::NONE.with(Exclusion::StateMedicalAid);
    let result = reconcile(&ours, &documents(vec![row(1)]), &year());
    let expected = vec![(Cause::Excluded, count(1, 1))];
    assert_eq!(found(&result), (expected, Count::ZERO));
}

#[test]
fn declared_sheets_stand_against_sheets_without_number() {
    for (declared, there, expected) in [
        (3, 3, vec![]),
        (1, 3, vec![(Cause::PaperOnlyThere, count(0, 2))]),
        (3, 1, vec![(Cause::UnknownToThem, count(0, -2))]),
    ] {
        let mut ours = ours(vec![]);
        ours.paper = BTreeMap::from([(day("2026-03-02"), declared)]);
        let rows = (1..=there).map(paper_row).collect();
        let result = reconcile(&ours, &documents(rows), &year());
        assert_eq!(
            found(&result),
            (expected, Count::ZERO),
            "{declared} {there}"
        );
    }
}

#[test]
fn counts_and_documents_of_the_caisse_that_disagree_leave_a_residual() {
    let mut figures = counts(&[("2026-03", Class::Fse, 10)]);
    figures.documents = vec![row(1)];
    let result = reconcile(&ours(vec![unit(1)]), &figures, &year());
    assert_eq!(found(&result), (vec![], count(9, 9)));
}

#[test]
fn counts_name_a_cause_only_where_it_explains_a_month_exactly() {
    use Receipted::{No, Yes};
    let of = |standing_of: Standing, receipted, from: u32, many: u32| {
        (from..from + many).map(move |n| standing(n, standing_of, receipted))
    };
    let hundred = || -> Vec<Unit> { of(Standing::Paid, Yes, 1, 100).collect() };
    let with = |more: Vec<Unit>| -> Vec<Unit> { hundred().into_iter().chain(more).collect() };
    let march = |f, b| {
        let rows = [("2026-03", Class::Fse, f), ("2026-03", Class::B2, b)];
        counts(&rows)
    };
    let april = |f: i64, g: i64| counts(&[("2026-03", Class::Fse, f), ("2026-04", Class::Fse, g)]);
    let cases: Vec<(&str, Vec<Unit>, Figures, Causes, Count)> = vec![
        ("agree", hundred(), march(100, 0), vec![], Count::ZERO),
        (
            "seven unanswered, not there",
            with(of(Standing::InLot, No, 200, 7).collect()),
            march(100, 0),
            vec![(Cause::NotYetAnswered, count(0, -7))],
            Count::ZERO,
        ),
        (
            "seven unanswered, there",
            with(of(Standing::InLot, No, 200, 7).collect()),
            march(107, 0),
            vec![(Cause::NotYetAnswered, count(7, 0))],
            Count::ZERO,
        ),
        (
            "five rejected, not counted there",
            with(of(Standing::Rejected, Yes, 200, 5).collect()),
            march(100, 0),
            vec![(Cause::RejectedLater, count(-5, -5))],
            Count::ZERO,
        ),
        (
            "five rejected, three missing: a part of a set is a guess",
            with(of(Standing::Rejected, Yes, 200, 5).collect()),
            march(102, 0),
            vec![],
            count(-3, -3),
        ),
        (
            "seven unanswered, three of them there: no set explains it",
            with(of(Standing::InLot, No, 200, 7).collect()),
            march(103, 0),
            vec![],
            count(3, -4),
        ),
        (
            "five by hand, three of them there",
            with(of(Standing::ByHand, No, 200, 5).collect()),
            march(103, 0),
            vec![],
            count(3, -2),
        ),
        (
            "seven unanswered and four in another class",
            with(of(Standing::InLot, No, 200, 7).collect()),
            march(96, 4),
            vec![
                (Cause::OtherMode, count(-4, 0)),
                (Cause::NotYetAnswered, count(0, -7)),
            ],
            Count::ZERO,
        ),
        (
            "four in another class",
            hundred(),
            march(96, 4),
            vec![(Cause::OtherMode, count(-4, 0))],
            Count::ZERO,
        ),
        (
            "six counted in April",
            hundred(),
            april(94, 6),
            vec![(Cause::OtherPeriod, count(0, 0))],
            Count::ZERO,
        ),
        (
            "rounded",
            with(of(Standing::Paid, Yes, 200, 3).collect()),
            march(100, 0),
            vec![],
            count(-3, -3),
        ),
        (
            "nothing in March there",
            hundred(),
            counts(&[("2026-05", Class::Paper, 2)]),
            vec![
                (Cause::PaperOnlyThere, count(0, 2)),
                (Cause::UnknownToThem, count(-100, -100)),
            ],
            Count::ZERO,
        ),
        (
            "a centre that we have nothing of",
            vec![],
            march(90, 10),
            vec![(Cause::UnknownToUs, count(90, 100))],
            Count::ZERO,
        ),
    ];
    for (what, units, figures, expected, residual) in cases {
        let result = reconcile(&ours(units), &figures, &year());
        assert_eq!(found(&result), (expected, residual), "{what}");
    }
}

#[test]
fn a_policy_that_splits_a_class_cannot_be_compared() {
    let mut counting = agreement("a", "2026-01-01").counting;
    assert_eq!(comparable(&counting), Ok(()));
    counting.numerator_modes.insert(Mode::Online);
    assert_eq!(comparable(&counting), Err(SplitsClass(Class::B2)));
}

#[test]
fn only_whole_months_are_compared() {
    let whole = |from, to| Months::of(Period::days(day(from), day(to)).unwrap()).is_some();
    assert!(whole("2026-02-01", "2026-02-28"));
    assert!(whole("2025-12-01", "2026-01-31"));
    assert!(!whole("2026-02-01", "2026-02-27"));
    assert!(!whole("2026-02-02", "2026-02-28"));
}

fn any_unit() -> impl Strategy<Value = Unit> {
    (
        1..40_u32,
        proptest::sample::select(Standing::ALL.to_vec()),
        proptest::sample::select(Mode::ALL.to_vec()),
        proptest::sample::select(Kind::ALL.to_vec()),
        0..400_i32,
        any::<(bool, bool)>(),
    )
        .prop_map(
            |(n, standing, mode, kind, later, (receipted, excluded))| Unit {
                numbers: vec![(Kind::Fse, number(n + 1)), (kind, number(n))],
                kind,
                mode,
                day: day("2025-12-01").plus_days(later),
                standing,
                receipted: if receipted {
                    Receipted::Yes
                } else {
                    Receipted::No
                },
                exclusions: if excluded {
                    Exclusions::NONE.with(Exclusion::PatientAbsent)
                } else {
                    Exclusions::NONE
                },
                ..unit(n)
            },
        )
}

fn any_row() -> impl Strategy<Value = DocumentRow> {
    (
        proptest::option::of(1..42_u32),
        proptest::sample::select(Class::ALL.to_vec()),
        proptest::sample::select(Kind::ALL.to_vec()),
        0..400_i32,
        1..1_000_u32,
    )
        .prop_map(|(n, class, kind, later, line)| DocumentRow {
            number: n.map(number),
            kind,
            class,
            day: day("2025-12-01").plus_days(later),
            received: Some(day("2026-03-20").plus_days(later - 200)),
            line,
        })
}

fn any_count() -> impl Strategy<Value = CountRow> {
    let classes = proptest::sample::select(Class::ALL.to_vec());
    (classes, 0..14_u32, 0..30_i64).prop_map(|(class, month, count)| {
        let mut at = Month::parse("2025-12").unwrap();
        (0..month).for_each(|_| at = at.next());
        CountRow {
            month: at,
            kind: Kind::Fse,
            class,
            count,
        }
    })
}

proptest! {
    #[test]
    fn the_bridge_always_sums(
        units in proptest::collection::vec(any_unit(), 0..30),
        documents in proptest::collection::vec(any_row(), 0..30),
        counts in proptest::collection::vec(any_count(), 0..30),
        (sheets, policy) in (proptest::collection::vec((0..400_i32, 0..9_i64), 0..5), 0..4_u8),
    ) {
        let mut ours = ours(units);
        ours.counting.exclusions = Exclusions::NONE.with(Exclusion::PatientAbsent);
        if policy & 1 != 0 {
            ours.counting.rejected = RejectedUnit::NotTransmitted;
        }
        if policy & 2 != 0 {
            ours.counting.paper_sheets = PaperSheets::NotCounted;
        }
        ours.paper = sheets.into_iter().map(|(later, n)| (day("2025-12-01").plus_days(later), n)).collect();
        let figures = Figures { counts: counts.clone(), documents: documents.clone() };
        let result = reconcile(&ours, &figures, &year());
        let (_, residual) = found(&result);
        let mut steps: BTreeMap<Cause, Count> = BTreeMap::new();
        for difference in &result.differences {
            for (month, effect) in &difference.effects {
                if year().contains(month) {
                    *steps.entry(difference.cause).or_default() += *effect;
                }
            }
        }
        let mut total = result.bridge.total().steps;
        total.retain(|_, count| *count != Count::ZERO);
        steps.retain(|_, count| *count != Count::ZERO);
        prop_assert_eq!(steps, total);
        if figures.counts.is_empty() {
            // Every document of the caisse is explained by one of ours, or is a difference.
            prop_assert_eq!(residual, Count::ZERO);
        }
        let mut turned = figures.clone();
        turned.documents.reverse();
        turned.counts.reverse();
        prop_assert_eq!(reconcile(&ours, &turned, &year()).bridge, result.bridge);
    }

    #[test]
    fn documents_alone_leave_no_residual(
        units in proptest::collection::vec(any_unit(), 0..30),
        documents in proptest::collection::vec(any_row(), 1..30),
    ) {
        let figures = Figures { counts: Vec::new(), documents };
        let result = reconcile(&ours(units), &figures, &year());
        prop_assert_eq!(found(&result).1, Count::ZERO);
    }
}
