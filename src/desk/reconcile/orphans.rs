//! `GET /v1/reconciliations/{run}/orphans`: receipts and settlements that no document answered to when the
//! reconciliation was made, for whoever looks for what a caisse has and we do not. They are counted nowhere.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::access::Action;
use crate::claims::entry::Position;
use crate::desk::Desk;
use crate::desk::door::Entered;
use crate::http::answer::{Refused, json};
use crate::http::door::{Asked, Part};
use crate::report::reconciliation::orphans::OrphanText;

/// Which page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct OfOrphans {
    after: Option<u32>,
}

#[derive(Debug, Serialize)]
struct OrphanPage {
    run: u64,
    /// How many there were, those too that are not listed.
    count: u64,
    rows: Vec<OrphanText>,
    next: Option<u32>,
}

/// `GET /v1/reconciliations/{run}/orphans?after=`.
pub(in crate::desk) async fn get(
    State(desk): State<Arc<Desk>>,
    Part(run): Part<u64>,
    Entered(caller): Entered,
    Asked(query): Asked<OfOrphans>,
) -> Result<Response, Refused> {
    desk.allow(&caller, Action::Reconcile).await?;
    let record = desk.run_of(&caller, Position(run)).await?;
    let found = desk.result(&record).await?.orphans;
    let most = desk.parts.config.reconciliation_rows.get();
    let mut rows = found.rows;
    rows.retain(|row| query.after.is_none_or(|after| row.line > after));
    let next = rows.get(most).and(rows.get(most - 1)).map(|row| row.line);
    rows.truncate(most);
    let page = OrphanPage {
        run,
        count: found.count,
        rows,
        next,
    };
    Ok(json(200, &page))
}
