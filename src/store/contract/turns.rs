//! The laws of turns: centres one after the other, and of each the oldest legal deadline first.

use super::*;
use crate::claims::registry::Centre;

laws! {
    a_centre_with_many_lots_keeps_no_other_waiting
    the_oldest_deadline_of_a_centre_comes_first
    a_turn_survives_a_restart
    what_is_due_is_leased_behind_whatever_waits_for_later
}

fn centre(number: u8) -> Finess {
    let head = ["75071218", "13000001", "67000001"][usize::from(number)];
    let mut found = (0..10).filter_map(|key| Finess::parse(&format!("{head}{key}")).ok());
    found.next().expect("one of ten keys is right")
}

/// A lot of one document of a centre, whose clock began so many days before today.
async fn lot(store: &dyn Store, id: u32, of: u8, days_ago: i32, due: Timestamp) {
    let mut admission = admission(id.into(), id, body_of(id));
    admission.facts.key.centre = centre(of);
    admission.facts.clock_day = admission.facts.clock_day.plus_days(-days_ago);
    admission.facts.care_day = admission.facts.clock_day;
    let command = Command::Admit {
        caller: name("vendor"),
        documents: vec![admission],
        unity: Unity::Each,
    };
    let outcome = store.commit(now(), command).await.unwrap();
    let Outcome::Admitted(rows) = outcome else {
        panic!("a post is answered by its documents");
    };
    assert!(matches!(rows[..], [Admitted::Received { .. }]), "{rows:?}");
    let sealed = Sealed {
        lot: LotId(id.into()),
        centre: centre(of),
        due,
        ..sealed(vec![DocumentId(id.into())])
    };
    let outcome = store.commit(now(), Command::Seal(sealed)).await.unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
}

async fn begun_with_centres<S: Subject>() -> S {
    let subject = begun::<S>().await;
    let Command::Registry(centres) = registry() else {
        panic!("a registry is a registry");
    };
    let versions = (0..3).map(|number| Centre {
        finess: centre(number),
        ..centres[0].clone()
    });
    let command = Command::Registry(versions.collect());
    subject.store().commit(now(), command).await.unwrap();
    subject
}

async fn leased(store: &dyn Store, most: usize) -> Vec<u128> {
    let lease = Lease {
        endpoint: sealed(Vec::new()).endpoint,
        until: now() + Duration::from_secs(60),
        most,
    };
    let leased = store.lease_due(now(), lease).await.unwrap();
    leased
        .iter()
        .map(|leased| leased.lot.sealed.lot.0)
        .collect()
}

async fn a_centre_with_many_lots_keeps_no_other_waiting<S: Subject>() {
    let subject = begun_with_centres::<S>().await;
    let store = subject.store();
    for id in 1..=20 {
        lot(&*store, id, 0, 0, now()).await;
    }
    lot(&*store, 31, 1, 0, now()).await;
    lot(&*store, 32, 1, 0, now()).await;
    lot(&*store, 41, 2, 0, now()).await;
    let mut turns = Vec::new();
    for _ in 0..6 {
        turns.extend(leased(&*store, 1).await);
    }
    // In order of FINESS: the second centre, the third, the first; again, as long as they have something.
    assert_eq!(turns, [31, 41, 1, 32, 2, 3]);
    assert_eq!(leased(&*store, 4).await, [4, 5, 6, 7]);
}

async fn the_oldest_deadline_of_a_centre_comes_first<S: Subject>() {
    let subject = begun_with_centres::<S>().await;
    let store = subject.store();
    for (id, of, days_ago) in [(1, 0, 0), (2, 0, 7), (3, 0, 3), (11, 1, 0), (12, 1, 30)] {
        lot(&*store, id, of, days_ago, now()).await;
    }
    assert_eq!(leased(&*store, 3).await, [12, 2, 11]);
    assert_eq!(leased(&*store, 9).await, [3, 1]);
    assert_eq!(leased(&*store, 9).await, [0; 0]);
}

async fn a_turn_survives_a_restart<S: Subject>() {
    let subject = begun_with_centres::<S>().await;
    let store = subject.store();
    for (id, of) in [(1, 0), (2, 0), (11, 1), (12, 1), (21, 2)] {
        lot(&*store, id, of, 0, now()).await;
    }
    assert_eq!(leased(&*store, 1).await, [11]);
    drop(store);
    let subject = subject.restarted().await;
    assert_eq!(leased(&*subject.store(), 3).await, [21, 1, 12]);
}

async fn what_is_due_is_leased_behind_whatever_waits_for_later<S: Subject>() {
    let subject = begun_with_centres::<S>().await;
    let store = subject.store();
    for id in 1..=60 {
        lot(&*store, id, 0, 7, now() + Duration::from_secs(60)).await;
    }
    lot(&*store, 61, 0, 0, now()).await;
    assert_eq!(leased(&*store, 2).await, [61]);
}
