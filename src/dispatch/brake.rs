//! Lots whose question ended without a record: their instant in the ledger is past, and without a brake they would be
//! asked about again at once, without end.
//!
//! An attempt is braked by its lease. Nothing of this is kept: after a restart each is asked about once more.

use std::collections::BTreeMap;

use tokio::time::{Duration, Instant};

use crate::claims::id::LotId;
use crate::claims::retry::Schedule;

/// The lots that wait for it.
#[derive(Debug, Default)]
pub(super) struct Brake {
    held: BTreeMap<LotId, Held>,
}

/// How long one of them waits.
#[derive(Debug)]
struct Held {
    /// Questions in a row that ended so.
    times: u32,
    until: Instant,
}

impl Brake {
    /// How many it holds.
    pub(super) fn lots(&self) -> usize {
        self.held.len()
    }

    /// How long a lot is not asked about yet; none where it may be.
    pub(super) fn wait(&self, lot: LotId) -> Option<Duration> {
        let wait = self.held.get(&lot)?.until;
        let wait = wait.saturating_duration_since(Instant::now());
        Some(wait).filter(|wait| !wait.is_zero())
    }

    /// The question about a lot ended without a record: the next one waits by the schedule.
    pub(super) fn hold(&mut self, lot: LotId, schedule: &Schedule) {
        let now = Instant::now();
        // What went another way meanwhile, by a receipt for one, is not asked about and never released.
        let longest = schedule.longest();
        self.held.retain(|_, held| now < held.until + longest);
        let before = self.held.get(&lot).map_or(0, |held| held.times);
        let times = before.saturating_add(1);
        let until = now + schedule.wait(lot, times);
        self.held.insert(lot, Held { times, until });
    }

    /// The question about a lot was recorded.
    pub(super) fn release(&mut self, lot: LotId) {
        self.held.remove(&lot);
    }
}
