//! `GET /v1/events`: what changed about documents, as server-sent events, from any place of the ledger and live
//! from its end on.
//!
//! An event holds ids, facts of the number, the standing and the insurer's code; its text is read with the document.
//! Nothing is buffered but one part of the ledger: who reads slowly is served slowly. A stream that ends (shutdown,
//! age, a store that cannot be read) is taken up again with `Last-Event-ID`; an event can come twice then, and none
//! is left out. Whoever heard of a span that a restore has lost hears `reset` first. A crash leaves nothing behind.

mod mark;
pub(super) mod seats;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::consume_budget;
use tokio::time::{Instant, sleep, sleep_until};

use crate::access::{Caller, Scope};
use crate::claims::change::Change;
use crate::claims::document::Purpose;
use crate::claims::entry::Position;
use crate::claims::id::Finess;
use crate::desk::Desk;
use crate::desk::door::Entered;
use crate::desk::events::mark::{Mark, Resume};
use crate::desk::events::seats::Seat;
use crate::formats::json::change::ChangeText;
use crate::formats::json::problem::Kind;
use crate::http::answer::{Refused, bytes};
use crate::http::door::Asked;
use crate::store::change::DocumentChanges;

const MEDIA_TYPE: &str = "text/event-stream";

/// The ledger grows many times a second under load: a stream looks again after this pause, for many entries at once.
const GATHER: Duration = Duration::from_millis(50);

/// From where on, and whose.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Query {
    /// Events after this id or position; without it, those from now on.
    after: Option<String>,
    centre: Option<String>,
}

/// A stream to one caller.
struct Reading {
    desk: Arc<Desk>,
    eyes: Sight,
    after: Position,
    /// What it is told first, until it was.
    first: Option<First>,
    grown: watch::Receiver<Position>,
    ends: Instant,
    _place: Seat,
}

/// What a stream begins with.
#[derive(Clone, Copy)]
enum First {
    /// From where on it reads: one that is cut off before its first event is taken up from there.
    Here,
    /// That it goes on from elsewhere than it asked.
    Reset,
}

/// What a caller sees of all changes.
pub(in crate::desk) struct Sight {
    /// None: every centre's.
    centres: Option<BTreeSet<Finess>>,
    purpose: Purpose,
}

/// `GET /v1/events?after=&centre=`.
pub(in crate::desk) async fn get(
    State(desk): State<Arc<Desk>>,
    Entered(caller): Entered,
    Asked(query): Asked<Query>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let eyes = desk.sight(&caller, query.centre.as_deref()).await?;
    let (after, first) = desk.begin(&query, &headers).await?;
    let place = desk.streams.take(caller.name());
    let reading = Reading {
        eyes,
        after,
        first,
        grown: desk.parts.store.watch(),
        ends: Instant::now() + desk.parts.config.stream_age(),
        _place: place.ok_or_else(|| desk.unready())?,
        desk,
    };
    let parts = stream::unfold(reading, async |mut reading| {
        let part = reading.next().await?;
        Some((Ok::<_, Infallible>(part), reading))
    });
    Ok(bytes(200, MEDIA_TYPE, Body::from_stream(parts)))
}

impl Desk {
    /// What a caller sees.
    async fn sight(&self, caller: &Caller, only: Option<&str>) -> Result<Sight, Refused> {
        let centres = self.listed_centres(caller, only).await?;
        let all = matches!(caller.scope(), Scope::All) && only.is_none();
        Ok(Sight {
            // A centre that is registered later is seen too.
            centres: (!all).then(|| centres.into_iter().collect()),
            purpose: caller.purpose(),
        })
    }

    /// Where to begin. A caller who comes again says by header what it has; its address is still the first one.
    async fn begin(
        &self,
        query: &Query,
        headers: &HeaderMap,
    ) -> Result<(Position, Option<First>), Refused> {
        let again = headers.get("last-event-id").map(|id| id.to_str().ok());
        let (asked, name) = match (again, &query.after) {
            (Some(id), _) => (id, "Last-Event-ID"),
            (None, Some(after)) => (Some(after.as_str()), "after"),
            (None, None) => {
                let end = self.parts.store.health().position;
                return Ok((end, Some(First::Here)));
            }
        };
        let unknown = || Refused::parameter(name);
        let mark = asked.and_then(Mark::parse).ok_or_else(unknown)?;
        let from = self.resumes(mark).await;
        match from.map_err(|error| self.unread(&error))? {
            Resume::There(after) => Ok((after, None)),
            Resume::Reset(after) => Ok((after, Some(First::Reset))),
            Resume::Nowhere => Err(unknown()),
        }
    }
}

impl Reading {
    /// The next part of the stream; none at its end.
    async fn next(&mut self) -> Option<Bytes> {
        let desk = self.desk.clone();
        let ends = self.ends;
        tokio::select! {
            biased;
            () = desk.parts.closing.cancelled() => None,
            () = sleep_until(ends) => None,
            part = self.part() => part,
        }
    }

    async fn part(&mut self) -> Option<Bytes> {
        let silence = Instant::now() + self.desk.parts.config.heartbeat();
        match self.first.take() {
            Some(First::Here) => return Some(self.heartbeat().await),
            Some(First::Reset) => {
                let data = format!("{{\"position\":{}}}", self.after.0);
                return Some(format!("event: reset\n{}data: {data}\n\n", self.id().await).into());
            }
            None => {}
        }
        loop {
            self.grown.mark_unchanged();
            let most = self.desk.parts.config.stream_page.get();
            let found = self.desk.parts.store.changes(self.after, most).await;
            // The caller comes again, and is told then that the store cannot be read.
            let changes = found.ok()?;
            let is_end = changes.upto == self.after;
            self.after = changes.upto;
            let text = self.eyes.text(&changes);
            if !text.is_empty() {
                return Some(text.into());
            }
            // Far behind, there may be nothing of the caller's for long: what it has of a heartbeat is not read again.
            if Instant::now() >= silence {
                return Some(self.heartbeat().await);
            }
            // A store that never waits would keep its thread from everybody.
            consume_budget().await;
            if is_end {
                tokio::select! {
                    biased;
                    changed = self.grown.changed() => changed.ok()?,
                    () = sleep_until(silence) => return Some(self.heartbeat().await),
                }
                sleep(GATHER).await;
            }
        }
    }

    /// A sign of life. It carries how far was read, so that who comes again does not read all of it again.
    async fn heartbeat(&self) -> Bytes {
        format!(": alive\n{}\n", self.id().await).into()
    }

    /// The line that leaves the caller with how far was read; without it, it keeps the one before.
    async fn id(&self) -> String {
        match self.desk.mark(self.after).await {
            Ok(mark) => format!("id: {mark}\n"),
            Err(_) => String::new(),
        }
    }
}

impl Sight {
    /// The events that the caller sees. The last of an entry carries its position: who was cut off between two of
    /// them gets both again.
    fn text(&self, changes: &DocumentChanges) -> String {
        let mut seen = changes
            .changes
            .iter()
            .filter(|change| self.sees(change))
            .peekable();
        let mut text = String::new();
        while let Some(change) = seen.next() {
            let position = change.position;
            if seen.peek().is_none_or(|next| next.position != position) {
                let at = Some(change.at);
                text.push_str(&format!("id: {}\n", Mark { position, at }));
            }
            let data = serde_json::to_string(&ChangeText::from(change));
            let data = data.expect("texts and numbers can be written");
            text.push_str(&format!("event: document\ndata: {data}\n\n"));
        }
        text
    }

    fn sees(&self, change: &Change) -> bool {
        let is_beyond = self.purpose == Purpose::Test && change.purpose == Purpose::Real;
        let centres = self.centres.as_ref();
        !is_beyond && centres.is_none_or(|centres| centres.contains(&change.key.centre))
    }
}

impl Desk {
    /// As many streams are open as may be, of this caller or of all.
    fn unready(&self) -> Refused {
        self.later(Kind::NotReady)
    }
}
