//! How long connections take to open, and the pause before the first body on a new one.
//!
//! Under TLS 1.3 a client may send before the server has judged its certificate. If a large body is on
//! the way when the refusal comes, the connection is reset and the refusal can be lost in it: a lot that
//! never arrived looks like one in doubt. So the body waits, on a new connection only, for as long as
//! that connection took to open. That is at least two ways there and back, and the refusal needs one.
//! It is no proof and none is needed: what comes later than the pause is a doubt, as it would be without.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};
use tower::{Layer, Service};

/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(1);

/// What is known of the connections that one endpoint's client has opened.
#[derive(Clone, Default)]
pub(super) struct Openings(Arc<Counts>);

#[derive(Default)]
struct Counts {
    opened: AtomicU64,
    last_micros: AtomicU64,
}

/// A count of openings, taken when a request was made.
pub(super) struct Mark {
    openings: Openings,
    opened: u64,
}

impl Openings {
    pub(super) fn mark(&self) -> Mark {
        Mark {
            opened: self.0.opened.load(Ordering::Acquire),
            openings: self.clone(),
        }
    }

    fn record(&self, took: Duration) {
        let micros = u64::try_from(took.min(LONGEST).as_micros()).unwrap_or(u64::MAX);
        self.0.last_micros.store(micros, Ordering::Release);
        self.0.opened.fetch_add(1, Ordering::AcqRel);
    }
}

impl Mark {
    /// The pause, if a connection was opened since: by this request, or by one beside it.
    pub(super) fn pause(&self) -> Option<Pin<Box<Sleep>>> {
        let counts = &self.openings.0;
        if counts.opened.load(Ordering::Acquire) == self.opened {
            return None;
        }
        let micros = counts.last_micros.load(Ordering::Acquire);
        Some(Box::pin(sleep(Duration::from_micros(micros))))
    }
}

impl<S> Layer<S> for Openings {
    type Service = Measured<S>;

    fn layer(&self, connector: S) -> Measured<S> {
        Measured {
            connector,
            openings: self.clone(),
        }
    }
}

/// A connector whose openings are measured.
#[derive(Clone)]
pub(super) struct Measured<S> {
    connector: S,
    openings: Openings,
}

impl<S, R> Service<R> for Measured<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let openings = self.openings.clone();
        let connecting = self.connector.call(request);
        Box::pin(async move {
            let start = Instant::now();
            let connection = connecting.await?;
            openings.record(start.elapsed());
            Ok(connection)
        })
    }
}
