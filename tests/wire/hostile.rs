//! Insurers that are broken or mean harm: answers that never end, drip, lie about their length, point elsewhere or ask
//! to wait for a year. Each is over within the endpoint's limits and is what the contract makes of it: none takes a lot
//! by anything but its words, and none leaves one without a next step.

use std::sync::Arc;
use std::time::Duration;

use bordereau::claims::document::Kind;
use bordereau::claims::id::{DocumentId, LotId};
use bordereau::claims::outcome::{Cause, Reply, Sent, Trouble};
use bordereau::formats::lot::{Composed, compose};
use bordereau::tls;
use bordereau::transport::https::Https;
use bordereau::transport::{Fetched, Transport};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::rig::{caisse, certificates, endpoint, header, https, piece, server};

/// What a server writes when it has heard a request.
#[derive(Clone)]
struct Script {
    first: String,
    then: Then,
}

/// And what it does after that.
#[derive(Clone, Copy)]
enum Then {
    /// It hangs up.
    Ends,
    /// It serves the next request.
    Serves,
    /// It writes this again and again, as fast as it is read.
    Floods(&'static str),
    /// It writes this again and again, with a pause before each.
    Drips(&'static str),
}

/// A server of one script.
struct Hostile {
    transport: Https,
    _folder: TempDir,
}

impl Hostile {
    async fn start(first: &str, then: Then) -> Hostile {
        let first = first.to_owned();
        let script = Script { first, then };
        let folder = certificates();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let material = server(folder.path()).load(&Default::default()).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls::server_config(&material).unwrap()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, script) = (acceptor.clone(), script.clone());
                tokio::spawn(async move {
                    // Whoever is answered so may hang up at any time.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = serve(stream, script).await;
                    }
                });
            }
        });
        let base = format!("https://localhost:{port}");
        let mut endpoint = endpoint(folder.path(), &base);
        endpoint.limits.feed_bytes = 10_000.try_into().unwrap();
        endpoint.limits.answer_seconds = 4.try_into().unwrap();
        Hostile {
            transport: https(endpoint),
            _folder: folder,
        }
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: Script,
) -> std::io::Result<()> {
    loop {
        let mut heard = Vec::new();
        // The end of a lot, or of a request without a body.
        while !heard.ends_with(b"--\r\n") && !is_question(&heard) {
            if stream.read_buf(&mut heard).await? == 0 {
                return Ok(());
            }
        }
        stream.write_all(script.first.as_bytes()).await?;
        stream.flush().await?;
        match script.then {
            Then::Ends => return stream.shutdown().await,
            Then::Serves => {}
            Then::Floods(text) => loop {
                stream.write_all(text.as_bytes()).await?;
            },
            Then::Drips(text) => loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                stream.write_all(text.as_bytes()).await?;
                stream.flush().await?;
            },
        }
    }
}

fn is_question(heard: &[u8]) -> bool {
    heard.starts_with(b"GET ") && heard.ends_with(b"\r\n\r\n")
}

fn lot(id: u128) -> Composed {
    let piece = piece(DocumentId(id), Kind::Fse, "A-1");
    compose(header(LotId(id)), vec![piece])
}

fn taken(id: u128) -> String {
    format!(r#"{{"lot":"{}","outcome":"taken"}}"#, LotId(id))
}

/// An answer whose length is said to be so many bytes more, or less, than it is.
fn answer(status: &str, headers: &str, body: &str, more: i64) -> String {
    let length = i64::try_from(body.len()).unwrap() + more;
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn no_answer_takes_a_lot_but_by_its_words_and_each_is_over_in_time() {
    use Then::{Drips, Ends, Floods, Serves};
    let ok = |more| answer("200 OK", "", &taken(1), more);
    let trouble = |trouble, wait| Sent::Answered(Reply::Trouble(trouble, wait));
    let unintelligible = trouble(Trouble::Unintelligible, None);
    let timeout = Sent::Unanswered(Cause::Timeout);
    let year = Duration::from_secs(31_536_000);
    let rows = [
        ("sound", ok(0), Serves, Sent::Answered(Reply::Taken)),
        // Interim answers are no answers, however many.
        (
            "interim",
            format!("HTTP/1.1 103 Early Hints\r\n\r\n{}", ok(0)),
            Serves,
            Sent::Answered(Reply::Taken),
        ),
        (
            "interim for ever",
            String::new(),
            Drips("HTTP/1.1 103 Early Hints\r\n\r\n"),
            timeout.clone(),
        ),
        (
            "switches protocols",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n".to_owned(),
            Ends,
            unintelligible.clone(),
        ),
        (
            "a body that drips",
            ok(1_000_000),
            Drips(" "),
            timeout.clone(),
        ),
        (
            "a head that drips",
            "HTTP/1.1 200 OK\r\nx: ".to_owned(),
            Drips("x"),
            timeout,
        ),
        (
            "a body without end",
            "HTTP/1.1 200 OK\r\n\r\n".to_owned() + &taken(1),
            Floods("                                "),
            unintelligible.clone(),
        ),
        (
            "a head without end",
            "HTTP/1.1 200 OK\r\n".to_owned(),
            Floods("x: xxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"),
            Sent::Unanswered(Cause::NotHttp),
        ),
        (
            "longer said than done",
            ok(5),
            Ends,
            Sent::Unanswered(Cause::Broken),
        ),
        (
            "shorter said than done",
            ok(-5),
            Serves,
            unintelligible.clone(),
        ),
        (
            "of another lot",
            answer("200 OK", "", &taken(2), 0),
            Serves,
            unintelligible,
        ),
        (
            "points elsewhere",
            answer(
                "302 Found",
                "location: https://elsewhere.example/\r\n",
                "",
                0,
            ),
            Serves,
            trouble(Trouble::Address, None),
        ),
        (
            "asks for a year",
            answer("503 Busy", "retry-after: 31536000\r\n", "", 0),
            Serves,
            trouble(Trouble::Failing, Some(year)),
        ),
        (
            "asks for more than can be counted",
            answer("503 Busy", "retry-after: 99999999999999999999\r\n", "", 0),
            Serves,
            trouble(Trouble::Failing, None),
        ),
    ];
    let one = async |(name, first, then, expected): (_, String, _, _)| {
        let hostile = Hostile::start(&first, then).await;
        // What is left of an answer is never taken for the next one.
        for _ in 0..2 {
            let sent = hostile.transport.send(&caisse(), &lot(1)).await;
            assert_eq!(sent, expected, "{name}");
        }
    };
    futures_util::future::join_all(rows.map(one)).await;
}

#[tokio::test]
async fn a_second_answer_in_one_is_not_that_of_the_next_lot() {
    let both = answer("200 OK", "", &taken(1), 0) + &answer("200 OK", "", &taken(2), 0);
    let hostile = Hostile::start(&both, Then::Serves).await;
    let first = hostile.transport.send(&caisse(), &lot(1)).await;
    assert_eq!(first, Sent::Answered(Reply::Taken));
    // The server took it for nothing that it was sent: whatever it says again, the words are of lot 1.
    let second = hostile.transport.send(&caisse(), &lot(2)).await;
    assert_ne!(second, Sent::Answered(Reply::Taken));
}

#[tokio::test]
async fn a_feed_that_never_ends_is_given_up() {
    let head = "HTTP/1.1 200 OK\r\n\r\n<feed>";
    let too_long = Fetched::Trouble(Trouble::Unintelligible, None);
    for (then, expected) in [
        (Then::Floods("<receipt/><receipt/><receipt/>"), too_long),
        (Then::Drips("<receipt/>"), Fetched::NoAnswer(Cause::Timeout)),
    ] {
        let hostile = Hostile::start(head, then).await;
        let fetched = hostile.transport.fetch_receipts(&caisse(), None).await;
        assert_eq!(fetched, expected);
    }
}
