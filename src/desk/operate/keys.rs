//! The master key under which the bodies of the store are encrypted: which one it is, and its change.
//!
//! Must never show a key; what is shown is a digest that says nothing of it. A key comes by a file that the
//! configuration names, never by a request.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use crate::desk::Desk;
use crate::desk::door::Operator;
use crate::desk::order::Order;
use crate::formats::json::problem::Kind;
use crate::http::answer::{Refused, json};
use crate::store::Command;
use crate::store::custody::record::{Rewrapped, Wrapping};
use crate::telemetry::{Event, Reading};

/// How bodies are encrypted.
#[derive(Debug, Default, Serialize)]
struct KeysText {
    /// Id of the master key; none: bodies are not encrypted.
    master_key: Option<String>,
    /// Since when it is in use.
    since: Option<String>,
    /// Segments with a key.
    kept: usize,
    /// Segments whose key was forgotten.
    forgotten: usize,
}

/// `GET /v1/keys`: the master key of the store.
pub(in crate::desk) async fn show(
    State(desk): State<Arc<Desk>>,
    _operator: Operator,
) -> Result<Response, Refused> {
    let text = desk.parts.store.wrapping().as_ref().map(KeysText::of);
    Ok(json(200, &text.unwrap_or_default()))
}

/// `POST /v1/keys/rotate`: all keys are wrapped by the next master key. Safe to repeat: after an answer that did not
/// come, the same order finds it done and records it.
pub(in crate::desk) async fn rotate(
    State(desk): State<Arc<Desk>>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    let order: Order = desk.order(body, 0).await?;
    let reason = desk.reason(&order.reason)?;
    let (store, clock) = (&desk.parts.store, &desk.parts.clock);
    let rewrapped = store.rewrap(clock.now()).await;
    let wrapping = match rewrapped.map_err(|error| desk.uncertain(&error))? {
        Rewrapped::Done(wrapping) => wrapping,
        Rewrapped::NothingSealed | Rewrapped::NoKey(_) => return Err(Kind::NextKeyMissing.into()),
    };
    let telemetry = &desk.parts.telemetry;
    let since = Some(wrapping.since);
    telemetry.show(Reading::MasterKey { since });
    let master = wrapping.master.to_string();
    telemetry.record(Event::MasterKeyChanged { master: &master });
    let command = Command::Rewrapped {
        master: wrapping.master.0,
        actor: operator.actor(),
        reason,
    };
    match desk.decide(command).await? {
        Ok(_) => Ok(json(200, &KeysText::of(&wrapping))),
        Err(conflict) => Err(Refused::from(&conflict)),
    }
}

impl KeysText {
    fn of(wrapping: &Wrapping) -> KeysText {
        KeysText {
            master_key: Some(wrapping.master.to_string()),
            since: Some(wrapping.since.to_string()),
            kept: wrapping.kept,
            forgotten: wrapping.forgotten,
        }
    }
}
