//! How often one caller may come: a bucket for each, by the caller's name.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::Config;
use crate::claims::id::Name;

/// Checks after which buckets that are full again are forgotten.
const SWEEP: u32 = 4096;

/// The buckets of all callers. Only known callers have one, so there are as many as are configured.
pub(super) struct Pace {
    buckets: RateLimiter<Name, DashMapStateStore<Name>, Elapsed, NoOpMiddleware<Duration>>,
    clock: Elapsed,
    checks: AtomicU32,
}

/// Time passed since the start, by tokio's clock: it never steps, and a test can pause it.
#[derive(Clone)]
struct Elapsed(Instant);

impl Clock for Elapsed {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Pace {
    pub(super) fn new(config: &Config) -> Pace {
        let quota =
            Quota::per_second(config.requests_per_second).allow_burst(config.requests_burst);
        let clock = Elapsed(Instant::now());
        Pace {
            buckets: RateLimiter::new(quota, DashMapStateStore::default(), clock.clone()),
            clock,
            checks: AtomicU32::new(0),
        }
    }

    /// Counts a request of a caller, or says how long it must wait.
    pub(super) fn check(&self, caller: &Name) -> Result<(), Duration> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.buckets.retain_recent();
        }
        self.buckets
            .check_key(caller)
            .map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    #[tokio::test(start_paused = true)]
    async fn each_caller_has_a_bucket_that_fills_again() {
        let config = Config {
            requests_per_second: NonZeroU32::new(2).unwrap(),
            requests_burst: NonZeroU32::new(3).unwrap(),
            ..Config::default()
        };
        let pace = Pace::new(&config);
        let [one, other] = ["one", "other"].map(|name| Name::parse(name).unwrap());
        for _ in 0..3 {
            assert_eq!(pace.check(&one), Ok(()));
        }
        assert_eq!(pace.check(&one), Err(Duration::from_millis(500)));
        assert_eq!(pace.check(&other), Ok(()));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(pace.check(&one), Ok(()));
        assert!(pace.check(&one).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn full_buckets_are_forgotten() {
        let pace = Pace::new(&Config::default());
        for number in 0..SWEEP - 1 {
            let name = Name::parse(&format!("caller-{number}")).unwrap();
            assert_eq!(pace.check(&name), Ok(()));
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(pace.check(&Name::parse("last").unwrap()), Ok(()));
        assert_eq!(pace.buckets.len(), 1);
    }
}
