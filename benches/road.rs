//! The whole road: documents posted until each is counted on its insurer's receipt, and what it costs the gateway,
//! which runs as a process of its own; then what it costs while nothing happens.
//!
//! `cargo bench --bench road`. Nothing here is repeated and averaged: one run, its figures printed. Insurer and
//! centres run in this process, on the same machine.

#[path = "rig/cpu.rs"]
mod cpu;
#[path = "rig/documents.rs"]
mod documents;
#[path = "rig/gateway.rs"]
mod gateway;
#[path = "rig/insurer.rs"]
mod insurer;
#[path = "rig/runs.rs"]
mod runs;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bordereau::clock::{Clock, SystemClock};
use documents::CENTRE;
use gateway::Place;
use reqwest::Client;
use runs::share;
use tokio::time::{Instant, sleep};

const DOCUMENTS: u64 = 10_000;
const CLIENTS: u64 = 16;
const BYTES: usize = 4_000;
const IDLE: Duration = Duration::from_secs(30);

/// Where the time of a process itself is in its `stat`.
const OWN: usize = 11;

/// A gateway as a process, and the way to it.
struct Gateway {
    child: Child,
    url: String,
    centre: Client,
    metrics: Client,
}

#[tokio::main]
async fn main() {
    let place = Place::new(CENTRE);
    let (insurer, base) = insurer::start(&place).await;
    let gateway = Arc::new(Gateway::start(&place, &base).await);

    let began = Instant::now();
    let before = gateway.cpu();
    let posted = share(DOCUMENTS, CLIENTS, |number| {
        gateway.clone().post(number + 1)
    })
    .await;
    println!(
        "posted: {:.0} documents/s",
        DOCUMENTS as f64 / posted.as_secs_f64()
    );
    gateway.counted().await;
    let took = began.elapsed().as_secs_f64();
    let cpu = gateway.cpu() - before;
    println!(
        "counted on their receipts: {:.0} documents/s",
        DOCUMENTS as f64 / took
    );
    println!(
        "the gateway: {:.2} CPU seconds for 1000 documents",
        cpu * 1e3 / DOCUMENTS as f64
    );
    let book = insurer.book();
    assert_eq!(
        book.documents.len() as u64,
        DOCUMENTS,
        "the insurer's own book"
    );
    assert_eq!(book.breaches.len(), 0, "the insurer's own book");

    // What is left of the work ends before the quiet is measured.
    sleep(IDLE).await;
    let before = gateway.cpu();
    sleep(IDLE).await;
    let cpu = gateway.cpu() - before;
    println!("idle: {cpu:.2} CPU seconds in {} s", IDLE.as_secs());
    let mut gateway = Arc::into_inner(gateway).expect("nobody posts any more");
    gateway.child.kill().expect("it ran");
    gateway.child.wait().expect("it ended");
    insurer.shutdown().await;
}

impl Gateway {
    async fn start(place: &Place, insurer: &str) -> Gateway {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = port.local_addr().expect("an address");
        drop(port);
        let more = "lot_age_seconds = 0.2\n[receipts]\npoll_seconds = 0.1\n[report]\ninterval_seconds = 1\n";
        let text = place.configuration(&address.to_string(), CENTRE, insurer, more);
        fs::write(place.path("bordereau.toml"), text).expect("written");
        let mut program = Command::new(env!("CARGO_BIN_EXE_bordereau"));
        let program = program
            .args(["serve", "--config"])
            .arg(place.path("bordereau.toml"));
        let gateway = Gateway {
            child: program.stdout(Stdio::null()).spawn().expect("it starts"),
            url: format!("https://localhost:{}", address.port()),
            centre: place.client("centre"),
            metrics: place.client("metrics"),
        };
        let ready = format!("{}/readyz", gateway.url);
        while gateway.centre.get(&ready).send().await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
        gateway
    }

    async fn post(self: Arc<Gateway>, number: u64) {
        let body = documents::document(number, SystemClock.now().day(), BYTES);
        let request = self
            .centre
            .post(format!("{}/v1/documents", self.url))
            .body(body);
        let request = request.header("content-type", "application/xml");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 202);
    }

    /// Waits until every document is in the numerator.
    async fn counted(&self) {
        const NUMERATOR: &str = "bordereau_obligation_numerator_documents{";
        loop {
            let page = self
                .metrics
                .get(format!("{}/metrics", self.url))
                .send()
                .await;
            let page = page.expect("an answer").text().await.expect("a page");
            let lines = page.lines().filter(|line| line.starts_with(NUMERATOR));
            let counts = lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok());
            if counts.max() == Some(DOCUMENTS) {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// CPU seconds so far, of the program and for it.
    fn cpu(&self) -> f64 {
        cpu::taken(&self.child.id().to_string(), OWN).as_secs_f64()
    }
}
