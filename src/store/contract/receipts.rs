//! The laws of receipts and settlements: what makes two the same, and what is kept of those that move nothing.

use bytes::Bytes;

use super::{Subject, admit_one, begun, body_of, caisse, name, now, sealed};
use crate::claims::document::{Cents, Purpose};
use crate::claims::entry::{Entry, OrphanCause, Position};
use crate::claims::id::{Destination, Digest, DocumentId, EndpointName, LotId};
use crate::claims::receipt::{
    Coverage, Item, Part, PartOutcome, PartSettlement, Receipt, Settlement, SettlementContent,
    Verdict,
};
use crate::claims::standing::{Course, Standing};
use crate::store::{
    BodyId, Command, DocumentRecord, Evidence, Find, Heard, HeardOutcome, Lease, Outcome, Store,
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
        until: now() + std::time::Duration::from_secs(60),
        most: 1,
    };
    store.commit(now(), Command::Seal(lot)).await.unwrap();
    store.lease_due(now(), lease).await.unwrap();
    subject
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
        endpoint: EndpointName::parse(endpoint).unwrap(),
        purpose: Purpose::Real,
        destinations: destinations.to_vec(),
        items: vec![Heard {
            evidence,
            bytes: Bytes::from_static(bytes.as_bytes()),
            salt: [5; 16],
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
    // With its signature the same receipt is taken; without it again, it is known and nothing else.
    let proven = Evidence::Item(receipt("1", Verdict::Accepted));
    let taken = says(&*store, proven, "<x/>").await;
    assert_eq!(taken, HeardOutcome::Recorded);
    let again = says(&*store, unproven(), "<x/>").await;
    assert_eq!(again, HeardOutcome::Known);
    assert_eq!(store.orphans().await.unwrap(), 2);
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
