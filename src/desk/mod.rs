//! All that is read or steered (being written).

use std::path::PathBuf;

use serde::Deserialize;

/// Settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the operators' listener is; without it there is none.
    pub operators: Option<std::net::SocketAddr>,
    /// The Unix socket of the command line, mode 0600.
    pub socket: PathBuf,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            operators: None,
            socket: "/run/bordereau/bordereau.sock".into(),
        }
    }
}

pub mod socket {
    //! The door of the command line (being written).
    use std::path::Path;

    use axum::Router;
    use tokio::net::UnixListener;
    use tokio_util::sync::CancellationToken;

    /// Binds.
    pub fn bind(path: &Path) -> std::io::Result<UnixListener> {
        let _ = std::fs::remove_file(path);
        UnixListener::bind(path)
    }

    /// Serves.
    pub async fn serve(_listener: UnixListener, _router: Router, stop: CancellationToken) {
        stop.cancelled().await;
    }
}

/// What it works with.
pub struct Parts {
    /// The ledger.
    pub store: std::sync::Arc<dyn crate::store::Store>,
    /// Callers.
    pub access: std::sync::Arc<crate::access::Access>,
    /// Time.
    pub clock: std::sync::Arc<dyn crate::clock::Clock>,
    /// Reader.
    pub reader: std::sync::Arc<crate::formats::xml::Reader>,
    /// Agreements.
    pub agreements: std::sync::Arc<crate::claims::agreement::Agreements>,
    /// Snapshots.
    pub snapshots: tokio::sync::watch::Receiver<std::sync::Arc<crate::report::snapshot::Snapshot>>,
    /// Telemetry.
    pub telemetry: std::sync::Arc<crate::telemetry::Telemetry>,
    /// Settings.
    pub config: Config,
    /// Label.
    pub centre_label: crate::report::CentreLabel,
}

/// The room.
pub struct Desk {
    parts: Parts,
}

impl Desk {
    /// Ready.
    pub fn new(parts: Parts) -> std::sync::Arc<Desk> {
        std::sync::Arc::new(Desk { parts })
    }
}

/// Public routes.
pub fn public(desk: std::sync::Arc<Desk>) -> axum::Router {
    axum::Router::new().route(
        "/metrics",
        axum::routing::get(move || async move {
            let snapshot = desk.parts.snapshots.borrow().clone();
            let mut text = desk.parts.telemetry.render();
            text.push_str(&crate::report::exposition::render(
                &snapshot,
                &desk.parts.agreements,
                desk.parts.centre_label,
            ));
            text
        }),
    )
}

/// Operators' routes.
pub fn operators(desk: std::sync::Arc<Desk>) -> axum::Router {
    public(desk)
}

/// Nothing here.
pub async fn not_found() -> axum::http::StatusCode {
    axum::http::StatusCode::NOT_FOUND
}
