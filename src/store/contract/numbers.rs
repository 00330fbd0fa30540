//! The laws of numbers: by what a document is known again, and that a test is never known for a claim.

use super::*;
use crate::claims::document::{Facts, Key, ReplacementReason};
use crate::claims::id::Number;

laws! {
    a_test_shuts_no_claim_out
    a_test_is_neither_replaced_nor_supported_by_a_claim
    a_number_is_known_by_the_digest_of_its_bytes
}

fn test(id: u128, number: u32, body: Bytes) -> Admission {
    Admission {
        purpose: Purpose::Test,
        ..admission(id, number, body)
    }
}

async fn admit_each(store: &dyn Store, documents: Vec<Admission>) -> Vec<Admitted> {
    admit(store, documents, Unity::Each).await.unwrap()
}

fn is_known_as(row: &Admitted, id: u128) -> bool {
    matches!(row, Admitted::Known { document, .. } if *document == DocumentId(id))
}

fn key(number: u32) -> Key {
    admission(0, number, Bytes::new()).facts.key
}

async fn latest(store: &dyn Store, number: u32, purpose: Purpose) -> Option<DocumentId> {
    let find = Find::Key(key(number), purpose);
    let view = store.document(find).await.unwrap()?;
    Some(view.record.received.document)
}

async fn cancel(store: &dyn Store, id: u128) {
    let command = Command::Cancel {
        document: DocumentId(id),
        caller: name("vendor"),
    };
    let outcome = store.commit(now(), command).await.unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
}

async fn a_test_shuts_no_claim_out<S: Subject>() {
    let mut subject = begun::<S>().await;
    let store = subject.store();
    // The same bytes, in one post and the other way round as well.
    let posted = vec![
        test(1, 1, body_of(1)),
        admission(2, 1, body_of(1)),
        admission(3, 2, body_of(2)),
        test(4, 2, body_of(2)),
    ];
    let rows = admit_each(&*store, posted).await;
    assert!(
        rows.iter()
            .all(|row| matches!(row, Admitted::Received { .. })),
        "{rows:?}"
    );
    assert_eq!(units(&tallies(&*store).await), 2, "tests are not counted");
    drop(store);
    for _ in 0..2 {
        let store = subject.store();
        let again = vec![
            test(11, 1, body_of(1)),
            admission(12, 1, body_of(1)),
            admission(13, 2, body_of(2)),
            test(14, 2, body_of(2)),
        ];
        let rows = admit_each(&*store, again).await;
        let known = rows.iter().zip(1..).all(|(row, id)| is_known_as(row, id));
        assert!(known, "{rows:?}");
        let found = [
            latest(&*store, 1, Purpose::Test).await,
            latest(&*store, 1, Purpose::Real).await,
            latest(&*store, 3, Purpose::Test).await,
        ];
        assert_eq!(found, [Some(DocumentId(1)), Some(DocumentId(2)), None]);
        let lines = store.lines(finess()).await.unwrap().lines;
        let mut roots: Vec<_> = lines.iter().map(|line| line.root.0).collect();
        roots.sort_unstable();
        assert_eq!(roots, [2, 3], "a test is no line");
        drop(store);
        subject = subject.restarted().await;
    }
}

async fn a_test_is_neither_replaced_nor_supported_by_a_claim<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    admit_each(&*store, vec![test(1, 1, body_of(1))]).await;
    cancel(&*store, 1).await;
    let about = |kind, id, number: u32, how: fn(&mut Facts)| {
        let mut about = admission(id, number, body_of(number));
        about.facts.key.kind = kind;
        how(&mut about.facts);
        about
    };
    let replacing = |facts: &mut Facts| {
        let number = Number::parse("000000001").unwrap();
        facts.replaces = Some((Kind::Fse, number, ReplacementReason::Cancelled));
    };
    let supporting = |facts: &mut Facts| facts.supports = Number::parse("000000001").ok();
    let posted = || {
        vec![
            about(Kind::Fse, 5, 5, replacing),
            about(Kind::Pj, 6, 6, supporting),
        ]
    };
    let rows = admit_each(&*store, posted()).await;
    assert_eq!(
        rows,
        [
            Admitted::Refused(Conflict::ReplacedUnknown),
            Admitted::Refused(Conflict::SupportedUnknown)
        ]
    );
    // Beside a claim of that number, it is the claim that is meant.
    admit_each(&*store, vec![admission(2, 1, body_of(1))]).await;
    cancel(&*store, 2).await;
    let rows = admit_each(&*store, posted()).await;
    assert!(
        rows.iter()
            .all(|row| matches!(row, Admitted::Received { .. })),
        "{rows:?}"
    );
    let view = store.document(Find::Id(DocumentId(5))).await.unwrap();
    let received = view.unwrap().record.received;
    assert_eq!(received.replaces, Some(DocumentId(2)));
    let test = store.document(Find::Id(DocumentId(1))).await.unwrap();
    assert_eq!(test.unwrap().record.replaced_by, None);
}

async fn a_number_is_known_by_the_digest_of_its_bytes<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    admit_each(&*store, vec![admission(1, 1, body_of(1))]).await;
    cancel(&*store, 1).await;
    let mut replacing = admission(2, 1, body_of(2));
    let number = replacing.facts.key.number;
    replacing.facts.replaces = Some((Kind::Fse, number, ReplacementReason::Cancelled));
    let rows = admit_each(&*store, vec![replacing]).await;
    assert!(matches!(rows[..], [Admitted::Received { .. }]), "{rows:?}");
    for (number, purpose, body, expected) in [
        (1, Purpose::Real, 2, Some(2)),
        (1, Purpose::Real, 1, Some(1)),
        (1, Purpose::Real, 3, None),
        (1, Purpose::Test, 1, None),
        (2, Purpose::Real, 1, None),
    ] {
        let digest = Digest(Sha256::digest(body_of(body)).into());
        let known = store.known(key(number), purpose, digest).await.unwrap();
        let known = known.map(|record| record.received.document.0);
        assert_eq!(known, expected, "{number} {purpose:?} {body}");
    }
}
