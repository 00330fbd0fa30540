//! Every cell of the standing table, and the laws of the fold.

use proptest::prelude::*;

use super::*;
use crate::claims::canon;
use crate::claims::id::Name;
use crate::claims::time::Timestamp;

/// What an act does: the standing it moves to, `stay`, `409`, or `never` (impossible).
const ACTS: &str = "
    standing     | Sealed | LotVoided | Cancelled | ByHand  | DuplicateConfirmed | ReplacementAdmitted | UnsettledPassed | LapsePassed
    open         | in lot | never     | cancelled | by hand | on paper           | 409                 | never           | never
    in lot       | never  | open      | cancelled | by hand | on paper           | 409                 | never           | never
    acknowledged | never  | stay      | 409       | 409     | stay               | 409                 | unsettled       | never
    refused      | never  | stay      | cancelled | 409     | on paper           | replaced            | never           | lapsed
    paid         | never  | stay      | 409       | 409     | stay               | 409                 | never           | never
    part paid    | never  | stay      | 409       | 409     | stay               | 409                 | never           | never
    rejected     | never  | stay      | 409       | 409     | stay               | replaced            | never           | never
    unsettled    | never  | stay      | 409       | 409     | stay               | 409                 | never           | never
    on paper     | never  | stay      | 409       | 409     | stay               | 409                 | never           | never
    by hand      | never  | stay      | 409       | 409     | stay               | 409                 | never           | never
    cancelled    | never  | stay      | 409       | 409     | stay               | replaced            | never           | never
    replaced     | never  | stay      | 409       | 409     | stay               | 409                 | never           | never
    lapsed       | never  | stay      | 409       | 409     | stay               | replaced            | never           | never
    granted      | never  | stay      | 409       | 409     | stay               | 409                 | never           | never
    declined     | never  | stay      | 409       | 409     | stay               | replaced            | never           | never
";

/// What a word does: the standing it leads to, `same` (recorded, repeats), `both` (both ways), or `against`
/// (recorded, contradicts). Payments are heard by an FSE with one part, answers by a prise en charge; what is
/// paid, part paid or rejected is no prise en charge, and what is granted or declined is one.
const WORDS: &str = "
    standing     | ARL +        | ARL -   | content refused | paid    | rejected | deferred     | granted | declined
    open         | against      | against | against         | against | against  | against      | against | against
    in lot       | acknowledged | refused | refused         | paid    | rejected | acknowledged | granted | declined
    acknowledged | same         | refused | against         | paid    | rejected | acknowledged | granted | declined
    refused      | acknowledged | same    | same            | paid    | rejected | acknowledged | granted | declined
    paid         | same         | against | against         | paid    | rejected | paid         | against | against
    part paid    | same         | against | against         | paid    | rejected | part paid    | against | against
    rejected     | same         | against | against         | paid    | rejected | rejected     | against | against
    unsettled    | same         | against | against         | paid    | rejected | unsettled    | granted | declined
    on paper     | both         | against | against         | both    | both     | both         | both    | both
    by hand      | against      | against | against         | against | against  | against      | against | against
    cancelled    | against      | against | against         | against | against  | against      | against | against
    replaced     | against      | against | against         | against | against  | against      | against | against
    lapsed       | against      | against | against         | against | against  | against      | against | against
    granted      | same         | against | against         | against | against  | against      | granted | declined
    declined     | same         | against | against         | against | against  | against      | granted | declined
";

const ALL_ACTS: [Act; 8] = [
    Act::Sealed,
    Act::LotVoided,
    Act::Cancelled,
    Act::ByHand,
    Act::DuplicateConfirmed,
    Act::ReplacementAdmitted,
    Act::UnsettledPassed,
    Act::LapsePassed,
];

const ALL_WORDS: [(&str, Word); 8] = [
    ("ARL +", Word::Receipt(Verdict::Accepted)),
    ("ARL -", Word::Receipt(Verdict::Refused)),
    ("content refused", Word::ContentRefused),
    ("paid", Word::Settled(Part::Amo, PartOutcome::Paid)),
    ("rejected", Word::Settled(Part::Amo, PartOutcome::Rejected)),
    ("deferred", Word::Settled(Part::Amo, PartOutcome::Deferred)),
    ("granted", Word::Answered(Answer::Granted)),
    ("declined", Word::Answered(Answer::Declined)),
];

fn rows(table: &'static str) -> Vec<Vec<&'static str>> {
    let rows = table.lines().map(str::trim).filter(|row| !row.is_empty());
    rows.map(|row| row.split('|').map(str::trim).collect())
        .collect()
}

fn heard(issued: i64, word: Word) -> Heard {
    Heard {
        issued: Timestamp::from_micros(issued),
        id: Name::parse("R1").unwrap(),
        word,
        code: None,
    }
}

#[test]
fn every_act_on_every_standing() {
    let rows = rows(ACTS);
    assert_eq!(rows[0][1..], ALL_ACTS.map(|act| format!("{act:?}")));
    assert_eq!(rows.len(), 1 + Standing::ALL.len());
    for (row, standing) in rows[1..].iter().zip(Standing::ALL) {
        assert_eq!(row[0], standing.as_str());
        for (cell, act) in row[1..].iter().zip(ALL_ACTS) {
            let found = match standing.after(act) {
                Ok(same) if same == standing => "stay",
                Ok(other) => other.as_str(),
                Err(Refusal::Conflict) => "409",
                Err(Refusal::Impossible(reason)) => {
                    assert!(!reason.is_empty());
                    "never"
                }
            };
            assert_eq!(found, *cell, "{standing:?} {act:?}");
        }
    }
}

#[test]
fn every_word_on_every_standing() {
    let rows = rows(WORDS);
    assert_eq!(rows[0][1..], ALL_WORDS.map(|(name, _)| name));
    assert_eq!(rows.len(), 1 + Standing::ALL.len());
    for (row, standing) in rows[1..].iter().zip(Standing::ALL) {
        assert_eq!(row[0], standing.as_str());
        for (cell, (name, word)) in row[1..].iter().zip(ALL_WORDS) {
            let mut position = Position {
                receipted: receipted_as(standing, Effect::Recorded),
                duplicate: if standing == Standing::OnPaper {
                    Duplicate::Confirmed
                } else {
                    Duplicate::No
                },
                ..Position::new(standing)
            };
            let effect =
                position.hear(word, Timestamp::from_micros(9), expected_of(standing, word));
            let found = match effect {
                Effect::Applied => position.standing.as_str(),
                Effect::Recorded => "same",
                Effect::BothWays => "both",
                Effect::Contradicts => "against",
            };
            assert_eq!(found, *cell, "{standing:?} {name}");
            if effect != Effect::Applied {
                assert_eq!(position.standing, standing, "{name} moves nothing");
            }
            assert_eq!(
                position.receipted,
                receipted_as(position.standing, effect),
                "{standing:?} {name}"
            );
        }
    }
}

fn expected_of(standing: Standing, word: Word) -> Expected {
    match standing {
        Standing::Paid | Standing::PartPaid | Standing::Rejected => Expected::Amo,
        Standing::Granted | Standing::Declined => Expected::Answer,
        Standing::Open
        | Standing::InLot
        | Standing::Acknowledged
        | Standing::Refused
        | Standing::Unsettled
        | Standing::OnPaper
        | Standing::ByHand
        | Standing::Cancelled
        | Standing::Replaced
        | Standing::Lapsed => match word {
            Word::Answered(_) => Expected::Answer,
            Word::Receipt(_) | Word::ContentRefused | Word::Settled(..) => Expected::Amo,
        },
    }
}

/// Whether a positive receipt must stand.
fn receipted_as(standing: Standing, effect: Effect) -> Receipted {
    match standing {
        Standing::Acknowledged
        | Standing::Paid
        | Standing::PartPaid
        | Standing::Rejected
        | Standing::Unsettled
        | Standing::Granted
        | Standing::Declined => Receipted::Yes,
        Standing::OnPaper if effect == Effect::BothWays => Receipted::BothWays,
        Standing::Open
        | Standing::InLot
        | Standing::Refused
        | Standing::OnPaper
        | Standing::ByHand
        | Standing::Cancelled
        | Standing::Replaced
        | Standing::Lapsed => Receipted::No,
    }
}

#[test]
fn parts_amount_to_a_standing() {
    use PartOutcome::{Deferred, Paid, Rejected};
    let (amo, amc) = (Part::Amo, Part::Amc);
    for (expected, settlements, standing) in [
        (Expected::Amo, &[(amo, Paid)][..], Standing::Paid),
        (Expected::Amo, &[(amo, Deferred)], Standing::Acknowledged),
        (
            Expected::Amo,
            &[(amo, Deferred), (amo, Rejected)],
            Standing::Rejected,
        ),
        // A part that nobody was asked for says nothing about the standing.
        (Expected::Amo, &[(amc, Paid)], Standing::Acknowledged),
        (Expected::Amc, &[(amc, Rejected)], Standing::Rejected),
        (Expected::Both, &[(amo, Paid)], Standing::Acknowledged),
        (Expected::Both, &[(amo, Paid), (amc, Paid)], Standing::Paid),
        (
            Expected::Both,
            &[(amo, Rejected), (amc, Rejected)],
            Standing::Rejected,
        ),
        (
            Expected::Both,
            &[(amo, Paid), (amc, Rejected)],
            Standing::PartPaid,
        ),
        (
            Expected::Both,
            &[(amo, Paid), (amc, Deferred)],
            Standing::Acknowledged,
        ),
        // A later settlement replaces its part's, inside the finished set.
        (
            Expected::Both,
            &[(amo, Paid), (amc, Rejected), (amc, Paid)],
            Standing::Paid,
        ),
        (
            Expected::Both,
            &[(amo, Paid), (amc, Rejected), (amc, Deferred)],
            Standing::PartPaid,
        ),
        (
            Expected::Amo,
            &[(amo, Paid), (amo, Rejected)],
            Standing::Rejected,
        ),
        // Of a PJ and of a prise en charge no payment is expected.
        (Expected::Nothing, &[(amo, Paid)], Standing::InLot),
        (Expected::Answer, &[(amo, Paid)], Standing::InLot),
    ] {
        let mut course = in_lot();
        for (at, (part, outcome)) in (1..).zip(settlements) {
            course.hear(heard(at, Word::Settled(*part, *outcome)), expected);
        }
        assert_eq!(course.standing(), standing, "{expected:?} {settlements:?}");
    }
}

#[test]
fn words_in_conflict() {
    let (plus, minus) = (
        Word::Receipt(Verdict::Accepted),
        Word::Receipt(Verdict::Refused),
    );
    let paid = Word::Settled(Part::Amo, PartOutcome::Paid);
    let deferred = Word::Settled(Part::Amo, PartOutcome::Deferred);
    // Words in order of issue; then the standing, and whether they are listed as contradicting.
    for (words, standing, contradicted) in [
        (&[plus, minus][..], Standing::Refused, false),
        (&[minus, plus], Standing::Acknowledged, false),
        (&[minus, deferred], Standing::Acknowledged, true),
        (&[minus, paid], Standing::Paid, true),
        (&[deferred, minus], Standing::Acknowledged, true),
        (&[paid, minus], Standing::Paid, true),
        (&[plus, Word::ContentRefused], Standing::Acknowledged, true),
        (&[Word::ContentRefused, plus], Standing::Acknowledged, false),
    ] {
        let mut course = in_lot();
        for (issued, word) in (1..).zip(words) {
            course.hear(heard(issued, *word), Expected::Amo);
        }
        assert_eq!(course.standing(), standing, "{words:?}");
        assert_eq!(course.position().contradicted, contradicted, "{words:?}");
    }
}

#[test]
fn a_refusal_beside_a_settlement_contradicts_in_any_order_of_arrival() {
    let paid = heard(2, Word::Settled(Part::Amo, PartOutcome::Paid));
    let mut course = in_lot();
    assert_eq!(course.hear(paid, Expected::Amo), Effect::Applied);
    for issued in [1, 3] {
        let refusal = heard(issued, Word::Receipt(Verdict::Refused));
        assert_eq!(course.hear(refusal, Expected::Amo), Effect::Contradicts);
        assert_eq!(course.standing(), Standing::Paid);
    }
}

#[test]
fn marks_survive_an_act() {
    let plus = Word::Receipt(Verdict::Accepted);
    let mut course = Course::admitted();
    course.hear(heard(1, plus), Expected::Amo);
    assert!(
        course.position().contradicted,
        "heard of a document never sent"
    );
    course.act(Act::DuplicateConfirmed).unwrap();
    assert_eq!(course.hear(heard(1, plus), Expected::Amo), Effect::Recorded);
    assert!(!course.position().went_both_ways(), "known from before");
    assert_eq!(course.hear(heard(2, plus), Expected::Amo), Effect::BothWays);
    assert!(course.position().went_both_ways() && course.position().contradicted);
}

#[test]
fn a_paper_duplicate_is_recorded_beside_whatever_stands() {
    let (plus, minus) = (
        Word::Receipt(Verdict::Accepted),
        Word::Receipt(Verdict::Refused),
    );
    let paid = Word::Settled(Part::Amo, PartOutcome::Paid);
    use Standing::*;
    // Words heard before, or the act that ended it; then the standing, whether it went both ways, and whether it is listed as contradicted.
    for (words, act, standing, both_ways, contradicted) in [
        (&[plus][..], None, Acknowledged, true, false),
        (&[plus, paid], None, Paid, true, false),
        (&[minus], None, OnPaper, false, false),
        (&[plus], Some(Act::UnsettledPassed), Unsettled, true, false),
        (&[], Some(Act::ByHand), ByHand, false, true),
        (&[], Some(Act::Cancelled), Cancelled, false, true),
        (
            &[minus],
            Some(Act::ReplacementAdmitted),
            Replaced,
            false,
            true,
        ),
        (&[minus], Some(Act::LapsePassed), Lapsed, false, true),
    ] {
        let mut course = in_lot();
        for (issued, word) in (1..).zip(words) {
            course.hear(heard(issued, *word), Expected::Amo);
        }
        if let Some(act) = act {
            course.act(act).unwrap();
        }
        course.act(Act::DuplicateConfirmed).unwrap();
        let position = course.position();
        let found = (
            course.standing(),
            position.went_both_ways(),
            position.contradicted,
        );
        assert_eq!(
            found,
            (standing, both_ways, contradicted),
            "{words:?} {act:?}"
        );
        assert_eq!(position.duplicate, Duplicate::Confirmed);
        let before = course.clone();
        course.act(Act::DuplicateConfirmed).unwrap();
        assert_eq!(course, before, "confirmed twice is once");
    }
}

#[test]
fn a_duplicate_beside_a_receipt_closes_no_word() {
    let (plus, minus) = (
        Word::Receipt(Verdict::Accepted),
        Word::Receipt(Verdict::Refused),
    );
    for (issued, word, standing, receipted) in [
        // Issued before the receipt, it comes after it and after the duplicate: the receipt stands.
        (1, minus, Standing::Acknowledged, Receipted::BothWays),
        // Refused after all, and on paper already: no paper is owed, and it went one way.
        (3, minus, Standing::OnPaper, Receipted::No),
        (3, plus, Standing::Acknowledged, Receipted::BothWays),
    ] {
        let mut course = in_lot();
        course.hear(heard(2, plus), Expected::Amo);
        course.act(Act::DuplicateConfirmed).unwrap();
        course.hear(heard(issued, word), Expected::Amo);
        let found = (course.standing(), course.position().receipted);
        assert_eq!(found, (standing, receipted), "{issued} {word:?}");
    }
}

#[test]
fn a_settlement_of_earlier_issue_does_not_cross_an_act() {
    let mut course = in_lot();
    course.hear(
        heard(5, Word::Settled(Part::Amo, PartOutcome::Deferred)),
        Expected::Amo,
    );
    course.act(Act::UnsettledPassed).unwrap();
    let early = heard(3, Word::Settled(Part::Amo, PartOutcome::Paid));
    assert_eq!(course.hear(early, Expected::Amo), Effect::Recorded);
    assert_eq!(course.standing(), Standing::Unsettled);
    let late = heard(7, Word::Settled(Part::Amo, PartOutcome::Paid));
    assert_eq!(course.hear(late, Expected::Amo), Effect::Applied);
    assert_eq!(course.standing(), Standing::Paid);
}

#[test]
fn the_end_of_a_lot_leaves_alone_who_left_it_before() {
    let mut course = in_lot();
    course.hear(heard(5, Word::ContentRefused), Expected::Amo);
    let before = course.clone();
    course.act(Act::LotVoided).unwrap();
    assert_eq!(course, before);
}

fn in_lot() -> Course {
    let mut course = Course::admitted();
    course.act(Act::Sealed).unwrap();
    course
}

fn any_heard() -> impl Strategy<Value = Heard> {
    let word = prop_oneof![
        prop_oneof![Just(Verdict::Accepted), Just(Verdict::Refused)].prop_map(Word::Receipt),
        Just(Word::ContentRefused),
        (any_part(), any_outcome()).prop_map(|(part, outcome)| Word::Settled(part, outcome)),
        prop_oneof![Just(Answer::Granted), Just(Answer::Declined)].prop_map(Word::Answered),
    ];
    (0_i64..4, 0_u8..3, word).prop_map(|(issued, id, word)| Heard {
        issued: Timestamp::from_micros(issued),
        id: Name::parse(&format!("R{id}")).unwrap(),
        word,
        code: None,
    })
}

fn any_part() -> impl Strategy<Value = Part> {
    prop_oneof![Just(Part::Amo), Just(Part::Amc)]
}

fn any_outcome() -> impl Strategy<Value = PartOutcome> {
    prop_oneof![
        Just(PartOutcome::Paid),
        Just(PartOutcome::Rejected),
        Just(PartOutcome::Deferred)
    ]
}

fn any_expected() -> impl Strategy<Value = Expected> {
    prop_oneof![
        Just(Expected::Amo),
        Just(Expected::Amc),
        Just(Expected::Both),
        Just(Expected::Answer),
        Just(Expected::Nothing),
    ]
}

/// Words, and the same words in another order of arrival.
fn words_twice() -> impl Strategy<Value = (Vec<Heard>, Vec<Heard>)> {
    proptest::collection::vec(any_heard(), 0..8)
        .prop_flat_map(|words| (Just(words.clone()), Just(words).prop_shuffle()))
}

proptest! {
    #[test]
    fn the_order_of_arrival_changes_nothing((words, shuffled) in words_twice(), expected in any_expected()) {
        let (mut one, mut other) = (in_lot(), in_lot());
        for word in words {
            one.hear(word, expected);
        }
        for word in shuffled {
            other.hear(word, expected);
        }
        prop_assert_eq!(one, other);
    }

    #[test]
    fn what_is_repeated_changes_nothing((words, again) in words_twice(), expected in any_expected(), act in 0..8_usize) {
        let mut course = in_lot();
        for word in words {
            course.hear(word, expected);
        }
        // Also when an act lies between.
        let _ = course.act(ALL_ACTS[act]);
        let before = course.clone();
        for word in again {
            prop_assert_eq!(course.hear(word, expected), Effect::Recorded);
        }
        prop_assert_eq!(course, before);
    }

    #[test]
    fn a_course_is_kept_whole((before, after) in words_twice(), expected in any_expected(), act in 0..8_usize) {
        let mut course = in_lot();
        for word in before {
            course.hear(word, expected);
        }
        let _ = course.act(ALL_ACTS[act]);
        for word in after {
            course.hear(word, expected);
        }
        let kept: Course = canon::value_of(&canon::bytes_of(&course)).unwrap();
        prop_assert_eq!(kept, course);
    }
}
