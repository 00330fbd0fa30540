//! The description says what the router does, both ways: its routes here, and in `house` every answer that any
//! test of this room gets.

use std::collections::BTreeSet;

use super::house::{House, Who};
use crate::formats::json::described::{description, operations};
use crate::intake::table;

#[test]
fn every_route_is_described_and_every_description_has_its_route() {
    let routed = table().into_iter();
    let routed = routed.map(|(method, path, _)| (method.to_owned(), path.to_owned()));
    assert_eq!(operations("intake"), routed.collect::<BTreeSet<_>>());
}

#[tokio::test]
async fn anybody_reads_the_description() {
    let house = House::new().await;
    let answer = house
        .send(house.request(Who::Nobody, "GET", "/v1/openapi.json", ""))
        .await;
    assert_eq!((answer.status, answer.json), (200, description()));
}
