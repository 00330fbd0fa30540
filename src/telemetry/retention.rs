//! What the keeping of bodies and proofs says: what went, what is held too long, why nothing goes.
//!
//! Like every event it holds ids, closed words and counts. ERROR means that a person must act.

use metrics::{Counter, Gauge};
use tracing::{error, info, warn};

use crate::claims::entry::Position;
use crate::claims::time::{Day, Timestamp};
use crate::telemetry::reading::words;

/// Something that the keeping of bodies says.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A segment was cleared of the bodies that are past their time.
    Evacuated {
        /// The segment.
        segment: u64,
        /// Bodies that are gone.
        gone: u64,
        /// Their bytes.
        gone_bytes: u64,
        /// Bodies that were copied.
        kept: u64,
        /// Their bytes.
        kept_bytes: u64,
    },
    /// What is past its time could not be looked for or cleared.
    Stalled {
        /// Why: one of the store's own sentences.
        why: &'a str,
    },
    /// The day of review of a legal hold has passed.
    HoldOverdue {
        /// Its number.
        hold: Position,
        /// The day.
        review: Day,
    },
    /// Proofs are past their time, and stay until a person has them go.
    ProofsPast {
        /// Segments that would go.
        segments: u64,
        /// The last entry in them.
        upto: Position,
    },
    /// The clock is further ahead than it can be: nothing goes.
    ClockDoubted {
        /// Seconds that it is ahead.
        seconds: u64,
    },
    /// The clock is trusted again.
    ClockTrusted,
    /// Traces of who read what have ended.
    TracesEnded {
        /// Months that are gone.
        months: u64,
    },
}

/// How the keeping of bodies is at present.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// When the oldest body that is kept was admitted or heard; none if there is none.
    pub oldest: Option<Timestamp>,
    /// When the next segment may be due; none if none can be told.
    pub next: Option<Timestamp>,
    /// When the oldest entry was decided that no foundation stands for; none if there is none.
    pub oldest_proof: Option<Timestamp>,
    /// From when on proofs are past their time; none if none can be told.
    pub next_proofs: Option<Timestamp>,
    /// Segments whose proofs are past their time.
    pub past_segments: u64,
}

/// How many legal holds stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// Those that are not to be reviewed yet.
    pub standing: u64,
    /// Those whose day of review has passed.
    pub overdue: u64,
}

words! {
    /// How a legal hold stands.
    Hold {
        /// It stands.
        Standing = "standing",
        /// It stands, and its day of review has passed.
        Overdue = "overdue",
    }
}

/// Kept handles of these metrics.
pub(super) struct Handles {
    pub(super) gone: Counter,
    pub(super) gone_bytes: Counter,
    pub(super) copied_bytes: Counter,
    pub(super) stalls: Counter,
    pub(super) doubted: Gauge,
    pub(super) oldest: Gauge,
    pub(super) next: Gauge,
    pub(super) standing: Gauge,
    pub(super) overdue: Gauge,
    pub(super) oldest_proof: Gauge,
    pub(super) next_proofs: Gauge,
    pub(super) past_segments: Gauge,
}

impl Event<'_> {
    /// Writes the one line.
    pub(super) fn log(&self) {
        match *self {
            Event::Evacuated {
                segment,
                gone,
                gone_bytes,
                kept,
                kept_bytes,
            } => info!(
                segment,
                gone, gone_bytes, kept, kept_bytes, "bodies past their time are gone"
            ),
            Event::Stalled { why } => error!(why, "bodies past their time cannot be cleared"),
            Event::HoldOverdue { hold, review } => {
                warn!(hold = hold.0, %review, "a legal hold is to be reviewed");
            }
            Event::ProofsPast { segments, upto } => warn!(
                segments,
                upto = upto.0,
                "proofs are past their time: stop the gateway and run `bordereau retention end-proofs`"
            ),
            Event::ClockDoubted { seconds } => warn!(
                seconds,
                "the clock is ahead of the ledger or of the time that has passed: nothing is cleared until it is back or has run on for `retention.clock_seconds`"
            ),
            Event::ClockTrusted => info!("the clock is trusted again: what is past its time goes"),
            Event::TracesEnded { months } => info!(months, "traces of access have ended"),
        }
    }
}

impl Handles {
    pub(super) fn count(&self, event: Event<'_>) {
        match event {
            Event::Evacuated {
                gone,
                gone_bytes,
                kept_bytes,
                ..
            } => {
                self.gone.increment(gone);
                self.gone_bytes.increment(gone_bytes);
                self.copied_bytes.increment(kept_bytes);
            }
            Event::Stalled { .. } => self.stalls.increment(1),
            Event::ClockDoubted { .. } => self.doubted.set(1.0),
            Event::ClockTrusted => self.doubted.set(0.0),
            // How many there are is a reading; what has ended is not counted.
            Event::HoldOverdue { .. } | Event::ProofsPast { .. } | Event::TracesEnded { .. } => {}
        }
    }

    pub(super) fn show_holds(&self, holds: Holds) {
        self.standing.set(holds.standing as f64);
        self.overdue.set(holds.overdue as f64);
    }

    pub(super) fn show(&self, kept: &Kept) {
        // An instant that cannot be told is none: a query for "older than" must not find it.
        let seconds =
            |at: Option<Timestamp>| at.map_or(f64::INFINITY, |at| at.micros() as f64 / 1e6);
        self.oldest.set(seconds(kept.oldest));
        self.next.set(seconds(kept.next));
        self.oldest_proof.set(seconds(kept.oldest_proof));
        self.next_proofs.set(seconds(kept.next_proofs));
        self.past_segments.set(kept.past_segments as f64);
    }
}
