//! Answers: JSON where something is done, a problem where it is not.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::time::Instant;

use super::Intake;
use crate::access::Forbidden;
use crate::formats::json::problem::{self, About, Kind, Problem};
use crate::store::{self, Command, Outcome};
use crate::telemetry::event::Event;

/// A request that is not done.
#[derive(Debug)]
pub(super) struct Refused {
    problem: Box<Problem>,
    /// How long the caller is asked to wait.
    wait: Option<Duration>,
}

impl Refused {
    /// Not done, about this.
    pub(super) fn about(kind: Kind, about: About) -> Refused {
        Problem::new(kind, about).into()
    }

    /// The gateway asks for patience.
    pub(super) fn wait(kind: Kind, wait: Duration) -> Refused {
        let problem = Box::new(kind.into());
        let wait = Some(wait);
        Refused { problem, wait }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        Refused {
            problem: Box::new(problem),
            wait: None,
        }
    }
}

impl From<Kind> for Refused {
    fn from(kind: Kind) -> Refused {
        Problem::from(kind).into()
    }
}

impl From<Forbidden> for Refused {
    fn from(forbidden: Forbidden) -> Refused {
        of_forbidden(forbidden).into()
    }
}

/// The problem of a caller who may not.
pub(super) fn of_forbidden(forbidden: Forbidden) -> Kind {
    match forbidden {
        Forbidden::Role => Kind::RoleForbidden,
        Forbidden::Scope => Kind::OutOfScope,
    }
}

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
            .map_err(|error| self.of_store(error))
    }

    /// The store did not do it, or did not say: the caller repeats.
    pub(super) fn of_store(&self, error: store::Error) -> Refused {
        match error {
            store::Error::Stopped(_) | store::Error::Busy | store::Error::Read(_) => {
                Refused::wait(Kind::Unavailable, self.config.retry())
            }
            store::Error::Full => Refused::wait(Kind::DiskFull, self.config.retry()),
            store::Error::Impossible(_) => Kind::Defect.into(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let kind = self.problem.kind;
        let mut response = json(kind.status(), &self.problem);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(problem::MEDIA_TYPE),
        );
        if let Some(wait) = self.wait {
            // Rounded up: a caller who comes at that second is not too early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if kind == Kind::NotIdentified {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// A whole answer in JSON.
pub(super) fn json(status: u16, value: &impl Serialize) -> Response {
    let status = StatusCode::from_u16(status).expect("answers have a status of the list");
    let body = serde_json::to_vec(value).expect("texts, numbers and lists can be written");
    let content_type = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
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
