//! A lane: what may go to one endpoint at an instant, and if nothing may, when and why.
//!
//! Five things hold back, each for itself: the endpoint's hours, a wait that it asked for, the breaker, the learned
//! limit and the pace. The limit and the breaker are two things, as Postfix has them: the limit learns how many
//! exchanges at once the endpoint bears, the breaker whether it is there at all, and neither is deduced from the
//! other. Attempts and questions have hours and pace in common and the rest for themselves. A lane never decides what
//! becomes of a lot, and whatever it holds back has a next instant. A crash loses it: a new lane starts slowly, so a
//! restart is no herd.

pub mod breaker;
mod failure;
pub mod hours;
pub mod limit;
pub mod pace;
mod side;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::time::Duration;

use crate::claims::entry::{Next, Reason};
use crate::claims::outcome::Trouble;
use crate::claims::time::Timestamp;

pub use failure::Failure;

use breaker::Role;
use hours::Hours;
use pace::{Bucket, Pace};
use side::Side;

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
    bucket: Bucket,
    attempts: Side,
    questions: Side,
    /// What went last.
    last: Option<Kind>,
    failure: Option<Failure>,
}

/// What is exchanged: each kind has a limit, a breaker and probes of its own, so that questions that are slow to be
/// answered, or not answered at all, keep no lot waiting, nor lots the questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An attempt to hand over a lot.
    Attempt,
    /// A question about a lot.
    Question,
}

/// Whether something may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MayGo {
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
            attempts: Side::new(&rules),
            questions: Side::new(&rules),
            bucket: Bucket::new(rules.pace),
            last: None,
            failure: None,
            rules,
        }
    }

    /// From now on by these rules. What was learned of the endpoint stays, and so does its breaker: how many failures
    /// open it and how it is probed counts from the next one on.
    pub fn follow(&mut self, rules: Rules) {
        self.bucket.follow(rules.pace);
        for side in [&mut self.attempts, &mut self.questions] {
            side.limit.follow(rules.concurrency);
        }
        self.rules = rules;
    }

    /// Whether exchanges of a kind may begin.
    pub fn may_go(&self, kind: Kind, at: Timestamp) -> MayGo {
        if let Some(next) = self.closed(kind, at) {
            return MayGo::Held(next);
        }
        let most = match self.side(kind).free(at, &self.rules) {
            Ok(most) => most,
            Err(next) => return MayGo::Held(next),
        };
        let Some(most) = NonZeroU32::new(most) else {
            return MayGo::Full;
        };
        match NonZeroU32::new(self.bucket.holds(at)) {
            Some(tokens) => MayGo::Now(most.min(tokens)),
            None => MayGo::Held(held(self.bucket.refilled(), Reason::Turn)),
        }
    }

    /// Until when what failed now of a kind is not tried again whatever the hours are, which may be corrected before:
    /// a wait that was asked for, or the next probe.
    pub fn wait(&self, kind: Kind, at: Timestamp) -> Option<Next> {
        let side = self.side(kind);
        let asked = side.waits(at, &self.rules);
        asked.or_else(|| side.probed(at, &self.rules))
    }

    /// Until when nothing that is due of a kind goes, and why; none if the lane stands in nobody's way.
    pub fn hold(&self, kind: Kind, at: Timestamp) -> Option<Next> {
        let probed = || self.side(kind).probed(at, &self.rules);
        self.closed(kind, at).or_else(probed)
    }

    /// Until when nothing of a kind may go whatever the breaker says, and why: the hours, or a wait that was asked for.
    fn closed(&self, kind: Kind, at: Timestamp) -> Option<Next> {
        let asked = self.side(kind).waits(at, &self.rules);
        let earliest = asked.map_or(at, |asked| asked.at);
        let opens = self.rules.hours.opens(earliest);
        let closed = (opens > earliest).then(|| held(opens, Reason::Closed));
        closed.or(asked)
    }

    /// One exchange begins.
    pub fn begin(&mut self, kind: Kind, at: Timestamp) -> Slot {
        self.bucket.take(at);
        self.last = Some(kind);
        let (side, rules) = self.side_mut(kind);
        Slot {
            kind,
            role: side.begin(at, rules),
            began: at,
        }
    }

    /// The exchange ended, or its answer was heard, with what it says of the endpoint.
    pub fn hear(&mut self, slot: &mut Slot, signal: Signal, at: Timestamp) {
        let (side, rules) = self.side_mut(slot.kind);
        side.hear(slot.role, slot.began, signal, at, rules);
        slot.role = Role::Ordinary;
        match signal {
            Signal::Served => {
                let (other, rules) = self.side_mut(slot.kind.other());
                other.breaker.hasten(at, &rules.breaker);
            }
            Signal::Strained(..) | Signal::Unserved | Signal::Silent => {}
        }
    }

    /// By what the endpoint failed in an exchange, or that it served: for people alone, it holds nothing back.
    pub fn note(&mut self, failed_by: Option<Reason>, at: Timestamp) {
        self.failure = failed_by.map(|reason| Failure { reason, at });
    }

    /// What the endpoint failed by in its last exchange; none once it served.
    pub fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// The exchange takes no room any more, whether anything was heard of it or not.
    pub fn end(&mut self, slot: Slot, at: Timestamp) {
        let (side, rules) = self.side_mut(slot.kind);
        side.end(slot.role, at, rules);
    }

    /// What comes first where both kinds wait: they have the pace in common, so the one that did not go last.
    pub fn first(&self) -> Kind {
        self.last.map_or(Kind::Question, Kind::other)
    }

    /// Where the breaker of a kind stands.
    pub fn breaker(&self, kind: Kind) -> breaker::State {
        self.side(kind).breaker.state()
    }

    /// How many exchanges of a kind may run at once.
    pub fn limit(&self, kind: Kind) -> u32 {
        self.side(kind).limit.size()
    }

    fn side(&self, kind: Kind) -> &Side {
        match kind {
            Kind::Attempt => &self.attempts,
            Kind::Question => &self.questions,
        }
    }

    fn side_mut(&mut self, kind: Kind) -> (&mut Side, &Rules) {
        let side = match kind {
            Kind::Attempt => &mut self.attempts,
            Kind::Question => &mut self.questions,
        };
        (side, &self.rules)
    }
}

impl Kind {
    /// Both kinds.
    pub const ALL: [Kind; 2] = [Kind::Attempt, Kind::Question];

    fn other(self) -> Kind {
        match self {
            Kind::Attempt => Kind::Question,
            Kind::Question => Kind::Attempt,
        }
    }
}

impl Slot {
    /// What is exchanged.
    pub fn kind(&self) -> Kind {
        self.kind
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
