//! Backups that an operator orders. One writes where the operator says, as the user of the daemon: so only who is at
//! this machine may order it.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::desk::Desk;
use crate::desk::door::Operator;
use crate::desk::socket::LocalPeer;
use crate::formats::json::problem::{About, Kind, Problem};
use crate::http::answer::{Refused, json};
use crate::store::custody::backup::{Done, Order as BackupOrder};
use crate::telemetry::event::Event;

/// Room for what stands in the order of a backup.
const ORDER_BYTES: usize = 16 << 10;

/// An operator at this machine.
pub(in crate::desk) struct Nearby;

impl FromRequestParts<Arc<Desk>> for Nearby {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Nearby, Refused> {
        let _operator = Operator::from_request_parts(parts, desk).await?;
        match parts.extensions.get::<ConnectInfo<LocalPeer>>() {
            Some(_) => Ok(Nearby),
            None => Err(Kind::RoleForbidden.into()),
        }
    }
}

/// Where a backup goes: directories of this machine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToBackUp {
    to: PathBuf,
    keys_to: PathBuf,
}

/// A backup that was made.
#[derive(Debug, Serialize)]
struct BackupText {
    at: String,
    position: u64,
    chain: String,
    /// Files that were written, and bytes read from the store for them.
    files: u64,
    bytes: u64,
}

/// `POST /v1/backups`: copies the store to a directory of this machine, while it works.
pub(in crate::desk) async fn back_up(
    State(desk): State<Arc<Desk>>,
    _nearby: Nearby,
    body: Body,
) -> Result<Response, Refused> {
    let order: ToBackUp = desk.order(body, ORDER_BYTES).await?;
    if !order.to.is_absolute() || !order.keys_to.is_absolute() {
        return Err(Kind::OrderFaulty.into());
    }
    let _turn = desk.copying.try_lock().map_err(|_| desk.occupied())?;
    let order = BackupOrder {
        to: order.to,
        keys_to: order.keys_to,
        at: desk.parts.clock.now(),
        bytes_per_second: desk.parts.config.backup_bytes_per_second,
    };
    let (custody, closing) = (desk.parts.custody.clone(), desk.parts.closing.clone());
    let copied = tokio::task::spawn_blocking(move || {
        custody
            .backup(&order, &|| closing.is_cancelled())
            .map_err(|error| error.summary())
    });
    let copied = copied.await.unwrap_or(Err("it broke off"));
    match copied {
        Ok(done) => {
            let text = BackupText::from(&done);
            desk.parts.telemetry.record(Event::BackedUp {
                position: done.manifest.head.position,
                files: done.files,
                bytes: done.bytes,
            });
            Ok(json(200, &text))
        }
        Err(why) => {
            desk.parts.telemetry.record(Event::BackupFailed { why });
            let about = About {
                why: Some(why),
                ..About::default()
            };
            Err(Problem::new(Kind::BackupFailed, about).into())
        }
    }
}

impl From<&Done> for BackupText {
    fn from(done: &Done) -> BackupText {
        BackupText {
            at: done.manifest.at.to_string(),
            position: done.manifest.head.position.0,
            chain: done.manifest.head.chain.to_string(),
            files: done.files,
            bytes: done.bytes,
        }
    }
}
