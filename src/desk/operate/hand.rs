//! What operators steer: the gates of endpoints, cancellations, paper duplicates, transmissions by hand.
//!
//! Each is one command of the ledger under the operator's name and with a reason, safe to repeat; nothing is steered
//! beside it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::claims::entry::Gate;
use crate::claims::id::{DocumentId, EndpointName};
use crate::claims::standing::Standing;
use crate::desk::Desk;
use crate::desk::door::Operator;
use crate::formats::json::posted;
use crate::formats::json::problem::Kind;
use crate::http::answer::{Refused, json};
use crate::http::door::Part;
use crate::store::{self, Command, EndpointRecord, Find};

/// An endpoint and its gate.
#[derive(Debug, Serialize)]
struct EndpointText {
    endpoint: String,
    /// `open` or `held`: of all names of the system.
    gate: &'static str,
    /// Under which of its names it is held.
    held_as: Vec<String>,
}

/// A transmission by hand: why, and what proves it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ByHand {
    reason: String,
    /// The bytes of the evidence, in base64 (RFC 4648 §4).
    #[serde(default)]
    evidence: String,
}

/// `POST /v1/endpoints/{name}/hold`: lots for it wait until it is released.
pub(in crate::desk) async fn hold(
    desk: State<Arc<Desk>>,
    name: Part<String>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    set_gate(desk, name, operator, body, Gate::Held).await
}

/// `POST /v1/endpoints/{name}/release`: its lots go again.
pub(in crate::desk) async fn release(
    desk: State<Arc<Desk>>,
    name: Part<String>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    set_gate(desk, name, operator, body, Gate::Open).await
}

async fn set_gate(
    State(desk): State<Arc<Desk>>,
    Part(name): Part<String>,
    operator: Operator,
    body: Body,
    gate: Gate,
) -> Result<Response, Refused> {
    let endpoint = desk.known_endpoint(&name).await?;
    let command = Command::Endpoint {
        endpoint: endpoint.clone(),
        gate,
        actor: operator.actor(),
    };
    desk.command(body, command).await?;
    // A hold under another name of the same system holds it all the same.
    let gates = desk.parts.store.endpoints().await;
    let gates = gates.map_err(|error| desk.unread(&error))?;
    let routes = Arc::clone(&desk.parts.routes.borrow());
    let is_held = |name: &&EndpointName| {
        EndpointRecord::gate_of(&gates, std::iter::once(*name)) == Gate::Held
    };
    let held_as = routes.system(&endpoint).filter(is_held);
    let text = EndpointText {
        endpoint: endpoint.to_string(),
        gate: gate_word(EndpointRecord::gate_of(&gates, routes.system(&endpoint))),
        held_as: held_as.map(ToString::to_string).collect(),
    };
    Ok(json(200, &text))
}

/// `POST /v1/documents/{id}/cancel`: cancelled, while nothing of it can be with the insurer.
pub(in crate::desk) async fn cancel(
    State(desk): State<Arc<Desk>>,
    Part(id): Part<String>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    let view = desk.seen_by(&operator.0, &id).await?;
    let received = view.record.received;
    let (document, key) = (received.document, received.facts.key);
    let caller = operator.actor();
    let command = Command::Cancel { document, caller };
    desk.command(body, command).await?;
    Ok(json(
        200,
        &posted::Cancelled {
            id: document.to_string(),
            number: key.number.to_string(),
            kind: key.kind.as_str(),
            standing: Standing::Cancelled.as_str(),
        },
    ))
}

/// `POST /v1/documents/{id}/paper`: its paper duplicate was sent.
pub(in crate::desk) async fn paper(
    State(desk): State<Arc<Desk>>,
    Part(id): Part<String>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    let document = desk.steered(&operator, &id).await?;
    let actor = operator.actor();
    desk.command(body, Command::Paper { document, actor })
        .await?;
    desk.after(&operator, document).await
}

/// `POST /v1/documents/{id}/by-hand`: it was transmitted another way; the order holds the evidence.
pub(in crate::desk) async fn by_hand(
    State(desk): State<Arc<Desk>>,
    Part(id): Part<String>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    let document = desk.steered(&operator, &id).await?;
    let limit = desk.parts.config.evidence_bytes.get();
    let order: ByHand = desk.order(body, limit.div_ceil(3) * 4).await?;
    let evidence = STANDARD.decode(&order.evidence);
    let evidence = evidence.map_err(|_| Refused::order("evidence"))?;
    if evidence.is_empty() {
        return Err(Kind::EvidenceMissing.into());
    }
    if evidence.len() > limit {
        return Err(Refused::too_large(limit));
    }
    let command = Command::Hand {
        document,
        actor: operator.actor(),
        evidence: desk.as_body(Bytes::from(evidence)),
    };
    desk.done(command, &order.reason).await?;
    desk.after(&operator, document).await
}

/// The word for a gate, in answers.
pub(in crate::desk) fn gate_word(gate: Gate) -> &'static str {
    match gate {
        Gate::Open => "open",
        Gate::Held => "held",
    }
}

impl Desk {
    /// An endpoint of the configuration, or one that only the ledger knows: lots wait there although it is gone, or it
    /// was held before.
    pub(in crate::desk) async fn known_endpoint(
        &self,
        name: &str,
    ) -> Result<EndpointName, Refused> {
        let endpoint = EndpointName::parse(name).map_err(|_| Kind::EndpointUnknown)?;
        if self.parts.routes.borrow().has(&endpoint) {
            return Ok(endpoint);
        }
        let unread = |error: store::Error| self.unread(&error);
        let gates = self.parts.store.endpoints().await.map_err(unread)?;
        let survey = self.survey().await.map_err(unread)?;
        if gates.contains_key(&endpoint) || survey.endpoints.contains_key(&endpoint) {
            return Ok(endpoint);
        }
        Err(Kind::EndpointUnknown.into())
    }

    /// The document that an operator means.
    async fn steered(&self, operator: &Operator, id: &str) -> Result<DocumentId, Refused> {
        let view = self.seen_by(&operator.0, id).await?;
        Ok(view.record.received.document)
    }

    /// The document as it stands after a command.
    async fn after(&self, operator: &Operator, document: DocumentId) -> Result<Response, Refused> {
        let found = self.parts.store.document(Find::Id(document)).await;
        let found = found.map_err(|error| self.unread(&error))?;
        self.show(&operator.0, found.ok_or(Kind::DocumentUnknown)?)
            .await
    }
}
