//! The daily anchor: once a day the running hash of the ledger is written into the ledger and into the log.
//!
//! Whoever keeps a copy of one can show later that nothing before it was changed. It is one entry a day; a day on
//! which the gateway did not run has none. A crash in between writes it at the next start.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::claims::entry::Position;
use crate::clock::Clock;
use crate::store::custody::Custody;
use crate::store::{Command, Error, Store};
use crate::telemetry::{Event, Telemetry};

/// Between two looks at the date: an anchor comes at most so long after midnight.
const LOOK: Duration = Duration::from_secs(60);

/// The loop and what it works with.
pub struct Anchors {
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// The ledger as a whole.
    pub custody: Arc<dyn Custody>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where its events go.
    pub telemetry: Arc<Telemetry>,
}

impl Anchors {
    /// Looks until shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            // Why, the store says itself.
            if self.look().await.is_err() {
                self.telemetry.record(Event::AnchorFailed);
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Writes today's anchor, if there is none yet.
    async fn look(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let before = self.custody.last_anchor().await?;
        if before.is_some_and(|last| last.at.day() >= now.day()) {
            return Ok(());
        }
        let end = self.custody.end().await?;
        if end.position == Position(0) {
            return Ok(());
        }
        self.store.commit(now, Command::Anchor(end)).await?;
        // Another anchor of the same day stands instead, if there was one meanwhile: that one is told.
        if let Some(last) = self.custody.last_anchor().await?
            && before != Some(last)
        {
            self.telemetry.record(Event::Anchored {
                position: last.anchor.position,
                chain: last.anchor.chain,
            });
        }
        Ok(())
    }
}
