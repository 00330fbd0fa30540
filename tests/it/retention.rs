//! Bodies that are past their time go by themselves, and who asks for one is told that it is gone, not that it is unknown.

use std::path::PathBuf;

use bordereau::claims::time::Timestamp;

use crate::gateway::{Gateway, Place, until};
use crate::stock::{Stock, content};

/// Documents that fill a few segments.
const DOCUMENTS: u64 = 400;

/// Bytes of a segment.
const SEGMENT: u64 = 64 << 10;

/// One that nobody cancelled.
const UNFINISHED: u64 = 2;

async fn read(gateway: &Gateway, number: u64) -> (u16, String) {
    let path = format!("/v1/documents/{}/content", id(number));
    let answer = gateway.get(&path).await;
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn id(number: u64) -> String {
    format!("00000000-0000-0000-0000-{number:012x}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_was_cleared_is_gone_and_its_document_is_not() {
    let place = Place::bare().ready("https://localhost:9");
    // Whatever day it is: long enough ago that all of it is past its time.
    let day = Timestamp::parse("2025-01-15T09:00:00Z").unwrap();
    let stock = Stock::open(&place, SEGMENT, day).await;
    stock.admit(1..=DOCUMENTS).await;
    for number in (1..=DOCUMENTS).filter(|number| *number != UNFINISHED) {
        stock.cancel(number).await;
    }
    drop(stock);

    let segment = PathBuf::from(SEGMENT.to_string());
    let gateway = place.start_with(&[("BORDEREAU_STORE__SEGMENT_BYTES", segment)]);
    until("the bodies are cleared", || async {
        read(&gateway, 1).await.0 == 410
    })
    .await;
    let (_, problem) = read(&gateway, 1).await;
    assert!(
        problem.contains("urn:bordereau:problem:content-gone"),
        "{problem}"
    );
    let shown = gateway.get(&format!("/v1/documents/{}", id(1))).await;
    let shown: serde_json::Value = shown.json().await.unwrap();
    assert_eq!(shown["standing"], "cancelled");
    // What may still be needed is there.
    assert_eq!(read(&gateway, UNFINISHED).await, (200, content(UNFINISHED)));
    assert!(gateway.metric("bordereau_retention_gone_bytes_total").await > Some(0.0));
    let announced = ["no endpoint serves them", "older than it should be"];
    assert_eq!(gateway.stop(&announced).code(), Some(0));
}
