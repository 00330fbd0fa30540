//! Retry and replay: the next attempt of lots, or the question before it, at another instant, with the same id and
//! bytes. One lot, or all that a filter holds, spread over time so that an insurer is not flooded.
//!
//! It decides nothing: the ledger refuses each lot on which the delivery table allows no attempt, and every lot that
//! falls out is counted by the state that stands against it. A crash in the middle leaves some lots retried; doing
//! it again retries the others too.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use crate::claims::delivery;
use crate::claims::entry::{Position, Reason};
use crate::claims::id::{EndpointName, Finess, LotId};
use crate::claims::time::Timestamp;
use crate::desk::Desk;
use crate::desk::document::listing::since;
use crate::desk::document::way::{Way, Ways};
use crate::desk::document::words;
use crate::desk::door::Operator;
use crate::desk::order::Order;
use crate::formats::json::problem::Kind;
use crate::http::answer::{Refused, json};
use crate::http::door::Part;
use crate::store::{Command, Conflict, LotRecord};

/// Lots read from the store at once.
const PAGE: usize = 1_000;

/// Commands under way at once: they share a sync of the store.
const AT_ONCE: usize = 64;

/// Which lots, how fast, and why. What is left out restricts nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    reason: String,
    endpoint: Option<String>,
    centre: Option<String>,
    /// Words for the delivery's state; `overdue` is also a lot that waits to be sent again because it is.
    states: Option<Vec<String>>,
    /// Sealed on this day or later, or at this instant or later.
    since: Option<String>,
    /// The word for what they wait for.
    waits_for: Option<String>,
    /// Lots a second.
    per_second: Option<NonZeroU32>,
    /// Whether lots are only counted.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Default, Serialize)]
struct ReplayText {
    /// Lots that the filter holds.
    matched: u64,
    /// Lots whose next attempt or question was set; in a dry run, would be.
    replayed: u64,
    /// Lots that are not sent again, by the state that stands against it.
    fallen_out: BTreeMap<&'static str, u64>,
    /// Lots that are replayed and yet do not go, for an operator holds their endpoint: by endpoint.
    held_back: BTreeMap<String, u64>,
    /// Lots beyond the most that one order takes.
    left_out: u64,
    /// When the first and the last come.
    first: Option<String>,
    last: Option<String>,
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct LotText {
    lot: String,
    endpoint: String,
    state: &'static str,
    attempts: u32,
    next: Option<String>,
    reason: Option<&'static str>,
    /// Why the endpoint fails, where it waits for its breaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
}

/// A filter, read.
struct Filter<'a> {
    endpoint: Option<EndpointName>,
    centre: Option<Finess>,
    states: Option<Vec<delivery::State>>,
    since: Option<Timestamp>,
    waits_for: Option<Reason>,
    ways: Ways<'a>,
}

/// `POST /v1/lots/{id}/retry`: its next attempt, or the question before it, now.
pub(in crate::desk) async fn retry(
    State(desk): State<Arc<Desk>>,
    Part(id): Part<String>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    let lot = LotId::parse(&id).map_err(|_| Kind::LotUnknown)?;
    let order: Order = desk.order(body, 0).await?;
    let reason = desk.reason(&order.reason)?;
    let now = desk.parts.clock.now();
    let retried = desk.retried(&operator, lot, now, &reason.bytes).await?;
    retried.map_err(|conflict| Refused::from(&conflict))?;
    let found = desk.parts.store.lot(lot).await;
    let found = found.map_err(|error| desk.unread(&error))?;
    let found = found.ok_or(Kind::LotUnknown)?;
    // It goes when its endpoint's lane lets it.
    let way = desk.ways().await?.to(&found.sealed.endpoint);
    Ok(json(200, &LotText::of(&found, way)))
}

/// `POST /v1/replays`: the same for all lots that a filter holds, one after the other.
pub(in crate::desk) async fn replay(
    State(desk): State<Arc<Desk>>,
    operator: Operator,
    body: Body,
) -> Result<Response, Refused> {
    let order: Replay = desk.order(body, 0).await?;
    let reason = desk.reason(&order.reason)?;
    let filter = desk.filter(&order).await?;
    // One at a time: each reads all lots.
    let _turn = desk.replaying.lock().await;
    let mut text = ReplayText {
        dry_run: order.dry_run,
        ..ReplayText::default()
    };
    let lots = desk.held_by(&filter, &mut text).await?;
    let per_second = order
        .per_second
        .unwrap_or(desk.parts.config.replay_per_second);
    let begin = desk.parts.clock.now();
    let planned: Vec<(LotId, Timestamp)> = (0_u64..)
        .zip(lots)
        .map(|(index, lot)| (lot, begin + spread(index, per_second)))
        .collect();
    text.first = planned.first().map(|(_, at)| at.to_string());
    text.last = planned.last().map(|(_, at)| at.to_string());
    if order.dry_run {
        text.replayed = planned.len() as u64;
        return Ok(json(200, &text));
    }
    for chunk in planned.chunks(AT_ONCE) {
        let retried = chunk
            .iter()
            .map(|(lot, at)| desk.retried(&operator, *lot, *at, &reason.bytes));
        for outcome in join_all(retried).await {
            match outcome? {
                Ok(_) => text.replayed += 1,
                // It moved since it was looked at.
                Err(Conflict::Delivery { state, .. }) => text.falls_out(state),
                Err(conflict) => return Err(Refused::from(&conflict)),
            }
        }
    }
    Ok(json(200, &text))
}

/// How long after the first the lot of an index comes.
fn spread(index: u64, per_second: NonZeroU32) -> Duration {
    let micros = u128::from(index) * 1_000_000 / u128::from(per_second.get());
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

impl Desk {
    async fn retried(
        &self,
        operator: &Operator,
        lot: LotId,
        at: Timestamp,
        reason: &Bytes,
    ) -> Result<Result<Position, Conflict>, Refused> {
        let actor = operator.actor();
        let command = Command::Retry { lot, actor, at };
        // Each entry has a salt of its own: what is kept of one says nothing about another.
        self.steer(command, self.as_body(reason.clone())).await
    }

    async fn filter(&self, order: &Replay) -> Result<Filter<'_>, Refused> {
        let unclear = Refused::parameter;
        let endpoint = match order.endpoint.as_deref() {
            Some(name) => Some(self.known_endpoint(name).await?),
            None => None,
        };
        let centre = order.centre.as_deref().map(Finess::parse).transpose();
        let states = order.states.as_ref().map(|words| {
            let read = |word: &String| state(word).ok_or_else(|| unclear("states"));
            words.iter().map(read).collect::<Result<Vec<_>, _>>()
        });
        let waits_for = order.waits_for.as_deref().map(|word| {
            let mut reasons = Reason::ALL.into_iter();
            let found = reasons.find(|reason| reason.as_str() == word);
            found.ok_or_else(|| unclear("waits_for"))
        });
        Ok(Filter {
            endpoint,
            centre: centre.map_err(|_| unclear("centre"))?,
            states: states.transpose()?,
            since: order.since.as_deref().map(since).transpose()?,
            waits_for: waits_for.transpose()?,
            ways: self.ways().await?,
        })
    }

    /// The lots of a filter that may be sent again, and how many there are of the others.
    async fn held_by(
        &self,
        filter: &Filter<'_>,
        text: &mut ReplayText,
    ) -> Result<Vec<LotId>, Refused> {
        let most = self.parts.config.replay_lots.get();
        let (mut after, mut lots) = (None, Vec::new());
        loop {
            let page = self.parts.store.lots(after, PAGE).await;
            let page = page.map_err(|error| self.unread(&error))?;
            let Some(last) = page.last() else {
                return Ok(lots);
            };
            after = Some(last.sealed.lot);
            for lot in page.iter().filter(|lot| filter.holds(lot)) {
                text.matched += 1;
                if !lot.state.may_be_retried() {
                    text.falls_out(lot.state);
                } else if lots.len() < most {
                    lots.push(lot.sealed.lot);
                    if filter.ways.to(&lot.sealed.endpoint).is_held_back(lot) {
                        let endpoint = lot.sealed.endpoint.to_string();
                        *text.held_back.entry(endpoint).or_default() += 1;
                    }
                } else {
                    text.left_out += 1;
                }
            }
        }
    }
}

impl ReplayText {
    fn falls_out(&mut self, state: delivery::State) {
        *self.fallen_out.entry(state.as_str()).or_default() += 1;
    }
}

impl Filter<'_> {
    fn holds(&self, lot: &LotRecord) -> bool {
        let sealed = &lot.sealed;
        let waits_for = self
            .ways
            .to(&sealed.endpoint)
            .waits_for(lot)
            .map(|next| next.reason);
        let named = self.endpoint.as_ref();
        named.is_none_or(|endpoint| self.ways.are_one(endpoint, &sealed.endpoint))
            && self.centre.is_none_or(|centre| centre == sealed.centre)
            // A lot is first due when it is sealed.
            && self.since.is_none_or(|since| sealed.due >= since)
            && self.waits_for.is_none_or(|reason| waits_for == Some(reason))
            && self.states.as_ref().is_none_or(|states| states.contains(&words::stands(lot)))
    }
}

impl LotText {
    fn of(lot: &LotRecord, way: Way) -> LotText {
        let next = way.waits_for(lot);
        LotText {
            lot: lot.sealed.lot.to_string(),
            endpoint: lot.sealed.endpoint.to_string(),
            state: lot.state.as_str(),
            attempts: lot.attempts,
            next: next.map(|next| next.at.to_string()),
            reason: next.map(|next| next.reason.as_str()),
            cause: next.and_then(|next| way.cause(next)).map(Reason::as_str),
        }
    }
}

/// A state by its word; spaces may be written as hyphens.
fn state(word: &str) -> Option<delivery::State> {
    let word = word.replace('-', " ");
    let mut states = delivery::State::ALL.into_iter();
    states.find(|state| state.as_str() == word)
}
