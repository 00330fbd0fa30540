//! One connection from the accepted socket to its end: handshake, HTTP, silence, lifetime, drain.

use std::error::Error as StdError;
use std::io::{self, IoSlice};
use std::mem;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Interval, interval_at, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt};

use super::serve::Fact;
use super::{Acceptor, Limits};

/// Who is at the other end. Every request of a connection carries it in its extensions.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where the connection came from.
    pub address: SocketAddr,
    /// The DER of the client's certificate, verified against the roots and lists at the handshake;
    /// `None` when it showed none. Whether it has expired since is for the reader to check.
    pub certificate: Option<Arc<[u8]>>,
}

/// What the accept loop hands to a connection.
pub(super) struct Opened {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) drain: CancellationToken,
    pub(super) streams: TaskTracker,
}

/// How a connection ended.
pub(super) enum Ended {
    /// As HTTP has it.
    Closed,
    /// With something to tell.
    With(Fact),
}

pub(super) async fn run<S, B>(
    opened: Opened,
    acceptor: Acceptor,
    limits: Limits,
    service: S,
) -> Ended
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let address = opened.peer;
    // Answers are small and whole: waiting to fill a segment only adds delay. A socket that refuses the
    // option still works.
    let _ = opened.stream.set_nodelay(true);
    let wire = match timeout(limits.handshake(), handshake(opened.stream, acceptor)).await {
        Ok(Ok(wire)) => wire,
        Ok(Err(error)) => return Ended::With(Fact::HandshakeFailed(address, error)),
        Err(_) => return Ended::With(Fact::HandshakeTimedOut(address)),
    };
    let peer = Peer {
        address,
        certificate: wire.certificate(),
    };
    let moved = Arc::new(AtomicU64::new(0));
    let cut = CancellationToken::new();
    let _cut_streams = cut.clone().drop_guard();
    let tracker = opened.streams;
    let http = http(&wire, &limits, Streams { tracker, cut });
    let mut silence = Silence::new(limits.silence(), moved.clone());
    let io = TokioIo::new(Counted { wire, moved });
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        service.clone().oneshot(request)
    });

    let mut connection = pin!(http.serve_connection(io, service));
    let mut lifetime = pin!(sleep(limits.lifetime()));
    let mut asked = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => return match ended {
                Ok(()) => Ended::Closed,
                Err(error) if is_pause(error.as_ref()) => Ended::Closed,
                Err(error) => Ended::With(Fact::Broken(address, error)),
            },
            () = opened.drain.cancelled(), if !asked => {}
            () = lifetime.as_mut(), if !asked => {}
            () = silence.passed() => if asked {
                return Ended::With(Fact::Silent(address));
            }
        }
        asked = true;
        connection.as_mut().graceful_shutdown();
    }
}

/// Time in which no byte moves.
struct Silence {
    look: Interval,
    moved: Arc<AtomicU64>,
    seen: u64,
}

impl Silence {
    fn new(limit: Duration, moved: Arc<AtomicU64>) -> Self {
        let look = interval_at(Instant::now() + limit, limit);
        Self {
            look,
            moved,
            seen: 0,
        }
    }

    /// Resolves when nothing moved between two looks. Dropped and called again, it misses none.
    async fn passed(&mut self) {
        loop {
            self.look.tick().await;
            let before = mem::replace(&mut self.seen, self.moved.load(Ordering::Relaxed));
            if before == self.seen {
                return;
            }
        }
    }
}

/// A connection kept alive on which no next request came in time: the usual end of a pooled one.
fn is_pause(error: &(dyn StdError + 'static)) -> bool {
    error
        .downcast_ref::<hyper::Error>()
        .is_some_and(hyper::Error::is_timeout)
}

async fn handshake(stream: TcpStream, acceptor: Acceptor) -> io::Result<Wire> {
    match acceptor {
        Acceptor::Plain => Ok(Wire::Plain(stream)),
        Acceptor::Tls(server) => {
            let stream = TlsAcceptor::from(server.current()).accept(stream).await?;
            Ok(Wire::Tls(Box::new(stream)))
        }
    }
}

/// The version is the one agreed in the handshake, so no bytes are waited for to guess it.
fn http(wire: &Wire, limits: &Limits, streams: Streams) -> auto::Builder<Streams> {
    let mut builder = auto::Builder::new(streams);
    let head = limits.header_bytes.get().max(8192);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header())
        .max_buf_size(head as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams.get())
        .max_header_list_size(head);
    if wire.speaks_http2() {
        builder.http2_only()
    } else {
        builder.http1_only()
    }
}

/// Runs the streams of one HTTP/2 connection: they end with it, and the accept loop waits for them.
#[derive(Clone)]
struct Streams {
    tracker: TaskTracker,
    cut: CancellationToken,
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.tracker
            .spawn(self.cut.clone().run_until_cancelled_owned(stream));
    }
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    fn certificate(&self) -> Option<Arc<[u8]>> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => {
                let leaf = stream.get_ref().1.peer_certificates()?.first()?;
                Some(Arc::from(leaf.as_ref()))
            }
        }
    }

    fn speaks_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

/// The wire, with a count that moves whenever a byte does: what silence is measured by.
struct Counted {
    wire: Wire,
    moved: Arc<AtomicU64>,
}

impl Counted {
    fn count(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        self.count(buf.filled().len() - before);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        };
        if let Poll::Ready(Ok(bytes)) = polled {
            self.count(bytes);
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Wire::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        };
        if let Poll::Ready(Ok(bytes)) = polled {
            self.count(bytes);
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        match &self.wire {
            Wire::Plain(stream) => stream.is_write_vectored(),
            Wire::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
