//! One document through its life, as its centre sees it: golden answers in `fixtures/answers/desk`.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header;
use serde_json::json;

use super::house::{Door, House, admission, endpoint, facts};
use crate::claims::delivery::Event;
use crate::claims::document::{Kind, ReplacementReason};
use crate::claims::entry::Reason;
use crate::claims::id::{Destination, DocumentId, Number};
use crate::claims::lane::{self, Rules, Signal};
use crate::claims::receipt::{PartOutcome, Verdict};
use crate::clock::Clock;
use crate::store::Command;

const PATH: &str = "/v1/documents/00000000-0000-0000-0000-000000000001";

/// Compares the answer about a document with its golden file.
async fn golden(house: &House, slug: &str, who: &str, path: &str) {
    house.get(Door::Public, who, path).await.is(slug);
}

async fn sealed() -> House {
    let house = House::admitted().await;
    house.seal().await;
    house
}

async fn taken() -> House {
    let house = sealed().await;
    house.attempt(Event::Taken, Reason::Receipt).await;
    house
}

#[tokio::test]
async fn before_the_insurer_has_it() {
    golden(&House::admitted().await, "open", "centre", PATH).await;
    let house = sealed().await;
    golden(&house, "queued", "centre", PATH).await;
    house.order("/v1/endpoints/paris/hold").await;
    golden(&house, "held-by-hand", "centre", PATH).await;
    house.order("/v1/endpoints/paris/release").await;
    house.lease().await;
    golden(&house, "transmitting", "centre", PATH).await;
    house.conclude(Event::Deferred, Reason::Busy, None).await;
    golden(&house, "held", "centre", PATH).await;

    let house = sealed().await;
    house.attempt(Event::NoAnswer, Reason::Doubt).await;
    golden(&house, "in-doubt", "centre", PATH).await;
}

#[tokio::test]
async fn an_open_document_that_no_endpoint_serves_waits_for_a_route() {
    let house = House::new().await;
    for (number, destination, reason) in
        [(1, None, "sealing"), (2, Some("amc:77000001"), "no-route")]
    {
        let mut facts = facts(Kind::Fse, &format!("10000000{number}"));
        if let Some(text) = destination {
            facts.destination = Destination::parse(text).unwrap();
        }
        house.admit(admission(number, facts)).await;
        house.clock.advance(Duration::from_secs(60));
        let path = format!("/v1/documents/00000000-0000-0000-0000-00000000000{number}");
        let document = house.get(Door::Public, "centre", &path).await.json();
        assert_eq!(document["standing"], "open");
        assert_eq!(document["next"]["reason"], reason);
        let list = house
            .get(Door::Public, "centre", "/v1/documents")
            .await
            .json();
        let rows = list["documents"].as_array().unwrap();
        assert!(rows.iter().any(|row| row["reason"] == reason), "{rows:?}");
        if destination.is_some() {
            assert_eq!(document["next"]["at"], "2026-11-22T12:02:00.000Z");
        }
    }
    // Nor is one sealed whose bytes cannot be read.
    let path = "/v1/documents/00000000-0000-0000-0000-000000000001";
    for (unreadable, reason) in [(vec![DocumentId(1)], "unreadable"), (vec![], "sealing")] {
        house
            .lanes
            .tell_unreadable(unreadable.into_iter().collect());
        let document = house.get(Door::Public, "centre", path).await.json();
        assert_eq!(document["next"]["reason"], reason);
        let sentence = document["next"]["en"].as_str().unwrap();
        let said = sentence.starts_with("The document's bytes cannot be read again");
        assert_eq!(said, reason == "unreadable", "{sentence}");
    }
}

/// One that is open again after its lot is void waits for a route as any other.
#[tokio::test]
async fn a_document_that_is_open_again_waits_for_a_route_too() {
    let house = sealed().await;
    let routes = house.routes.send_replace(Arc::default());
    house.commit(Command::Unroute(endpoint())).await;
    let next = async || {
        let document = house.get(Door::Public, "centre", PATH).await.json();
        assert_eq!(document["standing"], "open");
        document["next"]["reason"].clone()
    };
    assert_eq!(next().await, "no-route");
    house.routes.send_replace(routes);
    assert_eq!(next().await, "sealing");
    house.lanes.tell_unreadable([DocumentId(1)].into());
    assert_eq!(next().await, "unreadable");
}

/// Of what may be with the insurer nobody reads that it goes again where it is asked about alone.
#[tokio::test]
async fn what_is_asked_about_again_is_not_said_to_be_sent_again() {
    for (reason, asked) in [
        (Reason::Unreachable, "asked again"),
        (Reason::Failing, "asked again"),
        (Reason::Busy, "asked again"),
        (Reason::Closed, "is asked"),
    ] {
        let house = sealed().await;
        house.attempt(Event::NoAnswer, Reason::Doubt).await;
        house.conclude(Event::StatusUnreachable, reason, None).await;
        let document = house.get(Door::Public, "centre", PATH).await.json();
        assert_eq!(document["standing"], "in doubt");
        let en = document["next"]["en"].as_str().unwrap();
        let fr = document["next"]["fr"].as_str().unwrap();
        assert!(en.contains(asked) && !en.contains("sent"), "{en}");
        assert!(fr.contains("question") && !fr.contains("envoi"), "{fr}");
    }
}

/// A lot that was never sent waits for what its endpoint's lane waits for, and says so.
#[tokio::test]
async fn behind_an_endpoint_that_failed_too_often() {
    let house = sealed().await;
    let rules = Rules::new(const { NonZeroU32::new(8).unwrap() });
    let at = house.clock.now();
    for _ in 0..rules.breaker.failures.get() {
        house.lanes.change(&endpoint(), &rules, |lane| {
            let mut slot = lane.begin(lane::Kind::Attempt, at);
            lane.hear(&mut slot, Signal::Unserved, at);
            lane.note(Some(Reason::OwnCertificate), at);
            lane.end(slot, at);
        });
    }
    golden(&house, "behind-a-breaker", "centre", PATH).await;
    let queue = house.get(Door::Operators, "operator", "/v1/queue").await;
    let paris = &queue.json()["endpoints"][0];
    assert_eq!(paris["standings"], json!({"held": 1}));
    assert_eq!(paris["reasons"], json!({"breaker": 1}));
    // A lot whose own instant is later than the probe keeps its own reason.
    house.attempt(Event::NotReached, Reason::Unreachable).await;
    let document = house.get(Door::Public, "centre", PATH).await;
    assert_eq!(document.json()["next"]["reason"], "unreachable");
}

/// What is in doubt waits for the lane of questions, and not for that of lots.
#[tokio::test]
async fn in_doubt_at_an_endpoint_of_which_one_service_failed_too_often() {
    for (broken, reason) in [
        (lane::Kind::Attempt, "doubt"),
        (lane::Kind::Question, "breaker"),
    ] {
        let house = sealed().await;
        house.attempt(Event::NoAnswer, Reason::Doubt).await;
        house.clock.advance(Duration::from_secs(3600));
        let rules = Rules::new(const { NonZeroU32::new(8).unwrap() });
        let at = house.clock.now();
        for _ in 0..rules.breaker.failures.get() {
            house.lanes.change(&endpoint(), &rules, |lane| {
                let mut slot = lane.begin(broken, at);
                lane.hear(&mut slot, Signal::Unserved, at);
                lane.end(slot, at);
            });
        }
        let document = house.get(Door::Public, "centre", PATH).await.json();
        assert_eq!(document["standing"], "in doubt", "{broken:?}");
        assert_eq!(document["next"]["reason"], reason, "{broken:?}");
        let queue = house.get(Door::Operators, "operator", "/v1/queue").await;
        let paris = &queue.json()["endpoints"][0];
        assert_eq!(paris["reasons"], json!({reason: 1}), "{broken:?}");
    }
}

#[tokio::test]
async fn with_the_insurer() {
    let house = taken().await;
    golden(&house, "transmitted", "centre", PATH).await;
    house.clock.advance(Duration::from_secs(3600));
    house.commit(Command::Tick).await;
    golden(&house, "overdue", "centre", PATH).await;
    house.receipt(Verdict::Accepted).await;
    golden(&house, "acknowledged", "centre", PATH).await;
    house.clock.advance(Duration::from_secs(86_400));
    house.settle(PartOutcome::Paid).await;
    golden(&house, "paid", "centre", PATH).await;
}

/// Its insurer has no status service: as long again it waits for its receipt, and everybody sees that it is late.
#[tokio::test]
async fn overdue_at_an_insurer_that_cannot_be_asked() {
    let house = taken().await;
    house.clock.advance(Duration::from_secs(3600));
    house.commit(Command::Tick).await;
    house
        .conclude(Event::NoStatusService, Reason::Overdue, None)
        .await;
    golden(&house, "overdue-not-to-be-asked", "centre", PATH).await;
    let queue = house.get(Door::Operators, "operator", "/v1/queue").await;
    let paris = &queue.json()["endpoints"][0];
    assert_eq!(paris["standings"], json!({"overdue": 1}));
    assert_eq!(paris["reasons"], json!({"overdue": 1}));
    assert_eq!(paris["oldest"], json!(null), "it was transmitted");
    let listed = house
        .get(Door::Public, "centre", "/v1/documents?standing=overdue")
        .await;
    assert_eq!(listed.json()["documents"].as_array().unwrap().len(), 1);
    // From its next attempt on it stands where that one left it.
    house.clock.advance(Duration::from_secs(3600));
    house.lease().await;
    house
        .conclude_attempt(2, Event::Deferred, Reason::Failing)
        .await;
    let document = house.get(Door::Public, "centre", PATH).await;
    assert_eq!(document.json()["standing"], "held");
}

#[tokio::test]
async fn against_the_centre() {
    let house = taken().await;
    house.receipt(Verdict::Refused).await;
    golden(&house, "refused-by-receipt", "centre", PATH).await;
    golden(&house, "refused-by-receipt.operator", "operator", PATH).await;

    let house = sealed().await;
    house.refuse().await;
    golden(&house, "refused-by-answer", "centre", PATH).await;
    golden(&house, "refused-by-answer.operator", "operator", PATH).await;

    let house = taken().await;
    house.receipt(Verdict::Accepted).await;
    house.settle(PartOutcome::Rejected).await;
    golden(&house, "rejected", "centre", PATH).await;
}

#[tokio::test]
async fn a_replacement_and_a_piece_are_linked() {
    let house = sealed().await;
    house.refuse().await;
    let mut replacement = facts(Kind::Fse, "100000001");
    let number = Number::parse("100000001").unwrap();
    replacement.replaces = Some((Kind::Fse, number, ReplacementReason::Refused));
    house.admit(admission(2, replacement)).await;
    golden(&house, "replaced", "centre", PATH).await;
    let latest = "/v1/documents?number=100000001&kind=FSE";
    golden(&house, "replacement", "centre", latest).await;
    let mut piece = facts(Kind::Pj, "200000001");
    piece.supports = Some(number);
    house.admit(admission(3, piece)).await;
    let latest = "/v1/documents?number=200000001&kind=PJ";
    golden(&house, "piece", "centre", latest).await;
}

#[tokio::test]
async fn a_whole_history_has_every_lot_and_every_reason() {
    let house = House::admitted().await;
    house.seal().await;
    house.attempt(Event::NotReached, Reason::Unreachable).await;
    house.clock.advance(Duration::from_secs(60));
    let retry = "/v1/lots/00000000-0000-0000-0000-00000000000b/retry";
    house.order(retry).await;
    house.clock.advance(Duration::from_secs(1));
    house.lease().await;
    house
        .conclude_attempt(2, Event::NoAnswer, Reason::Doubt)
        .await;
    house
        .conclude_attempt(2, Event::StatusRefused, Reason::Turn)
        .await;
    house.clock.advance(Duration::from_secs(20 * 86_400));
    house.commit(Command::Tick).await;
    house.order(&format!("{PATH}/paper")).await;
    golden(&house, "history.operator", "operator", PATH).await;
    golden(&house, "history", "centre", PATH).await;
}

#[tokio::test]
async fn content_is_given_back_byte_for_byte() {
    let house = House::admitted().await;
    let answer = house
        .get(Door::Public, "centre", &format!("{PATH}/content"))
        .await;
    assert_eq!(&answer.body[..], b"<document n=\"1\"/>");
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/xml");
}
