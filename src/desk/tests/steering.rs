//! What operators do, and what the queue shows of it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use serde_json::json;

use super::house::{Door, House, caisse, endpoint, name};
use crate::claims::delivery::Event;
use crate::claims::document::Purpose;
use crate::claims::entry::{Entry, Gate, Position, Reason};
use crate::claims::id::{DocumentId, EndpointName};
use crate::claims::receipt::Verdict;
use crate::claims::routes::Routes;
use crate::clock::Clock;
use crate::desk::Config;
use crate::store::{BodyId, Find, Store};

/// An order whose evidence says "deposited at the desk".
const BY_HAND: &str =
    r#"{"reason": "the endpoint was down", "evidence": "ZGVwb3NpdGVkIGF0IHRoZSBkZXNr"}"#;

const PATH: &str = "/v1/documents/00000000-0000-0000-0000-000000000001";

/// The last two entries: what was done, and why.
async fn done(house: &House) -> (Entry, Entry) {
    let position = house.store.health().position;
    let entries = house.store.entries(Position(position.0 - 2), 2).await;
    let mut entries = entries
        .unwrap()
        .into_iter()
        .map(|(_, stamped)| stamped.entry);
    (entries.next().unwrap(), entries.next().unwrap())
}

#[tokio::test]
async fn an_endpoint_is_held_and_released_under_the_operators_name() {
    let house = House::new().await;
    for (verb, gate) in [("hold", Gate::Held), ("release", Gate::Open)] {
        let path = format!("/v1/endpoints/paris/{verb}");
        for _ in 0..2 {
            assert_eq!(house.order(&path).await.status, 200);
        }
        let (entry, why) = done(&house).await;
        assert!(
            matches!(&entry, Entry::Endpoint { gate: found, actor, .. }
                if *found == gate && *actor == name("operator")),
            "{entry:?}"
        );
        let position = house.store.health().position;
        let of_before = Position(position.0 - 1);
        assert!(
            matches!(&why, Entry::Explained { of, actor, .. }
                if *of == of_before && *actor == name("operator")),
            "{why:?}"
        );
        let body = house.store.body(BodyId::Entry(position)).await.unwrap();
        assert_eq!(&body.unwrap().bytes[..], b"maintenance");
    }
    // Holding again what is held is no second entry: registrations, hold and why, release and why.
    assert_eq!(house.store.health().position, Position(6));
    let unknown = house.order("/v1/endpoints/lyon/hold").await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn a_document_goes_by_hand_only_with_evidence() {
    let house = House::admitted().await;
    let path = format!("{PATH}/by-hand");
    assert_eq!(house.order(&path).await.status, 422);
    let done = house.post("operator", &path, BY_HAND).await;
    assert_eq!(
        (done.status, &done.json()["standing"]),
        (200, &json!("by hand"))
    );
    let again = house.post("operator", &path, BY_HAND).await;
    assert_eq!(again.status, 200);
    let other = house.order(&format!("{PATH}/paper")).await;
    // A paper duplicate is a fact: recorded, and listed because it contradicts.
    let other = (other.status, other.json());
    assert_eq!(
        (other.0, &other.1["standing"], &other.1["contradicted"]),
        (200, &json!("by hand"), &json!(true))
    );
}

#[tokio::test]
async fn a_paper_duplicate_of_an_acknowledged_document_is_recorded_beside_its_receipt() {
    let house = House::admitted().await;
    house.seal().await;
    house.lease().await;
    house.receipt(Verdict::Accepted).await;
    let path = format!("{PATH}/paper");
    let (first, again) = (house.order(&path).await, house.order(&path).await);
    for answer in [first, again] {
        let text = answer.json();
        assert_eq!(
            (answer.status, &text["standing"], &text["both_ways"]),
            (200, &json!("acknowledged"), &json!(true))
        );
    }
    let list = "/v1/documents?list=both-ways";
    let list = house.get(Door::Operators, "operator", list).await.json();
    assert_eq!(list["documents"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn evidence_has_a_limit() {
    let config = Config {
        evidence_bytes: 4.try_into().unwrap(),
        ..Config::default()
    };
    let house = House::with(config).await;
    house
        .admit(super::house::admission(
            1,
            super::house::facts(crate::claims::document::Kind::Fse, "100000001"),
        ))
        .await;
    let path = format!("{PATH}/by-hand");
    let answer = house
        .ask(
            Door::Operators,
            "operator",
            "POST",
            &path,
            Body::from(r#"{"reason": "outage", "evidence": "MTIzNDU="}"#),
        )
        .await;
    assert_eq!((answer.status, &answer.json()["limit"]), (413, &json!(4)));
}

#[tokio::test]
async fn a_running_attempt_stands_against_going_by_hand_but_not_against_paper() {
    let house = House::admitted().await;
    house.seal().await;
    house.lease().await;
    let by_hand = house
        .post("operator", &format!("{PATH}/by-hand"), BY_HAND)
        .await;
    assert_eq!(
        (by_hand.status, &by_hand.json()["delivery"]),
        (409, &json!("sending"))
    );
    let paper = house.order(&format!("{PATH}/paper")).await;
    assert_eq!(
        (paper.status, &paper.json()["standing"]),
        (200, &json!("on paper"))
    );
}

#[tokio::test]
async fn the_queue_says_what_is_held_and_why() {
    let house = House::admitted().await;
    let queue = || house.get(Door::Operators, "operator", "/v1/queue");
    let at = |text: &serde_json::Value, key: &str| text["endpoints"][0][key].clone();
    let text = queue().await.json();
    assert_eq!(at(&text, "reasons"), json!({"sealing": 1}));
    assert_eq!(text["deadlines"], json!({"ahead": 1}));
    house.seal().await;
    house.attempt(Event::NotReached, Reason::Unreachable).await;
    let text = queue().await.json();
    assert_eq!(at(&text, "standings"), json!({"held": 1}));
    assert_eq!(at(&text, "reasons"), json!({"unreachable": 1}));
    house.clock.advance(Duration::from_secs(90));
    house.order("/v1/endpoints/paris/hold").await;
    let text = queue().await.json();
    assert_eq!(at(&text, "gate"), "held");
    assert_eq!(at(&text, "reasons"), json!({"held-by-hand": 1}));
    assert_eq!(at(&text, "oldest_seconds"), 90);
    assert_eq!((&text["documents"], &text["stuck"]), (&json!(1), &json!(0)));
}

/// The hold is in the ledger under the name of then. Queue and status speak of the endpoint as it is called now.
#[tokio::test]
async fn a_hold_of_before_the_endpoint_was_renamed_is_told_of_it_until_the_former_name_is_released()
{
    let house = House::admitted().await;
    house.order("/v1/endpoints/paris/hold").await;
    let lutece = EndpointName::parse("lutece").unwrap();
    let routes = Routes::new([(lutece.clone(), Purpose::Real, vec![caisse()])]);
    let routes = routes.formerly([(lutece.clone(), vec![endpoint()])]);
    house.routes.send_replace(Arc::new(routes));
    house.seal_for(lutece, vec![DocumentId(1)]).await;
    let told = async || {
        let queue = house.get(Door::Operators, "operator", "/v1/queue").await;
        let queue = queue.json();
        let endpoints = queue["endpoints"].as_array().unwrap().iter();
        let mut endpoints = endpoints.filter(|row| row["endpoint"] == "lutece");
        let row = endpoints.next().unwrap().clone();
        let status = house.get(Door::Public, "centre", PATH).await.json();
        let reason = status["next"]["reason"].clone();
        (row["gate"].clone(), row["reasons"].clone(), reason)
    };
    let held = (
        json!("held"),
        json!({"held-by-hand": 1}),
        json!("held-by-hand"),
    );
    assert_eq!(told().await, held);
    // It was not held under its present name.
    let released = house.order("/v1/endpoints/lutece/release").await.json();
    let expected = json!({"endpoint": "lutece", "gate": "held", "held_as": ["paris"]});
    assert_eq!(released, expected);
    assert_eq!(told().await, held);
    house.order("/v1/endpoints/paris/release").await;
    assert_eq!(
        told().await,
        (json!("open"), json!({"turn": 1}), json!("turn"))
    );
}

#[tokio::test]
async fn what_the_queue_shows_is_in_the_metrics() {
    let house = House::admitted().await;
    house.get(Door::Operators, "operator", "/v1/queue").await;
    house.clock.advance(std::time::Duration::from_secs(5));
    let metrics = house.get(Door::Public, "metrics", "/metrics").await;
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    for line in [
        "bordereau_queue_documents{endpoint=\"paris\",standing=\"open\"} 1",
        "bordereau_queue_oldest_seconds{endpoint=\"paris\"} 5",
        "bordereau_queue_stuck_documents 0",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn an_order_says_why_and_nothing_unknown() {
    let house = House::admitted().await;
    let before = house.store.health().position;
    let long = Box::leak(format!(r#"{{"reason": "{}"}}"#, "x".repeat(2001)).into_boxed_str());
    for (body, status) in [
        ("", 422),
        ("{}", 422),
        (r#"{"reason": "  "}"#, 422),
        (r#"{"reason": "x", "by": "me"}"#, 422),
        (&*long, 413),
    ] {
        for path in [
            "/v1/endpoints/paris/hold".to_owned(),
            format!("{PATH}/paper"),
            format!("{PATH}/cancel"),
        ] {
            let answer = house.post("operator", &path, body).await;
            assert_eq!(answer.status, status, "{path}");
        }
    }
    assert_eq!(house.store.health().position, before);
}

#[tokio::test]
async fn an_operator_cancels_as_the_delivery_table_allows() {
    let house = House::admitted().await;
    let path = format!("{PATH}/cancel");
    for _ in 0..2 {
        let done = house.order(&path).await;
        assert_eq!(
            (done.status, &done.json()["standing"]),
            (200, &json!("cancelled"))
        );
    }
    let house = House::admitted().await;
    house.seal().await;
    house.lease().await;
    let refused = house.order(&path).await;
    assert_eq!(
        (refused.status, &refused.json()["delivery"]),
        (409, &json!("sending"))
    );
}

#[tokio::test]
async fn a_document_is_at_risk_from_its_first_alert_on_and_no_entry_says_so() {
    let house = House::admitted().await;
    let found = house.store.document(Find::Id(DocumentId(1))).await.unwrap();
    let last_day = found.unwrap().record.received.deadline.unwrap();
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let second = Duration::from_secs(1);
    let position = house.store_position();
    for (before, stands, alerted) in [
        (hours(48) + second, "ahead", [0, 0, 0]),
        (hours(48), "at risk", [1, 0, 0]),
        (hours(24) + second, "at risk", [1, 0, 0]),
        (hours(24), "today", [1, 1, 0]),
        (hours(8) + second, "today", [1, 1, 0]),
        (hours(8), "today", [1, 1, 1]),
        (second, "today", [1, 1, 1]),
        (hours(0), "passed", [0, 0, 0]),
    ] {
        let at = last_day.end() - before;
        house.clock.advance(at.since(house.clock.now()));
        let text = house.get(Door::Operators, "operator", "/v1/queue").await;
        let text = text.json();
        assert_eq!(text["deadlines"], json!({stands: 1}), "{before:?}");
        let [first, second, third] = alerted;
        let expected = json!([
            {"hours": 48, "documents": first},
            {"hours": 24, "documents": second},
            {"hours": 8, "documents": third},
        ]);
        assert_eq!(text["alerted"], expected, "{before:?}");
        let list = "/v1/documents?list=at-risk";
        let list = house.get(Door::Public, "centre", list).await.json();
        let listed = list["documents"].as_array().unwrap().len();
        assert_eq!(listed, usize::from(stands != "ahead"), "{before:?}");
    }
    assert_eq!(house.store_position(), position);
    let document = house.get(Door::Public, "centre", PATH).await.json();
    let alerts = [48, 24, 8].map(|before| (last_day.end() - hours(before)).to_string());
    assert_eq!(document["alerts"], json!(alerts));

    // What is taken, or owed on paper, is listed no more.
    house.seal().await;
    house.attempt(Event::Taken, Reason::Receipt).await;
    let list = "/v1/documents?list=at-risk";
    let list = house.get(Door::Public, "centre", list).await.json();
    assert_eq!(list["documents"], json!([]));
    let document = house.get(Door::Public, "centre", PATH).await.json();
    assert_eq!(document["alerts"], json!([]));
}

#[tokio::test]
async fn an_endpoint_that_only_the_ledger_knows_is_held_and_released_too() {
    let house = House::admitted().await;
    let gone = |verb| format!("/v1/endpoints/gone/{verb}");
    assert_eq!(house.order(&gone("hold")).await.status, 404);
    let endpoint = EndpointName::parse("gone").unwrap();
    house.seal_for(endpoint, vec![DocumentId(1)]).await;
    for verb in ["hold", "release"] {
        assert_eq!(house.order(&gone(verb)).await.status, 200, "{verb}");
    }
}
