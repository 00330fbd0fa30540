//! The whole road once: from a centre's POST to an insurer's receipt to a rate on /metrics.

use serde_json::Value;

use crate::gateway::{CENTRE, Place, document, until};
use crate::insurer;

#[tokio::test(flavor = "multi_thread")]
async fn from_a_post_to_a_rate() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready(&base);
    let gateway = place.start();

    let answer = gateway.post(&document(1)).await.unwrap();
    assert_eq!(answer.status(), 202);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["number"], "000000001");
    let id = answer["id"].as_str().unwrap().to_owned();
    assert_eq!(gateway.post(&document(1)).await.unwrap().status(), 200);
    let other = document(1).replace("mode=\"S\"", "mode=\"F\"");
    assert_eq!(gateway.post(&other).await.unwrap().status(), 409);
    let invalid = document(2).replacen("<amo>21.00</amo>", "<amo>25.00</amo>", 1);
    assert_eq!(gateway.post(&invalid).await.unwrap().status(), 422);

    until("the document is paid", || async {
        let shown: Value = gateway
            .get(&format!("/v1/documents/{id}"))
            .await
            .json()
            .await
            .unwrap();
        shown["standing"] == "paid"
    })
    .await;
    let book = insurer.book();
    assert_eq!((book.documents.len(), book.breaches.len()), (1, 0));

    let numerator = format!("bordereau_obligation_numerator_documents{{centre=\"{CENTRE}\"");
    until("the document is counted", || async {
        gateway.metric(&numerator).await == Some(1.0)
    })
    .await;
    assert_eq!(
        gateway.metric("bordereau_ledger_imbalance_documents").await,
        Some(0.0)
    );
    assert_eq!(gateway.get_as_nobody("/healthz").await.status(), 200);
    assert_eq!(gateway.get_as_nobody("/readyz").await.status(), 200);
    assert_eq!(gateway.get_as_nobody("/metrics").await.status(), 401);

    let rate: Value = gateway
        .get(&format!("/v1/centres/{CENTRE}/rate?period=2026-11"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(rate["verdict"], "paper unknown", "{rate:#}");
    assert_eq!(gateway.stop(&[]).code(), Some(0));
    insurer.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insurer_that_is_away_holds_documents_and_loses_none() {
    let place = Place::bare();
    // A port that nobody listens on.
    let place = place.ready("https://localhost:9");
    let gateway = place.start();
    let answer: Value = gateway
        .post(&document(1))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let id = answer["id"].as_str().unwrap().to_owned();
    until("it is held and says why", || async {
        let shown: Value = gateway
            .get(&format!("/v1/documents/{id}"))
            .await
            .json()
            .await
            .unwrap();
        shown["standing"] == "held"
    })
    .await;
    assert_eq!(
        gateway.get_as_nobody("/readyz").await.status(),
        200,
        "readiness never tells of an insurer"
    );
    assert_eq!(gateway.stop(&[]).code(), Some(0));
}

/// A lot is refused for one of its documents: that one is refused, and the others are taken in a lot of their own.
#[tokio::test(flavor = "multi_thread")]
async fn one_poison_document_keeps_no_other_from_its_insurer() {
    let place = Place::bare();
    let plan = std::fs::read_to_string("fixtures/scenarios/poison.toml").unwrap();
    let (insurer, base) = insurer::start(&place, &plan).await;
    let place = place.ready(&base);
    let gateway = place.start();
    let mut posted = Vec::new();
    for number in 1..=5 {
        let answer = gateway.post(&document(number)).await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        posted.push(answer["id"].as_str().unwrap().to_owned());
    }
    let shown = async |number: usize| -> Value {
        let path = format!("/v1/documents/{}", posted[number - 1]);
        gateway.get(&path).await.json().await.unwrap()
    };
    for number in 1..=5 {
        let expected = if number == 3 { "refused" } else { "paid" };
        until("each document has ended", || async {
            shown(number).await["standing"] == expected
        })
        .await;
    }
    let refused = shown(3).await;
    assert!(refused.to_string().contains("D010"), "{refused:#}");
    let book = insurer.book();
    assert_eq!((book.documents.len(), book.breaches.len()), (4, 0));
    assert_eq!(gateway.stop(&[]).code(), Some(0));
    insurer.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_metrics_passes_promtool() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready(&base);
    let gateway = place.start();
    gateway.post(&document(1)).await.unwrap();
    let numerator = "bordereau_obligation_numerator_documents";
    until("something is counted", || async {
        gateway.metric(numerator).await == Some(1.0)
    })
    .await;
    let page = gateway.metrics().await;
    let mut promtool = Command::new("promtool");
    promtool
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let mut promtool = promtool
        .spawn()
        .expect("promtool: apt-get install prometheus");
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(gateway.stop(&[]).code(), Some(0));
    insurer.shutdown().await;
}
