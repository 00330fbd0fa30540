//! Webhooks against a real TLS server on loopback: refused unless allowed by name, signed, in order, told again until
//! they are taken, told on after a restart, and set anew while the gateway runs.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bordereau::tls::{self, Acceptor, Door, Server};
use ring::hmac;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::gateway::{CENTRE, Gateway, Place, document, until, until_paid};
use crate::insurer;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The secret that comes after it.
const NEWER: &str = "fedcba9876543210fedcba9876543210";

/// A target that fails so many requests first.
#[derive(Default)]
struct Target {
    failing: AtomicUsize,
    requests: AtomicUsize,
    expects_newer: AtomicBool,
    events: Mutex<Vec<Value>>,
}

impl Target {
    /// Position, number and event of all that it took, in order.
    fn taken(&self) -> Vec<(u64, String, String)> {
        let events = self.events.lock().unwrap();
        let word = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
        let rows = events.iter().map(|event| {
            let position = event["position"].as_u64().unwrap();
            (position, word(event, "number"), word(event, "event"))
        });
        rows.collect()
    }

    fn has_settled(&self, documents: usize) -> bool {
        let taken = self.taken();
        taken.iter().filter(|row| row.2 == "settlement").count() == documents
    }
}

async fn hook(State(target): State<Arc<Target>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    target.requests.fetch_add(1, Ordering::SeqCst);
    let signature = headers["bordereau-signature"].to_str().unwrap();
    let (at, hex) = signature.split_once(",v1=").unwrap();
    let signed = [at.strip_prefix("t=").unwrap().as_bytes(), b".", &body].concat();
    let tag: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|place| u8::from_str_radix(&hex[place..place + 2], 16).unwrap())
        .collect();
    let secret = match target.expects_newer.load(Ordering::SeqCst) {
        true => NEWER,
        false => SECRET,
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, &signed, &tag).unwrap();
    let failing = |left: usize| left.checked_sub(1);
    let failed = target
        .failing
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, failing);
    if failed.is_ok() {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["target"], "vendor");
    let events = body["events"].as_array().unwrap().clone();
    target.events.lock().unwrap().extend(events);
    StatusCode::NO_CONTENT
}

/// Serves the target behind TLS, and gives its port.
async fn served(place: &Place, target: Arc<Target>, stop: CancellationToken) -> u16 {
    let at = place.path("");
    let at = at.display();
    let text = format!("certificate = \"{at}/insurer.pem\"\nkey = \"{at}/insurer.key\"");
    let config: tls::Config = bordereau::config::parse(&text, "the test").unwrap();
    let server = Arc::new(Server::new(&config.load(&Default::default()).unwrap()).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let door = Door {
        acceptor: Acceptor::Tls(server),
        limits: config.limits,
        observer: Arc::new(|_| {}),
    };
    let router = Router::new().route("/hook", post(hook)).with_state(target);
    tokio::spawn(tls::serve(listener, door, router, stop.cancelled_owned()));
    port
}

/// Adds the target to the configuration of the place.
fn configure(place: &Place, port: u16, allowed: &str) {
    fs::write(place.path("secret"), format!("{SECRET}\n")).unwrap();
    let config = fs::read_to_string(place.config()).unwrap();
    fs::write(place.config(), config + &section(place, port, allowed)).unwrap();
}

/// The target as the configuration has it.
fn section(place: &Place, port: u16, allowed: &str) -> String {
    let at = place.path("");
    let at = at.display();
    format!(
        r#"
[transport.webhooks]
allowed_hosts = [{allowed}]
[[transport.webhooks.targets]]
name = "vendor"
url = "https://localhost:{port}/hook"
centres = ["{CENTRE}"]
secret = "{at}/secret"
roots = "{at}/authority.pem"
"#
    )
}

async fn admit(gateway: &Gateway, number: usize) {
    let answer = gateway.post(&document(number)).await.unwrap();
    assert_eq!(answer.status(), 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_hears_everything_in_order_signed_and_once_more_after_a_restart() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let target = Arc::new(Target::default());
    target.failing.store(2, Ordering::SeqCst);
    let stop = CancellationToken::new();
    let port = served(&place, target.clone(), stop.clone()).await;
    let place = place.ready(&base);
    configure(&place, port, "\"localhost\"");

    let gateway = place.start();
    // The target is new: it hears what comes after its first start, which is recorded by then.
    until("the target is known to the ledger", || async {
        gateway.metric("bordereau_ledger_position").await > Some(2.0)
    })
    .await;
    for number in 1..=3 {
        admit(&gateway, number).await;
    }
    until("the target has heard of every settlement", || async {
        target.has_settled(3)
    })
    .await;
    assert!(gateway.stop(&[]).success());
    let before = target.taken();
    let words: Vec<_> = before.iter().map(|row| row.2.as_str()).collect();
    assert_eq!(words[0], "admitted");
    assert!(before.is_sorted_by_key(|row| row.0), "{before:?}");
    assert!(target.requests.load(Ordering::SeqCst) > 2);

    let mut gateway = place.start();
    // Another secret is used from SIGHUP on.
    fs::write(place.path("secret"), NEWER).unwrap();
    target.expects_newer.store(true, Ordering::SeqCst);
    gateway.renew();
    gateway.wait_for("\"part\":\"webhooks\"");
    admit(&gateway, 4).await;
    until("the target has heard of the fourth", || async {
        target.has_settled(4)
    })
    .await;
    assert!(gateway.stop(&[]).success());
    let after = target.taken();
    assert!(after.is_sorted_by_key(|row| row.0), "{after:?}");
    let new = &after[before.len()..];
    let fourth = &new.last().unwrap().1;
    assert!(
        new.iter().all(|row| row.1 == *fourth),
        "nothing comes twice: {new:?}"
    );
    stop.cancel();
    drop(insurer);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_within_is_told_nothing_and_delivery_goes_on() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let target = Arc::new(Target::default());
    let stop = CancellationToken::new();
    let port = served(&place, target.clone(), stop.clone()).await;
    let place = place.ready(&base);
    configure(&place, port, "");
    let gateway = place.start();
    until("the target is known to the ledger", || async {
        gateway.metric("bordereau_ledger_position").await > Some(2.0)
    })
    .await;
    admit(&gateway, 1).await;
    until("the address is refused", || async {
        let denied = "bordereau_webhook_requests_total{target=\"vendor\",outcome=\"denied\"}";
        gateway.metric(denied).await > Some(1.0)
    })
    .await;
    until_paid(&gateway, 1).await;
    let behind = "bordereau_webhook_behind_entries{target=\"vendor\"}";
    assert!(gateway.metric(behind).await > Some(0.0));
    assert_eq!(target.requests.load(Ordering::SeqCst), 0);
    assert!(
        gateway
            .stop(&["a webhook's target cannot be told: its host is at an address within"])
            .success()
    );
    stop.cancel();
    drop(insurer);
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_added_changed_and_removed_while_the_gateway_runs() {
    const KEPT: &str = "what was read before stays";
    const FAULTY: &str = "a restart would fail";
    const USED: &str = "\"part\":\"webhooks\"";
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let (first, second) = (Arc::new(Target::default()), Arc::new(Target::default()));
    let stop = CancellationToken::new();
    let first_port = served(&place, first.clone(), stop.clone()).await;
    let second_port = served(&place, second.clone(), stop.clone()).await;
    let place = place.ready(&base);
    fs::write(place.path("secret"), SECRET).unwrap();
    let without = fs::read_to_string(place.config()).unwrap() + "[renewal]\nwatch_seconds = 1\n";
    let with = |port| without.clone() + &section(&place, port, "\"localhost\"");
    let set = |text: String| fs::write(place.config(), text).unwrap();
    set(without.clone());
    let mut gateway = place.start();
    admit(&gateway, 1).await;
    until_paid(&gateway, 1).await;

    let ledger = "bordereau_ledger_position";
    let before = gateway.metric(ledger).await;
    set(with(first_port));
    gateway.renew();
    gateway.wait_for(USED);
    until("the target is known to the ledger", || async {
        gateway.metric(ledger).await > before
    })
    .await;
    admit(&gateway, 2).await;
    until("the new target heard of the second", || async {
        first.has_settled(1)
    })
    .await;

    // At another address it goes on from there.
    set(with(second_port));
    gateway.renew();
    gateway.wait_for(USED);
    admit(&gateway, 3).await;
    until("the third is told to the other address", || async {
        second.has_settled(1)
    })
    .await;

    set(without.clone());
    gateway.renew();
    gateway.wait_for(USED);
    let told = second.requests.load(Ordering::SeqCst);
    admit(&gateway, 4).await;
    until_paid(&gateway, 4).await;
    assert_eq!(second.requests.load(Ordering::SeqCst), told);

    // What cannot be used changes nothing, and is taken up when its files can be.
    set(without.clone() + "[transport.webhooks]\nanswers = 1\n");
    gateway.renew();
    gateway.wait_for(FAULTY);
    fs::remove_file(place.path("secret")).unwrap();
    set(with(second_port));
    gateway.renew();
    gateway.wait_for(KEPT);
    assert_eq!(second.requests.load(Ordering::SeqCst), told);
    fs::write(place.path("secret"), SECRET).unwrap();
    until("who comes back hears what it missed", || async {
        second.has_settled(2)
    })
    .await;
    let numbers = |target: &Target| {
        let taken = target.taken();
        taken.into_iter().map(|row| row.1).collect::<BTreeSet<_>>()
    };
    assert_eq!(numbers(&first), ["000000002".to_owned()].into());
    let after = ["000000003", "000000004"].map(str::to_owned);
    assert_eq!(numbers(&second), after.into());
    assert!(gateway.stop(&[KEPT, FAULTY]).success());
    stop.cancel();
    insurer.shutdown().await;
}
