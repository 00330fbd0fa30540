//! The description says what the desk's routers do, both ways: its routes and words here, and in `house` every
//! answer that any test of this room gets.

use std::collections::BTreeSet;

use axum::body::Body;

use super::house::{self, House};
use crate::claims::standing::Standing;
use crate::desk::{Door, table};
use crate::formats::json::described::{filled, listed, operations, queried};
use crate::http::Query;
use crate::telemetry::reading::Stage;

fn routed(doors: &[Door]) -> BTreeSet<(String, String)> {
    let rows = table().into_iter();
    let own = rows.filter(|(door, ..)| doors.contains(door));
    own.map(|(_, _, method, path, _)| (method.to_owned(), path.to_owned()))
        .collect()
}

#[test]
fn every_route_is_described_and_every_description_has_its_route() {
    let (public, steering) = (operations("desk"), operations("operators"));
    assert_eq!(routed(&[Door::Both, Door::Public]), public);
    let nearby = routed(&[Door::Operators]);
    assert_eq!(&nearby - &public, steering);
    // Metrics are at both doors, each with its own rule of who may read them.
    let metrics = ("get".to_owned(), "/metrics".to_owned());
    assert_eq!(&nearby & &public, BTreeSet::from([metrics]));
}

#[tokio::test]
async fn a_query_that_no_route_reads_is_refused_and_nothing_is_done() {
    let house = House::admitted().await;
    let (position, queried) = (house.store_position(), queried());
    for (door, query, method, path, _) in table() {
        let operation = (method.to_owned(), path.to_owned());
        let is_read = queried.contains(&operation);
        assert_eq!(query == Query::Read, is_read, "{method} {path}");
        if is_read {
            continue;
        }
        let door = match door {
            Door::Both | Door::Public => house::Door::Public,
            Door::Operators => house::Door::Operators,
        };
        let asked = format!("{}?dry_run=true", filled(path));
        let (method, body) = (method.to_uppercase(), Body::from(house::ORDER));
        let answer = house.ask(door, "operator", &method, &asked, body).await;
        let problem = answer.json()["type"].clone();
        assert_eq!(
            problem, "urn:bordereau:problem:query-unknown",
            "{method} {asked}"
        );
    }
    assert_eq!(house.store_position(), position);
}

#[test]
fn every_word_for_what_happened_is_listed() {
    let words = listed("/components/schemas/Happened/properties/event/enum");
    assert_eq!(words, crate::desk::document::history::words());
}

#[test]
fn every_word_for_where_a_document_is_is_listed() {
    let finished = Standing::ALL.into_iter().map(Standing::as_str);
    let finished = finished.filter(|word| *word != Standing::InLot.as_str());
    let words: BTreeSet<String> = finished
        .chain(Stage::WORDS.iter().copied())
        .map(str::to_owned)
        .collect();
    assert_eq!(listed("/components/schemas/Stage/enum"), words);
}
