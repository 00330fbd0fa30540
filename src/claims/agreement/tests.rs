//! What an agreement may say, one row each, and how agreements follow each other.

use super::*;

pub(crate) fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

pub(crate) fn id(text: &str) -> AgreementId {
    AgreementId::parse(text).unwrap()
}

/// FSE and paper sheets, S F C in the numerator, by the legal clock, every day declared.
pub(crate) fn agreement(name: &str, from: &str) -> Agreement {
    Agreement {
        id: id(name),
        title: "Accord".into(),
        parties: vec!["UNCAM".into(), "organisations".into()],
        role: Role::Agreement,
        source: "test".into(),
        signed: None,
        published: None,
        in_force_from: day(from),
        until: None,
        succeeds: None,
        status: Status::Confirmed,
        period: Form::Year,
        thresholds: BTreeMap::new(),
        counting: Counting {
            kinds: BTreeSet::from([Kind::Fse]),
            paper_sheets: PaperSheets::Counted,
            numerator_modes: BTreeSet::from([Mode::Secured, Mode::WithoutVitale, Mode::Clear]),
            modes_shown_apart: BTreeSet::from([
                Mode::Degraded,
                Mode::Online,
                Mode::Sefi,
                Mode::Unsecured,
            ]),
            exclusions: Exclusions::NONE,
            day_basis: DayBasis::Clock,
            minimum_paper_coverage: Fraction::ONE,
            paper_duplicate: PaperDuplicate::Paper,
            rejected: RejectedUnit::Transmitted,
        },
    }
}

fn until(from: &str, until: &str) -> Vec<Fault> {
    let mut agreement = agreement("a", from);
    agreement.until = Some(day(until));
    faults(&agreement)
}

fn faults(agreement: &Agreement) -> Vec<Fault> {
    let problems = agreement.problems().into_iter();
    problems.map(|problem| problem.fault).collect()
}

#[test]
fn a_gap_is_the_least_number_of_documents_that_reaches_the_threshold() {
    use Comparator::{AtLeast, MoreThan};
    for (comparator, fraction, counted, missing) in [
        (AtLeast, (7, 10), (7, 10), Some(0)),
        (AtLeast, (7, 10), (6, 10), Some(1)),
        (AtLeast, (7, 10), (0, 11), Some(8)),
        (AtLeast, (7, 10), (9, 10), Some(0)),
        (AtLeast, (1, 1), (0, 3), Some(3)),
        (MoreThan, (2, 3), (2, 3), Some(1)),
        (MoreThan, (2, 3), (0, 4), Some(3)),
        (MoreThan, (2, 3), (3, 4), Some(0)),
        (MoreThan, (1, 1), (3, 3), None),
        (AtLeast, (7, 10), (0, 0), None),
        (AtLeast, (7, 0), (1, 2), None),
    ] {
        let threshold = Threshold {
            comparator,
            fraction,
        };
        let (numerator, denominator) = counted;
        let found = threshold.missing(numerator, denominator);
        assert_eq!(found, missing, "{threshold} {counted:?}");
        if let (Some(missing), Some(rate)) = (
            found,
            Fraction::new(numerator + found.unwrap_or(0), denominator),
        ) {
            assert!(threshold.is_reached_by(rate));
            let less = Fraction::new(numerator + missing - 1, denominator);
            let less = less.is_some_and(|less| threshold.is_reached_by(less));
            assert!(missing == 0 || !less, "{threshold} {counted:?}");
        }
    }
}

#[test]
fn an_agreement_lives_five_years_at_most() {
    for (from, end, found) in [
        ("2016-01-01", "2020-12-31", vec![]),
        ("2016-01-01", "2021-01-01", vec![Fault::TooLong]),
        ("2024-02-29", "2029-02-28", vec![]),
        ("2024-02-29", "2029-03-01", vec![Fault::TooLong]),
        ("2016-01-01", "2015-12-31", vec![Fault::EndsBeforeItBegins]),
        ("2016-01-01", "2016-01-01", vec![]),
    ] {
        assert_eq!(until(from, end), found, "{from} {end}");
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let mut wrong = agreement("a", "2016-01-01");
    wrong.title = " ".into();
    wrong.source.clear();
    wrong.parties = vec!["UNCAM".into(), " ".into()];
    wrong.period = Form::YearToDate;
    wrong.signed = Some(day("2015-09-30"));
    wrong.published = Some(day("2015-07-08"));
    let threshold = |fraction| Threshold {
        comparator: Comparator::AtLeast,
        fraction,
    };
    wrong.thresholds = BTreeMap::from([
        (Category::Medical, threshold((11, 10))),
        (Category::Dentaire, threshold((1, 0))),
        (Category::Infirmier, threshold((7, 10))),
    ]);
    wrong.counting.kinds.clear();
    wrong.counting.numerator_modes = BTreeSet::from([Mode::Degraded]);
    wrong.counting.minimum_paper_coverage = Fraction::new(2, 1).unwrap();
    assert_eq!(
        faults(&wrong),
        [
            Fault::NoTitle,
            Fault::NoSource,
            Fault::NoParties,
            Fault::Period,
            Fault::PublishedBeforeSigned,
            Fault::Threshold(Category::Medical),
            Fault::Threshold(Category::Dentaire),
            Fault::NoKind,
            Fault::ModeMissing(Mode::Secured),
            Fault::ModeMissing(Mode::WithoutVitale),
            Fault::ModeMissing(Mode::Clear),
            Fault::ModeTwice(Mode::Degraded),
            Fault::Coverage,
        ]
    );
}

#[test]
fn who_binds_centres_is_named_and_who_compares_need_not_be() {
    for (role, parties, found) in [
        (Role::Agreement, vec![], vec![Fault::NoParties]),
        (Role::Reference, vec![], vec![]),
        (Role::Reference, vec![String::new()], vec![Fault::NoParties]),
    ] {
        let policy = Agreement {
            role,
            parties,
            ..agreement("a", "2016-01-01")
        };
        assert_eq!(faults(&policy), found, "{role:?}");
    }
}

#[test]
fn a_threshold_is_measured_over_a_period_that_everybody_knows() {
    for (period, found) in [
        (Form::Month, vec![]),
        (Form::Quarter, vec![]),
        (Form::Year, vec![]),
        (Form::Rolling, vec![]),
        (Form::YearToDate, vec![Fault::Period]),
        (Form::Days, vec![Fault::Period]),
    ] {
        let policy = Agreement {
            period,
            ..agreement("a", "2016-01-01")
        };
        assert_eq!(faults(&policy), found, "{period:?}");
    }
}

fn following(name: &str, from: &str, before: &str) -> Agreement {
    Agreement {
        succeeds: Some(id(before)),
        ..agreement(name, from)
    }
}

#[test]
fn an_agreement_has_effect_until_the_next_comes() {
    let mut first = agreement("first", "2003-04-19");
    first.until = Some(day("2008-04-18"));
    let agreements = Agreements::new(vec![
        following("third", "2025-10-16", "second"),
        first,
        following("second", "2016-01-01", "first"),
    ])
    .unwrap();
    for (bound, at, expected) in [
        ("second", "2003-04-18", None),
        ("second", "2003-04-19", Some("first")),
        ("second", "2015-12-31", Some("first")),
        ("second", "2016-01-01", Some("second")),
        ("first", "2025-10-15", Some("second")),
        ("first", "2025-10-16", Some("third")),
        ("third", "2003-04-18", None),
        ("unknown", "2020-01-01", None),
    ] {
        let found = agreements.in_effect(&id(bound), day(at));
        assert_eq!(found.map(|a| a.id.as_str()), expected, "{bound} {at}");
    }
}

#[test]
fn agreements_must_follow_each_other() {
    let mut reference = following("reference", "2020-01-01", "a");
    reference.role = Role::Reference;
    let problems = Agreements::new(vec![
        agreement("a", "2016-01-01"),
        agreement("a", "2016-01-01"),
        following("b", "2016-01-01", "a"),
        following("c", "2017-01-01", "a"),
        following("d", "2017-01-01", "nothing"),
        reference,
    ])
    .unwrap_err();
    let found: Vec<(&str, &Fault)> = problems
        .iter()
        .map(|problem| (problem.agreement.as_str(), &problem.fault))
        .collect();
    assert_eq!(
        found,
        [
            ("a", &Fault::SameId),
            ("b", &Fault::StartsTooEarly(id("a"))),
            ("c", &Fault::SucceededTwice(id("b"))),
            ("d", &Fault::PredecessorUnknown(id("nothing"))),
            ("reference", &Fault::OtherRole(id("a"))),
            ("reference", &Fault::SucceededTwice(id("b"))),
        ]
    );
}
