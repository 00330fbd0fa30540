//! What proves the ledger to those outside of it: its anchors, and a walk along its chain.
//!
//! An anchor is a hash and says nothing of any document, so everybody who is known here may keep it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::claims::custody::Anchor;
use crate::claims::entry::Position;
use crate::desk::Desk;
use crate::desk::door::{Entered, Operator};
use crate::formats::json::problem::Kind;
use crate::http::answer::{Refused, json};
use crate::http::door::Asked;
use crate::report::rate::past::FIRST;
use crate::store::custody::record::AnchorRecord;

/// From where on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct After {
    /// Anchors of entries after this one.
    after: Option<u64>,
}

#[derive(Debug, Serialize)]
struct AnchorPage {
    /// The last entry that is durable now; it is not yet written down as an anchor.
    present: PresentText,
    anchors: Vec<AnchorText>,
    next: Option<u64>,
}

#[derive(Debug, Serialize)]
struct PresentText {
    position: u64,
    chain: String,
    at: String,
}

#[derive(Debug, Serialize)]
struct AnchorText {
    /// The entry that is anchored.
    position: u64,
    /// The running hash after it.
    chain: String,
    at: String,
    /// The entry in which it is written down.
    entry: u64,
}

/// `GET /v1/ledger/anchor`: the present end of the ledger, and its anchors, oldest first.
pub(in crate::desk) async fn anchors(
    State(desk): State<Arc<Desk>>,
    Entered(_caller): Entered,
    Asked(query): Asked<After>,
) -> Result<Response, Refused> {
    let rows = desk.parts.config.list_rows.get();
    let after = Position(query.after.unwrap_or_default());
    let custody = &desk.parts.custody;
    let unread = |error| desk.unread(&error);
    let end = custody.end().await.map_err(unread)?;
    let found = custody.anchors(after, rows).await.map_err(unread)?;
    let last = found.last().filter(|_| found.len() == rows);
    let page = AnchorPage {
        present: PresentText {
            position: end.position.0,
            chain: end.chain.to_string(),
            at: desk.parts.clock.now().to_string(),
        },
        next: last.map(|last| last.anchor.position.0),
        anchors: found.into_iter().map(AnchorText::from).collect(),
    };
    Ok(json(200, &page))
}

/// From which entry to which.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Ends {
    from: Option<u64>,
    to: Option<u64>,
}

/// What was walked along.
#[derive(Debug, Serialize)]
struct WalkedText {
    before: EndText,
    upto: EndText,
    /// Anchors that were met and are right.
    anchors: u64,
    /// What is wrong; nothing was walked behind it.
    broken: Option<String>,
    /// What was asked for and is not there.
    missing: Option<String>,
}

#[derive(Debug, Serialize)]
struct EndText {
    position: u64,
    chain: String,
}

/// `POST /v1/ledger/verify`: walks along the chain, on the disk.
pub(in crate::desk) async fn verify(
    State(desk): State<Arc<Desk>>,
    _operator: Operator,
    Asked(ends): Asked<Ends>,
) -> Result<Response, Refused> {
    // From 0 on is from the first entry on; up to 0 there is nothing.
    if ends.to == Some(0) {
        return Err(Refused::below("to", FIRST));
    }
    if ends.to.is_some_and(|to| ends.from > Some(to)) {
        return Err(Refused::parameter("from"));
    }
    // One at a time: it reads all that was written.
    let _turn = desk.copying.try_lock().map_err(|_| desk.occupied())?;
    let custody = desk.parts.custody.clone();
    let (from, to) = (ends.from.map(Position), ends.to.map(Position));
    let walked = tokio::task::spawn_blocking(move || custody.walk(from, to)).await;
    let Ok(Ok(walked)) = walked else {
        return Err(desk.later(Kind::NotReady));
    };
    Ok(json(
        200,
        &WalkedText {
            before: EndText::from(walked.before),
            upto: EndText::from(walked.upto),
            anchors: walked.anchors,
            broken: walked.broken,
            missing: walked.missing,
        },
    ))
}

impl From<Anchor> for EndText {
    fn from(end: Anchor) -> EndText {
        EndText {
            position: end.position.0,
            chain: end.chain.to_string(),
        }
    }
}

impl From<AnchorRecord> for AnchorText {
    fn from(record: AnchorRecord) -> AnchorText {
        AnchorText {
            position: record.anchor.position.0,
            chain: record.anchor.chain.to_string(),
            at: record.at.to_string(),
            entry: record.entry.0,
        }
    }
}
