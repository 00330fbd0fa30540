//! How fast posts are answered over mutual TLS: by the gateway as the program starts it, over the least that any
//! such server does, which is an empty one behind the same TLS that appends each body and syncs once for all who
//! wait.
//!
//! Clients and server share this machine. The figures mean something only as ratios within one run, which it prints:
//! `cargo bench --bench accept`.

#[path = "rig/cpu.rs"]
mod cpu;
#[path = "rig/documents.rs"]
mod documents;
#[path = "rig/gateway.rs"]
mod gateway;
#[path = "rig/raw.rs"]
mod raw;
#[path = "rig/runs.rs"]
mod runs;
#[path = "rig/totals.rs"]
mod totals;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bordereau::app::App;
use bordereau::clock::{Clock, SystemClock};
use bordereau::config;
use bordereau::tls::{self, Acceptor, Door, Server};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use documents::CENTRE;
use gateway::Place;
use raw::Raw;
use reqwest::Client;
use runs::share;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use totals::Totals;

/// Bytes of a document.
const BYTES: usize = 8_000;

/// Nothing is sent while posts are measured: lots never become full or old.
const NOTHING_LEAVES: &str =
    "lot_documents = 1_000_000\nlot_bytes = 1_000_000_000_000\nlot_age_seconds = 86400.0\n";

/// A server under load.
struct Target {
    client: Client,
    url: String,
    /// The document's text around its number.
    text: (String, String),
    next: AtomicU64,
}

fn accept(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let totals = Totals::default();
    let place = Place::new(CENTRE);
    let empty = runtime.block_on(empty(&place));
    let (app, gateway) = runtime.block_on(started(&place));
    for clients in [1, 8, 64] {
        let mut group = criterion.benchmark_group("accept");
        group.throughput(Throughput::Elements(1));
        group.sample_size(10);
        group.measurement_time(Duration::from_secs(4));
        for (name, target, status) in [("empty", &empty, 202), ("gateway", &gateway, 202)] {
            group.bench_function(BenchmarkId::new(name, clients), |bencher| {
                bencher.iter_custom(|count| {
                    totals.begin();
                    let first = target.next.fetch_add(count, Ordering::Relaxed);
                    let one = |number| target.clone().post(first + number, status);
                    let took = runtime.block_on(share(count, clients, one));
                    totals.add((name, clients), took, count)
                });
            });
        }
        group.finish();
        totals.print("gateway", "empty", clients);
    }
    runtime.block_on(app.stop());
}

impl Target {
    fn new(place: &Place, url: String) -> Arc<Target> {
        const NUMBER: &str = "number=\"";
        let text = documents::document(0, SystemClock.now().day(), BYTES);
        let at = text.find(NUMBER).expect("a document has a number") + NUMBER.len();
        Arc::new(Target {
            client: place.client("centre"),
            url: format!("{url}/v1/documents"),
            text: (text[..at].to_owned(), text[at + 9..].to_owned()),
            next: AtomicU64::new(1),
        })
    }

    async fn post(self: Arc<Target>, number: u64, status: u16) {
        let body = format!("{}{number:09}{}", self.text.0, self.text.1);
        let request = self.client.post(&self.url).body(body);
        let request = request.header("content-type", "application/xml");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), status);
        answer.bytes().await.expect("an answer's body");
    }
}

async fn started(place: &Place) -> (App, Arc<Target>) {
    let insurer = "https://localhost:9";
    let text = place.configuration("127.0.0.1:0", CENTRE, insurer, NOTHING_LEAVES);
    let config = config::read(&text, "the bench", []).expect("a configuration");
    let app = App::start(config, Arc::new(SystemClock))
        .await
        .expect("the gateway starts");
    let url = format!("https://localhost:{}", app.public().port());
    (app, Target::new(place, url))
}

/// A server that only appends and syncs.
async fn empty(place: &Place) -> Arc<Target> {
    let settings = place.tls("public");
    let material = settings
        .load(&tls::renewal::Config::default())
        .expect("certificates");
    let door = Door {
        acceptor: Acceptor::Tls(Arc::new(Server::new(&material).expect("a server"))),
        limits: settings.limits,
        observer: Arc::new(|_| {}),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let append = async |State(raw): State<Arc<Raw>>, body: Bytes| {
        raw.append(body).await;
        StatusCode::ACCEPTED
    };
    let router = Router::new()
        .route("/v1/documents", post(append))
        .with_state(Arc::new(Raw::start(&place.path(""))));
    tokio::spawn(tls::serve(listener, door, router, std::future::pending()));
    Target::new(place, format!("https://localhost:{port}"))
}

criterion_group!(benches, accept);
criterion_main!(benches);
