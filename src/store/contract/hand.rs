//! The laws of lists, of what is told in order, and of the operator's hand.

use super::*;
use crate::claims::change::What;
use crate::claims::entry;
use crate::store::Named;
use crate::store::listing::{Book, Listing};

laws! {
    lists_hold_what_they_say_in_pages_of_any_size
    what_changed_is_told_in_order_also_after_a_restart
    a_lot_is_retried_where_the_delivery_table_allows_it
    a_reason_is_kept_beside_what_it_explains
    the_history_of_a_document_has_all_its_lots
}

fn operator() -> Name {
    name("operator")
}

async fn listed(store: &dyn Store, book: Book) -> Vec<u128> {
    let listing = Listing {
        book,
        centres: vec![finess()],
        since: None,
        after: None,
        most: 100,
    };
    let rows = store.list(listing).await.unwrap();
    rows.iter()
        .map(|row| row.record.received.document.0)
        .collect()
}

async fn cancel(store: &dyn Store, id: u128) {
    let command = Command::Cancel {
        document: DocumentId(id),
        caller: name("vendor"),
    };
    let outcome = store.commit(now(), command).await.unwrap();
    assert!(matches!(outcome, Outcome::Done(_)));
}

async fn seal(store: &dyn Store, lot: u128, documents: &[u128]) {
    let sealed = Sealed {
        lot: LotId(lot),
        ..sealed(documents.iter().copied().map(DocumentId).collect())
    };
    let outcome = store.commit(now(), Command::Seal(sealed)).await.unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
}

async fn lease(store: &dyn Store) {
    let lease = Lease {
        endpoint: EndpointName::parse("paris").unwrap(),
        until: now() + Duration::from_secs(60),
        most: 10,
    };
    assert_eq!(store.lease_due(now(), lease).await.unwrap().len(), 1);
}

async fn conclude(store: &dyn Store, lot: u128, attempt: u32, event: Event) {
    let next = Next {
        at: now() + Duration::from_secs(3600),
        reason: Reason::Doubt,
    };
    let conclusion = Conclusion {
        lot: LotId(lot),
        attempt,
        asked: None,
        event,
        next,
        named: Vec::new(),
        words: None,
    };
    let outcome = store.commit(now(), Command::Conclude(conclusion)).await;
    assert!(matches!(outcome.unwrap(), Outcome::Done(_)));
}

async fn retry(store: &dyn Store, lot: u128, at: Timestamp) -> Outcome {
    let command = Command::Retry {
        lot: LotId(lot),
        actor: operator(),
        at,
    };
    store.commit(now(), command).await.unwrap()
}

async fn lists_hold_what_they_say_in_pages_of_any_size<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    for number in 1..=6_u32 {
        admit_one(&*store, number.into(), number, body_of(number)).await;
    }
    cancel(&*store, 2).await;
    cancel(&*store, 5).await;
    seal(&*store, 77, &[3]).await;
    assert_eq!(listed(&*store, Book::All).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(listed(&*store, Book::of(Standing::Cancelled)).await, [2, 5]);
    assert_eq!(listed(&*store, Book::of(Standing::Refused)).await, []);
    lease(&*store).await;
    conclude(&*store, 77, 1, Event::ContentRefused).await;
    assert_eq!(listed(&*store, Book::of(Standing::Refused)).await, [3]);
    for (book, all) in [
        (Book::All, vec![1, 2, 3, 4, 5, 6]),
        (Book::Rare(Standing::Cancelled), vec![2, 5]),
    ] {
        for most in 1..4 {
            let (mut after, mut paged) = (None, Vec::new());
            loop {
                let listing = Listing {
                    book,
                    centres: vec![Finess::parse("750000002").unwrap(), finess()],
                    since: Some(now()),
                    after,
                    most,
                };
                let rows = store.list(listing).await.unwrap();
                let Some(last) = rows.last() else { break };
                after = Some(last.record.place());
                paged.extend(rows.iter().map(|row| row.record.received.document.0));
            }
            assert_eq!(paged, all, "{book:?} {most}");
        }
    }
    let later = Listing {
        book: Book::All,
        centres: vec![finess()],
        since: Some(now() + Duration::from_micros(1)),
        after: None,
        most: 10,
    };
    assert_eq!(store.list(later).await.unwrap(), []);
}

async fn what_changed_is_told_in_order_also_after_a_restart<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    admit_one(&*store, 1, 1, body_of(1)).await;
    admit_one(&*store, 2, 2, body_of(2)).await;
    seal(&*store, 77, &[1]).await;
    lease(&*store).await;
    conclude(&*store, 77, 1, Event::Taken).await;
    cancel(&*store, 2).await;
    let told = async |store: &dyn Store, most: usize| {
        let (mut after, mut told) = (Position(0), Vec::new());
        loop {
            let found = store.changes(after, most).await.unwrap();
            if found.upto == after {
                return told;
            }
            after = found.upto;
            let rows = found.changes.into_iter();
            told.extend(rows.map(|row| (row.position.0, row.document.0, row.what, row.standing)));
        }
    };
    let expected = [
        (2, 1, What::Admitted, Standing::Open),
        (3, 2, What::Admitted, Standing::Open),
        (4, 1, What::Sealed, Standing::InLot),
        (6, 1, What::Taken, Standing::InLot),
        (7, 2, What::Cancelled, Standing::Cancelled),
    ];
    for most in [1, 2, 100] {
        assert_eq!(told(&*store, most).await, expected, "{most}");
    }
    drop(store);
    let subject = subject.restarted().await;
    assert_eq!(told(&*subject.store(), 100).await, expected);
}

async fn a_lot_is_retried_where_the_delivery_table_allows_it<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    admit_one(&*store, 1, 1, body_of(1)).await;
    assert_eq!(
        retry(&*store, 77, now()).await,
        Outcome::Conflict(Conflict::Unknown(Named::Lot))
    );
    seal(&*store, 77, &[1]).await;
    let next = async || store.lot(LotId(77)).await.unwrap().unwrap().next;
    lease(&*store).await;
    conclude(&*store, 77, 1, Event::Deferred).await;
    let hour = now() + Duration::from_secs(3600);
    assert_eq!(next().await.unwrap().at, hour);
    let later = now() + Duration::from_secs(30);
    retry(&*store, 77, later).await;
    let (at, reason) = (later, Reason::Turn);
    assert_eq!(next().await, Some(Next { at, reason }));
    // The same again is no second entry, nothing is put off, and the past is now.
    for again in [later, hour] {
        assert_eq!(retry(&*store, 77, again).await, Outcome::Done(Position(6)));
    }
    assert_eq!(next().await, Some(Next { at, reason }));
    retry(&*store, 77, now() - Duration::from_secs(1)).await;
    assert_eq!(next().await.unwrap().at, now());
    lease(&*store).await;
    let stands = |state| {
        let lot = LotId(77);
        Outcome::Conflict(Conflict::Delivery { lot, state })
    };
    assert_eq!(retry(&*store, 77, now()).await, stands(State::Sending));
    conclude(&*store, 77, 2, Event::NoAnswer).await;
    retry(&*store, 77, now()).await;
    let (at, reason) = (now(), Reason::Doubt);
    assert_eq!(next().await, Some(Next { at, reason }));
    let record = store.lot(LotId(77)).await.unwrap().unwrap();
    assert_eq!((record.state, record.attempts), (State::InDoubt, 2));
    conclude(&*store, 77, 2, Event::StatusKnown).await;
    assert_eq!(retry(&*store, 77, now()).await, stands(State::Taken));
}

async fn a_reason_is_kept_beside_what_it_explains<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    admit_one(&*store, 1, 1, body_of(1)).await;
    let explained = || Command::Explain {
        command: Box::new(Command::Paper {
            document: DocumentId(1),
            actor: operator(),
        }),
        reason: Body {
            bytes: Bytes::from_static(b"sent by post"),
            salt: [5; 16],
        },
    };
    let outcome = store.commit(now(), explained()).await.unwrap();
    assert_eq!(outcome, Outcome::Done(Position(4)));
    let stamped = store.entries(Position(3), 1).await.unwrap().remove(0).1;
    let Entry::Explained {
        of,
        subject: about,
        actor,
        reason,
    } = stamped.entry
    else {
        panic!("{stamped:?}")
    };
    assert_eq!((of, actor), (Position(3), operator()));
    assert_eq!(about, entry::Subject::Document(DocumentId(1)));
    let kept = store.body(BodyId::Entry(Position(4))).await.unwrap();
    let digest = Digest(Sha256::digest(&kept.unwrap().bytes).into());
    assert_eq!(commitment([5; 16], digest), reason);
    // What is done already is answered again, and explained no second time.
    let again = store.commit(now(), explained()).await.unwrap();
    assert_eq!(again, Outcome::Done(Position(4)));
    let wrong = Command::Explain {
        command: Box::new(Command::Tick),
        reason: Body {
            bytes: Bytes::new(),
            salt: [5; 16],
        },
    };
    let wrong = store.commit(now(), wrong).await;
    assert!(matches!(wrong, Err(Error::Impossible(_))));
}

async fn the_history_of_a_document_has_all_its_lots<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    admit_one(&*store, 1, 1, body_of(1)).await;
    admit_one(&*store, 2, 2, body_of(2)).await;
    seal(&*store, 77, &[1, 2]).await;
    // The other document goes on paper: the lot is void, and this one is sealed again.
    let paper = Command::Paper {
        document: DocumentId(2),
        actor: operator(),
    };
    store.commit(now(), paper).await.unwrap();
    seal(&*store, 78, &[1]).await;
    lease(&*store).await;
    let find = Find::Id(DocumentId(1));
    let history = store.document(find).await.unwrap().unwrap().history;
    assert_eq!(history, [2, 4, 6, 7, 8].map(Position));
}
