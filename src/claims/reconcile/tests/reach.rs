//! Which months are compared, and how far: by documents, by counts, or not at all; and units of several insurers.

use std::collections::{BTreeMap, BTreeSet};

use crate::claims::agreement::tests::day;
use crate::claims::document::Kind;
use crate::claims::reconcile::bridge::Count;
use crate::claims::reconcile::cause::Cause;
use crate::claims::reconcile::figures::{Class, DocumentRow, Figures, Month};
use crate::claims::reconcile::ours::Unit;
use crate::claims::reconcile::tests::{
    count, counts, documents, found, number, ours, row, standing, unit, year,
};
use crate::claims::reconcile::{Depth, reconcile};
use crate::claims::standing::{Receipted, Standing};

fn month(text: &str) -> Month {
    Month::parse(text).unwrap()
}

fn only(text: &str) -> BTreeSet<Month> {
    BTreeSet::from([month(text)])
}

fn unit_on(n: u32, text: &str) -> Unit {
    Unit {
        day: day(text),
        ..unit(n)
    }
}

fn row_on(n: u32, text: &str) -> DocumentRow {
    DocumentRow {
        day: day(text),
        ..row(n)
    }
}

/// The figures of November name no document of October, and must not: these are not looked for.
#[test]
fn what_lies_outside_the_months_compared_is_no_difference() {
    let (october, november) = ("2026-10-10", "2026-11-10");
    let late = DocumentRow {
        received: Some(day("2026-12-30")),
        ..row_on(1, october)
    };
    let cases: Vec<(&str, Vec<Unit>, Vec<DocumentRow>)> = vec![
        (
            "acknowledged, and not there",
            vec![unit_on(1, october)],
            vec![row_on(2, november)],
        ),
        (
            "unknown here",
            vec![],
            vec![row_on(1, october), row_on(2, november)],
        ),
        (
            "twice there",
            vec![unit_on(1, october)],
            vec![row_on(1, october), row_on(1, october)],
        ),
        (
            "another class there",
            vec![unit_on(1, october)],
            vec![DocumentRow {
                class: Class::B2,
                ..row_on(1, october)
            }],
        ),
        ("late there", vec![unit_on(1, october)], vec![late]),
    ];
    for (what, mut units, rows) in cases {
        units.push(unit_on(2, november));
        let mut rows = rows;
        rows.retain(|row| row.number != Some(number(2)));
        rows.push(row_on(2, november));
        let mut ours = ours(units);
        ours.paper = BTreeMap::from([(day(october), 3)]);
        let result = reconcile(&ours, &documents(rows), &only("2026-11"));
        assert_eq!(result.differences, [], "{what}");
        let total = result.bridge.total();
        assert_eq!((total.ours, total.theirs), (count(1, 1), count(1, 1)));
    }
    // What one side counts inside, the other outside, is one.
    let result = reconcile(
        &ours(vec![unit_on(1, october)]),
        &documents(vec![row_on(1, november)]),
        &only("2026-11"),
    );
    assert_eq!(
        found(&result).0,
        [(Cause::OtherPeriod, count(0, 0))],
        "October is shown beside"
    );
    assert_eq!(result.bridge.total().theirs, count(1, 1));
}

/// Counts of all months, and documents of March beside them: each month by what was given of it.
#[test]
fn months_are_compared_by_what_the_caisse_gave_of_each() {
    let units = || vec![unit_on(1, "2026-02-10"), unit(2), unit_on(3, "2026-04-10")];
    let with = |february: i64, rows: Vec<DocumentRow>| Figures {
        documents: rows,
        ..counts(&[
            ("2026-02", Class::Fse, february),
            ("2026-03", Class::Fse, 1),
            ("2026-04", Class::Fse, 1),
        ])
    };
    let agree = with(1, vec![row(2)]);
    let result = reconcile(&ours(units()), &agree, &year());
    assert_eq!(found(&result), (vec![], Count::ZERO));
    let depths = ["2026-02", "2026-03", "2026-05"].map(|text| result.depths[&month(text)]);
    assert_eq!(depths, [Depth::Counts, Depth::Documents, Depth::Absent]);

    // In February they count one less, and in March they name it.
    let mut moved = with(0, vec![row(2), row(1)]);
    moved.counts[1].count = 2;
    let result = reconcile(&ours(units()), &moved, &year());
    let cause = vec![(Cause::OtherPeriod, count(0, 0))];
    assert_eq!(found(&result), (cause, Count::ZERO));

    // What is off in a month of counts is not looked for among documents.
    let off = with(0, vec![row(2)]);
    let result = reconcile(&ours(units()), &off, &year());
    let [difference] = &result.differences[..] else {
        panic!("{:?}", result.differences);
    };
    assert_eq!(
        (difference.cause, difference.ours),
        (Cause::UnknownToThem, None)
    );
}

/// Counts of one month and documents of another: each month has the word that was given of it.
#[test]
fn the_official_count_of_a_month_is_its_counts_or_its_documents() {
    let figures = Figures {
        documents: vec![row(2)],
        ..counts(&[("2026-04", Class::Fse, 1)])
    };
    let units = vec![unit(2), unit_on(3, "2026-04-10")];
    let result = reconcile(&ours(units), &figures, &year());
    assert_eq!(found(&result), (vec![], Count::ZERO));
    assert_eq!(result.bridge.total().theirs, count(2, 2));
}

/// The earlier document went to this insurer, the latest to another, where the unit counts.
#[test]
fn a_unit_that_went_on_to_another_insurer_is_known_and_counts_nothing_here() {
    let gone = |cause| Unit {
        numbers: vec![(Kind::Fse, number(1)), (Kind::Fse, number(2))],
        elsewhere: Some(cause),
        ..standing(2, Standing::Paid, Receipted::Yes)
    };
    for cause in [Cause::RejectedLater, Cause::Refused, Cause::OtherRoute] {
        let there = reconcile(&ours(vec![gone(cause)]), &documents(vec![row(1)]), &year());
        let step = vec![(cause, count(1, 1))];
        assert_eq!(found(&there), (step, Count::ZERO));
        assert_eq!(there.bridge.total().ours, Count::ZERO);
        // Its own other class, month or lateness says nothing of the earlier document.
        let other = DocumentRow {
            kind: Kind::Dre,
            class: Class::Dre,
            ..row_on(9, "2026-03-11")
        };
        let absent = reconcile(&ours(vec![gone(cause)]), &documents(vec![other]), &year());
        assert_eq!(found(&absent).0, [(Cause::UnknownToUs, Count::ZERO)]);
    }
    let by_counts = counts(&[("2026-03", Class::Fse, 1)]);
    let result = reconcile(&ours(vec![gone(Cause::RejectedLater)]), &by_counts, &year());
    assert_eq!(found(&result), (vec![], count(1, 1)), "counts cannot tell");
}
