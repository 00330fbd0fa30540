//! The collecting loop: it asks each endpoint for receipts and settlements, and records them.
//!
//! A cursor moves only with the commit of what came before it, in one command: a crash in between asks for the
//! same items again, and items known already change nothing. What cannot be read or matches nothing is kept as
//! an orphan, never dropped.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::claims::id::{Digest, EndpointName, Name};
use crate::claims::receipt::Item;
use crate::claims::routes::Routes;
use crate::clock::Clock;
use crate::formats::xml::{Limits, Reader};
use crate::store::{self, Command, Heard, HeardOutcome, Outcome, Store};
use crate::telemetry::Telemetry;
use crate::telemetry::event::{Event, Poll};
use crate::transport::{Fetched, Transport};

/// Settings of the collecting loop. Every key has a default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seconds between two questions to an endpoint that just had something to say.
    pub poll_seconds: f64,
    /// Seconds between two questions to an endpoint that has nothing to say, at most; the pause doubles with each
    /// empty answer.
    pub idle_cap_seconds: f64,
    /// Seconds between two questions to an endpoint in trouble, at most; the pause doubles with each.
    pub trouble_cap_seconds: f64,
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
    /// Which destinations an endpoint may speak for.
    pub routes: Arc<Routes>,
    /// Reads feeds and their items.
    pub reader: Arc<Reader>,
    /// Caps on what is read.
    pub limits: Limits,
    /// Its settings.
    pub config: Arc<Config>,
    /// Where its events go.
    pub telemetry: Arc<Telemetry>,
}

/// What one question brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// Items: more may wait.
    Items,
    /// Nothing new.
    Nothing,
    /// Trouble; and how long the endpoint asks to wait.
    Trouble(Option<Duration>),
}

impl Default for Config {
    fn default() -> Config {
        Config {
            poll_seconds: 5.0,
            idle_cap_seconds: 300.0,
            trouble_cap_seconds: 900.0,
        }
    }
}

impl Receipts {
    /// Asks every endpoint until shutdown, each at its own pace.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut pollers = JoinSet::new();
        for endpoint in self.routes.endpoints().cloned() {
            pollers.spawn(self.clone().poll(endpoint, shutdown.clone()));
        }
        while let Some(ended) = pollers.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "the collecting of receipts broke off at an endpoint: restart the gateway");
            }
        }
    }

    async fn poll(self, endpoint: EndpointName, shutdown: CancellationToken) {
        let first = span(self.config.poll_seconds);
        let mut pause = first;
        loop {
            let round = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                round = self.round(&endpoint) => round,
            };
            pause = match round {
                // Its feed may be longer than one answer: it is asked again at once.
                Ok(Round::Items) => Duration::ZERO,
                Ok(Round::Nothing) => (pause * 2)
                    .max(first)
                    .min(span(self.config.idle_cap_seconds)),
                Ok(Round::Trouble(asked)) => {
                    let cap = span(self.config.trouble_cap_seconds);
                    asked.unwrap_or(pause * 2).max(first).min(cap)
                }
                Err(error) => {
                    tracing::error!(%endpoint, %error, "receipts cannot be recorded");
                    span(self.config.trouble_cap_seconds)
                }
            };
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One question, and everything that follows from its answer.
    async fn round(&self, endpoint: &EndpointName) -> Result<Round, store::Error> {
        let cursor = self
            .store
            .endpoints()
            .await?
            .remove(endpoint)
            .and_then(|record| record.cursor);
        let feed = match self
            .transport
            .fetch_receipts(endpoint, cursor.as_ref())
            .await
        {
            Fetched::Feed(feed) => feed,
            Fetched::Trouble(trouble, asked) => {
                tracing::info!(%endpoint, ?trouble, "the endpoint has trouble giving out receipts");
                self.polled(endpoint, Poll::Failed, 0);
                return Ok(Round::Trouble(asked));
            }
            Fetched::NoAnswer(cause) => {
                tracing::info!(%endpoint, ?cause, "the endpoint cannot be asked for receipts");
                self.polled(endpoint, Poll::Failed, 0);
                return Ok(Round::Trouble(None));
            }
        };
        let Some((items, next)) = self.open(endpoint, &feed) else {
            self.polled(endpoint, Poll::Failed, 0);
            return Ok(Round::Trouble(None));
        };
        let count = items.len();
        let moved = next.is_some() && next != cursor;
        if count > 0 || moved {
            self.record(endpoint, items, next).await?;
        }
        self.polled(endpoint, Poll::Answered, count);
        // A feed that repeats itself under the same cursor is not asked again at once.
        Ok(if count > 0 && moved {
            Round::Items
        } else {
            Round::Nothing
        })
    }

    /// The items of a feed and the cursor after them; none if its envelope cannot be read.
    fn open(&self, endpoint: &EndpointName, bytes: &Bytes) -> Option<(Vec<Heard>, Option<Name>)> {
        let feed = self.reader.read_feed(bytes, &self.limits);
        if let Some(finding) = feed.findings.first() {
            tracing::warn!(%endpoint, code = finding.code, line = finding.place.line, "a feed cannot be read");
            return None;
        }
        let items = feed.parts.iter().map(|part| {
            let item = self.reader.read_feed_item(bytes, part, &self.limits).value;
            self.heard(item, bytes.slice(part.range.clone()))
        });
        let next = feed.next.and_then(|next| Name::parse(&next).ok());
        Some((items.collect(), next))
    }

    fn heard(&self, item: Option<Item>, bytes: Bytes) -> Heard {
        let digest = Digest(Sha256::digest(&bytes).into());
        let fallback = Name::parse(&format!("unreadable-{}", &digest.to_string()[..32]))
            .expect("hexadecimal digits");
        Heard {
            item,
            bytes,
            salt: self.clock.salt(),
            fallback,
        }
    }

    async fn record(
        &self,
        endpoint: &EndpointName,
        items: Vec<Heard>,
        cursor: Option<Name>,
    ) -> Result<(), store::Error> {
        let kinds: Vec<Option<Item>> = items.iter().map(|heard| heard.item.clone()).collect();
        let command = Command::Receipts {
            endpoint: endpoint.clone(),
            purpose: self.routes.purpose(endpoint),
            destinations: self.routes.destinations(endpoint).to_vec(),
            items,
            cursor,
        };
        let outcome = self.store.commit(self.clock.now(), command).await?;
        if let Outcome::Heard(rows) = outcome {
            for (row, item) in rows.into_iter().zip(&kinds) {
                self.tell(endpoint, row, item.as_ref());
            }
        }
        Ok(())
    }

    fn tell(&self, endpoint: &EndpointName, row: HeardOutcome, item: Option<&Item>) {
        let event = match row {
            HeardOutcome::Recorded => Event::heard(endpoint, None, item),
            HeardOutcome::Known => Event::HeardAgain { endpoint },
            HeardOutcome::Orphan(cause) => Event::heard(endpoint, Some(cause), item),
        };
        self.telemetry.record(event);
    }

    fn polled(&self, endpoint: &EndpointName, outcome: Poll, items: usize) {
        self.telemetry.record(Event::Polled {
            endpoint,
            outcome,
            items,
        });
    }
}

fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
