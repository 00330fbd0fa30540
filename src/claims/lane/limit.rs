//! How many exchanges may run at once at an endpoint: learned, never told.
//!
//! It begins with one. While it is below a threshold each window doubles it (slow start), above that each window
//! adds one; trouble that load may cause halves it and sets the threshold there; a dead endpoint starts over. A
//! window is as many successes as the limit has, in a time in which the limit was reached: successes of a lane
//! that is hardly used teach nothing.

use std::num::NonZeroU32;

use crate::claims::time::Timestamp;

/// A limit that learns: always from 1 up to the most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    most: u32,
    size: u32,
    /// Below it the limit doubles, from it on it grows by one.
    threshold: u32,
    /// Successes of this window.
    succeeded: u32,
    /// Whether the limit was reached in this window.
    reached: bool,
    /// When it was cut last.
    cut: Option<Timestamp>,
}

impl Limit {
    /// A limit that has learned nothing.
    pub fn new(most: NonZeroU32) -> Limit {
        Limit {
            most: most.get(),
            size: 1,
            threshold: most.get(),
            succeeded: 0,
            reached: false,
            cut: None,
        }
    }

    /// From now on at most so many. What was learned below that stays.
    pub fn follow(&mut self, most: NonZeroU32) {
        let was_cut = self.threshold < self.most;
        self.most = most.get();
        self.threshold = match was_cut {
            true => self.threshold.min(self.most),
            false => self.most,
        };
        self.size = self.size.min(self.most);
    }

    /// How many may run at once.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// An exchange began, and with it so many run.
    pub fn began(&mut self, running: u32) {
        self.reached |= running >= self.size;
    }

    /// An exchange was answered as it should be.
    pub fn succeeded(&mut self) {
        if !self.reached {
            return;
        }
        self.succeeded += 1;
        if self.succeeded < self.size {
            return;
        }
        let grown = if self.size < self.threshold {
            self.size.saturating_mul(2).min(self.threshold)
        } else {
            self.size.saturating_add(1)
        };
        self.set(grown.min(self.most));
    }

    /// An exchange that began at an instant met trouble that load may cause. Those that ran together are cut once; a
    /// cut that is still to come was made by a clock that has been set back since, and says nothing.
    pub fn strained(&mut self, began: Timestamp, at: Timestamp) {
        if self.cut.is_some_and(|cut| began <= cut && cut <= at) {
            return;
        }
        self.cut = Some(at);
        self.threshold = (self.size / 2).max(1);
        self.set(self.threshold);
    }

    /// The endpoint is dead: whatever comes back starts slowly, up to half of what was borne before.
    pub fn died(&mut self) {
        self.threshold = self.threshold.min((self.size / 2).max(1)).max(1);
        self.set(1);
    }

    fn set(&mut self, size: u32) {
        self.size = size;
        self.succeeded = 0;
        self.reached = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Timestamp = Timestamp::from_micros(1_000_000);

    fn limit(most: u32) -> Limit {
        Limit::new(NonZeroU32::new(most).unwrap())
    }

    /// A window in which the limit is reached and everything succeeds.
    fn window(limit: &mut Limit) {
        let size = limit.size();
        (1..=size).for_each(|running| limit.began(running));
        (0..size).for_each(|_| limit.succeeded());
    }

    fn path(limit: &mut Limit, windows: usize) -> Vec<u32> {
        let after = |limit: &mut Limit| {
            window(limit);
            limit.size()
        };
        (0..windows).map(|_| after(limit)).collect()
    }

    #[test]
    fn it_doubles_below_the_threshold_and_adds_one_above_it() {
        let mut limit = limit(16);
        assert_eq!(path(&mut limit, 5), [2, 4, 8, 16, 16]);
        limit.strained(BEGIN, BEGIN);
        assert_eq!(limit.size(), 8);
        assert_eq!(path(&mut limit, 3), [9, 10, 11]);
        limit.died();
        assert_eq!(limit.size(), 1);
        assert_eq!(path(&mut limit, 6), [2, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn another_most_keeps_what_was_learned_below_it() {
        let follow = |limit: &mut Limit, most| limit.follow(NonZeroU32::new(most).unwrap());
        let mut whole = limit(8);
        assert_eq!(path(&mut whole, 2), [2, 4]);
        follow(&mut whole, 16);
        assert_eq!(path(&mut whole, 3), [8, 16, 16]);
        follow(&mut whole, 3);
        assert_eq!(path(&mut whole, 2), [3, 3]);
        let mut cut = limit(8);
        path(&mut cut, 3);
        cut.strained(BEGIN, BEGIN);
        follow(&mut cut, 16);
        assert_eq!(
            path(&mut cut, 2),
            [5, 6],
            "what it bore is not tried in leaps"
        );
    }

    #[test]
    fn what_ran_together_is_cut_once() {
        let later = |seconds| BEGIN + std::time::Duration::from_secs(seconds);
        let mut limit = limit(16);
        path(&mut limit, 4);
        for (began, at, size) in [
            (BEGIN, later(1), 8),
            (BEGIN, later(2), 8),
            (later(1), later(3), 8),
            (later(2), later(4), 4),
            (later(5), later(6), 2),
            (later(7), later(8), 1),
            (later(9), later(10), 1),
        ] {
            limit.strained(began, at);
            assert_eq!(limit.size(), size, "{began} {at}");
        }
    }

    #[test]
    fn a_cut_by_a_clock_that_was_ahead_keeps_no_other_away() {
        let later = |seconds| BEGIN + std::time::Duration::from_secs(seconds);
        let mut limit = limit(16);
        path(&mut limit, 4);
        for (began, at, size) in [
            (later(9_000), later(9_001), 8),
            (later(1), later(2), 4),
            (later(1), later(3), 4),
        ] {
            limit.strained(began, at);
            assert_eq!(limit.size(), size, "{began} {at}");
        }
    }

    #[test]
    fn a_lane_that_is_hardly_used_teaches_nothing() {
        let mut limit = limit(16);
        path(&mut limit, 2);
        for _ in 0..100 {
            limit.began(1);
            limit.succeeded();
        }
        assert_eq!(limit.size(), 4);
    }
}
