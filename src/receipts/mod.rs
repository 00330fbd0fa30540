//! The collecting loop: it asks each endpoint for receipts and settlements, and records them.
//!
//! A cursor moves only with the commit of what came before it, in one command: a crash in between asks for the
//! same items again, and items known already change nothing. What cannot be read or matches nothing is kept as
//! an orphan, never dropped. No trouble ends a poller: it waits, longer each time, and asks again.

mod pace;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::claims::id::{EndpointName, Name};
use crate::claims::receipt::{Evidence, HeardOutcome};
use crate::claims::routes::Routes;
use crate::clock::Clock;
use crate::formats::evidence::Hearing;
use crate::formats::jws::Keyring;
use crate::formats::xml::{Feed, Limits, Reader};
use crate::store::{self, Body, Command, Heard, Moved, Store};
use crate::telemetry::Telemetry;
use crate::telemetry::event::{Event, Poll};
use crate::transport::{Fetched, Transport};

use pace::{Pace, Round};

/// Settings of the collecting loop. Every key has a default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seconds between two questions to an endpoint that just had something to say.
    pub poll_seconds: f64,
    /// Seconds between two questions to an endpoint that has nothing to say, or nothing but what is kept as orphans, at
    /// most; the pause doubles with each such answer.
    pub idle_cap_seconds: f64,
    /// Seconds between two questions to an endpoint in trouble, at most; the pause doubles with each.
    pub trouble_cap_seconds: f64,
    /// Pages in a row that said nothing new of any document and are followed by the next one at once; after them each
    /// waits the shortest pause. An endpoint may so be read from its beginning, and one that repeats itself for ever
    /// neither fills the ledger nor keeps the gateway busy.
    pub vain_pages: u32,
}

/// The loop and what it works with.
#[derive(Clone)]
pub struct Receipts {
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// The way to the insurers.
    pub transport: Arc<dyn Transport>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Which endpoints there are at present, and which destinations each may speak for.
    pub routes: watch::Receiver<Arc<Routes>>,
    /// Reads feeds and their items.
    pub reader: Arc<Reader>,
    /// Caps on what is read.
    pub limits: Limits,
    /// The keys of the endpoints whose receipts are signed.
    pub keys: watch::Receiver<Arc<Keyring>>,
    /// Its settings.
    pub config: Arc<Config>,
    /// Where its events go.
    pub telemetry: Arc<Telemetry>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            poll_seconds: 5.0,
            idle_cap_seconds: 300.0,
            trouble_cap_seconds: 900.0,
            vain_pages: 1000,
        }
    }
}

/// What the items of one page were together, the least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    /// There were none.
    None,
    /// Known, also as orphans: nothing that any document waited for.
    Vain,
    /// Some were kept as orphans for the first time, and nothing that any document waited for came with them.
    Stray,
    /// Something was recorded.
    Recorded,
}

/// Who asks at present.
#[derive(Default)]
struct Pollers {
    tasks: JoinSet<()>,
    /// What ends the poller of each endpoint.
    ends: BTreeMap<EndpointName, CancellationToken>,
}

/// How one question to an endpoint ended, and how long the endpoint asks to wait.
type Answer = (Round, Option<Duration>);

impl News {
    fn of(row: HeardOutcome) -> News {
        match row {
            HeardOutcome::Recorded => News::Recorded,
            HeardOutcome::Orphan(_) => News::Stray,
            HeardOutcome::Known | HeardOutcome::OrphanAgain(_) => News::Vain,
        }
    }
}

impl Pollers {
    /// Ends those of endpoints that left, and begins those of new ones.
    fn follow(&mut self, receipts: &Receipts, routes: &Routes, shutdown: &CancellationToken) {
        self.ends.retain(|endpoint, end| {
            let stays = routes.has(endpoint);
            if !stays {
                end.cancel();
            }
            stays
        });
        for endpoint in routes.endpoints() {
            if !self.ends.contains_key(endpoint) {
                let end = shutdown.child_token();
                self.ends.insert(endpoint.clone(), end.clone());
                self.tasks
                    .spawn(receipts.clone().poll(endpoint.clone(), end));
            }
        }
    }
}

impl Receipts {
    /// Asks every endpoint until shutdown, each at its own pace. Where the endpoints become others, new ones are asked
    /// from then on and those that left no more.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut routes = self.routes.clone();
        let mut pollers = Pollers::default();
        while !shutdown.is_cancelled() {
            let present = Arc::clone(&routes.borrow_and_update());
            pollers.follow(&self, &present, &shutdown);
            // A poller catches its own defects, so it ends only when its endpoint left, or at shutdown.
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {}
                Ok(()) = routes.changed() => {}
                Some(_) = pollers.tasks.join_next() => {}
                // Without an endpoint, and with none to come, there is nothing to do until the end.
                else => shutdown.cancelled().await,
            }
        }
        while pollers.tasks.join_next().await.is_some() {}
    }

    async fn poll(self, endpoint: EndpointName, shutdown: CancellationToken) {
        let mut pace = Pace::default();
        let mut routes = self.routes.clone();
        loop {
            let is_there = routes.borrow_and_update().has(&endpoint);
            let pause = match is_there {
                true => {
                    let answer = tokio::select! {
                        biased;
                        () = shutdown.cancelled() => return,
                        answer = self.guarded(&endpoint, &pace) => answer,
                    };
                    pace.after(answer.0, answer.1, &self.config)
                }
                // Its end is on the way, unless it comes back before that.
                false => Duration::MAX,
            };
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                // Where it is reached may be another place now, and what it was in trouble with over.
                Ok(()) = routes.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One question. A store that fails, and even a panic, is told and answered by the next question: a poller that
    /// ended would be missed only when receipts are overdue.
    async fn guarded(&self, endpoint: &EndpointName, pace: &Pace) -> Answer {
        let question = AssertUnwindSafe(self.question(endpoint, pace)).catch_unwind();
        let outcome = match question.await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(store::Error::Busy | store::Error::Full)) => Poll::StoreBusy,
            Ok(Err(
                store::Error::Stopped(_) | store::Error::Read(_) | store::Error::Impossible(_),
            )) => Poll::Unrecorded,
            Err(_panic) => Poll::BrokeOff,
        };
        self.polled(endpoint, outcome, 0);
        (Round::Trouble, None)
    }

    /// One question, and everything that follows from its answer.
    async fn question(&self, endpoint: &EndpointName, pace: &Pace) -> Result<Answer, store::Error> {
        let cursor = self.cursor(endpoint).await?;
        let fetched = self.transport.fetch_receipts(endpoint, cursor.as_ref());
        let bytes = match fetched.await {
            Fetched::Feed(bytes) => bytes,
            Fetched::Trouble(trouble, asked) => {
                self.polled(endpoint, trouble.into(), 0);
                return Ok((Round::Trouble, asked));
            }
            Fetched::NoAnswer(_cause) => {
                self.polled(endpoint, Poll::NoAnswer, 0);
                return Ok((Round::Trouble, None));
            }
        };
        let feed = self.reader.read_feed(&bytes, &self.limits);
        if let Some(finding) = feed.findings.first() {
            // The cursor stays, so the insurer is asked for the same page until it can be read. The first unreadable
            // page is kept as proof; one that differs each time does not fill the disk.
            if pace.keeps_unreadable() {
                let heard = self.heard(Evidence::UnreadableFeed, bytes.clone());
                self.record(endpoint, vec![heard], None).await?;
            }
            self.telemetry.record(Event::FeedUnreadable {
                endpoint,
                code: finding.code,
                line: finding.place.line,
            });
            return Ok((Round::Unreadable, None));
        }
        let items = self.items(endpoint, &bytes, &feed);
        let count = items.len();
        let next = feed.next.and_then(|next| Name::parse(&next).ok());
        let moved = next.is_some() && next != cursor;
        let mut news = News::None;
        if count > 0 || moved {
            let to = next.map(|to| Moved { from: cursor, to });
            news = self.record(endpoint, items, to).await?;
        }
        self.polled(endpoint, Poll::Answered, count);
        // A feed that repeats itself under the same cursor is not asked again at once.
        let round = match (news, moved) {
            (News::None, _) | (News::Vain | News::Recorded, false) => Round::Nothing,
            (News::Stray, _) => Round::Stray,
            (News::Vain, true) => Round::Vain,
            (News::Recorded, true) => Round::Items,
        };
        Ok((round, None))
    }

    /// Where an endpoint is asked from: its own place, or that of its former name.
    async fn cursor(&self, endpoint: &EndpointName) -> Result<Option<Name>, store::Error> {
        let mut known = self.store.endpoints().await?;
        let routes = Arc::clone(&self.routes.borrow());
        let mut names = std::iter::once(endpoint).chain(routes.former(endpoint));
        Ok(names.find_map(|name| known.remove(name)?.cursor))
    }

    fn items(&self, endpoint: &EndpointName, bytes: &Bytes, feed: &Feed) -> Vec<Heard> {
        let hearing = Hearing {
            endpoint,
            reader: &self.reader,
            limits: &self.limits,
            keys: &Arc::clone(&self.keys.borrow()),
        };
        let items = feed.parts.iter().map(|part| {
            let evidence = hearing.of_feed(bytes, part);
            let evidence = evidence.unwrap_or(Evidence::Unreadable);
            self.heard(evidence, bytes.slice(part.evidence()))
        });
        items.collect()
    }

    fn heard(&self, evidence: Evidence, bytes: Bytes) -> Heard {
        Heard {
            evidence,
            body: Body {
                bytes,
                salt: self.clock.salt(),
            },
        }
    }

    /// Makes what came durable together with the cursor after it, and tells of each item and what they were together.
    async fn record(
        &self,
        endpoint: &EndpointName,
        items: Vec<Heard>,
        cursor: Option<Moved>,
    ) -> Result<News, store::Error> {
        let evidence: Vec<Evidence> = items.iter().map(|heard| heard.evidence.clone()).collect();
        let routes = Arc::clone(&self.routes.borrow());
        let command = Command::receipts(endpoint, &routes, items, cursor);
        let outcome = self.store.commit(self.clock.now(), command).await?;
        let mut news = News::None;
        for (row, evidence) in outcome.heard()?.into_iter().zip(&evidence) {
            news = news.max(News::of(row));
            self.telemetry
                .record(Event::heard(endpoint, row, evidence.item()));
        }
        Ok(news)
    }

    fn polled(&self, endpoint: &EndpointName, outcome: Poll, items: usize) {
        self.telemetry.record(Event::Polled {
            endpoint,
            outcome,
            items,
        });
    }
}
