//! A start that has to build its index anew: from its first second on it says that it lives, that it cannot commit yet
//! and how far it is; it can be ended, and the next start comes to its end.

use std::fs;

use bordereau::claims::time::Timestamp;

use crate::gateway::{Gateway, Place, document, until};
use crate::stock::Stock;

/// Enough that no index of them is built between two requests.
const DOCUMENTS: u64 = 15_000;

/// Status and text of an answer about health.
async fn health(gateway: &Gateway, path: &str) -> (u16, String) {
    let answer = gateway.get_as_nobody(path).await;
    let status = answer.status().as_u16();
    (status, answer.text().await.unwrap().trim_end().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_builds_its_index_anew_says_so_can_be_ended_and_ends() {
    let place = Place::bare().ready("https://localhost:9");
    let at = Timestamp::parse("2026-11-20T09:00:00Z").unwrap();
    let stock = Stock::open(&place, 64 << 20, at).await;
    stock.admit(1..=DOCUMENTS).await;
    drop(stock);

    fs::remove_dir_all(place.path("store/index")).unwrap();
    let gateway = place.begin(&[]);
    until("it says how far the index is", || async {
        let (status, text) = health(&gateway, "/readyz").await;
        assert_eq!(status, 503, "{text}");
        assert!(
            text == "opening" || text.starts_with("rebuilding "),
            "{text}"
        );
        text != "opening"
    })
    .await;
    assert_eq!(health(&gateway, "/healthz").await, (200, String::new()));
    let answer = gateway.post(&document(1)).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    // The ledger ends two days before whatever day it is.
    let ahead = "the clock is ahead";
    assert_eq!(gateway.stop(&[ahead]).code(), Some(0));

    let mut gateway = place.begin(&[]);
    until("the index is there", || async {
        health(&gateway, "/readyz").await.0 == 200
    })
    .await;
    gateway.wait_for("the gateway serves");
    let found = gateway.get("/v1/documents/00000000-0000-0000-0000-000000000001");
    assert_eq!(found.await.status(), 200);
    assert_eq!(
        gateway.post(&document(900_001)).await.unwrap().status(),
        202
    );
    let announced = ["no endpoint serves them", ahead];
    assert_eq!(gateway.stop(&announced).code(), Some(0));

    // For as long as a whole index is not there, what waits to be sent goes before what centres post.
    let config = fs::read_to_string(place.config()).unwrap();
    let config = config.replace("resume_seconds = 0", "resume_seconds = 60");
    fs::write(place.config(), config).unwrap();
    fs::remove_dir_all(place.path("store/index")).unwrap();
    let gateway = place.begin(&[]);
    until("it is there again", || async {
        let (status, text) = health(&gateway, "/readyz").await;
        assert_eq!(status, 503, "{text}");
        text == "resuming"
    })
    .await;
    let answer = gateway.post(&document(900_002)).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(gateway.stop(&announced).code(), Some(0));
}
