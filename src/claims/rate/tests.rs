//! The rules of counting, one row each.

use super::*;
use crate::claims::agreement::tests::{agreement, day};
use crate::claims::agreement::{Comparator, PaperDuplicate, RejectedUnit};
use crate::claims::document::{Exclusion, Exclusions};
use crate::claims::id::{Amo, Destination};
use crate::claims::standing::Receipted;
use crate::claims::tally::DayBasis;

fn caisse() -> Amo {
    Amo::new("01", "751", "0000").unwrap()
}

fn centre() -> Finess {
    Finess::parse("750000010").unwrap()
}

/// An acknowledged, secured FSE in time.
fn good() -> Cell {
    Cell {
        basis: DayBasis::Clock,
        centre: centre(),
        day: day("2026-10-05"),
        kind: Kind::Fse,
        mode: Mode::Secured,
        destination: Destination::Amo(caisse()),
        standing: Standing::Acknowledged,
        receipted: Receipted::Yes,
        late: Lateness::InTime,
        exclusions: Exclusions::NONE,
    }
}

fn standing(standing: Standing, receipted: Receipted) -> Cell {
    Cell {
        standing,
        receipted,
        ..good()
    }
}

fn sheets(on: &str, number: i64) -> BTreeMap<PaperCell, i64> {
    let cell = |caisse| PaperCell {
        centre: centre(),
        day: day(on),
        caisse,
    };
    BTreeMap::from([(cell(None), 1), (cell(Some(caisse())), number)])
}

fn policy() -> Agreement {
    let mut policy = agreement("policy", "2016-01-01");
    let threshold = Threshold {
        comparator: Comparator::AtLeast,
        fraction: (7, 10),
    };
    policy.thresholds = BTreeMap::from([(Category::Medical, threshold)]);
    policy
}

fn rate_of(policy: &Agreement, units: &[(Cell, i64)], paper: &BTreeMap<PaperCell, i64>) -> Rate {
    let units: BTreeMap<Cell, i64> = units.iter().copied().collect();
    let found = rate(policy, Category::Medical, &units, paper);
    for split in [
        found.splits.mode.values().sum::<i64>(),
        found.splits.kind.values().sum(),
        found.splits.standing.values().sum(),
        found.splits.lateness.values().sum(),
    ] {
        assert_eq!(split, found.denominator, "a split sums to the denominator");
    }
    found
}

/// Rate of one unit: (numerator, secured, electronic, denominator).
fn one(policy: &Agreement, cell: Cell) -> (i64, i64, i64, i64) {
    let rate = rate_of(policy, &[(cell, 1)], &BTreeMap::new());
    (
        rate.numerator,
        rate.secured,
        rate.electronic,
        rate.denominator,
    )
}

#[test]
fn what_counts() {
    use Receipted::{BothWays, No, Yes};
    let (counted, missed, out) = ((1, 1, 1, 1), (0, 0, 0, 1), (0, 0, 0, 0));
    let mode = |mode| Cell { mode, ..good() };
    let kind = |kind| Cell { kind, ..good() };
    for (why, cell, expected) in [
        ("acknowledged", good(), counted),
        (
            "sent without answer, held or overdue",
            standing(Standing::InLot, No),
            missed,
        ),
        ("not sent yet", standing(Standing::Open, No), missed),
        ("refused", standing(Standing::Refused, No), missed),
        ("lapsed", standing(Standing::Lapsed, No), missed),
        ("paid", standing(Standing::Paid, Yes), counted),
        ("part paid", standing(Standing::PartPaid, Yes), counted),
        ("unsettled", standing(Standing::Unsettled, Yes), counted),
        (
            "rejected was transmitted",
            standing(Standing::Rejected, Yes),
            counted,
        ),
        ("by hand", standing(Standing::ByHand, No), missed),
        (
            "by hand with a receipt too",
            standing(Standing::ByHand, Yes),
            missed,
        ),
        ("on paper", standing(Standing::OnPaper, No), missed),
        ("both ways", standing(Standing::OnPaper, BothWays), missed),
        (
            "both ways, the receipt first",
            standing(Standing::Paid, BothWays),
            missed,
        ),
        (
            "cancelled leaves the account",
            standing(Standing::Cancelled, No),
            out,
        ),
        (
            "cancelled after a receipt",
            standing(Standing::Cancelled, Yes),
            out,
        ),
        (
            "late is not lost",
            Cell {
                late: Lateness::Late,
                ..good()
            },
            counted,
        ),
        ("mode F", mode(Mode::WithoutVitale), counted),
        ("mode C", mode(Mode::Clear), counted),
        ("mode D", mode(Mode::Degraded), (0, 0, 1, 1)),
        ("mode L", mode(Mode::Online), (0, 0, 1, 1)),
        ("mode P", mode(Mode::Sefi), (0, 0, 1, 1)),
        ("mode N", mode(Mode::Unsecured), (0, 0, 1, 1)),
        ("DRE has its own rate", kind(Kind::Dre), out),
        ("PJ has its own rate", kind(Kind::Pj), out),
        ("prise en charge has its own rate", kind(Kind::Pec), out),
        (
            "counted by another day",
            Cell {
                basis: DayBasis::Care,
                ..good()
            },
            out,
        ),
    ] {
        assert_eq!(one(&policy(), cell), expected, "{why}");
    }
}

#[test]
fn a_policy_may_count_otherwise() {
    use Receipted::{No, Yes};
    let mut electronic = policy();
    electronic.counting.paper_duplicate = PaperDuplicate::Electronic;
    let mut strict = policy();
    strict.counting.rejected = RejectedUnit::NotTransmitted;
    let mut wide = policy();
    wide.counting.numerator_modes.insert(Mode::Degraded);
    let mut excluding = policy();
    excluding.counting.exclusions = Exclusions::NONE.with(Exclusion::StateMedicalAid);
    let aided = Cell {
        exclusions: Exclusions::NONE
            .with(Exclusion::StateMedicalAid)
            .with(Exclusion::PatientAbsent),
        ..good()
    };
    let absent = Cell {
        exclusions: Exclusions::NONE.with(Exclusion::PatientAbsent),
        ..good()
    };
    let degraded = Cell {
        mode: Mode::Degraded,
        ..good()
    };
    for (why, policy, cell, expected) in [
        (
            "both ways",
            &electronic,
            standing(Standing::OnPaper, Receipted::BothWays),
            (1, 1, 1, 1),
        ),
        (
            "both ways, the receipt first",
            &electronic,
            standing(Standing::Paid, Receipted::BothWays),
            (1, 1, 1, 1),
        ),
        (
            "paper alone",
            &electronic,
            standing(Standing::OnPaper, No),
            (0, 0, 0, 1),
        ),
        (
            "rejected",
            &strict,
            standing(Standing::Rejected, Yes),
            (0, 0, 0, 1),
        ),
        ("dégradé", &wide, degraded, (1, 0, 1, 1)),
        ("excluded", &excluding, aided, (0, 0, 0, 0)),
        ("another exclusion", &excluding, absent, (1, 1, 1, 1)),
    ] {
        assert_eq!(one(policy, cell), expected, "{why}");
    }
}

#[test]
fn what_is_shown_beside_the_rate() {
    let mut policy = policy();
    policy.counting.exclusions = Exclusions::NONE.with(Exclusion::PatientAbsent);
    let excluded = Cell {
        exclusions: Exclusions::NONE.with(Exclusion::PatientAbsent),
        ..good()
    };
    let cancelled = Cell {
        standing: Standing::Cancelled,
        ..excluded
    };
    let rate = rate_of(
        &policy,
        &[
            (good(), 10),
            (excluded, 2),
            (cancelled, 3),
            (standing(Standing::ByHand, Receipted::No), 4),
            (standing(Standing::OnPaper, Receipted::BothWays), 3),
            (standing(Standing::Paid, Receipted::BothWays), 2),
            (standing(Standing::OnPaper, Receipted::No), 6),
        ],
        &sheets("2026-10-05", 7),
    );
    let beside = Beside {
        cancelled: 3,
        excluded: 2,
        by_hand: 4,
        both_ways: 5,
    };
    assert_eq!(rate.beside, beside);
    assert_eq!(
        (rate.numerator, rate.denominator, rate.paper_sheets),
        (10, 32, 7)
    );
    // Sheets and duplicates are paper by mode; only sheets are no unit known here.
    assert_eq!(rate.splits.mode[&Slice::Paper], 18);
    assert_eq!(rate.splits.kind[&Slice::Paper], 7);
    assert_eq!(rate.splits.standing[&Slice::Units(Standing::OnPaper)], 9);
}

#[test]
fn paper_is_in_the_denominator_where_the_policy_counts_it() {
    let mut without = policy();
    without.counting.paper_sheets = PaperSheets::NotCounted;
    let paper = sheets("2026-10-05", 9);
    for (policy, denominator, verdict) in [
        (policy(), 10, Verdict::NotReached),
        (without, 1, Verdict::Reached),
    ] {
        let rate = rate_of(&policy, &[(good(), 1)], &paper);
        assert_eq!((rate.denominator, rate.verdict), (denominator, verdict));
    }
}

#[test]
fn coverage_is_declared_days_of_active_days() {
    let on = |text: &str| Cell {
        day: day(text),
        ..good()
    };
    let elsewhere = Cell {
        centre: Finess::parse("130000011").unwrap(),
        ..good()
    };
    let (first, second) = (on("2026-10-05"), on("2026-10-06"));
    let zero = sheets("2026-10-05", 0);
    let idle = sheets("2026-10-11", 0);
    let paper_day = sheets("2026-10-07", 3);
    for (why, units, paper, active, declared) in [
        ("nothing declared", vec![(first, 1)], BTreeMap::new(), 1, 0),
        (
            "zero is a declaration",
            vec![(first, 1)],
            zero.clone(),
            1,
            1,
        ),
        (
            "one of two days",
            vec![(first, 1), (second, 1)],
            zero.clone(),
            2,
            1,
        ),
        ("a day without activity", vec![(first, 1)], idle, 1, 0),
        ("sheets are activity", vec![(first, 1)], paper_day, 2, 1),
        (
            "days of each centre",
            vec![(first, 1), (elsewhere, 1)],
            zero.clone(),
            2,
            1,
        ),
        (
            "empty cells are no activity",
            vec![(first, 1), (second, 0)],
            zero,
            1,
            1,
        ),
    ] {
        let rate = rate_of(&policy(), &units, &paper);
        let expected = PaperCoverage { active, declared };
        assert_eq!(rate.coverage, expected, "{why}");
    }
}

#[test]
fn verdicts_in_their_order() {
    let paper = sheets("2026-10-05", 0);
    let undeclared = BTreeMap::new();
    let change = |change: &dyn Fn(&mut Agreement)| {
        let mut policy = policy();
        change(&mut policy);
        policy
    };
    let lenient = change(&|policy| {
        policy.counting.minimum_paper_coverage = Fraction::new(0, 1).unwrap();
    });
    let unconfirmed = change(&|policy| policy.status = Status::Unconfirmed);
    let reference = change(&|policy| policy.role = Role::Reference);
    let none = change(&|policy| policy.thresholds.clear());
    for (why, policy, units, paper, verdict) in [
        ("no activity", policy(), 0, &paper, Verdict::NoData),
        (
            "no activity, unconfirmed",
            unconfirmed.clone(),
            0,
            &undeclared,
            Verdict::NoData,
        ),
        (
            "paper not declared",
            policy(),
            9,
            &undeclared,
            Verdict::PaperUnknown,
        ),
        (
            "paper before reference",
            reference.clone(),
            9,
            &undeclared,
            Verdict::PaperUnknown,
        ),
        (
            "no paper asked for",
            lenient,
            9,
            &undeclared,
            Verdict::Reached,
        ),
        ("reference", reference, 9, &paper, Verdict::Reference),
        ("unconfirmed", unconfirmed, 9, &paper, Verdict::Unconfirmed),
        ("no threshold", none, 9, &paper, Verdict::NoThreshold),
        ("reached", policy(), 9, &paper, Verdict::Reached),
    ] {
        let rate = rate_of(&policy, &[(good(), units)], paper);
        assert_eq!(rate.verdict, verdict, "{why}");
    }
}

#[test]
fn a_threshold_is_compared_exactly() {
    use Comparator::{AtLeast, MoreThan};
    use Verdict::{NotReached, Reached};
    for (comparator, fraction, numerator, denominator, verdict, distance) in [
        (MoreThan, (2, 3), 2, 3, NotReached, (0, 1)),
        (
            MoreThan,
            (2, 3),
            2_000_001,
            3_000_000,
            Reached,
            (1, 3_000_000),
        ),
        (
            MoreThan,
            (2, 3),
            666_666,
            1_000_000,
            NotReached,
            (-1, 1_500_000),
        ),
        (AtLeast, (2, 3), 2, 3, Reached, (0, 1)),
        (AtLeast, (7, 10), 7, 10, Reached, (0, 1)),
        (
            AtLeast,
            (7, 10),
            699_999,
            1_000_000,
            NotReached,
            (-1, 1_000_000),
        ),
        (MoreThan, (7, 10), 70, 100, NotReached, (0, 1)),
        (AtLeast, (1, 1), 9, 10, NotReached, (-1, 10)),
    ] {
        let threshold = Threshold {
            comparator,
            fraction,
        };
        let mut policy = policy();
        policy.thresholds = BTreeMap::from([(Category::Medical, threshold)]);
        let missed = standing(Standing::InLot, Receipted::No);
        let units = [(good(), numerator), (missed, denominator - numerator)];
        let rate = rate_of(&policy, &units, &sheets("2026-10-05", 0));
        assert_eq!(
            rate.verdict, verdict,
            "{threshold} {numerator}/{denominator}"
        );
        let found = rate.distance(threshold).unwrap();
        assert_eq!((found.numerator(), found.denominator()), distance);
    }
}

#[test]
fn without_activity_there_is_no_rate() {
    let rate = rate_of(&policy(), &[], &sheets("2026-10-05", 0));
    assert_eq!(rate.share(), None);
    assert_eq!(rate.secured_share(), None);
    assert_eq!(rate.electronic_share(), None);
    assert_eq!(rate.coverage.share(), None);
    assert_eq!(rate.distance(rate.threshold.unwrap()), None);
}
