//! When a PJ is owed on paper: five days after it could be sent, or was refused, without a receipt.

use super::*;
use crate::claims::terms::Terms;
use crate::store::DocumentRecord;
use crate::store::listing::{Book, Listing};

/// What may happen to the PJ without its receipt; being taken alone proves nothing.
const WITHOUT_RECEIPT: [&[Event]; 5] = [
    &[],
    &[Event::NotReached],
    &[Event::NoAnswer],
    &[Event::Taken],
    &[Event::ContentRefused],
];

impl Road {
    /// An FSE that is in a lot, and its PJ that waits for it.
    async fn with_a_pj() -> Road {
        let mut road = Road::new().await;
        let pj = Facts {
            supports: Some(Number::parse("000000001").unwrap()),
            ..facts(Kind::Pj, "1")
        };
        road.admit(admission(10, facts(Kind::Fse, "000000001"), "a"))
            .await;
        road.admit(admission(20, pj, "p")).await;
        road.seal(1).await;
        road.lease().await;
        road
    }

    async fn pj(&self) -> DocumentRecord {
        let found = self.store.document(Find::Id(DocumentId(20))).await;
        found.unwrap().unwrap().record
    }

    async fn tick(&mut self, now: &str) {
        self.now = at(now);
        self.store.commit(self.now, Command::Tick).await.unwrap();
    }

    async fn owed(&self) -> Vec<DocumentId> {
        let listing = Listing {
            book: Book::PaperOwed,
            centres: vec![example::centre().finess],
            since: None,
            after: None,
            most: 10,
        };
        let rows = self.store.list(listing).await.unwrap();
        rows.iter()
            .map(|row| row.record.received.document)
            .collect()
    }
}

#[tokio::test]
async fn a_pj_without_its_receipt_is_owed_on_paper_after_five_days() {
    for events in WITHOUT_RECEIPT {
        let mut road = Road::with_a_pj().await;
        // While its FSE is on the way nothing runs.
        assert_eq!(road.pj().await.timer, None);
        road.tick("2026-11-22T12:00:00Z").await;
        road.receipt("r1", 1, Verdict::Accepted).await;
        let owed = at("2026-11-28T00:00:00+01:00");
        assert_eq!(road.pj().await.timer, Some(owed), "{events:?}");
        if let [event] = events {
            road.seal(2).await;
            assert_eq!(road.lease().await, [(LotId(2), 1)]);
            road.conclude(2, 1, *event, &[]).await;
        }
        road.tick("2026-11-27T23:59:59+01:00").await;
        assert_eq!(road.owed().await, [], "{events:?}");
        road.tick("2026-11-28T00:00:00+01:00").await;
        assert_eq!(road.owed().await, [DocumentId(20)], "{events:?}");
        assert_eq!(road.pj().await.paper_owed, Some(owed), "{events:?}");
        road.check().await;
    }
}

#[tokio::test]
async fn the_days_of_a_pj_are_a_term() {
    let mut road = Road::with_a_pj().await;
    let terms = Terms {
        pj_paper_days: 1,
        ..Terms::default()
    };
    let changed = Command::Terms(terms);
    road.store.commit(road.now, changed).await.unwrap();
    road.receipt("r1", 1, Verdict::Accepted).await;
    road.tick("2026-11-21T23:59:59+01:00").await;
    assert_eq!(road.owed().await, []);
    road.tick("2026-11-22T00:00:00+01:00").await;
    assert_eq!(road.owed().await, [DocumentId(20)]);
    road.check().await;
}

#[tokio::test]
async fn the_receipt_of_a_pj_ends_the_duty_and_a_refusal_goes_on_to_lapse() {
    for (verdict, owed, ends) in [
        (Verdict::Accepted, vec![], Standing::Acknowledged),
        (Verdict::Refused, vec![DocumentId(20)], Standing::Lapsed),
    ] {
        let mut road = Road::with_a_pj().await;
        road.receipt("r1", 1, Verdict::Accepted).await;
        road.seal(2).await;
        road.lease().await;
        road.conclude(2, 1, Event::Taken, &[]).await;
        road.tick("2026-11-26T00:00:00+01:00").await;
        assert_eq!(road.owed().await, [DocumentId(20)], "still sendable");
        assert_eq!(road.pj().await.standing(), Standing::InLot);
        road.receipt("r2", 2, verdict).await;
        assert_eq!(road.owed().await, owed, "{verdict:?}");
        road.tick("2027-03-01T00:00:00+01:00").await;
        assert_eq!(road.pj().await.standing(), ends, "{verdict:?}");
        road.check().await;
    }
}

#[tokio::test]
async fn the_instant_that_is_shown_is_kept_also_when_terms_change() {
    for lapsed_after_days in [120, 30] {
        let mut road = Road::new().await;
        road.admit(admission(10, facts(Kind::Fse, "000000001"), "a"))
            .await;
        road.seal(1).await;
        road.lease().await;
        road.conclude(1, 1, Event::ContentRefused, &[10]).await;
        let find = || road.store.document(Find::Id(DocumentId(10)));
        // First paper is owed, then it lapses.
        for (reason, standing) in [
            (Reason::Replacement, Standing::Refused),
            (Reason::Lapse, Standing::Lapsed),
        ] {
            let promised = find().await.unwrap().unwrap().next.unwrap();
            assert_eq!(promised.reason, reason);
            let terms = Terms {
                lapsed_after_days,
                paper_owed_after_days: 5,
                ..Terms::default()
            };
            let changed = Command::Terms(terms);
            road.store.commit(road.now, changed).await.unwrap();
            let shown = find().await.unwrap().unwrap();
            assert_eq!(shown.next, Some(promised));
            let earlier = promised.at - Duration::from_secs(1);
            road.store.commit(earlier, Command::Tick).await.unwrap();
            assert_eq!(find().await.unwrap().unwrap().next, Some(promised));
            road.store.commit(promised.at, Command::Tick).await.unwrap();
            let after = find().await.unwrap().unwrap();
            assert_eq!(after.record.standing(), standing);
            assert_ne!(after.next, Some(promised));
            road.store
                .commit(promised.at, Command::Terms(Terms::default()))
                .await
                .unwrap();
        }
        road.check().await;
    }
}
