//! Endpoints come, change and leave under the running program: the configuration is written anew and SIGHUP sent.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use crate::gateway::{Gateway, Place, document, until, until_paid};
use crate::insurer;

/// The line that says that another set is in force.
const OTHERS: &str = "the endpoints are others from now on";

/// The line that says that the configuration cannot be used.
const FAULTY: &str = "a restart would fail";

/// The line that says that an endpoint spoke of what is not its own.
const FOREIGN: &str = "receipt from the wrong insurer";

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_come_change_and_leave_and_connections_to_the_others_go_on() {
    let place = Place::bare();
    let (paris, _) = insurer::start(&place, "").await;
    let (lyon, base_of_lyon) = insurer::start_as(&place, "", "lyon.jsonl").await;
    let (address, opened) = counted(paris.address).await;
    let place = place.ready(&format!("https://localhost:{}", address.port()));
    let alone = fs::read_to_string(place.config()).unwrap();
    let mut gateway = place.start();
    assert_eq!(post(&gateway, 1, "751").await, 202);
    assert_eq!(post(&gateway, 2, "752").await, 422);
    until("the first lot is with Paris", || async {
        paris.book().lots.len() == 1
    })
    .await;
    polled(&gateway, "paris").await;

    // What cannot be used changes nothing, and all that is wrong is said.
    let before = opened.load(Ordering::SeqCst);
    let ambiguous = section(&place, "lyon", &base_of_lyon, "751")
        + &section(&place, "nice", "http://localhost", "753");
    fs::write(place.config(), alone.clone() + &ambiguous).unwrap();
    gateway.renew();
    let line = gateway.wait_for(FAULTY);
    for word in ["`paris` and `lyon`", "endpoint `nice`: `base`"] {
        assert!(line.contains(word), "{line}");
    }
    assert_eq!(post(&gateway, 3, "752").await, 422);

    // Another insurer comes.
    let lyon_too = section(&place, "lyon", &base_of_lyon, "752");
    fs::write(place.config(), alone.clone() + &lyon_too).unwrap();
    gateway.renew();
    others(&mut gateway, [1, 0, 0]);
    assert_eq!(post(&gateway, 4, "752").await, 202);
    until("the lot is with Lyon", || async {
        lyon.book().lots.len() == 1
    })
    .await;
    until_paid(&gateway, 2).await;
    polled(&gateway, "paris").await;
    assert_eq!(opened.load(Ordering::SeqCst), before, "connections go on");

    // Paris moves to where Lyon is, and what is posted from then on goes there.
    let moved = alone.replace(
        &format!(":{}\"", address.port()),
        &format!(":{}\"", lyon.address.port()),
    );
    assert_ne!(moved, alone);
    fs::write(place.config(), moved.clone() + &lyon_too).unwrap();
    gateway.renew();
    others(&mut gateway, [0, 0, 1]);
    assert_eq!(post(&gateway, 5, "751").await, 202);
    until("the lot is where Lyon is", || async {
        lyon.book().lots.len() == 2
    })
    .await;
    assert_eq!(paris.book().lots.len(), 1);

    // Lyon leaves.
    until_paid(&gateway, 3).await;
    fs::write(place.config(), moved).unwrap();
    gateway.renew();
    others(&mut gateway, [0, 1, 0]);
    assert_eq!(post(&gateway, 6, "752").await, 422);
    let asked = gateway.metric(&polls("lyon")).await;
    polled(&gateway, "paris").await;
    assert_eq!(gateway.metric(&polls("lyon")).await, asked);
    // While both ask in one place, each hears of the other's lots.
    assert_eq!(gateway.stop(&[FAULTY, FOREIGN]).code(), Some(0));
    paris.shutdown().await;
    lyon.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_to_a_former_name_is_settled_under_the_new_one() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready(&base);
    let text = fs::read_to_string(place.config()).unwrap();
    // Paris is asked once, at the start, when it has nothing to say.
    let rarely = text
        .replace("poll_seconds = 0.1", "poll_seconds = 3600.0")
        .replace("idle_cap_seconds = 0.5", "idle_cap_seconds = 3600.0")
        .replace("trouble_cap_seconds = 1.0", "trouble_cap_seconds = 3600.0");
    fs::write(place.config(), &rarely).unwrap();
    let mut gateway = place.start();
    until("Paris was asked", || async {
        gateway.metric(&polls("paris")).await == Some(1.0)
    })
    .await;
    let answer = gateway.post(&document(1)).await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let path = format!("/v1/documents/{}", answer["id"].as_str().unwrap());
    let standing = async |gateway: &Gateway| {
        let shown: Value = gateway.get(&path).await.json().await.unwrap();
        shown["standing"].as_str().unwrap().to_owned()
    };
    until("the lot is taken", || async {
        ["transmitted", "overdue"].contains(&standing(&gateway).await.as_str())
    })
    .await;

    // It is called otherwise, and serves another caisse by now.
    let renamed = rarely
        .replace(
            "name = \"paris\"",
            "name = \"lutece\"\nformerly = [\"paris\"]",
        )
        .replace("amo:017510000", "amo:017520000");
    fs::write(place.config(), renamed).unwrap();
    gateway.renew();
    others(&mut gateway, [1, 1, 0]);
    until("its receipt is taken for the lot of before", || async {
        ["acknowledged", "paid"].contains(&standing(&gateway).await.as_str())
    })
    .await;
    assert_eq!(insurer.book().lots.len(), 1);
    assert_eq!(gateway.stop(&[]).code(), Some(0));
    insurer.shutdown().await;
}

/// Waits until another set is in force: so many came, left and changed.
fn others(gateway: &mut Gateway, expected: [u32; 3]) {
    let line = gateway.wait_for(OTHERS);
    for (word, count) in ["came", "left", "changed"].into_iter().zip(expected) {
        assert!(line.contains(&format!("\"{word}\":{count}")), "{line}");
    }
}

/// The section of an endpoint that serves one caisse.
fn section(place: &Place, name: &str, base: &str, caisse: &str) -> String {
    let at = place.path("");
    let at = at.display();
    format!(
        r#"
[[transport.endpoints]]
name = "{name}"
base = "{base}"
destinations = ["amo:01{caisse}0000"]
[transport.endpoints.tls]
roots = "{at}/authority.pem"
identity = {{ certificate = "{at}/gateway.pem", key = "{at}/gateway.key" }}
[transport.endpoints.limits]
connect_seconds = 2
answer_seconds = 5
"#
    )
}

/// Posts a document for a caisse; the status of the answer.
async fn post(gateway: &Gateway, number: usize, caisse: &str) -> u16 {
    let document = document(number).replace("caisse=\"751\"", &format!("caisse=\"{caisse}\""));
    gateway.post(&document).await.unwrap().status().as_u16()
}

fn polls(endpoint: &str) -> String {
    format!("bordereau_receipts_polls_total{{endpoint=\"{endpoint}\",outcome=\"answered\"}}")
}

/// Waits until an endpoint was asked for receipts some times more.
async fn polled(gateway: &Gateway, endpoint: &str) {
    let series = polls(endpoint);
    let before = gateway.metric(&series).await.unwrap_or_default();
    until("the endpoint is asked", || async {
        gateway.metric(&series).await >= Some(before + 3.0)
    })
    .await;
}

/// Passes on connections to an address, and counts them.
async fn counted(to: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut there = TcpStream::connect(to).await.unwrap();
                // Either side may end it as it likes.
                let _ = tokio::io::copy_bidirectional(&mut from, &mut there).await;
            });
        }
    });
    (address, opened)
}
