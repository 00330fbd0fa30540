//! Bodies that are past their time go by themselves, and who asks for one is told that it is gone, not that it is unknown.
//! Proofs go when a person has them go, and the counts stay.

use std::path::PathBuf;

use bordereau::claims::time::Timestamp;
use serde_json::Value;

use crate::gateway::{CENTRE, Gateway, Place, document, program, until};
use crate::stock::{Stock, content};

/// Documents that fill a few segments.
const DOCUMENTS: u64 = 400;

/// Bytes of a segment.
const SEGMENT: u64 = 64 << 10;

/// One that nobody cancelled.
const UNFINISHED: u64 = 2;

/// One on which a legal hold stands.
const HELD: u64 = 5;

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
    Stock::of_old(&place, SEGMENT, DOCUMENTS, UNFINISHED).await;

    let gateway = started(&place);
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
    let announced = [
        "no endpoint serves them",
        "older than it should be",
        "the clock is ahead",
    ];
    assert_eq!(gateway.stop(&announced).code(), Some(0));
}

/// Starts the gateway on the stock, whose ledger was not written to for long: the clock is doubted for a second.
fn started(place: &Place) -> Gateway {
    let segment = PathBuf::from(SEGMENT.to_string());
    let second = PathBuf::from("1");
    place.start_with(&[
        ("BORDEREAU_STORE__SEGMENT_BYTES", segment),
        ("BORDEREAU_RETENTION__CLOCK_SECONDS", second.clone()),
        ("BORDEREAU_RETENTION__LOOK_SECONDS", second),
    ])
}

/// What a command prints.
fn done(place: &Place, words: &[&str], options: &[&str]) -> String {
    let mut command = program();
    command.args(words).arg("--config").arg(place.config());
    let output = command.args(options).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{words:?}: {said}{errors}");
    said
}

/// The rate of a month as soon as it is counted, without what it was computed from.
async fn rate(gateway: &Gateway, month: &str) -> Value {
    let path = format!("/v1/centres/{CENTRE}/rate?period={month}");
    until("it is counted", || async {
        gateway.get(&path).await.status() == 200
    })
    .await;
    let mut rate: Value = gateway.get(&path).await.json().await.unwrap();
    assert!(rate.as_object_mut().unwrap().remove("basis").is_some());
    rate
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_past_their_time_go_at_rest_and_the_counts_stay() {
    let place = Place::bare().ready("https://localhost:9");
    let day = Timestamp::parse("2023-01-16T09:00:00Z").unwrap();
    let stock = Stock::open(&place, SEGMENT, day).await;
    stock.admit(1..=DOCUMENTS).await;
    stock.hold(HELD).await;
    for number in (1..=DOCUMENTS).filter(|number| *number != UNFINISHED) {
        match number % 2 {
            0 => stock.cancel(number).await,
            _ => stock.by_hand(number).await,
        }
    }
    drop(stock);

    let announced = [
        "no endpoint serves them",
        "older than it should be",
        "proofs are past their time",
        "the clock is ahead",
    ];
    let past = "bordereau_retention_past_proof_segments";
    let gateway = started(&place);
    until("the proofs are told of", || async {
        gateway.metric(past).await > Some(0.0)
    })
    .await;
    let before = rate(&gateway, "2023-01").await;
    assert!(before["denominator"].as_u64() > Some(0), "{before}");
    let plan = done(&place, &["retention", "plan"], &["--json"]);
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert!(plan["proofs"]["goes"].as_u64() > Some(0), "{plan}");
    assert!(plan["proofs"]["stays"].as_u64() > Some(0), "{plan}");
    assert_eq!(gateway.stop(&announced).code(), Some(0));

    let end_proofs = ["retention", "end-proofs"];
    let would = done(&place, &end_proofs, &["--rehearse"]);
    let gone = done(&place, &end_proofs, &[]);
    let (would, gone) = (
        would.strip_prefix("would go: "),
        gone.strip_prefix("gone: "),
    );
    assert!(would.is_some() && would == gone, "{would:?} {gone:?}");

    let gateway = started(&place);
    until("it has gone", || async {
        let shown = gateway.get(&format!("/v1/documents/{}", id(1))).await;
        shown.status() == 404
    })
    .await;
    assert_eq!(rate(&gateway, "2023-01").await, before);
    for kept in [HELD, UNFINISHED] {
        assert_eq!(read(&gateway, kept).await, (200, content(kept)));
    }
    // What proves a later document begins where the ledger does now.
    let later = gateway.post(&document(1)).await.unwrap();
    let later: Value = later.json().await.unwrap();
    let file = place.path("later.tar");
    let export = ["--document", later["id"].as_str().unwrap(), "--to"];
    done(
        &place,
        &["export"],
        &[&export[..], &[file.to_str().unwrap()]].concat(),
    );
    let verified = program().args(["export", "verify"]).arg(&file).output();
    let verified = String::from_utf8(verified.unwrap().stdout).unwrap();
    assert!(verified.contains("it holds"), "{verified}");

    until("nothing is past its time", || async {
        gateway.metric(past).await == Some(0.0)
    })
    .await;
    done(&place, &["rate", "rebuild"], &["--verify"]);
    assert_eq!(gateway.stop(&announced).code(), Some(0));
    done(&place, &["verify-store"], &[]);
}
