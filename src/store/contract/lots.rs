//! The laws of lots of which documents go another way: gathered here, or posted as a file.

use super::*;
use crate::claims::change::What;
use crate::store::Sealing;

laws! {
    what_was_not_reached_is_void_at_once_when_a_document_went_to_paper_meanwhile
    what_may_have_arrived_is_asked_about_when_a_document_went_to_paper_meanwhile
    a_file_is_refused_whole_and_nothing_of_it_is_sealed_again
    a_file_goes_as_it_is_while_one_document_of_it_is_to_be_sent
    a_document_of_a_file_is_cancelled_only_as_the_last_one
    a_file_waits_for_its_endpoint
    what_never_left_an_endpoint_that_is_gone_is_found_behind_all_that_may_have_arrived
}

const LOT: LotId = LotId(77);

async fn begun_with<S: Subject>(documents: u32, form: Form) -> S {
    let subject = begun::<S>().await;
    let store = subject.store();
    for number in 1..=documents {
        admit_one(&*store, number.into(), number, body_of(number)).await;
    }
    let ids = (1..=documents).map(|number| DocumentId(number.into()));
    let sealed = Sealed {
        form,
        ..sealed(ids.collect())
    };
    done(&*store, Command::Seal(sealed)).await;
    subject
}

async fn done(store: &dyn Store, command: Command) {
    let outcome = store.commit(now(), command).await.unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
}

fn paper(document: u128) -> Command {
    Command::Paper {
        document: DocumentId(document),
        actor: name("operator"),
    }
}

fn cancel(document: u128) -> Command {
    Command::Cancel {
        document: DocumentId(document),
        caller: name("vendor"),
    }
}

fn by_hand(document: u128) -> Command {
    Command::Hand {
        document: DocumentId(document),
        actor: name("operator"),
        evidence: Body {
            bytes: Bytes::from_static(b"deposited"),
            salt: [8; 16],
        },
    }
}

async fn lease(store: &dyn Store) {
    let lease = Lease {
        endpoint: sealed(Vec::new()).endpoint,
        until: now() + Lease::LONGEST,
        most: 10,
    };
    assert_eq!(store.lease_due(now(), lease).await.unwrap().len(), 1);
}

/// What came of an attempt or a question; whatever comes next comes at once.
async fn conclude(store: &dyn Store, attempt: u32, event: Event, named: &[u128]) {
    let conclusion = Conclusion {
        lot: LOT,
        attempt,
        asked: None,
        event,
        next: Next {
            at: now(),
            reason: Reason::Turn,
        },
        named: named.iter().map(|id| (DocumentId(*id), None)).collect(),
        words: None,
    };
    done(store, Command::Conclude(conclusion)).await;
}

async fn state(store: &dyn Store) -> (State, bool) {
    let lot = store.lot(LOT).await.unwrap().unwrap();
    (lot.state, lot.ask)
}

async fn standings(store: &dyn Store) -> Vec<Standing> {
    let documents = store.documents(None, 10).await.unwrap();
    documents.iter().map(DocumentRecord::standing).collect()
}

/// How many documents may be sealed.
async fn open(store: &dyn Store) -> usize {
    let sealing = Sealing {
        documents: 10,
        bytes: 1 << 20,
        age: Duration::ZERO,
    };
    let due = store.due(now(), sealing, 10).await.unwrap();
    due.groups.iter().map(|group| group.documents.len()).sum()
}

async fn what_was_not_reached_is_void_at_once_when_a_document_went_to_paper_meanwhile<
    S: Subject,
>() {
    let subject = begun_with::<S>(2, Form::Composed).await;
    let store = subject.store();
    lease(&*store).await;
    done(&*store, paper(1)).await;
    assert_eq!(state(&*store).await, (State::Sending, true));
    conclude(&*store, 1, Event::NotReached, &[]).await;
    assert_eq!(state(&*store).await.0, State::Void);
    assert_eq!(
        standings(&*store).await,
        [Standing::OnPaper, Standing::Open]
    );
    assert_eq!(open(&*store).await, 1);
    // It is told that the other one is open again.
    let changes = store.changes(Position(0), 100).await.unwrap().changes;
    let last = changes.last().unwrap();
    assert_eq!(
        (last.document, last.standing),
        (DocumentId(2), Standing::Open)
    );
}

async fn what_may_have_arrived_is_asked_about_when_a_document_went_to_paper_meanwhile<
    S: Subject,
>() {
    for (earlier, event) in [
        (Some(Event::Deferred), Event::NotReached),
        (None, Event::Deferred),
    ] {
        let subject = begun_with::<S>(2, Form::Composed).await;
        let store = subject.store();
        let mut attempt = 1;
        if let Some(event) = earlier {
            lease(&*store).await;
            conclude(&*store, attempt, event, &[]).await;
            attempt += 1;
        }
        lease(&*store).await;
        done(&*store, paper(1)).await;
        conclude(&*store, attempt, event, &[]).await;
        assert_eq!(state(&*store).await, (State::Due, true), "{event:?}");
        let waits = store.lot(LOT).await.unwrap().unwrap().next.unwrap();
        assert_eq!(waits.reason, Reason::Doubt, "asked about, not sent again");
        assert_eq!(open(&*store).await, 0);
    }
}

async fn a_file_is_refused_whole_and_nothing_of_it_is_sealed_again<S: Subject>() {
    for (form, standings_then, left_open) in [
        (
            Form::Composed,
            [Standing::Refused, Standing::Open, Standing::OnPaper],
            1,
        ),
        (
            Form::PreFormed,
            [Standing::Refused, Standing::Refused, Standing::OnPaper],
            0,
        ),
    ] {
        let subject = begun_with::<S>(3, form).await;
        let store = subject.store();
        lease(&*store).await;
        done(&*store, paper(3)).await;
        conclude(&*store, 1, Event::ContentRefused, &[1]).await;
        assert_eq!(state(&*store).await.0, State::Void);
        assert_eq!(standings(&*store).await, standings_then, "{form:?}");
        assert_eq!(open(&*store).await, left_open, "{form:?}");
        let told = store.changes(Position(0), 100).await.unwrap().changes;
        let last = told.iter().rfind(|told| told.document == DocumentId(2));
        let what = match form {
            Form::Composed => What::Void,
            Form::PreFormed => What::Refused,
        };
        assert_eq!(last.unwrap().what, what, "{form:?}");
    }
}

async fn a_file_goes_as_it_is_while_one_document_of_it_is_to_be_sent<S: Subject>() {
    let subject = begun_with::<S>(3, Form::PreFormed).await;
    let store = subject.store();
    let next = async |store: &dyn Store| store.lot(LOT).await.unwrap().unwrap().next;
    let before = next(&*store).await;
    done(&*store, paper(1)).await;
    assert_eq!(state(&*store).await, (State::Due, false));
    assert_eq!(next(&*store).await, before);
    lease(&*store).await;
    conclude(&*store, 1, Event::NoAnswer, &[]).await;
    done(&*store, by_hand(2)).await;
    assert_eq!(state(&*store).await, (State::InDoubt, false));
    // The same bytes again, although only one document of them is still to be sent.
    conclude(&*store, 1, Event::StatusUnknown, &[]).await;
    assert_eq!(state(&*store).await, (State::Due, false));
    drop(store);
    let subject = subject.restarted().await;
    let store = subject.store();
    lease(&*store).await;
    done(&*store, paper(3)).await;
    assert_eq!(state(&*store).await, (State::Sending, true));
    conclude(&*store, 2, Event::NotReached, &[]).await;
    assert_eq!(state(&*store).await.0, State::Void);
    let gone = [Standing::OnPaper, Standing::ByHand, Standing::OnPaper];
    assert_eq!(standings(&*store).await, gone);
    assert_eq!(open(&*store).await, 0);
}

async fn a_document_of_a_file_is_cancelled_only_as_the_last_one<S: Subject>() {
    let subject = begun_with::<S>(2, Form::PreFormed).await;
    let store = subject.store();
    let refused = store.commit(now(), cancel(2)).await.unwrap();
    let stands = Conflict::Delivery {
        lot: LOT,
        state: State::Due,
    };
    assert_eq!(refused, Outcome::Conflict(stands));
    done(&*store, paper(1)).await;
    done(&*store, cancel(2)).await;
    assert_eq!(state(&*store).await.0, State::Void);
    let gone = [Standing::OnPaper, Standing::Cancelled];
    assert_eq!(standings(&*store).await, gone);
}

async fn a_file_waits_for_its_endpoint<S: Subject>() {
    for (form, stands) in [(Form::Composed, State::Void), (Form::PreFormed, State::Due)] {
        let subject = begun_with::<S>(1, form).await;
        let store = subject.store();
        let endpoint = sealed(Vec::new()).endpoint;
        done(&*store, Command::Unroute(endpoint)).await;
        assert_eq!(state(&*store).await.0, stands, "{form:?}");
    }
}

/// Lot and document of a number, to be sent from an instant on.
fn sealed_alone(number: u32, seconds: u64) -> Command {
    Command::Seal(Sealed {
        lot: LotId(number.into()),
        due: now() + Duration::from_secs(seconds),
        ..sealed(vec![DocumentId(number.into())])
    })
}

/// Commits at once: one waits for no other.
async fn all_done(store: &Arc<dyn Store>, commands: impl Iterator<Item = Command>) {
    let commits = commands.map(|command| {
        let store = Arc::clone(store);
        tokio::spawn(async move { done(&*store, command).await })
    });
    for commit in commits.collect::<Vec<_>>() {
        commit.await.unwrap();
    }
}

async fn what_never_left_an_endpoint_that_is_gone_is_found_behind_all_that_may_have_arrived<
    S: Subject,
>() {
    // More of each than one command looks at.
    const MAY_BE_THERE: u32 = 260;
    const ALL: u32 = 2 * MAY_BE_THERE;
    let subject = begun::<S>().await;
    let store = subject.store();
    let documents = (1..=ALL).map(|number| admission(number.into(), number, body_of(number)));
    admit(&*store, documents.collect(), Unity::Each)
        .await
        .unwrap();
    all_done(&store, (1..=MAY_BE_THERE).map(|lot| sealed_alone(lot, 0))).await;
    let endpoint = sealed(Vec::new()).endpoint;
    let lease = Lease {
        endpoint: endpoint.clone(),
        until: now() + Duration::from_secs(60),
        most: MAY_BE_THERE as usize,
    };
    let leased = store.lease_due(now(), lease).await.unwrap();
    assert_eq!(leased.len(), MAY_BE_THERE as usize);
    let deferred = (1..=MAY_BE_THERE).map(|lot| {
        Command::Conclude(Conclusion {
            lot: LotId(lot.into()),
            attempt: 1,
            asked: None,
            event: Event::Deferred,
            next: Next {
                at: now(),
                reason: Reason::NoRoute,
            },
            named: Vec::new(),
            words: None,
        })
    });
    all_done(&store, deferred).await;
    // These come after all others by their instants.
    let later = now() + Duration::from_secs(1);
    all_done(
        &store,
        (MAY_BE_THERE + 1..=ALL).map(|lot| sealed_alone(lot, 1)),
    )
    .await;
    let sealing = Sealing {
        documents: 1_000,
        bytes: 1 << 20,
        age: Duration::ZERO,
    };
    let due = async || store.due(later, sealing, 10).await.unwrap();
    let unroute = async || {
        let before = store.health().position;
        let unroute = Command::Unroute(endpoint.clone());
        let outcome = store.commit(later, unroute).await.unwrap();
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        store.health().position.0 - before.0
    };
    assert_eq!(due().await.unsent, std::slice::from_ref(&endpoint));
    let first = unroute().await;
    assert!((1..u64::from(MAY_BE_THERE)).contains(&first), "{first}");
    assert_eq!(first + unroute().await, u64::from(MAY_BE_THERE));
    // What is left is due there, and nobody looks for another way for it again.
    let left = due().await;
    assert_eq!(left.endpoints, std::slice::from_ref(&endpoint));
    assert_eq!(left.unsent, []);
    assert_eq!(unroute().await, 0);
    let lots = store.lots(None, usize::MAX).await.unwrap();
    for lot in lots {
        let never_left = lot.sealed.lot.0 > MAY_BE_THERE.into();
        let stands = if never_left { State::Void } else { State::Due };
        assert_eq!(lot.state, stands, "{:?}", lot.sealed.lot);
    }
    let opened: Vec<_> = due()
        .await
        .groups
        .into_iter()
        .map(|group| group.documents.len())
        .collect();
    assert_eq!(opened, [MAY_BE_THERE as usize]);
}
