//! What operators steer: the gates of endpoints, paper duplicates, transmissions by hand.
//!
//! Each is one command of the ledger under the operator's name, safe to repeat; nothing is steered beside it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;

use crate::claims::entry::Gate;
use crate::claims::id::EndpointName;
use crate::formats::json::problem::{About, Kind, Problem};
use crate::store::{Command, Find, Outcome};

use super::Desk;
use super::answer::{Refused, json};
use super::door::{Operator, Part};

/// An endpoint and its gate.
#[derive(Debug, Serialize)]
struct EndpointText {
    endpoint: String,
    /// `open` or `held`.
    gate: &'static str,
}

/// `POST /v1/endpoints/{name}/hold`: lots for it wait until it is released.
pub(super) async fn hold(
    desk: State<Arc<Desk>>,
    name: Part<String>,
    operator: Operator,
) -> Result<Response, Refused> {
    set_gate(desk, name, operator, Gate::Held).await
}

/// `POST /v1/endpoints/{name}/release`: its lots go again.
pub(super) async fn release(
    desk: State<Arc<Desk>>,
    name: Part<String>,
    operator: Operator,
) -> Result<Response, Refused> {
    set_gate(desk, name, operator, Gate::Open).await
}

async fn set_gate(
    State(desk): State<Arc<Desk>>,
    Part(name): Part<String>,
    operator: Operator,
    gate: Gate,
) -> Result<Response, Refused> {
    let endpoint = EndpointName::parse(&name).map_err(|_| Kind::EndpointUnknown)?;
    if !desk
        .parts
        .routes
        .endpoints()
        .any(|known| *known == endpoint)
    {
        return Err(Kind::EndpointUnknown.into());
    }
    let text = EndpointText {
        endpoint: endpoint.to_string(),
        gate: gate_word(gate),
    };
    let actor = operator.actor();
    let command = Command::Endpoint {
        endpoint,
        gate,
        actor,
    };
    desk.command(command).await?;
    Ok(json(200, &text))
}

/// `POST /v1/documents/{id}/paper`: its paper duplicate was sent.
pub(super) async fn paper(
    State(desk): State<Arc<Desk>>,
    Part(id): Part<String>,
    operator: Operator,
) -> Result<Response, Refused> {
    let document = desk
        .seen_by(&operator.0, &id)
        .await?
        .record
        .received
        .document;
    let actor = operator.actor();
    desk.command(Command::Paper { document, actor }).await?;
    desk.after(&operator, document).await
}

/// `POST /v1/documents/{id}/by-hand`: it was transmitted another way; the body is the evidence.
pub(super) async fn by_hand(
    State(desk): State<Arc<Desk>>,
    Part(id): Part<String>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    let document = desk
        .seen_by(&operator.0, &id)
        .await?
        .record
        .received
        .document;
    let evidence = desk.evidence(body).await?;
    let command = Command::Hand {
        document,
        actor: operator.actor(),
        evidence,
        salt: desk.parts.clock.salt(),
    };
    desk.command(command).await?;
    desk.after(&operator, document).await
}

/// The word for a gate, in answers.
pub(super) fn gate_word(gate: Gate) -> &'static str {
    match gate {
        Gate::Open => "open",
        Gate::Held => "held",
    }
}

impl Desk {
    /// Commits; a conflict is a problem.
    pub(super) async fn command(&self, command: Command) -> Result<(), Refused> {
        let now = self.parts.clock.now();
        let outcome = self.parts.store.commit(now, command).await;
        match outcome.map_err(|error| self.uncertain(&error))? {
            Outcome::Done(_) => Ok(()),
            Outcome::Conflict(conflict) => Err(Refused::conflict(&conflict)),
            Outcome::Admitted(_) | Outcome::Heard(_) | Outcome::Leased(_) => {
                Err(Kind::Defect.into())
            }
        }
    }

    /// The document as it stands after a command.
    async fn after(
        &self,
        operator: &Operator,
        document: crate::claims::id::DocumentId,
    ) -> Result<Response, Refused> {
        let found = self.parts.store.document(Find::Id(document)).await;
        let found = found.map_err(|error| self.unread(&error))?;
        self.show(&operator.0, found.ok_or(Kind::DocumentUnknown)?)
            .await
    }

    /// The evidence, up to its limit.
    pub(super) async fn evidence(&self, body: Body) -> Result<Bytes, Refused> {
        let limit = self.parts.config.evidence_bytes.get();
        match Limited::new(body, limit).collect().await {
            Ok(whole) => {
                let bytes = whole.to_bytes();
                if bytes.is_empty() {
                    return Err(Kind::EvidenceMissing.into());
                }
                Ok(bytes)
            }
            Err(error) if error.is::<LengthLimitError>() => {
                let limit = Some(limit);
                let about = About {
                    limit,
                    ..About::default()
                };
                Err(Problem::new(Kind::BodyTooLarge, about).into())
            }
            Err(_) => Err(Kind::BodyIncomplete.into()),
        }
    }
}
