//! Problems that the desk alone answers, and what it lists, as golden answers in `fixtures/answers/desk`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::response::IntoResponse;

use super::house::{Answer, Door, House};
use crate::claims::delivery::Event;
use crate::claims::entry::Reason;
use crate::formats::json::problem::{About, Kind, Problem};
use crate::http::answer::Refused;

const BY_HAND: &str = "/v1/documents/00000000-0000-0000-0000-000000000001/by-hand";

#[tokio::test]
#[rustfmt::skip]
async fn each_says_what_to_do() {
    let house = House::admitted().await;
    use Door::{Operators, Public};
    for (door, who, method, path, slug) in [
        (Public,    "nobody",   "GET",    "/v1/nowhere",                            "address-unknown"),
        (Operators, "nobody",   "GET",    "/",                                      "address-unknown"),
        (Public,    "centre",   "GET",    "/v1/documents/%FF",                      "address-unknown"),
        (Operators, "operator", "POST",   "/v1/endpoints/%FF/hold",                 "address-unknown"),
        (Public,    "nobody",   "DELETE", "/v1/rates",                              "method-unknown"),
        (Operators, "nobody",   "PUT",    "/v1/rates",                              "method-unknown"),
        (Public,    "national", "GET",    "/v1/rates?period=2026-13",               "query-invalid"),
        (Public,    "national", "GET",    "/v1/centres/750990012/rate",             "centre-unknown"),
        (Public,    "national", "GET",    "/v1/centres/750712184/rate?period=2019", "rate-unbound"),
        (Operators, "operator", "POST",   "/v1/endpoints/lyon/hold",                "endpoint-unknown"),
        (Operators, "operator", "POST",   BY_HAND,                                  "order-faulty"),
        (Operators, "operator", "POST",   "/v1/lots/00000000-0000-0000-0000-00000000000f/retry", "order-faulty"),
    ] {
        house.ask(door, who, method, path, Body::empty()).await.is(slug);
    }
}

#[tokio::test]
async fn orders_that_name_nothing_known_or_prove_nothing() {
    let house = House::admitted().await;
    house.order(BY_HAND).await.is("evidence-missing");
    let unknown = "/v1/lots/00000000-0000-0000-0000-00000000000f/retry";
    house.order(unknown).await.is("lot-unknown");
    house.order("/v1/keys/rotate").await.is("next-key-missing");
    let ahead = "/v1/periods/close?period=2026-11";
    house.order(ahead).await.is("period-not-ended");
}

#[tokio::test]
async fn what_is_not_counted_yet_is_no_rate() {
    let house = House::new().await;
    house.snapshots.send_replace(Arc::default());
    for path in ["/v1/rates", "/v1/centres/750712184/rate"] {
        let answer = house.get(Door::Public, "national", path).await;
        answer.is("not-ready");
    }
}

#[tokio::test]
async fn bytes_that_are_no_longer_kept() {
    // No ledger forgets bytes yet; the answer is promised all the same.
    let answer = Refused::from(Kind::ContentGone).into_response();
    Answer::of(answer).await.is("content-gone");
}

#[tokio::test]
async fn a_backup_that_was_not_made() {
    // Only the socket of the command line orders one; `tests/it` does so.
    let about = About {
        why: Some("another backup is being made to this directory"),
        ..About::default()
    };
    let answer = Refused::from(Problem::new(Kind::BackupFailed, about)).into_response();
    Answer::of(answer).await.is("backup-failed");
}

#[tokio::test]
async fn a_method_is_refused_with_those_that_are_known() {
    let house = House::new().await;
    let path = "/v1/endpoints/paris/hold";
    let answer = house.get(Door::Operators, "operator", path).await;
    assert_eq!((answer.status, answer.header(header::ALLOW)), (405, "POST"));
}

#[tokio::test]
async fn rates_a_gate_the_queue_and_the_account() {
    let house = House::admitted().await;
    let rate = "/v1/centres/750712184/rate?period=2026";
    house.get(Door::Public, "centre", rate).await.is("rate");
    let rates = "/v1/rates?period=2019";
    house.get(Door::Public, "national", rates).await.is("rates");
    house.seal().await;
    house.attempt(Event::NotReached, Reason::Unreachable).await;
    let hold = house.order("/v1/endpoints/paris/hold").await;
    hold.is("endpoint-held");
    let queue = house.get(Door::Operators, "operator", "/v1/queue").await;
    queue.is("queue");
    let verified = house.post("operator", "/v1/verify", "").await;
    verified.is("verified");
    let checked = house.post("operator", "/v1/store/verify", "").await;
    checked.is("checked");
    let keys = house.get(Door::Operators, "operator", "/v1/keys").await;
    keys.is("unencrypted");
}
