//! What insurers say of a lot that ended, while its documents wait to be sent again.

use super::*;
use crate::claims::receipt::DocumentVerdict;
use crate::store::DocumentRecord;

impl Road {
    /// A lot of two documents that the insurer never saw, of which one went to paper: the other is open again.
    async fn with_a_void_lot() -> Road {
        let mut road = Road::new().await;
        for (id, number) in [(10, "000000001"), (11, "000000002"), (12, "000000003")] {
            road.admit(admission(id, facts(Kind::Fse, number), "a"))
                .await;
        }
        road.seal(1).await;
        road.lease().await;
        road.conclude(1, 1, Event::NoAnswer, &[]).await;
        let paper = Command::Paper {
            document: DocumentId(10),
            actor: name("operator"),
        };
        road.store.commit(road.now, paper).await.unwrap();
        road.conclude(1, 1, Event::StatusUnknown, &[]).await;
        assert_eq!(road.lot(1).await, State::Void);
        road
    }

    async fn record(&self, document: u128) -> DocumentRecord {
        let found = self.store.document(Find::Id(DocumentId(document))).await;
        found.unwrap().unwrap().record
    }
}

#[tokio::test]
async fn a_word_about_a_void_lot_proves_nothing_of_what_is_open_again() {
    for late in ["receipt", "refusal", "settlement", "answer"] {
        let mut road = Road::with_a_void_lot().await;
        match late {
            "receipt" => drop(road.receipt("r1", 1, Verdict::Accepted).await),
            "refusal" => drop(road.receipt("r1", 1, Verdict::Refused).await),
            "settlement" => drop(road.settle("s1", 11, PartOutcome::Paid).await),
            "answer" => drop(road.conclude(1, 1, Event::Taken, &[]).await),
            other => panic!("{other}"),
        }
        let open = road.record(11).await;
        assert_eq!(open.standing(), Standing::Open, "{late}");
        assert_eq!((open.proven, open.answered_in), (None, None), "{late}");
        road.check().await;
        // Paper is owed for it as for any other that never left.
        assert!(open.timer.is_some(), "{late}");
        // What is proven is proven by the lot in which it goes.
        assert_eq!(road.seal(2).await, [DocumentId(11), DocumentId(12)]);
        road.lease().await;
        road.conclude(2, 1, Event::Taken, &[]).await;
        assert_eq!(road.record(11).await.proven, Some(road.now), "{late}");
        road.check().await;
    }
}

#[tokio::test]
async fn what_was_settled_before_it_was_sealed_is_not_refused_by_its_new_lot() {
    // What is heard before the sealing, how the lot is refused, and what is heard only then.
    for (before, refusal, after, standing, contradicted) in [
        (
            Some(PartOutcome::Paid),
            Event::ContentRefused,
            None,
            Standing::Paid,
            true,
        ),
        (
            Some(PartOutcome::Deferred),
            Event::ContentRefused,
            None,
            Standing::Acknowledged,
            true,
        ),
        (
            Some(PartOutcome::Paid),
            Event::Taken,
            Some(Verdict::Refused),
            Standing::Paid,
            true,
        ),
        (None, Event::ContentRefused, None, Standing::Refused, false),
        (
            None,
            Event::Taken,
            Some(Verdict::Refused),
            Standing::Refused,
            false,
        ),
    ] {
        // In the backup it is open; what became of it since is heard of after the restore.
        let mut road = Road::new().await;
        for (id, number) in [(10, "000000001"), (11, "000000002")] {
            road.admit(admission(id, facts(Kind::Fse, number), "a"))
                .await;
        }
        if let Some(outcome) = before {
            road.settle("s1", 10, outcome).await;
            assert_eq!(road.standing(10).await, Standing::Open);
        }
        road.check().await;
        road.seal(1).await;
        road.lease().await;
        road.conclude(1, 1, refusal, &[10]).await;
        if let Some(verdict) = after {
            road.receipt("r1", 1, verdict).await;
        }
        let found = road.record(10).await;
        assert_eq!(found.standing(), standing, "{before:?} {refusal:?}");
        assert_eq!(found.course.position().contradicted, contradicted);
        road.check().await;
        road.now = at("2026-12-15T09:00:00+01:00");
        road.store.commit(road.now, Command::Tick).await.unwrap();
        assert_eq!(road.record(10).await.owes_paper(), before.is_none());
        road.check().await;
    }
}

#[tokio::test]
async fn a_receipt_of_a_void_lot_stands_against_the_refusal_of_the_next_whichever_comes_first() {
    for late in [false, true] {
        let mut road = Road::with_a_void_lot().await;
        if !late {
            road.receipt("r1", 1, Verdict::Accepted).await;
        }
        road.seal(2).await;
        road.lease().await;
        road.conclude(2, 1, Event::ContentRefused, &[11]).await;
        if late {
            assert_eq!(road.standing(11).await, Standing::Refused);
            road.check().await;
            road.receipt("r1", 1, Verdict::Accepted).await;
        }
        let found = road.record(11).await;
        assert_eq!(found.standing(), Standing::Acknowledged, "{late}");
        assert!(found.course.position().contradicted);
        road.check().await;
    }
}

#[tokio::test]
async fn a_settlement_of_one_document_does_not_take_a_lot_that_never_left() {
    let mut road = Road::with_a_void_lot().await;
    road.seal(2).await;
    road.settle("s1", 11, PartOutcome::Paid).await;
    assert_eq!(road.standing(11).await, Standing::Paid);
    let lot = road.store.lot(LotId(2)).await.unwrap().unwrap();
    assert_eq!((lot.state, lot.ask), (State::Due, true));
    assert_eq!(lot.next.unwrap().reason, Reason::Doubt);
    assert_eq!(road.lease().await, [], "the insurer is asked first");
    road.check().await;
    // The others go again in a lot of their own, without what is with the insurer already.
    road.conclude(2, 0, Event::StatusUnknown, &[]).await;
    assert_eq!(road.lot(2).await, State::Void);
    assert_eq!(road.standing(11).await, Standing::Paid);
    road.check().await;
    assert_eq!(road.seal(3).await, [DocumentId(12)]);
    road.check().await;
}

#[tokio::test]
async fn a_settlement_of_one_document_does_not_take_a_lot_that_only_may_have_arrived() {
    for (ended, state) in [
        (Event::NoAnswer, State::InDoubt),
        (Event::Deferred, State::Due),
    ] {
        let mut road = Road::with_a_void_lot().await;
        road.seal(2).await;
        road.lease().await;
        road.conclude(2, 1, ended, &[]).await;
        road.settle("s1", 11, PartOutcome::Paid).await;
        let lot = road.store.lot(LotId(2)).await.unwrap().unwrap();
        assert_eq!((lot.state, lot.ask), (state, true), "it is asked about");
        road.check().await;
        // It was the settlement of an earlier lot: nobody waits for the receipt of this one.
        road.conclude(2, 1, Event::StatusUnknown, &[]).await;
        assert_eq!(road.lot(2).await, State::Void);
        assert_eq!(road.standing(12).await, Standing::Open);
        road.check().await;

        let mut road = Road::with_a_void_lot().await;
        road.seal(2).await;
        road.lease().await;
        road.conclude(2, 1, ended, &[]).await;
        road.settle("s1", 11, PartOutcome::Paid).await;
        road.conclude(2, 1, Event::StatusKnown, &[]).await;
        assert_eq!(road.lot(2).await, State::Taken);
        road.check().await;
    }
}

#[tokio::test]
async fn settlements_of_all_documents_answer_a_lot_that_never_left_and_its_receipt_takes_it() {
    let mut road = Road::with_a_void_lot().await;
    road.seal(2).await;
    road.settle("s1", 11, PartOutcome::Paid).await;
    road.settle("s2", 12, PartOutcome::Rejected).await;
    assert_eq!(road.lot(2).await, State::Answered);
    road.check().await;

    // The insurer said "unknown" and was wrong: its receipt names the lot.
    let mut road = Road::new().await;
    for (id, number) in [(10, "000000001"), (11, "000000002")] {
        road.admit(admission(id, facts(Kind::Fse, number), "a"))
            .await;
    }
    road.seal(1).await;
    road.lease().await;
    road.conclude(1, 1, Event::NoAnswer, &[]).await;
    road.conclude(1, 1, Event::StatusUnknown, &[]).await;
    let verdict = DocumentVerdict {
        document: DocumentId(10),
        verdict: Verdict::Accepted,
        code: None,
        text: None,
    };
    let receipt = Receipt {
        id: name("r1"),
        lot: LotId(1),
        digest: Digest([1; 32]),
        issued: road.now,
        verdict: Verdict::Accepted,
        documents: vec![verdict],
        coverage: Coverage::Listed,
        code: None,
        text: None,
    };
    road.hear(Item::Receipt(receipt)).await;
    assert_eq!(road.lot(1).await, State::Taken);
    assert_eq!(road.standing(11).await, Standing::InLot);
    road.check().await;
}
