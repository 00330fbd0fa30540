//! The state after a restore, and endpoints that are asked from the beginning: what was lost is heard again.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use crate::claims::id::EndpointName;
use crate::desk::Desk;
use crate::desk::door::Operator;
use crate::desk::order::Order;
use crate::formats::json::problem::Kind;
use crate::http::answer::{Refused, json};
use crate::http::door::Part;
use crate::store::Command;
use crate::store::custody::record::RestorationRecord;

/// Whether the ledger was made from a backup, and whether lots go.
#[derive(Debug, Serialize)]
struct RestorationText {
    /// `open`, or `waits` for the resume after a restore.
    sending: &'static str,
    restored: Option<RestoredText>,
}

#[derive(Debug, Serialize)]
struct RestoredText {
    /// The entry that says so.
    entry: u64,
    at: String,
    /// SHA-256 of the backup's manifest.
    backup: String,
    backup_at: String,
    /// The last entry that was restored.
    position: u64,
    /// From here until `at` nothing is known.
    lost_since: String,
    /// The last entry that is known to have been there.
    known: u64,
    resumed_at: Option<String>,
}

/// `GET /v1/restoration`.
pub(in crate::desk) async fn get(
    State(desk): State<Arc<Desk>>,
    _operator: Operator,
) -> Result<Response, Refused> {
    desk.show_restoration().await
}

/// `POST /v1/restoration/resume`: after a restore, lots go again.
pub(in crate::desk) async fn resume(
    State(desk): State<Arc<Desk>>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    let order: Order = desk.order(body, 0).await?;
    let command = Command::Resume {
        actor: operator.actor(),
        reason: desk.reason(&order.reason)?,
    };
    match desk.decide(command).await? {
        Ok(_) => desk.show_restoration().await,
        Err(conflict) => Err(Refused::from(&conflict)),
    }
}

/// An endpoint that is asked from the beginning.
#[derive(Debug, Serialize)]
struct RewoundText {
    endpoint: String,
    /// Where the next question begins: nowhere, so at the beginning.
    cursor: Option<String>,
}

/// `POST /v1/endpoints/{name}/rewind`: its receipts and settlements are asked for from the beginning again.
pub(in crate::desk) async fn rewind(
    State(desk): State<Arc<Desk>>,
    Part(name): Part<String>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    let routes = Arc::clone(&desk.parts.routes.borrow());
    let named = EndpointName::parse(&name).map_err(|_| Kind::EndpointUnknown)?;
    // By whichever of its names: the present one is polled.
    let endpoint = routes.present(&named).clone();
    if !routes.has(&endpoint) {
        return Err(Kind::EndpointUnknown.into());
    }
    let text = RewoundText {
        endpoint: endpoint.to_string(),
        cursor: None,
    };
    let formerly = routes.former(&endpoint).to_vec();
    let command = Command::Rewind {
        formerly,
        endpoint,
        actor: operator.actor(),
    };
    desk.command(body, command).await?;
    Ok(json(200, &text))
}

impl Desk {
    async fn show_restoration(&self) -> Result<Response, Refused> {
        let record = self.parts.custody.restoration().await;
        let record = record.map_err(|error| self.unread(&error))?;
        Ok(json(
            200,
            &RestorationText {
                sending: sending_word(record.as_ref()),
                restored: record.map(|record| RestoredText {
                    entry: record.position.0,
                    at: record.at.to_string(),
                    backup: record.restored.backup.to_string(),
                    backup_at: record.restored.taken.to_string(),
                    position: record.restored.position.0,
                    lost_since: record.restored.since.to_string(),
                    known: record.restored.known.0,
                    resumed_at: record.resumed.map(|(_, at)| at.to_string()),
                }),
            },
        ))
    }
}

/// The word for whether lots go: not after a restore, until that is resumed.
pub(in crate::desk) fn sending_word(restored: Option<&RestorationRecord>) -> &'static str {
    match restored.is_some_and(RestorationRecord::waits) {
        true => "waits",
        false => "open",
    }
}
