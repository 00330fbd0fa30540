//! Retry and replay: which lots go again, which fall out and why, and how far apart they come.

use std::num::NonZeroU32;
use std::sync::Arc;

use serde_json::{Value, json};

use super::house::{Door, House, OWN, admission, caisse, endpoint, facts};
use crate::claims::delivery::{Event, Form, State};
use crate::claims::document::{Kind, Purpose};
use crate::claims::entry::{Next, Reason, Sealed};
use crate::claims::id::{Digest, DocumentId, EndpointName, Finess, LotId};
use crate::claims::lane::{self, Rules, Signal};
use crate::claims::routes::Routes;
use crate::clock::Clock as _;
use crate::desk::Config;
use crate::store::{Command, Conclusion, Lease, Store};

const LOT: &str = "/v1/lots/00000000-0000-0000-0000-00000000000b/retry";

/// Six lots, 11 to 16, of a document each: due after trouble, in doubt, taken, void, due in an hour, sending.
async fn six(config: Config) -> House {
    let house = House::with(config).await;
    for id in 1..=6_u128 {
        house
            .admit(admission(id, facts(Kind::Fse, &format!("10000000{id}"))))
            .await;
        house
            .commit(Command::Seal(Sealed {
                lot: LotId(10 + id),
                centre: Finess::parse(OWN).unwrap(),
                destination: caisse(),
                endpoint: endpoint(),
                purpose: Purpose::Real,
                documents: vec![DocumentId(id)],
                digest: Digest([1; 32]),
                length: 100,
                due: house.clock.now(),
                form: Form::Composed,
            }))
            .await;
        house.lease().await;
        let (event, reason) = match id {
            1 => (Event::NotReached, Reason::Unreachable),
            2 => (Event::NoAnswer, Reason::Doubt),
            3 => (Event::Taken, Reason::Receipt),
            4 => (Event::ContentRefused, Reason::Turn),
            5 => (Event::Deferred, Reason::Busy),
            _ => continue,
        };
        let next = Next {
            at: house.clock.now() + std::time::Duration::from_secs(3600),
            reason,
        };
        house
            .commit(Command::Conclude(Conclusion {
                lot: LotId(10 + id),
                attempt: 1,
                asked: None,
                event,
                next,
                named: Vec::new(),
                words: None,
            }))
            .await;
    }
    house
}

async fn replay(house: &House, order: Value) -> Value {
    let body = axum::body::Body::from(order.to_string());
    let answer = house
        .ask(Door::Operators, "operator", "POST", "/v1/replays", body)
        .await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.json()
}

#[tokio::test]
async fn a_lot_is_retried_now() {
    let house = six(Config::default()).await;
    let answer = house.order(LOT).await;
    assert_eq!(answer.status, 200);
    let text = answer.json();
    assert_eq!(
        (&text["state"], &text["reason"]),
        (&json!("due"), &json!("turn"))
    );
    assert_eq!(text["next"], house.clock.now().to_string());
    let taken = house.order(&LOT.replace("0b", "0d")).await;
    assert_eq!(
        (taken.status, &taken.json()["delivery"]),
        (409, &json!("taken"))
    );
    // The same bytes go under the same id: the attempt is the lot's second.
    let lease = Lease {
        endpoint: endpoint(),
        until: house.clock.now() + std::time::Duration::from_secs(60),
        most: 10,
    };
    let leased = house
        .store
        .lease_due(house.clock.now(), lease)
        .await
        .unwrap();
    let leased: Vec<_> = leased
        .iter()
        .map(|one| (one.lot.sealed.lot, one.attempt))
        .collect();
    assert_eq!(leased, [(LotId(11), 2)]);
}

#[tokio::test]
async fn a_retry_promises_what_the_lane_of_its_endpoint_lets_go_and_says_why_that_fails() {
    let house = six(Config::default()).await;
    let now = house.clock.now();
    let rules = Rules::new(NonZeroU32::new(8).unwrap());
    house.lanes.change(&endpoint(), &rules, |lane| {
        for _ in 0..20 {
            let mut slot = lane.begin(lane::Kind::Attempt, now);
            lane.hear(&mut slot, Signal::Unserved, now);
            lane.note(Some(Reason::Identity), now);
            lane.end(slot, now);
        }
    });
    let text = house.order(LOT).await.json();
    assert_eq!(text["reason"], "breaker");
    assert_eq!(text["cause"], "identity");
    assert!(text["next"].as_str().unwrap() > now.to_string().as_str());
    let queue = house.get(Door::Operators, "operator", "/v1/queue").await;
    let failure = &queue.json()["endpoints"][0]["failure"];
    let expected = json!({ "reason": "identity", "at": now.to_string() });
    assert_eq!(*failure, expected);
    let document = "/v1/documents/00000000-0000-0000-0000-000000000001";
    let document = house
        .get(Door::Operators, "operator", document)
        .await
        .json();
    assert_eq!(document["next"]["reason"], "breaker");
    assert_eq!(document["next"]["cause"], "identity");
    // Once it served, nothing is said any more.
    house
        .lanes
        .change(&endpoint(), &rules, |lane| lane.note(None, now));
    let queue = house.get(Door::Operators, "operator", "/v1/queue").await;
    assert_eq!(queue.json()["endpoints"][0]["failure"], Value::Null);
}

#[tokio::test]
async fn a_dry_run_says_how_many_fall_out_and_why_and_sets_nothing() {
    let house = six(Config::default()).await;
    let before = house.store.health().position;
    let found = replay(&house, json!({"reason": "outage", "dry_run": true})).await;
    assert_eq!(
        (&found["matched"], &found["replayed"], &found["fallen_out"]),
        (
            &json!(6),
            &json!(3),
            &json!({"sending": 1, "taken": 1, "void": 1})
        )
    );
    assert_eq!(house.store.health().position, before);
}

#[tokio::test]
async fn a_replay_spreads_lots_and_gives_each_its_reason() {
    let house = six(Config::default()).await;
    let now = house.clock.now();
    let order = json!({"reason": "outage", "per_second": 2});
    let found = replay(&house, order.clone()).await;
    assert_eq!(found["replayed"], 3);
    assert_eq!(found["first"], now.to_string());
    for (lot, state, micros, reason) in [
        (11, State::Due, 0, Reason::Turn),
        (12, State::InDoubt, 500_000, Reason::Doubt),
        (15, State::Due, 1_000_000, Reason::Turn),
    ] {
        let lot = house.store.lot(LotId(lot)).await.unwrap().unwrap();
        let at = now + std::time::Duration::from_micros(micros);
        assert_eq!((lot.state, lot.next), (state, Some(Next { at, reason })));
    }
    // Three lots, each with its reason; again changes nothing.
    let after = house.store.health().position;
    replay(&house, order).await;
    assert_eq!(house.store.health().position, after);
}

#[tokio::test]
async fn a_filter_holds_what_it_names() {
    let house = six(Config::default()).await;
    for (filter, matched, replayed) in [
        (json!({"endpoint": "paris"}), 6, 3),
        (json!({"centre": OWN}), 6, 3),
        (json!({"centre": "750000002"}), 0, 0),
        (json!({"states": ["in doubt", "overdue"]}), 1, 1),
        (json!({"states": ["in-doubt", "taken"]}), 2, 1),
        (json!({"waits_for": "busy"}), 1, 1),
        (json!({"since": "2026-11-22"}), 6, 3),
        (json!({"since": "2026-11-23"}), 0, 0),
    ] {
        let mut order = json!({"reason": "outage", "dry_run": true});
        let fields = filter.as_object().unwrap().clone();
        order.as_object_mut().unwrap().extend(fields);
        let found = replay(&house, order).await;
        assert_eq!(
            (&found["matched"], &found["replayed"]),
            (&json!(matched), &json!(replayed)),
            "{filter}"
        );
    }
    for (field, status) in [
        (r#""states": ["elsewhere"]"#, 400),
        (r#""centre": "1""#, 400),
        (r#""since": "now""#, 400),
        (r#""waits_for": "godot""#, 400),
        (r#""endpoint": "lyon""#, 404),
        (r#""per_second": 0"#, 422),
    ] {
        let body = format!(r#"{{"reason": "outage", {field}}}"#);
        let answer = house
            .ask(
                Door::Operators,
                "operator",
                "POST",
                "/v1/replays",
                body.into(),
            )
            .await;
        assert_eq!(answer.status, status, "{field}");
    }
}

/// What waits for its second span at an insurer that cannot be asked is overdue for operators too, and no order for what
/// is due hurries it.
#[tokio::test]
async fn a_filter_holds_a_lot_by_where_it_is_shown() {
    let house = House::admitted().await;
    house.seal().await;
    house.attempt(Event::Taken, Reason::Receipt).await;
    house.clock.advance(std::time::Duration::from_secs(3600));
    house.commit(Command::Tick).await;
    house
        .conclude(Event::NoStatusService, Reason::Overdue, None)
        .await;
    for (state, matched) in [("overdue", 1), ("due", 0)] {
        let order = json!({"reason": "outage", "dry_run": true, "states": [state]});
        assert_eq!(replay(&house, order).await["matched"], matched, "{state}");
    }
}

#[tokio::test]
async fn a_filter_by_endpoint_holds_what_waits_under_each_of_its_names() {
    let house = six(Config::default()).await;
    let lutece = EndpointName::parse("lutece").unwrap();
    let routes = Routes::new([(lutece.clone(), Purpose::Real, vec![caisse()])]);
    let routes = routes.formerly([(lutece, vec![endpoint()])]);
    house.routes.send_replace(Arc::new(routes));
    for name in ["lutece", "paris"] {
        let order = json!({"reason": "outage", "dry_run": true, "endpoint": name});
        let found = replay(&house, order).await;
        assert_eq!(
            (&found["matched"], &found["replayed"]),
            (&json!(6), &json!(3)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_replay_says_what_an_operator_holds_back() {
    let house = six(Config::default()).await;
    let order = json!({"reason": "outage", "dry_run": true});
    let free = replay(&house, order.clone()).await;
    assert_eq!(free["held_back"], json!({}));
    let held = house.order("/v1/endpoints/paris/hold").await;
    assert_eq!(held.status, 200);
    // Questions are asked behind a hold too: of the three only those that would be sent are held back.
    let found = replay(&house, order).await;
    assert_eq!(found["replayed"], free["replayed"]);
    assert_eq!(found["held_back"], json!({"paris": 2}));
    let waiting = json!({"reason": "outage", "dry_run": true, "waits_for": "held-by-hand"});
    assert_eq!(replay(&house, waiting).await["matched"], 2);
    // They count as replayed: their next attempt is set, and the hold comes before it.
    let done = replay(&house, json!({"reason": "outage"})).await;
    assert_eq!(
        (&done["replayed"], &done["held_back"]),
        (&json!(3), &json!({"paris": 2}))
    );
}

#[tokio::test]
async fn a_replay_takes_no_more_than_it_may() {
    let config = Config {
        replay_lots: 2.try_into().unwrap(),
        ..Config::default()
    };
    let house = six(config).await;
    let found = replay(&house, json!({"reason": "outage"})).await;
    assert_eq!(
        (&found["replayed"], &found["left_out"]),
        (&json!(2), &json!(1))
    );
}
