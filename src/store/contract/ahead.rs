//! The laws of a clock that was ahead for a while: its instants stay in the ledger, and hold nothing up afterwards.

use super::*;
use crate::store::Sealing;

laws! {
    what_is_due_is_due_by_the_clock_that_is_right_again
    a_group_that_was_begun_ahead_of_the_clock_waits_no_longer_than_others
    what_was_put_off_ahead_of_the_clock_waits_as_long_as_its_rule_gave
    however_much_was_put_off_a_bounded_part_is_looked_at_in_one_command_and_each_lot_once
}

/// Longer than any timer of these documents.
const AHEAD: Duration = Duration::from_secs(90 * 86_400);

const SEALING: Sealing = Sealing {
    documents: 10,
    bytes: 1 << 20,
    age: Duration::from_secs(30),
};

fn after(seconds: u64) -> Timestamp {
    now() + Duration::from_secs(seconds)
}

async fn admit_at(store: &dyn Store, at: Timestamp, number: u32) {
    let command = Command::Admit {
        caller: name("vendor"),
        documents: vec![admission(number.into(), number, body_of(number))],
        unity: Unity::Each,
    };
    let outcome = store.commit(at, command).await.unwrap();
    assert!(matches!(outcome, Outcome::Admitted(_)), "{outcome:?}");
}

/// A lot of the document of the same number.
async fn lot_of(store: &dyn Store, number: u32, due: Timestamp) {
    admit_at(store, now(), number).await;
    let sealed = Sealed {
        lot: LotId(number.into()),
        due,
        ..sealed(vec![DocumentId(number.into())])
    };
    store.commit(now(), Command::Seal(sealed)).await.unwrap();
}

/// Looks at all that waits, and says by how many commands.
async fn set_back(store: &dyn Store, at: Timestamp) -> usize {
    let mut after = None;
    for commands in 1.. {
        let outcome = store.commit(at, Command::SetBack { after }).await.unwrap();
        after = outcome.looked_at().unwrap();
        if after.is_none() {
            return commands;
        }
    }
    unreachable!("a place moves on")
}

async fn lease(store: &dyn Store, at: Timestamp) -> Vec<u128> {
    let lease = Lease {
        endpoint: sealed(Vec::new()).endpoint,
        until: at + Duration::from_secs(60),
        most: 10,
    };
    let leased = store.lease_due(at, lease).await.unwrap();
    let ids = leased.iter().map(|leased| leased.lot.sealed.lot.0);
    ids.collect()
}

async fn what_is_due_is_due_by_the_clock_that_is_right_again<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    lot_of(&*store, 1, now()).await;
    assert_eq!(lease(&*store, now()).await, [1]);
    lot_of(&*store, 2, after(3600)).await;
    admit_at(&*store, now() + AHEAD, 3).await;

    let state = async |lot| store.lot(LotId(lot)).await.unwrap().unwrap();
    // Neither a lease nor a legal day ends by the instant of an entry.
    assert_eq!(lease(&*store, after(1)).await, []);
    store.commit(after(1), Command::Tick).await.unwrap();
    assert_eq!(state(1).await.state, State::Sending);
    for document in store.documents(None, 10).await.unwrap() {
        assert_eq!(document.paper_owed, None);
    }
    // "Now" is now.
    let retry = Command::Retry {
        lot: LotId(2),
        actor: name("operator"),
        at: now(),
    };
    store.commit(after(2), retry).await.unwrap();
    assert_eq!(state(2).await.next.unwrap().at, after(2));
    assert_eq!(lease(&*store, after(2)).await, [2]);
    // A lease that ran out is asked about at once.
    store.commit(after(60), Command::Tick).await.unwrap();
    let doubt = state(1).await;
    assert_eq!(
        (doubt.state, doubt.next.unwrap().at),
        (State::InDoubt, after(60))
    );
    let entries = store.entries(Position(0), usize::MAX).await.unwrap();
    assert!(entries.is_sorted_by_key(|(_, stamped)| stamped.at));
}

async fn a_group_that_was_begun_ahead_of_the_clock_waits_no_longer_than_others<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    let due = async |seconds| store.due(after(seconds), SEALING, 10).await.unwrap();
    // A little ahead, as between two reads of one clock: it is gathered like any other.
    admit_at(&*store, after(1), 1).await;
    let young = due(0).await;
    assert!(young.groups.is_empty());
    assert_eq!(young.next, Some(after(31)));
    admit_at(&*store, now() + AHEAD, 2).await;
    admit_at(&*store, after(5), 3).await;
    assert!(due(5).await.groups.is_empty(), "it is as old as its first");
    assert_eq!(due(31).await.groups[0].documents.len(), 3);

    let sealed = sealed(vec![DocumentId(1)]);
    store
        .commit(after(31), Command::Seal(sealed))
        .await
        .unwrap();
    let left = due(31).await;
    assert_eq!(left.groups.len(), 1);
    assert_eq!(left.groups[0].documents.len(), 2);
}

async fn what_was_put_off_ahead_of_the_clock_waits_as_long_as_its_rule_gave<S: Subject>() {
    let ahead = now() + AHEAD;
    let waits = |seconds| Duration::from_secs(seconds);
    let subject = begun::<S>().await;
    let store = subject.store();
    // 1 is due after an hour, 2 after its trouble, 3 is in doubt, 4 taken, and 5 is being sent; 6 waits for longer than
    // the clock was ahead.
    for (lot, wait) in [(1, 3600), (2, 0), (3, 0), (4, 0), (5, 0), (6, 200 * 86_400)] {
        admit_at(&*store, ahead, lot).await;
        let sealed = Sealed {
            lot: LotId(lot.into()),
            due: ahead + waits(wait),
            ..sealed(vec![DocumentId(lot.into())])
        };
        store.commit(ahead, Command::Seal(sealed)).await.unwrap();
    }
    assert_eq!(lease(&*store, ahead).await.len(), 4);
    for (lot, event, wait) in [
        (2, Event::Deferred, 30),
        (3, Event::NoAnswer, 40),
        (4, Event::Taken, 2 * 86_400),
    ] {
        let conclusion = Conclusion {
            lot: LotId(lot),
            attempt: 1,
            asked: None,
            event,
            next: Next {
                at: ahead + waits(wait),
                reason: Reason::Turn,
            },
            named: Vec::new(),
            words: None,
        };
        let outcome = store.commit(ahead, Command::Conclude(conclusion)).await;
        assert!(matches!(outcome.unwrap(), Outcome::Done(_)));
    }
    // The clock is right again; what it says from now on is believed.
    lot_of(&*store, 7, after(50)).await;
    assert_eq!(set_back(&*store, after(1)).await, 1);
    let far = ahead.since(now()).as_secs();
    let expected = [
        (1, 1 + 3600),
        (2, 1 + 30),
        (3, 1 + 40),
        (4, 1 + 2 * 86_400),
        (5, 1 + 60),
        (6, far + 200 * 86_400),
        (7, 50),
    ];
    let next = async |store: &dyn Store, lot: u128| {
        let lot = store.lot(LotId(lot)).await.unwrap().unwrap();
        lot.next.unwrap().at
    };
    for (lot, seconds) in expected {
        assert_eq!(next(&*store, lot).await, after(seconds), "{lot}");
    }
    // Once is enough: nothing is put off any more.
    let before = store.health().position;
    assert_eq!(set_back(&*store, after(2)).await, 1);
    assert_eq!(store.health().position, before);
    assert_eq!(lease(&*store, after(31)).await, [2]);
}

async fn however_much_was_put_off_a_bounded_part_is_looked_at_in_one_command_and_each_lot_once<
    S: Subject,
>() {
    const LOTS: u32 = 600;
    let ahead = now() + AHEAD;
    let subject = begun::<S>().await;
    let store = subject.store();
    let documents = (1..=LOTS).map(|number| admission(number.into(), number, body_of(number)));
    let documents = documents.collect();
    admit(&*store, documents, Unity::Each).await.unwrap();
    let seals = (1..=LOTS).map(|number| {
        let store = store.clone();
        let sealed = Sealed {
            lot: LotId(number.into()),
            endpoint: EndpointName::parse(["lyon", "paris"][number as usize % 2]).unwrap(),
            due: ahead + Duration::from_secs(u64::from(number)),
            ..sealed(vec![DocumentId(number.into())])
        };
        tokio::spawn(async move { store.commit(ahead, Command::Seal(sealed)).await.unwrap() })
    });
    for sealed in seals.collect::<Vec<_>>() {
        assert!(matches!(sealed.await.unwrap(), Outcome::Done(_)));
    }
    let before = store.health().position;
    let first = Command::SetBack { after: None };
    let place = store.commit(after(1), first).await.unwrap().looked_at();
    assert!(place.unwrap().is_some());
    let moved = store.health().position.0 - before.0;
    assert!((1..u64::from(LOTS) / 2).contains(&moved), "{moved}");
    // From the beginning again, as after a restart: what was put right is left alone.
    assert!(set_back(&*store, after(1)).await > 2);
    let position = store.health().position;
    assert_eq!(position.0 - before.0, u64::from(LOTS), "an entry for each");
    for lot in store.lots(None, usize::MAX).await.unwrap() {
        let waits = u64::try_from(lot.sealed.lot.0).unwrap();
        assert_eq!(lot.next.unwrap().at, after(1 + waits));
    }
    set_back(&*store, after(2)).await;
    assert_eq!(store.health().position, position);
}
