//! `GET /v1/documents/{id}/evidence`: what proves a document to those who do not have the gateway.
//!
//! The proof holds entries of all centres, so it is for operators and national readers. Content goes only to who is at
//! this machine: elsewhere the bundle holds commitments and no bodies. Whoever gets it leaves a trace before its first
//! byte.

use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use axum::http::request::Parts;
use axum::response::Response;

use crate::access::Role;
use crate::claims::id::DocumentId;
use crate::desk::Desk;
use crate::desk::door::Entered;
use crate::desk::socket::LocalPeer;
use crate::formats::json::problem::{Kind, Problem};
use crate::http::answer::{Refused, bytes};
use crate::http::door::Part;
use crate::report::evidence::{self, Bodies};
use crate::store::Find;
use crate::store::traces::Read;
use crate::telemetry::event::Denial;

const MEDIA_TYPE: &str = "application/x-tar";

/// The bundle of a document.
pub(in crate::desk) async fn get(
    State(desk): State<Arc<Desk>>,
    Part(id): Part<String>,
    Entered(caller): Entered,
    parts: Parts,
) -> Result<Response, Refused> {
    match caller.role() {
        Role::Operator | Role::National => {}
        Role::Centre | Role::Insurer | Role::Metrics => {
            desk.deny(Denial::Scope);
            return Err(Kind::RoleForbidden.into());
        }
    }
    let bodies = match parts.extensions.get::<ConnectInfo<LocalPeer>>() {
        Some(_) => Bodies::Included,
        None => Bodies::LeftOut,
    };
    // One at a time: it is put together in memory.
    let _turn = desk.exporting.try_lock().map_err(|_| desk.occupied())?;
    let unread = |error| desk.unread(&error);
    let id = DocumentId::parse(&id).map_err(|_| Kind::DocumentUnknown)?;
    let view = desk.parts.store.document(Find::Id(id)).await;
    let view = view.map_err(unread)?.ok_or(Kind::DocumentUnknown)?;
    let (store, custody) = (&*desk.parts.store, &*desk.parts.custody);
    let (now, most) = (
        desk.parts.clock.now(),
        desk.parts.config.evidence_bundle_bytes.get(),
    );
    let bundle = evidence::bundle(store, custody, &view, bodies, now, most).await;
    match bundle {
        Ok(bundle) => {
            let read = match bodies {
                Bodies::Included => Read::Content,
                Bodies::LeftOut => Read::History,
            };
            desk.trace(&caller, &view.record, read).await?;
            Ok(bytes(200, MEDIA_TYPE, bundle))
        }
        Err(evidence::Error::Store(error)) => Err(desk.unread(&error)),
        Err(evidence::Error::Founded) => Err(Kind::ContentGone.into()),
        Err(evidence::Error::TooLarge) => Err(Problem::limit(Kind::EvidenceTooLarge, most).into()),
    }
}
