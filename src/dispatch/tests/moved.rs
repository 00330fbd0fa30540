//! An endpoint that is renamed or gone: what becomes of the lots that were sealed for it.

use tokio_util::sync::CancellationToken;

use super::*;
use crate::claims::entry::Gate;
use crate::claims::outcome::Cause;
use crate::claims::receipt::{
    Evidence, Item, Part, PartOutcome, PartSettlement, Settlement, SettlementContent,
};
use crate::store::{Body, Heard, LotRecord};

/// Lot 1 never left `slow`, lot 2 may have arrived there; then `swift` serves its insurer.
async fn moved(gate: Gate) -> Rig {
    let mut rig = Rig::with(|call| match call.endpoint.as_str() {
        "slow" => Fate::now(Course::NotReached(Cause::NoEndpoint)),
        _ => Fate::now(Course::Answered),
    })
    .await;
    let lot = rig.due(2).await;
    let now = rig.clock.now();
    let lease = Lease {
        endpoint: endpoint("slow"),
        until: now + Duration::from_secs(60),
        most: 1,
    };
    rig.dispatch.store.lease_due(now, lease).await.unwrap();
    for (event, reason) in [
        (Event::NoAnswer, Reason::Doubt),
        (Event::NoStatusService, Reason::Turn),
    ] {
        rig.commit(Command::Conclude(Conclusion {
            lot,
            attempt: 1,
            asked: None,
            event,
            next: Next { at: now, reason },
            named: Vec::new(),
            words: None,
        }))
        .await;
    }
    rig.due(1).await;
    rig.commit(Command::Endpoint {
        endpoint: endpoint("slow"),
        gate,
        actor: name("operator"),
    })
    .await;
    let both = vec![mutuelle(1), mutuelle(2)];
    let routes = Routes::new([(endpoint("swift"), Purpose::Real, both)]);
    rig.dispatch.routes = watch::channel(Arc::new(routes)).1;
    rig.clock.advance(Duration::from_secs(60));
    // Void, sealed and sent.
    for _ in 0..3 {
        rig.dispatch.turn(&mut rig.running).await.unwrap();
        while rig.running.tasks.join_next().await.is_some() {}
    }
    rig
}

async fn lot(rig: &Rig, id: u128) -> LotRecord {
    let found = rig.dispatch.store.lot(LotId(id)).await.unwrap();
    found.unwrap()
}

async fn lot_of(rig: &Rig, document: u128) -> LotRecord {
    let document = DocumentId(document);
    let found = rig.dispatch.store.document(Find::Id(document)).await;
    found.unwrap().unwrap().lot.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_never_left_an_endpoint_that_is_gone_goes_by_the_present_one_and_the_rest_is_held() {
    let rig = moved(Gate::Open).await;
    assert_eq!(lot(&rig, 1).await.state, State::Void);
    let anew = lot_of(&rig, 1).await;
    assert_eq!(
        (anew.sealed.endpoint, anew.state),
        (endpoint("swift"), State::Taken)
    );
    // Another lot with what may be there already would be a second one.
    let held = lot_of(&rig, 2).await;
    assert_eq!(
        (held.sealed.lot, held.state, held.next.unwrap().reason),
        (LotId(2), State::Due, Reason::NoRoute)
    );
}

/// A settlement of one of its documents has the insurer asked about it, and there is nobody any more to ask.
#[tokio::test(start_paused = true)]
async fn what_never_left_and_is_to_be_asked_about_goes_by_the_present_endpoint() {
    let mut rig = Rig::with(|_| Fate::now(Course::Answered)).await;
    let documents = vec![
        rig.admit(1, mutuelle(1)).await,
        rig.admit(2, mutuelle(1)).await,
    ];
    rig.commit(Command::Seal(Sealed {
        lot: LotId(1),
        centre: finess(),
        destination: mutuelle(1),
        endpoint: endpoint("slow"),
        purpose: Purpose::Real,
        documents,
        digest: Digest([1; 32]),
        length: 1,
        due: rig.clock.now(),
        form: Form::Composed,
    }))
    .await;
    let settlement = Settlement {
        id: name("s1"),
        document: DocumentId(1),
        issued: rig.clock.now(),
        content: SettlementContent::Parts(vec![PartSettlement {
            part: Part::Amc,
            outcome: PartOutcome::Paid,
            amount: Cents(750),
            code: None,
            text: None,
        }]),
    };
    rig.commit(Command::Receipts {
        endpoint: endpoint("slow"),
        purpose: Purpose::Real,
        destinations: vec![mutuelle(1)],
        formerly: Vec::new(),
        items: vec![Heard {
            evidence: Evidence::Item(Item::Settlement(settlement)),
            body: Body {
                bytes: Bytes::from_static(b"<x/>"),
                salt: [5; 16],
            },
        }],
        cursor: None,
    })
    .await;
    assert!(lot(&rig, 1).await.ask);
    let routes = Routes::new([(endpoint("swift"), Purpose::Real, vec![mutuelle(1)])]);
    rig.dispatch.routes = watch::channel(Arc::new(routes)).1;
    for _ in 0..3 {
        rig.clock.advance(Duration::from_secs(60));
        rig.dispatch.turn(&mut rig.running).await.unwrap();
        while rig.running.tasks.join_next().await.is_some() {}
    }
    assert_eq!(lot(&rig, 1).await.state, State::Void);
    let anew = lot_of(&rig, 2).await;
    assert_eq!(
        (anew.sealed.endpoint, anew.state),
        (endpoint("swift"), State::Taken)
    );
}

#[tokio::test(start_paused = true)]
async fn what_had_no_way_goes_as_soon_as_there_is_one() {
    let mut rig = Rig::new().await;
    let (present, routes) = watch::channel(Arc::clone(&rig.dispatch.routes.borrow()));
    rig.dispatch.routes = routes;
    let document = rig.admit(3, mutuelle(3)).await;
    rig.clock.advance(Duration::from_secs(60));
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(rig.dispatch.clone().run(shutdown.clone()));
    let standing = async || {
        let found = rig.dispatch.store.document(Find::Id(document)).await;
        found.unwrap().unwrap().record.standing()
    };
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(standing().await, Standing::Open);
    let to_third = Routes::new([(endpoint("swift"), Purpose::Real, vec![mutuelle(3)])]);
    present.send_replace(Arc::new(to_third));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(standing().await, Standing::InLot);
    assert_eq!(lot_of(&rig, 3).await.sealed.endpoint, endpoint("swift"));
    shutdown.cancel();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_an_operator_holds_keeps_its_lots_until_it_is_released() {
    let mut rig = moved(Gate::Held).await;
    assert_eq!(lot_of(&rig, 1).await.sealed.lot, LotId(1));
    rig.commit(Command::Endpoint {
        endpoint: endpoint("slow"),
        gate: Gate::Open,
        actor: name("operator"),
    })
    .await;
    rig.dispatch.turn(&mut rig.running).await.unwrap();
    assert_eq!(lot(&rig, 1).await.state, State::Void);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_held_under_its_former_name_is_held_under_the_new_one() {
    for former in [vec![endpoint("slow")], Vec::new()] {
        let mut rig = moved(Gate::Held).await;
        let is_renamed = !former.is_empty();
        let both = vec![mutuelle(1), mutuelle(2), mutuelle(3)];
        let routes = Routes::new([(endpoint("swift"), Purpose::Real, both)]);
        let routes = routes.formerly([(endpoint("swift"), former)]);
        rig.dispatch.routes = watch::channel(Arc::new(routes)).1;
        rig.admit(3, mutuelle(3)).await;
        let mut states = Vec::new();
        for gate in [Gate::Held, Gate::Open] {
            rig.commit(Command::Endpoint {
                endpoint: endpoint("slow"),
                gate,
                actor: name("operator"),
            })
            .await;
            for _ in 0..3 {
                rig.clock.advance(Duration::from_secs(60));
                rig.dispatch.turn(&mut rig.running).await.unwrap();
                while rig.running.tasks.join_next().await.is_some() {}
            }
            states.push(lot_of(&rig, 3).await.state);
        }
        let first = if is_renamed { State::Due } else { State::Taken };
        assert_eq!(states, [first, State::Taken], "renamed: {is_renamed}");
    }
}

/// `swift` is the system that was `slow`.
fn renamed(rig: &mut Rig) -> Arc<Routes> {
    let both = vec![mutuelle(1), mutuelle(2)];
    let routes = Routes::new([(endpoint("swift"), Purpose::Real, both)]);
    let routes = Arc::new(routes.formerly([(endpoint("swift"), vec![endpoint("slow")])]));
    rig.dispatch.routes = watch::channel(Arc::clone(&routes)).1;
    routes
}

/// All that ran to its end in so many turns, a second apart.
async fn seconds(rig: &mut Rig, count: u32) -> Vec<usize> {
    let mut begun = Vec::new();
    for _ in 0..count {
        rig.clock.advance(Duration::from_secs(1));
        rig.dispatch.turn(&mut rig.running).await.unwrap();
        begun.push(rig.running.tasks.len());
        while let Some(ended) = rig.running.tasks.join_next_with_id().await {
            rig.dispatch.ended(&mut rig.running, ended);
        }
    }
    begun
}

#[tokio::test(start_paused = true)]
async fn what_waits_under_a_former_name_is_held_with_the_present_one() {
    let mut rig = Rig::with(|_| Fate::now(Course::Answered)).await;
    // It may have arrived at `slow`, which has no status service.
    rig.doubt(2, mutuelle(1), "slow").await;
    let now = rig.clock.now();
    rig.commit(Command::Conclude(Conclusion {
        lot: LotId(2),
        attempt: 1,
        asked: None,
        event: Event::NoStatusService,
        next: Next {
            at: now,
            reason: Reason::Turn,
        },
        named: Vec::new(),
        words: None,
    }))
    .await;
    renamed(&mut rig);
    for (gate, begun) in [(Gate::Held, 0), (Gate::Open, 1)] {
        rig.commit(Command::Endpoint {
            endpoint: endpoint("swift"),
            gate,
            actor: name("operator"),
        })
        .await;
        assert_eq!(seconds(&mut rig, 1).await, [begun], "{gate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn both_names_of_a_system_have_one_pace() {
    let mut rig = Rig::with(|_| Fate::now(Course::Answered)).await;
    let lots = [(1, "slow"), (2, "swift"), (3, "slow"), (4, "swift")];
    for (number, at) in lots {
        rig.doubt(number, mutuelle(1), at).await;
    }
    let routes = renamed(&mut rig);
    let rules = crate::claims::lane::Rules {
        pace: crate::claims::lane::pace::Pace::per_second(1.0),
        ..Config::default().lane()
    };
    rig.running = rig.dispatch.nothing_runs();
    let rules = std::collections::BTreeMap::from([(endpoint("swift"), rules)]);
    rig.dispatch.lanes.follow(rules, &routes);
    assert_eq!(seconds(&mut rig, 4).await, [1; 4]);
}
