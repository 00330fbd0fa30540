//! What one endpoint or destination cannot do keeps no other waiting.

mod lanes;
mod moved;
mod unasked;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{AT_ONCE, Config, Dispatch, Running};
use crate::claims::delivery::{Event, Form, State};
use crate::claims::document::{
    Cents, ClockBasis, Exclusions, Facts, Key, Kind, Mode, Purpose, ThirdParty,
};
use crate::claims::entry::{Next, Reason, Sealed};
use crate::claims::id::{
    Amc, Amo, Destination, Digest, DocumentId, EndpointName, Finess, LotId, Name, Number,
};
use crate::claims::lane::Kind as Way;
use crate::claims::outcome::{Cause, Refusal, Trouble};
use crate::claims::registry::{Category, Centre};
use crate::claims::routes::Routes;
use crate::claims::standing::Standing;
use crate::claims::terms::{Region, Terms};
use crate::claims::time::{Day, Timestamp};
use crate::clock::{Clock, ManualClock};
use crate::store::lanes::Board;
use crate::store::ledger::Secret;
use crate::store::memory::Memory;
use crate::store::{Admission, Body, Command, Conclusion, Find, Lease, Store, Unity};
use crate::telemetry::Telemetry;
use crate::telemetry::lines::Lines;
use crate::transport::simulated::{Call, Course, Fate, Request, Simulated};

struct Rig {
    dispatch: Dispatch,
    clock: Arc<ManualClock>,
    running: Running,
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn endpoint(text: &str) -> EndpointName {
    EndpointName::parse(text).unwrap()
}

fn mutuelle(number: u32) -> Destination {
    Destination::Amc(Amc::parse(&format!("{number:08}")).unwrap())
}

fn finess() -> Finess {
    Finess::parse("750712184").unwrap()
}

impl Rig {
    /// A gateway that reaches mutuelles 1 and 2, each by its own endpoint; the first never answers a question.
    async fn new() -> Rig {
        Rig::with(|call| {
            let mut fate = Fate::now(Course::Answered);
            let is_question = matches!(call.request, Request::Status(_));
            if is_question && call.endpoint.as_str() == "slow" {
                fate.there = Duration::from_secs(3600);
            }
            fate
        })
        .await
    }

    /// The same with another script.
    async fn with(script: impl Fn(&Call<'_>) -> Fate + Send + Sync + 'static) -> Rig {
        let now = Timestamp::parse("2026-11-20T09:00:00Z").unwrap();
        let clock = Arc::new(ManualClock::new(now, 1));
        let store = Memory::new(Secret::new([9; 32]));
        let centre = Centre {
            finess: finess(),
            name: "Centre".into(),
            category: Category::Medical,
            gestionnaire: name("G1"),
            caisse: Amo::new("01", "751", "0000").unwrap(),
            region: Region::Metropole,
            agreement: name("national-2025"),
            from: Day::new(2020, 1, 1).unwrap(),
            until: None,
        };
        let registry = Command::Registry(vec![centre]);
        store.commit(now, registry).await.unwrap();
        let transport = Simulated::new(Box::new(script));
        let names = [endpoint("slow"), endpoint("swift")];
        let routes = Routes::new([
            (endpoint("slow"), Purpose::Real, vec![mutuelle(1)]),
            (endpoint("swift"), Purpose::Real, vec![mutuelle(2)]),
        ]);
        let rules = names.iter().cloned();
        let rules = rules.map(|name| (name, Config::default().lane())).collect();
        let dispatch = Dispatch {
            store: Arc::new(store),
            transport: Arc::new(transport),
            clock: clock.clone(),
            routes: watch::channel(Arc::new(routes)).1,
            lanes: Arc::new(Board::new(rules)),
            terms: Terms::default(),
            config: Arc::new(Config::default()),
            telemetry: Arc::new(Telemetry::new(&Default::default(), &names).unwrap()),
        };
        let running = dispatch.nothing_runs();
        Rig {
            dispatch,
            clock,
            running,
        }
    }

    async fn commit(&self, command: Command) {
        let now = self.clock.now();
        self.dispatch.store.commit(now, command).await.unwrap();
    }

    async fn admit(&self, number: u32, destination: Destination) -> DocumentId {
        let body = Bytes::from(format!("<a n=\"{number}\"/>"));
        let digest = Digest(Sha256::digest(&body).into());
        self.admit_as(number, destination, body, digest).await
    }

    /// The same with bytes and their digest, which may be that of others: so the disk changes what was admitted.
    async fn admit_as(
        &self,
        number: u32,
        destination: Destination,
        body: Bytes,
        digest: Digest,
    ) -> DocumentId {
        let document = DocumentId(number.into());
        let day = Day::new(2026, 11, 20).unwrap();
        let facts = Facts {
            key: Key {
                centre: finess(),
                kind: Kind::Dre,
                number: Number::parse(&format!("{number:09}")).unwrap(),
            },
            mode: Mode::Secured,
            destination,
            clock_day: day,
            clock_basis: ClockBasis::Completed,
            care_day: day,
            third_party_amo: ThirdParty::InsurerPays,
            third_party_amc: ThirdParty::InsurerPays,
            amount_amo: Cents(0),
            amount_amc: Cents(750),
            settled_for: None,
            exclusions: Exclusions::NONE,
            replaces: None,
            supports: None,
        };
        let admission = Admission {
            document,
            purpose: Purpose::Real,
            facts,
            digest,
            body: Body {
                bytes: body,
                salt: [7; 16],
            },
            warnings: Vec::new(),
        };
        self.commit(Command::Admit {
            caller: name("vendor"),
            documents: vec![admission],
            unity: Unity::Each,
        })
        .await;
        document
    }

    /// A lot of one document that was sent and not answered.
    async fn doubt(&self, number: u32, destination: Destination, at: &str) -> LotId {
        let document = self.admit(number, destination).await;
        let (lot, now) = (LotId(number.into()), self.clock.now());
        self.commit(Command::Seal(Sealed {
            lot,
            centre: finess(),
            destination,
            endpoint: endpoint(at),
            purpose: Purpose::Real,
            documents: vec![document],
            digest: Digest([1; 32]),
            length: 1,
            due: now,
            form: Form::Composed,
        }))
        .await;
        let lease = Lease {
            endpoint: endpoint(at),
            until: now + Duration::from_secs(60),
            most: 1,
        };
        assert_eq!(
            self.dispatch
                .store
                .lease_due(now, lease)
                .await
                .unwrap()
                .len(),
            1
        );
        self.commit(Command::Conclude(Conclusion {
            lot,
            attempt: 1,
            asked: None,
            event: Event::NoAnswer,
            next: Next {
                at: now,
                reason: Reason::Doubt,
            },
            named: Vec::new(),
            words: None,
        }))
        .await;
        lot
    }
}

#[tokio::test(start_paused = true)]
async fn groups_that_no_endpoint_serves_keep_no_other_waiting() {
    let mut rig = Rig::new().await;
    let unserved = u32::try_from(AT_ONCE).unwrap() * 2 + 1;
    for number in 1..=unserved {
        rig.admit(number, mutuelle(1000 + number)).await;
    }
    rig.clock.advance(Duration::from_secs(1));
    let served = rig.admit(9999, mutuelle(2)).await;
    rig.clock.advance(Duration::from_secs(60));
    for _ in 0..3 {
        rig.dispatch.turn(&mut rig.running).await.unwrap();
    }
    let found = rig.dispatch.store.document(Find::Id(served)).await.unwrap();
    assert_eq!(found.unwrap().record.standing(), Standing::InLot);
    let text = rig.dispatch.telemetry.render();
    let told = format!(r#"bordereau_delivery_unsealed_groups{{cause="no-route"}} {unserved}"#);
    assert!(text.lines().any(|line| line == told), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_document_that_cannot_be_read_keeps_no_other_waiting_not_even_of_its_own_group() {
    let mut rig = Rig::new().await;
    let before = rig.admit(1, mutuelle(2)).await;
    let other = Bytes::from_static(b"other bytes");
    let damaged = rig.admit_as(2, mutuelle(2), other, Digest([1; 32])).await;
    let after = rig.admit(3, mutuelle(2)).await;
    let elsewhere = rig.admit(4, mutuelle(1)).await;
    rig.clock.advance(Duration::from_secs(60));
    for _ in 0..3 {
        rig.dispatch.turn(&mut rig.running).await.unwrap();
    }
    for (document, standing) in [
        (before, Standing::InLot),
        (damaged, Standing::Open),
        (after, Standing::InLot),
        (elsewhere, Standing::InLot),
    ] {
        let found = rig.dispatch.store.document(Find::Id(document)).await;
        let found = found.unwrap().unwrap().record.standing();
        assert_eq!(found, standing, "{document}");
    }
    let text = rig.dispatch.telemetry.render();
    let told = r#"bordereau_delivery_unsealed_groups{cause="unreadable"} 1"#;
    assert!(text.lines().any(|line| line == told), "{text}");
}

#[tokio::test(start_paused = true)]
async fn more_documents_than_a_lot_holds_that_cannot_be_read_keep_no_other_waiting() {
    let mut rig = Rig::new().await;
    let lot = Config::default().lot_documents.get();
    for number in 1..=3 * lot + 1 {
        let other = Bytes::from_static(b"other bytes");
        rig.admit_as(number, mutuelle(2), other, Digest([1; 32]))
            .await;
    }
    let sound = rig.admit(9999, mutuelle(2)).await;
    rig.clock.advance(Duration::from_secs(60));
    rig.dispatch.turn(&mut rig.running).await.unwrap();
    let found = rig.dispatch.store.document(Find::Id(sound)).await.unwrap();
    assert_eq!(found.unwrap().record.standing(), Standing::InLot);
    assert_eq!(rig.running.unsealed.documents.first(), Some(&DocumentId(1)));
    let lanes = &rig.dispatch.lanes;
    assert!(lanes.is_unreadable(DocumentId(1)) && !lanes.is_unreadable(sound));
}

#[tokio::test(start_paused = true)]
async fn a_lot_just_sealed_is_sent_as_it_was_composed_and_composed_again_after_that() {
    let mut rig = Rig::new().await;
    rig.admit(1, mutuelle(2)).await;
    rig.clock.advance(Duration::from_secs(60));
    let sleep = rig.dispatch.turn(&mut rig.running).await.unwrap();
    assert!(sleep < Duration::from_secs(1), "{sleep:?}");
    let lots = rig.running.works.values();
    let lots: Vec<_> = lots.map(|work| work.lot).collect();
    assert_eq!(lots.len(), 1, "sealed and sent in one turn");
    assert!(rig.running.fresh.take(lots[0]).is_none(), "handed out");
    assert!(rig.running.tasks.join_next().await.is_some());
    let sent = rig.dispatch.store.lot(lots[0]).await.unwrap().unwrap();
    assert_eq!((sent.state, sent.attempts), (State::Taken, 1));
    let again = rig.dispatch.composed(&sent, None).await.unwrap();
    assert_eq!(again.digest, sent.sealed.digest);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_slow_to_answer_keeps_no_other_waiting() {
    let mut rig = Rig::new().await;
    for number in 1..=u32::try_from(AT_ONCE).unwrap() * 2 {
        rig.doubt(number, mutuelle(1), "slow").await;
    }
    let other = rig.doubt(9999, mutuelle(2), "swift").await;
    rig.dispatch.turn(&mut rig.running).await.unwrap();
    assert_eq!(rig.running.asking.len(), 2, "one each: both lanes are new");
    assert!(rig.running.tasks.join_next().await.is_some());
    let found = rig.dispatch.store.lot(other).await.unwrap();
    assert_eq!(found.unwrap().state, State::Due, "its insurer never saw it");
}

#[tokio::test(start_paused = true)]
async fn what_is_still_being_sent_is_not_asked_about_when_the_clock_steps() {
    let mut rig = Rig::with(|call| {
        let mut fate = Fate::now(Course::Answered);
        if matches!(call.request, Request::Send(_)) {
            fate.there = Duration::from_secs(30);
        }
        fate
    })
    .await;
    rig.admit(1, mutuelle(2)).await;
    rig.clock.advance(Duration::from_secs(60));
    rig.dispatch.turn(&mut rig.running).await.unwrap();
    let lot = rig.running.works.values().next().unwrap().lot;
    let state = async |rig: &Rig| rig.dispatch.store.lot(lot).await.unwrap().unwrap().state;
    // It is on its way. Then the machine sleeps: by the clock the lease has run out, and the attempt has not begun to arrive.
    tokio::time::sleep(Duration::from_secs(1)).await;
    rig.clock.advance(Duration::from_secs(3600));
    for _ in 0..2 {
        rig.dispatch.turn(&mut rig.running).await.unwrap();
        assert_eq!(state(&rig).await, State::InDoubt);
        assert!(
            rig.running.asking.is_empty(),
            "its insurer would say unknown"
        );
    }
    let ended = rig.running.tasks.join_next_with_id().await.unwrap();
    rig.dispatch.ended(&mut rig.running, ended);
    rig.dispatch.turn(&mut rig.running).await.unwrap();
    assert_eq!(rig.running.asking.len(), 1, "the attempt is over");
    let ended = rig.running.tasks.join_next_with_id().await.unwrap();
    rig.dispatch.ended(&mut rig.running, ended);
    assert_eq!(state(&rig).await, State::Taken);
    assert!(rig.running.asking.is_empty() && rig.running.sending.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_put_off_by_a_clock_that_was_ahead_comes_when_it_would_have() {
    for is_restarted in [false, true] {
        let mut rig = Rig::new().await;
        let right = rig.clock.now();
        let ahead = right + Duration::from_secs(90 * 86_400);
        rig.clock.set(ahead);
        let lot = rig.doubt(1, mutuelle(2), "swift").await;
        let wait = Duration::from_secs(30);
        rig.commit(Command::Conclude(Conclusion {
            lot,
            attempt: 1,
            asked: None,
            event: Event::StatusUnreachable,
            next: Next {
                at: ahead + wait,
                reason: Reason::Unreachable,
            },
            named: Vec::new(),
            words: None,
        }))
        .await;
        let next = async |rig: &Rig| {
            let lot = rig.dispatch.store.lot(lot).await.unwrap();
            lot.unwrap().next.unwrap().at
        };
        rig.dispatch.turn(&mut rig.running).await.unwrap();
        // A step back of the size that clocks make is nothing.
        rig.clock.set(ahead - Duration::from_secs(60));
        rig.dispatch.turn(&mut rig.running).await.unwrap();
        assert_eq!(next(&rig).await, ahead + wait);
        rig.clock.set(right);
        if is_restarted {
            rig.running = rig.dispatch.nothing_runs();
        }
        rig.dispatch.turn(&mut rig.running).await.unwrap();
        assert_eq!(next(&rig).await, right + wait, "restarted: {is_restarted}");
    }
}

/// A lot is in doubt that was never attempted here, as after a restore, and one that was attempted days ago: questions in
/// vain come ever more rarely, from the first one on; what an insurer says begins anew.
#[tokio::test(start_paused = true)]
async fn a_question_waits_by_how_often_was_asked_in_vain() {
    for (before, attempts) in [(Event::Restored, 0), (Event::NoAnswer, 1)] {
        let rig = Rig::with(|_| Fate::now(Course::Lost(Cause::Timeout))).await;
        let lot = match attempts {
            0 => rig.due(1).await,
            _ => rig.doubt(1, mutuelle(1), "slow").await,
        };
        let conclude = |event| {
            let now = rig.clock.now();
            Command::Conclude(Conclusion {
                lot,
                attempt: attempts,
                asked: None,
                event,
                next: Next {
                    at: now,
                    reason: Reason::Doubt,
                },
                named: Vec::new(),
                words: None,
            })
        };
        if before == Event::Restored {
            rig.commit(conclude(before)).await;
        }
        rig.clock.advance(Duration::from_secs(5 * 86_400));
        let schedule = rig.dispatch.config.schedule();
        for asked in 1..=6 {
            let record = rig.dispatch.store.lot(lot).await.unwrap().unwrap();
            assert_eq!((record.state, record.asked), (State::InDoubt, asked - 1));
            let now = rig.clock.now();
            // A lane of its own for each: none is held back by the trouble of the others.
            let lanes = rig.dispatch.nothing_runs().lanes;
            let place = lanes.begin(&endpoint("slow"), Way::Question, now);
            rig.dispatch.question(record, place).await;
            let record = rig.dispatch.store.lot(lot).await.unwrap().unwrap();
            let waits = record.next.unwrap().at.since(now);
            assert_eq!(waits, schedule.wait(lot, asked), "{before:?} {asked}");
        }
        rig.commit(conclude(Event::NoStatusService)).await;
        let record = rig.dispatch.store.lot(lot).await.unwrap().unwrap();
        assert_eq!((record.state, record.asked), (State::Due, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lot_that_is_finished_is_not_logged_as_waiting() {
    for expected in [None, Some("busy")] {
        let (lines, _guard) = Lines::begin();
        let mut rig = Rig::with(move |_| {
            Fate::now(match expected {
                Some(_) => Course::Trouble(Trouble::Busy, None),
                None => Course::Refused(Refusal::default()),
            })
        })
        .await;
        rig.due(1).await;
        rig.exhausted().await;
        let text = lines.text();
        let attempted = text.lines().find(|line| line.contains("lot attempted"));
        let attempted: serde_json::Value = serde_json::from_str(attempted.unwrap()).unwrap();
        assert_eq!(
            attempted["fields"]["waits_for"].as_str(),
            expected,
            "{text}"
        );
    }
}
