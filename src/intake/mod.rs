//! HTTP in: documents and lots from centres, cancellations and declarations, receipts handed in by insurers.
//!
//! Authenticate, decode, commit: nothing else. It answers 2xx only for what the store has made durable, and
//! never keeps, logs or repeats a value of a document. Without an answer, or with a 5xx, the caller does not
//! know and repeats; a repeated post is known again. A crash leaves nothing behind: this room has no state
//! but what it can read again.

mod config;
mod answer;
mod door;
mod pace;
mod centres;
mod body;
mod judging;
mod fate;
mod admission;
mod documents;
mod lots;
mod declarations;
mod receipts;
mod description;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post, put};
use tokio::sync::{Semaphore, watch};

use crate::access::Access;
use crate::claims::routes::Routes;
use crate::claims::terms::Terms;
use crate::clock::Clock;
use crate::formats::jws::Keyring;
use crate::formats::xml::Reader;
use crate::http::Query;
use crate::store::{self, Store};
use crate::telemetry::Telemetry;

pub use config::{Config, Contradiction};

use centres::Centres;
use pace::Pace;

/// What intake works with; the composition root hands it in.
pub struct Parts {
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// Who may come in.
    pub access: Arc<Access>,
    /// Time, ids and salts.
    pub clock: Arc<dyn Clock>,
    /// The reader of the project's XML.
    pub reader: Arc<Reader>,
    /// The routes to insurers, as they are at present.
    pub routes: watch::Receiver<Arc<Routes>>,
    /// The keys of the endpoints whose receipts are signed.
    pub keys: watch::Receiver<Arc<Keyring>>,
    /// The terms by which deadlines are counted; the same as in the ledger.
    pub terms: Terms,
    /// Logs and metrics.
    pub telemetry: Arc<Telemetry>,
}

/// Why intake does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings contradict each other.
    #[error(transparent)]
    Config(#[from] Contradiction),
    /// The registry of centres cannot be read.
    #[error("the registry of centres cannot be read")]
    Store(#[from] store::Error),
}

/// The room at work, shared by all requests.
pub struct Intake {
    parts: Parts,
    config: Config,
    centres: Centres,
    pace: Pace,
    /// KiB of bodies that may be in memory at once.
    bodies: Arc<Semaphore>,
    /// Validations that run beside the async threads.
    validations: Arc<Semaphore>,
}

impl Intake {
    /// Reads the registry of centres and gets ready.
    ///
    /// # Errors
    /// [`Error::Config`] names the key at fault.
    pub async fn open(parts: Parts, config: Config) -> Result<Arc<Intake>, Error> {
        config.check()?;
        Ok(Arc::new(Intake {
            centres: Centres::open(parts.store.clone()).await?,
            pace: Pace::new(&config),
            bodies: Arc::new(Semaphore::new(body::kib(config.memory_bytes))),
            validations: Arc::new(Semaphore::new(config.validations.get())),
            parts,
            config,
        }))
    }
}

/// The routes of the public listener that write to the ledger, and their description. There is no fallback:
/// the composition root adds the desk's routes, then one.
pub fn router(intake: Arc<Intake>) -> Router {
    let routes = table()
        .into_iter()
        .fold(Router::new(), |router, (query, _, path, handler)| {
            router.route(path, query.of(handler))
        });
    routes
        .layer(from_fn_with_state(intake.clone(), answer::record))
        .with_state(intake)
}

/// Query, method, path, handler: what `schemas/gateway-1.openapi.json` describes.
#[rustfmt::skip]
fn table() -> Vec<(Query, &'static str, &'static str, MethodRouter<Arc<Intake>>)> {
    vec![
        (Query::None, "post", "/v1/documents", post(documents::post)),
        (Query::None, "post", "/v1/documents/{id}/cancel", post(documents::cancel)),
        (Query::Read, "post", "/v1/lots", post(lots::post)),
        (Query::None, "post", "/v1/validate", post(documents::validate)),
        (Query::None, "put", "/v1/declarations/{finess}/{day}", put(declarations::put)),
        (Query::None, "post", "/v1/receipts", post(receipts::post)),
        (Query::None, "get", "/v1/openapi.json", get(description::get)),
    ]
}
