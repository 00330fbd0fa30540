//! The door: who is asking, and whether that caller may see or steer this.
//!
//! On the Unix socket the system says who is at the other end; everywhere else a certificate or a token does.

use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Path, Query};
use axum::http::header;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::access::{self, Action, Caller, Forbidden, Scope};
use crate::claims::id::{Finess, Name};
use crate::claims::registry::Centre;
use crate::claims::time::Day;
use crate::formats::json::problem::Kind;
use crate::telemetry::event::{Denial, Event};
use crate::tls::Peer;

use super::Desk;
use super::answer::Refused;
use super::socket::LocalPeer;

/// A caller who came in.
pub(super) struct Entered(pub(super) Arc<Caller>);

/// An operator who came in.
pub(super) struct Operator(pub(super) Arc<Caller>);

/// The parts of the path that vary. Bytes that are no text are at no address.
pub(super) struct Part<T>(pub(super) T);

/// A query of which every key is known.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Desk>> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Desk>) -> Result<Asked<T>, Refused> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        let query = query.map(|Query(query)| Asked(query));
        query.map_err(|error| match unreadable(&error.body_text()) {
            Some(parameter) => Refused::parameter(parameter),
            None => Kind::QueryUnknown.into(),
        })
    }
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

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Part<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Part<T>, Refused> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(part)| Part(part))
            .map_err(|_| Kind::AddressUnknown.into())
    }
}

impl FromRequestParts<Arc<Desk>> for Entered {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Entered, Refused> {
        desk.identify(parts).map(Entered)
    }
}

impl FromRequestParts<Arc<Desk>> for Operator {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Operator, Refused> {
        let caller = desk.identify(parts)?;
        desk.allow(&caller, Action::Operate).await?;
        Ok(Operator(caller))
    }
}

impl Operator {
    /// How the ledger calls this operator.
    pub(super) fn actor(&self) -> Name {
        self.0.name().clone()
    }
}

impl Desk {
    /// Says who is asking.
    pub(super) fn identify(&self, parts: &Parts) -> Result<Arc<Caller>, Refused> {
        if let Some(ConnectInfo(local)) = parts.extensions.get::<ConnectInfo<LocalPeer>>() {
            return Ok(Arc::new(local.caller()));
        }
        let peer = parts.extensions.get::<Peer>();
        let certificate = peer.and_then(|peer| peer.certificate.as_deref());
        let authorization = parts.headers.get(header::AUTHORIZATION);
        // A header that is no text holds no token of ours; it must not fall back to the certificate.
        let authorization = authorization.map(|header| header.to_str().unwrap_or_default());
        let now = self.parts.clock.now();
        let found = self.parts.access.identify(certificate, authorization, now);
        found.map_err(|error| {
            self.deny(match error {
                access::Error::Missing | access::Error::Unknown => Denial::Unknown,
                access::Error::Expired => Denial::Expired,
                access::Error::Revoked => Denial::Revoked,
            });
            Kind::NotIdentified.into()
        })
    }

    /// Refuses what the caller may not.
    pub(super) async fn allow(&self, caller: &Caller, action: Action<'_>) -> Result<(), Refused> {
        self.may(caller, action).await?.map_err(|forbidden| {
            self.deny(Denial::Scope);
            forbidden.into()
        })
    }

    /// Whether the caller may. The registry is read only for a scope that depends on it.
    pub(super) async fn may(
        &self,
        caller: &Caller,
        action: Action<'_>,
    ) -> Result<Result<(), Forbidden>, Refused> {
        let registry = match caller.scope() {
            Scope::Gestionnaire(_) => {
                let read = self.parts.store.centres().await;
                read.map_err(|error| self.unread(&error))?
            }
            Scope::Centres(_) | Scope::Insurer(_) | Scope::All => Default::default(),
        };
        let today = self.parts.clock.now().day();
        Ok(caller.may(action, |finess: Finess| {
            gestionnaire(registry.get(&finess)?, today)
        }))
    }

    /// Counts a refusal for who asks.
    pub(super) fn deny(&self, reason: Denial) {
        self.parts.telemetry.record(Event::Denied { reason });
    }
}

/// The gestionnaire of a centre: of the latest version that has begun.
pub(super) fn gestionnaire(versions: &[Centre], today: Day) -> Option<Name> {
    Centre::begun(versions, today).map(|version| version.gestionnaire.clone())
}
