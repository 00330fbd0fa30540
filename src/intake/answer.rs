//! What every request of the room goes through: one way to the ledger, and a record of how it was answered.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;

use super::Intake;
use crate::formats::json::problem::Kind;
use crate::http::answer::Refused;
use crate::store::{self, Command, Outcome};
use crate::telemetry::event::Event;

impl Intake {
    /// Has the ledger decide, now, and reads its answer as commands of this kind are answered.
    pub(super) async fn decide<T>(
        &self,
        command: Command,
        answer: impl FnOnce(Outcome) -> Result<T, store::Error>,
    ) -> Result<T, Refused> {
        let now = self.parts.clock.now();
        let outcome = self.parts.store.commit(now, command).await;
        outcome
            .and_then(answer)
            .map_err(|error| self.of_store(&error))
    }

    /// The store did not do it, or did not say: the caller repeats.
    pub(super) fn of_store(&self, error: &store::Error) -> Refused {
        Refused::of_store(error, Kind::Unavailable, self.config.retry())
    }
}

/// Records every answer: its status and how long it took, never what was asked.
pub(super) async fn record(
    State(intake): State<Arc<Intake>>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let response = next.run(request).await;
    intake.parts.telemetry.record(Event::Answered {
        status: response.status().as_u16(),
        took: began.elapsed(),
    });
    response
}
