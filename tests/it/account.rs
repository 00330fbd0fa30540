//! The account at the end: what was admitted is known, with its insurer once, and counted once.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bordereau::simulator::insurer::Handle;

use crate::gateway::{CENTRE, Gateway, document, until};

/// Numbers of documents that were posted, and those of them that were admitted.
#[derive(Default)]
pub struct Posted {
    tried: AtomicUsize,
    admitted: Mutex<BTreeSet<usize>>,
}

impl Posted {
    /// Posts documents of ever new numbers, in so many ways at once, until the gateway is gone.
    pub async fn post_until_gone(&self, gateway: &Gateway, ways: usize) {
        let posts = (0..ways).map(|_| async {
            // A post without an answer: it may have been admitted.
            while let Some(status) = self.post(gateway).await {
                assert_eq!(status, 202);
            }
        });
        futures_util::future::join_all(posts).await;
    }

    /// Posts a document of a new number; the status of the answer, if there is one.
    pub async fn post(&self, gateway: &Gateway) -> Option<u16> {
        let number = self.tried.fetch_add(1, Ordering::Relaxed) + 1;
        let answer = gateway.post(&document(number)).await.ok()?;
        let status = answer.status().as_u16();
        if status == 202 {
            self.admitted.lock().unwrap().insert(number);
        }
        Some(status)
    }

    /// How many were admitted.
    pub fn admitted(&self) -> usize {
        self.admitted.lock().unwrap().len()
    }

    /// Posts everything again, as a centre does that lost its own book: what was admitted is known, and after it
    /// all of it is known, accepted by the insurer once, byte for byte, and counted once.
    pub async fn settle(&self, gateway: &Gateway, insurer: &Handle) {
        let all = self.tried.load(Ordering::Relaxed);
        let admitted = self.admitted.lock().unwrap().clone();
        for number in 1..=all {
            let status = gateway.post(&document(number)).await.unwrap().status();
            let known = status == 200;
            assert!(known || status == 202, "document {number}: {status}");
            assert!(
                known || !admitted.contains(&number),
                "document {number} was admitted and is lost"
            );
        }
        until("every document is with the insurer", || async {
            insurer.book().documents.len() == all
        })
        .await;
        let book = insurer.book();
        let none = Vec::<String>::new();
        assert_eq!(book.breaches, none, "each once, with its own bytes");
        let numbers: BTreeSet<usize> = book
            .lots
            .values()
            .flat_map(|lot| &lot.documents)
            .map(|document| document.number.as_str().parse().unwrap())
            .collect();
        assert_eq!(numbers, (1..=all).collect::<BTreeSet<usize>>());
        counted(gateway, all).await;
        let imbalance = gateway.metric("bordereau_ledger_imbalance_documents").await;
        assert_eq!(imbalance, Some(0.0));
    }
}

/// Waits until so many documents are counted, and all of them as transmitted.
pub async fn counted(gateway: &Gateway, documents: usize) {
    let series = |name: &str| format!("bordereau_obligation_{name}_documents{{centre=\"{CENTRE}\"");
    let (numerator, denominator) = (series("numerator"), series("denominator"));
    until("every document is counted", || async {
        gateway.metric(&numerator).await == Some(documents as f64)
    })
    .await;
    let all = gateway.metric(&denominator).await;
    assert_eq!(all, Some(documents as f64));
}
