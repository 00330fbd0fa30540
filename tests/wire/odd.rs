//! Destinations that are no insurer of the contract: not there, not trusted, not trusting, not HTTP,
//! answering too much or too little.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bordereau::claims::document::Kind;
use bordereau::claims::id::{DocumentId, LotId};
use bordereau::claims::outcome::{Asked, Cause, Reply, Sent, Trouble};
use bordereau::formats::lot::{Composed, Piece, compose};
use bordereau::tls::{self, Acceptor, Door, Peer, Server};
use bordereau::transport::{Config, Endpoint, Fetched, StatusService, Transport};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response};
use tokio::net::TcpListener;
use tower::service_fn;

use crate::rig::{caisse, certificates, endpoint, header, https, insurer, piece};

#[tokio::test]
async fn what_never_left_has_not_arrived() {
    let folder = certificates();
    let clock = Arc::new(bordereau::clock::ManualClock::new(Default::default(), 1));
    let insurer = insurer(folder.path(), "{}", clock).await;
    let base = format!("https://localhost:{}", insurer.address.port());
    let good = endpoint(folder.path(), &base);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let deaf = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let at = |address: SocketAddr| Endpoint {
        base: format!("https://localhost:{}", address.port()),
        ..good.clone()
    };
    let distrusting = {
        let mut endpoint = good.clone();
        endpoint.tls.roots = folder.path().join("stranger.pem");
        endpoint
    };
    let misnamed = Endpoint {
        base: format!("https://127.0.0.2:{}", insurer.address.port()),
        ..good.clone()
    };
    for (endpoint, cause) in [
        (at(deaf), Cause::Connection),
        (at(silent.local_addr().unwrap()), Cause::Timeout),
        (distrusting, Cause::Tls),
        (misnamed, Cause::Connection),
        (as_stranger(folder.path(), &good), Cause::OwnCertificate),
    ] {
        let transport = https(endpoint);
        assert_eq!(
            transport.send(&caisse(), &lot()).await,
            Sent::NotReached(cause)
        );
        assert_eq!(
            transport.status(&caisse(), LotId(1), lot().digest).await,
            Asked::NoAnswer(cause)
        );
        assert_eq!(
            transport.fetch_receipts(&caisse(), None).await,
            Fetched::NoAnswer(cause)
        );
    }
    let other = bordereau::claims::id::EndpointName::parse("other").unwrap();
    assert_eq!(
        https(good).send(&other, &lot()).await,
        Sent::NotReached(Cause::NoEndpoint)
    );
    assert!(insurer.book().lots.is_empty());
}

/// The size matters: a small body is written before the refusal is read, a large one would break on it.
#[tokio::test]
async fn a_large_lot_refused_at_the_handshake_has_not_arrived() {
    let folder = certificates();
    let clock = Arc::new(bordereau::clock::ManualClock::new(Default::default(), 1));
    let insurer = insurer(folder.path(), "{}", clock).await;
    let base = format!("https://localhost:{}", insurer.address.port());
    let transport = https(as_stranger(folder.path(), &endpoint(folder.path(), &base)));
    let piece = piece(DocumentId(1), Kind::Fse, "A-1");
    let (number, bytes) = (piece.number, vec![b'x'; 16 << 20]);
    let large = Piece::new(
        piece.document,
        number,
        piece.kind,
        piece.media_type,
        bytes.into(),
    );
    let large = compose(header(LotId(1)), vec![large]);
    let sent = transport.send(&caisse(), &large).await;
    assert_eq!(sent, Sent::NotReached(Cause::OwnCertificate));
}

#[tokio::test]
async fn without_a_certificate_the_insurer_refuses_the_identity() {
    let folder = certificates();
    let clock = Arc::new(bordereau::clock::ManualClock::new(Default::default(), 1));
    let insurer = insurer(folder.path(), "{}", clock).await;
    let base = format!("https://localhost:{}", insurer.address.port());
    let mut nobody = endpoint(folder.path(), &base);
    nobody.tls.identity = None;
    let sent = https(nobody).send(&caisse(), &lot()).await;
    assert_eq!(
        sent,
        Sent::Answered(Reply::Trouble(Trouble::Identity, None))
    );
}

#[tokio::test]
async fn certificates_are_renewed_for_the_next_connection() {
    let folder = certificates();
    let clock = Arc::new(bordereau::clock::ManualClock::new(Default::default(), 1));
    let insurer = insurer(folder.path(), "{}", clock).await;
    let base = format!("https://localhost:{}", insurer.address.port());
    let renewed = as_stranger(folder.path(), &endpoint(folder.path(), &base));
    let transport = https(renewed.clone());
    let ways = Config {
        endpoints: vec![renewed],
        ..Config::default()
    };
    assert_eq!(
        transport.send(&caisse(), &lot()).await,
        Sent::NotReached(Cause::OwnCertificate)
    );
    for ending in ["pem", "key"] {
        let name = |name: &str| folder.path().join(name).with_extension(ending);
        std::fs::copy(name("client"), name("stranger")).unwrap();
    }
    transport.follow(&ways, 0).unwrap();
    assert_eq!(
        transport.send(&caisse(), &lot()).await,
        Sent::Answered(Reply::Taken)
    );

    std::fs::write(folder.path().join("stranger.key"), "no key").unwrap();
    assert_eq!(transport.follow(&ways, 0).unwrap().len(), 1);
    transport.forget_connections().unwrap();
    assert_eq!(
        transport.send(&caisse(), &lot()).await,
        Sent::Answered(Reply::Taken)
    );
}

#[tokio::test]
async fn an_endpoint_without_status_service_is_not_asked() {
    let folder = certificates();
    let mut endpoint = endpoint(folder.path(), "https://localhost:1");
    endpoint.status = StatusService::Absent;
    let asked = https(endpoint)
        .status(&caisse(), LotId(1), lot().digest)
        .await;
    assert_eq!(asked, Asked::NoService);
}

#[tokio::test]
async fn answers_that_are_cut_or_too_long_take_nothing() {
    let taken = format!(r#"{{"lot":"{}","outcome":"taken"}}"#, lot().lot.id);
    let long = format!("{taken}{}", " ".repeat(20_000));
    let failing = Sent::Answered(Reply::Trouble(Trouble::Failing, None));
    let unintelligible = Sent::Answered(Reply::Trouble(Trouble::Unintelligible, None));
    for (status, body, end, expected) in [
        (200, &taken, End::Whole, Sent::Answered(Reply::Taken)),
        (200, &taken, End::Cut, Sent::Unanswered(Cause::Broken)),
        (422, &taken, End::Cut, Sent::Unanswered(Cause::Broken)),
        (200, &long, End::Whole, unintelligible),
        (503, &taken, End::Cut, failing.clone()),
        (503, &long, End::Whole, failing),
    ] {
        let odd = Odd::start(status, body.clone(), end).await;
        let sent = odd.transport.send(&caisse(), &lot()).await;
        assert_eq!(sent, expected, "{status} {end:?}");
    }
}

#[tokio::test]
async fn what_is_no_http_leaves_a_doubt() {
    let folder = certificates();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let tls = tls::server_config(
        &crate::rig::server(folder.path())
            .load(&Default::default())
            .unwrap(),
    )
    .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    let babbling = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"--\r\n") {
            stream.read_buf(&mut heard).await.unwrap();
        }
        stream
            .write_all(b"220 mail.example ESMTP\r\n")
            .await
            .unwrap();
        stream.flush().await.unwrap();
        // Open until the other side has heard and leaves.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let transport = https(endpoint(folder.path(), &base));
    let sent = transport.send(&caisse(), &lot()).await;
    assert_eq!(sent, Sent::Unanswered(Cause::NotHttp));
    babbling.await.unwrap();
}

#[tokio::test]
async fn one_connection_carries_many_lots() {
    let taken = format!(r#"{{"lot":"{}","outcome":"taken"}}"#, lot().lot.id);
    let odd = Odd::start(200, taken, End::Whole).await;
    for _ in 0..20 {
        odd.transport.send(&caisse(), &lot()).await;
    }
    assert_eq!(odd.peers.lock().unwrap().len(), 1);
}

/// How an answer ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Whole,
    Cut,
}

/// A server that gives one answer to everything.
struct Odd {
    transport: bordereau::transport::https::Https,
    peers: Arc<Mutex<BTreeSet<SocketAddr>>>,
    _folder: tempfile::TempDir,
}

impl Odd {
    async fn start(status: u16, body: String, end: End) -> Odd {
        let folder = certificates();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!(
            "https://localhost:{}/",
            listener.local_addr().unwrap().port()
        );
        let config = crate::rig::server(folder.path());
        let door = Door {
            acceptor: Acceptor::Tls(Arc::new(
                Server::new(&config.load(&Default::default()).unwrap()).unwrap(),
            )),
            limits: config.limits,
            observer: Arc::new(|_| {}),
        };
        let peers = Arc::new(Mutex::new(BTreeSet::new()));
        let seen = peers.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let address = request.extensions().get::<Peer>().unwrap().address;
            seen.lock().unwrap().insert(address);
            let body = body.clone();
            async move {
                request.into_body().collect().await.unwrap();
                let mut response = Response::new(framed(body, end));
                *response.status_mut() = status.try_into().unwrap();
                Ok::<_, Infallible>(response)
            }
        });
        tokio::spawn(tls::serve(listener, door, service, std::future::pending()));
        Odd {
            transport: https(endpoint(folder.path(), &base)),
            peers,
            _folder: folder,
        }
    }
}

fn framed(body: String, end: End) -> BoxBody<Bytes, std::io::Error> {
    let data = stream::iter([Ok(Frame::data(Bytes::from(body)))]);
    match end {
        End::Whole => BodyExt::boxed(StreamBody::new(data)),
        End::Cut => {
            // What is there goes out before the cut is seen.
            let cut = stream::once(async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cut"))
            });
            BodyExt::boxed(StreamBody::new(data.chain(cut)))
        }
    }
}

/// The endpoint as reached by somebody whose authority the insurer does not know.
fn as_stranger(folder: &Path, endpoint: &Endpoint) -> Endpoint {
    let mut endpoint = endpoint.clone();
    let identity = endpoint.tls.identity.as_mut().unwrap();
    identity.certificate = folder.join("stranger.pem");
    identity.key = folder.join("stranger.key");
    endpoint
}

fn lot() -> Composed {
    compose(
        header(LotId(1)),
        vec![piece(DocumentId(1), Kind::Fse, "A-1")],
    )
}
