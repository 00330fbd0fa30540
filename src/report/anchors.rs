//! Anchors: the running hash of the ledger is written into the ledger and into the log, each day and after so many
//! entries.
//!
//! Whoever keeps a copy of one can show later that nothing before it was changed, and what is proven of one document
//! reaches from one to the next. A day on which the gateway did not run has none. A crash in between writes it at the
//! next start.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::claims::entry::Position;
use crate::clock::Clock;
use crate::store::custody::Custody;
use crate::store::{Command, Error, Store};
use crate::telemetry::{Event, Telemetry};

/// Between two looks at the date: the first anchor of a day comes at most so long after midnight.
const LOOK: Duration = Duration::from_secs(60);

/// The loop and what it works with.
pub struct Anchors {
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// The ledger as a whole.
    pub custody: Arc<dyn Custody>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// After so many entries the next one is due.
    pub apart: NonZeroU64,
    /// Where its events go.
    pub telemetry: Arc<Telemetry>,
}

impl Anchors {
    /// Looks until shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut durable = self.store.watch();
        loop {
            let next = self.look().await.unwrap_or_else(|_| {
                // Why, the store says itself.
                self.telemetry.record(Event::AnchorFailed);
                Position(u64::MAX)
            });
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
                () = reached(&mut durable, next) => {}
            }
        }
    }

    /// Writes an anchor, if one is due, and says after which entry the next one is.
    async fn look(&self) -> Result<Position, Error> {
        let now = self.clock.now();
        let before = self.custody.last_anchor().await?;
        let end = self.custody.end().await?;
        let apart = self.apart;
        self.store
            .commit(now, Command::Anchor { end, apart })
            .await?;
        let last = self.custody.last_anchor().await?;
        if let Some(last) = last.filter(|_| last != before) {
            self.telemetry.record(Event::Anchored {
                position: last.anchor.position,
                chain: last.anchor.chain,
            });
        }
        let from = last.map_or(0, |last| last.anchor.position.0);
        Ok(Position(from.saturating_add(apart.get())))
    }
}

/// Until an entry is durable. A store that ended has no more of them.
async fn reached(durable: &mut watch::Receiver<Position>, entry: Position) {
    if durable.wait_for(|durable| *durable >= entry).await.is_err() {
        std::future::pending().await
    }
}
