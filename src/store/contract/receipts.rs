//! The laws of receipts and settlements: what makes two the same, and what is kept of those that move nothing.

use std::time::Duration;

use bytes::Bytes;

use super::{Subject, admit_one, begun, body_of, caisse, name, now, sealed};
use crate::claims::delivery::{Event, State};
use crate::claims::document::{Cents, Purpose};
use crate::claims::entry::{Entry, Next, OrphanCause, Position, Reason};
use crate::claims::id::{Destination, Digest, DocumentId, EndpointName, LotId};
use crate::claims::receipt::HeardOutcome;
use crate::claims::receipt::{
    Coverage, DocumentVerdict, Evidence, Item, Part, PartOutcome, PartSettlement, Receipt,
    Settlement, SettlementContent, Verdict,
};
use crate::claims::standing::{Course, Standing};
use crate::claims::time::Timestamp;
use crate::store::{
    Body, BodyId, Command, Conclusion, DocumentRecord, Find, Heard, Lease, Moved, Outcome, Sealing,
    Store,
};

const DOCUMENT: DocumentId = DocumentId(1);

/// A store with one document in lot 77, which is being sent to `paris`.
async fn sending<S: Subject>() -> S {
    let subject = begun::<S>().await;
    let store = subject.store();
    admit_one(&*store, DOCUMENT.0, 1, body_of(1)).await;
    let lot = sealed(vec![DOCUMENT]);
    let lease = Lease {
        endpoint: lot.endpoint.clone(),
        until: later(60),
        most: 1,
    };
    store.commit(now(), Command::Seal(lot)).await.unwrap();
    store.lease_due(now(), lease).await.unwrap();
    subject
}

fn later(seconds: u64) -> Timestamp {
    now() + Duration::from_secs(seconds)
}

fn receipt(id: &str, verdict: Verdict) -> Item {
    Item::Receipt(Receipt {
        id: name(id),
        lot: LotId(77),
        digest: Digest([1; 32]),
        issued: now(),
        verdict,
        documents: Vec::new(),
        coverage: Coverage::Whole,
        code: None,
        text: None,
    })
}

fn settlement(id: &str, outcome: PartOutcome) -> Item {
    Item::Settlement(Settlement {
        id: name(id),
        document: DOCUMENT,
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

/// `paris` says something that is written as these bytes.
async fn says(store: &dyn Store, evidence: Evidence, bytes: &'static str) -> HeardOutcome {
    let destinations = [Destination::Amo(caisse())];
    speaks(store, "paris", &destinations, evidence, bytes).await
}

async fn speaks(
    store: &dyn Store,
    endpoint: &str,
    destinations: &[Destination],
    evidence: Evidence,
    bytes: &'static str,
) -> HeardOutcome {
    let command = Command::Receipts {
        formerly: Vec::new(),
        endpoint: EndpointName::parse(endpoint).unwrap(),
        purpose: Purpose::Real,
        destinations: destinations.to_vec(),
        items: vec![Heard {
            evidence,
            body: Body {
                bytes: Bytes::from_static(bytes.as_bytes()),
                salt: [5; 16],
            },
        }],
        cursor: None,
    };
    match store.commit(now(), command).await.unwrap() {
        Outcome::Heard(rows) => rows[0],
        other => panic!("{other:?}"),
    }
}

async fn record(store: &dyn Store) -> DocumentRecord {
    let found = store.document(Find::Id(DOCUMENT)).await.unwrap();
    found.unwrap().record
}

async fn entries(store: &dyn Store) -> usize {
    let entries = store.entries(Position(0), usize::MAX).await.unwrap();
    entries.len()
}

pub(super) async fn what_was_recorded_first_stands<S: Subject>() {
    let mut subject = sending::<S>().await;
    let accepted = || Evidence::Item(receipt("1", Verdict::Accepted));
    let refused = || Evidence::Item(receipt("1", Verdict::Refused));
    let paid = || Evidence::Item(settlement("1", PartOutcome::Paid));
    let rejected = || Evidence::Item(settlement("1", PartOutcome::Rejected));
    let other = OrphanCause::OtherContent;
    for first in [true, false] {
        let store = subject.store();
        let mut said = Vec::new();
        for evidence in [accepted(), refused(), paid(), rejected()] {
            said.push(says(&*store, evidence, "<first/>").await);
        }
        // Written in another way it says the same; a receipt and a settlement may have one number.
        said.push(says(&*store, accepted(), "<first></first>").await);
        let expected = match first {
            true => [
                HeardOutcome::Recorded,
                HeardOutcome::Orphan(other),
                HeardOutcome::Recorded,
                HeardOutcome::Orphan(other),
                HeardOutcome::Known,
            ],
            false => [
                HeardOutcome::Known,
                HeardOutcome::OrphanAgain(other),
                HeardOutcome::Known,
                HeardOutcome::OrphanAgain(other),
                HeardOutcome::Known,
            ],
        };
        assert_eq!(said, expected);
        assert_eq!(store.orphans().await.unwrap(), 2);
        assert_eq!(record(&*store).await.standing(), Standing::Paid);
        drop(store);
        subject = subject.restarted().await;
    }
}

pub(super) async fn an_orphan_that_fits_when_it_comes_again_is_taken<S: Subject>() {
    let mut subject = sending::<S>().await;
    let foreign = OrphanCause::OtherDestination;
    let none: &[Destination] = &[];
    let own = &[Destination::Amo(caisse())][..];
    for (destinations, outcome, orphans) in [
        (none, HeardOutcome::Orphan(foreign), 1),
        (none, HeardOutcome::OrphanAgain(foreign), 1),
        // The configuration was corrected: the endpoint serves the destination.
        (own, HeardOutcome::Recorded, 0),
        (own, HeardOutcome::Known, 0),
        (none, HeardOutcome::Known, 0),
    ] {
        let store = subject.store();
        let item = Evidence::Item(receipt("1", Verdict::Accepted));
        let heard = speaks(&*store, "paris-new", destinations, item, "<x/>").await;
        assert_eq!(heard, outcome);
        assert_eq!(store.orphans().await.unwrap(), orphans);
        drop(store);
        subject = subject.restarted().await;
    }
    let standing = record(&*subject.store()).await.standing();
    assert_eq!(standing, Standing::Acknowledged);
}

pub(super) async fn what_cannot_be_evidence_is_kept_once<S: Subject>() {
    let subject = sending::<S>().await;
    let store = subject.store();
    let unproven = || Evidence::Unproven(receipt("1", Verdict::Accepted));
    let before = entries(&*store).await;
    for (evidence, bytes, outcome) in [
        (
            Evidence::UnreadableFeed,
            "<feed",
            HeardOutcome::Orphan(OrphanCause::UnreadableFeed),
        ),
        (
            Evidence::UnreadableFeed,
            "<feed",
            HeardOutcome::OrphanAgain(OrphanCause::UnreadableFeed),
        ),
        (
            Evidence::Unreadable,
            "<receipt",
            HeardOutcome::Orphan(OrphanCause::Unreadable),
        ),
        (
            unproven(),
            "<x/>",
            HeardOutcome::Orphan(OrphanCause::Signature),
        ),
        (
            unproven(),
            "<x/>",
            HeardOutcome::OrphanAgain(OrphanCause::Signature),
        ),
    ] {
        assert_eq!(says(&*store, evidence, bytes).await, outcome);
    }
    assert_eq!(entries(&*store).await, before + 3);
    assert_eq!(store.orphans().await.unwrap(), 3);
    let body = store.body(BodyId::Entry(Position(before as u64 + 1)));
    assert_eq!(body.await.unwrap().unwrap().bytes, "<feed");
    assert_eq!(record(&*store).await.standing(), Standing::InLot);
    // Signed and contradicting, it is no longer only unsigned.
    let refused = receipt("2", Verdict::Refused);
    let accepted = Evidence::Item(receipt("2", Verdict::Accepted));
    for (evidence, outcome) in [
        (
            Evidence::Unproven(refused.clone()),
            HeardOutcome::Orphan(OrphanCause::Signature),
        ),
        (accepted, HeardOutcome::Recorded),
        (
            Evidence::Item(refused),
            HeardOutcome::Orphan(OrphanCause::OtherContent),
        ),
    ] {
        assert_eq!(says(&*store, evidence, "<x/>").await, outcome);
    }
    assert_eq!(store.orphans().await.unwrap(), 4);
    // With its signature the same receipt is taken; without it again, it is known and nothing else.
    let proven = Evidence::Item(receipt("1", Verdict::Accepted));
    let taken = says(&*store, proven, "<x/>").await;
    assert_eq!(taken, HeardOutcome::Recorded);
    let again = says(&*store, unproven(), "<x/>").await;
    assert_eq!(again, HeardOutcome::Known);
    assert_eq!(store.orphans().await.unwrap(), 3);
}

pub(super) async fn a_document_is_spoken_of_so_often_and_no_more<S: Subject>() {
    let subject = sending::<S>().await;
    let store = subject.store();
    let before = entries(&*store).await;
    for number in 0..Course::WORDS {
        let verdict = Verdict::ALL[number % 2];
        let item = Evidence::Item(receipt(&format!("r{number}"), verdict));
        assert_eq!(says(&*store, item, "<x/>").await, HeardOutcome::Recorded);
    }
    let many = HeardOutcome::Orphan(OrphanCause::TooMany);
    let standing = record(&*store).await.standing();
    for item in [
        receipt("more", Verdict::Refused),
        settlement("more", PartOutcome::Paid),
    ] {
        assert_eq!(says(&*store, Evidence::Item(item), "<x/>").await, many);
    }
    let record = record(&*store).await;
    assert_eq!(
        (record.course.words(), record.standing()),
        (Course::WORDS, standing)
    );
    // Nothing is lost: each is an entry with its bytes.
    assert_eq!(entries(&*store).await, before + Course::WORDS + 2);
    let last = store.entries(Position((before + Course::WORDS + 1) as u64), 1);
    let last = last.await.unwrap();
    assert!(matches!(last[0].1.entry, Entry::Orphaned(_)), "{last:?}");
    assert!(
        store
            .body(BodyId::Entry(last[0].0))
            .await
            .unwrap()
            .is_some()
    );
}

pub(super) async fn who_is_spoken_of_too_often_keeps_no_other_from_its_receipt<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    let other = DocumentId(2);
    admit_one(&*store, DOCUMENT.0, 1, body_of(1)).await;
    admit_one(&*store, other.0, 2, body_of(2)).await;
    let lot = sealed(vec![DOCUMENT, other]);
    let lease = Lease {
        endpoint: lot.endpoint.clone(),
        until: later(60),
        most: 1,
    };
    store.commit(now(), Command::Seal(lot)).await.unwrap();
    store.lease_due(now(), lease).await.unwrap();
    // Each receipt lists all answers so far.
    let listed = |number: usize, documents: &[DocumentId]| {
        let accepted = |document: &DocumentId| DocumentVerdict {
            document: *document,
            verdict: Verdict::Accepted,
            code: None,
            text: None,
        };
        Evidence::Item(Item::Receipt(Receipt {
            id: name(&format!("r{number}")),
            lot: LotId(77),
            digest: Digest([1; 32]),
            issued: now(),
            verdict: Verdict::Accepted,
            documents: documents.iter().map(accepted).collect(),
            coverage: Coverage::Listed,
            code: None,
            text: None,
        }))
    };
    for number in 0..Course::WORDS {
        let heard = says(&*store, listed(number, &[DOCUMENT]), "<x/>").await;
        assert_eq!(heard, HeardOutcome::Recorded);
    }
    let both = || listed(Course::WORDS, &[DOCUMENT, other]);
    assert_eq!(says(&*store, both(), "<x/>").await, HeardOutcome::Recorded);
    assert_eq!(says(&*store, both(), "<x/>").await, HeardOutcome::Known);
    assert_eq!(record(&*store).await.course.words(), Course::WORDS);
    let found = store.document(Find::Id(other)).await.unwrap().unwrap();
    assert_eq!(found.record.standing(), Standing::Acknowledged);
    assert_eq!(self::lot(&*store).await.0, State::Answered);
}

/// What came of an attempt or a question, heard after so many seconds; the next thing an hour later.
async fn concludes(store: &dyn Store, seconds: u64, event: Event, reason: Reason) {
    let next = Next {
        at: later(seconds + 3600),
        reason,
    };
    let conclusion = Conclusion {
        lot: LotId(77),
        attempt: 1,
        asked: None,
        event,
        next,
        named: Vec::new(),
        words: None,
    };
    let done = store.commit(later(seconds), Command::Conclude(conclusion));
    assert!(matches!(done.await.unwrap(), Outcome::Done(_)), "{event:?}");
}

async fn lot(store: &dyn Store) -> (State, Option<Next>) {
    let lot = store.lot(LotId(77)).await.unwrap().unwrap();
    (lot.state, lot.next)
}

/// Lots whose insurers are to be asked after so many seconds.
async fn asked(store: &dyn Store, seconds: u64) -> usize {
    let sealing = Sealing {
        documents: 1,
        bytes: 1,
        age: Duration::ZERO,
    };
    let due = store.due(later(seconds), sealing, 10).await.unwrap();
    due.asks.len()
}

pub(super) async fn a_lot_without_its_receipt_is_overdue_and_asked_about<S: Subject>() {
    for (event, reason, expected, next) in [
        // It has the lot and no receipt yet: it is asked again.
        (
            Event::StatusKnown,
            Reason::Overdue,
            State::Overdue,
            Some(Reason::Overdue),
        ),
        (
            Event::StatusUnreachable,
            Reason::Overdue,
            State::Overdue,
            Some(Reason::Overdue),
        ),
        // It lost the lot, or cannot say: the same id and bytes again.
        (
            Event::StatusUnknown,
            Reason::Turn,
            State::Due,
            Some(Reason::Turn),
        ),
        (
            Event::NoStatusService,
            Reason::Turn,
            State::Due,
            Some(Reason::Turn),
        ),
        (Event::StatusRefused, Reason::Overdue, State::Void, None),
    ] {
        let mut subject = sending::<S>().await;
        let store = subject.store();
        concludes(&*store, 1, Event::Taken, Reason::Receipt).await;
        store.commit(later(3600), Command::Tick).await.unwrap();
        assert_eq!(lot(&*store).await.0, State::Taken, "not yet");
        assert_eq!(asked(&*store, 3600).await, 0);
        store.commit(later(3601), Command::Tick).await.unwrap();
        let at_once = Next {
            at: later(3601),
            reason: Reason::Overdue,
        };
        assert_eq!(lot(&*store).await, (State::Overdue, Some(at_once)));
        drop(store);
        // A restart neither forgets it nor asks twice.
        subject = subject.restarted().await;
        let store = subject.store();
        assert_eq!(asked(&*store, 3601).await, 1);
        concludes(&*store, 3700, event, reason).await;
        let (state, waits) = lot(&*store).await;
        assert_eq!(
            (state, waits.map(|next| next.reason)),
            (expected, next),
            "{event:?}"
        );
        // A receipt ends it, whatever was heard before; of a void lot it is recorded only.
        let item = Evidence::Item(receipt("1", Verdict::Accepted));
        assert_eq!(says(&*store, item, "<x/>").await, HeardOutcome::Recorded);
        let ended = match expected {
            State::Void => State::Void,
            _ => State::Answered,
        };
        assert_eq!(lot(&*store).await, (ended, None), "{event:?}");
    }
}

/// Its insurer took it, cannot be asked whether it still has it, and now settles a document of it: it has.
pub(super) async fn a_settlement_in_the_second_span_of_a_lot_takes_it<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    for id in [1, 2] {
        admit_one(&*store, id.into(), id, body_of(id)).await;
    }
    let lot_of_two = sealed(vec![DOCUMENT, DocumentId(2)]);
    let lease = Lease {
        endpoint: lot_of_two.endpoint.clone(),
        until: later(60),
        most: 1,
    };
    store
        .commit(now(), Command::Seal(lot_of_two))
        .await
        .unwrap();
    store.lease_due(now(), lease).await.unwrap();
    concludes(&*store, 0, Event::Taken, Reason::Receipt).await;
    store.commit(later(3601), Command::Tick).await.unwrap();
    assert_eq!(lot(&*store).await.0, State::Overdue);
    concludes(&*store, 3700, Event::NoStatusService, Reason::Overdue).await;
    assert_eq!(lot(&*store).await.0, State::Due);
    let settled = Evidence::Item(settlement("1", PartOutcome::Paid));
    assert_eq!(says(&*store, settled, "<x/>").await, HeardOutcome::Recorded);
    let (state, next) = lot(&*store).await;
    assert_eq!(
        (state, next.unwrap().reason),
        (State::Taken, Reason::Receipt)
    );
    assert_eq!(asked(&*store, 3701).await, 0);
}

pub(super) async fn who_has_another_name_now_speaks_of_what_went_to_the_former_one<S: Subject>() {
    let mut subject = sending::<S>().await;
    let endpoint = |text: &str| EndpointName::parse(text).unwrap();
    let said = |purpose, formerly: &[&str], item: Item, moved: Option<(&str, &str)>| {
        let heard = Heard {
            evidence: Evidence::Item(item),
            body: Body {
                bytes: Bytes::from_static(b"<item/>"),
                salt: [5; 16],
            },
        };
        Command::Receipts {
            endpoint: endpoint("lutece"),
            purpose,
            destinations: Vec::new(),
            formerly: formerly.iter().map(|text| endpoint(text)).collect(),
            items: vec![heard],
            cursor: moved.map(|(from, to)| Moved {
                from: Some(name(from)),
                to: name(to),
            }),
        }
    };
    let settled = |outcome| settlement("1", outcome);
    let store = subject.store();
    let first = Evidence::Item(settled(PartOutcome::Paid));
    assert_eq!(
        says(&*store, first, "<first/>").await,
        HeardOutcome::Recorded
    );
    let moved = Command::Receipts {
        endpoint: endpoint("paris"),
        purpose: Purpose::Real,
        destinations: Vec::new(),
        formerly: Vec::new(),
        items: Vec::new(),
        cursor: Some(Moved {
            from: None,
            to: name("c1"),
        }),
    };
    store.commit(now(), moved).await.unwrap();
    let (real, test, paris) = (Purpose::Real, Purpose::Test, &["paris"][..]);
    let accepted = || receipt("1", Verdict::Accepted);
    let foreign = OrphanCause::OtherDestination;
    let other = OrphanCause::OtherContent;
    for (command, expected) in [
        (
            said(real, &[], accepted(), None),
            HeardOutcome::Orphan(foreign),
        ),
        // A test endpoint speaks of no real document, whatever it was called.
        (
            said(test, paris, accepted(), None),
            HeardOutcome::OrphanAgain(foreign),
        ),
        (
            said(real, paris, accepted(), Some(("c1", "c2"))),
            HeardOutcome::Recorded,
        ),
        // What it said under its former name is known.
        (
            said(real, paris, settled(PartOutcome::Paid), None),
            HeardOutcome::Known,
        ),
        (
            said(real, paris, settled(PartOutcome::Rejected), None),
            HeardOutcome::Orphan(other),
        ),
        // It has a place of its own by now.
        (
            said(real, paris, accepted(), Some(("c1", "c3"))),
            HeardOutcome::Known,
        ),
    ] {
        match store.commit(now(), command).await.unwrap() {
            Outcome::Heard(rows) => assert_eq!(rows, [expected]),
            outcome => panic!("{outcome:?}"),
        }
    }
    let cursors = async |store: &dyn Store| {
        let known = store.endpoints().await.unwrap();
        ["paris", "lutece"].map(|text| known.get(&endpoint(text))?.cursor.clone())
    };
    let both = [Some(name("c1")), Some(name("c2"))];
    assert_eq!(cursors(&*store).await, both);
    drop(store);
    subject = subject.restarted().await;
    let store = subject.store();
    assert_eq!(cursors(&*store).await, both);
    let rewind = Command::Rewind {
        endpoint: endpoint("lutece"),
        formerly: vec![endpoint("paris")],
        actor: name("operator"),
    };
    store.commit(now(), rewind).await.unwrap();
    assert_eq!(
        cursors(&*store).await,
        [None, None],
        "it is asked from its beginning"
    );
}
