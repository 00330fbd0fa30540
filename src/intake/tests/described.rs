//! The description says what the router does, both ways: its routes here, and in `house` every answer that any
//! test of this room gets.

use std::collections::BTreeSet;

use super::house::{House, Who, fse};
use crate::formats::json::described::{description, filled, operations, queried};
use crate::http::Query;
use crate::intake::table;

#[test]
fn every_route_is_described_and_every_description_has_its_route() {
    let routed = table().into_iter();
    let routed = routed.map(|(_, method, path, _)| (method.to_owned(), path.to_owned()));
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

#[tokio::test]
async fn a_query_that_no_route_reads_is_refused_and_nothing_is_done() {
    let house = House::new().await;
    let queried = queried();
    for (query, method, path, _) in table() {
        let is_read = queried.contains(&(method.to_owned(), path.to_owned()));
        assert_eq!(query == Query::Read, is_read, "{method} {path}");
        if is_read {
            continue;
        }
        let (method, asked) = (
            method.to_uppercase(),
            format!("{}?atomic=true", filled(path)),
        );
        let document = fse("000000001", |_| {});
        let answer = house
            .send(house.request(Who::Vendor, &method, &asked, document))
            .await;
        assert_eq!(answer.problem(), "query-unknown", "{method} {asked}");
    }
    assert!(house.entries().await.is_empty());
}
