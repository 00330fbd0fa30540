//! The whole road under mutual TLS: documents posted, singly and in lots of 100, until each is counted on its insurer's
//! receipt; what it costs the gateway, which runs as a process of its own; the same number of documents through a plain
//! table of work in PostgreSQL; then what the gateway costs while nothing happens.
//!
//! `cargo bench --bench road`. Nothing here is repeated and averaged: one run, its figures printed, and the ratios
//! between both. Insurer, sink and senders run in this process, on the same machine. PostgreSQL comes with
//! `apt-get install postgresql`; without it there is no peer, and the run says so.

#[path = "rig/cpu.rs"]
mod cpu;
#[path = "rig/documents.rs"]
mod documents;
#[path = "rig/gateway.rs"]
mod gateway;
#[path = "rig/insurer.rs"]
mod insurer;
#[path = "rig/jobs.rs"]
mod jobs;
#[path = "rig/process.rs"]
mod process;
#[path = "rig/runs.rs"]
mod runs;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use documents::CENTRE;
use gateway::Place;
use jobs::{Cluster, Rates, Way};
use process::{BYTES, Gateway};
use runs::share;
use tokio::time::{Instant, sleep};

/// Senders, documents posted singly, documents posted in lots: each load takes some seconds, so that what is waited for
/// at its end (a lot's age, the next count) weighs little.
const LOADS: [(u64, u64, u64); 3] = [
    (1, 10_000, 40_000),
    (8, 40_000, 80_000),
    (64, 48_000, 76_800),
];

/// Documents of a lot.
const LOT: u64 = 100;

const IDLE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() {
    let cluster = Cluster::start().await;
    for (senders, singles, in_lots) in LOADS {
        let singly = road(senders, singles, 1).await;
        let lots = road(senders, in_lots, LOT).await;
        match &cluster {
            Some(cluster) => peer(cluster, senders, singles, &singly, &lots).await,
            None => println!(
                "NO PEER: PostgreSQL is not installed (apt-get install postgresql), so there is no ratio"
            ),
        }
    }
    drop(cluster);
    idle().await;
}

/// One load, from the first post until all is counted.
async fn road(senders: u64, documents: u64, at_once: u64) -> Rates {
    let place = Place::new(CENTRE);
    let (insurer, base) = insurer::start(&place).await;
    let gateway = Arc::new(Gateway::start(&place, &base).await);
    let before = gateway.cpu();
    let began = Instant::now();
    let post = {
        let gateway = gateway.clone();
        move |number| gateway.clone().post(number * at_once + 1, at_once)
    };
    let (posted, took) = tokio::join!(
        share(documents / at_once, senders, post),
        gateway.counted(documents)
    );
    let whole = began.elapsed();
    let cpu = gateway.cpu() - before;
    let book = insurer.book();
    assert_eq!(book.documents.len() as u64, documents, "the insurer's book");
    assert_eq!(book.breaches.len(), 0, "the insurer's book");
    let rates = Rates {
        accepted: documents as f64 / posted.as_secs_f64(),
        whole: documents as f64 / whole.as_secs_f64(),
    };
    let part = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64();
    println!(
        "{senders} senders, {at_once} a post: accepted {:.0}/s, counted {:.0}/s, from answer to counted p50 {:.2} s \
         p99 {:.2} s, {:.3} CPU s for 1000 documents, peak {} MiB",
        rates.accepted,
        rates.whole,
        part(50),
        part(99),
        cpu * 1e3 / documents as f64,
        gateway.peak(),
    );
    let gateway = Arc::into_inner(gateway).expect("nobody posts any more");
    gateway.end();
    insurer.shutdown().await;
    rates
}

/// The same load for the peer, in both ways, and how the gateway stands over it.
async fn peer(cluster: &Cluster, senders: u64, documents: u64, singly: &Rates, lots: &Rates) {
    let body = Bytes::from(vec![b'x'; BYTES]);
    for (way, name) in [
        (Way::Posted, "PostgreSQL behind the same TLS"),
        (Way::Session, "PostgreSQL without network"),
    ] {
        let peer = cluster.run(documents, senders, way, body.clone()).await;
        println!(
            "{senders} senders, {name}: accepted {:.0}/s, done {:.0}/s; the gateway over it: accept {:.2} singly, \
             {:.2} in lots; whole road {:.2} singly, {:.2} in lots",
            peer.accepted,
            peer.whole,
            singly.accepted / peer.accepted,
            lots.accepted / peer.accepted,
            singly.whole / peer.whole,
            lots.whole / peer.whole,
        );
    }
}

/// What it costs while nothing happens, once its work is done.
async fn idle() {
    let place = Place::new(CENTRE);
    let (insurer, base) = insurer::start(&place).await;
    let gateway = Arc::new(Gateway::start(&place, &base).await);
    gateway.clone().post(1, LOT).await;
    gateway.counted(LOT).await;
    // What is left of the work ends before the quiet is measured.
    sleep(IDLE).await;
    let before = gateway.cpu();
    sleep(IDLE).await;
    let cpu = gateway.cpu() - before;
    println!("idle: {cpu:.2} CPU seconds in {} s", IDLE.as_secs());
    let gateway = Arc::into_inner(gateway).expect("nobody posts any more");
    gateway.end();
    insurer.shutdown().await;
}
