//! The keeping of bodies: the loop that has the store clear what is past its time, and watches over legal holds.
//!
//! It says when and how fast; what goes is decided by the rules and the store. It must never remove anything itself but
//! traces of access whose months have passed, nor anything by a clock that it doubts, and never keep anybody waiting. A
//! crash leaves nothing behind: what it remembers is only what it has spoken of, and the clock. Proofs that are past
//! their time it only shows and tells: a person has them go.

mod clock;

use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::claims::entry::Position;
use crate::claims::foundation;
use crate::claims::retention::{CEILING_DAYS, FLOOR_DAYS, Rules};
use crate::claims::time::Timestamp;
use crate::clock::Clock;
use crate::retention::clock::{Reading, Verdict, Watch};
use crate::store::Error;
use crate::store::retention::{Outlook, Pace, Retaining, Run, Trusted};
use crate::store::traces::Traces;
use crate::telemetry::retention::{Event, Kept};
use crate::telemetry::{self, Telemetry};

/// How long bodies and traces are kept.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Days that a body is kept after the last legal event of its document.
    pub body_days: u32,
    /// Days that a body past its time waits at most until its segment is cleared.
    pub wait_days: u32,
    /// A segment is cleared as soon as so many percent of the bytes of its bodies are past their time.
    pub past_percent: u32,
    /// Days after its first entry at which the segment that is written to is ended, so that it can be cleared too.
    pub segment_days: u32,
    /// A clock that is further ahead than so many seconds is doubted until it is back or has run on for as long.
    pub clock_seconds: NonZeroU32,
    /// Seconds between two looks for what is past its time.
    pub look_seconds: NonZeroU32,
    /// Bytes a second that clearing reads and writes.
    pub bytes_per_second: NonZeroU64,
    /// With so many commands waiting, clearing lets them pass.
    pub pause_commands: usize,
    /// Months after which the proofs of a finished document may go, when a person has them go.
    pub proof_months: u32,
    /// Calendar months that traces of access are kept, beside the current one.
    pub trace_months: u32,
}

/// A key that is outside of what the law allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside {
    /// The key, without its section.
    pub key: &'static str,
    /// What it must be.
    pub reason: &'static str,
}

/// The loop.
pub struct Retention {
    /// Whose bodies they are.
    pub retaining: Arc<dyn Retaining>,
    /// Who read what.
    pub traces: Arc<Traces>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub config: Config,
    /// Logs and metrics.
    pub telemetry: Arc<Telemetry>,
}

impl Default for Config {
    fn default() -> Config {
        let rules = Rules::default();
        Config {
            body_days: rules.body_days,
            wait_days: rules.wait_days,
            past_percent: rules.past_percent,
            segment_days: rules.segment_days,
            clock_seconds: const { NonZeroU32::new(86_400).expect("86400 is not zero") },
            look_seconds: const { NonZeroU32::new(3600).expect("3600 is not zero") },
            bytes_per_second: const { NonZeroU64::new(16 << 20).expect("16 MiB is not zero") },
            pause_commands: 64,
            trace_months: 6,
            proof_months: foundation::DEFAULT_MONTHS,
        }
    }
}

impl Config {
    /// The rules as `claims` knows them.
    pub fn rules(&self) -> Rules {
        Rules {
            body_days: self.body_days,
            wait_days: self.wait_days,
            past_percent: self.past_percent,
            segment_days: self.segment_days,
        }
    }

    /// What is outside of floor and ceiling.
    pub fn outside(&self) -> Vec<Outside> {
        let days = [self.body_days, self.wait_days, self.segment_days];
        let longest = days.into_iter().fold(0, u32::saturating_add);
        let checks = [
            (
                "body_days",
                self.body_days >= FLOOR_DAYS,
                "must be 90 at least: that long the electronic double and its receipts are kept (R161-48)",
            ),
            (
                "wait_days",
                // A day for the look that finds it.
                longest < CEILING_DAYS,
                "with `body_days` and `segment_days` must stay below 393: after thirteen months no body may be there any more",
            ),
            ("segment_days", self.segment_days >= 1, "must be 1 at least"),
            (
                "past_percent",
                (1..=100).contains(&self.past_percent),
                "must be between 1 and 100",
            ),
            (
                "clock_seconds",
                self.clock_seconds.get() <= 604_800,
                "must be a week at most",
            ),
            (
                "look_seconds",
                self.look_seconds.get() <= 86_400,
                "must be a day at most",
            ),
            (
                "trace_months",
                (6..=12).contains(&self.trace_months),
                "must be between 6 and 12",
            ),
            (
                "proof_months",
                (foundation::FLOOR_MONTHS..=foundation::CEILING_MONTHS)
                    .contains(&self.proof_months),
                "must be between 36 and 63: the insurer's action for what it paid without cause is barred after three years, after five in a case of fraud (L133-4)",
            ),
        ];
        let outside = checks.into_iter().filter(|(_, is_inside, _)| !is_inside);
        outside
            .map(|(key, _, reason)| Outside { key, reason })
            .collect()
    }

    /// How much clearing may take from others.
    pub fn pace(&self) -> Pace {
        Pace {
            bytes_per_second: self.bytes_per_second.get(),
            pause_commands: self.pause_commands,
        }
    }
}

/// A clock that is doubted is looked at so often at least: what a gateway ran behind its last look is lost.
const DOUBTED_LOOK: Duration = Duration::from_secs(3600);

/// What was seen and spoken of already.
#[derive(Debug, Default)]
pub struct Seen {
    /// The clock; none before the first look.
    clock: Option<Watch>,
    /// Whether it is told that the clock is doubted.
    doubted: bool,
    /// Legal holds whose day of review has passed.
    holds: BTreeSet<Position>,
    /// The last entry of the proofs that are past their time.
    proofs: Position,
}

impl Retention {
    /// Clears until it is told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        let (mut seen, began) = (Seen::default(), Instant::now());
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.turn(&mut seen, began.elapsed()) => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(self.pause(&seen)) => {}
            }
        }
    }

    /// How long it waits until the next turn. What has run by a clock that is doubted is known from one look to the next.
    fn pause(&self, seen: &Seen) -> Duration {
        let look = Duration::from_secs(self.config.look_seconds.get().into());
        match seen.doubted {
            true => look.min(DOUBTED_LOOK),
            false => look,
        }
    }

    /// Clears all segments that are due, one after the other, and says how things are then. By a clock that is doubted
    /// nothing goes, and what is told is told of the instant at which it was trusted last. So much time has passed since
    /// the first turn.
    pub async fn turn(&self, seen: &mut Seen, passed: Duration) {
        let at = self.clock.now();
        let done = match self.is_trusted(seen, Reading { at, passed }).await {
            Ok(Verdict::Trusted) => {
                self.end_traces(at).await;
                self.clear_and_show(at, seen).await
            }
            Ok(Verdict::Doubted(ahead)) => self.only_show(at - ahead, seen).await,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            let why = error.to_string();
            self.say(Event::Stalled { why: &why });
        }
    }

    /// Looks at the clock, writes down what is known of it before anything goes by it, and tells when it is doubted and
    /// when no more.
    async fn is_trusted(&self, seen: &mut Seen, now: Reading) -> Result<Verdict, Error> {
        let patience = Duration::from_secs(self.config.clock_seconds.get().into());
        let clock = match &mut seen.clock {
            Some(clock) => clock,
            none => none.insert(Watch::new(self.reference(now.at).await?, patience)),
        };
        let verdict = clock.look(now);
        self.retaining.trust(clock.known()).await?;
        let was = std::mem::replace(&mut seen.doubted, verdict != Verdict::Trusted);
        match verdict {
            Verdict::Doubted(ahead) if !was => self.say(Event::ClockDoubted {
                seconds: ahead.as_secs(),
            }),
            Verdict::Trusted if was => self.say(Event::ClockTrusted),
            Verdict::Doubted(_) | Verdict::Trusted => {}
        }
        Ok(verdict)
    }

    async fn clear_and_show(&self, at: Timestamp, seen: &mut Seen) -> Result<(), Error> {
        let outlook = self.clear(at).await?;
        self.show(at, outlook, seen).await
    }

    async fn only_show(&self, at: Timestamp, seen: &mut Seen) -> Result<(), Error> {
        let outlook = self.retaining.outlook(self.config.rules()).await?;
        self.show(at, outlook, seen).await
    }

    /// What the first look is measured by. It is written down: by the clock of this process entries are stamped from
    /// now on, and the next one must not take these for proof.
    async fn reference(&self, at: Timestamp) -> Result<Trusted, Error> {
        if let Some(trusted) = self.retaining.trusted().await? {
            return Ok(trusted);
        }
        // Where nothing was recorded nothing can go too early.
        let recorded = Trusted::from(self.retaining.recorded().unwrap_or(at));
        self.retaining.trust(recorded).await?;
        Ok(recorded)
    }

    async fn clear(&self, at: Timestamp) -> Result<Outlook, Error> {
        loop {
            let run = self
                .retaining
                .evacuate(at, self.config.rules(), self.config.pace());
            match run.await? {
                Run::Evacuated(evacuated) => self.say(Event::Evacuated {
                    segment: evacuated.segment,
                    gone: evacuated.gone,
                    gone_bytes: evacuated.gone_bytes,
                    kept: evacuated.kept,
                    kept_bytes: evacuated.kept_bytes,
                }),
                Run::Nothing(outlook) => return Ok(outlook),
            }
        }
    }

    async fn show(&self, at: Timestamp, outlook: Outlook, seen: &mut Seen) -> Result<(), Error> {
        // How many there are `desk` shows, when it is asked.
        for record in self.retaining.legal_holds().await? {
            if record.is_overdue(at) && seen.holds.insert(record.position) {
                self.say(Event::HoldOverdue {
                    hold: record.position,
                    review: record.hold.review,
                });
            }
        }
        let months = self.config.proof_months;
        let before = foundation::past_before(at, months);
        let proofs = self.retaining.proofs(before).await?;
        if proofs.upto > seen.proofs {
            seen.proofs = proofs.upto;
            self.say(Event::ProofsPast {
                segments: proofs.segments,
                upto: proofs.upto,
            });
        }
        let past_from = |ended| foundation::past_from(ended, months);
        self.telemetry.show(telemetry::Reading::Kept(Kept {
            oldest: outlook.oldest,
            next: outlook.next,
            oldest_proof: proofs.oldest,
            next_proofs: proofs.ended.map(past_from),
            past_segments: proofs.segments,
        }));
        Ok(())
    }

    async fn end_traces(&self, at: Timestamp) {
        let (traces, months) = (self.traces.clone(), self.config.trace_months);
        let ended = tokio::task::spawn_blocking(move || traces.end(at, months)).await;
        match ended {
            Ok(Ok(0)) => {}
            Ok(Ok(months)) => self.say(Event::TracesEnded { months }),
            Ok(Err(error)) => self.say(Event::Stalled {
                why: &error.to_string(),
            }),
            Err(_) => self.say(Event::Stalled {
                why: "the end of traces ended in a panic",
            }),
        }
    }

    fn say(&self, event: Event<'_>) {
        self.telemetry.record(telemetry::Event::Retention(event));
    }
}

#[cfg(test)]
mod tests;
