//! What an insurer hands in by itself, with its certificate and its signature, and what an operator settles by hand.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bordereau::claims::id::{Digest, LotId, Name};
use bordereau::claims::receipt::{Coverage, Receipt, Verdict};
use bordereau::claims::time::Timestamp;
use bordereau::formats::xml::write_receipt;
use bordereau::simulator::insurer::Handle;
use bordereau::tls::authority::ClientName;
use reqwest::{Certificate, Client, Identity};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::Value;

use crate::gateway::{Gateway, Place, document, program, until};
use crate::insurer;

/// An insurer that takes lots and gives out nothing in its feed.
const SILENT: &str = r#"
[receipts]
silent = [{ kinds = ["FSE"] }]
"#;

/// An insurer's own hands: its certificate and its key.
struct Hands {
    client: Client,
    url: String,
    key: Ed25519KeyPair,
}

impl Hands {
    async fn hand_in(&self, body: String) -> (u16, Value) {
        let request = self.client.post(format!("{}/v1/receipts", self.url));
        let request = request.header("content-type", "application/xml").body(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    fn sign(&self, item: &str) -> String {
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA"}"#);
        let input = format!("{head}.{}", URL_SAFE_NO_PAD.encode(item));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(input.as_bytes()));
        format!("{item}\n<?jws {head}..{signature}?>\n")
    }
}

/// A gateway to which the insurer `paris` may hand in what it signed.
fn open_to_paris(place: &Place) -> (Gateway, Hands) {
    let name = ClientName {
        common_name: "paris",
        uri: None,
    };
    let pair = place.authority.client(name).unwrap();
    let key = new_key(place);
    let at = place.path("");
    let at = at.display();
    let config = fs::read_to_string(place.config()).unwrap();
    let config = config
        .replace(
            "tls = { certificate",
            &format!("tls = {{ client_roots = \"{at}/authority.pem\", certificate"),
        )
        .replace(
            "name = \"paris\"\n",
            &format!("name = \"paris\"\nreceipt_keys = \"{at}/paris-receipts.pem\"\n"),
        );
    let caller = r#"
[[access.certificates]]
identity = "cn:paris"
caller = { name = "paris", role = "insurer", insurer = "paris" }
"#;
    fs::write(place.config(), config + caller).unwrap();
    let gateway = place.start();
    let identity = format!("{}{}", pair.certificate, pair.key);
    let root = Certificate::from_pem(place.authority.certificate().as_bytes()).unwrap();
    let client = Client::builder()
        .tls_certs_only([root])
        .identity(Identity::from_pem(identity.as_bytes()).unwrap());
    let hands = Hands {
        client: client.build().unwrap(),
        url: gateway.url.clone(),
        key,
    };
    (gateway, hands)
}

/// Makes a key by which the insurer signs from now on, and gives its public half to the gateway.
fn new_key(place: &Place) -> Ed25519KeyPair {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let head = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    let spki = STANDARD.encode([&head[..], key.public_key().as_ref()].concat());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n");
    fs::write(place.path("paris-receipts.pem"), pem).unwrap();
    key
}

async fn standing(gateway: &Gateway, id: &str) -> String {
    let shown = gateway.get(&format!("/v1/documents/{id}")).await;
    let shown: Value = shown.json().await.unwrap();
    shown["standing"].as_str().unwrap().to_owned()
}

/// Posts a document; its id, and its lot as the insurer has it.
async fn transmitted(gateway: &Gateway, insurer: &Handle) -> (String, LotId, Digest) {
    let answer = gateway.post(&document(1)).await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let id = answer["id"].as_str().unwrap().to_owned();
    until("the insurer has it", || async {
        standing(gateway, &id).await == "transmitted"
    })
    .await;
    let book = insurer.book();
    let (lot, taken) = book.lots.iter().next().unwrap();
    (id, *lot, taken.digest)
}

fn receipt(id: &str, lot: LotId, digest: Digest, verdict: Verdict) -> String {
    write_receipt(&Receipt {
        id: Name::parse(id).unwrap(),
        lot,
        digest,
        issued: Timestamp::parse("2026-11-20T09:00:00Z").unwrap(),
        verdict,
        documents: Vec::new(),
        coverage: Coverage::Whole,
        code: None,
        text: None,
    })
}

/// Registers the one endpoint of the configuration instead.
fn register_paris(place: &Place) {
    let config = fs::read_to_string(place.config()).unwrap();
    let (config, endpoint) = config.split_once("[[transport.endpoints]]").unwrap();
    let endpoint = endpoint
        .replace("[transport.endpoints.", "[endpoint.")
        .replace("name = ", "from = 2020-01-01\nname = ");
    let mut centres = fs::read_to_string(place.path("centres.toml")).unwrap();
    centres.push_str(&format!("[[endpoint]]{endpoint}"));
    fs::write(place.path("centres.toml"), centres).unwrap();
    fs::write(place.config(), config).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_insurer_of_a_registered_endpoint_hands_in_what_it_says() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, SILENT).await;
    let place = place.ready(&base);
    register_paris(&place);
    let (gateway, hands) = open_to_paris(&place);
    let (id, lot, digest) = transmitted(&gateway, &insurer).await;
    let (status, answer) = hands
        .hand_in(receipt("ARL-1", lot, digest, Verdict::Accepted))
        .await;
    assert_eq!(status, 200, "{answer:#}");
    assert_eq!(standing(&gateway, &id).await, "acknowledged");
    assert_eq!(gateway.stop(&[]).code(), Some(0));
    insurer.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insurer_hands_in_what_it_signed_and_the_first_word_stands() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, SILENT).await;
    let place = place.ready(&base);
    let (gateway, hands) = open_to_paris(&place);
    let (id, lot, digest) = transmitted(&gateway, &insurer).await;

    let accepted = receipt("ARL-1", lot, digest, Verdict::Accepted);
    let refused = receipt("ARL-1", lot, digest, Verdict::Refused);
    let forged = hands.sign(&accepted).replace("accepted", "refused");
    for (body, status, outcome) in [
        (accepted.clone(), 202, "kept: signature"),
        (forged, 202, "kept: signature"),
        (hands.sign(&accepted), 200, "recorded"),
        (hands.sign(&accepted), 200, "known"),
        (hands.sign(&refused), 202, "kept: other content"),
        (
            hands.sign(&receipt("ARL-2", LotId(1), digest, Verdict::Accepted)),
            202,
            "kept: unknown lot",
        ),
    ] {
        let (code, answer) = hands.hand_in(body).await;
        let found = answer["items"][0]["outcome"].as_str();
        assert_eq!((code, found), (status, Some(outcome)), "{answer:#}");
    }
    assert_eq!(standing(&gateway, &id).await, "acknowledged");
    for (cause, count) in [
        ("signature", 2.0),
        ("other content", 1.0),
        ("unknown lot", 1.0),
    ] {
        let series =
            format!("bordereau_receipts_orphaned_total{{endpoint=\"paris\",cause=\"{cause}\"}}");
        assert_eq!(gateway.metric(&series).await, Some(count), "{cause}");
    }
    // A centre's token hands in nothing.
    let stranger = gateway.get("/v1/receipts").await.status();
    assert_eq!(stranger, 405);
    let announced = [
        "without a valid signature",
        "came again under its id with other content",
        "matches nothing",
    ];
    assert_eq!(gateway.stop(&announced).code(), Some(0));

    // What was recorded is evidence on disk, and everything there agrees.
    let mut verify = program();
    verify
        .args(["verify-store", "--config"])
        .arg(place.config());
    assert_eq!(verify.output().unwrap().status.code(), Some(0));
    insurer.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_of_an_insurer_is_taken_up_while_the_gateway_runs() {
    let place = Place::bare();
    let (insurer, base) = insurer::start(&place, SILENT).await;
    let place = place.ready(&base);
    let (mut gateway, mut hands) = open_to_paris(&place);
    let (id, lot, digest) = transmitted(&gateway, &insurer).await;
    let accepted = receipt("ARL-1", lot, digest, Verdict::Accepted);
    let by_former = hands.sign(&accepted);
    hands.key = new_key(&place);
    gateway.renew();
    gateway.wait_for("\"part\":\"receipt keys\"");
    // The former key proves nothing any more.
    for (body, status, outcome) in [
        (by_former, 202, "kept: signature"),
        (hands.sign(&accepted), 200, "recorded"),
    ] {
        let (code, answer) = hands.hand_in(body).await;
        let found = answer["items"][0]["outcome"].as_str();
        assert_eq!((code, found), (status, Some(outcome)), "{answer:#}");
    }
    assert_eq!(standing(&gateway, &id).await, "acknowledged");
    let announced = ["without a valid signature"];
    assert_eq!(gateway.stop(&announced).code(), Some(0));
    insurer.shutdown().await;
}
