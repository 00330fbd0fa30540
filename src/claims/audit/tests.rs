//! The second count, by small ledgers written by hand, and held against the table of standings.

use proptest::prelude::*;

use super::*;
use crate::claims::delivery::{Arrival, Form, Presence, Step};
use crate::claims::document::{Cents, ClockBasis, Exclusions, Facts, Key, Kind, Mode, ThirdParty};
use crate::claims::id::{Amc, Amo, Destination, Digest, EndpointName, Name, Number};
use crate::claims::receipt::{Answer, Part, PartOutcome, Verdict};
use crate::claims::standing::{self, Act, Course, Expected, Heard};
use crate::claims::tally::{DayBasis, Lateness};

const NOON: &str = "2026-10-05T10:00:00Z";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn destination() -> Destination {
    Destination::Amo(Amo::new("01", "751", "0000").unwrap())
}

fn facts(number: u128, kind: Kind) -> Facts {
    let day = Day::parse("2026-10-05").unwrap();
    Facts {
        key: Key {
            centre: Finess::parse("750000010").unwrap(),
            kind,
            number: Number::parse(&number.to_string()).unwrap(),
        },
        mode: Mode::Secured,
        destination: destination(),
        clock_day: day,
        clock_basis: ClockBasis::Completed,
        care_day: day.plus_days(-1),
        third_party_amo: ThirdParty::InsurerPays,
        third_party_amc: ThirdParty::InsurerPays,
        amount_amo: Cents(1_000),
        amount_amc: Cents(0),
        settled_for: None,
        exclusions: Exclusions::NONE,
        replaces: None,
        supports: None,
    }
}

fn received(document: u128) -> Received {
    Received {
        document: DocumentId(document),
        purpose: Purpose::Real,
        caller: name("vendor"),
        facts: facts(document, Kind::Fse),
        root: DocumentId(document),
        replaces: None,
        supports: None,
        deadline: Day::parse("2026-10-15"),
        length: 100,
        commitment: Digest([0; 32]),
        fingerprint: Digest([0; 32]),
        warnings: Vec::new(),
    }
}

fn admitted(document: u128) -> Entry {
    Entry::Received(Box::new(received(document)))
}

fn replacing(document: u128, replaced: u128) -> Entry {
    let mut entry = received(document);
    entry.replaces = Some(DocumentId(replaced));
    entry.root = DocumentId(replaced);
    entry.facts.mode = Mode::Degraded;
    entry.deadline = Day::parse("2027-01-01");
    Entry::Received(Box::new(entry))
}

fn sealed(lot: u128, documents: &[u128]) -> Entry {
    Entry::Sealed(Box::new(Sealed {
        lot: LotId(lot),
        centre: Finess::parse("750000010").unwrap(),
        destination: destination(),
        endpoint: EndpointName::parse("cpam-paris").unwrap(),
        purpose: Purpose::Real,
        documents: documents.iter().copied().map(DocumentId).collect(),
        digest: Digest([0; 32]),
        length: 1_000,
        due: at(NOON),
        form: Form::Composed,
    }))
}

fn lot(lot: u128, event: Event) -> Entry {
    naming(lot, event, &[])
}

fn naming(lot: u128, event: Event, named: &[u128]) -> Entry {
    let named = named.iter().map(|document| (DocumentId(*document), None));
    Entry::Delivery(Box::new(Delivery {
        lot: LotId(lot),
        event,
        attempt: 1,
        next: None,
        named: named.collect(),
        words: None,
    }))
}

fn receipt(lot: u128, issued: &str, verdicts: &[(u128, Verdict)]) -> Entry {
    let verdicts = verdicts
        .iter()
        .map(|(document, verdict)| (DocumentId(*document), *verdict, None));
    Entry::Receipted(Box::new(Receipted {
        endpoint: EndpointName::parse("cpam-paris").unwrap(),
        id: name(&format!("r-{issued}")),
        lot: LotId(lot),
        issued: at(issued),
        verdicts: verdicts.collect(),
        commitment: Digest([0; 32]),
        fingerprint: Digest([0; 32]),
    }))
}

fn settlement(document: u128, issued: &str, outcome: PartOutcome) -> Entry {
    Entry::Settled(Box::new(Settled {
        endpoint: EndpointName::parse("cpam-paris").unwrap(),
        id: name(&format!("s-{issued}")),
        document: DocumentId(document),
        issued: at(issued),
        content: SettledContent::Parts(vec![(Part::Amo, outcome, 1_000, None)]),
        commitment: Digest([0; 32]),
        fingerprint: Digest([0; 32]),
    }))
}

fn on_paper(document: u128) -> Entry {
    Entry::OnPaper {
        document: DocumentId(document),
        actor: name("operator"),
    }
}

fn audit(entries: impl IntoIterator<Item = Entry>) -> Audit {
    let stamped = entries.into_iter().map(|entry| (at(NOON), entry));
    audit_at(stamped.collect())
}

fn audit_at(entries: Vec<(Timestamp, Entry)>) -> Audit {
    let mut audit = Audit::default();
    for (position, (at, entry)) in (1..).map(Position).zip(entries) {
        audit.feed(position, &Stamped { at, entry }).unwrap();
    }
    audit
}

/// The one unit of a ledger with one line: standing, receipt, lateness.
fn unit(audit: &Audit) -> (Standing, standing::Receipted, Lateness) {
    let units = audit.units();
    assert_eq!(units.len(), 3, "one unit, in three cells: {units:?}");
    assert!(units.values().all(|number| *number == 1));
    let cell = units.keys().next().unwrap();
    (cell.standing, cell.receipted, cell.late)
}

#[test]
fn one_document_on_its_way() {
    use Lateness::{InTime, Unproven};
    use standing::Receipted::{BothWays, No, Yes};
    let (leased, taken) = (lot(9, Event::Leased), lot(9, Event::Taken));
    let base = [admitted(1), sealed(9, &[1])];
    let accepted = receipt(9, NOON, &[(1, Verdict::Accepted)]);
    let refused = receipt(9, NOON, &[(1, Verdict::Refused)]);
    let paid = settlement(1, "2026-10-07T10:00:00Z", PartOutcome::Paid);
    let sending = vec![leased.clone()];
    let delivered = vec![leased.clone(), taken.clone()];
    let with = |way: &[Entry], entries: &[Entry]| [way, entries].concat();
    for (why, way, expected) in [
        ("sealed", vec![], (Standing::InLot, No, Unproven)),
        (
            "an attempt proves nothing",
            sending.clone(),
            (Standing::InLot, No, Unproven),
        ),
        (
            "the answer does",
            delivered.clone(),
            (Standing::InLot, No, InTime),
        ),
        (
            "a status does",
            with(
                &sending,
                &[lot(9, Event::NoAnswer), lot(9, Event::StatusKnown)],
            ),
            (Standing::InLot, No, InTime),
        ),
        (
            "a receipt does",
            with(&sending, std::slice::from_ref(&accepted)),
            (Standing::Acknowledged, Yes, InTime),
        ),
        (
            "a refusal does",
            with(&delivered, std::slice::from_ref(&refused)),
            (Standing::Refused, No, InTime),
        ),
        (
            "a settlement does",
            with(&sending, std::slice::from_ref(&paid)),
            (Standing::Paid, Yes, InTime),
        ),
        (
            "refused content",
            with(&sending, &[lot(9, Event::ContentRefused)]),
            (Standing::Refused, No, Unproven),
        ),
        (
            "unknown to the insurer",
            with(
                &sending,
                &[lot(9, Event::NoAnswer), lot(9, Event::StatusUnknown)],
            ),
            (Standing::InLot, No, Unproven),
        ),
        (
            "both ways",
            with(&sending, &[on_paper(1), accepted.clone()]),
            (Standing::OnPaper, BothWays, InTime),
        ),
        (
            "both ways, the receipt first",
            with(&sending, &[accepted.clone(), on_paper(1)]),
            (Standing::Acknowledged, BothWays, InTime),
        ),
        (
            "and refused after all",
            with(
                &sending,
                &[
                    accepted.clone(),
                    on_paper(1),
                    receipt(9, "2026-10-06T10:00:00Z", &[(1, Verdict::Refused)]),
                ],
            ),
            (Standing::OnPaper, No, InTime),
        ),
    ] {
        let audit = audit(with(&base, &way));
        assert_eq!(unit(&audit), expected, "{why}");
    }
}

#[test]
fn a_void_lot_gives_its_documents_back() {
    let base = |event, named: &[u128]| {
        audit([
            admitted(1),
            admitted(2),
            sealed(9, &[1, 2]),
            lot(9, Event::Leased),
            naming(9, event, named),
        ])
    };
    use Standing::{InLot, Open, Refused};
    for (why, event, named, first, second) in [
        ("names one", Event::ContentRefused, &[1][..], Refused, Open),
        ("names none", Event::ContentRefused, &[], Refused, Refused),
        (
            "names strangers",
            Event::ContentRefused,
            &[7],
            Refused,
            Refused,
        ),
        ("deferred", Event::Deferred, &[], InLot, InLot),
    ] {
        let audit = base(event, named);
        let found = [1, 2].map(|document| audit.standing(DocumentId(document)));
        assert_eq!(found, [Some(first), Some(second)], "{why}");
    }
}

#[test]
fn a_lot_that_a_document_left_is_void_once_it_is_unknown() {
    let audit = audit([
        admitted(1),
        admitted(2),
        sealed(9, &[1, 2]),
        lot(9, Event::Leased),
        lot(9, Event::Taken),
        on_paper(1),
        lot(9, Event::DuplicateConfirmed),
        lot(9, Event::StatusUnknown),
    ]);
    let found = [1, 2].map(|document| audit.standing(DocumentId(document)).unwrap());
    assert_eq!(found, [Standing::OnPaper, Standing::Open]);
    // What seemed to prove the taking is disproved for the one that was still in the lot.
    let lateness: BTreeSet<_> = audit.units().keys().map(|c| (c.standing, c.late)).collect();
    let expected = [
        (Standing::Open, Lateness::Unproven),
        (Standing::OnPaper, Lateness::InTime),
    ];
    assert_eq!(lateness, expected.into());
}

#[test]
fn a_line_is_one_unit_on_the_days_of_its_root() {
    let later = at("2026-10-20T10:00:00Z");
    let entries = vec![
        (at(NOON), admitted(1)),
        (at(NOON), sealed(9, &[1])),
        (at(NOON), lot(9, Event::Leased)),
        (at(NOON), receipt(9, NOON, &[(1, Verdict::Refused)])),
        (later, replacing(2, 1)),
        (later, sealed(10, &[2])),
        (later, lot(10, Event::Leased)),
        (
            later,
            receipt(10, "2026-10-20T11:00:00Z", &[(2, Verdict::Accepted)]),
        ),
    ];
    let audit = audit_at(entries);
    let units = audit.units();
    let days: Vec<_> = units
        .keys()
        .map(|cell| (cell.basis, cell.day.to_string()))
        .collect();
    assert_eq!(
        days,
        [
            (DayBasis::Clock, "2026-10-05".to_owned()),
            (DayBasis::Care, "2026-10-04".to_owned()),
            (DayBasis::Reception, "2026-10-05".to_owned()),
        ]
    );
    assert!(units.keys().all(|cell| cell.mode == Mode::Degraded));
    // The root's deadline, not the replacement's own.
    assert_eq!(
        unit(&audit),
        (
            Standing::Acknowledged,
            standing::Receipted::Yes,
            Lateness::Late
        )
    );
}

#[test]
fn the_deadline_ends_at_midnight_in_paris() {
    for (start, late) in [
        ("2026-10-15T21:59:59Z", Lateness::InTime),
        ("2026-10-15T22:00:00Z", Lateness::Late),
    ] {
        let audit = audit_at(vec![
            (at(NOON), admitted(1)),
            (at(NOON), sealed(9, &[1])),
            (at(start), lot(9, Event::Leased)),
            (at("2026-10-30T10:00:00Z"), lot(9, Event::Taken)),
        ]);
        assert_eq!(unit(&audit).2, late, "{start}");
    }
}

#[test]
fn tests_are_in_no_cell() {
    let mut test = received(1);
    test.purpose = Purpose::Test;
    let audit = audit([Entry::Received(Box::new(test))]);
    assert_eq!(audit.units(), BTreeMap::new());
}

#[test]
fn a_declaration_replaces_the_day() {
    let caisse = Amo::new("01", "751", "0000").unwrap();
    let centre = Finess::parse("750000010").unwrap();
    let day = Day::parse("2026-10-05").unwrap();
    let declared = |rows: &[u32]| Entry::Declared {
        centre,
        day,
        caller: name("vendor"),
        rows: rows
            .iter()
            .map(|sheets| PaperRow {
                caisse,
                sheets: *sheets,
            })
            .collect(),
    };
    for (entries, expected) in [
        (vec![declared(&[])], vec![1]),
        (vec![declared(&[0])], vec![1]),
        (vec![declared(&[5]), declared(&[3])], vec![1, 3]),
        (vec![declared(&[5]), declared(&[])], vec![1]),
        (vec![declared(&[5, 2])], vec![1, 7]),
    ] {
        let counts: Vec<i64> = audit(entries).paper().into_values().collect();
        assert_eq!(counts, expected);
    }
}

#[test]
fn a_broken_ledger_is_not_counted() {
    let position = |number| Position(number);
    let stamped = |entry| Stamped {
        at: at(NOON),
        entry,
    };
    for (entries, broken) in [
        (
            vec![(2, admitted(1))],
            Broken::OutOfOrder {
                last: position(0),
                found: position(2),
            },
        ),
        (
            vec![(1, admitted(1)), (1, admitted(2))],
            Broken::OutOfOrder {
                last: position(1),
                found: position(1),
            },
        ),
        (
            vec![(1, admitted(1)), (2, admitted(1))],
            Broken::Twice(position(2)),
        ),
        (
            vec![(1, on_paper(7))],
            Broken::UnknownDocument(position(1), DocumentId(7)),
        ),
        (
            vec![(1, lot(7, Event::Leased))],
            Broken::UnknownLot(position(1), LotId(7)),
        ),
    ] {
        let mut audit = Audit::default();
        let mut last = Ok(());
        for (number, entry) in entries {
            last = audit.feed(position(number), &stamped(entry));
        }
        assert_eq!(last, Err(broken));
    }
}

#[test]
fn lines_that_moved_are_known() {
    let audit = audit([admitted(1), admitted(2), sealed(9, &[2]), replacing(3, 1)]);
    let touched = |root| audit.is_touched_after(DocumentId(root), Position(3));
    assert_eq!([1, 2, 7].map(touched), [true, false, true]);
    let standings: BTreeSet<_> = audit
        .units_untouched_after(Position(3))
        .keys()
        .map(|cell| cell.standing)
        .collect();
    assert_eq!(standings, BTreeSet::from([Standing::InLot]));
}

#[test]
fn a_dropped_or_doubled_increment_is_found() {
    let audit = audit([admitted(1), admitted(2), sealed(9, &[2])]);
    let second = audit.units();
    assert_eq!(compare(&second, &second), []);
    for (change, cells) in [(-1, 1), (1, 1)] {
        let mut first = second.clone();
        let (cell, number) = first.iter_mut().next().unwrap();
        let cell = *cell;
        *number += change;
        let found = compare(&first, &second);
        assert_eq!(found.len(), cells);
        assert_eq!(
            (found[0].cell, found[0].first - found[0].second),
            (cell, change)
        );
    }
    let mut first = second.clone();
    first.pop_last();
    assert_eq!(compare(&first, &second).len(), 1, "a missing cell is zero");
}

/// One thing that happens in the property below: a word with its instant, or an act.
#[derive(Clone, Debug)]
enum Happens {
    Word(i64, u8, Word),
    Act(Act),
}

fn happens() -> impl Strategy<Value = Happens> {
    let verdict = prop_oneof![Just(Verdict::Accepted), Just(Verdict::Refused)];
    let part = prop_oneof![Just(Part::Amo), Just(Part::Amc)];
    let outcome = prop_oneof![
        Just(PartOutcome::Paid),
        Just(PartOutcome::Rejected),
        Just(PartOutcome::Deferred)
    ];
    let answer = prop_oneof![Just(Answer::Granted), Just(Answer::Declined)];
    let word = prop_oneof![
        3 => verdict.prop_map(Word::Receipt),
        1 => Just(Word::ContentRefused),
        3 => (part, outcome).prop_map(|(part, outcome)| Word::Settled(part, outcome)),
        1 => answer.prop_map(Word::Answered),
    ];
    let act = prop_oneof![
        Just(Act::Sealed),
        Just(Act::LotVoided),
        Just(Act::Cancelled),
        Just(Act::ByHand),
        Just(Act::DuplicateConfirmed),
        Just(Act::ReplacementAdmitted),
        Just(Act::UnsettledPassed),
        Just(Act::LapsePassed),
    ];
    prop_oneof![
        3 => (0_i64..5, 0_u8..3, word).prop_map(|(at, id, word)| Happens::Word(at, id, word)),
        1 => act.prop_map(Happens::Act),
    ]
}

fn fact(act: Act) -> Fact<'static> {
    match act {
        Act::Sealed => Fact::Sealed,
        Act::LotVoided => Fact::LotVoided,
        Act::Cancelled => Fact::Cancelled,
        Act::ByHand => Fact::ByHand,
        Act::DuplicateConfirmed => Fact::OnPaper,
        Act::ReplacementAdmitted => Fact::Replaced,
        Act::UnsettledPassed => Fact::Unsettled,
        Act::LapsePassed => Fact::Lapsed,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Two readings of the table of standings, written apart from each other, agree on every way
    /// that a document can take. An act that the table does not allow is no entry, so it is left out.
    #[test]
    fn both_readings_of_the_standing_table_agree(
        way in proptest::collection::vec(happens(), 0..14),
        form in 0_usize..5,
    ) {
        let mut received = received(1);
        (received.facts.key.kind, received.facts.amount_amc) = [
            (Kind::Fse, Cents(0)),
            (Kind::Fse, Cents(1)),
            (Kind::Dre, Cents(1)),
            (Kind::Pec, Cents(0)),
            (Kind::Pj, Cents(0)),
        ][form];
        received.facts.settled_for = Amc::parse("12345678").ok();
        let expected = Expected::of(&received.facts);
        let mut document = Document::admitted(at(NOON), &received, DocumentRow(0), Position(1));
        let mut course = Course::admitted();
        for happens in way {
            match happens {
                Happens::Word(instant, id, word) => {
                    let (issued, id) = (Timestamp::from_micros(instant), name(&id.to_string()));
                    document.facts.push(Fact::Said(issued, id.as_str(), word));
                    course.hear(Heard { issued, id, word, code: None }, expected);
                }
                Happens::Act(act) => {
                    if course.act(act).is_ok() {
                        document.facts.push(fact(act));
                    }
                }
            }
            let reading = document.read();
            prop_assert_eq!(reading.standing, course.standing());
            prop_assert_eq!(reading.receipted, course.position().receipted);
        }
    }
}

/// Two readings of the table of deliveries, written apart from each other, agree on every cell.
#[test]
fn both_readings_of_the_delivery_table_agree() {
    for (state, event) in State::ALL
        .into_iter()
        .flat_map(|s| Event::ALL.map(|e| (s, e)))
    {
        for arrival in Arrival::ALL {
            for (form, left) in Form::ALL
                .into_iter()
                .flat_map(|f| [0, 1, 2].map(|l| (f, l)))
            {
                let documents = Box::new([DocumentRow(0), DocumentRow(1)]);
                let presence = Presence::of(documents.len(), left as usize);
                let mut lot = Lot {
                    state,
                    may_have_arrived: arrival != Arrival::Nothing,
                    named: arrival == Arrival::Proven,
                    left,
                    ..Lot::sealed(documents, form)
                };
                lot.happens(event, 1, at(NOON).day());
                let next = match state.step(event, arrival, form, presence) {
                    Step::To(next) => next,
                    Step::Stay | Step::AskFirst | Step::Conflict => state,
                    // Never an entry.
                    Step::Impossible(_) => continue,
                };
                let why = format!("{state:?} {event:?} {arrival:?} {form:?} {presence:?}");
                assert_eq!(lot.state, next, "{why}");
            }
        }
    }
}
