//! Real handshakes on 127.0.0.1: who gets in, what a reload changes, what the limits and the drain do.
//! No test waits for a time to pass but one that asserts that something is held back.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::service_fn;

use super::authority::{Authority, ClientName, Pair};
use super::*;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// A server under test. Its service says whether it saw a client certificate; `/slow` waits for `gate`.
struct House {
    authority: Authority,
    server: Option<Arc<Server>>,
    address: std::net::SocketAddr,
    stop: CancellationToken,
    facts: Arc<Mutex<Vec<String>>>,
    gate: Arc<Notify>,
    entered: mpsc::Receiver<()>,
    running: JoinHandle<()>,
}

impl House {
    async fn open(limits: Limits) -> Self {
        let authority = Authority::new("Test").unwrap();
        let material = material(&authority, &[]);
        let server = Arc::new(Server::new(&material).unwrap());
        Self::start(authority, Some(server), limits).await
    }

    async fn open_plain(limits: Limits) -> Self {
        Self::start(Authority::new("Test").unwrap(), None, limits).await
    }

    async fn start(authority: Authority, server: Option<Arc<Server>>, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let facts = Arc::new(Mutex::new(Vec::new()));
        let gate = Arc::new(Notify::new());
        let (entering, entered) = mpsc::channel(16);
        let told = facts.clone();
        let door = Door {
            acceptor: server.clone().map_or(Acceptor::Plain, Acceptor::Tls),
            limits,
            observer: Arc::new(move |fact| told.lock().unwrap().push(fact.to_string())),
        };
        let waiting = gate.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (waiting, entering) = (waiting.clone(), entering.clone());
            async move {
                if request.uri().path() == "/slow" {
                    entering.send(()).await.unwrap();
                    waiting.notified().await;
                }
                let peer = request
                    .extensions()
                    .get::<Peer>()
                    .expect("every request has a peer");
                let answer = if peer.certificate.is_some() {
                    "known"
                } else {
                    "unnamed"
                };
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(
                    answer.as_bytes(),
                ))))
            }
        });
        let running = tokio::spawn(serve(
            listener,
            door,
            service,
            stop.clone().cancelled_owned(),
        ));
        Self {
            authority,
            server,
            address,
            stop,
            facts,
            gate,
            entered,
            running,
        }
    }

    fn client(&self, name: &str) -> Pair {
        self.authority
            .client(ClientName {
                common_name: name,
                uri: None,
            })
            .unwrap()
    }

    fn config(&self, identity: Option<&Pair>, alpn: &[u8]) -> Arc<ClientConfig> {
        let identity = identity.map(|pair| pair.identity().unwrap());
        let trust = self.authority.trust(&[]).unwrap();
        let mut config = client_config(&trust, identity.as_ref()).unwrap();
        config.alpn_protocols = vec![alpn.to_vec()];
        Arc::new(config)
    }

    async fn connect_as(
        &self,
        config: &Arc<ClientConfig>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(config.clone())
            .connect(name, stream)
            .await
    }

    async fn connect(
        &self,
        identity: Option<&Pair>,
        alpn: &[u8],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        self.connect_as(&self.config(identity, alpn)).await
    }

    /// Handshake and one request; with TLS 1.3 a refusal may show up only here.
    async fn visit(&self, identity: Option<&Pair>) -> std::io::Result<String> {
        let mut stream = self.connect(identity, b"http/1.1").await?;
        exchange(&mut stream).await
    }

    async fn close(self) -> Vec<String> {
        self.stop.cancel();
        self.running.await.unwrap();
        Arc::try_unwrap(self.facts).unwrap().into_inner().unwrap()
    }
}

fn material(authority: &Authority, lists: &[Vec<u8>]) -> Material {
    Material {
        identity: authority
            .server(&["localhost", "127.0.0.1"])
            .unwrap()
            .identity()
            .unwrap(),
        clients: Some(authority.trust(lists).unwrap()),
    }
}

/// Sends a request and returns the end of the answer.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> std::io::Result<String> {
    stream.write_all(REQUEST).await?;
    answer(stream).await
}

async fn answer<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<String> {
    let mut read = Vec::new();
    loop {
        if stream.read_buf(&mut read).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&read);
        for ending in ["unnamed", "known"] {
            if text.ends_with(&format!("\r\n\r\n{ending}")) {
                assert!(text.starts_with("HTTP/1.1 200"), "{text}");
                return Ok(ending.to_owned());
            }
        }
    }
}

fn limits(connections: u32, drain_seconds: u64) -> Limits {
    Limits {
        connections: connections.try_into().unwrap(),
        drain_seconds: drain_seconds.try_into().unwrap(),
        ..Limits::default()
    }
}

fn refusal(result: std::io::Result<String>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn a_client_is_let_in_with_a_good_certificate_or_with_none() {
    let house = House::open(Limits::default()).await;
    assert_eq!(house.visit(None).await.unwrap(), "unnamed");
    assert_eq!(
        house.visit(Some(&house.client("centre"))).await.unwrap(),
        "known"
    );
    house.close().await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_on_either_side() {
    let house = House::open(Limits::default()).await;
    let other = Authority::new("Other").unwrap();
    let stranger = other
        .client(ClientName {
            common_name: "centre",
            uri: None,
        })
        .unwrap();
    assert!(refusal(house.visit(Some(&stranger)).await).contains("UnknownCA"));

    let mistrusting = client_config(&other.trust(&[]).unwrap(), None).unwrap();
    let stream = TcpStream::connect(house.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let refused = TlsConnector::from(Arc::new(mistrusting))
        .connect(name, stream)
        .await;
    assert!(refused.unwrap_err().to_string().contains("UnknownIssuer"));
    let facts = house.close().await;
    assert!(
        facts.iter().any(|fact| fact.contains("UnknownIssuer")),
        "{facts:?}"
    );
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_after_a_reload_and_cannot_resume() {
    let house = House::open(Limits::default()).await;
    let (good, bad) = (house.client("good"), house.client("bad"));
    let remembering = house.config(Some(&bad), b"http/1.1");
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut stream = house.connect_as(&remembering).await.unwrap();
        assert_eq!(exchange(&mut stream).await.unwrap(), "known");
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(kind));
    }
    let list = house.authority.revoke(&[&bad]).unwrap().into_bytes();
    let server = house.server.as_ref().unwrap();
    server.renew(&material(&house.authority, &[list])).unwrap();

    let mut stream = house.connect_as(&remembering).await.unwrap();
    assert!(refusal(exchange(&mut stream).await).contains("CertificateRevoked"));
    assert_eq!(house.visit(Some(&good)).await.unwrap(), "known");
    house.close().await;
}

/// A list whose next one is years late revokes what it names and vouches for nothing else of its authority.
#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_any_more_is_refused() {
    let house = House::open(Limits::default()).await;
    let (good, bad) = (house.client("good"), house.client("bad"));
    let late = house.authority.revoke_in(&[&bad], 2020, 2021).unwrap();
    let server = house.server.as_ref().unwrap();
    let other = Authority::new("Other").unwrap();
    let of_other = other.revoke_in(&[], 2020, 2021).unwrap();
    let in_time = house.authority.revoke_in(&[&bad], 2022, 2120).unwrap();
    for (lists, to_good, to_bad) in [
        (vec![&late], "UnknownCA", "CertificateRevoked"),
        // Another authority's list says nothing of ours, and of two lists of one the later counts.
        (vec![&of_other], "known", "known"),
        (vec![&late, &in_time], "known", "CertificateRevoked"),
        (vec![&in_time, &late], "known", "CertificateRevoked"),
    ] {
        let lists: Vec<_> = lists
            .into_iter()
            .map(|list| list.clone().into_bytes())
            .collect();
        server.renew(&material(&house.authority, &lists)).unwrap();
        for (pair, expected) in [(&good, to_good), (&bad, to_bad)] {
            let answer = house.visit(Some(pair)).await;
            let answer = answer.unwrap_or_else(|error| error.to_string());
            assert!(answer.contains(expected), "{expected}: {answer}");
        }
        assert_eq!(house.visit(None).await.unwrap(), "unnamed", "with a token");
    }
    house.close().await;
}

#[tokio::test]
async fn a_renewed_certificate_serves_new_connections_and_old_ones_go_on() {
    let house = House::open(Limits::default()).await;
    let leaf =
        |stream: &TlsStream<TcpStream>| stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    let mut old = house.connect(None, b"http/1.1").await.unwrap();
    exchange(&mut old).await.unwrap();
    house
        .server
        .as_ref()
        .unwrap()
        .renew(&material(&house.authority, &[]))
        .unwrap();
    let new = house.connect(None, b"http/1.1").await.unwrap();
    assert_ne!(leaf(&old), leaf(&new));
    assert_eq!(exchange(&mut old).await.unwrap(), "unnamed");
    drop((old, new));
    house.close().await;
}

#[tokio::test]
async fn material_that_does_not_fit_leaves_the_old_in_place() {
    let house = House::open(Limits::default()).await;
    let mut mixed = material(&house.authority, &[]);
    let other = house.authority.server(&["localhost"]).unwrap();
    mixed.identity = Identity::from_pem(
        house
            .authority
            .server(&["localhost"])
            .unwrap()
            .certificate
            .as_bytes(),
        other.key.as_bytes(),
    )
    .unwrap();
    let server = house.server.as_ref().unwrap();
    assert!(matches!(server.renew(&mixed), Err(Error::Identity(_))));
    assert!(matches!(
        server.renew(&material(&house.authority, &[vec![0x30, 0]])),
        Err(Error::Verifier(_))
    ));
    assert_eq!(house.visit(None).await.unwrap(), "unnamed");
    house.close().await;
}

#[tokio::test]
async fn above_the_cap_a_caller_waits_until_a_place_is_free() {
    let house = House::open_plain(limits(1, 20)).await;
    let mut first = TcpStream::connect(house.address).await.unwrap();
    exchange(&mut first).await.unwrap();
    let mut second = TcpStream::connect(house.address).await.unwrap();
    second.write_all(REQUEST).await.unwrap();
    let held = tokio::time::timeout(Duration::from_millis(100), second.read_u8()).await;
    assert!(held.is_err(), "the second was served beside the first");
    drop(first);
    assert_eq!(answer(&mut second).await.unwrap(), "unnamed");
    drop(second);
    house.close().await;
}

#[tokio::test]
async fn a_drain_lets_a_request_finish_and_closes_idle_connections() {
    let mut house = House::open(Limits::default()).await;
    let mut idle = house.connect(None, b"http/1.1").await.unwrap();
    exchange(&mut idle).await.unwrap();
    let mut busy = house.connect(None, b"http/1.1").await.unwrap();
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    house.entered.recv().await.unwrap();

    house.stop.cancel();
    assert_eq!(
        idle.read(&mut [0; 64]).await.unwrap(),
        0,
        "an idle connection is closed at once"
    );
    assert!(
        TcpStream::connect(house.address).await.is_err(),
        "nobody new is accepted"
    );
    house.gate.notify_one();
    assert_eq!(answer(&mut busy).await.unwrap(), "unnamed");
    assert_eq!(house.close().await, ["drained, 0 connections cut"]);
}

#[tokio::test]
async fn a_drain_does_not_wait_for_who_has_said_nothing_yet() {
    let house = House::open(Limits::default()).await;
    let mut fresh = house.connect(None, b"http/1.1").await.unwrap();
    // A second connection, served after it: the first is surely past its handshake on both sides.
    house.visit(None).await.unwrap();
    house.stop.cancel();
    assert_eq!(fresh.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(house.close().await, ["drained, 0 connections cut"]);
}

#[tokio::test]
async fn what_outlasts_the_grace_is_cut_and_counted() {
    for alpn in [&b"http/1.1"[..], b"h2"] {
        let mut house = House::open(limits(8, 1)).await;
        let mut busy = house.connect(None, alpn).await.unwrap();
        if alpn == b"h2" {
            busy.write_all(&http2(b"\x04\x05/slow")).await.unwrap();
        } else {
            busy.write_all(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n")
                .await
                .unwrap();
        }
        house.entered.recv().await.unwrap();
        assert_eq!(house.close().await, ["drained, 1 connections cut"]);
    }
}

#[tokio::test]
async fn http2_is_spoken_where_it_was_agreed() {
    let house = House::open(Limits::default()).await;
    let mut stream = house.connect(None, b"h2").await.unwrap();
    stream.write_all(&http2(b"\x84")).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).await.unwrap();
        const HEADERS: u8 = 1;
        if head[3] == HEADERS {
            assert_eq!(payload[0], 0x88, "the static table's `:status 200`");
            break;
        }
    }
    drop(stream);
    house.close().await;
}

/// A connection preface, empty settings, and one GET whose path is given in HPACK (RFC 9113 §3.4, §6.2).
fn http2(path: &[u8]) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let headers = [b"\x82\x87", path, b"\x01\x09localhost"].concat();
    bytes.extend([0, 0, headers.len() as u8, 1, 5, 0, 0, 0, 1]);
    bytes.extend(headers);
    bytes
}

#[tokio::test]
async fn a_caller_that_does_not_speak_tls_is_told_of_and_the_loop_goes_on() {
    let house = House::open(Limits::default()).await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    assert_eq!(house.visit(None).await.unwrap(), "unnamed");
    let facts = house.close().await;
    assert!(
        facts[0].starts_with("the handshake with 127.0.0.1:"),
        "{facts:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_never_finishes_the_handshake_is_dropped() {
    let house = House::open(Limits::default()).await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    let facts = house.close().await;
    assert!(facts[0].ends_with("took too long"), "{facts:?}");
}

#[tokio::test(start_paused = true)]
async fn who_falls_silent_in_a_request_is_cut() {
    let house = House::open_plain(Limits::default()).await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream
        .write_all(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    let facts = house.close().await;
    assert!(facts[0].ends_with("silent and is cut"), "{facts:?}");
}

#[tokio::test(start_paused = true)]
async fn who_never_finishes_a_head_or_pauses_too_long_is_closed_without_a_word() {
    let house = House::open_plain(Limits::default()).await;
    for begun in [&b""[..], b"GET / HTTP/1.1\r\nhost:"] {
        let mut stream = TcpStream::connect(house.address).await.unwrap();
        exchange(&mut stream).await.unwrap();
        stream.write_all(begun).await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
    assert_eq!(house.close().await, ["drained, 0 connections cut"]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_closed_at_the_end_of_its_life() {
    let day = 86_400.try_into().unwrap();
    let long = Limits {
        header_seconds: day,
        silence_seconds: day,
        ..Limits::default()
    };
    let house = House::open_plain(long).await;
    let born = tokio::time::Instant::now();
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    exchange(&mut stream).await.unwrap();
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(born.elapsed().as_secs(), long.lifetime_seconds.get());
    house.close().await;
}
