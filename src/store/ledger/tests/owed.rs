//! Paper owed: by whom, since when, and until when.

use super::*;
use crate::claims::custody::Restored;
use crate::claims::receipt::DocumentVerdict;
use crate::store::Body;
use crate::store::ledger::records;
use crate::store::listing::{Book, Listing};

async fn tick(road: &mut Road, instant: &str) {
    road.now = at(instant);
    road.store.commit(road.now, Command::Tick).await.unwrap();
}

async fn record(road: &Road, id: u128) -> crate::store::DocumentRecord {
    let found = road.store.document(Find::Id(DocumentId(id))).await.unwrap();
    found.unwrap().record
}

#[tokio::test]
async fn what_was_taken_is_owed_anew_only_some_days_after_its_refusal() {
    let mut road = Road::new().await;
    road.admit(admission(10, facts(Kind::Fse, "000000001"), "a"))
        .await;
    road.seal(1).await;
    // The deadline is the 25th, so paper is owed from the end of the 27th.
    tick(&mut road, "2026-11-30T09:00:00+01:00").await;
    assert!(record(&road, 10).await.owes_paper());
    road.lease().await;
    road.conclude(1, 1, Event::Taken, &[]).await;
    let taken = record(&road, 10).await;
    assert_eq!((taken.owes_paper(), taken.paper_owed), (false, None));
    road.check().await;

    road.now = at("2026-12-02T09:00:00+01:00");
    road.receipt("r1", 1, Verdict::Refused).await;
    let refused = record(&road, 10).await;
    assert_eq!(
        (refused.standing(), refused.owes_paper()),
        (Standing::Refused, false)
    );
    let view = road.store.document(Find::Id(DocumentId(10))).await.unwrap();
    let next = view.unwrap().next.unwrap();
    assert_eq!(
        (next.reason, next.at),
        (Reason::Replacement, at("2026-12-05T00:00:00+01:00")),
        "two jours ouvrés after Wednesday"
    );
    tick(&mut road, "2026-12-05T00:00:00+01:00").await;
    let owed = record(&road, 10).await;
    assert_eq!((owed.owes_paper(), owed.paper_owed), (true, Some(road.now)));
    road.check().await;
}

#[tokio::test]
async fn no_paper_is_owed_for_a_test() {
    let mut road = Road::new().await;
    let test = Admission {
        purpose: Purpose::Test,
        ..admission(10, facts(Kind::Fse, "000000001"), "a")
    };
    road.admit(test).await;
    road.admit(admission(11, facts(Kind::Fse, "000000001"), "a"))
        .await;
    tick(&mut road, "2026-11-30T09:00:00+01:00").await;
    let listing = Listing {
        book: Book::PaperOwed,
        centres: vec![facts(Kind::Fse, "000000001").key.centre],
        since: None,
        after: None,
        most: 10,
    };
    let listed = road.store.list(listing).await.unwrap();
    let ids: Vec<_> = listed
        .iter()
        .map(|listed| listed.record.received.document)
        .collect();
    assert_eq!(ids, [DocumentId(11)]);
}

#[tokio::test]
async fn a_paper_duplicate_is_recorded_whatever_the_standing_and_once() {
    use Standing::{Acknowledged, Cancelled, OnPaper};
    let cancel = |document| Command::Cancel {
        document: DocumentId(document),
        caller: Name::parse("vendor").unwrap(),
    };
    let paper = |document| Command::Paper {
        document: DocumentId(document),
        actor: Name::parse("operator").unwrap(),
    };
    // Whether it was cancelled, what the insurer says before and after, and the standings; then both ways, contradicted.
    for (cancelled, before, after, standings, both_ways, contradicted) in [
        (
            false,
            Some(Verdict::Accepted),
            None,
            [Acknowledged; 2],
            true,
            false,
        ),
        (
            false,
            Some(Verdict::Accepted),
            Some(Verdict::Refused),
            [Acknowledged, OnPaper],
            false,
            false,
        ),
        (
            false,
            Some(Verdict::Refused),
            None,
            [OnPaper; 2],
            false,
            false,
        ),
        (
            false,
            Some(Verdict::Refused),
            Some(Verdict::Accepted),
            [OnPaper; 2],
            true,
            false,
        ),
        (true, None, None, [Cancelled; 2], false, true),
    ] {
        let mut road = Road::new().await;
        road.admit(admission(10, facts(Kind::Fse, "000000001"), "a"))
            .await;
        road.seal(1).await;
        if cancelled {
            road.store.commit(road.now, cancel(10)).await.unwrap();
        } else {
            road.lease().await;
        }
        if let Some(verdict) = before {
            road.receipt("r1", 1, verdict).await;
        }
        let count = road.store.health().position.0;
        for _ in 0..2 {
            let outcome = road.store.commit(road.now, paper(10)).await.unwrap();
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        }
        assert_eq!(road.store.health().position.0, count + 1);
        assert_eq!(record(&road, 10).await.standing(), standings[0]);
        road.check().await;
        road.now = at("2026-12-01T09:00:00+01:00");
        if let Some(verdict) = after {
            road.receipt("r2", 1, verdict).await;
        }
        let found = record(&road, 10).await;
        let position = found.course.position();
        assert_eq!(found.standing(), standings[1], "{before:?} {after:?}");
        assert_eq!(position.went_both_ways(), both_ways, "{before:?} {after:?}");
        assert_eq!(position.contradicted, contradicted);
        road.check().await;
    }
}

#[tokio::test]
async fn what_its_insurer_says_to_have_is_not_owed_although_no_attempt_is_known() {
    // Sealed in the backup, sent after it; then the store was lost.
    for (answer, state, owed) in [
        (Event::StatusKnown, State::Taken, false),
        (Event::StatusUnknown, State::Due, true),
    ] {
        let mut road = Road::new().await;
        road.admit(admission(10, facts(Kind::Fse, "000000001"), "a"))
            .await;
        road.seal(1).await;
        let position = road.store.health().position;
        let restored = Command::Restored(Restored {
            backup: Digest([1; 32]),
            taken: road.now,
            position,
            since: road.now,
            known: position,
            actor: name("operator"),
        });
        road.store.commit(road.now, restored).await.unwrap();
        tick(&mut road, "2026-11-30T09:00:00+01:00").await;
        assert!(record(&road, 10).await.owes_paper(), "nobody has it yet");
        road.conclude(1, 0, answer, &[]).await;
        assert_eq!(road.lot(1).await, state);
        tick(&mut road, "2026-12-10T09:00:00+01:00").await;
        let found = record(&road, 10).await;
        assert_eq!((found.owes_paper(), found.proven), (owed, None));
        road.check().await;
        // Refused after all, it is owed from its refusal on.
        road.receipt("r1", 1, Verdict::Refused).await;
        tick(&mut road, "2026-12-20T09:00:00+01:00").await;
        assert!(record(&road, 10).await.owes_paper());
        road.check().await;
    }
}

#[tokio::test]
async fn what_its_insurer_took_and_forgot_is_owed_and_late_like_what_never_left() {
    // Its second attempt is taken after the deadline of the 25th; or it was in doubt in between, after a restore.
    for restored in [false, true] {
        let mut road = Road::new().await;
        road.admit(admission(10, facts(Kind::Fse, "000000001"), "a"))
            .await;
        road.admit(admission(11, facts(Kind::Fse, "000000002"), "b"))
            .await;
        road.seal(1).await;
        road.lease().await;
        road.conclude(1, 1, Event::Taken, &[]).await;
        road.hear(Item::Receipt(Receipt {
            id: name("r1"),
            lot: LotId(1),
            digest: Digest([1; 32]),
            issued: road.now,
            verdict: Verdict::Accepted,
            documents: vec![DocumentVerdict {
                document: DocumentId(11),
                verdict: Verdict::Accepted,
                code: None,
                text: None,
            }],
            coverage: Coverage::Listed,
            code: None,
            text: None,
        }))
        .await;
        let first = record(&road, 10).await;
        assert!(first.proven.is_some() && first.said_taken && first.timer.is_none());
        if restored {
            let position = road.store.health().position;
            let restored = Command::Restored(Restored {
                backup: Digest([1; 32]),
                taken: road.now,
                position,
                since: road.now,
                known: position,
                actor: name("operator"),
            });
            road.store.commit(road.now, restored).await.unwrap();
            assert_eq!(road.lot(1).await, State::InDoubt);
        } else {
            let lot = road.store.lot(LotId(1)).await.unwrap().unwrap();
            road.now = lot.next.unwrap().at;
            road.store.commit(road.now, Command::Tick).await.unwrap();
            assert_eq!(road.lot(1).await, State::Overdue);
        }
        road.conclude(1, 1, Event::StatusUnknown, &[]).await;
        assert_eq!(road.lot(1).await, State::Due);
        let forgotten = record(&road, 10).await;
        assert_eq!((forgotten.proven, forgotten.said_taken), (None, false));
        let view = road.store.document(Find::Id(DocumentId(10))).await.unwrap();
        assert!(
            view.unwrap().record.timer.is_some(),
            "paper comes to be owed"
        );
        // Of the other one a receipt stands, which names the attempt that it was in.
        assert_eq!(record(&road, 11).await.proven, first.proven);
        road.check().await;

        tick(&mut road, "2026-12-10T09:00:00+01:00").await;
        assert!(record(&road, 10).await.owes_paper(), "{restored}");
        assert!(!record(&road, 11).await.owes_paper(), "{restored}");
        road.check().await;
        if restored {
            let resumed = Command::Resume {
                actor: name("operator"),
                reason: Body {
                    bytes: Bytes::from_static(b"looked at"),
                    salt: [1; 16],
                },
            };
            road.store.commit(road.now, resumed).await.unwrap();
        }
        assert_eq!(road.lease().await, [(LotId(1), 2)]);
        road.conclude(1, 2, Event::Taken, &[]).await;
        let again = record(&road, 10).await;
        assert_eq!((again.proven, again.owes_paper()), (Some(road.now), false));
        let late = records::lateness(&again, &again);
        assert_eq!(late, Lateness::Late, "{restored}");
        road.check().await;
    }
}
