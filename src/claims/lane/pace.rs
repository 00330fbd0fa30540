//! Requests in a time: a bucket of tokens that fills evenly, kept as one instant (the generic cell rate algorithm).

use std::time::Duration;

use crate::claims::time::Timestamp;

/// The burst that a pace allows: so much of its time at once.
const BURST: Duration = Duration::from_secs(1);

/// How often a request may go for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two requests; zero is no limit.
    every: Duration,
}

/// A bucket: full holds the requests of one second, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    pace: Pace,
    /// When the next request is due if all go evenly.
    next: Timestamp,
}

impl Pace {
    /// As often as one likes.
    pub const ANY: Pace = Pace {
        every: Duration::ZERO,
    };

    /// So many requests a second; zero, and what is no number, is no limit.
    pub fn per_second(requests: f64) -> Pace {
        let every = Duration::try_from_secs_f64(1.0 / requests).unwrap_or_default();
        Pace { every }
    }

    /// How far ahead of its even pace a burst may be.
    fn ahead(self) -> Duration {
        BURST.saturating_sub(self.every)
    }
}

impl Bucket {
    /// A full bucket.
    pub fn new(pace: Pace) -> Bucket {
        let next = Timestamp::default();
        Bucket { pace, next }
    }

    /// From now on at this pace; what has gone has gone.
    pub fn follow(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// How many requests may go now.
    pub fn holds(&self, at: Timestamp) -> u32 {
        let every = self.pace.every.as_micros();
        let latest = at + self.pace.ahead();
        let next = self.next(at);
        if every == 0 {
            return u32::MAX;
        }
        if next > latest {
            return 0;
        }
        let tokens = latest.since(next).as_micros() / every + 1;
        u32::try_from(tokens).unwrap_or(u32::MAX)
    }

    /// When one may go, if none may now.
    pub fn refilled(&self) -> Timestamp {
        self.next - self.pace.ahead()
    }

    /// One goes.
    pub fn take(&mut self, at: Timestamp) {
        self.next = self.next(at) + self.pace.every;
    }

    /// When the next request is due. One that is further off than a bucket can be empty for was counted by a clock
    /// that has been set back since: the bucket is full again.
    fn next(&self, at: Timestamp) -> Timestamp {
        let furthest = at + self.pace.ahead() + self.pace.every;
        match self.next <= furthest {
            true => self.next.max(at),
            false => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milli(milli: i64) -> Timestamp {
        Timestamp::from_micros(milli * 1000)
    }

    /// How many go when everything goes that may, looked at each millisecond.
    fn sent(millis: std::ops::Range<i64>, bucket: &mut Bucket) -> u32 {
        let mut sent = 0;
        for at in millis {
            for _ in 0..bucket.holds(milli(at)) {
                bucket.take(milli(at));
                sent += 1;
            }
        }
        sent
    }

    #[test]
    fn a_second_goes_at_once_and_then_evenly() {
        for (requests, first, each) in [(1.0, 1, 1), (4.0, 4, 4), (100.0, 100, 100), (0.5, 1, 0)] {
            let mut bucket = Bucket::new(Pace::per_second(requests));
            assert_eq!(sent(10_000..10_001, &mut bucket), first, "{requests}");
            assert_eq!(bucket.holds(milli(10_000)), 0);
            let second = sent(10_001..11_001, &mut bucket);
            assert_eq!(second, each, "{requests}");
        }
    }

    #[test]
    fn an_empty_bucket_says_when_it_is_refilled() {
        for requests in [0.5, 1.0, 3.0, 250.0] {
            let mut bucket = Bucket::new(Pace::per_second(requests));
            sent(5_000..5_001, &mut bucket);
            let refilled = bucket.refilled();
            assert!(refilled > milli(5_000), "{requests}");
            assert_eq!(bucket.holds(refilled - Duration::from_micros(1)), 0);
            assert_eq!(bucket.holds(refilled), 1, "{requests}");
        }
    }

    #[test]
    fn no_pace_is_no_limit() {
        for requests in [0.0, -1.0, f64::NAN] {
            let mut bucket = Bucket::new(Pace::per_second(requests));
            bucket.take(milli(1));
            assert_eq!(bucket.holds(milli(1)), u32::MAX, "{requests}");
        }
    }
}
