//! A lane: what may go to one endpoint at an instant, and if nothing may, when and why.
//!
//! Five things hold back, each for itself: the endpoint's hours, a wait that it asked for, the breaker, the learned
//! limit and the pace. The limit and the breaker are two things, as Postfix has them: the limit learns how many
//! exchanges at once the endpoint bears, the breaker whether it is there at all, and neither is deduced from the
//! other. A lane never decides what becomes of a lot, and whatever it holds back has a next instant. A crash loses
//! it: a new lane starts slowly, so a restart is no herd.

pub mod breaker;
pub mod hours;
pub mod limit;
pub mod pace;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::time::Duration;

use crate::claims::entry::{Next, Reason};
use crate::claims::outcome::Trouble;
use crate::claims::time::Timestamp;

use breaker::{Breaker, Role};
use hours::Hours;
use limit::Limit;
use pace::{Bucket, Pace};

/// The rules of one lane: its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Attempts at once at most, and as many questions.
    pub concurrency: NonZeroU32,
    /// Requests in a time.
    pub pace: Pace,
    /// When the endpoint takes lots.
    pub hours: Hours,
    /// When an endpoint counts as dead, and how it is probed.
    pub breaker: breaker::Rules,
    /// No wait that the endpoint asks for is honoured for longer.
    pub asked_cap: Duration,
}

/// The lane of one endpoint.
#[derive(Clone, Debug)]
pub struct Lane {
    rules: Rules,
    limit: Limit,
    breaker: Breaker,
    bucket: Bucket,
    /// A wait that the endpoint asked for.
    asked: Option<Next>,
    sending: u32,
    asking: u32,
    /// How many ran at once since the endpoint served last.
    cohort: u32,
}

/// What is exchanged: each kind has the whole limit for itself, so that questions that are slow to be answered keep
/// no lot waiting, nor lots the questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An attempt to hand over a lot.
    Attempt,
    /// A question about a lot.
    Question,
}

/// Whether something may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// So many may go now.
    Now(NonZeroU32),
    /// Not before something that runs has ended.
    Full,
    /// Not before an instant, which is later than now.
    Held(Next),
}

/// What an exchange says of the endpoint; what it says of the lot is the judgement's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It answered in the words of the contract.
    Served,
    /// It answered with a trouble that load may cause (408, 425, 429, 5xx), and how long it asks to wait.
    Strained(Trouble, Option<Duration>),
    /// It could not be reached, or what answers there does not serve us: this says nothing of load.
    Unserved,
    /// The request left and no answer came: too much load, or no endpoint.
    Silent,
}

/// An exchange that runs in a lane.
#[derive(Debug)]
pub struct Slot {
    kind: Kind,
    role: Role,
    began: Timestamp,
}

impl Lane {
    /// A lane that has learned nothing yet.
    pub fn new(rules: Rules) -> Lane {
        Lane {
            limit: Limit::new(rules.concurrency),
            breaker: Breaker::new(),
            bucket: Bucket::new(rules.pace),
            asked: None,
            sending: 0,
            asking: 0,
            cohort: 0,
            rules,
        }
    }

    /// Whether exchanges of a kind may begin.
    pub fn room(&self, kind: Kind, at: Timestamp) -> Room {
        if let Some(next) = self.closed(at) {
            return Room::Held(next);
        }
        let most = match self.breaker.room(at, &self.rules.breaker) {
            breaker::Room::Open => self.limit.size().saturating_sub(self.running(kind)),
            breaker::Room::Probe => 1,
            breaker::Room::Probing => 0,
            breaker::Room::Not(probe) => return Room::Held(held(probe, Reason::Breaker)),
        };
        let Some(most) = NonZeroU32::new(most) else {
            return Room::Full;
        };
        match NonZeroU32::new(self.bucket.holds(at)) {
            Some(tokens) => Room::Now(most.min(tokens)),
            None => Room::Held(held(self.bucket.refilled(), Reason::Turn)),
        }
    }

    /// Until when a lot that failed now is not sent again, and why; none if the lane stands in nobody's way.
    pub fn hold(&self, at: Timestamp) -> Option<Next> {
        let probe = || {
            let probe = self.breaker.next_probe(at, &self.rules.breaker)?;
            Some(held(probe.max(at), Reason::Breaker))
        };
        self.closed(at).or_else(probe)
    }

    /// Until when nothing may go whatever the breaker says, and why: the hours, or a wait that was asked for.
    pub fn closed(&self, at: Timestamp) -> Option<Next> {
        let asked = self.waits(at);
        let earliest = asked.map_or(at, |asked| asked.at);
        let opens = self.rules.hours.opens(earliest);
        let closed = (opens > earliest).then(|| held(opens, Reason::Closed));
        closed.or(asked)
    }

    /// One exchange begins.
    pub fn begin(&mut self, kind: Kind, at: Timestamp) -> Slot {
        *self.running_mut(kind) += 1;
        self.limit.began(self.running(kind));
        self.cohort = self.cohort.max(self.sending + self.asking);
        self.bucket.take(at);
        Slot {
            kind,
            role: self.breaker.begin(at, &self.rules.breaker),
            began: at,
        }
    }

    /// The exchange ended, or its answer was heard, with what it says of the endpoint.
    pub fn hear(&mut self, slot: &mut Slot, signal: Signal, at: Timestamp) {
        match signal {
            Signal::Served => self.limit.succeeded(),
            Signal::Strained(..) | Signal::Silent => self.limit.strained(slot.began, at),
            Signal::Unserved => {}
        }
        if let Signal::Strained(trouble, Some(wait)) = signal {
            self.asked(trouble, wait, at);
        }
        let sign = match signal {
            Signal::Served => {
                self.cohort = self.sending + self.asking;
                breaker::Sign::Life
            }
            Signal::Strained(..) | Signal::Unserved | Signal::Silent => breaker::Sign::Death,
        };
        let before = self.breaker.state();
        let rules = &self.rules.breaker;
        self.breaker.hear(slot.role, sign, self.cohort, at, rules);
        slot.role = Role::Ordinary;
        match (before, self.breaker.state()) {
            (breaker::State::Closed, breaker::State::Open) => self.limit.died(),
            (
                breaker::State::Closed | breaker::State::HalfOpen | breaker::State::Open,
                breaker::State::Closed | breaker::State::HalfOpen | breaker::State::Open,
            ) => {}
        }
    }

    /// The exchange takes no room any more, whether anything was heard of it or not.
    pub fn end(&mut self, slot: Slot, at: Timestamp) {
        let running = self.running_mut(slot.kind);
        *running = running.saturating_sub(1);
        self.breaker.abandon(slot.role, at, &self.rules.breaker);
    }

    /// Where the breaker stands.
    pub fn breaker(&self) -> breaker::State {
        self.breaker.state()
    }

    /// How many exchanges of a kind may run at once.
    pub fn limit(&self) -> u32 {
        self.limit.size()
    }

    fn asked(&mut self, trouble: Trouble, wait: Duration, at: Timestamp) {
        let until = at + wait.min(self.rules.asked_cap);
        if self.waits(at).is_none_or(|asked| asked.at < until) {
            self.asked = Some(held(until, trouble.reason()));
        }
    }

    /// The wait that was asked for, if it is not over. One that is longer than any that is honoured was begun by a clock
    /// that has been set back since, and is over.
    fn waits(&self, at: Timestamp) -> Option<Next> {
        let latest = at + self.rules.asked_cap;
        self.asked
            .filter(|asked| at < asked.at && asked.at <= latest)
    }

    fn running(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Attempt => self.sending,
            Kind::Question => self.asking,
        }
    }

    fn running_mut(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Attempt => &mut self.sending,
            Kind::Question => &mut self.asking,
        }
    }
}

impl Rules {
    /// Always open, at any pace, with the usual breaker.
    pub fn new(concurrency: NonZeroU32) -> Rules {
        Rules {
            concurrency,
            pace: Pace::ANY,
            hours: Hours::always(),
            breaker: breaker::Rules::default(),
            asked_cap: Duration::from_secs(3600),
        }
    }
}

fn held(at: Timestamp, reason: Reason) -> Next {
    Next { at, reason }
}
