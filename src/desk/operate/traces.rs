//! Who read what: a trace before the content or the history of a document is given out, and the list of them.
//!
//! A trace is durable before the answer begins; without it there is no answer. Every reading of content leaves one, and
//! every reading of a history by an operator. A centre's own software that asks where its documents are leaves none: it
//! asks by the thousand, is no person, and gets what the centre itself posted.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::access::{Caller, Role};
use crate::claims::id::{Finess, Name};
use crate::desk::Desk;
use crate::desk::door::Operator;
use crate::http::answer::{Refused, json};
use crate::http::door::Asked;
use crate::store::traces::{Mark, Read, Trace};
use crate::store::{DocumentRecord, Error};

/// Traces of one answer, at most.
const PAGE: usize = 500;
/// Lines looked at for one answer, at most.
const LOOKED: u64 = 100_000;

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Which {
    centre: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
struct PageText {
    /// In the order in which they were written.
    traces: Vec<TraceText>,
    /// For `after` of the next page; null behind the last one.
    next: Option<String>,
    /// Lines that cannot be read, in what was looked at.
    unreadable: u64,
}

#[derive(Debug, Serialize)]
struct TraceText {
    at: String,
    centre: String,
    document: String,
    role: String,
    caller: String,
    /// `content` or `history`.
    read: &'static str,
}

/// `GET /v1/traces`: who read what, of one centre's documents or of all.
pub(in crate::desk) async fn list(
    State(desk): State<Arc<Desk>>,
    _operator: Operator,
    Asked(which): Asked<Which>,
) -> Result<Response, Refused> {
    let centre = which.centre.as_deref().map(Finess::parse).transpose();
    let centre = centre.map_err(|_| Refused::parameter("centre"))?;
    let after = match which.after.as_deref().map(mark) {
        Some(None) => return Err(Refused::parameter("after")),
        Some(found) => found,
        None => None,
    };
    let most = match which.limit {
        Some(limit) if (1..=PAGE).contains(&limit) => limit,
        Some(_) => return Err(Refused::parameter("limit")),
        None => PAGE,
    };
    let traces = desk.parts.traces.clone();
    let read = move || traces.list(centre, after, most, LOOKED);
    let page = tokio::task::spawn_blocking(read).await;
    let page = page.unwrap_or_else(|_| Err(Error::Read("a panic".into())));
    let page = page.map_err(|error| desk.unread(&error))?;
    let text = PageText {
        traces: page.traces.iter().map(TraceText::from).collect(),
        next: page
            .next
            .map(|mark| format!("{}-{}", mark.month, mark.line)),
        unreadable: page.unreadable,
    };
    Ok(json(200, &text))
}

impl Desk {
    /// Leaves a trace that somebody reads a document; nothing may be given out before it is there.
    pub(in crate::desk) async fn trace(
        &self,
        caller: &Caller,
        record: &DocumentRecord,
        read: Read,
    ) -> Result<(), Refused> {
        let trace = Trace {
            at: self.parts.clock.now(),
            centre: record.received.facts.key.centre,
            document: record.received.document,
            role: role(caller.role()),
            caller: caller.name().clone(),
            read,
        };
        let traces = self.parts.traces.clone();
        let written = tokio::task::spawn_blocking(move || traces.record(&trace)).await;
        let written = written.unwrap_or_else(|_| Err(Error::Read("a panic".into())));
        written.map_err(|error| self.unread(&error))
    }
}

impl From<&Trace> for TraceText {
    fn from(trace: &Trace) -> TraceText {
        TraceText {
            at: trace.at.to_string(),
            centre: trace.centre.to_string(),
            document: trace.document.to_string(),
            role: trace.role.to_string(),
            caller: trace.caller.to_string(),
            read: trace.read.as_str(),
        }
    }
}

fn mark(text: &str) -> Option<Mark> {
    let (month, line) = text.split_once('-')?;
    Some(Mark {
        month: month.parse().ok()?,
        line: line.parse().ok()?,
    })
}

fn role(role: Role) -> Name {
    let word = match role {
        Role::Centre => "centre",
        Role::Insurer => "insurer",
        Role::Operator => "operator",
        Role::National => "national",
        Role::Metrics => "metrics",
    };
    Name::parse(word).expect("a word is a name")
}
