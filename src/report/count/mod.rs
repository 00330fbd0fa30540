//! The loop that counts: tallies, a second fold over the entries, a scan of the standings; and publishes
//! what agrees.
//!
//! It counts when the ledger has grown, at most once an interval, and at midnight in Paris because the
//! current periods change then; an idle ledger costs nothing. Between two scans only the days of centres are
//! counted again that new entries speak of. The tallies and the second fold are compared at one and the same
//! position. The scan takes longer than entries wait, so the lines that moved while it
//! ran are set aside and looked at the next time.

pub mod conservation;
pub(super) mod moment;
pub mod scan;
pub mod snapshot;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::claims::agreement::Agreements;
use crate::claims::entry::{Entry, Position};
use crate::claims::id::Finess;
use crate::claims::registry::Centre;
use crate::claims::time::Timestamp;
use crate::clock::Clock;
use crate::report::count::conservation::{Conservation, Difference};
use crate::report::count::moment::{TRIES, is_disturbed};
use crate::report::count::snapshot::{LastMade, Snapshot, Soundness};
use crate::report::{Config, Error};
use crate::store::{Covered, Store, TalliesSince, TallyQuery, WhichStatements};
use crate::telemetry::{Event, Reading, Telemetry};

/// How many differing cells an alert names; the rest is only counted.
pub const CELLS_TOLD: usize = 8;

/// The keeper of rates.
pub struct Keeper {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    agreements: Arc<Agreements>,
    telemetry: Arc<Telemetry>,
    config: Config,
    conservation: Conservation,
    scanned: Option<(Instant, Position)>,
    published: watch::Sender<Arc<Snapshot>>,
}

impl Keeper {
    /// A keeper that has counted nothing yet.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        agreements: Arc<Agreements>,
        telemetry: Arc<Telemetry>,
        config: Config,
    ) -> Keeper {
        let conservation = Conservation::new(store.clone(), config.page(), CELLS_TOLD);
        Keeper {
            store,
            clock,
            agreements,
            telemetry,
            config,
            conservation,
            scanned: None,
            published: watch::Sender::new(Arc::default()),
        }
    }

    /// The snapshots as they are published; the first one is empty.
    pub fn published(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.published.subscribe()
    }

    /// Counts until it is told to stop.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut grown = self.store.watch();
        loop {
            grown.mark_unchanged();
            let counted = tokio::select! {
                () = shutdown.cancelled() => return,
                counted = self.count() => counted,
            };
            if let Err(error) = &counted {
                let why = error.to_string();
                self.telemetry.record(Event::Uncounted { why: &why });
            }
            let again = async {
                tokio::time::sleep(self.config.interval()).await;
                if counted.is_ok() {
                    self.reason_to_count(&mut grown).await;
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = again => {}
            }
        }
    }

    /// Waits until the ledger has grown, a day of Paris has ended, or the third count is owed.
    async fn reason_to_count(&self, grown: &mut watch::Receiver<Position>) {
        let now = self.clock.now();
        let midnight = now.day().end().since(now);
        tokio::select! {
            _ = grown.changed() => {}
            () = tokio::time::sleep(midnight) => {}
            () = tokio::time::sleep(self.config.scan_interval()), if self.scan_is_owed() => {}
        }
    }

    /// Counts once and publishes: a new snapshot, or the last one with the mark of an imbalance.
    ///
    /// # Errors
    /// When the store cannot be read; nothing is published then. When the ledger contradicts itself the
    /// last snapshot is marked too.
    pub async fn count(&mut self) -> Result<(), Error> {
        let evidence = self.evidence().await?;
        let last = self.published.borrow().clone();
        let (registry, changed) = self.of_one_state(&last).await?;
        let now = self.clock.now();
        match self.compared(&changed).await {
            Ok(None) => {
                self.telemetry.show(Reading::Imbalance { documents: 0 });
                let next = last.advanced(now, changed, registry, &self.agreements);
                self.published.send_replace(Arc::new(next.with(evidence)));
                Ok(())
            }
            Ok(Some(difference)) => {
                self.telemetry.record(Event::Imbalanced {
                    documents: difference.documents,
                    position: difference.position,
                    between: difference.between,
                    cells: &difference.cells,
                });
                self.mark(now, difference.documents);
                Ok(())
            }
            Err(Error::Ledger(broken)) => {
                self.mark(now, 0);
                Err(Error::Ledger(broken))
            }
            Err(error) => Err(error),
        }
    }

    /// The registry, and the tallies that it holds for: their position is what an answer names.
    async fn of_one_state(
        &self,
        last: &Snapshot,
    ) -> Result<(BTreeMap<Finess, Vec<Centre>>, TalliesSince), Error> {
        for _ in 0..TRIES {
            let before = self.store.health().position;
            let registry = self.store.centres().await?;
            let changed = self.changed(last).await?;
            let between = (before, changed.tallies.position);
            let registers = |entry: &Entry| matches!(entry, Entry::Registered(_));
            if !is_disturbed(&*self.store, between, registers).await? {
                return Ok((registry, changed));
            }
        }
        Err(Error::Moving)
    }

    /// When the last statement and the last reconciliation were made.
    async fn evidence(&self) -> Result<LastMade, Error> {
        let statements = self.store.statements(WhichStatements::Last).await?;
        let runs = self.store.runs().await?;
        Ok(LastMade {
            statement: statements.last().map(|statement| statement.at),
            reconciliation: runs.last().map(|run| run.at),
        })
    }

    /// The tallies of what changed since the last good count; of everything when there is none, and when all
    /// three counts are due.
    async fn changed(&self, last: &Snapshot) -> Result<TalliesSince, Error> {
        match last.soundness {
            Soundness::Balanced if !self.scan_is_due() => {
                Ok(self.store.tallies_since(last.position).await?)
            }
            Soundness::Balanced
            | Soundness::NotCounted
            | Soundness::Recomputed
            | Soundness::Imbalanced { .. } => Ok(TalliesSince {
                tallies: self.store.tallies(TallyQuery::everything()).await?,
                covered: Covered::Everything,
            }),
        }
    }

    async fn compared(&mut self, changed: &TalliesSince) -> Result<Option<Difference>, Error> {
        let position = changed.tallies.position;
        self.conservation.feed(position).await?;
        if let Some(difference) = self.conservation.changed(changed).await? {
            return Ok(Some(difference));
        }
        if !self.scan_is_due() {
            return Ok(None);
        }
        let difference = self.conservation.standings(position).await?;
        if difference.is_none() {
            self.scanned = Some((Instant::now(), position));
        }
        Ok(difference)
    }

    /// Publishes the last snapshot again, marked.
    fn mark(&self, now: Timestamp, documents: u64) {
        let last = self.published.borrow().clone();
        let marked = last.on(now, &self.agreements).imbalanced(now, documents);
        self.published.send_replace(Arc::new(marked));
    }

    fn scan_is_due(&self) -> bool {
        self.scanned
            .is_none_or(|(at, _)| at.elapsed() >= self.config.scan_interval())
    }

    /// Whether entries came since the last scan.
    fn scan_is_owed(&self) -> bool {
        let last = self.published.borrow();
        match last.soundness {
            Soundness::Imbalanced { .. } => true,
            Soundness::NotCounted | Soundness::Balanced | Soundness::Recomputed => self
                .scanned
                .is_none_or(|(_, position)| position < last.position),
        }
    }
}
