//! What machines watch: metrics, and whether the gateway lives and can commit. No identity of a caller and no
//! detail is needed for health, and none is given but the word why it cannot commit.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use crate::access::Action;
use crate::claims::entry::Position;
use crate::desk::Desk;
use crate::desk::config::Scrapers;
use crate::http::answer::{Refused, bytes};
use crate::report::exposition;
use crate::store::Readiness;
use crate::store::custody::record::RestorationRecord;
use crate::telemetry::reading::{Reading, Ready};
use crate::telemetry::retention::Holds;
use crate::tls::Peer;

/// Prometheus' text format.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is said beside readiness after a restore.
const RESTORED: &str = "restored: sending waits for `bordereau restore resume`\n";

/// `GET /metrics` on the public listener: for callers who may.
pub(super) async fn metrics(
    State(desk): State<Arc<Desk>>,
    parts: Parts,
) -> Result<Response, Refused> {
    let caller = desk.identify(&parts)?;
    desk.allow(&caller, Action::Scrape).await?;
    Ok(bytes(200, EXPOSITION, desk.metrics().await))
}

/// `GET /metrics` on the operators' listener: open to this machine where the settings say so.
pub(super) async fn metrics_nearby(
    desk: State<Arc<Desk>>,
    parts: Parts,
) -> Result<Response, Refused> {
    let peer = parts.extensions.get::<Peer>();
    let is_near = peer.is_some_and(|peer| peer.address.ip().is_loopback());
    match desk.parts.config.metrics {
        Scrapers::Loopback if is_near => Ok(bytes(200, EXPOSITION, desk.metrics().await)),
        Scrapers::Loopback | Scrapers::Identified => metrics(desk, parts).await,
    }
}

/// `GET /healthz`: the gateway lives. It ends itself when one of its loops does.
pub(super) async fn healthz() -> StatusCode {
    StatusCode::OK
}

/// `GET /readyz`: it can commit. An insurer's state is no part of it. After a restore it can, and says that nothing is
/// sent.
pub(super) async fn readyz(State(desk): State<Arc<Desk>>) -> Response {
    let state = desk.parts.store.health().state;
    let restored = match state {
        Readiness::Ready | Readiness::Shedding | Readiness::LowOnDisk => {
            desk.parts.custody.restoration().await.ok().flatten()
        }
        Readiness::Opening
        | Readiness::Rebuilding { .. }
        | Readiness::Resuming
        | Readiness::Failed(_) => None,
    };
    let waits = restored.is_some_and(|restored| restored.waits());
    readiness(state, if waits { RESTORED } else { "" })
}

pub(super) fn readiness(state: Readiness, beside: &'static str) -> Response {
    match state {
        Readiness::Opening => (StatusCode::SERVICE_UNAVAILABLE, "opening\n").into_response(),
        Readiness::Ready | Readiness::Shedding | Readiness::LowOnDisk => {
            (StatusCode::OK, beside).into_response()
        }
        Readiness::Rebuilding { percent } => {
            let text = format!("rebuilding {percent} %\n");
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
        Readiness::Resuming => (StatusCode::SERVICE_UNAVAILABLE, "resuming\n").into_response(),
        Readiness::Failed(why) => (StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
    }
}

impl Desk {
    /// All metrics, with the obligation family from the keeper's snapshot.
    async fn metrics(&self) -> String {
        let telemetry = &self.parts.telemetry;
        let health = self.parts.store.health();
        telemetry.show(Reading::Store {
            ready: match health.state {
                Readiness::Ready | Readiness::Shedding | Readiness::LowOnDisk => Ready::Yes,
                Readiness::Opening
                | Readiness::Rebuilding { .. }
                | Readiness::Resuming
                | Readiness::Failed(_) => Ready::No,
            },
            position: health.position,
            lag: health.lag,
            waiting: health.waiting,
        });
        // A disk that does not say how full it is says no number, rather than a wrong one.
        if let Ok(Some(bytes)) = self.parts.store.free_bytes().await {
            telemetry.show(Reading::FreeSpace { bytes });
        }
        self.show_custody().await;
        if let Some(survey) = self.last_survey() {
            survey.show(telemetry, self.parts.clock.now());
        }
        let snapshot = self.snapshot();
        let label = self.parts.centre_label;
        let (agreements, now) = (&self.parts.agreements, self.parts.clock.now());
        telemetry.render() + &exposition::render(&snapshot, agreements, label, now)
    }
}

impl Desk {
    /// Shows what the store knows of itself as a whole.
    async fn show_custody(&self) {
        let now = self.parts.clock.now();
        let backup = self.parts.custody.last_backup();
        self.parts.telemetry.show(Reading::Backup {
            age: backup.map(|mark| now.since(mark.at)),
            position: backup.map_or(Position(0), |mark| mark.position),
        });
        // What cannot be read now is shown as it was.
        if let Ok(record) = self.parts.custody.restoration().await {
            let lost = |record: &RestorationRecord| record.at.since(record.restored.since);
            self.parts.telemetry.show(Reading::Restored {
                waits: record.as_ref().is_some_and(RestorationRecord::waits),
                lost: record.as_ref().map(lost).unwrap_or_default(),
            });
        }
        if let Ok(last) = self.parts.custody.last_anchor().await {
            self.parts.telemetry.show(Reading::Anchor {
                age: last.map(|last| now.since(last.at)),
                position: last.map_or(Position(0), |last| last.anchor.position),
            });
        }
        if let Ok(records) = self.parts.retaining.legal_holds().await {
            let mut holds = Holds::default();
            for record in records.iter().filter(|record| record.lifted.is_none()) {
                match record.is_overdue(now) {
                    true => holds.overdue += 1,
                    false => holds.standing += 1,
                }
            }
            self.parts.telemetry.show(Reading::Holds(holds));
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn readiness_is_a_status_and_says_how_far_a_rebuild_is() {
        for (state, status, text) in [
            (Readiness::Opening, 503, "opening\n"),
            (Readiness::Ready, 200, ""),
            (Readiness::Shedding, 200, ""),
            (
                Readiness::Rebuilding { percent: 7 },
                503,
                "rebuilding 7 %\n",
            ),
            (Readiness::LowOnDisk, 200, ""),
            (Readiness::Resuming, 503, "resuming\n"),
            (
                Readiness::Failed("the journal failed"),
                503,
                "the journal failed",
            ),
        ] {
            let response = readiness(state, "");
            assert_eq!(response.status().as_u16(), status, "{state:?}");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, text.as_bytes(), "{state:?}");
        }
    }
}
