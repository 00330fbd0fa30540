//! The door: who is calling, and what a path and a query may say.
//!
//! All of it before the first byte of the body is read, and none of it waits.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use serde::de::DeserializeOwned;

use crate::access::{self, Access, Caller};
use crate::claims::time::Timestamp;
use crate::formats::json::problem::Kind;
use crate::http::answer::Refused;
use crate::telemetry::Telemetry;
use crate::telemetry::event::{Denial, Event};
use crate::tls::Peer;

/// The parts of the path that vary. Bytes that are no text are at no address.
pub struct Part<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Part<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Part<T>, Refused> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(part)| Part(part))
            .map_err(|_| Kind::AddressUnknown.into())
    }
}

/// A query of which every key is known.
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked<T>, Refused> {
        query(&parts.uri).map(Asked)
    }
}

/// Reads a query. What is not known is refused: ignored, it would look like what was done.
pub fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Refused> {
    let query = Query::<T>::try_from_uri(uri);
    let query = query.map(|Query(query)| query);
    query.map_err(|error| match unreadable(&error.body_text()) {
        Some(parameter) => Refused::parameter(parameter),
        None => Kind::QueryUnknown.into(),
    })
}

/// The key of a query whose value cannot be read, if that is what was wrong: it is one of ours, or it would be unknown.
fn unreadable(why: &str) -> Option<String> {
    let (_, why) = why.split_once("query string: ")?;
    let (key, why) = why.split_once(": ")?;
    let is_key = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let of_keys = why.starts_with("unknown field") || why.starts_with("duplicate field");
    (is_key(key) && !of_keys).then(|| key.to_owned())
}

/// Refuses every query, for routes that read none.
pub(super) async fn unasked(request: Request, next: Next) -> Result<Response, Refused> {
    match request.uri().query() {
        None | Some("") => Ok(next.run(request).await),
        Some(_) => Err(Kind::QueryUnknown.into()),
    }
}

/// Says who is calling, by certificate or token, and counts who is not known.
///
/// # Errors
/// 401 for nobody who is known and valid at `now`.
pub fn identify(
    parts: &Parts,
    access: &Access,
    now: Timestamp,
    telemetry: &Telemetry,
) -> Result<Arc<Caller>, Refused> {
    let peer = parts.extensions.get::<Peer>();
    let certificate = peer.and_then(|peer| peer.certificate.as_deref());
    let authorization = parts.headers.get(header::AUTHORIZATION);
    // A header that is no text holds no token of ours; it must not fall back to the certificate.
    let authorization = authorization.map(|header| header.to_str().unwrap_or_default());
    let found = access.identify(certificate, authorization, now);
    found.map_err(|error| {
        let reason = match error {
            access::Error::Missing | access::Error::Unknown => Denial::Unknown,
            access::Error::Expired => Denial::Expired,
            access::Error::Revoked => Denial::Revoked,
        };
        telemetry.record(Event::Denied { reason });
        Kind::NotIdentified.into()
    })
}
