//! The ledger on a map: the ways of a document, each to its end, and the same state again from entries.

mod past;
mod paper;
mod owed;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

use crate::claims::audit::{Audit, compare};
use crate::claims::delivery::{Event, Form, State};
use crate::claims::document::{Cents, Facts, Kind, Mode, Purpose, ReplacementReason};
use crate::claims::entry::{Next, Position, Reason, Sealed};
use crate::claims::example::{self, facts};
use crate::claims::id::{Destination, Digest, DocumentId, EndpointName, LotId, Name, Number};
use crate::claims::receipt::HeardOutcome;
use crate::claims::receipt::{
    Coverage, Evidence, Item, Part, PartOutcome, PartSettlement, Receipt, Settlement,
    SettlementContent, Verdict,
};

use crate::claims::standing::{Receipted, Standing};
use crate::claims::tally::{DayBasis, Lateness};
use crate::claims::time::{Day, Timestamp};
use crate::store::index::{Index, Working};
use crate::store::ledger::{Known, Secret, fold, query};
use crate::store::memory::{Map, Memory};
use crate::store::{
    Admission, Admitted, Body, BodyId, Command, Conclusion, Conflict, Find, Heard, Lease, Outcome,
    Sealing, Store, TallyQuery, Unity,
};

const SEALING: Sealing = Sealing {
    documents: 10,
    bytes: 1 << 20,
    age: Duration::from_secs(2),
};

struct Road {
    store: Memory,
    now: Timestamp,
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn caisse() -> Destination {
    Destination::Amo(example::caisse())
}

fn endpoint() -> EndpointName {
    EndpointName::parse("paris").unwrap()
}

fn admission(id: u128, facts: Facts, body: &'static str) -> Admission {
    Admission {
        document: DocumentId(id),
        purpose: Purpose::Real,
        facts,
        digest: Digest(Sha256::digest(body).into()),
        body: Body {
            bytes: Bytes::from_static(body.as_bytes()),
            salt: [7; 16],
        },
        warnings: Vec::new(),
    }
}

impl Road {
    async fn new() -> Road {
        let store = Memory::new(Secret::new([9; 32]));
        let now = at("2026-11-20T09:00:00Z");
        let registry = Command::Registry(vec![example::centre()]);
        store.commit(now, registry).await.unwrap();
        Road { store, now }
    }

    async fn admit(&self, admission: Admission) -> Admitted {
        self.admit_all(vec![admission], Unity::Each).await.remove(0)
    }

    async fn admit_all(&self, documents: Vec<Admission>, unity: Unity) -> Vec<Admitted> {
        let command = Command::Admit {
            caller: name("vendor"),
            documents,
            unity,
        };
        match self.store.commit(self.now, command).await.unwrap() {
            Outcome::Admitted(rows) => rows,
            other => panic!("{other:?}"),
        }
    }

    /// Seals everything that is old enough into lots with these ids.
    async fn seal(&mut self, lot: u128) -> Vec<DocumentId> {
        self.now = self.now + SEALING.age;
        let due = self.store.due(self.now, SEALING, 10).await.unwrap();
        let group = &due.groups[0];
        let documents: Vec<_> = group.documents.iter().map(|(id, _)| *id).collect();
        let sealed = Sealed {
            lot: LotId(lot),
            centre: group.centre,
            destination: group.destination,
            endpoint: endpoint(),
            purpose: group.purpose,
            documents: documents.clone(),
            digest: Digest([1; 32]),
            length: 100,
            due: self.now,
            form: Form::Composed,
        };
        self.store
            .commit(self.now, Command::Seal(sealed))
            .await
            .unwrap();
        documents
    }

    async fn lease(&self) -> Vec<(LotId, u32)> {
        let lease = Lease {
            endpoint: endpoint(),
            until: self.now + Duration::from_secs(60),
            most: 10,
        };
        let leased = self.store.lease_due(self.now, lease).await.unwrap();
        leased
            .iter()
            .map(|leased| (leased.lot.sealed.lot, leased.attempt))
            .collect()
    }

    async fn conclude(&self, lot: u128, attempt: u32, event: Event, named: &[u128]) -> Outcome {
        let next = Next {
            at: self.now + Duration::from_secs(3600),
            reason: Reason::Receipt,
        };
        let named = named
            .iter()
            .map(|id| (DocumentId(*id), Some(name("R001"))))
            .collect();
        let conclusion = Conclusion {
            lot: LotId(lot),
            attempt,
            asked: None,
            event,
            next,
            named,
            words: None,
        };
        self.store
            .commit(self.now, Command::Conclude(conclusion))
            .await
            .unwrap()
    }

    async fn hear(&self, item: Item) -> HeardOutcome {
        let heard = Heard {
            evidence: Evidence::Item(item),
            body: Body {
                bytes: Bytes::from_static(b"<x/>"),
                salt: [3; 16],
            },
        };
        let destinations = vec![caisse()];
        let command = Command::Receipts {
            formerly: Vec::new(),
            endpoint: endpoint(),
            purpose: Purpose::Real,
            destinations,
            items: vec![heard],
            cursor: None,
        };
        match self.store.commit(self.now, command).await.unwrap() {
            Outcome::Heard(rows) => rows[0],
            other => panic!("{other:?}"),
        }
    }

    async fn receipt(&self, id: &str, lot: u128, verdict: Verdict) -> HeardOutcome {
        self.hear(Item::Receipt(Receipt {
            id: name(id),
            lot: LotId(lot),
            digest: Digest([1; 32]),
            issued: self.now,
            verdict,
            documents: Vec::new(),
            coverage: Coverage::Whole,
            code: None,
            text: None,
        }))
        .await
    }

    async fn settle(&self, id: &str, document: u128, outcome: PartOutcome) -> HeardOutcome {
        let part = PartSettlement {
            part: Part::Amo,
            outcome,
            amount: Cents(1750),
            code: None,
            text: None,
        };
        let content = SettlementContent::Parts(vec![part]);
        let settlement = Settlement {
            id: name(id),
            document: DocumentId(document),
            issued: self.now,
            content,
        };
        self.hear(Item::Settlement(settlement)).await
    }

    async fn standing(&self, document: u128) -> Standing {
        let view = self
            .store
            .document(Find::Id(DocumentId(document)))
            .await
            .unwrap()
            .unwrap();
        view.record.standing()
    }

    async fn lot(&self, lot: u128) -> State {
        self.store.lot(LotId(lot)).await.unwrap().unwrap().state
    }

    /// The laws that hold after every step.
    async fn check(&self) {
        let all = TallyQuery {
            centre: None,
            from: Day::new(2000, 1, 1).unwrap(),
            to: Day::new(2100, 1, 1).unwrap(),
        };
        let tallies = self.store.tallies(all).await.unwrap();
        let documents = self.store.documents(None, usize::MAX).await.unwrap();
        let units = documents.iter().filter(|record| record.is_latest()).count();
        for basis in DayBasis::ALL {
            let counted: i64 = tallies
                .units
                .iter()
                .filter(|(cell, _)| cell.basis == basis)
                .map(|(_, count)| count)
                .sum();
            assert_eq!(counted, units as i64, "{basis:?}");
        }
        assert!(tallies.units.values().all(|count| *count > 0));
        let ids = documents.iter().map(|record| record.received.document);
        assert_eq!(self.store.stuck(ids.collect()).await.unwrap(), 0);
        let entries = self.store.entries(Position(0), usize::MAX).await.unwrap();
        let mut audit = Audit::default();
        for (position, stamped) in &entries {
            audit.feed(*position, stamped).unwrap();
        }
        assert_eq!(compare(&tallies.units, &audit.units()), []);
        let entries = entries.into_iter().map(|(_, stamped)| stamped).collect();
        let rebuilt = Memory::rebuilt(Secret::new([9; 32]), entries).unwrap();
        assert_eq!(rebuilt.tallies(all).await.unwrap(), tallies);
        assert_eq!(
            rebuilt.documents(None, usize::MAX).await.unwrap(),
            documents
        );
    }
}

#[tokio::test]
async fn the_whole_road() {
    let mut road = Road::new().await;
    let row = road
        .admit(admission(10, facts(Kind::Fse, "000000001"), "a"))
        .await;
    assert_eq!(
        row,
        Admitted::Received {
            document: DocumentId(10),
            deadline: Day::new(2026, 11, 25)
        }
    );
    road.check().await;
    assert_eq!(road.seal(1).await, [DocumentId(10)]);
    road.check().await;
    assert_eq!(road.lease().await, [(LotId(1), 1)]);
    assert_eq!(road.lot(1).await, State::Sending);
    road.check().await;
    road.conclude(1, 1, Event::Taken, &[]).await;
    road.check().await;
    assert_eq!(
        road.receipt("r1", 1, Verdict::Accepted).await,
        HeardOutcome::Recorded
    );
    assert_eq!(
        road.receipt("r1", 1, Verdict::Accepted).await,
        HeardOutcome::Known
    );
    assert_eq!(
        (road.lot(1).await, road.standing(10).await),
        (State::Answered, Standing::Acknowledged)
    );
    road.check().await;
    assert_eq!(
        road.settle("s1", 10, PartOutcome::Paid).await,
        HeardOutcome::Recorded
    );
    assert_eq!(road.standing(10).await, Standing::Paid);
    road.check().await;
    let view = road
        .store
        .document(Find::Id(DocumentId(10)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (view.late, view.record.receipted(), view.next),
        (Lateness::InTime, Receipted::Yes, None)
    );
    assert_eq!(view.history.len(), 6);
    let body = road
        .store
        .body(BodyId::Document(DocumentId(10)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&body.bytes[..], b"a");
}

#[tokio::test]
async fn the_same_number_again() {
    let road = Road::new().await;
    road.admit(admission(10, facts(Kind::Fse, "000000001"), "a"))
        .await;
    let known = road
        .admit(admission(11, facts(Kind::Fse, "000000001"), "a"))
        .await;
    assert!(matches!(
        known,
        Admitted::Known {
            document: DocumentId(10),
            standing: Standing::Open,
            ..
        }
    ));
    let other = Facts {
        mode: Mode::Degraded,
        ..facts(Kind::Fse, "000000001")
    };
    let conflict = Conflict::OtherContent {
        document: DocumentId(10),
        differs: vec!["mode"],
    };
    assert_eq!(
        road.admit(admission(12, other, "b")).await,
        Admitted::Refused(conflict)
    );
    road.check().await;
}

#[tokio::test]
async fn a_post_stands_or_falls_together() {
    let road = Road::new().await;
    road.admit(admission(10, facts(Kind::Fse, "000000001"), "a"))
        .await;
    let documents = || {
        vec![
            admission(11, facts(Kind::Fse, "000000002"), "c"),
            admission(12, facts(Kind::Fse, "000000001"), "d"),
        ]
    };
    let rows = road.admit_all(documents(), Unity::Together).await;
    assert!(
        matches!(
            rows[..],
            [
                Admitted::WithTheOthers,
                Admitted::Refused(Conflict::OtherContent { .. })
            ]
        ),
        "{rows:?}"
    );
    road.check().await;
    // The same document twice in a post that falls: neither is known, for neither is there.
    let mut twice = documents();
    twice.insert(1, admission(13, facts(Kind::Fse, "000000002"), "c"));
    let rows = road.admit_all(twice, Unity::Together).await;
    assert!(
        matches!(
            rows[..],
            [
                Admitted::WithTheOthers,
                Admitted::WithTheOthers,
                Admitted::Refused(_)
            ]
        ),
        "{rows:?}"
    );
    let rows = road.admit_all(documents(), Unity::Each).await;
    assert!(
        matches!(rows[..], [Admitted::Received { .. }, Admitted::Refused(_)]),
        "{rows:?}"
    );
    road.check().await;
}

#[tokio::test]
async fn a_partial_refusal_voids_the_lot_and_reseals_the_others() {
    let mut road = Road::new().await;
    for (id, number) in [(10, "000000001"), (11, "000000002")] {
        road.admit(admission(id, facts(Kind::Fse, number), "a"))
            .await;
    }
    road.seal(1).await;
    road.lease().await;
    road.conclude(1, 1, Event::ContentRefused, &[10]).await;
    assert_eq!(road.lot(1).await, State::Void);
    assert_eq!(
        (road.standing(10).await, road.standing(11).await),
        (Standing::Refused, Standing::Open)
    );
    road.check().await;
    assert_eq!(road.seal(2).await, [DocumentId(11)]);
    road.check().await;
    let replaces = Some((
        Kind::Fse,
        Number::parse("000000001").unwrap(),
        ReplacementReason::Refused,
    ));
    let replacement = Facts {
        replaces,
        ..facts(Kind::Fse, "000000001")
    };
    let row = road.admit(admission(12, replacement.clone(), "z")).await;
    assert!(matches!(row, Admitted::Received { .. }), "{row:?}");
    assert_eq!(road.standing(10).await, Standing::Replaced);
    road.check().await;
    let again = Facts {
        replaces,
        ..facts(Kind::Fse, "000000003")
    };
    let row = road.admit(admission(13, again, "y")).await;
    assert!(
        matches!(
            row,
            Admitted::Refused(Conflict::Standing {
                document: DocumentId(12),
                ..
            })
        ),
        "{row:?}"
    );
    assert!(matches!(
        road.admit(admission(14, replacement, "z")).await,
        Admitted::Known { .. }
    ));
    assert!(matches!(
        road.admit(admission(15, facts(Kind::Fse, "000000001"), "a"))
            .await,
        Admitted::Known {
            document: DocumentId(10),
            ..
        }
    ));
    road.check().await;
}

#[tokio::test]
async fn a_doubt_is_asked_about_and_the_same_lot_goes_again() {
    let mut road = Road::new().await;
    road.admit(admission(10, facts(Kind::Fse, "000000001"), "a"))
        .await;
    road.seal(1).await;
    road.lease().await;
    road.store.commit(road.now, Command::Restart).await.unwrap();
    assert_eq!(road.lot(1).await, State::InDoubt);
    road.check().await;
    let due = road.store.due(road.now, SEALING, 10).await.unwrap();
    assert_eq!(due.asks.len(), 1);
    assert_eq!(road.lease().await, []);
    road.conclude(1, 1, Event::StatusUnknown, &[]).await;
    road.now = road.now + Duration::from_secs(3600);
    assert_eq!(road.lease().await, [(LotId(1), 2)]);
    // The first attempt's late answer says nothing about the second.
    let late = road.conclude(1, 1, Event::Taken, &[]).await;
    assert!(
        matches!(late, Outcome::Conflict(Conflict::Delivery { .. })),
        "{late:?}"
    );
    road.conclude(1, 2, Event::Taken, &[]).await;
    assert_eq!(road.lot(1).await, State::Taken);
    road.check().await;
}

#[tokio::test]
async fn cancel_and_paper_follow_the_delivery_table() {
    let mut road = Road::new().await;
    for (id, number) in [(10, "000000001"), (11, "000000002"), (12, "000000003")] {
        road.admit(admission(id, facts(Kind::Fse, number), "a"))
            .await;
    }
    road.seal(1).await;
    let cancel = |id| Command::Cancel {
        document: DocumentId(id),
        caller: name("vendor"),
    };
    road.store.commit(road.now, cancel(10)).await.unwrap();
    assert_eq!(road.lot(1).await, State::Void);
    assert_eq!(
        (road.standing(10).await, road.standing(11).await),
        (Standing::Cancelled, Standing::Open)
    );
    road.check().await;
    road.seal(2).await;
    road.lease().await;
    let refused = road.store.commit(road.now, cancel(11)).await.unwrap();
    assert!(matches!(
        refused,
        Outcome::Conflict(Conflict::Delivery {
            state: State::Sending,
            ..
        })
    ));
    road.conclude(2, 1, Event::NoAnswer, &[]).await;
    let paper = Command::Paper {
        document: DocumentId(11),
        actor: name("operator"),
    };
    road.store.commit(road.now, paper).await.unwrap();
    assert_eq!(
        (road.standing(11).await, road.lot(2).await),
        (Standing::OnPaper, State::InDoubt)
    );
    road.check().await;
    road.conclude(2, 1, Event::StatusUnknown, &[]).await;
    assert_eq!(
        (road.standing(12).await, road.lot(2).await),
        (Standing::Open, State::Void)
    );
    road.check().await;
}

#[tokio::test]
async fn a_lot_once_taken_can_be_unknown_later() {
    let mut road = Road::new().await;
    for (id, number) in [(10, "000000001"), (11, "000000002")] {
        road.admit(admission(id, facts(Kind::Fse, number), "a"))
            .await;
    }
    road.seal(1).await;
    road.lease().await;
    road.conclude(1, 1, Event::Taken, &[]).await;
    road.check().await;
    let paper = Command::Paper {
        document: DocumentId(10),
        actor: name("operator"),
    };
    road.store.commit(road.now, paper).await.unwrap();
    road.check().await;
    road.conclude(1, 1, Event::StatusUnknown, &[]).await;
    assert_eq!(
        (road.lot(1).await, road.standing(11).await),
        (State::Void, Standing::Open)
    );
    road.check().await;
    assert_eq!(road.seal(2).await, [DocumentId(11)]);
    road.lease().await;
    road.check().await;
    road.receipt("r1", 2, Verdict::Accepted).await;
    road.check().await;
    // A late word on the void lot is recorded on its documents.
    road.receipt("r2", 1, Verdict::Accepted).await;
    road.check().await;
}

#[tokio::test]
async fn time_alone_owes_paper_lapses_and_unsettles() {
    let mut road = Road::new().await;
    for (id, number) in [(10, "000000001"), (11, "000000002")] {
        road.admit(admission(id, facts(Kind::Fse, number), "a"))
            .await;
        road.seal(id).await;
    }
    road.lease().await;
    road.conclude(10, 1, Event::ContentRefused, &[]).await;
    road.conclude(11, 1, Event::Taken, &[]).await;
    road.receipt("r1", 11, Verdict::Accepted).await;
    assert_eq!(road.standing(10).await, Standing::Refused);
    road.now = at("2026-11-25T00:00:00+01:00");
    road.store.commit(road.now, Command::Tick).await.unwrap();
    let view = road
        .store
        .document(Find::Id(DocumentId(10)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(view.record.paper_owed, Some(road.now));
    assert_eq!(view.next.map(|next| next.reason), Some(Reason::Lapse));
    road.check().await;
    road.now = at("2027-03-01T00:00:00+01:00");
    road.store.commit(road.now, Command::Tick).await.unwrap();
    assert_eq!(
        (road.standing(10).await, road.standing(11).await),
        (Standing::Lapsed, Standing::Unsettled)
    );
    road.check().await;
}

#[tokio::test]
async fn a_pj_waits_for_its_fse_and_shares_its_fate() {
    let mut road = Road::new().await;
    let pj = |number: &str| Facts {
        supports: Some(Number::parse("000000001").unwrap()),
        ..facts(Kind::Pj, number)
    };
    let unknown = road.admit(admission(20, pj("1"), "p")).await;
    assert_eq!(unknown, Admitted::Refused(Conflict::SupportedUnknown));
    let rows = road
        .admit_all(
            vec![
                admission(20, pj("1"), "p"),
                admission(10, facts(Kind::Fse, "000000001"), "a"),
            ],
            Unity::Each,
        )
        .await;
    assert!(
        rows.iter()
            .all(|row| matches!(row, Admitted::Received { .. })),
        "{rows:?}"
    );
    assert_eq!(road.seal(1).await, [DocumentId(10)]);
    road.check().await;
    road.lease().await;
    road.receipt("r1", 1, Verdict::Accepted).await;
    assert_eq!(road.lot(1).await, State::Answered);
    assert_eq!(road.seal(2).await, [DocumentId(20)]);
    road.check().await;
    let fse = Facts {
        clock_day: Day::new(2026, 11, 19).unwrap(),
        ..facts(Kind::Fse, "000000009")
    };
    road.admit(admission(30, fse, "f")).await;
    let other = Facts {
        supports: Some(Number::parse("000000009").unwrap()),
        ..facts(Kind::Pj, "2")
    };
    road.admit(admission(31, other, "q")).await;
    road.store
        .commit(
            road.now,
            Command::Cancel {
                document: DocumentId(30),
                caller: name("vendor"),
            },
        )
        .await
        .unwrap();
    assert_eq!(road.standing(31).await, Standing::Cancelled);
    road.check().await;
}

#[tokio::test]
async fn receipts_of_others_move_nothing() {
    let mut road = Road::new().await;
    road.admit(admission(10, facts(Kind::Fse, "000000001"), "a"))
        .await;
    road.seal(1).await;
    use crate::claims::entry::OrphanCause;
    let cause = road.receipt("r0", 99, Verdict::Accepted).await;
    assert_eq!(cause, HeardOutcome::Orphan(OrphanCause::UnknownLot));
    let command = Command::Receipts {
        formerly: Vec::new(),
        endpoint: EndpointName::parse("other").unwrap(),
        purpose: Purpose::Real,
        destinations: Vec::new(),
        items: vec![Heard {
            evidence: Evidence::Item(Item::Receipt(Receipt {
                id: name("r1"),
                lot: LotId(1),
                digest: Digest([1; 32]),
                issued: road.now,
                verdict: Verdict::Accepted,
                documents: Vec::new(),
                coverage: Coverage::Whole,
                code: None,
                text: None,
            })),
            body: Body {
                bytes: Bytes::new(),
                salt: [0; 16],
            },
        }],
        cursor: Some(crate::store::Moved {
            from: None,
            to: name("c1"),
        }),
    };
    let outcome = road.store.commit(road.now, command).await.unwrap();
    assert_eq!(
        outcome,
        Outcome::Heard(vec![HeardOutcome::Orphan(OrphanCause::OtherDestination)])
    );
    assert_eq!(road.standing(10).await, Standing::InLot);
    road.check().await;
}

#[tokio::test]
async fn a_settlement_of_the_wrong_form_answers_nothing() {
    let mut road = Road::new().await;
    road.admit(admission(10, facts(Kind::Pec, "1"), "a")).await;
    road.seal(1).await;
    road.lease().await;
    road.conclude(1, 1, Event::Taken, &[]).await;
    let outcome = road.settle("s1", 10, PartOutcome::Paid).await;
    assert_eq!(outcome, HeardOutcome::Recorded);
    assert_eq!(
        (road.standing(10).await, road.lot(1).await),
        (Standing::InLot, State::Taken)
    );
    road.check().await;
}

#[tokio::test]
async fn a_receipt_of_a_void_lot_says_nothing_about_the_next_one() {
    let mut road = Road::new().await;
    for (id, number) in [(10, "000000001"), (11, "000000002")] {
        road.admit(admission(id, facts(Kind::Fse, number), "a"))
            .await;
    }
    road.seal(1).await;
    road.lease().await;
    road.conclude(1, 1, Event::ContentRefused, &[10]).await;
    assert_eq!(road.seal(2).await, [DocumentId(11)]);
    road.receipt("r1", 1, Verdict::Refused).await;
    assert_eq!(
        (road.standing(10).await, road.standing(11).await),
        (Standing::Refused, Standing::InLot)
    );
    assert_eq!(road.lot(2).await, State::Due);
    road.check().await;
}

#[tokio::test]
async fn an_answer_to_an_outdated_question_is_not_recorded() {
    let mut road = Road::new().await;
    road.admit(admission(10, facts(Kind::Fse, "000000001"), "a"))
        .await;
    road.seal(1).await;
    road.lease().await;
    road.conclude(1, 1, Event::NoAnswer, &[]).await;
    road.conclude(1, 1, Event::StatusUnknown, &[]).await;
    road.now = road.now + Duration::from_secs(3600);
    road.lease().await;
    for state in [State::Sending, State::InDoubt] {
        let again = road.conclude(1, 1, Event::StatusUnknown, &[]).await;
        let conflict = Conflict::Delivery {
            lot: LotId(1),
            state,
        };
        assert_eq!(again, Outcome::Conflict(conflict));
        road.conclude(1, 2, Event::NoAnswer, &[]).await;
    }
    road.check().await;
}

#[tokio::test]
async fn a_void_lot_proves_no_taking() {
    let mut road = Road::new().await;
    for (id, number) in [(10, "000000001"), (11, "000000002")] {
        road.admit(admission(id, facts(Kind::Fse, number), "a"))
            .await;
    }
    road.seal(1).await;
    road.lease().await;
    road.conclude(1, 1, Event::Taken, &[]).await;
    let paper = Command::Paper {
        document: DocumentId(10),
        actor: name("operator"),
    };
    road.store.commit(road.now, paper).await.unwrap();
    road.conclude(1, 1, Event::StatusUnknown, &[]).await;
    assert_eq!(
        (road.lot(1).await, road.standing(11).await),
        (State::Void, Standing::Open)
    );
    let view = road.store.document(Find::Id(DocumentId(11))).await.unwrap();
    assert_eq!(view.unwrap().late, Lateness::Unproven);
    road.check().await;
}

#[tokio::test]
async fn a_document_that_no_index_finds_again_is_stuck() {
    let mut road = Road::new().await;
    for (id, number) in [(10, "000000001"), (11, "000000002")] {
        road.admit(admission(id, facts(Kind::Fse, number), "a"))
            .await;
    }
    road.seal(1).await;
    road.lease().await;
    road.conclude(1, 1, Event::Taken, &[]).await;
    road.receipt("r1", 1, Verdict::Accepted).await;
    road.admit(admission(12, facts(Kind::Fse, "000000003"), "a"))
        .await;
    road.seal(2).await;
    road.admit(admission(13, facts(Kind::Fse, "000000004"), "a"))
        .await;
    let entries = road.store.entries(Position(0), usize::MAX).await.unwrap();
    let ids = [10, 11, 12, 13].map(DocumentId);

    let mut index = Map::default();
    let mut known = Known::default();
    for (position, stamped) in &entries {
        let mut working = Working::new(&index);
        fold(&mut working, &mut known, *position, stamped).unwrap();
        let changes = working.into_changes();
        index.apply(changes);
    }
    assert_eq!(query::count_stuck(&index, &ids).unwrap(), 0);
    // Two wait for their settlement, one is in a lot, one may be sealed; an open one has no other index.
    for (table, lost) in [(b't', 2), (b'u', 3), (b'o', 4)] {
        let keys = index.scan(&[table], &[table + 1], usize::MAX).unwrap();
        index.apply(keys.into_iter().map(|(key, _)| (key, None)).collect());
        assert_eq!(query::count_stuck(&index, &ids).unwrap(), lost);
    }
    assert_eq!(query::count_stuck(&index, &[DocumentId(99)]).unwrap(), 1);
}

#[tokio::test]
async fn an_endpoint_speaks_of_what_was_sent_to_it_and_of_its_own_purpose() {
    use crate::claims::entry::OrphanCause;
    let foreign = HeardOutcome::Orphan(OrphanCause::OtherDestination);
    let (real, test) = (Purpose::Real, Purpose::Test);
    for (speaker, purpose, destinations, outcome) in [
        // Its destination has another endpoint by now: what went to it is answered by it all the same.
        ("paris", real, vec![], HeardOutcome::Recorded),
        ("paris-new", real, vec![caisse()], HeardOutcome::Recorded),
        ("paris-test", test, vec![caisse()], foreign),
        ("other", real, vec![], foreign),
    ] {
        let mut road = Road::new().await;
        road.admit(admission(10, facts(Kind::Fse, "000000001"), "a"))
            .await;
        road.seal(1).await;
        road.lease().await;
        road.conclude(1, 1, Event::Taken, &[]).await;
        let settlement = Settlement {
            id: name("1"),
            document: DocumentId(10),
            issued: road.now,
            content: SettlementContent::Parts(vec![PartSettlement {
                part: Part::Amo,
                outcome: PartOutcome::Paid,
                amount: Cents(1750),
                code: None,
                text: None,
            }]),
        };
        let receipt = Receipt {
            id: name("1"),
            lot: LotId(1),
            digest: Digest([1; 32]),
            issued: road.now,
            verdict: Verdict::Accepted,
            documents: Vec::new(),
            coverage: Coverage::Whole,
            code: None,
            text: None,
        };
        let heard = |item| Heard {
            evidence: Evidence::Item(item),
            body: Body {
                bytes: Bytes::new(),
                salt: [0; 16],
            },
        };
        for item in [Item::Receipt(receipt), Item::Settlement(settlement)] {
            let command = Command::Receipts {
                formerly: Vec::new(),
                endpoint: EndpointName::parse(speaker).unwrap(),
                purpose,
                destinations: destinations.clone(),
                items: vec![heard(item)],
                cursor: None,
            };
            // The two have the same number, and each is heard.
            let found = road.store.commit(road.now, command).await.unwrap();
            assert_eq!(found, Outcome::Heard(vec![outcome]), "{speaker}");
        }
        road.check().await;
    }
}
