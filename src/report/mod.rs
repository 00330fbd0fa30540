//! The keeper of rates: it counts three times, publishes what agrees, and says it in JSON, CSV and metrics.
//!
//! It reads the ledger and writes nothing to it. It never corrects a count: when the three counts differ
//! the last good snapshot stays, marked, and an alert goes out. A crash leaves nothing behind; after a
//! start the snapshot is empty until the first count is done.

pub mod agreements;
pub mod anchors;
pub mod count;
pub mod rate;
pub mod evidence;
pub mod statement;
pub mod exposition;
pub mod reconciliation;

#[cfg(test)]
mod tests;

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::claims::audit::Broken;
use crate::claims::entry::Position;
use crate::claims::obligation::Unbound;
use crate::claims::time::Day;
use crate::store;

/// Settings of the room.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Seconds between two counts, when the ledger has grown; without new entries nothing is counted.
    pub interval_seconds: NonZeroU64,
    /// Seconds between two whole counts: all tallies, all entries' units, and a scan of all standings, the third
    /// count. Between them only what new entries speak of is counted again.
    pub scan_seconds: NonZeroU64,
    /// How many documents are held at once when an earlier answer is recomputed; each takes about 250 bytes.
    /// Where the centres asked for have more, the ledger is read again for the others.
    pub past_documents: NonZeroU64,
    /// How many entries or documents are read from the store at once.
    pub page: NonZeroU64,
    /// An anchor is written each day, and after so many entries: the evidence of a document holds all entries between
    /// two of them.
    pub anchor_entries: NonZeroU64,
    /// The private key that signs statements, in PEM; without one none is published.
    pub statement_key: Option<PathBuf>,
    /// Whether the obligation metrics carry the centre, and for how many at most.
    pub centre_label: CentreLabel,
}

/// The label of the centre on the obligation metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum CentreLabel {
    /// None: sums over all centres of a category and agreement.
    Off,
    /// So many centres at most, in order of FINESS.
    UpTo(u32),
}

/// Why there is no rate to give.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not answer as asked.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The ledger contradicts itself.
    #[error("the ledger cannot be counted: {0}")]
    Ledger(#[from] Broken),
    /// Counting was cut off while the program stops.
    #[error("the count was cut off")]
    Cut,
    /// Nothing has been counted since the start.
    #[error("nothing has been counted yet")]
    NotCounted,
    /// The centre is not registered.
    #[error("the centre is not registered")]
    UnknownCentre,
    /// The ledger has not come so far.
    #[error("the ledger has no entry at this position yet")]
    Future,
    /// There is nothing to count before the first entry.
    #[error("the ledger begins with entry 1")]
    BeforeFirst,
    /// A foundation stands for what is asked for: nothing is counted up to an entry before `least`.
    #[error("of the time up to {until} not every unit is kept")]
    Founded {
        /// Of units up to this day some have gone.
        until: Day,
        /// The last entry that the foundation stands for.
        least: Position,
    },
    /// Of the days that a reconciliation is of only counts are kept, up to this one.
    #[error("the units of days up to {0} can no longer be told one by one")]
    Gone(Day),
    /// The page asked for follows none.
    #[error("no page has this `next`")]
    Cursor,
    /// A reconciliation is of whole months.
    #[error("the period is not of whole months")]
    UnevenPeriod,
    /// The period is not closed for the centre.
    #[error("the period is not closed for the centre")]
    PeriodOpen,
    /// No key is configured to sign statements with.
    #[error("no key is configured to sign statements with")]
    NoKey,
    /// The ledger changed while it was read, again and again.
    #[error("the ledger changed while it was read")]
    Moving,
    /// Another statement of the centre came first, again and again.
    #[error("other statements of the centre came first")]
    Overtaken,
    /// Nothing binds the centre in that period.
    #[error(transparent)]
    Unbound(#[from] Unbound),
}

impl Default for Config {
    fn default() -> Config {
        Config {
            interval_seconds: const { NonZeroU64::new(5).expect("not zero") },
            scan_seconds: const { NonZeroU64::new(3_600).expect("not zero") },
            past_documents: const { NonZeroU64::new(2_000_000).expect("not zero") },
            page: const { NonZeroU64::new(1_000).expect("not zero") },
            anchor_entries: const { NonZeroU64::new(20_000).expect("not zero") },
            statement_key: None,
            centre_label: CentreLabel::UpTo(4_000),
        }
    }
}

impl Config {
    fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_seconds.get())
    }

    fn scan_interval(&self) -> Duration {
        Duration::from_secs(self.scan_seconds.get())
    }

    /// How earlier answers are recomputed.
    pub fn past(&self) -> rate::past::Bounds {
        rate::past::Bounds {
            page: self.page(),
            documents: usize::try_from(self.past_documents.get()).unwrap_or(usize::MAX),
        }
    }

    fn page(&self) -> usize {
        usize::try_from(self.page.get()).unwrap_or(usize::MAX)
    }
}
