//! The laws of lots between two worlds: which attempt is proven, what one settlement does not say of its lot, and which
//! answers come too late to be believed.

use super::*;
use crate::claims::audit::{Audit, compare};
use crate::claims::document::{Cents, ReplacementReason};
use crate::claims::receipt::HeardOutcome;
use crate::claims::receipt::{
    Coverage, DocumentVerdict, Evidence, Item, Part, PartOutcome, PartSettlement, Receipt,
    Settlement, SettlementContent, Verdict,
};
use crate::store::{Heard, LotRecord, Sealing, Stood};

laws! {
    only_an_attempt_that_wrote_something_is_proven
    a_settlement_during_an_attempt_takes_no_lot
    what_left_after_its_refusal_does_not_go_again_with_its_lot
    an_answer_about_a_lot_that_moved_since_is_refused
    a_question_is_not_put_off_by_a_receipt
    what_was_settled_and_then_replaced_left_its_lot_once
    what_never_left_and_is_to_be_asked_about_loses_its_way_too
    what_cannot_be_asked_about_goes_its_way_with_its_bytes
}

const HOUR: u64 = 3600;

fn later(seconds: u64) -> Timestamp {
    now() + Duration::from_secs(seconds)
}

/// A store with so many documents, from 1 on, in lot 77.
async fn with_lot_of<S: Subject>(documents: u32) -> S {
    with_lot::<S>(documents, Form::Composed).await
}

async fn with_lot<S: Subject>(documents: u32, form: Form) -> S {
    let subject = begun::<S>().await;
    let store = subject.store();
    for number in 1..=documents {
        admit_one(&*store, number.into(), number, body_of(number)).await;
    }
    let documents = (1..=documents).map(|id| DocumentId(id.into())).collect();
    let sealed = Sealed {
        form,
        ..sealed(documents)
    };
    let outcome = store.commit(now(), Command::Seal(sealed)).await;
    assert!(matches!(outcome.unwrap(), Outcome::Done(_)));
    subject
}

async fn leased(store: &dyn Store, seconds: u64) -> usize {
    let lease = Lease {
        endpoint: EndpointName::parse("paris").unwrap(),
        until: later(seconds + 60),
        most: 10,
    };
    let leased = store.lease_due(later(seconds), lease).await.unwrap();
    leased.len()
}

/// What came of an attempt or a question; the next thing at once.
fn conclusion(seconds: u64, attempt: u32, event: Event) -> Conclusion {
    Conclusion {
        lot: LotId(77),
        attempt,
        asked: None,
        event,
        next: Next {
            at: later(seconds),
            reason: Reason::Turn,
        },
        named: Vec::new(),
        words: None,
    }
}

async fn ends(store: &dyn Store, seconds: u64, attempt: u32, event: Event) {
    let command = Command::Conclude(conclusion(seconds, attempt, event));
    let outcome = store.commit(later(seconds), command).await.unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{event:?} {outcome:?}");
}

async fn hears(store: &dyn Store, seconds: u64, item: Item) {
    let command = Command::Receipts {
        endpoint: EndpointName::parse("paris").unwrap(),
        purpose: Purpose::Real,
        destinations: vec![Destination::Amo(caisse())],
        formerly: Vec::new(),
        items: vec![Heard {
            evidence: Evidence::Item(item),
            body: Body {
                bytes: Bytes::from_static(b"<x/>"),
                salt: [5; 16],
            },
        }],
        cursor: None,
    };
    let outcome = store.commit(later(seconds), command).await.unwrap();
    assert_eq!(outcome, Outcome::Heard(vec![HeardOutcome::Recorded]));
}

fn receipt(documents: &[u128], verdict: Verdict) -> Item {
    let rows = documents.iter().map(|id| DocumentVerdict {
        document: DocumentId(*id),
        verdict,
        code: None,
        text: None,
    });
    Item::Receipt(Receipt {
        id: name(&format!("r{}", documents[0])),
        lot: LotId(77),
        digest: Digest([1; 32]),
        issued: now(),
        verdict,
        documents: rows.collect(),
        coverage: Coverage::Listed,
        code: None,
        text: None,
    })
}

fn settlement(document: u128) -> Item {
    settled(document, PartOutcome::Paid)
}

fn settled(document: u128, outcome: PartOutcome) -> Item {
    Item::Settlement(Settlement {
        id: name(&format!("s{document}")),
        document: DocumentId(document),
        issued: now(),
        content: SettlementContent::Parts(vec![PartSettlement {
            part: Part::Amo,
            outcome,
            amount: Cents(1750),
            code: None,
            text: None,
        }]),
    })
}

async fn on_paper(store: &dyn Store, seconds: u64, document: u128) {
    let command = Command::Paper {
        document: DocumentId(document),
        actor: name("operator"),
    };
    let outcome = store.commit(later(seconds), command).await.unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
}

async fn lot(store: &dyn Store) -> LotRecord {
    store.lot(LotId(77)).await.unwrap().unwrap()
}

async fn record(store: &dyn Store, document: u128) -> DocumentRecord {
    let found = store.document(Find::Id(DocumentId(document))).await;
    found.unwrap().unwrap().record
}

async fn standings(store: &dyn Store) -> Vec<Standing> {
    let documents = store.documents(None, usize::MAX).await.unwrap();
    documents.iter().map(DocumentRecord::standing).collect()
}

/// Whether its insurer is to be asked about the lot.
async fn is_asked(store: &dyn Store, seconds: u64) -> bool {
    let sealing = Sealing {
        documents: 1,
        bytes: 1,
        age: Duration::ZERO,
    };
    let due = store.due(later(seconds), sealing, 10).await.unwrap();
    !due.asks.is_empty()
}

/// Both counts agree on the entries of a store.
async fn balanced(store: &dyn Store) {
    let entries = store.entries(Position(0), usize::MAX).await.unwrap();
    let mut audit = Audit::default();
    for (position, stamped) in &entries {
        audit.feed(*position, stamped).unwrap();
    }
    let entries = entries.into_iter().map(|(_, stamped)| stamped).collect();
    let folded = Memory::rebuilt(Secret::new([9; 32]), entries).unwrap();
    assert_eq!(compare(&tallies(&folded).await.units, &audit.units()), []);
}

/// The first attempt may have arrived; the second begins ten days later, past the deadline, and writes nothing.
async fn only_an_attempt_that_wrote_something_is_proven<S: Subject>() {
    const SECOND: u64 = 10 * 24 * HOUR;
    let deferred = async |store: &dyn Store| {
        assert_eq!(leased(store, 0).await, 1);
        ends(store, 1, 1, Event::Deferred).await;
        assert_eq!(leased(store, SECOND).await, 1);
    };
    let first = Some(now());
    let accepted = |documents: &[u128]| receipt(documents, Verdict::Accepted);
    let all = &[1, 2][..];

    // What is heard after it, during it in part, and during it of all.
    for (during, after) in [(&[][..], all), (&[1], &[2]), (all, &[])] {
        let subject = with_lot_of::<S>(2).await;
        let store = subject.store();
        deferred(&*store).await;
        if !during.is_empty() {
            hears(&*store, SECOND + 1, accepted(during)).await;
            // Until it is known better, the one that runs counts.
            assert_eq!(record(&*store, 1).await.proven, Some(later(SECOND)));
        }
        ends(&*store, SECOND + 2, 2, Event::NotReached).await;
        assert_eq!(lot(&*store).await.attempted, first, "{during:?}");
        if !after.is_empty() {
            hears(&*store, SECOND + 3, accepted(after)).await;
        }
        for document in [1, 2] {
            let proven = record(&*store, document).await.proven;
            assert_eq!(proven, first, "{document}, {during:?} while it ran");
        }
        assert_eq!(lot(&*store).await.state, State::Answered);
        balanced(&*store).await;
    }

    // Its lease ran out before it was heard that nothing was written.
    let subject = with_lot_of::<S>(2).await;
    let store = subject.store();
    deferred(&*store).await;
    store
        .commit(later(SECOND + 60), Command::Tick)
        .await
        .unwrap();
    assert_eq!(lot(&*store).await.state, State::InDoubt);
    ends(&*store, SECOND + 61, 2, Event::StatusKnown).await;
    assert_eq!(record(&*store, 1).await.proven, Some(later(SECOND)));
    for again in 62..64 {
        ends(&*store, SECOND + again, 2, Event::NotReached).await;
        assert_eq!(record(&*store, 1).await.proven, first);
    }
    balanced(&*store).await;

    // One that is taken counts from its own beginning, and where nothing was ever written there is nothing to prove.
    let subject = with_lot_of::<S>(1).await;
    let store = subject.store();
    assert_eq!(leased(&*store, 0).await, 1);
    ends(&*store, 1, 1, Event::NotReached).await;
    assert_eq!(lot(&*store).await.attempted, None);
    assert_eq!(leased(&*store, 2).await, 1);
    ends(&*store, 3, 2, Event::Taken).await;
    assert_eq!(record(&*store, 1).await.proven, Some(later(2)));
    balanced(&*store).await;
}

/// Its document went in an earlier lot, which a restore lost or its insurer wrongly did not know.
async fn a_settlement_during_an_attempt_takes_no_lot<S: Subject>() {
    use Standing::{InLot, Open, Paid};
    for (event, state, answer, ended, others) in [
        (
            Event::Deferred,
            State::Due,
            Event::StatusUnknown,
            State::Void,
            Open,
        ),
        (
            Event::Deferred,
            State::Due,
            Event::StatusKnown,
            State::Taken,
            InLot,
        ),
        (
            Event::NoAnswer,
            State::InDoubt,
            Event::StatusUnknown,
            State::Void,
            Open,
        ),
        (
            Event::Taken,
            State::Taken,
            Event::StatusKnown,
            State::Taken,
            InLot,
        ),
    ] {
        let subject = with_lot_of::<S>(3).await;
        let store = subject.store();
        assert_eq!(leased(&*store, 0).await, 1);
        hears(&*store, 1, settlement(1)).await;
        ends(&*store, 2, 1, event).await;
        assert_eq!(lot(&*store).await.state, state, "{event:?}");
        assert_eq!(leased(&*store, 3).await, 0, "asked about first");
        assert!(is_asked(&*store, 3).await, "{event:?}");
        ends(&*store, 4, 1, answer).await;
        assert_eq!(lot(&*store).await.state, ended, "{event:?} {answer:?}");
        assert_eq!(standings(&*store).await, [Paid, others, others]);
        balanced(&*store).await;
    }

    // The insurer refuses what it had taken before.
    let subject = with_lot_of::<S>(3).await;
    let store = subject.store();
    assert_eq!(leased(&*store, 0).await, 1);
    hears(&*store, 1, settlement(1)).await;
    let refused = Conclusion {
        named: vec![(DocumentId(1), None)],
        ..conclusion(2, 1, Event::ContentRefused)
    };
    store
        .commit(later(2), Command::Conclude(refused))
        .await
        .unwrap();
    assert_eq!(lot(&*store).await.state, State::Void);
    assert_eq!(standings(&*store).await, [Paid, Open, Open]);
    balanced(&*store).await;

    // A receipt names the lot: it arrived, whatever came of the attempt.
    for event in [
        Event::NotReached,
        Event::Deferred,
        Event::NoAnswer,
        Event::ContentRefused,
    ] {
        let subject = with_lot_of::<S>(3).await;
        let store = subject.store();
        assert_eq!(leased(&*store, 0).await, 1);
        hears(&*store, 1, settlement(1)).await;
        hears(&*store, 1, receipt(&[2], Verdict::Accepted)).await;
        ends(&*store, 2, 1, event).await;
        assert_eq!(lot(&*store).await.state, State::Taken, "{event:?}");
        balanced(&*store).await;
    }
}

/// How a document leaves that was refused.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    OnPaper,
    Cancelled,
    Replaced,
}

async fn leaves(store: &dyn Store, seconds: u64, how: Leaving) {
    match how {
        Leaving::OnPaper => on_paper(store, seconds, 1).await,
        Leaving::Cancelled => {
            let command = Command::Cancel {
                document: DocumentId(1),
                caller: name("vendor"),
            };
            let outcome = store.commit(later(seconds), command).await.unwrap();
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        }
        Leaving::Replaced => {
            let mut replacement = admission(9, 9, body_of(9));
            let replaced = example::facts(Kind::Fse, "000000001").key;
            let reason = ReplacementReason::Refused;
            replacement.facts.replaces = Some((replaced.kind, replaced.number, reason));
            let rows = admit(store, vec![replacement], Unity::Each).await.unwrap();
            assert!(matches!(rows[0], Admitted::Received { .. }), "{rows:?}");
        }
    }
}

/// The insurer refuses one document of a lot that it took, says nothing of the other, and loses the lot.
async fn what_left_after_its_refusal_does_not_go_again_with_its_lot<S: Subject>() {
    for how in [Leaving::OnPaper, Leaving::Cancelled, Leaving::Replaced] {
        for overdue_first in [false, true] {
            let subject = with_lot_of::<S>(2).await;
            let store = subject.store();
            assert_eq!(leased(&*store, 0).await, 1);
            ends(&*store, 1, 1, Event::Taken).await;
            hears(&*store, 2, receipt(&[1], Verdict::Refused)).await;
            if !overdue_first {
                leaves(&*store, 3, how).await;
            }
            let expected_by = lot(&*store).await.next.unwrap().at;
            store.commit(expected_by, Command::Tick).await.unwrap();
            assert_eq!(lot(&*store).await.state, State::Overdue);
            let overdue = expected_by.since(now()).as_secs() + 1;
            ends(&*store, overdue, 1, Event::StatusUnknown).await;
            if overdue_first {
                // It is due again, with the document in it that leaves only now.
                assert_eq!(lot(&*store).await.state, State::Due);
                leaves(&*store, overdue + 1, how).await;
                assert_eq!(leased(&*store, overdue + 2).await, 0, "asked about first");
                assert!(is_asked(&*store, overdue + 2).await);
                ends(&*store, overdue + 3, 1, Event::StatusUnknown).await;
            }
            let why = format!("{how:?}, overdue first: {overdue_first}");
            assert_eq!(lot(&*store).await.state, State::Void, "{why}");
            assert_eq!(record(&*store, 2).await.standing(), Standing::Open, "{why}");
            balanced(&*store).await;
        }
    }
}

/// "Unknown" was said while the lot stood in the insurer's own front; then it was taken, and a receipt came.
async fn an_answer_about_a_lot_that_moved_since_is_refused<S: Subject>() {
    let subject = with_lot_of::<S>(3).await;
    let store = subject.store();
    assert_eq!(leased(&*store, 0).await, 1);
    ends(&*store, 1, 1, Event::NoAnswer).await;
    let asked_in_doubt = lot(&*store).await.stood();
    hears(&*store, 2, receipt(&[1], Verdict::Accepted)).await;
    on_paper(&*store, 3, 2).await;
    assert!(
        is_asked(&*store, 3).await,
        "the question is open, about another state"
    );
    let answer = async |asked: Stood, event| {
        let conclusion = Conclusion {
            asked: Some(asked),
            ..conclusion(4, 1, event)
        };
        let outcome = store.commit(later(4), Command::Conclude(conclusion)).await;
        outcome.unwrap()
    };
    let entries = store.entries(Position(0), usize::MAX).await.unwrap().len();
    for event in [
        Event::StatusUnknown,
        Event::StatusKnown,
        Event::StatusRefused,
    ] {
        let refused = Outcome::Conflict(Conflict::Delivery {
            lot: LotId(77),
            state: State::Taken,
        });
        assert_eq!(answer(asked_in_doubt, event).await, refused);
    }
    let after = store.entries(Position(0), usize::MAX).await.unwrap().len();
    assert_eq!(after, entries, "nothing is recorded");
    // In the same state, but a receipt since.
    let asked_taken = lot(&*store).await.stood();
    assert_eq!(asked_taken.state, State::Taken);
    let earlier = Stood {
        unanswered: asked_taken.unanswered + 1,
        ..asked_taken
    };
    let outcome = answer(earlier, Event::StatusUnknown).await;
    assert!(matches!(outcome, Outcome::Conflict(_)), "{outcome:?}");
    assert!(is_asked(&*store, 4).await, "it is asked again");
    let outcome = answer(asked_taken, Event::StatusKnown).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(lot(&*store).await.state, State::Taken);
    balanced(&*store).await;
}

/// A document went to paper, and another has its receipt: the lot is asked about now, not when all receipts are late.
async fn a_question_is_not_put_off_by_a_receipt<S: Subject>() {
    let subject = with_lot_of::<S>(3).await;
    let store = subject.store();
    assert_eq!(leased(&*store, 0).await, 1);
    ends(&*store, 1, 1, Event::NoAnswer).await;
    on_paper(&*store, 2, 1).await;
    let waits = lot(&*store).await.next;
    hears(&*store, 3, receipt(&[2], Verdict::Accepted)).await;
    let taken = lot(&*store).await;
    assert_eq!((taken.state, taken.next), (State::Taken, waits));
    assert!(is_asked(&*store, 3).await);
    ends(&*store, 4, 1, Event::StatusKnown).await;
    assert!(!is_asked(&*store, 4).await);
}

/// Of a file of two documents one was rejected while it was due, and replaced: the other still wants to be sent.
async fn what_was_settled_and_then_replaced_left_its_lot_once<S: Subject>() {
    let subject = with_lot::<S>(2, Form::PreFormed).await;
    let store = subject.store();
    assert_eq!(leased(&*store, 0).await, 1);
    ends(&*store, 1, 1, Event::Deferred).await;
    hears(&*store, 2, settled(1, PartOutcome::Rejected)).await;
    assert!(is_asked(&*store, 2).await);
    leaves(&*store, 3, Leaving::Replaced).await;
    assert_eq!(lot(&*store).await.left, [DocumentId(1)]);
    ends(&*store, 4, 1, Event::StatusUnknown).await;
    assert_eq!(lot(&*store).await.state, State::Due);
    assert_eq!(record(&*store, 2).await.standing(), Standing::InLot);
    balanced(&*store).await;
}

/// One of its documents was settled: it went in an earlier lot. Then the endpoint goes, which could never be asked.
async fn what_never_left_and_is_to_be_asked_about_loses_its_way_too<S: Subject>() {
    let subject = with_lot_of::<S>(2).await;
    let store = subject.store();
    hears(&*store, 1, settlement(1)).await;
    assert_eq!(lot(&*store).await.state, State::Due);
    assert!(is_asked(&*store, 1).await);
    let unroute = Command::Unroute(EndpointName::parse("paris").unwrap());
    store.commit(later(2), unroute).await.unwrap();
    assert_eq!(lot(&*store).await.state, State::Void);
    let standings = standings(&*store).await;
    assert_eq!(standings, [Standing::Paid, Standing::Open]);
    balanced(&*store).await;
}

/// A document went to paper while its lot stood so, and its insurer has no status service: the others are not sealed
/// anew, and the lot goes as it was sealed.
async fn what_cannot_be_asked_about_goes_its_way_with_its_bytes<S: Subject>() {
    for (before, after, stood) in [
        (Some(Event::Deferred), None, State::Due),
        (None, Some(Event::Deferred), State::Sending),
        (None, Some(Event::NoAnswer), State::Sending),
        (None, Some(Event::Taken), State::Sending),
        (Some(Event::NoAnswer), None, State::InDoubt),
        (Some(Event::Taken), None, State::Taken),
        (Some(Event::Taken), None, State::Overdue),
    ] {
        let why = format!("{stood:?} {after:?}");
        let subject = with_lot_of::<S>(2).await;
        let store = subject.store();
        let sealed = lot(&*store).await.sealed;
        assert_eq!(leased(&*store, 0).await, 1);
        if let Some(event) = before {
            let mut ended = conclusion(1, 1, event);
            if event == Event::Taken {
                ended.next.at = later(HOUR);
            }
            let outcome = store.commit(later(1), Command::Conclude(ended)).await;
            assert!(matches!(outcome.unwrap(), Outcome::Done(_)), "{why}");
        }
        let mut seconds = 2;
        if stood == State::Overdue {
            seconds = overdue(&*store).await;
        }
        assert_eq!(lot(&*store).await.state, stood, "{why}");
        on_paper(&*store, seconds, 1).await;
        if let Some(event) = after {
            ends(&*store, seconds, 1, event).await;
        }
        assert!(is_asked(&*store, seconds).await, "{why}");
        assert_eq!(
            leased(&*store, seconds).await,
            0,
            "asked about first: {why}"
        );
        ends(&*store, seconds + 1, 1, Event::NoStatusService).await;
        if lot(&*store).await.state == State::Taken {
            // It has the lot for all that is known: until its receipt is overdue.
            assert!(!is_asked(&*store, seconds).await, "{why}");
            seconds = overdue(&*store).await;
            ends(&*store, seconds + 1, 1, Event::NoStatusService).await;
        }
        let due = lot(&*store).await;
        assert_eq!((due.state, due.ask), (State::Due, false), "{why}");
        assert_eq!(leased(&*store, seconds + 1).await, 1, "{why}");
        let again = lot(&*store).await;
        assert_eq!((again.state, again.attempts), (State::Sending, 2), "{why}");
        assert_eq!(again.sealed, sealed, "{why}");
        let standings = standings(&*store).await;
        assert_eq!(standings, [Standing::OnPaper, Standing::InLot], "{why}");
        balanced(&*store).await;
    }
}

/// The receipt of the lot is overdue: since how many seconds after the beginning.
async fn overdue(store: &dyn Store) -> u64 {
    let at = lot(store).await.next.unwrap().at;
    store.commit(at, Command::Tick).await.unwrap();
    assert_eq!(lot(store).await.state, State::Overdue);
    at.since(now()).as_secs()
}
