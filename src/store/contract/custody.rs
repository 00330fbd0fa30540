//! The laws of the ledger as a whole: restores, anchors, and endpoints that are asked from the beginning.

use std::num::NonZeroU64;

use super::*;
use crate::claims::commitment::Chain;
use crate::claims::custody::{Anchor, Restored};
use crate::claims::receipt::Evidence;
use crate::store::custody::record::OrphanName;
use crate::store::{Heard, Moved};

laws! {
    after_a_restore_every_lot_is_in_doubt_and_none_goes_before_the_resume
    a_cursor_that_was_set_back_is_not_moved_by_who_asked_before
    an_anchor_is_the_hash_of_its_entry_each_day_and_after_so_many_entries
    orphans_are_listed_in_pages_with_the_entries_that_keep_them
}

fn paris() -> EndpointName {
    EndpointName::parse("paris").unwrap()
}

fn lease() -> Lease {
    Lease {
        endpoint: paris(),
        until: now() + Duration::from_secs(60),
        most: 10,
    }
}

async fn polled(store: &dyn Store, from: Option<&str>, to: &str, items: Vec<Heard>) {
    let command = Command::Receipts {
        formerly: Vec::new(),
        endpoint: paris(),
        purpose: Purpose::Real,
        destinations: vec![Destination::Amo(caisse())],
        items,
        cursor: Some(Moved {
            from: from.map(name),
            to: name(to),
        }),
    };
    store.commit(now(), command).await.unwrap();
}

async fn cursor(store: &dyn Store) -> Option<String> {
    let endpoints = store.endpoints().await.unwrap();
    let cursor = endpoints.get(&paris())?.cursor.as_ref()?;
    Some(cursor.to_string())
}

fn resume() -> Command {
    Command::Resume {
        actor: name("operator"),
        reason: Body {
            bytes: Bytes::from_static(b"the orphans were looked at"),
            salt: [6; 16],
        },
    }
}

/// Lots 1 to 4: due, taken, being sent, void.
async fn four_lots<S: Subject>() -> S {
    let subject = begun::<S>().await;
    let store = subject.store();
    for id in 1..=4_u128 {
        let number = u32::try_from(id).unwrap();
        admit_one(&*store, id, number, body_of(number)).await;
    }
    let send = async |lot: u128, event: Option<Event>| {
        let sealed = Sealed {
            lot: LotId(lot),
            ..sealed(vec![DocumentId(lot)])
        };
        store.commit(now(), Command::Seal(sealed)).await.unwrap();
        assert_eq!(store.lease_due(now(), lease()).await.unwrap().len(), 1);
        let Some(event) = event else { return };
        let conclusion = Conclusion {
            lot: LotId(lot),
            attempt: 1,
            asked: None,
            event,
            next: Next {
                at: now() + Duration::from_secs(3600),
                reason: Reason::Receipt,
            },
            named: Vec::new(),
            words: None,
        };
        let command = Command::Conclude(conclusion);
        store.commit(now(), command).await.unwrap();
    };
    send(2, Some(Event::Taken)).await;
    send(3, None).await;
    send(4, Some(Event::ContentRefused)).await;
    let due = Sealed {
        lot: LotId(1),
        ..sealed(vec![DocumentId(1)])
    };
    store.commit(now(), Command::Seal(due)).await.unwrap();
    polled(&*store, None, "c1", Vec::new()).await;
    subject
}

async fn state(store: &dyn Store, lot: u128) -> State {
    store.lot(LotId(lot)).await.unwrap().unwrap().state
}

async fn after_a_restore_every_lot_is_in_doubt_and_none_goes_before_the_resume<S: Subject>() {
    let subject = four_lots::<S>().await;
    let store = subject.store();
    assert_eq!(subject.custody().restoration().await.unwrap(), None);
    let restored = Restored {
        backup: Digest([8; 32]),
        taken: now(),
        position: store.health().position,
        since: now(),
        known: Position(99),
        actor: name("uid:0"),
    };
    let command = Command::Restored(restored.clone());
    store.commit(now(), command).await.unwrap();
    for lot in [1, 2, 3] {
        assert_eq!(state(&*store, lot).await, State::InDoubt, "lot {lot}");
    }
    assert_eq!(state(&*store, 4).await, State::Void);
    assert_eq!(cursor(&*store).await, None);
    let record = subject.custody().restoration().await.unwrap().unwrap();
    assert!(record.waits());
    assert_eq!(record.restored, restored);

    // The insurer says that it never saw lot 1: it is to be sent, and waits for a person.
    let conclusion = Conclusion {
        lot: LotId(1),
        attempt: 0,
        asked: None,
        event: Event::StatusUnknown,
        next: Next {
            at: now(),
            reason: Reason::Turn,
        },
        named: Vec::new(),
        words: None,
    };
    let command = Command::Conclude(conclusion);
    store.commit(now(), command).await.unwrap();
    assert_eq!(state(&*store, 1).await, State::Due);
    assert_eq!(store.lease_due(now(), lease()).await.unwrap(), []);
    drop(store);
    let subject = subject.restarted().await;
    let store = subject.store();
    assert_eq!(store.lease_due(now(), lease()).await.unwrap(), []);
    let before = store.health().position.0;
    for _ in 0..2 {
        store.commit(now(), resume()).await.unwrap();
    }
    assert_eq!(store.health().position.0, before + 1, "once");
    let body = BodyId::Entry(Position(before + 1));
    assert!(store.body(body).await.unwrap().is_some());
    assert!(
        !subject
            .custody()
            .restoration()
            .await
            .unwrap()
            .unwrap()
            .waits()
    );
    assert_eq!(store.lease_due(now(), lease()).await.unwrap().len(), 1);
}

async fn a_cursor_that_was_set_back_is_not_moved_by_who_asked_before<S: Subject>() {
    let subject = begun::<S>().await;
    let store = subject.store();
    polled(&*store, None, "c1", Vec::new()).await;
    let rewind = Command::Explain {
        command: Box::new(Command::Rewind {
            formerly: Vec::new(),
            endpoint: paris(),
            actor: name("operator"),
        }),
        reason: Body {
            bytes: Bytes::from_static(b"the insurer sent it again"),
            salt: [6; 16],
        },
    };
    for _ in 0..2 {
        store.commit(now(), rewind.clone()).await.unwrap();
    }
    // The registration, the cursor, the rewind and its reason, once.
    assert_eq!(store.health().position, Position(4));
    // The answer to a question that was asked before comes after it.
    polled(&*store, Some("c1"), "c2", Vec::new()).await;
    assert_eq!(cursor(&*store).await, None);
    polled(&*store, None, "c1", Vec::new()).await;
    assert_eq!(cursor(&*store).await.as_deref(), Some("c1"));
}

async fn an_anchor_is_the_hash_of_its_entry_each_day_and_after_so_many_entries<S: Subject>() {
    let subject = begun::<S>().await;
    let (store, custody) = (subject.store(), subject.custody());
    let day = Duration::from_secs(86_400);
    let mut ends = Vec::new();
    for (at, apart) in [(now(), 2), (now(), 2), (now(), 1), (now() + day, 99)] {
        let apart = NonZeroU64::new(apart).unwrap();
        let end = custody.end().await.unwrap();
        store
            .commit(at, Command::Anchor { end, apart })
            .await
            .unwrap();
        ends.push(end);
    }
    let found = custody.anchors(Position(0), 10).await.unwrap();
    let anchors: Vec<Anchor> = found.iter().map(|record| record.anchor).collect();
    assert_eq!(anchors, [ends[0], ends[2], ends[3]]);
    assert_eq!(custody.last_anchor().await.unwrap(), found.last().copied());
    let page = custody.anchors(anchors[0].position, 10).await.unwrap();
    assert_eq!(page, found[1..]);
    let entries = store.entries(Position(0), 10).await.unwrap();
    let mut chain = Chain::default();
    for (position, stamped) in entries {
        chain = chain.after(&stamped.canonical());
        for anchor in &anchors {
            assert!(anchor.position != position || anchor.chain == chain);
        }
    }
    let ahead = Anchor {
        position: Position(99),
        ..ends[0]
    };
    let apart = NonZeroU64::MIN;
    let ahead = Command::Anchor { end: ahead, apart };
    assert!(store.commit(now(), ahead).await.is_err());
}

async fn orphans_are_listed_in_pages_with_the_entries_that_keep_them<S: Subject>() {
    let subject = begun::<S>().await;
    let (store, custody) = (subject.store(), subject.custody());
    let unreadable = |text: &'static str| Heard {
        evidence: Evidence::Unreadable,
        body: Body {
            bytes: Bytes::from_static(text.as_bytes()),
            salt: [5; 16],
        },
    };
    let items = ["one", "two", "three"].map(unreadable).to_vec();
    polled(&*store, None, "c1", items).await;
    let all = custody.kept_orphans(None, 10).await.unwrap();
    let mut positions: Vec<u64> = all.iter().map(|kept| kept.record.position.0).collect();
    positions.sort_unstable();
    assert_eq!(positions, [2, 3, 4]);
    let (mut paged, mut after): (Vec<_>, Option<OrphanName>) = (Vec::new(), None);
    loop {
        let page = custody.kept_orphans(after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
        paged.extend(page);
    }
    assert_eq!(paged, all);
}
