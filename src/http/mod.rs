//! What all requests have in common: who is calling, what a path and a query may say, how a problem is answered.
//!
//! `intake` and `desk` serve one listener; a caller must not be able to tell from an answer which of them gave it. It
//! knows no document and decides nothing. A crash leaves nothing behind.

pub mod answer;
pub mod door;
mod leftover;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::MethodRouter;

use crate::formats::json::problem::Kind;
use crate::http::answer::Refused;

/// Whether a route reads a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// It does, and says itself what it knows.
    Read,
    /// It does not: whatever is asked would be ignored, and is refused.
    None,
}

impl Query {
    /// A handler that reads the query, or refuses it.
    pub fn of<S: Clone + Send + Sync + 'static>(self, handler: MethodRouter<S>) -> MethodRouter<S> {
        match self {
            Query::Read => handler,
            Query::None => handler.route_layer(from_fn(door::unasked)),
        }
    }
}

/// All routes of a listener, and a problem for an address that is none of them and for a method that its address
/// does not know. What an answer leaves of a small body is read.
pub fn closed(router: Router) -> Router {
    router
        .fallback(|| async { Refused::from(Kind::AddressUnknown) })
        .method_not_allowed_fallback(|| async { Refused::from(Kind::MethodUnknown) })
        .layer(from_fn(leftover::read))
}
