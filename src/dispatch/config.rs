//! Settings of the transmitting loop.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use serde::Deserialize;

use crate::claims::lane;
use crate::claims::retry::Schedule;
use crate::store::Sealing;

/// Settings of the transmitting loop. Every key has a default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Documents in one lot at most; a group that has so many is sealed at once.
    pub lot_documents: NonZeroU32,
    /// Bytes of documents in one lot at most; one document always fits.
    pub lot_bytes: NonZeroU64,
    /// Seconds that an open document waits at most for others of its lot.
    pub lot_age_seconds: f64,
    /// Bytes of lots just sealed that are kept in memory for their first attempt; with 0 each is composed again.
    pub fresh_bytes: u64,
    /// Attempts at one endpoint at the same time, and as many questions about lots.
    pub concurrency: NonZeroU32,
    /// Seconds after which an attempt without end is given up and its lot in doubt. Longer than any endpoint's
    /// time to answer.
    pub lease_seconds: NonZeroU64,
    /// Seconds until the second attempt; the wait doubles with each.
    pub retry_first_seconds: f64,
    /// Seconds between two attempts at most.
    pub retry_cap_seconds: f64,
    /// Seconds that an insurer's `Retry-After` is honoured at most.
    pub retry_after_cap_seconds: u64,
    /// By when the receipt of a taken lot is expected: so many seconds, or 0 for the jours ouvrés of the terms.
    pub receipt_seconds: u64,
    /// Seconds that running attempts have to end at shutdown.
    pub drain_seconds: u64,
    /// Milliseconds between two turns of the loop at least: a burst of posts is looked at once.
    pub pause_milliseconds: NonZeroU64,
}

/// By when a receipt is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptExpected {
    /// After the jours ouvrés of the terms.
    Terms,
    /// After a span.
    After(Duration),
}

impl Default for Config {
    fn default() -> Config {
        let number = |number| NonZeroU64::new(number).expect("a constant above zero");
        Config {
            lot_documents: NonZeroU32::new(100).expect("a constant above zero"),
            lot_bytes: number(4 * 1024 * 1024),
            lot_age_seconds: 30.0,
            fresh_bytes: 16 * 1024 * 1024,
            concurrency: NonZeroU32::new(8).expect("a constant above zero"),
            lease_seconds: number(120),
            retry_first_seconds: 5.0,
            retry_cap_seconds: 900.0,
            retry_after_cap_seconds: 3600,
            receipt_seconds: 0,
            drain_seconds: 30,
            pause_milliseconds: number(20),
        }
    }
}

impl Config {
    /// When documents are sealed.
    pub fn sealing(&self) -> Sealing {
        Sealing {
            documents: self.lot_documents.get(),
            bytes: self.lot_bytes.get(),
            age: seconds(self.lot_age_seconds),
        }
    }

    /// The waits between attempts.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            first: seconds(self.retry_first_seconds),
            factor: 2,
            cap: seconds(self.retry_cap_seconds),
            asked_cap: Duration::from_secs(self.retry_after_cap_seconds),
        }
    }

    /// The rules of a lane that has none of its own.
    pub fn lane(&self) -> lane::Rules {
        lane::Rules {
            asked_cap: Duration::from_secs(self.retry_after_cap_seconds),
            ..lane::Rules::new(self.concurrency)
        }
    }

    /// How long an attempt may run.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds.get())
    }

    /// By when a receipt is expected.
    pub fn receipt(&self) -> ReceiptExpected {
        match self.receipt_seconds {
            0 => ReceiptExpected::Terms,
            seconds => ReceiptExpected::After(Duration::from_secs(seconds)),
        }
    }

    /// How long running attempts have at shutdown.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// Between two turns.
    pub fn pause(&self) -> Duration {
        Duration::from_millis(self.pause_milliseconds.get())
    }
}

/// A span of seconds; what is no span counts as none.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
