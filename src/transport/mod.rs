//! Carries lots to insurers and brings back what they say. It reports what happened and never what it
//! means: that is `claims::outcome`. It decides nothing, keeps nothing and never tries twice: an attempt
//! is made durable before it is made, by the caller.
//!
//! A crash in the middle of an attempt leaves it to the ledger's lease: the lot is then in doubt.

mod config;
mod endpoint;
pub mod lane;
mod opening;
mod body;
mod cause;
pub mod https;
pub mod lists;
pub mod webhook;
pub mod simulated;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::claims::id::{Digest, EndpointName, LotId, Name};
use crate::claims::outcome::{Asked, Cause, Sent, Trouble};
use crate::formats::lot::Composed;

pub use config::{Config, Error, Faults};
pub use endpoint::{Endpoint, StatusService};

/// The way to the insurers. Dropping a call is safe: it is an attempt whose end nobody heard.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Makes one attempt to hand over a lot.
    async fn send(&self, endpoint: &EndpointName, lot: &Composed) -> Sent;

    /// Asks what became of a lot that was sent with this digest.
    async fn status(&self, endpoint: &EndpointName, lot: LotId, digest: Digest) -> Asked;

    /// Asks for receipts and settlements issued after a cursor, or for the first ones.
    async fn fetch_receipts(&self, endpoint: &EndpointName, after: Option<&Name>) -> Fetched;
}

/// What became of asking for receipts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The bytes of a feed (`urn:bordereau:feed:1`), not looked into.
    Feed(Bytes),
    /// The destination answered with a trouble of its own, and how long it asks to wait.
    Trouble(Trouble, Option<Duration>),
    /// No whole answer came.
    NoAnswer(Cause),
}
