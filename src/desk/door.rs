//! The door: who is asking, and whether that caller may see or steer this.
//!
//! On the Unix socket the system says who is at the other end; everywhere else a certificate or a token does.

use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

use crate::access::{Action, Caller, Forbidden, Scope};
use crate::claims::id::{Finess, Name};
use crate::claims::registry::Centre;
use crate::claims::time::Day;
use crate::desk::Desk;
use crate::desk::socket::LocalPeer;
use crate::http::answer::Refused;
use crate::http::door;
use crate::telemetry::event::{Denial, Event};

/// A caller who came in.
pub(super) struct Entered(pub(super) Arc<Caller>);

/// An operator who came in.
pub(super) struct Operator(pub(super) Arc<Caller>);

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
        let now = self.parts.clock.now();
        door::identify(parts, &self.parts.access, now, &self.parts.telemetry)
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
