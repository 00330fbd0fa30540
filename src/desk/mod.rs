//! All that is read or steered: documents and their standings, rates, metrics, health, and the operators' hands.
//!
//! It reads from the store and the keeper's snapshot, and steers by commands of the ledger alone; it never
//! decides, counts or sends. A centre sees its own documents and no other's; an operator sees standings and
//! codes and never content. A crash leaves nothing behind but the file of the socket, which the next start
//! replaces.

mod config;
mod door;
mod answer;
mod order;
pub mod front;
pub mod socket;
mod watch;
mod document;
mod events;
mod rates;
pub mod registry;
mod queue;
mod reconcile;
pub mod operate;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, get, post, put};
use tokio::sync::{Mutex, Notify, watch as channel};
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::claims::agreement::Agreements;
use crate::claims::retention::Rules;
use crate::claims::routes::Routes;
use crate::claims::terms::Terms;
use crate::clock::Clock;
use crate::formats::xml::Reader;
use crate::http::Query;
use crate::report::CentreLabel;
use crate::report::count::snapshot::Snapshot;
use crate::report::rate::past::Bounds;
use crate::report::statement::publisher::Publisher;
use crate::store::Store;
use crate::store::custody::Custody;
use crate::store::lanes::Board;
use crate::store::retention::Retaining;
use crate::store::traces::Traces;
use crate::telemetry::Telemetry;

use events::seats::Seats;

pub use config::{Config, Scrapers};
pub use queue::survey::{Survey, Waiting};

/// What the desk works with; the composition root hands it in.
pub struct Parts {
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// Legal holds, and what goes.
    pub retaining: Arc<dyn Retaining>,
    /// Who read what.
    pub traces: Arc<Traces>,
    /// How long bodies are kept.
    pub retention: Rules,
    /// Legal spans.
    pub terms: Terms,
    /// Months after which proofs may go.
    pub proof_months: u32,
    /// The same ledger as a whole.
    pub custody: Arc<dyn Custody>,
    /// Who may come in.
    pub access: Arc<Access>,
    /// Time and salts.
    pub clock: Arc<dyn Clock>,
    /// The reader of the project's XML, for the texts of insurers.
    pub reader: Arc<Reader>,
    /// The routes to insurers, as they are at present.
    pub routes: channel::Receiver<Arc<Routes>>,
    /// The endpoints' lanes, for why a lot waits.
    pub lanes: Arc<Board>,
    /// The agreements by which rates are read.
    pub agreements: Arc<Agreements>,
    /// What the keeper published last.
    pub snapshots: channel::Receiver<Arc<Snapshot>>,
    /// Who publishes statements.
    pub publisher: Arc<Publisher>,
    /// Reads registrations that are put.
    pub read_registry: registry::Reader,
    /// Told after registrations were put.
    pub imported: Arc<Notify>,
    /// Logs and metrics.
    pub telemetry: Arc<Telemetry>,
    /// Settings.
    pub config: Config,
    /// How earlier answers are recomputed.
    pub past: Bounds,
    /// The label of the centre on the obligation metrics.
    pub centre_label: CentreLabel,
    /// The listeners close: streams end.
    pub closing: CancellationToken,
}

/// The room at work, shared by all requests.
pub struct Desk {
    parts: Parts,
    /// The last survey of the queue; one is taken at a time.
    surveyed: Mutex<Option<Arc<Survey>>>,
    /// The last recount of a centre; one is made at a time.
    past: Mutex<Option<rates::past::Kept>>,
    /// Who copies the store for an operator.
    copying: Mutex<()>,
    /// Who puts evidence together.
    exporting: Mutex<()>,
    /// Who counts the whole ledger for an operator.
    verifying: Mutex<()>,
    /// Who looks through all lots for an operator.
    replaying: Mutex<()>,
    /// Places for streams of events.
    streams: Arc<Seats>,
    /// Who loads figures or lays them beside the ledger, and what reads them.
    reconciling: Mutex<crate::formats::figures::Reader>,
    /// Who puts registrations.
    importing: Mutex<()>,
}

impl Desk {
    /// Gets ready; nothing is read yet.
    pub fn new(parts: Parts) -> Arc<Desk> {
        let config = &parts.config;
        let streams = Arc::new(Seats::new(config.streams, config.caller_streams));
        Arc::new(Desk {
            parts,
            streams,
            surveyed: Mutex::default(),
            past: Mutex::default(),
            copying: Mutex::default(),
            exporting: Mutex::default(),
            verifying: Mutex::default(),
            replaying: Mutex::default(),
            reconciling: Mutex::default(),
            importing: Mutex::default(),
        })
    }
}

/// The routes of the public listener that read. There is no fallback: see [`crate::http::closed`].
pub fn public(desk: Arc<Desk>) -> Router {
    routes(Door::Public).with_state(desk)
}

/// The routes of the operators' listener and of the command line's socket.
pub fn operators(desk: Arc<Desk>) -> Router {
    routes(Door::Operators)
        // The one body that is read has its own limit.
        .layer(DefaultBodyLimit::disable())
        .with_state(desk)
}

/// Where a route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// On both listeners; who sees what is for each route to check.
    Both,
    /// On the public listener alone.
    Public,
    /// On the operators' listener and the socket alone.
    Operators,
}

fn routes(door: Door) -> Router<Arc<Desk>> {
    let rows = table().into_iter();
    let own = rows.filter(|(at, ..)| *at == Door::Both || *at == door);
    own.fold(Router::new(), |router, (_, query, _, path, handler)| {
        router.route(path, query.of(handler))
    })
}

/// Door, query, method, path, handler.
type Row = (
    Door,
    Query,
    &'static str,
    &'static str,
    MethodRouter<Arc<Desk>>,
);

/// What `schemas/gateway-1.openapi.json` describes.
#[rustfmt::skip]
fn table() -> Vec<Row> {
    vec![
        (Door::Both, Query::Read, "get", "/v1/documents", get(document::listing::get)),
        (Door::Both, Query::None, "get", "/v1/documents/{id}", get(document::by_id)),
        (Door::Both, Query::None, "get", "/v1/documents/{id}/evidence", get(document::evidence::get)),
        (Door::Both, Query::Read, "get", "/v1/events", get(events::get)),
        (Door::Both, Query::Read, "get", "/v1/centres/{finess}/rate", get(rates::of_centre)),
        (Door::Both, Query::None, "get", "/v1/centres/{finess}/forecast", get(rates::forecast::of_centre)),
        (Door::Both, Query::Read, "get", "/v1/rates", get(rates::of_all)),
        (Door::Both, Query::Read, "get", "/v1/rates/explain", get(rates::past::explain)),
        (Door::Both, Query::None, "get", "/v1/periods", get(rates::periods::list)),
        (Door::Both, Query::Read, "get", "/v1/centres/{finess}/periods", get(rates::periods::of_centre)),
        (Door::Both, Query::Read, "get", "/v1/statements", get(rates::statements::list)),
        (Door::Both, Query::None, "get", "/v1/statements/keys", get(rates::statements::keys)),
        (Door::Both, Query::Read, "get", "/v1/statements/{id}", get(rates::statements::show)),
        (Door::Both, Query::None, "get", "/v1/statements/{id}/signature", get(rates::statements::signature)),
        (Door::Both, Query::Read, "get", "/v1/registry", get(registry::list::get)),
        (Door::Both, Query::None, "get", "/v1/figures", get(reconcile::figures::all)),
        (Door::Both, Query::None, "post", "/v1/figures", post(reconcile::figures::load)),
        (Door::Both, Query::None, "get", "/v1/reconciliations", get(reconcile::all_runs)),
        (Door::Both, Query::Read, "post", "/v1/reconciliations", post(reconcile::run)),
        (Door::Both, Query::Read, "get", "/v1/reconciliations/{run}", get(reconcile::show)),
        (Door::Both, Query::Read, "get", "/v1/reconciliations/{run}/differences", get(reconcile::differences)),
        (Door::Both, Query::Read, "get", "/v1/reconciliations/{run}/orphans", get(reconcile::orphans::get)),
        (Door::Both, Query::Read, "get", "/v1/reconciliations/{run}/export", get(reconcile::export)),
        (Door::Both, Query::None, "post", "/v1/reconciliations/{run}/differences/{line}/accept", post(reconcile::accept)),
        (Door::Both, Query::None, "post", "/v1/reconciliations/{run}/differences/{line}/dispute", post(reconcile::dispute)),
        (Door::Both, Query::Read, "get", "/v1/ledger/anchor", get(operate::anchor::anchors)),
        (Door::Both, Query::None, "get", "/healthz", get(watch::healthz)),
        (Door::Both, Query::None, "get", "/readyz", get(watch::readyz)),
        (Door::Public, Query::None, "get", "/v1/documents/{id}/content", get(document::content)),
        (Door::Public, Query::None, "get", "/metrics", get(watch::metrics)),
        (Door::Operators, Query::None, "get", "/metrics", get(watch::metrics_nearby)),
        (Door::Operators, Query::Read, "post", "/v1/periods/close", post(rates::periods::close)),
        (Door::Operators, Query::Read, "post", "/v1/statements", post(rates::statements::publish)),
        (Door::Operators, Query::Read, "put", "/v1/registry", put(registry::put)),
        (Door::Operators, Query::None, "get", "/v1/queue", get(queue::get)),
        (Door::Operators, Query::None, "post", "/v1/verify", post(operate::verify::verify)),
        (Door::Operators, Query::None, "post", "/v1/store/verify", post(operate::verify::store)),
        (Door::Operators, Query::None, "get", "/v1/keys", get(operate::keys::show)),
        (Door::Operators, Query::None, "post", "/v1/keys/rotate", post(operate::keys::rotate)),
        (Door::Operators, Query::Read, "post", "/v1/ledger/verify", post(operate::anchor::verify)),
        (Door::Operators, Query::None, "post", "/v1/backups", post(operate::backup::back_up)),
        (Door::Operators, Query::None, "get", "/v1/restoration", get(operate::restoration::get)),
        (Door::Operators, Query::None, "post", "/v1/restoration/resume", post(operate::restoration::resume)),
        (Door::Operators, Query::Read, "get", "/v1/orphans", get(operate::orphans::list)),
        (Door::Operators, Query::None, "post", "/v1/endpoints/{name}/rewind", post(operate::restoration::rewind)),
        (Door::Operators, Query::None, "post", "/v1/endpoints/{name}/hold", post(operate::hand::hold)),
        (Door::Operators, Query::None, "post", "/v1/endpoints/{name}/release", post(operate::hand::release)),
        (Door::Operators, Query::None, "post", "/v1/lots/{id}/retry", post(operate::replay::retry)),
        (Door::Operators, Query::None, "post", "/v1/replays", post(operate::replay::replay)),
        (Door::Operators, Query::None, "get", "/v1/legal-holds", get(operate::retention::holds)),
        (Door::Operators, Query::None, "post", "/v1/legal-holds", post(operate::retention::place)),
        (Door::Operators, Query::None, "post", "/v1/legal-holds/{hold}/lift", post(operate::retention::lift)),
        (Door::Operators, Query::Read, "get", "/v1/retention", get(operate::retention::plan)),
        (Door::Operators, Query::Read, "get", "/v1/traces", get(operate::traces::list)),
        (Door::Operators, Query::None, "post", "/v1/documents/{id}/cancel", post(operate::hand::cancel)),
        (Door::Operators, Query::None, "post", "/v1/documents/{id}/paper", post(operate::hand::paper)),
        (Door::Operators, Query::None, "post", "/v1/documents/{id}/by-hand", post(operate::hand::by_hand)),
    ]
}
