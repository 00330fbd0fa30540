//! What an operator writes when steering: JSON with the reason, which the ledger keeps beside what is done.
//!
//! A reason is free text: it is a body of the ledger, and it never stands in a log, an error or an address.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::claims::entry::Position;
use crate::desk::Desk;
use crate::formats::json::problem::Kind;
use crate::http::answer::Refused;
use crate::store::{self, Command, Conflict, Outcome};

/// Room for what stands in an order beside its reason and evidence.
const FRAME_BYTES: usize = 64 << 10;

/// An order of which only the reason has to be said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    pub(super) reason: String,
}

impl Desk {
    /// An order as its JSON says it, up to a length.
    pub(super) async fn order<T: DeserializeOwned>(
        &self,
        body: Body,
        beside: usize,
    ) -> Result<T, Refused> {
        let limit = self.parts.config.reason_bytes.get() + beside + FRAME_BYTES;
        let whole = whole(body, limit).await?;
        serde_json::from_slice(&whole).map_err(|_| Kind::OrderFaulty.into())
    }

    /// A reason that says something and is not longer than allowed.
    pub(super) fn reason(&self, text: &str) -> Result<store::Body, Refused> {
        let (text, limit) = (text.trim(), self.parts.config.reason_bytes.get());
        if text.is_empty() {
            return Err(Refused::order("reason"));
        }
        if text.len() > limit {
            return Err(Refused::too_large(limit));
        }
        Ok(self.as_body(Bytes::copy_from_slice(text.as_bytes())))
    }

    /// Bytes as a body of the ledger.
    pub(super) fn as_body(&self, bytes: Bytes) -> store::Body {
        let salt = self.parts.clock.salt();
        store::Body { bytes, salt }
    }

    /// Has the ledger decide, now; what stands against it is given back.
    pub(super) async fn decide(
        &self,
        command: Command,
    ) -> Result<Result<Position, Conflict>, Refused> {
        let now = self.parts.clock.now();
        let outcome = self.parts.store.commit(now, command).await;
        let done = outcome.and_then(Outcome::done);
        done.map_err(|error| self.uncertain(&error))
    }

    /// Commits what an operator ordered; what stands against it is given back.
    pub(super) async fn steer(
        &self,
        command: Command,
        reason: store::Body,
    ) -> Result<Result<Position, Conflict>, Refused> {
        let command = Command::Explain {
            command: Box::new(command),
            reason,
        };
        self.decide(command).await
    }

    /// Commits what an operator ordered; a conflict is a problem.
    pub(super) async fn command(&self, body: Body, command: Command) -> Result<(), Refused> {
        let order: Order = self.order(body, 0).await?;
        self.done(command, &order.reason).await
    }

    /// Commits for a reason; a conflict is a problem.
    pub(super) async fn done(&self, command: Command, reason: &str) -> Result<(), Refused> {
        let reason = self.reason(reason)?;
        let steered = self.steer(command, reason).await?;
        steered
            .map(drop)
            .map_err(|conflict| Refused::from(&conflict))
    }
}

/// A body, up to its limit.
pub(super) async fn whole(body: Body, limit: usize) -> Result<Bytes, Refused> {
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refused::too_large(limit)),
        Err(_) => Err(Kind::BodyIncomplete.into()),
    }
}
