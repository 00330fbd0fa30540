//! Lanes at work: what a dead, closed or crowded endpoint does to its lots, and what is told of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::claims::delivery::Form;
use crate::claims::lane::hours::{Holidays, Hours};
use crate::claims::lane::pace::Pace;
use crate::claims::lane::{self, breaker};
use crate::claims::outcome::{Cause, Trouble};
use crate::store::LotRecord;
use crate::store::lanes::Board;

impl Rig {
    /// A lot of one document that is due.
    pub(super) async fn due(&self, number: u32) -> LotId {
        let document = self.admit(number, mutuelle(1)).await;
        let now = self.clock.now();
        self.commit(Command::Seal(Sealed {
            lot: LotId(number.into()),
            centre: finess(),
            destination: mutuelle(1),
            endpoint: endpoint("slow"),
            purpose: Purpose::Real,
            documents: vec![document],
            digest: self.digest(number, document),
            length: 1,
            due: now,
            form: Form::Composed,
        }))
        .await;
        LotId(number.into())
    }

    /// The digest that the lot of this document has when it is composed.
    fn digest(&self, number: u32, document: DocumentId) -> Digest {
        use crate::formats::lot::{Lot, MediaType, Piece, compose};
        let lot = Lot {
            id: LotId(number.into()),
            centre: finess(),
            destination: mutuelle(1),
            purpose: Purpose::Real,
        };
        let bytes = Bytes::from(format!("<a n=\"{number}\"/>"));
        let number = Number::parse(&format!("{number:09}")).unwrap();
        let piece = Piece::new(document, number, Kind::Dre, MediaType::Xml, bytes);
        compose(lot, vec![piece]).digest
    }

    /// One turn; how many began by it.
    pub(super) async fn turned(&mut self) -> usize {
        let before = self.running.tasks.len();
        self.dispatch.turn(&mut self.running).await.unwrap();
        self.running.tasks.len() - before
    }

    /// Waits for everything that runs.
    async fn settled(&mut self) {
        while let Some(ended) = self.running.tasks.join_next_with_id().await {
            self.dispatch.ended(&mut self.running, ended);
        }
    }

    /// Turns until nothing more begins at this instant; how many began by each.
    pub(super) async fn exhausted(&mut self) -> Vec<usize> {
        let mut begun = Vec::new();
        loop {
            match self.turned().await {
                0 => return begun,
                count => begun.push(count),
            }
            self.settled().await;
        }
    }

    pub(super) async fn lot(&self, id: LotId) -> LotRecord {
        self.dispatch.store.lot(id).await.unwrap().unwrap()
    }

    fn shows(&self, line: &str) {
        let text = self.dispatch.telemetry.render();
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

/// An endpoint that refuses our certificate until it is mended.
async fn refusing() -> (Rig, Arc<AtomicBool>) {
    let mended = Arc::new(AtomicBool::new(false));
    let answers = Arc::clone(&mended);
    let rig = Rig::with(move |_| match answers.load(Ordering::Relaxed) {
        true => Fate::now(Course::Answered),
        false => Fate::now(Course::NotReached(Cause::OwnCertificate)),
    });
    (rig.await, mended)
}

#[tokio::test(start_paused = true)]
async fn a_dead_endpoint_is_probed_by_one_lot_at_a_time_and_its_lots_say_so() {
    let (mut rig, mended) = refusing().await;
    for number in 1..=40 {
        rig.due(number).await;
    }
    let start = rig.clock.now();
    assert_eq!(
        rig.exhausted().await,
        [1; 5],
        "one at a time, until it counts as dead"
    );
    let first = rig.lot(LotId(1)).await;
    assert_eq!(
        (first.state, first.next.unwrap().reason),
        (State::Due, Reason::OwnCertificate)
    );
    let probe = start + breaker::Rules::default().probe_first;
    let fifth = rig.lot(LotId(5)).await.next.unwrap();
    assert_eq!((fifth.at, fifth.reason), (probe, Reason::Breaker));
    // Those that were never sent wait for the same, and whoever asks is told so.
    let waiting = rig.lot(LotId(40)).await.next.unwrap();
    assert_eq!(waiting.reason, Reason::Turn);
    let held = |rig: &Rig, name| {
        rig.dispatch
            .lanes
            .hold(&endpoint(name), lane::Kind::Attempt, rig.clock.now())
    };
    assert_eq!(held(&rig, "slow"), Some(fifth));
    assert_eq!(held(&rig, "swift"), None);
    rig.shows(r#"bordereau_delivery_breaker_state{endpoint="slow"} 2"#);

    rig.clock.advance(Duration::from_secs(5));
    assert_eq!(rig.turned().await, 1);
    rig.shows(r#"bordereau_delivery_breaker_state{endpoint="slow"} 1"#);
    rig.settled().await;
    rig.shows(r#"bordereau_delivery_breaker_state{endpoint="slow"} 2"#);
    assert_eq!(rig.exhausted().await, [0; 0], "until the next probe");

    mended.store(true, Ordering::Relaxed);
    rig.clock.advance(Duration::from_secs(10));
    let begun = rig.exhausted().await;
    assert_eq!(begun[..6], [1, 2, 3, 4, 5, 6], "a ramp: {begun:?}");
    rig.shows(r#"bordereau_delivery_breaker_state{endpoint="slow"} 0"#);
    rig.shows(r#"bordereau_delivery_limit_attempts{endpoint="slow"} 8"#);
    for number in 1..=40 {
        assert_eq!(rig.lot(LotId(number)).await.state, State::Taken, "{number}");
    }
    assert_eq!(held(&rig, "slow"), None);
}

/// What may have arrived there is still attempted, and asked about; its gauges are at rest all the same.
#[tokio::test(start_paused = true)]
async fn nothing_is_shown_of_the_lane_of_an_endpoint_that_left() {
    let (mut rig, _) = refusing().await;
    rig.dispatch.lanes = Arc::default();
    rig.running = rig.dispatch.nothing_runs();
    for number in 1..=9 {
        rig.due(number).await;
    }
    assert_eq!(rig.exhausted().await, [1; 5]);
    let fifth = rig.lot(LotId(5)).await.next.unwrap();
    assert_eq!(fifth.reason, Reason::Breaker);
    rig.shows(r#"bordereau_delivery_breaker_state{endpoint="slow"} 0"#);
    rig.shows(r#"bordereau_delivery_limit_attempts{endpoint="slow"} 0"#);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_every_question_is_sent_its_lots_all_the_same() {
    let mut rig = Rig::with(|call| match call.request {
        Request::Status(_) => Fate::now(Course::Trouble(
            Trouble::Failing,
            Some(Duration::from_secs(600)),
        )),
        _ => Fate::now(Course::Answered),
    })
    .await;
    for number in 101..=120 {
        rig.doubt(number, mutuelle(1), "slow").await;
    }
    // While questions fail, and when they are known to.
    for lots in [1..=10, 11..=20] {
        for number in lots.clone() {
            rig.due(number).await;
        }
        rig.exhausted().await;
        for number in lots {
            assert_eq!(rig.lot(LotId(number.into())).await.state, State::Taken);
        }
        let held = |kind| {
            let lanes = &rig.dispatch.lanes;
            let held = lanes.hold(&endpoint("slow"), kind, rig.clock.now());
            held.map(|held| held.reason)
        };
        assert_eq!(held(lane::Kind::Attempt), None);
        assert!(held(lane::Kind::Question).is_some(), "questions wait");
        rig.clock.advance(Duration::from_secs(600));
    }
    assert_eq!(rig.lot(LotId(101)).await.state, State::InDoubt);
    rig.shows(r#"bordereau_delivery_breaker_state{endpoint="slow"} 0"#);
}

#[tokio::test(start_paused = true)]
async fn a_closed_endpoint_is_sent_nothing_until_it_opens() {
    let mut rig = Rig::with(|_| Fate::now(Course::Answered)).await;
    let lines = ["sat 08:00-12:00".to_owned()];
    let rules = lane::Rules {
        hours: Hours::parse(&lines, &[], Holidays::Open).unwrap(),
        ..Config::default().lane()
    };
    let rules = BTreeMap::from([(endpoint("slow"), rules)]);
    rig.dispatch.lanes = Arc::new(Board::new(rules));
    rig.running = rig.dispatch.nothing_runs();
    // A Friday, 10:00 in Paris: what is sealed now is due, and its lane says until when it is held back.
    let document = rig.admit(2, mutuelle(1)).await;
    rig.clock.advance(Duration::from_secs(30));
    rig.turned().await;
    let sealed = rig.dispatch.store.document(Find::Id(document)).await;
    let next = sealed.unwrap().unwrap().next.unwrap();
    let opens = Timestamp::parse("2026-11-21T07:00:00Z").unwrap();
    assert_eq!((next.at, next.reason), (rig.clock.now(), Reason::Turn));
    let held = rig
        .dispatch
        .lanes
        .hold(&endpoint("slow"), lane::Kind::Attempt, rig.clock.now());
    assert_eq!(
        held,
        Some(Next {
            at: opens,
            reason: Reason::Closed
        })
    );
    let lot = rig.due(1).await;
    rig.clock.advance(Duration::from_secs(21 * 3600 + 1770));
    assert_eq!(rig.exhausted().await, [0; 0]);
    let sleep = rig.dispatch.turn(&mut rig.running).await.unwrap();
    assert_eq!(
        sleep,
        crate::dispatch::LONGEST_SLEEP.min(Duration::from_secs(1800))
    );
    rig.clock.advance(Duration::from_secs(1800));
    assert_eq!(rig.exhausted().await, [1, 1]);
    assert_eq!(rig.lot(lot).await.state, State::Taken);
}

#[tokio::test(start_paused = true)]
async fn corrected_hours_count_at_once_also_for_what_was_sealed_or_failed_before() {
    let answers = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&answers);
    let mut rig = Rig::with(move |_| match mended.load(Ordering::Relaxed) {
        true => Fate::now(Course::Answered),
        false => Fate {
            there: Duration::from_secs(60),
            ..Fate::now(Course::NotReached(Cause::Connection))
        },
    })
    .await;
    let open = |line: &str| {
        let rules = lane::Rules {
            hours: Hours::parse(&[line.to_owned()], &[], Holidays::Open).unwrap(),
            ..Config::default().lane()
        };
        BTreeMap::from([(endpoint("slow"), rules)])
    };
    // A Friday, 10:00 in Paris.
    rig.dispatch.lanes = Arc::new(Board::new(open("fri 08:00-10:01")));
    rig.running = rig.dispatch.nothing_runs();
    let failed = rig.due(1).await;
    assert_eq!(rig.turned().await, 1);
    rig.clock.advance(Duration::from_secs(90));
    rig.settled().await;
    let document = rig.admit(2, mutuelle(1)).await;
    rig.clock.advance(Duration::from_secs(30));
    assert_eq!(rig.exhausted().await, [0; 0], "closed since 10:01");
    let found = rig.dispatch.store.document(Find::Id(document)).await;
    let sealed = found.unwrap().unwrap().record.lot.unwrap();
    assert_eq!(rig.lot(sealed).await.state, State::Due);

    answers.store(true, Ordering::Relaxed);
    let routes = Arc::clone(&rig.dispatch.routes.borrow());
    rig.dispatch.lanes.follow(open("fri 08:00-18:00"), &routes);
    rig.clock.advance(Duration::from_secs(60));
    rig.exhausted().await;
    for lot in [failed, sealed] {
        assert_eq!(rig.lot(lot).await.state, State::Taken);
    }
}

#[tokio::test(start_paused = true)]
async fn questions_without_end_leave_their_turn_to_the_lots_at_any_pace() {
    for waits in [0, 20] {
        let mut rig = Rig::with(|_| Fate::now(Course::Answered)).await;
        let rules = lane::Rules {
            pace: Pace::per_second(1.0),
            ..Config::default().lane()
        };
        rig.dispatch.lanes = Arc::new(Board::new(BTreeMap::from([(endpoint("slow"), rules)])));
        rig.running = rig.dispatch.nothing_runs();
        for number in 101..=150 {
            rig.doubt(number, mutuelle(1), "slow").await;
        }
        for _ in 0..waits {
            rig.exhausted().await;
            rig.clock.advance(Duration::from_secs(1));
        }
        let lot = rig.due(1).await;
        let mut begun = 0;
        for _ in 0..6 {
            begun += rig.exhausted().await.iter().sum::<usize>();
            rig.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(begun, 6, "the pace is used");
        assert_eq!(rig.lot(lot).await.state, State::Taken, "{waits}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_asked_for_holds_the_lane_and_no_other() {
    let mut rig = Rig::with(|call| match call.endpoint.as_str() {
        "slow" => Fate::now(Course::Trouble(
            Trouble::Busy,
            Some(Duration::from_secs(60)),
        )),
        _ => Fate::now(Course::Answered),
    })
    .await;
    for number in 1..=3 {
        rig.due(number).await;
    }
    rig.doubt(9, mutuelle(2), "swift").await;
    assert_eq!(
        rig.exhausted().await,
        [2, 1],
        "a lot, the question about another, and that one once its insurer never saw it"
    );
    rig.clock.advance(Duration::from_secs(59));
    assert_eq!(rig.exhausted().await, [0; 0]);
    rig.clock.advance(Duration::from_secs(1));
    assert_eq!(rig.turned().await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_breaks_off_is_told_and_gives_its_place_back() {
    let mut rig = Rig::with(|_| panic!("a defect")).await;
    rig.due(1).await;
    rig.due(2).await;
    assert_eq!(rig.exhausted().await, [1, 1]);
    rig.shows(r#"bordereau_delivery_alerts_total{endpoint="slow",alert="broke off"} 2"#);
    assert_eq!(
        rig.lot(LotId(1)).await.state,
        State::Sending,
        "until its lease runs out"
    );
}

#[tokio::test(start_paused = true)]
async fn a_question_that_cannot_be_recorded_is_asked_ever_more_rarely() {
    let mut rig = Rig::with(|call| match call.request {
        Request::Status(_) => panic!("a defect"),
        Request::Send(_) | Request::Receipts => Fate::now(Course::Answered),
    })
    .await;
    let lot = rig.doubt(1, mutuelle(1), "slow").await;
    let mut asked = 0;
    for _ in 0..120 {
        asked += rig.exhausted().await.len();
        let sleep = rig.dispatch.turn(&mut rig.running).await.unwrap();
        assert!(!sleep.is_zero(), "no turn follows the other at once");
        rig.clock.advance(Duration::from_millis(500));
        tokio::time::advance(Duration::from_millis(500)).await;
    }
    // At once, then after 2.5 to 5 seconds, 5 to 10, 10 to 20, 20 to 40.
    assert!((3..=5).contains(&asked), "{asked} in a minute");
    assert_eq!(rig.lot(lot).await.state, State::InDoubt);
}

#[tokio::test(start_paused = true)]
async fn a_taken_lot_that_the_insurer_does_not_know_is_told() {
    let mut rig = Rig::with(|_| Fate::now(Course::Answered)).await;
    let lot = rig.due(1).await;
    let now = rig.clock.now();
    let lease = Lease {
        endpoint: endpoint("slow"),
        until: now,
        most: 1,
    };
    rig.dispatch.store.lease_due(now, lease).await.unwrap();
    rig.commit(Command::Conclude(Conclusion {
        lot,
        attempt: 1,
        asked: None,
        event: Event::Taken,
        next: Next {
            at: now,
            reason: Reason::Receipt,
        },
        named: Vec::new(),
        words: None,
    }))
    .await;
    rig.commit(Command::Tick).await;
    assert_eq!(rig.lot(lot).await.state, State::Overdue);
    rig.turned().await;
    rig.settled().await;
    rig.shows(r#"bordereau_delivery_alerts_total{endpoint="slow",alert="forgotten"} 1"#);
}

#[tokio::test(start_paused = true)]
async fn what_is_cut_off_at_the_end_is_told() {
    let rig = Rig::with(|_| Fate {
        there: Duration::from_secs(3600),
        ..Fate::now(Course::Answered)
    })
    .await;
    rig.due(1).await;
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(rig.dispatch.clone().run(shutdown.clone()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    shutdown.cancel();
    running.await.unwrap();
    rig.shows(r#"bordereau_delivery_alerts_total{endpoint="slow",alert="cut off"} 1"#);
}

#[tokio::test(start_paused = true)]
async fn what_ends_within_the_time_to_drain_is_recorded() {
    let rig = Rig::with(|_| Fate {
        there: Duration::from_secs(5),
        ..Fate::now(Course::Answered)
    })
    .await;
    assert!(rig.dispatch.config.drain() > Duration::from_secs(5));
    let lot = rig.due(1).await;
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(rig.dispatch.clone().run(shutdown.clone()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(rig.lot(lot).await.state, State::Sending);
    let after = rig.due(2).await;
    shutdown.cancel();
    running.await.unwrap();
    let ended = rig.lot(lot).await;
    assert_eq!((ended.state, ended.attempts), (State::Taken, 1));
    assert_eq!(rig.lot(after).await.attempts, 0, "nothing more begins");
    let text = rig.dispatch.telemetry.render();
    let told = r#"alert="cut off"} 0"#;
    assert!(
        text.lines()
            .all(|line| !line.contains(r#"alert="cut off""#) || line.ends_with(told))
    );
}
