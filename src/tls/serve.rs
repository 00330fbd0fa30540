//! The one accept loop. Every listener of the daemon and of the simulators runs through it, with or
//! without TLS. It owns the tasks of its connections and joins them before it returns.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::pin;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::connection::{self, Ended};
use super::{Acceptor, Limits};

/// After an accept that failed for want of descriptors, the time before the next: long enough not to
/// spin, short enough to be unnoticed.
const PAUSE: Duration = Duration::from_millis(50);

/// A listener's manner: how it accepts, within which limits, and whom it tells.
#[derive(Clone)]
pub struct Door {
    /// Plain or TLS.
    pub acceptor: Acceptor,
    /// The limits, per listener.
    pub limits: Limits,
    /// Told of what went wrong. It runs inside the loop and must not block.
    pub observer: Observer,
}

/// Who is told of facts; the composition root binds it to telemetry.
pub type Observer = Arc<dyn Fn(&Fact) + Send + Sync>;

/// What happened at the door that somebody may want to count. None of them needs a person to act, but
/// [`Fact::AcceptFailed`] when it goes on, and [`Fact::Panicked`].
#[derive(Debug)]
pub enum Fact {
    /// The system refused to accept (most often: no more file descriptors).
    AcceptFailed(io::Error),
    /// The handshake failed: bad, revoked or unknown certificate, other protocol, gone.
    HandshakeFailed(SocketAddr, io::Error),
    /// The handshake took too long.
    HandshakeTimedOut(SocketAddr),
    /// The connection broke, or its peer did not speak HTTP.
    Broken(SocketAddr, Box<dyn StdError + Send + Sync>),
    /// Nothing came or went for too long; the connection was cut.
    Silent(SocketAddr),
    /// A connection's task panicked.
    Panicked,
    /// The drain is over.
    Drained {
        /// Connections that were still busy after the grace period and were cut.
        cut: usize,
    },
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AcceptFailed(error) => write!(f, "a connection could not be accepted: {error}"),
            Self::HandshakeFailed(peer, error) => {
                write!(f, "the handshake with {peer} failed: {error}")
            }
            Self::HandshakeTimedOut(peer) => write!(f, "the handshake with {peer} took too long"),
            Self::Broken(peer, error) => write!(f, "the connection with {peer} broke: {error}"),
            Self::Silent(peer) => write!(f, "the connection with {peer} was silent and is cut"),
            Self::Panicked => write!(f, "a connection panicked"),
            Self::Drained { cut } => write!(f, "drained, {cut} connections cut"),
        }
    }
}

/// Serves until `shutdown` resolves, then stops accepting, lets open requests finish within
/// `limits.drain_seconds`, cuts what is left, and returns when no task of its own is alive.
///
/// Each request carries its [`super::Peer`] in the extensions. TLS offers HTTP/2 and HTTP/1.1; a plain
/// listener speaks HTTP/1.1 only (telling them apart would mean waiting for bytes without a limit).
pub async fn serve<S, B>(
    listener: TcpListener,
    door: Door,
    service: S,
    shutdown: impl Future<Output = ()>,
) where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let places = Arc::new(Semaphore::new(door.limits.connections.get() as usize));
    let drain = CancellationToken::new();
    let streams = TaskTracker::new();
    let mut open = JoinSet::new();
    pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = open.join_next() => report(&door.observer, ended),
            accepted = next(&listener, &places) => match accepted {
                Ok((stream, peer, place)) => {
                    let opened = connection::Opened { stream, peer, drain: drain.clone(), streams: streams.clone() };
                    let work = connection::run(opened, door.acceptor.clone(), door.limits, service.clone());
                    open.spawn(async move {
                        let ended = work.await;
                        drop(place);
                        ended
                    });
                }
                Err(error) => {
                    let passing = is_passing(&error);
                    (door.observer)(&Fact::AcceptFailed(error));
                    if !passing {
                        sleep(PAUSE).await;
                    }
                }
            },
        }
    }
    drop(listener);
    drain.cancel();
    let cut = finish(&mut open, &door).await;
    streams.close();
    streams.wait().await;
    (door.observer)(&Fact::Drained { cut });
}

/// First a place, then a connection: above the limit, callers wait in the kernel's backlog.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places
        .clone()
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

/// Waits for the open connections, then cuts. Returns how many were cut.
async fn finish(open: &mut JoinSet<Ended>, door: &Door) -> usize {
    let all = async {
        while let Some(ended) = open.join_next().await {
            report(&door.observer, ended);
        }
    };
    if timeout(door.limits.drain(), all).await.is_ok() {
        return 0;
    }
    let cut = open.len();
    open.shutdown().await;
    cut
}

fn report(observer: &Observer, ended: Result<Ended, JoinError>) {
    match ended {
        Ok(Ended::Closed) => {}
        Ok(Ended::With(fact)) => observer(&fact),
        Err(error) if error.is_panic() => observer(&Fact::Panicked),
        Err(_) => {} // aborted by `finish`, which counts it
    }
}

/// The caller gave up before it was accepted: the listener itself is well.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
