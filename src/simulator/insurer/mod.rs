//! A simulated insurer: a real HTTPS server of the wire contract (schemas/wire-1.openapi.yaml) behind
//! mutual TLS, with a book on disk and a plan of faults. It takes each document at most once, tells one
//! lot from another by id and digest, and writes down what a gateway must never do.
//!
//! A crash leaves the book with every lot whose taking was answered; opened again it goes on from there.

pub mod plan;
pub mod book;
pub mod amounts;
mod multipart;
mod returns;
mod serve;
mod signature;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::claims::time::Timestamp;
use crate::clock::Clock;
use crate::formats::jws::unencoded;
use crate::tls::{self, Acceptor, Door, Server};
use book::{Book, Contents};
pub use plan::Plan;
use returns::Agenda;
use signature::Signature;

/// What an insurer is started with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The file of its book; made if it is not there.
    pub book: PathBuf,
    /// Its certificate, and the authorities of its callers.
    pub tls: tls::Config,
    /// What it does and gets wrong.
    #[serde(default)]
    pub plan: Plan,
    /// Its limits.
    #[serde(default)]
    pub limits: Limits,
    /// The private key by which it signs what it says, of Ed25519 in PEM (PKCS#8). Without it nothing is signed.
    #[serde(default)]
    pub sign: Option<PathBuf>,
}

/// The limits of an insurer.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a lot; a longer one is answered 413.
    pub lot_bytes: NonZeroUsize,
    /// Items of one feed, at most 1000.
    pub feed_items: NonZeroUsize,
}

/// Why an insurer does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its book cannot be opened, or does not read.
    #[error("the book cannot be opened")]
    Book(#[source] io::Error),
    /// Its certificates cannot be used.
    #[error("the certificates cannot be used")]
    Tls(#[from] tls::Error),
    /// Its key to sign with cannot be read.
    #[error("the key to sign with cannot be read")]
    KeyFile(#[source] io::Error),
    /// Its key to sign with cannot be used.
    #[error("the key to sign with cannot be used")]
    Key(#[from] unencoded::Error),
    /// Its listener has no address.
    #[error("the listener has no address")]
    Listener(#[source] io::Error),
}

/// A simulated insurer.
pub struct Insurer;

/// A running insurer.
pub struct Handle {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

/// What the requests of an insurer share.
struct Shared {
    plan: Plan,
    limits: Limits,
    signature: Signature,
    clock: Arc<dyn Clock>,
    /// When it started, by the machine's clock.
    started: Timestamp,
    counts: serve::Counts,
    state: Mutex<State>,
}

/// What is changed by one request at a time.
struct State {
    book: Book,
    agenda: Agenda,
    /// Lots that requests are working on, once a request: neither known nor unknown.
    working: Vec<String>,
    /// Lots that are known with another digest than they should: a breach.
    rewritten: BTreeMap<String, String>,
    /// Lots that are refused for good because they were damaged on their way: a breach.
    damaged: BTreeSet<String>,
    /// Places of the feed from which items were given out.
    given: BTreeSet<usize>,
}

impl Insurer {
    /// Opens the book and serves on the listener until the handle says stop.
    ///
    /// # Errors
    /// When the book, the certificates or the listener cannot be used.
    pub fn start(
        config: Config,
        listener: TcpListener,
        clock: Arc<dyn Clock>,
    ) -> Result<Handle, Error> {
        let address = listener.local_addr().map_err(Error::Listener)?;
        let server = Server::new(&config.tls.load(&tls::renewal::Config::default())?)?;
        let book = Book::open(&config.book).map_err(Error::Book)?;
        let signature = Signature::of(config.sign.as_deref(), &config.plan)?;
        let mut agenda = Agenda::default();
        for (lot, taken) in &book.contents().lots {
            agenda.plan(&config.plan, *lot, taken);
        }
        let shared = Arc::new(Shared {
            plan: config.plan,
            limits: config.limits,
            signature,
            started: clock.now(),
            clock,
            counts: serve::Counts::default(),
            state: Mutex::new(State {
                book,
                agenda,
                working: Vec::new(),
                rewritten: BTreeMap::new(),
                damaged: BTreeSet::new(),
                given: BTreeSet::new(),
            }),
        });
        let door = Door {
            acceptor: Acceptor::Tls(Arc::new(server)),
            limits: config.tls.limits,
            observer: Arc::new(|_| {}),
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let service = serve::service(shared.clone());
        let serving = tokio::spawn(tls::serve(listener, door, service, stopped));
        Ok(Handle {
            address,
            shared,
            stop,
            serving,
        })
    }
}

impl Handle {
    /// A copy of the book as it stands.
    pub fn book(&self) -> Contents {
        self.read_book(Contents::clone)
    }

    /// Reads in the book as it stands; requests wait meanwhile.
    pub fn read_book<T>(&self, read: impl FnOnce(&Contents) -> T) -> T {
        read(self.shared.state().book.contents())
    }

    /// When the last of its spells is over, if they end: from then on it answers as it should.
    pub fn recovers(&self) -> Option<Timestamp> {
        let end = self.shared.plan.last_spell_ends()?;
        Some(self.shared.started + end)
    }

    /// How many documents are in the book.
    pub fn documents(&self) -> usize {
        self.shared.state().book.contents().documents.len()
    }

    /// Stops accepting, lets open requests end, and returns when none is left.
    pub async fn shutdown(self) {
        self.stop.cancel();
        // It is over either way; a panic of the loop has been seen by its requests.
        let _ = self.serving.await;
    }
}

impl Shared {
    /// How long ago it started.
    fn passed(&self) -> Duration {
        self.clock.now().since(self.started)
    }

    /// What it thinks that the time is.
    fn now(&self) -> Timestamp {
        let offset = self.plan.clock_offset_seconds.saturating_mul(1_000_000);
        Timestamp::from_micros(self.clock.now().micros().saturating_add(offset))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Limits {
    /// A lot of 64 MiB is more than the gateway seals; half the most that a feed may hold.
    fn default() -> Limits {
        Limits {
            lot_bytes: const { NonZeroUsize::new(64 << 20).expect("not zero") },
            feed_items: const { NonZeroUsize::new(500).expect("not zero") },
        }
    }
}
