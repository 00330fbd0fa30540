//! kill -9 at any moment: nothing admitted is lost, nothing is counted twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::gateway::{CENTRE, Gateway, Place, document, until};
use crate::insurer;

/// Posts documents of ever new numbers until the gateway is gone; the numbers that were admitted.
async fn post_until_gone(gateway: &Gateway, next: &AtomicUsize, admitted: &Mutex<BTreeSet<usize>>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        match gateway.post(&document(number)).await {
            Ok(answer) => {
                assert_eq!(answer.status(), 202);
                admitted.lock().unwrap().insert(number);
            }
            // Its fate is not known: it may have been admitted.
            Err(_) => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_admitted_document_is_accepted_and_counted_once() {
    let place = Place::bare();
    let plan = r#"
[wire]
drawn = [{ fault = "reset-when-done", permille = 100 }, { fault = "failing", permille = 100 }]
"#;
    let (insurer, base) = insurer::start(&place, plan).await;
    let place = place.ready(&base);
    let next = Arc::new(AtomicUsize::new(1));
    let admitted = Arc::new(Mutex::new(BTreeSet::new()));
    for round in 0..10_u64 {
        let gateway = place.start();
        // Not a wait for something to happen: the moment of the kill is what varies.
        let moment = Duration::from_millis(100 + 170 * (round * 7 % 10));
        tokio::select! {
            () = tokio::time::sleep(moment) => {}
            () = async {
                let posts = (0..4).map(|_| post_until_gone(&gateway, &next, &admitted));
                futures_util::future::join_all(posts).await;
            } => panic!("the gateway went by itself"),
        }
        gateway.kill();
    }
    let gateway = place.start();
    let admitted = admitted.lock().unwrap().clone();
    assert!(admitted.len() > 50, "only {} were admitted", admitted.len());
    // What was in doubt when the gateway was killed is posted again, as a centre does: admitted or known.
    let last = next.load(Ordering::Relaxed);
    for number in (1..last).filter(|number| !admitted.contains(number)) {
        let status = gateway.post(&document(number)).await.unwrap().status();
        assert!(status == 202 || status == 200, "{status}");
    }
    let all = last - 1;
    until("every document is with the insurer", || async {
        insurer.book().documents.len() == all
    })
    .await;
    let book = insurer.book();
    assert_eq!(
        book.breaches,
        Vec::<String>::new(),
        "each once, with its own bytes"
    );
    let numbers: BTreeSet<usize> = book
        .lots
        .values()
        .flat_map(|lot| &lot.documents)
        .map(|document| document.number.as_str().parse().unwrap())
        .collect();
    assert_eq!(numbers, (1..last).collect::<BTreeSet<usize>>());
    let counted =
        |name: &str| format!("bordereau_obligation_{name}_documents{{centre=\"{CENTRE}\"");
    let (numerator, denominator) = (counted("numerator"), counted("denominator"));
    until("every document is counted", || async {
        gateway.metric(&numerator).await == Some(all as f64)
    })
    .await;
    assert_eq!(gateway.metric(&denominator).await, Some(all as f64));
    assert_eq!(
        gateway.metric("bordereau_ledger_imbalance_documents").await,
        Some(0.0)
    );
    assert_eq!(gateway.stop(&[]).code(), Some(0));
    insurer.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_never_share_a_directory() {
    let place = Place::bare().ready("https://localhost:9");
    let gateway = place.start();
    let second = crate::gateway::program()
        .args(["serve", "--config"])
        .arg(place.config())
        .output()
        .unwrap();
    assert_eq!(
        second.status.code(),
        Some(74),
        "{}",
        String::from_utf8_lossy(&second.stderr)
    );
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("another process"), "it says why: {said}");
    assert_eq!(gateway.stop(&[]).code(), Some(0));
}
