//! One side of a lane: what the exchanges of one kind taught of the endpoint.
//!
//! The services behind attempts and questions are two, and often one of them alone is broken. So neither side learns
//! from the other: a question that fails is no sign that attempts would, and holds none of them back. But an answer to
//! the one may mean that an outage of both is over, so the next probe of the other waits no longer than the first did.

use std::time::Duration;

use crate::claims::entry::{Next, Reason};
use crate::claims::lane::breaker::{self, Breaker, Role, Sign};
use crate::claims::lane::limit::Limit;
use crate::claims::lane::{Rules, Signal};
use crate::claims::outcome::Trouble;
use crate::claims::time::Timestamp;

/// One kind of exchange at one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub(super) limit: Limit,
    pub(super) breaker: Breaker,
    /// A wait that the endpoint asked for.
    asked: Option<Next>,
    running: u32,
    /// How many ran at once since the endpoint served last.
    cohort: u32,
}

impl Side {
    /// A side that has learned nothing yet.
    pub(super) fn new(rules: &Rules) -> Side {
        Side {
            limit: Limit::new(rules.concurrency),
            breaker: Breaker::new(),
            asked: None,
            running: 0,
            cohort: 0,
        }
    }

    /// How many may begin; none may before the instant that is given instead.
    pub(super) fn free(&self, at: Timestamp, rules: &Rules) -> Result<u32, Next> {
        match self.breaker.may_begin(at, &rules.breaker) {
            breaker::MayBegin::Open => Ok(self.limit.size().saturating_sub(self.running)),
            breaker::MayBegin::Probe => Ok(1),
            breaker::MayBegin::Probing => Ok(0),
            breaker::MayBegin::Not(at) => Err(Next {
                at,
                reason: Reason::Breaker,
            }),
        }
    }

    /// When the breaker lets the next one through if what runs fails now; none while it is closed.
    pub(super) fn probed(&self, at: Timestamp, rules: &Rules) -> Option<Next> {
        let probe = self.breaker.next_probe(at, &rules.breaker)?;
        Some(Next {
            at: probe.max(at),
            reason: Reason::Breaker,
        })
    }

    /// The wait that was asked for, if it is not over. One that is longer than any that is honoured was begun by a clock
    /// that has been set back since, and is over.
    pub(super) fn waits(&self, at: Timestamp, rules: &Rules) -> Option<Next> {
        let latest = at + rules.asked_cap;
        self.asked
            .filter(|asked| at < asked.at && asked.at <= latest)
    }

    /// One exchange begins.
    pub(super) fn begin(&mut self, at: Timestamp, rules: &Rules) -> Role {
        self.running += 1;
        self.limit.began(self.running);
        self.cohort = self.cohort.max(self.running);
        self.breaker.begin(at, &rules.breaker)
    }

    /// An exchange that began at an instant ended, or its answer was heard.
    pub(super) fn hear(
        &mut self,
        role: Role,
        began: Timestamp,
        signal: Signal,
        at: Timestamp,
        rules: &Rules,
    ) {
        match signal {
            Signal::Served => self.limit.succeeded(),
            Signal::Strained(..) | Signal::Silent => self.limit.strained(began, at),
            Signal::Unserved => {}
        }
        if let Signal::Strained(trouble, Some(wait)) = signal {
            self.asked(trouble, wait, at, rules);
        }
        let sign = match signal {
            Signal::Served => {
                self.cohort = self.running;
                Sign::Life
            }
            Signal::Strained(..) | Signal::Unserved | Signal::Silent => Sign::Death,
        };
        let before = self.breaker.state();
        self.breaker
            .hear(role, sign, self.cohort, at, &rules.breaker);
        match (before, self.breaker.state()) {
            (breaker::State::Closed, breaker::State::Open) => self.limit.died(),
            (
                breaker::State::Closed | breaker::State::HalfOpen | breaker::State::Open,
                breaker::State::Closed | breaker::State::HalfOpen | breaker::State::Open,
            ) => {}
        }
    }

    /// An exchange takes no room any more, whether anything was heard of it or not.
    pub(super) fn end(&mut self, role: Role, at: Timestamp, rules: &Rules) {
        self.running = self.running.saturating_sub(1);
        self.breaker.abandon(role, at, &rules.breaker);
    }

    fn asked(&mut self, trouble: Trouble, wait: Duration, at: Timestamp, rules: &Rules) {
        let until = at + wait.min(rules.asked_cap);
        if self.waits(at, rules).is_none_or(|asked| asked.at < until) {
            self.asked = Some(Next {
                at: until,
                reason: trouble.reason(),
            });
        }
    }
}
