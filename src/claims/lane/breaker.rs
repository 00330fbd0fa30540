//! Whether an endpoint is there at all: closed while it answers, open when so many exchanges in a row failed, then
//! single probes, ever more rarely, until one is answered.
//!
//! It knows nothing of load: an endpoint that answers one in ten is alive, however slow its lane is by then. There
//! is never more than one probe, and while the breaker is open the next probe has an instant.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::claims::time::Timestamp;

/// When an endpoint counts as dead, and how it is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Failures in a row that open the breaker, but no fewer than ran at once.
    pub failures: NonZeroU32,
    /// From the opening to the first probe; the wait doubles with each probe that fails.
    pub probe_first: Duration,
    /// Between two probes at most.
    pub probe_cap: Duration,
}

/// A breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    stage: Stage,
    /// Failures since the last sign of life.
    failures: u32,
    /// Probes that failed since it opened.
    probes: u32,
    /// Number of the last probe.
    probe: u64,
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Lots go.
    Closed,
    /// One exchange runs as a probe.
    HalfOpen,
    /// Lots are held.
    Open,
}

/// What may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MayBegin {
    /// Whatever the other rules allow.
    Open,
    /// One probe.
    Probe,
    /// Nothing, until the probe that runs has ended.
    Probing,
    /// Nothing, until then.
    Not(Timestamp),
}

/// What an exchange is to the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// One among others.
    Ordinary,
    /// A probe, by its number: one that outlived its own outage is no probe of the next.
    Probe(u64),
}

/// What an exchange says of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It serves.
    Life,
    /// It does not.
    Death,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Closed,
    Open { since: Timestamp, probe: Timestamp },
    HalfOpen,
}

impl Breaker {
    /// A closed breaker: an endpoint is alive until it shows otherwise.
    pub fn new() -> Breaker {
        Breaker {
            stage: Stage::Closed,
            failures: 0,
            probes: 0,
            probe: 0,
        }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        match self.stage {
            Stage::Closed => State::Closed,
            Stage::Open { .. } => State::Open,
            Stage::HalfOpen => State::HalfOpen,
        }
    }

    /// What may begin. A probe that is further off than any wait was set by a clock that has been set back since: it is
    /// due.
    pub fn may_begin(&self, at: Timestamp, rules: &Rules) -> MayBegin {
        match self.stage {
            Stage::Closed => MayBegin::Open,
            Stage::Open { probe, .. } if probe <= at || probe > at + rules.probe_cap => {
                MayBegin::Probe
            }
            Stage::Open { probe, .. } => MayBegin::Not(probe),
            Stage::HalfOpen => MayBegin::Probing,
        }
    }

    /// When the next probe is, unless the breaker is closed. While one runs: when the next would be if it failed now.
    pub fn next_probe(&self, at: Timestamp, rules: &Rules) -> Option<Timestamp> {
        match self.stage {
            Stage::Closed => None,
            Stage::Open { probe, .. } => Some(probe.min(at + rules.probe_cap)),
            Stage::HalfOpen => Some(at + rules.wait(self.probes + 1)),
        }
    }

    /// An exchange begins: as the probe, if one is due.
    pub fn begin(&mut self, at: Timestamp, rules: &Rules) -> Role {
        match self.may_begin(at, rules) {
            MayBegin::Probe => {
                self.stage = Stage::HalfOpen;
                self.probe += 1;
                Role::Probe(self.probe)
            }
            MayBegin::Open | MayBegin::Probing | MayBegin::Not(_) => Role::Ordinary,
        }
    }

    /// An exchange said something of the endpoint. `cohort` is how many ran at once since the last sign of life: an
    /// endpoint is dead when a whole cohort has failed, or one that bears less than it is sent would be taken for it.
    /// What began before the breaker opened can close it, for whoever answers lives; its failure says nothing new.
    pub fn hear(&mut self, role: Role, sign: Sign, cohort: u32, at: Timestamp, rules: &Rules) {
        match (sign, self.stage) {
            (Sign::Life, Stage::Closed | Stage::Open { .. } | Stage::HalfOpen) => {
                self.stage = Stage::Closed;
                self.failures = 0;
                self.probes = 0;
            }
            (Sign::Death, Stage::Closed) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= rules.failures.get().max(cohort) {
                    self.open(at, rules);
                }
            }
            (Sign::Death, Stage::HalfOpen) if self.is_probe(role) => {
                self.probes = self.probes.saturating_add(1);
                self.open(at, rules);
            }
            (Sign::Death, Stage::HalfOpen | Stage::Open { .. }) => {}
        }
    }

    /// An exchange ended of which nothing was heard: after a probe the next one waits as long as the first.
    pub fn abandon(&mut self, role: Role, at: Timestamp, rules: &Rules) {
        if self.stage == Stage::HalfOpen && self.is_probe(role) {
            let probe = at + rules.wait(0);
            self.stage = Stage::Open { since: at, probe };
        }
    }

    /// Something else at the endpoint lives: the next probe waits no longer than the first one did. It is no sign of life
    /// here, and an endpoint that serves the one and not the other is not probed more often than at first.
    pub fn hasten(&mut self, at: Timestamp, rules: &Rules) {
        if let Stage::Open { since, probe } = self.stage {
            let soonest = (since + rules.wait(0)).max(at);
            self.stage = Stage::Open {
                since,
                probe: probe.min(soonest),
            };
        }
    }

    /// Whether this is the last probe that began.
    pub fn is_probe(&self, role: Role) -> bool {
        role == Role::Probe(self.probe)
    }

    fn open(&mut self, at: Timestamp, rules: &Rules) {
        let probe = at + rules.wait(self.probes);
        self.stage = Stage::Open { since: at, probe };
    }
}

impl Default for Breaker {
    fn default() -> Breaker {
        Breaker::new()
    }
}

impl Rules {
    /// The wait before a probe, after so many that failed.
    pub fn wait(&self, failed: u32) -> Duration {
        let factor = 2u32.saturating_pow(failed);
        self.probe_first.saturating_mul(factor).min(self.probe_cap)
    }
}

impl Default for Rules {
    /// Five in a row are no accident; four probes a minute are no load, and find the end of an outage soon enough to
    /// drain what it held back within a minute.
    fn default() -> Rules {
        Rules {
            failures: const { NonZeroU32::new(5).expect("not zero") },
            probe_first: Duration::from_secs(5),
            probe_cap: Duration::from_secs(15),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn rules() -> Rules {
        Rules {
            failures: NonZeroU32::new(3).unwrap(),
            probe_first: Duration::from_secs(10),
            probe_cap: Duration::from_secs(40),
        }
    }

    /// What happens to a breaker.
    enum Act {
        Begin(Role),
        Life(Role),
        Death(Role),
        Abandon(Role),
    }

    #[test]
    #[rustfmt::skip]
    fn every_move_has_its_row() {
        use Act::{Abandon, Begin, Death, Life};
        use Role::{Ordinary, Probe};
        let mut breaker = Breaker::new();
        for (row, (at, act, may)) in [
            (1, Begin(Ordinary), MayBegin::Open),
            (1, Death(Ordinary), MayBegin::Open),
            (1, Death(Ordinary), MayBegin::Open),
            (2, Life(Ordinary), MayBegin::Open),
            (3, Death(Ordinary), MayBegin::Open),
            (3, Death(Ordinary), MayBegin::Open),
            (3, Death(Ordinary), MayBegin::Not(second(13))),
            // What ran beside it says nothing new, and what begins all the same is no probe.
            (4, Death(Ordinary), MayBegin::Not(second(13))),
            (12, Begin(Ordinary), MayBegin::Not(second(13))),
            (13, Begin(Probe(1)), MayBegin::Probing),
            (13, Begin(Ordinary), MayBegin::Probing),
            (14, Death(Ordinary), MayBegin::Probing),
            (15, Death(Probe(1)), MayBegin::Not(second(35))),
            (35, Begin(Probe(2)), MayBegin::Probing),
            (36, Death(Probe(2)), MayBegin::Not(second(76))),
            (76, Begin(Probe(3)), MayBegin::Probing),
            (77, Death(Probe(3)), MayBegin::Not(second(117))),
            // A probe of which nothing is heard is made again soon.
            (117, Begin(Probe(4)), MayBegin::Probing),
            (118, Abandon(Probe(4)), MayBegin::Not(second(128))),
            (128, Begin(Probe(5)), MayBegin::Probing),
            (129, Life(Probe(5)), MayBegin::Open),
            // It starts over.
            (130, Death(Ordinary), MayBegin::Open),
            (130, Death(Ordinary), MayBegin::Open),
            (130, Death(Ordinary), MayBegin::Not(second(140))),
            // Whoever answers lives.
            (131, Life(Ordinary), MayBegin::Open),
        ].into_iter().enumerate() {
            let now = second(at);
            match act {
                Begin(role) => assert_eq!(breaker.begin(now, &rules()), role, "row {row}"),
                Life(role) => breaker.hear(role, Sign::Life, 1, now, &rules()),
                Death(role) => breaker.hear(role, Sign::Death, 1, now, &rules()),
                Abandon(role) => breaker.abandon(role, now, &rules()),
            }
            assert_eq!(breaker.may_begin(now, &rules()), may, "row {row}");
        }
    }

    #[test]
    fn a_whole_cohort_fails_before_an_endpoint_is_dead() {
        for (cohort, failures) in [(0, 3), (1, 3), (3, 3), (4, 4), (30, 30)] {
            let mut breaker = Breaker::new();
            let mut count = 0;
            while breaker.state() == State::Closed {
                breaker.hear(Role::Ordinary, Sign::Death, cohort, second(1), &rules());
                count += 1;
            }
            assert_eq!(count, failures, "{cohort}");
        }
    }
}
