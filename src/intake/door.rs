//! The door of what is posted: who is calling, whether the store can take anything, and whether this caller comes too often.
//!
//! All of it before the first byte of the body is read, and none of it waits.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::Intake;
use crate::access::{self, Caller, Forbidden, Role};
use crate::claims::id::EndpointName;
use crate::formats::json::problem::Kind;
use crate::http::answer::Refused;
use crate::http::door;
use crate::store::Readiness;
use crate::telemetry::event::{Denial, Event};

/// A caller who came in.
pub(super) struct Entered(pub(super) Arc<Caller>);

impl FromRequestParts<Arc<Intake>> for Entered {
    type Rejection = Refused;

    async fn from_request_parts(
        parts: &mut Parts,
        intake: &Arc<Intake>,
    ) -> Result<Entered, Refused> {
        let (access, telemetry) = (&intake.parts.access, &intake.parts.telemetry);
        let caller = door::identify(parts, access, intake.parts.clock.now(), telemetry)?;
        intake.shed(&caller)?;
        let wait = intake.pace.check(caller.name());
        wait.map_err(|wait| {
            intake.deny(Denial::TooOften);
            Refused::later(Kind::TooOften, wait)
        })?;
        Ok(Entered(caller))
    }
}

impl Entered {
    /// The caller, if it posts for centres: refused before its body is read.
    pub(super) fn for_centres(self, intake: &Intake) -> Result<Arc<Caller>, Refused> {
        match self.0.role() {
            Role::Centre => Ok(self.0),
            Role::Insurer | Role::Operator | Role::National | Role::Metrics => {
                intake.deny(Denial::Scope);
                Err(Forbidden::Role.into())
            }
        }
    }

    /// The caller, if it posts for centres and the store admits documents: refused before its body is read.
    pub(super) fn for_admission(self, intake: &Intake) -> Result<Arc<Caller>, Refused> {
        let caller = self.for_centres(intake)?;
        intake.admits()?;
        Ok(caller)
    }

    /// The endpoint that the caller speaks for, if it is an insurer.
    pub(super) fn for_endpoint(&self, intake: &Intake) -> Result<EndpointName, Refused> {
        match self.0.scope() {
            access::Scope::Insurer(endpoint) => Ok(endpoint.clone()),
            access::Scope::Centres(_) | access::Scope::Gestionnaire(_) | access::Scope::All => {
                intake.deny(Denial::Scope);
                Err(Forbidden::Role.into())
            }
        }
    }
}

impl Intake {
    /// Counts a refusal for who asks.
    pub(super) fn deny(&self, reason: Denial) {
        self.parts.telemetry.record(Event::Denied { reason });
    }

    fn shed(&self, caller: &Caller) -> Result<(), Refused> {
        match self.parts.store.health().state {
            // Admissions alone are refused then: see `admits`.
            Readiness::Ready | Readiness::LowOnDisk => Ok(()),
            Readiness::Resuming => self.after_insurers(caller, Kind::Unavailable),
            Readiness::Opening
            | Readiness::Shedding
            | Readiness::Rebuilding { .. }
            | Readiness::Failed(_) => self.ask_for_patience(Kind::Unavailable),
        }
    }

    /// Refuses what the store refuses while its disk is filling up, and nothing else: what writes nothing, and what ends
    /// waiting, goes on.
    fn admits(&self) -> Result<(), Refused> {
        match self.parts.store.health().state {
            Readiness::LowOnDisk => self.ask_for_patience(Kind::DiskFull),
            Readiness::Ready
            | Readiness::Resuming
            | Readiness::Opening
            | Readiness::Shedding
            | Readiness::Rebuilding { .. }
            | Readiness::Failed(_) => Ok(()),
        }
    }

    /// What insurers hand in ends waiting; what centres post begins it.
    fn after_insurers(&self, caller: &Caller, kind: Kind) -> Result<(), Refused> {
        match caller.role() {
            Role::Insurer => Ok(()),
            Role::Centre | Role::Operator | Role::National | Role::Metrics => {
                self.ask_for_patience(kind)
            }
        }
    }

    fn ask_for_patience(&self, kind: Kind) -> Result<(), Refused> {
        self.parts.telemetry.record(Event::Shed);
        Err(Refused::later(kind, self.config.retry()))
    }
}
