//! Certificates, keys and revocation lists are renewed under the running program: by SIGHUP, by their files alone, and
//! from where lists are fetched.

use std::fs;
use std::sync::{Arc, Mutex};

use bordereau::tls::authority::{Authority, ClientName, Pair};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use reqwest::{Certificate, Client, Identity};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::gateway::{Place, document, program, until};
use crate::insurer;

/// The line that says that files cannot be used.
const KEPT: &str = "what was read before stays";

/// The line that says that the configuration is another.
const CHANGED: &str = "the configuration changed";

/// What a line holds that says that the files of a part are used.
fn used(part: &str) -> String {
    format!("\"message\":\"files were read again and are used\",\"part\":\"{part}\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_up_while_connections_go_on() {
    let place = Place::bare().ready("https://localhost:9");
    let mut gateway = place.start();
    // A connection that stays open: its client knows the first authority alone.
    assert_eq!(gateway.get_as_nobody("/healthz").await.status(), 200);

    let other = Authority::new("other tests").unwrap();
    let names = ["localhost", "127.0.0.1"];
    let certificate = other.server(&names).unwrap();
    certificate.write(&place.path(""), "public").unwrap();
    let url = format!("{}/healthz", gateway.url);
    assert!(client(&other).get(&url).send().await.is_err(), "not yet");
    for (series, endpoint) in [
        ("bordereau_public_certificate_expires_seconds", ""),
        (
            "bordereau_delivery_certificate_expires_seconds",
            "{endpoint=\"paris\"}",
        ),
    ] {
        let expires = gateway.metric(&format!("{series}{endpoint}")).await;
        // The certificates of the test are good for years.
        assert!(expires > Some(1.8e9), "{series} {expires:?}");
    }
    gateway.renew();
    for part in ["public", "endpoints", "receipt keys", "webhooks"] {
        gateway.wait_for(&used(part));
    }
    gateway.wait_for("the token file was taken over");
    assert_eq!(client(&other).get(&url).send().await.unwrap().status(), 200);
    assert!(client(&place.authority).get(&url).send().await.is_err());
    assert_eq!(gateway.get_as_nobody("/healthz").await.status(), 200);

    // What of the configuration needs a restart is named.
    set(&place, "", "[renewal]\nwatch_seconds = 60\n");
    gateway.renew();
    let changed = gateway.wait_for(CHANGED);
    assert!(changed.contains("\"sections\":\"renewal\""), "{changed}");

    // What cannot be read leaves everything as it is, and says so.
    fs::write(place.path("public.pem"), "no certificate").unwrap();
    fs::write(place.path("gateway.pem"), "no certificate").unwrap();
    gateway.renew();
    // In any order: who watches the files may look just now.
    let mut unsaid = vec!["public", "endpoints"];
    while !unsaid.is_empty() {
        let line = gateway.wait_for(KEPT);
        assert!(line.contains("ERROR"), "{line}");
        unsaid.retain(|part| !line.contains(&format!("\"part\":\"{part}\"")));
    }
    assert_eq!(client(&other).get(&url).send().await.unwrap().status(), 200);
    assert_eq!(gateway.stop(&[KEPT, CHANGED]).code(), Some(0));
}

fn client(authority: &Authority) -> Client {
    let root = Certificate::from_pem(authority.certificate().as_bytes()).unwrap();
    Client::builder().tls_certs_only([root]).build().unwrap()
}

/// The same with the identity of a pair.
fn client_as(authority: &Authority, pair: &Pair) -> Client {
    let root = Certificate::from_pem(authority.certificate().as_bytes()).unwrap();
    let identity = format!("{}{}", pair.certificate, pair.key);
    let identity = Identity::from_pem(identity.as_bytes()).unwrap();
    let builder = Client::builder().tls_certs_only([root]);
    builder.identity(identity).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_change_are_taken_up_by_themselves() {
    let place = Place::bare().ready("https://localhost:9");
    set(&place, "", "[renewal]\nwatch_seconds = 1\n");
    let gateway = place.start();
    assert_eq!(gateway.get_as_nobody("/healthz").await.status(), 200);
    let other = Authority::new("other tests").unwrap();
    let certificate = other.server(&["localhost", "127.0.0.1"]).unwrap();
    certificate.write(&place.path(""), "public").unwrap();
    let url = format!("{}/healthz", gateway.url);
    until("the new certificate is presented", || async {
        client(&other).get(&url).send().await.is_ok()
    })
    .await;
    // The connection of before goes on; its client would not open another.
    assert_eq!(gateway.get_as_nobody("/healthz").await.status(), 200);
    // Which of the two files was written first is of no account: between them they may not fit.
    assert_eq!(gateway.stop(&[KEPT]).code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_is_refused_on_either_side_once_the_list_is_fetched() {
    let place = Place::bare();
    let authority = &place.authority;
    let insurers = authority.server(&["localhost"]).unwrap();
    insurers.write(&place.path(""), "insurer").unwrap();
    let named = |common_name| ClientName {
        common_name,
        uri: None,
    };
    let good = authority.client(named("good")).unwrap();
    let bad = authority.client(named("bad")).unwrap();
    let list = Arc::new(Mutex::new(authority.revoke_in(&[], 2020, 2120).unwrap()));
    let (of_good, of_bad) = (client_as(authority, &good), client_as(authority, &bad));
    let revoked = authority.revoke_in(&[&bad, &insurers], 2021, 2120).unwrap();
    let lists = serve(list.clone()).await;
    let (insurer, base) = insurer::start(&place, "").await;
    let place = place.ready(&base);
    let at = place.path("").display().to_string();
    set(
        &place,
        &format!(", client_roots = '{at}/authority.pem', crl_urls = ['{lists}']"),
        &format!(
            "[renewal]\ndirectory = '{at}'\nwatch_seconds = 1\nfetch_seconds = 1\nretry_seconds = 1\n"
        ),
    );
    let gateway = place.start();
    until("the list is used", || async {
        let issued = gateway
            .metric("bordereau_public_lists_issued_seconds")
            .await;
        issued == Some(1_577_836_800.0)
    })
    .await;
    let url = format!("{}/healthz", gateway.url);
    let is_served = async |client: &Client| client.get(&url).send().await.is_ok();
    assert!(is_served(&of_good).await && is_served(&of_bad).await);

    list.lock().unwrap().clone_from(&revoked);
    until(
        "a new connection of the revoked client is refused",
        || async { !is_served(&client_as(&place.authority, &bad)).await },
    )
    .await;
    assert!(is_served(&client_as(&place.authority, &good)).await);
    assert!(is_served(&of_bad).await, "what was open goes on to its end");
    let fetched = "bordereau_revocation_fetches_total{outcome=\"taken\"}";
    assert_eq!(gateway.metric(fetched).await, Some(2.0));

    let answer: Value = gateway
        .post(&document(1))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let path = format!("/v1/documents/{}", answer["id"].as_str().unwrap());
    until("the lot is held and says why", || async {
        let shown: Value = gateway.get(&path).await.json().await.unwrap();
        shown["standing"] == "held" && shown["next"]["reason"] == "revoked"
    })
    .await;
    assert!(insurer.book().lots.is_empty());
    insurer.shutdown().await;
    assert_eq!(gateway.stop(&[]).code(), Some(0));
}

/// Puts more into the public listener's TLS, the same into the endpoint's without its roots, and more at the end.
fn set(place: &Place, public: &str, more: &str) {
    let text = fs::read_to_string(place.config()).unwrap();
    let (head, tail) = text.split_once("public.key\"").unwrap();
    let urls = public
        .split_once("crl_urls")
        .map(|(_, urls)| format!("crl_urls{urls}\n"));
    let tail = tail.replace(
        "[transport.endpoints.limits]",
        &format!("{}[transport.endpoints.limits]", urls.unwrap_or_default()),
    );
    fs::write(
        place.config(),
        format!("{head}public.key\"{public}{tail}{more}"),
    )
    .unwrap();
}

/// Serves a revocation list over plain HTTP, whatever is asked.
async fn serve(list: Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let body = list.lock().unwrap().clone();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    format!("http://{address}/tests.crl")
}

/// A certificate that has expired and its key, by the ends of their files.
fn expired() -> [(&'static str, String); 2] {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    [("pem", certificate.pem()), ("key", key.serialize_pem())]
}

#[test]
fn a_check_says_which_certificate_has_ended() {
    let place = Place::bare().ready("https://localhost:9");
    let checked = || {
        let mut check = program();
        check.args(["check-config", "--config"]).arg(place.config());
        let checked = check.output().unwrap();
        assert_eq!(checked.status.code(), Some(0));
        String::from_utf8(checked.stdout).unwrap()
    };
    assert!(!checked().contains("certificate"), "{}", checked());
    for (name, shown) in [
        ("public", "public.tls: the certificate has ended "),
        ("gateway", ": the certificate that it is shown has ended "),
    ] {
        for (of, expired) in expired() {
            fs::write(place.path(&format!("{name}.{of}")), expired).unwrap();
        }
        assert!(checked().contains(shown), "{}", checked());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_expired_takes_the_place_of_none_that_is_good() {
    let place = Place::bare().ready("https://localhost:9");
    set(&place, "", "[renewal]\nwatch_seconds = 3600\n");
    let mut gateway = place.start();
    for (name, part) in [("public", "public"), ("gateway", "endpoints")] {
        let good = expired().map(|(of, expired)| {
            let file = place.path(&format!("{name}.{of}"));
            let good = fs::read(&file).unwrap();
            fs::write(&file, expired).unwrap();
            (file, good)
        });
        gateway.renew();
        let line = gateway.wait_for(KEPT);
        let said = format!("\"part\":\"{part}\"");
        assert!(
            line.contains("ERROR") && line.contains("has expired"),
            "{line}"
        );
        assert!(line.contains(&said), "{line}");
        // Everything is read before any file is another one.
        gateway.wait_for(&used("webhooks"));
        for (file, good) in good {
            fs::write(file, good).unwrap();
        }
    }
    let url = format!("{}/healthz", gateway.url);
    assert_eq!(
        client(&place.authority)
            .get(&url)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let expires = gateway
        .metric("bordereau_public_certificate_expires_seconds")
        .await;
    assert!(expires > Some(1.8e9), "{expires:?}");
    assert_eq!(gateway.stop(&[KEPT]).code(), Some(0));
}
