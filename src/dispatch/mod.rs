//! The transmitting loop: it seals open documents into lots, leases lots that are due, sends them, and records
//! what came of it.
//!
//! Each attempt is three steps that never mix: ask the store what to send (durable before it leaves), let the
//! transport send it, let `claims::outcome` judge the reply. Nothing is remembered here that the store does not
//! know: a crash at any point leaves lots that are due, or sending and then in doubt.

mod attempt;
mod config;
mod seal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::claims::id::{EndpointName, LotId};
use crate::claims::routes::Routes;
use crate::claims::terms::Terms;
use crate::clock::Clock;
use crate::store::{self, Command, Due, Lease, Readiness, Store};
use crate::telemetry::Telemetry;
use crate::transport::Transport;

pub use config::{Config, ReceiptExpected};

/// How many groups are sealed, and lots looked at for each endpoint, in one turn.
const AT_ONCE: usize = 64;

/// Longest sleep: a machine's clock that is set forward is noticed by then.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Sleep at least after a turn in which the store failed, or documents were due to be sealed and could not be.
const FRUITLESS_SLEEP: Duration = Duration::from_secs(1);

/// The loop and what it works with.
#[derive(Clone)]
pub struct Dispatch {
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// The way to the insurers.
    pub transport: Arc<dyn Transport>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Which endpoint serves which destination.
    pub routes: Arc<Routes>,
    /// The days by which receipts are expected.
    pub terms: Terms,
    /// Its settings.
    pub config: Arc<Config>,
    /// Where its events go.
    pub telemetry: Arc<Telemetry>,
}

/// What runs at present.
#[derive(Default)]
struct Running {
    attempts: JoinSet<Ended>,
    /// Attempts per endpoint.
    lanes: BTreeMap<EndpointName, usize>,
    /// Lots being asked about, and where.
    asking: BTreeMap<LotId, EndpointName>,
    /// Groups that were due and could not be sealed in the last turn: they come first again, and the next turn
    /// looks beyond them.
    passed_over: usize,
}

/// What ended.
enum Ended {
    Attempt(EndpointName),
    Question(LotId),
}

impl Dispatch {
    /// Runs until shutdown; then no more attempts begin, and those that run have the drain time to end. What is
    /// cut off then is in doubt at the next start.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut changes = self.store.watch();
        let mut running = Running::default();
        while !shutdown.is_cancelled() {
            changes.mark_unchanged();
            let sleep = match self.turn(&mut running).await {
                Ok(sleep) => sleep,
                Err(error) => {
                    tracing::error!(%error, "dispatch cannot use the store");
                    FRUITLESS_SLEEP
                }
            };
            // In this order, so that a run repeats itself from its seed. None starves another: each leads to the
            // next turn, which looks at everything.
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(ended) = running.attempts.join_next() => self.ended(&mut running, ended),
                // A store that ended sends no more changes; the sleep still ends.
                Ok(()) = changes.changed() => self.settle(&shutdown).await,
                () = tokio::time::sleep(sleep) => {}
            }
        }
        self.drain(running).await;
    }

    /// Lets a burst of changes pass before the next turn, so that a turn is made for many of them.
    async fn settle(&self, shutdown: &CancellationToken) {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(self.config.pause()) => {}
        }
    }

    /// Does everything that is due, and says how long nothing more is.
    async fn turn(&self, running: &mut Running) -> Result<Duration, store::Error> {
        // Whose answer cannot be recorded is not asked.
        match self.store.health().state {
            Readiness::Ready | Readiness::Shedding => {}
            Readiness::Rebuilding { .. } => return Ok(FRUITLESS_SLEEP),
            Readiness::Failed(why) => return Err(store::Error::Stopped(why.into())),
        }
        let now = self.clock.now();
        let most = AT_ONCE + running.asking.len() + running.passed_over;
        let due = self.store.due(now, self.config.sealing(), most).await?;
        if due.timers {
            self.store.commit(now, Command::Tick).await?;
        }
        let sealed = self.seal_groups(&due).await?;
        let passed_over = due.groups.len() - sealed;
        if passed_over > running.passed_over {
            tracing::warn!(
                groups = passed_over,
                "documents of so many centres and destinations are due and cannot be sealed"
            );
        }
        running.passed_over = passed_over;
        self.ask(running, &due);
        let full = self.send(running, &due).await?;
        // What was done may have made more due: look again at once. A full lane is looked at when an attempt ends.
        let more = due.timers || sealed > 0 || (!due.endpoints.is_empty() && !full);
        if more {
            return Ok(self.config.pause());
        }
        // What is due and could not be done (no route, a full lane) is no reason to look again at once.
        let least = if due.groups.is_empty() {
            self.config.pause()
        } else {
            FRUITLESS_SLEEP
        };
        let next = due
            .next
            .map_or(LONGEST_SLEEP, |next| next.since(self.clock.now()));
        Ok(next.clamp(least, LONGEST_SLEEP))
    }

    /// Asks about the lots that are in doubt, so many at once at each endpoint: one that is slow to answer keeps
    /// no other waiting.
    fn ask(&self, running: &mut Running, due: &Due) {
        for lot in &due.asks {
            let (id, endpoint) = (lot.sealed.lot, &lot.sealed.endpoint);
            let there = running.asking.values().filter(|asked| *asked == endpoint);
            let is_free = there.count() < self.config.concurrency.get();
            if is_free && !running.asking.contains_key(&id) {
                running.asking.insert(id, endpoint.clone());
                let (dispatch, lot) = (self.clone(), lot.clone());
                running.attempts.spawn(async move {
                    dispatch.question(lot).await;
                    Ended::Question(id)
                });
            }
        }
    }

    /// Leases and sends what the lanes have room for; says whether every lane with work is full.
    async fn send(&self, running: &mut Running, due: &Due) -> Result<bool, store::Error> {
        let mut full = true;
        for endpoint in &due.endpoints {
            let used = running.lanes.get(endpoint).copied().unwrap_or_default();
            let room = self.config.concurrency.get().saturating_sub(used);
            if room == 0 {
                continue;
            }
            let now = self.clock.now();
            let lease = Lease {
                endpoint: endpoint.clone(),
                until: now + self.config.lease(),
                most: room,
            };
            let leased = self.store.lease_due(now, lease).await?;
            full &= leased.is_empty();
            for leased in leased {
                *running.lanes.entry(endpoint.clone()).or_default() += 1;
                let (dispatch, endpoint) = (self.clone(), endpoint.clone());
                running.attempts.spawn(async move {
                    dispatch.attempt(leased).await;
                    Ended::Attempt(endpoint)
                });
            }
        }
        Ok(full)
    }

    fn ended(&self, running: &mut Running, ended: Result<Ended, tokio::task::JoinError>) {
        match ended {
            Ok(Ended::Attempt(endpoint)) => {
                if let Some(used) = running.lanes.get_mut(&endpoint) {
                    *used = used.saturating_sub(1);
                }
            }
            Ok(Ended::Question(lot)) => {
                running.asking.remove(&lot);
            }
            // Which lane it held is lost with it: all lanes are counted again from nothing, which at worst
            // allows a few attempts too many. Its lot's lease runs out and it is in doubt.
            Err(error) => {
                tracing::error!(%error, "an attempt broke off");
                running.lanes.clear();
                running.asking.clear();
            }
        }
    }

    async fn drain(&self, mut running: Running) {
        let all = async { while running.attempts.join_next().await.is_some() {} };
        if tokio::time::timeout(self.config.drain(), all)
            .await
            .is_err()
        {
            tracing::warn!("attempts were cut off; their lots are in doubt at the next start");
        }
    }
}
